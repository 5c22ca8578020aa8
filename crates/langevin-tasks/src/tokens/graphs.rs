//! Graphs as tokens: their shapes, built-in data, and measures of samples.
//!
//! Samples are compared with held-out graphs by the usual protocol: the squared maximum mean
//! discrepancy (MMD²) of four statistics ([`langevin_discrete::graphs`]), and the shares of samples
//! that are connected, unique and novel. Graphs that differ in the numbers of their nodes alone are
//! the same graph.

use super::Model;
use super::evaluate::Measure;
use crate::error::{Blame as _, Result};
use langevin_data::{Dataset, Graph, GraphClasses, GraphShape, Vocabulary};
use langevin_discrete::exact::ConnectedGraphs;
use langevin_discrete::graphs::{Adjacency, Distance, Statistic, discrepancy};
use langevin_discrete::{Letter, Noise};

/// Largest number of graphs of a set that is compared: MMD² compares all pairs.
pub(super) const MOST: usize = 1000;
/// Start of the name of the built-in data of all connected graphs.
const CONNECTED: &str = "connected";

/// Returns the shape of a model's graphs; `None` for a model of other tokens.
///
/// ```
/// use langevin_discrete::Noise;
/// use langevin_tasks::tokens::{Model, graphs};
/// let shape = graphs::shape(&Model::named("connected:4", Noise::Masked)?);
/// assert_eq!(shape.map(|shape| shape.nodes()), Some(4));
/// assert_eq!(graphs::shape(&Model::named("chain:2x6", Noise::Masked)?), None);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[must_use]
pub fn shape(model: &Model) -> Option<GraphShape> {
    let Some(density) = model.density() else { return model.vocabulary()?.graph_shape() };
    let name = density.name();
    let mut parts = name.split(':');
    if !matches!(parts.next(), Some(CONNECTED | "blocks")) {
        return None;
    }
    let shape = GraphShape::new(parts.next()?.parse().ok()?, 0, 1).ok()?;
    (shape.length() == density.space().length()).then_some(shape)
}

/// Returns all connected graphs of N nodes for the name `connected:N`; `None` for another name.
///
/// ```
/// let data = langevin_tasks::tokens::graphs::named("connected:4")?.expect("a known name");
/// assert_eq!((data.rows(), data.width()), (38, 6));
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if N is not from 2 to 6.
pub fn named(name: &str) -> Result<Option<Dataset>> {
    let Some((CONNECTED, nodes)) = name.split_once(':') else { return Ok(None) };
    // No number is no valid number of nodes either.
    let nodes = nodes.parse().unwrap_or(0);
    let graphs = ConnectedGraphs::new(nodes, Noise::Masked).or_misused()?;
    let shape = GraphShape::new(nodes, 0, 1).or_misused()?;
    let data = Dataset::of_tokens(name, graphs.tokens(), shape.length(), Vocabulary::graphs(shape));
    data.map(Some).or_failed()
}

/// Returns the measures of drawn graphs beside those of held-out graphs.
///
/// In place of the samples, the values of MMD² in the column `real` are those of as many training
/// graphs.
pub(super) fn measures(shape: GraphShape, train: &[Letter], real: &[Letter], drawn: &[Letter]) -> Result<Vec<Measure>> {
    let all = drawn.len() / shape.length();
    let [train, real, drawn] = [train, real, drawn].map(|tokens| graphs(shape, tokens));
    let mut known = GraphClasses::default();
    train.iter().for_each(|graph| _ = known.insert(graph));
    let of = |graphs: &[Graph]| {
        let count = graphs.len() as f64;
        let mean = |value: &dyn Fn(&Graph) -> f64| graphs.iter().map(value).sum::<f64>() / count;
        let share = |is: &dyn Fn(&Graph) -> bool| mean(&|graph| f64::from(u8::from(is(graph))));
        let mut seen = GraphClasses::default();
        graphs.iter().for_each(|graph| _ = seen.insert(graph));
        [
            share(&Graph::is_connected),
            seen.len() as f64 / count,
            share(&|graph| !known.contains(graph)),
            mean(&|graph| graph.nodes().len() as f64),
            mean(&|graph| graph.edges().len() as f64),
        ]
    };
    let valid = drawn.len() as f64 / all as f64;
    let mut measures = vec![Measure { name: VALID, samples: valid, real: Some(1.0) }];
    let pairs = NAMES.into_iter().zip(of(&drawn)).zip(of(&real));
    measures.extend(pairs.map(|((name, samples), real)| Measure { name, samples, real: Some(real) }));
    let [drawn, real] = [plain(&drawn)?, plain(&real)?];
    let train = plain(&train[..all.min(train.len())])?;
    for (name, statistic) in STATISTICS {
        let apart = |graphs: &[Adjacency]| match graphs {
            [] => Ok(f64::NAN),
            graphs => discrepancy(graphs, &real, statistic, Distance::TotalVariation).or_failed(),
        };
        measures.push(Measure { name, samples: apart(&drawn)?, real: Some(apart(&train)?) });
    }
    Ok(measures)
}

