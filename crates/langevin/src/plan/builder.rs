//! Building a plan row by row. The builder checks the plan and assigns its slots.

use super::{Input, Letter, Move, Op, Output, Plan, Slot};
use crate::error::{Error, Result};
use crate::formulation::Formulation;
use crate::model::Branch;
use crate::process::{Level, Process};
use crate::space::{Draw, Map};
use smallvec::SmallVec;
use std::collections::BTreeSet;

/// A call of the network at one noise level that differs from its formulation.
///
/// Another library may pass a rounded or shifted time. Imported samplers reproduce it with such a
/// call.
///
/// ```
/// use langevin::plan::{NetworkCall, Op};
/// use langevin::{Formulation, Grid, Prediction, Process, Sampler};
/// let process = Process::vp_cosine();
/// let network = Formulation::new(process.clone(), Prediction::Epsilon);
/// let levels = Grid::karras(3).levels(&process, 0.1, 10.0)?;
/// // The first evaluation passes a rounded time.
/// let first = NetworkCall { sigma_ve: levels[0].sigma_ve(), own: levels[0], time: 0.94 };
/// let sampler = Sampler::ddim(0.0);
/// let calls = [first];
/// let plan = sampler.on(&process, &levels).network(&network).calls(&calls).compile()?;
/// let Op::Eval { net: Some(reading), .. } = &plan.ops()[1] else { panic!("an evaluation") };
/// assert_eq!(reading.time, 0.94);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkCall {
    /// The noise level at which the call applies, in σ/α.
    pub sigma_ve: f64,
    /// The level of the network's process at which its output is read as D.
    pub own: Level,
    /// The time that is passed to the network.
    pub time: f64,
}

/// A state of a plan that is being built: the start, a denoised prediction, or a combination of
/// states.
///
/// A `Var` is a handle that is valid in the [`Builder`] that returned it. Its value is written once
/// and never changes. [`Builder::finish`] decides which slot holds it, and for how long.
///
/// ```
/// use langevin::plan::Builder;
/// use langevin::Process;
/// let mut plan = Builder::new("two draws", &Process::ve(), None);
/// let (a, b) = (plan.draw(), plan.draw());
/// let x = plan.combine([], [(1.0, a)]);
/// let y = plan.combine([(0.6, x)], [(0.8, b)]);
/// // `x` and `y` are two values. They share one slot, because nothing reads `x` after `y`.
/// assert_ne!(x, y);
/// assert_eq!(plan.finish(y)?.slots(), 1);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Var(usize);

/// One instruction in terms of values, before slots are assigned.
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

    /// Returns the value whose slot the written value may take over.
    fn over(&self) -> Option<Var> {
        match self {
            Self::Eval { .. } => None,
            Self::Combine { over, .. } => *over,
            Self::Map { from, .. } => from.last().copied(),
        }
    }
}

/// A builder that writes a [`Plan`] row by row.
///
/// Every row returns a new [`Var`]. Values are never changed and never freed by the caller:
/// [`finish`](Self::finish) assigns slots by liveness, so that memory is reused after the last row
/// that reads a state. Draws are numbered in the order of [`draw`](Self::draw); using one number
/// twice uses the same noise twice.
///
/// A builder is enough for a sampler with one formula. Implement [`Method`](crate::sampler::Method)
/// for a sampler that runs on any grid, with guidance, clamps and every kind of start.
///
/// ```
/// use langevin::plan::{Builder, Letter};
/// use langevin::{Grid, Process};
/// // Euler's method for the probability-flow ODE in σ on the VE process:
/// // x' = x + (σ' − σ)(x − D)/σ.
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
    /// The number of values. The first ones are the inputs.
    values: usize,
    inputs: Vec<(String, Var)>,
}

