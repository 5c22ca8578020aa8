//! `langevin recommend` and `langevin tune` on a model of tokens.

use crate::cli::{RecommendArgs, TuneArgs};
use crate::error::Result;
use crate::io::{atomic, print, say};
use crate::request::quoted;
use crate::terminal::TERMINAL;
use crate::words::shown;
use langevin_discrete::Plan;
use langevin_discrete::recommend::{Figure, Ranking, Tuned};
use langevin_tasks::tokens::Model;
use langevin_tasks::tokens::recommend::{self, Settings};
use std::path::Path;

/// Runs `recommend`.
pub fn run(args: &RecommendArgs, model: &Model) -> Result<()> {
    args.flags.only("the model is of tokens", &["nfe", "data", "tune"])?;
    let settings = Settings { nfe: args.nfe, data: args.spectrum.data.as_deref(), count: None, seed: args.seed };
    if let Some(out) = &args.out {
        atomic::probe(out)?;
    }
    let ranking = recommend::rank(model, &settings, &TERMINAL)?;
    let tuned = if args.tune { Some(recommend::tune(model, &settings, &TERMINAL)?) } else { None };
    let plan = tuned.as_ref().map_or(&ranking.best().plan, |tuned| &tuned.plan);
    save(args.out.as_deref(), plan, model, args.network.as_deref().or(args.model.as_deref()).or(args.onnx.as_deref()))?;
    if args.json {
        return print(&format!("{}\n", document(model, &ranking, tuned.as_ref())));
    }
    let tuned = tuned.map_or_else(String::new, |tuned| format!("\n{tuned}"));
    print(&format!("{ranking}{tuned}"))
}

/// Runs `tune`.
pub fn tune(args: &TuneArgs, model: &Model) -> Result<()> {
    args.flags.only("the model is of tokens", &["nfe", "data", "samples"])?;
    let settings = Settings { nfe: args.nfe, data: args.data.as_deref(), count: args.samples, seed: args.seed };
    if let Some(out) = &args.out {
        atomic::probe(out)?;
    }
    let tuned = recommend::tune(model, &settings, &TERMINAL)?;
    let named = &args.source.named;
    save(args.out.as_deref(), &tuned.plan, model, named.model.as_deref().or(named.onnx.as_deref()))?;
    match args.json {
        true => print(&format!("{}\n", of_tuned(&tuned))),
        false => print(&format!("{}\n{tuned}", model.name())),
    }
}

/// Writes the plan and prints the command that runs it on the model of the file `path`.
fn save(out: Option<&Path>, plan: &Plan, model: &Model, path: Option<&Path>) -> Result<()> {
    let Some(out) = out else { return Ok(()) };
    let json = plan.to_json();
    atomic::write(out, |out| out.write_all(json.as_bytes()))?;
    let path = path.map_or_else(|| "MODEL".to_owned(), shown);
    let (model, kind) = match model {
        Model::Network(_) => (path, "txt"),
        Model::Exact(density) => (format!("--exact {}", quoted(&density.name())), "txt"),
        Model::Onnx(network, _) => {
            let mask = network.ids().mask().map_or_else(String::new, |mask| format!(" --mask-id {mask}"));
            let space = plan.space();
            (format!("--onnx {path} --noise {}{mask} --shape {}", space.noise().name(), space.length()), "npy")
        }
    };
    let file = quoted(&out.display().to_string());
    say(&format!("run it: langevin sample {model} --plan {file} -n 64 --out samples.{kind}"));
    Ok(())
}

fn figure(figure: Option<Figure>) -> serde_json::Value {
    figure.map_or(serde_json::Value::Null, |figure| {
        serde_json::json!({
            "nats": figure.nats,
            "standard_error": (!figure.is_exact()).then_some(figure.standard_error),
            "exact": figure.is_exact(),
        })
    })
}

fn document(model: &Model, ranking: &Ranking, tuned: Option<&Tuned>) -> serde_json::Value {
    let candidates: Vec<_> = ranking
        .candidates()
        .iter()
        .map(|one| {
            serde_json::json!({
                "name": one.name,
                "request": one.request.to_string(),
                "nfe": one.plan.nfe(),
                "sizes": one.sizes,
                "excess": figure(one.excess),
                "excess_is_bound": one.is_bound,
                "sampler": one.request.to_sampler(),
                "pair_kl": figure(one.pairs),
                "reason": one.reason,
            })
        })
        .collect();
    serde_json::json!({
        "model": model.name(), "kind": "tokens", "nfe": ranking.nfe(), "best": ranking.best().name,
        "candidates": candidates, "tuned": tuned.map(of_tuned),
    })
}

fn of_tuned(tuned: &Tuned) -> serde_json::Value {
    serde_json::json!({
        "kind": "tokens", "request": tuned.request.to_string(), "sampler": tuned.request.to_sampler(), "changed": tuned.changed,
        "before": figure(Some(tuned.before)), "after": figure(Some(tuned.after)),
        "interval": tuned.interval, "rows": tuned.rows, "trials": tuned.trials[0],
    })
}
