//! A finite collection of rows, independent of their storage.
//!
//! | module | contents |
//! |---|---|
//! | `own`, `digits`, `names` | data sets from rows of the caller, and the built-in ones |
//! | `store` | storage of rows: numbers, or images |
//! | `reading` | rows, read on demand |
//! | `settle`, `counters` | selection of columns, without those that only count or name the rows |
//! | `refine` | rows of the model from rows of the file: constants, logarithms, channels |
//! | `statistics`, `lattice`, `spacing`, `tails`, `summary` | properties of the data |

mod counters;
mod digits;
pub(crate) mod lattice;
mod names;
mod own;
mod reading;
mod refine;
mod settle;
mod spacing;
pub(crate) mod statistics;
pub(crate) mod store;
mod summary;
pub(crate) mod tails;

use crate::about::{About, Skipped};
use crate::checks::enough;
use crate::dialect::Dialect;
use crate::error::Result;
use crate::frame::Frame;
use crate::labels::Labels;
use crate::vocabulary::Vocabulary;
use langevin::SampleId;
use langevin::noise::{draws, fill_uniforms};
use std::fmt;
use std::sync::Arc;
use store::Store;

/// Finite collection of rows of finite numbers, all of one shape. Clones share the rows.
///
/// ```
/// use langevin_data::Dataset;
/// let line = Dataset::new("line", vec![0.0, 1.0, 2.0, 3.0], &[2])?;
/// let mut out = [0.0; 4];
/// line.read(&[1, 0], &mut out)?;
/// assert_eq!((line.rows(), out), (2, [2.0, 3.0, 0.0, 1.0]));
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone)]
pub struct Dataset {
    name: String,
    shape: Vec<usize>,
    width: usize,
    rows: usize,
    /// Indices of the rows in the store; `None` for all of them.
    view: Option<Arc<[usize]>>,
    labels: Option<Arc<[u32]>>,
    classes: Arc<[String]>,
    skipped: Arc<[Skipped]>,
    store: Arc<Store>,
    about: Arc<About>,
    /// Map between rows of the file and rows of the model.
    frame: Arc<Frame>,
    chosen: Chosen,
    /// Letters of token data; `None` for rows of numbers.
    vocabulary: Option<Arc<Vocabulary>>,
    /// Number of rows after a row that share tokens with it: windows of a text.
    overlap: usize,
}

/// Mapping from a stored row to a row of the data set, where they differ.
#[derive(Clone, Debug, Default)]
struct Chosen {
    /// Number of elements of a stored row.
    stored: usize,
    /// Position in the store of each element of a row of the file.
    columns: Option<Arc<[usize]>>,
    /// Position in the file of each element of a stored row, if the reader left some out.
    numbers: Option<Arc<[usize]>>,
    /// Column of the labels, if the table has one.
    label: Option<Arc<str>>,
    /// Columns of the file that were read, if they do not hold one number each.
    listed: Option<Arc<[String]>>,
    /// True for each element of a stored row with an integer that float64 cannot represent.
    rounded: Option<Arc<[bool]>>,
    /// Position in the store of each element of a row of the model.
    places: Option<Arc<[usize]>>,
    /// True for each element of a row of the model that is a logarithm.
    logs: Option<Arc<[bool]>>,
}

impl Dataset {
    /// Builds a data set from the result of a reader.
    pub(crate) fn make(name: impl Into<String>, shape: &[usize], store: Store, labels: Option<Labels>) -> Result<Self> {
        enough(store.count())?;
        Ok(Self::of(name, shape, store, labels))
    }

