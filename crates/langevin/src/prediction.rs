//! Predictions of a network as affine maps to the denoised prediction:
//! $D = A(t) x + B(t) \mathrm{out}$.
//!
//! All samplers here work with one quantity, $D(x, t) = E[x_0 \mid x_t = x]$. With
//! $\varepsilon = (x - \alpha D)/\sigma$:
//!
//! | prediction | A | B | at α = 0 |
//! |---|---|---|---|
//! | x0 | 0 | 1 | finite |
//! | ε | 1/α | −σ/α | singular |
//! | score | 1/α | σ²/α | singular |
//! | v = αε − σx0 | α/(α²+σ²) | −σ/(α²+σ²) | (0, −1/σ) |
//! | velocity u = α'D + σ'ε | −σ'/W | σ/W, W = α'σ − ασ' | (−σ'/(α'σ), 1/α') |
//! | reverse velocity −u | as velocity | −B of velocity | as velocity |
//! | EDM F | c_skip/α | c_out | finite |
//! | EDM F with the other sign | c_skip/α | −c_out | finite |
//!
//! Every row is finite at σ = 0, where D = x/α. The inverse map, from D to the prediction, is
//! singular at σ = 0.
//!
//! Sources: Salimans & Ho, arXiv 2202.00512 (v); Lipman et al., arXiv 2210.02747 (velocity); Karras
//! et al., arXiv 2206.00364 (F).

use crate::error::{Error, Result};
use crate::process::{Affine, Level, Process};
use serde::{Deserialize, Serialize};

/// The quantity that a network's output predicts.
///
/// # Examples
///
/// ```
/// use langevin::{Prediction, Process};
/// let flow = Process::rectified_flow();
/// // D = x − s u at every s, including pure noise.
/// let map = Prediction::Velocity.to_denoised(&flow, &flow.level(1.0)?)?;
/// assert_eq!((map.a, map.b), (1.0, -1.0));
/// // At pure noise the state contains no signal, and ε does not determine D.
/// let error = Prediction::Epsilon.to_denoised(&flow, &flow.level(1.0)?).unwrap_err();
/// assert!(error.is_singular());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Prediction {
    /// The clean datum, D itself.
    X0,
    /// The noise, ε = E\[ε | x\].
    Epsilon,
    /// The score, ∇ log p_t(x) = −ε/σ.
    Score,
    /// The v-prediction, v = αε − σ x0.
    V,
    /// The velocity u = dx/dt of the ODE of the process.
    Velocity,
    /// The reverse velocity −u, which points from noise to data: x0 − ε on a flow. It is used by
    /// networks whose time runs from noise to data.
    ReverseVelocity,
    /// EDM's preconditioned network F, for data of standard deviation `sigma_data`.
    Edm {
        /// σ_data > 0.
        sigma_data: f64,
    },
    /// −F: EDM's network with the sign of v, as in diffusers (`v_prediction` of its EDM
    /// schedulers).
    ///
    /// For σ ≪ σ_data it is ε, and for σ ≫ σ_data it is −x0/σ_data.
    EdmV {
        /// σ_data > 0.
        sigma_data: f64,
    },
}

/// The definition of an output as a combination of datum and noise: datum·x0 + noise·ε.
///
/// # Examples
///
/// ```
/// use langevin::{Prediction, Process};
/// let ve = Process::ve();
/// let parts = Prediction::Score.parts(&ve, &ve.level(2.0)?);
/// assert_eq!((parts.datum, parts.noise), (0.0, -0.5)); // the score is −ε/σ
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    /// The factor of the clean datum.
    pub datum: f64,
    /// The factor of the noise.
    pub noise: f64,
}

/// The names that [`Prediction::parse`] knows.
pub(crate) const NAMES: [&str; 8] = ["x0", "epsilon", "score", "v", "velocity", "reverse-velocity", "edm", "edm-v"];

