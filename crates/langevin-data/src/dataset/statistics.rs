//! Statistics for the normalisation of data.

use super::Dataset;
use crate::error::Result;

/// Ratio between the overall deviation and that of a part, above which the part needs a scale of
/// its own.
///
/// The first applies to an axis of few positions (columns of a series, channels). The second
/// applies to a long one (lines of an image, whose border hardly changes).
const DROWNED: f64 = 10.0;
const DROWNED_ON_LONG_AXES: f64 = 100.0;
const LONG: usize = 16;
/// Half-width of the range in deviations above which a few values determine it, so that it says
/// little about the others.
const WIDE: f64 = 8.0;

/// Spread of the values of a collection.
///
/// ```
/// use langevin_data::{Dataset, Statistics};
/// let digits = Dataset::digits().statistics()?;
/// assert_eq!(digits, Statistics::Range { low: 0.0, high: 16.0 });
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Statistics {
    /// Range of images and of arrays with one scale, over all elements of all rows as
    /// [`Dataset::read`] returns them.
    Range {
        /// Smallest value.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// Moments of arrays with one scale whose extreme values say little about the rest.
    Whole {
        /// Mean Σx/n over all elements.
        mean: f64,
        /// Standard deviation √(Σ(x − mean)²/n) over all elements.
        deviation: f64,
        /// Smallest value.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// Moments for each element of a row, for tables and for arrays with several scales.
    ///
    /// If the scales differ along one axis, all elements at the same position of that axis share
    /// their numbers. A series of three columns therefore has three different pairs.
    Columns {
        /// Mean Σx/n of each element.
        mean: Vec<f64>,
        /// Standard deviation √(Σ(x − mean)²/n) of each element; 0 for a constant column.
        deviation: Vec<f64>,
    },
}

/// Returns the mean and the deviation of some elements together.
fn together(mean: &[f64], deviation: &[f64], elements: impl Iterator<Item = usize> + Clone) -> (f64, f64) {
    let count = elements.clone().count() as f64;
    let centre = elements.clone().map(|i| mean[i]).sum::<f64>() / count;
    let variance = elements.map(|i| deviation[i].powi(2) + (mean[i] - centre).powi(2)).sum::<f64>() / count;
    (centre, variance.sqrt())
}

impl Dataset {
    /// Computes the spread of the values, in double precision.
    ///
    /// Images take one pass over the rows, other data up to three. Memory is bounded by a few rows.
    ///
    /// - Tables have a scale for each column.
    /// - Gray or colour levels have one scale. These are image files, arrays of unsigned bytes, and
    ///   values on a [lattice](crate::Lattice) of at most 256 steps.
    /// - Other arrays have one scale if no part of them is negligible compared with it. Otherwise
    ///   they have one scale for each position of the axis along which the scales differ, or else
    ///   one for each element.
    ///
    /// Sums run over the rows in their order, so the bits do not depend on anything else.
    /// `langevin_train::Normalization::fit` uses the same numbers.
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
    /// Returns the errors of [`read`](Self::read).
    pub fn statistics(&self) -> Result<Statistics> {
        // Rows without their constant elements are flat, so the original shape is used.
        let shape = if self.frame().constants.is_empty() { self.shape() } else { &self.frame().shape };
        if shape.len() == 1 {
            let (mean, deviation) = self.columns()?;
            return Ok(Statistics::Columns { mean, deviation });
        }
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        self.blocks(|values| {
            low = values.iter().copied().fold(low, f64::min);
            high = values.iter().copied().fold(high, f64::max);
            Ok(true)
        })?;
        let range = Statistics::Range { low, high };
        if self.is_levels() {
            return Ok(range);
        }
        let levels = |step: f64| ((high - low) / step).round() <= 255.0;
        if self.lattice()?.and_then(|lattice| lattice.common()).is_some_and(levels) {
            return Ok(range);
        }
        let (mean, deviation) = self.columns()?;
        let (centre, spread) = together(&mean, &deviation, 0..mean.len());
        let places = self.frame().places();
        let drowned: Vec<usize> = (0..shape.len())
            .filter(|axis| {
                let most = if self.frame().shape[*axis] > LONG { DROWNED_ON_LONG_AXES } else { DROWNED };
                let least = self
                    .groups(*axis, &places)
                    .into_iter()
                    .map(|group| together(&mean, &deviation, group.into_iter()).1);
                // A constant part is ignored, because every scale preserves it.
                let least = least.filter(|one| *one > 1e-9 * spread).min_by(f64::total_cmp);
                least.is_some_and(|least| spread / least > most)
            })
            .collect();
        match drowned[..] {
            [] if 0.5 * (high - low) > WIDE * spread => {
                Ok(Statistics::Whole { mean: centre, deviation: spread, low, high })
            }
            [] => Ok(range),
            [axis] => {
                let (mut means, mut deviations) = (mean.clone(), deviation.clone());
                for group in self.groups(axis, &places) {
                    let (centre, spread) = together(&mean, &deviation, group.iter().copied());
                    for element in group {
                        (means[element], deviations[element]) = (centre, spread);
                    }
                }
                Ok(Statistics::Columns { mean: means, deviation: deviations })
            }
            _ => Ok(Statistics::Columns { mean, deviation }),
        }
    }

    /// Returns the elements of a row of the model at each position of an axis of the file.
    fn groups(&self, axis: usize, places: &[usize]) -> Vec<Vec<usize>> {
        let shape = &self.frame().shape;
        let inner: usize = shape[axis + 1..].iter().product();
        let mut groups = vec![Vec::new(); shape[axis]];
        for (element, place) in places.iter().enumerate() {
            groups[place / inner % shape[axis]].push(element);
        }
        groups.retain(|group| !group.is_empty());
        groups
    }

    /// Returns the mean and the deviation of each element of a row.
    fn columns(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let rows = self.rows() as f64;
        // The sums start at −0, as the empty sum of the standard library does, so that a sum of −0
        // alone is −0.
        let mut mean = vec![-0.0_f64; self.width()];
        let mut extremes = vec![(f64::INFINITY, f64::NEG_INFINITY); self.width()];
        self.blocks(|values| {
            for row in values.chunks_exact(mean.len()) {
                for ((sum, (low, high)), value) in mean.iter_mut().zip(&mut extremes).zip(row) {
                    *sum += *value;
                    (*low, *high) = (low.min(*value), high.max(*value));
                }
            }
            Ok(true)
        })?;
        mean.iter_mut().for_each(|sum| *sum /= rows);
        let mut deviation = vec![-0.0_f64; self.width()];
        self.blocks(|values| {
            for row in values.chunks_exact(mean.len()) {
                for ((sum, value), mean) in deviation.iter_mut().zip(row).zip(&mean) {
                    *sum += (value - mean).powi(2);
                }
            }
            Ok(true)
        })?;
        for (sum, (low, high)) in deviation.iter_mut().zip(extremes) {
            // The rounded mean of a constant column may leave an error behind, which is not a
            // spread.
            *sum = if low < high { (*sum / rows).sqrt() } else { 0.0 };
        }
        Ok((mean, deviation))
    }
}
