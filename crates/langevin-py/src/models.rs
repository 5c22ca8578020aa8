//! Models that need no Python: densities known in closed form, and networks of this library.

use crate::arguments::{ClassLabels, DensityName};
use crate::errors::{ArgumentError, OrRaise as _, misfit, raised_by_task, refuse_unknown};
use crate::observer::Interpreter;
use crate::onnx::OnnxNetwork;
use crate::own::{Drawn, Own, in_data_units};
use crate::rows::{batch, ids, reserved, rows};
use crate::theory::{Formulation, Level};
use langevin::model::At;
use langevin::{Model as _, Request};
use langevin_analysis::exact::{self, Density as _};
use langevin_tasks::condition::Condition;
use langevin_tasks::source;
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The level of clean data.
const CLEAN: langevin::Level = langevin::Level { time: 0.0, alpha: 1.0, sigma: 0.0 };

/// Density known in closed form at every noise level: a model that needs no network.
///
/// Densities are immutable; they compare equal by their names, hash and pickle.
///
/// Parameters
/// ----------
/// name : str
///     One of ``Density.NAMES``, such as ``"moons"``.
///
/// Raises
/// ------
/// UnknownNameError
///     If no density has this name.
/// ArgumentError
///     If the name is not a string.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> moons = langevin.Density("moons")
/// >>> langevin.Plan("dpmpp-2m", "vp", steps=10).run(moons, (3, 2), seed=1).shape
/// (3, 2)
#[pyclass(frozen, module = "langevin")]
pub struct Density(pub Arc<Box<dyn exact::Density>>);

#[pymethods]
impl Density {
    /// Names of all densities.
    #[classattr]
    #[allow(non_snake_case)]
    fn NAMES() -> Vec<&'static str> {
        exact::NAMES.to_vec()
    }

    #[new]
    fn new(name: DensityName) -> PyResult<Self> {
        if langevin_tasks::tokens::Model::is_name(&name.0) {
            return Err(ArgumentError::new_err(format!(
                "the density is of tokens, not of numbers (Density): expected one of Density.NAMES, got '{0}'\nhint: langevin.TokenDensity('{0}')",
                name.0
            )));
        }
        exact::named(&name.0).or_raise().map(|density| Self(Arc::new(density)))
    }

    /// Name of the density.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Number of elements of a point.
    #[getter]
    fn dim(&self) -> usize {
        self.0.dim()
    }

    /// Draw points of clean data.
    ///
    /// Point i depends on ``seed`` and ``first + i`` only, not on ``count``.
    ///
    /// Parameters
    /// ----------
    /// count : int
    ///     The number of points.
    /// seed : int, default 0
    ///     The seed, from 0 to 2**64 − 1.
    /// first : int, default 0
    ///     The index of the first point.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of float64, shape (count, dim)
    ///     The points.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If a number is negative or does not fit in 64 bits.
    /// MemoryError
    ///     If the points do not fit in memory.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> moons = langevin.Density("moons")
    /// >>> bool((moons.sample(3, seed=1)[2] == moons.sample(1, seed=1, first=2)[0]).all())
    /// True
    #[pyo3(signature = (count, seed = 0, *, first = 0) -> "numpy.typing.NDArray[numpy.float64]")]
    fn sample<'py>(&self, py: Python<'py>, count: usize, seed: u64, first: u64) -> PyResult<Bound<'py, PyAny>> {
        let ids = ids(seed, first, count)?;
        reserved::<f64>(count.saturating_mul(self.0.dim()))?;
        let points = py.detach(|| self.0.sample(&ids));
        PyArray1::from_vec(py, points).reshape([count, self.0.dim()]).map(Bound::into_any)
    }

    /// Return log p(x) of points at a noise level.
    ///
    /// Parameters
    /// ----------
    /// x : array_like of float, shape (..., dim)
    ///     The points.
    /// level : Level, optional
    ///     The noise level. The default is clean data.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of float64, shape (...)
    ///     The log-density of each point, in nats.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     If the last axis is not ``dim`` long.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> gaussian = langevin.Density("gaussian")
    /// >>> gaussian.log_density([[0.5, -0.25]]).round(4)
    /// array([-0.8548])
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

    /// Return the denoised prediction E[x0 | x] of states at a noise level.
    ///
    /// Parameters
    /// ----------
    /// x : array_like of float, shape (..., dim)
    ///     The states, x = alpha · x0 + sigma · noise.
    /// level : Level
    ///     The noise level of the states.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of float64, shape (..., dim)
    ///     The exact denoised prediction.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     If the last axis is not ``dim`` long.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> level = langevin.Process("ve").level(1.0)
    /// >>> langevin.Density("gaussian").denoise([[0.5, -0.25]], level).round(4)
    /// array([[ 0.5 , -0.25]])
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

