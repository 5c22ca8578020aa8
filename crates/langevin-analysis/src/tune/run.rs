//! A whole tuning: the best known plan, a better one, and the evidence that it is better.

use super::evidence::{self, Single, ToData, Wall};
use super::fit::{Setting, Target, listed};
use super::known::{self, Known};
use super::memory::Remembering;
use super::methods::{self, Method, Work};
use super::table::Table;
use crate::recommend::{Compiler, finer, fitting, reference};
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::model::Model;
use langevin::plan::{Plan, Sampling};
use langevin::process::Process;
use langevin::sampler::Sampler;
use langevin::text::plural;
use std::fmt;
use std::sync::atomic::AtomicU64;

/// Rows on which the fine solution is compared with one of half its evaluations, and on which a
/// model is asked twice.
const CHECKED: usize = 16;
/// The ratio of the samples that judge a fit to those that it sees. They cost one run for each
/// iteration, and show what a fit does to rare samples.
const JUDGES: usize = 4;

/// The settings of a tuning.
///
/// # Examples
/// See [`prepare`](Self::prepare).
#[derive(Clone, Debug)]
pub struct Tune {
    nfe: usize,
    method: Method,
    seed: u64,
    samples: [usize; 2],
    iterations: usize,
    threads: usize,
}

/// An observer of a tuning. `()` observes nothing.
pub trait Watch: Sync {
    /// Receives the number of evaluations so far, and the largest number that there can be; a row
    /// counts as one.
    ///
    /// # Errors
    /// Returns the error with which the tuning ends.
    fn evaluated(&self, _done: u64, _most: u64) -> Result<()> {
        Ok(())
    }

    /// Returns false if the fits are to end, with the best plan so far.
    fn goes_on(&self) -> bool {
        true
    }
}

impl Watch for () {}

/// Other circumstances under which a tuned plan is tested. `Display` writes them for a table.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Elsewhere {
    /// The network is evaluated in single precision.
    SinglePrecision,
    /// Plans with another number of evaluations: the levels of the tuned plan are interpolated, and
    /// the weights are those of a known sampler.
    Evaluations(usize, String),
    /// The plans have this other guidance weight.
    Guidance(f64),
    /// So many classes that the fit has not seen.
    Classes(usize),
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SinglePrecision => write!(f, "network in single precision"),
            Self::Evaluations(nfe, sampler) => write!(f, "{nfe} evaluations, weights of {sampler}"),
            Self::Guidance(weight) => write!(f, "guidance {weight}"),
            Self::Classes(count) => write!(f, "the other {}", plural(*count as u64, "class")),
        }
    }
}

/// The errors of the tuned plan and of the best known plan under other circumstances.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Transfer {
    /// The difference.
    pub what: Elsewhere,
    /// The error of the tuned plan, and of the known one.
    pub errors: [f64; 2],
}

/// The result of a tuning.
///
/// # Examples
/// See [`Tune::prepare`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tuned {
    /// The tuned plan.
    pub plan: Plan,
    /// The method.
    pub method: Method,
    /// The best of all known plans with as many evaluations, by the error on the test samples.
    pub known: Known,
    /// The error of that plan on the test samples.
    pub known_error: f64,
    /// The number of known plans that were measured.
    pub plans: usize,
    /// The error of the tuned plan on the samples by which the fit was judged.
    pub fitted: f64,
    /// The error of the tuned plan on the test samples: the root mean square distance from the fine
    /// solution from the same noise.
    pub error: f64,
    /// The bootstrap interval (95 %) of the ratio of the two test errors.
    pub interval: [f64; 2],
    /// The sampler and grid from which the fit started.
    pub start: [String; 2],
    /// The seeds of the samples of the fit and of the test.
    pub seeds: [u64; 2],
    /// The numbers of samples of the fit and of the test.
    pub samples: [usize; 2],
    /// The number of evaluations of the fine plan.
    pub fine: usize,
    /// The distance of the fine solution from one of half its evaluations.
    pub fine_error: f64,
    /// The number of evaluations, in rows.
    pub evaluations: u64,
    /// The errors that no weights can remove.
    pub wall: Wall,
    /// The distances to data, if there are data.
    pub to_data: Option<ToData>,
    /// Errors under other circumstances.
    pub transfers: Vec<Transfer>,
    table: Option<Table>,
}

