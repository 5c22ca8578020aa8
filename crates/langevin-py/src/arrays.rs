//! The space of numpy arrays: states that Python can hold, combined in place by the library's own
//! kernel.
//!
//! A state is overwritten only if this module created it and nothing else references it. An array
//! that a model returned, or that the user kept from a callback, is never changed. The interpreter
//! is released during computation.

use crate::errors::{carried, misfit};
use crate::share::Pass;
use langevin::space::{Coef, Denoise, DenoiseSlices, Draw, Element, Tolerance, WithDenoised};
use langevin::space::{ErrorNorms, RowWise};
use langevin::{Map, SampleId, SliceSpace, Space};
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods as _, PyReadonlyArrayDyn, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Number of arrays kept for reuse.
const SPARES: usize = 4;

/// A batch of states: a contiguous array of the space's shape.
pub struct State<T> {
    /// The array.
    pub array: Py<PyArrayDyn<T>>,
    /// `true` if this module created the array.
    ours: bool,
}

impl<T: Element + numpy::Element> State<T> {
    /// Wraps an array that other code created.
    pub fn foreign(array: Py<PyArrayDyn<T>>) -> Self {
        Self { array, ours: false }
    }

    /// Returns whether the array may be overwritten.
    fn is_free(&self, py: Python<'_>) -> bool {
        self.ours && is_alone(py, &self.array)
    }
}

/// Returns whether the caller holds the only reference to an array.
fn is_alone<T>(py: Python<'_>, array: &Py<T>) -> bool {
    // The replacement of the deprecated method is unsafe.
    #[allow(deprecated)]
    let holders = array.get_refcnt(py);
    holders == 1
}

/// The space of arrays of one shape, whose first axis is the rows.
pub struct ArraySpace<T> {
    shape: Vec<usize>,
    /// Number of threads that may share a pass over memory.
    threads: usize,
    spares: Spares,
    element: PhantomData<T>,
}

/// Arrays of finished states, which a later run may reuse.
///
/// An array is handed out only when nothing else references it any more.
#[derive(Clone, Default)]
pub struct Spares(Arc<Mutex<Vec<Py<PyAny>>>>);

impl Spares {
    fn all(&self) -> MutexGuard<'_, Vec<Py<PyAny>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an array of this dtype and shape that nothing else references, if there is one.
    fn take<T: numpy::Element>(&self, py: Python<'_>, shape: &[usize]) -> Option<Py<PyArrayDyn<T>>> {
        let mut all = self.all();
        let fits = |array: &Py<PyAny>| {
            let array = array.bind(py).cast::<PyArrayDyn<T>>().ok();
            array.is_some_and(|array| array.shape() == shape && array.is_c_contiguous())
        };
        let place = all.iter().position(|array| is_alone(py, array) && fits(array))?;
        all.swap_remove(place).into_bound(py).cast_into().ok().map(Bound::unbind)
    }

    fn put<T>(&self, array: Py<PyArrayDyn<T>>) {
        let mut all = self.all();
        if all.len() == SPARES {
            all.remove(0);
        }
        all.push(array.into_any());
    }
}

/// The destination of a sum.
struct Target<C, T> {
    array: Py<PyArrayDyn<T>>,
    /// Factor of the array's present values, if the sum begins with them.
    own: Option<C>,
    /// First term of the sum, if its array may not be overwritten. Reading it as the first term
    /// keeps the order of the sum, and so its bits.
    held: Option<(C, State<T>)>,
}

static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Returns a function of numpy, imported once.
fn import<'py>(py: Python<'py>, cell: &PyOnceLock<Py<PyAny>>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let function = cell.get_or_try_init(py, || py.import("numpy")?.getattr(name).map(Bound::unbind))?;
    Ok(function.bind(py).clone())
}

type Guards<'py, T> = Vec<PyReadonlyArrayDyn<'py, T>>;

impl<T: Element + numpy::Element> ArraySpace<T> {
    /// Builds the space of arrays of this shape, with a number of threads for each pass.
    pub fn new(shape: Vec<usize>, threads: usize, spares: Spares) -> Self {
        Self { shape, threads, spares, element: PhantomData }
    }

    /// Registers an array that is returned to the user, for reuse once the user releases it.
    pub fn remember(&self, py: Python<'_>, state: &State<T>) {
        if state.ours {
            self.spares.put(state.array.clone_ref(py));
        }
    }

    /// Returns the shape of a batch with this many rows: in likelihoods, rows finish early and
    /// leave.
    fn of_rows(&self, rows: usize) -> Vec<usize> {
        std::iter::once(rows).chain(self.shape[1..].iter().copied()).collect()
    }

    /// Returns the number of elements of a row.
    fn width(&self) -> usize {
        self.shape[1..].iter().product()
    }

