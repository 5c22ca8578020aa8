//! A finite collection of rows, wherever they are kept.
//!
//! | module | what is in it |
//! |---|---|
//! | `own`, `digits` | data sets of one's own rows, and the one that is built in |
//! | `store` | where rows are kept: numbers, or pictures |
//! | `reading` | rows, as they are asked for |
//! | `settle`, `counters` | the columns that were asked for, without those that only count or name the rows |
//! | `refine` | rows of the model made of rows of the file: constants, logarithms, channels |
//! | `statistics`, `lattice`, `spacing`, `tails`, `summary` | what is to be said of them |

mod counters;
mod digits;
pub(crate) mod lattice;
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
use langevin::SampleId;
use langevin::noise::{draws, fill_uniforms};
use std::fmt;
use std::sync::Arc;
use store::Store;

/// A finite collection of rows of finite numbers, all of one shape. A copy shares the rows.
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
    /// The rows of the store that these are; all of them without.
    view: Option<Arc<[usize]>>,
    labels: Option<Arc<[u32]>>,
    classes: Arc<[String]>,
    skipped: Arc<[Skipped]>,
    store: Arc<Store>,
    about: Arc<About>,
    /// Between rows of the file and of the model.
    frame: Arc<Frame>,
    chosen: Chosen,
}

/// Which elements of a stored row make a row, where not all do in their order.
#[derive(Clone, Debug, Default)]
struct Chosen {
    /// Elements of a stored row.
    stored: usize,
    /// The place in the store of each element of a row of the file.
    columns: Option<Arc<[usize]>>,
    /// The place in the file of each element of a stored row, where the reader left some out.
    numbers: Option<Arc<[usize]>>,
    /// The column of the labels, where a table has them.
    label: Option<Arc<str>>,
    /// The columns of the file that were read, where these are not one number each.
    listed: Option<Arc<[String]>>,
    /// Whether some whole number of each element of a stored row is beyond those that a float64 holds.
    rounded: Option<Arc<[bool]>>,
    /// The place in the store of each element of a row of the model.
    places: Option<Arc<[usize]>>,
    /// Whether each element of a row of the model is a logarithm.
    logs: Option<Arc<[bool]>>,
}

