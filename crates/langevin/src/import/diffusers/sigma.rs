//! Schedulers whose state is x/α: α = 1, noise y = σ/α. The network is still the table's, called at the times that the original computes.
//!
//! With $y$ the level and $m$ the output, the originals read
//!
//! | prediction | D |
//! |---|---|
//! | ε | $x - y m$ |
//! | v | $x/(y^2+1) - m y/\sqrt{y^2+1}$ |
//! | sample | $m$ |
//!
//! which is the network's own reading at $\alpha = 1/\sqrt{y^2+1}$, $\sigma = y\alpha$. The time that it is called with need not be the one of that level:
//! a plan says so by its pins. The consistent plan has no pins, so that the network is called at the time of the level it stands at, and starts at y.

use super::config::Config;
use super::quirks::{Late, LateChurn, Lms};
use super::sigmas::{Placing, Sigmas};
use super::table::{
    ALL, Defaults, LINEAR, Schedule, count, linspace, linspace_single, network, refuse, single, spacing,
};
use super::vp::alphas_cumprod;
use super::{Call, Class, Course, Tables, number, whole};
use crate::error::{Error, Result};
use crate::formulation::{Clock, Formulation};
use crate::math::{exp, ln};
use crate::plan::Pin;
use crate::prediction::Prediction;
use crate::process::{Level, Process};
use crate::sampler::Method;
use crate::sampler::draft::Step;
use crate::sampler::form::{Form, Poly, Variable};
use crate::sampler::multistep::Multistep;
use crate::sampler::noise::Keep;
use crate::sampler::one_step::OneStep;
use crate::sampler::stages::{self, Churn, Fresh, Stages};
use crate::space::Map;

/// Spacings of times, the default first.
const LINSPACE: &[&str] = &["linspace", "leading", "trailing"];
const ZERO_SNR: Defaults = Defaults { zero_snr: true, ..LINEAR };
/// The betas of Heun, KDPM2 and DPMSolverSDE.
const STABLE: Defaults = Defaults { start: 0.00085, end: 0.012, ..LINEAR };
const HEUN_BETAS: Defaults = Defaults { schedules: &["linear", "scaled_linear", "squaredcos_cap_v2", "exp"], ..STABLE };

pub(super) const CLASSES: &[Class] = &[
    Class {
        name: "EulerDiscreteScheduler",
        tables: euler_tables,
        course: euler,
        set: &["s_churn", "s_tmin", "s_tmax", "s_noise"],
    },
    Class { name: "EulerAncestralDiscreteScheduler", tables: ancestral_tables, course: ancestral, set: &[] },
    Class { name: "HeunDiscreteScheduler", tables: heun_tables, course: heun, set: &[] },
    Class { name: "LMSDiscreteScheduler", tables: lms_tables, course: lms, set: &["order"] },
    Class { name: "KDPM2DiscreteScheduler", tables: kdpm2_tables, course: kdpm2, set: &[] },
    Class { name: "KDPM2AncestralDiscreteScheduler", tables: kdpm2a_tables, course: kdpm2a, set: &[] },
    Class { name: "DPMSolverSDEScheduler", tables: sde_tables, course: sde, set: &["s_noise"] },
];

/// A level of the state.
pub(super) fn ve(y: f64) -> Level {
    Level { time: y, alpha: 1.0, sigma: y }
}

/// The network at the level y, called with this time.
fn pin(y: f64, time: f64) -> Pin {
    let alpha = 1.0 / (y * y + 1.0).sqrt();
    Pin { sigma_ve: y, own: Level { time, alpha, sigma: y * alpha }, time }
}

/// What a run is made of, before its solver: nodes with their times, and the times of levels between them.
struct Ladder {
    /// One more level than there are steps.
    nodes: Vec<f64>,
    pins: Vec<Pin>,
    per_step: usize,
}

impl Ladder {
    /// A level for each time and one more.
    fn single(tables: &Tables) -> Result<Self> {
        let nodes = tables.sigmas.get(..=tables.timesteps.len()).ok_or_else(short)?.to_vec();
        let pins = nodes.iter().zip(&tables.timesteps).map(|(y, time)| pin(*y, *time)).collect();
        Ok(Self { nodes, pins, per_step: 1 })
    }

