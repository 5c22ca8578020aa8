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

impl Dataset {
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
