//! The error type of this crate.
//!
//! An error says what went wrong, where, what was expected, what was found, and what to try.

use langevin::error::Message;
use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

/// Result type of this crate.
///
/// ```
/// fn positive(width: usize) -> langevin_train::Result<usize> {
///     if width == 0 { Err(langevin_train::Error::argument("bad width")) } else { Ok(width) }
/// }
/// assert!(positive(0).is_err() && positive(3).is_ok());
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Argument,
    /// Argument error: the network has more parameters than are accepted.
    TooLarge,
    Data,
    Io,
    Checkpoint,
    Diverged,
    Device,
    Stopped,
    Core,
}

/// Error with a message, a place, the expected and the found value, and a hint.
///
/// Networks and tasks defined outside this crate build their errors with the same constructors.
///
/// ```
/// let error = langevin_train::Network::from_bytes(b"PNG").unwrap_err();
/// assert!(error.is_checkpoint());
/// let own = langevin_train::Error::argument("bad width").at("gated");
/// let own = own.expected("at least 1").got("0");
/// assert_eq!(own.to_string(), "bad width (gated): expected at least 1, got 0");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: Message,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// Partial results attached by the code that raised the error.
    kept: Option<Box<dyn Any + Send + Sync>>,
}

impl Error {
    fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: Message::new(what), source: None, kept: None }))
    }

    /// Returns an error about an unusable argument; [`is_argument`](Self::is_argument) is true.
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

    /// Returns an error about an unusable data set; [`is_data`](Self::is_data) is true.
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

    /// Returns an error about a device that is missing or failed; [`is_device`](Self::is_device) is
    /// true.
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

    /// Applies a change to the message.
    fn say(mut self, change: impl FnOnce(Message) -> Message) -> Self {
        self.0.message = change(self.0.message);
        self
    }

    /// Adds the place of the error: a field, an element or a file.
    ///
    /// ```
    /// let error = langevin_train::Error::data("a value is not finite").at("row 3");
    /// assert_eq!(error.to_string(), "a value is not finite (row 3)");
    /// ```
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        self.say(|message| message.at(place))
    }

    /// Adds the expected value.
    ///
    /// ```
    /// let error = langevin_train::Error::argument("bad width").expected("at least 1").got("0");
    /// assert_eq!(error.to_string(), "bad width: expected at least 1, got 0");
    /// ```
    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        self.say(|message| message.expected(expected))
    }

    /// Adds the value that was found.
    #[must_use]
    pub fn got(self, got: impl Into<String>) -> Self {
        self.say(|message| message.got(got))
    }

    /// Adds a hint: what to try next.
    ///
    /// ```
    /// let error = langevin_train::Error::argument("bad width").hinting("use a power of two");
    /// assert_eq!(error.hint(), Some("use a power of two"));
    /// ```
    #[must_use]
    pub fn hinting(self, hint: impl Into<String>) -> Self {
        self.say(|message| message.hinting(hint))
    }

    /// Attaches the underlying error as the source.
    ///
    /// ```
    /// use std::error::Error as _;
    /// let cause = std::io::Error::other("no disk");
    /// let error = langevin_train::Error::data("the rows cannot be read").caused_by(cause);
    /// assert!(error.source().is_some());
    /// ```
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Attaches partial results.
    pub(crate) fn keeping(mut self, kept: impl Any + Send + Sync) -> Self {
        self.0.kept = Some(Box::new(kept));
        self
    }

    /// Returns the attached partial results if they have type `T`.
    pub(crate) fn into_kept<T: Any>(self) -> Option<T> {
        let kept: Box<dyn Any> = self.0.kept?;
        kept.downcast().ok().map(|kept| *kept)
    }

    /// Sets the place to the file's path.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        self.at(path.display().to_string())
    }

    /// Returns the hint: what to try next.
    ///
    /// Returns `None` if the error has no hint.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match &self.0.source {
            Some(source) if self.0.kind == Kind::Core => source.downcast_ref::<langevin::Error>()?.hint(),
            _ => self.0.message.hint(),
        }
    }

    /// Returns true if an argument, such as a field of a recipe, is unusable.
    #[must_use]
    pub fn is_argument(&self) -> bool {
        matches!(self.0.kind, Kind::Argument | Kind::TooLarge)
    }

    /// Returns true if a network has more parameters than are accepted.
    ///
    /// [`is_argument`](Self::is_argument) is then true as well.
    ///
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// recipe.network = MlpConfig::new(1 << 14, 256).into();
    /// assert!(recipe.memory(&data).unwrap_err().is_too_large());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.0.kind == Kind::TooLarge
    }

    /// Returns true if a step was interrupted by [`Trainer::stop_when`](crate::Trainer::stop_when).
    ///
    /// The trainer is then in the state that it had before the step.
    ///
    /// See [`Trainer::stop_when`](crate::Trainer::stop_when) for an example.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.kind == Kind::Stopped
    }

    /// Returns true if a data set is unusable.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.0.kind == Kind::Data
    }

    /// Returns true if a file could not be read or written; the operating system's error is the
    /// source.
    ///
    /// ```
    /// let error = langevin_train::Network::load("no/such/file.safetensors".as_ref()).unwrap_err();
    /// assert!(error.is_io());
    /// ```
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.0.kind == Kind::Io
    }

    /// Returns true if a file is not a model file that this version can read.
    ///
    /// ```
    /// let error = langevin_train::Network::from_bytes(b"\x89PNG").unwrap_err();
    /// assert!(error.is_checkpoint());
    /// ```
    #[must_use]
    pub fn is_checkpoint(&self) -> bool {
        self.0.kind == Kind::Checkpoint
    }

    /// Returns true if the training loss became non-finite.
    ///
    /// [`into_network`](Self::into_network) returns the network learned before that point.
    ///
    /// See [`into_network`](Self::into_network) for an example.
    #[must_use]
    pub fn is_diverged(&self) -> bool {
        self.0.kind == Kind::Diverged
    }

    /// Returns true if a device is missing or failed.
    #[must_use]
    pub fn is_device(&self) -> bool {
        self.0.kind == Kind::Device
    }

    /// Returns the error of the [`langevin`] crate if it is the source of this one.
    ///
    /// ```
    /// let error = langevin_train::Error::from(langevin::Error::argument("bad step count"));
    /// assert!(error.core().is_some());
    /// assert!(langevin_train::Error::argument("bad width").core().is_none());
    /// ```
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
