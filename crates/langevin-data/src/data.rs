//! A finite collection of rows, wherever they are kept.

use crate::augment::Augment;
use crate::error::{Error, Result};
use crate::labels::Labels;
use crate::store::{Scratch, Store};
use langevin::SampleId;
use langevin::noise::fill_uniforms;
use rayon::prelude::*;
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
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            width: shape.iter().product(),
            rows,
            view: None,
            labels,
            classes: classes.into(),
            skipped: Arc::new([]),
            store: Arc::new(store),
        }
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
        Self::of("digits", DIGIT_ROWS, &[8, 8], Store::Floats(values), Some(labels))
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

    /// Fills `out` with the rows of these numbers (from 0), one after the other.
    ///
    /// A picture that is found bad only now, with [`Options::skip_bad`](crate::Options::skip_bad), is replaced by the next readable one of this collection and of
    /// the same label, after the last comes the first; it is listed in [`skipped`](Self::skipped). So what is read is a function of the files alone.
    ///
    /// # Errors
    /// A row that is not there, or an `out` that does not hold `rows.len()` × [`width`](Self::width) numbers; a file that can no longer be read, or a bad picture.
    pub fn read(&self, rows: &[usize], out: &mut [f32]) -> Result<()> {
        self.check(rows, out, self.width)?;
        self.each(rows, self.width, out, |_, row, scratch, out| self.store.read(row, &self.shape, None, scratch, out))
    }

    /// All rows, one after the other.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn values(&self) -> Result<Vec<f32>> {
        self.rows_of(&(0..self.rows).collect::<Vec<_>>())
    }

    /// Row `row`.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn row(&self, row: usize) -> Result<Vec<f32>> {
        self.rows_of(&[row])
    }

    fn rows_of(&self, rows: &[usize]) -> Result<Vec<f32>> {
        let mut out = vec![0.0; rows.len() * self.width];
        self.read(rows, &mut out)?;
        Ok(out)
    }

    /// The rows of [`read`](Self::read), changed as `augment` says: `out` holds samples of [`Augment::shape`], one after the other.
    ///
    /// Where a crop begins and whether a sample is flipped are functions of its `ids` and `draw` alone (uniforms of [`langevin::noise`]), so that neither the order
    /// nor the size of a batch matters. The crop is taken from the whole picture, also where [`Options::size`](crate::Options::size) has
    /// [`read`](Self::read) take the middle of a larger one.
    ///
    /// ```
    /// use langevin::SampleId;
    /// use langevin_data::{Augment, Dataset};
    /// let data = Dataset::new("two", (0..32).map(|i| i as f32).collect(), &[4, 4])?;
    /// let augment = Augment::default().crop(2, 2).flip(true);
    /// let ids = [SampleId { seed: 1, index: 0 }, SampleId { seed: 1, index: 1 }];
    /// let (mut both, mut second) = ([0.0; 8], [0.0; 4]);
    /// data.read_augmented(&[0, 1], &ids, 0, &augment, &mut both)?;
    /// data.read_augmented(&[1], &ids[1..], 0, &augment, &mut second)?;
    /// assert_eq!(both[4..], second);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`read`](Self::read); another number of ids than of rows; rows that are no pictures, or a crop that is larger than they are.
    pub fn read_augmented(
        &self,
        rows: &[usize],
        ids: &[SampleId],
        draw: u32,
        augment: &Augment,
        out: &mut [f32],
    ) -> Result<()> {
        if ids.len() != rows.len() {
            return Err(Error::argument("every row needs an id of its own")
                .expected(format!("{} ids", rows.len()))
                .got(ids.len().to_string()));
        }
        let shape = augment.shape(&self.shape)?;
        let width = shape.iter().product();
        self.check(rows, out, width)?;
        let [height, across, ..] = shape[..] else {
            // Nothing is to be changed.
            return self.read(rows, out);
        };
        let own = (self.shape[0], self.shape[1]);
        self.each(rows, width, out, |position, row, scratch, out| {
            let extent = self.store.extent(row).unwrap_or(own);
            let place = augment.place(ids[position], draw, extent, (height, across));
            let window = augment.crop.is_some().then_some(place.window);
            self.store.read(row, &self.shape, window, scratch, out)?;
            if place.flipped {
                Augment::mirror(out, across, shape.get(2).copied().unwrap_or(1));
            }
            Ok(())
        })
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
    fn stored(&self, row: usize) -> usize {
        self.view.as_ref().map_or(row, |view| view[row])
    }

    fn check(&self, rows: &[usize], out: &[f32], width: usize) -> Result<()> {
        if let Some(row) = rows.iter().find(|row| **row >= self.rows) {
            return Err(Error::argument("no such row")
                .at(&self.name)
                .expected(format!("below {}", self.rows))
                .got(row.to_string()));
        }
        if rows.len().checked_mul(width) != Some(out.len()) {
            return Err(Error::argument("the rows do not fill the room for them")
                .at(&self.name)
                .expected(format!("{} × {width} numbers", rows.len()))
                .got(out.len().to_string()));
        }
        Ok(())
    }

    /// Fills `out` row after row with what `read` writes for the row at that position, the second argument being the store's number for it.
    fn each(
        &self,
        rows: &[usize],
        width: usize,
        out: &mut [f32],
        read: impl Fn(usize, usize, &mut Scratch, &mut [f32]) -> Result<()> + Sync,
    ) -> Result<()> {
        let Store::Files(files) = &*self.store else {
            let mut scratch = Scratch::default();
            return rows
                .iter()
                .zip(out.chunks_exact_mut(width))
                .enumerate()
                .try_for_each(|(position, (row, out))| read(position, self.stored(*row), &mut scratch, out));
        };
        // Decoding is long; which thread does it changes nothing. The first error in the order of the rows is the one that is told.
        let one = |position: usize, row: usize, out: &mut [f32]| {
            let mut first = None;
            for candidate in (row..self.rows).chain(0..row) {
                if self.labels.as_ref().is_some_and(|labels| labels[candidate] != labels[row]) {
                    continue;
                }
                let stored = self.stored(candidate);
                if files.is_bad(stored) {
                    continue;
                }
                match read(position, stored, &mut Scratch::default(), out) {
                    Err(error) if files.skips() && !error.is_argument() => {
                        files.mark(stored, &error);
                        first.get_or_insert(error);
                    }
                    other => return other,
                }
            }
            let none = Error::data("no picture that could stand for it can be read").at(&self.name);
            Err(first.unwrap_or(none))
        };
        let results: Vec<Result<()>> = rows
            .par_iter()
            .zip(out.par_chunks_exact_mut(width))
            .enumerate()
            .map(|(position, (row, out))| one(position, *row, out))
            .collect();
        results.into_iter().collect()
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

/// What the data of a file are called.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(|| "data".into(), |stem| stem.to_string_lossy().into_owned())
}

/// The draw of a split: draws of training are counted from here, away from those of sampling plans, which count from 0.
const FIRST_DRAW: u32 = 0x8000_0000;

/// A permutation of `0..rows`, a function of `id` alone: what a seed means, which must not change.
#[must_use]
pub fn shuffled(rows: usize, id: SampleId) -> Vec<usize> {
    let mut keys = vec![0.0; rows];
    fill_uniforms(id, FIRST_DRAW, &mut keys);
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]).then(a.cmp(b)));
    order
}
