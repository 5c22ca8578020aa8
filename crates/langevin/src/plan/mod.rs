//! Plans: samplers compiled to tables of numbers. See [`Plan`].
//!
//! A plan is a list of instructions over numbered slots, with `f64` coefficients. Each slot holds
//! one state. Three kinds of instruction are enough for every static sampler:
//!
//! - [`Op::Eval`]: one network evaluation, read as the denoised prediction
//!   $D = A x + B \mathrm{out}(s x, m)$;
//! - [`Op::Combine`]: a linear combination of slots and of noise draws, summed in the listed order;
//! - [`Op::Map`]: an operation that is not linear, such as clamping, thresholding or masking.
//!
//! A plan without maps is linear. It can be [unrolled](Plan::unroll) into weights over every D and
//! every draw, [checked](Plan::lint) against the process's marginals, [compared](compare) with
//! another plan and analysed exactly (crate `langevin-analysis`).
//!
//! | task | item |
//! |---|---|
//! | compile a plan | [`Request`](crate::Request), [`Sampler::compile`](crate::Sampler::compile) |
//! | write a plan row by row | [`Builder`] |
//! | run a plan on slices, on several threads | [`Sampling`] |
//! | run a plan in any space | [`Plan::run`] |
//! | run a plan step by step, with control in the caller's hands | [`Plan::start`], [`Run`] |
//! | save and load a plan | [`Plan::to_json`], [`Plan::from_json`] |
//! | change the parts of a plan | [`Plan::into_parts`], [`Parts`] |
//! | run a plan with a network of another formulation | [`Plan::for_network`] |
//!
//! ```
//! use langevin::Request;
//! let plan = Request::new().sampler("ddim").steps(4).plan()?;
//! assert_eq!(plan.nfe(), 4);
//! // One instruction draws the start; each step is one evaluation and one row.
//! assert_eq!(plan.ops().len(), 1 + 2 * 4);
//! # Ok::<(), langevin::Error>(())
//! ```

mod builder;
mod compare;
mod fit;
mod json;
mod lint;
mod parameters;
mod run;
mod sampling;
mod table;
mod unroll;

pub use builder::{Builder, NetworkCall, Var};
pub use compare::{Comparison, Mismatch, Place, Source, compare, compare_within};
pub use lint::{Finding, Lint, Note, Rule, Subject};
pub use run::Run;
pub use sampling::MOST_THREADS;
pub use sampling::Sampling;
pub use unroll::{MAX_WEIGHTS, MAX_WORK};
pub use unroll::{Unrolled, Weights};

use crate::error::{Error, Result};
use crate::formulation::{Formulation, FormulationSpec, Reading};
use crate::model::Branch;
use crate::process::{Level, Process, ProcessSpec};
use crate::space::{Draw, Map};
use serde::{Deserialize, Serialize};

/// The number of a slot. A slot holds one state.
pub type Slot = usize;

/// The largest number of slots. It bounds the memory that a plan read from a file can request.
pub(crate) const MAX_SLOTS: usize = 4096;
/// The largest number of instructions. It bounds the memory that a plan read from a file can
/// request.
pub(crate) const MAX_OPS: usize = 1 << 20;

/// The largest relative precision that a plan may state: two digits. With less, no check means
/// anything.
const MOST_TOLERANCE: f64 = 0.01;

