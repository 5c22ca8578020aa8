//! `langevin sample`: draws from a network or an exact density.

use super::picture::Picture;
use crate::cli::SampleArgs;
use crate::error::{Failure, Result};
use crate::io::{Format, atomic, csv, npy, print, say};
use crate::progress::{Display, duration, thousands};
use crate::source::{Reader, Source};
use crate::words::{plural, shown};
use crate::{check, interrupt, schedule};
use langevin::{Model as _, Plan, Sampling};
use std::time::Instant;

/// Runs the command.
pub fn run(args: &SampleArgs) -> Result<()> {
    let format = Format::of(&args.out)?;
    if format == Format::Png && args.dtype.is_some() {
        return Err(Failure::misused("a picture has no type of numbers")
            .at("--dtype, --out")
            .expected("--dtype with .npy or .csv")
            .got(format!("'{}'", args.out.display()))
            .hint("leave out --dtype"));
    }
    let dtype = args.dtype.unwrap_or_default();
    interrupt::listen()?;
    let source = Source::open(&args.source)?;
    if let Some(model) = &args.source.model {
        check::another_file(&args.out, "MODEL", model)?;
    }
    let reader = source.read_as(args.read_as.as_deref())?;
    let range = args.sampler.range(&reader.process, source.trained())?;
    let plan = args.sampler.compile(&reader.process, reader.formulation(), range)?;
    check::memory(args.count, source.width())?;
    let picture = Picture::of(format, &source, args.count, &args.out)?;
    atomic::probe(&args.out)?;
    if range.clipped {
        say(&format!("note: noise levels clipped to the trained range, σ/α from {:.4} to {:.4}", range.min, range.max));
    }
    schedule::say_if_noisy(&plan);

    let start = Instant::now();
    let mut samples = draw(args, &plan, &reader, source.width())?;
    let seconds = start.elapsed().as_secs_f64();
    source.to_data(&mut samples);
    check::finite(&samples, source.width(), dtype)?;
    let mut shape = source.shape();
    shape.insert(0, args.count);
    match picture {
        None if format == Format::Csv => csv::write(&args.out, source.width(), &samples, dtype)?,
        None => npy::write(&args.out, &shape, &samples, dtype)?,
        Some(picture) => picture.write(&samples, &source, &args.out)?,
    }
    say(&format!(
        "{} of {} as {}, {} each, in {}: {}",
        plural(args.count as u64, "sample"),
        source.name(),
        reader.path(),
        plural(plan.nfe() as u64, "evaluation"),
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
            "samples": args.count,
            "shape": shape,
            "dtype": (format != Format::Png).then_some(numbers),
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
    samples.try_reserve_exact(args.count * width).map_err(|_| check::too_many(args.count, width, check::MOST_BYTES))?;
    let start = Instant::now();
    let mut display = Display::sampling();
    let all = plural(args.count as u64, "sample");
    for first in (0..args.count).step_by(slice) {
        interrupt::check()?;
        let rate = first as f64 / start.elapsed().as_secs_f64();
        let speed = if first == 0 { "–".to_owned() } else { thousands(rate as u64) };
        let done = thousands(first as u64);
        display.show(first as f64 / args.count as f64, &format!("{done} of {all}  {speed} samples/s"));
        let sampling = Sampling::new(slice.min(args.count - first), width)
            .seed(args.seed)
            .first(first as u64)
            .chunk(batch)
            .threads(threads);
        samples.extend(interrupt::or_failed(sampling.run(plan, reader))?);
    }
    display.finish();
    Ok(samples)
}
