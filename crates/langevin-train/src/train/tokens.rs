//! Batches of noised tokens, and their loss.
//!
//! Under masked noise the bound on −log p is a sum over the number of masks, not over levels of
//! noise. A row of d tokens has m masks at uniform places, and the loss of the row is the mean of
//! −ln D over them. With m uniform on 1, …, d, its expectation is the bound in nats a token:
//!
//! ```text
//! E_m E_places (1/m) Σ_masked −ln D_i(x_i) = (1/d) Σ_k h_k
//! ```
//!
//! A mean over few masks is a noisier estimate. Rows therefore have m masks with a probability q_m
//! proportional to 1/√m, and a weight of 1/(d q_m), which leaves the expectation as it is
//! ([`Shares`]). The numbers of masks are stratified over a batch.
//!
//! Under uniform and prior noise the bound is an integral over survivals, of the Poisson KL
//! divergence of reverse rates ([`langevin_discrete::likelihood::rate`]). Each row has one level,
//! drawn from the density of [`quantile`] and stratified over a batch. The bound of a network that
//! predicts π is −ln π, and only the difference to it is estimated, which has less variance. The
//! levels end at [`SURVIVALS`](langevin_discrete::likelihood::SURVIVALS). The missing ends are less
//! than 10⁻⁴ nats a token.
//!
//! A causal network has no noise: every token is predicted from those before it.

use super::recipe::{Budget, OptimizerKind, Recipe};
use crate::error::{Error, Result};
use crate::metadata::TokenSpec;
use crate::nn::graph::GraphConfig;
use crate::nn::kernels::{Noised, cross_entropy, score_entropy};
use crate::nn::net::features;
use crate::nn::sequence::SequenceConfig;
use crate::nn::table::TableConfig;
use crate::train::problem::Losses;
use crate::train::table::{NumberBatch, Numbers};
use langevin::SampleId;
use langevin::math::{exp, ln};
use langevin::noise::{draws, fill_uniforms};
use langevin_data::{Dataset, Vocabulary};
use langevin_discrete::likelihood::quantile;
use langevin_discrete::{Noise, StateSpace};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
    /// A noised token is a letter drawn uniformly.
    Uniform,
    /// A noised token is a letter drawn from the frequencies of the letters in the data.
    ///
    /// Half a letter is added to each count, so that every letter has a positive probability.
    /// [`Recipe::prior`] sets other probabilities.
    Prior,
}

impl TokenNoise {
    /// Names of the kinds of noise, in the order of the variants.
    pub const NAMES: [&'static str; 3] = ["masked", "uniform", "prior"];

    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Parses a name.
    ///
    /// ```
    /// use langevin_train::TokenNoise;
    /// assert_eq!(TokenNoise::parse("uniform")?, TokenNoise::Uniform);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error that lists the names if the name is unknown.
    pub fn parse(text: &str) -> langevin::Result<Self> {
        let all = [Self::Masked, Self::Uniform, Self::Prior];
        let found = all.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| langevin::Error::unknown("noise", text, &Self::NAMES))
    }

    /// Returns the number of letters that a network sees, for data of `vocab` letters: one more
    /// under masked noise.
    ///
    /// ```
    /// use langevin_train::TokenNoise;
    /// assert_eq!([TokenNoise::Masked, TokenNoise::Prior].map(|noise| noise.letters(27)), [28, 27]);
    /// ```
    #[must_use]
    pub fn letters(self, vocab: usize) -> usize {
        vocab + usize::from(self == Self::Masked)
    }

    /// Returns the default number of cosine features of the noise level.
    ///
    /// A network for masked noise counts the masks and needs none. Other noise cannot be told from
    /// the letters of the data.
    ///
    /// ```
    /// use langevin_train::TokenNoise;
    /// assert_eq!([TokenNoise::Masked, TokenNoise::Uniform].map(TokenNoise::fourier), [0, 16]);
    /// ```
    #[must_use]
    pub fn fourier(self) -> usize {
        if self == Self::Masked { 0 } else { 16 }
    }

    /// Returns the kind of noise and the probabilities of a prior, as a recipe has them.
    pub(crate) fn of(noise: &Noise) -> (Option<Self>, Option<Vec<f64>>) {
        match noise {
            Noise::Masked => (Some(Self::Masked), None),
            Noise::Uniform => (Some(Self::Uniform), None),
            Noise::Prior(prior) => (Some(Self::Prior), Some(prior.clone())),
            _ => (None, None),
        }
    }
}

