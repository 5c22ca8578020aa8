//! The flags that choose a sampler and its steps, made into a [`Plan`].

use crate::cli::SamplerArgs;
use crate::error::{Blame as _, Failure, Result};
use langevin::{Formulation, Grid, LambdaRange, Plan, Process, Sampler, Word};

/// Beyond this many reverse moves the steps that a word needs are not searched for.
const SEARCH: usize = 1000;

/// The range of noise levels in σ/α, and what was cut off it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The cleanest level before the end.
    pub min: f64,
    /// The level of the start.
    pub max: f64,
    /// Whether the trained range is narrower than what was asked for.
    pub clipped: bool,
}

impl SamplerArgs {
    /// The range of the grid, within what the network was trained on.
    pub fn range(&self, trained: Option<LambdaRange>) -> Result<Range> {
        let (low, high) = trained.map_or((0.0, f64::INFINITY), |range| ((-range.max).exp(), (-range.min).exp()));
        let range = Range {
            min: self.sigma_min.max(low),
            max: self.sigma_max.min(high),
            // A hair at either end is the rounding of a change of clock.
            clipped: self.sigma_min < low * (1.0 - 1e-9) || self.sigma_max > high * (1.0 + 1e-9),
        };
        if range.min <= range.max {
            return Ok(range);
        }
        let failure = Failure::misused("empty range of noise levels");
        Err(if self.sigma_min > self.sigma_max {
            failure
                .at("--sigma-min, --sigma-max")
                .expected("sigma-min ≤ sigma-max")
                .got(format!("{} and {}", self.sigma_min, self.sigma_max))
        } else {
            failure
                .at("--sigma-min, --sigma-max")
                .expected(format!("levels within the trained range, σ/α from {low:.4} to {high:.4}"))
                .got(format!("{} to {}", self.sigma_min, self.sigma_max))
        })
    }

    /// Compiles the sampler or the word on `process`: for `network`, or for a model that gives D.
    pub fn compile(&self, process: &Process, network: Option<&Formulation>, range: Range) -> Result<Plan> {
        let steps = self.steps;
        let plan = |sampler: &Sampler, steps: Option<usize>| {
            let levels = Grid::parse(&self.grid, steps)?.levels(process, range.min, range.max)?;
            sampler.compile(process, network, &levels)
        };
        let Some(text) = &self.moves else {
            let sampler = Sampler::parse(self.sampler.as_deref().unwrap_or("ddim"), self.eta).or_misused()?;
            return plan(&sampler, steps).or_misused();
        };
        let word = Word::parse(text).or_misused()?;
        let (needed, most) = (word.steps(), word.reverse_moves());
        let word = match self.eta {
            Some(eta) => word.with_eta(eta),
            None => word,
        };
        let sampler = Sampler::word(word);
        if steps.is_some() || self.grid.starts_with("list") {
            return plan(&sampler, steps).or_misused();
        }
        if let Some(needed) = needed {
            return plan(&sampler, Some(needed.max(1))).or_misused();
        }
        // A forward move to a λ goes back a number of levels that only the grid knows: the finest grid that the word walks to its end.
        let fits = (1..=most.min(SEARCH)).rev().find_map(|steps| plan(&sampler, Some(steps)).ok());
        fits.ok_or_else(|| {
            Failure::misused("no grid ends where the word ends")
                .at("--moves")
                .expected("as many R behind the last F as the grid has levels below its λ")
                .got(format!("'{text}'"))
                .hint("add or take away an R at the end, or give --steps to see where the word stops")
        })
    }
}
