//! Rows for a model that exists: what they are to it, and its coordinates.

use crate::data::{self, Reading};
use crate::error::{Blame as _, Error, Result};
use crate::limits;
use crate::observe::{Note, Observer};
use crate::source::Source;
use crate::words::shown;
use langevin::SampleId;
use langevin::noise::{draws, fill_uniforms};
use langevin::text::plural;
use langevin_analysis::exact::Gaussian;
use langevin_data::{Axes, Dataset, Lattice, Options};
use langevin_train::{Metadata, Moments, Network, Normalization};
use std::path::Path;

/// Difference between the seed of fresh data and that of a training.
pub const FRESH: u64 = 1 << 63;

/// Elements up to which a covariance is fitted to the data.
const MOST_FITTED: usize = 512;

/// Deviations beyond which rows are not those that a scale was made for.
const FAR: f64 = 5.0;
/// A deviation below which pictures are not: [0, 1] where [0, 255] was learned gives 1/255.
const NARROW: f64 = 0.02;

/// Rows that tell the scale of all.
const MOST_LOOKED_AT: usize = 1000;

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

/// Which rows are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// A name, or a file.
    pub data: &'a str,
    /// How the file is read, where it is not as the model's own.
    pub reading: &'a Reading,
    /// Only those that the model was not trained on.
    pub held_out: bool,
    /// The first so many; `None`: all.
    pub count: Option<usize>,
    /// The seed of fresh data.
    pub seed: u64,
}

/// Returns how other rows are read for a model: as its own were, but for what `reading` says.
///
/// # Errors
/// Returns an error if `reading` cannot be followed.
pub fn options(reading: &Reading, source: &Source<'_>) -> Result<Options> {
    let metadata = source.network().map(Network::metadata);
    let mut own = metadata.and_then(|metadata| metadata.data.reading.clone()).unwrap_or_default();
    own.labels_optional = true;
    // A model of parts of pictures sees the middle of others.
    if let Some(Metadata { data, .. }) = metadata
        && data.pictures
        && let [height, width, ..] = data.shape[..]
    {
        own = own.size(height, width);
    }
    reading.over(own)
}

/// Returns the rows of these data as the model knows rows, all of them.
///
/// # Errors
/// Returns an error for data that cannot be read and for rows that do not fit the model.
pub fn read(name: &str, seed: u64, reading: &Reading, source: &Source<'_>, observer: &dyn Observer) -> Result<Dataset> {
    let options = options(reading, source)?;
    let mut set = data::read("‹data›", name, seed, reading, &options, observer)?;
    if let Some(frame) = source.frame() {
        set = set.framed(frame).map_err(|error| data::failure(&error, observer))?;
    }
    let set = shaped("‹data›", set, &source.shape(), "the model", observer)?;
    if let Some(map) = source.normalization() {
        let far = beyond(&set.head(MOST_LOOKED_AT.min(set.rows())), map)?;
        if !far.is_empty() {
            observer.note(&Note::OtherScale(far));
        }
    }
    Ok(set)
}

/// Returns the rows in this shape, turned where only their channels stand elsewhere. A row of one axis is taken as it lies, and
/// axes of one element say nothing. `argument` names the rows in messages, and `of` what has the shape.
///
/// # Errors
/// Returns an error for rows of another shape.
pub fn shaped(argument: &str, set: Dataset, shape: &[usize], of: &str, observer: &dyn Observer) -> Result<Dataset> {
    let plain = |shape: &[usize]| shape.iter().copied().filter(|size| *size != 1).collect::<Vec<usize>>();
    let (own, wanted) = (plain(set.shape()), plain(shape));
    if set.width() == shape.iter().product::<usize>() && (own == wanted || own.len() < 2 || wanted.len() < 2) {
        return Ok(set);
    }
    if let (&[channels, height, width], false) = (set.shape(), set.is_pictures())
        && *shape == [height, width, channels]
    {
        observer.note(&Note::ChannelsTurned { data: shown(Path::new(set.name())), like: of.to_owned() });
        return set.channels_last(Some(Axes::ChannelsFirst)).map_err(|error| data::failure(&error, observer));
    }
    Err(Error::misused(format!("the data do not fit {of}"))
        .at(argument)
        .expected(format!("rows of shape {shape:?}"))
        .got(format!("{:?}", set.shape())))
}

/// Returns the rows of these data, and what they are to the model.
///
/// # Errors
/// Returns an error as [`read`] does.
pub fn part_of(name: &str, seed: u64, reading: &Reading, source: &Source<'_>, observer: &dyn Observer) -> Result<Part> {
    part(source.network(), data::is_drawn(name), seed, |seed| read(name, seed, reading, source, observer))
}

/// Returns the rows that are wanted.
///
/// # Errors
/// Returns an error as [`read`] does, and where rows are wanted that were held out and there are none.
pub fn load(wanted: &Wanted<'_>, source: &Source<'_>, observer: &dyn Observer) -> Result<Dataset> {
    let set = if wanted.held_out {
        if source.network().is_none_or(|network| network.metadata().data.held_out.is_none()) {
            let failure = Error::misused("no rows were held out of this model's training")
                .at("‹held-out›")
                .expected("a model of `langevin train --hold-out SHARE`");
            return Err(match source.network() {
                Some(network) => failure
                    .got(format!("one trained on all {}", plural(network.metadata().data.rows as u64, "row")))
                    .hint("leave out ‹held-out›, and give rows that the model has not seen as ‹data› FILE"),
                None => {
                    failure.got(format!("'{}', which was not trained here", source.name())).hint("leave out ‹held-out›")
                }
            });
        }
        match part_of(wanted.data, wanted.seed, wanted.reading, source, observer)? {
            Part::Own { held_out, .. } => *held_out,
            Part::Trained(set) | Part::Other(set) => {
                return Err(Error::misused("these are not the data that the model was trained on")
                    .at("‹data›, ‹held-out›")
                    .expected(match source.network().map(|network| &network.metadata().data) {
                        Some(data) => format!("all rows of '{}', of which part was held out", data.name),
                        None => "the data of which part was held out".to_owned(),
                    })
                    .got(format!("'{}', {}", wanted.data, plural(set.rows() as u64, "row")))
                    .hint("leave out ‹held-out›: no row of other data was trained on"));
            }
        }
    } else if data::is_drawn(wanted.data) {
        read(wanted.data, wanted.seed ^ FRESH, wanted.reading, source, observer)?
    } else {
        read(wanted.data, wanted.seed, wanted.reading, source, observer)?
    };
    let count = wanted.count.unwrap_or(set.rows()).min(set.rows());
    limits::memory(count, set.width())?;
    Ok(set.head(count))
}

/// Returns the spacing of evenly spaced values: that of the training where these rows keep it, or else their own.
///
/// # Errors
/// Returns an error if the rows cannot be read.
pub fn lattice(source: &Source<'_>, set: &Dataset) -> Result<Option<Lattice>> {
    let trained = source.network().and_then(|network| network.metadata().data.lattice.clone());
    if let Some(lattice) = trained {
        let rows = set.values_wide().or_failed()?;
        let file = source.frame().map_or_else(|| rows.clone(), |frame| frame.unlogged(&rows));
        if lattice.holds(&file, set.width()) {
            return Ok(Some(lattice));
        }
    }
    set.lattice().or_failed()
}

/// Returns a Gaussian like the data in the coordinates of the model, as [`gaussian`] does.
#[must_use]
pub fn gaussian_of(source: &Source<'_>, x: &[f64], width: usize) -> Option<Gaussian> {
    gaussian(source.network().and_then(Network::moments), x, width)
}
