//! Batches of noised tokens.
//!
//! Under masked noise the bound on −log p is a sum over the number of masks, not over levels of
//! noise. A row of d tokens has m masks, with m uniform on 1, …, d and the places uniform, and the
//! loss of the row is the mean of −ln D over them. Its expectation is the bound in nats a token:
//!
//! ```text
//! E_m E_places (1/m) Σ_masked −ln D_i(x_i) = (1/d) Σ_k h_k
//! ```
//!
//! The numbers of masks are stratified over a batch. A causal network has no noise: every token is
//! predicted from those before it.

use super::recipe::{Budget, Recipe};
use crate::error::{Error, Result};
use crate::metadata::TokenSpec;
use crate::nn::kernels::cross_entropy;
use crate::nn::net::features;
use crate::nn::sequence::SequenceConfig;
use crate::train::problem::Losses;
use langevin::SampleId;
use langevin::noise::{draws, fill_uniforms};
use langevin_data::{Dataset, Vocabulary};
use langevin_discrete::{Noise, StateSpace};
use serde::{Deserialize, Serialize};

/// Noise on tokens during training.
///
/// ```
/// use langevin_train::TokenNoise;
/// assert_eq!(serde_json::to_value(TokenNoise::Masked).unwrap(), "masked");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TokenNoise {
    /// A noised token is the mask.
    #[default]
    Masked,
}

impl TokenNoise {
    /// Names of the kinds of noise, in the order of the variants.
    pub const NAMES: [&'static str; 1] = ["masked"];

    /// Parses a name.
    ///
    /// ```
    /// use langevin_train::TokenNoise;
    /// assert_eq!(TokenNoise::parse("masked")?, TokenNoise::Masked);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error that lists the names if the name is unknown.
    pub fn parse(text: &str) -> langevin::Result<Self> {
        match text {
            "masked" => Ok(Self::Masked),
            other => Err(langevin::Error::unknown("noise", other, &Self::NAMES)),
        }
    }
}

/// Everything about tokens that determines the loss.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) space: StateSpace,
    causal: bool,
}

/// Noised tokens of some rows, their answers and the weights of these.
#[derive(Default)]
pub(crate) struct TokenBatch {
    pub(crate) letters: Vec<u32>,
    answers: Vec<u32>,
    weights: Vec<f32>,
    vocab: usize,
}

impl Tokens {
    /// Returns the tokens of a recipe and its data; `None` for rows of numbers.
    pub(crate) fn of(data: &Dataset, recipe: &Recipe) -> Result<Option<Self>> {
        let Some(vocabulary) = data.vocabulary() else {
            return match recipe.tokens {
                None => Ok(None),
                Some(_) => Err(Error::data("the data are numbers, not tokens")
                    .at(data.name())
                    .expected("tokens, such as text, for noise on tokens")),
            };
        };
        let Some(noise) = recipe.tokens else {
            return Err(Error::argument("bad recipe")
                .at("tokens")
                .expected(format!("noise on tokens, since the rows of '{}' are tokens", data.name()))
                .got("none"));
        };
        let noise = match noise {
            TokenNoise::Masked => Noise::Masked,
        };
        let space = StateSpace::new(noise, vocabulary.len(), data.width())?;
        let Some([vocab, letters]) = recipe.network.letters() else {
            return Err(Error::argument("the network is for numbers, and the data are tokens")
                .at("network")
                .expected("a transformer for sequences or graphs"));
        };
        // A causal network starts from a letter that is no token: the place of the mask.
        let wanted = [space.vocab(), space.letters()];
        if [vocab, letters] != wanted {
            return Err(Error::argument("the network does not fit the letters of the data")
                .at("network")
                .expected(format!("vocab {} and letters {}", wanted[0], wanted[1]))
                .got(format!("{vocab} and {letters}")));
        }
        recipe.network.check_graphs(vocabulary)?;
        recipe.check_tokens()?;
        Ok(Some(Self { space, causal: recipe.network.is_causal() }))
    }

    /// Returns the tokens as a model file has them.
    pub(crate) fn spec(&self, data: &Dataset) -> Option<TokenSpec> {
        let vocabulary = data.vocabulary()?.clone();
        Some(TokenSpec { space: self.space.clone(), vocabulary })
    }

