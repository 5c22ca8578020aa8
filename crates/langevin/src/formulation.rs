//! Formulations: the convention in which a network was trained, and exact conversion between
//! conventions.
//!
//! A formulation consists of the process, the prediction, the clock (the number that the network
//! receives as time), the input scaling and the trained λ-range.
//!
//! A network trained in one formulation is a model in any other by exact algebra, with no
//! retraining. The conversion matches λ, scales the state, and passes through the denoised
//! prediction:
//!
//! $$D = A (k x) + B \mathrm{out}, \qquad k = \alpha_N/\alpha = \sigma_N/\sigma .$$
//!
//! Here α_N and σ_N belong to the network's process, and α and σ to the process of the sampler.

mod input;

pub use input::InputLevel;

use crate::error::{Error, Result};
use crate::math::{atan, exp, ln, tan};
use crate::prediction::Prediction;
use crate::process::{Affine, Level, Process, ProcessSpec};
use serde::{Deserialize, Serialize};

/// The number that a network receives as time.
///
/// # Examples
///
/// ```
/// use langevin::{Clock, Formulation, Prediction, Process};
/// let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
/// let network = flow.with_clock(Clock::Scaled { factor: 1000.0 });
/// let level = network.process.level(0.25)?;
/// assert_eq!(network.denoised(&level)?.time, 250.0);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Clock {
    /// The time of the network's own process.
    #[default]
    Time,
    /// `factor` × that time, such as 1000 t.
    Scaled {
        /// The factor, positive.
        factor: f64,
    },
    /// `factor` × the time that remains: 1000 (1 − s) on a flow, counted from noise to data.
    Remaining {
        /// The factor, positive.
        factor: f64,
    },
    /// The half log-SNR λ.
    Lambda,
    /// EDM's c_noise = ¼ ln(σ/α).
    QuarterLogSigma,
    /// `factor` × ln(σ/α).
    LogSigma {
        /// The factor, positive.
        factor: f64,
    },
    /// The angle of noise to signal in units of a right angle, (2/π) atan(σ/α), from 0 to 1.
    Angle,
}

impl Clock {
    /// Parses a clock: a name, followed by a colon and a factor if the clock has one.
    ///
    /// The forms are `time`, `scaled:1000`, `remaining:1000`, `lambda`, `quarter-log-sigma`,
    /// `log-sigma:0.25` and `angle`.
    ///
    /// # Errors
    /// Returns an error if the name is unknown, if a factor is missing or not positive, or if the
    /// clock takes no factor.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Clock;
    /// assert_eq!(Clock::parse("scaled:1000")?, Clock::Scaled { factor: 1000.0 });
    /// assert!(Clock::parse("scaled").is_err() && Clock::parse("scaled:-1").is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
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
    /// Writes the text that [`parse`](Self::parse) reads.
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

/// The factor that a network's input is multiplied by.
///
/// # Examples
///
/// ```
/// use langevin::formulation::InputScaling;
/// use langevin::{Formulation, Prediction, Process};
/// let edm = Formulation::new(Process::ve(), Prediction::Edm { sigma_data: 0.5 })
///     .with_input(InputScaling::UnitVariance { sigma_data: 0.5 });
/// let reading = edm.denoised(&edm.process.level(2.0)?)?;
/// assert!((reading.scale - 1.0 / 4.25_f64.sqrt()).abs() < 1e-15); // EDM's c_in
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum InputScaling {
    /// No scaling: the input is the state itself.
    #[default]
    None,
    /// $1/\sqrt{\sigma^2 + \alpha^2\sigma_d^2}$: unit variance for data of standard deviation σ_d.
    /// On VE it is EDM's c_in.
    UnitVariance {
        /// σ_d > 0.
        sigma_data: f64,
    },
}

/// The range of λ on which a network was trained, from its noisiest to its cleanest level.
///
/// # Examples
///
/// ```
/// use langevin::LambdaRange;
/// let range = LambdaRange { min: -4.0, max: 6.0 };
/// assert!(range.contains(0.0) && !range.contains(7.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LambdaRange {
    /// λ of the noisiest level.
    pub min: f64,
    /// λ of the cleanest level.
    pub max: f64,
}

