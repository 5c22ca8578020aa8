//! Outputs of networks on tokens, read as the predictions of the library.

use super::ids::Ids;
use langevin::{Error, Result};
use langevin_discrete::{Letter, Parameterization, StateSpace};
use numpy::{PyArrayDyn, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;

/// How the output of a network is read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Identifiers of the network's tokens.
    pub ids: Ids,
    /// What the network predicts.
    pub prediction: Parameterization,
    /// True for logits, which a softmax turns into probabilities; a score is their exponential.
    pub logits: bool,
    /// Letters that are never drawn, by letter.
    pub forbidden: Vec<bool>,
}

/// Largest distance of a distribution's sum from 1.
const UNEVEN: f64 = 1e-2;
/// Distance of the sum from 1 up to which every output of probabilities is recognised as such.
const CERTAIN: f64 = 1e-4;

impl Reading {
    /// Reads an array of shape (rows, length, columns) about these tokens.
    pub fn read(&self, space: &StateSpace, output: &Bound<'_, PyAny>, tokens: &[Letter]) -> PyResult<Result<Vec<f64>>> {
        if let Ok(array) = output.cast::<PyArrayDyn<f32>>() {
            let (shape, values) = (array.shape().to_vec(), array.try_readonly()?);
            return Ok(self.of(space, &shape, values.as_slice()?, tokens));
        }
        let array = output.cast::<PyArrayDyn<f64>>()?;
        let (shape, values) = (array.shape().to_vec(), array.try_readonly()?);
        Ok(self.of(space, &shape, values.as_slice()?, tokens))
    }

    fn of<T: Copy + Into<f64>>(
        &self,
        space: &StateSpace,
        shape: &[usize],
        values: &[T],
        tokens: &[Letter],
    ) -> Result<Vec<f64>> {
        let (length, vocab) = (space.length(), space.vocab());
        let (rows, full) = (tokens.len() / length, self.ids.columns());
        // A score has a ratio for every letter that a token can have, the mask included.
        let plain = self.ids.is_plain() && (self.prediction != Parameterization::Score || !space.is_masked());
        let columns = match shape {
            [own, tokens, columns] if *own == rows && *tokens == length => *columns,
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
                .hinting("output='probabilities'"));
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
        let of = |letter: usize| -> f64 { values[self.ids.id(letter)].into() };
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
                .hinting("output='logits' takes numbers before the softmax"));
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
