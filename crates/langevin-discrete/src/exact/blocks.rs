//! A stochastic block model of graphs.

use super::products::{Components, log_probability, predict};
use super::{Density, distributions, each_sequence, enumerated_entropy};
use crate::chance::{pick, uniforms};
use crate::denoiser::Denoiser;
use crate::plan::entropy;
use crate::space::{Letter, Noise, StateSpace};
use langevin::noise::draws;
use langevin::{Error, Query, Result, SampleId};

/// Largest number of nodes with latent labels.
const MOST_LATENT: usize = 8;
/// Largest number of labelings.
const MOST_LABELINGS: usize = 1 << 16;
/// Largest number of nodes.
const MOST_NODES: usize = 1024;

/// A stochastic block model: every node has a label, and two nodes are joined by an edge with a
/// probability that depends on their labels.
///
/// A sequence has the n(n − 1)/2 pairs of nodes as tokens, in the order (0, 1), (0, 2), …, (1, 2)
/// and so on; letter 1 is an edge. With known labels the pairs are independent. With latent labels
/// the model is a mixture of products over all labelings.
///
/// ```
/// use langevin_discrete::{Denoiser, Noise, exact::{BlockModel, Density}};
/// // Three nodes, the first two in the same block.
/// let known = BlockModel::known(Noise::Masked, vec![0, 0, 1], vec![0.8, 0.1, 0.1, 0.8])?;
/// assert_eq!(known.space().length(), 3);
/// assert!((known.log_probability(&[1, 0, 0]) - (0.8 * 0.9 * 0.9_f64).ln()).abs() < 1e-14);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BlockModel {
    space: StateSpace,
    nodes: usize,
    blocks: usize,
    latent: bool,
    /// Labels of the nodes, labeling after labeling.
    labels: Vec<usize>,
    weights: Vec<f64>,
    log_weights: Vec<f64>,
    connect: Vec<f64>,
    /// Both nodes of each token.
    pairs: Vec<[usize; 2]>,
}

impl BlockModel {
    /// Creates the model of nodes with known labels, counted from 0, and the symmetric K × K
    /// probabilities of an edge.
    ///
    /// # Errors
    /// Returns an error if there are fewer than two nodes or more than 1024, if a label has no row
    /// of probabilities, or if the probabilities are not symmetric numbers from 0 to 1.
    pub fn known(noise: Noise, labels: Vec<usize>, connect: Vec<f64>) -> Result<Self> {
        let blocks = square(&connect)?;
        if let Some(node) = labels.iter().position(|label| *label >= blocks) {
            return Err(Error::argument("unknown label of a node")
                .at(format!("node {node}"))
                .expected(format!("a label below {blocks}"))
                .got(labels[node].to_string()));
        }
        Self::build(noise, labels.len(), blocks, false, labels, vec![1.0], connect)
    }

    /// Creates the model of at most 8 nodes, whose labels are drawn independently with these
    /// shares, and the symmetric K × K probabilities of an edge.
    ///
    /// ```
    /// use langevin_discrete::{Noise, exact::{BlockModel, Density}};
    /// let edges = vec![0.9, 0.1, 0.1, 0.9];
    /// let graphs = BlockModel::latent(Noise::Masked, 4, vec![0.5, 0.5], edges)?;
    /// // Two edges of a triangle make the third one likely.
    /// let nats = |x: [u32; 6]| graphs.log_probability(&x);
    /// let [open, closed] = [nats([1, 1, 0, 0, 0, 0]), nats([1, 1, 0, 1, 0, 0])];
    /// assert!(closed > open);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if there are fewer than two nodes or more than 8, if there are more than
    /// 65536 labelings, or if the probabilities do not fit.
    pub fn latent(noise: Noise, nodes: usize, shares: Vec<f64>, connect: Vec<f64>) -> Result<Self> {
        let blocks = square(&connect)?;
        distributions("shares", &shares, blocks, blocks)?;
        let count = blocks.checked_pow(nodes.min(MOST_LATENT + 1) as u32).filter(|count| *count <= MOST_LABELINGS);
        let Some(count) = count.filter(|_| nodes <= MOST_LATENT) else {
            return Err(Error::argument("too many labelings of the nodes")
                .expected(format!("at most {MOST_LATENT} nodes and {MOST_LABELINGS} labelings"))
                .got(format!("{blocks} labels to the power {nodes}")));
        };
        let (mut labels, mut weights) = (Vec::with_capacity(count * nodes), Vec::with_capacity(count));
        each_sequence(blocks, nodes, |labeling| {
            labels.extend(labeling.iter().map(|label| *label as usize));
            weights.push(labeling.iter().map(|label| shares[*label as usize]).product());
        });
        Self::build(noise, nodes, blocks, true, labels, weights, connect)
    }

