//! Implements the empirical distribution of a data set, $p = \tfrac1n\sum_i \delta_{x_i}$.
//!
//! A network of unlimited capacity would memorise the data and reproduce this distribution.
//!
//! $$p_t(x) = \tfrac1n\sum_i \mathcal N(x;\ \alpha x_i,\ \sigma^2 I), \qquad
//!   D(x) = \sum_i r_i x_i, \qquad
//!   r = \operatorname{softmax}_i\Bigl(-\frac{\lVert x - \alpha x_i\rVert^2}{2\sigma^2}\Bigr).$$

use super::mixture::LogSum;
use super::{Density, NEGLIGIBLE, check_along, check_batch};
use langevin::error::{Error, Result};
use langevin::math::{exp, ln};
use langevin::model::At;
use langevin::noise::{SampleId, draws, fill_uniforms};
use langevin::process::Level;
use std::f64::consts::TAU;

/// The exact denoiser of a data set.
///
/// It is exact for the *empirical* distribution: a sampler that runs to σ = 0 returns rows of the
/// data and nothing new. At σ = 0 the denoised prediction is the nearest row, or the mean of the
/// nearest rows if several are equally near.
///
/// Each row of a batch costs `rows × dim` operations. Nothing is approximated.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{DataSet, Density};
/// use langevin::model::At;
/// use langevin::Level;
/// let data = DataSet::new(vec![0.0, 0.0, 3.0, 4.0], 2)?;
/// let mut denoised = [0.0; 2];
/// let level = Level { time: 1.0, alpha: 1.0, sigma: 1.0 };
/// // Half-way between the two rows, both have the same weight.
/// data.denoise(&[1.5, 2.0], At::One(level), &mut denoised)?;
/// assert_eq!(denoised, [1.5, 2.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    values: Vec<f64>,
    dim: usize,
}

impl DataSet {
    /// Creates a data set from rows of `dim` elements, one after another.
    ///
    /// # Errors
    /// Returns an error if there is no dimension or no row, if the last row is not whole, or if a
    /// value is not finite.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::exact::DataSet;
    /// let data = DataSet::new(vec![0.0, 0.0, 3.0, 4.0], 2)?;
    /// assert_eq!((data.rows(), data.values()[2]), (2, 3.0));
    /// assert!(DataSet::new(vec![1.0, 2.0, 3.0], 2).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn new(values: Vec<f64>, dim: usize) -> Result<Self> {
        if dim == 0 || values.is_empty() || !values.len().is_multiple_of(dim) {
            return Err(Error::shape("a data set is at least one row, all of them whole")
                .expected("a positive multiple of the dimension")
                .got(format!("{} elements in dimension {dim}", values.len())));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::argument("a data set must be finite")
                .at(format!("row {}, element {}", at / dim, at % dim))
                .got(values[at].to_string()));
        }
        Ok(Self { values, dim })
    }

    /// Returns the rows, one after another.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len() / self.dim
    }
}

impl DataSet {
    /// Computes the posterior weight of each row as the datum of `x`, and returns the sum of the
    /// weights.
    ///
    /// Negligible weights are set to 0.
    fn posterior(&self, x: &[f64], level: &Level, shares: &mut [f64]) -> f64 {
        let Level { alpha, sigma, .. } = *level;
        let mut nearest = f64::INFINITY;
        for (share, row) in shares.iter_mut().zip(self.values.chunks_exact(self.dim)) {
            *share = square(x, alpha, row);
            nearest = nearest.min(*share);
        }
        let mut total = 0.0;
        for share in shares.iter_mut() {
            let beyond = *share - nearest;
            // The nearest row has weight 1 for any σ, so 0/0 is never formed and σ² never
            // underflows.
            let below = if beyond == 0.0 { 0.0 } else { -0.5 * (beyond / sigma / sigma) };
            *share = if below < NEGLIGIBLE { 0.0 } else { exp(below) };
            total += *share;
        }
        total
    }

