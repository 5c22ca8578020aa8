//! The field `variance_type` of DDPM. Other classes encounter it in the configs of networks with a
//! learned variance.

use super::fields::Fields;
use langevin::error::{Error, Result};
use langevin::prediction::Prediction;

/// Variance of the noise in DDPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VarianceType {
    /// Variance of the posterior.
    Small,
    /// Variance of the forward process.
    Large,
    /// Variance of the forward process, whose logarithm the original takes.
    LargeLog,
    /// The second half of the network's output; the value of the field.
    Learned(&'static str),
}

const WORDS: &[(&str, VarianceType)] = &[
    ("fixed_small", VarianceType::Small),
    ("fixed_small_log", VarianceType::Small),
    ("fixed_large", VarianceType::Large),
    ("fixed_large_log", VarianceType::LargeLog),
    ("learned", VarianceType::Learned("learned")),
    ("learned_range", VarianceType::Learned("learned_range")),
];

impl VarianceType {
    pub(super) fn parse(fields: &Fields<'_>) -> Result<Self> {
        fields.choice("variance_type", WORDS)
    }

    /// Returns an error for a learned variance if the plan would have to draw noise with it.
    pub(super) fn check_drawn(self) -> Result<()> {
        let Self::Learned(word) = self else { return Ok(()) };
        Err(Error::format("a learned variance cannot be imported")
            .at("variance_type")
            .expected("fixed_small, fixed_small_log, fixed_large or fixed_large_log")
            .got(word)
            .hinting("its network has a second output, which a config does not describe"))
    }

    /// Returns an error for a learned variance of a network that does not predict ε. A network with
    /// a learned variance has a second half of outputs, which the DPM-Solver family drops only for
    /// ε; for other predictions it would use both halves as the output. A fixed variance affects
    /// only DDPM.
    pub(super) fn check_dropped(self, prediction: Prediction) -> Result<()> {
        match self {
            Self::Learned(word) if prediction != Prediction::Epsilon => {
                Err(Error::format("a learned variance goes with an ε-prediction")
                    .at("variance_type")
                    .expected("prediction_type epsilon, or a fixed variance")
                    .got(word)
                    .hinting("only there does the original tell the two halves of the network's output apart"))
            }
            _ => Ok(()),
        }
    }
}
