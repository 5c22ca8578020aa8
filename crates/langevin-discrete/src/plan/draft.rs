//! Writing a plan: values in place of slots.

use super::{By, Draw, Filling, How, Op, Output, Plan, Read, Shape, Slot, Step, Take};
use crate::moves::Jump;
use crate::space::StateSpace;
use langevin::Result;
use langevin::model::Branch;

/// Tokens of a draft, the result of an instruction.
#[derive(Clone, Copy, Debug)]
pub struct Tokens(Slot);

/// Beliefs of a draft, the result of an instruction.
#[derive(Clone, Copy, Debug)]
pub struct Beliefs(Slot);

/// A plan that is being written.
///
/// Every method appends an instruction and returns its value. Draws are numbered as they are used.
/// [`finish`](Self::finish) assigns slots: a value's slot is used again once nothing reads it.
///
/// ```
/// use langevin_discrete::plan::{By, Draft, Take};
/// use langevin_discrete::{Noise, StateSpace};
/// // One token at a time, in random order.
/// let space = StateSpace::new(Noise::Masked, 3, 4)?;
/// let mut draft = Draft::new("one at a time", &space);
/// let mut x = draft.start();
/// for _ in 0..4 {
///     let d = draft.eval(x, 0.0);
///     let clean = draft.draw(d);
///     let order = By::Random(draft.fresh());
///     x = draft.select(clean, x, order, Take::Count(1));
/// }
/// let plan = draft.finish(x)?;
/// assert_eq!((plan.nfe(), plan.slots()), (4, 3));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Draft {
    name: String,
    space: StateSpace,
    ops: Vec<Op>,
    values: usize,
    draws: Draw,
}

impl Draft {
    /// Creates an empty draft.
    #[must_use]
    pub fn new(name: impl Into<String>, space: &StateSpace) -> Self {
        Self { name: name.into(), space: space.clone(), ops: Vec::new(), values: 0, draws: 0 }
    }

    /// Returns the space of the sequences.
    #[must_use]
    pub fn space(&self) -> &StateSpace {
        &self.space
    }

    fn value(&mut self) -> Slot {
        self.values += 1;
        self.values - 1
    }

    /// Returns a draw that no instruction has used.
    pub fn fresh(&mut self) -> Draw {
        self.draws += 1;
        self.draws - 1
    }

    /// Appends the start at survival 0: masks, or letters drawn from π.
    pub fn start(&mut self) -> Tokens {
        let with = match self.space.mask() {
            Some(mask) => Filling::Letter(mask),
            None => Filling::Prior(self.fresh()),
        };
        let into = self.value();
        self.ops.push(Op::Fill { into, with });
        Tokens(into)
    }

    /// Appends an evaluation of the network at survival `alpha`.
    pub fn eval(&mut self, x: Tokens, alpha: f64) -> Beliefs {
        let into = self.value();
        self.ops.push(Op::Eval { from: x.0, alpha, out: vec![Output { branch: Branch::Main, into }], net: None });
        Beliefs(into)
    }

    /// Appends an evaluation of both branches of a conditional network: conditional, unconditional.
    pub fn eval_both(&mut self, x: Tokens, alpha: f64) -> [Beliefs; 2] {
        let [main, other] = [self.value(), self.value()];
        let out = [(Branch::Main, main), (Branch::Unconditional, other)];
        let out = out.map(|(branch, into)| Output { branch, into }).into();
        self.ops.push(Op::Eval { from: x.0, alpha, out, net: None });
        [main, other].map(Beliefs)
    }

    /// Appends a sum of beliefs, read as it is.
    pub fn blend(&mut self, terms: &[(f64, Beliefs)], how: How, shape: Shape) -> Beliefs {
        self.push_blend(terms, how, Read::Plain, shape)
    }

    fn push_blend(&mut self, terms: &[(f64, Beliefs)], how: How, read: Read, shape: Shape) -> Beliefs {
        let into = self.value();
        let terms = terms.iter().map(|(c, beliefs)| (*c, beliefs.0)).collect();
        self.ops.push(Op::Blend { into, terms, how, read, shape });
        Beliefs(into)
    }

    /// Appends the posterior of the clean letters, given tokens `x` at survival `alpha`.
    pub fn posterior(&mut self, d: Beliefs, x: Tokens, alpha: f64) -> Beliefs {
        self.push_blend(&[(1.0, d)], How::Linear, Read::Posterior { x: x.0, alpha }, Shape::default())
    }

