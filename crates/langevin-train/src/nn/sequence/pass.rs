//! Memory of one evaluation.

use super::Sequence;
use super::embedding::Embedding;
use crate::error::{Error, Result};
use crate::nn::net::{Pass, Rows};
use crate::nn::stop::Stop;
use crate::nn::transformer::Trunk;

/// Memory of one evaluation, see [`Pass`].
pub(super) struct Memory {
    embedding: Embedding,
    length: usize,
    letters: usize,
    vocab: usize,
    out: Vec<f32>,
    trunk: Trunk,
}

impl Memory {
    pub(super) fn new(net: &Sequence, rows: usize) -> Self {
        let length = net.body.sizes.tokens;
        Self {
            embedding: Embedding::new(&net.config, length, net.body.embedding()),
            length,
            letters: net.config.letters,
            vocab: net.config.vocab,
            out: vec![0.0; rows * length * net.config.vocab],
            trunk: Trunk::new(net.body.clone(), rows),
        }
    }

    /// Checks that the rows are tokens of the network.
    fn check(&self, tokens: &[u32], count: usize) -> Result<()> {
        if tokens.len() != count * self.length {
            return Err(Error::argument("the rows are not sequences of tokens")
                .at("network")
                .expected(format!("{count} × {} tokens", self.length))
                .got(tokens.len().to_string())
                .hinting("this network is for data of letters, not of numbers"));
        }
        match tokens.iter().position(|token| *token as usize >= self.letters) {
            None => Ok(()),
            Some(place) => Err(Error::argument("a token is not a letter of the network")
                .at(format!("row {}, position {}", place / self.length, place % self.length))
                .expected(format!("0 to {}", self.letters - 1))
                .got(tokens[place].to_string())),
        }
    }
}

impl Pass for Memory {
    fn stop_when(&mut self, stop: Stop) {
        self.trunk.stop_when(stop);
    }

    fn forward(&mut self, weights: &[f32], given: Rows<'_>, count: usize, keep: bool) -> Result<&[f32]> {
        self.check(given.tokens, count)?;
        let out = &mut self.out[..given.tokens.len() * self.vocab];
        let embed = |h: &mut [f32]| self.embedding.forward(weights, given.tokens, h);
        self.trunk.forward(weights, given, count, keep, embed, out)?;
        Ok(out)
    }

    fn back(
        &mut self,
        weights: &[f32],
        given: Rows<'_>,
        cotangent: &[f32],
        gradient: Option<&mut [f32]>,
        _dx: Option<&mut [f32]>,
    ) -> Result<()> {
        let Self { embedding, trunk, .. } = self;
        trunk.back(weights, given, cotangent, gradient, |g, gradient| {
            if let Some(gradient) = gradient {
                embedding.back(given.tokens, g, gradient);
            }
        })
    }
}
