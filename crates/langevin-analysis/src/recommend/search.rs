//! The search over all samplers and grids.

use super::{By, Candidate, Compiler, Doubt, GRIDS, Ranking, USUAL, fitting};
use crate::analysis::Analyze as _;
use crate::analysis::{Analysis, AnalysisOptions, Spectrum};
use langevin::error::{Error, Result};
use langevin::plan::Plan;
use langevin::process::Level;
use langevin::sampler::{Entry, Sampler};

/// Returns `true` if a plan is linear and has no inputs other than noise.
///
/// # Examples
/// ```
/// use langevin::{Process, Request};
/// use langevin_analysis::recommend::starts_from_noise;
/// assert!(starts_from_noise(&Request::new().process(Process::vp()).plan()?));
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn starts_from_noise(plan: &Plan) -> bool {
    plan.is_linear() && plan.inputs().is_empty()
}

/// Returns `true` if two numbers are equal up to rounding.
fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// The default of [`Search::neighbours`].
const NEIGHBOURS: f64 = 0.25;

/// The largest NFE budget of a search.
///
/// The analysis of the best plan unrolls it to a table of NFE × NFE weights, whose size
/// [`Plan::unroll`](langevin::Plan::unroll) limits.
///
/// # Examples
/// ```
/// # use langevin::{Process, Request, Sampler};
/// # use langevin_analysis::Spectrum;
/// # use langevin_analysis::recommend::{By, Search};
/// # let request = Request::new().process(Process::vp());
/// # let data = Spectrum::power_law(2.0, 16)?;
/// use langevin_analysis::recommend::MAX_NFE;
/// assert!(Search::new(&request, &data, MAX_NFE + 1, By::W2).run().is_err());
/// # Ok::<(), langevin::Error>(())
/// ```
pub const MAX_NFE: usize = 2047;

/// A search over all samplers and grids that advances one plan at a time, so that the caller can
/// stop it.
///
/// # Examples
/// ```
/// use langevin::{Process, Request};
/// use langevin_analysis::Spectrum;
/// use langevin_analysis::recommend::{By, Search};
/// let request = Request::new().process(Process::vp());
/// let data = Spectrum::power_law(2.0, 16)?;
/// let mut search = Search::new(&request, &data, 5, By::W2).grids(["karras"]);
/// let mut tried = 0;
/// while tried < 20 && search.advance()? {
///     tried += 1;
/// }
/// assert!(search.finish()?.best().analysis.nfe <= 5);
/// # Ok::<(), langevin::Error>(())
/// ```
pub struct Search<'a> {
    compiler: &'a dyn Compiler,
    data: &'a Spectrum,
    nfe: usize,
    by: By,
    score_error: f64,
    neighbours: f64,
    samplers: Vec<Sampler>,
    grids: Vec<String>,
    /// The next pair to try: the index of the grid, and the index of the sampler.
    next: (usize, usize),
    seen: Vec<Vec<Level>>,
    candidates: Vec<Candidate>,
    plans: usize,
    /// The first error of a sampler that could not be compiled; reported if no plan fits.
    failed: Option<Error>,
}

impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("nfe", &self.nfe).field("plans", &self.plans).finish_non_exhaustive()
    }
}

impl<'a> Search<'a> {
    /// Creates a search over all recommended samplers on the grids [`GRIDS`], with at most `nfe`
    /// network evaluations.
    #[must_use]
    pub fn new(compiler: &'a dyn Compiler, data: &'a Spectrum, nfe: usize, by: By) -> Self {
        let meant = Entry::all().iter().filter(|entry| entry.facts.recommended);
        Self {
            compiler,
            data,
            nfe,
            by,
            score_error: 0.0,
            neighbours: NEIGHBOURS,
            // Every name of the catalogue parses; a test checks this.
            samplers: meant.filter_map(|entry| Sampler::parse(entry.name, None).ok()).collect(),
            grids: GRIDS.map(String::from).to_vec(),
            next: (0, 0),
            seen: vec![],
            candidates: vec![],
            plans: 0,
            failed: None,
        }
    }

