//! `langevin report`: a page about a training run.

use super::preview::preview;
use super::tokens;
use crate::cli::{ReportArgs, config};
use crate::error::{Failure, Result};
use crate::interrupt;
use crate::io::{atomic, say};
use crate::progress::{duration, thousands};
use crate::rundir::MODEL;
use crate::terminal::TERMINAL;
use crate::watch::bound_in_short;
use crate::words::shown;
use langevin_report::run::{Run, Shown};
use langevin_tasks::content::{self, Content};
use langevin_tasks::data::Reading;
use langevin_tasks::evaluate::Settings;
use langevin_tasks::source::{self, Source};
use langevin_train::Network;
use std::path::{Path, PathBuf};

/// Number of pictures from during the training that the page shows.
const SHOWN: usize = 4;

/// Runs the command.
pub fn run(args: &ReportArgs) -> Result<()> {
    interrupt::listen()?;
    let directory = &args.run;
    content::check("RUN", directory, Content::Run, &TERMINAL)?;
    let model = directory.join(MODEL);
    if !model.exists() {
        return Err(Failure::missing("RUN", &model));
    }
    let out = args.out.clone().unwrap_or_else(|| directory.join("report.html"));
    atomic::probe(&out)?;
    let mut network = source::network("RUN", &model, &TERMINAL)?;
    let text = std::fs::read_to_string(directory.join(config::NAME)).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let mut data = describe(&network, directory, &text);
    let seen = log(directory);
    (data.losses, data.held_out) = (seen.losses, seen.held_out);
    if let Some(bound) = seen.bound {
        let (unit, note) = match network.vocabulary() {
            // The loss of tokens is the bound itself, of all held-out rows.
            Some(_) => ("bits/token", "an upper bound".to_owned()),
            None => ("bits/dim", bound_in_short()),
        };
        data.facts.push(("Held out".to_owned(), format!("≤ {bound:.3} {unit}"), note));
    }
    if data.losses.is_empty() {
        data.losses = network.metadata().training.losses.iter().map(|(step, loss)| (*step as f64, *loss)).collect();
    }
    let name = table.get("data").and_then(toml::Value::as_str);
    let held = network.metadata().data.held_out.is_some();
    let earlier = earlier(directory);
    let earlier: Vec<&Path> =
        earlier.iter().step_by(earlier.len().div_ceil(SHOWN).max(1)).map(|path| &**path).collect();
    if network.vocabulary().is_some() {
        tokens::report::add(args, &mut data, network, &earlier, name)?;
        return write(&out, &data);
    }
    data.shown = pictures(&mut network, directory, &earlier, args.seed)?;
    if let Some(name) = name.filter(|_| held && !args.quick) {
        let classes = (0..network.classes().len()).map(|class| class.to_string()).collect();
        let mut condition = args.condition.condition();
        if condition.class.is_empty() {
            condition.class = classes;
        }
        let mut source = Source::Network(Box::new(network));
        condition.ask(&mut source)?;
        let settings = Settings {
            data: name,
            train: None,
            reading: &Reading::default(),
            count: None,
            seed: args.seed,
            threads: None,
            request: &args.sampler.request()?,
            condition: &condition,
            given: None,
        };
        match settings.run(&source, &TERMINAL) {
            Ok(evaluation) => {
                data.measures = evaluation
                    .rows()
                    .into_iter()
                    .map(|(name, found, real, _)| (name.to_owned(), found, real))
                    .collect();
                data.measured = format!(
                    "{} samples by {} in {} evaluations, against as many rows that were not trained on; beside them as many training rows.",
                    evaluation.count,
                    evaluation.plan.as_deref().unwrap_or_default(),
                    evaluation.evaluations
                );
            }
            // The data may have been moved; the page shows everything else.
            Err(failure) => say(&format!("note: nothing was measured: {}", failure.text())),
        }
    }
    write(&out, &data)
}

fn write(out: &Path, page: &Run) -> Result<()> {
    interrupt::check()?;
    atomic::save(out, page.html().as_bytes())?;
    say(&format!("open {}", shown(out)));
    Ok(())
}

