//! `langevin plan`: a sampler as a table of numbers.

use super::tokens;
use crate::cli::PlanArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, print, say};
use crate::request;
use crate::terminal::TERMINAL;
use crate::words::{either_case, plural, shown, visible};
use langevin::plan::Note;
use langevin::request::{GRID, STEPS};
use langevin::sampler::Start;
use langevin::{Formulation, Map, Plan, Prediction, Process, Request};
use langevin_emit::{Target, emit};
use langevin_import::k;
use langevin_tasks::content::Content;
use langevin_tasks::documents;
use langevin_tasks::observe::{Note as Said, Observer as _};
use langevin_tasks::sample::note_if_noisy;
use langevin_tasks::source::Declared;
use langevin_tasks::unroll::Around;
use std::path::Path;

/// Runs the command.
pub fn run(args: &PlanArgs) -> Result<()> {
    if let Some(space) = &args.tokens {
        return tokens::plans::plan(args, &tokens::plans::of_flags(args, space)?);
    }
    if let Some(path) = &args.plan
        && let Some(plan) = tokens::plans::read(path)?
    {
        return tokens::plans::plan(args, &plan);
    }
    let request = started(args, args.sampler.config_request());
    let target = args.emit.as_deref().map(|name| either_case(name, Target::parse)).transpose().or_misused()?;
    check_network(args, target)?;
    if let Some(out) = &args.out {
        atomic::probe(out)?;
    }
    let plan = match (&args.plan, args.import.diffusers.scheduler()?) {
        (Some(path), _) => documents::plan("PLAN.json", path, Content::Plan, &TERMINAL)?,
        (None, Some(scheduler)) => scheduler.plan(&request, &TERMINAL)?,
        (None, None) => from_flags(args)?,
    };
    match (target, &args.out, &args.around.onnx) {
        (Some(Target::Program(language)), out, _) => {
            let program = emit(&plan, language).or_failed()?;
            return match out {
                Some(out) => atomic::write(out, |out| out.write_all(program.as_bytes())),
                None => print(&program),
            };
        }
        (Some(Target::Onnx), Some(out), Some(network)) => return unroll(args, plan, network, out),
        _ => {}
    }
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
    note_if_noisy(&plan, &TERMINAL);
    let linear = plan.unclipped();
    if !linear.is_linear() {
        say("lint: not checked, for the plan multiplies states");
        return Ok(());
    }
    if !plan.is_linear() {
        say("lint: D is clamped; checked as where it is within its bounds");
    }
    let mut lint = linear.lint().or_failed()?;
    // This note was already printed.
    lint.notes.retain(|note| !matches!(note, Note::Noisy(_)));
    for line in lint.to_string().lines() {
        say(&format!("lint: {line}"));
    }
    Ok(())
}

/// Checks the flags of the network against the target.
fn check_network(args: &PlanArgs, target: Option<Target>) -> Result<()> {
    let around = &args.around;
    let scheduler = args.import.diffusers.from_diffusers.is_some();
    match (target, &around.onnx) {
        (Some(Target::Onnx), None) => {
            return Err(Failure::misused("an ONNX file holds the plan and its network")
                .at("--emit onnx")
                .expected("--onnx FILE and --out FILE")
                .got("no network"));
        }
        (Some(Target::Onnx), Some(_)) if args.plan.is_none() && !scheduler && args.predict.is_none() => {
            return Err(Failure::misused("an ONNX file does not say what it is").at("--onnx").expected("--predict"));
        }
        (Some(Target::Program(_)), Some(_)) => {
            return Err(Failure::misused("a program takes the network as a function")
                .at("--onnx")
                .expected("--emit onnx")
                .got(format!("--emit {}", args.emit.as_deref().unwrap_or_default()))
                .hint("leave out --onnx"));
        }
        _ => {}
    }
    let undeclared = scheduler || args.plan.is_some() && args.process.is_none() && args.predict.is_none();
    let facts = [
        ("--clock", around.clock.is_some()),
        ("--input-sigma-data", around.input_sigma_data.is_some()),
        ("--trained-range", around.trained_range.is_some()),
    ];
    if let Some((flag, _)) = facts.iter().find(|(_, there)| *there && undeclared) {
        let failure = Failure::misused("the plan already says what its network is").at(*flag).got("a plan of its own");
        return Err(match scheduler {
            true => failure.expected("--process and --predict instead of --from-diffusers"),
            false => failure.expected("--process and --predict, which describe the network"),
        });
    }
    let declared = [("--process", args.process.is_some()), ("--predict", args.predict.is_some())];
    match declared.iter().find(|(_, there)| *there && args.plan.is_some() && args.around.onnx.is_none()) {
        Some((flag, _)) => Err(Failure::misused("a saved plan has its own process and network")
            .at(*flag)
            .expected("PLAN.json without it")
            .got("both")
            .hint("with --emit onnx, --process and --predict describe the network")),
        None => Ok(()),
    }
}

/// Returns the declaration of the network that the plan is unrolled around.
fn declared(args: &PlanArgs) -> Declared {
    let around = &args.around;
    let own = args.plan.is_none() && around.onnx.is_some();
    Declared {
        process: args.process.clone().or_else(|| own.then(|| PROCESS.to_owned())),
        predict: args.predict.clone(),
        clock: around.clock.clone(),
        input_sigma_data: around.input_sigma_data,
        trained_range: around.trained_range,
        normalization: around.normalization,
        output: around.output.clone(),
        ..Declared::default()
    }
}

