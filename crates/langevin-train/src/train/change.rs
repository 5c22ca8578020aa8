//! Choices outside the recipe: initial weights from a network, a custom task, and optimiser
//! settings that change during a run.

use super::recipe::{Budget, FINE_TUNING_RATE, Recipe};
use super::task::{Denoising, Task};
use super::tokens::TokenNoise;
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::nn::network::Network;
use crate::nn::spec::NetworkSpec;
use langevin_data::Dataset;
use std::sync::Arc;

impl Recipe {
    /// Returns the recipe of a trained network, for fine-tuning with
    /// [`Trainer::from_network`](crate::Trainer::from_network).
    ///
    /// Formulation, loss, normalisation, noise on tokens and architecture are those of the network.
    /// The optimiser has its defaults, with a learning rate of [`FINE_TUNING_RATE`]; batches of
    /// sequences have [`batch_of`](Self::batch_of) rows.
    ///
    /// See [`Trainer::from_network`](crate::Trainer::from_network) for an example.
    #[must_use]
    pub fn of(network: &Network, budget: Budget) -> Self {
        let metadata = network.metadata();
        let mut recipe = Self::new(network.formulation().clone(), budget);
        (recipe.weight, recipe.times) = (metadata.training.weight, metadata.training.times.clone());
        recipe.coupling = metadata.training.coupling;
        recipe.dequantize = metadata.data.dequantized;
        match &metadata.data.tokens {
            None => recipe.normalization = Some(metadata.normalization.clone()),
            Some(spec) => (recipe.tokens, recipe.prior) = TokenNoise::of(spec.space.noise()),
        }
        recipe.network = metadata.network.clone();
        if let (NetworkSpec::Sequence(_), Some(spec)) = (&recipe.network, &metadata.data.tokens) {
            recipe.batch = Self::batch_of(spec.space.length());
        }
        recipe.learning_rate = FINE_TUNING_RATE;
        (recipe.reading, recipe.frame) = (metadata.data.reading.clone(), metadata.data.frame.clone());
        recipe
    }
}

