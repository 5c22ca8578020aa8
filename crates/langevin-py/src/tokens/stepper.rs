//! `TokenStepper`: a plan of tokens that runs step by step, with the model in Python.

use super::ids::{Ids, outputs};
use crate::errors::{ArgumentError, OrRaise as _, misfit, refuse_unknown};
use langevin::SampleId;
use langevin::drive::Program as _;
use langevin::model::Branch;
use langevin_discrete::plan::{Kept, Op, Run};
use langevin_discrete::{Letter, Outputs, Parameterization, StateSpace};
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Run of a plan of tokens that the caller drives, one evaluation at a time.
///
/// :meth:`TokenPlan.start` returns it. The loop is :meth:`query`, the network, :meth:`supply`,
/// until :meth:`query` returns ``None``.
///
/// Examples
/// --------
/// >>> import langevin, numpy
/// >>> run = langevin.TokenPlan("ancestral", vocab=3, length=4, steps=2).start(5, seed=1)
/// >>> while (query := run.query()) is not None:
/// ...     run.supply(numpy.zeros((5, 4, 3)), output="logits")
/// >>> run.finish().shape
/// (5, 4)
#[pyclass(frozen, module = "langevin")]
pub struct TokenStepper {
    run: Mutex<Option<Run<'static>>>,
    space: StateSpace,
    ids: Ids,
    net: Option<Parameterization>,
}

impl TokenStepper {
    /// Starts a run.
    pub fn start(
        plan: &langevin_discrete::Plan,
        rows: Vec<SampleId>,
        ids: Ids,
        kept: Option<(Vec<Letter>, Vec<bool>)>,
    ) -> PyResult<Self> {
        let kept = kept.map(|(letters, keep)| Kept::new(letters, keep)).unwrap_or_default();
        let run = plan.clone().start_owned(rows, kept).or_raise()?;
        let space = plan.space().clone();
        let net = plan.ops().iter().find_map(|op| if let Op::Eval { net, .. } = op { *net } else { None });
        Ok(Self { run: Mutex::new(Some(run)), space, ids, net })
    }

    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, Option<Run<'static>>> {
        use pyo3::sync::MutexExt as _;
        self.run.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

fn finished() -> PyErr {
    ArgumentError::new_err("the run is finished")
}

#[pymethods]
impl TokenStepper {
    /// Return the next evaluation of the network, or ``None`` at the end.
    ///
    /// Returns
    /// -------
    /// TokenQuery or None
    ///     The tokens, the survival and the rows.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the run is finished.
    #[pyo3(signature = () -> "typing.Any")]
    fn query<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut guard = self.lock(py);
        let run = guard.as_mut().ok_or_else(finished)?;
        let index = run.performed();
        let Some(question) = run.query().or_raise()? else { return Ok(None) };
        let tokens = self.ids.array(py, question.x.tokens().unwrap_or_default(), self.space.length())?;
        let rows = question.query.rows;
        let alpha = PyArray1::from_iter(py, (0..rows.len()).map(|row| question.query.at.row(row).alpha));
        let branch = if question.query.branch == Branch::Main { "main" } else { "unconditional" };
        let ids = PyArray1::from_iter(py, rows.iter().map(|row| row.index));
        let kind = py.import("langevin._tokens")?.getattr("TokenQuery")?;
        Some(kind.call1((tokens, alpha, index, ids, branch))).transpose()
    }

