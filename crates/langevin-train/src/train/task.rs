//! The objective of a training step.
//!
//! Row r of a batch is the pair (x0, ε) at level λ, with x = αx0 + σε. The network's output has the
//! target c₀x0 + c₁ε. The default task is [`Denoising`]:
//!
//! $$L = \frac{1}{\mathrm{batch}\cdot d}\sum_r w (\alpha B/\sigma)^2
//!   \lVert \mathrm{out} - (c_0 x_0 + c_1\varepsilon) \rVert^2 .$$
//!
//! A custom [`Task`] changes the network's inputs and targets, or the comparison of outputs with
//! targets, or both. Everything else stays the same: order, noise and levels as functions of the
//! seed, lanes, optimiser, averages and states. [`Trainer::with_task`](crate::Trainer::with_task)
//! takes the task.
//!
//! The network works at unit scale. Its input is x/√(α²+σ²). Its output and the target are divided
//! by the root mean square k of c₀x0 + c₁ε ([`Scales`]).

use crate::error::{Error, Result};
use crate::nn::check::{check_gradient, normals};
use crate::nn::kernels::{square, square_apart};
use crate::nn::net::features;
use crate::nn::network::{input_scale, output_scale};
use langevin::{Formulation, Level, Objective, Process, SampleId};
use std::fmt::Debug;

/// Objective of a training step.
///
/// [`prepare`](Self::prepare) turns pairs of datum and noise into inputs and targets.
/// [`compare`](Self::compare) computes a loss from outputs and targets. Both work on a part of a
/// batch, on any thread, and the losses of the parts are added. Both must be functions of their
/// arguments alone, so that training gives the same bits on any number of threads. Use
/// [`Pairs::ids`] for randomness.
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
///             let off = given.out[i] - given.target[i];
///             let weight = given.weights[i / given.width];
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
    /// Returns the name that states and model files store.
    fn name(&self) -> &str;

    /// Writes the network's inputs and the data that [`compare`](Self::compare) needs.
    ///
    /// The default is that of [`Denoising`]. A task that changes a part of it calls that first.
    ///
    /// # Errors
    /// Returns an error if the inputs cannot be computed, for example if the evaluation of a
    /// teacher fails.
    fn prepare(&self, pairs: &Pairs<'_>, inputs: &mut Inputs<'_>) -> Result<()> {
        Denoising.prepare(pairs, inputs)
    }

    /// Returns the loss of some outputs, as their share of the batch's loss, and writes its
    /// gradient.
    ///
    /// `gradient` has the length of the outputs. Every element must be written; the previous
    /// contents are arbitrary.
    ///
    /// # Errors
    /// Returns an error if the loss cannot be computed. A loss that is not finite ends the training
    /// as diverged.
    fn compare(&self, outputs: &Outputs<'_>, gradient: &mut [f32]) -> Result<f64>;

    /// Returns the loss of a network that predicts nothing, the reference for detecting failed
    /// runs.
    ///
    /// The default is the loss of outputs of zero, computed with [`compare`](Self::compare). Return
    /// 0 to disable the detection. The result must not depend on the values of the outputs.
    ///
    /// # Errors
    /// Returns an error if [`compare`](Self::compare) does.
    fn baseline(&self, outputs: &Outputs<'_>) -> Result<f64> {
        let (zeros, mut gradient) = (vec![0.0; outputs.out.len()], vec![0.0; outputs.out.len()]);
        self.compare(&Outputs { out: &zeros, ..*outputs }, &mut gradient)
    }
}

/// Some rows of a batch before the network sees them: data, noise and levels.
///
/// ```
/// use langevin_train::task::{Denoising, Inputs, Outputs, Pairs, Task};
/// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Result, Trainer};
///
/// /// Adds a little noise to the targets, a function of the row's id.
/// #[derive(Debug)]
/// struct Blurred;
///
/// impl Task for Blurred {
///     fn name(&self) -> &str {
///         "blurred"
///     }
///
///     fn prepare(&self, pairs: &Pairs<'_>, inputs: &mut Inputs<'_>) -> Result<()> {
///         Denoising.prepare(pairs, inputs)?;
///         for (id, target) in pairs.ids.iter().zip(inputs.target.chunks_exact_mut(pairs.width)) {
///             target[0] += if id.index % 2 == 0 { 0.01 } else { -0.01 };
///         }
///         Ok(())
///     }
///
///     fn compare(&self, outputs: &Outputs<'_>, gradient: &mut [f32]) -> Result<f64> {
///         Denoising.compare(outputs, gradient)
///     }
/// }
///
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(5));
/// recipe.network = MlpConfig::new(16, 1).into();
/// let mut trainer = Trainer::new(&data, &recipe)?.with_task(Blurred)?;
/// trainer.step()?;
/// assert!(trainer.progress().loss > 0.0);
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Pairs<'a> {
    /// Step, counted from 0.
    pub step: u64,
    /// Number of rows of the whole batch, of which these are a part.
    pub batch: usize,
    /// Number of elements of a row.
    pub width: usize,
    /// Address of each row, unique within the training: seed and index for further draws.
    pub ids: &'a [SampleId],
    /// Normalised data x0, rows × width.
    pub clean: &'a [f32],
    /// Noise ε of unit variance, rows × width.
    pub noise: &'a [f32],
    /// Level of each row, on the process of the formulation.
    pub levels: &'a [Level],
    /// Class of each row; empty if there are no labels.
    pub labels: &'a [u32],
    /// Formulation that the network is trained for.
    pub formulation: &'a Formulation,
    /// Objective: the weight of the loss and the density of the levels.
    pub objective: &'a Objective,
}

