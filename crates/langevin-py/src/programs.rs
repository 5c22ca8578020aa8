//! Adaptive steps and likelihoods with the model in Python.
//!
//! They are programs of the library's driver; `langevin._drive` runs their loop.

use crate::arrays::{ArraySpace, Spares, State};
use crate::errors::{ArgumentError, OrRaise as _, misfit};
use crate::models::own;
use crate::rows::batch;
use crate::rows::ids;
use crate::share::cores;
use crate::tensors::TensorSpace;
use crate::theory::Formulation;
use langevin::adaptive::Adaptive;
use langevin::adaptive::{Adapted, Pair};
use langevin::drive::{Answer, Program};
use langevin::model::{At, InputLevel};
use langevin::space::{Element, Tolerance};
use langevin::space::{ErrorNorms, RowWise};
use langevin::{LambdaRange, SampleId, SliceSpace};
use langevin_analysis::likelihood::{Bound as Estimate, Divergence, Likelihood, Ode, in_pieces};
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

/// A column of numbers, one for each row.
type Numbers<'py> = Bound<'py, PyArray1<f64>>;

/// A question in Python's types: the input; time, α, σ and sample index of each row; the
/// cotangents.
type Asked<'py> = (Py<PyAny>, Numbers<'py>, Numbers<'py>, Numbers<'py>, Bound<'py, PyArray1<u64>>, Vec<Py<PyAny>>);

/// Conversion between the states of a space and Python objects.
trait Exchange: Send {
    /// A batch of states.
    type State: Send;
    /// Returns a state as a Python object.
    fn give(&self, py: Python<'_>, state: &Self::State) -> Py<PyAny>;
    /// Converts a Python object to a state with this many rows.
    fn take(&self, what: &str, rows: usize, value: &Bound<'_, PyAny>) -> PyResult<Self::State>;
}

/// Arrays whose rows have this shape.
struct Arrays<T> {
    row: Vec<usize>,
    element: PhantomData<T>,
}

impl<T: Element + numpy::Element> Exchange for Arrays<T> {
    type State = State<T>;

    fn give(&self, py: Python<'_>, state: &State<T>) -> Py<PyAny> {
        state.array.clone_ref(py).into_any()
    }

    fn take(&self, what: &str, rows: usize, value: &Bound<'_, PyAny>) -> PyResult<State<T>> {
        let shape = std::iter::once(rows).chain(self.row.iter().copied()).collect();
        ArraySpace::new(shape, 1, Spares::default()).take(value.py(), what, value)
    }
}

/// Tensors. They are passed through: `langevin._torch` checks them.
struct Tensors;

impl Exchange for Tensors {
    type State = Py<PyAny>;

    fn give(&self, py: Python<'_>, state: &Py<PyAny>) -> Py<PyAny> {
        state.clone_ref(py)
    }

    fn take(&self, _: &str, _: usize, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        Ok(value.clone().unbind())
    }
}

/// Conversion of a result to a dict.
trait Report<E: Exchange> {
    /// Returns the dict.
    fn report<'py>(self, py: Python<'py>, exchange: &E) -> PyResult<Bound<'py, PyDict>>;
}

impl<E: Exchange> Report<E> for Adapted<E::State> {
    fn report<'py>(self, py: Python<'py>, exchange: &E) -> PyResult<Bound<'py, PyDict>> {
        adapted(py, exchange.give(py, &self.state), [&self.accepted, &self.rejected], self.evaluations)
    }
}

impl<E: Exchange> Report<E> for Likelihood {
    fn report<'py>(self, py: Python<'py>, _: &E) -> PyResult<Bound<'py, PyDict>> {
        likelihood(py, &self)
    }
}

fn adapted<'py>(
    py: Python<'py>,
    samples: Py<PyAny>,
    steps: [&[usize]; 2],
    evaluations: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    all.set_item("samples", samples)?;
    all.set_item("evaluations", evaluations)?;
    for (name, counts) in ["accepted", "rejected"].into_iter().zip(steps) {
        all.set_item(name, PyArray1::from_iter(py, counts.iter().map(|count| *count as u64)))?;
    }
    Ok(all)
}