/// One instruction of a plan.
///
/// Version 1 of the plan format has exactly these three kinds.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::Op;
/// let plan = Request::new().sampler("ddim").steps(2).plan()?;
/// let kinds: Vec<&str> = plan.ops().iter().map(|op| match op {
///     Op::Eval { .. } => "eval",
///     Op::Combine { .. } => "combine",
///     Op::Map { .. } => "map",
/// }).collect();
/// assert_eq!(kinds, ["combine", "eval", "combine", "eval", "combine"]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// One network evaluation at a level of the plan's process.
    Eval {
        /// The slot of the state.
        from: Slot,
        /// The noise level of the state.
        level: Level,
        /// The outputs of the model, and the slots that receive them.
        out: Vec<Output>,
        /// The call of the network and the coefficients that turn its output into D. `None` if the
        /// model returns D itself.
        net: Option<Reading>,
    },
    /// A linear combination: slot ← Σ coefficient·slot + Σ coefficient·z(draw).
    Combine {
        /// The slot that is written.
        into: Slot,
        /// The terms, as (coefficient, slot).
        terms: Vec<(f64, Slot)>,
        /// The noise, as (coefficient, draw).
        noise: Vec<(f64, Draw)>,
    },
    /// An operation that is not linear: slot ← map(slots).
    Map {
        /// The operation.
        map: Map,
        /// The slots that are read.
        from: Vec<Slot>,
        /// The slot that is written.
        into: Slot,
    },
}

/// One output of an evaluation, and the slot that receives its D.
///
/// ```
/// use langevin::model::Branch;
/// use langevin::plan::Op;
/// use langevin::Request;
/// // Under guidance one evaluation has two outputs.
/// let plan = Request::new().guidance(2.0).steps(3).plan()?;
/// let Some(Op::Eval { out, .. }) = plan.ops().get(1) else { panic!("an evaluation") };
/// assert_eq!([out[0].branch, out[1].branch], [Branch::Main, Branch::Unconditional]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The branch of the model.
    pub branch: Branch,
    /// The slot that receives the D of this branch.
    pub into: Slot,
}

/// A slot that the caller fills before the first instruction.
///
/// ```
/// use langevin::{Request, sampler::Start};
/// let plan = Request::new().steps(10).start(4, Start::Image).plan()?;
/// assert_eq!(plan.inputs()[0].name, "image");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The name of the input, such as `init`, `image` or `mask`.
    pub name: String,
    /// The slot that holds the input.
    pub slot: Slot,
}

/// The letter of a move: forward, reverse or Langevin.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::Letter;
/// let plan = Request::new().moves("R R L R").plan()?;
/// let letters: Vec<Letter> = plan.moves().iter().map(|step| step.letter).collect();
/// assert_eq!(letters, [Letter::R, Letter::R, Letter::L, Letter::R]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Letter {
    /// Forward: towards noise.
    F,
    /// Reverse: towards data.
    R,
    /// Langevin: at a constant noise level.
    L,
}

/// An annotation that groups instructions into one move. Moves do not affect execution.
///
/// The lint checks every move against the marginal of the level at which it ends.
///
/// ```
/// use langevin::Request;
/// let plan = Request::new().sampler("ddim").eta(1.0).steps(3).plan()?;
/// let step = &plan.moves()[0];
/// assert_eq!((step.eta, step.ops), (Some(1.0), [1, 2]));
/// assert!(step.to.sigma_ve() < step.from.sigma_ve());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// The letter of the move.
    pub letter: Letter,
    /// The effective h/g of a reverse move. `None` if no single number describes it: for F, for L,
    /// and for a row that redraws all noise.
    #[serde(deserialize_with = "Option::deserialize")]
    pub eta: Option<f64>,
    /// The level at which the move starts.
    pub from: Level,
    /// The level at which the move ends.
    pub to: Level,
    /// The first and the last instruction. The last one writes the state after the move.
    pub ops: [usize; 2],
}

/// A sampler compiled to a table of instructions. See the [module](self).
///
/// ```
/// use langevin::{Grid, Process, Sampler};
/// let process = Process::rectified_flow();
/// let levels = Grid::karras(4).levels(&process, 0.002, 80.0)?;
/// let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?;
/// assert_eq!(plan.nfe(), 4);
/// assert!(plan.lint()?.is_clean());
/// println!("{plan}");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(crate) name: String,
    pub(crate) process: ProcessSpec,
    pub(crate) network: Option<FormulationSpec>,
    pub(crate) slots: usize,
    pub(crate) draws: Draw,
    pub(crate) result: Slot,
    pub(crate) inputs: Vec<Input>,
    pub(crate) ops: Vec<Op>,
    pub(crate) moves: Vec<Move>,
    pub(crate) origin: Option<Origin>,
}

