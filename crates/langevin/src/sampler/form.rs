//! Three forms of the reverse ODE. Each is exact if its value is constant:
//!
//! | form | value v | normalised state x/n | clock τ |
//! |---|---|---|---|
//! | data | D | x/σ | α/σ |
//! | noise | ε = (x − αD)/σ | x/α | σ/α |
//! | flow | u = ε − D | x/(α + σ) | s = σ/(α + σ) |
//!
//! $$\frac{x_t}{n_t} = \frac{x_s}{n_s} + \int_s^t v d\tau .$$
//!
//! A step therefore is $x_t = a x_s + \sum_k b_k v_k$ with $a = n_t/n_s$ and
//! $\sum_k b_k = n_t(\tau_t - \tau_s)$. Solvers differ in the way they distribute that sum over
//! the values they have: see [`Poly`]. The three forms are written in α and σ alone, so they hold
//! on every process.
//!
//! ```
//! use langevin::Process;
//! use langevin::sampler::form::{Form, Poly, Variable};
//! // If D is constant, one step of the data form is exact.
//! let process = Process::vp();
//! let (from, to) = (process.level_at_sigma_ve(2.0)?, process.level_at_sigma_ve(1.0)?);
//! let poly = Poly::Exact(Variable::Lambda);
//! let (a, b) = poly.weights(Form::Data, &from, &[from], &to, (0.0, 1.0));
//! assert!((a * from.alpha + b[0] - to.alpha).abs() < 1e-15); // the mean of a clean datum
//! assert!((a * from.sigma - to.sigma).abs() < 1e-15); // its noise
//! # Ok::<(), langevin::Error>(())
//! ```

use crate::math::{exp, ln};
use crate::prediction::Parts;
use crate::process::Level;

/// The value that is integrated. See the [module](self).
///
/// ```
/// use langevin::sampler::form::Form;
/// let parts = Form::Flow.parts();
/// assert_eq!((parts.datum, parts.noise), (-1.0, 1.0)); // u = ε − D
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// D.
    Data,
    /// ε.
    Noise,
    /// ε − D.
    Flow,
}

impl Form {
    /// Returns the value as datum·D + noise·ε.
    pub fn parts(self) -> Parts {
        let (datum, noise) = match self {
            Self::Data => (1.0, 0.0),
            Self::Noise => (0.0, 1.0),
            Self::Flow => (-1.0, 1.0),
        };
        Parts { datum, noise }
    }

    /// Returns whether a step can start at this level, that is, whether n and τ are finite there.
    /// At pure noise only those of a flow are finite.
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::sampler::form::Form;
    /// let noise = Process::rectified_flow().level(1.0)?;
    /// assert!(Form::Flow.begins(&noise) && !Form::Data.begins(&noise));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn begins(self, level: &Level) -> bool {
        level.alpha > 0.0 || self == Self::Flow
    }

    /// Returns n.
    fn norm(self, level: &Level) -> f64 {
        match self {
            Self::Data => level.sigma,
            Self::Noise => level.alpha,
            Self::Flow => level.alpha + level.sigma,
        }
    }

    /// Returns a = n_t/n_s and Σb = n_t (τ_t − τ_s).
    ///
    /// Both are written so that σ_t = 0 and α_s = 0 are not special cases if the step exists.
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::sampler::form::Form;
    /// let flow = Process::rectified_flow();
    /// let (from, to) = (flow.level(1.0)?, flow.level(0.75)?);
    /// // x' = x + (s' − s) u
    /// assert_eq!(Form::Flow.whole(&from, &to), (1.0, -0.25));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn whole(self, from: &Level, to: &Level) -> (f64, f64) {
        let a = self.norm(to) / self.norm(from);
        let sum = match self {
            Self::Data => to.alpha - a * from.alpha,
            Self::Noise => to.sigma - a * from.sigma,
            // (α_t + σ_t)(s_t − s_s), with the α + σ of the end multiplied in.
            Self::Flow => to.sigma - a * from.sigma,
        };
        (a, sum)
    }
}