impl LambdaRange {
    /// Returns the range between the noise levels `sigma_min` < `sigma_max`, in σ/α.
    ///
    /// # Errors
    /// Returns an error unless 0 < σ_min < σ_max < ∞.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// let range = LambdaRange::from_sigma_ve(0.002, 80.0)?;
    /// assert!(range.contains(0.0) && !range.contains(-5.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn from_sigma_ve(sigma_min: f64, sigma_max: f64) -> Result<Self> {
        if 0.0 < sigma_min && sigma_min < sigma_max && sigma_max.is_finite() {
            return Ok(Self { min: -ln(sigma_max), max: -ln(sigma_min) });
        }
        Err(Error::argument("not a range of noise levels")
            .expected("0 < sigma_min < sigma_max < ∞")
            .got(format!("{sigma_min} and {sigma_max}")))
    }

    /// Returns the range in σ/α, as (σ_min, σ_max).
    ///
    /// # Examples
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

    /// Checks that the range is finite and not empty.
    ///
    /// # Errors
    /// Returns an error unless min < max and both are finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// assert!(LambdaRange { min: -4.0, max: 6.0 }.check().is_ok());
    /// assert!(LambdaRange { min: 6.0, max: -4.0 }.check().unwrap_err().is_format());
    /// ```
    pub fn check(&self) -> Result<()> {
        if self.min.is_finite() && self.max.is_finite() && self.min < self.max {
            return Ok(());
        }
        Err(Error::format("not a range of λ")
            .at("lambda_range")
            .expected("finite min < max")
            .got(format!("[{}, {}]", self.min, self.max)))
    }

    /// Returns `true` if `lambda` is in the range, with a tolerance of 1e-9 for the rounding of a
    /// change of clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::LambdaRange;
    /// let range = LambdaRange { min: -4.0, max: 6.0 };
    /// assert!(range.contains(6.0 + 1e-12) && !range.contains(6.001));
    /// ```
    #[must_use]
    pub fn contains(&self, lambda: f64) -> bool {
        self.min - 1e-9 <= lambda && lambda <= self.max + 1e-9
    }
}

/// The convention in which a network was trained. See the [module](self) for the formula.
///
/// # Examples
///
/// ```
/// use langevin::{Formulation, Prediction, Process};
/// let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
/// let vp = Formulation::new(Process::vp(), Prediction::Score);
/// // Read the flow network's output as the VP score at VP time 1:
/// let level = vp.process.level(1.0)?;
/// let reading = vp.read_from(&flow, &level)?;
/// // score = reading.a · x + reading.b · network(reading.scale · x, reading.time)
/// assert!((reading.time - 0.5672).abs() < 1e-4);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Formulation {
    /// The process on whose states the network was trained.
    pub process: Process,
    /// The meaning of the network's output.
    pub prediction: Prediction,
    /// The number that the network receives as time.
    pub clock: Clock,
    /// The factor that the network's input is multiplied by.
    pub input: InputScaling,
    /// The range of λ on which the network was trained; `None` means no limit.
    pub range: Option<LambdaRange>,
}

/// The conversion of a network's output at one level of another process: `a`·x + `b`·out(`scale`·x,
/// `time`).
///
/// In a [`Plan`](crate::Plan) the value is D, and the coefficients are A and B. JSON uses these
/// letters as well.
///
/// # Examples
///
/// ```
/// use langevin::{Formulation, Prediction, Process};
/// let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
/// // Read the flow network on VE at σ = 1: the input is x/2 at s = ½, and D = x/2 − out/2.
/// let reading = flow.denoised(&Process::ve().level(1.0)?)?;
/// assert_eq!((reading.scale, reading.time), (0.5, 0.5));
/// assert_eq!((reading.a, reading.b), (0.5, -0.5));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The factor of the state before it enters the network.
    pub scale: f64,
    /// The number that the network receives as time.
    pub time: f64,
    /// The factor of the unscaled state.
    #[serde(rename = "A")]
    pub a: f64,
    /// The factor of the network's output.
    #[serde(rename = "B")]
    pub b: f64,
}

impl Formulation {
    /// Returns the formulation of a network on `process` that receives the process's own time and
    /// unscaled states, with no limit on λ.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Clock, Formulation, Prediction, Process};
    /// let network = Formulation::new(Process::vp(), Prediction::Epsilon);
    /// assert_eq!((network.clock, network.range), (Clock::Time, None));
    /// ```
    #[must_use]
    pub fn new(process: Process, prediction: Prediction) -> Self {
        Self { process, prediction, clock: Clock::Time, input: InputScaling::None, range: None }
    }

