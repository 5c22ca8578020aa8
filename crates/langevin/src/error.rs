//! The one error of this crate: what went wrong, where, what was expected, what was found, and what to try.

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
/// The text is one line, `what (where): expected …, got …`, then a caret under the place in a text that was read, then the hint.
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
    what: String,
    place: Option<String>,
    expected: Option<String>,
    got: Option<String>,
    snippet: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            place: None,
            expected: None,
            got: None,
            snippet: None,
            hint: None,
            source: None,
        }))
    }

    pub(crate) fn argument(what: impl Into<String>) -> Self {
        Self::new(Kind::Argument, what)
    }

    pub(crate) fn format(what: impl Into<String>) -> Self {
        Self::new(Kind::Format, what)
    }

    pub(crate) fn shape(what: impl Into<String>) -> Self {
        Self::new(Kind::Shape, what)
    }

    pub(crate) fn singular(what: impl Into<String>) -> Self {
        Self::new(Kind::Singular, what)
    }

    /// A name that is not among `known`; the hint is the nearest of them.
    pub(crate) fn unknown(what: &str, got: &str, known: &[&str]) -> Self {
        let error = Self::new(Kind::Name, format!("unknown {what}"))
            .expected(format!("one of {}", known.join(", ")))
            .got(format!("'{got}'"));
        match nearest(got, known) {
            Some(near) => error.hinting(format!("did you mean '{near}'?")),
            None => error,
        }
    }

    /// Wraps an error of a caller's own model, keeping it as the source.
    ///
    /// ```
    /// use std::error::Error as _;
    /// let error = langevin::Error::model("the network failed", std::io::Error::other("out of memory"));
    /// assert!(error.is_model() && error.source().is_some());
    /// ```
    pub fn model(what: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = Self::new(Kind::Model, what);
        error.0.source = Some(source.into());
        error
    }

    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.0.place = Some(place.into());
        self
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    pub(crate) fn got(mut self, got: impl Into<String>) -> Self {
        // What came from outside may be of any length; the message shall not be.
        let got = got.into();
        self.0.got = Some(match got.char_indices().nth(200) {
            Some((end, _)) => format!("{}…", &got[..end]),
            None => got,
        });
        self
    }

    /// Shows the place in a text with a caret under it.
    pub(crate) fn pointing(mut self, text: &str, position: usize) -> Self {
        // A long text is cut to the neighbourhood of the mistake.
        let start = position.saturating_sub(30);
        let window: String = text.chars().skip(start).take(60).collect();
        self.0.snippet = Some(format!("  {window}\n  {}^", " ".repeat(position - start)));
        self.at(format!("character {}", position + 1))
    }

    pub(crate) fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What to try next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
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

    /// Whether the caller's model failed; its own error is the source.
    #[must_use]
    pub fn is_model(&self) -> bool {
        self.0.kind == Kind::Model
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(&inner.what)?;
        if let Some(place) = &inner.place {
            write!(f, " ({place})")?;
        }
        match (&inner.expected, &inner.got) {
            (Some(expected), Some(got)) => write!(f, ": expected {expected}, got {got}")?,
            (Some(expected), None) => write!(f, ": expected {expected}")?,
            (None, Some(got)) => write!(f, ": got {got}")?,
            (None, None) => {}
        }
        if let Some(snippet) = &inner.snippet {
            write!(f, "\n{snippet}")?;
        }
        if let Some(hint) = &inner.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
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

/// The candidate with the smallest edit distance to `name`, if that is small enough to be a slip.
///
/// ```
/// assert_eq!(langevin::nearest("karas", &["uniform-t", "karras"]), Some("karras"));
/// assert_eq!(langevin::nearest("zzz", &["uniform-t", "karras"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // Names are short; a longer input is no slip and must not cost time.
    if name.len() > 64 {
        return None;
    }
    let best = candidates.iter().map(|candidate| (distance(name, candidate), *candidate)).min()?;
    (best.0 <= 1 + best.1.chars().count() / 3).then_some(best.1)
}

/// Levenshtein distance, one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_names_what_where_expected_got_and_hint() {
        let error = Error::argument("bad steps").at("--steps").expected("at least 1").got("0").hinting("use 20");
        assert_eq!(error.to_string(), "bad steps (--steps): expected at least 1, got 0\nhint: use 20");
    }

    #[test]
    fn edit_distance() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
