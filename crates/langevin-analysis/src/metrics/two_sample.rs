//! Can two samples be told apart? The classifier two-sample test with neighbours.

use super::{check, square};
use langevin::error::{Error, Result};

/// The accuracy of the k-nearest-neighbour classifier that tells the rows of `a` from those of `b`, each row judged by the others (leave-one-out).
///
/// About ½ where both are drawn from one distribution, 1 where every row is known by its neighbours. Copies of rows of the other sample pull it below ½. With k odd there is no draw; of
/// neighbours at one distance the first counts, those of `a` before those of `b`.
///
/// Of samples of n rows each from one distribution the accuracy is ½ to within about 1/√(8n), the deviation of a mean of 2n fair coins (and a little below: one of the n own rows is the row
/// itself).
///
/// ```
/// use langevin_analysis::metrics::two_sample_accuracy;
/// let (low, high) = ([0.0, 0.1, 0.2], [5.0, 5.1, 5.2]);
/// assert_eq!(two_sample_accuracy(&low, &high, 1, 1)?, 1.0);
/// // Every row's nearest is one of the other sample.
/// assert_eq!(two_sample_accuracy(&[0.0, 2.0, 4.0], &[0.1, 2.1, 4.1], 1, 1)?, 0.0);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Samples of different sizes, which the test would tell apart by their numbers; an even k, or one that is not below the number of rows; an empty sample, one that is not whole rows of `dim`
/// elements, or an element that is not finite.
///
/// Source: Lopez-Paz & Oquab, arXiv 1610.06545; k-NN, leave-one-out: Xu et al., arXiv 1806.07755.
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

    /// One distribution: ½ within four deviations. Two normals 2s apart: the best classifier is right with probability Φ(s), which five neighbours come near to.
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
