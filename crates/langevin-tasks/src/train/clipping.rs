//! Gradients that are all clipped while nothing is learned.

use super::observer::Warning;
use langevin_train::Progress;

/// Gradients in a row that are clipped while the loss does not fall, and the share of it that is a fall.
const CLIPPED: u64 = 1000;
const FALL: f64 = 0.99;

/// Steps in a row whose gradient was clipped.
#[derive(Default)]
pub(super) struct Clipping {
    steps: u64,
    /// The smoothed loss when they began.
    loss: f64,
    told: bool,
}

impl Clipping {
    /// Takes in a step; returns the warning once.
    pub(super) fn look(&mut self, progress: &Progress<'_>, clip: f64) -> Option<Warning> {
        if progress.gradient <= clip {
            self.steps = 0;
            return None;
        }
        let mut warning = None;
        if self.steps.is_multiple_of(CLIPPED) {
            if self.steps > 0 && progress.loss > FALL * self.loss && !self.told {
                self.told = true;
                warning = Some(Warning::Clipped { steps: CLIPPED, clip, loss: [self.loss, progress.loss] });
            }
            self.loss = progress.loss;
        }
        self.steps += 1;
        warning
    }
}
