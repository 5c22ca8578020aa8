//! Length of the demo's training: the number of steps that this machine makes in about two minutes.

use crate::error::Result;
use crate::interrupt;
use crate::io::say;
use crate::progress::{duration, thousands};
use langevin_tasks::train::affordable_steps;
use langevin_train::{Dataset, Recipe};

/// Returns the number of steps for this machine, and prints it.
pub fn steps(data: &Dataset, recipe: &Recipe) -> Result<u64> {
    let trial = interrupt::or_failed(affordable_steps(data, recipe, interrupt::requested))?;
    let (steps, speed) = (trial.steps, trial.speed);
    say(&format!(
        "{} steps at {} steps/s: about {} (--steps {steps} makes as many on any machine)",
        thousands(steps),
        if speed < 10.0 { format!("{speed:.1}") } else { thousands(speed as u64) },
        duration(steps as f64 / speed)
    ));
    Ok(steps)
}
