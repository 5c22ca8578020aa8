//! PNDM and IPNDM: Adams–Bashforth with the constants of even steps on the network's raw output m, each step by DDIM's transfer
//!
//! $$x' = \frac{\alpha'}{\alpha} x + (\sigma' - \frac{\alpha'}{\alpha}\sigma) e.$$
//!
//! PNDM starts by three Runge–Kutta steps of four calls each, or (`skip_prk_steps`) by one of Heun's. For v the output itself is extrapolated and turned to ε only
//! then, $e = \alpha m + \sigma x$ with the state that the step starts from. Its steps go N/n times down, whatever the next time is.
//!
//! The consistent plan extrapolates ε and goes from each time to the next.
//!
//! Source: Liu et al., arXiv 2202.09778.

use super::config::Config;
use super::table::{
    BetaTable, LINEAR, alpha_bar, by_index, count, level, linspace_single, network, pin, refuse, single, spacing,
};
use super::{Call, Class, Course, Tables};
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::math::sin;
use langevin::plan::{Letter, NetworkCall, Var};
use langevin::prediction::Prediction;
use langevin::process::{Level, Process};
use langevin::sampler::form::{Form, Poly};
use langevin::sampler::multistep::{Multistep, Past};
use langevin::sampler::{Draft, Node, Step};
use langevin::sampler::{Method, stages};

pub(super) const CLASSES: &[Class] = &[
    Class { name: "PNDMScheduler", tables: pndm_tables, course: pndm, set: &[] },
    Class { name: "IPNDMScheduler", tables: ipndm_tables, course: ipndm, set: &[] },
];

/// The times of the steps, noisiest first.
fn grid(config: &Config, call: &Call, schedule: &BetaTable) -> Result<Vec<f64>> {
    spacing(config, schedule.count, count(call, schedule.count)?, &["leading", "linspace", "trailing"])
}

fn pndm_tables(config: &Config, call: &Call) -> Result<Tables> {
    let schedule = BetaTable::read(config, LINEAR)?;
    refuse(call, "PNDM", false, false, false)?;
    let times = grid(config, call, &schedule)?;
    let calls = if config.flag("skip_prk_steps", false)? {
        let mut calls = times;
        if let Some(second) = calls.get(1).copied() {
            calls.insert(1, second);
        }
        calls
    } else {
        if times.len() < 4 {
            return Err(Error::argument("the Runge–Kutta start is three steps long, and a fourth must follow")
                .at("skip_prk_steps")
                .expected("4 steps or more")
                .got(times.len().to_string())
                .hinting("set skip_prk_steps"));
        }
        let half = (schedule.count / count(call, schedule.count)? / 2) as f64;
        let start = times.windows(2).take(3).flat_map(|pair| [pair[0], pair[1] + half, pair[1] + half, pair[1]]);
        start.chain(times[3..].iter().copied()).collect()
    };
    Ok(by_index(&schedule, calls))
}

fn pndm(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let schedule = BetaTable::read(config, LINEAR)?;
    let network = network(config, &schedule, &["epsilon", "v_prediction"])?;
    let skip = config.flag("skip_prk_steps", false)?;
    let last = if config.flag("set_alpha_to_one", false)? { 1.0 } else { alpha_bar(tables, 0.0, 1.0)? };
    let process = network.process.clone();
    if call.consistent {
        let mut times = grid(config, call, &schedule)?;
        times.dedup();
        let ends = times[1..].iter().copied().chain([-1.0]).collect::<Vec<_>>();
        let at = |time: f64| -> Result<Level> { Ok(level(time, alpha_bar(tables, time, last)?)) };
        let mut steps = times
            .iter()
            .zip(ends)
            .map(|(from, to)| Ok(Step { from: at(*from)?, to: at(to)? }))
            .collect::<Result<Vec<_>>>()?;
        steps.retain(|step| step.from.alpha != step.to.alpha);
        let warm = Some(if skip { (1, stages::HEUN) } else { (3, stages::RUNGE_KUTTA) });
        let method = Box::new(Multistep { warm, ..Multistep::new(Form::Noise, Poly::Even, 4) });
        let nodes = steps.iter().flat_map(|step| [step.from, step.to]).filter(|node| node.time >= 0.0);
        let pins = nodes.map(|node| pin(node, node.time)).collect();
        return Ok(Course { process, network, steps, pins, scale: 1.0, clip: None, method });
    }
    let stride = (schedule.count / count(call, schedule.count)?) as f64;
    let mut pins = Vec::new();
    let at = |time: f64| -> Result<Level> { Ok(level(time.max(-1.0), alpha_bar(tables, time, last)?)) };
    let times = &tables.timesteps;
    // Calls left out are not counted by the original: it makes its start wherever it begins.
    let first = call.start_at.unwrap_or(0).min(times.len());
    let mut calls = Calls { skip, stride, velocity: network.prediction == Prediction::V, calls: Vec::new() };
    let mut steps = Vec::new();
    for (index, time) in times.iter().enumerate() {
        let (from, to) = match index.checked_sub(first) {
            None => calls.span(times, times, index),
            Some(index) => calls.span(&times[first..], times, index),
        };
        let step = Step { from: at(from)?, to: at(to)? };
        if index >= first {
            calls.calls.push((at(*time)?, step));
            pins.push(pin(at(*time)?, *time));
        }
        steps.push(step);
    }
    Ok(Course { process, network, steps, pins, scale: 1.0, clip: None, method: Box::new(calls) })
}

