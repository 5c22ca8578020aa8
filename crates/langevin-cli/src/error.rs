//! What is printed when something is wrong, and the exit code.
//!
//! `error: what (where): expected …, got …`, then `hint: …`: the form of [`langevin::Error`], for everything that is not the library's.

use crate::words::{QUOTED, ends, visible, visible_lines};
use std::error::Error;
use std::io::Write as _;
use std::path::Path;

/// A result of a command.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// How the program ends when it does not succeed. The numbers are promised in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The work failed: bad content in a file, an output that cannot be written, a network that cannot be evaluated.
    Failed = 1,
    /// The command was misused: unknown names, values out of range, files that do not exist.
    Misused = 2,
    /// The user interrupted it (128 + SIGINT).
    Interrupted = 130,
}

/// Why a command did not succeed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    words: Box<Words>,
}

/// What is said.
#[derive(Clone, Debug, Default)]
struct Words {
    what: String,
    place: Option<String>,
    expected: Option<String>,
    got: Option<String>,
    hint: Option<String>,
}

/// The most characters of a place: two quotes, of a flag's value and of a path.
const MOST_PLACE: usize = 2 * QUOTED;
/// The most characters of what the program says itself, in which something may be quoted.
const MOST_WORDS: usize = 10 * QUOTED;

impl Failure {
    fn new(exit: Exit, what: impl Into<String>) -> Self {
        let what =
            visible_lines(&what.into()).lines().map(|line| ends(line, MOST_WORDS)).collect::<Vec<_>>().join("\n");
        Self { exit, words: Box::new(Words { what, ..Words::default() }) }
    }

    /// The work failed.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    /// The command was misused.
    pub fn misused(what: impl Into<String>) -> Self {
        Self::new(Exit::Misused, what)
    }

    /// What there is to say was said.
    pub fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// The user interrupted it.
    pub fn interrupted(what: impl Into<String>) -> Self {
        Self::new(Exit::Interrupted, what)
    }

    /// Where.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.words.place = Some(ends(&visible(&place.into()), MOST_PLACE));
        self
    }

    /// Where: this file.
    pub fn in_file(self, path: &Path) -> Self {
        self.at(path.display().to_string())
    }

    /// What was expected.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.words.expected = Some(ends(&visible(&expected.into()), MOST_WORDS));
        self
    }

    /// What was found.
    pub fn got(mut self, got: impl Into<String>) -> Self {
        self.words.got = Some(ends(&visible(&got.into()), QUOTED));
        self
    }

    /// What to try.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.words.hint = Some(ends(&visible(&hint.into()), MOST_WORDS));
        self
    }

    /// A file that is not there: `flag` names it.
    pub fn missing(flag: &str, path: &Path) -> Self {
        Self::misused("no such file").at(format!("{flag} {}", path.display()))
    }

    /// A file that could not be read.
    pub fn reading(path: &Path, error: &std::io::Error) -> Self {
        Self::failed("cannot read the file").in_file(path).got(error.to_string())
    }

    /// A file that could not be written.
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

    /// The text, without the leading `error: `.
    pub fn text(&self) -> String {
        // A library's own hint comes last, behind what is known here.
        let (what, own) =
            self.words.what.split_once("\nhint: ").map_or((&*self.words.what, None), |(w, h)| (w, Some(h)));
        let mut text = what.to_owned();
        let mut add = |piece: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _ = std::fmt::Write::write_fmt(&mut text, piece);
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

    /// Prints it on stderr, coloured on a terminal that wants colours.
    pub fn print(&self) {
        use clap::builder::styling::{AnsiColor, Style};
        let (red, blue) = (AnsiColor::Red.on_default().bold(), AnsiColor::Cyan.on_default().bold());
        let paint = |style: Style, word: &str| format!("{style}{word}{style:#}");
        let mut out = anstream::stderr().lock();
        for (number, line) in self.text().lines().enumerate() {
            // Nothing can be done about an error that cannot be said.
            let _ = match line.strip_prefix("hint: ") {
                _ if number == 0 => writeln!(out, "{} {line}", paint(red, "error:")),
                Some(rest) => writeln!(out, "{} {rest}", paint(blue, "hint:")),
                None => writeln!(out, "{line}"),
            };
        }
    }
}

/// Says whose fault a library's error is.
pub trait Blame<T> {
    /// The user asked for something that cannot be.
    fn or_misused(self) -> Result<T>;
    /// The work failed.
    fn or_failed(self) -> Result<T>;
}

impl<T, E: Error> Blame<T> for std::result::Result<T, E> {
    fn or_misused(self) -> Result<T> {
        self.map_err(|error| Failure::misused(in_flags(&with_causes(&error))))
    }

    fn or_failed(self) -> Result<T> {
        self.map_err(|error| Failure::failed(in_flags(&with_causes(&error))))
    }
}

/// The text of an error about a request, whose words are flags here.
fn in_flags(text: &str) -> String {
    langevin::request::spelled(text, |word| format!("--{word}"))
}

/// The text of an error and of those behind it, each said once; hints last.
fn with_causes(error: &dyn Error) -> String {
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
        hints.extend(hint.map(str::to_owned));
        cause = inner.source();
    }
    hints.into_iter().for_each(|hint| {
        text.push_str("\nhint: ");
        text.push_str(&hint);
    });
    text
}
