//! `langevin info` on a model of tokens.

use crate::error::{Blame as _, Result};
use crate::progress::duration;
use crate::words::{plural, visible};
use langevin_tasks::tokens::Model;
use langevin_train::{Network, NetworkSpec};
use std::fmt::Write as _;

/// Returns the description of a model.
pub fn text(model: &Model, json: bool) -> Result<String> {
    match (model, json) {
        (Model::Network(network), true) => Ok(serde_json::to_string_pretty(network.metadata()).or_failed()? + "\n"),
        (Model::Network(network), false) => Ok(summary(network)),
        (Model::Exact(density), true) => {
            let space = model.space()?;
            Ok(format!("{}\n", serde_json::json!({ "exact": density.name(), "space": space })))
        }
        (Model::Exact(density), false) => {
            let entropy = density.entropy().map_or_else(String::new, |nats| format!(", entropy {nats:.4} nats"));
            Ok(format!("{}: a density known exactly, {}{entropy}\n", density.name(), model.space()?))
        }
    }
}

fn summary(network: &Network) -> String {
    let metadata = network.metadata();
    let (data, training) = (&metadata.data, &metadata.training);
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<12} {}", visible(&value));
    };
    if let Some(tokens) = &data.tokens {
        let vocabulary = &tokens.vocabulary;
        if let Some(schema) = vocabulary.table() {
            line("table", schema.summary());
            for column in schema.columns() {
                let values = match (column.categories(), column.scores()) {
                    (Some(all), _) if all.len() <= 12 => all.join(", "),
                    (Some(all), _) => format!("{} categories", all.len()),
                    (_, Some(scores)) => {
                        let [low, high] = scores.range();
                        format!("{} to {}", scores.text(low), scores.text(high))
                    }
                    (None, None) => String::new(),
                };
                line("  column", format!("{}: {values}", column.name));
            }
        } else {
            line("tokens", tokens.space.to_string());
        }
        let letters: Vec<&str> = vocabulary.letters().iter().map(String::as_str).filter(|l| !l.is_empty()).collect();
        let shown = if letters.len() > 40 { "…".to_owned() } else { letters.concat() };
        let padded = if vocabulary.padding().is_some() { ", padded" } else { "" };
        if vocabulary.table().is_none() {
            line("letters", format!("{} ({}{padded}): {shown}", vocabulary.len(), vocabulary.kind().name()));
        }
    }
    if let NetworkSpec::Table(config) = &metadata.network {
        line(
            "network",
            format!(
                "transformer for {} columns, width {}, depth {}, {} heads, {}",
                config.numbers + config.categories.len(),
                config.width,
                config.depth,
                config.heads,
                plural(network.parameters() as u64, "weight")
            ),
        );
    }
    if let NetworkSpec::Sequence(config) = &metadata.network {
        let order = if config.causal { "left to right" } else { "both directions" };
        let level = if config.fourier > 0 { "sees the noise level" } else { "does not see the noise level" };
        line(
            "network",
            format!(
                "transformer of width {}, depth {}, {} heads, {order}, {level}, {}",
                config.width,
                config.depth,
                config.heads,
                plural(network.parameters() as u64, "weight")
            ),
        );
    }
    if let NetworkSpec::Graph(config) = &metadata.network {
        line(
            "network",
            format!(
                "equivariant transformer for graphs of {} nodes, width {}, depth {}, {} heads, {}",
                config.nodes,
                config.width,
                config.depth,
                config.heads,
                plural(network.parameters() as u64, "weight")
            ),
        );
    }
    let (row, part) = match (&metadata.network, data.tokens.as_ref().and_then(|tokens| tokens.vocabulary.table())) {
        (_, Some(_)) => ("row", "column"),
        (NetworkSpec::Graph(_), None) => ("graph", "token"),
        _ => ("sequence", "token"),
    };
    let held = data.held_out.map(|held| format!(", {} % of all held out", (held.share * 1000.0).round() / 10.0));
    line("data", format!("{}, {}{}", data.name, plural(data.rows as u64, row), held.unwrap_or_default()));
    if !data.classes.is_empty() {
        line("classes", data.classes.join(", "));
    }
    line(
        "training",
        format!(
            "{} of {} in {}, seed {}",
            plural(training.steps, "step"),
            plural(training.batch as u64, row),
            duration(training.seconds),
            training.seed
        ),
    );
    line("optimiser", format!("learning rate {}, average {}", training.learning_rate, training.ema));
    line("loss", format!("{:.5} nats a {part}", training.final_loss));
    text
}
