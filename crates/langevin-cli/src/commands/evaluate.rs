//! `langevin evaluate`: how near samples are to data that the model has not seen, and whether they are new.

use super::sample::{Draws, samples};
use crate::cli::{ConditionArgs, EvaluateArgs, SamplerArgs};
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
pub struct Measured {
    pub wasserstein: f64,
    pub sliced: f64,
    pub energy: f64,
    pub accuracy: f64,
    pub copies: f64,
}

/// Samples against held-out data, and as many training rows in the place of samples.
pub struct Evaluation {
    pub found: Measured,
    /// The floor. Training rows copy themselves, so of them no copies are counted.
    pub floor: Measured,
    pub count: usize,
    pub plan: String,
    pub evaluations: usize,
}

impl Evaluation {
    /// A name, what was found, and what real data give.
    pub fn rows(&self) -> [(&'static str, f64, Option<f64>); 5] {
        let (found, floor) = (&self.found, &self.floor);
        [
            ("told apart by 5 neighbours (½: not)", found.accuracy, Some(floor.accuracy)),
            ("copies of training rows (real .01)", found.copies, None),
            ("Wasserstein distance", found.wasserstein, Some(floor.wasserstein)),
            ("sliced Wasserstein distance", found.sliced, Some(floor.sliced)),
            ("energy distance", found.energy, Some(floor.energy)),
        ]
    }
}

/// What is compared, and how.
pub struct Comparison<'a> {
    pub data: &'a str,
    pub count: Option<usize>,
    pub seed: u64,
    pub threads: Option<usize>,
    pub sampler: &'a SamplerArgs,
    pub condition: &'a ConditionArgs,
}

impl Comparison<'_> {
    /// Draws and measures.
    pub fn run(&self, source: &Source<'_>) -> Result<Evaluation> {
        let load = |held_out| rows::load(&Wanted { data: self.data, held_out, count: None, seed: self.seed }, source);
        let (held, trained) = (load(true)?, rows::trained(self.data, source)?);
        let count = self.count.unwrap_or(held.rows()).min(held.rows()).min(trained.rows());
        if count < NEIGHBOURS {
            return Err(Failure::failed("too few rows to compare")
                .expected(plural(NEIGHBOURS as u64, "row"))
                .got(count.to_string()));
        }
        let wide =
            |set: &Dataset| -> Result<Vec<f64>> { Ok(set.values().or_failed()?.into_iter().map(f64::from).collect()) };
        let width = source.width();
        let (held, trained) = (wide(&held)?[..count * width].to_vec(), wide(&trained)?);
        let draws = Draws { count, seed: self.seed, batch: None, threads: self.threads };
        let (drawn, plan, evaluations) = samples(source, self.sampler, self.condition, draws)?;
        interrupt::check()?;
        let near = |rows: &[f64]| nearest_distances(rows, &trained, width, false).or_failed();
        let threshold = quantile(&near(&held)?, COPIES).or_failed()?;
        let measure = |rows: &[f64]| -> Result<Measured> {
            Ok(Measured {
                wasserstein: wasserstein(rows, &held, width).or_failed()?,
                sliced: sliced_wasserstein(rows, &held, width, DIRECTIONS, self.seed).or_failed()?,
                energy: energy_distance(rows, &held, width).or_failed()?,
                accuracy: two_sample_accuracy(rows, &held, width, NEIGHBOURS).or_failed()?,
                copies: near(rows)?.iter().filter(|distance| **distance < threshold).count() as f64 / count as f64,
            })
        };
        Ok(Evaluation { found: measure(&drawn)?, floor: measure(&trained[..count * width])?, count, plan, evaluations })
    }
}

/// Runs the command.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    interrupt::listen()?;
    let mut source = Source::open(&args.source)?.on(&args.device)?;
    let classes = args.condition.ask(&mut source)?;
    let start = Instant::now();
    let comparison = Comparison {
        data: &args.data,
        count: args.count,
        seed: args.seed,
        threads: args.threads,
        sampler: &args.sampler,
        condition: &args.condition,
    };
    let evaluation = comparison.run(&source)?;
    let Evaluation { found, floor, count, plan, evaluations } = &evaluation;
    say(&format!(
        "{} of {} by {plan}, {}, against as many rows not trained on, in {}",
        plural(*count as u64, "sample"),
        source.name(),
        plural(*evaluations as u64, "evaluation"),
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
    let mut text = format!("{:36}  {:>8}  {:>8}\n", "", "samples", "real");
    for (name, found, floor) in evaluation.rows() {
        let floor = floor.map_or_else(|| "–".to_owned(), |floor| format!("{floor:.4}"));
        let _ = writeln!(text, "{name:36}  {found:>8.4}  {floor:>8}");
    }
    print(&text)
}
