//! The executor of plans. Control is inverted: a run asks for network outputs, and the caller
//! supplies them.

use super::{Op, Plan, Slot};
use crate::drive::{Answer, Program, Question, drive, unasked, unfinished};
use crate::error::{Error, Result};
use crate::model::{At, InputLevel, Model, Query};
use crate::noise::SampleId;
use crate::space::{Coef, Denoise, Draw, Space, denoised};
use smallvec::SmallVec;
use std::ops::Deref;

/// A run of a plan on a batch of rows.
///
/// `P` holds the plan, `Sp` the space and `R` the rows: by reference if the run is made by
/// [`Plan::start`], owned or shared if it is made by [`Run::new`].
///
/// ```
/// use langevin_analysis::exact::Gaussian;
/// use langevin::{Model, Request, SampleId, SliceSpace};
/// let plan = Request::new().sampler("ddim").plan()?;
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

/// The position of a run in its plan, and its states.
struct Cursor<S> {
    slots: Vec<Option<S>>,
    /// The instruction being executed.
    at: usize,
    /// True if the evaluation at `at` was asked about.
    asked: bool,
    /// The number of outputs supplied for the evaluation at `at`.
    answered: usize,
    /// The scaled input of the evaluation at `at`, if its scale is not 1.
    scaled: Option<S>,
    /// The slot of the last output, until another instruction is executed.
    last: Option<Slot>,
    /// The last output, if the next instruction can turn it into D in the same pass.
    pending: Option<Pending<S>>,
}

/// A model output that is still to become D = a·x + b·out in slot `into`, with x in slot `from`.
struct Pending<S> {
    out: S,
    a: f64,
    b: f64,
    from: Slot,
    into: Slot,
}

