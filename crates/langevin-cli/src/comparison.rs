//! How near samples are to data, and whether they are copies of rows that were trained on: of a model, or of a file of samples.

use crate::cli::{ConditionArgs, FileArgs, SamplerArgs, flags};
use crate::commands::sample::{Draws, samples};
use crate::error::{Blame as _, Failure, Result};
use crate::io::say;
use crate::progress::thousands;
use crate::request::Given;
use crate::rows::{self, Part};
use crate::source::Source;
use crate::words::{plural, shown};
use crate::{data, interrupt};
use langevin::SampleId;
use langevin::metrics::{
    energy_distance, nearest_distances, quantile, sliced_wasserstein, two_sample_accuracy, wasserstein,
};
use langevin_data::{Options, Statistics, shuffled};
use langevin_train::{Dataset, Normalization};
use std::path::Path;

/// Rows that are compared where nothing is said: the assignment of more takes long.
const MOST: usize = 4096;
/// Neighbours that judge a row.
const NEIGHBOURS: usize = 5;
/// Directions of the sliced distance.
const DIRECTIONS: usize = 512;
/// Of real data, so many are nearer to the training data than a copy may be.
const COPIES: f64 = 0.01;

/// A floor of fewer rows than the samples are measured with.
pub const HALVES: &str = "one half of the rows against the other";

/// What tells the seed of the rows behind a floor from those of the rows themselves.
const SPARE: u64 = 1 << 62;

/// What was measured of one set against the data.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub wasserstein: f64,
    pub sliced: f64,
    pub energy: f64,
    pub accuracy: f64,
}

/// What real rows give in the place of samples, and which rows those are.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    pub measured: Measured,
    pub what: &'static str,
}

/// Samples against data.
pub struct Evaluation {
    pub found: Measured,
    /// The share of samples that are nearer to a row of the training than 99 in 100 real rows are; `None` where those rows are not known.
    pub copies: Option<f64>,
    pub floor: Option<Floor>,
    /// Rows on each side.
    pub count: usize,
    /// What the rows are: `held out`, `of test.csv`, `trained on`.
    pub against: String,
    /// What distances are in.
    pub units: &'static str,
    pub plan: Option<String>,
    pub evaluations: usize,
    /// What was read of the data.
    pub read: serde_json::Value,
}

/// A name, what was found, what real data give, and which way is better.
pub type Line = (&'static str, f64, Option<f64>, &'static str);

