//! Schedulers on ᾱ at integer times with one step each: DDPM and DDIM. Neighbouring modules hold
//! UnCLIP and the inverse of DDIM.

use crate::diffusers::betas::{BetaTable, Defaults, LINEAR};
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::spacing::{LEADING, Spacing, falling_times};
use crate::diffusers::table::{alpha_bar, by_index, correction, level, pin, prediction};
use crate::diffusers::variance::VarianceType;
use crate::quirks::{self, Quirk};
use langevin::error::Result;
use langevin::plan::NetworkCall;
use langevin::prediction::Prediction;
use langevin::sampler::Step;
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::{OneStep, Variance};
use langevin::space::Map;
use std::sync::Arc;

const DDPM_BETAS: Defaults = Defaults {
    schedules: &["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace"],
    zero_snr: true,
    ..LINEAR
};
pub(super) const DDIM_BETAS: Defaults = Defaults { zero_snr: true, ..LINEAR };

const DDIM_SET: &[&str] = &["eta", "use_clipped_model_output"];

pub(super) const CLASSES: &[Class] = &[
    Class::new("DDPMScheduler", |fields| Ok(Arc::new(Ddpm::parse(fields)?))),
    Class::new("DDPMParallelScheduler", |fields| Ok(Arc::new(Ddpm::parse(fields)?))),
    Class::new("DDIMScheduler", |fields| Ok(Arc::new(Ddim::parse(fields)?))).taking(DDIM_SET),
    Class::new("DDIMParallelScheduler", |fields| Ok(Arc::new(Ddim::parse(fields)?))).taking(DDIM_SET),
];

/// Returns the levels and network calls of steps from each time to the time that `next` returns. At
/// time −1, ᾱ equals `end`.
pub(super) fn walk(
    tables: &Tables,
    next: impl Fn(usize, f64) -> f64,
    end: f64,
) -> Result<(Vec<Step>, Vec<NetworkCall>)> {
    let mut steps = Vec::with_capacity(tables.timesteps.len());
    let mut pins = Vec::with_capacity(tables.timesteps.len());
    for (index, time) in tables.timesteps.iter().enumerate() {
        let to = next(index, *time);
        let from = level(*time, alpha_bar(tables, *time, end)?);
        steps.push(Step { from, to: level(to.max(-1.0), alpha_bar(tables, to, end)?) });
        pins.push(pin(from, *time));
    }
    Ok((steps, pins))
}

/// Returns the next time of the list; −1 after the last.
pub(super) fn following(tables: &Tables) -> impl Fn(usize, f64) -> f64 + '_ {
    |index, _| tables.timesteps.get(index + 1).copied().unwrap_or(-1.0)
}

/// Returns ᾱ at the end of the run: 1, or the first entry of the table.
pub(super) fn end(to_one: bool, tables: &Tables) -> f64 {
    if to_one { 1.0 } else { tables.alphas_cumprod.first().copied().unwrap_or(1.0) }
}

/// Returns DDIM's own next time, N/n lower, regardless of the next time of the list. The consistent
/// plan goes to the next time.
pub(super) fn ddim_next<'a>(call: &Call, tables: &'a Tables, count: usize) -> impl Fn(usize, f64) -> f64 + use<'a> {
    let stride = (count / tables.timesteps.len().max(1)) as f64;
    let fixed = call.fixes(&quirks::FIXED_STRIDE);
    move |index, time| if fixed { following(tables)(index, time) } else { time - stride }
}

/// DDPMScheduler and DDPMParallelScheduler.
#[derive(Clone, Debug)]
struct Ddpm {
    betas: BetaTable,
    spacing: Spacing,
    variance: VarianceType,
    prediction: Prediction,
    correction: Option<Map>,
}

impl Ddpm {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            betas: BetaTable::parse(fields, DDPM_BETAS)?,
            spacing: Spacing::parse(fields, LEADING)?,
            variance: VarianceType::parse(fields)?,
            prediction: prediction(fields)?,
            correction: correction(fields, Some(true))?,
        })
    }
}

impl Scheduler for Ddpm {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("DDPM", true, false, false)?;
        let count = self.betas.count;
        let times = match &call.timesteps {
            Some(times) => {
                falling_times(times, count)?;
                times.clone()
            }
            None => self.spacing.times(count, call.count(count)?)?,
        };
        Ok(by_index(&self.betas, times))
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let (steps, pins) = walk(tables, following(tables), 1.0)?;
        let variance = match self.variance {
            VarianceType::Small | VarianceType::Learned(_) => Variance::Marginal,
            VarianceType::Large | VarianceType::LargeLog if call.fixes(&quirks::LARGE_VARIANCE_END) => {
                Variance::Forward
            }
            // The original adds noise in its last step too, if that step starts above time 0.
            VarianceType::Large | VarianceType::LargeLog => Variance::ForwardToTheEnd,
        };
        let network = self.betas.network(self.prediction)?;
        let method = Box::new(OneStep { variance, ..OneStep::new(Keep::Ddim(1.0)) });
        let clip = self.correction.clone();
        Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
    }

    fn check_method(&self) -> Result<()> {
        self.variance.check_drawn()
    }

    fn fault(&self, _: &Call, tables: &Tables) -> Option<&'static Quirk> {
        (self.variance == VarianceType::LargeLog && tables.timesteps.len() > 1).then_some(&quirks::LARGE_VARIANCE_LOG)
    }
}

/// DDIMScheduler and DDIMParallelScheduler.
#[derive(Clone, Debug)]
struct Ddim {
    betas: BetaTable,
    spacing: Spacing,
    /// True if the run ends at ᾱ = 1.
    to_one: bool,
    prediction: Prediction,
    correction: Option<Map>,
}

impl Ddim {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            betas: BetaTable::parse(fields, DDIM_BETAS)?,
            spacing: Spacing::parse(fields, LEADING)?,
            to_one: fields.flag("set_alpha_to_one", true)?,
            prediction: prediction(fields)?,
            correction: correction(fields, Some(true))?,
        })
    }
}

/// √(1 − ᾱ − σ²) is computed in float64.
const _: &Quirk = &quirks::FULL_NOISE;

impl Scheduler for Ddim {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("DDIM", false, false, false)?;
        let count = self.betas.count;
        Ok(by_index(&self.betas, self.spacing.times(count, call.count(count)?)?))
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let (steps, pins) = walk(tables, ddim_next(call, tables, self.betas.count), end(self.to_one, tables))?;
        let network = self.betas.network(self.prediction)?;
        let keep = Keep::Ddim(call.number("eta", 0.0)?);
        let method = Box::new(OneStep { raw_noise: !call.flag("use_clipped_model_output")?, ..OneStep::new(keep) });
        let clip = self.correction.clone();
        Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
    }
}
