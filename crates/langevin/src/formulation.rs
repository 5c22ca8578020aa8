//! A formulation: what a network was trained to be, and how it is read as anything else.
//!
//! process + prediction + clock (the number the network is given for time) + input scaling + trained λ-range. A network trained in one formulation
//! is a model in any other by exact algebra, with no retraining: match λ, scale the state, and pass through the denoised prediction,
//!
//! $$D = A (k x) + B \mathrm{out}, \qquad k = \alpha_N/\alpha = \sigma_N/\sigma .$$

mod input;

pub use input::InputLevel;

use crate::error::{Error, Result};
use crate::math::{atan, exp, ln, tan};
use crate::prediction::Prediction;
use crate::process::{Affine, Level, Process, ProcessSpec};
use serde::{Deserialize, Serialize};

/// The number a network is given for time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Clock {
    /// The time of its own process.
    #[default]
    Time,
    /// `factor` × that time, such as 1000 t.
    Scaled {
        /// The factor.
        factor: f64,
    },
    /// `factor` × what is left of it: 1000 (1 − s) on a flow, counted from noise to data.
    Remaining {
        /// The factor.
        factor: f64,
    },
    /// The half log-SNR λ.
    Lambda,
    /// EDM's c_noise = ¼ ln(σ/α).
    QuarterLogSigma,
    /// `factor` × ln(σ/α).
    LogSigma {
        /// The factor.
        factor: f64,
    },
    /// The angle of noise to signal in units of a right angle, (2/π) atan(σ/α): from 0 to 1.
    Angle,
}

impl Clock {
    /// A clock by its name and, behind a colon, its factor: `time`, `scaled:1000`, `remaining:1000`, `lambda`, `quarter-log-sigma`, `log-sigma:0.25`, `angle`.
    ///
    /// ```
    /// use langevin::Clock;
    /// assert_eq!(Clock::parse("scaled:1000")?, Clock::Scaled { factor: 1000.0 });
    /// assert!(Clock::parse("scaled").is_err() && Clock::parse("scaled:-1").is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// An unknown name, or a factor that is missing, not wanted or not positive.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, number) = text.split_once(':').map_or((text, None), |(name, number)| (name, Some(number)));
        let bad = |expected: String| Err(Error::argument("bad clock").expected(expected).got(format!("'{text}'")));
        let factor = match number.map(str::parse::<f64>) {
            None => None,
            Some(Ok(factor)) if factor > 0.0 && factor.is_finite() => Some(factor),
            Some(_) => return bad("a positive number behind the colon".to_owned()),
        };
        Ok(match (name, factor) {
            ("time", None) => Self::Time,
            ("scaled", Some(factor)) => Self::Scaled { factor },
            ("remaining", Some(factor)) => Self::Remaining { factor },
            ("lambda", None) => Self::Lambda,
            ("quarter-log-sigma", None) => Self::QuarterLogSigma,
            ("log-sigma", Some(factor)) => Self::LogSigma { factor },
            ("angle", None) => Self::Angle,
            ("scaled" | "remaining" | "log-sigma", None) => return bad(format!("a factor, as in {name}:1000")),
            ("time" | "lambda" | "quarter-log-sigma" | "angle", Some(_)) => return bad(format!("{name} alone")),
            _ => return Err(Error::unknown("clock", name, &CLOCKS)),
        })
    }
}

impl std::fmt::Display for Clock {
    /// The text that [`parse`](Self::parse) reads.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Time => f.write_str("time"),
            Self::Scaled { factor } => write!(f, "scaled:{factor}"),
            Self::Remaining { factor } => write!(f, "remaining:{factor}"),
            Self::Lambda => f.write_str("lambda"),
            Self::QuarterLogSigma => f.write_str("quarter-log-sigma"),
            Self::LogSigma { factor } => write!(f, "log-sigma:{factor}"),
            Self::Angle => f.write_str("angle"),
        }
    }
}

/// The names of the clocks.
const CLOCKS: [&str; 7] = ["time", "scaled", "remaining", "lambda", "quarter-log-sigma", "log-sigma", "angle"];