    /// Returns the formulation with another clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Clock, Formulation, Prediction, Process};
    /// let network = Formulation::new(Process::ve(), Prediction::X0).with_clock(Clock::Lambda);
    /// assert_eq!(network.seen(&network.process.level(1.0)?)?.time, 0.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the formulation with another input scaling.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::formulation::InputScaling;
    /// use langevin::{Formulation, Prediction, Process};
    /// let network = Formulation::new(Process::ve(), Prediction::X0)
    ///     .with_input(InputScaling::UnitVariance { sigma_data: 1.0 });
    /// // The scaled input has unit variance: α² σ_d² + σ² = 1.
    /// let seen = network.seen(&network.process.level(2.0)?)?;
    /// assert!((seen.alpha.powi(2) + seen.sigma.powi(2) - 1.0).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn with_input(mut self, input: InputScaling) -> Self {
        self.input = input;
        self
    }

    /// Returns the formulation with a trained range of λ. Levels outside it are errors.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Formulation, LambdaRange, Prediction, Process};
    /// let network = Formulation::new(Process::ve(), Prediction::X0)
    ///     .with_range(LambdaRange::from_sigma_ve(0.01, 50.0)?);
    /// assert!(network.denoised(&network.process.level(60.0)?).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn with_range(mut self, range: LambdaRange) -> Self {
        self.range = Some(range);
        self
    }

    /// Returns the λ-range on which a network of this formulation is used by default.
    ///
    /// It is its own range, that of its table, or that of
    /// [`usual_range`](crate::grid::usual_range).
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process};
    /// let of = |name| Ok::<_, langevin::Error>(Formulation::new(Process::parse(name)?, Prediction::Epsilon));
    /// let (_, noisy) = of("table:scaled-linear")?.default_range()?.sigma_ve();
    /// assert!((noisy - 14.6146).abs() < 1e-4);
    /// assert!((of("vp")?.default_range()?.sigma_ve().1 - 80.0).abs() < 1e-9);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the process has no such levels.
    pub fn default_range(&self) -> Result<LambdaRange> {
        match self.range.or_else(|| self.table_range()) {
            Some(range) => Ok(range),
            None => {
                let [low, high] = crate::grid::usual_range(&self.process);
                LambdaRange::from_sigma_ve(low, high)
            }
        }
    }

    /// Returns the λ-range of the entries of a table, without an entry of pure noise; `None` for
    /// other processes.
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process};
    /// let network = Formulation::new(Process::parse("table:linear")?, Prediction::Epsilon);
    /// let (clean, noisy) = network.table_range().expect("a table").sigma_ve();
    /// assert!((clean - 0.01).abs() < 1e-4 && (noisy - 157.4073).abs() < 1e-4);
    /// assert!(Formulation::new(Process::vp(), Prediction::Epsilon).table_range().is_none());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn table_range(&self) -> Option<LambdaRange> {
        let bars = self.process.alpha_bars()?;
        let ratio = |bar: f64| ((1.0 - bar) / bar).sqrt();
        let last = bars.iter().rev().find(|bar| **bar > 0.0)?;
        LambdaRange::from_sigma_ve(ratio(*bars.first()?), ratio(*last)).ok()
    }

    /// Returns the number that the network receives as time at a level of its own process.
    pub(crate) fn time(&self, own: &Level) -> f64 {
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

    /// Returns the level of the network's process at which the network receives `time`. It is the
    /// inverse of the clock.
    ///
    /// # Errors
    /// Returns an error if the network's process does not reach that time.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Clock, Formulation, Prediction, Process};
    /// let network = Formulation::new(Process::vp_linear(), Prediction::Epsilon)
    ///     .with_clock(Clock::Scaled { factor: 1000.0 });
    /// assert!((network.level(500.0)?.time - 0.5).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Returns the factor of the network's input at a level of its own process.
    pub(crate) fn input_scale(&self, own: &Level) -> f64 {
        match self.input {
            InputScaling::None => 1.0,
            InputScaling::UnitVariance { sigma_data } => {
                let spread = own.alpha * sigma_data;
                1.0 / (own.sigma * own.sigma + spread * spread).sqrt()
            }
        }
    }

    /// Returns the level as the network receives it: the time in its clock, and α and σ of its
    /// scaled input.
    ///
    /// # Errors
    /// Returns an error if the network's process does not reach the noise level; see
    /// [`Process::match_level`].
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process};
    /// let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    /// let seen = flow.seen(&Process::ve().level(3.0)?)?;
    /// assert_eq!((seen.time, seen.alpha, seen.sigma), (0.75, 0.25, 0.75));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn seen(&self, level: &Level) -> Result<InputLevel> {
        let own = self.process.match_level(level)?;
        let scale = self.input_scale(&own);
        Ok(InputLevel { time: self.time(&own), alpha: scale * own.alpha, sigma: scale * own.sigma })
    }

    /// Returns the conversion of this network's output to D at a level of any process: D = a·x +
    /// b·out(scale·x, time).
    ///
    /// # Errors
    /// Returns an error if
    ///
    /// - the level lies outside the trained range,
    /// - the network's process does not reach the level,
    /// - the output does not determine D there, or
    /// - the clock or the input scaling has no finite value there.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process};
    /// let network = Formulation::new(Process::vp(), Prediction::Epsilon);
    /// let level = Process::ve().level(1.0)?;
    /// let reading = network.denoised(&level)?;
    /// // The matching VP level has α = σ = 1/√2, so the input is x/√2 and D = x − out.
    /// assert!((reading.scale - 0.5_f64.sqrt()).abs() < 1e-15);
    /// assert!((reading.a - 1.0).abs() < 1e-15 && (reading.b + 1.0).abs() < 1e-15);
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Returns the conversion to D as [`denoised`](Self::denoised) does, with the network's own
    /// level and time passed by the caller.
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

    /// Returns the conversion of the output of another network, `from`, to this formulation's
    /// output, at a level of any process: out = a·x + b·out_from(scale·x, time).
    ///
    /// With out = p x0 + q ε for both networks (primes for this one) and x = αx0 + σε in the
    /// process of `from`, x0 and ε are eliminated at once. Passing through D would lose digits by
    /// cancellation:
    /// $\mathrm{out}' = [(p'q - q'p) x + (q'\alpha - p'\sigma) \mathrm{out}]/(\alpha q - \sigma
    /// p)$.
    ///
    /// # Errors
    /// Returns an error if [`denoised`](Self::denoised) of `from` does, or if D does not determine
    /// this prediction.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process};
    /// let ve = Process::ve();
    /// let epsilon = Formulation::new(ve.clone(), Prediction::Epsilon);
    /// let score = Formulation::new(ve.clone(), Prediction::Score);
    /// // The score is −ε/σ: the state does not enter.
    /// let reading = score.read_from(&epsilon, &ve.level(2.0)?)?;
    /// assert_eq!((reading.a, reading.b), (0.0, -0.5));
    /// # Ok::<(), langevin::Error>(())
    /// ```
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
        // At corners where p or q is infinite the value may still be finite; there it is computed
        // through D.
        Ok(Reading { a: map.a * level.scale_to(&own) + map.b * reading.a, b: map.b * reading.b, ..reading })
    }

    /// Returns the JSON form of this formulation.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process};
    /// let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    /// let json = serde_json::to_string(&network.spec()).unwrap();
    /// let start = r#"{"process":{"kind":"rectified-flow"},"prediction":{"kind":"velocity"}"#;
    /// assert!(json.starts_with(start));
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Builds the formulation that a document describes.
    ///
    /// # Errors
    /// Returns an error if the process is a custom one, if a parameter is not positive and finite,
    /// or if the range of λ is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Formulation, Prediction, Process};
    /// let network = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    /// assert_eq!(Formulation::from_spec(&network.spec())?, network);
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

/// The JSON form of a [`Formulation`], in plans and in model files.
///
/// # Examples
///
/// ```
/// use langevin::formulation::FormulationSpec;
/// use langevin::{Clock, Formulation};
/// let text = r#"{"process": {"kind": "vp"}, "prediction": {"kind": "epsilon"}}"#;
/// let spec: FormulationSpec = serde_json::from_str(text).unwrap();
/// assert_eq!(Formulation::from_spec(&spec)?.clock, Clock::Time);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FormulationSpec {
    /// The process.
    pub process: ProcessSpec,
    /// The prediction.
    pub prediction: Prediction,
    /// The clock; the process's own time if absent.
    #[serde(default)]
    pub clock: Clock,
    /// The input scaling; none if absent.
    #[serde(default)]
    pub input: InputScaling,
    /// The trained λ-range, `lambda_range` in JSON; no limit if absent.
    #[serde(default, rename = "lambda_range")]
    pub range: Option<LambdaRange>,
}

#[cfg(test)]
mod tests;
