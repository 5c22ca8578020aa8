//! Where plans come from: a request, or the config of another library's scheduler.

use super::Compiler;
use crate::error::Result;
use crate::grid::Grid;
use crate::import::diffusers::{Call, Diffusers};
use crate::plan::Plan;
use crate::process::Level;
use crate::request::{GRID, Request};
use crate::sampler::Sampler;

impl Request {
    /// The request with another grid. A range is left out where the grid brings its own levels.
    fn laid_out(&self, grid: &str, steps: Option<usize>) -> Self {
        let request = self.clone().default_steps().grid(grid);
        steps.into_iter().fold(request, Self::steps).without_unused_range()
    }
}

/// Plans on the process, for the network and within the noise range of the request, whose own sampler, grid and steps have no
/// part in them.
impl Compiler for Request {
    fn plan(&self, sampler: &Sampler, grid: &str, steps: Option<usize>) -> Result<Plan> {
        self.laid_out(grid, steps).with_sampler(sampler.clone()).plan()
    }

    fn levels(&self, grid: &str, steps: Option<usize>) -> Result<Vec<Level>> {
        self.laid_out(grid, steps).with_sampler(Sampler::ddim(0.0)).levels()
    }

    fn own_steps(&self, grid: &str) -> Result<Option<usize>> {
        if !Grid::brings_steps(grid) {
            return Ok(None);
        }
        Ok(Some(Grid::parse(grid, None)?.steps()))
    }

    fn usual_grid(&self) -> Option<&'static str> {
        Some(GRID)
    }

    /// From noise alone to the data, linearly.
    fn admits(&self, plan: &Plan) -> bool {
        super::search::starts_from_noise(plan) && plan.moves().last().is_some_and(|last| last.to.sigma == 0.0)
    }
}

/// Plans on the times and noise levels of a scheduler's config, which are its own grid, whatever the grid is called. They end where its levels end.
///
/// ```
/// use langevin::import::diffusers::{Call, Diffusers};
/// use langevin::recommend::{By, Imported, Search};
/// let config = Diffusers::parse(r#"{"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear"}"#)?;
/// let data = langevin::Spectrum::power_law(2.0, 16)?;
/// let compiler = Imported::new(&config, Call::default());
/// let ranking = Search::new(&compiler, &data, 10, By::W2).grids(["the config's"]).run()?;
/// assert!(ranking.best().analysis.nfe <= 10);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Imported<'a> {
    config: &'a Diffusers,
    call: Call,
}

impl<'a> Imported<'a> {
    /// Plans as `call` says, but for the number of steps.
    #[must_use]
    pub fn new(config: &'a Diffusers, call: Call) -> Self {
        Self { config, call }
    }
}

impl Compiler for Imported<'_> {
    fn plan(&self, sampler: &Sampler, _: &str, steps: Option<usize>) -> Result<Plan> {
        let mut call = self.call.clone();
        call.steps = steps;
        // Where D is within the bounds of a clamp there is none.
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
        super::search::starts_from_noise(plan)
    }
}
