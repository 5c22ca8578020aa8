//! Classifier two-sample test with nearest neighbours.

use super::{check, square};
use langevin::error::{Error, Result};

/// Returns the leave-one-out accuracy of a k-nearest-neighbour classifier that separates the rows
/// of `a` from the rows of `b`.
///
/// - An accuracy of about ½ means that both samples may come from one distribution.
/// - An accuracy of 1 means that the neighbours identify the sample of every row.
/// - An accuracy well below ½ means that rows of one sample copy rows of the other sample.
///
/// An odd k rules out tied votes. Among neighbours at equal distance the first one counts, and rows
/// of `a` come before rows of `b`.
///
/// For two samples of n rows from one distribution, the accuracy is ½ to within about 1/√(8n), the
/// standard deviation of the mean of 2n fair coins. The expectation is slightly below ½, because a
/// row is not its own neighbour.
///
/// Source: Lopez-Paz & Oquab, arXiv 1610.06545; k-NN, leave-one-out: Xu et al., arXiv 1806.07755.
///
/// # Errors
/// Returns an error if the samples have different sizes, because the classifier would then profit
/// from the sizes alone. It also returns an error if `k` is even or not below the number of rows. A
/// sample that is empty, not whole rows of `dim` elements, or not finite is an error too.
///
/// # Examples
/// ```
/// use langevin_analysis::metrics::two_sample_accuracy;
/// let (low, high) = ([0.0, 0.1, 0.2], [5.0, 5.1, 5.2]);
/// assert_eq!(two_sample_accuracy(&low, &high, 1, 1)?, 1.0);
/// // The nearest neighbour of each row belongs to the other sample.
/// assert_eq!(two_sample_accuracy(&[0.0, 2.0, 4.0], &[0.1, 2.1, 4.1], 1, 1)?, 0.0);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn two_sample_accuracy(a: &[f64], b: &[f64], dim: usize, k: usize) -> Result<f64> {
    check("the first sample", a, dim)?;
    check("the second sample", b, dim)?;
    if a.len() != b.len() {
        return Err(Error::shape("the samples have different sizes")
            .expected(format!("{} rows", a.len() / dim))
            .got((b.len() / dim).to_string()));
    }
    let count = a.len() / dim;
    if k.is_multiple_of(2) || k >= 2 * count {
        return Err(Error::argument("bad number of neighbours")
            .expected(format!("an odd number below {}", 2 * count))
            .got(k.to_string()));
    }
    let rows: Vec<&[f64]> = a.chunks_exact(dim).chain(b.chunks_exact(dim)).collect();
    let mut near: Vec<(f64, usize)> = Vec::with_capacity(rows.len());
    let right = (0..rows.len()).filter(|row| {
        near.clear();
        let others = rows.iter().enumerate().filter(|(other, _)| other != row);
        near.extend(others.map(|(other, y)| (square(rows[*row], y), other)));
        let (before, last, _) = near.select_nth_unstable_by(k - 1, |x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        let of_own = |other: usize| (other < count) == (*row < count);
        let votes = before.iter().chain([&*last]).filter(|(_, other)| of_own(*other)).count();
        2 * votes > k
    });
    Ok(right.count() as f64 / rows.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use langevin::noise::{SampleId, fill_normals};

    fn normals(count: usize, dim: usize, seed: u64, shift: f64) -> Vec<f64> {
        let ids: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed, index }).collect();
        let mut out = vec![0.0; count * dim];
        fill_normals(&ids, 0, dim, &mut out);
        out.into_iter().map(|x: f32| f64::from(x) + shift).collect()
    }

    /// The accuracy for one distribution is ½ within four standard deviations. For two normals 2s
    /// apart the best classifier is right with probability Φ(s), which five neighbours nearly
    /// reach.
    #[test]
    fn accuracy_is_that_of_the_overlap() {
        let count = 600;
        let same = two_sample_accuracy(&normals(count, 3, 1, 0.0), &normals(count, 3, 2, 0.0), 3, 5).unwrap();
        assert!((same - 0.5).abs() < 4.0 / (8.0 * count as f64).sqrt(), "{same}");
        let apart = two_sample_accuracy(&normals(count, 1, 1, -1.0), &normals(count, 1, 2, 1.0), 1, 5).unwrap();
        assert!((0.78..0.87).contains(&apart), "{apart}");
    }

    #[test]
    fn bad_arguments_are_refused() {
        assert!(two_sample_accuracy(&[0.0; 4], &[0.0; 6], 2, 1).is_err());
        for k in [0, 2, 5, 7] {
            assert!(two_sample_accuracy(&[0.0; 2], &[1.0; 2], 1, k).is_err(), "{k}");
        }
        assert!(two_sample_accuracy(&[f64::NAN], &[0.0], 1, 1).is_err());
    }
}
