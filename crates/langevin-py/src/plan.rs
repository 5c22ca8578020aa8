//! `Plan`: compiling, reading, printing, checking and running samplers.

use crate::arguments::{Eta, Guidance, SamplerName, SigmaMax, SigmaMin, Steps};
use crate::column::Column;
use crate::errors::{ArgumentError, OrRaise as _, raised_by_onnx, refuse_unknown};
use crate::models::own;
use crate::own::{Drawn, Own, in_data_units};
use crate::rows::{batch, ids};
use crate::share::cores;
use crate::stepper::Stepper;
use crate::theory::{Formulation, Level, ProcessLike, Reading};
use langevin::Request;
use langevin::plan::Op;
use langevin::plan::{compare, compare_within};
use langevin::sampler::Start;
use langevin_import::{Call, Diffusers};
use numpy::PyArray1;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use std::path::PathBuf;
use std::sync::Arc;

/// Sampler compiled to a table of numbers.
///
/// A plan is immutable. It prints as a table; iterating over it gives the noise level of each
/// evaluation, and its length is the number of evaluations. The command line has the same defaults.
///
/// Parameters
/// ----------
/// sampler : str, optional
///     A name of :func:`samplers`, with its options (``"dpmpp-2m"``, ``"heun:churn=40"``);
///     the default is ``"dpmpp-2m"``, and with ``eta`` alone ``"ddim"``.
/// process : Process or str, optional
///     The process of the states; the default is that of ``network``, or ``"rectified-flow"``.
/// steps : int, optional
///     The step count of the grid; the default is 20, or that of a list of noise levels.
/// grid : str or sequence of float, optional
///     The name of a grid (``"karras"``, the default, ``"uniform-lambda"``, …), or the noise levels
///     sigma / alpha from first to last, as in ``[80, 10, 1, 0]``.
/// network : Formulation, optional
///     The formulation of the model. Without it the model must return the denoised prediction.
/// eta : float, optional
///     The sampler's own stochasticity η; the default is the sampler's.
/// sigma_min, sigma_max : float, optional
///     The noise range in sigma / alpha. The defaults are 0.002 and 80, limited to the range of the
///     process and to the network's trained range.
/// guidance : float, optional
///     The weight w of guidance, which replaces D by w (D − D_uncond) + D_uncond.
///
/// Raises
/// ------
/// UnknownNameError
///     If the sampler, process or grid has an unknown name.
/// ArgumentError
///     If an argument cannot be read, if the step count is out of range, if the noise range is
///     empty, or if the sampler takes no η.
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
/// >>> plan = langevin.Plan("heun", "vp", steps=4)
/// >>> plan.nfe  # the last step of Heun costs one evaluation
/// 7
/// >>> print(langevin.Plan("ddim", "rectified-flow", grid=[9, 1, 0]), end="")
/// ddim on rectified-flow, given D: 2 moves, 2 evaluations, 1 draw
///     move     h/g      time        to        λ      to  row
///    start                                               x ← 0.900000·z0
/// 0      R  0.0000  0.900000  0.500000  -2.1972  0.0000  x ← 0.555556·x + 0.444444·D0
/// 1      R  0.0000  0.500000  0.000000   0.0000       ∞  x ← 1.000000·D1
#[pyclass(frozen, module = "langevin")]
pub struct Plan(pub Arc<langevin::Plan>);

/// Returns the levels at which the network is evaluated.
fn evals(plan: &langevin::Plan) -> impl Iterator<Item = langevin::Level> + '_ {
    plan.ops().iter().filter_map(|op| match op {
        Op::Eval { level, .. } => Some(*level),
        _ => None,
    })
}

fn wrap(plan: langevin::Plan) -> Plan {
    Plan(Arc::new(plan))
}

/// Builds a request with those of the arguments that the caller gave.
fn asked(sampler: Option<String>, grid: Option<String>, steps: Option<usize>) -> Request {
    let request = sampler.into_iter().fold(Request::new(), Request::sampler);
    let request = grid.into_iter().fold(request, Request::grid);
    steps.into_iter().fold(request, Request::steps)
}

/// Warns if the noise range that the caller gave exceeds the network's trained range.
pub fn warn_if_clipped(py: Python<'_>, request: &Request) -> PyResult<()> {
    let range = request.noise_range().or_raise()?;
    if range.clipped && request.words().iter().any(|(word, _)| matches!(*word, "sigma-min" | "sigma-max")) {
        let text = format!(
            "noise levels clipped to the trained range, sigma / alpha from {:.4} to {:.4}",
            range.min, range.max
        );
        py.import("warnings")?.call_method1("warn", (text,))?;
    }
    Ok(())
}

