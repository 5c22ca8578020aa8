//! `langevin report`: a page about a training run.

use super::preview::preview;
use crate::cli::{ReportArgs, config};
use crate::error::{Failure, Result};
use crate::interrupt;
use crate::io::{atomic, say};
use crate::progress::{duration, thousands};
use crate::rundir::MODEL;
use crate::terminal::TERMINAL;
use crate::watch::bound_in_short;
use crate::words::shown;
use langevin_report::run::Run;
use langevin_tasks::content::{self, Content};
use langevin_tasks::data::Reading;
use langevin_tasks::evaluate::Settings;
use langevin_tasks::source::{self, Source};
use langevin_train::Network;
use std::path::Path;

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
        let unit = if network.vocabulary().is_some() { "bits/token" } else { "bits/dim" };
        let value = format!("≤ {bound:.3} {unit}");
        data.facts.push(("Held out".to_owned(), value, bound_in_short()));
    }
    if data.losses.is_empty() {
        data.losses = network.metadata().training.losses.iter().map(|(step, loss)| (*step as f64, *loss)).collect();
    }
    data.pictures = pictures(&mut network, directory, args.seed)?;
    let held = network.metadata().data.held_out.is_some();
    if let Some(name) = table.get("data").and_then(toml::Value::as_str).filter(|_| held && !args.quick) {
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
    interrupt::check()?;
    atomic::save(&out, data.html().as_bytes())?;
    say(&format!("open {}", shown(&out)));
    Ok(())
}

fn describe(network: &Network, directory: &Path, config: &str) -> Run {
    let metadata = network.metadata();
    let training = &metadata.training;
    let fact = |term: &str, value: String, note: &str| (term.to_owned(), value, note.to_owned());
    let kind = match &metadata.network {
        langevin_train::NetworkSpec::Mlp(_) => "weights of a perceptron",
        langevin_train::NetworkSpec::Dit(_) | langevin_train::NetworkSpec::Sequence(_) => "weights of a transformer",
        _ => "weights",
    };
    let (process, prediction) = (&network.formulation().process, network.formulation().prediction);
    Run {
        title: format!(
            "{} rows of {}, as the {} of {}.",
            thousands(metadata.data.rows as u64),
            metadata.data.name,
            prediction.name(),
            process.name()
        ),
        facts: vec![
            fact("Network", thousands(training.parameters as u64), kind),
            fact(
                "Training",
                duration(training.seconds),
                &format!("{} steps of {} rows", thousands(training.steps), training.batch),
            ),
            fact(
                "Samples",
                metadata.data.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × "),
                "numbers each",
            ),
            fact("Loss", format!("{:.4}", training.final_loss), training.weight.name()),
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
fn pictures(network: &mut Network, directory: &Path, seed: u64) -> Result<Vec<(String, Vec<u8>)>> {
    let mut shown = Vec::new();
    let read = |path: &Path| std::fs::read(path).ok();
    // The picture is written to a temporary file beside the page and then embedded.
    let path = directory.join("samples-now.png");
    preview(network, seed, &path)?;
    shown.extend(read(&path).map(|png| ("Samples".to_owned(), png)));
    let _ = std::fs::remove_file(&path);
    let entries = std::fs::read_dir(directory.join("samples")).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let every = paths.len().div_ceil(SHOWN).max(1);
    for path in paths.iter().step_by(every) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let step = stem.trim_start_matches("step-").trim_start_matches('0');
        shown.extend(read(path).map(|png| (format!("After step {step}"), png)));
    }
    Ok(shown)
}
