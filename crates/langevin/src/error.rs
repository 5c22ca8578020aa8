//! The error type of this crate, and the helpers that word its messages.
//!
//! An [`Error`] states what went wrong, where, what was expected, what was found, and what to try
//! next. Implementations of [`Space`](crate::Space), [`Schedule`](crate::Schedule) and
//! [`Model`](crate::Model) outside this crate build their errors with the same constructors, so
//! users read one kind of message.
//!
//! # Examples
//!
//! ```
//! use langevin::{Error, Result};
//! fn check(rows: usize, wanted: usize) -> Result<()> {
//!     if rows == wanted {
//!         return Ok(());
//!     }
//!     Err(Error::shape("the tensor does not fit the batch")
//!         .at("my space")
//!         .expected(format!("{wanted} rows"))
//!         .got(rows.to_string())
//!         .hinting("pass the whole batch"))
//! }
//! let error = check(3, 4).unwrap_err();
//! assert!(error.is_shape());
//! assert_eq!(
//!     error.to_string(),
//!     "the tensor does not fit the batch (my space): expected 4 rows, got 3\n\
//!      hint: pass the whole batch"
//! );
//! ```

mod message;
mod nearest;

pub use message::Message;
pub use nearest::distance;
pub use nearest::nearest;

use std::error::Error as StdError;
use std::fmt;

/// The result type of this crate, with [`Error`] as its default error.
///
/// # Examples
///
/// ```
/// fn half(text: &str) -> langevin::Result<f64> {
///     let bad = || langevin::Error::argument("not a number").got(text);
///     Ok(0.5 * text.parse::<f64>().map_err(|_| bad())?)
/// }
/// assert_eq!(half("3").unwrap(), 1.5);
/// assert!(half("x").unwrap_err().is_argument());
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error. Callers read it through the `is_*` predicates of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An argument that cannot be used.
    Argument,
    /// A quantity without a finite value at the given place.
    Singular,
    /// An unknown name.
    Name,
    /// A plan or another document that breaks its own format.
    Format,
    /// A shape that does not fit.
    Shape,
    /// A failure of the caller's own code, such as a model.
    Model,
}

/// The error type of this crate: what went wrong, where, the expected and the found value, and a
/// hint.
///
/// The message is one line, `what (where): expected …, got …: cause`. If the error points into a
/// text, a caret under the place follows. The hint comes last, on a line of its own.
///
/// # Examples
///
/// ```
/// use langevin::Process;
/// let error = Process::parse("rectified-flwo").unwrap_err();
/// assert!(error.is_unknown_name());
/// assert_eq!(error.hint(), Some("did you mean 'rectified-flow'?"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: Message,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Returns a description of a text that cannot be a JSON object, or `None` if its first character
/// opens one.
///
/// Only the first character that is not white space is examined; the rest of the text is not
/// parsed.
///
/// # Examples
///
/// ```
/// use langevin::error::no_object;
/// assert_eq!(no_object(" {\"version\": 1}"), None);
/// assert_eq!(no_object("[1, 2]"), Some("a list"));
/// assert_eq!(no_object("ddim"), Some("another text"));
/// assert_eq!(no_object("  "), Some("an empty text"));
/// ```
pub fn no_object(text: &str) -> Option<&'static str> {
    match text.trim_start().chars().next() {
        Some('{') => None,
        Some('[') => Some("a list"),
        Some(_) => Some("another text"),
        None => Some("an empty text"),
    }
}

/// Returns a sentence that says what is wrong with a JSON document.
///
/// The sentence distinguishes a text that ends too early, a text that is not JSON, and valid JSON
/// with the wrong content. In the last case it consists of the parser's own words, with fields in
/// single quotes: backticks in messages are words of a [`Request`](crate::Request), and fields of a
/// document are none.
///
/// # Examples
///
/// ```
/// use langevin::error::json_words;
/// let words = |text: &str| json_words(&serde_json::from_str::<[u8; 2]>(text).unwrap_err());
/// assert_eq!(words("[1, "), "the JSON is cut short at line 1, column 4");
/// assert!(words("ddim").starts_with("the text is not JSON"));
/// assert!(words("[1, 700]").starts_with("invalid value"));
/// ```
pub fn json_words(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => format!("the JSON is cut short at line {}, column {}", error.line(), error.column()),
        Category::Syntax => format!("the text is not JSON: {error}"),
        Category::Data | Category::Io => error.to_string().replace('`', "'"),
    }
}

