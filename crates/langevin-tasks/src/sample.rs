//! Sampling from a model, by a plan or with adaptive steps.

use crate::condition::Condition;
use crate::edit::{Edit, Start};
use crate::error::{Blame as _, Error, Result};
use crate::given::Given;
use crate::limits;
use crate::observe::{Note, Observer, Progress, or_failed};
use crate::source::{Reader, Source};
use crate::words::either_case;
use langevin::adaptive::{Adaptive, Pair};
use langevin::request::NoiseRange;
use langevin::space::Tolerance;
use langevin::text::plural;
use langevin::{Plan, Request, SampleId, Sampling, SliceSpace};

/// Default numbers of samples: of pictures, and of points or table rows.
const PICTURES: usize = 64;
const POINTS: usize = 1000;
/// Smallest tolerance that a step can meet in double precision.
const FINEST: f64 = 1e-15;
/// Numbers held per element of a sample in progress: the slots of the plan and the working memory
/// of a network.
const ON_THE_WAY: u64 = 16;
/// Elements of a batch: the number that fills the second-level cache, and the number for a graphics
/// card.
const CACHED: usize = 8192;
const ON_CARD: usize = 1 << 20;

/// Sends a note if the plan ends before the clean data.
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::observe::{Note, Observer};
/// use langevin_tasks::sample::note_if_noisy;
/// use std::sync::Mutex;
/// struct Notes(Mutex<Vec<Note>>);
/// impl Observer for Notes {
///     fn note(&self, note: &Note) {
///         self.0.lock().unwrap().push(note.clone());
///     }
/// }
/// let notes = Notes(Mutex::default());
/// note_if_noisy(&Request::new().steps(4).plan()?, &notes);
/// assert!(notes.0.lock().unwrap().is_empty());
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn note_if_noisy(plan: &Plan, observer: &dyn Observer) {
    if let Some(last) = plan.moves().last().filter(|last| last.to.sigma > 0.0) {
        // Six digits are exact; the others are the rounding of a change of clock.
        let level = format!("{:.5e}", last.to.sigma_ve()).parse().unwrap_or_else(|_| last.to.sigma_ve());
        observer.note(&Note::EndsNoisy(level));
    }
}

/// Returns the default number of samples: 64 for pictures, 1000 for points or table rows.
///
/// ```
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// assert_eq!(langevin_tasks::sample::usual_count(&source), 1000);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[must_use]
pub fn usual_count(source: &Source<'_>) -> usize {
    if source.file_shape().len() > 1 { PICTURES } else { POINTS }
}

/// Returns the default batch size for samples of `width` numbers, from 64 to 4096. A batch fills
/// the second-level cache, or has about a million elements on a graphics card. The lower limit is
/// the 64 rows of a network's block.
///
/// ```
/// assert_eq!(langevin_tasks::sample::usual_batch(2, false), 4096);
/// assert_eq!(langevin_tasks::sample::usual_batch(3072, false), 64);
/// ```
#[must_use]
pub fn usual_batch(width: usize, on_card: bool) -> usize {
    let elements = if on_card { ON_CARD } else { CACHED };
    (elements / width.max(1)).clamp(64, 4096)
}

/// Step-size control: an embedded pair of methods and the tolerances of a step.
///
/// # Examples
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::condition::Condition;
/// use langevin_tasks::edit::Start;
/// use langevin_tasks::sample::{Control, prepare};
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let control = Control { pair: "dpm23".to_owned(), relative: 0.05, absolute: 0.01, eta: 0.0 };
/// let (condition, start) = (Condition::default(), Start::default());
/// let prepared = prepare(&source, None, Request::new(), &condition, &start, Some(&control), &())?;
/// assert_eq!(prepared.ways[0].name(), "adaptive");
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// `dpm12`, `dpm23` or `euler-heun`.
    pub pair: String,
    /// Relative tolerance of a step.
    pub relative: f64,
    /// Absolute tolerance of a step.
    pub absolute: f64,
    /// h/g, the strength of the added noise.
    pub eta: f64,
}

