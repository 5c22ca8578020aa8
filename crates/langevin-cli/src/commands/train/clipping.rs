//! Gradients that are all clipped while nothing is learned.

use crate::io::say;
use crate::progress::thousands;
use langevin_train::Progress;

/// Gradients in a row that are clipped while the loss does not fall, and the share of it that is a fall.
const CLIPPED: u64 = 1000;
const FALL: f64 = 0.99;

/// Steps in a row whose gradient was clipped, and what is said of many.
#[derive(Default)]
pub struct Clipping {
    steps: u64,
    /// The smoothed loss when they began.
    loss: f64,
    said: bool,
}

impl Clipping {
    /// After a step: says once what is to be said.
    pub fn look(&mut self, progress: &Progress<'_>, clip: f64) {
        if progress.gradient <= clip {
            self.steps = 0;
            return;
        }
        if self.steps.is_multiple_of(CLIPPED) {
            if self.steps > 0 && progress.loss > FALL * self.loss && !self.said {
                self.said = true;
                say(&format!(
                    "note: all gradients of the last {} steps were clipped to --clip {clip} and the loss does not fall ({:.4}, then {:.4}): a larger --clip, or a lower --lr, may help",
                    thousands(CLIPPED),
                    self.loss,
                    progress.loss
                ));
            }
            self.loss = progress.loss;
        }
        self.steps += 1;
    }
}
