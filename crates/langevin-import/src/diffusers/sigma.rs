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
//! a plan says so by its pins. The consistent plan calls the network at the time of the level it stands at, and starts at y.

use super::config::Config;
use super::quirks::{Late, LateChurn, Lms};
use super::sigmas::{Placing, Sigmas};
use super::table::{
    ALL, BetaTable, Defaults, LINEAR, MOST_STEPS, count, linspace, linspace_single, network, refuse, single, spacing,
};
use super::vp::alphas_cumprod;
use super::{Call, Class, Course, Tables, number, whole};
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation};
use langevin::math::{exp, ln};
use langevin::plan::NetworkCall;
use langevin::prediction::Prediction;
use langevin::process::{Level, Process, ve};
use langevin::sampler::Method;
use langevin::sampler::Step;
use langevin::sampler::form::{Form, Poly, Variable};
use langevin::sampler::multistep::Multistep;
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;
use langevin::sampler::stages::{self, Churn, Stages};
use langevin::space::Map;

/// Spacings of times, the default first.
const LINSPACE: &[&str] = &["linspace", "leading", "trailing"];
const ZERO_SNR: Defaults = Defaults { zero_snr: true, ..LINEAR };
/// The betas of Heun, KDPM2 and DPMSolverSDE.
pub(super) const STABLE: Defaults = Defaults { start: 0.00085, end: 0.012, ..LINEAR };

pub(super) const CLASSES: &[Class] = &[
    Class {
        name: "EulerDiscreteScheduler",
        tables: euler_tables,
        course: euler,
        set: &["s_churn", "s_tmin", "s_tmax", "s_noise"],
    },
    Class { name: "EulerAncestralDiscreteScheduler", tables: ancestral_tables, course: ancestral, set: &[] },
    Class { name: "LMSDiscreteScheduler", tables: lms_tables, course: lms, set: &["order"] },
];

/// The network at the level y, called with this time.
fn pin(y: f64, time: f64) -> NetworkCall {
    let alpha = 1.0 / (y * y + 1.0).sqrt();
    NetworkCall { sigma_ve: y, own: Level { time, alpha, sigma: y * alpha }, time }
}

/// What a run is made of, before its solver: nodes with their times, and the times of levels between them.
pub(super) struct Ladder {
    /// One more level than there are steps.
    nodes: Vec<f64>,
    pins: Vec<NetworkCall>,
    per_step: usize,
    /// The factor by which churn raises a level.
    raise: f64,
}

/// The network at the level y, called at the time of that level; at an end of its table where the table does not reach.
fn matched(network: &Formulation, y: f64) -> Result<NetworkCall> {
    let seen = match network.process.alpha_bars() {
        Some(bars) => {
            let (first, last) = (network.process.level(0.0)?, network.process.level((bars.len() - 1) as f64)?);
            if y >= last.sigma_ve() {
                last.time
            } else if y <= first.sigma_ve() {
                first.time
            } else {
                network.process.level_at_sigma_ve(y)?.time
            }
        }
        None => network.seen(&ve(y))?.time,
    };
    Ok(pin(y, seen))
}

impl Ladder {
    /// A level for each time and one more.
    fn single(tables: &Tables) -> Result<Self> {
        let mut nodes = tables.sigmas.get(..=tables.timesteps.len()).ok_or_else(short)?.to_vec();
        // The last level is the one before once more, but for its rounding: log-linear levels that end at the table's first.
        if let [.., before, last] = &mut nodes[..]
            && (*last - *before).abs() <= 1e-6 * *before
        {
            *last = *before;
        }
        let pins = nodes.iter().zip(&tables.timesteps).map(|(y, time)| pin(*y, *time)).collect();
        Ok(Self { nodes, pins, per_step: 1, raise: 1.0 })
    }

    /// Two evaluations a step but for the last: levels y0, y1, y1, … and times by `times`: (first, of the stage).
    pub(super) fn double(tables: &Tables, middle: Option<fn(f64, f64) -> f64>) -> Result<Self> {
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
        Ok(Self { nodes, pins, per_step: if middle.is_some() { 2 } else { 1 }, raise: 1.0 })
    }

