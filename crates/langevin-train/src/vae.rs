//! Variational autoencoder of scalar data with one latent number.
//!
//! It is the model that diffusion is compared with ([`langevin_theory::duality`]).
//!
//! Encoder and decoder are two perceptrons of the same shape ([`mlp`](crate::mlp), with the
//! constant as its only feature). Each maps a number to a mean and a log-variance ℓ:
//!
//! $$q(z|x) = \mathcal N(m_e(x), e^{\ell_e(x)}), \qquad
//!   p(x|z) = \mathcal N(m_d(z), e^{\ell_d(z)}), \qquad p(z) = \mathcal N(0, 1), \qquad
//!   \ell = 9\tanh(\mathrm{out}/9) .$$
//!
//! The tanh keeps standard deviations within e^{∓4.5} (0.011 to 90) of the data's own, so that
//! every quadrature of [`langevin_theory::duality`] resolves them. Training minimises the following
//! objective, with z drawn as m_e + e^{ℓ_e/2}ε:
//!
//! $$-\mathrm{ELBO} = \tfrac12\bigl((x - m_d(z))^2 e^{-\ell_d} + \ell_d + \ln 2\pi\bigr) +
//!   \tfrac12(m_e^2 + e^{\ell_e} - 1 - \ell_e) .$$
//!
//! Data order, lanes, optimiser, learning rate and average are those of [`train`](crate::train()).
//!
//! Source: Kingma & Welling, arXiv 1312.6114.

use crate::error::{Error, Result};
use crate::nn::mlp::{Mlp, MlpConfig};
use crate::nn::net::{Net as _, Rows, size};
use crate::normalization::Normalization;
use crate::train::Recipe;
use crate::train::optimizer::Optimizer;
use crate::train::{Order, Smooth, rows_of_lane};
use langevin::SampleId;
use langevin::noise::{draws, fill_normals};
use langevin_data::Dataset;
use langevin_theory::duality::{Autoencoder, Normal};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::time::Instant;

/// Largest absolute value of a log-variance.
const MOST: f32 = 9.0;
/// Number of rows that are evaluated together.
const CHUNK: usize = 4096;

/// Shape of the encoder and of the decoder.
///
/// ```
/// use langevin_train::VaeConfig;
/// assert_eq!(VaeConfig::new(52, 2).parameters(), 11_444);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VaeConfig {
    /// Number of units of a hidden layer.
    pub width: usize,
    /// Number of residual blocks.
    pub depth: usize,
}

impl VaeConfig {
    /// Returns the configuration with this width and depth.
    #[must_use]
    pub fn new(width: usize, depth: usize) -> Self {
        Self { width, depth }
    }

    /// Returns the configuration of this depth whose number of parameters is nearest to
    /// `parameters`.
    ///
    /// The count includes both perceptrons.
    ///
    /// ```
    /// use langevin_train::VaeConfig;
    /// let config = VaeConfig::matching(11_601, 2);
    /// assert_eq!((config.width, config.parameters()), (52, 11_444));
    /// ```
    #[must_use]
    pub fn matching(parameters: usize, depth: usize) -> Self {
        let off = |width: usize| Self { width, depth }.parameters().abs_diff(parameters);
        let mut width = 1;
        while off(width + 1) < off(width) {
            width += 1;
        }
        Self { width, depth }
    }

    /// Returns the number of parameters of encoder and decoder together.
    #[must_use]
    pub fn parameters(&self) -> usize {
        2 * size(self.half().parameters())
    }

    /// Returns one of the two perceptrons, from a number to a mean and a log-variance.
    fn half(&self) -> Mlp {
        Mlp::new(self.config(), 1, 2)
    }

    fn config(&self) -> MlpConfig {
        MlpConfig { fourier: 0, ..MlpConfig::new(self.width, self.depth) }
    }
}

/// Returns the log-variance ℓ for an output of a perceptron, and its slope.
fn bend(out: f32) -> (f32, f32) {
    let t = (out / MOST).tanh();
    (MOST * t, 1.0 - t * t)
}

/// Progress of the training of an autoencoder, reported after every step.
///
/// ```
/// use langevin_train::{Budget, Dataset, Recipe, VaeConfig, train_vae};
/// use std::ops::ControlFlow;
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// let vae = train_vae(&data, &recipe, VaeConfig::new(16, 1), &mut |progress| {
///     // Stops half-way.
///     if progress.fraction >= 0.5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// })?;
/// assert_eq!(vae.steps(), 10);
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct VaeProgress {
    /// Number of steps completed.
    pub step: u64,
    /// Smoothed loss, −ELBO in nats of the normalised data.
    pub loss: f64,
    /// Used share of the budget, 0 to 1.
    pub fraction: f64,
}