fn likelihood<'py>(py: Python<'py>, found: &Likelihood) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    all.set_item("kind", found.kind.name())?;
    all.set_item("nats", PyArray1::from_slice(py, &found.nats))?;
    all.set_item("errors", PyArray1::from_slice(py, &found.errors))?;
    all.set_item("evaluations", found.evaluations)?;
    all.set_item("products", found.products)?;
    all.set_item("mean", found.mean())?;
    all.set_item("standard_error", found.standard_error())?;
    all.set_item("bits_per_dim", found.bits_per_dim())?;
    Ok(all)
}

/// A program with its result and space types erased.
trait Driven: Send {
    /// Returns the next question, or `None` at the end.
    fn query<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Asked<'py>>>;
    /// Answers the question.
    fn supply(&mut self, out: &Bound<'_, PyAny>, products: &[Bound<'_, PyAny>]) -> PyResult<()>;
    /// Returns the result.
    fn finish<'py>(self: Box<Self>, py: Python<'py>) -> PyResult<Bound<'py, PyDict>>;
}

/// A program with the conversion of its states.
struct On<P, E> {
    program: P,
    exchange: E,
    /// The number of rows of the pending question.
    rows: usize,
}

impl<E, P> Driven for On<P, E>
where
    E: Exchange,
    P: Program<State = E::State, Output: Report<E>> + Send,
{
    fn query<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Asked<'py>>> {
        let Some(question) = self.program.query().or_raise()? else { return Ok(None) };
        let At::PerRow(levels) = question.query.at else {
            return Err(ArgumentError::new_err("a level for each row was expected"));
        };
        self.rows = levels.len();
        let column = |of: fn(&InputLevel) -> f64| PyArray1::from_iter(py, levels.iter().map(of));
        let cotangents = question.cotangents.iter().map(|v| self.exchange.give(py, v)).collect();
        Ok(Some((
            self.exchange.give(py, question.x),
            column(|level| level.time),
            column(|level| level.alpha),
            column(|level| level.sigma),
            PyArray1::from_iter(py, question.query.rows.iter().map(|row| row.index)),
            cotangents,
        )))
    }

    fn supply(&mut self, out: &Bound<'_, PyAny>, products: &[Bound<'_, PyAny>]) -> PyResult<()> {
        let out = self.exchange.take("the model's output", self.rows, out)?;
        let take = |product| self.exchange.take("a product", self.rows, product);
        let products = products.iter().map(take).collect::<PyResult<_>>()?;
        self.program.supply(Answer { out, products }).or_raise()
    }

    fn finish<'py>(self: Box<Self>, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Self { program, exchange, .. } = *self;
        program.finish().or_raise()?.report(py, &exchange)
    }
}

/// Program whose model the caller evaluates; used by ``langevin._drive``.
#[pyclass(frozen, module = "langevin._langevin", name = "_Program")]
pub struct Running(Mutex<Option<Box<dyn Driven>>>);

impl Running {
    fn new<P, E>(program: P, exchange: E, rows: usize) -> Self
    where
        E: Exchange + 'static,
        P: Program<State = E::State, Output: Report<E>> + Send + 'static,
    {
        Self(Mutex::new(Some(Box::new(On { program, exchange, rows }))))
    }

    /// Calls `f` on the program under its lock.
    fn with<R>(&self, py: Python<'_>, f: impl FnOnce(&mut Option<Box<dyn Driven>>) -> PyResult<R>) -> PyResult<R> {
        use pyo3::sync::MutexExt as _;
        f(&mut self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }
}

fn finished() -> PyErr {
    ArgumentError::new_err("the run is finished")
}

#[pymethods]
impl Running {
    /// Return the next question, or ``None`` at the end.
    ///
    /// Returns
    /// -------
    /// tuple or None
    ///     The input x; time, alpha, sigma (float64) and sample index (uint64) of each row, shape
    ///     (rows,); and the list of cotangents.
    #[pyo3(signature = () -> "typing.Any")]
    fn query<'py>(&self, py: Python<'py>) -> PyResult<Option<Asked<'py>>> {
        py.check_signals()?;
        self.with(py, |driven| driven.as_mut().ok_or_else(finished)?.query(py))
    }

    /// Answer the pending question.
    ///
    /// Parameters
    /// ----------
    /// output : numpy.ndarray or torch.Tensor
    ///     The model's output, of the shape of x.
    /// products : sequence of numpy.ndarray or torch.Tensor
    ///     The vector-Jacobian product for each cotangent.
    fn supply(&self, output: &Bound<'_, PyAny>, products: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        self.with(output.py(), |driven| driven.as_mut().ok_or_else(finished)?.supply(output, &products))
    }

    /// Return the result and end the run.
    ///
    /// Returns
    /// -------
    /// dict
    ///     The fields of :class:`Adapted` or :class:`Likelihood`.
    #[pyo3(signature = () -> "dict[str, typing.Any]")]
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.with(py, |driven| driven.take().ok_or_else(finished)?.finish(py))
    }
}

