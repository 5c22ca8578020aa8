//! Measures distances between samples.
//!
//! A sample is a slice of `rows × dim` numbers, row after row. Every row has the same weight.
//!
//! The Wasserstein distance is a minimum over the permutations π of n rows:
//!
//! $$W_2^2 = \min_\pi \tfrac1n\sum_i \lVert x_i - y_{\pi(i)}\rVert^2.$$
//!
//! The sliced Wasserstein distance is a mean over directions θ on the unit sphere:
//!
//! $$SW_2^2 = E_\theta W_2^2(\theta^\top X,\ \theta^\top Y), \qquad
//!   W_2^2(a, b) = \int_0^1 \bigl(F_a^{-1}(u) - F_b^{-1}(u)\bigr)^2 du.$$
//!
//! The energy distance is the square root of
//!
//! $$\mathcal E^2 = 2 E\lVert X - Y\rVert - E\lVert X - X^\prime\rVert -
//!   E\lVert Y - Y^\prime\rVert.$$
//!
//! | function | result | cost |
//! |---|---|---|
//! | [`wasserstein`] | the exact distance by which mass must move, for samples of equal size | n³ |
//! | [`sliced_wasserstein`] | the distance by which mass must move, on average over P directions | P·n log n |
//! | [`energy_distance`] | a metric without parameters that is 0 only for equal samples | n² |
//! | [`two_sample_accuracy`] | the accuracy of a classifier that separates the two samples | n² |
//! | [`nearest_distances`] | distances to the nearest row, which reveal copies of the data | n² |
//! | [`neighbour_surprise`] | −log p of the data under their own density | n² |
//! | [`Estimate`] | a mean with its standard error | n |
//! | [`quantile`] | a quantile of a list of numbers | n log n |
//!
//! Source: Rabin et al., "Wasserstein barycenter and its application to texture mixing", 2011;
//! Székely & Rizzo, "Energy statistics", 2013.

mod assignment;
mod entropy;
mod estimate;
mod two_sample;
mod wasserstein;

pub use entropy::neighbour_surprise;
pub use estimate::Estimate;
pub use two_sample::two_sample_accuracy;
pub use wasserstein::{pairing, sliced_wasserstein, wasserstein};

use langevin::error::{Error, Result};

/// Returns the energy distance between two samples, in the units of the data: $\sqrt{2 E\lVert
/// X-Y\rVert - E\lVert X-X^\prime\rVert - E\lVert Y-Y^\prime\rVert}$, the root and not its square.
///
/// The means run over *all* pairs, including each row with itself (V-statistics). The result is
/// therefore the distance between the two empirical distributions: a metric, never negative, and
/// exactly 0 between a sample and itself. Leaving out the pairs of a row with itself would make the
/// square unbiased. The square would then be negative about half the time for equal distributions,
/// and would have no root.
///
/// The bias sets a floor. Two samples of n and m rows from one distribution have
/// $E \mathcal E^2 = (\tfrac1n + \tfrac1m) E\lVert X-X^\prime\rVert$. The square is a difference of
/// means, so a distance below about 10⁻⁸ of the spread of the data is rounding error.
///
/// # Errors
/// Returns an error if a sample is empty, is not whole rows of `dim` elements, or holds a number
/// that is not finite.
///
/// # Examples
/// ```
/// use langevin_analysis::metrics::energy_distance;
/// // Two points, 2 apart: √(2·2).
/// assert_eq!(energy_distance(&[0.0, 0.0], &[0.0, 2.0], 2)?, 2.0);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn energy_distance(a: &[f64], b: &[f64], dim: usize) -> Result<f64> {
    check("the first sample", a, dim)?;
    check("the second sample", b, dim)?;
    // All three sums use the same order of operations, so they cancel exactly between equal
    // samples.
    let square = 2.0 * mean_distance(a, b, dim) - mean_distance(a, a, dim) - mean_distance(b, b, dim);
    Ok(square.max(0.0).sqrt())
}

/// Returns the mean of ‖x − y‖ over all pairs.
fn mean_distance(a: &[f64], b: &[f64], dim: usize) -> f64 {
    let mut total = 0.0;
    for x in a.chunks_exact(dim) {
        // One sum per row keeps the rounding error proportional to n + m instead of n·m.
        total += b.chunks_exact(dim).map(|y| square(x, y).sqrt()).sum::<f64>();
    }
    total / ((a.len() / dim) as f64 * (b.len() / dim) as f64)
}

/// The terms of a squared [`energy_distance`] that depend on the rows of the first sample, for
/// resampling these rows.
pub(crate) struct EnergyTerms {
    across: Vec<f64>,
    within: Vec<f64>,
}

