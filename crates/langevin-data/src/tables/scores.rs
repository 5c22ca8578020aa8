//! Numbers of a column as normal scores.

use crate::error::{Error, Result};
use langevin::math::{normal_cdf, normal_quantile};
use serde::{Deserialize, Serialize};

/// Largest number of cells.
const CELLS: usize = 1000;
/// Number of decimals beyond which numbers are written with seven significant digits.
const DECIMALS: usize = 6;

/// Map between the numbers of a column and scores that are standard normal over the data.
///
/// The range of the column is divided into cells, and the map is linear inside each:
///
/// ```text
/// u = share of the data below x,   score = Φ⁻¹(u)
/// ```
///
/// If the column has at most 1000 different values, each has a cell that ends halfway to its
/// neighbours. A value then stands for its whole cell, and [`NormalScores::score`] chooses a point
/// of the cell by a uniform number, so that the scores are normal even if values repeat. Otherwise
/// the cells are 1000 quantiles, and the uniform number is not used.
///
/// ```
/// use langevin_data::NormalScores;
/// let scores = NormalScores::fit(&[1.0, 2.0, 2.0, 4.0], 0)?;
/// // Value 2 has the share ¼ to ¾ of the data.
/// assert!((scores.score(2.0, 0.5)).abs() < 1e-12);
/// // A value between two of the data may be drawn.
/// let values = [-9.0, -0.6, 0.0, 0.6, 9.0].map(|score| scores.value(score));
/// assert_eq!(values, [1.0, 2.0, 2.0, 3.0, 4.0]);
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormalScores {
    /// Ends of the cells, increasing.
    ends: Vec<f64>,
    /// Share of the data below each end, from 0 to 1.
    shares: Vec<f64>,
    /// True if a value stands for its whole cell.
    values: bool,
    /// Number of decimals of the values; `None` for seven significant digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decimals: Option<usize>,
}

impl NormalScores {
    /// Fits the map to the numbers of a column, which are written with `decimals` decimals.
    ///
    /// # Errors
    /// Returns an error if a number is not finite or all numbers are equal.
    pub fn fit(numbers: &[f64], decimals: usize) -> Result<Self> {
        let bad = |got: String| {
            Err(Error::data("a column cannot be modelled as numbers")
                .expected("finite numbers, not all equal")
                .got(got))
        };
        if let Some(number) = numbers.iter().find(|number| !number.is_finite()) {
            return bad(number.to_string());
        }
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let mut different: Vec<(f64, usize)> = Vec::new();
        for (place, number) in sorted.iter().enumerate() {
            match different.last_mut() {
                Some((last, below)) if *last == *number => *below = place + 1,
                _ => different.push((*number, place + 1)),
            }
        }
        let [(first, _), .., (last, _)] = different[..] else {
            return bad(different.first().map_or_else(|| "no number".into(), |(one, _)| format!("{one} alone")));
        };
        let count = sorted.len() as f64;
        let values = different.len() <= CELLS;
        let (ends, shares) = if values {
            let between = different.windows(2).map(|two| 0.5 * two[0].0 + 0.5 * two[1].0);
            let ends = std::iter::once(first).chain(between).chain([last]).collect();
            (ends, std::iter::once(0.0).chain(different.iter().map(|(_, below)| *below as f64 / count)).collect())
        } else {
            // Quantiles may coincide where values repeat; the last share of equal ends is kept.
            let (mut ends, mut shares): (Vec<f64>, Vec<f64>) = (vec![first], vec![0.0]);
            for cell in 1..=CELLS {
                let share = cell as f64 / CELLS as f64;
                let end = langevin::math::quantile_sorted(&sorted, share);
                if end > ends[ends.len() - 1] {
                    ends.push(end);
                    shares.push(share);
                } else if ends.len() > 1 {
                    let last = shares.len() - 1;
                    shares[last] = share;
                }
            }
            (ends, shares)
        };
        Ok(Self { ends, shares, values, decimals: Some(decimals).filter(|decimals| *decimals <= DECIMALS) })
    }

    /// Checks a map that was read from a file.
    pub(crate) fn check(&self) -> Result<()> {
        let rising = |values: &[f64]| values.windows(2).all(|two| two[0] < two[1]);
        // The first and the last cell of values may be empty intervals with a positive share.
        let ordered = self.ends.windows(2).all(|two| two[0] <= two[1]);
        let sound = self.ends.len() >= 2
            && self.ends.len() == self.shares.len()
            && self.ends.iter().all(|end| end.is_finite())
            && ordered
            && rising(&self.shares)
            && self.shares[0] == 0.0
            && self.shares[self.shares.len() - 1] == 1.0
            && self.decimals.is_none_or(|decimals| decimals <= DECIMALS);
        match sound {
            true => Ok(()),
            false => Err(Error::data("the scores of a column do not hold together")),
        }
    }

