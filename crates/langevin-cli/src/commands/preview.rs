//! Samples of a network on the way, as a picture.

use crate::error::{Blame as _, Result};
use crate::io::png::{Picture, Tile};
use langevin::{Request, Sampling};
use langevin_tasks::source::Source;
use langevin_train::Network;
use std::path::Path;

/// Samples: pictures, or points of a plane.
const PICTURES: usize = 64;
const POINTS: usize = 2000;

/// Draws from the network and writes what can be seen of it: always the same noise, so that two of these show what was learned between them. Classes take turns.
pub fn preview(network: &mut Network, seed: u64, path: &Path) -> Result<()> {
    let (count, tile) = match Tile::of(network.shape()) {
        Some(tile) => (PICTURES.min(Picture::most(tile.height, tile.width)), Some(tile)),
        None if network.width() == 2 => (POINTS, None),
        None => return Ok(()),
    };
    let classes = network.classes().len() as u32;
    network.set_labels((0..classes).collect()).or_failed()?;
    let plan = Request::new().network(network.formulation().clone()).plan().or_failed()?;
    let width = network.width();
    let threads = Source::Borrowed(network).threads(None);
    let mut samples = Sampling::new(count, width)
        .seed(seed)
        .chunk(count.div_ceil(threads).max(1))
        .threads(threads)
        .run(&plan, &*network)
        .or_failed()?;
    network.denormalize(&mut samples);
    match tile {
        None => Picture::scatter(&samples).write(path),
        Some(tile) => {
            let extent = Source::Borrowed(network).extent().unwrap_or([0.0, 1.0]);
            Picture::sheet(&samples, tile, extent)?.write(path)
        }
    }
}
