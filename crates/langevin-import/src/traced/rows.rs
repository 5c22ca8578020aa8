//! States as rows of a plan: each is a multiple of an earlier state and a few more terms.

use super::states::{Dense, States};
use langevin::error::Result;
use langevin::formulation::Formulation;
use langevin::plan::{Builder, Plan, Var};
use langevin::space::Draw;
use std::collections::BTreeMap;

/// The number of newest states from which a row may start.
const PAST: usize = 5;

/// Roundings below which a difference of two weights is none.
const NONE: f64 = 64.0;

/// Weights below this multiple of their estimated error are left out.
const ERRORS: f64 = 4.0;

/// The largest weight that is left out, relative to the largest one of a prediction.
const MOST_ERROR: f64 = 1e-7;

/// Returns the plan of the states.
pub(super) fn write(name: &str, states: &States, network: &Formulation) -> Result<Plan> {
    let calls = states.network_calls();
    let mut rows = Rows {
        states,
        plan: Builder::new(name, &network.process, Some(network)).with_calls(&calls),
        written: vec![],
        errors: vec![],
        evals: vec![],
        draws: BTreeMap::new(),
        start: None,
    };
    for call in &states.calls {
        let x = rows.write(&call.state, call.error);
        let denoised = rows.plan.eval(x, &call.level)?;
        rows.evals.push(denoised);
    }
    let result = rows.write(&states.result, states.error);
    rows.plan.finish(result)
}

struct Rows<'a> {
    states: &'a States,
    plan: Builder<'a>,
    /// The written states, as the rows compute them.
    written: Vec<(Dense, Var)>,
    /// The estimated errors of their weights.
    errors: Vec<f64>,
    evals: Vec<Var>,
    /// The plan's draws, by the draws of the recording.
    draws: BTreeMap<usize, Draw>,
    /// The row of the start, with its weight.
    start: Option<(f64, Var)>,
}

/// A row: a multiple of a written state, and what is left.
struct Candidate {
    base: Option<(f64, usize)>,
    rest: Dense,
}

impl Candidate {
    fn cost(&self) -> usize {
        usize::from(self.base.is_some()) + self.rest.weights().filter(|weight| *weight != 0.0).count()
    }
}