    /// Answer the pending evaluation.
    ///
    /// Parameters
    /// ----------
    /// predictions : numpy.ndarray or torch.Tensor of float, shape (rows, length, vocab)
    ///     The network's output for the tokens of the query; a column for the mask is ignored.
    /// output : {"probabilities", "logits"}, default "probabilities"
    ///     The form of the numbers.
    /// prediction : {"posterior", "leave-one-out", "score"}, default "posterior"
    ///     What the network predicts.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If a number is no probability or logit, or if no evaluation is pending.
    /// ShapeError
    ///     If the shape does not fit.
    #[pyo3(signature = (predictions: "typing.Any", *, output = "probabilities", prediction = "posterior", **unknown: "typing.NoReturn"))]
    fn supply(
        &self,
        predictions: &Bound<'_, PyAny>,
        output: &str,
        prediction: &str,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        refuse_unknown(unknown, "TokenStepper.supply", &["predictions", "output", "prediction"])?;
        let logits = match output {
            "logits" => true,
            "probabilities" => false,
            other => {
                return Err(ArgumentError::new_err(format!(
                    "unknown output: expected 'probabilities' or 'logits', got '{other}'"
                )));
            }
        };
        let prediction: Parameterization = prediction.parse().or_raise()?;
        if let Some(net) = self.net.filter(|net| *net != prediction) {
            return Err(ArgumentError::new_err(format!(
                "the plan is for another network (prediction): expected '{net}', got '{prediction}'"
            )));
        }
        let py = predictions.py();
        let array = py.import("langevin._tokens")?.getattr("_floats")?.call1((predictions,))?;
        let mut guard = self.lock(py);
        let run = guard.as_mut().ok_or_else(finished)?;
        let Some(question) = run.query().or_raise()? else { return Err(finished()) };
        let tokens = question.x.tokens().unwrap_or_default().to_vec();
        let form = Outputs { ids: self.ids.0, prediction, logits, forbidden: vec![] };
        let read = outputs(&form, &self.space, &array, &tokens)?.or_raise()?;
        run.supply_as(prediction, read).or_raise()
    }

    /// Letters that were drawn after the last answered evaluation, also those that were not taken.
    ///
    /// ``None`` before :meth:`query`, and for samplers that draw no letters.
    #[getter]
    fn drawn<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let guard = self.lock(py);
        let letters = guard.as_ref().ok_or_else(finished)?.drawn();
        match letters.is_empty() {
            true => Ok(None),
            false => self.ids.array(py, letters, self.space.length()).map(Some),
        }
    }

    /// Replace the tokens of the pending evaluation.
    ///
    /// Parameters
    /// ----------
    /// tokens : array_like of int, shape (rows, length)
    ///     The tokens, with the mask.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If a token is unknown, or if no evaluation is pending.
    /// ShapeError
    ///     If the shape does not fit.
    #[pyo3(signature = (tokens: "numpy.typing.ArrayLike"))]
    fn replace(&self, tokens: &Bound<'_, PyAny>) -> PyResult<()> {
        let letters = self.ids.read(tokens, self.space.length(), true)?;
        let mut guard = self.lock(tokens.py());
        let run = guard.as_mut().ok_or_else(finished)?;
        run.query().or_raise()?;
        run.replace(letters).or_raise()
    }

    /// Replace the random numbers of one draw, for example by those of another program.
    ///
    /// Parameters
    /// ----------
    /// draw : int
    ///     The number of the draw in the plan.
    /// uniforms : array_like of float, shape (rows, length)
    ///     Numbers between 0 and 1, one for each token.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If a number is not between 0 and 1.
    /// ShapeError
    ///     If the shape does not fit.
    #[pyo3(signature = (draw, uniforms: "numpy.typing.ArrayLike"))]
    fn record(&self, draw: u32, uniforms: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = uniforms.py();
        let array = py.import("numpy")?.call_method1("ascontiguousarray", (uniforms, "float64"))?;
        let array = array.cast_into::<PyArrayDyn<f64>>()?;
        let values = array.try_readonly()?.as_slice()?.to_vec();
        let mut guard = self.lock(py);
        guard.as_mut().ok_or_else(finished)?.record(draw, values).or_raise()
    }

    /// Return the samples and end the run.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of int64, shape (rows, length)
    ///     The samples.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If evaluations are left, or if the run is finished.
    #[pyo3(signature = () -> "numpy.typing.NDArray[numpy.int64]")]
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut guard = self.lock(py);
        if guard.as_mut().ok_or_else(finished)?.query().or_raise()?.is_some() {
            return Err(misfit("the run is not finished", "an answer to every query", "a pending query", ""));
        }
        let letters = guard.take().ok_or_else(finished)?.finish().or_raise()?;
        self.ids.array(py, &letters, self.space.length())
    }
}
