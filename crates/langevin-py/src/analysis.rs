//! `analyze` and `recommend`: the exact error of plans on Gaussian data.

use crate::errors::{ArgumentError, OrRaise as _, misfit, raised};
use crate::plan::{Plan, json_text};
use crate::theory::{Formulation, ProcessLike};
use langevin::Sampler;
use langevin::analysis::{Analysis, AnalysisOptions, Distance};
use langevin::import::diffusers::{Call, Diffusers};
use langevin::recommend::{By, Imported, Search, Setting};
use numpy::{PyArrayDyn, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::sync::Arc;

/// The covariance of data as Python gives it.
fn spectrum(data: &Bound<'_, PyAny>) -> PyResult<langevin::Spectrum> {
    if let Ok(name) = data.cast::<PyString>() {
        return langevin::Spectrum::parse(&name.to_string()).or_raise();
    }
    let numpy = data.py().import("numpy")?;
    let array = numpy.call_method1("ascontiguousarray", (data, "float64"))?.cast_into::<PyArrayDyn<f64>>()?;
    let guard = array.try_readonly()?;
    let values = guard.as_slice()?;
    match array.ndim() {
        1 => langevin::Spectrum::from_eigenvalues(values).or_raise(),
        2 => langevin::Spectrum::from_data(values, array.shape()[1]).or_raise(),
        _ => Err(misfit(
            "bad data",
            "eigenvalues (1-D) or rows (2-D)",
            format!("{:?}", array.shape()),
            "flatten each sample to a row",
        )),
    }
}

fn distance<'py>(py: Python<'py>, distance: &Distance) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    all.set_item("w2", distance.w2)?;
    all.set_item("kl", distance.kl)?;
    Ok(all)
}

fn sources<'py>(py: Python<'py>, analysis: &Analysis) -> PyResult<Bound<'py, PyDict>> {
    let sources = PyDict::new(py);
    for part in &analysis.contributions {
        sources.set_item(part.cause.to_string(), distance(py, &part.alone)?)?;
    }
    Ok(sources)
}

/// The exact error of a linear plan on Gaussian data, with no sampling: a dict with ``w2``, ``kl`` (nats), ``nfe``, ``dimension`` and ``sources``, which has both for each of ``start``, ``truncation``,
/// ``discretisation`` and ``score``.
///
/// ``data`` is an array of eigenvalues of the covariance, shape (dim,), rows of data, shape (rows, dim), or a spectrum by name (``"power:2:d=3072"``). ``score_error`` is δ: the network's ε is
/// 1 + δ times the exact one. A plan that clamps has no exact error: see :meth:`Plan.unclipped`.
#[pyfunction]
#[pyo3(signature = (plan, data: "numpy.typing.ArrayLike | str", *, score_error = 0.0) -> "dict[str, typing.Any]")]
pub fn analyze<'py>(
    py: Python<'py>,
    plan: &Bound<'py, Plan>,
    data: &Bound<'py, PyAny>,
    score_error: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let spectrum = spectrum(data)?;
    let options = AnalysisOptions { score_error, sources: true };
    let plan = plan.get().0.clone();
    let found = py.detach(|| plan.analyze(&spectrum, &options)).map_err(|error| raised(py, &error))?;
    let all = distance(py, &found.total)?;
    all.set_item("nfe", found.nfe)?;
    all.set_item("dimension", found.dimension)?;
    all.set_item("sources", sources(py, &found)?)?;
    Ok(all)
}

/// One plan of a :class:`Ranking`.
#[pyclass(frozen, module = "langevin")]
pub struct Candidate(langevin::recommend::Candidate);

#[pymethods]
impl Candidate {
    /// The sampler's name, with its options.
    #[getter]
    fn sampler(&self) -> &str {
        self.0.sampler.spec()
    }

    /// The name of its grid.
    #[getter]
    fn grid(&self) -> &str {
        &self.0.grid
    }

    /// Its number of steps.
    #[getter]
    fn steps(&self) -> usize {
        self.0.steps
    }

    /// Its number of network evaluations.
    #[getter]
    fn nfe(&self) -> usize {
        self.0.analysis.nfe
    }

    /// The Wasserstein distance of its samples from the data, in the units of the data.
    #[getter]
    fn w2(&self) -> f64 {
        self.0.analysis.total.w2
    }

    /// The KL divergence of the data from its samples, in nats; it may be infinite.
    #[getter]
    fn kl(&self) -> f64 {
        self.0.analysis.total.kl
    }

    /// The sources of its error as :func:`analyze` has them; empty but for the best and the usual choices.
    #[getter]
    fn sources<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        sources(py, &self.0.analysis)
    }

    /// The names of the samplers that have the same table.
    #[getter]
    fn also(&self) -> Vec<String> {
        self.0.also.clone()
    }

    /// Its table.
    #[getter]
    fn plan(&self) -> Plan {
        Plan(Arc::new(self.0.plan.clone()))
    }

    fn __repr__(&self) -> String {
        let langevin::recommend::Candidate { sampler, grid, steps, .. } = &self.0;
        format!("Candidate('{}' on '{grid}', {steps} steps, w2={:.4e})", sampler.spec(), self.w2())
    }
}

