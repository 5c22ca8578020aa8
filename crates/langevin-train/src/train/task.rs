//! What a training step minimises.
//!
//! Row r of a batch is the pair (x0, ε) at level λ, with x = αx0 + σε. The network's output has the target
//! c₀x0 + c₁ε, and [`Denoising`], what every training minimises unless it is told otherwise, is
//!
//! $$L = \frac{1}{\mathrm{batch}\cdot d}\sum_r w (\alpha B/\sigma)^2 \lVert \mathrm{out} - (c_0 x_0 + c_1\varepsilon) \rVert^2 .$$
//!
//! A [`Task`] of one's own changes what the network is given and should answer, or how outputs are compared
//! with it, or both; the rest of a training (order, noise and levels as functions of the seed, lanes,
//! optimiser, averages, states) stays. [`Trainer::with_task`](crate::Trainer::with_task) takes it.
//!
//! The network works at unit scale: its input is x/√(α²+σ²), its output and the target are divided by the
//! root mean square k of c₀x0 + c₁ε ([`Scales`]).

use crate::error::{Error, Result};
use crate::nn::check::{check_gradient, normals};
use crate::nn::kernels::{square, square_apart};
use crate::nn::net::features;
use crate::nn::network::{input_scale, output_scale};
use langevin::{Formulation, Level, Objective, Process, SampleId};
use std::fmt::Debug;

/// What a training step minimises.
///
/// [`prepare`](Self::prepare) makes inputs and targets of pairs of datum and noise, and
/// [`compare`](Self::compare) a loss of outputs and targets. Both work on a part of a batch, on any thread;
/// the losses of the parts are added. So that a training has the same bits on any number of threads, both
/// must be functions of what they are given. Randomness comes from [`Pairs::ids`].
///
/// ```
/// use langevin_train::task::{Outputs, Task, check_task};
/// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Result, Trainer};
///
/// /// The mean absolute error of the standard targets.
/// #[derive(Debug)]
/// struct Absolute;
///
/// impl Task for Absolute {
///     fn name(&self) -> &str {
///         "absolute"
///     }
///
///     fn compare(&self, given: &Outputs<'_>, gradient: &mut [f32]) -> Result<f64> {
///         let mut loss = 0.0;
///         for (i, g) in gradient.iter_mut().enumerate() {
///             let (off, weight) = (given.out[i] - given.target[i], given.weights[i / given.width]);
///             loss += f64::from(weight * off.abs());
///             *g = weight * off.signum();
///         }
///         Ok(loss)
///     }
/// }
///
/// check_task(&Absolute, 3, 8, 5e-2)?;
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(5));
/// recipe.network = MlpConfig::new(16, 1).into();
/// let mut trainer = Trainer::new(&data, &recipe)?.with_task(Absolute)?;
/// while !trainer.is_done() {
///     trainer.step()?;
/// }
/// assert_eq!(trainer.network()?.metadata().training.task.as_deref(), Some("absolute"));
/// # Ok::<(), langevin_train::Error>(())
/// ```
pub trait Task: Debug + Send + Sync {
    /// The name that states and model files keep.
    fn name(&self) -> &str;

    /// Writes what the network is given and what [`compare`](Self::compare) needs. By default as
    /// [`Denoising`] does; a task that changes a part of it calls that first.
    ///
    /// # Errors
    /// Returns an error if the inputs cannot be made, such as that of a teacher's evaluation.
    fn prepare(&self, pairs: &Pairs<'_>, inputs: &mut Inputs<'_>) -> Result<()> {
        Denoising.prepare(pairs, inputs)
    }

