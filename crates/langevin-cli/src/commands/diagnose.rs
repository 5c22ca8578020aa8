//! `langevin diagnose`: where the error of a model's samples comes from.

use crate::cli::{DiagnoseArgs, SamplerArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::io::{print, say};
use crate::progress::{Display, duration};
use crate::rows::{self, Coordinates, Part, Wanted};
use crate::schedule;
use crate::source::{Reader, Source};
use crate::words::{LOWER_IS_BETTER, plural, visible};
use crate::{check, interrupt};
use langevin::request::NoiseRange;
use langevin::{Grid, LambdaRange, Plan, Request, SampleId};
use langevin_analysis::diagnose::{Attribution, Diagnose, Diagnosis, SharesOf};
use langevin_data::{Lattice, shuffled};
use langevin_train::Dataset;
use serde_json::{Value, json};
use std::time::Instant;

/// Samplers among which advice is sought.
const RIVALS: [&str; 4] = ["dpmpp-2m", "adams2", "heun", "unipc"];

/// Runs the command.
pub fn run(args: &DiagnoseArgs) -> Result<()> {
    interrupt::listen()?;
    let source = Source::open(&args.source)?.on(&args.device)?;
    let given = args.given.open(&args.sampler.config_request())?;
    let (plan, reader, range) = match &given {
        Some(given) => {
            given.check_starts_from_noise("diagnose draws its samples from noise")?;
            let (plan, reader) = given.fit(&source, false)?;
            let range = NoiseRange::of(&plan);
            (plan, reader, range)
        }
        None => {
            let reader = source.read_as(args.read_as.as_deref())?;
            let request = reader.asks(args.sampler.request()?);
            let range = request.noise_range().or_misused()?;
            (request.plan().or_misused()?, reader, range)
        }
    };
    if !plan.is_linear() {
        return Err(Failure::misused("only a plan without maps can be told apart exactly")
            .at(format!("{} {}", args.given.flag().unwrap_or("--sampler"), plan.name()))
            .expected("a linear sampler")
            .got("a plan that clamps, or multiplies states")
            .hint("choose another sampler, or leave out what clamps"));
    }
    let finer = if given.is_some() { None } else { finer(&args.sampler, &reader)? };
    let rivals = rivals(&args.sampler, &reader, plan.nfe())?;
    let wanted = Wanted { data: &args.data, file: &args.file, held_out: args.held_out, count: None, seed: args.seed };
    let set = rows::load(&wanted, &source)?;
    check::memory(args.count, source.width())?;
    source.check_rows(args.count)?;
    // Samples are near the data as they are; only a network that was trained on dequantised ones draws such.
    let quantised = source.network().is_some_and(|network| network.metadata().data.dequantized);
    let lattice = if quantised { rows::lattice(&source, &set)? } else { None };
    let Coordinates { x, .. } = rows::coordinates(args.seed, &source, &set, lattice.as_ref()).or_failed()?;
    let (unit, units) = unit(&source);
    if range.clipped {
        say(&format!("note: noise levels clipped to the trained range, σ/α from {:.4} to {:.4}", range.min, range.max));
    }
    schedule::say_if_noisy(&plan);
    let trained = match source.trained() {
        Some(trained) => trained,
        // As far as the process goes that the density is read in.
        None => {
            let range = Request::new().process(reader.process.clone()).noise_range().or_misused()?;
            LambdaRange::from_sigma_ve(range.min, range.max).or_misused()?
        }
    };
    let mut ask = Diagnose::new(&plan, trained)
        .rivals(&rivals)
        .samples(args.count)
        .rows(args.rows)
        .unit(unit)
        .seed(args.seed)
        .threads(source.threads(args.threads));
    if let Some(finer) = &finer {
        ask = ask.finer(finer);
    }
    if source.is_coupled() {
        say(
            "note: the noise of this network was coupled to its data: its velocity is no score, so the bound that the ODE is compared with does not hold",
        );
        ask = ask.without_likelihoods();
    }
    if !source.is_differentiable() {
        say("note: an ONNX network cannot be differentiated, so no density is computed");
        ask = ask.without_likelihoods();
    }
    let split = split(args, &source, lattice.as_ref())?;
    if let Some((trained, held_out)) = &split {
        ask = ask.split(trained, held_out);
    }
    let start = Instant::now();
    let mut display = Display::sampling();
    display.show(0.0, "samples, likelihoods, residuals");
    let found = interrupt::or_failed(ask.run(&reader, &x, set.width()));
    display.finish();
    let found = found?;
    let seconds = start.elapsed().as_secs_f64();
    if args.json {
        let document = document(args, &found, &source, &reader, &set, units, seconds);
        return print(&format!("{document}\n"));
    }
    let subject = format!(
        "{} as {}, {}, {}; {} beside {} of {}, in {}\ndistances are in {units}, nats are of one row; {LOWER_IS_BETTER} for both\n",
        source.name(),
        reader.path(),
        found.name,
        plural(found.nfe as u64, "evaluation"),
        plural(found.samples as u64, "sample"),
        plural(found.rows as u64, "row"),
        set.name(),
        duration(seconds),
    );
    print(&format!("{}\n{found}", subject.lines().map(|line| visible(line) + "\n").collect::<String>()))
}

/// Rows that the model was trained on and rows that were held out, in its coordinates; `None` where there are not both in these data.
fn split(args: &DiagnoseArgs, source: &Source<'_>, lattice: Option<&Lattice>) -> Result<Option<(Vec<f64>, Vec<f64>)>> {
    if source.network().is_none() || source.is_coupled() {
        return Ok(None);
    }
    let (trained, held_out) = match rows::part(&args.data, args.seed, &args.file, source)? {
        Part::Own { trained, held_out } => (*trained, *held_out),
        Part::Trained(_) => {
            say(
                "note: these are the rows that the network was trained on, and none were held out: over-training cannot be seen in them (train with --hold-out)",
            );
            return Ok(None);
        }
        // Other data than those of the training have no such parts.
        Part::Other(_) => return Ok(None),
    };
    let some = |set: &Dataset| -> Result<Vec<f64>> {
        // Not the first rows: files are sorted at times.
        let mut chosen = shuffled(set.rows(), SampleId { seed: args.seed, index: 0 });
        chosen.truncate(args.rows);
        Ok(rows::coordinates(args.seed, source, &set.select(&chosen), lattice).or_failed()?.x)
    };
    Ok(Some((some(&trained)?, some(&held_out)?)))
}

/// The same sampler on a grid of twice the steps; none for a word, and for a grid that brings its own steps.
fn finer(flags: &SamplerArgs, reader: &Reader<'_>) -> Result<Option<Plan>> {
    if flags.moves.is_some() || Grid::brings_steps(&flags.grid) {
        return Ok(None);
    }
    let request = reader.asks(flags.request()?);
    let steps = request.step_count().or_misused()?;
    match request.steps(2 * steps).plan().or_misused() {
        Ok(plan) => Ok(Some(plan)),
        Err(failure) => {
            say(&format!("note: twice the steps cannot be had, so nothing is held beside them: {}", failure.text()));
            Ok(None)
        }
    }
}

/// Plans of as many evaluations, of the samplers that fit.
fn rivals(flags: &SamplerArgs, reader: &Reader<'_>, nfe: usize) -> Result<Vec<Plan>> {
    if flags.moves.is_some() || Grid::brings_steps(&flags.grid) {
        return Ok(vec![]);
    }
    let request = reader.asks(flags.request()?);
    let plan = |name: &&str| request.clone().sampler(*name).default_eta().nfe(nfe).without_unused_range().plan().ok();
    Ok(RIVALS.iter().filter_map(plan).collect())
}

/// What one is in the units of the data, and what those are.
fn unit(source: &Source<'_>) -> (f64, &'static str) {
    match source.normalization().map(|map| &map.scale[..]) {
        None => (1.0, "the units of the data"),
        Some([scale]) => (*scale, "the units of the data"),
        // A Gaussian's distance along its own axes is in one unit.
        Some(_) => (1.0, "standard deviations of each column"),
    }
}

/// As docs/diagnose.md has it: infinite numbers are null.
fn document(
    args: &DiagnoseArgs,
    found: &Diagnosis,
    source: &Source<'_>,
    reader: &Reader<'_>,
    data: &Dataset,
    units: &str,
    seconds: f64,
) -> Value {
    let cause = |finding: &&Attribution| {
        json!({
            "cause": finding.cause.to_string(), "share": finding.share,
            "nats": finding.nats, "nats_from": finding.nats_from,
            "distance": finding.distance, "distance_from": finding.distance_from,
            "advice": finding.advice, "say": finding.say(),
        })
    };
    json!({
        "model": source.name(), "read_as": reader.path(), "plan": found.name, "nfe": found.nfe,
        "data": data.name(), "read": crate::data::document(data), "rows": found.rows, "dimension": found.dimension, "samples": found.samples, "seed": args.seed,
        "units": units, "shares_of": if found.shares_of == SharesOf::Nats { "nats" } else { "squares" },
        "causes": found.ranking().iter().map(cause).collect::<Vec<_>>(),
        "gaussian": {"w2": found.total.w2, "kl": found.total.kl},
        "likelihoods": found.gap, "entropy": found.excess, "unseen": found.unseen, "blur": found.blur,
        "generalisation": found.generalisation, "overtrained": found.is_overtrained(), "residuals": found.residuals, "coupled": found.coupled, "sliced_w2": found.floor,
        "seconds": seconds,
    })
}
