//! `langevin analyze --exact NAME`: the exact law of samplers of tokens, on a density or of a
//! network.

use super::plans;
use crate::cli::AnalyzeArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::interrupt;
use crate::io::{print, say};
use crate::terminal::TERMINAL;
use langevin::text::number;
use langevin_discrete::{Noise, Plan, Request};
use langevin_report::{Cell, Table};
use langevin_tasks::tokens::analyze::{self, Row};
use langevin_tasks::tokens::sample::compile;
use langevin_tasks::tokens::{Model, graphs};
use std::path::Path;

/// Default samplers.
const SAMPLERS: &str = "ancestral,sizes,entropy,margin,confidence,halton,euler,entropy-bound";
/// Default numbers of steps.
const STEPS: [usize; 3] = [2, 4, 8];

/// Runs the command.
pub fn run(args: &AnalyzeArgs, name: &str) -> Result<()> {
    args.flags.only("the density is of tokens", &["sampler", "steps"])?;
    if let Some((model, plans)) = network(args)? {
        return of_network(args, name, &model, &plans);
    }
    let mut rows = Vec::new();
    for (noise, plan) in chosen(args, name)? {
        interrupt::check()?;
        let model = Model::named(name, noise)?;
        rows.push(analyze::error(&model, &plan)?);
    }
    print(&if args.json { document(None, name, &rows) } else { table(None, name, &rows)? })
}

/// Returns the network among the files, and the plans; `None` if all files are plans.
fn network(args: &AnalyzeArgs) -> Result<Option<(Model, Vec<&Path>)>> {
    let (mut model, mut plans) = (None, Vec::new());
    for path in &args.plans {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
            plans.push(&**path);
            continue;
        }
        if model.is_some() {
            return Err(Failure::misused("one model is compared with the density").in_file(path).got("two models"));
        }
        model = match Model::of_file(path, &TERMINAL)? {
            Some(found) => Some(found),
            None if !path.exists() => return Err(Failure::missing("MODEL", path)),
            None => {
                return Err(Failure::misused("the file is no model of tokens")
                    .in_file(path)
                    .expected("a model that was trained on tokens, or a plan of tokens"));
            }
        };
    }
    Ok(model.map(|model| (model, plans)))
}

/// Prints the distances of a network's samples from a density.
fn of_network(args: &AnalyzeArgs, name: &str, model: &Model, files: &[&Path]) -> Result<()> {
    let space = model.space()?;
    let density = Model::named(name, space.noise().clone())?;
    let mut plans = Vec::new();
    for path in files {
        plans.push(plans::read(path)?.ok_or_else(|| not_of_tokens(path))?);
    }
    if plans.is_empty() && args.sampler.is_some() {
        plans = chosen_for(args, model)?;
    }
    if plans.is_empty() && args.steps.is_some() {
        return Err(Failure::misused("the steps are those of a sampler")
            .at("--steps")
            .expected("--sampler NAME too")
            .hint("without both, one token at a time is taken in random order"));
    }
    let mut rows = Vec::new();
    if plans.is_empty() {
        rows.push(analyze::distance(model, &density, None)?);
    }
    for plan in &plans {
        interrupt::check()?;
        rows.push(analyze::distance(model, &density, Some(plan)).map_err(|error| {
            let small = graphs::shape(model).is_some();
            let hint = "leave out --sampler: one token at a time is exact for graphs of up to 6 nodes";
            if small { error.hint(hint) } else { error }
        })?);
    }
    let own = Some(model.name());
    print(&if args.json { document(own, name, &rows) } else { table(own, name, &rows)? })
}

fn not_of_tokens(path: &Path) -> Failure {
    Failure::misused("the plan is not of tokens").in_file(path).expected("a plan of tokens")
}

