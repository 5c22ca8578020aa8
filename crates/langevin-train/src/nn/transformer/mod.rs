//! Common parts of the transformers: blocks of tokens, modulated by a condition of the row.
//!
//! A network cuts its input into tokens and embeds them as h. f are the
//! [features](super::net::features) of the noise level. e is the row of the class table, whose last
//! row stands for no class:
//!
//! ```text
//! c    = silu(silu(f T) C + b + e)
//!
//! (s₁, r₁, g₁, s₂, r₂, g₂) = c M + b         for each of `depth` blocks
//! h   ← h + g₁ ⊙ attention(norm(h) ⊙ (1 + r₁) + s₁)
//! h   ← h + g₂ ⊙ (gelu(( norm(h) ⊙ (1 + r₂) + s₂) F + b) G + b)
//!
//! (s, r) = c M + b,   out = (norm(h) ⊙ (1 + r) + s) O + b
//! ```
//!
//! The term with f is absent if there are no features, and e if there are no classes. The
//! modulations M and the last layer start at zero. Every block therefore starts as the identity,
//! and the first output is zero ("adaLN-zero"). Queries and keys are normalised to root mean
//! square 1. The attention is that of tokens or, in a graph, that of pairs of nodes ([`Mixing`]).
//!
//! Source: Peebles & Xie, arXiv 2212.09748; normalised queries and keys: Dehghani et al., arXiv
//! 2302.05442.

mod block;
mod condition;
mod trunk;

use super::net::{Parameter, check_size, size};
use crate::error::{Error, Result};
use std::fmt;
pub(super) use trunk::Trunk;

/// Largest number of tokens of a row.
pub(super) const MAX_TOKENS: usize = 1 << 14;

/// Sizes of the blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Number of elements of a token.
    pub(super) width: usize,
    pub(super) heads: usize,
    /// Number of tokens of a row.
    pub(super) tokens: usize,
    pub(super) mixing: Mixing,
}

/// Attention of a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mixing {
    /// Tokens attend to tokens; with `causal`, each to itself and those before it alone. With
    /// `rotary`, queries and keys are turned by their position.
    Tokens { causal: bool, rotary: bool },
    /// Tokens are the ordered pairs of nodes, and attend along the paths between them.
    Pairs { nodes: usize },
}

impl Sizes {
    /// Returns the number of elements of a head.
    fn head(self) -> usize {
        self.width / self.heads
    }

    /// Returns the number of vectors of a token that attention reads: a query, a key, and one or
    /// two values.
    fn parts(self) -> usize {
        match self.mixing {
            Mixing::Tokens { .. } => 3,
            Mixing::Pairs { .. } => 4,
        }
    }
}

/// Checks sizes of a configuration, each with its name and its bounds.
pub(super) fn check_bounds(bounds: &[(&str, usize, usize, usize)]) -> Result<()> {
    for (name, value, low, high) in bounds {
        if !(low..=high).contains(&value) {
            return Err(Error::argument("bad network size")
                .at(*name)
                .expected(format!("{low} to {high}"))
                .got(value.to_string()));
        }
    }
    Ok(())
}

/// Checks the sizes that every transformer has.
pub(super) fn check_blocks(width: usize, depth: usize, heads: usize, classes: usize) -> Result<()> {
    check_bounds(&[
        ("width", width, 4, 1 << 13),
        ("depth", depth, 1, 1 << 7),
        ("heads", heads, 1, 1 << 7),
        ("classes", classes, 0, 1 << 20),
    ])?;
    if width.is_multiple_of(heads) {
        return Ok(());
    }
    Err(Error::argument("the heads do not share the width")
        .at("heads")
        .expected(format!("a divisor of the width {width}"))
        .got(heads.to_string()))
}

/// Sum of the biases of the condition of a network that does not see the noise level.
///
/// The silu of a small bias is half of it, so that the elements of the condition have the sum 8. A
/// text of 27 letters then needs about two thirds of the steps that biases of 1 need.
const CONDITION: f32 = 16.0;
/// Parameters of a block.
pub(super) const BLOCK: [&str; 11] =
    ["mod.w", "mod.b", "qkv.w", "qkv.b", "gain", "proj.w", "proj.b", "fc1.w", "fc1.b", "fc2.w", "fc2.b"];
/// Parameters after the blocks.
pub(super) const TAIL: [&str; 4] = ["out.mod.w", "out.mod.b", "out.w", "out.b"];

/// Sizes and parameters of a transformer, all but the meaning of its input.
#[derive(Clone, Debug)]
pub(super) struct Transformer {
    pub(super) sizes: Sizes,
    depth: usize,
    /// Number of features of the noise level; 0 if the network does not see it.
    pub(super) features: usize,
    pub(super) classes: usize,
    /// Number of outputs of a token.
    outputs: usize,
    /// Number of parameters of the embedding, which come first.
    embedding: usize,
    pub(super) parameters: Vec<Parameter>,
}

