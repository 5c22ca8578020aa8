//! Are two plans the same table?
//!
//! Two samplers of two processes do the same where, at matched λ, every state is the same linear combination of the same D and the same draws. States of two
//! processes differ by the factor $x_B = (\alpha_B/\alpha_A) x_A$, so both are divided by $\sqrt{\alpha^2+\sigma^2}$ of their level; D and the draws are in no
//! process's coordinates. What is left is a table of numbers, and two tables are compared number by number.

use super::lint::Start;
use super::{Op, Plan, Weights};
use crate::error::Result;
use crate::model::Branch;
use crate::process::Level;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

/// Weights this near are the same: a few thousand roundings of numbers of order one.
const SAME: f64 = 1e-12;

/// λ this near are the same level: the rounding of a change of clock.
const SAME_LAMBDA: f64 = 1e-9;

/// Why two plans have no tables to compare.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Mismatch {
    /// They evaluate the model a different number of times, each output counted.
    Evaluations(usize, usize),
    /// This evaluation asks for different branches.
    Branch(usize),
    /// This evaluation (`None`: the result) stands at different λ.
    Lambda(Option<usize>, f64, f64),
    /// They use a different number of draws.
    Draws(usize, usize),
    /// Their inputs have different names.
    Inputs,
    /// Only one of them has moves, which say where the result stands.
    Moves,
}

/// What a weight is of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The input of this name.
    Input(String),
    /// The D of this evaluation.
    Eval(usize),
    /// The draw used so many-th, counted from 0.
    Draw(usize),
}

/// One place of the table: which state, and the weight of what.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Place {
    /// The state that this evaluation sees; `None`: the result.
    pub query: Option<usize>,
    /// What the weight is of.
    pub source: Source,
    /// The two weights, in common coordinates.
    pub weights: (f64, f64),
}

/// How two plans differ: [`compare`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// What keeps them from being compared at all.
    pub mismatch: Option<Mismatch>,
    /// The largest difference between matched λ.
    pub lambda: f64,
    /// The largest difference between matched weights; infinite where they cannot be matched.
    pub difference: f64,
    /// Where that is, if there is any difference.
    pub place: Option<Place>,
}

impl Comparison {
    /// Whether no weight differs by more than `tolerance`.
    #[must_use]
    pub fn is_same(&self, tolerance: f64) -> bool {
        self.mismatch.is_none() && self.difference <= tolerance
    }
}

/// Compares what two linear plans do: the result, and the state that each evaluation sees, as weights over inputs, D and draws in coordinates common to all
/// processes.
///
/// Evaluations are matched in order, draws in the order of their first use, inputs by name. The names of the plans, the networks they are made for and the
/// numbering of slots play no part. The result stands where the last move ends; a plan without moves is compared as it is.
///
/// ```
/// use langevin::{Grid, Process, Sampler, plan::compare};
/// let plan = |name, process: Process| {
///     Sampler::parse(name, None)?.compile(&process, None, &Grid::karras(10).levels(&process, 0.002, 80.0)?)
/// };
/// // DDIM on VP is Euler on a flow.
/// let same = compare(&plan("ddim", Process::vp())?, &plan("euler", Process::rectified_flow())?)?;
/// assert!(same.is_same(1e-12));
/// assert!(same.to_string().starts_with("the same table"));
/// assert!(!compare(&plan("ddim", Process::vp())?, &plan("adams2", Process::vp())?)?.is_same(1e-3));
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// A plan with maps, or one too large to unroll. Plans that cannot be matched are no error: the answer says why.
pub fn compare(a: &Plan, b: &Plan) -> Result<Comparison> {
    let (a, b) = (Table::new(a)?, Table::new(b)?);
    let mut comparison = Comparison { mismatch: a.mismatch(&b), lambda: 0.0, difference: 0.0, place: None };
    if comparison.mismatch.is_some() {
        comparison.difference = f64::INFINITY;
        return Ok(comparison);
    }
    comparison.lambda = a.lambdas.iter().zip(&b.lambdas).map(|(a, b)| apart(*a, *b)).fold(0.0, f64::max);
    for (number, (x, y)) in a.rows.iter().zip(&b.rows).enumerate() {
        for ((x, y), source) in x.iter().zip(y).zip(&a.sources) {
            // What is not a number differs from everything.
            let difference = if (x - y).is_nan() { f64::INFINITY } else { (x - y).abs() };
            if difference > comparison.difference {
                let query = (number + 1 < a.rows.len()).then_some(number);
                comparison.difference = difference;
                comparison.place = Some(Place { query, source: source.clone(), weights: (*x, *y) });
            }
        }
    }
    Ok(comparison)
}

/// |λ_a − λ_b|, where two infinities are the same.
fn apart(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (a - b).abs() }
}

/// A plan as numbers in common coordinates.
struct Table {
    /// λ of each evaluation output, and of the result where a move says it.
    lambdas: Vec<f64>,
    branches: Vec<Branch>,
    /// What the columns are weights of: inputs by name, evaluations, draws in the order of their first use.
    sources: Vec<Source>,
    /// The state of each evaluation output, then the result.
    rows: Vec<Vec<f64>>,
}

