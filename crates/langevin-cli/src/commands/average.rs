//! `langevin average`: a model with a different average of the weights, after the training.

use crate::cli::AverageArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, print, say};
use crate::rundir::{MODEL, averages};
use crate::terminal::TERMINAL;
use crate::words::{plural, shown};
use langevin_tasks::content::{self, Content};
use langevin_tasks::source;
use langevin_tasks::train::{Averaged, average};

/// Runs the command.
pub fn run(args: &AverageArgs) -> Result<()> {
    content::check("RUN", &args.run, Content::Run, &TERMINAL)?;
    let model = args.run.join(MODEL);
    if !model.exists() {
        return Err(Failure::missing("RUN", &model));
    }
    let files = averages(&args.run);
    if files.is_empty() {
        return Err(Failure::failed("the run kept no averages")
            .in_file(&args.run)
            .expected("a run trained with --averages-every")
            .hint("train with --averages-every N, about thirty times in a run"));
    }
    atomic::probe(&args.out)?;
    let network = source::network("RUN", &model, &TERMINAL)?;
    let Averaged { network: made, off, .. } = average(&network, &files, args.length)?;
    atomic::save(&args.out, &made.to_bytes().or_failed()?)?;
    say(&format!(
        "an average of length {} from {}, its profile off by {:.2} %: {}",
        args.length,
        plural(files.len() as u64, "file"),
        100.0 * off,
        shown(&args.out)
    ));
    if !args.json {
        return Ok(());
    }
    let steps = made.metadata().training.steps;
    let object = serde_json::json!({ "model": args.out.display().to_string(), "length": args.length, "off": off, "files": files.len(), "steps": steps });
    print(&format!("{object}\n"))
}