impl Transformer {
    /// Lays out the parameters: `embedding`, the condition, the blocks and the last layer.
    ///
    /// The sizes must have passed [`check_blocks`]; `what` describes the network in the error of
    /// one that is too large.
    pub(super) fn new(
        sizes: Sizes,
        depth: usize,
        embedding: &[(&str, [usize; 2])],
        [features, classes, outputs]: [usize; 3],
        what: fmt::Arguments<'_>,
    ) -> Result<Self> {
        let w = sizes.width;
        let shape = |name: &str| match name {
            "time.in" => [features, w],
            "class" => [classes + 1, w],
            "mod.w" => [w, 6 * w],
            "mod.b" => [1, 6 * w],
            "qkv.w" => [w, sizes.parts() * w],
            "qkv.b" => [1, sizes.parts() * w],
            "gain" => [1, sizes.head()],
            "fc1.w" => [w, 4 * w],
            "fc1.b" => [1, 4 * w],
            "fc2.w" => [4 * w, w],
            "out.mod.w" => [w, 2 * w],
            "out.mod.b" => [1, 2 * w],
            "out.w" => [w, outputs],
            "out.b" => [1, outputs],
            "time.w" | "proj.w" => [w, w],
            _ => [1, w],
        };
        let time = ["time.in", "time.w"].into_iter().filter(|_| features > 0);
        let condition = time.chain(["time.b"]).chain(["class"].into_iter().filter(|_| classes > 0));
        let blocks =
            (0..depth).flat_map(|block| BLOCK.iter().map(move |name| (format!("block.{block}.{name}"), shape(name))));
        let parameters = embedding.iter().map(|(name, shape)| ((*name).to_owned(), *shape));
        let parameters = parameters.chain(condition.map(|name| (name.to_owned(), shape(name))));
        let parameters = parameters.chain(blocks).chain(TAIL.iter().map(|name| ((*name).to_owned(), shape(name))));
        let parameters = Parameter::layout(parameters);
        // A sum that saturates is too large as well.
        check_size(Some(size(&parameters)).filter(|total| *total < usize::MAX), what)?;
        Ok(Self { sizes, depth, features, classes, outputs, embedding: embedding.len(), parameters })
    }

    /// Returns the initial weights.
    ///
    /// Weights are normal with variance 1/inputs; modulations, biases and the last layer are zero;
    /// gains are one. The class table has a standard deviation of ½, about that of the noise-level
    /// embedding. Without features the condition is the same in every row. A step then moves every
    /// modulation by its bias and by all elements of the condition, so that the bias of the
    /// condition is [`CONDITION`]/width, for about nine times the step of one weight.
    /// `embedding` returns the standard deviation of a parameter that is an exception.
    pub(super) fn init(&self, seed: u64, embedding: impl Fn(&str) -> Option<f32>) -> Vec<f32> {
        let linear = |parameter: &Parameter| (parameter.shape[0] as f32).sqrt().recip();
        let scale = |parameter: &Parameter| match parameter.name.as_str() {
            "class" => 0.5,
            "out.w" => 0.0,
            name if name.ends_with(".w") && !name.ends_with("mod.w") => linear(parameter),
            "time.in" => linear(parameter),
            _ => 0.0,
        };
        let mut values = Parameter::normals(&self.parameters, seed, |parameter| {
            embedding(&parameter.name).unwrap_or_else(|| scale(parameter))
        });
        let gains = self.parameters.iter().filter(|parameter| parameter.name.ends_with(".gain"));
        let bias = self.condition().iter().filter(|parameter| self.features == 0 && parameter.name == "time.b");
        gains.for_each(|parameter| parameter.of_mut(&mut values).fill(1.0));
        bias.for_each(|parameter| parameter.of_mut(&mut values).fill(CONDITION / self.sizes.width as f32));
        values
    }

    /// Returns the number of rows of an evaluation, which have about 256 tokens.
    pub(super) fn chunk(&self) -> usize {
        (256 / self.sizes.tokens).max(1)
    }

    /// Returns the parameters before the blocks: those of the embedding and of the condition.
    pub(super) fn head(&self) -> &[Parameter] {
        &self.parameters[..self.parameters.len() - TAIL.len() - self.depth * BLOCK.len()]
    }

    /// Returns the parameters of the embedding.
    pub(super) fn embedding(&self) -> &[Parameter] {
        &self.parameters[..self.embedding]
    }

    fn condition(&self) -> &[Parameter] {
        &self.head()[self.embedding..]
    }

    fn block(&self, block: usize) -> &[Parameter] {
        &self.parameters[self.head().len() + block * BLOCK.len()..][..BLOCK.len()]
    }

    fn tail(&self) -> &[Parameter] {
        &self.parameters[self.parameters.len() - TAIL.len()..]
    }
}
