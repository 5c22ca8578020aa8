//! Samples of a model, by a plan or by steps that are found on the way.

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

/// Samples where no number is asked for: of pictures, and of points or rows of a table.
const PICTURES: usize = 64;
const POINTS: usize = 1000;
/// The finest tolerance that rounding lets a step keep.
const FINEST: f64 = 1e-15;
/// Numbers that a sample takes while it goes through a plan, for each of its elements: the slots of the plan and what a
/// network works on.
const ON_THE_WAY: u64 = 16;
/// Elements of a batch that fill the second-level cache, and those of a batch on a card.
const CACHED: usize = 8192;
const ON_CARD: usize = 1 << 20;

/// Notes that a plan does not end at the data.
pub fn note_if_noisy(plan: &Plan, observer: &dyn Observer) {
    if let Some(last) = plan.moves().last().filter(|last| last.to.sigma > 0.0) {
        // Six digits: the rest is the rounding of a change of clock.
        let level = format!("{:.5e}", last.to.sigma_ve()).parse().unwrap_or_else(|_| last.to.sigma_ve());
        observer.note(&Note::EndsNoisy(level));
    }
}

/// Returns the number of samples where none is asked for: 64 pictures, or 1000 points or rows of a table.
#[must_use]
pub fn usual_count(source: &Source<'_>) -> usize {
    if source.file_shape().len() > 1 { PICTURES } else { POINTS }
}

/// Returns how many samples of `width` numbers go through a plan together where nothing else is asked for: as many as fill the
/// second-level cache, in whole blocks of a network's 64 rows.
#[must_use]
pub fn usual_batch(width: usize, on_card: bool) -> usize {
    let elements = if on_card { ON_CARD } else { CACHED };
    (elements / width.max(1)).clamp(64, 4096)
}

/// Step-size control: a pair of methods, and the error that a step may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// `dpm12`, `dpm23` or `euler-heun`.
    pub pair: String,
    /// The error of a step as a share of the values.
    pub relative: f64,
    /// The error of a step where values are small.
    pub absolute: f64,
    /// h/g.
    pub eta: f64,
}

/// How samples are drawn.
#[derive(Clone, Debug)]
pub enum How {
    /// By a plan.
    Plan(Box<Plan>),
    /// By steps that are found on the way, between two levels in σ/α.
    Adaptive(Adaptive, [f64; 2]),
}

/// How samples are drawn, with the model as it is read for that.
pub struct Prepared<'a> {
    /// The model.
    pub reader: Reader<'a>,
    /// The noise levels.
    pub range: NoiseRange,
    /// One way for each weight of guidance.
    pub ways: Vec<How>,
}

/// Checks a request, and compiles its plans for the model. `read_as` is the formulation that the model is read as.
///
/// # Errors
/// Returns an error for a request that cannot be compiled.
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

/// Makes a plan fit the model. `classes`: whether classes were asked for.
///
/// # Errors
/// Returns an error for a plan that the model cannot run, or that `start` does not fill.
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
    /// Notes what a person should know before the samples are drawn.
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

/// Returns samples of a model by a request, or by the plan that was given, in the units of its data, with the name of the plan and
/// its evaluations.
///
/// # Errors
/// Returns an error for a request that cannot be compiled, for a plan that the model cannot run, and if the model fails.
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
    /// Returns steps that are found on the way, between the levels of `range`.
    ///
    /// # Errors
    /// Returns an error for an unknown pair and for tolerances finer than the numbers.
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

    /// Returns the plan of a request.
    ///
    /// # Errors
    /// Returns an error if it cannot be compiled.
    pub fn plan(request: &Request) -> Result<Self> {
        Ok(Self::Plan(Box::new(request.plan().or_misused()?)))
    }

    /// Returns whether noise is drawn on the way; the first draw is the start.
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

    /// Returns the evaluations of a sample for people: `20 evaluations`, or `at most 31 evaluations` where steps are found on the
    /// way and `most` is the largest number.
    #[must_use]
    pub fn evaluations(&self, most: usize) -> String {
        match self {
            Self::Plan(_) => plural(most as u64, "evaluation"),
            Self::Adaptive(..) => format!("at most {}", plural(most as u64, "evaluation")),
        }
    }

    /// The samples of a slice, and the evaluations of its slowest batch.
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
            // Where the system gives no thread, its share is done here.
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

/// Names the arguments behind what the library calls tolerances.
fn tolerances(error: Error) -> Error {
    if error.text().contains("tolerances") { error.hint("‹rtol› and ‹atol› set the tolerances") } else { error }
}

/// The samples of a slice, to be shared among threads.
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

/// What the inputs of a plan are filled with.
fn inputs(plan: &Plan, edit: Option<&Edit>, ids: Ids) -> Result<Vec<Vec<f64>>> {
    let takes = |name: &str| plan.inputs().iter().any(|input| input.name == name);
    // What is given is used, or refused: never passed over.
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

/// Which samples are drawn, and how they are shared among threads. Sample i depends on the seed and on i alone.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    /// The number of samples.
    pub count: usize,
    /// The seed.
    pub seed: u64,
    /// Samples that go through the plan together; `None`: as many as the cache holds.
    pub batch: Option<usize>,
    /// Threads; as many as there are cores.
    pub threads: Option<usize>,
}

/// How samples are shared: those that go through the plan together, the threads, and those of a slice.
fn shares(draws: Draws, reader: &Reader<'_>, width: usize) -> Result<(usize, usize, usize)> {
    let batch = draws.batch.unwrap_or_else(|| usual_batch(width, reader.source().is_on_card())).min(draws.count);
    let threads = reader.source().threads(draws.threads).min(draws.count.div_ceil(batch));
    let most = limits::available();
    let fits = |batch: usize, threads: usize, slice: usize| {
        let rows =
            (slice as u64).saturating_add(ON_THE_WAY.saturating_mul((batch as u64).saturating_mul(threads as u64)));
        rows.saturating_mul(8 * width as u64) <= most
    };
    // Fewer samples at once are the same samples, so what nobody asked for gives way.
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

/// Draws in slices, so that progress is seen and memory does not grow with the count, and hands each slice to `take`, rows of the
/// model's coordinates; sample i is the same in any slice. Returns the evaluations of the slowest batch.
///
/// # Errors
/// Returns an error if a batch does not fit in memory, if the model fails, if `take` does, and if the observer ends the work.
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
