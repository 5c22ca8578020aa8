//! `langevin explain`: what a sampler is.

use crate::cli::ExplainArgs;
use crate::error::{Blame as _, Result};
use crate::io::print;
use crate::schedule::usual_range;
use crate::words::either_case;
use langevin::sampler::Entry;
use langevin::{Grid, Process, Sampler};

/// The steps of the table.
const STEPS: usize = 5;

/// Runs the command.
pub fn run(args: &ExplainArgs) -> Result<()> {
    let Some(name) = &args.name else {
        return print(&list());
    };
    let sampler = either_case(name, |name| Sampler::parse(name, None)).or_misused()?;
    let entry = Entry::find(sampler.name()).or_misused()?;
    if args.cite {
        return print(&format!("{}\n", entry.bibtex()));
    }
    let process = either_case(&args.process, Process::parse).or_misused()?;
    let [min, max] = usual_range(&process);
    let levels = Grid::karras(STEPS).levels(&process, min, max).or_misused()?;
    let plan = sampler.compile(&process, None, &levels).or_misused()?;
    print(&format!("{entry}\n{plan}"))
}

/// Every sampler in one line.
fn list() -> String {
    let width = Entry::all().iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    Entry::all().iter().map(|entry| format!("{:<width$}  {}\n", entry.name, entry.summary)).collect()
}
