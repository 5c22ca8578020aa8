//! An autoencoder of one latent number, by quadrature. With x from the data's nodes (panels of Gauss–Legendre), z on an even grid over ±[`REACH`] and ε on an even grid:
//!
//! $$\log p(x) = \log\int p(x|z) p(z) dz, \qquad
//!   -\mathrm{ELBO}(x) = -\int \log p(x|m + s\varepsilon) \phi(\varepsilon) d\varepsilon + \tfrac12(m^2 + s^2 - 1 - \ln s^2),$$
//! $$\mathrm{gap}(x) = \int q(z|x) \log\frac{q(z|x) p(x)}{p(x|z) p(z)} dz, \qquad q(z) = E q(z|x) .$$
//!
//! The bound comes from the grid of ε and the other three from that of z: that they fit each other is a check of both. A sum over an even grid of a function that is smooth on the scale of
//! its steps and vanishes at both ends errs by less than any power of the step; how far it does is measured by halving.

use super::{Terms, Truth};
use langevin::error::{Error, Result};
use langevin::math::{exp, ln};
use langevin::process::ve;
use std::f64::consts::TAU;

/// A normal distribution of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// Its mean.
    pub mean: f64,
    /// Its variance.
    pub variance: f64,
}

impl Normal {
    fn log_density(&self, x: f64) -> f64 {
        -0.5 * ((x - self.mean).powi(2) / self.variance + ln(TAU * self.variance))
    }
}

/// An autoencoder of one number by one latent number with prior N(0, 1), both of its halves Gaussian.
pub trait Autoencoder {
    /// q(z|x) for each x.
    ///
    /// # Errors
    /// Whatever it meets.
    fn encode(&self, x: &[f64]) -> Result<Vec<Normal>>;

    /// p(x|z) for each z.
    ///
    /// # Errors
    /// Whatever it meets.
    fn decode(&self, z: &[f64]) -> Result<Vec<Normal>>;
}

/// The grid of z: the prior beyond it is less than 2·10⁻²³.
const REACH: f64 = 10.0;
/// Cells of the grid of z, panels of a component of the data, cells of that of ε; half as many in the coarse run.
const CELLS: usize = 8192;
const PANELS: usize = 240;
const NOISES: usize = 96;
/// Data whose noises are decoded together.
const TOGETHER: usize = 64;
/// The grid of ε: what is beyond is 10⁻¹⁹.
const NOISE_REACH: f64 = 9.0;
/// Terms whose logarithm is this far below the largest are left out of a sum: 10⁻²² of it.
const NEGLIGIBLE: f64 = -50.0;
/// The smallest standard deviation that the coarse grid of z resolves: twice its step, where the error of the sum of a bell is e^{−8π²}, 10⁻³⁴.
const NARROWEST: f64 = 2.0 * 2.0 * REACH / (CELLS / 2) as f64;

/// The terms of an autoencoder on these data.
///
/// # Errors
/// A variance that is not positive, an encoder narrower than the grid resolves (0.0098), terms that are not finite, or whatever the autoencoder meets.
pub fn autoencoder(truth: &Truth, model: &dyn Autoencoder) -> Result<Terms> {
    let fine = terms(truth, model, 1)?;
    fine.against(&terms(truth, model, 2)?).checked()
}

/// The same on grids that are `coarser` times as coarse.
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
    // A place that no datum is sent to costs nothing: 0 ln 0 = 0.
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

/// E[−ELBO], over even nodes of the encoder's noise.
fn bound(model: &dyn Autoencoder, x: &[f64], weights: &[f64], encoded: &[Normal], noises: usize) -> Result<f64> {
    let step = 2.0 * NOISE_REACH / noises as f64;
    let noise: Vec<f64> = (0..=noises).map(|i| -NOISE_REACH + step * i as f64).collect();
    let bells: Vec<f64> = noise.iter().map(|e| step * exp(-0.5 * e * e) / TAU.sqrt()).collect();
    let mut total = 0.0;
    // Some data at a time: a network answers many questions faster than few.
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

/// As many distributions as were asked for, all of them such.
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
