//! The extended reverse SDE: a special rule for the noise, and D as a Taylor polynomial in σ/α.
//!
//! With y = σ/α, φ(y) = y(e^{y^0.3} + 10) and r = φ(y_t)/φ(y_s),
//!
//! $$\frac{x_t}{\alpha_t} = r\frac{x_s}{\alpha_s} + \sum_j \frac{J_j}{j!} D^{(j)} +
//!   \sqrt{y_t^2 - r^2 y_s^2} z, \qquad
//!   J_0 = 1 - r, \quad J_j = (y_t-y_s)^j +
//!   \phi(y_t)\int_{y_t}^{y_s}\frac{j (y-y_s)^{j-1}}{\phi(y)} dy ,$$
//!
//! The derivatives of D are differences of past values. Source: ER-SDE-Solver-1 to -3, arXiv
//! 2309.06169.

use super::Method;
use super::draft::{Draft, Step};
use super::multistep::Past;
use super::noise::{Keep, extended};
use crate::error::Result;
use crate::math::{exp, gauss_legendre, ln};
use crate::plan::{Letter, Var};
use crate::process::Level;

/// The number of nodes of the integral in ln y. φ is smooth there, so 24 nodes leave an error below
/// 1e-12 over a factor of a hundred.
const NODES: usize = 24;

/// ER-SDE-Solver of order 1 to 3.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Extended {
    pub(crate) order: usize,
    /// A factor on the fresh noise.
    pub(crate) noise: f64,
    /// True for D' from the parabola through three values, in place of one difference.
    pub(crate) exact: bool,
}

/// Returns J_1 and J_2.
fn integrals(from: f64, to: f64, (nodes, weights): &(Vec<f64>, Vec<f64>)) -> [f64; 2] {
    let (middle, half) = (0.5 * (ln(from) + ln(to)), 0.5 * (ln(from) - ln(to)));
    let phi = extended(to);
    let mut sums = [0.0; 2];
    for (node, weight) in nodes.iter().zip(weights) {
        let y = exp(middle + half * node);
        // dy = y d(ln y).
        let share = weight * half * y / extended(y);
        sums[0] += share;
        sums[1] += 2.0 * (y - from) * share;
    }
    let step = to - from;
    [step + phi * sums[0], step * step + phi * sums[1]]
}

impl Extended {
    /// Returns the weights of the newest values, with α_t multiplied in.
    fn weights(&self, step: &Step, past: &[Level], r: f64, rule: &(Vec<f64>, Vec<f64>)) -> Vec<f64> {
        let alpha = step.to.alpha;
        let mut b = vec![0.0; past.len()];
        if past.len() > 1 {
            let y: Vec<f64> = past.iter().map(Level::sigma_ve).collect();
            let [first, second] = integrals(y[0], step.to.sigma_ve(), rule);
            let slope = 1.0 / (y[0] - y[1]);
            b[1] -= alpha * first * slope;
            if past.len() > 2 {
                // D'' = (D'_0 − D'_1)/((y_0 − y_2)/2), as published; half of it is the weight of
                // J_2. The parabola's own D' also contains (y_0 − y_1) of that half.
                let second = if self.exact { second + first * (y[0] - y[1]) } else { second };
                let (older, curve) = (1.0 / (y[1] - y[2]), 1.0 / (y[0] - y[2]));
                b[1] -= alpha * second * curve * (slope + older);
                b[2] += alpha * second * curve * older;
            }
        }
        // The newest weight is the remainder of α_t(1 − r).
        b[0] = alpha * (1.0 - r) - b[1..].iter().sum::<f64>();
        b
    }
}

impl Method for Extended {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let rule = gauss_legendre(NODES);
        let mut x = draft.begin();
        let mut past = Past::default();
        for (_, step) in draft.taken() {
            let (from, to) = (step.from, step.to);
            let mark = draft.mark();
            let rho = Keep::Extended.rho(&from, &to)?;
            let node = draft.value(super::form::Form::Data, x, &from)?;
            past.push(node);
            let used = if from.alpha == 0.0 || to.sigma == 0.0 { 1 } else { past.len().min(self.order) };
            // r = ρ y_t/y_s. Then a = r α_t/α_s = ρ σ_t/σ_s, which is finite at α_s = 0.
            let a = rho * to.sigma / from.sigma;
            let b = if used == 1 {
                vec![to.alpha - a * from.alpha]
            } else {
                self.weights(&step, &past.levels(used), a * from.alpha / to.alpha, &rule)
            };
            let terms = past.terms(&b);
            x = draft.advance((a, x), terms, to.sigma * crate::math::co(rho) * self.noise);
            draft.note(Letter::R, Keep::Extended.eta(&from, &to, rho), &from, &to, mark);
            past.keep(if from.alpha == 0.0 { 0 } else { self.order - 1 });
        }
        Ok(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The integrals by a fine midpoint rule in y.
    #[test]
    fn integrals_agree_with_a_fine_sum() {
        let rule = gauss_legendre(NODES);
        for (from, to) in [(10.0, 5.0), (1.0, 0.2), (0.05, 0.001)] {
            let count = 400_000;
            let width = (from - to) / count as f64;
            let mut sums = [0.0; 2];
            for i in 0..count {
                let y = to + (i as f64 + 0.5) * width;
                sums[0] += width / extended(y);
                sums[1] += 2.0 * (y - from) * width / extended(y);
            }
            let fine = [to - from + extended(to) * sums[0], (to - from).powi(2) + extended(to) * sums[1]];
            for (got, fine) in integrals(from, to, &rule).iter().zip(fine) {
                assert!((got - fine).abs() < 1e-6 * fine.abs().max(1e-6), "{from} → {to}: {got} {fine}");
            }
        }
    }
}
