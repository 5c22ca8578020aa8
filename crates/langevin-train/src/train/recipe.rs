//! What to train, and how.

use crate::coupling::Coupling;
use crate::error::{Error, Result};
use crate::metadata::HeldOut;
use crate::nn::device::Device;
use crate::nn::spec::NetworkSpec;
use crate::normalization::Normalization;
use langevin::grid::{SIGMAS, usual_range};
use langevin::objective::{TimeDensity, Weight};
use langevin::{Formulation, LambdaRange, Objective, Prediction, Process};
use langevin_data::Augment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The largest learning rate of a training that begins with a trained network, where nothing else is asked
/// for: a tenth of that of a new one, so that what is known is kept.
pub const FINE_TUNING_RATE: f64 = 2e-4;

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Budget {
    /// This many optimiser steps: the same seed then gives the same network, bit for bit, on the same kind of
    /// processor.
    Steps(u64),
    /// This much wall-clock time.
    Time(Duration),
}

impl Budget {
    /// The share of it that is used.
    pub(crate) fn spent(self, steps: u64, elapsed: Duration) -> f64 {
        match self {
            Self::Steps(all) => steps as f64 / all as f64,
            Self::Time(all) => elapsed.as_secs_f64() / all.as_secs_f64(),
        }
    }
}

/// How the learning rate falls over the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decay {
    /// Half a cosine, to 0.
    #[default]
    Cosine,
    /// A line, to 0.
    Linear,
    /// Not at all.
    Constant,
}

impl Decay {
    /// What is left of it where `fraction` of the budget is used.
    fn factor(self, fraction: f64) -> f64 {
        let fraction = fraction.clamp(0.0, 1.0);
        match self {
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * fraction).cos()),
            Self::Linear => 1.0 - fraction,
            Self::Constant => 1.0,
        }
    }
}

/// Everything that decides a training run but the data. Make one with [`Recipe::new`] and change its fields.
///
/// ```
/// use langevin_train::{Budget, Recipe};
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1000));
/// recipe.batch = 512;
/// recipe.seed = 7;
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Recipe {
    /// What the network is trained to be. Without a λ-range, σ/α from 0.002 to 80 is taken, as far as the
    /// process goes.
    #[serde(with = "spec")]
    pub formulation: Formulation,
    /// The weight of the loss.
    pub weight: Weight,
    /// The density of the noise levels.
    pub times: TimeDensity,
    /// Whether the batch is spread evenly over the density, one row in each of `batch` equal parts, which
    /// lowers the variance of the loss.
    pub stratified: bool,
    /// Whether the density of the noise levels is learned while training
    /// ([`Learner`](langevin::objective::Learner)): the loss is the same, its estimate less noisy.
    pub adaptive: bool,
    /// Whether a number from [0, step) of the data's [lattice](langevin_data::Lattice) is added to each
    /// element, anew at every visit, so that evenly spaced values have a density. The step is 1 where no
    /// lattice is found; elements without a step stay as they are.
    pub dequantize: bool,
    /// How the data were read from their file, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<langevin_data::Options>,
    /// The map between rows of the file and of the model that a model brought which the training goes on
    /// from, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<langevin_data::Frame>,
    /// The map from the data to what the network works on; none: fitted to the data ([`Normalization::fit`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalization: Option<Normalization>,
    /// How the noise of a batch is coupled to its data.
    pub coupling: Coupling,
    /// Height and width of the part of each picture that is trained on, at a place drawn anew at every visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<(usize, usize)>,
    /// Whether half of the pictures are flipped left to right, drawn anew at every visit.
    #[serde(default)]
    pub flip: bool,
    /// The share of the labels that are dropped, so that a network with classes learns to answer without one
    /// too.
    pub label_dropout: f64,
    /// What was held out of the data, for the record.
    pub held_out: Option<HeldOut>,
    /// The architecture.
    pub network: NetworkSpec,
    /// Rows in a step.
    pub batch: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises from 0.
    pub warmup: u64,
    /// How the learning rate falls after that.
    pub decay: Decay,
    /// AdamW's decoupled weight decay.
    pub weight_decay: f64,
    /// The decay d of the weight average, 0 ≤ d < 1; shorter at the start, n/(n+9) after n steps.
    pub ema: f64,
    /// Whether two more averages follow the weights, of which any other can be made afterwards
    /// ([`Network::with_average`](crate::Network::with_average)).
    #[serde(default)]
    pub averages: bool,
    /// The largest norm of a gradient; infinity: no clipping.
    #[serde(with = "unbounded")]
    pub clip: f64,
    /// The seed of initial weights, data order, noise and noise levels.
    pub seed: u64,
    /// How long to train.
    pub budget: Budget,
}

impl Recipe {
    /// The default recipe for a formulation.
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
            crop: None,
            flip: false,
            label_dropout: 0.1,
            held_out: None,
            network: NetworkSpec::default(),
            batch: 256,
            learning_rate: 2e-3,
            warmup: 100,
            decay: Decay::Cosine,
            weight_decay: 0.01,
            ema: 0.999,
            averages: false,
            clip: 1.0,
            seed: 0,
            budget,
        }
    }

    /// Returns the recipe without the record of how the data were read.
    #[must_use]
    pub fn without_reading(self) -> Self {
        Self { reading: None, frame: None, ..self }
    }

    /// The velocity of rectified flow, trained on σ/α from 0.002 to 80.
    #[must_use]
    pub fn default_formulation() -> Formulation {
        let process = Process::rectified_flow();
        let range = default_range(&process);
        Formulation::new(process, Prediction::Velocity).with_range(range)
    }

    /// What is done to pictures as they are read.
    pub(crate) fn augment(&self) -> Augment {
        let augment = Augment::default().flip(self.flip);
        self.crop.map_or(augment, |(height, width)| augment.crop(height, width))
    }

    /// The learning rate after `step` steps, where `fraction` of the budget is used: a linear rise, and the
    /// fall of [`Decay`].
    pub(crate) fn rate(&self, step: u64, fraction: f64) -> f64 {
        let warm = ((step + 1) as f64 / self.warmup.max(1) as f64).min(1.0);
        self.learning_rate * warm * self.decay.factor(fraction)
    }

    /// The formulation with a range, and the objective on it; refuses fields that cannot be used.
    pub(crate) fn check(&self, shape: &[usize]) -> Result<(Formulation, Objective)> {
        let refuse = |field: &str, expected: &str, got: String| {
            Err(Error::argument("bad recipe").at(field).expected(expected).got(got))
        };
        let at_least_0 = |value: f64| value >= 0.0 && value.is_finite();
        self.network.build(shape, &Device::default())?;
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

/// A number that may be infinite, which JSON has no number for.
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

/// A formulation as its document.
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

/// Rows whose assignment is found in reasonable time.
const MOST_COUPLED: usize = 2048;

/// σ/α from 0.002 to 80, or to the end of a process that does not reach that.
fn default_range(process: &Process) -> LambdaRange {
    let [low, high] = [SIGMAS[0], usual_range(process)[1]];
    LambdaRange { min: -(high.ln()), max: -(low.ln()) }
}
