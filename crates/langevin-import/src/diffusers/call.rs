//! The arguments of a run, and checks that several classes share.

use super::fields::as_number;
use crate::quirks::Quirk;
use langevin::error::{Error, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The arguments of a run: those that a caller of the original passes to `set_timesteps` and
/// `step`.
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
    /// Number of steps, `num_inference_steps`.
    pub steps: Option<usize>,
    /// Network times `timesteps`, in place of a number of steps.
    pub timesteps: Option<Vec<f64>>,
    /// Noise levels `sigmas`, in place of a number of steps.
    pub sigmas: Option<Vec<f64>>,
    /// The shift μ, `mu`, of dynamic shifting.
    pub mu: Option<f64>,
    /// Arguments of `step` by name: `eta`, `s_churn`, `use_clipped_model_output` and others.
    pub set: BTreeMap<String, Value>,
    /// Number of steps to skip. The run then starts from the input `init`.
    pub start_at: Option<usize>,
    /// True if a run with `start_at` starts from the input `image`, clean data to which noise of
    /// that level is added.
    pub image: bool,
    /// True if known bugs of the original are fixed.
    pub consistent: bool,
    /// Number of tokens of the picture. A config with dynamic shifting computes μ from it as its
    /// pipeline does: `base_shift` at `base_image_seq_len`, `max_shift` at `max_image_seq_len`, and
    /// linear between and beyond. The levels of a flow are then those that pipelines pass: n
    /// numbers evenly spaced from 1 to 1/n.
    pub image_seq_len: Option<usize>,
    /// True if fields that no scheduler has are an error. Otherwise they are ignored, as in
    /// diffusers.
    pub strict: bool,
}

impl Call {
    /// Returns a call with this number of steps and default values otherwise.
    #[must_use]
    pub fn steps(steps: usize) -> Self {
        Self { steps: Some(steps), ..Self::default() }
    }

    /// Returns true if the run reproduces this quirk of the original.
    pub(super) fn keeps(&self, _: &Quirk) -> bool {
        !self.consistent
    }

    /// Returns true if the run fixes this quirk of the original.
    pub(super) fn fixes(&self, _: &Quirk) -> bool {
        self.consistent
    }

    /// Returns a numeric argument of `set`.
    pub(super) fn number(&self, key: &str, default: f64) -> Result<f64> {
        match self.set.get(key) {
            None => Ok(default),
            Some(value) => as_number(value).ok_or_else(|| {
                Error::argument("bad argument").at(key.to_owned()).expected("a number").got(value.to_string())
            }),
        }
    }

    /// Returns an integer argument of `set`.
    pub(super) fn whole(&self, key: &str, default: usize, range: RangeInclusive<usize>) -> Result<usize> {
        let Some(value) = self.set.get(key) else { return Ok(default) };
        let found = value.as_u64().map(|value| value as usize).filter(|value| range.contains(value));
        found.ok_or_else(|| {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            Error::argument("bad argument").at(key.to_owned()).expected(expected).got(value.to_string())
        })
    }

    /// Returns a boolean argument of `set`; false if it is absent.
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

    /// Checks that the call sets only arguments that the class accepts, and at most one schedule.
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

/// Maximum number of steps.
pub(super) const MOST_STEPS: usize = 100_000;
