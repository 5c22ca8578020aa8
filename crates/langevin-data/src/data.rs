//! A finite collection of rows, wherever they are kept.

use crate::about::About;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::labels::Labels;
use crate::store::Store;
use crate::table::Dialect;
use langevin::SampleId;
use langevin::noise::{draws, fill_uniforms};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// 1797 × 64 pixels, then 1797 labels; see data/README.md.
static DIGITS: &[u8] = include_bytes!("../data/digits.bin");
const DIGIT_ROWS: usize = 1797;

/// A file that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// What was wrong with it.
    pub why: String,
}

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
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) width: usize,
    pub(crate) rows: usize,
    /// The rows of the store that these are; all of them without.
    view: Option<Arc<[usize]>>,
    labels: Option<Arc<[u32]>>,
    classes: Arc<[String]>,
    skipped: Arc<[Skipped]>,
    pub(crate) store: Arc<Store>,
    pub(crate) about: Arc<About>,
    /// Between rows of the file and of the model.
    pub(crate) frame: Arc<Frame>,
    pub(crate) chosen: Chosen,
}

/// Which elements of a stored row make a row, where not all do in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chosen {
    /// Elements of a stored row.
    pub(crate) stored: usize,
    /// The place in the store of each element of a row of the file.
    pub(crate) columns: Option<Arc<[usize]>>,
    /// The place in the file of each element of a stored row, where the reader left some out.
    pub(crate) numbers: Option<Arc<[usize]>>,
    /// The column of the labels, where a table has them.
    pub(crate) label: Option<Arc<str>>,
    /// The columns of the file that were read, where these are not one number each.
    pub(crate) listed: Option<Arc<[String]>>,
    /// Whether some whole number of each element of a stored row is beyond those that a float64 holds.
    pub(crate) rounded: Option<Arc<[bool]>>,
    /// The place in the store of each element of a row of the model.
    pub(crate) places: Option<Arc<[usize]>>,
    /// Whether each element of a row of the model is a logarithm.
    pub(crate) logs: Option<Arc<[bool]>>,
}

impl Dataset {
    /// What every kind of file ends in.
    pub(crate) fn make(
        name: impl Into<String>,
        rows: usize,
        shape: &[usize],
        store: Store,
        labels: Option<Labels>,
    ) -> Result<Self> {
        enough(rows)?;
        Ok(Self::of(name, rows, shape, store, labels))
    }