/// PNDM call by call: where the network is asked, and the transfer that follows.
///
/// What is odd: the second call of the Heun start is made at the second time, and the step is then taken again from the first; the output of that call is not
/// remembered. A run that begins later makes the same start where no time stands twice, so that from its third call on the state is a step behind the time.
#[derive(Clone, Debug, PartialEq)]
struct Calls {
    skip: bool,
    stride: f64,
    velocity: bool,
    calls: Vec<(Level, Step)>,
}

impl Calls {
    /// From where to where the step of a call goes: `times` are those of the run, `all` those of a whole one, from which the
    /// original's Runge–Kutta start takes its levels.
    fn span(&self, times: &[f64], all: &[f64], index: usize) -> (f64, f64) {
        let time = times[index];
        match (self.skip, index) {
            (true, 1) => (time + self.stride, time),
            (false, 0..12) => {
                let half = if index.is_multiple_of(2) { (self.stride / 2.0).floor() } else { 0.0 };
                (all[index / 4 * 4], time - half)
            }
            _ => (time, time - self.stride),
        }
    }

    /// The raw output, from D.
    fn output(&self, draft: &mut Draft<'_>, x: Var, at: &Level) -> Result<Var> {
        let denoised = draft.denoised(x, at)?;
        let (of_x, of_d) = if self.velocity { (at.alpha, -1.0) } else { (1.0, -at.alpha) };
        Ok(draft.step((of_d / at.sigma, denoised), [(of_x / at.sigma, x)], []))
    }

    /// The transfer of `base` by Σ weight·output.
    fn transfer(&self, draft: &mut Draft<'_>, base: Var, step: &Step, outputs: &[(f64, Var)]) -> Var {
        let (mut a, mut b) = Form::Noise.whole(&step.from, &step.to);
        if self.velocity {
            a += b * step.from.sigma;
            b *= step.from.alpha;
        }
        draft.step((a, base), outputs.iter().map(|(weight, output)| (b * weight, *output)), [])
    }
}

impl Method for Calls {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let mut base = x;
        // The newest first.
        let mut past: Vec<Var> = Vec::new();
        let mut inner: Vec<Var> = Vec::new();
        for (index, (at, step)) in self.calls.iter().enumerate() {
            let mark = draft.mark();
            let output = self.output(draft, x, at)?;
            if !self.skip && index < 12 {
                if index % 4 == 0 {
                    base = draft.combine([(1.0, x)], []);
                    past.insert(0, output);
                }
                inner.push(output);
                let outputs = match &inner[..] {
                    [a, b, c, d] => vec![(1.0 / 6.0, *a), (1.0 / 3.0, *b), (1.0 / 3.0, *c), (1.0 / 6.0, *d)],
                    _ => vec![(1.0, output)],
                };
                x = self.transfer(draft, base, step, &outputs);
                if inner.len() == 4 {
                    inner.clear();
                }
            } else if self.skip && index == 1 {
                x = self.transfer(draft, base, step, &[(0.5, output), (0.5, past[0])]);
            } else {
                past.insert(0, output);
                past.truncate(4);
                if index == 0 {
                    base = draft.combine([(1.0, x)], []);
                }
                let weights: &[f64] = match past.len() {
                    1 => &[1.0],
                    2 => &[3.0 / 2.0, -1.0 / 2.0],
                    3 => &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
                    _ => &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
                };
                let outputs: Vec<(f64, Var)> = weights.iter().copied().zip(past.iter().copied()).collect();
                x = self.transfer(draft, x, step, &outputs);
            }
            draft.note(Letter::R, Some(0.0), &step.from, &step.to, mark);
        }
        Ok(x)
    }
}

