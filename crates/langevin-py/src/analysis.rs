//! `analyze` and `recommend`: the exact error of plans on Gaussian data.

use crate::errors::{ArgumentError, OrRaise as _, misfit, raised, raised_by_task, raised_by_train, refuse_unknown};
use crate::models::Network;
use crate::observer::Interpreter;
use crate::plan::{Plan, json_text, warn_if_clipped};
use crate::share::cores;
use crate::theory::{Formulation, ProcessLike};
use crate::tuning::Tuned;
use langevin::request::REFERENCE_PROCESS;
use langevin::{Request, Sampler};
use langevin_analysis::Analyze as _;
use langevin_analysis::analysis::{Analysis, AnalysisOptions, Distance};
use langevin_analysis::recommend::{By, Measured, Search};
use langevin_import::{Call, Diffusers, Imported};
use langevin_tasks::recommend::Settings;
use langevin_tasks::source::Source;
use langevin_tasks::tune::Found;
use numpy::{PyArrayDyn, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::sync::Arc;

/// The units in which rows of data are analysed.
enum Units<'a> {
    /// The units that a training on the rows would choose.
    Trained,
    /// The units that this network sees.
    Of(&'a langevin_train::Network),
    /// The rows' own units.
    Raw,
}

/// Returns the spectrum of the covariance of data: a network, a name, eigenvalues or rows.
fn spectrum(data: &Bound<'_, PyAny>, units: &Units<'_>) -> PyResult<langevin_analysis::Spectrum> {
    if let Ok(network) = data.cast::<Network>() {
        let network = &network.get().0;
        let none = || {
            ArgumentError::new_err(
                "the model file has no mean and covariance of its data: expected a file of version 2\nhint: give rows, and the network as network=",
            )
        };
        return network.moments().ok_or_else(none)?.spectrum().map_err(|error| raised_by_train(&error));
    }
    if let Ok(name) = data.cast::<PyString>() {
        return langevin_analysis::Spectrum::parse(&name.to_string()).or_raise();
    }
    let numpy = data.py().import("numpy")?;
    let array = numpy.call_method1("ascontiguousarray", (data, "float64"))?.cast_into::<PyArrayDyn<f64>>()?;
    let guard = array.try_readonly()?;
    let values = guard.as_slice()?;
    match array.ndim() {
        1 => langevin_analysis::Spectrum::from_eigenvalues(values).or_raise(),
        0 => Err(misfit("bad data", "eigenvalues (1-D) or rows (2-D)", "a number", "")),
        _ => {
            let shape = &array.shape()[1..];
            let width: usize = shape.iter().product();
            if array.ndim() > 2 && matches!(units, Units::Raw) {
                return Err(misfit(
                    "bad data",
                    "eigenvalues (1-D) or rows (2-D)",
                    format!("{:?}", array.shape()),
                    "flatten each sample to a row",
                ));
            }
            let mut values = values.to_vec();
            // Values that are not finite skip the scaling: the spectrum rejects them with their
            // place.
            let finite = values.iter().all(|value| value.is_finite());
            match units {
                Units::Trained if finite => {
                    langevin_tasks::spectrum::scale(&mut values, shape)
                        .map_err(|error| raised_by_task(data.py(), &error))?;
                }
                Units::Of(network) if network.width() == width => {
                    let _ = network.normalization().to_model(&mut values, width);
                }
                Units::Of(network) => {
                    return Err(misfit(
                        "the data are not the network's",
                        format!("rows of {} numbers", network.width()),
                        width.to_string(),
                        "",
                    ));
                }
                _ => {}
            }
            langevin_analysis::Spectrum::from_data(&values, width).or_raise()
        }
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

/// Return the exact error of a linear plan on Gaussian data, without sampling.
///
/// A plan that clips the denoised prediction has no exact error: see :meth:`Plan.unclipped`.
///
/// Parameters
/// ----------
/// plan : Plan
///     The plan to analyse.
/// data : array_like, str or Network
///     The covariance of the data: its eigenvalues, shape (dim,); rows of data, shape (rows, dim)
///     or (rows, ...); a spectrum by name, as ``"power:2:d=3072"``; or a :class:`Network`, whose
///     training data are taken.
/// score_error : float, default 0.0
///     The relative error δ of the network: its ε is 1 + δ times the exact one.
/// raw : bool, optional
///     ``True`` takes rows in their own units. ``False`` scales them as ``langevin train`` does,
///     each column to mean 0 and standard deviation 1. The default is ``False``, or ``True`` for a
///     plan that knows its network.
///
/// Returns
/// -------
/// dict
///     ``"w2"``, the Wasserstein distance between samples and data; ``"kl"``, the KL divergence in
///     nats; ``"nfe"``; ``"dimension"``; and ``"sources"``. The last has ``"w2"`` and ``"kl"`` for
///     each of ``"start"``, ``"truncation"``, ``"discretisation"`` and ``"score"`` alone.
///
/// Raises
/// ------
/// ArgumentError
///     If the plan clips the denoised prediction, or if the data are not finite.
/// ShapeError
///     If the data are a single number, or raw rows of more than two axes.
/// UnknownNameError
///     If the spectrum has an unknown name.
/// KeywordError
///     If a keyword is unknown.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> coarse, fine = (langevin.Plan("ddim", "vp", steps=steps) for steps in (10, 40))
/// >>> spectrum = [1.0, 0.5, 0.1]  # variances along three axes
/// >>> langevin.analyze(fine, spectrum)["w2"] < langevin.analyze(coarse, spectrum)["w2"]
/// True
#[pyfunction]
#[pyo3(signature = (plan, data: "numpy.typing.ArrayLike | str | Network", *, score_error = 0.0, raw: "bool | None" = None, **unknown: "typing.NoReturn") -> "dict[str, typing.Any]")]
pub fn analyze<'py>(
    py: Python<'py>,
    plan: &Bound<'py, Plan>,
    data: &Bound<'py, PyAny>,
    score_error: f64,
    raw: Option<bool>,
    unknown: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    refuse_unknown(unknown, "analyze", &["plan", "data", "score_error", "raw"])?;
    // A plan for a network works on data in that network's units.
    let raw = raw.unwrap_or(plan.get().0.network().is_some());
    let spectrum = spectrum(data, if raw { &Units::Raw } else { &Units::Trained })?;
    let options = AnalysisOptions { score_error, sources: true };
    let plan = plan.get().0.clone();
    let found = py.detach(|| plan.analyze(&spectrum, &options)).map_err(|error| raised(py, &error))?;
    let all = distance(py, &found.total)?;
    all.set_item("nfe", found.nfe)?;
    all.set_item("dimension", found.dimension)?;
    all.set_item("sources", sources(py, &found)?)?;
    Ok(all)
}

/// Plan of a :class:`Ranking`, with its exact error.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> found = langevin.recommend("power:2:d=8", nfe=5, samplers=["ddim"], grids=["karras"])
/// >>> found.best.sampler, found.best.grid, found.best.nfe
/// ('ddim', 'karras', 5)
#[pyclass(frozen, module = "langevin")]
pub struct Candidate(langevin_analysis::recommend::Candidate);

#[pymethods]
impl Candidate {
    /// Name of the sampler, with its options.
    #[getter]
    fn sampler(&self) -> &str {
        self.0.sampler.spec()
    }

    /// Name of the grid.
    #[getter]
    fn grid(&self) -> &str {
        &self.0.grid
    }

    /// Step count.
    #[getter]
    fn steps(&self) -> usize {
        self.0.steps
    }

    /// Number of network evaluations (NFE).
    #[getter]
    fn nfe(&self) -> usize {
        self.0.analysis.nfe
    }

    /// Wasserstein distance between the samples and the data, in the units of the data.
    #[getter]
    fn w2(&self) -> f64 {
        self.0.analysis.total.w2
    }

    /// KL divergence of the data from the samples, in nats; it may be infinite.
    #[getter]
    fn kl(&self) -> f64 {
        self.0.analysis.total.kl
    }

    /// Error by which plans are ranked: the root mean square over neighbouring step counts.
    ///
    /// By default these are the step counts within a quarter of the plan's own; the argument
    /// ``neighbours`` of :func:`recommend` sets the share.
    #[getter]
    fn typical(&self) -> f64 {
        self.0.typical
    }

    /// Error by source, as in :func:`analyze`.
    ///
    /// The dict is empty except for the best plan and the usual choices.
    #[getter]
    fn sources<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        sources(py, &self.0.analysis)
    }

    /// Names of other samplers that compile to the same table.
    #[getter]
    fn also(&self) -> Vec<String> {
        self.0.also.clone()
    }

    /// Plan itself, ready to run.
    #[getter]
    fn plan(&self) -> Plan {
        Plan(Arc::new(self.0.plan.clone()))
    }

    fn __repr__(&self) -> String {
        let langevin_analysis::recommend::Candidate { sampler, grid, steps, .. } = &self.0;
        format!("Candidate('{}' on '{grid}', {steps} steps, w2={:.4e})", sampler.spec(), self.w2())
    }
}

/// Plans from best to worst, found by :func:`recommend`.
///
/// A ranking prints as a table of the ten best plans, followed by the reasons for the first.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> ranking = langevin.recommend(
/// ...     "power:2:d=8", nfe=5, samplers=["ddim", "dpmpp-2m"], grids=["karras"]
/// ... )
/// >>> [candidate.sampler for candidate in ranking.candidates]
/// ['dpmpp-2m', 'ddim']
#[pyclass(frozen, module = "langevin")]
pub struct Ranking(langevin_analysis::recommend::Ranking, Option<Measured>, Option<Arc<Found>>);

#[pymethods]
impl Ranking {
    /// Best plan.
    #[getter]
    fn best(&self) -> Candidate {
        Candidate(self.0.best().clone())
    }

    /// Distinct plans, best first.
    #[getter]
    fn candidates(&self) -> Vec<Candidate> {
        self.0.candidates().iter().cloned().map(Candidate).collect()
    }

    /// Usual choices within the same budget of evaluations, if they fit it.
    #[getter]
    fn usual(&self) -> Vec<Candidate> {
        self.0.usual().iter().cloned().map(Candidate).collect()
    }

    /// Largest factor by which the best plan can amplify an error of the network.
    ///
    /// It is the sum of the absolute weights of the denoised predictions in the result: 1 if the
    /// result is an average of them, NaN if the plan is too large to compute it.
    #[getter]
    fn gain(&self) -> f64 {
        self.0.gain()
    }

    /// Reasons why the first plan is the best, one sentence or more in each entry.
    #[getter]
    fn why(&self) -> Vec<String> {
        self.0.why()
    }

    /// Number of plans that were analysed.
    #[getter]
    fn plans(&self) -> usize {
        self.0.plans()
    }

    /// Result of trying the first plans on the network; ``None`` without ``measure``.
    ///
    /// The dict has these keys:
    ///
    /// - ``"trials"``: a list of dicts with ``"rank"``, ``"sampler"``, ``"grid"``, ``"steps"``,
    ///   ``"predicted"`` and ``"rms"``. The last is the root mean square distance per element to a
    ///   fine reference run from the same noise.
    /// - ``"skipped"``: the ranks of plans that draw noise after the start.
    /// - ``"samples"``: the number of samples of each plan.
    /// - ``"reference_nfe"``: the number of evaluations of the reference.
    /// - ``"reference_error"``: the distance between the reference and one with half its
    ///   evaluations. Smaller differences between plans are not significant.
    #[getter]
    fn measured<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(measured) = &self.1 else { return Ok(None) };
        let all = PyDict::new(py);
        let mut trials = Vec::with_capacity(measured.trials.len());
        for trial in &measured.trials {
            let (one, item) = (&self.0.candidates()[trial.place], PyDict::new(py));
            item.set_item("rank", trial.place + 1)?;
            item.set_item("sampler", one.sampler.spec())?;
            item.set_item("grid", &one.grid)?;
            item.set_item("steps", one.steps)?;
            item.set_item("predicted", trial.predicted)?;
            item.set_item("rms", trial.measured)?;
            trials.push(item);
        }
        all.set_item("trials", trials)?;
        all.set_item("skipped", measured.skipped.iter().map(|place| place + 1).collect::<Vec<_>>())?;
        all.set_item("samples", measured.samples)?;
        all.set_item("reference_nfe", measured.reference_nfe)?;
        all.set_item("reference_error", measured.reference_error)?;
        Ok(Some(all))
    }

    /// Plan fitted to the network, with its evidence; ``None`` without ``tune=True``.
    #[getter]
    fn tuned(&self) -> Option<Tuned> {
        self.2.clone().map(Tuned)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Ranking({} plans, best {})", self.plans(), self.best().__repr__())
    }
}

