//! Columns of numbers whose type appears in the stubs: the crate `numpy` declares none.

use numpy::{Element, PyArray1};
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::{type_hint_identifier, type_hint_subscript};
use std::convert::Infallible;

/// A numpy array with one axis.
pub struct Column<'py, T>(Bound<'py, PyArray1<T>>);

impl<'py, T: Element> Column<'py, T> {
    /// Builds a column from numbers.
    pub fn new(py: Python<'py>, values: impl IntoIterator<Item = T>) -> Self {
        Self(PyArray1::from_iter(py, values))
    }

    /// Wraps an existing array.
    pub fn of(py: Python<'py>, array: &Py<PyArray1<T>>) -> Self {
        Self(array.bind(py).clone())
    }
}

/// An element type with a name in numpy.
pub trait Named {
    /// The name of the dtype.
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
