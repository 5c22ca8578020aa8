//! Options for reading files.

use crate::axes::Axes;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Default memory limit, 2 GiB.
const MEMORY: u64 = 2 << 30;

/// Options for reading files. Each format uses only the options that apply to it.
///
/// ```
/// use langevin_data::Options;
/// let options = Options::default().memory(64 << 20).size(32, 32).skip_bad(true);
/// assert_eq!((options.size, options.channels), (Some((32, 32)), None));
/// ```
///
/// The serialised form (`serde`) describes the meaning of a file. It therefore omits
/// [`memory`](Self::memory) and [`skip_bad`](Self::skip_bad).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Options {
    /// Largest number of bytes of values held in memory.
    ///
    /// Larger data stay in their file or go to a temporary one, and rows are read on demand.
    /// Labels, file names and buffers of a few rows come on top.
    #[serde(skip, default = "usual_memory")]
    pub memory: u64,
    /// True to skip and list unreadable images instead of returning an error.
    #[serde(skip)]
    pub skip_bad: bool,
    /// Height and width of images; larger images are cropped, smaller ones are an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<(usize, usize)>,
    /// Number of channels: 1 for gray, 3 for colour; `None` for that of the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// Column of a table that holds the labels: its name, or its number from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// True if the labels may be missing, when a model reads other rows.
    #[serde(skip)]
    pub labels_optional: bool,
    /// Labels of an array: another array of a `.npz` file, or a `.npy` file for the rows of a
    /// `.npy` file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// Columns of a table that are read, in this order: names, or numbers from 1.
    ///
    /// An empty list selects all columns that hold data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Columns of a table that are left out: names, or numbers from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// True if the first line of a table names the columns; `None` to detect a header line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Order of the axes of images in an array; `None` to guess it from the sizes.
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
    ///
    /// ```
    /// assert_eq!(langevin_data::Options::default().memory(1 << 20).memory, 1 << 20);
    /// ```
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
    ///
    /// ```
    /// assert_eq!(langevin_data::Options::default().size(32, 48).size, Some((32, 48)));
    /// ```
    #[must_use]
    pub fn size(mut self, height: usize, width: usize) -> Self {
        self.size = Some((height, width));
        self
    }

    /// Sets [`channels`](Self::channels).
    ///
    /// ```
    /// use langevin_data::{Options, open};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("one.csv");
    /// # std::fs::write(&path, "1,2\n3,4\n").unwrap();
    /// // Only gray and colour images exist.
    /// assert!(open(&path, &Options::default().channels(2)).unwrap_err().is_argument());
    /// ```
    #[must_use]
    pub fn channels(mut self, channels: u8) -> Self {
        self.channels = Some(channels);
        self
    }

    /// Sets [`label_column`](Self::label_column).
    ///
    /// ```
    /// use langevin_data::{Options, open};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("flowers.csv");
    /// # std::fs::write(&path, "width,kind\n1.5,rose\n2.5,daisy\n").unwrap();
    /// // flowers.csv: width,kind / 1.5,rose / 2.5,daisy
    /// let data = open(&path, &Options::default().label_column("kind"))?;
    /// assert_eq!(data.classes(), ["daisy", "rose"]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
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
    ///
    /// ```
    /// use langevin_data::{Options, open};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("table.csv");
    /// # std::fs::write(&path, "a,b,c\n1.5,2,3\n4.5,5,7\n").unwrap();
    /// // table.csv: a,b,c / 1.5,2,3 / 4.5,5,7
    /// let data = open(&path, &Options::default().columns(["c", "a"]))?;
    /// assert_eq!(data.values()?, [3.0, 1.5, 7.0, 4.5]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn columns<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`drop`](Self::drop).
    ///
    /// ```
    /// use langevin_data::{Options, open};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("table.csv");
    /// # std::fs::write(&path, "a,b,c\n1.5,2,3\n4.5,5,7\n").unwrap();
    /// // table.csv: a,b,c / 1.5,2,3 / 4.5,5,7
    /// let data = open(&path, &Options::default().drop(["b"]))?;
    /// assert_eq!(data.values()?, [1.5, 3.0, 4.5, 7.0]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn drop<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.drop = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`header`](Self::header).
    ///
    /// ```
    /// use langevin_data::{Options, open};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("years.csv");
    /// # std::fs::write(&path, "2019,2020\n5,6\n7,9\n").unwrap();
    /// // years.csv: 2019,2020 / 5,6 / 7,9
    /// let data = open(&path, &Options::default().header(true))?;
    /// assert_eq!((data.rows(), data.frame().names.join(" ").as_str()), (2, "2019 2020"));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn header(mut self, header: bool) -> Self {
        self.header = Some(header);
        self
    }

    /// Sets [`axes`](Self::axes).
    ///
    /// ```
    /// use langevin_data::{Axes, Options};
    /// assert_eq!(Options::default().axes(Axes::ChannelsFirst).axes, Some(Axes::ChannelsFirst));
    /// ```
    #[must_use]
    pub fn axes(mut self, axes: Axes) -> Self {
        self.axes = Some(axes);
        self
    }

    /// Checks that the options can be satisfied by a file.
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
