//! Rows for an existing model: their relation to its training, and its coordinates.

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

/// Bit that separates the seeds of fresh data from those of trainings.
pub const FRESH: u64 = 1 << 63;

/// Maximum number of elements for which a covariance is fitted to the data.
const MOST_FITTED: usize = 512;

/// Number of standard deviations beyond which columns are reported as off scale.
const FAR: f64 = 5.0;
/// Smallest plausible deviation of pictures. Pictures with values in [0, 1] have 1/255 if the model
/// was trained on [0, 255].
const NARROW: f64 = 0.02;

/// Number of rows that are examined for their scale.
const MOST_LOOKED_AT: usize = 1000;

/// Rows, classified by their relation to the training of a model.
///
/// # Examples
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::rows::{Part, part};
/// let read = |_: u64| Ok(Dataset::new("line", vec![0.0, 1.0], &[1]).unwrap());
/// assert!(matches!(part(None, false, 0, read)?, Part::Other(_)));
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum Part {
    /// The training data set, part of which was held out.
    Own {
        /// The rows that the model was trained on.
        trained: Box<Dataset>,
        /// The held-out rows.
        held_out: Box<Dataset>,
    },
    /// The training data set, all of which was trained on.
    Trained(Dataset),
    /// Rows of another file, or newly drawn rows.
    Other(Dataset),
}

/// Classifies data by their relation to the training of a network. `read` reads or draws the rows
/// with a given seed; `drawn` is true if another seed gives other rows.
///
/// # Errors
/// Returns the error of `read`, and an error if rows cannot be read again.
pub fn part(network: Option<&Network>, drawn: bool, seed: u64, read: impl Fn(u64) -> Result<Dataset>) -> Result<Part> {
    let Some(network) = network else { return Ok(Part::Other(read(seed ^ FRESH)?)) };
    let about = &network.metadata().data;
    let own = |set: &Dataset| match &about.fingerprint {
        Some(fingerprint) => fingerprint.is_of(set).or_failed(),
        // Model files of older versions record only the number of rows.
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
        // Rows of a density are drawn with a different seed, because seeds of trainings start at 0
        // too.
        None if drawn => Ok(Part::Other(read(seed ^ FRESH)?)),
        None => {
            let set = read(seed)?;
            if own(&set)? { Ok(Part::Trained(set)) } else { Ok(Part::Other(set)) }
        }
    }
}

/// Describes the columns that lie far from the scale of a model's own data, for example rows in
/// other units. Rows of several axes are judged as a whole.
///
/// # Examples
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_train::Normalization;
/// let rows = Dataset::new("line", vec![100.0, 101.0, 102.0], &[1])?;
/// assert_eq!(langevin_tasks::rows::beyond(&rows, &Normalization::identity())?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// The values, row after row.
    pub x: Vec<f64>,
    /// Log-volume of each row, which is added to its −log p to convert it to the units of the file.
    pub volumes: Vec<f64>,
    /// Sample ids of the rows.
    pub ids: Vec<SampleId>,
}

/// Returns rows in the coordinates of a model with the map `normalization`. With a lattice, each
/// evenly spaced element is dequantised: a random number below its spacing is added.
///
/// # Examples
///
/// ```
/// use langevin_data::Dataset;
/// let rows = Dataset::new("line", vec![1.0, 2.0], &[1])?;
/// let found = langevin_tasks::rows::coordinates(0, None, &rows, None)?;
/// assert_eq!((found.x, found.ids.len()), (vec![1.0, 2.0], 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

/// Returns a Gaussian that approximates the data in the coordinates of a model. Its moments are
/// those of the training, or are fitted to these rows if the model has none. Returns `None` if only
/// eigenvalues are known, or if there are too few rows for a fit.
///
/// ```
/// use langevin_tasks::rows::gaussian;
/// assert!(gaussian(None, &[0.0, 1.0, 2.0, 4.0], 1).is_some());
/// assert!(gaussian(None, &[0.0, 1.0, 2.0], 1).is_none());
/// ```
#[must_use]
pub fn gaussian(moments: Option<&Moments>, x: &[f64], width: usize) -> Option<Gaussian> {
    match moments {
        Some(Moments::Covariance { mean, covariance }) => Gaussian::new(mean.clone(), covariance).ok(),
        // Fewer rows determine a covariance poorly.
        None if width <= MOST_FITTED && x.len() >= 4 * width * width => Gaussian::fit(x, width).ok(),
        _ => None,
    }
}

