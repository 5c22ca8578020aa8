//! Distances between samples. A sample is `rows × dim` numbers, row after row; every row weighs the same.
//!
//! Wasserstein distance, over the permutations π of n rows:
//!
//! $$W_2^2 = \min_\pi \tfrac1n\sum_i \lVert x_i - y_{\pi(i)}\rVert^2.$$
//!
//! Sliced Wasserstein distance, over directions θ on the unit sphere:
//!
//! $$SW_2^2 = E_\theta W_2^2(\theta^\top X,\ \theta^\top Y), \qquad
//!   W_2^2(a, b) = \int_0^1 \bigl(F_a^{-1}(u) - F_b^{-1}(u)\bigr)^2 du.$$
//!
//! Energy distance, the root of
//!
//! $$\mathcal E^2 = 2 E\lVert X - Y\rVert - E\lVert X - X'\rVert - E\lVert Y - Y'\rVert.$$
//!
//! | function | what it tells | cost |
//! |---|---|---|
//! | [`wasserstein`] | how far the mass must move, exactly, for samples of one size | n³ |
//! | [`sliced_wasserstein`] | how far the mass must move, on average over directions | P·n log n |
//! | [`energy_distance`] | whether two samples differ at all, with no choice to make | n² |
//! | [`two_sample_accuracy`] | whether the two samples can be told apart | n² |
//! | [`nearest_distances`] | whether samples copy the data | n² |
//! | [`neighbour_surprise`] | −log p of the data under their own density | n² |
//! | [`Estimate`] | a mean, and its standard error | n |
//! | [`quantile`] | a summary of many numbers | n log n |
//!
//! Source: Rabin et al., "Wasserstein barycenter and its application to texture mixing", 2011; Székely & Rizzo, "Energy statistics", 2013.

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

/// The energy distance between two samples, in the units of the data:
/// $\sqrt{2 E\lVert X-Y\rVert - E\lVert X-X'\rVert - E\lVert Y-Y'\rVert}$, the root, not its square.
///
/// The means run over *all* pairs, a row with itself among them (V-statistics). So this is the distance between the two empirical
/// distributions: a metric, never negative, and exactly 0 between a sample and itself. Without the pairs of a row with itself the
/// square would be unbiased, but negative about half the time where the distributions agree, and would have no root. The price is a
/// floor: two samples of n and m rows from one distribution have $E \mathcal E^2 = (\tfrac1n + \tfrac1m) E\lVert X-X'\rVert$.
///
/// The square is a difference of means: below about 10⁻⁸ of the spread of the data the root is rounding.
///
/// ```
/// use langevin_analysis::metrics::energy_distance;
/// // Two points, 2 apart: √(2·2).
/// assert_eq!(energy_distance(&[0.0, 0.0], &[0.0, 2.0], 2)?, 2.0);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// An empty sample, one that is not whole rows of `dim` elements, or an element that is not finite.
pub fn energy_distance(a: &[f64], b: &[f64], dim: usize) -> Result<f64> {
    check("the first sample", a, dim)?;
    check("the second sample", b, dim)?;
    // The three sums are formed alike, so that they cancel to the last bit between equal samples.
    let square = 2.0 * mean_distance(a, b, dim) - mean_distance(a, a, dim) - mean_distance(b, b, dim);
    Ok(square.max(0.0).sqrt())
}

/// The mean of ‖x − y‖ over all pairs.
fn mean_distance(a: &[f64], b: &[f64], dim: usize) -> f64 {
    let mut total = 0.0;
    for x in a.chunks_exact(dim) {
        // Summed by rows: the error grows with n + m, not with n·m.
        total += b.chunks_exact(dim).map(|y| square(x, y).sqrt()).sum::<f64>();
    }
    total / ((a.len() / dim) as f64 * (b.len() / dim) as f64)
}

/// The Euclidean distance of every row of `queries` to the nearest row of `references`.
///
/// With `exclude_self` the two are the same rows, and a row is not its own neighbour: row i of `references` is left out for query i. A copy
/// elsewhere in the sample still counts, at distance 0.
///
/// ```
/// use langevin_analysis::metrics::nearest_distances;
/// let data = [0.0, 1.0, 5.0];
/// assert_eq!(nearest_distances(&[0.9, 7.0], &data, 1, false)?, [1.0 - 0.9, 2.0]);
/// assert_eq!(nearest_distances(&data, &data, 1, true)?, [1.0, 1.0, 4.0]);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// An empty sample, one that is not whole rows of `dim` elements, or an element that is not finite; with `exclude_self`, samples of different
/// sizes, or a single row, which has no neighbour.
pub fn nearest_distances(queries: &[f64], references: &[f64], dim: usize, exclude_self: bool) -> Result<Vec<f64>> {
    check("the queries", queries, dim)?;
    check("the references", references, dim)?;
    if exclude_self {
        if queries.len() != references.len() {
            return Err(Error::shape("a row can only be told from itself where both samples are the same")
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

/// The `ratio` quantile of values in any order, linear between neighbours: 0 gives the smallest, ½ the median, 1 the largest.
///
/// ```
/// use langevin_analysis::metrics::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.5)?, 2.5);
/// assert!(quantile(&[1.0], 1.5).is_err());
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// No values, a value that is not finite, or a ratio outside [0, 1].
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

/// ‖x − y‖².
fn square(x: &[f64], y: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (x, y) in x.iter().zip(y) {
        let d = x - y;
        sum += d * d;
    }
    sum
}

/// Whether a sample is one: some rows, all whole, all finite.
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
