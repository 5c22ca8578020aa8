//! Training that starts from a model: the fields of its recipe that the model determines, and the
//! data that fit the model.

use super::error::TrainError;
use crate::error::{Blame as _, Result};
use langevin_data::Dataset;
use langevin_train::{Budget, FINE_TUNING_RATE, Network, NetworkSpec, Recipe};
use serde_json::{Value, json};

/// Recipe fields that the model determines. A field that the caller sets must equal the model's
/// value.
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

/// Recipe fields of the loss, which are taken from the model unless the caller sets them.
pub const FROM_MODEL_UNLESS_CHOSEN: [&str; 3] = ["weight", "times", "coupling"];

/// A recipe field that the caller set, as opposed to a default.
///
/// ```
/// use langevin_tasks::train::{Base, Choice};
/// use langevin_train::{Budget, Recipe};
/// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(10));
/// let base = Base::of_run(recipe.clone());
/// let mut changed = recipe;
/// let chosen = |field: &str| (field == "network.width").then_some(Choice::Size(7));
/// let error = base.apply(&mut changed, &chosen).unwrap_err();
/// assert!(error.to_string().contains("network.width"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The field has the value in the recipe.
    AsInRecipe,
    /// The field is a size. It may belong to another kind of network than the recipe's.
    Size(u64),
}

/// The starting point of a training: a model, or a run that was started from a model.
///
/// ```
/// use langevin_tasks::train::Base;
/// use langevin_train::{Budget, MlpConfig, Recipe};
/// let own = Recipe::new(Recipe::default_formulation(), Budget::Steps(10));
/// let mut recipe = own.clone();
/// recipe.network = MlpConfig::new(8, 1).into();
/// // The caller set no field, so the network of the run is used.
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
    /// Builds the starting point from a model.
    #[must_use]
    pub fn of_model(network: Network) -> Self {
        let recipe = Recipe::of(&network, Budget::Steps(1));
        Self { network: Some(network), recipe }
    }

    /// Builds the starting point of a resumed run that was started from a model. The recipe of the
    /// run applies.
    #[must_use]
    pub fn of_run(recipe: Recipe) -> Self {
        Self { network: None, recipe }
    }

    /// Returns the recipe of the model or the run.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Returns the model; `None` for a resumed run.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    /// Replaces the recipe by that of the model, except for the fields that may differ. `chosen`
    /// states the fields that the caller set. It is called with the fields of a recipe, and also
    /// with `frame` (columns learned as logarithms) and `network.classes`.
    ///
    /// Unless the caller set them, the learning rate becomes [`FINE_TUNING_RATE`], and the batch
    /// size that of the recipe of the model or run.
    ///
    /// # Errors
    /// Returns [`TrainError::Conflict`] for the first field whose value differs from that of the
    /// model. The recipe is then unchanged.
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
        if chosen("batch").is_none() {
            recipe.batch = self.recipe.batch;
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

    /// Returns the number of classes of the network.
    fn classes(&self) -> usize {
        match &self.recipe.network {
            NetworkSpec::Mlp(config) => config.classes,
            NetworkSpec::Dit(config) => config.classes,
            NetworkSpec::Sequence(config) => config.classes,
            NetworkSpec::Graph(config) => config.classes,
            NetworkSpec::Table(config) => config.classes,
            _ => 0,
        }
    }

    /// Checks that the data have the model's shape and classes. `shape` is the shape of the part of
    /// a row that the network sees.
    ///
    /// # Errors
    /// Returns [`TrainError::Shape`] or [`TrainError::Classes`] if they do not.
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
