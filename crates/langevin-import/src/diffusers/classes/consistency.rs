//! Consistency models on α = 1: CMStochasticIterative.
//!
//! A step jumps to f and adds noise again, $x' = f + s\sqrt{y'^2 - \epsilon^2} z$ with ε = σ_min,
//! from
//!
//! $$f = c_{skip} x + c_{out} F, \qquad c_{skip} = \frac{\sigma_d^2}{(y-\epsilon)^2 + \sigma_d^2},
//! \qquad c_{out} = \frac{(y-\epsilon)\sigma_d}{\sqrt{y^2 + \sigma_d^2}} .$$
//!
//! With D as EDM computes it from the same F, $f = r D + (c_{skip} - r c^0_{skip}) x$, $r = (y -
//! \epsilon)/y$, $c^0_{skip} = \sigma_d^2/(y^2+\sigma_d^2)$.
//!
//! Source: arXiv 2303.01469.

use crate::diffusers::call::{Call, MOST_STEPS};
use crate::diffusers::fields::{Fields, out_of_range};
use crate::diffusers::ladder::falling;
use crate::diffusers::numbers::{power, single};
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::spacing::falling_times;
use crate::quirks;
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation, InputScaling};
use langevin::math::ln;
use langevin::plan::{Letter, NetworkCall, Var};
use langevin::prediction::Prediction;
use langevin::process::{Process, ve};
use langevin::sampler::{Draft, Method, Step};
use langevin::space::Map;
use std::sync::Arc;

pub(super) const CLASSES: &[Class] =
    &[Class::new("CMStochasticIterativeScheduler", |fields| Ok(Arc::new(StochasticIterative::parse(fields)?)))
        .declaring(&quirks::CM_BOUNDARY)];

/// Factor between ln σ and the time of the network: 1000 times EDM's ¼.
const PER_LOG: f64 = 250.0;

/// CMStochasticIterativeScheduler.
#[derive(Clone, Debug)]
struct StochasticIterative {
    /// σ_min, σ_max and σ_data.
    ends: [f64; 3],
    /// Number of levels N.
    train: usize,
    rho: f64,
    /// Noise factor s.
    noise: f64,
    clip: Option<Map>,
}

impl StochasticIterative {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let ends = checked([
            fields.number("sigma_min", 0.002)?,
            fields.number("sigma_max", 80.0)?,
            fields.number("sigma_data", 0.5)?,
        ])?;
        let train = fields.whole("num_train_timesteps", 40)?;
        if !(2..=MOST_STEPS).contains(&train) {
            let expected = format!("2 to {MOST_STEPS} levels");
            return Err(out_of_range("num_train_timesteps", expected, train.to_string()));
        }
        Ok(Self {
            ends,
            train,
            rho: fields.positive("rho", 7.0)?,
            noise: fields.number("s_noise", 1.0)?,
            clip: fields.flag("clip_denoised", true)?.then_some(Map::Clamp { min: -1.0, max: 1.0 }),
        })
    }
}

/// Checks σ_min, σ_max and σ_data.
fn checked(ends: [f64; 3]) -> Result<[f64; 3]> {
    let [min, max, data] = ends;
    if 0.0 < min && min < max && max.is_finite() && 0.0 < data && data.is_finite() {
        return Ok(ends);
    }
    Err(Error::format("bad range of noise levels")
        .at("sigma_min, sigma_max, sigma_data")
        .expected("0 < sigma_min < sigma_max < ∞, sigma_data > 0")
        .got(format!("{min}, {max}, {data}")))
}

impl Scheduler for StochasticIterative {
    /// Returns every k-th level of Karras's grid of N levels, k = N/n, noisiest first.
    /// Alternatively, returns the levels with the given numbers, counted from the noisiest, the
    /// last one first.
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("CMStochasticIterative", true, false, false)?;
        let Self { ends: [min, max, _], train, rho, .. } = *self;
        let numbers: Vec<f64> = match &call.timesteps {
            Some(times) => {
                falling_times(times, train)?;
                times.iter().rev().copied().collect()
            }
            None => {
                let steps = call.count(train)?;
                (0..steps).map(|i| (i * (train / steps)) as f64).collect()
            }
        };
        let (from, to) = (power(max, 1.0 / rho), power(min, 1.0 / rho));
        let levels: Vec<f64> =
            numbers.iter().map(|i| power(from + i / (train as f64 - 1.0) * (to - from), rho)).collect();
        let timesteps = levels.iter().map(|y| PER_LOG * ln(*y)).collect();
        let sigmas = levels.into_iter().chain([min]).map(single).collect();
        Ok(Tables { alphas_cumprod: Vec::new(), timesteps, sigmas })
    }

    fn course(&self, _: &Call, tables: &Tables) -> Result<Course> {
        let [floor, max, sigma_data] = self.ends;
        let network = Formulation::new(Process::ve(), Prediction::Edm { sigma_data })
            .with_clock(Clock::LogSigma { factor: PER_LOG })
            .with_input(InputScaling::UnitVariance { sigma_data });
        let nodes = &tables.sigmas;
        if tables.timesteps.is_empty() || nodes.len() != tables.timesteps.len() + 1 {
            return Err(Error::argument("tables that do not fit")
                .expected("one noise level more than there are times")
                .got(format!("{} for {} times", nodes.len(), tables.timesteps.len())));
        }
        falling(nodes)?;
        let pins = nodes
            .iter()
            .zip(&tables.timesteps)
            .map(|(y, time)| NetworkCall { sigma_ve: *y, own: ve(*y), time: *time })
            .collect();
        // σ_min counts as clean, so the run ends on f.
        let ends = nodes[1..nodes.len() - 1].iter().copied().chain([0.0]);
        let steps = nodes.iter().zip(ends).map(|(from, to)| Step { from: ve(*from), to: ve(to) }).collect();
        let method = Box::new(Jumps { sigma_data, floor, noise: self.noise });
        Ok(Course { process: Process::ve(), network, steps, pins, scale: max, clip: self.clip.clone(), method })
    }
}

/// The jumps of a consistency model. Its boundary condition shifts the mean, and its noise starts
/// from ε, so no move preserves its marginal exactly.
#[derive(Clone, Debug, PartialEq)]
struct Jumps {
    sigma_data: f64,
    /// The level ε.
    floor: f64,
    /// The noise factor s.
    noise: f64,
}

impl Method for Jumps {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let power = self.sigma_data * self.sigma_data;
        for (_, step) in draft.taken() {
            let mark = draft.mark();
            let y = step.from.sigma;
            // Rounded to float32, the last level of the table may lie slightly below ε.
            let rest = (y - self.floor).max(0.0);
            let (ratio, skip, plain) = (rest / y, power / (rest * rest + power), power / (y * y + power));
            let denoised = draft.evaluate(x, &step.from)?;
            let raw = draft.step((ratio, denoised), [(skip - ratio * plain, x)], []);
            let f = draft.corrected(raw);
            let fresh = ((step.to.sigma - self.floor) * (step.to.sigma + self.floor)).max(0.0).sqrt();
            x = draft.advance((0.0, x), [(1.0, f)], self.noise * fresh);
            draft.note(Letter::R, None, &step.from, &step.to, mark);
        }
        Ok(x)
    }
}