impl EnergyTerms {
    /// Computes the terms of `samples` against `data`.
    pub(crate) fn of(samples: &[f64], data: &[f64], dim: usize) -> Self {
        let across = samples.chunks_exact(dim).map(|x| mean_distance(x, data, dim)).collect();
        let rows = || samples.chunks_exact(dim);
        let within = rows().flat_map(|x| rows().map(move |y| square(x, y).sqrt())).collect();
        Self { across, within }
    }

    /// Returns the squared distance of the rows at `places`, without the term of the data alone.
    pub(crate) fn square(&self, places: &[usize]) -> f64 {
        let n = places.len() as f64;
        let across: f64 = places.iter().map(|i| self.across[*i]).sum();
        let row = |i: usize| {
            let row = &self.within[i * self.across.len()..(i + 1) * self.across.len()];
            places.iter().map(|j| row[*j]).sum::<f64>()
        };
        let within: f64 = places.iter().map(|i| row(*i)).sum();
        2.0 * across / n - within / (n * n)
    }
}

/// Returns the Euclidean distance of each row of `queries` to the nearest row of `references`.
///
/// Set `exclude_self` if both samples are the same rows: row i of `references` is then left out for
/// query i. A copy of the row elsewhere in the sample still counts, with distance 0.
///
/// # Errors
/// Returns an error if a sample is empty, is not whole rows of `dim` elements, or holds a number
/// that is not finite. With `exclude_self`, it also returns an error if the samples have different
/// sizes or only one row.
///
/// # Examples
/// ```
/// use langevin_analysis::metrics::nearest_distances;
/// let data = [0.0, 1.0, 5.0];
/// assert_eq!(nearest_distances(&[0.9, 7.0], &data, 1, false)?, [1.0 - 0.9, 2.0]);
/// assert_eq!(nearest_distances(&data, &data, 1, true)?, [1.0, 1.0, 4.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn nearest_distances(queries: &[f64], references: &[f64], dim: usize, exclude_self: bool) -> Result<Vec<f64>> {
    check("the queries", queries, dim)?;
    check("the references", references, dim)?;
    if exclude_self {
        if queries.len() != references.len() {
            return Err(Error::shape("rows can be skipped only if both samples are the same")
                .expected(format!("{} rows of references", queries.len() / dim))
                .got((references.len() / dim).to_string()));
        }
        if queries.len() == dim {
            return Err(Error::argument("a single row has no neighbour").expected("at least 2 rows").got("1"));
        }
    }
    let nearest = |(i, x): (usize, &[f64])| {
        let mut best = f64::INFINITY;
        for (j, y) in references.chunks_exact(dim).enumerate() {
            let square = square(x, y);
            if square < best && !(exclude_self && i == j) {
                best = square;
            }
        }
        best.sqrt()
    };
    Ok(queries.chunks_exact(dim).enumerate().map(nearest).collect())
}

/// Returns the `ratio` quantile of values in any order, interpolated linearly between neighbours.
///
/// A ratio of 0 gives the smallest value, ½ the median and 1 the largest value.
///
/// # Errors
/// Returns an error if there are no values, if a value is not finite, or if `ratio` is outside [0,
/// 1].
///
/// # Examples
/// ```
/// use langevin_analysis::metrics::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.5)?, 2.5);
/// assert!(quantile(&[1.0], 1.5).is_err());
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn quantile(values: &[f64], ratio: f64) -> Result<f64> {
    check("the values", values, 1)?;
    if !(0.0..=1.0).contains(&ratio) {
        return Err(Error::argument("a quantile is asked for outside the data")
            .expected("a ratio in [0, 1]")
            .got(ratio.to_string()));
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(langevin::math::quantile_sorted(&sorted, ratio))
}

/// Returns ‖x − y‖².
fn square(x: &[f64], y: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (x, y) in x.iter().zip(y) {
        let d = x - y;
        sum += d * d;
    }
    sum
}

/// Checks that a sample has at least one row, only whole rows, and only finite numbers.
fn check(what: &str, values: &[f64], dim: usize) -> Result<()> {
    if dim == 0 {
        return Err(Error::shape("rows need at least one element").expected("dim ≥ 1").got("0"));
    }
    if values.is_empty() {
        return Err(Error::shape(format!("{what}: there is nothing to measure"))
            .expected("at least one row")
            .got("none"));
    }
    if !values.len().is_multiple_of(dim) {
        return Err(Error::shape(format!("{what}: not whole rows"))
            .expected(format!("a multiple of {dim} elements"))
            .got(values.len().to_string()));
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::argument(format!("{what}: not finite"))
            .at(format!("row {}, element {}", at / dim, at % dim))
            .got(values[at].to_string())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
