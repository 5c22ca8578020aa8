//! Published searches for plans, as searches over plans.

use super::fit::{Family as _, Free, Setting, TRIES, Target, Timed};
use super::known::Known;
use super::memory::Remembering;
use super::table::Table;
use crate::exact::Gaussian;
use crate::recommend::{Compiler, reference};
use crate::{Spectrum, recommend};
use langevin::error::{Error, Result};
use langevin::model::Model;
use langevin::plan::{Builder, Plan, Sampling};
use langevin::sampler::Sampler;
use std::sync::atomic::AtomicU64;

/// The number of starts that are fitted, and of samplers that are tried on a found grid.
pub(super) const STARTS: usize = 4;
pub(super) const SAMPLERS: usize = 6;
/// Samples on which starts are chosen.
pub(super) const CHOOSING: usize = 96;
/// Iterations of the fits on these samples, and the most starts that they have.
const SHORT: usize = 6;
const SHORTS: u64 = 2 * crate::recommend::GRIDS.len() as u64;
/// Samples and eigenvalues of the Gaussian on which a start is fitted.
const GAUSSIAN: [usize; 2] = [64, 32];
/// Evaluations of the trajectory whose levels the method `steps` chooses from.
pub(super) const PATH: usize = 60;
/// Rounds of the search of the method `bound`, and its first step in ln(σ/α).
const BOUND: (usize, f64) = (60, 0.2);

/// A method of tuning.
///
/// ```
/// use langevin_analysis::tune::Method;
/// assert_eq!(Method::parse("all")?, Method::default());
/// assert!(Method::parse("alle").unwrap_err().hint().is_some());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// Noise levels and all weights, as in generalised solvers (arXiv 2510.17699).
    #[default]
    All,
    /// The weights on the grid of a known plan, as in S4S (arXiv 2502.17423) and in bespoke
    /// non-stationary solvers (arXiv 2403.01329).
    Coefficients,
    /// The noise levels of a known sampler, as in LD3 (arXiv 2405.15506).
    Times,
    /// Levels of a fine trajectory, chosen by dynamic programming over the errors of single Euler
    /// steps, as in GITS (arXiv 2405.11326).
    Steps,
    /// Levels that minimise a bound of the error without the network: Σ |w_j| (σ/α)_j over the
    /// weights of all D, as in DMN (arXiv 2402.17376).
    Bound,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 5] = [Self::All, Self::Coefficients, Self::Times, Self::Steps, Self::Bound];

    /// Returns the name that [`parse`](Self::parse) reads.
    ///
    /// ```
    /// assert_eq!(langevin_analysis::tune::Method::Times.name(), "times");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Coefficients => "coefficients",
            Self::Times => "times",
            Self::Steps => "steps",
            Self::Bound => "bound",
        }
    }

    /// Parses the name of a method: `all`, `coefficients`, `times`, `steps` or `bound`.
    ///
    /// # Errors
    /// Returns an error if the name is unknown. The hint is the nearest known name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|method| method.name() == name);
        found.ok_or_else(|| Error::unknown("method", name, &Self::ALL.map(Self::name)))
    }
}

/// A plan that a method found, with its error on the samples that judge the fit.
pub(super) struct Found {
    pub(super) plan: Plan,
    pub(super) error: f64,
    /// The start in words, and its grid.
    pub(super) start: [String; 2],
    /// The known sampler that the start was made from.
    pub(super) sampler: String,
    /// The table, if the plan is one.
    pub(super) table: Option<Table>,
}

/// The input of all methods.
pub(super) struct Work<'a, M: ?Sized> {
    pub(super) compiler: &'a dyn Compiler,
    pub(super) setting: Setting<'a>,
    pub(super) nfe: usize,
    pub(super) iterations: usize,
    pub(super) fit: &'a Target<'a, M>,
    /// Samples that the fit does not see, by which fits and starts are judged.
    pub(super) judge: &'a Target<'a, M>,
    /// Known plans, best first.
    pub(super) known: &'a [Known],
    pub(super) goes_on: &'a dyn Fn() -> bool,
}

