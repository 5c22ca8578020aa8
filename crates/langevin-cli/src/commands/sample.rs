//! `langevin sample`: draws from a network or an exact density.

use super::picture::Picture;
use crate::cli::{ConditionArgs, SampleArgs, SamplerArgs};
use crate::edit::Edit;
use crate::error::{Blame as _, Failure, Result};
use crate::io::rows::Rows;
use crate::io::{Format, atomic, npy, print, say};
use crate::progress::{Display, duration, thousands};
use crate::request::Given;
use crate::source::{Reader, Source};
use crate::words::{either_case, plural, shown};
use crate::{check, interrupt, schedule};
use langevin::adaptive::Adaptive;
use langevin::adaptive::Pair;
use langevin::request::NoiseRange;
use langevin::sampler::Start;
use langevin::space::Tolerance;
use langevin::{Plan, Request, SampleId, Sampling, SliceSpace};
use std::time::Instant;

/// Samples where no number was asked for: of pictures, and of points or rows of a table.
const PICTURES: usize = 64;
const POINTS: usize = 1000;

/// Runs the command.
pub fn run(args: &SampleArgs) -> Result<()> {
    let format = Format::of(&args.out)?;
    if matches!(format, Format::Png | Format::Folder) && args.dtype.is_some() {
        return Err(Failure::misused("a picture has no type of numbers")
            .at("--dtype, --out")
            .expected("--dtype with an array or a table, such as .npy, .csv or .parquet")
            .got(format!("'{}'", args.out.display()))
            .hint("leave out --dtype"));
    }
    let dtype = args.dtype.unwrap_or_default();
    interrupt::listen()?;
    let mut source = Source::open(&args.source)?.on(&args.device)?;
    let classes = args.condition.ask(&mut source)?;
    source.without_condition(&args.unconditional)?;
    let request = args.sampler.config_request();
    let request = args.start_at.into_iter().fold(request, |request, steps| request.start(steps, Start::Image));
    let (reader, range, ways) = match args.given.open(&request)? {
        Some(given) => {
            given.check_inputs(&args.edit)?;
            let (plan, reader) = given.fit(&source, !classes.is_empty())?;
            (reader, NoiseRange::of(&plan), vec![How::Plan(Box::new(plan))])
        }
        None => {
            let reader = source.read_as(args.read_as.as_deref())?;
            let request = reader.asks(args.sampler.request()?);
            let range = request.noise_range().or_misused()?;
            let conditions = args.condition.each();
            let ways: Vec<How> =
                conditions.iter().map(|condition| How::new(args, condition, &request, range)).collect::<Result<_>>()?;
            (reader, range, ways)
        }
    };
    let count = args.count.unwrap_or(if source.file_shape().len() > 1 { PICTURES } else { POINTS });
    source.check_rows(count)?;
    let all = count.saturating_mul(ways.len());
    let edit = args.edit.read(&args.file, &source)?;
    let picture = Picture::of(format, &source, all, &args.out)?;
    let mut shape = source.file_shape();
    let width: usize = shape.iter().product();
    shape.insert(0, all);
    let mut kept = match picture {
        // A picture shows all samples together.
        Some(picture) => {
            check::memory(all, source.width())?;
            if format != Format::Folder {
                atomic::probe(&args.out)?;
            }
            Kept::Together(picture, Vec::new())
        }
        None => {
            let bytes = match (format, dtype) {
                (Format::Table(kind), _) => kind.least_bytes(),
                (_, npy::Width::F32) => 4,
                (_, npy::Width::F64) => 8,
            };
            check::disk(&args.out, all, width, bytes)?;
            Kept::Streamed(match format {
                Format::Table(kind) => {
                    let columns = source.columns().single(dtype == npy::Width::F32);
                    let (columns, labels) = match label(&source, &classes, ways.len()) {
                        Some((name, labels)) => (columns.label(name), labels),
                        None => (columns, vec![]),
                    };
                    Rows::table(&args.out, kind, columns, labels)?
                }
                _ => Rows::npy(&args.out, &shape, dtype)?,
            })
        }
    };
    if range.clipped {
        say(&format!("note: noise levels clipped to the trained range, σ/α from {:.4} to {:.4}", range.min, range.max));
    }
    let how = &ways[0];
    if let How::Plan(plan) = how {
        schedule::say_if_noisy(plan);
    }
    if source.is_coupled() && how.draws() {
        say(
            "note: the noise of this network was coupled to its data: its velocity is no score, so only samplers without noise (--eta 0) are models of the data",
        );
    }

    let start = Instant::now();
    let draws = Draws { count, seed: args.seed, batch: args.batch, threads: args.threads };
    let (mut evaluations, mut done) = (0, 0);
    for how in &ways {
        let most = draw(draws, how, edit.as_ref(), &reader, source.width(), &mut |samples| {
            let samples = kept.as_file(&source, samples);
            check::finite_from(done, &samples, width, dtype)?;
            done += samples.len() / width.max(1);
            kept.take(samples)
        })?;
        evaluations = evaluations.max(most);
    }
    let seconds = start.elapsed().as_secs_f64();
    match kept {
        Kept::Streamed(rows) => rows.finish()?,
        Kept::Together(picture, samples) => {
            picture.write(&samples, &source, (ways.len() > 1).then_some(count), &args.out)?;
        }
    }
    say(&format!(
        "{} of {} as {}, {} each, in {}: {}",
        plural(all as u64, "sample"),
        source.name(),
        reader.path(),
        how.evaluations(evaluations),
        duration(seconds),
        shown(&args.out),
    ));
    if !args.json {
        return Ok(());
    }
    let numbers = match dtype {
        npy::Width::F32 => "float32",
        npy::Width::F64 => "float64",
    };
    print(&format!(
        "{}\n",
        serde_json::json!({
            "path": args.out.display().to_string(),
            "samples": all,
            "shape": shape,
            "dtype": matches!(format, Format::Npy | Format::Table(_)).then_some(numbers),
            "model": source.name(),
            "read_as": reader.path(),
            "plan": how.name(),
            "classes": classes,
            "guidance": args.condition.guidance,
            "guidance_sweep": (ways.len() > 1).then_some(&args.condition.guidance_sweep),
            "nfe": evaluations,
            "sigma_min": range.min,
            "sigma_max": range.max,
            "seed": args.seed,
            "seconds": seconds,
        })
    ))
}

