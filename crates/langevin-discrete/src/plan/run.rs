//! Executing a plan.

use super::select::{scores, taken};
use super::{By, Filling, How, Op, Plan, Read, Shape, Slot, Step};
use crate::chance::{pick, uniforms};
use crate::denoiser::{Denoiser, Parameterization, conditional, leave_one_out};
use crate::level;
use crate::moves::{rates, redraw};
use crate::space::{Letter, StateSpace};
use langevin::drive::{Answer, Program, Question, unasked, unfinished};
use langevin::{Error, Query, Result, SampleId};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Content of a slot, and the state of the driver ([`Program`]).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// Letters, rows × d.
    Tokens(Vec<Letter>),
    /// Numbers of each token, rows × d × width.
    Beliefs(Vec<f64>),
}

impl State {
    /// Returns the letters; `None` for beliefs.
    #[must_use]
    pub fn tokens(&self) -> Option<&[Letter]> {
        match self {
            Self::Tokens(tokens) => Some(tokens),
            Self::Beliefs(_) => None,
        }
    }
}

/// Tokens that a sampler must keep, for infilling.
///
/// ```
/// use langevin::SampleId;
/// use langevin_discrete::{Denoiser, Noise, exact::Chain, plan::Kept, sampler};
/// let chain = Chain::example(3, 5, Noise::Masked)?;
/// let plan = sampler::ancestral(chain.space(), &sampler::even(4))?;
/// let rows: Vec<_> = (0..100).map(|index| SampleId { seed: 0, index }).collect();
/// // The first and the last token are given, the same in every row.
/// let kept = Kept::every(&[2, 0, 0, 0, 1], &[true, false, false, false, true], rows.len());
/// let tokens = plan.run_keeping(&chain, &rows, &kept)?;
/// assert!(tokens.chunks(5).all(|row| row[0] == 2 && row[4] == 1));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    letters: Vec<Letter>,
    keep: Vec<bool>,
}

impl Kept {
    /// Creates kept tokens from rows × d letters and the places that are kept.
    #[must_use]
    pub fn new(letters: Vec<Letter>, keep: Vec<bool>) -> Self {
        Self { letters, keep }
    }

    /// Creates the same kept tokens for `rows` rows.
    #[must_use]
    pub fn every(letters: &[Letter], keep: &[bool], rows: usize) -> Self {
        Self { letters: letters.repeat(rows), keep: keep.repeat(rows) }
    }

    fn pin(&self, tokens: &mut [Letter]) {
        for ((token, letter), keep) in tokens.iter_mut().zip(&self.letters).zip(&self.keep) {
            if *keep {
                *token = *letter;
            }
        }
    }
}

impl Plan {
    /// Draws one sample for each row: rows × d letters.
    ///
    /// Sample (seed, index) is the same for any batch.
    ///
    /// # Errors
    /// Returns an error if the network fails, its space is another one, or a token has no letter of
    /// positive probability.
    pub fn run(&self, model: &dyn Denoiser, rows: &[SampleId]) -> Result<Vec<Letter>> {
        self.run_keeping(model, rows, &Kept::default())
    }

    /// Draws one sample for each row and keeps given tokens.
    ///
    /// # Errors
    /// Returns an error if [`run`](Self::run) would, or if the kept tokens do not fit the rows.
    pub fn run_keeping(&self, model: &dyn Denoiser, rows: &[SampleId], kept: &Kept) -> Result<Vec<Letter>> {
        check_space(&self.space, model.space())?;
        let mut run = self.start(rows, kept.clone())?;
        while let Some(Question { x, query, .. }) = run.query()? {
            let State::Tokens(tokens) = x else { return Err(unasked()) };
            let beliefs = model.leave_one_out(tokens, &query)?;
            run.supply_leave_one_out(beliefs)?;
        }
        run.finish()
    }

