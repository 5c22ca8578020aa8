//! Where plans come from: a process and its range.

use super::Compiler;
use crate::error::Result;
use crate::formulation::Formulation;
use crate::grid::{Grid, usual_range};
use crate::plan::Plan;
use crate::process::{Level, Process};
use crate::sampler::Sampler;

/// What plans are compiled for, and between which noise levels.
///
/// ```
/// use langevin::{Process, Sampler, recommend::Setting};
/// let process = Process::vp();
/// let plan = Setting::new(&process).plan(&Sampler::parse("heun", None)?, "karras", Some(5))?;
/// assert_eq!(plan.nfe(), 9); // the last of Heun's steps costs one
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    process: &'a Process,
    network: Option<&'a Formulation>,
    ends: [f64; 2],
}

impl<'a> Setting<'a> {
    /// Plans on a process for a model that gives D, between the [usual](usual_range) noise levels.
    #[must_use]
    pub fn new(process: &'a Process) -> Self {
        Self { process, network: None, ends: usual_range(process) }
    }

    /// Plans for this network, within the noise levels that it was trained on.
    #[must_use]
    pub fn network(mut self, network: &'a Formulation) -> Self {
        self.network = Some(network);
        if let Some((low, high)) = network.range.map(|range| range.sigma_ve()) {
            self.ends = [self.ends[0].max(low), self.ends[1].min(high)];
        }
        self
    }

    /// Plans between these noise levels, in σ/α.
    #[must_use]
    pub fn between(mut self, sigma_min: f64, sigma_max: f64) -> Self {
        self.ends = [sigma_min, sigma_max];
        self
    }

    /// The cleanest noise level before the end and that of the start, in σ/α.
    #[must_use]
    pub fn ends(&self) -> [f64; 2] {
        self.ends
    }

    /// The plan of this many steps; `None` for a grid that brings its own.
    ///
    /// # Errors
    /// An unknown grid, or what the grid and the sampler refuse.
    pub fn plan(&self, sampler: &Sampler, grid: &str, steps: Option<usize>) -> Result<Plan> {
        let levels = self.on(grid, steps)?;
        match self.network {
            Some(network) => sampler.on(self.process, &levels).network(network).compile(),
            None => sampler.on(self.process, &levels).compile(),
        }
    }

    fn on(&self, grid: &str, steps: Option<usize>) -> Result<Vec<Level>> {
        Grid::parse(grid, steps)?.levels(self.process, self.ends[0], self.ends[1])
    }
}

impl Compiler for Setting<'_> {
    fn plan(&self, sampler: &Sampler, grid: &str, steps: Option<usize>) -> Result<Plan> {
        Setting::plan(self, sampler, grid, steps)
    }

    fn levels(&self, grid: &str, steps: Option<usize>) -> Result<Vec<Level>> {
        self.on(grid, steps)
    }

    fn own_steps(&self, grid: &str) -> Result<Option<usize>> {
        if !Grid::brings_steps(grid) {
            return Ok(None);
        }
        Ok(Some(Grid::parse(grid, None)?.steps()))
    }

    fn usual_grid(&self) -> Option<&'static str> {
        Some("karras")
    }

    /// From noise alone to the data, linearly.
    fn admits(&self, plan: &Plan) -> bool {
        super::search::starts_from_noise(plan) && plan.moves().last().is_some_and(|last| last.to.sigma == 0.0)
    }
}
