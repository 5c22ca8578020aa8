//! A trained network on tokens as a [`Denoiser`], and the likelihood of its causal twin.

use super::kernels::{cross_entropy, softmax};
use super::net::{Rows, features};
use super::network::{LEAST, Network};
use super::spec::NetworkSpec;
use crate::error::{Error, Result};
use crate::metadata::TokenSpec;
use langevin::Query;
use langevin::model::Branch;
use langevin_data::Vocabulary;
use langevin_discrete::{Denoiser, Letter, StateSpace};
use rayon::prelude::*;

/// A trained network on tokens, as a model of discrete diffusion.
///
/// Predictions are computed in chunks of rows, in parallel; a row's prediction does not depend on
/// the other rows.
///
/// ```
/// use langevin::SampleId;
/// use langevin_discrete::{Denoiser, sampler};
/// use langevin_train::{Budget, Dataset, Recipe, train};
/// let names = Dataset::names().head(200);
/// let mut recipe = Recipe::of_tokens(&names, Budget::Steps(3))?;
/// recipe.batch = 16;
/// let network = train(&names, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
///
/// let model = network.tokens()?;
/// let plan = sampler::ancestral(model.space(), &sampler::even(4))?;
/// let rows = [SampleId { seed: 0, index: 0 }, SampleId { seed: 0, index: 1 }];
/// let tokens = plan.run(&model, &rows)?;
/// assert!(model.vocabulary().decode(&tokens[..12]).len() <= 12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TokenNetwork<'a> {
    network: &'a Network,
    spec: &'a TokenSpec,
}

impl Network {
    /// Returns the network as a model of tokens.
    ///
    /// # Errors
    /// Returns an error if the network is one of numbers, or a causal network, which predicts a
    /// token from those before it alone.
    ///
    /// # Examples
    /// See [`TokenNetwork`].
    pub fn tokens(&self) -> Result<TokenNetwork<'_>> {
        let spec = self.token_spec()?;
        if self.is_table() {
            return Err(Error::argument("the network is of numbers and categories, not of tokens alone")
                .hinting("read it with Network::table"));
        }
        if self.is_causal() {
            return Err(Error::argument("the network is autoregressive, so it is no denoiser")
                .expected("a network that sees all tokens")
                .got("a causal one"));
        }
        Ok(TokenNetwork { network: self, spec })
    }

    /// Returns true if the network is a causal network on tokens, trained by autoregression.
    #[must_use]
    pub fn is_causal(&self) -> bool {
        matches!(&self.metadata().network, NetworkSpec::Sequence(config) if config.causal)
    }

    /// Returns the letters of a network on tokens; `None` for a network on numbers.
    #[must_use]
    pub fn vocabulary(&self) -> Option<&Vocabulary> {
        self.metadata().data.tokens.as_ref().map(|spec| &spec.vocabulary)
    }

    pub(super) fn token_spec(&self) -> Result<&TokenSpec> {
        self.metadata().data.tokens.as_ref().ok_or_else(|| {
            Error::argument("the model is of numbers, not of tokens").expected("a model that was trained on tokens")
        })
    }

    /// Computes −log p of each sequence under a causal network, in nats.
    ///
    /// ```
    /// use langevin_train::{Budget, Dataset, NetworkSpec, Recipe, train};
    /// let names = Dataset::names().head(200);
    /// let mut recipe = Recipe::of_tokens(&names, Budget::Steps(3))?;
    /// if let NetworkSpec::Sequence(config) = &mut recipe.network {
    ///     *config = config.autoregressive();
    /// }
    /// recipe.batch = 16;
    /// let network = train(&names, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    /// let nats = network.autoregressive_nats(&names.tokens(0)?)?;
    /// assert!(nats.len() == 1 && nats[0] > 0.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the network is not causal or the sequences do not fit.
    pub fn autoregressive_nats(&self, tokens: &[Letter]) -> Result<Vec<f64>> {
        let spec = self.token_spec()?;
        if !self.is_causal() {
            return Err(Error::argument("the network is not autoregressive").expected("a causal network"));
        }
        spec.space.check(tokens)?;
        let (length, vocab) = (spec.space.length(), spec.space.vocab());
        let mut shifted = tokens.to_vec();
        for row in shifted.chunks_exact_mut(length) {
            row.rotate_right(1);
            row[0] = vocab as Letter;
        }
        let parts = self.logits(&shifted, length, &|_| None, |first, logits| {
            let answers = &tokens[first * length..];
            let (mut gradient, weights) = (vec![0.0; length * vocab], vec![1.0; length]);
            let rows = logits.chunks_exact(length * vocab).zip(answers.chunks_exact(length));
            rows.map(|(z, answers)| cross_entropy(z, vocab, answers, &weights, &mut gradient)).collect::<Vec<f64>>()
        })?;
        Ok(parts.concat())
    }

    /// Evaluates rows of tokens in chunks, and maps the logits of each; `first` is its first row.
    ///
    /// `at` returns the survival of a row, for a network that sees its level.
    pub(super) fn logits<T: Send>(
        &self,
        tokens: &[Letter],
        length: usize,
        at: &(dyn Fn(usize) -> Option<(f64, u32)> + Sync),
        then: impl Fn(usize, &[f32]) -> T + Sync,
    ) -> Result<Vec<T>> {
        let size = self.net().chunk().max(LEAST);
        let (count, classes) = (self.net().features(), self.net().classes());
        tokens
            .par_chunks(size * length)
            .enumerate()
            .map(|(chunk, part)| {
                let (first, rows) = (chunk * size, part.len() / length);
                // The last row is repeated where a chunk has fewer rows than the kernels need.
                let padded = rows.max(LEAST);
                let mut x = part.to_vec();
                while x.len() < padded * length {
                    x.extend_from_within(x.len() - length..);
                }
                let (mut f, mut labels) = (vec![0.0; padded * count], Vec::new());
                for row in 0..padded {
                    let (alpha, label) = at(first + row.min(rows - 1)).unwrap_or((0.0, classes as u32));
                    if count > 0 {
                        features(alpha, 1.0 - alpha, &mut f[row * count..(row + 1) * count]);
                    }
                    if classes > 0 {
                        labels.push(label);
                    }
                }
                self.passes().with(self.net(), |pass| {
                    let given = Rows { labels: &labels, ..Rows::of_tokens(&x, &f) };
                    let out = pass.forward(self.weights(), given, padded, false)?;
                    Ok(then(first, &out[..out.len() / padded * rows]))
                })
            })
            .collect()
    }
}

