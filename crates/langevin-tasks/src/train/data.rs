//! The rows of a training: made ready for a network, described, and judged.

use super::error::TrainError;
use super::observer::Warning;
use crate::error::{Blame as _, Result};
use crate::rows::beyond;
use crate::watch::COARSE;
use langevin_data::{Axes, Dataset, Lattice, Statistics};
use langevin_train::{HeldOut, Normalization, Recipe, Trainer};

/// Rows of which values that would fall together are looked for.
const LOOKED_AT: usize = 10_000;
/// Rows that say little, whatever they are.
const FEW: usize = 20;

/// The rows of a training.
#[derive(Clone, Debug)]
pub struct TrainingData {
    /// All rows.
    pub all: Dataset,
    /// The rows to learn from.
    pub rows: Dataset,
    /// The held-out rows.
    pub held_out: Option<Dataset>,
}

/// How rows are made ready for a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preparation<'a> {
    /// The recipe of the model that the training starts from: its frame holds.
    pub base: Option<&'a Recipe>,
    /// Whether the columns of the file were chosen, so that those a model does not know are left out on
    /// purpose.
    pub chosen_columns: bool,
    /// The order of the axes of pictures in an array.
    pub axes: Option<Axes>,
    /// Columns whose logarithms are learned.
    pub logarithms: &'a [String],
    /// Whether elements of one value stay, for a network or a recipe that needs whole pictures.
    pub whole: bool,
    /// Whether classes are learned.
    pub conditional: bool,
    /// Whether a number below the spacing is added to each value.
    pub dequantize: bool,
}

/// Makes rows ready for a network, as `how` says: constants taken out, logarithms taken, channels last or,
/// for a training that starts from a model, as that model's own were. `warn` is told what a person should
/// know.
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
/// Returns an error if there are fewer than two rows, if all rows of a table are the same, if the data have
/// no classes to learn or columns that the model does not know, or if they cannot be read.
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
        // A model without a frame knows rows as they are.
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

/// Returns whether all rows are the same.
fn is_constant(all: &Dataset) -> Result<bool> {
    let first = all.head(1).values_wide().or_failed()?;
    // Most data are told by their second row.
    for rows in [2, all.rows()] {
        let some = all.head(rows).values_wide().or_failed()?;
        if some.chunks_exact(all.width()).any(|row| row != first) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses columns that the model which a training starts from does not know, unless they are left out on
/// purpose.
fn refuse_more(all: &Dataset) -> Result<(), TrainError> {
    let omitted = all.about().omitted.iter().filter(|one| one.why == "not asked for");
    let more: Vec<String> = omitted.map(|one| one.what.clone()).collect();
    if more.is_empty() {
        return Ok(());
    }
    Err(TrainError::MoreColumns { more, names: all.frame().names.clone(), width: all.frame().width() })
}

/// Whether elements of one value are no part of the model: of tables, and of arrays that are no pictures
/// where the network can do without them.
fn takes_out(whole: bool, all: &Dataset) -> Result<bool> {
    if all.shape().len() == 1 {
        return Ok(true);
    }
    Ok(!whole && !all.is_levels() && matches!(all.statistics().or_failed()?, Statistics::Columns { .. }))
}

/// What was read, beside what the data set itself knows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// The scale that is fitted to the rows, in words; `None` if the recipe brings its own.
    pub scale: Option<String>,
    /// The spacing of the values, if all columns have the same.
    pub spacing: Option<f64>,
    /// The classes.
    pub classes: Vec<ClassCount>,
}

/// The rows of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassCount {
    /// The name.
    pub name: String,
    /// Rows to learn from.
    pub rows: usize,
    /// Held-out rows.
    pub held_out: usize,
}

impl TrainingData {
    /// Splits rows into those to learn from and those held out.
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

    /// Describes the rows as a training with this recipe takes them.
    ///
    /// # Errors
    /// Returns an error if the rows cannot be read.
    pub fn describe(&self, recipe: &Recipe) -> Result<Description> {
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

    /// Each class, its rows to learn from and those held out.
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

    /// Tells `warn` what may go wrong with these rows in this training.
    pub(super) fn judge(&self, trainer: &Trainer, warn: &mut dyn FnMut(Warning)) -> Result<()> {
        let Self { all, rows, .. } = self;
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
        if !trainer.recipe().dequantize
            && let Some(lattice) = all.lattice().or_failed()?
        {
            let coarse: Vec<usize> =
                (0..all.width()).filter(|element| lattice.step(*element) > COARSE * map.scale_of(*element)).collect();
            if !coarse.is_empty() {
                let columns = if table { self.names(&coarse) } else { Vec::new() };
                warn(Warning::Coarse { columns, spacing: lattice.common() });
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

    /// The names of elements in the file.
    fn names(&self, elements: &[usize]) -> Vec<String> {
        let places = self.all.frame().places();
        elements.iter().map(|element| self.all.frame().column(places[*element])).collect()
    }
}
