//! Distances between samples and held-out digits, and the share of samples that are copies of
//! training digits.

use crate::error::{Blame as _, Result};
use langevin_analysis::metrics;
use langevin_train::Dataset;

/// Share of held-out digits that count as copies, by construction.
pub const COPY_SHARE: f64 = 0.01;
/// Number of directions of the sliced distance.
const DIRECTIONS: usize = 256;

/// Two distances between two sets of pictures.
#[derive(Clone, Copy, Debug)]
pub struct Distances {
    /// Sliced Wasserstein-2 distance.
    pub sliced: f64,
    /// Energy distance.
    pub energy: f64,
}

/// The real data that samples are compared with.
pub struct Measures {
    width: usize,
    train: Vec<f64>,
    held_out: Vec<f64>,
    /// Distances of real data: training digits in place of samples, averaged over disjoint sets.
    pub floor: Distances,
    /// A sample that lies closer to a training digit than this distance is a copy.
    threshold: f64,
}

/// Returns the values of a data set in f64.
pub fn wide(data: &Dataset) -> Result<Vec<f64>> {
    Ok(data.values().or_failed()?.into_iter().map(f64::from).collect())
}

/// Returns the number of disjoint sets of `count` rows in the training data.
pub fn floor_sets(train_rows: usize, count: usize) -> usize {
    (train_rows / count.max(1)).max(1)
}

impl Measures {
    /// Measures the real data.
    pub fn new(train: &Dataset, held_out: &Dataset) -> Result<Self> {
        let width = train.width();
        let (train, held_out) = (wide(train)?, wide(held_out)?);
        let near = metrics::nearest_distances(&held_out, &train, width, false).or_failed()?;
        let threshold = metrics::quantile(&near, COPY_SHARE).or_failed()?;
        let floor = Distances { sliced: 0.0, energy: 0.0 };
        let mut measures = Self { width, train, held_out, floor, threshold };
        let sets = floor_sets(measures.train.len(), measures.held_out.len());
        let mut sum = floor;
        for set in measures.train.chunks_exact(measures.held_out.len()).take(sets) {
            let distances = measures.of(set)?;
            sum.sliced += distances.sliced / sets as f64;
            sum.energy += distances.energy / sets as f64;
        }
        measures.floor = sum;
        Ok(measures)
    }

    /// Returns the distances between samples and the held-out digits.
    pub fn of(&self, samples: &[f64]) -> Result<Distances> {
        let sliced = metrics::sliced_wasserstein(samples, &self.held_out, self.width, DIRECTIONS, 0).or_failed()?;
        let energy = metrics::energy_distance(samples, &self.held_out, self.width).or_failed()?;
        Ok(Distances { sliced, energy })
    }

    /// Returns the share of samples that are copies.
    pub fn copies(&self, samples: &[f64]) -> Result<f64> {
        let near = metrics::nearest_distances(samples, &self.train, self.width, false).or_failed()?;
        let copies = near.iter().filter(|distance| **distance < self.threshold).count();
        Ok(copies as f64 / near.len().max(1) as f64)
    }
}
