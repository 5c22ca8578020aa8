//! Memory of one evaluation: the table rows of the pairs, and the logits of nodes and edges.

use super::GraphNet;
use crate::error::{Error, Result};
use crate::nn::kernels::rows::{embed, embed_back};
use crate::nn::net::{Pass, Rows};
use crate::nn::stop::Stop;
use crate::nn::transformer::Trunk;
use std::ops::Range;

/// Memory of one evaluation, see [`Pass`].
pub(super) struct Memory {
    /// Both tables, which lie one after the other in the weights.
    tables: Range<usize>,
    width: usize,
    letters: usize,
    vocab: usize,
    /// Number of rows of the table of nodes.
    node_rows: u32,
    /// Numbers of outputs of a node and of an edge.
    outputs: [usize; 2],
    /// Both pairs of each token, (i, i) for a node and (i, j), (j, i) for an edge, and the number
    /// of nodes among the tokens.
    places: Vec<[usize; 2]>,
    nodes: usize,
    /// Number of pairs of a graph.
    pairs: usize,
    /// Row of the tables for each pair.
    index: Vec<u32>,
    /// Outputs of the pairs, and their gradient.
    z: Vec<f32>,
    dz: Vec<f32>,
    out: Vec<f32>,
    trunk: Trunk,
}

impl Memory {
    pub(super) fn new(net: &GraphNet, rows: usize) -> Self {
        let (config, tables) = (&net.config, &net.body.parameters[..2]);
        let n = config.nodes;
        let labelled = (0..n).filter(|_| config.node_labels > 0).map(|i| [i * n + i; 2]);
        let edges = (0..n).flat_map(|i| (i + 1..n).map(move |j| [i * n + j, j * n + i]));
        let places: Vec<[usize; 2]> = labelled.chain(edges).collect();
        let outputs = config.outputs();
        let z = vec![0.0; rows * n * n * (outputs[0] + outputs[1])];
        Self {
            tables: tables[0].range().start..tables[1].range().end,
            width: config.width,
            letters: config.letters,
            vocab: config.vocab(),
            node_rows: config.node_rows() as u32,
            outputs,
            nodes: if config.node_labels > 0 { n } else { 0 },
            pairs: n * n,
            index: vec![0; rows * n * n],
            dz: z.clone(),
            z,
            out: vec![f32::NEG_INFINITY; rows * places.len() * config.vocab()],
            places,
            trunk: Trunk::new(net.body.clone(), rows),
        }
    }

    /// Checks that the rows are tokens of graphs.
    fn check(&self, tokens: &[u32], count: usize) -> Result<()> {
        let length = self.places.len();
        if tokens.len() != count * length {
            return Err(Error::argument("the rows are not graphs")
                .at("network")
                .expected(format!("{count} × {length} tokens"))
                .got(tokens.len().to_string())
                .hinting("this network is for data of graphs, not of numbers"));
        }
        match tokens.iter().position(|token| *token as usize >= self.letters) {
            None => Ok(()),
            Some(place) => Err(Error::argument("a token is not a letter of the network")
                .at(format!("row {}, position {}", place / length, place % length))
                .expected(format!("0 to {}", self.letters - 1))
                .got(tokens[place].to_string())),
        }
    }
}

/// Returns which outputs a pair has for a node, or for an edge.
fn span([nodes, edges]: [usize; 2], pair: usize, is_node: bool) -> Range<usize> {
    let first = pair * (nodes + edges);
    if is_node { first..first + nodes } else { first + nodes..first + nodes + edges }
}

impl Pass for Memory {
    fn stop_when(&mut self, stop: Stop) {
        self.trunk.stop_when(stop);
    }

    fn forward(&mut self, weights: &[f32], given: Rows<'_>, count: usize, keep: bool) -> Result<&[f32]> {
        self.check(given.tokens, count)?;
        let (length, pairs) = (self.places.len(), self.pairs);
        // Without tokens every node has the first row of the tables.
        let index = &mut self.index[..count * pairs];
        index.fill(0);
        for (index, tokens) in index.chunks_exact_mut(pairs).zip(given.tokens.chunks_exact(length)) {
            for (place, (both, token)) in self.places.iter().zip(tokens).enumerate() {
                let row = if place < self.nodes { *token } else { self.node_rows + token };
                both.iter().for_each(|pair| index[*pair] = row);
            }
        }
        let tables = &weights[self.tables.clone()];
        let width = self.outputs[0] + self.outputs[1];
        let (index, z) = (&self.index[..count * pairs], &mut self.z[..count * pairs * width]);
        self.trunk.forward(weights, given, count, keep, |h| embed(tables, self.width, index, h), z)?;
        for row in 0..count {
            for (place, [a, b]) in self.places.iter().enumerate() {
                let [a, b] = [a, b].map(|pair| &self.z[span(self.outputs, row * pairs + pair, place < self.nodes)]);
                let out = &mut self.out[(row * length + place) * self.vocab..][..self.vocab];
                out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (a, b))| *out = 0.5 * (a + b));
            }
        }
        Ok(&self.out[..count * length * self.vocab])
    }

    fn back(
        &mut self,
        weights: &[f32],
        given: Rows<'_>,
        cotangent: &[f32],
        gradient: Option<&mut [f32]>,
        _dx: Option<&mut [f32]>,
    ) -> Result<()> {
        let (length, pairs) = (self.places.len(), self.pairs);
        let count = self.trunk.count();
        let mut dz = std::mem::take(&mut self.dz);
        let dz_now = &mut dz[..count * pairs * (self.outputs[0] + self.outputs[1])];
        dz_now.fill(0.0);
        for row in 0..count {
            for (place, both) in self.places.iter().enumerate() {
                let g = &cotangent[(row * length + place) * self.vocab..][..self.vocab];
                for pair in both {
                    let span = span(self.outputs, row * pairs + pair, place < self.nodes);
                    dz_now[span].iter_mut().zip(g).for_each(|(dz, g)| *dz += 0.5 * g);
                }
            }
        }
        let (index, tables) = (&self.index[..count * pairs], self.tables.clone());
        let result = self.trunk.back(weights, given, dz_now, gradient, |g, gradient| {
            if let Some(gradient) = gradient {
                embed_back(g, self.width, index, &mut gradient[tables]);
            }
        });
        self.dz = dz;
        result
    }
}
