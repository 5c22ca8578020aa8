//! Measures how close a small network comes to densities of the plane that are known exactly.
//!
//! `cargo run --release -p langevin-train --example toys_study -- [MINUTES] [NAME…]`
//!
//! For each toy, one network is trained for the given number of minutes (3 by default). The study
//! prints the divergence of its ODE from the data,
//!
//! $$KL(p\Vert q) = E_p[\log p(x) - \log q(x)],$$
//!
//! over new draws. Both logarithms use the same points, so the spread of log p itself cancels. It
//! prints the lines of `docs/likelihood.md`.

use langevin::{Formulation, LambdaRange, Level, Prediction, Process, SampleId};
use langevin_analysis::exact::{self, Density};
use langevin_analysis::likelihood::{Bound, Ode, in_pieces};
use langevin_analysis::metrics::Estimate;
use langevin_train::{Budget, Dataset, MlpConfig, Network, Recipe, train};
use std::ops::ControlFlow;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Number of test points; the standard error is printed.
const TEST: usize = 4000;
/// Number of training points.
const ROWS: u64 = 1_000_000;
/// Each toy, and the waves of its network: five if the toy has detail finer than the layers learn
/// in three minutes.
const TOYS: [(&str, usize); 8] = [
    ("moons", 0),
    ("8gaussians", 0),
    ("swissroll", 0),
    ("circles", 0),
    ("rings", 5),
    ("2spirals", 5),
    ("checkerboard", 5),
    ("pinwheel", 5),
];

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let minutes: f64 = words.next().map_or(Ok(3.0), |word| word.parse())?;
    let chosen: Vec<String> = words.collect();
    println!(
        "| data | entropy | KL of the ODE, nats | bound − entropy, nats | steps | loss |\n|---|---|---|---|---|---|"
    );
    for (name, waves) in
        TOYS.into_iter().filter(|(name, _)| chosen.is_empty() || chosen.iter().any(|word| word == name))
    {
        let density = exact::named(name)?;
        let ids = |seed, count: u64| (0..count).map(|index| SampleId { seed, index }).collect::<Vec<_>>();
        let values = density.sample(&ids(1, ROWS)).into_iter().map(|value| value as f32).collect();
        let data = Dataset::new(name, values, &[density.dim()])?;
        let network = learn(&data, minutes, waves)?;
        let rows = ids(2, TEST as u64);
        let clean = Level { time: 0.0, alpha: 1.0, sigma: 0.0 };
        let test = density.sample(&rows);
        let exact: Vec<f64> = test.chunks(density.dim()).map(|x| -density.log_density(x, &clean)).collect();
        let mut x = test.clone();
        let volume = network.normalization().to_model(&mut x, density.dim());
        let range = network.formulation().range.ok_or("no range")?;
        let dim = density.dim();
        let ode = in_pieces(2, &x, dim, &rows, |x, rows| Ode::new(range).run(&network, x, dim, rows))?.nats;
        let bound = Bound::new(range, 64).run(&network, &x, dim, &rows)?.nats;
        let (kl, se) = mean_and_error(ode.iter().zip(&exact).map(|(q, p)| q + volume - p));
        let (above, above_se) = mean_and_error(bound.iter().zip(&exact).map(|(q, p)| q + volume - p));
        let entropy = mean_and_error(exact.iter().copied()).0;
        let training = &network.metadata().training;
        println!(
            "| {name} | {entropy:.3} | {kl:.4} ± {se:.4} | {above:.4} ± {above_se:.4} | {} | {:.5} |",
            training.steps, training.final_loss
        );
    }
    Ok(())
}

fn learn(data: &Dataset, minutes: f64, waves: usize) -> Result<Network> {
    let range = LambdaRange::from_sigma_ve(0.005, 80.0)?;
    let formulation = Formulation::new(Process::rectified_flow(), Prediction::Velocity).with_range(range);
    let mut recipe = Recipe::new(formulation, Budget::Time(Duration::from_secs_f64(60.0 * minutes)));
    let mut network = MlpConfig::new(192, 4);
    (network.fourier, network.waves) = (24, waves);
    recipe.network = network.into();
    recipe.batch = 1024;
    recipe.learning_rate = 4e-3;
    recipe.warmup = 200;
    recipe.weight_decay = 0.0;
    recipe.ema = 0.998;
    recipe.weight = langevin::objective::Weight::Likelihood;
    recipe.adaptive = true;
    Ok(train(data, &recipe, &mut |_| ControlFlow::Continue(()))?)
}

/// Returns the mean and its standard error, which is 0 for a single number.
fn mean_and_error(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let estimate = Estimate::of(&values.collect::<Vec<_>>());
    (estimate.mean, estimate.standard_error.unwrap_or(0.0))
}
