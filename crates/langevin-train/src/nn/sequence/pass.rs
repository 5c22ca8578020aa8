//! Memory of one evaluation, and the embedding of tokens.

use super::Sequence;
use crate::error::{Error, Result};
use crate::nn::kernels::rows::{add, add_rows, embed, embed_back, embed_near, embed_near_back};
use crate::nn::net::{Parameter, Pass, Rows};
use crate::nn::stop::Stop;
use crate::nn::transformer::Trunk;

/// Memory of one evaluation, see [`Pass`].
pub(super) struct Memory {
    /// Tables of the tokens, of the positions, and of the neighbours if they are seen.
    embedding: Vec<Parameter>,
    /// Neighbours of a position, as differences of positions.
    shifts: Vec<isize>,
    length: usize,
    width: usize,
    letters: usize,
    vocab: usize,
    out: Vec<f32>,
    trunk: Trunk,
}

impl Memory {
    pub(super) fn new(net: &Sequence, rows: usize) -> Self {
        let length = net.body.sizes.tokens;
        Self {
            embedding: net.body.embedding().to_vec(),
            shifts: net.config.shifts().collect(),
            length,
            width: net.config.width,
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
        let table = |index: usize| self.embedding[index].of(weights);
        let (letters, positions) = (table(0), table(1));
        let first = |h: &mut [f32]| {
            embed(letters, self.width, given.tokens, h);
            h.chunks_exact_mut(positions.len()).for_each(|h| add(h, positions));
            for (shift, part) in self.shifts.iter().zip(0..) {
                let near = &table(2)[part * letters.len()..][..letters.len()];
                embed_near(near, self.width, self.length, *shift, given.tokens, h);
            }
        };
        let out = &mut self.out[..given.tokens.len() * self.vocab];
        self.trunk.forward(weights, given, count, keep, first, out)?;
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
        let Self { embedding, shifts, length, width, trunk, .. } = self;
        trunk.back(weights, given, cotangent, gradient, |g, gradient| {
            if let Some(gradient) = gradient {
                embed_back(g, *width, given.tokens, embedding[0].of_mut(gradient));
                add_rows(embedding[1].of_mut(gradient), g);
                let letters = embedding[0].shape.iter().product::<usize>();
                for (shift, part) in shifts.iter().zip(0..) {
                    let near = &mut embedding[2].of_mut(gradient)[part * letters..][..letters];
                    embed_near_back(g, *width, *length, *shift, given.tokens, near);
                }
            }
        })
    }
}
