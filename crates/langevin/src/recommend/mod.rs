//! The sampler and the grid with the smallest exact error within a number of evaluations.
//!
//! Every sampler goes from noise to the data on every grid, in as many steps as fit, and [`Plan::analyze`] says what is wrong with it on Gaussian data: no network is called and nothing is
//! sampled. A network is not exact: with [`Search::score_error`] a plan is as good as it is with the worse of two networks, whose ε is that much too large and too small. What holds for Gaussians of the data's covariance is a good guess at what holds for the data (`docs/gaussian-analysis.md` measures how good).
//!
//! ```
//! use langevin::recommend::{By, Search, Setting};
//! use langevin::{Process, Spectrum};
//! let (process, data) = (Process::vp(), Spectrum::power_law(2.0, 64)?);
//! let setting = Setting::new(&process);
//! let ranking = Search::new(&setting, &data, 8, By::W2).grids(["karras", "uniform-lambda"]).run()?;
//! let best = ranking.best();
//! assert!(best.analysis.nfe <= 8 && best.analysis.total.w2 <= ranking.usual()[0].analysis.total.w2);
//! println!("{ranking}"); // the ten best, and why the first is the first
//! # Ok::<(), langevin::Error>(())
//! ```

mod report;
mod setting;
#[cfg(test)]
mod tests;

pub use setting::{Imported, Setting};

use crate::analysis::{Analysis, AnalysisOptions, Distance, Spectrum};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::process::Level;
use crate::sampler::{Entry, Sampler};

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

/// Where plans come from: a [`Setting`], or the config of another library's scheduler ([`Imported`]).
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
    let mut steps = budget;
    let mut first = None;
    while steps > 0 {
        match compiler.plan(sampler, grid, Some(steps)) {
            Ok(plan) if plan.nfe() <= budget => {
                let mut best = (steps, plan);
                // The estimate below may have left out a few.
                while best.0 < budget
                    && let Ok(plan) = compiler.plan(sampler, grid, Some(best.0 + 1))
                    && plan.nfe() <= budget
                {
                    best = (best.0 + 1, plan);
                }
                return Ok(Some(best));
            }
            // Evaluations grow about as steps do.
            Ok(plan) => steps = (steps * budget / plan.nfe()).min(steps - 1),
            Err(error) => {
                first = first.or(Some(error));
                steps = steps.min(64) / 2;
            }
        }
    }
    first.map_or(Ok(None), Err)
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
}

impl Ranking {
    /// The best.
    #[must_use]
    pub fn best(&self) -> &Candidate {
        // `Search::finish` makes no empty ranking.
        &self.candidates[0]
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

    /// What they are ranked by.
    #[must_use]
    pub fn by(&self) -> By {
        self.by
    }
}

/// The most evaluations that plans are ranked for: what the best one's result is made of is a table of evaluations by
/// evaluations, which has a bound (see [`Plan::unroll`](crate::Plan::unroll)).
pub const MAX_NFE: usize = 2047;

/// Whether a sampler is for this: not made for distilled networks, nor with noise levels of its own among its options, nor for guidance.
fn is_meant(name: &str) -> bool {
    !matches!(name, "lcm" | "tcd" | "restart" | "annealed-langevin") && !name.ends_with("-cfg-pp")
}

/// Whether a plan is linear and goes from noise alone.
fn starts_from_noise(plan: &Plan) -> bool {
    plan.is_linear() && plan.inputs().is_empty()
}

/// The same but for rounding.
fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// A search through all samplers and grids, one at a time: whoever calls it can stop it.
pub struct Search<'a> {
    compiler: &'a dyn Compiler,
    data: &'a Spectrum,
    nfe: usize,
    by: By,
    score_error: f64,
    samplers: Vec<Sampler>,
    grids: Vec<String>,
    /// Which comes next: the grid, and the sampler on it.
    next: (usize, usize),
    seen: Vec<Vec<Level>>,
    candidates: Vec<Candidate>,
    plans: usize,
    /// Why the first of those that failed did.
    failed: Option<Error>,
}

impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("nfe", &self.nfe).field("plans", &self.plans).finish_non_exhaustive()
    }
}

impl<'a> Search<'a> {
    /// Of every sampler that is meant for it, on [`GRIDS`], in at most `nfe` evaluations.
    #[must_use]
    pub fn new(compiler: &'a dyn Compiler, data: &'a Spectrum, nfe: usize, by: By) -> Self {
        let meant = Entry::all().iter().filter(|entry| is_meant(entry.name));
        Self {
            compiler,
            data,
            nfe,
            by,
            score_error: 0.0,
            // A test parses every name.
            samplers: meant.filter_map(|entry| Sampler::parse(entry.name, None).ok()).collect(),
            grids: GRIDS.map(String::from).to_vec(),
            next: (0, 0),
            seen: vec![],
            candidates: vec![],
            plans: 0,
            failed: None,
        }
    }

    /// For a network whose ε is off by a factor of 1 ± δ, whichever is worse. An exact score, δ = 0, favours plans that would amplify the errors of a real network.
    #[must_use]
    pub fn score_error(mut self, delta: f64) -> Self {
        self.score_error = delta.abs();
        self
    }

    /// Of these samplers.
    #[must_use]
    pub fn samplers(mut self, samplers: impl IntoIterator<Item = Sampler>) -> Self {
        self.samplers = samplers.into_iter().collect();
        self
    }

    /// On these grids.
    #[must_use]
    pub fn grids<S: Into<String>>(mut self, grids: impl IntoIterator<Item = S>) -> Self {
        self.grids = grids.into_iter().map(Into::into).collect();
        self
    }

