//! Models of tokens.

use crate::content::{self, Content};
use crate::error::{Blame as _, Error, Result};
use crate::observe::Observer;
use crate::source::{
    Declared, Named, Source, contradicts, network, onnx_failure, onnx_options, unconditional, without_inputs,
};
use langevin_data::{TokenKind, Vocabulary, guard};
use langevin_discrete::exact::{self, Density, FORMS};
use langevin_discrete::{Denoiser, Letter, Noise, StateSpace};
use langevin_onnx::OnnxTokens;
use langevin_train::Network;
use std::path::{Path, PathBuf};

/// A model of tokens: a trained network, one from an ONNX file, or a density that is known exactly.
#[allow(missing_debug_implementations)] // a density is not printable
pub enum Model {
    /// A trained network.
    Network(Box<Network>),
    /// A network from an ONNX file, with the identifiers of its tokens as letters.
    Onnx(Box<OnnxTokens>, Box<Vocabulary>),
    /// A density that is known exactly.
    Exact(Box<dyn Density + Send + Sync>),
}

/// A model of numbers or of tokens.
#[allow(missing_debug_implementations)] // a density is not printable
pub enum Opened {
    /// A model of numbers.
    Numbers(Source<'static>),
    /// A model of tokens.
    Tokens(Model),
}

impl Opened {
    /// Opens a model, of numbers or of tokens.
    ///
    /// An exact density of tokens has masked noise.
    ///
    /// ```
    /// use langevin_tasks::source::Named;
    /// use langevin_tasks::tokens::Opened;
    /// let numbers = Opened::open(Named::Exact("moons"), &())?;
    /// assert!(matches!(numbers, Opened::Numbers(_)));
    /// assert!(matches!(Opened::open(Named::Exact("shidoku"), &())?, Opened::Tokens(_)));
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the model is unknown or cannot be read.
    pub fn open(named: Named<'_>, observer: &dyn Observer) -> Result<Self> {
        match named {
            Named::Exact(name) if Model::is_name(name) => Model::named(name, Noise::Masked).map(Self::Tokens),
            Named::Model(path) => {
                let network = Box::new(network("‹model›", path, observer)?);
                Ok(match network.vocabulary() {
                    Some(_) => Self::Tokens(Model::Network(network)),
                    None => Self::Numbers(Source::Network(network)),
                })
            }
            Named::Onnx(path, declared) if declared.tokens.is_some() => {
                Model::onnx(path, declared, observer).map(Self::Tokens)
            }
            other => Source::open(other, observer).map(Self::Numbers),
        }
    }
}

impl Model {
    /// Opens a model file if it holds a model of tokens; `None` for any other file, whose errors
    /// are those of the tasks on numbers.
    ///
    /// # Errors
    /// Returns an error if the model of tokens cannot be read.
    pub fn of_file(path: &Path, observer: &dyn Observer) -> Result<Option<Self>> {
        let about = langevin_data::guard::caught(|| Network::about(path).ok()).flatten();
        if about.is_none_or(|about| about.data.tokens.is_none()) {
            return Ok(None);
        }
        network("‹model›", path, observer).map(|network| Some(Self::Network(Box::new(network))))
    }

    /// Opens an ONNX file of tokens according to its declaration.
    ///
    /// # Errors
    /// Returns an error if the file is not a suitable network, or if declarations are missing or
    /// wrong.
    pub fn onnx(path: &Path, declared: &Declared, observer: &dyn Observer) -> Result<Self> {
        content::check("‹onnx›", path, Content::Onnx, observer)?;
        let (tokens, options) = (declared.tokens_as()?, onnx_options(declared, observer)?);
        let network = guard::caught(|| OnnxTokens::open(path, tokens, &options))
            .map_or_else(|| Err(contradicts(path)), |read| read.map_err(|error| onnx_failure(&error)))?;
        Self::of_onnx(network)
    }

    /// Returns an ONNX network as a model, whose letters are the identifiers of its tokens.
    ///
    /// # Errors
    /// Returns an error if there are too many letters.
    pub fn of_onnx(network: OnnxTokens) -> Result<Self> {
        let ids = network.ids();
        let letters = (0..ids.vocab()).map(|letter| ids.id(letter as Letter).to_string()).collect();
        let vocabulary = Vocabulary::new(TokenKind::Integers, letters, None).or_misused()?;
        Ok(Self::Onnx(Box::new(network), Box::new(vocabulary)))
    }