    /// Two evaluations a step but for the last: levels y0, y1, y1, … and times by `times`: (first, of the stage).
    fn double(tables: &Tables, middle: Option<fn(f64, f64) -> f64>) -> Result<Self> {
        let steps = tables.timesteps.len().div_ceil(2);
        let node = |i: usize| tables.sigmas.get((2 * i).saturating_sub(1)).copied().ok_or_else(short);
        let nodes: Vec<f64> = (0..=steps).map(node).collect::<Result<_>>()?;
        let mut pins = Vec::new();
        for (i, time) in tables.timesteps.iter().enumerate() {
            match (i % 2, middle) {
                (0, _) => pins.push(pin(nodes[i / 2], *time)),
                (_, Some(middle)) => pins.push(pin(middle(nodes[i / 2], nodes[i / 2 + 1]), *time)),
                _ => {}
            }
        }
        Ok(Self { nodes, pins, per_step: if middle.is_some() { 2 } else { 1 } })
    }

    /// The course; with `consistent` it has no pins and no step that stays where it is.
    fn course(
        mut self,
        config: &Config,
        call: &Call,
        network: Formulation,
        clip: Option<Map>,
        method: Box<dyn Method>,
    ) -> Result<Course> {
        let top = self.nodes.iter().copied().fold(0.0, f64::max);
        let scale = match config.word("timestep_spacing", LINSPACE)? {
            "leading" => single((single(top * top) + 1.0).sqrt()),
            _ => top,
        };
        if call.consistent {
            self.nodes.dedup();
            self.pins.clear();
        }
        // Two levels may be one with two times, so those of the steps left out must go.
        let skipped = self.per_step * call.start_at.unwrap_or(0);
        self.pins.drain(..skipped.min(self.pins.len()));
        falling(&self.nodes)?;
        let steps = self.nodes.windows(2).map(|pair| Step { from: ve(pair[0]), to: ve(pair[1]) }).collect();
        Ok(Course { process: Process::ve(), network, steps, pins: self.pins, scale, clip, method })
    }
}

fn short() -> Error {
    Error::argument("the tables do not fit each other")
        .at("sigmas")
        .expected("one level for each time, and the last one")
}

/// Levels that fall; two neighbours may be one and the same, as some originals end.
pub(super) fn falling(nodes: &[f64]) -> Result<()> {
    let sound = |pair: &[f64]| pair[0] >= pair[1] && pair[1] >= 0.0 && pair[0].is_finite() && pair[0] > 0.0;
    match nodes.windows(2).find(|pair| !sound(pair)) {
        None if nodes.len() > 1 => Ok(()),
        pair => Err(Error::argument("the noise levels of a run must fall")
            .at("sigmas")
            .expected("finite levels ≥ 0, each at most the one before")
            .got(pair.map_or("no step".to_owned(), |pair| format!("{} after {}", pair[1], pair[0])))),
    }
}

/// How a class makes its levels.
struct Rule {
    /// Whether times are kept in float32.
    single: bool,
    /// Whether the times of Karras's levels are rounded.
    rounds: bool,
}

const RULE: Rule = Rule { single: true, rounds: false };

/// ᾱ, and levels and times for each step, noisiest first; levels in float64, as they are before they are stored.
struct Selected {
    bars: Vec<f64>,
    table: Sigmas,
    levels: Vec<f64>,
    times: Vec<f64>,
    /// Whether the times are a grid's, in float64.
    shaped: bool,
}

