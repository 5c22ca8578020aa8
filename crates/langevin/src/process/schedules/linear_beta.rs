//! The linear noise rate $\beta(t) = \beta_0 + (\beta_1 - \beta_0) t$ on \[0, 1\], shared by
//! [`VpLinear`](super::VpLinear) and [`SubVp`](super::SubVp).

use crate::error::{Error, Result};

/// β₀ and β₁, by default ScoreSDE's 0.1 and 20.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LinearBeta {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Default for LinearBeta {
    fn default() -> Self {
        Self { min: 0.1, max: 20.0 }
    }
}

impl LinearBeta {
    /// Builds the rate.
    ///
    /// # Errors
    /// Returns an error that names the process unless 0 < β₀ ≤ β₁ ≤ 10⁴.
    pub(super) fn new(min: f64, max: f64, process: &str) -> Result<Self> {
        if min > 0.0 && min <= max && max <= 1e4 {
            return Ok(Self { min, max });
        }
        Err(Error::argument("the betas define no process")
            .at(format!("process {process}"))
            .expected("0 < beta_min ≤ beta_max ≤ 10000")
            .got(format!("{min} and {max}")))
    }

    /// Returns β(t).
    pub(super) fn at(&self, t: f64) -> f64 {
        self.min + (self.max - self.min) * t
    }

    /// Returns ∫₀ᵗ β.
    pub(super) fn integral(&self, t: f64) -> f64 {
        t * (self.min + 0.5 * (self.max - self.min) * t)
    }

    /// Returns the t at which ∫₀ᵗ β = `target` ≥ 0: the root of the quadratic in the form without
    /// cancellation.
    pub(super) fn time_of_integral(&self, target: f64) -> f64 {
        if target.is_infinite() {
            return f64::INFINITY;
        }
        let slope = self.max - self.min;
        2.0 * target / (self.min + (self.min * self.min + 2.0 * slope * target).sqrt())
    }
}
