//! PNDM: Adams–Bashforth with the coefficients for even steps, applied to the network's raw output
//! m. Each step is DDIM's transfer
//!
//! $$x' = \frac{\alpha'}{\alpha} x + (\sigma' - \frac{\alpha'}{\alpha}\sigma) e.$$
//!
//! PNDM starts with three Runge–Kutta steps of four calls each, or (`skip_prk_steps`) with one step
//! of Heun's method. For v the raw output is extrapolated and converted to ε afterwards, $e =
//! \alpha m + \sigma x$, with the state at the start of the step. Each step goes down by N/n times,
//! regardless of the next time of the list.
//!
//! The consistent plan extrapolates ε and steps from each time to the next.
//!
//! Source: Liu et al., arXiv 2202.09778.

use crate::diffusers::betas::{BetaTable, LINEAR};
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::spacing::{LEADING, Spacing};
use crate::diffusers::table::{alpha_bar, by_index, level, pin};
use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::plan::{Letter, Var};
use langevin::prediction::Prediction;
use langevin::process::Level;
use langevin::sampler::form::{Form, Poly};
use langevin::sampler::multistep::Multistep;
use langevin::sampler::{Draft, Method, Step, stages};
use std::sync::Arc;

pub(super) const CLASSES: &[Class] = &[Class::new("PNDMScheduler", |fields| Ok(Arc::new(Pndm::parse(fields)?)))];

/// PNDMScheduler.
#[derive(Clone, Debug)]
struct Pndm {
    betas: BetaTable,
    spacing: Spacing,
    /// `skip_prk_steps`: true if the run starts with Heun's method.
    skip: bool,
    prediction: Prediction,
    /// True if the run ends at ᾱ = 1.
    to_one: bool,
}

impl Pndm {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let predictions = [("epsilon", Prediction::Epsilon), ("v_prediction", Prediction::V)];
        Ok(Self {
            betas: BetaTable::parse(fields, LINEAR)?,
            spacing: Spacing::parse(fields, LEADING)?,
            skip: fields.flag("skip_prk_steps", false)?,
            prediction: fields.choice("prediction_type", &predictions)?,
            to_one: fields.flag("set_alpha_to_one", false)?,
        })
    }

    /// Returns the times of the steps, noisiest first.
    fn grid(&self, call: &Call) -> Result<Vec<f64>> {
        self.spacing.times(self.betas.count, call.count(self.betas.count)?)
    }

    /// Returns the course of the consistent plan: a step from each time to the next, with the start
    /// as part of the method.
    fn fixed(&self, call: &Call, at: impl Fn(f64) -> Result<Level>) -> Result<Course> {
        let mut times = self.grid(call)?;
        times.dedup();
        let ends = times[1..].iter().copied().chain([-1.0]).collect::<Vec<_>>();
        let mut steps = times
            .iter()
            .zip(ends)
            .map(|(from, to)| Ok(Step { from: at(*from)?, to: at(to)? }))
            .collect::<Result<Vec<_>>>()?;
        steps.retain(|step| step.from.alpha != step.to.alpha);
        let warm = Some(if self.skip { (1, stages::HEUN) } else { (3, stages::RUNGE_KUTTA) });
        let method = Box::new(Multistep { warm, ..Multistep::new(Form::Noise, Poly::Even, 4) });
        let nodes = steps.iter().flat_map(|step| [step.from, step.to]).filter(|node| node.time >= 0.0);
        let pins = nodes.map(|node| pin(node, node.time)).collect();
        let network = self.betas.network(self.prediction)?;
        Ok(Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip: None, method })
    }
}

impl Scheduler for Pndm {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("PNDM", false, false, false)?;
        let times = self.grid(call)?;
        let calls = if self.skip {
            let mut calls = times;
            if let Some(second) = calls.get(1).copied() {
                calls.insert(1, second);
            }
            calls
        } else {
            if times.len() < 4 {
                return Err(quirks::RUNGE_KUTTA_START.refuses(
                    Error::argument("the Runge–Kutta start is three steps long, and a fourth must follow")
                        .at("skip_prk_steps")
                        .expected("4 steps or more")
                        .got(times.len().to_string())
                        .hinting("set skip_prk_steps"),
                ));
            }
            let half = (self.betas.count / call.count(self.betas.count)? / 2) as f64;
            let start = times.windows(2).take(3).flat_map(|pair| [pair[0], pair[1] + half, pair[1] + half, pair[1]]);
            start.chain(times[3..].iter().copied()).collect()
        };
        Ok(by_index(&self.betas, calls))
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let last = if self.to_one { 1.0 } else { alpha_bar(tables, 0.0, 1.0)? };
        let at = |time: f64| -> Result<Level> { Ok(level(time.max(-1.0), alpha_bar(tables, time, last)?)) };
        if call.fixes(&quirks::FIXED_STRIDE) {
            return self.fixed(call, at);
        }
        let stride = (self.betas.count / call.count(self.betas.count)?) as f64;
        let mut pins = Vec::new();
        let times = &tables.timesteps;
        // The original does not count skipped calls: it performs its start wherever the run begins.
        let first = call.start_at.unwrap_or(0).min(times.len());
        let velocity = self.prediction == Prediction::V;
        let mut calls = Calls { skip: self.skip, stride, velocity, calls: Vec::new() };
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
        let network = self.betas.network(self.prediction)?;
        let (process, method) = (network.process.clone(), Box::new(calls));
        Ok(Course { process, network, steps, pins, scale: 1.0, clip: None, method })
    }
}

/// Quirk of a run that begins later; see [`Calls`].
const _: &Quirk = &quirks::PNDM_START;

/// PNDM as a list of calls: the level of each network evaluation and the transfer that follows.
///
/// The original has two quirks. With Heun's start, the second call is made at the second time, the
/// step is then repeated from the first time, and the output of that call is not kept. A run that
/// begins later performs the same start although no time occurs twice, so that from its third call
/// on the state lags one step behind the time.
#[derive(Clone, Debug, PartialEq)]
struct Calls {
    skip: bool,
    stride: f64,
    velocity: bool,
    calls: Vec<(Level, Step)>,
}

impl Calls {
    /// Returns the start and the end of the step of a call. `times` are those of the run; `all` are
    /// those of a complete run, from which the original's Runge–Kutta start takes its levels.
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

    /// Returns the raw network output, computed from D.
    fn output(&self, draft: &mut Draft<'_>, x: Var, at: &Level) -> Result<Var> {
        let denoised = draft.denoised(x, at)?;
        let (of_x, of_d) = if self.velocity { (at.alpha, -1.0) } else { (1.0, -at.alpha) };
        Ok(draft.step((of_d / at.sigma, denoised), [(of_x / at.sigma, x)], []))
    }

    /// Returns the transfer of `base` by Σ weight·output.
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
        // Past outputs, newest first.
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
