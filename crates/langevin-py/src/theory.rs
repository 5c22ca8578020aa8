//! Levels, processes, predictions and formulations.

use crate::arguments::{Alpha, ClockName, PredictionName, Sigma, SigmaData, SigmaMax, SigmaMin, Time};
use crate::errors::{ArgumentError, FormatError, OrRaise as _};
use langevin::formulation::{FormulationSpec, InputScaling};
use langevin::process::{Betas, ProcessSpec, Tabulated};
use langevin::{Clock, LambdaRange};
use numpy::{PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyAny;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Writes the JSON document of one of these objects.
fn document<T: Serialize>(value: &T) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| FormatError::new_err(format!("it has no document: {error}")))
}

/// Reads a JSON document.
fn read<T: DeserializeOwned>(text: &str) -> PyResult<T> {
    serde_json::from_str(text).map_err(|error| FormatError::new_err(format!("bad document: {error}")))
}

/// Returns the hash of a text.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Noise level of a process, at which a state is ``x = alpha * x0 + sigma * noise``.
///
/// Levels are immutable. They compare equal by their three numbers, hash and pickle.
///
/// Parameters
/// ----------
/// time : float
///     Time, in the clock of the process.
/// alpha : float
///     Factor of the clean data in the state.
/// sigma : float
///     Standard deviation of the noise in the state.
///
/// Raises
/// ------
/// ArgumentError
///     If an argument is not a number.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> level = langevin.Level(time=1.0, alpha=0.6, sigma=0.8)
/// >>> round(level.sigma_ve, 3), round(level.lambda_, 3)
/// (1.333, -0.288)
#[pyclass(frozen, get_all, eq, module = "langevin")]
#[derive(Clone, Copy, PartialEq)]
pub struct Level {
    /// Time, in the clock of the process.
    time: f64,
    /// Factor of the clean data in the state.
    alpha: f64,
    /// Standard deviation of the noise in the state.
    sigma: f64,
}

impl From<langevin::Level> for Level {
    fn from(level: langevin::Level) -> Self {
        Self { time: level.time, alpha: level.alpha, sigma: level.sigma }
    }
}

impl Level {
    /// Returns the level as the library's own type.
    pub fn inner(&self) -> langevin::Level {
        langevin::Level { time: self.time, alpha: self.alpha, sigma: self.sigma }
    }
}

/// Noise level as a network sees it: the time in the network's clock, and its scaled input.
///
/// The input of the network is ``alpha * x0 + sigma * noise``. :meth:`Formulation.seen` computes an
/// input level from a :class:`Level`. Input levels compare equal by their numbers, hash and pickle.
///
/// Parameters
/// ----------
/// time : float
///     Time, in the clock of the network.
/// alpha : float
///     Factor of the clean data in the input.
/// sigma : float
///     Standard deviation of the noise in the input.
///
/// Raises
/// ------
/// ArgumentError
///     If an argument is not a number.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> network = langevin.Formulation("vp", "epsilon", clock="scaled:1000")
/// >>> network.seen(langevin.Process("vp").level(0.5)).time
/// 500.0
#[pyclass(frozen, get_all, eq, module = "langevin")]
#[derive(Clone, Copy, PartialEq)]
pub struct InputLevel {
    /// Time, in the clock of the network.
    time: f64,
    /// Factor of the clean data in the input.
    alpha: f64,
    /// Standard deviation of the noise in the input.
    sigma: f64,
}

impl From<langevin::model::InputLevel> for InputLevel {
    fn from(level: langevin::model::InputLevel) -> Self {
        Self { time: level.time, alpha: level.alpha, sigma: level.sigma }
    }
}

#[pymethods]
impl InputLevel {
    #[new]
    fn new(time: Time, alpha: Alpha, sigma: Sigma) -> Self {
        Self { time: time.0, alpha: alpha.0, sigma: sigma.0 }
    }

    /// Return the level of a state that equals the input.
    ///
    /// Returns
    /// -------
    /// Level
    ///     A level with the same time, alpha and sigma. It belongs to any process that has this
    ///     alpha and sigma.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> langevin.InputLevel(500.0, 0.6, 0.8).state() == langevin.Level(500.0, 0.6, 0.8)
    /// True
    fn state(&self) -> Level {
        Level { time: self.time, alpha: self.alpha, sigma: self.sigma }
    }

    fn __repr__(&self) -> String {
        format!("InputLevel(time={}, alpha={}, sigma={})", self.time, self.alpha, self.sigma)
    }

