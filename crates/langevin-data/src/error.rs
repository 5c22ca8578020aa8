//! The error type of this crate.
//!
//! An error says what went wrong, where, what was expected, what was found, and what to try.

use langevin::error::Message;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::Path;

/// Result type of this crate.
///
/// ```
/// fn positive(width: usize) -> langevin_data::Result<usize> {
///     if width == 0 { Err(langevin_data::Error::argument("bad width")) } else { Ok(width) }
/// }
/// assert!(positive(0).is_err() && positive(3).is_ok());
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Argument,
    Data,
    Io,
}

/// Error with a message, a place, the expected and the found value, and a hint.
///
/// ```
/// use langevin_data::Dataset;
/// let error = Dataset::new("line", vec![0.0, f32::NAN], &[1]).unwrap_err();
/// assert!(error.is_data());
/// let start = "a number is not finite (line, row 2, column 1): expected finite float32 numbers";
/// assert!(error.to_string().starts_with(start));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: Message,
    /// Cause given to the message, which does not return it.
    cause: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: Message::new(what), cause: None, source: None }))
    }

    /// Returns an error about an unusable argument; [`is_argument`](Self::is_argument) is true.
    ///
    /// ```
    /// let error = langevin_data::Error::argument("bad width").expected("at least 1").got("0");
    /// assert_eq!(error.to_string(), "bad width: expected at least 1, got 0");
    /// ```
    #[must_use]
    pub fn argument(what: impl Into<String>) -> Self {
        Self::new(Kind::Argument, what)
    }

    /// Returns an error about unusable contents; [`is_data`](Self::is_data) is true.
    ///
    /// ```
    /// assert!(langevin_data::Error::data("the header is cut short").at("rows.bin").is_data());
    /// ```
    #[must_use]
    pub fn data(what: impl Into<String>) -> Self {
        Self::new(Kind::Data, what)
    }

    /// Returns an error about a file that cannot be read; [`is_io`](Self::is_io) is true.
    ///
    /// The operating system's error becomes the source.
    ///
    /// ```
    /// use langevin_data::Error;
    /// use std::error::Error as _;
    /// let cause = std::io::Error::other("no disk");
    /// let error = Error::io("cannot read the file", cause).at("rows.bin");
    /// assert!(error.is_io() && error.source().is_some());
    /// assert_eq!(error.to_string(), "cannot read the file (rows.bin): no disk");
    /// ```
    #[must_use]
    pub fn io(what: &str, source: io::Error) -> Self {
        let mut error = Self::new(Kind::Io, what).because(source.to_string());
        error.0.source = Some(source.into());
        error
    }

    /// Returns the error for a file that cannot be read.
    pub(crate) fn reading(path: &Path, source: io::Error) -> Self {
        Self::io("cannot read the file", source).in_file(path)
    }

    /// Returns the error for a temporary file that cannot be written.
    pub(crate) fn spooling(source: io::Error) -> Self {
        Self::io("cannot write a temporary file", source)
            .hinting("TMPDIR names another folder for it; with more memory allowed none is needed")
    }

    /// Applies a change to the message.
    fn say(mut self, change: impl FnOnce(Message) -> Message) -> Self {
        self.0.message = change(self.0.message);
        self
    }

    /// Adds the place of the error; a second call puts the wider place in front.
    ///
    /// ```
    /// let error = langevin_data::Error::data("a value is missing").at("row 3").at("table.csv");
    /// assert_eq!(error.to_string(), "a value is missing (table.csv, row 3)");
    /// ```
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        self.say(|message| message.at(place))
    }

    /// Adds the expected value.
    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        self.say(|message| message.expected(expected))
    }

    /// Adds the value that was found; control characters are escaped and a long text is cut.
    #[must_use]
    pub fn got(self, got: impl Into<String>) -> Self {
        self.say(|message| message.got(got))
    }

    /// Adds the cause, as text.
    ///
    /// ```
    /// let error = langevin_data::Error::data("a row cannot be read").because("no connection");
    /// assert_eq!(error.to_string(), "a row cannot be read: no connection");
    /// ```
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        self.0.cause = Some(cause.clone());
        self.say(|message| message.because(cause))
    }

    /// Adds a hint: what to try next.
    ///
    /// ```
    /// let error = langevin_data::Error::data("a row cannot be read").hinting("connect first");
    /// assert_eq!(error.hint(), Some("connect first"));
    /// ```
    #[must_use]
    pub fn hinting(self, hint: impl Into<String>) -> Self {
        self.say(|message| message.hinting(hint))
    }

    /// Adds the path of a file in front of the place.
    ///
    /// ```
    /// let error = langevin_data::Error::data("no rows").in_file("table.csv".as_ref());
    /// assert_eq!(error.to_string(), "no rows (table.csv)");
    /// ```
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        self.at(path.display().to_string())
    }

    /// Returns the hint: what to try next.
    ///
    /// Returns `None` if the error has no hint.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.message.hint()
    }

    /// Returns the cause, as text.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// Returns true if an argument, such as an option or a row index, is unusable.
    #[must_use]
    pub fn is_argument(&self) -> bool {
        self.0.kind == Kind::Argument
    }

    /// Returns true if the contents of a file are unusable.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.0.kind == Kind::Data
    }

    /// Returns true if a file could not be read; the operating system's error is the source.
    ///
    /// ```
    /// let cause = std::io::Error::other("no disk");
    /// assert!(langevin_data::Error::io("cannot read the file", cause).is_io());
    /// ```
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.0.kind == Kind::Io
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
