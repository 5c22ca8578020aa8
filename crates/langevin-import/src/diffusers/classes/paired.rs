//! Schedulers with two evaluations per step, on states x/α. Heun evaluates at the end of the step,
//! KDPM2 and DPM-Solver SDE halfway in ln y.
//!
//! The state, the readings and the pins are those of the schedulers with [one
//! evaluation](crate::diffusers::ladder). Levels and times are lists with an entry for each
//! evaluation:
//!
//! | class | levels | times |
//! |---|---|---|
//! | Heun | y₀, y₁, y₁, …, 0 | t₀, t₁, t₁, … |
//! | KDPM2, KDPM2Ancestral | y₀, y₁, y₁, …, 0, 0, 0 | t₀, middle, t₁, middle, … |
//! | DPMSolverSDE | y₀, y₁, y₁, …, 0 | t₀, middle, t₁, middle, … |
//!
//! Source: arXiv 2206.00364 (Heun), k-diffusion (the others).

use crate::diffusers::betas::{Defaults, LINEAR};
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::ladder::{Ladder, rounds_upward};
use crate::diffusers::numbers::single;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::select::{Levels, RULE, Rule, Selected, stored};
use crate::quirks::{self, Quirk};
use langevin::error::Result;
use langevin::math::{exp, ln};
use langevin::prediction::Prediction;
use langevin::sampler::noise::Keep;
use langevin::sampler::stages::{self, Fresh, Stages};
use langevin::space::Map;
use std::sync::Arc;

/// The betas of these classes.
const STABLE: Defaults = Defaults { start: 0.00085, end: 0.012, ..LINEAR };
const HEUN_BETAS: Defaults = Defaults { schedules: &["linear", "scaled_linear", "squaredcos_cap_v2", "exp"], ..STABLE };

pub(super) const CLASSES: &[Class] = &[
    Class::new("HeunDiscreteScheduler", |fields| Ok(Arc::new(Heun::parse(fields)?))),
    Class::new("KDPM2DiscreteScheduler", |fields| Ok(Arc::new(Kdpm2::parse(fields, false)?))),
    Class::new("KDPM2AncestralDiscreteScheduler", |fields| Ok(Arc::new(Kdpm2::parse(fields, true)?))),
    Class::new("DPMSolverSDEScheduler", |fields| Ok(Arc::new(Sde::parse(fields)?))).taking(&["s_noise"]),
];

/// HeunDiscreteScheduler.
#[derive(Clone, Debug)]
struct Heun {
    levels: Levels,
    clip: Option<Map>,
}

impl Heun {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let levels = Levels::parse(fields, HEUN_BETAS, RULE)?;
        let range = fields.number("clip_sample_range", 1.0)?.abs();
        let clip = fields.flag("clip_sample", false)?.then_some(Map::Clamp { min: -range, max: range });
        Ok(Self { levels, clip })
    }
}

impl Scheduler for Heun {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("HeunDiscrete", true, false, false)?;
        let Selected { bars, levels, times, .. } = self.levels.select(call)?;
        let times = times.iter().enumerate().flat_map(|(i, time)| vec![single(*time); if i == 0 { 1 } else { 2 }]);
        Ok(Tables { alphas_cumprod: bars, timesteps: times.collect(), sigmas: doubled(stored(levels, 0.0)) })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let (network, method) = (self.levels.network()?, Box::new(Stages::new(stages::HEUN)));
        Ladder::double(tables, None)?.course(self.levels.spacing, call, network, self.clip.clone(), method)
    }
}

fn doubled(levels: Vec<f64>) -> Vec<f64> {
    let count = levels.len();
    levels.into_iter().enumerate().flat_map(|(i, y)| vec![y; if i == 0 || i + 1 == count { 1 } else { 2 }]).collect()
}

/// Returns e^{½(ln a + ln b)} in float32, or 0 if either is 0.
fn middle_single(a: f64, b: f64) -> f64 {
    let (a, b) = (ln(a) as f32, ln(b) as f32);
    if b.is_infinite() { 0.0 } else { f64::from((b - (b - a) * 0.5).exp()) }
}

/// Returns the level halfway in ln y.
fn middle(from: f64, to: f64) -> f64 {
    (from * to).sqrt()
}

