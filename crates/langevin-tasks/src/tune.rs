//! Tuning: a plan fitted to one model, with the evidence that it is better than all known ones.

use crate::condition::Condition;
use crate::data::{self, Reading};
use crate::error::{Blame as _, Error, Result};
use crate::limits;
use crate::observe::{Note, Observer, Progress, or_failed};
use crate::rows;
use crate::source::{Reader, Source};
use langevin::formulation::Formulation;
use langevin::model::{Model, Query};
use langevin::plan::{Builder, Origin, Plan, Sampling, Tuning};
use langevin::text::plural;
use langevin::{Request, SampleId};
use langevin_analysis::tune::{Elsewhere, Method, Prepared as Search, ToData, Transfer, Tune, Tuned, Watch};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Numbers that the fit and the test compare at least: rows of few elements need more samples.
const VALUES: [usize; 2] = [2048, 8192];
/// Bounds of the default numbers of samples.
const SAMPLES: [[usize; 2]; 2] = [[96, 512], [256, 2048]];
/// Rows of data that samples are compared with.
const DATA: usize = 1000;
/// Numbers of a probe, and the difference at which two models are not the same: networks differ by
/// rounding between machines.
const PROBE: (usize, f64) = (4, 1e-3);

/// Data to compare samples with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Data<'a> {
    /// A name or a file.
    Named(&'a str),
    /// Rows, one after another, in the units of the data.
    Rows(&'a [f64]),
}

/// Settings of a tuning. `None` selects the default.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// Number of network evaluations (NFE) per sample.
    pub nfe: usize,
    /// The method: which parameters are fitted.
    pub method: Method,
    /// Seed of the samples of the fit; those of the test have the next one.
    pub seed: u64,
    /// Number of samples of the fit.
    pub samples: Option<usize>,
    /// Number of samples of the test.
    pub test: Option<usize>,
    /// Minutes after which the fits end.
    pub minutes: Option<f64>,
    /// Number of threads; default: the number of cores.
    pub threads: Option<usize>,
    /// Data to compare samples with. Default: the density itself, or the built-in data that a
    /// network was trained on.
    pub data: Option<Data<'a>>,
    /// Options for reading the data.
    pub reading: &'a Reading,
    /// Classes and guidance.
    pub condition: &'a Condition,
}

impl<'a> Settings<'a> {
    /// Creates the default settings for plans with `nfe` evaluations.
    ///
    /// ```
    /// use langevin_tasks::{condition::Condition, data::Reading, tune::Settings};
    /// let (reading, condition) = (Reading::default(), Condition::default());
    /// assert_eq!(Settings::new(6, &reading, &condition).seed, 0);
    /// ```
    #[must_use]
    pub fn new(nfe: usize, reading: &'a Reading, condition: &'a Condition) -> Self {
        Self {
            nfe,
            method: Method::All,
            seed: 0,
            samples: None,
            test: None,
            minutes: None,
            threads: None,
            data: None,
            reading,
            condition,
        }
    }
}

/// Classes of the samples of the fit, of the test, and of a test on other classes, as places in the
/// list of labels of the network.
///
/// See [`Classes::ask`].
#[derive(Clone, Debug, Default)]
pub struct Classes {
    all: usize,
    fit: Vec<usize>,
    test: Vec<usize>,
    others: Vec<usize>,
    names: Vec<String>,
}