impl Error {
    /// Builds an error of the given kind without a place, a hint or a source.
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: Message::new(what), source: None }))
    }

    /// Builds an error about an argument that cannot be used; [`is_argument`](Self::is_argument)
    /// returns `true` for it.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = langevin::Error::argument("bad width").expected("at least 1").got("0");
    /// assert_eq!(error.to_string(), "bad width: expected at least 1, got 0");
    /// ```
    #[must_use]
    pub fn argument(what: impl Into<String>) -> Self {
        Self::new(Kind::Argument, what)
    }

    /// Builds an error about a document that breaks its format; [`is_format`](Self::is_format)
    /// returns `true` for it.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = langevin::Error::format("the header is cut short").at("model.bin");
    /// assert!(error.is_format());
    /// ```
    #[must_use]
    pub fn format(what: impl Into<String>) -> Self {
        Self::new(Kind::Format, what)
    }

    /// Builds an error about shapes that do not fit; [`is_shape`](Self::is_shape) returns `true`
    /// for it.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = langevin::Error::shape("a term has the wrong size").expected("8").got("6");
    /// assert!(error.is_shape());
    /// ```
    #[must_use]
    pub fn shape(what: impl Into<String>) -> Self {
        Self::new(Kind::Shape, what)
    }

    /// Builds an error about a quantity without a finite value; [`is_singular`](Self::is_singular)
    /// returns `true` for it.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(langevin::Error::singular("the score has no value").at("σ = 0").is_singular());
    /// ```
    #[must_use]
    pub fn singular(what: impl Into<String>) -> Self {
        Self::new(Kind::Singular, what)
    }

    /// Builds an error about a name that is not among `known`. The hint is the nearest known name,
    /// if one is near enough.
    ///
    /// [`is_unknown_name`](Self::is_unknown_name) returns `true` for it. Up to 24 known names are
    /// listed in full; of a longer list the message gives the first three and the count.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = langevin::Error::unknown("backend", "cda", &["cpu", "cuda"]);
    /// assert!(error.is_unknown_name());
    /// assert_eq!(error.hint(), Some("did you mean 'cuda'?"));
    /// ```
    #[must_use]
    pub fn unknown(what: &str, got: &str, known: &[&str]) -> Self {
        // A short list is shown whole; a long one would bury the rest of the message.
        let expected = match known {
            [first, second, third, ..] if known.len() > 24 => {
                format!("one of {} names, such as {first}, {second} or {third}", known.len())
            }
            [] => "none".to_owned(),
            all => format!("one of {}", all.join(", ")),
        };
        let error = Self::new(Kind::Name, format!("unknown {what}")).expected(expected).got(format!("'{got}'"));
        match nearest(got, known) {
            Some(near) => error.hinting(format!("did you mean '{near}'?")),
            None => error,
        }
    }

    /// Wraps an error of the caller's own code (a model, a space, a device) and keeps it as the
    /// source.
    ///
    /// [`is_model`](Self::is_model) returns `true` for the result. The text of the source follows
    /// the message, and the hint of the source follows the message's own hint.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::error::Error as _;
    /// let cause = std::io::Error::other("out of memory");
    /// let error = langevin::Error::model("the network failed", cause);
    /// assert!(error.is_model() && error.source().is_some());
    /// assert_eq!(error.to_string(), "the network failed: out of memory");
    /// ```
    pub fn model(what: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = Self::new(Kind::Model, what);
        error.0.source = Some(source.into());
        error
    }

    /// Returns this error with a changed message.
    fn say(mut self, change: impl FnOnce(Message) -> Message) -> Self {
        self.0.message = change(self.0.message);
        self
    }

    /// Adds the place of the error. A second call puts the wider place in front.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = langevin::Error::format("not a number").at("row 3").at("data.csv");
    /// assert_eq!(error.to_string(), "not a number (data.csv, row 3)");
    /// ```
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        self.say(|message| message.at(place))
    }

    /// Adds the expected value or range.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = langevin::Error::argument("bad order").expected("1, 2 or 3");
    /// assert_eq!(error.to_string(), "bad order: expected 1, 2 or 3");
    /// ```
    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        self.say(|message| message.expected(expected))
    }

    /// Adds the value found. Control characters are escaped and a long text is cut.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = langevin::Error::argument("bad name").got("a\nb");
    /// assert_eq!(error.to_string(), "bad name: got a\\nb");
    /// ```
    #[must_use]
    pub fn got(self, got: impl Into<String>) -> Self {
        self.say(|message| message.got(got))
    }

    /// Adds the text in question with a caret under one of its characters. `position` counts
    /// characters from 0.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = langevin::Error::format("bad word").pointing("R L X", 4);
    /// assert_eq!(error.to_string(), "bad word (character 5)\n  R L X\n      ^");
    /// ```
    #[must_use]
    pub fn pointing(self, text: &str, position: usize) -> Self {
        self.say(|message| message.pointing(text, position))
    }

    /// Adds a hint: what the user can try next.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = langevin::Error::argument("too few steps").hinting("use 20");
    /// assert_eq!(error.to_string(), "too few steps\nhint: use 20");
    /// ```
    #[must_use]
    pub fn hinting(self, hint: impl Into<String>) -> Self {
        self.say(|message| message.hinting(hint))
    }

    /// Returns the hint, or `None` if the error has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Error;
    /// assert_eq!(Error::argument("too few steps").hinting("use 20").hint(), Some("use 20"));
    /// assert_eq!(Error::argument("too few steps").hint(), None);
    /// ```
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.message.hint()
    }

    /// Returns `true` if a quantity has no finite value at the given place.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Prediction, Process};
    /// let flow = Process::rectified_flow();
    /// let pure_noise = flow.level(1.0)?;
    /// let error = Prediction::Epsilon.to_denoised(&flow, &pure_noise).unwrap_err();
    /// assert!(error.is_singular());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn is_singular(&self) -> bool {
        self.0.kind == Kind::Singular
    }

    /// Returns `true` if an argument is out of its range.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(langevin::Process::vp().level(-1.0).unwrap_err().is_argument());
    /// ```
    #[must_use]
    pub fn is_argument(&self) -> bool {
        self.0.kind == Kind::Argument
    }

    /// Returns `true` if a name is unknown. The hint then holds the nearest known name, if one is
    /// near enough.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(langevin::Prediction::parse("epsilom").unwrap_err().is_unknown_name());
    /// ```
    #[must_use]
    pub fn is_unknown_name(&self) -> bool {
        self.0.kind == Kind::Name
    }

    /// Returns `true` if a plan, a move word or another document breaks its format.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(langevin::Plan::from_json("{").unwrap_err().is_format());
    /// ```
    #[must_use]
    pub fn is_format(&self) -> bool {
        self.0.kind == Kind::Format
    }

    /// Returns `true` if two shapes do not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{SliceSpace, space::RowWise};
    /// let space = SliceSpace::<f64>::new(2);
    /// assert!(space.upload(&[1.0, 2.0, 3.0]).unwrap_err().is_shape());
    /// ```
    #[must_use]
    pub fn is_shape(&self) -> bool {
        self.0.kind == Kind::Shape
    }

    /// Returns `true` if the caller's own code (a model, a space, a device) failed. The caller's
    /// error is the source.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = langevin::Error::model("no prediction", std::io::Error::other("device lost"));
    /// assert!(error.is_model());
    /// ```
    #[must_use]
    pub fn is_model(&self) -> bool {
        self.0.kind == Kind::Model
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.source.is_none() {
            return self.0.message.fmt(f);
        }
        f.write_str(&with_causes(self))
    }
}

