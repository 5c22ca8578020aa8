//! Likelihood of data under a model: a bound for the SDE model, or the density of the ODE model.

use crate::error::{Blame as _, Error, Result};
use crate::given::Given;
use crate::observe::{Note, Observer, Progress, or_failed};
use crate::rows::{self, Coordinates, Wanted};
use crate::source::{Reader, Source};
use crate::words::fraction;
use langevin::request::NoiseRange;
use langevin::text::plural;
use langevin::{LambdaRange, Request, SampleId};
use langevin_analysis::Likelihood;
use langevin_analysis::exact::{Density as _, Gaussian};
use langevin_analysis::likelihood::{Bound, Divergence, Ode, in_pieces};
use langevin_data::{Dataset, Lattice};
use langevin_train::Network;

/// Default number of noise levels of the bound for each datum.
pub const LEVELS: usize = 64;
/// A direction is flat if its variance is below this share of the largest variance.
const FLAT: f64 = 1e-12;
/// Number of rows, per thread, between two progress reports.
const SLICE: usize = 256;
/// Maximum number of columns that a note lists.
const NAMED: usize = 8;

/// The method by which the likelihood is measured.
///
/// ```
/// use langevin_tasks::likelihood::Method;
/// assert_eq!(Method::default(), Method::Bound);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// An upper bound on −log p of the SDE model (h/g = 1).
    #[default]
    Bound,
    /// −log p of the ODE model (h/g = 0).
    Ode,
}

/// Settings of a likelihood. `None` selects the default.
///
/// # Examples
///
/// ```
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::likelihood::{Settings, prepare};
/// use langevin_tasks::rows::Wanted;
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let (reader, reading) = (source.read_as(None, &())?, Reading::default());
/// let count = Some(50);
/// let rows = Wanted { data: "moons", reading: &reading, held_out: false, count, seed: 0 };
/// let settings = Settings { levels: Some(16), threads: Some(1), ..Settings::default() };
/// let bound = prepare(&settings, &reader, None, &rows, &())?.run(&())?;
/// assert_eq!(bound.nats.len(), 50);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The method.
    pub method: Method,
    /// h/g; must equal the value that belongs to the method.
    pub eta: Option<f64>,
    /// Number of noise levels of the bound for each datum; default [`LEVELS`].
    pub levels: Option<usize>,
    /// Divergence estimate of the ODE: `exact`, `forward` or `hutchinson:N`.
    pub divergence: Option<String>,
    /// Tolerance of the ODE solver.
    pub tolerance: Option<f64>,
    /// Lowest noise level, in σ/α; default: the lowest level of the training.
    pub sigma_min: Option<f64>,
    /// Highest noise level, in σ/α; default: the highest level of the training.
    pub sigma_max: Option<f64>,
    /// Number of threads; default: the number of cores.
    pub threads: Option<usize>,
}

/// The method with its parameters.
#[derive(Clone, Debug)]
enum How {
    Bound(Bound),
    Ode(Ode),
}

/// A likelihood that is ready to be measured: all inputs have been read and checked.
pub struct Prepared<'a> {
    reader: &'a Reader<'a>,
    set: Dataset,
    lattice: Option<Lattice>,
    range: LambdaRange,
    how: How,
    coordinates: Coordinates,
    /// The Gaussian with the moments of the training.
    gaussian: Option<Gaussian>,
    threads: usize,
}

/// A Gaussian with the mean and covariance of the training rows, measured on the same rows as the
/// model.
///
/// # Examples
///
/// ```
/// let baseline = langevin_tasks::likelihood::Baseline { nats: vec![1.0, 3.0] };
/// assert_eq!(baseline.mean(), 2.0);
/// // The model is lower by 0.5 nats on both rows, so its advantage has no spread.
/// assert_eq!(baseline.difference(&[0.5, 2.5]), (-0.5, 0.0));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// −log p of each row, in nats, in the units of the data.
    pub nats: Vec<f64>,
}

impl Baseline {
    /// Returns the mean over the rows.
    #[must_use]
    pub fn mean(&self) -> f64 {
        mean(&self.nats).0
    }

    /// Returns the standard error of the mean.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        mean(&self.nats).1
    }

    /// Returns the mean of the model's −log p minus that of the Gaussian, row by row, and its
    /// standard error. A negative mean says that the model is better.
    #[must_use]
    pub fn difference(&self, model: &[f64]) -> (f64, f64) {
        mean(&model.iter().zip(&self.nats).map(|(model, gaussian)| model - gaussian).collect::<Vec<f64>>())
    }
}