/// A method of drawing samples.
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::sample::How;
/// let how = How::plan(&Request::new().sampler("ddim").steps(10))?;
/// assert_eq!((how.name(), how.draws()), ("ddim", false));
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum How {
    /// By a plan.
    Plan(Box<Plan>),
    /// Adaptive steps between two noise levels, in σ/α.
    Adaptive(Adaptive, [f64; 2]),
}

/// Compiled methods of drawing samples, with the model as it is read for them.
///
/// # Examples
///
/// Four samples of the density `moons`:
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::condition::Condition;
/// use langevin_tasks::edit::Start;
/// use langevin_tasks::sample::{Draws, draw, prepare};
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let (condition, start) = (Condition::default(), Start::default());
/// let prepared = prepare(&source, None, Request::new().steps(10), &condition, &start, None, &())?;
/// let draws = Draws { count: 4, seed: 0, batch: None, threads: Some(1) };
/// let mut samples = Vec::new();
/// draw(draws, &prepared.ways[0], None, &prepared.reader, &(), &mut |slice| {
///     samples.extend(slice);
///     Ok(())
/// })?;
/// assert_eq!(samples.len(), 4 * 2);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
pub struct Prepared<'a> {
    /// The model.
    pub reader: Reader<'a>,
    /// The noise range.
    pub range: NoiseRange,
    /// One method for each guidance weight.
    pub ways: Vec<How>,
}

/// Checks a request and compiles its plans for the model. `read_as` is the formulation that the
/// model is read as.
///
/// # Errors
/// Returns an error if the request cannot be compiled.
pub fn prepare<'a>(
    source: &'a Source<'_>,
    read_as: Option<&str>,
    request: Request,
    condition: &Condition,
    start: &Start,
    control: Option<&Control>,
    observer: &'a dyn Observer,
) -> Result<Prepared<'a>> {
    let reader = source.read_as(read_as, observer)?;
    let request = reader.asks(request);
    let range = request.noise_range().or_misused()?;
    let way = |condition: &Condition| match control {
        Some(control) => How::adaptive(control, range),
        None => How::plan(&start.start(condition.guide(request.clone()))?),
    };
    let ways = condition.each().iter().map(way).collect::<Result<_>>()?;
    Ok(Prepared { reader, range, ways })
}

/// Converts a given plan for the model. `classes` is true if the samples have classes.
///
/// # Errors
/// Returns an error if the model cannot run the plan, or if `start` does not supply its inputs.
pub fn prepare_given<'a>(
    source: &'a Source<'_>,
    given: &Given,
    classes: bool,
    start: &Start,
    observer: &'a dyn Observer,
) -> Result<Prepared<'a>> {
    given.check_inputs(start)?;
    let (plan, reader) = given.fit(source, classes, observer)?;
    Ok(Prepared { reader, range: NoiseRange::of(&plan), ways: vec![How::Plan(Box::new(plan))] })
}

impl Prepared<'_> {
    /// Sends the notes that the user should read before the samples are drawn.
    pub fn notes(&self, observer: &dyn Observer) {
        if self.range.clipped {
            observer.note(&Note::Clipped(self.range.min, self.range.max));
        }
        let Some(how) = self.ways.first() else { return };
        if let How::Plan(plan) = how {
            note_if_noisy(plan, observer);
        }
        if self.reader.source().is_coupled() && how.draws() {
            observer.note(&Note::Coupled("use samplers without noise (‹eta› 0)"));
        }
    }
}

