//! The lint: a check that the instructions of a plan fit together.
//!
//! The plan is followed once with descriptions in place of values: the survival of tokens, the
//! evaluation that beliefs come from, and how many masks may be left. No network is needed.

use super::{By, Filling, How, Op, Plan, Read, Slot, Step, Take};
use crate::moves::Jump;
use std::collections::BTreeMap;
use std::fmt;

/// A rule that the lint checks.
///
/// ```
/// use langevin_discrete::{Noise, Request, StateSpace, plan::Rule};
/// let space = StateSpace::new(Noise::Masked, 27, 12)?;
/// let lint = Request::new().sampler("maskgit").plan(&space)?.lint();
/// assert_eq!(lint.rules(), [Rule::DrawnToken]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// A move ends at the survival of the evaluation that comes next:
    /// unmask = (α_t − (1 − remask)α_s)/σ_s for four numbers, and the length of the step for rates.
    Marginals,
    /// The probabilities remask, unmask, keep and fresh are in 0 to 1.
    Masses,
    /// Readings take the leave-one-out denoiser D, and jumps take letters of the posterior.
    ///
    /// Two mistakes exist except under masked noise. A blend reads a posterior as if it were D. A
    /// jump takes clean letters that were drawn from D, or for other tokens.
    PlugIn,
    /// An order does not look at the drawn letters.
    DrawnToken,
    /// The result has no masks and no noise.
    Left,
    /// The survivals of the evaluations do not descend, and readings are at the survival of their
    /// evaluation.
    Levels,
    /// Every draw is used once.
    Draws,
    /// Every evaluation is read.
    Unread,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 8] = [
        Self::Marginals,
        Self::Masses,
        Self::PlugIn,
        Self::DrawnToken,
        Self::Left,
        Self::Levels,
        Self::Draws,
        Self::Unread,
    ];

    /// Returns the name of the rule in documents.
    ///
    /// ```
    /// assert_eq!(langevin_discrete::plan::Rule::DrawnToken.name(), "drawn-token");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Marginals => "marginals",
            Self::Masses => "masses",
            Self::PlugIn => "plug-in",
            Self::DrawnToken => "drawn-token",
            Self::Left => "left",
            Self::Levels => "levels",
            Self::Draws => "draws",
            Self::Unread => "unread",
        }
    }

    /// Returns the meaning of a violation, in one line.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Marginals => "a move misses the survival of the next evaluation",
            Self::Masses => "a probability of a jump is not in 0 to 1",
            Self::PlugIn => "a posterior is read as the leave-one-out denoiser, or the other way round",
            Self::DrawnToken => "the order looks at the drawn letters, which biases the samples at any number of steps",
            Self::Left => "masks or noise may be left in the result",
            Self::Levels => "the survival of an evaluation or a reading is out of order",
            Self::Draws => "a draw is used twice, so two choices are dependent",
            Self::Unread => "an evaluation is never read",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The violation of one rule.
///
/// ```
/// use langevin_discrete::{Noise, Request, StateSpace};
/// let space = StateSpace::new(Noise::Masked, 27, 12)?;
/// let lint = Request::new().sampler("confidence").steps(3).plan(&space)?.lint();
/// // The order of the last step has no effect, since it takes every token.
/// assert_eq!((lint.findings[0].op, lint.findings[0].places), (3, 2));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The first instruction that violates the rule, as in `ops[op]`.
    pub op: usize,
    /// The number of violations.
    pub places: usize,
    /// A description of the first violation.
    pub words: String,
}

/// The result of [`Plan::lint`]: at most one finding for each rule, in the order of the rules.
///
/// ```
/// use langevin_discrete::{Noise, Request, StateSpace};
/// let space = StateSpace::new(Noise::Masked, 27, 12)?;
/// let lint = Request::new().plan(&space)?.lint();
/// assert!(lint.is_clean());
/// assert_eq!(lint.to_string(), "no rule is violated\n");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lint {
    /// The violations.
    pub findings: Vec<Finding>,
}

