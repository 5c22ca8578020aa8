//! The best network so far, by a score that the caller takes of rows not trained on.

use super::contents::{Best, BestSpec};
use super::trainer::Trainer;
use crate::error::Result;
use crate::nn::network::Network;

impl Trainer {
    /// Keeps the averaged network as it is now if `score`, of which less is better, is the least so far. It
    /// is part of the [`state`](Self::state). Returns whether it was.
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

    /// The step and the score of the best network that was [kept](Self::keep_if_best).
    #[must_use]
    pub fn best(&self) -> Option<(u64, f64)> {
        self.best.as_ref().map(|best| (best.spec.step, best.spec.score))
    }

    /// The best network that was [kept](Self::keep_if_best), as it was then.
    ///
    /// # Errors
    /// Returns an error if its weights are not finite.
    pub fn best_network(&self) -> Result<Option<Network>> {
        let Some(Best { spec, weights }) = &self.best else { return Ok(None) };
        self.network_of(weights, |training| {
            (training.steps, training.seconds, training.final_loss) = (spec.step, spec.seconds, spec.loss);
            training.losses.retain(|(step, _)| *step <= spec.step);
        })
        .map(Some)
    }
}
