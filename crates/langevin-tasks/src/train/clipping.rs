//! Detection of trainings in which all gradients are clipped and the loss does not fall.

use super::observer::Warning;
use langevin_train::Progress;

/// Number of consecutive clipped gradients that leads to a warning, and the ratio of losses below
/// which the loss counts as falling.
const CLIPPED: u64 = 1000;
const FALL: f64 = 0.99;

/// Counter of consecutive steps with clipped gradients.
#[derive(Default)]
pub(super) struct Clipping {
    steps: u64,
    /// The smoothed loss at the first of these steps.
    loss: f64,
    told: bool,
}

impl Clipping {
    /// Records a step. Returns the warning once.
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