/// Writes the plan and its network as one ONNX file.
fn unroll(args: &PlanArgs, plan: Plan, network: &Path, out: &Path) -> Result<()> {
    let declared = declared(args);
    let around = Around { network, declared: &declared, inputs: &args.around.input };
    let plan = if args.plan.is_some() { around.convert(&plan, &TERMINAL)? } else { plan };
    let unrolled = around.unroll(&plan, &TERMINAL)?;
    around.check_data(&unrolled, out)?;
    note_if_noisy(&plan, &TERMINAL);
    atomic::write(out, |out| out.write_all(&unrolled.file))?;
    say(&format!(
        "{} around {}, {} and {}: {}",
        visible(plan.name()),
        shown(network),
        plural(plan.nfe() as u64, "evaluation"),
        plural(unrolled.nodes as u64, "node"),
        shown(out),
    ));
    say(&format!("inputs: {}", visible(&unrolled.inputs.join(", "))));
    say(&format!("output: {}", visible(&unrolled.output)));
    Ok(())
}

/// The process of a sampler of k-diffusion, unless --process says otherwise.
const PROCESS: &str = "ve";

/// Compiles a sampler on a process.
fn from_flags(args: &PlanArgs) -> Result<Plan> {
    if args.import.from_k.is_none() && !args.import.diffusers.set.is_empty() {
        return Err(Failure::misused("--set has nothing to set")
            .at("--set")
            .expected("--from-diffusers or --from-k")
            .hint("options of a sampler go behind its name: --sampler heun:churn=40"));
    }
    let name = args.process.as_deref().unwrap_or(PROCESS);
    let process = either_case(name, Process::parse).or_misused()?;
    let prediction =
        args.predict.as_deref().map(|name| either_case(name, Prediction::parse)).transpose().or_misused()?;
    let label = args.import.from_k.as_deref().and_then(k::label);
    let mut request = match (&args.import.from_k, label.as_ref().and_then(|label| label.grid)) {
        (None, _) => args.sampler.request()?,
        (Some(_), Some(grid)) if args.sampler.grid == GRID => original_grid(args, &process, grid)?,
        (Some(_), Some(grid)) => {
            return Err(Failure::misused("two grids")
                .at("--from-k, --grid")
                .expected("one of them")
                .got(format!("{grid} and {}", args.sampler.grid)));
        }
        (Some(_), None) => original_grid(args, &process, &args.sampler.grid)?,
    };
    if let Some(name) = &args.import.from_k {
        let name = label.as_ref().map_or(name.as_str(), |label| &label.sampler);
        let settings = args.import.diffusers.settings(args.sampler.eta)?;
        request = request.with_sampler(k::sampler(name, &settings).or_misused()?);
        if settings.contains_key("s_churn") {
            say("note: noise is drawn where churn adds some, as in ComfyUI; k-diffusion draws it at every step");
        }
    }
    request = match (args.clamp, args.threshold) {
        (Some((min, max)), _) => request.map(Map::clamp(min, max).or_misused()?),
        (_, Some((ratio, max))) => request.map(Map::threshold(ratio, max).or_misused()?),
        _ => request,
    };
    if let Some(prediction) = prediction {
        request = request.network(match args.around.onnx {
            Some(_) => declared(args).formulation()?,
            None => Formulation::new(process.clone(), prediction),
        });
    }
    if let Some(weight) = args.guidance {
        request = request.guidance(weight);
    }
    let request = started(args, request.process(process));
    if let (Some(_), Ok(range)) = (&args.around.onnx, request.noise_range())
        && range.clipped
    {
        TERMINAL.note(&Said::Clipped(range.min, range.max));
    }
    request.plan().or_misused()
}

/// Returns the request with the starting point of the flags.
fn started(args: &PlanArgs, request: Request) -> Request {
    match args.start_at {
        Some(steps) => request.start(steps, if args.image { Start::Image } else { Start::State }),
        None => request,
    }
}

/// Returns the request of the flags on a schedule of ComfyUI or A1111, as a list of levels, or on
/// any other grid.
fn original_grid(args: &PlanArgs, process: &Process, grid: &str) -> Result<Request> {
    let mut flags = args.sampler.clone();
    flags.grid = grid.to_owned();
    let Some(schedule) = k::SigmaSchedule::parse(grid) else { return flags.request() };
    if schedule == k::SigmaSchedule::Beta && process.alpha_bars().is_none() {
        say(
            "note: the quantiles are of the noise levels; ComfyUI's beta goes by the times of a table of betas (--process table:scaled-linear)",
        );
        return flags.request();
    }
    if let Some(budget) = flags.nfe {
        return Err(Failure::misused("a schedule of ComfyUI or A1111 is laid out by its steps")
            .at("--nfe")
            .expected("--steps")
            .got(budget.to_string()));
    }
    // A list determines the number of steps.
    let steps = flags.steps.take().unwrap_or(STEPS);
    let levels = schedule.levels(process, steps).or_misused()?;
    say(&format!("note: {schedule}"));
    flags.grid = format!("list:{}", levels.iter().map(f64::to_string).collect::<Vec<_>>().join(","));
    flags.request()
}
