//! Criteria for a failed run.

use super::health::{RECOVERED, WINDOW};
use super::tokens::Tokens;
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::nn::network::Network;

/// Multiple of the lowest smoothed loss that counts as an explosion.
const GROWN: f64 = 100.0;

/// Number of steps before which the averaged network is not worth saving, because it is too close
/// to the initial weights.
const LEARNED: u64 = 10;

impl Trainer {
    /// Checks that a finished run has learned something.
    ///
    /// Call it after the run [is done](Self::is_done).
    ///
    /// # Errors
    /// Returns an error for which [`is_diverged`](Error::is_diverged) is true if the loss is far
    /// above that of a network that predicts nothing.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, Trainer};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(20));
    /// recipe.network = MlpConfig::new(16, 3).into();
    /// let mut trainer = Trainer::new(&data, &recipe)?;
    /// while !trainer.is_done() {
    ///     trainer.step()?;
    /// }
    /// trainer.check_end()?;
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn check_end(&self) -> Result<()> {
        if !self.health.is_failed() {
            return Ok(());
        }
        let (expected, got) = judged(self.health.nothing(), self.health.ratio(), "at the end");
        let place = format!("step {}, the last", self.step);
        Err(self.diverged(place, expected, got, "a learning rate that is too high"))
    }

    /// Returns an error if the run has exploded.
    pub(super) fn check_step(&self) -> Result<()> {
        let place = || format!("step {}", self.step);
        if let Some(ratio) = self.health.lost() {
            let when = format!("over the last {WINDOW} steps");
            let (expected, got) = judged(self.health.nothing(), ratio, &when);
            return Err(self.diverged(
                place(),
                expected,
                format!("{got}, falling too slowly or not at all"),
                "a learning rate that is too high, or too short a warm-up",
            ));
        }
        // A loss that is estimated as a difference comes near 0 by chance, and grows from there.
        let by_chance = self.problem.tokens.as_ref().is_some_and(Tokens::is_difference) && self.health.ratio() < 1.0;
        if self.smooth.growth() > GROWN && !by_chance {
            return Err(self.diverged(
                place(),
                "a loss that falls".to_owned(),
                format!(
                    "a smoothed loss of {}, {} times the least before",
                    short(self.smooth.loss()),
                    short(self.smooth.growth())
                ),
                "a learning rate that is too high, or too short a warm-up",
            ));
        }
        Ok(())
    }

    /// Returns the error of a step whose loss or gradient is not finite.
    pub(super) fn not_finite(&self, loss: f64, norm: f64) -> Error {
        self.diverged(
            format!("step {}", self.step + 1),
            "a finite loss and gradient".to_owned(),
            format!("loss {}, gradient norm {}", short(loss), short(norm)),
            "a learning rate that is too high, or a weight that is not bounded on the range",
        )
    }

    fn diverged(&self, place: String, expected: String, got: String, cause: &str) -> Error {
        let recipe = self.recipe();
        let error = Error::diverged("training diverged").at(place).expected(expected).got(got).hinting(format!(
            "the likely cause is {cause}; the learning rate was {:.1e} of at most {:.1e}, {:.0} % of the gradients were clipped",
            recipe.rate(self.step, self.fraction()),
            recipe.learning_rate,
            100.0 * self.smooth.clipped()
        ));
        // After an explosion the network is unusable, and in the first steps it has learned
        // nothing. A step that is too large shows in the loss of the next step, which may be
        // non-finite.
        match self.network() {
            Ok(network) if self.step >= LEARNED && self.health.is_sound() && !self.health.is_failed() => {
                error.keeping(network)
            }
            _ => error,
        }
    }
}

impl Error {
    /// Returns the last good averaged network of a run that diverged.
    ///
    /// Returns `None` if there is none.
    ///
    /// ```
    /// use langevin_train::{Budget, Dataset, MlpConfig, Recipe, train};
    /// let data = Dataset::new("two points", vec![-1.0, 1.0], &[1])?;
    /// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(400));
    /// recipe.network = MlpConfig::new(16, 3).into();
    /// // A learning rate that is far too high.
    /// (recipe.learning_rate, recipe.warmup) = (1e6, 1);
    /// let result = train(&data, &recipe, &mut |_| std::ops::ControlFlow::Continue(()));
    /// let error = result.unwrap_err();
    /// assert!(error.is_diverged());
    /// // The run diverged before anything was learned.
    /// assert!(error.into_network().is_none());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    #[must_use]
    pub fn into_network(self) -> Option<Network> {
        self.into_kept()
    }
}

/// Describes the expected and the actual loss, against the loss `nothing` of predicting nothing.
///
/// `ratio` is the loss as a multiple of `nothing`. A run that exploded can fail with a ratio below
/// 1 too, because the loss must fall to [`RECOVERED`]. In that case the text must not say that the
/// loss is above that of predicting nothing.
fn judged(nothing: f64, ratio: f64, when: &str) -> (String, String) {
    let (loss, of) = (short(ratio * nothing), format!("{}, that of predicting nothing", short(nothing)));
    let expected = match ratio < 1.0 {
        true => format!("a loss that recovers from an explosion, to {RECOVERED} times {of}, at most"),
        false => format!("a loss well below {of}"),
    };
    let times = if ratio < 1.0 { format!("{ratio:.3}") } else { short(ratio) };
    (expected, format!("{loss} {when}, {times} times that of predicting nothing"))
}

/// Formats a number in about four digits, whatever its size.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() || (1e-3..1e5).contains(&value.abs()) {
        format!("{:.*}", if value.abs() < 10.0 { 4 } else { 1 }, value)
    } else {
        format!("{value:.1e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_fit_the_ratio() {
        let (expected, got) = judged(0.3, 12.0, "at the end");
        assert_eq!(expected, "a loss well below 0.3000, that of predicting nothing");
        assert_eq!(got, "3.6000 at the end, 12.0 times that of predicting nothing");
        // A ratio below 1, without recovery.
        let (expected, got) = judged(0.3, 0.97, "at the end");
        assert_eq!(
            expected,
            "a loss that recovers from an explosion, to 0.95 times 0.3000, that of predicting nothing, at most"
        );
        assert_eq!(got, "0.2910 at the end, 0.970 times that of predicting nothing");
        // Very large ratios are written in scientific notation.
        assert_eq!(judged(1.0, 1e18, "at the end").1, "1.0e18 at the end, 1.0e18 times that of predicting nothing");
    }
}
