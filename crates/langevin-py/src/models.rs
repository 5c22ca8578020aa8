//! Models that need no Python: densities known in closed form, and networks of this library.

use crate::arguments::DensityName;
use crate::errors::{ArgumentError, OrRaise as _, misfit, raised_by_train, refuse_unknown};
use crate::onnx::OnnxNetwork;
use crate::plan::Plan;
use crate::theory::{Formulation, Level};
use langevin::model::At;
use langevin::{Model as _, SampleId, Vjp};
use langevin_analysis::exact::{self, Density as _};
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods as _, PyReadonlyArrayDyn, PyUntypedArrayMethods as _};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::sync::Arc;

/// Clean data.
const CLEAN: langevin::Level = langevin::Level { time: 0.0, alpha: 1.0, sigma: 0.0 };

/// A density known in closed form, at every noise level: a model without a network. The names are in ``Density.NAMES``.
#[pyclass(frozen, module = "langevin")]
pub struct Density(pub Arc<Box<dyn exact::Density>>);

/// Rows of `dim` numbers out of an array of any shape that holds whole rows.
fn rows<'py>(x: &Bound<'py, PyAny>, dim: usize) -> PyResult<(PyReadonlyArrayDyn<'py, f64>, usize)> {
    let numpy = x.py().import("numpy")?;
    let array = numpy.call_method1("ascontiguousarray", (x, "float64"))?.cast_into::<PyArrayDyn<f64>>()?;
    if array.ndim() == 0 || array.shape()[array.ndim() - 1] != dim {
        return Err(misfit(
            "the points have the wrong shape",
            format!("(…, {dim})"),
            format!("{:?}", array.shape()),
            "",
        ));
    }
    let count = array.len() / dim.max(1);
    Ok((array.try_readonly()?, count))
}

#[pymethods]
impl Density {
    /// Every name.
    #[classattr]
    #[allow(non_snake_case)]
    fn NAMES() -> Vec<&'static str> {
        exact::NAMES.to_vec()
    }

    #[new]
    fn new(name: DensityName) -> PyResult<Self> {
        exact::named(&name.0).or_raise().map(|density| Self(Arc::new(density)))
    }

    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// The elements of a point.
    #[getter]
    fn dim(&self) -> usize {
        self.0.dim()
    }

    /// Draws points: an array of shape (count, dim).
    #[pyo3(signature = (count, seed = 0, *, first = 0) -> "numpy.typing.NDArray[numpy.float64]")]
    fn sample<'py>(&self, py: Python<'py>, count: usize, seed: u64, first: u64) -> PyResult<Bound<'py, PyAny>> {
        let ids = ids(seed, first, count)?;
        reserved::<f64>(count.saturating_mul(self.0.dim()))?;
        let points = py.detach(|| self.0.sample(&ids));
        PyArray1::from_vec(py, points).reshape([count, self.0.dim()]).map(Bound::into_any)
    }

    /// log p(x) of points of shape (…, dim), at a noise level (clean data where none is given): an array of shape (…).
    #[pyo3(signature = (x: "numpy.typing.ArrayLike", level = None) -> "numpy.typing.NDArray[numpy.float64]")]
    fn log_density<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        level: Option<&Bound<'py, Level>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, dim) = (x.py(), self.0.dim());
        let (array, count) = rows(x, dim)?;
        let level = level.map_or(CLEAN, |level| level.get().inner());
        let points = array.as_slice()?;
        let found: Vec<f64> =
            py.detach(|| points.chunks_exact(dim.max(1)).map(|x| self.0.log_density(x, &level)).collect());
        debug_assert_eq!(found.len(), count);
        let shape = array.shape();
        PyArray1::from_vec(py, found).reshape(shape[..shape.len() - 1].to_vec()).map(Bound::into_any)
    }

    /// The denoised prediction E[x0 | x] of states of shape (…, dim) at a noise level.
    #[pyo3(signature = (x: "numpy.typing.ArrayLike", level) -> "numpy.typing.NDArray[numpy.float64]")]
    fn denoise<'py>(&self, x: &Bound<'py, PyAny>, level: &Bound<'py, Level>) -> PyResult<Bound<'py, PyAny>> {
        let py = x.py();
        let (array, count) = rows(x, self.0.dim())?;
        let (points, level) = (array.as_slice()?, level.get().inner());
        let mut out = vec![0.0; points.len()];
        let levels = vec![level; count];
        py.detach(|| self.0.denoise(points, At::PerRow(&levels), &mut out)).or_raise()?;
        PyArray1::from_vec(py, out).reshape(array.shape().to_vec()).map(Bound::into_any)
    }

    fn __repr__(&self) -> String {
        format!("Density('{}')", self.0.name())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0.name() == self.0.name())
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(self.0.name(), &mut hasher);
        std::hash::Hasher::finish(&hasher)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, (String,)) {
        (slf.get_type().into_any(), (slf.get().0.name().to_owned(),))
    }
}