    fn __hash__(&self) -> u64 {
        self.state().__hash__()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (f64, f64, f64))> {
        let own = slf.get();
        Ok((slf.get_type().into_any(), (own.time, own.alpha, own.sigma)))
    }
}

#[pymethods]
impl Level {
    #[new]
    fn new(time: Time, alpha: Alpha, sigma: Sigma) -> Self {
        Self { time: time.0, alpha: alpha.0, sigma: sigma.0 }
    }

    /// Half log-SNR, λ = ln(alpha / sigma).
    #[getter]
    fn lambda_(&self) -> f64 {
        self.inner().lambda()
    }

    /// Noise level sigma / alpha, which does not depend on the clock.
    #[getter]
    fn sigma_ve(&self) -> f64 {
        self.inner().sigma_ve()
    }

    fn __repr__(&self) -> String {
        format!("Level(time={}, alpha={}, sigma={})", self.time, self.alpha, self.sigma)
    }

    fn __hash__(&self) -> u64 {
        // 0 and −0 are equal, so they must hash alike: adding 0 turns −0 into 0.
        hash(&format!("{:?}", [self.time, self.alpha, self.sigma].map(|value| value + 0.0)))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (f64, f64, f64))> {
        let own = slf.get();
        Ok((slf.get_type().into_any(), (own.time, own.alpha, own.sigma)))
    }
}

/// Diffusion process: a noise schedule alpha, sigma over time.
///
/// Exactly one of the three arguments must be given. Processes are immutable; they compare equal by
/// their documents, hash and pickle.
///
/// Parameters
/// ----------
/// name : str, optional
///     ``"vp"``, ``"vp-linear"``, ``"vp-cosine"``, ``"ve"``, ``"rectified-flow"``, ``"sub-vp"``, or
///     a table such as ``"table:scaled-linear"``.
/// betas : array_like of float, shape (times,), optional
///     The β of a discrete schedule, one for each training time: a list, an array or a tensor.
/// alphas_cumprod : array_like of float, shape (times,), optional
///     The cumulative products ᾱ of a discrete schedule, one for each training time.
///
/// Raises
/// ------
/// UnknownNameError
///     If no process has this name.
/// ArgumentError
///     If none or several of the arguments are given, or if a β or ᾱ is out of range.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> langevin.Process("rectified-flow").level(0.25).alpha
/// 0.75
/// >>> langevin.Process(betas=[0.1, 0.2]).name
/// 'table:list'
#[pyclass(frozen, eq, module = "langevin")]
#[derive(Clone, PartialEq)]
pub struct Process(pub langevin::Process);

#[pymethods]
impl Process {
    #[new]
    #[pyo3(signature = (name = None, *, betas: "numpy.typing.ArrayLike | None" = None, alphas_cumprod: "numpy.typing.ArrayLike | None" = None))]
    fn new(
        name: Option<&str>,
        betas: Option<&Bound<'_, PyAny>>,
        alphas_cumprod: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let table = |values: Vec<f64>, list: fn(Vec<f64>) -> Betas| {
            let count = values.len();
            Tabulated::new(list(values), count).map(langevin::Process::tabulated).map(Self).or_raise()
        };
        match (name, betas, alphas_cumprod) {
            (Some(name), None, None) => langevin::Process::parse(name).map(Self).or_raise(),
            (None, Some(betas), None) => table(numbers(betas)?, |values| Betas::List { values }),
            (None, None, Some(bars)) => table(numbers(bars)?, |values| Betas::AlphaBar { values }),
            _ => Err(ArgumentError::new_err("a process has a name, betas or alphas_cumprod: expected one of them")),
        }
    }

    /// Name of the process.
    #[getter]
    fn name(&self) -> String {
        self.0.name().to_string()
    }

