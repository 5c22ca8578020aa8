//! `OnnxNetwork`: a network in an ONNX file, evaluated exactly as by the command line.

use crate::errors::{ArgumentError, OrRaise as _, misfit, raised_by_onnx, refuse_unknown};
use crate::rows::ids;
use crate::theory::{Formulation, Level};
use langevin::Model as _;
use langevin::model::Branch;
use langevin_onnx::{Array, Options, Style};
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Network in an ONNX file, evaluated by ONNX Runtime.
///
/// An ONNX network is a model for :meth:`Plan.run`. It gives the same numbers as
/// ``langevin sample --onnx``.
///
/// Parameters
/// ----------
/// path : str or os.PathLike
///     The ONNX file.
/// formulation : Formulation
///     The formulation of the network, which an ONNX file does not record.
/// shape : sequence of int, optional
///     The shape of one sample, if the file leaves it open.
/// inputs : mapping of str to array_like, optional
///     The values of further inputs by name. Each array has one row for all samples or one row for
///     each sample; row i belongs to sample i.
/// uncond_inputs : mapping of str to array_like, optional
///     The values that differ on the unconditional branch, for plans with ``guidance``.
/// output : str, optional
///     The name of the output to read. By default the output with the shape of the states is read.
///
/// Raises
/// ------
/// ArgumentError
///     If the formulation is missing, or if an argument does not fit the graph.
/// ShapeError
///     If ``inputs`` or ``uncond_inputs`` is not a mapping to arrays of numbers.
/// ModelError
///     If the file or ONNX Runtime cannot be loaded.
///
/// Examples
/// --------
/// With ``digits.onnx`` of the repository's ``examples/onnx``:
///
/// >>> import langevin
/// >>> epsilon = langevin.Formulation("table:linear", "epsilon")
/// >>> network = langevin.OnnxNetwork("digits.onnx", epsilon)
/// >>> plan = langevin.Plan("dpmpp-2m", steps=5, network=epsilon)
/// >>> plan.run(network, (4, *network.shape), seed=0).shape
/// (4, 1, 8, 8)
#[pyclass(frozen, module = "langevin")]
pub struct OnnxNetwork(pub Arc<langevin_onnx::OnnxNetwork>);

impl OnnxNetwork {
    /// Opens an ONNX file.
    pub fn open<'py>(
        py: Python<'py>,
        path: &Path,
        formulation: Option<Bound<'py, Formulation>>,
        shape: Option<Vec<usize>>,
        inputs: Option<Bound<'py, PyAny>>,
        uncond_inputs: Option<Bound<'py, PyAny>>,
        output: Option<String>,
    ) -> PyResult<Self> {
        let Some(formulation) = formulation else {
            return Err(ArgumentError::new_err(format!(
                "an ONNX file does not say what it is ({}): expected formulation=langevin.Formulation(process, prediction), got none\nhint: langevin.TokenOnnxNetwork opens networks that return logits of tokens",
                path.display()
            )));
        };
        let options = options(py, shape, inputs, uncond_inputs, output)?;
        let formulation = formulation.get().0.clone();
        let network = py.detach(|| langevin_onnx::OnnxNetwork::open(path, formulation, &options));
        Ok(Self(Arc::new(network.map_err(|error| raised_by_onnx(&error))?)))
    }
}

/// Returns the options of a file, and finds the shared library of an installed `onnxruntime`
/// without importing that package.
pub fn options(
    py: Python<'_>,
    shape: Option<Vec<usize>>,
    inputs: Option<Bound<'_, PyAny>>,
    uncond_inputs: Option<Bound<'_, PyAny>>,
    output: Option<String>,
) -> PyResult<Options> {
    py.import("langevin._cli")?.call_method0("_name_onnxruntime")?;
    let mut options = Options::default().style(Style::Keywords);
    if let Some(shape) = shape {
        options = options.shape(&shape);
    }
    if let Some(output) = output {
        options = options.output(output);
    }
    for (name, array) in arrays("inputs", inputs)? {
        options = options.input(name, array);
    }
    for (name, array) in arrays("uncond_inputs", uncond_inputs)? {
        options = options.unconditional_input(name, array);
    }
    Ok(options)
}

