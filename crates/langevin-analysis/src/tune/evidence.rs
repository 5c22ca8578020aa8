//! Evidence for a tuned plan: intervals, the distance to data, and the limits of any table.

use super::memory::Answers;
use crate::metrics::{EnergyTerms, energy_distance};
use langevin::error::Result;
use langevin::formulation::Formulation;
use langevin::model::{Model, Query};
use langevin::noise::{SampleId, draws, fill_uniforms};
use nalgebra::{DMatrix, DVector};

/// Resamplings of a bootstrap interval, and the part of each tail in a thousand.
const RESAMPLINGS: usize = 2000;
const TAIL: usize = 25;
/// Resamplings of the interval of a distance, each of which costs the square of the samples.
const DISTANCES: usize = 400;

/// Calls `f` with the rows of each resampling, and returns the 95 % interval of its values.
fn interval(rows: usize, resamplings: usize, seed: u64, mut f: impl FnMut(&[usize]) -> f64) -> [f64; 2] {
    let mut values = Vec::with_capacity(resamplings);
    let (mut uniforms, mut places) = (vec![0.0; rows], vec![0; rows]);
    for index in 0..resamplings as u64 {
        fill_uniforms(SampleId { seed, index }, draws::TUNE_BOOTSTRAP.first(), &mut uniforms);
        for (place, u) in places.iter_mut().zip(&uniforms) {
            *place = (u * rows as f64) as usize;
        }
        values.push(f(&places));
    }
    values.sort_by(f64::total_cmp);
    let tail = resamplings * TAIL / 1000;
    [values[tail], values[resamplings - 1 - tail]]
}

/// Returns the interval of the ratio of two root mean square errors, from the mean square errors of
/// the same samples.
pub(super) fn of_ratio(ours: &[f64], theirs: &[f64], seed: u64) -> [f64; 2] {
    interval(ours.len(), RESAMPLINGS, seed, |places| {
        let sum = |errors: &[f64]| places.iter().map(|place| errors[*place]).sum::<f64>();
        (sum(ours) / sum(theirs)).sqrt()
    })
}

/// Energy distances of samples to data.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToData {
    /// The energy distance of the tuned plan's samples.
    pub tuned: f64,
    /// That of the samples of the best known plan, from the same noise.
    pub known: f64,
    /// That of the fine solution, from the same noise.
    pub fine: f64,
    /// The number of rows of data.
    pub rows: usize,
    /// The bootstrap interval (95 %) of the squared distance of the tuned plan minus that of the
    /// known plan.
    pub difference: [f64; 2],
}

impl ToData {
    /// Returns true if the tuned plan's samples are farther from the data, beyond the interval.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.difference[0] > 0.0
    }

    pub(super) fn measure(samples: [&[f64]; 3], data: &[f64], width: usize, seed: u64) -> Result<Self> {
        let [tuned, known, fine] = samples;
        let of = |samples: &[f64]| energy_distance(samples, data, width);
        let (ours, theirs) = (EnergyTerms::of(tuned, data, width), EnergyTerms::of(known, data, width));
        let rows = tuned.len() / width.max(1);
        let difference = interval(rows, DISTANCES, seed, |places| ours.square(places) - theirs.square(places));
        Ok(Self { tuned: of(tuned)?, known: of(known)?, fine: of(fine)?, rows: data.len() / width.max(1), difference })
    }
}

/// Errors that no weights can remove: those of the best combinations of the start and of the
/// answers that the tuned plan received, on the test samples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Wall {
    /// The error of the best last row: one combination for all samples, by least squares on the
    /// test samples themselves.
    pub last_row: f64,
    /// The error of the best combination of each sample for itself, which is the part of the fine
    /// solution outside the span; 0 if the samples have no more elements than there are vectors.
    pub outside: f64,
}

impl Wall {
    pub(super) fn measure(starts: &[f64], answers: &Answers, reference: &[f64], width: usize) -> Self {
        let rows = reference.len() / width.max(1);
        let basis = |row: usize| -> Vec<&[f64]> {
            let start = &starts[row * width..(row + 1) * width];
            [start].into_iter().chain(answers[row].iter().map(Vec::as_slice)).collect()
        };
        let side = answers.first().map_or(0, |calls| calls.len() + 1);
        let (mut normal, mut right) = (DMatrix::zeros(side, side), DVector::zeros(side));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut outside = 0.0;
        let mut squares = 0.0;
        for row in 0..rows {
            let (basis, goal) = (basis(row), &reference[row * width..(row + 1) * width]);
            if basis.len() != side {
                return Self { last_row: f64::NAN, outside: f64::NAN };
            }
            let gram = DMatrix::from_fn(side, side, |i, j| dot(basis[i], basis[j]));
            let with = DVector::from_fn(side, |i, _| dot(basis[i], goal));
            squares += dot(goal, goal);
            if width > side {
                outside += (dot(goal, goal) - explained(&gram, &with)).max(0.0);
            }
            normal += gram;
            right += with;
        }
        let count = reference.len() as f64;
        let last_row = (squares - explained(&normal, &right)).max(0.0);
        Self { last_row: (last_row / count).sqrt(), outside: (outside / count).sqrt() }
    }
}

/// Returns the square of the projection on a basis with this Gram matrix.
fn explained(gram: &DMatrix<f64>, with: &DVector<f64>) -> f64 {
    let eigen = gram.clone().symmetric_eigen();
    let least = 1e-13 * eigen.eigenvalues.max();
    let parts = eigen.eigenvalues.iter().zip(eigen.eigenvectors.column_iter());
    parts.filter(|(value, _)| **value > least).map(|(value, vector)| vector.dot(with).powi(2) / value).sum()
}

/// A model whose input and answers are rounded to single precision.
pub(super) struct Single<M>(pub M);

impl<M: Model<Vec<f64>>> Model<Vec<f64>> for Single<M> {
    fn formulation(&self) -> Option<&Formulation> {
        self.0.formulation()
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let narrow = |values: &[f64]| values.iter().map(|x| f64::from(*x as f32)).collect::<Vec<f64>>();
        self.0.predict(&narrow(x), query).map(|answer| narrow(&answer))
    }
}
