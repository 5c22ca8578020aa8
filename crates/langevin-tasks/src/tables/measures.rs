//! Measures of two sets of rows of a table.

use crate::error::{Blame as _, Result};
use langevin_analysis::metrics::{nearest_distances, quantile, two_sample_accuracy};
use langevin_data::{NormalScores, TableColumn, TableSchema};
use std::collections::HashSet;

/// Neighbours that vote in the two-sample test.
const NEIGHBOURS: usize = 5;
/// Largest squared scale of a category, for columns of which almost all rows are equal.
const SCALE: f64 = 4.0;

/// Rows of a table, in the layout of the model and as vectors.
pub(super) struct Rows {
    /// Complete rows × columns.
    pub(super) values: Vec<f64>,
    /// Scores of the numbers.
    scores: Vec<f64>,
    /// Vectors whose squared distances add up over columns.
    vectors: Vec<f64>,
    count: usize,
}

/// Measures of rows by the columns of a table.
pub(super) struct Judge {
    scores: Vec<NormalScores>,
    /// Number of categories of each column, and the scale of its vectors.
    letters: Vec<(usize, f64)>,
    width: usize,
}

impl Judge {
    /// Returns a judge whose scales are those of some complete rows.
    pub(super) fn of(schema: &TableSchema, rows: &[f64]) -> Self {
        let width = schema.columns().len();
        let scores: Vec<NormalScores> = schema.columns().iter().filter_map(TableColumn::scores).cloned().collect();
        let m = scores.len();
        let letters = schema.letters().into_iter().enumerate().map(|(place, size)| {
            let shares = shares(rows.chunks_exact(width).map(|row| row[m + place]), size);
            let apart = 1.0 - shares.iter().map(|p| p * p).sum::<f64>();
            // The expected squared distance of two rows is 2, as that of normal scores.
            (size, (1.0 / apart.max(1.0 / SCALE)).sqrt())
        });
        Self { letters: letters.collect(), scores, width }
    }

    /// Keeps the complete ones of some rows, at most `most`.
    pub(super) fn rows(&self, values: &[f64], most: usize) -> Rows {
        let m = self.scores.len();
        let complete = |row: &&[f64]| {
            row[..m].iter().all(|x| x.is_finite())
                && row[m..].iter().zip(&self.letters).all(|(letter, (size, _))| (*letter as usize) < *size)
        };
        let values: Vec<f64> = values.chunks_exact(self.width).filter(complete).take(most).flatten().copied().collect();
        let count = values.len() / self.width;
        let (mut scores, mut vectors) = (Vec::new(), Vec::new());
        for row in values.chunks_exact(self.width) {
            for (value, of) in row.iter().zip(&self.scores) {
                scores.push(of.score(*value, 0.5));
            }
            vectors.extend_from_slice(&scores[scores.len() - m..]);
            for (letter, (size, scale)) in row[m..].iter().zip(&self.letters) {
                vectors.extend((0..*size).map(|own| if own == *letter as usize { *scale } else { 0.0 }));
            }
        }
        Rows { values, scores, vectors, count }
    }

    /// Returns the length of a vector.
    fn dim(&self) -> usize {
        self.scores.len() + self.letters.iter().map(|(size, _)| size).sum::<usize>()
    }

    /// Returns the mean over columns of the distance of their laws: the largest difference of the
    /// distribution functions of numbers, and the total variation of categories.
    pub(super) fn columns(&self, a: &Rows, b: &Rows) -> f64 {
        let m = self.scores.len();
        let numbers = (0..m).map(|j| {
            let sorted = |rows: &Rows| {
                let mut all: Vec<f64> = rows.scores.iter().skip(j).step_by(m).copied().collect();
                all.sort_by(f64::total_cmp);
                all
            };
            kolmogorov(&sorted(a), &sorted(b))
        });
        let categories = self.letters.iter().enumerate().map(|(place, (size, _))| {
            let of = |rows: &Rows| shares(rows.values.chunks_exact(self.width).map(|row| row[m + place]), *size);
            0.5 * of(a).iter().zip(of(b)).map(|(p, q)| (p - q).abs()).sum::<f64>()
        });
        numbers.chain(categories).sum::<f64>() / self.width as f64
    }

    /// Returns the mean over pairs of columns of the difference of their associations.
    pub(super) fn pairs(&self, a: &Rows, b: &Rows) -> f64 {
        let (a, b) = (self.associations(a), self.associations(b));
        a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len().max(1) as f64
    }

    /// Returns the association of every pair of columns, from −1 or 0 to 1: the correlation of the
    /// normal scores of numbers, Cramér's V of categories, and the correlation ratio between both.
    fn associations(&self, rows: &Rows) -> Vec<f64> {
        let m = self.scores.len();
        let number = |j: usize| rows.scores.iter().skip(j).step_by(m).copied().collect::<Vec<f64>>();
        let letter = |place: usize| rows.values.chunks_exact(self.width).map(move |row| row[m + place] as usize);
        let mut out = Vec::new();
        for i in 0..self.width {
            for j in 0..i {
                out.push(match (i.checked_sub(m), j.checked_sub(m)) {
                    (None, None) => correlation(&number(i), &number(j)),
                    (Some(i), None) => ratio(&number(j), &letter(i).collect::<Vec<_>>(), self.letters[i].0),
                    (Some(i), Some(j)) => {
                        let pairs: Vec<(usize, usize)> = letter(i).zip(letter(j)).collect();
                        cramer(&pairs, self.letters[i].0, self.letters[j].0)
                    }
                    // Numbers come first.
                    (None, Some(_)) => 0.0,
                });
            }
        }
        out
    }

