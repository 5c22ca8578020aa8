//! Finds the sampler and the grid with the smallest exact error within a number of network
//! evaluations (NFE).
//!
//! The [`Search`] compiles every sampler on every grid, with as many steps as the budget allows.
//! [`Analyze::analyze`](crate::Analyze::analyze) then computes the error of each plan on Gaussian
//! data. No network is called and nothing is sampled.
//!
//! A trained network is not exact. [`Search::score_error`] therefore rates a plan by the worse of
//! two networks, whose ε is too large or too small by the given factor.
//!
//! A result on Gaussian data with the covariance of the real data is a good guess for the real
//! data. The page `docs/gaussian-analysis.md` measures how good. [`Doubt`] names the cases in which
//! a ranking says little, and [`Measure`] tries the first plans on a real model.
//!
//! ```
//! use langevin_analysis::recommend::{By, Search};
//! use langevin::{Process, Request};
//! use langevin_analysis::Spectrum;
//! let (request, data) = (Request::new().process(Process::vp()), Spectrum::power_law(2.0, 64)?);
//! let search = Search::new(&request, &data, 8, By::W2).grids(["karras", "uniform-lambda"]);
//! let ranking = search.run()?;
//! let best = ranking.best();
//! assert!(best.analysis.nfe <= 8);
//! assert!(best.analysis.total.w2 <= ranking.usual()[0].analysis.total.w2);
//! println!("{ranking}"); // the ten best plans, and the reasons for the first
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
pub(crate) use measure::{finer, reference};
pub use search::starts_from_noise;
pub use search::{MAX_NFE, Search};

use crate::analysis::{Analysis, Distance};
use langevin::error::Result;
use langevin::plan::Plan;
use langevin::process::Level;
use langevin::request::most_steps;
use langevin::sampler::Sampler;

/// Names of the grids that a [`Search`] tries by default.
///
/// # Examples
/// ```
/// use langevin::{Process, Request};
/// use langevin_analysis::recommend::{Compiler, GRIDS};
/// let request = Request::new().process(Process::vp());
/// assert!(GRIDS.iter().all(|grid| request.own_steps(grid).is_ok()));
/// ```
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
/// Names of the most widely used samplers, shown beside the best plan.
///
/// # Examples
/// ```
/// use langevin_analysis::recommend::USUAL;
/// assert!(USUAL.iter().all(|name| langevin::Sampler::parse(name, None).is_ok()));
/// ```
pub const USUAL: [&str; 2] = ["ddim", "dpmpp-2m"];

/// The error by which plans are ranked.
///
/// # Examples
/// ```
/// use langevin_analysis::recommend::By;
/// assert_eq!(By::default(), By::W2);
/// assert_eq!(By::Kl.name(), "KL");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum By {
    /// The Wasserstein distance $W_2$.
    #[default]
    W2,
    /// The KL divergence of the data from the model, in nats.
    Kl,
}

impl By {
    /// Returns the component of `distance` that this criterion ranks by.
    ///
    /// # Examples
    /// ```
    /// use langevin::Request;
    /// use langevin_analysis::recommend::By;
    /// use langevin_analysis::{Analyze, Spectrum};
    /// let data = Spectrum::power_law(2.0, 8)?;
    /// let found = Request::new().plan()?.analyze(&data, &Default::default())?;
    /// assert_eq!(By::W2.of(&found.total), found.total.w2);
    /// assert_eq!(By::Kl.of(&found.total), found.total.kl);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn of(self, distance: &Distance) -> f64 {
        match self {
            By::W2 => distance.w2,
            By::Kl => distance.kl,
        }
    }

    /// Returns the display name, `W2` or `KL`.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::recommend::By;
    /// assert_eq!([By::W2, By::Kl].map(By::name), ["W2", "KL"]);
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            By::W2 => "W2",
            By::Kl => "KL",
        }
    }
}

