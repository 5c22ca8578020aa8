//! The Gaussian copula of a table, a baseline for samples of tables.
//!
//! Every column is mapped to normal scores: a number to its own, and a category to a point of the
//! interval of its share, in the order of the categories. The scores of a row are modelled as one
//! normal vector. The law of each column is therefore exact, and the dependence of two columns is
//! that of two normals.
//!
//! Source: Patki, Wedge & Veeramachaneni, "The synthetic data vault", 2016.

use crate::error::{Error, Result};
use langevin::SampleId;
use langevin::math::{normal_cdf, normal_quantile};
use langevin::noise::{draws, fill_normals, fill_uniforms};
use langevin_data::{NormalScores, TableColumn, TableSchema};

/// Gaussian copula of a table.
///
/// ```
/// use langevin_data::{ColumnValues, NormalScores, TableColumn, TableSchema};
/// use langevin_tasks::tables::copula::Copula;
/// let (x, y) = ([0.0, 1.0, 2.0, 3.0], [5.0, 6.0, 7.0, 8.0]);
/// let columns = vec![
///     TableColumn::new("x", ColumnValues::Numbers(NormalScores::fit(&x, 1)?)),
///     TableColumn::new("y", ColumnValues::Numbers(NormalScores::fit(&y, 1)?)),
/// ];
/// let schema = TableSchema::new(columns)?;
/// let rows: Vec<f64> = x.iter().zip(y).flat_map(|(x, y)| [*x, y]).collect();
/// let drawn = Copula::fit(&schema, &rows, 0)?.sample(100, 1);
/// // The columns rise together.
/// assert!(drawn.chunks(2).all(|row| (row[1] - row[0] - 5.0).abs() <= 2.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Copula {
    scores: Vec<NormalScores>,
    /// Sums of the shares of the categories of each column, from 0 to 1.
    shares: Vec<Vec<f64>>,
    /// Lower triangular factor of the correlations of the scores, row after row.
    factor: Vec<f64>,
}

impl Copula {
    /// Fits the copula to complete rows of the model.
    ///
    /// # Errors
    /// Returns an error if there are fewer than two rows.
    pub fn fit(schema: &TableSchema, rows: &[f64], seed: u64) -> Result<Self> {
        let width = schema.columns().len();
        let count = rows.len() / width;
        if count < 2 {
            return Err(Error::misused("too few complete rows for a copula")
                .expected("2 or more")
                .got(count.to_string()));
        }
        let scores: Vec<NormalScores> = schema.columns().iter().filter_map(TableColumn::scores).cloned().collect();
        let m = scores.len();
        let shares = schema.letters().into_iter().enumerate().map(|(place, size)| {
            let mut sums = vec![0.0; size + 1];
            for row in rows.chunks_exact(width) {
                sums[row[m + place] as usize + 1] += 1.0 / count as f64;
            }
            (1..=size).for_each(|letter| sums[letter] += sums[letter - 1]);
            sums[size] = 1.0;
            sums
        });
        let shares: Vec<Vec<f64>> = shares.collect();
        let mut normal = vec![0.0; rows.len()];
        let mut u = vec![0.0; width];
        for (index, (row, out)) in rows.chunks_exact(width).zip(normal.chunks_exact_mut(width)).enumerate() {
            fill_uniforms(SampleId { seed, index: index as u64 }, draws::TRAINING_DEQUANTISATION.first(), &mut u);
            for (place, (value, out)) in row.iter().zip(out).enumerate() {
                *out = match place.checked_sub(m) {
                    None => scores[place].score(*value, u[place]),
                    Some(column) => {
                        let (sums, letter) = (&shares[column], *value as usize);
                        normal_quantile(
                            (sums[letter] + u[place] * (sums[letter + 1] - sums[letter])).clamp(1e-9, 1.0 - 1e-9),
                        )
                    }
                };
            }
        }
        Ok(Self { scores, shares, factor: factor(&normal, width) })
    }