/// Room for so many, or Python's `MemoryError`: the allocator's own way to say no would end the process.
pub fn reserved<T>(count: usize) -> PyResult<Vec<T>> {
    let mut room = Vec::new();
    room.try_reserve_exact(count)
        .map_err(|_| PyMemoryError::new_err(format!("there is no memory for {count} samples")))?;
    Ok(room)
}

/// The addresses of `count` samples.
pub fn ids(seed: u64, first: u64, count: usize) -> PyResult<Vec<SampleId>> {
    let Some(end) = first.checked_add(count as u64) else {
        return Err(misfit("too many samples", "a count that can be held", count.to_string(), ""));
    };
    let mut ids = reserved(count)?;
    ids.extend((first..end).map(|index| SampleId { seed, index }));
    Ok(ids)
}

/// A network trained with ``langevin train``: ``Network("model.safetensors")`` reads its file.
///
/// It is a model for :meth:`Plan.run`, and :meth:`sample` draws from it with no plan at all.
#[pyclass(frozen, module = "langevin")]
pub struct Network(pub Arc<langevin_train::Network>);

#[pymethods]
impl Network {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let network = py.detach(|| langevin_train::Network::load(&path)).map_err(|error| raised_by_train(&error))?;
        Ok(Self(Arc::new(network)))
    }

    /// Draws samples, in the units of the data: an array of shape (count, …). ``units="model"`` leaves them in those that the network sees. ``sampler``, ``steps`` and ``grid`` have the defaults of :class:`Plan`. For control over the noise levels use :meth:`Plan.run`.
    #[pyo3(signature = (count, seed = 0, *, sampler = None, steps = None, grid = None, first = 0, units = "data", threads = None, **unknown: "typing.NoReturn") -> "numpy.typing.NDArray[numpy.float64]")]
    #[allow(clippy::too_many_arguments)]
    fn sample<'py>(
        slf: &Bound<'py, Self>,
        count: usize,
        seed: u64,
        sampler: Option<String>,
        steps: Option<usize>,
        grid: Option<String>,
        first: u64,
        units: &str,
        threads: Option<usize>,
        unknown: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = ["count", "seed", "sampler", "steps", "grid", "first", "units", "threads"];
        refuse_unknown(unknown, "Network.sample", &known)?;
        Plan::samples_of(slf, count, seed, sampler, steps, grid, first, units, threads)
    }

    /// Reads a model file, as ``Network(path)`` does. With a ``formulation`` it opens an ONNX file and returns an :class:`OnnxNetwork`; the other arguments are for ONNX files alone.
    #[staticmethod]
    #[pyo3(signature = (path, *, formulation = None, shape = None, inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, uncond_inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, output = None, **unknown: "typing.NoReturn") -> "Network | OnnxNetwork")]
    #[allow(clippy::too_many_arguments)]
    fn load<'py>(
        py: Python<'py>,
        path: PathBuf,
        formulation: Option<Bound<'py, Formulation>>,
        shape: Option<Vec<usize>>,
        inputs: Option<Bound<'py, PyAny>>,
        uncond_inputs: Option<Bound<'py, PyAny>>,
        output: Option<String>,
        unknown: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = ["path", "formulation", "shape", "inputs", "uncond_inputs", "output"];
        refuse_unknown(unknown, "Network.load", &known)?;
        let is_onnx = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"));
        if is_onnx || formulation.is_some() {
            let network = OnnxNetwork::open(py, &path, formulation, shape, inputs, uncond_inputs, output)?;
            return Ok(Bound::new(py, network)?.into_any());
        }
        let given = [
            ("shape", shape.is_some()),
            ("inputs", inputs.is_some()),
            ("uncond_inputs", uncond_inputs.is_some()),
            ("output", output.is_some()),
        ];
        if let Some((name, _)) = given.iter().find(|(_, given)| *given) {
            return Err(ArgumentError::new_err(format!(
                "{name} has no effect here (Network.load): expected an ONNX file, got '{}'\nhint: leave out {name}, or give the formulation of an ONNX file",
                path.display()
            )));
        }
        Ok(Bound::new(py, Self::new(py, path)?)?.into_any())
    }

    /// What it was trained to be.
    #[getter]
    fn formulation(&self) -> Formulation {
        Formulation(self.0.formulation().clone())
    }

    /// The shape of one sample.
    #[getter]
    fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    /// The number of weights.
    #[getter]
    fn parameters(&self) -> usize {
        self.0.parameters()
    }

    /// The output for states of shape (rows, …) at a level of its own process: what the network was trained to predict, in the units that it sees. For samples use :meth:`sample`.
    #[pyo3(signature = (x: "numpy.typing.ArrayLike", level: "Level | None" = None, *, first = 0) -> "numpy.typing.NDArray[numpy.float32]")]
    fn predict<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        level: Option<&Bound<'py, PyAny>>,
        first: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = x.py();
        let numpy = py.import("numpy")?;
        let array = numpy.call_method1("ascontiguousarray", (x, "float32"))?.cast_into::<PyArrayDyn<f32>>()?;
        let width = self.0.width();
        if array.len() % width != 0 || array.ndim() < 2 {
            return Err(misfit(
                "the states have the wrong shape",
                format!("(rows, {:?})", self.0.shape()),
                format!("{:?}", array.shape()),
                "",
            ));
        }
        let ids = ids(0, first, array.len() / width)?;
        let states = array.try_readonly()?.as_slice()?.to_vec();
        let Some(level) = level.and_then(|level| level.cast::<Level>().ok()) else {
            let got =
                level.map_or_else(|| Ok("none".to_owned()), |level| level.get_type().name().map(|n| n.to_string()))?;
            return Err(misfit(
                "a network is evaluated at a noise level (Network.predict)",
                "predict(x, level) with a langevin.Level",
                got,
                "network.formulation.process.level(time) or .level_at_sigma_ve(sigma) makes one; network.sample(count) draws samples",
            ));
        };
        let level = level.get().inner();
        let out = py.detach(|| self.0.predict(&states, &langevin::Query::new(level, &ids))).or_raise()?;
        PyArray1::from_vec(py, out).reshape(array.shape().to_vec()).map(Bound::into_any)
    }

    /// Samples to data: undoes the normalisation of the training. Takes and returns an array of shape (rows, …).
    #[pyo3(signature = (samples: "numpy.typing.ArrayLike") -> "numpy.typing.NDArray[numpy.float64]")]
    fn denormalize<'py>(&self, samples: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = samples.py();
        let numpy = py.import("numpy")?;
        let array = numpy.call_method1("ascontiguousarray", (samples, "float64"))?.cast_into::<PyArrayDyn<f64>>()?;
        if array.len() % self.0.width() != 0 {
            return Err(misfit(
                "the samples have the wrong shape",
                format!("(rows, {:?})", self.0.shape()),
                format!("{:?}", array.shape()),
                "",
            ));
        }
        let mut values = array.try_readonly()?.as_slice()?.to_vec();
        self.0.denormalize(&mut values);
        PyArray1::from_vec(py, values).reshape(array.shape().to_vec()).map(Bound::into_any)
    }

    fn __repr__(&self) -> String {
        format!("Network({:?}, {} weights)", self.0.shape(), self.0.parameters())
    }
}