/// Everything about tokens that determines the loss.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) space: StateSpace,
    causal: bool,
    /// Noise without a mask.
    redrawn: Option<Arc<Redrawn>>,
    /// Numbers before the letters, and the sizes of the columns of a table.
    pub(crate) numbers: Option<Arc<Numbers>>,
    /// Numbers of masks of the rows.
    shares: Arc<Shares>,
}

/// Probabilities q_m of m masks in a row of d tokens, proportional to 1/√m.
///
/// The variance of a mean over m tokens is about proportional to 1/m. The variance of the weighted
/// mean of many rows is then Σ_m (1/d)²/(m q_m), up to a factor, which these q_m minimise.
#[derive(Debug)]
struct Shares {
    /// Σ q up to m, for m = 1, …, d.
    sums: Vec<f64>,
    /// Weight 1/(d q_m).
    weights: Vec<f64>,
}

impl Shares {
    fn new(length: usize) -> Self {
        let each: Vec<f64> = (1..=length).map(|masks| 1.0 / (masks as f64).sqrt()).collect();
        let total: f64 = each.iter().sum();
        let sums = each.iter().scan(0.0, |sum, share| {
            *sum += share / total;
            Some(*sum)
        });
        Self { sums: sums.collect(), weights: each.iter().map(|share| total / (share * length as f64)).collect() }
    }

    /// Returns the number of masks at the uniform `u`, and the weight of its row.
    fn at(&self, u: f64) -> (usize, f64) {
        let place = self.sums.partition_point(|sum| *sum <= u).min(self.sums.len() - 1);
        (place + 1, self.weights[place])
    }
}

/// Letters from which noised tokens are redrawn.
#[derive(Debug)]
struct Redrawn {
    /// Probability of each letter.
    prior: Vec<f64>,
    /// The probabilities in single precision.
    narrow: Vec<f32>,
    /// Sum of the probabilities up to each letter.
    sums: Vec<f64>,
    /// −ln of the probability of each letter.
    nats: Vec<f64>,
    uniform: bool,
}

impl Redrawn {
    /// Returns the letters of a space without a mask.
    fn of(space: &StateSpace) -> Option<Arc<Self>> {
        if space.is_masked() {
            return None;
        }
        let prior: Vec<f64> = (0..space.vocab() as u32).map(|y| space.prior(y)).collect();
        let sums = prior.iter().scan(0.0, |sum, p| {
            *sum += p;
            Some(*sum)
        });
        Some(Arc::new(Self {
            narrow: prior.iter().map(|p| *p as f32).collect(),
            sums: sums.collect(),
            nats: prior.iter().map(|p| -ln(*p)).collect(),
            uniform: *space.noise() == Noise::Uniform,
            prior,
        }))
    }

    /// Returns the letter at the uniform `u`.
    fn letter(&self, u: f64) -> u32 {
        self.sums.partition_point(|sum| *sum <= u).min(self.sums.len() - 1) as u32
    }

    /// Returns ln G of a network that gives every letter the same probability, and its mean over π.
    fn equal(&self, alpha: f64, out: &mut Vec<f64>) -> f64 {
        out.clear();
        if self.uniform {
            out.resize(self.prior.len(), 0.0);
            return 0.0;
        }
        let each = alpha / self.prior.len() as f64;
        out.extend(self.prior.iter().map(|p| ln(1.0 - alpha + each / p)));
        self.prior.iter().zip(&*out).map(|(p, ell)| p * ell).sum()
    }
}

/// Returns the frequencies of the letters in the data, with half a letter more of each.
fn frequencies(data: &Dataset, vocab: usize) -> Result<Vec<f64>> {
    let (mut counts, mut values) = (vec![0_u64; vocab], Vec::new());
    for first in (0..data.rows()).step_by(ROWS) {
        let rows: Vec<usize> = (first..data.rows().min(first + ROWS)).collect();
        values.resize(rows.len() * data.width(), 0.0);
        data.read(&rows, &mut values)?;
        for value in &values {
            if let Some(count) = counts.get_mut(*value as usize) {
                *count += 1;
            }
        }
    }
    let total = counts.iter().sum::<u64>() as f64 + 0.5 * vocab as f64;
    Ok(counts.iter().map(|count| (*count as f64 + 0.5) / total).collect())
}

