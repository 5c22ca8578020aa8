//! The density of the noise levels.

use super::weight::{options, split};
use crate::error::{Error, Result};
use crate::formulation::LambdaRange;
use crate::process::Process;
use serde::{Deserialize, Serialize};

/// The density from which noise levels are drawn, truncated to the trained λ-range.
///
/// With s = σ/(α+σ), logit s = ln(σ/α) = −λ. A logit-normal s and a log-normal σ/α are therefore
/// one family, −λ ~ N(mean, std²). Both names are kept because both are in use.
///
/// ```
/// use langevin::objective::{TimeDensity, Weight};
/// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
/// let network = Formulation::new(Process::ve(), Prediction::Edm { sigma_data: 0.5 })
///     .with_range(LambdaRange::from_sigma_ve(0.002, 80.0)?);
/// let times = TimeDensity::LogNormalSigma { mean: -1.2, std: 1.2 };
/// let objective = Objective::new(&network, Weight::Plain, times)?;
/// // The median of EDM's noise levels is e^{−1.2}.
/// assert!((objective.level(0.5)?.sigma - (-1.2_f64).exp()).abs() < 1e-3);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum TimeDensity {
    /// Uniform in the time of the process.
    #[default]
    UniformTime,
    /// Uniform in λ.
    UniformLambda,
    /// Uniform in the angle atan(σ/α), the hyperbolic secant in λ.
    ///
    /// On rectified flow it is the density of time 2/(π(1 − 2t + 2t²)) of arXiv 2403.03206
    /// (CosMap).
    Cosmap,
    /// logit s ~ N(mean, std²), s = σ/(α+σ).
    LogitNormal {
        /// The mean of logit s.
        mean: f64,
        /// The standard deviation of logit s, positive.
        std: f64,
    },
    /// ln(σ/α) ~ N(mean, std²).
    LogNormalSigma {
        /// The mean of ln(σ/α).
        mean: f64,
        /// The standard deviation of ln(σ/α), positive.
        std: f64,
    },
    /// Constant on each bin of a grid in λ, from learned or counted masses.
    Histogram(Histogram),
}

impl TimeDensity {
    /// The names that [`parse`](Self::parse) knows.
    pub const NAMES: [&'static str; 5] = ["uniform-t", "uniform-lambda", "cosmap", "logit-normal", "log-normal-sigma"];

    /// Parses the name of a density.
    ///
    /// The names are `uniform-t`, `uniform-lambda`, `cosmap`, `logit-normal:mean,std` (default 0
    /// and 1) and `log-normal-sigma:mean,std` (default −1.2 and 1.2, as in EDM).
    ///
    /// ```
    /// use langevin::objective::TimeDensity;
    /// let times = TimeDensity::parse("logit-normal:std=0.5")?;
    /// assert_eq!(times, TimeDensity::LogitNormal { mean: 0.0, std: 0.5 });
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the name is unknown, with the nearest known one, or if a number is
    /// invalid.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, given) = split(text);
        let none = |times| options(name, given, []).map(|[]| times);
        match name {
            "uniform-t" => none(Self::UniformTime),
            "uniform-lambda" => none(Self::UniformLambda),
            "cosmap" => none(Self::Cosmap),
            "logit-normal" => {
                options(name, given, [("mean", 0.0), ("std", 1.0)]).map(|[mean, std]| Self::LogitNormal { mean, std })
            }
            "log-normal-sigma" => options(name, given, [("mean", -1.2), ("std", 1.2)])
                .map(|[mean, std]| Self::LogNormalSigma { mean, std }),
            _ => Err(Error::unknown("time density", name, &Self::NAMES)),
        }
    }

    /// Returns the default density on a process.
    ///
    /// It is uniform in time if the process ends at a finite time. Otherwise it is uniform in λ,
    /// because uniform time would draw almost only pure noise.
    ///
    /// ```
    /// use langevin::objective::TimeDensity;
    /// use langevin::Process;
    /// assert_eq!(TimeDensity::usual(&Process::rectified_flow()), TimeDensity::UniformTime);
    /// assert_eq!(TimeDensity::usual(&Process::ve()), TimeDensity::UniformLambda);
    /// ```
    #[must_use]
    pub fn usual(process: &Process) -> Self {
        if process.schedule().domain().1.is_finite() { Self::UniformTime } else { Self::UniformLambda }
    }

