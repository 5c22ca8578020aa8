//! Samplers as data: five instructions and their numbers.
//!
//! A plan works on numbered *slots*. A slot holds *tokens*, d letters a row, or *beliefs*, a list
//! of numbers for each token. Every random choice has a *draw*, a number that addresses its
//! uniforms, so a sample is a function of (seed, index) alone.
//!
//! | instruction | effect |
//! |---|---|
//! | [`fill`](Op::Fill) | writes the mask into every token, or draws every token from π |
//! | [`eval`](Op::Eval) | evaluates the network: beliefs D, the leave-one-out denoiser |
//! | [`blend`](Op::Blend) | adds beliefs and reads the sum as a posterior, a conditional law or rates |
//! | [`draw`](Op::Draw) | draws one letter a token from beliefs |
//! | [`jump`](Op::Jump) | moves every token by a [`Jump`], or along rates |
//! | [`select`](Op::Select) | takes the letters of one slot at some tokens and of another at the rest |
//!
//! ```
//! use langevin_discrete::{Noise, StateSpace, sampler};
//! let space = StateSpace::new(Noise::Masked, 27, 12)?;
//! let plan = sampler::ancestral(&space, &sampler::even(4))?;
//! assert_eq!((plan.nfe(), plan.ops().len()), (4, 13));
//! # Ok::<(), langevin::Error>(())
//! ```

mod compare;
mod draft;
mod json;
mod law;
mod lint;
mod run;
mod select;
mod table;

pub use compare::{Comparison, Difference, compare, compare_on};
pub use draft::{Beliefs, Draft, Tokens};
pub use law::Law;
pub(crate) use law::index;
pub use lint::{Finding, Lint, Rule};
pub use run::{Kept, Run, State};
pub(crate) use select::{entropy, scores, taken};

use crate::denoiser::Parameterization;
use crate::moves::Jump;
use crate::space::{Letter, StateSpace};
use langevin::model::Branch;
use langevin::{Error, Result};

/// Number of a slot.
pub type Slot = usize;
/// Number of a draw: the address of one uniform for each token.
pub type Draw = u32;

/// One instruction.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Op {
    /// Fills every token: the start of a sampler.
    Fill {
        /// Slot that receives the tokens.
        into: Slot,
        /// Content of the tokens.
        with: Filling,
    },
    /// Evaluates the network once for each output.
    Eval {
        /// Slot of the tokens.
        from: Slot,
        /// Survival at which the network is evaluated.
        alpha: f64,
        /// Slots that receive beliefs, each with the branch of the network.
        out: Vec<Output>,
        /// Parameterization of the network; `None` for a plan of any network.
        net: Option<Parameterization>,
    },
    /// Adds beliefs and reads the sum.
    Blend {
        /// Slot that receives beliefs.
        into: Slot,
        /// Coefficients and slots of the beliefs.
        terms: Vec<(f64, Slot)>,
        /// Kind of the sum; negative sums become 0.
        how: How,
        /// Reading of the sum.
        read: Read,
        /// Changes of the shape of the distributions.
        shape: Shape,
    },
    /// Draws one letter for each token.
    Draw {
        /// Slot that receives the tokens.
        into: Slot,
        /// Slot of the beliefs.
        from: Slot,
        /// Uniforms.
        draw: Draw,
    },
    /// Moves every token once.
    Jump {
        /// Slot that receives the tokens.
        into: Slot,
        /// Slot of the tokens before the step.
        from: Slot,
        /// The step.
        step: Step,
        /// Uniforms.
        draw: Draw,
    },
    /// Takes some tokens of `yes` and the other tokens of `no`.
    ///
    /// Candidates are the masked tokens of `no` under masked noise, and all tokens otherwise.
    Select {
        /// Slot that receives the tokens.
        into: Slot,
        /// Tokens that selected places receive.
        yes: Slot,
        /// Tokens of all other places.
        no: Slot,
        /// Order of the candidates.
        by: By,
        /// Number of candidates that are taken, the first ones of the order.
        take: Take,
        /// Range of places, first and one past the last; `None` for the whole sequence.
        among: Option<[usize; 2]>,
        /// Temperature and draw of Gumbel noise on the scores of the order.
        noise: Option<(f64, Draw)>,
    },
}

/// Content of a [`fill`](Op::Fill).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filling {
    /// One letter, such as the mask.
    Letter(Letter),
    /// Letters drawn from π with these uniforms.
    Prior(Draw),
}