    fn of(name: impl Into<String>, rows: usize, shape: &[usize], store: Store, labels: Option<Labels>) -> Self {
        let (labels, classes) = labels.map_or((None, vec![]), |labels| (Some(labels.of.into()), labels.classes));
        let width = shape.iter().product();
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            width,
            rows,
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

    /// With the elements of a stored row of which some whole number was rounded.
    pub(crate) fn rounded(mut self, elements: Vec<bool>) -> Self {
        if elements.contains(&true) {
            self.chosen.rounded = Some(elements.into());
        }
        self
    }

    /// As rows that are read of these columns of the file, of which some stand for several numbers or a picture.
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

    /// Samples of shape `shape` (such as `[8, 8]` or `[2]`), row after row in `values`.
    ///
    /// # Errors
    /// No row, an empty shape, a number of values that is no multiple of a sample's, or a value that is not finite.
    pub fn new(name: impl Into<String>, values: Vec<f32>, shape: &[usize]) -> Result<Self> {
        let name = name.into();
        let check = || {
            let width = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size)).unwrap_or(0);
            if shape.is_empty() || width == 0 {
                return Err(Error::data("a sample has no element")
                    .expected("a shape of positive sizes")
                    .got(format!("{shape:?}")));
            }
            if values.is_empty() || !values.len().is_multiple_of(width) {
                return Err(Error::data("the values do not fill whole rows")
                    .expected(format!("a positive multiple of {width} (shape {shape:?})"))
                    .got(values.len().to_string()));
            }
            if let Some(position) = values.iter().position(|value| !value.is_finite()) {
                let place = format!("row {}, column {}", position / width + 1, position % width + 1);
                return Err(not_finite(f64::from(values[position]), &place));
            }
            Ok(Self::of(name.clone(), values.len() / width, shape, Store::Floats(values), None))
        };
        check().map_err(|error| error.at(&name))
    }

    /// The same rows, with the label of each and the name of each label.
    ///
    /// # Errors
    /// Labels that are not one for each row, or have no name.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let classes = vec!["low".to_owned(), "high".to_owned()];
    /// let data = Dataset::new("levels", vec![0.0, 9.0, 1.0], &[1])?.labeled(vec![0, 1, 0], classes)?;
    /// assert_eq!((data.labels(), data.classes()[1].as_str()), (Some(&[0, 1, 0][..]), "high"));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn labeled(self, labels: Vec<u32>, classes: Vec<String>) -> Result<Self> {
        let labels = Labels { of: labels, classes };
        fits(&labels, self.rows).map_err(|error| error.at(&self.name))?;
        Ok(Self { labels: Some(labels.of.into()), classes: labels.classes.into(), ..self })
    }

    /// 1797 handwritten digits of 8×8 pixels, values 0 to 16, with their labels.
    ///
    /// Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, DOI 10.24432/C50P49, CC BY 4.0.
    ///
    /// ```
    /// let digits = langevin_data::Dataset::digits();
    /// assert_eq!((digits.rows(), digits.shape(), digits.classes().len()), (1797, &[8, 8][..], 10));
    /// ```
    #[must_use]
    pub fn digits() -> Self {
        let (pixels, labels) = DIGITS.split_at(DIGIT_ROWS * 64);
        let labels = Labels {
            of: labels.iter().map(|label| u32::from(*label)).collect(),
            classes: (0..10).map(|digit| digit.to_string()).collect(),
        };
        let values = pixels.iter().map(|pixel| f32::from(*pixel)).collect();
        let data = Self::of("digits", DIGIT_ROWS, &[8, 8], Store::Floats(values), Some(labels));
        data.with_about(About::new("built in", "whole numbers from 0 to 16").labelled("the digits"), vec![])
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

    /// The shape of one sample: `[columns]`, `[height, width]` or `[height, width, channels]` for what most files hold.
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

    /// What each label is called: sorted as numbers if all are whole numbers, as texts otherwise. Empty without labels.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Whether the values are those of pictures: whole numbers from 0 (black) to [`levels`](Self::levels) − 1 (white).
    #[must_use]
    pub fn is_pictures(&self) -> bool {
        self.levels().is_some()
    }

    /// How many values a sample of a picture can have: 256, or 65536 if any picture of the set has 16 bits. `None` if the rows are no pictures.
    #[must_use]
    pub fn levels(&self) -> Option<u32> {
        match &*self.store {
            Store::Pixels(pixels) => Some(pixels.format().depth.levels()),
            Store::Files(files) => Some(files.format().depth.levels()),
            Store::Floats(_) | Store::Encoded(_) => None,
        }
    }

    /// The files that were left out so far, sorted by path: those found bad at opening, and those of all parts that were found bad at reading since.
    #[must_use]
    pub fn skipped(&self) -> Vec<Skipped> {
        let mut skipped = self.skipped.to_vec();
        if let Store::Files(files) = &*self.store {
            skipped.extend(files.met());
            skipped.sort();
        }
        skipped
    }

    /// Two parts, shuffled: to train on, and a share `held_out` of the rows, rounded, to test on. The same seed gives the same parts everywhere.
    ///
    /// Both keep at least one row; a collection of one row is returned twice. The parts share the rows with this collection: no value is copied.
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

    /// The rows of these numbers, which are below [`rows`](Self::rows) and at least one: those beyond are left out.
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

    /// Where the store has row `row`.
    pub(crate) fn stored(&self, row: usize) -> usize {
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

/// Labels that are one for each row, each with a name.
fn fits(labels: &Labels, rows: usize) -> Result<()> {
    if labels.of.len() != rows {
        return Err(Error::data("the labels do not fit the rows")
            .expected(format!("{rows} labels"))
            .got(labels.of.len().to_string()));
    }
    match labels.of.iter().position(|label| *label as usize >= labels.classes.len()) {
        Some(row) => Err(Error::data("a label has no name")
            .at(format!("row {}", row + 1))
            .expected(format!("below {}", labels.classes.len()))
            .got(labels.of[row].to_string())),
        None => Ok(()),
    }
}

/// Refuses what nothing can be learned from.
pub(crate) fn enough(rows: usize) -> Result<()> {
    if rows == 0 {
        return Err(Error::data("there are no rows").expected("1 or more").got("0"));
    }
    Ok(())
}

/// A number that is no finite float32, at a place counted from 1.
pub(crate) fn not_finite(value: f64, place: &str) -> Error {
    Error::data(if value.is_finite() { "a number is too large" } else { "a number is not finite" })
        .at(place)
        .expected("finite float32 numbers")
        .got(format!("{value:e}"))
        .hinting("all are counted from 1; drop or fill such rows first")
}

/// A value that is not there, at a place counted from 1: `got` stands where `expected` should. `column` is what a flag
/// calls its column, where there is one to leave out.
pub(crate) fn missing(place: &str, expected: &str, got: &str, column: Option<&str>) -> Error {
    let fill = "leave out or fill the rows that lack one";
    let error = Error::data("a value is missing").at(place).expected(expected).got(got);
    match column {
        Some(column) => error.hinting(format!("{fill}, or leave the column out: --drop {column}")),
        None => error.hinting(fill),
    }
}

/// What the data of a file are called.
pub(crate) fn name_of(path: &Path) -> String {
    let stem = path.file_stem().map_or_else(|| "data".into(), |stem| stem.to_string_lossy().into_owned());
    // rows.csv.gz has two.
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("gz") => match stem.rsplit_once('.') {
            Some((name, _)) if !name.is_empty() => name.to_owned(),
            _ => stem,
        },
        _ => stem,
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
