//! A model in Python as a model of the library, for tasks that evaluate it themselves.

use crate::arrays::{ArraySpace, Spares};
use crate::errors::{ArgumentError, carried};
use crate::stepper::Query;
use langevin::model::At;
use langevin::{Formulation, Model, Vjp};
use numpy::{PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A function in Python of a [`Query`], which returns an array.
///
/// The interpreter is attached for the time of a call.
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

    fn ask(&self, py: Python<'_>, x: &[f64], query: &langevin::Query<'_>) -> PyResult<Vec<f64>> {
        let At::One(level) = query.at else {
            return Err(ArgumentError::new_err("a plan asks about one level at a time"));
        };
        let shape: Vec<usize> = std::iter::once(query.rows.len()).chain(self.shape.iter().copied()).collect();
        let array = if self.double {
            PyArray1::from_slice(py, x).reshape(shape.clone())?.into_any()
        } else {
            PyArray1::from_iter(py, x.iter().map(|value| *value as f32)).reshape(shape.clone())?.into_any()
        };
        let rows = PyArray1::from_iter(py, query.rows.iter().map(|row| row.index));
        let index = self.calls.fetch_add(1, Ordering::Relaxed);
        let query = Query::new(array.unbind(), &level, query.branch, index, rows.unbind());
        let answer = self.call.bind(py).call1((query,))?;
        let space = ArraySpace::<f64>::new(shape, 1, Spares::default());
        let state = space.take(py, "the model's output", &answer)?;
        Ok(state.array.bind(py).try_readonly()?.as_slice()?.to_vec())
    }
}

impl Model<Vec<f64>> for Called {
    fn formulation(&self) -> Option<&Formulation> {
        self.formulation.as_ref()
    }

    fn predict(&self, x: &Vec<f64>, query: &langevin::Query<'_>) -> langevin::Result<Vec<f64>> {
        Python::attach(|py| self.ask(py, x, query)).map_err(carried)
    }
}

impl Vjp<Vec<f64>> for Called {
    fn predict_vjps(
        &self,
        _: &Vec<f64>,
        _: &langevin::Query<'_>,
        _: &[Vec<f64>],
    ) -> langevin::Result<(Vec<f64>, Vec<Vec<f64>>)> {
        Err(langevin::Error::argument("the model has no derivative").expected("a model of this library"))
    }
}
