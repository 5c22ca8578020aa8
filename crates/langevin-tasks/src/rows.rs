//! Rows for a model that exists: what they are to it, and its coordinates.

use crate::error::{Blame as _, Result};
use langevin::SampleId;
use langevin::noise::{draws, fill_uniforms};
use langevin_analysis::exact::Gaussian;
use langevin_data::{Dataset, Lattice};
use langevin_train::{Moments, Network, Normalization};

/// Difference between the seed of fresh data and that of a training.
pub const FRESH: u64 = 1 << 63;

/// Elements up to which a covariance is fitted to the data.
const MOST_FITTED: usize = 512;

/// Deviations beyond which rows are not those that a scale was made for.
const FAR: f64 = 5.0;
/// A deviation below which pictures are not: [0, 1] where [0, 255] was learned gives 1/255.
const NARROW: f64 = 0.02;

/// Rows, by what they are to a model.
#[derive(Clone, Debug)]
pub enum Part {
    /// Rows of its training, of which some were held out.
    Own {
        /// The rows it was trained on.
        trained: Box<Dataset>,
        /// The held-out rows.
        held_out: Box<Dataset>,
    },
    /// Rows it was trained on, all of them.
    Trained(Dataset),
    /// Rows of another file, or drawn anew.
    Other(Dataset),
}

/// Classifies data by what they are to a network. `read` reads or draws them with a seed, and `drawn` says whether another seed gives other rows.
///
/// # Errors
/// Returns the error of `read`, and an error if rows cannot be read again.
pub fn part(network: Option<&Network>, drawn: bool, seed: u64, read: impl Fn(u64) -> Result<Dataset>) -> Result<Part> {
    let Some(network) = network else { return Ok(Part::Other(read(seed ^ FRESH)?)) };
    let about = &network.metadata().data;
    let own = |set: &Dataset| match &about.fingerprint {
        Some(fingerprint) => fingerprint.is_of(set).or_failed(),
        // Files of older versions say no more.
        None => Ok(about.rows == set.rows()),
    };
    match about.held_out {
        Some(held) => {
            let set = read(held.seed)?;
            let (trained, held_out) = set.split(held.share, held.seed);
            match own(&trained)? {
                true => Ok(Part::Own { trained: Box::new(trained), held_out: Box::new(held_out) }),
                false if drawn => Ok(Part::Other(read(seed ^ FRESH)?)),
                false => Ok(Part::Other(set)),
            }
        }
        // Names of densities are drawn afresh: training counts its seeds from 0 too.
        None if drawn => Ok(Part::Other(read(seed ^ FRESH)?)),
        None => {
            let set = read(seed)?;
            if own(&set)? { Ok(Part::Trained(set)) } else { Ok(Part::Other(set)) }
        }
    }
}

/// Describes columns that lie far from where the map of a model takes its own data, such as rows in other units. Of rows of several axes the values are judged together.
///
/// # Errors
/// Returns an error if the rows cannot be read.
pub fn beyond(some: &Dataset, map: &Normalization) -> Result<Vec<String>> {
    let width = some.width();
    let mut values = some.values_wide().or_failed()?;
    let _ = map.to_model(&mut values, width);
    let rows = some.rows() as f64;
    let column = |element: usize| values.iter().skip(element).step_by(width);
    if some.shape().len() != 1 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        let far = mean.abs() > FAR || !(NARROW..=FAR).contains(&spread);
        return Ok(if far {
            vec![format!("the values have mean {mean:.1} and deviation {spread:.2}")]
        } else {
            vec![]
        });
    }
    let far = (0..width).filter_map(|element| {
        let mean = column(element).sum::<f64>() / rows;
        let spread = (column(element).map(|value| (value - mean).powi(2)).sum::<f64>() / rows).sqrt();
        let place = some.column_name(element);
        (mean.abs() > FAR || spread > FAR).then(|| format!("{place} has mean {mean:.1} and deviation {spread:.1}"))
    });
    Ok(far.take(8).collect())
}

/// Rows in the coordinates of a model.
#[derive(Clone, Debug)]
pub struct Coordinates {
    /// The numbers, row after row.
    pub x: Vec<f64>,
    /// What is added to −log p of each row to have it in the units of the file.
    pub volumes: Vec<f64>,
    /// Identities of the rows.
    pub ids: Vec<SampleId>,
}

/// Returns rows in the coordinates of a model, whose map is `normalization`. With a lattice, a number below the spacing is added to each element that has one.
///
/// # Errors
/// Returns an error if the rows cannot be read.
pub fn coordinates(
    seed: u64,
    normalization: Option<&Normalization>,
    set: &Dataset,
    lattice: Option<&Lattice>,
) -> langevin_train::Result<Coordinates> {
    let width = set.width();
    let ids: Vec<SampleId> = (0..set.rows() as u64).map(|index| SampleId { seed, index }).collect();
    let mut x = set.values_wide()?;
    if let Some(lattice) = lattice {
        let mut u = vec![0.0; width];
        for (row, id) in x.chunks_exact_mut(width).zip(&ids) {
            fill_uniforms(*id, draws::LIKELIHOOD_DEQUANTISATION.first(), &mut u);
            u.iter_mut().enumerate().for_each(|(element, u)| *u *= lattice.step(element));
            set.frame().add(row, &u);
        }
    }
    let mut volumes: Vec<f64> = x.chunks_exact(width).map(|row| set.frame().log_volume(row)).collect();
    let scales = normalization.map_or(0.0, |map| map.to_model(&mut x, width));
    volumes.iter_mut().for_each(|volume| *volume += scales);
    Ok(Coordinates { x, volumes, ids })
}

/// Returns a Gaussian like the data in the coordinates of a model: of the moments of its training or, if it has none, fitted to these rows. `None` if it has eigenvalues alone, or if
/// there are too few rows for a fit.
#[must_use]
pub fn gaussian(moments: Option<&Moments>, x: &[f64], width: usize) -> Option<Gaussian> {
    match moments {
        Some(Moments::Covariance { mean, covariance }) => Gaussian::new(mean.clone(), covariance).ok(),
        // Fewer rows than that say little of a covariance.
        None if width <= MOST_FITTED && x.len() >= 4 * width * width => Gaussian::fit(x, width).ok(),
        _ => None,
    }
}
