//! Consistency models: CMStochasticIterative on α = 1, and SCM on an angle.
//!
//! CMStochasticIterative jumps to f and adds noise again, $x' = f + s\sqrt{y'^2 - \epsilon^2} z$ with ε = σ_min, from
//!
//! $$f = c_{skip} x + c_{out} F, \qquad c_{skip} = \frac{\sigma_d^2}{(y-\epsilon)^2 + \sigma_d^2}, \qquad c_{out} = \frac{(y-\epsilon)\sigma_d}{\sqrt{y^2 + \sigma_d^2}} .$$
//!
//! With D as EDM reads it off the same F, $f = r D + (c_{skip} - r c^0_{skip}) x$, $r = (y - \epsilon)/y$, $c^0_{skip} = \sigma_d^2/(y^2+\sigma_d^2)$.
//!
//! SCM (TrigFlow) has α = cos t, σ = sin t and a v-prediction, $D = \cos t\, x - \sin t\, F$, $x' = \cos t' D + \sin t' z$: here in units of σ_d, in which its pipeline calls the
//! network and decodes the result.
//!
//! Source: arXiv 2303.01469, 2410.11081.

use super::config::Config;
use super::table::{MOST_STEPS, count, falling_times, linspace_single, power, refuse, single};
use super::{Call, Class, Course, Tables, number};
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation, InputScaling};
use langevin::math::{cos, ln, sin};
use langevin::plan::{Letter, NetworkCall, Var};
use langevin::prediction::Prediction;
use langevin::process::{Level, Process, ve};
use langevin::sampler::Method;
use langevin::sampler::consistency::Consistency;
use langevin::sampler::{Draft, Step};
use langevin::space::Map;
use serde_json::Value;
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

pub(super) const CLASSES: &[Class] = &[
    Class { name: "CMStochasticIterativeScheduler", tables: jumps_tables, course: jumps, set: &[] },
    Class {
        name: "SCMScheduler",
        tables: angle_tables,
        course: angle,
        set: &["max_timesteps", "intermediate_timesteps"],
    },
];

/// σ_min, σ_max and σ_data.
fn ends(config: &Config) -> Result<[f64; 3]> {
    let (min, max) = (config.number("sigma_min", 0.002)?, config.number("sigma_max", 80.0)?);
    let data = config.number("sigma_data", 0.5)?;
    if 0.0 < min && min < max && max.is_finite() && 0.0 < data && data.is_finite() {
        return Ok([min, max, data]);
    }
    Err(Error::format("bad range of noise levels")
        .at("sigma_min, sigma_max, sigma_data")
        .expected("0 < sigma_min < sigma_max < ∞, sigma_data > 0")
        .got(format!("{min}, {max}, {data}")))
}

/// What the network is given per ln σ: 1000 times EDM's quarter.
const PER_LOG: f64 = 250.0;

/// Every k-th level of Karras's grid of N, k = N/n, noisiest first; or the levels whose numbers, counted from the noisiest, are given, the last one first.
fn jumps_tables(config: &Config, call: &Call) -> Result<Tables> {
    refuse(call, "CMStochasticIterative", true, false, false)?;
    let [min, max, _] = ends(config)?;
    let train = config.whole("num_train_timesteps", 40)?;
    if !(2..=MOST_STEPS).contains(&train) {
        return Err(Error::format("bad field in the config")
            .at("num_train_timesteps")
            .expected(format!("2 to {MOST_STEPS} levels"))
            .got(train.to_string()));
    }
    let numbers: Vec<f64> = match &call.timesteps {
        Some(times) => {
            falling_times(times, train)?;
            times.iter().rev().copied().collect()
        }
        None => {
            let steps = count(call, train)?;
            (0..steps).map(|i| (i * (train / steps)) as f64).collect()
        }
    };
    let rho = config.number("rho", 7.0)?;
    if !(rho > 0.0 && rho.is_finite()) {
        return Err(Error::format("bad field in the config").at("rho").expected("a number > 0").got(rho.to_string()));
    }
    let (from, to) = (power(max, 1.0 / rho), power(min, 1.0 / rho));
    let levels: Vec<f64> = numbers.iter().map(|i| power(from + i / (train as f64 - 1.0) * (to - from), rho)).collect();
    let timesteps = levels.iter().map(|y| PER_LOG * ln(*y)).collect();
    let sigmas = levels.into_iter().chain([min]).map(single).collect();
    Ok(Tables { alphas_cumprod: Vec::new(), timesteps, sigmas })
}

