//! Flow matching with Heun's method.

use crate::diffusers::betas::train_count;
use crate::diffusers::call::{Call, MOST_STEPS};
use crate::diffusers::churn::window;
use crate::diffusers::fields::Fields;
use crate::diffusers::flow::{CHURN, Ground, even};
use crate::diffusers::numbers::single;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::sigmas::shift;
use crate::quirks;
use langevin::error::Result;
use langevin::plan::{Letter, Var};
use langevin::sampler::stages::{self, Churn, Stages};
use langevin::sampler::{Draft, Method};
use std::sync::Arc;

pub(super) const CLASSES: &[Class] =
    &[Class::new("FlowMatchHeunDiscreteScheduler", |fields| Ok(Arc::new(FlowHeun::parse(fields)?))).taking(CHURN)];

/// FlowMatchHeunDiscreteScheduler.
#[derive(Clone, Copy, Debug)]
struct FlowHeun {
    /// Number of training times N.
    n: f64,
    shift: f64,
}

impl FlowHeun {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self { n: train_count(fields)? as f64, shift: fields.positive("shift", 1.0)? })
    }
}

impl Scheduler for FlowHeun {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("FlowMatchHeunDiscrete", false, false, false)?;
        let (Self { n, shift: k }, steps) = (*self, call.count(MOST_STEPS)?);
        let values = even(call, n, steps, Some(k)).into_iter().map(|value| single(shift(k, value)));
        // Every level but the first occurs twice: at the end of a step, and at the start of the
        // next.
        let twice = |(i, value): (usize, f64)| std::iter::repeat_n(value, if i == 0 { 1 } else { 2 });
        let mut sigmas: Vec<f64> = values.enumerate().flat_map(twice).collect();
        let timesteps = sigmas.iter().map(|sigma| single(sigma * n)).collect();
        sigmas.push(0.0);
        Ok(Tables { alphas_cumprod: vec![], timesteps, sigmas })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let once = |list: &[f64]| -> Vec<f64> {
            list.iter().enumerate().filter(|(i, _)| *i == 0 || i % 2 == 1).map(|(_, value)| *value).collect()
        };
        let ground = Ground::new(self.n, &once(&tables.sigmas), &once(&tables.timesteps), false)?;
        let churn = call.number("s_churn", 0.0)?;
        let range = window(call)?;
        let noise = call.number("s_noise", 1.0)?;
        let plain = Stages::new(stages::FLOW_HEUN);
        let method: Box<dyn Method> = if churn == 0.0 {
            Box::new(plain)
        } else if call.fixes(&quirks::FLOW_CHURN) {
            let ratio = |s: f64| if s < 1.0 { s / (1.0 - s) } else { f64::INFINITY };
            let churn = Churn { churn, range: (ratio(range.0), ratio(range.1)) };
            Box::new(Stages { churn: Some(churn), noise, ..plain })
        } else {
            Box::new(Churned { share: churn / (tables.sigmas.len() - 1) as f64, range, noise })
        };
        Ok(ground.course(method))
    }
}

/// Heun's method with the original's churn, which is that of a process with α = 1 although the
/// state is that of a flow. The noise is added after the network evaluation without reducing the
/// signal, and the step continues from ŝ = (1 + γ)s, which may exceed 1. For γ, every level but the
/// first counts twice. The second stage draws noise too, but does not use it.
///
/// $x̂ = x + \sqrt{ŝ^2 - s^2} z$, $d_1 = u(x, s) s/ŝ$, $x_1 = x̂ + (s' - ŝ) d_1$, $x' = x̂ +
/// \tfrac12 (s' - ŝ)(d_1 + u(x_1, s'))$.
#[derive(Clone, Debug, PartialEq)]
struct Churned {
    /// S_churn divided by the number of levels.
    share: f64,
    /// S_tmin and S_tmax, in s.
    range: (f64, f64),
    noise: f64,
}

impl Method for Churned {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            let (s, end) = (step.from.sigma, step.to.sigma);
            let mark = draft.mark();
            let inside = (self.range.0..=self.range.1).contains(&s);
            let gamma = if inside { self.share.min(std::f64::consts::SQRT_2 - 1.0) } else { 0.0 };
            let hat = s * (1.0 + gamma);
            // d₁ = (x − D)/ŝ.
            let denoised = draft.denoised(x, &step.from)?;
            let first = draft.step((-1.0 / hat, denoised), [(1.0 / hat, x)], []);
            if gamma > 0.0 {
                x = draft.advance((1.0, x), [], self.noise * ((hat - s) * (hat + s)).sqrt());
            }
            if end == 0.0 {
                x = draft.advance((1.0, x), [(end - hat, first)], 0.0);
            } else {
                let stage = draft.advance((1.0, x), [(end - hat, first)], 0.0);
                let denoised = draft.denoised(stage, &step.to)?;
                let second = draft.step((-1.0 / end, denoised), [(1.0 / end, stage)], []);
                if gamma > 0.0 {
                    draft.draw();
                }
                let half = 0.5 * (end - hat);
                x = draft.advance((1.0, x), [(half, first), (half, second)], 0.0);
            }
            draft.note(Letter::R, None, &step.from, &step.to, mark);
        }
        Ok(x)
    }
}
