//! The map between graphs and tokens.

use super::{Graph, MOST_NODES};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Largest number of kinds of nodes, and of edges.
const MOST_LABELS: usize = 1 << 10;

/// Sizes of graphs as tokens: the largest number of nodes, and the numbers of labels.
///
/// A row has a token for each of the n nodes, with letters from 0 (no node) to `node_labels`, and
/// then one for each pair of nodes, with letters from 0 (no edge) to `edge_labels`. Without node
/// labels (0) every graph has n nodes, and the tokens of the nodes are left out.
///
/// ```
/// use langevin_data::{Graph, GraphShape};
/// let shape = GraphShape::new(3, 2, 1)?;
/// assert_eq!((shape.length(), shape.vocab()), (6, 3));
/// // Two nodes of different labels and an edge; the third node is absent.
/// let tokens = shape.tokens(&Graph::new(vec![1, 2], vec![(0, 1, 1)])?)?;
/// assert_eq!(tokens, [1, 2, 0, 1, 0, 0]);
/// assert_eq!(shape.graph(&tokens)?.edges(), [(0, 1, 1)]);
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct GraphShape {
    nodes: usize,
    node_labels: usize,
    edge_labels: usize,
}

/// The JSON form, which is checked before it is used.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    nodes: usize,
    node_labels: usize,
    edge_labels: usize,
}

impl TryFrom<Wire> for GraphShape {
    type Error = Error;

    fn try_from(wire: Wire) -> Result<Self> {
        Self::new(wire.nodes, wire.node_labels, wire.edge_labels)
    }
}

impl GraphShape {
    /// Creates the shape of graphs of at most `nodes` nodes.
    ///
    /// # Errors
    /// Returns an error if there are no nodes or more than 32, no kind of edge, or more than 1024
    /// labels, or if one node without labels would leave no token.
    pub fn new(nodes: usize, node_labels: usize, edge_labels: usize) -> Result<Self> {
        let least = if node_labels == 0 { 2 } else { 1 };
        let bounds = [
            ("nodes", nodes, least, MOST_NODES),
            ("node labels", node_labels, 0, MOST_LABELS),
            ("edge labels", edge_labels, 1, MOST_LABELS),
        ];
        for (name, value, low, high) in bounds {
            if !(low..=high).contains(&value) {
                return Err(Error::argument("bad size of graphs")
                    .at(name)
                    .expected(format!("{low} to {high}"))
                    .got(value.to_string()));
            }
        }
        Ok(Self { nodes, node_labels, edge_labels })
    }

    /// Returns the smallest shape that some graphs fit.
    ///
    /// Graphs of one size without labels need no node labels.
    ///
    /// # Errors
    /// Returns an error if there is no graph, or no shape fits them.
    pub fn of(graphs: &[Graph]) -> Result<Self> {
        let sizes = || graphs.iter().map(|graph| graph.nodes().len());
        let most = |labels: Option<u32>| labels.map_or(1, |label| label as usize);
        let nodes = sizes().max().unwrap_or(0);
        let node_labels = most(graphs.iter().flat_map(Graph::nodes).copied().max());
        let edge_labels = most(graphs.iter().flat_map(Graph::edges).map(|(_, _, label)| *label).max());
        let all_there = node_labels == 1 && nodes > 1 && sizes().all(|size| size == nodes);
        Self::new(nodes, if all_there { 0 } else { node_labels }, edge_labels)
    }

    /// Returns the largest number of nodes.
    #[must_use]
    pub fn nodes(self) -> usize {
        self.nodes
    }

    /// Returns the number of labels of nodes; 0 if nodes have no tokens.
    #[must_use]
    pub fn node_labels(self) -> usize {
        self.node_labels
    }

    /// Returns the number of labels of edges.
    #[must_use]
    pub fn edge_labels(self) -> usize {
        self.edge_labels
    }

    /// Returns the number of tokens of nodes.
    fn first_edge(self) -> usize {
        if self.node_labels == 0 { 0 } else { self.nodes }
    }

    /// Returns the number of tokens of a graph.
    #[must_use]
    pub fn length(self) -> usize {
        self.first_edge() + self.nodes * (self.nodes - 1) / 2
    }

    /// Returns the number of letters, which nodes and edges share.
    #[must_use]
    pub fn vocab(self) -> usize {
        self.node_labels.max(self.edge_labels) + 1
    }