/// Samplers from the best to the worst, as :func:`recommend` found them. Printed, it is the table of the ten best and why the first is the first.
#[pyclass(frozen, module = "langevin")]
pub struct Ranking(langevin::recommend::Ranking);

#[pymethods]
impl Ranking {
    /// The best.
    #[getter]
    fn best(&self) -> Candidate {
        Candidate(self.0.best().clone())
    }

    /// All different plans, the best first.
    #[getter]
    fn candidates(&self) -> Vec<Candidate> {
        self.0.candidates().iter().cloned().map(Candidate).collect()
    }

    /// The usual choices within as many evaluations, where they fit.
    #[getter]
    fn usual(&self) -> Vec<Candidate> {
        self.0.usual().iter().cloned().map(Candidate).collect()
    }

    /// The sum of the absolute weights of the best plan's denoised predictions in its result: how much an error of the network may come to, 1 for an average.
    #[getter]
    fn gain(&self) -> f64 {
        self.0.gain()
    }

    /// Why the best is the best, in sentences.
    #[getter]
    fn why(&self) -> Vec<String> {
        self.0.why()
    }

    /// How many plans were analysed.
    #[getter]
    fn plans(&self) -> usize {
        self.0.plans()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Ranking({} plans, best {})", self.plans(), self.best().__repr__())
    }
}

/// The sampler and the grid with the smallest exact error on Gaussian data like yours, in at most ``nfe`` evaluations of the network: a :class:`Ranking`. Nothing is sampled.
///
/// ``data`` is what :func:`analyze` takes: eigenvalues, rows, or a spectrum by name. ``process`` is that of the states (``"vp"`` without one, or that of ``network``). With ``config``, the config of a
/// diffusers scheduler, its times and noise levels are the grid, and ``mu`` is its shift. ``samplers`` and ``grids`` are lists of names; ``by`` is ``"w2"`` or ``"kl"``. With ``score_error`` = δ a
/// plan is as good as it is for the worse of two networks, whose ε is 1 + δ and 1 − δ times the exact one: no network is exact, and some plans amplify its error.
#[pyfunction]
#[pyo3(signature = (data: "numpy.typing.ArrayLike | str", nfe, process = None, *, network = None, config: "collections.abc.Mapping[str, typing.Any] | str | None" = None, mu = None, samplers = None, grids = None, by = "w2", score_error = 0.0, sigma_min = None, sigma_max = None))]
#[allow(clippy::too_many_arguments)]
pub fn recommend(
    data: &Bound<'_, PyAny>,
    nfe: usize,
    process: Option<ProcessLike<'_>>,
    network: Option<&Bound<'_, Formulation>>,
    config: Option<&Bound<'_, PyAny>>,
    mu: Option<f64>,
    samplers: Option<Vec<String>>,
    grids: Option<Vec<String>>,
    by: &str,
    score_error: f64,
    sigma_min: Option<f64>,
    sigma_max: Option<f64>,
) -> PyResult<Ranking> {
    let py = data.py();
    let by = match by {
        "w2" => By::W2,
        "kl" => By::Kl,
        other => return Err(ArgumentError::new_err(format!("unknown order: expected 'w2' or 'kl', got '{other}'"))),
    };
    let samplers = samplers
        .map(|names| names.iter().map(|name| Sampler::parse(name, None).or_raise()).collect::<PyResult<Vec<_>>>())
        .transpose()?;
    let spectrum = spectrum(data)?;
    let ranking = if let Some(config) = config {
        if process.is_some() || network.is_some() || grids.is_some() || sigma_min.is_some() || sigma_max.is_some() {
            return Err(ArgumentError::new_err(
                "a config brings its own process, network, grid and noise levels: leave out process, network, grids, sigma_min and sigma_max",
            ));
        }
        let config = Diffusers::parse(&json_text(config)?).or_raise()?;
        let mut call = Call::default();
        call.mu = mu;
        let setting = Imported::new(&config, call);
        search(
            py,
            Search::new(&setting, &spectrum, nfe, by).score_error(score_error),
            samplers,
            Some(vec!["config".to_owned()]),
        )?
    } else {
        let network = network.map(|network| &network.get().0);
        let process = match (&process, network) {
            (Some(process), _) => process.process()?,
            (None, Some(network)) => network.process.clone(),
            (None, None) => langevin::Process::vp(),
        };
        let mut setting = Setting::new(&process);
        if let Some(network) = network {
            setting = setting.network(network);
        }
        let [low, high] = setting.ends();
        let setting = setting.between(sigma_min.unwrap_or(low), sigma_max.unwrap_or(high));
        search(py, Search::new(&setting, &spectrum, nfe, by).score_error(score_error), samplers, grids)?
    };
    Ok(Ranking(ranking))
}

fn search(
    py: Python<'_>,
    mut search: Search<'_>,
    samplers: Option<Vec<Sampler>>,
    grids: Option<Vec<String>>,
) -> PyResult<langevin::recommend::Ranking> {
    if let Some(samplers) = samplers {
        search = search.samplers(samplers);
    }
    if let Some(grids) = grids {
        search = search.grids(grids);
    }
    while search.advance().or_raise()? {
        py.check_signals()?;
    }
    search.finish().or_raise()
}