impl Trainer {
    /// Starts a run from the weights of `network`, with a new optimiser.
    ///
    /// Use it to train on other or more data of the same shape and classes. [`Recipe::of`] returns
    /// the recipe of the network.
    ///
    /// # Errors
    /// Returns an error if the recipe has another architecture or formulation, if the data have
    /// another shape, or if [`new`](Self::new) returns an error.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer, train};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// recipe.network = MlpConfig::new(16, 3).into();
    /// let network = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()))?;
    ///
    /// let more = Dataset::new("three points", vec![-1.0, 0.0, 1.0], &[1])?;
    /// let recipe = Recipe::of(&network, Budget::Steps(5));
    /// let trainer = Trainer::from_network(&more, &recipe, &network)?;
    /// assert_eq!(trainer.weights(), network.weights());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn from_network(data: &Dataset, recipe: &Recipe, network: &Network) -> Result<Self> {
        let metadata = network.metadata();
        let shape = recipe.augment().shape(data.shape())?;
        if shape != network.shape() {
            return Err(Error::data("the rows are of another shape than those of the model")
                .at(data.name())
                .expected(crate::nn::net::extents(network.shape()))
                .got(crate::nn::net::extents(&shape)));
        }
        if recipe.network != metadata.network {
            return Err(Error::argument("the recipe has another network than the model").at("network"));
        }
        if recipe.formulation.spec() != metadata.formulation {
            return Err(Error::argument("the recipe has another formulation than the model").at("formulation"));
        }
        if let Some(spec) = &metadata.data.tokens
            && data.vocabulary() != Some(&spec.vocabulary)
        {
            return Err(Error::data("the letters of the data are not those of the model")
                .at(data.name())
                .hinting("read the data with the vocabulary of the model"));
        }
        let mut trainer = Self::new(data, recipe)?;
        let optimizer = &mut trainer.optimizer;
        let followers = optimizer.followers.iter_mut().flat_map(|followers| &mut followers.values);
        for values in [&mut optimizer.values, &mut optimizer.ema].into_iter().chain(followers) {
            values.copy_from_slice(network.weights());
        }
        Ok(trainer)
    }

    /// Replaces the recipe's own objective by a [`Task`], before the first step.
    ///
    /// # Errors
    /// Returns an error if a step was already made, or if the task has no name of its own. Also
    /// returns an error if the recipe learns weights or levels from the errors of its own
    /// objective.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::Result;
    /// use langevin_train::task::{Denoising, Outputs, Task};
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let trainer = Trainer::new(&data, &recipe)?;
    ///
    /// /// The default objective, under another name.
    /// #[derive(Debug)]
    /// struct Same;
    ///
    /// impl Task for Same {
    ///     fn name(&self) -> &str {
    ///         "same"
    ///     }
    ///
    ///     fn compare(&self, outputs: &Outputs<'_>, gradient: &mut [f32]) -> Result<f64> {
    ///         Denoising.compare(outputs, gradient)
    ///     }
    /// }
    ///
    /// let mut own = Trainer::new(&data, &recipe)?.with_task(Same)?;
    /// let mut plain = trainer;
    /// own.step()?;
    /// plain.step()?;
    /// assert_eq!(own.weights(), plain.weights());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn with_task(mut self, task: impl Task + 'static) -> Result<Self> {
        let refuse = |expected: &str, got: String| {
            Err(Error::argument("the task cannot be used").at("task").expected(expected).got(got))
        };
        if self.step > 0 {
            return refuse("a run that has not begun", format!("{} steps", self.step));
        }
        if ["", Denoising::NAME].contains(&task.name()) {
            return refuse("a name of its own", format!("'{}'", task.name()));
        }
        if self.problem.tokens.is_some() {
            return refuse("rows of numbers", "tokens".into());
        }
        if self.problem.learns() {
            return refuse(
                "a recipe that learns neither levels nor weights",
                "`adaptive` or `Weight::Uncertainty`".into(),
            );
        }
        self.problem.task = Arc::new(task);
        Ok(self)
    }

    /// Changes the budget, learning rate, warm-up, decay, weight decay, dropout and clipping of the
    /// run.
    ///
    /// All other settings must be equal to those of the run.
    ///
    /// # Errors
    /// Returns an error that names the first other field that differs, or a number that is out of
    /// range. The run is then unchanged.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// recipe.learning_rate = 1e-4;
    /// trainer.set_recipe(&recipe)?;
    /// assert_eq!(trainer.recipe().learning_rate, 1e-4);
    ///
    /// recipe.seed = 9;
    /// assert!(trainer.set_recipe(&recipe).is_err());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn set_recipe(&mut self, recipe: &Recipe) -> Result<()> {
        let mut wanted = self.recipe().clone();
        wanted.budget = recipe.budget;
        (wanted.learning_rate, wanted.warmup, wanted.decay) = (recipe.learning_rate, recipe.warmup, recipe.decay);
        (wanted.weight_decay, wanted.clip) = (recipe.weight_decay, recipe.clip);
        wanted.dropout = recipe.dropout;
        // The reading options and the frame are only a record, so they may differ. Different data
        // are rejected by the checks of the data themselves.
        (wanted.reading, wanted.frame) = (recipe.reading.clone(), recipe.frame.clone());
        let written = |recipe: &Recipe| {
            serde_json::to_value(recipe)
                .map_err(|error| Error::argument("the recipe cannot be written down").got(error.to_string()))
        };
        let (own, given) = (written(&wanted)?, written(recipe)?);
        let fields = |value: &serde_json::Value| value.as_object().cloned().unwrap_or_default();
        let (own, given) = (fields(&own), fields(&given));
        if let Some(field) = own.keys().chain(given.keys()).find(|field| own.get(*field) != given.get(*field)) {
            return Err(Error::argument("this cannot be changed of a run").at(field.clone()));
        }
        wanted.check(&self.problem.shape)?;
        self.optimizer.set(wanted.weight_decay, wanted.clip);
        self.problem.recipe = wanted;
        Ok(())
    }
}
