//! Evaluates a linear plan on one eigenvalue, backwards.
//!
//! Along an axis of variance c the exact D is affine, so the final state is a weighted sum of all
//! inputs. One pass from the last instruction to the first yields the weights. The pass carries the
//! sensitivity g of the final state to each slot:
//!
//! - combine: $g_{slot} \mathrel{+}= \mathrm{coef} \cdot g_{into}$, and the weight of a draw grows
//!   by coef·$g_{into}$;
//! - eval: $g_{from} \mathrel{+}= \mathrm{gain} \sum g_{out}$, and the weight of the mean by rest·Σ
//!   $g_{out}$, where D = gain·x + rest·m.
//!
//! The pass therefore needs one number per slot and one multiplication per term, for any number of
//! draws.

use crate::exact::{Share, Wanted};
use langevin::error::{Error, Result};
use langevin::plan::{MAX_WEIGHTS, MAX_WORK, Op, Plan, Slot};
use langevin::process::Level;

/// The number of eigenvalues that go through the plan side by side.
pub(super) const LANES: usize = 8;
pub(super) type Lanes = [f64; LANES];

/// A Gaussian along one axis whose data have the mean m: its own mean is `mean`·m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    pub(super) mean: f64,
    pub(super) variance: f64,
}

impl Moments {
    /// Returns the moments of p_t: mean α·m and variance α²c + σ².
    pub(super) fn marginal(c: f64, level: &Level) -> Self {
        Self { mean: level.alpha, variance: level.alpha * level.alpha * c + level.sigma * level.sigma }
    }
}

/// The meaning of the plan's inputs. All inputs come from the same datum.
#[derive(Clone, Copy, Debug)]
enum Inputs {
    /// The inputs are the datum.
    Clean,
    /// The inputs are the datum noised to this level, each with independent noise.
    Noisy(Level),
}

/// The quantity that a pass computes.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// The plan's result with this error of the score.
    Result(f64),
    /// The plan's result if its start is drawn from p_T.
    FromMarginal(Entry),
    /// The start itself.
    Start(Entry),
}

/// The point at which the first move begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    op: usize,
    slot: Slot,
    level: Level,
}

/// A plan prepared for passes.
pub(super) struct Passage<'a> {
    plan: &'a Plan,
    /// The noise terms of each instruction: the coefficient, and the index at which the weight is
    /// collected for a draw that occurs more than once.
    noise: Vec<Vec<(f64, Option<usize>)>>,
    gathered: usize,
    inputs: Inputs,
    /// `None` if the plan has no move, or if its first move reads no state.
    pub(super) entry: Option<Entry>,
}

/// Memory of a pass, reused between passes.
pub(super) struct Scratch {
    slots: Vec<Lanes>,
    draws: Vec<Lanes>,
}

/// Returns the slot that an instruction reads first.
pub(super) fn reads(op: &Op) -> Option<Slot> {
    match op {
        Op::Eval { from, .. } => Some(*from),
        Op::Combine { terms, .. } => terms.first().map(|term| term.1),
        Op::Map { .. } => None,
    }
}

impl<'a> Passage<'a> {
    /// Prepares a plan for `passes` passes over `eigenvalues` eigenvalues.
    pub(super) fn new(plan: &'a Plan, eigenvalues: usize, passes: u64) -> Result<Self> {
        if !plan.is_linear() {
            return Err(Error::argument("only a plan without maps can be analysed exactly")
                .at(format!("plan {}", plan.name()))
                .hinting("take its clamps out with Plan::unclipped, or draw samples"));
        }
        let first = plan.moves().iter().min_by_key(|note| note.ops[0]);
        let inputs = match first {
            _ if plan.inputs().is_empty() => Inputs::Clean,
            Some(first) if !plan.takes_clean_inputs()? => Inputs::Noisy(first.from),
            Some(_) => Inputs::Clean,
            None => {
                return Err(Error::argument("it is not known where the inputs stand")
                    .at(format!("plan {}", plan.name()))
                    .expected("at least one move")
                    .got("none"));
            }
        };
        let entry = first.and_then(|note| {
            let op = note.ops[0];
            Some(Entry { op, slot: reads(&plan.ops()[op])?, level: note.from })
        });
        let draws = |op: &'a Op| if let Op::Combine { noise, .. } = op { noise.as_slice() } else { &[] };
        let mut twice: Vec<_> = plan.ops().iter().flat_map(|op| draws(op).iter().map(|(_, draw)| *draw)).collect();
        twice.sort_unstable();
        twice = twice.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).map(|same| same[0]).collect();
        let place = |draw: &(f64, u32)| (draw.0, twice.binary_search(&draw.1).ok());
        let noise: Vec<Vec<_>> = plan.ops().iter().map(|op| draws(op).iter().map(place).collect()).collect();