/// Name of the share of samples whose tokens are a graph.
const VALID: &str = "valid: tokens that are a graph, share";
/// Names of the measures of the valid graphs.
const NAMES: [&str; 5] = [
    "connected, share",
    "unique up to renumbering, share",
    "novel: not in training data, share",
    "nodes, mean",
    "edges, mean",
];
/// Names of the discrepancies.
const STATISTICS: [(&str, Statistic); 4] = [
    ("degree, MMD²", Statistic::Degree),
    ("clustering, MMD²", Statistic::Clustering),
    ("orbit, MMD²", Statistic::Orbit),
    ("spectrum, MMD²", Statistic::Spectrum),
];

/// Returns the graphs among rows of tokens. An edge of an absent node is no graph, nor is a graph
/// without nodes.
fn graphs(shape: GraphShape, tokens: &[Letter]) -> Vec<Graph> {
    let all = tokens.chunks_exact(shape.length()).filter_map(|row| shape.graph(row).ok());
    all.filter(|graph| !graph.nodes().is_empty()).collect()
}

/// Returns graphs without their labels.
fn plain(graphs: &[Graph]) -> Result<Vec<Adjacency>> {
    let one = |graph: &Graph| {
        let edges: Vec<(usize, usize)> = graph.edges().iter().map(|(a, b, _)| (*a, *b)).collect();
        Adjacency::new(graph.nodes().len(), &edges).or_failed()
    };
    graphs.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(measures: &[Measure]) -> Vec<(f64, f64)> {
        measures.iter().map(|one| (one.samples, one.real.unwrap())).collect()
    }

    #[test]
    fn measures_of_small_sets_are_known() {
        // Graphs of at most three nodes: a path, a triangle, and one edge.
        let shape = GraphShape::new(3, 1, 1).unwrap();
        let [path, other, triangle, edge] =
            [[1, 1, 1, 1, 0, 1], [1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 0]];
        // An edge of a node that is absent.
        let wrong = [1, 0, 1, 1, 0, 0];
        let drawn = [path, other, triangle, wrong].concat();
        let found = values(&measures(shape, &[path, edge].concat(), &[triangle, path].concat(), &drawn).unwrap());
        assert_eq!(found[0], (0.75, 1.0));
        assert_eq!(found[1], (1.0, 1.0));
        // Both paths are one graph, which the training data have.
        assert_eq!(found[2], (2.0 / 3.0, 1.0));
        assert_eq!(found[3], (1.0 / 3.0, 0.5));
        assert_eq!(found[4], (3.0, 3.0));
        assert!((found[5].0 - 7.0 / 3.0).abs() < 1e-12 && found[5].1 == 2.5);
        assert_eq!(found.len(), 10);
        // Degrees: the samples are two paths and a triangle, the data one of each.
        let k = (-2.0_f64 / 9.0).exp();
        let within = |a: f64| a * a + (1.0 - a) * (1.0 - a) + 2.0 * a * (1.0 - a) * k;
        let across = |a: f64, b: f64| a * b + (1.0 - a) * (1.0 - b) + (a * (1.0 - b) + b * (1.0 - a)) * k;
        let degree = within(2.0 / 3.0) + within(0.5) - 2.0 * across(2.0 / 3.0, 0.5);
        assert!((found[6].0 - degree).abs() < 1e-12, "{found:?}");
        // The same graphs have no distance.
        let same = values(&measures(shape, &path, &path, &path).unwrap());
        assert!(same[6..].iter().all(|(samples, real)| samples.abs() < 1e-15 && real.abs() < 1e-15));
        // Without a valid sample there is nothing to compare.
        let none = values(&measures(shape, &path, &path, &wrong).unwrap());
        assert!(none[0].0 == 0.0 && none[1..].iter().all(|(samples, _)| samples.is_nan()));
    }

    #[test]
    fn names_that_are_no_graphs_are_left_to_others() {
        assert!(named("names").unwrap().is_none() && named("rows.csv").unwrap().is_none());
        assert!(named("connected:9").is_err() && named("connected:x").is_err());
    }
}