    fn pass<'a>(&self, rows: &'a [SampleId]) -> Pass<'a> {
        Pass { width: self.width(), threads: self.threads, rows }
    }

    /// Takes an array from a model or a user as a state, converted to the dtype of the run.
    ///
    /// Raises a `ShapeError` if the value is not a floating-point array of this shape.
    pub fn take<'py>(&self, py: Python<'py>, what: &str, value: &Bound<'py, PyAny>) -> PyResult<State<T>> {
        if let Ok(array) = value.cast::<PyArrayDyn<T>>()
            && array.is_c_contiguous()
        {
            self.check(what, array.shape())?;
            return Ok(State::foreign(array.clone().unbind()));
        }
        let numpy = py.import("numpy")?;
        if value.is_none() {
            return Err(misfit(
                &format!("{what} is no array"),
                format!("an array of shape {:?}", self.shape),
                "None",
                "does the function return its result?",
            ));
        }
        let array = numpy.call_method1("asarray", (value,))?;
        let dtype = array.getattr("dtype")?;
        let kind: String = dtype.getattr("kind")?.extract()?;
        if kind != "f" {
            return Err(misfit(
                &format!("{what} has the wrong dtype"),
                "a floating-point array",
                dtype.str()?.to_string(),
                "convert it with .astype(np.float32)",
            ));
        }
        self.check(what, &array.getattr("shape")?.extract::<Vec<usize>>()?)?;
        let array = numpy.call_method1("ascontiguousarray", (array, T::get_dtype(py)))?;
        Ok(State::foreign(array.cast_into::<PyArrayDyn<T>>()?.unbind()))
    }

    fn check(&self, what: &str, got: &[usize]) -> PyResult<()> {
        if got == self.shape {
            return Ok(());
        }
        Err(misfit(&format!("{what} has the wrong shape"), format!("{:?}", self.shape), format!("{got:?}"), ""))
    }

    /// Returns an array to write into, with undefined contents.
    fn fresh(&self, py: Python<'_>, rows: usize) -> langevin::Result<Py<PyArrayDyn<T>>> {
        let shape = self.of_rows(rows);
        if let Some(array) = self.spares.take(py, &shape) {
            return Ok(array);
        }
        // `empty`, not `zeros`: a step costs about one pass over memory, and zeroing would be
        // another.
        let shape = PyTuple::new(py, &shape).map_err(carried)?;
        let array =
            import(py, &EMPTY, "empty").and_then(|empty| empty.call1((shape, T::get_dtype(py)))).map_err(carried)?;
        array.cast_into::<PyArrayDyn<T>>().map(Bound::unbind).map_err(|error| carried(error.into()))
    }

    /// Returns the destination of a sum: its first state if that may be overwritten, else a fresh
    /// array.
    fn target<C>(&self, py: Python<'_>, own: Option<(C, State<T>)>, rows: usize) -> langevin::Result<Target<C, T>> {
        Ok(match own {
            Some((coef, state)) if state.is_free(py) => Target { array: state.array, own: Some(coef), held: None },
            Some(held) => Target { array: self.fresh(py, rows)?, own: None, held: Some(held) },
            None => Target { array: self.fresh(py, rows)?, own: None, held: None },
        })
    }

    /// Keeps an array of this module for reuse. Other code may still reference it: a pipeline
    /// releases its state a moment later.
    fn put_back(&self, state: State<T>) {
        if state.ours {
            self.spares.put(state.array);
        }
    }

    fn read<'py>(py: Python<'py>, states: &[&State<T>]) -> langevin::Result<Guards<'py, T>> {
        let read = |state: &&State<T>| state.array.bind(py).try_readonly().map_err(|error| carried(error.into()));
        states.iter().map(read).collect()
    }

    fn slices<'g>(guards: &'g Guards<'_, T>) -> langevin::Result<Vec<&'g [T]>> {
        guards.iter().map(|guard| guard.as_slice().map_err(|error| carried(error.into()))).collect()
    }
}

impl<T: Element + numpy::Element> Space for ArraySpace<T> {
    type State = State<T>;

