//! The one executor. Control is inverted: it asks, the caller answers.

use super::{Op, Plan, Slot};
use crate::drive::{Answer, Program, Question, drive, unasked, unfinished};
use crate::error::{Error, Result};
use crate::model::{At, InputLevel, Model, Query};
use crate::noise::SampleId;
use crate::space::{Coef, Denoise, Draw, Space, denoised};
use smallvec::SmallVec;
use std::ops::Deref;

/// A plan being run on a batch: `P` holds the plan, `Sp` the space and `R` the rows, by reference ([`Plan::start`]) or shared ([`Run::new`]).
///
/// ```
/// use langevin_analysis::exact::Gaussian;
/// use langevin::{Grid, Model, Process, Sampler, SampleId, SliceSpace};
/// let process = Process::vp();
/// let plan = Sampler::ddim(0.0).compile(&process, None, &Grid::karras(20).levels(&process, 0.002, 80.0)?)?;
/// let data = Gaussian::isotropic(vec![3.0], 0.25)?;
/// let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 7, index }).collect();
/// let space = SliceSpace::<f64>::new(1);
///
/// let mut run = plan.start(&space, vec![], &rows)?;
/// while let Some(question) = run.query()? {
///     let out = data.predict(question.x, &question.query)?;
///     run.supply(out)?;
/// }
/// let samples = run.finish()?;
/// assert_eq!(samples, plan.run(&space, &data, vec![], &rows)?);
/// # Ok::<(), langevin::Error>(())
/// ```
pub struct Run<P, Sp, R>
where
    Sp: Deref<Target: Space>,
{
    plan: P,
    space: Sp,
    rows: R,
    cursor: Cursor<State<Sp>>,
}

/// The states of the space behind a pointer.
type State<Sp> = <<Sp as Deref>::Target as Space>::State;

/// Where a run stands.
struct Cursor<S> {
    slots: Vec<Option<S>>,
    /// The instruction being executed.
    at: usize,
    /// Whether the evaluation at `at` was asked about.
    asked: bool,
    /// How many outputs of the evaluation at `at` were supplied.
    answered: usize,
    /// The scaled input of the evaluation at `at`, where its scale is not 1.
    scaled: Option<S>,
    /// Where the last answer belongs, until something else is executed.
    last: Option<Slot>,
    /// The last answer, where the next instruction can turn it into D as it goes.
    pending: Option<Pending<S>>,
}

/// An output of the model that is to become D = a·x + b·out in slot `into`, x being slot `from`.
struct Pending<S> {
    out: S,
    a: f64,
    b: f64,
    from: Slot,
    into: Slot,
}

impl Plan {
    /// Starts a run on the rows given. `inputs` fill the slots of [`Plan::inputs`], in their order.
    ///
    /// # Errors
    /// The wrong number of inputs.
    pub fn start<'a, Sp: Space>(
        &'a self,
        space: &'a Sp,
        inputs: Vec<Sp::State>,
        rows: &'a [SampleId],
    ) -> Result<Run<&'a Self, &'a Sp, &'a [SampleId]>> {
        Run::new(self, space, inputs, rows)
    }

    /// Runs the plan to its end with `model`.
    ///
    /// # Errors
    /// A model of another formulation than the plan's, or whatever the model or the space meets.
    pub fn run<Sp: Space>(
        &self,
        space: &Sp,
        model: &(impl Model<Sp::State> + ?Sized),
        inputs: Vec<Sp::State>,
        rows: &[SampleId],
    ) -> Result<Sp::State> {
        self.check_model(model.formulation())?;
        drive(self.start(space, inputs, rows)?, |question| question.ask(model))
    }

    /// Whether an instruction from `at` on, or the result, reads what slot `slot` holds before that.
    fn reads(&self, slot: Slot, at: usize) -> bool {
        for op in &self.ops[at..] {
            let (reads, writes) = match op {
                Op::Combine { into, terms, .. } => (terms.iter().any(|term| term.1 == slot), *into == slot),
                Op::Map { from, into, .. } => (from.contains(&slot), *into == slot),
                Op::Eval { from, out, .. } => (*from == slot, out.iter().any(|out| out.into == slot)),
            };
            if reads || writes {
                return reads;
            }
        }
        self.result == slot
    }
}

