//! `Plan`: compiled, read, printed, analysed and run.

use crate::arguments::{Eta, Guidance, SamplerName, SigmaMax, SigmaMin, Steps};
use crate::column::Column;
use crate::errors::{ArgumentError, OrRaise as _, refuse_unknown};
use crate::models::own;
use crate::own::{Drawn, Own, in_data_units};
use crate::rows::{batch, ids};
use crate::share::cores;
use crate::stepper::Stepper;
use crate::theory::{Formulation, Level, ProcessLike, Reading};
use langevin::Request;
use langevin::plan::Op;
use langevin::plan::compare;
use langevin::sampler::Start;
use langevin_import::{Call, Diffusers};
use numpy::PyArray1;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::path::PathBuf;
use std::sync::Arc;

/// A sampler compiled to a table of numbers.
///
/// ``sampler`` is any name of ``langevin.samplers()``, with its options (``"dpmpp-2m"``, ``"heun:churn=40"``); the default is ``"dpmpp-2m"``, and with ``eta`` alone ``"ddim"``.
/// ``process`` is the process of the states; the default is that of ``network``, or ``"rectified-flow"``. ``steps`` is the step count of the grid; the default is 20, or that of a list.
/// ``grid`` says where the steps go (``"karras"``, the default, ``"uniform-lambda"``, …), or is a list of noise levels sigma / alpha, ``[80, 10, 1, 0]``.
/// ``network`` is the :class:`Formulation` of the model; without one, the model gives the denoised prediction itself.
/// ``sigma_min`` and ``sigma_max`` are noise levels in sigma / alpha; the defaults are 0.002 and 80, as far as the process goes and the network was trained.
/// ``guidance`` mixes two branches, w (D − D_uncond) + D_uncond. The command line has the same defaults.
#[pyclass(frozen, module = "langevin")]
pub struct Plan(pub Arc<langevin::Plan>);

/// The levels at which the network is evaluated.
fn evals(plan: &langevin::Plan) -> impl Iterator<Item = langevin::Level> + '_ {
    plan.ops().iter().filter_map(|op| match op {
        Op::Eval { level, .. } => Some(*level),
        _ => None,
    })
}

fn wrap(plan: langevin::Plan) -> Plan {
    Plan(Arc::new(plan))
}

/// The request with what the caller gave of these.
fn asked(sampler: Option<String>, grid: Option<String>, steps: Option<usize>) -> Request {
    let request = sampler.into_iter().fold(Request::new(), Request::sampler);
    let request = grid.into_iter().fold(request, Request::grid);
    steps.into_iter().fold(request, Request::steps)
}

/// Warns if the network was not trained on all of the noise range that the caller gave.
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

