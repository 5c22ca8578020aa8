//! The exact error of a linear plan on Gaussian data, with no sampling.
//!
//! For data $\mathcal N(m, C)$ everything separates along the eigenvectors of C. Along one of variance c the denoised prediction is affine,
//!
//! $$D = \frac{\alpha c x + \sigma^2 m}{\alpha^2 c + \sigma^2},$$
//!
//! so a plan without maps takes Gaussians to Gaussians, and what it makes of the data is a mean $\mu m$ and a variance v for each eigenvalue. The distance
//! of that model from the data is then a sum,
//!
//! $$W_2^2 = \sum (\mu m - m)^2 + (\sqrt v - \sqrt c)^2, \qquad
//!   KL(\mathrm{data}\Vert\mathrm{model}) = \tfrac12\sum \frac cv - 1 + \ln\frac vc + \frac{(\mu m - m)^2}{v} .$$
//!
//! Where an eigenvalue is 0 the data have no density: their KL divergence from any model that has variance there is infinite, and it is infinite too
//! from a model that has none where the data have some. $W_2$ is always finite.
//!
//! # Where the error comes from
//!
//! | [`Cause`] | alone |
//! |---|---|
//! | start | steps of no length from what the plan starts from, on to the data, against the data |
//! | truncation | $p_t$ at the level where the plan ends, against the data |
//! | discretisation | the plan, started from $p_T$ itself, against $p_t$ where it ends |
//! | score | the plan with the error of the score, against the plan without |
//!
//! "Steps of no length" are the plan's own moves in the limit: the reverse process with the same h/g, the process's own forward noise, the
//! Langevin equation for the same time. In that limit they are Ornstein–Uhlenbeck processes, known in closed form.
//!
//! Put in one after the other, in this order, the four make the whole error: the path from the plan's start on to the data; the same path
//! stopped where the plan stops; the plan with the exact score; the plan as it is. The differences of the KL divergence between one stage and the next add
//! up to the whole, but a part may be negative: one error may undo another. Those of $W_2$ say little, for distances do not add.
//!
//! # What is assumed
//!
//! - Both branches of an evaluation are the exact D at the level of the instruction, so guidance does nothing. What a network would have been given for time
//!   plays no part.
//! - An input is a datum, or a datum noised to the level where the first move begins, as [`Plan::lint`] takes it. Several are of one datum.
//! - The result is compared as it is handed out, without division by α.
//! - The error of the score is $\hat\varepsilon = (1+\delta)\varepsilon$, so $\hat D = (x - \sigma\hat\varepsilon)/\alpha = D + \delta (D - x/\alpha)$. Where α = 0 the
//!   score does not say what D is, and D stays exact.
//! - A reverse move whose table gives no h/g draws all its noise anew; but if it ends at σ = 0, where the table cannot tell, it has that of the one before.
//! - A forward move has the process's own noise, or none where it draws none. A corrector stands in the place of the step that it takes again.
//! - The time of a Langevin move is read off the weight of its state.
//!
//! ```
//! use langevin_analysis::analysis::AnalysisOptions;
//! use langevin::{Grid, Process, Sampler};
//! use langevin_analysis::{Analyze, Spectrum};
//! let process = Process::vp();
//! let data = Spectrum::power_law(2.0, 3072)?;
//! let error = |name, steps| {
//!     let levels = Grid::karras(steps).levels(&process, 0.002, 80.0)?;
//!     let plan = Sampler::parse(name, None)?.compile(&process, None, &levels)?;
//!     Ok::<_, langevin::Error>(plan.analyze(&data, &AnalysisOptions::default())?.total.w2)
//! };
//! // Exact, for 3,072 dimensions, in a few milliseconds.
//! assert!(error("adams2", 20)? < error("ddim", 20)?);
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! Source: Pierret & Galerne, "Diffusion models for Gaussian distributions: exact solutions and Wasserstein errors", arXiv 2405.14250, for the four sources.

mod pass;
mod path;
mod spectrum;

pub use spectrum::{Eigenvalue, Spectrum};

use langevin::error::{Error, Result};
use langevin::math::{ln, ln_1p};
use langevin::plan::Plan;
use langevin::text::{Column, columns, number, plural};
use pass::{LANES, Moments, Passage, What};
use path::{CLEAN, Path};
use std::fmt;

