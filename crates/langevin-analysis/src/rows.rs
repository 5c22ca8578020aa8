//! Checks rows of data, and computes their mean and covariance.

use langevin::{Error, Result};

/// Checks that `rows` holds at least one whole row and only finite numbers.
pub(crate) fn check_rows(rows: &[f64], width: usize) -> Result<()> {
    if width == 0 || rows.is_empty() || !rows.len().is_multiple_of(width) {
        return Err(Error::shape("data must be whole rows, at least one")
            .expected(format!("a multiple of {width} numbers"))
            .got(rows.len().to_string()));
    }
    if let Some(index) = rows.iter().position(|x| !x.is_finite()) {
        return Err(Error::argument("data must be finite")
            .at(format!("row {}, column {}", index / width, index % width))
            .got(rows[index].to_string()));
    }
    Ok(())
}

/// Returns the mean of the rows, and the rows with the mean subtracted.
pub(crate) fn centred(rows: &[f64], width: usize) -> (Vec<f64>, Vec<f64>) {
    let share = 1.0 / (rows.len() / width) as f64;
    let mut mean = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(m, x)| *m += x * share);
    }
    // A second pass over the residuals removes the rounding of the first mean. Without it a
    // constant column would get a tiny nonzero variance.
    let mut left = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        left.iter_mut().zip(row).zip(&mean).for_each(|((left, x), m)| *left += (x - m) * share);
    }
    mean.iter_mut().zip(&left).for_each(|(m, left)| *m += left);
    let centred = rows.chunks_exact(width).flat_map(|row| row.iter().zip(&mean).map(|(x, m)| x - m)).collect();
    (mean, centred)
}

/// Returns the covariance of centred rows, with divisor n, as a `width × width` matrix.
pub(crate) fn covariance(centred: &[f64], width: usize) -> Vec<f64> {
    let share = 1.0 / (centred.len() / width) as f64;
    let mut matrix = vec![0.0; width * width];
    for row in centred.chunks_exact(width) {
        for (i, x) in row.iter().enumerate() {
            let below = &mut matrix[i * width..=i * width + i];
            below.iter_mut().zip(row).for_each(|(sum, y)| *sum += share * x * y);
        }
    }
    mirror(&mut matrix, width);
    matrix
}

/// Copies the entries below the diagonal to their mirror places above it.
pub(crate) fn mirror(matrix: &mut [f64], side: usize) {
    for i in 0..side {
        for j in 0..i {
            matrix[j * side + i] = matrix[i * side + j];
        }
    }
}
