//! Eigenvalues of the normalised Laplacian by Jacobi rotations.
//!
//! Each rotation makes one element outside the diagonal zero, and the sum of the squares of all of
//! them falls with every sweep, in the end quadratically.
//!
//! Source: Golub & Van Loan, Matrix Computations, section 8.5.

use super::Adjacency;

/// Largest number of sweeps; about seven are needed for 64 nodes.
const SWEEPS: usize = 64;
/// Square sum of the elements outside the diagonal at which the eigenvalues are exact to about
/// 1e-14.
const SMALL: f64 = 1e-28;

/// Returns the eigenvalues in ascending order.
pub(super) fn eigenvalues(graph: &Adjacency) -> Vec<f64> {
    let n = graph.nodes();
    let degrees = graph.degrees();
    let mut m = vec![0.0; n * n];
    for a in 0..n {
        for b in 0..n {
            if graph.has_edge(a, b) {
                m[a * n + b] = -1.0 / libm::sqrt((degrees[a] * degrees[b]) as f64);
            }
        }
        m[a * n + a] = if degrees[a] > 0 { 1.0 } else { 0.0 };
    }
    for _ in 0..SWEEPS {
        let outside = (0..n * n).filter(|k| k / n != k % n).map(|k| m[k] * m[k]).sum::<f64>();
        if outside < SMALL {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut m, n, p, q);
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|k| m[k * n + k]).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Makes element (p, q) of a symmetric matrix zero.
fn rotate(m: &mut [f64], n: usize, p: usize, q: usize) {
    let off = m[p * n + q];
    if off == 0.0 {
        return;
    }
    let theta = (m[q * n + q] - m[p * n + p]) / (2.0 * off);
    let root = libm::fabs(theta) + libm::sqrt(theta * theta + 1.0);
    let t = if theta < 0.0 { -1.0 / root } else { 1.0 / root };
    let c = 1.0 / libm::sqrt(t * t + 1.0);
    let s = t * c;
    for k in 0..n {
        let (a, b) = (m[k * n + p], m[k * n + q]);
        (m[k * n + p], m[k * n + q]) = (c * a - s * b, s * a + c * b);
    }
    for k in 0..n {
        let (a, b) = (m[p * n + k], m[q * n + k]);
        (m[p * n + k], m[q * n + k]) = (c * a - s * b, s * a + c * b);
    }
}
