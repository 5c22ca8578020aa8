//! Schedulers that go by ᾱ at whole times, one step each: DDPM, DDIM and its inverse, UnCLIP.

use super::config::Config;
use super::table::{
    ALL, BetaTable, Defaults, LINEAR, alpha_bar, by_index, clip, count, falling_times, level, network, pin, refuse,
    round, single, spacing,
};
use super::{Call, Class, Course, Tables, flag, number};
use langevin::error::{Error, Result};
use langevin::moves::{Row, reverse_rho};
use langevin::plan::{Letter, NetworkCall, Var};
use langevin::prediction::Prediction;
use langevin::process::Level;
use langevin::sampler::Method;
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::{OneStep, Variance};
use langevin::sampler::{Draft, Step};
use serde_json::Value;

/// Spacings of whole times, the default first.
pub(super) const DISCRETE_SPACINGS: &[&str] = &["leading", "linspace", "trailing"];
const DDPM_BETAS: Defaults = Defaults {
    schedules: &["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace"],
    zero_snr: true,
    ..LINEAR
};
const DDIM_BETAS: Defaults = Defaults { zero_snr: true, ..LINEAR };

pub(super) const CLASSES: &[Class] = &[
    Class { name: "DDPMScheduler", tables: ddpm_tables, course: ddpm, set: &[] },
    Class { name: "DDPMParallelScheduler", tables: ddpm_tables, course: ddpm, set: &[] },
    Class { name: "DDIMScheduler", tables: ddim_tables, course: ddim, set: &["eta", "use_clipped_model_output"] },
    Class {
        name: "DDIMParallelScheduler",
        tables: ddim_tables,
        course: ddim,
        set: &["eta", "use_clipped_model_output"],
    },
    Class { name: "DDIMInverseScheduler", tables: inverse_tables, course: inverse, set: &[] },
    Class { name: "UnCLIPScheduler", tables: unclip_tables, course: unclip, set: &["prev_timestep"] },
];

/// The levels and pins of steps that go from each time to the one given for it; −1 is where ᾱ is `end`.
pub(super) fn walk(
    tables: &Tables,
    next: impl Fn(usize, f64) -> f64,
    end: f64,
) -> Result<(Vec<Step>, Vec<langevin::plan::NetworkCall>)> {
    let mut steps = Vec::with_capacity(tables.timesteps.len());
    let mut pins = Vec::with_capacity(tables.timesteps.len());
    for (index, time) in tables.timesteps.iter().enumerate() {
        let to = next(index, *time);
        let from = level(*time, alpha_bar(tables, *time, end)?);
        steps.push(Step { from, to: level(to.max(-1.0), alpha_bar(tables, to, end)?) });
        pins.push(pin(from, *time));
    }
    Ok((steps, pins))
}

/// The time that comes after in the list; −1 after the last.
fn following(tables: &Tables) -> impl Fn(usize, f64) -> f64 + '_ {
    |index, _| tables.timesteps.get(index + 1).copied().unwrap_or(-1.0)
}

fn ddpm_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = BetaTable::read(config, DDPM_BETAS)?;
    refuse(call, "DDPM", true, false, false)?;
    let times = match &call.timesteps {
        Some(times) => {
            falling_times(times, schedule.count)?;
            config.inert("timestep_spacing");
            config.inert("steps_offset");
            times.clone()
        }
        None => spacing(config, schedule.count, count(call, schedule.count)?, DISCRETE_SPACINGS)?,
    };
    Ok(by_index(&schedule, times))
}

fn ddpm(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, DDPM_BETAS)?;
    let (steps, pins) = walk(tables, following(tables), 1.0)?;
    let variance = config.word(
        "variance_type",
        &["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range"],
    )?;
    let variance = match variance {
        "learned" | "learned_range" => {
            return Err(Error::format("a learned variance cannot be imported")
                .at("variance_type")
                .expected("fixed_small, fixed_small_log, fixed_large or fixed_large_log")
                .got(variance.to_owned())
                .hinting("its network has a second output, which a config does not describe"));
        }
        "fixed_large" | "fixed_large_log" if call.consistent => Variance::Forward,
        // The original adds noise in its last step too, where that starts above time 0.
        "fixed_large" | "fixed_large_log" => Variance::ForwardToTheEnd,
        _ => Variance::Marginal,
    };
    let network = network(config, &schedule, ALL)?;
    let clip = clip(config, Some(true))?;
    let method = Box::new(OneStep { variance, ..OneStep::new(Keep::Ddim(1.0)) });
    Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
}

fn ddim_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = BetaTable::read(config, DDIM_BETAS)?;
    refuse(call, "DDIM", false, false, false)?;
    let times = spacing(config, schedule.count, count(call, schedule.count)?, DISCRETE_SPACINGS)?;
    Ok(by_index(&schedule, times))
}

/// ᾱ of the end: 1, or the table's first.
pub(super) fn end(config: &Config, tables: &Tables, to_one: bool) -> Result<f64> {
    Ok(if config.flag("set_alpha_to_one", to_one)? {
        1.0
    } else {
        tables.alphas_cumprod.first().copied().unwrap_or(1.0)
    })
}

/// DDIM's own step: N/n times lower, whatever the next time is. The consistent plan goes to the next time.
pub(super) fn ddim_next<'a>(call: &Call, tables: &'a Tables, count: usize) -> impl Fn(usize, f64) -> f64 + use<'a> {
    let (stride, consistent) = ((count / tables.timesteps.len().max(1)) as f64, call.consistent);
    move |index, time| if consistent { following(tables)(index, time) } else { time - stride }
}

