//! Dense square matrices, and their exponential.

/// A square matrix. Rate matrices act on row vectors: dp/dt = p Q.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    size: usize,
    values: Vec<f64>,
}

/// Terms of the Taylor series of the exponential.
///
/// The argument is halved until its norm is at most ½. The remainder is then less than
/// 2 (½)^17/17! < 5·10⁻²⁰, far below rounding.
const TERMS: u32 = 16;

impl Matrix {
    /// Creates the matrix of the entries `entry(row, column)`.
    pub(super) fn of(size: usize, mut entry: impl FnMut(usize, usize) -> f64) -> Self {
        let places = (0..size).flat_map(|x| (0..size).map(move |y| (x, y)));
        Self { size, values: places.map(|(x, y)| entry(x, y)).collect() }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn at(&self, x: usize, y: usize) -> f64 {
        self.values[x * self.size + y]
    }

    pub(super) fn set(&mut self, x: usize, y: usize, value: f64) {
        self.values[x * self.size + y] = value;
    }

    pub(super) fn row(&self, x: usize) -> &[f64] {
        &self.values[x * self.size..][..self.size]
    }

    pub(super) fn plus(&self, other: &Self, factor: f64) -> Self {
        Self::of(self.size, |x, y| self.at(x, y) + factor * other.at(x, y))
    }

    pub(super) fn scaled(&self, factor: f64) -> Self {
        Self::of(self.size, |x, y| factor * self.at(x, y))
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        let mut out = Self::of(self.size, |_, _| 0.0);
        for x in 0..self.size {
            let row = other.after(self.row(x));
            out.values[x * self.size..][..self.size].copy_from_slice(&row);
        }
        out
    }

    /// Returns law · M.
    pub(super) fn after(&self, law: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.size];
        for (x, weight) in law.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
            out.iter_mut().zip(self.row(x)).for_each(|(out, value)| *out += weight * value);
        }
        out
    }

    /// Returns the matrix with the diagonal that makes every row sum 0.
    pub(super) fn generator(mut self) -> Self {
        for x in 0..self.size {
            self.set(x, x, 0.0);
            let sum: f64 = self.row(x).iter().sum();
            self.set(x, x, -sum);
        }
        self
    }

    /// Returns the Kronecker product.
    pub(super) fn kron(&self, other: &Self) -> Self {
        let n = other.size;
        Self::of(self.size * n, |x, y| self.at(x / n, y / n) * other.at(x % n, y % n))
    }

    /// Returns the largest difference of two matrices' entries.
    pub(super) fn apart(&self, other: &Self) -> f64 {
        super::super::worst(self.values.iter().zip(&other.values).map(|(a, b)| (a - b).abs()))
    }

    /// Returns the exponential of `time` times the matrix.
    pub(super) fn exp(&self, time: f64) -> Self {
        let norm = |x: usize| self.row(x).iter().map(|value| value.abs()).sum::<f64>() * time.abs();
        let most = super::super::worst((0..self.size).map(norm));
        let mut halvings = 0;
        while most > 0.5 * f64::from(1_u32 << halvings) && halvings < 31 {
            halvings += 1;
        }
        let small = self.scaled(time / f64::from(1_u32 << halvings));
        let unit = Self::of(self.size, |x, y| f64::from(u8::from(x == y)));
        // 1 + A(1 + A/2(1 + A/3(…))).
        let mut out = unit.clone();
        for term in (1..=TERMS).rev() {
            out = unit.plus(&small.times(&out), 1.0 / f64::from(term));
        }
        for _ in 0..halvings {
            out = out.times(&out);
        }
        out
    }

    /// Returns true if the symmetric matrix plus `margin` times the unit matrix has positive pivots
    /// only, that is, if no eigenvalue is −`margin` or less.
    pub(super) fn is_positive(&self, margin: f64) -> bool {
        let mut left = self.clone();
        for k in 0..self.size {
            let pivot = left.at(k, k) + margin;
            if !(pivot > 0.0 && pivot.is_finite()) {
                return false;
            }
            for x in k + 1..self.size {
                let factor = left.at(x, k) / pivot;
                for y in k + 1..self.size {
                    left.set(x, y, left.at(x, y) - factor * left.at(k, y));
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_closed_forms() {
        // A rotation, a nilpotent matrix, and a generator of two states.
        let turn = Matrix::of(2, |x, y| [[0.0, 1.0], [-1.0, 0.0]][x][y]).exp(20.0);
        for (found, wanted) in [(turn.at(0, 0), 20_f64.cos()), (turn.at(0, 1), 20_f64.sin())] {
            assert!((found - wanted).abs() < 1e-13, "{found} {wanted}");
        }
        let jordan = Matrix::of(3, |x, y| f64::from(u8::from(y == x + 1))).exp(3.0);
        assert!((jordan.at(0, 2) - 4.5).abs() < 1e-14 && jordan.at(2, 0) == 0.0);
        let two = Matrix::of(2, |x, y| [[-2.0, 2.0], [1.0, -1.0]][x][y]).exp(0.7);
        assert!((two.at(0, 1) - 2.0 / 3.0 * (1.0 - (-2.1_f64).exp())).abs() < 1e-15);
    }

    #[test]
    fn pivots_find_a_negative_eigenvalue() {
        let with = |least: f64| Matrix::of(2, |x, y| if x == y { 0.5 * (1.0 + least) } else { 0.5 * (1.0 - least) });
        assert!(with(0.0).is_positive(1e-10) && !with(-1e-6).is_positive(1e-10));
    }
}
