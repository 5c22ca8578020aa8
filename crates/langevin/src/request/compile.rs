//! The noise range, the levels and the plan of a request.

use super::{Choice, Count, First, GRID, PROCESS, Request, SAMPLER, SAMPLER_WITH_ETA, STEPS};
use crate::error::{Error, Result};
use crate::grid::{Grid, SIGMAS, usual_range};
use crate::plan::Plan;
use crate::process::{Level, Process};
use crate::sampler::{Compiling, Sampler, Start, Word};

/// The number of reverse moves above which the steps that a word needs are not searched for.
const SEARCH: usize = 1000;

/// The noise range of a request, in σ/α.
///
/// ```
/// use langevin::{Process, Request};
/// let range = Request::new().process(Process::ve()).noise_range()?;
/// assert_eq!((range.min, range.max, range.clipped), (0.002, 80.0, false));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct NoiseRange {
    /// The cleanest level before the end.
    pub min: f64,
    /// The level of the start.
    pub max: f64,
    /// True if the network was trained on a narrower range than the request sets.
    pub clipped: bool,
}

impl NoiseRange {
    /// Returns the range of the levels at which a plan evaluates its network.
    ///
    /// ```
    /// use langevin::{Request, request::NoiseRange};
    /// let range = NoiseRange::of(&Request::new().range(0.01, 50.0).plan()?);
    /// assert!((range.min - 0.01).abs() < 1e-12 && (range.max - 50.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let [min, max] = plan.noise_levels().unwrap_or(SIGMAS);
        Self { min, max, clipped: false }
    }
}

/// Returns the error for a sampler (`what`) of which not even one step fits into a budget of
/// evaluations.
///
/// ```
/// use langevin::request::over_budget;
/// let error = over_budget("seeds-3", 2).to_string();
/// assert!(error.contains("`nfe`") && error.contains("seeds-3"), "{error}");
/// ```
#[must_use]
pub fn over_budget(what: &str, budget: usize) -> Error {
    Error::argument("no step fits")
        .at("`nfe`")
        .expected(format!("evaluations for one step of {what}"))
        .got(budget.to_string())
}

/// Returns the largest number of steps whose plan fits into `budget` evaluations, and that plan.
///
/// `plan` compiles a plan from a number of steps. The result is `None` if not even one step fits.
///
/// ```
/// use langevin::Request;
/// use langevin::request::most_steps;
/// let plan = |steps| Request::new().sampler("heun").steps(steps).plan();
/// let (steps, plan) = most_steps(10, &plan)?.expect("a step fits");
/// assert_eq!((steps, plan.nfe()), (5, 9));
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns the first error of `plan` if it fails for every number of steps that was tried.
pub fn most_steps(budget: usize, plan: &dyn Fn(usize) -> Result<Plan>) -> Result<Option<(usize, Plan)>> {
    let mut steps = budget;
    let mut first = None;
    while steps > 0 {
        match plan(steps) {
            Ok(fits) if fits.nfe() <= budget => {
                let mut best = (steps, fits);
                // The estimate below may have left out a few steps.
                while best.0 < budget
                    && let Ok(more) = plan(best.0 + 1)
                    && more.nfe() <= budget
                {
                    best = (best.0 + 1, more);
                }
                return Ok(Some(best));
            }
            // Evaluations grow about as fast as steps.
            Ok(costs) => steps = (steps * budget / costs.nfe()).min(steps - 1),
            Err(error) => {
                first = first.or(Some(error));
                steps = steps.min(64) / 2;
            }
        }
    }
    first.map_or(Ok(None), Err)
}

/// Returns the process of [`PROCESS`].
fn default_process() -> Process {
    Process::parse(PROCESS).unwrap_or_else(|_| Process::rectified_flow())
}

