//! Description of a training run.

use super::tokens::TokenNoise;
use crate::coupling::Coupling;
use crate::error::{Error, Result};
use crate::metadata::HeldOut;
use crate::nn::device::Device;
use crate::nn::net::Parameter;
use crate::nn::spec::NetworkSpec;
use crate::normalization::Normalization;
use langevin::grid::{SIGMAS, usual_range};
use langevin::objective::{TimeDensity, Weight};
use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
use langevin_data::Augment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Default peak learning rate of fine-tuning.
///
/// It is a tenth of the default for a new network, so that the trained weights are preserved.
///
/// ```
/// use langevin_train::{Budget, FINE_TUNING_RATE, Recipe};
/// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
/// assert!((recipe.learning_rate / FINE_TUNING_RATE - 10.0).abs() < 1e-9);
/// ```
pub const FINE_TUNING_RATE: f64 = 2e-4;

/// Length of a training run.
///
/// ```
/// use langevin_train::Budget;
/// use std::time::Duration;
/// assert_ne!(Budget::Steps(60), Budget::Time(Duration::from_secs(60)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Budget {
    /// Number of optimiser steps.
    ///
    /// The same seed then gives the same network, bit for bit, on the same kind of processor.
    Steps(u64),
    /// Wall-clock time.
    Time(Duration),
}

impl Budget {
    /// Returns the used share of the budget.
    pub(crate) fn spent(self, steps: u64, elapsed: Duration) -> f64 {
        match self {
            Self::Steps(all) => steps as f64 / all as f64,
            Self::Time(all) => elapsed.as_secs_f64() / all.as_secs_f64(),
        }
    }
}

/// Decay of the learning rate over the budget.
///
/// ```
/// use langevin_train::{Budget, Decay, Recipe};
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1000));
/// assert_eq!(recipe.decay, Decay::Cosine);
/// recipe.decay = Decay::Constant;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decay {
    /// Half a cosine, to 0.
    #[default]
    Cosine,
    /// Linear, to 0.
    Linear,
    /// No decay.
    Constant,
}

impl Decay {
    /// Returns the remaining share of the learning rate when `fraction` of the budget is used.
    fn factor(self, fraction: f64) -> f64 {
        let fraction = fraction.clamp(0.0, 1.0);
        match self {
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * fraction).cos()),
            Self::Linear => 1.0 - fraction,
            Self::Constant => 1.0,
        }
    }
}

/// Rule by which a gradient changes the weights.
///
/// ```
/// use langevin_train::OptimizerKind;
/// assert_eq!(OptimizerKind::Muon.learning_rate(), 1e-2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OptimizerKind {
    /// AdamW, for every weight.
    #[default]
    AdamW,
    /// Muon for the linear layers inside the blocks of a transformer
    /// ([`Parameter::is_hidden`](crate::nn::Parameter::is_hidden)), whose steps are made orthogonal
    /// matrices; AdamW for the other weights.
    ///
    /// A step costs 10 s to 15 s multiplications more for each weight than one of AdamW, with s the
    /// smaller of rows and columns. Muon is the default for sequences of tokens.
    Muon,
}