impl Tuned {
    /// Returns the error of the tuned plan divided by that of the best known one.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.error / self.known_error
    }

    /// Returns true if the interval of the ratio lies below 1, and if the samples are not farther
    /// from the data than those of the best known plan.
    #[must_use]
    pub fn improves(&self) -> bool {
        self.interval[1] < 1.0 && !self.to_data.is_some_and(|data| data.is_worse())
    }
}

/// The purpose of samples.
#[derive(Clone, Copy)]
enum Sample {
    Fit,
    Judge,
    Test,
}

/// A tuning that is ready to run.
#[allow(missing_debug_implementations)] // a compiler is not printable
pub struct Prepared<'a> {
    tune: Tune,
    compiler: &'a dyn Compiler,
    width: usize,
    fine: Plan,
    process: Process,
    network: Option<Formulation>,
    known: Vec<Known>,
}

impl Tune {
    /// Creates settings for plans with `nfe` evaluations: the method `all`, seed 0, 128 samples for
    /// the fit and 256 for the test, at most 60 iterations, one thread.
    #[must_use]
    pub fn new(nfe: usize) -> Self {
        Self { nfe, method: Method::All, seed: 0, samples: [128, 256], iterations: 60, threads: 1 }
    }

    /// Sets the method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sets the seed. The samples of the fit have this seed, and those of the test the next one.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the numbers of samples of the fit and of the test. Four times as many as the fit has,
    /// of the same seed, decide when a fit ends and which fitted plan is the best.
    #[must_use]
    pub fn samples(mut self, fit: usize, test: usize) -> Self {
        self.samples = [fit.max(1), test.max(2)];
        self
    }

    /// Sets the largest number of iterations of a fit.
    #[must_use]
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.iterations = iterations;
        self
    }

    /// Sets the number of threads. They do not change the result.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Compiles the fine plan and the known plans for rows of `width` elements.
    ///
    /// # Errors
    /// Returns an error if a plan cannot be compiled, or if no known plan fits the budget.
    ///
    /// # Examples
    /// ```
    /// use langevin::{Process, Request};
    /// use langevin_analysis::{exact, tune::Tune};
    /// let (request, model) = (Request::new().process(Process::vp()), exact::named("moons")?);
    /// let tune = Tune::new(4).samples(32, 32).iterations(3).prepare(&request, 2)?;
    /// let tuned = tune.run([&*model, &*model], None, &())?;
    /// assert!(tuned.plan.nfe() == 4 && tuned.plan.lint()?.is_clean());
    /// assert!(tuned.ratio() < 1.0 && tuned.evaluations <= tune.most_evaluations());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn prepare<'a>(&self, compiler: &'a dyn Compiler, width: usize) -> Result<Prepared<'a>> {
        if self.nfe < 2 {
            return Err(Error::argument("nothing can be tuned with one evaluation")
                .at("nfe")
                .expected("2 or more")
                .got(self.nfe.to_string()));
        }
        let fine = reference(compiler, finer(self.nfe))?;
        let process = Process::from_spec(fine.process())?;
        let network = fine.network().map(Formulation::from_spec).transpose()?;
        let known = known::all(compiler, self.nfe);
        if known.is_empty() {
            // The reason that the usual sampler has.
            let usual = Sampler::parse("ddim", None)?;
            fitting(compiler, &usual, compiler.usual_grid().unwrap_or("config"), self.nfe)?;
            return Err(Error::argument("no known plan fits the budget")
                .at("nfe")
                .expected("a larger number of evaluations")
                .got(self.nfe.to_string()));
        }
        Ok(Prepared { tune: self.clone(), compiler, width, fine, process, network, known })
    }
}