/// The column of the labels that a table has: its name, and the class of each sample in turn.
fn label(source: &Source<'_>, classes: &[u32], ways: usize) -> Option<(String, Vec<String>)> {
    let network = source.network().filter(|_| !classes.is_empty() && ways == 1)?;
    let name = network.metadata().data.reading.as_ref()?.label_column.clone()?;
    // A number stands for a column without a name.
    let name = if name.parse::<usize>().is_ok() { "label".to_owned() } else { name };
    Some((name, classes.iter().map(|class| network.classes()[*class as usize].clone()).collect()))
}

/// Where samples go as they come.
enum Kept {
    /// To their file.
    Streamed(Rows),
    /// Into memory, for a picture of all of them.
    Together(Picture, Vec<f64>),
}

impl Kept {
    /// Samples in the units of the data: as the file of the training had its rows, for a picture as the model has them.
    fn as_file(&self, source: &Source<'_>, mut samples: Vec<f64>) -> Vec<f64> {
        match self {
            Self::Together(..) if source.file_shape().len() == source.shape().len() => {
                source.to_data(&mut samples);
                samples
            }
            _ => source.to_file(samples),
        }
    }

    fn take(&mut self, samples: Vec<f64>) -> Result<()> {
        match self {
            Self::Streamed(rows) => rows.push(&samples),
            Self::Together(_, all) => {
                all.extend(samples);
                Ok(())
            }
        }
    }
}

/// Samples of a model as these flags say, or by the plan that was given, in the units of its data; their plan's name and
/// evaluations.
pub fn samples(
    source: &Source<'_>,
    sampler: &SamplerArgs,
    condition: &ConditionArgs,
    given: Option<&Given>,
    draws: Draws,
) -> Result<(Vec<f64>, String, usize)> {
    let (reader, how) = match given {
        Some(given) => {
            let (plan, reader) = given.fit(source, !condition.class.is_empty())?;
            schedule::say_if_noisy(&plan);
            (reader, How::Plan(Box::new(plan)))
        }
        None => {
            let reader = source.read_as(None)?;
            let how = How::plan(&condition.guide(reader.asks(sampler.request()?)))?;
            (reader, how)
        }
    };
    source.check_rows(draws.count)?;
    check::memory(draws.count, source.width())?;
    let mut samples = Vec::new();
    let evaluations = draw(draws, &how, None, &reader, source.width(), &mut |slice| {
        samples.extend(slice);
        Ok(())
    })?;
    source.to_data(&mut samples);
    Ok((samples, how.name().to_owned(), evaluations))
}

/// The finest tolerance that rounding lets a step keep.
const FINEST: f64 = 1e-15;

/// A table of numbers, or steps that are found on the way.
enum How {
    Plan(Box<Plan>),
    Adaptive(Adaptive, [f64; 2]),
}

impl How {
    fn new(args: &SampleArgs, condition: &ConditionArgs, request: &Request, range: NoiseRange) -> Result<Self> {
        let Some(pair) = &args.adaptive else {
            return Self::plan(&args.edit.start(condition.guide(request.clone()))?);
        };
        if args.rtol.max(args.atol) < FINEST {
            return Err(Failure::misused("the tolerances are finer than the numbers")
                .at("--rtol, --atol")
                .expected(format!("one of them at least {FINEST:e}"))
                .got(format!("{:e} and {:e}", args.rtol, args.atol)));
        }
        let mut adaptive = Adaptive::new(either_case(pair, Pair::parse).or_misused()?);
        adaptive.tolerance = Tolerance { absolute: args.atol, relative: args.rtol };
        adaptive.eta = args.sampler.eta.unwrap_or(0.0);
        Ok(Self::Adaptive(adaptive, [range.min, range.max]))
    }

