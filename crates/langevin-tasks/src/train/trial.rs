//! The number of steps that this machine can make in the time of a demo.
//!
//! The speed is measured with trial steps that are discarded. The number of steps is rounded down
//! to one of a few values so that a demo can be repeated: the same number gives the same network,
//! whatever the speed was.

use langevin_train::{Dataset, Recipe, Result, Trainer};
use std::time::{Duration, Instant};

/// Possible numbers of steps.
const LADDER: [u64; 12] = [8000, 7000, 6000, 5000, 4000, 3000, 2000, 1500, 1000, 700, 500, 300];
/// Number of steps before the measurement starts, and limits on its steps and its duration.
const FIRST: u64 = 3;
const MOST: u64 = 100;
const LONGEST: Duration = Duration::from_millis(1500);

/// Limits of a training.
///
/// ```
/// use langevin_tasks::train::Affordable;
/// let demo = Affordable { seconds: 120.0, most: 5000 };
/// assert_eq!(demo.most, 5000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affordable {
    /// Time limit in seconds.
    pub seconds: f64,
    /// Largest number of steps.
    pub most: u64,
}

/// The outcome of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trial {
    /// The number of steps, one of twelve values from 300 to 8000.
    pub steps: u64,
    /// The speed, in steps per second.
    pub speed: f64,
}

/// Makes trial steps of a training, and returns the number of steps that this machine can make in
/// the time `within`. `stop` is evaluated within every step.
///
/// ```
/// use langevin_tasks::train::{Affordable, affordable_steps};
/// use langevin_train::{Budget, Dataset, MlpConfig, Recipe};
/// let data = Dataset::new("line", vec![0.0, 1.0, 2.0, 3.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
/// recipe.network = MlpConfig::new(8, 1).into();
/// let within = Affordable { seconds: 120.0, most: 5000 };
/// let trial = affordable_steps(&data, &recipe, within, || false)?;
/// assert!((300..=5000).contains(&trial.steps) && trial.speed > 0.0);
/// # Ok::<(), langevin_train::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the recipe is not valid or does not fit the data, or if a step fails or is
/// stopped.
pub fn affordable_steps(data: &Dataset, recipe: &Recipe, within: Affordable, stop: fn() -> bool) -> Result<Trial> {
    let mut trial = Trainer::new(data, recipe)?;
    trial.stop_when(stop);
    let mut start = Instant::now();
    loop {
        trial.step()?;
        let step = trial.progress().step;
        if step == FIRST {
            start = Instant::now();
        } else if step > FIRST && (step == FIRST + MOST || start.elapsed() >= LONGEST) {
            let speed = (step - FIRST) as f64 / start.elapsed().as_secs_f64();
            return Ok(Trial { steps: affordable(speed, within), speed });
        }
    }
}

/// Returns the largest possible number of steps that fits into the time limit at `speed` steps per
/// second.
fn affordable(speed: f64, within: Affordable) -> u64 {
    let fits = |steps: &u64| *steps <= within.most && *steps as f64 <= within.seconds * speed;
    LADDER.into_iter().find(fits).unwrap_or(LADDER[LADDER.len() - 1])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_slow_machine_makes_fewer_steps() {
        // Measured on two cores of an EPYC with AVX-512 and without it, and on one core; the last
        // is slower than any machine.
        for (speed, steps) in [(66.0, 5000), (17.0, 2000), (8.4, 1000), (0.1, 300)] {
            let within = super::Affordable { seconds: 120.0, most: 5000 };
            assert_eq!(super::affordable(speed, within), steps);
        }
    }
}
