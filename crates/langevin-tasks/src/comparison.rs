//! Comparison of samples with data: distances, two-sample accuracy, copies of training rows, and
//! the floor that real rows give.

use crate::error::{Blame as _, Error, Result};
use langevin::SampleId;
use langevin::text::{Column, columns, plural, thousands};
use langevin_analysis::metrics::{
    energy_distance, nearest_distances, quantile, sliced_wasserstein, two_sample_accuracy, wasserstein,
};
use langevin_data::{Dataset, Statistics, shuffled};
use langevin_train::Normalization;
use serde_json::{Value, json};
use std::fmt;

/// Default limit on the number of rows. The cost of the exact assignment behind the Wasserstein
/// distance grows quickly with it.
const MOST: usize = 4096;
/// Number of nearest neighbours that classify a row in the two-sample test.
pub const NEIGHBOURS: usize = 5;
/// Number of directions of the sliced distance.
const DIRECTIONS: usize = 512;
/// A sample counts as a copy if it lies closer to a training row than all but this share of the
/// real rows do.
const COPIES: f64 = 0.01;

/// [`Floor::what`] if the floor compares one half of the real rows with the other half. Such a
/// floor has fewer rows on each side than the samples were measured with.
pub const HALVES: &str = "one half of the rows against the other";

/// Distances between two sets of rows.
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::comparison::{Comparison, Sets, Units};
/// let sets = Sets::of("rows", Dataset::new("line", (0..20).map(|i| i as f32).collect(), &[1])?);
/// let comparison = Comparison { sets: &sets, units: Units::own(), count: None, seed: 0 };
/// let shifted = (0..20).map(|i| f64::from(i) + 3.0).collect();
/// let measured = comparison.measure(shifted, 20, &|| Ok(()))?.found;
/// assert!((measured.wasserstein - 3.0).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// 2-Wasserstein distance.
    pub wasserstein: f64,
    /// Sliced 2-Wasserstein distance.
    pub sliced: f64,
    /// Energy distance.
    pub energy: f64,
    /// Two-sample accuracy: the share of rows that their nearest neighbours assign to the right
    /// set. ½ means that the sets are indistinguishable, 1 that they are always distinguished.
    pub accuracy: f64,
}

/// The floor: the distances of real rows that take the place of samples.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// The distances.
    pub measured: Measured,
    /// The rows that take the place of samples: `training rows`, `other draws`, or [`HALVES`].
    pub what: &'static str,
}

/// The result of comparing samples with data.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Distances of the samples.
    pub found: Measured,
    /// Share of samples that lie closer to a training row than 99 % of the real rows do; `None` if
    /// the training rows are not known.
    pub copies: Option<f64>,
    /// The floor: the same distances for real rows; `None` if there are too few rows.
    pub floor: Option<Floor>,
    /// Number of rows on each side.
    pub count: usize,
    /// Description of the real rows: `rows that were held out`, `rows of test.csv`, `rows that were
    /// trained on`.
    pub against: String,
    /// Units of the distances.
    pub units: &'static str,
    /// Name of the plan that drew the samples, if known.
    pub plan: Option<String>,
    /// Network evaluations per sample; 0 for samples from a file.
    pub evaluations: usize,
    /// Description of the real rows, as returned by [`document`].
    pub read: Value,
}

/// One figure of an evaluation: its name, its value for the samples, its value for real rows, and
/// which direction is better.
pub type Line = (&'static str, f64, Option<f64>, &'static str);

impl Evaluation {
    /// Returns the figures in the order in which they are reported.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin_tasks::comparison::{Evaluation, Measured};
    /// let found = Measured { wasserstein: 0.2, sliced: 0.1, energy: 0.05, accuracy: 0.5 };
    /// let evaluation = Evaluation {
    ///     found,
    ///     copies: None,
    ///     floor: None,
    ///     count: 100,
    ///     against: "rows that were held out".to_owned(),
    ///     units: "the units of the data",
    ///     plan: None,
    ///     evaluations: 20,
    ///     read: serde_json::Value::Null,
    /// };
    /// let (_, value, floor, _) = evaluation.rows()[1];
    /// assert_eq!((value, floor), (0.2, None));
    /// ```
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

    /// Returns the measurements as JSON: the fields of `langevin evaluate --json`, without the
    /// names of the model and of its classes.
    #[must_use]
    pub fn document(&self) -> Value {
        let Self { found, copies, floor, count, plan, evaluations, against, units, read } = self;
        json!({
            "plan": plan, "nfe": evaluations, "rows": count, "against": against, "units": units, "read": read,
            "two_sample_accuracy": found.accuracy, "copies": copies, "wasserstein": found.wasserstein,
            "sliced_wasserstein": found.sliced, "energy_distance": found.energy,
            "floor": floor.map(|Floor { measured, what }| json!({
                "rows": what,
                "two_sample_accuracy": measured.accuracy, "wasserstein": measured.wasserstein,
                "sliced_wasserstein": measured.sliced, "energy_distance": measured.energy,
            })),
        })
    }
}

