//! Description of how a file was read and what was left out.

use serde::Serialize;
use std::path::PathBuf;

/// Part of a file that is not among its rows.
///
/// ```
/// use langevin_data::About;
/// let about = About::new("CSV", "float64").omitting("column 'id'", "counts the rows");
/// let omitted = &about.omitted[0];
/// assert_eq!((omitted.what.as_str(), omitted.why.as_str()), ("column 'id'", "counts the rows"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Omitted {
    /// Omitted part: `column 'id'`, `the split 'test'`.
    pub what: String,
    /// Reason: `counts the rows`.
    pub why: String,
}

/// File that was skipped, with the reason.
///
/// [`Dataset::skipped`](crate::Dataset::skipped) lists skipped files.
///
/// ```
/// use langevin_data::{Options, open};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path();
/// std::fs::write(path.join("bad.png"), "not an image").unwrap();
/// # let mut good = std::io::Cursor::new(Vec::new());
/// # let mut encoder = png::Encoder::new(&mut good, 1, 1);
/// # encoder.set_color(png::ColorType::Grayscale);
/// # encoder.write_header().unwrap().write_image_data(&[7]).unwrap();
/// # std::fs::write(path.join("good.png"), good.into_inner()).unwrap();
/// let data = open(path, &Options::default().skip_bad(true))?;
/// let skipped = data.skipped();
/// assert_eq!((data.rows(), skipped.len()), (1, 1));
/// assert!(skipped[0].path.ends_with("bad.png") && !skipped[0].why.is_empty());
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Skipped {
    /// Path of the file.
    pub path: PathBuf,
    /// Reason why the file was skipped.
    pub why: String,
}

/// Description of how a file was interpreted, so that every guess of the reader is visible.
///
/// Every reader fills it in. [`Dataset::about`](crate::Dataset::about) returns it, and
/// [`Dataset::summary`](crate::Dataset::summary) formats it as one line.
///
/// ```
/// use langevin_data::About;
/// let about = About::new("CSV with a header line", "float64")
///     .omitting("column 'id'", "counts the rows")
///     .labelled("column 'kind'")
///     .noting("decimal commas");
/// assert_eq!((about.omitted.len(), about.notes.len()), (1, 1));
/// assert_eq!(about.labels.as_deref(), Some("column 'kind'"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct About {
    /// Format of the file and its layout: `CSV with a header line`.
    pub format: String,
    /// Type of the numbers: `float64`, `uint8`, `16-bit colour`.
    pub dtype: String,
    /// Omitted parts of the file.
    pub omitted: Vec<Omitted>,
    /// Source of the labels: `column 'kind'`, `array 'y'`, `sub-folders`.
    pub labels: Option<String>,
    /// Further remarks: the assumptions made for ambiguous files, and how to override them.
    pub notes: Vec<String>,
}

impl About {
    /// Creates the description of a file of this format, with numbers of this type.
    ///
    /// ```
    /// let about = langevin_data::About::new("CSV", "float64");
    /// assert!(about.omitted.is_empty() && about.labels.is_none());
    /// ```
    #[must_use]
    pub fn new(format: impl Into<String>, dtype: impl Into<String>) -> Self {
        Self { format: format.into(), dtype: dtype.into(), ..Self::default() }
    }

    /// Adds an omitted part and the reason.
    #[must_use]
    pub fn omitting(mut self, what: impl Into<String>, why: impl Into<String>) -> Self {
        self.omitted.push(Omitted { what: what.into(), why: why.into() });
        self
    }

    /// Sets the source of the labels.
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
