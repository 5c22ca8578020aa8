//! `langevin evaluate`: how near samples are to data that the model has not seen, and whether they are new.

use super::sample::{Draws, samples};
use crate::cli::EvaluateArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::interrupt;
use crate::io::{print, say};
use crate::progress::duration;
use crate::rows::{self, Wanted};
use crate::source::Source;
use crate::words::plural;
use langevin::metrics::{
    energy_distance, nearest_distances, quantile, sliced_wasserstein, two_sample_accuracy, wasserstein,
};
use langevin_train::Dataset;
use std::fmt::Write as _;
use std::time::Instant;

/// Neighbours that judge a row.
const NEIGHBOURS: usize = 5;
/// Directions of the sliced distance.
const DIRECTIONS: usize = 512;
/// Of real data, so many are nearer to the training data than a copy may be.
const COPIES: f64 = 0.01;

/// What was measured of one sample against the held-out data.
struct Measured {
    wasserstein: f64,
    sliced: f64,
    energy: f64,
    accuracy: f64,
    copies: f64,
}

/// Runs the command.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    interrupt::listen()?;
    let mut source = Source::open(&args.source)?;
    let classes = args.condition.ask(&mut source)?;
    let load = |held_out| rows::load(&Wanted { data: &args.data, held_out, count: None, seed: args.seed }, &source);
    let held = load(true)?;
    let trained = rows::trained(&args.data, &source)?;
    let wide =
        |set: &Dataset| -> Result<Vec<f64>> { Ok(set.values().or_failed()?.into_iter().map(f64::from).collect()) };
    let count = args.count.unwrap_or(held.rows()).min(held.rows()).min(trained.rows());
    if count < NEIGHBOURS {
        return Err(Failure::failed("too few rows to compare")
            .expected(plural(NEIGHBOURS as u64, "row"))
            .got(count.to_string()));
    }
    let width = source.width();
    let (held, trained) = (wide(&held)?[..count * width].to_vec(), wide(&trained)?);
    let start = Instant::now();
    let draws = Draws { count, seed: args.seed, batch: None, threads: args.threads };
    let (drawn, plan, evaluations) = samples(&source, &args.sampler, &args.condition, draws)?;
    interrupt::check()?;
    let near = |rows: &[f64]| nearest_distances(rows, &trained, width, false).or_failed();
    let threshold = quantile(&near(&held)?, COPIES).or_failed()?;
    let measure = |rows: &[f64]| -> Result<Measured> {
        Ok(Measured {
            wasserstein: wasserstein(rows, &held, width).or_failed()?,
            sliced: sliced_wasserstein(rows, &held, width, DIRECTIONS, args.seed).or_failed()?,
            energy: energy_distance(rows, &held, width).or_failed()?,
            accuracy: two_sample_accuracy(rows, &held, width, NEIGHBOURS).or_failed()?,
            copies: near(rows)?.iter().filter(|distance| **distance < threshold).count() as f64 / count as f64,
        })
    };
    let found = measure(&drawn)?;
    // The floor: as many training rows in the place of samples. They copy themselves, so of them no copies are counted.
    let floor = measure(&trained[..count * width])?;
    say(&format!(
        "{} of {} by {plan}, {}, against as many rows not trained on, in {}",
        plural(count as u64, "sample"),
        source.name(),
        plural(evaluations as u64, "evaluation"),
        duration(start.elapsed().as_secs_f64())
    ));
    if args.json {
        let object = serde_json::json!({
            "model": source.name(), "plan": plan, "nfe": evaluations, "rows": count, "seed": args.seed, "classes": classes,
            "two_sample_accuracy": found.accuracy, "copies": found.copies, "wasserstein": found.wasserstein,
            "sliced_wasserstein": found.sliced, "energy_distance": found.energy,
            "floor": {
                "two_sample_accuracy": floor.accuracy, "wasserstein": floor.wasserstein,
                "sliced_wasserstein": floor.sliced, "energy_distance": floor.energy,
            },
        });
        return print(&format!("{object}\n"));
    }
    let mut text = format!("{:34}  {:>8}  {:>8}\n", "", "samples", "real");
    let mut row = |name: &str, found: f64, floor: Option<f64>| {
        let floor = floor.map_or_else(|| "–".to_owned(), |floor| format!("{floor:.4}"));
        let _ = writeln!(text, "{name:34}  {found:>8.4}  {floor:>8}");
    };
    row("told apart by 5 neighbours (½: not)", found.accuracy, Some(floor.accuracy));
    row("copies of training rows (real .01)", found.copies, None);
    row("Wasserstein distance", found.wasserstein, Some(floor.wasserstein));
    row("sliced Wasserstein distance", found.sliced, Some(floor.sliced));
    row("energy distance", found.energy, Some(floor.energy));
    print(&text)
}
