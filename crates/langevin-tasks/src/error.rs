//! The error type of tasks: what failed, where, what was expected, what was found and a hint, in
//! the form of [`langevin::Error`]. Its [`Kind`] separates wrong arguments from failed work.

use crate::words::{QUOTED, ends, visible, visible_lines};
use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Classes of errors. A program that fails exits with [`code`](Kind::code).
///
/// ```
/// assert_eq!(langevin_tasks::Kind::Misused.code(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The work failed: a file has bad content, an output cannot be written, or a network cannot be
    /// evaluated.
    Failed = 1,
    /// The arguments are wrong: unknown names, values out of range, files that do not exist.
    Misused = 2,
    /// The user interrupted the work (128 + SIGINT).
    Interrupted = 130,
}

impl Kind {
    /// Returns the exit code: 1, 2 or 130.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// An error of a task.
///
/// Texts from outside the program are escaped for terminals and shortened to a length that a
/// message can quote.
///
/// ```
/// use langevin_tasks::{Error, Kind};
/// let error = Error::misused("bad number of rows").at("count").expected("2 or more").got("1");
/// assert_eq!(error.to_string(), "bad number of rows (count): expected 2 or more, got 1");
/// assert_eq!(error.kind(), Kind::Misused);
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    words: Box<Words>,
    /// The library error behind this one.
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The parts of the message.
#[derive(Clone, Debug, Default)]
struct Words {
    what: String,
    place: Option<String>,
    expected: Option<String>,
    got: Option<String>,
    hint: Option<String>,
}

/// Maximum number of characters of a place: an argument's value and a path, each with its own
/// limit.
const MOST_PLACE: usize = 2 * QUOTED;
/// Maximum number of characters of the program's own text, which may contain quotes.
const MOST_WORDS: usize = 10 * QUOTED;

impl Error {
    fn new(kind: Kind, what: impl Into<String>) -> Self {
        let what =
            visible_lines(&what.into()).lines().map(|line| ends(line, MOST_WORDS)).collect::<Vec<_>>().join("\n");
        Self { kind, words: Box::new(Words { what, ..Words::default() }), cause: None }
    }