    /// Starts a run whose evaluations the caller answers.
    ///
    /// # Errors
    /// Returns an error if a mass of the plan is no probability, or the kept tokens do not fit the
    /// rows.
    pub fn start<'a>(&'a self, rows: &'a [SampleId], kept: Kept) -> Result<Run<'a>> {
        Self::begun(Cow::Borrowed(self), Cow::Borrowed(rows), kept)
    }

    /// Starts a run that owns its plan and its rows.
    ///
    /// ```
    /// use langevin::{SampleId, drive::Program};
    /// use langevin_discrete::{Denoiser, Noise, exact::Chain, plan::{Kept, Run}, sampler};
    /// let chain = Chain::example(3, 5, Noise::Masked)?;
    /// let plan = sampler::ancestral(chain.space(), &sampler::even(4))?;
    /// let rows = vec![SampleId::default()];
    /// let mut run: Run<'static> = plan.clone().start_owned(rows, Kept::default())?;
    /// while let Some(question) = run.query()? {
    ///     let tokens = question.x.tokens().unwrap_or_default();
    ///     let beliefs = chain.leave_one_out(tokens, &question.query)?;
    ///     run.supply_leave_one_out(beliefs)?;
    /// }
    /// assert_eq!(run.finish()?, plan.run(&chain, &[SampleId::default()])?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`start`](Self::start).
    pub fn start_owned(self, rows: Vec<SampleId>, kept: Kept) -> Result<Run<'static>> {
        Self::begun(Cow::Owned(self), Cow::Owned(rows), kept)
    }

    fn begun<'a>(plan: Cow<'a, Self>, rows: Cow<'a, [SampleId]>, kept: Kept) -> Result<Run<'a>> {
        plan.check_masses()?;
        let (space, slots) = (plan.space.clone(), plan.slots());
        let tokens = rows.len() * space.length();
        if !kept.letters.is_empty() {
            if kept.letters.len() != tokens || kept.keep.len() != tokens {
                return Err(Error::shape("the kept tokens do not fit the rows")
                    .expected(format!("{} rows × {} tokens", rows.len(), space.length()))
                    .got(format!("{} letters and {} places", kept.letters.len(), kept.keep.len())));
            }
            let vocab = space.vocab();
            let bad = kept.letters.iter().zip(&kept.keep).find(|(letter, keep)| **keep && **letter as usize >= vocab);
            if let Some((letter, _)) = bad {
                return Err(Error::argument("a kept token is no letter of the vocabulary")
                    .expected(format!("a letter below {vocab}"))
                    .got(letter.to_string()));
            }
        }
        let slots = vec![State::Tokens(Vec::new()); slots];
        Ok(Run { plan, rows, kept, slots, next: 0, output: 0, recorded: BTreeMap::new(), drawn: Vec::new() })
    }
}

/// Checks that a plan and a model speak of the same sequences.
fn check_space(plan: &StateSpace, model: &StateSpace) -> Result<()> {
    if plan == model {
        return Ok(());
    }
    Err(Error::argument("the plan is for other sequences than the model")
        .expected(model.to_string())
        .got(plan.to_string()))
}

/// Execution of a plan, one evaluation at a time.
///
/// The answer to a question holds the network's own prediction. [`Plan::run`] is the loop.
#[derive(Debug)]
pub struct Run<'a> {
    plan: Cow<'a, Plan>,
    rows: Cow<'a, [SampleId]>,
    kept: Kept,
    slots: Vec<State>,
    /// Next instruction, and the next output of it if it is an evaluation.
    next: usize,
    output: usize,
    /// Uniforms that replace those of the generator, rows × d for each draw.
    recorded: BTreeMap<u32, Vec<f64>>,
    /// Letters of the last draw since the last evaluation; empty without one.
    drawn: Vec<Letter>,
}