/// Output of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Branch of the network: conditional or unconditional.
    pub branch: Branch,
    /// Slot that receives the beliefs.
    pub into: Slot,
}

/// Kind of sum of a blend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum How {
    /// Σ c B.
    #[default]
    Linear,
    /// exp(Σ c ln B), normalised: guidance.
    Log,
}

/// Reading of the sum of a blend.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Read {
    /// The sum, unchanged.
    #[default]
    Plain,
    /// The posterior of the clean token, given the letters of slot `x`.
    Posterior {
        /// Slot of the tokens.
        x: Slot,
        /// Survival.
        alpha: f64,
    },
    /// The law of the noised token given all others.
    Conditional {
        /// Survival.
        alpha: f64,
    },
    /// The rates of split `eta`, for each letter that a noised token can have.
    Rates {
        /// Slot of the tokens.
        x: Slot,
        /// Survival.
        alpha: f64,
        /// h/g: 0 for the fewest jumps, 1 for the time reversal.
        eta: f64,
    },
}

/// Changes of the shape of distributions, applied in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Shape {
    /// Temperature T: probabilities to the power 1/T.
    pub temperature: Option<f64>,
    /// Only the k most probable letters are kept.
    pub top_k: Option<usize>,
    /// Only the most probable letters up to this total probability are kept.
    pub top_p: Option<f64>,
}

/// The step of a jump.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Four numbers, at survival `alpha`, with clean letters drawn from the posterior.
    Numbers {
        /// Slot of the clean letters.
        clean: Slot,
        /// Survival before the step.
        alpha: f64,
        /// The probabilities.
        jump: Jump,
    },
    /// Along rates: a token whose rates have the sum Λ jumps with probability 1 − e^(−hΛ).
    Rates {
        /// Slot of the rates.
        rates: Slot,
        /// Length h of the step.
        length: f64,
    },
}

/// Order of the candidates of a selection.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum By {
    /// A random order, drawn anew.
    Random(Draw),
    /// A fixed order: the place that comes first, the place that comes second, and so on.
    Order(Vec<u32>),
    /// Smallest entropy of the belief first.
    Entropy(Slot),
    /// Largest distance between the two most probable letters first.
    Margin(Slot),
    /// Largest probability of the letter in `yes` first. This order looks at the drawn letter, so
    /// it biases the samples at any number of evaluations.
    Confidence(Slot),
}

impl By {
    /// Names of the orders, in the order of the variants.
    pub const NAMES: [&'static str; 5] = ["random", "order", "entropy", "margin", "confidence"];

    /// Returns the name of the order.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Self::NAMES[match self {
            Self::Random(_) => 0,
            Self::Order(_) => 1,
            Self::Entropy(_) => 2,
            Self::Margin(_) => 3,
            Self::Confidence(_) => 4,
        }]
    }

    /// Returns the slot of the beliefs that the order looks at.
    #[must_use]
    pub fn belief(&self) -> Option<Slot> {
        match self {
            Self::Random(_) | Self::Order(_) => None,
            Self::Entropy(slot) | Self::Margin(slot) | Self::Confidence(slot) => Some(*slot),
        }
    }
}

/// Number of candidates that a selection takes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Take {
    /// This many, or all that are left.
    Count(usize),
    /// The largest number that keeps the sum of the entropies of all but the last within this
    /// bound, in nats.
    Bound(f64),
    /// All whose drawn letter has at least this probability, and the first one in any case.
    Above(f64),
}

/// A sampler as a list of instructions.
///
/// See the [module](self) for the instructions and [`sampler`](crate::sampler) for known plans.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    name: String,
    space: StateSpace,
    kinds: Vec<Kind>,
    draws: Draw,
    result: Slot,
    ops: Vec<Op>,
}

/// Kind of the content of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Tokens.
    Tokens,
    /// Beliefs of V numbers for each token.
    Clean,
    /// Beliefs of one number for each letter that a noised token can have.
    Noised,
}

impl Plan {
    /// Returns the plan of these parts, checked.
    pub(crate) fn new(name: String, space: StateSpace, slots: usize, result: Slot, ops: Vec<Op>) -> Result<Self> {
        let (kinds, draws) = checked(&space, slots, result, &ops)?;
        Ok(Self { name, space, kinds, draws, result, ops })
    }

