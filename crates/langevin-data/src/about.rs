//! What was read and left out, for a person.

use serde::Serialize;
use std::path::PathBuf;

/// Something of a file that is no part of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Omitted {
    /// What was left out: `column 'id'`, `the split 'test'`.
    pub what: String,
    /// Why: `counts the rows`.
    pub why: String,
}

/// A file that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// What was wrong with it.
    pub why: String,
}

/// How a file was understood: nothing about it is guessed in silence.
///
/// Every reader fills one; [`Dataset::about`](crate::Dataset::about) gives it, and
/// [`Dataset::summary`](crate::Dataset::summary) puts it into one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct About {
    /// The kind of file and how it was taken apart: `CSV with a header line`.
    pub format: String,
    /// The type of its numbers: `float64`, `uint8`, `16-bit colour`.
    pub dtype: String,
    /// What was left out.
    pub omitted: Vec<Omitted>,
    /// Where the labels come from: `column 'kind'`, `array 'y'`, `sub-folders`.
    pub labels: Option<String>,
    /// What else a person should know: what was assumed where the file leaves room, and how to say otherwise.
    pub notes: Vec<String>,
}

impl About {
    /// Starts the description of a file of this kind, with numbers of this type.
    #[must_use]
    pub fn new(format: impl Into<String>, dtype: impl Into<String>) -> Self {
        Self { format: format.into(), dtype: dtype.into(), ..Self::default() }
    }

    /// Adds something that was left out.
    #[must_use]
    pub fn omitting(mut self, what: impl Into<String>, why: impl Into<String>) -> Self {
        self.omitted.push(Omitted { what: what.into(), why: why.into() });
        self
    }

    /// Sets where the labels come from.
    #[must_use]
    pub fn labelled(mut self, by: impl Into<String>) -> Self {
        self.labels = Some(by.into());
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}
