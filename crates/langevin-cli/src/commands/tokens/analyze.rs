//! `langevin analyze --exact NAME`: the exact law of samplers of tokens.

use super::plans;
use crate::cli::AnalyzeArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::interrupt;
use crate::io::{print, say};
use langevin::text::number;
use langevin_discrete::{Noise, Plan, Request};
use langevin_report::{Cell, Table};
use langevin_tasks::tokens::Model;
use langevin_tasks::tokens::analyze::{self, Row};

/// Default samplers.
const SAMPLERS: &str = "ancestral,sizes,entropy,margin,confidence,halton,euler,entropy-bound";
/// Default numbers of steps.
const STEPS: [usize; 3] = [2, 4, 8];

/// Runs the command.
pub fn run(args: &AnalyzeArgs, name: &str) -> Result<()> {
    refuse(args)?;
    let mut rows = Vec::new();
    for (noise, plan) in chosen(args, name)? {
        interrupt::check()?;
        let model = Model::named(name, noise)?;
        rows.push(analyze::error(&model, &plan)?);
    }
    print(&if args.json { document(name, &rows) } else { table(name, &rows)? })
}

/// Refuses flags that have no meaning for tokens.
fn refuse(args: &AnalyzeArgs) -> Result<()> {
    let spectrum = &args.spectrum;
    let flags = [
        ("--grid", args.grid.is_some()),
        ("--process", args.process.is_some()),
        ("--spectrum", spectrum.spectrum.is_some()),
        ("--data", spectrum.data.is_some()),
        ("--score-error", args.score_error != 0.0),
        ("--nfe", args.nfe.is_some()),
        ("--sources", args.sources),
        ("--plot", args.plot.is_some()),
    ];
    match flags.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => Err(Failure::misused("the density is of tokens, and the flag is for numbers")
            .at(*flag)
            .expected("--sampler, --steps, or plans of tokens")
            .hint(format!("leave out {flag}"))),
    }
}

/// Returns the plans of the files, or those of the samplers and steps, each with its noise.
fn chosen(args: &AnalyzeArgs, name: &str) -> Result<Vec<(Noise, Plan)>> {
    let mut all = Vec::new();
    for path in &args.plans {
        let plan = plans::read(path)?
            .ok_or_else(|| Failure::misused("the plan is not of tokens").in_file(path).expected("a plan of tokens"))?;
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
        let space = Model::named(name, noise.clone())?.space()?.clone();
        let takes = request.entry().or_misused()?.knobs.iter().any(|knob| knob.key == "steps");
        if !takes {
            all.push((noise, request.plan(&space).or_misused()?));
            continue;
        }
        for steps in &steps {
            // A masked sampler that unmasks groups has at most one group a token.
            if *steps > length && args.steps.is_none() {
                continue;
            }
            all.push((noise.clone(), request.clone().steps(*steps).plan(&space).or_misused()?));
        }
    }
    Ok(all)
}

fn table(name: &str, rows: &[Row]) -> Result<String> {
    let mut table = Table::new(["sampler", "NFE", "KL(p‖q)", "total variation", "lint"]);
    for row in rows {
        let kl = if row.kl == 0.0 { "0".to_owned() } else { number(row.kl) };
        let lint = if row.violates.is_empty() { "–".to_owned() } else { row.violates.join(", ") };
        table.push([
            Cell::from(row.name.as_str()),
            Cell::from(row.nfe),
            Cell::Text(kl),
            Cell::Text(number(row.total_variation)),
            Cell::Text(lint),
        ]);
    }
    let space = Model::named(name, Noise::Masked)?.space()?.to_string();
    Ok(format!(
        "{name}: {space}\n\n{}\nKL in nats from the density p to the exact law q of the samples. A network would add its own error.\n",
        table.text()
    ))
}

fn document(name: &str, rows: &[Row]) -> String {
    let results: Vec<_> = rows
        .iter()
        .map(|row| {
            serde_json::json!({
                "plan": row.name, "nfe": row.nfe, "kl": row.kl.is_finite().then_some(row.kl),
                "total_variation": row.total_variation, "violates": row.violates,
            })
        })
        .collect();
    format!("{}\n", serde_json::json!({ "exact": name, "results": results }))
}