    /// Returns the name of the sampler.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the plan with another name.
    pub(crate) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// Returns the space of the sequences.
    #[must_use]
    pub fn space(&self) -> &StateSpace {
        &self.space
    }

    /// Returns the instructions.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Returns the number of slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.kinds.len()
    }

    /// Returns the number of draws.
    #[must_use]
    pub fn draws(&self) -> Draw {
        self.draws
    }

    /// Returns the slot of the samples.
    #[must_use]
    pub fn result(&self) -> Slot {
        self.result
    }

    /// Checks that every mass of a jump is a probability, which running relies on.
    pub(crate) fn check_masses(&self) -> Result<()> {
        for (number, op) in self.ops.iter().enumerate() {
            let Op::Jump { step: Step::Numbers { jump, .. }, .. } = op else { continue };
            if let Some((name, mass)) = jump.masses().into_iter().find(|(_, mass)| !(-1e-9..=1.0 + 1e-9).contains(mass))
            {
                return Err(Error::argument("a mass of the plan is no probability")
                    .at(format!("ops[{number}], {name}"))
                    .expected("0 to 1")
                    .got(mass.to_string()));
            }
        }
        Ok(())
    }

    /// Returns the number of network evaluations.
    #[must_use]
    pub fn nfe(&self) -> usize {
        let count = |op: &Op| if let Op::Eval { out, .. } = op { out.len() } else { 0 };
        self.ops.iter().map(count).sum()
    }
}

impl Op {
    /// Returns the name of the instruction.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fill { .. } => "fill",
            Self::Eval { .. } => "eval",
            Self::Blend { .. } => "blend",
            Self::Draw { .. } => "draw",
            Self::Jump { .. } => "jump",
            Self::Select { .. } => "select",
        }
    }

    /// Returns the slots that the instruction reads.
    pub(crate) fn reads(&self) -> Vec<Slot> {
        match self {
            Self::Fill { .. } => vec![],
            Self::Eval { from, .. } | Self::Draw { from, .. } => vec![*from],
            Self::Blend { terms, read, .. } => {
                let x = match read {
                    Read::Posterior { x, .. } | Read::Rates { x, .. } => Some(*x),
                    Read::Plain | Read::Conditional { .. } => None,
                };
                terms.iter().map(|(_, slot)| *slot).chain(x).collect()
            }
            Self::Jump { from, step, .. } => match step {
                Step::Numbers { clean, .. } => vec![*from, *clean],
                Step::Rates { rates, .. } => vec![*from, *rates],
            },
            Self::Select { yes, no, by, .. } => [*yes, *no].into_iter().chain(by.belief()).collect(),
        }
    }

    /// Returns the slots that the instruction writes.
    pub(crate) fn writes(&self) -> Vec<Slot> {
        match self {
            Self::Eval { out, .. } => out.iter().map(|out| out.into).collect(),
            Self::Fill { into, .. }
            | Self::Blend { into, .. }
            | Self::Draw { into, .. }
            | Self::Jump { into, .. }
            | Self::Select { into, .. } => vec![*into],
        }
    }

    /// Calls `change` on every slot of the instruction: those that are read, then those that are
    /// written.
    pub(crate) fn each_slot(&mut self, mut read: impl FnMut(&mut Slot), mut write: impl FnMut(&mut Slot)) {
        match self {
            Self::Fill { into, .. } => write(into),
            Self::Eval { from, out, .. } => {
                read(from);
                out.iter_mut().for_each(|out| write(&mut out.into));
            }
            Self::Blend { into, terms, read: reading, .. } => {
                terms.iter_mut().for_each(|(_, slot)| read(slot));
                if let Read::Posterior { x, .. } | Read::Rates { x, .. } = reading {
                    read(x);
                }
                write(into);
            }
            Self::Draw { into, from, .. } => {
                read(from);
                write(into);
            }
            Self::Jump { into, from, step, .. } => {
                read(from);
                match step {
                    Step::Numbers { clean, .. } => read(clean),
                    Step::Rates { rates, .. } => read(rates),
                }
                write(into);
            }
            Self::Select { into, yes, no, by, .. } => {
                read(yes);
                read(no);
                if let By::Entropy(slot) | By::Margin(slot) | By::Confidence(slot) = by {
                    read(slot);
                }
                write(into);
            }
        }
    }

    /// Calls `change` on every draw of the instruction.
    pub(crate) fn each_draw(&mut self, mut change: impl FnMut(&mut Draw)) {
        match self {
            Self::Fill { with: Filling::Prior(draw), .. } | Self::Draw { draw, .. } | Self::Jump { draw, .. } => {
                change(draw);
            }
            Self::Select { by, noise, .. } => {
                if let By::Random(draw) = by {
                    change(draw);
                }
                if let Some((_, draw)) = noise {
                    change(draw);
                }
            }
            Self::Fill { .. } | Self::Eval { .. } | Self::Blend { .. } => {}
        }
    }

    /// Returns the draws that the instruction uses.
    pub(crate) fn uses(&self) -> Vec<Draw> {
        let mut draws = Vec::new();
        self.clone().each_draw(|draw| draws.push(*draw));
        draws
    }
}

