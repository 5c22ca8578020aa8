//! The one error of this crate.

use langevin::error::Message;
use std::fmt;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, what was expected, what was found, and a hint.
#[derive(Clone)]
pub struct Error {
    message: Box<Message>,
    argument: bool,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { message: Box::new(Message::new(what)), argument: false }
    }

    /// An argument that does not fit the network.
    pub(crate) fn argument(what: impl Into<String>) -> Self {
        Self { argument: true, ..Self::new(what) }
    }

    /// Changes the message.
    fn say(self, change: impl FnOnce(Message) -> Message) -> Self {
        Self { message: Box::new(change(*self.message)), ..self }
    }

    pub(crate) fn at(self, place: impl Into<String>) -> Self {
        self.say(|message| message.at(place))
    }

    pub(crate) fn expected(self, expected: impl Into<String>) -> Self {
        self.say(|message| message.expected(expected))
    }

    pub(crate) fn got(self, got: impl Into<String>) -> Self {
        self.say(|message| message.got(got))
    }

    pub(crate) fn hinting(self, hint: impl Into<String>) -> Self {
        self.say(|message| message.hinting(hint))
    }

    /// Returns the suggestion for the reader, if the error has one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.message.hint()
    }

    /// Returns true if an argument does not fit the network, and false if the file or the runtime failed.
    #[must_use]
    pub fn is_argument(&self) -> bool {
        self.argument
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

impl std::error::Error for Error {}
