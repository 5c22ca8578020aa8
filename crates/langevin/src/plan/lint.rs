//! The lint: does every move land on the marginal it claims?
//!
//! It is the exact Gaussian analysis for data of zero spread, D ≡ x0: after a move to $(\alpha_t, \sigma_t)$ the mean must be $\alpha_t x_0$ and
//! the variance of everything random $\sigma_t^2$. This covers one-step, multistep and multi-stage samplers alike.
//! Of a plan without moves, the state of each evaluation is held to the level at which the network is asked, and the result
//! to a level of the process. `rows.rs` checks single instructions: values that nobody reads, levels and readings that do not fit
//! the process and the network, moves that share instructions.

mod rows;

use super::unroll::{Tracker, Weights};
use super::{Letter, Move, Op, Plan};
use crate::error::Result;
use crate::process::{Level, Process};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

/// What a plan is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The mean after a move is α_t·x0 when D = x0.
    Mean,
    /// The variance after a move is σ_t² when D = x0.
    Variance,
    /// R goes to less noise, F to more, and L stays. The values are σ/α: of the end, against the start.
    Order,
    /// A move starts where one before it ended or started. The values are σ/α: of the start, against the last end.
    Place,
    /// An input is read before it is written over, and the last instruction writes the result. The values are the numbers of
    /// reads.
    Unread,
    /// A level is one of the plan's process. The values are α, or the times if α fits.
    Level,
    /// A reading turns the exact output of the network into D. The value found is the error of D's weights on x0 and ε, or of
    /// the input's scale.
    Reading,
    /// A move has instructions of its own. The values are the first instruction that is free and the move's first.
    Overlap,
}

impl Rule {
    /// Its name in documents: `mean`, `variance`, `order`, `place`, `unread`, `level`, `reading` or `overlap`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Variance => "variance",
            Self::Order => "order",
            Self::Place => "place",
            Self::Unread => "unread",
            Self::Level => "level",
            Self::Reading => "reading",
            Self::Overlap => "overlap",
        }
    }
}

/// What a plan may do, and what a user may want to know of it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// The result has noise of this σ/α left.
    Noisy(f64),
    /// A move that does nothing: it ends where it starts, with nothing fresh.
    Idle(usize),
    /// The start is noise of another standard deviation than the marginal's. The lint takes it for the marginal; what it costs, the analysis says.
    Start {
        /// Of the start.
        got: f64,
        /// σ of the first level.
        expected: f64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noisy(sigma) => write!(f, "the result is still noisy: σ/α = {sigma:.6e}"),
            Self::Start { got, expected } => {
                write!(f, "the start has standard deviation {got:.6}, the marginal's noise {expected:.6}")
            }
            Self::Idle(index) => write!(f, "move {index} does nothing: it ends where it starts"),
        }
    }
}

/// What was held to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// A move, of a plan that has moves.
    Move,
    /// An evaluation.
    Evaluation,
    /// The result.
    Result,
    /// An instruction.
    Instruction,
    /// An input.
    Input,
}

impl Subject {
    /// Its name in documents: `move`, `evaluation`, `result`, `instruction` or `input`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Evaluation => "evaluation",
            Self::Result => "result",
            Self::Instruction => "instruction",
            Self::Input => "input",
        }
    }
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What breaks it.
    pub subject: Subject,
    /// The number of the move, evaluation, instruction or input, counted from 0; of the result, the number of evaluations.
    pub index: usize,
    /// The instruction that breaks the rule, as in `ops[op]`; `None` if the result is an input that no instruction writes.
    pub op: Option<usize>,
    /// The rule.
    pub rule: Rule,
    /// The value that the marginal has.
    pub expected: f64,
    /// The value that the plan gives.
    pub got: f64,
}

/// What the lint found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Lint {
    /// The broken rules: those of the marginals in the order in which the moves end, then those of the moves themselves, then
    /// those of single instructions.
    pub findings: Vec<Finding>,
    /// What is no mistake by itself.
    pub notes: Vec<Note>,
}

