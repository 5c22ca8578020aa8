//! How files are read.

use crate::error::{Error, Result};

/// Bytes that may be held where nothing else is said: 2 GiB.
const MEMORY: u64 = 2 << 30;

/// How files are read. Only what a kind of file knows of is looked at.
///
/// ```
/// use langevin_data::Options;
/// let options = Options::default().memory(64 << 20).size(32, 32).skip_bad(true);
/// assert_eq!((options.size, options.channels), (Some((32, 32)), None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How many bytes of values may be held in memory. Larger data stay in their file, or go to a temporary one, and rows are read as they are asked for.
    /// Labels, the names of files and buffers of a few rows come on top.
    pub memory: u64,
    /// Whether pictures that cannot be read are left out and listed, rather than an error.
    pub skip_bad: bool,
    /// Height and width of pictures: of larger ones a part is read, smaller ones are an error.
    pub size: Option<(usize, usize)>,
    /// 1 for gray pictures, 3 for red, green and blue; by default as the files have them.
    pub channels: Option<u8>,
    /// The column of a table that holds labels: its name, or its number from 1.
    pub label_column: Option<String>,
    /// Where the labels of an array are: the name of another array of a `.npz` file, or a `.npy` file for the rows of a `.npy` file.
    pub labels: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory: MEMORY, skip_bad: false, size: None, channels: None, label_column: None, labels: None }
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
