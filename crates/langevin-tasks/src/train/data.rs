//! The rows of a training: preparation for a network, description, and checks.

use super::error::TrainError;
use super::observer::Warning;
use crate::error::{Blame as _, Result};
use crate::rows::beyond;
use crate::watch::COARSE;
use langevin_data::{Axes, Dataset, Lattice, Statistics};
use langevin_train::{HeldOut, Normalization, Recipe, Trainer};

/// Number of rows that are examined for values that coincide in single precision.
const LOOKED_AT: usize = 10_000;
/// Number of rows below which a warning is given.
const FEW: usize = 20;

/// The rows of a training.
#[derive(Clone, Debug)]
pub struct TrainingData {
    /// All rows.
    pub all: Dataset,
    /// The training rows.
    pub rows: Dataset,
    /// The held-out rows.
    pub held_out: Option<Dataset>,
}

/// Options for preparing rows for a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preparation<'a> {
    /// Recipe of the model that the training starts from, whose frame is applied.
    pub base: Option<&'a Recipe>,
    /// True if the user selected columns of the file, so that columns unknown to the model are left
    /// out on purpose.
    pub chosen_columns: bool,
    /// Axis order of pictures in an array.
    pub axes: Option<Axes>,
    /// Columns that are learned as logarithms.
    pub logarithms: &'a [String],
    /// True if constant elements are kept, for a network or recipe that needs complete pictures.
    pub whole: bool,
    /// True if classes are learned.
    pub conditional: bool,
    /// True if values are dequantised: a random number below the spacing is added.
    pub dequantize: bool,
}

/// Prepares rows for a network according to `how`. Constant columns are removed, logarithms are
/// taken and channels are moved last. For a training that starts from a model, the rows are
/// converted like the model's own. `warn` receives warnings for the user.
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::train::{Preparation, prepare};
/// // The second column is constant.
/// let rows = Dataset::new("table", vec![0.0, 7.0, 1.0, 7.0, 5.0, 7.0], &[2])?;
/// let rows = prepare(rows, &Preparation::default(), &mut |_| ())?;
/// assert_eq!(rows.width(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if there are fewer than two rows or all rows of a table are equal. Returns an
/// error if the data have no classes to learn, have columns that the model does not know, or cannot
/// be read.
pub fn prepare(all: Dataset, how: &Preparation<'_>, warn: &mut dyn FnMut(Warning)) -> Result<Dataset, TrainError> {
    if how.base.is_some() && !how.chosen_columns {
        refuse_more(&all)?;
    }
    let skipped = all.skipped();
    if let Some(first) = skipped.first() {
        warn(Warning::Skipped { count: skipped.len(), first: first.clone() });
    }
    if all.rows() < 2 {
        return Err(TrainError::TooFewRows(all.rows()));
    }
    if all.vocabulary().is_some() {
        // Letters are names, so they have no scale and no spacing.
        return Ok(all);
    }
    if is_constant(&all)? {
        if all.shape().len() == 1 {
            return Err(TrainError::AllSame(all.rows()));
        }
        warn(Warning::AllSame);
    }
    let all = framed(all, how)?;
    if how.conditional && all.labels().is_none() {
        return Err(TrainError::NoClasses);
    }
    if how.dequantize && all.lattice().or_failed()?.is_none() {
        warn(Warning::NoSpacing);
    }
    Ok(all)
}

fn framed(all: Dataset, how: &Preparation<'_>) -> Result<Dataset, TrainError> {
    let wrong = |error: langevin_data::Error| TrainError::Data(Box::new(error));
    match how.base {
        Some(Recipe { frame: Some(frame), .. }) => all.framed(frame).map_err(wrong),
        // A model without a frame takes rows as they are.
        Some(_) => Ok(all),
        None => {
            let mut all = all.channels_last(how.axes).map_err(wrong)?;
            if takes_out(how.whole, &all)? {
                all = all.without_constants().map_err(wrong)?;
            }
            all.with_logarithms(how.logarithms).map_err(wrong)
        }
    }
}

/// Returns true if all rows are equal.
fn is_constant(all: &Dataset) -> Result<bool> {
    let first = all.head(1).values_wide().or_failed()?;
    // The first two rows usually settle the question without reading the rest.
    for rows in [2, all.rows()] {
        let some = all.head(rows).values_wide().or_failed()?;
        if some.chunks_exact(all.width()).any(|row| row != first) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses columns that the base model does not know, unless the user selected the columns.
fn refuse_more(all: &Dataset) -> Result<(), TrainError> {
    let omitted = all.about().omitted.iter().filter(|one| one.why == "not asked for");
    let more: Vec<String> = omitted.map(|one| one.what.clone()).collect();
    if more.is_empty() {
        return Ok(());
    }
    Err(TrainError::MoreColumns { more, names: all.frame().names.clone(), width: all.frame().width() })
}

/// Returns true if constant elements are removed: in tables, and in arrays that are not pictures if
/// the network does not need complete rows.
fn takes_out(whole: bool, all: &Dataset) -> Result<bool> {
    if all.shape().len() == 1 {
        return Ok(true);
    }
    Ok(!whole && !all.is_levels() && matches!(all.statistics().or_failed()?, Statistics::Columns { .. }))
}

/// A description of the rows, in addition to what the data set itself records.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// Description of the scale that is fitted to the rows; `None` if the recipe sets the scale.
    pub scale: Option<String>,
    /// Spacing of the values, if all columns have the same.
    pub spacing: Option<f64>,
    /// The classes.
    pub classes: Vec<ClassCount>,
}

/// The number of rows of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassCount {
    /// Name of the class.
    pub name: String,
    /// Number of training rows.
    pub rows: usize,
    /// Number of held-out rows.
    pub held_out: usize,
}

