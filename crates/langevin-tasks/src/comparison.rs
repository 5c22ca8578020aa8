//! Distances between samples and data, copies of training rows, and the floor that real rows give.

use crate::error::{Blame as _, Error, Result};
use langevin::SampleId;
use langevin::text::{plural, thousands};
use langevin_analysis::metrics::{
    energy_distance, nearest_distances, quantile, sliced_wasserstein, two_sample_accuracy, wasserstein,
};
use langevin_data::{Dataset, Statistics, shuffled};
use langevin_train::Normalization;
use serde_json::{Value, json};

/// Rows that are compared by default: the assignment of more takes long.
const MOST: usize = 4096;
/// Neighbours that judge a row.
pub const NEIGHBOURS: usize = 5;
/// Directions of the sliced distance.
const DIRECTIONS: usize = 512;
/// The share of real rows that are nearer to the training data than a copy may be.
const COPIES: f64 = 0.01;

/// The rows behind a floor that has fewer rows than the samples were measured with.
pub const HALVES: &str = "one half of the rows against the other";

/// Distances of one set of rows from another.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// 2-Wasserstein distance.
    pub wasserstein: f64,
    /// Sliced 2-Wasserstein distance.
    pub sliced: f64,
    /// Energy distance.
    pub energy: f64,
    /// Two-sample accuracy of the nearest neighbours.
    pub accuracy: f64,
}

/// Distances that real rows give in the place of samples.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// The distances.
    pub measured: Measured,
    /// The rows that stand for samples.
    pub what: &'static str,
}

/// Samples against data.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Distances of the samples.
    pub found: Measured,
    /// Share of samples nearer to a training row than 99 in 100 real rows are; `None` if the training rows are not known.
    pub copies: Option<f64>,
    /// The same distances of real rows.
    pub floor: Option<Floor>,
    /// Rows on each side.
    pub count: usize,
    /// The rows on the side of the data: `held out`, `of test.csv`, `trained on`.
    pub against: String,
    /// The units of distances.
    pub units: &'static str,
    /// Name of the plan that drew the samples, if known.
    pub plan: Option<String>,
    /// Network evaluations of a sample.
    pub evaluations: usize,
    /// Description of the data, as [`document`] gives it.
    pub read: Value,
}

/// A figure: its name, its value for samples and for real data, and which way is better.
pub type Line = (&'static str, f64, Option<f64>, &'static str);

impl Evaluation {
    /// Returns the figures.
    #[must_use]
    pub fn rows(&self) -> Vec<Line> {
        let (found, floor) = (&self.found, self.floor.map(|floor| floor.measured));
        let mut rows = vec![(
            "two-sample accuracy",
            found.accuracy,
            floor.map(|floor| floor.accuracy),
            "of 5 nearest neighbours; 0.5 is best, 1 means always distinguished",
        )];
        if let Some(copies) = self.copies {
            rows.push(("copies of training rows", copies, Some(COPIES), "lower is better"));
        }
        let lower = "lower is better";
        rows.extend([
            ("Wasserstein distance", found.wasserstein, floor.map(|floor| floor.wasserstein), lower),
            ("sliced Wasserstein distance", found.sliced, floor.map(|floor| floor.sliced), lower),
            ("energy distance", found.energy, floor.map(|floor| floor.energy), lower),
        ]);
        rows
    }
}

/// The unit of each element, by which distances are divided.
#[derive(Clone, Debug)]
pub struct Units {
    scale: Vec<f64>,
    what: &'static str,
}

const OWN: &str = "the units of the data";
const DEVIATIONS: &str = "standard deviations of each column";

impl Units {
    /// Returns the units of the data themselves.
    #[must_use]
    pub fn own() -> Self {
        Self { scale: vec![1.0], what: OWN }
    }

    /// Returns the units that a model sees, if it scales columns each by its own: they count alike, as they do to the network.
    #[must_use]
    pub fn of_model(map: Option<&Normalization>) -> Option<Self> {
        let map = map?;
        (map.scale.len() > 1).then(|| Self { scale: map.scale.clone(), what: DEVIATIONS })
    }

    /// Returns the units for rows of which no model is known: standard deviations if columns are on several scales.
    ///
    /// # Errors
    /// Returns an error if the rows cannot be read.
    pub fn of_rows(data: &Dataset) -> Result<Self> {
        let several = matches!(data.statistics().or_failed()?, Statistics::Columns { .. }) && data.width() > 1;
        Ok(match several {
            true => Self { scale: Normalization::fit(data).or_failed()?.scale, what: DEVIATIONS },
            false => Self::own(),
        })
    }

    fn apply(&self, values: &mut [f64]) {
        if self.scale.len() > 1 || self.scale != [1.0] {
            values.iter_mut().enumerate().for_each(|(i, value)| *value /= self.scale[i % self.scale.len()]);
        }
    }
}