    /// Returns the loss of some outputs, as their share of the batch's, and writes its gradient: every
    /// element of
    /// `gradient`, which has the length of the outputs and holds something else before.
    ///
    /// # Errors
    /// Returns an error if there is no loss. One that is not finite ends the training as diverged.
    fn compare(&self, outputs: &Outputs<'_>, gradient: &mut [f32]) -> Result<f64>;

    /// Returns the loss of a network that has learned nothing, against which a training is judged to have
    /// failed. By default that of outputs of zero, found with [`compare`](Self::compare); 0 where nothing
    /// shall be judged. The outputs themselves must not matter.
    ///
    /// # Errors
    /// Returns an error as [`compare`](Self::compare) does.
    fn baseline(&self, outputs: &Outputs<'_>) -> Result<f64> {
        let (zeros, mut gradient) = (vec![0.0; outputs.out.len()], vec![0.0; outputs.out.len()]);
        self.compare(&Outputs { out: &zeros, ..*outputs }, &mut gradient)
    }
}

/// Some rows of a batch before the network sees them: data, noise and levels.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Pairs<'a> {
    /// The step, from 0.
    pub step: u64,
    /// The rows of the whole batch, of which these are a part.
    pub batch: usize,
    /// The elements of a row.
    pub width: usize,
    /// The address of each row, which no other row of the training has: the seed and index of further draws.
    pub ids: &'a [SampleId],
    /// Data x0 as the network sees them, normalised: rows × width.
    pub clean: &'a [f32],
    /// Noise ε of unit variance: rows × width.
    pub noise: &'a [f32],
    /// The level of each row, on the process of the formulation.
    pub levels: &'a [Level],
    /// The class of each row, or no label at all.
    pub labels: &'a [u32],
    /// What the network is trained to be.
    pub formulation: &'a Formulation,
    /// The weight of the loss and the density of the levels.
    pub objective: &'a Objective,
}

impl Pairs<'_> {
    /// Returns the scales of a row at this level, one of [`levels`](Self::levels) or another of the same
    /// process.
    ///
    /// # Errors
    /// Returns an error if the loss has no finite weight there.
    pub fn scales(&self, level: &Level) -> Result<Scales> {
        let (datum, noise, k) = output_scale(self.formulation, level);
        let factor = self.objective.output_factor(level)?;
        let shrink = input_scale(level);
        Ok(Scales {
            alpha: (level.alpha * shrink) as f32,
            sigma: (level.sigma * shrink) as f32,
            datum: (datum / k) as f32,
            noise: (noise / k) as f32,
            weight: (factor * k * k / (self.batch * self.width) as f64) as f32,
        })
    }
}

/// What becomes of a pair (x0, ε) at a level: the network's input is `alpha`·x0 + `sigma`·ε and the target of
/// its output
/// `datum`·x0 + `noise`·ε, each of unit variance for data of unit variance.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Scales {
    /// α/√(α²+σ²).
    pub alpha: f32,
    /// σ/√(α²+σ²).
    pub sigma: f32,
    /// c₀/k.
    pub datum: f32,
    /// c₁/k.
    pub noise: f32,
    /// What the squared error of the output counts: w(αB/σ)²k²/(batch · width).
    pub weight: f32,
}

/// What a task fills: the network's inputs, and what outputs are compared with.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inputs<'a> {
    /// States at unit variance: rows × width.
    pub x: &'a mut [f32],
    /// The [`features`](crate::nn::features) of each row's level, one row after another.
    pub features: &'a mut [f32],
    /// What the output should be: rows × width.
    pub target: &'a mut [f32],
    /// What each row counts.
    pub weights: &'a mut [f32],
}

/// The outputs of some rows, and what the task prepared for them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Outputs<'a> {
    /// The elements of a row.
    pub width: usize,
    /// The network's outputs at unit scale: rows × width.
    pub out: &'a [f32],
    /// The targets that were [prepared](Task::prepare).
    pub target: &'a [f32],
    /// The weights that were prepared.
    pub weights: &'a [f32],
    /// The levels of the pairs.
    pub levels: &'a [Level],
}

/// The squared error of outputs and targets, weighted: the objective of the recipe.
#[derive(Clone, Copy, Debug, Default)]
pub struct Denoising;

