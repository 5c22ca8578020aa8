//! Processes, predictions and formulations.

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

/// A document of one of these objects.
fn document<T: Serialize>(value: &T) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| FormatError::new_err(format!("it has no document: {error}")))
}

/// What a document says.
fn read<T: DeserializeOwned>(text: &str) -> PyResult<T> {
    serde_json::from_str(text).map_err(|error| FormatError::new_err(format!("bad document: {error}")))
}

/// A hash that equal values share.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A place on a process: ``x = alpha * x0 + sigma * noise``.
#[pyclass(frozen, get_all, eq, module = "langevin")]
#[derive(Clone, Copy, PartialEq)]
pub struct Level {
    /// The time, in the clock of the process.
    time: f64,
    /// How much of the datum is in the state.
    alpha: f64,
    /// The standard deviation of the noise in the state.
    sigma: f64,
}

impl From<langevin::Level> for Level {
    fn from(level: langevin::Level) -> Self {
        Self { time: level.time, alpha: level.alpha, sigma: level.sigma }
    }
}

impl Level {
    /// The level of the library.
    pub fn inner(&self) -> langevin::Level {
        langevin::Level { time: self.time, alpha: self.alpha, sigma: self.sigma }
    }
}

/// What a network is told of a :class:`Level`: the time in the network's own clock, and the coefficients of its scaled input,
/// ``x = alpha * x0 + sigma * noise``.
#[pyclass(frozen, get_all, eq, module = "langevin")]
#[derive(Clone, Copy, PartialEq)]
pub struct InputLevel {
    /// The time, in the clock of the network.
    time: f64,
    /// The factor of the datum in the input.
    alpha: f64,
    /// The standard deviation of the noise in the input.
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

    /// Return the place of the input, taken as a state: the same alpha and sigma, on whatever process has them.
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

    /// λ = ln(alpha / sigma), the half log-SNR.
    #[getter]
    fn lambda_(&self) -> f64 {
        self.inner().lambda()
    }

    /// sigma / alpha: the noise level in no clock.
    #[getter]
    fn sigma_ve(&self) -> f64 {
        self.inner().sigma_ve()
    }

    fn __repr__(&self) -> String {
        format!("Level(time={}, alpha={}, sigma={})", self.time, self.alpha, self.sigma)
    }

    fn __hash__(&self) -> u64 {
        // Equal numbers may be written as 0 and −0.
        hash(&format!("{:?}", [self.time, self.alpha, self.sigma].map(|value| value + 0.0)))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (f64, f64, f64))> {
        let own = slf.get();
        Ok((slf.get_type().into_any(), (own.time, own.alpha, own.sigma)))
    }
}

/// A diffusion process: ``vp``, ``vp-linear``, ``vp-cosine``, ``ve``, ``rectified-flow``, ``sub-vp``, or a table such as ``table:scaled-linear``.
///
/// ``Process(betas=[…])`` is the table of these β, ``Process(alphas_cumprod=[…])`` that of these ᾱ: a list, an array or a tensor, one number for each time of the training.
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

    /// Its name.
    #[getter]
    fn name(&self) -> String {
        self.0.name().to_string()
    }

    /// The process of a document of ``to_json``.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        langevin::Process::from_spec(&read::<ProcessSpec>(text)?).map(Self).or_raise()
    }

    /// The process as a JSON document.
    fn to_json(&self) -> PyResult<String> {
        document(&self.0.spec())
    }

    fn __hash__(&self) -> PyResult<u64> {
        Ok(hash(&self.to_json()?))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().to_json()?,)))
    }

    /// The level at a time of its clock.
    fn level(&self, time: f64) -> PyResult<Level> {
        self.0.level(time).map(Level::from).or_raise()
    }

    /// The level where sigma / alpha has this value.
    fn level_at_sigma_ve(&self, ratio: f64) -> PyResult<Level> {
        self.0.level_at_sigma_ve(ratio).map(Level::from).or_raise()
    }

    /// The level where λ has this value.
    fn level_at_lambda(&self, value: f64) -> PyResult<Level> {
        self.0.level_at_lambda(value).map(Level::from).or_raise()
    }

    fn __repr__(&self) -> String {
        format!("Process('{}')", self.0.name())
    }
}

/// What the output of a network means: ``x0``, ``epsilon``, ``score``, ``v``, ``velocity`` or ``edm``; diffusers' names ``sample``, ``v_prediction`` and ``flow_prediction`` are
/// known too.
#[pyclass(frozen, eq, module = "langevin")]
#[derive(Clone, Copy, PartialEq)]
pub struct Prediction(pub langevin::Prediction);

#[pymethods]
impl Prediction {
    #[new]
    fn new(name: PredictionName) -> PyResult<Self> {
        langevin::Prediction::parse(&name.0).map(Self).or_raise()
    }

