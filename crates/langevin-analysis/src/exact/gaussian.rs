//! One Gaussian. With the eigenvalues $c_j$ of its covariance $C = V \mathrm{diag}(c) V^\top$ and $w_j = \alpha^2 c_j + \sigma^2$,
//!
//! $$\log p_t(x) = -\tfrac12\sum_j\Bigl(\frac{y_j^2}{w_j} + \ln 2\pi w_j\Bigr), \qquad
//!   D = m + V \mathrm{diag}\Bigl(\frac{\alpha c_j}{w_j}\Bigr) y, \qquad y = V^\top(x - \alpha m).$$

use super::{Density, check_along, check_batch, normals};
use crate::rows::{centred, check_rows, covariance};
use langevin::error::{Error, Result};
use langevin::math::ln;
use langevin::model::At;
use langevin::noise::SampleId;
use langevin::process::Level;
use nalgebra::{DMatrix, SymmetricEigen};
use std::f64::consts::TAU;

/// A variance below this counts as this: its inverse, times a square of any length one meets, stays finite.
const SMALLEST: f64 = 1e-200;

/// A Gaussian of any covariance, $\mathcal N(m, C)$.
///
/// ```
/// use langevin_analysis::exact::{Density, Gaussian};
/// use langevin::Level;
/// let data = Gaussian::new(vec![1.0, 0.0], &[2.0, 1.0, 1.0, 2.0])?;
/// assert!((data.eigenvalues()[0] - 3.0).abs() < 1e-14);
/// // The data's own density: −½ ln((2π)² det C) at the mean.
/// let clean = Level { time: 0.0, alpha: 1.0, sigma: 0.0 };
/// let peak = -(2.0 * std::f64::consts::PI).ln() - 0.5 * 3f64.ln();
/// assert!((data.log_density(&[1.0, 0.0], &clean) - peak).abs() < 1e-14);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    mean: Vec<f64>,
    /// Eigenvalues of the covariance; all the same where there are no axes.
    variances: Vec<f64>,
    /// Eigenvectors, one after another; none for a multiple of the identity.
    axes: Option<Vec<f64>>,
}

impl Gaussian {
    /// The Gaussian of this mean (`dim` numbers) and covariance (`dim × dim`, row after row).
    ///
    /// The covariance may be singular. Its eigenvalues are found here, once.
    ///
    /// # Errors
    /// No dimension, sizes that do not fit, a number that is not finite, or a matrix that is not symmetric and positive semi-definite (up to
    /// 10⁻¹² of its largest entry).
    pub fn new(mean: Vec<f64>, covariance: &[f64]) -> Result<Self> {
        check_mean(&mean)?;
        let dim = mean.len();
        if covariance.len() != dim * dim {
            return Err(Error::shape("the covariance does not fit the mean")
                .expected(format!("{dim} × {dim} elements"))
                .got(covariance.len().to_string()));
        }
        let size = covariance.iter().fold(0.0_f64, |size, c| size.max(c.abs()));
        if let Some(bad) = covariance.iter().find(|c| !c.is_finite()) {
            return Err(Error::argument("a covariance must be finite").got(bad.to_string()));
        }
        let slack = 1e-12 * size;
        for i in 0..dim {
            for j in 0..i {
                let (below, above) = (covariance[i * dim + j], covariance[j * dim + i]);
                if (below - above).abs() > slack {
                    return Err(Error::argument("a covariance must be symmetric")
                        .at(format!("row {i}, column {j}"))
                        .expected(above.to_string())
                        .got(below.to_string()));
                }
            }
        }
        let (mut variances, axes) = principal_axes(dim, covariance)?;
        let smallest = variances.last().copied().unwrap_or(0.0);
        if smallest < -slack {
            return Err(Error::argument("a covariance must be positive semi-definite")
                .expected("no negative eigenvalue")
                .got(smallest.to_string()));
        }
        variances.iter_mut().for_each(|c| *c = c.max(0.0));
        Ok(Self { mean, variances, axes: Some(axes) })
    }

    /// The Gaussian with the mean and the covariance of these rows of `width` numbers, both over all rows.
    ///
    /// ```
    /// let data = langevin_analysis::exact::Gaussian::fit(&[0.0, 1.0, 2.0, 1.0], 2)?;
    /// assert_eq!((data.mean(), data.eigenvalues()), (&[1.0, 1.0][..], &[1.0, 0.0][..]));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// No rows, rows that are not whole, a number that is not finite, or a covariance beyond `f64`.
    pub fn fit(rows: &[f64], width: usize) -> Result<Self> {
        check_rows(rows, width)?;
        let (mean, centred) = centred(rows, width);
        Self::new(mean, &covariance(&centred, width))
    }

    /// The Gaussian of this mean whose covariance is `variance` times the identity.
    ///
    /// ```
    /// let data = langevin_analysis::exact::Gaussian::isotropic(vec![0.0, 1.0], 0.7)?;
    /// assert_eq!(data.eigenvalues(), [0.7, 0.7]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// No dimension, a number that is not finite, or a negative variance.
    pub fn isotropic(mean: Vec<f64>, variance: f64) -> Result<Self> {
        check_mean(&mean)?;
        if !(variance.is_finite() && variance >= 0.0) {
            return Err(Error::argument("a variance must be finite and not negative").got(variance.to_string()));
        }
        Ok(Self::round(mean, variance))
    }