/// Returns the mean and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0) / count).sqrt())
}

/// Checks that the settings are consistent.
///
/// # Examples
///
/// ```
/// use langevin_tasks::likelihood::{Method, Settings, check};
/// assert!(check(&Settings::default()).is_ok());
/// let settings = Settings { method: Method::Ode, levels: Some(8), ..Settings::default() };
/// assert!(check(&settings).is_err());
/// ```
///
/// # Errors
/// Returns an error that names the arguments that contradict each other.
pub fn check(settings: &Settings) -> Result<()> {
    let wrong = |name: &str, method: &str| {
        Err(Error::misused(format!("‹{name}› is no option of this method"))
            .at(format!("‹{name}›"))
            .expected(format!("‹method› {method}")))
    };
    let eta = settings.eta.unwrap_or(if settings.method == Method::Ode { 0.0 } else { 1.0 });
    match settings.method {
        Method::Ode if eta != 0.0 => Err(Error::misused("a density needs a model without noise")
            .at("‹eta›, ‹method› ode")
            .expected("h/g = 0")
            .got(eta.to_string())
            .hint("‹method› bound is of the model with h/g = 1")),
        Method::Bound if eta != 1.0 => Err(Error::misused("the bound is of the model with the process's own noise")
            .at("‹eta›, ‹method› bound")
            .expected("h/g = 1")
            .got(eta.to_string())
            .hint("‹method› ode is of the model with h/g = 0; for other h/g neither is known")),
        Method::Ode if settings.levels.is_some() => wrong("levels", "bound"),
        Method::Bound if settings.divergence.is_some() => wrong("divergence", "ode"),
        Method::Bound if settings.tolerance.is_some() => wrong("tolerance", "ode"),
        _ => Ok(()),
    }
}

/// Reads the rows and checks all inputs, so that [`Prepared::run`] only computes. With `given`, the
/// noise range is that of a plan.
///
/// # Errors
/// Returns an error if the settings contradict each other, if the model has no likelihood of this
/// kind, or if the rows cannot be read.
pub fn prepare<'a>(
    settings: &Settings,
    reader: &'a Reader<'a>,
    given: Option<&Given>,
    wanted: &Wanted<'_>,
    observer: &dyn Observer,
) -> Result<Prepared<'a>> {
    check(settings)?;
    let source = reader.source();
    let range = match given {
        Some(given) => range_of(given, source, observer)?,
        None => range(settings, reader)?,
    };
    check_model(settings.method, source)?;
    let set = rows::load(wanted, source, observer)?;
    source.check_rows(set.rows())?;
    let mut how = How::new(settings, range, set.width())?;
    let lattice = rows::lattice(source, &set)?;
    let coordinates = rows::coordinates(wanted.seed, source.normalization(), &set, lattice.as_ref()).or_failed()?;
    // Only moments of the training make a fair baseline: a fit to these rows has seen them, and
    // moments of whole numbers are not those of the dequantised rows.
    let gaussian = source
        .network()
        .filter(|network| lattice.is_none() || network.metadata().data.dequantized)
        .and_then(Network::moments)
        .and_then(|moments| rows::gaussian(Some(moments), &[], 0));
    if let How::Bound(bound) = &mut how {
        bound.control = rows::gaussian_of(source, &coordinates.x, set.width());
    }
    let threads = source.threads(settings.threads);
    Ok(Prepared { reader, set, lattice, range, how, coordinates, gaussian, threads })
}

/// Checks that the model has a likelihood of this kind.
fn check_model(method: Method, source: &Source<'_>) -> Result<()> {
    if method == Method::Bound && source.is_coupled() {
        return Err(Error::failed("the bound is of an SDE, and the noise of this network was coupled to its data")
            .at("‹model›")
            .expected("a model trained with independent noise")
            .got("‹coupling› transport")
            .hint("its velocity is no score; ‹method› ode holds for any velocity"));
    }
    if method == Method::Ode && !source.is_differentiable() {
        return Err(Error::misused("a density needs the network's derivative, which an ONNX file does not have")
            .at("‹onnx›, ‹method› ode")
            .expected("‹method› bound")
            .got("‹method› ode")
            .hint("the bound needs the network's output alone"));
    }
    Ok(())
}

