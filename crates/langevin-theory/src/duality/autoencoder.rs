//! Autoencoders with one latent number, by quadrature.
//!
//! The data x are Gauss–Legendre nodes on panels, z lies on an even grid over ±[`REACH`], and ε
//! lies on an even grid:
//!
//! $$\log p(x) = \log\int p(x|z) p(z) dz,$$
//! $$-\mathrm{ELBO}(x) = -\int \log p(x|m + s\varepsilon) \phi(\varepsilon) d\varepsilon +
//!   \tfrac12(m^2 + s^2 - 1 - \ln s^2),$$
//! $$\mathrm{gap}(x) = \int q(z|x) \log\frac{q(z|x) p(x)}{p(x|z) p(z)} dz, \qquad
//!   q(z) = E q(z|x) .$$
//!
//! The bound comes from the grid of ε, and the other three terms from the grid of z. Their
//! agreement checks both grids. The integrands are smooth on the scale of the steps and vanish at
//! both ends, so the error of a sum on an even grid falls faster than any power of the step.
//! Halving the resolution measures this error.

use super::{Terms, Truth};
use langevin::error::{Error, Result};
use langevin::math::{exp, ln};
use langevin::process::ve;
use std::f64::consts::TAU;

/// A one-dimensional normal distribution.
///
/// # Examples
/// ```
/// use langevin_theory::duality::{Autoencoder, LinearVae};
/// let vae = LinearVae::exact(1.0, 0.5)?;
/// let decoded = vae.decode(&[0.0])?[0];
/// assert_eq!((decoded.mean, decoded.variance), (0.0, 0.5));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// The mean.
    pub mean: f64,
    /// The variance.
    pub variance: f64,
}

impl Normal {
    fn log_density(&self, x: f64) -> f64 {
        -0.5 * ((x - self.mean).powi(2) / self.variance + ln(TAU * self.variance))
    }
}

/// An autoencoder of one number with one latent number of prior N(0, 1), and Gaussian halves.
///
/// # Examples
/// ```
/// use langevin::Result;
/// use langevin_analysis::exact::two_gaussians;
/// use langevin_theory::duality::{Autoencoder, Normal, Truth, autoencoder};
/// /// Encodes x as N(x/2, 0.1), and decodes z as N(2z, 0.5).
/// struct Halves;
/// impl Autoencoder for Halves {
///     fn encode(&self, x: &[f64]) -> Result<Vec<Normal>> {
///         Ok(x.iter().map(|x| Normal { mean: 0.5 * x, variance: 0.1 }).collect())
///     }
///     fn decode(&self, z: &[f64]) -> Result<Vec<Normal>> {
///         Ok(z.iter().map(|z| Normal { mean: 2.0 * z, variance: 0.5 }).collect())
///     }
/// }
/// let terms = autoencoder(&Truth::new(two_gaussians())?, &Halves)?;
/// assert!(terms.excess() > 0.0 && terms.residual < 1e-9);
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Autoencoder {
    /// Returns q(z|x) for each x.
    ///
    /// # Errors
    /// Returns the errors of the implementation.
    fn encode(&self, x: &[f64]) -> Result<Vec<Normal>>;

    /// Returns p(x|z) for each z.
    ///
    /// # Errors
    /// Returns the errors of the implementation.
    fn decode(&self, z: &[f64]) -> Result<Vec<Normal>>;
}

/// The half-width of the grid of z: the prior's mass beyond it is less than 2·10⁻²³.
const REACH: f64 = 10.0;
/// The numbers of cells of the grid of z, of panels of a component of the data, and of cells of the
/// grid of ε; half as many in the coarse run.
const CELLS: usize = 8192;
const PANELS: usize = 240;
const NOISES: usize = 96;
/// The number of data whose noises are decoded in one call.
const TOGETHER: usize = 64;
/// The half-width of the grid of ε: the mass beyond it is 10⁻¹⁹.
const NOISE_REACH: f64 = 9.0;
/// Terms whose logarithm lies further below the largest one are left out of a sum: 10⁻²² of it.
const NEGLIGIBLE: f64 = -50.0;
/// The smallest standard deviation that the coarse grid of z resolves.
///
/// It is twice the step, for which the error of the sum of a bell is e^{−8π²}, 10⁻³⁴.
const NARROWEST: f64 = 2.0 * 2.0 * REACH / (CELLS / 2) as f64;

/// Computes the terms of an autoencoder on these data.
///
/// # Errors
/// Returns an error in these cases:
///
/// - A variance is not positive.
/// - The encoder is narrower than the grid resolves (0.0098).
/// - A term is not finite.
/// - The autoencoder fails.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{Gaussian, Mixture};
/// use langevin_theory::duality::{LinearVae, Truth, autoencoder};
/// // The quadrature agrees with the closed form.
/// let data = Mixture::new(vec![1.0], vec![Gaussian::isotropic(vec![0.0], 0.7)?])?;
/// let vae = LinearVae::exact(0.7, 0.2)?;
/// let found = autoencoder(&Truth::new(data)?, &vae)?;
/// assert!((found.bound - vae.terms(0.7)?.bound).abs() < 1e-9);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn autoencoder(truth: &Truth, model: &dyn Autoencoder) -> Result<Terms> {
    let fine = terms(truth, model, 1)?;
    fine.against(&terms(truth, model, 2)?).checked()
}

