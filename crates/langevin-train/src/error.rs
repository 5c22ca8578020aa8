//! The one error of this crate: what went wrong, where, what was expected, what was found, and what to try.

use crate::network::Network;
use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Argument,
    Data,
    Io,
    Checkpoint,
    Diverged,
    Core,
}

/// What went wrong, where, what was expected, what was found, and a hint.
///
/// ```
/// let error = langevin_train::Network::from_bytes(b"PNG").unwrap_err();
/// assert!(error.is_checkpoint());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    what: String,
    place: Option<String>,
    expected: Option<String>,
    got: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    network: Option<Network>,
}

impl Error {
    fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            place: None,
            expected: None,
            got: None,
            hint: None,
            source: None,
            network: None,
        }))
    }

    pub(crate) fn argument(what: impl Into<String>) -> Self {
        Self::new(Kind::Argument, what)
    }

    pub(crate) fn data(what: impl Into<String>) -> Self {
        Self::new(Kind::Data, what)
    }

    pub(crate) fn checkpoint(what: impl Into<String>) -> Self {
        Self::new(Kind::Checkpoint, what)
    }

    pub(crate) fn diverged(what: impl Into<String>) -> Self {
        Self::new(Kind::Diverged, what)
    }

    pub(crate) fn io(what: &str, path: &Path, source: std::io::Error) -> Self {
        let mut error = Self::new(Kind::Io, what).at(path.display().to_string()).got(source.to_string());
        error.0.source = Some(source.into());
        error
    }

    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.0.place = Some(place.into());
        self
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    pub(crate) fn got(mut self, got: impl Into<String>) -> Self {
        self.0.got = Some(got.into());
        self
    }

    pub(crate) fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn keeping(mut self, network: Network) -> Self {
        self.0.network = Some(network);
        self
    }

    /// Puts the file's name in front of the place.
    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        self.0.place = Some(match self.0.place.take() {
            Some(place) => format!("{}, {place}", path.display()),
            None => path.display().to_string(),
        });
        self
    }

    /// What to try next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match &self.0.source {
            Some(source) if self.0.kind == Kind::Core => source.downcast_ref::<langevin::Error>()?.hint(),
            _ => self.0.hint.as_deref(),
        }
    }

    /// Whether an argument, such as a field of a recipe, cannot be used.
    #[must_use]
    pub fn is_argument(&self) -> bool {
        self.0.kind == Kind::Argument
    }

    /// Whether a data set cannot be used.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.0.kind == Kind::Data
    }

    /// Whether a file could not be read or written; the system's error is the source.
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.0.kind == Kind::Io
    }

    /// Whether a file is not a model file that this version can serve.
    #[must_use]
    pub fn is_checkpoint(&self) -> bool {
        self.0.kind == Kind::Checkpoint
    }

    /// Whether training met a loss that is not finite; [`into_network`](Self::into_network) gives what had been learned before.
    #[must_use]
    pub fn is_diverged(&self) -> bool {
        self.0.kind == Kind::Diverged
    }

    /// The error of the mathematics crate, where this is one.
    #[must_use]
    pub fn core(&self) -> Option<&langevin::Error> {
        self.0.source.as_deref()?.downcast_ref()
    }

    /// The last good averaged network of a training run that diverged.
    #[must_use]
    pub fn into_network(self) -> Option<Network> {
        self.0.network
    }
}

impl From<langevin::Error> for Error {
    fn from(source: langevin::Error) -> Self {
        let mut error = Self::new(Kind::Core, source.to_string());
        error.0.source = Some(Box::new(source));
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(&inner.what)?;
        if let Some(place) = &inner.place {
            write!(f, " ({place})")?;
        }
        match (&inner.expected, &inner.got) {
            (Some(expected), Some(got)) => write!(f, ": expected {expected}, got {got}")?,
            (Some(expected), None) => write!(f, ": expected {expected}")?,
            (None, Some(got)) => write!(f, ": {got}")?,
            (None, None) => {}
        }
        if let Some(hint) = &inner.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