/// Draws samples of a model with a request, or with a plan if one is given. Returns the samples in
/// the units of the data, the name of the plan and its number of evaluations.
///
/// # Examples
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::condition::Condition;
/// use langevin_tasks::sample::{Draws, samples};
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let draws = Draws { count: 3, seed: 0, batch: None, threads: Some(1) };
/// let request = Request::new().steps(8).sampler("ddim");
/// let condition = Condition::default();
/// let (samples, name, evaluations) = samples(&source, &request, &condition, None, draws, &())?;
/// assert_eq!((samples.len(), &*name, evaluations), (6, "ddim", 8));
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the request cannot be compiled, if the model cannot run the plan, or if the
/// model fails.
pub fn samples(
    source: &Source<'_>,
    request: &Request,
    condition: &Condition,
    given: Option<&Given>,
    draws: Draws,
    observer: &dyn Observer,
) -> Result<(Vec<f64>, String, usize)> {
    let (reader, how) = match given {
        Some(given) => {
            let (plan, reader) = given.fit(source, !condition.class.is_empty(), observer)?;
            note_if_noisy(&plan, observer);
            (reader, How::Plan(Box::new(plan)))
        }
        None => {
            let reader = source.read_as(None, observer)?;
            let how = How::plan(&condition.guide(reader.asks(request.clone())))?;
            (reader, how)
        }
    };
    source.check_rows(draws.count)?;
    limits::memory(draws.count, source.width())?;
    let mut samples = Vec::new();
    let evaluations = draw(draws, &how, None, &reader, observer, &mut |slice| {
        samples.extend(slice);
        Ok(())
    })?;
    source.to_data(&mut samples);
    Ok((samples, how.name().to_owned(), evaluations))
}

impl How {
    /// Builds adaptive steps between the levels of `range`.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin_tasks::sample::{Control, How};
    /// let range = Request::new().noise_range()?;
    /// let pair = "dpm12".to_owned();
    /// let control = Control { pair, relative: 0.01, absolute: 0.01, eta: 1.0 };
    /// let how = How::adaptive(&control, range)?;
    /// assert!(how.draws());
    /// assert_eq!(how.evaluations(31), "at most 31 evaluations");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the pair is unknown, or if both tolerances are below the precision of
    /// the numbers.
    pub fn adaptive(control: &Control, range: NoiseRange) -> Result<Self> {
        let Control { pair, relative, absolute, eta } = control;
        if relative.max(*absolute) < FINEST {
            return Err(Error::misused("the tolerances are finer than the numbers")
                .at("‹rtol›, ‹atol›")
                .expected(format!("one of them at least {FINEST:e}"))
                .got(format!("{relative:e} and {absolute:e}")));
        }
        let mut adaptive = Adaptive::new(either_case(pair, Pair::parse).or_misused()?);
        adaptive.tolerance = Tolerance { absolute: *absolute, relative: *relative };
        adaptive.eta = *eta;
        Ok(Self::Adaptive(adaptive, [range.min, range.max]))
    }

    /// Compiles the plan of a request.
    ///
    /// # Errors
    /// Returns an error if the request cannot be compiled.
    pub fn plan(request: &Request) -> Result<Self> {
        Ok(Self::Plan(Box::new(request.plan().or_misused()?)))
    }

    /// Returns true if noise is added during sampling. The initial noise does not count.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin_tasks::sample::How;
    /// assert!(How::plan(&Request::new().sampler("ddpm").steps(5))?.draws());
    /// assert!(!How::plan(&Request::new().sampler("ddim").steps(5))?.draws());
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    #[must_use]
    pub fn draws(&self) -> bool {
        match self {
            Self::Plan(plan) => plan.draws() > 1,
            Self::Adaptive(adaptive, _) => adaptive.eta > 0.0,
        }
    }