impl<P, Sp, R> Run<P, Sp, R>
where
    P: Deref<Target = Plan>,
    Sp: Deref<Target: Space>,
    R: Deref<Target = [SampleId]>,
{
    /// As [`Plan::start`], for a run that outlives its caller: it may share the plan (`Arc<Plan>`) and own the rest (`Box`, `Vec`).
    ///
    /// # Errors
    /// The wrong number of inputs.
    ///
    /// ```
    /// use langevin::plan::Run;
    /// use langevin::{Grid, Process, Sampler, SampleId, SliceSpace};
    /// use std::sync::Arc;
    /// let process = Process::vp();
    /// let plan = Sampler::ddim(0.0).compile(&process, None, &Grid::karras(4).levels(&process, 0.002, 80.0)?)?;
    /// let mut run = Run::new(Arc::new(plan), Box::new(SliceSpace::<f32>::new(1)), vec![], vec![SampleId::default()])?;
    /// assert!(run.query()?.is_some());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn new(plan: P, space: Sp, inputs: Vec<State<Sp>>, rows: R) -> Result<Self> {
        if inputs.len() != plan.inputs.len() {
            let names: Vec<&str> = plan.inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(Error::argument("the plan takes other inputs")
                .expected(format!("{} ({})", names.len(), names.join(", ")))
                .got(inputs.len().to_string()));
        }
        let mut slots: Vec<Option<State<Sp>>> = std::iter::repeat_with(|| None).take(plan.slots).collect();
        for (input, state) in plan.inputs.iter().zip(inputs) {
            slots[input.slot] = Some(state);
        }
        let cursor = Cursor { slots, at: 0, asked: false, answered: 0, scaled: None, last: None, pending: None };
        Ok(Self { plan, space, rows, cursor })
    }

    /// Begins with this state in the place of the noise that the plan would draw: for callers that draw it themselves.
    ///
    /// # Errors
    /// The run has begun, or the plan does not start from noise alone.
    ///
    /// ```
    /// use langevin::{Grid, Process, SampleId, Sampler, SliceSpace};
    /// let process = Process::vp();
    /// let plan = Sampler::ddim(0.0).compile(&process, None, &Grid::karras(4).levels(&process, 0.002, 80.0)?)?;
    /// let (space, rows) = (SliceSpace::<f32>::new(2), [SampleId::default()]);
    /// let mut run = plan.start(&space, vec![], &rows)?;
    /// run.begin(vec![0.5, -0.5])?;
    /// assert_eq!(run.query()?.unwrap().x, &[0.5, -0.5]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn begin(&mut self, state: State<Sp>) -> Result<()> {
        let Some(Op::Combine { into, terms, noise }) = self.plan.ops.first() else {
            return Err(Error::argument("the plan does not start from noise").expected("its inputs"));
        };
        if self.cursor.at > 0 || !terms.is_empty() || noise.is_empty() {
            return Err(Error::argument("a start that comes too late, or that the plan does not draw")
                .expected("a plan that starts from noise alone, before its first query"));
        }
        self.cursor.write(&*self.space, *into, state);
        self.cursor.at = 1;
        Ok(())
    }

    /// Executes up to the next evaluation; `false` at the end. [`query`](Self::query) does this too, and scales the model's input besides: this is for callers that do so themselves.
    ///
    /// # Errors
    /// Whatever the space meets.
    pub fn advance(&mut self) -> Result<bool> {
        self.cursor.advance(&self.plan, &*self.space, &self.rows)
    }

    /// Executes up to the next evaluation and asks for it; `None` at the end. Asking again without answering asks the same.
    ///
    /// # Errors
    /// Whatever the space meets.
    pub fn query(&mut self) -> Result<Option<Question<'_, State<Sp>>>> {
        self.cursor.query(&self.plan, &*self.space, &self.rows)
    }

    /// Answers the last query with the model's output, which becomes D = A·x + B·out.
    ///
    /// # Errors
    /// No query is open, or whatever the space meets.
    pub fn supply(&mut self, out: State<Sp>) -> Result<()> {
        self.cursor.supply(&self.plan, &*self.space, &self.rows, out)
    }

    /// Puts another state in the place of the one that the open query asks about, before its input scaling: for callers that keep the state themselves
    /// and change it between steps, as inpainting does. The query stays open.
    ///
    /// # Errors
    /// No query is open, or some of its outputs were supplied already.
    pub fn replace(&mut self, state: State<Sp>) -> Result<()> {
        self.cursor.replace(&self.plan, &*self.space, state)
    }

    /// The state that the open query asks about, before its input scaling; `None` where no query is open.
    pub fn state(&self) -> Option<&State<Sp>> {
        let Some(Op::Eval { from, .. }) = self.plan.ops.get(self.cursor.at).filter(|_| self.cursor.asked) else {
            return None;
        };
        self.cursor.slots[*from].as_ref()
    }

    /// D of the last answer, until the next query executes what follows it.
    ///
    /// # Errors
    /// Whatever the space meets.
    pub fn denoised(&mut self) -> Result<Option<&State<Sp>>> {
        let Some(last) = self.cursor.last else { return Ok(None) };
        self.cursor.settle(&*self.space, &self.rows)?;
        Ok(self.cursor.slots[last].as_ref())
    }

    /// The result.
    ///
    /// # Errors
    /// The run is not at its end.
    pub fn finish(mut self) -> Result<State<Sp>> {
        self.advance()?;
        let (at, all) = (self.cursor.at, self.plan.ops.len());
        if at < all {
            return Err(unfinished().at(format!("instruction {at} of {all}")));
        }
        self.cursor.slots[self.plan.result].take().ok_or_else(|| Error::format("the plan has no result"))
    }
}