/// Computes the terms on grids whose resolution is divided by `coarser`.
fn terms(truth: &Truth, model: &dyn Autoencoder, coarser: usize) -> Result<Terms> {
    let clean = ve(0.0);
    let (x, weights): (Vec<f64>, Vec<f64>) = truth.line.nodes_in(&clean, PANELS / coarser).into_iter().unzip();
    let encoded = checked(model.encode(&x)?, x.len(), "encoder")?;
    let least = encoded.iter().map(|q| q.variance).fold(f64::INFINITY, f64::min).sqrt();
    if least < NARROWEST {
        return Err(Error::singular("the encoder is narrower than the grid resolves")
            .expected(format!("a standard deviation of {NARROWEST:.4} or more"))
            .got(format!("{least:.2e}")));
    }
    let cells = CELLS / coarser;
    let step = 2.0 * REACH / cells as f64;
    let z: Vec<f64> = (0..=cells).map(|j| -REACH + step * j as f64).collect();
    let decoded = checked(model.decode(&z)?, z.len(), "decoder")?;
    let prior = Normal { mean: 0.0, variance: 1.0 };
    // log p(x|z)p(z) = offset − ½(x − mean)²·precision.
    let offsets: Vec<f64> =
        z.iter().zip(&decoded).map(|(z, p)| p.log_density(p.mean) + prior.log_density(*z)).collect();
    let precisions: Vec<f64> = decoded.iter().map(|p| p.variance.recip()).collect();
    let mut aggregate = vec![0.0; z.len()];
    let mut joint = vec![0.0; z.len()];
    let (mut cross_entropy, mut posterior_gap) = (0.0, 0.0);
    for ((x, weight), q) in x.iter().zip(&weights).zip(&encoded) {
        let mut largest = f64::NEG_INFINITY;
        for (j, joint) in joint.iter_mut().enumerate() {
            let away = x - decoded[j].mean;
            *joint = offsets[j] - 0.5 * away * away * precisions[j];
            largest = largest.max(*joint);
        }
        let sum: f64 = joint.iter().map(|l| l - largest).filter(|l| *l > NEGLIGIBLE).map(exp).sum();
        let log_density = largest + ln(sum * step);
        cross_entropy -= weight * log_density;
        let reach = NOISE_REACH * q.variance.sqrt();
        let place = |z: f64| ((z + REACH) / step).clamp(0.0, cells as f64);
        let (low, high) = (place(q.mean - reach).ceil() as usize, place(q.mean + reach) as usize);
        for j in low..=high {
            let log_q = q.log_density(z[j]);
            let mass = weight * exp(log_q);
            aggregate[j] += mass;
            posterior_gap += step * mass * (log_q + log_density - joint[j]);
        }
    }
    let bound = bound(model, &x, &weights, &encoded, NOISES / coarser)?;
    // Grid points that no datum is encoded to contribute nothing: 0 ln 0 = 0.
    let prior_gap: f64 = z
        .iter()
        .zip(&aggregate)
        .filter(|(_, q)| **q > 0.0)
        .map(|(z, q)| step * q * (ln(*q) - prior.log_density(*z)))
        .sum();
    let entropy = truth.entropy();
    let bound = bound + truth.log_scale;
    let divergence = cross_entropy + truth.log_scale - entropy;
    let residual = (bound - entropy - divergence - posterior_gap).abs();
    Ok(Terms { entropy, bound, divergence, posterior_gap, prior_gap, residual, grid_error: 0.0 })
}

/// Returns E[−ELBO], over even nodes of the encoder's noise.
fn bound(model: &dyn Autoencoder, x: &[f64], weights: &[f64], encoded: &[Normal], noises: usize) -> Result<f64> {
    let step = 2.0 * NOISE_REACH / noises as f64;
    let noise: Vec<f64> = (0..=noises).map(|i| -NOISE_REACH + step * i as f64).collect();
    let bells: Vec<f64> = noise.iter().map(|e| step * exp(-0.5 * e * e) / TAU.sqrt()).collect();
    let mut total = 0.0;
    // Data are decoded in groups, because a network evaluates large batches faster than small ones.
    let data: Vec<((&f64, &f64), &Normal)> = x.iter().zip(weights).zip(encoded).collect();
    for data in data.chunks(TOGETHER) {
        let z: Vec<f64> =
            data.iter().flat_map(|(_, q)| noise.iter().map(move |e| q.mean + q.variance.sqrt() * e)).collect();
        let decoded = checked(model.decode(&z)?, z.len(), "decoder")?;
        for (((x, weight), q), decoded) in data.iter().zip(decoded.chunks(noise.len())) {
            let reconstruction: f64 = decoded.iter().zip(&bells).map(|(p, bell)| -bell * p.log_density(**x)).sum();
            let prior = 0.5 * (q.mean * q.mean + q.variance - 1.0 - ln(q.variance));
            total += **weight * (reconstruction + prior);
        }
    }
    Ok(total)
}

/// Checks that there are as many distributions as requested, and that all of them are valid.
fn checked(found: Vec<Normal>, wanted: usize, half: &str) -> Result<Vec<Normal>> {
    if found.len() != wanted {
        return Err(Error::shape("the autoencoder gives another number of distributions")
            .at(half)
            .expected(wanted.to_string())
            .got(found.len().to_string()));
    }
    match found.iter().find(|p| !(p.variance > 0.0 && p.variance.is_finite() && p.mean.is_finite())) {
        Some(bad) => Err(Error::singular("the autoencoder gives no distribution")
            .at(half)
            .got(format!("mean {}, variance {}", bad.mean, bad.variance))),
        None => Ok(found),
    }
}