    /// Assumes a network whose ε is too large or too small by a factor 1 ± δ, and rates each plan
    /// by the worse case.
    ///
    /// The default δ = 0, an exact score, favours plans that would amplify the errors of a real
    /// network.
    ///
    /// # Examples
    /// ```
    /// use langevin::{Process, Request};
    /// use langevin_analysis::Spectrum;
    /// use langevin_analysis::recommend::{By, Search};
    /// let request = Request::new().process(Process::vp());
    /// let data = Spectrum::power_law(2.0, 16)?;
    /// let search = || Search::new(&request, &data, 6, By::W2).grids(["karras"]);
    /// let (exact, rough) = (search().run()?, search().score_error(0.05).run()?);
    /// assert!(rough.best().typical > exact.best().typical);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn score_error(mut self, delta: f64) -> Self {
        self.score_error = delta.abs();
        self
    }

    /// Ranks by the typical error over step counts within this share of the plan's own step count.
    ///
    /// The default is 0.25. A share of 0 ranks by the error at the plan's own step count alone.
    ///
    /// On Gaussian data the error is one number per eigenvalue, and may pass through 0 at some step
    /// count. Such a cancellation says nothing about other data, and disappears a few steps away.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{Process, Request, Sampler};
    /// # use langevin_analysis::Spectrum;
    /// # use langevin_analysis::recommend::{By, Search};
    /// # let request = Request::new().process(Process::vp());
    /// # let data = Spectrum::power_law(2.0, 16)?;
    /// let search = Search::new(&request, &data, 6, By::W2).grids(["karras"]).neighbours(0.0);
    /// let ranking = search.run()?;
    /// assert_eq!(ranking.best().typical, ranking.best().analysis.total.w2);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn neighbours(mut self, share: f64) -> Self {
        self.neighbours = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self
    }

    /// Restricts the search to these samplers.
    ///
    /// # Examples
    /// ```
    /// use langevin::{Process, Request, Sampler};
    /// use langevin_analysis::Spectrum;
    /// use langevin_analysis::recommend::{By, Search};
    /// let request = Request::new().process(Process::vp());
    /// let data = Spectrum::power_law(2.0, 16)?;
    /// let search = Search::new(&request, &data, 6, By::W2).samplers([Sampler::ddim(0.0)]);
    /// let ranking = search.grids(["karras", "uniform-t"]).run()?;
    /// assert_eq!(ranking.candidates().len(), 2, "one sampler on two grids");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn samplers(mut self, samplers: impl IntoIterator<Item = Sampler>) -> Self {
        self.samplers = samplers.into_iter().collect();
        self
    }

    /// Restricts the search to these grids.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{Process, Request, Sampler};
    /// # use langevin_analysis::Spectrum;
    /// # use langevin_analysis::recommend::{By, Search};
    /// # let request = Request::new().process(Process::vp());
    /// # let data = Spectrum::power_law(2.0, 16)?;
    /// let search = Search::new(&request, &data, 6, By::Kl).samplers([Sampler::ddim(0.0)]);
    /// let ranking = search.grids(["uniform-t"]).run()?;
    /// assert_eq!(ranking.best().grid, "uniform-t");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn grids<S: Into<String>>(mut self, grids: impl IntoIterator<Item = S>) -> Self {
        self.grids = grids.into_iter().map(Into::into).collect();
        self
    }

    /// Runs the search to its end and returns the ranking.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`advance`](Self::advance) and
    /// [`finish`](Self::finish).
    ///
    /// # Examples
    /// ```
    /// # use langevin::{Process, Request, Sampler};
    /// # use langevin_analysis::Spectrum;
    /// # use langevin_analysis::recommend::{By, Search};
    /// # let request = Request::new().process(Process::vp());
    /// # let data = Spectrum::power_law(2.0, 16)?;
    /// let search = Search::new(&request, &data, 6, By::W2).samplers([Sampler::ddim(0.0)]);
    /// assert_eq!(search.grids(["karras"]).run()?.best().steps, 6);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn run(mut self) -> Result<Ranking> {
        while self.advance()? {}
        self.finish()
    }

    /// Tries the next pair of sampler and grid; returns `false` if no pair is left.
    ///
    /// A pair that cannot be compiled is skipped.
    ///
    /// # Errors
    /// Returns an error if the budget exceeds [`MAX_NFE`], or if an analysis yields numbers that
    /// are not finite.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{Process, Request, Sampler};
    /// # use langevin_analysis::Spectrum;
    /// # use langevin_analysis::recommend::{By, Search};
    /// # let request = Request::new().process(Process::vp());
    /// # let data = Spectrum::power_law(2.0, 16)?;
    /// let only = [Sampler::ddim(0.0)];
    /// let mut search = Search::new(&request, &data, 6, By::W2).grids(["karras"]).samplers(only);
    /// while search.advance()? {}
    /// assert_eq!(search.finish()?.plans(), 1);
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Returns `true` if an earlier grid has the same levels as this grid.
    fn is_another(&mut self, grid: &str) -> Result<bool> {
        let steps = if self.compiler.own_steps(grid)?.is_some() { None } else { Some(self.nfe) };
        match self.compiler.levels(grid, steps) {
            Ok(levels) if self.seen.iter().any(|seen| same(seen, &levels)) => return Ok(true),
            Ok(levels) => self.seen.push(levels),
            // The grid may still fit with fewer steps, so the error is only recorded.
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
        Ok(false)
    }

    /// Analyses a plan and adds it to the candidates, or to the synonyms of an equal candidate.
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
        let candidate = self.candidate(sampler, grid, steps, plan, analysis);
        self.candidates.push(candidate);
        Ok(())
    }

    fn candidate(&self, sampler: Sampler, grid: &str, steps: usize, plan: Plan, analysis: Analysis) -> Candidate {
        let typical = self.typical(&sampler, grid, steps, &analysis);
        Candidate { sampler, grid: grid.to_owned(), steps, plan, analysis, typical, also: vec![] }
    }

    /// Returns the root mean square of the error over neighbouring step counts.
    ///
    /// Of the means that were tried, this one loses least (`docs/gaussian-analysis.md`).
    fn typical(&self, sampler: &Sampler, grid: &str, steps: usize, analysis: &Analysis) -> f64 {
        let own = self.by.of(&analysis.total);
        if self.neighbours == 0.0 || !matches!(self.compiler.own_steps(grid), Ok(None)) {
            return own;
        }
        let value = |count: usize| {
            if count == steps {
                return Some(own);
            }
            let plan = self.compiler.plan(sampler, grid, Some(count)).ok()?;
            self.worst(&plan, false).ok().map(|analysis| self.by.of(&analysis.total))
        };
        // Step counts that the sampler or the grid rejects are left out.
        let values: Vec<f64> = around(steps, self.neighbours).into_iter().filter_map(value).collect();
        // Values are divided by the largest one, so that no square overflows or underflows.
        let most = values.iter().copied().fold(0.0, f64::max);
        if most == 0.0 || most.is_infinite() {
            return most;
        }
        let square: f64 = values.iter().map(|value| (value / most).powi(2)).sum();
        most * (square / values.len() as f64).sqrt()
    }

    /// Returns the analysis for the worse of the two networks.
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

    /// Returns the ranking of the plans tried so far.
    ///
    /// # Errors
    /// Returns an error if no sampler fits into the budget.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{Process, Request, Sampler};
    /// # use langevin_analysis::Spectrum;
    /// # use langevin_analysis::recommend::{By, Search};
    /// # let request = Request::new().process(Process::vp());
    /// # let data = Spectrum::power_law(2.0, 16)?;
    /// // A search that tried nothing has no ranking.
    /// assert!(Search::new(&request, &data, 6, By::W2).finish().is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn finish(mut self) -> Result<Ranking> {
        self.candidates.sort_by(|a, b| a.typical.total_cmp(&b.typical).then(a.analysis.nfe.cmp(&b.analysis.nfe)));
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
        let gain = plan.unroll()?.result.evals.iter().map(|weight| weight.abs()).sum();
        if let Some(best) = self.candidates.first_mut() {
            best.analysis = analysis;
        }
        let (usual, luck) = (self.usual()?, self.luck());
        let doubt = Doubt::of(self.by, &self.candidates, self.ends_stay());
        let Self { by, plans, candidates, .. } = self;
        Ok(Ranking { by, plans, candidates, usual, luck, gain, doubt, best: 0 })
    }

    /// Returns the usual choices within the same budget, as far as they fit.
    fn usual(&self) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for name in USUAL {
            let sampler = Sampler::parse(name, None)?;
            // A usual sampler may not compile on the usual grid, so the other grids follow.
            for grid in self.compiler.usual_grid().into_iter().chain(self.grids.iter().map(String::as_str)) {
                if let Ok(Some((steps, plan))) = fitting(self.compiler, &sampler, grid, self.nfe) {
                    let analysis = self.worst(&plan, true)?;
                    found.push(self.candidate(sampler, grid, steps, plan, analysis));
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Returns `true` if the cleanest level of the best plan does not change with one more step.
    ///
    /// The error of the last step is then independent of the number of steps.
    fn ends_stay(&self) -> bool {
        let Some(Candidate { sampler, grid, steps, plan, .. }) = self.candidates.first() else { return true };
        let cleanest = |plan: &Plan| plan.moves().last().map_or(0.0, |last| last.from.sigma_ve());
        match self.compiler.own_steps(grid) {
            Ok(None) => self
                .compiler
                .plan(sampler, grid, Some(steps + 1))
                .is_ok_and(|more| near(cleanest(&more), cleanest(plan))),
            _ => true,
        }
    }

    /// Returns the errors with one step less and one step more if both are far larger than the best
    /// error.
    ///
    /// The error is one number per axis and may pass through 0 between two step counts. It is then
    /// far below the errors of its neighbours and says nothing about other data.
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
        // More steps are usually better, and one step less is usually worse by less than a factor
        // of 2, except at very few steps.
        let far = |value: f64| value > 2.0 * least;
        (far(more) && less.is_none_or(far)).then_some((less, more))
    }
}

/// Returns step counts within a share of `steps`: five evenly spaced ones, and the two next to
/// `steps`.
fn around(steps: usize, share: f64) -> Vec<usize> {
    let n = steps as f64;
    let mut counts: Vec<usize> =
        [-1.0, -0.5, 0.0, 0.5, 1.0].iter().map(|t| ((n * (1.0 + t * share)).round() as usize).max(1)).collect();
    counts.extend([steps.max(2) - 1, steps + 1]);
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Returns `true` if two lists of levels are equal up to rounding.
fn same(a: &[Level], b: &[Level]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a.alpha, b.alpha) && near(a.sigma, b.sigma))
}