/// What a network's input is multiplied by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum InputScaling {
    /// Nothing: the state itself.
    #[default]
    None,
    /// $1/\sqrt{\sigma^2 + \alpha^2\sigma_d^2}$: unit variance for data of standard deviation σ_d. On VE it is EDM's c_in.
    UnitVariance {
        /// σ_d > 0.
        sigma_data: f64,
    },
}

/// The λ-range on which a network was trained, from its noisiest to its cleanest level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LambdaRange {
    /// λ of the noisiest level.
    pub min: f64,
    /// λ of the cleanest level.
    pub max: f64,
}

impl LambdaRange {
    /// From the noise levels `sigma_min` < `sigma_max`, in σ/α.
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// let range = LambdaRange::from_sigma_ve(0.002, 80.0)?;
    /// assert!(range.contains(0.0) && !range.contains(-5.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Unless 0 < σ_min < σ_max < ∞.
    pub fn from_sigma_ve(sigma_min: f64, sigma_max: f64) -> Result<Self> {
        if 0.0 < sigma_min && sigma_min < sigma_max && sigma_max.is_finite() {
            return Ok(Self { min: -ln(sigma_max), max: -ln(sigma_min) });
        }
        Err(Error::argument("not a range of noise levels")
            .expected("0 < sigma_min < sigma_max < ∞")
            .got(format!("{sigma_min} and {sigma_max}")))
    }

    /// The range in σ/α: (σ_min, σ_max).
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// let (min, max) = LambdaRange::from_sigma_ve(0.002, 80.0)?.sigma_ve();
    /// assert!((min - 0.002).abs() < 1e-15 && (max - 80.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn sigma_ve(&self) -> (f64, f64) {
        (exp(-self.max), exp(-self.min))
    }

    /// That it is a range: finite, and not empty.
    pub fn check(&self) -> Result<()> {
        if self.min.is_finite() && self.max.is_finite() && self.min < self.max {
            return Ok(());
        }
        Err(Error::format("not a range of λ")
            .at("lambda_range")
            .expected("finite min < max")
            .got(format!("[{}, {}]", self.min, self.max)))
    }

    /// Whether `lambda` is inside, up to the rounding of a change of clock (1e-9).
    #[must_use]
    pub fn contains(&self, lambda: f64) -> bool {
        self.min - 1e-9 <= lambda && lambda <= self.max + 1e-9
    }
}

/// What a network was trained to be. See the [module](self) for the formula.
///
/// ```
/// use langevin::{Formulation, Prediction, Process};
/// let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
/// let vp = Formulation::new(Process::vp(), Prediction::Score);
/// // At VP time 1, what to feed the flow network and how to read its output as the VP score:
/// let level = vp.process.level(1.0)?;
/// let reading = vp.read_from(&flow, &level)?;
/// // score = reading.a · x + reading.b · network(reading.scale · x, reading.time)
/// assert!((reading.time - 0.5672).abs() < 1e-4);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Formulation {
    /// The process whose states it was trained on.
    pub process: Process,
    /// What its output means.
    pub prediction: Prediction,
    /// What it is given for time.
    pub clock: Clock,
    /// What its input is multiplied by.
    pub input: InputScaling,
    /// Where it was trained; `None`: everywhere.
    pub range: Option<LambdaRange>,
}

/// How to read a network at one level of another process: `a`·x + `b`·out(`scale`·x, `time`).
///
/// In a [`Plan`](crate::Plan) the value is D, and the letters are A and B.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// What the state is multiplied by before it enters the network.
    pub scale: f64,
    /// What the network is given for time.
    pub time: f64,
    /// The factor of the (unscaled) state.
    #[serde(rename = "A")]
    pub a: f64,
    /// The factor of the network's output.
    #[serde(rename = "B")]
    pub b: f64,
}

