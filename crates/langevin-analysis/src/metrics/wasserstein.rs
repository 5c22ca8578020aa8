//! Computes Wasserstein distances.
//!
//! Between samples of equal size a permutation is an optimal coupling (Birkhoff), and
//! [`super::assignment`] finds it. On a line the optimal coupling is known: quantile to quantile.
//! The sliced distance projects the samples on many lines, couples them there exactly, and averages
//! the squared costs.

use super::assignment::assign;
use super::{check, square};
use langevin::error::{Error, Result};
use langevin::noise::{SampleId, draws, fill_normals};

/// The largest number of rows that [`wasserstein`] accepts: it needs 2 GiB of costs and most of a
/// minute.
const MOST_ROWS: usize = 1 << 14;

/// Returns the Wasserstein distance $W_2$ between two samples of n rows each, in the units of the
/// data:
///
/// $$W_2^2 = \min_\pi \tfrac1n\sum_i \lVert x_i - y_{\pi(i)}\rVert^2.$$
///
/// The result is exact for the two samples. As an estimate of the distance between the
/// distributions behind them it is too high: two samples of one distribution in the plane are of
/// the order √(ln n/n) apart. Compare it with the distance between two samples of the data. The
/// function needs 8n² bytes and O(n³) operations.
///
/// # Errors
/// Returns an error if a sample is empty, is not whole rows of `dim` elements, or holds a number
/// that is not finite. It also returns an error if the samples have different sizes or more than
/// 16384 rows, or if a squared distance between two rows overflows.
///
/// # Examples
/// ```
/// use langevin_analysis::metrics::wasserstein;
/// // The second sample is the first in another order, moved by (3, 4): the distance is 5.
/// assert_eq!(wasserstein(&[0.0, 0.0, 1.0, 1.0], &[4.0, 5.0, 3.0, 4.0], 2)?, 5.0);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn wasserstein(a: &[f64], b: &[f64], dim: usize) -> Result<f64> {
    let columns = pairing(a, b, dim)?;
    let total: f64 = columns.iter().zip(a.chunks_exact(dim)).map(|(j, x)| square(x, &b[j * dim..][..dim])).sum();
    Ok((total / columns.len() as f64).sqrt())
}

/// Returns the optimal permutation π of [`wasserstein`]: row i of `a` is matched with row π(i) of
/// `b`.
///
/// # Errors
/// Returns an error under the conditions of [`wasserstein`].
///
/// # Examples
/// ```
/// use langevin_analysis::metrics::pairing;
/// assert_eq!(pairing(&[0.0, 5.0, 9.0], &[8.0, 1.0, 6.0], 1)?, [1, 2, 0]);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn pairing(a: &[f64], b: &[f64], dim: usize) -> Result<Vec<usize>> {
    check("the first sample", a, dim)?;
    check("the second sample", b, dim)?;
    let n = a.len() / dim;
    if a.len() != b.len() {
        return Err(Error::shape("an assignment needs samples of one size")
            .expected(format!("{n} rows in both"))
            .got(format!("{} in the second", b.len() / dim))
            .hinting("take as many rows of the larger; the sliced distance and the energy distance need not"));
    }
    if n > MOST_ROWS {
        return Err(Error::argument("the samples are too large to assign row to row")
            .expected(format!("at most {MOST_ROWS} rows"))
            .got(n.to_string())
            .hinting("take fewer rows, or the sliced distance"));
    }
    let mut cost = Vec::with_capacity(n * n);
    for x in a.chunks_exact(dim) {
        cost.extend(b.chunks_exact(dim).map(|y| square(x, y)));
    }
    // The assignment adds up a few costs, so each of them must stay well below the largest `f64`.
    if cost.iter().any(|cost| *cost > f64::MAX / 16.0) {
        return Err(Error::argument("the samples are too far apart to measure")
            .expected("rows within about 10¹⁵³ of each other")
            .got("a squared distance out of range"));
    }
    Ok(assign(&cost, n).columns)
}