/// Compiles samplers to plans for a [`Search`].
///
/// A [`Request`](langevin::Request) implements this trait. The crate `langevin-import` implements
/// it for scheduler configurations of other libraries.
///
/// # Examples
/// ```
/// use langevin::{Process, Request, Sampler};
/// use langevin_analysis::recommend::Compiler;
/// let request = Request::new().process(Process::vp());
/// let plan = Compiler::plan(&request, &Sampler::ddim(0.0), "karras", Some(10))?;
/// assert_eq!(plan.nfe(), 10);
/// assert_eq!(Compiler::levels(&request, "karras", Some(10))?.len(), 11);
/// assert!(request.admits(&plan));
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Compiler {
    /// Compiles a sampler on a grid with this number of steps; `None` selects the steps of the
    /// grid.
    ///
    /// # Errors
    /// Returns an error if the sampler cannot be compiled on the grid.
    fn plan(&self, sampler: &Sampler, grid: &str, steps: Option<usize>) -> Result<Plan>;

    /// Returns the noise levels of a grid.
    ///
    /// The search compares these levels, and skips a grid whose levels repeat those of an earlier
    /// grid.
    ///
    /// # Errors
    /// Returns an error if the grid does not exist or cannot have this number of steps.
    fn levels(&self, grid: &str, steps: Option<usize>) -> Result<Vec<Level>>;

    /// Returns the number of steps that a grid fixes, or `None` if the number is free.
    ///
    /// # Errors
    /// Returns an error if the grid is unknown.
    fn own_steps(&self, grid: &str) -> Result<Option<usize>>;

    /// Returns the most widely used grid, or `None` if this compiler has no choice of grids.
    fn usual_grid(&self) -> Option<&'static str>;

    /// Returns `true` if the search may recommend this plan.
    fn admits(&self, plan: &Plan) -> bool;
}

/// Compiles a sampler with the largest number of steps that fits into `budget` network evaluations.
///
/// Returns the number of steps and the plan, or `None` if not even one step fits.
///
/// # Errors
/// Returns an error if the sampler cannot be compiled on the grid with any number of steps.
///
/// # Examples
/// ```
/// use langevin::{Process, Request, Sampler};
/// use langevin_analysis::recommend::fitting;
/// let request = Request::new().process(Process::vp());
/// // Heun's method takes two evaluations a step, except for the last step.
/// let heun = Sampler::parse("heun", None)?;
/// let (steps, plan) = fitting(&request, &heun, "karras", 10)?.expect("a plan that fits");
/// assert!(plan.nfe() <= 10 && plan.nfe() > steps);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn fitting(compiler: &dyn Compiler, sampler: &Sampler, grid: &str, budget: usize) -> Result<Option<(usize, Plan)>> {
    if let Some(steps) = compiler.own_steps(grid)? {
        let plan = compiler.plan(sampler, grid, None)?;
        return Ok((plan.nfe() <= budget).then_some((steps, plan)));
    }
    most_steps(budget, &|steps| compiler.plan(sampler, grid, Some(steps)))
}

/// A plan of a [`Ranking`], with its sampler, its grid and its errors.
///
/// # Examples
/// ```
/// # use langevin::{Process, Request, Sampler};
/// # use langevin_analysis::Spectrum;
/// # use langevin_analysis::recommend::{By, Search};
/// # let request = Request::new().process(Process::vp());
/// # let data = Spectrum::power_law(2.0, 16)?;
/// let ranking = Search::new(&request, &data, 6, By::W2).grids(["karras"]).run()?;
/// let best = ranking.best();
/// assert_eq!((best.grid.as_str(), best.plan.nfe()), ("karras", best.analysis.nfe));
/// // The same plan from its parts.
/// let again = Request::new().process(Process::vp()).sampler(best.sampler.spec());
/// assert_eq!(again.grid("karras").steps(best.steps).plan()?.ops(), best.plan.ops());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// The sampler.
    pub sampler: Sampler,
    /// The grid's name.
    pub grid: String,
    /// The number of steps.
    pub steps: usize,
    /// The compiled plan.
    pub plan: Plan,
    /// Exact errors. The breakdown by source is filled in only for the best plan and the usual
    /// choices.
    pub analysis: Analysis,
    /// The error by which plans are ranked: typical for step counts near this one
    /// ([`Search::neighbours`]).
    pub typical: f64,
    /// Other samplers whose results have the same errors on this grid.
    pub also: Vec<String>,
}