/// The rows on the side of the data, and the training rows where they are known.
#[derive(Clone, Debug)]
pub struct Sets {
    /// Real rows.
    pub real: Dataset,
    /// Rows that the model was trained on.
    pub trained: Option<Dataset>,
    /// More real rows, for a density that gives as many as are wanted.
    pub spare: Option<Dataset>,
    /// True if the real rows were trained on themselves.
    pub same: bool,
    /// True if the training rows have the same classes as the samples, so that they can serve as the reference.
    pub alike: bool,
    /// Description of the real rows.
    pub against: String,
}

/// The rows of some classes, and how many there were of all.
#[derive(Clone, Debug)]
pub struct OfClasses {
    /// The rows that are left.
    pub sets: Sets,
    /// Real rows before.
    pub all: usize,
    /// `class 3`, `classes 3, 4`.
    pub named: String,
}

impl Sets {
    /// Builds sets of real rows alone.
    #[must_use]
    pub fn of(against: impl Into<String>, real: Dataset) -> Self {
        Self { real, trained: None, spare: None, same: false, alike: true, against: against.into() }
    }

    /// Keeps the rows of these classes.
    ///
    /// # Errors
    /// Returns an error if the real rows have no labels, or if too few of them are of these classes.
    pub fn of_classes(&self, classes: &[String]) -> Result<OfClasses> {
        let all = self.real.rows();
        let word = if classes.len() == 1 { "class" } else { "classes" };
        let named = format!("{word} {}", classes.join(", "));
        let Some(real) = chosen(&self.real, classes) else {
            return Err(Error::misused("the samples are of some classes, and the rows have no labels")
                .expected("rows with labels, to compare with those of the same class")
                .got(format!("{} without labels", plural(all as u64, "row"))));
        };
        if real.len() < NEIGHBOURS {
            return Err(Error::failed("too few rows of the class to compare")
                .expected(format!("{} of {named}", plural(NEIGHBOURS as u64, "row")))
                .got(format!("{} of {}", real.len(), thousands(all as u64))));
        }
        // Without labels, rows of the training still show which samples are copies.
        let alike =
            self.trained.as_ref().is_none_or(|trained| chosen(trained, classes).is_some_and(|rows| !rows.is_empty()));
        let of_class = |trained: &Dataset| match chosen(trained, classes) {
            Some(rows) if !rows.is_empty() => trained.select(&rows),
            _ => trained.clone(),
        };
        let sets = Self {
            real: self.real.select(&real),
            trained: self.trained.as_ref().map(of_class),
            spare: None,
            same: self.same,
            alike,
            against: self.against.replacen("rows", &format!("rows of {named}"), 1),
        };
        Ok(OfClasses { sets, all, named })
    }
}

/// The number of rows that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows on each side.
    pub rows: usize,
    /// True if the default left rows out.
    pub limited: bool,
}

/// A comparison of samples with data.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The rows.
    pub sets: &'a Sets,
    /// The units of distances.
    pub units: Units,
    /// Rows on each side; `None` for as many as there are, up to 4,096.
    pub count: Option<usize>,
    /// Seed of the choice of rows and of the directions of the sliced distance.
    pub seed: u64,
}