/// Returns a Python document as JSON text, which the library reads.
pub fn json_text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_string());
    }
    let py = value.py();
    let plain = py.import("langevin._json")?.getattr("plain")?;
    py.import("json")?.call_method1("dumps", (plain.call1((value,))?,))?.extract()
}

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (sampler = None, process = None, steps = None, *, grid: "str | collections.abc.Sequence[float] | None" = None, network = None, eta = None, sigma_min = None, sigma_max = None, guidance = None, **unknown: "typing.NoReturn"))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        sampler: Option<SamplerName>,
        process: Option<ProcessLike<'_>>,
        steps: Option<Steps>,
        grid: Option<GridLike>,
        network: Option<&Bound<'_, Formulation>>,
        eta: Option<Eta>,
        sigma_min: Option<SigmaMin>,
        sigma_max: Option<SigmaMax>,
        guidance: Option<Guidance>,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let known = ["sampler", "process", "steps", "grid", "network", "eta", "sigma_min", "sigma_max", "guidance"];
        refuse_unknown(unknown, "Plan", &known)?;
        let mut request = asked(sampler.map(|name| name.0), grid.map(|grid| grid.name()), steps.map(|steps| steps.0));
        if let Some(process) = process {
            request = request.process(process.process()?);
        }
        if let Some(network) = network {
            request = request.network(network.get().0.clone());
        }
        request = eta.into_iter().fold(request, |request, Eta(eta)| request.eta(eta));
        request = sigma_min.into_iter().fold(request, |request, SigmaMin(sigma)| request.sigma_min(sigma));
        request = sigma_max.into_iter().fold(request, |request, SigmaMax(sigma)| request.sigma_max(sigma));
        request = guidance.into_iter().fold(request, |request, Guidance(weight)| request.guidance(weight));
        warn_if_clipped(py, &request)?;
        request.plan().map(wrap).or_raise()
    }

    /// Build a plan from its JSON document.
    ///
    /// Parameters
    /// ----------
    /// text : str
    ///     A document written by :meth:`to_json` or by the command line.
    ///
    /// Returns
    /// -------
    /// Plan or TokenPlan
    ///     The plan; a :class:`TokenPlan` if the document is one of tokens.
    ///
    /// Raises
    /// ------
    /// FormatError
    ///     If the text is not the document of a plan.
    #[staticmethod]
    #[pyo3(signature = (text) -> "typing.Any")]
    fn from_json<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
        match crate::tokens::plan::of_text(py, text) {
            Some(plan) => plan,
            None => Ok(Bound::new(py, langevin::Plan::from_json(text).map(wrap).or_raise()?)?.into_any()),
        }
    }

    /// Return the plan as a JSON document.
    ///
    /// Returns
    /// -------
    /// str
    ///     The document, whose numbers read back bit for bit.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> plan = langevin.Plan("ddim", "vp", steps=5)
    /// >>> langevin.Plan.from_json(plan.to_json()).is_same(plan)
    /// True
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// Write the plan to a JSON file, which ``langevin sample --plan`` and :meth:`load` read.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     The file to write.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the file cannot be written.
    ///
    /// Examples
    /// --------
    /// >>> import langevin, os, tempfile
    /// >>> with tempfile.TemporaryDirectory() as folder:
    /// ...     path = os.path.join(folder, "plan.json")
    /// ...     langevin.Plan("ddim", "vp", steps=5).save(path)
    /// ...     langevin.Plan.load(path).nfe
    /// 5
    fn save(&self, path: PathBuf) -> PyResult<()> {
        std::fs::write(&path, self.0.to_json()).map_err(|error| file_error("written", &path, &error))
    }

    /// Read a plan from a JSON file.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     A file written by :meth:`save` or by the command line.
    ///
    /// Returns
    /// -------
    /// Plan or TokenPlan
    ///     The plan; a :class:`TokenPlan` if the file holds one of tokens.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the file cannot be read.
    /// FormatError
    ///     If the file is not the document of a plan.
    #[staticmethod]
    #[pyo3(signature = (path) -> "typing.Any")]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
        let text = std::fs::read_to_string(&path).map_err(|error| file_error("read", &path, &error))?;
        Self::from_json(py, &text)
    }

    /// Return the instructions of the plan as CSV.
    ///
    /// Returns
    /// -------
    /// str
    ///     A header line, then a line for each evaluation and for each term of the other
    ///     instructions.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> langevin.Plan("ddim", "vp", steps=5).to_csv().splitlines()[0]
    /// 'op,kind,into,time,alpha,sigma,coefficient,source'
    fn to_csv(&self) -> String {
        self.0.to_csv()
    }

    /// Compile the plan that a scheduler of diffusers follows.
    ///
    /// With ``sampler`` the plan is that of the sampler on the scheduler's times, noise levels and
    /// network. Give one of ``steps``, ``timesteps`` and ``sigmas``.
    ///
    /// Parameters
    /// ----------
    /// config : mapping or str
    ///     The config of the scheduler, with its class under ``_class_name``, as a mapping or JSON.
    /// steps : int, optional
    ///     The number of inference steps.
    /// sampler : str, optional
    ///     A name of :func:`samplers`. The default is the scheduler's own method.
    /// timesteps : sequence of float, optional
    ///     The times of the steps, as in ``set_timesteps(timesteps=…)``.
    /// sigmas : sequence of float, optional
    ///     The noise levels of the steps, as in ``set_timesteps(sigmas=…)``.
    /// mu : float, optional
    ///     The shift of a config with dynamic shifting.
    /// settings : mapping or str, optional
    ///     Arguments of the original's ``step`` or ``set_timesteps`` (``eta``, ``s_churn``, …).
    /// start_at : int, optional
    ///     The number of leading steps that are left out; the plan then starts from an input.
    /// image : bool, default False
    ///     With ``start_at``, start from a clean image instead of a noisy state.
    /// consistent : bool, default False
    ///     Fix known bugs of the original and keep everything else.
    /// image_seq_len : int, optional
    ///     The number of tokens of the image, from which pipelines compute ``mu`` and the levels.
    /// strict : bool, default False
    ///     Reject fields that no scheduler has. By default they are ignored with a warning.
    ///
    /// Returns
    /// -------
    /// Plan
    ///     The plan.
    ///
    /// Raises
    /// ------
    /// UnknownNameError
    ///     If the scheduler class or the sampler is unknown.
    /// ArgumentError
    ///     If a field or an argument is out of range or has no plan.
    /// FormatError
    ///     If the config is not a JSON object.
    /// KeywordError
    ///     If a keyword is unknown.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> config = {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear"}
    /// >>> langevin.Plan.from_diffusers(config, steps=4).nfe
    /// 4
    /// >>> langevin.Plan.from_diffusers(config, steps=4, sampler="dpmpp-2m").name
    /// 'dpmpp-2m'
    #[staticmethod]
    #[pyo3(signature = (config, steps = None, *, sampler = None, timesteps = None, sigmas = None, mu = None, settings = None, start_at = None, image = false, consistent = false, image_seq_len = None, strict = false, **unknown: "typing.NoReturn"))]
    #[allow(clippy::too_many_arguments)]
    fn from_diffusers(
        config: &Bound<'_, PyAny>,
        steps: Option<usize>,
        sampler: Option<&str>,
        timesteps: Option<Vec<f64>>,
        sigmas: Option<Vec<f64>>,
        mu: Option<f64>,
        settings: Option<&Bound<'_, PyAny>>,
        start_at: Option<usize>,
        image: bool,
        consistent: bool,
        image_seq_len: Option<usize>,
        strict: bool,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let known = [
            "config",
            "steps",
            "sampler",
            "timesteps",
            "sigmas",
            "mu",
            "settings",
            "start_at",
            "image",
            "consistent",
            "image_seq_len",
            "strict",
        ];
        refuse_unknown(unknown, "Plan.from_diffusers", &known)?;
        let set = match settings {
            None => Default::default(),
            Some(settings) => serde_json::from_str(&json_text(settings)?)
                .map_err(|error| ArgumentError::new_err(format!("bad settings: {error}")))?,
        };
        let mut call = Call::default();
        (call.timesteps, call.sigmas, call.mu, call.set) = (timesteps, sigmas, mu, set);
        (call.consistent, call.image_seq_len, call.strict) = (consistent, image_seq_len, strict);
        let mut request = asked(sampler.map(str::to_owned), None, steps);
        if let Some(steps) = start_at {
            request = request.start(steps, if image { Start::Image } else { Start::State });
        }
        let py = config.py();
        let config = Diffusers::parse(&json_text(config)?).or_raise()?;
        let (plan, _) = config.plan_of(&request, call).or_raise()?;
        let plan = wrap(plan);
        let unknown = config.unknown().or_raise()?;
        if !unknown.is_empty() {
            let named = |(name, near): &(String, Option<&str>)| match near {
                Some(near) => format!("{name} (did you mean '{near}'?)"),
                None => name.clone(),
            };
            let names = unknown.iter().take(20).map(named).collect::<Vec<_>>().join(", ");
            let text = format!("no scheduler has these fields, which are ignored, as diffusers does: {names}");
            py.import("warnings")?.call_method1("warn", (text,))?;
        }
        Ok(plan)
    }

    /// Name of the sampler.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Origin of the coefficients, ``(source, tolerance)``.
    ///
    /// It is ``None`` for plans that this library computed. Otherwise the coefficients are exact to
    /// the relative ``tolerance``, which :meth:`lint` and :meth:`is_same` take into account.
    #[getter]
    fn origin(&self) -> Option<(&str, f64)> {
        self.0.origin().map(|origin| (origin.source.as_str(), origin.tolerance))
    }

    /// Number of network evaluations (NFE).
    ///
    /// With guidance an evaluation calls the model on both branches and counts once.
    #[getter]
    fn nfe(&self) -> usize {
        self.0.nfe()
    }

    /// Number of noise draws; the first is usually the start.
    #[getter]
    fn draws(&self) -> u32 {
        self.0.draws()
    }

    /// Names of the states that the caller supplies; empty for a plan that starts from noise.
    #[getter]
    fn inputs(&self) -> Vec<String> {
        self.0.inputs().iter().map(|input| input.name.clone()).collect()
    }

    /// Formulation of the model; ``None`` if the model returns the denoised prediction.
    #[getter]
    fn network(&self) -> PyResult<Option<Formulation>> {
        self.0.network().map(|spec| langevin::Formulation::from_spec(spec).map(Formulation).or_raise()).transpose()
    }

    /// Time of each evaluation, in the clock of the process: float64, shape (nfe,).
    #[getter]
    fn times<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        Column::new(py, evals(&self.0).map(|level| level.time))
    }

    /// Time that the network receives at each evaluation: float64, shape (nfe,).
    #[getter]
    fn network_times<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        let times = self.0.ops().iter().filter_map(|op| match op {
            Op::Eval { level, net, .. } => Some(net.map_or(level.time, |net| net.time)),
            _ => None,
        });
        Column::new(py, times)
    }

    /// Factor alpha of the clean data at each evaluation: float64, shape (nfe,).
    #[getter]
    fn alphas<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        Column::new(py, evals(&self.0).map(|level| level.alpha))
    }

    /// Standard deviation sigma of the noise at each evaluation: float64, shape (nfe,).
    #[getter]
    fn sigmas<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        Column::new(py, evals(&self.0).map(|level| level.sigma))
    }

    /// Factor of the network's input at each evaluation: float64, shape (nfe,).
    #[getter]
    fn input_scales<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        let scales = self.0.ops().iter().filter_map(|op| match op {
            Op::Eval { net, .. } => Some(net.map_or(1.0, |net| net.scale)),
            _ => None,
        });
        Column::new(py, scales)
    }

    /// Coefficients that turn the network's output into the denoised prediction, by evaluation.
    #[getter]
    fn readings(&self) -> Vec<Reading> {
        let plain =
            |level: &langevin::Level| langevin::formulation::Reading { scale: 1.0, time: level.time, a: 0.0, b: 1.0 };
        let readings = self.0.ops().iter().filter_map(|op| match op {
            Op::Eval { level, net, .. } => Some(net.unwrap_or_else(|| plain(level)).into()),
            _ => None,
        });
        readings.collect()
    }

    /// Clips of the denoised prediction; empty for a linear plan.
    ///
    /// Each kind has one tuple: ``("clamp", low, high)`` or ``("threshold", ratio, most)``.
    #[getter]
    fn clips(&self) -> Vec<(&'static str, f64, f64)> {
        let mut clips = Vec::new();
        for op in self.0.ops() {
            let clip = match op {
                Op::Map { map: langevin::Map::Clamp { min, max }, .. } => ("clamp", *min, *max),
                Op::Map { map: langevin::Map::Threshold { ratio, max }, .. } => ("threshold", *ratio, *max),
                _ => continue,
            };
            if !clips.contains(&clip) {
                clips.push(clip);
            }
        }
        clips
    }

    /// Standard deviation of the noise that the plan starts from.
    ///
    /// For a plan that starts from a state it is the sigma of the first evaluation.
    #[getter]
    fn start_sigma(&self) -> f64 {
        match self.0.ops().first() {
            Some(Op::Combine { terms, noise, .. }) if terms.is_empty() && noise.len() == 1 => noise[0].0,
            _ => evals(&self.0).next().map_or(1.0, |level| level.sigma),
        }
    }

    /// Return the level, in the plan's coordinates, at which the network receives a given time.
    ///
    /// Parameters
    /// ----------
    /// time : float
    ///     Time, in the clock of the network.
    ///
    /// Returns
    /// -------
    /// Level
    ///     The level of an evaluation at this time, or else the level of the plan's process.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the process does not reach this time.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> plan = langevin.Plan("ddim", "vp", steps=5)
    /// >>> plan.level_at_network_time(plan.network_times[2]) == plan[2]
    /// True
    fn level_at_network_time(&self, time: f64) -> PyResult<Level> {
        if let Some((_, level)) = self.0.ops().iter().find_map(|op| match op {
            Op::Eval { level, net, .. } if net.map_or(level.time, |net| net.time) == time => Some(((), *level)),
            _ => None,
        }) {
            return Ok(level.into());
        }
        let process = langevin::Process::from_spec(self.0.process()).or_raise()?;
        match self.network()? {
            Some(network) => {
                network.0.level(time).and_then(|level| process.match_level(&level)).map(Level::from).or_raise()
            }
            None => process.level(time).map(Level::from).or_raise(),
        }
    }

    /// Noise level of each evaluation, in order.
    #[getter]
    fn levels(&self) -> Vec<Level> {
        evals(&self.0).map(Level::from).collect()
    }

    /// Return the result of the plan as one weighted sum.
    ///
    /// Returns
    /// -------
    /// dict of str to numpy.ndarray of float64
    ///     The weights of all inputs (``"inputs"``), of all denoised predictions (``"evals"``) and
    ///     of all noise draws (``"draws"``). With guidance ``"evals"`` has both branches.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the plan clips the denoised prediction, or if it is too large to unroll.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> weights = langevin.Plan("ddim", "vp", steps=3).weights()
    /// >>> weights["evals"]  # the last prediction is the result
    /// array([0., 0., 1.])
    #[pyo3(signature = () -> "dict[str, numpy.typing.NDArray[numpy.float64]]")]
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let unrolled = self.0.unroll().or_raise()?;
        let all = PyDict::new(py);
        for (name, values) in
            [("inputs", unrolled.result.inputs), ("evals", unrolled.result.evals), ("draws", unrolled.result.draws)]
        {
            all.set_item(name, PyArray1::from_vec(py, values))?;
        }
        Ok(all)
    }

    /// Return the plan without its clips of the denoised prediction.
    ///
    /// The two plans agree wherever the denoised prediction is within its bounds.
    ///
    /// Returns
    /// -------
    /// Plan
    ///     A linear plan, which :func:`analyze` accepts.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> config = {"_class_name": "DDIMScheduler"}
    /// >>> plan = langevin.Plan.from_diffusers(config, steps=4)
    /// >>> plan.clips, plan.unclipped().clips
    /// ([('clamp', -1.0, 1.0)], [])
    fn unclipped(&self) -> Self {
        wrap(self.0.unclipped())
    }

    /// Check that the plan keeps the marginal distribution of every step.
    ///
    /// A plan without moves is checked at its evaluations: the state of each must have its level.
    ///
    /// Parameters
    /// ----------
    /// tolerance : float, optional
    ///     The relative precision of the coefficients, from 0 to 0.01; the default is that of
    ///     :attr:`origin`, or 0.
    ///
    /// Returns
    /// -------
    /// list of str
    ///     The findings, one line each; empty if the plan is clean.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the plan clips the denoised prediction, or if it is too large to unroll.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> langevin.Plan("ddim:eta=1", "vp", steps=5).lint()
    /// []
    #[pyo3(signature = (tolerance = None))]
    fn lint(&self, tolerance: Option<f64>) -> PyResult<Vec<String>> {
        let tolerance = precision(tolerance)?.unwrap_or(self.0.tolerance());
        let lint = self.0.lint_within(tolerance).or_raise()?;
        let line = |finding: &langevin::plan::Finding| {
            let op = finding.op.map_or_else(String::new, |op| format!(" (ops[{op}])"));
            format!(
                "{} {}{op}: {}, expected {}, got {}",
                finding.subject.name(),
                finding.index,
                finding.rule.name(),
                finding.expected,
                finding.got
            )
        };
        Ok(lint.findings.iter().map(line).collect())
    }

    /// Return remarks that are no faults: an unusual start, noise that is left, idle steps.
    ///
    /// Parameters
    /// ----------
    /// tolerance : float, optional
    ///     The relative precision of the coefficients, as in :meth:`lint`.
    ///
    /// Returns
    /// -------
    /// list of str
    ///     The remarks, one line each.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the plan clips the denoised prediction, or if it is too large to unroll.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> langevin.Plan("ddim", "ve", grid=[9, 1]).notes()
    /// ['the result is still noisy: σ/α = 1.000000e0']
    #[pyo3(signature = (tolerance = None))]
    fn notes(&self, tolerance: Option<f64>) -> PyResult<Vec<String>> {
        let tolerance = precision(tolerance)?.unwrap_or(self.0.tolerance());
        let lint = self.0.lint_within(tolerance).or_raise()?;
        Ok(lint.notes.iter().map(ToString::to_string).collect())
    }

    /// Compare the plan with another one.
    ///
    /// Both are written as weights over inputs, denoised predictions and draws, in coordinates that
    /// all processes share. Names, networks and slots play no part.
    ///
    /// Parameters
    /// ----------
    /// other : Plan
    ///     The plan to compare with.
    /// tolerance : float, optional
    ///     The relative precision of the coefficients, from 0 to 0.01; the default is the larger of
    ///     the two plans' own (:attr:`origin`).
    ///
    /// Returns
    /// -------
    /// Comparison
    ///     The largest differences, or the reason why the plans cannot be matched.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If a plan clips the denoised prediction, or if it is too large to unroll.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> ddim, euler, heun = (langevin.Plan(name, steps=5) for name in ("ddim", "euler", "heun"))
    /// >>> ddim.compare(euler).same, ddim.compare(heun).mismatch
    /// (True, '5 evaluations against 9')
    #[pyo3(signature = (other, tolerance = None))]
    fn compare(&self, other: &Bound<'_, Plan>, tolerance: Option<f64>) -> PyResult<Comparison> {
        let other = &other.get().0;
        let tolerance = precision(tolerance)?.unwrap_or(self.0.tolerance().max(other.tolerance()));
        compare_within(&self.0, other, tolerance).map(Comparison).or_raise()
    }

    /// Return whether another plan computes the same result from the same network.
    ///
    /// Parameters
    /// ----------
    /// other : Plan
    ///     The plan to compare with.
    /// tolerance : float, optional
    ///     The largest difference that counts as equal; the default is 1e-9, or the plans' own
    ///     precision (:attr:`origin`) if that is less.
    ///
    /// Returns
    /// -------
    /// bool
    ///     ``True`` if the plans agree within the tolerance.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the plans cannot be matched, because their inputs or their numbers of evaluations
    ///     differ.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> ddim = langevin.Plan("ddim", "vp", steps=5)
    /// >>> ddim.is_same(langevin.Plan("euler", "vp", steps=5))
    /// True
    #[pyo3(signature = (other, tolerance = None))]
    fn is_same(&self, other: &Bound<'_, Plan>, tolerance: Option<f64>) -> PyResult<bool> {
        let comparison = compare(&self.0, &other.get().0).or_raise()?;
        match &comparison.mismatch {
            Some(mismatch) => Err(ArgumentError::new_err(format!("the plans are not comparable: {mismatch}"))),
            None => match tolerance {
                Some(tolerance) => Ok(comparison.is_same(tolerance)),
                None => Ok(comparison.relative <= comparison.tolerance.max(1e-9)),
            },
        }
    }

    /// Compute the exact error of the plan on Gaussian data, as :func:`analyze` does.
    ///
    /// Parameters
    /// ----------
    /// data : array_like, str or Network
    ///     The covariance of the data: eigenvalues, rows of data, a spectrum by name, or a network.
    /// score_error : float, default 0.0
    ///     The relative error of the network's ε.
    /// raw : bool, optional
    ///     ``True`` takes rows in their own units.
    ///
    /// Returns
    /// -------
    /// dict
    ///     The errors, as :func:`analyze` returns them.
    ///
    /// Raises
    /// ------
    /// Error
    ///     If :func:`analyze` does.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> plan = langevin.Plan("ddim", "vp", steps=10)
    /// >>> plan.analyze([1.0, 0.1]) == langevin.analyze(plan, [1.0, 0.1])
    /// True
    #[pyo3(signature = (data: "numpy.typing.ArrayLike | str | Network", *, score_error = 0.0, raw: "bool | None" = None) -> "dict[str, typing.Any]")]
    fn analyze<'py>(
        slf: &Bound<'py, Self>,
        data: &Bound<'py, PyAny>,
        score_error: f64,
        raw: Option<bool>,
    ) -> PyResult<Bound<'py, PyDict>> {
        crate::analysis::analyze(slf.py(), slf, data, score_error, raw, None)
    }

    /// Return a program without dependencies that runs the plan.
    ///
    /// It has the noise generator and the rows of the plan, takes the network as a function, and
    /// returns the samples of this library, bit for bit in double precision.
    ///
    /// Parameters
    /// ----------
    /// language : {"c", "js", "rust", "swift", "numpy"}
    ///     The language of the program.
    ///
    /// Returns
    /// -------
    /// str
    ///     The program, one file.
    ///
    /// Raises
    /// ------
    /// UnknownNameError
    ///     If the language is unknown.
    /// ArgumentError
    ///     If the plan has an operation that only the program that wrote it knows, or for an ONNX
    ///     file, which :meth:`to_onnx` writes.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> program = langevin.Plan("ddim", steps=4).emit("numpy")
    /// >>> names = {}
    /// >>> exec(program, names)
    /// >>> names["sample"](lambda x, *_: 0 * x, seed=1, indices=[0, 1], width=3).shape
    /// (2, 3)
    fn emit(&self, language: &str) -> PyResult<String> {
        match langevin_emit::Target::parse(language).or_raise()? {
            langevin_emit::Target::Program(language) => langevin_emit::emit(&self.0, language).or_raise(),
            langevin_emit::Target::Onnx => Err(ArgumentError::new_err(
                "an ONNX file holds the plan and its network: expected plan.to_onnx(\"NETWORK.onnx\"), got emit(\"onnx\")",
            )),
        }
    }

    /// Return one ONNX file that holds the plan and its network, from noise to samples.
    ///
    /// The loop of the plan is unrolled: the weights are kept once, and the nodes of the network
    /// are copied for every evaluation. The input ``noise`` takes standard normal numbers of the
    /// shape of the samples; a plan with several draws has them along a new first axis. The
    /// output is ``samples``. Further inputs of the network and the inputs of the plan are inputs
    /// of the file; a guided plan also takes each further input with ``_unconditional``.
    ///
    /// Parameters
    /// ----------
    /// network : str or os.PathLike
    ///     The ONNX file of the network. Weights that it keeps in other files stay there, and the
    ///     new file must lie in the same folder.
    /// formulation : Formulation, optional
    ///     The formulation of the network, if it differs from that of the plan. The plan is
    ///     converted exactly.
    /// inputs : sequence of str, optional
    ///     The names of the network's further inputs. By default they are found by the names and
    ///     shapes of all inputs.
    /// output : str, optional
    ///     The name of the output to read. By default the output with the shape of the states is
    ///     read.
    /// normalization : tuple of float, optional
    ///     Shift and scale of the data: datum = shift + scale·x.
    ///
    /// Returns
    /// -------
    /// bytes
    ///     The ONNX file.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If an argument does not fit the network, if the plan has an operation that ONNX cannot
    ///     express, or if the file would be too large.
    /// ModelError
    ///     If the file is not a network.
    ///
    /// Examples
    /// --------
    /// With ``digits.onnx`` of the repository's ``examples/onnx``:
    ///
    /// >>> import langevin, pathlib
    /// >>> epsilon = langevin.Formulation("table:linear", "epsilon")
    /// >>> plan = langevin.Plan("dpmpp-2m", steps=5, network=epsilon)
    /// >>> pathlib.Path("sampler.onnx").write_bytes(plan.to_onnx("digits.onnx")) > 500_000
    /// True
    #[pyo3(signature = (network, *, formulation = None, inputs = None, output = None, normalization = None, **unknown: "typing.NoReturn") -> "bytes")]
    #[allow(clippy::too_many_arguments)]
    fn to_onnx<'py>(
        &self,
        py: Python<'py>,
        network: PathBuf,
        formulation: Option<Bound<'py, Formulation>>,
        inputs: Option<Vec<String>>,
        output: Option<String>,
        normalization: Option<(f64, f64)>,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        refuse_unknown(unknown, "to_onnx", &["network", "formulation", "inputs", "output", "normalization"])?;
        let mut options = langevin_onnx::UnrollOptions::default().style(langevin_onnx::Style::Keywords);
        for name in inputs.into_iter().flatten() {
            options = options.input(name);
        }
        if let Some(output) = output {
            options = options.output(output);
        }
        if let Some((shift, scale)) = normalization {
            options = options.normalization(shift, scale);
        }
        let plan = match formulation {
            Some(own) => self.0.for_network(&own.get().0).or_raise()?,
            None => self.0.as_ref().clone(),
        };
        let unrolled = py.detach(|| langevin_onnx::unroll(&plan, &network, &options));
        Ok(PyBytes::new(py, &unrolled.map_err(|error| raised_by_onnx(&error))?.file))
    }

    /// Return the plan for a network of another formulation.
    ///
    /// The states, the noise and the samples stay the same: only the coefficients by which the
    /// network's output is read are computed again, exactly.
    ///
    /// Parameters
    /// ----------
    /// formulation : Formulation
    ///     The formulation of the network.
    ///
    /// Returns
    /// -------
    /// Plan
    ///     The plan, which expects this network.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the network's process does not reach a noise level of the plan.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> plan = langevin.Plan("ddim", "vp", steps=3)
    /// >>> plan.for_network(langevin.Formulation("rectified-flow", "velocity")).nfe
    /// 3
    fn for_network(&self, formulation: &Bound<'_, Formulation>) -> PyResult<Self> {
        let plan = self.0.for_network(&formulation.get().0).or_raise()?;
        Ok(Self(Arc::new(plan)))
    }

    /// Return the coefficients of all rows as one array.
    ///
    /// They are in the order of the instructions; each row has those of its states first, then
    /// those of its draws. Noise levels and conversions of the network are not among them.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of float64
    ///     The coefficients.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> langevin.Plan("ddim", "rectified-flow", grid="times:0.5,0").parameters()
    /// array([0.5, 1. ])
    fn parameters<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        Column::new(py, self.0.parameters())
    }

    /// Return the plan with other coefficients.
    ///
    /// Parameters
    /// ----------
    /// parameters : array_like of float
    ///     The coefficients, in the order of :meth:`parameters`.
    ///
    /// Returns
    /// -------
    /// Plan
    ///     The changed plan.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If their number differs, or if one is not finite.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> plan = langevin.Plan("dpmpp-2m", steps=4)
    /// >>> changed = plan.with_parameters(plan.parameters() * 1.01)
    /// >>> len(plan.lint()), len(changed.lint()) > 0
    /// (0, True)
    fn with_parameters(&self, parameters: Vec<f64>) -> PyResult<Self> {
        self.0.with_parameters(&parameters).map(wrap).or_raise()
    }

    /// Start a run that the caller drives step by step.
    ///
    /// Parameters
    /// ----------
    /// shape : sequence of int
    ///     The shape of the states, (rows, ...).
    /// seed : int or sequence of int, optional
    ///     With one seed, 0 by default, row i is sample ``first + i`` of that seed. With a list,
    ///     row i is sample ``first`` of its own seed. ``None`` draws a new seed.
    /// first : int, default 0
    ///     The index of the first sample.
    /// dtype : {"float32", "float64"}, default "float32"
    ///     The dtype of the states.
    /// inputs : sequence of array_like, optional
    ///     The states that the plan takes from the caller, in the order of :attr:`inputs`.
    /// start : numpy.ndarray of float, shape of the run, optional
    ///     A start state that replaces the noise that the plan would draw.
    /// tensors : object, optional
    ///     The tensor operations of a torch run; for internal use.
    /// threads : int, optional
    ///     The number of threads that share passes over large states. It does not change the
    ///     result.
    /// memory : Stepper, optional
    ///     An earlier run, whose arrays are reused once nothing else holds them.
    ///
    /// Returns
    /// -------
    /// Stepper
    ///     The run, before its first evaluation.
    ///
    /// Raises
    /// ------
    /// ShapeError
    ///     If the shape, the dtype, an input, the start or the number of seeds does not fit.
    /// ArgumentError
    ///     If the number of inputs does not fit, or if an argument cannot be read.
    /// KeywordError
    ///     If a keyword is unknown.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> run = langevin.Plan("ddim", "vp", steps=1).start((3, 2), seed=1)
    /// >>> query = run.query()
    /// >>> run.supply(0 * query.x)  # a model that predicts zero
    /// >>> float(abs(run.finish()).max())
    /// 0.0
    #[pyo3(signature = (shape, seed: "int | collections.abc.Sequence[int] | None" = Some(Seeds::One(0)), *, first = 0, dtype = "float32", inputs = None, start: "typing.Any" = None, tensors: "typing.Any" = None, threads = None, memory = None, **unknown: "typing.NoReturn"))]
    #[allow(clippy::too_many_arguments)]
    fn start(
        &self,
        py: Python<'_>,
        shape: Vec<usize>,
        seed: Option<Seeds>,
        first: u64,
        dtype: &str,
        inputs: Option<Vec<Bound<'_, PyAny>>>,
        start: Option<Bound<'_, PyAny>>,
        tensors: Option<Py<PyAny>>,
        threads: Option<usize>,
        memory: Option<&Bound<'_, Stepper>>,
        unknown: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Stepper> {
        let known = ["shape", "seed", "first", "dtype", "inputs", "start", "tensors", "threads", "memory"];
        refuse_unknown(unknown, "Plan.start", &known)?;
        let count = batch(&shape)?;
        let ids = match seed.map_or_else(|| fresh_seed(py).map(Seeds::One), Ok)? {
            Seeds::One(seed) => ids(seed, first, count)?,
            Seeds::Each(seeds) => seeds.into_iter().map(|seed| langevin::SampleId { seed, index: first }).collect(),
        };
        Stepper::start(
            py,
            self.0.clone(),
            &inputs.unwrap_or_default(),
            &shape,
            ids,
            dtype,
            tensors,
            start.as_ref(),
            threads.unwrap_or_else(cores),
            memory.map(|memory| memory.get().spares.clone()).unwrap_or_default(),
        )
    }

    /// Run the plan on a model and return the samples.
    ///
    /// The model must return the denoised prediction D = E[x0 | x], unless the plan knows its
    /// network: ``Plan(…, network=Formulation("vp", "epsilon"))`` takes that network's own output,
    /// here epsilon. Sample i depends on the seed and on i only, not on the batch or the threads.
    ///
    /// Parameters
    /// ----------
    /// model : Density, Network, OnnxNetwork or callable
    ///     A model of this library; a function ``model(x, query)`` that returns an array of the
    ///     shape of ``x``, where ``query`` has the fields of :class:`Query`; or a
    ///     ``torch.nn.Module``. A module is called as ``module(x, time)`` with a time for each row,
    ///     or as ``module(x, query)`` if its second argument is named ``query``. If
    ///     ``module(x, time)`` returns a tuple or an object with ``.sample``, the first entry or
    ///     ``.sample`` is taken.
    /// shape : sequence of int
    ///     The shape of the result, (rows, ...).
    /// seed : int or sequence of int, optional
    ///     One seed, 0 by default, or a list with one for each row. ``None`` draws a new seed.
    /// first : int, default 0
    ///     The index of the first sample.
    /// dtype : str, optional
    ///     The dtype of the states. The default is ``"float64"`` for models of this library, which
    ///     gives the bits of the command line, and ``"float32"`` for others. Tensors may have any
    ///     floating-point dtype.
    /// inputs : sequence of array_like, optional
    ///     The states that the plan takes from the caller, in the order of :attr:`inputs`.
    /// start : array_like of float, of the given shape, optional
    ///     A start state that replaces the noise that the plan would draw.
    /// grad : bool, default False
    ///     Keep the history of tensors, so that the result can be differentiated with respect to
    ///     the model's weights, ``start`` and ``inputs``.
    /// backend : {"numpy", "torch"}, optional
    ///     The kind of array that the model receives and returns. The default is ``"torch"`` for a
    ///     ``torch.nn.Module``, for tensors, and with ``device`` or ``grad``.
    /// device : str or torch.device, optional
    ///     The device of the tensors. The default is that of ``inputs`` or ``start``, else the CPU.
    /// callback : callable, optional
    ///     A function that is called with a :class:`Step` after every evaluation.
    /// progress : bool, default False
    ///     Show a progress bar.
    /// threads : int, optional
    ///     The number of threads. It does not change the result.
    /// units : {"data", "model"}, default "data"
    ///     ``"data"`` returns samples of a :class:`Network` in the units of its training data;
    ///     ``"model"`` returns them normalised, as the network sees them.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray or torch.Tensor, of the given shape
    ///     The samples, one for each row.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the model cannot be called, if it writes into its input, if the samples are not
    ///     finite, or if an argument is out of range.
    /// ShapeError
    ///     If the shape, the dtype or the model's output does not fit.
    /// KeywordError
    ///     If a keyword is unknown.
    /// Exception
    ///     Any exception of the model or the callback, unchanged.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> plan = langevin.Plan("ddim", "vp", steps=5)
    /// >>> plan.run(langevin.Density("moons"), (3, 2), seed=1).shape
    /// (3, 2)
    /// >>> def model(x, query):  # the denoised prediction of standard normal data
    /// ...     return query.alpha * x / (query.alpha**2 + query.sigma**2)
    /// >>> plan.run(model, (3, 2), seed=1).dtype
    /// dtype('float32')
    #[pyo3(signature = (model: "Density | Network | OnnxNetwork | collections.abc.Callable[..., typing.Any]", shape, seed: "int | collections.abc.Sequence[int] | None" = Some(Seeds::One(0)), *, first = 0, dtype: "str | None" = None, inputs: "collections.abc.Sequence[typing.Any] | None" = None, start: "typing.Any" = None, grad = false, backend: "str | None" = None, device: "typing.Any" = None, callback: "collections.abc.Callable[[typing.Any], object] | None" = None, progress = false, threads = None, units = "data", **unknown: "typing.NoReturn") -> "typing.Any")]
    #[allow(clippy::too_many_arguments)]
    fn run<'py>(
        slf: &Bound<'py, Self>,
        model: &Bound<'py, PyAny>,
        shape: Vec<usize>,
        seed: Option<Seeds>,
        first: u64,
        dtype: Option<&str>,
        inputs: Option<Bound<'py, PyAny>>,
        start: Option<Bound<'py, PyAny>>,
        grad: bool,
        backend: Option<&str>,
        device: Option<Bound<'py, PyAny>>,
        callback: Option<Bound<'py, PyAny>>,
        progress: bool,
        threads: Option<usize>,
        units: &str,
        unknown: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = [
            "model", "shape", "seed", "first", "dtype", "inputs", "start", "grad", "backend", "device", "callback",
            "progress", "threads", "units",
        ];
        refuse_unknown(unknown, "Plan.run", &known)?;
        let to_data = in_data_units(units)?;
        let py = slf.py();
        batch(&shape)?;
        let own = own(model).ok();
        let dtype = dtype.unwrap_or(if own.is_some() { "float64" } else { "float32" });
        let plain =
            inputs.is_none() && start.is_none() && callback.is_none() && backend.is_none() && !progress && !grad;
        let seed = seed.map_or_else(|| fresh_seed(py).map(Seeds::One), Ok)?;
        // ONNX networks have no float32 path in `Drawn`, so other dtypes go through Python.
        let fits = plain && (dtype == "float64" || !matches!(own, Some(Own::Onnx(_))));
        if let (Some(model), true, &Seeds::One(seed)) = (own, fits, &seed) {
            let drawn = Drawn { plan: slf.get().0.clone(), model, seed, first, threads, to_data };
            return drawn.array(py, &shape, dtype);
        }
        let seed = match seed {
            Seeds::One(seed) => seed.into_pyobject(py)?.into_any(),
            Seeds::Each(seeds) => seeds.into_pyobject(py)?,
        };
        let options = PyDict::new(py);
        options.set_item("first", first)?;
        options.set_item("dtype", dtype)?;
        options.set_item("inputs", inputs)?;
        options.set_item("start", start)?;
        options.set_item("grad", grad)?;
        options.set_item("backend", backend)?;
        options.set_item("device", device)?;
        options.set_item("callback", callback)?;
        options.set_item("progress", progress)?;
        options.set_item("threads", threads)?;
        options.set_item("units", units)?;
        py.import("langevin._run")?.getattr("run")?.call((slf, model, shape, seed), Some(&options))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    /// Return the table as HTML, for notebooks.
    fn _repr_html_(&self) -> String {
        format!("<pre>{}</pre>", escaped(&self.0.to_string()))
    }

    /// Return the number of network evaluations.
    fn __len__(&self) -> usize {
        self.0.nfe()
    }

    /// Return an iterator over the noise levels of the evaluations.
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, pyo3::types::PyIterator>> {
        slf.getattr("levels")?.try_iter()
    }

    /// Return the noise level of one evaluation; negative indices count from the end.
    fn __getitem__(&self, index: isize) -> PyResult<Level> {
        let levels: Vec<langevin::Level> = evals(&self.0).collect();
        let place = if index < 0 { index + levels.len() as isize } else { index };
        let level = usize::try_from(place).ok().and_then(|place| levels.get(place).copied());
        level
            .map(Level::from)
            .ok_or_else(|| PyIndexError::new_err(format!("the plan has {} evaluations", levels.len())))
    }

    fn __repr__(&self) -> String {
        let evaluations =
            if self.0.nfe() == 1 { "1 evaluation".to_owned() } else { format!("{} evaluations", self.0.nfe()) };
        format!("Plan('{}', {evaluations}, {} draws)", self.0.name(), self.0.draws())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().0.to_json(),)))
    }
}

