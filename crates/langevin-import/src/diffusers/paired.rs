//! Schedulers of two evaluations a step, in x/α: Heun at the end of the step, KDPM2 and DPM-Solver SDE half-way in ln y.
//!
//! The state, the readings and the pins are those of the [one-evaluation](super::sigma) schedulers. Levels and times are lists with an entry for each evaluation:
//!
//! | class | levels | times |
//! |---|---|---|
//! | Heun | y₀, y₁, y₁, …, 0 | t₀, t₁, t₁, … |
//! | KDPM2, its ancestral twin | y₀, y₁, y₁, …, 0, 0, 0 | t₀, middle, t₁, middle, … |
//! | DPMSolverSDE | y₀, y₁, y₁, …, 0 | t₀, middle, t₁, middle, … |
//!
//! Source: arXiv 2206.00364 (Heun), k-diffusion (the others).

use super::config::Config;
use super::sigma::{Ladder, RULE, Rule, STABLE, Selected, select, stored};
use super::table::{ALL, BetaTable, Defaults, network, refuse, single};
use super::{Call, Class, Course, Tables, number};
use langevin::error::Result;
use langevin::math::{exp, ln};
use langevin::sampler::noise::Keep;
use langevin::sampler::stages::{self, Fresh, Stages};
use langevin::space::Map;

const HEUN_BETAS: Defaults = Defaults { schedules: &["linear", "scaled_linear", "squaredcos_cap_v2", "exp"], ..STABLE };

pub(super) const CLASSES: &[Class] = &[
    Class { name: "HeunDiscreteScheduler", tables: heun_tables, course: heun, set: &[] },
    Class { name: "KDPM2DiscreteScheduler", tables: kdpm2_tables, course: kdpm2, set: &[] },
    Class { name: "KDPM2AncestralDiscreteScheduler", tables: kdpm2a_tables, course: kdpm2a, set: &[] },
    Class { name: "DPMSolverSDEScheduler", tables: sde_tables, course: sde, set: &["s_noise"] },
];

// Heun.

fn doubled(levels: Vec<f64>) -> Vec<f64> {
    let count = levels.len();
    levels.into_iter().enumerate().flat_map(|(i, y)| vec![y; if i == 0 || i + 1 == count { 1 } else { 2 }]).collect()
}

fn heun_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = BetaTable::read(config, HEUN_BETAS)?;
    refuse(call, "HeunDiscrete", true, false, false)?;
    let chosen = select(config, call, &schedule, &RULE)?;
    let times = chosen.times.iter().enumerate().flat_map(|(i, time)| vec![single(*time); if i == 0 { 1 } else { 2 }]);
    Ok(Tables { alphas_cumprod: chosen.bars, timesteps: times.collect(), sigmas: doubled(stored(chosen.levels, 0.0)) })
}

fn heun(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, HEUN_BETAS)?;
    let network = network(config, &schedule, ALL)?;
    let range = config.number("clip_sample_range", 1.0)?.abs();
    let clip = config.flag("clip_sample", false)?.then_some(Map::Clamp { min: -range, max: range });
    let method = Box::new(Stages::new(stages::HEUN));
    Ladder::double(tables, None)?.course(config, call, network, clip, method)
}

// KDPM2.

/// e^{½(ln a + ln b)} in float32; 0 where one is 0.
fn middle_single(a: f64, b: f64) -> f64 {
    let (a, b) = (ln(a) as f32, ln(b) as f32);
    if b.is_infinite() { 0.0 } else { f64::from((b - (b - a) * 0.5).exp()) }
}

fn kdpm2_middle(from: f64, to: f64) -> f64 {
    (from * to).sqrt()
}

/// Half-way to y'²/y, which is what ancestral noise leaves to the ODE.
fn kdpm2a_middle(_: f64, to: f64) -> f64 {
    to
}

/// The levels y0, y1, y1, …, 0, 0, 0 and the times t0, mid, t1, mid, …
fn interleaved(chosen: Selected, middle: impl Fn(f64, f64) -> f64) -> Tables {
    let levels = stored(chosen.levels, 0.0);
    let keep = |time: f64| if chosen.shaped { time } else { single(time) };
    let mut times = vec![chosen.times[0]];
    for (i, time) in chosen.times.iter().enumerate().skip(1) {
        times.push(keep(chosen.table.time(middle(levels[i - 1], levels[i]))));
        times.push(*time);
    }
    let mut sigmas = vec![levels[0]];
    levels[1..].iter().for_each(|y| sigmas.extend([*y, *y]));
    sigmas.push(0.0);
    Tables { alphas_cumprod: chosen.bars, timesteps: times, sigmas }
}

fn kdpm2_selected(config: &Config, call: &Call) -> Result<Selected> {
    let schedule = BetaTable::read(config, STABLE)?;
    refuse(call, "KDPM2", false, false, false)?;
    select(config, call, &schedule, &Rule { rounds: true, ..RULE })
}

fn kdpm2_tables(config: &Config, call: &Call) -> Result<Tables> {
    Ok(interleaved(kdpm2_selected(config, call)?, |from, to| middle_single(to, from)))
}

/// √(y y'²/y) is y' itself. The original makes it in float32 from y'² − (y'² − y'⁴/y²), of which little is left after a long step.
fn kdpm2a_tables(config: &Config, call: &Call) -> Result<Tables> {
    Ok(interleaved(kdpm2_selected(config, call)?, |_, to| to))
}

fn kdpm2(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, STABLE)?;
    let network = network(config, &schedule, ALL)?;
    let method = Box::new(Stages::new(stages::DPM2));
    Ladder::double(tables, Some(kdpm2_middle))?.course(config, call, network, None, method)
}

fn kdpm2a(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, STABLE)?;
    let network = network(config, &schedule, ALL)?;
    let method = Box::new(Stages { keep: Keep::Ddim(1.0), ..Stages::new(stages::DPM2) });
    Ladder::double(tables, Some(kdpm2a_middle))?.course(config, call, network, None, method)
}

// DPM-Solver for the SDE.

fn sde_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = BetaTable::read(config, STABLE)?;
    refuse(call, "DPMSolverSDE", false, false, false)?;
    let chosen = select(config, call, &schedule, &Rule { single: false, bounded: false, ..RULE })?;
    let mut times = vec![chosen.times[0]];
    for (i, time) in chosen.times.iter().enumerate().skip(1) {
        let middle = exp(0.5 * (ln(chosen.levels[i - 1]) + ln(chosen.levels[i])));
        times.extend([chosen.table.time(middle), *time]);
    }
    Ok(Tables { alphas_cumprod: chosen.bars, timesteps: times, sigmas: doubled(stored(chosen.levels, 0.0)) })
}

fn sde(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, STABLE)?;
    config.inert("noise_sampler_seed");
    let network = network(config, &schedule, ALL)?;
    let (keep, noise) = (Keep::Ddim(1.0), number(call, "s_noise", 1.0)?);
    let method = Box::new(Stages { keep, noise, fresh: Fresh::Brownian, ..Stages::new(stages::DPMPP_2S) });
    Ladder::double(tables, Some(kdpm2_middle))?.course(config, call, network, None, method)
}
