//! Columns whose values are spread over many standard deviations.

use super::Dataset;
use super::statistics::Statistics;
use crate::error::Result;

/// A column with heavier tails than noise of its standard deviation can be mapped to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeavyTail {
    /// The column, from 0.
    pub column: usize,
    /// The largest |x − mean|/deviation.
    pub farthest: f64,
    /// Σ(x − mean)⁴/n over the fourth power of the deviation: 3 for a normal column, 1.8 for a uniform one,
    /// 9 for an exponential one.
    pub kurtosis: f64,
}

/// Standard deviations from the mean beyond which a column is named: a normal column of a million rows
/// reaches about 5, an exponential one 14.
const FARTHEST: f64 = 10.0;
/// The kurtosis beyond which a column is named, above an exponential column's 9 with some room for chance.
const KURTOSIS: f64 = 15.0;

impl Dataset {
    /// Columns with heavy tails: a value more than 10 standard deviations from the mean, or a kurtosis
    /// above 15. Pictures and constant columns have none.
    ///
    /// A network spends its capacity on where the rows are, and a Gaussian of the same covariance says
    /// little about such a column. Its logarithm is often better behaved. Takes one pass more than
    /// [`statistics`](Self::statistics).
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