/// Rank samplers and grids by their exact error on Gaussian data, within a budget.
///
/// Nothing is sampled, unless ``measure`` is given. Plans are ranked by the root mean square of
/// their errors over neighbouring step counts, since the error at one step count may be small by
/// luck.
///
/// Parameters
/// ----------
/// data : array_like, str or Network
///     The covariance of the data, as in :func:`analyze`: eigenvalues, rows, or a spectrum by name.
///     A :class:`Network` also supplies its process and noise range.
/// nfe : int
///     The budget: the largest number of network evaluations for one sample.
/// process : Process or str, optional
///     The process of the states. The default is that of ``network``, or ``"vp"``.
/// network : Formulation or Network, optional
///     The formulation of the network, or the network itself.
/// config : mapping or str, optional
///     The config of a diffusers scheduler, whose times and noise levels are the grid. It excludes
///     ``process``, ``network``, ``grids``, ``sigma_min`` and ``sigma_max``.
/// mu : float, optional
///     The shift of a config with dynamic shifting.
/// samplers : sequence of str, optional
///     The samplers to rank. The default is every sampler that the library marks as recommended.
/// grids : sequence of str, optional
///     The grids to try. The default is a list of general grids, such as ``"karras"`` and
///     ``"uniform-lambda"``.
/// by : {"w2", "kl"}, default "w2"
///     The error to rank by.
/// score_error : float, default 0.0
///     The relative error δ of the network. A plan is rated by the worse of two networks, whose ε
///     is 1 + δ and 1 − δ times the exact one: no network is exact, and some plans amplify its
///     error.
/// sigma_min, sigma_max : float, optional
///     The noise range in sigma / alpha.
/// raw : bool, optional
///     ``True`` takes rows in their own units. By default rows are scaled as ``langevin train``
///     does, each column to mean 0 and standard deviation 1. With a :class:`Network` they are
///     scaled to its units. With a :class:`Formulation` or a ``config`` they are taken as they are.
/// neighbours : float, default 0.25
///     The range of neighbouring step counts, as a share of the plan's own step count.
/// measure : int, optional
///     The number of plans to try on the :class:`Network`. The first deterministic plans draw
///     samples, and the one that ends nearest to a fine reference becomes the best.
/// tune : bool, default False
///     ``True`` also fits a plan to the :class:`Network`, as :func:`tune` does: ``Ranking.tuned``.
/// seed : int, default 0
///     The seed of these samples.
///
/// Returns
/// -------
/// Ranking
///     The plans, best first.
///
/// Raises
/// ------
/// ArgumentError
///     If ``nfe`` is missing or out of range, if arguments exclude each other, or if ``measure`` or
///     ``tune`` is given without a :class:`Network`.
/// ShapeError
///     If the data have the wrong shape.
/// UnknownNameError
///     If a sampler, grid, process or spectrum has an unknown name.
/// KeywordError
///     If a keyword is unknown.
///
/// Warns
/// -----
/// UserWarning
///     If ``sigma_min`` or ``sigma_max`` is clipped to the network's trained range.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> names, grids = ["ddim", "dpmpp-2m"], ["karras", "uniform-lambda"]
/// >>> ranking = langevin.recommend("power:2:d=16", nfe=5, samplers=names, grids=grids)
/// >>> ranking.best.sampler, ranking.best.grid, ranking.best.nfe
/// ('dpmpp-2m', 'uniform-lambda', 5)
#[pyfunction]
#[pyo3(signature = (data: "numpy.typing.ArrayLike | str | Network", nfe: "int | None" = None, process = None, *, network: "Formulation | Network | None" = None, config: "collections.abc.Mapping[str, typing.Any] | str | None" = None, mu = None, samplers = None, grids = None, by = "w2", score_error = 0.0, sigma_min = None, sigma_max = None, raw: "bool | None" = None, neighbours = 0.25, measure = None, tune = false, seed = 0, **unknown: "typing.NoReturn"))]
#[allow(clippy::too_many_arguments)]
pub fn recommend(
    data: &Bound<'_, PyAny>,
    nfe: Option<usize>,
    process: Option<ProcessLike<'_>>,
    network: Option<&Bound<'_, PyAny>>,
    config: Option<&Bound<'_, PyAny>>,
    mu: Option<f64>,
    samplers: Option<Vec<String>>,
    grids: Option<Vec<String>>,
    by: &str,
    score_error: f64,
    sigma_min: Option<f64>,
    sigma_max: Option<f64>,
    raw: Option<bool>,
    neighbours: f64,
    measure: Option<usize>,
    tune: bool,
    seed: u64,
    unknown: Option<&Bound<'_, PyDict>>,
) -> PyResult<Ranking> {
    let py = data.py();
    let known = [
        "data",
        "nfe",
        "process",
        "network",
        "config",
        "mu",
        "samplers",
        "grids",
        "by",
        "score_error",
        "sigma_min",
        "sigma_max",
        "raw",
        "neighbours",
        "measure",
        "tune",
        "seed",
    ];
    refuse_unknown(unknown, "recommend", &known)?;
    let Some(nfe) = nfe else {
        return Err(ArgumentError::new_err(
            "a budget is missing (recommend): expected nfe, the network evaluations that a sample may cost\nhint: recommend(data, nfe=10)",
        ));
    };
    // A `Network` may be given as the data, as `network`, or as both.
    let given = network.and_then(|network| network.cast::<Network>().ok()).or_else(|| data.cast::<Network>().ok());
    let owner = given.map(|network| network.get().0.clone());
    let own = match (network, &owner) {
        (Some(network), _) if network.cast::<Network>().is_err() => match network.cast::<Formulation>() {
            Ok(formulation) => Some(formulation.get().0.clone()),
            Err(_) => {
                return Err(ArgumentError::new_err(format!(
                    "bad network (recommend): expected a Formulation or a Network, got {}",
                    network.get_type().name()?
                )));
            }
        },
        (_, Some(owner)) => Some(owner.formulation().clone()),
        _ => None,
    };
    if (measure.is_some() || tune) && owner.is_none() {
        let name = if measure.is_some() { "measure" } else { "tune" };
        return Err(ArgumentError::new_err(format!(
            "there is no model to try plans on ({name}): expected a Network as data or as network\nhint: leave out {name}, or give langevin.Network(path)",
        )));
    }
    let by = match by {
        "w2" => By::W2,
        "kl" => By::Kl,
        other => return Err(ArgumentError::new_err(format!("unknown order: expected 'w2' or 'kl', got '{other}'"))),
    };
    let samplers = samplers
        .map(|names| names.iter().map(|name| Sampler::parse(name, None).or_raise()).collect::<PyResult<Vec<_>>>())
        .transpose()?;
    let units = match (raw, &owner, network.is_some() || config.is_some()) {
        (Some(true), ..) => Units::Raw,
        (_, Some(owner), _) => Units::Of(owner),
        (None, None, true) => Units::Raw,
        _ => Units::Trained,
    };
    let spectrum = spectrum(data, &units)?;
    let (mut measured, mut tuned) = (None, None);
    let ranking = if let Some(config) = config {
        if process.is_some() || own.is_some() || grids.is_some() || sigma_min.is_some() || sigma_max.is_some() {
            return Err(ArgumentError::new_err(
                "a config brings its own process, network, grid and noise levels: leave out process, network, grids, sigma_min and sigma_max",
            ));
        }
        let config = Diffusers::parse(&json_text(config)?).or_raise()?;
        let mut call = Call::default();
        call.mu = mu;
        let compiler = Imported::new(&config, call);
        search(
            py,
            Search::new(&compiler, &spectrum, nfe, by).score_error(score_error).neighbours(neighbours),
            samplers,
            Some(vec!["config".to_owned()]),
        )?
    } else {
        let mut request = match (&process, &own) {
            (Some(process), _) => Request::new().process(process.process()?),
            (None, Some(_)) => Request::new(),
            (None, None) => Request::new().process(langevin::Process::parse(REFERENCE_PROCESS).or_raise()?),
        };
        request = own.iter().cloned().fold(request, Request::network);
        request = sigma_min.into_iter().fold(request, Request::sigma_min);
        request = sigma_max.into_iter().fold(request, Request::sigma_max);
        warn_if_clipped(py, &request)?;
        let settings = Settings {
            nfe,
            by,
            samplers,
            grids,
            score_error,
            neighbours,
            measure: measure.map(|plans| plans.max(1)),
            tune,
            seed,
            threads: Some(cores()),
        };
        let source = owner.as_deref().map(Source::Borrowed);
        let found = py.detach(|| {
            let reader = source.as_ref().map(|source| source.served_as(None, &Interpreter));
            let found = langevin_tasks::recommend::run(&request, reader.as_ref(), &spectrum, &settings, &Interpreter)?;
            let fit = match &reader {
                Some(reader) if tune => {
                    let prepared = langevin_tasks::recommend::tuning(&request, reader, &settings, &Interpreter)?;
                    Some(prepared.run(&Interpreter)?)
                }
                _ => None,
            };
            Ok((found, fit))
        });
        let (found, fit) = found.map_err(|error: langevin_tasks::Error| raised_by_task(py, &error))?;
        tuned = fit.map(Arc::new);
        measured = found.measured;
        found.ranking
    };
    Ok(Ranking(ranking, measured, tuned))
}

fn search(
    py: Python<'_>,
    mut search: Search<'_>,
    samplers: Option<Vec<Sampler>>,
    grids: Option<Vec<String>>,
) -> PyResult<langevin_analysis::recommend::Ranking> {
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
