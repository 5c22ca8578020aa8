//! Schedulers for distilled networks: LCM and TCD. Their times are every k-th training time, k =
//! N/n₀, of which n are selected evenly.
//!
//! Source: arXiv 2310.04378 (LCM), 2402.19159 (TCD).

use super::discrete::walk;
use crate::diffusers::betas::{BetaTable, Defaults};
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::spacing::falling_times;
use crate::diffusers::table::{alpha_bar, by_index, correction, level, prediction};
use crate::quirks;
use langevin::error::{Error, Result};
use langevin::moves::Row;
use langevin::plan::{Letter, Var};
use langevin::prediction::Prediction;
use langevin::process::Level;
use langevin::sampler::Method;
use langevin::sampler::consistency::{Boundary, Consistency};
use langevin::sampler::{Draft, Step};
use langevin::space::Map;
use std::sync::Arc;

const BETAS: Defaults = Defaults {
    start: 0.00085,
    end: 0.012,
    schedules: &["scaled_linear", "linear", "squaredcos_cap_v2"],
    zero_snr: true,
};

pub(super) const CLASSES: &[Class] = &[
    Class::new("LCMScheduler", |fields| Ok(Arc::new(Lcm::parse(fields)?)))
        .taking(&["original_inference_steps", "strength"])
        .declaring(&quirks::LCM_BOUNDARY),
    Class::new("TCDScheduler", |fields| Ok(Arc::new(Tcd::parse(fields)?))).taking(&[
        "eta",
        "original_inference_steps",
        "strength",
    ]),
];

/// The fields that LCM and TCD share.
#[derive(Clone, Debug)]
struct Distilled {
    betas: BetaTable,
    /// n₀, `original_inference_steps`.
    original: usize,
    prediction: Prediction,
    correction: Option<Map>,
}

impl Distilled {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        ["set_alpha_to_one", "steps_offset", "timestep_spacing", "timestep_scaling"]
            .iter()
            .for_each(|key| fields.inert(key));
        Ok(Self {
            betas: BetaTable::parse(fields, BETAS)?,
            original: fields.whole("original_inference_steps", 50)?,
            prediction: prediction(fields)?,
            correction: correction(fields, Some(false))?,
        })
    }

    /// Returns the times. With `every`, a number of original steps that is set in the call selects
    /// from all training times.
    fn tables(&self, call: &Call, name: &str, every: bool) -> Result<Tables> {
        call.accepts(name, true, false, false)?;
        let train = self.betas.count;
        let original = call.whole("original_inference_steps", self.original, 1..=train)?;
        let strength = call.number("strength", 1.0)?;
        if !(0.0 < strength && strength <= 1.0 && (1..=train).contains(&original)) {
            return Err(Error::argument("bad original steps or strength")
                .at(name)
                .expected(format!("1 to {train} steps, and a strength in (0, 1]"))
                .got(format!("{original} and {strength}")));
        }
        if let Some(times) = &call.timesteps {
            falling_times(times, train)?;
            let kept = (times.len() as f64 * strength) as usize;
            if kept == 0 {
                return Err(Error::argument("nothing is left of the timesteps")
                    .at("strength")
                    .got(strength.to_string()));
            }
            return Ok(by_index(&self.betas, times[times.len() - kept..].to_vec()));
        }
        let steps = call.count(train)?;
        let origin: Vec<f64> = if every && call.set.contains_key("original_inference_steps") {
            (0..(train as f64 * strength) as usize).rev().map(|time| time as f64).collect()
        } else {
            let k = train / original;
            (1..=(original as f64 * strength) as usize).rev().map(|i| (i * k - 1) as f64).collect()
        };
        if steps > origin.len() || steps > original {
            return Err(Error::argument("bad number of steps")
                .at(name)
                .expected(format!("1 to {}, the steps that the network was distilled for", origin.len().min(original)))
                .got(steps.to_string())
                .hinting("raise original_inference_steps or strength"));
        }
        let stride = origin.len() as f64 / steps as f64;
        Ok(by_index(&self.betas, (0..steps).map(|i| origin[(i as f64 * stride).floor() as usize]).collect()))
    }
}

