//! The weight of an error.

use crate::error::{Error, Result};
use crate::math::{exp, pow};
use serde::{Deserialize, Serialize};

/// The weight w(λ) of a squared error in ε.
///
/// | name | w | source |
/// |---|---|---|
/// | `plain` | (σ/(αB))², the network's own squared error | |
/// | `likelihood` | 1/p: w·p = 1 | arXiv 2107.00630 |
/// | `min-snr:γ` | min(1, γ/SNR): the x0-loss with min(SNR, γ) | arXiv 2303.09556 |
/// | `p2:γ` | (1 + SNR)^{−γ} | arXiv 2204.00227 |
/// | `sigmoid:b` | 1/(1 + SNR e^{−b}), a sigmoid of b − 2λ | arXiv 2303.00848 |
/// | `edm:σ_d` | (e^{−2λ} + σ_d²)/σ_d² | arXiv 2206.00364 |
/// | `uncertainty` | 1/E‖Δε‖², learned for each bin of λ | arXiv 1705.07115, 2312.02696 |
///
/// ```
/// use langevin::objective::{TimeDensity, Weight};
/// use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
/// let network = Formulation::new(Process::ve(), Prediction::Epsilon)
///     .with_range(LambdaRange { min: -2.0, max: 2.0 });
/// let weight = Weight::Sigmoid { bias: 0.0 };
/// let objective = Objective::new(&network, weight, TimeDensity::UniformLambda)?;
/// let level = network.process.level_at_lambda(0.0)?;
/// assert!((objective.weight(&level)? - 0.5).abs() < 1e-12); // SNR = 1
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Weight {
    /// The squared error of the network's own output, unweighted: w = (σ/(αB))².
    #[default]
    Plain,
    /// w = 1/p, so that w·p = 1: the maximum-likelihood weighting. The loss is ∫ E‖ε − ε̂‖² dλ, in
    /// nats.
    Likelihood,
    /// w = min(1, γ/SNR): the loss in x0 weighted by min(SNR, γ).
    MinSnr {
        /// γ > 0; 5 is usual.
        gamma: f64,
    },
    /// w = (1 + SNR)^{−γ}: less weight at low noise, where only details are decided.
    P2 {
        /// γ ≥ 0; 1 is usual.
        gamma: f64,
    },
    /// w = 1/(1 + SNR e^{−bias}), a sigmoid of the bias minus the log-SNR.
    Sigmoid {
        /// The log-SNR at which w is one half.
        bias: f64,
    },
    /// w = (e^{−2λ} + σ_d²)/σ_d²: the plain loss of EDM's own network, for a network with any
    /// prediction.
    Edm {
        /// σ_d > 0; 0.5 is usual.
        sigma_data: f64,
    },
    /// w = 1/E‖Δε‖², with the expectation learned for each bin of λ, so that every level counts
    /// equally.
    ///
    /// Training the log-variance u of an error e with e·exp(−u) + u converges to the same weight.
    /// Before anything is learned, w = 1.
    Uncertainty,
}

impl Weight {
    /// The names that [`parse`](Self::parse) knows.
    pub const NAMES: [&'static str; 7] = ["plain", "likelihood", "min-snr", "p2", "sigmoid", "edm", "uncertainty"];

    /// Parses the name of a weight, with its number after a colon.
    ///
    /// Defaults: `min-snr` is `min-snr:5`, `p2` is `p2:1`, `sigmoid` is `sigmoid:0`, `edm` is
    /// `edm:0.5`.
    ///
    /// ```
    /// use langevin::objective::Weight;
    /// assert_eq!(Weight::parse("min-snr:3")?, Weight::MinSnr { gamma: 3.0 });
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the name is unknown, with the nearest known one, or if a number is
    /// invalid.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, given) = split(text);
        let none = |weight| options(name, given, []).map(|[]| weight);
        let weight = match name {
            "plain" => none(Self::Plain)?,
            "likelihood" => none(Self::Likelihood)?,
            "uncertainty" => none(Self::Uncertainty)?,
            "min-snr" => options(name, given, [("gamma", 5.0)]).map(|[gamma]| Self::MinSnr { gamma })?,
            "p2" => options(name, given, [("gamma", 1.0)]).map(|[gamma]| Self::P2 { gamma })?,
            "sigmoid" => options(name, given, [("bias", 0.0)]).map(|[bias]| Self::Sigmoid { bias })?,
            "edm" => options(name, given, [("sigma-data", 0.5)]).map(|[sigma_data]| Self::Edm { sigma_data })?,
            _ => return Err(Error::unknown("weight", name, &Self::NAMES)),
        };
        weight.check().map(|()| weight)
    }

