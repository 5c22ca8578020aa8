//! Any objective on one axis: w(λ)·p(λ) of the squared error in ε.
//!
//! It is a bound on the likelihood, of data to which Gaussian noise was added at a random level, where w·p does not rise with λ; with w·p = 1 on the whole range it is the
//! bound on the likelihood of the data themselves.
//!
//! Source: Kingma & Gao, "Understanding diffusion objectives as the ELBO with simple data augmentation", arXiv 2303.00848.

use super::Objective;
use crate::error::Result;

/// What an objective is at one level.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Point {
    /// λ.
    pub lambda: f64,
    /// The time in the clock of the process.
    pub time: f64,
    /// σ/α.
    pub sigma: f64,
    /// p(λ), of the draws.
    pub density: f64,
    /// w(λ), of the squared error in ε.
    pub weight: f64,
    /// w·p.
    pub product: f64,
}

/// An objective on even levels of λ, from its noisiest end.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Frame {
    /// The levels.
    pub points: Vec<Point>,
    /// Whether w·p nowhere rises with λ, up to rounding: a bound on the likelihood of noised data.
    pub is_bound: bool,
    /// Whether w·p is the same everywhere: a bound on the likelihood of the data.
    pub is_likelihood: bool,
}

impl Objective {
    /// This objective at `count` even levels of λ.
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
    /// As [`weight`](Self::weight).
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
        // Rates of a process are good to about 1e-12; a real rise is larger.
        let rises = |pair: &[Point]| pair[1].product > pair[0].product * (1.0 + 1e-9);
        let falls = |pair: &[Point]| pair[1].product < pair[0].product * (1.0 - 1e-9);
        let is_bound = !points.windows(2).any(rises);
        let is_likelihood = is_bound && !points.windows(2).any(falls);
        Ok(Frame { points, is_bound, is_likelihood })
    }
}
