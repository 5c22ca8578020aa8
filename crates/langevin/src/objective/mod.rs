//! Training objectives: one integral for every prediction of the network.
//!
//! Every denoising loss of this crate is
//!
//! $$L = \int w(\lambda) p(\lambda) E\lVert \varepsilon - \hat\varepsilon \rVert^2 d\lambda ,$$
//!
//! where p(λ) is the density from which noise levels are drawn ([`TimeDensity`]) and w(λ) the
//! weight of an error at λ ([`Weight`]). The expected loss depends only on the product w·p. With
//! w·p = 1 the integral is, up to a constant, the Kullback–Leibler divergence from data to model.
//!
//! A network with another prediction has the same loss through the algebra of its [`Formulation`].
//! An error Δout changes D = A x + B out by B Δout, and ε = (x − αD)/σ by −(α/σ) ΔD. Therefore
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
//! The items of this module:
//!
//! | item | role |
//! |---|---|
//! | [`Objective`] | a weight and a density on a formulation |
//! | [`Weight`] | w |
//! | [`TimeDensity`], [`Histogram`] | p |
//! | [`Objective::drawn_from`] | the same w·p, with levels drawn from another density |
//! | [`Learner`] | that density, learned during training |
//! | [`Objective::frame`] | w·p of any choice on one axis, and whether it bounds the likelihood |
//! | [`Objective::terms`] | the loss as a sum over listed levels |
//!
//! Source: Kingma & Gao, arXiv 2303.00848 (weights); Hang et al., arXiv 2303.09556 (min-SNR); Esser
//! et al., arXiv 2403.03206 (logit-normal times); Karras et al., arXiv 2206.00364 (log-normal σ).

mod frame;
mod learner;
mod term;
mod times;
mod weight;

pub use frame::{Frame, Point};
pub use learner::Learner;
pub use term::{Support, Term};
pub use times::{Histogram, TimeDensity};
pub use weight::Weight;

use crate::error::{Error, Result};
use crate::formulation::{Formulation, LambdaRange};
use crate::math::{atan, exp, normal_density, normal_mass, tan, truncated_normal_quantile};
use crate::process::{Level, Process};

/// A training objective: a weight and a time density on a formulation with a λ-range.
///
/// ```
/// use langevin::objective::{TimeDensity, Weight};
/// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
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
    /// The ends of the variable that is drawn, the noisiest first: time, λ, the angle atan(σ/α), or
    /// z = (−λ − mean)/std.
    ends: (f64, f64),
    /// The density from which the levels are drawn, if it is not `times`.
    drawn: Option<Histogram>,
    /// E‖Δε‖² for each bin, for [`Weight::Uncertainty`].
    errors: Option<Histogram>,
}

