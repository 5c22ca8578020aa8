//! Data for a model that exists: of its width, in its coordinates.

use crate::error::{Blame as _, Failure, Result};
use crate::source::Source;
use crate::words::plural;
use crate::{check, data};
use langevin::SampleId;
use langevin::exact::Gaussian;
use langevin::noise::fill_uniforms;
use langevin_train::{Dataset, Moments, Network};

/// The draw of the dequantisation, away from those of the likelihood and of training.
const DEQUANTISE: u32 = 0x7fff_0000;
/// What tells the seed of fresh data from that of a training.
const FRESH: u64 = 1 << 63;

/// Elements up to which a covariance is fitted to the data.
const MOST_FITTED: usize = 512;

/// Which rows are wanted.
pub struct Wanted<'a> {
    /// A name, or a file.
    pub data: &'a str,
    /// Only those that the model was not trained on.
    pub held_out: bool,
    /// The first so many.
    pub count: Option<usize>,
    /// The seed of fresh data.
    pub seed: u64,
}

/// The rows, of the width of the model.
pub fn load(wanted: &Wanted<'_>, source: &Source<'_>) -> Result<Dataset> {
    let held = source.network().and_then(|network| network.metadata().data.held_out).filter(|_| wanted.held_out);
    // Names of densities are drawn afresh: training counts its seeds from 0 too. What was held out must be found again.
    let seed = held.map_or(wanted.seed ^ FRESH, |held| held.seed);
    let mut set = data::load(wanted.data, seed)?;
    if wanted.held_out {
        let Some(split) = held else {
            return Err(Failure::misused("nothing was held out of this model's training")
                .at("--held-out")
                .expected("a model trained with --hold-out")
                .hint("leave out --held-out to use all rows"));
        };
        set = set.split(split.share, split.seed).1;
    }
    if set.width() != source.width() {
        return Err(Failure::misused("the data do not fit the model")
            .at("--data")
            .expected(format!("rows of {}", plural(source.width() as u64, "element")))
            .got(set.width().to_string()));
    }
    let count = wanted.count.unwrap_or(set.rows()).min(set.rows());
    check::memory(count, set.width())?;
    let rows: Vec<usize> = (0..count).collect();
    let mut values = vec![0.0; count * set.width()];
    set.read(&rows, &mut values).or_failed()?;
    Dataset::new(set.name(), values, set.shape()).or_failed()
}

/// The rows that the model was trained on.
pub fn trained(data: &str, source: &Source<'_>) -> Result<Dataset> {
    let held = source.network().and_then(|network| network.metadata().data.held_out);
    let set = data::load(data, held.map_or(0, |held| held.seed))?;
    Ok(held.map_or_else(|| set.clone(), |held| set.split(held.share, held.seed).0))
}

/// The rows in the coordinates of the model, how much volume that took, and who they are; with a number from [0, 1) added to each element where they are `quantised`.
pub fn coordinates(
    seed: u64,
    source: &Source<'_>,
    set: &Dataset,
    quantised: bool,
) -> langevin_train::Result<(Vec<f64>, f64, Vec<SampleId>)> {
    let width = set.width();
    let ids: Vec<SampleId> = (0..set.rows() as u64).map(|index| SampleId { seed, index }).collect();
    let mut x: Vec<f64> = set.values()?.iter().map(|value| f64::from(*value)).collect();
    if quantised {
        let mut u = vec![0.0; width];
        for (row, id) in x.chunks_exact_mut(width).zip(&ids) {
            fill_uniforms(*id, DEQUANTISE, &mut u);
            row.iter_mut().zip(&u).for_each(|(x, u)| *x += u);
        }
    }
    let log_volume = source.normalization().map_or(0.0, |map| map.to_model(&mut x, width));
    Ok((x, log_volume, ids))
}

/// A Gaussian like the data, in the coordinates of the model: of the training's moments, or, where the model has none, of these rows themselves.
pub fn gaussian(source: &Source<'_>, x: &[f64], width: usize) -> Option<Gaussian> {
    match source.network().and_then(Network::moments) {
        Some(Moments::Covariance { mean, covariance }) => Gaussian::new(mean.clone(), covariance).ok(),
        // Fewer rows than that say little of a covariance.
        None if width <= MOST_FITTED && x.len() >= 4 * width * width => Gaussian::fit(x, width).ok(),
        _ => None,
    }
}
