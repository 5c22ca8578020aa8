//! Writing a plan by hand: rows of values go in, a checked plan comes out.

use super::{Input, Letter, Move, Op, Output, Plan, Slot};
use crate::error::{Error, Result};
use crate::formulation::Formulation;
use crate::model::Branch;
use crate::process::{Level, Process};
use crate::space::{Draw, Map};
use smallvec::SmallVec;
use std::collections::BTreeSet;

/// How the network is called at one noise level, where that is not what its formulation says: another library's time,
/// rounded or misplaced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkCall {
    /// The noise level at which it applies, σ/α.
    pub sigma_ve: f64,
    /// The level of the network's process from which D is read.
    pub own: Level,
    /// The time that the network is given.
    pub time: f64,
}

/// A state of a plan that is being written: the start, a denoised prediction, or any row made of these.
///
/// It is a handle, valid in the [`Builder`] that gave it. A value is written once and never changes; which slot holds it,
/// and for how long, is decided when the plan is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Var(usize);

/// One instruction in terms of values.
#[derive(Debug)]
enum Line {
    Eval { from: Var, op: Op, into: Vec<Var> },
    Combine { terms: Vec<(f64, Var)>, noise: Vec<(f64, Draw)>, into: Var, over: Option<Var> },
    Map { map: Map, from: Vec<Var>, into: Var },
}

impl Line {
    fn reads(&self) -> SmallVec<[Var; 8]> {
        match self {
            Self::Eval { from, .. } => SmallVec::from_slice(&[*from]),
            Self::Combine { terms, .. } => terms.iter().map(|term| term.1).collect(),
            Self::Map { from, .. } => SmallVec::from_slice(from),
        }
    }

    fn writes(&self) -> &[Var] {
        match self {
            Self::Eval { into, .. } => into,
            Self::Combine { into, .. } | Self::Map { into, .. } => std::slice::from_ref(into),
        }
    }

    /// The value in whose place the written one may stand.
    fn over(&self) -> Option<Var> {
        match self {
            Self::Eval { .. } => None,
            Self::Combine { over, .. } => *over,
            Self::Map { from, .. } => from.last().copied(),
        }
    }
}

/// Writes a [`Plan`] row by row.
///
/// Every row gives a new [`Var`]; none is changed and none is freed. [`finish`](Self::finish) assigns slots by
/// liveness: a state's memory is used again after the last row that reads it. Draws are numbered in the order in which they
/// are asked for; naming one twice uses the same noise twice.
///
/// A sampler of one formula needs nothing else. For a method that runs on any grid, with guidance, clamps and starts of every
/// kind, implement [`Method`](crate::sampler::Method).
///
/// ```
/// use langevin::plan::{Builder, Letter};
/// use langevin::{Grid, Process};
/// // Euler's method for the probability-flow ODE in σ, on the VE process: x' = x + (σ' − σ)(x − D)/σ.
/// let process = Process::ve();
/// let levels = Grid::karras(5).levels(&process, 0.1, 10.0)?;
/// let mut plan = Builder::new("my-euler", &process, None);
/// let mut x = plan.start(&levels[0]);
/// for pair in levels.windows(2) {
///     let (from, to) = (pair[0], pair[1]);
///     let row = plan.mark();
///     let denoised = plan.eval(x, &from)?;
///     let step = (to.sigma - from.sigma) / from.sigma;
///     x = plan.combine([(1.0 + step, x), (-step, denoised)], []);
///     plan.note(Letter::R, Some(0.0), &from, &to, row);
/// }
/// let plan = plan.finish(x)?;
/// assert_eq!((plan.nfe(), plan.slots()), (5, 2));
/// assert!(plan.lint()?.is_clean());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Debug)]
pub struct Builder<'a> {
    plan: Plan,
    network: Option<&'a Formulation>,
    calls: &'a [NetworkCall],
    used: Vec<bool>,
    lines: Vec<Line>,
    /// How many values there are; the first are the inputs.
    values: usize,
    inputs: Vec<(String, Var)>,
}

impl<'a> Builder<'a> {
    /// Starts a plan for states of `process`, for `network`, or (with `None`) for a model that gives D.
    #[must_use]
    pub fn new(name: impl Into<String>, process: &Process, network: Option<&'a Formulation>) -> Self {
        let plan = Plan {
            name: name.into(),
            process: process.spec(),
            network: network.map(Formulation::spec),
            slots: 0,
            draws: 0,
            result: 0,
            inputs: Vec::new(),
            ops: Vec::new(),
            moves: Vec::new(),
        };
        Self { plan, network, calls: &[], used: vec![], lines: vec![], values: 0, inputs: vec![] }
    }