impl<M: Model<Vec<f64>> + Sync + ?Sized> Work<'_, M> {
    pub(super) fn run(&self, method: Method) -> Result<Found> {
        let found = match method {
            Method::All | Method::Coefficients => self.tables(method == Method::All)?,
            Method::Times => self.times()?,
            Method::Steps => self.samplers(|_| self.path())?,
            Method::Bound => self.samplers(|known| self.bound(known))?,
        };
        found.ok_or_else(|| {
            Error::argument("no known plan can be tuned by this method")
                .at(method.name())
                .expected("a deterministic plan with one evaluation for each noise level")
                .got(format!("{} plans of other kinds", self.known.len()))
        })
    }

    /// Fits tables from the best known plan of each grid, and from the Gaussian optimum near it.
    ///
    /// The error has many minima, and a start that is good is not always a start that leads far:
    /// short fits on few samples decide which starts go on.
    fn tables(&self, levels: bool) -> Result<Option<Found>> {
        let mut starts: Vec<(&Known, [String; 2], Table)> = vec![];
        let mut grids: Vec<Vec<f64>> = vec![];
        for known in self.known.iter().filter(|known| known.plan.nfe() == self.nfe) {
            let Some(table) = Table::of(&known.plan)? else { continue };
            let same = |grid: &Vec<f64>| grid.iter().zip(table.levels()).all(|(a, b)| (a - b).abs() <= 1e-9 * b);
            if grids.iter().any(same) {
                continue;
            }
            grids.push(table.levels().to_vec());
            if let Some(better) = self.gaussian(&table, levels) {
                let words = format!("the Gaussian optimum from {}", known.sampler);
                starts.push((known, [words, known.grid.clone()], better));
            }
            starts.push((known, [known.sampler.clone(), known.grid.clone()], table));
        }
        let (few, judge) = (self.fit.head(CHOOSING), self.judge.head(CHOOSING));
        let mut short = vec![];
        for (known, start, table) in starts {
            let free = Free { table, setting: self.setting, levels };
            match few.fit(free, SHORT, &judge, self.goes_on) {
                Ok((fitted, error)) => short.push((error, known, start, fitted.table)),
                // Samples that are not finite end a start, and not the search.
                Err(error) if error.is_singular() => {}
                Err(error) => return Err(error),
            }
        }
        short.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The best of each grid: fits from one grid mostly end at one minimum.
        let mut grids: Vec<String> = vec![];
        short.retain(|(_, _, start, _)| {
            let new = !grids.contains(&start[1]);
            grids.push(start[1].clone());
            new
        });
        short.truncate(STARTS);
        let mut best: Option<Found> = None;
        for (_, known, start, table) in short {
            let free = Free { table, setting: self.setting, levels };
            let (fitted, error) = self.fit.fit(free, self.iterations, self.judge, self.goes_on)?;
            if best.as_ref().is_none_or(|best| error < best.error) {
                let plan = fitted.compile(&format!("tuned from {} on {}", start[0], start[1]))?;
                best = Some(Found { plan, error, start, sampler: known.sampler.clone(), table: Some(fitted.table) });
            }
        }
        Ok(best)
    }

    /// Returns the table that is best on the Gaussian with the covariance of the fine samples, or
    /// `None` if there is none.
    fn gaussian(&self, table: &Table, levels: bool) -> Option<Table> {
        let width = self.fit.width();
        let spectrum = Spectrum::from_data(self.fit.reference(), width).ok()?;
        let values: Vec<f64> = spectrum
            .eigenvalues()
            .iter()
            .flat_map(|space| std::iter::repeat_n(space.value, space.count as usize))
            .collect();
        let kept = values.len().min(GAUSSIAN[1]);
        let variances: Vec<f64> = (0..kept).map(|k| values[k * values.len() / kept]).collect();
        let mut covariance = vec![0.0; kept * kept];
        for (k, value) in variances.iter().enumerate() {
            covariance[k * kept + k] = *value;
        }
        let model = Gaussian::new(vec![0.0; kept], &covariance).ok()?;
        let done = AtomicU64::new(0);
        let model = Remembering::new(&model, &(), &done, u64::MAX);
        // The Gaussian returns D itself, so its plans have no network.
        let setting = Setting { process: self.setting.process, network: None };
        let fine = reference(self.compiler, recommend::finer(self.nfe)).ok()?;
        let fine = Table::of(&fine).ok()??.plan("fine", setting.process, None).ok()?;
        let target = Target::new(&model, Sampling::new(GAUSSIAN[0], kept), kept, &fine).ok()?;
        let free = Free { table: table.clone().without_guidance(), setting, levels };
        let (fitted, _) = target.fit(free, self.iterations, &target, self.goes_on).ok()?;
        Some(fitted.table.with_guidance_of(table))
    }

    /// Fits the noise levels of the best known samplers.
    fn times(&self) -> Result<Option<Found>> {
        let mut best: Option<Found> = None;
        let starts = self.known.iter().filter(|known| known.plan.nfe() == self.nfe).take(STARTS);
        for known in starts {
            let Some(timed) = self.timed(known)? else { continue };
            let (fitted, _) = self.fit.fit(timed, self.iterations, self.judge, self.goes_on)?;
            best = self.better(best, &fitted, known)?;
        }
        Ok(best)
    }

    /// Returns a known plan as a family of grids, or `None` if its grid does not fall.
    fn timed(&self, known: &Known) -> Result<Option<Timed<'_>>> {
        let sampler = Sampler::parse(&known.sampler, None)?;
        let levels = self.compiler.levels(&known.grid, Some(known.steps))?;
        let mut levels: Vec<f64> = levels.iter().map(|level| level.sigma_ve()).collect();
        if levels.last() == Some(&0.0) {
            levels.pop();
        }
        let falls = levels.windows(2).all(|pair| pair[1] < pair[0]) && levels.iter().all(|y| y.is_finite() && *y > 0.0);
        let least = levels.last().copied().unwrap_or_default();
        let timed = Timed { compiler: self.compiler, sampler, levels, least };
        // A sampler that cannot run on listed levels has no family.
        Ok((falls && timed.compile("").is_ok_and(|plan| plan.nfe() == self.nfe)).then_some(timed))
    }

    fn better(&self, best: Option<Found>, timed: &Timed<'_>, known: &Known) -> Result<Option<Found>> {
        let plan = timed.compile("")?;
        let error = match self.judge.error(&plan) {
            Ok(error) => error,
            Err(error) if error.is_singular() => return Ok(best),
            Err(error) => return Err(error),
        };
        if best.as_ref().is_some_and(|best| best.error <= error) {
            return Ok(best);
        }
        let start = [known.sampler.clone(), known.grid.clone()];
        Ok(Some(Found { table: Table::of(&plan)?, plan, error, start, sampler: known.sampler.clone() }))
    }

    /// Tries the best known samplers on a grid that is found for each.
    fn samplers(&self, levels: impl Fn(&Known) -> Result<Option<Vec<f64>>>) -> Result<Option<Found>> {
        let mut best: Option<Found> = None;
        let mut tried: Vec<&str> = vec![];
        let starts = self.known.iter().filter(|known| known.plan.nfe() == self.nfe);
        for known in starts {
            if tried.len() == SAMPLERS || tried.contains(&known.sampler.as_str()) {
                continue;
            }
            let Some(timed) = self.timed(known)? else { continue };
            if timed.levels.len() != self.nfe {
                continue;
            }
            tried.push(&known.sampler);
            let Some(levels) = levels(known)? else { continue };
            best = self.better(best, &Timed { levels, ..timed }, known)?;
        }
        Ok(best)
    }

    /// Returns the levels that minimise Σ |w_j| y_j for the sampler of a known plan.
    fn bound(&self, known: &Known) -> Result<Option<Vec<f64>>> {
        let Some(mut best) = self.timed(known)? else { return Ok(None) };
        let cost = |timed: &Timed<'_>| -> Option<f64> {
            let plan = timed.compile("").ok()?;
            let unrolled = plan.unroll().ok()?;
            // The state at the last evaluation: the last step, to clean data, has no choice.
            let last = unrolled.queries.last()?;
            let levels = unrolled.lambdas.iter().map(|lambda| langevin::math::exp(-lambda));
            Some(last.evals.iter().zip(levels).map(|(weight, y)| weight.abs() * y).sum())
        };
        let Some(mut least) = cost(&best) else { return Ok(None) };
        let mut step = BOUND.1;
        for _ in 0..BOUND.0 {
            let mut moved = false;
            for k in 1..best.levels.len().saturating_sub(1) {
                for factor in [langevin::math::exp(step), langevin::math::exp(-step)] {
                    let mut levels = best.levels.clone();
                    levels[k] *= factor;
                    if !(levels[k] < levels[k - 1] && levels[k] > levels[k + 1]) {
                        continue;
                    }
                    let next = Timed { levels, sampler: best.sampler.clone(), ..best };
                    if let Some(there) = cost(&next).filter(|there| *there < least) {
                        (best, least, moved) = (next, there, true);
                    }
                }
            }
            if !moved {
                step /= 2.0;
            }
        }
        Ok(Some(best.levels))
    }
}