/// The table of `langevin evaluate`.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = [Column::Left(28), Column::Right(9), Column::Right(9), Column::Left(0)];
        let mut rows = vec![["", "samples", "real", ""].map(String::from)];
        for (name, found, floor, better) in self.rows() {
            let floor = floor.map_or_else(|| "–".to_owned(), |floor| format!("{floor:.4}"));
            rows.push([name.to_owned(), format!("{found:.4}"), floor, better.to_owned()]);
        }
        f.write_str(&columns(&rows, &layout))
    }
}

/// Units of distances: each element of a row is divided by its scale.
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::comparison::Units;
/// // The columns have different scales, so distances are in standard deviations.
/// let rows = Dataset::new("table", vec![0.0, 100.0, 1.0, 900.0, 2.0, 300.0], &[2])?;
/// assert!(format!("{:?}", Units::of_rows(&rows)?).contains("standard deviations"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Units {
    scale: Vec<f64>,
    what: &'static str,
}

const OWN: &str = "the units of the data";
const DEVIATIONS: &str = "standard deviations of each column";

impl Units {
    /// Returns the units of the data.
    ///
    /// ```
    /// use langevin_tasks::comparison::Units;
    /// assert!(format!("{:?}", Units::own()).contains("the units of the data"));
    /// ```
    #[must_use]
    pub fn own() -> Self {
        Self { scale: vec![1.0], what: OWN }
    }

    /// Returns the units that a model sees, if it scales each column separately. In these units
    /// every column contributes equally to a distance, as it does to the network. Returns `None`
    /// for a model with a single scale, and without a model.
    ///
    /// ```
    /// use langevin_tasks::comparison::Units;
    /// use langevin_train::Normalization;
    /// let map = Normalization { shift: vec![0.0, 0.0], scale: vec![1.0, 10.0] };
    /// assert!(Units::of_model(Some(&map)).is_some());
    /// // A single scale for all columns does not change their proportions.
    /// assert!(Units::of_model(Some(&Normalization::identity())).is_none());
    /// ```
    #[must_use]
    pub fn of_model(map: Option<&Normalization>) -> Option<Self> {
        let map = map?;
        (map.scale.len() > 1).then(|| Self { scale: map.scale.clone(), what: DEVIATIONS })
    }

    /// Returns the units for rows without a model: standard deviations of each column if the
    /// columns have different scales, and the units of the data otherwise.
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

/// The real rows, with the training rows if these are known.
///
/// # Examples
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::comparison::Sets;
/// let sets = Sets::of("rows of test.csv", Dataset::new("test", vec![0.0, 1.0], &[1])?);
/// assert!(sets.trained.is_none() && sets.alike);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sets {
    /// The real rows.
    pub real: Dataset,
    /// The rows that the model was trained on.
    pub trained: Option<Dataset>,
    /// Further real rows for the floor. A density supplies as many as needed.
    pub spare: Option<Dataset>,
    /// True if the real rows are the training rows.
    pub same: bool,
    /// True if the training rows have the same classes as the samples, so that they can serve as
    /// the floor.
    pub alike: bool,
    /// Description of the real rows.
    pub against: String,
}

/// Real rows restricted to some classes, with the number of rows before.
#[derive(Clone, Debug)]
pub struct OfClasses {
    /// The remaining rows.
    pub sets: Sets,
    /// Number of real rows before the restriction.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// use langevin_tasks::comparison::{Comparison, HALVES, Sets, Units};
    /// let values = (0..64).map(|i| i as f32).collect();
    /// let sets = Sets::of("rows", Dataset::new("line", values, &[1])?);
    /// let comparison = Comparison { sets: &sets, units: Units::own(), count: None, seed: 0 };
    /// let evaluation = comparison.measure((0..64).map(f64::from).collect(), 64, &|| Ok(()))?;
    /// // No training rows are known, so the floor compares one half of the rows with the other.
    /// assert_eq!(evaluation.floor.map(|floor| floor.what), Some(HALVES));
    /// assert_eq!(evaluation.found.wasserstein, 0.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub all: usize,
    /// Names of the classes for messages: `class 3`, `classes 3, 4`.
    pub named: String,
}

impl Sets {
    /// Builds sets that consist of real rows only.
    #[must_use]
    pub fn of(against: impl Into<String>, real: Dataset) -> Self {
        Self { real, trained: None, spare: None, same: false, alike: true, against: against.into() }
    }

    /// Keeps the rows of the given classes.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// use langevin_tasks::comparison::Sets;
    /// let sets = Sets::of("rows of digits", Dataset::digits());
    /// let threes = sets.of_classes(&["3".to_owned()])?;
    /// assert_eq!(threes.named, "class 3");
    /// assert!(threes.sets.real.rows() < threes.all);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the real rows have no labels, or if fewer than [`NEIGHBOURS`] of them
    /// belong to the classes.
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
        // Training rows without labels still show which samples are copies.
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
    /// Number of rows on each side.
    pub rows: usize,
    /// True if the default limit left rows out.
    pub limited: bool,
}

