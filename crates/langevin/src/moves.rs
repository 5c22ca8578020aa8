//! The three moves of a sampler as one row: $x' = a x + b D + c z$ from $(\alpha_s, \sigma_s)$ to
//! $(\alpha_t, \sigma_t)$, with D held constant,
//!
//! $$a = \rho \sigma_t/\sigma_s, \qquad b = \alpha_t - a \alpha_s, \qquad
//! c = \sigma_t\sqrt{1-\rho^2}, \qquad \rho \in [0, 1].$$
//!
//! ρ is the share of the old noise that the move keeps. In $y = (x - \alpha D)/\sigma$ every move
//! is $y \to \rho y + \sqrt{1-\rho^2} z$. At a common D, moves therefore compose by multiplying
//! their ρ: forward ∘ reverse = Langevin with ρ = ρ_F ρ_R.
//!
//! With $e^{-\Delta} = (\sigma_t\alpha_s)/(\sigma_s\alpha_t)$ for t cleaner than s, the moves are:
//!
//! | move | ρ |
//! |---|---|
//! | reverse (R) with h/g = η | $e^{-\eta^2\Delta}$: η = 0 is DDIM, η = 1 the DDPM posterior |
//! | reverse (R) with DDIM's own η | $\sqrt{1-\eta^2(1-e^{-2\Delta})}$ |
//! | reverse (R) with fresh noise | 0 |
//! | forward (F) with noise k = κg | $e^{-\kappa^2\lvert\Delta\rvert}$: κ = 1 needs no network, κ = 0 is inversion |
//! | Langevin (L) for the time δ | $e^{-\Lambda\delta/\sigma^2}$ |
//!
//! The infinitesimal moves behind them, with $\Lambda = (g^2+h^2)/2$ and the score s, are
//!
//! - forward $dx = f x d\tau + g dW$,
//! - reverse $dx = [-f x + \tfrac12(g^2+h^2)s] d\tau + h dW$,
//! - Langevin $dx = \Lambda s d\tau + \sqrt{2\Lambda} dW$ = forward + reverse, for every h; see
//!   [`Rates`].
//!
//! Sources: arXiv 2604.10465; DDIM, arXiv 2010.02502; SA-Solver (its τ is h/g), arXiv 2309.05019.

use crate::error::{Error, Result};
use crate::math::{co, ln, pow};
use crate::process::{Level, Process};

/// The coefficients of one move: x' = a·x + b·D + c·z.
///
/// # Examples
///
/// ```
/// use langevin::{Process, moves::Row};
/// let flow = Process::rectified_flow();
/// // Adding noise needs no network: b = 0.
/// let row = Row::forward(&flow.level(0.25)?, &flow.level(0.5)?);
/// assert_eq!(row.b, 0.0);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The factor of the state.
    pub a: f64,
    /// The factor of the denoised prediction.
    pub b: f64,
    /// The factor of a fresh standard normal.
    pub c: f64,
}

impl Row {
    /// Returns the row from one level to another that keeps the share `rho` of the noise.
    ///
    /// The row is finite at α = 0 and at σ_t = 0. A move away from σ_s = 0 has no old noise to keep
    /// and uses a = α_t/α_s.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Process, moves::Row};
    /// let flow = Process::rectified_flow();
    /// let row = Row::new(&flow.level(0.5)?, &flow.level(0.25)?, 1.0);
    /// // DDIM on a flow is the Euler step x + (t − s) u, u = (x − D)/s.
    /// assert_eq!((row.a, row.b, row.c), (0.5, 0.5, 0.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn new(from: &Level, to: &Level, rho: f64) -> Self {
        let a = if from.sigma > 0.0 { rho * (to.sigma / from.sigma) } else { to.alpha / from.alpha };
        let b = if from.sigma > 0.0 { to.alpha - a * from.alpha } else { 0.0 };
        let c = if from.sigma > 0.0 { to.sigma * co(rho) } else { to.sigma };
        Self { a, b, c }
    }

    /// Returns the forward row with the noise of the process itself (κ = 1): a = α_t/α_s and b = 0,
    /// so it needs no network.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Process, moves::Row};
    /// let ve = Process::ve();
    /// let row = Row::forward(&ve.level(3.0)?, &ve.level(5.0)?);
    /// // 3² + 4² = 5²: the move adds noise of standard deviation 4.
    /// assert_eq!((row.a, row.b), (1.0, 0.0));
    /// assert!((row.c - 4.0).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn forward(from: &Level, to: &Level) -> Self {
        let rho = forward_rho(from, to, 1.0);
        Self { a: to.alpha / from.alpha, b: 0.0, c: to.sigma * co(rho) }
    }
}

