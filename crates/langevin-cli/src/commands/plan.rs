//! `langevin plan`: a sampler as a table of numbers.

use crate::cli::PlanArgs;
use crate::error::{Blame as _, Result};
use crate::io::print;
use langevin::{Formulation, Prediction, Process};

/// Runs the command.
pub fn run(args: &PlanArgs) -> Result<()> {
    let process = Process::parse(&args.process).or_misused()?;
    let prediction = args.predict.as_deref().map(Prediction::parse).transpose().or_misused()?;
    let network = prediction.map(|prediction| Formulation::new(process.clone(), prediction));
    let plan = args.sampler.compile(&process, network.as_ref(), args.sampler.range(None)?)?;
    print(&match (args.json, args.csv) {
        (true, _) => plan.to_json(),
        (_, true) => plan.to_csv(),
        _ => plan.to_string(),
    })?;
    let lint = plan.lint().or_failed()?.to_string();
    for line in lint.lines() {
        eprintln!("lint: {line}");
    }
    Ok(())
}
