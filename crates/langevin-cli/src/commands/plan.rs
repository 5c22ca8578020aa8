//! `langevin plan`: a sampler as a table of numbers.

use crate::cli::PlanArgs;
use crate::error::{Blame as _, Result};
use crate::io::{print, say};
use crate::schedule;
use crate::words::either_case;
use langevin::{Formulation, Prediction, Process};

/// Runs the command.
pub fn run(args: &PlanArgs) -> Result<()> {
    let process = either_case(&args.process, Process::parse).or_misused()?;
    let prediction =
        args.predict.as_deref().map(|name| either_case(name, Prediction::parse)).transpose().or_misused()?;
    let network = prediction.map(|prediction| Formulation::new(process.clone(), prediction));
    let plan = args.sampler.compile(&process, network.as_ref(), args.sampler.range(None)?)?;
    print(&match (args.json, args.csv) {
        (true, _) => plan.to_json(),
        (_, true) => plan.to_csv(),
        _ => plan.to_string(),
    })?;
    schedule::say_if_noisy(&plan);
    let lint = plan.lint().or_failed()?.to_string();
    for line in lint.lines() {
        say(&format!("lint: {line}"));
    }
    Ok(())
}
