//! Computes the exact error of a linear plan on Gaussian data, without sampling.
//!
//! For data $\mathcal N(m, C)$ everything separates along the eigenvectors of C. Along an
//! eigenvector of variance c the denoised prediction is affine,
//!
//! $$D = \frac{\alpha c x + \sigma^2 m}{\alpha^2 c + \sigma^2},$$
//!
//! so a plan without maps turns Gaussians into Gaussians. Its result has a mean $\mu m$ and a
//! variance v for each eigenvalue. The distance of the result from the data is a sum over the
//! eigenvalues:
//!
//! $$W_2^2 = \sum (\mu m - m)^2 + (\sqrt v - \sqrt c)^2, \qquad
//!   KL(\mathrm{data}\Vert\mathrm{model})
//!   = \tfrac12\sum \frac cv - 1 + \ln\frac vc + \frac{(\mu m - m)^2}{v} .$$
//!
//! If an eigenvalue is 0, the data have no density. Their KL divergence is then infinite from any
//! model with variance in that direction. It is also infinite from a model without variance in a
//! direction in which the data have some. $W_2$ is always finite.
//!
//! # Sources of error
//!
//! | [`Cause`] | error of this source alone |
//! |---|---|
//! | start | steps of zero length from the plan's start on to the data, against the data |
//! | truncation | $p_t$ at the level where the plan ends, against the data |
//! | discretisation | the plan started from $p_T$ itself, against $p_t$ where it ends |
//! | score | the plan with the error of the score, against the plan without it |
//!
//! "Steps of zero length" are the plan's own moves in the limit. They are the reverse process with
//! the same h/g, the process's own forward noise, and the Langevin equation for the same time. In
//! that limit the moves are Ornstein–Uhlenbeck processes, known in closed form.
//!
//! Added one after the other, in this order, the four sources make up the whole error:
//!
//! 1. the path from the plan's start to the data,
//! 2. this path stopped where the plan stops,
//! 3. the plan with the exact score,
//! 4. the plan as it is.
//!
//! The differences of the KL divergence between these stages add up to the whole. A part may be
//! negative, because one error may undo another. Differences of $W_2$ say little, because distances
//! do not add.
//!
//! # Assumptions
//!
//! - Both branches of a guided evaluation are the exact D at the level of the instruction, so
//!   guidance has no effect. The time that the network would receive plays no part.
//! - An input is a datum, or a datum noised to the level where the first move begins, as in
//!   [`Plan::lint`]. Several inputs come from the same datum.
//! - The result is compared as the plan returns it, without division by α.
//! - The error of the score is $\hat\varepsilon = (1+\delta)\varepsilon$, so $\hat D = (x -
//!   \sigma\hat\varepsilon)/\alpha = D + \delta (D - x/\alpha)$. At α = 0 the score does not
//!   determine D, and D stays exact.
//! - A reverse move whose table gives no h/g draws all its noise anew. A move that ends at σ = 0
//!   takes the h/g of the move before it, because its table cannot contain one.
//! - A forward move has the process's own noise, or none if it draws none. A corrector replaces the
//!   step that it repeats.
//! - The time of a Langevin move follows from the weight of its state.
//!
//! # Example
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
//! Source: Pierret & Galerne, "Diffusion models for Gaussian distributions: exact solutions and
//! Wasserstein errors", arXiv 2405.14250, for the four sources.

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

/// Options of [`Analyze::analyze`].
///
/// # Examples
/// ```
/// use langevin_analysis::analysis::AnalysisOptions;
/// let options = AnalysisOptions { score_error: 0.01, ..Default::default() };
/// assert!(options.sources);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnalysisOptions {
    /// The relative error δ of the network's ε, which is (1 + δ) times the exact one. The default
    /// is 0.
    pub score_error: f64,
    /// `true` to split the error by source, at about three times the cost. The default is `true`.
    pub sources: bool,
}

impl Default for AnalysisOptions {
    fn default() -> Self {
        Self { score_error: 0.0, sources: true }
    }
}

/// The distance between two Gaussians, over all dimensions.
///
/// # Examples
/// ```
/// use langevin::Request;
/// use langevin_analysis::{Analyze, Spectrum};
/// let found = Request::new().plan()?.analyze(&Spectrum::power_law(2.0, 8)?, &Default::default())?;
/// assert!(found.total.w2 > 0.0 && found.total.kl > 0.0);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Distance {
    /// The Wasserstein distance $W_2$, in the units of the data.
    pub w2: f64,
    /// The KL divergence of the true Gaussian from the other one, in nats. It may be infinite.
    pub kl: f64,
}