/// Returns e^{−Δ} = (σ_t α_s)/(σ_s α_t) in \[0, 1\], from the noisier level s to the cleaner level
/// t.
///
/// The quotient is computed directly. An exponential of a difference of λ would lose digits.
#[must_use]
pub(crate) fn decay(noisier: &Level, cleaner: &Level) -> f64 {
    if cleaner.sigma == 0.0 || noisier.alpha == 0.0 {
        return 0.0;
    }
    ((cleaner.sigma * noisier.alpha) / (noisier.sigma * cleaner.alpha)).min(1.0)
}

/// Returns xᵖ with 0⁰ = 1, because a noiseless move keeps all the noise even over an infinite step.
fn power(base: f64, exponent: f64) -> f64 {
    if exponent == 0.0 { 1.0 } else { pow(base, exponent) }
}

/// Checks that h/g (or k/g) is finite and not negative, and returns it.
pub(crate) fn check_eta(eta: f64) -> Result<f64> {
    if eta.is_finite() && eta >= 0.0 {
        return Ok(eta);
    }
    Err(Error::argument("the noise of a move cannot be this")
        .at("eta")
        .expected("a finite number ≥ 0 (h/g)")
        .got(eta.to_string()))
}

/// Returns ρ of a reverse move with constant h/g = `eta`: $e^{-\eta^2\Delta}$.
///
/// # Examples
///
/// ```
/// use langevin::{Process, moves::reverse_rho};
/// let ve = Process::ve();
/// let (s, t) = (ve.level(2.0)?, ve.level(1.0)?);
/// assert_eq!(reverse_rho(&s, &t, 0.0), 1.0);
/// assert_eq!(reverse_rho(&s, &t, 1.0), 0.5);
/// # Ok::<(), langevin::Error>(())
/// ```
#[must_use]
pub fn reverse_rho(from: &Level, to: &Level, eta: f64) -> f64 {
    power(decay(from, to), eta * eta)
}

/// Returns ρ of a reverse move by DDIM's own η: $\sqrt{1-\eta^2(1-e^{-2\Delta})}$.
///
/// It equals [`reverse_rho`] only at η = 0 and η = 1.
///
/// # Errors
/// Returns an error if η²(1 − e^{−2Δ}) > 1, because the step would add more noise than the marginal
/// has.
///
/// # Examples
///
/// ```
/// use langevin::{Process, moves::{ddim_rho, reverse_rho}};
/// let ve = Process::ve();
/// let (s, t) = (ve.level(2.0)?, ve.level(1.0)?); // e^{−Δ} = 1/2
/// assert_eq!(ddim_rho(&s, &t, 1.0)?, reverse_rho(&s, &t, 1.0));
/// assert!((ddim_rho(&s, &t, 0.5)?.powi(2) - (1.0 - 0.25 * 0.75)).abs() < 1e-15);
/// assert!(ddim_rho(&s, &t, 2.0).is_err());
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn ddim_rho(from: &Level, to: &Level, eta: f64) -> Result<f64> {
    let decay = decay(from, to);
    let eta = check_eta(eta)?;
    // ρ² = (1 − η²) + η²e^{−2Δ}. In this form nothing cancels at η = 1.
    let kept = (1.0 - eta) * (1.0 + eta) + (eta * decay).powi(2);
    if kept >= -1e-12 {
        return Ok(kept.max(0.0).sqrt());
    }
    let fresh = 1.0 - kept;
    Err(Error::argument("this DDIM step asks for more noise than its marginal has")
        .at(format!("time {} → {}", from.time, to.time))
        .expected("η²(1 − e^{−2Δ}) ≤ 1")
        .got(format!("{fresh:.4}"))
        .hinting("use η ≤ 1, or the exponential sampler, which takes any h/g"))
}