/// What an analysis is asked for.
///
/// ```
/// use langevin_analysis::analysis::AnalysisOptions;
/// let options = AnalysisOptions { score_error: 0.01, ..Default::default() };
/// assert!(options.sources);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnalysisOptions {
    /// δ: the network's ε is (1 + δ) times the exact one. 0 by default.
    pub score_error: f64,
    /// Whether to tell the sources of the error apart, at about three times the cost. By default they are.
    pub sources: bool,
}

impl Default for AnalysisOptions {
    fn default() -> Self {
        Self { score_error: 0.0, sources: true }
    }
}

/// How far a Gaussian is from another, over all dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Distance {
    /// The Wasserstein distance $W_2$, in the units of the data.
    pub w2: f64,
    /// The KL divergence in nats, of the one that is true from the other. It may be infinite.
    pub kl: f64,
}

/// A source of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The start is not a draw of p_T.
    Start,
    /// The end is not at the data.
    Truncation,
    /// The steps have a length.
    Discretisation,
    /// The score is not exact.
    Score,
}

/// What one source of error does. See the [module](self).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Contribution {
    /// The source.
    pub cause: Cause,
    /// With this error and no other.
    pub alone: Distance,
    /// With this error and those before it, against the data.
    pub so_far: Distance,
}

/// The last step of a plan that ends at σ = 0: $x' = D$, from the cleanest level before it.
///
/// However many steps come before, this one stays; only a cleaner last level makes its error smaller. So it belongs to where the steps end as much as to their length:
/// the discretisation is told apart into it and the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LastStep {
    /// σ/α where it begins.
    pub from: f64,
    /// The law of D under $p_t$ there, of variance $c^2/(c+\sigma_{VE}^2)$, against the data.
    pub alone: Distance,
    /// The plan started from $p_T$ itself, against that law.
    pub rest: Distance,
}

/// What the plan makes of one eigenvalue.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The variance of the data: the eigenvalue.
    pub data: f64,
    /// How many axes have it.
    pub count: u64,
    /// The variance of the plan's result.
    pub variance: f64,
    /// The mean of the plan's result over the mean of the data.
    pub mean: f64,
}

/// The exact error of a plan on Gaussian data: [`Analyze::analyze`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Analysis {
    /// The plan's name.
    pub name: String,
    /// Its number of evaluations.
    pub nfe: usize,
    /// The number of dimensions.
    pub dimension: u64,
    /// The plan's result against the data.
    pub total: Distance,
    /// Start, truncation, discretisation and score, in this order; none where they were not asked for, or where the moves of the plan
    /// do not follow on one another, so that there is no path to hold it against.
    pub contributions: Vec<Contribution>,
    /// The last step, where sources were asked for and the plan ends at σ = 0.
    pub last: Option<LastStep>,
    /// What the plan makes of each distinct eigenvalue, the largest first.
    pub responses: Vec<Response>,
}

impl Analysis {
    /// What each source adds to the KL divergence when they are put in one after the other, in the order of
    /// [`contributions`](Self::contributions): the parts add up to the whole. `None` where it is infinite already.
    #[must_use]
    pub fn kl_parts(&self) -> Vec<Option<f64>> {
        let before = std::iter::once(0.0).chain(self.contributions.iter().map(|part| part.so_far.kl));
        let part = |(part, before): (&Contribution, f64)| before.is_finite().then_some(part.so_far.kl - before);
        self.contributions.iter().zip(before).map(part).collect()
    }
}

/// A distance being summed.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    square: f64,
    kl: f64,
}

impl Tally {
    /// Adds the axes of one eigenvalue.
    fn add(&mut self, axes: &Eigenvalue, truth: Moments, model: Moments) {
        let shift = (model.mean - truth.mean).powi(2) * axes.mean_square;
        let (count, roots) = (axes.count as f64, truth.variance.sqrt() + model.variance.sqrt());
        // √v − √c = (v − c)/(√v + √c), which does not cancel a second time.
        let spread = if roots > 0.0 { (model.variance - truth.variance) / roots } else { 0.0 };
        self.square += shift + count * spread * spread;
        self.kl += match (truth.variance > 0.0, model.variance > 0.0) {
            (true, true) => 0.5 * (count * excess(truth.variance, model.variance) + shift / model.variance),
            // A point on a point.
            (false, false) if shift == 0.0 => 0.0,
            _ => f64::INFINITY,
        };
    }

