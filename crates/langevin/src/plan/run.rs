//! The one executor. Control is inverted: it asks, the caller answers.

use super::{Op, Plan, Slot};
use crate::error::{Error, Result};
use crate::model::{At, Model, Query};
use crate::noise::SampleId;
use crate::process::Level;
use crate::space::{Coef, Draw, Space};
use smallvec::SmallVec;

/// A plan being run on a batch.
///
/// ```
/// use langevin::exact::Gaussian;
/// use langevin::{Grid, Model, Process, Sampler, SampleId, SliceSpace};
/// let process = Process::vp();
/// let plan = Sampler::ddim(0.0).compile(&process, None, &Grid::karras(20).levels(&process, 0.002, 80.0)?)?;
/// let data = Gaussian::isotropic(vec![3.0], 0.25)?;
/// let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 7, index }).collect();
/// let space = SliceSpace::<f64>::new(1);
///
/// let mut run = plan.start(&space, vec![], &rows)?;
/// while let Some(request) = run.query()? {
///     let out = data.predict(request.x, &request.query)?;
///     run.supply(out)?;
/// }
/// let samples = run.finish()?;
/// assert_eq!(samples, plan.run(&space, &data, vec![], &rows)?);
/// # Ok::<(), langevin::Error>(())
/// ```
pub struct Run<'a, Sp: Space> {
    plan: &'a Plan,
    space: &'a Sp,
    rows: &'a [SampleId],
    slots: Vec<Option<Sp::State>>,
    /// The instruction being executed.
    at: usize,
    /// Whether the evaluation at `at` was asked about.
    asked: bool,
    /// How many outputs of the evaluation at `at` were supplied.
    answered: usize,
    /// The scaled input of the evaluation at `at`, where its scale is not 1.
    scaled: Option<Sp::State>,
}

/// What the executor wants to know: the model's output for `x`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request<'a, S> {
    /// The input of the model, already scaled.
    pub x: &'a S,
    /// Where it stands.
    pub query: Query<'a>,
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
    ) -> Result<Run<'a, Sp>> {
        if inputs.len() != self.inputs.len() {
            let names: Vec<&str> = self.inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(Error::argument("the plan takes other inputs")
                .expected(format!("{} ({})", names.len(), names.join(", ")))
                .got(inputs.len().to_string()));
        }
        let mut slots: Vec<Option<Sp::State>> = std::iter::repeat_with(|| None).take(self.slots).collect();
        for (input, state) in self.inputs.iter().zip(inputs) {
            slots[input.slot] = Some(state);
        }
        Ok(Run { plan: self, space, rows, slots, at: 0, asked: false, answered: 0, scaled: None })
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
        self.check_model(model.formulation().map(crate::Formulation::spec).as_ref())?;
        let mut run = self.start(space, inputs, rows)?;
        while let Some(request) = run.query()? {
            let out = model.predict(request.x, &request.query)?;
            run.supply(out)?;
        }
        run.finish()
    }

    fn check_model(&self, model: Option<&crate::FormulationSpec>) -> Result<()> {
        let words = |spec: Option<&crate::FormulationSpec>| match spec {
            None => "a model that gives D".to_owned(),
            Some(spec) => format!("a {} network on {:?}", spec.prediction.name(), spec.process),
        };
        if self.network.as_ref() == model {
            return Ok(());
        }
        Err(Error::argument("the plan was compiled for another model")
            .expected(words(self.network.as_ref()))
            .got(words(model))
            .hinting("compile the plan with the model's formulation"))
    }
}

