//! Rows of tokens for a model.

use super::Model;
use crate::data;
use crate::error::{Blame as _, Error, Result};
use crate::observe::{Note, Observer};
use crate::words::shown;
use langevin::SampleId;
use langevin_data::{Dataset, Options};
use langevin_discrete::Letter;
use std::path::Path;

/// Number of rows of an exact density, if none is given.
const DRAWN: u64 = 1000;

/// Rows that a task is to read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Data: a built-in name or a file; `None` for samples of an exact density.
    pub data: Option<&'a str>,
    /// True for the held-out rows only.
    pub held_out: bool,
    /// Largest number of rows.
    pub count: Option<usize>,
    /// Random seed.
    pub seed: u64,
}

/// Rows of tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Name of the data.
    pub name: String,
    /// Letters, rows × d.
    pub letters: Vec<Letter>,
    /// Identity of each row, which addresses its random numbers.
    pub ids: Vec<SampleId>,
}

/// Reads rows as the model knows them.
///
/// ```
/// use langevin_discrete::Noise;
/// use langevin_tasks::tokens::{Model, rows};
/// let model = Model::named("chain:3x5", Noise::Masked)?;
/// let wanted = rows::Wanted { data: None, held_out: false, count: Some(7), seed: 0 };
/// assert_eq!(rows::read(&model, &wanted, &())?.letters.len(), 7 * 5);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the data cannot be read, their letters are not those of the model, or
/// nothing was held out.
pub fn read(model: &Model, wanted: &Wanted<'_>, observer: &dyn Observer) -> Result<Rows> {
    let ids = |count: usize| (0..count as u64).map(|index| SampleId { seed: wanted.seed, index }).collect::<Vec<_>>();
    let name = match (model, wanted.data) {
        (Model::Network(_) | Model::Onnx(..), Some(name)) => name,
        (Model::Network(_) | Model::Onnx(..), None) => {
            return Err(Error::misused("no data").at("‹data›").expected("the data whose likelihood is wanted"));
        }
        (Model::Exact(density), None) => {
            let ids = ids(wanted.count.unwrap_or(DRAWN as usize));
            return Ok(Rows { name: density.name(), letters: density.sample(&ids), ids });
        }
        (Model::Exact(density), Some(name)) if name == density.name() => {
            let ids = ids(wanted.count.unwrap_or(DRAWN as usize));
            return Ok(Rows { name: density.name(), letters: density.sample(&ids), ids });
        }
        (Model::Exact(density), Some(_)) => {
            return Err(Error::misused("an exact density of tokens is measured on its own samples")
                .at("‹data›")
                .expected(format!("'{}'", density.name()))
                .hint("leave out ‹data›, or give the name of the density"));
        }
    };
    let set = open(model, name, observer)?;
    let data = model.network().map(|network| &network.metadata().data);
    let set = match (wanted.held_out, data.and_then(|data| Some((data, data.held_out?)))) {
        (false, _) => set,
        (true, Some((data, held))) => {
            let (train, held_out) = set.split(held.share, held.seed);
            let own = data.fingerprint.as_ref();
            if own.is_some_and(|own| own.is_of(&train).is_ok_and(|same| !same)) {
                return Err(Error::misused("the data are not those of the training, so nothing of them was held out")
                    .at("‹held-out›")
                    .expected(format!("the data '{}'", data.name))
                    .got(set.summary())
                    .hint("leave out ‹held-out› to measure all of them"));
            }
            held_out
        }
        (true, None) => {
            return Err(Error::misused("nothing was held out of the training")
                .at("‹held-out›")
                .expected("a model that was trained with ‹hold-out›"));
        }
    };
    let count = wanted.count.unwrap_or(set.rows()).min(set.rows());
    let letters = set.read_tokens(&(0..count).collect::<Vec<_>>()).or_failed()?;
    Ok(Rows { name: set.name().to_owned(), letters, ids: ids(count) })
}

/// Opens data with the letters of a model.
///
/// # Errors
/// Returns an error if the data cannot be read, or their letters are not those of the model.
pub fn open(model: &Model, name: &str, observer: &dyn Observer) -> Result<Dataset> {
    open_for("‹data›", model, name, observer)
}

/// Opens data with the letters of a model. Messages name the data by `argument`.
///
/// # Errors
/// Returns an error under the conditions of [`open`].
pub fn open_for(argument: &str, model: &Model, name: &str, observer: &dyn Observer) -> Result<Dataset> {
    let (space, Some(vocabulary)) = (model.space()?, model.vocabulary()) else {
        return Err(Error::misused("an exact density has no letters for data").at(argument));
    };
    let path = Path::new(name);
    let set = match path.extension().is_some() || data::file(name).is_some() {
        true if !path.exists() => return Err(Error::missing(argument, path)),
        true => langevin_data::open_text_as(path, vocabulary, space.length())
            .map_err(|error| data::failure(&error, observer))?,
        false => data::open(argument, name, 0, &Options::default(), observer)?,
    };
    match set.vocabulary() {
        Some(own) if own == vocabulary && set.width() == space.length() + vocabulary.numbers() => {}
        Some(_) => {
            return Err(Error::misused("the data have other letters than the model")
                .at(argument)
                .expected(format!("{} tokens over the {} letters of the model", space.length(), vocabulary.len()))
                .got(set.summary()));
        }
        None => {
            return Err(Error::misused("the data are numbers, and the model is of tokens")
                .at(argument)
                .expected("text")
                .got(format!("'{name}'")));
        }
    }
    observer.note(&Note::Read { data: shown(path), summary: set.summary() });
    Ok(set)
}
