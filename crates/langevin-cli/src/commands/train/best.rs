//! Over-training: the step that was best on the rows held out, and when a later one is notably worse.

use crate::error::{Blame as _, Result};
use crate::io::{atomic, say};
use crate::watch::about_bound;
use crate::words::shown;
use langevin_tasks::watch::Look;
use langevin_train::Trainer;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A bound so much above the best, in bits a dimension, is notably worse. The rows and the noise are the same at every look, so that the difference is the networks'; a twentieth of a bit is what a
/// fifth of the training time gains once a network has learned the coarse features.
const BITS: f64 = 0.05;
/// The same for a loss, as a share of the best: where there is no bound.
const SHARE: f64 = 0.02;
/// A rise is called long after so many looks, and this share of the steps made.
const LOOKS: u64 = 3;
const LONG: f64 = 0.25;

/// What is watched over a training.
pub struct Overtraining {
    /// Where the best model goes.
    path: PathBuf,
    /// Whether looks are judged by the bound; decided at the first.
    bound: Option<bool>,
    /// The score of the last look.
    now: Option<f64>,
    said: bool,
    written: bool,
}

impl Overtraining {
    pub fn new(path: PathBuf) -> Self {
        Self { path, bound: None, now: None, said: false, written: false }
    }

    /// Where the best model goes where there is no run: beside the model, `NAME.best.safetensors`.
    pub fn beside(model: &Path) -> PathBuf {
        model.with_extension("best.safetensors")
    }

    /// Takes in a look, and says once when the held-out rows have long been getting worse.
    pub fn look(&mut self, trainer: &mut Trainer, look: Look, every: u64) {
        let by_bound = *self.bound.get_or_insert(look.bound.is_some());
        let Some(score) = (if by_bound { look.bound } else { Some(look.loss) }) else { return };
        self.now = Some(score);
        trainer.keep_if_best(score);
        let Some((best, _)) = trainer.best() else { return };
        let (step, since) = (trainer.progress().step, trainer.progress().step.saturating_sub(best));
        let long = since >= (LOOKS * every).max((LONG * step as f64) as u64);
        if long
            && !self.said
            && let Some(words) = self.words(trainer)
        {
            self.said = true;
            say(&format!(
                "note: the {words}: the network begins to learn its rows by heart; fewer --steps, a smaller --width or --depth, more --weight-decay or more rows help"
            ));
        }
    }

    /// `bound of the held-out rows was best at step 700 (22.40 bits/dim, now 35.30)`, where that is notable.
    fn words(&self, trainer: &Trainer) -> Option<String> {
        let (step, best) = trainer.best()?;
        let now = self.now?;
        let (what, unit, notable) = match self.bound? {
            true => ("bound", " bits/dim", now > best + BITS),
            false => ("loss", "", now > best + SHARE * best.abs()),
        };
        notable.then(|| format!("{what} of the held-out rows was best at step {step} ({best:.3}{unit}, now {now:.3})"))
    }

    /// Writes the best model where it is notably better than the last; takes away one that was written and no longer is.
    pub fn save(&mut self, trainer: &Trainer) -> Result<()> {
        match trainer.best_network().or_failed()?.filter(|_| self.words(trainer).is_some()) {
            Some(network) => {
                atomic::save(&self.path, &network.to_bytes().or_failed()?)?;
                self.written = true;
            }
            None if self.written => {
                let _ = std::fs::remove_file(&self.path);
                self.written = false;
            }
            None => {}
        }
        Ok(())
    }

    /// What is said at the end.
    pub fn last_words(&self, trainer: &Trainer) -> Option<String> {
        let words = self.words(trainer).filter(|_| self.written)?;
        let about = if self.bound == Some(true) { format!("; {}", about_bound()) } else { String::new() };
        Some(format!("the {words}: {} holds that model{about}", shown(&self.path)))
    }

    /// The same for a program.
    pub fn summary(&self, trainer: &Trainer) -> Value {
        match trainer.best().filter(|_| self.written) {
            Some((step, score)) => {
                let what = if self.bound == Some(true) { "bound" } else { "held_out" };
                json!({ "step": step, what: score, "model": self.path.display().to_string() })
            }
            None => Value::Null,
        }
    }
}