impl<'a, Sp: Space> Run<'a, Sp> {
    /// Executes up to the next evaluation and asks for it; `None` at the end. Asking again without answering asks the same.
    ///
    /// # Errors
    /// Whatever the space meets.
    pub fn query(&mut self) -> Result<Option<Request<'_, Sp::State>>> {
        let plan = self.plan;
        while let Some(op) = plan.ops.get(self.at) {
            match op {
                Op::Combine { into, terms, noise } => self.combine(*into, terms, noise)?,
                Op::Map { map, from, into } => {
                    let args = from.iter().map(|slot| self.state(*slot)).collect::<Result<SmallVec<[_; 8]>>>()?;
                    let state = self.space.map(map, &args)?;
                    drop(args);
                    self.write(*into, state);
                }
                Op::Eval { from, level, out, net } => {
                    let mut at = *level;
                    if let Some(net) = net {
                        at = Level { time: net.time, alpha: net.scale * level.alpha, sigma: net.scale * level.sigma };
                        if net.scale != 1.0 && self.scaled.is_none() {
                            let scale = [(Coef::All(net.scale), self.state(*from)?)];
                            self.scaled = Some(self.space.combine(None, &scale, &[], self.rows)?);
                        }
                    }
                    let query = Query { at: At::One(at), rows: self.rows, branch: out[self.answered].branch };
                    self.asked = true;
                    let x = match &self.scaled {
                        Some(scaled) => scaled,
                        None => self.state(*from)?,
                    };
                    return Ok(Some(Request { x, query }));
                }
            }
            self.at += 1;
        }
        Ok(None)
    }

    /// Answers the last query with the model's output. It becomes D here, at this one place: D = A·x + B·out.
    ///
    /// # Errors
    /// No query is open, or whatever the space meets.
    pub fn supply(&mut self, out: Sp::State) -> Result<()> {
        let (true, Some(Op::Eval { from, out: outputs, net, .. })) = (self.asked, self.plan.ops.get(self.at)) else {
            return Err(Error::argument("an answer without a question").hinting("call query() first"));
        };
        let denoised = match net {
            None => out,
            Some(net) if net.a == 0.0 && net.b == 1.0 => out,
            Some(net) => {
                let x = [(Coef::All(net.a), self.state(*from)?)];
                self.space.combine(Some((Coef::All(net.b), out)), &x, &[], self.rows)?
            }
        };
        // A later output of the same evaluation may still need the input.
        let into = outputs[self.answered].into;
        self.asked = false;
        self.answered += 1;
        if self.answered == outputs.len() {
            self.answered = 0;
            self.at += 1;
            if let Some(scaled) = self.scaled.take() {
                self.space.recycle(scaled);
            }
        }
        self.write(into, denoised);
        Ok(())
    }

    /// The result.
    ///
    /// # Errors
    /// The run is not at its end.
    pub fn finish(mut self) -> Result<Sp::State> {
        if self.at < self.plan.ops.len() {
            return Err(Error::argument("the run is not finished")
                .at(format!("instruction {} of {}", self.at, self.plan.ops.len()))
                .hinting("answer every query() first"));
        }
        self.slots[self.plan.result].take().ok_or_else(|| Error::format("the plan has no result"))
    }

    fn combine(&mut self, into: Slot, terms: &[(f64, Slot)], noise: &[(f64, Draw)]) -> Result<()> {
        // Eight on the stack: no sampler of usual order has more, so that a step allocates nothing.
        let noise: SmallVec<[_; 8]> = noise.iter().map(|(coef, draw)| (Coef::All(*coef), *draw)).collect();
        // In place only where the written slot is the first term and no other: the listed order is the contract.
        let in_place =
            terms.first().is_some_and(|first| first.1 == into) && terms[1..].iter().all(|term| term.1 != into);
        let own = if in_place { self.slots[into].take().map(|state| (Coef::All(terms[0].0), state)) } else { None };
        let mut rest: SmallVec<[_; 8]> = SmallVec::new();
        for (coef, slot) in &terms[usize::from(own.is_some())..] {
            rest.push((Coef::All(*coef), self.state(*slot)?));
        }
        let state = self.space.combine(own, &rest, &noise, self.rows)?;
        drop(rest);
        self.write(into, state);
        Ok(())
    }

    fn state(&self, slot: Slot) -> Result<&Sp::State> {
        self.slots[slot]
            .as_ref()
            .ok_or_else(|| Error::format("a slot is read before it is written").got(slot.to_string()))
    }

    fn write(&mut self, slot: Slot, state: Sp::State) {
        if let Some(old) = self.slots[slot].replace(state) {
            self.space.recycle(old);
        }
    }
}
