//! Over-training: the step that was best on held-out rows, and when a later one is notably worse.

use crate::error::{Blame as _, Result};
use crate::rundir::Files;
use crate::watch::Look;
use langevin_train::Trainer;
use std::path::{Path, PathBuf};

/// A bound so much above the best, in bits a dimension, is notably worse. The rows and the noise are the
/// same at every look, so that the difference is the networks'; a twentieth of a bit is what a fifth of the
/// training time gains once a network has learned the coarse features.
const BITS: f64 = 0.05;
/// The same for a loss, as a share of the best: where there is no bound.
const SHARE: f64 = 0.02;
/// A rise is called long after so many looks, and this share of the steps made.
const LOOKS: u64 = 3;
const LONG: f64 = 0.25;

/// A best step, and a later score that is notably worse.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Peak {
    /// The best step.
    pub step: u64,
    /// Its score.
    pub score: f64,
    /// The score of the last look.
    pub now: f64,
    /// Whether the scores are bounds in bits a dimension; otherwise they are losses.
    pub by_bound: bool,
}

/// The best model of a training, if it is notably better than the last.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BestModel {
    /// Its step and score.
    pub peak: Peak,
    /// Its file.
    pub path: PathBuf,
}

/// Returns the file of the best model of a training without a run: beside the model, `NAME.best.safetensors`.
///
/// ```
/// use std::path::Path;
/// assert_eq!(langevin_tasks::train::beside(Path::new("a/m.safetensors")), Path::new("a/m.best.safetensors"));
/// ```
#[must_use]
pub fn beside(model: &Path) -> PathBuf {
    model.with_extension("best.safetensors")
}

/// What is watched over a training.
pub(super) struct Overtraining {
    /// The file of the best model.
    path: Option<PathBuf>,
    /// Whether looks are judged by the bound; decided at the first.
    by_bound: Option<bool>,
    /// The score of the last look.
    now: Option<f64>,
    told: bool,
    written: bool,
}

/// What a look says.
#[derive(Default)]
pub(super) struct Looked {
    /// The score, where it is the best so far.
    pub(super) improved: Option<f64>,
    /// Set once, when the held-out rows have long been getting worse.
    pub(super) worse: Option<Peak>,
}

impl Overtraining {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, by_bound: None, now: None, told: false, written: false }
    }

    /// Takes in a look, of which there is one every `every` steps.
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

    /// The best step, where the last look is notably worse.
    fn peak(&self, trainer: &Trainer) -> Option<Peak> {
        let (step, score) = trainer.best()?;
        let (now, by_bound) = (self.now?, self.by_bound?);
        let notable = if by_bound { now > score + BITS } else { now > score + SHARE * score.abs() };
        notable.then_some(Peak { step, score, now, by_bound })
    }

    /// Writes the best model where it is notably better than the last; takes away one that was written and
    /// no longer is.
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

    /// The best model, where it was written.
    pub(super) fn model(&self, trainer: &Trainer) -> Option<BestModel> {
        let path = self.path.clone().filter(|_| self.written)?;
        Some(BestModel { peak: self.peak(trainer)?, path })
    }
}