impl OptimizerKind {
    /// Names of the optimisers, in the order of the variants.
    pub const NAMES: [&'static str; 2] = ["adamw", "muon"];

    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns the default learning rate.
    #[must_use]
    pub fn learning_rate(self) -> f64 {
        match self {
            Self::AdamW => 2e-3,
            Self::Muon => 1e-2,
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Description of a training run, without the data.
///
/// Build one with [`Recipe::new`] and change its fields.
///
/// ```
/// use langevin_train::{Budget, Coupling, Recipe};
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1000));
/// recipe.batch = 512;
/// recipe.seed = 7;
/// assert_eq!(recipe.coupling, Coupling::Independent);
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Recipe {
    /// Formulation that the network is trained for.
    ///
    /// Without a λ-range, σ/α from 0.002 to 80 is used, as far as the process allows.
    #[serde(with = "spec")]
    pub formulation: Formulation,
    /// Weight of the loss.
    pub weight: Weight,
    /// Density of the noise levels.
    pub times: TimeDensity,
    /// True to stratify the noise levels: one row in each of `batch` equal parts of the density.
    ///
    /// Stratification lowers the variance of the loss.
    pub stratified: bool,
    /// True to learn the density of the noise levels while training
    /// ([`Learner`](langevin::objective::Learner)).
    ///
    /// The loss stays the same, and its estimate becomes less noisy.
    pub adaptive: bool,
    /// True to add uniform noise from [0, step) of the data's [lattice](langevin_data::Lattice) to
    /// each element, drawn anew each time a row is used (dequantisation).
    ///
    /// Evenly spaced values then have a density. The step is 1 if no lattice is found. Elements
    /// without a step are unchanged.
    pub dequantize: bool,
    /// Options with which the data were read from their file, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<langevin_data::Options>,
    /// Map between the rows of the file and the rows of the model, for the record.
    ///
    /// It comes from the model that the training continues from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<langevin_data::Frame>,
    /// Map between data and the network's units; `None` fits it to the data
    /// ([`Normalization::fit`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalization: Option<Normalization>,
    /// Coupling between the noise of a batch and its data.
    pub coupling: Coupling,
    /// Noise on tokens, for data of tokens; `None` for rows of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenNoise>,
    /// Probabilities of the letters for [`TokenNoise::Prior`]; `None` takes the frequencies of the
    /// letters in the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Vec<f64>>,
    /// Height and width of image crops; the position is drawn anew each time an image is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<(usize, usize)>,
    /// True to flip half of the images left to right, drawn anew each time an image is used.
    #[serde(default)]
    pub flip: bool,
    /// Share of the labels that are dropped, so that a network with classes also learns the
    /// unconditional prediction.
    pub label_dropout: f64,
    /// Held-out part of the data, for the record.
    pub held_out: Option<HeldOut>,
    /// Architecture of the network.
    pub network: NetworkSpec,
    /// Batch size, in rows.
    pub batch: usize,
    /// Optimiser.
    #[serde(default, skip_serializing_if = "OptimizerKind::is_default")]
    pub optimizer: OptimizerKind,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Number of steps over which the learning rate rises from 0.
    pub warmup: u64,
    /// Decay of the learning rate after the warm-up.
    pub decay: Decay,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Share of the elements that dropout sets to zero in the branches of a transformer's blocks.
    ///
    /// Dropout is meant to keep a network from memorising its rows. It slows training.
    #[serde(default, skip_serializing_if = "is_off")]
    pub dropout: f64,
    /// Decay rate d of the weight average, 0 ≤ d < 1; at most n/(n+9) after n steps.
    pub ema: f64,
    /// True to maintain two power-function averages, from which any other can be computed after
    /// training ([`Network::with_average`](crate::Network::with_average)).
    #[serde(default)]
    pub averages: bool,
    /// Largest norm of a gradient; infinity disables clipping.
    #[serde(with = "unbounded")]
    pub clip: f64,
    /// Seed of initial weights, data order, noise and noise levels.
    pub seed: u64,
    /// Length of the run.
    pub budget: Budget,
}

impl Recipe {
    /// Returns the default recipe for a formulation.
    ///
    /// ```
    /// use langevin_train::{Budget, Recipe};
    /// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1000));
    /// assert!(recipe.stratified && !recipe.adaptive && recipe.normalization.is_none());
    /// ```
    #[must_use]
    pub fn new(formulation: Formulation, budget: Budget) -> Self {
        Self {
            times: TimeDensity::usual(&formulation.process),
            formulation,
            weight: Weight::Plain,
            stratified: true,
            adaptive: false,
            dequantize: false,
            reading: None,
            frame: None,
            normalization: None,
            coupling: Coupling::Independent,
            tokens: None,
            prior: None,
            crop: None,
            flip: false,
            label_dropout: 0.1,
            held_out: None,
            network: NetworkSpec::default(),
            batch: 256,
            optimizer: OptimizerKind::AdamW,
            learning_rate: OptimizerKind::AdamW.learning_rate(),
            warmup: 100,
            decay: Decay::Cosine,
            weight_decay: 0.01,
            dropout: 0.0,
            ema: 0.999,
            averages: false,
            clip: 1.0,
            seed: 0,
            budget,
        }
    }

    /// Returns the recipe without the record of how the data were read.
    ///
    /// ```
    /// use langevin_train::{Budget, Recipe};
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
    /// recipe.reading = Some(langevin_data::Options::default());
    /// assert!(recipe.without_reading().reading.is_none());
    /// ```
    #[must_use]
    pub fn without_reading(self) -> Self {
        Self { reading: None, frame: None, ..self }
    }

    /// Returns the default formulation: the velocity of rectified flow on σ/α from 0.002 to 80.
    ///
    /// ```
    /// use langevin_train::Recipe;
    /// let formulation = Recipe::default_formulation();
    /// let range = formulation.range.unwrap();
    /// assert!((range.max - -(0.002_f64.ln())).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn default_formulation() -> Formulation {
        let process = Process::rectified_flow();
        let range = default_range(&process);
        Formulation::new(process, Prediction::Velocity).with_range(range)
    }

    /// Returns the augmentation of images.
    pub(crate) fn augment(&self) -> Augment {
        let augment = Augment::default().flip(self.flip);
        self.crop.map_or(augment, |(height, width)| augment.crop(height, width))
    }

    /// Returns the learning rate after `step` steps, when `fraction` of the budget is used: a
    /// linear warm-up, then the [`Decay`].
    pub(crate) fn rate(&self, step: u64, fraction: f64) -> f64 {
        let warm = ((step + 1) as f64 / self.warmup.max(1) as f64).min(1.0);
        self.learning_rate * warm * self.decay.factor(fraction)
    }

    /// Checks all fields and returns the formulation with a range, and its objective.
    pub(crate) fn check(&self, shape: &[usize]) -> Result<(Formulation, Objective)> {
        let refuse = |field: &str, expected: &str, got: String| {
            Err(Error::argument("bad recipe").at(field).expected(expected).got(got))
        };
        let at_least_0 = |value: f64| value >= 0.0 && value.is_finite();
        let net = self.network.build(shape, &Device::default())?;
        if self.optimizer == OptimizerKind::Muon && !net.parameters().iter().any(Parameter::is_hidden) {
            return refuse("optimizer", "adamw; muon is for transformers", "muon".into());
        }
        let width = shape.iter().product();
        if let Some(map) = self.normalization.as_ref().filter(|map| !map.fits(width)) {
            let expected = format!("1 or {width} finite shifts, as many positive scales");
            let worst = map.shift.iter().find(|shift| !shift.is_finite());
            let worst = worst.or_else(|| map.scale.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)));
            let worst = worst.map_or_else(String::new, |worst| format!(", {worst} among them"));
            return refuse("normalization", &expected, format!("{} and {}{worst}", map.shift.len(), map.scale.len()));
        }
        if self.batch == 0 || self.batch > 1 << 20 {
            return refuse("batch", "1 to 1048576", self.batch.to_string());
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return refuse("learning_rate", "a positive number", self.learning_rate.to_string());
        }
        if !at_least_0(self.weight_decay) {
            return refuse("weight_decay", "0 or more", self.weight_decay.to_string());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("dropout", "0 ≤ dropout < 1", self.dropout.to_string());
        }
        if self.dropout > 0.0 && !net.drops_out() {
            return refuse("dropout", "0; dropout is for transformers", self.dropout.to_string());
        }
        if !(0.0..=1.0).contains(&self.label_dropout) {
            return refuse("label_dropout", "0 to 1", self.label_dropout.to_string());
        }
        if !(0.0..1.0).contains(&self.ema) {
            return refuse("ema", "0 ≤ ema < 1", self.ema.to_string());
        }
        if self.clip.is_nan() || self.clip <= 0.0 {
            return refuse("clip", "a positive number, or infinity for no clipping", self.clip.to_string());
        }
        if self.coupling == Coupling::Transport && self.batch > MOST_COUPLED {
            return refuse("batch", "at most 2048 rows with a coupling by transport", self.batch.to_string());
        }
        match self.budget {
            Budget::Steps(0) => return refuse("budget", "at least one step", "0".into()),
            Budget::Time(time) if time.is_zero() => return refuse("budget", "some time", "0 s".into()),
            _ => {}
        }
        let range = self.formulation.range.unwrap_or_else(|| default_range(&self.formulation.process));
        let formulation = self.formulation.clone().with_range(range);
        let objective = Objective::new(&formulation, self.weight, self.times.clone())?;
        Ok((formulation, objective))
    }
}

/// Predicate for serde's `skip_serializing_if`.
fn is_off(share: &f64) -> bool {
    *share == 0.0
}

/// Serialisation of a number that may be infinite, which JSON cannot represent.
mod unbounded {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(*value).serialize(to)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
    }
}

/// Serialisation of a formulation as its document.
mod spec {
    use langevin::Formulation;
    use langevin::formulation::FormulationSpec;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(super) fn serialize<S: Serializer>(formulation: &Formulation, to: S) -> Result<S::Ok, S::Error> {
        formulation.spec().serialize(to)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Formulation, D::Error> {
        Formulation::from_spec(&FormulationSpec::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// Largest number of rows whose assignment is found in reasonable time.
const MOST_COUPLED: usize = 2048;

/// Returns the default range: σ/α from 0.002 to 80, or to the end of a process that does not
/// reach 80.
fn default_range(process: &Process) -> LambdaRange {
    let [low, high] = [SIGMAS[0], usual_range(process)[1]];
    LambdaRange { min: -(high.ln()), max: -(low.ln()) }
}
