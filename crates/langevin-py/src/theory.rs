//! Processes, predictions and formulations.

use crate::errors::OrRaise as _;
use langevin::{Clock, InputScaling, LambdaRange};
use pyo3::prelude::*;

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

#[pymethods]
impl Level {
    #[new]
    fn new(time: f64, alpha: f64, sigma: f64) -> Self {
        Self { time, alpha, sigma }
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
}

/// A diffusion process: ``vp``, ``vp-linear``, ``vp-cosine``, ``ve``, ``rectified-flow``, ``sub-vp``, or a table such as ``table:scaled-linear``.
#[pyclass(frozen, eq, module = "langevin")]
#[derive(Clone, PartialEq)]
pub struct Process(pub langevin::Process);

#[pymethods]
impl Process {
    #[new]
    fn new(name: &str) -> PyResult<Self> {
        langevin::Process::parse(name).map(Self).or_raise()
    }

    /// Its name.
    #[getter]
    fn name(&self) -> String {
        self.0.name().to_string()
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

/// What the output of a network means: ``x0``, ``epsilon``, ``score``, ``v``, ``velocity`` or ``edm``.
#[pyclass(frozen, eq, module = "langevin")]
#[derive(Clone, Copy, PartialEq)]
pub struct Prediction(pub langevin::Prediction);

#[pymethods]
impl Prediction {
    #[new]
    fn new(name: &str) -> PyResult<Self> {
        langevin::Prediction::parse(name).map(Self).or_raise()
    }

    /// Its name.
    #[getter]
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn __repr__(&self) -> String {
        format!("Prediction('{}')", self.0.name())
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
    #[pyo3(signature = (process, prediction, *, clock = "time", input_sigma_data = None, sigma_min = None, sigma_max = None))]
    fn new(
        process: ProcessLike<'_>,
        prediction: PredictionLike<'_>,
        clock: &str,
        input_sigma_data: Option<f64>,
        sigma_min: Option<f64>,
        sigma_max: Option<f64>,
    ) -> PyResult<Self> {
        let mut formulation = langevin::Formulation::new(process.process()?, prediction.prediction()?)
            .with_clock(Clock::parse(clock).or_raise()?);
        if let Some(sigma_data) = input_sigma_data {
            formulation = formulation.with_input(InputScaling::UnitVariance { sigma_data });
        }
        match (sigma_min, sigma_max) {
            (Some(low), Some(high)) => {
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

    /// The level as the network sees it: its time, and the alpha and sigma of its scaled input.
    fn seen(&self, level: &Bound<'_, Level>) -> PyResult<Level> {
        self.0.seen(&level.get().inner()).map(Level::from).or_raise()
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
