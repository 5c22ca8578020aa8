//! Muon: steps along the momentum of a matrix, made orthogonal.
//!
//! ```text
//! m ← μ m + (1−μ) g,   U = μ m + (1−μ) g
//! O = U (UᵀU)^(−1/2), the orthogonal matrix nearest to U
//! p ← p (1 − lr·wd) − lr · 0.4 √max(rows, columns) · O
//! ```
//!
//! O is approximated by five steps of X ← aX + b(XXᵀ)X + c(XXᵀ)²X from X = U/‖U‖, which moves
//! singular values from 0.002 to 1 into 0.68 to 1.21. Elements of O have a root mean square of
//! 1/√max(rows, columns), so that a step moves weights by about 0.4 lr. A step of AdamW moves them
//! by 0.2 to 0.4 lr, and one learning rate serves both.
//!
//! Sources: K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), for
//! the polynomial; Liu et al., arXiv 2502.16982, for the size of the step.

use crate::nn::kernels::matrix::{product, rows, rows_mut};
use pulp::Simd;

/// Share μ of the momentum that is kept.
const MOMENTUM: f32 = 0.9;
/// Root mean square of a step of learning rate 1.
const SIZE: f32 = 0.4;
/// Coefficients a, b and c of the polynomial, and the number of its steps.
const POLYNOMIAL: [f32; 3] = [3.4445, -4.7750, 2.0315];
const STEPS: usize = 5;

/// Updates the momentum `m` of a matrix with its gradient times `factor`, and returns the step of
/// learning rate 1. The gradient becomes zero.
///
/// The step is zero if the gradient and the momentum are.
pub(super) fn step([inputs, outputs]: [usize; 2], factor: f32, m: &mut [f32], g: &mut [f32]) -> Vec<f32> {
    let mut x = vec![0.0; m.len()];
    mix(factor, m, g, &mut x);
    orthogonalize([inputs, outputs], &mut x);
    let scale = SIZE * (inputs.max(outputs) as f32).sqrt();
    x.iter_mut().for_each(|x| *x *= scale);
    x
}

/// Computes m and U.
#[pulp::with_simd(mix = pulp::Arch::new())]
#[inline(always)]
fn mix_with<S: Simd>(_simd: S, factor: f32, m: &mut [f32], g: &mut [f32], u: &mut [f32]) {
    for ((m, g), u) in m.iter_mut().zip(g).zip(u) {
        let g = (1.0 - MOMENTUM) * factor * std::mem::take(g);
        *m = MOMENTUM * *m + g;
        *u = MOMENTUM * *m + g;
    }
}

/// Moves the singular values of a matrix near 1.
fn orthogonalize([inputs, outputs]: [usize; 2], x: &mut Vec<f32>) {
    let norm = x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    if norm == 0.0 {
        return;
    }
    x.iter_mut().for_each(|x| *x = (f64::from(*x) / norm) as f32);
    // The smaller of XXᵀ and XᵀX; the polynomials of both are the same.
    let wide = inputs <= outputs;
    let side = inputs.min(outputs);
    let [a, b, c] = POLYNOMIAL;
    let (mut gram, mut square, mut next) = (vec![0.0; side * side], vec![0.0; side * side], vec![0.0; x.len()]);
    for _ in 0..STEPS {
        let now = rows(x, outputs);
        let (left, right) = if wide { (now, now.transpose()) } else { (now.transpose(), now) };
        product(rows_mut(&mut gram, side), left, right);
        product(rows_mut(&mut square, side), rows(&gram, side), rows(&gram, side));
        square.iter_mut().zip(&gram).for_each(|(square, gram)| *square = c * *square + b * gram);
        square.iter_mut().step_by(side + 1).for_each(|diagonal| *diagonal += a);
        let factor = rows(&square, side);
        let (left, right) = if wide { (factor, now) } else { (now, factor) };
        product(rows_mut(&mut next, outputs), left, right);
        std::mem::swap(x, &mut next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rotates rows `i` and `j` of a matrix.
    fn rotate(x: &mut [f32], columns: usize, i: usize, j: usize, angle: f32) {
        let (s, c) = angle.sin_cos();
        for k in 0..columns {
            let (a, b) = (x[i * columns + k], x[j * columns + k]);
            (x[i * columns + k], x[j * columns + k]) = (c * a - s * b, s * a + c * b);
        }
    }

    #[test]
    fn singular_values_move_near_one() {
        let values = [3.0_f32, 1.0, 0.2, 0.05];
        let mut x = vec![0.0; 4 * 6];
        values.iter().enumerate().for_each(|(i, value)| x[i * 6 + i] = *value);
        let mut turned = x.clone();
        for (i, j, angle) in [(0, 1, 0.3), (1, 2, 1.1), (2, 3, -0.7), (0, 3, 2.0)] {
            rotate(&mut turned, 6, i, j, angle);
        }
        orthogonalize([4, 6], &mut x);
        // The polynomial from the largest and the smallest singular value of X = U/‖U‖.
        for i in 0..4 {
            assert!((0.68..1.21).contains(&x[i * 6 + i]), "{i}: {}", x[i * 6 + i]);
        }
        // A rotation of the matrix rotates the result. Five steps amplify the roundings of X, of
        // 2⁻²⁴, by at most 3.4445⁵ ≈ 485, to 3·10⁻⁵.
        let mut want = x.clone();
        for (i, j, angle) in [(0, 1, 0.3), (1, 2, 1.1), (2, 3, -0.7), (0, 3, 2.0)] {
            rotate(&mut want, 6, i, j, angle);
        }
        let transposed: Vec<f32> = (0..24).map(|at| turned[at % 4 * 6 + at / 4]).collect();
        orthogonalize([4, 6], &mut turned);
        assert!(turned.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-4), "{turned:?} {want:?}");
        // So does a transposition.
        let mut other = transposed;
        orthogonalize([6, 4], &mut other);
        assert!((0..24).all(|at| (other[at] - turned[at % 4 * 6 + at / 4]).abs() < 1e-4));
    }

    #[test]
    fn a_step_has_its_size_and_nothing_moves_without_a_gradient() {
        let (mut m, mut g) = (vec![0.0; 8 * 32], crate::nn::check::normals(8 * 32, 1));
        let x = step([8, 32], 0.5, &mut m, &mut g);
        let size = (x.iter().map(|x| x * x).sum::<f32>() / 256.0).sqrt();
        // All eight singular values are between 0.68 and 1.21, so that the root mean square of the
        // 8 × 32 elements is √(8/256) = 1/√32 times that, which the factor √32 undoes.
        assert!((0.68 * SIZE..1.21 * SIZE).contains(&size), "{size}");
        assert!(g.iter().all(|g| *g == 0.0) && m.iter().any(|m| *m != 0.0));
        assert_eq!(step([8, 32], 1.0, &mut vec![0.0; 256], &mut vec![0.0; 256]), vec![0.0; 256]);
    }
}
