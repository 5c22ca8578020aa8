//! Mean and covariance of the training data, in the network's units:
//!
//! $$m = \frac1n\sum_r x_r, \qquad C = \frac1n\sum_r (x_r - m)(x_r - m)^\top .$$
//!
//! The exact error of a sampler on Gaussian data ([`langevin_analysis::analysis`]) depends on the
//! data only through these moments. A model file that stores them therefore needs no data for that
//! analysis.
//!
//! - Samples of at most 512 elements: m and C over all rows, up to 2²⁵ numbers. The tensors of the
//!   model file are `data.mean` \[d\] and `data.covariance` \[d, d\], in F64.
//! - Wider samples: the eigenvalues of C over at most 1,024 rows. The tensor is `data.spectrum`
//!   \[k, 3\] in F64: an eigenvalue, the number of its axes, and the squared length of m along
//!   them.
//!
//! The full covariance is not stored above 512 elements. It would be larger than most networks, and
//! computing its eigenvalues would take longer than some training runs.

use crate::error::{Error, Result};
use langevin::SampleId;
use langevin_analysis::Spectrum;
use langevin_data::shuffled;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Largest sample width whose full covariance is stored: 2 MiB.
pub(crate) const MAX_WIDTH: usize = 512;
/// Largest number of rows whose eigenvalues are computed; this takes about a second.
const MAX_ROWS: usize = 1024;
/// Largest number of values that enter the moments: 128 MiB, 256 MiB in `f64`.
const MAX_VALUES: usize = 1 << 25;
/// Largest number of eigenvalues in a file: one for each row, and 0.
const MAX_EIGENVALUES: usize = MAX_ROWS + 1;
/// Largest number of bytes that the moments take in a model file.
pub(crate) const MAX_BYTES: u64 = 8 * (MAX_WIDTH * (MAX_WIDTH + 1)) as u64;

/// Number of covariance rows that one task accumulates.
const TILE: usize = 32;

pub(crate) const MEAN: &str = "data.mean";
pub(crate) const COVARIANCE: &str = "data.covariance";
pub(crate) const SPECTRUM: &str = "data.spectrum";

/// Kind of moments that a model file stores.
///
/// ```
/// use langevin_train::MomentsKind;
/// assert_eq!(serde_json::to_value(MomentsKind::Covariance).unwrap(), "covariance");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MomentsKind {
    /// Mean and full covariance.
    Covariance,
    /// Eigenvalues of the covariance, and the squared length of the mean along their axes.
    Spectrum,
}

/// Description of the moments stored in a model file.
///
/// ```
/// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
/// use langevin_train::MomentsKind;
/// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// # recipe.network = MlpConfig::new(16, 3).into();
/// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
/// let spec = network.metadata().moments.unwrap();
/// assert_eq!((spec.kind, spec.rows), (MomentsKind::Covariance, 2));
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MomentsSpec {
    /// Kind of the stored moments.
    pub kind: MomentsKind,
    /// Number of rows that the moments are computed from.
    pub rows: usize,
}

/// Mean and covariance of the training data, in the network's units.
///
/// ```
/// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
/// use langevin_train::Moments;
/// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// # recipe.network = MlpConfig::new(16, 3).into();
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
/// let Some(Moments::Covariance { mean, covariance }) = network.moments() else { unreachable!() };
/// assert_eq!((mean[0], covariance[0]), (0.0, 1.0));
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Moments {
    /// Mean and full covariance, for samples of at most 512 elements.
    Covariance {
        /// Mean, d numbers.
        mean: Vec<f64>,
        /// Covariance, d × d numbers, row by row.
        covariance: Vec<f64>,
    },
    /// Eigenvalues only, for wider samples.
    Spectrum(Spectrum),
}

