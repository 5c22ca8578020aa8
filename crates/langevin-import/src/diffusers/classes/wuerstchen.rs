//! DDPMWuerstchen: DDPM on a cosine schedule in continuous time,
//!
//! $$\bar\alpha(t) = \frac{\cos^2(\tfrac{\pi}{2}(u+s)/(1+s))}{\cos^2(\tfrac{\pi}{2}s/(1+s))},
//! \qquad u = 1 - (1-t)^k \text{ for } k > 1, \quad t^k \text{ for } k < 1,$$
//!
//! limited to \[10⁻⁴, 0.9999\], k = `scaler`. The original has a quirk: t = 0 is not clean data,
//! and a step to it adds no noise, so the run ends on the mean of the noise level σ = 0.01. The
//! consistent plan ends at clean data.

use crate::diffusers::call::{Call, MOST_STEPS};
use crate::diffusers::fields::{Fields, out_of_range};
use crate::diffusers::numbers::{linspace_single, single};
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::table::pin;
use crate::quirks;
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::math::{atan, cos, pow};
use langevin::plan::Var;
use langevin::prediction::Prediction;
use langevin::process::{Level, Process, ProcessSpec, Schedule};
use langevin::sampler::Method;
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;
use langevin::sampler::{Draft, Step};
use std::f64::consts::FRAC_PI_2;
use std::sync::Arc;

pub(super) const CLASSES: &[Class] =
    &[Class::new("DDPMWuerstchenScheduler", |fields| Ok(Arc::new(Wuerstchen::parse(fields)?)))];

/// The limits of ᾱ.
const BOUNDS: (f64, f64) = (0.0001, 0.9999);

/// DDPMWuerstchenScheduler and its process. A plan document names the process and contains all
/// numbers of a run, but it cannot contain the function.
#[derive(Clone, Copy, Debug)]
struct Wuerstchen {
    scaler: f64,
    s: f64,
}

impl Wuerstchen {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let read = Self { scaler: fields.number("scaler", 1.0)?, s: fields.number("s", 0.008)? };
        if read.scaler > 0.0 && read.scaler.is_finite() && (0.0..=10.0).contains(&read.s) {
            return Ok(read);
        }
        let got = format!("{} and {}", read.scaler, read.s);
        Err(out_of_range("scaler, s", "a scaler > 0, and s from 0 to 10", got))
    }

    fn clock(&self, t: f64) -> f64 {
        if self.scaler > 1.0 { 1.0 - pow(1.0 - t, self.scaler) } else { pow(t, self.scaler) }
    }

    /// Returns √ᾱ without the limits.
    fn root(&self, t: f64) -> f64 {
        let quarter = |u: f64| cos((u + self.s) / (1.0 + self.s) * FRAC_PI_2);
        quarter(self.clock(t)) / quarter(0.0)
    }

    fn alpha_bar(&self, t: f64) -> f64 {
        (self.root(t) * self.root(t)).clamp(BOUNDS.0, BOUNDS.1)
    }

    /// Returns the level at a time, with ᾱ in float32: 1 − ᾱ is 10⁻⁴ at the end, of which float32
    /// keeps three digits.
    fn level(&self, t: f64) -> Level {
        let bar = single(self.alpha_bar(t));
        Level { time: t, alpha: bar.sqrt(), sigma: (1.0 - bar).sqrt() }
    }
}

impl Schedule for Wuerstchen {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::Custom { name: format!("wuerstchen:scaler={},s={}", self.scaler, self.s) }
    }
    fn domain(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
    fn alpha(&self, t: f64) -> f64 {
        self.alpha_bar(t).sqrt()
    }
    fn sigma(&self, t: f64) -> f64 {
        (1.0 - self.alpha_bar(t)).sqrt()
    }
    fn alpha_rate(&self, t: f64) -> f64 {
        // A central difference is accurate enough: neither the ε reading nor any step uses the
        // rate.
        let h = 1e-6;
        (self.alpha((t + h).min(1.0)) - self.alpha((t - h).max(0.0))) / ((t + h).min(1.0) - (t - h).max(0.0))
    }
    fn sigma_rate(&self, t: f64) -> f64 {
        -self.alpha(t) * self.alpha_rate(t) / self.sigma(t)
    }
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        let root = cos(self.s / (1.0 + self.s) * FRAC_PI_2) / (1.0 + ratio * ratio).sqrt();
        let u = (atan((1.0 - root * root).sqrt() / root) / FRAC_PI_2 * (1.0 + self.s) - self.s).clamp(0.0, 1.0);
        if self.scaler > 1.0 { 1.0 - pow(1.0 - u, 1.0 / self.scaler) } else { pow(u, 1.0 / self.scaler) }
    }
}

impl Scheduler for Wuerstchen {
    /// Returns the times, including the end of the run.
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("DDPMWuerstchen", true, false, false)?;
        let timesteps: Vec<f64> = match &call.timesteps {
            Some(times) => times.iter().copied().map(single).collect(),
            None => linspace_single(1.0, 0.0, call.count(MOST_STEPS)? + 1),
        };
        let sound = timesteps.len() >= 2
            && timesteps.windows(2).all(|pair| pair[0] > pair[1])
            && timesteps.iter().all(|time| (0.0..=1.0).contains(time));
        if !sound {
            return Err(Error::argument("bad timesteps")
                .expected("times that fall, from 1 to 0, the end of the run among them")
                .got(timesteps.iter().take(8).map(f64::to_string).collect::<Vec<_>>().join(", ")));
        }
        Ok(Tables { alphas_cumprod: Vec::new(), timesteps, sigmas: Vec::new() })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let times = &tables.timesteps;
        let clean = Level { time: 0.0, alpha: 1.0, sigma: 0.0 };
        let level =
            |time: f64| if time == 0.0 && call.fixes(&quirks::WUERSTCHEN_END) { clean } else { self.level(time) };
        let steps: Vec<Step> =
            times.windows(2).map(|pair| Step { from: self.level(pair[0]), to: level(pair[1]) }).collect();
        let pins = steps.iter().map(|step| pin(step.from, step.from.time)).collect();
        let process = Process::new(*self)?;
        let network = Formulation::new(process.clone(), Prediction::Epsilon);
        Ok(Course { process, network, steps, pins, scale: 1.0, clip: None, method: Box::new(Mean) })
    }
}

/// DDPM without noise in a step to time 0.
#[derive(Clone, Debug, PartialEq)]
struct Mean;

impl Method for Mean {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            let noise = if step.to.time == 0.0 { 0.0 } else { 1.0 };
            x = OneStep { noise, ..OneStep::new(Keep::Ddim(1.0)) }.step(draft, x, &step)?;
            // If ᾱ is at its limit the state does not change, but the original draws noise anyway.
            if step.from.alpha == step.to.alpha {
                draft.draw();
            }
        }
        Ok(x)
    }
}
