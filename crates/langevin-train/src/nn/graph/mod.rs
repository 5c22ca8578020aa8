//! The transformer for graphs: every ordered pair of nodes is a token, and no node has a position.
//!
//! The blocks and their condition are those of every [transformer](super::transformer), with
//! [triangular attention](super::kernels::triangle) instead of that of tokens. The pair (i, i)
//! stands for node i:
//!
//! ```text
//! h_ii = N[node i],   h_ij = E[edge ij],   blocks,
//! logits of node i = out h_ii,   logits of edge ij = out (h_ij + h_ji)/2
//! ```
//!
//! Both tables are learned. Every layer treats all nodes alike, so the outputs of renumbered nodes
//! are the renumbered outputs, up to the rounding of the sums over nodes. A letter that is not
//! valid at its place has a logit of −∞, and hence probability 0.
//!
//! Sources: Bergen et al., arXiv 2112.00578; the blocks are those of Peebles & Xie, arXiv
//! 2212.09748.

mod pass;

use super::kernels::triangle::MOST_NODES;
use super::net::{Net, Parameter, Pass, extents, is_zero};
use super::transformer::{Mixing, Sizes, Transformer, check_blocks, check_bounds};
use crate::error::{Error, Result};
use langevin_data::GraphShape;
use serde::{Deserialize, Serialize};

/// Configuration of a transformer for graphs.
///
/// A sample has the shape `[length]`, that of a [`GraphShape`]: the tokens of the nodes, unless
/// there are no node labels, and those of the pairs of nodes. The network is equivariant: it
/// predicts the same for renumbered nodes.
///
/// ```
/// use langevin_data::GraphShape;
/// use langevin_train::{GraphConfig, NetworkSpec};
/// // Graphs of 6 nodes without labels, pairs of 32 elements, 3 blocks with 4 heads.
/// let spec: NetworkSpec = GraphConfig::new(GraphShape::new(6, 0, 1)?, 32, 3, 4).into();
/// assert_eq!(serde_json::to_value(&spec)?["kind"], "graph");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GraphConfig {
    /// Number of elements of a pair of nodes.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Number of attention heads, which divide the width among them.
    pub heads: usize,
    /// Number of cosine features of the noise level; 0 for a network that does not see it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fourier: usize,
    /// Number of classes; 0 for an unconditional network.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub classes: usize,
    /// Largest number of nodes, at most 32.
    pub nodes: usize,
    /// Number of labels of nodes; 0 if nodes have no tokens.
    pub node_labels: usize,
    /// Number of labels of edges.
    pub edge_labels: usize,
    /// Number of letters of the input: those of the output, and the mask if there is one.
    pub letters: usize,
}

impl GraphConfig {
    /// Returns a configuration for masked graphs that does not see the noise level, without
    /// classes.
    ///
    /// The arguments are the sizes of the graphs, the elements of a pair, the blocks and the heads.
    ///
    /// ```
    /// let shape = langevin_data::GraphShape::new(9, 4, 3)?;
    /// let config = langevin_train::GraphConfig::new(shape, 64, 4, 4);
    /// // Letters 0 to 4, and the mask.
    /// assert_eq!((config.vocab(), config.letters), (5, 6));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn new(shape: GraphShape, width: usize, depth: usize, heads: usize) -> Self {
        Self {
            width,
            depth,
            heads,
            fourier: 0,
            classes: 0,
            nodes: shape.nodes(),
            node_labels: shape.node_labels(),
            edge_labels: shape.edge_labels(),
            letters: shape.vocab() + 1,
        }
    }

    /// Returns the number of letters of the output, which nodes and edges share.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.node_labels.max(self.edge_labels).saturating_add(1)
    }

    /// Returns the numbers of nodes, of their labels and of those of edges.
    pub(crate) fn sizes(&self) -> [usize; 3] {
        [self.nodes, self.node_labels, self.edge_labels]
    }

    /// Returns the numbers of outputs of a node and of an edge.
    fn outputs(&self) -> [usize; 2] {
        [if self.node_labels == 0 { 0 } else { self.node_labels + 1 }, self.edge_labels + 1]
    }

    /// Returns the number of rows of the table of nodes, before those of edges.
    fn node_rows(&self) -> usize {
        if self.node_labels == 0 { 1 } else { self.letters }
    }

    /// Checks that the sizes form a network for graphs of this shape.
    fn check(&self, shape: &[usize]) -> Result<()> {
        check_blocks(self.width, self.depth, self.heads, self.classes)?;
        check_bounds(&[("fourier", self.fourier, 0, 1 << 10), ("nodes", self.nodes, 1, MOST_NODES)])?;
        let graphs = GraphShape::new(self.nodes, self.node_labels, self.edge_labels)
            .map_err(|error| Error::argument("bad network size").at("network").got(error.to_string()))?;
        check_bounds(&[("letters", self.letters, graphs.vocab(), graphs.vocab() + 1)])?;
        if shape == [graphs.length()] {
            return Ok(());
        }
        Err(Error::argument("the samples are no graphs of this network")
            .at("network")
            .expected(format!("samples of shape [{}], for {} nodes", graphs.length(), self.nodes))
            .got(format!("[{}]", extents(shape))))
    }
}

/// Transformer for graphs of one largest size.
#[derive(Clone, Debug)]
pub(crate) struct GraphNet {
    config: GraphConfig,
    body: Transformer,
}

impl GraphNet {
    pub(crate) fn new(config: GraphConfig, shape: &[usize]) -> Result<Self> {
        config.check(shape)?;
        let GraphConfig { width, depth, heads, fourier, classes, nodes, letters, .. } = config;
        let features = if fourier == 0 { 0 } else { fourier + 1 };
        let body = Transformer::new(
            Sizes { width, heads, tokens: nodes * nodes, mixing: Mixing::Pairs { nodes } },
            depth,
            &[("node", [config.node_rows(), width]), ("edge", [letters, width])],
            [features, classes, config.outputs().iter().sum()],
            format_args!("for a transformer of width {width} and depth {depth} on graphs of {nodes} nodes"),
        )?;
        Ok(Self { config, body })
    }
}

impl Net for GraphNet {
    fn parameters(&self) -> &[Parameter] {
        &self.body.parameters
    }

    fn features(&self) -> usize {
        self.body.features
    }

    fn classes(&self) -> usize {
        self.body.classes
    }

    fn drops_out(&self) -> bool {
        true
    }

    /// Returns the initial weights: those of every transformer, and tables of nodes and edges with
    /// a standard deviation of 1.
    fn init(&self, seed: u64) -> Vec<f32> {
        self.body.init(seed, |name| matches!(name, "node" | "edge").then_some(1.0))
    }

    fn chunk(&self) -> usize {
        self.body.chunk()
    }

    fn pass(&self, rows: usize) -> Box<dyn Pass> {
        Box::new(pass::Memory::new(self, rows))
    }
}

#[cfg(test)]
mod tests;
