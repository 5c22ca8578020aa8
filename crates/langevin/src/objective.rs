//! What training minimises: one integral, whatever the network predicts.
//!
//! Every denoising loss of this crate is
//!
//! $$L = \int w(\lambda) p(\lambda) E\lVert \varepsilon - \hat\varepsilon \rVert^2 d\lambda ,$$
//!
//! where p(λ) is the density of the noise levels drawn ([`TimeDensity`]) and w(λ) the weight of an error there ([`Weight`]). Only the product w·p
//! matters in expectation; with w·p = 1 the integral is, up to a constant, the Kullback–Leibler divergence from data to model.
//!
//! A network that predicts something else has the same loss by the algebra of its [`Formulation`]: an error Δout moves D = A x + B out by B Δout and
//! ε = (x − αD)/σ by −(α/σ) ΔD, so
//!
//! $$\lVert\Delta\varepsilon\rVert^2 = (\alpha B/\sigma)^2 \lVert\Delta\mathrm{out}\rVert^2 .$$
//!
//! | output | (αB/σ)² | w of its plain loss, the inverse |
//! |---|---|---|
//! | ε | 1 | 1 |
//! | x0 | SNR = e^{2λ} | e^{−2λ} |
//! | v (variance preserving) | α² | 1 + e^{−2λ} |
//! | velocity (rectified flow) | α² | (1 + e^{−λ})² |
//! | EDM F | σ_d²/(e^{−2λ} + σ_d²) | (e^{−2λ} + σ_d²)/σ_d² |
//!
//! Source: Kingma & Gao, arXiv 2303.00848 (weights); Hang et al., arXiv 2303.09556 (min-SNR); Esser et al., arXiv 2403.03206 (logit-normal times);
//! Karras et al., arXiv 2206.00364 (log-normal σ).

use crate::error::{Error, Result};
use crate::formulation::{Formulation, LambdaRange};
use crate::math::exp;
use crate::process::{Level, Process};
use serde::{Deserialize, Serialize};

/// The weight w(λ) of a squared error in ε.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Weight {
    /// The squared error of the network's own output, unweighted: w = (σ/(αB))².
    #[default]
    Plain,
    /// w = 1/p, so that w·p = 1: the maximum-likelihood weighting. The loss is then ∫ E‖ε − ε̂‖² dλ, in nats.
    Likelihood,
    /// w = min(1, γ/SNR): the loss in x0 weighted by min(SNR, γ).
    MinSnr {
        /// γ > 0; 5 is usual.
        gamma: f64,
    },
}

impl Weight {
    const NAMES: [&'static str; 3] = ["plain", "likelihood", "min-snr"];

    /// The weight of this name: `plain`, `likelihood`, or `min-snr` with γ = 5.
    ///
    /// # Errors
    /// An unknown name, with the nearest known one.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "plain" => Ok(Self::Plain),
            "likelihood" => Ok(Self::Likelihood),
            "min-snr" => Ok(Self::MinSnr { gamma: 5.0 }),
            _ => Err(Error::unknown("weight", name, &Self::NAMES)),
        }
    }

    /// The name, as [`parse`](Self::parse) reads it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Likelihood => "likelihood",
            Self::MinSnr { .. } => "min-snr",
        }
    }
}

/// The density from which noise levels are drawn, truncated to the trained λ-range.
///
/// With s = σ/(α+σ), logit s = ln(σ/α) = −λ: a logit-normal s and a log-normal σ/α are one and the same family, −λ ~ N(mean, std²). Both names are
/// kept because both are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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
}

impl TimeDensity {
    const NAMES: [&'static str; 4] = ["uniform-t", "uniform-lambda", "logit-normal", "log-normal-sigma"];

    /// The density of this name: `uniform-t`, `uniform-lambda`, `logit-normal` (mean 0, std 1) or `log-normal-sigma` (EDM's mean −1.2, std 1.2).
    ///
    /// # Errors
    /// An unknown name, with the nearest known one.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "uniform-t" => Ok(Self::UniformTime),
            "uniform-lambda" => Ok(Self::UniformLambda),
            "logit-normal" => Ok(Self::LogitNormal { mean: 0.0, std: 1.0 }),
            "log-normal-sigma" => Ok(Self::LogNormalSigma { mean: -1.2, std: 1.2 }),
            _ => Err(Error::unknown("time density", name, &Self::NAMES)),
        }
    }

    /// What to draw from where nothing else is known: uniform in time where the process ends at a finite one; uniform in λ where it does not, since uniform time
    /// would there be spent on almost pure noise.
    ///
    /// ```
    /// use langevin::{Process, TimeDensity};
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
        }
    }
}