impl Formulation {
    /// A network on `process` with this prediction, given the process's own time and unscaled states, trained everywhere.
    #[must_use]
    pub fn new(process: Process, prediction: Prediction) -> Self {
        Self { process, prediction, clock: Clock::Time, input: InputScaling::None, range: None }
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// With scaled inputs.
    #[must_use]
    pub fn with_input(mut self, input: InputScaling) -> Self {
        self.input = input;
        self
    }

    /// Trained on this λ-range only.
    #[must_use]
    pub fn with_range(mut self, range: LambdaRange) -> Self {
        self.range = Some(range);
        self
    }

    /// What the network is given for time at a level of its own process.
    fn time(&self, own: &Level) -> f64 {
        match self.clock {
            Clock::Time => own.time,
            Clock::Scaled { factor } => factor * own.time,
            Clock::Remaining { factor } => factor * (self.process.schedule().domain().1 - own.time),
            Clock::Lambda => own.lambda(),
            Clock::QuarterLogSigma => 0.25 * ln(own.sigma_ve()),
            Clock::LogSigma { factor } => factor * ln(own.sigma_ve()),
            Clock::Angle => atan(own.sigma_ve()) * std::f64::consts::FRAC_2_PI,
        }
    }

    /// The level of its own process at which the network is given this number for time: the inverse of the clock.
    ///
    /// ```
    /// use langevin::{Clock, Formulation, Prediction, Process};
    /// let network = Formulation::new(Process::vp_linear(), Prediction::Epsilon).with_clock(Clock::Scaled { factor: 1000.0 });
    /// assert!((network.level(500.0)?.time - 0.5).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// A number that its process does not reach.
    pub fn level(&self, time: f64) -> Result<Level> {
        match self.clock {
            Clock::Time => self.process.level(time),
            Clock::Scaled { factor } => self.process.level(time / factor),
            Clock::Remaining { factor } => self.process.level(self.process.schedule().domain().1 - time / factor),
            Clock::Lambda => self.process.level_at_lambda(time),
            Clock::QuarterLogSigma => self.process.level_at_sigma_ve(exp(4.0 * time)),
            Clock::LogSigma { factor } => self.process.level_at_sigma_ve(exp(time / factor)),
            Clock::Angle => self.process.level_at_sigma_ve(tan(time * std::f64::consts::FRAC_PI_2)),
        }
    }

    /// What the network's input is multiplied by at a level of its own process.
    pub(crate) fn input_scale(&self, own: &Level) -> f64 {
        match self.input {
            InputScaling::None => 1.0,
            InputScaling::UnitVariance { sigma_data } => {
                let spread = own.alpha * sigma_data;
                1.0 / (own.sigma * own.sigma + spread * spread).sqrt()
            }
        }
    }

    /// Returns what the network is told of a level: the time in its clock, and α and σ of its scaled input.
    ///
    /// # Errors
    /// As [`Process::match_level`].
    pub fn seen(&self, level: &Level) -> Result<InputLevel> {
        let own = self.process.match_level(level)?;
        let scale = self.input_scale(&own);
        Ok(InputLevel { time: self.time(&own), alpha: scale * own.alpha, sigma: scale * own.sigma })
    }

    /// How to read D off this network at a level of any process: D = a·x + b·out(scale·x, time).
    ///
    /// # Errors
    /// A level outside the trained range, one that the network's process does not reach, or one where the output does not determine D.
    pub fn denoised(&self, level: &Level) -> Result<Reading> {
        if let Some(range) = self.range.filter(|range| !range.contains(level.lambda())) {
            return Err(Error::argument("the network was not trained at this noise level")
                .at(format!("time {}, λ = {:.4}", level.time, level.lambda()))
                .expected(format!("λ in [{:.4}, {:.4}]", range.min, range.max))
                .got(format!("{:.4}", level.lambda()))
                .hinting("keep the grid inside the trained range"));
        }
        let own = self.process.match_level(level)?;
        self.denoised_at(level, &own, self.time(&own))
    }

    /// How to read D where the network's own level and the time it is given are known: [`denoised`](Self::denoised) with these in place of the matched ones.
    pub(crate) fn denoised_at(&self, level: &Level, own: &Level, time: f64) -> Result<Reading> {
        let factor = level.scale_to(own);
        let Affine { a, b } = self.prediction.to_denoised(&self.process, own)?;
        let reading = Reading { scale: factor * self.input_scale(own), time, a: a * factor, b };
        if reading.time.is_finite() && reading.scale.is_finite() {
            return Ok(reading);
        }
        Err(Error::singular("the network's clock or input scaling has no finite value here")
            .at(format!("time {}, {} prediction", level.time, self.prediction.name()))
            .got(format!("network time {}, scale {}", reading.time, reading.scale)))
    }

    /// How to read this formulation's output off a network of another one, `from`, at a level of this process:
    /// out = a·x + b·out_from(scale·x, time).
    ///
    /// With out = p x0 + q ε for either (primes for this one) and x = αx0 + σε in the other's process, x0 and ε are eliminated at once, without passing
    /// through D, which would cancel: $\mathrm{out}' = [(p'q - q'p) x + (q'\alpha - p'\sigma) \mathrm{out}]/(\alpha q - \sigma p)$.
    ///
    /// # Errors
    /// As [`denoised`](Self::denoised); and where D does not determine this prediction.
    pub fn read_from(&self, from: &Formulation, level: &Level) -> Result<Reading> {
        let own = self.process.match_level(level)?;
        let reading = from.denoised(level)?;
        let map = self.prediction.from_denoised(&self.process, &own)?;
        let theirs = from.process.match_level(level)?;
        let wanted = self.prediction.parts(&self.process, &own);
        let given = from.prediction.parts(&from.process, &theirs);
        let w = theirs.alpha * given.noise - theirs.sigma * given.datum;
        let a = level.scale_to(&theirs) * (wanted.datum * given.noise - wanted.noise * given.datum) / w;
        let b = (wanted.noise * theirs.alpha - wanted.datum * theirs.sigma) / w;
        if a.is_finite() && b.is_finite() {
            return Ok(Reading { a, b, ..reading });
        }
        // Corners where p or q is infinite and the answer is not.
        Ok(Reading { a: map.a * level.scale_to(&own) + map.b * reading.a, b: map.b * reading.b, ..reading })
    }

    /// This formulation as it stands in JSON.
    #[must_use]
    pub fn spec(&self) -> FormulationSpec {
        FormulationSpec {
            process: self.process.spec(),
            prediction: self.prediction,
            clock: self.clock,
            input: self.input,
            range: self.range,
        }
    }

    /// The formulation that a document describes.
    ///
    /// # Errors
    /// A custom process, or parameters that are not positive and finite.
    pub fn from_spec(spec: &FormulationSpec) -> Result<Self> {
        let positive = |what: &str, value: f64| {
            if value > 0.0 && value.is_finite() {
                return Ok(());
            }
            Err(Error::format("bad formulation")
                .at(what.to_owned())
                .expected("a positive number")
                .got(value.to_string()))
        };
        if let Prediction::Edm { sigma_data } | Prediction::EdmV { sigma_data } = spec.prediction {
            positive("prediction.sigma_data", sigma_data)?;
        }
        if let Clock::Scaled { factor } | Clock::Remaining { factor } | Clock::LogSigma { factor } = spec.clock {
            positive("clock.factor", factor)?;
        }
        if let InputScaling::UnitVariance { sigma_data } = spec.input {
            positive("input.sigma_data", sigma_data)?;
        }
        spec.range.map_or(Ok(()), |range| range.check())?;
        Ok(Self {
            process: Process::from_spec(&spec.process)?,
            prediction: spec.prediction,
            clock: spec.clock,
            input: spec.input,
            range: spec.range,
        })
    }
}

/// A [`Formulation`] as it stands in JSON, in plans and in model files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FormulationSpec {
    /// The process.
    pub process: ProcessSpec,
    /// The prediction.
    pub prediction: Prediction,
    /// The clock.
    #[serde(default)]
    pub clock: Clock,
    /// The input scaling.
    #[serde(default)]
    pub input: InputScaling,
    /// The trained λ-range.
    #[serde(default, rename = "lambda_range")]
    pub range: Option<LambdaRange>,
}

#[cfg(test)]
mod tests;