    /// Appends the law of every noised token given all others.
    pub fn conditional(&mut self, d: Beliefs, alpha: f64) -> Beliefs {
        self.push_blend(&[(1.0, d)], How::Linear, Read::Conditional { alpha }, Shape::default())
    }

    /// Appends the rates of split `eta`.
    pub fn rates(&mut self, d: Beliefs, x: Tokens, alpha: f64, eta: f64) -> Beliefs {
        self.push_blend(&[(1.0, d)], How::Linear, Read::Rates { x: x.0, alpha, eta }, Shape::default())
    }

    /// Appends a draw of one letter for each token.
    pub fn draw(&mut self, beliefs: Beliefs) -> Tokens {
        let draw = self.fresh();
        let into = self.value();
        self.ops.push(Op::Draw { into, from: beliefs.0, draw });
        Tokens(into)
    }

    /// Appends a step with four numbers, from survival `alpha`.
    pub fn jump(&mut self, x: Tokens, clean: Tokens, alpha: f64, jump: Jump) -> Tokens {
        self.push_jump(x, Step::Numbers { clean: clean.0, alpha, jump })
    }

    /// Appends a step of length `length` along rates.
    pub fn jump_along(&mut self, x: Tokens, rates: Beliefs, length: f64) -> Tokens {
        self.push_jump(x, Step::Rates { rates: rates.0, length })
    }

    fn push_jump(&mut self, x: Tokens, step: Step) -> Tokens {
        let draw = self.fresh();
        let into = self.value();
        self.ops.push(Op::Jump { into, from: x.0, step, draw });
        Tokens(into)
    }

    /// Appends a selection over the whole sequence.
    pub fn select(&mut self, yes: Tokens, no: Tokens, by: By, take: Take) -> Tokens {
        self.select_among(yes, no, by, take, None, None)
    }

    /// Appends a selection in a range of places, with Gumbel noise on the scores.
    pub fn select_among(
        &mut self,
        yes: Tokens,
        no: Tokens,
        by: By,
        take: Take,
        among: Option<[usize; 2]>,
        noise: Option<(f64, Draw)>,
    ) -> Tokens {
        let into = self.value();
        self.ops.push(Op::Select { into, yes: yes.0, no: no.0, by, take, among, noise });
        Tokens(into)
    }

    /// Returns the order of smallest entropy first.
    #[must_use]
    pub fn by_entropy(beliefs: Beliefs) -> By {
        By::Entropy(beliefs.0)
    }

    /// Returns the order of largest margin first.
    #[must_use]
    pub fn by_margin(beliefs: Beliefs) -> By {
        By::Margin(beliefs.0)
    }

    /// Returns the order of largest probability of the drawn letter first.
    #[must_use]
    pub fn by_confidence(beliefs: Beliefs) -> By {
        By::Confidence(beliefs.0)
    }

    /// Returns the plan whose samples are `result`.
    ///
    /// # Errors
    /// Returns an error if a number of an instruction is out of its range.
    pub fn finish(self, result: Tokens) -> Result<Plan> {
        let Self { name, space, mut ops, values, .. } = self;
        let mut last = vec![0; values];
        for (number, op) in ops.iter().enumerate() {
            op.reads().into_iter().chain(op.writes()).for_each(|value| last[value] = number);
        }
        last[result.0] = ops.len();
        // Tokens and beliefs never share a slot, nor do beliefs of different sizes.
        let mut kinds: Vec<u8> = Vec::new();
        let mut of = vec![0; values];
        let mut free: Vec<Slot> = Vec::new();
        for (number, op) in ops.iter_mut().enumerate() {
            let kind = match op {
                Op::Fill { .. } | Op::Draw { .. } | Op::Jump { .. } | Op::Select { .. } => 0,
                Op::Blend { read: Read::Conditional { .. } | Read::Rates { .. }, .. } => 2,
                Op::Blend { terms, .. } => kinds[of[terms[0].1]],
                Op::Eval { .. } => 1,
            };
            let mut ended = op.reads();
            ended.retain(|value| last[*value] == number);
            ended.sort_unstable();
            ended.dedup();
            free.extend(ended.iter().map(|value| of[*value]));
            for value in op.writes() {
                let reused = free.iter().position(|slot| kinds[*slot] == kind).map(|place| free.remove(place));
                of[value] = reused.unwrap_or_else(|| {
                    kinds.push(kind);
                    kinds.len() - 1
                });
            }
            free.extend(op.writes().iter().filter(|value| last[**value] == number).map(|value| of[*value]));
            op.each_slot(|slot| *slot = of[*slot], |slot| *slot = of[*slot]);
        }
        Plan::new(name, space, kinds.len(), of[result.0], ops)
    }
}
