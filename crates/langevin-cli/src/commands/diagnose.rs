//! `langevin diagnose`: the contributions to the error of a model's samples.

use crate::cli::DiagnoseArgs;
use crate::error::Result;
use crate::interrupt;
use crate::io::print;
use crate::progress::duration;
use crate::terminal::TERMINAL;
use crate::words::{LOWER_IS_BETTER, plural, visible};
use langevin_tasks::diagnose::{self, Chosen, Settings};
use langevin_tasks::rows::Wanted;
use std::time::Instant;

/// Runs the command.
pub fn run(args: &DiagnoseArgs) -> Result<()> {
    interrupt::listen()?;
    let source = args.source.open_on(&args.device)?;
    let given = args.given.open(&args.sampler.config_request())?;
    let request = args.sampler.request()?;
    let chosen = given.as_ref().map_or(Chosen::Request(&request), Chosen::Given);
    let reading = args.file.reading();
    let wanted = Wanted { data: &args.data, reading: &reading, held_out: args.held_out, count: None, seed: args.seed };
    let settings = Settings { samples: args.count, rows: args.rows, seed: args.seed, threads: args.threads };
    let prepared = diagnose::prepare(&source, args.read_as.as_deref(), chosen, &wanted, settings, &TERMINAL)?;
    let start = Instant::now();
    let found = prepared.run(&TERMINAL)?;
    let seconds = start.elapsed().as_secs_f64();
    if args.json {
        return print(&format!("{}\n", prepared.document(&found, seconds)));
    }
    let subject = format!(
        "{} as {}, {}, {}; {} beside {} of {}, in {}\ndistances are in {}, nats are of one row; {LOWER_IS_BETTER} for both\n",
        source.name(),
        prepared.reader().path(),
        found.name,
        plural(found.nfe as u64, "evaluation"),
        plural(found.samples as u64, "sample"),
        plural(found.rows as u64, "row"),
        prepared.set().name(),
        duration(seconds),
        prepared.units(),
    );
    print(&format!("{}\n{found}", subject.lines().map(|line| visible(line) + "\n").collect::<String>()))
}
