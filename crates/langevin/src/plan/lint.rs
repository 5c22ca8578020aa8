//! The lint: a check that every move ends on the marginal of its level.
//!
//! It is the exact Gaussian analysis for data of zero variance, D ≡ x0. After a move to
//! $(\alpha_t, \sigma_t)$ the mean must be $\alpha_t x_0$, and the variance of all noise must be
//! $\sigma_t^2$. One-step, multistep and multi-stage samplers are all covered.
//!
//! If a plan has no moves, the state of each evaluation is checked against the level of that
//! evaluation, and the result against a level of the process.
//!
//! `rows.rs` checks single instructions: values that are never read, levels and readings that do
//! not fit the process and the network, and moves that share instructions.

mod rows;

use super::unroll::{Tracker, Weights};
use super::{Letter, Move, Op, Plan};
use crate::error::Result;
use crate::process::{Level, Process};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

/// A rule that the lint checks.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::Rule;
/// // DDPM with the large variance adds more noise than the marginal has.
/// let lint = Request::new().sampler("ddpm:variance=large").steps(5).plan()?.lint()?;
/// assert!(lint.findings.iter().any(|finding| finding.rule == Rule::Variance));
/// assert!(lint.findings.iter().all(|finding| finding.rule != Rule::Mean));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The mean after a move is α_t·x0 if D = x0.
    Mean,
    /// The variance after a move is σ_t² if D = x0.
    Variance,
    /// R goes to less noise, F goes to more noise, and L stays. The values are σ/α: `got` at the
    /// end of the move, `expected` at its start.
    Order,
    /// A move starts at a level at which an earlier move ended or started. The values are σ/α:
    /// `got` at the start of the move, `expected` at the last end.
    Place,
    /// An input is read before it is overwritten, and the last instruction writes the result. The
    /// values are numbers of reads.
    Unread,
    /// A level belongs to the plan's process. The values are α, or the times if α agrees.
    Level,
    /// A reading turns the exact output of the network into D. `got` is the error of D's weights on
    /// x0 and ε, or of the input's scale.
    Reading,
    /// Moves do not share instructions. `expected` is the first instruction that is free, `got` the
    /// first instruction of the move.
    Overlap,
}

impl Rule {
    /// Returns the name of the rule in documents: `mean`, `variance`, `order`, `place`, `unread`,
    /// `level`, `reading` or `overlap`.
    ///
    /// ```
    /// assert_eq!(langevin::plan::Rule::Variance.name(), "variance");
    /// ```
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

/// A property that is not an error, but that users may want to know.
///
/// ```
/// use langevin::plan::Note;
/// use langevin::{Grid, Process, Sampler};
/// let (process, sampler) = (Process::ve(), Sampler::ddim(0.0));
/// let levels = Grid::karras(5).without_clean_end().levels(&process, 0.5, 80.0)?;
/// let lint = sampler.compile(&process, None, &levels)?.lint()?;
/// // The plan ends at σ/α = 0.5, not at clean data.
/// assert!(matches!(lint.notes[..], [Note::Noisy(sigma)] if (sigma - 0.5).abs() < 1e-12));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// The result still has noise, at this σ/α.
    Noisy(f64),
    /// The move with this number has no effect: it ends at the level at which it starts, and adds
    /// no noise.
    Idle(usize),
    /// The noise of the start has another standard deviation than the marginal.
    ///
    /// The lint treats the start as a draw of the marginal. The exact analysis measures the error
    /// that the difference causes.
    Start {
        /// The standard deviation of the start.
        got: f64,
        /// σ of the first level.
        expected: f64,
    },
    /// A tuned plan that is not certainly better than the best known one: this interval of the
    /// ratio of their errors is not below 1.
    Unproven([f64; 2]),
    /// A tuned plan that was tested on the samples of its fit, which have this seed.
    Seen(u64),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noisy(sigma) => write!(f, "the result is still noisy: σ/α = {sigma:.6e}"),
            Self::Start { got, expected } => {
                write!(f, "the start has standard deviation {got:.6}, the marginal's noise {expected:.6}")
            }
            Self::Idle(index) => write!(f, "move {index} does nothing: it ends where it starts"),
            Self::Unproven([low, high]) => write!(
                f,
                "the plan is not certainly better than the best known one: the interval of the ratio of their errors, {low:.3} to {high:.3}, is not below 1"
            ),
            Self::Seen(seed) => {
                write!(f, "the plan was tested on the samples that it was fitted to, those of seed {seed}")
            }
        }
    }
}

