//! Measures bits per dimension on a held-out fifth of the handwritten digits.
//!
//! `cargo run --release -p langevin-train --example digits_likelihood -- [SECONDS] [FOLDER] [WIDTH]
//! [DECAY]`
//!
//! The 17 gray values are dequantised with uniform noise from [0, 1), drawn anew each time a row is
//! used, so that the images have a density. Every model is evaluated on the same dequantised
//! held-out rows.
//!
//! With a FOLDER, the two parts are written there as `train.f32` and `held_out.f32`, rows of 64
//! numbers. `bench/baselines.py` fits common densities to the same split. The example prints the
//! lines of `docs/likelihood.md`.

use langevin::SampleId;
use langevin::noise::fill_uniforms;
use langevin::objective::Weight;
use langevin_analysis::Likelihood;
use langevin_analysis::exact::Gaussian;
use langevin_analysis::likelihood::{Bound, Divergence, Ode, in_pieces};
use langevin_analysis::metrics::quantile;
use langevin_train::{Budget, Dataset, MlpConfig, Moments, Network, Recipe, train};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let seconds: f64 = arguments.get(1).map_or(Ok(120.0), |text| text.parse())?;
    let (data, held) = Dataset::digits().split(0.2, 0);
    let test = sums(&held, 2)?;
    if let Some(folder) = arguments.get(2).map(Path::new) {
        std::fs::create_dir_all(folder)?;
        write(&folder.join("train.f32"), &sums(&data, 1)?)?;
        write(&folder.join("held_out.f32"), &test)?;
    }
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Time(Duration::from_secs_f64(seconds)));
    recipe.dequantize = true;
    recipe.weight = Weight::Likelihood;
    recipe.adaptive = true;
    if let Some(width) = arguments.get(3) {
        recipe.network = MlpConfig::new(width.parse()?, 3).into();
    }
    if let Some(decay) = arguments.get(4) {
        recipe.weight_decay = decay.parse()?;
    }
    let mut next = 0.1;
    let network = train(&data, &recipe, &mut |progress| {
        if progress.fraction >= next {
            next += 0.1;
            let bound = progress.snapshot().map_err(Into::into).and_then(|network| bound(&network, &test, 16));
            let bits = bound.map_or(f64::NAN, |bound| bound.bits_per_dim());
            println!("step {:6}  loss {:.4}  held-out bound {bits:.4} bits/dim", progress.step, progress.loss);
        }
        ControlFlow::Continue(())
    })?;
    println!("\n| model | bits/dim | nats | median, bits/dim |\n|---|---|---|---|");
    let line = |name: &str, found: &Likelihood| {
        let (bits, nats, error) = (found.bits_per_dim(), found.mean(), found.standard_error());
        let median = quantile(&found.nats, 0.5).unwrap_or(f64::NAN) / found.dim as f64 / std::f64::consts::LN_2;
        println!("| {name} | {bits:.4} | {nats:.2} ± {error:.2} | {median:.4} |");
    };
    let steps = network.metadata().training.steps;
    line(&format!("network, {steps} steps: bound of its SDE"), &bound(&network, &test, 128)?);
    let (mut x, ids) = (test.clone(), ids(&test, 3));
    let volume = network.normalization().to_model(&mut x, held.width());
    let range = network.formulation().range.ok_or("no range")?;
    let ode = Ode::new(range).with_divergence(Divergence::Exact);
    let found = in_pieces(2, &x, held.width(), &ids, |x, ids| ode.run(&network, x, held.width(), ids))?;
    line("the same network: density of its ODE", &found.rescaled(volume));
    Ok(())
}

/// Returns rows dequantised with uniform noise from [0, 1).
fn sums(data: &Dataset, seed: u64) -> Result<Vec<f64>> {
    let mut x: Vec<f64> = data.values()?.iter().map(|value| f64::from(*value)).collect();
    let mut u = vec![0.0; data.width()];
    for (row, index) in x.chunks_exact_mut(data.width()).zip(0..) {
        fill_uniforms(SampleId { seed, index }, langevin::noise::draws::STUDY_DEQUANTISATION.first(), &mut u);
        // Rounded to single precision, as in the file.
        row.iter_mut().zip(&u).for_each(|(x, u)| *x = f64::from((*x + u) as f32));
    }
    Ok(x)
}

fn ids(rows: &[f64], seed: u64) -> Vec<SampleId> {
    (0..rows.len() as u64 / 64).map(|index| SampleId { seed, index }).collect()
}

/// Computes the bound, with the Gaussian of the training data as the control variate.
fn bound(network: &Network, rows: &[f64], levels: usize) -> Result<Likelihood> {
    let mut x = rows.to_vec();
    let volume = network.normalization().to_model(&mut x, network.width());
    let range = network.formulation().range.ok_or("no range")?;
    let mut bound = Bound::new(range, levels);
    if let Some(Moments::Covariance { mean, covariance }) = network.moments() {
        bound = bound.with_control(Gaussian::new(mean.clone(), covariance)?);
    }
    Ok(bound.run(network, &x, network.width(), &ids(rows, 3))?.rescaled(volume))
}

fn write(path: &Path, rows: &[f64]) -> Result<()> {
    let bytes: Vec<u8> = rows.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect();
    Ok(std::fs::write(path, bytes)?)
}
