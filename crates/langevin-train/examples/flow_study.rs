//! Trains flow matching in three forms on three toys, by the protocol of Tong et al. (arXiv
//! 2307.03672, table 2), and compares the results with the published figures.
//!
//! `cargo run --release -p langevin-train --example flow_study -- [seeds] [toy] [method]`
//!
//! Protocol: 10,000 training points and as many test points; a perceptron of 3 × 64 with SELU;
//! AdamW, rate 1e-3, weight decay 1e-5, batch 512, 1,000 epochs; 100 Euler steps; exact W2 to the
//! test points.
//!
//! All three forms are the velocity of one process in this library, with s = 0.1:
//!
//! ```text
//! FM       x = (1−t) x0 + (s + (1−s) t) ε                        Lipman et al., arXiv 2210.02747
//! I-CFM    x = (1−t) x0 + t x1 + s z,   x1, z ~ N(0, 1)
//!          the velocity x1 − x0 given x is that of (1−t) x0 + √(t² + s²) ε
//! OT-CFM   as I-CFM with s = 0, x0 and x1 paired in each batch   Tong et al., arXiv 2302.00482
//! ```
//!
//! Given x and x0, x1 is normal with mean t (x − (1−t) x0)/(t² + s²). Therefore E[x1 − x0 | x,
//! x0] = t/√(t²+s²) ε − x0 = σ' ε + α' x0.
//!
//! The toys are those of the authors' programs, which differ from others of the same name:
//!
//! - eight unit normals on a circle of radius 5;
//! - sklearn's moons with noise 0.05, doubled, moved left by 1;
//! - the first and third coordinate of sklearn's S curve with noise 0.05, times 1.5.

use langevin::noise::{fill_normals, fill_uniforms};
use langevin::objective::TimeDensity;
use langevin::process::ProcessSpec;
use langevin::process::Schedule;
use langevin::{Formulation, LambdaRange, Level, Prediction, Process, SampleId, Sampler, Sampling};
use langevin_analysis::metrics::wasserstein;
use langevin_train::{Activation, Budget, Coupling, Dataset, Decay, MlpConfig, Normalization, Recipe, train};
use std::f64::consts::PI;
use std::ops::ControlFlow;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const POINTS: usize = 10_000;
const BATCH: usize = 512;
const EPOCHS: u64 = 1000;
const STEPS: usize = 100;
/// Constant s of FM and I-CFM.
const SMALL: f64 = 0.1;
const TOYS: [&str; 3] = ["8gaussians-unit", "moons-sklearn", "scurve"];
/// Published W2 of FM, I-CFM and OT-CFM on each toy.
const PUBLISHED: [[f64; 3]; 3] = [[0.343, 0.373, 0.303], [0.209, 0.178, 0.130], [0.198, 0.242, 0.144]];
const METHODS: [&str; 3] = ["FM", "I-CFM", "OT-CFM"];

/// Processes with α = 1 − t and different σ.
#[derive(Debug)]
enum Path {
    /// σ = s + (1 − s) t.
    Line,
    /// σ = √(t² + s²).
    Root,
}

impl Schedule for Path {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::Custom { name: format!("{self:?}") }
    }
    fn domain(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
    fn alpha(&self, t: f64) -> f64 {
        1.0 - t
    }
    fn sigma(&self, t: f64) -> f64 {
        match self {
            Self::Line => SMALL + (1.0 - SMALL) * t,
            Self::Root => t.hypot(SMALL),
        }
    }
    fn alpha_rate(&self, _: f64) -> f64 {
        -1.0
    }
    fn sigma_rate(&self, t: f64) -> f64 {
        match self {
            Self::Line => 1.0 - SMALL,
            Self::Root => t / t.hypot(SMALL),
        }
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        if ratio.is_infinite() {
            return 1.0;
        }
        match self {
            Self::Line => ((ratio - SMALL) / (1.0 - SMALL + ratio)).clamp(0.0, 1.0),
            // Solves t² + s² = r² (1 − t)².
            Self::Root if (ratio - 1.0).abs() < 1e-9 => 0.5 * (1.0 - SMALL * SMALL),
            Self::Root => {
                let (a, b, c) = (1.0 - ratio * ratio, 2.0 * ratio * ratio, SMALL * SMALL - ratio * ratio);
                ((-b + (b * b - 4.0 * a * c).max(0.0).sqrt()) / (2.0 * a)).clamp(0.0, 1.0)
            }
        }
    }
}