/// A weight and a time density on a formulation with a λ-range: where to draw, and how to weight what comes out.
///
/// ```
/// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process, TimeDensity, Weight};
/// let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity)
///     .with_range(LambdaRange::from_sigma_ve(0.002, 80.0)?);
/// let objective = Objective::new(&flow, Weight::Likelihood, TimeDensity::UniformTime)?;
/// let level = objective.level(0.5)?; // the median noise level
/// assert!((level.time - 0.4948).abs() < 1e-4);
/// // The network's squared error there counts this much:
/// let factor = objective.output_factor(&level)?;
/// let (alpha, sigma) = (level.alpha, level.sigma);
/// // w = 1/p and p = α s/(s_max − s_min).
/// assert!((factor - alpha / sigma * (80.0 / 81.0 - 0.002 / 1.002)).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Objective {
    formulation: Formulation,
    weight: Weight,
    times: TimeDensity,
    range: LambdaRange,
    /// The ends of the variable that is drawn, the noisiest first: time, λ, or z = (−λ − mean)/std.
    ends: (f64, f64),
}

impl Objective {
    /// The objective of `formulation` on its λ-range.
    ///
    /// # Errors
    /// A formulation without a range, a range that its process does not reach, a γ or a standard deviation that is not positive and finite, or a normal
    /// density with less than 1e-12 of its mass in the range.
    pub fn new(formulation: &Formulation, weight: Weight, times: TimeDensity) -> Result<Self> {
        let range = formulation.range.ok_or_else(|| {
            Error::argument("an objective needs the λ-range to train on")
                .expected("a formulation with a range")
                .hinting("for instance with_range(LambdaRange::from_sigma_ve(0.002, 80.0)?)")
        })?;
        range.check()?;
        if let Weight::MinSnr { gamma } = weight
            && !(gamma > 0.0 && gamma.is_finite())
        {
            return Err(Error::argument("bad weight").at("min-snr").expected("γ > 0").got(gamma.to_string()));
        }
        let noisy = formulation.process.level_at_lambda(range.min)?;
        let clean = formulation.process.level_at_lambda(range.max)?;
        let ends = match times {
            TimeDensity::UniformTime => (noisy.time, clean.time),
            TimeDensity::UniformLambda => (range.min, range.max),
            TimeDensity::LogitNormal { mean, std } | TimeDensity::LogNormalSigma { mean, std } => {
                if !(mean.is_finite() && std > 0.0 && std.is_finite()) {
                    return Err(Error::argument("bad time density")
                        .at(times.name())
                        .expected("a finite mean and std > 0")
                        .got(format!("mean {mean}, std {std}")));
                }
                let ends = ((-range.min - mean) / std, (-range.max - mean) / std);
                // Below this the inverse has no digits left, and the range is a mistake.
                let mass = normal_mass(ends.1, ends.0);
                if mass < 1e-12 {
                    return Err(Error::argument("the time density lies outside the trained range")
                        .at(times.name())
                        .expected(format!("mass in λ ∈ [{:.4}, {:.4}]", range.min, range.max))
                        .got(format!("mean {mean}, std {std}")));
                }
                ends
            }
        };
        Ok(Self { formulation: formulation.clone(), weight, times, range, ends })
    }

    /// The λ-range that levels are drawn from.
    #[must_use]
    pub fn range(&self) -> LambdaRange {
        self.range
    }