    /// [`isotropic`](Self::isotropic), of numbers known to be good.
    pub(super) fn round(mean: Vec<f64>, variance: f64) -> Self {
        Self { variances: vec![variance; mean.len()], mean, axes: None }
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The eigenvalues of the covariance, the largest first: as many as there are dimensions.
    #[must_use]
    pub fn eigenvalues(&self) -> &[f64] {
        &self.variances
    }

    /// The eigenvector of `eigenvalues()[j]`, of length 1; `None` where the covariance is a multiple of the identity and any will do.
    #[must_use]
    pub fn axis(&self, j: usize) -> Option<&[f64]> {
        self.axes.as_ref()?.chunks_exact(self.mean.len()).nth(j)
    }

    /// The variance, where the covariance was given as a multiple of the identity.
    pub(super) fn variance(&self) -> Option<f64> {
        if self.axes.is_none() { self.variances.first().copied() } else { None }
    }

    /// Turns standard normals into a datum: m + V √c z.
    pub(super) fn place(&self, z: &[f32], out: &mut [f64]) {
        out.copy_from_slice(&self.mean);
        match &self.axes {
            None => {
                for ((out, z), c) in out.iter_mut().zip(z).zip(&self.variances) {
                    *out += c.sqrt() * f64::from(*z);
                }
            }
            Some(axes) => {
                for ((axis, c), z) in axes.chunks_exact(self.mean.len()).zip(&self.variances).zip(z) {
                    add(out, c.sqrt() * f64::from(*z), axis);
                }
            }
        }
    }

    /// The coordinates y of x − αm along the axes.
    pub(crate) fn coordinates(&self, x: &[f64], alpha: f64, y: &mut [f64]) {
        match &self.axes {
            None => {
                for ((y, x), m) in y.iter_mut().zip(x).zip(&self.mean) {
                    *y = x - alpha * m;
                }
            }
            Some(axes) => {
                for (y, axis) in y.iter_mut().zip(axes.chunks_exact(self.mean.len())) {
                    *y = self.along(axis, x, alpha);
                }
            }
        }
    }

    /// The coordinates of a direction along the axes.
    pub(super) fn turn(&self, v: &[f64], t: &mut [f64]) {
        match &self.axes {
            None => t.copy_from_slice(v),
            Some(axes) => {
                for (t, axis) in t.iter_mut().zip(axes.chunks_exact(self.mean.len())) {
                    *t = axis.iter().zip(v).map(|(a, v)| a * v).sum();
                }
            }
        }
    }

    fn along(&self, axis: &[f64], x: &[f64], alpha: f64) -> f64 {
        axis.iter().zip(x).zip(&self.mean).map(|((v, x), m)| v * (x - alpha * m)).sum()
    }

    /// out += `weight`·(`keep`·m + V diag(`gain`) y).
    pub(super) fn add_affine(&self, weight: f64, keep: f64, gain: &[f64], y: &[f64], out: &mut [f64]) {
        add(out, weight * keep, &self.mean);
        match &self.axes {
            None => {
                for ((out, gain), y) in out.iter_mut().zip(gain).zip(y) {
                    *out += weight * gain * y;
                }
            }
            Some(axes) => {
                for ((axis, gain), y) in axes.chunks_exact(self.mean.len()).zip(gain).zip(y) {
                    add(out, weight * gain * y, axis);
                }
            }
        }
    }

    /// D, or the score, for a batch.
    fn affine(&self, what: Wanted, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        let dim = self.mean.len();
        check_batch(x, dim, at, out)?;
        if let Some(c) = self.variance() {
            for (row, (out, x)) in out.chunks_exact_mut(dim).zip(x.chunks_exact(dim)).enumerate() {
                let Share { gain, rest, .. } = Share::new(what, c, &at.row(row));
                for ((out, x), m) in out.iter_mut().zip(x).zip(&self.mean) {
                    *out = gain * x + rest * m;
                }
            }
            return Ok(());
        }
        let (mut y, mut gain) = (vec![0.0; dim], vec![0.0; dim]);
        let mut last = None;
        for (row, (out, x)) in out.chunks_exact_mut(dim).zip(x.chunks_exact(dim)).enumerate() {
            let level = at.row(row);
            if last != Some(level) {
                for (gain, c) in gain.iter_mut().zip(&self.variances) {
                    *gain = Share::new(what, *c, &level).gain;
                }
                last = Some(level);
            }
            self.coordinates(x, level.alpha, &mut y);
            out.fill(0.0);
            self.add_affine(1.0, what.keep(), &gain, &y, out);
        }
        Ok(())
    }
}

/// The eigenvalues of a symmetric matrix of finite numbers, the largest first, and its eigenvectors, one after another.
pub(crate) fn principal_axes(dim: usize, matrix: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
    let matrix = DMatrix::from_row_slice(dim, dim, matrix);
    let eigen = SymmetricEigen::try_new(matrix, f64::EPSILON, 1000 * dim)
        .ok_or_else(|| Error::argument("the eigenvalues of the covariance cannot be found"))?;
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]));
    let axes = order.iter().flat_map(|&j| eigen.eigenvectors.column(j).iter().copied().collect::<Vec<_>>()).collect();
    Ok((order.iter().map(|&j| eigen.eigenvalues[j]).collect(), axes))
}

