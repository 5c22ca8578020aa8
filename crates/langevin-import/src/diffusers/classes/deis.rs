//! DEIS in λ.

use super::dpm::MULTISTEP;
use crate::diffusers::betas::LINEAR;
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::vp::{Ground, Kin, Last, Placed};
use crate::quirks::{self, Quirk};
use langevin::error::Result;
use langevin::sampler::form::{Form, Poly, Variable};
use langevin::sampler::multistep::{Ending, Multistep};
use std::sync::Arc;

pub(super) const CLASSES: &[Class] =
    &[Class::new("DEISMultistepScheduler", |fields| Ok(Arc::new(Deis::parse(fields)?)))];

const DEIS: Kin = Kin {
    name: "DEISMultistep",
    betas: LINEAR,
    clipped: false,
    lu: false,
    cosine_cut: false,
    timesteps: false,
    last: Last::Twin,
    ..MULTISTEP
};

/// DEISMultistepScheduler.
#[derive(Clone, Debug)]
struct Deis {
    placed: Placed,
    lower: bool,
    order: usize,
}

impl Deis {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        let placed = Placed::of_one_scale(&DEIS, fields)?;
        // diffusers maps the names of other solvers to these.
        fields.word("algorithm_type", &["deis", "dpmsolver", "dpmsolver++"])?;
        fields.word("solver_type", &["logrho", "midpoint", "heun", "bh1", "bh2"])?;
        let lower = fields.flag("lower_order_final", true)?;
        Ok(Self { placed, lower, order: fields.order("solver_order", 3)? })
    }
}

/// The weights are computed in float64.
const _: &Quirk = &quirks::SINGLE_PRECISION;

impl Scheduler for Deis {
    fn tables(&self, call: &Call) -> Result<Tables> {
        self.placed.tables(call)
    }

    fn course(&self, _: &Call, tables: &Tables) -> Result<Course> {
        let ending = Ending { lower: self.lower, euler: false };
        let solver = Multistep { ending, ..Multistep::new(Form::Noise, Poly::Exact(Variable::Lambda), self.order) };
        Ok(Ground::new(&self.placed, tables)?.course(solver))
    }

    fn fault(&self, call: &Call, tables: &Tables) -> Option<&'static Quirk> {
        tables.begins_twice(call).then_some(&quirks::FIRST_TIME_TWICE)
    }
}
