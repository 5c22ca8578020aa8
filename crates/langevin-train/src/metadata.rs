//! The JSON document of a model file.

use crate::coupling::Coupling;
use crate::fingerprint::Fingerprint;
use crate::moments::MomentsSpec;
use crate::nn::spec::NetworkSpec;
use crate::normalization::Normalization;
use langevin::formulation::FormulationSpec;
use langevin::objective::Histogram;
use langevin::objective::{TimeDensity, Weight};
use langevin_data::{Frame, Lattice, Options, Vocabulary};
use langevin_discrete::StateSpace;
use serde::{Deserialize, Serialize};

/// Newest version of the model file.
///
/// - Version 2 adds the [moments](crate::Moments) of the data.
/// - Version 3 adds transformers, classes and images.
/// - Version 4 adds a checksum, the options with which the data were read, and the changes made to
///   the rows. It may also name a network or a task defined outside this crate.
///
/// Older versions are still read.
///
/// ```
/// assert_eq!(langevin_train::MODEL_VERSION, 5);
/// ```
pub const MODEL_VERSION: u32 = TOKENS;

/// Version of the models of numbers; older programs read it.
pub(crate) const NUMBERS: u32 = 4;
/// Version of the models of tokens.
pub(crate) const TOKENS: u32 = 5;

/// Description of a network without its weights: the JSON document of a model file.
///
/// ```
/// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
/// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// # recipe.network = MlpConfig::new(16, 3).into();
/// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
/// let metadata = network.metadata();
/// assert_eq!((metadata.data.name.as_str(), metadata.data.rows), ("two points", 2));
/// assert_eq!(metadata.training.steps, 20);
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Metadata {
    /// Version of the document, 1 to [`MODEL_VERSION`].
    pub langevin_version: u32,
    /// Formulation that the network was trained for, including its λ-range.
    pub formulation: FormulationSpec,
    /// Architecture of the network.
    pub network: NetworkSpec,
    /// Data set that the network was trained on.
    pub data: DataSpec,
    /// Affine map between data and the network's units.
    pub normalization: Normalization,
    /// Kind of data moments stored in the file; `None` in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moments: Option<MomentsSpec>,
    /// Record of the training run.
    pub training: TrainingRecord,
}

/// Description of a data set: its name, shape, row count and preprocessing.
///
/// ```
/// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
/// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// # recipe.network = MlpConfig::new(16, 3).into();
/// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
/// let spec = &network.metadata().data;
/// assert_eq!((spec.name.as_str(), spec.shape.as_slice()), ("two points", &[1][..]));
/// assert!(spec.classes.is_empty() && !spec.dequantized && spec.held_out.is_none());
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DataSpec {
    /// Name of the data set.
    pub name: String,
    /// Shape of one sample.
    pub shape: Vec<usize>,
    /// Number of training rows.
    pub rows: usize,
    /// Names of the classes that the network can be conditioned on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// True if the values are those of 8-bit images, 0 to 255.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pictures: bool,
    /// Range of the pixel values.
    ///
    /// It is stored if neither [`pictures`](Self::pictures) nor the normalisation determines it:
    /// for images of more than 8 bits, for a supplied normalisation, and for data that are
    /// normalised by their standard deviation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// Held-out part of the data set; `None` if nothing was held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<HeldOut>,
    /// True if uniform noise from [0, step) of the [lattice](Self::lattice) was added to each
    /// element (dequantisation), drawn anew each time a row is used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dequantized: bool,
    /// Options with which the file was read, so that other files are read in the same way.
    ///
    /// `None` if the data did not come from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Options>,
    /// Map between the rows of the file and the rows of the model.
    ///
    /// `None` if both are equal and the columns have no names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Frame>,
    /// Spacing of the values, for data on an evenly spaced lattice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lattice: Option<Lattice>,
    /// Fingerprint of the training rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// Letters of data of tokens, and the noise on them; `None` for rows of numbers.
    ///
    /// It is there from version 5 of the document on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenSpec>,
}

/// Tokens of a model: the space of the sequences, and the text of their letters.
///
/// See [`TokenNetwork`](crate::TokenNetwork).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TokenSpec {
    /// Space of the sequences: noise, vocabulary and length.
    pub space: StateSpace,
    /// Text of every letter.
    pub vocabulary: Vocabulary,
}

/// Held-out part of a data set.
///
/// [`Dataset::split`](langevin_data::Dataset::split) with these arguments reproduces the split.
///
/// ```
/// use langevin_train::{Dataset, HeldOut};
/// let held_out = HeldOut { share: 0.2, seed: 0 };
/// let (train, test) = Dataset::digits().split(held_out.share, held_out.seed);
/// assert!(test.rows() < train.rows());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// Held-out share of the rows.
    pub share: f64,
    /// Seed of the split.
    pub seed: u64,
}

/// Record of a training run.
///
/// ```
/// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
/// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
/// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
/// # recipe.network = MlpConfig::new(16, 3).into();
/// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
/// let record = &network.metadata().training;
/// assert_eq!((record.steps, record.seed, record.task.as_deref()), (20, recipe.seed, None));
/// assert_eq!(record.losses.last().map(|(step, _)| *step), Some(20));
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TrainingRecord {
    /// Number of optimiser steps.
    pub steps: u64,
    /// Elapsed wall-clock time in seconds.
    pub seconds: f64,
    /// Batch size, in rows.
    pub batch: usize,
    /// Seed of all random draws.
    pub seed: u64,
    /// Name of the [`Task`](crate::task::Task) that was minimised.
    ///
    /// `None` if the recipe's own objective was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Weight of the loss.
    pub weight: Weight,
    /// Density of the noise levels.
    pub times: TimeDensity,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decay rate of the exponential moving average of the weights.
    pub ema: f64,
    /// Length of the power-function average, as a share of the training.
    ///
    /// `None` unless the weights were computed after training from saved averages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// Number of weights.
    pub parameters: usize,
    /// Smoothed loss at the end of training.
    pub final_loss: f64,
    /// Learned density of the noise levels at the end of training; `None` if the density was fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Histogram>,
    /// Coupling between noise and data.
    #[serde(default, skip_serializing_if = "Coupling::is_independent")]
    pub coupling: Coupling,
    /// Smoothed loss at up to 400 steps, as pairs `[step, loss]`.
    pub losses: Vec<(u64, f64)>,
}
