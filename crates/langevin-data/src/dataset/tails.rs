//! Detection of columns whose values span many standard deviations.

use super::Dataset;
use super::statistics::Statistics;
use crate::error::Result;

/// Column with heavier tails than scaled Gaussian noise can represent well.
///
/// [`Dataset::heavy_tails`] returns these columns and has an example.
///
/// ```
/// use langevin_data::Dataset;
/// let mut values = vec![0.0_f32; 400];
/// values.iter_mut().enumerate().for_each(|(i, x)| *x = (i % 7) as f32);
/// values[399] = 1e4;
/// let tail = Dataset::new("column", values, &[1])?.heavy_tails()?[0];
/// assert_eq!(tail.column, 0);
/// assert!(tail.farthest > 10.0 && tail.kurtosis > 15.0);
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeavyTail {
    /// Index of the column, from 0.
    pub column: usize,
    /// Largest |x − mean|/deviation.
    pub farthest: f64,
    /// Kurtosis Σ(x − mean)⁴/n over the fourth power of the deviation: 3 for a normal column, 1.8
    /// for a uniform one, 9 for an exponential one.
    pub kurtosis: f64,
}

/// Distance from the mean, in standard deviations, beyond which a column is reported.
///
/// A normal column of a million rows reaches about 5, an exponential one 14.
const FARTHEST: f64 = 10.0;
/// Kurtosis beyond which a column is reported; an exponential column has 9, plus a margin for
/// chance.
const KURTOSIS: f64 = 15.0;

impl Dataset {
    /// Finds columns with heavy tails.
    ///
    /// A column has heavy tails if a value is more than 10 standard deviations from the mean, or if
    /// its kurtosis is above 15. Images and constant columns have none.
    ///
    /// A network spends its capacity where most rows are, and a Gaussian of the same covariance
    /// describes such a column poorly. The logarithm of the column is often better behaved. This
    /// function takes one pass more than [`statistics`](Self::statistics).
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let mut values = vec![0.0_f32; 400];
    /// values.iter_mut().enumerate().for_each(|(i, x)| *x = (i % 7) as f32);
    /// values[101] = 1e4; // row 50 of the second column
    /// let tails = Dataset::new("table", values, &[2])?.heavy_tails()?;
    /// assert_eq!(tails.iter().map(|tail| tail.column).collect::<Vec<_>>(), [1]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    pub fn heavy_tails(&self) -> Result<Vec<HeavyTail>> {
        if self.frame().shape.len() != 1 {
            return Ok(vec![]);
        }
        let Statistics::Columns { mean, deviation } = self.statistics()? else { return Ok(vec![]) };
        let (mut farthest, mut fourth) = (vec![0.0_f64; mean.len()], vec![0.0_f64; mean.len()]);
        self.blocks(|values| {
            for row in values.chunks_exact(mean.len()) {
                for (column, value) in row.iter().enumerate().filter(|(column, _)| deviation[*column] > 0.0) {
                    let z = ((value - mean[column]) / deviation[column]).abs();
                    farthest[column] = farthest[column].max(z);
                    fourth[column] += z.powi(4);
                }
            }
            Ok(true)
        })?;
        let rows = self.rows() as f64;
        let tail =
            |(column, (farthest, fourth)): (usize, (f64, f64))| HeavyTail { column, farthest, kurtosis: fourth / rows };
        let all = farthest.into_iter().zip(fourth).enumerate().map(tail);
        Ok(all.filter(|tail| tail.farthest > FARTHEST || tail.kurtosis > KURTOSIS).collect())
    }
}