impl Denoising {
    /// The name that no other task may have.
    pub(crate) const NAME: &'static str = "denoising";
}

impl Task for Denoising {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn prepare(&self, pairs: &Pairs<'_>, inputs: &mut Inputs<'_>) -> Result<()> {
        let (width, count) = (pairs.width, inputs.features.len() / pairs.levels.len().max(1));
        for (row, level) in pairs.levels.iter().enumerate() {
            let Scales { alpha, sigma, datum, noise, weight } = pairs.scales(level)?;
            features(level.alpha, level.sigma, &mut inputs.features[row * count..(row + 1) * count]);
            inputs.weights[row] = weight;
            let span = row * width..(row + 1) * width;
            let drawn = pairs.clean[span.clone()].iter().zip(&pairs.noise[span.clone()]);
            for ((x, target), (x0, z)) in inputs.x[span.clone()].iter_mut().zip(&mut inputs.target[span]).zip(drawn) {
                *x = alpha * x0 + sigma * z;
                *target = datum * x0 + noise * z;
            }
        }
        Ok(())
    }

    fn compare(&self, outputs: &Outputs<'_>, gradient: &mut [f32]) -> Result<f64> {
        let Outputs { width, out, target, weights, .. } = *outputs;
        let mut loss = 0.0;
        let rows = gradient.chunks_exact_mut(width).zip(target.chunks_exact(width)).zip(out.chunks_exact(width));
        for (((gradient, target), out), weight) in rows.zip(weights) {
            loss += f64::from(*weight) * f64::from(square_apart(out, target));
            let factor = 2.0 * weight;
            gradient.iter_mut().zip(out).zip(target).for_each(|((g, out), target)| *g = factor * (out - target));
        }
        Ok(loss)
    }

    /// The loss of the output 0, at least a tenth of that of outputs that are off by 1 everywhere, for the
    /// targets may be 0 themselves.
    fn baseline(&self, outputs: &Outputs<'_>) -> Result<f64> {
        let (width, mut zero, mut one) = (outputs.width, 0.0, 0.0);
        for (target, weight) in outputs.target.chunks_exact(width).zip(outputs.weights) {
            zero += f64::from(*weight) * f64::from(square(target));
            one += f64::from(*weight) * width as f64;
        }
        Ok(zero.max(0.1 * one))
    }
}

/// Holds the gradient that a task [gives of its loss](Task::compare) against finite differences, on `count`
/// rows of `width` elements with random outputs and targets and weights from ½ to 1. `tolerance` is a share
/// of the largest element, as in [`nn::check_gradient`](crate::nn::check_gradient).
///
/// # Errors
/// Returns an error that names the element that differs, or whatever the task returns.
pub fn check_task(task: &dyn Task, width: usize, count: usize, tolerance: f64) -> Result<()> {
    if count * width == 0 {
        return Err(Error::argument("a task cannot be checked on nothing").expected("some rows of some elements"));
    }
    let (out, target) = (normals(count * width, 30), normals(count * width, 31));
    let share = |row: usize| row as f64 / count as f64;
    let weights: Vec<f32> = (0..count).map(|row| (1.0 - 0.5 * share(row)) as f32).collect();
    let process = Process::rectified_flow();
    let levels: Vec<Level> =
        (0..count).map(|row| process.level(0.1 + 0.8 * share(row))).collect::<langevin::Result<_>>()?;
    let given = Outputs { width, out: &out, target: &target, weights: &weights, levels: &levels };
    let mut gradient = vec![f32::NAN; out.len()];
    task.compare(&given, &mut gradient)?;
    // A loss that is none is no number, and so refused.
    let loss = |out: &[f32]| task.compare(&Outputs { out, ..given }, &mut vec![0.0; out.len()]).unwrap_or(f64::NAN);
    check_gradient(task.name(), &out, &gradient, tolerance, loss)
}