    /// Returns the number of letters that the token at a place can have.
    ///
    /// ```
    /// let shape = langevin_data::GraphShape::new(3, 2, 1)?;
    /// assert_eq!([2, 3].map(|place| shape.letters_at(place)), [3, 2]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn letters_at(self, place: usize) -> usize {
        1 + if place < self.first_edge() { self.node_labels } else { self.edge_labels }
    }

    /// Returns the token of the edge between two nodes, in either order; `None` for a loop and for
    /// nodes that do not exist.
    ///
    /// ```
    /// let shape = langevin_data::GraphShape::new(4, 0, 1)?;
    /// assert_eq!([shape.edge(0, 1), shape.edge(3, 2)], [Some(0), Some(5)]);
    /// assert_eq!([shape.edge(2, 2), shape.edge(0, 4)], [None, None]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn edge(self, a: usize, b: usize) -> Option<usize> {
        let (a, b) = (a.min(b), a.max(b));
        (a < b && b < self.nodes).then(|| self.first_edge() + a * (2 * self.nodes - a - 1) / 2 + b - a - 1)
    }

    /// Returns the tokens of a graph. Its nodes are the first of the row.
    ///
    /// # Errors
    /// Returns an error if the graph has too many nodes, too few for a shape without node labels,
    /// or a label that the shape does not have.
    pub fn tokens(self, graph: &Graph) -> Result<Vec<u32>> {
        let count = graph.nodes().len();
        let fixed = self.node_labels == 0;
        if count > self.nodes || (fixed && count < self.nodes) {
            return Err(Error::data("the graph has the wrong number of nodes")
                .expected(format!("{}{}", if fixed { "" } else { "at most " }, self.nodes))
                .got(count.to_string()));
        }
        let fits = |label: u32, most: usize, place: &dyn Fn() -> String| {
            if label as usize <= most {
                return Ok(());
            }
            Err(Error::data("a label is out of range")
                .at(place())
                .expected(format!("1 to {most}"))
                .got(label.to_string()))
        };
        let mut tokens = vec![0; self.length()];
        for (node, label) in graph.nodes().iter().enumerate() {
            fits(*label, self.node_labels.max(1), &|| format!("node {node}"))?;
            if !fixed {
                tokens[node] = *label;
            }
        }
        for (a, b, label) in graph.edges() {
            fits(*label, self.edge_labels, &|| format!("edge {a}-{b}"))?;
            if let Some(place) = self.edge(*a, *b) {
                tokens[place] = *label;
            }
        }
        Ok(tokens)
    }

    /// Returns the graph of some tokens. Absent nodes are left out, and the others are renumbered.
    ///
    /// # Errors
    /// Returns an error if the number of tokens is another one, a letter is not valid at its place,
    /// such as a mask, or an edge has an absent node.
    pub fn graph(self, tokens: &[u32]) -> Result<Graph> {
        if tokens.len() != self.length() {
            return Err(Error::data("the tokens are no graph of this shape")
                .expected(format!("{} tokens", self.length()))
                .got(tokens.len().to_string()));
        }
        self.check(tokens)?;
        let mut number = vec![None; self.nodes];
        let mut nodes = Vec::with_capacity(self.nodes);
        for (node, number) in number.iter_mut().enumerate() {
            let label = if self.node_labels == 0 { 1 } else { tokens[node] };
            if label > 0 {
                *number = Some(nodes.len());
                nodes.push(label);
            }
        }
        let mut edges = Vec::new();
        let pairs = (0..self.nodes).flat_map(|a| (a + 1..self.nodes).map(move |b| (a, b)));
        for ((a, b), label) in pairs.zip(&tokens[self.first_edge()..]) {
            match (number[a], number[b]) {
                _ if *label == 0 => {}
                (Some(a), Some(b)) => edges.push((a, b, *label)),
                _ => {
                    return Err(Error::data("an edge has an absent node")
                        .at(format!("edge {a}-{b}"))
                        .expected("no edge")
                        .got(format!("label {label}")));
                }
            }
        }
        Graph::new(nodes, edges)
    }

    /// Checks that every letter of some rows is valid at its place.
    pub(crate) fn check(self, tokens: &[u32]) -> Result<()> {
        let length = self.length();
        match tokens.iter().enumerate().find(|(k, letter)| **letter as usize >= self.letters_at(k % length)) {
            None => Ok(()),
            Some((k, letter)) => Err(Error::data("a letter is not valid at its place")
                .at(format!("row {}, token {}", k / length + 1, k % length + 1))
                .expected(format!("a letter below {}", self.letters_at(k % length)))
                .got(letter.to_string())),
        }
    }
}
