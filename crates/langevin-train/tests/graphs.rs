//! Training on graphs: the exact law of the samples, files, and graphs of different sizes.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::SampleId;
use langevin_data::{Graph, GraphShape, Vocabulary};
use langevin_discrete::exact::{ConnectedGraphs, Density as _, GraphLaw};
use langevin_discrete::{Denoiser as _, Noise, likelihood, sampler};
use langevin_train::{Budget, Dataset, GraphConfig, Network, NetworkSpec, Recipe, SequenceConfig, Trainer, train};
use std::ops::ControlFlow;

fn small(data: &Dataset, steps: u64) -> Recipe {
    let mut recipe = Recipe::of_tokens(data, Budget::Steps(steps)).unwrap();
    let shape = data.vocabulary().unwrap().graph_shape().unwrap();
    recipe.network = GraphConfig::new(shape, 16, 2, 2).into();
    (recipe.batch, recipe.ema) = (64, 0.98);
    recipe
}

fn trained(data: &Dataset, recipe: &Recipe) -> Network {
    train(data, recipe, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// All connected graphs on five nodes.
fn connected() -> (ConnectedGraphs, Dataset) {
    let graphs = ConnectedGraphs::new(5, Noise::Masked).unwrap();
    let shape = GraphShape::new(5, 0, 1).unwrap();
    let data = Dataset::of_tokens("connected", graphs.tokens(), shape.length(), Vocabulary::graphs(shape)).unwrap();
    (graphs, data)
}

#[test]
fn connected_graphs_are_learned() {
    let (graphs, data) = connected();
    let network = trained(&data, &small(&data, 300));
    let model = network.tokens().unwrap();
    let law = GraphLaw::of(&model).unwrap();
    // Edges by the toss of a coin have ln(1024/728) = 0.341 nats and 71 % of connected graphs.
    let share = law.share(|graph| graphs.log_probability(graph) > f64::NEG_INFINITY);
    let kl = law.kl(&graphs).unwrap();
    assert!(kl < 0.08 && share > 0.93, "{kl} {share}");
    // The law of the classes is the exact likelihood of their graphs. The network rounds to single
    // precision, and its sums over nodes have another order in a renumbered graph: about 1e-6 in
    // each of ten factors.
    for class in law.classes().iter().step_by(3) {
        let nats = likelihood::exact(&model, &class.graph).unwrap()[0];
        assert!((nats + (class.probability / class.size as f64).ln()).abs() < 1e-4, "{:?}", class.graph);
    }
}

#[test]
fn a_file_holds_the_graphs() {
    let (_, data) = connected();
    let network = trained(&data, &small(&data, 2));
    let read = Network::from_bytes(&network.to_bytes().unwrap()).unwrap();
    assert_eq!(read.metadata(), network.metadata());
    assert_eq!(read.vocabulary().unwrap().graph_shape(), data.vocabulary().unwrap().graph_shape());
    assert!(matches!(read.metadata().network, NetworkSpec::Graph(_)));
}

#[test]
fn graphs_of_different_sizes_are_learned() {
    // Paths of one to four nodes, whose first node has label 2.
    let path = |nodes: usize| {
        let labels = (0..nodes).map(|node| if node == 0 { 2 } else { 1 }).collect();
        Graph::new(labels, (1..nodes).map(|node| (node - 1, node, 1)).collect()).unwrap()
    };
    let paths: Vec<Graph> = (1..=4).map(path).collect();
    let data = Dataset::of_graphs("paths", GraphShape::of(&paths).unwrap(), &paths).unwrap();
    let network = trained(&data, &small(&data, 900));
    let model = network.tokens().unwrap();
    let plan = sampler::sizes(model.space(), &[1; 10], &sampler::Order::Random).unwrap();
    let rows: Vec<SampleId> = (0..200).map(|index| SampleId { seed: 4, index }).collect();
    let tokens = plan.run(&model, &rows).unwrap();
    let shape = model.vocabulary().graph_shape().unwrap();
    let mut sizes = [0; 5];
    for tokens in tokens.chunks(10) {
        // Letter 2 is no edge, so it is never drawn there.
        assert!(tokens.iter().enumerate().all(|(place, letter)| (*letter as usize) < shape.letters_at(place)));
        let Ok(graph) = shape.graph(tokens) else { continue };
        let edges = graph.edges().len();
        let is_path = graph.is_connected() && edges + 1 == graph.nodes().len();
        if is_path && graph.nodes().iter().filter(|label| **label == 2).count() == 1 {
            sizes[graph.nodes().len()] += 1;
        }
    }
    // Nearly every sample is a path with one node of label 2, and every size is a quarter of them.
    assert!(sizes.iter().sum::<usize>() > 150, "{sizes:?}");
    assert!(sizes[1..].iter().all(|count| *count > 15), "{sizes:?}");
}

#[test]
fn recipes_that_do_not_fit_are_refused() {
    let (_, data) = connected();
    let refused = |data: &Dataset, network: NetworkSpec, words: &str| {
        let mut recipe = small(&connected().1, 1);
        recipe.network = network;
        let error = Trainer::new(data, &recipe).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    };
    let config = |nodes, node_labels, edge_labels| {
        GraphConfig::new(GraphShape::new(nodes, node_labels, edge_labels).unwrap(), 16, 2, 2)
    };
    refused(&data, config(5, 0, 2).into(), "vocab 2");
    // Four nodes with labels have as many tokens as five without, and the letters are as many.
    refused(
        &data,
        config(4, 1, 1).into(),
        "for graphs of 5 nodes, 0 node labels and 1 edge labels, got one for graphs of 4 nodes",
    );
    let names = Dataset::names().head(20);
    refused(&names, config(5, 26, 1).into(), "expected a network for sequences over one alphabet, got one for graphs");
    // A network for sequences reads graphs as any tokens.
    let mut recipe = small(&data, 1);
    recipe.network = SequenceConfig::new(2, 3, 16, 1, 2).into();
    assert!(Trainer::new(&data, &recipe).is_ok());
}
