//! `Stepper` and `Query`: a plan that runs step by step, with the model in Python.

use crate::arrays::{ArraySpace, Spares, State};
use crate::column::Column;
use crate::errors::{ArgumentError, OrRaise as _, misfit};
use crate::rows::batch;
use crate::tensors::TensorSpace;
use langevin::SampleId;
use langevin::model::{At, Branch, InputLevel};
use langevin::plan::Run;
use langevin::space::Element;
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Evaluation of the model that a plan requests: the input, its noise level and its rows.
///
/// :meth:`Stepper.query` returns queries, and :meth:`Plan.run` passes them to the model as its
/// second argument.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> run = langevin.Plan("ddim", "vp", steps=2).start((3, 2))
/// >>> query = run.query()
/// >>> query.index, query.branch, query.x.shape
/// (0, 'main', (3, 2))
#[pyclass(frozen, module = "langevin")]
pub struct Query {
    /// Input of the model, already scaled: an array of the run's shape. Do not write into it.
    #[pyo3(get)]
    x: Py<PyAny>,
    /// Time that the model receives, in the clock of the network.
    #[pyo3(get)]
    time: f64,
    /// Factor of the clean data in ``x``.
    #[pyo3(get)]
    alpha: f64,
    /// Standard deviation of the noise in ``x``.
    #[pyo3(get)]
    sigma: f64,
    /// Branch of guidance: ``"main"`` or ``"unconditional"``.
    #[pyo3(get)]
    branch: &'static str,
    /// Number of model calls before this one in the run.
    #[pyo3(get)]
    index: usize,
    rows: Py<PyArray1<u64>>,
}

impl Query {
    /// Creates the query of a model call.
    pub fn new(x: Py<PyAny>, level: &InputLevel, branch: Branch, index: usize, rows: Py<PyArray1<u64>>) -> Self {
        let InputLevel { time, alpha, sigma } = *level;
        let branch = if branch == Branch::Unconditional { "unconditional" } else { "main" };
        Self { x, time, alpha, sigma, branch, index, rows }
    }
}

#[pymethods]
impl Query {
    /// Sample index of each row: uint64, shape (rows,).
    #[getter]
    fn rows<'py>(&self, py: Python<'py>) -> Column<'py, u64> {
        Column::of(py, &self.rows)
    }

    /// Return the time once for each row, as an array or tensor like ``x``.
    ///
    /// Parameters
    /// ----------
    /// x : numpy.ndarray or torch.Tensor, shape (rows, ...)
    ///     The array or tensor whose row count, dtype and device are taken.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray or torch.Tensor, shape (rows,)
    ///     The time, repeated.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> query = langevin.Plan("ddim", "vp", steps=2).start((3, 2)).query()
    /// >>> query.time_like(query.x).shape
    /// (3,)
    fn time_like<'py>(&self, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let rows = x.getattr("shape")?.get_item(0)?;
        if x.hasattr("new_full")? {
            // Half precision has no whole numbers above 2048 (bfloat16: 256), so times stay exact.
            let torch = x.py().import("torch")?;
            let options = PyDict::new(x.py());
            if x.getattr("dtype")?.getattr("itemsize")?.extract::<usize>()? < 4 {
                options.set_item("dtype", torch.getattr("float32")?)?;
            }
            return x.call_method("new_full", ((rows,), self.time), Some(&options));
        }
        let numpy = x.py().import("numpy")?;
        numpy.call_method1("full", ((rows,), self.time, x.getattr("dtype")?))
    }

    fn __repr__(&self) -> String {
        format!(
            "Query(index={}, time={}, alpha={}, sigma={}, branch='{}')",
            self.index, self.time, self.alpha, self.sigma, self.branch
        )
    }
}

type Owned<T> = Run<Arc<langevin::Plan>, Box<ArraySpace<T>>, Vec<SampleId>>;

/// A run on arrays of one dtype.
struct Typed<T: Element + numpy::Element> {
    run: Owned<T>,
    space: ArraySpace<T>,
}