    /// Returns the score of a number; `u` in \[0, 1\) chooses the point of a cell of values.
    ///
    /// Numbers beyond the data have the scores of the ends.
    #[must_use]
    pub fn score(&self, number: f64, u: f64) -> f64 {
        let cells = self.ends.len() - 1;
        // A cell of values holds its left end, but for the last one, which holds both.
        let cell = self.ends.partition_point(|end| *end <= number).clamp(1, cells) - 1;
        let share = if self.values {
            u
        } else {
            let [a, b] = [self.ends[cell], self.ends[cell + 1]];
            if b > a { ((number - a) / (b - a)).clamp(0.0, 1.0) } else { 0.5 }
        };
        let level = self.shares[cell] + share * (self.shares[cell + 1] - self.shares[cell]);
        normal_quantile(level.clamp(1e-7, 1.0 - 1e-7))
    }

    /// Returns the number of a score, rounded as the numbers of the data are.
    #[must_use]
    pub fn value(&self, score: f64) -> f64 {
        let level = normal_cdf(score);
        let cells = self.ends.len() - 1;
        let cell = self.shares.partition_point(|share| *share <= level).clamp(1, cells) - 1;
        let [a, b] = [self.shares[cell], self.shares[cell + 1]];
        let share = ((level - a) / (b - a)).clamp(0.0, 1.0);
        let number = self.ends[cell] + share * (self.ends[cell + 1] - self.ends[cell]);
        match self.decimals {
            Some(decimals) => self.rounded(number, decimals),
            None => f64::from(number as f32),
        }
    }

    /// Rounds to a number of decimals, inside the range of the data.
    fn rounded(&self, number: f64, decimals: usize) -> f64 {
        let scale = 10_f64.powi(decimals as i32);
        let rounded = (number * scale).round() / scale;
        rounded.clamp(self.ends[0], self.ends[self.ends.len() - 1])
    }

    /// Returns the text of a number, with the decimals of the data.
    #[must_use]
    pub fn text(&self, number: f64) -> String {
        match self.decimals {
            Some(decimals) => format!("{number:.decimals$}"),
            None => (number as f32).to_string(),
        }
    }

    /// Returns true if the numbers are integers.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.decimals == Some(0)
    }

    /// Returns the smallest and the largest number of the data.
    #[must_use]
    pub fn range(&self) -> [f64; 2] {
        [self.ends[0], self.ends[self.ends.len() - 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the mean and the variance.
    fn moments(scores: &[f64]) -> [f64; 2] {
        let n = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / n;
        [mean, scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / n]
    }

    #[test]
    fn scores_are_normal_and_values_come_back() {
        // Many ties, a skewed column, and more values than cells.
        let ties: Vec<f64> = (0..400).map(|i| f64::from(i % 7 * (i % 3))).collect();
        let skewed: Vec<f64> = (1..=400).map(|i| (f64::from(i) / 90.0).exp()).collect();
        let many: Vec<f64> = (0..5000).map(|i| (f64::from(i) * 0.37).sin() * 40.0).collect();
        for (numbers, decimals) in [(ties, 0), (skewed, 3), (many, 9)] {
            let scores = NormalScores::fit(&numbers, decimals).unwrap();
            scores.check().unwrap();
            // Midpoints of 64 strata of every cell.
            let all: Vec<f64> = numbers
                .iter()
                .flat_map(|number| (0..64).map(|k| scores.score(*number, (f64::from(k) + 0.5) / 64.0)))
                .collect();
            let [mean, variance] = moments(&all);
            assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
            for number in &numbers {
                for u in [0.0, 0.5, 0.999] {
                    let back = scores.value(scores.score(*number, u));
                    let cell = if scores.values { 1.0 } else { 0.1 };
                    assert!((back - number).abs() <= cell * (1.0 + number.abs()), "{number} {back}");
                }
            }
        }
    }

    #[test]
    fn integers_keep_their_shares() {
        let numbers: Vec<f64> = [0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 5.0, 5.0].to_vec();
        let scores = NormalScores::fit(&numbers, 0).unwrap();
        assert!(scores.is_whole() && scores.range() == [0.0, 5.0]);
        let draws: Vec<f64> = (0..8000).map(|i| scores.value(normal_quantile((f64::from(i) + 0.5) / 8000.0))).collect();
        let share = |value: f64| draws.iter().filter(|draw| **draw == value).count() as f64 / 8000.0;
        // Cells end halfway to the neighbours, 3.5 between 2 and 5, and 3 and 4 lie in them.
        assert_eq!((share(0.0), share(1.0)), (0.375, 0.125));
        assert!(((share(2.0) + share(3.0)) - 0.25).abs() < 1e-9, "{} {}", share(2.0), share(3.0));
        assert_eq!(scores.text(5.0), "5");
    }

    #[test]
    fn bad_columns_are_refused() {
        for bad in [&[][..], &[1.0, 1.0], &[1.0, f64::NAN]] {
            assert!(NormalScores::fit(bad, 0).unwrap_err().is_data());
        }
        let mut broken = NormalScores::fit(&[1.0, 2.0], 0).unwrap();
        broken.shares[1] = 0.0;
        assert!(broken.check().is_err());
    }
}