/// Returns points of a toy.
fn points(toy: &str, count: usize, seed: u64) -> Vec<f32> {
    let ids: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed, index }).collect();
    let mut normals = vec![0.0f32; 2 * count];
    fill_normals(&ids, 0, 2, &mut normals);
    let mut out = Vec::with_capacity(2 * count);
    for (id, z) in ids.iter().zip(normals.as_chunks::<2>().0) {
        let z = z.map(f64::from);
        let mut u = [0.0; 2];
        fill_uniforms(*id, 1, &mut u);
        let [x, y] = match toy {
            "8gaussians-unit" => {
                let angle = PI / 4.0 * (8.0 * u[0]).floor();
                [5.0 * angle.cos() + z[0], 5.0 * angle.sin() + z[1]]
            }
            "moons-sklearn" => {
                let angle = PI * u[1];
                let [x, y] =
                    if u[0] < 0.5 { [angle.cos(), angle.sin()] } else { [1.0 - angle.cos(), 0.5 - angle.sin()] };
                [2.0 * (x + 0.05 * z[0]) - 1.0, 2.0 * (y + 0.05 * z[1])]
            }
            _ => {
                let t = 3.0 * PI * (u[0] - 0.5);
                [1.5 * (t.sin() + 0.05 * z[0]), 1.5 * (t.signum() * (t.cos() - 1.0) + 0.05 * z[1])]
            }
        };
        out.extend([x as f32, y as f32]);
    }
    out
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// Trains once and returns W2 and the final loss.
fn run(toy: &str, method: usize, seed: u64) -> Result<f64, Box<dyn std::error::Error>> {
    let data = Dataset::new(toy, points(toy, POINTS, 100 + seed), &[2])?;
    let process = match method {
        0 => Process::new(Path::Line)?,
        1 => Process::new(Path::Root)?,
        _ => Process::rectified_flow(),
    };
    let least = if method < 2 { SMALL } else { 1e-3 };
    let formulation =
        Formulation::new(process.clone(), Prediction::Velocity).with_range(LambdaRange::from_sigma_ve(least, 2e3)?);
    let mut recipe = Recipe::new(formulation.clone(), Budget::Steps(EPOCHS * (POINTS / BATCH) as u64));
    let mut network = MlpConfig::new(64, 3);
    (network.activation, network.plain, network.fourier) = (Activation::Selu, true, 1);
    recipe.network = network.into();
    // The reference programs do not normalise the data, so s is a length in data units.
    recipe.normalization = Some(Normalization::identity());
    recipe.times = TimeDensity::UniformTime;
    recipe.stratified = false;
    (recipe.batch, recipe.seed) = (BATCH, seed);
    (recipe.learning_rate, recipe.weight_decay, recipe.decay, recipe.warmup) = (1e-3, 1e-5, Decay::Constant, 1);
    (recipe.ema, recipe.clip) = (0.0, f64::INFINITY);
    if method == 2 {
        recipe.coupling = Coupling::Transport;
    }
    let network = train(&data, &recipe, &mut |_| ControlFlow::Continue(()))?;
    let times = (0..=STEPS).map(|i| 1.0 - i as f64 / STEPS as f64);
    let levels: Vec<Level> = times.map(|t| process.level(t.min(0.999))).collect::<Result<_, _>>()?;
    let plan = Sampler::parse("flow-adams:order=1", None)?.compile(&process, Some(&formulation), &levels)?;
    let mut samples: Vec<f64> = Sampling::new(POINTS, 2).seed(7 + seed).chunk(1024).threads(2).run(&plan, &network)?;
    network.denormalize(&mut samples);
    Ok(wasserstein(&samples, &wide(&points(toy, POINTS, 900 + seed)), 2)?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seeds: u64 = arguments.first().map_or(Ok(5), |text| text.parse())?;
    println!(
        "{:16} {:8} {:>8} {:>8} {:>10} {:>8} {:>8}",
        "toy", "method", "W2", "± s.d.", "published", "floor", "seconds"
    );
    for (toy, published) in TOYS.into_iter().zip(PUBLISHED) {
        if arguments.get(1).is_some_and(|wanted| wanted != "all" && wanted != toy) {
            continue;
        }
        let test = |seed: u64| wide(&points(toy, POINTS, seed));
        let floor = wasserstein(&test(900), &test(901), 2)?;
        for (method, name) in METHODS.into_iter().enumerate() {
            if arguments.get(2).is_some_and(|wanted| wanted != name) {
                continue;
            }
            let begun = Instant::now();
            let found: Vec<f64> = (0..seeds).map(|seed| run(toy, method, seed)).collect::<Result<_, _>>()?;
            let mean = found.iter().sum::<f64>() / seeds as f64;
            let spread = found.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / (seeds.max(2) - 1) as f64;
            let seconds = begun.elapsed().as_secs_f64() / seeds as f64;
            println!(
                "{toy:16} {name:8} {mean:8.3} {:8.3} {:10.3} {floor:8.3} {seconds:8.1}",
                spread.sqrt(),
                published[method]
            );
        }
    }
    Ok(())
}