    /// Returns the name, without its number.
    ///
    /// ```
    /// use langevin::objective::Weight;
    /// assert_eq!(Weight::MinSnr { gamma: 5.0 }.name(), "min-snr");
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Likelihood => "likelihood",
            Self::MinSnr { .. } => "min-snr",
            Self::P2 { .. } => "p2",
            Self::Sigmoid { .. } => "sigmoid",
            Self::Edm { .. } => "edm",
            Self::Uncertainty => "uncertainty",
        }
    }

    /// Returns an error if a number of the weight is out of range.
    pub(super) fn check(&self) -> Result<()> {
        let (good, expected, got) = match *self {
            Self::Plain | Self::Likelihood | Self::Uncertainty => return Ok(()),
            Self::MinSnr { gamma } => (gamma > 0.0, "γ > 0", gamma),
            Self::P2 { gamma } => (gamma >= 0.0, "γ ≥ 0", gamma),
            Self::Sigmoid { bias } => (true, "a finite bias", bias),
            Self::Edm { sigma_data } => (sigma_data > 0.0, "σ_d > 0", sigma_data),
        };
        if good && got.is_finite() {
            return Ok(());
        }
        Err(Error::argument("bad weight").at(self.name()).expected(expected).got(got.to_string()))
    }

    /// Returns w at σ/α = `ratio` if w is a function of λ alone.
    pub(super) fn of_ratio(&self, ratio: f64) -> Option<f64> {
        // 1/SNR, which stays finite where SNR is infinite.
        let inverse = ratio * ratio;
        match *self {
            Self::Plain | Self::Likelihood | Self::Uncertainty => None,
            Self::MinSnr { gamma } => Some((gamma * inverse).min(1.0)),
            Self::P2 { gamma } => Some(pow(inverse / (1.0 + inverse), gamma)),
            Self::Sigmoid { bias } => Some(inverse / (inverse + exp(-bias))),
            Self::Edm { sigma_data } => Some(1.0 + inverse / (sigma_data * sigma_data)),
        }
    }
}

/// Splits `name` or `name:options`.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once(':').map_or((text, None), |(name, given)| (name, Some(given)))
}

/// Parses the numbers after a name: in order, or as `key=value`. A missing number has its default.
pub(super) fn options<const N: usize>(name: &str, given: Option<&str>, known: [(&str, f64); N]) -> Result<[f64; N]> {
    let mut values = known.map(|(_, default)| default);
    for (place, part) in given.into_iter().flat_map(|given| given.split(',')).enumerate() {
        let (place, text) = match part.split_once('=') {
            None => (place, part),
            Some((key, text)) => match known.iter().position(|(known, _)| *known == key) {
                Some(place) => (place, text),
                None => return Err(Error::unknown("option", key, &known.map(|(key, _)| key)).at(name.to_owned())),
            },
        };
        let value = text.trim().parse().ok().filter(|value: &f64| value.is_finite());
        match (values.get_mut(place), value) {
            (Some(slot), Some(value)) => *slot = value,
            (None, _) => {
                return Err(Error::argument("too many options")
                    .at(name.to_owned())
                    .expected(format!("at most {N}"))
                    .got(format!("'{part}'")));
            }
            (Some(_), None) => {
                return Err(Error::argument("bad option")
                    .at(format!("{name}, {}", known[place].0))
                    .expected("a finite number")
                    .got(format!("'{text}'")));
            }
        }
    }
    Ok(values)
}