/// A source of a plan's error.
///
/// # Examples
/// ```
/// use langevin_analysis::analysis::Cause;
/// assert_eq!(Cause::Truncation.to_string(), "truncation");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The start is not a draw from p_T.
    Start,
    /// The plan ends before it reaches the data.
    Truncation,
    /// The steps have a finite length.
    Discretisation,
    /// The score is not exact.
    Score,
}

/// The error of one source. See the [module](self).
///
/// # Examples
/// ```
/// use langevin::Request;
/// use langevin_analysis::analysis::Cause;
/// use langevin_analysis::{Analyze, Spectrum};
/// let found = Request::new().plan()?.analyze(&Spectrum::power_law(2.0, 8)?, &Default::default())?;
/// let [start, .., score] = &found.contributions[..] else { panic!("four sources") };
/// assert_eq!((start.cause, score.cause), (Cause::Start, Cause::Score));
/// // The score is exact, and with the last source the error is complete.
/// assert_eq!((score.alone.w2, score.so_far), (0.0, found.total));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Contribution {
    /// The source.
    pub cause: Cause,
    /// The error of this source alone.
    pub alone: Distance,
    /// The error against the data of this source and all sources before it.
    pub so_far: Distance,
}

/// The last step of a plan that ends at σ = 0: $x^\prime = D$, from the cleanest level before it.
///
/// More steps do not reduce this error; only a cleaner last level does. The discretisation error is
/// therefore reported in two parts: the last step, and the rest.
///
/// # Examples
/// ```
/// use langevin::{Grid, Process, Sampler};
/// use langevin_analysis::{Analyze, Spectrum};
/// let process = Process::ve();
/// let levels = Grid::karras(20).levels(&process, 0.002, 80.0)?;
/// let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?;
/// let found = plan.analyze(&Spectrum::from_eigenvalues(&[1.0])?, &Default::default())?;
/// // The last step begins at σ/α = 0.002; most of the error comes from the steps before it.
/// let last = found.last.expect("a plan that ends at σ = 0");
/// assert!((last.from - 0.002).abs() < 1e-12 && last.alone.w2 < last.rest.w2);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LastStep {
    /// The level σ/α at which the last step begins.
    pub from: f64,
    /// The law of D under $p_t$ at that level, of variance $c^2/(c+\sigma_{VE}^2)$, against the
    /// data.
    pub alone: Distance,
    /// The plan started from $p_T$ itself, against that law.
    pub rest: Distance,
}

/// The result of a plan along the axes of one eigenvalue.
///
/// # Examples
/// ```
/// use langevin::Request;
/// use langevin_analysis::{Analyze, Spectrum};
/// let data = Spectrum::from_counts(&[(1.0, 3), (0.25, 5)])?;
/// let found = Request::new().plan()?.analyze(&data, &Default::default())?;
/// assert_eq!((found.responses[0].data, found.responses[0].count), (1.0, 3));
/// assert!((found.responses[0].variance - 1.0).abs() < 0.1);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The variance of the data, which is the eigenvalue.
    pub data: f64,
    /// The number of axes with this eigenvalue.
    pub count: u64,
    /// The variance of the plan's result.
    pub variance: f64,
    /// The mean of the plan's result, divided by the mean of the data.
    pub mean: f64,
}

/// The exact error of a plan on Gaussian data, returned by [`Analyze::analyze`].
///
/// Its [`Display`](std::fmt::Display) form is a table of the sources followed by the totals.
///
/// # Examples
/// ```
/// use langevin::Request;
/// use langevin_analysis::{Analyze, Spectrum};
/// let data = Spectrum::power_law(2.0, 64)?;
/// let found = Request::new().plan()?.analyze(&data, &Default::default())?;
/// assert_eq!((found.dimension, found.responses.len()), (64, 64));
/// assert_eq!(found.contributions.len(), 4);
/// assert!(found.last.is_some(), "the plan ends at σ = 0");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Analysis {
    /// The plan's name.
    pub name: String,
    /// The number of network evaluations (NFE).
    pub nfe: usize,
    /// The number of dimensions.
    pub dimension: u64,
    /// The distance of the plan's result from the data.
    pub total: Distance,
    /// The sources start, truncation, discretisation and score, in this order.
    ///
    /// The list is empty if sources were not requested, or if the moves of the plan are not
    /// contiguous and so define no path to compare with.
    pub contributions: Vec<Contribution>,
    /// The last step, if sources were requested and the plan ends at σ = 0.
    pub last: Option<LastStep>,
    /// The plan's result for each distinct eigenvalue, largest first.
    pub responses: Vec<Response>,
}

