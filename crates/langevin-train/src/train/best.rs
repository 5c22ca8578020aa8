//! The best network so far, by a score on held-out rows that the caller computes.

use super::contents::{Best, BestSpec};
use super::trainer::Trainer;
use crate::error::Result;
use crate::nn::network::Network;

impl Trainer {
    /// Saves the current averaged network if `score` is the lowest so far; returns true if it is.
    ///
    /// A lower score is better. The saved network is part of the [`state`](Self::state).
    ///
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// trainer.step()?;
    /// assert!(trainer.keep_if_best(0.5));
    /// trainer.step()?;
    /// assert!(!trainer.keep_if_best(0.7));
    /// assert_eq!(trainer.best(), Some((1, 0.5)));
    /// assert_eq!(trainer.best_network()?.unwrap().metadata().training.steps, 1);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn keep_if_best(&mut self, score: f64) -> bool {
        let better = score.is_finite() && self.best.as_ref().is_none_or(|best| score < best.spec.score);
        if better {
            let (step, loss, seconds) = (self.step, self.smooth.loss(), self.spent().as_secs_f64());
            let mut weights = self.best.take().map(|best| best.weights).unwrap_or_default();
            weights.clone_from(&self.optimizer.ema);
            self.best = Some(Best { spec: BestSpec { step, score, loss, seconds }, weights });
        }
        better
    }

    /// Returns the step and the score of the best network; `None` if
    /// [`keep_if_best`](Self::keep_if_best) saved none.
    ///
    /// ```
    /// # use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// # let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// # let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// # recipe.network = MlpConfig::new(16, 3).into();
    /// let trainer = Trainer::new(&data, &recipe)?;
    /// assert_eq!(trainer.best(), None);
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    #[must_use]
    pub fn best(&self) -> Option<(u64, f64)> {
        self.best.as_ref().map(|best| (best.spec.step, best.spec.score))
    }

    /// Returns the best network as it was when [`keep_if_best`](Self::keep_if_best) saved it.
    ///
    /// Returns `None` if no network was saved.
    ///
    /// # Errors
    /// Returns an error if its weights are not finite.
    ///
    /// # Examples
    /// See [`keep_if_best`](Self::keep_if_best) for an example.
    pub fn best_network(&self) -> Result<Option<Network>> {
        let Some(Best { spec, weights }) = &self.best else { return Ok(None) };
        self.network_of(weights, |training| {
            (training.steps, training.seconds, training.final_loss) = (spec.step, spec.seconds, spec.loss);
            training.losses.retain(|(step, _)| *step <= spec.step);
        })
        .map(Some)
    }
}