    /// Draws rows of the model.
    #[must_use]
    pub fn sample(&self, count: usize, seed: u64) -> Vec<f64> {
        let (m, width) = (self.scores.len(), self.scores.len() + self.shares.len());
        let ids: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed, index }).collect();
        let mut z = vec![0.0_f32; count * width];
        fill_normals(&ids, draws::BASELINE_SAMPLES.first(), width, &mut z);
        let mut out = Vec::with_capacity(z.len());
        for z in z.chunks_exact(width) {
            for place in 0..width {
                let score: f64 = self.factor[place * width..=place * width + place]
                    .iter()
                    .zip(z)
                    .map(|(l, z)| l * f64::from(*z))
                    .sum();
                out.push(match place.checked_sub(m) {
                    None => self.scores[place].value(score),
                    Some(column) => {
                        let sums = &self.shares[column];
                        let letter = sums.partition_point(|sum| *sum <= normal_cdf(score));
                        (letter.clamp(1, sums.len() - 1) - 1) as f64
                    }
                });
            }
        }
        out
    }
}

/// Returns the Cholesky factor of the correlations of rows, whose variances are made 1.
///
/// A pivot below 10⁻⁶ belongs to a column that the others determine. It is raised to that.
fn factor(rows: &[f64], width: usize) -> Vec<f64> {
    const LEAST: f64 = 1e-6;
    let count = (rows.len() / width) as f64;
    let mean: Vec<f64> = (0..width).map(|j| rows.iter().skip(j).step_by(width).sum::<f64>() / count).collect();
    let mut covariance = vec![0.0; width * width];
    for row in rows.chunks_exact(width) {
        for i in 0..width {
            for j in 0..=i {
                covariance[i * width + j] += (row[i] - mean[i]) * (row[j] - mean[j]) / count;
            }
        }
    }
    let scale: Vec<f64> = (0..width).map(|i| covariance[i * width + i].max(1e-12).sqrt()).collect();
    let mut factor = vec![0.0; width * width];
    for i in 0..width {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| factor[i * width + k] * factor[j * width + k]).sum();
            let rest = covariance[i * width + j] / (scale[i] * scale[j]) - dot;
            factor[i * width + j] = if i == j { rest.max(LEAST).sqrt() } else { rest / factor[j * width + j] };
        }
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::*;
    use langevin_data::ColumnValues;

    #[test]
    fn columns_and_their_dependence_are_kept() {
        // A number and a category that is its sign, with one in ten turned.
        let count = 4000;
        let numbers: Vec<f64> = (0..count).map(|i| normal_quantile((f64::from(i) + 0.5) / f64::from(count))).collect();
        let rows: Vec<f64> = numbers
            .iter()
            .enumerate()
            .flat_map(|(i, x)| [*x, f64::from(u8::from((*x > 0.5) != (i % 10 == 3)))])
            .collect();
        let of = ColumnValues::Categories(vec!["n".into(), "y".into()]);
        let scores = ColumnValues::Numbers(NormalScores::fit(&numbers, 9).unwrap());
        let schema = TableSchema::new(vec![TableColumn::new("x", scores), TableColumn::new("s", of)]).unwrap();
        let drawn = Copula::fit(&schema, &rows, 0).unwrap().sample(count as usize, 5);
        let share = |rows: &[f64]| rows.chunks(2).filter(|row| row[1] == 1.0).count() as f64 / f64::from(count);
        let mean = |rows: &[f64]| rows.chunks(2).map(|row| row[0] * row[1]).sum::<f64>() / f64::from(count);
        // The scores of a category spread over its interval, so that a copula has less dependence
        // than the rows: with the density φ of the boundary, and p the share, the mean of the
        // product is multiplied by φ²/(p(1 − p)).
        let p = share(&rows);
        let density = (-normal_quantile(p).powi(2) / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let kept = density * density / (p * (1.0 - p));
        // Four standard errors of a share, and of a mean of products whose variance is below 1.
        assert!((share(&drawn) - share(&rows)).abs() < 0.032, "{} {}", share(&drawn), share(&rows));
        assert!((mean(&drawn) - kept * mean(&rows)).abs() < 0.064, "{} {}", mean(&drawn), mean(&rows));
        assert!(Copula::fit(&schema, &rows[..2], 0).is_err());
    }
}