/// Result of comparing two plans.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> one, other = langevin.Plan("dpmpp-2m", steps=5), langevin.Plan("adams2", steps=5)
/// >>> found = one.compare(other)
/// >>> found.same, found.difference > 0.01
/// (False, True)
#[pyclass(frozen, module = "langevin")]
pub struct Comparison(langevin::plan::Comparison);

#[pymethods]
impl Comparison {
    /// ``True`` if all weights and levels agree within the tolerance.
    #[getter]
    fn same(&self) -> bool {
        self.0.agrees()
    }

    /// Largest difference of two weights; infinite if the plans cannot be matched.
    #[getter]
    fn difference(&self) -> f64 {
        self.0.difference
    }

    /// Largest difference relative to the largest weight of its state, where that exceeds 1.
    #[getter]
    fn relative_difference(&self) -> f64 {
        self.0.relative
    }

    /// Largest difference of two levels, in λ.
    #[getter]
    fn lambda_difference(&self) -> f64 {
        self.0.lambda
    }

    /// Difference below which two weights count as equal.
    #[getter]
    fn tolerance(&self) -> f64 {
        self.0.tolerance
    }

    /// Reason why the plans cannot be matched; ``None`` if they can.
    #[getter]
    fn mismatch(&self) -> Option<String> {
        self.0.mismatch.as_ref().map(ToString::to_string)
    }

