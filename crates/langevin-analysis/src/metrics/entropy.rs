//! Estimates −log p of data under their own density from distances to nearest neighbours.
//!
//! Suppose that the k-th nearest of the N − 1 other rows lies at distance ρ. Then a ball of radius
//! ρ holds about k/N of the mass. The following estimate is unbiased if the density is constant
//! over the ball:
//!
//! $$-\log\hat p(x) = \psi(N) - \psi(k) + \ln V_d + d\ln\rho_k(x), \qquad
//!   V_d = \frac{\pi^{d/2}}{\Gamma(d/2+1)} .$$
//!
//! A density that varies over the ball is averaged over it, and the estimate is then usually too
//! large. More rows and a smaller k reduce this bias.
//!
//! Source: Kozachenko & Leonenko, 1987; Kraskov, Stögbauer & Grassberger, arXiv cond-mat/0305641.

use super::{check, square};
use langevin::error::{Error, Result};
use langevin::math::ln;

/// Estimates −log p, in nats, of the first `count` rows from the `k`-th nearest neighbour of each
/// among all other rows.
///
/// The mean of the result estimates the entropy of the data. The estimate is good for few
/// dimensions and many rows; the cost is `count` × rows. A row with k copies gets −∞, because such
/// data have no density.
///
/// # Errors
/// Returns an error if the sample is empty, is not whole rows of `dim` elements, or holds a number
/// that is not finite. It also returns an error if `count` exceeds the number of rows, or if `k` is
/// not in 1..rows.
///
/// # Examples
/// ```
/// use langevin_analysis::metrics::neighbour_surprise;
/// // Two rows a distance ρ apart, k = 1: ψ(2) − ψ(1) + ln 2 + ln ρ.
/// let found = neighbour_surprise(&[0.0, 3.0], 1, 2, 1)?;
/// assert!((found[0] - (1.0 + 6.0_f64.ln())).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn neighbour_surprise(data: &[f64], dim: usize, count: usize, k: usize) -> Result<Vec<f64>> {
    check("the data", data, dim)?;
    let rows = data.len() / dim;
    if count > rows {
        return Err(Error::argument("more rows are asked for than there are")
            .expected(format!("at most {rows}"))
            .got(count.to_string()));
    }
    if !(1..rows).contains(&k) {
        return Err(Error::argument("no such neighbour")
            .expected(format!("k from 1 to {}", rows - 1))
            .got(k.to_string()));
    }
    // ψ(N) − ψ(k), summed from the smallest term up so that rounding stays small.
    let digamma: f64 = (k..rows).rev().map(|i| 1.0 / i as f64).sum();
    let known = digamma + log_ball(dim);
    let one = |(i, x): (usize, &[f64])| {
        // The k smallest squared distances so far, in ascending order.
        let mut nearest = vec![f64::INFINITY; k];
        for (_, y) in data.chunks_exact(dim).enumerate().filter(|(j, _)| *j != i) {
            let square = square(x, y);
            if square < nearest[k - 1] {
                let at = nearest.partition_point(|known| *known <= square);
                nearest[at..].rotate_right(1);
                nearest[at] = square;
            }
        }
        known + 0.5 * dim as f64 * ln(nearest[k - 1])
    };
    Ok(data.chunks_exact(dim).take(count).enumerate().map(one).collect())
}

/// Returns ln V_d, by V_0 = 1, V_1 = 2, V_d = V_{d−2}·2π/d.
fn log_ball(dim: usize) -> f64 {
    let first = if dim.is_multiple_of(2) { 0.0 } else { std::f64::consts::LN_2 };
    let steps = (1..=dim).filter(|n| n % 2 == dim % 2 && *n >= 2);
    steps.fold(first, |sum, n| sum + ln(std::f64::consts::TAU / n as f64))
}