    /// Returns the name of the plan, or `adaptive`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Plan(plan) => plan.name(),
            Self::Adaptive(..) => "adaptive",
        }
    }

    /// Formats the number of network evaluations per sample: `20 evaluations`, or `at most 31
    /// evaluations` for adaptive steps, where `most` is the largest number.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin_tasks::sample::How;
    /// let how = How::plan(&Request::new().steps(20))?;
    /// assert_eq!(how.evaluations(20), "20 evaluations");
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    #[must_use]
    pub fn evaluations(&self, most: usize) -> String {
        match self {
            Self::Plan(_) => plural(most as u64, "evaluation"),
            Self::Adaptive(..) => format!("at most {}", plural(most as u64, "evaluation")),
        }
    }

    /// Draws the samples of a slice, and returns them with the number of evaluations of the slowest
    /// batch.
    fn draw(
        &self,
        sampling: &Sampling,
        ids: Ids,
        edit: Option<&Edit>,
        reader: &Reader<'_>,
        observer: &dyn Observer,
    ) -> Result<(Vec<f64>, usize)> {
        let (adaptive, range) = match self {
            Self::Plan(plan) => {
                let inputs = inputs(plan, edit, ids)?;
                let inputs: Vec<&[f64]> = inputs.iter().map(Vec::as_slice).collect();
                return Ok((or_failed(sampling.run_with(plan, reader, &inputs), observer)?, plan.nfe()));
            }
            Self::Adaptive(adaptive, range) => (adaptive, *range),
        };
        let chunks: Vec<Vec<SampleId>> = ids.chunks();
        let results: Vec<_> = std::thread::scope(|scope| {
            let run = |rows: &[SampleId]| adaptive.run(&SliceSpace::new(ids.width), reader, range, rows);
            // If the system refuses a thread, its share is computed on this one.
            let threads: Vec<_> = chunks
                .iter()
                .map(|rows| (rows, std::thread::Builder::new().spawn_scoped(scope, move || run(rows)).ok()))
                .collect();
            let join = |(rows, thread): (&Vec<SampleId>, Option<std::thread::ScopedJoinHandle<'_, _>>)| match thread {
                Some(thread) => thread.join(),
                None => Ok(run(rows)),
            };
            threads.into_iter().map(join).collect()
        });
        let (mut samples, mut most) = (Vec::new(), 0);
        for result in results {
            let adapted = match result {
                Ok(adapted) => or_failed(adapted, observer).map_err(tolerances)?,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            samples.extend(adapted.state);
            most = most.max(adapted.evaluations);
        }
        Ok((samples, most))
    }
}

/// Adds a hint that names the arguments behind the tolerances of the library.
fn tolerances(error: Error) -> Error {
    if error.text().contains("tolerances") { error.hint("‹rtol› and ‹atol› set the tolerances") } else { error }
}

/// The samples of a slice, divided among threads.
#[derive(Clone, Copy)]
struct Ids {
    seed: u64,
    first: usize,
    count: usize,
    width: usize,
    threads: usize,
}

impl Ids {
    fn chunks(&self) -> Vec<Vec<SampleId>> {
        let ids: Vec<SampleId> = (self.first..self.first + self.count)
            .map(|index| SampleId { seed: self.seed, index: index as u64 })
            .collect();
        ids.chunks(self.count.div_ceil(self.threads).max(1)).map(<[SampleId]>::to_vec).collect()
    }
}

/// Returns the values of a plan's inputs.
fn inputs(plan: &Plan, edit: Option<&Edit>, ids: Ids) -> Result<Vec<Vec<f64>>> {
    let takes = |name: &str| plan.inputs().iter().any(|input| input.name == name);
    // Supplied values are used or refused, never ignored.
    if let Some(edit) = edit
        && let Some(name) = ["image", "mask"].into_iter().find(|name| edit.has(name) && !takes(name))
    {
        return Err(Error::misused("the sampler has no use for what it is given")
            .at("‹sampler›")
            .expected(format!("one with the input '{name}'"))
            .got(plan.name().to_owned())
            .hint("leave out ‹sampler›: ‹mask› brings repaint"));
    }
    let filled = plan.inputs().iter().map(|input| {
        let values = edit.and_then(|edit| edit.rows(&input.name, ids.first, ids.count));
        values.ok_or_else(|| {
            Error::misused("the sampler starts from something")
                .at("‹sampler›")
                .expected(format!("its input '{}'", input.name))
                .got("none")
                .hint(match input.name.as_str() {
                    "mask" => "give ‹from› FILE and ‹mask› FILE",
                    "image" => "give ‹from› FILE",
                    _ => "use `langevin invert`",
                })
        })
    });
    filled.collect()
}