impl Request {
    /// Returns the process of the states: that of the request, else the network's, else rectified
    /// flow.
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process, Request};
    /// let network = Formulation::new(Process::vp(), Prediction::Epsilon);
    /// let request = Request::new().network(network);
    /// assert_eq!(request.state_process(), Process::vp());
    /// assert_eq!(request.process(Process::ve()).state_process(), Process::ve());
    /// ```
    #[must_use]
    pub fn state_process(&self) -> Process {
        let network = self.network.as_ref().map(|network| &network.process);
        self.process.as_ref().or(network).cloned().unwrap_or_else(default_process)
    }

    /// Returns the name of the grid.
    ///
    /// ```
    /// use langevin::Request;
    /// assert_eq!(Request::new().grid_name(), "karras");
    /// assert_eq!(Request::new().grid("trailing").grid_name(), "trailing");
    /// ```
    #[must_use]
    pub fn grid_name(&self) -> &str {
        self.grid.as_deref().unwrap_or(GRID)
    }

    /// Returns whether the request is a word of moves.
    ///
    /// ```
    /// use langevin::Request;
    /// assert!(Request::new().moves("(R L)*7").is_word());
    /// assert!(!Request::new().sampler("heun").is_word());
    /// ```
    #[must_use]
    pub fn is_word(&self) -> bool {
        matches!(self.choice, Choice::Moves(_))
    }

    /// Returns the sampler.
    ///
    /// ```
    /// use langevin::Request;
    /// assert_eq!(Request::new().chosen_sampler()?.name(), "dpmpp-2m");
    /// assert_eq!(Request::new().eta(0.5).chosen_sampler()?.spec(), "ddim:eta=0.5");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the name, an option or η cannot be used, or if the word has no reverse
    /// move.
    pub fn chosen_sampler(&self) -> Result<Sampler> {
        match &self.choice {
            Choice::Default => Sampler::parse(if self.eta.is_some() { SAMPLER_WITH_ETA } else { SAMPLER }, self.eta),
            Choice::Named(name) => Sampler::parse(name, self.eta),
            Choice::Moves(text) => self.word(text).map(Sampler::word),
            Choice::Given(sampler) => Ok(sampler.clone()),
        }
    }

    /// Returns the sampler that the request names, or `None` if it takes the default or a word of
    /// moves.
    ///
    /// ```
    /// use langevin::Request;
    /// let heun = Request::new().sampler("heun").named_sampler()?.expect("a name");
    /// assert_eq!(heun.name(), "heun");
    /// assert_eq!(Request::new().named_sampler()?, None);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`chosen_sampler`](Self::chosen_sampler).
    pub fn named_sampler(&self) -> Result<Option<Sampler>> {
        match &self.choice {
            Choice::Default | Choice::Moves(_) => Ok(None),
            Choice::Named(_) | Choice::Given(_) => self.chosen_sampler().map(Some),
        }
    }

    /// Returns the noise range of the grid: that of the request or of the process, within the
    /// network's trained range.
    ///
    /// ```
    /// use langevin::{Formulation, LambdaRange, Prediction, Process, Request};
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon);
    /// let network = network.with_range(LambdaRange::from_sigma_ve(0.1, 10.0)?);
    /// let range = Request::new().network(network).sigma_max(50.0).noise_range()?;
    /// assert!(range.clipped && (range.max - 10.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if:
    ///
    /// - the range is empty;
    /// - the request starts from pure noise, and the network was not trained on it;
    /// - the request has a range, and its grid is a list of levels.
    pub fn noise_range(&self) -> Result<NoiseRange> {
        if let Some(levels) = self.list() {
            return self.range_of_list(&levels);
        }
        let trained = self.network.as_ref().and_then(|network| network.range);
        let (low, high) = trained.map_or((0.0, f64::INFINITY), |range| range.sigma_ve());
        let usual = usual_range(&self.state_process());
        let (min, max) = (self.sigma_min.unwrap_or(usual[0]), self.sigma_max.unwrap_or(usual[1]));
        let range = NoiseRange {
            min: min.max(low),
            max: max.min(high),
            // A tiny excess at either end is the rounding of a change of clock.
            clipped: min < low * (1.0 - 1e-9) || max > high * (1.0 + 1e-9),
        };
        if max.is_infinite() && !range.max.is_infinite() {
            return Err(empty("a network that was trained on pure noise", "inf"));
        }
        if range.min < range.max || (range.min == range.max && self.is_one_step()) {
            Ok(range)
        } else if min < max {
            let expected = format!("levels within the trained range, σ/α from {low:.4} to {high:.4}");
            Err(empty(expected, format!("{min} to {max}")))
        } else {
            Err(empty("sigma-min below sigma-max", format!("{min} and {max}")))
        }
    }

    /// Returns the levels of the grid on the process of the states, noisiest first.
    ///
    /// ```
    /// use langevin::{Process, Request};
    /// let request = Request::new().process(Process::ve()).grid("list:10,1,0");
    /// let sigmas: Vec<f64> = request.levels()?.iter().map(|level| level.sigma).collect();
    /// assert_eq!(sigmas, [10.0, 1.0, 0.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`plan`](Self::plan).
    pub fn levels(&self) -> Result<Vec<Level>> {
        self.check_range_is_used()?;
        self.levels_of(self.noise_range()?, Some(self.step_count()?))
    }

    /// Returns the step count of the grid: that of the request, the count that fits into its
    /// budget, that of its list or word of moves, or [`STEPS`].
    ///
    /// ```
    /// use langevin::Request;
    /// assert_eq!(Request::new().step_count()?, 20);
    /// assert_eq!(Request::new().moves("(R L)*7").step_count()?, 7);
    /// assert_eq!(Request::new().sampler("heun").nfe(9).step_count()?, 5);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`plan`](Self::plan).
    pub fn step_count(&self) -> Result<usize> {
        match (self.count, &self.choice) {
            (Count::Steps(steps), _) => Ok(Grid::parse(self.grid_name(), Some(steps))?.steps()),
            (Count::Default, Choice::Moves(_)) if self.list().is_none() => Ok(self.solved()?.0),
            (Count::Default, _) => Ok(Grid::parse(self.grid_name(), None)?.steps()),
            (Count::Budget(_), _) => Ok(self.solved()?.0),
        }
    }

    /// Returns the plan.
    ///
    /// ```
    /// use langevin::{Process, Request};
    /// let request = Request::new().sampler("ddim").process(Process::vp()).steps(10);
    /// let plan = request.plan()?;
    /// assert!(plan.nfe() == 10 && plan.lint()?.is_clean());
    /// assert!(request.sampler("dimm").plan().unwrap_err().to_string().contains("ddim"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if:
    ///
    /// - a name or an option is unknown;
    /// - values contradict each other;
    /// - the noise range is empty, or the request has a range and the grid has its own levels;
    /// - no step fits into the budget;
    /// - the sampler cannot be compiled on the grid.
    pub fn plan(&self) -> Result<Plan> {
        Ok(self.solved()?.1)
    }

    /// Removes the noise range if the grid has its own levels on this process.
    ///
    /// ```
    /// use langevin::Request;
    /// let request = Request::new().range(0.01, 50.0);
    /// assert_eq!(request.clone().grid("vp").without_unused_range().to_string(), "grid=vp");
    /// assert_eq!(request.clone().without_unused_range(), request);
    /// ```
    #[must_use]
    pub fn without_unused_range(self) -> Self {
        let steps = if let Count::Steps(steps) = self.count { Some(steps) } else { None };
        match Grid::parse(self.grid_name(), steps) {
            Ok(grid) if grid.brings_levels(&self.state_process()) => self.default_range(),
            // An unknown grid is reported when the request is compiled.
            _ => self,
        }
    }

    /// Returns the step count and the plan.
    fn solved(&self) -> Result<(usize, Plan)> {
        let range = self.noise_range()?;
        let steps = match self.count {
            Count::Budget(budget) => Some(self.fitting(range, budget)?),
            Count::Steps(steps) => Some(steps),
            Count::Default => None,
        };
        self.check_range_is_used()?;
        let compiled = |sampler: &Sampler, steps: Option<usize>| {
            let levels = self.levels_of(range, steps)?;
            Ok((levels.len().saturating_sub(1), self.compile_on(sampler, &levels)?))
        };
        let sampler = self.chosen_sampler()?;
        let Choice::Moves(text) = &self.choice else { return compiled(&sampler, steps) };
        if steps.is_some() || self.list().is_some() {
            return compiled(&sampler, steps);
        }
        let word = self.word(text)?;
        if let Some(needed) = word.steps() {
            return compiled(&sampler, Some(needed.max(1)));
        }
        // A forward move to a λ goes back by a number of levels that depends on the grid. The
        // search takes the finest grid whose end the word reaches.
        let most = word.reverse_moves().min(SEARCH);
        (1..=most).rev().find_map(|steps| compiled(&sampler, Some(steps)).ok()).ok_or_else(|| {
            Error::argument("no grid ends where the word ends")
                .at("`moves`")
                .expected("as many R behind the last F as the grid has levels below its λ")
                .got(format!("'{text}'"))
                .hinting("add or take away an R at the end, or give `steps` to see where the word stops")
        })
    }

    fn levels_of(&self, range: NoiseRange, steps: Option<usize>) -> Result<Vec<Level>> {
        let steps = steps.or_else(|| (!Grid::brings_steps(self.grid_name())).then_some(STEPS));
        Grid::parse(self.grid_name(), steps)?.levels(&self.state_process(), range.min, range.max)
    }

    /// Returns the plan of this sampler on these levels.
    fn compile_on(&self, sampler: &Sampler, levels: &[Level]) -> Result<Plan> {
        let process = self.state_process();
        let mut compiling = self.started(sampler.on(&process, levels));
        if let Some(network) = &self.network {
            compiling = compiling.network(network);
        }
        if let Some(map) = &self.map {
            compiling = compiling.map(map.clone());
        }
        match self.guidance {
            None => compiling.compile(),
            Some((weight, None)) => compiling.guidance(weight).compile(),
            Some((weight, Some(levels))) => compiling.guidance_within(weight, levels).compile(),
        }
    }

    fn started<'a>(&self, compiling: Compiling<'a>) -> Compiling<'a> {
        match self.first {
            First::Noise => compiling,
            First::Step(steps, start) => compiling.start(steps, start),
            First::Share(share) => {
                let steps = compiling.steps();
                let taken = (share * steps as f64).round() as usize;
                compiling.start(steps - taken.clamp(1, steps.max(1)).min(steps), Start::Image)
            }
        }
    }

    /// Returns the number of steps that fit into a budget.
    fn fitting(&self, range: NoiseRange, budget: usize) -> Result<usize> {
        let refused = |what: &str, got: String| {
            Error::argument(what)
                .at("`nfe`")
                .expected("a sampler on a grid of any number of steps")
                .got(got)
                .hinting("leave out `nfe`")
        };
        if let Choice::Moves(word) = &self.choice {
            return Err(refused("a word brings its own evaluations", format!("`moves` '{word}'")));
        }
        if Grid::brings_steps(self.grid_name()) {
            return Err(refused("the grid brings its own steps", format!("`grid` {}", self.grid_name())));
        }
        let sampler = self.chosen_sampler()?;
        let plan = |steps: usize| self.compile_on(&sampler, &self.levels_of(range, Some(steps))?);
        match most_steps(budget, &plan)? {
            Some((steps, _)) => Ok(steps),
            None => Err(over_budget(sampler.spec(), budget)),
        }
    }

    /// Returns the levels of a list, if the grid is one. Invalid numbers are left out here; they
    /// are reported when the grid is parsed.
    fn list(&self) -> Option<Vec<f64>> {
        if !Grid::brings_steps(self.grid_name()) {
            return None;
        }
        let levels = self.grid_name().split_once(':').map_or("", |(_, levels)| levels);
        Some(levels.split(',').filter_map(|level| level.trim().parse().ok()).collect())
    }

    /// Returns the range of a list, which the request cannot change.
    fn range_of_list(&self, levels: &[f64]) -> Result<NoiseRange> {
        if self.sigma_min.is_some() || self.sigma_max.is_some() {
            return Err(Error::argument("a list brings its own noise levels")
                .at("`grid`, `sigma-min`, `sigma-max`")
                .expected("a list or a range")
                .got("both")
                .hinting("leave out `sigma-min` and `sigma-max`"));
        }
        let max = levels.first().copied().unwrap_or(SIGMAS[1]);
        let min = levels.iter().copied().rfind(|level| *level > 0.0).unwrap_or(SIGMAS[0]);
        Ok(NoiseRange { min, max, clipped: false })
    }

    /// Returns whether the grid has one step, which needs only one noise level.
    fn is_one_step(&self) -> bool {
        let needed = match (self.count, &self.choice) {
            (Count::Steps(count) | Count::Budget(count), _) => Some(count),
            (Count::Default, Choice::Moves(text)) => Word::parse(text).ok().and_then(|word| word.steps()),
            (Count::Default, _) => None,
        };
        needed.is_some_and(|steps| steps <= 1)
    }

    /// Returns an error if the request has a range and the grid has its own levels.
    fn check_range_is_used(&self) -> Result<()> {
        if self.sigma_min.is_none() && self.sigma_max.is_none() {
            return Ok(());
        }
        let (steps, process) =
            (if let Count::Steps(steps) = self.count { Some(steps) } else { None }, self.state_process());
        match Grid::parse(self.grid_name(), steps) {
            Ok(grid) if grid.brings_levels(&process) => Err(Error::argument("the grid brings its own noise levels")
                .at("`grid`, `sigma-min`, `sigma-max`")
                .expected("a grid between two noise levels")
                .got(format!("'{}' on {}", self.grid_name(), process.name()))
                .hinting("leave out `sigma-min` and `sigma-max`, or choose another `grid`")),
            // An unknown grid is reported when the request is compiled.
            _ => Ok(()),
        }
    }

    /// Returns the word of moves, with the request's η.
    fn word(&self, text: &str) -> Result<Word> {
        // Line breaks and tabs become blanks, which the parser treats alike, because the word is
        // the name of the plan.
        let text: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
        let word = Word::parse(&text)?;
        if word.reverse_moves() == 0 {
            return Err(Error::argument("the word never goes towards the data")
                .at("`moves`")
                .expected("a word with an R")
                .got(format!("'{text}'"))
                .hinting("add at least one R"));
        }
        let Some(eta) = self.eta else { return Ok(word) };
        let set = word.clone().with_eta(eta);
        if set == word {
            return Err(Error::argument("`eta` has nothing to set")
                .at("`eta`, `moves`")
                .expected("an R without a number of its own")
                .got(format!("'{text}'"))
                .hinting("leave out `eta`, or take the numbers off the R"));
        }
        Ok(set)
    }
}

fn empty(expected: impl Into<String>, got: impl Into<String>) -> Error {
    Error::argument("empty range of noise levels").at("`sigma-min`, `sigma-max`").expected(expected).got(got)
}