/// Returns ρ of a forward move with noise k = κg: $e^{-\kappa^2|\Delta|}$.
///
/// # Examples
///
/// ```
/// use langevin::{Process, moves::forward_rho};
/// let ve = Process::ve();
/// let (clean, noisy) = (ve.level(1.0)?, ve.level(2.0)?);
/// assert_eq!(forward_rho(&clean, &noisy, 0.0), 1.0); // inversion keeps all the noise
/// assert_eq!(forward_rho(&clean, &noisy, 1.0), 0.5);
/// # Ok::<(), langevin::Error>(())
/// ```
#[must_use]
pub fn forward_rho(from: &Level, to: &Level, kappa: f64) -> f64 {
    power(decay(to, from), kappa * kappa)
}

/// Returns the h/g whose exponential step keeps the share `rho` of the noise:
/// $\eta = \sqrt{-\ln\rho/\Delta}$.
///
/// Returns `None` if no finite h/g does: for a full redraw (ρ = 0), and for a step of infinite
/// length (Δ = ∞) that keeps part of the noise.
///
/// # Examples
///
/// ```
/// use langevin::{Process, moves::{effective_eta, reverse_rho}};
/// let ve = Process::ve();
/// let (s, t) = (ve.level(2.0)?, ve.level(1.0)?);
/// let eta = effective_eta(&s, &t, reverse_rho(&s, &t, 0.7)).unwrap();
/// assert!((eta - 0.7).abs() < 1e-15);
/// assert_eq!(effective_eta(&s, &t, 0.0), None);
/// # Ok::<(), langevin::Error>(())
/// ```
#[must_use]
pub fn effective_eta(from: &Level, to: &Level, rho: f64) -> Option<f64> {
    let decay = decay(from, to);
    if rho >= 1.0 {
        return Some(0.0);
    }
    let eta = (ln(rho) / ln(decay)).sqrt();
    (rho > 0.0 && decay > 0.0 && eta.is_finite()).then_some(eta)
}

/// Drift and noise of an infinitesimal move at one level, in the clock of the process:
/// $dx = (\mathrm{x}\cdot x + \mathrm{score}\cdot s) d\tau + \sqrt{\mathrm{power}} dW$.
///
/// # Examples
///
/// The forward and the reverse half add up to the Langevin move.
///
/// ```
/// use langevin::{Process, moves::Rates};
/// let vp = Process::vp();
/// let level = vp.level(1.0)?;
/// let forward = Rates::forward(&vp, &level)?;
/// let reverse = Rates::reverse(&vp, &level, 1.0)?;
/// let langevin = Rates::langevin(&vp, &level, 1.0)?;
/// assert_eq!(forward.x + reverse.x, langevin.x);
/// assert_eq!(forward.score + reverse.score, langevin.score);
/// assert_eq!(forward.power + reverse.power, langevin.power);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rates {
    /// The factor of the state in the drift.
    pub x: f64,
    /// The factor of the score in the drift.
    pub score: f64,
    /// The square of the noise coefficient.
    pub power: f64,
}

/// Returns f and g² of a process: f = α'/α and
/// $g^2 = -2\sigma^2\lambda' = 2\sigma(\sigma' - \sigma f)$.
fn drift_and_power(process: &Process, level: &Level) -> Result<(f64, f64)> {
    let schedule = process.schedule();
    let f = schedule.alpha_rate(level.time) / level.alpha;
    // (σ²)' stays finite at σ = 0 of VP, where σ' does not.
    let g2 = schedule.variance_rate(level.time) - 2.0 * level.sigma * level.sigma * f;
    if f.is_finite() && g2.is_finite() {
        return Ok((f, g2));
    }
    Err(Error::singular("the drift and noise of the process are infinite here")
        .at(format!("process {}, time {}", process.name(), level.time))
        .hinting("finite steps need only α and σ: use a Row"))
}

