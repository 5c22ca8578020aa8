//! Diagnosis: the contributions to the error of a model's samples.

use crate::comparison;
use crate::error::{Blame as _, Error, Result};
use crate::given::Given;
use crate::limits;
use crate::observe::{Note, Observer, Progress, or_failed};
use crate::rows::{self, Coordinates, Part, Wanted};
use crate::sample;
use crate::source::{Reader, Source};
use langevin::request::NoiseRange;
use langevin::{Grid, LambdaRange, Plan, Request, SampleId};
use langevin_analysis::diagnose::{Attribution, Diagnose, Diagnosis, SharesOf};
use langevin_data::{Dataset, Lattice, shuffled};
use serde_json::{Value, json};

/// Samplers that are compared with the chosen one.
const RIVALS: [&str; 4] = ["dpmpp-2m", "adams2", "heun", "unipc"];

/// The plan whose samples are diagnosed.
#[derive(Clone, Copy, Debug)]
pub enum Chosen<'a> {
    /// The plan of a request. It is compared with other samplers and with twice the number of
    /// steps.
    Request(&'a Request),
    /// A plan from a file or from a scheduler's config.
    Given(&'a Given),
}

/// Sizes of the measurement.
///
/// # Examples
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::diagnose::{self, Chosen, Settings};
/// use langevin_tasks::rows::Wanted;
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let (request, reading) = (Request::new().steps(8), Reading::default());
/// let count = Some(64);
/// let rows = Wanted { data: "moons", reading: &reading, held_out: false, count, seed: 0 };
/// let settings = Settings { samples: 64, rows: 16, seed: 0, threads: Some(1) };
/// let plan = Chosen::Request(&request);
/// let prepared = diagnose::prepare(&source, None, plan, &rows, settings, &())?;
/// assert_eq!((prepared.set().rows(), prepared.units()), (64, "the units of the data"));
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Number of samples that are drawn.
    pub samples: usize,
    /// Number of rows whose likelihoods and residuals are measured.
    pub rows: usize,
    /// Seed of the samples.
    pub seed: u64,
    /// Number of threads; `None` for the number of cores.
    pub threads: Option<usize>,
}

/// A diagnosis that is ready to run: all inputs have been read and checked.
pub struct Prepared<'a> {
    reader: Reader<'a>,
    plan: Plan,
    range: NoiseRange,
    finer: Option<Plan>,
    rivals: Vec<Plan>,
    set: Dataset,
    x: Vec<f64>,
    split: Option<(Vec<f64>, Vec<f64>)>,
    trained: LambdaRange,
    settings: Settings,
}

/// Reads the rows and checks all inputs, so that [`Prepared::run`] only computes. `read_as` is the
/// formulation that the model is read as; it applies to requests.
///
/// # Errors
/// Returns an error if the plan is not linear, if the model cannot run it, or if the rows cannot be
/// read.
pub fn prepare<'a>(
    source: &'a Source<'_>,
    read_as: Option<&str>,
    chosen: Chosen<'_>,
    wanted: &Wanted<'_>,
    settings: Settings,
    observer: &'a dyn Observer,
) -> Result<Prepared<'a>> {
    let set = rows::load(wanted, source, observer)?;
    let mut prepared = prepare_on(source, read_as, chosen, set, settings, observer)?;
    let lattice = dequantised(source, &prepared.set)?;
    prepared.split = split(wanted, settings, source, lattice.as_ref(), observer)?;
    Ok(prepared)
}