    fn combine(
        &self,
        own: Option<(Coef<'_>, State<T>)>,
        terms: &[(Coef<'_>, &State<T>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> langevin::Result<State<T>> {
        Python::attach(|py| {
            let Target { array, own, held } = self.target(py, own, rows.len())?;
            {
                let held = held.iter().map(|(coef, state)| (*coef, state));
                let terms: Vec<(Coef<'_>, &State<T>)> = held.chain(terms.iter().copied()).collect();
                let guards = Self::read(py, &terms.iter().map(|(_, state)| *state).collect::<Vec<_>>())?;
                let slices = Self::slices(&guards)?;
                let terms: Vec<(Coef<'_>, &[T])> = terms.iter().map(|(coef, _)| *coef).zip(slices).collect();
                let mut guard = array.bind(py).try_readwrite().map_err(|error| carried(error.into()))?;
                let out = guard.as_slice_mut().map_err(|error| carried(error.into()))?;
                let pass = self.pass(rows);
                py.detach(|| pass.combine_into(out, own, &terms, noise))?;
            }
            if let Some((_, state)) = held {
                self.put_back(state);
            }
            Ok(State { array, ours: true })
        })
    }

    fn denoise_and_combine(
        &self,
        denoise: Denoise<'_, State<T>>,
        own: Option<(f64, State<T>)>,
        terms: &[(f64, Option<&State<T>>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> langevin::Result<WithDenoised<State<T>>> {
        Python::attach(|py| {
            let Denoise { a, b, x, out: model, keep } = denoise;
            let Target { array, own, held } = self.target(py, own, rows.len())?;
            let kept = keep.then(|| self.fresh(py, rows.len())).transpose()?;
            {
                let first = held.iter().map(|(coef, state)| (*coef, Some(state)));
                let terms: Vec<(f64, Option<&State<T>>)> = first.chain(terms.iter().copied()).collect();
                // Without a separate x, the state that begins the sum is x.
                let x = x.or(held.as_ref().map(|(_, state)| state));
                let states: Vec<&State<T>> =
                    std::iter::once(&model).chain(x).chain(terms.iter().filter_map(|term| term.1)).collect();
                let guards = Self::read(py, &states)?;
                let mut slices = Self::slices(&guards)?.into_iter();
                let (model, x) = (slices.next(), if x.is_some() { slices.next() } else { None });
                let terms: Vec<(f64, Option<&[T]>)> = terms
                    .iter()
                    .map(|(coef, term)| (*coef, if term.is_some() { slices.next() } else { None }))
                    .collect();
                let mut guard = array.bind(py).try_readwrite().map_err(|error| carried(error.into()))?;
                let out = guard.as_slice_mut().map_err(|error| carried(error.into()))?;
                let mut keeps = kept
                    .as_ref()
                    .map(|kept| kept.bind(py).try_readwrite())
                    .transpose()
                    .map_err(|error| carried(error.into()))?;
                let keep = match &mut keeps {
                    Some(guard) => Some(guard.as_slice_mut().map_err(|error| carried(error.into()))?),
                    None => None,
                };
                let step = DenoiseSlices { a, b, x, model, keep };
                let pass = self.pass(rows);
                py.detach(|| pass.denoise_and_combine_into(step, out, own, &terms, noise))?;
            }
            if let Some((_, state)) = held {
                self.put_back(state);
            }
            self.put_back(model);
            Ok((State { array, ours: true }, kept.map(|array| State { array, ours: true })))
        })
    }

    fn map(&self, map: &Map, args: &[&State<T>]) -> langevin::Result<State<T>> {
        Python::attach(|py| {
            let rows = args.first().map_or(self.shape[0], |first| first.array.bind(py).shape()[0]);
            let array = self.fresh(py, rows)?;
            {
                let guards = Self::read(py, args)?;
                let args = Self::slices(&guards)?;
                let mut guard = array.bind(py).try_readwrite().map_err(|error| carried(error.into()))?;
                let out = guard.as_slice_mut().map_err(|error| carried(error.into()))?;
                let width = self.width();
                py.detach(|| SliceSpace::new(width).map_into(out, map, &args))?;
            }
            Ok(State { array, ours: true })
        })
    }

    fn recycle(&self, state: State<T>) {
        self.put_back(state);
    }
}

impl<T: Element + numpy::Element> ErrorNorms for ArraySpace<T> {
    fn error_norms(
        &self,
        low: &State<T>,
        high: &State<T>,
        previous: &State<T>,
        tolerance: Tolerance,
    ) -> langevin::Result<Vec<f64>> {
        Python::attach(|py| {
            let guards = Self::read(py, &[low, high, previous])?;
            let slices = Self::slices(&guards)?;
            SliceSpace::new(self.width()).error_norms(
                &slices[0].to_vec(),
                &slices[1].to_vec(),
                &slices[2].to_vec(),
                tolerance,
            )
        })
    }
}

impl<T: Element + numpy::Element> RowWise for ArraySpace<T> {
    fn width(&self) -> usize {
        self.width()
    }

    fn upload(&self, values: &[f64]) -> langevin::Result<State<T>> {
        let rows = values.len() / self.width().max(1);
        Python::attach(|py| {
            let values: Vec<T> = values.iter().map(|value| T::from_f64(*value)).collect();
            let array = PyArray1::from_vec(py, values).reshape(self.of_rows(rows)).map_err(carried)?;
            Ok(State { array: array.unbind(), ours: true })
        })
    }

    fn download(&self, state: &State<T>) -> langevin::Result<Vec<f64>> {
        Python::attach(|py| {
            let guards = Self::read(py, &[state])?;
            Ok(Self::slices(&guards)?.concat().into_iter().map(Element::to_f64).collect())
        })
    }
}
