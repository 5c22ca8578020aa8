//! Masked diffusion on all connected graphs of 6 nodes: the exact law of the network's samples
//! before and after some seconds of training.
//!
//! ```text
//! cargo run --release -p langevin-train --example graphs_study -- \
//!     SECONDS [WIDTH DEPTH HEADS BATCH RATE EMA]
//! ```

use langevin::SampleId;
use langevin_data::{GraphShape, Vocabulary};
use langevin_discrete::exact::{ConnectedGraphs, Density as _, GraphLaw};
use langevin_discrete::{Denoiser as _, Noise, sampler};
use langevin_train::{Budget, Dataset, GraphConfig, Network, Recipe, train};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Prints the law of the graphs that a network samples.
fn judge(graphs: &ConnectedGraphs, network: &Network) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let model = network.tokens()?;
    let law = GraphLaw::of(&model)?;
    println!(
        "KL to uniform {:.4} nats, connected {:.2} % (exact, {:.1} s)",
        law.kl(graphs)?,
        100.0 * law.share(|graph| graphs.log_probability(graph) > f64::NEG_INFINITY),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<f64> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let at = |place: usize, usual: f64| given.get(place).copied().unwrap_or(usual);
    let graphs = ConnectedGraphs::new(6, Noise::Masked)?;
    let shape = GraphShape::new(6, 0, 1)?;
    let data = Dataset::of_tokens("connected graphs", graphs.tokens(), shape.length(), Vocabulary::graphs(shape))?;
    let mut recipe = Recipe::of_tokens(&data, Budget::Steps(1))?;
    let [width, depth, heads] = [at(1, 32.0), at(2, 3.0), at(3, 4.0)].map(|size| size as usize);
    recipe.network = GraphConfig::new(shape, width, depth, heads).into();
    (recipe.batch, recipe.learning_rate, recipe.ema) = (at(4, 256.0) as usize, at(5, 2e-3), at(6, 0.999));
    judge(&graphs, &train(&data, &recipe, &mut |_| ControlFlow::Continue(()))?)?;

    recipe.budget = Budget::Time(Duration::from_secs_f64(at(0, 120.0)));
    let (start, mut steps) = (Instant::now(), 0);
    let network = train(&data, &recipe, &mut |progress| {
        steps = progress.step;
        ControlFlow::Continue(())
    })?;
    let each = 1e3 * start.elapsed().as_secs_f64() / steps as f64;
    println!("{} parameters, {steps} steps of {each:.1} ms", network.parameters());
    judge(&graphs, &network)?;
    let model = network.tokens()?;
    let plan = sampler::sizes(model.space(), &[1; 15], &sampler::Order::Random)?;
    let ids: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 1, index }).collect();
    let drawn = plan.run(&model, &ids)?;
    println!("{}", drawn.chunks(15).map(|tokens| model.vocabulary().decode(tokens)).collect::<Vec<_>>().join(" "));
    Ok(())
}
