//! Models of tokens.

use crate::error::{Blame as _, Error, Result};
use crate::observe::Observer;
use crate::source::{Named, Source, network};
use langevin_data::Vocabulary;
use langevin_discrete::exact::{self, Density, FORMS};
use langevin_discrete::{Denoiser, Letter, Noise, StateSpace};
use langevin_train::Network;

/// A model of tokens: a trained network, or a density that is known exactly.
#[allow(missing_debug_implementations)] // a density is not printable
pub enum Model {
    /// A trained network.
    Network(Box<Network>),
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
    pub fn of_file(path: &std::path::Path, observer: &dyn Observer) -> Result<Option<Self>> {
        let about = langevin_data::guard::caught(|| Network::about(path).ok()).flatten();
        if about.is_none_or(|about| about.data.tokens.is_none()) {
            return Ok(None);
        }
        network("‹model›", path, observer).map(|network| Some(Self::Network(Box::new(network))))
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
            Self::Exact(_) => None,
        }
    }

    /// Returns the exact density; `None` for a network.
    #[must_use]
    pub fn density(&self) -> Option<&(dyn Density + Send + Sync)> {
        match self {
            Self::Network(_) => None,
            Self::Exact(density) => Some(&**density),
        }
    }

    /// Returns the name of the model: that of the training data, or that of the density.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Network(network) => network.metadata().data.name.clone(),
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
            Self::Network(network) => match &network.metadata().data.tokens {
                Some(tokens) => Ok(&tokens.space),
                None => Err(Error::misused("the model is of numbers, not of tokens")),
            },
        }
    }

    /// Returns the letters; `None` for an exact density, whose letters are numbers.
    #[must_use]
    pub fn vocabulary(&self) -> Option<&Vocabulary> {
        self.network().and_then(Network::vocabulary)
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
