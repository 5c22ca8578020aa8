//! Diffusion of every noise and its autoregressive twin on first names: the bound, the exact
//! likelihood and samples after some seconds of training.
//!
//! ```text
//! cargo run --release -p langevin-train --example names_study -- \
//!     SECONDS [WIDTH DEPTH HEADS BATCH RATE EMA CAUSAL NOISE]
//! ```
//!
//! CAUSAL is 1 for the twin as well, under masked noise. NOISE is 0 for masked, 1 for uniform and 2
//! for prior noise.

use langevin::SampleId;
use langevin_discrete::{Denoiser as _, likelihood, sampler};
use langevin_train::{Budget, Dataset, NetworkSpec, Recipe, SequenceConfig, TokenNoise, train};
use std::ops::ControlFlow;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<f64> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let at = |place: usize, usual: f64| given.get(place).copied().unwrap_or(usual);
    let (names, held_out) = Dataset::names().split(0.1, 0);
    let noise = TokenNoise::parse(TokenNoise::NAMES[at(8, 0.0) as usize % 3])?;
    let mut recipe = Recipe::of_tokens_with(&names, noise, Budget::Time(Duration::from_secs_f64(at(0, 60.0))))?;
    let sizes = [at(1, 64.0), at(2, 4.0), at(3, 4.0)].map(|size| size as usize);
    let mut config = SequenceConfig::new(27, noise.letters(27), sizes[0], sizes[1], sizes[2]);
    config.fourier = noise.fourier();
    recipe.network = config.into();
    (recipe.batch, recipe.learning_rate, recipe.ema) = (at(4, 256.0) as usize, at(5, 2e-3), at(6, 0.999));
    let rows: Vec<usize> = (0..held_out.rows()).collect();
    let tokens = held_out.read_tokens(&rows)?;
    let ids: Vec<SampleId> = rows.iter().map(|row| SampleId { seed: 1, index: *row as u64 }).collect();
    let causal_too = at(7, 0.0) > 0.0 && noise == TokenNoise::Masked;
    for causal in [false, true].into_iter().take(1 + usize::from(causal_too)) {
        if let NetworkSpec::Sequence(config) = &mut recipe.network
            && causal
        {
            *config = config.autoregressive();
        }
        let mut steps = 0;
        let network = train(&names, &recipe, &mut |progress| {
            steps = progress.step;
            ControlFlow::Continue(())
        })?;
        println!("{} parameters, {steps} steps", network.parameters());
        if causal {
            let nats = network.autoregressive_nats(&tokens)?;
            println!("autoregressive: {:.3} nats", nats.iter().sum::<f64>() / nats.len() as f64);
            continue;
        }
        let model = network.tokens()?;
        let bound = likelihood::bound(&model, &tokens, &ids, 12)?;
        println!(
            "NELBO {:.3} ± {:.3} nats, {:.3} bits a token",
            bound.nats,
            bound.standard_error,
            bound.bits_per_token()
        );
        let plan = if model.space().is_masked() {
            let exact = likelihood::exact(&model, &tokens[..24 * 12])?;
            println!("exact likelihood of 24 names: {:.3} nats", exact.iter().sum::<f64>() / 24.0);
            sampler::sizes(model.space(), &[1; 12], &sampler::Order::Random)?
        } else {
            sampler::ancestral(model.space(), &sampler::even(24))?
        };
        let drawn = plan.run(&model, &ids[..24])?;
        let shown: Vec<String> = drawn.chunks(12).map(|tokens| model.vocabulary().decode(tokens)).collect();
        println!("{}", shown.join(" "));
    }
    Ok(())
}