impl Analysis {
    /// Returns the share of each source in the KL divergence, in the order of
    /// [`contributions`](Self::contributions).
    ///
    /// A part is the increase of the KL divergence when its source is added to those before it. The
    /// parts add up to the total. A part is `None` if the divergence before it is already infinite.
    ///
    /// # Examples
    /// ```
    /// use langevin::Request;
    /// use langevin_analysis::{Analyze, Spectrum};
    /// let data = Spectrum::power_law(2.0, 64)?;
    /// let found = Request::new().plan()?.analyze(&data, &Default::default())?;
    /// let sum: f64 = found.kl_parts().into_iter().flatten().sum();
    /// assert!((sum - found.total.kl).abs() < 1e-9 * found.total.kl);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn kl_parts(&self) -> Vec<Option<f64>> {
        let before = std::iter::once(0.0).chain(self.contributions.iter().map(|part| part.so_far.kl));
        let part = |(part, before): (&Contribution, f64)| before.is_finite().then_some(part.so_far.kl - before);
        self.contributions.iter().zip(before).map(part).collect()
    }
}

/// A running sum of a distance.
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
        // √v − √c = (v − c)/(√v + √c) avoids a second cancellation.
        let spread = if roots > 0.0 { (model.variance - truth.variance) / roots } else { 0.0 };
        self.square += shift + count * spread * spread;
        self.kl += match (truth.variance > 0.0, model.variance > 0.0) {
            (true, true) => 0.5 * (count * excess(truth.variance, model.variance) + shift / model.variance),
            // Both are points and coincide.
            (false, false) if shift == 0.0 => 0.0,
            _ => f64::INFINITY,
        };
    }

    fn distance(self) -> Distance {
        Distance { w2: self.square.sqrt(), kl: self.kl }
    }
}

/// Returns c/v − 1 − ln(c/v), at full precision also for c near v.
///
/// With x = c/v − 1 the value is $x^2(\tfrac12 - \tfrac x3 + \tfrac{x^2}4 - \dots)$.
///
/// # Examples
/// ```
/// use langevin_analysis::analysis::excess;
/// assert_eq!(excess(1.0, 1.0), 0.0);
/// assert!((excess(2.0, 1.0) - (1.0 - 2.0_f64.ln())).abs() < 1e-15);
/// // The direct formula loses all digits here.
/// assert!((excess(1.0 + 1e-9, 1.0) / 0.5e-18 - 1.0).abs() < 1e-6);
/// ```
#[must_use]
pub fn excess(c: f64, v: f64) -> f64 {
    let x = (c - v) / v;
    if x == f64::INFINITY {
        return x;
    }
    if x.abs() >= 0.5 {
        // ln(c) − ln(v) stays finite if c/v underflows to 0.
        return x - (ln(c) - ln(v));
    }
    if x.abs() >= 0.03 {
        return x - ln_1p(x);
    }
    // 0.03¹² is below the last digit of ½.
    let series = (2..14).rev().fold(0.0, |sum, n| 1.0 / f64::from(n) - x * sum);
    x * x * series
}

/// Exact analysis of plans on Gaussian data, without sampling. See the [module](self).
pub trait Analyze {
    /// Returns the exact error of this plan on Gaussian data.
    ///
    /// The cost is one pass over the instructions for each distinct eigenvalue, for any number of
    /// draws.
    ///
    /// # Errors
    /// Returns an error in these cases:
    ///
    /// - The plan has maps, or inputs without moves.
    /// - The error of the score is not finite.
    /// - The analysis needs more than about 10¹⁰ multiplications.
    /// - A variance or a distance overflows `f64`.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::analysis::AnalysisOptions;
    /// use langevin::{Grid, Process, Sampler};
    /// use langevin_analysis::{Analyze, Spectrum};
    /// let process = Process::ve();
    /// let levels = Grid::list(vec![1.0, 0.0]).levels(&process, 0.1, 1.0)?;
    /// let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?;
    /// let data = Spectrum::from_eigenvalues(&[1.0])?;
    /// let analysis = plan.analyze(&data, &AnalysisOptions::default())?;
    /// // One step from ε ~ N(0, 1) at σ = 1 to D = x/2: variance ¼.
    /// assert_eq!(analysis.responses[0].variance, 0.25);
    /// assert_eq!(analysis.total.w2, 0.5);
    /// println!("{analysis}");
    /// # Ok::<(), langevin::Error>(())
    /// ```
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
        // For each cause: its error alone, and the error so far.
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

/// The columns of the table of contributions.
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
        // Per dimension: the root mean square for W2, and nats for KL.
        let count = self.dimension.max(1) as f64;
        let Distance { w2, kl } = self.total;
        writeln!(f, "W2 {} (per dimension {})", number(w2), number(w2 / count.sqrt()))?;
        writeln!(f, "KL {} nats (per dimension {})", number(kl), number(kl / count))
    }
}

#[cfg(test)]
mod tests;