impl Run<'_> {
    /// Returns the tokens of the plan's result so far: the last written state of its slot.
    ///
    /// It is empty before the first instruction.
    #[must_use]
    pub fn tokens(&self) -> &[Letter] {
        self.slots[self.plan.result].tokens().unwrap_or_default()
    }

    /// Returns the letters that were drawn after the last answered evaluation, rows × d: for masked
    /// tokens also those that were not taken.
    ///
    /// It is empty before the sampler draws, and for samplers that draw no letters.
    ///
    /// ```
    /// use langevin::{SampleId, drive::Program};
    /// use langevin_discrete::{Denoiser, Noise, exact::Chain, plan::Kept, sampler};
    /// let chain = Chain::example(3, 5, Noise::Masked)?;
    /// let plan = sampler::sizes(chain.space(), &[2, 3], &"random".parse()?)?;
    /// let rows = [SampleId::default()];
    /// let mut run = plan.start(&rows, Kept::default())?;
    /// let tokens = run.query()?.unwrap().x.tokens().unwrap().to_vec();
    /// let query = langevin::Query::new(langevin_discrete::level(0.0), &rows);
    /// run.supply_leave_one_out(chain.leave_one_out(&tokens, &query)?)?;
    /// run.query()?;
    /// // Five letters were drawn, of which two were taken.
    /// let masks = run.tokens().iter().filter(|letter| **letter == 3).count();
    /// assert_eq!((run.drawn().iter().all(|letter| *letter < 3), masks), (true, 3));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn drawn(&self) -> &[Letter] {
        &self.drawn
    }

    /// Returns the number of instructions that have been performed.
    #[must_use]
    pub fn performed(&self) -> usize {
        self.next
    }

    /// Replaces the tokens that the open question is about, for example after a change of the
    /// caller's own.
    ///
    /// # Errors
    /// Returns an error if no question is open, or the tokens are no whole sequences of the space.
    pub fn replace(&mut self, tokens: Vec<Letter>) -> Result<()> {
        let Some(Op::Eval { from, .. }) = self.plan.ops.get(self.next) else { return Err(unasked()) };
        let (wanted, from) = (self.rows.len() * self.plan.space.length(), *from);
        if tokens.len() != wanted {
            return Err(Error::shape("the tokens do not fit the run")
                .expected(format!("{wanted} tokens"))
                .got(tokens.len().to_string()));
        }
        self.plan.space.check(&tokens)?;
        self.slots[from] = State::Tokens(tokens);
        Ok(())
    }

    /// Replaces the uniforms of one draw, rows × d numbers between 0 and 1.
    ///
    /// The noise of another program can so be replayed.
    ///
    /// # Errors
    /// Returns an error if their number is wrong, or one is not between 0 and 1.
    pub fn record(&mut self, draw: u32, uniforms: Vec<f64>) -> Result<()> {
        let wanted = self.rows.len() * self.plan.space.length();
        if uniforms.len() != wanted {
            return Err(Error::shape("the uniforms do not fit the run")
                .expected(format!("{wanted} numbers"))
                .got(uniforms.len().to_string()));
        }
        if let Some(bad) = uniforms.iter().find(|u| !(**u > 0.0 && **u < 1.0)) {
            return Err(Error::argument("a uniform is out of range")
                .at(format!("draw {draw}"))
                .expected("numbers between 0 and 1")
                .got(bad.to_string()));
        }
        self.recorded.insert(draw, uniforms);
        Ok(())
    }

    /// Fills `out` with the uniforms of one row's draw.
    fn uniforms(&self, row: usize, draw: u32, out: &mut [f64]) {
        match self.recorded.get(&draw) {
            Some(own) => out.copy_from_slice(&own[row * out.len()..][..out.len()]),
            None => uniforms(self.rows[row], draw, out),
        }
    }

    fn letters(&self, slot: Slot) -> &[Letter] {
        self.slots[slot].tokens().unwrap_or_default()
    }

    fn beliefs(&self, slot: Slot) -> &[f64] {
        match &self.slots[slot] {
            State::Beliefs(beliefs) => beliefs,
            State::Tokens(_) => &[],
        }
    }

    /// Answers a question with leave-one-out predictions that were converted already.
    ///
    /// # Errors
    /// Returns an error if no question is open or the predictions do not fit.
    pub fn supply_leave_one_out(&mut self, beliefs: Vec<f64>) -> Result<()> {
        let Some(Op::Eval { out, .. }) = self.plan.ops.get(self.next) else { return Err(unasked()) };
        let wanted = self.rows.len() * self.plan.space.length() * self.plan.space.vocab();
        if beliefs.len() != wanted {
            return Err(Error::shape("the prediction has the wrong size")
                .expected(wanted.to_string())
                .got(beliefs.len().to_string()));
        }
        self.slots[out[self.output].into] = State::Beliefs(beliefs);
        self.drawn.clear();
        self.output += 1;
        if self.output == out.len() {
            (self.next, self.output) = (self.next + 1, 0);
        }
        Ok(())
    }

    /// Answers a question with predictions of any parameterization, which are checked and
    /// converted.
    ///
    /// # Errors
    /// Returns an error if no question is open, or the predictions do not fit or are no
    /// distributions.
    pub fn supply_as(&mut self, from: Parameterization, predicted: Vec<f64>) -> Result<()> {
        let Some(Op::Eval { from: slot, alpha, .. }) = self.plan.ops.get(self.next) else { return Err(unasked()) };
        let (query, tokens) = (Query::new(level(*alpha), &self.rows), self.letters(*slot));
        let beliefs = leave_one_out(&self.plan.space, from, tokens, &query, predicted)?;
        self.supply_leave_one_out(beliefs)
    }

    /// Performs the instructions up to the next evaluation.
    fn advance(&mut self) -> Result<()> {
        while let Some(op) = self.plan.ops.get(self.next) {
            if let Op::Eval { .. } = op {
                return Ok(());
            }
            let (slot, state) =
                self.perform(op).map_err(|error| error.at(format!("ops[{}], {}", self.next, op.name())))?;
            if let (Op::Draw { .. }, State::Tokens(letters)) = (op, &state) {
                self.drawn.clone_from(letters);
            }
            self.slots[slot] = state;
            self.next += 1;
        }
        Ok(())
    }

    fn perform(&self, op: &Op) -> Result<(Slot, State)> {
        let space = &self.plan.space;
        let length = space.length();
        // Writes one letter for each token, from the uniforms of a draw.
        let each = |draw: u32, letter: &mut dyn FnMut(usize, f64) -> Result<Letter>| -> Result<Vec<Letter>> {
            let (mut out, mut u) = (Vec::with_capacity(self.rows.len() * length), vec![0.0; length]);
            for row in 0..self.rows.len() {
                self.uniforms(row, draw, &mut u);
                for (place, u) in u.iter().enumerate() {
                    out.push(letter(row * length + place, *u)?);
                }
            }
            Ok(out)
        };
        let (slot, mut tokens) = match op {
            Op::Eval { .. } => return Err(unfinished()),
            Op::Blend { into, terms, how, read, shape } => {
                return Ok((*into, State::Beliefs(self.blend(terms, *how, *read, *shape)?)));
            }
            Op::Fill { into, with } => (
                *into,
                match with {
                    Filling::Letter(letter) => vec![*letter; self.rows.len() * length],
                    Filling::Prior(draw) => each(*draw, &mut |_, u| Ok(redraw(space, u)))?,
                },
            ),
            Op::Draw { into, from, draw } => {
                let beliefs = self.beliefs(*from);
                let width = beliefs.len() / (self.rows.len() * length).max(1);
                (*into, each(*draw, &mut |token, u| drawn(&beliefs[token * width..][..width], u, token, length))?)
            }
            Op::Jump { into, from, step, draw } => {
                let x = self.letters(*from);
                (
                    *into,
                    match step {
                        Step::Numbers { clean, alpha, jump } => {
                            let clean = self.letters(*clean);
                            each(*draw, &mut |token, u| Ok(jump.take(space, x[token], clean[token], *alpha, u)))?
                        }
                        Step::Rates { rates, length: h } => {
                            let (beliefs, width) = (self.beliefs(*rates), space.letters());
                            each(*draw, &mut |token, u| {
                                let rates = &beliefs[token * width..][..width];
                                let jumps = jump_probability(rates, *h);
                                // The same uniform decides whether and where the token jumps.
                                let to = if u < jumps { pick(rates, u / jumps) } else { None };
                                Ok(to.unwrap_or(x[token]))
                            })?
                        }
                    },
                )
            }
            Op::Select { into, yes, no, by, take, among, noise } => {
                let (yes, no) = (self.letters(*yes), self.letters(*no));
                let beliefs = by.belief().map_or(&[][..], |slot| self.beliefs(slot));
                let mut out = no.to_vec();
                let mut u = vec![0.0; length];
                for row in 0..self.rows.len() {
                    let span = row * length..(row + 1) * length;
                    let wide = row * length * space.vocab()..(row + 1) * length * space.vocab();
                    let (yes, no) = (&yes[span.clone()], &no[span.clone()]);
                    let belief = beliefs.get(wide).unwrap_or_default();
                    if let By::Random(draw) = by {
                        self.uniforms(row, *draw, &mut u);
                    }
                    let mut scores = scores(by, space.vocab(), yes, belief, &u);
                    if let Some((temperature, draw)) = noise {
                        self.uniforms(row, *draw, &mut u);
                        scores.iter_mut().zip(&u).for_each(|(s, u)| *s -= temperature * libm::log(-libm::log(*u)));
                    }
                    for place in taken(space, no, belief, yes, &scores, *take, *among) {
                        out[row * length + place] = yes[place];
                    }
                }
                (*into, out)
            }
        };
        self.kept.pin(&mut tokens);
        Ok((slot, State::Tokens(tokens)))
    }

    fn blend(&self, terms: &[(f64, Slot)], how: How, read: Read, shape: Shape) -> Result<Vec<f64>> {
        let inputs: Vec<(f64, &[f64])> = terms.iter().map(|(c, slot)| (*c, self.beliefs(*slot))).collect();
        let x = match read {
            Read::Posterior { x, .. } | Read::Rates { x, .. } => self.letters(x),
            Read::Plain | Read::Conditional { .. } => &[],
        };
        let width = inputs[0].1.len() / (self.rows.len() * self.plan.space.length()).max(1);
        blended(&self.plan.space, &inputs, width, how, read, shape, x)
    }
}