/// The variable in which the values are a polynomial.
///
/// ```
/// use langevin::Process;
/// use langevin::sampler::form::{Form, Poly, Variable};
/// let ve = Process::ve();
/// let levels = [ve.level(1.0)?, ve.level(2.0)?];
/// let to = ve.level(0.5)?;
/// let b = |variable| {
///     Poly::Exact(variable).weights(Form::Noise, &levels[0], &levels, &to, (0.0, 1.0)).1
/// };
/// // A polynomial in σ/α and one in λ weigh the same values differently.
/// assert!((b(Variable::Clock)[0] - b(Variable::Lambda)[0]).abs() > 1e-3);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Variable {
    /// λ, for D or ε under an exponential.
    Lambda,
    /// The form's own clock: σ/α for noise, s for flow.
    Clock,
}

/// Returns the moments $m_j = \int_0^1 \Delta' e^{-\Delta'(1-u)} u^j du$ for j = 0 … count−1.
///
/// `gone` is 1 − e^{−Δ'}. Δ' may be negative.
///
/// ```
/// use langevin::sampler::form::moments;
/// let delta = 2.0_f64;
/// let m = moments(delta, -libm::expm1(-delta), 2);
/// assert!((m[0] - (1.0 - (-2.0_f64).exp())).abs() < 1e-15);
/// assert!((m[1] - (1.0 - m[0] / delta)).abs() < 1e-15);
/// ```
pub fn moments(delta: f64, gone: f64, count: usize) -> Vec<f64> {
    let mut moments = vec![gone];
    for j in 1..count {
        moments.push(if delta.abs() >= 1.0 { 1.0 - (j as f64 / delta) * moments[j - 1] } else { series(delta, j) });
    }
    moments
}

/// Returns $m_j = \sum_n (-1)^n \Delta'^{n+1} j!/(n+j+1)!$.
///
/// Below |Δ'| = 1 the recurrence loses all digits. 22 terms leave an error below 1e-21.
fn series(delta: f64, j: usize) -> f64 {
    let mut term = delta / (j + 1) as f64;
    let mut sum = 0.0;
    for n in 0..22 {
        sum += term;
        term *= -delta / (n + j + 2) as f64;
    }
    sum
}

/// Returns $\sum_p \mathrm{moment}\_p \ell_{k,p}$ for every node k.
///
/// This is the integral of the polynomial that is 1 at node k and 0 at the other nodes.
///
/// ```
/// use langevin::sampler::form::shares;
/// // Between two nodes, ∫₀¹ gives the trapezoidal rule.
/// assert_eq!(shares(&[0.0, 1.0], &[1.0, 0.5]), [0.5, 0.5]);
/// ```
pub fn shares(nodes: &[f64], moments: &[f64]) -> Vec<f64> {
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
        basis.iter().zip(moments).map(|(coef, moment)| coef * moment).sum()
    };
    (0..nodes.len()).map(share).collect()
}

/// The rule that distributes the sum of a step over the values.
///
/// ```
/// use langevin::Process;
/// use langevin::sampler::form::{Form, Poly, Variable};
/// let ve = Process::ve();
/// let levels = [ve.level(1.0)?, ve.level(2.0)?];
/// let to = ve.level(0.5)?;
/// let b = |poly: Poly| poly.weights(Form::Data, &levels[0], &levels, &to, (0.0, 1.0)).1;
/// let (exact, midpoint) = (b(Poly::Exact(Variable::Lambda)), b(Poly::Midpoint));
/// // The weights differ, but their sum, α_t − a α_s = ½, does not.
/// assert!((exact[0] - midpoint[0]).abs() > 1e-3);
/// assert!((exact.iter().sum::<f64>() - midpoint.iter().sum::<f64>()).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Poly {
    /// The polynomial through all values, integrated exactly.
    Exact(Variable),
    /// In λ, with half the sum as the weight of the first difference, as in DPM-Solver(++)'s
    /// 'midpoint'. Order 3 is [`Poly::HalfCurve`].
    Midpoint,
    /// [`Poly::Midpoint`] with half the step Δ in place of half the sum: UniPC's B(h) = h. It is
    /// exact with more than two values.
    HalfStep,
    /// In λ, exact to order 2. At order 3 the curvature has the weight φ₃, half of the exact 2φ₃,
    /// as DPM-Solver(++) was published.
    HalfCurve,
    /// Adams–Bashforth with the constants of even steps, for any steps (PNDM, iPNDM).
    Even,
    /// Fixed shares of the sum.
    Shares(&'static [f64]),
    /// γ of the newest value and 1 − γ of the value before it: gradient estimation.
    Extrapolate(f64),
}

