//! A request as a place where plans come from.

use super::Compiler;
use langevin::error::Result;
use langevin::grid::Grid;
use langevin::plan::Plan;
use langevin::process::Level;
use langevin::request::{GRID, Request};
use langevin::sampler::Sampler;

/// The request with another grid. A range is left out where the grid brings its own levels.
fn laid_out(request: &Request, grid: &str, steps: Option<usize>) -> Request {
    let request = request.clone().default_steps().grid(grid);
    steps.into_iter().fold(request, Request::steps).without_unused_range()
}

/// Plans on the process, for the network and within the noise range of the request, whose own sampler, grid and steps have no
/// part in them.
impl Compiler for Request {
    fn plan(&self, sampler: &Sampler, grid: &str, steps: Option<usize>) -> Result<Plan> {
        laid_out(self, grid, steps).with_sampler(sampler.clone()).plan()
    }

    fn levels(&self, grid: &str, steps: Option<usize>) -> Result<Vec<Level>> {
        laid_out(self, grid, steps).with_sampler(Sampler::ddim(0.0)).levels()
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
