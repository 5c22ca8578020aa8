//! The sampler and the grid with the smallest exact error within a number of evaluations.
//!
//! Every sampler goes from noise to the data on every grid, in as many steps as fit, and [`Analyze::analyze`](crate::Analyze::analyze) says what is wrong with it on Gaussian data: no network is called and nothing is
//! sampled. A network is not exact: with [`Search::score_error`] a plan is as good as it is with the worse of two networks, whose ε is that much too large and too small. What holds for Gaussians of the data's covariance is a good guess at what holds for the data (`docs/gaussian-analysis.md` measures how good).
//!
//! ```
//! use langevin_analysis::recommend::{By, Search};
//! use langevin::{Process, Request};
//! use langevin_analysis::Spectrum;
//! let (request, data) = (Request::new().process(Process::vp()), Spectrum::power_law(2.0, 64)?);
//! let ranking = Search::new(&request, &data, 8, By::W2).grids(["karras", "uniform-lambda"]).run()?;
//! let best = ranking.best();
//! assert!(best.analysis.nfe <= 8 && best.analysis.total.w2 <= ranking.usual()[0].analysis.total.w2);
//! println!("{ranking}"); // the ten best, and why the first is the first
//! # Ok::<(), langevin::Error>(())
//! ```

mod doubt;
mod measure;
mod ranking;
mod search;
mod setting;
#[cfg(test)]
mod tests;

pub use doubt::Doubt;
pub use measure::{Measure, Measured, Trial};
pub use search::starts_from_noise;
pub use search::{MAX_NFE, Search};

use crate::analysis::{Analysis, Distance};
use langevin::error::Result;
use langevin::plan::Plan;
use langevin::process::Level;
use langevin::request::most_steps;
use langevin::sampler::Sampler;

/// The grids that are tried where none are named.
pub const GRIDS: [&str; 9] = [
    "karras",
    "uniform-lambda",
    "uniform-t",
    "beta",
    "poly-exponential:2",
    "flow-shift:1",
    "flow-shift:3",
    "linspace",
    "trailing",
];
/// What most people take.
pub const USUAL: [&str; 2] = ["ddim", "dpmpp-2m"];

/// What the best sampler has least of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum By {
    /// The Wasserstein distance.
    #[default]
    W2,
    /// The KL divergence of the data from the model.
    Kl,
}

impl By {
    /// This one of the two.
    #[must_use]
    pub fn of(self, distance: &Distance) -> f64 {
        match self {
            By::W2 => distance.w2,
            By::Kl => distance.kl,
        }
    }

    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            By::W2 => "W2",
            By::Kl => "KL",
        }
    }
}

/// Compiles samplers to plans for a search: a [`Request`](langevin::Request), or a scheduler's config of another library.
pub trait Compiler {
    /// The plan of a sampler in this many steps; `None` on a grid that brings its own.
    ///
    /// # Errors
    /// What cannot be compiled.
    fn plan(&self, sampler: &Sampler, grid: &str, steps: Option<usize>) -> Result<Plan>;

    /// The levels of a grid: those of the same levels are one.
    ///
    /// # Errors
    /// A grid that cannot have so many steps.
    fn levels(&self, grid: &str, steps: Option<usize>) -> Result<Vec<Level>>;

    /// The number of steps that a grid brings.
    ///
    /// # Errors
    /// An unknown grid.
    fn own_steps(&self, grid: &str) -> Result<Option<usize>>;

    /// The grid that most people take, where there is a choice.
    fn usual_grid(&self) -> Option<&'static str>;

    /// Whether a plan is one to recommend.
    fn admits(&self, plan: &Plan) -> bool;
}

/// The plan of as many steps as fit into `budget` evaluations, and their number; `None` where not even one does.
///
/// # Errors
/// What cannot be compiled in any number of steps.
pub fn fitting(compiler: &dyn Compiler, sampler: &Sampler, grid: &str, budget: usize) -> Result<Option<(usize, Plan)>> {
    if let Some(steps) = compiler.own_steps(grid)? {
        let plan = compiler.plan(sampler, grid, None)?;
        return Ok((plan.nfe() <= budget).then_some((steps, plan)));
    }
    most_steps(budget, &|steps| compiler.plan(sampler, grid, Some(steps)))
}

/// One plan of a ranking.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// The sampler.
    pub sampler: Sampler,
    /// The name of its grid.
    pub grid: String,
    /// Its steps.
    pub steps: usize,
    /// Its table.
    pub plan: Plan,
    /// Its errors; the sources are told apart for the best and the usual choices alone.
    pub analysis: Analysis,
    /// What it is ranked by: its error, typical for step counts near its own ([`Search::neighbours`]).
    pub typical: f64,
    /// The samplers that have the same table.
    pub also: Vec<String>,
}

/// Plans from the best to the worst.
#[derive(Clone, Debug)]
pub struct Ranking {
    by: By,
    plans: usize,
    candidates: Vec<Candidate>,
    usual: Vec<Candidate>,
    /// The error with a step less and with a step more, where both are far larger.
    luck: Option<(Option<f64>, f64)>,
    /// How large the best plan's weights of D are together.
    gain: f64,
    /// Why the ranking says little.
    doubt: Option<Doubt>,
    /// The place of the best.
    best: usize,
}

impl Ranking {
    /// The best.
    #[must_use]
    pub fn best(&self) -> &Candidate {
        // `Search::finish` makes no empty ranking, and `choose` takes a place in it.
        &self.candidates[self.best]
    }

    /// The place of the best in [`candidates`](Self::candidates): 0, but where a measurement chose another.
    #[must_use]
    pub fn chosen(&self) -> usize {
        self.best
    }

    /// Makes the candidate at this place the best one.
    fn choose(&mut self, place: usize) {
        self.best = place.min(self.candidates.len() - 1);
    }

    /// All different plans, the best first.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The usual choices within as many evaluations, where they fit.
    #[must_use]
    pub fn usual(&self) -> &[Candidate] {
        &self.usual
    }

    /// How many plans were analysed.
    #[must_use]
    pub fn plans(&self) -> usize {
        self.plans
    }

    /// Σ|wₖ| over the weights of the best plan's denoised predictions in its result: how much an error of the network may come to. It is 1 where they are an average, and not a number where the plan is too large to say.
    #[must_use]
    pub fn gain(&self) -> f64 {
        self.gain
    }

    /// Why the ranking says little about the steps, where it does.
    #[must_use]
    pub fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// What they are ranked by.
    #[must_use]
    pub fn by(&self) -> By {
        self.by
    }
}
