//! Rectified flow: the straight line $x_s = (1-s) x_0 + s \varepsilon$.
//!
//! The end s = 1 corresponds to infinite VP time. A finite start $\sigma_{VE} = \Sigma$ is
//! therefore $s = \Sigma/(1+\Sigma) < 1$.

use super::ProcessSpec;
use crate::process::{Affine, Schedule};

/// Rectified flow: α = 1 − s, σ = s on \[0, 1\]. The velocity is u = ε − x0, so $D = x - s u$.
///
/// # Examples
///
/// ```
/// use langevin::Schedule;
/// use langevin::process::RectifiedFlow;
/// assert_eq!((RectifiedFlow.alpha(0.25), RectifiedFlow.sigma(0.25)), (0.75, 0.25));
/// assert_eq!(RectifiedFlow.time_of_sigma_ve(3.0), 0.75);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RectifiedFlow;

impl Schedule for RectifiedFlow {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::RectifiedFlow
    }
    fn domain(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
    fn alpha(&self, s: f64) -> f64 {
        1.0 - s
    }
    fn sigma(&self, s: f64) -> f64 {
        s
    }
    fn alpha_rate(&self, _: f64) -> f64 {
        -1.0
    }
    fn sigma_rate(&self, _: f64) -> f64 {
        1.0
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        if ratio.is_infinite() { 1.0 } else { ratio / (1.0 + ratio) }
    }
    fn velocity(&self, s: f64) -> Affine {
        Affine { a: 1.0, b: -s }
    }
}
