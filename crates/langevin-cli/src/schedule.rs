//! The flags that choose a sampler and its steps, made into a [`Plan`].

use crate::cli::{MAX_SIGMA, SamplerArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::io::say;
use crate::words::either_case;
use langevin::sampler::Compiling;
use langevin::{Formulation, Grid, LambdaRange, Plan, Process, Sampler, Word};

/// Beyond this many reverse moves the steps that a word needs are not searched for.
const SEARCH: usize = 1000;
pub use langevin::grid::{SIGMAS, usual_range};
/// What the range's errors are about.
const FLAGS: &str = "--sigma-min, --sigma-max";

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

impl Range {
    /// The levels at which a plan evaluates its network; a plan is not cut to a range.
    pub fn of(plan: &Plan) -> Self {
        let [min, max] = plan.noise_levels().unwrap_or(SIGMAS);
        Self { min, max, clipped: false }
    }
}

/// Says so where a plan does not end at the data.
pub fn say_if_noisy(plan: &Plan) {
    if let Some(last) = plan.moves().last().filter(|last| last.to.sigma > 0.0) {
        // Six digits: the rest is the rounding of a change of clock.
        let level = format!("{:.5e}", last.to.sigma_ve()).parse().unwrap_or_else(|_| last.to.sigma_ve());
        say(&format!("note: the grid ends at σ/α = {level}, not at 0: the output is still noisy"));
    }
}

impl SamplerArgs {
    /// The levels of a list, where the grid is one.
    fn list(&self) -> Option<Vec<f64>> {
        let (name, levels) = self.grid.split_once(':').unwrap_or((&self.grid, ""));
        // What is no number the library refuses with its own words.
        name.eq_ignore_ascii_case("list").then(|| levels.split(',').filter_map(|l| l.trim().parse().ok()).collect())
    }

    /// The range of the grid on `process`, within what the network was trained on.
    pub fn range(&self, process: &Process, trained: Option<LambdaRange>) -> Result<Range> {
        if let Some(levels) = self.list() {
            return self.range_of(&levels);
        }
        let (low, high) = trained.map_or((0.0, f64::INFINITY), |range| range.sigma_ve());
        let usual = usual_range(process);
        let (min, max) = (self.sigma_min.unwrap_or(usual[0]), self.sigma_max.unwrap_or(usual[1]));
        let range = Range {
            min: min.max(low),
            max: max.min(high),
            // A hair at either end is the rounding of a change of clock.
            clipped: min < low * (1.0 - 1e-9) || max > high * (1.0 + 1e-9),
        };
        let empty = |expected: String, got: String| {
            Err(Failure::misused("empty range of noise levels").at(FLAGS).expected(expected).got(got))
        };
        if max.is_infinite() && !range.max.is_infinite() {
            return empty("a network that was trained on pure noise".into(), "inf".into());
        }
        if range.min < range.max || (range.min == range.max && self.is_one_step()) {
            Ok(range)
        } else if min >= max {
            empty("sigma-min below sigma-max".into(), format!("{min} and {max}"))
        } else {
            let levels = format!("levels within the trained range, σ/α from {low:.4} to {high:.4}");
            empty(levels, format!("{min} to {max}"))
        }
    }

    /// The range of a list, which no flag can change.
    fn range_of(&self, levels: &[f64]) -> Result<Range> {
        if self.sigma_min.is_some() || self.sigma_max.is_some() {
            return Err(Failure::misused("a list brings its own noise levels")
                .at(format!("--grid, {FLAGS}"))
                .expected("a list or a range")
                .got("both")
                .hint("leave out --sigma-min and --sigma-max"));
        }
        if let Some(level) = levels.iter().find(|level| **level > MAX_SIGMA) {
            return Err(Failure::misused("a noise level is too high")
                .at("--grid")
                .expected(format!("σ/α of at most {MAX_SIGMA}"))
                .got(level.to_string()));
        }
        let max = levels.first().copied().unwrap_or(SIGMAS[1]);
        let min = levels.iter().copied().rfind(|level| *level > 0.0).unwrap_or(SIGMAS[0]);
        Ok(Range { min, max, clipped: false })
    }

    /// Whether the grid has one step, which needs one level only.
    fn is_one_step(&self) -> bool {
        let needed = || Word::parse(self.moves.as_deref()?).ok()?.steps();
        self.steps.or(self.nfe).or_else(needed).is_some_and(|steps| steps <= 1)
    }

    /// The sampler of the flags. Of twenty evaluations the default makes more than DDIM does (docs/training.md); η alone is DDIM's.
    pub fn sampler(&self) -> Result<Sampler> {
        let usual = if self.eta.is_some() { "ddim" } else { "dpmpp-2m" };
        let name = self.sampler.as_deref().unwrap_or(usual);
        either_case(name, |name| Sampler::parse(name, self.eta)).or_misused()
    }

    /// Compiles the sampler or the word on `process`: for `network`, or for a model that gives D.
    pub fn compile(&self, process: &Process, network: Option<&Formulation>, range: Range) -> Result<Plan> {
        let plain = |compiling: Compiling<'_>| match network {
            Some(network) => compiling.network(network).compile(),
            None => compiling.compile(),
        };
        self.compile_as(process, None, range, &plain)
    }

    /// The steps that fit in --nfe, for a plan of `network`.
    pub fn fitting_steps(
        &self,
        process: &Process,
        network: Option<&Formulation>,
        range: Range,
    ) -> Result<Option<usize>> {
        let finish = |compiling: Compiling<'_>| match network {
            Some(network) => compiling.network(network).compile(),
            None => compiling.compile(),
        };
        self.nfe.map(|budget| self.fitting(process, None, range, &finish, budget)).transpose()
    }

    /// As many steps as fit in a number of evaluations.
    fn fitting(
        &self,
        process: &Process,
        sampler: Option<&Sampler>,
        range: Range,
        finish: &dyn Fn(Compiling<'_>) -> langevin::Result<Plan>,
        budget: usize,
    ) -> Result<usize> {
        let refused = |what: &str, got: &str, hint: &str| {
            Err(Failure::misused(what)
                .at("--nfe")
                .expected("a sampler on a grid of any number of steps")
                .got(got.to_owned())
                .hint(hint))
        };
        if let Some(word) = self.moves.as_deref().filter(|_| sampler.is_none()) {
            return refused("a word brings its own evaluations", &format!("--moves '{word}'"), "leave out --nfe");
        }
        if Grid::brings_steps(&self.grid.to_ascii_lowercase()) {
            return refused("the grid brings its own steps", &format!("--grid {}", self.grid), "leave out --nfe");
        }
        let own;
        let sampler = match sampler {
            Some(sampler) => sampler,
            None => {
                own = self.sampler()?;
                &own
            }
        };
        let plan = |steps: usize| {
            let grid = either_case(&self.grid, |grid| Grid::parse(grid, Some(steps)))?;
            finish(sampler.on(process, &grid.levels(process, range.min, range.max)?))
        };
        match langevin::recommend::most_steps(budget, &plan).or_misused()? {
            Some((steps, _)) => Ok(steps),
            None => Err(crate::survey::nothing_fits(sampler.spec(), budget)),
        }
    }

    /// Compiles this sampler, or the word or the sampler of the flags; `finish` says for what.
    pub fn compile_as(
        &self,
        process: &Process,
        sampler: Option<&Sampler>,
        range: Range,
        finish: &dyn Fn(Compiling<'_>) -> langevin::Result<Plan>,
    ) -> Result<Plan> {
        let steps = match self.nfe {
            Some(budget) => Some(self.fitting(process, sampler, range, finish, budget)?),
            None => self.steps,
        };
        let plan = |sampler: &Sampler, steps: Option<usize>| {
            let grid = either_case(&self.grid, |grid| Grid::parse(grid, steps))?;
            finish(sampler.on(process, &grid.levels(process, range.min, range.max)?))
        };
        self.check_range_is_used(process)?;
        let (Some(text), None) = (&self.moves, sampler) else {
            return match sampler {
                Some(sampler) => plan(sampler, steps).or_misused(),
                None => plan(&self.sampler()?, steps).or_misused(),
            };
        };
        let word = self.word(text)?;
        let (needed, most) = (word.steps(), word.reverse_moves());
        let sampler = Sampler::word(word);
        if steps.is_some() || self.list().is_some() {
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

    /// A range is for grids that are laid into one.
    fn check_range_is_used(&self, process: &Process) -> Result<()> {
        if self.sigma_min.is_none() && self.sigma_max.is_none() {
            return Ok(());
        }
        match either_case(&self.grid, |grid| Grid::parse(grid, self.steps)) {
            Ok(grid) if grid.brings_levels(process) => Err(Failure::misused("the grid brings its own noise levels")
                .at(format!("--grid, {FLAGS}"))
                .expected("a grid between two noise levels")
                .got(format!("'{}' on {}", self.grid, process.name()))
                .hint("leave out --sigma-min and --sigma-max, or choose another --grid")),
            // What is no grid is refused with the library's own words.
            _ => Ok(()),
        }
    }

    /// The word with the noise of --eta.
    fn word(&self, text: &str) -> Result<Word> {
        // Lines and tabs are spaces, to the parser too: the word is the plan's name.
        let text: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
        let word = Word::parse(&text).or_misused()?;
        if word.reverse_moves() == 0 {
            return Err(Failure::misused("the word never goes towards the data")
                .at("--moves")
                .expected("a word with an R")
                .got(format!("'{text}'"))
                .hint("add at least one R"));
        }
        let Some(eta) = self.eta else {
            return Ok(word);
        };
        let set = word.clone().with_eta(eta);
        if set == word {
            return Err(Failure::misused("--eta has nothing to set")
                .at("--eta, --moves")
                .expected("an R without a number of its own")
                .got(format!("'{text}'"))
                .hint("leave out --eta, or take the numbers off the R"));
        }
        Ok(set)
    }
}
