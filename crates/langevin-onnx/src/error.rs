//! The one error of this crate.

use langevin::error::Message;
use std::fmt;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, what was expected, what was found, and a hint.
#[derive(Clone)]
pub struct Error(Box<Message>);

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(Box::new(Message::new(what)))
    }

    pub(crate) fn at(self, place: impl Into<String>) -> Self {
        Self(Box::new(self.0.at(place)))
    }

    pub(crate) fn expected(self, expected: impl Into<String>) -> Self {
        Self(Box::new(self.0.expected(expected)))
    }

    pub(crate) fn got(self, got: impl Into<String>) -> Self {
        Self(Box::new(self.0.got(got)))
    }

    pub(crate) fn hinting(self, hint: impl Into<String>) -> Self {
        Self(Box::new(self.0.hinting(hint)))
    }

    /// What to try next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {}