impl Classes {
    /// Sets the classes of a condition on the model. The first half of several classes is for the
    /// fit and the second half for the test; all other classes of the model are for a test on
    /// others.
    ///
    /// ```
    /// use langevin_tasks::condition::Condition;
    /// use langevin_tasks::source::{Named, Source};
    /// use langevin_tasks::tune::Classes;
    /// let mut source = Source::open(Named::Exact("moons"), &())?;
    /// assert_eq!(Classes::ask(&Condition::default(), &mut source)?.words(), "");
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the model has no classes, or if a class is unknown.
    pub fn ask(condition: &Condition, source: &mut Source<'_>) -> Result<Self> {
        let labels = condition.ask(source)?;
        let Source::Network(network) = source else { return Ok(Self::default()) };
        if labels.is_empty() {
            return Ok(Self::default());
        }
        let mut all: Vec<u32> = vec![];
        for label in labels {
            if !all.contains(&label) {
                all.push(label);
            }
        }
        let named = all.len();
        let others: Vec<u32> = (0..network.classes().len() as u32).filter(|label| !all.contains(label)).collect();
        all.extend(others);
        let names = all.iter().map(|label| network.classes()[*label as usize].clone()).collect();
        let half = named.div_ceil(2);
        let test = if named == 1 { 0..1 } else { half..named };
        let found = Self {
            all: all.len(),
            fit: (0..half).collect(),
            test: test.collect(),
            others: (named..all.len()).collect(),
            names,
        };
        network.set_labels(all).or_failed()?;
        Ok(found)
    }

    /// Returns a description of the classes of the fit and of the test; empty without classes.
    #[must_use]
    pub fn words(&self) -> String {
        let named = |places: &[usize]| {
            let names: Vec<&str> =
                places.iter().filter_map(|place| self.names.get(*place)).map(String::as_str).collect();
            names.join(", ")
        };
        match &self.fit[..] {
            [] => String::new(),
            fit => format!("fitted on class {}, tested on class {}", named(fit), named(&self.test)),
        }
    }
}

/// A model whose samples take some of its classes in turn.
struct Chosen<'a> {
    reader: &'a Reader<'a>,
    all: usize,
    places: &'a [usize],
}

impl Model<Vec<f64>> for Chosen<'_> {
    fn formulation(&self) -> Option<&Formulation> {
        self.reader.formulation()
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        if self.places.is_empty() {
            return self.reader.predict(x, query);
        }
        // Row i of a network has the class of place i mod `all`.
        let (all, some) = (self.all as u64, self.places.len() as u64);
        let place = |id: &SampleId| id.index / some * all + self.places[(id.index % some) as usize] as u64;
        let rows: Vec<SampleId> = query.rows.iter().map(|id| SampleId { index: place(id), ..*id }).collect();
        let mut query = *query;
        query.rows = &rows;
        self.reader.predict(x, &query)
    }
}

/// A tuning that is ready to run.
#[allow(missing_debug_implementations)] // a model is not printable
pub struct Prepared<'a> {
    reader: &'a Reader<'a>,
    request: Request,
    tune: Tune,
    classes: Classes,
    guidance: Option<f64>,
    data: Option<Vec<f64>>,
    minutes: Option<f64>,
}

/// The result of a tuning.
#[derive(Debug)]
pub struct Found {
    /// The result, with the baseline and the interval.
    pub tuned: Tuned,
    /// The plan to use: the tuned one, or the best known one if the improvement is not certain.
    pub plan: Plan,
    /// True if the time ran out before the fits ended.
    pub hurried: bool,
}

