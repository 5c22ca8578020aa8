//! Measures the benefit of a learned density of the noise levels.
//!
//! `cargo run --release -p langevin-train --example adaptive_study -- [SEEDS]`
//!
//! The likelihood loss of a flow, ∫ E‖ε − ε̂‖² dλ, is trained on two toys and on the digits. The
//! levels are drawn uniformly in time, uniformly in λ, and from the learned density. The loss is
//! the same in all three cases; only the draws differ.
//!
//! For each case the study reports two figures, as means over the seeds with standard errors:
//!
//! - the variance of one step's estimate over the last half of the training, relative to its mean
//!   squared;
//! - the first evaluated step at which the bound on held-out data is below a given value.
//!
//! It prints the tables of `docs/objective.md`.

use langevin::objective::{TimeDensity, Weight};
use langevin::{Formulation, LambdaRange, Prediction, Process, SampleId};
use langevin_analysis::exact;
use langevin_analysis::likelihood::Bound;
use langevin_analysis::metrics::Estimate;
use langevin_train::{Budget, Dataset, MlpConfig, Network, Recipe, train};
use std::ops::ControlFlow;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Number of training steps; the next constant is the interval between evaluations of the bound.
const STEPS: u64 = 3000;
const LOOK: u64 = 150;
/// Number of held-out rows that are evaluated.
const TEST: usize = 256;

/// Distribution of the levels.
#[derive(Clone, Copy)]
struct How {
    name: &'static str,
    times: fn() -> TimeDensity,
    adaptive: bool,
}

const HOWS: [How; 3] = [
    How { name: "uniform in time", times: || TimeDensity::UniformTime, adaptive: false },
    How { name: "uniform in λ", times: || TimeDensity::UniformLambda, adaptive: false },
    How { name: "learned", times: || TimeDensity::UniformTime, adaptive: true },
];

/// Result of one training run.
struct Outcome {
    spread: f64,
    /// Pairs (step, held-out bound).
    bounds: Vec<(u64, f64)>,
    seconds: f64,
}

fn main() -> Result<()> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(5), |word| word.parse())?;
    let toy = |name: &'static str| -> Result<(Dataset, Dataset)> {
        let density = exact::named(name)?;
        let draw = |seed, count: u64| {
            let rows: Vec<SampleId> = (0..count).map(|index| SampleId { seed, index }).collect();
            let values = density.sample(&rows).into_iter().map(|value| value as f32).collect();
            Dataset::new(name, values, &[density.dim()])
        };
        Ok((draw(1, 50_000)?, draw(2, TEST as u64)?))
    };
    let digits = Dataset::digits().split(0.2, 0);
    for (name, (data, test), dequantize) in
        [("moons", toy("moons")?, false), ("8gaussians", toy("8gaussians")?, false), ("digits", digits, true)]
    {
        let mut table = Vec::new();
        for how in HOWS {
            let runs = (0..seeds).map(|seed| run(&data, &test, dequantize, how, seed)).collect::<Result<Vec<_>>>()?;
            table.push((how, runs));
        }
        // The goal is a value that every run reaches: slightly above the worst of the last bounds.
        let last = |run: &Outcome| run.bounds.last().map_or(f64::NAN, |(_, bound)| *bound);
        let goal = table.iter().flat_map(|(_, runs)| runs).map(last).fold(f64::NEG_INFINITY, f64::max) + 1e-9;
        println!("\n{name}: steps to a held-out bound of {goal:.3} nats\n");
        println!(
            "| levels drawn | variance of a step's loss | steps to the bound | bound after {STEPS} steps | ms a step |\n|---|---|---|---|---|"
        );
        for (how, runs) in &table {
            let show = |of: &dyn Fn(&Outcome) -> f64, digits: usize| {
                let (mean, se) = mean_and_error(runs.iter().map(of));
                format!("{mean:.digits$} ± {se:.digits$}")
            };
            let reach = |run: &Outcome| {
                run.bounds.iter().find(|(_, bound)| *bound <= goal).map_or(f64::NAN, |(step, _)| *step as f64)
            };
            println!(
                "| {} | {} | {} | {} | {} |",
                how.name,
                show(&|run| run.spread, 4),
                show(&reach, 0),
                show(&last, 3),
                show(&|run| 1e3 * run.seconds / STEPS as f64, 2)
            );
        }
    }
    Ok(())
}

fn run(data: &Dataset, test: &Dataset, dequantize: bool, how: How, seed: u64) -> Result<Outcome> {
    let range = LambdaRange::from_sigma_ve(0.01, 80.0)?;
    let formulation = Formulation::new(Process::rectified_flow(), Prediction::Velocity).with_range(range);
    let mut recipe = Recipe::new(formulation, Budget::Steps(STEPS));
    recipe.network = MlpConfig::new(if dequantize { 256 } else { 128 }, 3).into();
    recipe.weight = Weight::Likelihood;
    recipe.times = (how.times)();
    recipe.adaptive = how.adaptive;
    recipe.stratified = false;
    recipe.dequantize = dequantize;
    recipe.seed = seed;
    let (mut before, mut losses, mut bounds) = (0.0, Vec::new(), Vec::new());
    let mut looking = 0.0;
    let start = Instant::now();
    let mut trouble = None;
    let _ = train(data, &recipe, &mut |progress| {
        // One step's loss is recovered from the smoothed ones: smooth·weight = 0.99·before +
        // 0.01·loss.
        let sum = progress.loss * (1.0 - 0.99f64.powi(progress.step as i32));
        losses.push((sum - 0.99 * before) / 0.01);
        before = sum;
        if progress.step.is_multiple_of(LOOK) {
            let look = Instant::now();
            match progress.snapshot().map_err(Into::into).and_then(|network| held_out(&network, test, dequantize)) {
                Ok(bound) => bounds.push((progress.step, bound)),
                Err(error) => trouble = Some(error),
            }
            looking += look.elapsed().as_secs_f64();
        }
        if trouble.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(error) = trouble {
        return Err(error);
    }
    let seconds = start.elapsed().as_secs_f64() - looking;
    let late = &losses[losses.len() / 2..];
    let mean = late.iter().sum::<f64>() / late.len() as f64;
    let variance = late.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / late.len() as f64;
    Ok(Outcome { spread: variance / (mean * mean), bounds, seconds })
}

/// Computes the bound on held-out rows, with the same noise each time.
fn held_out(network: &Network, test: &Dataset, dequantize: bool) -> Result<f64> {
    let (width, count) = (test.width(), TEST.min(test.rows()));
    let rows: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed: 99, index }).collect();
    let mut x: Vec<f64> = test.values()?[..count * width].iter().map(|value| f64::from(*value)).collect();
    if dequantize {
        let mut u = vec![0.0; width];
        for (row, id) in x.chunks_exact_mut(width).zip(&rows) {
            langevin::noise::fill_uniforms(*id, langevin::noise::draws::STUDY_DEQUANTISATION.first(), &mut u);
            row.iter_mut().zip(&u).for_each(|(x, u)| *x += u);
        }
    }
    let volume = network.normalization().to_model(&mut x, width);
    let range = network.formulation().range.ok_or("no range")?;
    Ok(Bound::new(range, 32).run(network, &x, width, &rows)?.rescaled(volume).mean())
}

/// Returns the mean and its standard error, which is 0 for a single number.
fn mean_and_error(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let estimate = Estimate::of(&values.collect::<Vec<_>>());
    (estimate.mean, estimate.standard_error.unwrap_or(0.0))
}