    /// First entry that differs by more than the tolerance, in words; ``None`` if there is none.
    #[getter]
    fn first(&self) -> Option<String> {
        self.0.first.as_ref().map(ToString::to_string)
    }

    /// Entry with the largest difference, in words; ``None`` if there is no difference.
    #[getter]
    fn place(&self) -> Option<String> {
        self.0.place.as_ref().map(ToString::to_string)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Comparison: {}>", self.0)
    }
}

/// Checks a precision of coefficients.
fn precision(tolerance: Option<f64>) -> PyResult<Option<f64>> {
    match tolerance {
        Some(value) if !(0.0..=0.01).contains(&value) => {
            Err(ArgumentError::new_err(format!("bad tolerance: expected a number from 0 to 0.01, got {value}")))
        }
        tolerance => Ok(tolerance),
    }
}

/// Returns the error for a file that cannot be read or written.
pub fn file_error(what: &str, path: &std::path::Path, error: &std::io::Error) -> PyErr {
    ArgumentError::new_err(format!("the plan cannot be {what} ({}): {error}", path.display()))
}

/// Escapes a text for HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Draws a seed from the operating system's randomness.
pub fn fresh_seed(py: Python<'_>) -> PyResult<u64> {
    py.import("secrets")?.call_method1("randbits", (63,))?.extract()
}

/// The name of a grid, or its noise levels.
#[derive(FromPyObject)]
pub enum GridLike {
    /// The name of a grid.
    Name(String),
    /// The noise levels σ/α, from the first to the last.
    Levels(Vec<f64>),
}

impl GridLike {
    fn name(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Levels(levels) => {
                format!("list:{}", levels.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// One seed for all rows, or one seed for each row.
#[derive(FromPyObject)]
pub enum Seeds {
    /// One seed for all rows.
    One(u64),
    /// One seed for each row.
    Each(Vec<u64>),
}
