//! The variance-exploding process in Karras's clock: $x = x_0 + \sigma\varepsilon$, with σ itself
//! as time.

use super::ProcessSpec;
use crate::process::{Affine, Schedule};

/// The variance-exploding process: α = 1, t = σ ≥ 0. The velocity is ε, so $D = x - \sigma u$.
///
/// # Examples
///
/// ```
/// use langevin::Schedule;
/// use langevin::process::Ve;
/// assert_eq!((Ve.alpha(80.0), Ve.sigma(80.0)), (1.0, 80.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ve;

impl Schedule for Ve {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::Ve
    }
    fn domain(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }
    fn alpha(&self, _: f64) -> f64 {
        1.0
    }
    fn sigma(&self, t: f64) -> f64 {
        t
    }
    fn alpha_rate(&self, _: f64) -> f64 {
        0.0
    }
    fn sigma_rate(&self, _: f64) -> f64 {
        1.0
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        ratio
    }
    fn velocity(&self, t: f64) -> Affine {
        Affine { a: 1.0, b: -t }
    }
}