    fn of(name: impl Into<String>, shape: &[usize], store: Store, labels: Option<Labels>) -> Self {
        let (labels, classes) = labels.map_or((None, vec![]), |labels| (Some(labels.of.into()), labels.classes));
        let width = shape.iter().product();
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            width,
            rows: store.count(),
            about: Arc::default(),
            frame: Arc::new(Frame::plain(shape)),
            chosen: Chosen { stored: width, ..Chosen::default() },
            view: None,
            labels,
            classes: classes.into(),
            skipped: Arc::new([]),
            store: Arc::new(store),
            vocabulary: None,
            overlap: 0,
        }
    }

    /// Sets the description of the file, and the column names if there are any.
    pub(crate) fn with_about(mut self, about: About, names: Vec<String>) -> Self {
        self.about = Arc::new(about);
        if names.len() == self.width {
            self.frame = Arc::new(Frame { names, ..(*self.frame).clone() });
        }
        self
    }

    /// Changes the description of the file.
    pub(crate) fn saying(mut self, change: impl FnOnce(About) -> About) -> Self {
        self.about = Arc::new(change((*self.about).clone()));
        self
    }

    /// Sets the positions of the columns in the file, if the reader left some out.
    pub(crate) fn numbered(mut self, columns: &[usize]) -> Self {
        self.chosen.numbers = Some(columns.into());
        self
    }

    /// Marks the elements of a stored row in which an integer was rounded.
    pub(crate) fn rounded(mut self, elements: Vec<bool>) -> Self {
        if elements.contains(&true) {
            self.chosen.rounded = Some(elements.into());
        }
        self
    }

    /// Marks the rows as read from these columns of the file, some of which hold several numbers or
    /// an image.
    pub(crate) fn of_columns(mut self, names: Vec<String>) -> Self {
        self.chosen.listed = Some(names.into());
        self
    }

    /// Sets the column of the labels.
    pub(crate) fn labelled_by(mut self, column: Option<&str>) -> Self {
        self.chosen.label = column.map(Into::into);
        self
    }

    /// Sets the dialect of the file's lines.
    pub(crate) fn written_as(mut self, dialect: Option<Dialect>) -> Self {
        self.frame = Arc::new(Frame { dialect, ..(*self.frame).clone() });
        self
    }

    /// Marks the rows as lines of a table.
    pub(crate) fn tabular(mut self) -> Self {
        self.frame = Arc::new(Frame { table: true, ..(*self.frame).clone() });
        self
    }

    pub(crate) fn with_skipped(self, skipped: Vec<Skipped>) -> Self {
        Self { skipped: skipped.into(), ..self }
    }

    /// Returns the name: the file's name without its extension.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the number of rows, at least 1.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the shape of one sample.
    ///
    /// Usual shapes are `[columns]`, `[height, width]` and `[height, width, channels]`.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let digits = Dataset::digits();
    /// assert_eq!((digits.shape(), digits.width()), (&[8, 8][..], 64));
    /// ```
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the number of elements of a row, the product of the shape.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the description of how the file was interpreted.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// assert_eq!(Dataset::digits().about().labels.as_deref(), Some("the digits"));
    /// ```
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Returns the map between rows of the file and these rows.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// assert!(Dataset::digits().frame().is_plain());
    /// ```
    #[must_use]
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Returns the label of every row, an index into [`classes`](Self::classes); `None` without
    /// labels.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let digits = Dataset::digits();
    /// assert!(digits.labels().is_some_and(|labels| labels.len() == digits.rows()));
    /// ```
    #[must_use]
    pub fn labels(&self) -> Option<&[u32]> {
        self.labels.as_deref()
    }

    /// Returns the name of each label; empty without labels.
    ///
    /// The names are sorted as numbers if all are integers, and as texts otherwise.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// assert_eq!(Dataset::digits().classes()[3], "3");
    /// ```
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns true if the values are those of images: integers from 0 (black) to
    /// [`levels`](Self::levels) − 1 (white).
    #[must_use]
    pub fn is_pictures(&self) -> bool {
        self.levels().is_some()
    }

    /// Returns the number of values that a pixel can have: 256, or 65536 if any image of the set
    /// has 16 bits.
    ///
    /// Returns `None` if the rows are not images.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// // The digits are an array, not images from files.
    /// assert!(Dataset::digits().levels().is_none() && !Dataset::digits().is_pictures());
    /// ```
    #[must_use]
    pub fn levels(&self) -> Option<u32> {
        match &*self.store {
            Store::Pictures(pictures) => Some(pictures.levels()),
            Store::Numbers(_) => None,
        }
    }

    /// Returns the files skipped so far, sorted by path.
    ///
    /// They include files found unreadable when the data set was opened, and those found unreadable
    /// since, by any part of the data set.
    ///
    /// See [`Skipped`] for an example.
    #[must_use]
    pub fn skipped(&self) -> Vec<Skipped> {
        let mut skipped = self.skipped.to_vec();
        if let Store::Pictures(pictures) = &*self.store
            && let Some(files) = pictures.undecoded()
        {
            skipped.extend(files.met());
            skipped.sort();
        }
        skipped
    }

    /// Splits the rows at random into a training part and a held-out part.
    ///
    /// `held_out` is the held-out share of the rows, rounded to whole rows. The same seed gives the
    /// same parts on every machine. Both parts have at least one row; a collection of one row is
    /// returned twice. The parts share the rows with this collection, so no value is copied.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("ten", (0..10).map(|i| i as f32).collect(), &[1])?;
    /// let (train, held_out) = data.split(0.2, 0);
    /// assert_eq!((train.rows(), held_out.rows()), (8, 2));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn split(&self, held_out: f64, seed: u64) -> (Self, Self) {
        let rows = self.rows;
        let held = ((rows as f64 * held_out).round() as usize).clamp(1, rows.saturating_sub(1).max(1));
        if self.overlap > 0 && rows > held + self.overlap {
            // Windows at the end are held out, without those that share tokens with them.
            let first = rows - held;
            let held_out: Vec<usize> = (first..rows).step_by(self.overlap + 1).collect();
            let train: Vec<usize> = (0..first - self.overlap).collect();
            return (self.part(&train), self.part(&held_out));
        }
        let order = shuffled(rows, SampleId { seed, index: 0 });
        let train = if rows == 1 { &order[..] } else { &order[held..] };
        (self.part(train), self.part(&order[..held]))
    }

    /// Returns the first `rows` rows, at least one and at most all.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("ten", (0..10).map(|i| i as f32).collect(), &[1])?;
    /// assert_eq!(data.head(3).values()?, [0.0, 1.0, 2.0]);
    /// assert_eq!((data.head(0).rows(), data.head(99).rows()), (1, 10));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn head(&self, rows: usize) -> Self {
        let rows = rows.clamp(1, self.rows);
        if rows == self.rows { self.clone() } else { self.part(&(0..rows).collect::<Vec<_>>()) }
    }

    /// Returns the rows at these indices, in this order.
    ///
    /// Indices beyond the last row are ignored. If none is left, the first row is returned.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("ten", (0..10).map(|i| i as f32).collect(), &[1])?;
    /// assert_eq!(data.select(&[7, 2, 99]).values()?, [7.0, 2.0]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let there: Vec<usize> = rows.iter().copied().filter(|row| *row < self.rows).collect();
        if there.is_empty() { self.head(1) } else { self.part(&there) }
    }

    /// Returns the position of a row among the rows that were read, from 0; `None` beyond the
    /// last row. A row keeps its position when rows are selected, as by [`split`](Self::split).
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("ten", (0..10).map(|i| i as f32).collect(), &[1])?;
    /// let some = data.select(&[7, 2]);
    /// assert_eq!([0, 1, 2].map(|row| some.position(row)), [Some(7), Some(2), None]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn position(&self, row: usize) -> Option<usize> {
        (row < self.rows).then(|| self.stored(row))
    }

    /// Returns the rows at these indices.
    fn part(&self, rows: &[usize]) -> Self {
        Self {
            rows: rows.len(),
            view: Some(rows.iter().map(|row| self.stored(*row)).collect()),
            labels: self.labels.as_ref().map(|labels| rows.iter().map(|row| labels[*row]).collect()),
            ..self.clone()
        }
    }

    /// Returns the rows with another frame, which must fit them.
    fn reframed(mut self, frame: Frame) -> Self {
        let columns = self.chosen.columns.clone();
        self.shape = frame.model_shape();
        self.width = self.shape.iter().product();
        let places = frame.places();
        let stored: Vec<usize> = match &columns {
            Some(columns) => places.iter().map(|place| columns[*place]).collect(),
            None => places.clone(),
        };
        let all = stored.len() == self.chosen.stored && stored.iter().enumerate().all(|(i, place)| i == *place);
        self.chosen.places = (!all).then(|| stored.into());
        let logged: Vec<bool> = places.iter().map(|place| frame.logs.contains(place)).collect();
        self.chosen.logs = logged.contains(&true).then(|| logged.into());
        self.frame = Arc::new(frame);
        self
    }

    /// Returns the position in the file, from 0, of a column of the table.
    fn number(&self, column: usize) -> usize {
        let stored = self.chosen.columns.as_ref().map_or(column, |columns| columns[column]);
        self.chosen.numbers.as_ref().map_or(stored, |numbers| numbers[stored])
    }

    /// Returns the index in the store of row `row`.
    fn stored(&self, row: usize) -> usize {
        self.view.as_ref().map_or(row, |view| view[row])
    }
}

/// The values are omitted, because there are too many.
impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("name", &self.name)
            .field("rows", &self.rows)
            .field("shape", &self.shape)
            .field("classes", &self.classes)
            .finish_non_exhaustive()
    }
}

/// Returns a permutation of `0..rows`, a function of `id` alone.
///
/// The permutation defines what a seed means, so it never changes between versions.
///
/// ```
/// use langevin::SampleId;
/// let order = langevin_data::shuffled(5, SampleId { seed: 1, index: 0 });
/// let mut sorted = order.clone();
/// sorted.sort_unstable();
/// assert_eq!(sorted, [0, 1, 2, 3, 4]);
/// assert_eq!(order, langevin_data::shuffled(5, SampleId { seed: 1, index: 0 }));
/// ```
#[must_use]
pub fn shuffled(rows: usize, id: SampleId) -> Vec<usize> {
    let mut keys = vec![0.0; rows];
    fill_uniforms(id, draws::DATA_ORDER.first(), &mut keys);
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]).then(a.cmp(b)));
    order
}