impl Prediction {
    /// Parses the name of a prediction.
    ///
    /// | name | alias | prediction |
    /// |---|---|---|
    /// | `x0` | `sample` | clean datum |
    /// | `epsilon` | `eps` | noise |
    /// | `score` | | score |
    /// | `v` | `v_prediction` | v |
    /// | `velocity` | `u`, `flow`, `flow_prediction` | velocity |
    /// | `reverse-velocity` | | reverse velocity |
    /// | `edm`, `edm-v` | | EDM's F, with either sign; σ_data = ½ |
    ///
    /// The aliases `sample`, `v_prediction` and `flow_prediction` are the names that diffusers
    /// uses.
    ///
    /// # Errors
    /// Returns an error if the name is unknown. The hint is the nearest known name.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Prediction;
    /// assert_eq!(Prediction::parse("flow_prediction")?, Prediction::Velocity);
    /// assert_eq!(Prediction::parse("edm")?, Prediction::Edm { sigma_data: 0.5 });
    /// let error = Prediction::parse("epsilom").unwrap_err();
    /// assert_eq!(error.hint(), Some("did you mean 'epsilon'?"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "x0" | "sample" => Ok(Self::X0),
            "epsilon" | "eps" => Ok(Self::Epsilon),
            "score" => Ok(Self::Score),
            "v" | "v_prediction" => Ok(Self::V),
            "velocity" | "u" | "flow" | "flow_prediction" => Ok(Self::Velocity),
            "reverse-velocity" => Ok(Self::ReverseVelocity),
            "edm" => Ok(Self::Edm { sigma_data: 0.5 }),
            "edm-v" => Ok(Self::EdmV { sigma_data: 0.5 }),
            _ => Err(Error::unknown("prediction", name, &NAMES)),
        }
    }

    /// Returns the name that [`parse`](Self::parse) reads back. It does not include `sigma_data`.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Prediction;
    /// assert_eq!(Prediction::EdmV { sigma_data: 0.5 }.name(), "edm-v");
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::X0 => "x0",
            Self::Epsilon => "epsilon",
            Self::Score => "score",
            Self::V => "v",
            Self::Velocity => "velocity",
            Self::ReverseVelocity => "reverse-velocity",
            Self::Edm { .. } => "edm",
            Self::EdmV { .. } => "edm-v",
        }
    }

    /// Returns the name with its article, for sentences: `a score`, `an epsilon`.
    pub(crate) fn with_article(&self) -> String {
        // The article follows the spoken name: an x0, an edm, a velocity.
        let vowel = self.name().starts_with(['a', 'e', 'i', 'o', 'x']);
        format!("{} {}", if vowel { "an" } else { "a" }, self.name())
    }

    /// Returns the map D = a·x + b·out at this level of `process`.
    ///
    /// # Errors
    /// Returns an error if the output does not determine D: for ε and the score at α = 0, and for a
    /// velocity if α' is 0 there too.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Prediction, Process};
    /// let ve = Process::ve();
    /// // D = x − σ ε.
    /// let map = Prediction::Epsilon.to_denoised(&ve, &ve.level(2.0)?)?;
    /// assert_eq!((map.a, map.b), (1.0, -2.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn to_denoised(&self, process: &Process, level: &Level) -> Result<Affine> {
        let Level { time, alpha, sigma } = *level;
        let map = match *self {
            Self::X0 => Affine { a: 0.0, b: 1.0 },
            Self::Epsilon => Affine { a: 1.0 / alpha, b: -sigma / alpha },
            Self::Score => Affine { a: 1.0 / alpha, b: sigma * (sigma / alpha) },
            Self::V => {
                let power = alpha * alpha + sigma * sigma;
                Affine { a: alpha / power, b: -sigma / power }
            }
            Self::Velocity => process.schedule().velocity(time),
            Self::ReverseVelocity => {
                let Affine { a, b } = process.schedule().velocity(time);
                Affine { a, b: -b }
            }
            Self::Edm { sigma_data } => {
                // c_skip and c_out at σ̃ = σ/α, with both fractions multiplied through by α.
                let spread = alpha * sigma_data;
                let norm = spread * spread + sigma * sigma;
                Affine { a: spread * sigma_data / norm, b: sigma * sigma_data / norm.sqrt() }
            }
            Self::EdmV { sigma_data } => {
                let Affine { a, b } = Self::Edm { sigma_data }.to_denoised(process, level)?;
                Affine { a, b: -b }
            }
        };
        self.finite(map, "D", process, level)
    }

    /// Returns the definition of the output, out = datum·x0 + noise·ε, at this level of `process`.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Prediction, Process};
    /// let flow = Process::rectified_flow();
    /// let parts = Prediction::Velocity.parts(&flow, &flow.level(0.3)?);
    /// assert_eq!((parts.datum, parts.noise), (-1.0, 1.0)); // u = ε − x0
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn parts(&self, process: &Process, level: &Level) -> Parts {
        let Level { time, alpha, sigma } = *level;
        let (datum, noise) = match *self {
            Self::X0 => (1.0, 0.0),
            Self::Epsilon => (0.0, 1.0),
            Self::Score => (0.0, -1.0 / sigma),
            Self::V => (-sigma, alpha),
            Self::Velocity => (process.schedule().alpha_rate(time), process.schedule().sigma_rate(time)),
            Self::ReverseVelocity => (-process.schedule().alpha_rate(time), -process.schedule().sigma_rate(time)),
            Self::Edm { sigma_data } => {
                let spread = alpha * sigma_data;
                let norm = (spread * spread + sigma * sigma).sqrt();
                (sigma / (sigma_data * norm), -spread / norm)
            }
            Self::EdmV { sigma_data } => {
                let Parts { datum, noise } = Self::Edm { sigma_data }.parts(process, level);
                (-datum, -noise)
            }
        };
        Parts { datum, noise }
    }

    /// Returns the map out = a·x + b·D at this level of `process`, the inverse of
    /// [`to_denoised`](Self::to_denoised) with ε = (x − αD)/σ.
    ///
    /// # Errors
    /// Returns an error if D does not determine the output: at σ = 0 for every prediction but x0,
    /// and for a velocity if α' is infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::{Prediction, Process};
    /// let ve = Process::ve();
    /// // ε = (x − D)/σ.
    /// let map = Prediction::Epsilon.from_denoised(&ve, &ve.level(2.0)?)?;
    /// assert_eq!((map.a, map.b), (0.5, -0.5));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn from_denoised(&self, process: &Process, level: &Level) -> Result<Affine> {
        let Parts { datum, noise } = self.parts(process, level);
        // The prediction x0 does not contain ε and therefore has a value at σ = 0.
        let a = if noise == 0.0 && datum == 1.0 { 0.0 } else { noise / level.sigma };
        self.finite(Affine { a, b: datum - a * level.alpha }, "the prediction", process, level)
    }

    /// Returns the map if both coefficients are finite, and otherwise an error that names `wanted`
    /// as undetermined.
    fn finite(&self, map: Affine, wanted: &str, process: &Process, level: &Level) -> Result<Affine> {
        if map.a.is_finite() && map.b.is_finite() {
            return Ok(map);
        }
        let error = Error::singular(format!("{wanted} is not determined by {} prediction", self.with_article()))
            .at(format!("process {}, time {}, α = {}, σ = {}", process.name(), level.time, level.alpha, level.sigma));
        Err(if level.alpha == 0.0 && matches!(self, Self::Velocity | Self::ReverseVelocity) {
            error.hinting("start a little below pure noise, or use an x0 or v prediction")
        } else if level.alpha == 0.0 {
            error.hinting("start a little below pure noise, or use an x0, v or velocity prediction")
        } else {
            error.hinting("stop a little above σ = 0")
        })
    }
}

#[cfg(test)]
mod tests;