    /// Its name.
    #[getter]
    fn name(&self) -> &'static str {
        self.0.name()
    }

    /// The prediction of a document of ``to_json``.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        read::<langevin::Prediction>(text).map(Self)
    }

    /// The prediction as a JSON document.
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

/// How to read a network at one level of another process: ``a * x + b * network(scale * x, time)``.
#[pyclass(frozen, get_all, module = "langevin")]
#[derive(Clone, Copy)]
pub struct Reading {
    /// What the state is multiplied by before it enters the network.
    scale: f64,
    /// What the network is given for time.
    time: f64,
    /// The factor of the unscaled state.
    a: f64,
    /// The factor of the output.
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

/// What a network was trained to be: a process, a prediction, the number it is given for time, what its input is multiplied by, and the noise levels
/// (in sigma / alpha) it was trained on.
///
/// ``clock`` is ``time``, ``scaled:1000``, ``remaining:1000``, ``lambda``, ``quarter-log-sigma``, ``log-sigma:0.25`` or ``angle``. With ``input_sigma_data`` the
/// input has unit variance for data of that standard deviation (EDM's c_in on ``ve``).
#[pyclass(frozen, eq, module = "langevin")]
#[derive(Clone, PartialEq)]
pub struct Formulation(pub langevin::Formulation);

/// Numbers of a list, an array or a tensor.
pub fn numbers(values: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let wrong = || {
        let got = values.get_type().name().map_or_else(|_| "something else".to_owned(), |name| name.to_string());
        ArgumentError::new_err(format!("these are no numbers: expected a list or an array of one axis, got {got}"))
    };
    let array = values.py().import("numpy")?.call_method1("asarray", (values, "float64")).map_err(|_| wrong())?;
    let flat = array.call_method1("reshape", (-1,))?;
    flat.call_method0("tolist")?.extract().map_err(|_| wrong())
}

/// A process, or its name.
#[derive(FromPyObject)]
pub enum ProcessLike<'py> {
    /// The object.
    Process(Bound<'py, Process>),
    /// Its name.
    Name(String),
}

impl ProcessLike<'_> {
    /// The process.
    pub fn process(&self) -> PyResult<langevin::Process> {
        match self {
            Self::Process(process) => Ok(process.get().0.clone()),
            Self::Name(name) => langevin::Process::parse(name).or_raise(),
        }
    }
}

/// A prediction, or its name.
#[derive(FromPyObject)]
pub enum PredictionLike<'py> {
    /// The object.
    Prediction(Bound<'py, Prediction>),
    /// Its name.
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
        // Documents are checked; so is what could be one.
        langevin::Formulation::from_spec(&formulation.spec()).or_raise()?;
        Ok(Self(formulation))
    }

    /// The process.
    #[getter]
    fn process(&self) -> Process {
        Process(self.0.process.clone())
    }

    /// The prediction.
    #[getter]
    fn prediction(&self) -> Prediction {
        Prediction(self.0.prediction)
    }

    /// The trained noise levels in sigma / alpha, or ``None``.
    #[getter]
    fn sigma_range(&self) -> Option<(f64, f64)> {
        self.0.range.map(|range| range.sigma_ve())
    }

    /// Return what the network is told of a level: the time in its clock, and the alpha and sigma of its scaled input.
    fn seen(&self, level: &Bound<'_, Level>) -> PyResult<InputLevel> {
        self.0.seen(&level.get().inner()).map(InputLevel::from).or_raise()
    }

    /// The level of its own process at which the network is given this number for time.
    fn level(&self, time: f64) -> PyResult<Level> {
        self.0.level(time).map(Level::from).or_raise()
    }

    /// How to read the denoised prediction off this network at a level of any process.
    fn denoised(&self, level: &Bound<'_, Level>) -> PyResult<Reading> {
        self.0.denoised(&level.get().inner()).map(Reading::from).or_raise()
    }

    /// How to read this formulation's output off a network of another one, at a level of this process.
    fn read_from(&self, other: &Bound<'_, Formulation>, level: &Bound<'_, Level>) -> PyResult<Reading> {
        self.0.read_from(&other.get().0, &level.get().inner()).map(Reading::from).or_raise()
    }

    /// How to read this formulation's output off a network of another one at many times of this one's clock: an array of shape (times, 4), columns scale, time, a, b as in
    /// :class:`Reading`.
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

    /// The formulation of a document of ``to_json``.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        langevin::Formulation::from_spec(&read::<FormulationSpec>(text)?).map(Self).or_raise()
    }

    /// The formulation as a JSON document.
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
        format!(
            "Formulation('{}', '{}', clock='{}', range={:?})",
            self.0.process.name(),
            self.0.prediction.name(),
            self.0.clock,
            self.sigma_range()
        )
    }
}