    /// Returns the name, as [`parse`](Self::parse) reads it.
    ///
    /// ```
    /// use langevin::objective::TimeDensity;
    /// assert_eq!(TimeDensity::UniformTime.name(), "uniform-t");
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::UniformTime => "uniform-t",
            Self::UniformLambda => "uniform-lambda",
            Self::Cosmap => "cosmap",
            Self::LogitNormal { .. } => "logit-normal",
            Self::LogNormalSigma { .. } => "log-normal-sigma",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A density of λ that is constant on bins of equal width.
///
/// ```
/// use langevin::LambdaRange;
/// use langevin::objective::Histogram;
/// let histogram = Histogram::new(LambdaRange { min: 0.0, max: 4.0 }, vec![1.0, 3.0])?;
/// assert_eq!(histogram.masses(), [0.25, 0.75]);
/// assert_eq!((histogram.density(3.0), histogram.density(5.0)), (0.375, 0.0));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// The range that the bins divide, the noisiest first.
    range: LambdaRange,
    /// The mass of each bin. The sum is 1.
    masses: Vec<f64>,
}

/// The largest number of bins. More bins would carry no further information.
const MAX_BINS: usize = 1 << 16;

impl Histogram {
    /// Returns the histogram with these masses on equal bins of a range, from its noisiest end. The
    /// masses are divided by their sum.
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// use langevin::objective::Histogram;
    /// let halves = Histogram::new(LambdaRange { min: -2.0, max: 2.0 }, vec![3.0, 1.0])?;
    /// assert_eq!(halves.density(-1.0), 0.375);
    /// assert_eq!(halves.lambda(0.25), 0.0); // a quarter of the draws are cleaner
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if there are no bins or too many, or if a mass is not positive and finite.
    pub fn new(range: LambdaRange, mut masses: Vec<f64>) -> Result<Self> {
        range.check()?;
        let total: f64 = masses.iter().sum();
        let good = |mass: &f64| *mass > 0.0 && *mass / total > 0.0;
        if masses.is_empty() || masses.len() > MAX_BINS || !total.is_finite() || !masses.iter().all(good) {
            return Err(Error::format("bad histogram of noise levels")
                .expected(format!("1 to {MAX_BINS} positive masses"))
                .got(format!("{} of them, with the sum {total}", masses.len())));
        }
        masses.iter_mut().for_each(|mass| *mass /= total);
        Ok(Self { range, masses })
    }

    /// Returns the histogram with equal masses in `bins` bins, at least one.
    pub(super) fn even(range: LambdaRange, bins: usize) -> Self {
        let bins = bins.max(1);
        Self { range, masses: vec![1.0 / bins as f64; bins] }
    }

    /// Returns the range.
    #[must_use]
    pub fn range(&self) -> LambdaRange {
        self.range
    }

    /// Returns the mass of each bin, the noisiest first.
    #[must_use]
    pub fn masses(&self) -> &[f64] {
        &self.masses
    }

    /// Checks a histogram that was read from a document.
    pub(super) fn check(&self) -> Result<()> {
        Self::new(self.range, self.masses.clone()).map(drop)
    }

    fn width(&self) -> f64 {
        (self.range.max - self.range.min) / self.masses.len() as f64
    }

    /// Returns the bin of λ. Beyond the ends it is the first or the last bin.
    pub(super) fn bin(&self, lambda: f64) -> usize {
        (((lambda - self.range.min) / self.width()).max(0.0) as usize).min(self.masses.len() - 1)
    }

    /// Returns the mass of the bin of λ.
    pub(super) fn mass(&self, lambda: f64) -> f64 {
        self.masses[self.bin(lambda)]
    }

    /// Returns the mass of the levels that are noisier than λ.
    pub(super) fn below(&self, lambda: f64) -> f64 {
        let bin = self.bin(lambda);
        let inside = ((lambda - self.range.min) / self.width() - bin as f64).clamp(0.0, 1.0);
        self.masses[..bin].iter().sum::<f64>() + inside * self.masses[bin]
    }

    /// Returns p(λ), which is 0 outside the range.
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// use langevin::objective::Histogram;
    /// let range = LambdaRange { min: 0.0, max: 4.0 };
    /// let histogram = Histogram::new(range, vec![1.0, 3.0])?;
    /// assert_eq!((histogram.density(1.0), histogram.density(-1.0)), (0.125, 0.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn density(&self, lambda: f64) -> f64 {
        if self.range.contains(lambda) { self.masses[self.bin(lambda)] / self.width() } else { 0.0 }
    }

    /// Returns the λ above which a fraction `u` of the mass lies.
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// use langevin::objective::Histogram;
    /// let histogram = Histogram::new(LambdaRange { min: 0.0, max: 4.0 }, vec![1.0, 3.0])?;
    /// // Half of the mass is in the upper two thirds of the clean bin.
    /// assert!((histogram.lambda(0.5) - (4.0 - 2.0 / 1.5)).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn lambda(&self, u: f64) -> f64 {
        let mut left = u.clamp(0.0, 1.0);
        for (bin, mass) in self.masses.iter().enumerate().rev() {
            if left <= *mass {
                return self.range.min + self.width() * (bin as f64 + 1.0 - left / mass);
            }
            left -= mass;
        }
        self.range.min
    }
}
