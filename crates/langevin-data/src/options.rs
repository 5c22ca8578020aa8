//! How files are read.

use crate::axes::Axes;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Bytes that may be held where nothing else is said: 2 GiB.
const MEMORY: u64 = 2 << 30;

/// How files are read. Only what a kind of file knows of is looked at.
///
/// ```
/// use langevin_data::Options;
/// let options = Options::default().memory(64 << 20).size(32, 32).skip_bad(true);
/// assert_eq!((options.size, options.channels), (Some((32, 32)), None));
/// ```
///
/// As a document (`serde`) it says what a file means, and so leaves out [`memory`](Self::memory) and
/// [`skip_bad`](Self::skip_bad).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Options {
    /// How many bytes of values may be held in memory. Larger data stay in their file, or go to a temporary
    /// one, and rows are read as they are asked for. Labels, the names of files and buffers of a few rows
    /// come on top.
    #[serde(skip, default = "usual_memory")]
    pub memory: u64,
    /// Whether pictures that cannot be read are left out and listed, rather than an error.
    #[serde(skip)]
    pub skip_bad: bool,
    /// Height and width of pictures: of larger ones a part is read, smaller ones are an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<(usize, usize)>,
    /// 1 for gray pictures, 3 for red, green and blue; by default as the files have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// The column of a table that holds labels: its name, or its number from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// Whether the labels may be missing: a model's own reading of other rows.
    #[serde(skip)]
    pub labels_optional: bool,
    /// Where the labels of an array are: another array of a `.npz` file, or a `.npy` file for the rows of a
    /// `.npy` file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// The columns of a table that are read, in this order: names, or numbers from 1. Empty: all that are
    /// data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The columns of a table that are left out: names, or numbers from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// Whether the first line of a table names the columns; by default the lines themselves tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The order of the axes of pictures in an array; by default their sizes tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axes: Option<Axes>,
}

fn usual_memory() -> u64 {
    MEMORY
}

impl Default for Options {
    fn default() -> Self {
        Self {
            memory: MEMORY,
            skip_bad: false,
            size: None,
            channels: None,
            label_column: None,
            labels_optional: false,
            labels: None,
            columns: Vec::new(),
            drop: Vec::new(),
            header: None,
            axes: None,
        }
    }
}

impl Options {
    /// Sets [`memory`](Self::memory), in bytes.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets [`skip_bad`](Self::skip_bad).
    #[must_use]
    pub fn skip_bad(mut self, skip: bool) -> Self {
        self.skip_bad = skip;
        self
    }

    /// Sets [`size`](Self::size).
    #[must_use]
    pub fn size(mut self, height: usize, width: usize) -> Self {
        self.size = Some((height, width));
        self
    }

    /// Sets [`channels`](Self::channels).
    #[must_use]
    pub fn channels(mut self, channels: u8) -> Self {
        self.channels = Some(channels);
        self
    }

    /// Sets [`label_column`](Self::label_column).
    #[must_use]
    pub fn label_column(mut self, column: impl Into<String>) -> Self {
        self.label_column = Some(column.into());
        self
    }

    /// Sets [`labels`](Self::labels).
    #[must_use]
    pub fn labels(mut self, array: impl Into<String>) -> Self {
        self.labels = Some(array.into());
        self
    }

    /// Sets [`columns`](Self::columns).
    #[must_use]
    pub fn columns<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`drop`](Self::drop).
    #[must_use]
    pub fn drop<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.drop = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`header`](Self::header).
    #[must_use]
    pub fn header(mut self, header: bool) -> Self {
        self.header = Some(header);
        self
    }

    /// Sets [`axes`](Self::axes).
    #[must_use]
    pub fn axes(mut self, axes: Axes) -> Self {
        self.axes = Some(axes);
        self
    }

    /// Refuses what no file can satisfy.
    pub(crate) fn check(&self) -> Result<()> {
        if self.size.is_some_and(|(height, width)| height == 0 || width == 0) {
            return Err(Error::argument("a picture has no pixel").at("size").expected("1 or more each way").got("0"));
        }
        match self.channels {
            None | Some(1 | 3) => Ok(()),
            Some(other) => Err(Error::argument("unknown number of channels")
                .at("channels")
                .expected("1 (gray) or 3 (colour)")
                .got(other.to_string())),
        }
    }
}