impl<P, Sp, R> Program for Run<P, Sp, R>
where
    P: Deref<Target = Plan>,
    Sp: Deref<Target: Space>,
    R: Deref<Target = [SampleId]>,
{
    type State = State<Sp>;
    type Output = State<Sp>;

    fn query(&mut self) -> Result<Option<Question<'_, State<Sp>>>> {
        self.query()
    }

    fn supply(&mut self, answer: Answer<State<Sp>>) -> Result<()> {
        answer.check(0)?;
        self.supply(answer.out)
    }

    fn finish(self) -> Result<State<Sp>> {
        self.finish()
    }
}

impl<S> Cursor<S> {
    fn advance<Sp: Space<State = S> + ?Sized>(&mut self, plan: &Plan, space: &Sp, rows: &[SampleId]) -> Result<bool> {
        while let Some(op) = plan.ops.get(self.at) {
            if !matches!(op, Op::Eval { .. }) {
                self.last = None;
            }
            match op {
                Op::Combine { into, terms, noise } => match self.pending.take() {
                    None => self.combine(space, rows, *into, terms, noise)?,
                    Some(pending) => self.step(plan, space, rows, pending, *into, terms, noise)?,
                },
                Op::Map { map, from, into } => {
                    let args = from.iter().map(|slot| self.state(*slot)).collect::<Result<SmallVec<[_; 8]>>>()?;
                    let state = space.map(map, &args)?;
                    drop(args);
                    self.write(space, *into, state);
                }
                Op::Eval { .. } => {
                    self.asked = true;
                    return Ok(true);
                }
            }
            self.at += 1;
        }
        Ok(false)
    }