impl Moments {
    /// Returns the rows that the moments are computed from: all `count` rows, or a subset
    /// determined by the seed.
    pub(crate) fn chosen(count: usize, width: usize, seed: u64) -> Vec<usize> {
        let most = match width {
            ..=MAX_WIDTH => MAX_VALUES / width,
            _ => MAX_ROWS.min((MAX_VALUES / width).max(1)),
        };
        if count <= most {
            return (0..count).collect();
        }
        // The subset is random because files are often sorted. The index keeps its shuffle
        // independent of the shuffles of the epochs.
        let mut chosen = shuffled(count, SampleId { seed, index: u64::MAX });
        chosen.truncate(most);
        chosen
    }

    /// Computes the moments of normalised rows.
    ///
    /// Returns `None` if they are not finite; training then fails as well.
    pub(crate) fn of(values: &[f32], width: usize) -> Option<(Self, MomentsSpec)> {
        let rows = values.len() / width;
        if width <= MAX_WIDTH {
            let (mean, covariance) = covariance(values, width);
            let finite = mean.iter().chain(&covariance).all(|value| value.is_finite());
            let spec = MomentsSpec { kind: MomentsKind::Covariance, rows };
            return finite.then_some((Self::Covariance { mean, covariance }, spec));
        }
        let values: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
        let spectrum = Spectrum::from_data(&values, width).ok()?;
        Some((Self::Spectrum(spectrum), MomentsSpec { kind: MomentsKind::Spectrum, rows }))
    }

    /// Returns the spectrum of the covariance, for an exact analysis of samplers.
    ///
    /// ```
    /// use langevin::{Grid, Sampler};
    /// use langevin_analysis::Analyze as _;
    /// use langevin_analysis::analysis::AnalysisOptions;
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    /// let spectrum = network.moments().unwrap().spectrum()?;
    ///
    /// let process = &network.formulation().process;
    /// let levels = Grid::karras(10).levels(process, 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).compile(process, Some(network.formulation()), &levels)?;
    /// let analysis = plan.analyze(&spectrum, &AnalysisOptions::default())?;
    /// println!("{analysis}");
    /// assert_eq!((analysis.nfe, analysis.dimension), (10, 1));
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the covariance has a negative eigenvalue, which no data have.
    pub fn spectrum(&self) -> Result<Spectrum> {
        match self {
            Self::Covariance { mean, covariance } => Ok(Spectrum::from_covariance(mean.clone(), covariance)?),
            Self::Spectrum(spectrum) => Ok(spectrum.clone()),
        }
    }

    /// Returns the tensors of a model file: name, shape and numbers.
    pub(crate) fn tensors(&self) -> Vec<(&'static str, Vec<usize>, Vec<f64>)> {
        match self {
            Self::Covariance { mean, covariance } => {
                let d = mean.len();
                vec![(MEAN, vec![d], mean.clone()), (COVARIANCE, vec![d, d], covariance.clone())]
            }
            Self::Spectrum(spectrum) => {
                let spaces = spectrum.eigenvalues();
                // The conversion is exact because counts are below 2⁵³.
                let numbers = spaces.iter().flat_map(|space| [space.value, space.count as f64, space.mean_square]);
                vec![(SPECTRUM, vec![spaces.len(), 3], numbers.collect())]
            }
        }
    }

    /// Builds the moments from the mean and the covariance in a file.
    pub(crate) fn from_covariance(mean: Vec<f64>, covariance: Vec<f64>) -> Result<Self> {
        let d = mean.len();
        for i in 0..d {
            let bad = |what: &str, j: usize, expected: String| {
                Err(Error::checkpoint(what)
                    .at(format!("tensor '{COVARIANCE}', row {i}, column {j}"))
                    .expected(expected)
                    .got(covariance[i * d + j].to_string()))
            };
            if covariance[i * d + i] < 0.0 {
                return bad("a variance is negative", i, "0 or more".into());
            }
            if let Some(j) = (0..i).find(|j| covariance[i * d + j] != covariance[j * d + i]) {
                return bad("a covariance is not symmetric", j, covariance[j * d + i].to_string());
            }
        }
        Ok(Self::Covariance { mean, covariance })
    }