impl Lint {
    /// Whether no rule is broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            writeln!(f, "every move keeps its marginal")?;
        }
        for Finding { subject, index, op, rule, expected, got } in &self.findings {
            let subject = match subject {
                Subject::Result => "the result".to_owned(),
                subject => format!("{} {index}", subject.name()),
            };
            let subject = op.map_or(subject.clone(), |op| format!("{subject} (ops[{op}])"));
            // Where seven digits do not show the difference, it is named.
            let [got_text, expected_text] = [got, expected].map(|value| format!("{value:.6e}"));
            let off =
                if got_text == expected_text { format!(" (off by {:.1e})", got - expected) } else { String::new() };
            match rule {
                Rule::Mean => writeln!(f, "{subject}: mean / x0 is {got_text}, the marginal has {expected_text}{off}")?,
                Rule::Variance => {
                    writeln!(f, "{subject}: variance is {got_text}, the marginal has {expected_text}{off}")?;
                }
                Rule::Order => {
                    writeln!(f, "{subject}: goes the wrong way, from σ/α = {expected:.6e} to {got:.6e}")?;
                }
                Rule::Place => {
                    writeln!(
                        f,
                        "{subject}: starts at σ/α = {got:.6e}, where no move was; the last ended at {expected:.6e}"
                    )?;
                }
                Rule::Unread => writeln!(f, "{subject}: what it holds is never read")?,
                Rule::Level => writeln!(
                    f,
                    "{subject}: its level is not of the plan's process, which has {expected_text} where it has {got_text}"
                )?,
                Rule::Reading => {
                    writeln!(
                        f,
                        "{subject}: A, B or the scale of the network's reading is wrong: D is off by {got:.1e}"
                    )?;
                }
                Rule::Overlap => {
                    writeln!(f, "{subject}: begins before an earlier move ends, which leaves ops[{expected}] on free")?;
                }
            }
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}

impl Plan {
    /// Returns whether the inputs of the plan are clean data, which its first instructions noise; otherwise they are states at
    /// the level of the first move. `false` for a plan without moves.
    ///
    /// ```
    /// use langevin::{Request, sampler::Start};
    /// let request = Request::new().steps(5);
    /// assert!(request.clone().start(2, Start::Image).plan()?.takes_clean_inputs()?);
    /// assert!(!request.start(2, Start::State).plan()?.takes_clean_inputs()?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the plan is too large to be unrolled.
    pub fn takes_clean_inputs(&self) -> Result<bool> {
        self.moves.first().map_or(Ok(false), |first| Ok(Start::new(self, first)?.clean))
    }
}

/// What the state before the first move stands for.
pub(super) struct Start {
    /// Whether the inputs are clean data; else each is a noisy state.
    pub(super) clean: bool,
    alpha: f64,
    sigma: f64,
    /// The draws that the start was made from, which stand for α x0 too; none where it says so itself.
    carriers: BTreeSet<u32>,
    /// The standard deviation of a start of pure noise.
    deviation: f64,
}

impl Start {
    pub(super) fn new(plan: &Plan, first: &Move) -> Result<Self> {
        let mut tracker = Tracker::new(plan)?;
        let mut carriers = BTreeSet::new();
        for op in &plan.ops[..first.ops[0]] {
            tracker.step(op);
            if let Op::Combine { noise, .. } = op {
                carriers.extend(noise.iter().map(|(_, draw)| *draw));
            }
        }
        let entering = match &plan.ops[first.ops[0]] {
            Op::Eval { from, .. } => Some(*from),
            Op::Combine { terms, .. } => terms.first().map(|term| term.1),
            Op::Map { .. } => None,
        };
        let (alpha, sigma) = (first.from.alpha, first.from.sigma);
        let near = |got: f64, expected: f64| (got - expected).abs() <= SLACK * expected.max(1.0);
        let clean = entering.is_some_and(|slot| {
            let weights = tracker.slot(slot);
            let variance: f64 = weights.draws.iter().map(|w| w * w).sum();
            !weights.inputs.is_empty() && near(weights.inputs.iter().sum(), alpha) && near(variance, sigma * sigma)
        });
        if clean {
            carriers.clear();
        }
        let of_carriers = |slot| {
            let weights = tracker.slot(slot);
            carriers.iter().map(|draw| weights.draws[*draw as usize].powi(2)).sum::<f64>().sqrt()
        };
        let deviation = entering.map(of_carriers).filter(|deviation| *deviation > 0.0).unwrap_or(sigma);
        Ok(Self { clean, alpha, sigma, carriers, deviation })
    }

    /// A start whose deviation is not that of the marginal's noise.
    fn note(&self) -> Option<Note> {
        // σ_T of a thousandth less than 1 is no news: most variance-preserving networks are started so.
        let differs = (self.deviation - self.sigma).abs() > 1e-3 * self.sigma;
        (differs && !self.carriers.is_empty()).then_some(Note::Start { got: self.deviation, expected: self.sigma })
    }

