//! A model that brings what an analysis asks for: its process, its noise levels, and the Gaussian of its training data.

use crate::cli::{NetworkArgs, SpectrumArgs};
use crate::error::{Failure, Result};
use crate::source::{self, Source};
use crate::spectrum::{self, Gaussian};
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

/// Whether a path is of a model.
pub fn is_model(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"))
}

impl Trained {
    /// The model that a command names, or that --data is.
    pub fn open(named: Option<&Path>, flags: &SpectrumArgs) -> Result<Option<Self>> {
        let data = flags.data.as_deref().filter(|data| is_model(Path::new(data)));
        let path = match (named, data) {
            (Some(_), Some(data)) => {
                return Err(Failure::misused("a model is no data")
                    .at("--data, MODEL")
                    .expected("--data DATA beside a model")
                    .got(format!("'{data}'"))
                    .hint("leave out one of the two"));
            }
            (Some(named), None) => named,
            (None, Some(data)) => Path::new(data),
            (None, None) => return Ok(None),
        };
        let source = Source::Network(Box::new(source::network("MODEL", path)?));
        Ok(Some(Self { path: path.to_owned(), source }))
    }

    /// The ONNX file that a command names, as what its flags say.
    pub fn onnx(path: &Path, process: Option<&str>, flags: &NetworkArgs) -> Result<Self> {
        Ok(Self { path: path.to_owned(), source: Source::onnx(path, process, flags)? })
    }

    /// The data: of the flags, or what the model was trained on, in the units that it sees.
    pub fn gaussian(&self, flags: &SpectrumArgs) -> Result<Gaussian> {
        if flags.raw {
            return Err(Failure::misused("a model has units of its own")
                .at("--raw")
                .expected("--raw with data alone")
                .got(format!("a model, '{}'", self.path.display()))
                .hint("leave out --raw"));
        }
        if flags.spectrum.is_some() {
            return flags.open();
        }
        let Some(network) = self.source.network() else {
            if let (Some(name), Some(map)) = (&flags.data, self.source.normalization()) {
                return spectrum::of_network(&rows::read(name, 0, &flags.file, &self.source)?, map);
            }
            if flags.data.is_none() {
                return Err(Failure::misused("an ONNX file does not have the mean and covariance of its data")
                    .in_file(&self.path)
                    .expected("--data DATA or --spectrum SPECTRUM, in the units that the network sees")
                    .got("neither"));
            }
            return flags.open();
        };
        if let Some(name) = flags.data.as_deref().filter(|data| !is_model(Path::new(data))) {
            let data = rows::read(name, network.metadata().training.seed, &flags.file, &self.source)?;
            return spectrum::of_network(&data, network.normalization());
        }
        if let Some(gaussian) = spectrum::of_moments(network) {
            return gaussian.map_err(|failure| failure.in_file(&self.path));
        }
        // A file of version 1. It may have the name of built-in data and be something else; part of the digits is kept for tests at times.
        let spec = &network.metadata().data;
        let built_in = data::names().into_iter().find(|name| *name == spec.name);
        if let Some(name) = built_in {
            let data = data::open("--data", name, network.metadata().training.seed, &Options::default())?;
            let rows = spec.rows == data.rows() || name == "digits" && spec.rows <= data.rows();
            if data.shape() == spec.shape && rows {
                return spectrum::of_network(&data, network.normalization());
            }
        }
        Err(Failure::misused("the model file has no mean and covariance of its data")
            .in_file(&self.path)
            .expected("a model file of version 2, or built-in data")
            .got(format!("version {} on '{}'", network.metadata().langevin_version, spec.name))
            .hint("give MODEL --data FILE"))
    }
}
