//! Columns of numbers with the type that stubs give them: numpy's crate does not say its own.

use numpy::{Element, PyArray1};
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::{type_hint_identifier, type_hint_subscript};
use std::convert::Infallible;

/// A numpy array of one axis.
pub struct Column<'py, T>(Bound<'py, PyArray1<T>>);

impl<'py, T: Element> Column<'py, T> {
    /// Of these numbers.
    pub fn new(py: Python<'py>, values: impl IntoIterator<Item = T>) -> Self {
        Self(PyArray1::from_iter(py, values))
    }

    /// One that stands.
    pub fn of(py: Python<'py>, array: &Py<PyArray1<T>>) -> Self {
        Self(array.bind(py).clone())
    }
}

/// What `numpy.dtype` is called.
pub trait Named {
    /// Its name in numpy.
    const NAME: &'static str;
}

impl Named for f64 {
    const NAME: &'static str = "float64";
}

impl Named for u64 {
    const NAME: &'static str = "uint64";
}

impl<'py, T: Element + Named> IntoPyObject<'py> for Column<'py, T> {
    type Target = PyArray1<T>;
    type Output = Bound<'py, Self::Target>;
    type Error = Infallible;
    const OUTPUT_TYPE: PyStaticExpr =
        type_hint_subscript!(type_hint_identifier!("numpy.typing", "NDArray"), type_hint_identifier!("numpy", T::NAME));

    fn into_pyobject(self, _: Python<'py>) -> Result<Self::Output, Self::Error> {
        Ok(self.0)
    }
}
