//! Samples of a network on the way, for pictures.

use crate::error::{Blame as _, Result};
use langevin::{Request, Sampling};
use langevin_train::Network;

/// Draws `count` samples from a network with the default plan, row after row in the units of the data. The noise depends on the seed alone, so that two calls show what was learned between them.
/// Classes take turns. The network keeps the labels that were set for this.
///
/// # Errors
/// Returns an error if the network cannot be evaluated.
pub fn draw(network: &mut Network, seed: u64, count: usize, threads: usize) -> Result<Vec<f64>> {
    let classes = network.classes().len() as u32;
    network.set_labels((0..classes).collect()).or_failed()?;
    let plan = Request::new().network(network.formulation().clone()).plan().or_failed()?;
    let mut samples = Sampling::new(count, network.width())
        .seed(seed)
        .chunk(count.div_ceil(threads).max(1))
        .threads(threads)
        .run(&plan, &*network)
        .or_failed()?;
    network.denormalize(&mut samples);
    Ok(samples)
}
