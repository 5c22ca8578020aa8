//! Training: draws, loss, gradient, step.
//!
//! Row r of step n is the pair (x0, ε) at level λ, with x = αx0 + σε. The network's output has the target c₀x0 + c₁ε, and
//!
//! $$L = \frac{1}{\mathrm{batch}\cdot d}\sum_r w (\alpha B/\sigma)^2 \lVert \mathrm{out} - (c_0 x_0 + c_1\varepsilon) \rVert^2 .$$
//!
//! Everything random has an address: noise and level of a row are functions of (seed, n·batch + r), the order of the data of (seed, epoch). The batch is
//! cut into shards of a fixed number of rows that run in parallel and whose gradients are added in order, so threads change no bit.

use crate::data::{Dataset, FIRST_DRAW, Normalization, shuffled};
use crate::error::{Error, Result};
use crate::metadata::{DataSpec, MODEL_VERSION, Metadata, NetworkSpec, TrainingRecord};
use crate::mlp::{self, Slot};
use crate::moments::{Moments, MomentsSpec};
use crate::network::{Network, input_scale, output_scale, read};
use crate::optimizer::Optimizer;
use crate::recipe::{Coupling, Recipe};
use burn::tensor::{Device, Tensor};
use langevin::noise::{fill_normals, fill_uniforms};
use langevin::objective::Learner;
use langevin::{Formulation, Objective, SampleId, Weight};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// The draws of a row: its noise and its noise level. (Draw 0 of this crate orders the data, draw 1 makes the initial weights.)
const NOISE: u32 = FIRST_DRAW + 2;
const LEVEL: u32 = FIRST_DRAW + 3;
/// The numbers from [0, 1) that dequantise a row.
const DEQUANTISE: u32 = FIRST_DRAW + 4;
/// Bins of λ that the errors are kept in, how often what they say is used, and from when on.
const BINS: usize = 64;
const REFRESH: u64 = 10;
const FIRST_LEARNED: u64 = 30;
/// Points kept of the loss curve.
const CURVE: usize = 400;

/// Where a training run stands, after every step.
#[non_exhaustive]
pub struct Progress<'a> {
    /// Steps made.
    pub step: u64,
    /// The smoothed loss: an average over about the last hundred steps.
    pub loss: f64,
    /// Time since the start.
    pub elapsed: Duration,
    /// The share of the budget that is used, 0 to 1.
    pub fraction: f64,
    /// Training rows per second since the start.
    pub samples_per_second: f64,
    run: &'a Run<'a>,
}

impl Progress<'_> {
    /// The averaged network as it is now.
    ///
    /// # Errors
    /// Averaged weights that are not finite.
    pub fn snapshot(&self) -> Result<Network> {
        self.run.network()
    }
}

/// Trains a network on `data`, calling `watch` after every step; [`ControlFlow::Break`] stops early. Returns the averaged network.
///
/// # Errors
/// A recipe that cannot be used, or a loss that is no longer finite ([`Error::is_diverged`]; [`Error::into_network`] then gives the averaged network of
/// the last good step).
///
/// ```
/// use langevin_train::{Budget, Dataset, Recipe, train};
/// use std::ops::ControlFlow;
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// recipe.network.width = 16;
/// let network = train(&data, &recipe, &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!(network.metadata().training.steps, 20);
/// # Ok::<(), langevin_train::Error>(())
/// ```
pub fn train(
    data: &Dataset,
    recipe: &Recipe,
    watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
) -> Result<Network> {
    let (formulation, objective) = recipe.check(data.width())?;
    let mut normalization = Normalization::fit(data);
    if recipe.dequantize {
        normalization = normalization.dequantized(data.shape().len() > 1);
    }
    let mut values = data.values().to_vec();
    normalization.normalize(&mut values, data.width());
    // Before the clock starts: a short time for training is all for training.
    let moments = match recipe.dequantize {
        false => Moments::of(&values, data.width(), recipe.seed),
        // Those of the sums, of one visit to each row.
        true => {
            let sums = dequantized(&values, &normalization, data.width(), recipe.seed);
            Moments::of(&sums, data.width(), recipe.seed)
        }
    };
    let slots = recipe.network.slots(data.width());
    let initial = recipe.network.init(&slots, recipe.seed);
    let optimizer = Optimizer::new(initial, recipe.weight_decay, recipe.clip, recipe.ema);
    let range = objective.range();
    let begun = Instant::now();
    let mut run = Run {
        data,
        values,
        recipe,
        formulation,
        base: objective.clone(),
        objective,
        learner: Learner::new(range, BINS)?,
        normalization,
        moments,
        slots,
        optimizer,
        begun,
        step: 0,
        smooth: Smooth::default(),
    };
    let mut order = Order::new(data.rows(), recipe.seed);
    loop {
        let elapsed = begun.elapsed();
        let fraction = recipe.budget.spent(run.step, elapsed);
        if run.step > 0 {
            let samples_per_second = (run.step as f64) * recipe.batch as f64 / elapsed.as_secs_f64().max(1e-9);
            let (step, loss, fraction) = (run.step, run.smooth.loss(), fraction.min(1.0));
            if watch(&Progress { step, loss, elapsed, fraction, samples_per_second, run: &run }).is_break()
                || fraction >= 1.0
            {
                return run.network();
            }
        }
        run.step(&order.take(recipe.batch), fraction)?;
    }
}