impl Rows<'_> {
    /// Writes a state, and returns it.
    fn write(&mut self, state: &Dense, error: f64) -> Var {
        // A state that is another one again, such as the start of a corrector, needs no row.
        let best = self.best(state, error);
        if let Some((factor, index)) = best.base
            && factor == 1.0
            && best.cost() == 1
        {
            return self.written[index].1;
        }
        // A result that is one prediction needs none either.
        if best.base.is_none()
            && best.cost() == 1
            && let Some(index) = best.rest.evals.iter().position(|weight| *weight == 1.0)
        {
            return self.evals[index];
        }
        let mut terms: Vec<(f64, Var)> =
            best.base.iter().map(|(factor, index)| (*factor, self.written[*index].1)).collect();
        let mut noise = vec![];
        if best.rest.start != 0.0 {
            match self.start {
                // The start itself: its row is this one.
                None if self.states.deviation == 0.0 => noise.push((0.0, 0)),
                None => noise.push((best.rest.start * self.states.deviation, self.plan.draw())),
                Some((weight, start)) => terms.push((best.rest.start / weight, start)),
            }
        }
        // The newest prediction first, as samplers are written.
        let evals = best.rest.evals.iter().enumerate().rev().filter(|(_, weight)| **weight != 0.0);
        terms.extend(evals.map(|(index, weight)| (*weight, self.evals[index])));
        let used = best.rest.draws.iter().enumerate().filter(|(_, weight)| **weight != 0.0);
        let used: Vec<(usize, f64)> = used.map(|(draw, weight)| (draw, *weight)).collect();
        for (draw, weight) in used {
            let number = match self.draws.get(&draw) {
                Some(number) => *number,
                None => self.plan.draw(),
            };
            self.draws.insert(draw, number);
            noise.push((weight, number));
        }
        let x = match self.written.is_empty() {
            true if self.states.deviation == 0.0 => self.begin_at_data(best.rest.start, &noise[1..]),
            true => self.first(best.rest.start, noise),
            false => self.plan.combine(terms, noise),
        };
        self.written.push((self.computed(&best), x));
        self.errors.push(error);
        x
    }

    /// Writes the first state: a row for its start, and another one if it has more noise.
    fn first(&mut self, weight: f64, noise: Vec<(f64, Draw)>) -> Var {
        let start = self.plan.combine([], noise[..1].iter().copied());
        if weight != 0.0 {
            self.start = Some((weight, start));
        }
        if noise.len() == 1 { start } else { self.plan.combine([(1.0, start)], noise[1..].iter().copied()) }
    }

    /// Writes the first state of a sampler that starts from clean data.
    fn begin_at_data(&mut self, weight: f64, noise: &[(f64, Draw)]) -> Var {
        let data = self.plan.input("init");
        self.start = Some((1.0, data));
        if weight == 1.0 && noise.is_empty() {
            data
        } else {
            self.plan.combine([(weight, data)], noise.iter().copied())
        }
    }

    /// Returns the state that the row of a candidate computes.
    fn computed(&self, candidate: &Candidate) -> Dense {
        let mut state = candidate.rest.clone();
        if let Some((factor, index)) = candidate.base {
            state.add(factor, &self.written[index].0);
        }
        state
    }

    /// Returns the row with the fewest terms.
    fn best(&self, state: &Dense, error: f64) -> Candidate {
        let mut best = Candidate { base: None, rest: state.clone() };
        // Newer states are preferred, because older ones may no longer be needed.
        for index in (0..self.written.len()).rev().take(PAST) {
            let base = &self.written[index].0;
            for pivot in self.pivots(state, base) {
                let candidate = self.from(state, index, pivot, error);
                // Among rows of equal length, the one that starts from a state is easier to read.
                if candidate.cost() < best.cost() + usize::from(best.base.is_none()) {
                    best = candidate;
                }
            }
        }
        best
    }

    /// Returns the factors that remove one weight of a state: the start's, the oldest draw's and
    /// the oldest prediction's.
    fn pivots(&self, state: &Dense, base: &Dense) -> Vec<f64> {
        let ratio = |(a, b): (f64, f64)| (a != 0.0 && b != 0.0).then(|| a / b);
        let first = |a: &[f64], b: &[f64]| a.iter().copied().zip(b.iter().copied()).find_map(ratio);
        let all =
            [ratio((state.start, base.start)), first(&state.draws, &base.draws), first(&state.evals, &base.evals)];
        all.into_iter().flatten().collect()
    }

    /// Returns the row that starts from a written state, without what is left of rounding.
    fn from(&self, state: &Dense, index: usize, factor: f64, error: f64) -> Candidate {
        let base = &self.written[index].0;
        let slack = NONE * self.states.roundoff.max(f64::EPSILON);
        let factor = if (factor - 1.0).abs() <= slack { 1.0 } else { factor };
        let mut rest = state.clone();
        for (weight, base) in rest.weights_mut().zip(base.weights()) {
            let (own, moved) = (*weight, factor * base);
            let left = own - moved;
            *weight = if left.abs() <= slack * (own.abs() + moved.abs()) { 0.0 } else { left };
        }
        // So is what is below the estimated error of the state and of its base.
        let least = ERRORS
            * error
                .hypot(factor * self.errors[index])
                .min(MOST_ERROR * state.evals.iter().fold(0.0, |most, w| w.abs().max(most)));
        rest.weights_mut().filter(|weight| weight.abs() <= least).for_each(|weight| *weight = 0.0);
        Candidate { base: Some((factor, index)), rest }
    }
}