// IPNDM.

/// β = sin²(πu/2) for u from 1 to 0, or those given; σ = β and α = √(1 − β²).
fn sigmas(config: &Config, steps: usize) -> Result<Vec<f64>> {
    let Some(betas) = config.numbers("trained_betas")? else {
        let angle = |u: f64| single(single(u * single(std::f64::consts::PI)) / 2.0);
        let beta = |u: f64| {
            let sine = single(sin(angle(u)));
            single(sine * sine)
        };
        let mut shares = linspace_single(1.0, 0.0, steps + 1);
        shares[steps] = 0.0;
        return Ok(shares.into_iter().map(beta).collect());
    };
    let falling = betas.windows(2).all(|pair| pair[0] > pair[1]);
    let within = betas.iter().all(|beta| (0.0..=1.0).contains(beta));
    if betas.len() == steps + 1 && falling && within {
        return Ok(betas.into_iter().map(single).collect());
    }
    Err(Error::format("bad field in the config")
        .at("trained_betas")
        .expected(format!("{} noise levels for {steps} steps, falling from at most 1 to at least 0", steps + 1))
        .got(format!("{} numbers", betas.len())))
}

fn root(sigma: f64) -> f64 {
    single(single(1.0 - single(sigma * sigma)).sqrt())
}

fn ipndm_tables(config: &Config, call: &Call) -> Result<Tables> {
    refuse(call, "IPNDM", false, false, false)?;
    let train = config.whole("num_train_timesteps", 1000)?;
    let sigmas = sigmas(config, count(call, train)?)?;
    let time = |sigma: &f64| {
        let angle = libm::atan2(*sigma, root(*sigma));
        single(single(single(angle) / single(std::f64::consts::PI)) * 2.0)
    };
    let timesteps = sigmas[..sigmas.len() - 1].iter().map(time).collect();
    Ok(Tables { alphas_cumprod: Vec::new(), timesteps, sigmas: Vec::new() })
}

fn ipndm(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let sigmas = sigmas(config, tables.timesteps.len())?;
    let time = |i: usize| tables.timesteps.get(i).copied().unwrap_or(0.0);
    let node = |(i, sigma): (usize, &f64)| Level { time: time(i), alpha: root(*sigma), sigma: *sigma };
    let nodes: Vec<Level> = sigmas.iter().enumerate().map(node).collect();
    let process = Process::vp_cosine();
    let network = Formulation::new(process.clone(), Prediction::V);
    let pins: Vec<NetworkCall> =
        if call.consistent { vec![] } else { nodes.iter().map(|node| pin(*node, node.time)).collect() };
    let steps = nodes.windows(2).map(|pair| Step { from: pair[0], to: pair[1] }).collect();
    let method: Box<dyn Method> = if call.consistent || nodes[0].alpha > 0.0 {
        Box::new(Multistep::new(Form::Noise, Poly::Even, 4))
    } else {
        Box::new(FromNoise)
    };
    Ok(Course { process, network, steps, pins, scale: 1.0, clip: None, method })
}

/// IPNDM from pure noise. What is odd: where α = 0 the original takes D = 0 and ε = x, so that the network's first output is not used, though it is computed, and
/// one step alone gives 0.
///
/// The consistent plan takes the D that the network says.
#[derive(Clone, Debug, PartialEq)]
struct FromNoise;

impl Method for FromNoise {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let mut past = Past::default();
        for (_, step) in draft.taken() {
            let (from, to) = (step.from, step.to);
            let mark = draft.mark();
            let node = if from.alpha == 0.0 {
                draft.denoised(x, &from)?;
                Node { level: from, value: draft.combine([(1.0, x)], []) }
            } else {
                draft.value(Form::Noise, x, &from)?
            };
            past.push(node);
            let used = past.len().min(4);
            let (a, b) = if from.alpha == 0.0 {
                // x − x is the only way to write 0.
                if to.sigma > 0.0 { (to.sigma, vec![]) } else { (1.0, vec![-1.0]) }
            } else {
                Poly::Even.weights(Form::Noise, &from, &past.levels(used), &to, (0.0, 1.0))
            };
            let terms = past.terms(&b);
            x = draft.advance((a, x), terms, 0.0);
            past.keep(3);
            draft.note(Letter::R, Some(0.0), &from, &to, mark);
        }
        Ok(x)
    }
}
