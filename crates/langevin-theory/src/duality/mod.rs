//! Duality against the variational autoencoder: both kinds of model on the same data, in the same three terms.
//!
//! A model with latents z, an encoder q(z|x) and a prior p(z) has, on data of entropy H,
//!
//! $$E[-\mathrm{ELBO}] = H + \underbrace{\mathrm{KL}(\mathrm{data}\Vert\mathrm{model})}_{\text{divergence}} +
//!   \underbrace{E \mathrm{KL}(q(z|x)\Vert p(z|x))}_{\text{posterior gap}},
//!   \qquad \underbrace{\mathrm{KL}(q(z)\Vert p(z))}_{\text{prior gap}} \le \text{divergence} + \text{posterior gap},$$
//!
//! with q(z) = E q(z|x) over the data. The last is no further summand: a divergence of marginals is at most that of the pairs (x, z), which is the sum of the other two.
//!
//! | model | z | encoder | prior gap |
//! |---|---|---|---|
//! | autoencoder | one number | learned | KL(q(z)‖p(z)) |
//! | diffusion of n steps | the states z₀, …, z_n at falling noise y₀ > … > y_n | fixed: noise is added | terminal: KL(p_T‖N(0, y₀²)) |
//!
//! The chain of n steps is, in z = x/α and y = σ/α, started from N(0, y₀²), each step the posterior with the denoised prediction in place of the datum (h = g), the last N(x; z_n, y_n²):
//!
//! $$z' = a z + (1-a) D(z) + c\varepsilon,\qquad a = y'^2/y^2,\quad c^2 = y'^2(1-a) .$$
//!
//! So it is an autoencoder of n + 1 layers in the sense of the first line, and
//!
//! $$E[-\mathrm{ELBO}] = \frac{E x^2}{2y_0^2} + \sum_i\tfrac12(\mathrm{SNR}_{i+1}-\mathrm{SNR}_i) E(x - D(z_i))^2 + \tfrac12\ln(2\pi e) + \ln y_n .$$
//!
//! | here | what |
//! |---|---|
//! | [`Terms`] | the three terms, the bound and the entropy, in nats |
//! | [`Truth`] | the data: a mixture of Gaussians on the line |
//! | [`LinearVae`], [`gaussian_chain`] | both models of Gaussian data, in closed form |
//! | [`Autoencoder`], [`autoencoder`] | an autoencoder of one latent number, by quadrature |
//! | [`chain`], [`endless`] | a diffusion model of n steps, and of endless ones, by quadrature |
//! | [`layers`] | the chain with the exact denoiser against the number of its steps |
//!
//! Source: Kingma & Welling, arXiv 1312.6114; Hoffman & Johnson, "ELBO surgery", 2016 (the aggregate posterior); Kingma et al., arXiv 2107.00630 (the chain).

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

/// The range of λ that this module's figures are given on, ±4.6: σ/α from 0.01 to 99.5.
pub const LAMBDA: f64 = 4.6;

/// What a model with latents costs, in nats.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Terms {
    /// H(data).
    pub entropy: f64,
    /// E[−ELBO].
    pub bound: f64,
    /// KL(data‖model).
    pub divergence: f64,
    /// E KL(q(z|x)‖p(z|x)).
    pub posterior_gap: f64,
    /// KL(q(z)‖p(z)).
    pub prior_gap: f64,
    /// How far E[−ELBO] is from H + divergence + posterior gap, where each was computed by itself; 0 where the gap is the difference.
    pub residual: f64,
    /// The largest change of any term when every grid is made twice as coarse; 0 for closed forms.
    pub grid_error: f64,
}

impl Terms {
    /// E[−ELBO] − H, what the model is short of perfect: the divergence and the posterior gap together.
    #[must_use]
    pub fn excess(&self) -> f64 {
        self.bound - self.entropy
    }

    /// With the largest change against terms of coarser grids.
    fn against(mut self, coarse: &Self) -> Self {
        let of = |terms: &Self| [terms.bound, terms.divergence, terms.posterior_gap, terms.prior_gap];
        self.grid_error = of(&self).iter().zip(of(coarse)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        self
    }

    /// Refuses terms that are no numbers.
    fn checked(self) -> Result<Self> {
        let all = [self.bound, self.divergence, self.posterior_gap, self.prior_gap];
        match all.iter().all(|value| value.is_finite()) {
            true => Ok(self),
            false => Err(Error::singular("the terms of a model are not finite").got(format!("{all:?}"))),
        }
    }
}

/// The data: a mixture of Gaussians on the line, as a model sees it.
///
/// ```
/// use langevin_theory::duality::Truth;
/// use langevin_analysis::exact::two_gaussians;
/// let truth = Truth::new(two_gaussians())?;
/// assert!((truth.entropy() - 1.18314).abs() < 1e-5);
/// // Another scale for the model, the same entropy of the data.
/// assert!((truth.seen_as(0.1, 1.5)?.entropy() - 1.18314).abs() < 1e-5);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Truth {
    /// In the coordinates of the model.
    line: Line,
    /// ln of the scale: what −log p grows by in the units of the data.
    log_scale: f64,
}

impl Truth {
    /// These data.
    ///
    /// # Errors
    /// A density that is not of dimension 1, or one without width.
    pub fn new(mixture: Mixture) -> Result<Self> {
        let line = Line::new(mixture)?;
        if let Some(part) = line.parts(&ve(0.0)).into_iter().find(|part| part.2 <= 0.0) {
            return Err(Error::argument("a component has no width").expected("a variance > 0").got(part.2.to_string()));
        }
        Ok(Self { line, log_scale: 0.0 })
    }

    /// For a model that sees (x − shift)/scale. Entropies and bounds stay those of x; divergences are the same for both.
    ///
    /// # Errors
    /// A scale that is not positive, or numbers that are not finite.
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

    /// For a model that sees numbers of mean 0 and variance 1, as trained ones do but for the noise of their sample.
    ///
    /// # Errors
    /// As [`seen_as`](Self::seen_as).
    pub fn standardized(&self) -> Result<Self> {
        let mean = self.line.mean_of(&ve(0.0), |x| x);
        self.seen_as(mean, (self.second_moment() - mean * mean).sqrt())
    }

    /// The data as the model sees them: the exact denoiser.
    #[must_use]
    pub fn exact(&self) -> &Mixture {
        self.line.density()
    }

    /// H, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        let clean = ve(0.0);
        self.log_scale - self.line.mean_of(&clean, |x| self.line.log_density(x, &clean))
    }

    /// E x², as the model sees it.
    fn second_moment(&self) -> f64 {
        self.line.mean_of(&ve(0.0), |x| x * x)
    }
}

#[cfg(test)]
mod tests;