/// The space in which the states of a program live.
enum Home {
    Single(ArraySpace<f32>, Arrays<f32>),
    Double(ArraySpace<f64>, Arrays<f64>),
    Tensor(TensorSpace, Tensors),
}

impl Home {
    fn new(shape: &[usize], dtype: &str, tensors: Option<Py<PyAny>>) -> PyResult<Self> {
        fn arrays<T: Element + numpy::Element>(shape: &[usize]) -> (ArraySpace<T>, Arrays<T>) {
            let space = ArraySpace::new(shape.to_vec(), cores(), Spares::default());
            (space, Arrays { row: shape[1..].to_vec(), element: PhantomData })
        }
        match (tensors, dtype) {
            (Some(device), _) => Ok(Self::Tensor(TensorSpace { device, width: shape[1..].iter().product() }, Tensors)),
            (None, "float32") => {
                let (space, exchange) = arrays(shape);
                Ok(Self::Single(space, exchange))
            }
            (None, "float64") => {
                let (space, exchange) = arrays(shape);
                Ok(Self::Double(space, exchange))
            }
            _ => Err(misfit("bad dtype", "'float32' or 'float64'", format!("'{dtype}'"), "")),
        }
    }
}

/// Evaluates one expression with the space and the exchange of any home.
macro_rules! at_home {
    ($home:expr, ($space:ident, $exchange:ident) => $call:expr) => {
        match $home {
            Home::Single($space, $exchange) => $call,
            Home::Double($space, $exchange) => $call,
            Home::Tensor($space, $exchange) => $call,
        }
    };
}

/// Builds the adaptive sampler from the arguments.
fn adaptive_of(pair: &str, rtol: f64, atol: f64, eta: f64) -> PyResult<Adaptive> {
    let mut adaptive = Adaptive::new(Pair::parse(pair).or_raise()?);
    adaptive.tolerance = Tolerance { absolute: atol, relative: rtol };
    adaptive.eta = eta;
    Ok(adaptive)
}

/// Start an adaptive run; used by ``langevin._drive``.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn _adaptive(
    shape: Vec<usize>,
    seed: u64,
    first: u64,
    pair: &str,
    range: [f64; 2],
    network: Option<PyRef<'_, Formulation>>,
    rtol: f64,
    atol: f64,
    eta: f64,
    dtype: &str,
    tensors: Option<Py<PyAny>>,
) -> PyResult<Running> {
    fn started<Sp, E>(
        space: Sp,
        exchange: E,
        adaptive: &Adaptive,
        network: Option<&langevin::Formulation>,
        range: [f64; 2],
        rows: &[SampleId],
    ) -> PyResult<Running>
    where
        E: Exchange + 'static,
        Sp: ErrorNorms<State = E::State> + Send + 'static,
    {
        let program = adaptive.start(space, network, range, rows).or_raise()?;
        Ok(Running::new(program, exchange, rows.len()))
    }
    let (adaptive, rows) = (adaptive_of(pair, rtol, atol, eta)?, ids(seed, first, batch(&shape)?)?);
    let network = network.as_ref().map(|network| &network.0);
    at_home!(Home::new(&shape, dtype, tensors)?, (space, exchange) => {
        started(space, exchange, &adaptive, network, range, &rows)
    })
}

/// The method of a likelihood.
enum How {
    Bound(Estimate),
    Ode(Ode),
}

impl How {
    fn new(
        method: &str,
        [min, max]: [f64; 2],
        dim: usize,
        levels: usize,
        divergence: Option<&str>,
        tolerance: f64,
    ) -> PyResult<Self> {
        let range = LambdaRange::from_sigma_ve(min, max).or_raise()?;
        match method {
            "bound" => Ok(Self::Bound(Estimate::new(range, levels))),
            "ode" => {
                let divergence = divergence.map_or_else(|| Ok(Divergence::usual(dim)), Divergence::parse).or_raise()?;
                Ok(Self::Ode(Ode::new(range).with_divergence(divergence).with_tolerance(tolerance)))
            }
            _ => Err(ArgumentError::new_err(format!("unknown method: expected 'bound' or 'ode', got '{method}'"))),
        }
    }
}