/// Prepares a diagnosis on rows that the caller has read. Over-training is not looked for.
///
/// # Errors
/// Returns an error under the conditions of [`prepare`], apart from those of reading the rows.
pub fn prepare_on<'a>(
    source: &'a Source<'_>,
    read_as: Option<&str>,
    chosen: Chosen<'_>,
    set: Dataset,
    settings: Settings,
    observer: &'a dyn Observer,
) -> Result<Prepared<'a>> {
    let (plan, reader, range) = match chosen {
        Chosen::Given(given) => {
            given.check_starts_from_noise("diagnose draws its samples from noise")?;
            let (plan, reader) = given.fit(source, false, observer)?;
            let range = NoiseRange::of(&plan);
            (plan, reader, range)
        }
        Chosen::Request(request) => {
            let reader = source.read_as(read_as, observer)?;
            let request = reader.asks(request.clone());
            let range = request.noise_range().or_misused()?;
            (request.plan().or_misused()?, reader, range)
        }
    };
    if !plan.is_linear() {
        let argument = match chosen {
            Chosen::Request(_) => "sampler",
            Chosen::Given(given) if given.is_of_file() => "plan",
            Chosen::Given(_) => "from-diffusers",
        };
        return Err(Error::misused("only a linear plan can be diagnosed exactly")
            .at(format!("‹{argument}› {}", plan.name()))
            .expected("a linear sampler")
            .got("a plan that clamps, or multiplies states")
            .hint("choose another sampler, or leave out what clamps"));
    }
    let (finer, rivals) = match chosen {
        Chosen::Given(_) => (None, rivals(&reader.asks(Request::new()), plan.nfe())),
        Chosen::Request(request) if is_free(request) => {
            let request = reader.asks(request.clone());
            (finer(&request, observer)?, rivals(&request, plan.nfe()))
        }
        Chosen::Request(_) => (None, vec![]),
    };
    limits::memory(settings.samples, source.width())?;
    source.check_rows(settings.samples)?;
    let lattice = dequantised(source, &set)?;
    let Coordinates { x, .. } =
        rows::coordinates(settings.seed, source.normalization(), &set, lattice.as_ref()).or_failed()?;
    if range.clipped {
        observer.note(&Note::Clipped(range.min, range.max));
    }
    sample::note_if_noisy(&plan, observer);
    let trained = match source.trained() {
        Some(trained) => trained,
        // An exact density has no trained range; the default range of the process is used.
        None => {
            let range = Request::new().process(reader.process.clone()).noise_range().or_misused()?;
            LambdaRange::from_sigma_ve(range.min, range.max).or_misused()?
        }
    };
    if source.is_coupled() {
        observer.note(&Note::Coupled("the bound that the ODE is compared with does not apply"));
    }
    if !source.is_differentiable() {
        observer.note(&Note::NotDifferentiable);
    }
    Ok(Prepared { reader, plan, range, finer, rivals, set, x, split: None, trained, settings })
}

/// Returns the lattice by which rows are dequantised.
///
/// It is that of a network that was trained on dequantised values. The samples of other networks
/// lie near the values themselves.
fn dequantised(source: &Source<'_>, set: &Dataset) -> Result<Option<Lattice>> {
    let quantised = source.network().is_some_and(|network| network.metadata().data.dequantized);
    if quantised { rows::lattice(source, set) } else { Ok(None) }
}

/// Returns true if the request can be compiled with other samplers and other numbers of steps.
fn is_free(request: &Request) -> bool {
    !request.is_word() && !Grid::brings_steps(request.grid_name())
}

impl Prepared<'_> {
    /// Returns the model as it is read.
    #[must_use]
    pub fn reader(&self) -> &Reader<'_> {
        &self.reader
    }

    /// Returns the data rows.
    #[must_use]
    pub fn set(&self) -> &Dataset {
        &self.set
    }

    /// Returns the noise range of the plan.
    #[must_use]
    pub fn range(&self) -> NoiseRange {
        self.range
    }

    /// Returns the units of the distances.
    #[must_use]
    pub fn units(&self) -> &'static str {
        unit(self.reader.source()).1
    }

    /// Draws samples, measures likelihoods and residuals, and returns the contribution of each
    /// cause of error.
    ///
    /// # Errors
    /// Returns an error if the model fails or the observer ends the work.
    pub fn run(&self, observer: &dyn Observer) -> Result<Diagnosis> {
        let source = self.reader.source();
        let Settings { samples, rows, seed, threads } = self.settings;
        let mut ask = Diagnose::new(&self.plan, self.trained)
            .rivals(&self.rivals)
            .samples(samples)
            .rows(rows)
            .unit(unit(source).0)
            .seed(seed)
            .threads(source.threads(threads));
        if let Some(finer) = &self.finer {
            ask = ask.finer(finer);
        }
        if source.is_coupled() || !source.is_differentiable() {
            ask = ask.without_likelihoods();
        }
        if let Some((trained, held_out)) = &self.split {
            ask = ask.split(trained, held_out);
        }
        observer.progress(&Progress::Stage("samples, likelihoods, residuals"));
        let found = or_failed(ask.run(&self.reader, &self.x, self.set.width()), observer);
        observer.progress(&Progress::End);
        found
    }

    /// Returns the document of a diagnosis that `docs/diagnose.md` describes. Numbers that are not
    /// finite are null. `seconds` is the time that it took.
    #[must_use]
    pub fn document(&self, found: &Diagnosis, seconds: f64) -> Value {
        let cause = |finding: &&Attribution| {
            json!({
                "cause": finding.cause.to_string(), "share": finding.share,
                "nats": finding.nats, "nats_from": finding.nats_from,
                "distance": finding.distance, "distance_from": finding.distance_from,
                "advice": finding.advice, "say": finding.say(),
            })
        };
        json!({
            "model": self.reader.source().name(), "read_as": self.reader.path(), "plan": found.name, "nfe": found.nfe,
            "data": self.set.name(), "read": comparison::document(&self.set), "rows": found.rows,
            "dimension": found.dimension, "samples": found.samples, "seed": self.settings.seed,
            "units": self.units(), "shares_of": if found.shares_of == SharesOf::Nats { "nats" } else { "squares" },
            "causes": found.ranking().iter().map(cause).collect::<Vec<_>>(),
            "gaussian": {"w2": found.total.w2, "kl": found.total.kl},
            "likelihoods": found.gap, "entropy": found.excess, "unseen": found.unseen, "blur": found.blur,
            "generalisation": found.generalisation, "overtrained": found.is_overtrained(),
            "residuals": found.residuals, "coupled": found.coupled, "sliced_w2": found.floor, "seconds": seconds,
        })
    }
}