/// Normalised rows with a number from [0, 1) added to each element of the data.
fn dequantized(values: &[f32], normalization: &Normalization, width: usize, seed: u64) -> Vec<f32> {
    let mut shift = vec![0.0; width];
    let mut out = values.to_vec();
    for (row, out) in out.chunks_exact_mut(width).enumerate() {
        draw_shift(SampleId { seed, index: row as u64 }, normalization, &mut shift);
        out.iter_mut().zip(&shift).for_each(|(x, u)| *x += *u as f32);
    }
    out
}

/// A number from [0, 1) for each element of a row, in the units of the network.
fn draw_shift(id: SampleId, normalization: &Normalization, shift: &mut [f64]) {
    fill_uniforms(id, DEQUANTISE, shift);
    shift.iter_mut().enumerate().for_each(|(j, u)| *u /= normalization.scale_of(j));
}

/// Which rows come next: one shuffled pass over the data after another.
pub(crate) struct Order {
    rows: usize,
    seed: u64,
    epoch: u64,
    left: Vec<usize>,
}

impl Order {
    pub(crate) fn new(rows: usize, seed: u64) -> Self {
        Self { rows, seed, epoch: 0, left: Vec::new() }
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<usize> {
        let mut rows = Vec::with_capacity(count);
        while rows.len() < count {
            if self.left.is_empty() {
                self.left = shuffled(self.rows, SampleId { seed: self.seed, index: self.epoch });
                self.epoch += 1;
            }
            rows.extend(self.left.pop());
        }
        rows
    }
}

/// What one shard gives.
struct Shard {
    loss: f64,
    gradient: Vec<f32>,
    /// Its rows, where they are looked at.
    seen: Vec<Seen>,
}

/// The error of one row: λ, ‖ε − ε̂‖² for each element, and w·p there.
struct Seen {
    lambda: f64,
    error: f64,
    weight: f64,
}

/// A running training.
struct Run<'a> {
    data: &'a Dataset,
    /// The data, normalised.
    values: Vec<f32>,
    recipe: &'a Recipe,
    formulation: Formulation,
    /// What is minimised, with the levels drawn as they are now.
    objective: Objective,
    /// The same as the recipe has it.
    base: Objective,
    learner: Learner,
    normalization: Normalization,
    moments: Option<(Moments, MomentsSpec)>,
    slots: Vec<Slot>,
    optimizer: Optimizer,
    begun: Instant,
    step: u64,
    smooth: Smooth,
}