/// The kind of thing that was checked.
///
/// ```
/// use langevin::Request;
/// use langevin::plan::Subject;
/// let lint = Request::new().sampler("ddpm:variance=large").steps(5).plan()?.lint()?;
/// assert!(lint.findings.iter().any(|finding| finding.subject == Subject::Move));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// A move, in a plan that has moves.
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
    /// Returns the name of the subject in documents: `move`, `evaluation`, `result`, `instruction`
    /// or `input`.
    ///
    /// ```
    /// assert_eq!(langevin::plan::Subject::Move.name(), "move");
    /// ```
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

/// One violation of a rule.
///
/// ```
/// use langevin::Request;
/// let lint = Request::new().sampler("ddpm:variance=large").steps(5).plan()?.lint()?;
/// let finding = &lint.findings[0];
/// // The move has more variance than the marginal.
/// assert!(finding.got > finding.expected);
/// assert!(finding.op.is_some());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The kind of thing that violates the rule.
    pub subject: Subject,
    /// The number of the move, evaluation, instruction or input, counted from 0. For the result, it
    /// is the number of evaluations.
    pub index: usize,
    /// The instruction that violates the rule, as in `ops[op]`. `None` if the result is an input
    /// that no instruction writes.
    pub op: Option<usize>,
    /// The rule.
    pub rule: Rule,
    /// The value that the rule requires.
    pub expected: f64,
    /// The value that the plan has.
    pub got: f64,
}

/// The result of [`Plan::lint`].
///
/// ```
/// use langevin::Request;
/// let lint = Request::new().plan()?.lint()?;
/// assert!(lint.is_clean());
/// assert!(lint.to_string().starts_with("every move keeps its marginal"));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Lint {
    /// The violations. Those of the marginals come first, in the order in which the moves end.
    /// Violations of the moves themselves follow, and then those of single instructions.
    pub findings: Vec<Finding>,
    /// Properties that are not errors by themselves.
    pub notes: Vec<Note>,
}

impl Lint {
    /// Returns whether no rule is violated.
    ///
    /// ```
    /// use langevin::Request;
    /// let lint = |sampler| Request::new().sampler(sampler).plan()?.lint();
    /// assert!(lint("heun")?.is_clean());
    /// // Added noise with a factor other than 1 violates the marginals.
    /// assert!(!lint("heun:churn=40,noise=1.1")?.is_clean());
    /// # Ok::<(), langevin::Error>(())
    /// ```
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
            // If seven digits do not show the difference, it is written out.
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
    /// Returns whether the inputs of the plan are clean data, which its first instructions add
    /// noise to.
    ///
    /// Otherwise the inputs are states at the level of the first move. The result is `false` for a
    /// plan without moves.
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

/// The meaning of the state before the first move.
pub(super) struct Start {
    /// True if the inputs are clean data. Otherwise each input is a noisy state.
    pub(super) clean: bool,
    alpha: f64,
    sigma: f64,
    /// The draws that the start is made from. They also stand for α x0, which a start of pure noise
    /// does not contain. Empty if the inputs are clean data, which contain it.
    carriers: BTreeSet<u32>,
    /// The standard deviation of a start from pure noise.
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

    /// Returns the start without the noise that is added to it before the first evaluation, at the
    /// instruction `place`. The first evaluation is on its marginal if the start has the rest of
    /// the noise of its level.
    fn without_later_noise(mut self, plan: &Plan, place: usize) -> Result<Self> {
        let (Some(Op::Combine { terms, noise, .. }), Some(Op::Eval { from, .. })) =
            (plan.ops.first(), plan.ops.get(place))
        else {
            return Ok(self);
        };
        let own: BTreeSet<u32> = noise.iter().map(|(_, draw)| *draw).collect();
        if self.clean || !terms.is_empty() || own == self.carriers {
            return Ok(self);
        }
        let mut tracker = Tracker::new(plan)?;
        plan.ops[..place].iter().for_each(|op| tracker.step(op));
        let weights = tracker.slot(*from);
        let square =
            |draws: &mut dyn Iterator<Item = u32>| draws.map(|draw| weights.draws[draw as usize].powi(2)).sum::<f64>();
        let later = square(&mut self.carriers.difference(&own).copied());
        self.deviation = square(&mut own.iter().copied()).sqrt();
        self.sigma = (self.sigma * self.sigma - later).max(0.0).sqrt();
        self.carriers = own;
        Ok(self)
    }

    /// Returns a note if the standard deviation of the start is not that of the marginal's noise.
    fn note(&self) -> Option<Note> {
        // A difference of less than a thousandth is not reported: most variance-preserving networks
        // are started with σ = 1 in place of σ_T.
        let differs = (self.deviation - self.sigma).abs() > 1e-3 * self.sigma;
        (differs && !self.carriers.is_empty()).then_some(Note::Start { got: self.deviation, expected: self.sigma })
    }