/// Trained autoencoder: an [`Autoencoder`] of normalised data.
///
/// ```
/// use langevin_theory::duality::Autoencoder;
/// use langevin_train::{Budget, Dataset, Recipe, VaeConfig, train_vae};
/// use std::ops::ControlFlow;
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// let vae = train_vae(&data, &recipe, VaeConfig::new(16, 1), &mut |_| ControlFlow::Continue(()))?;
/// let posterior = vae.encode(&[0.5])?;
/// assert!(posterior[0].variance > 0.0 && vae.loss().is_finite());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Vae {
    config: VaeConfig,
    normalization: Normalization,
    encoder: Vec<f32>,
    decoder: Vec<f32>,
    steps: u64,
    loss: f64,
}

impl Vae {
    /// Returns the shape of the two perceptrons.
    #[must_use]
    pub fn config(&self) -> VaeConfig {
        self.config
    }

    /// Returns the affine map between data and the autoencoder's units.
    #[must_use]
    pub fn normalization(&self) -> &Normalization {
        &self.normalization
    }

    /// Returns the number of training steps.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns the smoothed loss at the end of training, −ELBO in nats of the normalised data.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// Returns the normal distribution that a perceptron assigns to each number.
    fn normals(&self, weights: &[f32], values: &[f64]) -> langevin::Result<Vec<Normal>> {
        let ones = [1.0; CHUNK];
        let mut pass = self.config.half().pass(CHUNK);
        let mut out = Vec::with_capacity(values.len());
        for values in values.chunks(CHUNK) {
            let x: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            let rows = Rows::new(&x, &ones[..x.len()]);
            let pairs = pass
                .forward(weights, rows, x.len(), false)
                .map_err(|error| langevin::Error::model("the network cannot answer", error))?;
            out.extend(
                pairs
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|[mean, log]| Normal { mean: (*mean).into(), variance: f64::from(bend(*log).0).exp() }),
            );
        }
        Ok(out)
    }
}

impl Autoencoder for Vae {
    fn encode(&self, x: &[f64]) -> langevin::Result<Vec<Normal>> {
        self.normals(&self.encoder, x)
    }

    fn decode(&self, z: &[f64]) -> langevin::Result<Vec<Normal>> {
        self.normals(&self.decoder, z)
    }
}

/// Trains an autoencoder on scalar data and returns the one with averaged weights.
///
/// `watch` is called after every step; [`ControlFlow::Break`] stops early. Of the recipe only the
/// general fields are used: batch, learning rate, warm-up, decay, average, clip, seed and budget.
///
/// ```
/// use langevin_train::{Budget, Dataset, Recipe, VaeConfig, train_vae};
/// use std::ops::ControlFlow;
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// let vae = train_vae(&data, &recipe, VaeConfig::new(16, 1), &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!(vae.steps(), 20);
/// # Ok::<(), langevin_train::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the rows are not single numbers, if the recipe or the shape is unusable, or
/// if the loss is no longer finite.
pub fn train_vae(
    data: &Dataset,
    recipe: &Recipe,
    config: VaeConfig,
    watch: &mut dyn FnMut(&VaeProgress) -> ControlFlow<()>,
) -> Result<Vae> {
    recipe.check(data.shape())?;
    // The features are set to 1 to pass the perceptron's own bounds; the rest is checked.
    MlpConfig { fourier: 1, ..config.config() }.check(2)?;
    if data.width() != 1 {
        return Err(Error::data("the autoencoder is one of numbers")
            .at(data.name())
            .expected("rows of one element")
            .got(format!("rows of {}", data.width())));
    }
    let normalization = Normalization::fit(data)?;
    let mut values = data.values()?;
    normalization.normalize(&mut values, 1);
    let half = config.half();
    let mut initial = half.init(recipe.seed);
    // The decoder uses the complement of the seed, because a neighbouring seed would repeat the
    // draws of another training run.
    initial.extend(half.init(!recipe.seed));
    let mut run = Run {
        values,
        recipe,
        config,
        optimizer: Optimizer::new(initial, recipe.weight_decay, recipe.clip, recipe.ema),
        half,
        step: 0,
    };
    let (mut order, mut smooth) = (Order::new(data.rows(), recipe.seed), Smooth::default());
    let begun = Instant::now();
    loop {
        let fraction = recipe.budget.spent(run.step, begun.elapsed()).min(1.0);
        if run.step > 0 {
            let progress = VaeProgress { step: run.step, loss: smooth.loss(), fraction };
            if watch(&progress).is_break() || fraction >= 1.0 {
                return run.finish(normalization, smooth.loss());
            }
        }
        let loss = run.step(&order.take(recipe.batch), fraction)?;
        smooth.push(run.step, loss, false);
    }
}

/// Training run in progress.
struct Run<'a> {
    values: Vec<f32>,
    recipe: &'a Recipe,
    config: VaeConfig,
    /// One perceptron; the weights are those of the encoder followed by those of the decoder.
    half: Mlp,
    optimizer: Optimizer,
    step: u64,
}

