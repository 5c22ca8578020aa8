//! Closed forms of both models on Gaussian data, N(0, C).
//!
//! **The linear autoencoder**, p(z) = N(0, 1), p(x|z) = N(wz, v), q(z|x) = N(kx, s²), has
//!
//! $$E[-\mathrm{ELBO}] = \tfrac12\ln 2\pi v + \frac{(1-wk)^2C + w^2s^2}{2v} +
//!   \tfrac12(k^2C + s^2 - 1 - \ln s^2),$$
//! $$\mathrm{model} = N(0, w^2+v), \qquad
//!   p(z|x) = N\Bigl(\frac{wx}{w^2+v}, \frac{v}{w^2+v}\Bigr), \qquad q(z) = N(0, k^2C+s^2) .$$
//!
//! With w² = C − v, k = w/C and s² = v/C all three gaps are 0, for every v in (0, C). This is
//! probabilistic PCA in one dimension.
//!
//! **The chain** with the exact denoiser maps N(0, y₀²) to a Gaussian, whose variance
//! [`Analyze::analyze`](langevin_analysis::Analyze::analyze) computes. The last step adds y_n² to
//! it.
//!
//! Source: Tipping & Bishop, "Probabilistic principal component analysis", 1999; Lucas et al.,
//! arXiv 1911.02469, who show that the linear autoencoder finds this solution.

use super::{Autoencoder, Normal, Terms};
use crate::line::gaussian_divergence;
use langevin::error::{Error, Result};
use langevin::math::{exp, ln};
use langevin::process::ve;
use langevin::process::{Level, Process};
use langevin::sampler::Sampler;
use langevin_analysis::Analyze as _;
use langevin_analysis::analysis::{AnalysisOptions, Spectrum};
use langevin_analysis::likelihood::chain_bound;
use std::f64::consts::{E, TAU};

/// A linear autoencoder of one number: decoder N(wz, v), encoder N(kx, s²), prior N(0, 1).
///
/// # Examples
/// ```
/// use langevin_theory::duality::LinearVae;
/// let terms = LinearVae::exact(0.7, 0.35)?.terms(0.7)?;
/// assert!(terms.excess().abs() < 1e-15);
/// assert!(terms.divergence < 1e-15 && terms.posterior_gap < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct LinearVae {
    /// The decoder's weight w.
    pub decoder_weight: f64,
    /// The decoder's variance v.
    pub decoder_variance: f64,
    /// The encoder's weight k.
    pub encoder_weight: f64,
    /// The encoder's variance s².
    pub encoder_variance: f64,
}

