//! What a linear plan does, all at once: every slot as weights over the inputs, over every D and over every draw.

use super::{Op, Plan};
use crate::error::{Error, Result};

/// A state as weights: $x = \sum_i w_i \mathrm{input}_i + \sum_j w_j D_j + \sum_k w_k z_k$.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Weights {
    /// Of each input.
    pub inputs: Vec<f64>,
    /// Of the D of each evaluation output, in order.
    pub evals: Vec<f64>,
    /// Of each noise draw.
    pub draws: Vec<f64>,
}

/// The result of a plan as weights, and where each evaluation stands.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Unrolled {
    /// λ of each evaluation output, in order.
    pub lambdas: Vec<f64>,
    /// The result.
    pub result: Weights,
    /// The state that each evaluation sees (of its own process, not scaled for the network).
    pub queries: Vec<Weights>,
}

/// The largest answer of weights, 32 MiB: (inputs + evaluations + draws) × evaluations, a stochastic plan of 1,400 steps.
pub const MAX_WEIGHTS: usize = 1 << 22;

/// The largest table that is kept on the way, 8 MiB: slots × (inputs + evaluations + draws).
const MAX_TABLE: usize = 1 << 20;

/// The most multiplications.
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
        // Bounds on memory and on work: a row of weights is written for every term, and read for every move.
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

    /// Carries one instruction out.
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
    /// The final state as weights over all D and all draws, and what each evaluation sees.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler};
    /// let process = Process::rectified_flow();
    /// let plan = Sampler::ddim(0.0).compile(&process, None, &Grid::karras(5).levels(&process, 0.002, 80.0)?)?;
    /// let unrolled = plan.unroll()?;
    /// // The last step lands on D: the weights of the others cancel the start.
    /// assert_eq!(unrolled.result.evals, [0.0, 0.0, 0.0, 0.0, 1.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// A plan with maps, or one of more than 2²² weights.
    pub fn unroll(&self) -> Result<Unrolled> {
        let mut tracker = Tracker::new(self)?;
        let (mut lambdas, mut queries) = (Vec::new(), Vec::new());
        // The queries are as large as the tracker for one slot each.
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
