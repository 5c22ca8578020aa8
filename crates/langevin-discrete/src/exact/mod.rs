//! Densities on sequences that are known exactly: models without a network, and judges of samplers.
//!
//! Every density is a [`Denoiser`]: its leave-one-out prediction is exact at every level and for
//! every noise. A plan that runs on it has no error but its own.
//!
//! | density | cost of one sequence |
//! |---|---|
//! | [`Table`], any law on at most 4096 sequences | V^d · d |
//! | [`Products`], a mixture of K products of independent tokens | K · d · V |
//! | [`DataSet`], K sequences with equal weights, such as [`shidoku`] | K · d |
//! | [`Chain`], a Markov chain, such as an Ising chain | d · V² |
//! | [`Hmm`], a hidden Markov chain of S states | d · S · (S + V) |
//! | [`Tree`], a Markov field on a tree | d · V² |
//! | [`BlockModel`], a stochastic block model of graphs, labels known or latent | n², or Kⁿ · n² |
//! | [`ConnectedGraphs`], all connected graphs on at most 6 nodes | 26704 · d |
//!
//! [`GraphLaw`] is the exact law of the graphs that a network samples, if it treats all nodes
//! alike.
//!
//! [`named`] returns a density by a name such as `chain:8x64`; [`FORMS`] lists the names.
//!
//! # Impossible contexts
//!
//! A sampler may reveal tokens that no sequence of the density agrees with. Nothing is known of the
//! other tokens then. A [`Table`], [`Products`], a [`DataSet`], a [`BlockModel`] and
//! [`ConnectedGraphs`] predict the marginal law of the token. [`Chain`], [`Hmm`] and [`Tree`]
//! replace a message that is zero by a uniform one.

mod blocks;
mod chain;
mod connected;
mod hmm;
mod names;
mod orbits;
mod products;
mod rows;
mod table;
mod tree;

pub use blocks::BlockModel;
pub use chain::Chain;
pub use connected::ConnectedGraphs;
pub use hmm::Hmm;
pub use names::{FORMS, named};
pub use orbits::{GraphClass, GraphLaw};
pub use products::Products;
pub use rows::{DataSet, shidoku};
pub use table::Table;
pub use tree::Tree;

use crate::chance::uniforms;
use crate::denoiser::Denoiser;
use crate::plan::Law;
use crate::space::{Letter, StateSpace};
use langevin::noise::draws;
use langevin::{Error, Result, SampleId};

/// Largest number of sequences that are enumerated.
pub(crate) const MOST: usize = 4096;

/// A density on sequences of clean letters.
///
/// ```
/// use langevin_discrete::{Noise, exact::{Chain, Density}};
/// let chain = Chain::example(2, 3, Noise::Masked)?;
/// let total: f64 = (0..8).map(|k| chain.log_probability(&[k / 4, k / 2 % 2, k % 2]).exp()).sum();
/// assert!((total - 1.0).abs() < 1e-14);
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Density: Denoiser {
    /// Returns the name of the density, as messages print it.
    fn name(&self) -> String;

    /// Returns ln p of a sequence of d letters; −∞ if it is impossible.
    fn log_probability(&self, tokens: &[Letter]) -> f64;

    /// Draws one sequence for each row, rows × d letters.
    fn sample(&self, rows: &[SampleId]) -> Vec<Letter>;

    /// Returns the entropy in nats, if it is known.
    fn entropy(&self) -> Option<f64> {
        None
    }

    /// Returns the density as a Markov chain, if it is one. The errors of many plans are then exact
    /// ([`recommend`](crate::recommend)).
    fn chain(&self) -> Option<&Chain> {
        None
    }
}

impl<D: Density + ?Sized> Density for &D {
    fn name(&self) -> String {
        (**self).name()
    }

    fn log_probability(&self, tokens: &[Letter]) -> f64 {
        (**self).log_probability(tokens)
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<Letter> {
        (**self).sample(rows)
    }

    fn entropy(&self) -> Option<f64> {
        (**self).entropy()
    }

    fn chain(&self) -> Option<&Chain> {
        (**self).chain()
    }
}

impl<D: Density + ?Sized + Send> Density for Box<D> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn log_probability(&self, tokens: &[Letter]) -> f64 {
        (**self).log_probability(tokens)
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<Letter> {
        (**self).sample(rows)
    }

    fn entropy(&self) -> Option<f64> {
        (**self).entropy()
    }