impl LinearVae {
    /// Creates the linear autoencoder that equals N(0, `data`) exactly, with decoder variance `v`.
    ///
    /// # Errors
    /// Returns an error unless 0 < v < `data`.
    ///
    /// # Examples
    /// ```
    /// use langevin_theory::duality::LinearVae;
    /// let vae = LinearVae::exact(1.0, 0.36)?;
    /// assert_eq!((vae.decoder_weight, vae.encoder_variance), (0.8, 0.36));
    /// assert!(LinearVae::exact(1.0, 1.5).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn exact(data: f64, v: f64) -> Result<Self> {
        if !(0.0 < v && v < data && data.is_finite()) {
            return Err(Error::argument("no linear autoencoder is exact here")
                .expected("0 < v < variance of the data")
                .got(format!("v = {v}, variance {data}")));
        }
        let weight = (data - v).sqrt();
        Ok(Self {
            decoder_weight: weight,
            decoder_variance: v,
            encoder_weight: weight / data,
            encoder_variance: v / data,
        })
    }

    /// Computes the terms on N(0, `data`) in closed form, each independently.
    ///
    /// # Errors
    /// Returns an error if a variance is not positive, or if a term overflows `f64`.
    ///
    /// # Examples
    /// ```
    /// use langevin_theory::duality::LinearVae;
    /// // A model exact for variance 1 has a positive divergence on data of variance 0.7.
    /// let terms = LinearVae::exact(1.0, 0.5)?.terms(0.7)?;
    /// assert!(terms.divergence > 0.0 && terms.residual < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn terms(&self, data: f64) -> Result<Terms> {
        let Self { decoder_weight: w, decoder_variance: v, encoder_weight: k, encoder_variance: s2 } = *self;
        if !([v, s2, data].iter().all(|variance| *variance > 0.0 && variance.is_finite())) {
            return Err(Error::argument("a variance must be positive").got(format!("{v}, {s2}, {data}")));
        }
        let prior = 0.5 * (k * k * data + s2 - 1.0 - ln(s2));
        let bound = 0.5 * ln(TAU * v) + ((1.0 - w * k).powi(2) * data + w * w * s2) / (2.0 * v) + prior;
        let marginal = w * w + v;
        let (slope, variance) = (w / marginal, v / marginal);
        let entropy = 0.5 * ln(TAU * E * data);
        let divergence = gaussian_divergence(data, marginal);
        let posterior_gap = gaussian_divergence(s2, variance) + (k - slope).powi(2) * data / (2.0 * variance);
        let terms = Terms {
            entropy,
            bound,
            divergence,
            posterior_gap,
            prior_gap: gaussian_divergence(k * k * data + s2, 1.0),
            residual: (bound - entropy - divergence - posterior_gap).abs(),
            grid_error: 0.0,
        };
        terms.checked()
    }
}

impl Autoencoder for LinearVae {
    fn encode(&self, x: &[f64]) -> Result<Vec<Normal>> {
        Ok(x.iter().map(|x| Normal { mean: self.encoder_weight * x, variance: self.encoder_variance }).collect())
    }

    fn decode(&self, z: &[f64]) -> Result<Vec<Normal>> {
        Ok(z.iter().map(|z| Normal { mean: self.decoder_weight * z, variance: self.decoder_variance }).collect())
    }
}

/// Computes the terms of a chain with the exact denoiser of N(0, `data`), in closed form.
///
/// `lambdas` holds the levels between the steps, noisiest first. The posterior gap is the bound
/// minus the divergence and the entropy.
///
/// # Errors
/// Returns an error if the variance is not positive, or if the levels do not rise in λ.
///
/// # Examples
/// ```
/// use langevin_theory::duality::{even_levels, gaussian_chain};
/// let terms = gaussian_chain(0.7, &even_levels(16)?)?;
/// assert!((terms.excess() - 3.337).abs() < 1e-3);
/// assert!((terms.divergence - 0.0810).abs() < 1e-4);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn gaussian_chain(data: f64, lambdas: &[f64]) -> Result<Terms> {
    if !(data > 0.0 && data.is_finite()) {
        return Err(Error::argument("a variance must be positive").got(data.to_string()));
    }
    let steps = chain_bound(&|lambda| data / (1.0 + data * exp(2.0 * lambda)), lambdas)?;
    let levels: Vec<Level> = lambdas.iter().map(|lambda| ve(exp(-lambda))).collect();
    let (noisy, clean) = (exp(-lambdas[0]), exp(-lambdas[lambdas.len() - 1]));
    let plan = Sampler::exponential(1.0).compile(&Process::ve(), None, &levels)?;
    let found = plan.analyze(&Spectrum::from_eigenvalues(&[data])?, &AnalysisOptions::default())?;
    let model = found.responses.first().map_or(f64::NAN, |response| response.variance) + clean * clean;
    let entropy = 0.5 * ln(TAU * E * data);
    let bound = data / (2.0 * noisy * noisy) + steps + 0.5 * ln(TAU * E) + ln(clean);
    let divergence = gaussian_divergence(data, model);
    let terms = Terms {
        entropy,
        bound,
        divergence,
        posterior_gap: bound - entropy - divergence,
        prior_gap: gaussian_divergence(data + noisy * noisy, noisy * noisy),
        residual: 0.0,
        grid_error: 0.0,
    };
    terms.checked()
}