    /// Calls the network otherwise than its formulation says, at the noise levels of `calls`.
    #[must_use]
    pub fn with_calls(mut self, calls: &'a [NetworkCall]) -> Self {
        (self.calls, self.used) = (calls, vec![false; calls.len()]);
        self
    }

    fn value(&mut self) -> Var {
        self.values += 1;
        Var(self.values - 1)
    }

    /// Returns a fresh draw of standard normal noise.
    pub fn draw(&mut self) -> Draw {
        self.plan.draws += 1;
        self.plan.draws - 1
    }

    /// Starts from pure noise, σ·z at `level`.
    pub fn start(&mut self, level: &Level) -> Var {
        let draw = self.draw();
        self.combine([], [(level.sigma, draw)])
    }

    /// Declares a state that the caller supplies under this name.
    pub fn input(&mut self, name: &str) -> Var {
        let value = self.value();
        self.inputs.push((name.into(), value));
        value
    }

    /// Applies a map, element by element.
    pub fn map(&mut self, map: Map, from: impl IntoIterator<Item = Var>) -> Var {
        let (into, from) = (self.value(), from.into_iter().collect());
        self.lines.push(Line::Map { map, from, into });
        into
    }

    /// The call of a noise level, or of one that differs by what float32 leaves open. Of several at the same level each is
    /// used once, in their order.
    fn call(&mut self, sigma_ve: f64) -> Option<&'a NetworkCall> {
        let near =
            |call: &NetworkCall| call.sigma_ve == sigma_ve || (call.sigma_ve - sigma_ve).abs() <= 2e-6 * sigma_ve;
        let mut all = (0..self.calls.len()).filter(|index| near(&self.calls[*index]));
        let first = all.next()?;
        let index = if self.used[first] { all.find(|index| !self.used[*index]).unwrap_or(first) } else { first };
        self.used[index] = true;
        Some(&self.calls[index])
    }

    /// Evaluates the network on the state `x`, which stands at `level`, and returns the denoised prediction D.
    ///
    /// # Errors
    /// A level at which the network cannot be read.
    pub fn eval(&mut self, x: Var, level: &Level) -> Result<Var> {
        let [denoised] = self.eval_branches(x, level, [Branch::Main])?;
        Ok(denoised)
    }

    /// Evaluates the network twice on the same state: returns D with the condition and D without it.
    ///
    /// # Errors
    /// As [`eval`](Self::eval).
    pub fn eval_pair(&mut self, x: Var, level: &Level) -> Result<[Var; 2]> {
        self.eval_branches(x, level, [Branch::Main, Branch::Unconditional])
    }

    fn eval_branches<const N: usize>(&mut self, x: Var, level: &Level, branches: [Branch; N]) -> Result<[Var; N]> {
        let call = self.call(level.sigma_ve());
        let read = |network: &Formulation| match call {
            Some(call) => network.denoised_at(level, &call.own, call.time),
            None => network.denoised(level),
        };
        let net = self.network.map(read).transpose()?;
        // The slots are not known yet.
        let out = branches.map(|branch| Output { branch, into: 0 }).to_vec();
        let into = branches.map(|_| self.value());
        self.lines.push(Line::Eval { from: x, op: Op::Eval { from: 0, level: *level, out, net }, into: into.to_vec() });
        Ok(into)
    }

    /// Returns Σ coefficient·value + Σ coefficient·z(draw), summed in the listed order. Terms with coefficient zero are left
    /// out.
    pub fn combine(
        &mut self,
        terms: impl IntoIterator<Item = (f64, Var)>,
        noise: impl IntoIterator<Item = (f64, Draw)>,
    ) -> Var {
        let terms: Vec<(f64, Var)> = terms.into_iter().collect();
        let over = match (terms.first(), self.lines.last()) {
            // An answer of the network goes into the sum in one pass where it keeps a place of its own.
            (Some((_, first)), Some(Line::Eval { from, into, .. })) if into.contains(first) => Some(*from),
            (first, _) => first.map(|term| term.1),
        };
        self.combine_over(over, terms, noise)
    }

    /// As [`combine`](Self::combine), in the memory of `over` where nothing else reads that value any more.
    pub(crate) fn combine_over(
        &mut self,
        over: Option<Var>,
        terms: impl IntoIterator<Item = (f64, Var)>,
        noise: impl IntoIterator<Item = (f64, Draw)>,
    ) -> Var {
        let terms = terms.into_iter().filter(|(coef, _)| *coef != 0.0).collect();
        let noise = noise.into_iter().filter(|(coef, _)| *coef != 0.0).collect();
        let into = self.value();
        self.lines.push(Line::Combine { terms, noise, into, over });
        into
    }

    /// Returns the number of the next instruction, with which a move begins.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.lines.len()
    }

    /// Annotates the instructions since `mark` as one move from one level to another. `eta` is the effective h/g of a reverse
    /// move, `None` where no single number says it. Moves change nothing in the execution; the lint holds each row to its
    /// move.
    pub fn note(&mut self, letter: Letter, eta: Option<f64>, from: &Level, to: &Level, mark: usize) {
        let ops = [mark, self.lines.len().saturating_sub(1)];
        self.plan.moves.push(Move { letter, eta, from: *from, to: *to, ops });
    }

    /// Returns the plan whose result is this value.
    ///
    /// # Errors
    /// A row that reads a value of another builder, a row of no terms, or coefficients that are not finite.
    pub fn finish(mut self, result: Var) -> Result<Plan> {
        self.check(result)?;
        let slots = Slots::assign(&self.lines, &self.inputs, self.values, result);
        let at = |value: Var| slots.of[value.0];
        self.plan.inputs = self.inputs.into_iter().map(|(name, value)| Input { name, slot: at(value) }).collect();
        let place = |terms: Vec<(f64, Var)>| terms.into_iter().map(|(coef, value)| (coef, at(value))).collect();
        let op = |line: Line| match line {
            Line::Eval { from, op: Op::Eval { level, out, net, .. }, into } => {
                let out = out.iter().zip(into).map(|(o, value)| Output { branch: o.branch, into: at(value) }).collect();
                Op::Eval { from: at(from), level, out, net }
            }
            Line::Eval { op, .. } => op,
            Line::Combine { terms, noise, into, .. } => Op::Combine { into: at(into), terms: place(terms), noise },
            Line::Map { map, from, into } => Op::Map { map, from: from.into_iter().map(at).collect(), into: at(into) },
        };
        self.plan.ops = self.lines.into_iter().map(op).collect();
        (self.plan.slots, self.plan.result) = (slots.count, at(result));
        self.plan.validate()?;
        Ok(self.plan)
    }

    /// Refuses values that this builder did not give before the row that reads them.
    fn check(&self, result: Var) -> Result<()> {
        let mut known = vec![false; self.values];
        self.inputs.iter().for_each(|(_, value)| known[value.0] = true);
        let there = |known: &[bool], value: Var, place: &dyn Fn() -> String| match known.get(value.0) {
            Some(true) => Ok(()),
            _ => Err(Error::argument("a value of another plan")
                .at(place())
                .expected("values that this builder gave")
                .got(format!("value {}", value.0))),
        };
        for (row, line) in self.lines.iter().enumerate() {
            let place = || format!("ops[{row}]");
            line.reads().into_iter().try_for_each(|value| there(&known, value, &place))?;
            line.writes().iter().for_each(|value| known[value.0] = true);
        }
        there(&known, result, &|| "result".to_owned())
    }
}

