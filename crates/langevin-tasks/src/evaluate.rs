//! Evaluation: the distance between samples and data, and the share of samples that are copies of
//! training rows. Samples come from a model or from a file.

use crate::comparison::{Comparison, Evaluation, OfClasses, Sets, Units, enough};
use crate::condition::Condition;
use crate::data::{self, Reading};
use crate::error::{Blame as _, Error, Result};
use crate::given::Given;
use crate::observe::{Note, Observer};
use crate::rows::{self, Part};
use crate::sample::{Draws, samples};
use crate::source::Source;
use crate::words::shown;
use langevin::Request;
use langevin::text::plural;
use langevin_data::Options;
use std::path::Path;

/// Separates the seed of the rows for the floor from the seed of the real rows.
const SPARE: u64 = 1 << 62;

/// Settings of an evaluation: the data, and how the samples are drawn.
///
/// # Examples
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::condition::Condition;
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::evaluate::Settings;
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let request = Request::new().steps(20);
/// let (reading, condition) = (Reading::default(), Condition::default());
/// let settings = Settings {
///     data: "moons",
///     train: None,
///     reading: &reading,
///     count: Some(100),
///     seed: 0,
///     threads: Some(1),
///     request: &request,
///     condition: &condition,
///     given: None,
/// };
/// let evaluation = settings.run(&source, &())?;
/// assert_eq!(evaluation.count, 100);
/// assert!(evaluation.found.wasserstein < 1.0);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The data: a name or a file.
    pub data: &'a str,
    /// The training rows, for a model that does not record them.
    pub train: Option<&'a str>,
    /// Options for reading the data.
    pub reading: &'a Reading,
    /// Number of rows to compare; `None` for all rows, up to 4,096.
    pub count: Option<usize>,
    /// Seed of the samples and of the selection of rows.
    pub seed: u64,
    /// Number of threads; `None` for the number of cores.
    pub threads: Option<usize>,
    /// The request that draws the samples.
    pub request: &'a Request,
    /// Classes and guidance of the samples.
    pub condition: &'a Condition,
    /// A plan that draws the samples in place of the request.
    pub given: Option<&'a Given>,
}

