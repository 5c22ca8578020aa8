//! `langevin analyze`: the exact error of samplers on Gaussian data.

use super::tokens;
use crate::cli::{AnalyzeArgs, Evaluations};
use crate::error::{Blame as _, Failure, Result};
use crate::interrupt;
use crate::io::{atomic, print, say};
use crate::survey::Surveyed;
use crate::terminal::TERMINAL;
use crate::words::{either_case, plural, shown, visible};
use langevin::request::{GRID, REFERENCE_PROCESS, over_budget};
use langevin::sampler::Entry;
use langevin::{Formulation, Grid, Plan, Process, Request};
use langevin_analysis::analysis::{AnalysisOptions, Analyze as _};
use langevin_analysis::recommend::{Compiler, fitting};
use langevin_report::errors::{Errors, Point};
use langevin_tasks::content::Content;
use langevin_tasks::spectrum::Gaussian;
use langevin_tasks::trained::{Trained, is_model};
use langevin_tasks::{documents, recommend};
use std::path::{Path, PathBuf};

/// Default samplers.
const SAMPLERS: &str = "ddim,ddpm,dpmpp-2m,adams2,dpmpp-2m-sde,heun,unipc,deis";
/// Default numbers of steps.
const STEPS: [usize; 4] = [5, 10, 20, 50];

/// Runs the command.
pub fn run(args: &AnalyzeArgs) -> Result<()> {
    interrupt::listen()?;
    if let Some(name) = &args.exact {
        return tokens::analyze::run(args, name);
    }
    one_kind(args)?;
    let trained = match &args.onnx {
        Some(path) => Some(Trained::onnx(path, &args.trained_as.declared(args.process.as_deref()), &TERMINAL)?),
        None => {
            let model = model(args)?;
            args.spectrum.asked(|asked| Trained::open(model, asked, &TERMINAL))?
        }
    };
    let own = trained.as_ref().and_then(|trained| trained.source.formulation());
    let process = match (&args.process, own) {
        (None, Some(own)) => own.process.clone(),
        (name, _) => either_case(name.as_deref().unwrap_or(REFERENCE_PROCESS), Process::parse).or_misused()?,
    };
    let plans = plans(args, &process, own)?;
    let gaussian = args.spectrum.asked(|asked| match &trained {
        Some(trained) => trained.gaussian(asked, &TERMINAL),
        None => asked.open(&TERMINAL),
    })?;
    if let Some(path) = &args.plot {
        atomic::probe(path)?;
    }
    // The sources of the error take three passes in place of one, so they are computed only if they
    // are shown.
    let sources = args.sources || args.json || plans.len() == 1;
    let options = AnalysisOptions { score_error: args.score_error, sources };
    let mut rows = Vec::with_capacity(plans.len());
    for Compiled { sampler, grid, steps, file, process, plan } in plans {
        interrupt::check()?;
        let analysis = plan.analyze(&gaussian.spectrum, &options).or_failed();
        let analysis = analysis.map_err(|failure| match &file {
            Some(file) => failure.in_file(Path::new(file)),
            None => failure,
        })?;
        rows.push(Surveyed { sampler, grid, steps, file, process, analysis });
    }
    interrupt::check()?;
    recommend::note_if_flat(&gaussian.spectrum, rows.iter().map(|row| &row.analysis), &TERMINAL);
    let processes = processes(&rows);
    if let Some(path) = &args.plot {
        let page = errors(subject(&gaussian, &processes, args), &rows).html();
        atomic::write(path, |out| out.write_all(page.as_bytes()))?;
        say(&format!("the plot is in {}", shown(path)));
    }
    if args.json {
        let process = if processes.len() == 1 { Some(&processes[0]) } else { None };
        let results: Vec<_> = rows.iter().map(Surveyed::document).collect();
        let document = serde_json::json!({
            "process": process, "data": gaussian.name, "read": gaussian.read, "dimension": gaussian.spectrum.dimension(), "score_error": args.score_error,
            "results": results,
        });
        return print(&format!("{document}\n"));
    }
    let errors = errors(subject(&gaussian, &processes, args), &rows);
    let mut text = format!("{}\n\n{}", visible(&errors.subject), errors.table().text());
    if sources {
        for row in &rows {
            text.push_str(&format!("\n{}", row.analysis));
        }
    }
    print(&text)
}

/// A plan to analyse, made linear.
struct Compiled {
    sampler: String,
    grid: Option<String>,
    steps: Option<usize>,
    file: Option<String>,
    process: String,
    plan: Plan,
}

/// Refuses flags about samplers if plans are given.
fn one_kind(args: &AnalyzeArgs) -> Result<()> {
    let given = [
        ("--grid", args.grid.is_some()),
        ("--steps", args.steps.is_some()),
        ("--process", args.process.is_some()),
        ("--sigma-min", args.range.sigma_min.is_some()),
        ("--sigma-max", args.range.sigma_max.is_some()),
        ("--nfe", args.nfe.is_some()),
    ];
    match given.iter().find(|(_, given)| *given && documents(args).next().is_some() && args.sampler.is_none()) {
        None => Ok(()),
        Some((flag, _)) => Err(Failure::misused("a plan brings its own steps")
            .at(*flag)
            .expected("a plan alone, or samplers with a grid")
            .got("plans")
            .hint("give --sampler too, to compare both")),
    }
}