/// Rows that are counted together.
const ROWS: usize = 4096;

/// Noised tokens of some rows, their answers and the weights of these.
#[derive(Default)]
pub(crate) struct TokenBatch {
    pub(crate) letters: Vec<u32>,
    pub(super) answers: Vec<u32>,
    pub(super) weights: Vec<f32>,
    pub(super) vocab: usize,
    /// Numbers beside the letters; `None` without numbers.
    pub(super) numbers: Option<NumberBatch>,
    /// Noise without a mask; `None` for cross-entropies.
    redrawn: Option<Arc<Redrawn>>,
    /// Survival of each token, for noise without a mask.
    alphas: Vec<f64>,
    /// Loss of a network that predicts π.
    base: f64,
    /// Loss of a network that predicts nothing.
    nothing: f64,
}

impl Tokens {
    /// Returns the tokens of a recipe and its data; `None` for rows of numbers.
    pub(crate) fn of(data: &Dataset, recipe: &Recipe) -> Result<Option<Self>> {
        if recipe.prior.is_some() && recipe.tokens != Some(TokenNoise::Prior) {
            return Err(Error::argument("bad recipe")
                .at("prior")
                .expected("probabilities of letters for the noise prior alone")
                .got(recipe.tokens.map_or("no noise on tokens", TokenNoise::name)));
        }
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
        let of_data = match (noise, &recipe.prior) {
            (TokenNoise::Masked, _) => Noise::Masked,
            (TokenNoise::Uniform, _) => Noise::Uniform,
            (TokenNoise::Prior, Some(prior)) => Noise::Prior(prior.clone()),
            (TokenNoise::Prior, None) => Noise::Prior(frequencies(data, vocabulary.len())?),
        };
        let space = StateSpace::new(of_data, vocabulary.len(), data.width() - vocabulary.numbers())?;
        let Some([vocab, letters]) = recipe.network.letters() else {
            return Err(Error::argument("the network is for numbers, and the data are tokens")
                .at("network")
                .expected("a transformer for sequences or graphs"));
        };
        if vocabulary.table().is_some() && noise != TokenNoise::Masked {
            return Err(Error::argument("the columns of a table have different letters")
                .at("tokens")
                .expected("masked")
                .got(noise.name()));
        }
        if recipe.network.is_causal() && noise != TokenNoise::Masked {
            return Err(Error::argument("a causal network has no noise")
                .at("tokens")
                .expected("masked, whose mask is the start of a sequence")
                .got(noise.name()));
        }
        // A causal network starts from a letter that is no token: the place of the mask.
        let wanted = [space.vocab(), space.letters()];
        if [vocab, letters] != wanted {
            return Err(Error::argument("the network does not fit the letters of the data")
                .at("network")
                .expected(format!("vocab {} and letters {}", wanted[0], wanted[1]))
                .got(format!("{vocab} and {letters}")));
        }
        recipe.network.check_places(vocabulary)?;
        recipe.check_tokens()?;
        let numbers = vocabulary.table().filter(|table| table.numbers() > 0);
        let numbers = numbers.map(|table| Numbers::of(table, &recipe.formulation)).transpose()?.map(Arc::new);
        let (redrawn, shares) = (Redrawn::of(&space), Arc::new(Shares::new(space.length())));
        Ok(Some(Self { redrawn, space, causal: recipe.network.is_causal(), numbers, shares }))
    }

    /// Returns true if the loss is estimated as a difference, so that a small loss may be estimated
    /// as 0.
    pub(crate) fn is_difference(&self) -> bool {
        self.redrawn.is_some()
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
        let TokenBatch { letters, answers, weights, vocab, .. } = out;
        *vocab = self.space.vocab();
        answers.clear();
        answers.extend(clean.iter().map(|value| *value as u32));
        letters.clone_from(answers);
        // A missing category is the mask: it is never seen, and has no loss.
        let missing = |letter: u32| letter == mask;
        answers.iter_mut().filter(|letter| missing(**letter)).for_each(|letter| *letter = 0);
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
        if let Some(redrawn) = &self.redrawn {
            return redraw(redrawn, length, size, first, ids, stratified, features_of_row, out, f);
        }
        let (mut u, mut order): (Vec<f64>, Vec<usize>) = (vec![0.0; length], Vec::with_capacity(length));
        for (row, id) in ids.iter().enumerate() {
            let mut number = [0.0];
            fill_uniforms(*id, draws::TRAINING_TOKENS.first(), &mut number);
            let number = if stratified { ((first + row) as f64 + number[0]) / size as f64 } else { number[0] };
            let (masks, weight) = self.shares.at(number);
            fill_uniforms(*id, draws::TRAINING_TOKENS.last(), &mut u);
            order.clear();
            order.extend(0..length);
            if masks < length {
                order.select_nth_unstable_by(masks - 1, |a, b| u[*a].total_cmp(&u[*b]));
            }
            for place in &order[..masks] {
                let letter = &mut letters[row * length + place];
                if !missing(*letter) {
                    *letter = mask;
                    weights[row * length + place] = (weight / (masks * size) as f64) as f32;
                }
            }
            if features_of_row > 0 {
                let alpha = 1.0 - masks as f64 / length as f64;
                features(alpha, 1.0 - alpha, &mut f[row * features_of_row..(row + 1) * features_of_row]);
            }
        }
    }
}