/// Which affine function of x is wanted of a Gaussian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Denoised,
    Score,
}

impl Wanted {
    /// How much of the mean it holds at x = αm.
    pub(super) fn keep(self) -> f64 {
        match self {
            Wanted::Denoised => 1.0,
            Wanted::Score => 0.0,
        }
    }
}

/// Along an axis of variance c: what is wanted is `gain`·x + `rest`·m.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// w = α²c + σ².
    pub(super) variance: f64,
    pub(crate) gain: f64,
    pub(crate) rest: f64,
}

impl Share {
    #[inline]
    pub(crate) fn new(what: Wanted, c: f64, level: &Level) -> Self {
        let Level { alpha, sigma, .. } = *level;
        let variance = (alpha * alpha * c + sigma * sigma).max(SMALLEST);
        let (gain, rest) = match what {
            // A point stays the point, even where σ = 0 leaves no variance to divide by.
            Wanted::Denoised if c == 0.0 => (0.0, 1.0),
            // Not m + gain·(x − αm): in this form both corners are exact.
            Wanted::Denoised => (alpha * c / variance, sigma * sigma / variance),
            Wanted::Score => (-1.0 / variance, alpha / variance),
        };
        Self { variance, gain, rest }
    }
}

impl Density for Gaussian {
    fn name(&self) -> &str {
        "gaussian"
    }

    fn dim(&self) -> usize {
        self.mean.len()
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<f64> {
        let dim = self.mean.len();
        let mut out = vec![0.0; rows.len() * dim];
        for (out, z) in out.chunks_exact_mut(dim).zip(normals(rows, dim).chunks_exact(dim)) {
            self.place(z, out);
        }
        out
    }

    fn log_density(&self, x: &[f64], level: &Level) -> f64 {
        let dim = self.mean.len();
        if x.len() != dim {
            return f64::NAN;
        }
        let Level { alpha, sigma, .. } = *level;
        let noised = |c: f64| alpha * alpha * c + sigma * sigma;
        // ½ Σ y²/w and ½ Σ ln 2πw.
        let (mut distance, mut volume) = (0.0, 0.0);
        match &self.axes {
            None => {
                let w = noised(self.variances[0]);
                distance = x.iter().zip(&self.mean).map(|(x, m)| over(x - alpha * m, w)).sum();
                volume = dim as f64 * ln(TAU * w);
            }
            Some(axes) => {
                for (axis, c) in axes.chunks_exact(dim).zip(&self.variances) {
                    let w = noised(*c);
                    distance += over(self.along(axis, x, alpha), w);
                    volume += ln(TAU * w);
                }
            }
        }
        if distance == f64::INFINITY { f64::NEG_INFINITY } else { -0.5 * (distance + volume) }
    }

    fn denoise(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        self.affine(Wanted::Denoised, x, at, out)
    }

    fn denoise_along(
        &self,
        x: &[f64],
        at: At<'_>,
        tangent: &[f64],
        out: &mut [f64],
        product: &mut [f64],
    ) -> Result<()> {
        check_along(x, self.dim(), at, tangent, out, product)?;
        self.affine(Wanted::Denoised, x, at, out)?;
        let dim = self.dim();
        let (mut t, mut gain) = (vec![0.0; dim], vec![0.0; dim]);
        for (row, (product, v)) in product.chunks_exact_mut(dim).zip(tangent.chunks_exact(dim)).enumerate() {
            let level = at.row(row);
            for (gain, c) in gain.iter_mut().zip(&self.variances) {
                *gain = Share::new(Wanted::Denoised, *c, &level).gain;
            }
            self.turn(v, &mut t);
            product.fill(0.0);
            self.add_affine(1.0, 0.0, &gain, &t, product);
        }
        Ok(())
    }

    fn score(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        self.affine(Wanted::Score, x, at, out)
    }
}

/// y²/w, where 0/0 is 0: a point on the support of a singular Gaussian is at no distance from it.
fn over(y: f64, w: f64) -> f64 {
    if y == 0.0 { 0.0 } else { y / w * y }
}

fn add(out: &mut [f64], weight: f64, x: &[f64]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out += weight * x;
    }
}

fn check_mean(mean: &[f64]) -> Result<()> {
    if mean.is_empty() {
        return Err(Error::shape("a density needs at least one dimension").expected("a mean").got("no number"));
    }
    match mean.iter().find(|m| !m.is_finite()) {
        Some(bad) => Err(Error::argument("a mean must be finite").got(bad.to_string())),
        None => Ok(()),
    }
}
