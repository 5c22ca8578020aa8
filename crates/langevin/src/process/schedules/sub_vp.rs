//! The sub-VP process of ScoreSDE: $\alpha = e^{-\frac12\int\beta}$ as in VP, and
//! $\sigma = 1 - \alpha^2$, less noise than VP everywhere.
//!
//! $\sigma/\alpha = 1/\alpha - \alpha = 2\sinh(\tfrac12\int\beta)$, so that the inverse is
//! $\int\beta = 2\operatorname{arsinh}(\tfrac{\sigma}{2\alpha})$.
//!
//! Source: Song et al., arXiv 2011.13456, §3.4 and appendix B.

use super::ProcessSpec;
use super::linear_beta::LinearBeta;
use crate::error::Result;
use crate::math::{asinh, exp, expm1};
use crate::process::{Affine, Schedule};

/// The sub-VP process of ScoreSDE: β(t) = β₀ + (β₁ − β₀) t on \[0, 1\], σ = 1 − α².
///
/// The denoised prediction from the velocity is
/// $D = \frac{2\alpha}{1+\alpha^2} x - \frac{2\sigma}{\alpha\beta(1+\alpha^2)} u$.
///
/// # Examples
///
/// ```
/// use langevin::Schedule;
/// use langevin::process::SubVp;
/// let process = SubVp::default();
/// assert_eq!(process.sigma(0.0), 0.0);
/// let ratio = process.sigma(0.5) / process.alpha(0.5);
/// assert!((process.time_of_sigma_ve(ratio) - 0.5).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SubVp {
    beta: LinearBeta,
}

impl SubVp {
    /// Builds the process with β from `beta_min` at t = 0 to `beta_max` at t = 1. The default has
    /// ScoreSDE's 0.1 and 20.
    ///
    /// # Errors
    /// Returns an error unless both values are finite and 0 < β₀ ≤ β₁ ≤ 10⁴.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::process::SubVp;
    /// assert_eq!(SubVp::new(0.1, 20.0)?, SubVp::default());
    /// assert!(SubVp::new(0.0, 20.0).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn new(beta_min: f64, beta_max: f64) -> Result<Self> {
        Ok(Self { beta: LinearBeta::new(beta_min, beta_max, "sub-vp")? })
    }
}

impl Schedule for SubVp {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::SubVp { beta_min: self.beta.min, beta_max: self.beta.max }
    }
    fn domain(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
    fn alpha(&self, t: f64) -> f64 {
        exp(-0.5 * self.beta.integral(t))
    }
    fn sigma(&self, t: f64) -> f64 {
        -expm1(-self.beta.integral(t))
    }
    fn alpha_rate(&self, t: f64) -> f64 {
        -0.5 * self.beta.at(t) * self.alpha(t)
    }
    fn sigma_rate(&self, t: f64) -> f64 {
        self.beta.at(t) * exp(-self.beta.integral(t))
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        self.beta.time_of_integral(2.0 * asinh(0.5 * ratio))
    }
    fn velocity(&self, t: f64) -> Affine {
        let alpha = self.alpha(t);
        let half = 0.5 * (1.0 + alpha * alpha);
        Affine { a: alpha / half, b: -self.sigma(t) / (alpha * self.beta.at(t) * half) }
    }
}
