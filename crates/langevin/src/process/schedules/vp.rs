//! Variance-preserving processes: $\alpha^2 + \sigma^2 = 1$.
//!
//! From $\alpha\alpha' + \sigma\sigma' = 0$ follow $\sigma' = -\alpha\alpha'/\sigma$ and, for the
//! velocity, $D = \alpha x + (\sigma^2/\alpha') u$.

use super::ProcessSpec;
use super::linear_beta::LinearBeta;
use crate::error::Result;
use crate::math::{atan, cos, exp, expm1, ln, ln_1p, sin};
use crate::process::{Affine, Schedule};
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// Returns ln(1 + r²), without overflow of r².
pub(super) fn ln_1p_square(ratio: f64) -> f64 {
    if ratio > 1e9 { 2.0 * ln(ratio) } else { ln_1p(ratio * ratio) }
}

/// The Ornstein–Uhlenbeck process of the paper, $dx = -\tfrac12 x dt + dW$: $\alpha = e^{-t/2}$.
///
/// # Examples
///
/// ```
/// use langevin::Schedule;
/// use langevin::process::Vp;
/// assert_eq!((Vp.alpha(0.0), Vp.sigma(0.0)), (1.0, 0.0));
/// assert!((Vp.alpha(1.0) - (-0.5_f64).exp()).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vp;

impl Schedule for Vp {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::Vp
    }
    fn domain(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }
    fn alpha(&self, t: f64) -> f64 {
        exp(-0.5 * t)
    }
    fn sigma(&self, t: f64) -> f64 {
        (-expm1(-t)).sqrt()
    }
    fn alpha_rate(&self, t: f64) -> f64 {
        -0.5 * self.alpha(t)
    }
    fn sigma_rate(&self, t: f64) -> f64 {
        0.5 * exp(-t) / self.sigma(t)
    }
    fn variance_rate(&self, t: f64) -> f64 {
        exp(-t)
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        ln_1p_square(ratio)
    }
    fn velocity(&self, t: f64) -> Affine {
        let alpha = self.alpha(t);
        Affine { a: alpha, b: 2.0 * expm1(-t) / alpha }
    }
}

/// The variance-preserving process of ScoreSDE: β(t) = β₀ + (β₁ − β₀) t on \[0, 1\], by default
/// from 0.1 to 20.
///
/// # Examples
///
/// ```
/// use langevin::Schedule;
/// use langevin::process::VpLinear;
/// let process = VpLinear::default();
/// let (alpha, sigma) = (process.alpha(0.5), process.sigma(0.5));
/// assert!((alpha * alpha + sigma * sigma - 1.0).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VpLinear {
    beta: LinearBeta,
}

impl VpLinear {
    /// Builds the process with β from `beta_min` at t = 0 to `beta_max` at t = 1.
    ///
    /// # Errors
    /// Returns an error unless both values are finite and 0 < β₀ ≤ β₁ ≤ 10⁴.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::process::VpLinear;
    /// assert_eq!(VpLinear::new(0.1, 20.0)?, VpLinear::default());
    /// assert!(VpLinear::new(20.0, 0.1).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn new(beta_min: f64, beta_max: f64) -> Result<Self> {
        Ok(Self { beta: LinearBeta::new(beta_min, beta_max, "vp-linear")? })
    }
}

impl Schedule for VpLinear {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::VpLinear { beta_min: self.beta.min, beta_max: self.beta.max }
    }
    fn domain(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
    fn alpha(&self, t: f64) -> f64 {
        exp(-0.5 * self.beta.integral(t))
    }
    fn sigma(&self, t: f64) -> f64 {
        (-expm1(-self.beta.integral(t))).sqrt()
    }
    fn alpha_rate(&self, t: f64) -> f64 {
        -0.5 * self.beta.at(t) * self.alpha(t)
    }
    fn sigma_rate(&self, t: f64) -> f64 {
        0.5 * self.beta.at(t) * exp(-self.beta.integral(t)) / self.sigma(t)
    }
    fn variance_rate(&self, t: f64) -> f64 {
        self.beta.at(t) * exp(-self.beta.integral(t))
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        // ∫β = ln(1 + σ²/α²).
        self.beta.time_of_integral(ln_1p_square(ratio))
    }
    fn velocity(&self, t: f64) -> Affine {
        let alpha = self.alpha(t);
        Affine { a: alpha, b: 2.0 * expm1(-self.beta.integral(t)) / (self.beta.at(t) * alpha) }
    }
}

/// The cosine process: α = cos(πt/2), σ = sin(πt/2) on \[0, 1\].
///
/// At t = 1 the state is pure noise; a velocity prediction still determines D there.
///
/// # Examples
///
/// ```
/// use langevin::Schedule;
/// use langevin::process::VpCosine;
/// assert_eq!((VpCosine.alpha(1.0), VpCosine.sigma(1.0)), (0.0, 1.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VpCosine;

impl Schedule for VpCosine {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::VpCosine
    }
    fn domain(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
    fn alpha(&self, t: f64) -> f64 {
        // The second branch avoids cancellation near t = 1 and is exactly 0 at t = 1.
        if t < 0.5 { cos(FRAC_PI_2 * t) } else { sin(FRAC_PI_2 * (1.0 - t)) }
    }
    fn sigma(&self, t: f64) -> f64 {
        if t < 0.5 { sin(FRAC_PI_2 * t) } else { cos(FRAC_PI_2 * (1.0 - t)) }
    }
    fn alpha_rate(&self, t: f64) -> f64 {
        -FRAC_PI_2 * self.sigma(t)
    }
    fn sigma_rate(&self, t: f64) -> f64 {
        FRAC_PI_2 * self.alpha(t)
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        if ratio <= 1.0 { FRAC_2_PI * atan(ratio) } else { 1.0 - FRAC_2_PI * atan(1.0 / ratio) }
    }
    fn velocity(&self, t: f64) -> Affine {
        Affine { a: self.alpha(t), b: -FRAC_2_PI * self.sigma(t) }
    }
}
