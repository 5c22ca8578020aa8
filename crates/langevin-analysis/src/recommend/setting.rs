//! Implements [`Compiler`] for a request.

use super::Compiler;
use langevin::error::Result;
use langevin::grid::Grid;
use langevin::plan::Plan;
use langevin::process::Level;
use langevin::request::{GRID, Request};
use langevin::sampler::Sampler;

/// Returns the request with another grid. The noise range is dropped if the grid brings its own
/// levels.
fn laid_out(request: &Request, grid: &str, steps: Option<usize>) -> Request {
    let request = request.clone().default_steps().grid(grid);
    steps.into_iter().fold(request, Request::steps).without_unused_range()
}

/// Compiles plans on the process, for the network and within the noise range of the request.
///
/// The sampler, the grid and the step count of the request are ignored.
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

    /// Accepts linear plans that go from noise alone to the data.
    fn admits(&self, plan: &Plan) -> bool {
        super::search::starts_from_noise(plan) && plan.moves().last().is_some_and(|last| last.to.sigma == 0.0)
    }
}
