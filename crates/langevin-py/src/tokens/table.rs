//! `TableNetwork`: a network on rows of numbers and categories.

use crate::arguments::ClassLabels;
use crate::errors::{ArgumentError, FormatError, raised_by_task, raised_by_train, refuse_unknown};
use crate::observer::Interpreter;
use crate::rows::ids;
use crate::theory::Formulation;
use langevin::Request;
use langevin_tasks::tables::{evaluate, sample, schema};
use langevin_tasks::tokens::Model;
use langevin_tasks::tokens::evaluate::Settings;
use langevin_tasks::tokens::sample::Draws;
use langevin_train::Network;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::path::PathBuf;
use std::sync::Arc;

/// Number of rows between two looks at the signals.
const BATCH: usize = 512;

/// Network on rows of numbers and categories that was trained with ``langevin train``.
///
/// Samples are those of ``langevin sample``. A table of categories alone is a model of tokens,
/// which :class:`TokenNetwork` opens; :meth:`Network.load` opens either.
///
/// Parameters
/// ----------
/// path : str or os.PathLike
///     The model file, such as ``"table.safetensors"``.
/// class_labels : str, int or sequence, optional
///     The classes of the samples, by name or number; several are taken in turn. Without them the
///     samples have no class.
///
/// Raises
/// ------
/// ArgumentError
///     If the file does not exist, holds a model of another kind, or does not know a class.
/// FormatError
///     If the file is not a model file.
///
/// Examples
/// --------
/// With a model of ``langevin train --data table.csv --noise masked --out table.safetensors``:
///
/// >>> import langevin
/// >>> network = langevin.TableNetwork("table.safetensors")
/// >>> network.columns
/// {'kind': ['daisy', 'rose'], 'length': None}
/// >>> rows = network.sample(100, seed=0, steps=4)
/// >>> rows["kind"].shape, rows["length"].dtype
/// ((100,), dtype('float64'))
#[pyclass(frozen, module = "langevin")]
pub struct TableNetwork {
    model: Arc<Model>,
    path: PathBuf,
    /// Classes of the samples, as they were given.
    labels: Vec<String>,
}

impl TableNetwork {
    fn network(&self) -> PyResult<&Network> {
        self.model.network().ok_or_else(|| FormatError::new_err("the model has no columns"))
    }
}

/// Returns the samplers' request of the arguments.
fn request(sampler: Option<String>, steps: Option<usize>, grid: Option<String>) -> Request {
    let request = sampler.into_iter().fold(Request::new(), Request::sampler);
    let request = steps.into_iter().fold(request, Request::steps);
    grid.into_iter().fold(request, Request::grid)
}

#[pymethods]
impl TableNetwork {
    #[new]
    #[pyo3(signature = (path, *, class_labels: "str | int | collections.abc.Sequence[str | int] | None" = None))]
    fn new(py: Python<'_>, path: PathBuf, class_labels: Option<ClassLabels>) -> PyResult<Self> {
        let network = crate::models::Network::read(py, &path, class_labels.clone())?;
        if !network.is_table() {
            let message = langevin::error::Message::new("the model is not of a table of numbers and categories")
                .at(path.display().to_string())
                .expected("a model file that was trained on such a table")
                .hinting("langevin.Network.load opens model files of every kind");
            return Err(ArgumentError::new_err(message.to_string()));
        }
        Ok(Self {
            model: Arc::new(Model::Network(Box::new(network))),
            path,
            labels: class_labels.unwrap_or_default().0,
        })
    }

