//! A picture of samples during the training.

use crate::error::Result;
use crate::io::png::{Picture, Tile};
use langevin_tasks::source::Source;
use langevin_tasks::train::draw;
use langevin_train::Network;
use std::path::Path;

/// Number of samples that are pictures, and of points in a plane.
const PICTURES: usize = 64;
const POINTS: usize = 2000;

/// Draws samples from the network and writes a picture of them. The noise is the same every time,
/// so two pictures show the progress between them. The samples take the classes in turn.
pub fn preview(network: &mut Network, seed: u64, path: &Path) -> Result<()> {
    let (count, tile) = match Tile::of(network.shape()) {
        Some(tile) => (PICTURES.min(Picture::most(tile.height, tile.width)), Some(tile)),
        None if network.width() == 2 => (POINTS, None),
        None => return Ok(()),
    };
    let threads = Source::Borrowed(network).threads(None);
    let samples = draw(network, seed, count, threads)?;
    match tile {
        None => Picture::scatter(&samples).write(path),
        Some(tile) => {
            let extent = Source::Borrowed(network).extent().unwrap_or([0.0, 1.0]);
            Picture::sheet(&samples, tile, extent)?.write(path)
        }
    }
}
