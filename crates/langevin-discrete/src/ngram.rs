//! n-gram models, the baseline of every model of sequences.

use crate::space::{Letter, StateSpace};
use langevin::{Error, Result};
use std::collections::HashMap;

/// Largest order.
const MOST: usize = 16;

/// An n-gram model with Witten–Bell smoothing: a letter is predicted from the n − 1 letters before
/// it.
///
/// The probability of letter w after the context h interpolates with that after the context h' that
/// is one letter shorter. With c(h w) the count of w after h, c(h) their sum and T(h) the number of
/// different letters after h,
///
/// $$p(w \mid h) = \frac{c(h w) + T(h) p(w \mid h')}{c(h) + T(h)} ,$$
///
/// and the shortest context falls back on the uniform law. A mark that is no letter stands before
/// the first letter of a sequence, so the model knows where a sequence starts.
///
/// ```
/// use langevin_discrete::{NGram, Noise, StateSpace};
/// let space = StateSpace::new(Noise::Masked, 2, 4)?;
/// let model = NGram::fit(&space, &[0, 1, 0, 1, 0, 1, 0, 1], 2)?;
/// // Letters that alternate are likelier than letters that do not.
/// let nats = model.nats(&[0, 1, 0, 1, 0, 0, 1, 1])?;
/// assert!(nats[0] < 1.0 && nats[1] > 2.0);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// Source: Witten and Bell, IEEE Transactions on Information Theory 37, 1991.
#[derive(Clone, Debug)]
pub struct NGram {
    vocab: usize,
    length: usize,
    order: usize,
    /// Counts of the letters after each context, from the longest letters back.
    counts: HashMap<Vec<Letter>, Counts>,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    total: u64,
    letters: HashMap<Letter, u64>,
}

impl NGram {
    /// Counts the letters of whole sequences.
    ///
    /// # Errors
    /// Returns an error if the order is not in 1..=16 or the tokens are not whole sequences of
    /// clean letters.
    pub fn fit(space: &StateSpace, tokens: &[Letter], order: usize) -> Result<Self> {
        if !(1..=MOST).contains(&order) {
            return Err(Error::argument("bad order of an n-gram model")
                .at("order")
                .expected(format!("1 to {MOST}"))
                .got(order.to_string()));
        }
        space.check(tokens)?;
        let mut model = Self { vocab: space.vocab(), length: space.length(), order, counts: HashMap::new() };
        for row in tokens.chunks_exact(model.length) {
            let row = model.marked(row);
            for place in order - 1..row.len() {
                for back in 0..order {
                    let counts = model.counts.entry(row[place - back..place].to_vec()).or_default();
                    counts.total += 1;
                    *counts.letters.entry(row[place]).or_default() += 1;
                }
            }
        }
        Ok(model)
    }

    /// Returns a sequence after n − 1 marks of its start.
    fn marked(&self, row: &[Letter]) -> Vec<Letter> {
        let marks = std::iter::repeat_n(self.vocab as Letter, self.order - 1);
        marks.chain(row.iter().copied()).collect()
    }

    /// Returns the probability of a letter after a context.
    ///
    /// Letter V of the context stands for the start of a sequence.
    #[must_use]
    pub fn probability(&self, context: &[Letter], letter: Letter) -> f64 {
        let mut p = 1.0 / self.vocab as f64;
        for back in 0..self.order.min(context.len() + 1) {
            let Some(counts) = self.counts.get(&context[context.len() - back..]) else { break };
            let kinds = counts.letters.len() as f64;
            let count = counts.letters.get(&letter).copied().unwrap_or(0) as f64;
            p = (count + kinds * p) / (counts.total as f64 + kinds);
        }
        p
    }

    /// Returns −log p of each sequence, in nats.
    ///
    /// # Errors
    /// Returns an error if the tokens are not whole sequences.
    pub fn nats(&self, tokens: &[Letter]) -> Result<Vec<f64>> {
        if tokens.is_empty() || !tokens.len().is_multiple_of(self.length) {
            return Err(Error::shape("the tokens are not whole sequences")
                .expected(format!("a multiple of {} tokens", self.length))
                .got(tokens.len().to_string()));
        }
        let nats = |row: &[Letter]| {
            let windows = self.marked(row);
            windows
                .windows(self.order)
                .map(|window| {
                    let (context, letter) = window.split_at(self.order - 1);
                    -libm::log(self.probability(context, letter[0]))
                })
                .sum()
        };
        Ok(tokens.chunks_exact(self.length).map(nats).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Noise;

    #[test]
    fn probabilities_add_up_to_one() {
        let space = StateSpace::new(Noise::Masked, 3, 5).unwrap();
        let model = NGram::fit(&space, &[0, 1, 2, 0, 1, 1, 1, 0, 2, 2], 3).unwrap();
        for context in [&[][..], &[0], &[1, 1], &[2, 0], &[0, 0]] {
            let sum: f64 = (0..3).map(|letter| model.probability(context, letter)).sum();
            assert!((sum - 1.0).abs() < 1e-15, "{context:?}");
        }
        // Worked by hand: p(1) = (4 + 3/3)/(10 + 3), then after 0 (1 twice, 2 once):
        // (2 + 2 p(1))/(3 + 2). Both sequences start with different letters.
        let p = (2.0 + 2.0 * 5.0 / 13.0) / 5.0;
        let start = model.probability(&[3, 3], 0);
        let single = (3.0 + 3.0 / 3.0) / 13.0;
        let after = (1.0 + 2.0 * single) / 4.0;
        assert!((start - (1.0 + 2.0 * after) / 4.0).abs() < 1e-15);
        assert!((model.probability(&[0], 1) - p).abs() < 1e-15);
    }

    #[test]
    fn the_order_is_checked() {
        let space = StateSpace::new(Noise::Masked, 3, 2).unwrap();
        assert!(NGram::fit(&space, &[0, 1], 0).is_err());
        assert!(NGram::fit(&space, &[0, 1, 2], 2).is_err());
    }
}
