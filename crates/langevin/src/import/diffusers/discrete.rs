//! Schedulers that go by ᾱ at whole times: DDPM, DDIM and its inverse, PNDM, LCM, TCD, CogVideoX, UnCLIP.

use super::config::Config;
use super::table::{
    ALL, Defaults, LINEAR, Schedule, alpha_bar, by_index, clip, count, falling_times, level, linspace, network, pin,
    refuse, round, spacing, trailing,
};
use super::{Call, Class, Course, Tables, flag, number};
use crate::error::{Error, Result};
use crate::sampler::consistency::{Boundary, Consistency, Trajectory};
use crate::sampler::draft::Step;
use crate::sampler::form::{Form, Poly};
use crate::sampler::inverse::Inversion;
use crate::sampler::multistep::Multistep;
use crate::sampler::noise::Keep;
use crate::sampler::one_step::OneStep;
use crate::sampler::{Method, stages};

const SPACINGS: &[&str] = &["leading", "linspace", "trailing"];
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
];

/// The levels and pins of steps that go from each time to the one given for it; −1 is where ᾱ is `end`.
pub(super) fn walk(
    tables: &Tables,
    next: impl Fn(usize, f64) -> f64,
    end: f64,
) -> Result<(Vec<Step>, Vec<crate::plan::Pin>)> {
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
    let schedule = Schedule::read(config, DDPM_BETAS)?;
    refuse(call, "DDPM", true, false, false)?;
    let times = match &call.timesteps {
        Some(times) => {
            falling_times(times, schedule.count)?;
            config.inert("timestep_spacing");
            config.inert("steps_offset");
            times.clone()
        }
        None => spacing(config, schedule.count, count(call, schedule.count)?, SPACINGS)?,
    };
    Ok(by_index(&schedule, times))
}

fn ddpm(config: &Config, _: &Call, tables: &Tables) -> Result<Course> {
    let schedule = Schedule::read(config, DDPM_BETAS)?;
    let (steps, pins) = walk(tables, following(tables), 1.0)?;
    let variance = config.word(
        "variance_type",
        &["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range"],
    )?;
    let large = match variance {
        "learned" | "learned_range" => {
            return Err(Error::format("a learned variance cannot be imported")
                .at("variance_type")
                .expected("fixed_small, fixed_small_log, fixed_large or fixed_large_log")
                .got(variance.to_owned())
                .hinting("its network has a second output, which a config does not describe"));
        }
        "fixed_large" | "fixed_large_log" => true,
        _ => false,
    };
    let network = network(config, &schedule, ALL)?;
    let clip = clip(config, Some(true))?;
    let method = Box::new(OneStep { large, ..OneStep::new(Keep::Ddim(1.0)) });
    Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
}

fn ddim_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = Schedule::read(config, DDIM_BETAS)?;
    refuse(call, "DDIM", false, false, false)?;
    let times = spacing(config, schedule.count, count(call, schedule.count)?, SPACINGS)?;
    Ok(by_index(&schedule, times))
}

/// ᾱ of the end: 1, or the table's first.
fn end(config: &Config, tables: &Tables, to_one: bool) -> Result<f64> {
    Ok(if config.flag("set_alpha_to_one", to_one)? {
        1.0
    } else {
        tables.alphas_cumprod.first().copied().unwrap_or(1.0)
    })
}

/// DDIM's own step: N/n times lower, whatever the next time is. The consistent plan goes to the next time.
fn ddim_next<'a>(call: &Call, tables: &'a Tables, count: usize) -> impl Fn(usize, f64) -> f64 + use<'a> {
    let (stride, consistent) = ((count / tables.timesteps.len().max(1)) as f64, call.consistent);
    move |index, time| if consistent { following(tables)(index, time) } else { time - stride }
}

fn ddim(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = Schedule::read(config, DDIM_BETAS)?;
    let (steps, pins) = walk(tables, ddim_next(call, tables, schedule.count), end(config, tables, true)?)?;
    let network = network(config, &schedule, ALL)?;
    let clip = clip(config, Some(true))?;
    let keep = Keep::Ddim(number(call, "eta", 0.0)?);
    let method = Box::new(OneStep { raw_noise: !flag(call, "use_clipped_model_output")?, ..OneStep::new(keep) });
    Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip, method })
}
