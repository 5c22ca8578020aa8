//! Models with a different average of the weights, computed after the training.

use crate::error::{Blame as _, Error, Result};
use langevin_train::{Averages, Network};
use std::path::PathBuf;

/// A model with a different average of the weights.
#[derive(Debug)]
#[non_exhaustive]
pub struct Averaged {
    /// The model.
    pub network: Network,
    /// Relative error with which the stored averages reproduce the requested averaging profile.
    pub off: f64,
}

/// Returns the network of a run with an average of the given length, computed from the averages in
/// `files`, which [`rundir::averages`](crate::rundir::averages) lists. The length is the standard
/// deviation of the averaging weights as a share of the training.
///
/// # Errors
/// Returns an error if a file cannot be read or belongs to another network, or if the length is not
/// between 0.001 and 0.2887.
pub fn average(network: &Network, files: &[PathBuf], length: f64) -> Result<Averaged> {
    let mut kept = Vec::with_capacity(files.len());
    for path in files {
        let bytes = std::fs::read(path).map_err(|error| Error::reading(path, &error))?;
        kept.push(Averages::from_bytes(&bytes).or_failed().map_err(|error| error.in_file(path))?);
    }
    let (network, off) = network.with_average(&kept, length).or_misused()?;
    Ok(Averaged { network, off })
}
