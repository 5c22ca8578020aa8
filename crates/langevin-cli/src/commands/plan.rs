//! `langevin plan`: a sampler as a table of numbers.

use crate::cli::{PlanArgs, SamplerArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, print, say};
use crate::request::{self, Asked};
use crate::schedule;
use crate::words::either_case;
use langevin::plan::Note;
use langevin::sampler::Start;
use langevin::{Formulation, Map, Plan, Prediction, Process};
use langevin_import::k;
use std::path::Path;

/// Runs the command.
pub fn run(args: &PlanArgs) -> Result<()> {
    let asked = Asked { start_at: args.start_at, image: args.image, ..Asked::from(&args.sampler) };
    if let Some(out) = &args.out {
        atomic::probe(out)?;
    }
    let plan = match args.import.diffusers.plan(&asked)? {
        Some(plan) => plan,
        None => from_flags(args)?,
    };
    match (&args.out, args.json, args.csv) {
        (Some(out), ..) => {
            let json = plan.to_json();
            atomic::write(out, |out| out.write_all(json.as_bytes()))?;
        }
        (_, true, _) => print(&plan.to_json())?,
        (_, _, true) => print(&plan.to_csv())?,
        _ => print(&plan.to_string())?,
    }
    if args.json || args.out.is_some() {
        request::say_command(&plan, "MODEL", args.out.as_deref().unwrap_or(Path::new("PLAN.json")));
    }
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
    if args.import.from_k.is_none() && !args.import.diffusers.set.is_empty() {
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
            Some(k::sampler(name, &args.import.diffusers.settings(args.sampler.eta)?).or_misused()?)
        }
        None if args.sampler.moves.is_none() => Some(args.sampler.sampler()?),
        None => None,
    };
    if args.import.from_k.is_some() && args.import.diffusers.set.iter().any(|(key, _)| key == "s_churn") {
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
    if schedule == k::Schedule::Beta && process.alpha_bars().is_none() {
        say(
            "note: the quantiles are of the noise levels; ComfyUI's beta goes by the times of a table of betas (--process table:scaled-linear)",
        );
        return Ok(flags);
    }
    if let Some(budget) = flags.nfe {
        return Err(Failure::misused("a schedule of ComfyUI or A1111 is laid out by its steps")
            .at("--nfe")
            .expected("--steps")
            .got(budget.to_string()));
    }
    let steps = flags.steps.unwrap_or(20);
    let levels = schedule.levels(process, steps).or_misused()?;
    say(&format!("note: {schedule}"));
    flags.grid = format!("list:{}", levels.iter().map(f64::to_string).collect::<Vec<_>>().join(","));
    // A list brings its own steps.
    flags.steps = None;
    Ok(flags)
}