/// Returns true if a run with given times was shortened. The originals then do not recognise their
/// last step.
fn cut(call: &Call, tables: &Tables) -> bool {
    call.keeps(&quirks::CUT_RUN) && call.timesteps.as_ref().is_some_and(|times| times.len() > tables.timesteps.len())
}

/// LCMScheduler.
#[derive(Clone, Debug)]
struct Lcm {
    distilled: Distilled,
    /// `timestep_scaling` of the boundary condition.
    scaling: f64,
}

impl Lcm {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self { distilled: Distilled::parse(fields)?, scaling: fields.number("timestep_scaling", 10.0)? })
    }
}

impl Scheduler for Lcm {
    fn tables(&self, call: &Call) -> Result<Tables> {
        self.distilled.tables(call, "LCM", false)
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let Distilled { betas, prediction, correction, .. } = &self.distilled;
        let network = betas.network(*prediction)?;
        // A shortened run ends by adding noise of its last time again.
        let last = cut(call, tables).then(|| tables.timesteps.last().copied()).flatten().unwrap_or(-1.0);
        let next = |index: usize, _| tables.timesteps.get(index + 1).copied().unwrap_or(last);
        let (steps, pins) = walk(tables, next, 1.0)?;
        let boundary = Some(Boundary { sigma_data: 0.5, scaling: self.scaling });
        let (clip, method) = (correction.clone(), Box::new(Consistency { boundary, floor: 0.0 }));
        Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
    }
}

/// TCDScheduler.
#[derive(Clone, Debug)]
struct Tcd {
    distilled: Distilled,
    /// True if the consistent run ends at ᾱ = 1.
    to_one: bool,
}

impl Tcd {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self { distilled: Distilled::parse(fields)?, to_one: fields.flag("set_alpha_to_one", true)? })
    }
}

impl Scheduler for Tcd {
    fn tables(&self, call: &Call) -> Result<Tables> {
        self.distilled.tables(call, "TCD", true)
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let Distilled { betas, prediction, correction, .. } = &self.distilled;
        let network = betas.network(*prediction)?;
        let gamma = call.number("eta", 0.3)?;
        if !(0.0..=1.0).contains(&gamma) {
            return Err(Error::argument("bad argument").at("eta").expected("γ from 0 to 1").got(gamma.to_string()));
        }
        // The original neither clips nor ends at clean data.
        let (last, clip) = if call.fixes(&quirks::TCD_END) {
            (if self.to_one { -1.0 } else { 0.0 }, correction.clone())
        } else {
            (0.0, None)
        };
        let next = |index: usize, _| tables.timesteps.get(index + 1).copied().unwrap_or(last);
        let (steps, pins) = walk(tables, next, 1.0)?;
        let stop = |step: &Step| {
            let time = ((1.0 - gamma) * step.to.time.max(0.0)).floor();
            Ok(if step.to.time < 0.0 { step.to } else { level(time, alpha_bar(tables, time, 1.0)?) })
        };
        let stops = steps.iter().map(stop).collect::<Result<_>>()?;
        let method = Box::new(Stops { stops, noisy: gamma > 0.0, cut: cut(call, tables) });
        Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
    }
}

/// TCD with intermediate levels from a float32 table. The original has two quirks: it ends at the
/// first entry of the table, and it draws noise even if there is none to add.
#[derive(Clone, Debug, PartialEq)]
struct Stops {
    stops: Vec<Level>,
    noisy: bool,
    /// True if the last step draws noise too.
    cut: bool,
}

impl Method for Stops {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let count = draft.steps().len();
        for (index, step) in draft.taken() {
            let last = index + 1 == count && !self.cut;
            let stop = self.stops[index];
            let mark = draft.mark();
            let denoised = draft.denoised(x, &step.from)?;
            x = draft.one_step(x, denoised, Row::new(&step.from, &stop, 1.0));
            draft.note(Letter::R, Some(0.0), &step.from, &stop, mark);
            if self.noisy && !last {
                if stop.time == step.to.time {
                    draft.draw();
                } else {
                    x = draft.forward(x, &stop, &step.to, 1.0);
                }
            }
        }
        Ok(x)
    }
}
