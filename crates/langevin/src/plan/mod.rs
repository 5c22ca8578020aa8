//! A sampler is a table: the [`Plan`].
//!
//! Three instructions over numbered slots, with `f64` coefficients, are enough for every static sampler:
//!
//! - [`Op::Eval`]: one evaluation of the network, read as the denoised prediction, $D = A x + B \mathrm{out}(s x, m)$;
//! - [`Op::Combine`]: a linear combination of slots and of noise draws; multiply, then add, in the listed order;
//! - [`Op::Map`]: the few operations that are not linear (clamping, thresholds, masks).
//!
//! A plan without maps is linear, so it can be [unrolled](Plan::unroll) into weights over every D and every draw, [linted](Plan::lint),
//! analysed (`langevin-analysis`) and [compared](compare) exactly.
//! [`Plan::start`] runs it step by step with control in the caller's hands; [`Plan::run`] is that loop.

mod builder;
mod compare;
mod fit;
mod json;
mod lint;
mod run;
mod sampling;
mod table;
mod unroll;

pub use builder::{Builder, NetworkCall, Var};
pub use compare::{Comparison, Mismatch, Place, Source, compare};
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

/// The number of a slot, where one state is kept.
pub type Slot = usize;

/// Limits on a plan, so that a document from outside cannot make us allocate without bound.
pub(crate) const MAX_SLOTS: usize = 4096;
pub(crate) const MAX_OPS: usize = 1 << 20;

/// One instruction. There are these three, and version 1 of the plan format has no other.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// One network evaluation at a level of the plan's process.
    Eval {
        /// The slot of the state.
        from: Slot,
        /// Where the state stands.
        level: Level,
        /// Which outputs go where.
        out: Vec<Output>,
        /// How to call the network and read D; `None`: D itself is supplied.
        net: Option<Reading>,
    },
    /// slot ← Σ coefficient·slot + Σ coefficient·z(draw).
    Combine {
        /// The slot written.
        into: Slot,
        /// (coefficient, slot).
        terms: Vec<(f64, Slot)>,
        /// (coefficient, draw).
        noise: Vec<(f64, Draw)>,
    },
    /// slot ← map(slots).
    Map {
        /// The operation.
        map: Map,
        /// The slots read.
        from: Vec<Slot>,
        /// The slot written.
        into: Slot,
    },
}

/// Where one output of an evaluation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Which output of the model.
    pub branch: Branch,
    /// The slot that receives its D.
    pub into: Slot,
}

/// A slot that the caller fills before the first instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// The slot.
    pub slot: Slot,
}

/// The letter of a move: one of the three halves of the triangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Letter {
    /// Forward: towards noise.
    F,
    /// Reverse: towards data.
    R,
    /// Langevin: at a frozen level.
    L,
}

/// An annotation: which instructions make up which move. It changes nothing in the execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// F, R or L.
    pub letter: Letter,
    /// The effective h/g of a reverse move; `None` where no single number says it (F and L, and a fresh redraw).
    #[serde(deserialize_with = "Option::deserialize")]
    pub eta: Option<f64>,
    /// Where it starts.
    pub from: Level,
    /// Where it ends.
    pub to: Level,
    /// The first and the last instruction. The state after the move is in the slot that the last one writes.
    pub ops: [usize; 2],
}

/// A sampler compiled to a table. See the [module](self).
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
}

/// The parts of a plan, to be changed and put together again.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::Op;
/// // Half the noise at the start.
/// let mut parts = Request::new().plan()?.into_parts();
/// if let Op::Combine { noise, .. } = &mut parts.ops[0] {
///     noise[0].0 *= 0.5;
/// }
/// let plan = parts.plan()?;
/// assert!(!plan.lint()?.is_clean() || !plan.lint()?.notes.is_empty());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The sampler's name.
    pub name: String,
    /// The process in whose coordinates the states are.
    pub process: ProcessSpec,
    /// The network that the plan is for; `None`: it is handed D.
    pub network: Option<FormulationSpec>,
    /// The number of slots.
    pub slots: usize,
    /// The number of noise draws.
    pub draws: Draw,
    /// The slot of the result.
    pub result: Slot,
    /// The slots that the caller fills.
    pub inputs: Vec<Input>,
    /// The instructions.
    pub ops: Vec<Op>,
    /// The moves.
    pub moves: Vec<Move>,
}

impl Parts {
    /// Puts the plan together.
    ///
    /// # Errors
    /// Returns an error that names the instruction, if a slot is read before it is written, a number is out of range or not
    /// finite, or a move does not fit its instructions.
    pub fn plan(self) -> Result<Plan> {
        let Self { name, process, network, slots, draws, result, inputs, ops, moves } = self;
        let plan = Plan { name, process, network, slots, draws, result, inputs, ops, moves };
        plan.validate()?;
        Ok(plan)
    }
}

impl Plan {
    /// Takes the plan apart.
    #[must_use]
    pub fn into_parts(self) -> Parts {
        let Self { name, process, network, slots, draws, result, inputs, ops, moves } = self;
        Parts { name, process, network, slots, draws, result, inputs, ops, moves }
    }

    /// The sampler's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process in whose coordinates the states are.
    #[must_use]
    pub fn process(&self) -> &ProcessSpec {
        &self.process
    }

    /// The network that it is compiled for; `None`: it is handed D.
    #[must_use]
    pub fn network(&self) -> Option<&FormulationSpec> {
        self.network.as_ref()
    }

    /// The number of network evaluations.
    #[must_use]
    pub fn nfe(&self) -> usize {
        self.ops.iter().filter(|op| matches!(op, Op::Eval { .. })).count()
    }

    /// The number of slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// The number of noise draws.
    #[must_use]
    pub fn draws(&self) -> Draw {
        self.draws
    }

    /// The slot of the result.
    #[must_use]
    pub fn result(&self) -> Slot {
        self.result
    }

    /// The slots the caller fills.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The instructions.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The moves, for people and for the lint.
    #[must_use]
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// Whether every instruction is linear in the states (there is no map).
    #[must_use]
    pub fn is_linear(&self) -> bool {
        !self.ops.iter().any(|op| matches!(op, Op::Map { .. }))
    }

    /// The plan with every clamp and threshold taken out: what it does where D is within its bounds. The lint and the analysis read a clipped plan so.
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

    /// Checks the parameters of the process and of the network; a custom process is for the program that has it.
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

    /// Checks everything that running relies on: sizes, slot and draw numbers, finite coefficients, and that nothing is read before it is written.
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