fn select(
    config: &Config,
    call: &Call,
    schedule: &Schedule,
    rule: &Rule,
    ends: (Option<f64>, Option<f64>),
) -> Result<Selected> {
    let bars = alphas_cumprod(schedule);
    let table = Sigmas::new(&bars);
    let shape = Placing::read(config, false)?;
    let mut times: Vec<f64> = match &call.timesteps {
        Some(times) => {
            config.inert("steps_offset");
            if shape != Placing::Table {
                return Err(Error::argument("timesteps do not go with another grid")
                    .at("timesteps")
                    .hinting("switch use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas off"));
            }
            given_times(times, schedule.count)?;
            times.clone()
        }
        None => spaced(config, call, schedule.count)?,
    };
    if rule.single {
        times.iter_mut().for_each(|time| *time = single(*time));
    }
    let mut levels: Vec<f64> = times.iter().map(|time| table.at(*time)).collect();
    if shape != Placing::Table {
        let (min, max) = (ends.0.unwrap_or(levels[levels.len() - 1]), ends.1.unwrap_or(levels[0]));
        levels = placed(shape, max, min, levels.len())?;
        times = grid_times(&table, &levels, rule.rounds && shape == Placing::Karras);
    }
    Ok(Selected { bars, table, levels, times, shaped: shape != Placing::Table })
}

/// Levels from `max` to `min`.
fn placed(shape: Placing, max: f64, min: f64, steps: usize) -> Result<Vec<f64>> {
    if 0.0 < min && min <= max && max.is_finite() {
        return Ok(shape.values(steps, max, min));
    }
    Err(Error::format("bad range of noise levels")
        .at("sigma_min, sigma_max")
        .expected("0 < sigma_min ≤ sigma_max < ∞")
        .got(format!("{min} and {max}")))
}

/// Times by a spacing that does not round where it is even.
fn spaced(config: &Config, call: &Call, train: usize) -> Result<Vec<f64>> {
    let steps = count(call, train)?;
    let rounded = spacing(config, train, steps, LINSPACE)?;
    Ok(match config.word("timestep_spacing", LINSPACE)? {
        "linspace" => linspace(0.0, train as f64 - 1.0, steps).into_iter().rev().collect(),
        _ => rounded,
    })
}

fn grid_times(table: &Sigmas, levels: &[f64], rounds: bool) -> Vec<f64> {
    let time = |level: &f64| table.time(*level);
    levels.iter().map(time).map(|time| if rounds { time.round_ties_even() } else { time }).collect()
}

/// Real times that fall, within the table.
fn given_times(times: &[f64], count: usize) -> Result<()> {
    let within = times.iter().all(|time| (0.0..count as f64).contains(time));
    if !times.is_empty() && times.len() <= 100_000 && within && times.windows(2).all(|pair| pair[0] > pair[1]) {
        return Ok(());
    }
    Err(Error::argument("bad timesteps")
        .expected(format!("numbers that fall, from 0 to {}", count - 1))
        .got(times.iter().take(8).map(f64::to_string).collect::<Vec<_>>().join(", ")))
}

fn stored(mut levels: Vec<f64>, last: f64) -> Vec<f64> {
    levels.push(last);
    levels.into_iter().map(single).collect()
}

// Euler.

fn continuous(config: &Config) -> Result<bool> {
    let continuous = config.word("timestep_type", &["discrete", "continuous"])? == "continuous";
    Ok(config.word("prediction_type", ALL)? == "v_prediction" && continuous)
}

fn euler_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = Schedule::read(config, ZERO_SNR)?;
    refuse(call, "EulerDiscrete", true, true, false)?;
    let ends = (config.maybe_number("sigma_min")?, config.maybe_number("sigma_max")?);
    let linear = config.word("interpolation_type", &["linear", "log_linear"])? == "linear";
    let zero = config.word("final_sigmas_type", &["zero", "sigma_min"])? == "zero";
    let continuous = continuous(config)?;
    let (bars, mut times, sigmas) = if let Some(given) = &call.sigmas {
        Placing::read(config, false)?;
        config.inert("timestep_spacing");
        config.inert("steps_offset");
        let sigmas: Vec<f64> = given.iter().copied().map(single).collect();
        falling(&sigmas)?;
        let bars = alphas_cumprod(&schedule);
        let table = Sigmas::new(&bars);
        let times = sigmas[..sigmas.len() - 1].iter().map(|y| table.time(*y)).collect();
        (bars, times, sigmas)
    } else {
        if continuous && call.timesteps.is_some() {
            return Err(Error::argument("timesteps do not go with continuous times")
                .at("timesteps")
                .hinting("give sigmas, or a number of steps"));
        }
        let mut chosen = select(config, call, &schedule, &RULE, ends)?;
        if !linear {
            // One level more than there are times, over the whole table.
            let (top, bottom) = (chosen.table.max(), chosen.table.min());
            let logs = linspace_single(single(ln(top)), single(ln(bottom)), chosen.times.len() + 1);
            let levels: Vec<f64> = logs.into_iter().map(|log| single(exp(log))).collect();
            let shape = Placing::read(config, false)?;
            if shape == Placing::Table {
                chosen.levels = levels;
            } else {
                let (min, max) = (ends.0.unwrap_or(bottom), ends.1.unwrap_or(top));
                chosen.levels = placed(shape, max, min, chosen.times.len())?;
                chosen.times = grid_times(&chosen.table, &chosen.levels, false);
            }
        }
        let last = if zero { 0.0 } else { chosen.table.min() };
        (chosen.bars, chosen.times, stored(chosen.levels, last))
    };
    if continuous {
        times = sigmas[..times.len()].iter().map(|y| single(0.25 * single(ln(*y)))).collect();
    }
    Ok(Tables { alphas_cumprod: bars, timesteps: times.into_iter().map(single).collect(), sigmas })
}

