//! The search through all samplers and grids.

use super::{By, Candidate, Compiler, Doubt, GRIDS, Ranking, USUAL, fitting};
use crate::analysis::Analyze as _;
use crate::analysis::{Analysis, AnalysisOptions, Spectrum};
use langevin::error::{Error, Result};
use langevin::plan::Plan;
use langevin::process::Level;
use langevin::sampler::{Entry, Sampler};

/// Whether a plan is linear and goes from noise alone.
pub fn starts_from_noise(plan: &Plan) -> bool {
    plan.is_linear() && plan.inputs().is_empty()
}

/// The same but for rounding.
fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Neighbouring step counts that count, as a share of the plan's own.
const NEIGHBOURS: f64 = 0.25;

/// The most evaluations that plans are ranked for: what the best one's result is made of is a table of evaluations by
/// evaluations, which has a bound (see [`Plan::unroll`](langevin::Plan::unroll)).
pub const MAX_NFE: usize = 2047;

/// A search through all samplers and grids, one at a time: whoever calls it can stop it.
pub struct Search<'a> {
    compiler: &'a dyn Compiler,
    data: &'a Spectrum,
    nfe: usize,
    by: By,
    score_error: f64,
    neighbours: f64,
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
        let meant = Entry::all().iter().filter(|entry| entry.facts.recommended);
        Self {
            compiler,
            data,
            nfe,
            by,
            score_error: 0.0,
            neighbours: NEIGHBOURS,
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

    /// Ranks by the typical error over step counts within this share of the plan's own, 0.25 by default; with 0 by the error at the plan's own step count alone.
    ///
    /// On Gaussian data an error is one number for each eigenvalue, and may pass through 0 at some step count. Such a cancellation says nothing about other data, and vanishes a few steps away.
    #[must_use]
    pub fn neighbours(mut self, share: f64) -> Self {
        self.neighbours = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
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
        let candidate = self.candidate(sampler, grid, steps, plan, analysis);
        self.candidates.push(candidate);
        Ok(())
    }

    fn candidate(&self, sampler: Sampler, grid: &str, steps: usize, plan: Plan, analysis: Analysis) -> Candidate {
        let typical = self.typical(&sampler, grid, steps, &analysis);
        Candidate { sampler, grid: grid.to_owned(), steps, plan, analysis, typical, also: vec![] }
    }

    /// The root mean square of the error over neighbouring step counts. Of the means that were tried it loses least (`docs/gaussian-analysis.md`).
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
        // A count that the sampler or the grid refuses has no say.
        let values: Vec<f64> = around(steps, self.neighbours).into_iter().filter_map(value).collect();
        // Scaled, so that no square leaves the numbers.
        let most = values.iter().copied().fold(0.0, f64::max);
        if most == 0.0 || most.is_infinite() {
            return most;
        }
        let square: f64 = values.iter().map(|value| (value / most).powi(2)).sum();
        most * (square / values.len() as f64).sqrt()
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

    /// The usual choices within the same evaluations, where they fit.
    fn usual(&self) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for name in USUAL {
            let sampler = Sampler::parse(name, None)?;
            // It may not reach where the other grids do.
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

    /// Whether the cleanest level of the best plan stays where it is with a step more: then its last step is an error that no number of steps makes smaller.
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

/// Step counts within a share of `steps`: five evenly spaced ones, and the two next to it.
fn around(steps: usize, share: f64) -> Vec<usize> {
    let n = steps as f64;
    let mut counts: Vec<usize> =
        [-1.0, -0.5, 0.0, 0.5, 1.0].iter().map(|t| ((n * (1.0 + t * share)).round() as usize).max(1)).collect();
    counts.extend([steps.max(2) - 1, steps + 1]);
    counts.sort_unstable();
    counts.dedup();
    counts
}

fn same(a: &[Level], b: &[Level]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a.alpha, b.alpha) && near(a.sigma, b.sigma))
}