    /// The level below which a fraction `u` of the draws lie, counted from the clean end; a uniform `u` in (0, 1) gives a draw from p(λ).
    ///
    /// # Errors
    /// A `u` outside \[0, 1\].
    pub fn level(&self, u: f64) -> Result<Level> {
        if !(0.0..=1.0).contains(&u) {
            return Err(Error::argument("not a fraction").expected("u in [0, 1]").got(u.to_string()));
        }
        let process = &self.formulation.process;
        let (noisy, clean) = self.ends;
        match self.times {
            TimeDensity::UniformTime => process.level(clean + u * (noisy - clean)),
            TimeDensity::UniformLambda => process.level_at_lambda(clean + u * (noisy - clean)),
            TimeDensity::LogitNormal { mean, std } | TimeDensity::LogNormalSigma { mean, std } => {
                let z = normal_quantile(u, clean, noisy);
                process.level_at_sigma_ve(exp(mean + std * z))
            }
        }
    }

    /// p(λ) at a level of the formulation's process: it integrates to 1 over the range.
    ///
    /// For uniform time it is |dt/dλ| / (t_max − t_min), with dt/dλ = ασ/(α'σ − ασ').
    #[must_use]
    pub fn density(&self, level: &Level) -> f64 {
        let lambda = level.lambda();
        if !self.range.contains(lambda) {
            return 0.0;
        }
        let (noisy, clean) = self.ends;
        match self.times {
            TimeDensity::UniformTime => time_rate(&self.formulation.process, level) / (noisy - clean).abs(),
            TimeDensity::UniformLambda => 1.0 / (clean - noisy),
            TimeDensity::LogitNormal { mean, std } | TimeDensity::LogNormalSigma { mean, std } => {
                normal_density((-lambda - mean) / std) / (std * normal_mass(clean, noisy))
            }
        }
    }

    /// w(λ), the weight of ‖ε − ε̂‖².
    ///
    /// # Errors
    /// For [`Weight::Plain`], as [`Prediction::to_denoised`](crate::Prediction::to_denoised).
    pub fn weight(&self, level: &Level) -> Result<f64> {
        match self.weight {
            Weight::Plain => Ok(1.0 / self.error_gain(level)?),
            Weight::Likelihood => match self.density(level) {
                density if density > 0.0 => Ok(1.0 / density),
                _ => Err(Error::singular("the likelihood weight is infinite where no level is drawn")
                    .at(format!("λ = {:.4}", level.lambda()))
                    .hinting("choose a time density with mass on the whole range")),
            },
            Weight::MinSnr { gamma } => {
                let ratio = level.sigma_ve();
                Ok((gamma * ratio * ratio).min(1.0))
            }
        }
    }

    /// What the squared error of the network's own output is multiplied by, w·(αB/σ)².
    ///
    /// # Errors
    /// As [`Prediction::to_denoised`](crate::Prediction::to_denoised).
    pub fn output_factor(&self, level: &Level) -> Result<f64> {
        match self.weight {
            Weight::Plain => Ok(1.0),
            _ => Ok(self.weight(level)? * self.error_gain(level)?),
        }
    }

    /// (αB/σ)²: ‖Δε‖² for one ‖Δout‖².
    fn error_gain(&self, level: &Level) -> Result<f64> {
        let map = self.formulation.prediction.to_denoised(&self.formulation.process, level)?;
        let gain = level.alpha / level.sigma * map.b;
        Ok(gain * gain)
    }
}

/// |dt/dλ| of a process.
fn time_rate(process: &Process, level: &Level) -> f64 {
    let schedule = process.schedule();
    let Level { time, alpha, sigma } = *level;
    alpha * sigma / (alpha * schedule.sigma_rate(time) - schedule.alpha_rate(time) * sigma)
}

fn normal_density(z: f64) -> f64 {
    exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt()
}

/// The upper tail, 1 − Φ(z), without cancellation.
fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Φ(b) − Φ(a) for a ≤ b, from whichever tails are small.
fn normal_mass(a: f64, b: f64) -> f64 {
    if a > 0.0 {
        normal_tail(a) - normal_tail(b)
    } else if b < 0.0 {
        normal_tail(-b) - normal_tail(-a)
    } else {
        1.0 - normal_tail(-a) - normal_tail(b)
    }
}

/// The z in \[a, b\] below which a fraction `u` of the mass of the truncated normal lies: Newton's method on Φ, kept inside a shrinking bracket.
fn normal_quantile(u: f64, a: f64, b: f64) -> f64 {
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

#[cfg(test)]
mod tests;