/// Returns the level halfway to y'²/y, the end of the ODE part of an ancestral step. It equals y'.
fn ancestral_middle(_: f64, to: f64) -> f64 {
    to
}

/// Returns the levels y0, y1, y1, …, 0, 0, 0 and the times t0, mid, t1, mid, ….
fn interleaved(chosen: Selected, middle: impl Fn(f64, f64) -> f64) -> Tables {
    let levels = stored(chosen.levels, 0.0);
    let keep = |time: f64| if chosen.shaped { time } else { single(time) };
    let mut times = vec![chosen.times[0]];
    for (i, time) in chosen.times.iter().enumerate().skip(1) {
        times.push(keep(chosen.table.time(middle(levels[i - 1], levels[i]))));
        times.push(*time);
    }
    let mut sigmas = vec![levels[0]];
    levels[1..].iter().for_each(|y| sigmas.extend([*y, *y]));
    sigmas.push(0.0);
    Tables { alphas_cumprod: chosen.bars, timesteps: times, sigmas }
}

/// KDPM2DiscreteScheduler and KDPM2AncestralDiscreteScheduler.
#[derive(Clone, Debug)]
struct Kdpm2 {
    levels: Levels,
    ancestral: bool,
}

impl Kdpm2 {
    fn parse(fields: &Fields<'_>, ancestral: bool) -> Result<Self> {
        Ok(Self { levels: Levels::parse(fields, STABLE, Rule { rounds: true, ..RULE })?, ancestral })
    }
}

impl Scheduler for Kdpm2 {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("KDPM2", false, false, false)?;
        let chosen = self.levels.select(call)?;
        // √(y y'²/y) equals y'. The original computes it in float32 from y'² − (y'² − y'⁴/y²),
        // which loses most digits after a long step.
        Ok(if self.ancestral {
            interleaved(chosen, |_, to| to)
        } else {
            interleaved(chosen, |from, to| middle_single(to, from))
        })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let (middle, method): (fn(f64, f64) -> f64, _) = if self.ancestral {
            (ancestral_middle, Stages { keep: Keep::Ddim(1.0), ..Stages::new(stages::DPM2) })
        } else {
            (middle, Stages::new(stages::DPM2))
        };
        let network = self.levels.network()?;
        Ladder::double(tables, Some(middle))?.course(self.levels.spacing, call, network, None, Box::new(method))
    }

    fn fault(&self, _: &Call, tables: &Tables) -> Option<&'static Quirk> {
        if self.levels.prediction == Prediction::X0 {
            return Some(&quirks::SAMPLE_PREDICTION);
        }
        let nodes = tables.sigmas.iter().enumerate().filter(|(i, _)| *i == 0 || i % 2 == 1).map(|(_, y)| *y);
        (self.ancestral && rounds_upward(nodes)).then_some(&quirks::ANCESTRAL_ROUNDING)
    }
}

/// DPMSolverSDEScheduler.
#[derive(Clone, Debug)]
struct Sde(Levels);

impl Sde {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        fields.inert("noise_sampler_seed");
        Ok(Self(Levels::parse(fields, STABLE, Rule { single: false, bounded: false, ..RULE })?))
    }
}

impl Scheduler for Sde {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("DPMSolverSDE", false, false, false)?;
        let chosen = self.0.select(call)?;
        let mut times = vec![chosen.times[0]];
        for (i, time) in chosen.times.iter().enumerate().skip(1) {
            let middle = exp(0.5 * (ln(chosen.levels[i - 1]) + ln(chosen.levels[i])));
            times.extend([chosen.table.time(middle), *time]);
        }
        Ok(Tables { alphas_cumprod: chosen.bars, timesteps: times, sigmas: doubled(stored(chosen.levels, 0.0)) })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let (keep, noise) = (Keep::Ddim(1.0), call.number("s_noise", 1.0)?);
        let method = Stages { keep, noise, fresh: Fresh::Brownian, ..Stages::new(stages::DPMPP_2S) };
        let network = self.0.network()?;
        Ladder::double(tables, Some(middle))?.course(self.0.spacing, call, network, None, Box::new(method))
    }

    fn fault(&self, _: &Call, _: &Tables) -> Option<&'static Quirk> {
        (self.0.prediction == Prediction::X0).then_some(&quirks::SAMPLE_PREDICTION)
    }
}
