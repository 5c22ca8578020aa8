//! The noise level in the form in which a network receives it: [`InputLevel`].

use crate::process::Level;

/// The noise level of a network's input, in the network's own terms: x = α·x₀ + σ·ε, at `time` in
/// the network's clock.
///
/// A [`Level`] is a noise level of a process. The network receives other numbers for it if it has
/// another clock or another process, or if its input is scaled.
/// [`Formulation::seen`](super::Formulation::seen) computes them. For a model that receives the
/// level unchanged, convert from `Level` with `into()`.
///
/// # Examples
///
/// ```
/// use langevin::{Clock, Formulation, Prediction, Process};
/// // A network on rectified flow whose time runs to 1000, evaluated at a state of the VP process.
/// let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity)
///     .with_clock(Clock::Scaled { factor: 1000.0 });
/// let level = Process::vp().level_at_sigma_ve(1.0)?;
/// let seen = network.seen(&level)?;
/// assert!((seen.time - 500.0).abs() < 1e-9);
/// assert!((seen.alpha - 0.5).abs() < 1e-12 && (seen.sigma - 0.5).abs() < 1e-12);
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
    /// Returns the half log-SNR λ = ln(α/σ): −∞ at α = 0 and +∞ at σ = 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::formulation::InputLevel;
    /// assert_eq!(InputLevel { time: 500.0, alpha: 0.5, sigma: 0.5 }.lambda(), 0.0);
    /// ```
    #[must_use]
    pub fn lambda(&self) -> f64 {
        self.state().lambda()
    }

    /// Returns the input level as a [`Level`] with the same α and σ.
    ///
    /// The time remains the network's own, so the result belongs to no particular process.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::formulation::InputLevel;
    /// let input = InputLevel { time: 500.0, alpha: 0.5, sigma: 0.5 };
    /// assert_eq!(input.state().sigma_ve(), 1.0);
    /// ```
    #[must_use]
    pub fn state(&self) -> Level {
        Level { time: self.time, alpha: self.alpha, sigma: self.sigma }
    }
}

impl From<Level> for InputLevel {
    /// Returns the input level of a model that has the clock of the process and receives the state
    /// unscaled.
    fn from(level: Level) -> Self {
        Self { time: level.time, alpha: level.alpha, sigma: level.sigma }
    }
}
