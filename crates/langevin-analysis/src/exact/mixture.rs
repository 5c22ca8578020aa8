//! Implements finite mixtures of Gaussians: $p = \sum_k \pi_k \mathcal N(m_k, C_k)$.
//!
//! Noise changes each component separately, $m_k \to \alpha m_k$ and
//! $C_k \to W_k = \alpha^2 C_k + \sigma^2 I$, so that
//!
//! $$\log p_t(x) = \operatorname{logsumexp}_k \ell_k, \qquad D = \sum_k r_k D_k, \qquad
//!   r = \operatorname{softmax}(\ell), \qquad
//!   \ell_k = \ln \pi_k + \log \mathcal N(x;\ \alpha m_k,\ W_k),$$
//!
//! with the denoised prediction $D_k$ of component k alone. The largest ℓ is subtracted before any
//! exponential is taken, so nothing overflows at any σ.

use super::gaussian::{Gaussian, Share, Wanted};
use super::{Density, NEGLIGIBLE, check_along, check_batch, normals};
use langevin::error::{Error, Result};
use langevin::math::{exp, ln};
use langevin::model::At;
use langevin::noise::{SampleId, draws, fill_uniforms};
use langevin::process::Level;

/// A mixture of Gaussians in any dimension, each with its own covariance.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{Density, Gaussian, Mixture};
/// use langevin::model::At;
/// use langevin::Level;
/// let data = Mixture::new(
///     vec![0.25, 0.75],
///     vec![Gaussian::isotropic(vec![-1.0], 0.01)?, Gaussian::isotropic(vec![1.0], 0.01)?],
/// )?;
/// assert_eq!((data.weights(), data.components().len()), (&[0.25, 0.75][..], 2));
/// // Pure noise contains no information: D is the mean, −¼ + ¾.
/// let mut denoised = [0.0];
/// data.denoise(&[3.0], At::One(Level { time: 1.0, alpha: 0.0, sigma: 1.0 }), &mut denoised)?;
/// assert!((denoised[0] - 0.5).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    name: &'static str,
    dim: usize,
    weights: Vec<f64>,
    log_weights: Vec<f64>,
    /// The cumulative weights, up to and including component k.
    cumulative: Vec<f64>,
    components: Vec<Gaussian>,
    /// The variance of every component, if all are multiples of the identity.
    variances: Option<Vec<f64>>,
    /// The means, one after another.
    means: Vec<f64>,
}

