//! A variational autoencoder of numbers on a line, with one latent number: what diffusion is compared with ([`langevin::duality`]).
//!
//! Encoder and decoder are two perceptrons of the same shape ([`mlp`](crate::mlp), with the constant as only feature), each from a number to a mean and a log-variance ℓ:
//!
//! $$q(z|x) = \mathcal N(m_e(x), e^{\ell_e(x)}), \qquad p(x|z) = \mathcal N(m_d(z), e^{\ell_d(z)}), \qquad p(z) = \mathcal N(0, 1), \qquad
//!   \ell = 9\tanh(\mathrm{out}/9) .$$
//!
//! The bend of ℓ keeps standard deviations within e^{∓4.5} (0.011 to 90) of the data's own, so that every quadrature of [`langevin::duality`] resolves them. What is minimised, with z drawn as
//! m_e + e^{ℓ_e/2}ε,
//!
//! $$-\mathrm{ELBO} = \tfrac12\bigl((x - m_d(z))^2 e^{-\ell_d} + \ell_d + \ln 2\pi\bigr) + \tfrac12(m_e^2 + e^{\ell_e} - 1 - \ell_e) .$$
//!
//! Data order, shards, optimiser, learning rate and average are those of [`train`](crate::train()).
//!
//! Source: Kingma & Welling, arXiv 1312.6114.

use crate::data::{Dataset, FIRST_DRAW, Normalization};
use crate::error::{Error, Result};
use crate::mlp::{self, MlpConfig, Slot};
use crate::network::read;
use crate::optimizer::Optimizer;
use crate::recipe::Recipe;
use crate::train::{Order, Smooth, shard_rows};
use burn::tensor::{Device, Tensor};
use langevin::SampleId;
use langevin::duality::{Autoencoder, Normal};
use langevin::noise::fill_normals;
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::time::Instant;

/// The draw of the encoder's noise; those before are named in `train.rs`.
const ENCODER: u32 = FIRST_DRAW + 5;
/// The largest size of a log-variance.
const MOST: f64 = 9.0;
/// Rows that are evaluated together.
const CHUNK: usize = 4096;

/// The shape of each of the two perceptrons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VaeConfig {
    /// Units of a hidden layer.
    pub width: usize,
    /// Residual blocks.
    pub depth: usize,
}

impl VaeConfig {
    /// This shape.
    #[must_use]
    pub fn new(width: usize, depth: usize) -> Self {
        Self { width, depth }
    }

    /// Of this depth, the one whose number of parameters, both perceptrons together, is nearest to a wanted one.
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

    /// The parameters of both perceptrons together.
    #[must_use]
    pub fn parameters(&self) -> usize {
        2 * size(&self.slots())
    }

    fn half(&self) -> MlpConfig {
        MlpConfig { width: self.width, depth: self.depth, fourier: 0, waves: 0 }
    }

    /// The parameters of one: from a number to a mean and a log-variance.
    fn slots(&self) -> Vec<Slot> {
        self.half().slots_between(1, 2)
    }

    /// Mean and log-variance for each row of `x`.
    fn forward(&self, parameters: &[Tensor<2>], x: Tensor<2>, ones: &Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let [rows, _] = x.dims();
        let out = self.half().forward(parameters, x, ones);
        let log_variance = (out.clone().slice([0..rows, 1..2]) / MOST).tanh() * MOST;
        (out.slice([0..rows, 0..1]), log_variance)
    }
}

fn size(slots: &[Slot]) -> usize {
    slots.last().map_or(0, |slot| slot.range().end)
}

/// Where the training of an autoencoder stands, after every step.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct VaeProgress {
    /// Steps made.
    pub step: u64,
    /// The smoothed loss, −ELBO in nats of the normalised data.
    pub loss: f64,
    /// The share of the budget that is used, 0 to 1.
    pub fraction: f64,
}

/// A trained autoencoder: an [`Autoencoder`] of normalised data.
#[derive(Debug)]
pub struct Vae {
    config: VaeConfig,
    normalization: Normalization,
    encoder: Vec<Tensor<2>>,
    decoder: Vec<Tensor<2>>,
    steps: u64,
    loss: f64,
}

impl Vae {
    /// Its shape.
    #[must_use]
    pub fn config(&self) -> VaeConfig {
        self.config
    }

    /// Between data and what it works on.
    #[must_use]
    pub fn normalization(&self) -> &Normalization {
        &self.normalization
    }

