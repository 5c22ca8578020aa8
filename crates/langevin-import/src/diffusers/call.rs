//! The arguments of a run, and the checks that classes share.

use super::fields::as_number;
use crate::quirks::Quirk;
use langevin::error::{Error, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The arguments of a run: what a caller of the original passes to `set_timesteps` and `step`.
///
/// ```
/// use langevin_import::Call;
/// let mut call = Call::steps(20);
/// call.set.insert("eta".to_owned(), 0.5.into());
/// call.consistent = true;
/// assert_eq!((call.steps, call.start_at), (Some(20), None));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// The number of steps, `num_inference_steps`.
    pub steps: Option<usize>,
    /// `timesteps`, in place of a number of steps.
    pub timesteps: Option<Vec<f64>>,
    /// `sigmas`, in place of a number of steps.
    pub sigmas: Option<Vec<f64>>,
    /// The `mu` of dynamic shifting.
    pub mu: Option<f64>,
    /// The arguments of `step`, by name: `eta`, `s_churn`, `use_clipped_model_output` and so on.
    pub set: BTreeMap<String, Value>,
    /// The number of steps left out; the run starts from the input `init`.
    pub start_at: Option<usize>,
    /// Whether a run with `start_at` starts from the input `image`, clean data, which it noises to that level.
    pub image: bool,
    /// Whether known bugs of the original are fixed.
    pub consistent: bool,
    /// The number of tokens of the picture, from which a config with dynamic shifting makes μ as its pipeline
    /// does: `base_shift` at `base_image_seq_len`, `max_shift` at `max_image_seq_len`, and linear between and
    /// beyond. The levels of a flow are then those that pipelines give, n numbers evenly spaced from 1 to
    /// 1/n.
    pub image_seq_len: Option<usize>,
    /// Whether fields that no scheduler has are an error. Otherwise they are ignored, as in diffusers.
    pub strict: bool,
}

impl Call {
    /// Returns a call of this many steps and nothing else.
    #[must_use]
    pub fn steps(steps: usize) -> Self {
        Self { steps: Some(steps), ..Self::default() }
    }

    /// Returns whether the run reproduces this quirk of the original.
    pub(super) fn keeps(&self, _: &Quirk) -> bool {
        !self.consistent
    }

    /// Returns whether the run fixes this quirk of the original.
    pub(super) fn mends(&self, _: &Quirk) -> bool {
        self.consistent
    }

    /// Returns a number of the settings.
    pub(super) fn number(&self, key: &str, default: f64) -> Result<f64> {
        match self.set.get(key) {
            None => Ok(default),
            Some(value) => as_number(value).ok_or_else(|| {
                Error::argument("bad argument").at(key.to_owned()).expected("a number").got(value.to_string())
            }),
        }
    }

    /// Returns a whole number of the settings.
    pub(super) fn whole(&self, key: &str, default: usize, range: RangeInclusive<usize>) -> Result<usize> {
        let Some(value) = self.set.get(key) else { return Ok(default) };
        let found = value.as_u64().map(|value| value as usize).filter(|value| range.contains(value));
        found.ok_or_else(|| {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            Error::argument("bad argument").at(key.to_owned()).expected(expected).got(value.to_string())
        })
    }

    /// Returns a switch of the settings; false where it is not set.
    pub(super) fn flag(&self, key: &str) -> Result<bool> {
        match self.set.get(key) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(value) => {
                Err(Error::argument("bad argument").at(key.to_owned()).expected("true or false").got(value.to_string()))
            }
        }
    }

    /// Returns the number of steps, from 1 to `most`.
    pub(super) fn count(&self, most: usize) -> Result<usize> {
        let steps = self.steps.ok_or_else(|| {
            Error::argument("the number of steps is missing").hinting("give a number of steps, timesteps or sigmas")
        })?;
        if (1..=most).contains(&steps) {
            return Ok(steps);
        }
        Err(Error::argument("bad number of steps").expected(format!("1 to {most}")).got(steps.to_string()))
    }

    /// Checks that the call gives only what this class takes, and one schedule at most.
    pub(super) fn accepts(&self, class: &str, timesteps: bool, sigmas: bool, mu: bool) -> Result<()> {
        let given = [
            ("timesteps", self.timesteps.is_some(), timesteps),
            ("sigmas", self.sigmas.is_some(), sigmas),
            ("mu", self.mu.is_some(), mu),
        ];
        if let Some((name, ..)) = given.iter().find(|(_, given, takes)| *given && !takes) {
            let takes: Vec<&str> = [("steps", true), ("timesteps", timesteps), ("sigmas", sigmas), ("mu", mu)]
                .iter()
                .filter_map(|(name, takes)| takes.then_some(*name))
                .collect();
            return Err(Error::argument(format!("{class} takes no {name}"))
                .expected(takes.join(", "))
                .got((*name).to_owned()));
        }
        if given[..2].iter().filter(|(_, given, _)| *given).count() + usize::from(self.steps.is_some()) > 1 {
            return Err(Error::argument("more than one schedule is given").expected("steps, timesteps or sigmas"));
        }
        Ok(())
    }
}

/// More steps than this are none.
pub(super) const MOST_STEPS: usize = 100_000;