    /// Builds the moments from the eigenvalues in a file, for samples of `width` elements.
    pub(crate) fn from_spectrum(numbers: &[f64], width: usize) -> Result<Self> {
        let bad = |got: String| {
            Err(Error::checkpoint("the eigenvalues do not fit the samples")
                .at(format!("tensor '{SPECTRUM}'"))
                .expected(format!("whole numbers of axes, {width} together, on at most {MAX_EIGENVALUES} eigenvalues"))
                .got(got))
        };
        let rows = numbers.as_chunks::<3>().0;
        if rows.len() > MAX_EIGENVALUES {
            return bad(format!("{} eigenvalues", rows.len()));
        }
        if let Some([_, count, _]) = rows.iter().find(|[_, count, _]| !(1.0..=width as f64).contains(count)) {
            return bad(count.to_string());
        }
        let spaces: Vec<(f64, u64, f64)> = rows.iter().map(|[c, count, m]| (*c, *count as u64, *m)).collect();
        let total: u64 = spaces.iter().map(|space| space.1).sum();
        if total != width as u64 || rows.iter().any(|[_, count, _]| count.fract() != 0.0) {
            return bad(format!("{total} axes"));
        }
        Ok(Self::Spectrum(Spectrum::from_eigenspaces(&spaces)?))
    }
}