/// Plans sorted from the best to the worst, the result of a [`Search`].
///
/// Its [`Display`](std::fmt::Display) form is the table of the ten best plans followed by the
/// reasons.
///
/// # Examples
/// ```
/// use langevin::{Process, Request};
/// use langevin_analysis::Spectrum;
/// use langevin_analysis::recommend::{By, Search};
/// let (request, data) = (Request::new().process(Process::vp()), Spectrum::power_law(2.0, 16)?);
/// let ranking = Search::new(&request, &data, 6, By::W2).grids(["karras"]).run()?;
/// assert_eq!(ranking.by(), By::W2);
/// assert_eq!(ranking.chosen(), 0, "no measurement chose another plan");
/// assert!(ranking.candidates().windows(2).all(|pair| pair[0].typical <= pair[1].typical));
/// assert!(ranking.candidates().len() <= ranking.plans());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ranking {
    by: By,
    plans: usize,
    candidates: Vec<Candidate>,
    usual: Vec<Candidate>,
    /// The error with one step less and with one step more, if both are much larger.
    luck: Option<(Option<f64>, f64)>,
    /// The sum of |weight| over the denoised predictions of the best plan.
    gain: f64,
    /// The reason why the ranking says little, if any.
    doubt: Option<Doubt>,
    /// The index of the best plan.
    best: usize,
}

impl Ranking {
    /// Returns the best plan.
    ///
    /// This is the first candidate, unless [`Measure::run`] chose another one.
    #[must_use]
    pub fn best(&self) -> &Candidate {
        // `Search::finish` makes no empty ranking, and `choose` takes a place in it.
        &self.candidates[self.best]
    }

    /// Returns the index of the best plan in [`candidates`](Self::candidates).
    ///
    /// The index is 0 unless [`Measure::run`] chose another plan.
    #[must_use]
    pub fn chosen(&self) -> usize {
        self.best
    }

    /// Makes the candidate at this index the best one.
    fn choose(&mut self, place: usize) {
        self.best = place.min(self.candidates.len() - 1);
    }

    /// Returns all distinct plans, best first.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Returns the usual choices ([`USUAL`]) within the same NFE budget, as far as they fit.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{Process, Request, Sampler};
    /// # use langevin_analysis::Spectrum;
    /// # use langevin_analysis::recommend::{By, Search};
    /// # let request = Request::new().process(Process::vp());
    /// # let data = Spectrum::power_law(2.0, 16)?;
    /// let ranking = Search::new(&request, &data, 6, By::W2).grids(["karras"]).run()?;
    /// let names: Vec<&str> = ranking.usual().iter().map(|usual| usual.sampler.spec()).collect();
    /// assert_eq!(names, ["ddim", "dpmpp-2m"]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn usual(&self) -> &[Candidate] {
        &self.usual
    }

    /// Returns the number of plans that were analysed, including duplicates.
    #[must_use]
    pub fn plans(&self) -> usize {
        self.plans
    }

    /// Returns Σ|wₖ|, the sum over the weights of the denoised predictions in the best plan's
    /// result.
    ///
    /// The sum bounds the factor by which the plan can amplify an error of the network. It is 1 if
    /// the result is an average of predictions.
    ///
    /// # Examples
    /// ```
    /// use langevin::{Process, Request, Sampler};
    /// use langevin_analysis::Spectrum;
    /// use langevin_analysis::recommend::{By, Search};
    /// let (request, data) = (Request::new().process(Process::vp()), Spectrum::power_law(2.0, 8)?);
    /// let search = Search::new(&request, &data, 5, By::W2).grids(["karras"]);
    /// // A plan that ends with x' = D returns its last prediction, with weight 1.
    /// let ranking = search.samplers([Sampler::ddim(0.0)]).run()?;
    /// assert!((ranking.gain() - 1.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn gain(&self) -> f64 {
        self.gain
    }

    /// Returns the reason why the ranking says little about the steps, or `None` if it can be
    /// trusted.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{Process, Request, Sampler};
    /// # use langevin_analysis::Spectrum;
    /// # use langevin_analysis::recommend::{By, Search};
    /// # let request = Request::new().process(Process::vp());
    /// # let data = Spectrum::power_law(2.0, 16)?;
    /// // Data of unit variance: the steps decide.
    /// let ranking = Search::new(&request, &data, 6, By::W2).grids(["karras"]).run()?;
    /// assert_eq!(ranking.doubt(), None);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// Returns the error by which the plans are ranked.
    #[must_use]
    pub fn by(&self) -> By {
        self.by
    }
}