/// Largest number of instructions, slots and draws of a plan.
const MOST: usize = 1 << 20;

/// Checks everything that running relies on, and returns the kind of each slot and the number of
/// draws.
fn checked(space: &StateSpace, slots: usize, result: Slot, ops: &[Op]) -> Result<(Vec<Kind>, Draw)> {
    let too_many = |name: &str, count: usize| {
        Err(Error::format("the plan is too large").at(name).expected(format!("at most {MOST}")).got(count.to_string()))
    };
    if slots > MOST {
        return too_many("slots", slots);
    }
    if ops.len() > MOST {
        return too_many("ops", ops.len());
    }
    let mut kinds: Vec<Option<Kind>> = vec![None; slots];
    let mut draws: Draw = 0;
    for (number, op) in ops.iter().enumerate() {
        let fail = |error: Error| error.at(format!("ops[{number}], {}", op.name()));
        check_numbers(space, op).map_err(fail)?;
        let missing = |slot: Slot| {
            Error::format("the instruction reads a slot that nothing was written to")
                .expected(format!("a slot written before, below {slots}"))
                .got(slot.to_string())
        };
        let known: Vec<Kind> = op
            .reads()
            .into_iter()
            .map(|slot| kinds.get(slot).copied().flatten().ok_or_else(|| fail(missing(slot))))
            .collect::<Result<_>>()?;
        let kind = result_kind(op, &known).map_err(fail)?;
        for slot in op.writes() {
            match kinds.get_mut(slot) {
                Some(own) if own.is_none_or(|own| own == kind) => *own = Some(kind),
                Some(_) => {
                    return Err(fail(
                        Error::format("a slot holds tokens or beliefs, never both").got(format!("slot {slot}")),
                    ));
                }
                None => {
                    return Err(fail(
                        Error::format("no such slot").expected(format!("a slot below {slots}")).got(slot.to_string()),
                    ));
                }
            }
        }
        for draw in op.uses() {
            if draw as usize >= MOST {
                return too_many("draws", draw as usize).map_err(fail);
            }
            draws = draws.max(draw + 1);
        }
    }
    if kinds.get(result).copied().flatten() != Some(Kind::Tokens) {
        return Err(Error::format("the result is no tokens").at("result").got(result.to_string()));
    }
    Ok((kinds.into_iter().map(|kind| kind.unwrap_or(Kind::Tokens)).collect(), draws))
}

/// Returns the kind of what the instruction writes, from the kinds of what it reads.
fn result_kind(op: &Op, known: &[Kind]) -> Result<Kind> {
    let want = |place: usize, kinds: &[Kind], what: &str| match kinds.contains(&known[place]) {
        true => Ok(()),
        false => Err(Error::format("the instruction reads a slot of another kind")
            .expected(what)
            .got(format!("slot {}", op.reads()[place]))),
    };
    let beliefs = [Kind::Clean, Kind::Noised];
    match op {
        Op::Fill { .. } => Ok(Kind::Tokens),
        Op::Eval { .. } => want(0, &[Kind::Tokens], "tokens").map(|()| Kind::Clean),
        Op::Blend { terms, read, .. } => {
            for place in 0..terms.len() {
                want(place, &beliefs, "beliefs")?;
                want(place, &known[..1], "beliefs of one size")?;
            }
            if *read != Read::Plain {
                want(0, &[Kind::Clean], "beliefs of clean letters")?;
            }
            if known.len() > terms.len() {
                want(terms.len(), &[Kind::Tokens], "tokens")?;
            }
            Ok(match read {
                Read::Plain => known[0],
                Read::Posterior { .. } => Kind::Clean,
                Read::Conditional { .. } | Read::Rates { .. } => Kind::Noised,
            })
        }
        Op::Draw { .. } => want(0, &beliefs, "beliefs").map(|()| Kind::Tokens),
        Op::Jump { step, .. } => {
            want(0, &[Kind::Tokens], "tokens")?;
            match step {
                Step::Numbers { .. } => want(1, &[Kind::Tokens], "tokens")?,
                Step::Rates { .. } => want(1, &[Kind::Noised], "rates")?,
            }
            Ok(Kind::Tokens)
        }
        Op::Select { by, .. } => {
            want(0, &[Kind::Tokens], "tokens")?;
            want(1, &[Kind::Tokens], "tokens")?;
            if by.belief().is_some() {
                want(2, &[Kind::Clean], "beliefs of clean letters")?;
            }
            Ok(Kind::Tokens)
        }
    }
}