impl Objective {
    /// Returns the objective of `formulation` on its λ-range.
    ///
    /// ```
    /// use langevin::objective::{TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon);
    /// let times = TimeDensity::UniformLambda;
    /// let objective = |network| Objective::new(network, Weight::Plain, times.clone());
    /// assert!(objective(&network).is_err()); // no range
    /// let trained = network.clone().with_range(LambdaRange::from_sigma_ve(0.002, 80.0)?);
    /// assert!(objective(&trained).is_ok());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if:
    ///
    /// - the formulation has no range, or its process does not reach the range;
    /// - γ, σ_d or a standard deviation is out of range or not finite;
    /// - a normal density has less than 1e-12 of its mass in the range, or a histogram does not
    ///   cover the range.
    pub fn new(formulation: &Formulation, weight: Weight, times: TimeDensity) -> Result<Self> {
        let range = formulation.range.ok_or_else(|| {
            Error::argument("an objective needs the λ-range to train on")
                .expected("a formulation with a range")
                .hinting("for instance with_range(LambdaRange::from_sigma_ve(0.002, 80.0)?)")
        })?;
        range.check()?;
        weight.check()?;
        let noisy = formulation.process.level_at_lambda(range.min)?;
        let clean = formulation.process.level_at_lambda(range.max)?;
        let ends = match &times {
            TimeDensity::UniformTime => (noisy.time, clean.time),
            TimeDensity::UniformLambda => (range.min, range.max),
            TimeDensity::Cosmap => (angle(&noisy), angle(&clean)),
            TimeDensity::Histogram(histogram) => {
                histogram.check()?;
                let own = histogram.range();
                if !(own.contains(range.min) && own.contains(range.max)) {
                    return Err(Error::argument("the histogram does not cover the trained range")
                        .expected(format!("λ in [{:.4}, {:.4}]", range.min, range.max))
                        .got(format!("[{:.4}, {:.4}]", own.min, own.max)));
                }
                (histogram.below(range.min), histogram.below(range.max))
            }
            &(TimeDensity::LogitNormal { mean, std } | TimeDensity::LogNormalSigma { mean, std }) => {
                if !(mean.is_finite() && std > 0.0 && std.is_finite()) {
                    return Err(Error::argument("bad time density")
                        .at(times.name())
                        .expected("a finite mean and std > 0")
                        .got(format!("mean {mean}, std {std}")));
                }
                let ends = ((-range.min - mean) / std, (-range.max - mean) / std);
                // Below this mass the inverse has no digits left, and the range is a mistake.
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
        Ok(Self { formulation: formulation.clone(), weight, times, range, ends, drawn: None, errors: None })
    }

    /// Sets another density from which the levels are drawn, without changing the loss.
    ///
    /// w·p stays as it is: levels that are drawn more often count less. The estimate of the loss is
    /// less noisy if `density` is closer to w·p times the root mean square of the error.
    ///
    /// ```
    /// use langevin::objective::{Histogram, TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let range = LambdaRange { min: -2.0, max: 2.0 };
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon).with_range(range);
    /// let plain = Objective::new(&network, Weight::Plain, TimeDensity::UniformLambda)?;
    /// let other = plain.clone().drawn_from(Histogram::new(range, vec![3.0, 1.0])?)?;
    /// let level = network.process.level_at_lambda(-1.0)?;
    /// assert!(other.density(&level) > plain.density(&level));
    /// // w·p is the same.
    /// let change = other.weighted_density(&level)? / plain.weighted_density(&level)?;
    /// assert!((change - 1.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the range of the density is not that of this objective.
    pub fn drawn_from(mut self, density: Histogram) -> Result<Self> {
        self.check_histogram(&density)?;
        self.drawn = Some(density);
        Ok(self)
    }

    /// Sets the weight 1/E‖Δε‖² from an estimate of E‖Δε‖² for each bin, up to a factor. The
    /// estimate is what [`Weight::Uncertainty`] has learned.
    ///
    /// ```
    /// use langevin::objective::{Histogram, TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let range = LambdaRange { min: -2.0, max: 2.0 };
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon).with_range(range);
    /// let objective = Objective::new(&network, Weight::Uncertainty, TimeDensity::UniformLambda)?;
    /// let objective = objective.with_errors(Histogram::new(range, vec![3.0, 1.0])?)?;
    /// let weight = |lambda| objective.weight(&network.process.level_at_lambda(lambda)?);
    /// // Errors are three times as large on the noisy half, which counts a third as much.
    /// assert!((weight(1.0)? / weight(-1.0)? - 3.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`drawn_from`](Self::drawn_from).
    pub fn with_errors(mut self, errors: Histogram) -> Result<Self> {
        self.check_histogram(&errors)?;
        self.errors = Some(errors);
        Ok(self)
    }

    /// Checks that a histogram is valid and has the range of this objective.
    fn check_histogram(&self, histogram: &Histogram) -> Result<()> {
        histogram.check()?;
        let (own, range) = (histogram.range(), self.range);
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
        if near(own.min, range.min) && near(own.max, range.max) {
            return Ok(());
        }
        Err(Error::argument("the histogram of noise levels has another range")
            .expected(format!("λ in [{:.4}, {:.4}]", range.min, range.max))
            .got(format!("[{:.4}, {:.4}]", own.min, own.max)))
    }

    /// Returns the formulation.
    #[must_use]
    pub fn formulation(&self) -> &Formulation {
        &self.formulation
    }

    /// Returns the λ-range from which levels are drawn.
    #[must_use]
    pub fn range(&self) -> LambdaRange {
        self.range
    }

