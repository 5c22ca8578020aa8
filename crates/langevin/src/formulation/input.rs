//! What a network is told of a place on a process.

use crate::process::Level;

/// The noise level of a network's input, as the network is told it: x = α·x₀ + σ·ε, at `time` in the network's
/// own clock.
///
/// A [`Level`] is a place on a process. What a network is told of that place differs where the network has
/// another clock or another process, or scales its input: [`Formulation::seen`](super::Formulation::seen) computes it. A model that is
/// told the place itself takes the conversion from `Level`.
///
/// ```
/// use langevin::{Clock, Formulation, Prediction, Process};
/// // A network on rectified flow that counts its time to 1000, asked about a state of the VP process.
/// let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
/// let network = network.with_clock(Clock::Scaled { factor: 1000.0 });
/// let level = Process::vp().level_at_sigma_ve(1.0)?;
/// let told = network.seen(&level)?;
/// assert!((told.time - 500.0).abs() < 1e-9);
/// assert!((told.alpha - 0.5).abs() < 1e-12 && (told.sigma - 0.5).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputLevel {
    /// The time, in the clock of the network.
    pub time: f64,
    /// The factor of the datum in the input.
    pub alpha: f64,
    /// The standard deviation of the noise in the input.
    pub sigma: f64,
}

impl InputLevel {
    /// Returns λ = ln(α/σ), the half log-SNR: −∞ where α = 0, +∞ where σ = 0.
    #[must_use]
    pub fn lambda(&self) -> f64 {
        self.state().lambda()
    }

    /// Returns the place of the input, taken as a state: the same α and σ, on whatever process has them. Its
    /// time remains the network's.
    #[must_use]
    pub fn state(&self) -> Level {
        Level { time: self.time, alpha: self.alpha, sigma: self.sigma }
    }
}

impl From<Level> for InputLevel {
    /// Returns what a model is told that has the clock of the process and takes the state as it is.
    fn from(level: Level) -> Self {
        Self { time: level.time, alpha: level.alpha, sigma: level.sigma }
    }
}