/// Checks the settings for a model.
///
/// # Examples
///
/// ```
/// use langevin_tasks::condition::Condition;
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::source::{Named, Source};
/// use langevin_tasks::tune::{Classes, Settings, prepare};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let reader = source.read_as(Some("vp"), &())?;
/// let (reading, condition) = (Reading::default(), Condition::default());
/// let mut settings = Settings::new(4, &reading, &condition);
/// (settings.samples, settings.test) = (Some(32), Some(32));
/// let request = langevin::Request::new();
/// let found = prepare(&reader, request, &settings, Classes::default(), &())?.run(&())?;
/// assert!(found.tuned.ratio() < 1.0);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the model cannot be evaluated for so many samples, if the request cannot be
/// compiled, or if the data cannot be read.
pub fn prepare<'a>(
    reader: &'a Reader<'a>,
    request: Request,
    settings: &Settings<'_>,
    classes: Classes,
    observer: &dyn Observer,
) -> Result<Prepared<'a>> {
    observer.check()?;
    let source = reader.source();
    let usual =
        |which: usize| VALUES[which].div_ceil(source.width().max(1)).clamp(SAMPLES[which][0], SAMPLES[which][1]);
    let samples = settings.samples.unwrap_or_else(|| usual(0));
    let test = settings.test.unwrap_or_else(|| usual(1));
    // Four times as many samples as the fit has judge it.
    let most = samples.saturating_mul(5).max(test);
    check_memory(most, samples, settings.nfe, source.width())?;
    source.check_rows(most)?;
    if settings.nfe < 2 {
        return Err(Error::misused("nothing can be tuned with one evaluation")
            .at("‹nfe›")
            .expected("2 or more")
            .got(settings.nfe.to_string()));
    }
    let request = settings.condition.guide(reader.asks(request));
    request.clone().nfe(settings.nfe).plan().or_misused()?;
    let threads = source.threads(settings.threads);
    let tune =
        Tune::new(settings.nfe).method(settings.method).seed(settings.seed).samples(samples, test).threads(threads);
    tune.prepare(&request, source.width()).or_misused()?;
    let data = self::data(source, settings, observer)?;
    let guidance = settings.condition.guidance;
    Ok(Prepared { reader, request, tune, classes, guidance, data, minutes: settings.minutes })
}

/// Checks that the samples and the derivatives of a fit fit in memory.
fn check_memory(most: usize, samples: usize, nfe: usize, width: usize) -> Result<()> {
    limits::memory(most, width)
        .and_then(|()| {
            // A derivative for each level and weight, and the answers of a run.
            let columns = (nfe.saturating_mul(nfe.saturating_add(3)) / 2).saturating_add(nfe);
            // The check counts every number twice.
            limits::memory(samples, width.saturating_mul(columns.div_ceil(2)))
        })
        .map_err(|_| {
            Error::misused("the samples of the fit and the test do not fit in memory")
                .at("‹samples›, ‹test›")
                .expected("smaller numbers")
                .got(format!("{samples} for the fit, {most} in one run"))
        })
}

/// Returns rows of data in the units of the model, or `None` if there are none.
fn data(source: &Source<'_>, settings: &Settings<'_>, observer: &dyn Observer) -> Result<Option<Vec<f64>>> {
    let seed = settings.seed.wrapping_add(2);
    let set = match (settings.data, source) {
        (Some(Data::Named(name)), _) => rows::read(name, seed, settings.reading, source, observer)?,
        (Some(Data::Rows(values)), _) => {
            let mut values = values[..values.len().min(DATA * source.width())].to_vec();
            if let Some(map) = source.normalization() {
                let _volume = map.to_model(&mut values, source.width());
            }
            return Ok(Some(values));
        }
        (None, Source::Exact(density)) => {
            let ids: Vec<SampleId> = (0..DATA as u64).map(|index| SampleId { seed, index }).collect();
            return Ok(Some(density.sample(&ids)));
        }
        (None, _) => {
            let Some(spec) = source.network().map(|network| &network.metadata().data) else { return Ok(None) };
            if !data::names().contains(&spec.name.as_str()) || data::file(&spec.name).is_some() {
                return Ok(None);
            }
            match rows::read(&spec.name, seed, settings.reading, source, observer) {
                Ok(set) if set.shape() == spec.shape => set,
                // Other data of the same name.
                _ => return Ok(None),
            }
        }
    };
    let set = set.head(DATA.min(set.rows()));
    let found = rows::coordinates(seed, source.normalization(), &set, None).or_failed()?;
    Ok(Some(found.x))
}

/// The connection between a tuning and an observer.
struct Bridge<'a> {
    observer: &'a dyn Observer,
    /// Thousandths of the work that were shown.
    shown: AtomicU64,
    end: Option<Instant>,
    hurried: AtomicBool,
}