impl Mixture {
    /// Creates a mixture of these components. The weights are divided by their sum.
    ///
    /// # Errors
    /// Returns an error if there are no components, if the number of weights differs, if a weight
    /// is not positive and finite, or if the components differ in dimension.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::exact::{Gaussian, Mixture};
    /// let component = |mean: f64| Gaussian::isotropic(vec![mean], 1.0);
    /// let data = Mixture::new(vec![1.0, 3.0], vec![component(0.0)?, component(4.0)?])?;
    /// assert_eq!((data.weights(), data.mean()), (&[0.25, 0.75][..], vec![3.0]));
    /// assert!(Mixture::new(vec![1.0], vec![]).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn new(weights: Vec<f64>, components: Vec<Gaussian>) -> Result<Self> {
        let Some(dim) = components.first().map(Density::dim) else {
            return Err(Error::shape("a mixture needs at least one component").got("none"));
        };
        if weights.len() != components.len() {
            return Err(Error::shape("the weights do not fit the components")
                .expected(format!("{} weights", components.len()))
                .got(weights.len().to_string()));
        }
        if let Some(other) = components.iter().find(|component| component.dim() != dim) {
            return Err(Error::shape("the components of a mixture differ in dimension")
                .expected(dim.to_string())
                .got(other.dim().to_string()));
        }
        if let Some(bad) = weights.iter().find(|weight| !(weight.is_finite() && **weight > 0.0)) {
            return Err(Error::argument("a weight must be positive and finite").got(bad.to_string()));
        }
        let total: f64 = weights.iter().sum();
        if !total.is_finite() {
            return Err(Error::argument("the weights have no finite sum").got(total.to_string()));
        }
        if let Some(lost) = weights.iter().find(|weight| **weight / total == 0.0) {
            return Err(Error::argument("a weight vanishes beside the others").got(lost.to_string()));
        }
        Ok(Self::assemble("mixture", weights, components))
    }

    /// Creates a mixture like [`new`](Self::new), from parts already checked.
    pub(super) fn assemble(name: &'static str, mut weights: Vec<f64>, components: Vec<Gaussian>) -> Self {
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        let mut sum = 0.0;
        let cumulative = weights
            .iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Self {
            name,
            dim: components.first().map_or(1, Density::dim),
            log_weights: weights.iter().map(|weight| ln(*weight)).collect(),
            cumulative,
            variances: components.iter().map(Gaussian::variance).collect(),
            means: components.iter().flat_map(|component| component.mean().iter().copied()).collect(),
            weights,
            components,
        }
    }

    /// Returns the weights, which sum to 1.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Returns the components, one per weight.
    #[must_use]
    pub fn components(&self) -> &[Gaussian] {
        &self.components
    }

    /// Returns the mean of the mixture, $\sum_k \pi_k m_k$.
    ///
    /// # Examples
    /// ```
    /// let mean = langevin_analysis::exact::two_gaussians().mean();
    /// assert!((mean[0] - 0.1).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.dim];
        for (weight, component) in self.weights.iter().zip(&self.components) {
            for (mean, m) in mean.iter_mut().zip(component.mean()) {
                *mean += weight * m;
            }
        }
        mean
    }

    /// Computes D or the score for a batch.
    fn blend(&self, what: Wanted, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        check_batch(x, self.dim, at, out)?;
        match &self.variances {
            // A constant dimension lets the compiler unroll the loops over it.
            Some(variances) => match self.dim {
                1 => self.blend_round(what, variances, 1, x, at, out),
                2 => self.blend_round(what, variances, 2, x, at, out),
                dim => self.blend_round(what, variances, dim, x, at, out),
            },
            None => self.blend_any(what, x, at, out),
        }
        Ok(())
    }

    /// Computes D or the score if all covariances are multiples of the identity.
    #[inline(always)]
    fn blend_round(&self, what: Wanted, variances: &[f64], dim: usize, x: &[f64], at: At<'_>, out: &mut [f64]) {
        let mut parts = vec![Part::default(); variances.len()];
        let mut logs = vec![0.0; variances.len()];
        let mut last = None;
        for (row, (out, x)) in out.chunks_exact_mut(dim).zip(x.chunks_exact(dim)).enumerate() {
            let level = at.row(row);
            if last != Some(level) {
                for ((part, c), log_weight) in parts.iter_mut().zip(variances).zip(&self.log_weights) {
                    let Share { variance, gain, rest } = Share::new(what, *c, &level);
                    let bias = log_weight - 0.5 * dim as f64 * ln(variance);
                    *part = Part { bias, half_precision: half_precision(variance, &level), gain, rest };
                }
                last = Some(level);
            }
            let mut largest = f64::NEG_INFINITY;
            for ((log, part), mean) in logs.iter_mut().zip(&parts).zip(self.means.chunks_exact(dim)) {
                let mut square = 0.0;
                for (x, m) in x.iter().zip(mean) {
                    let d = x - level.alpha * m;
                    square += d * d;
                }
                *log = part.bias - square * part.half_precision;
                largest = if *log > largest { *log } else { largest };
            }
            let (mut total, mut gain) = (0.0, 0.0);
            out.fill(0.0);
            for ((log, part), mean) in logs.iter().zip(&parts).zip(self.means.chunks_exact(dim)) {
                let below = log - largest;
                if below < NEGLIGIBLE {
                    continue;
                }
                let r = exp(below);
                total += r;
                gain += r * part.gain;
                for (out, m) in out.iter_mut().zip(mean) {
                    *out += r * part.rest * m;
                }
            }
            for (out, x) in out.iter_mut().zip(x) {
                *out = (gain * x + *out) / total;
            }
        }
    }

    /// Computes each component's terms at a level: ln π − ½ Σ ln w, and 1/(2w) and the gain along
    /// each of its axes.
    fn parts(&self, what: Wanted, level: &Level, bias: &mut [f64], half_precision: &mut [f64], gain: &mut [f64]) {
        for (k, component) in self.components.iter().enumerate() {
            bias[k] = self.log_weights[k];
            for (j, c) in component.eigenvalues().iter().enumerate() {
                let share = Share::new(what, *c, level);
                bias[k] -= 0.5 * ln(share.variance);
                half_precision[k * self.dim + j] = self::half_precision(share.variance, level);
                gain[k * self.dim + j] = share.gain;
            }
        }
    }

    /// Computes D or the score for components with any covariance.
    fn blend_any(&self, what: Wanted, x: &[f64], at: At<'_>, out: &mut [f64]) {
        let (dim, count) = (self.dim, self.components.len());
        let (mut half_precision, mut gain, mut y) =
            (vec![0.0; count * dim], vec![0.0; count * dim], vec![0.0; count * dim]);
        let (mut bias, mut logs) = (vec![0.0; count], vec![0.0; count]);
        let mut last = None;
        for (row, (out, x)) in out.chunks_exact_mut(dim).zip(x.chunks_exact(dim)).enumerate() {
            let level = at.row(row);
            if last != Some(level) {
                self.parts(what, &level, &mut bias, &mut half_precision, &mut gain);
                last = Some(level);
            }
            let mut largest = f64::NEG_INFINITY;
            for (k, component) in self.components.iter().enumerate() {
                let span = k * dim..(k + 1) * dim;
                let y = &mut y[span.clone()];
                component.coordinates(x, level.alpha, y);
                let square: f64 = y.iter().zip(&half_precision[span]).map(|(y, h)| y * y * h).sum();
                logs[k] = bias[k] - square;
                largest = if logs[k] > largest { logs[k] } else { largest };
            }
            let mut total = 0.0;
            out.fill(0.0);
            for (k, component) in self.components.iter().enumerate() {
                let below = logs[k] - largest;
                if below < NEGLIGIBLE {
                    continue;
                }
                let r = exp(below);
                total += r;
                let span = k * dim..(k + 1) * dim;
                component.add_affine(r, what.keep(), &gain[span.clone()], &y[span], out);
            }
            out.iter_mut().for_each(|out| *out /= total);
        }
    }
}

