//! Euler and ancestral Euler, on states x/α.

use crate::diffusers::betas::{Defaults, LINEAR};
use crate::diffusers::call::Call;
use crate::diffusers::churn::{Churning, Late};
use crate::diffusers::fields::Fields;
use crate::diffusers::ladder::{Ladder, falling, rounds_upward};
use crate::diffusers::numbers::{linspace_single, single};
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::select::{Levels, RULE, grid_times, placed, stored};
use crate::diffusers::sigmas::{Placing, Sigmas};
use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation};
use langevin::math::{exp, ln};
use langevin::prediction::Prediction;
use langevin::process::Process;
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;
use std::sync::Arc;

const ZERO_SNR: Defaults = Defaults { zero_snr: true, ..LINEAR };

pub(super) const CLASSES: &[Class] = &[
    Class::new("EulerDiscreteScheduler", |fields| Ok(Arc::new(Euler::parse(fields)?)))
        .taking(&["s_churn", "s_tmin", "s_tmax", "s_noise"]),
    Class::new("EulerAncestralDiscreteScheduler", |fields| Ok(Arc::new(Ancestral::parse(fields)?))),
];

/// EulerDiscreteScheduler.
#[derive(Clone, Debug)]
struct Euler {
    levels: Levels,
    /// True if the levels are evenly spaced in ln σ over the whole table.
    log_linear: bool,
    /// True if the run ends at σ = 0, false for the first entry of the table.
    zero: bool,
    /// True if the network's time is ¼ ln σ.
    continuous: bool,
}

impl Euler {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        // The class has these fields, but only the grids use them.
        fields.inert("sigma_min");
        fields.inert("sigma_max");
        let levels = Levels::parse(fields, ZERO_SNR, RULE)?;
        let log_linear = fields.choice("interpolation_type", &[("linear", false), ("log_linear", true)])?;
        let zero = fields.choice("final_sigmas_type", &[("zero", true), ("sigma_min", false)])?;
        let continuous = fields.choice("timestep_type", &[("discrete", false), ("continuous", true)])?;
        let continuous = continuous && levels.prediction == Prediction::V;
        Ok(Self { levels, log_linear, zero, continuous })
    }
}

impl Scheduler for Euler {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("EulerDiscrete", true, true, false)?;
        let (bars, mut times, sigmas) = if let Some(given) = &call.sigmas {
            let sigmas: Vec<f64> = given.iter().copied().map(single).collect();
            falling(&sigmas)?;
            let bars = self.levels.betas.nonzero_alphas_cumprod();
            let table = Sigmas::new(&bars);
            let times = sigmas[..sigmas.len() - 1].iter().map(|y| table.time(*y)).collect();
            (bars, times, sigmas)
        } else {
            if self.continuous && call.timesteps.is_some() {
                return Err(Error::argument("timesteps do not go with continuous times")
                    .at("timesteps")
                    .hinting("give sigmas, or a number of steps"));
            }
            let mut chosen = self.levels.select(call)?;
            if self.log_linear {
                // There is one more level than there are times, over the whole table.
                let (top, bottom) = (chosen.table.max(), chosen.table.min());
                let logs = linspace_single(single(ln(top)), single(ln(bottom)), chosen.times.len() + 1);
                let levels: Vec<f64> = logs.into_iter().map(|log| single(exp(log))).collect();
                let placing = self.levels.placing;
                if placing == Placing::Table {
                    chosen.levels = levels;
                } else {
                    let (max, min) = placing.ends(self.levels.bounds, top, bottom)?;
                    chosen.levels = placed(placing, max, min, chosen.times.len())?;
                    chosen.times = grid_times(&chosen.table, &chosen.levels, false);
                }
            }
            let last = if self.zero { 0.0 } else { chosen.table.min() };
            (chosen.bars, chosen.times, stored(chosen.levels, last))
        };
        if self.continuous {
            // All levels except the last are evaluated. There is one more log-linear level than
            // requested steps, and in this mode the original evaluates all of them.
            times = sigmas[..sigmas.len() - 1].iter().map(|y| single(0.25 * single(ln(*y)))).collect();
        }
        Ok(Tables { alphas_cumprod: bars, timesteps: times.into_iter().map(single).collect(), sigmas })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let mut network = self.levels.network()?;
        if self.continuous {
            network = Formulation::new(Process::vp(), Prediction::V).with_clock(Clock::QuarterLogSigma);
        }
        let mut ladder = Ladder::single(tables)?;
        let late = match network.prediction {
            Prediction::X0 => Late::Sample,
            Prediction::V => Late::V,
            _ => Late::Epsilon,
        };
        let churning = Churning::read(call, tables)?;
        if call.fixes(&quirks::LOG_LINEAR_END) {
            // The list has one level too many; the run continues to its end.
            ladder.nodes = tables.sigmas.clone();
            ladder.nodes.dedup();
            ladder.raise = 1.0 + churning.gamma(ladder.nodes.len() - 1);
        }
        let method = churning.method(call, late);
        ladder.course(self.levels.spacing, call, network, None, method)
    }

    fn fault(&self, call: &Call, tables: &Tables) -> Option<&'static Quirk> {
        tables.begins_twice(call).then_some(&quirks::FIRST_TIME_TWICE_EULER)
    }
}

/// In continuous time all log-linear levels are evaluated, one more than the requested steps.
const _: &Quirk = &quirks::CONTINUOUS_LOG_LINEAR;

/// EulerAncestralDiscreteScheduler.
#[derive(Clone, Debug)]
struct Ancestral(Levels);

impl Ancestral {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self(Levels::parse(fields, ZERO_SNR, RULE)?))
    }
}

impl Scheduler for Ancestral {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("EulerAncestralDiscrete", false, false, false)?;
        let chosen = self.0.select(call)?;
        Ok(Tables { alphas_cumprod: chosen.bars, timesteps: chosen.times, sigmas: stored(chosen.levels, 0.0) })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let method = Box::new(OneStep::new(Keep::Ddim(1.0)));
        Ladder::single(tables)?.course(self.0.spacing, call, self.0.network()?, None, method)
    }

    fn fault(&self, _: &Call, tables: &Tables) -> Option<&'static Quirk> {
        if self.0.prediction == Prediction::X0 {
            return Some(&quirks::SAMPLE_PREDICTION);
        }
        rounds_upward(tables.sigmas.iter().copied()).then_some(&quirks::ANCESTRAL_ROUNDING)
    }
}