/// The number of samples and their distribution over batches and threads. Sample i depends only on
/// the seed and on i.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    /// Number of samples.
    pub count: usize,
    /// Seed of the noise.
    pub seed: u64,
    /// Number of samples that go through the plan together; `None` for the number that fits in the
    /// cache.
    pub batch: Option<usize>,
    /// Number of threads; `None` for the number of cores.
    pub threads: Option<usize>,
}

/// Returns the batch size, the number of threads, and the number of samples of a slice.
fn shares(draws: Draws, reader: &Reader<'_>, width: usize) -> Result<(usize, usize, usize)> {
    let batch = draws.batch.unwrap_or_else(|| usual_batch(width, reader.source().is_on_card())).min(draws.count);
    let threads = reader.source().threads(draws.threads).min(draws.count.div_ceil(batch));
    let most = limits::available();
    let fits = |batch: usize, threads: usize, slice: usize| {
        let rows =
            (slice as u64).saturating_add(ON_THE_WAY.saturating_mul((batch as u64).saturating_mul(threads as u64)));
        rows.saturating_mul(8 * width as u64) <= most
    };
    // The samples do not depend on these sizes, so sizes that the user did not set are reduced
    // until they fit in memory.
    let (mut batch, mut threads, mut slice) = (batch, threads, batch.saturating_mul(threads).saturating_mul(4));
    while !fits(batch, threads, slice) {
        match (slice > batch.saturating_mul(threads), threads > 1 && draws.threads.is_none()) {
            (true, _) => slice = batch.saturating_mul(threads),
            (false, true) => threads /= 2,
            (false, false) if draws.batch.is_none() && batch > 1 => batch /= 2,
            (false, false) => {
                let each = (8 * width as u64).saturating_mul(ON_THE_WAY + 1).saturating_mul(threads as u64);
                return Err(Error::misused("the samples of a batch do not fit in memory")
                    .at(if draws.batch.is_some() { "‹batch›" } else { "‹threads›" })
                    .expected(format!("at most {} at once", plural(most / each.max(1), "sample")))
                    .got(format!("{batch} on {}", plural(threads as u64, "thread"))));
            }
        }
        slice = slice.min(batch.saturating_mul(threads).saturating_mul(4));
    }
    Ok((batch, threads, slice))
}

/// Draws samples in slices, so that progress is visible and memory does not grow with the count.
/// Each slice is passed to `take` as rows in the model's coordinates. Sample i does not depend on
/// the slices. Returns the number of evaluations of the slowest batch.
///
/// # Errors
/// Returns an error if a batch does not fit in memory, if the model or `take` fails, or if the
/// observer ends the work.
pub fn draw(
    draws: Draws,
    how: &How,
    edit: Option<&Edit>,
    reader: &Reader<'_>,
    observer: &dyn Observer,
    take: &mut dyn FnMut(Vec<f64>) -> Result<()>,
) -> Result<usize> {
    let width = reader.source().width();
    let (batch, threads, slice) = shares(draws, reader, width)?;
    let mut most = 0;
    for first in (0..draws.count).step_by(slice.max(1)) {
        observer.check()?;
        observer.progress(&Progress::Done { unit: "samples", done: first as u64, all: draws.count as u64 });
        let count = slice.min(draws.count - first);
        let sampling = Sampling::new(count, width).seed(draws.seed).first(first as u64).chunk(batch).threads(threads);
        let ids = Ids { seed: draws.seed, first, count, width, threads };
        let (samples, evaluations) = how.draw(&sampling, ids, edit, reader, observer)?;
        most = most.max(evaluations);
        take(samples)?;
    }
    observer.progress(&Progress::End);
    Ok(most)
}
