//! `langevin plan`: a sampler as a table of numbers.

use crate::cli::PlanArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::io::content::Content;
use crate::io::{json, print, say};
use crate::schedule;
use crate::words::{either_case, shown};
use langevin::import::{Call, Diffusers, k};
use langevin::plan::Note;
use langevin::sampler::Start;
use langevin::{Formulation, Map, Plan, Prediction, Process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Runs the command.
pub fn run(args: &PlanArgs) -> Result<()> {
    let plan = match &args.import.from_diffusers {
        Some(path) => from_diffusers(path, args)?,
        None => from_flags(args)?,
    };
    print(&match (args.json, args.csv) {
        (true, _) => plan.to_json(),
        (_, true) => plan.to_csv(),
        _ => plan.to_string(),
    })?;
    schedule::say_if_noisy(&plan);
    let linear = plan.unclipped();
    if !linear.is_linear() {
        say("lint: not checked, for the plan multiplies states");
        return Ok(());
    }
    if !plan.is_linear() {
        say("lint: D is clamped; checked as where it is within its bounds");
    }
    let mut lint = linear.lint().or_failed()?;
    // That was said already.
    lint.notes.retain(|note| !matches!(note, Note::Noisy(_)));
    for line in lint.to_string().lines() {
        say(&format!("lint: {line}"));
    }
    Ok(())
}

/// A sampler on a process.
fn from_flags(args: &PlanArgs) -> Result<Plan> {
    if args.import.from_k.is_none() && !args.import.set.is_empty() {
        return Err(Failure::misused("--set has nothing to set")
            .at("--set")
            .expected("--from-diffusers or --from-k")
            .hint("options of a sampler go behind its name: --sampler heun:churn=40"));
    }
    let name = args.process.as_deref().unwrap_or("ve");
    let process = either_case(name, Process::parse).or_misused()?;
    let prediction =
        args.predict.as_deref().map(|name| either_case(name, Prediction::parse)).transpose().or_misused()?;
    let network = prediction.map(|prediction| Formulation::new(process.clone(), prediction));
    let sampler = match &args.import.from_k {
        Some(name) => Some(k::sampler(name, &settings(args)?).or_misused()?),
        None if args.sampler.moves.is_none() => Some(args.sampler.sampler()?),
        None => None,
    };
    if args.import.from_k.is_some() && args.import.set.iter().any(|(key, _)| key == "s_churn") {
        say("note: noise is drawn where churn adds some, as in ComfyUI; k-diffusion draws it at every step");
    }
    let map = match (args.clamp, args.threshold) {
        (Some((min, max)), _) => Some(Map::clamp(min, max).or_misused()?),
        (_, Some((ratio, max))) => Some(Map::threshold(ratio, max).or_misused()?),
        _ => None,
    };
    let range = args.sampler.range(&process, None)?;
    args.sampler.compile_as(&process, sampler.as_ref(), range, &|compiling| {
        let mut compiling = compiling;
        if let Some(network) = &network {
            compiling = compiling.network(network);
        }
        if let Some(steps) = args.start_at {
            compiling = compiling.start(steps, if args.image { Start::Image } else { Start::State });
        }
        if let Some(map) = &map {
            compiling = compiling.map(map.clone());
        }
        if let Some(weight) = args.guidance {
            compiling = compiling.guidance(weight);
        }
        compiling.compile()
    })
}

/// What --set and --eta say.
fn settings(args: &PlanArgs) -> Result<BTreeMap<String, Value>> {
    let eta = args.sampler.eta.map(|eta| ("eta".to_owned(), Value::from(eta)));
    let mut settings = BTreeMap::new();
    for (key, value) in args.import.set.iter().cloned().chain(eta) {
        if settings.insert(key.clone(), value).is_some() {
            return Err(Failure::misused("an argument is given twice").at("--set").got(format!("'{key}'")));
        }
    }
    Ok(settings)
}

/// The plan of a scheduler that diffusers saved.
fn from_diffusers(path: &Path, args: &PlanArgs) -> Result<Plan> {
    let config = Diffusers::parse(&json::text("--from-diffusers", path, Content::Scheduler)?)
        .or_failed()
        .map_err(|f| f.in_file(path))?;
    let mut call = Call::default();
    call.steps = args.sampler.steps;
    call.timesteps.clone_from(&args.import.timesteps);
    call.sigmas.clone_from(&args.import.sigmas);
    call.mu = args.import.mu;
    call.start_at = args.start_at;
    call.image = args.image;
    call.consistent = args.import.consistent;
    call.set = settings(args)?;
    if let Some(budget) = args.sampler.nfe {
        if call.timesteps.is_some() || call.sigmas.is_some() {
            return Err(Failure::misused("a list brings its own steps")
                .at("--nfe")
                .expected("--nfe, or --timesteps or --sigmas")
                .got("both")
                .hint("leave out --nfe"));
        }
        let plan = |steps: usize| {
            let mut call = call.clone();
            call.steps = Some(steps);
            config.plan(&call)
        };
        let fits = langevin::recommend::most_steps(budget, &plan).or_misused()?;
        call.steps = Some(fits.ok_or_else(|| crate::survey::nothing_fits(config.class(), budget))?.0);
    }
    let plan = config.plan(&call).or_misused()?;
    let foreign = config.foreign(&call).or_misused()?;
    if !foreign.is_empty() {
        say(&format!("note: fields of other schedulers, passed over as diffusers does: {}", foreign.join(", ")));
    }
    say(&format!("{} of {}", config.class(), shown(path)));
    if let Some(fault) = config.fault(&call).or_misused()? {
        say(&format!("note: diffusers itself fails on this run: {fault}"));
    }
    if call.consistent {
        let mended = config.mended(&call).or_misused()?;
        let all = if mended.is_empty() { "nothing".to_owned() } else { mended.join("; ") };
        say(&format!("mended: {all}"));
    }
    if let Some(note) = config.declares() {
        say(&format!("note: {note}"));
    }
    Ok(plan)
}