    /// Computes D from the weights of the rows.
    fn blend(&self, shares: &[f64], total: f64, out: &mut [f64]) {
        out.fill(0.0);
        for (r, row) in shares.iter().zip(self.values.chunks_exact(self.dim)).filter(|(r, _)| **r > 0.0) {
            for (out, value) in out.iter_mut().zip(row) {
                *out += r * value;
            }
        }
        out.iter_mut().for_each(|out| *out /= total);
    }
}

/// Returns ‖x − αm‖² from differences; the expanded square would lose all digits at small σ.
fn square(x: &[f64], alpha: f64, m: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (x, m) in x.iter().zip(m) {
        let d = x - alpha * m;
        sum += d * d;
    }
    sum
}

impl Density for DataSet {
    fn name(&self) -> &str {
        "data-set"
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<f64> {
        let mut out = Vec::with_capacity(rows.len() * self.dim);
        for row in rows {
            let mut u = [0.0];
            fill_uniforms(*row, draws::EXACT_UNIFORMS.first(), &mut u);
            let i = ((u[0] * self.rows() as f64) as usize).min(self.rows() - 1);
            out.extend_from_slice(&self.values[i * self.dim..][..self.dim]);
        }
        out
    }

    fn log_density(&self, x: &[f64], level: &Level) -> f64 {
        if x.len() != self.dim {
            return f64::NAN;
        }
        let mut sum = LogSum::new();
        for row in self.values.chunks_exact(self.dim) {
            let square = square(x, level.alpha, row);
            sum.add(if square == 0.0 { 0.0 } else { -0.5 * (square / level.sigma / level.sigma) });
        }
        let distance = sum.value();
        if distance == f64::NEG_INFINITY {
            return distance;
        }
        let volume = self.dim as f64 * (0.5 * ln(TAU) + ln(level.sigma));
        distance - ln(self.rows() as f64) - volume
    }

    fn denoise(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        check_batch(x, self.dim, at, out)?;
        let mut shares = vec![0.0; self.rows()];
        for (row, (out, x)) in out.chunks_exact_mut(self.dim).zip(x.chunks_exact(self.dim)).enumerate() {
            let total = self.posterior(x, &at.row(row), &mut shares);
            self.blend(&shares, total, out);
        }
        Ok(())
    }

    /// Uses $J v = \tfrac{\alpha}{\sigma^2}\sum_i r_i (x_i - D)(x_i - D)\cdot v$. At σ = 0 the
    /// product is 0, because D is the nearest row and does not change.
    fn denoise_along(
        &self,
        x: &[f64],
        at: At<'_>,
        tangent: &[f64],
        out: &mut [f64],
        product: &mut [f64],
    ) -> Result<()> {
        check_along(x, self.dim, at, tangent, out, product)?;
        let mut shares = vec![0.0; self.rows()];
        let rows = x.chunks_exact(self.dim).zip(tangent.chunks_exact(self.dim));
        let outs = out.chunks_exact_mut(self.dim).zip(product.chunks_exact_mut(self.dim));
        for (row, ((x, v), (out, product))) in rows.zip(outs).enumerate() {
            let level = at.row(row);
            let total = self.posterior(x, &level, &mut shares);
            self.blend(&shares, total, out);
            product.fill(0.0);
            if level.sigma == 0.0 {
                continue;
            }
            for (r, row) in shares.iter().zip(self.values.chunks_exact(self.dim)).filter(|(r, _)| **r > 0.0) {
                let along: f64 = row.iter().zip(out.iter()).zip(v).map(|((value, d), v)| (value - d) * v).sum();
                let moved = r / total * (level.alpha * along / level.sigma / level.sigma);
                for ((product, value), d) in product.iter_mut().zip(row).zip(out.iter()) {
                    *product += moved * (value - d);
                }
            }
        }
        Ok(())
    }
}
