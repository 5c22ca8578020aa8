//! `langevin diagnose`: the contributions to the error of a model's samples.

use crate::cli::DiagnoseArgs;
use crate::error::Result;
use crate::interrupt;
use crate::io::print;
use crate::progress::duration;
use crate::terminal::TERMINAL;
use crate::words::{LOWER_IS_BETTER, plural, visible};
use langevin_analysis::diagnose::{Attribution, Diagnosis, SharesOf};
use langevin_tasks::comparison;
use langevin_tasks::diagnose::{self, Chosen, Prepared, Settings};
use langevin_tasks::rows::Wanted;
use serde_json::{Value, json};
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
        return print(&format!("{}\n", document(args, &found, &prepared, seconds)));
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

/// Returns the document described in docs/diagnose.md; infinite numbers are null.
fn document(args: &DiagnoseArgs, found: &Diagnosis, prepared: &Prepared<'_>, seconds: f64) -> Value {
    let (reader, data) = (prepared.reader(), prepared.set());
    let cause = |finding: &&Attribution| {
        json!({
            "cause": finding.cause.to_string(), "share": finding.share,
            "nats": finding.nats, "nats_from": finding.nats_from,
            "distance": finding.distance, "distance_from": finding.distance_from,
            "advice": finding.advice, "say": finding.say(),
        })
    };
    json!({
        "model": reader.source().name(), "read_as": reader.path(), "plan": found.name, "nfe": found.nfe,
        "data": data.name(), "read": comparison::document(data), "rows": found.rows, "dimension": found.dimension, "samples": found.samples, "seed": args.seed,
        "units": prepared.units(), "shares_of": if found.shares_of == SharesOf::Nats { "nats" } else { "squares" },
        "causes": found.ranking().iter().map(cause).collect::<Vec<_>>(),
        "gaussian": {"w2": found.total.w2, "kl": found.total.kl},
        "likelihoods": found.gap, "entropy": found.excess, "unseen": found.unseen, "blur": found.blur,
        "generalisation": found.generalisation, "overtrained": found.is_overtrained(), "residuals": found.residuals, "coupled": found.coupled, "sliced_w2": found.floor,
        "seconds": seconds,
    })
}