impl Run<'_> {
    /// Makes one step on these rows of the data and returns the loss.
    fn step(&mut self, rows: &[usize], fraction: f64) -> Result<f64> {
        let first = self.step.wrapping_mul(self.recipe.batch as u64);
        let id = |row: usize| SampleId { seed: self.recipe.seed, index: first.wrapping_add(row as u64) };
        let ids: Vec<SampleId> = (0..rows.len()).map(id).collect();
        let mut noise = vec![0.0; rows.len()];
        fill_normals(&ids, draws::ENCODER_NOISE.first(), 1, &mut noise);
        let x: Vec<f32> = rows.iter().map(|row| self.values[*row]).collect();
        let lane = rows_of_lane(rows.len(), &self.half);
        let shares = x.par_chunks(lane).zip(noise.par_chunks(lane)).map(|(x, noise)| self.gradient(x, noise));
        let (losses, mut gradients): (Vec<f64>, Vec<Vec<f32>>) =
            shares.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let loss: f64 = losses.iter().sum();
        let norm = match loss.is_finite() {
            true => self.optimizer.step(&mut gradients, self.recipe.rate(self.step, fraction)),
            false => f64::NAN,
        };
        if !norm.is_finite() {
            return Err(Error::diverged("training diverged")
                .at(format!("step {}", self.step + 1))
                .expected("a finite loss and gradient")
                .got(format!("loss {loss}, gradient norm {norm}"))
                .hinting("lower the learning rate"));
        }
        self.step += 1;
        Ok(loss)
    }

    /// Computes the loss of some rows and its gradient, as shares of the batch's mean.
    fn gradient(&self, x: &[f32], noise: &[f32]) -> Result<(f64, Vec<f32>)> {
        let mut gradient = vec![0.0; self.optimizer.values.len()];
        let loss = negative_elbo(&self.half, &self.optimizer.values, x, noise, &mut gradient)?;
        let share = self.recipe.batch as f64;
        gradient.iter_mut().for_each(|g| *g /= share as f32);
        Ok((loss / share, gradient))
    }

    /// Returns the autoencoder with the current averaged weights.
    fn finish(self, normalization: Normalization, loss: f64) -> Result<Vae> {
        if let Some(position) = self.optimizer.ema.iter().position(|value| !value.is_finite()) {
            return Err(Error::diverged("an averaged weight is not finite").at(format!("weight {position}")));
        }
        let (encoder, decoder) = self.optimizer.ema.split_at(size(self.half.parameters()));
        let [encoder, decoder] = [encoder, decoder].map(<[f32]>::to_vec);
        Ok(Vae { config: self.config, normalization, encoder, decoder, steps: self.step, loss })
    }
}

/// Computes Σ −ELBO over the rows for one draw of the encoder's noise, and adds its gradient.
fn negative_elbo(half: &Mlp, weights: &[f32], x: &[f32], noise: &[f32], gradient: &mut [f32]) -> Result<f64> {
    let (count, middle) = (x.len(), size(half.parameters()));
    let (encoder, decoder) = weights.split_at(middle);
    let (encoder_gradient, decoder_gradient) = gradient.split_at_mut(middle);
    let ones = vec![1.0; count];
    let (mut encode, mut decode) = (half.pass(count), half.pass(count));
    let given = Rows::new(x, &ones);
    let encoded = encode.forward(encoder, given, count, true)?.as_chunks::<2>().0.to_vec();
    // Standard deviation that multiplies the encoder's noise.
    let deviation: Vec<f32> = encoded.iter().map(|[_, log]| (0.5 * bend(*log).0).exp()).collect();
    let z: Vec<f32> = encoded.iter().zip(&deviation).zip(noise).map(|(([mean, _], s), e)| mean + s * e).collect();
    let latent = Rows::new(&z, &ones);
    let mut loss = 0.0;
    let mut cotangent: Vec<f32> = Vec::with_capacity(2 * count);
    for ([mean, log], x) in decode.forward(decoder, latent, count, true)?.as_chunks::<2>().0.iter().zip(x) {
        let (log, slope) = bend(*log);
        let (error, precision) = (x - mean, (-log).exp());
        let square = error * error * precision;
        loss += 0.5 * (f64::from(square + log) + std::f64::consts::TAU.ln());
        cotangent.extend([-error * precision, 0.5 * (1.0 - square) * slope]);
    }
    let mut dz = vec![0.0; count];
    decode.back(decoder, latent, &cotangent, Some(decoder_gradient), Some(&mut dz))?;
    cotangent.clear();
    for ((([mean, log], s), e), dz) in encoded.iter().zip(&deviation).zip(noise).zip(&dz) {
        let (log, slope) = bend(*log);
        loss += 0.5 * f64::from(mean * mean + s * s - 1.0 - log);
        cotangent.extend([mean + dz, 0.5 * (s * s - 1.0 + dz * s * e) * slope]);
    }
    encode.back(encoder, given, &cotangent, Some(encoder_gradient), None)?;
    Ok(loss)
}

#[cfg(test)]
mod tests;