    /// To the end.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn run(mut self) -> Result<Ranking> {
        while self.advance()? {}
        self.finish()
    }

    /// Tries one more; `false` where there is none.
    ///
    /// # Errors
    /// An analysis that has no finite numbers.
    pub fn advance(&mut self) -> Result<bool> {
        if self.nfe > MAX_NFE {
            return Err(Error::argument("too many evaluations to rank plans")
                .at("nfe")
                .expected(format!("at most {MAX_NFE}"))
                .got(self.nfe.to_string()));
        }
        let (at, sampler) = self.next;
        let Some(grid) = self.grids.get(at).cloned() else { return Ok(false) };
        if sampler == 0 && self.is_another(&grid)? {
            self.next = (at + 1, 0);
            return Ok(true);
        }
        let Some(sampler) = self.samplers.get(sampler).cloned() else {
            self.next = (at + 1, 0);
            return Ok(true);
        };
        self.next.1 += 1;
        match fitting(self.compiler, &sampler, &grid, self.nfe) {
            Ok(Some((steps, plan))) if self.compiler.admits(&plan) => self.add(sampler, &grid, steps, plan)?,
            Ok(_) => {}
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
        Ok(true)
    }

    /// Whether a grid is one of those before it by another name.
    fn is_another(&mut self, grid: &str) -> Result<bool> {
        let steps = if self.compiler.own_steps(grid)?.is_some() { None } else { Some(self.nfe) };
        match self.compiler.levels(grid, steps) {
            Ok(levels) if self.seen.iter().any(|seen| same(seen, &levels)) => return Ok(true),
            Ok(levels) => self.seen.push(levels),
            // It may fit with fewer steps.
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
        Ok(false)
    }

    fn add(&mut self, sampler: Sampler, grid: &str, steps: usize, plan: Plan) -> Result<()> {
        let analysis = self.worst(&plan, false)?;
        self.plans += 1;
        let twin = self.candidates.iter_mut().find(|known| {
            let (a, b) = (&known.analysis, &analysis);
            known.grid == grid && a.nfe == b.nfe && near(a.total.w2, b.total.w2) && near(a.total.kl, b.total.kl)
        });
        if let Some(twin) = twin {
            twin.also.push(sampler.spec().to_owned());
            return Ok(());
        }
        self.candidates.push(Candidate { sampler, grid: grid.to_owned(), steps, plan, analysis, also: vec![] });
        Ok(())
    }

    /// The analysis with the worse of the two networks.
    fn worst(&self, plan: &Plan, sources: bool) -> Result<Analysis> {
        let with = |score_error| plan.analyze(self.data, &AnalysisOptions { score_error, sources });
        let over = with(self.score_error)?;
        if self.score_error == 0.0 {
            return Ok(over);
        }
        let under = with(-self.score_error)?;
        let worse = self.by.of(&under.total) > self.by.of(&over.total);
        Ok(if worse { under } else { over })
    }

    /// The ranking of what was tried.
    ///
    /// # Errors
    /// Nothing that fits.
    pub fn finish(mut self) -> Result<Ranking> {
        let key = |candidate: &Candidate| self.by.of(&candidate.analysis.total);
        self.candidates.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.analysis.nfe.cmp(&b.analysis.nfe)));
        let Some(best) = self.candidates.first() else {
            return Err(self.failed.unwrap_or_else(|| {
                Error::argument("nothing fits")
                    .at("nfe, samplers")
                    .expected(format!("a linear sampler that goes from noise to the data in {} evaluations", self.nfe))
                    .got(format!("none among the {} tried", self.samplers.len()))
            }));
        };
        let plan = best.plan.clone();
        let analysis = self.worst(&plan, true)?;
        // A plan of many evaluations and as many draws is too large for this; the ranking stands without it.
        let gain = plan.unroll().map_or(f64::NAN, |whole| whole.result.evals.iter().map(|weight| weight.abs()).sum());
        if let Some(best) = self.candidates.first_mut() {
            best.analysis = analysis;
        }
        let (usual, luck) = (self.usual()?, self.luck());
        let Self { by, plans, candidates, .. } = self;
        Ok(Ranking { by, plans, candidates, usual, luck, gain })
    }

    /// The usual choices within the same evaluations, where they fit.
    fn usual(&self) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for name in USUAL {
            let sampler = Sampler::parse(name, None)?;
            // It may not reach where the other grids do.
            for grid in self.compiler.usual_grid().into_iter().chain(self.grids.iter().map(String::as_str)) {
                if let Ok(Some((steps, plan))) = fitting(self.compiler, &sampler, grid, self.nfe) {
                    let analysis = self.worst(&plan, true)?;
                    found.push(Candidate { sampler, grid: grid.into(), steps, plan, analysis, also: vec![] });
                    break;
                }
            }
        }
        Ok(found)
    }

    /// An error is one number an axis, and may pass through 0 between two numbers of steps: then it is far below those of its neighbours, and says nothing about other data.
    fn luck(&self) -> Option<(Option<f64>, f64)> {
        let Candidate { sampler, grid, steps, analysis, .. } = self.candidates.first()?;
        if self.compiler.own_steps(grid).ok()?.is_some() {
            return None;
        }
        let value = |steps: usize| {
            let plan = self.compiler.plan(sampler, grid, Some(steps)).ok()?;
            self.worst(&plan, false).ok().map(|analysis| self.by.of(&analysis.total))
        };
        let least = self.by.of(&analysis.total);
        let (less, more) = (if *steps > 1 { value(steps - 1) } else { None }, value(steps + 1)?);
        // More steps are as a rule better, and a step less is worse by some: not twice, from a few steps on.
        let far = |value: f64| value > 2.0 * least;
        (far(more) && less.is_none_or(far)).then_some((less, more))
    }
}

fn same(a: &[Level], b: &[Level]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a.alpha, b.alpha) && near(a.sigma, b.sigma))
}