/// A document of Python as the library reads one: JSON text.
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

    /// The plan of a JSON document.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        langevin::Plan::from_json(text).map(wrap).or_raise()
    }

    /// The plan as a JSON document, whose numbers read back bit for bit.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// Writes the plan as a JSON document, which ``langevin sample --plan`` and :meth:`load` read.
    fn save(&self, path: PathBuf) -> PyResult<()> {
        std::fs::write(&path, self.0.to_json()).map_err(|error| file_error("written", &path, &error))
    }

    /// Reads the plan of a JSON document.
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        let text = std::fs::read_to_string(&path).map_err(|error| file_error("read", &path, &error))?;
        Self::from_json(&text)
    }

    /// The plan as CSV, a line for each instruction.
    fn to_csv(&self) -> String {
        self.0.to_csv()
    }

    /// The plan that a scheduler of diffusers follows: ``config`` is its config, a mapping or JSON text. With ``sampler``, the plan of that sampler on its times, noise levels and network.
    ///
    /// One of ``steps``, ``timesteps`` and ``sigmas`` says where the steps go; ``settings`` has what ``step`` or ``set_timesteps`` are given (``eta``, ``s_churn``, …). ``consistent`` mends what is known
    /// to be wrong in the original. ``image_seq_len``, the tokens of the picture, makes ``mu`` and the levels as pipelines do. Fields that no scheduler has are passed over with a warning, and refused
    /// with ``strict``.
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

    /// The sampler's name.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// The number of network evaluations.
    #[getter]
    fn nfe(&self) -> usize {
        self.0.nfe()
    }

    /// The number of noise draws; the first is usually the start.
    #[getter]
    fn draws(&self) -> u32 {
        self.0.draws()
    }

    /// The names of the states that the caller gives; none for a plan that starts from noise.
    #[getter]
    fn inputs(&self) -> Vec<String> {
        self.0.inputs().iter().map(|input| input.name.clone()).collect()
    }

    /// What the model is: its formulation, or ``None`` for one that gives the denoised prediction.
    #[getter]
    fn network(&self) -> PyResult<Option<Formulation>> {
        self.0.network().map(|spec| langevin::Formulation::from_spec(spec).map(Formulation).or_raise()).transpose()
    }

    /// The time of each evaluation, in the clock of the process.
    #[getter]
    fn times<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        Column::new(py, evals(&self.0).map(|level| level.time))
    }

    /// What the network is given for time at each evaluation.
    #[getter]
    fn network_times<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        let times = self.0.ops().iter().filter_map(|op| match op {
            Op::Eval { level, net, .. } => Some(net.map_or(level.time, |net| net.time)),
            _ => None,
        });
        Column::new(py, times)
    }

    /// alpha at each evaluation.
    #[getter]
    fn alphas<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        Column::new(py, evals(&self.0).map(|level| level.alpha))
    }

    /// sigma at each evaluation.
    #[getter]
    fn sigmas<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        Column::new(py, evals(&self.0).map(|level| level.sigma))
    }

    /// What the network's input is multiplied by at each evaluation.
    #[getter]
    fn input_scales<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        let scales = self.0.ops().iter().filter_map(|op| match op {
            Op::Eval { net, .. } => Some(net.map_or(1.0, |net| net.scale)),
            _ => None,
        });
        Column::new(py, scales)
    }

    /// How the denoised prediction is read off the network's output at each evaluation.
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

    /// What clips the denoised prediction, one tuple for each kind: ``("clamp", low, high)`` or ``("threshold", ratio, most)``; none for a linear plan.
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

    /// The standard deviation of the noise that the plan starts from; of the first evaluation's noise where it starts from a state.
    #[getter]
    fn start_sigma(&self) -> f64 {
        match self.0.ops().first() {
            Some(Op::Combine { terms, noise, .. }) if terms.is_empty() && noise.len() == 1 => noise[0].0,
            _ => evals(&self.0).next().map_or(1.0, |level| level.sigma),
        }
    }

    /// The level, in the plan's coordinates, at which the network is given this number for time.
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

    /// The levels at which the network is evaluated.
    #[getter]
    fn levels(&self) -> Vec<Level> {
        evals(&self.0).map(Level::from).collect()
    }

    /// The result as one weighted sum: arrays of the weights of every input, every denoised prediction and every noise draw.
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

    /// The plan without what clamps the denoised prediction: the same where that is within its bounds, and linear.
    fn unclipped(&self) -> Self {
        wrap(self.0.unclipped())
    }

    /// What the lint finds, a line each; an empty list for a plan that keeps the marginal of every step. Of a plan without moves, the state of each evaluation is held to its level.
    fn lint(&self) -> PyResult<Vec<String>> {
        let lint = self.0.lint().or_raise()?;
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

    /// Whether another plan computes the same from the same network, to a tolerance.
    ///
    /// Plans that cannot be matched, with other inputs or other numbers of evaluations, are an :class:`ArgumentError` that says why.
    #[pyo3(signature = (other, tolerance = 1e-9))]
    fn is_same(&self, other: &Bound<'_, Plan>, tolerance: f64) -> PyResult<bool> {
        let comparison = compare(&self.0, &other.get().0).or_raise()?;
        match &comparison.mismatch {
            Some(mismatch) => Err(ArgumentError::new_err(format!("the plans are not comparable: {mismatch}"))),
            None => Ok(comparison.is_same(tolerance)),
        }
    }

    /// Starts a run with control in the caller's hands: see :class:`Stepper`.
    ///
    /// ``shape`` is (rows, …). Row i is sample ``first + i`` of ``seed``, or, where ``seed`` is a list, sample 0 of the seed of its own.
    /// ``start`` is the state to begin with in the place of the noise that the plan would draw. ``threads`` share the passes over large states; they change no bit. ``memory`` is an earlier run, whose arrays are used again once nobody
    /// holds them.
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

    /// Runs the plan to its end: an array (or tensor) of ``shape``, whose first axis is the rows.
    ///
    /// ``model`` is a :class:`Density`, a :class:`Network`, an :class:`OnnxNetwork`, any function ``model(x, query)`` that returns an array of the shape of ``x``, or a ``torch.nn.Module`` that is called as ``module(x, time)``
    /// with a time for each row, unless its second argument is called ``query``; of what it returns, ``.sample`` or the first of a tuple is taken. The model must return the denoised prediction
    /// D = E[x0 | x], unless the plan knows its network: ``Plan(…, network=Formulation("vp", "epsilon"))`` takes that network's own output, here epsilon. ``query`` says ``time``, ``alpha``, ``sigma``, ``branch``,
    /// ``index`` and ``rows``. With ``backend="torch"`` (the default for a ``torch.nn.Module``) it gets and gives tensors on ``device``. ``callback(step)`` is called after every
    /// evaluation, ``progress=True`` shows a bar. ``dtype`` is that of the states: ``float64`` for models of this library, which gives the bits of the command line, and ``float32`` for others. Sample i depends on the seed and on i, and on nothing else;
    /// ``seed`` may be a list, one for each row, or ``None`` for one that nobody has used. ``start`` is the state to begin with in the place of noise. With ``grad=True`` tensors keep their
    /// history, so that the result can be differentiated in the weights of the model, in ``start`` and in ``inputs``.
    /// Samples of a :class:`Network` are in the units of its data; ``units="model"`` leaves them in those that the network sees.
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
        // The numbers of an ONNX file are float64 here or go through Python.
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

    /// The table, for notebooks.
    fn _repr_html_(&self) -> String {
        format!("<pre>{}</pre>", escaped(&self.0.to_string()))
    }

    /// The number of network evaluations.
    fn __len__(&self) -> usize {
        self.0.nfe()
    }

    /// The levels at which the network is evaluated, in their order.
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, pyo3::types::PyIterator>> {
        slf.getattr("levels")?.try_iter()
    }

    /// The level of one evaluation.
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

/// A file that cannot be used.
fn file_error(what: &str, path: &std::path::Path, error: &std::io::Error) -> PyErr {
    ArgumentError::new_err(format!("the plan cannot be {what} ({}): {error}", path.display()))
}

/// Text in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A seed that nobody has used.
fn fresh_seed(py: Python<'_>) -> PyResult<u64> {
    py.import("secrets")?.call_method1("randbits", (63,))?.extract()
}

/// A grid by its name, or the noise levels themselves.
#[derive(FromPyObject)]
pub enum GridLike {
    /// Its name.
    Name(String),
    /// σ/α from the first to the last.
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

/// One seed for all rows, or one for each.
#[derive(FromPyObject)]
pub enum Seeds {
    /// For all.
    One(u64),
    /// For each row.
    Each(Vec<u64>),
}
