//! What a normalisation needs to know.

use crate::data::Dataset;
use crate::error::Result;

/// Numbers that a buffer of rows has at most, unless one row is longer.
const BLOCK: usize = 1 << 20;

/// How the values of a collection are spread.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Statistics {
    /// Of pictures (shapes of two or more sizes): over all elements of all rows, as [`Dataset::read`] gives them.
    Range {
        /// The least value.
        low: f64,
        /// The greatest.
        high: f64,
    },
    /// Of vectors: for each column.
    Columns {
        /// Σx/n.
        mean: Vec<f64>,
        /// √(Σ(x − mean)²/n); 0 for a constant column.
        deviation: Vec<f64>,
    },
}

/// A column with heavier tails than noise of its standard deviation can be mapped to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeavyTail {
    /// The column, from 0.
    pub column: usize,
    /// The largest |x − mean|/deviation.
    pub farthest: f64,
    /// Σ(x − mean)⁴/n over the fourth power of the deviation: 3 for a normal column, 1.8 for a uniform one, 9 for an exponential one.
    pub kurtosis: f64,
}

/// Standard deviations from the mean beyond which a column is named: a normal column of a million rows reaches about 5, an exponential one 14.
const FARTHEST: f64 = 10.0;
/// The kurtosis beyond which a column is named, above an exponential column's 9 with some room for chance.
const KURTOSIS: f64 = 15.0;

impl Dataset {
    /// Columns with heavy tails: a value more than 10 standard deviations from the mean, or a kurtosis above 15. Pictures and constant columns have none.
    ///
    /// A network spends its capacity on where the rows are, and a Gaussian of the same covariance says little about such a column. Its logarithm is often better behaved.
    /// Takes one pass more than [`statistics`](Self::statistics).
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
        let Statistics::Columns { mean, deviation } = self.statistics()? else { return Ok(vec![]) };
        let (mut farthest, mut fourth) = (vec![0.0_f64; mean.len()], vec![0.0_f64; mean.len()]);
        self.blocks(|values| {
            for row in values.chunks_exact(mean.len()) {
                for (column, value) in row.iter().enumerate().filter(|(column, _)| deviation[*column] > 0.0) {
                    let z = ((f64::from(*value) - mean[column]) / deviation[column]).abs();
                    farthest[column] = farthest[column].max(z);
                    fourth[column] += z.powi(4);
                }
            }
        })?;
        let rows = self.rows() as f64;
        let tail =
            |(column, (farthest, fourth)): (usize, (f64, f64))| HeavyTail { column, farthest, kurtosis: fourth / rows };
        let all = farthest.into_iter().zip(fourth).enumerate().map(tail);
        Ok(all.filter(|tail| tail.farthest > FARTHEST || tail.kurtosis > KURTOSIS).collect())
    }

    /// How the values are spread, in double precision, from one pass over the rows for pictures and two for vectors. Memory is bounded by a few rows.
    ///
    /// Sums run over the rows in their order, so that the bits depend on nothing else, and are those that `langevin_train::Normalization::fit` computes.
    ///
    /// ```
    /// use langevin_data::{Dataset, Statistics};
    /// let data = Dataset::new("line", vec![1.0, 5.0, 3.0, 5.0], &[2])?;
    /// let (mean, deviation) = (vec![2.0, 5.0], vec![1.0, 0.0]);
    /// assert_eq!(data.statistics()?, Statistics::Columns { mean, deviation });
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn statistics(&self) -> Result<Statistics> {
        if self.shape().len() > 1 {
            let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
            self.blocks(|values| {
                low = values.iter().copied().fold(low, f32::min);
                high = values.iter().copied().fold(high, f32::max);
            })?;
            return Ok(Statistics::Range { low: f64::from(low), high: f64::from(high) });
        }
        let rows = self.rows() as f64;
        // The empty sum of the standard library is −0, and so is a sum of nothing but −0.
        let mut mean = vec![-0.0_f64; self.width()];
        self.blocks(|values| {
            for row in values.chunks_exact(mean.len()) {
                mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
            }
        })?;
        mean.iter_mut().for_each(|sum| *sum /= rows);
        let mut deviation = vec![-0.0_f64; self.width()];
        self.blocks(|values| {
            for row in values.chunks_exact(mean.len()) {
                for ((sum, value), mean) in deviation.iter_mut().zip(row).zip(&mean) {
                    *sum += (f64::from(*value) - mean).powi(2);
                }
            }
        })?;
        for (sum, mean) in deviation.iter_mut().zip(&mean) {
            let root = (*sum / rows).sqrt();
            // A constant column may leave a rounding error of its mean behind; that is not a spread.
            *sum = if root > 1e-12 * mean.abs() { root } else { 0.0 };
        }
        Ok(Statistics::Columns { mean, deviation })
    }

    /// All rows in their order, a few at a time.
    fn blocks(&self, mut see: impl FnMut(&[f32])) -> Result<()> {
        let block = (BLOCK / self.width()).clamp(1, self.rows());
        let (mut rows, mut values) = (Vec::with_capacity(block), Vec::new());
        for first in (0..self.rows()).step_by(block) {
            rows.clear();
            rows.extend(first..self.rows().min(first + block));
            values.resize(rows.len() * self.width(), 0.0);
            self.read(&rows, &mut values)?;
            see(&values);
        }
        Ok(())
    }
}
