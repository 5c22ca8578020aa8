//! A request on the levels of another library's scheduler.

use super::{Count, First, Request, compile::most_steps, over_budget};
use crate::error::{Error, Result};
use crate::import::diffusers::{Call, Diffusers};
use crate::plan::Plan;
use crate::sampler::Start;

impl Request {
    /// Returns the plan of a scheduler's config, or of this request's sampler on the config's levels, and the call that made
    /// it: `call` with the request's steps, start and η.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin::import::diffusers::{Call, Diffusers};
    /// let config = Diffusers::parse(r#"{"_class_name": "EulerDiscreteScheduler"}"#)?;
    /// let (plan, call) = Request::new().sampler("heun").nfe(9).plan_on(&config, Call::default())?;
    /// assert_eq!((plan.name(), plan.nfe(), call.steps), ("heun", 9, Some(5)));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the request has what a config brings itself (a process, a network, a grid, a noise range, moves,
    /// a map or guidance), or if the config cannot be compiled for this call.
    pub fn plan_on(&self, config: &Diffusers, call: Call) -> Result<(Plan, Call)> {
        self.check_fits_a_config()?;
        let sampler = self.named_sampler()?;
        let mut call = self.called(call, sampler.is_some())?;
        let plan = |call: &Call| match &sampler {
            Some(sampler) => config.plan_as(call, sampler),
            None => config.plan(call),
        };
        if let Count::Budget(budget) = self.count {
            if call.timesteps.is_some() || call.sigmas.is_some() {
                return Err(Error::argument("a list brings its own steps")
                    .at("`nfe`")
                    .expected("`nfe`, or a list of timesteps or sigmas")
                    .got("both")
                    .hinting("leave out `nfe`"));
            }
            let of_steps = |steps: usize| plan(&Call { steps: Some(steps), ..call.clone() });
            let fits = most_steps(budget, &of_steps)?.ok_or_else(|| over_budget(config.class(), budget))?;
            call.steps = Some(fits.0);
        }
        Ok((plan(&call)?, call))
    }

    /// `call` with what the request says.
    fn called(&self, mut call: Call, has_sampler: bool) -> Result<Call> {
        if let Count::Steps(steps) = self.count {
            call.steps = Some(steps);
        }
        if let First::Step(steps, start) = self.first {
            (call.start_at, call.image) = (Some(steps), start == Start::Image);
        }
        if let (Some(eta), false) = (self.eta, has_sampler)
            && call.set.insert("eta".to_owned(), eta.into()).is_some()
        {
            return Err(Error::argument("an argument is given twice").at("`eta`").got("'eta' among the settings too"));
        }
        Ok(call)
    }

    fn check_fits_a_config(&self) -> Result<()> {
        let given = [
            ("process", self.process.is_some()),
            ("network", self.network.is_some()),
            ("moves", self.is_word()),
            ("grid", self.grid.is_some()),
            ("sigma-min", self.sigma_min.is_some()),
            ("sigma-max", self.sigma_max.is_some()),
            ("strength", matches!(self.first, First::Share(_))),
            ("map", self.map.is_some()),
            ("guidance", self.guidance.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((word, _)) => Err(Error::argument("the config of a scheduler brings this itself")
                .at(format!("`{word}`"))
                .expected("a sampler, steps and a start alone")
                .got(format!("`{word}`"))
                .hinting(format!("leave out `{word}`"))),
        }
    }
}