/// Returns the start noise of a target's samples, with unit variance.
pub(super) fn starts<M: Model<Vec<f64>> + Sync + ?Sized>(
    target: &Target<'_, M>,
    level: f64,
    setting: Setting<'_>,
) -> Result<Vec<f64>> {
    let level = setting.process.level_at_sigma_ve(level)?;
    let mut builder = Builder::new("start", setting.process, setting.network);
    let start = builder.start(&level);
    let noise = target.samples(&builder.finish(start)?)?;
    Ok(noise.into_iter().map(|x| x / level.sigma).collect())
}

/// Returns the number of evaluations of a method on `rows` samples, at most. `judges` as many
/// samples judge a fit.
pub(super) fn cost(method: Method, nfe: usize, iterations: usize, rows: usize, judges: usize) -> u64 {
    let (n, iterations, few) = (nfe as u64, iterations as u64, rows.min(CHOOSING) as u64);
    let (rows, judges) = (rows as u64, (judges * rows) as u64);
    let few_judges = judges.min(CHOOSING as u64);
    // A forward difference asks again from the first evaluation that it changes.
    let levels = n * (n - 1) / 2;
    let weights: u64 = (0..n).map(|row| row * (n - 1 - row)).sum();
    let fit = |jacobian: u64, rows: u64, judges: u64, iterations: u64| {
        rows * (n + iterations * (jacobian + TRIES as u64 * n)) + judges * n * (1 + iterations)
    };
    let tables = |jacobian: u64| {
        SHORTS * fit(jacobian, few, few_judges, SHORT as u64) + STARTS as u64 * fit(jacobian, rows, judges, iterations)
    };
    let samplers = SAMPLERS as u64 * judges * n;
    match method {
        Method::All => tables(levels + weights),
        Method::Coefficients => tables(weights),
        Method::Times => STARTS as u64 * (fit(n * (n - 1), rows, judges, iterations) + judges * n),
        Method::Steps => PATH as u64 * SAMPLERS as u64 * few + samplers,
        Method::Bound => samplers,
    }
}

/// Returns falling levels from the levels of a table to another number of steps.
pub(super) fn resized(levels: &[f64], count: usize) -> Vec<f64> {
    let logs: Vec<f64> = levels.iter().map(|y| langevin::math::ln(*y)).collect();
    let at = |k: usize| {
        let place = k as f64 * (logs.len() - 1) as f64 / (count - 1) as f64;
        let low = (place.floor() as usize).min(logs.len().saturating_sub(2));
        langevin::math::exp(logs[low] + (place - low as f64) * (logs[low + 1] - logs[low]))
    };
    let mut found: Vec<f64> = (0..count).map(at).collect();
    found[0] = levels[0];
    found[count - 1] = levels[levels.len() - 1];
    found
}
