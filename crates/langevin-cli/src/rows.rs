//! Data for a model that exists: read as its training read them, of its columns, in its coordinates.

use crate::cli::FileArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::io::say;
use crate::source::Source;
use crate::words::{plural, shown};
use crate::{check, data};
use langevin_analysis::exact::Gaussian;
use langevin_data::{Axes, Lattice, Options};
use langevin_tasks::rows::FRESH;
pub use langevin_tasks::rows::{Coordinates, Part, beyond};
use langevin_train::{Dataset, Metadata, Network};
use std::path::Path;

/// Rows that tell the scale of all.
const MOST_LOOKED_AT: usize = 1000;

/// Which rows are wanted.
pub struct Wanted<'a> {
    /// A name, or a file.
    pub data: &'a str,
    /// How the file is read, where it is not as the model's own.
    pub file: &'a FileArgs,
    /// Only those that the model was not trained on.
    pub held_out: bool,
    /// The first so many.
    pub count: Option<usize>,
    /// The seed of fresh data.
    pub seed: u64,
}

/// How other rows are read for a model: as its own were, but for what the flags say.
pub fn options(file: &FileArgs, source: &Source<'_>) -> Result<Options> {
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
    file.over(own)
}

/// The rows of these data as the model knows rows, all of them.
pub fn read(name: &str, seed: u64, file: &FileArgs, source: &Source<'_>) -> Result<Dataset> {
    let options = options(file, source)?;
    let mut set = data::read("--data", name, seed, file, &options)?;
    if let Some(frame) = source.frame() {
        set = set.framed(frame).map_err(|error| data::failure(&error))?;
    }
    let set = shaped("--data", set, &source.shape(), "the model")?;
    if let Some(map) = source.normalization() {
        let far = beyond(&set.head(MOST_LOOKED_AT.min(set.rows())), map)?;
        if !far.is_empty() {
            data::say_once(format!(
                "note: {} on the scale of the model, where its own data have about 1: are these of other units?",
                far.join(", ")
            ));
        }
    }
    Ok(set)
}

/// The rows in this shape: turned where only their channels stand elsewhere. A row of one axis is taken as it lies, and axes of one element say nothing.
pub fn shaped(flag: &str, set: Dataset, shape: &[usize], of: &str) -> Result<Dataset> {
    let plain = |shape: &[usize]| shape.iter().copied().filter(|size| *size != 1).collect::<Vec<usize>>();
    let (own, wanted) = (plain(set.shape()), plain(shape));
    if set.width() == shape.iter().product::<usize>() && (own == wanted || own.len() < 2 || wanted.len() < 2) {
        return Ok(set);
    }
    if let (&[channels, height, width], false) = (set.shape(), set.is_pictures())
        && *shape == [height, width, channels]
    {
        say(&format!("note: channels are first in {}, and were put last as in {of}", shown(Path::new(set.name()))));
        return set.channels_last(Some(Axes::ChannelsFirst)).map_err(|error| data::failure(&error));
    }
    Err(Failure::misused(format!("the data do not fit {of}"))
        .at(flag)
        .expected(format!("rows of shape {shape:?}"))
        .got(format!("{:?}", set.shape())))
}

/// The rows of these data, and what they are to the model.
pub fn part(name: &str, seed: u64, file: &FileArgs, source: &Source<'_>) -> Result<Part> {
    langevin_tasks::rows::part(source.network(), data::is_drawn(name), seed, |seed| read(name, seed, file, source))
}

/// The rows that are wanted.
pub fn load(wanted: &Wanted<'_>, source: &Source<'_>) -> Result<Dataset> {
    let set = if wanted.held_out {
        if source.network().is_none_or(|network| network.metadata().data.held_out.is_none()) {
            let failure = Failure::misused("no rows were held out of this model's training")
                .at("--held-out")
                .expected("a model of `langevin train --hold-out SHARE`");
            return Err(match source.network() {
                Some(network) => failure
                    .got(format!("one trained on all {}", plural(network.metadata().data.rows as u64, "row")))
                    .hint("leave out --held-out, and give rows that the model has not seen as --data FILE"),
                None => {
                    failure.got(format!("'{}', which was not trained here", source.name())).hint("leave out --held-out")
                }
            });
        }
        match part(wanted.data, wanted.seed, wanted.file, source)? {
            Part::Own { held_out, .. } => *held_out,
            Part::Trained(set) | Part::Other(set) => {
                return Err(Failure::misused("these are not the data that the model was trained on")
                    .at("--data, --held-out")
                    .expected(match source.network().map(|network| &network.metadata().data) {
                        Some(data) => format!("all rows of '{}', of which part was held out", data.name),
                        None => "the data of which part was held out".to_owned(),
                    })
                    .got(format!("'{}', {}", wanted.data, plural(set.rows() as u64, "row")))
                    .hint("leave out --held-out: no row of other data was trained on"));
            }
        }
    } else if data::is_drawn(wanted.data) {
        read(wanted.data, wanted.seed ^ FRESH, wanted.file, source)?
    } else {
        read(wanted.data, wanted.seed, wanted.file, source)?
    };
    let count = wanted.count.unwrap_or(set.rows()).min(set.rows());
    check::memory(count, set.width())?;
    Ok(set.head(count))
}

/// The spacing of evenly spaced values: that of the training where these rows keep it, else their own.
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

/// The rows in the coordinates of the model; see [`langevin_tasks::rows::coordinates`].
pub fn coordinates(
    seed: u64,
    source: &Source<'_>,
    set: &Dataset,
    lattice: Option<&Lattice>,
) -> langevin_train::Result<Coordinates> {
    langevin_tasks::rows::coordinates(seed, source.normalization(), set, lattice)
}

/// A Gaussian like the data, in the coordinates of the model.
pub fn gaussian(source: &Source<'_>, x: &[f64], width: usize) -> Option<Gaussian> {
    langevin_tasks::rows::gaussian(source.network().and_then(Network::moments), x, width)
}
