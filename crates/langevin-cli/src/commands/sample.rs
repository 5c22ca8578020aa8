//! `langevin sample`: draws from a network or an exact density.

use crate::cli::SampleArgs;
use crate::error::{Failure, Result};
use crate::interrupt;
use crate::io::png::Grey;
use crate::io::{Format, atomic, csv, npy, print};
use crate::progress::{Display, duration, thousands};
use crate::source::{Reader, Source};
use langevin::{Model as _, Plan, Sampling};
use std::time::Instant;

/// Where the system does not say how much memory is free: a terabyte is a slip.
const MOST_BYTES: u64 = 1 << 40;

/// Runs the command.
pub fn run(args: &SampleArgs) -> Result<()> {
    let format = Format::of(&args.out)?;
    interrupt::listen()?;
    let source = Source::open(&args.source)?;
    let reader = source.read_as(args.read_as.as_deref())?;
    let range = args.sampler.range(source.trained())?;
    if range.clipped {
        eprintln!("note: noise levels clipped to the trained range, σ/α from {:.4} to {:.4}", range.min, range.max);
    }
    let plan = args.sampler.compile(&reader.process, reader.formulation(), range)?;
    check_memory(args.count, source.width())?;
    let picture = Picture::of(format, &source, &args.out)?;
    atomic::probe(&args.out)?;

    let start = Instant::now();
    let mut samples = draw(args, &plan, &reader, source.width())?;
    let seconds = start.elapsed().as_secs_f64();
    source.to_data(&mut samples);
    let mut shape = source.shape();
    shape.insert(0, args.count);
    match picture {
        None if format == Format::Csv => csv::write(&args.out, source.width(), &samples, args.dtype)?,
        None => npy::write(&args.out, &shape, &samples, args.dtype)?,
        Some(Picture::Points) => Grey::scatter(&samples).write(&args.out)?,
        Some(Picture::Sheet(height, width)) => {
            let extent = source.extent().unwrap_or_else(|| bounds(&samples));
            Grey::sheet(&samples, height, width, extent)?.write(&args.out)?;
        }
    }
    let path = args.out.display();
    eprintln!(
        "{} samples of {} as {}, {} evaluations each, in {}: {path}",
        thousands(args.count as u64),
        source.name(),
        reader.path(),
        plan.nfe(),
        duration(seconds),
    );
    if !args.json {
        return Ok(());
    }
    print(&format!(
        "{}\n",
        serde_json::json!({
            "path": path.to_string(),
            "samples": args.count,
            "shape": shape,
            "dtype": if format == Format::Png { None } else { Some(match args.dtype { npy::Width::F32 => "float32", npy::Width::F64 => "float64" }) },
            "model": source.name(),
            "read_as": reader.path(),
            "plan": plan.name(),
            "nfe": plan.nfe(),
            "sigma_min": range.min,
            "sigma_max": range.max,
            "seed": args.seed,
            "seconds": seconds,
        })
    ))
}

/// Draws in slices, so that a bar can move; sample i is the same in any slice.
fn draw(args: &SampleArgs, plan: &Plan, reader: &Reader<'_>, width: usize) -> Result<Vec<f64>> {
    // The default batch fills the second-level cache and holds whole blocks of the network's 64 rows.
    let batch = args.batch.unwrap_or_else(|| (8192 / width.max(1)).clamp(64, 4096)).min(args.count);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = args.threads.unwrap_or(cores).min(args.count.div_ceil(batch));
    let slice = batch.saturating_mul(threads).saturating_mul(4);
    let mut samples = Vec::new();
    samples.try_reserve_exact(args.count * width).map_err(|_| too_many(args.count, width, MOST_BYTES))?;
    let mut display = Display::sampling();
    for first in (0..args.count).step_by(slice) {
        interrupt::check()?;
        let sampling = Sampling::new(slice.min(args.count - first), width)
            .seed(args.seed)
            .first(first as u64)
            .chunk(batch)
            .threads(threads);
        samples.extend(interrupt::or_failed(sampling.run(plan, reader))?);
        display.show((first + slice) as f64 / args.count as f64, &format!("{} samples", samples.len() / width));
    }
    display.finish();
    Ok(samples)
}

/// What a .png of the samples shows.
enum Picture {
    /// Pictures of (height, width).
    Sheet(usize, usize),
    /// Points of a plane.
    Points,
}

impl Picture {
    fn of(format: Format, source: &Source<'_>, path: &std::path::Path) -> Result<Option<Self>> {
        let shape: Vec<usize> = source.shape().into_iter().filter(|extent| *extent > 1).collect();
        match (format, &shape[..]) {
            (Format::Png, [2]) => Ok(Some(Self::Points)),
            (Format::Png, [height, width]) => Ok(Some(Self::Sheet(*height, *width))),
            (Format::Png, _) => Err(Failure::misused("these samples are no pictures")
                .in_file(path)
                .expected("samples of shape (height, width), or of 2 numbers")
                .got(format!("shape {:?}", source.shape()))
                .hint("write .npy or .csv")),
            _ => Ok(None),
        }
    }
}

fn bounds(values: &[f64]) -> [f64; 2] {
    values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(*v), high.max(*v)])
}

/// Refuses what the machine cannot hold, before it is asked to.
fn check_memory(count: usize, width: usize) -> Result<()> {
    let most = available().unwrap_or(MOST_BYTES);
    let bytes = (count as u64).checked_mul(width as u64).and_then(|numbers| numbers.checked_mul(8));
    if bytes.is_some_and(|bytes| bytes <= most) && usize::try_from(bytes.unwrap_or(u64::MAX)).is_ok() {
        return Ok(());
    }
    Err(too_many(count, width, most))
}

fn too_many(count: usize, width: usize, most: u64) -> Failure {
    Failure::misused("the samples do not fit in memory")
        .at("-n")
        .expected(format!("at most {} samples of {width} numbers", most / 8 / (width as u64).max(1)))
        .got(count.to_string())
        .hint("draw them in parts with other seeds")
}

/// The memory that is free, where Linux says so.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