impl Run<'_> {
    /// One step on these rows of the data.
    fn step(&mut self, rows: &[usize], fraction: f64) -> Result<()> {
        let device = Device::flex();
        let parameters = mlp::tensors(&self.slots, &self.optimizer.values, &device);
        let size = shard_rows(self.recipe.network.width);
        let noise = self.noise(rows)?;
        let shards: Vec<Shard> = rows
            .par_chunks(size)
            .enumerate()
            .map(|(shard, rows)| self.gradient(&parameters, rows, shard * size, &noise))
            .collect::<Result<_>>()?;
        let loss: f64 = shards.iter().map(|shard| shard.loss).sum();
        self.learn(shards.iter().flat_map(|shard| &shard.seen))?;
        let gradients: Vec<Vec<f32>> = shards.into_iter().map(|shard| shard.gradient).collect();
        let norm = if loss.is_finite() {
            self.optimizer.step(&gradients, self.recipe.rate(self.step, fraction))
        } else {
            f64::NAN
        };
        if !norm.is_finite() {
            let error = Error::diverged("training diverged")
                .at(format!("step {}", self.step + 1))
                .expected("a finite loss and gradient")
                .got(format!("loss {loss}, gradient norm {norm}"))
                .hinting("lower the learning rate, or choose a weight that is bounded on the range");
            return Err(match self.network() {
                Ok(network) => error.keeping(network),
                Err(_) => error,
            });
        }
        self.step += 1;
        self.smooth.push(self.step, loss);
        Ok(())
    }

    /// The address of row `row` of this step's batch.
    fn id(&self, row: usize) -> SampleId {
        let index = self.step.wrapping_mul(self.recipe.batch as u64).wrapping_add(row as u64);
        SampleId { seed: self.recipe.seed, index }
    }

    /// The noise of the batch, each row's own or that of its partner.
    fn noise(&self, rows: &[usize]) -> Result<Vec<f32>> {
        let width = self.data.width();
        let ids: Vec<SampleId> = (0..rows.len()).map(|row| self.id(row)).collect();
        let mut noise = vec![0.0f32; rows.len() * width];
        fill_normals(&ids, NOISE, width, &mut noise);
        if self.recipe.coupling == Coupling::Independent {
            return Ok(noise);
        }
        let wide = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<f64>>();
        let data: Vec<f64> = rows.iter().flat_map(|row| wide(&self.values[row * width..(row + 1) * width])).collect();
        let partners = langevin::metrics::pairing(&data, &wide(&noise), width)?;
        Ok(partners.into_iter().flat_map(|row| noise[row * width..(row + 1) * width].to_vec()).collect())
    }

    /// Whether errors are looked at row by row.
    fn learns(&self) -> bool {
        self.recipe.adaptive || self.recipe.weight == Weight::Uncertainty
    }

    /// Takes in the errors of a batch, in its order, and now and then draws and weights by what was learned.
    fn learn<'s>(&mut self, seen: impl Iterator<Item = &'s Seen>) -> Result<()> {
        if !self.learns() {
            return Ok(());
        }
        seen.for_each(|row| self.learner.observe(row.lambda, row.error, row.weight));
        self.learner.fade();
        if self.step >= FIRST_LEARNED && self.step.is_multiple_of(REFRESH) {
            let mut objective = self.base.clone();
            if self.recipe.weight == Weight::Uncertainty {
                objective = objective.with_errors(self.learner.errors())?;
            }
            if self.recipe.adaptive {
                objective = objective.drawn_from(self.learner.density())?;
            }
            self.objective = objective;
        }
        Ok(())
    }

    /// The loss and the gradient of one shard, the rows of the batch from `first` on.
    fn gradient(&self, parameters: &[Tensor<2>], rows: &[usize], first: usize, noise: &[f32]) -> Result<Shard> {
        let (batch, width) = (self.recipe.batch, self.data.width());
        let config = &self.recipe.network;
        let features = config.fourier + 1;
        let noise = &noise[first * width..(first + rows.len()) * width];
        let mut seen = Vec::new();
        let mut shift = vec![0.0f64; width];
        let mut x = vec![0.0f32; rows.len() * width];
        let mut target = vec![0.0f32; rows.len() * width];
        let mut f = vec![0.0f32; rows.len() * features];
        let mut weights = vec![0.0f32; rows.len()];
        for (row, from) in rows.iter().enumerate() {
            let id = self.id(first + row);
            let mut u = [0.0];
            fill_uniforms(id, LEVEL, &mut u);
            let u = if self.recipe.stratified { ((first + row) as f64 + u[0]) / batch as f64 } else { u[0] };
            let level = self.objective.level(u)?;
            let (datum, drawn, k) = output_scale(&self.formulation, &level);
            config.features(level.alpha, level.sigma, &mut f[row * features..(row + 1) * features]);
            weights[row] = (self.objective.output_factor(&level)? * k * k / (batch * width) as f64) as f32;
            if self.learns() {
                let gain = k * k * self.objective.error_gain(&level)? / width as f64;
                let weight = self.objective.weighted_density(&level)?;
                seen.push(Seen { lambda: level.lambda(), error: gain, weight });
            }
            if self.recipe.dequantize {
                draw_shift(id, &self.normalization, &mut shift);
            }
            let shrink = input_scale(&level);
            let (alpha, sigma) = ((level.alpha * shrink) as f32, (level.sigma * shrink) as f32);
            let (datum, drawn) = ((datum / k) as f32, (drawn / k) as f32);
            let span = row * width..(row + 1) * width;
            let source = &self.values[from * width..(from + 1) * width];
            for ((((x, target), x0), z), u) in
                x[span.clone()].iter_mut().zip(&mut target[span.clone()]).zip(source).zip(&noise[span]).zip(&shift)
            {
                let x0 = x0 + *u as f32;
                *x = alpha * x0 + sigma * z;
                *target = datum * x0 + drawn * z;
            }
        }
        let device = Device::flex().autodiff();
        let leaves: Vec<Tensor<2>> = parameters.iter().map(|p| p.clone().autodiff().require_grad()).collect();
        let x = mlp::matrix(config.widen(x, width), [rows.len(), config.inputs(width)], &device);
        let f = mlp::matrix(f, [rows.len(), features], &device);
        let target = mlp::matrix(target, [rows.len(), width], &device);
        let weights = mlp::matrix(weights, [rows.len(), 1], &device);
        let error = config.forward(&leaves, x, &f) - target;
        let squares = (error.clone() * error).sum_dim(1);
        let loss = (squares.clone() * weights).sum();
        if self.learns() {
            let squares = read(squares.inner())?;
            seen.iter_mut().zip(squares).for_each(|(seen, square)| seen.error *= f64::from(square));
        }
        let mut gradients = loss.backward();
        let loss = f64::from(read(loss.inner().reshape([1, 1]))?[0]);
        let mut flat = vec![0.0; self.optimizer.values.len()];
        for (slot, leaf) in self.slots.iter().zip(&leaves) {
            if let Some(gradient) = leaf.grad_remove(&mut gradients) {
                flat[slot.range()].copy_from_slice(&read(gradient)?);
            }
        }
        Ok(Shard { loss, gradient: flat, seen })
    }

    /// The averaged network as it is now.
    fn network(&self) -> Result<Network> {
        if let Some(position) = self.optimizer.ema.iter().position(|value| !value.is_finite()) {
            return Err(Error::diverged("an averaged weight is not finite")
                .at(format!("weight {position}, step {}", self.step)));
        }
        let recipe = self.recipe;
        let metadata = Metadata {
            langevin_version: MODEL_VERSION,
            formulation: self.formulation.spec(),
            network: NetworkSpec::Mlp(recipe.network),
            data: DataSpec {
                name: self.data.name().to_owned(),
                shape: self.data.shape().to_vec(),
                rows: self.data.rows(),
                held_out: recipe.held_out,
                dequantized: recipe.dequantize,
            },
            normalization: self.normalization.clone(),
            moments: self.moments.as_ref().map(|(_, spec)| *spec),
            training: TrainingRecord {
                steps: self.step,
                seconds: self.begun.elapsed().as_secs_f64(),
                batch: recipe.batch,
                seed: recipe.seed,
                weight: recipe.weight,
                times: recipe.times.clone(),
                learned: recipe.adaptive.then(|| self.learner.density()),
                coupling: recipe.coupling,
                learning_rate: recipe.learning_rate,
                ema: recipe.ema,
                parameters: self.optimizer.ema.len(),
                final_loss: self.smooth.loss(),
                losses: self.smooth.curve.clone(),
            },
        };
        let moments = self.moments.as_ref().map(|(moments, _)| moments.clone());
        Network::with_formulation(self.formulation.clone(), metadata, moments, self.optimizer.ema.clone())
    }
}

