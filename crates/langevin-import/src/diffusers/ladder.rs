//! Code shared by the schedulers whose state is x/α: α = 1, noise y = σ/α. The network is that of
//! the table, called at the times that the original computes.
//!
//! With the level $y$ and the output $m$, the originals use
//!
//! | prediction | D |
//! |---|---|
//! | ε | $x - y m$ |
//! | v | $x/(y^2+1) - m y/\sqrt{y^2+1}$ |
//! | sample | $m$ |
//!
//! which equals the network's own reading at $\alpha = 1/\sqrt{y^2+1}$, $\sigma = y\alpha$. The
//! time of a call may differ from the time of that level; the pins of a plan record it. The
//! consistent plan calls the network at the time of the current level, and starts at y.
//!
//! A ladder holds the levels of a run and the times of its network calls, with one or two
//! evaluations per step.

use super::call::Call;
use super::numbers::single;
use super::scheduler::{Course, Tables};
use super::spacing::{Rule, Spacing};
use crate::quirks;
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::plan::NetworkCall;
use langevin::process::{Level, Process, ve};
use langevin::sampler::{Method, Step};
use langevin::space::Map;

/// Returns the call of the network at the level y with this time.
fn pin(y: f64, time: f64) -> NetworkCall {
    let alpha = 1.0 / (y * y + 1.0).sqrt();
    NetworkCall { sigma_ve: y, own: Level { time, alpha, sigma: y * alpha }, time }
}

/// The parts of a run other than its solver: levels with their times, and the times of intermediate
/// levels.
pub(super) struct Ladder {
    /// The levels, one more than there are steps.
    pub(super) nodes: Vec<f64>,
    pins: Vec<NetworkCall>,
    per_step: usize,
    /// Factor by which churn raises a level.
    pub(super) raise: f64,
}

/// Returns the call of the network at the level y with the time of that level. Beyond the range of
/// the table, the time of its end is used.
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
    /// Builds a ladder with one evaluation per step: a level for each time, and one more.
    pub(super) fn single(tables: &Tables) -> Result<Self> {
        let mut nodes = tables.sigmas.get(..=tables.timesteps.len()).ok_or_else(short)?.to_vec();
        // The last level repeats the one before up to rounding. This happens for log-linear levels
        // that end at the first entry of the table.
        if let [.., before, last] = &mut nodes[..]
            && (*last - *before).abs() <= 1e-6 * *before
        {
            *last = *before;
        }
        let pins = nodes.iter().zip(&tables.timesteps).map(|(y, time)| pin(*y, *time)).collect();
        Ok(Self { nodes, pins, per_step: 1, raise: 1.0 })
    }

    /// Builds a ladder with two evaluations per step, except for the last step. The levels are y0,
    /// y1, y1, …, and the times alternate between the start of a step and its stage.
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

    /// Returns the course. With `consistent` it has no pins and no step of length zero.
    pub(super) fn course(
        mut self,
        spacing: Spacing,
        call: &Call,
        network: Formulation,
        clip: Option<Map>,
        method: Box<dyn Method>,
    ) -> Result<Course> {
        let top = self.nodes.iter().copied().fold(0.0, f64::max);
        let scale = match spacing.rule {
            Rule::Leading => single((single(top * top) + 1.0).sqrt()),
            _ => top,
        };
        let fixed = call.fixes(&quirks::LEVEL_TIMES);
        if fixed {
            self.nodes.dedup();
            let raised = self.nodes.iter().map(|y| y * self.raise).filter(|_| self.raise > 1.0).collect::<Vec<_>>();
            let noisy = self.nodes.iter().chain(&raised).filter(|y| **y > 0.0);
            self.pins = noisy.map(|y| matched(&network, *y)).collect::<Result<_>>()?;
        }
        // Two levels may be equal but have different times, so the pins of skipped steps must be
        // removed.
        let skipped = if fixed { 0 } else { self.per_step * call.start_at.unwrap_or(0) };
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

/// Checks that levels fall. Two neighbours may be equal, because some originals end this way.
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

/// Returns true if σ_up exceeds σ_to in float32: √(σ_to²(σ² − σ_to²)/σ²) after a step so long that
/// σ² − σ_to² equals σ².
pub(super) fn rounds_upward(nodes: impl Iterator<Item = f64>) -> bool {
    let nodes: Vec<f32> = nodes.map(|y| y as f32).collect();
    nodes.windows(2).any(|pair| {
        let (from, to) = (pair[0] * pair[0], pair[1] * pair[1]);
        let up = (to * (from - to) / from).sqrt();
        to - up * up < 0.0
    })
}