impl Dataset {
    /// What every kind of file ends in.
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
        }
    }

    /// With what a person should know of the file, and the names of the columns where they have some.
    pub(crate) fn with_about(mut self, about: About, names: Vec<String>) -> Self {
        self.about = Arc::new(about);
        if names.len() == self.width {
            self.frame = Arc::new(Frame { names, ..(*self.frame).clone() });
        }
        self
    }

    /// Changes what is said of the file.
    pub(crate) fn saying(mut self, change: impl FnOnce(About) -> About) -> Self {
        self.about = Arc::new(change((*self.about).clone()));
        self
    }

    /// With the places that the columns have in the file, where the reader left some out.
    pub(crate) fn numbered(mut self, columns: &[usize]) -> Self {
        self.chosen.numbers = Some(columns.into());
        self
    }

    /// With the elements of a stored row of which some whole number was rounded.
    pub(crate) fn rounded(mut self, elements: Vec<bool>) -> Self {
        if elements.contains(&true) {
            self.chosen.rounded = Some(elements.into());
        }
        self
    }

    /// As rows that are read of these columns of the file, of which some stand for several numbers or a
    /// picture.
    pub(crate) fn of_columns(mut self, names: Vec<String>) -> Self {
        self.chosen.listed = Some(names.into());
        self
    }

    /// With the column that the labels come from.
    pub(crate) fn labelled_by(mut self, column: Option<&str>) -> Self {
        self.chosen.label = column.map(Into::into);
        self
    }

    /// With how the lines of the file are written.
    pub(crate) fn written_as(mut self, dialect: Option<Dialect>) -> Self {
        self.frame = Arc::new(Frame { dialect, ..(*self.frame).clone() });
        self
    }

    /// As lines of a table.
    pub(crate) fn tabular(mut self) -> Self {
        self.frame = Arc::new(Frame { table: true, ..(*self.frame).clone() });
        self
    }

    pub(crate) fn with_skipped(self, skipped: Vec<Skipped>) -> Self {
        Self { skipped: skipped.into(), ..self }
    }

    /// What it is called: a file's name without its ending.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of rows, one or more.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The shape of one sample: `[columns]`, `[height, width]` or `[height, width, channels]` for what most
    /// files hold.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements of a row, the product of the shape.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// How the file was understood.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The map between rows of the file and these rows.
    #[must_use]
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The label of every row, an index into [`classes`](Self::classes), where the file has labels.
    #[must_use]
    pub fn labels(&self) -> Option<&[u32]> {
        self.labels.as_deref()
    }

    /// What each label is called: sorted as numbers if all are whole numbers, as texts otherwise. Empty
    /// without labels.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Whether the values are those of pictures: whole numbers from 0 (black) to [`levels`](Self::levels) −
    /// 1 (white).
    #[must_use]
    pub fn is_pictures(&self) -> bool {
        self.levels().is_some()
    }

    /// How many values a sample of a picture can have: 256, or 65536 if any picture of the set has 16 bits.
    /// `None` if the rows are no pictures.
    #[must_use]
    pub fn levels(&self) -> Option<u32> {
        match &*self.store {
            Store::Pictures(pictures) => Some(pictures.levels()),
            Store::Numbers(_) => None,
        }
    }

    /// The files that were left out so far, sorted by path: those found bad at opening, and those of all
    /// parts that were found bad at reading since.
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

    /// Two parts, shuffled: to train on, and a share `held_out` of the rows, rounded, to test on. The same
    /// seed gives the same parts everywhere.
    ///
    /// Both keep at least one row; a collection of one row is returned twice. The parts share the rows with
    /// this collection: no value is copied.
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
        let order = shuffled(rows, SampleId { seed, index: 0 });
        let train = if rows == 1 { &order[..] } else { &order[held..] };
        (self.part(train), self.part(&order[..held]))
    }

    /// The first rows, at most as many as there are and at least one.
    #[must_use]
    pub fn head(&self, rows: usize) -> Self {
        let rows = rows.clamp(1, self.rows);
        if rows == self.rows { self.clone() } else { self.part(&(0..rows).collect::<Vec<_>>()) }
    }

    /// The rows of these numbers, which are below [`rows`](Self::rows) and at least one: those beyond are
    /// left out.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let there: Vec<usize> = rows.iter().copied().filter(|row| *row < self.rows).collect();
        if there.is_empty() { self.head(1) } else { self.part(&there) }
    }

    /// The rows of these numbers.
    fn part(&self, rows: &[usize]) -> Self {
        Self {
            rows: rows.len(),
            view: Some(rows.iter().map(|row| self.stored(*row)).collect()),
            labels: self.labels.as_ref().map(|labels| rows.iter().map(|row| labels[*row]).collect()),
            ..self.clone()
        }
    }

    /// The rows with this frame, which fits them.
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

    /// The place in the file, from 0, of a column of the table.
    fn number(&self, column: usize) -> usize {
        let stored = self.chosen.columns.as_ref().map_or(column, |columns| columns[column]);
        self.chosen.numbers.as_ref().map_or(stored, |numbers| numbers[stored])
    }

    /// Where the store has row `row`.
    fn stored(&self, row: usize) -> usize {
        self.view.as_ref().map_or(row, |view| view[row])
    }
}

/// The values are too many to be shown.
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

/// A permutation of `0..rows`, a function of `id` alone: what a seed means, which must not change.
#[must_use]
pub fn shuffled(rows: usize, id: SampleId) -> Vec<usize> {
    let mut keys = vec![0.0; rows];
    fill_uniforms(id, draws::DATA_ORDER.first(), &mut keys);
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]).then(a.cmp(b)));
    order
}