impl Watch for Bridge<'_> {
    fn evaluated(&self, done: u64, most: u64) -> langevin::Result<()> {
        let part = done.saturating_mul(1000) / most.max(1);
        if self.shown.swap(part, Ordering::Relaxed) != part {
            self.observer.progress(&Progress::Done { unit: "evaluations", done, all: most });
        }
        self.observer.check().map_err(|error| langevin::Error::model("the tuning was ended", error))
    }

    fn goes_on(&self) -> bool {
        let late = self.end.is_some_and(|end| Instant::now() >= end);
        self.hurried.fetch_or(late, Ordering::Relaxed);
        !late
    }
}

impl Prepared<'_> {
    /// Returns a sentence about the work: evaluations, known plans and samples.
    ///
    /// # Errors
    /// Returns an error if a plan cannot be compiled.
    pub fn announcement(&self) -> Result<String> {
        let search = self.search()?;
        Ok(format!(
            "at most {} of the model, for {} and a fit by the method {}",
            plural(search.most_evaluations(), "evaluation"),
            plural(search.plans() as u64, "known plan"),
            search.method().name()
        ))
    }

    fn search(&self) -> Result<Search<'_>> {
        self.tune.prepare(&self.request, self.reader.source().width()).or_misused()
    }

    fn model<'m>(&'m self, places: &'m [usize]) -> Chosen<'m> {
        Chosen { reader: self.reader, all: self.classes.all, places }
    }

    /// Runs the tuning.
    ///
    /// # Errors
    /// Returns an error if the model fails or if the observer ends the work.
    pub fn run(&self, observer: &dyn Observer) -> Result<Found> {
        let end = self.minutes.map(|minutes| Instant::now() + Duration::from_secs_f64(60.0 * minutes.min(1e6)));
        let bridge = Bridge { observer, shown: AtomicU64::new(u64::MAX), end, hurried: AtomicBool::new(false) };
        let search = self.search()?;
        let models = [self.model(&self.classes.fit), self.model(&self.classes.test)];
        let run = search.run([&models[0], &models[1]], self.data.as_deref(), &bridge);
        let mut tuned = or_failed(run, observer)?;
        for transfer in self.transfers(&search, &tuned, observer)? {
            tuned.transfers.push(transfer);
        }
        observer.progress(&Progress::End);
        if bridge.hurried.load(Ordering::Relaxed) {
            observer.note(&Note::Hurried);
        }
        let plan = match tuned.improves() {
            true => self.with_origin(&tuned).or_failed()?,
            false => tuned.known.plan.clone(),
        };
        Ok(Found { tuned, plan, hurried: bridge.hurried.into_inner() })
    }

    /// Returns the errors with other guidance weights and on other classes.
    fn transfers(&self, search: &Search<'_>, tuned: &Tuned, observer: &dyn Observer) -> Result<Vec<Transfer>> {
        let mut found = vec![];
        let test = self.model(&self.classes.test);
        for weight in self.guidance.into_iter().flat_map(|weight| [weight - 1.0, weight + 1.0]) {
            let (request, what) = (self.request.clone().guidance(weight), Elsewhere::Guidance(weight));
            found.extend(or_failed(search.transfer(tuned, what, &request, &test), observer)?);
        }
        if !self.classes.others.is_empty() {
            let others = self.model(&self.classes.others);
            let what = Elsewhere::Classes(self.classes.others.len());
            found.extend(or_failed(search.transfer(tuned, what, &self.request, &others), observer)?);
        }
        Ok(found)
    }

    /// Returns the tuned plan with its evidence as its origin.
    fn with_origin(&self, tuned: &Tuned) -> langevin::Result<Plan> {
        let known = &tuned.known;
        let source = format!(
            "a fit ({}) from {} on {}, after {}",
            tuned.method.name(),
            tuned.start[0],
            tuned.start[1],
            plural(tuned.evaluations, "evaluation"),
        );
        let tuning = Tuning {
            model: self.reader.source().name().to_owned(),
            probe: probe(self.reader)?,
            seeds: tuned.seeds,
            samples: tuned.samples.map(|count| count as u64),
            known: format!("{} on {}, {}", known.sampler, known.grid, plural(known.plan.nfe() as u64, "evaluation")),
            errors: [tuned.error, tuned.known_error],
            interval: tuned.interval,
        };
        let mut parts = tuned.plan.clone().into_parts();
        parts.name = format!("tuned-{}-{}", tuned.method.name(), tuned.plan.nfe());
        parts.origin = Some(Origin { source, tolerance: 0.0, tuning: Some(tuning) });
        parts.plan()
    }
}