    /// Build a process from its JSON document.
    ///
    /// Parameters
    /// ----------
    /// text : str
    ///     A document written by :meth:`to_json`.
    ///
    /// Returns
    /// -------
    /// Process
    ///     The process, equal to the one that was written.
    ///
    /// Raises
    /// ------
    /// FormatError
    ///     If the text is not the document of a process.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        langevin::Process::from_spec(&read::<ProcessSpec>(text)?).map(Self).or_raise()
    }

    /// Return the process as a JSON document.
    ///
    /// Returns
    /// -------
    /// str
    ///     The document, whose numbers read back bit for bit.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> process = langevin.Process("table:scaled-linear")
    /// >>> langevin.Process.from_json(process.to_json()) == process
    /// True
    fn to_json(&self) -> PyResult<String> {
        document(&self.0.spec())
    }

    fn __hash__(&self) -> PyResult<u64> {
        Ok(hash(&self.to_json()?))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().to_json()?,)))
    }

    /// Return the level at a time.
    ///
    /// Parameters
    /// ----------
    /// time : float
    ///     Time, in the clock of the process.
    ///
    /// Returns
    /// -------
    /// Level
    ///     The level at this time.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the process does not reach this time.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> level = langevin.Process("vp").level(1.0)
    /// >>> round(level.alpha**2 + level.sigma**2, 12)
    /// 1.0
    fn level(&self, time: f64) -> PyResult<Level> {
        self.0.level(time).map(Level::from).or_raise()
    }

    /// Return the level at a noise level sigma / alpha.
    ///
    /// Parameters
    /// ----------
    /// ratio : float
    ///     The noise level sigma / alpha.
    ///
    /// Returns
    /// -------
    /// Level
    ///     The level of this process with that ratio.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the process does not reach this noise level.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> langevin.Process("rectified-flow").level_at_sigma_ve(1.0).time
    /// 0.5
    fn level_at_sigma_ve(&self, ratio: f64) -> PyResult<Level> {
        self.0.level_at_sigma_ve(ratio).map(Level::from).or_raise()
    }

    /// Return the level at a half log-SNR λ = ln(alpha / sigma).
    ///
    /// Parameters
    /// ----------
    /// value : float
    ///     The half log-SNR λ.
    ///
    /// Returns
    /// -------
    /// Level
    ///     The level of this process with that λ.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the process does not reach this λ.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> langevin.Process("ve").level_at_lambda(0.0).sigma
    /// 1.0
    fn level_at_lambda(&self, value: f64) -> PyResult<Level> {
        self.0.level_at_lambda(value).map(Level::from).or_raise()
    }

    fn __repr__(&self) -> String {
        format!("Process('{}')", self.0.name())
    }
}

/// Prediction (parameterization) of a network: the quantity that its output estimates.
///
/// Predictions are immutable; they compare equal, hash and pickle.
///
/// Parameters
/// ----------
/// name : str
///     ``"x0"``, ``"epsilon"``, ``"score"``, ``"v"``, ``"velocity"`` or ``"edm"``. The names of
///     diffusers, ``"sample"``, ``"v_prediction"`` and ``"flow_prediction"``, are accepted too.
///
/// Raises
/// ------
/// UnknownNameError
///     If no prediction has this name.
/// ArgumentError
///     If the name is not a string.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> langevin.Prediction("v_prediction").name
/// 'v'
#[pyclass(frozen, eq, module = "langevin")]
#[derive(Clone, Copy, PartialEq)]
pub struct Prediction(pub langevin::Prediction);

#[pymethods]
impl Prediction {
    #[new]
    fn new(name: PredictionName) -> PyResult<Self> {
        langevin::Prediction::parse(&name.0).map(Self).or_raise()
    }

    /// Name of the prediction.
    #[getter]
    fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Build a prediction from its JSON document.
    ///
    /// Parameters
    /// ----------
    /// text : str
    ///     A document written by :meth:`to_json`.
    ///
    /// Returns
    /// -------
    /// Prediction
    ///     The prediction, equal to the one that was written.
    ///
    /// Raises
    /// ------
    /// FormatError
    ///     If the text is not the document of a prediction.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        read::<langevin::Prediction>(text).map(Self)
    }

    /// Return the prediction as a JSON document.
    ///
    /// Returns
    /// -------
    /// str
    ///     The document.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> langevin.Prediction("epsilon").to_json()
    /// '{"kind":"epsilon"}'
    #[allow(clippy::wrong_self_convention)]
    fn to_json(&self) -> PyResult<String> {
        document(&self.0)
    }

    fn __repr__(&self) -> String {
        format!("Prediction('{}')", self.0.name())
    }

    fn __hash__(&self) -> PyResult<u64> {
        Ok(hash(&self.to_json()?))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().to_json()?,)))
    }
}

