//! Masked diffusion on graphs of two communities of 12 to 20 nodes, by the usual protocol of the
//! data set comm20: 80 graphs to learn from, 20 held out, and the distances of 80 samples to the
//! held-out graphs in four statistics, beside those of the training graphs.
//!
//! The data are generated, so both sets are compared with 400 fresh graphs too, which has less
//! noise.
//!
//! ```text
//! cargo run --release -p langevin-train --example communities_study -- \
//!     SECONDS [WIDTH DEPTH HEADS BATCH RATE EMA]
//! ```

use langevin::SampleId;
use langevin_data::{Graph, GraphClasses, GraphShape};
use langevin_discrete::graphs::{Adjacency, Distance, Statistic, discrepancy};
use langevin_discrete::{Denoiser as _, sampler};
use langevin_train::{Budget, Dataset, GraphConfig, Recipe, train};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// Returns a graph without its labels.
fn plain(graph: &Graph) -> Fallible<Adjacency> {
    let edges: Vec<(usize, usize)> = graph.edges().iter().map(|(a, b, _)| (*a, *b)).collect();
    Ok(Adjacency::new(graph.nodes().len(), &edges)?)
}

fn all(shape: GraphShape, data: &Dataset) -> Fallible<Vec<Adjacency>> {
    (0..data.rows()).map(|row| plain(&shape.graph(&data.tokens(row)?)?)).collect()
}

/// Number of fresh graphs.
const FRESH: usize = 400;

/// Prints the distances to the held-out graphs and to fresh graphs.
fn show(what: &str, graphs: &[Adjacency], to: [&[Adjacency]; 2]) -> Fallible<()> {
    for (name, real) in ["held-out", "fresh"].iter().zip(to) {
        let apart = |statistic| discrepancy(graphs, real, statistic, Distance::TotalVariation);
        let parts: Result<Vec<String>, langevin::Error> =
            Statistic::ALL.iter().map(|statistic| Ok(format!("{statistic:?} {:.4}", apart(*statistic)?))).collect();
        println!("{what} to {name} graphs: {}", parts?.join(", "));
    }
    Ok(())
}

fn main() -> Fallible<()> {
    let given: Vec<f64> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let at = |place: usize, usual: f64| given.get(place).copied().unwrap_or(usual);
    let (data, held_out) = Dataset::communities(100, 0)?.split(0.2, 0);
    let shape = data.vocabulary().and_then(langevin_data::Vocabulary::graph_shape).ok_or("the data are graphs")?;
    let mut recipe = Recipe::of_tokens(&data, Budget::Time(Duration::from_secs_f64(at(0, 120.0))))?;
    let [width, depth, heads] = [at(1, 32.0), at(2, 3.0), at(3, 4.0)].map(|size| size as usize);
    recipe.network = GraphConfig::new(shape, width, depth, heads).into();
    (recipe.batch, recipe.learning_rate, recipe.ema) = (at(4, 16.0) as usize, at(5, 2e-3), at(6, 0.99));
    let (start, mut steps) = (Instant::now(), 0);
    let network = train(&data, &recipe, &mut |progress| {
        steps = progress.step;
        ControlFlow::Continue(())
    })?;
    let each = 1e3 * start.elapsed().as_secs_f64() / steps as f64;
    println!("{} parameters, {steps} steps of {each:.1} ms", network.parameters());

    let (held_out, fresh) = (all(shape, &held_out)?, all(shape, &Dataset::communities(FRESH, 1)?)?);
    let real = [&held_out[..], &fresh];
    show("training graphs", &all(shape, &data)?, real)?;
    let mut known = GraphClasses::default();
    for row in 0..data.rows() {
        known.insert(&shape.graph(&data.tokens(row)?)?);
    }
    let model = network.tokens()?;
    let ids: Vec<SampleId> = (0..data.rows() as u64).map(|index| SampleId { seed: 1, index }).collect();
    for evaluations in [210, 30] {
        let sizes = sampler::even_sizes(shape.length(), evaluations);
        let plan = sampler::sizes(model.space(), &sizes, &sampler::Order::Random)?;
        let tokens = plan.run(&model, &ids)?;
        let drawn: Vec<Graph> = tokens.chunks(shape.length()).filter_map(|row| shape.graph(row).ok()).collect();
        let graphs: Vec<Adjacency> = drawn.iter().filter_map(|graph| plain(graph).ok()).collect();
        let connected = graphs.iter().filter(|graph| graph.is_connected()).count();
        let mut seen = GraphClasses::default();
        let new = drawn.iter().filter(|graph| !known.contains(graph)).count();
        let distinct = drawn.iter().filter(|graph| seen.insert(graph)).count();
        println!(
            "{evaluations} evaluations: {} of {} are graphs, {connected} connected, {distinct} distinct, {new} new",
            graphs.len(),
            ids.len()
        );
        show("samples", &graphs, real)?;
    }
    Ok(())
}
