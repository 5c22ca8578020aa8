//! The error type of this crate.

use langevin::error::Message;
use std::fmt;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of an ONNX network: a description, its place, the expected and the actual value, and a
/// hint.
///
/// # Examples
///
/// ```
/// use langevin::{Formulation, Prediction, Process};
/// use langevin_onnx::{OnnxNetwork, Options};
/// let formulation = Formulation::new(Process::parse("vp")?, Prediction::Epsilon);
/// let error = OnnxNetwork::open("missing.onnx".as_ref(), formulation, &Options::default())
///     .err()
///     .expect("there is no such file");
/// assert!(!error.is_argument());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Error {
    message: Box<Message>,
    argument: bool,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { message: Box::new(Message::new(what)), argument: false }
    }

    /// Builds the error for an argument that does not fit the network.
    pub(crate) fn argument(what: impl Into<String>) -> Self {
        Self { argument: true, ..Self::new(what) }
    }

    /// Applies `change` to the message.
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

    /// Returns true if an argument does not fit the network, and false if the file or the runtime
    /// failed.
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