impl Lint {
    /// Returns true if no rule is violated.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns the rules that are violated.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        self.findings.iter().map(|finding| finding.rule).collect()
    }

    fn add(&mut self, rule: Rule, op: usize, words: String) {
        match self.findings.iter_mut().find(|finding| finding.rule == rule) {
            Some(finding) if finding.op <= op => finding.places += 1,
            Some(finding) => *finding = Finding { rule, op, places: finding.places + 1, words },
            None => {
                let place = self.findings.partition_point(|finding| finding.rule < rule);
                self.findings.insert(place, Finding { rule, op, places: 1, words });
            }
        }
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return writeln!(f, "no rule is violated");
        }
        let widest = |text: &dyn Fn(&Finding) -> String| self.findings.iter().map(|one| text(one).len()).max();
        let place = |finding: &Finding| format!("ops[{}]", finding.op);
        let [rule, op] = [widest(&|one| one.rule.name().to_owned()), widest(&place)].map(Option::unwrap_or_default);
        for finding in &self.findings {
            let more = match finding.places {
                1 => String::new(),
                places => format!(", and {} more", places - 1),
            };
            writeln!(f, "{:<rule$}  {:<op$}  {}{more}", finding.rule.name(), place(finding), finding.words)?;
        }
        Ok(())
    }
}

/// Number of a value, in the order in which values are written.
type Id = usize;

/// The beliefs or tokens that a value comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Origin {
    /// The tokens that the network was evaluated on.
    x: Id,
    /// The survival of the evaluation.
    alpha: f64,
}

/// Description of beliefs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Belief {
    LeaveOneOut(Origin),
    Posterior(Origin),
    Conditional(f64),
    Rates(Origin),
    /// A sum of beliefs of several evaluations.
    Mixed,
}

/// Description of tokens.
#[derive(Clone, Debug)]
struct Tokens {
    /// The survival; `None` if the share of clean tokens is not that of one level.
    survival: Option<f64>,
    /// The beliefs that the letters were drawn from, and true for a posterior.
    drawn: Option<(Origin, bool)>,
    /// Ranges of places with the largest number of masks in each.
    masks: Vec<([usize; 2], usize)>,
}

#[derive(Clone, Debug)]
enum Content {
    Tokens(Tokens),
    Beliefs(Belief),
}

/// A value with its number and the instruction that wrote it.
#[derive(Clone, Debug)]
struct Value {
    id: Id,
    op: usize,
    content: Content,
}

/// The largest difference of two survivals that count as equal.
const SLACK: f64 = 1e-9;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= SLACK
}

/// The state of one check.
struct Check<'a> {
    plan: &'a Plan,
    lint: Lint,
    slots: BTreeMap<Slot, Value>,
    values: Id,
}

