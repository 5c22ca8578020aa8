//! A wish to end that is heard within a step.

use crate::error::{Error, Result};

/// A wish to end, asked for between layers; by default it never comes.
///
/// ```
/// assert!(!langevin_train::nn::Stop::default().wanted());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Stop(pub(crate) Option<fn() -> bool>);

impl Stop {
    /// Returns whether the work shall end.
    #[must_use]
    pub fn wanted(self) -> bool {
        self.0.is_some_and(|stop| stop())
    }

    /// Ends the work if that is wanted.
    ///
    /// # Errors
    /// Returns an error that [is stopped](Error::is_stopped) if so.
    pub fn check(self) -> Result<()> {
        if self.wanted() { Err(Error::stopped()) } else { Ok(()) }
    }
}