/// Redraws the letters of a batch that holds clean ones; the arguments are those of
/// [`Tokens::fill`].
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
fn redraw(
    redrawn: &Arc<Redrawn>,
    length: usize,
    size: usize,
    first: usize,
    ids: &[SampleId],
    stratified: bool,
    features_of_row: usize,
    out: &mut TokenBatch,
    f: &mut [f32],
) {
    let TokenBatch { letters, answers, weights, alphas, base, nothing, .. } = out;
    out.redrawn = Some(redrawn.clone());
    alphas.clear();
    (*base, *nothing) = (0.0, 0.0);
    let token = 1.0 / (size * length) as f64;
    let (mut u, mut ells) = (vec![0.0; length], Vec::new());
    for (row, id) in ids.iter().enumerate() {
        let mut number = [0.0];
        fill_uniforms(*id, draws::TRAINING_TOKENS.first(), &mut number);
        let number = if stratified { ((first + row) as f64 + number[0]) / size as f64 } else { number[0] };
        let [alpha, weight] = quantile(number);
        let sigma = 1.0 - alpha;
        fill_uniforms(*id, draws::TRAINING_TOKENS.last(), &mut u);
        let mean = redrawn.equal(alpha, &mut ells);
        let of_row = row * length..(row + 1) * length;
        for ((letter, clean), u) in letters[of_row.clone()].iter_mut().zip(&answers[of_row.clone()]).zip(&u) {
            if *u >= alpha {
                *letter = redrawn.letter((u - alpha) / sigma);
            }
            let (x, clean) = (*letter as usize, *clean as usize);
            *base += token * redrawn.nats[clean];
            let kept = if x == clean { alpha } else { 0.0 };
            let share = redrawn.prior[x] / (kept + sigma * redrawn.prior[x]);
            let excess = 1.0 / exp(ells[x]) - 1.0 + share * (ells[x] - sigma * mean - alpha * ells[clean]);
            *nothing += token * weight * excess / alpha;
        }
        alphas.extend(u.iter().map(|_| alpha));
        weights[of_row].fill((token * weight) as f32);
        if features_of_row > 0 {
            features(alpha, sigma, &mut f[row * features_of_row..(row + 1) * features_of_row]);
        }
    }
    *nothing += *base;
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
        if let Some(numbers) = &self.numbers {
            return numbers.compare(self, logits, gradient);
        }
        let wanted = self.letters.len() * self.vocab;
        if logits.len() != wanted {
            return Err(Error::argument("the network's outputs do not fit its tokens")
                .expected(format!("{wanted} logits"))
                .got(logits.len().to_string()));
        }
        gradient.resize(wanted, 0.0);
        if let Some(redrawn) = &self.redrawn {
            let Self { letters, answers, alphas, weights, base, nothing, .. } = self;
            let loss =
                base + score_entropy(logits, &redrawn.narrow, &Noised { letters, answers, alphas, weights }, gradient);
            return Ok(Losses { loss, nothing: *nothing });
        }
        let loss = cross_entropy(logits, self.vocab, &self.answers, &self.weights, gradient);
        let share: f64 = self.weights.iter().map(|weight| f64::from(*weight)).sum();
        Ok(Losses { loss, nothing: share * (self.vocab as f64).ln() })
    }
}