    /// Returns the mean over x0 and the variance of a state if every D is x0.
    fn moments(&self, weights: &Weights) -> Moments {
        // A start with another standard deviation still stands for a draw of the marginal.
        let unit = if self.deviation > 0.0 { 1.0 / self.deviation } else { 0.0 };
        let (mut carried, mut fresh, mut size) = (0.0, 0.0, 0.0);
        for (draw, weight) in weights.draws.iter().enumerate() {
            if self.carriers.contains(&(draw as u32)) {
                carried += weight * unit * self.alpha;
                size += (weight * unit * self.alpha).abs();
                fresh += (weight * unit * self.sigma).powi(2);
            } else {
                fresh += weight * weight;
            }
        }
        let (input_mean, input_sigma) = if self.clean { (1.0, 0.0) } else { (self.alpha, self.sigma) };
        let inputs: f64 = weights.inputs.iter().sum();
        let mean = carried + inputs * input_mean + weights.evals.iter().sum::<f64>();
        size += weights.inputs.iter().map(|w| (w * input_mean).abs()).sum::<f64>();
        size += weights.evals.iter().map(|w| w.abs()).sum::<f64>();
        let variance = fresh + weights.inputs.iter().map(|w| (w * input_sigma).powi(2)).sum::<f64>();
        Moments { mean, variance, size }
    }
}

/// Mean over x0 and variance of a state, and the sum of the terms of the mean without their signs,
/// which rounding is relative to.
struct Moments {
    mean: f64,
    variance: f64,
    size: f64,
}

/// The number of levels (starts and ends of moves) that the place rule remembers. No sampler of
/// this crate needs more; the limit bounds the work on a document from outside.
const PLACES: usize = 64;

/// The relative tolerance: a few thousand roundings of sums of order one.
const SLACK: f64 = 1e-9;

/// Adds a finding if a value differs from the expected one by more than `slack`.
fn hold(
    findings: &mut Vec<Finding>,
    (subject, index, op): (Subject, usize, Option<usize>),
    rule: Rule,
    [got, expected]: [f64; 2],
    slack: f64,
) {
    // NaN is a finding too.
    if (got - expected).abs().partial_cmp(&slack).is_none_or(Ordering::is_gt) {
        findings.push(Finding { subject, index, op, rule, expected, got });
    }
}

/// Checks the moments of a state against the marginal at its level. The mean is compared relative
/// to `scale`. In a plan of less than double precision every weight also has an error of
/// `tolerance`, relative to the largest weight of the state.
fn hold_moments(
    findings: &mut Vec<Finding>,
    subject: (Subject, usize, Option<usize>),
    moments: &Moments,
    level: &Level,
    scale: f64,
    tolerance: f64,
) {
    let power = level.sigma * level.sigma;
    let error = tolerance * moments.size.max(level.sigma);
    hold(findings, subject, Rule::Mean, [moments.mean, level.alpha], SLACK * scale + error);
    let slack = if power > 0.0 { SLACK * power } else { SLACK } + error * (2.0 * level.sigma + error);
    hold(findings, subject, Rule::Variance, [moments.variance, power], slack);
}

impl Plan {
    /// Checks every move against the marginal of its level, and the state of every evaluation
    /// against its level.
    ///
    /// A start from pure noise, with any standard deviation, is treated as a draw of the marginal.
    /// So is an input, unless the start has the form α·image + σ·z, in which the input is clean
    /// data.
    ///
    /// ```
    /// use langevin::Request;
    /// // DDPM's large variance violates the variance rule, and the findings name the moves.
    /// assert!(Request::new().sampler("ddpm").plan()?.lint()?.is_clean());
    /// let lint = Request::new().sampler("ddpm:variance=large").plan()?.lint()?;
    /// assert!(lint.to_string().contains("variance is"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the plan has maps, or if it is too large to unroll.
    pub fn lint(&self) -> Result<Lint> {
        self.lint_within(self.tolerance())
    }

