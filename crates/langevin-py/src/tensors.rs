//! The space of torch tensors that numpy cannot view, such as tensors on a GPU.
//!
//! Torch computes the combinations; the library supplies the coefficients.

use crate::errors::carried;
use langevin::space::{Coef, Draw, Tolerance};
use langevin::space::{ErrorNorms, RowWise};
use langevin::{Map, SampleId, Space};
use numpy::{PyArray1, PyArrayMethods as _};
use pyo3::call::PyCallArgs;
use pyo3::prelude::*;

/// The space of tensors of one shape on one device.
pub struct TensorSpace {
    /// A `langevin._torch.Tensors` object, which performs the operations.
    pub device: Py<PyAny>,
    /// The number of elements of a row.
    pub width: usize,
}

type State = Py<PyAny>;

/// Converts a coefficient to Python: a float, or an array with one number for each row.
fn coefficient(py: Python<'_>, coef: &Coef<'_>) -> PyResult<Py<PyAny>> {
    Ok(match coef {
        Coef::PerRow(values) => PyArray1::from_slice(py, values).into_any().unbind(),
        Coef::All(value) => value.into_pyobject(py)?.into_any().unbind(),
        _ => return Err(crate::errors::ArgumentError::new_err("unknown coefficient")),
    })
}

impl Space for TensorSpace {
    type State = State;

    fn combine(
        &self,
        own: Option<(Coef<'_>, State)>,
        terms: &[(Coef<'_>, &State)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> langevin::Result<State> {
        Python::attach(|py| {
            let mut all = Vec::new();
            for (coef, state) in
                own.iter().map(|(coef, state)| (coef, state)).chain(terms.iter().map(|(coef, state)| (coef, *state)))
            {
                all.push((coefficient(py, coef)?, state.clone_ref(py)));
            }
            let mut normals = Vec::new();
            for (coef, draw) in noise {
                let mut z = vec![0.0f32; rows.len() * self.width];
                py.detach(|| langevin::noise::fill_normals(rows, *draw, self.width, &mut z));
                normals.push((coefficient(py, coef)?, PyArray1::from_vec(py, z).unbind()));
            }
            self.device.call_method1(py, "combine", (all, normals, rows.len()))
        })
        .map_err(carried)
    }

    fn map(&self, map: &Map, args: &[&State]) -> langevin::Result<State> {
        Python::attach(|py| {
            let args: Vec<State> = args.iter().map(|arg| arg.clone_ref(py)).collect();
            let call = |name: &str, a: f64, b: f64| self.device.call_method1(py, name, (&args, a, b));
            match map {
                Map::Clamp { min, max } => call("clamp", *min, *max),
                Map::Threshold { ratio, max } => call("threshold", *ratio, *max),
                Map::Mul => call("multiply", 0.0, 0.0),
                Map::LearnedStd { small, large } => call("learned_std", small.ln(), large.ln()),
                _ => Err(crate::errors::ArgumentError::new_err("tensors know no hooks")),
            }
        })
        .map_err(carried)
    }
}

impl TensorSpace {
    /// Calls a method of the device object that returns one number for each row.
    fn column<'py>(&self, py: Python<'py>, name: &str, args: impl PyCallArgs<'py>) -> langevin::Result<Vec<f64>> {
        let found = self.device.bind(py).call_method1(name, args).map_err(carried)?;
        let array = found.cast_into::<PyArray1<f64>>().map_err(|error| carried(error.into()))?;
        array.to_vec().map_err(|error| carried(error.into()))
    }
}

impl ErrorNorms for TensorSpace {
    fn error_norms(&self, low: &State, high: &State, previous: &State, by: Tolerance) -> langevin::Result<Vec<f64>> {
        Python::attach(|py| self.column(py, "error_norms", (low, high, previous, by.absolute, by.relative)))
    }
}

impl RowWise for TensorSpace {
    fn width(&self) -> usize {
        self.width
    }

    fn upload(&self, values: &[f64]) -> langevin::Result<State> {
        Python::attach(|py| self.device.call_method1(py, "upload", (PyArray1::from_slice(py, values),)))
            .map_err(carried)
    }

    fn download(&self, state: &State) -> langevin::Result<Vec<f64>> {
        Python::attach(|py| self.column(py, "download", (state,)))
    }

    fn dots(&self, a: &State, b: &State) -> langevin::Result<Vec<f64>> {
        Python::attach(|py| self.column(py, "dots", (a, b)))
    }

    fn relative_norms(
        &self,
        error: &State,
        before: &State,
        after: &State,
        floor: &[f64],
    ) -> langevin::Result<Vec<f64>> {
        Python::attach(|py| {
            let floor = PyArray1::from_slice(py, floor);
            self.column(py, "relative_norms", (error, before, after, floor))
        })
    }

    fn take_rows(&self, state: &State, rows: &[usize]) -> langevin::Result<State> {
        Python::attach(|py| self.device.call_method1(py, "take_rows", (state, rows.to_vec()))).map_err(carried)
    }

    fn put_rows(&self, into: State, from: &State, rows: &[[usize; 2]]) -> langevin::Result<State> {
        let (sources, targets): (Vec<_>, Vec<_>) = rows.iter().map(|[source, target]| (*source, *target)).unzip();
        Python::attach(|py| self.device.call_method1(py, "put_rows", (into, from, sources, targets))).map_err(carried)
    }
}
