//! The sub-VP process of ScoreSDE: $\alpha = e^{-\frac12\int\beta}$ as in VP, and $\sigma = 1 - \alpha^2$, less noise than VP everywhere.
//!
//! $\sigma/\alpha = 1/\alpha - \alpha = 2\sinh(\tfrac12\int\beta)$, so that the inverse is $\int\beta = 2\operatorname{arsinh}(\tfrac{\sigma}{2\alpha})$.
//!
//! Source: Song et al., arXiv 2011.13456, §3.4 and appendix B.

use super::ProcessSpec;
use super::linear_beta::LinearBeta;
use crate::error::Result;
use crate::math::{asinh, exp, expm1};
use crate::process::{Affine, Schedule};

/// β(t) = β₀ + (β₁ − β₀) t on \[0, 1\], σ = 1 − α². The velocity reads $D = \frac{2\alpha}{1+\alpha^2} x - \frac{2\sigma}{\alpha\beta(1+\alpha^2)} u$.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SubVp {
    beta: LinearBeta,
}

impl SubVp {
    /// β from `beta_min` at t = 0 to `beta_max` at t = 1; the default is ScoreSDE's 0.1 and 20.
    ///
    /// # Errors
    /// Values that are not finite, or not 0 < β₀ ≤ β₁ ≤ 10⁴.
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