    /// (mean over x0, variance) of a state when every D is x0.
    fn moments(&self, weights: &Weights) -> (f64, f64) {
        // A start of another deviation stands for the marginal all the same.
        let unit = if self.deviation > 0.0 { 1.0 / self.deviation } else { 0.0 };
        let (mut carried, mut fresh) = (0.0, 0.0);
        for (draw, weight) in weights.draws.iter().enumerate() {
            if self.carriers.contains(&(draw as u32)) {
                carried += weight * unit * self.alpha;
                fresh += (weight * unit * self.sigma).powi(2);
            } else {
                fresh += weight * weight;
            }
        }
        let (input_mean, input_sigma) = if self.clean { (1.0, 0.0) } else { (self.alpha, self.sigma) };
        let inputs: f64 = weights.inputs.iter().sum();
        let mean = carried + inputs * input_mean + weights.evals.iter().sum::<f64>();
        (mean, fresh + weights.inputs.iter().map(|w| (w * input_sigma).powi(2)).sum::<f64>())
    }
}

/// The places of this many moves' ends are remembered: all of any sampler here; a bound on the work of a document from outside.
const PLACES: usize = 64;

/// Relative slack: a few thousand roundings of sums of order one.
const SLACK: f64 = 1e-9;

/// Adds a finding where a value is not the one that is expected, to the rounding of numbers as large as `scale`.
fn hold(
    findings: &mut Vec<Finding>,
    (subject, index, op): (Subject, usize, Option<usize>),
    rule: Rule,
    [got, expected]: [f64; 2],
    scale: f64,
) {
    // Not a number is a finding too.
    if (got - expected).abs().partial_cmp(&(SLACK * scale)).is_none_or(Ordering::is_gt) {
        findings.push(Finding { subject, index, op, rule, expected, got });
    }
}

/// Holds (mean over x0, variance) of the state of an evaluation to the marginal at its level.
fn hold_state(findings: &mut Vec<Finding>, (mean, variance): (f64, f64), level: &Level, evaluation: usize, op: usize) {
    let power = level.sigma * level.sigma;
    let subject = (Subject::Evaluation, evaluation, Some(op));
    hold(findings, subject, Rule::Mean, [mean, level.alpha], level.alpha.max(1e-6));
    hold(findings, subject, Rule::Variance, [variance, power], if power > 0.0 { power } else { 1.0 });
}

impl Plan {
    /// Holds every move to its marginal, and the state of every evaluation to its level.
    ///
    /// A start of pure noise, of any standard deviation, is taken to be the draw of the marginal that it stands for. So is an input, unless the start already is one with the inputs
    /// clean: α·image + σ·z.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler};
    /// let process = Process::vp();
    /// let levels = Grid::uniform_lambda(8).levels(&process, 0.01, 10.0)?;
    /// assert!(Sampler::adams(2, 1.0)?.compile(&process, None, &levels)?.lint()?.is_clean());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// A plan with maps, or one too large to unroll.
    pub fn lint(&self) -> Result<Lint> {
        let Some(first) = self.moves.iter().min_by_key(|note| note.ops[0]) else {
            return self.lint_states();
        };
        // Before the tracker: its own is then gone.
        let start = Start::new(self, first)?;
        let mut tracker = Tracker::new(self)?;
        let (mut findings, mut evaluation) = (Vec::new(), 0);
        let mut ends: Vec<(usize, usize)> =
            self.moves.iter().enumerate().map(|(index, note)| (note.ops[1], index)).collect();
        ends.sort_unstable();
        let mut ends = ends.into_iter().peekable();
        for (number, op) in self.ops.iter().enumerate() {
            if let Op::Eval { from, level, .. } = op {
                hold_state(&mut findings, start.moments(&tracker.slot(*from)), level, evaluation, number);
                evaluation += 1;
            }
            tracker.step(op);
            while let Some((_, index)) = ends.next_if(|(end, _)| *end == number) {
                let note = &self.moves[index];
                let Op::Combine { into, .. } = op else { continue };
                let weights = tracker.slot(*into);
                let (mean, variance) = start.moments(&weights);
                let power = note.to.sigma * note.to.sigma;
                let subject = (Subject::Move, index, Some(number));
                hold(&mut findings, subject, Rule::Mean, [mean, note.to.alpha], note.to.alpha.max(note.from.alpha));
                let scale = if power > 0.0 { power } else { 1.0 };
                hold(&mut findings, subject, Rule::Variance, [variance, power], scale);
            }
        }
        self.hold_moves(&mut findings);
        findings.extend(self.lint_rows());
        let notes = start.note().into_iter().chain(self.notes()).collect();
        Ok(Lint { findings, notes })
    }

