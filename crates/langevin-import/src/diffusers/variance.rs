//! `variance_type`: DDPM's own, which other classes meet in the configs of networks that learned one.

use super::fields::Fields;
use langevin::error::{Error, Result};
use langevin::prediction::Prediction;

/// The variance of DDPM's noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VarianceType {
    /// That of the posterior.
    Small,
    /// That of the forward process.
    Large,
    /// That of the forward process, which the original takes the logarithm of.
    LargeLog,
    /// The second half of the network's output, by the word of the config.
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

    /// Refuses a learned variance where the plan would have to draw noise of it.
    pub(super) fn check_drawn(self) -> Result<()> {
        let Self::Learned(word) = self else { return Ok(()) };
        Err(Error::format("a learned variance cannot be imported")
            .at("variance_type")
            .expected("fixed_small, fixed_small_log, fixed_large or fixed_large_log")
            .got(word)
            .hinting("its network has a second output, which a config does not describe"))
    }

    /// Refuses a learned variance of a network that does not predict ε. A network that learned its variance
    /// has a second half of outputs, which the DPM-Solver family drops: the plan is that of the first half.
    /// So it does for ε alone; with other predictions it would take both halves for the output. A fixed
    /// variance is DDPM's own affair.
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