impl<T: Element + numpy::Element> Typed<T> {
    fn new(
        plan: Arc<langevin::Plan>,
        inputs: &[Bound<'_, PyAny>],
        shape: &[usize],
        rows: Vec<SampleId>,
        start: Option<&Bound<'_, PyAny>>,
        threads: usize,
        spares: Spares,
    ) -> PyResult<Self> {
        let space = ArraySpace::new(shape.to_vec(), 1, spares.clone());
        let states = inputs.iter().map(|input| space.take(input.py(), "an input", input)).collect::<PyResult<_>>()?;
        let mut run =
            Run::new(plan, Box::new(ArraySpace::new(shape.to_vec(), threads, spares)), states, rows).or_raise()?;
        if let Some(start) = start {
            run.begin(space.take(start.py(), "the start", start)?).or_raise()?;
        }
        Ok(Self { run, space })
    }

    /// Returns the pending query: its input, level and branch.
    fn query(&mut self, py: Python<'_>) -> PyResult<Option<(Py<PyAny>, InputLevel, Branch)>> {
        let Some(request) = self.run.query().or_raise()? else { return Ok(None) };
        let At::One(level) = request.query.at else {
            return Err(ArgumentError::new_err("a plan asks about one level at a time"));
        };
        Ok(Some((request.x.array.clone_ref(py).into_any(), level, request.query.branch)))
    }

    fn advance(&mut self) -> PyResult<bool> {
        self.run.advance().or_raise()
    }

    fn supply(&mut self, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let state = self.space.take(out.py(), "the model's output", out)?;
        self.run.supply(state).or_raise()
    }

    fn replace(&mut self, x: &Bound<'_, PyAny>) -> PyResult<()> {
        let state = self.space.take(x.py(), "the state", x)?;
        self.run.replace(state).or_raise()
    }

    fn state(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.run.state().map(|state| state.array.clone_ref(py).into_any())
    }

    fn denoised(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let state = self.run.denoised().or_raise()?;
        Ok(state.map(|state| state.array.clone_ref(py).into_any()))
    }

    fn finish(self) -> PyResult<Py<PyAny>> {
        let Self { run, space } = self;
        let state: State<T> = run.finish().or_raise()?;
        Python::attach(|py| space.remember(py, &state));
        Ok(state.array.into_any())
    }
}

/// A run on tensors, whose contents only Python reads.
struct Tensors(Run<Arc<langevin::Plan>, Box<TensorSpace>, Vec<SampleId>>);

impl Tensors {
    fn query(&mut self, py: Python<'_>) -> PyResult<Option<(Py<PyAny>, InputLevel, Branch)>> {
        let Some(request) = self.0.query().or_raise()? else { return Ok(None) };
        let At::One(level) = request.query.at else {
            return Err(ArgumentError::new_err("a plan asks about one level at a time"));
        };
        Ok(Some((request.x.clone_ref(py), level, request.query.branch)))
    }

    fn advance(&mut self) -> PyResult<bool> {
        self.0.advance().or_raise()
    }

    fn supply(&mut self, out: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.supply(out.clone().unbind()).or_raise()
    }

    fn replace(&mut self, x: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.replace(x.clone().unbind()).or_raise()
    }

    fn state(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.state().map(|state| state.clone_ref(py))
    }

    fn denoised(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let state = self.0.denoised().or_raise()?;
        Ok(state.map(|state| state.clone_ref(py)))
    }