impl<'a> TokenNetwork<'a> {
    /// Returns the network.
    #[must_use]
    pub fn network(&self) -> &'a Network {
        self.network
    }

    /// Returns the letters.
    #[must_use]
    pub fn vocabulary(&self) -> &'a Vocabulary {
        &self.spec.vocabulary
    }
}

impl Denoiser for TokenNetwork<'_> {
    fn space(&self) -> &StateSpace {
        &self.spec.space
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        let fail = |error: Error| langevin::Error::model("the network cannot answer", error);
        let (length, vocab) = (self.spec.space.length(), self.spec.space.vocab());
        if x.len() != query.rows.len() * length {
            let error = Error::argument("the tokens have the wrong size")
                .expected(format!("{} rows × {length}", query.rows.len()))
                .got(x.len().to_string());
            return Err(fail(error));
        }
        let classes = self.network.net().classes();
        if query.branch != Branch::Main && classes == 0 {
            let error =
                Error::argument("the network has no unconditional branch").hinting("it was trained without conditions");
            return Err(fail(error));
        }
        let asked = self.network.asked();
        let at = |row: usize| {
            let label = match query.branch == Branch::Main && !asked.is_empty() {
                true => asked[(query.rows[row].index % asked.len() as u64) as usize],
                false => classes as u32,
            };
            Some((query.at.row(row).alpha, label))
        };
        let parts = self.network.logits(x, length, &at, |_, logits| {
            let mut p = vec![0.0; logits.len()];
            softmax(logits, vocab, &mut p);
            p
        });
        Ok(parts.map_err(fail)?.concat())
    }
}
