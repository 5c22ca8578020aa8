//! Graphs as rows of tokens.
//!
//! A graph of at most n nodes is a sequence of n node labels, followed by the n(n − 1)/2 edge
//! labels of the pairs (0, 1), (0, 2), …, (1, 2) and so on. Letter 0 stands for no node and for no
//! edge, so graphs of different sizes have sequences of one length. Where every graph has exactly n
//! nodes without labels, the node labels are left out.

mod communities;
mod file;
mod graph6;
mod isomorphism;
mod line;
mod shape;

pub use file::open_graphs;
pub use isomorphism::GraphClasses;
pub use shape::GraphShape;

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// Largest number of nodes of a graph.
pub(crate) const MOST_NODES: usize = 32;

/// An undirected graph without loops, with labels of its nodes and edges.
///
/// Labels count from 1. A graph without labels has label 1 everywhere.
///
/// As text, a graph without labels is in the format graph6 of nauty and networkx. A graph with
/// labels is a line of words: the labels of the nodes, and each edge as `A-B:LABEL`, or `A-B` for
/// label 1.
///
/// ```
/// use langevin_data::Graph;
/// let path = Graph::new(vec![1, 1, 1], vec![(0, 1, 1), (2, 1, 1)])?;
/// assert_eq!(path.to_string(), "Bg");
/// assert_eq!("Bg".parse::<Graph>()?, path);
/// let labelled = Graph::new(vec![1, 2, 1], vec![(0, 1, 2), (2, 1, 1)])?;
/// assert_eq!(labelled.to_string(), "1,2,1 0-1:2 1-2");
/// assert_eq!("1,2,1 0-1:2 1-2".parse::<Graph>()?, labelled);
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    nodes: Vec<u32>,
    edges: Vec<(usize, usize, u32)>,
}

