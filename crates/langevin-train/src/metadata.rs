//! What a model file says about its network.

use crate::coupling::Coupling;
use crate::fingerprint::Fingerprint;
use crate::moments::MomentsSpec;
use crate::nn::spec::NetworkSpec;
use crate::normalization::Normalization;
use langevin::formulation::FormulationSpec;
use langevin::objective::Histogram;
use langevin::objective::{TimeDensity, Weight};
use langevin_data::{Frame, Lattice, Options};
use serde::{Deserialize, Serialize};

/// The newest version of the model file. Version 2 has the [moments](crate::Moments) of the data; 3 knows
/// transformers, classes and pictures; 4 has a checksum, how the data were read, and what was taken out of
/// their rows, and may name a network or a task that is defined outside this crate. The older ones are read
/// too.
pub const MODEL_VERSION: u32 = 4;

/// Everything about a network but its weights: the JSON document of a model file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Metadata {
    /// The version of the document, 1 to [`MODEL_VERSION`].
    pub langevin_version: u32,
    /// What the network was trained to be, its λ-range included.
    pub formulation: FormulationSpec,
    /// Its architecture.
    pub network: NetworkSpec,
    /// What it was trained on.
    pub data: DataSpec,
    /// Between data and what the network works on.
    pub normalization: Normalization,
    /// The moments of the data that the file has; none in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moments: Option<MomentsSpec>,
    /// How it was trained.
    pub training: TrainingRecord,
}

/// A data set, by name and size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DataSpec {
    /// Its name.
    pub name: String,
    /// The shape of one sample.
    pub shape: Vec<usize>,
    /// The rows trained on.
    pub rows: usize,
    /// The names of the classes that the network can be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Whether the values are those of 8-bit pictures, 0 to 255.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pictures: bool,
    /// The values that pictures run through, where the normalisation, which was given, does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// What was held out, where something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<HeldOut>,
    /// Whether a number from [0, step) of the [lattice](Self::lattice) was added to each element, anew at
    /// every visit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dequantized: bool,
    /// How the file was read, so that other rows are read alike; none for data that came from no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Options>,
    /// The map between rows of the file and of the model, where they differ or have names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Frame>,
    /// The spacing of the values of evenly spaced data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lattice: Option<Lattice>,
    /// What tells the training's rows from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// The part of a data set that was not trained on: [`Dataset::split`](langevin_data::Dataset::split) with
/// these arguments gives it again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// Its share of the rows.
    pub share: f64,
    /// The seed of the split.
    pub seed: u64,
}

/// How a network was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TrainingRecord {
    /// Optimiser steps made.
    pub steps: u64,
    /// Wall-clock seconds taken.
    pub seconds: f64,
    /// Rows in a step.
    pub batch: usize,
    /// The seed of everything random.
    pub seed: u64,
    /// The name of the [`Task`](crate::task::Task) that was minimised, where it was not the recipe's own
    /// objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The weight of the loss.
    pub weight: Weight,
    /// The density of the noise levels.
    pub times: TimeDensity,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// The decay of the weight average.
    pub ema: f64,
    /// The length of the power-function average, as a share of the training, where the weights were made
    /// afterwards of averages that were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// The number of weights.
    pub parameters: usize,
    /// The smoothed loss at the end.
    pub final_loss: f64,
    /// The density that the noise levels were drawn from at the end, where it was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Histogram>,
    /// How the noise was coupled to the data, where it was not drawn independently.
    #[serde(default, skip_serializing_if = "Coupling::is_independent")]
    pub coupling: Coupling,
    /// The smoothed loss at at most 400 steps: `[step, loss]`.
    pub losses: Vec<(u64, f64)>,
}