/// Returns the first numbers of a model's D at σ/α = 1, for the noise of the first sample of seed
/// 0.
///
/// ```
/// use langevin_tasks::source::{Named, Source};
/// use langevin_tasks::tune::probe;
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let (vp, flow) = (source.read_as(Some("vp"), &())?, source.read_as(Some("ve"), &())?);
/// // The same model, whatever it is read as.
/// let pairs: Vec<(f64, f64)> = probe(&vp)?.into_iter().zip(probe(&flow)?).collect();
/// assert!(pairs.iter().all(|(a, b)| (a - b).abs() < 1e-6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the process does not reach the level, or if the model fails.
pub fn probe(reader: &Reader<'_>) -> langevin::Result<Vec<f64>> {
    let level = reader.process.level_at_sigma_ve(1.0)?;
    let mut plan = Builder::new("probe", &reader.process, reader.formulation());
    let x = plan.start(&level);
    // Without a class, if there are classes: a plan may be used for another one.
    let denoised = match reader.source().network().is_some_and(|network| !network.classes().is_empty()) {
        true => plan.eval_pair(x, &level)?[1],
        false => plan.eval(x, &level)?,
    };
    let plan = plan.finish(denoised)?;
    let mut answer = Sampling::new(1, reader.source().width()).run::<f64>(&plan, reader)?;
    answer.truncate(PROBE.0);
    Ok(answer)
}

/// Sends a note if a tuned plan was tuned for another model.
pub fn note_if_foreign(plan: &Plan, reader: &Reader<'_>, observer: &dyn Observer) {
    let Some(tuning) = plan.origin().and_then(|origin| origin.tuning.as_ref()) else { return };
    // A model that cannot answer fails where it is run.
    let Ok(probe) = probe(reader) else { return };
    let far = |(a, b): (&f64, &f64)| (a - b).abs() > PROBE.1 * a.abs().max(1.0);
    if probe.len() != tuning.probe.len() || probe.iter().zip(&tuning.probe).any(far) {
        observer.note(&Note::TunedElsewhere(tuning.model.clone()));
    }
}

/// Returns the result as JSON, without the plan.
#[must_use]
pub fn document(tuned: &Tuned) -> serde_json::Value {
    let known = &tuned.known;
    let transfer = |transfer: &Transfer| json!({"what": transfer.what.to_string(), "tuned": transfer.errors[0], "known": transfer.errors[1]});
    let to_data = |data: ToData| {
        json!({
            "tuned": data.tuned, "known": data.known, "fine": data.fine, "rows": data.rows,
            "difference": data.difference, "worse": data.is_worse(),
        })
    };
    json!({
        "nfe": tuned.plan.nfe(), "method": tuned.method.name(), "error": tuned.error, "fitted": tuned.fitted,
        "ratio": tuned.ratio(), "interval": tuned.interval, "improves": tuned.improves(),
        "known": {
            "sampler": known.sampler, "grid": known.grid, "steps": known.steps, "nfe": known.plan.nfe(),
            "error": tuned.known_error,
        },
        "plans": tuned.plans, "start": tuned.start, "seeds": tuned.seeds, "samples": tuned.samples,
        "evaluations": tuned.evaluations,
        "fine": {"nfe": tuned.fine, "rms_of_half": tuned.fine_error},
        "wall": {"last_row": tuned.wall.last_row, "outside": tuned.wall.outside},
        "to_data": tuned.to_data.map(to_data),
        "transfers": tuned.transfers.iter().map(transfer).collect::<Vec<_>>(),
    })
}
