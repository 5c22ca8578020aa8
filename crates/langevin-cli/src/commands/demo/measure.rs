//! How near the samples are to digits that were held out, and whether they are copies of those that were not.

use crate::error::{Blame as _, Result};
use langevin_analysis::metrics;
use langevin_train::Dataset;

/// The share of held-out digits that count as copies, by construction.
pub const COPY_SHARE: f64 = 0.01;
/// Directions of the sliced distance.
const DIRECTIONS: usize = 256;

/// Two distances between two sets.
#[derive(Clone, Copy, Debug)]
pub struct Distances {
    /// Sliced Wasserstein-2.
    pub sliced: f64,
    /// Energy distance.
    pub energy: f64,
}

/// What samples are compared with.
pub struct Measures {
    width: usize,
    train: Vec<f64>,
    held_out: Vec<f64>,
    /// The distances of real data: as many training digits in place of samples, the mean over sets that do not overlap.
    pub floor: Distances,
    /// Nearer to a training digit than this is a copy.
    threshold: f64,
}

/// The values of a data set in f64.
pub fn wide(data: &Dataset) -> Result<Vec<f64>> {
    Ok(data.values().or_failed()?.into_iter().map(f64::from).collect())
}

/// How many sets of `count` rows the training data hold.
pub fn floor_sets(train_rows: usize, count: usize) -> usize {
    (train_rows / count.max(1)).max(1)
}

impl Measures {
    /// Looks at the real data.
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

    /// The distances of samples to the digits held out.
    pub fn of(&self, samples: &[f64]) -> Result<Distances> {
        let sliced = metrics::sliced_wasserstein(samples, &self.held_out, self.width, DIRECTIONS, 0).or_failed()?;
        let energy = metrics::energy_distance(samples, &self.held_out, self.width).or_failed()?;
        Ok(Distances { sliced, energy })
    }

    /// The share of samples that are copies.
    pub fn copies(&self, samples: &[f64]) -> Result<f64> {
        let near = metrics::nearest_distances(samples, &self.train, self.width, false).or_failed()?;
        let copies = near.iter().filter(|distance| **distance < self.threshold).count();
        Ok(copies as f64 / near.len().max(1) as f64)
    }
}