/// Network trained with ``langevin train``.
///
/// A network is a model for :meth:`Plan.run`, :func:`adaptive` and :func:`likelihood`. The method
/// :meth:`sample` draws samples without an explicit plan.
///
/// Parameters
/// ----------
/// path : str or os.PathLike
///     The model file, such as ``"model.safetensors"``.
/// class_labels : str, int or sequence, optional
///     The classes of the samples, by name or number; several are taken in turn. Without them the
///     samples have no class.
///
/// Raises
/// ------
/// ArgumentError
///     If the file does not exist, or if the network does not know a class.
/// FormatError
///     If the file is not a model file.
///
/// Examples
/// --------
/// With a model of ``langevin train --data moons --out model.safetensors``:
///
/// >>> import langevin
/// >>> network = langevin.Network("model.safetensors")
/// >>> network.shape, network.sample(100, seed=0).shape
/// ([2], (100, 2))
///
/// With a model of ``langevin train --data digits --conditional --out digits.safetensors``:
///
/// >>> sevens = langevin.Network("digits.safetensors", class_labels=7)
/// >>> sevens.classes[7], sevens.sample(4, seed=0).shape
/// ('7', (4, 8, 8))
#[pyclass(frozen, module = "langevin")]
pub struct Network(pub Arc<langevin_train::Network>);

impl Network {
    /// Reads a model file, of numbers or of tokens, and sets the classes of its samples.
    pub fn read(py: Python<'_>, path: &Path, classes: Option<ClassLabels>) -> PyResult<langevin_train::Network> {
        let condition = Condition { class: classes.unwrap_or_default().0, ..Condition::default() };
        let network = py.detach(|| {
            let mut network = source::network("path", path, &Interpreter)?;
            condition.ask_network(Some(&mut network))?;
            Ok(network)
        });
        network.map_err(|error| raised_by_task(py, &error))
    }
}

#[pymethods]
impl Network {
    #[new]
    #[pyo3(signature = (path, *, class_labels: "str | int | collections.abc.Sequence[str | int] | None" = None))]
    fn new(py: Python<'_>, path: PathBuf, class_labels: Option<ClassLabels>) -> PyResult<Self> {
        let network = Self::read(py, &path, class_labels)?;
        if network.vocabulary().is_some() {
            return Err(ArgumentError::new_err(format!(
                "the model is of {}, not of numbers ({}): expected a model of numbers\nhint: langevin.{} opens it, and so does langevin.Network.load",
                if network.is_table() { "numbers and categories" } else { "tokens" },
                path.display(),
                if network.is_table() { "TableNetwork" } else { "TokenNetwork" },
            )));
        }
        Ok(Self(Arc::new(network)))
    }

    /// Draw samples.
    ///
    /// Sample i depends on ``seed`` and ``first + i`` only, not on ``count`` or ``threads``. To
    /// choose the noise range or guidance, compile a :class:`Plan` and use :meth:`Plan.run`.
    ///
    /// Parameters
    /// ----------
    /// count : int
    ///     The number of samples.
    /// seed : int, default 0
    ///     The seed, from 0 to 2**64 − 1.
    /// sampler : str, optional
    ///     A name of :func:`samplers`, with its options. The default is that of :class:`Plan`.
    /// steps : int, optional
    ///     The step count. The default is that of :class:`Plan`.
    /// grid : str, optional
    ///     The name of the grid. The default is that of :class:`Plan`.
    /// first : int, default 0
    ///     The index of the first sample.
    /// units : {"data", "model"}, default "data"
    ///     ``"data"`` returns samples in the units of the training data; ``"model"`` returns them
    ///     normalised, as the network sees them.
    /// threads : int, optional
    ///     The number of threads. The default is the number of cores.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of float64, shape (count, ...)
    ///     The samples, each of the shape :attr:`shape`.
    ///
    /// Raises
    /// ------
    /// UnknownNameError
    ///     If the sampler or the grid has an unknown name.
    /// ArgumentError
    ///     If the step count, the units or another argument is out of range.
    /// KeywordError
    ///     If a keyword is unknown.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> network = langevin.Network("model.safetensors")
    /// >>> normalised = network.sample(3, seed=1, steps=5, units="model")
    /// >>> samples = network.sample(3, seed=1, steps=5)
    /// >>> bool(abs(samples - network.denormalize(normalised)).max() < 1e-12)
    /// True
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

