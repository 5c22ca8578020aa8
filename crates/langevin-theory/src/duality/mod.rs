//! Compares diffusion models with variational autoencoders, on the same data and in the same three
//! terms.
//!
//! A model with latents z, an encoder q(z|x) and a prior p(z) has, on data of entropy H,
//!
//! $$E[-\mathrm{ELBO}] = H +
//!   \underbrace{\mathrm{KL}(\mathrm{data}\Vert\mathrm{model})}\_{\text{divergence}} +
//!   \underbrace{E \mathrm{KL}(q(z|x)\Vert p(z|x))}\_{\text{posterior gap}},
//!   \qquad \underbrace{\mathrm{KL}(q(z)\Vert p(z))}\_{\text{prior gap}} \le
//!   \text{divergence} + \text{posterior gap},$$
//!
//! with q(z) = E q(z|x) over the data. The prior gap is not a further summand. A divergence of
//! marginals is at most the divergence of the pairs (x, z), which is the sum of the other two
//! terms.
//!
//! | model | z | encoder | prior gap |
//! |---|---|---|---|
//! | autoencoder | one number | learned | KL(q(z)‖p(z)) |
//! | diffusion of n steps | the states z₀, …, z_n at falling noise y₀ > … > y_n | fixed: noise is added | terminal: KL(p_T‖N(0, y₀²)) |
//!
//! The chain of n steps works in z = x/α and y = σ/α, and starts from N(0, y₀²). Each step is the
//! posterior with the denoised prediction in place of the datum (h = g). The last step is N(x; z_n,
//! y_n²):
//!
//! $$z^\prime = a z + (1-a) D(z) + c\varepsilon,\qquad a = y^{\prime 2}/y^2,\quad
//!   c^2 = y^{\prime 2}(1-a) .$$
//!
//! The chain is therefore an autoencoder of n + 1 layers in the sense of the first formula, and
//!
//! $$E[-\mathrm{ELBO}] = \frac{E x^2}{2y_0^2} +
//!   \sum_i\tfrac12(\mathrm{SNR}_{i+1}-\mathrm{SNR}_i) E(x - D(z_i))^2 +
//!   \tfrac12\ln(2\pi e) + \ln y_n .$$
//!
//! | item | contents |
//! |---|---|
//! | [`Terms`] | the three terms, the bound and the entropy, in nats |
//! | [`Truth`] | the data: a mixture of Gaussians on the line |
//! | [`LinearVae`], [`gaussian_chain`] | both models on Gaussian data, in closed form |
//! | [`Autoencoder`], [`autoencoder`] | an autoencoder with one latent number, by quadrature |
//! | [`chain`], [`endless`] | a diffusion model of n steps, and of infinitely many, by quadrature |
//! | [`layers`] | the chain with the exact denoiser, as a function of the number of steps |
//!
//! Source: Kingma & Welling, arXiv 1312.6114; Hoffman & Johnson, "ELBO surgery", 2016 (the
//! aggregate posterior); Kingma et al., arXiv 2107.00630 (the chain).

mod autoencoder;
mod chain;
mod linear;

pub use autoencoder::{Autoencoder, Normal, autoencoder};
pub use chain::{Layers, MAX_STEPS, chain, endless, even_levels, layers};
pub use linear::{LinearVae, gaussian_chain};

use crate::line::Line;
use langevin::error::{Error, Result};
use langevin::math::ln;
use langevin::process::ve;
use langevin_analysis::exact::Mixture;

/// The bound of |λ| in this module's figures: λ ∈ ±4.6, so σ/α runs from 0.01 to 99.5.
///
/// # Examples
/// ```
/// use langevin_theory::duality::{LAMBDA, even_levels};
/// assert_eq!(even_levels(1)?, [-LAMBDA, LAMBDA]);
/// # Ok::<(), langevin::Error>(())
/// ```
pub const LAMBDA: f64 = 4.6;

/// The terms of a model with latents, in nats.
///
/// # Examples
/// ```
/// use langevin_theory::duality::{even_levels, gaussian_chain};
/// let terms = gaussian_chain(0.7, &even_levels(8)?)?;
/// assert_eq!(terms.excess(), terms.bound - terms.entropy);
/// assert!((terms.excess() - terms.divergence - terms.posterior_gap).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Terms {
    /// The entropy H of the data.
    pub entropy: f64,
    /// The bound E[−ELBO].
    pub bound: f64,
    /// The divergence KL(data‖model).
    pub divergence: f64,
    /// The posterior gap E KL(q(z|x)‖p(z|x)).
    pub posterior_gap: f64,
    /// The prior gap KL(q(z)‖p(z)).
    pub prior_gap: f64,
    /// The absolute difference between E[−ELBO] and H + divergence + posterior gap.
    ///
    /// The value is 0 if the posterior gap was computed as the difference of the other terms.
    pub residual: f64,
    /// The largest change of any term on grids of half the resolution; 0 for closed forms.
    pub grid_error: f64,
}

