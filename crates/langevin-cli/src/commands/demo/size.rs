//! Length of a demo's training: the number of steps that this machine makes in some time.

use crate::error::Result;
use crate::interrupt;
use crate::io::say;
use crate::progress::{duration, thousands};
use langevin_tasks::train::{Affordable, affordable_steps};
use langevin_train::{Dataset, Recipe};

/// Time and largest number of steps of a training on digits.
pub const DIGITS: Affordable = Affordable { seconds: 120.0, most: 5000 };

/// Returns the number of steps for this machine, and prints it.
pub fn steps(data: &Dataset, recipe: &Recipe, within: Affordable) -> Result<u64> {
    let trial = interrupt::or_failed(affordable_steps(data, recipe, within, interrupt::requested))?;
    let (steps, speed) = (trial.steps, trial.speed);
    say(&format!(
        "{} steps at {} steps/s: about {} (--steps {steps} makes as many on any machine)",
        thousands(steps),
        if speed < 10.0 { format!("{speed:.1}") } else { thousands(speed as u64) },
        duration(steps as f64 / speed)
    ));
    Ok(steps)
}