impl Recipe {
    /// Returns the default recipe for data of tokens: masked noise, and a transformer of 64
    /// elements a token and 4 blocks that does not see the noise level.
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
        Self::of_tokens_with(data, TokenNoise::Masked, budget)
    }

    /// Returns the default recipe for data of tokens and this noise: a transformer of 64 elements
    /// a token and 4 blocks; for sequences, [Muon](OptimizerKind::Muon) and batches of
    /// [`batch_of`](Self::batch_of) rows.
    ///
    /// The network sees the noise level unless the noise is masked.
    ///
    /// ```
    /// use langevin_train::{Budget, Dataset, Recipe, TokenNoise};
    /// let (names, budget) = (Dataset::names(), Budget::Steps(100));
    /// let recipe = Recipe::of_tokens_with(&names, TokenNoise::Uniform, budget)?;
    /// let network = serde_json::to_value(&recipe.network).unwrap();
    /// assert_eq!((&network["letters"], &network["fourier"]), (&27.into(), &16.into()));
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the rows are numbers.
    pub fn of_tokens_with(data: &Dataset, noise: TokenNoise, budget: Budget) -> Result<Self> {
        let vocab = data.vocabulary().map(Vocabulary::len).ok_or_else(|| {
            Error::data("the data are numbers, not tokens").at(data.name()).expected("tokens, such as text")
        })?;
        let mut recipe = Self::new(Self::default_formulation(), budget);
        recipe.tokens = Some(noise);
        let shape = data.vocabulary().and_then(Vocabulary::graph_shape);
        recipe.network = match (shape, data.vocabulary().and_then(Vocabulary::table)) {
            (_, Some(schema)) => TableConfig::new(schema, 64, 3, 4).into(),
            (Some(shape), None) => {
                let mut config = GraphConfig::new(shape, 32, 3, 4);
                (config.letters, config.fourier) = (noise.letters(vocab), noise.fourier());
                config.into()
            }
            (None, None) => {
                let mut config = SequenceConfig::new(vocab, noise.letters(vocab), 64, 4, 4);
                config.fourier = noise.fourier();
                recipe.train_sequences(data.width());
                config.into()
            }
        };
        Ok(recipe)
    }

    /// Sets the defaults of training on sequences of `length` tokens: [Muon](OptimizerKind::Muon)
    /// with its learning rate, and batches of [`batch_of`](Self::batch_of) rows.
    ///
    /// ```
    /// use langevin_train::{Budget, OptimizerKind, Recipe};
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(100));
    /// recipe.train_sequences(128);
    /// assert_eq!((recipe.optimizer, recipe.batch), (OptimizerKind::Muon, 24));
    /// ```
    pub fn train_sequences(&mut self, length: usize) {
        self.optimizer = OptimizerKind::Muon;
        self.learning_rate = self.optimizer.learning_rate();
        self.batch = Self::batch_of(length);
    }

    /// Returns the default batch size for sequences of `length` tokens: about 3,000 tokens, in 16
    /// to 256 rows.
    ///
    /// ```
    /// use langevin_train::Recipe;
    /// assert_eq!([12, 64, 128, 1024].map(Recipe::batch_of), [256, 48, 24, 16]);
    /// ```
    #[must_use]
    pub fn batch_of(length: usize) -> usize {
        (3072 / length.max(1)).clamp(16, 256)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighted_rows_have_the_mean_over_all_numbers_of_masks() {
        for length in [1, 2, 12, 128] {
            let shares = Shares::new(length);
            // A loss that grows with the masks, as the loss of a network does.
            let loss = |masks: usize| (1.0 + masks as f64).ln();
            let want = (1..=length).map(loss).sum::<f64>() / length as f64;
            let points = 200_000;
            let at = |i: usize| shares.at((i as f64 + 0.5) / f64::from(points));
            let mean = (0..points as usize).map(at).map(|(masks, weight)| weight * loss(masks)).sum::<f64>();
            // The midpoints miss each of the `length` jumps by at most half a point, and weights
            // are below 1/(d q_d) < 3 for these lengths.
            let most = 3.0 * loss(length) * length as f64 / (2.0 * f64::from(points));
            assert!((mean / f64::from(points) - want).abs() < most, "{length}");
            assert_eq!((shares.at(0.0).0, shares.at(1.0 - f64::EPSILON).0), (1, length));
            // Few masks are more frequent, by the root of their number.
            let share = |masks: usize| 1.0 / (shares.weights[masks - 1] * length as f64);
            assert!((share(1) / share(length) - (length as f64).sqrt()).abs() < 1e-9);
        }
    }
}