/// Returns the sliced Wasserstein distance between two samples, in the units of the data:
/// $\sqrt{\tfrac1P\sum_p W_2^2(\theta_p^\top X, \theta_p^\top Y)}$.
///
/// The P = `projections` directions are normalised normal draws of `seed`. The same seed gives the
/// same directions, and a larger P keeps the earlier ones. Each $W_2$ on a line is exact, also for
/// samples of different sizes.
///
/// A shift by a vector d gives ‖d‖/√dim, in the root mean square over directions. In one dimension
/// all directions are equal, and the result is $W_2$ itself.
///
/// # Errors
/// Returns an error if a sample is empty, is not whole rows of `dim` elements, or holds a number
/// that is not finite, or if `projections` is 0.
///
/// # Examples
/// ```
/// use langevin_analysis::metrics::sliced_wasserstein;
/// assert_eq!(sliced_wasserstein(&[0.0, 1.0], &[4.0, 3.0], 1, 1, 0)?, 3.0);
/// // One row against two: half the mass moves by 1, half by 3.
/// assert_eq!(sliced_wasserstein(&[0.0], &[1.0, 3.0], 1, 1, 0)?, 5.0_f64.sqrt());
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn sliced_wasserstein(a: &[f64], b: &[f64], dim: usize, projections: usize, seed: u64) -> Result<f64> {
    check("the first sample", a, dim)?;
    check("the second sample", b, dim)?;
    if projections == 0 {
        return Err(Error::argument("a sliced distance needs at least one projection").got("0"));
    }
    let (mut on_a, mut on_b) = (vec![0.0; a.len() / dim], vec![0.0; b.len() / dim]);
    let (mut z, mut direction) = (vec![0.0_f32; dim], vec![0.0; dim]);
    let mut total = 0.0;
    for index in 0..projections as u64 {
        fill_normals(&[SampleId { seed, index }], draws::SLICED_DIRECTIONS.first(), dim, &mut z);
        normalise(&z, &mut direction);
        project(a, &direction, &mut on_a);
        project(b, &direction, &mut on_b);
        total += squared(&on_a, &on_b);
    }
    Ok((total / projections as f64).sqrt())
}

/// Writes the unit vector along `z` to `direction`.
fn normalise(z: &[f32], direction: &mut [f64]) {
    let norm = z.iter().map(|z| f64::from(*z) * f64::from(*z)).sum::<f64>().sqrt();
    for (direction, z) in direction.iter_mut().zip(z) {
        *direction = f64::from(*z) / norm;
    }
    if norm == 0.0 {
        // A normal draw of this crate is 0 once in 2³³ draws. Any direction is correct then.
        direction.fill(0.0);
        direction[0] = 1.0;
    }
}

/// Writes the projections of all rows on `direction` to `out`, sorted.
fn project(rows: &[f64], direction: &[f64], out: &mut [f64]) {
    for (out, row) in out.iter_mut().zip(rows.chunks_exact(direction.len())) {
        *out = row.iter().zip(direction).map(|(x, d)| x * d).sum();
    }
    out.sort_unstable_by(f64::total_cmp);
}

/// Returns $W_2^2$ of sorted samples: ∫ (F_a⁻¹ − F_b⁻¹)² du, a sum over the steps of both quantile
/// functions.
fn squared(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as u128, b.len() as u128);
    // Mass is counted in integer units of 1/(n·m): each row of `a` has mass m, each row of `b` mass
    // n.
    let (mut i, mut j, mut done) = (0, 0, 0);
    let mut total = 0.0;
    while i < a.len() && j < b.len() {
        let (end_a, end_b) = ((i as u128 + 1) * m, (j as u128 + 1) * n);
        let end = end_a.min(end_b);
        let gap = a[i] - b[j];
        total += (end - done) as f64 * gap * gap;
        i += usize::from(end_a == end);
        j += usize::from(end_b == end);
        done = end;
    }
    total / (n as f64 * m as f64)
}