    /// The course; with `consistent` it has no pins and no step that stays where it is.
    pub(super) fn course(
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
            let raised = self.nodes.iter().map(|y| y * self.raise).filter(|_| self.raise > 1.0).collect::<Vec<_>>();
            let noisy = self.nodes.iter().chain(&raised).filter(|y| **y > 0.0);
            self.pins = noisy.map(|y| matched(&network, *y)).collect::<Result<_>>()?;
        }
        // Two levels may be one with two times, so those of the steps left out must go.
        let skipped = if call.consistent { 0 } else { self.per_step * call.start_at.unwrap_or(0) };
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
pub(super) struct Rule {
    /// Whether times are kept in float32.
    pub(super) single: bool,
    /// Whether the times of Karras's levels are rounded.
    pub(super) rounds: bool,
    /// Whether Karras's levels go between those of the config, where it has any; the other grids always do.
    pub(super) bounded: bool,
}

pub(super) const RULE: Rule = Rule { single: true, rounds: false, bounded: true };

/// ᾱ, and levels and times for each step, noisiest first; levels in float64, as they are before they are stored.
pub(super) struct Selected {
    pub(super) bars: Vec<f64>,
    pub(super) table: Sigmas,
    pub(super) levels: Vec<f64>,
    pub(super) times: Vec<f64>,
    /// Whether the times are a grid's, in float64.
    pub(super) shaped: bool,
}

pub(super) fn select(config: &Config, call: &Call, schedule: &BetaTable, rule: &Rule) -> Result<Selected> {
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
        let (mut max, mut min) = (levels[0], levels[levels.len() - 1]);
        if rule.bounded || shape != Placing::Karras {
            (max, min) = shape.ends(config, max, min)?;
        }
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
    // More steps than entries are as good as fewer: levels between the entries are there.
    let steps = count(call, MOST_STEPS)?;
    if steps > train && config.word("timestep_spacing", LINSPACE)? == "leading" {
        return Err(Error::argument("leading times are all 0 where there are more steps than entries")
            .at("timestep_spacing")
            .expected(format!("at most {train} steps, or linspace or trailing"))
            .got(steps.to_string()));
    }
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

pub(super) fn stored(mut levels: Vec<f64>, last: f64) -> Vec<f64> {
    levels.push(last);
    levels.into_iter().map(single).collect()
}

// Euler.

fn continuous(config: &Config) -> Result<bool> {
    let continuous = config.word("timestep_type", &["discrete", "continuous"])? == "continuous";
    Ok(config.word("prediction_type", ALL)? == "v_prediction" && continuous)
}

fn euler_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = BetaTable::read(config, ZERO_SNR)?;
    refuse(call, "EulerDiscrete", true, true, false)?;
    // Its own fields, of which only the grids make use.
    config.inert("sigma_min");
    config.inert("sigma_max");
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
        let mut chosen = select(config, call, &schedule, &RULE)?;
        if !linear {
            // One level more than there are times, over the whole table.
            let (top, bottom) = (chosen.table.max(), chosen.table.min());
            let logs = linspace_single(single(ln(top)), single(ln(bottom)), chosen.times.len() + 1);
            let levels: Vec<f64> = logs.into_iter().map(|log| single(exp(log))).collect();
            let shape = Placing::read(config, false)?;
            if shape == Placing::Table {
                chosen.levels = levels;
            } else {
                let (max, min) = shape.ends(config, top, bottom)?;
                chosen.levels = placed(shape, max, min, chosen.times.len())?;
                chosen.times = grid_times(&chosen.table, &chosen.levels, false);
            }
        }
        let last = if zero { 0.0 } else { chosen.table.min() };
        (chosen.bars, chosen.times, stored(chosen.levels, last))
    };
    if continuous {
        // Of every level but the last: log-linear levels are one more than the steps asked for, and here none of them is lost.
        times = sigmas[..sigmas.len() - 1].iter().map(|y| single(0.25 * single(ln(*y)))).collect();
    }
    Ok(Tables { alphas_cumprod: bars, timesteps: times.into_iter().map(single).collect(), sigmas })
}

fn euler(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, ZERO_SNR)?;
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
    let churning = Churning::read(call, tables)?;
    if call.consistent {
        // A list that is one level too long goes on to its end.
        ladder.nodes = tables.sigmas.clone();
        ladder.nodes.dedup();
        ladder.raise = 1.0 + churning.gamma(ladder.nodes.len() - 1);
    }
    let method = churning.method(call, late);
    ladder.course(config, call, network, None, method)
}

/// `s_tmin` and `s_tmax` in float32, to which torch rounds a number that it compares with a level of float32: a level that is s_tmin in float32 is inside.
pub(super) fn window(call: &Call) -> Result<(f64, f64)> {
    Ok((single(number(call, "s_tmin", 0.0)?), single(number(call, "s_tmax", f64::INFINITY)?)))
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
        let churn = Churn { churn: number(call, "s_churn", 0.0)?, range: window(call)? };
        Ok(Self { churn, noise: number(call, "s_noise", 1.0)?, count: tables.sigmas.len().max(2) - 1 })
    }

    /// By how much a level is raised in a run of so many steps.
    fn gamma(&self, steps: usize) -> f64 {
        (self.churn.churn / steps.max(1) as f64).clamp(0.0, std::f64::consts::SQRT_2 - 1.0)
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
    let schedule = BetaTable::read(config, ZERO_SNR)?;
    refuse(call, "EulerAncestralDiscrete", false, false, false)?;
    let chosen = select(config, call, &schedule, &RULE)?;
    Ok(Tables { alphas_cumprod: chosen.bars, timesteps: chosen.times, sigmas: stored(chosen.levels, 0.0) })
}

fn ancestral(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, ZERO_SNR)?;
    let network = network(config, &schedule, ALL)?;
    let method = Box::new(OneStep::new(Keep::Ddim(1.0)));
    Ladder::single(tables)?.course(config, call, network, None, method)
}

// LMS.

fn lms_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = BetaTable::read(config, LINEAR)?;
    refuse(call, "LMSDiscrete", false, false, false)?;
    let chosen = select(config, call, &schedule, &Rule { bounded: false, ..RULE })?;
    Ok(Tables {
        alphas_cumprod: chosen.bars,
        timesteps: chosen.times.into_iter().map(single).collect(),
        sigmas: stored(chosen.levels, 0.0),
    })
}

fn lms(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, LINEAR)?;
    let network = network(config, &schedule, ALL)?;
    let order = whole(call, "order", 4, 1..=12)?;
    let method: Box<dyn Method> = if call.start_at.is_some() && !call.consistent {
        Box::new(Lms { order })
    } else {
        Box::new(Multistep::new(Form::Noise, Poly::Exact(Variable::Clock), order))
    };
    Ladder::single(tables)?.course(config, call, network, None, method)
}
