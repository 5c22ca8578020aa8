//! Outputs of networks on tokens, read as the predictions of this crate.

mod ids;

pub use ids::TokenIds;

use crate::denoiser::Parameterization;
use crate::space::{Letter, StateSpace};
use langevin::{Error, Result};

/// Largest distance of a distribution's sum from 1.
const UNEVEN: f64 = 1e-2;
/// Distance of the sum from 1 up to which every output of probabilities is recognised as such.
const CERTAIN: f64 = 1e-4;

/// Reading of the output of a network: rows × tokens × columns numbers, a column for each letter.
///
/// Logits of a posterior or leave-one-out prediction become probabilities by a softmax over the
/// letters. The column of the mask, if there is one, is left out: the mask is never drawn.
///
/// ```
/// use langevin_discrete::{Noise, Outputs, Parameterization, StateSpace, TokenIds};
/// let space = StateSpace::new(Noise::Masked, 2, 1)?;
/// let outputs = Outputs {
///     ids: TokenIds::new(&space, None)?,
///     prediction: Parameterization::Posterior,
///     logits: true,
///     forbidden: vec![],
/// };
/// // The third column is that of the mask.
/// let p = outputs.read(&space, &[1, 1, 3], &[0.0_f32, 0.0, 9.0], &[2])?;
/// assert_eq!(p, [0.5, 0.5]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// Identifiers of the network's tokens.
    pub ids: TokenIds,
    /// Prediction of the network.
    pub prediction: Parameterization,
    /// True for logits; false for probabilities. The logits of a score are its logarithms.
    pub logits: bool,
    /// True for letters that are never drawn; empty if all are.
    pub forbidden: Vec<bool>,
}

impl Outputs {
    /// Reads the numbers of an array of this shape about some tokens, rows × tokens: the prediction
    /// of each token.
    ///
    /// # Errors
    /// Returns an error if the shape does not fit, if a number is no logit or probability, or if no
    /// letter of a token is possible. The error names the row and the token.
    pub fn read<T: Copy + Into<f64>>(
        &self,
        space: &StateSpace,
        shape: &[usize],
        values: &[T],
        tokens: &[Letter],
    ) -> Result<Vec<f64>> {
        let (length, vocab) = (space.length(), space.vocab());
        if self.ids.vocab() != vocab || space.is_masked() != self.ids.mask().is_some() {
            return Err(Error::argument("the identifiers are those of another space")
                .expected(space.to_string())
                .got(format!("{} letters", self.ids.vocab())));
        }
        let (rows, full) = (tokens.len() / length, self.ids.columns());
        // A score has a ratio for every letter that a token can have, the mask included.
        let plain = self.ids.is_plain() && (self.prediction != Parameterization::Score || !space.is_masked());
        let columns = match shape {
            [own, tokens, columns] if *own == rows && *tokens == length && values.len() == own * tokens * columns => {
                *columns
            }
            _ => 0,
        };
        if columns != full && !(plain && columns == vocab) {
            let either = if plain && full != vocab { format!("{vocab} or {full}") } else { full.to_string() };
            return Err(Error::shape("the network's output has the wrong shape")
                .expected(format!("({rows}, {length}, {either})"))
                .got(format!("{shape:?}")));
        }
        let width = self.prediction.width(space);
        if self.logits && columns > 1 && self.prediction != Parameterization::Score && self.are_sure(values, columns) {
            return Err(Error::argument("the network returns probabilities")
                .expected("logits")
                .got("numbers that add up to 1 for every token")
                .hinting("say that the output is 'probabilities', or leave out the softmax"));
        }
        let mut out = vec![0.0; tokens.len() * width];
        for (token, (values, out)) in values.chunks_exact(columns).zip(out.chunks_exact_mut(width)).enumerate() {
            let place = || format!("row {}, token {}", token / length, token % length);
            self.token(space, values, tokens[token], out).map_err(|error| error.at(place()))?;
        }
        Ok(out)
    }

    /// Returns true if the numbers of every token are a distribution, not all of one letter each.
    fn are_sure<T: Copy + Into<f64>>(&self, values: &[T], columns: usize) -> bool {
        let mut spread = false;
        values.chunks_exact(columns).all(|values| {
            let (mut sum, mut positive) = (0.0, 0);
            let fits = values.iter().all(|value| {
                let value: f64 = (*value).into();
                sum += value;
                positive += usize::from(value > 0.0);
                value >= 0.0
            });
            spread |= positive > 1;
            fits && (sum - 1.0).abs() < CERTAIN
        }) && spread
    }

