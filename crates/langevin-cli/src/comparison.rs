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
use langevin_data::Options;
use langevin_tasks::comparison::{Comparison as Measuring, OfClasses, Sets, Units, enough};
pub use langevin_tasks::comparison::{Evaluation, Floor, HALVES};
use std::path::Path;

/// What tells the seed of the rows behind a floor from those of the rows themselves.
const SPARE: u64 = 1 << 62;

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

impl Comparison<'_> {
    /// Draws from a model and measures.
    pub fn run(&self, source: &Source<'_>) -> Result<Evaluation> {
        let sets = self.of_classes(self.sets(source)?, source)?;
        let units = match Units::of_model(source.normalization()) {
            Some(units) => units,
            None if source.network().is_some() => Units::own(),
            None => Units::of_rows(&sets.real)?,
        };
        let measuring = Measuring { sets: &sets, units, count: self.count, seed: self.seed };
        let count = size(&measuring)?;
        let draws = Draws { count, seed: self.seed, batch: None, threads: self.threads };
        let (drawn, plan, evaluations) = samples(source, self.sampler, self.condition, self.given, draws)?;
        interrupt::check()?;
        let evaluation = measuring.measure(drawn, count, &interrupt::check)?;
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
        let sets = Sets { trained, ..Sets::of(against, real) };
        let units = Units::of_rows(&sets.real)?;
        let measuring = Measuring { sets: &sets, units, count: self.count, seed: self.seed };
        let count = size(&measuring)?.min(drawn.rows());
        enough(count)?;
        if drawn.rows() > count {
            say(&format!(
                "note: {} of {} are compared",
                plural(count as u64, "sample"),
                thousands(drawn.rows() as u64)
            ));
        }
        let drawn = drawn.head(count).values_wide().or_failed()?;
        measuring.measure(drawn, count, &interrupt::check)
    }

    fn sets(&self, source: &Source<'_>) -> Result<Sets> {
        let given = |name: &str| rows::read(name, self.seed, self.file, source);
        let train = self.train.map(given).transpose()?;
        Ok(match rows::part(self.data, self.seed, self.file, source)? {
            Part::Own { trained, held_out } => Sets {
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
                Sets {
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
                Sets {
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
    fn of_classes(&self, sets: Sets, source: &Source<'_>) -> Result<Sets> {
        let Some(network) = source.network() else { return Ok(sets) };
        let classes = self.condition.some_of(network.classes())?;
        if classes.is_empty() {
            return Ok(sets);
        }
        let of_classes = sets.of_classes(&classes).map_err(|failure| {
            let failure = failure.at("--class, --data");
            let hint = if sets.real.labels().is_none() { self.labels_hint() } else { None };
            hint.into_iter().fold(failure, Failure::hint)
        })?;
        let OfClasses { sets, all, named } = of_classes;
        if sets.real.rows() < all {
            say(&format!(
                "note: of {}, {} are of {named}, and the others are left out",
                plural(all as u64, "row"),
                thousands(sets.real.rows() as u64)
            ));
        }
        Ok(sets)
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
}

/// The rows that are compared, with a note if some are left out.
fn size(measuring: &Measuring<'_>) -> Result<usize> {
    let size = measuring.size()?;
    if size.limited {
        say(&format!(
            "note: {} of {} are compared (-n N for more)",
            thousands(size.rows as u64),
            plural(measuring.sets.real.rows() as u64, "row")
        ));
    }
    Ok(size.rows)
}