    /// Holds the state of every evaluation to its level, and the result to a level of the process.
    fn lint_states(&self) -> Result<Lint> {
        let is_eval = |op: &Op| matches!(op, Op::Eval { .. });
        let Some((place, Op::Eval { level, .. })) = self.ops.iter().enumerate().find(|(_, op)| is_eval(op)) else {
            return Tracker::new(self).map(|_| Lint { findings: self.lint_rows(), notes: Vec::new() });
        };
        let first = Move { letter: Letter::L, eta: None, from: *level, to: *level, ops: [place, place] };
        let start = Start::new(self, &first)?;
        let mut tracker = Tracker::new(self)?;
        let (mut findings, mut index) = (Vec::new(), 0);
        for (number, op) in self.ops.iter().enumerate() {
            if let Op::Eval { from, level, .. } = op {
                hold_state(&mut findings, start.moments(&tracker.slot(*from)), level, index, number);
                index += 1;
            }
            tracker.step(op);
        }
        // Where the result stands is told by its noise; a process of the caller's own has no levels here.
        let (mean, variance) = start.moments(&tracker.slot(self.result));
        let deviation = if variance > SLACK { variance.sqrt() } else { 0.0 };
        let end = Process::from_spec(&self.process).and_then(|process| process.level_at_sigma_ve(deviation / mean));
        if let Ok(end) = end {
            let subject = (Subject::Result, index, self.writer_of_result());
            hold(&mut findings, subject, Rule::Mean, [mean, end.alpha], end.alpha.max(1e-6));
        }
        findings.extend(self.lint_rows());
        Ok(Lint { findings, notes: start.note().into_iter().collect() })
    }

    /// The last instruction that writes the result.
    fn writer_of_result(&self) -> Option<usize> {
        self.ops.iter().rposition(|op| match op {
            Op::Eval { out, .. } => out.iter().any(|output| output.into == self.result),
            Op::Combine { into, .. } | Op::Map { into, .. } => *into == self.result,
        })
    }

    /// The order of the moves and their places.
    fn hold_moves(&self, findings: &mut Vec<Finding>) {
        // Within rounding of a change of clock.
        let near = |a: f64, b: f64| a == b || (a - b).abs() <= SLACK * a.abs().max(b.abs());
        let mut places: Vec<f64> = Vec::new();
        let mut last = None;
        for (index, note) in self.moves.iter().enumerate() {
            let (from, to) = (note.from.sigma_ve(), note.to.sigma_ve());
            let right = match note.letter {
                Letter::R => to <= from || near(to, from),
                Letter::F => to >= from || near(to, from),
                Letter::L => near(to, from),
            };
            if !right {
                let (subject, op) = (Subject::Move, Some(note.ops[0]));
                findings.push(Finding { subject, index, op, rule: Rule::Order, expected: from, got: to });
            }
            if let Some(expected) = last.filter(|_| !places.iter().rev().any(|place| near(*place, from))) {
                let (subject, op) = (Subject::Move, Some(note.ops[0]));
                findings.push(Finding { subject, index, op, rule: Rule::Place, expected, got: from });
            }
            places.extend([from, to]);
            last = Some(to);
            // A predictor and its corrector are two moves of the same step; more than a few moves back nothing starts again.
            if places.len() > PLACES {
                places.drain(..2);
            }
        }
    }

    fn notes(&self) -> Vec<Note> {
        let idle = |(index, note): (usize, &Move)| {
            let still = note.letter == Letter::R && note.from.sigma_ve() == note.to.sigma_ve();
            still.then_some(Note::Idle(index))
        };
        let mut notes: Vec<Note> = self.moves.iter().enumerate().filter_map(idle).collect();
        let rises = self.moves.last().is_some_and(|note| note.letter == Letter::F);
        if let Some(last) = self.moves.last().filter(|last| last.to.sigma > 0.0 && !rises) {
            notes.push(Note::Noisy(last.to.sigma_ve()));
        }
        notes
    }
}