    /// Categories of each column; ``None`` for a column of numbers.
    ///
    /// Columns without a name are called ``x0``, ``x1``, ….
    #[getter]
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let schema = schema(self.network()?).map_err(|error| raised_by_task(py, &error))?;
        let columns = PyDict::new(py);
        for (name, column) in names(schema).into_iter().zip(schema.columns()) {
            columns.set_item(name, column.categories().map(<[String]>::to_vec))?;
        }
        Ok(columns)
    }

    /// Formulation of the numbers.
    #[getter]
    fn formulation(&self) -> PyResult<Formulation> {
        let table = self.network()?.table().map_err(|error| raised_by_train(&error))?;
        Ok(Formulation(table.formulation().clone()))
    }

    /// Names of the classes; empty for a network that was trained without classes.
    #[getter]
    fn classes(&self) -> PyResult<Vec<String>> {
        Ok(self.network()?.classes().to_vec())
    }

    /// Number of weights.
    #[getter]
    fn parameters(&self) -> PyResult<usize> {
        Ok(self.network()?.parameters())
    }

    /// Draw rows.
    ///
    /// Numbers and categories are drawn together: the categories by the ancestral sampler at the
    /// noise levels of the numbers. Row i depends on ``seed`` and ``first + i`` only.
    ///
    /// Parameters
    /// ----------
    /// count : int
    ///     The number of rows.
    /// seed : int, default 0
    ///     The seed, from 0 to 2**64 − 1.
    /// sampler : str, optional
    ///     The sampler of the numbers, a name of :func:`samplers` with one evaluation a step. The
    ///     default is that of :class:`Plan`.
    /// steps : int, optional
    ///     The step count. The default is that of :class:`Plan`.
    /// grid : str, optional
    ///     The name of the grid. The default is that of :class:`Plan`.
    /// first : int, default 0
    ///     The index of the first row.
    ///
    /// Returns
    /// -------
    /// dict of str to numpy.ndarray, each of shape (count,)
    ///     The columns in the order of the training file: numbers as float64, categories as str.
    ///     ``pandas.DataFrame`` takes it as it is.
    ///
    /// Raises
    /// ------
    /// UnknownNameError
    ///     If the sampler or the grid has an unknown name.
    /// ArgumentError
    ///     If the sampler evaluates the network twice at a level, or if an argument is out of
    ///     range.
    /// KeywordError
    ///     If a keyword is unknown.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> network = langevin.TableNetwork("table.safetensors")
    /// >>> rows, alone = network.sample(3, steps=4), network.sample(1, steps=4, first=2)
    /// >>> bool(rows["length"][2] == alone["length"][0])
    /// True
    #[pyo3(signature = (count, seed = 0, *, sampler = None, steps = None, grid = None, first = 0, **unknown: "typing.NoReturn") -> "dict[str, numpy.typing.NDArray[typing.Any]]")]
    #[allow(clippy::too_many_arguments)]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        count: usize,
        seed: u64,
        sampler: Option<String>,
        steps: Option<usize>,
        grid: Option<String>,
        first: u64,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let known = ["count", "seed", "sampler", "steps", "grid", "first"];
        refuse_unknown(unknown, "TableNetwork.sample", &known)?;
        let (network, rows) = (self.network()?, ids(seed, first, count)?);
        let prepared = sample::prepare(network, request(sampler, steps, grid), langevin_discrete::Request::new());
        let prepared = prepared.map_err(|error| raised_by_task(py, &error))?;
        let table = network.table().map_err(|error| raised_by_train(&error))?;
        let mut drawn = Vec::new();
        for batch in rows.chunks(BATCH) {
            py.check_signals()?;
            let part = py.detach(|| table.sample(prepared.numbers(), prepared.letters(), batch));
            drawn.extend(part.map_err(|error| raised_by_train(&error))?);
        }
        columns(py, network, &drawn)
    }

    /// Compare samples with the rows of a file.
    ///
    /// Parameters
    /// ----------
    /// data : str or os.PathLike
    ///     A table with the columns of the training. If it is the training data, the rows that were
    ///     held out are compared.
    /// count : int, optional
    ///     The number of samples. The default is that of the rows, at most 2000.
    /// seed : int, default 0
    ///     The seed of the samples.
    /// sampler : str, optional
    ///     The sampler of the numbers.
    /// steps : int, optional
    ///     The step count.
    /// grid : str, optional
    ///     The name of the grid.
    ///
    /// Returns
    /// -------
    /// Report
    ///     ``plan``, ``nfe``, ``count`` and ``measures``, a dict of triples: the values of the
    ///     samples, of a Gaussian copula, and of real rows. It prints as ``langevin evaluate``
    ///     does.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the file does not exist, has other columns, or has fewer than 8 complete rows.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> network = langevin.TableNetwork("table.safetensors")
    /// >>> report = network.evaluate("table.csv", steps=4)
    /// >>> report["nfe"], len(report["measures"])
    /// (4, 5)
    #[pyo3(signature = (data, *, count = None, seed = 0, sampler = None, steps = None, grid = None, **unknown: "typing.NoReturn") -> "typing.Any")]
    #[allow(clippy::too_many_arguments)]
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        data: PathBuf,
        count: Option<usize>,
        seed: u64,
        sampler: Option<String>,
        steps: Option<usize>,
        grid: Option<String>,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = ["data", "count", "seed", "sampler", "steps", "grid"];
        refuse_unknown(unknown, "TableNetwork.evaluate", &known)?;
        let (network, data) = (self.network()?, data.to_string_lossy().into_owned());
        let prepared = sample::prepare(network, request(sampler, steps, grid), langevin_discrete::Request::new());
        let prepared = prepared.map_err(|error| raised_by_task(py, &error))?;
        let settings = Settings { data: &data, count, seed };
        let mut draw = |count| prepared.draw(Draws { count, seed }, &Interpreter);
        let found = py.detach(|| evaluate::run(&self.model, settings, &mut draw, &Interpreter));
        let found = found.map_err(|error| raised_by_task(py, &error))?;
        let (fields, measures) = (PyDict::new(py), PyDict::new(py));
        for one in &found.measures {
            measures.set_item(one.name, (one.samples, one.copula, one.real))?;
        }
        fields.set_item("plan", prepared.name())?;
        fields.set_item("nfe", prepared.numbers().nfe())?;
        fields.set_item("count", found.count)?;
        fields.set_item("measures", measures)?;
        let report = py.import("langevin._report")?.getattr("Report")?.call((), Some(&fields))?;
        report.setattr("text", found.to_string())?;
        Ok(report)
    }

    fn __repr__(&self) -> PyResult<String> {
        let network = self.network()?;
        let schema = schema(network).map_err(|error| ArgumentError::new_err(error.to_string()))?;
        Ok(format!("TableNetwork({}, {} weights)", schema.summary(), network.parameters()))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (PathBuf,))> {
        let (py, own) = (slf.py(), slf.get());
        let arguments = PyDict::new(py);
        arguments.set_item("class_labels", &own.labels)?;
        let opens = py.import("functools")?.getattr("partial")?.call((slf.get_type(),), Some(&arguments))?;
        Ok((opens, (own.path.clone(),)))
    }
}