impl Graph {
    /// Creates a graph from the labels of its nodes and its edges, each as two nodes and a label.
    ///
    /// The nodes of an edge may stand in either order.
    ///
    /// # Errors
    /// Returns an error if there are more than 32 nodes, if an edge is a loop, has a node that the
    /// graph does not have, or joins the nodes of another edge, or if a label is 0.
    pub fn new(nodes: Vec<u32>, edges: Vec<(usize, usize, u32)>) -> Result<Self> {
        few(nodes.len())?;
        if let Some(node) = nodes.iter().position(|label| *label == 0) {
            return Err(Error::data("a node has label 0, which stands for no node")
                .at(format!("node {node}"))
                .expected("a label from 1 on"));
        }
        let mut sorted = Vec::with_capacity(edges.len());
        for (a, b, label) in edges {
            let refuse = |what: &str, expected: String| {
                Err(Error::data(what).at(format!("edge {a}-{b}")).expected(expected).got(format!("label {label}")))
            };
            if a == b {
                return refuse("an edge is a loop", "two different nodes".into());
            }
            if a.max(b) >= nodes.len() {
                return refuse("an edge has an absent node", format!("nodes below {}", nodes.len()));
            }
            if label == 0 {
                return refuse("an edge has label 0, which stands for no edge", "a label from 1 on".into());
            }
            sorted.push((a.min(b), a.max(b), label));
        }
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1)) {
            None => Ok(Self { nodes, edges: sorted }),
            Some(pair) => Err(Error::data("two edges join the same nodes")
                .at(format!("edge {}-{}", pair[0].0, pair[0].1))
                .expected("each edge once, in either direction")
                .got(format!("labels {} and {}", pair[0].2, pair[1].2))),
        }
    }

    /// Creates a graph from the labels of its n nodes and the n × n labels of its edges, row by
    /// row; 0 stands for no edge.
    ///
    /// ```
    /// use langevin_data::Graph;
    /// let edge = Graph::from_matrix(vec![1, 1], &[0, 3, 3, 0])?;
    /// assert_eq!(edge.edges(), [(0, 1, 3)]);
    /// let error = Graph::from_matrix(vec![1, 1], &[0, 3, 0, 0]).unwrap_err();
    /// assert!(error.to_string().starts_with("the edges are not symmetric"));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the matrix has another size, is not symmetric or has a label on its
    /// diagonal, and under the conditions of [`Graph::new`].
    pub fn from_matrix(nodes: Vec<u32>, labels: &[u32]) -> Result<Self> {
        let n = nodes.len();
        few(n)?;
        if labels.len() != n * n {
            return Err(Error::data("the labels of the edges are no square matrix")
                .expected(format!("{n} × {n} labels"))
                .got(labels.len().to_string()));
        }
        let mut edges = Vec::new();
        for a in 0..n {
            for b in 0..n {
                let (label, other) = (labels[a * n + b], labels[b * n + a]);
                if label != other {
                    return Err(Error::data("the edges are not symmetric")
                        .at(format!("edge {a}-{b}"))
                        .expected(format!("label {other}, that of {b}-{a}"))
                        .got(label.to_string()));
                }
                if a <= b && label > 0 {
                    edges.push((a, b, label));
                }
            }
        }
        Self::new(nodes, edges)
    }

    /// Returns the label of every node.
    #[must_use]
    pub fn nodes(&self) -> &[u32] {
        &self.nodes
    }

    /// Returns the edges in order, each as two nodes, the smaller first, and a label.
    #[must_use]
    pub fn edges(&self) -> &[(usize, usize, u32)] {
        &self.edges
    }

    /// Returns true if a label is not 1.
    #[must_use]
    pub fn is_labelled(&self) -> bool {
        self.nodes.iter().chain(self.edges.iter().map(|(_, _, label)| label)).any(|label| *label != 1)
    }

    /// Returns true if every node can be reached from every other; a graph without nodes is not
    /// connected.
    ///
    /// ```
    /// use langevin_data::Graph;
    /// assert!("Bg".parse::<Graph>()?.is_connected());
    /// assert!(!"B_".parse::<Graph>()?.is_connected());
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let mut seen = vec![false; self.nodes.len()];
        let Some(first) = seen.first_mut() else { return false };
        *first = true;
        // A path has at most n − 1 edges.
        for _ in 1..self.nodes.len() {
            for (a, b, _) in &self.edges {
                let either = seen[*a] || seen[*b];
                (seen[*a], seen[*b]) = (either, either);
            }
        }
        seen.into_iter().all(|seen| seen)
    }

    /// Writes the graph in the format graph6, which has no labels.
    ///
    /// Source: B. McKay, "Description of graph6, sparse6 and digraph6 encodings".
    ///
    /// ```
    /// use langevin_data::Graph;
    /// let graph = Graph::new(vec![1; 5], vec![(0, 2, 1), (0, 4, 1), (1, 3, 1), (3, 4, 1)])?;
    /// assert_eq!(graph.to_graph6(), "DQc");
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn to_graph6(&self) -> String {
        graph6::write(self.nodes.len(), self.edges.iter().map(|(a, b, _)| (*a, *b)))
    }

    /// Reads a graph in the format graph6, with or without the header `>>graph6<<`.
    ///
    /// # Errors
    /// Returns an error if the text is not exactly one graph6 graph, or the graph has more than 32
    /// nodes.
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Graph;
    /// let graph = Graph::from_graph6(">>graph6<<DQc")?;
    /// assert_eq!((graph.nodes().len(), graph.edges().len()), (5, 4));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn from_graph6(text: &str) -> Result<Self> {
        let (nodes, edges) = graph6::read(text)?;
        Self::new(vec![1; nodes], edges.into_iter().map(|(a, b)| (a, b, 1)).collect())
    }
}

/// Checks that the number of nodes is accepted.
fn few(nodes: usize) -> Result<()> {
    if nodes <= MOST_NODES {
        return Ok(());
    }
    Err(Error::data("the graph is too large").expected(format!("at most {MOST_NODES} nodes")).got(nodes.to_string()))
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_labelled() { line::write(self, f) } else { f.write_str(&self.to_graph6()) }
    }
}

impl FromStr for Graph {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // Digits are no characters of graph6.
        if text.starts_with(|c: char| c.is_ascii_digit()) { line::read(text) } else { Self::from_graph6(text) }
    }
}

#[cfg(test)]
mod tests;
