//! Models that need no Python: densities known in closed form, and networks of this library.

use crate::arguments::DensityName;
use crate::errors::{ArgumentError, OrRaise as _, misfit, raised_by_task, refuse_unknown};
use crate::observer::Interpreter;
use crate::onnx::OnnxNetwork;
use crate::own::{Drawn, Own, in_data_units};
use crate::rows::{batch, ids, reserved, rows};
use crate::theory::{Formulation, Level};
use langevin::model::At;
use langevin::{Model as _, Request};
use langevin_analysis::exact::{self, Density as _};
use langevin_tasks::source;
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::sync::Arc;

/// Clean data.
const CLEAN: langevin::Level = langevin::Level { time: 0.0, alpha: 1.0, sigma: 0.0 };

/// A density known in closed form, at every noise level: a model without a network. The names are in ``Density.NAMES``.
#[pyclass(frozen, module = "langevin")]
pub struct Density(pub Arc<Box<dyn exact::Density>>);

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

/// A network trained with ``langevin train``: ``Network("model.safetensors")`` reads its file.
///
/// It is a model for :meth:`Plan.run`, and :meth:`sample` draws from it with no plan at all.
#[pyclass(frozen, module = "langevin")]
pub struct Network(pub Arc<langevin_train::Network>);

#[pymethods]
impl Network {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let network = py.detach(|| source::network("path", &path, &Interpreter));
        network.map(|network| Self(Arc::new(network))).map_err(|error| raised_by_task(py, &error))
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
        let to_data = in_data_units(units)?;
        let network = slf.get().0.clone();
        let request = Request::new().network(network.formulation().clone());
        let request = sampler.into_iter().fold(request, Request::sampler);
        let request = steps.into_iter().fold(request, Request::steps);
        let plan = Arc::new(grid.into_iter().fold(request, Request::grid).plan().or_raise()?);
        let mut shape = vec![count];
        shape.extend(network.shape());
        batch(&shape)?;
        let drawn = Drawn { plan, model: Own::Network(network), seed, first, threads, to_data };
        drawn.array(slf.py(), &shape, "float64")
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

/// Returns the model of this library that a Python object is.
pub fn own(model: &Bound<'_, PyAny>) -> PyResult<Own> {
    if let Ok(density) = model.cast::<Density>() {
        return Ok(Own::Density(density.get().0.clone()));
    }
    if let Ok(network) = model.cast::<Network>() {
        return Ok(Own::Network(network.get().0.clone()));
    }
    let network = model.cast::<OnnxNetwork>().map_err(|_| {
        misfit("no model of this library", "a Density, Network or OnnxNetwork", model.get_type().to_string(), "")
    })?;
    Ok(Own::Onnx(network.get().0.clone()))
}
