//! A model in Python as a model of the library, for tasks that evaluate it themselves.

use crate::arrays::{ArraySpace, Spares};
use crate::errors::{ArgumentError, carried};
use crate::stepper::Query;
use langevin::model::{At, InputLevel};
use langevin::{Formulation, Model, Vjp};
use numpy::{PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A function in Python of a question and cotangents, which returns an output and its products with
/// the cotangents.
///
/// A question about one noise level is a [`Query`]. A question about a level for each row is a
/// tuple of the input, three columns (time, α, σ), the sample indices, and the number of calls
/// before it. The interpreter is attached for the time of a call.
pub struct Called {
    call: Py<PyAny>,
    shape: Vec<usize>,
    formulation: Option<Formulation>,
    /// True if the function receives double precision.
    double: bool,
    calls: AtomicUsize,
}

impl Called {
    /// Creates a model whose samples have this shape.
    pub fn new(call: Py<PyAny>, shape: Vec<usize>, formulation: Option<Formulation>, double: bool) -> Self {
        Self { call, shape, formulation, double, calls: AtomicUsize::new(0) }
    }

    /// Returns the shape of one sample.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns states as an array of Python.
    fn array<'py>(&self, py: Python<'py>, rows: usize, values: &[f64]) -> PyResult<Bound<'py, PyAny>> {
        let shape = self.batch(rows);
        Ok(if self.double {
            PyArray1::from_slice(py, values).reshape(shape)?.into_any()
        } else {
            PyArray1::from_iter(py, values.iter().map(|value| *value as f32)).reshape(shape)?.into_any()
        })
    }

    fn batch(&self, rows: usize) -> Vec<usize> {
        std::iter::once(rows).chain(self.shape.iter().copied()).collect()
    }

    fn ask(
        &self,
        py: Python<'_>,
        x: &[f64],
        query: &langevin::Query<'_>,
        cotangents: &[Vec<f64>],
    ) -> PyResult<(Vec<f64>, Vec<Vec<f64>>)> {
        let count = query.rows.len();
        let array = self.array(py, count, x)?;
        let rows = PyArray1::from_iter(py, query.rows.iter().map(|row| row.index));
        let index = self.calls.fetch_add(1, Ordering::Relaxed);
        let question = match query.at {
            At::One(level) => {
                Bound::new(py, Query::new(array.unbind(), &level, query.branch, index, rows.unbind()))?.into_any()
            }
            At::PerRow(levels) => {
                let column = |of: fn(&InputLevel) -> f64| PyArray1::from_iter(py, levels.iter().map(of));
                let (time, alpha, sigma) = (column(|one| one.time), column(|one| one.alpha), column(|one| one.sigma));
                (array, time, alpha, sigma, rows, index).into_pyobject(py)?.into_any()
            }
            _ => return Err(ArgumentError::new_err("a model in Python answers for one level, or one for each row")),
        };
        let directions = cotangents.iter().map(|v| self.array(py, count, v)).collect::<PyResult<Vec<_>>>()?;
        let (out, products): (Bound<'_, PyAny>, Vec<Bound<'_, PyAny>>) =
            self.call.bind(py).call1((question, directions))?.extract()?;
        let space = ArraySpace::<f64>::new(self.batch(count), 1, Spares::default());
        let take = |what: &str, value: &Bound<'_, PyAny>| -> PyResult<Vec<f64>> {
            let state = space.take(py, what, value)?;
            Ok(state.array.bind(py).try_readonly()?.as_slice()?.to_vec())
        };
        let products = products.iter().map(|product| take("a product", product)).collect::<PyResult<_>>()?;
        Ok((take("the model's output", &out)?, products))
    }
}

impl Model<Vec<f64>> for Called {
    fn formulation(&self) -> Option<&Formulation> {
        self.formulation.as_ref()
    }

    fn predict(&self, x: &Vec<f64>, query: &langevin::Query<'_>) -> langevin::Result<Vec<f64>> {
        Python::attach(|py| self.ask(py, x, query, &[])).map(|(out, _)| out).map_err(carried)
    }
}

impl Vjp<Vec<f64>> for Called {
    fn predict_vjps(
        &self,
        x: &Vec<f64>,
        query: &langevin::Query<'_>,
        cotangents: &[Vec<f64>],
    ) -> langevin::Result<(Vec<f64>, Vec<Vec<f64>>)> {
        Python::attach(|py| self.ask(py, x, query, cotangents)).map_err(carried)
    }
}