/// Coefficients that read a network at one level: ``a * x + b * network(scale * x, time)``.
///
/// :meth:`Formulation.denoised` and :meth:`Formulation.read_from` compute readings.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> flow = langevin.Formulation("rectified-flow", "velocity")
/// >>> reading = flow.denoised(langevin.Process("rectified-flow").level(0.25))
/// >>> reading.a, reading.b  # the denoised prediction is x − t · velocity
/// (1.0, -0.25)
#[pyclass(frozen, get_all, module = "langevin")]
#[derive(Clone, Copy)]
pub struct Reading {
    /// Factor of the state before it enters the network.
    scale: f64,
    /// Time that is passed to the network.
    time: f64,
    /// Factor of the unscaled state.
    a: f64,
    /// Factor of the network's output.
    b: f64,
}

impl From<langevin::formulation::Reading> for Reading {
    fn from(reading: langevin::formulation::Reading) -> Self {
        Self { scale: reading.scale, time: reading.time, a: reading.a, b: reading.b }
    }
}

#[pymethods]
impl Reading {
    fn __repr__(&self) -> String {
        format!("Reading(scale={}, time={}, a={}, b={})", self.scale, self.time, self.a, self.b)
    }
}

/// Formulation of a network: process, prediction, clock, input scaling and trained noise range.
///
/// Formulations are immutable; they compare equal by their documents, hash and pickle.
///
/// Parameters
/// ----------
/// process : Process or str
///     The process whose states the network was trained on.
/// prediction : Prediction or str
///     The quantity that the network's output estimates.
/// clock : str, default "time"
///     The number that the network receives as its time, at time t of its process:
///
///     - ``"time"``: t
///     - ``"scaled:1000"``: 1000 t
///     - ``"remaining:1000"``: 1000 (1 − t)
///     - ``"lambda"``: the half log-SNR λ
///     - ``"quarter-log-sigma"``: ¼ ln(sigma / alpha), EDM's c_noise
///     - ``"log-sigma:0.25"``: 0.25 ln(sigma / alpha)
///     - ``"angle"``: (2/π) atan(sigma / alpha)
///
///     The factors may have other values.
/// input_sigma_data : float, optional
///     Standard deviation of the data for which the network's input is scaled to unit variance
///     (EDM's c_in on ``ve``). The input is not scaled by default.
/// sigma_min, sigma_max : float, optional
///     Trained noise range in sigma / alpha; give both or neither.
///
/// Raises
/// ------
/// UnknownNameError
///     If the process, prediction or clock has an unknown name.
/// ArgumentError
///     If only one end of the noise range is given, if the range is empty, or if an argument
///     cannot be read.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> edm = langevin.Formulation("ve", "edm", clock="quarter-log-sigma", input_sigma_data=0.5)
/// >>> edm.prediction.name
/// 'edm'
#[pyclass(frozen, eq, module = "langevin")]
#[derive(Clone, PartialEq)]
pub struct Formulation(pub langevin::Formulation);

/// Returns the numbers of a list, an array or a tensor.
pub fn numbers(values: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let wrong = || {
        let got = values.get_type().name().map_or_else(|_| "something else".to_owned(), |name| name.to_string());
        ArgumentError::new_err(format!("these are no numbers: expected a list or an array of one axis, got {got}"))
    };
    let array = values.py().import("numpy")?.call_method1("asarray", (values, "float64")).map_err(|_| wrong())?;
    let flat = array.call_method1("reshape", (-1,))?;
    flat.call_method0("tolist")?.extract().map_err(|_| wrong())
}

/// A process or the name of one.
#[derive(FromPyObject)]
pub enum ProcessLike<'py> {
    /// A process.
    Process(Bound<'py, Process>),
    /// The name of a process.
    Name(String),
}

impl ProcessLike<'_> {
    /// Returns the process.
    pub fn process(&self) -> PyResult<langevin::Process> {
        match self {
            Self::Process(process) => Ok(process.get().0.clone()),
            Self::Name(name) => langevin::Process::parse(name).or_raise(),
        }
    }
}

/// A prediction or the name of one.
#[derive(FromPyObject)]
pub enum PredictionLike<'py> {
    /// A prediction.
    Prediction(Bound<'py, Prediction>),
    /// The name of a prediction.
    Name(String),
}

impl PredictionLike<'_> {
    fn prediction(&self) -> PyResult<langevin::Prediction> {
        match self {
            Self::Prediction(prediction) => Ok(prediction.get().0),
            Self::Name(name) => langevin::Prediction::parse(name).or_raise(),
        }
    }
}

