//! Positions of the integer times of a run: `timestep_spacing` and `steps_offset`.

use super::fields::Fields;
use super::numbers::{linspace, round, trailing};
use langevin::error::{Error, Result};

/// The rule of `timestep_spacing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// From 0 to N − 1, including both ends.
    Linspace,
    /// Multiples of N/n, from 0.
    Leading,
    /// N minus multiples of N/n.
    Trailing,
}

/// Rules of DDPM and related classes, the default first.
pub(super) const LEADING: &[(&str, Rule)] =
    &[("leading", Rule::Leading), ("linspace", Rule::Linspace), ("trailing", Rule::Trailing)];

/// Rules of the classes on σ, the default first.
pub(super) const LINSPACE: &[(&str, Rule)] =
    &[("linspace", Rule::Linspace), ("leading", Rule::Leading), ("trailing", Rule::Trailing)];

/// The fields that determine the times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spacing {
    pub(super) offset: f64,
    pub(super) rule: Rule,
}

impl Spacing {
    pub(super) fn parse(fields: &Fields<'_>, rules: &[(&str, Rule)]) -> Result<Self> {
        let offset = fields.whole("steps_offset", 0)? as f64;
        Ok(Self { offset, rule: fields.choice("timestep_spacing", rules)? })
    }

    /// Returns the spacing of a class without these fields.
    pub(super) fn even() -> Self {
        Self { offset: 0.0, rule: Rule::Linspace }
    }

    /// Returns DDPM's times: `steps` of `count` entries, noisiest first.
    pub(super) fn times(self, count: usize, steps: usize) -> Result<Vec<f64>> {
        let times: Vec<f64> = match self.rule {
            Rule::Linspace => linspace(0.0, count as f64 - 1.0, steps).into_iter().map(round).rev().collect(),
            Rule::Leading => (0..steps).rev().map(|i| (i * (count / steps)) as f64 + self.offset).collect(),
            Rule::Trailing => trailing(count, steps),
        };
        if let Some(beyond) = times.iter().find(|time| **time < 0.0 || **time >= count as f64) {
            return Err(Error::argument("a time beyond the table")
                .at("timestep_spacing, steps_offset")
                .expected(format!("times from 0 to {}", count - 1))
                .got(beyond.to_string()));
        }
        Ok(times)
    }
}

/// Checks that times are integers, fall, and lie within the table.
pub(super) fn falling_times(times: &[f64], count: usize) -> Result<()> {
    let whole = times.iter().all(|time| (0.0..count as f64).contains(time) && time.fract() == 0.0);
    if !times.is_empty() && times.len() <= 100_000 && whole && times.windows(2).all(|pair| pair[0] > pair[1]) {
        return Ok(());
    }
    Err(Error::argument("bad timesteps")
        .expected(format!("whole numbers that fall, from 0 to {}", count - 1))
        .got(times.iter().take(8).map(f64::to_string).collect::<Vec<_>>().join(", ")))
}
