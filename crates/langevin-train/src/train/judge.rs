//! When a training is said to have failed.

use super::trainer::Trainer;
use crate::error::{Error, Result};

/// A smoothed loss so many times the least so far is called an explosion.
const GROWN: f64 = 100.0;

/// Steps before which an averaged network is not worth keeping: it follows the weights closely there.
const LEARNED: u64 = 10;

impl Trainer {
    /// Refuses a training whose loss is at its end far above that of a network that has learned nothing. To be asked once the training [is done](Self::is_done).
    ///
    /// # Errors
    /// Returns an error that [is diverged](Error::is_diverged) if so.
    pub fn check_end(&self) -> Result<()> {
        if !self.health.is_failed() {
            return Ok(());
        }
        Err(self.diverged(
            format!("step {}, the last", self.step),
            self.little("a loss well below"),
            format!("{}, {} times that", short(self.health.loss()), short(self.health.ratio())),
            "a learning rate that is too high",
        ))
    }

    /// Refuses a step after which the training has exploded.
    pub(super) fn check_step(&self) -> Result<()> {
        let place = || format!("step {}", self.step);
        if self.health.is_exploded() {
            return Err(self.diverged(
                place(),
                self.little("a loss that falls below"),
                format!(
                    "{}, {} times as much, which does not fall",
                    short(self.health.loss()),
                    short(self.health.ratio())
                ),
                "a learning rate that is too high, or too short a warm-up",
            ));
        }
        if self.smooth.growth() > GROWN {
            return Err(self.diverged(
                place(),
                "a loss that falls".to_owned(),
                format!(
                    "a smoothed loss of {}, {:.0} times the least",
                    short(self.smooth.loss()),
                    self.smooth.growth()
                ),
                "a learning rate that is too high, or too short a warm-up",
            ));
        }
        Ok(())
    }

    /// The error of a step whose loss or gradient is no number.
    pub(super) fn not_finite(&self, loss: f64, norm: f64) -> Error {
        self.diverged(
            format!("step {}", self.step + 1),
            "a finite loss and gradient".to_owned(),
            format!("loss {}, gradient norm {}", short(loss), short(norm)),
            "a learning rate that is too high, or a weight that is not bounded on the range",
        )
    }

    fn little(&self, what: &str) -> String {
        format!("{what} {}, that of predicting nothing", short(self.health.nothing()))
    }

    fn diverged(&self, place: String, expected: String, got: String, cause: &str) -> Error {
        let recipe = self.recipe();
        let error = Error::diverged("training diverged").at(place).expected(expected).got(got).hinting(format!(
            "the likely cause is {cause}; the learning rate was {:.1e} of at most {:.1e}, {:.0} % of the gradients were clipped",
            recipe.rate(self.step, self.fraction()),
            recipe.learning_rate,
            100.0 * self.smooth.clipped()
        ));
        // After an explosion nothing good is left, and in the first steps nothing has been learned: a step that is too
        // large shows in the loss of the next one, which may be no number any more.
        match self.network() {
            Ok(network) if self.step >= LEARNED && self.health.is_sound() && !self.health.is_failed() => {
                error.keeping(network)
            }
            _ => error,
        }
    }
}

/// A number in some four digits, whatever its size.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() || (1e-3..1e5).contains(&value.abs()) {
        format!("{:.*}", if value.abs() < 10.0 { 4 } else { 1 }, value)
    } else {
        format!("{value:.1e}")
    }
}