impl TrainingData {
    /// Splits rows into training rows and held-out rows.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// use langevin_tasks::train::TrainingData;
    /// let all = Dataset::new("line", (0..100).map(|i| i as f32).collect(), &[1])?;
    /// let data = TrainingData::split(all, Some(langevin_train::HeldOut { share: 0.1, seed: 0 }));
    /// assert_eq!((data.rows.rows(), data.held_out.map(|rows| rows.rows())), (90, Some(10)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn split(all: Dataset, held_out: Option<HeldOut>) -> Self {
        let (rows, held_out) = match held_out {
            Some(held) => {
                let (rows, held_out) = all.split(held.share, held.seed);
                (rows, Some(held_out))
            }
            None => (all.clone(), None),
        };
        Self { all, rows, held_out }
    }

    /// Describes the rows as a training with this recipe uses them.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// use langevin_tasks::train::TrainingData;
    /// use langevin_train::{Budget, Recipe};
    /// let data = TrainingData::split(Dataset::new("line", vec![0.0, 1.0, 2.0], &[1])?, None);
    /// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
    /// assert_eq!(data.describe(&recipe)?.spacing, Some(1.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the rows cannot be read.
    pub fn describe(&self, recipe: &Recipe) -> Result<Description> {
        if self.all.vocabulary().is_some() {
            return Ok(Description { scale: None, spacing: None, classes: self.classes() });
        }
        let map = match &recipe.normalization {
            Some(given) => given.clone(),
            None => Normalization::fit(&self.rows).or_failed()?,
        };
        let brought = recipe.frame.is_some()
            || recipe.normalization.as_ref().is_some_and(|map| *map != Normalization::identity());
        let scale = (!brought).then(|| map.describe(self.rows.shape()));
        let spacing = self.all.lattice().or_failed()?.as_ref().and_then(Lattice::common);
        Ok(Description { scale, spacing, classes: self.classes() })
    }

    /// Returns the number of training rows and held-out rows of each class.
    fn classes(&self) -> Vec<ClassCount> {
        let count = |set: &Dataset, class: usize| {
            set.labels().map_or(0, |labels| labels.iter().filter(|label| **label as usize == class).count())
        };
        let of = |(class, name): (usize, &String)| ClassCount {
            name: name.clone(),
            rows: count(&self.rows, class),
            held_out: self.held_out.as_ref().map_or(0, |held_out| count(held_out, class)),
        };
        self.rows.classes().iter().enumerate().map(of).collect()
    }

    /// Sends warnings about these rows in this training to `warn`.
    pub(super) fn judge(&self, trainer: &Trainer, warn: &mut dyn FnMut(Warning)) -> Result<()> {
        let Self { all, rows, .. } = self;
        if all.vocabulary().is_some() {
            if rows.rows() < FEW {
                warn(Warning::VeryFewRows { rows: rows.rows() });
            }
            return Ok(());
        }
        let map = trainer.normalization();
        let some = rows.head(LOOKED_AT);
        let table = all.shape().len() == 1;
        let blurred = map.blurred(&some.values_wide().or_failed()?, some.width());
        if !blurred.is_empty() && table {
            warn(Warning::Blurred { columns: self.names(&blurred) });
        }
        let far = beyond(&some, map)?;
        if !far.is_empty() {
            warn(Warning::OffScale { columns: far, mapped: *map != Normalization::identity() });
        }
        if let Some(lattice) = all.lattice().or_failed()? {
            let spaced = |above: &dyn Fn(usize) -> f64| -> Vec<usize> {
                (0..all.width()).filter(|element| lattice.step(*element) > above(*element)).collect()
            };
            let named = |elements: &[usize]| if table { self.names(elements) } else { Vec::new() };
            if trainer.recipe().dequantize {
                let elements = spaced(&|_| 0.0);
                let first = elements.first().map(|element| lattice.step(*element));
                let spacing = first.filter(|step| elements.iter().all(|element| lattice.step(*element) == *step));
                warn(Warning::Dequantized { columns: named(&elements), spacing });
            } else {
                let coarse = spaced(&|element| COARSE * map.scale_of(element));
                if !coarse.is_empty() {
                    warn(Warning::Coarse { columns: named(&coarse), spacing: lattice.common() });
                }
            }
        }
        self.judge_tails(&some, warn)?;
        if rows.rows() <= rows.width() && rows.shape().len() == 1 {
            warn(Warning::FewRows { rows: rows.rows(), columns: rows.width() });
        } else if rows.rows() < FEW {
            warn(Warning::VeryFewRows { rows: rows.rows() });
        }
        Ok(())
    }

    fn judge_tails(&self, some: &Dataset, warn: &mut dyn FnMut(Warning)) -> Result<()> {
        let tails = self.rows.heavy_tails().or_failed()?;
        if tails.is_empty() {
            return Ok(());
        }
        let values = some.values_wide().or_failed()?;
        let positive = |element: usize| values.iter().skip(element).step_by(some.width()).all(|value| *value > 0.0);
        let positive = tails.iter().all(|tail| positive(tail.column));
        let columns = tails.into_iter().map(|tail| (self.rows.column_name(tail.column), tail)).collect();
        warn(Warning::HeavyTails { columns, positive });
        Ok(())
    }

    /// Returns the names of elements in the file.
    fn names(&self, elements: &[usize]) -> Vec<String> {
        let places = self.all.frame().places();
        elements.iter().map(|element| self.all.frame().column(places[*element])).collect()
    }
}