/// Checks the numbers of an instruction.
fn check_numbers(space: &StateSpace, op: &Op) -> Result<()> {
    let within = |name: &str, value: f64, low: f64, high: f64| match (low..=high).contains(&value) {
        true => Ok(()),
        false => {
            Err(Error::format("bad number").expected(format!("{name} from {low} to {high}")).got(value.to_string()))
        }
    };
    let survival = |alpha: f64| within("alpha", alpha, 0.0, 1.0);
    match op {
        Op::Fill { with: Filling::Letter(letter), .. } => {
            within("a letter", f64::from(*letter), 0.0, space.letters() as f64 - 1.0)
        }
        Op::Fill { .. } | Op::Draw { .. } => Ok(()),
        Op::Eval { alpha, out, .. } => {
            survival(*alpha)?;
            if out.is_empty() {
                return Err(Error::format("the evaluation has no output").expected("at least one"));
            }
            Ok(())
        }
        Op::Blend { terms, read, shape, .. } => {
            if terms.is_empty() || terms.iter().any(|(c, _)| !c.is_finite()) {
                return Err(Error::format("bad terms").expected("one term or more, with finite coefficients"));
            }
            match read {
                Read::Plain => {}
                Read::Posterior { alpha, .. } | Read::Conditional { alpha } => survival(*alpha)?,
                Read::Rates { alpha, eta, .. } => {
                    survival(*alpha)?;
                    within("eta", *eta, 0.0, 1e6)?;
                }
            }
            shape.temperature.map_or(Ok(()), |t| within("temperature", t, 1e-6, 1e6))?;
            shape.top_k.map_or(Ok(()), |k| within("top_k", k as f64, 1.0, MOST as f64))?;
            shape.top_p.map_or(Ok(()), |p| within("top_p", p, 1e-12, 1.0))
        }
        Op::Jump { step: Step::Numbers { alpha, jump, .. }, .. } => {
            survival(*alpha)?;
            // Numbers outside 0 to 1 are for the lint to name. Such a plan cannot be run.
            [jump.remask, jump.unmask, jump.keep]
                .into_iter()
                .try_for_each(|mass| within("a finite mass", mass, f64::MIN, f64::MAX))
        }
        Op::Jump { step: Step::Rates { length, .. }, .. } => within("length", *length, 0.0, f64::MAX),
        Op::Select { by, take, among, noise, .. } => {
            let length = space.length();
            if let Some([first, end]) = among
                && (first >= end || *end > length)
            {
                return Err(Error::format("bad range of places")
                    .expected(format!("first < end ≤ {length}"))
                    .got(format!("{first} to {end}")));
            }
            if let By::Order(order) = by {
                let mut seen = vec![false; length];
                let fresh =
                    |place: &u32| seen.get_mut(*place as usize).is_some_and(|seen| !std::mem::replace(seen, true));
                if order.len() != length || !order.iter().all(fresh) {
                    return Err(Error::format("the order is no permutation of the places")
                        .expected(format!("each place from 0 to {} once", length - 1))
                        .got(format!("{} places", order.len())));
                }
            }
            if let Some((temperature, _)) = noise {
                within("temperature", *temperature, 0.0, 1e6)?;
            }
            match take {
                Take::Count(_) => Ok(()),
                Take::Bound(bound) => within("bound", *bound, 0.0, f64::MAX),
                Take::Above(above) => within("above", *above, 0.0, 1.0),
            }
        }
    }
}
