//! LMS: Adams–Bashforth with exact integrals in σ.

use crate::diffusers::betas::LINEAR;
use crate::diffusers::call::Call;
use crate::diffusers::fields::Fields;
use crate::diffusers::ladder::Ladder;
use crate::diffusers::numbers::single;
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::select::{Levels, RULE, Rule, stored};
use crate::quirks;
use langevin::error::Result;
use langevin::plan::{Letter, Var};
use langevin::process::Level;
use langevin::sampler::form::{Form, Poly, Variable};
use langevin::sampler::multistep::{Multistep, Past};
use langevin::sampler::{Draft, Method};
use std::sync::Arc;

pub(super) const CLASSES: &[Class] =
    &[Class::new("LMSDiscreteScheduler", |fields| Ok(Arc::new(Lms::parse(fields)?))).taking(&["order"])];

/// LMSDiscreteScheduler.
#[derive(Clone, Debug)]
struct Lms(Levels);

impl Lms {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self(Levels::parse(fields, LINEAR, Rule { bounded: false, ..RULE })?))
    }
}

impl Scheduler for Lms {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("LMSDiscrete", false, false, false)?;
        let chosen = self.0.select(call)?;
        Ok(Tables {
            alphas_cumprod: chosen.bars,
            timesteps: chosen.times.into_iter().map(single).collect(),
            sigmas: stored(chosen.levels, 0.0),
        })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let network = self.0.network()?;
        let order = call.whole("order", 4, 1..=12)?;
        let method: Box<dyn Method> = if call.start_at.is_some() && call.keeps(&quirks::SHORT_HISTORY) {
            Box::new(ShortHistory { order })
        } else {
            Box::new(Multistep::new(Form::Noise, Poly::Exact(Variable::Clock), order))
        };
        Ladder::single(tables)?.course(self.0.spacing, call, network, None, method)
    }
}

/// LMS that starts in the middle of a run. Its weights are those of a complete run, but the missing
/// past values are left out, so the first weights do not sum to the step.
///
/// The consistent plan starts with the orders 1, 2, ….
#[derive(Clone, Debug, PartialEq)]
struct ShortHistory {
    order: usize,
}

impl Method for ShortHistory {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let starts: Vec<Level> = draft.steps().iter().map(|step| step.from).collect();
        let mut past = Past::default();
        for (index, step) in draft.taken() {
            let mark = draft.mark();
            past.push(draft.value(Form::Noise, x, &step.from)?);
            let used = self.order.min(index + 1);
            let nodes: Vec<Level> = (0..used).map(|back| starts[index - back]).collect();
            let poly = Poly::Exact(Variable::Clock);
            let (a, b) = poly.weights(Form::Noise, &step.from, &nodes, &step.to, (0.0, 1.0));
            let terms = past.terms(&b);
            x = draft.advance((a, x), terms, 0.0);
            past.keep(self.order.saturating_sub(1));
            draft.note(Letter::R, Some(0.0), &step.from, &step.to, mark);
        }
        Ok(x)
    }
}