/// The largest number of values of a probe.
const MOST_PROBES: usize = 16;

/// The origin of a plan whose coefficients were computed elsewhere, with their precision.
///
/// ```
/// use langevin::{Plan, Request, plan::Origin};
/// let mut parts = Request::new().steps(3).plan()?.into_parts();
/// let source = "a sampler in float32".to_owned();
/// parts.origin = Some(Origin { source, tolerance: 1e-6, tuning: None });
/// let plan = parts.plan()?;
/// assert_eq!(Plan::from_json(&plan.to_json())?.origin(), plan.origin());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// A description of the original.
    pub source: String,
    /// The relative precision of the coefficients, from 0 to 0.01. The lint and the comparison
    /// report no difference below it.
    pub tolerance: f64,
    /// The evidence for a tuned plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
}

/// The evidence that a plan fitted to a model is better than known plans.
///
/// Errors are root mean square distances from a fine solution from the same noise, on samples that
/// the fit has not seen.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::{Note, Origin, Tuning};
/// let tuning = Tuning {
///     model: "moons".to_owned(),
///     probe: vec![0.3, -0.1],
///     seeds: [0, 1],
///     samples: [128, 256],
///     known: "unipc on karras, 6 evaluations".to_owned(),
///     errors: [0.04, 0.05],
///     interval: [0.7, 1.1],
/// };
/// let mut parts = Request::new().steps(6).plan()?.into_parts();
/// let source = "a fit".to_owned();
/// parts.origin = Some(Origin { source, tolerance: 0.0, tuning: Some(tuning) });
/// // The interval of the ratio of the errors contains 1.
/// assert_eq!(parts.plan()?.lint()?.notes, [Note::Unproven([0.7, 1.1])]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// The name of the model.
    pub model: String,
    /// The first numbers of the model's D at σ/α = 1, for the noise of the first sample of seed 0,
    /// by which another model is recognised.
    pub probe: Vec<f64>,
    /// The seeds of the samples of the fit and of the test.
    pub seeds: [u64; 2],
    /// The numbers of samples of the fit and of the test.
    pub samples: [u64; 2],
    /// The best known plan.
    pub known: String,
    /// The errors of the tuned plan and of the best known one.
    pub errors: [f64; 2],
    /// The 95 % interval of the ratio of the errors.
    pub interval: [f64; 2],
}

/// The parts of a plan, which can be changed and put together again.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::{Note, Op};
/// // Half the noise at the start.
/// let mut parts = Request::new().plan()?.into_parts();
/// if let Op::Combine { noise, .. } = &mut parts.ops[0] {
///     noise[0].0 *= 0.5;
/// }
/// let plan = parts.plan()?;
/// // The lint notes that the start has another standard deviation than the marginal.
/// assert!(matches!(plan.lint()?.notes[..], [Note::Start { .. }]));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The name of the sampler.
    pub name: String,
    /// The process whose coordinates the states are in.
    pub process: ProcessSpec,
    /// The formulation of the network. `None` if the model returns D.
    pub network: Option<FormulationSpec>,
    /// The number of slots.
    pub slots: usize,
    /// The number of noise draws.
    pub draws: Draw,
    /// The slot of the result.
    pub result: Slot,
    /// The inputs that the caller fills.
    pub inputs: Vec<Input>,
    /// The instructions.
    pub ops: Vec<Op>,
    /// The moves.
    pub moves: Vec<Move>,
    /// The origin of the coefficients, if they were not computed here.
    pub origin: Option<Origin>,
}