/// A function from the number of a token and its values to one number for each letter.
type Widen<'a> = dyn FnMut(usize, &[f64], &mut [f64]) -> Result<()> + 'a;

/// Computes a blend: the sum, its shape, and its reading.
pub(super) fn blended(
    space: &StateSpace,
    inputs: &[(f64, &[f64])],
    width: usize,
    how: How,
    read: Read,
    shape: Shape,
    x: &[Letter],
) -> Result<Vec<f64>> {
    let mut sum = vec![0.0; inputs[0].1.len()];
    match how {
        How::Linear => {
            for (c, values) in inputs {
                sum.iter_mut().zip(*values).for_each(|(sum, value)| *sum += c * value);
            }
            sum.iter_mut().for_each(|sum| *sum = sum.max(0.0));
        }
        How::Log => log_blend(inputs, width, &mut sum),
    }
    sum.chunks_exact_mut(width).for_each(|values| shape.apply(values));
    let wide = |f: &mut Widen<'_>| {
        let mut out = vec![0.0; sum.len() / width * space.letters()];
        for (token, (values, out)) in sum.chunks_exact(width).zip(out.chunks_exact_mut(space.letters())).enumerate() {
            f(token, values, out)?;
        }
        Ok(out)
    };
    match read {
        Read::Plain => Ok(sum),
        Read::Posterior { alpha, .. } => {
            for (values, x) in sum.chunks_exact_mut(width).zip(x) {
                for (v, value) in values.iter_mut().enumerate() {
                    *value *= space.transition(alpha, v as Letter, *x);
                }
            }
            Ok(sum)
        }
        Read::Conditional { alpha } => wide(&mut |_, values, out| {
            conditional(space, values, alpha, out);
            Ok(())
        }),
        Read::Rates { alpha, eta, .. } => {
            wide(&mut |token, values, out| rates(space, values, x[token], alpha, eta, out))
        }
    }
}