fn jumps(config: &Config, _: &Call, tables: &Tables) -> Result<Course> {
    let [floor, max, sigma_data] = ends(config)?;
    let noise = config.number("s_noise", 1.0)?;
    let clip = config.flag("clip_denoised", true)?.then_some(Map::Clamp { min: -1.0, max: 1.0 });
    let network = Formulation::new(Process::ve(), Prediction::Edm { sigma_data })
        .with_clock(Clock::LogSigma { factor: PER_LOG })
        .with_input(InputScaling::UnitVariance { sigma_data });
    let nodes = &tables.sigmas;
    if tables.timesteps.is_empty() || nodes.len() != tables.timesteps.len() + 1 {
        return Err(Error::argument("tables that do not fit")
            .expected("one noise level more than there are times")
            .got(format!("{} for {} times", nodes.len(), tables.timesteps.len())));
    }
    super::sigma::falling(nodes)?;
    let pins = nodes
        .iter()
        .zip(&tables.timesteps)
        .map(|(y, time)| NetworkCall { sigma_ve: *y, own: ve(*y), time: *time })
        .collect();
    // σ_min counts as clean: the run ends on f.
    let ends = nodes[1..nodes.len() - 1].iter().copied().chain([0.0]);
    let steps = nodes.iter().zip(ends).map(|(from, to)| Step { from: ve(*from), to: ve(to) }).collect();
    let method = Box::new(Jumps { sigma_data, floor, noise });
    Ok(Course { process: Process::ve(), network, steps, pins, scale: max, clip, method })
}

/// The jumps of a consistency model, whose boundary moves the mean and whose noise starts from ε: no move keeps its marginal to the last digit.
#[derive(Clone, Debug, PartialEq)]
struct Jumps {
    sigma_data: f64,
    /// ε.
    floor: f64,
    /// s.
    noise: f64,
}

impl Method for Jumps {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let power = self.sigma_data * self.sigma_data;
        for (_, step) in draft.taken() {
            let mark = draft.mark();
            let y = step.from.sigma;
            // The table's last level in float32 may lie a hair below ε.
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

// SCM.

/// Times as angles, with the end of the run: from `max_timesteps` by `intermediate_timesteps` to 0 in two steps, evenly in any other number of them.
fn angle_tables(config: &Config, call: &Call) -> Result<Tables> {
    refuse(call, "SCM", true, false, false)?;
    config.only("prediction_type", &Value::from("trigflow"))?;
    let train = config.whole("num_train_timesteps", 1000)?;
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
            let (steps, first) = (count(call, train)?, number(call, "max_timesteps", (FRAC_PI_2 * 1e5).round() / 1e5)?);
            let middle = match call.set.get("intermediate_timesteps") {
                // The original has 1.3 here for any number of steps, and then raises but for two.
                None => (steps == 2).then_some(1.3),
                Some(Value::Null) => None,
                Some(_) if steps != 2 => {
                    return Err(Error::argument("an intermediate time is for two steps")
                        .at("intermediate_timesteps")
                        .expected("null")
                        .got(format!("{steps} steps")));
                }
                Some(_) => Some(number(call, "intermediate_timesteps", 1.3)?),
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

fn angle(config: &Config, _: &Call, tables: &Tables) -> Result<Course> {
    // The unit of the state.
    let unit = config.number("sigma_data", 0.5)?;
    if !(unit > 0.0 && unit.is_finite()) {
        return Err(Error::format("bad field in the config")
            .at("sigma_data")
            .expected("a number > 0")
            .got(unit.to_string()));
    }
    let network = Formulation::new(Process::vp_cosine(), Prediction::V).with_clock(Clock::Scaled { factor: FRAC_PI_2 });
    // The default first time lies 4·10⁻⁶ beyond a right angle, where α < 0: there the state is noise.
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
