//! `langevin compare`: two samplers as tables of numbers.

use crate::cli::CompareArgs;
use crate::error::{Blame as _, Result};
use crate::io::{json, print};
use crate::schedule::usual_range;
use crate::words::either_case;
use langevin::plan::compare;
use langevin::{Grid, Plan, Process, Sampler};
use std::path::Path;

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<()> {
    let (first, second) = (plan(&args.first, args)?, plan(&args.second, args)?);
    let comparison = compare(&first, &second).or_failed()?;
    print(&if args.json { format!("{}\n", comparison.to_json()) } else { comparison.to_string() })
}

/// A plan from a file, or a sampler compiled: `NAME[:options][@PROCESS]`.
fn plan(text: &str, args: &CompareArgs) -> Result<Plan> {
    let path = Path::new(text);
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        return json::plan(path);
    }
    let (sampler, process) = text.split_once('@').unwrap_or((text, &args.process));
    let sampler = either_case(sampler, |name| Sampler::parse(name, None)).or_misused()?;
    let process = either_case(process, Process::parse).or_misused()?;
    let grid = either_case(&args.grid, |grid| Grid::parse(grid, Some(args.steps))).or_misused()?;
    // One range for both, or processes of different reach would be compared on different grids.
    let [min, max] = usual_range(&process);
    let levels = grid.levels(&process, min, max).or_misused()?;
    sampler.compile(&process, None, &levels).or_misused()
}