impl Evaluation {
    /// The figures, one after the other.
    pub fn rows(&self) -> Vec<Line> {
        let (found, floor) = (&self.found, self.floor.map(|floor| floor.measured));
        let mut rows = vec![(
            "told apart by 5 neighbours",
            found.accuracy,
            floor.map(|floor| floor.accuracy),
            "½: indistinguishable, 1: always told apart",
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

/// What distances are measured in: each element is divided by its unit.
struct Units {
    scale: Vec<f64>,
    what: &'static str,
}

const OWN: &str = "the units of the data";
const DEVIATIONS: &str = "standard deviations of each column";

impl Units {
    /// Those of a model: columns of several scales count alike, as they do to the network.
    fn of_model(source: &Source<'_>) -> Option<Self> {
        let map = source.normalization()?;
        (map.scale.len() > 1).then(|| Self { scale: map.scale.clone(), what: DEVIATIONS })
    }

    /// Those of rows of which no model is known.
    fn of_rows(data: &Dataset) -> Result<Self> {
        let several = matches!(data.statistics().or_failed()?, Statistics::Columns { .. }) && data.width() > 1;
        Ok(match several {
            true => Self { scale: Normalization::fit(data).or_failed()?.scale, what: DEVIATIONS },
            false => Self { scale: vec![1.0], what: OWN },
        })
    }

    fn apply(&self, values: &mut [f64]) {
        if self.scale.len() > 1 || self.scale != [1.0] {
            values.iter_mut().enumerate().for_each(|(i, value)| *value /= self.scale[i % self.scale.len()]);
        }
    }
}

/// What is compared, and how.
pub struct Comparison<'a> {
    pub data: &'a str,
    pub train: Option<&'a str>,
    pub file: &'a FileArgs,
    pub count: Option<usize>,
    pub seed: u64,
    pub threads: Option<usize>,
    pub sampler: &'a SamplerArgs,
    pub condition: &'a ConditionArgs,
    /// The plan that the samples are drawn by, in place of the sampler's flags.
    pub given: Option<&'a Given>,
}

/// The rows on the side of the data, and those that were trained on where they are known.
struct Sides {
    real: Dataset,
    trained: Option<Dataset>,
    /// More real rows, where a density gives as many as are wanted.
    spare: Option<Dataset>,
    /// Whether the real rows were trained on themselves.
    same: bool,
    /// True if the training rows have the same classes as the samples, so that they can serve as
    /// the reference.
    alike: bool,
    against: String,
}

impl Comparison<'_> {
    /// Draws from a model and measures.
    pub fn run(&self, source: &Source<'_>) -> Result<Evaluation> {
        let sides = self.of_classes(self.sides(source)?, source)?;
        let units = match Units::of_model(source) {
            Some(units) => units,
            None if source.network().is_some() => Units { scale: vec![1.0], what: OWN },
            None => Units::of_rows(&sides.real)?,
        };
        let count = self.count(&sides)?;
        let draws = Draws { count, seed: self.seed, batch: None, threads: self.threads };
        let (drawn, plan, evaluations) = samples(source, self.sampler, self.condition, self.given, draws)?;
        interrupt::check()?;
        let evaluation = self.measure(drawn, &sides, &units, count)?;
        Ok(Evaluation { plan: Some(plan), evaluations, ..evaluation })
    }

    /// Measures a file of samples.
    pub fn run_file(&self, path: &str) -> Result<Evaluation> {
        let options = self.file.over(Options::default())?;
        let real = data::read("--data", self.data, self.seed, self.file, &options)?;
        // Of the samples the same columns, by their names where they have some.
        let mut again = real.rereading(&options);
        if real.frame().names.is_empty() {
            again.columns.clear();
        }
        again.labels_optional = true;
        let drawn = data::read("--samples", path, self.seed, &FileArgs::default(), &again)?;
        let drawn = rows::shaped("--samples", drawn, real.shape(), "those of --data")?;
        let trained = match self.train {
            Some(name) => Some(data::read("--train", name, self.seed, &FileArgs::default(), &again)?),
            None => None,
        };
        let trained =
            trained.map(|trained| rows::shaped("--train", trained, real.shape(), "those of --data")).transpose()?;
        let against = format!("rows of {}", shown(Path::new(self.data)));
        let sides = Sides { real, trained, spare: None, same: false, alike: true, against };
        let units = Units::of_rows(&sides.real)?;
        let count = self.count(&sides)?.min(drawn.rows());
        enough(count)?;
        if drawn.rows() > count {
            say(&format!(
                "note: {} of {} are compared",
                plural(count as u64, "sample"),
                thousands(drawn.rows() as u64)
            ));
        }
        let drawn = drawn.head(count).values_wide().or_failed()?;
        self.measure(drawn, &sides, &units, count)
    }

    fn sides(&self, source: &Source<'_>) -> Result<Sides> {
        let given = |name: &str| rows::read(name, self.seed, self.file, source);
        let train = self.train.map(given).transpose()?;
        Ok(match rows::part(self.data, self.seed, self.file, source)? {
            Part::Own { trained, held_out } => Sides {
                real: *held_out,
                trained: Some(train.unwrap_or(*trained)),
                spare: None,
                same: false,
                alike: true,
                against: "rows that were held out".to_owned(),
            },
            Part::Trained(set) => {
                say(
                    "note: the model was trained on all of these rows, so a network that copies them looks perfect: judge by the copies, or by rows kept aside (train --hold-out) or of another file",
                );
                Sides {
                    real: set.clone(),
                    trained: Some(train.unwrap_or(set)),
                    spare: None,
                    same: true,
                    alike: true,
                    against: "rows that were trained on".to_owned(),
                }
            }
            Part::Other(set) => {
                if let Some(fingerprint) =
                    source.network().and_then(|network| network.metadata().data.fingerprint.as_ref())
                    && !data::is_drawn(self.data)
                {
                    let found = fingerprint.found_in(&set).or_failed()?;
                    if found > 0 {
                        say(&format!(
                            "note: of {} rows of the training that the model remembers, {found} stand in these data: figures about rows that were trained on say little",
                            fingerprint.remembered()
                        ));
                    }
                }
                let trained = match (train, source.network()) {
                    (Some(train), _) => Some(train),
                    // What a density gave to the training can be drawn again.
                    (None, Some(network))
                        if data::is_drawn(self.data) && network.metadata().data.name == set.name() =>
                    {
                        let metadata = network.metadata();
                        let seed = metadata.data.held_out.map_or(metadata.training.seed, |held| held.seed);
                        Some(rows::read(self.data, seed, self.file, source)?)
                    }
                    _ => None,
                };
                let spare = match &trained {
                    None if data::is_drawn(self.data) => {
                        Some(rows::read(self.data, self.seed ^ SPARE, self.file, source)?)
                    }
                    _ => None,
                };
                Sides {
                    real: set,
                    trained,
                    spare,
                    same: false,
                    alike: true,
                    against: format!("rows of {}", shown(Path::new(self.data))),
                }
            }
        })
    }

    /// The rows of the classes that samples are drawn of; all rows if samples of every class are
    /// drawn, or of none in particular.
    fn of_classes(&self, sides: Sides, source: &Source<'_>) -> Result<Sides> {
        let Some(network) = source.network() else { return Ok(sides) };
        let classes = self.condition.some_of(network.classes())?;
        if classes.is_empty() {
            return Ok(sides);
        }
        let all = sides.real.rows();
        let word = if classes.len() == 1 { "class" } else { "classes" };
        let named = format!("{word} {}", classes.join(", "));
        let Some(real) = chosen(&sides.real, &classes) else {
            let failure = Failure::misused("the samples are of some classes, and the rows have no labels")
                .at("--class, --data")
                .expected("rows with labels, to compare with those of the same class")
                .got(format!("{} without labels", plural(all as u64, "row")));
            return Err(match self.labels_hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            });
        };
        if real.len() < NEIGHBOURS {
            return Err(Failure::failed("too few rows of the class to compare")
                .at("--class, --data")
                .expected(format!("{} of {named}", plural(NEIGHBOURS as u64, "row")))
                .got(format!("{} of {}", real.len(), thousands(all as u64))));
        }
        if real.len() < all {
            say(&format!(
                "note: of {}, {} are of {named}, and the others are left out",
                plural(all as u64, "row"),
                thousands(real.len() as u64)
            ));
        }
        // Without labels, rows of the training still show which samples are copies.
        let alike =
            sides.trained.as_ref().is_none_or(|trained| chosen(trained, &classes).is_some_and(|rows| !rows.is_empty()));
        let of_class = |trained: &Dataset| match chosen(trained, &classes) {
            Some(rows) if !rows.is_empty() => trained.select(&rows),
            _ => trained.clone(),
        };
        let trained = sides.trained.as_ref().map(of_class);
        Ok(Sides {
            real: sides.real.select(&real),
            trained,
            spare: None,
            same: sides.same,
            alike,
            against: sides.against.replacen("rows", &format!("rows of {named}"), 1),
        })
    }

    /// Returns the hint that says how to give labels for this kind of file.
    fn labels_hint(&self) -> Option<&'static str> {
        let ending = Path::new(self.data).extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        let way = match ending.as_deref() {
            Some("npy") => "--labels FILE.npy names the labels of these rows, or leave out --class",
            Some("npz") => "--labels ARRAY names the array of their labels, or leave out --class",
            Some("csv" | "tsv" | "tab" | "txt" | "dat" | "gz" | "parquet") => {
                "--label-column COLUMN names the column of their labels, or leave out --class"
            }
            _ => "leave out --class to compare samples of no class with all rows",
        };
        flags::known(way).then_some(way)
    }

