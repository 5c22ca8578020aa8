//! Exponential Adams: D as a polynomial in λ through past nodes, integrated exactly.
//!
//! With $\Delta = \lambda_t - \lambda_s$, nodes $u_k = (\lambda_k - \lambda_s)/\Delta$ (the newest at 0, older ones below) and $\Delta' = (1+\eta^2)\Delta$,
//!
//! $$x_t = a x_s + \sum_k b_k D_k + c z, \quad b_k = \alpha_t\int_0^1 \Delta' e^{-\Delta'(1-u)} \ell_k(u) du, \quad a = \rho\sigma_t/\sigma_s,\ \rho = e^{-\eta^2\Delta}.$$
//!
//! Exact for D polynomial in λ, on every process and every η; $\sum_k b_k = \alpha_t - a \alpha_s$. Source: arXiv 2211.01095, 2309.05019.

use crate::error::Result;
use crate::math::ln;
use crate::moves::{Row, decay, reverse_rho};
use crate::plan::{Builder, Letter, Plan};
use crate::process::Level;

/// The moments $m_j = \int_0^1 \Delta' e^{-\Delta'(1-u)} u^j du$ for j = 0 … count−1; `gone` is 1 − e^{−Δ'}.
fn moments(delta: f64, gone: f64, count: usize) -> Vec<f64> {
    let mut moments = vec![gone];
    for j in 1..count {
        moments.push(if delta >= 1.0 { 1.0 - (j as f64 / delta) * moments[j - 1] } else { series(delta, j) });
    }
    moments
}

/// $m_j = \sum_n (-1)^n \Delta'^{n+1} j!/(n+j+1)!$: below Δ' = 1 the recurrence loses all digits, and 22 terms leave less than 1e-21.
fn series(delta: f64, j: usize) -> f64 {
    let mut term = delta / (j + 1) as f64;
    let mut sum = 0.0;
    for n in 0..22 {
        sum += term;
        term *= -delta / (n + j + 2) as f64;
    }
    sum
}

/// The shares b_k/α_t of D at the nodes u_k; the first node is the newest, u = 0.
pub(super) fn shares(nodes: &[f64], delta: f64, gone: f64) -> Vec<f64> {
    let moments = moments(delta, gone, nodes.len());
    let share = |k: usize| {
        // ℓ_k as a polynomial in u, lowest power first: the product of (u − u_j)/(u_k − u_j).
        let mut basis = vec![1.0];
        for (j, node) in nodes.iter().enumerate().filter(|(j, _)| *j != k) {
            let scale = 1.0 / (nodes[k] - nodes[j]);
            let mut next = vec![0.0; basis.len() + 1];
            for (power, coef) in basis.iter().enumerate() {
                next[power + 1] += coef * scale;
                next[power] -= coef * node * scale;
            }
            basis = next;
        }
        basis.iter().zip(&moments).map(|(coef, moment)| coef * moment).sum()
    };
    (0..nodes.len()).map(share).collect()
}

/// Compiles the sampler. Order 1 where σ_t = 0 or α_s = 0; a level with α = 0 is never a past node.
pub(super) fn compile(mut builder: Builder<'_>, order: usize, eta: f64, levels: &[Level]) -> Result<Plan> {
    let x = builder.start(&levels[0]);
    // Past evaluations, newest first.
    let mut past: Vec<(f64, usize)> = Vec::new();
    for pair in levels.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let mark = builder.mark();
        let denoised = builder.eval(x, &from)?;
        past.insert(0, (from.lambda(), denoised));
        let kept = decay(&from, &to);
        let rho = reverse_rho(&from, &to, eta);
        // Levels so near that their λ are the same number are one node, not two.
        past.dedup_by(|older, newer| {
            let same = older.0 >= newer.0;
            if same {
                builder.free(older.1);
            }
            same
        });
        let used = if kept == 0.0 { 1 } else { past.len().min(order) };
        let row = Row::new(&from, &to, rho);
        let span = -ln(kept);
        let nodes: Vec<f64> = past[..used].iter().map(|(lambda, _)| (lambda - from.lambda()) / span).collect();
        let mut weights =
            if used == 1 { vec![0.0] } else { shares(&nodes, (1.0 + eta * eta) * span, 1.0 - rho * kept) };
        weights.iter_mut().for_each(|weight| *weight *= to.alpha);
        // The newest weight is what the others leave: the sum rule then holds to the last bit, and with it the marginal mean.
        weights[0] = to.alpha - row.a * from.alpha - weights[1..].iter().sum::<f64>();
        let mut terms = vec![(row.a, x)];
        terms.extend(weights.iter().zip(&past).map(|(weight, (_, slot))| (*weight, *slot)));
        let noise = if row.c == 0.0 { vec![] } else { vec![(row.c, builder.draw())] };
        builder.combine(x, terms, noise);
        builder.note(Letter::R, Some(eta), &from, &to, mark);
        if from.alpha == 0.0 {
            past.clear();
            builder.free(denoised);
        }
        if past.len() >= order {
            past.drain(order - 1..).for_each(|(_, slot)| builder.free(slot));
        }
    }
    builder.finish(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ∫ by composite Simpson, fine enough for 1e-13.
    fn quadrature(delta: f64, f: impl Fn(f64) -> f64) -> f64 {
        let n = 4000;
        let g = |u: f64| delta * (-delta * (1.0 - u)).exp() * f(u);
        (0..n)
            .map(|i| {
                let (a, b) = (i as f64 / n as f64, (i + 1) as f64 / n as f64);
                (g(a) + 4.0 * g(0.5 * (a + b)) + g(b)) * (b - a) / 6.0
            })
            .sum()
    }

    #[test]
    fn moments_agree_with_quadrature_on_both_sides_of_one() {
        for delta in [1e-6, 0.01, 0.5, 0.999, 1.0, 1.5, 4.0] {
            for (j, moment) in moments(delta, -libm::expm1(-delta), 4).into_iter().enumerate() {
                let exact = quadrature(delta, |u| u.powi(j as i32));
                assert!((moment - exact).abs() < 1e-12 * delta.max(1e-3), "Δ' {delta}, j {j}: {moment} {exact}");
            }
        }
    }

    #[test]
    fn shares_integrate_polynomials_exactly() {
        let nodes = [0.0, -0.7, -1.9];
        let delta = 0.3;
        let shares = shares(&nodes, delta, -libm::expm1(-delta));
        for power in 0..3 {
            let sum: f64 = shares.iter().zip(nodes).map(|(share, u)| share * u.powi(power)).sum();
            let exact = quadrature(delta, |u| u.powi(power));
            assert!((sum - exact).abs() < 1e-13, "power {power}: {sum} {exact}");
        }
    }
}
