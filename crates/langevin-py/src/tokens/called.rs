//! A network in Python as a model of the library.

use super::ids::{Ids, outputs};
use crate::errors::carried;
use langevin::model::Branch;
use langevin::{Query, Result};
use langevin_discrete::{Denoiser, Letter, Outputs, Parameterization, StateSpace};
use numpy::PyArray1;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A function in Python of tokens, survivals, sample indices, the branch and the number of calls
/// before it, which returns an array of shape (rows, length, columns).
///
/// The interpreter is attached for the time of a call.
pub struct Called {
    /// The function.
    pub call: Py<PyAny>,
    /// The space of the sequences.
    pub space: StateSpace,
    /// Reading of its output.
    pub outputs: Outputs,
    /// The largest number of rows of one call.
    pub batch: usize,
    /// The number of calls so far.
    pub calls: AtomicUsize,
}

impl Called {
    fn part(&self, py: Python<'_>, first: usize, tokens: &[Letter], query: &Query<'_>) -> PyResult<Result<Vec<f64>>> {
        let length = self.space.length();
        let rows = first..first + tokens.len() / length;
        let array = Ids(self.outputs.ids).array(py, tokens, length)?;
        let alpha = PyArray1::from_iter(py, rows.clone().map(|row| query.at.row(row).alpha));
        let index = PyArray1::from_iter(py, query.rows[rows].iter().map(|row| row.index));
        let branch = if query.branch == Branch::Main { "main" } else { "unconditional" };
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let output = self.call.bind(py).call1((array, alpha, index, branch, number))?;
        outputs(&self.outputs, &self.space, &output, tokens)
    }
}

impl Denoiser for Called {
    fn space(&self) -> &StateSpace {
        &self.space
    }

    fn parameterization(&self) -> Parameterization {
        self.outputs.prediction
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        let size = self.batch.max(1);
        let mut out = Vec::new();
        for (part, tokens) in x.chunks(size * self.space.length()).enumerate() {
            let read = Python::attach(|py| {
                py.check_signals()?;
                self.part(py, part * size, tokens, query)
            });
            let read = read.map_err(carried)??;
            if out.is_empty() {
                out = read;
            } else {
                out.extend(read);
            }
        }
        Ok(out)
    }
}