/// Returns training rows and held-out rows in the coordinates of the model; `None` if the data do
/// not contain both.
fn split(
    wanted: &Wanted<'_>,
    settings: Settings,
    source: &Source<'_>,
    lattice: Option<&Lattice>,
    observer: &dyn Observer,
) -> Result<Option<(Vec<f64>, Vec<f64>)>> {
    if source.network().is_none() || source.is_coupled() {
        return Ok(None);
    }
    let (trained, held_out) = match rows::part_of(wanted.data, wanted.seed, wanted.reading, source, observer)? {
        Part::Own { trained, held_out } => (*trained, *held_out),
        Part::Trained(_) => {
            observer.note(&Note::TrainedOn(
                "these are the training rows, and no rows were held out, so overfitting cannot be detected (train with ‹hold-out›)",
            ));
            return Ok(None);
        }
        // Data other than the training data cannot be split into training rows and held-out rows.
        Part::Other(_) => return Ok(None),
    };
    let some = |set: &Dataset| -> Result<Vec<f64>> {
        // Rows are selected at random, because files are often sorted.
        let mut chosen = shuffled(set.rows(), SampleId { seed: wanted.seed, index: 0 });
        chosen.truncate(settings.rows);
        let chosen = set.select(&chosen);
        Ok(rows::coordinates(wanted.seed, source.normalization(), &chosen, lattice).or_failed()?.x)
    };
    Ok(Some((some(&trained)?, some(&held_out)?)))
}

/// Returns the plan of the same request with twice the steps, or `None` with a note if it cannot be
/// compiled.
fn finer(request: &Request, observer: &dyn Observer) -> Result<Option<Plan>> {
    let steps = request.step_count().or_misused()?;
    match request.clone().steps(2 * steps).plan().or_misused() {
        Ok(plan) => Ok(Some(plan)),
        Err(failure) => {
            observer.note(&Note::Twice(failure.text()));
            Ok(None)
        }
    }
}

/// Returns plans of other samplers with the same number of network evaluations. Samplers that do
/// not fit are left out.
fn rivals(request: &Request, nfe: usize) -> Vec<Plan> {
    let plan = |name: &&str| request.clone().sampler(*name).default_eta().nfe(nfe).without_unused_range().plan().ok();
    RIVALS.iter().filter_map(plan).collect()
}

/// Returns the size of one unit of the model in the units of the distances, with the name of these
/// units.
fn unit(source: &Source<'_>) -> (f64, &'static str) {
    match source.normalization().map(|map| &map.scale[..]) {
        None => (1.0, "the units of the data"),
        Some([scale]) => (*scale, "the units of the data"),
        // The distances of a Gaussian are along its own axes, so they need a unit that all columns
        // share.
        Some(_) => (1.0, "standard deviations of each column"),
    }
}
