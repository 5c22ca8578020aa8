//! `langevin explain`: description of a sampler.

use super::tokens;
use crate::cli::ExplainArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::io::{print, say};
use crate::schedule;
use crate::words::either_case;
use langevin::sampler::Entry;
use langevin::{Process, Request};

/// Number of steps in the table.
const STEPS: usize = 5;

/// Runs the command.
pub fn run(args: &ExplainArgs) -> Result<()> {
    let Some(name) = &args.name else {
        print(&list())?;
        say("samplers of tokens: langevin explain tokens");
        return Ok(());
    };
    if name == tokens::plans::PREFIX.trim_end_matches(':') {
        return print(&tokens::plans::list());
    }
    let of_tokens = name.starts_with(tokens::plans::PREFIX) || (is_unknown(name) && !args.cite);
    if of_tokens && let Some(text) = tokens::plans::explain(name)? {
        return print(&text);
    }
    let request = schedule::named(Request::new(), name).steps(STEPS);
    let chosen = request.chosen_sampler().or_misused().map_err(|failure| nearest_of_both(name, failure))?;
    let entry = Entry::find(chosen.name()).or_misused()?;
    if args.cite {
        return print(&format!("{}\n", entry.bibtex()));
    }
    let process = either_case(&args.process, Process::parse).or_misused()?;
    let plan = request.process(process).plan().or_misused()?;
    print(&format!("{entry}\n{plan}"))
}

/// Adds the nearest name among all samplers to the error of an unknown one.
fn nearest_of_both(name: &str, failure: Failure) -> Failure {
    if !is_unknown(name) {
        return failure;
    }
    let own = name.split(':').next().unwrap_or(name).to_lowercase();
    let of_tokens: Vec<&str> = langevin_discrete::sampler::Entry::all()
        .iter()
        .flat_map(|entry| std::iter::once(&entry.name).chain(entry.aliases))
        .copied()
        .collect();
    let of_numbers: Vec<&str> = Entry::all().iter().map(|entry| entry.name).collect();
    let all = [&of_numbers[..], &of_tokens].concat();
    match langevin::error::nearest(&own, &all) {
        // The error already names the nearest sampler of numbers.
        Some(near) if !of_numbers.contains(&near) => {
            failure.hint(format!("did you mean '{near}', a sampler of tokens?"))
        }
        _ => failure,
    }
}

/// Returns true if no sampler of numbers has this name.
fn is_unknown(name: &str) -> bool {
    Entry::find(name.split(':').next().unwrap_or(name)).is_err()
}

/// Returns a list of all samplers, one per line.
fn list() -> String {
    let width = Entry::all().iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    Entry::all().iter().map(|entry| format!("{:<width$}  {}\n", entry.name, entry.summary)).collect()
}