/// Computes the mean and the covariance over all rows, in `f64`.
///
/// Each entry is a sum over the rows in their order, so the thread count does not change a bit.
fn covariance(values: &[f32], width: usize) -> (Vec<f64>, Vec<f64>) {
    let share = 1.0 / (values.len() / width) as f64;
    let mut mean = vec![0.0; width];
    // The second pass adds the mean of the remainders, so that a constant column has exactly zero
    // variance.
    for _ in 0..2 {
        let mut left = vec![0.0; width];
        for row in values.chunks_exact(width) {
            left.iter_mut().zip(row).zip(&mean).for_each(|((left, x), m)| *left += (f64::from(*x) - m) * share);
        }
        mean.iter_mut().zip(&left).for_each(|(m, left)| *m += left);
    }
    let mut covariance = vec![0.0; width * width];
    covariance.par_chunks_mut(TILE * width).enumerate().for_each(|(tile, lines)| {
        let mut centred = vec![0.0; width];
        for row in values.chunks_exact(width) {
            centred.iter_mut().zip(row).zip(&mean).for_each(|((y, x), m)| *y = f64::from(*x) - m);
            for (i, line) in lines.chunks_exact_mut(width).enumerate() {
                let i = tile * TILE + i;
                let x = share * centred[i];
                line[..=i].iter_mut().zip(&centred).for_each(|(sum, y)| *sum += x * y);
            }
        }
    });
    for i in 0..width {
        for j in 0..i {
            covariance[j * width + i] = covariance[i * width + j];
        }
    }
    (mean, covariance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(values: &[f32], width: usize) -> (Moments, MomentsSpec) {
        let chosen = Moments::chosen(values.len() / width, width, 0);
        let rows: Vec<f32> = chosen.iter().flat_map(|row| &values[row * width..(row + 1) * width]).copied().collect();
        Moments::of(&rows, width).unwrap()
    }

    #[test]
    fn moments_are_those_of_the_rows() {
        // (0, 0), (2, 4), (4, 2) and a constant: mean (2, 2, 0.1), variances 8/3, covariance 4/3.
        let values = [0.0, 0.0, 0.1, 2.0, 4.0, 0.1, 4.0, 2.0, 0.1];
        let (Moments::Covariance { mean, covariance }, spec) = kept(&values, 3) else { panic!() };
        assert_eq!(spec, MomentsSpec { kind: MomentsKind::Covariance, rows: 3 });
        let near = |a: &[f64], b: &[f64]| assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15 * 4.0), "{a:?}");
        let (v, c) = (8.0 / 3.0, 4.0 / 3.0);
        near(&mean, &[2.0, 2.0, f64::from(0.1_f32)]);
        near(&covariance, &[v, c, 0.0, c, v, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(covariance[8], 0.0);
    }

    #[test]
    fn both_kinds_give_one_spectrum() {
        // The width exceeds one tile, so that tile boundaries are covered.
        let width = 50;
        let mut values = vec![0.0_f32; 70 * width];
        langevin::noise::fill_normals(&[SampleId { seed: 1, index: 0 }], 0, 70 * width, &mut values);
        let wide: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
        let truth = Spectrum::from_data(&wide, width).unwrap();
        let found = kept(&values, width).0.spectrum().unwrap();
        assert_eq!(found.eigenvalues().len(), width);
        for (a, b) in found.eigenvalues().iter().zip(truth.eigenvalues()) {
            // Rounding moves the eigenvalues of a symmetric matrix by at most d ulp of the largest.
            assert!((a.value - b.value).abs() < 50.0 * f64::EPSILON * 10.0, "{a:?} {b:?}");
        }
        // The rows are padded with zeros to a width at which only the spectrum is stored.
        let padded: Vec<f32> = values
            .chunks_exact(width)
            .flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0.0, 550)))
            .collect();
        let (Moments::Spectrum(spectrum), spec) = kept(&padded, 600) else { panic!() };
        assert_eq!((spec.rows, spectrum.dimension(), spectrum.eigenvalues().len()), (70, 600, width + 1));
        for (a, b) in spectrum.eigenvalues().iter().zip(truth.eigenvalues()) {
            assert!((a.value - b.value).abs() < 600.0 * f64::EPSILON * 10.0, "{a:?} {b:?}");
        }
        // A file preserves the spectrum bit for bit.
        let moments = Moments::Spectrum(spectrum);
        let tensors = moments.tensors();
        assert_eq!(Moments::from_spectrum(&tensors[0].2, 600).unwrap(), moments);
    }

    #[test]
    fn many_wide_rows_are_thinned_out() {
        let values: Vec<f32> = (0..1100 * 513).map(|k| if k / 513 % 2 == k % 2 { 1.0 } else { 0.0 }).collect();
        let (moments, spec) = kept(&values, 513);
        assert_eq!(spec, MomentsSpec { kind: MomentsKind::Spectrum, rows: 1024 });
        assert_eq!(moments.spectrum().unwrap().dimension(), 513);
    }

    #[test]
    fn moments_that_no_data_have_are_refused() {
        let text = |result: Result<Moments>| result.unwrap_err().to_string();
        assert!(text(Moments::from_covariance(vec![0.0], vec![-1.0])).contains("negative"));
        let skew = vec![1.0, 0.5, 0.25, 1.0];
        assert!(
            text(Moments::from_covariance(vec![0.0; 2], skew)).contains("row 1, column 0): expected 0.5, got 0.25")
        );
        let wrong = Moments::from_covariance(vec![0.0; 2], vec![1.0, 2.0, 2.0, 1.0]).unwrap();
        assert!(wrong.spectrum().unwrap_err().to_string().contains("semi-definite"));
        for numbers in [
            &[][..],
            &[1.0, 599.0, 0.0],
            &[1.0, 599.5, 0.0, 0.5, 0.5, 0.0],
            &[1.0, 1.5, 0.0, 0.5, 599.0, 0.0],
            &[1.0, -1.0, 0.0, 0.5, 601.0, 0.0],
            &[1.0, 1e300, 0.0],
        ] {
            assert!(text(Moments::from_spectrum(numbers, 600)).contains("600 together"), "{numbers:?}");
        }
        assert!(text(Moments::from_spectrum(&[-1.0, 600.0, 0.0], 600)).contains("eigenvalue 0"));
        assert!(Moments::of(&[f32::INFINITY, 1.0], 1).is_none());
    }
}
