//! Samples of an autoregressive network, letter by letter from left to right.

use super::kernels::softmax;
use super::network::Network;
use crate::error::{Error, Result};
use langevin::SampleId;
use langevin::noise::{draws, fill_uniforms};
use langevin_discrete::{Letter, pick};

impl Network {
    /// Draws sequences from a causal network, rows × d letters, one evaluation for each letter.
    ///
    /// Sample (seed, index) is the same for any rows beside it.
    ///
    /// ```
    /// use langevin::SampleId;
    /// use langevin_train::{Budget, Dataset, NetworkSpec, Recipe, train};
    /// let names = Dataset::names().head(200);
    /// let mut recipe = Recipe::of_tokens(&names, Budget::Steps(3))?;
    /// if let NetworkSpec::Sequence(config) = &mut recipe.network {
    ///     *config = config.autoregressive();
    /// }
    /// recipe.batch = 16;
    /// let network = train(&names, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    /// let rows = [SampleId { seed: 0, index: 0 }, SampleId { seed: 0, index: 1 }];
    /// let tokens = network.autoregressive_samples(&rows)?;
    /// assert_eq!(tokens[12..], network.autoregressive_samples(&rows[1..])?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the network is not causal.
    pub fn autoregressive_samples(&self, rows: &[SampleId]) -> Result<Vec<Letter>> {
        let space = &self.token_spec()?.space;
        if !self.is_causal() {
            return Err(Error::argument("the network is not autoregressive").expected("a causal network"));
        }
        let (length, vocab) = (space.length(), space.vocab());
        let mut uniforms = vec![0.0; rows.len() * length];
        for (row, u) in rows.iter().zip(uniforms.chunks_exact_mut(length)) {
            fill_uniforms(*row, draws::PLANS.first(), u);
        }
        // The first letter of the input stands for the start; the last letter is no input.
        let mut shifted = vec![vocab as Letter; rows.len() * length];
        let mut tokens = vec![0; rows.len() * length];
        let classes = self.net().classes() as u32;
        let asked = self.asked();
        for place in 0..length {
            let label = |row: usize| match asked.is_empty() {
                true => classes,
                false => asked[(rows[row].index % asked.len() as u64) as usize],
            };
            let parts = self.logits(&shifted, length, &|row| Some((0.0, label(row))), |_, logits| {
                let mut p = vec![0.0; vocab];
                let law = |row: &[f32]| {
                    softmax(&row[place * vocab..(place + 1) * vocab], vocab, &mut p);
                    p.clone()
                };
                logits.chunks_exact(length * vocab).map(law).collect::<Vec<Vec<f64>>>()
            })?;
            for (row, law) in parts.into_iter().flatten().enumerate() {
                let at = row * length + place;
                let Some(letter) = pick(&law, uniforms[at]) else {
                    return Err(Error::argument("a token has no letter of positive probability")
                        .at(format!("row {row}, token {place}")));
                };
                tokens[at] = letter;
                if place + 1 < length {
                    shifted[at + 1] = letter;
                }
            }
        }
        Ok(tokens)
    }
}