    /// Checks the plan like [`lint`](Self::lint), with a relative precision of the coefficients
    /// instead of the one that the plan's origin states.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = Request::new().sampler("heun:churn=40,noise=1.001").plan()?;
    /// assert!(!plan.lint()?.is_clean());
    /// assert!(plan.lint_within(0.01)?.is_clean());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the plan has maps, or if it is too large to unroll.
    pub fn lint_within(&self, tolerance: f64) -> Result<Lint> {
        let Some(first) = self.moves.iter().min_by_key(|note| note.ops[0]) else {
            return self.lint_states(tolerance);
        };
        // The start is analysed first, so that its tracker is freed before this one is allocated.
        let start = Start::new(self, first)?;
        let mut tracker = Tracker::new(self)?;
        let (mut findings, mut evaluation) = (Vec::new(), 0);
        let mut ends: Vec<(usize, usize)> =
            self.moves.iter().enumerate().map(|(index, note)| (note.ops[1], index)).collect();
        ends.sort_unstable();
        let mut ends = ends.into_iter().peekable();
        for (number, op) in self.ops.iter().enumerate() {
            if let Op::Eval { from, level, .. } = op {
                let subject = (Subject::Evaluation, evaluation, Some(number));
                let moments = start.moments(&tracker.slot(*from));
                hold_moments(&mut findings, subject, &moments, level, level.alpha.max(1e-6), tolerance);
                evaluation += 1;
            }
            tracker.step(op);
            while let Some((_, index)) = ends.next_if(|(end, _)| *end == number) {
                let note = &self.moves[index];
                let Op::Combine { into, .. } = op else { continue };
                let moments = start.moments(&tracker.slot(*into));
                let (subject, scale) = ((Subject::Move, index, Some(number)), note.to.alpha.max(note.from.alpha));
                hold_moments(&mut findings, subject, &moments, &note.to, scale, tolerance);
            }
        }
        self.hold_moves(&mut findings);
        findings.extend(self.lint_rows());
        let notes = start.note().into_iter().chain(self.notes()).collect();
        Ok(Lint { findings, notes })
    }

    /// Checks the state of every evaluation against its level, and the result against a level of
    /// the process.
    fn lint_states(&self, tolerance: f64) -> Result<Lint> {
        let is_eval = |op: &Op| matches!(op, Op::Eval { .. });
        let Some((place, Op::Eval { level, .. })) = self.ops.iter().enumerate().find(|(_, op)| is_eval(op)) else {
            return Tracker::new(self).map(|_| Lint { findings: self.lint_rows(), notes: Vec::new() });
        };
        let first = Move { letter: Letter::L, eta: None, from: *level, to: *level, ops: [place, place] };
        let start = Start::new(self, &first)?.without_later_noise(self, place)?;
        let mut tracker = Tracker::new(self)?;
        let (mut findings, mut index) = (Vec::new(), 0);
        for (number, op) in self.ops.iter().enumerate() {
            if let Op::Eval { from, level, .. } = op {
                let subject = (Subject::Evaluation, index, Some(number));
                let moments = start.moments(&tracker.slot(*from));
                hold_moments(&mut findings, subject, &moments, level, level.alpha.max(1e-6), tolerance);
                index += 1;
            }
            tracker.step(op);
        }
        // The level of the result follows from its noise. A custom process cannot be built here, so
        // its levels are unknown.
        let Moments { mean, variance, size } = start.moments(&tracker.slot(self.result));
        let deviation = if variance > SLACK.max(tolerance * tolerance * size * size) { variance.sqrt() } else { 0.0 };
        let end = Process::from_spec(&self.process).and_then(|process| process.level_at_sigma_ve(deviation / mean));
        if let Ok(end) = end {
            let subject = (Subject::Result, index, self.writer_of_result());
            let slack = SLACK * end.alpha.max(1e-6) + tolerance * size;
            hold(&mut findings, subject, Rule::Mean, [mean, end.alpha], slack);
        }
        findings.extend(self.lint_rows());
        let noisy = (deviation > 0.0).then_some(Note::Noisy(deviation / mean));
        Ok(Lint { findings, notes: start.note().into_iter().chain(noisy).collect() })
    }

    /// Returns the last instruction that writes the result.
    fn writer_of_result(&self) -> Option<usize> {
        self.ops.iter().rposition(|op| match op {
            Op::Eval { out, .. } => out.iter().any(|output| output.into == self.result),
            Op::Combine { into, .. } | Op::Map { into, .. } => *into == self.result,
        })
    }

    /// Checks the direction of the moves and the levels at which they start.
    fn hold_moves(&self, findings: &mut Vec<Finding>) {
        // The tolerance is the rounding of a change of clock.
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
            // A predictor and its corrector are two moves of one step. No move starts at a level
            // that is more than a few moves old.
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
        if let Some(tuning) = self.origin.as_ref().and_then(|origin| origin.tuning.as_ref()) {
            if tuning.seeds[0] == tuning.seeds[1] {
                notes.push(Note::Seen(tuning.seeds[0]));
            }
            if tuning.interval[1] >= 1.0 {
                notes.push(Note::Unproven(tuning.interval));
            }
        }
        notes
    }
}
