//! Comparison of two plans as tables of numbers.
//!
//! Two samplers on two processes do the same if, at matched λ, every state is the same linear
//! combination of the same D and the same draws. States of two processes differ by the factor
//! $x_B = (\alpha_B/\alpha_A) x_A$, so both are divided by $\sqrt{\alpha^2+\sigma^2}$ of their
//! level. D and the draws do not depend on the process. Two tables of numbers remain, which are
//! compared number by number.

use super::lint::Start;
use super::{Op, Plan, Weights};
use crate::error::Result;
use crate::math::exp;
use crate::model::Branch;
use crate::process::{Level, Process};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

/// The difference at which two weights count as equal: a few thousand roundings of numbers of order
/// one.
const SAME: f64 = 1e-12;

/// The difference at which two λ count as equal: the rounding of a change of clock.
const SAME_LAMBDA: f64 = 1e-9;

/// The reason why two plans cannot be compared.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::{Mismatch, compare};
/// let plan = |steps| Request::new().steps(steps).plan();
/// let comparison = compare(&plan(5)?, &plan(6)?)?;
/// assert_eq!(comparison.mismatch, Some(Mismatch::Evaluations(5, 6)));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Mismatch {
    /// The plans have different numbers of evaluation outputs.
    Evaluations(usize, usize),
    /// The evaluation with this number uses different branches.
    Branch(usize),
    /// The evaluation with this number is at different λ; `None` stands for the result.
    Lambda(Option<usize>, f64, f64),
    /// The plans use different numbers of draws.
    Draws(usize, usize),
    /// The inputs have different names.
    Inputs,
    /// Only one plan has moves, which state the level of the result, and the process of the other
    /// is a custom one, whose level at this λ is not known here.
    Moves,
}

/// The quantity that a weight multiplies.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::{Source, compare};
/// let plan = |sampler| Request::new().sampler(sampler).steps(5).plan();
/// let place = compare(&plan("ddim")?, &plan("dpmpp-2m")?)?.place.expect("a difference");
/// // The two samplers weigh a denoised prediction differently.
/// assert!(matches!(place.source, Source::Eval(_)));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The input with this name.
    Input(String),
    /// The D of the evaluation output with this number.
    Eval(usize),
    /// The draw with this number, counted from 0 in the order of first use.
    Draw(usize),
}

/// One entry of the table: a state, and the quantity whose weight it is.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::compare;
/// let plan = |eta| Request::new().sampler("ddim").eta(eta).steps(2).plan();
/// let (a, b) = (plan(0.25)?, plan(0.5)?);
/// let place = compare(&a, &b)?.place.expect("a difference");
/// assert_ne!(place.weights.0, place.weights.1);
/// assert_eq!(place.query, Some(1)); // the state that the second evaluation sees
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Place {
    /// The number of the evaluation that sees the state; `None` stands for the result.
    pub query: Option<usize>,
    /// The quantity that the weight multiplies.
    pub source: Source,
    /// The two weights, in common coordinates.
    pub weights: (f64, f64),
}

/// The differences between two plans, as found by [`compare`].
///
/// ```
/// use langevin::{Process, Request};
/// use langevin::plan::compare;
/// let plan = |process| Request::new().sampler("dpmpp-2m").process(process).steps(5).plan();
/// let comparison = compare(&plan(Process::vp())?, &plan(Process::ve())?)?;
/// assert!(comparison.mismatch.is_none());
/// assert!(comparison.lambda < 1e-9 && comparison.difference < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The reason why the plans cannot be compared, if there is one.
    pub mismatch: Option<Mismatch>,
    /// The largest difference between matched λ.
    pub lambda: f64,
    /// The largest difference between matched weights; infinite if the plans cannot be matched.
    pub difference: f64,
    /// The largest difference relative to the largest weight of its state, where that exceeds 1.
    pub relative: f64,
    /// The entry with the largest difference, if there is any difference.
    pub place: Option<Place>,
    /// The first entry, in the order of the evaluations, that differs by more than the tolerance.
    pub first: Option<Place>,
    /// The relative difference below which weights count as equal: the rounding of double
    /// precision, or the larger of the precisions that the plans' origins state.
    pub tolerance: f64,
}

impl Comparison {
    /// Returns whether the plans agree within [`tolerance`](Self::tolerance), relative to the
    /// largest weight of each state.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin::plan::compare;
    /// let plan = Request::new().plan()?;
    /// assert!(compare(&plan, &plan)?.agrees());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.mismatch.is_none() && self.relative <= self.tolerance
    }

    /// Returns whether no weight differs by more than `tolerance`. Plans that cannot be compared
    /// are not the same.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin::plan::compare;
    /// let plan = Request::new().plan()?;
    /// assert!(compare(&plan, &plan)?.is_same(0.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn is_same(&self, tolerance: f64) -> bool {
        self.mismatch.is_none() && self.difference <= tolerance
    }
}

