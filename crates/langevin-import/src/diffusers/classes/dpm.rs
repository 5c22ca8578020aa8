//! The multistep scheduler of DPM-Solver.

use crate::diffusers::betas::{Defaults, LINEAR};
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::variance::VarianceType;
use crate::diffusers::vp::{Ground, Kin, Last, Placed};
use crate::quirks::{self, Quirk};
use langevin::error::Result;
use langevin::plan::{Letter, Var};
use langevin::process::Level;
use langevin::sampler::form::{Form, Poly, divided, places};
use langevin::sampler::multistep::{Ending, Multistep};
use langevin::sampler::{Draft, Method};
use std::sync::Arc;

pub(super) const CLASSES: &[Class] =
    &[Class::new("DPMSolverMultistepScheduler", |fields| Ok(Arc::new(DpmMultistep::parse(&MULTISTEP, fields)?)))];

pub(super) const MULTISTEP: Kin = Kin {
    name: "DPMSolverMultistep",
    betas: Defaults { zero_snr: true, ..LINEAR },
    spaced: true,
    clipped: true,
    lu: true,
    cosine_cut: true,
    timesteps: true,
    mu: true,
    last: Last::Named,
};

/// Values of `algorithm_type`, the default first: the integrated form, and h/g. diffusers maps the
/// names of other solvers to the first.
pub(super) const ALGORITHMS: &[(&str, (Form, f64))] = &[
    ("dpmsolver++", (Form::Data, 0.0)),
    ("dpmsolver", (Form::Noise, 0.0)),
    ("sde-dpmsolver", (Form::Noise, 1.0)),
    ("sde-dpmsolver++", (Form::Data, 1.0)),
    ("deis", (Form::Data, 0.0)),
];

/// Values of `solver_type`, the default first: true for the midpoint rule. Names of other solvers
/// are mapped to it.
pub(super) const MIDPOINT: &[(&str, bool)] =
    &[("midpoint", true), ("heun", false), ("logrho", true), ("bh1", true), ("bh2", true)];

/// The fields `algorithm_type`, `solver_type` and `solver_order`.
#[derive(Clone, Debug)]
pub(super) struct Solver {
    pub(super) form: Form,
    /// h/g.
    pub(super) eta: f64,
    pub(super) midpoint: bool,
    pub(super) order: usize,
}

impl Solver {
    pub(super) fn parse(fields: &Fields<'_>, algorithms: &[(&str, (Form, f64))]) -> Result<Self> {
        let (form, eta) = fields.choice("algorithm_type", algorithms)?;
        let midpoint = fields.choice("solver_type", MIDPOINT)?;
        Ok(Self { form, eta, midpoint, order: fields.order("solver_order", 3)? })
    }

    /// Returns true if the third order has the wrong sign of [`Slipped`].
    pub(super) fn slips(&self) -> bool {
        self.form == Form::Data && self.eta > 0.0
    }
}

/// DPMSolverMultistepScheduler. Its inverse has the same fields.
#[derive(Clone, Debug)]
pub(super) struct DpmMultistep {
    pub(super) placed: Placed,
    pub(super) solver: Solver,
    variance: VarianceType,
    ending: Ending,
}

impl DpmMultistep {
    pub(super) fn parse(kin: &'static Kin, fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            placed: Placed::of_one_scale(kin, fields)?,
            solver: Solver::parse(fields, ALGORITHMS)?,
            variance: VarianceType::parse(fields)?,
            ending: Ending {
                lower: fields.flag("lower_order_final", true)?,
                euler: fields.flag("euler_at_final", false)?,
            },
        })
    }

    /// Returns the solver of the class.
    pub(super) fn multistep(&self) -> Multistep {
        let Solver { form, eta, midpoint, order } = self.solver;
        let poly = if midpoint { Poly::Midpoint } else { Poly::HalfCurve };
        Multistep { eta, ending: self.ending, ..Multistep::new(form, poly, order) }
    }

    pub(super) fn check_variance(&self) -> Result<()> {
        self.variance.check_dropped(self.placed.prediction)
    }

    /// Returns the quirk by which the original raises an error for the velocity of a flow.
    pub(super) fn flow_fault(&self) -> Option<&'static Quirk> {
        (self.placed.predicts_velocity() && self.solver.form == Form::Noise).then_some(&quirks::VELOCITY_OF_NOISE)
    }

    /// Returns the quirk by which the last step of the original divides by its zero length.
    pub(super) fn last_fault(&self, tables: &Tables) -> Option<&'static Quirk> {
        let (order, count) = (self.solver.order, tables.timesteps.len());
        let divides = order == 3 && count >= 3 || order == 2 && count >= 2 && !self.solver.midpoint;
        let full = count >= 15 || !self.ending.lower;
        (tables.ends_twice() && full && divides).then_some(&quirks::LAST_LEVEL_TWICE)
    }
}

impl Scheduler for DpmMultistep {
    fn tables(&self, call: &Call) -> Result<Tables> {
        self.placed.tables(call)
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let (ground, solver) = (Ground::new(&self.placed, tables)?, self.multistep());
        let slips = self.solver.slips() && solver.order == 3 && call.keeps(&quirks::THIRD_ORDER_SIGN);
        Ok(if slips { ground.course(Slipped(solver)) } else { ground.course(solver) })
    }

    fn check_method(&self) -> Result<()> {
        self.check_variance()
    }

    fn fault(&self, call: &Call, tables: &Tables) -> Option<&'static Quirk> {
        let (solver, clean) = (&self.solver, self.placed.ends_clean(tables));
        if solver.form == Form::Noise && clean {
            return Some(&quirks::NOISE_TO_ZERO);
        }
        let sde = solver.form == Form::Noise && solver.eta > 0.0;
        if sde && solver.order == 3 && third_order(self.ending, tables.timesteps.len(), clean) {
            return Some(&quirks::THIRD_ORDER_SDE);
        }
        let twice = || tables.begins_twice(call).then_some(&quirks::FIRST_TIME_TWICE);
        self.flow_fault().or_else(twice).or_else(|| self.last_fault(tables))
    }
}

/// Returns true if any of `count` steps is of third order, by the rules for the last two steps of a
/// run.
pub(super) fn third_order(ending: Ending, count: usize, zero: bool) -> bool {
    let count = count.max(1);
    let lower = ending.lower && count < 15;
    let last = count - usize::from(lower || ending.euler || zero);
    (2..last).any(|index| !(lower && index + 2 == count))
}

/// The third order of the original's SDE. Its weight of the curvature is (m₀ − Δ')/Δ'² − ½, but the
/// correct weight is (m₀ − Δ')/Δ'² + ½, so that α_t times the curvature is missing. The error does
/// not vanish with the step size; the method is of first order.
#[derive(Clone, Debug, PartialEq)]
struct Slipped(Multistep);

/// Subtracts α_t D₂ from the weights, where D₂ is `curves` times the second divided difference in
/// units of the step.
pub(super) fn slip(from: &Level, nodes: &[Level], to: &Level, curves: f64, weights: &mut [f64]) {
    if nodes.len() == 3 {
        let missing = divided(&places(from, nodes, to)).into_iter().map(|share| curves * to.alpha * share);
        weights.iter_mut().zip(missing).for_each(|(weight, missing)| *weight -= missing);
    }
}

impl Method for Slipped {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        self.0.walk(draft, Letter::R, &|from, nodes, to| {
            let (a, mut weights) = self.0.weigh(from, nodes, to);
            slip(from, nodes, to, 1.0, &mut weights);
            (a, weights)
        })
    }
}
