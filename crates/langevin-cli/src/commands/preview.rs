//! Samples of a network on the way, as a picture.

use crate::error::{Blame as _, Result};
use crate::io::png::Grey;
use crate::schedule::{SIGMAS, usual_range};
use langevin::{Grid, Sampler, Sampling};
use langevin_train::Network;
use std::path::Path;

/// Steps of the sampler, and samples: pictures, or points of a plane.
const STEPS: usize = 20;
const PICTURES: usize = 64;
const POINTS: usize = 2000;

/// Draws from the network and writes what can be seen of it: always the same noise, so that two of these show what was learned between them. Classes take turns.
pub fn preview(network: &mut Network, seed: u64, path: &Path) -> Result<()> {
    let shape: Vec<usize> = network.shape().iter().copied().filter(|extent| *extent > 1).collect();
    let (count, sides) = match shape[..] {
        [2] => (POINTS, None),
        [height, width] => (PICTURES.min(Grey::most(height, width)), Some((height, width))),
        _ => return Ok(()),
    };
    let classes = network.classes().len() as u32;
    network.set_labels((0..classes).collect()).or_failed()?;
    let formulation = network.formulation().clone();
    let (low, high) = formulation.range.map_or((SIGMAS[0], SIGMAS[1]), |range| range.sigma_ve());
    let usual = usual_range(&formulation.process);
    let levels = Grid::karras(STEPS).levels(&formulation.process, low.max(usual[0]), high.min(usual[1])).or_failed()?;
    let plan = Sampler::parse("dpmpp-2m", None).or_failed()?;
    let plan = plan.compile(&formulation.process, Some(&formulation), &levels).or_failed()?;
    let width = network.width();
    let mut samples = Sampling::new(count, width)
        .seed(seed)
        .chunk(count.div_ceil(rayon::current_num_threads()).max(1))
        .threads(rayon::current_num_threads())
        .run(&plan, &*network)
        .or_failed()?;
    network.denormalize(&mut samples);
    match sides {
        None => Grey::scatter(&samples).write(path),
        Some((height, width)) => {
            // Pictures were brought to [−1, 1] by one pair of numbers.
            let map = network.normalization();
            let extent = [map.shift[0] - map.scale[0], map.shift[0] + map.scale[0]];
            Grey::sheet(&samples, height, width, extent)?.write(path)
        }
    }
}
