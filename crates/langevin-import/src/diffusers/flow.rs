//! Flow matching: flow time s, α = 1 − s, σ = s. The network's time is N·s and it predicts u = ε −
//! x0. With `invert_sigmas` its time is N·(1 − s) and it predicts −u.

use super::call::Call;
use super::numbers::{linspace, single};
use super::scheduler::Course;
use super::table::pin;
use crate::quirks;
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation};
use langevin::prediction::Prediction;
use langevin::process::{Level, Process};
use langevin::sampler::{Method, Step};

/// The arguments of churn.
pub(super) const CHURN: &[&str] = &["s_churn", "s_tmin", "s_tmax", "s_noise"];

/// Computes [`shift`](super::sigmas::shift) in float32, with every operation rounded.
pub(super) fn shift_single(k: f64, s: f64) -> f64 {
    let (k, s) = (k as f32, s as f32);
    f64::from(k * s / (1.0 + (k - 1.0) * s))
}

/// Returns evenly spaced levels before they are shifted. The original's range already includes the
/// shift, and it shifts again.
pub(super) fn even(call: &Call, n: f64, steps: usize, fixed: Option<f64>) -> Vec<f64> {
    let ends = match fixed.filter(|_| call.keeps(&quirks::DOUBLE_SHIFT)) {
        Some(k) => (shift_single(k, 1.0), shift_single(k, single(1.0 / n))),
        None => (1.0, single(1.0 / n)),
    };
    linspace(ends.0 * n, ends.1 * n, steps).into_iter().map(|time| time / n).collect()
}

/// The parts of a course on a flow other than its method.
pub(super) struct Ground {
    network: Formulation,
    levels: Vec<Level>,
    times: Vec<f64>,
}

impl Ground {
    /// Builds the course for σ above 1, which are not flow times. There the original's x' = x + (σ'
    /// − σ) u is Euler's step of a noise prediction in the coordinates of VE, as pipelines of EDM
    /// networks use it.
    pub(super) fn beyond(n: f64, sigmas: &[f64], times: &[f64]) -> Self {
        let network = Formulation::new(Process::ve(), Prediction::Epsilon).with_clock(Clock::Scaled { factor: n });
        let levels = sigmas.iter().map(|s| Level { time: *s, alpha: 1.0, sigma: *s }).collect();
        Self { network, levels, times: times.to_vec() }
    }

    /// Builds the course from levels, of which the last is clean, and the times of all other
    /// levels.
    pub(super) fn new(n: f64, sigmas: &[f64], times: &[f64], inverted: bool) -> Result<Self> {
        let sound = sigmas.len() == times.len() + 1
            && !times.is_empty()
            && sigmas.iter().all(|sigma| (0.0..=1.0).contains(sigma));
        if !sound {
            return Err(Error::argument("tables that do not fit")
                .expected("flow times in [0, 1], one more than there are timesteps")
                .got(format!("{} for {} timesteps", sigmas.len(), times.len())));
        }
        let (prediction, clock) = if inverted {
            (Prediction::ReverseVelocity, Clock::Remaining { factor: n })
        } else {
            (Prediction::Velocity, Clock::Scaled { factor: n })
        };
        let network = Formulation::new(Process::rectified_flow(), prediction).with_clock(clock);
        let time = |sigma: &f64| if inverted { 1.0 - sigma } else { *sigma };
        let levels = sigmas.iter().map(time).map(|s| Level { time: s, alpha: 1.0 - s, sigma: s }).collect();
        Ok(Self { network, levels, times: times.to_vec() })
    }

    pub(super) fn course(self, method: Box<dyn Method>) -> Course {
        let Self { network, levels, times } = self;
        let steps: Vec<Step> = levels.windows(2).map(|pair| Step { from: pair[0], to: pair[1] }).collect();
        let pins = steps.iter().zip(&times).map(|(step, time)| pin(step.from, *time)).collect();
        Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip: None, method }
    }
}