    /// Returns the level below which a fraction `u` of the draws lie, counted from the clean end.
    ///
    /// A uniform `u` in (0, 1) gives a draw from p(λ).
    ///
    /// ```
    /// use langevin::objective::{TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon)
    ///     .with_range(LambdaRange { min: -2.0, max: 2.0 });
    /// let objective = Objective::new(&network, Weight::Plain, TimeDensity::UniformLambda)?;
    /// assert!((objective.level(0.25)?.lambda() - 1.0).abs() < 1e-12);
    /// assert!(objective.level(1.5).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if `u` is not in \[0, 1\].
    pub fn level(&self, u: f64) -> Result<Level> {
        if !(0.0..=1.0).contains(&u) {
            return Err(Error::argument("not a fraction").expected("u in [0, 1]").got(u.to_string()));
        }
        let process = &self.formulation.process;
        if let Some(drawn) = &self.drawn {
            return process.level_at_lambda(drawn.lambda(u).clamp(self.range.min, self.range.max));
        }
        let (noisy, clean) = self.ends;
        match &self.times {
            TimeDensity::UniformTime => process.level(clean + u * (noisy - clean)),
            TimeDensity::UniformLambda => process.level_at_lambda(clean + u * (noisy - clean)),
            TimeDensity::Cosmap => process.level_at_sigma_ve(tan(clean + u * (noisy - clean))),
            TimeDensity::Histogram(histogram) => {
                // The ends are masses of the levels that are noisier.
                let lambda = histogram.lambda(1.0 - (clean + u * (noisy - clean)));
                process.level_at_lambda(lambda.clamp(self.range.min, self.range.max))
            }
            &(TimeDensity::LogitNormal { mean, std } | TimeDensity::LogNormalSigma { mean, std }) => {
                let z = truncated_normal_quantile(u, clean, noisy);
                process.level_at_sigma_ve(exp(mean + std * z))
            }
        }
    }

