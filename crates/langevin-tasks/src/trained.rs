//! A model that brings what an analysis asks for: its process, its noise levels, and the Gaussian of its training data.

use crate::error::{Error, Result};
use crate::observe::Observer;
use crate::source::{self, Declared, Source};
use crate::spectrum::{self, Asked, Gaussian};
use crate::{data, rows};
use langevin_data::Options;
use std::path::{Path, PathBuf};

/// A model from a file.
pub struct Trained {
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub source: Source<'static>,
}

/// Returns whether a path is of a model.
#[must_use]
pub fn is_model(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"))
}

impl Trained {
    /// Opens the model that is named, or that the data are; `None` if there is none.
    ///
    /// # Errors
    /// Returns an error for a file that is no model, and for two models.
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

    /// Opens an ONNX file as what it is declared to be.
    ///
    /// # Errors
    /// Returns an error as [`Source::onnx`] does.
    pub fn onnx(path: &Path, declared: &Declared, observer: &dyn Observer) -> Result<Self> {
        Ok(Self { path: path.to_owned(), source: Source::onnx(path, declared, observer)? })
    }

    /// Returns the data that are named, or those that the model was trained on, in the units that it sees.
    ///
    /// # Errors
    /// Returns an error for data that cannot be read, and where none are known.
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
        // A file of version 1. It may have the name of built-in data and be something else; part of the digits is kept for tests at times.
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
