//! A training that starts from a model: which fields of its recipe are the model's, and what data it takes.

use super::error::TrainError;
use crate::error::{Blame as _, Result};
use langevin_data::Dataset;
use langevin_train::{Budget, FINE_TUNING_RATE, Network, NetworkSpec, Recipe};
use serde_json::{Value, json};

/// The fields of a recipe that are the model's. A field that is chosen must be what the model has.
pub const FROM_MODEL: [&str; 12] = [
    "formulation.process",
    "formulation.prediction",
    "dequantize",
    "normalization",
    "network.kind",
    "network.width",
    "network.depth",
    "network.fourier",
    "network.waves",
    "network.activation",
    "network.patch",
    "network.heads",
];

/// The fields of the loss: the model's unless they are chosen.
pub const FROM_MODEL_UNLESS_CHOSEN: [&str; 3] = ["weight", "times", "coupling"];

/// A field that was chosen, not left to its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is chosen as the recipe has it.
    AsInRecipe,
    /// It is a size, which may be of another kind of network than the recipe's.
    Size(u64),
}

/// What a training starts from: a model, or a run that started from one.
///
/// ```
/// use langevin_tasks::train::Base;
/// use langevin_train::{Budget, MlpConfig, Recipe};
/// let own = Recipe::new(Recipe::default_formulation(), Budget::Steps(10));
/// let mut recipe = own.clone();
/// recipe.network = MlpConfig::new(8, 1).into();
/// // No field was chosen: the network is that of the run.
/// let base = Base::of_run(own);
/// base.apply(&mut recipe, &|_| None)?;
/// assert_eq!(recipe.network, base.recipe().network);
/// # Ok::<(), langevin_tasks::train::TrainError>(())
/// ```
pub struct Base {
    network: Option<Network>,
    recipe: Recipe,
}

impl Base {
    /// Builds the start from a model.
    #[must_use]
    pub fn of_model(network: Network) -> Self {
        let recipe = Recipe::of(&network, Budget::Steps(1));
        Self { network: Some(network), recipe }
    }

    /// Builds the start of a run that is resumed and started from a model: its own recipe holds.
    #[must_use]
    pub fn of_run(recipe: Recipe) -> Self {
        Self { network: None, recipe }
    }

    /// Returns the recipe of the model or the run.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Returns the model; `None` for a run that is resumed.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    /// Makes a recipe that of the model, but for what may be another. `chosen` says which fields the caller
    /// chose; besides those of a recipe, `frame` (columns learned as logarithms) and `network.classes`.
    ///
    /// The learning rate is [`FINE_TUNING_RATE`] unless it is chosen.
    ///
    /// # Errors
    /// Returns [`TrainError::Conflict`] for the first field that is chosen otherwise than the model has it.
    /// The recipe is unchanged then.
    pub fn apply(&self, recipe: &mut Recipe, chosen: &dyn Fn(&str) -> Option<Choice>) -> Result<(), TrainError> {
        self.check_choices(recipe, chosen)?;
        recipe.formulation = self.recipe.formulation.clone();
        recipe.frame = self.recipe.frame.clone();
        recipe.normalization = self.recipe.normalization.clone();
        (recipe.dequantize, recipe.network) = (self.recipe.dequantize, self.recipe.network.clone());
        for field in FROM_MODEL_UNLESS_CHOSEN.into_iter().filter(|field| chosen(field).is_none()) {
            match field {
                "weight" => recipe.weight = self.recipe.weight,
                "times" => recipe.times = self.recipe.times.clone(),
                _ => recipe.coupling = self.recipe.coupling,
            }
        }
        if chosen("learning_rate").is_none() {
            recipe.learning_rate = FINE_TUNING_RATE;
        }
        Ok(())
    }

    fn check_choices(&self, recipe: &Recipe, chosen: &dyn Fn(&str) -> Option<Choice>) -> Result<(), TrainError> {
        let written = |recipe: &Recipe| serde_json::to_value(recipe).or_failed();
        let (own, asked) = (written(&self.recipe)?, written(recipe)?);
        let of = |recipe: &Value, field: &str| {
            recipe.pointer(&format!("/{}", field.replace('.', "/"))).cloned().unwrap_or_default()
        };
        for field in FROM_MODEL {
            let Some(choice) = chosen(field) else { continue };
            let own = of(&own, field);
            let asked = match choice {
                Choice::AsInRecipe => of(&asked, field),
                Choice::Size(size) => json!(size),
            };
            if own != asked && !(own.is_null() && asked == json!(0)) {
                return Err(TrainError::Conflict { field, own });
            }
        }
        let own_plain = matches!(&self.recipe.network, NetworkSpec::Mlp(config) if config.plain);
        if chosen("network.plain").is_some() && !own_plain {
            return Err(TrainError::Conflict { field: "network.plain", own: Value::Bool(false) });
        }
        if chosen("network.classes").is_some() && self.classes() == 0 {
            return Err(TrainError::Conflict { field: "network.classes", own: json!(0) });
        }
        if chosen("frame").is_some() {
            return Err(TrainError::Conflict { field: "frame", own: Value::Null });
        }
        Ok(())
    }

    /// The classes that the network has places for.
    fn classes(&self) -> usize {
        match &self.recipe.network {
            NetworkSpec::Mlp(config) => config.classes,
            NetworkSpec::Dit(config) => config.classes,
            _ => 0,
        }
    }

    /// Checks that data are of the model's shape and classes; `shape` is that of what the network sees of a
    /// row.
    ///
    /// # Errors
    /// Returns [`TrainError::Shape`] or [`TrainError::Classes`] if they are not.
    pub fn check(&self, data: &Dataset, shape: &[usize]) -> Result<(), TrainError> {
        let Some(network) = &self.network else { return Ok(()) };
        if shape != network.shape() {
            return Err(TrainError::Shape { expected: network.shape().to_vec(), got: shape.to_vec() });
        }
        let classes = network.classes();
        if classes.is_empty() || (data.labels().is_some() && data.classes() == classes) {
            return Ok(());
        }
        let got = data.labels().map(|_| data.classes().to_vec());
        Err(TrainError::Classes { expected: classes.to_vec(), got })
    }
}