impl Rates {
    /// Returns the rates of the forward half, which raises the time: $f x d\tau + g dW$.
    ///
    /// # Errors
    /// Returns an error if f or g is infinite at this level, as at α = 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Process, moves::Rates};
    /// let vp = Process::vp();
    /// let rates = Rates::forward(&vp, &vp.level(1.0)?)?;
    /// // dx = −½ x dt + dW
    /// assert!((rates.x + 0.5).abs() < 1e-15 && (rates.power - 1.0).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn forward(process: &Process, level: &Level) -> Result<Self> {
        let (f, g2) = drift_and_power(process, level)?;
        Ok(Self { x: f, score: 0.0, power: g2 })
    }

    /// Returns the rates of the reverse half with h/g = `eta`, which lowers the time:
    /// $[-f x + \tfrac12(g^2+h^2)s] d\tau + h dW$.
    ///
    /// # Errors
    /// Returns an error if f or g is infinite at this level, or if `eta` is negative or not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Process, moves::Rates};
    /// let ve = Process::ve();
    /// // With h = 0 the reverse half is the probability-flow ODE: no noise, score times g²/2 = σ.
    /// let rates = Rates::reverse(&ve, &ve.level(3.0)?, 0.0)?;
    /// assert_eq!((rates.score, rates.power), (3.0, 0.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn reverse(process: &Process, level: &Level, eta: f64) -> Result<Self> {
        let (f, g2) = drift_and_power(process, level)?;
        let h2 = check_eta(eta)?.powi(2) * g2;
        Ok(Self { x: -f, score: 0.5 * (g2 + h2), power: h2 })
    }

    /// Returns the rates of the Langevin move at frozen time:
    /// $\Lambda s d\tau + \sqrt{2\Lambda} dW$ with Λ = (g² + h²)/2.
    ///
    /// # Errors
    /// Returns an error if f or g is infinite at this level, or if `eta` is negative or not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Process, moves::Rates};
    /// let ve = Process::ve();
    /// // g² = 2σ and h = g, so Λ = 2σ.
    /// let rates = Rates::langevin(&ve, &ve.level(3.0)?, 1.0)?;
    /// assert_eq!((rates.x, rates.score, rates.power), (0.0, 6.0, 12.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn langevin(process: &Process, level: &Level, eta: f64) -> Result<Self> {
        let (_, g2) = drift_and_power(process, level)?;
        let clock = 0.5 * g2 * (1.0 + check_eta(eta)?.powi(2));
        Ok(Self { x: 0.0, score: clock, power: 2.0 * clock })
    }
}

/// Returns `(a, variance)` of the exact reverse increment for Gaussian data of variance `c` about
/// 0: x' = a·x + √`variance`·z, with h/g = `eta`.
///
/// With $v = \alpha^2 c + \sigma^2$ and $\omega = \sigma^2/\alpha^2$ the reverse half is an
/// Ornstein–Uhlenbeck process in $x/\sqrt v$:
/// $r = \left(\frac{c+\omega_t}{c+\omega_s}\right)^{\eta^2/2}$, $a = r\sqrt{v_t/v_s}$, variance
/// $v_t(1-r^2)$. At η = 1 it is the posterior $p(x_t|x_s)$.
///
/// # Examples
///
/// ```
/// use langevin::{Level, Process, moves::exact_reverse};
/// let vp = Process::vp();
/// let (s, t) = (vp.level(2.0)?, vp.level(1.0)?);
/// let (a, variance) = exact_reverse(0.7, &s, &t, 1.0);
/// // The move maps the marginal at s to the marginal at t.
/// let v = |l: &Level| 0.7 * l.alpha * l.alpha + l.sigma * l.sigma;
/// assert!((a * a * v(&s) + variance - v(&t)).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
#[must_use]
pub fn exact_reverse(c: f64, from: &Level, to: &Level, eta: f64) -> (f64, f64) {
    let v = |level: &Level| level.alpha * level.alpha * c + level.sigma * level.sigma;
    // (c + ω_t)/(c + ω_s), multiplied through by the α² so that α = 0 needs no special case.
    let ratio = (v(to) * from.alpha * from.alpha) / (v(from) * to.alpha * to.alpha);
    let r = power(ratio, 0.5 * eta * eta);
    (r * (v(to) / v(from)).sqrt(), v(to) * co(r).powi(2))
}

#[cfg(test)]
mod tests;
