//! Unrolling: every state of a linear plan as weights over the inputs, every D and every draw.

use super::{Op, Plan};
use crate::error::{Error, Result};

/// A state as weights: $x = \sum_i w_i \mathrm{input}_i + \sum_j w_j D_j + \sum_k w_k z_k$.
///
/// ```
/// use langevin::{Process, Request};
/// let request = Request::new().sampler("ddim").process(Process::ve()).range(0.1, 10.0).steps(3);
/// let unrolled = request.plan()?.unroll()?;
/// // The network first sees the start: σ·z with σ = 10.
/// assert_eq!(unrolled.queries[0].draws, [10.0]);
/// assert_eq!(unrolled.queries[0].evals, [0.0; 3]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Weights {
    /// The weight of each input.
    pub inputs: Vec<f64>,
    /// The weight of each D, in the order of evaluation outputs.
    pub evals: Vec<f64>,
    /// The weight of each noise draw.
    pub draws: Vec<f64>,
}

/// The result of a plan as weights, and the states that its evaluations see.
///
/// ```
/// use langevin::Request;
/// let unrolled = Request::new().sampler("ddim").steps(3).plan()?.unroll()?;
/// assert_eq!((unrolled.lambdas.len(), unrolled.queries.len()), (3, 3));
/// // λ rises from the noisy to the clean end.
/// assert!(unrolled.lambdas.is_sorted());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Unrolled {
    /// λ of each evaluation output, in order.
    pub lambdas: Vec<f64>,
    /// The result.
    pub result: Weights,
    /// The state that each evaluation sees, in coordinates of the plan's process, not scaled for
    /// the network.
    pub queries: Vec<Weights>,
}

/// The largest number of weights in a result: (inputs + evaluations + draws) × evaluations. It
/// takes 32 MiB, enough for a stochastic plan of 1,400 steps.
pub const MAX_WEIGHTS: usize = 1 << 22;

/// The largest working table: slots × (inputs + evaluations + draws), which takes 8 MiB.
const MAX_TABLE: usize = 1 << 20;

/// The largest number of multiplications.
pub const MAX_WORK: u64 = 1 << 33;

/// Every slot as one row of weights: inputs, then evaluations, then draws.
pub(super) struct Tracker {
    pub(super) inputs: usize,
    pub(super) evals: usize,
    slots: Vec<Vec<f64>>,
    done: usize,
}

impl Tracker {
    pub(super) fn new(plan: &Plan) -> Result<Self> {
        if !plan.is_linear() {
            return Err(Error::argument("only a plan without maps is linear").at(format!("plan {}", plan.name())));
        }
        let outputs = |op: &Op| if let Op::Eval { out, .. } = op { out.len() } else { 0 };
        let (inputs, evals) = (plan.inputs.len(), plan.ops.iter().map(outputs).sum::<usize>());
        let width = (inputs + evals).saturating_add(plan.draws as usize);
        // These bounds limit memory and work: a row of weights is written for every term and read
        // for every move.
        let work = |op: &Op| if let Op::Combine { terms, .. } = op { terms.len() + 1 } else { 1 };
        let rows: usize = plan.ops.iter().map(work).sum::<usize>() + plan.moves.len();
        if width.saturating_mul(plan.slots) > MAX_TABLE || (width as u64).saturating_mul(rows as u64) > MAX_WORK {
            return Err(Error::argument("the plan is too large to unroll")
                .expected(format!("slots × weights ≤ {MAX_TABLE} and terms × weights ≤ {MAX_WORK}"))
                .got(format!("{} slots, {rows} terms, {width} weights", plan.slots)));
        }
        let mut slots = vec![vec![0.0; width]; plan.slots];
        for (number, input) in plan.inputs.iter().enumerate() {
            slots[input.slot][number] = 1.0;
        }
        Ok(Self { inputs, evals, slots, done: 0 })
    }

    /// Applies one instruction.
    pub(super) fn step(&mut self, op: &Op) {
        match op {
            Op::Eval { out, .. } => {
                for output in out {
                    let weights = &mut self.slots[output.into];
                    weights.fill(0.0);
                    weights[self.inputs + self.done] = 1.0;
                    self.done += 1;
                }
            }
            Op::Combine { into, terms, noise } => {
                let mut sum = vec![0.0; self.slots[*into].len()];
                for (coef, slot) in terms {
                    for (sum, weight) in sum.iter_mut().zip(&self.slots[*slot]) {
                        *sum += coef * weight;
                    }
                }
                for (coef, draw) in noise {
                    sum[self.inputs + self.evals + *draw as usize] += coef;
                }
                self.slots[*into] = sum;
            }
            Op::Map { .. } => {}
        }
    }

    pub(super) fn slot(&self, slot: usize) -> Weights {
        let (inputs, rest) = self.slots[slot].split_at(self.inputs);
        let (evals, draws) = rest.split_at(self.evals);
        Weights { inputs: inputs.to_vec(), evals: evals.to_vec(), draws: draws.to_vec() }
    }
}

impl Plan {
    /// Returns the result as weights over every D and every draw, and the state that each
    /// evaluation sees.
    ///
    /// ```
    /// use langevin::Request;
    /// let unrolled = Request::new().sampler("ddim").steps(5).plan()?.unroll()?;
    /// // The last step lands on D, so the weights of the earlier D and of the start cancel.
    /// assert_eq!(unrolled.result.evals, [0.0, 0.0, 0.0, 0.0, 1.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the plan has maps, or if it has more than 2²² weights.
    pub fn unroll(&self) -> Result<Unrolled> {
        let mut tracker = Tracker::new(self)?;
        let (mut lambdas, mut queries) = (Vec::new(), Vec::new());
        // The queries take as much memory as the tracker with one slot per query.
        if tracker.evals.saturating_mul(tracker.slots.first().map_or(0, Vec::len)) > MAX_WEIGHTS {
            return Err(
                Error::argument("the plan is too large to unroll").got(format!("{} evaluations", tracker.evals))
            );
        }
        for op in &self.ops {
            if let Op::Eval { from, level, out, .. } = op {
                for _ in out {
                    lambdas.push(level.lambda());
                    queries.push(tracker.slot(*from));
                }
            }
            tracker.step(op);
        }
        Ok(Unrolled { lambdas, result: tracker.slot(self.result), queries })
    }
}