    /// The plan of a request.
    fn plan(request: &Request) -> Result<Self> {
        Ok(Self::Plan(Box::new(request.plan().or_misused()?)))
    }

    /// Whether noise is drawn on the way: the first draw is the start.
    fn draws(&self) -> bool {
        match self {
            Self::Plan(plan) => plan.draws() > 1,
            Self::Adaptive(adaptive, _) => adaptive.eta > 0.0,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Plan(plan) => plan.name(),
            Self::Adaptive(..) => "adaptive",
        }
    }

    /// "20 evaluations", or how many the slowest batch took.
    fn evaluations(&self, most: usize) -> String {
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
    ) -> Result<(Vec<f64>, usize)> {
        let (adaptive, range) = match self {
            Self::Plan(plan) => {
                let inputs = inputs(plan, edit, ids)?;
                let inputs: Vec<&[f64]> = inputs.iter().map(Vec::as_slice).collect();
                return Ok((interrupt::or_failed(sampling.run_with(plan, reader, &inputs))?, plan.nfe()));
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
                Ok(adapted) => interrupt::or_failed(adapted).map_err(tolerances)?,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            samples.extend(adapted.state);
            most = most.max(adapted.evaluations);
        }
        Ok((samples, most))
    }
}

/// Names the flags behind what the library calls tolerances.
fn tolerances(failure: Failure) -> Failure {
    if failure.text().contains("tolerances") { failure.hint("--rtol and --atol set the tolerances") } else { failure }
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
        return Err(Failure::misused("the sampler has no use for what it is given")
            .at("--sampler")
            .expected(format!("one with the input '{name}'"))
            .got(plan.name().to_owned())
            .hint("leave out --sampler: --mask brings repaint"));
    }
    let filled = plan.inputs().iter().map(|input| {
        let values = edit.and_then(|edit| edit.rows(&input.name, ids.first, ids.count));
        values.ok_or_else(|| {
            Failure::misused("the sampler starts from something")
                .at("--sampler")
                .expected(format!("its input '{}'", input.name))
                .got("none")
                .hint(match input.name.as_str() {
                    "mask" => "give --from FILE and --mask FILE",
                    "image" => "give --from FILE",
                    _ => "use `langevin invert`",
                })
        })
    });
    filled.collect()
}

/// Which samples are drawn, and how they are shared.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    pub count: usize,
    pub seed: u64,
    pub batch: Option<usize>,
    pub threads: Option<usize>,
}

/// Numbers that a sample takes while it goes through a plan, for each of its elements: the slots of the plan and what a
/// network works on.
const ON_THE_WAY: u64 = 16;

/// How samples are shared: those that go through the plan together, the threads, and those of a slice.
fn shares(draws: Draws, reader: &Reader<'_>, width: usize) -> Result<(usize, usize, usize)> {
    // The default batch fills the second-level cache and holds whole blocks of the network's 64 rows.
    let cache = if reader.source().is_on_card() { 1 << 20 } else { 8192 };
    let batch = draws.batch.unwrap_or_else(|| (cache / width.max(1)).clamp(64, 4096)).min(draws.count);
    let threads = reader.source().threads(draws.threads).min(draws.count.div_ceil(batch));
    let most = check::available();
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
                return Err(Failure::misused("the samples of a batch do not fit in memory")
                    .at(if draws.batch.is_some() { "--batch" } else { "--threads" })
                    .expected(format!("at most {} at once", plural(most / each.max(1), "sample")))
                    .got(format!("{batch} on {}", plural(threads as u64, "thread"))));
            }
        }
        slice = slice.min(batch.saturating_mul(threads).saturating_mul(4));
    }
    Ok((batch, threads, slice))
}

/// Draws in slices, so that a bar can move and memory does not grow with the count, and hands each to `take`; sample i is
/// the same in any slice. The evaluations of the slowest batch.
fn draw(
    draws: Draws,
    how: &How,
    edit: Option<&Edit>,
    reader: &Reader<'_>,
    width: usize,
    take: &mut dyn FnMut(Vec<f64>) -> Result<()>,
) -> Result<usize> {
    let (batch, threads, slice) = shares(draws, reader, width)?;
    let mut most = 0;
    let start = Instant::now();
    let mut display = Display::sampling();
    let all = plural(draws.count as u64, "sample");
    for first in (0..draws.count).step_by(slice.max(1)) {
        interrupt::check()?;
        let rate = first as f64 / start.elapsed().as_secs_f64();
        let speed = if first == 0 { "–".to_owned() } else { thousands(rate as u64) };
        let done = thousands(first as u64);
        display.show(first as f64 / draws.count as f64, &format!("{done} of {all}  {speed} samples/s"));
        let count = slice.min(draws.count - first);
        let sampling = Sampling::new(count, width).seed(draws.seed).first(first as u64).chunk(batch).threads(threads);
        let ids = Ids { seed: draws.seed, first, count, width, threads };
        let (samples, evaluations) = how.draw(&sampling, ids, edit, reader)?;
        most = most.max(evaluations);
        take(samples)?;
    }
    display.finish();
    Ok(most)
}
