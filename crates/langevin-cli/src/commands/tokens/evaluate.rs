//! `langevin evaluate` on a model of tokens.

use super::sample::request;
use crate::cli::EvaluateArgs;
use crate::error::Result;
use crate::io::{print, say};
use crate::terminal::TERMINAL;
use crate::words::plural;
use langevin_tasks::tokens::evaluate::{self, Settings};
use langevin_tasks::tokens::{Model, graphs, sample};

/// Says what the figures of graphs are.
pub const OF_GRAPHS: &str = "MMD² is the distance to the held-out graphs, each pair of graphs compared; in the column 'real' of MMD² are as many training graphs as samples, and of the other measures the held-out graphs";

/// Runs the command.
pub fn run(args: &EvaluateArgs, model: &Model) -> Result<()> {
    if model.vocabulary().is_some_and(|vocabulary| vocabulary.table().is_some()) {
        return super::tables::evaluate(args, model);
    }
    args.flags.only(
        "the model is of tokens",
        &["data", "count", "sampler", "steps", "eta", "grid", "plan", "guidance", "uncond-input"],
    )?;
    let chosen = match &args.given.plan {
        Some(path) => sample::Chosen::Plan(super::plans::given(path)?),
        None => sample::Chosen::Request(request(&args.sampler, args.condition.guidance)?),
    };
    let prepared = sample::prepare(model, chosen)?;
    let settings = Settings { data: &args.data, count: args.count, seed: args.seed };
    let found = evaluate::run(model, &prepared, settings, &TERMINAL)?;
    say(&format!(
        "{} of {} by {}, {}, against {}",
        plural(found.count as u64, "sample"),
        model.name(),
        found.plan,
        plural(found.nfe as u64, "evaluation"),
        found.against
    ));
    if graphs::shape(model).is_some() {
        say(OF_GRAPHS);
    }
    if !args.json {
        return print(&found.to_string());
    }
    let measures: Vec<_> = found
        .measures
        .iter()
        .map(|measure| serde_json::json!({"name": measure.name, "samples": measure.samples, "real": measure.real}))
        .collect();
    let document = serde_json::json!({
        "model": model.name(), "kind": "tokens", "plan": found.plan, "nfe": found.nfe, "count": found.count,
        "seed": args.seed, "against": found.against, "measures": measures,
    });
    print(&format!("{document}\n"))
}
