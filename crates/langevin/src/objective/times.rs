//! The density of the noise levels.

use super::weight::{options, split};
use crate::error::{Error, Result};
use crate::formulation::LambdaRange;
use crate::math::exp;
use crate::process::Process;
use serde::{Deserialize, Serialize};

/// The density from which noise levels are drawn, truncated to the trained λ-range.
///
/// With s = σ/(α+σ), logit s = ln(σ/α) = −λ: a logit-normal s and a log-normal σ/α are one and the same family, −λ ~ N(mean, std²). Both names are
/// kept because both are used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum TimeDensity {
    /// Uniform in the time of the process.
    #[default]
    UniformTime,
    /// Uniform in λ.
    UniformLambda,
    /// logit s ~ N(mean, std²), s = σ/(α+σ).
    LogitNormal {
        /// The mean of logit s.
        mean: f64,
        /// Its standard deviation, positive.
        std: f64,
    },
    /// ln(σ/α) ~ N(mean, std²).
    LogNormalSigma {
        /// The mean of ln(σ/α).
        mean: f64,
        /// Its standard deviation, positive.
        std: f64,
    },
    /// Constant on each bin of a grid in λ; it was learned, or counted.
    Histogram(Histogram),
}

impl TimeDensity {
    /// The names that [`parse`](Self::parse) knows.
    pub const NAMES: [&'static str; 4] = ["uniform-t", "uniform-lambda", "logit-normal", "log-normal-sigma"];

    /// The density of this name: `uniform-t`, `uniform-lambda`, `logit-normal:mean,std` (0 and 1 where they are not given) or `log-normal-sigma:mean,std` (EDM's
    /// −1.2 and 1.2).
    ///
    /// ```
    /// use langevin::objective::TimeDensity;
    /// assert_eq!(TimeDensity::parse("logit-normal:std=0.5")?, TimeDensity::LogitNormal { mean: 0.0, std: 0.5 });
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// An unknown name, with the nearest known one, or a number that cannot be.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, given) = split(text);
        let none = |times| options(name, given, []).map(|[]| times);
        match name {
            "uniform-t" => none(Self::UniformTime),
            "uniform-lambda" => none(Self::UniformLambda),
            "logit-normal" => {
                options(name, given, [("mean", 0.0), ("std", 1.0)]).map(|[mean, std]| Self::LogitNormal { mean, std })
            }
            "log-normal-sigma" => options(name, given, [("mean", -1.2), ("std", 1.2)])
                .map(|[mean, std]| Self::LogNormalSigma { mean, std }),
            _ => Err(Error::unknown("time density", name, &Self::NAMES)),
        }
    }

    /// What to draw from where nothing else is known: uniform in time where the process ends at a finite one; uniform in λ where it does not, since uniform time
    /// would there be spent on almost pure noise.
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

    /// The name, as [`parse`](Self::parse) reads it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::UniformTime => "uniform-t",
            Self::UniformLambda => "uniform-lambda",
            Self::LogitNormal { .. } => "logit-normal",
            Self::LogNormalSigma { .. } => "log-normal-sigma",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A density of λ that is constant on bins of equal width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// The range that the bins cut up, the noisiest first.
    range: LambdaRange,
    /// The mass of each bin; together 1.
    masses: Vec<f64>,
}

/// A histogram of more bins says no more.
const MAX_BINS: usize = 1 << 16;

impl Histogram {
    /// Masses on equal bins of a range, from its noisiest end; they are divided by their sum.
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
    /// No bin, too many of them, or masses that are not positive and finite.
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

    /// The same mass in each of so many bins, at least one.
    pub(super) fn even(range: LambdaRange, bins: usize) -> Self {
        let bins = bins.max(1);
        Self { range, masses: vec![1.0 / bins as f64; bins] }
    }

    /// The range.
    #[must_use]
    pub fn range(&self) -> LambdaRange {
        self.range
    }

    /// The mass of each bin, the noisiest first.
    #[must_use]
    pub fn masses(&self) -> &[f64] {
        &self.masses
    }

    /// That it holds together, for one that was read.
    pub(super) fn check(&self) -> Result<()> {
        Self::new(self.range, self.masses.clone()).map(drop)
    }

    fn width(&self) -> f64 {
        (self.range.max - self.range.min) / self.masses.len() as f64
    }

    /// The bin of λ; beyond the ends, the last one.
    pub(super) fn bin(&self, lambda: f64) -> usize {
        (((lambda - self.range.min) / self.width()).max(0.0) as usize).min(self.masses.len() - 1)
    }

    /// The mass of the bin of λ.
    pub(super) fn mass(&self, lambda: f64) -> f64 {
        self.masses[self.bin(lambda)]
    }

    /// The mass of what is noisier than λ.
    pub(super) fn below(&self, lambda: f64) -> f64 {
        let bin = self.bin(lambda);
        let inside = ((lambda - self.range.min) / self.width() - bin as f64).clamp(0.0, 1.0);
        self.masses[..bin].iter().sum::<f64>() + inside * self.masses[bin]
    }

    /// p(λ), 0 outside the range.
    #[must_use]
    pub fn density(&self, lambda: f64) -> f64 {
        if self.range.contains(lambda) { self.masses[self.bin(lambda)] / self.width() } else { 0.0 }
    }

    /// The λ above which a fraction `u` of the mass lies.
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

pub(super) fn normal_density(z: f64) -> f64 {
    exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt()
}

/// The upper tail, 1 − Φ(z), without cancellation.
fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Φ(b) − Φ(a) for a ≤ b, from whichever tails are small.
pub(super) fn normal_mass(a: f64, b: f64) -> f64 {
    if a > 0.0 {
        normal_tail(a) - normal_tail(b)
    } else if b < 0.0 {
        normal_tail(-b) - normal_tail(-a)
    } else {
        1.0 - normal_tail(-a) - normal_tail(b)
    }
}

/// The z in \[a, b\] below which a fraction `u` of the mass of the truncated normal lies: Newton's method on Φ, kept inside a shrinking bracket.
pub(super) fn normal_quantile(u: f64, a: f64, b: f64) -> f64 {
    let total = normal_mass(a, b);
    let (mut low, mut high) = (a, b);
    // Newton converges from the mode outwards without overshooting, Φ being convex below it and concave above.
    let mut z = 0.0f64.clamp(a, b);
    for _ in 0..80 {
        let excess = normal_mass(a, z) - u * total;
        if excess > 0.0 {
            high = z;
        } else {
            low = z;
        }
        let newton = z - excess / normal_density(z);
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - z).abs() <= 1e-14 * (1.0 + z.abs()) {
            return next;
        }
        z = next;
    }
    z
}
