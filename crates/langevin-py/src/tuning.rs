//! `tune`: a plan fitted to one model.

use crate::called::Called;
use crate::errors::{ArgumentError, OrRaise as _, misfit, raised_by_task};
use crate::models::own;
use crate::observer::Interpreter;
use crate::own::Own;
use crate::plan::{Plan, warn_if_clipped};
use crate::theory::Formulation;
use langevin::Request;
use langevin_analysis::exact;
use langevin_analysis::tune::Method;
use langevin_tasks::condition::Condition;
use langevin_tasks::data::Reading;
use langevin_tasks::observe::{Note, Observer, Progress};
use langevin_tasks::source::{Lent, Source};
use langevin_tasks::tune::{self, Classes, Data, Found, Settings};
use numpy::{PyArrayDyn, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

/// A plan fitted to one model, with the evidence that it is better than all known plans.
///
/// The result of :func:`tune`. It prints as the tables of ``langevin tune``.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> found = langevin.tune(langevin.Density("moons"), 4, process="vp", samples=32, test=64)
/// >>> found.improves, found.plan.nfe, found.ratio < 1
/// (True, 4, True)
#[pyclass(frozen, module = "langevin", name = "Tuned")]
pub struct Tuned(pub Arc<Found>);

#[pymethods]
impl Tuned {
    /// Plan to use: the tuned plan, or the best known one if the improvement is not certain.
    #[getter]
    fn plan(&self) -> Plan {
        Plan(Arc::new(self.0.plan.clone()))
    }

    /// Best of all known plans with as many evaluations, on the samples of the test.
    #[getter]
    fn known(&self) -> Plan {
        Plan(Arc::new(self.0.tuned.known.plan.clone()))
    }

    /// ``True`` if the interval lies below 1 and the samples are not farther from data.
    #[getter]
    fn improves(&self) -> bool {
        self.0.tuned.improves()
    }

    /// Error of the tuned plan divided by that of the best known plan.
    #[getter]
    fn ratio(&self) -> f64 {
        self.0.tuned.ratio()
    }

    /// 95 % bootstrap interval of the ratio.
    #[getter]
    fn interval(&self) -> (f64, f64) {
        let [low, high] = self.0.tuned.interval;
        (low, high)
    }

    /// Root mean square distance of the tuned plan's samples from the fine solution.
    ///
    /// It is measured on samples that the fit has not seen, in the units of the model.
    #[getter]
    fn error(&self) -> f64 {
        self.0.tuned.error
    }

    /// Root mean square distance of the best known plan's samples from the fine solution.
    #[getter]
    fn known_error(&self) -> f64 {
        self.0.tuned.known_error
    }

    /// ``True`` if the time ran out before the fits ended.
    #[getter]
    fn hurried(&self) -> bool {
        self.0.hurried
    }

    /// Return all figures, with the keys of ``langevin tune --json``.
    ///
    /// Returns
    /// -------
    /// dict
    ///     ``"error"``, ``"known"``, ``"ratio"``, ``"interval"``, ``"improves"``, ``"fine"``,
    ///     ``"wall"``, ``"to_data"`` (``None`` without data), ``"transfers"``, ``"seeds"``,
    ///     ``"samples"``, ``"evaluations"`` and others.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> moons = langevin.Density("moons")
    /// >>> found = langevin.tune(moons, 3, process="vp", samples=32, test=64)
    /// >>> found.to_dict()["seeds"]  # of the fit, and of the test
    /// [0, 1]
    #[pyo3(signature = () -> "dict[str, typing.Any]")]
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let text = tune::document(&self.0.tuned).to_string();
        Ok(py.import("json")?.call_method1("loads", (text,))?.cast_into::<PyDict>()?)
    }

    fn __str__(&self) -> String {
        self.0.tuned.to_string()
    }

    fn __repr__(&self) -> String {
        let tuned = &self.0.tuned;
        let [low, high] = tuned.interval;
        format!(
            "Tuned(nfe={}, ratio={:.3}, interval=({low:.3}, {high:.3}), improves={})",
            tuned.plan.nfe(),
            tuned.ratio(),
            if tuned.improves() { "True" } else { "False" }
        )
    }
}