    fn distance(self) -> Distance {
        Distance { w2: self.square.sqrt(), kl: self.kl }
    }
}

/// c/v − 1 − ln(c/v), to full precision where c is near v: with x = c/v − 1 it is $x^2(\tfrac12 - \tfrac x3 + \tfrac{x^2}4 - \dots)$.
#[must_use]
pub fn excess(c: f64, v: f64) -> f64 {
    let x = (c - v) / v;
    if x == f64::INFINITY {
        return x;
    }
    if x.abs() >= 0.5 {
        // Not ln(c/v), which may be of 0.
        return x - (ln(c) - ln(v));
    }
    if x.abs() >= 0.03 {
        return x - ln_1p(x);
    }
    // 0.03¹² is below the last digit of ½.
    let series = (2..14).rev().fold(0.0, |sum, n| 1.0 / f64::from(n) - x * sum);
    x * x * series
}

/// The exact error of a plan, with no sampling. See the [module](self).
pub trait Analyze {
    /// Returns the exact error of this plan on Gaussian data.
    ///
    /// One pass over the instructions for each distinct eigenvalue, whatever the number of draws.
    ///
    /// ```
    /// use langevin_analysis::analysis::AnalysisOptions;
    /// use langevin::{Grid, Process, Sampler};
    /// use langevin_analysis::{Analyze, Spectrum};
    /// let process = Process::ve();
    /// let plan = Sampler::ddim(0.0).compile(&process, None, &Grid::list(vec![1.0, 0.0]).levels(&process, 0.1, 1.0)?)?;
    /// let analysis = plan.analyze(&Spectrum::from_eigenvalues(&[1.0])?, &AnalysisOptions::default())?;
    /// // One step from ε ~ N(0, 1) at σ = 1 to D = x/2: variance ¼.
    /// assert_eq!(analysis.responses[0].variance, 0.25);
    /// assert_eq!(analysis.total.w2, 0.5);
    /// println!("{analysis}");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// A plan with maps, or with inputs and no moves; an error of the score that is not finite; more than about 10¹⁰ multiplications; variances, or a distance, beyond `f64`.
    fn analyze(&self, data: &Spectrum, options: &AnalysisOptions) -> Result<Analysis>;
}

