//! What a training takes of the memory.

use super::lanes::rows_of_lane;
use super::recipe::Recipe;
use crate::error::Result;
use crate::nn::device::Device;
use crate::nn::net;
use langevin_data::Dataset;

/// Lists as long as the weights that the optimiser holds: weights, average and two moments.
const OWN: u64 = 4;
/// Those of the averages that are kept for later.
const FOLLOWERS: u64 = 2;

impl Recipe {
    /// The bytes that weights, averages, moments and gradients take while training on `data`: the most of
    /// what a large network needs, though not all.
    ///
    /// # Errors
    /// Returns an error if the network or the crop does not fit the data.
    pub fn memory(&self, data: &Dataset) -> Result<u64> {
        let net = self.network.build(&self.augment().shape(data.shape())?, &Device::default())?;
        let lanes = self.batch.max(1).div_ceil(rows_of_lane(self.batch.max(1), &*net)) as u64;
        let lists = OWN + lanes + if self.averages { FOLLOWERS } else { 0 };
        Ok(4 * lists * net::size(net.parameters()) as u64)
    }
}