/// Rows of a shard: as many as leave its largest matrix product below the size at which the kernels would split it among threads, 192³.
pub(crate) fn shard_rows(width: usize) -> usize {
    (192 * 192 * 192 / (width * width + 1) / 32 * 32).clamp(32, 128)
}

/// An exponential average of the loss over about a hundred steps, and its curve, thinned out to at most [`CURVE`] points.
#[derive(Debug)]
pub(crate) struct Smooth {
    sum: f64,
    weight: f64,
    curve: Vec<(u64, f64)>,
    stride: u64,
}

impl Default for Smooth {
    fn default() -> Self {
        Self { sum: 0.0, weight: 0.0, curve: Vec::new(), stride: 1 }
    }
}

impl Smooth {
    pub(crate) fn push(&mut self, step: u64, loss: f64) {
        self.sum = 0.99 * self.sum + 0.01 * loss;
        self.weight = 0.99 * self.weight + 0.01;
        if step.is_multiple_of(self.stride) {
            if self.curve.len() == CURVE {
                self.stride *= 2;
                let stride = self.stride;
                self.curve.retain(|(step, _)| step.is_multiple_of(stride));
            }
            if step.is_multiple_of(self.stride) {
                self.curve.push((step, self.loss()));
            }
        }
    }

    pub(crate) fn loss(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { 0.0 }
    }
}
