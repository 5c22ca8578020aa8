//! Flow matching with noise at every step: LCM, and LTX's ancestral Euler.

use super::flow_euler::FlowLevels;
use crate::diffusers::call::Call;
use crate::diffusers::fields::{Fields, out_of_range};
use crate::diffusers::flow::Ground;
use crate::diffusers::numbers::single;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::quirks;
use langevin::error::{Error, Result};
use langevin::process::Level;
use langevin::sampler::consistency::Consistency;
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;
use serde_json::Value;
use std::sync::Arc;

pub(super) const CLASSES: &[Class] = &[
    Class::new("FlowMatchLCMScheduler", |fields| Ok(Arc::new(FlowLcm::parse(fields)?))),
    Class::new("LTXEulerAncestralRFScheduler", |fields| Ok(Arc::new(FlowAncestral::parse(fields)?))),
];

/// FlowMatchLCMScheduler: x' = (1 − s')D + s' z.
#[derive(Clone, Debug)]
struct FlowLcm(FlowLevels);

impl FlowLcm {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let levels = FlowLevels::parse(fields)?;
        fields.only("scale_factors", &Value::Null).map_err(|error| error.hinting("a state keeps its size here"))?;
        fields.inert("upscale_mode");
        Ok(Self(levels))
    }
}

impl Scheduler for FlowLcm {
    fn tables(&self, call: &Call) -> Result<Tables> {
        self.0.tables(call)
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        if self.0.inverted && call.keeps(&quirks::INVERTED_NOISE) {
            return Err(quirks::INVERTED_NOISE.refuses(
                Error::format("noise on inverted levels")
                    .at("invert_sigmas")
                    .expected("false")
                    .got("true")
                    .hinting("the consistent plan reads them as they are meant"),
            ));
        }
        Ok(self.0.ground(tables)?.course(Box::new(Consistency::default())))
    }
}

/// LTXEulerAncestralRFScheduler.
#[derive(Clone, Debug)]
struct FlowAncestral {
    levels: FlowLevels,
    eta: f64,
    noise: f64,
}

impl FlowAncestral {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let levels = FlowLevels::parse(fields)?;
        fields.only("invert_sigmas", &Value::Bool(false))?;
        fields.inert("stochastic_sampling");
        let (eta, noise) = (fields.number("eta", 1.0)?, fields.number("s_noise", 1.0)?);
        if !((0.0..=1.0).contains(&eta) && noise.is_finite()) {
            let got = format!("{eta} and {noise}");
            return Err(out_of_range("eta, s_noise", "eta from 0 to 1, and a number", got));
        }
        Ok(Self { levels, eta, noise })
    }
}

impl Scheduler for FlowAncestral {
    /// Returns the tables of FlowMatchEuler, whose fields the config may have. If levels are given,
    /// they are used in float32, including the last one and its time. Given times are treated as
    /// levels.
    fn tables(&self, call: &Call) -> Result<Tables> {
        let Some(given) = call.sigmas.as_ref().or(call.timesteps.as_ref()) else {
            return self.levels.tables(call);
        };
        let (n, sigmas): (f64, Vec<f64>) = (self.levels.n, given.iter().copied().map(single).collect());
        let falls = sigmas.windows(2).all(|pair| pair[0] > pair[1]);
        if sigmas.len() < 2 || !falls || sigmas.iter().any(|sigma| !(0.0..=1.0).contains(sigma)) {
            return Err(Error::argument("bad flow levels")
                .at("sigmas, timesteps")
                .expected("levels that fall, from 1 to 0, the last one of the run among them")
                .got(sigmas.iter().take(8).map(f64::to_string).collect::<Vec<_>>().join(", ")));
        }
        if let Some(steps) = call.steps.filter(|steps| *steps + 1 != sigmas.len()) {
            return Err(Error::argument("steps and levels disagree")
                .at("sigmas, timesteps")
                .expected(format!("{} of them, one more than steps", steps + 1))
                .got(sigmas.len().to_string()));
        }
        Ok(Tables { alphas_cumprod: vec![], timesteps: sigmas.iter().map(|sigma| single(sigma * n)).collect(), sigmas })
    }

    /// $s_{down} = s'(1 + (s'/s - 1)η)$: an Euler step to this level, then noise up to s'. The
    /// original has a quirk: without noise (`s_noise` = 0) the state stays at s_down but is treated
    /// as a state at s'. The consistent plan steps to s'.
    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let Self { eta, noise, .. } = *self;
        let quiet = noise <= 0.0;
        let times = tables.timesteps.get(..tables.sigmas.len().saturating_sub(1)).unwrap_or(&tables.timesteps);
        let keep = if quiet { Keep::Flow(0.0) } else { Keep::Flow(eta) };
        let method = Box::new(OneStep { noise, ..OneStep::new(keep) });
        let mut course = Ground::new(self.levels.n, &tables.sigmas, times, false)?.course(method);
        if quiet && call.keeps(&quirks::QUIET_ANCESTRAL) {
            for step in &mut course.steps {
                let s = step.to.sigma * (1.0 + (step.to.sigma / step.from.sigma - 1.0) * eta);
                step.to = Level { time: s, alpha: 1.0 - s, sigma: s };
            }
        }
        Ok(course)
    }
}