/// Returns the names of the columns; those without one are called x0, x1, ….
fn names(schema: &langevin_data::TableSchema) -> Vec<String> {
    let name = |(place, column): (usize, &langevin_data::TableColumn)| match column.name.as_str() {
        "" => format!("x{place}"),
        name => name.to_owned(),
    };
    schema.columns().iter().enumerate().map(name).collect()
}

/// Returns rows of a model of a table as a dict of one array for each column.
///
/// Numbers have the decimals of the training file.
pub fn columns<'py>(py: Python<'py>, network: &Network, rows: &[f64]) -> PyResult<Bound<'py, PyDict>> {
    let schema = schema(network).map_err(|error| raised_by_task(py, &error))?;
    let cells: Vec<_> = rows.chunks_exact(schema.columns().len()).map(|row| schema.cells(row)).collect();
    let (columns, numpy) = (PyDict::new(py), py.import("numpy")?);
    for (place, (name, column)) in names(schema).into_iter().zip(schema.columns()).enumerate() {
        let cells = cells.iter().map(|row| row[place].as_deref());
        let values = if column.scores().is_some() {
            PyList::new(py, cells.map(|cell| cell.and_then(|cell| cell.parse::<f64>().ok()).unwrap_or(f64::NAN)))?
        } else {
            PyList::new(py, cells.map(Option::unwrap_or_default))?
        };
        let kind = if column.scores().is_some() { "float64" } else { "str" };
        columns.set_item(name, numpy.call_method1("array", (values, kind))?)?;
    }
    Ok(columns)
}