fn euler(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = Schedule::read(config, ZERO_SNR)?;
    let mut network = network(config, &schedule, ALL)?;
    if continuous(config)? {
        network = Formulation::new(Process::vp(), Prediction::V).with_clock(Clock::QuarterLogSigma);
    }
    let mut ladder = Ladder::single(tables)?;
    let late = match network.prediction {
        Prediction::X0 => Late::Sample,
        Prediction::V => Late::V,
        _ => Late::Epsilon,
    };
    let method = Churning::read(call, tables)?.method(call, late);
    if call.consistent {
        // A list that is one level too long goes on to its end.
        ladder.nodes = tables.sigmas.clone();
    }
    ladder.course(config, call, network, None, method)
}

/// Euler with the churn that a call asks for.
pub(super) struct Churning {
    churn: Churn,
    noise: f64,
    /// The number of levels less one, which the original divides S_churn by.
    count: usize,
}

impl Churning {
    pub(super) fn read(call: &Call, tables: &Tables) -> Result<Self> {
        let churn = Churn {
            churn: number(call, "s_churn", 0.0)?,
            range: (number(call, "s_tmin", 0.0)?, number(call, "s_tmax", f64::INFINITY)?),
        };
        Ok(Self { churn, noise: number(call, "s_noise", 1.0)?, count: tables.sigmas.len().max(2) - 1 })
    }

    pub(super) fn method(self, call: &Call, late: Late) -> Box<dyn Method> {
        let Self { churn, noise, count } = self;
        if churn.churn <= 0.0 {
            Box::new(OneStep::new(Keep::Ddim(0.0)))
        } else if call.consistent {
            Box::new(Stages { churn: Some(churn), noise, ..Stages::new(stages::EULER) })
        } else {
            Box::new(LateChurn { churn: churn.churn / count as f64, range: churn.range, noise, late })
        }
    }
}

// Ancestral Euler.

fn ancestral_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = Schedule::read(config, ZERO_SNR)?;
    refuse(call, "EulerAncestralDiscrete", false, false, false)?;
    let chosen = select(config, call, &schedule, &RULE, (None, None))?;
    Ok(Tables { alphas_cumprod: chosen.bars, timesteps: chosen.times, sigmas: stored(chosen.levels, 0.0) })
}

fn ancestral(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = Schedule::read(config, ZERO_SNR)?;
    let network = network(config, &schedule, ALL)?;
    let method = Box::new(OneStep::new(Keep::Ddim(1.0)));
    Ladder::single(tables)?.course(config, call, network, None, method)
}

// Heun.

fn doubled(levels: Vec<f64>) -> Vec<f64> {
    let count = levels.len();
    levels.into_iter().enumerate().flat_map(|(i, y)| vec![y; if i == 0 || i + 1 == count { 1 } else { 2 }]).collect()
}

fn heun_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = Schedule::read(config, HEUN_BETAS)?;
    refuse(call, "HeunDiscrete", true, false, false)?;
    let chosen = select(config, call, &schedule, &RULE, (None, None))?;
    let times = chosen.times.iter().enumerate().flat_map(|(i, time)| vec![single(*time); if i == 0 { 1 } else { 2 }]);
    Ok(Tables { alphas_cumprod: chosen.bars, timesteps: times.collect(), sigmas: doubled(stored(chosen.levels, 0.0)) })
}