    /// Creates the example: `nodes` nodes in `blocks` blocks of equal shares, with an edge of
    /// probability 0.8 inside a block and 0.1 between two, and latent labels.
    ///
    /// # Errors
    /// Returns an error if there are too many nodes or blocks.
    pub fn example(nodes: usize, blocks: usize, noise: Noise) -> Result<Self> {
        if !(1..=MOST_LABELINGS).contains(&blocks) || blocks > 256 {
            return Err(Error::argument("bad number of blocks").expected("1 to 256").got(blocks.to_string()));
        }
        let connect = (0..blocks * blocks).map(|k| if k / blocks == k % blocks { 0.8 } else { 0.1 }).collect();
        Self::latent(noise, nodes, vec![1.0 / blocks as f64; blocks], connect)
    }

    fn build(
        noise: Noise,
        nodes: usize,
        blocks: usize,
        latent: bool,
        labels: Vec<usize>,
        weights: Vec<f64>,
        connect: Vec<f64>,
    ) -> Result<Self> {
        if !(2..=MOST_NODES).contains(&nodes) {
            return Err(Error::argument("bad number of nodes")
                .expected(format!("2 to {MOST_NODES}"))
                .got(nodes.to_string()));
        }
        let space = StateSpace::new(noise, 2, nodes * (nodes - 1) / 2)?;
        let pairs = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| [a, b])).collect();
        let log_weights = weights.iter().map(|weight| libm::log(*weight)).collect();
        Ok(Self { space, nodes, blocks, latent, labels, weights, log_weights, connect, pairs })
    }

    /// Returns the token of the pair of two nodes, in either order.
    ///
    /// ```
    /// use langevin_discrete::{Noise, exact::BlockModel};
    /// let graphs = BlockModel::example(4, 2, Noise::Masked)?;
    /// assert_eq!([graphs.token(0, 1), graphs.token(3, 2)], [Some(0), Some(5)]);
    /// assert_eq!([graphs.token(2, 2), graphs.token(0, 4)], [None, None]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn token(&self, a: usize, b: usize) -> Option<usize> {
        let (a, b) = (a.min(b), a.max(b));
        (a < b && b < self.nodes).then(|| a * (2 * self.nodes - a - 1) / 2 + b - a - 1)
    }

    /// Returns the probability of an edge in one labeling.
    fn edge(&self, labeling: usize, place: usize) -> f64 {
        let labels = &self.labels[labeling * self.nodes..][..self.nodes];
        let [a, b] = self.pairs[place].map(|node| labels[node]);
        self.connect[a * self.blocks + b]
    }
}

/// Checks the probabilities of an edge, and returns the number of blocks.
fn square(connect: &[f64]) -> Result<usize> {
    let blocks = (0..=connect.len()).find(|k| k * k >= connect.len()).unwrap_or(0);
    if blocks == 0 || blocks * blocks != connect.len() {
        return Err(Error::shape("the probabilities of an edge are no square table")
            .at("connect")
            .expected("K × K numbers")
            .got(connect.len().to_string()));
    }
    for (k, p) in connect.iter().enumerate() {
        let (row, column) = (k / blocks, k % blocks);
        if !(0.0..=1.0).contains(p) || *p != connect[column * blocks + row] {
            return Err(Error::argument("bad probability of an edge")
                .at(format!("connect, row {row}, column {column}"))
                .expected("symmetric numbers from 0 to 1")
                .got(p.to_string()));
        }
    }
    Ok(blocks)
}

impl Components for BlockModel {
    fn count(&self) -> usize {
        self.weights.len()
    }

    fn log_weight(&self, component: usize) -> f64 {
        self.log_weights[component]
    }

    fn seen(&self, component: usize, place: usize, emission: &[f64]) -> f64 {
        let edge = self.edge(component, place);
        (1.0 - edge) * emission[0] + edge * emission[1]
    }

    fn add(&self, component: usize, place: usize, weight: f64, out: &mut [f64]) {
        let edge = self.edge(component, place);
        out[0] += weight * (1.0 - edge);
        out[1] += weight * edge;
    }
}

impl Denoiser for BlockModel {
    fn space(&self) -> &StateSpace {
        &self.space
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        predict(self, &self.space, x, query)
    }
}

impl Density for BlockModel {
    fn name(&self) -> String {
        let kind = if self.latent { "blocks" } else { "labelled-blocks" };
        format!("{kind}:{}:{}", self.nodes, self.blocks)
    }

    fn log_probability(&self, tokens: &[Letter]) -> f64 {
        log_probability(self, 2, tokens)
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<Letter> {
        let length = self.space.length();
        let (mut out, mut u) = (Vec::with_capacity(rows.len() * length), vec![0.0; length + 1]);
        for row in rows {
            uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            let labeling = pick(&self.weights, u[0]).unwrap_or_default() as usize;
            let absent = |(place, u): (usize, &f64)| *u < 1.0 - self.edge(labeling, place);
            out.extend(u[1..].iter().enumerate().map(|one| Letter::from(!absent(one))));
        }
        out
    }

    fn entropy(&self) -> Option<f64> {
        if self.latent {
            return enumerated_entropy(self);
        }
        let edges = (0..self.pairs.len()).map(|place| self.edge(0, place));
        Some(edges.map(|edge| entropy(&[1.0 - edge, edge])).sum())
    }
}