/// The interpreter as an observer, with a progress bar.
pub struct WithBar(pub Option<Py<PyAny>>);

impl Observer for WithBar {
    fn note(&self, note: &Note) {
        Interpreter.note(note);
    }

    fn progress(&self, progress: &Progress<'_>) {
        let (Some(bar), Progress::Done { done, all, .. }) = (&self.0, progress) else { return };
        // A bar that fails does not end the work.
        let _shown = Python::attach(|py| bar.call1(py, (done, all)).map(drop));
    }

    fn check(&self) -> langevin_tasks::Result<()> {
        Interpreter.check()
    }

    fn knows(&self, hint: &str) -> bool {
        Interpreter.knows(hint)
    }
}

/// Tune a plan; used by ``langevin._tune``.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn _tune(
    py: Python<'_>,
    model: &Bound<'_, PyAny>,
    shape: Option<Vec<usize>>,
    double: bool,
    network: Option<PyRef<'_, Formulation>>,
    read_as: Option<&str>,
    nfe: usize,
    method: &str,
    data: Option<&Bound<'_, PyArrayDyn<f64>>>,
    guidance: Option<f64>,
    guidance_interval: Option<[f64; 2]>,

    range: [Option<f64>; 2],
    counts: [Option<usize>; 2],
    seed: u64,
    minutes: Option<f64>,
    threads: Option<usize>,
    bar: Option<Py<PyAny>>,
) -> PyResult<Tuned> {
    let method = Method::parse(method).or_raise()?;
    let formulation = network.map(|network| network.0.clone());
    let called = shape.map(|shape| Called::new(model.clone().unbind(), shape, formulation, double));
    let owned = if called.is_none() { Some(own(model)?) } else { None };
    let lent = |model, name: &str, shape: &[usize]| {
        let (name, shape, serial) = (name.to_owned(), shape.to_vec(), called.is_some());
        Source::Lent(Lent { model, name, shape, differentiable: !serial, serial })
    };
    let source = match (&called, &owned) {
        (Some(called), _) => lent(called, "the model", called.shape()),
        (_, Some(Own::Network(network))) => Source::Borrowed(network),
        (_, Some(Own::Onnx(network))) => lent(&**network, network.name(), network.shape()),
        // The same density, which also draws the data.
        (_, Some(Own::Density(density))) => Source::Exact(exact::named(density.name()).or_raise()?),
        (None, None) => return Err(ArgumentError::new_err("a model is missing")),
    };
    let data = data.map(|data| data.try_readonly()).transpose()?;
    let rows = data.as_ref().map(|data| data.as_slice()).transpose()?;
    if let (Some(data), Some(rows)) = (&data, rows)
        && (rows.is_empty() || data.as_array().shape().iter().skip(1).product::<usize>() != source.width())
    {
        let got = format!("an array of shape {:?}", data.as_array().shape());
        return Err(misfit("the data do not fit the model", format!("rows of shape {:?}", source.shape()), got, ""));
    }
    let observer = WithBar(bar);
    let (reading, condition) = (Reading::default(), Condition { guidance, guidance_interval, ..Condition::default() });
    let settings = Settings {
        method,
        seed,
        samples: counts[0],
        test: counts[1],
        minutes,
        threads,
        data: rows.map(Data::Rows),
        ..Settings::new(nfe, &reading, &condition)
    };
    let run = || -> PyResult<Found> {
        let tasks = |error: langevin_tasks::Error| Python::attach(|py| raised_by_task(py, &error));
        let reader = source.read_as(read_as, &observer).map_err(tasks)?;
        let mut request = Request::new();
        request = range[0].into_iter().fold(request, Request::sigma_min);
        request = range[1].into_iter().fold(request, Request::sigma_max);
        Python::attach(|py| warn_if_clipped(py, &reader.asks(request.clone())))?;
        let prepared = tune::prepare(&reader, request, &settings, Classes::default(), &observer).map_err(tasks)?;
        prepared.run(&observer).map_err(tasks)
    };
    py.detach(run).map(|found| Tuned(Arc::new(found)))
}
