//! The error type of a training.

use crate::error::Error;
use langevin_train::Network;
use serde_json::Value;
use std::fmt;

/// The reason why a training was refused or failed.
///
/// The text names fields of the recipe. A caller with names of its own, such as flags, matches the
/// variants.
///
/// ```
/// use langevin_tasks::train::TrainError;
/// let error = TrainError::TooFewRows(1);
/// assert_eq!(error.to_string(), "too few rows to learn from: expected 2 or more, got 1");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TrainError {
    /// The data have columns that the model does not know.
    MoreColumns {
        /// The additional columns.
        more: Vec<String>,
        /// The model's columns, if they have names.
        names: Vec<String>,
        /// Number of columns of the file that the model knows.
        width: usize,
    },
    /// There are fewer than two rows; their number.
    TooFewRows(usize),
    /// All rows of a table are equal; their number.
    AllSame(usize),
    /// Classes are to be learned, but the data have none.
    NoClasses,
    /// The rows cannot be prepared.
    Data(Box<langevin_data::Error>),
    /// The caller set a field to a value that differs from the model's.
    Conflict {
        /// The field, for example `network.width`.
        field: &'static str,
        /// Value of the field in the model.
        own: Value,
    },
    /// The data have a different shape than the model.
    Shape {
        /// Shape of the model.
        expected: Vec<usize>,
        /// Shape of the data.
        got: Vec<usize>,
    },
    /// The data have different classes than the model.
    Classes {
        /// Classes of the model.
        expected: Vec<String>,
        /// Classes of the data; `None` if they have no labels.
        got: Option<Vec<String>>,
    },
    /// The weights, their moments and their gradients do not fit in memory.
    Memory {
        /// Number of bytes that are needed.
        needed: u64,
        /// Number of bytes that are available.
        free: u64,
    },
    /// The network has too many parameters, or a picture has too many tokens.
    TooLarge {
        /// The message of the error.
        what: String,
    },
    /// The resumed run was trained on different data.
    OtherData(Box<langevin_train::Error>),
    /// The observer ended the training before anything was written.
    Stopped,
    /// The observer ended the training during the first step.
    NothingLearned,
    /// The loss diverged. The last good model was saved, if there is one.
    Diverged {
        /// The message of the error.
        what: String,
        /// The hint of the error, if it has one.
        hint: Option<String>,
        /// The last good network, which was saved, if there is one.
        network: Option<Box<Network>>,
        /// True if the run has a state from before the divergence.
        state: bool,
        /// A lower learning rate to try next.
        lower: f64,
    },
    /// A step failed on a device or while data were read. The progress up to that step was saved.
    Broken {
        /// The message of the error.
        what: String,
        /// The hint of the error, if it has one.
        hint: Option<String>,
    },
    /// Any other error.
    Other(Error),
}

impl TrainError {
    /// Converts the error to an error of a task, with the names of recipe fields in place of
    /// arguments.
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

/// Returns the text of an error without its hint, which the caller reports separately.
pub(super) fn without_hint(error: &langevin_train::Error) -> String {
    let text = error.to_string();
    text.split_once("\nhint: ").map_or(text.as_str(), |(text, _)| text).to_owned()
}
