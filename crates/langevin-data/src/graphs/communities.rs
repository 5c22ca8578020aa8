//! Graphs of two communities.

use super::{Graph, GraphShape};
use crate::about::About;
use crate::dataset::Dataset;
use crate::error::Result;
use langevin::SampleId;
use langevin::noise::{draws, fill_uniforms};

/// Smallest and largest number of nodes.
const NODES: [usize; 2] = [12, 20];
/// Probability of an edge within a community.
const WITHIN: f64 = 0.7;

impl Dataset {
    /// Returns `count` graphs of two communities, a function of the seed.
    ///
    /// A graph has 12 to 20 nodes, each half of them a community. Two nodes of a community are
    /// joined with probability 0.7. There are 0.05 edges a node between the communities, rounded
    /// up: one. The usual data set comm20 has 100 such graphs, 80 of them for training.
    ///
    /// Sources: You et al., arXiv 1802.08773; Martinkus et al., arXiv 2204.01613.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::communities(100, 0)?;
    /// assert_eq!((data.rows(), data.width()), (100, 20 + 190));
    /// let shape = data.vocabulary().unwrap().graph_shape().unwrap();
    /// let graph = shape.graph(&data.tokens(0)?)?;
    /// assert!((12..=20).contains(&graph.nodes().len()));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if `count` is 0.
    pub fn communities(count: usize, seed: u64) -> Result<Self> {
        let shape = GraphShape::new(NODES[1], 1, 1)?;
        let graphs = (0..count as u64).map(|index| drawn(SampleId { seed, index })).collect::<Result<Vec<_>>>()?;
        let data = Self::of_graphs("communities", shape, &graphs)?;
        Ok(data.with_about(About::new("generated", "graphs of two communities"), vec![]))
    }
}

/// Draws one graph: its number of nodes, the edge between the communities, and one uniform for each
/// pair of nodes.
fn drawn(id: SampleId) -> Result<Graph> {
    let [least, most] = NODES;
    let mut u = vec![0.0; 2 + most * (most - 1) / 2];
    fill_uniforms(id, draws::EXACT_UNIFORMS.first(), &mut u);
    let whole = |u: f64, count: usize| ((u * count as f64) as usize).min(count - 1);
    let nodes = least + whole(u[0], most - least + 1);
    let half = nodes / 2;
    let between = whole(u[1], half * (nodes - half));
    let bridge = (between % half, half + between / half);
    let pairs = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b)));
    let is_edge = |pair: &(usize, usize), u: f64| *pair == bridge || ((pair.0 < half) == (pair.1 < half) && u < WITHIN);
    let edges = pairs.zip(&u[2..]).filter(|(pair, u)| is_edge(pair, **u)).map(|((a, b), _)| (a, b, 1)).collect();
    Graph::new(vec![1; nodes], edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn communities_have_their_numbers_of_nodes_and_edges() {
        let data = Dataset::communities(2000, 3).unwrap();
        let shape = data.vocabulary().unwrap().graph_shape().unwrap();
        let (mut sizes, mut edges, mut pairs) = ([0_usize; 21], 0, 0);
        for row in 0..data.rows() {
            let graph = shape.graph(&data.tokens(row).unwrap()).unwrap();
            let (n, half) = (graph.nodes().len(), graph.nodes().len() / 2);
            sizes[n] += 1;
            assert_eq!(graph.edges().iter().filter(|(a, b, _)| *a < half && *b >= half).count(), 1);
            edges += graph.edges().len() - 1;
            pairs += half * (half - 1) / 2 + (n - half) * (n - half - 1) / 2;
        }
        // Nine sizes, 222 ± 14 of each, within four deviations.
        assert!(sizes[12..].iter().all(|count| count.abs_diff(222) < 57), "{sizes:?}");
        // About 114,000 pairs: a deviation of 0.0014.
        assert!((edges as f64 / pairs as f64 - WITHIN).abs() < 0.006);
        let again = Dataset::communities(5, 3).unwrap();
        assert_eq!(again.tokens(4).unwrap(), data.tokens(4).unwrap());
        assert_ne!(Dataset::communities(5, 4).unwrap().tokens(4).unwrap(), data.tokens(4).unwrap());
        assert!(Dataset::communities(0, 3).is_err());
    }
}