/// Returns the probability 1 − e^(−hΛ) that a token jumps.
pub(super) fn jump_probability(rates: &[f64], length: f64) -> f64 {
    -libm::expm1(-length * rates.iter().sum::<f64>())
}

/// Computes exp(Σ c ln B), normalised.
fn log_blend(inputs: &[(f64, &[f64])], width: usize, out: &mut [f64]) {
    for (c, values) in inputs {
        // A letter of probability 0 stays impossible for a positive coefficient, and a negative
        // coefficient must not make it infinite.
        let logarithm = |value: f64| libm::log(value.max(1e-300));
        out.iter_mut().zip(*values).for_each(|(out, value)| *out += c * logarithm(*value));
    }
    for (token, out) in out.chunks_exact_mut(width).enumerate() {
        let most = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let possible =
            |letter: usize| inputs.iter().any(|(c, values)| *c > 0.0 && values[token * width + letter] > 0.0);
        let mut sum = 0.0;
        for (letter, value) in out.iter_mut().enumerate() {
            *value = if possible(letter) { libm::exp(*value - most) } else { 0.0 };
            sum += *value;
        }
        out.iter_mut().for_each(|value| *value /= sum);
    }
}

impl Shape {
    /// Applies the shape to one distribution.
    fn apply(self, values: &mut [f64]) {
        if self == Self::default() {
            return;
        }
        if let Some(temperature) = self.temperature {
            let most = values.iter().copied().fold(0.0, f64::max);
            values.iter_mut().for_each(|value| *value = libm::pow(*value / most, 1.0 / temperature));
        }
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
        if let Some(k) = self.top_k {
            order.iter().skip(k).for_each(|letter| values[*letter] = 0.0);
        }
        if let Some(p) = self.top_p {
            let (total, mut before): (f64, f64) = (values.iter().sum(), 0.0);
            for letter in order {
                let value = values[letter];
                // The letter that crosses the limit is kept.
                if before >= p * total {
                    values[letter] = 0.0;
                }
                before += value;
            }
        }
        let sum: f64 = values.iter().sum();
        values.iter_mut().for_each(|value| *value /= sum);
    }
}

