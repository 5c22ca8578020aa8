//! The page of a training run on tokens.

use super::super::preview::texts;
use super::evaluate::OF_GRAPHS;
use super::sample::request;
use super::tables::{Compared, compared};
use crate::cli::ReportArgs;
use crate::error::Result;
use crate::io::say;
use crate::terminal::TERMINAL;
use crate::words::plural;
use langevin_data::{Dataset, Graph};
use langevin_report::graphs::Drawing;
use langevin_report::run::{Run, Shown};
use langevin_tasks::tables;
use langevin_tasks::tokens::{Model, evaluate, graphs, rows, sample};
use langevin_train::Network;
use std::path::Path;

/// Number of sequences or graphs of the data that the page shows.
const SHOWN: usize = 24;

/// Adds samples, data and measures to the page. `data` is the name of the data in the
/// configuration.
pub fn add(
    args: &ReportArgs,
    page: &mut Run,
    mut network: Network,
    earlier: &[&Path],
    data: Option<&str>,
) -> Result<()> {
    let samples = texts(&mut network, args.seed)?;
    let (of_graphs, drawn) = (samples.of_graphs, samples.drawn);
    let heading = |text: &str, valid: usize| match of_graphs && valid < drawn {
        true => format!("{text}: {valid} of {drawn} are graphs"),
        false => text.to_owned(),
    };
    page.shown.push((heading("Samples", samples.all.len()), shown(samples.all, of_graphs)));
    let held = network.metadata().data.held_out;
    let model = Model::Network(Box::new(network));
    match data.map(|name| rows::open(&model, name, &TERMINAL)) {
        Some(Ok(set)) => {
            let (set, title) = match held {
                Some(held) => (set.split(held.share, held.seed).1, "Held-out data"),
                None => (set, "Data"),
            };
            page.shown.push((title.to_owned(), shown(first(&model, &set)?, of_graphs)));
        }
        // The data may have been moved; the page shows everything else.
        Some(Err(failure)) => say(&format!("note: the data are not shown: {}", failure.text())),
        None => {}
    }
    for path in earlier {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let step = stem.trim_start_matches("step-").trim_start_matches('0');
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let all: Vec<String> = text.lines().map(|line| line.replace('⏎', "\n")).collect();
        page.shown.push((heading(&format!("After step {step}"), all.len()), shown(all, of_graphs)));
    }
    match data.filter(|_| held.is_some() && !args.quick) {
        Some(name) => measure(args, page, &model, name),
        None => Ok(()),
    }
}

/// Returns the texts of the first rows.
fn first(model: &Model, set: &Dataset) -> Result<Vec<String>> {
    let table = set.vocabulary().and_then(|vocabulary| vocabulary.table());
    let rows = (0..set.rows().min(SHOWN)).map(|row| match table {
        Some(schema) => Ok(tables::line(schema, &set.row_wide(row)?)),
        None => Ok(model.text(&set.tokens(row)?)),
    });
    rows.collect::<langevin_data::Result<_>>().map_err(|error| langevin_tasks::data::failure(&error, &TERMINAL))
}

fn shown(texts: Vec<String>, of_graphs: bool) -> Shown {
    if !of_graphs {
        return Shown::Lines(texts);
    }
    let graphs = texts.iter().filter_map(|text| text.parse::<Graph>().ok());
    Shown::Graphs(graphs.map(|graph| Drawing::new(graph.nodes().to_vec(), graph.edges().to_vec())).collect())
}

fn measure(args: &ReportArgs, page: &mut Run, model: &Model, data: &str) -> Result<()> {
    if model.vocabulary().is_some_and(|vocabulary| vocabulary.table().is_some()) {
        return measure_table(args, page, model, data);
    }
    let prepared = sample::prepare(model, sample::Chosen::Request(request(&args.sampler, None)?))?;
    let settings = evaluate::Settings { data, count: None, seed: args.seed };
    match evaluate::run(model, &prepared, settings, &TERMINAL) {
        Ok(found) => {
            let rows = found.measures.iter().map(|one| (one.name.to_owned(), one.samples, one.real));
            page.measures = rows.collect();
            page.measured = format!(
                "{} by {} in {}, against {}.",
                plural(found.count as u64, "sample"),
                found.plan,
                plural(found.nfe as u64, "evaluation"),
                found.against
            );
            if graphs::shape(model).is_some() {
                page.measured.push_str(&format!(" {}.", OF_GRAPHS));
            }
        }
        Err(failure) => say(&format!("note: nothing was measured: {}", failure.text())),
    }
    Ok(())
}

/// Adds the measures of a table, beside those of training rows.
fn measure_table(args: &ReportArgs, page: &mut Run, model: &Model, data: &str) -> Result<()> {
    let settings = evaluate::Settings { data, count: None, seed: args.seed };
    match compared(model, &args.sampler, None, settings) {
        Ok(Compared { found, name, nfe }) => {
            page.measures =
                found.measures.iter().map(|one| (one.name.to_owned(), one.samples, Some(one.real))).collect();
            page.measured = format!(
                "{} by {name} in {}, against {}.",
                plural(found.count as u64, "sample"),
                plural(nfe as u64, "evaluation"),
                found.against
            );
        }
        Err(failure) => say(&format!("note: nothing was measured: {}", failure.text())),
    }
    Ok(())
}