impl Prepared<'_> {
    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.tune.method
    }

    /// Returns the number of known plans.
    #[must_use]
    pub fn plans(&self) -> usize {
        self.known.len()
    }

    /// Returns the largest number of evaluations that the tuning can need; a row counts as one.
    #[must_use]
    pub fn most_evaluations(&self) -> u64 {
        let Tune { nfe, method, samples: [fit, test], iterations, .. } = self.tune;
        let outputs = if self.fine.is_guided() { 2 } else { 1 };
        let fine = self.fine.nfe() * ((1 + JUDGES) * fit + test + CHECKED.min(test));
        let (fine, nfe64, test64) = (fine as u64, nfe as u64, test as u64);
        // Two plans in single precision, two neighbours of the tuned plan, its answers, and twice
        // the same question.
        let tests = (2 + 1 + 1 + 4 + 1) * nfe64 * test64 + 2 * nfe64 * CHECKED as u64;
        outputs * (fine + known::cost(&self.known, test) + methods::cost(method, nfe, iterations, fit, JUDGES) + tests)
    }

    fn target<'m, M: Model<Vec<f64>> + Sync + ?Sized>(
        &self,
        which: Sample,
        model: &'m Remembering<'m, M>,
        fine: &Plan,
    ) -> Result<Target<'m, M>> {
        let Tune { samples, seed, threads, .. } = self.tune;
        // The samples that judge the fit follow those of the fit.
        let (seed, rows, first) = match which {
            Sample::Fit => (seed, samples[0], 0),
            Sample::Judge => (seed, JUDGES * samples[0], samples[0]),
            Sample::Test => (seed.wrapping_add(1), samples[1], 0),
        };
        let sampling = Sampling::new(rows, self.width).seed(seed).first(first as u64);
        let chunk = rows.div_ceil(threads).clamp(1, 256);
        Target::new(model, sampling.chunk(chunk).threads(threads), self.width, fine)
    }

    /// Tunes a plan, and tests it.
    ///
    /// `models` are the model of the fit and that of the test, which may be the same. `data` are
    /// rows in the model's units.
    ///
    /// # Errors
    /// Returns an error if the method finds no plan, if the model fails or answers the same
    /// question differently, if the fine solution has not converged, or if the watch ends the work.
    pub fn run<M: Model<Vec<f64>> + Sync + ?Sized>(
        &self,
        models: [&M; 2],
        data: Option<&[f64]>,
        watch: &dyn Watch,
    ) -> Result<Tuned> {
        let Tune { nfe, method, seed, samples, iterations, .. } = self.tune;
        let (done, most) = (AtomicU64::new(0), self.most_evaluations());
        let models = models.map(|model| Remembering::new(model, watch, &done, most));
        let fit = self.target(Sample::Fit, &models[0], &self.fine)?;
        let judge = self.target(Sample::Judge, &models[0], &self.fine)?;
        let test = self.target(Sample::Test, &models[1], &self.fine)?;
        let left = known::tournament(self.known.clone(), &test)?;
        let (known, known_error) = left.best;
        let fine_error = self.check(&test, &known, known_error)?;
        let setting = Setting { process: &self.process, network: self.network.as_ref() };
        let work = Work {
            compiler: self.compiler,
            setting,
            nfe,
            iterations,
            fit: &fit,
            judge: &judge,
            known: &left.all,
            goes_on: &|| watch.goes_on(),
        };
        let found = work.run(method)?;
        let (ours, answers) = test.answers(&found.plan)?;
        let theirs = test.samples(&known.plan)?;
        let errors = [test.errors(&ours), test.errors(&theirs)];
        let error = rms(&errors[0]);
        let first = found.table.as_ref().map_or(self.fine_first(), |table| Ok(table.levels()[0]))?;
        let starts = methods::starts(&test, first, setting)?;
        let wall = Wall::measure(&starts, &answers, test.reference(), self.width);
        let to_data =
            data.map(|data| ToData::measure([&ours, &theirs, test.reference()], data, self.width, seed)).transpose()?;
        let single = Single(&models[1]);
        let narrow = [&found.plan, &known.plan].map(|plan| test.samples_of(plan, &single));
        let [ours, theirs] = narrow;
        let errors32 = [rms(&test.errors(&ours?)), rms(&test.errors(&theirs?))];
        let mut transfers = vec![Transfer { what: Elsewhere::SinglePrecision, errors: errors32 }];
        for neighbour in [nfe - 1, nfe + 1] {
            let ours = found.table.as_ref().filter(|_| neighbour >= 2).and_then(|table| {
                let sampler = Sampler::parse(&found.sampler, None).ok()?;
                self.compiler.plan(&sampler, &listed(&methods::resized(table.levels(), neighbour)), None).ok()
            });
            let theirs =
                fitting(self.compiler, &Sampler::parse(&known.sampler, None)?, &known.grid, neighbour).ok().flatten();
            if let (Some(ours), Some((_, theirs))) = (ours, theirs) {
                let what = Elsewhere::Evaluations(neighbour, found.sampler.clone());
                transfers.push(Transfer { what, errors: [test.error(&ours)?, test.error(&theirs)?] });
            }
        }
        Ok(Tuned {
            interval: evidence::of_ratio(&errors[0], &errors[1], seed),
            plan: found.plan,
            method,
            known,
            known_error,
            plans: self.known.len(),
            fitted: found.error,
            error,
            start: found.start,
            seeds: [seed, seed.wrapping_add(1)],
            samples,
            fine: self.fine.nfe(),
            fine_error,
            evaluations: done.into_inner(),
            wall,
            to_data,
            transfers,
            table: found.table,
        })
    }

    fn fine_first(&self) -> Result<f64> {
        let first = self.known.first().map(|known| Table::of(&known.plan)).transpose()?.flatten();
        Ok(first.map_or(1.0, |table| table.levels()[0]))
    }

    /// Returns the distance of the fine solution from one of half its evaluations.
    fn check<M: Model<Vec<f64>> + Sync + ?Sized>(
        &self,
        test: &Target<'_, M>,
        known: &Known,
        known_error: f64,
    ) -> Result<f64> {
        let few = test.head(CHECKED);
        let twice = [few.samples(&known.plan)?, few.samples(&known.plan)?];
        if twice[0] != twice[1] {
            return Err(Error::argument("the model gives two answers to one question")
                .expected("a model without randomness of its own")
                .got("samples that differ between two runs from the same noise")
                .hinting("switch off dropout and other noise, in PyTorch with net.eval()"));
        }
        let half = reference(self.compiler, self.fine.nfe() / 2)?;
        let error = few.error(&half)?;
        if error >= known_error {
            return Err(Error::argument("the fine solution has not converged")
                .at(format!("{} evaluations", self.fine.nfe()))
                .expected(format!("a change below {known_error:.3e}, the error of the best known plan"))
                .got(format!("{error:.3e} between {} and {} evaluations", half.nfe(), self.fine.nfe()))
                .hinting("the model changes too fast in the noise level; check the formulation that it is read as"));
        }
        Ok(error)
    }

    /// Returns the errors of the tuned and of the known plan for another request or model. A tuned
    /// plan under another guidance weight keeps its other numbers. The evaluations are not counted.
    ///
    /// # Errors
    /// Returns an error if a plan cannot be compiled or if the model fails.
    pub fn transfer<M: Model<Vec<f64>> + Sync + ?Sized>(
        &self,
        tuned: &Tuned,
        what: Elsewhere,
        compiler: &dyn Compiler,
        model: &M,
    ) -> Result<Option<Transfer>> {
        let Some(table) = tuned.table.clone() else { return Ok(None) };
        let table = match what {
            Elsewhere::Guidance(weight) => table.with_guidance(weight),
            _ => table,
        };
        let done = AtomicU64::new(0);
        let model = Remembering::new(model, &(), &done, u64::MAX);
        let test = self.target(Sample::Test, &model, &reference(compiler, finer(self.tune.nfe))?)?;
        let ours = table.plan("tuned", &self.process, self.network.as_ref())?;
        let sampler = Sampler::parse(&tuned.known.sampler, None)?;
        let Some((_, theirs)) = fitting(compiler, &sampler, &tuned.known.grid, self.tune.nfe)? else {
            return Ok(None);
        };
        Ok(Some(Transfer { what, errors: [test.error(&ours)?, test.error(&theirs)?] }))
    }
}

fn rms(squares: &[f64]) -> f64 {
    (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
}
