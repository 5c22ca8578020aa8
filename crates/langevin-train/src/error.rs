//! The one error of this crate: what went wrong, where, what was expected, what was found, and what to try.

use langevin::error::Message;
use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Argument,
    /// An argument: a network of more parameters than are accepted.
    TooLarge,
    Data,
    Io,
    Checkpoint,
    Diverged,
    Device,
    Stopped,
    Core,
}

/// What went wrong, where, what was expected, what was found, and a hint.
///
/// Networks and tasks outside this crate build their errors with the same constructors.
///
/// ```
/// let error = langevin_train::Network::from_bytes(b"PNG").unwrap_err();
/// assert!(error.is_checkpoint());
/// let own = langevin_train::Error::argument("bad width").at("gated").expected("at least 1").got("0");
/// assert_eq!(own.to_string(), "bad width (gated): expected at least 1, got 0");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: Message,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// What was kept of the work, by whoever raised the error.
    kept: Option<Box<dyn Any + Send + Sync>>,
}

impl Error {
    fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: Message::new(what), source: None, kept: None }))
    }

    /// Returns an error about an argument that cannot be used; [`is_argument`](Self::is_argument) is true.
    ///
    /// ```
    /// assert!(langevin_train::Error::argument("bad width").is_argument());
    /// ```
    #[must_use]
    pub fn argument(what: impl Into<String>) -> Self {
        Self::new(Kind::Argument, what)
    }

    pub(crate) fn too_large(what: impl Into<String>) -> Self {
        Self::new(Kind::TooLarge, what)
    }

    pub(crate) fn stopped() -> Self {
        Self::new(Kind::Stopped, "the step was stopped")
    }

    /// Returns an error about a data set that cannot be used; [`is_data`](Self::is_data) is true.
    ///
    /// ```
    /// assert!(langevin_train::Error::data("rows without labels").is_data());
    /// ```
    #[must_use]
    pub fn data(what: impl Into<String>) -> Self {
        Self::new(Kind::Data, what)
    }

    pub(crate) fn checkpoint(what: impl Into<String>) -> Self {
        Self::new(Kind::Checkpoint, what)
    }

    pub(crate) fn diverged(what: impl Into<String>) -> Self {
        Self::new(Kind::Diverged, what)
    }

    /// Returns an error about a device that is not there or failed; [`is_device`](Self::is_device) is true.
    ///
    /// ```
    /// assert!(langevin_train::Error::device("the accelerator is gone").is_device());
    /// ```
    #[must_use]
    pub fn device(what: impl Into<String>) -> Self {
        Self::new(Kind::Device, what)
    }

    pub(crate) fn io(what: &str, path: &Path, source: std::io::Error) -> Self {
        let mut error = Self::new(Kind::Io, what).at(path.display().to_string());
        error.0.message = error.0.message.because(source.to_string());
        error.0.source = Some(source.into());
        error
    }

    /// Changes the words.
    fn say(mut self, change: impl FnOnce(Message) -> Message) -> Self {
        self.0.message = change(self.0.message);
        self
    }

    /// Says where: a field, an element, a file.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        self.say(|message| message.at(place))
    }

    /// Says what was expected.
    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        self.say(|message| message.expected(expected))
    }

    /// Says what was found instead.
    #[must_use]
    pub fn got(self, got: impl Into<String>) -> Self {
        self.say(|message| message.got(got))
    }

    /// Says what to try next.
    #[must_use]
    pub fn hinting(self, hint: impl Into<String>) -> Self {
        self.say(|message| message.hinting(hint))
    }

    /// Keeps the error that caused this one as its source.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Keeps what was made before.
    pub(crate) fn keeping(mut self, kept: impl Any + Send + Sync) -> Self {
        self.0.kept = Some(Box::new(kept));
        self
    }

    /// Returns what was kept, if it is of this type.
    pub(crate) fn into_kept<T: Any>(self) -> Option<T> {
        let kept: Box<dyn Any> = self.0.kept?;
        kept.downcast().ok().map(|kept| *kept)
    }

    /// Puts the file's name in front of the place.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        self.at(path.display().to_string())
    }

    /// What to try next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match &self.0.source {
            Some(source) if self.0.kind == Kind::Core => source.downcast_ref::<langevin::Error>()?.hint(),
            _ => self.0.message.hint(),
        }
    }

    /// Whether an argument, such as a field of a recipe, cannot be used.
    #[must_use]
    pub fn is_argument(&self) -> bool {
        matches!(self.0.kind, Kind::Argument | Kind::TooLarge)
    }

    /// Whether a network has more parameters than are accepted; [`is_argument`](Self::is_argument) holds too.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.0.kind == Kind::TooLarge
    }

    /// Whether a step was stopped half-way because [`Trainer::stop_when`](crate::Trainer::stop_when) said so.
    /// The trainer stands where it stood before the step.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.kind == Kind::Stopped
    }

    /// Whether a data set cannot be used.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.0.kind == Kind::Data
    }

    /// Whether a file could not be read or written; the system's error is the source.
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.0.kind == Kind::Io
    }

    /// Whether a file is not a model file that this version can serve.
    #[must_use]
    pub fn is_checkpoint(&self) -> bool {
        self.0.kind == Kind::Checkpoint
    }

    /// Whether training met a loss that is not finite; [`into_network`](Self::into_network) gives what had
    /// been learned before.
    #[must_use]
    pub fn is_diverged(&self) -> bool {
        self.0.kind == Kind::Diverged
    }

    /// Whether a device is not there, or failed.
    #[must_use]
    pub fn is_device(&self) -> bool {
        self.0.kind == Kind::Device
    }

    /// The error of the mathematics crate, where this is one.
    #[must_use]
    pub fn core(&self) -> Option<&langevin::Error> {
        self.0.source.as_deref()?.downcast_ref()
    }
}

impl From<langevin_data::Error> for Error {
    fn from(source: langevin_data::Error) -> Self {
        let kind = match () {
            () if source.is_io() => Kind::Io,
            () if source.is_argument() => Kind::Argument,
            () => Kind::Data,
        };
        let mut error = Self::new(kind, source.to_string());
        if let Some(hint) = source.hint() {
            error = error.hinting(hint);
        }
        error.caused_by(source)
    }
}

impl From<langevin::Error> for Error {
    fn from(source: langevin::Error) -> Self {
        let mut error = Self::new(Kind::Core, source.to_string());
        error.0.source = Some(Box::new(source));
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.message.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