impl Comparison<'_> {
    /// Returns the number of rows to compare, and so of samples to draw.
    ///
    /// # Errors
    /// Returns an error if there are fewer than [`NEIGHBOURS`].
    pub fn size(&self) -> Result<Size> {
        let sets = self.sets;
        let mut count = self.count.unwrap_or(sets.real.rows().min(MOST)).min(sets.real.rows());
        // As many rows of the training stand in the place of samples.
        if let Some(trained) = sets.trained.as_ref().filter(|_| !sets.same && sets.alike) {
            count = count.min(trained.rows());
        }
        enough(count)?;
        Ok(Size { rows: count, limited: self.count.is_none() && sets.real.rows() > MOST })
    }

    /// Measures `count` samples, row after row in the units of the data. `check` is called between the steps of the work and may end it.
    ///
    /// # Errors
    /// Returns an error if rows cannot be read or compared, and the error of `check`.
    pub fn measure(&self, mut drawn: Vec<f64>, count: usize, check: &dyn Fn() -> Result<()>) -> Result<Evaluation> {
        let (sets, units) = (self.sets, &self.units);
        units.apply(&mut drawn);
        let real = self.real(count)?;
        let trained = sets.trained.as_ref().map(|trained| self.wide(trained)).transpose()?;
        let found = self.against(&drawn, &real)?;
        check()?;
        let copies = trained.as_ref().map(|trained| self.copies(&drawn, &real, trained, count)).transpose()?;
        check()?;
        let floor = self.floor(&real, trained.as_deref(), count)?;
        Ok(Evaluation {
            found,
            copies,
            floor,
            count,
            against: sets.against.clone(),
            units: units.what,
            plan: None,
            evaluations: 0,
            read: document(&sets.real),
        })
    }

    /// The rows of a set in the units of distances.
    fn wide(&self, set: &Dataset) -> Result<Vec<f64>> {
        let mut values = set.values_wide().or_failed()?;
        self.units.apply(&mut values);
        Ok(values)
    }

    /// The real rows: the first if a number was given, else rows of everywhere, since files are sorted at times.
    fn real(&self, count: usize) -> Result<Vec<f64>> {
        let real = &self.sets.real;
        match self.count {
            None if count < real.rows() => {
                let mut order = shuffled(real.rows(), SampleId { seed: self.seed, index: 1 });
                order.truncate(count);
                self.wide(&real.select(&order))
            }
            _ => self.wide(&real.head(count)),
        }
    }

    fn against(&self, rows: &[f64], real: &[f64]) -> Result<Measured> {
        let width = self.sets.real.width();
        Ok(Measured {
            wasserstein: wasserstein(rows, real, width).or_failed()?,
            sliced: sliced_wasserstein(rows, real, width, DIRECTIONS, self.seed).or_failed()?,
            energy: energy_distance(rows, real, width).or_failed()?,
            accuracy: two_sample_accuracy(rows, real, width, NEIGHBOURS).or_failed()?,
        })
    }

    /// The share of samples that are copies.
    fn copies(&self, drawn: &[f64], real: &[f64], trained: &[f64], count: usize) -> Result<f64> {
        let (width, same) = (self.sets.real.width(), self.sets.same);
        // How near real rows are to others of the training: they themselves do not count.
        let own = nearest_distances(if same { trained } else { real }, trained, width, same).or_failed()?;
        let threshold = quantile(&own, COPIES).or_failed()?;
        let near = nearest_distances(drawn, trained, width, false).or_failed()?;
        Ok(near.iter().filter(|distance| **distance < threshold).count() as f64 / count as f64)
    }

    fn floor(&self, real: &[f64], trained: Option<&[f64]>, count: usize) -> Result<Option<Floor>> {
        let (sets, width) = (self.sets, self.sets.real.width());
        Ok(match trained {
            Some(trained) if !sets.same && sets.alike => {
                Some(Floor { measured: self.against(&trained[..count * width], real)?, what: "training rows" })
            }
            // No other real rows are known: one half stands for the samples, the other for the data.
            _ if sets.spare.is_some() => {
                let spare = sets.spare.as_ref().map(|spare| self.wide(&spare.head(count))).transpose()?;
                let spare = spare.unwrap_or_default();
                Some(Floor { measured: self.against(&spare, real)?, what: "other draws" })
            }
            _ if count / 2 >= NEIGHBOURS => {
                // In an order of chance: files are sorted at times.
                let order = shuffled(count, SampleId { seed: self.seed, index: 0 });
                let pick = |rows: &[usize]| -> Vec<f64> {
                    rows.iter().flat_map(|row| &real[row * width..(row + 1) * width]).copied().collect()
                };
                let (one, other) = order.split_at(count / 2);
                let measured = self.against(&pick(one), &pick(&other[..one.len()]))?;
                Some(Floor { measured, what: HALVES })
            }
            _ => None,
        })
    }
}

/// Returns the description of data as a document: what was read and what was left out.
#[must_use]
pub fn document(set: &Dataset) -> Value {
    let (about, frame) = (set.about(), set.frame());
    json!({
        "name": set.name(), "rows": set.rows(), "shape": frame.shape, "format": about.format, "dtype": about.dtype,
        "columns": frame.names, "omitted": about.omitted, "notes": about.notes, "labels": about.labels,
        "constants": frame.constants, "logarithms": frame.logs,
    })
}

/// The rows of these classes; `None` if the rows have no labels.
fn chosen(set: &Dataset, classes: &[String]) -> Option<Vec<usize>> {
    let labels = set.labels()?;
    let is_chosen = |label: u32| set.classes().get(label as usize).is_some_and(|name| classes.contains(name));
    Some(labels.iter().enumerate().filter(|(_, label)| is_chosen(**label)).map(|(row, _)| row).collect())
}

/// Checks that there are rows enough to compare.
///
/// # Errors
/// Returns an error for fewer than [`NEIGHBOURS`].
pub fn enough(count: usize) -> Result<()> {
    if count < NEIGHBOURS {
        return Err(Error::failed("too few rows to compare")
            .expected(plural(NEIGHBOURS as u64, "row"))
            .got(count.to_string()));
    }
    Ok(())
}