    /// Fills a batch: row `r` is row `first + r` of a batch of `size` rows.
    #[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
    pub(crate) fn fill(
        &self,
        size: usize,
        first: usize,
        ids: &[SampleId],
        clean: &[f32],
        stratified: bool,
        features_of_row: usize,
        out: &mut TokenBatch,
        f: &mut Vec<f32>,
    ) {
        let (length, mask) = (self.space.length(), self.space.vocab() as u32);
        let TokenBatch { letters, answers, weights, vocab } = out;
        *vocab = self.space.vocab();
        answers.clear();
        answers.extend(clean.iter().map(|value| *value as u32));
        letters.clone_from(answers);
        weights.clear();
        f.clear();
        if self.causal {
            for row in letters.chunks_exact_mut(length) {
                row.rotate_right(1);
                row[0] = mask;
            }
            weights.resize(letters.len(), 1.0 / (size * length) as f32);
            f.resize(ids.len() * features_of_row, 0.0);
            return;
        }
        weights.resize(letters.len(), 0.0);
        f.resize(ids.len() * features_of_row, 0.0);
        let (mut u, mut order): (Vec<f64>, Vec<usize>) = (vec![0.0; length], Vec::with_capacity(length));
        for (row, id) in ids.iter().enumerate() {
            let mut number = [0.0];
            fill_uniforms(*id, draws::TRAINING_TOKENS.first(), &mut number);
            let number = if stratified { ((first + row) as f64 + number[0]) / size as f64 } else { number[0] };
            let masks = ((number * length as f64) as usize).min(length - 1) + 1;
            fill_uniforms(*id, draws::TRAINING_TOKENS.last(), &mut u);
            order.clear();
            order.extend(0..length);
            if masks < length {
                order.select_nth_unstable_by(masks - 1, |a, b| u[*a].total_cmp(&u[*b]));
            }
            for place in &order[..masks] {
                letters[row * length + place] = mask;
                weights[row * length + place] = 1.0 / (masks * size) as f32;
            }
            if features_of_row > 0 {
                let alpha = 1.0 - masks as f64 / length as f64;
                features(alpha, 1.0 - alpha, &mut f[row * features_of_row..(row + 1) * features_of_row]);
            }
        }
    }
}

impl TokenBatch {
    /// Returns true if the batch has no tokens.
    pub(crate) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Computes the loss of the logits, and writes their gradient.
    ///
    /// A network that predicts nothing gives every letter the same probability.
    pub(crate) fn compare(&self, logits: &[f32], gradient: &mut Vec<f32>) -> Result<Losses> {
        let wanted = self.letters.len() * self.vocab;
        if logits.len() != wanted {
            return Err(Error::argument("the network's outputs do not fit its tokens")
                .expected(format!("{wanted} logits"))
                .got(logits.len().to_string()));
        }
        gradient.resize(wanted, 0.0);
        let loss = cross_entropy(logits, self.vocab, &self.answers, &self.weights, gradient);
        let share: f64 = self.weights.iter().map(|weight| f64::from(*weight)).sum();
        Ok(Losses { loss, nothing: share * (self.vocab as f64).ln() })
    }
}

impl Recipe {
    /// Returns the default recipe for data of tokens: masked noise, and a transformer of 64 elements
    /// a token and 4 blocks that does not see the noise level.
    ///
    /// ```
    /// use langevin_train::{Budget, Dataset, Recipe};
    /// let recipe = Recipe::of_tokens(&Dataset::names(), Budget::Steps(100))?;
    /// assert!(recipe.tokens.is_some());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the rows are numbers.
    pub fn of_tokens(data: &Dataset, budget: Budget) -> Result<Self> {
        let vocab = data.vocabulary().map(Vocabulary::len).ok_or_else(|| {
            Error::data("the data are numbers, not tokens").at(data.name()).expected("tokens, such as text")
        })?;
        let mut recipe = Self::new(Self::default_formulation(), budget);
        recipe.tokens = Some(TokenNoise::Masked);
        recipe.network = SequenceConfig::new(vocab, vocab + 1, 64, 4, 4).into();
        Ok(recipe)
    }

    /// Checks the fields that have no meaning for tokens.
    fn check_tokens(&self) -> Result<()> {
        let refuse = |field: &str, given: bool| match given {
            false => Ok(()),
            true => Err(Error::argument("the option is for numbers, and the data are tokens").at(field)),
        };
        refuse("adaptive", self.adaptive)?;
        refuse("dequantize", self.dequantize)?;
        refuse("coupling", self.coupling != crate::coupling::Coupling::Independent)?;
        refuse("crop", self.crop.is_some())?;
        refuse("flip", self.flip)?;
        refuse("normalization", self.normalization.is_some())?;
        refuse("weight", self.weight != langevin::objective::Weight::Plain)
    }
}