impl Mixture {
    /// Computes D and its Jacobian times a direction v,
    ///
    /// $$J v = \sum_k r_k [G_k v + (D_k - D)(s_k\cdot v - \bar s\cdot v)],$$
    ///
    /// with $G_k = \alpha C_k W_k^{-1}$, $s_k = -W_k^{-1}(x - \alpha m_k)$ and
    /// $\bar s = \sum_k r_k s_k$.
    ///
    /// The first term is the components' own, the second the shift of weight between them. Both
    /// factors of the second term are differences from their means, which avoids cancellation of
    /// large values.
    fn along(&self, x: &[f64], at: At<'_>, tangent: &[f64], out: &mut [f64], product: &mut [f64]) {
        let (dim, count) = (self.dim, self.components.len());
        let table = || vec![0.0; count * dim];
        let (mut half_precision, mut gain, mut y, mut t) = (table(), table(), table(), table());
        let (mut bias, mut r, mut slope) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
        let mut own = vec![0.0; dim];
        let mut last = None;
        let rows = x.chunks_exact(dim).zip(tangent.chunks_exact(dim));
        let outs = out.chunks_exact_mut(dim).zip(product.chunks_exact_mut(dim));
        for (row, ((x, v), (out, product))) in rows.zip(outs).enumerate() {
            let level = at.row(row);
            if last != Some(level) {
                self.parts(Wanted::Denoised, &level, &mut bias, &mut half_precision, &mut gain);
                last = Some(level);
            }
            let mut largest = f64::NEG_INFINITY;
            for (k, component) in self.components.iter().enumerate() {
                let span = k * dim..(k + 1) * dim;
                component.coordinates(x, level.alpha, &mut y[span.clone()]);
                component.turn(v, &mut t[span.clone()]);
                let (mut square, mut along) = (0.0, 0.0);
                for ((y, t), h) in y[span.clone()].iter().zip(&t[span.clone()]).zip(&half_precision[span]) {
                    square += y * y * h;
                    along -= 2.0 * y * t * h;
                }
                (r[k], slope[k]) = (bias[k] - square, along);
                largest = if r[k] > largest { r[k] } else { largest };
            }
            let (mut total, mut mean_slope) = (0.0, 0.0);
            out.fill(0.0);
            for (k, component) in self.components.iter().enumerate() {
                r[k] = if r[k] - largest < NEGLIGIBLE { 0.0 } else { exp(r[k] - largest) };
                if r[k] == 0.0 {
                    continue;
                }
                total += r[k];
                mean_slope += r[k] * slope[k];
                let span = k * dim..(k + 1) * dim;
                component.add_affine(r[k], 1.0, &gain[span.clone()], &y[span], out);
            }
            out.iter_mut().for_each(|out| *out /= total);
            mean_slope /= total;
            product.fill(0.0);
            for (k, component) in self.components.iter().enumerate().filter(|(k, _)| r[*k] > 0.0) {
                let span = k * dim..(k + 1) * dim;
                own.fill(0.0);
                component.add_affine(1.0, 1.0, &gain[span.clone()], &y[span.clone()], &mut own);
                let share = r[k] / total;
                let moved = share * (slope[k] - mean_slope);
                component.add_affine(share, 0.0, &gain[span.clone()], &t[span], product);
                for ((product, own), mean) in product.iter_mut().zip(&own).zip(out.iter()) {
                    *product += moved * (own - mean);
                }
            }
        }
    }
}