    /// Returns the accuracy of a classifier of nearest neighbours that tells equally many rows of
    /// both sets apart.
    pub(super) fn accuracy(&self, a: &Rows, b: &Rows) -> Result<f64> {
        let (dim, count) = (self.dim(), a.count.min(b.count));
        let neighbours = NEIGHBOURS.min((2 * count).saturating_sub(1) | 1);
        two_sample_accuracy(&a.vectors[..count * dim], &b.vectors[..count * dim], dim, neighbours).or_failed()
    }

    /// Returns the share of rows that are among others, and the median of their distances to the
    /// nearest of them.
    pub(super) fn copies(&self, rows: &Rows, of: &Rows) -> Result<[f64; 2]> {
        let key = |row: &[f64]| row.iter().map(|value| value.to_bits()).collect::<Vec<u64>>();
        let known: HashSet<Vec<u64>> = of.values.chunks_exact(self.width).map(key).collect();
        let copies = rows.values.chunks_exact(self.width).filter(|row| known.contains(&key(row))).count();
        let distances = nearest_distances(&rows.vectors, &of.vectors, self.dim(), false).or_failed()?;
        Ok([copies as f64 / rows.count.max(1) as f64, quantile(&distances, 0.5).or_failed()?])
    }
}

impl Rows {
    /// Returns the number of rows.
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

fn shares(letters: impl Iterator<Item = f64>, size: usize) -> Vec<f64> {
    let (mut shares, mut count) = (vec![0.0; size], 0.0);
    letters.for_each(|letter| {
        shares[letter as usize] += 1.0;
        count += 1.0;
    });
    shares.iter_mut().for_each(|share| *share /= f64::max(count, 1.0));
    shares
}

/// Returns the largest difference of the distribution functions of two sorted samples.
fn kolmogorov(a: &[f64], b: &[f64]) -> f64 {
    let below = |all: &[f64], x: f64| all.partition_point(|value| *value <= x) as f64 / all.len().max(1) as f64;
    a.iter().chain(b).map(|x| (below(a, *x) - below(b, *x)).abs()).fold(0.0, f64::max)
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let mean = |all: &[f64]| all.iter().sum::<f64>() / n;
    let (mx, my) = (mean(x), mean(y));
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(y).map(|(x, y)| f(x - mx, y - my)).sum::<f64>();
    let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
    if xx > 0.0 && yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 }
}

/// Returns the correlation ratio: the root of the share of the variance that is between the groups.
fn ratio(x: &[f64], groups: &[usize], size: usize) -> f64 {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let (mut sums, mut counts) = (vec![0.0; size], vec![0.0; size]);
    for (x, group) in x.iter().zip(groups) {
        sums[*group] += x - mean;
        counts[*group] += 1.0;
    }
    let all = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    let between: f64 =
        sums.iter().zip(&counts).filter(|(_, count)| **count > 0.0).map(|(sum, count)| sum * sum / count).sum();
    if all > 0.0 { (between / all).clamp(0.0, 1.0).sqrt() } else { 0.0 }
}

/// Returns Cramér's V of two columns of categories.
fn cramer(pairs: &[(usize, usize)], rows: usize, columns: usize) -> f64 {
    let n = pairs.len() as f64;
    let (mut joint, mut first, mut second) = (vec![0.0; rows * columns], vec![0.0; rows], vec![0.0; columns]);
    for (i, j) in pairs {
        joint[i * columns + j] += 1.0;
        first[*i] += 1.0;
        second[*j] += 1.0;
    }
    let mut chi = 0.0;
    for (i, a) in first.iter().enumerate() {
        for (j, b) in second.iter().enumerate() {
            let expected = a * b / n;
            if expected > 0.0 {
                chi += (joint[i * columns + j] - expected).powi(2) / expected;
            }
        }
    }
    let seen = |all: &[f64]| all.iter().filter(|count| **count > 0.0).count();
    let degrees = seen(&first).min(seen(&second)).saturating_sub(1);
    if degrees == 0 { 0.0 } else { (chi / (n * degrees as f64)).clamp(0.0, 1.0).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn associations_are_known_figures() {
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]), 1.0);
        assert_eq!(correlation(&[1.0, 1.0], &[2.0, 4.0]), 0.0);
        // Two groups with means ±1 and variance 1 inside: the share of the variance is ½.
        assert!((ratio(&[0.0, 2.0, -2.0, 0.0], &[1, 1, 0, 0], 2) - 0.5_f64.sqrt()).abs() < 1e-15);
        assert!((cramer(&[(0, 0), (1, 1), (2, 2)], 3, 3) - 1.0).abs() < 1e-15);
        assert_eq!(cramer(&[(0, 0), (0, 1), (1, 0), (1, 1)], 2, 2), 0.0);
        // The 2 × 2 table 10, 20, 30, 40 has χ² = 0.7937.
        let table = [(0, 0, 10), (0, 1, 20), (1, 0, 30), (1, 1, 40)];
        let pairs: Vec<_> = table.into_iter().flat_map(|(i, j, n)| vec![(i, j); n]).collect();
        assert!((cramer(&pairs, 2, 2) - (0.793_650_793_650_793_6_f64 / 100.0).sqrt()).abs() < 1e-12);
        assert_eq!(kolmogorov(&[0.0, 1.0, 2.0, 3.0], &[2.0, 3.0, 4.0, 5.0]), 0.5);
    }
}
