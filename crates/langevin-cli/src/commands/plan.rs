//! `langevin plan`: a sampler as a table of numbers.

use crate::cli::{PlanArgs, SamplerArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::io::content::Content;
use crate::io::{json, print, say};
use crate::schedule;
use crate::words::{QUOTED, brief, either_case, shown, visible};
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
    let label = args.import.from_k.as_deref().and_then(k::label);
    let sampler = match &args.import.from_k {
        Some(name) => {
            let name = label.as_ref().map_or(name.as_str(), |label| &label.sampler);
            Some(k::sampler(name, &settings(args)?).or_misused()?)
        }
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
    let own;
    let flags = match (&args.import.from_k, label.and_then(|label| label.grid)) {
        (None, _) => &args.sampler,
        (Some(_), Some(grid)) if args.sampler.grid == crate::cli::GRID => {
            own = original_grid(args, &process, grid)?;
            &own
        }
        (Some(_), Some(grid)) => {
            return Err(Failure::misused("two grids")
                .at("--from-k, --grid")
                .expected("one of them")
                .got(format!("{grid} and {}", args.sampler.grid)));
        }
        (Some(_), None) => {
            own = original_grid(args, &process, &args.sampler.grid)?;
            &own
        }
    };
    let range = flags.range(&process, None)?;
    flags.compile_as(&process, sampler.as_ref(), range, &|compiling| {
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

/// The flags with a schedule of ComfyUI or A1111 as the list of its levels; any other grid stays.
fn original_grid(args: &PlanArgs, process: &Process, grid: &str) -> Result<SamplerArgs> {
    let mut flags = args.sampler.clone();
    flags.grid = grid.to_owned();
    let Some(schedule) = k::Schedule::parse(grid) else { return Ok(flags) };
    let steps = flags.steps.or(flags.nfe).unwrap_or(20);
    let levels = schedule.levels(process, steps).or_misused()?;
    say(&format!("note: {schedule}"));
    flags.grid = format!("list:{}", levels.iter().map(f64::to_string).collect::<Vec<_>>().join(","));
    // A list brings its own steps.
    (flags.steps, flags.nfe) = (None, None);
    Ok(flags)
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
    call.image_seq_len = args.import.image_seq_len.map(|tokens| tokens as usize);
    call.strict = args.import.strict;
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
    if let Some(tokens) = args.import.image_seq_len
        && config.mu(&call).or_misused()?.is_none()
    {
        return Err(Failure::misused("the config does not shift by the size of the picture")
            .at("--image-seq-len")
            .expected("a config with use_dynamic_shifting")
            .got(tokens.to_string()));
    }
    let plan = match config.plan(&call) {
        Err(error) if error.to_string().starts_with("mu is missing") => {
            return Err(Failure::misused("mu is missing").at("use_dynamic_shifting of the config").hint(
                "give --mu M, or --image-seq-len N: the tokens of the picture, 4096 for 1024 × 1024 where a token is 16 pixels wide",
            ));
        }
        plan => plan.or_misused()?,
    };
    let foreign = config.foreign(&call).or_misused()?;
    if !foreign.is_empty() {
        say(&format!("note: fields of other schedulers, passed over as diffusers does: {}", foreign.join(", ")));
    }
    let unknown = config.unknown(&call).or_misused()?;
    if !unknown.is_empty() {
        let named = |(name, near): &(String, Option<&str>)| match near {
            Some(near) => format!("{} (did you mean '{near}'?)", visible(name)),
            None => visible(name),
        };
        let names: Vec<String> = unknown.iter().take(20).map(named).collect();
        say(&format!(
            "warning: no scheduler has these fields, which are passed over as diffusers does (--strict refuses them): {}",
            brief(&names.join(", "), QUOTED)
        ));
    }
    say(&format!("{} of {}", config.class(), shown(path)));
    if let Some(mu) = config.mu(&call).or_misused()? {
        say(&match call.image_seq_len {
            Some(tokens) if call.sigmas.is_none() && call.timesteps.is_none() => {
                format!("mu = {mu} of {tokens} tokens, on a pipeline's levels, 1 to 1/n")
            }
            Some(tokens) => format!("mu = {mu} of {tokens} tokens"),
            None if call.steps.is_some() => {
                "note: these are the scheduler's own levels; pipelines give theirs, 1 to 1/n: --image-seq-len makes them, and mu"
                    .to_owned()
            }
            None => format!("mu = {mu}"),
        });
    }
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
