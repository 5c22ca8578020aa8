//! A wish to end that is heard within a step.

use crate::error::{Error, Result};

/// Asks a function whether the work shall end; by default it never does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stop(pub(crate) Option<fn() -> bool>);

impl Stop {
    /// Whether the work shall end.
    pub(crate) fn wanted(self) -> bool {
        self.0.is_some_and(|stop| stop())
    }

    /// Ends the work with an error if that is wanted.
    pub(crate) fn check(self) -> Result<()> {
        if self.wanted() { Err(Error::stopped()) } else { Ok(()) }
    }
}