    /// Sets the values of further inputs of an ONNX network on the unconditional branch, from
    /// files.
    ///
    /// # Errors
    /// Returns an error if a file is not an array, or if the network does not have the input.
    pub fn without_condition(&mut self, inputs: &[(String, PathBuf)], observer: &dyn Observer) -> Result<()> {
        let Self::Onnx(network, _) = self else { return without_inputs(inputs) };
        network.set_unconditional(&unconditional(inputs, observer)?).map_err(|error| onnx_failure(&error))
    }

    /// Checks that the further inputs of an ONNX network have one row for all samples, or a row for
    /// each of `count` samples.
    ///
    /// # Errors
    /// Returns an error if an input has too few rows.
    pub fn check_rows(&self, count: usize) -> Result<()> {
        self.onnx_network().map_or(Ok(()), |network| network.check_rows(count).map_err(|error| onnx_failure(&error)))
    }

    /// Returns true if the name is that of an exact density of tokens, such as `chain:8x64`.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        let kind = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
        FORMS.iter().any(|(form, _)| kind(form) == kind(name))
    }

    /// Returns the exact density with this name.
    ///
    /// # Errors
    /// Returns an error if the name is unknown or does not fit its form.
    pub fn named(name: &str, noise: Noise) -> Result<Self> {
        exact::named(name, noise).map(Self::Exact).or_misused()
    }

    /// Returns the trained network; `None` for an exact density.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        match self {
            Self::Network(network) => Some(network),
            Self::Onnx(..) | Self::Exact(_) => None,
        }
    }

    /// Returns the trained network to change, such as its classes; `None` for another model.
    #[must_use]
    pub fn network_mut(&mut self) -> Option<&mut Network> {
        match self {
            Self::Network(network) => Some(network),
            Self::Onnx(..) | Self::Exact(_) => None,
        }
    }

    /// Returns the network from an ONNX file, if the model is one.
    #[must_use]
    pub fn onnx_network(&self) -> Option<&OnnxTokens> {
        match self {
            Self::Onnx(network, _) => Some(network),
            Self::Network(_) | Self::Exact(_) => None,
        }
    }

    /// Returns the exact density; `None` for a network.
    #[must_use]
    pub fn density(&self) -> Option<&(dyn Density + Send + Sync)> {
        match self {
            Self::Network(_) | Self::Onnx(..) => None,
            Self::Exact(density) => Some(&**density),
        }
    }

    /// Returns the name of the model: that of the training data, or that of the density.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Network(network) => network.metadata().data.name.clone(),
            Self::Onnx(network, _) => network.name().to_owned(),
            Self::Exact(density) => density.name(),
        }
    }

    /// Returns the space of the sequences.
    ///
    /// # Errors
    /// Returns an error if the network is one of numbers.
    pub fn space(&self) -> Result<&StateSpace> {
        match self {
            Self::Exact(density) => Ok(density.space()),
            Self::Onnx(network, _) => Ok(network.space()),
            Self::Network(network) => match &network.metadata().data.tokens {
                Some(tokens) => Ok(&tokens.space),
                None => Err(Error::misused("the model is of numbers, not of tokens")),
            },
        }
    }

    /// Returns the letters; `None` for an exact density, whose letters are numbers.
    #[must_use]
    pub fn vocabulary(&self) -> Option<&Vocabulary> {
        match self {
            Self::Onnx(_, vocabulary) => Some(vocabulary),
            _ => self.network().and_then(Network::vocabulary),
        }
    }

    /// Returns the model as a denoiser.
    ///
    /// # Errors
    /// Returns an error if the network is autoregressive or one of numbers.
    pub fn denoiser(&self) -> Result<Box<dyn Denoiser + '_>> {
        match self {
            Self::Network(network) if network.is_table() => {
                Err(Error::misused("the model is of numbers and categories together, not of tokens alone")
                    .expected("sample or evaluate, which serve such models"))
            }
            Self::Network(network) => Ok(Box::new(network.tokens().or_misused()?)),
            Self::Onnx(network, _) => Ok(Box::new(&**network)),
            Self::Exact(density) => Ok(Box::new(&**density)),
        }
    }

    /// Returns the text of a sequence: its letters, or their numbers for an exact density.
    #[must_use]
    pub fn text(&self, tokens: &[Letter]) -> String {
        match self.vocabulary() {
            Some(vocabulary) => vocabulary.decode(tokens),
            None => tokens.iter().map(Letter::to_string).collect::<Vec<_>>().join(" "),
        }
    }
}
