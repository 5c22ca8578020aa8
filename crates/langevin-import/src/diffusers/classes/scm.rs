//! SCM (TrigFlow): α = cos t, σ = sin t and a v-prediction,
//!
//! $$D = \cos t\thinspace x - \sin t\thinspace F, \qquad x' = \cos t' D + \sin t' z,$$
//!
//! in units of σ_d, in which its pipeline calls the network and decodes the result.
//!
//! Source: arXiv 2410.11081.

use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::numbers::{linspace_single, single};
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation};
use langevin::math::{cos, sin};
use langevin::plan::NetworkCall;
use langevin::prediction::Prediction;
use langevin::process::{Level, Process};
use langevin::sampler::Step;
use langevin::sampler::consistency::Consistency;
use serde_json::Value;
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};
use std::sync::Arc;

pub(super) const CLASSES: &[Class] = &[Class::new("SCMScheduler", |fields| Ok(Arc::new(Scm::parse(fields)?)))
    .taking(&["max_timesteps", "intermediate_timesteps"])];

/// SCMScheduler.
#[derive(Clone, Debug)]
struct Scm {
    /// Maximum number of steps N.
    train: usize,
}

impl Scm {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        fields.only("prediction_type", &Value::from("trigflow"))?;
        let train = fields.whole("num_train_timesteps", 1000)?;
        // The field only sets the unit of the state.
        fields.positive("sigma_data", 0.5)?;
        Ok(Self { train })
    }
}

impl Scheduler for Scm {
    /// Returns the times as angles, including the end of the run. Two steps go from `max_timesteps`
    /// over `intermediate_timesteps` to 0; any other number of steps is evenly spaced.
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("SCM", true, false, false)?;
        let train = self.train;
        let angles = |list: &[f64]| {
            let sound = list.len() >= 2
                && list.windows(2).all(|pair| pair[0] > pair[1])
                && list.iter().all(|time| (0.0..=1.571).contains(time));
            if sound {
                return Ok(());
            }
            Err(Error::argument("bad timesteps")
                .at("timesteps, max_timesteps, intermediate_timesteps")
                .expected("angles that fall, from π/2 = 1.5708 to 0, the end of the run among them")
                .got(list.iter().take(8).map(f64::to_string).collect::<Vec<_>>().join(", ")))
        };
        let timesteps = match &call.timesteps {
            Some(times) => times.iter().copied().map(single).collect(),
            None => {
                let (steps, first) =
                    (call.count(train)?, call.number("max_timesteps", (FRAC_PI_2 * 1e5).round() / 1e5)?);
                let middle = match call.set.get("intermediate_timesteps") {
                    // The original has 1.3 as the default for any number of steps, and raises an
                    // error unless the number is two.
                    None => (steps == 2).then_some(1.3),
                    Some(Value::Null) => None,
                    Some(_) if steps != 2 => {
                        return Err(Error::argument("an intermediate time is for two steps")
                            .at("intermediate_timesteps")
                            .expected("null")
                            .got(format!("{steps} steps")));
                    }
                    Some(_) => Some(call.number("intermediate_timesteps", 1.3)?),
                };
                match middle {
                    Some(middle) => [first, middle, 0.0].map(single).to_vec(),
                    None => linspace_single(first, 0.0, steps + 1),
                }
            }
        };
        angles(&timesteps)?;
        Ok(Tables { alphas_cumprod: Vec::new(), timesteps, sigmas: Vec::new() })
    }

    fn course(&self, _: &Call, tables: &Tables) -> Result<Course> {
        let network =
            Formulation::new(Process::vp_cosine(), Prediction::V).with_clock(Clock::Scaled { factor: FRAC_PI_2 });
        // The default first time lies 4·10⁻⁶ beyond a right angle, where α < 0. The state there is
        // treated as pure noise.
        let level = |t: f64| match t {
            t if t >= FRAC_PI_2 => Level { time: 1.0, alpha: 0.0, sigma: 1.0 },
            t => Level { time: t * FRAC_2_PI, alpha: cos(t), sigma: sin(t) },
        };
        let times = &tables.timesteps;
        let steps: Vec<Step> = times.windows(2).map(|pair| Step { from: level(pair[0]), to: level(pair[1]) }).collect();
        let pins = steps
            .iter()
            .zip(times)
            .map(|(step, time)| NetworkCall { sigma_ve: step.from.sigma_ve(), own: step.from, time: *time })
            .collect();
        let method = Box::new(Consistency::default());
        Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip: None, method })
    }

    fn fault(&self, call: &Call, tables: &Tables) -> Option<&'static Quirk> {
        let lone = tables.timesteps.len() != 3 && call.timesteps.is_none();
        (lone && !call.set.contains_key("intermediate_timesteps")).then_some(&quirks::SCM_MIDDLE)
    }
}
