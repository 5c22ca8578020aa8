//! The loop of a training: the order of steps, evaluations of held-out rows, files and the end.

use super::base::Base;
use super::best::BestModel;
use super::clipping::Clipping;
use super::data::TrainingData;
use super::error::{TrainError, without_hint};
use super::kept::{Kept, is_misuse};
use super::observer::{Observer, Opened, Step, Warning};
use super::pace::PaceWatch;
use super::settings::Settings;
use crate::error::{Blame as _, Result};
use crate::watch::{Look, Watched};
use langevin_train::{Network, Progress, Recipe, Trainer};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

/// The reason why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The budget is used up.
    Finished,
    /// The observer ended it.
    Stopped,
}

/// The result of a training. The metadata of the network record the steps, the time and the loss.
#[derive(Debug)]
#[non_exhaustive]
pub struct Summary {
    /// The reason why it ended.
    pub ending: Ending,
    /// The averaged network.
    pub network: Network,
    /// The last evaluation of the held-out rows.
    pub held_out: Option<Look>,
    /// The best model on held-out rows, if it was written because it is notably better than the
    /// last.
    pub best: Option<BestModel>,
    /// The files of the model.
    pub models: Vec<PathBuf>,
}

/// Trains a network. The [module](self::super) has an example.
///
/// Nothing is written before the recipe, the data, the memory and the device are accepted. From
/// then on the state is saved at intervals, when the observer ends the training, and at the end.
///
/// # Errors
/// Returns [`TrainError::Diverged`] if the loss diverges, and [`TrainError::Broken`] if a step
/// fails. Returns [`TrainError::Stopped`] or [`TrainError::NothingLearned`] if the observer ends
/// the training before its first step is complete. Returns other variants if settings or data are
/// refused.
pub fn train(
    data: &TrainingData,
    mut settings: Settings,
    base: Option<&Base>,
    kept: &mut Kept<'_>,
    observer: &mut dyn Observer,
) -> Result<Summary, TrainError> {
    check_memory(&settings, data)?;
    let (mut trainer, after, event) = kept.begin(&data.rows, &mut settings, base, observer)?;
    observer.opened(&Opened { after, device: &settings.device });
    if !settings.device.is_cpu() {
        trainer = trainer.on(&settings.device).or_failed()?;
    }
    if !observer.goes_on() {
        return Err(TrainError::Stopped);
    }
    // Files are written from here on.
    kept.accept(&trainer, &settings.configuration, event.as_ref())?;
    data.judge(&trainer, &mut |warning| observer.warned(&warning))?;
    if let Some(stop) = settings.stop {
        trainer.stop_when(stop);
    }
    let held_out = data.held_out.clone().map(|rows| Watched::new(rows, settings.threads));
    let mut training = Training { settings: &settings, held_out, kept, observer, trainer, look: None };
    let result = training.run()?;
    training.end(result)
}

/// Refuses a training that does not fit in memory.
fn check_memory(settings: &Settings, data: &TrainingData) -> Result<(), TrainError> {
    match (settings.recipe.memory(&data.rows), settings.memory) {
        (Ok(needed), Some(free)) if needed > free => Err(TrainError::Memory { needed, free }),
        _ => Ok(()),
    }
}

/// A training in progress.
struct Training<'a, 'f> {
    settings: &'a Settings,
    held_out: Option<Watched>,
    kept: &'a mut Kept<'f>,
    observer: &'a mut dyn Observer,
    trainer: Trainer,
    /// The last evaluation of the held-out rows.
    look: Option<Look>,
}

impl Training<'_, '_> {
    fn recipe(&self) -> &Recipe {
        &self.settings.recipe
    }