    /// Read a model file or open an ONNX file.
    ///
    /// A path that ends in ``.onnx``, or any path given with a ``formulation``, is opened as an
    /// ONNX file. The keywords are for ONNX files, see :class:`OnnxNetwork`; ``class_labels`` alone
    /// is for model files.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     The file.
    /// formulation : Formulation, optional
    ///     The formulation of the network in an ONNX file, which does not record it.
    /// shape : sequence of int, optional
    ///     The shape of one sample, if the ONNX file leaves it open.
    /// inputs : mapping of str to array_like, optional
    ///     The values of further inputs by name.
    /// uncond_inputs : mapping of str to array_like, optional
    ///     The values that differ on the unconditional branch of guidance.
    /// output : str, optional
    ///     The name of the output to read.
    /// class_labels : str, int or sequence, optional
    ///     The classes of the samples of a model file; see :class:`Network`.
    ///
    /// Returns
    /// -------
    /// Network, OnnxNetwork, TokenNetwork or TableNetwork
    ///     The network; a :class:`TokenNetwork` if the model file is of tokens, graphs or a table
    ///     of categories, and a :class:`TableNetwork` if it is of numbers and categories.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the file does not exist, if an ONNX file is given without a formulation, or if a
    ///     keyword for ONNX files is given for a model file.
    /// FormatError
    ///     If the file is not a model file.
    /// ModelError
    ///     If the ONNX file cannot be read.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> langevin.Network.load("model.safetensors").formulation.process.name
    /// 'rectified-flow'
    #[staticmethod]
    #[pyo3(signature = (path, *, formulation = None, shape = None, inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, uncond_inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, output = None, class_labels: "str | int | collections.abc.Sequence[str | int] | None" = None, **unknown: "typing.NoReturn") -> "typing.Any")]
    #[allow(clippy::too_many_arguments)]
    fn load<'py>(
        py: Python<'py>,
        path: PathBuf,
        formulation: Option<Bound<'py, Formulation>>,
        shape: Option<Vec<usize>>,
        inputs: Option<Bound<'py, PyAny>>,
        uncond_inputs: Option<Bound<'py, PyAny>>,
        output: Option<String>,
        class_labels: Option<ClassLabels>,
        unknown: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = ["path", "formulation", "shape", "inputs", "uncond_inputs", "output", "class_labels"];
        refuse_unknown(unknown, "Network.load", &known)?;
        let is_onnx = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"));
        if is_onnx || formulation.is_some() {
            if class_labels.is_some() {
                return Err(ArgumentError::new_err(format!(
                    "class_labels has no effect here (Network.load): expected a model file, got '{}'\nhint: inputs and uncond_inputs give the classes of an ONNX file",
                    path.display()
                )));
            }
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
        if let Ok(Some(model)) = py.detach(|| langevin_tasks::tokens::Model::of_file(&path, &Interpreter)) {
            let is_table = model.network().is_some_and(langevin_train::Network::is_table);
            let name = if is_table { "TableNetwork" } else { "TokenNetwork" };
            let arguments = PyDict::new(py);
            arguments.set_item("class_labels", class_labels.map(|labels| labels.0))?;
            return py.import("langevin")?.getattr(name)?.call((path,), Some(&arguments));
        }
        Ok(Bound::new(py, Self::new(py, path, class_labels)?)?.into_any())
    }

    /// Formulation that the network was trained in.
    #[getter]
    fn formulation(&self) -> Formulation {
        Formulation(self.0.formulation().clone())
    }

    /// Shape of one sample.
    #[getter]
    fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    /// Names of the classes; empty for a network that was trained without classes.
    #[getter]
    fn classes(&self) -> Vec<String> {
        self.0.classes().to_vec()
    }

    /// Number of weights.
    #[getter]
    fn parameters(&self) -> usize {
        self.0.parameters()
    }

    /// Return the network's raw output for states at a noise level.
    ///
    /// The output is the quantity that the network was trained to predict, in normalised units. To
    /// draw samples use :meth:`sample`.
    ///
    /// Parameters
    /// ----------
    /// x : array_like of float, shape (rows, ...)
    ///     The states, in normalised units.
    /// level : Level
    ///     The noise level, on the network's own process.
    /// first : int, default 0
    ///     The index of the sample in row 0.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of float32, shape (rows, ...)
    ///     The output, of the shape of ``x``.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     If ``x`` has the wrong shape, or if no level is given.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> network = langevin.Network("model.safetensors")
    /// >>> level = network.formulation.process.level(0.5)
    /// >>> network.predict([[0.0, 0.0], [1.0, 1.0]], level).shape
    /// (2, 2)
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

    /// Convert samples from normalised units to the units of the training data.
    ///
    /// Parameters
    /// ----------
    /// samples : array_like of float, shape (rows, ...)
    ///     Samples, as the network sees them.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of float64, shape (rows, ...)
    ///     The samples, with the normalisation of the training undone.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     If the samples do not have the shape of the network's data.
    ///
    /// Examples
    /// --------
    /// The origin in normalised units is the mean of the training rows:
    ///
    /// >>> import langevin
    /// >>> network = langevin.Network("model.safetensors")
    /// >>> network.denormalize([[0.0, 0.0]]).shape
    /// (1, 2)
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

/// Returns the library's model behind a Python object, or an error for any other object.
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