/// Returns the plans of the samplers and steps for a model.
fn chosen_for(args: &AnalyzeArgs, model: &Model) -> Result<Vec<Plan>> {
    let (space, mut plans) = (model.space()?, Vec::new());
    let steps = args.steps.as_ref().map_or(STEPS.to_vec(), Clone::clone);
    for sampler in args.sampler.as_deref().unwrap_or_default().split(',') {
        let request = Request::new().sampler(sampler.trim());
        if !takes_steps(&request)? {
            plans.push(compile(model, request)?);
            continue;
        }
        for steps in steps.iter().filter(|steps| **steps <= space.length() || args.steps.is_some()) {
            plans.push(compile(model, request.clone().steps(*steps))?);
        }
    }
    Ok(plans)
}

/// Returns true if the sampler has a number of steps.
fn takes_steps(request: &Request) -> Result<bool> {
    Ok(request.entry().or_misused()?.knobs.iter().any(|knob| knob.key == "steps"))
}

/// Returns the plans of the files, or those of the samplers and steps, each with its noise.
fn chosen(args: &AnalyzeArgs, name: &str) -> Result<Vec<(Noise, Plan)>> {
    let mut all = Vec::new();
    for path in &args.plans {
        let plan = plans::read(path)?.ok_or_else(|| not_of_tokens(path))?;
        all.push((plan.space().noise().clone(), plan));
    }
    if !all.is_empty() {
        return Ok(all);
    }
    let steps = args.steps.as_ref().map_or(STEPS.to_vec(), Clone::clone);
    let length = Model::named(name, Noise::Masked)?.space()?.length();
    for sampler in args.sampler.as_deref().unwrap_or(SAMPLERS).split(',') {
        let request = Request::new().sampler(sampler.trim());
        let noise = analyze::noise_for(&request)?;
        if noise != Noise::Masked {
            say(&format!("note: {} noise, since '{}' serves no masked noise", noise.name(), sampler.trim()));
        }
        let model = Model::named(name, noise.clone())?;
        if !takes_steps(&request)? {
            all.push((noise, compile(&model, request)?));
            continue;
        }
        for steps in &steps {
            // A masked sampler that unmasks groups has at most one group a token.
            if *steps > length && args.steps.is_none() {
                continue;
            }
            all.push((noise.clone(), compile(&model, request.clone().steps(*steps))?));
        }
    }
    Ok(all)
}

/// Returns the table; `model` is the name of a network.
fn table(model: Option<String>, name: &str, rows: &[Row]) -> Result<String> {
    let mut table = Table::new(["sampler", "NFE", "KL(p‖q)", "total variation", "in the density", "lint"]);
    for row in rows {
        let kl = if row.kl == 0.0 { "0".to_owned() } else { number(row.kl) };
        let lint = if row.violates.is_empty() { "–".to_owned() } else { row.violates.join(", ") };
        table.push([
            Cell::from(row.name.as_str()),
            Cell::from(row.nfe),
            Cell::Text(kl),
            Cell::Text(number(row.total_variation)),
            Cell::Text(format!("{:.2} %", 100.0 * row.support)),
            Cell::Text(lint),
        ]);
    }
    let space = Model::named(name, Noise::Masked)?.space()?.to_string();
    let (head, own) = match model {
        Some(model) => (format!("{model} against {name}"), "These are samples of the network."),
        None => (name.to_owned(), "A network would add its own error."),
    };
    Ok(format!(
        "{head}: {space}\n\n{}\nKL in nats from the density p to the exact law q of the samples. {own}\n",
        table.text()
    ))
}

fn document(model: Option<String>, name: &str, rows: &[Row]) -> String {
    let results: Vec<_> = rows
        .iter()
        .map(|row| {
            serde_json::json!({
                "plan": row.name, "nfe": row.nfe, "kl": row.kl.is_finite().then_some(row.kl),
                "total_variation": row.total_variation, "in_density": row.support, "violates": row.violates,
            })
        })
        .collect();
    format!("{}\n", serde_json::json!({ "model": model, "exact": name, "results": results }))
}
