//! Densities on sequences that are known exactly: models without a network, and judges of samplers.
//!
//! Every density is a [`Denoiser`]: its leave-one-out prediction is exact at every level and for
//! every noise. A plan that runs on it has no error but its own.
//!
//! | density | cost of one sequence |
//! |---|---|
//! | [`Table`], any law on at most 4096 sequences | V^d · d |
//! | [`Chain`], a Markov chain | d · V² |

mod chain;
mod table;

pub use chain::Chain;
pub use table::Table;

use crate::denoiser::Denoiser;
use crate::plan::Law;
use crate::space::{Letter, StateSpace};
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