/// Where every value is kept.
struct Slots {
    of: Vec<Slot>,
    count: usize,
    /// Slots below `count` that hold nothing.
    free: BTreeSet<Slot>,
}

impl Slots {
    /// Assigns slots by liveness: inputs first, in their order; then every written value in the place of `over` where that is
    /// dead by then, else in the lowest slot that holds nothing.
    fn assign(lines: &[Line], inputs: &[(String, Var)], values: usize, result: Var) -> Self {
        let mut last = vec![0; values];
        for (row, line) in lines.iter().enumerate() {
            line.writes().iter().for_each(|value| last[value.0] = row);
            line.reads().iter().for_each(|value| last[value.0] = row);
        }
        last[result.0] = usize::MAX;
        let mut slots = Self { of: vec![0; values], count: 0, free: BTreeSet::new() };
        for (_, input) in inputs {
            slots.of[input.0] = slots.fresh();
        }
        for (row, line) in lines.iter().enumerate() {
            let ends = |value: &&Var| last[value.0] == row;
            let left: SmallVec<[Slot; 8]> = line.reads().iter().filter(ends).map(|value| slots.of[value.0]).collect();
            let over = line.over().filter(|value| last[value.0] <= row).map(|value| slots.of[value.0]);
            let over = over.filter(|slot| left.contains(slot) || slots.free.remove(slot));
            for (number, value) in line.writes().iter().enumerate() {
                slots.of[value.0] = match over {
                    Some(slot) if number == 0 => slot,
                    _ => slots.fresh(),
                };
            }
            slots.free.extend(left.into_iter().filter(|slot| Some(*slot) != over));
            let unread: SmallVec<[Slot; 8]> =
                line.writes().iter().filter(ends).map(|value| slots.of[value.0]).collect();
            slots.free.extend(unread);
        }
        slots
    }

    fn fresh(&mut self) -> Slot {
        self.free.pop_first().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }
}