/// Returns the message followed by those of its sources. Repeated words appear once; the hints come
/// last.
fn with_causes(error: &Error) -> String {
    let own = error.0.message.to_string();
    let parts = |text: &str| -> (String, Vec<String>) {
        let mut parts = text.split("\nhint: ").map(str::to_owned);
        (parts.next().unwrap_or_default(), parts.collect())
    };
    let (mut text, mut hints) = parts(&own);
    let mut cause = error.source();
    while let Some(inner) = cause {
        let (words, more) = parts(&inner.to_string());
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        for hint in more {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        cause = inner.source();
    }
    for hint in hints {
        text.push_str("\nhint: ");
        text.push_str(&hint);
    }
    text
}

/// Wraps an input or output error of the caller's own model or space, and keeps it as the source.
///
/// # Examples
///
/// ```
/// use std::error::Error as _;
/// fn weights(path: &str) -> langevin::Result<Vec<u8>> {
///     Ok(std::fs::read(path)?)
/// }
/// let error = weights("no such file").unwrap_err();
/// assert!(error.is_model() && error.source().is_some());
/// ```
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::model(error.to_string(), error)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floods_and_control_characters_are_tamed() {
        let text = Message::new("bad").got("\u{1b}[31m".repeat(1000)).to_string();
        assert!(text.len() < 3000 && !text.contains('\u{1b}') && text.ends_with('…'), "{text}");
        let long =
            Message::new(format!("unknown variant {} at line 3", "é".repeat(100_000))).expected("y".repeat(5000));
        let long = long.hinting("z".repeat(5000)).to_string();
        assert!(long.chars().count() < 2100 && long.contains(" at line 3: expected"), "{long}");
        assert_eq!(Message::new("bad").at("row 3").at("data.csv").to_string(), "bad (data.csv, row 3)");
    }

    #[test]
    fn a_cause_is_said_once_with_its_hint() {
        let io = || std::io::Error::other("socket closed");
        let error = Error::model("the network failed", io()).at("step 3").hinting("try again");
        assert_eq!(error.to_string(), "the network failed (step 3): socket closed\nhint: try again");
        assert!(format!("{error:?}").contains("socket closed"), "{error:?}");
        assert_eq!(error.source().unwrap().to_string(), "socket closed");
        // Every error of the chain of sources appears, each text once.
        let inner = Error::model("the device failed", io()).hinting("restart it");
        let outer = Error::model("no prediction", inner).hinting("restart it");
        assert_eq!(outer.to_string(), "no prediction: the device failed: socket closed\nhint: restart it");
        assert_eq!(Error::from(io()).to_string(), "socket closed");
    }

    #[test]
    fn edit_distance() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
