//! Recommendations on the times and noise levels of a scheduler's config.

use crate::diffusers::{Call, Diffusers};
use langevin::error::Result;
use langevin::plan::Plan;
use langevin::process::Level;
use langevin::sampler::Sampler;
use langevin_analysis::recommend::{Compiler, starts_from_noise};

/// A [`Compiler`] of plans on the times and noise levels of a scheduler's config. The levels serve
/// as the only grid, whatever name the grid is given. Plans end where the levels end.
///
/// ```
/// use langevin_import::{Call, Diffusers, Imported};
/// use langevin_analysis::recommend::{By, Search};
/// let json = r#"{"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear"}"#;
/// let config = Diffusers::parse(json)?;
/// let data = langevin_analysis::Spectrum::power_law(2.0, 16)?;
/// let setting = Imported::new(&config, Call::default());
/// let ranking = Search::new(&setting, &data, 10, By::W2).grids(["the config's"]).run()?;
/// assert!(ranking.best().analysis.nfe <= 10);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Imported<'a> {
    config: &'a Diffusers,
    call: Call,
}

impl<'a> Imported<'a> {
    /// Builds a compiler of plans for the arguments of `call`, except for the number of steps.
    #[must_use]
    pub fn new(config: &'a Diffusers, call: Call) -> Self {
        Self { config, call }
    }
}

impl Compiler for Imported<'_> {
    fn plan(&self, sampler: &Sampler, _: &str, steps: Option<usize>) -> Result<Plan> {
        let mut call = self.call.clone();
        call.steps = steps;
        // The analysis assumes that D lies within the bounds of a clamp, so the clamp is left out.
        Ok(self.config.plan_as(&call, sampler)?.unclipped())
    }

    fn levels(&self, grid: &str, steps: Option<usize>) -> Result<Vec<Level>> {
        let plan = Compiler::plan(self, &Sampler::ddim(0.0), grid, steps)?;
        Ok(plan.moves().iter().map(|step| step.from).collect())
    }

    fn own_steps(&self, _: &str) -> Result<Option<usize>> {
        Ok(None)
    }

    fn usual_grid(&self) -> Option<&'static str> {
        None
    }

    fn admits(&self, plan: &Plan) -> bool {
        starts_from_noise(plan)
    }
}