#[pymethods]
impl Formulation {
    #[new]
    #[pyo3(signature = (process, prediction, *, clock = ClockName("time".into()), input_sigma_data = None, sigma_min = None, sigma_max = None))]
    fn new(
        process: ProcessLike<'_>,
        prediction: PredictionLike<'_>,
        clock: ClockName,
        input_sigma_data: Option<SigmaData>,
        sigma_min: Option<SigmaMin>,
        sigma_max: Option<SigmaMax>,
    ) -> PyResult<Self> {
        let mut formulation = langevin::Formulation::new(process.process()?, prediction.prediction()?)
            .with_clock(Clock::parse(&clock.0).or_raise()?);
        if let Some(SigmaData(sigma_data)) = input_sigma_data {
            formulation = formulation.with_input(InputScaling::UnitVariance { sigma_data });
        }
        match (sigma_min, sigma_max) {
            (Some(SigmaMin(low)), Some(SigmaMax(high))) => {
                formulation = formulation.with_range(LambdaRange::from_sigma_ve(low, high).or_raise()?);
            }
            (None, None) => {}
            _ => {
                return Err(crate::errors::ArgumentError::new_err(
                    "a range has two ends: give sigma_min and sigma_max, or neither",
                ));
            }
        }
        // Reading a document validates it, so arguments are validated the same way.
        langevin::Formulation::from_spec(&formulation.spec()).or_raise()?;
        Ok(Self(formulation))
    }

    /// Process whose states the network was trained on.
    #[getter]
    fn process(&self) -> Process {
        Process(self.0.process.clone())
    }

    /// Quantity that the network's output estimates.
    #[getter]
    fn prediction(&self) -> Prediction {
        Prediction(self.0.prediction)
    }

    /// Trained noise range ``(sigma_min, sigma_max)`` in sigma / alpha; ``None`` if unlimited.
    #[getter]
    fn sigma_range(&self) -> Option<(f64, f64)> {
        self.0.range.map(|range| range.sigma_ve())
    }

    /// Default noise range ``(sigma_min, sigma_max)``, in sigma / alpha.
    ///
    /// It is the trained range, or that of the process's table, or 0.002 to 80.
    #[getter]
    fn default_range(&self) -> PyResult<(f64, f64)> {
        self.0.default_range().map(|range| range.sigma_ve()).or_raise()
    }

    /// Return a level as the network sees it.
    ///
    /// Parameters
    /// ----------
    /// level : Level
    ///     A level of any process; the network's own level of equal sigma / alpha is taken.
    ///
    /// Returns
    /// -------
    /// InputLevel
    ///     The time in the network's clock, and the alpha and sigma of its scaled input.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the network's process does not reach this noise level.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> network = langevin.Formulation("vp-linear", "epsilon", clock="scaled:1000")
    /// >>> network.seen(langevin.Process("vp-linear").level(0.5)).time
    /// 500.0
    fn seen(&self, level: &Bound<'_, Level>) -> PyResult<InputLevel> {
        self.0.seen(&level.get().inner()).map(InputLevel::from).or_raise()
    }

    /// Return the level at which the network receives a given time.
    ///
    /// Parameters
    /// ----------
    /// time : float
    ///     Time, in the clock of the network.
    ///
    /// Returns
    /// -------
    /// Level
    ///     The level of the network's own process, at the time of that process's clock.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the process does not reach this time.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> network = langevin.Formulation("vp", "epsilon", clock="scaled:1000")
    /// >>> network.level(500.0).time
    /// 0.5
    fn level(&self, time: f64) -> PyResult<Level> {
        self.0.level(time).map(Level::from).or_raise()
    }

    /// Return the coefficients that turn the network's output into the denoised prediction.
    ///
    /// The denoised prediction is D = a x + b network(scale · x, time).
    ///
    /// Parameters
    /// ----------
    /// level : Level
    ///     The level of the state x, on any process.
    ///
    /// Returns
    /// -------
    /// Reading
    ///     The coefficients scale, time, a and b.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the level is outside the trained range, or if the network's process does not reach
    ///     it.
    /// SingularError
    ///     If the output does not determine the denoised prediction at this level.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> flow = langevin.Formulation("rectified-flow", "velocity")
    /// >>> flow.denoised(flow.process.level(0.25)).b
    /// -0.25
    fn denoised(&self, level: &Bound<'_, Level>) -> PyResult<Reading> {
        self.0.denoised(&level.get().inner()).map(Reading::from).or_raise()
    }