/// Returns the noise range of a plan, limited to the trained range.
fn range_of(given: &Given, source: &Source<'_>, observer: &dyn Observer) -> Result<LambdaRange> {
    given.check_starts_from_noise("likelihood takes the noise levels of a whole plan")?;
    let NoiseRange { min, max, .. } = NoiseRange::of(&given.plan);
    let (low, high) = source.trained().map_or((0.0, f64::INFINITY), |range| range.sigma_ve());
    let range = LambdaRange::from_sigma_ve(min.max(low), max.min(high)).or_misused()?;
    observer.note(&Note::LevelsOfPlan { plan: given.plan.name().to_owned(), range: range.sigma_ve() });
    Ok(range)
}

/// Returns the noise range of the settings, which defaults to the trained range.
fn range(settings: &Settings, reader: &Reader<'_>) -> Result<LambdaRange> {
    let trained = reader.source().trained();
    let (low, high) = match trained {
        Some(range) => range.sigma_ve(),
        None => {
            let range = Request::new().process(reader.process.clone()).noise_range().or_misused()?;
            (range.min, range.max)
        }
    };
    let range = LambdaRange::from_sigma_ve(settings.sigma_min.unwrap_or(low), settings.sigma_max.unwrap_or(high))
        .or_misused()?;
    match trained {
        Some(trained) if !(trained.contains(range.min) && trained.contains(range.max)) => {
            Err(Error::misused("the network was not trained on all of this range")
                .at("‹sigma-min›, ‹sigma-max›")
                .expected(format!("σ/α from {low:.4} to {high:.4}"))
                .got(format!("{:.4} to {:.4}", range.sigma_ve().0, range.sigma_ve().1)))
        }
        _ => Ok(range),
    }
}

impl How {
    fn new(settings: &Settings, range: LambdaRange, width: usize) -> Result<Self> {
        Ok(match settings.method {
            Method::Bound => Self::Bound(Bound::new(range, settings.levels.unwrap_or(LEVELS))),
            Method::Ode => {
                let divergence = match &settings.divergence {
                    Some(text) => Divergence::parse(text).or_misused()?,
                    None => Divergence::usual(width),
                };
                let ode = Ode::new(range).with_divergence(divergence);
                Self::Ode(ode.with_tolerance(settings.tolerance.unwrap_or(ode.tolerance)))
            }
        })
    }

    fn run(&self, reader: &Reader<'_>, x: &[f64], width: usize, ids: &[SampleId]) -> langevin::Result<Likelihood> {
        match self {
            Self::Bound(bound) => bound.run(reader, x, width, ids),
            Self::Ode(ode) => ode.run(reader, x, width, ids),
        }
    }
}

