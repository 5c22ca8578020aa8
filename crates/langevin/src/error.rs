//! The one error of this crate: what went wrong, where, what was expected, what was found, and what to try.
//!
//! Implementations of [`Space`](crate::Space), [`Schedule`](crate::Schedule) and
//! [`Model`](crate::Model) outside this crate build their errors with the same constructors, so that
//! users read one kind of message:
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
//!     "the tensor does not fit the batch (my space): expected 4 rows, got 3\nhint: pass the whole batch"
//! );
//! ```

mod message;
mod nearest;

pub use message::Message;
pub use nearest::distance;
pub use nearest::nearest;

use std::error::Error as StdError;
use std::fmt;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong; read it through the `is_*` predicates of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An argument that cannot be used.
    Argument,
    /// A quantity that has no finite value here.
    Singular,
    /// A name that is not known.
    Name,
    /// A plan or other document that breaks its own format.
    Format,
    /// A shape that does not fit.
    Shape,
    /// The model (the caller's code) failed.
    Model,
}

/// What went wrong, where, what was expected, what was found, and a hint.
///
/// The text is one line, `what (where): expected …, got …: cause`, then a caret under the place in a text that was read, then the hint.
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

/// What a text is that cannot be a JSON object; `None` if its first character opens one.
pub fn no_object(text: &str) -> Option<&'static str> {
    match text.trim_start().chars().next() {
        Some('{') => None,
        Some('[') => Some("a list"),
        Some(_) => Some("another text"),
        None => Some("an empty text"),
    }
}

/// What is wrong with a JSON document. A text that ends too early and one that is no JSON are
/// called so; the parser's words alone speak of its grammar.
pub fn json_words(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => format!("the JSON is cut short at line {}, column {}", error.line(), error.column()),
        Category::Syntax => format!("the text is not JSON: {error}"),
        Category::Data | Category::Io => error.to_string(),
    }
}

impl Error {
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: Message::new(what), source: None }))
    }

    /// Returns an error about an argument that cannot be used; [`is_argument`](Self::is_argument) is true.
    ///
    /// ```
    /// let error = langevin::Error::argument("bad width").expected("at least 1").got("0");
    /// assert_eq!(error.to_string(), "bad width: expected at least 1, got 0");
    /// ```
    #[must_use]
    pub fn argument(what: impl Into<String>) -> Self {
        Self::new(Kind::Argument, what)
    }

    /// Returns an error about a document that breaks its format; [`is_format`](Self::is_format) is true.
    ///
    /// ```
    /// assert!(langevin::Error::format("the header is cut short").at("model.bin").is_format());
    /// ```
    #[must_use]
    pub fn format(what: impl Into<String>) -> Self {
        Self::new(Kind::Format, what)
    }

    /// Returns an error about shapes that do not fit; [`is_shape`](Self::is_shape) is true.
    ///
    /// ```
    /// assert!(langevin::Error::shape("a term has the wrong size").expected("8").got("6").is_shape());
    /// ```
    #[must_use]
    pub fn shape(what: impl Into<String>) -> Self {
        Self::new(Kind::Shape, what)
    }

    /// Returns an error about a quantity without a finite value; [`is_singular`](Self::is_singular) is true.
    ///
    /// ```
    /// assert!(langevin::Error::singular("the score has no value").at("σ = 0").is_singular());
    /// ```
    #[must_use]
    pub fn singular(what: impl Into<String>) -> Self {
        Self::new(Kind::Singular, what)
    }

    /// Returns an error about a name that is not among `known`; the hint is the nearest known name.
    ///
    /// ```
    /// let error = langevin::Error::unknown("backend", "cda", &["cpu", "cuda"]);
    /// assert!(error.is_unknown_name());
    /// assert_eq!(error.hint(), Some("did you mean 'cuda'?"));
    /// ```
    #[must_use]
    pub fn unknown(what: &str, got: &str, known: &[&str]) -> Self {
        // A list that fits an eye is shown whole.
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

    /// Wraps an error of the caller's own code (a model, a space, a device), keeping it as the source.
    ///
    /// The text of the cause follows the message, and a hint of the cause follows the message's own.
    ///
    /// ```
    /// use std::error::Error as _;
    /// let error = langevin::Error::model("the network failed", std::io::Error::other("out of memory"));
    /// assert!(error.is_model() && error.source().is_some());
    /// assert_eq!(error.to_string(), "the network failed: out of memory");
    /// ```
    pub fn model(what: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = Self::new(Kind::Model, what);
        error.0.source = Some(source.into());
        error
    }

    /// Changes the words.
    fn say(mut self, change: impl FnOnce(Message) -> Message) -> Self {
        self.0.message = change(self.0.message);
        self
    }

    /// Adds where; if said again, the wider place comes in front.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        self.say(|message| message.at(place))
    }

    /// Adds what was expected.
    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        self.say(|message| message.expected(expected))
    }

    /// Adds what was found; control characters are escaped and a long text is cut.
    #[must_use]
    pub fn got(self, got: impl Into<String>) -> Self {
        self.say(|message| message.got(got))
    }

    /// Shows the place in a text with a caret under it; `position` counts characters from 0.
    #[must_use]
    pub fn pointing(self, text: &str, position: usize) -> Self {
        self.say(|message| message.pointing(text, position))
    }

    /// Adds what to try next.
    #[must_use]
    pub fn hinting(self, hint: impl Into<String>) -> Self {
        self.say(|message| message.hinting(hint))
    }

    /// What to try next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.message.hint()
    }

    /// Whether a quantity has no finite value at the time named: for instance an ε-prediction where α = 0.
    #[must_use]
    pub fn is_singular(&self) -> bool {
        self.0.kind == Kind::Singular
    }

    /// Whether an argument is out of its range.
    #[must_use]
    pub fn is_argument(&self) -> bool {
        self.0.kind == Kind::Argument
    }

    /// Whether a name is not known; the hint then holds the nearest one.
    #[must_use]
    pub fn is_unknown_name(&self) -> bool {
        self.0.kind == Kind::Name
    }

    /// Whether a plan, a move word or another document breaks its format.
    #[must_use]
    pub fn is_format(&self) -> bool {
        self.0.kind == Kind::Format
    }

    /// Whether two shapes do not fit.
    #[must_use]
    pub fn is_shape(&self) -> bool {
        self.0.kind == Kind::Shape
    }

    /// Whether the caller's own code failed (a model, a space, a device); its own error is the source.
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

/// The text of an error's message and of those behind it, each said once; hints last.
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

/// An error of reading or writing in the caller's own model or space; it stays the source.
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
        // The chain is walked, and nothing is said twice.
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