impl Check<'_> {
    fn tokens(&self, slot: Slot) -> Option<(&Value, &Tokens)> {
        match self.slots.get(&slot) {
            Some(value) => match &value.content {
                Content::Tokens(tokens) => Some((value, tokens)),
                Content::Beliefs(_) => None,
            },
            None => None,
        }
    }

    fn belief(&self, slot: Slot) -> Belief {
        match self.slots.get(&slot).map(|value| &value.content) {
            Some(Content::Beliefs(belief)) => *belief,
            _ => Belief::Mixed,
        }
    }

    fn id(&self, slot: Slot) -> Id {
        self.slots.get(&slot).map_or(Id::MAX, |value| value.id)
    }

    fn write(&mut self, slot: Slot, op: usize, content: Content) {
        self.slots.insert(slot, Value { id: self.values, op, content });
        self.values += 1;
    }

    /// Returns a description of tokens of which nothing is known but that masks are possible.
    fn unknown(&self) -> Tokens {
        Tokens { survival: None, drawn: None, masks: self.all_masks() }
    }

    fn all_masks(&self) -> Vec<([usize; 2], usize)> {
        let length = self.plan.space.length();
        if self.plan.space.is_masked() { vec![([0, length], length)] } else { vec![] }
    }

    /// Checks that the tokens of a slot are at a survival, that of the instruction `what`.
    fn at(&mut self, slot: Slot, alpha: f64, what: &str) {
        let Some((value, Tokens { survival: Some(survival), .. })) = self.tokens(slot) else { return };
        if near(*survival, alpha) {
            return;
        }
        let (op, survival) = (value.op, *survival);
        let mut words = format!("the tokens are at survival {survival:.6}, and {what} is at {alpha:.6}");
        if let Op::Jump { step: Step::Numbers { alpha: from, jump, .. }, .. } = &self.plan.ops[op]
            && *from < 1.0
        {
            let wanted = (alpha - (1.0 - jump.remask) * from) / (1.0 - from);
            words += &format!(": unmask is {:.6}, the marginal needs {wanted:.6}", jump.unmask);
        }
        self.lint.add(Rule::Marginals, op, words);
        // One mistake is one finding: the tokens count as right from here on.
        if let Some(Value { content: Content::Tokens(tokens), .. }) = self.slots.get_mut(&slot) {
            tokens.survival = Some(alpha);
        }
    }

    fn blend(&mut self, op: usize, terms: &[(f64, Slot)], how: How, read: Read) -> Belief {
        let beliefs: Vec<Belief> = terms.iter().map(|(_, slot)| self.belief(*slot)).collect();
        let rates = |belief: &Belief| matches!(belief, Belief::Rates(_));
        if read == Read::Plain && beliefs.iter().all(rates) && how == How::Linear {
            let sum: f64 = terms.iter().map(|(c, _)| c).sum();
            if !near(sum, 1.0) {
                let words = format!("the coefficients of the rates have the sum {sum:.6}, and 1 is needed");
                self.lint.add(Rule::Marginals, op, words);
            }
        }
        let one = beliefs.first().copied().filter(|first| beliefs.iter().all(|other| other == first));
        let posterior = beliefs.iter().any(|belief| matches!(belief, Belief::Posterior(_)));
        let (alpha, x) = match read {
            Read::Plain if posterior => {
                return one
                    .or_else(|| beliefs.into_iter().find(|b| matches!(b, Belief::Posterior(_))))
                    .unwrap_or(Belief::Mixed);
            }
            Read::Plain => return one.unwrap_or(Belief::Mixed),
            Read::Conditional { alpha } => (alpha, None),
            Read::Posterior { x, alpha } | Read::Rates { x, alpha, .. } => (alpha, Some(self.id(x))),
        };
        // The posterior of a masked token is D.
        if posterior && !self.plan.space.is_masked() {
            self.lint.add(Rule::PlugIn, op, "a posterior is read as if it were D".to_owned());
        }
        if let Some(Belief::LeaveOneOut(origin)) = one {
            if !near(origin.alpha, alpha) {
                let words = format!("D of survival {:.6} is read at {alpha:.6}", origin.alpha);
                self.lint.add(Rule::Levels, op, words);
            }
            if x.is_some_and(|x| x != origin.x) {
                self.lint.add(Rule::PlugIn, op, "D of other tokens is read".to_owned());
            }
        }
        let origin = Origin { x: x.unwrap_or(Id::MAX), alpha };
        match read {
            Read::Conditional { alpha } => Belief::Conditional(alpha),
            Read::Posterior { .. } => Belief::Posterior(origin),
            _ => Belief::Rates(origin),
        }
    }

    fn drawn(&self, from: Slot) -> Tokens {
        let letters =
            |origin, posterior| Tokens { survival: Some(1.0), drawn: Some((origin, posterior)), masks: vec![] };
        match self.belief(from) {
            Belief::LeaveOneOut(origin) => letters(origin, false),
            Belief::Posterior(origin) => letters(origin, true),
            Belief::Conditional(alpha) => Tokens { survival: Some(alpha), ..self.unknown() },
            Belief::Rates(_) => self.unknown(),
            // A guided or shaped sum of predictions of one kind has letters as well.
            Belief::Mixed => Tokens { masks: vec![], ..self.unknown() },
        }
    }

    fn jump(&mut self, op: usize, from: Slot, clean: Slot, alpha: f64, jump: Jump) -> Tokens {
        for (name, mass) in jump.masses() {
            if !(-SLACK..=1.0 + SLACK).contains(&mass) {
                self.lint.add(Rule::Masses, op, format!("{name} is {mass:.6}"));
            }
        }
        self.at(from, alpha, "the jump");
        let forward = self.id(clean) == self.id(from);
        if forward {
            if !near(jump.remask, jump.fresh()) {
                let [clean, noised] = [jump.remask, jump.fresh()];
                let words =
                    format!("a forward step redraws clean tokens with {clean:.6} and noised ones with {noised:.6}");
                self.lint.add(Rule::Marginals, op, words);
            }
        } else {
            self.check_letters(op, from, clean, alpha);
        }
        let survival = if forward { alpha * (1.0 - jump.remask) } else { jump.survival(alpha) };
        let left = match (jump.remask > 1e-12, jump.unmask < 1.0 - 1e-12 || forward) {
            (true, _) => self.all_masks(),
            (false, true) => self.tokens(from).map_or_else(Vec::new, |(_, tokens)| tokens.masks.clone()),
            (false, false) => self.tokens(clean).map_or_else(Vec::new, |(_, tokens)| tokens.masks.clone()),
        };
        Tokens { survival: Some(survival), drawn: None, masks: left }
    }

    /// Checks that the clean letters of a jump or a selection belong to its tokens.
    fn check_letters(&mut self, op: usize, from: Slot, clean: Slot, alpha: f64) {
        let drawn = self.tokens(clean).and_then(|(_, tokens)| tokens.drawn);
        let masked = self.plan.space.is_masked();
        let Some((origin, posterior)) = drawn else { return };
        if !posterior && !masked {
            self.lint.add(Rule::PlugIn, op, "the clean letters were drawn from D, not from the posterior".to_owned());
        }
        if origin.x != self.id(from) {
            self.lint.add(Rule::PlugIn, op, "the clean letters were drawn for other tokens".to_owned());
        }
        if !near(origin.alpha, alpha) {
            let words = format!("the clean letters are of survival {:.6}, the jump is at {alpha:.6}", origin.alpha);
            self.lint.add(Rule::Levels, op, words);
        }
    }

    fn jump_along(&mut self, op: usize, from: Slot, rates: Slot, length: f64) -> Tokens {
        if let Belief::Rates(origin) = self.belief(rates) {
            self.at(from, origin.alpha, "the reading of the rates");
            if origin.x != self.id(from) {
                self.lint.add(Rule::PlugIn, op, "the rates are those of other tokens".to_owned());
            }
        }
        let (survival, masks) = self.tokens(from).map_or((None, vec![]), |(_, own)| (own.survival, own.masks.clone()));
        Tokens { survival: survival.map(|alpha| alpha + length), drawn: None, masks }
    }

    fn select(&mut self, op: usize, [yes, no]: [Slot; 2], by: &By, take: Take, among: Option<[usize; 2]>) -> Tokens {
        let length = self.plan.space.length();
        let masked = self.plan.space.is_masked();
        let [range @ [first, end], whole] = [among.unwrap_or([0, length]), [0, length]];
        let (Some((_, new)), Some((_, old))) = (self.tokens(yes), self.tokens(no)) else { return self.unknown() };
        let (new, old) = (new.clone(), old.clone());
        let (rest, inside) = split(&old.masks, range);
        let candidates = if masked { inside } else { end - first };
        let everything = matches!(take, Take::Count(count) if count >= candidates);
        if (matches!(by, By::Confidence(_)) || matches!(take, Take::Above(_))) && !everything {
            let what =
                if let By::Confidence(_) = by { "the order is by confidence" } else { "the drawn letters decide" };
            self.lint.add(Rule::DrawnToken, op, format!("{what}: the choice looks at the drawn letters"));
        }
        if new.drawn.is_some_and(|(origin, _)| origin.x != self.id(no)) {
            self.lint.add(Rule::PlugIn, op, "the letters were drawn for other tokens".to_owned());
        }
        let taken = match take {
            Take::Count(count) => count,
            Take::Bound(_) | Take::Above(_) => 1,
        };
        let mut masks = rest;
        if new.masks.is_empty() {
            masks.push((range, inside.saturating_sub(taken)));
            masks.retain(|(_, left)| *left > 0);
        } else {
            masks = self.all_masks();
        }
        let survival = match (new.survival, old.survival) {
            (Some(a), Some(b)) if near(a, b) => Some(a),
            (survival, _) if everything && (masked && masks.is_empty() || range == whole) => survival,
            (Some(a), Some(b)) if !masked => {
                let words = format!("tokens of survival {a:.6} replace tokens of survival {b:.6}");
                self.lint.add(Rule::Marginals, op, words);
                None
            }
            _ => None,
        };
        Tokens { survival, drawn: None, masks }
    }

    fn step(&mut self, number: usize, op: &Op) {
        match op {
            Op::Fill { into, with } => {
                let space = &self.plan.space;
                let start = match with {
                    Filling::Letter(letter) => space.mask() == Some(*letter),
                    Filling::Prior(_) => true,
                };
                let tokens = match start {
                    true => Tokens { survival: Some(0.0), ..self.unknown() },
                    false => Tokens { survival: None, drawn: None, masks: vec![] },
                };
                self.write(*into, number, Content::Tokens(tokens));
            }
            Op::Eval { from, alpha, out, .. } => {
                self.at(*from, *alpha, "the next evaluation");
                let origin = Origin { x: self.id(*from), alpha: *alpha };
                for output in out {
                    self.write(output.into, number, Content::Beliefs(Belief::LeaveOneOut(origin)));
                }
            }
            Op::Blend { into, terms, how, read, .. } => {
                let belief = self.blend(number, terms, *how, *read);
                self.write(*into, number, Content::Beliefs(belief));
            }
            Op::Draw { into, from, .. } => {
                let tokens = self.drawn(*from);
                self.write(*into, number, Content::Tokens(tokens));
            }
            Op::Jump { into, from, step, .. } => {
                let tokens = match *step {
                    Step::Numbers { clean, alpha, jump } => self.jump(number, *from, clean, alpha, jump),
                    Step::Rates { rates, length } => self.jump_along(number, *from, rates, length),
                };
                self.write(*into, number, Content::Tokens(tokens));
            }
            Op::Select { into, yes, no, by, take, among, .. } => {
                let tokens = self.select(number, [*yes, *no], by, *take, *among);
                self.write(*into, number, Content::Tokens(tokens));
            }
        }
    }

    fn result(&mut self) {
        let Some((value, tokens)) = self.tokens(self.plan.result) else { return };
        let (op, masks) = (value.op, tokens.masks.iter().map(|(_, left)| left).sum::<usize>());
        let words = match tokens.survival {
            _ if masks > 0 => format!("up to {masks} masks are left in the result"),
            Some(survival) if !near(survival, 1.0) => format!("the result is at survival {survival:.6}"),
            None if !self.plan.space.is_masked() => "noise may be left in the result".to_owned(),
            _ => return,
        };
        self.lint.add(Rule::Left, op, words);
    }
}

