//! Rectified flow: the straight line $x_s = (1-s) x_0 + s \varepsilon$.
//!
//! s = 1 is reached only at infinite VP time: a finite start $\sigma_{VE} = \Sigma$ is $s = \Sigma/(1+\Sigma) < 1$.

use super::ProcessSpec;
use crate::process::{Affine, Schedule};

/// α = 1 − s, σ = s on \[0, 1\]. The velocity is u = ε − x0: $D = x - s u$.
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
