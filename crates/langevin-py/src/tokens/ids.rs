//! Identifiers of tokens in Python, and arrays of them.

use crate::errors::{ArgumentError, OrRaise as _, misfit};
use langevin::error::Message;
use langevin_discrete::{Letter, Noise, Outputs, StateSpace, TokenIds};
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;

/// The noise by its name, or the probabilities of a prior.
#[derive(FromPyObject)]
pub enum NoiseLike {
    /// A name.
    Name(String),
    /// Probabilities of the letters.
    Prior(Vec<f64>),
}

impl NoiseLike {
    /// Returns the noise, masked noise by default.
    pub fn noise(noise: Option<Self>) -> langevin::Result<Noise> {
        match noise {
            None => Ok(Noise::Masked),
            Some(Self::Name(name)) => name.parse(),
            Some(Self::Prior(prior)) => Ok(Noise::Prior(prior)),
        }
    }
}

/// The noise, as Python receives it.
#[derive(IntoPyObject)]
pub enum NoiseOut {
    /// A name.
    Name(String),
    /// Probabilities of the letters.
    Prior(Vec<f64>),
}

impl NoiseOut {
    /// Returns the name of the noise, or the probabilities of a prior.
    pub fn of(noise: &Noise) -> Self {
        match noise {
            Noise::Prior(prior) => Self::Prior(prior.clone()),
            other => Self::Name(other.name().to_owned()),
        }
    }
}

/// The identifiers of a network's tokens, with the arrays of Python.
#[derive(Clone, Copy, Debug)]
pub struct Ids(pub TokenIds);

impl Ids {
    /// Returns the identifiers of a space, with the letter V as the mask unless `mask` is given.
    pub fn new(space: &StateSpace, mask: Option<i64>) -> PyResult<Self> {
        // A negative identifier is out of range like one that is too large.
        let mask = mask.map(|mask| usize::try_from(mask).map_err(|_| mask)).transpose().map_err(|mask| {
            let message = Message::new("bad mask").at("mask").expected("an identifier from 0").got(mask.to_string());
            ArgumentError::new_err(message.to_string())
        })?;
        TokenIds::new(space, mask).map(Self).or_raise()
    }

    /// Returns letters as an array of identifiers, shape (rows, length).
    pub fn array<'py>(&self, py: Python<'py>, letters: &[Letter], length: usize) -> PyResult<Bound<'py, PyAny>> {
        let ids = letters.iter().map(|letter| self.0.id(*letter) as i64);
        Ok(PyArray1::from_iter(py, ids).reshape([letters.len() / length.max(1), length])?.into_any())
    }

    /// Reads an array of identifiers, shape (rows, length) or (length,), as rows of letters.
    ///
    /// The identifier of the mask is refused unless `masked` is set.
    pub fn read(&self, tokens: &Bound<'_, PyAny>, length: usize, masked: bool) -> PyResult<Vec<Letter>> {
        let array = int64(tokens)?;
        let shape = array.shape();
        if !(1..=2).contains(&array.ndim()) || shape[array.ndim() - 1] != length {
            let got = format!("{shape:?}");
            return Err(misfit("the tokens have the wrong shape", format!("(rows, {length})"), got, ""));
        }
        let values = array.try_readonly()?;
        let letters = values.as_slice()?.iter().enumerate().map(|(place, id)| {
            match self.0.letter(*id).filter(|letter| masked || (*letter as usize) < self.0.vocab()) {
                Some(letter) => Ok(letter),
                None => Err(self.unknown(*id, place / length, place % length)),
            }
        });
        letters.collect()
    }

    fn unknown(&self, id: i64, row: usize, token: usize) -> PyErr {
        let last = self.0.id(self.0.vocab().saturating_sub(1) as Letter);
        let expected = match self.0.mask() {
            Some(mask) if mask < self.0.vocab() => format!("0 to {last} without the mask {mask}"),
            _ => format!("0 to {last}"),
        };
        let is_mask = self.0.mask().is_some_and(|mask| usize::try_from(id) == Ok(mask));
        let what = if is_mask { "a token is masked" } else { "unknown letter" };
        let message = Message::new(what).at(format!("row {row}, token {token}")).expected(expected).got(id.to_string());
        ArgumentError::new_err(message.to_string())
    }
}

/// Returns an array of whole numbers as int64, and refuses any other kind.
fn int64<'py>(tokens: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArrayDyn<i64>>> {
    let py = tokens.py();
    let numpy = py.import("numpy")?;
    let tokens = tokens.call_method0("cpu").unwrap_or_else(|_| tokens.clone());
    let array = numpy.call_method1("asarray", (tokens,))?;
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    if !matches!(kind.as_str(), "i" | "u" | "b") {
        let got = array.getattr("dtype")?.to_string();
        return Err(misfit("the tokens have the wrong dtype", "whole numbers", got, ""));
    }
    Ok(numpy.call_method1("ascontiguousarray", (array, "int64"))?.cast_into()?)
}

/// Reads which places are kept, shape (rows, length) or (length,), as one flag for each token.
pub fn flags(keep: &Bound<'_, PyAny>, length: usize) -> PyResult<Vec<bool>> {
    let py = keep.py();
    let numpy = py.import("numpy")?;
    let keep = keep.call_method0("cpu").unwrap_or_else(|_| keep.clone());
    let array = numpy.call_method1("asarray", (keep,))?;
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    if kind != "b" {
        let got = array.getattr("dtype")?.to_string();
        return Err(misfit("the places have the wrong dtype (keep)", "bool", got, "True keeps a token"));
    }
    let array = numpy.call_method1("ascontiguousarray", (array, "bool"))?.cast_into::<PyArrayDyn<bool>>()?;
    if !(1..=2).contains(&array.ndim()) || array.shape()[array.ndim() - 1] != length {
        let got = format!("{:?}", array.shape());
        return Err(misfit("the places have the wrong shape (keep)", format!("(rows, {length})"), got, ""));
    }
    Ok(array.try_readonly()?.as_slice()?.to_vec())
}

/// Repeats one row for all, and refuses any other number of rows.
pub fn for_rows<T: Copy>(what: &str, values: Vec<T>, rows: usize, length: usize) -> PyResult<Vec<T>> {
    match values.len() / length.max(1) {
        1 => Ok(values.repeat(rows)),
        own if own == rows => Ok(values),
        own => Err(misfit(
            &format!("the number of rows does not fit ({what})"),
            format!("1 or {rows}"),
            own.to_string(),
            "",
        )),
    }
}

/// Reads an array of float32 or float64 of shape (rows, length, columns) about these tokens.
pub fn outputs(
    outputs: &Outputs,
    space: &StateSpace,
    array: &Bound<'_, PyAny>,
    tokens: &[Letter],
) -> PyResult<langevin::Result<Vec<f64>>> {
    if let Ok(array) = array.cast::<PyArrayDyn<f32>>() {
        let (shape, values) = (array.shape().to_vec(), array.try_readonly()?);
        return Ok(outputs.read(space, &shape, values.as_slice()?, tokens));
    }
    let array = array.cast::<PyArrayDyn<f64>>()?;
    let (shape, values) = (array.shape().to_vec(), array.try_readonly()?);
    Ok(outputs.read(space, &shape, values.as_slice()?, tokens))
}