    /// Makes steps until the budget is used up, the observer ends the training, or a step fails.
    /// The inner result is that of the steps; the outer one is an error if a file cannot be
    /// written.
    fn run(&mut self) -> Result<langevin_train::Result<()>> {
        let pace = self.observer.pace().map(|listener| PaceWatch::new(&self.trainer, listener));
        let mut clipping = Clipping::default();
        self.observer.begun();
        let mut saved = Instant::now();
        let result = loop {
            if self.trainer.is_done() {
                break self.trainer.check_end();
            }
            if let Err(error) = self.trainer.step() {
                // An interrupted step is discarded; the state before it is saved.
                break if error.is_stopped() { Ok(()) } else { Err(error) };
            }
            let progress = self.trainer.progress();
            if let Some(pace) = &pace {
                pace.look(&progress);
            }
            if let Some(warning) = clipping.look(&progress, self.recipe().clip) {
                self.observer.warned(&warning);
            }
            let (step, sound) = (progress.step, progress.sound);
            match self.tell(step)? {
                Ok(()) => {}
                Err(error) => break if error.is_stopped() { Ok(()) } else { Err(error) },
            }
            // A diverged state must not overwrite a good one.
            if (saved.elapsed() >= self.settings.save_every && sound) || !self.observer.goes_on() {
                saved = Instant::now();
                self.kept.save(&self.trainer, self.observer)?;
            }
            self.keep(step)?;
            if !self.observer.goes_on() {
                break Ok(());
            }
        };
        drop(pace);
        self.observer.ended();
        Ok(result)
    }

    /// Evaluates the held-out rows and writes a log line if these are due, and reports the step to
    /// the observer.
    fn tell(&mut self, step: u64) -> Result<langevin_train::Result<()>> {
        let Settings { log_every: every, recipe, .. } = self.settings;
        // Taken once, so that the evaluation of held-out rows does not count in the speed.
        let progress = self.trainer.progress();
        let logs = step.is_multiple_of(*every) || self.trainer.is_done();
        if logs {
            self.look = match self.held_out.as_ref().map(|held_out| held_out.look(&self.trainer)).transpose() {
                Ok(look) => look,
                Err(error) => return Ok(Err(error)),
            };
            let line = line(&progress, self.look);
            self.kept.log(&line)?;
            self.observer.logged(&line)?;
        }
        self.observer.stepped(&Step { progress, held_out: self.look, batch: recipe.batch });
        if let Some(look) = self.look.filter(|_| logs) {
            let looked = self.kept.look(&mut self.trainer, look, *every);
            if let Some(score) = looked.improved {
                self.observer.improved(step, score);
            }
            if let Some(peak) = looked.worse {
                self.observer.warned(&Warning::Overtrained(peak));
            }
        }
        Ok(Ok(()))
    }

    /// Writes averages and pictures if they are due.
    fn keep(&mut self, step: u64) -> Result<()> {
        if self.settings.averages_every.is_some_and(|every| step.is_multiple_of(every)) {
            self.kept.averages(&self.trainer)?;
        }
        if self.settings.samples_every.is_some_and(|every| step.is_multiple_of(every)) {
            self.kept.picture(&self.trainer, self.observer)?;
        }
        Ok(())
    }

    /// Saves the final state and returns the summary.
    fn end(self, result: langevin_train::Result<()>) -> Result<Summary, TrainError> {
        let rate = self.recipe().learning_rate;
        let Self { kept, observer, trainer, look, .. } = self;
        match result {
            Ok(()) => {}
            Err(error) if is_misuse(&error) => Err(error).or_misused()?,
            Err(error) if error.is_diverged() => return Err(kept.diverged(error, rate)),
            // The trainer still holds the intact state of the last complete step.
            Err(error) => {
                kept.save(&trainer, observer)?;
                return Err(TrainError::Broken { what: without_hint(&error), hint: error.hint().map(str::to_owned) });
            }
        }
        if trainer.progress().step == 0 {
            return Err(TrainError::NothingLearned);
        }
        kept.save(&trainer, observer)?;
        let network = trainer.network().or_failed()?;
        let ending = if observer.goes_on() { Ending::Finished } else { Ending::Stopped };
        let (best, models) = (kept.best(&trainer), kept.models().to_vec());
        Ok(Summary { ending, network, held_out: look, best, models })
    }
}

/// Returns a line of the log.
fn line(progress: &Progress<'_>, look: Option<Look>) -> Value {
    json!({
        "step": progress.step,
        "loss": progress.loss,
        "held_out": look.map(|look| look.loss),
        "bound": look.and_then(|look| look.bound),
        "gradient": progress.gradient,
        "clipped": progress.clipped,
        "lr": progress.rate,
        "seconds": progress.elapsed.as_secs_f64(),
        "samples_per_second": progress.samples_per_second,
    })
}