    /// Reads the numbers of one token.
    fn token<T: Copy + Into<f64>>(&self, space: &StateSpace, values: &[T], x: Letter, out: &mut [f64]) -> Result<()> {
        let of = |letter: usize| -> f64 { values[self.ids.id(letter as Letter)].into() };
        if let Some(bad) = values.iter().map(|value| (*value).into()).find(|value| self.is_bad(*value)) {
            return Err(match self.logits {
                true => Error::argument("a logit is not a number")
                    .expected("finite numbers, or −∞ for a letter that is impossible"),
                false => Error::argument("a prediction is not a probability").expected("finite numbers, none below 0"),
            }
            .got(bad.to_string()));
        }
        if space.mask().is_some_and(|mask| mask != x) {
            // A masked network says nothing about a token that it sees.
            if let Some(own) = out.get_mut(x as usize) {
                *own = 1.0;
            }
            return Ok(());
        }
        out.iter_mut().enumerate().for_each(|(letter, out)| *out = of(letter));
        if self.prediction == Parameterization::Score {
            if self.logits {
                out.iter_mut().for_each(|value| *value = libm::exp(*value));
            }
            return Ok(());
        }
        let sum: f64 = values.iter().map(|value| (*value).into()).sum();
        if !self.logits && (sum - 1.0).abs() > UNEVEN {
            return Err(Error::argument("the probabilities of a token do not add up to 1")
                .expected("a sum within 0.01 of 1")
                .got(sum.to_string())
                .hinting("say that the output is 'logits' if these are the numbers before the softmax"));
        }
        let allowed = |letter: usize| !self.forbidden.get(letter).copied().unwrap_or(false);
        if self.logits {
            let most = (0..out.len()).filter(|letter| allowed(*letter)).map(|letter| out[letter]);
            let most = most.fold(f64::NEG_INFINITY, f64::max);
            out.iter_mut().enumerate().for_each(|(letter, value)| {
                *value = if allowed(letter) && *value > f64::NEG_INFINITY { libm::exp(*value - most) } else { 0.0 };
            });
        } else if values.len() == out.len() && self.forbidden.is_empty() {
            return Ok(());
        } else {
            out.iter_mut().enumerate().filter(|(letter, _)| !allowed(*letter)).for_each(|(_, value)| *value = 0.0);
        }
        let sum: f64 = out.iter().sum();
        if sum <= 0.0 {
            return Err(Error::argument("no letter has a positive probability")
                .expected("at least one letter that is allowed")
                .got("the mask or forbidden letters alone"));
        }
        out.iter_mut().for_each(|value| *value /= sum);
        Ok(())
    }

    fn is_bad(&self, value: f64) -> bool {
        if self.logits { value.is_nan() || value == f64::INFINITY } else { !(value >= 0.0 && value.is_finite()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Noise;

    fn outputs(noise: Noise, mask: Option<usize>, logits: bool) -> (StateSpace, Outputs) {
        let space = StateSpace::new(noise, 3, 2).unwrap();
        let ids = TokenIds::new(&space, mask).unwrap();
        (space, Outputs { ids, prediction: Parameterization::Posterior, logits, forbidden: vec![] })
    }

    #[test]
    fn the_column_of_the_mask_is_left_out() {
        let logits = [0.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 9.0_f32];
        let (space, last) = outputs(Noise::Masked, None, true);
        let p = last.read(&space, &[1, 2, 4], &logits, &[3, 1]).unwrap();
        let sum: f64 = (0..3).map(|k| libm::exp(f64::from(k))).sum();
        assert!((0..3).all(|k| (p[k] - libm::exp(k as f64) / sum).abs() < 1e-15), "{p:?}");
        assert_eq!(p[3..], [0.0, 1.0, 0.0], "a token that is not masked keeps its letter");
        // The mask between the letters: columns 0, 2 and 3.
        let (space, between) = outputs(Noise::Masked, Some(1), true);
        let p = between.read(&space, &[1, 2, 4], &logits, &[3, 3]).unwrap();
        let ratio = p[1] / p[0];
        assert!((ratio - libm::exp(2.0)).abs() < 1e-12, "{ratio}");
        assert!(between.read(&space, &[1, 2, 3], &logits[..6], &[3, 3]).is_err(), "three columns are ambiguous");
    }

    #[test]
    fn what_is_no_prediction_is_refused() {
        let (space, probabilities) = outputs(Noise::Uniform, None, false);
        let refused = |values: &[f64], shape: &[usize], word: &str| {
            let error = probabilities.read(&space, shape, values, &[0, 1]).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        refused(&[0.2; 6], &[1, 2, 3], "add up to 1");
        refused(&[f64::NAN; 6], &[1, 2, 3], "got NaN");
        refused(&[1.0 / 3.0; 6], &[1, 2, 2], "(1, 2, 3)");
        refused(&[1.0 / 3.0; 5], &[1, 2, 3], "(1, 2, 3)");
        let (_, masked) = outputs(Noise::Masked, None, false);
        assert!(masked.read(&space, &[1, 2, 3], &[1.0 / 3.0; 6], &[0, 1]).is_err());
    }
}