/// Returns the files of samples from during the training, oldest first.
fn earlier(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory.join("samples")).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn describe(network: &Network, directory: &Path, config: &str) -> Run {
    let metadata = network.metadata();
    let training = &metadata.training;
    let fact = |term: &str, value: String, note: &str| (term.to_owned(), value, note.to_owned());
    let kind = match &metadata.network {
        langevin_train::NetworkSpec::Mlp(_) => "weights of a perceptron",
        langevin_train::NetworkSpec::Dit(_) | langevin_train::NetworkSpec::Sequence(_) => "weights of a transformer",
        langevin_train::NetworkSpec::Graph(_) => "weights of an equivariant transformer",
        _ => "weights",
    };
    let (process, prediction) = (&network.formulation().process, network.formulation().prediction);
    let (rows, name) = (thousands(metadata.data.rows as u64), &metadata.data.name);
    let tokens = metadata.data.tokens.as_ref();
    let shape = metadata.data.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
    let shape = match tokens.map(|tokens| (tokens, tokens.vocabulary.graph_shape())) {
        None => fact("Samples", shape, "numbers each"),
        Some((_, Some(graphs))) => fact("Samples", format!("≤ {}", graphs.nodes()), "nodes each"),
        Some((tokens, None)) if tokens.vocabulary.table().is_some() => fact("Samples", shape, "columns"),
        Some((tokens, None)) => fact("Samples", shape, &format!("tokens of {} letters", tokens.vocabulary.len())),
    };
    let unit = match tokens.map(|tokens| &tokens.vocabulary) {
        None => training.weight.name(),
        Some(vocabulary) if vocabulary.numbers() > 0 => "a column: squared errors, and nats",
        Some(vocabulary) if vocabulary.table().is_some() => "nats a column",
        Some(_) => "nats a token",
    };
    Run {
        title: match tokens {
            None => format!("{rows} rows of {name}, as the {} of {}.", prediction.name(), process.name()),
            Some(tokens) if tokens.vocabulary.graph_shape().is_some() => {
                format!("{rows} graphs of {name}, by {} diffusion.", tokens.space.noise().name())
            }
            Some(tokens) if tokens.vocabulary.table().is_some() => {
                format!("{rows} rows of {name}, by {} diffusion.", tokens.space.noise().name())
            }
            Some(tokens) => format!("{rows} sequences of {name}, by {} diffusion.", tokens.space.noise().name()),
        },
        facts: vec![
            fact("Network", thousands(training.parameters as u64), kind),
            fact(
                "Training",
                duration(training.seconds),
                &format!("{} steps of {} rows", thousands(training.steps), training.batch),
            ),
            shape,
            fact("Loss", format!("{:.4}", training.final_loss), unit),
        ],
        steps: training.steps,
        config: config.to_owned(),
        command: format!("langevin train --config {}", directory.join(config::NAME).display()),
        ..Run::default()
    }
}

/// The content of the log.
#[derive(Default)]
struct Seen {
    /// Pairs (step, loss) of the training rows, and of the held-out rows.
    losses: Vec<(f64, f64)>,
    held_out: Vec<(f64, f64)>,
    /// Last bound of the held-out rows.
    bound: Option<f64>,
}

fn log(directory: &Path) -> Seen {
    let text = std::fs::read_to_string(directory.join("log.ndjson")).unwrap_or_default();
    let mut seen = Seen::default();
    for line in text.lines() {
        // An incomplete line is skipped.
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let Some(step) = line["step"].as_f64() else { continue };
        seen.losses.extend(line["loss"].as_f64().map(|loss| (step, loss)));
        seen.held_out.extend(line["held_out"].as_f64().map(|loss| (step, loss)));
        seen.bound = line["bound"].as_f64().or(seen.bound);
    }
    seen
}

/// Returns pictures of samples of the model, and some from during the training.
fn pictures(network: &mut Network, directory: &Path, earlier: &[&Path], seed: u64) -> Result<Vec<(String, Shown)>> {
    let mut shown = Vec::new();
    let read = |path: &Path| std::fs::read(path).ok().map(Shown::Picture);
    // The picture is written to a temporary file beside the page and then embedded.
    let path = directory.join("samples-now.png");
    preview(network, seed, &path)?;
    shown.extend(read(&path).map(|png| ("Samples".to_owned(), png)));
    let _ = std::fs::remove_file(&path);
    for path in earlier {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let step = stem.trim_start_matches("step-").trim_start_matches('0');
        shown.extend(read(path).map(|png| (format!("After step {step}"), png)));
    }
    Ok(shown)
}
