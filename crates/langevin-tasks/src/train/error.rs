//! Why a training was refused, or did not end well.

use crate::error::Error;
use langevin_train::Network;
use serde_json::Value;
use std::fmt;

/// A training that was refused, or did not end well, as values.
///
/// The text has the names of fields. A caller with names of its own, such as flags, matches the variants.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrainError {
    /// The data have columns that the model does not know.
    MoreColumns {
        /// What there is besides.
        more: Vec<String>,
        /// The columns of the model, if they have names.
        names: Vec<String>,
        /// How many columns of the file the model has.
        width: usize,
    },
    /// There are fewer than two rows.
    TooFewRows(usize),
    /// All rows of a table are the same.
    AllSame(usize),
    /// Classes are to be learned, and the data have none.
    NoClasses,
    /// The rows cannot be made ready.
    Data(Box<langevin_data::Error>),
    /// A field was chosen otherwise than the model has it.
    Conflict {
        /// The field, such as `network.width`.
        field: &'static str,
        /// Its value in the model.
        own: Value,
    },
    /// The data are of another shape than those of the model.
    Shape {
        /// That of the model.
        expected: Vec<usize>,
        /// That of the data.
        got: Vec<usize>,
    },
    /// The data have other classes than the model.
    Classes {
        /// Those of the model.
        expected: Vec<String>,
        /// Those of the data; `None` if they have no labels.
        got: Option<Vec<String>>,
    },
    /// The weights, their moments and gradients do not fit in memory.
    Memory {
        /// The bytes that they take.
        needed: u64,
        /// The bytes that they may take.
        free: u64,
    },
    /// The network has more parameters than are accepted, or a picture too many tokens.
    TooLarge {
        /// What was said of it.
        what: String,
    },
    /// The run that is resumed was trained on other data.
    OtherData(Box<langevin_train::Error>),
    /// The observer ended the training before anything was written.
    Stopped,
    /// The observer ended the training within the first step.
    NothingLearned,
    /// The loss exploded. The last good model was saved, if there is one.
    Diverged {
        /// What was said of it.
        what: String,
        /// What to try, if that was said.
        hint: Option<String>,
        /// The last good network, which was saved, if there is one.
        network: Option<Box<Network>>,
        /// Whether the run has a state from before.
        state: bool,
        /// A lower learning rate, to be tried next.
        lower: f64,
    },
    /// A step failed, on a device or while data were read. Everything up to it was saved.
    Broken {
        /// What was said of it.
        what: String,
        /// What to try, if that was said.
        hint: Option<String>,
    },
    /// Anything else, in words.
    Other(Error),
}

impl TrainError {
    /// Returns the error in words, with the names of fields where a caller would have those of its arguments.
    #[must_use]
    pub fn to_error(&self) -> Error {
        match self {
            Self::MoreColumns { more, names, width } => {
                let own = if names.is_empty() { format!("{width} columns") } else { names.join(", ") };
                let error = Error::misused("the data have columns that the model does not know");
                error.expected(own).got(more.join(", "))
            }
            Self::TooFewRows(rows) => {
                Error::failed("too few rows to learn from").expected("2 or more").got(rows.to_string())
            }
            Self::AllSame(rows) => Error::failed("all rows are the same: there is nothing to learn")
                .expected("values that differ")
                .got(format!("{rows} rows")),
            Self::NoClasses => Error::misused("the data have no classes"),
            Self::Data(error) if error.is_argument() => Error::misused(error.to_string()),
            Self::Data(error) => Error::failed(error.to_string()),
            Self::Conflict { field, own } => {
                Error::misused("the model is another").at(*field).expected(own.to_string())
            }
            Self::Shape { expected, got } => Error::misused("the data are not of the model's shape")
                .expected(format!("{expected:?}"))
                .got(format!("{got:?}")),
            Self::Classes { expected, got } => Error::misused("the data have not the classes of the model")
                .expected(expected.join(", "))
                .got(got.as_ref().map_or_else(|| "none".to_owned(), |got| got.join(", "))),
            Self::Memory { needed, free } => Error::misused("the training does not fit in memory")
                .expected(format!("at most {free} bytes"))
                .got(format!("some {needed} bytes")),
            Self::TooLarge { what } => Error::misused(what.clone()),
            Self::OtherData(error) => Error::failed(error.to_string()),
            Self::Broken { what, hint } => {
                let error = Error::failed(what.clone());
                hint.iter().fold(error, |error, hint| error.hint(hint.clone()))
            }
            Self::Stopped => Error::interrupted("interrupted: nothing was written"),
            Self::NothingLearned => Error::interrupted("interrupted within the first step: nothing was learned"),
            Self::Diverged { what, lower, .. } => {
                Error::failed(what.clone()).hint(format!("try a learning rate of {lower:.1e}"))
            }
            Self::Other(error) => error.clone(),
        }
    }
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_error().fmt(f)
    }
}

impl std::error::Error for TrainError {}

impl From<Error> for TrainError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<TrainError> for Error {
    fn from(error: TrainError) -> Self {
        error.to_error()
    }
}

/// Returns the text of an error whose hint is said with another.
pub(super) fn without_hint(error: &langevin_train::Error) -> String {
    let text = error.to_string();
    text.split_once("\nhint: ").map_or(text.as_str(), |(text, _)| text).to_owned()
}