/// A comparison of samples with data. The [crate] has an example.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The rows.
    pub sets: &'a Sets,
    /// The units of distances.
    pub units: Units,
    /// Number of rows on each side; `None` for all rows, up to 4,096.
    pub count: Option<usize>,
    /// Seed that selects the rows and the directions of the sliced distance.
    pub seed: u64,
}

impl Comparison<'_> {
    /// Returns the number of rows to compare, which is also the number of samples to draw.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// use langevin_tasks::comparison::{Comparison, Sets, Size, Units};
    /// let values = (0..64).map(|i| i as f32).collect();
    /// let sets = Sets::of("rows", Dataset::new("line", values, &[1])?);
    /// let comparison = Comparison { sets: &sets, units: Units::own(), count: Some(10), seed: 0 };
    /// assert_eq!(comparison.size()?, Size { rows: 10, limited: false });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if there are fewer rows than [`NEIGHBOURS`].
    pub fn size(&self) -> Result<Size> {
        let sets = self.sets;
        let mut count = self.count.unwrap_or(sets.real.rows().min(MOST)).min(sets.real.rows());
        // The floor needs as many training rows as there are samples.
        if let Some(trained) = sets.trained.as_ref().filter(|_| !sets.same && sets.alike) {
            count = count.min(trained.rows());
        }
        enough(count)?;
        Ok(Size { rows: count, limited: self.count.is_none() && sets.real.rows() > MOST })
    }

    /// Measures `count` samples, stored row after row in the units of the data. `check` is called
    /// between the stages of the work and can end it by returning an error.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// use langevin_tasks::comparison::{Comparison, Sets, Units};
    /// let values = |from: i32| (from..from + 30).map(|i| i as f32).collect();
    /// let rows = |from| Dataset::new("line", values(from), &[1]);
    /// let sets = Sets { trained: Some(rows(100)?), ..Sets::of("held-out rows", rows(0)?) };
    /// let comparison = Comparison { sets: &sets, units: Units::own(), count: None, seed: 0 };
    /// // All samples are training rows.
    /// let samples = (100..130).map(f64::from).collect();
    /// let evaluation = comparison.measure(samples, 30, &|| Ok(()))?;
    /// assert_eq!(evaluation.copies, Some(1.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if rows cannot be read or compared, or if `check` returns one.
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

    /// Returns the rows of a set in the units of the distances.
    fn wide(&self, set: &Dataset) -> Result<Vec<f64>> {
        let mut values = set.values_wide().or_failed()?;
        self.units.apply(&mut values);
        Ok(values)
    }

    /// Returns the real rows: the first `count` rows if a count was given, otherwise a random
    /// selection, because files are often sorted.
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

    /// Returns the share of samples that are copies.
    fn copies(&self, drawn: &[f64], real: &[f64], trained: &[f64], count: usize) -> Result<f64> {
        let (width, same) = (self.sets.real.width(), self.sets.same);
        // Distances from real rows to the nearest training row. A training row is not compared with
        // itself.
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
            // No training rows can serve as the floor: draw a second set, or compare one half of
            // the real rows with the other.
            _ if sets.spare.is_some() => {
                let spare = sets.spare.as_ref().map(|spare| self.wide(&spare.head(count))).transpose()?;
                let spare = spare.unwrap_or_default();
                Some(Floor { measured: self.against(&spare, real)?, what: "other draws" })
            }
            _ if count / 2 >= NEIGHBOURS => {
                // The halves are chosen at random, because files are often sorted.
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

/// Returns a description of a data set as JSON: its name, its shape, the columns that were read and
/// those that were left out.
///
/// # Examples
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::comparison::document;
/// let set = Dataset::new("line", vec![0.0, 1.0, 2.0], &[1])?;
/// assert_eq!(document(&set)["rows"], 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn document(set: &Dataset) -> Value {
    let (about, frame) = (set.about(), set.frame());
    json!({
        "name": set.name(), "rows": set.rows(), "shape": frame.shape, "format": about.format, "dtype": about.dtype,
        "columns": frame.names, "omitted": about.omitted, "notes": about.notes, "labels": about.labels,
        "constants": frame.constants, "logarithms": frame.logs,
    })
}

/// Returns the indices of the rows that belong to the classes; `None` if the rows have no labels.
fn chosen(set: &Dataset, classes: &[String]) -> Option<Vec<usize>> {
    let labels = set.labels()?;
    let is_chosen = |label: u32| set.classes().get(label as usize).is_some_and(|name| classes.contains(name));
    Some(labels.iter().enumerate().filter(|(_, label)| is_chosen(**label)).map(|(row, _)| row).collect())
}

/// Checks that there are enough rows to compare.
///
/// # Examples
///
/// ```
/// use langevin_tasks::comparison::{NEIGHBOURS, enough};
/// assert!(enough(NEIGHBOURS).is_ok() && enough(NEIGHBOURS - 1).is_err());
/// ```
///
/// # Errors
/// Returns an error if there are fewer rows than [`NEIGHBOURS`].
pub fn enough(count: usize) -> Result<()> {
    if count < NEIGHBOURS {
        return Err(Error::failed("too few rows to compare")
            .expected(plural(NEIGHBOURS as u64, "row"))
            .got(count.to_string()));
    }
    Ok(())
}