    /// Returns p(λ) of the draws at a level of the formulation's process. It integrates to 1 over
    /// the range.
    ///
    /// ```
    /// use langevin::objective::{TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon)
    ///     .with_range(LambdaRange { min: -2.0, max: 2.0 });
    /// let objective = Objective::new(&network, Weight::Plain, TimeDensity::UniformLambda)?;
    /// let density = |lambda| Ok(objective.density(&network.process.level_at_lambda(lambda)?));
    /// let inside: langevin::Result<f64> = density(0.0);
    /// assert_eq!((inside?, density(3.0)?), (0.25, 0.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn density(&self, level: &Level) -> f64 {
        match &self.drawn {
            Some(drawn) => drawn.density(level.lambda()),
            None => self.own_density(level),
        }
    }

    /// Returns p(λ) of the objective's own density.
    ///
    /// For uniform time it is |dt/dλ| / (t_max − t_min), with dt/dλ = ασ/(α'σ − ασ').
    fn own_density(&self, level: &Level) -> f64 {
        let lambda = level.lambda();
        if !self.range.contains(lambda) {
            return 0.0;
        }
        let (noisy, clean) = self.ends;
        match &self.times {
            TimeDensity::UniformTime => time_rate(&self.formulation.process, level) / (noisy - clean).abs(),
            TimeDensity::UniformLambda => 1.0 / (clean - noisy),
            // The angle is atan(e^{−λ}), and its rate −ασ/(α² + σ²).
            TimeDensity::Cosmap => {
                let (alpha, sigma) = (level.alpha, level.sigma);
                alpha * sigma / (alpha * alpha + sigma * sigma) / (noisy - clean)
            }
            TimeDensity::Histogram(histogram) => histogram.density(lambda) / (clean - noisy),
            &(TimeDensity::LogitNormal { mean, std } | TimeDensity::LogNormalSigma { mean, std }) => {
                normal_density((-lambda - mean) / std) / (std * normal_mass(clean, noisy))
            }
        }
    }

    /// Returns w(λ), the weight of ‖ε − ε̂‖² at a level that was drawn. It is
    /// [`weighted_density`](Self::weighted_density) divided by [`density`](Self::density).
    ///
    /// ```
    /// use langevin::objective::{TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let network = Formulation::new(Process::vp(), Prediction::X0)
    ///     .with_range(LambdaRange { min: -2.0, max: 2.0 });
    /// let objective = Objective::new(&network, Weight::Plain, TimeDensity::UniformLambda)?;
    /// let level = network.process.level_at_lambda(1.0)?;
    /// // The plain loss in x0 weights errors in ε by 1/SNR = e^{−2λ}.
    /// assert!((objective.weight(&level)? - (-2.0_f64).exp()).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error for [`Weight::Likelihood`] if no level is drawn there, and for
    /// [`Weight::Plain`] under the conditions of
    /// [`Prediction::to_denoised`](crate::Prediction::to_denoised).
    pub fn weight(&self, level: &Level) -> Result<f64> {
        let own = match self.weight {
            Weight::Plain => 1.0 / self.error_gain(level)?,
            Weight::Likelihood => match self.density(level) {
                density if density > 0.0 => return Ok(1.0 / density),
                _ => {
                    return Err(Error::singular("the likelihood weight is infinite where no level is drawn")
                        .at(format!("λ = {:.4}", level.lambda()))
                        .hinting("choose a time density with mass on the whole range"));
                }
            },
            // Equal errors have the weight 1, which is also that before anything is learned.
            Weight::Uncertainty => self
                .errors
                .as_ref()
                .map_or(1.0, |errors| 1.0 / (errors.mass(level.lambda()) * errors.masses().len() as f64)),
            other => other.of_ratio(level.sigma_ve()).unwrap_or(1.0),
        };
        Ok(match &self.drawn {
            Some(drawn) => own * self.own_density(level) / drawn.density(level.lambda()),
            None => own,
        })
    }

    /// Returns w(λ)·p(λ), which fully describes the objective: it does not depend on the density
    /// from which the levels are drawn.
    ///
    /// ```
    /// use langevin::objective::{TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let network = Formulation::new(Process::ve(), Prediction::Epsilon)
    ///     .with_range(LambdaRange { min: -2.0, max: 2.0 });
    /// let objective = Objective::new(&network, Weight::Likelihood, TimeDensity::UniformLambda)?;
    /// let level = network.process.level_at_lambda(0.5)?;
    /// assert!((objective.weighted_density(&level)? - 1.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`weight`](Self::weight).
    pub fn weighted_density(&self, level: &Level) -> Result<f64> {
        Ok(self.weight(level)? * self.density(level))
    }

    /// Returns the factor of the squared error of the network's own output, w·(αB/σ)².
    ///
    /// ```
    /// use langevin::objective::{TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let network = Formulation::new(Process::vp(), Prediction::X0)
    ///     .with_range(LambdaRange { min: -2.0, max: 2.0 });
    /// let objective = |weight| Objective::new(&network, weight, TimeDensity::UniformLambda);
    /// let level = network.process.level_at_lambda(1.0)?;
    /// assert_eq!(objective(Weight::Plain)?.output_factor(&level)?, 1.0);
    /// // Min-SNR weights the x0-loss by min(SNR, γ).
    /// let factor = objective(Weight::MinSnr { gamma: 5.0 })?.output_factor(&level)?;
    /// assert!((factor - 5.0).abs() < 1e-9);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of
    /// [`Prediction::to_denoised`](crate::Prediction::to_denoised).
    pub fn output_factor(&self, level: &Level) -> Result<f64> {
        match self.weight {
            // The weight and the gain are inverse to each other.
            Weight::Plain if self.drawn.is_none() => Ok(1.0),
            // At pure noise the weight is infinite or the gain is 0; their product has a limit.
            _ if level.alpha == 0.0 => {
                let near = Level { alpha: NEAR_NOISE * level.sigma, ..*level };
                Ok(self.weight(&near)? * self.error_gain(&near)?)
            }
            _ => Ok(self.weight(level)? * self.error_gain(level)?),
        }
    }

    /// Returns (αB/σ)²: ‖Δε‖² per ‖Δout‖².
    ///
    /// ```
    /// use langevin::objective::{TimeDensity, Weight};
    /// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
    /// let network = Formulation::new(Process::vp(), Prediction::X0)
    ///     .with_range(LambdaRange { min: -2.0, max: 2.0 });
    /// let objective = Objective::new(&network, Weight::Plain, TimeDensity::UniformLambda)?;
    /// let level = network.process.level_at_lambda(1.0)?;
    /// // For x0 the gain is the SNR.
    /// assert!((objective.error_gain(&level)? - 2_f64.exp()).abs() < 1e-9);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of
    /// [`Prediction::to_denoised`](crate::Prediction::to_denoised).
    pub fn error_gain(&self, level: &Level) -> Result<f64> {
        let map = self.formulation.prediction.to_denoised(&self.formulation.process, level)?;
        let gain = level.alpha / level.sigma * map.b;
        Ok(gain * gain)
    }
}

/// The ratio α/σ that stands for 0 in a limit. Its square is far below 1, and far above underflow.
const NEAR_NOISE: f64 = 1e-9;

/// Returns the angle atan(σ/α) of a level.
fn angle(level: &Level) -> f64 {
    atan(level.sigma_ve())
}

/// Returns |dt/dλ| of a process.
fn time_rate(process: &Process, level: &Level) -> f64 {
    let schedule = process.schedule();
    let Level { time, alpha, sigma } = *level;
    alpha * sigma / (alpha * schedule.sigma_rate(time) - schedule.alpha_rate(time) * sigma)
}

#[cfg(test)]
mod tests;