impl<'a> Builder<'a> {
    /// Returns a builder for states of `process`, and for `network`. With `None` the model returns
    /// D.
    ///
    /// ```
    /// use langevin::plan::Builder;
    /// use langevin::{Formulation, Prediction, Process};
    /// let process = Process::ve();
    /// let network = Formulation::new(process.clone(), Prediction::Epsilon);
    /// let mut plan = Builder::new("one step", &process, Some(&network));
    /// let level = process.level(10.0)?;
    /// let x = plan.start(&level);
    /// let denoised = plan.eval(x, &level)?;
    /// let plan = plan.finish(denoised)?;
    /// assert_eq!((plan.name(), plan.network()), ("one step", Some(&network.spec())));
    /// # Ok::<(), langevin::Error>(())
    /// ```
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
            origin: None,
        };
        Self { plan, network, calls: &[], used: vec![], lines: vec![], values: 0, inputs: vec![] }
    }

    /// Sets calls of the network that differ from its formulation. Each applies at its own noise
    /// level.
    #[must_use]
    pub fn with_calls(mut self, calls: &'a [NetworkCall]) -> Self {
        (self.calls, self.used) = (calls, vec![false; calls.len()]);
        self
    }

    fn value(&mut self) -> Var {
        self.values += 1;
        Var(self.values - 1)
    }

    /// Returns the number of a new draw of standard normal noise.
    ///
    /// ```
    /// use langevin::plan::Builder;
    /// use langevin::Process;
    /// let mut plan = Builder::new("noise", &Process::ve(), None);
    /// assert_eq!((plan.draw(), plan.draw()), (0, 1));
    /// ```
    pub fn draw(&mut self) -> Draw {
        self.plan.draws += 1;
        self.plan.draws - 1
    }

    /// Writes the start from pure noise, σ·z at `level`, and returns it.
    ///
    /// ```
    /// use langevin::plan::{Builder, Op};
    /// use langevin::Process;
    /// let process = Process::ve();
    /// let mut plan = Builder::new("noise", &process, None);
    /// let x = plan.start(&process.level(80.0)?);
    /// let plan = plan.finish(x)?;
    /// assert_eq!(plan.ops(), [Op::Combine { into: 0, terms: vec![], noise: vec![(80.0, 0)] }]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn start(&mut self, level: &Level) -> Var {
        let draw = self.draw();
        self.combine([], [(level.sigma, draw)])
    }

    /// Declares an input: a state that the caller supplies under this name.
    ///
    /// ```
    /// use langevin::plan::Builder;
    /// use langevin::{Process, SliceSpace};
    /// let mut plan = Builder::new("halve", &Process::ve(), None);
    /// let x = plan.input("init");
    /// let half = plan.combine([(0.5, x)], []);
    /// let plan = plan.finish(half)?;
    /// assert_eq!(plan.inputs()[0].name, "init");
    /// let (space, rows) = (SliceSpace::<f64>::new(2), [Default::default()]);
    /// let run = plan.start(&space, vec![vec![4.0, 6.0]], &rows)?;
    /// assert_eq!(run.finish()?, [2.0, 3.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn input(&mut self, name: &str) -> Var {
        let value = self.value();
        self.inputs.push((name.into(), value));
        value
    }

    /// Applies a map to states, element by element, and returns the result.
    ///
    /// ```
    /// use langevin::plan::Builder;
    /// use langevin::{Map, Process, SliceSpace};
    /// let mut plan = Builder::new("clip", &Process::ve(), None);
    /// let x = plan.input("init");
    /// let clipped = plan.map(Map::clamp(-1.0, 1.0)?, [x]);
    /// let plan = plan.finish(clipped)?;
    /// let (space, rows) = (SliceSpace::<f64>::new(3), [Default::default()]);
    /// let run = plan.start(&space, vec![vec![-2.0, 0.5, 2.0]], &rows)?;
    /// assert_eq!(run.finish()?, [-1.0, 0.5, 1.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn map(&mut self, map: Map, from: impl IntoIterator<Item = Var>) -> Var {
        let (into, from) = (self.value(), from.into_iter().collect());
        self.lines.push(Line::Map { map, from, into });
        into
    }

    /// Returns the call for a noise level. Levels that agree within float32 rounding count as
    /// equal. If several calls have one level, each is used once, in their order.
    fn call(&mut self, sigma_ve: f64) -> Option<&'a NetworkCall> {
        let near =
            |call: &NetworkCall| call.sigma_ve == sigma_ve || (call.sigma_ve - sigma_ve).abs() <= 2e-6 * sigma_ve;
        let mut all = (0..self.calls.len()).filter(|index| near(&self.calls[*index]));
        let first = all.next()?;
        let index = if self.used[first] { all.find(|index| !self.used[*index]).unwrap_or(first) } else { first };
        self.used[index] = true;
        Some(&self.calls[index])
    }

    /// Evaluates the network on the state `x` at `level`, and returns the denoised prediction D.
    ///
    /// ```
    /// use langevin::plan::{Builder, Op};
    /// use langevin::{Formulation, Prediction, Process};
    /// let process = Process::ve();
    /// let network = Formulation::new(process.clone(), Prediction::Epsilon);
    /// let mut plan = Builder::new("denoise", &process, Some(&network));
    /// let x = plan.input("init");
    /// let denoised = plan.eval(x, &process.level(2.0)?)?;
    /// let plan = plan.finish(denoised)?;
    /// // On VE, D = x − σ·ε.
    /// let Op::Eval { net: Some(reading), .. } = &plan.ops()[0] else { panic!("an evaluation") };
    /// assert_eq!((reading.a, reading.b), (1.0, -2.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the network's output does not determine D at this level.
    pub fn eval(&mut self, x: Var, level: &Level) -> Result<Var> {
        let [denoised] = self.eval_branches(x, level, [Branch::Main])?;
        Ok(denoised)
    }

    /// Evaluates two branches of the network on one state, and returns D with the condition and D
    /// without it.
    ///
    /// ```
    /// use langevin::plan::Builder;
    /// use langevin::Process;
    /// let process = Process::ve();
    /// let mut plan = Builder::new("guided", &process, None);
    /// let level = process.level(10.0)?;
    /// let x = plan.start(&level);
    /// let [with, without] = plan.eval_pair(x, &level)?;
    /// let guided = plan.combine([(3.0, with), (-2.0, without)], []);
    /// let plan = plan.finish(guided)?;
    /// assert!(plan.is_guided());
    /// assert_eq!(plan.nfe(), 1);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`eval`](Self::eval).
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
        // Slots are assigned in `finish`; 0 is a placeholder.
        let out = branches.map(|branch| Output { branch, into: 0 }).to_vec();
        let into = branches.map(|_| self.value());
        self.lines.push(Line::Eval { from: x, op: Op::Eval { from: 0, level: *level, out, net }, into: into.to_vec() });
        Ok(into)
    }

    /// Returns Σ coefficient·value + Σ coefficient·z(draw), summed in the listed order. Terms with
    /// a coefficient of zero are left out.
    ///
    /// ```
    /// use langevin::plan::{Builder, Op};
    /// use langevin::Process;
    /// let mut plan = Builder::new("noise", &Process::ve(), None);
    /// let (x, draw) = (plan.input("init"), plan.draw());
    /// let noisy = plan.combine([(0.5, x), (0.0, x)], [(2.0, draw)]);
    /// let plan = plan.finish(noisy)?;
    /// let row = Op::Combine { into: 0, terms: vec![(0.5, 0)], noise: vec![(2.0, 0)] };
    /// assert_eq!(plan.ops(), [row]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn combine(
        &mut self,
        terms: impl IntoIterator<Item = (f64, Var)>,
        noise: impl IntoIterator<Item = (f64, Draw)>,
    ) -> Var {
        let terms: Vec<(f64, Var)> = terms.into_iter().collect();
        let over = match (terms.first(), self.lines.last()) {
            // If the network's output keeps its own slot, the executor can read it as D and add it
            // to the sum in one pass.
            (Some((_, first)), Some(Line::Eval { from, into, .. })) if into.contains(first) => Some(*from),
            (first, _) => first.map(|term| term.1),
        };
        self.combine_over(over, terms, noise)
    }

    /// Does what [`combine`](Self::combine) does, and writes into the slot of `over` if nothing
    /// reads that value afterwards.
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

    /// Returns the number of the next instruction. Pass it to [`note`](Self::note) after the last
    /// row of a move.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.lines.len()
    }

    /// Annotates the instructions since `mark` as one move between two levels.
    ///
    /// `eta` is the effective h/g of a reverse move, or `None` if no single number describes it.
    /// Moves do not affect execution; the lint checks each row against its move.
    ///
    /// ```
    /// use langevin::plan::{Builder, Letter};
    /// use langevin::Process;
    /// let process = Process::ve();
    /// let (from, to) = (process.level(1.0)?, process.level(3.0)?);
    /// let mut plan = Builder::new("forward", &process, None);
    /// let x = plan.start(&from);
    /// let (mark, draw) = (plan.mark(), plan.draw());
    /// let x = plan.combine([(1.0, x)], [(8_f64.sqrt(), draw)]);
    /// plan.note(Letter::F, None, &from, &to, mark);
    /// let plan = plan.finish(x)?;
    /// assert_eq!(plan.moves()[0].ops, [1, 1]);
    /// assert!(plan.lint()?.is_clean()); // 1² + 8 = 3²
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn note(&mut self, letter: Letter, eta: Option<f64>, from: &Level, to: &Level, mark: usize) {
        let ops = [mark, self.lines.len().saturating_sub(1)];
        self.plan.moves.push(Move { letter, eta, from: *from, to: *to, ops });
    }

    /// Returns the plan that computes `result`.
    ///
    /// ```
    /// use langevin::plan::Builder;
    /// use langevin::Process;
    /// let process = Process::ve();
    /// let mut other = Builder::new("other", &process, None);
    /// let foreign = other.input("init");
    /// // A value belongs to the builder that returned it.
    /// assert!(Builder::new("mine", &process, None).finish(foreign).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a row reads a value of another builder, if a row has no terms, or if a
    /// coefficient is not finite.
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

    /// Returns an error if a row reads a value that this builder did not return in an earlier row.
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

/// The slot of every value.
struct Slots {
    of: Vec<Slot>,
    count: usize,
    /// The slots below `count` that hold nothing.
    free: BTreeSet<Slot>,
}

impl Slots {
    /// Assigns slots by liveness.
    ///
    /// Inputs come first, in their order. Every written value then takes the slot of `over` if that
    /// value is no longer needed, and otherwise the lowest free slot.
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