/// Returns e^{−Δ} with Δ = λ_t − λ_s, which may have either sign. It is 0 at σ_t = 0 and at
/// α_s = 0.
///
/// ```
/// use langevin::Process;
/// use langevin::sampler::form::ratio;
/// let ve = Process::ve();
/// assert_eq!(ratio(&ve.level(2.0)?, &ve.level(1.0)?), 0.5);
/// assert_eq!(ratio(&ve.level(2.0)?, &ve.level(0.0)?), 0.0);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn ratio(from: &Level, to: &Level) -> f64 {
    (to.sigma * from.alpha) / (from.sigma * to.alpha)
}

/// Returns λ of the levels, in units of the step: 0 at `from`, 1 at `to`.
///
/// ```
/// use langevin::Process;
/// use langevin::sampler::form::places;
/// let ve = Process::ve();
/// let levels = [ve.level(2.0)?, ve.level(4.0)?];
/// let places = places(&levels[0], &levels, &ve.level(1.0)?);
/// assert!((places[0] - 0.0).abs() < 1e-15 && (places[1] + 1.0).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn places(from: &Level, levels: &[Level], to: &Level) -> Vec<f64> {
    let span = -ln(ratio(from, to));
    levels.iter().map(|level| if level == from { 0.0 } else { ln(ratio(level, from)) / span }).collect()
}

/// Returns the weight of each node's value in the divided difference over all nodes.
///
/// ```
/// use langevin::sampler::form::divided;
/// assert_eq!(divided(&[0.0, 2.0]), [-0.5, 0.5]);
/// ```
pub fn divided(nodes: &[f64]) -> Vec<f64> {
    let others = |k: usize| nodes.iter().enumerate().filter(move |(j, _)| *j != k);
    (0..nodes.len()).map(|k| others(k).map(|(_, node)| nodes[k] - node).product::<f64>().recip()).collect()
}

impl Poly {
    /// Returns the weights of a step from `from` to `to` with h/g = `eta`: a of the state, and one
    /// weight for each value found at `nodes`.
    ///
    /// `rho` is the share of the noise that is kept, which is 1 for the ODE. With h/g > 0, values
    /// of ε follow the SDE of ε, in which only the drift is exact. See the example of [`Poly`].
    pub fn weights(
        self,
        form: Form,
        from: &Level,
        nodes: &[Level],
        to: &Level,
        (eta, rho): (f64, f64),
    ) -> (f64, Vec<f64>) {
        let (mut a, mut sum) = form.whole(from, to);
        match form {
            Form::Data => {
                a *= rho;
                sum = to.alpha - a * from.alpha;
            }
            Form::Noise | Form::Flow => sum *= 1.0 + eta * eta,
        }
        if nodes.len() == 1 || from == to {
            // A step of length zero needs no further value.
            return (a, (0..nodes.len()).map(|k| if k == 0 { sum } else { 0.0 }).collect());
        }
        let kept = ratio(from, to);
        let span = -ln(kept);
        let scaled = |shares: Vec<f64>, scale: f64| shares.into_iter().map(|share| share * scale).collect::<Vec<_>>();
        let mut b = match (self, form) {
            (Self::Even, _) => scaled(even(nodes.len()), sum),
            (Self::Shares(shares), _) => scaled(shares.to_vec(), sum),
            (Self::Extrapolate(gamma), _) => scaled(vec![gamma, 1.0 - gamma], sum),
            (Self::Exact(Variable::Clock), _) => scaled(clock_shares(form, from, nodes, to), sum),
            (_, Form::Data) => {
                let delta = (1.0 + eta * eta) * span;
                let moments = moments(delta, 1.0 - rho * kept, nodes.len());
                scaled(self.in_lambda(&places(from, nodes, to), delta, &moments), to.alpha)
            }
            // σ_t ∫ Δ e^{Δ(1−u)} is −σ_t times the moments at −Δ, and dσ/α = −e^{−λ} dλ cancels the
            // minus sign.
            _ => {
                let moments = moments(-span, 1.0 - 1.0 / kept, nodes.len());
                scaled(self.in_lambda(&places(from, nodes, to), -span, &moments), (1.0 + eta * eta) * to.sigma)
            }
        };
        // The newest weight is the remainder. The sum rule then holds to the last bit, and so does
        // the marginal.
        b[0] = sum - b[1..].iter().sum::<f64>();
        (a, b)
    }