    /// The training steps that were made.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The smoothed loss at the end.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// A normal for each number.
    fn normals(&self, parameters: &[Tensor<2>], values: &[f64]) -> langevin::Result<Vec<Normal>> {
        let fail = |error: Error| langevin::Error::model("the autoencoder cannot answer", error);
        let device = Device::flex();
        let mut out = Vec::with_capacity(values.len());
        for values in values.chunks(CHUNK) {
            let shape = [values.len(), 1];
            let x = mlp::matrix(values.iter().map(|value| *value as f32).collect(), shape, &device);
            let ones = mlp::matrix(vec![1.0; values.len()], shape, &device);
            let (mean, log_variance) = self.config.forward(parameters, x, &ones);
            let (means, logs) = (read(mean).map_err(fail)?, read(log_variance).map_err(fail)?);
            let normal = |(mean, log): (&f32, &f32)| Normal { mean: (*mean).into(), variance: f64::from(*log).exp() };
            out.extend(means.iter().zip(&logs).map(normal));
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

/// Trains an autoencoder on numbers, calling `watch` after every step; [`ControlFlow::Break`] stops early. Returns the averaged one.
///
/// Of the recipe only what any training needs is used: batch, learning rate, warm-up, decay, average, clip, seed and budget.
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
/// Data that are not numbers, a recipe or a shape that cannot be used, or a loss that is no longer finite.
pub fn train_vae(
    data: &Dataset,
    recipe: &Recipe,
    config: VaeConfig,
    watch: &mut dyn FnMut(&VaeProgress) -> ControlFlow<()>,
) -> Result<Vae> {
    recipe.check(data.width())?;
    // The perceptron's own bounds, but for its features.
    MlpConfig { fourier: 1, ..config.half() }.check(2)?;
    if data.width() != 1 {
        return Err(Error::data("the autoencoder is one of numbers")
            .at(data.name())
            .expected("rows of one element")
            .got(format!("rows of {}", data.width())));
    }
    let normalization = Normalization::fit(data);
    let mut values = data.values().to_vec();
    normalization.normalize(&mut values, 1);
    let slots = config.slots();
    let mut initial = config.half().init(&slots, recipe.seed);
    // The decoder's own draws: a neighbouring seed's would be those of another training.
    initial.extend(config.half().init(&slots, !recipe.seed));
    let mut run = Run {
        values,
        recipe,
        config,
        optimizer: Optimizer::new(initial, recipe.weight_decay, recipe.clip, recipe.ema),
        slots,
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
        smooth.push(run.step, loss);
    }
}

/// A running training.
struct Run<'a> {
    values: Vec<f32>,
    recipe: &'a Recipe,
    config: VaeConfig,
    /// Those of one perceptron; the encoder's come first, then the decoder's.
    slots: Vec<Slot>,
    optimizer: Optimizer,
    step: u64,
}

impl Run<'_> {
    /// One step on these rows of the data; its loss.
    fn step(&mut self, rows: &[usize], fraction: f64) -> Result<f64> {
        let first = self.step.wrapping_mul(self.recipe.batch as u64);
        let id = |row: usize| SampleId { seed: self.recipe.seed, index: first.wrapping_add(row as u64) };
        let ids: Vec<SampleId> = (0..rows.len()).map(id).collect();
        let mut noise = vec![0.0; rows.len()];
        fill_normals(&ids, ENCODER, 1, &mut noise);
        let x: Vec<f32> = rows.iter().map(|row| self.values[*row]).collect();
        let size = shard_rows(self.config.width);
        let shards: Vec<(f64, Vec<f32>)> = x
            .par_chunks(size)
            .zip(noise.par_chunks(size))
            .map(|(x, noise)| self.gradient(x, noise))
            .collect::<Result<_>>()?;
        let (losses, gradients): (Vec<f64>, Vec<Vec<f32>>) = shards.into_iter().unzip();
        let loss: f64 = losses.iter().sum();
        let norm = match loss.is_finite() {
            true => self.optimizer.step(&gradients, self.recipe.rate(self.step, fraction)),
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

    /// The tensors of both perceptrons.
    fn tensors(&self, values: &[f32], device: &Device) -> [Vec<Tensor<2>>; 2] {
        let (encoder, decoder) = values.split_at(size(&self.slots));
        [encoder, decoder].map(|half| mlp::tensors(&self.slots, half, device))
    }

    /// The loss of some rows and its gradient, as shares of the batch's mean.
    fn gradient(&self, x: &[f32], noise: &[f32]) -> Result<(f64, Vec<f32>)> {
        let device = Device::flex().autodiff();
        let leaves = self
            .tensors(&self.optimizer.values, &device)
            .map(|half| half.into_iter().map(Tensor::require_grad).collect::<Vec<_>>());
        let column = |values: &[f32]| mlp::matrix(values.to_vec(), [values.len(), 1], &device);
        let loss = negative_elbo(&self.config, &leaves, column(x), column(noise)).sum() / self.recipe.batch as f64;
        let mut gradients = loss.backward();
        let loss = f64::from(read(loss.inner().reshape([1, 1]))?[0]);
        let mut flat = vec![0.0; self.optimizer.values.len()];
        let (encoder, decoder) = flat.split_at_mut(size(&self.slots));
        for (half, leaves) in [encoder, decoder].into_iter().zip(&leaves) {
            for (slot, leaf) in self.slots.iter().zip(leaves) {
                if let Some(gradient) = leaf.grad_remove(&mut gradients) {
                    half[slot.range()].copy_from_slice(&read(gradient)?);
                }
            }
        }
        Ok((loss, flat))
    }

    /// The averaged autoencoder as it is now.
    fn finish(self, normalization: Normalization, loss: f64) -> Result<Vae> {
        if let Some(position) = self.optimizer.ema.iter().position(|value| !value.is_finite()) {
            return Err(Error::diverged("an averaged weight is not finite").at(format!("weight {position}")));
        }
        let [encoder, decoder] = self.tensors(&self.optimizer.ema, &Device::flex());
        Ok(Vae { config: self.config, normalization, encoder, decoder, steps: self.step, loss })
    }
}

/// −ELBO of each row, for one draw of the encoder's noise.
fn negative_elbo(
    config: &VaeConfig,
    [encoder, decoder]: &[Vec<Tensor<2>>; 2],
    x: Tensor<2>,
    noise: Tensor<2>,
) -> Tensor<2> {
    let ones = x.ones_like();
    let (mean, log) = config.forward(encoder, x.clone(), &ones);
    let z = mean.clone() + (log.clone() * 0.5).exp() * noise;
    let prior = mean.clone() * mean + log.clone().exp() - log - 1.0;
    let (mean, log) = config.forward(decoder, z, &ones);
    let error = x - mean;
    let reconstruction = error.clone() * error * log.clone().neg().exp() + log + std::f64::consts::TAU.ln();
    (reconstruction + prior) * 0.5
}

#[cfg(test)]
mod tests;