fn heun(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = Schedule::read(config, HEUN_BETAS)?;
    let network = network(config, &schedule, ALL)?;
    let range = config.number("clip_sample_range", 1.0)?.abs();
    let clip = config.flag("clip_sample", false)?.then_some(Map::Clamp { min: -range, max: range });
    let method = Box::new(Stages::new(stages::HEUN));
    Ladder::double(tables, None)?.course(config, call, network, clip, method)
}

// LMS.

fn lms_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = Schedule::read(config, LINEAR)?;
    refuse(call, "LMSDiscrete", false, false, false)?;
    let chosen = select(config, call, &schedule, &RULE, (None, None))?;
    Ok(Tables {
        alphas_cumprod: chosen.bars,
        timesteps: chosen.times.into_iter().map(single).collect(),
        sigmas: stored(chosen.levels, 0.0),
    })
}

fn lms(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = Schedule::read(config, LINEAR)?;
    let network = network(config, &schedule, ALL)?;
    let order = whole(call, "order", 4, 1..=12)?;
    let method: Box<dyn Method> = if call.start_at.is_some() && !call.consistent {
        Box::new(Lms { order })
    } else {
        Box::new(Multistep::new(Form::Noise, Poly::Exact(Variable::Clock), order))
    };
    Ladder::single(tables)?.course(config, call, network, None, method)
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
    let schedule = Schedule::read(config, STABLE)?;
    refuse(call, "KDPM2", false, false, false)?;
    select(config, call, &schedule, &Rule { rounds: true, ..RULE }, (None, None))
}

fn kdpm2_tables(config: &Config, call: &Call) -> Result<Tables> {
    Ok(interleaved(kdpm2_selected(config, call)?, |from, to| middle_single(to, from)))
}

/// √(y y'²/y) is y' itself. The original makes it in float32 from y'² − (y'² − y'⁴/y²), of which little is left after a long step.
fn kdpm2a_tables(config: &Config, call: &Call) -> Result<Tables> {
    Ok(interleaved(kdpm2_selected(config, call)?, |_, to| to))
}

fn kdpm2(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = Schedule::read(config, STABLE)?;
    let network = network(config, &schedule, ALL)?;
    let method = Box::new(Stages::new(stages::DPM2));
    Ladder::double(tables, Some(kdpm2_middle))?.course(config, call, network, None, method)
}

fn kdpm2a(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = Schedule::read(config, STABLE)?;
    let network = network(config, &schedule, ALL)?;
    let method = Box::new(Stages { keep: Keep::Ddim(1.0), ..Stages::new(stages::DPM2) });
    Ladder::double(tables, Some(kdpm2a_middle))?.course(config, call, network, None, method)
}

// DPM-Solver for the SDE.

fn sde_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = Schedule::read(config, STABLE)?;
    refuse(call, "DPMSolverSDE", false, false, false)?;
    let chosen = select(config, call, &schedule, &Rule { single: false, ..RULE }, (None, None))?;
    let mut times = vec![chosen.times[0]];
    for (i, time) in chosen.times.iter().enumerate().skip(1) {
        let middle = exp(0.5 * (ln(chosen.levels[i - 1]) + ln(chosen.levels[i])));
        times.extend([chosen.table.time(middle), *time]);
    }
    Ok(Tables { alphas_cumprod: chosen.bars, timesteps: times, sigmas: doubled(stored(chosen.levels, 0.0)) })
}

fn sde(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = Schedule::read(config, STABLE)?;
    config.inert("noise_sampler_seed");
    let network = network(config, &schedule, ALL)?;
    let (keep, noise) = (Keep::Ddim(1.0), number(call, "s_noise", 1.0)?);
    let method = Box::new(Stages { keep, noise, fresh: Fresh::Brownian, ..Stages::new(stages::DPMPP_2S) });
    Ladder::double(tables, Some(kdpm2_middle))?.course(config, call, network, None, method)
}
