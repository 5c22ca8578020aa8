//! Tasks of the library on a model in Python: evaluation, diagnosis and encoding.

use crate::called::Called;
use crate::errors::{ArgumentError, misfit, raised_by_task};
use crate::plan::Plan;
use crate::theory::Formulation;
use crate::tuning::WithBar;
use langevin::Request;
use langevin_tasks::comparison::Sets;
use langevin_tasks::condition::Condition;
use langevin_tasks::data::Reading;
use langevin_tasks::given::Given;
use langevin_tasks::source::{Lent, Source};
use langevin_tasks::{diagnose, evaluate, invert};
use langevin_train::Dataset;
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use std::path::Path;
use std::time::Instant;

/// A model in Python with its rows, for `langevin.Model`.
///
/// ``call`` answers the questions of a task; ``shape`` is that of one sample. ``differentiable`` is
/// false for functions of arrays.
#[pyclass(frozen, module = "langevin._langevin", name = "_Judge")]
pub struct Judge {
    called: Called,
    differentiable: bool,
    name: String,
}

/// A batch of rows in double precision.
type Rows<'py> = Bound<'py, PyArrayDyn<f64>>;

impl Judge {
    fn source(&self) -> Source<'_> {
        Source::Lent(Lent {
            model: &self.called,
            name: self.name.clone(),
            shape: self.called.shape().to_vec(),
            differentiable: self.differentiable,
            serial: true,
        })
    }

    /// Returns the numbers of rows, whose shape is checked.
    fn values(&self, what: &str, rows: &Rows<'_>) -> PyResult<Vec<f64>> {
        let shape = rows.shape().to_vec();
        if shape.len() != self.called.shape().len() + 1 || shape[1..] != *self.called.shape() || shape[0] == 0 {
            let got = format!("an array of shape {shape:?}");
            let expected = format!("rows of shape {:?}", self.called.shape());
            return Err(misfit(&format!("{what} do not fit the model"), expected, got, ""));
        }
        Ok(rows.try_readonly()?.as_slice()?.to_vec())
    }

    fn set(&self, what: &str, name: &str, rows: &Rows<'_>) -> PyResult<Dataset> {
        let values: Vec<f32> = self.values(what, rows)?.into_iter().map(|value| value as f32).collect();
        Dataset::new(name, values, self.called.shape()).map_err(|error| ArgumentError::new_err(error.to_string()))
    }
}

fn tasks(error: langevin_tasks::Error) -> PyErr {
    Python::attach(|py| raised_by_task(py, &error))
}

#[pymethods]
impl Judge {
    #[new]
    fn new(
        call: Py<PyAny>,
        shape: Vec<usize>,
        network: Option<PyRef<'_, Formulation>>,
        double: bool,
        differentiable: bool,
        name: String,
    ) -> Self {
        let formulation = network.map(|network| network.0.clone());
        Self { called: Called::new(call, shape, formulation, double), differentiable, name }
    }

    /// Return the measurements of ``langevin evaluate --json`` as a document, and its table.
    #[pyo3(signature = (plan, rows, trained, count, seed, bar))]
    #[allow(clippy::too_many_arguments)]
    fn evaluate(
        &self,
        py: Python<'_>,
        plan: &Bound<'_, Plan>,
        rows: &Rows<'_>,
        trained: Option<&Rows<'_>>,
        count: Option<usize>,
        seed: u64,
        bar: Option<Py<PyAny>>,
    ) -> PyResult<(String, String)> {
        let real = self.set("the rows", "rows", rows)?;
        let trained = trained.map(|rows| self.set("the training rows", "training rows", rows)).transpose()?;
        let sets = Sets { trained, ..Sets::of("rows of the data", real) };
        let given = Given::of_plan((*plan.get().0).clone());
        let (source, observer) = (self.source(), WithBar(bar));
        let settings = evaluate::Settings {
            data: "",
            train: None,
            reading: &Reading::default(),
            count,
            seed,
            threads: None,
            request: &Request::new(),
            condition: &Condition::default(),
            given: Some(&given),
        };
        let found = py.detach(|| settings.run_on(sets, &source, &observer)).map_err(tasks)?;
        Ok((found.document().to_string(), found.to_string()))
    }

    /// Return the document of ``langevin diagnose --json``, and its text.
    #[pyo3(signature = (request, plan, rows, samples, count, seed, bar))]
    #[allow(clippy::too_many_arguments)]
    fn diagnose(
        &self,
        py: Python<'_>,
        request: Option<(String, usize)>,
        plan: Option<&Bound<'_, Plan>>,
        rows: &Rows<'_>,
        samples: usize,
        count: usize,
        seed: u64,
        bar: Option<Py<PyAny>>,
    ) -> PyResult<(String, String)> {
        let set = self.set("the rows", "the rows", rows)?;
        let given = plan.map(|plan| Given::of_plan((*plan.get().0).clone()));
        let (sampler, steps) = request.unwrap_or_else(|| ("dpmpp-2m".to_owned(), 20));
        let request = Request::new().sampler(sampler).steps(steps);
        let chosen = given.as_ref().map_or(diagnose::Chosen::Request(&request), diagnose::Chosen::Given);
        let settings = diagnose::Settings { samples, rows: count, seed, threads: None };
        let (source, observer) = (self.source(), WithBar(bar));
        let run = || {
            let prepared = diagnose::prepare_on(&source, None, chosen, set, settings, &observer)?;
            let began = Instant::now();
            let found = prepared.run(&observer)?;
            Ok((prepared.document(&found, began.elapsed().as_secs_f64()).to_string(), found.to_string()))
        };
        py.detach(run).map_err(tasks)
    }

    /// Return the noise of each row at unit variance, the reconstructed rows, and their errors.
    #[pyo3(signature = (plan, rows, bar) -> "tuple[typing.Any, typing.Any, typing.Any]")]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        plan: &Bound<'py, Plan>,
        rows: &Rows<'py>,
        bar: Option<Py<PyAny>>,
    ) -> PyResult<[Bound<'py, PyAny>; 3]> {
        let (data, shape) = (self.values("the rows", rows)?, rows.shape().to_vec());
        let given = Given::of_plan((*plan.get().0).clone());
        let (source, observer) = (self.source(), WithBar(bar));
        let settings = invert::Settings {
            from: Path::new(""),
            reading: &Reading::default(),
            count: None,
            between: None,
            request: &Request::new(),
            condition: &Condition::default(),
            given: Some(&given),
            threads: None,
        };
        let run = || invert::prepare_on(&source, &settings, data, &observer)?.run(&observer);
        let found = py.detach(run).map_err(tasks)?;
        let states = |values: Vec<f64>| PyArray1::from_vec(py, values).reshape(shape.clone()).map(Bound::into_any);
        Ok([states(found.noise)?, states(found.back)?, PyArray1::from_vec(py, found.errors).into_any()])
    }
}