/// A model of this library, which runs without the interpreter.
pub enum Own {
    /// A density known in closed form.
    Density(Arc<Box<dyn exact::Density>>),
    /// A network of a model file.
    Network(Arc<langevin_train::Network>),
    /// A network of an ONNX file.
    Onnx(Arc<langevin_onnx::OnnxNetwork>),
}

impl Own {
    /// The model that a Python object is.
    pub fn of(model: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(density) = model.cast::<Density>() {
            return Ok(Self::Density(density.get().0.clone()));
        }
        if let Ok(network) = model.cast::<Network>() {
            return Ok(Self::Network(network.get().0.clone()));
        }
        let network = model.cast::<OnnxNetwork>().map_err(|_| {
            misfit("no model of this library", "a Density, Network or OnnxNetwork", model.get_type().to_string(), "")
        })?;
        Ok(Self::Onnx(network.get().0.clone()))
    }

    /// The model.
    pub fn model(&self) -> &(dyn Vjp<Vec<f64>> + Sync) {
        match self {
            Self::Density(density) => &**density,
            Self::Network(network) => &**network,
            Self::Onnx(network) => &**network,
        }
    }

    /// Checks that the model sees rows of `width` elements.
    pub fn check(&self, width: usize) -> PyResult<usize> {
        let own = match self {
            Self::Density(density) => density.dim(),
            Self::Network(network) => network.width(),
            Self::Onnx(network) => network.width(),
        };
        if own == width {
            return Ok(width);
        }
        Err(misfit("the rows do not fit the model", format!("{own} elements"), width.to_string(), ""))
    }
}