impl Pairs<'_> {
    /// Returns the scales of a row at this level.
    ///
    /// `level` is one of [`levels`](Self::levels) or another level of the same process.
    ///
    /// # Errors
    /// Returns an error if the loss has no finite weight at the level.
    ///
    /// # Examples
    /// See [`Scales`] for an example.
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

/// Coefficients of a pair (x0, ε) at a level.
///
/// The network's input is `alpha`·x0 + `sigma`·ε. The target of its output is `datum`·x0 +
/// `noise`·ε. Both have unit variance for data of unit variance.
///
/// ```
/// use langevin_train::task::{Denoising, Inputs, Outputs, Pairs, Task};
/// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Result, Trainer};
///
/// /// Writes the targets of the default task again, from their definition.
/// #[derive(Debug)]
/// struct Again;
///
/// impl Task for Again {
///     fn name(&self) -> &str {
///         "again"
///     }
///
///     fn prepare(&self, pairs: &Pairs<'_>, inputs: &mut Inputs<'_>) -> Result<()> {
///         Denoising.prepare(pairs, inputs)?;
///         for (row, level) in pairs.levels.iter().enumerate() {
///             let scales = pairs.scales(level)?;
///             let target = scales.datum * pairs.clean[row] + scales.noise * pairs.noise[row];
///             assert!((target - inputs.target[row]).abs() < 1e-5);
///         }
///         Ok(())
///     }
///
///     fn compare(&self, outputs: &Outputs<'_>, gradient: &mut [f32]) -> Result<f64> {
///         Denoising.compare(outputs, gradient)
///     }
/// }
///
/// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(5));
/// recipe.network = MlpConfig::new(16, 1).into();
/// Trainer::new(&data, &recipe)?.with_task(Again)?.step()?;
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Scales {
    /// Coefficient α/√(α²+σ²) of x0 in the input.
    pub alpha: f32,
    /// Coefficient σ/√(α²+σ²) of ε in the input.
    pub sigma: f32,
    /// Coefficient c₀/k of x0 in the target.
    pub datum: f32,
    /// Coefficient c₁/k of ε in the target.
    pub noise: f32,
    /// Weight of the squared error of the output: w(αB/σ)²k²/(batch · width).
    pub weight: f32,
}

/// Buffers that a task fills: the network's inputs, and the targets and weights of its outputs.
///
/// See [`Pairs`] for an example.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inputs<'a> {
    /// States at unit variance, rows × width.
    pub x: &'a mut [f32],
    /// [`features`](crate::nn::features) of each row's level, one row after another.
    pub features: &'a mut [f32],
    /// Targets of the outputs, rows × width.
    pub target: &'a mut [f32],
    /// Weight of each row.
    pub weights: &'a mut [f32],
}

/// Outputs of some rows, and the values that the task prepared for them.
///
/// See [`Task`] for an example.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Outputs<'a> {
    /// Number of elements of a row.
    pub width: usize,
    /// Network outputs at unit scale, rows × width.
    pub out: &'a [f32],
    /// Targets from [`prepare`](Task::prepare).
    pub target: &'a [f32],
    /// Weights from [`prepare`](Task::prepare).
    pub weights: &'a [f32],
    /// Levels of the pairs.
    pub levels: &'a [Level],
}

/// Default task: the weighted squared error between outputs and targets, the objective of the
/// recipe.
///
/// ```
/// use langevin_train::task::{Denoising, check_task};
/// check_task(&Denoising, 3, 8, 1e-2)?;
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Denoising;

impl Denoising {
    /// Name reserved for this task.
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

    /// Returns the loss of the output 0, but at least a tenth of the loss of an error of 1 in every
    /// element, because the targets may be 0 themselves.
    fn baseline(&self, outputs: &Outputs<'_>) -> Result<f64> {
        let (width, mut zero, mut one) = (outputs.width, 0.0, 0.0);
        for (target, weight) in outputs.target.chunks_exact(width).zip(outputs.weights) {
            zero += f64::from(*weight) * f64::from(square(target));
            one += f64::from(*weight) * width as f64;
        }
        Ok(zero.max(0.1 * one))
    }
}

/// Checks the gradient that a task [writes](Task::compare) against finite differences.
///
/// The check uses `count` rows of `width` elements, with random outputs and targets and weights
/// from ½ to 1. `tolerance` is a share of the largest element, as in
/// [`nn::check_gradient`](crate::nn::check_gradient). See [`Task`] for an example.
///
/// # Errors
/// Returns an error that names the element that differs, or any error of the task.
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
    // A loss that fails becomes NaN, which the check rejects.
    let loss = |out: &[f32]| task.compare(&Outputs { out, ..given }, &mut vec![0.0; out.len()]).unwrap_or(f64::NAN);
    check_gradient(task.name(), &out, &gradient, tolerance, loss)
}
