//! Implements a single Gaussian.
//!
//! With the eigenvalues $c_j$ of its covariance $C = V \mathrm{diag}(c) V^\top$ and
//! $w_j = \alpha^2 c_j + \sigma^2$,
//!
//! $$\log p_t(x) = -\tfrac12\sum_j\Bigl(\frac{y_j^2}{w_j} + \ln 2\pi w_j\Bigr), \qquad
//!   D = m + V \mathrm{diag}\Bigl(\frac{\alpha c_j}{w_j}\Bigr) y, \qquad
//!   y = V^\top(x - \alpha m).$$

use super::{Density, check_along, check_batch, normals};
use crate::rows::{centred, check_rows, covariance};
use langevin::error::{Error, Result};
use langevin::math::ln;
use langevin::model::At;
use langevin::noise::SampleId;
use langevin::process::Level;
use nalgebra::{DMatrix, SymmetricEigen};
use std::f64::consts::TAU;

/// The smallest variance: its inverse times the square of any realistic length stays finite.
const SMALLEST: f64 = 1e-200;

/// A Gaussian with any covariance, $\mathcal N(m, C)$.
///
/// # Examples
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
    /// The eigenvalues of the covariance; all equal if `axes` is `None`.
    variances: Vec<f64>,
    /// The eigenvectors, one after another; `None` for a multiple of the identity.
    axes: Option<Vec<f64>>,
}

impl Gaussian {
    /// Creates a Gaussian from its mean (`dim` numbers) and covariance (`dim × dim`, row after
    /// row).
    ///
    /// The covariance may be singular. Its eigenvalues are computed once, here.
    ///
    /// # Errors
    /// Returns an error if there is no dimension, if the sizes do not fit, or if a number is not
    /// finite. It also returns an error if the matrix is not symmetric and positive semi-definite,
    /// up to 10⁻¹² of its largest entry.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::exact::Gaussian;
    /// let data = Gaussian::new(vec![0.0, 0.0], &[4.0, 0.0, 0.0, 1.0])?;
    /// assert_eq!(data.eigenvalues(), [4.0, 1.0]);
    /// assert!(Gaussian::new(vec![0.0], &[-1.0]).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Creates the Gaussian with the mean and the covariance of rows of `width` numbers, with
    /// divisor n.
    ///
    /// # Errors
    /// Returns an error if there are no rows, if rows are not whole, if a number is not finite, or
    /// if the covariance overflows `f64`.
    ///
    /// # Examples
    /// ```
    /// let data = langevin_analysis::exact::Gaussian::fit(&[0.0, 1.0, 2.0, 1.0], 2)?;
    /// assert_eq!((data.mean(), data.eigenvalues()), (&[1.0, 1.0][..], &[1.0, 0.0][..]));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn fit(rows: &[f64], width: usize) -> Result<Self> {
        check_rows(rows, width)?;
        let (mean, centred) = centred(rows, width);
        Self::new(mean, &covariance(&centred, width))
    }

    /// Creates a Gaussian whose covariance is `variance` times the identity.
    ///
    /// # Errors
    /// Returns an error if there is no dimension, if a number is not finite, or if the variance is
    /// negative.
    ///
    /// # Examples
    /// ```
    /// let data = langevin_analysis::exact::Gaussian::isotropic(vec![0.0, 1.0], 0.7)?;
    /// assert_eq!(data.eigenvalues(), [0.7, 0.7]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn isotropic(mean: Vec<f64>, variance: f64) -> Result<Self> {
        check_mean(&mean)?;
        if !(variance.is_finite() && variance >= 0.0) {
            return Err(Error::argument("a variance must be finite and not negative").got(variance.to_string()));
        }
        Ok(Self::round(mean, variance))
    }

    /// Creates an isotropic Gaussian from numbers already checked.
    pub(super) fn round(mean: Vec<f64>, variance: f64) -> Self {
        Self { variances: vec![variance; mean.len()], mean, axes: None }
    }

    /// Returns the mean.
    ///
    /// # Examples
    /// ```
    /// let data = langevin_analysis::exact::Gaussian::isotropic(vec![1.0, 2.0], 1.0)?;
    /// assert_eq!(data.mean(), [1.0, 2.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Returns the eigenvalues of the covariance, largest first, one per dimension.
    ///
    /// # Examples
    /// ```
    /// let data = langevin_analysis::exact::Gaussian::new(vec![0.0, 0.0], &[1.0, 0.0, 0.0, 9.0])?;
    /// assert_eq!(data.eigenvalues(), [9.0, 1.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn eigenvalues(&self) -> &[f64] {
        &self.variances
    }

    /// Returns the unit eigenvector of `eigenvalues()[j]`.
    ///
    /// Returns `None` if the covariance was given as a multiple of the identity, for which every
    /// direction is an eigenvector.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::exact::Gaussian;
    /// let data = Gaussian::new(vec![0.0, 0.0], &[1.0, 0.0, 0.0, 4.0])?;
    /// let axis = data.axis(0).expect("a full covariance");
    /// assert_eq!((axis[0].abs(), axis[1].abs()), (0.0, 1.0));
    /// assert!(Gaussian::isotropic(vec![0.0], 1.0)?.axis(0).is_none());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn axis(&self, j: usize) -> Option<&[f64]> {
        self.axes.as_ref()?.chunks_exact(self.mean.len()).nth(j)
    }

    /// Returns the variance if the covariance was given as a multiple of the identity.
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

    /// Computes the coordinates y of x − αm along the axes.
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

    /// Computes the coordinates of a direction along the axes.
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

    /// Adds `weight`·(`keep`·m + V diag(`gain`) y) to `out`.
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

    /// Computes D or the score for a batch.
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

/// Returns the eigenvalues of a symmetric matrix of finite numbers, largest first, and its
/// eigenvectors, one after another.
pub(crate) fn principal_axes(dim: usize, matrix: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
    let matrix = DMatrix::from_row_slice(dim, dim, matrix);
    let eigen = SymmetricEigen::try_new(matrix, f64::EPSILON, 1000 * dim)
        .ok_or_else(|| Error::argument("the eigenvalues of the covariance cannot be found"))?;
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]));
    let axes = order.iter().flat_map(|&j| eigen.eigenvectors.column(j).iter().copied().collect::<Vec<_>>()).collect();
    Ok((order.iter().map(|&j| eigen.eigenvalues[j]).collect(), axes))
}

/// The affine function of x to compute for a Gaussian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Denoised,
    Score,
}

impl Wanted {
    /// Returns the coefficient of the mean in the function's value at x = αm.
    pub(super) fn keep(self) -> f64 {
        match self {
            Wanted::Denoised => 1.0,
            Wanted::Score => 0.0,
        }
    }
}

/// The function along an axis of variance c: `gain`·x + `rest`·m.
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
            // The point itself, even at σ = 0, where no variance is left to divide by.
            Wanted::Denoised if c == 0.0 => (0.0, 1.0),
            // This form is exact in both limits, unlike m + gain·(x − αm).
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
        // Accumulates Σ y²/w and Σ ln 2πw; the factor ½ follows below.
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

/// Returns y²/w with 0/0 = 0: a point on the support of a singular Gaussian has distance 0 from it.
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
