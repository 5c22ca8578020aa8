//! Warnings about trainings that take long, also during the first step.

use crate::memory::resident;
use langevin_train::{Budget, Progress, Trainer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Thresholds in seconds: for a slow step, and for a long budget of steps.
const SLOW_STEP: f64 = 2.0;
const LONG_BUDGET: f64 = 600.0;
/// A time budget is short if it allows fewer steps.
const FEW_STEPS: f64 = 50.0;
/// No warning is given before this time.
const PATIENCE: Duration = Duration::from_secs(4);
/// The corresponding time if no row of the first step is done, so that no estimate is possible.
const LOST_PATIENCE: Duration = Duration::from_secs(8);
/// Interval at which the first step is checked.
const TICK: Duration = Duration::from_millis(100);

/// A function that receives the pace of a training, possibly from another thread.
pub type PaceListener = Arc<dyn Fn(Pace) + Send + Sync>;

/// The pace of a training. Times are in seconds.
///
/// ```
/// use langevin_tasks::train::{Foreseen, Pace};
/// let whole = Foreseen::Steps { left: 100, seconds: 700.0 };
/// let pace = Pace::Long { step: 7.0, whole, memory: None };
/// assert!(matches!(pace, Pace::Long { step, .. } if step > 2.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Pace {
    /// No row of the first step is done, so that no estimate is possible.
    Unknown {
        /// Time since the start of the step.
        elapsed: f64,
        /// Number of rows of the step.
        rows: usize,
    },
    /// A step is slow, the budget of steps is long, or the time budget allows few steps.
    Long {
        /// Duration of a step.
        step: f64,
        /// The resulting estimate for the budget.
        whole: Foreseen,
        /// Memory of this process in bytes, if the system reports it.
        memory: Option<u64>,
    },
}

/// An estimate for a budget from the duration of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Foreseen {
    /// Duration of the remaining steps.
    Steps {
        /// Number of remaining steps.
        left: u64,
        /// Their duration.
        seconds: f64,
    },
    /// Number of steps that a time budget allows.
    Time {
        /// The whole time.
        seconds: f64,
        /// Number of steps.
        steps: u64,
    },
}

/// Reports once to a listener if a training takes long.
pub(super) struct PaceWatch {
    said: Arc<AtomicBool>,
    begun: Arc<AtomicBool>,
    start: Instant,
    first: u64,
    budget: Budget,
    listener: PaceListener,
}

impl PaceWatch {
    /// Starts with the first step.
    pub(super) fn new(trainer: &Trainer, listener: PaceListener) -> Self {
        let (budget, batch) = (trainer.recipe().budget, trainer.recipe().batch);
        let watch = Self {
            said: Arc::default(),
            begun: Arc::default(),
            start: Instant::now(),
            first: trainer.progress().step,
            budget,
            listener,
        };
        let (said, begun, start) = (Arc::clone(&watch.said), Arc::clone(&watch.begun), watch.start);
        let (listener, first, rows) = (Arc::clone(&watch.listener), watch.first, trainer.rows_done());
        let look = move || {
            while !begun.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                let done = rows.load(Ordering::Relaxed);
                if done == 0 && start.elapsed() >= LOST_PATIENCE && !begun.load(Ordering::Relaxed) {
                    said.store(true, Ordering::Relaxed);
                    return listener(Pace::Unknown { elapsed: start.elapsed().as_secs_f64(), rows: batch });
                }
                if start.elapsed() >= PATIENCE && done > 0 && !begun.load(Ordering::Relaxed) {
                    let step = start.elapsed().as_secs_f64() * batch as f64 / done as f64;
                    return tell(&said, step, budget, first, &listener);
                }
            }
        };
        // Without the thread, the report comes after the first step.
        let _ = std::thread::Builder::new().name("slow".into()).spawn(look);
        watch
    }

    /// Records a step.
    pub(super) fn look(&self, progress: &Progress<'_>) {
        self.begun.store(true, Ordering::Relaxed);
        let elapsed = self.start.elapsed();
        if self.said.load(Ordering::Relaxed) || elapsed < PATIENCE {
            return;
        }
        let step = elapsed.as_secs_f64() / (progress.step - self.first).max(1) as f64;
        tell(&self.said, step, self.budget, self.first, &self.listener);
    }
}

impl Drop for PaceWatch {
    fn drop(&mut self) {
        self.begun.store(true, Ordering::Relaxed);
    }
}

/// Returns the estimate for a budget, given the duration of a step; `None` if it is not long.
fn foresee(step: f64, budget: Budget, first: u64) -> Option<Foreseen> {
    match budget {
        Budget::Steps(steps) => {
            let left = steps.saturating_sub(first);
            let seconds = step * left as f64;
            (seconds > LONG_BUDGET || step > SLOW_STEP).then_some(Foreseen::Steps { left, seconds })
        }
        Budget::Time(time) => {
            let steps = time.as_secs_f64() / step;
            let seconds = time.as_secs_f64();
            (steps < FEW_STEPS).then_some(Foreseen::Time { seconds, steps: steps.max(1.0) as u64 })
        }
        _ => None,
    }
}

/// Reports the pace if the estimate is long, at most once.
fn tell(said: &AtomicBool, step: f64, budget: Budget, first: u64, listener: &PaceListener) {
    let whole = foresee(step, budget, first);
    if !said.swap(true, Ordering::Relaxed)
        && let Some(whole) = whole
    {
        listener(Pace::Long { step, whole, memory: resident() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_long_is_foreseen() {
        assert_eq!(foresee(0.1, Budget::Steps(5000), 0), None);
        assert_eq!(foresee(3.0, Budget::Steps(30), 10), Some(Foreseen::Steps { left: 20, seconds: 60.0 }));
        assert_eq!(foresee(0.5, Budget::Steps(2000), 0), Some(Foreseen::Steps { left: 2000, seconds: 1000.0 }));
        let minute = Budget::Time(Duration::from_secs(60));
        assert_eq!(foresee(1.0, minute, 0), None);
        assert_eq!(foresee(120.0, minute, 0), Some(Foreseen::Time { seconds: 60.0, steps: 1 }));
    }
}