/// A selection of rows.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The data: a name or a file.
    pub data: &'a str,
    /// Options for reading the file that differ from the model's own.
    pub reading: &'a Reading,
    /// True to select only rows that the model was not trained on.
    pub held_out: bool,
    /// Number of rows, taken from the start; `None` for all rows.
    pub count: Option<usize>,
    /// Seed of newly drawn rows.
    pub seed: u64,
}

/// Returns the options for reading other rows for a model: those of its training data, with
/// `reading` applied on top.
///
/// ```
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let reading = Reading { skip_bad: true, ..Reading::default() };
/// assert!(langevin_tasks::rows::options(&reading, &source)?.skip_bad);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if `reading` is not valid.
pub fn options(reading: &Reading, source: &Source<'_>) -> Result<Options> {
    let metadata = source.network().map(Network::metadata);
    let mut own = metadata.and_then(|metadata| metadata.data.reading.clone()).unwrap_or_default();
    own.labels_optional = true;
    // A model that was trained on crops reads the centre of other pictures.
    if let Some(Metadata { data, .. }) = metadata
        && data.pictures
        && let [height, width, ..] = data.shape[..]
    {
        own = own.size(height, width);
    }
    reading.over(own)
}

/// Reads all rows of a data set in the form that the model takes.
///
/// # Examples
///
/// ```
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let set = langevin_tasks::rows::read("2spirals", 0, &Reading::default(), &source, &())?;
/// assert_eq!(set.shape(), [2]);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the data cannot be read or do not fit the model.
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

/// Returns rows in the given shape. Rows that differ only in the position of the channels are
/// reordered. Rows of one axis keep their order, and axes of one element are ignored. Messages name
/// the rows by `argument`, and the owner of the shape by `of`.
///
/// # Examples
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::rows::shaped;
/// let set = Dataset::new("rows", vec![0.0; 12], &[6])?;
/// assert!(shaped("‹data›", set.clone(), &[6, 1], "the model", &()).is_ok());
/// assert!(shaped("‹data›", set, &[5], "the model", &()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the rows have another shape.
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

/// Reads the rows of a data set and classifies them by their relation to the training of the model.
///
/// ```
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::rows::{Part, part_of};
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let part = part_of("moons", 0, &Reading::default(), &source, &())?;
/// assert!(matches!(part, Part::Other(rows) if rows.rows() == 20_000));
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error under the conditions of [`read`].
pub fn part_of(name: &str, seed: u64, reading: &Reading, source: &Source<'_>, observer: &dyn Observer) -> Result<Part> {
    part(source.network(), data::is_drawn(name), seed, |seed| read(name, seed, reading, source, observer))
}

/// Reads the selected rows.
///
/// # Examples
///
/// ```
/// use langevin_tasks::data::Reading;
/// use langevin_tasks::rows::{Wanted, load};
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let reading = Reading::default();
/// let count = Some(10);
/// let wanted = Wanted { data: "moons", reading: &reading, held_out: false, count, seed: 0 };
/// assert_eq!(load(&wanted, &source, &())?.rows(), 10);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error under the conditions of [`read`], and if held-out rows are requested but do not
/// exist.
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

/// Returns the spacing of evenly spaced values: the spacing of the training data if these rows
/// conform to it, and otherwise the rows' own.
///
/// ```
/// use langevin_data::Dataset;
/// use langevin_tasks::rows::lattice;
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("gaussian"), &())?;
/// let whole = Dataset::new("counts", (0..40).map(|i| (i % 7) as f32).collect(), &[1])?;
/// let found = lattice(&source, &whole)?.expect("the values are integers");
/// assert_eq!(found.common(), Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

/// Returns a Gaussian that approximates the data in the coordinates of the model; see [`gaussian`].
///
/// ```
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// // A density has no moments of a training, so the Gaussian is fitted to the rows.
/// let rows: Vec<f64> = (0..40).map(|i| f64::from(i * i % 11)).collect();
/// assert!(langevin_tasks::rows::gaussian_of(&source, &rows, 2).is_some());
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[must_use]
pub fn gaussian_of(source: &Source<'_>, x: &[f64], width: usize) -> Option<Gaussian> {
    gaussian(source.network().and_then(Network::moments), x, width)
}
