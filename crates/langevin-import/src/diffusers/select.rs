//! Levels of a run on x/α, taken from a table at given times or from a grid of σ.

use super::betas::{BetaTable, Defaults};
use super::call::{Call, MOST_STEPS};
use super::fields::Fields;
use super::numbers::{linspace, single};
use super::sigmas::{Bounds, Placing, Sigmas, bad_range};
use super::spacing::{self, LINSPACE, Spacing};
use super::table::prediction;
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::prediction::Prediction;

/// The rules by which a class computes its levels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// True if times are in float32.
    pub(super) single: bool,
    /// True if the times of Karras's levels are rounded.
    pub(super) rounds: bool,
    /// True if the config's bounds apply to Karras's levels. They always apply to the other grids.
    pub(super) bounded: bool,
}

pub(super) const RULE: Rule = Rule { single: true, rounds: false, bounded: true };

/// ᾱ, and a level and a time for each step, noisiest first. The levels are in float64, before they
/// are stored.
pub(super) struct Selected {
    pub(super) bars: Vec<f64>,
    pub(super) table: Sigmas,
    pub(super) levels: Vec<f64>,
    pub(super) times: Vec<f64>,
    /// True if the times belong to a grid; these are in float64.
    pub(super) shaped: bool,
}

/// The fields that determine the levels of a run on x/α and the network's prediction.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    pub(super) betas: BetaTable,
    pub(super) placing: Placing,
    pub(super) bounds: Bounds,
    pub(super) spacing: Spacing,
    pub(super) prediction: Prediction,
    rule: Rule,
}

impl Levels {
    pub(super) fn parse(fields: &Fields<'_>, betas: Defaults, rule: Rule) -> Result<Self> {
        let betas = BetaTable::parse(fields, betas)?;
        let placing = Placing::parse(fields, false)?;
        let spacing = Spacing::parse(fields, LINSPACE)?;
        let bounded = rule.bounded || placing != Placing::Karras;
        let bounds = if bounded { Bounds::parse(fields, placing)? } else { Bounds::default() };
        Ok(Self { betas, placing, bounds, spacing, prediction: prediction(fields)?, rule })
    }

    /// Returns the formulation of the saved network.
    pub(super) fn network(&self) -> Result<Formulation> {
        self.betas.network(self.prediction)
    }

    /// Returns the levels of a run and their times.
    pub(super) fn select(&self, call: &Call) -> Result<Selected> {
        let bars = self.betas.nonzero_alphas_cumprod();
        let table = Sigmas::new(&bars);
        let placing = self.placing;
        let mut times: Vec<f64> = match &call.timesteps {
            Some(times) => {
                if placing != Placing::Table {
                    return Err(Error::argument("timesteps do not go with another grid")
                        .at("timesteps")
                        .hinting("switch use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas off"));
                }
                given_times(times, self.betas.count)?;
                times.clone()
            }
            None => self.spaced(call)?,
        };
        if self.rule.single {
            times.iter_mut().for_each(|time| *time = single(*time));
        }
        let mut levels: Vec<f64> = times.iter().map(|time| table.at(*time)).collect();
        if placing != Placing::Table {
            let (mut max, mut min) = (levels[0], levels[levels.len() - 1]);
            if self.rule.bounded || placing != Placing::Karras {
                (max, min) = placing.ends(self.bounds, max, min)?;
            }
            levels = placed(placing, max, min, levels.len())?;
            times = grid_times(&table, &levels, self.rule.rounds && placing == Placing::Karras);
        }
        Ok(Selected { bars, table, levels, times, shaped: placing != Placing::Table })
    }

    /// Returns the times of a spacing. Evenly spaced times are not rounded.
    fn spaced(&self, call: &Call) -> Result<Vec<f64>> {
        // More steps than entries are allowed, because levels between the entries are interpolated.
        let (steps, train) = (call.count(MOST_STEPS)?, self.betas.count);
        if steps > train && self.spacing.rule == spacing::Rule::Leading {
            return Err(Error::argument("leading times are all 0 where there are more steps than entries")
                .at("timestep_spacing")
                .expected(format!("at most {train} steps, or linspace or trailing"))
                .got(steps.to_string()));
        }
        let rounded = self.spacing.times(train, steps)?;
        Ok(match self.spacing.rule {
            spacing::Rule::Linspace => linspace(0.0, train as f64 - 1.0, steps).into_iter().rev().collect(),
            _ => rounded,
        })
    }
}

/// Returns levels from `max` to `min`.
pub(super) fn placed(placing: Placing, max: f64, min: f64, steps: usize) -> Result<Vec<f64>> {
    if 0.0 < min && min <= max && max.is_finite() {
        return Ok(placing.values(steps, max, min));
    }
    Err(bad_range(max, min))
}

/// Returns the times of levels in the table.
pub(super) fn grid_times(table: &Sigmas, levels: &[f64], rounds: bool) -> Vec<f64> {
    let time = |level: &f64| table.time(*level);
    levels.iter().map(time).map(|time| if rounds { time.round_ties_even() } else { time }).collect()
}

/// Checks that times fall and lie within the table.
fn given_times(times: &[f64], count: usize) -> Result<()> {
    let within = times.iter().all(|time| (0.0..count as f64).contains(time));
    if !times.is_empty() && times.len() <= 100_000 && within && times.windows(2).all(|pair| pair[0] > pair[1]) {
        return Ok(());
    }
    Err(Error::argument("bad timesteps")
        .expected(format!("numbers that fall, from 0 to {}", count - 1))
        .got(times.iter().take(8).map(f64::to_string).collect::<Vec<_>>().join(", ")))
}

/// Returns the levels and the last level, in float32.
pub(super) fn stored(mut levels: Vec<f64>, last: f64) -> Vec<f64> {
    levels.push(last);
    levels.into_iter().map(single).collect()
}
