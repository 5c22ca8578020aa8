//! The single-step scheduler of DPM-Solver.

use super::dpm::{ALGORITHMS, MULTISTEP, Solver, slip};
use crate::diffusers::betas::LINEAR;
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::variance::VarianceType;
use crate::diffusers::vp::{Ground, Kin, Placed};
use crate::quirks::{self, Quirk};
use langevin::error::Result;
use langevin::math::co;
use langevin::moves::reverse_rho;
use langevin::plan::{Letter, Var};
use langevin::process::Level;
use langevin::sampler::form::{Form, Poly, Variable};
use langevin::sampler::{Draft, Method, Node};
use std::sync::Arc;

pub(super) const CLASSES: &[Class] =
    &[Class::new("DPMSolverSinglestepScheduler", |fields| Ok(Arc::new(Singlestep::parse(fields)?)))];

const SINGLE: Kin =
    Kin { name: "DPMSolverSinglestep", betas: LINEAR, spaced: false, lu: false, cosine_cut: false, ..MULTISTEP };

/// DPMSolverSinglestepScheduler.
#[derive(Clone, Debug)]
struct Singlestep {
    placed: Placed,
    solver: Solver,
    variance: VarianceType,
    lower: bool,
}

impl Singlestep {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let placed = Placed::of_one_scale(&SINGLE, fields)?;
        // The class has no SDE of ε.
        let known: Vec<_> = ALGORITHMS.iter().copied().filter(|(word, _)| *word != "sde-dpmsolver").collect();
        Ok(Self {
            placed,
            solver: Solver::parse(fields, &known)?,
            variance: VarianceType::parse(fields)?,
            lower: fields.flag("lower_order_final", false)?,
        })
    }
}

impl Scheduler for Singlestep {
    fn tables(&self, call: &Call) -> Result<Tables> {
        self.placed.tables(call)
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let Solver { form, eta, midpoint, order } = self.solver;
        let zero = self.placed.zero == Some(true);
        let orders = orders(tables.timesteps.len(), order, self.lower, zero);
        let slips = self.solver.slips() && call.keeps(&quirks::THIRD_ORDER_SIGN);
        Ok(Ground::new(&self.placed, tables)?.course(Groups { form, eta, midpoint, orders, slips }))
    }

    fn check_method(&self) -> Result<()> {
        self.variance.check_dropped(self.placed.prediction)
    }

    fn fault(&self, call: &Call, tables: &Tables) -> Option<&'static Quirk> {
        let noise = self.solver.form == Form::Noise;
        if noise && self.placed.predicts_velocity() {
            return Some(&quirks::VELOCITY_OF_NOISE);
        }
        if noise && self.placed.thresholds() {
            return Some(&quirks::THRESHOLD_OF_NOISE);
        }
        tables.begins_twice(call).then_some(&quirks::FIRST_TIME_TWICE)
    }
}

/// Returns the order of every call: 1, 2, … up to `order`, repeatedly. The last groups are of lower
/// order if the config says so, or if the steps do not fill them.
fn orders(steps: usize, order: usize, lower: bool, zero: bool) -> Vec<usize> {
    let mut orders: Vec<usize> = (0..steps).map(|i| i % order + 1).collect();
    let whole = steps.is_multiple_of(order);
    let lower = lower || !whole || zero;
    if lower && whole {
        // A last group 1, 2, 3 becomes 1, 2, 1; a last group 1, 2 becomes 1, 1.
        let last = steps - 1;
        orders[last] = 1;
    }
    if zero {
        orders[steps - 1] = 1;
    }
    orders
}

/// Steps of several evaluations whose stages are levels of the grid. The k-th call of a group steps
/// from the first level of the group to the next level, using all values of the group.
///
/// Each call produces a state and draws its own noise.
#[derive(Clone, Debug, PartialEq)]
struct Groups {
    form: Form,
    /// h/g.
    eta: f64,
    midpoint: bool,
    /// The position of every call in its group, from 1.
    orders: Vec<usize>,
    /// True if the third order of the SDE has the wrong weight of [`slip`].
    slips: bool,
}

impl Groups {
    /// Returns a and the weights of the values at `nodes`; the first node is the start of the
    /// group.
    fn weigh(&self, nodes: &[Level], to: &Level) -> (f64, Vec<f64>) {
        let from = &nodes[0];
        let noise = (self.eta, reverse_rho(from, to, self.eta));
        let exact = Poly::Exact(Variable::Lambda);
        match (nodes.len(), self.midpoint) {
            (2, true) => Poly::Midpoint.weights(self.form, from, nodes, to, noise),
            (3, true) => {
                // The middle value is not used.
                let (a, b) = exact.weights(self.form, from, &[nodes[0], nodes[2]], to, noise);
                (a, vec![b[0], 0.0, b[1]])
            }
            _ => {
                let (a, mut b) = exact.weights(self.form, from, nodes, to, noise);
                if self.slips {
                    slip(from, nodes, to, 2.0, &mut b);
                }
                (a, b)
            }
        }
    }
}

impl Method for Groups {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let mut base = x;
        let mut group: Vec<Node> = Vec::new();
        for (index, step) in draft.taken() {
            let mark = draft.mark();
            // A run that starts inside a group begins a new group there.
            if self.orders[index] <= 1 || group.is_empty() {
                base = x;
                group.clear();
            }
            group.push(draft.value(self.form, x, &step.from)?);
            let nodes: Vec<Level> = group.iter().map(|node| node.level).collect();
            let (a, b) = self.weigh(&nodes, &step.to);
            let terms = group.iter().map(|node| node.value);
            let terms: Vec<_> = b.into_iter().zip(terms).collect();
            let c = step.to.sigma * co(reverse_rho(&nodes[0], &step.to, self.eta));
            x = draft.advance((a, base), terms, c);
            let eta = Some(self.eta);
            draft.note(Letter::R, eta, &nodes[0], &step.to, mark);
        }
        Ok(x)
    }
}

#[cfg(test)]
mod tests {
    use super::orders;

    /// The orders of the single-step solver.
    #[test]
    fn groups_are_of_lower_order_at_the_end_where_they_must() {
        assert_eq!(orders(6, 3, false, false), [1, 2, 3, 1, 2, 3]);
        assert_eq!(orders(6, 3, true, false), [1, 2, 3, 1, 2, 1]);
        assert_eq!(orders(7, 3, false, true), [1, 2, 3, 1, 2, 3, 1]);
        assert_eq!(orders(8, 3, true, false), [1, 2, 3, 1, 2, 3, 1, 2]);
        assert_eq!(orders(8, 3, false, true), [1, 2, 3, 1, 2, 3, 1, 1]);
        assert_eq!(orders(4, 2, false, true), [1, 2, 1, 1]);
        assert_eq!(orders(5, 2, false, false), [1, 2, 1, 2, 1]);
        assert_eq!(orders(3, 1, true, true), [1, 1, 1]);
    }
}
