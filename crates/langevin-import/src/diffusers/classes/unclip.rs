//! UnCLIP: DDPM on the cosine table, with a different posterior.

use super::discrete::{following, walk};
use crate::diffusers::betas::{BetaTable, Defaults, LINEAR};
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::numbers::{round, single};
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::table::{by_index, correction};
use crate::diffusers::variance::VarianceType;
use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::moves::{Row, reverse_rho};
use langevin::plan::{Letter, Var};
use langevin::prediction::Prediction;
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;
use langevin::sampler::{Draft, Method};
use langevin::space::Map;
use serde_json::Value;
use std::sync::Arc;

const BETAS: Defaults = Defaults { schedules: &["squaredcos_cap_v2"], ..LINEAR };

pub(super) const CLASSES: &[Class] =
    &[Class::new("UnCLIPScheduler", |fields| Ok(Arc::new(UnClip::parse(fields)?))).taking(&["prev_timestep"])];

/// UnCLIPScheduler.
#[derive(Clone, Debug)]
struct UnClip {
    betas: BetaTable,
    prediction: Prediction,
    variance: VarianceType,
    correction: Option<Map>,
}

const SUPPORTED: &str = "fixed_small_log";

impl UnClip {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let betas = BetaTable::parse(fields, BETAS)?;
        let predictions = [("epsilon", Prediction::Epsilon), ("sample", Prediction::X0)];
        let prediction = fields.choice("prediction_type", &predictions)?;
        let learned = |word: &&str| matches!(fields.text("variance_type"), Some(found) if found == *word);
        let variance = match ["learned", "learned_range"].into_iter().find(learned) {
            Some(word) => VarianceType::Learned(word),
            None => {
                fields.only("variance_type", &Value::from(SUPPORTED))?;
                VarianceType::Small
            }
        };
        Ok(Self { betas, prediction, variance, correction: correction(fields, Some(true))? })
    }
}

impl Scheduler for UnClip {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("UnCLIP", false, false, false)?;
        let steps = call.count(self.betas.count)?;
        let last = self.betas.count as f64 - 1.0;
        // A single step starts at the last time; the original divides by zero there.
        let stride = if steps > 1 { last / (steps - 1) as f64 } else { last };
        let time = |i: usize| round(if steps > 1 { i as f64 * stride } else { last });
        Ok(by_index(&self.betas, (0..steps).rev().map(time).collect()))
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let network = self.betas.network(self.prediction)?;
        // A caller of the original may omit the next time.
        let alone = match call.set.get("prev_timestep") {
            None => false,
            Some(Value::Null) => call.keeps(&quirks::UNCLIP_NEXT_ENTRY),
            Some(value) => {
                return Err(Error::argument("bad argument")
                    .at("prev_timestep")
                    .expected("null")
                    .got(value.to_string()));
            }
        };
        let next = |index: usize, time: f64| if alone { time - 1.0 } else { following(tables)(index, time) };
        let (steps, pins) = walk(tables, next, 1.0)?;
        let method: Box<dyn Method> = if call.fixes(&quirks::UNCLIP_LONG_STEP) {
            Box::new(OneStep::new(Keep::Ddim(1.0)))
        } else {
            Box::new(Posterior { betas: self.betas.values.clone() })
        };
        let clip = self.correction.clone();
        Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
    }

    fn check_method(&self) -> Result<()> {
        let VarianceType::Learned(word) = self.variance else { return Ok(()) };
        Err(Error::format("bad field in the config")
            .at("variance_type")
            .expected(format!("\"{SUPPORTED}\", the only supported value"))
            .got(format!("\"{word}\"")))
    }

    fn fault(&self, _: &Call, tables: &Tables) -> Option<&'static Quirk> {
        (tables.timesteps.len() == 1).then_some(&quirks::UNCLIP_ONE_STEP)
    }
}

/// UnCLIP's posterior. The original has two quirks:
///
/// - A step to the entry below uses β_t from its table in place of 1 − ᾱ_t/ᾱ_{t−1}. In float32 the
///   two differ by up to a thousandth at the first entries, and so does the result of a run.
/// - Any other step uses 1 − β for ᾱ_t/ᾱ_s, with β = 1 − ᾱ_t/ᾱ_s in float32. At the end of the
///   cosine table, where ᾱ is 2·10⁻⁹, this loses all digits, and the factor of the state is 0 where
///   10⁻⁴ is correct.
#[derive(Clone, Debug, PartialEq)]
struct Posterior {
    betas: Vec<f64>,
}

impl Method for Posterior {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            let (from, to) = (step.from, step.to);
            let mark = draft.mark();
            let mut row = Row::new(&from, &to, reverse_rho(&from, &to, 1.0));
            let ratio = single(single(from.alpha * from.alpha) / single(to.alpha * to.alpha));
            let below = self.betas.get(from.time as usize).filter(|_| to.time == from.time - 1.0);
            let beta = below.copied().unwrap_or(single(1.0 - ratio));
            let left = to.sigma * to.sigma / (from.sigma * from.sigma);
            row.a = (1.0 - beta).sqrt() * left;
            row.b = to.alpha * beta / (from.sigma * from.sigma);
            row.c = (left * beta).sqrt();
            let denoised = draft.denoised(x, &from)?;
            x = draft.one_step(x, denoised, row);
            draft.note(Letter::R, Some(1.0), &from, &to, mark);
        }
        Ok(x)
    }
}