impl Analyze for Plan {
    fn analyze(&self, data: &Spectrum, options: &AnalysisOptions) -> Result<Analysis> {
        let delta = options.score_error;
        if !delta.is_finite() {
            return Err(Error::argument("bad error of the score").expected("a finite number").got(delta.to_string()));
        }
        let passes = match (options.sources, delta == 0.0) {
            (false, _) => 1,
            (true, true) => 3,
            (true, false) => 4,
        };
        let passage = Passage::new(self, data.eigenvalues().len(), passes)?;
        let path = if options.sources { passage.entry.zip(Path::new(&passage)) } else { None };
        let mut scratch = passage.scratch();
        let mut total = Tally::default();
        // Alone and so far, of each cause.
        let mut tallies = [[Tally::default(); 2]; 4];
        let mut last = [Tally::default(); 2];
        let mut responses = Vec::with_capacity(data.eigenvalues().len());
        for block in data.eigenvalues().chunks(LANES) {
            let mut c = [0.0; LANES];
            c.iter_mut().zip(block).for_each(|(c, axes)| *c = axes.value);
            let mut pass = |what| {
                let moments = passage.run(what, &c, &mut scratch);
                let fits = |x: &Moments| x.mean.is_finite() && x.variance.is_finite();
                match moments.iter().take(block.len()).position(|x| !fits(x)) {
                    None => Ok(moments),
                    Some(lane) => Err(Error::singular("the plan's variance is beyond f64").at(format!(
                        "plan {}, eigenvalue {}",
                        self.name(),
                        block[lane].value
                    ))),
                }
            };
            let model = pass(What::Result(delta))?;
            for (axes, model) in block.iter().zip(model) {
                total.add(axes, Moments::marginal(axes.value, &CLEAN), model);
                let Moments { mean, variance } = model;
                responses.push(Response { data: axes.value, count: axes.count, variance, mean });
            }
            let Some((entry, path)) = &path else { continue };
            let exact = if delta == 0.0 { model } else { pass(What::Result(0.0))? };
            let (start, fair) = (pass(What::Start(*entry))?, pass(What::FromMarginal(*entry))?);
            for (lane, axes) in block.iter().enumerate() {
                let c = axes.value;
                let (truth, end) = (Moments::marginal(c, &CLEAN), Moments::marginal(c, &path.end));
                let stopped = path.carry(c, start[lane]);
                let finished = path.finish(c, stopped);
                let stages = [
                    [(truth, finished), (truth, finished)],
                    [(truth, end), (truth, stopped)],
                    [(end, fair[lane]), (truth, exact[lane])],
                    [(exact[lane], model[lane]), (truth, model[lane])],
                ];
                for (sums, pairs) in tallies.iter_mut().zip(stages) {
                    for (sum, (truth, model)) in sums.iter_mut().zip(pairs) {
                        sum.add(axes, truth, model);
                    }
                }
                if let Some(from) = &path.leap {
                    let leap = Path::leap(c, from);
                    last[0].add(axes, truth, leap);
                    last[1].add(axes, leap, fair[lane]);
                }
            }
        }
        if !total.square.is_finite() {
            return Err(Error::singular("the distance of the plan's result from the data is beyond f64")
                .at(format!("plan {}", self.name()))
                .expected("eigenvalues and means whose squares add up to a number")
                .got(total.square.to_string()));
        }
        let causes = [Cause::Start, Cause::Truncation, Cause::Discretisation, Cause::Score];
        let contribution = |(cause, [alone, so_far]): (Cause, [Tally; 2])| Contribution {
            cause,
            alone: alone.distance(),
            so_far: so_far.distance(),
        };
        let [alone, rest] = last.map(Tally::distance);
        let leap = path.as_ref().and_then(|(_, path)| path.leap);
        Ok(Analysis {
            last: leap.map(|from| LastStep { from: from.sigma_ve(), alone, rest }),
            name: self.name().to_owned(),
            nfe: self.nfe(),
            dimension: data.dimension(),
            total: total.distance(),
            contributions: path.map_or_else(Vec::new, |_| causes.into_iter().zip(tallies).map(contribution).collect()),
            responses,
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Cause::Start => "start",
            Cause::Truncation => "truncation",
            Cause::Discretisation => "discretisation",
            Cause::Score => "score",
        })
    }
}

/// The table of contributions.
const COLUMNS: [Column; 6] =
    [Column::Left(14), Column::Right(10), Column::Right(10), Column::Right(11), Column::Right(10), Column::Right(10)];

impl fmt::Display for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {}, on Gaussian data of {}",
            self.name,
            plural(self.nfe as u64, "evaluation"),
            plural(self.dimension, "dimension")
        )?;
        let mut lines = Vec::new();
        if !self.contributions.is_empty() {
            lines.push(["", "alone: W2", "KL (nats)", "so far: W2", "KL (nats)", "KL added"].map(String::from));
        }
        for (part, added) in self.contributions.iter().zip(self.kl_parts()) {
            let Contribution { cause, alone, so_far } = part;
            let numbers = [alone.w2, alone.kl, so_far.w2, so_far.kl].map(number);
            let [alone_w2, alone_kl, w2, kl] = numbers;
            let added = added.map_or_else(|| "–".into(), number);
            lines.push([cause.to_string(), alone_w2, alone_kl, w2, kl, added]);
        }
        f.write_str(&columns(&lines, &COLUMNS))?;
        // The root mean square over the dimensions, and nats a dimension.
        let count = self.dimension.max(1) as f64;
        let Distance { w2, kl } = self.total;
        writeln!(f, "W2 {} (per dimension {})", number(w2), number(w2 / count.sqrt()))?;
        writeln!(f, "KL {} nats (per dimension {})", number(kl), number(kl / count))
    }
}

#[cfg(test)]
mod tests;