/// Start a likelihood; used by ``langevin._drive``.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn _likelihood(
    x: &Bound<'_, PyAny>,
    shape: Vec<usize>,
    seed: u64,
    first: u64,
    method: &str,
    range: [f64; 2],
    network: Option<PyRef<'_, Formulation>>,
    levels: usize,
    divergence: Option<&str>,
    tolerance: f64,
    dtype: &str,
    tensors: Option<Py<PyAny>>,
) -> PyResult<Running> {
    fn started<Sp, E>(
        space: Sp,
        exchange: E,
        how: &How,
        network: Option<&langevin::Formulation>,
        x: &Bound<'_, PyAny>,
        rows: &[SampleId],
    ) -> PyResult<Running>
    where
        E: Exchange + 'static,
        Sp: RowWise<State = E::State> + Send + 'static,
    {
        let data = exchange.take("the data", rows.len(), x)?;
        Ok(match how {
            How::Bound(bound) => {
                Running::new(bound.start(space, network, data, rows).or_raise()?, exchange, rows.len())
            }
            How::Ode(ode) => Running::new(ode.start(space, network, data, rows).or_raise()?, exchange, rows.len()),
        })
    }
    let rows = ids(seed, first, batch(&shape)?)?;
    let how = How::new(method, range, shape[1..].iter().product(), levels, divergence, tolerance)?;
    let network = network.as_ref().map(|network| &network.0);
    at_home!(Home::new(&shape, dtype, tensors)?, (space, exchange) => {
        started(space, exchange, &how, network, x, &rows)
    })
}

/// Draw adaptive samples of a model of this library, without the interpreter.
///
/// Used by ``langevin._drive``.
#[pyfunction]
#[pyo3(signature = (model, shape, seed, first, pair, range, rtol, atol, eta) -> "dict[str, typing.Any]")]
#[allow(clippy::too_many_arguments)]
pub fn _adaptive_own<'py>(
    py: Python<'py>,
    model: &Bound<'py, PyAny>,
    shape: Vec<usize>,
    seed: u64,
    first: u64,
    pair: &str,
    range: [f64; 2],
    rtol: f64,
    atol: f64,
    eta: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let (adaptive, rows) = (adaptive_of(pair, rtol, atol, eta)?, ids(seed, first, batch(&shape)?)?);
    let model = own(model)?;
    let width = model.check(shape[1..].iter().product())?;
    let found = py.detach(|| adaptive.run(&SliceSpace::<f64>::new(width), model.model(), range, &rows)).or_raise()?;
    let samples = PyArray1::from_vec(py, found.state).reshape(shape)?.into_any().unbind();
    adapted(py, samples, [&found.accepted, &found.rejected], found.evaluations)
}

/// Compute the likelihood under a model of this library, without the interpreter.
///
/// Used by ``langevin._drive``.
#[pyfunction]
#[pyo3(signature = (model, x, seed, first, method, range, levels, divergence, tolerance) -> "dict[str, typing.Any]")]
#[allow(clippy::too_many_arguments)]
pub fn _likelihood_own<'py>(
    py: Python<'py>,
    model: &Bound<'py, PyAny>,
    x: &Bound<'py, PyArrayDyn<f64>>,
    seed: u64,
    first: u64,
    method: &str,
    range: [f64; 2],
    levels: usize,
    divergence: Option<&str>,
    tolerance: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let shape: Vec<usize> = x.getattr("shape")?.extract()?;
    let rows = ids(seed, first, batch(&shape)?)?;
    let model = own(model)?;
    let dim = model.check(shape[1..].iter().product())?;
    let how = How::new(method, range, dim, levels, divergence, tolerance)?;
    let x = x.try_readonly()?;
    let x = x.as_slice()?;
    let run = |x: &[f64], rows: &[SampleId]| match &how {
        How::Bound(bound) => bound.run(model.model(), x, dim, rows),
        How::Ode(ode) => ode.run(model.model(), x, dim, rows),
    };
    let found = py.detach(|| in_pieces(cores(), x, dim, &rows, run)).or_raise()?;
    likelihood(py, &found)
}