/// Returns the plan files among the arguments.
fn documents(args: &AnalyzeArgs) -> impl Iterator<Item = &PathBuf> {
    args.files().filter(|path| !is_model(path))
}

/// Returns the model among the arguments.
fn model(args: &AnalyzeArgs) -> Result<Option<&Path>> {
    let mut models = args.files().filter(|path| is_model(path));
    match (models.next(), models.next()) {
        (Some(_), Some(second)) => Err(Failure::misused("one model has one Gaussian")
            .at("PLAN.json|MODEL")
            .expected("one model")
            .got(format!("another, '{}'", second.display()))),
        (first, _) => Ok(first.map(PathBuf::as_path)),
    }
}

fn plans(args: &AnalyzeArgs, process: &Process, network: Option<&Formulation>) -> Result<Vec<Compiled>> {
    let mut plans = Vec::new();
    for path in documents(args) {
        let plan = documents::plan("PLAN.json", path, Content::PlanOrModel, &TERMINAL).map_err(|failure| match path
            .to_str()
            .map(Entry::find)
        {
            Some(Ok(entry)) => failure.hint(format!("for the sampler of this name, give --sampler {}", entry.name)),
            _ => failure,
        })?;
        if !plan.is_linear() && plan.unclipped().is_linear() {
            say(&format!("note: {} clamps D; analysed as where D is within its bounds", shown(path)));
        }
        plans.push(Compiled {
            sampler: visible(plan.name()),
            grid: None,
            steps: None,
            file: Some(path.display().to_string()),
            process: plan.process().name(),
            plan: plan.unclipped(),
        });
    }
    if !plans.is_empty() && args.sampler.is_none() {
        return Ok(plans);
    }
    let samplers = recommend::samplers(args.sampler.as_deref().unwrap_or(SAMPLERS))?;
    let grids = recommend::grids(args.grid.as_deref().unwrap_or(GRID))?;
    let own_steps = args.nfe.is_none();
    let steps = match (&args.nfe, &args.steps) {
        (Some(Evaluations::These(_)), Some(_)) => {
            return Err(Failure::misused("steps are counted in two ways")
                .at("--nfe, --steps")
                .expected("one of the two")
                .got("both")
                .hint("leave out --steps"));
        }
        (Some(Evaluations::These(counts)), None) => counts.clone(),
        (_, steps) => steps.clone().unwrap_or_else(|| STEPS.to_vec()),
    };
    let request = args.range.limit(Request::new().process(process.clone()));
    let trained = network.map_or(request.clone(), |network| request.clone().network(network.clone()));
    for sampler in &samplers {
        for grid in &grids {
            // A list is a single grid, whatever numbers of steps are requested.
            let own = [0];
            for count in if Grid::brings_steps(grid) && own_steps { &own } else { &steps[..] } {
                // Levels stay within the trained range, except for a model that returns D.
                let count = (*count > 0).then_some(*count);
                let counted = trained.clone().with_sampler(sampler.clone()).grid(grid);
                let range = count.into_iter().fold(counted, Request::steps).noise_range().or_misused()?;
                let request = request.clone().range(range.min, range.max);
                let (steps, plan) = match count.filter(|_| !own_steps) {
                    Some(budget) => fitting(&request, sampler, grid, budget)
                        .and_then(|found| found.ok_or_else(|| over_budget(sampler.spec(), budget)))
                        .or_misused()?,
                    None => {
                        let steps = Grid::parse(grid, count).or_misused()?.steps();
                        (steps, Compiler::plan(&request, sampler, grid, count).or_misused()?)
                    }
                };
                let (sampler, process) = (sampler.spec().to_owned(), process.name());
                plans.push(Compiled {
                    sampler,
                    grid: Some(grid.clone()),
                    steps: Some(steps),
                    file: None,
                    process,
                    plan: linear(plan)?,
                });
            }
        }
    }
    Ok(plans)
}

/// Returns the plan if it is linear. A named sampler whose plan multiplies states has no exact
/// error.
fn linear(plan: Plan) -> Result<Plan> {
    if plan.is_linear() {
        return Ok(plan);
    }
    Err(Failure::misused("only a plan without maps can be analysed exactly")
        .at(format!("--sampler {}", plan.name()))
        .hint("leave it out, or draw samples instead"))
}

/// Returns the processes of all rows without duplicates.
fn processes(rows: &[Surveyed]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for row in rows.iter().filter(|row| row.grid.is_some() || row.file.is_some()) {
        if !names.contains(&row.process) {
            names.push(row.process.clone());
        }
    }
    names
}

/// Describes the data and the plans in one line.
fn subject(gaussian: &Gaussian, processes: &[String], args: &AnalyzeArgs) -> String {
    let score = if args.score_error == 0.0 { String::new() } else { format!(", score error {}", args.score_error) };
    format!(
        "on {}; {}; process {}{score}",
        gaussian.name,
        plural(gaussian.spectrum.dimension(), "dimension"),
        processes.join(", ")
    )
}

/// Returns the errors of the plans, for the table and for the page.
fn errors(subject: String, rows: &[Surveyed]) -> Errors {
    let point = |row: &Surveyed| Point {
        sampler: row.sampler.clone(),
        grid: row.grid.clone(),
        steps: row.steps,
        nfe: row.analysis.nfe,
        w2: row.analysis.total.w2,
        kl: row.analysis.total.kl,
    };
    Errors { subject, points: rows.iter().map(point).collect() }
}