    fn chain(&self) -> Option<&Chain> {
        (**self).chain()
    }
}

/// Calls `visit` with every sequence of `length` letters below `letters`, the last changing
/// fastest.
pub(crate) fn each_sequence(letters: usize, length: usize, mut visit: impl FnMut(&[Letter])) {
    let mut tokens = vec![0; length];
    loop {
        visit(&tokens);
        let mut place = length;
        loop {
            if place == 0 {
                return;
            }
            place -= 1;
            tokens[place] += 1;
            if (tokens[place] as usize) < letters {
                break;
            }
            tokens[place] = 0;
        }
    }
}

/// Returns the number of sequences of `letters` letters, if they can be enumerated.
pub(crate) fn enumerable(letters: usize, length: usize) -> Result<usize> {
    let count = u32::try_from(length).ok().and_then(|d| letters.checked_pow(d)).filter(|count| *count <= MOST);
    count.ok_or_else(|| {
        Error::argument("too many sequences to enumerate")
            .expected(format!("at most {MOST}"))
            .got(format!("{letters} letters to the power {length}"))
    })
}

/// Returns the probabilities of all sequences of a density, in the order of a
/// [`Law`]: letters include the mask.
///
/// # Errors
/// Returns an error if there are more than 4096 sequences.
pub fn probabilities(density: &dyn Density) -> Result<Vec<f64>> {
    let space = density.space();
    let mut out = Vec::with_capacity(enumerable(space.letters(), space.length())?);
    let clean = |tokens: &[Letter]| tokens.iter().all(|letter| (*letter as usize) < space.vocab());
    each_sequence(space.letters(), space.length(), |tokens| {
        out.push(if clean(tokens) { libm::exp(density.log_probability(tokens)) } else { 0.0 });
    });
    Ok(out)
}

/// Returns KL(p‖q) from a density p to the exact law q of a plan's samples.
///
/// # Errors
/// Returns an error if there are more than 4096 sequences or the law is of another space.
pub fn kl(density: &dyn Density, law: &Law) -> Result<f64> {
    law.kl(&probabilities(density)?)
}

/// Returns the emission P(v, x) of letter `x` for every clean letter, up to a factor.
///
/// A mask says nothing: its emission is 1 for every letter, at any survival.
pub(crate) fn emission(space: &StateSpace, alpha: f64, x: Letter, out: &mut [f64]) {
    match space.mask() {
        Some(mask) if x == mask => out.fill(1.0),
        Some(_) => {
            out.fill(0.0);
            out[x as usize] = 1.0;
        }
        None => out.iter_mut().enumerate().for_each(|(v, out)| *out = space.transition(alpha, v as Letter, x)),
    }
}

/// Divides by the sum; a list without a positive sum becomes uniform.
pub(crate) fn normalise(values: &mut [f64]) {
    let (sum, count): (f64, f64) = (values.iter().sum(), values.len() as f64);
    values.iter_mut().for_each(|value| *value = if sum > 0.0 { *value / sum } else { 1.0 / count });
}

/// Checks that `values` are rows of `width` probabilities, `count` of them in total.
pub(crate) fn distributions(name: &str, values: &[f64], count: usize, width: usize) -> Result<()> {
    if values.len() != count {
        return Err(Error::shape("the probabilities have the wrong number")
            .at(name)
            .expected(count.to_string())
            .got(values.len().to_string()));
    }
    for (row, values) in values.chunks_exact(width).enumerate() {
        let sum: f64 = values.iter().sum();
        if values.iter().any(|value| *value < 0.0 || value.is_nan()) || (sum - 1.0).abs() > 1e-9 {
            return Err(Error::argument("the probabilities are no distribution")
                .at(format!("{name}, row {row}"))
                .expected("numbers from 0 on with the sum 1")
                .got(format!("the sum {sum}")));
        }
    }
    Ok(())
}

/// Returns `rows` random distributions on `width` letters for examples: u³ + 0.02, normalised.
pub(crate) fn random_rows(index: u64, rows: usize, width: usize) -> Vec<f64> {
    let mut values = vec![0.0; rows * width];
    uniforms(SampleId { seed: 3, index }, draws::EXACT_UNIFORMS.first(), &mut values);
    values.iter_mut().for_each(|u| *u = *u * *u * *u + 0.02);
    values.chunks_exact_mut(width).for_each(normalise);
    values
}

/// Adds the law after one step of a chain: law · next.
pub(crate) fn step(law: &[f64], next: &[f64], out: &mut [f64]) {
    for (weight, next) in law.iter().zip(next.chunks_exact(out.len())) {
        out.iter_mut().zip(next).for_each(|(out, next)| *out += weight * next);
    }
}

/// Returns the stationary law of a chain whose probabilities of the next letter are all positive.
pub(crate) fn stationary(next: &[f64], width: usize) -> Vec<f64> {
    let mut first = vec![1.0 / width as f64; width];
    // The smallest entry of a row is bounded below, so the law converges geometrically.
    for _ in 0..4096 {
        let mut after = vec![0.0; width];
        step(&first, next, &mut after);
        normalise(&mut after);
        let moved: f64 = after.iter().zip(&first).map(|(a, b)| (a - b).abs()).sum();
        first = after;
        if moved < 1e-16 {
            break;
        }
    }
    first
}

/// Returns the entropy of a density by enumeration; `None` if it has too many sequences.
pub(crate) fn enumerated_entropy(density: &dyn Density) -> Option<f64> {
    let space = density.space();
    enumerable(space.vocab(), space.length()).ok()?;
    let mut sum = 0.0;
    each_sequence(space.vocab(), space.length(), |tokens| {
        let log = density.log_probability(tokens);
        if log > f64::NEG_INFINITY {
            sum -= libm::exp(log) * log;
        }
    });
    Some(sum)
}

#[cfg(test)]
mod tests;
