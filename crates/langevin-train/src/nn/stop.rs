//! Stop requests that take effect within a step.

use crate::error::{Error, Result};

/// Stop request, checked between layers; the default never stops.
///
/// ```
/// assert!(!langevin_train::nn::Stop::default().wanted());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Stop(pub(crate) Option<fn() -> bool>);

impl Stop {
    /// Returns true if the work should stop.
    ///
    /// ```
    /// assert!(!langevin_train::nn::Stop::default().wanted());
    /// ```
    #[must_use]
    pub fn wanted(self) -> bool {
        self.0.is_some_and(|stop| stop())
    }

    /// Returns an error if the work should stop.
    ///
    /// # Errors
    /// Returns an error for which [`is_stopped`](Error::is_stopped) is true if a stop was
    /// requested.
    ///
    /// # Examples
    /// ```
    /// assert!(langevin_train::nn::Stop::default().check().is_ok());
    /// ```
    pub fn check(self) -> Result<()> {
        if self.wanted() { Err(Error::stopped()) } else { Ok(()) }
    }
}
