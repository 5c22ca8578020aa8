//! Any objective on one axis: w(λ)·p(λ) of the squared error in ε.
//!
//! If w·p does not rise with λ, the objective bounds the likelihood of data with Gaussian noise
//! added at a random level. If w·p = 1 on the whole range, it bounds the likelihood of the data
//! themselves.
//!
//! Source: Kingma & Gao, "Understanding diffusion objectives as the ELBO with simple data
//! augmentation", arXiv 2303.00848.

use super::Objective;
use crate::error::Result;
use crate::text::{Column, columns};
use std::fmt;

/// Number of cells of a bar.
const CELLS: usize = 20;

/// An objective at one level.
///
/// ```
/// use langevin::objective::{TimeDensity, Weight};
/// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
/// let network = Formulation::new(Process::ve(), Prediction::Epsilon)
///     .with_range(LambdaRange { min: -2.0, max: 2.0 });
/// let objective = Objective::new(&network, Weight::Plain, TimeDensity::UniformLambda)?;
/// let point = objective.frame(3)?.points[1];
/// assert!(point.lambda == 0.0 && (point.sigma - 1.0).abs() < 1e-12);
/// // p is uniform on a range of length 4, and w = 1.
/// assert_eq!((point.density, point.weight, point.product), (0.25, 1.0, 0.25));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Point {
    /// λ.
    pub lambda: f64,
    /// The time in the clock of the process.
    pub time: f64,
    /// σ/α.
    pub sigma: f64,
    /// p(λ) of the draws.
    pub density: f64,
    /// w(λ) of the squared error in ε.
    pub weight: f64,
    /// w·p.
    pub product: f64,
}

/// An objective on evenly spaced levels of λ, from the noisiest end.
///
/// ```
/// use langevin::objective::{TimeDensity, Weight};
/// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
/// let network = Formulation::new(Process::ve(), Prediction::Epsilon)
///     .with_range(LambdaRange { min: -2.0, max: 2.0 });
/// let frame = |weight| Objective::new(&network, weight, TimeDensity::UniformLambda)?.frame(9);
/// assert!(frame(Weight::Likelihood)?.is_likelihood);
/// // The x0-loss with a capped SNR falls with λ beyond the cap.
/// let capped = frame(Weight::MinSnr { gamma: 5.0 })?;
/// assert!(capped.is_bound && !capped.is_likelihood);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Frame {
    /// The levels.
    pub points: Vec<Point>,
    /// True if w·p nowhere rises with λ, up to rounding: a bound on the likelihood of noised data.
    pub is_bound: bool,
    /// True if w·p is constant: a bound on the likelihood of the data.
    pub is_likelihood: bool,
}

impl Frame {
    /// Describes in words whether the objective bounds a likelihood.
    ///
    /// ```
    /// use langevin::objective::{TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon)
    ///     .with_range(LambdaRange { min: -2.0, max: 2.0 });
    /// let objective = Objective::new(&network, Weight::Plain, TimeDensity::UniformLambda)?;
    /// assert!(objective.frame(9)?.verdict().starts_with("a bound on the likelihood of the data"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match (self.is_likelihood, self.is_bound) {
            (true, _) => "a bound on the likelihood of the data: w·p is the same everywhere",
            (_, true) => "a bound on the likelihood of data with added noise: w·p nowhere rises with λ",
            _ => "no bound on a likelihood: w·p rises with λ somewhere",
        }
    }
}

/// A line for each level with a bar for w·p, and the verdict.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (narrow, wide) = (Column::Right(9), Column::Right(10));
        let layout = [narrow, narrow, narrow, wide, wide, wide, Column::Left(0)];
        let mut rows = vec![["λ", "time", "σ/α", "p(λ)", "w(λ)", "w·p", ""].map(String::from)];
        let most = self.points.iter().map(|point| point.product).fold(0.0, f64::max);
        for point in &self.points {
            let share = if most > 0.0 { point.product / most } else { 0.0 };
            let bar = "━".repeat((share * CELLS as f64).round() as usize);
            let numbers = [point.time, point.sigma, point.density, point.weight, point.product];
            let [time, sigma, density, weight, product] = numbers.map(|value| format!("{value:.4e}"));
            rows.push([format!("{:.4}", point.lambda), time, sigma, density, weight, product, bar]);
        }
        write!(f, "{}\nIt is {}.", columns(&rows, &layout), self.verdict())
    }
}

impl Objective {
    /// Returns the objective at `count` evenly spaced levels of λ.
    ///
    /// ```
    /// use langevin::objective::{TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity)
    ///     .with_range(LambdaRange { min: -3.0, max: 3.0 });
    /// // The plain velocity loss at uniform times: w·p ∝ e^{−λ}, a bound.
    /// let frame = Objective::new(&flow, Weight::Plain, TimeDensity::UniformTime)?.frame(7)?;
    /// assert!(frame.is_bound && !frame.is_likelihood);
    /// assert!((frame.points[0].product / frame.points[1].product - 1_f64.exp()).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`weight`](Self::weight).
    pub fn frame(&self, count: usize) -> Result<Frame> {
        let range = self.range();
        let last = count.max(2) - 1;
        let at = |i: usize| {
            let lambda = range.min + (range.max - range.min) * i as f64 / last as f64;
            let level = self.formulation().process.level_at_lambda(lambda)?;
            let (density, weight) = (self.density(&level), self.weight(&level)?);
            let sigma = level.sigma_ve();
            Ok(Point { lambda, time: level.time, sigma, density, weight, product: weight * density })
        };
        let points = (0..=last).map(at).collect::<Result<Vec<_>>>()?;
        // Rates of a process are accurate to about 1e-12; a real rise is larger.
        let rises = |pair: &[Point]| pair[1].product > pair[0].product * (1.0 + 1e-9);
        let falls = |pair: &[Point]| pair[1].product < pair[0].product * (1.0 - 1e-9);
        let is_bound = !points.windows(2).any(rises);
        let is_likelihood = is_bound && !points.windows(2).any(falls);
        Ok(Frame { points, is_bound, is_likelihood })
    }
}
