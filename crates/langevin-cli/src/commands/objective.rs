//! `langevin objective`: a training objective on one axis.

use crate::cli::ObjectiveArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, print, say};
use crate::words::{either_case, shown};
use langevin::objective::Frame;
use langevin::objective::{TimeDensity, Weight};
use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
use langevin_report::objective as page;

/// Number of noise levels of the drawing.
const DRAWN: usize = 201;

/// Runs the command.
pub fn run(args: &ObjectiveArgs) -> Result<()> {
    let process = either_case(&args.process, Process::parse).or_misused()?;
    let prediction = either_case(&args.predict, Prediction::parse).or_misused()?;
    let weight = either_case(&args.weight, Weight::parse).or_misused()?;
    let times = match &args.times {
        Some(text) => either_case(text, TimeDensity::parse).or_misused()?,
        None => TimeDensity::usual(&process),
    };
    if args.points < 2 || args.points > 10_000 {
        return Err(Failure::misused("bad number of levels")
            .at("--points")
            .expected("2 to 10000")
            .got(args.points.to_string()));
    }
    let range = LambdaRange::from_sigma_ve(args.sigma_min, args.sigma_max).or_misused()?;
    let formulation = Formulation::new(process, prediction).with_range(range);
    let objective = Objective::new(&formulation, weight, times.clone()).or_misused()?;
    let frame = objective.frame(args.points).or_misused()?;
    let title = format!("{} {}, weight {}, times {}", args.process, args.predict, args.weight, times.name());
    if let Some(path) = &args.plot {
        atomic::probe(path)?;
        let fine = objective.frame(DRAWN).or_misused()?;
        atomic::save(path, page::html(&title, &fine, frame.verdict()).as_bytes())?;
        say(&format!("drawn: {}", shown(path)));
    }
    print(&if args.json { document(args, &times, &frame) } else { format!("{title}\n\n{frame}\n") })
}

fn document(args: &ObjectiveArgs, times: &TimeDensity, frame: &Frame) -> String {
    let document = serde_json::json!({
        "process": args.process,
        "prediction": args.predict,
        "weight": args.weight,
        "times": times.name(),
        "is_bound": frame.is_bound,
        "is_likelihood": frame.is_likelihood,
        "points": frame.points,
    });
    format!("{document}\n")
}
