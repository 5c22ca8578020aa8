//! Memory estimate of a training run.

use super::lanes::rows_of_lane;
use super::recipe::Recipe;
use crate::error::Result;
use crate::nn::device::Device;
use crate::nn::net;
use langevin_data::Dataset;

/// Number of weight-sized lists in the optimiser: weights, average and two moments.
const OWN: u64 = 4;
/// Number of weight-sized lists for the saved averages.
const FOLLOWERS: u64 = 2;

impl Recipe {
    /// Returns the bytes of weights, averages, moments and gradients while training on `data`.
    ///
    /// This is most of the memory that a large network needs, but not all of it.
    ///
    /// # Errors
    /// Returns an error if the network or the crop does not fit the data.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// recipe.network = MlpConfig::new(64, 3).into();
    /// let without = recipe.memory(&data)?;
    /// recipe.averages = true;
    /// assert!(recipe.memory(&data)? > without);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn memory(&self, data: &Dataset) -> Result<u64> {
        let net = self.network.build(&self.augment().shape(data.shape())?, &Device::default())?;
        let lanes = self.batch.max(1).div_ceil(rows_of_lane(self.batch.max(1), &*net)) as u64;
        let lists = OWN + lanes + if self.averages { FOLLOWERS } else { 0 };
        Ok(4 * lists * net::size(net.parameters()) as u64)
    }
}