/// Splits ranges at the ends of `range`: the parts outside, and the number of masks inside.
fn split(masks: &[([usize; 2], usize)], range: [usize; 2]) -> (Vec<([usize; 2], usize)>, usize) {
    let (mut outside, mut inside) = (Vec::new(), 0);
    for ([first, end], left) in masks {
        let most = |part: [usize; 2]| part[1].saturating_sub(part[0]).min(*left);
        for part in [[*first, (*end).min(range[0])], [(*first).max(range[1]), *end]] {
            if most(part) > 0 {
                outside.push((part, most(part)));
            }
        }
        inside += most([(*first).max(range[0]), (*end).min(range[1])]);
    }
    (outside, inside)
}

impl Plan {
    /// Checks that the instructions of the plan fit together.
    ///
    /// ```
    /// use langevin_discrete::{Jump, Noise, StateSpace, plan::{Draft, Rule}};
    /// // The four numbers of another step: the last evaluation is not at the survival they reach.
    /// let space = StateSpace::new(Noise::Masked, 3, 4)?;
    /// let mut draft = Draft::new("wrong", &space);
    /// let mut x = draft.start();
    /// for (alpha, to) in [(0.0, 0.4), (0.5, 1.0)] {
    ///     let d = draft.eval(x, alpha);
    ///     let clean = draft.draw(d);
    ///     x = draft.jump(x, clean, alpha, Jump::row(alpha, to, 1.0)?);
    /// }
    /// let lint = draft.finish(x)?.lint();
    /// assert_eq!((lint.findings[0].rule, lint.findings[0].op), (Rule::Marginals, 3));
    /// assert!(lint.to_string().contains("unmask is 0.400000, the marginal needs 0.500000"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn lint(&self) -> Lint {
        let mut check = Check { plan: self, lint: Lint::default(), slots: BTreeMap::new(), values: 0 };
        // The last survival of an evaluation, the first use of each draw, and predictions that were
        // not read yet.
        let (mut highest, mut used) = (0.0_f64, BTreeMap::new());
        let mut unread: BTreeMap<Slot, usize> = BTreeMap::new();
        let unread_words = |slot: Slot| format!("the prediction in slot {slot} is never read");
        for (number, op) in self.ops.iter().enumerate() {
            for slot in op.reads() {
                unread.remove(&slot);
            }
            for slot in op.writes() {
                if let Some(earlier) = unread.remove(&slot) {
                    check.lint.add(Rule::Unread, earlier, unread_words(slot));
                }
                if matches!(op, Op::Eval { .. }) {
                    unread.insert(slot, number);
                }
            }
            if let Op::Eval { alpha, .. } = op {
                if *alpha < highest - SLACK {
                    let words = format!("the evaluation is at survival {alpha:.6}, after one at {highest:.6}");
                    check.lint.add(Rule::Levels, number, words);
                }
                highest = highest.max(*alpha);
            }
            for draw in op.uses() {
                if let Some(first) = used.insert(draw, number) {
                    check.lint.add(Rule::Draws, number, format!("draw {draw} was used by ops[{first}] already"));
                }
            }
            check.step(number, op);
        }
        for (slot, number) in unread {
            check.lint.add(Rule::Unread, number, unread_words(slot));
        }
        check.result();
        check.lint
    }
}

#[cfg(test)]
mod tests;