    fn finish(self) -> PyResult<Py<PyAny>> {
        self.0.finish().or_raise()
    }
}

enum Either {
    Single(Typed<f32>),
    Double(Typed<f64>),
    Tensor(Tensors),
    Done,
}

/// Evaluates one expression on a run of any type.
macro_rules! either {
    ($either:expr, $run:ident => $call:expr) => {
        match $either {
            Either::Single($run) => $call,
            Either::Double($run) => $call,
            Either::Tensor($run) => $call,
            Either::Done => Err(ArgumentError::new_err("the run is finished")),
        }
    };
}

/// Run of a plan that the caller drives: the caller evaluates the model.
///
/// :meth:`Plan.start` creates it. Call :meth:`query` and answer with :meth:`supply` until the query
/// is ``None``, then call :meth:`finish`. Methods raise an :class:`ArgumentError` once the run is
/// finished.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> moons = langevin.Density("moons")
/// >>> run = langevin.Plan("ddim", "vp", steps=5).start((3, 2), seed=1, dtype="float64")
/// >>> while (query := run.query()) is not None:
/// ...     level = langevin.Level(query.time, query.alpha, query.sigma)
/// ...     run.supply(moons.denoise(query.x, level))
/// >>> run.finish().shape
/// (3, 2)
#[pyclass(frozen, module = "langevin")]
pub struct Stepper {
    inner: Mutex<(Either, usize)>,
    rows: Py<PyArray1<u64>>,
    /// Arrays that a later run may reuse.
    pub spares: Spares,
}

impl Stepper {
    /// Starts a plan on the given rows.
    #[allow(clippy::too_many_arguments)]
    pub fn start(
        py: Python<'_>,
        plan: Arc<langevin::Plan>,
        inputs: &[Bound<'_, PyAny>],
        shape: &[usize],
        ids: Vec<SampleId>,
        dtype: &str,
        tensors: Option<Py<PyAny>>,
        start: Option<&Bound<'_, PyAny>>,
        threads: usize,
        spares: Spares,
    ) -> PyResult<Self> {
        let count = batch(shape)?;
        if ids.len() != count {
            return Err(misfit("the rows do not fit the shape", count.to_string(), ids.len().to_string(), ""));
        }
        let rows = PyArray1::from_iter(py, ids.iter().map(|id| id.index)).unbind();
        let either = match (tensors, dtype) {
            (Some(device), _) => {
                let space = TensorSpace { device, width: shape[1..].iter().product() };
                let inputs = inputs.iter().map(|input| input.clone().unbind()).collect();
                let mut run = Run::new(plan, Box::new(space), inputs, ids).or_raise()?;
                if let Some(start) = start {
                    run.begin(start.clone().unbind()).or_raise()?;
                }
                Either::Tensor(Tensors(run))
            }
            (None, "float32") => Either::Single(Typed::new(plan, inputs, shape, ids, start, threads, spares.clone())?),
            (None, "float64") => Either::Double(Typed::new(plan, inputs, shape, ids, start, threads, spares.clone())?),
            _ => return Err(misfit("bad dtype", "'float32' or 'float64'", format!("'{dtype}'"), "")),
        };
        Ok(Self { inner: Mutex::new((either, 0)), rows, spares })
    }

    /// Locks the run while the interpreter is released, so that two threads that share it cannot
    /// deadlock.
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, (Either, usize)> {
        use pyo3::sync::MutexExt as _;
        self.inner.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Stepper {
    /// Execute the plan up to the next model evaluation and return it.
    ///
    /// A second call without an answer in between returns the same evaluation.
    ///
    /// Returns
    /// -------
    /// Query or None
    ///     The evaluation to answer with :meth:`supply`; ``None`` at the end of the plan.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the run is finished.
    fn query(&self, py: Python<'_>) -> PyResult<Option<Query>> {
        py.check_signals()?;
        let mut inner = self.lock(py);
        let index = inner.1;
        let found = either!(&mut inner.0, typed => typed.query(py))?;
        Ok(found.map(|(x, level, branch)| Query::new(x, &level, branch, index, self.rows.clone_ref(py))))
    }

    /// Execute the plan up to the next model evaluation, without scaling the model's input.
    ///
    /// This is for callers that read :attr:`state` and scale the input themselves.
    ///
    /// Returns
    /// -------
    /// bool
    ///     ``True`` if an evaluation is pending, ``False`` at the end of the plan.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the run is finished.
    fn advance(&self, py: Python<'_>) -> PyResult<bool> {
        py.check_signals()?;
        either!(&mut self.lock(py).0, typed => typed.advance())
    }

    /// Answer the pending query with the model's output.
    ///
    /// Parameters
    /// ----------
    /// output : numpy.ndarray or torch.Tensor of float, shape of the run
    ///     The model's output for ``query.x``.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     If the output has another shape, or a dtype that is not floating-point.
    /// ArgumentError
    ///     If no query is pending.
    fn supply(&self, output: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut inner = self.lock(output.py());
        either!(&mut inner.0, typed => typed.supply(output))?;
        inner.1 += 1;
        Ok(())
    }

    /// Answer the pending query and return the state of the next one, or the result.
    ///
    /// The call equals ``replace(state)`` if a state is given, then ``supply(output)`` and
    /// ``advance()``. It finishes the run at the end of the plan.
    ///
    /// Parameters
    /// ----------
    /// output : numpy.ndarray or torch.Tensor of float, shape of the run
    ///     The model's output.
    /// state : numpy.ndarray or torch.Tensor of float, shape of the run, optional
    ///     A state that replaces the one of the pending query.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray or torch.Tensor, shape of the run
    ///     The state at the next evaluation, before its input scaling; at the end, the result.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     If an array has the wrong shape, or a dtype that is not floating-point.
    /// ArgumentError
    ///     If no query is pending.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> run = langevin.Plan("ddim", "vp", steps=2).start((3, 2))
    /// >>> run.advance()
    /// True
    /// >>> run.step(0 * run.state).shape  # a model that predicts zero
    /// (3, 2)
    /// >>> float(abs(run.step(0 * run.state)).max())
    /// 0.0
    #[pyo3(signature = (output, state = None))]
    fn step(&self, output: &Bound<'_, PyAny>, state: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Py<PyAny>>> {
        let py = output.py();
        py.check_signals()?;
        let mut inner = self.lock(py);
        let more = either!(&mut inner.0, typed => {
            if let Some(state) = state {
                typed.replace(state)?;
            }
            typed.supply(output)?;
            typed.advance()
        })?;
        inner.1 += 1;
        if more {
            return either!(&inner.0, typed => Ok(typed.state(py)));
        }
        either!(std::mem::replace(&mut inner.0, Either::Done), run => run.finish()).map(Some)
    }

    /// Replace the state of the pending query.
    ///
    /// Parameters
    /// ----------
    /// x : numpy.ndarray or torch.Tensor of float, shape of the run
    ///     The new state, before the input scaling.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     If the state has the wrong shape, or a dtype that is not floating-point.
    /// ArgumentError
    ///     If no query is pending.
    fn replace(&self, x: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut inner = self.lock(x.py());
        either!(&mut inner.0, typed => typed.replace(x))
    }

    /// State of the pending query before its input scaling; ``None`` if no query is pending.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        either!(&self.lock(py).0, typed => Ok(typed.state(py)))
    }

    /// Denoised prediction of the last answer; available until the next query.
    #[getter]
    fn denoised(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        either!(&mut self.lock(py).0, typed => typed.denoised(py))
    }

    /// Return the result and end the run.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray or torch.Tensor, shape of the run
    ///     The result, which the caller owns.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If a query is unanswered, or if the run is finished already.
    fn finish(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let mut inner = self.lock(py);
        either!(std::mem::replace(&mut inner.0, Either::Done), run => run.finish())
    }
}