/// Draws the letter of one token.
fn drawn(weights: &[f64], u: f64, token: usize, length: usize) -> Result<Letter> {
    pick(weights, u).ok_or_else(|| {
        Error::singular("no letter has a positive probability")
            .at(format!("row {}, token {}", token / length, token % length))
            .expected("at least one positive number")
            .got("zeros, or a value that is not a number")
    })
}

impl Program for Run<'_> {
    type State = State;
    type Output = Vec<Letter>;

    fn query(&mut self) -> Result<Option<Question<'_, State>>> {
        self.advance()?;
        let Some(Op::Eval { from, alpha, out, .. }) = self.plan.ops.get(self.next) else { return Ok(None) };
        let mut query = Query::new(level(*alpha), &self.rows);
        query.branch = out[self.output].branch;
        Ok(Some(Question::about(&self.slots[*from], query)))
    }

    /// Takes the network's own prediction, in the parameterization of the instruction.
    fn supply(&mut self, answer: Answer<State>) -> Result<()> {
        let Some(Op::Eval { net, .. }) = self.plan.ops.get(self.next) else { return Err(unasked()) };
        let net = net.unwrap_or_default();
        let State::Beliefs(predicted) = answer.out else {
            return Err(Error::shape("the answer holds tokens").expected("beliefs"));
        };
        self.supply_as(net, predicted)
    }

    fn finish(mut self) -> Result<Vec<Letter>> {
        self.advance()?;
        if self.next < self.plan.ops.len() {
            return Err(unfinished());
        }
        match std::mem::replace(&mut self.slots[self.plan.result], State::Beliefs(Vec::new())) {
            State::Tokens(tokens) => Ok(tokens),
            State::Beliefs(_) => Err(unfinished()),
        }
    }
}