impl Terms {
    /// Returns E[−ELBO] − H, the sum of the divergence and the posterior gap.
    ///
    /// # Examples
    /// ```
    /// use langevin_theory::duality::LinearVae;
    /// assert!(LinearVae::exact(1.0, 0.5)?.terms(1.0)?.excess().abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn excess(&self) -> f64 {
        self.bound - self.entropy
    }

    /// Sets the grid error from the terms on coarser grids.
    fn against(mut self, coarse: &Self) -> Self {
        let of = |terms: &Self| [terms.bound, terms.divergence, terms.posterior_gap, terms.prior_gap];
        self.grid_error = of(&self).iter().zip(of(coarse)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        self
    }

    /// Returns an error if a term is not finite.
    fn checked(self) -> Result<Self> {
        let all = [self.bound, self.divergence, self.posterior_gap, self.prior_gap];
        match all.iter().all(|value| value.is_finite()) {
            true => Ok(self),
            false => Err(Error::singular("the terms of a model are not finite").got(format!("{all:?}"))),
        }
    }
}

/// One-dimensional data from a mixture of Gaussians, in the coordinates of a model.
///
/// # Examples
/// ```
/// use langevin_theory::duality::Truth;
/// use langevin_analysis::exact::two_gaussians;
/// let truth = Truth::new(two_gaussians())?;
/// assert!((truth.entropy() - 1.18314).abs() < 1e-5);
/// // Another scale for the model leaves the entropy of the data unchanged.
/// assert!((truth.seen_as(0.1, 1.5)?.entropy() - 1.18314).abs() < 1e-5);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Truth {
    /// The density in the coordinates of the model.
    line: Line,
    /// The logarithm of the scale, which is added to −log p in the units of the data.
    log_scale: f64,
}

impl Truth {
    /// Creates data from a one-dimensional mixture.
    ///
    /// # Errors
    /// Returns an error if the density does not have dimension 1, or if a component has no width.
    ///
    /// # Errors
    /// A density that is not of dimension 1, or one without width.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::exact::{eight_gaussians, two_gaussians};
    /// use langevin_theory::duality::Truth;
    /// assert!(Truth::new(two_gaussians()).is_ok());
    /// assert!(Truth::new(eight_gaussians()).is_err(), "the data must be one-dimensional");
    /// ```
    pub fn new(mixture: Mixture) -> Result<Self> {
        let line = Line::new(mixture)?;
        if let Some(part) = line.parts(&ve(0.0)).into_iter().find(|part| part.2 <= 0.0) {
            return Err(Error::argument("a component has no width").expected("a variance > 0").got(part.2.to_string()));
        }
        Ok(Self { line, log_scale: 0.0 })
    }

    /// Returns these data for a model that sees (x − shift)/scale.
    ///
    /// Entropies and bounds stay those of x. Divergences are equal in both coordinates.
    ///
    /// # Errors
    /// Returns an error if the scale is not positive, or if a number is not finite.
    ///
    /// # Errors
    /// A scale that is not positive, or numbers that are not finite.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::exact::two_gaussians;
    /// use langevin_theory::duality::Truth;
    /// // The mixture has the mean 0.1.
    /// let seen = Truth::new(two_gaussians())?.seen_as(0.1, 2.0)?;
    /// assert!(seen.exact().mean()[0].abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn seen_as(&self, shift: f64, scale: f64) -> Result<Self> {
        if !(scale > 0.0 && scale.is_finite() && shift.is_finite()) {
            return Err(Error::argument("no such coordinates")
                .expected("a finite shift and a scale > 0")
                .got(format!("shift {shift}, scale {scale}")));
        }
        let seen =
            |(weight, mean, variance): (f64, f64, f64)| (weight, (mean - shift) / scale, variance / scale / scale);
        let parts: Vec<_> = self.line.parts(&ve(0.0)).into_iter().map(seen).collect();
        Ok(Self { line: Line::of(&parts)?, log_scale: self.log_scale + ln(scale) })
    }

    /// Returns these data for a model that sees numbers of mean 0 and variance 1.
    ///
    /// Trained models see such numbers, up to the sampling noise of their mean and variance.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`seen_as`](Self::seen_as).
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::exact::two_gaussians;
    /// use langevin_theory::duality::Truth;
    /// let seen = Truth::new(two_gaussians())?.standardized()?;
    /// assert!(seen.exact().mean()[0].abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`seen_as`](Self::seen_as).
    pub fn standardized(&self) -> Result<Self> {
        let mean = self.line.mean_of(&ve(0.0), |x| x);
        self.seen_as(mean, (self.second_moment() - mean * mean).sqrt())
    }

    /// Returns the density in the coordinates of the model, which is the exact denoiser.
    #[must_use]
    pub fn exact(&self) -> &Mixture {
        self.line.density()
    }

    /// Returns the entropy H of the data, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        let clean = ve(0.0);
        self.log_scale - self.line.mean_of(&clean, |x| self.line.log_density(x, &clean))
    }

    /// Returns E x² in the coordinates of the model.
    fn second_moment(&self) -> f64 {
        self.line.mean_of(&ve(0.0), |x| x * x)
    }
}

#[cfg(test)]
mod tests;
