//! Conversion of the library's errors to the exceptions of `langevin._errors`, with the same texts.

use crate::observer::in_keywords;
use langevin_tasks::Kind;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::error::Error as _;

mod tree {
    // The macro's types have no documentation of their own.
    #![allow(missing_docs)]
    pyo3::import_exception!(langevin._errors, ArgumentError);
    pyo3::import_exception!(langevin._errors, UnknownNameError);
    pyo3::import_exception!(langevin._errors, FormatError);
    pyo3::import_exception!(langevin._errors, KeywordError);
    pyo3::import_exception!(langevin._errors, ShapeError);
    pyo3::import_exception!(langevin._errors, SingularError);
    pyo3::import_exception!(langevin._errors, ModelError);
}
pub use tree::{ArgumentError, FormatError, KeywordError, ModelError, ShapeError, SingularError, UnknownNameError};

/// Converts an error of the library to an exception.
///
/// An exception that a Python model raised is returned unchanged, with its traceback.
pub fn raised(py: Python<'_>, error: &langevin::Error) -> PyErr {
    if let Some(own) = error.source().and_then(|source| source.downcast_ref::<PyErr>()) {
        return own.clone_ref(py);
    }
    // Messages quote the words of a request; in Python these are keyword arguments.
    let text = langevin::request::spelled(&error.to_string(), |word| word.replace('-', "_"));
    if error.is_unknown_name() {
        UnknownNameError::new_err(text)
    } else if error.is_format() {
        FormatError::new_err(text)
    } else if error.is_shape() {
        ShapeError::new_err(text)
    } else if error.is_singular() {
        SingularError::new_err(text)
    } else if error.is_model() {
        ModelError::new_err(text)
    } else {
        ArgumentError::new_err(text)
    }
}

/// Converts an error of a task to an exception; an error of the library inside it takes precedence.
pub fn raised_by_task(py: Python<'_>, error: &langevin_tasks::Error) -> PyErr {
    if let Some(own) = error.cause::<langevin::Error>() {
        return raised(py, own);
    }
    let text = in_keywords(&error.text());
    match error.kind() {
        Kind::Misused => ArgumentError::new_err(text),
        Kind::Failed => FormatError::new_err(text),
        Kind::Interrupted => PyKeyboardInterrupt::new_err(text),
    }
}

/// Converts an error of training or of a model file to an exception.
pub fn raised_by_train(error: &langevin_train::Error) -> PyErr {
    FormatError::new_err(error.to_string())
}

/// Converts an error of an ONNX file to an exception.
pub fn raised_by_onnx(error: &langevin_onnx::Error) -> PyErr {
    let text = error.to_string();
    if error.is_argument() { ArgumentError::new_err(text) } else { ModelError::new_err(text) }
}

/// Conversion of the library's results to Python results.
pub trait OrRaise<T> {
    /// Returns the value, or the error as an exception.
    fn or_raise(self) -> PyResult<T>;
}

impl<T> OrRaise<T> for langevin::Result<T> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(|error| Python::attach(|py| raised(py, &error)))
    }
}

/// Wraps a Python exception so that it can pass through the library; [`raised`] unwraps it.
pub fn carried(error: PyErr) -> langevin::Error {
    langevin::Error::model("the Python code failed", error)
}

/// Raises a `KeywordError` if the caller gave a keyword that is not among the `known` ones.
pub fn refuse_unknown(unknown: Option<&Bound<'_, PyDict>>, function: &str, known: &[&str]) -> PyResult<()> {
    let Some(name) = unknown.and_then(|unknown| unknown.keys().iter().next()) else { return Ok(()) };
    let name = name.to_string();
    let message = langevin::error::Message::new("unknown argument").at(function).expected(known.join(", "));
    let message = message.got(format!("'{name}'"));
    let message = match langevin::error::nearest(&name, known) {
        Some(near) => message.hinting(format!("did you mean '{near}'?")),
        None => message,
    };
    Err(KeywordError::new_err(message.to_string()))
}

/// Returns a `ShapeError` with the text `what: expected …, got …` and, if not empty, the hint.
pub fn misfit(what: &str, expected: impl Into<String>, got: impl Into<String>, hint: &str) -> PyErr {
    let message = langevin::error::Message::new(what).expected(expected).got(got);
    let message = if hint.is_empty() { message } else { message.hinting(hint) };
    ShapeError::new_err(message.to_string())
}