    /// Builds an error of work that failed.
    ///
    /// ```
    /// use langevin_tasks::{Error, Kind};
    /// assert_eq!(Error::failed("no rows").kind(), Kind::Failed);
    /// ```
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Kind::Failed, what)
    }

    /// Builds an error of wrong arguments.
    ///
    /// ```
    /// use langevin_tasks::{Error, Kind};
    /// assert_eq!(Error::misused("unknown class").kind(), Kind::Misused);
    /// ```
    pub fn misused(what: impl Into<String>) -> Self {
        Self::new(Kind::Misused, what)
    }

    /// Builds an error without a message, for a caller that has already reported everything.
    ///
    /// ```
    /// use langevin_tasks::{Error, Kind};
    /// assert_eq!(Error::silent(Kind::Failed).to_string(), "");
    /// ```
    #[must_use]
    pub fn silent(kind: Kind) -> Self {
        Self::new(kind, "")
    }

    /// Builds an error of work that the user interrupted.
    ///
    /// ```
    /// use langevin_tasks::Error;
    /// assert_eq!(Error::interrupted("interrupted").kind().code(), 130);
    /// ```
    pub fn interrupted(what: impl Into<String>) -> Self {
        Self::new(Kind::Interrupted, what)
    }

    /// Sets the place: an argument or a file.
    ///
    /// ```
    /// use langevin_tasks::Error;
    /// assert_eq!(Error::failed("no rows").at("‹data›").to_string(), "no rows (‹data›)");
    /// ```
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.words.place = Some(ends(&visible(&place.into()), MOST_PLACE));
        self
    }

    /// Sets the place to a file.
    ///
    /// ```
    /// use langevin_tasks::Error;
    /// let error = Error::failed("no rows").in_file("rows.csv".as_ref());
    /// assert_eq!(error.to_string(), "no rows (rows.csv)");
    /// ```
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        self.at(path.display().to_string())
    }

    /// Sets what was expected.
    ///
    /// ```
    /// use langevin_tasks::Error;
    /// let error = Error::failed("bad count").expected("a number");
    /// assert_eq!(error.to_string(), "bad count: expected a number");
    /// ```
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.words.expected = Some(ends(&visible(&expected.into()), MOST_WORDS));
        self
    }

    /// Sets what was found.
    ///
    /// ```
    /// use langevin_tasks::Error;
    /// let error = Error::failed("cannot read the file").got("denied");
    /// assert_eq!(error.to_string(), "cannot read the file: denied");
    /// ```
    #[must_use]
    pub fn got(mut self, got: impl Into<String>) -> Self {
        self.words.got = Some(ends(&visible(&got.into()), QUOTED));
        self
    }

    /// Sets the hint: what the user can try.
    ///
    /// ```
    /// use langevin_tasks::Error;
    /// let error = Error::failed("no rows").hint("give another file");
    /// assert_eq!(error.to_string(), "no rows\nhint: give another file");
    /// ```
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.words.hint = Some(ends(&visible(&hint.into()), MOST_WORDS));
        self
    }

    /// Builds the error of a missing file that the argument `flag` names.
    ///
    /// ```
    /// let error = langevin_tasks::Error::missing("--data", "rows.csv".as_ref());
    /// assert_eq!(error.to_string(), "no such file (--data rows.csv)");
    /// ```
    #[must_use]
    pub fn missing(flag: &str, path: &Path) -> Self {
        Self::misused("no such file").at(format!("{flag} {}", path.display()))
    }

    /// Builds the error of a file that could not be read.
    ///
    /// ```
    /// use langevin_tasks::{Error, Kind};
    /// let path = "rows.csv".as_ref();
    /// let error = Error::reading(path, &std::io::ErrorKind::PermissionDenied.into());
    /// assert_eq!(error.kind(), Kind::Failed);
    /// assert!(error.to_string().starts_with("cannot read the file (rows.csv)"));
    /// ```
    #[must_use]
    pub fn reading(path: &Path, error: &std::io::Error) -> Self {
        Self::failed("cannot read the file").in_file(path).got(error.to_string())
    }

    /// Builds the error of a file that could not be written.
    ///
    /// ```
    /// use langevin_tasks::Error;
    /// let path = "missing/folder/plan.json".as_ref();
    /// let error = Error::writing(path, &std::io::ErrorKind::NotFound.into());
    /// assert!(error.to_string().ends_with("hint: create the directory first"));
    /// ```
    #[must_use]
    pub fn writing(path: &Path, error: &std::io::Error) -> Self {
        let failure = Self::failed("cannot write the output").in_file(path);
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        match error.kind() {
            std::io::ErrorKind::NotFound if directory.is_none_or(Path::exists) => {
                failure.got("its directory takes no new files")
            }
            std::io::ErrorKind::NotFound => {
                failure.expected("a directory that exists").got("none").hint("create the directory first")
            }
            _ => failure.got(error.to_string()),
        }
    }

    /// Returns the class of the error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the library error behind this one, if there is one of type `E`.
    ///
    /// ```
    /// use langevin_tasks::Blame as _;
    /// let error = langevin::Process::parse("vq").or_misused().unwrap_err();
    /// assert!(error.cause::<langevin::Error>().is_some_and(langevin::Error::is_unknown_name));
    /// ```
    #[must_use]
    pub fn cause<E: StdError + 'static>(&self) -> Option<&E> {
        self.cause.as_ref()?.downcast_ref()
    }

    /// Returns the message with its hints.
    #[must_use]
    pub fn text(&self) -> String {
        // The library's hint is split off, because hints are printed after the place and the
        // values.
        let (what, own) =
            self.words.what.split_once("\nhint: ").map_or((&*self.words.what, None), |(w, h)| (w, Some(h)));
        let mut text = what.to_owned();
        let mut add = |piece: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _ = text.write_fmt(piece);
        };
        if let Some(place) = &self.words.place {
            add(format_args!(" ({place})"));
        }
        match (&self.words.expected, &self.words.got) {
            (Some(expected), Some(got)) => add(format_args!(": expected {expected}, got {got}")),
            (Some(expected), None) => add(format_args!(": expected {expected}")),
            (None, Some(got)) => add(format_args!(": {got}")),
            (None, None) => {}
        }
        let given = self.words.hint.as_deref().filter(|given| own != Some(given));
        for hint in own.into_iter().chain(given) {
            add(format_args!("\nhint: {hint}"));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

/// Conversion of library errors to errors of tasks.
///
/// ```
/// use langevin_tasks::{Blame as _, Kind};
/// let read = std::fs::read("missing").or_failed();
/// assert_eq!(read.unwrap_err().kind(), Kind::Failed);
/// ```
pub trait Blame<T> {
    /// Converts an error to an error of wrong arguments.
    ///
    /// # Errors
    /// Returns the converted error if the result is an error.
    fn or_misused(self) -> Result<T>;
    /// Converts an error to an error of failed work.
    ///
    /// # Errors
    /// Returns the converted error if the result is an error.
    fn or_failed(self) -> Result<T>;
}

impl<T, E: StdError + Send + Sync + 'static> Blame<T> for std::result::Result<T, E> {
    fn or_misused(self) -> Result<T> {
        self.map_err(|error| told(Error::misused(with_causes(&error)), error))
    }

    fn or_failed(self) -> Result<T> {
        self.map_err(|error| told(Error::failed(with_causes(&error)), error))
    }
}

/// Attaches the library error to an error of a task.
fn told(told: Error, cause: impl StdError + Send + Sync + 'static) -> Error {
    Error { cause: Some(Arc::new(cause)), ..told }
}

/// Returns the text of an error and its causes without repetitions. Hints come last.
fn with_causes(error: &dyn StdError) -> String {
    let full = error.to_string();
    let (mut text, hint) = match full.split_once("\nhint: ") {
        Some((text, hint)) => (text.to_owned(), Some(hint)),
        None => (full.clone(), None),
    };
    let mut hints: Vec<String> = hint.map(str::to_owned).into_iter().collect();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        let (words, hint) = words.split_once("\nhint: ").map_or((words.as_str(), None), |(w, h)| (w, Some(h)));
        if !text.contains(words) {
            text.push_str(": ");
            text.push_str(words);
        }
        // An error that includes its cause's text includes the cause's hint too.
        hints.extend(hint.filter(|hint| !hints.iter().any(|known| known.contains(hint))).map(str::to_owned));
        cause = inner.source();
    }
    hints.into_iter().for_each(|hint| {
        text.push_str("\nhint: ");
        text.push_str(&hint);
    });
    text
}