impl Plan {
    /// Starts a run on the given rows. `inputs` fill the slots of [`Plan::inputs`], in their order.
    ///
    /// ```
    /// use langevin::{Request, SampleId, SliceSpace};
    /// let plan = Request::new().steps(4).plan()?;
    /// let (space, rows) = (SliceSpace::<f32>::new(2), [SampleId::default()]);
    /// let mut run = plan.start(&space, vec![], &rows)?;
    /// let question = run.query()?.expect("four evaluations");
    /// assert_eq!(question.x.len(), 2);
    /// // The plan has no inputs.
    /// assert!(plan.start(&space, vec![vec![0.0; 2]], &rows).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the number of inputs is wrong.
    pub fn start<'a, Sp: Space>(
        &'a self,
        space: &'a Sp,
        inputs: Vec<Sp::State>,
        rows: &'a [SampleId],
    ) -> Result<Run<&'a Self, &'a Sp, &'a [SampleId]>> {
        Run::new(self, space, inputs, rows)
    }

    /// Runs the plan to its end with `model`, and returns the result.
    ///
    /// ```
    /// use langevin_analysis::exact::Gaussian;
    /// use langevin::{Request, SampleId, SliceSpace};
    /// let data = Gaussian::isotropic(vec![3.0], 0.25)?;
    /// let plan = Request::new().plan()?;
    /// let rows: Vec<SampleId> = (0..1000).map(|index| SampleId { seed: 1, index }).collect();
    /// let samples = plan.run(&SliceSpace::<f64>::new(1), &data, vec![], &rows)?;
    /// let mean = samples.iter().sum::<f64>() / 1000.0;
    /// assert!((mean - 3.0).abs() < 0.05, "{mean}");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the model has another formulation than the plan, or if the model or the
    /// space fails.
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

    /// Returns whether the present value of slot `slot` is read by an instruction from `at` on, or
    /// is the result.
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
    /// Starts a run that can outlive its caller.
    ///
    /// It does what [`Plan::start`] does, and may share the plan (`Arc<Plan>`) and own the space
    /// and the rows (`Box`, `Vec`).
    ///
    /// ```
    /// use langevin::plan::Run;
    /// use langevin::{Grid, Process, Sampler, SampleId, SliceSpace};
    /// use std::sync::Arc;
    /// let process = Process::vp();
    /// let levels = Grid::karras(4).levels(&process, 0.002, 80.0)?;
    /// let plan = Arc::new(Sampler::ddim(0.0).compile(&process, None, &levels)?);
    /// let (space, rows) = (Box::new(SliceSpace::<f32>::new(1)), vec![SampleId::default()]);
    /// let mut run = Run::new(plan, space, vec![], rows)?;
    /// assert!(run.query()?.is_some());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the number of inputs is wrong.
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

    /// Starts from `state` in place of the noise that the plan would draw.
    ///
    /// Use it if the caller draws the noise itself. It must come before the first query.
    ///
    /// ```
    /// use langevin::{Grid, Process, SampleId, Sampler, SliceSpace};
    /// let process = Process::vp();
    /// let levels = Grid::karras(4).levels(&process, 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?;
    /// let (space, rows) = (SliceSpace::<f32>::new(2), [SampleId::default()]);
    /// let mut run = plan.start(&space, vec![], &rows)?;
    /// run.begin(vec![0.5, -0.5])?;
    /// assert_eq!(run.query()?.unwrap().x, &[0.5, -0.5]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the run has begun, or if the plan does not start from noise alone.
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

    /// Executes instructions up to the next evaluation, and returns `false` at the end.
    ///
    /// [`query`](Self::query) does this too, and also scales the model's input. Call `advance` if
    /// the caller scales the input itself.
    ///
    /// ```
    /// use langevin::{Request, SampleId, SliceSpace};
    /// let plan = Request::new().steps(2).plan()?;
    /// let (space, rows) = (SliceSpace::<f64>::new(2), [SampleId::default()]);
    /// let mut run = plan.start(&space, vec![], &rows)?;
    /// let mut evaluations = 0;
    /// while run.advance()? {
    ///     run.supply(vec![0.0; 2])?;
    ///     evaluations += 1;
    /// }
    /// assert_eq!((evaluations, run.finish()?), (2, vec![0.0; 2]));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the space fails.
    pub fn advance(&mut self) -> Result<bool> {
        self.cursor.advance(&self.plan, &*self.space, &self.rows)
    }

    /// Executes instructions up to the next evaluation and asks for it; returns `None` at the end.
    ///
    /// A second call without an answer asks the same question.
    ///
    /// ```
    /// use langevin::{Request, SampleId, SliceSpace};
    /// let plan = Request::new().steps(2).plan()?;
    /// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId::default()]);
    /// let mut run = plan.start(&space, vec![], &rows)?;
    /// let first = run.query()?.expect("an evaluation").x.clone();
    /// assert_eq!(run.query()?.expect("the same evaluation").x, &first);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the space fails.
    pub fn query(&mut self) -> Result<Option<Question<'_, State<Sp>>>> {
        self.cursor.query(&self.plan, &*self.space, &self.rows)
    }

    /// Answers the last query with the model's output, which becomes D = A·x + B·out.
    ///
    /// ```
    /// use langevin::{Request, SampleId, SliceSpace};
    /// let plan = Request::new().steps(1).plan()?;
    /// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId::default()]);
    /// let mut run = plan.start(&space, vec![], &rows)?;
    /// assert!(run.supply(vec![0.5]).is_err()); // no query is open
    /// run.query()?;
    /// run.supply(vec![0.5])?;
    /// assert_eq!(run.finish()?, [0.5]); // the last step lands on D
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if no query is open, or if the space fails.
    pub fn supply(&mut self, out: State<Sp>) -> Result<()> {
        self.cursor.supply(&self.plan, &*self.space, &self.rows, out)
    }

    /// Replaces the state of the open query, before its input scaling. The query stays open.
    ///
    /// Use it if the caller keeps the state itself and changes it between steps, as inpainting
    /// does.
    ///
    /// ```
    /// use langevin::{Request, SampleId, SliceSpace};
    /// let plan = Request::new().sampler("ddim").process(langevin::Process::ve()).steps(1).plan()?;
    /// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId::default()]);
    /// let mut run = plan.start(&space, vec![], &rows)?;
    /// run.query()?;
    /// run.replace(vec![5.0])?;
    /// assert_eq!(run.state(), Some(&vec![5.0]));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if no query is open, or if one of its outputs was already supplied.
    pub fn replace(&mut self, state: State<Sp>) -> Result<()> {
        self.cursor.replace(&self.plan, &*self.space, state)
    }

    /// Returns the state of the open query, before its input scaling, or `None` if no query is
    /// open.
    pub fn state(&self) -> Option<&State<Sp>> {
        let Some(Op::Eval { from, .. }) = self.plan.ops.get(self.cursor.at).filter(|_| self.cursor.asked) else {
            return None;
        };
        self.cursor.slots[*from].as_ref()
    }

    /// Returns D of the last answer, or `None` once a later instruction has been executed.
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process, Request, SampleId, SliceSpace};
    /// // For an ε-network on VE, D = x − σ·out.
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon);
    /// let plan = Request::new().network(network).sampler("ddim").range(0.1, 10.0).plan()?;
    /// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId::default()]);
    /// let mut run = plan.start(&space, vec![], &rows)?;
    /// run.begin(vec![3.0])?;
    /// run.query()?;
    /// run.supply(vec![0.2])?;
    /// let denoised = run.denoised()?.expect("an answer")[0];
    /// assert!((denoised - (3.0 - 10.0 * 0.2)).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the space fails.
    pub fn denoised(&mut self) -> Result<Option<&State<Sp>>> {
        let Some(last) = self.cursor.last else { return Ok(None) };
        self.cursor.settle(&*self.space, &self.rows)?;
        Ok(self.cursor.slots[last].as_ref())
    }

    /// Returns the result.
    ///
    /// ```
    /// use langevin::{Request, SampleId, SliceSpace};
    /// let plan = Request::new().steps(3).plan()?;
    /// let (space, rows) = (SliceSpace::<f64>::new(1), [SampleId::default()]);
    /// let run = plan.start(&space, vec![], &rows)?;
    /// assert!(run.finish().unwrap_err().to_string().contains("instruction 1 of 7"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the run is not at its end.
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
                // The output can wait only if a sum reads it next. Another output of this
                // evaluation still needs the input, and a map cannot take an output in place of D.
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

    /// Turns a pending output into D.
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

    /// Turns a pending output into D and adds it to the sum, in one pass over the state.
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

    /// Takes the state that a sum may overwrite. The sum runs in the listed order, so this is
    /// possible only if the written slot is the first term and no other.
    fn take_own(&mut self, into: Slot, terms: &[(f64, Slot)]) -> Option<(f64, S)> {
        let (first, rest) = terms.split_first()?;
        let in_place = first.1 == into && rest.iter().all(|term| term.1 != into);
        if in_place { self.slots[into].take().map(|state| (first.0, state)) } else { None }
    }

    /// Writes a linear combination, over the state of the first term if that is possible.
    fn combine<Sp: Space<State = S> + ?Sized>(
        &mut self,
        space: &Sp,
        rows: &[SampleId],
        into: Slot,
        terms: &[(f64, Slot)],
        noise: &[(f64, Draw)],
    ) -> Result<()> {
        // Up to eight terms are kept on the stack. No sampler of the usual orders has more, so that
        // a step allocates nothing.
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