impl Parts {
    /// Builds the plan from its parts.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin::plan::Op;
    /// let mut parts = Request::new().steps(2).plan()?.into_parts();
    /// parts.ops.insert(0, Op::Combine { into: 0, terms: vec![(1.0, 1)], noise: vec![] });
    /// let error = parts.plan().unwrap_err().to_string();
    /// assert!(error.contains("ops[0]"), "{error}");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error that names the instruction if a slot is read before it is written, if a
    /// number is out of range or not finite, or if a move does not fit its instructions.
    pub fn plan(self) -> Result<Plan> {
        let Self { name, process, network, slots, draws, result, inputs, ops, moves, origin } = self;
        let plan = Plan { name, process, network, slots, draws, result, inputs, ops, moves, origin };
        plan.validate()?;
        Ok(plan)
    }
}

impl Plan {
    /// Returns the parts of the plan.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = Request::new().steps(3).plan()?;
    /// let mut parts = plan.clone().into_parts();
    /// parts.name = "mine".to_owned();
    /// assert_eq!(parts.plan()?.name(), "mine");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn into_parts(self) -> Parts {
        let Self { name, process, network, slots, draws, result, inputs, ops, moves, origin } = self;
        Parts { name, process, network, slots, draws, result, inputs, ops, moves, origin }
    }

    /// Returns the origin of the coefficients, or `None` if they were computed in double precision
    /// by this crate.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Returns the relative precision of the coefficients that the origin states; 0 without an
    /// origin.
    ///
    /// ```
    /// assert_eq!(langevin::Request::new().plan()?.tolerance(), 0.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn tolerance(&self) -> f64 {
        self.origin.as_ref().map_or(0.0, |origin| origin.tolerance)
    }

    /// Returns the name of the sampler.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the process whose coordinates the states are in.
    #[must_use]
    pub fn process(&self) -> &ProcessSpec {
        &self.process
    }

    /// Returns the formulation of the network for which the plan is compiled, or `None` if the
    /// model returns D.
    #[must_use]
    pub fn network(&self) -> Option<&FormulationSpec> {
        self.network.as_ref()
    }

    /// Returns the number of network evaluations (NFE).
    ///
    /// An evaluation with two branches counts once.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = |sampler| Request::new().sampler(sampler).steps(10).plan();
    /// // Heun evaluates twice a step, but once in the last step, to σ = 0.
    /// assert_eq!((plan("euler")?.nfe(), plan("heun")?.nfe()), (10, 19));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn nfe(&self) -> usize {
        self.ops.iter().filter(|op| matches!(op, Op::Eval { .. })).count()
    }

    /// Returns the number of slots: the number of states that a run keeps in memory.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = |sampler| Request::new().sampler(sampler).steps(10).plan();
    /// // DPM-Solver++(2M) keeps one denoised prediction of the past.
    /// assert_eq!((plan("euler")?.slots(), plan("dpmpp-2m")?.slots()), (2, 3));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Returns the number of noise draws.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = |eta| Request::new().sampler("ddim").eta(eta).steps(5).plan();
    /// // The start is a draw. The last step, to clean data, needs no noise.
    /// assert_eq!((plan(0.0)?.draws(), plan(1.0)?.draws()), (1, 5));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn draws(&self) -> Draw {
        self.draws
    }

    /// Returns the slot of the result.
    #[must_use]
    pub fn result(&self) -> Slot {
        self.result
    }

    /// Returns the inputs that the caller fills.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = Request::new().sampler("repaint").steps(5).plan()?;
    /// let names: Vec<&str> = plan.inputs().iter().map(|input| input.name.as_str()).collect();
    /// assert_eq!(names, ["image", "mask"]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Returns the instructions.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin::plan::Op;
    /// let plan = Request::new().sampler("ddim").steps(5).plan()?;
    /// let rows = plan.ops().iter().filter(|op| matches!(op, Op::Combine { .. }));
    /// assert_eq!(rows.count(), 6); // the start, and one row per step
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Returns the moves, which describe the plan to readers and to the lint.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = Request::new().sampler("restart").plan()?;
    /// let word: String = plan.moves().iter().map(|step| format!("{:?}", step.letter)).collect();
    /// assert_eq!(word.matches('F').count(), 3); // three restarts by default
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// Returns whether every instruction is linear in the states, that is, whether the plan has no
    /// map.
    ///
    /// ```
    /// use langevin::{Map, Request};
    /// assert!(Request::new().plan()?.is_linear());
    /// assert!(!Request::new().map(Map::clamp(-1.0, 1.0)?).plan()?.is_linear());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn is_linear(&self) -> bool {
        !self.ops.iter().any(|op| matches!(op, Op::Map { .. }))
    }

    /// Returns the plan without its clamps and thresholds.
    ///
    /// It does what the plan does when D is within its bounds. The lint and the analysis read a
    /// clipped plan in this form.
    ///
    /// ```
    /// use langevin::{Grid, Map, Process, Sampler};
    /// let process = Process::vp();
    /// let levels = Grid::karras(5).levels(&process, 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).on(&process, &levels).map(Map::clamp(-1.0, 1.0)?).compile()?;
    /// assert!(!plan.is_linear() && plan.unclipped().lint()?.is_clean());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn unclipped(&self) -> Self {
        let mut plan = self.clone();
        for op in &mut plan.ops {
            if let Op::Map { map: Map::Clamp { .. } | Map::Threshold { .. }, from, into } = op {
                *op = Op::Combine { into: *into, terms: vec![(1.0, from[0])], noise: vec![] };
            }
        }
        plan
    }

    /// Checks the parameters of the process and of the network. A custom process cannot be built
    /// here, so it is left to the program that defines it.
    fn validate_specs(&self) -> Result<()> {
        let custom = |spec: &ProcessSpec| matches!(spec, ProcessSpec::Custom { .. });
        if !custom(&self.process) {
            Process::from_spec(&self.process)?;
        }
        if let Some(network) = self.network.as_ref().filter(|network| !custom(&network.process)) {
            Formulation::from_spec(network)?;
        }
        Ok(())
    }

    /// Checks everything that running relies on: sizes, slot numbers, draw numbers, finite
    /// coefficients, and that no slot is read before it is written.
    pub(crate) fn validate(&self) -> Result<()> {
        let bad = |place: String, expected: &str, got: String| {
            Err(Error::format("bad plan").at(place).expected(expected.to_owned()).got(got))
        };
        if self.slots > MAX_SLOTS {
            return bad("slots".into(), &format!("at most {MAX_SLOTS}"), self.slots.to_string());
        }
        if self.ops.len() > MAX_OPS {
            return bad("ops".into(), &format!("at most {MAX_OPS}"), self.ops.len().to_string());
        }
        self.validate_specs()?;
        if let Some(origin) = self.origin.as_ref().filter(|origin| !(0.0..=MOST_TOLERANCE).contains(&origin.tolerance))
        {
            return bad(
                "origin.tolerance".into(),
                &format!("from 0 to {MOST_TOLERANCE}"),
                origin.tolerance.to_string(),
            );
        }
        if let Some(tuning) = self.origin.as_ref().and_then(|origin| origin.tuning.as_ref()) {
            let ([low, high], numbers) = (tuning.interval, tuning.errors.iter().chain(&tuning.interval));
            if tuning.probe.len() > MOST_PROBES || numbers.chain(&tuning.probe).any(|x| !x.is_finite()) {
                let expected = format!("finite numbers, and at most {MOST_PROBES} of the probe");
                return bad("origin.tuning".into(), &expected, format!("{tuning:?}"));
            }
            if !(0.0 <= low && low <= high) {
                return bad("origin.tuning.interval".into(), "two rising numbers", format!("[{low}, {high}]"));
            }
        }
        let mut written = vec![false; self.slots];
        for input in &self.inputs {
            match written.get_mut(input.slot) {
                Some(true) => {
                    return bad(format!("input '{}'", input.name), "a slot of its own", input.slot.to_string());
                }
                Some(slot) => *slot = true,
                None => return bad(format!("input '{}'", input.name), "a slot below `slots`", input.slot.to_string()),
            }
        }
        let words = |level: &Level| format!("t = {}, α = {}, σ = {}", level.time, level.alpha, level.sigma);
        let finite = |level: &Level| {
            level.time.is_finite()
                && (0.0..f64::INFINITY).contains(&level.alpha)
                && (0.0..f64::INFINITY).contains(&level.sigma)
        };
        for (index, op) in self.ops.iter().enumerate() {
            let place = |part: &str| format!("ops[{index}].{part}");
            let read = |part: &str, slot: Slot| match written.get(slot) {
                Some(true) => Ok(()),
                Some(false) => bad(place(part), "a slot that was written before", slot.to_string()),
                None => bad(place(part), "a slot below `slots`", slot.to_string()),
            };
            let targets: Vec<Slot> = match op {
                Op::Eval { from, level, out, net } => {
                    read("from", *from)?;
                    if !finite(level) {
                        return bad(place("time"), "a finite time and α, σ ≥ 0", words(level));
                    }
                    if net.is_some() != self.network.is_some() {
                        let expected =
                            if self.network.is_some() { "how to read the network" } else { "null, as `network` is" };
                        return bad(place("net"), expected, if net.is_some() { "numbers" } else { "null" }.into());
                    }
                    if let Some(net) = net.filter(|n| ![n.scale, n.time, n.a, n.b].iter().all(|v| v.is_finite())) {
                        let got = format!("scale {}, time {}, a {}, b {}", net.scale, net.time, net.a, net.b);
                        return bad(place("net"), "finite numbers", got);
                    }
                    if out.len() > 1 && out.iter().any(|output| output.into == *from) {
                        return bad(place("out"), "several outputs in other slots than the input's", from.to_string());
                    }
                    if out.is_empty() {
                        return bad(place("out"), "at least one output", "none".into());
                    }
                    out.iter().map(|output| output.into).collect()
                }
                Op::Combine { into, terms, noise } => {
                    if terms.is_empty() && noise.is_empty() {
                        return bad(place("terms"), "at least one term or draw", "none".into());
                    }
                    for (coef, slot) in terms {
                        read("terms", *slot)?;
                        if !coef.is_finite() {
                            return bad(place("terms"), "finite coefficients", coef.to_string());
                        }
                    }
                    for (coef, draw) in noise {
                        if *draw >= self.draws {
                            return bad(place("noise"), "a draw below `draws`", draw.to_string());
                        }
                        if !coef.is_finite() {
                            return bad(place("noise"), "finite coefficients", coef.to_string());
                        }
                    }
                    vec![*into]
                }
                Op::Map { map, from, into } => {
                    from.iter().try_for_each(|slot| read("from", *slot))?;
                    if from.is_empty() || map.arity().is_some_and(|arity| arity != from.len()) {
                        return bad(place("from"), "as many slots as the map takes", from.len().to_string());
                    }
                    vec![*into]
                }
            };
            for into in targets {
                match written.get_mut(into) {
                    Some(slot) => *slot = true,
                    None => return bad(place("into"), "a slot below `slots`", into.to_string()),
                }
            }
        }
        if written.get(self.result) != Some(&true) {
            return bad("result".into(), "a slot that is written", self.result.to_string());
        }
        if self.moves.len() > self.ops.len() {
            return bad("moves".into(), "no more moves than instructions", self.moves.len().to_string());
        }
        for (index, note) in self.moves.iter().enumerate() {
            let [first, last] = note.ops;
            let writes = self.ops.get(last).is_some_and(|op| !matches!(op, Op::Eval { .. }));
            let sound = first <= last && writes && note.eta.is_none_or(f64::is_finite);
            if !sound || !finite(&note.from) || !finite(&note.to) {
                return bad(
                    format!("moves[{index}]"),
                    "finite levels, and instructions that exist, the last of which writes the state",
                    format!(
                        "instructions {first} to {last} from {} to {}, h/g {}",
                        words(&note.from),
                        words(&note.to),
                        note.eta.map_or_else(|| "none".to_owned(), |eta| eta.to_string())
                    ),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