/// Returns 1/(2w), the weight of the squared distance in ℓ.
///
/// At α = 0 all distances are ‖x‖²/(2σ²) and cancel, so the weight 0 avoids rounding.
fn half_precision(variance: f64, level: &Level) -> f64 {
    if level.alpha == 0.0 { 0.0 } else { 0.5 / variance }
}

/// The terms of one component at one level.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// ln π − (d/2) ln w; the 2π is common to all components.
    bias: f64,
    /// 1/(2w).
    half_precision: f64,
    gain: f64,
    rest: f64,
}

/// A running sum ln Σ e^ℓ.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogSum {
    largest: f64,
    /// Σ e^(ℓ − largest).
    sum: f64,
}

impl LogSum {
    pub(super) fn new() -> Self {
        Self { largest: f64::NEG_INFINITY, sum: 0.0 }
    }

    pub(super) fn add(&mut self, log: f64) {
        if log == f64::NEG_INFINITY {
            return;
        }
        if log <= self.largest {
            // A second infinite term changes nothing; ∞ − ∞ would give NaN.
            self.sum += if log == self.largest { 1.0 } else { exp(log - self.largest) };
        } else {
            self.sum = self.sum * exp(self.largest - log) + 1.0;
            self.largest = log;
        }
    }

    pub(super) fn value(self) -> f64 {
        if self.largest.is_infinite() { self.largest } else { self.largest + ln(self.sum) }
    }
}

impl Density for Mixture {
    fn name(&self) -> &str {
        self.name
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<f64> {
        let mut out = vec![0.0; rows.len() * self.dim];
        let z = normals(rows, self.dim);
        for ((row, out), z) in rows.iter().zip(out.chunks_exact_mut(self.dim)).zip(z.chunks_exact(self.dim)) {
            let mut u = [0.0];
            fill_uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            // Rounding may leave the last sum slightly below 1.
            let k = self.cumulative.partition_point(|sum| *sum <= u[0]).min(self.components.len() - 1);
            self.components[k].place(z, out);
        }
        out
    }

    fn log_density(&self, x: &[f64], level: &Level) -> f64 {
        if x.len() != self.dim {
            return f64::NAN;
        }
        let mut sum = LogSum::new();
        for (log_weight, component) in self.log_weights.iter().zip(&self.components) {
            sum.add(log_weight + component.log_density(x, level));
        }
        sum.value()
    }

    fn denoise(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        self.blend(Wanted::Denoised, x, at, out)
    }

    fn denoise_along(
        &self,
        x: &[f64],
        at: At<'_>,
        tangent: &[f64],
        out: &mut [f64],
        product: &mut [f64],
    ) -> Result<()> {
        check_along(x, self.dim, at, tangent, out, product)?;
        self.along(x, at, tangent, out, product);
        Ok(())
    }

    fn score(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        self.blend(Wanted::Score, x, at, out)
    }
}