    fn query<'s, Sp: Space<State = S> + ?Sized>(
        &'s mut self,
        plan: &Plan,
        space: &Sp,
        rows: &'s [SampleId],
    ) -> Result<Option<Question<'s, S>>> {
        self.advance(plan, space, rows)?;
        let Some(Op::Eval { from, level, out, net }) = plan.ops.get(self.at) else { return Ok(None) };
        let mut at = InputLevel::from(*level);
        if let Some(net) = net {
            at = InputLevel { time: net.time, alpha: net.scale * level.alpha, sigma: net.scale * level.sigma };
            if net.scale != 1.0 && self.scaled.is_none() {
                let scale = [(Coef::All(net.scale), self.state(*from)?)];
                self.scaled = Some(space.combine(None, &scale, &[], rows)?);
            }
        }
        let query = Query { at: At::One(at), rows, branch: out[self.answered].branch };
        let x = match &self.scaled {
            Some(scaled) => scaled,
            None => self.state(*from)?,
        };
        Ok(Some(Question::about(x, query)))
    }

    fn supply<Sp: Space<State = S> + ?Sized>(
        &mut self,
        plan: &Plan,
        space: &Sp,
        rows: &[SampleId],
        out: S,
    ) -> Result<()> {
        let (true, Some(Op::Eval { from, out: outputs, net, .. })) = (self.asked, plan.ops.get(self.at)) else {
            return Err(unasked());
        };
        let into = outputs[self.answered].into;
        match net {
            Some(net) if (net.a, net.b) != (0.0, 1.0) => {
                self.pending = Some(Pending { out, a: net.a, b: net.b, from: *from, into });
                // A later output of the same evaluation needs the input too, and what is no step has no use for an output.
                let next = plan.ops.get(self.at + 1).filter(|_| outputs.len() == 1 && into != *from);
                let waits = matches!(next, Some(Op::Combine { into: written, terms, .. }) if *written != into && terms.iter().any(|term| term.1 == into));
                if !waits {
                    self.settle(space, rows)?;
                }
            }
            _ => self.write(space, into, out),
        }
        self.asked = false;
        self.answered += 1;
        if self.answered == outputs.len() {
            self.answered = 0;
            self.at += 1;
            if let Some(scaled) = self.scaled.take() {
                space.recycle(scaled);
            }
        }
        self.last = Some(into);
        Ok(())
    }

    /// Turns an output that waits into D.
    fn settle<Sp: Space<State = S> + ?Sized>(&mut self, space: &Sp, rows: &[SampleId]) -> Result<()> {
        let Some(Pending { out, a, b, from, into }) = self.pending.take() else { return Ok(()) };
        let d = denoised(space, [Coef::All(a), Coef::All(b)], self.state(from)?, out, rows)?;
        self.write(space, into, d);
        Ok(())
    }

    fn replace<Sp: Space<State = S> + ?Sized>(&mut self, plan: &Plan, space: &Sp, state: S) -> Result<()> {
        let (true, 0, Some(Op::Eval { from, .. })) = (self.asked, self.answered, plan.ops.get(self.at)) else {
            return Err(Error::argument("no state to replace")
                .expected("an open query, none of whose outputs was supplied")
                .hinting("call query() first"));
        };
        if let Some(scaled) = self.scaled.take() {
            space.recycle(scaled);
        }
        self.write(space, *from, state);
        Ok(())
    }

    /// An output becomes D and goes into the sum, in one pass.
    #[allow(clippy::too_many_arguments)]
    fn step<Sp: Space<State = S> + ?Sized>(
        &mut self,
        plan: &Plan,
        space: &Sp,
        rows: &[SampleId],
        pending: Pending<S>,
        into: Slot,
        terms: &[(f64, Slot)],
        noise: &[(f64, Draw)],
    ) -> Result<()> {
        let Pending { out, a, b, from, into: denoised } = pending;
        let noise: SmallVec<[_; 8]> = noise.iter().map(|(coef, draw)| (Coef::All(*coef), *draw)).collect();
        let own = self.take_own(into, terms);
        let mut rest: SmallVec<[_; 8]> = SmallVec::new();
        for (coef, slot) in &terms[usize::from(own.is_some())..] {
            rest.push((*coef, if *slot == denoised { None } else { Some(self.state(*slot)?) }));
        }
        let x = if own.is_some() && from == into { None } else { Some(self.state(from)?) };
        let keep = plan.reads(denoised, self.at + 1);
        let (sum, d) = space.denoise_and_combine(Denoise { a, b, x, out, keep }, own, &rest, &noise, rows)?;
        drop(rest);
        self.write(space, into, sum);
        if let Some(d) = d {
            self.write(space, denoised, d);
        }
        Ok(())
    }

    /// The state that a sum may write over: only where the written slot is the first term and no other, for the listed order is the contract.
    fn take_own(&mut self, into: Slot, terms: &[(f64, Slot)]) -> Option<(f64, S)> {
        let (first, rest) = terms.split_first()?;
        let in_place = first.1 == into && rest.iter().all(|term| term.1 != into);
        if in_place { self.slots[into].take().map(|state| (first.0, state)) } else { None }
    }

    fn combine<Sp: Space<State = S> + ?Sized>(
        &mut self,
        space: &Sp,
        rows: &[SampleId],
        into: Slot,
        terms: &[(f64, Slot)],
        noise: &[(f64, Draw)],
    ) -> Result<()> {
        // Eight on the stack: no sampler of usual order has more, so that a step allocates nothing.
        let noise: SmallVec<[_; 8]> = noise.iter().map(|(coef, draw)| (Coef::All(*coef), *draw)).collect();
        let own = self.take_own(into, terms).map(|(coef, state)| (Coef::All(coef), state));
        let mut rest: SmallVec<[_; 8]> = SmallVec::new();
        for (coef, slot) in &terms[usize::from(own.is_some())..] {
            rest.push((Coef::All(*coef), self.state(*slot)?));
        }
        let state = space.combine(own, &rest, &noise, rows)?;
        drop(rest);
        self.write(space, into, state);
        Ok(())
    }

    fn state(&self, slot: Slot) -> Result<&S> {
        self.slots[slot]
            .as_ref()
            .ok_or_else(|| Error::format("a slot is read before it is written").got(slot.to_string()))
    }

    fn write<Sp: Space<State = S> + ?Sized>(&mut self, space: &Sp, slot: Slot, state: S) {
        if let Some(old) = self.slots[slot].replace(state) {
            space.recycle(old);
        }
    }
}