impl Prepared<'_> {
    /// Returns the data rows.
    #[must_use]
    pub fn set(&self) -> &Dataset {
        &self.set
    }

    /// Returns the spacing of evenly spaced values, if the data have one.
    #[must_use]
    pub fn lattice(&self) -> Option<&Lattice> {
        self.lattice.as_ref()
    }

    /// Returns the noise range over which the likelihood is measured.
    #[must_use]
    pub fn range(&self) -> LambdaRange {
        self.range
    }

    /// Returns a description of the method and its parameters.
    #[must_use]
    pub fn method(&self) -> String {
        match &self.how {
            How::Bound(bound) => format!("bound, {} a datum", plural(bound.levels as u64, "noise level")),
            How::Ode(ode) => match ode.divergence {
                Divergence::Hutchinson(probes) => {
                    format!("density of the ODE, {}, tolerance {:e}", plural(probes as u64, "probe"), ode.tolerance)
                }
                _ => format!("density of the ODE, exact divergence, tolerance {:e}", ode.tolerance),
            },
        }
    }

    /// Measures all rows in slices and returns −log p of each row, in nats, in the units of the
    /// data. The value of a row does not depend on the other rows.
    ///
    /// ```
    /// use langevin_tasks::data::Reading;
    /// use langevin_tasks::likelihood::{Method, Settings, prepare};
    /// use langevin_tasks::rows::Wanted;
    /// use langevin_tasks::source::{Named, Source};
    /// let source = Source::open(Named::Exact("moons"), &())?;
    /// let (reader, reading) = (source.read_as(None, &())?, Reading::default());
    /// let count = Some(20);
    /// let rows = Wanted { data: "moons", reading: &reading, held_out: false, count, seed: 0 };
    /// let settings = Settings { method: Method::Ode, threads: Some(1), ..Settings::default() };
    /// let prepared = prepare(&settings, &reader, None, &rows, &())?;
    /// assert!(prepared.method().starts_with("density of the ODE, exact divergence"));
    /// assert!(prepared.run(&())?.mean().is_finite());
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the model fails or the observer ends the work.
    pub fn run(&self, observer: &dyn Observer) -> Result<Likelihood> {
        self.note_what_counts(observer);
        let Coordinates { x, volumes, ids } = &self.coordinates;
        let (width, slice) = (self.set.width(), SLICE * self.threads);
        let mut all: Option<Likelihood> = None;
        for (first, ids) in (0..).step_by(slice).zip(ids.chunks(slice)) {
            observer.check()?;
            observer.progress(&Progress::Done { unit: "rows", done: first as u64, all: (x.len() / width) as u64 });
            let x = &x[first * width..(first + ids.len()) * width];
            let found = in_pieces(self.threads, x, width, ids, |x, ids| self.how.run(self.reader, x, width, ids));
            let found = or_failed(found, observer)?;
            all = Some(match all {
                None => found,
                Some(all) => all.and(found),
            });
        }
        observer.progress(&Progress::End);
        let all = all.ok_or_else(|| Error::failed("there are no data").at("‹data›"))?;
        Ok(all.rescaled_each(volumes))
    }

    /// Returns −log p of the rows under a Gaussian with the mean and covariance of the training
    /// rows, blurred to the lowest noise level like the model. Returns `None` if the model has no
    /// covariance of its training, or if these rows are dequantised and those of the training were
    /// not.
    #[must_use]
    pub fn baseline(&self) -> Option<Baseline> {
        let gaussian = self.gaussian.as_ref()?;
        let Coordinates { x, volumes, .. } = &self.coordinates;
        let level = langevin::process::ve(self.range.sigma_ve().0);
        let rows = x.chunks_exact(self.set.width()).zip(volumes);
        Some(Baseline { nats: rows.map(|(row, volume)| volume - gaussian.log_density(row, &level)).collect() })
    }

    /// Sends notes that qualify the likelihood: constant columns, dequantisation and flat
    /// directions.
    fn note_what_counts(&self, observer: &dyn Observer) {
        let (frame, network) = (self.set.frame(), self.reader.source().network());
        if !frame.constants.is_empty() {
            let columns = frame.constants.iter().take(NAMED).map(|one| frame.column(one.element)).collect();
            observer.note(&Note::Constants { columns, others: self.set.width() });
        }
        if let Some(lattice) = &self.lattice {
            let (what, which) = self.dequantized(lattice);
            observer.note(&Note::Dequantized { what, which });
            if network.is_some_and(|network| !network.metadata().data.dequantized) {
                observer.note(&Note::TrainDequantized);
            }
        }
        if let Some((flat, all)) = network.and_then(flat) {
            observer.note(&Note::Flat(flat, all));
        }
    }

    /// Describes the dequantised values, and names their columns unless all columns are
    /// dequantised.
    fn dequantized(&self, lattice: &Lattice) -> (String, String) {
        let frame = self.set.frame();
        match lattice.common() {
            Some(1.0) => ("whole numbers: a number from [0, 1)".to_owned(), String::new()),
            Some(step) => {
                let step = fraction(step);
                (format!("values {step} apart: a number from [0, {step})"), String::new())
            }
            None => {
                let coarse: Vec<usize> = (0..self.set.width()).filter(|element| lattice.step(*element) > 0.0).collect();
                let places = frame.places();
                let names: Vec<String> =
                    coarse.iter().take(NAMED).map(|element| frame.column(places[*element])).collect();
                let more = if coarse.len() > NAMED { ", …" } else { "" };
                let what = "evenly spaced values: a number below their spacing".to_owned();
                (what, format!(" of {}{more}", names.join(", ")))
            }
        }
    }
}

/// Returns the number of directions in which the training data do not vary and the number of all
/// directions; `None` if the data vary in all of them.
fn flat(network: &Network) -> Option<(u64, u64)> {
    // Dequantisation adds variance to every direction, including pixels that are always dark.
    if network.metadata().data.lattice.is_some() {
        return None;
    }
    let spectrum = network.moments()?.spectrum().ok()?;
    let all = spectrum.eigenvalues();
    // Rounding to single precision leaves a relative variance of about 1e-14.
    let least = FLAT * all.first()?.value;
    let flat: u64 = all.iter().filter(|space| space.value <= least).map(|space| space.count).sum();
    (flat > 0).then(|| (flat, spectrum.dimension()))
}
