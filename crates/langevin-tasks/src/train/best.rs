//! Over-training: the best step on held-out rows, and the point at which later steps are notably
//! worse.

use crate::error::{Blame as _, Result};
use crate::rundir::Files;
use crate::watch::Look;
use langevin_train::Trainer;
use std::path::{Path, PathBuf};

/// A bound is notably worse if it exceeds the best by this many bits per dimension. Rows and noise
/// are the same at every evaluation, so the difference is due to the networks. One twentieth of a
/// bit is the gain of a fifth of the training time once a network has learned the coarse features.
const BITS: f64 = 0.05;
/// The corresponding threshold for a loss, as a share of the best, if there is no bound.
const SHARE: f64 = 0.02;
/// Over-training is reported after this many evaluations, and after this share of the steps so far.
const LOOKS: u64 = 3;
const LONG: f64 = 0.25;

/// The best step, and a later score that is notably worse.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Peak {
    /// The best step.
    pub step: u64,
    /// Score of the best step.
    pub score: f64,
    /// Score of the last evaluation.
    pub now: f64,
    /// True if the scores are bounds in bits per dimension; otherwise they are losses.
    pub by_bound: bool,
}

/// The best model of a training, if it is notably better than the last.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BestModel {
    /// Step and score of the model.
    pub peak: Peak,
    /// The file of the model.
    pub path: PathBuf,
}

/// Returns the file of the best model of a training without a run directory:
/// `NAME.best.safetensors` beside the model.
///
/// ```
/// use langevin_tasks::train::beside;
/// use std::path::Path;
/// assert_eq!(beside(Path::new("a/m.safetensors")), Path::new("a/m.best.safetensors"));
/// ```
#[must_use]
pub fn beside(model: &Path) -> PathBuf {
    model.with_extension("best.safetensors")
}

/// Tracks the best step of a training.
pub(super) struct Overtraining {
    /// The file of the best model.
    path: Option<PathBuf>,
    /// True if evaluations are compared by their bound. The first evaluation decides.
    by_bound: Option<bool>,
    /// Score of the last evaluation.
    now: Option<f64>,
    told: bool,
    written: bool,
}

/// The outcome of one evaluation.
#[derive(Default)]
pub(super) struct Looked {
    /// The score, if it is the best so far.
    pub(super) improved: Option<f64>,
    /// Set once, if the held-out rows have been getting worse for long.
    pub(super) worse: Option<Peak>,
}

impl Overtraining {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, by_bound: None, now: None, told: false, written: false }
    }

    /// Records an evaluation. `every` is the number of steps between evaluations.
    pub(super) fn look(&mut self, trainer: &mut Trainer, look: Look, every: u64) -> Looked {
        let by_bound = *self.by_bound.get_or_insert(look.bound.is_some());
        let Some(score) = (if by_bound { look.bound } else { Some(look.loss) }) else { return Looked::default() };
        self.now = Some(score);
        let improved = trainer.keep_if_best(score).then_some(score);
        let Some((best, _)) = trainer.best() else { return Looked { improved, worse: None } };
        let step = trainer.progress().step;
        let long = step.saturating_sub(best) >= (LOOKS * every).max((LONG * step as f64) as u64);
        let worse = self.peak(trainer).filter(|_| long && !self.told);
        self.told |= worse.is_some();
        Looked { improved, worse }
    }

    /// Returns the best step if the last evaluation is notably worse.
    fn peak(&self, trainer: &Trainer) -> Option<Peak> {
        let (step, score) = trainer.best()?;
        let (now, by_bound) = (self.now?, self.by_bound?);
        let notable = if by_bound { now > score + BITS } else { now > score + SHARE * score.abs() };
        notable.then_some(Peak { step, score, now, by_bound })
    }

    /// Writes the best model if it is notably better than the last. Removes a written model that no
    /// longer is.
    pub(super) fn save(&mut self, trainer: &Trainer, files: &dyn Files) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        match trainer.best_network().or_failed()?.filter(|_| self.peak(trainer).is_some()) {
            Some(network) => {
                files.save(path, &network.to_bytes().or_failed()?)?;
                self.written = true;
            }
            None if self.written => {
                let _ = std::fs::remove_file(path);
                self.written = false;
            }
            None => {}
        }
        Ok(())
    }

    /// Returns the best model, if it was written.
    pub(super) fn model(&self, trainer: &Trainer) -> Option<BestModel> {
        let path = self.path.clone().filter(|_| self.written)?;
        Some(BestModel { peak: self.peak(trainer)?, path })
    }
}
