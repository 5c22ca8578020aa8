//! Requests on the levels of a scheduler's config.

use crate::diffusers::{Call, Diffusers};
use langevin::error::{Error, Result};
use langevin::plan::Plan;
use langevin::request::{OnScheduler, Request, most_steps, over_budget};
use langevin::sampler::Start;

impl Diffusers {
    /// Returns the plan of the scheduler, or of the request's sampler on the scheduler's levels,
    /// with the call that produced it: `call` with the steps, the start and η of the request.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin_import::{Call, Diffusers};
    /// let config = Diffusers::parse(r#"{"_class_name": "EulerDiscreteScheduler"}"#)?;
    /// let (plan, call) = config.plan_of(&Request::new().sampler("heun").nfe(9), Call::default())?;
    /// assert_eq!((plan.name(), plan.nfe(), call.steps), ("heun", 9, Some(5)));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the request sets something that the config determines: a process, a
    /// network, a grid, a noise range, moves, a map or guidance. Returns an error if the config
    /// cannot be compiled for this call.
    pub fn plan_of(&self, request: &Request, call: Call) -> Result<(Plan, Call)> {
        let asked = request.on_scheduler()?;
        let mut call = called(call, &asked)?;
        let plan = |call: &Call| match &asked.sampler {
            Some(sampler) => self.plan_as(call, sampler),
            None => self.plan(call),
        };
        if let Some(budget) = asked.budget {
            if call.timesteps.is_some() || call.sigmas.is_some() {
                return Err(Error::argument("a list brings its own steps")
                    .at("`nfe`")
                    .expected("`nfe`, or a list of timesteps or sigmas")
                    .got("both")
                    .hinting("leave out `nfe`"));
            }
            let of_steps = |steps: usize| plan(&Call { steps: Some(steps), ..call.clone() });
            let fits = most_steps(budget, &of_steps)?.ok_or_else(|| over_budget(self.class(), budget))?;
            call.steps = Some(fits.0);
        }
        Ok((plan(&call)?, call))
    }
}

/// Returns `call` with the settings of the request.
fn called(mut call: Call, asked: &OnScheduler) -> Result<Call> {
    call.steps = asked.steps.or(call.steps);
    if let Some((steps, start)) = asked.start {
        (call.start_at, call.image) = (Some(steps), start == Start::Image);
    }
    if let Some(eta) = asked.eta
        && call.set.insert("eta".to_owned(), eta.into()).is_some()
    {
        return Err(Error::argument("an argument is given twice").at("`eta`").got("'eta' among the settings too"));
    }
    Ok(call)
}