impl Settings<'_> {
    /// Draws samples from a model and compares them with the data.
    ///
    /// # Errors
    /// Returns an error if rows cannot be read or do not fit the model, or if the model fails.
    pub fn run(&self, source: &Source<'_>, observer: &dyn Observer) -> Result<Evaluation> {
        self.run_on(self.sets(source, observer)?, source, observer)
    }

    /// Draws samples from a model and compares them with rows that the caller has read. The fields
    /// `data` and `train` are not used.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`run`](Self::run).
    pub fn run_on(&self, sets: Sets, source: &Source<'_>, observer: &dyn Observer) -> Result<Evaluation> {
        let sets = self.of_classes(sets, source, observer)?;
        let units = match Units::of_model(source.normalization()) {
            Some(units) => units,
            None if source.network().is_some() => Units::own(),
            None => Units::of_rows(&sets.real)?,
        };
        let measuring = Comparison { sets: &sets, units, count: self.count, seed: self.seed };
        let count = size(&measuring, observer)?;
        let draws = Draws { count, seed: self.seed, batch: None, threads: self.threads };
        let (drawn, plan, evaluations) = samples(source, self.request, self.condition, self.given, draws, observer)?;
        observer.check()?;
        let evaluation = measuring.measure(drawn, count, &|| observer.check())?;
        Ok(Evaluation { plan: Some(plan), evaluations, ..evaluation })
    }

    /// Compares a file of samples with the data.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or if the files do not fit each other.
    pub fn run_file(&self, path: &str, observer: &dyn Observer) -> Result<Evaluation> {
        let options = self.reading.over(Options::default())?;
        let real = data::read("‹data›", self.data, self.seed, self.reading, &options, observer)?;
        // The samples must have the same columns, which are matched by name if they have names.
        let mut again = real.rereading(&options);
        if real.frame().names.is_empty() {
            again.columns.clear();
        }
        again.labels_optional = true;
        let drawn = data::read("‹samples›", path, self.seed, &Reading::default(), &again, observer)?;
        let drawn = rows::shaped("‹samples›", drawn, real.shape(), "those of ‹data›", observer)?;
        let trained = match self.train {
            Some(name) => Some(data::read("‹train›", name, self.seed, &Reading::default(), &again, observer)?),
            None => None,
        };
        let trained = trained
            .map(|trained| rows::shaped("‹train›", trained, real.shape(), "those of ‹data›", observer))
            .transpose()?;
        let against = format!("rows of {}", shown(Path::new(self.data)));
        let sets = Sets { trained, ..Sets::of(against, real) };
        let units = Units::of_rows(&sets.real)?;
        let measuring = Comparison { sets: &sets, units, count: self.count, seed: self.seed };
        let count = size(&measuring, observer)?.min(drawn.rows());
        enough(count)?;
        if drawn.rows() > count {
            let all = plural(drawn.rows() as u64, "sample");
            observer.note(&Note::Compared { rows: count, all, more: false });
        }
        let drawn = drawn.head(count).values_wide().or_failed()?;
        measuring.measure(drawn, count, &|| observer.check())
    }

    fn sets(&self, source: &Source<'_>, observer: &dyn Observer) -> Result<Sets> {
        let given = |name: &str| rows::read(name, self.seed, self.reading, source, observer);
        let train = self.train.map(given).transpose()?;
        Ok(match rows::part_of(self.data, self.seed, self.reading, source, observer)? {
            Part::Own { trained, held_out } => Sets {
                real: *held_out,
                trained: Some(train.unwrap_or(*trained)),
                spare: None,
                same: false,
                alike: true,
                against: "rows that were held out".to_owned(),
            },
            Part::Trained(set) => {
                observer.note(&Note::TrainedOn(
                    "the model was trained on all of these rows, so a network that copies them looks perfect: judge it by the share of copies, by held-out rows (train ‹hold-out›) or by another file",
                ));
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
                        observer.note(&Note::Remembered { of: fingerprint.remembered(), found });
                    }
                }
                let trained = match (train, source.network()) {
                    (Some(train), _) => Some(train),
                    // The training rows of a density can be drawn again from the seed of the
                    // training.
                    (None, Some(network))
                        if data::is_drawn(self.data) && network.metadata().data.name == set.name() =>
                    {
                        let metadata = network.metadata();
                        let seed = metadata.data.held_out.map_or(metadata.training.seed, |held| held.seed);
                        Some(rows::read(self.data, seed, self.reading, source, observer)?)
                    }
                    _ => None,
                };
                let spare = match &trained {
                    None if data::is_drawn(self.data) => {
                        Some(rows::read(self.data, self.seed ^ SPARE, self.reading, source, observer)?)
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

    /// Returns the rows of the classes that the samples are drawn from. All rows are kept if the
    /// samples cover every class or have no class.
    fn of_classes(&self, sets: Sets, source: &Source<'_>, observer: &dyn Observer) -> Result<Sets> {
        let Some(network) = source.network() else { return Ok(sets) };
        let classes = self.condition.some_of(network.classes())?;
        if classes.is_empty() {
            return Ok(sets);
        }
        let of_classes = sets.of_classes(&classes).map_err(|failure| {
            let failure = failure.at("‹class›, ‹data›");
            let hint = if sets.real.labels().is_none() { self.labels_hint(observer) } else { None };
            hint.into_iter().fold(failure, Error::hint)
        })?;
        let OfClasses { sets, all, named } = of_classes;
        if sets.real.rows() < all {
            observer.note(&Note::OtherClasses { all, rows: sets.real.rows(), named });
        }
        Ok(sets)
    }

    /// Returns the hint on how to supply labels for this kind of file.
    fn labels_hint(&self, observer: &dyn Observer) -> Option<&'static str> {
        let ending = Path::new(self.data).extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        let way = match ending.as_deref() {
            Some("npy") => "‹labels› FILE.npy names the labels of these rows, or leave out ‹class›",
            Some("npz") => "‹labels› ARRAY names the array of their labels, or leave out ‹class›",
            Some("csv" | "tsv" | "tab" | "txt" | "dat" | "gz" | "parquet") => {
                "‹label-column› COLUMN names the column of their labels, or leave out ‹class›"
            }
            _ => "leave out ‹class› to compare samples of no class with all rows",
        };
        observer.knows(way).then_some(way)
    }
}

/// Returns the number of rows to compare, with a note if rows are left out.
fn size(measuring: &Comparison<'_>, observer: &dyn Observer) -> Result<usize> {
    let size = measuring.size()?;
    if size.limited {
        let all = plural(measuring.sets.real.rows() as u64, "row");
        observer.note(&Note::Compared { rows: size.rows, all, more: true });
    }
    Ok(size.rows)
}
