//! The inverse of DDIM: DDIMInverse.

use super::discrete::DDIM_BETAS;
use crate::diffusers::betas::BetaTable;
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::spacing::{Rule, Spacing};
use crate::diffusers::table::{alpha_bar, by_index, correction, level, pin, prediction};
use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::plan::{Letter, NetworkCall, Var};
use langevin::prediction::Prediction;
use langevin::process::Level;
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;
use langevin::sampler::{Draft, Method, Step};
use langevin::space::Map;
use std::sync::Arc;

pub(super) const CLASSES: &[Class] =
    &[Class::new("DDIMInverseScheduler", |fields| Ok(Arc::new(DdimInverse::parse(fields)?)))];

/// The rules of its times, the default first.
const RULES: &[(&str, Rule)] = &[("leading", Rule::Leading), ("trailing", Rule::Trailing)];

/// DDIMInverseScheduler.
#[derive(Clone, Debug)]
struct DdimInverse {
    betas: BetaTable,
    spacing: Spacing,
    prediction: Prediction,
    correction: Option<Map>,
    /// True if the run starts at ᾱ = 1.
    to_one: bool,
}

impl DdimInverse {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            betas: BetaTable::parse(fields, DDIM_BETAS)?,
            spacing: Spacing::parse(fields, RULES)?,
            prediction: prediction(fields)?,
            correction: correction(fields, Some(true))?,
            to_one: fields.flag("set_alpha_to_one", true)?,
        })
    }
}

impl Scheduler for DdimInverse {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("DDIMInverse", false, false, false)?;
        let count = self.betas.count;
        let mut times = self.spacing.times(count, call.count(count)?)?;
        times.reverse();
        Ok(by_index(&self.betas, times))
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        if call.start_at.is_some() {
            return Err(Error::argument("an inversion starts at its beginning").at("start_at"));
        }
        let network = self.betas.network(self.prediction)?;
        let train = self.betas.count;
        let stride = (train / tables.timesteps.len().max(1)) as f64;
        let fixed = call.fixes(&quirks::INVERSE_TIME);
        // At clean data the noise prediction cannot be recovered from D, and a prediction of D
        // contains no information on it.
        let to_one = self.to_one && self.prediction != Prediction::X0 && !fixed;
        let first = if to_one { 1.0 } else { alpha_bar(tables, 0.0, 1.0)? };
        let (mut steps, mut pins): (Vec<Step>, Vec<NetworkCall>) = (vec![], vec![]);
        let mut before = None;
        for time in &tables.timesteps {
            let down = if fixed { before.unwrap_or(-1.0) } else { (time - stride).min(train as f64 - 1.0) };
            let from = level(down.max(-1.0), alpha_bar(tables, down, first)?);
            steps.push(Step { from, to: level(*time, alpha_bar(tables, *time, first)?) });
            let own = if from.sigma > 0.0 { from } else { Level { time: *time, alpha: 1.0, sigma: 1.0 } };
            pins.push(NetworkCall { sigma_ve: from.sigma_ve(), own, time: *time });
            before = Some(*time);
        }
        if fixed {
            pins = steps.iter().map(|step| pin(step.from, step.from.time.max(0.0))).collect();
            steps.retain(|step| step.from.alpha != step.to.alpha);
        }
        let half = if self.prediction == Prediction::V { 2.0 } else { 1.0 };
        let (clip, method) = (self.correction.clone(), Box::new(Upwards { half }));
        Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
    }

    fn fault(&self, _: &Call, _: &Tables) -> Option<&'static Quirk> {
        (self.prediction == Prediction::X0 && self.to_one).then_some(&quirks::INVERSE_TIME)
    }
}

/// DDIM's inverse. The original has two quirks: the network is called with the time of the target
/// in place of the state's time, and from clean data, where D cannot be computed, it steps by x' =
/// α' x + σ' m. There the plan computes D at α = σ = 1, D = (x − m)/h, and recovers m = x − h D
/// from it; h is 1 for ε and 2 for v.
///
/// The consistent plan starts at the first entry of the table and calls the network at the time of
/// the state.
#[derive(Clone, Debug, PartialEq)]
struct Upwards {
    half: f64,
}

impl Method for Upwards {
    fn rises(&self) -> bool {
        true
    }

    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let one = OneStep { raw_noise: true, ..OneStep::new(Keep::Ddim(0.0)) };
        for (_, step) in draft.taken() {
            if step.from.sigma > 0.0 {
                x = one.step(draft, x, &step)?;
                continue;
            }
            let mark = draft.mark();
            let read = draft.evaluate_plainly(x, &step.from)?;
            let copy = draft.combine([(1.0, x)], []);
            let clean = draft.corrected(copy);
            let sigma = step.to.sigma;
            x = draft.advance((sigma, x), [(-sigma * self.half, read), (step.to.alpha, clean)], 0.0);
            draft.note(Letter::F, None, &step.from, &step.to, mark);
        }
        Ok(x)
    }
}