/// Compares two linear plans: the result, and the state that each evaluation sees.
///
/// Both are expressed as weights over inputs, D and draws, in coordinates common to all processes.
/// Evaluations are matched in order, draws in the order of their first use, and inputs by name. The
/// names of the plans, their networks and the numbering of slots are ignored. The result is taken
/// to be at the level at which the last move ends. If only one plan has moves, the result of the
/// other is taken to be at the same level. Without any moves, the results are compared as they are.
///
/// ```
/// use langevin::{Grid, Process, Sampler, plan::compare};
/// let plan = |name, process: Process| {
///     let levels = Grid::karras(10).levels(&process, 0.002, 80.0)?;
///     Sampler::parse(name, None)?.compile(&process, None, &levels)
/// };
/// // DDIM on VP is Euler on a flow.
/// let same = compare(&plan("ddim", Process::vp())?, &plan("euler", Process::rectified_flow())?)?;
/// assert!(same.is_same(1e-12));
/// assert!(same.to_string().starts_with("the same table"));
/// let other = compare(&plan("ddim", Process::vp())?, &plan("adams2", Process::vp())?)?;
/// assert!(!other.is_same(1e-3));
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if a plan has maps or is too large to unroll. Plans that cannot be matched are
/// not an error; [`Comparison::mismatch`] then states the reason.
pub fn compare(a: &Plan, b: &Plan) -> Result<Comparison> {
    compare_within(a, b, a.tolerance().max(b.tolerance()))
}

/// Compares two plans like [`compare`], with a precision of the coefficients instead of the one
/// that the plans' origins state.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::{compare, compare_within};
/// // The last level in single precision: the plans are at different levels.
/// let plan = |low: f64| Request::new().steps(5).range(low, 80.0).plan();
/// let (double, single) = (plan(0.002)?, plan(f64::from(0.002_f32))?);
/// assert!(compare(&double, &single)?.mismatch.is_some());
/// assert!(compare_within(&double, &single, 1e-6)?.to_string().starts_with("the same table"));
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error under the conditions of [`compare`].
pub fn compare_within(a: &Plan, b: &Plan, tolerance: f64) -> Result<Comparison> {
    // A plan without moves does not state the level of its result. It is that of the other plan.
    let end_of = |plan: &Plan, other: &Plan| match (plan.last_level(), other.last_level()) {
        (None, Some(level)) if plan.process == other.process => Some(level),
        (None, Some(level)) => Process::from_spec(&plan.process).and_then(|own| own.match_level(&level)).ok(),
        (own, _) => own,
    };
    let (a, b) = (Table::new(a, end_of(a, b))?, Table::new(b, end_of(b, a))?);
    let mismatch = a.mismatch(&b, tolerance);
    let tolerance = SAME.max(tolerance);
    let mut comparison =
        Comparison { mismatch, lambda: 0.0, difference: 0.0, relative: 0.0, place: None, first: None, tolerance };
    if comparison.mismatch.is_some() {
        (comparison.difference, comparison.relative) = (f64::INFINITY, f64::INFINITY);
        return Ok(comparison);
    }
    comparison.lambda = a.lambdas.iter().zip(&b.lambdas).map(|(a, b)| apart(*a, *b)).fold(0.0, f64::max);
    for (number, (x, y)) in a.rows.iter().zip(&b.rows).enumerate() {
        let size = x.iter().chain(y).fold(1.0_f64, |size, weight| size.max(weight.abs()));
        for ((x, y), source) in x.iter().zip(y).zip(&a.sources) {
            // NaN differs from everything.
            let difference = if (x - y).is_nan() { f64::INFINITY } else { (x - y).abs() };
            comparison.relative = comparison.relative.max(difference / size);
            let place = || {
                let query = (number + 1 < a.rows.len()).then_some(number);
                Place { query, source: source.clone(), weights: (*x, *y) }
            };
            if difference > tolerance * size && comparison.first.is_none() {
                comparison.first = Some(place());
            }
            if difference > comparison.difference {
                comparison.difference = difference;
                comparison.place = Some(place());
            }
        }
    }
    Ok(comparison)
}

/// Returns |λ_a − λ_b|, which is 0 for two equal infinities.
fn apart(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (a - b).abs() }
}

/// A plan as numbers in common coordinates.
struct Table {
    /// λ of each evaluation output, and of the result if the plan has moves.
    lambdas: Vec<f64>,
    branches: Vec<Branch>,
    /// The quantities that the columns weigh: inputs by name, evaluations, then draws in the order
    /// of first use.
    sources: Vec<Source>,
    /// The state of each evaluation output, then the result.
    rows: Vec<Vec<f64>>,
}

impl Plan {
    /// Returns the level at which the last move ends.
    fn last_level(&self) -> Option<Level> {
        self.moves.iter().max_by_key(|note| note.ops[1]).map(|note| note.to)
    }
}

impl Table {
    /// Returns the table of a plan whose result is at the level `end`; `None` leaves the result as
    /// it is.
    fn new(plan: &Plan, end: Option<Level>) -> Result<Self> {
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
        // A noisy input is in the coordinates of its level; clean data do not depend on the
        // process.
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

    fn mismatch(&self, other: &Self, tolerance: f64) -> Option<Mismatch> {
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
            // An error of α and of σ, with α² + σ² = 1, is one of λ = ln(α/σ).
            let of_weights = tolerance * ((1.0 + exp(2.0 * a)).sqrt() + (1.0 + exp(-2.0 * a)).sqrt());
            if apart(*a, *b).partial_cmp(&SAME_LAMBDA.max(of_weights)).is_none_or(Ordering::is_gt) {
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
            Mismatch::Moves => write!(f, "only one has moves, and the process of the other is a custom one"),
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
        let same = if self.agrees() { "the same table" } else { "different tables on the same evaluations" };
        write!(f, "{same}: λ differ by at most {:.1e}, weights by {:.1e}", self.lambda, self.difference)?;
        match &self.place {
            Some(place) if !self.agrees() => write!(f, " ({place})")?,
            _ => return Ok(()),
        }
        match &self.first {
            Some(first) if Some(first) != self.place.as_ref() => write!(f, "; the first to differ is {first}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
