//! `langevin sample` and `evaluate` on models of tables.

use super::sample::request;
use crate::cli::{EvaluateArgs, SampleArgs, SamplerArgs};
use crate::error::{Failure, Result};
use crate::io::{atomic, print, say};
use crate::progress::duration;
use crate::terminal::TERMINAL;
use crate::words::{plural, shown};
use crate::{check, threads};
use langevin_data::{TableKind, write_table};
use langevin_discrete::Request;
use langevin_tasks::tables::evaluate::Evaluation;
use langevin_tasks::tables::sample::{Prepared, prepare};
use langevin_tasks::tables::{evaluate, schema};
use langevin_tasks::tokens::Model;
use langevin_tasks::tokens::evaluate::Settings;
use langevin_tasks::tokens::sample::{self, Chosen, Draws};
use langevin_train::Network;
use std::path::Path;
use std::time::Instant;

/// Number of samples, if none is given.
const COUNT: usize = 64;

/// Writes rows of the model as a table like that of the training.
pub fn write(path: &Path, kind: TableKind, model: &Model, rows: &[f64]) -> Result<()> {
    let Some(network) = model.network() else {
        return Err(Failure::misused("an exact density has no columns").at("--out"));
    };
    let schema = schema(network)?;
    atomic::write(path, |out| {
        let mut bytes = Vec::new();
        write_table(&mut bytes, kind, schema, rows, None)?;
        out.write_all(&bytes)
    })
}

/// Returns the network of a model of numbers and categories.
fn network(model: &Model) -> Result<&Network> {
    model.network().ok_or_else(|| Failure::misused("an exact density has no columns"))
}

/// Runs `sample` on a model of numbers and categories.
pub fn sample(args: &SampleArgs, mut model: Model) -> Result<()> {
    args.flags
        .only("the model is of numbers and categories", &["count", "sampler", "steps", "grid", "eta", "class"])?;
    let Some(kind) = TableKind::of(&args.out) else {
        return Err(Failure::misused("rows of numbers and categories are written as a table")
            .at("--out")
            .expected("a name that ends in .csv, .tsv or .parquet")
            .got(format!("'{}'", args.out.display())));
    };
    let classes = args.condition.condition().ask_network(model.network_mut())?;
    let network = network(&model)?;
    let prepared = prepare(network, args.sampler.request()?, Request::new())?;
    let count = args.count.unwrap_or(COUNT);
    check::memory(count, schema(network)?.columns().len())?;
    atomic::probe(&args.out)?;
    let start = Instant::now();
    let draws = Draws { count, seed: args.seed };
    let rows = match args.threads {
        None => prepared.draw(draws, &TERMINAL)?,
        Some(threads) => threads::within(threads, || prepared.draw(draws, &TERMINAL))?,
    };
    let seconds = start.elapsed().as_secs_f64();
    write(&args.out, kind, &model, &rows)?;
    say(&format!(
        "{} of {} by {}, {} each, in {}: {}",
        plural(count as u64, "sample"),
        model.name(),
        prepared.name(),
        plural(prepared.numbers().nfe() as u64, "evaluation"),
        duration(seconds),
        shown(&args.out)
    ));
    if !args.json {
        return Ok(());
    }
    print(&format!(
        "{}\n",
        serde_json::json!({
            "path": args.out.display().to_string(),
            "samples": count,
            "shape": [count, rows.len() / count.max(1)],
            "model": model.name(),
            "plan": prepared.name(),
            "classes": classes,
            "nfe": prepared.numbers().nfe(),
            "seed": args.seed,
            "seconds": seconds,
        })
    ))
}

/// Samples of a model of a table compared with data.
pub struct Compared {
    /// The measures.
    pub found: Evaluation,
    /// Name of the plan, or of both plans.
    pub name: String,
    /// Network evaluations of a sample.
    pub nfe: usize,
}

/// Draws samples of a model of a table by the sampler of the flags, or by a plan of tokens, and
/// compares them with data.
pub fn compared(model: &Model, sampler: &SamplerArgs, plan: Option<&Path>, settings: Settings<'_>) -> Result<Compared> {
    let seed = settings.seed;
    if network(model)?.is_table() {
        if plan.is_some() {
            return Err(Failure::misused("a plan is of numbers or of tokens, and the table has both")
                .at("--plan")
                .expected("--sampler, --steps"));
        }
        let prepared: Prepared<'_> = prepare(network(model)?, sampler.request()?, Request::new())?;
        let mut draw = |count| prepared.draw(Draws { count, seed }, &TERMINAL);
        let found = evaluate::run(model, settings, &mut draw, &TERMINAL)?;
        return Ok(Compared { found, name: prepared.name(), nfe: prepared.numbers().nfe() });
    }
    let chosen = match plan {
        Some(path) => Chosen::Plan(super::plans::given(path)?),
        None => Chosen::Request(request(sampler, None)?),
    };
    let prepared = sample::prepare(model, chosen)?;
    let mut draw = |count| {
        let mut rows = Vec::new();
        prepared.draw(Draws { count, seed }, None, &TERMINAL, &mut |letters| {
            rows.extend(letters.iter().map(|letter| f64::from(*letter)));
            Ok(())
        })?;
        Ok(rows)
    };
    let found = evaluate::run(model, settings, &mut draw, &TERMINAL)?;
    Ok(Compared { found, name: prepared.name().to_owned(), nfe: prepared.nfe() })
}

/// Runs `evaluate` on a model of a table.
pub fn evaluate(args: &EvaluateArgs, model: &Model) -> Result<()> {
    args.flags.only("the model is of a table", &["data", "count", "sampler", "steps", "grid", "eta", "plan"])?;
    let settings = Settings { data: &args.data, count: args.count, seed: args.seed };
    let Compared { found, name, nfe } = compared(model, &args.sampler, args.given.plan.as_deref(), settings)?;
    report(args, model, &found, &name, nfe)
}

fn report(args: &EvaluateArgs, model: &Model, found: &Evaluation, name: &str, nfe: usize) -> Result<()> {
    say(&format!(
        "{} of {} by {name}, {}, against {}: {}, and {} of the training",
        plural(found.count as u64, "sample"),
        model.name(),
        plural(nfe as u64, "evaluation"),
        found.against,
        plural(found.rows[0] as u64, "row"),
        plural(found.rows[1] as u64, "row"),
    ));
    if !args.json {
        return print(&found.to_string());
    }
    let measures: Vec<_> = found
        .measures
        .iter()
        .map(
            |one| serde_json::json!({"name": one.name, "samples": one.samples, "copula": one.copula, "real": one.real}),
        )
        .collect();
    let document = serde_json::json!({
        "model": model.name(), "kind": "table", "plan": name, "nfe": nfe, "count": found.count,
        "held_out": found.rows[0], "train": found.rows[1], "seed": args.seed, "measures": measures,
    });
    print(&format!("{document}\n"))
}