    /// Return the coefficients that compute this formulation's output from another network.
    ///
    /// The output of this formulation is a x + b other(scale · x, time). The identity is exact.
    ///
    /// Parameters
    /// ----------
    /// other : Formulation
    ///     The formulation of the network that is evaluated.
    /// level : Level
    ///     The level of the state x, on the process of this formulation.
    ///
    /// Returns
    /// -------
    /// Reading
    ///     The coefficients scale, time, a and b.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the level is outside the other network's trained range, or if its process does not
    ///     reach it.
    /// SingularError
    ///     If the other output does not determine this one at this level.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> epsilon, score = (langevin.Formulation("vp", name) for name in ("epsilon", "score"))
    /// >>> level = langevin.Process("vp").level(1.0)
    /// >>> reading = score.read_from(epsilon, level)  # the score is −epsilon / sigma
    /// >>> reading.a, round(reading.b * level.sigma, 12)
    /// (0.0, -1.0)
    fn read_from(&self, other: &Bound<'_, Formulation>, level: &Bound<'_, Level>) -> PyResult<Reading> {
        self.0.read_from(&other.get().0, &level.get().inner()).map(Reading::from).or_raise()
    }

    /// Return the coefficients of :meth:`read_from` for many times.
    ///
    /// The state of each row is the input of a network of this formulation, with its input scaling.
    ///
    /// Parameters
    /// ----------
    /// other : Formulation
    ///     The formulation of the network that is evaluated.
    /// times : array_like of float, shape (times,)
    ///     Times, in the clock of this formulation's network.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of float64, shape (times, 4)
    ///     The columns are scale, time, a and b of :class:`Reading`.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If a time is not reached, or if its level is outside the other network's trained range.
    /// SingularError
    ///     If the other output does not determine this one at a time.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> velocity = langevin.Formulation("rectified-flow", "velocity")
    /// >>> data = langevin.Formulation("rectified-flow", "x0")
    /// >>> data.readings_from(velocity, [0.25, 0.5])
    /// array([[ 1.  ,  0.25,  1.  , -0.25],
    ///        [ 1.  ,  0.5 ,  1.  , -0.5 ]])
    #[pyo3(signature = (other, times: "numpy.typing.ArrayLike") -> "numpy.typing.NDArray[numpy.float64]")]
    fn readings_from<'py>(
        &self,
        other: &Bound<'py, Formulation>,
        times: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (times, mut table) = (numbers(times)?, Vec::new());
        let mut known: Option<(f64, [f64; 4])> = None;
        for time in &times {
            let row = match known {
                Some((same, row)) if same == *time => row,
                _ => {
                    let level = self.0.level(*time).and_then(|level| self.0.seen(&level)).or_raise()?;
                    let reading = self.0.read_from(&other.get().0, &level.state()).or_raise()?;
                    [reading.scale, reading.time, reading.a, reading.b]
                }
            };
            known = Some((*time, row));
            table.extend(row);
        }
        PyArray1::from_vec(other.py(), table).reshape([times.len(), 4]).map(Bound::into_any)
    }

    /// Build a formulation from its JSON document.
    ///
    /// Parameters
    /// ----------
    /// text : str
    ///     A document written by :meth:`to_json`.
    ///
    /// Returns
    /// -------
    /// Formulation
    ///     The formulation, equal to the one that was written.
    ///
    /// Raises
    /// ------
    /// FormatError
    ///     If the text is not the document of a formulation.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        langevin::Formulation::from_spec(&read::<FormulationSpec>(text)?).map(Self).or_raise()
    }

    /// Return the formulation as a JSON document.
    ///
    /// Returns
    /// -------
    /// str
    ///     The document, whose numbers read back bit for bit.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> network = langevin.Formulation("vp", "v")
    /// >>> langevin.Formulation.from_json(network.to_json()) == network
    /// True
    fn to_json(&self) -> PyResult<String> {
        document(&self.0.spec())
    }

    fn __hash__(&self) -> PyResult<u64> {
        Ok(hash(&self.to_json()?))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().to_json()?,)))
    }

    fn __repr__(&self) -> String {
        let range = self.sigma_range().map_or_else(String::new, |(low, high)| {
            // Without the rounding of the way through λ.
            let short = |value: f64| format!("{value:.12e}").parse().unwrap_or(value);
            format!(", sigma_min={}, sigma_max={}", short(low), short(high))
        });
        let (process, prediction) = (self.0.process.name(), self.0.prediction.name());
        format!("Formulation('{process}', '{prediction}', clock='{}'{range})", self.0.clock)
    }
}