    fn count(&self, sides: &Sides) -> Result<usize> {
        let mut count = self.count.unwrap_or(sides.real.rows().min(MOST)).min(sides.real.rows());
        // As many rows of the training stand in the place of samples.
        if let Some(trained) = sides.trained.as_ref().filter(|_| !sides.same && sides.alike) {
            count = count.min(trained.rows());
        }
        enough(count)?;
        if self.count.is_none() && sides.real.rows() > MOST {
            say(&format!(
                "note: {} of {} are compared (-n N for more)",
                thousands(count as u64),
                plural(sides.real.rows() as u64, "row")
            ));
        }
        Ok(count)
    }

    fn measure(&self, mut drawn: Vec<f64>, sides: &Sides, units: &Units, count: usize) -> Result<Evaluation> {
        let width = sides.real.width();
        let wide = |set: &Dataset| -> Result<Vec<f64>> {
            let mut values = set.values_wide().or_failed()?;
            units.apply(&mut values);
            Ok(values)
        };
        units.apply(&mut drawn);
        // The first rows where so many were asked for, else rows of everywhere: files are sorted at times.
        let real = match self.count {
            None if count < sides.real.rows() => {
                let mut order = shuffled(sides.real.rows(), SampleId { seed: self.seed, index: 1 });
                order.truncate(count);
                wide(&sides.real.select(&order))?
            }
            _ => wide(&sides.real.head(count))?,
        };
        let trained = sides.trained.as_ref().map(wide).transpose()?;
        let against = |rows: &[f64], real: &[f64]| -> Result<Measured> {
            Ok(Measured {
                wasserstein: wasserstein(rows, real, width).or_failed()?,
                sliced: sliced_wasserstein(rows, real, width, DIRECTIONS, self.seed).or_failed()?,
                energy: energy_distance(rows, real, width).or_failed()?,
                accuracy: two_sample_accuracy(rows, real, width, NEIGHBOURS).or_failed()?,
            })
        };
        let found = against(&drawn, &real)?;
        interrupt::check()?;
        let copies = match &trained {
            None => None,
            Some(trained) => {
                // How near real rows are to others of the training: they themselves do not count.
                let own = nearest_distances(if sides.same { trained } else { &real }, trained, width, sides.same)
                    .or_failed()?;
                let threshold = quantile(&own, COPIES).or_failed()?;
                let near = nearest_distances(&drawn, trained, width, false).or_failed()?;
                Some(near.iter().filter(|distance| **distance < threshold).count() as f64 / count as f64)
            }
        };
        interrupt::check()?;
        let floor = match &trained {
            Some(trained) if !sides.same && sides.alike => {
                Some(Floor { measured: against(&trained[..count * width], &real)?, what: "training rows" })
            }
            // No other real rows are known: one half stands for the samples, the other for the data.
            _ if sides.spare.is_some() => {
                let spare = sides.spare.as_ref().map(|spare| wide(&spare.head(count))).transpose()?.unwrap_or_default();
                Some(Floor { measured: against(&spare, &real)?, what: "other draws" })
            }
            _ if count / 2 >= NEIGHBOURS => {
                // In an order of chance: files are sorted at times.
                let order = shuffled(count, SampleId { seed: self.seed, index: 0 });
                let pick = |rows: &[usize]| -> Vec<f64> {
                    rows.iter().flat_map(|row| &real[row * width..(row + 1) * width]).copied().collect()
                };
                let (one, other) = order.split_at(count / 2);
                let measured = against(&pick(one), &pick(&other[..one.len()]))?;
                Some(Floor { measured, what: HALVES })
            }
            _ => None,
        };
        let units = units.what;
        Ok(Evaluation {
            found,
            copies,
            floor,
            count,
            against: sides.against.clone(),
            units,
            plan: None,
            evaluations: 0,
            read: data::document(&sides.real),
        })
    }
}

/// The rows of these classes; `None` if the rows have no labels.
fn chosen(set: &Dataset, classes: &[String]) -> Option<Vec<usize>> {
    let labels = set.labels()?;
    let is_chosen = |label: u32| set.classes().get(label as usize).is_some_and(|name| classes.contains(name));
    Some(labels.iter().enumerate().filter(|(_, label)| is_chosen(**label)).map(|(row, _)| row).collect())
}

fn enough(count: usize) -> Result<()> {
    if count < NEIGHBOURS {
        return Err(Failure::failed("too few rows to compare")
            .expected(plural(NEIGHBOURS as u64, "row"))
            .got(count.to_string()));
    }
    Ok(())
}
