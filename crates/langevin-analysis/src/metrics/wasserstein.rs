//! Wasserstein distances. Between samples of one size some permutation is the best coupling (Birkhoff), and [`super::assignment`] finds it. On a line it
//! is known: quantile to quantile. So for the sliced distance the samples are projected on many lines, coupled there exactly, and the squared costs
//! are averaged.

use super::assignment::assign;
use super::{check, square};
use langevin::error::{Error, Result};
use langevin::noise::{SampleId, draws, fill_normals};

/// The largest samples of [`wasserstein`]: 2 GiB of costs, and most of a minute.
const MOST_ROWS: usize = 1 << 14;

/// The Wasserstein distance $W_2$ between two samples of n rows each, in the units of the data:
///
/// $$W_2^2 = \min_\pi \tfrac1n\sum_i \lVert x_i - y_{\pi(i)}\rVert^2.$$
///
/// It is exact for the two samples. As an estimate of the distance between what they are drawn from it is high: two samples of one distribution in the
/// plane are of the order √(ln n/n) apart, so compare it with the distance between two samples of the data. It takes 8n² bytes and O(n³) operations.
///
/// ```
/// use langevin_analysis::metrics::wasserstein;
/// // The rows in another order are the same sample; moved by (3, 4) they are 5 away.
/// assert_eq!(wasserstein(&[0.0, 0.0, 1.0, 1.0], &[4.0, 5.0, 3.0, 4.0], 2)?, 5.0);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// An empty sample, one that is not whole rows of `dim` elements, an element that is not finite, samples of different sizes or of more than 16384 rows,
/// or rows so far apart that the square of their distance is no number.
pub fn wasserstein(a: &[f64], b: &[f64], dim: usize) -> Result<f64> {
    let columns = pairing(a, b, dim)?;
    let total: f64 = columns.iter().zip(a.chunks_exact(dim)).map(|(j, x)| square(x, &b[j * dim..][..dim])).sum();
    Ok((total / columns.len() as f64).sqrt())
}

/// The permutation π behind [`wasserstein`]: row i of `a` goes to row π(i) of `b`, and all of them together the shortest way.
///
/// ```
/// use langevin_analysis::metrics::pairing;
/// assert_eq!(pairing(&[0.0, 5.0, 9.0], &[8.0, 1.0, 6.0], 1)?, [1, 2, 0]);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// As [`wasserstein`].
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
    // Sums of a few costs are formed.
    if cost.iter().any(|cost| *cost > f64::MAX / 16.0) {
        return Err(Error::argument("the samples are too far apart to measure")
            .expected("rows within about 10¹⁵³ of each other")
            .got("a squared distance out of range"));
    }
    Ok(assign(&cost, n).columns)
}

/// The sliced Wasserstein distance between two samples, in the units of the data: $\sqrt{\tfrac1P\sum_p W_2^2(\theta_p^\top X, \theta_p^\top Y)}$.
///
/// The P = `projections` directions are normals of `seed`, normalised; the same seed gives the same ones, and more projections keep the earlier ones. Each $W_2$
/// on the line is exact, for unequal sizes too. A shift by the vector d is a distance of ‖d‖/√dim in the mean over directions. In one
/// dimension every direction is the same, and this is $W_2$ itself.
///
/// ```
/// use langevin_analysis::metrics::sliced_wasserstein;
/// assert_eq!(sliced_wasserstein(&[0.0, 1.0], &[4.0, 3.0], 1, 1, 0)?, 3.0);
/// // One row against two: half the mass moves by 1, half by 3.
/// assert_eq!(sliced_wasserstein(&[0.0], &[1.0, 3.0], 1, 1, 0)?, 5.0_f64.sqrt());
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// An empty sample, one that is not whole rows of `dim` elements, an element that is not finite, or no projection.
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

fn normalise(z: &[f32], direction: &mut [f64]) {
    let norm = z.iter().map(|z| f64::from(*z) * f64::from(*z)).sum::<f64>().sqrt();
    for (direction, z) in direction.iter_mut().zip(z) {
        *direction = f64::from(*z) / norm;
    }
    if norm == 0.0 {
        // A normal of this crate is 0 once in 2³³: then any direction will do.
        direction.fill(0.0);
        direction[0] = 1.0;
    }
}

/// The projections of all rows, sorted.
fn project(rows: &[f64], direction: &[f64], out: &mut [f64]) {
    for (out, row) in out.iter_mut().zip(rows.chunks_exact(direction.len())) {
        *out = row.iter().zip(direction).map(|(x, d)| x * d).sum();
    }
    out.sort_unstable_by(f64::total_cmp);
}

/// $W_2^2$ of sorted samples: ∫ (F_a⁻¹ − F_b⁻¹)² du, a sum over the steps of both quantile functions.
fn squared(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as u128, b.len() as u128);
    // Mass is counted in units of 1/(n·m), in integers: a row of a has m, a row of b has n.
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