        let terms = |op: &Op| match op {
            Op::Combine { terms, noise, .. } => 1 + terms.len() + noise.len(),
            Op::Eval { out, .. } => 4 + out.len(),
            Op::Map { .. } => 0,
        };
        let memory = plan.slots() + twice.len();
        let work = (plan.ops().iter().map(terms).sum::<usize>() + memory) as u64;
        let lanes = (eigenvalues.next_multiple_of(LANES)) as u64;
        if memory.saturating_mul(LANES) > MAX_WEIGHTS || work.saturating_mul(lanes).saturating_mul(passes) > MAX_WORK {
            return Err(Error::argument("the plan is too large to analyse on this spectrum")
                .at(format!("plan {}", plan.name()))
                .expected(format!("terms × eigenvalues × passes ≤ {MAX_WORK}"))
                .got(format!("{work} × {eigenvalues} × {passes}")));
        }
        Ok(Self { plan, noise, gathered: twice.len(), inputs, entry })
    }

    pub(super) fn scratch(&self) -> Scratch {
        Scratch { slots: vec![[0.0; LANES]; self.plan.slots()], draws: vec![[0.0; LANES]; self.gathered] }
    }

    /// Returns the mean and the variance of the result, or of the start, for eight eigenvalues.
    pub(super) fn run(&self, what: What, c: &Lanes, scratch: &mut Scratch) -> [Moments; LANES] {
        let Scratch { slots, draws } = scratch;
        slots.fill([0.0; LANES]);
        draws.fill([0.0; LANES]);
        let whole = (self.plan.ops().len(), self.plan.result());
        let ((ops, end), delta, replaced) = match what {
            What::Result(delta) => (whole, delta, None),
            What::FromMarginal(entry) => (whole, 0.0, Some(entry)),
            What::Start(entry) => ((entry.op, entry.slot), 0.0, None),
        };
        let (mut mean, mut variance) = ([0.0; LANES], [0.0; LANES]);
        slots[end] = [1.0; LANES];
        for (number, op) in self.plan.ops()[..ops].iter().enumerate().rev() {
            match op {
                Op::Eval { from, level, out, .. } => {
                    // The error of the score is (1 + δ)·ε, hence D̂ = D + δ(D − x/α). At α = 0 the
                    // score does not determine D.
                    let error = if level.alpha > 0.0 { delta } else { 0.0 };
                    let direct = if error == 0.0 { 0.0 } else { error / level.alpha };
                    let mut g = [0.0; LANES];
                    for output in out {
                        let part = std::mem::replace(&mut slots[output.into], [0.0; LANES]);
                        add(&mut g, 1.0, &part);
                    }
                    let into = &mut slots[*from];
                    for lane in 0..LANES {
                        let Share { gain, rest, .. } = Share::new(Wanted::Denoised, c[lane], level);
                        into[lane] += ((1.0 + error) * gain - direct) * g[lane];
                        mean[lane] += (1.0 + error) * rest * g[lane];
                    }
                }
                Op::Combine { into, terms, .. } => {
                    let g = std::mem::replace(&mut slots[*into], [0.0; LANES]);
                    for (coef, slot) in terms {
                        add(&mut slots[*slot], *coef, &g);
                    }
                    for (coef, place) in &self.noise[number] {
                        match place {
                            None => add_squares(&mut variance, *coef, &g),
                            Some(place) => add(&mut draws[*place], *coef, &g),
                        }
                    }
                }
                Op::Map { .. } => {}
            }
            if let Some(Entry { slot, level, .. }) = replaced.filter(|entry| entry.op == number) {
                let g = std::mem::replace(&mut slots[slot], [0.0; LANES]);
                add(&mut mean, level.alpha, &g);
                for lane in 0..LANES {
                    variance[lane] += g[lane] * g[lane] * Moments::marginal(c[lane], &level).variance;
                }
            }
        }
        draws.iter().for_each(|weights| add_squares(&mut variance, 1.0, weights));
        let mut data = [0.0; LANES];
        for input in self.plan.inputs() {
            let g = slots[input.slot];
            match self.inputs {
                Inputs::Clean => add(&mut data, 1.0, &g),
                Inputs::Noisy(level) => {
                    add(&mut data, level.alpha, &g);
                    add_squares(&mut variance, level.sigma, &g);
                }
            }
        }
        std::array::from_fn(|lane| Moments {
            mean: mean[lane] + data[lane],
            variance: variance[lane] + data[lane] * data[lane] * c[lane],
        })
    }

    /// Returns the share ρ of the noise that a move at a fixed level keeps.
    ///
    /// This is the weight of the state with D held constant. The last instruction writes the state.
    pub(super) fn kept(&self, ops: [usize; 2]) -> Option<f64> {
        let [first, last] = ops;
        let span = &self.plan.ops()[first..=last];
        let Op::Combine { into, .. } = &span[last - first] else { return None };
        let mut slots = std::collections::BTreeMap::from([(*into, 1.0)]);
        for op in span.iter().rev() {
            match op {
                Op::Eval { out, .. } => {
                    for output in out {
                        slots.remove(&output.into);
                    }
                }
                Op::Combine { into, terms, .. } => {
                    if let Some(g) = slots.remove(into) {
                        terms.iter().for_each(|(coef, slot)| *slots.entry(*slot).or_insert(0.0) += coef * g);
                    }
                }
                Op::Map { .. } => {}
            }
        }
        Some(slots.get(&reads(&span[0])?).copied().unwrap_or(0.0))
    }

    /// Returns `true` if a move draws noise.
    pub(super) fn draws(&self, ops: [usize; 2]) -> bool {
        self.noise[ops[0]..=ops[1]].iter().any(|noise| !noise.is_empty())
    }

    pub(super) fn plan(&self) -> &Plan {
        self.plan
    }
}

#[inline]
fn add(sum: &mut Lanes, coef: f64, x: &Lanes) {
    for lane in 0..LANES {
        sum[lane] += coef * x[lane];
    }
}

#[inline]
fn add_squares(sum: &mut Lanes, coef: f64, x: &Lanes) {
    for lane in 0..LANES {
        sum[lane] += (coef * x[lane]) * (coef * x[lane]);
    }
}
