//! A learned density of noise levels, which makes the estimate of a loss least noisy.
//!
//! A loss ∫ W(λ) e(λ) dλ, W = w·p, is estimated by W e/q at a level drawn from q. Its variance is
//! smallest for
//!
//! $$q(\lambda) \propto W(\lambda) \sqrt{E[e^2 \mid \lambda]} .$$
//!
//! The learner keeps a running mean of $(W e)^2$ for each bin of λ. A share of the levels stays
//! uniform in λ, so that every bin is visited and no weight grows without bound. The learner also
//! keeps the mean of e, by which [`Weight::Uncertainty`](super::Weight::Uncertainty) divides.
//!
//! The cost is two additions per row, and one square root per bin and refresh.
//!
//! Source: Nichol & Dhariwal, arXiv 2102.09672, §3.3 (importance by the second moment of the loss).

use super::Histogram;
use crate::error::{Error, Result};
use crate::formulation::LambdaRange;
use serde::{Deserialize, Serialize};

/// Running statistics of the error at every noise level.
///
/// ```
/// use langevin::LambdaRange;
/// use langevin::objective::Learner;
/// let mut learner = Learner::new(LambdaRange { min: -4.0, max: 4.0 }, 2)?;
/// // Errors three times as large on the noisy half:
/// for _ in 0..100 {
///     learner.observe(-1.0, 3.0, 1.0);
///     learner.observe(1.0, 1.0, 1.0);
/// }
/// let density = learner.density();
/// // A tenth of the levels is uniform, the rest is as 3 to 1.
/// assert!((density.masses()[0] - 0.725).abs() < 1e-9);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learner {
    range: LambdaRange,
    /// The sums of 1, of e and of (We)² for each bin, all with the same fading weights.
    counts: Vec<f64>,
    errors: Vec<f64>,
    squares: Vec<f64>,
}

impl Learner {
    /// The number of bins of a training.
    pub const BINS: usize = 64;
    /// The share of the levels that stay uniform.
    pub const UNIFORM: f64 = 0.1;
    /// The share of its weight that a sum keeps per batch: a memory of fifty batches.
    pub const KEEP: f64 = 0.98;
    /// The number of rows after which a bin's own mean is used. With fewer rows the bin is mixed
    /// with the mean of all bins.
    pub const ENOUGH: f64 = 10.0;
    /// The number of batches before a density is used for the first time.
    pub const FIRST: u64 = 30;
    /// The number of batches between two densities.
    pub const REFRESH: u64 = 10;

    /// Returns a learner on equal bins of a range, without observations.
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// use langevin::objective::Learner;
    /// let range = LambdaRange { min: -1.0, max: 1.0 };
    /// // Without observations the density is uniform.
    /// assert_eq!(Learner::new(range, 4)?.density().masses(), [0.25; 4]);
    /// assert!(Learner::new(range, 0).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the range is empty, or if the number of bins is not in 1..=4096.
    pub fn new(range: LambdaRange, bins: usize) -> Result<Self> {
        range.check()?;
        if !(1..=4096).contains(&bins) {
            return Err(Error::argument("bad number of bins").expected("1 to 4096").got(bins.to_string()));
        }
        let zeros = vec![0.0; bins];
        Ok(Self { range, counts: zeros.clone(), errors: zeros.clone(), squares: zeros })
    }

    /// Records a row at λ with the squared error `error`, e = ‖ε − ε̂‖², and the weight W = w·p =
    /// `weight`.
    ///
    /// Values that are not finite are ignored.
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// use langevin::objective::Learner;
    /// let mut learner = Learner::new(LambdaRange { min: -1.0, max: 1.0 }, 2)?;
    /// let before = learner.clone();
    /// learner.observe(0.5, f64::NAN, 1.0);
    /// assert_eq!(learner, before);
    /// learner.observe(0.5, 2.0, 1.0);
    /// assert_ne!(learner, before);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn observe(&mut self, lambda: f64, error: f64, weight: f64) {
        let weighted = weight * error;
        if !(weighted.is_finite() && error.is_finite() && lambda.is_finite()) {
            return;
        }
        let place = (lambda - self.range.min) / (self.range.max - self.range.min) * self.counts.len() as f64;
        let bin = (place.max(0.0) as usize).min(self.counts.len() - 1);
        self.counts[bin] += 1.0;
        self.errors[bin] += error;
        self.squares[bin] += weighted * weighted;
    }

    /// Reduces the weight of earlier rows. Call it after every batch.
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// use langevin::objective::Learner;
    /// let mut learner = Learner::new(LambdaRange { min: -1.0, max: 1.0 }, 2)?;
    /// for _ in 0..50 {
    ///     learner.observe(-0.5, 1.0, 1.0);
    ///     learner.observe(0.5, 1.0, 1.0);
    /// }
    /// // The clean half gets harder; the learner follows.
    /// for _ in 0..200 {
    ///     learner.observe(-0.5, 1.0, 1.0);
    ///     learner.observe(0.5, 3.0, 1.0);
    ///     learner.fade();
    /// }
    /// let masses = learner.density().masses().to_vec();
    /// assert!(masses[1] > 0.7);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn fade(&mut self) {
        for sums in [&mut self.counts, &mut self.errors, &mut self.squares] {
            sums.iter_mut().for_each(|sum| *sum *= Self::KEEP);
        }
    }

    /// Returns the density from which to draw next.
    #[must_use]
    pub fn density(&self) -> Histogram {
        let roots = self.means(&self.squares).into_iter().map(f64::sqrt).collect::<Vec<_>>();
        let total: f64 = roots.iter().sum();
        let bins = roots.len() as f64;
        let mass = |root: f64| {
            Self::UNIFORM / bins + (1.0 - Self::UNIFORM) * if total > 0.0 { root / total } else { 1.0 / bins }
        };
        self.histogram(roots.into_iter().map(mass).collect())
    }

    /// Returns an estimate of E‖Δε‖² for each bin, up to a factor.
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// use langevin::objective::Learner;
    /// let mut learner = Learner::new(LambdaRange { min: -1.0, max: 1.0 }, 2)?;
    /// for _ in 0..50 {
    ///     learner.observe(-0.5, 6.0, 1.0);
    ///     learner.observe(0.5, 2.0, 1.0);
    /// }
    /// let errors = learner.errors();
    /// assert!((errors.masses()[0] / errors.masses()[1] - 3.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn errors(&self) -> Histogram {
        let means = self.means(&self.errors);
        // A bin without any error would have an infinite weight.
        let least = 1e-6 * means.iter().copied().fold(0.0, f64::max);
        self.histogram(means.into_iter().map(|mean| mean.max(least)).collect())
    }

    /// Returns the mean of each bin. A bin with few rows is mixed with the mean of all bins.
    fn means(&self, sums: &[f64]) -> Vec<f64> {
        let count: f64 = self.counts.iter().sum();
        let all = if count > 0.0 { sums.iter().sum::<f64>() / count } else { 1.0 };
        let lean = |(sum, count): (&f64, &f64)| {
            let trust = (count / Self::ENOUGH).min(1.0);
            if *count > 0.0 { trust * sum / count + (1.0 - trust) * all } else { all }
        };
        sums.iter().zip(&self.counts).map(lean).collect()
    }

    fn histogram(&self, masses: Vec<f64>) -> Histogram {
        let even = || Histogram::even(self.range, self.counts.len());
        Histogram::new(self.range, masses).unwrap_or_else(|_| even())
    }
}
