//! A model as input to an analysis: it supplies its process, its noise range and the Gaussian of
//! its training data.

use crate::error::{Error, Result};
use crate::observe::Observer;
use crate::source::{self, Declared, Source};
use crate::spectrum::{self, Asked, Gaussian};
use crate::{data, rows};
use langevin_data::Options;
use std::path::{Path, PathBuf};

/// A model from a file.
pub struct Trained {
    /// Path of the file.
    pub path: PathBuf,
    /// The model.
    pub source: Source<'static>,
}

/// Returns true if the path has the extension of a model file.
///
/// ```
/// use langevin_tasks::trained::is_model;
/// assert!(is_model("moons.safetensors".as_ref()) && !is_model("moons.csv".as_ref()));
/// ```
#[must_use]
pub fn is_model(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"))
}

impl Trained {
    /// Opens the model in `named`, or in the data argument if that is a model file; `None` if there
    /// is no model.
    ///
    /// ```
    /// use langevin_tasks::data::Reading;
    /// use langevin_tasks::spectrum::Asked;
    /// use langevin_tasks::trained::Trained;
    /// let reading = Reading::default();
    /// let asked = Asked { spectrum: None, data: Some("moons"), reading: &reading, raw: false };
    /// // The data are not a model file.
    /// assert!(Trained::open(None, &asked, &())?.is_none());
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the file is not a model, or if two models are given.
    pub fn open(named: Option<&Path>, asked: &Asked<'_>, observer: &dyn Observer) -> Result<Option<Self>> {
        let data = asked.data.filter(|data| is_model(Path::new(data)));
        let path = match (named, data) {
            (Some(_), Some(data)) => {
                return Err(Error::misused("a model is no data")
                    .at("‹data›, ‹model›")
                    .expected("‹data› DATA beside a model")
                    .got(format!("'{data}'"))
                    .hint("leave out one of the two"));
            }
            (Some(named), None) => named,
            (None, Some(data)) => Path::new(data),
            (None, None) => return Ok(None),
        };
        let source = Source::Network(Box::new(source::network("‹model›", path, observer)?));
        Ok(Some(Self { path: path.to_owned(), source }))
    }

    /// Opens an ONNX file according to its declaration.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`Source::onnx`].
    pub fn onnx(path: &Path, declared: &Declared, observer: &dyn Observer) -> Result<Self> {
        Ok(Self { path: path.to_owned(), source: Source::onnx(path, declared, observer)? })
    }

    /// Returns the Gaussian of the selected data, or by default of the training data, in the units
    /// that the model sees.
    ///
    /// # Errors
    /// Returns an error if the data cannot be read, or if no data are selected and the model
    /// records none.
    pub fn gaussian(&self, asked: &Asked<'_>, observer: &dyn Observer) -> Result<Gaussian> {
        if asked.raw {
            return Err(Error::misused("a model has units of its own")
                .at("‹raw›")
                .expected("‹raw› with data alone")
                .got(format!("a model, '{}'", self.path.display()))
                .hint("leave out ‹raw›"));
        }
        if asked.spectrum.is_some() {
            return asked.open(observer);
        }
        let Some(network) = self.source.network() else {
            if let (Some(name), Some(map)) = (asked.data, self.source.normalization()) {
                return spectrum::of_network(&rows::read(name, 0, asked.reading, &self.source, observer)?, map);
            }
            if asked.data.is_none() {
                return Err(Error::misused("an ONNX file does not have the mean and covariance of its data")
                    .in_file(&self.path)
                    .expected("‹data› DATA or ‹spectrum› SPECTRUM, in the units that the network sees")
                    .got("neither"));
            }
            return asked.open(observer);
        };
        if let Some(name) = asked.data.filter(|data| !is_model(Path::new(data))) {
            let data = rows::read(name, network.metadata().training.seed, asked.reading, &self.source, observer)?;
            return spectrum::of_network(&data, network.normalization());
        }
        if let Some(gaussian) = spectrum::of_moments(network) {
            return gaussian.map_err(|failure| failure.in_file(&self.path));
        }
        // Model files of version 1 have no moments. Their data may have the name of built-in data
        // but different content, so shape and row count are checked; tests sometimes hold out part
        // of the digits.
        let spec = &network.metadata().data;
        let built_in = data::names().into_iter().find(|name| *name == spec.name);
        if let Some(name) = built_in {
            let data = data::open("‹data›", name, network.metadata().training.seed, &Options::default(), observer)?;
            let rows = spec.rows == data.rows() || name == "digits" && spec.rows <= data.rows();
            if data.shape() == spec.shape && rows {
                return spectrum::of_network(&data, network.normalization());
            }
        }
        Err(Error::misused("the model file has no mean and covariance of its data")
            .in_file(&self.path)
            .expected("a model file of version 2, or built-in data")
            .got(format!("version {} on '{}'", network.metadata().langevin_version, spec.name))
            .hint("give ‹model› ‹data› FILE"))
    }
}