fn ddim(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, DDIM_BETAS)?;
    let (steps, pins) = walk(tables, ddim_next(call, tables, schedule.count), end(config, tables, true)?)?;
    let network = network(config, &schedule, ALL)?;
    let clip = clip(config, Some(true))?;
    let keep = Keep::Ddim(number(call, "eta", 0.0)?);
    let method = Box::new(OneStep { raw_noise: !flag(call, "use_clipped_model_output")?, ..OneStep::new(keep) });
    Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
}

// DDIM upwards.

fn inverse_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = BetaTable::read(config, DDIM_BETAS)?;
    refuse(call, "DDIMInverse", false, false, false)?;
    let steps = count(call, schedule.count)?;
    let mut times = spacing(config, schedule.count, steps, &["leading", "trailing"])?;
    times.reverse();
    Ok(by_index(&schedule, times))
}

fn inverse(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, DDIM_BETAS)?;
    if call.start_at.is_some() {
        return Err(Error::argument("an inversion starts at its beginning").at("start_at"));
    }
    let network = network(config, &schedule, ALL)?;
    let clip = clip(config, Some(true))?;
    let count = tables.timesteps.len().max(1);
    let stride = (schedule.count / count) as f64;
    // Where the data are clean the noise that the network saw cannot be read back from D; and a prediction of D says nothing of it.
    let to_one = config.flag("set_alpha_to_one", true)? && network.prediction != Prediction::X0 && !call.consistent;
    let first = if to_one { 1.0 } else { alpha_bar(tables, 0.0, 1.0)? };
    let (mut steps, mut pins): (Vec<Step>, Vec<NetworkCall>) = (vec![], vec![]);
    let mut before = None;
    for time in &tables.timesteps {
        let down =
            if call.consistent { before.unwrap_or(-1.0) } else { (time - stride).min(schedule.count as f64 - 1.0) };
        let from = level(down.max(-1.0), alpha_bar(tables, down, first)?);
        steps.push(Step { from, to: level(*time, alpha_bar(tables, *time, first)?) });
        let own = if from.sigma > 0.0 { from } else { Level { time: *time, alpha: 1.0, sigma: 1.0 } };
        pins.push(NetworkCall { sigma_ve: from.sigma_ve(), own, time: *time });
        before = Some(*time);
    }
    if call.consistent {
        pins = steps.iter().map(|step| pin(step.from, step.from.time.max(0.0))).collect();
        steps.retain(|step| step.from.alpha != step.to.alpha);
    }
    let half = if network.prediction == Prediction::V { 2.0 } else { 1.0 };
    let method = Box::new(Upwards { half });
    Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
}

/// DDIM's inverse. What is odd: the network is called with the time a step goes to, not with that of the state; and from clean data, where no D can be read, with
/// x' = α' x + σ' m. There the plan reads D at α = σ = 1, D = (x − m)/h, and takes m = x − h D out of it again: h is 1 for ε and 2 for v.
///
/// The consistent plan starts at the table's first entry, and calls the network at the time of the state.
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

// UnCLIP.

const UNCLIP_BETAS: Defaults = Defaults { schedules: &["squaredcos_cap_v2"], ..LINEAR };

fn unclip_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = BetaTable::read(config, UNCLIP_BETAS)?;
    refuse(call, "UnCLIP", false, false, false)?;
    let steps = count(call, schedule.count)?;
    let last = schedule.count as f64 - 1.0;
    // One step alone is from the last time, where the original divides by zero.
    let stride = if steps > 1 { last / (steps - 1) as f64 } else { last };
    let time = |i: usize| round(if steps > 1 { i as f64 * stride } else { last });
    Ok(by_index(&schedule, (0..steps).rev().map(time).collect()))
}

fn unclip(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, UNCLIP_BETAS)?;
    let network = network(config, &schedule, &["epsilon", "sample"])?;
    config.only("variance_type", &Value::from("fixed_small_log"))?;
    // The caller of the original may leave the next time out: a step then goes one entry down, and the next starts where it did not land.
    let alone = match call.set.get("prev_timestep") {
        None => false,
        Some(Value::Null) => !call.consistent,
        Some(value) => {
            return Err(Error::argument("bad argument").at("prev_timestep").expected("null").got(value.to_string()));
        }
    };
    let next = |index: usize, time: f64| if alone { time - 1.0 } else { following(tables)(index, time) };
    let (steps, pins) = walk(tables, next, 1.0)?;
    let clip = clip(config, Some(true))?;
    let method: Box<dyn Method> = if call.consistent {
        Box::new(OneStep::new(Keep::Ddim(1.0)))
    } else {
        Box::new(Posterior { betas: schedule.values })
    };
    Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
}

/// UnCLIP's posterior. What is odd: a step to the entry below takes β_t from its table and not 1 − ᾱ_t/ᾱ_{t−1}; in float32 the two differ by up to a thousandth
/// at the first entries, and the result of a run with them. Any other step takes 1 − β for ᾱ_t/ᾱ_s, β = 1 − ᾱ_t/ᾱ_s in float32: from the end of the cosine table, where ᾱ is
/// 2·10⁻⁹, nothing is left of that, and the factor of the state is 0 where 10⁻⁴ belongs.
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