    /// Returns the shares of values that are a polynomial in λ. The nodes are in units of the step:
    /// 0, then negative.
    fn in_lambda(self, nodes: &[f64], delta: f64, moments: &[f64]) -> Vec<f64> {
        let halved = matches!(self, Self::Midpoint | Self::HalfCurve);
        if !(nodes.len() == 3 && halved || nodes.len() == 2) {
            return shares(nodes, moments);
        }
        let r0 = -nodes[1];
        if nodes.len() == 2 {
            let slope = match self {
                Self::Midpoint => 0.5 * moments[0],
                Self::HalfStep => 0.5 * delta,
                _ => moments[1],
            };
            return vec![moments[0] + slope / r0, -slope / r0];
        }
        let r1 = nodes[1] - nodes[2];
        let first = [1.0 / r0, -1.0 / r0, 0.0];
        let second = [0.0, 1.0 / r1, -1.0 / r1];
        (0..3)
            .map(|k| {
                let curve = (first[k] - second[k]) / (r0 + r1);
                let slope = first[k] + r0 * curve;
                f64::from(u8::from(k == 0)) * moments[0] + moments[1] * slope + 0.5 * moments[2] * curve
            })
            .collect()
    }
}

/// Returns the constants of Adams–Bashforth for even steps.
fn even(count: usize) -> Vec<f64> {
    let (scale, constants): (f64, &[f64]) = match count {
        1 => (1.0, &[1.0]),
        2 => (2.0, &[3.0, -1.0]),
        3 => (12.0, &[23.0, -16.0, 5.0]),
        _ => (24.0, &[55.0, -59.0, 37.0, -9.0]),
    };
    constants.iter().map(|constant| constant / scale).collect()
}

/// Returns the shares of values that are a polynomial in the form's clock, with u from 0 to 1 over
/// the step. The shares sum to one.
fn clock_shares(form: Form, from: &Level, levels: &[Level], to: &Level) -> Vec<f64> {
    let clock = |level: &Level| match form {
        Form::Data => level.alpha / level.sigma,
        Form::Noise => level.sigma / level.alpha,
        Form::Flow => level.sigma / (level.alpha + level.sigma),
    };
    let (start, end) = (clock(from), clock(to));
    let nodes: Vec<f64> = levels.iter().map(|level| (clock(level) - start) / (end - start)).collect();
    let moments: Vec<f64> = (0..nodes.len()).map(|power| 1.0 / (power + 1) as f64).collect();
    shares(&nodes, &moments)
}

/// Returns e^{−Δ·share}: the ratio over a share of a step in λ.
///
/// ```
/// use langevin::sampler::form::fraction;
/// assert!((fraction(0.25, 0.5) - 0.5).abs() < 1e-15);
/// ```
pub fn fraction(kept: f64, share: f64) -> f64 {
    exp(share * ln(kept))
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
        for delta in [1e-6_f64, 0.01, 0.5, 0.999, 1.0, 1.5, 4.0, -0.3, -0.999, -1.0, -3.0] {
            for (j, moment) in moments(delta, -libm::expm1(-delta), 4).into_iter().enumerate() {
                let exact = quadrature(delta, |u| u.powi(j as i32));
                assert!(
                    (moment - exact).abs() < 1e-12 * delta.abs().max(1e-3) * (1.0 + (-delta).exp()),
                    "Δ' {delta}, j {j}: {moment} {exact}"
                );
            }
        }
    }

    #[test]
    fn shares_integrate_polynomials_exactly() {
        let nodes = [0.0, -0.7, -1.9];
        let delta = 0.3;
        let shares = shares(&nodes, &moments(delta, -libm::expm1(-delta), 3));
        for power in 0..3 {
            let sum: f64 = shares.iter().zip(nodes).map(|(share, u)| share * u.powi(power)).sum();
            let exact = quadrature(delta, |u| u.powi(power));
            assert!((sum - exact).abs() < 1e-13, "power {power}: {sum} {exact}");
        }
    }
}