impl Table {
    fn new(plan: &Plan) -> Result<Self> {
        let unrolled = plan.unroll()?;
        let norm = |level: &Level| (level.alpha * level.alpha + level.sigma * level.sigma).sqrt();
        let (mut levels, mut branches, mut draws) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for op in &plan.ops {
            match op {
                Op::Eval { level, out, .. } => {
                    levels.extend(out.iter().map(|_| *level));
                    branches.extend(out.iter().map(|output| output.branch));
                }
                Op::Combine { noise, .. } => {
                    draws.extend(noise.iter().map(|(_, draw)| *draw).filter(|draw| seen.insert(*draw)));
                }
                Op::Map { .. } => {}
            }
        }
        let first = plan.moves.iter().min_by_key(|note| note.ops[0]);
        let end = plan.moves.iter().max_by_key(|note| note.ops[1]).map(|note| note.to);
        // A noisy input is in the coordinates of its level; a datum is in nobody's.
        let unit = match first {
            Some(first) if !plan.inputs.is_empty() && !Start::new(plan, first)?.clean => norm(&first.from),
            _ => 1.0,
        };
        let mut inputs: Vec<usize> = (0..plan.inputs.len()).collect();
        inputs.sort_by_key(|index| &plan.inputs[*index].name);
        let row = |weights: &Weights, level: Option<&Level>| -> Vec<f64> {
            let norm = level.map_or(1.0, norm);
            let inputs = inputs.iter().map(|index| weights.inputs[*index] * unit);
            let draws = draws.iter().map(|draw| weights.draws[*draw as usize]);
            inputs.chain(weights.evals.iter().copied()).chain(draws).map(|weight| weight / norm).collect()
        };
        let mut rows: Vec<_> = unrolled.queries.iter().zip(&levels).map(|(x, level)| row(x, Some(level))).collect();
        rows.push(row(&unrolled.result, end.as_ref()));
        let sources = inputs.iter().map(|index| Source::Input(plan.inputs[*index].name.clone()));
        let sources = sources.chain((0..levels.len()).map(Source::Eval)).chain((0..draws.len()).map(Source::Draw));
        let lambdas = unrolled.lambdas.iter().copied().chain(end.map(|level| level.lambda())).collect();
        Ok(Self { lambdas, branches, sources: sources.collect(), rows })
    }

    fn mismatch(&self, other: &Self) -> Option<Mismatch> {
        let evals = |table: &Self| table.branches.len();
        let count = |table: &Self, what: fn(&Source) -> bool| table.sources.iter().filter(|x| what(x)).count();
        let draws = |table: &Self| count(table, |source| matches!(source, Source::Draw(_)));
        let inputs = |table: &Self| {
            let named = |source: &Source| matches!(source, Source::Input(_));
            table.sources.iter().filter(|source| named(source)).cloned().collect::<Vec<_>>()
        };
        if evals(self) != evals(other) {
            return Some(Mismatch::Evaluations(evals(self), evals(other)));
        }
        if let Some(index) = (0..evals(self)).find(|index| self.branches[*index] != other.branches[*index]) {
            return Some(Mismatch::Branch(index));
        }
        if self.lambdas.len() != other.lambdas.len() {
            return Some(Mismatch::Moves);
        }
        let pairs = self.lambdas.iter().zip(&other.lambdas).enumerate();
        for (index, (a, b)) in pairs {
            if apart(*a, *b).partial_cmp(&SAME_LAMBDA).is_none_or(Ordering::is_gt) {
                let place = (index < evals(self)).then_some(index);
                return Some(Mismatch::Lambda(place, *a, *b));
            }
        }
        if draws(self) != draws(other) {
            return Some(Mismatch::Draws(draws(self), draws(other)));
        }
        (inputs(self) != inputs(other)).then_some(Mismatch::Inputs)
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Evaluations(a, b) => write!(f, "{a} evaluations against {b}"),
            Mismatch::Branch(index) => write!(f, "evaluation {index} asks for different branches"),
            Mismatch::Lambda(Some(index), a, b) => write!(f, "evaluation {index} is at λ = {a} against {b}"),
            Mismatch::Lambda(None, a, b) => write!(f, "the result is at λ = {a} against {b}"),
            Mismatch::Draws(a, b) => write!(f, "{a} draws against {b}"),
            Mismatch::Inputs => write!(f, "the inputs have different names"),
            Mismatch::Moves => write!(f, "only one has moves"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Input(name) => write!(f, "the weight of input '{name}'")?,
            Source::Eval(index) => write!(f, "the weight of D{index}")?,
            Source::Draw(index) => write!(f, "the weight of draw {index}")?,
        }
        match self.query {
            Some(index) => write!(f, " in the state of evaluation {index}")?,
            None => write!(f, " in the result")?,
        }
        write!(f, ": {} against {}", self.weights.0, self.weights.1)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(mismatch) = &self.mismatch {
            return write!(f, "not comparable: {mismatch}");
        }
        let same = if self.is_same(SAME) { "the same table" } else { "different tables on the same evaluations" };
        write!(f, "{same}: λ differ by at most {:.1e}, weights by {:.1e}", self.lambda, self.difference)?;
        match &self.place {
            Some(place) if !self.is_same(SAME) => write!(f, " ({place})"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