/// Reads a mapping of names to arrays.
fn arrays(argument: &str, given: Option<Bound<'_, PyAny>>) -> PyResult<Vec<(String, Array)>> {
    let Some(given) = given else { return Ok(vec![]) };
    let Ok(items) = given.call_method0("items") else {
        return Err(misfit(
            &format!("bad {argument}"),
            "arrays by the names of the inputs, as in {\"class_labels\": array}",
            given.get_type().name()?.to_string(),
            "",
        ));
    };
    let numpy = given.py().import("numpy")?;
    let read = |item: PyResult<Bound<'_, PyAny>>| {
        let (name, value): (String, Bound<'_, PyAny>) = item?.extract()?;
        let value = numpy.call_method1("asarray", (value,))?;
        let dtype: String = value.getattr("dtype")?.getattr("name")?.extract()?;
        let kind: String = value.getattr("dtype")?.getattr("kind")?.extract()?;
        if !["b", "i", "u", "f"].contains(&&*kind) {
            let place = format!("the value is not of numbers ({argument}[\"{name}\"])");
            return Err(misfit(&place, "a float, bool or integer array of at most 64 bits", dtype, ""));
        }
        let shape: Vec<usize> = value.getattr("shape")?.extract()?;
        let flat = numpy.call_method1("ascontiguousarray", (value, "float64"))?.cast_into::<PyArrayDyn<f64>>()?;
        let values = flat.try_readonly()?.as_slice()?.to_vec();
        Ok((name, Array { shape, dtype, values }))
    };
    items.try_iter()?.map(read).collect()
}

#[pymethods]
impl OnnxNetwork {
    #[new]
    #[pyo3(signature = (path, formulation = None, *, shape = None, inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, uncond_inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, output = None, **unknown: "typing.NoReturn"))]
    #[allow(clippy::too_many_arguments)]
    fn new<'py>(
        py: Python<'py>,
        path: PathBuf,
        formulation: Option<Bound<'py, Formulation>>,
        shape: Option<Vec<usize>>,
        inputs: Option<Bound<'py, PyAny>>,
        uncond_inputs: Option<Bound<'py, PyAny>>,
        output: Option<String>,
        unknown: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let known = ["path", "formulation", "shape", "inputs", "uncond_inputs", "output"];
        refuse_unknown(unknown, "OnnxNetwork", &known)?;
        Self::open(py, &path, formulation, shape, inputs, uncond_inputs, output)
    }

    /// Formulation of the network, as given by the caller.
    #[getter]
    fn formulation(&self) -> Formulation {
        Formulation(self.0.formulation().clone())
    }

    /// Shape of one sample.
    #[getter]
    fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    /// Inputs of the graph, each with its type and shape.
    #[getter]
    fn inputs(&self) -> Vec<String> {
        self.0.inputs()
    }

    /// Output of the graph that is read, with its type and shape.
    #[getter]
    fn output(&self) -> String {
        self.0.output()
    }

    /// Return the network's raw output for states at a noise level.
    ///
    /// Parameters
    /// ----------
    /// x : array_like of float, shape (rows, ...)
    ///     The states.
    /// level : Level
    ///     The noise level, on the network's own process.
    /// first : int, default 0
    ///     The index of the sample in row 0. Row i is sample ``first + i``, which selects the row
    ///     of further inputs.
    /// branch : {"main", "unconditional"}, default "main"
    ///     The branch of guidance.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of float64, shape (rows, ...)
    ///     The output, of the shape of ``x``.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the branch is unknown.
    /// ShapeError
    ///     If ``x`` has the wrong shape.
    /// ModelError
    ///     If ONNX Runtime fails.
    ///
    /// Examples
    /// --------
    /// >>> import langevin, numpy
    /// >>> epsilon = langevin.Formulation("table:linear", "epsilon")
    /// >>> network = langevin.OnnxNetwork("digits.onnx", epsilon)
    /// >>> level = epsilon.process.level(500.0)
    /// >>> network.predict(numpy.zeros((2, 1, 8, 8)), level).shape
    /// (2, 1, 8, 8)
    #[pyo3(signature = (x: "numpy.typing.ArrayLike", level, *, first = 0, branch = "main") -> "numpy.typing.NDArray[numpy.float64]")]
    fn predict<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        level: &Bound<'py, Level>,
        first: u64,
        branch: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = x.py();
        let branch = match branch {
            "main" => Branch::Main,
            "unconditional" => Branch::Unconditional,
            other => {
                return Err(ArgumentError::new_err(format!(
                    "unknown branch (branch): expected 'main' or 'unconditional', got '{other}'"
                )));
            }
        };
        let numpy = py.import("numpy")?;
        let array = numpy.call_method1("ascontiguousarray", (x, "float64"))?.cast_into::<PyArrayDyn<f64>>()?;
        let width = self.0.width();
        if array.len() % width.max(1) != 0 || array.ndim() < 2 {
            let (expected, got) = (format!("(rows, {:?})", self.0.shape()), format!("{:?}", array.shape()));
            return Err(misfit("the states have the wrong shape", expected, got, ""));
        }
        let ids = ids(0, first, array.len() / width.max(1))?;
        let states = array.try_readonly()?.as_slice()?.to_vec();
        let mut query = langevin::Query::new(level.get().inner(), &ids);
        query.branch = branch;
        let out = py.detach(|| self.0.predict(&states, &query)).or_raise()?;
        PyArray1::from_vec(py, out).reshape(array.shape().to_vec()).map(Bound::into_any)
    }

    fn __repr__(&self) -> String {
        format!("OnnxNetwork('{}', {:?})", self.0.name(), self.0.shape())
    }
}
