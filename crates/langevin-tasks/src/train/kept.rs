//! The files of a training. Nothing is written before the training is accepted; from then on, every
//! file that the next step depends on is saved.

use super::base::Base;
use super::best::{BestModel, Looked, Overtraining, beside};
use super::error::{TrainError, without_hint};
use super::observer::{Change, Observer, Warning};
use super::resume::differences;
use super::settings::Settings;
use crate::error::{Blame as _, Error, Result};
use crate::rundir::{Arguments, Files, RunDir};
use crate::watch::Look;
use langevin_train::{Dataset, Network, Recipe, Trainer};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Factor on the learning rate that is suggested after a divergence.
const LOWER: f64 = 0.1;
/// The default learning rate.
const USUAL: f64 = 2e-3;

/// The files of a training: a model, a run directory, both, or neither.
///
/// ```
/// assert!(langevin_tasks::train::Place::default().model.is_none());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// The file of the model.
    pub model: Option<&'a Path>,
    /// The directory of the run.
    pub run: Option<&'a Path>,
    /// True if the run is resumed.
    pub resumed: bool,
}

/// The files of a training.
pub struct Kept<'f> {
    files: &'f dyn Files,
    run: Option<RunDir<&'f dyn Files>>,
    resumed: bool,
    models: Vec<PathBuf>,
    best: Overtraining,
}

/// A state from which a training continues.
struct Found {
    trainer: Trainer,
    step: u64,
    changed: Option<Map<String, Value>>,
}

impl<'f> Kept<'f> {
    /// Opens the files. Nothing is written before the training is accepted. A resumed run is
    /// locked.
    ///
    /// ```
    /// use langevin_tasks::rundir::{Arguments, Files};
    /// use langevin_tasks::train::{Kept, Place};
    /// struct NoFiles;
    /// impl Files for NoFiles {
    ///     fn save(&self, _: &std::path::Path, _: &[u8]) -> langevin_tasks::Result<()> {
    ///         Ok(())
    ///     }
    /// }
    /// let place = Place { model: Some("model.safetensors".as_ref()), ..Place::default() };
    /// let kept = Kept::new(place, &NoFiles, Arguments { run: "run", resume: "resume" })?;
    /// assert_eq!(kept.models(), [std::path::Path::new("model.safetensors")]);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the directory of a new run is not empty or not writable, or if another
    /// process trains in the directory of a resumed run.
    pub fn new(place: Place<'_>, files: &'f dyn Files, arguments: Arguments) -> Result<Self> {
        let run = match place.run {
            Some(path) if place.resumed => Some(RunDir::at(path, files, arguments)?),
            Some(path) => Some(RunDir::new(path, files, arguments)?),
            None => None,
        };
        let models: Vec<PathBuf> =
            place.model.map(Path::to_owned).into_iter().chain(run.as_ref().map(RunDir::model)).collect();
        let best = run.as_ref().map(RunDir::best).or_else(|| models.first().map(|model| beside(model)));
        let resumed = place.resumed && run.is_some();
        Ok(Self { files, run, resumed, models, best: Overtraining::new(best) })
    }

    /// Returns the files of the model: none, one or two.
    #[must_use]
    pub fn models(&self) -> &[PathBuf] {
        &self.models
    }

    /// Returns the configuration of the resumed run; an empty table for a new training.
    #[must_use]
    pub fn configuration(&self) -> toml::Table {
        self.resumed().map(RunDir::configuration).unwrap_or_default()
    }

    /// Returns the recipe of the newest readable state of a resumed run.
    #[must_use]
    pub fn saved_recipe(&self) -> Option<Recipe> {
        let states = self.resumed()?.states();
        states.iter().find_map(|path| Some(Trainer::saved_recipe(&std::fs::read(path).ok()?).ok()?.0))
    }

    /// Returns the run if it is resumed.
    fn resumed(&self) -> Option<&RunDir<&'f dyn Files>> {
        self.run.as_ref().filter(|_| self.resumed)
    }

    /// Returns a new trainer, or one that continues from the newest intact state. In the second
    /// case, also returns the step and the log line that states the changes.
    pub(super) fn begin(
        &self,
        rows: &Dataset,
        settings: &mut Settings,
        base: Option<&Base>,
        observer: &mut dyn Observer,
    ) -> Result<(Trainer, Option<u64>, Option<Value>), TrainError> {
        let found = match self.resumed() {
            Some(run) => Self::find(run, rows, settings, observer)?,
            None => None,
        };
        match found {
            Some(Found { trainer, step, changed }) => {
                let event = changed.map(|changed| json!({ "event": "resumed", "step": step, "changed": changed }));
                Ok((trainer, Some(step), event))
            }
            // The run is new, or it was killed before its first state was written.
            None => Ok((new(rows, &settings.recipe, base)?, None, None)),
        }
    }

    /// Finds the newest intact state of a run; `None` if there is no state.
    fn find(
        run: &RunDir<&'f dyn Files>,
        rows: &Dataset,
        settings: &mut Settings,
        observer: &mut dyn Observer,
    ) -> Result<Option<Found>, TrainError> {
        let mut worst = None;
        for path in run.states() {
            let (state, own, step) = match read(&path) {
                Ok(read) => read,
                Err(error) => {
                    observer.warned(&Warning::PassedOver { state: path, error: error.clone() });
                    worst.get_or_insert(error);
                    continue;
                }
            };
            let changed = change(&run.configuration(), &own, settings, observer);
            // If the data have another name, the error about different data is more informative
            // than one about other differences.
            if !settings.other_data
                && let Err(error) = changed
            {
                return Err(error.into());
            }
            match Trainer::resume(rows, &state) {
                Ok(mut trainer) => {
                    let changed = changed?;
                    trainer.set_recipe(&settings.recipe).or_misused()?;
                    return Ok(Some(Found { trainer, step, changed }));
                }
                // Older states have the same data, so there is no need to try them.
                Err(error) if error.is_data() => return Err(TrainError::OtherData(Box::new(error))),
                Err(error) => {
                    let error = Error::failed(error.to_string());
                    observer.warned(&Warning::PassedOver { state: path, error: error.clone() });
                    worst.get_or_insert(error);
                }
            }
        }
        worst.map_or(Ok(None), |error| Err(error.into()))
    }

    /// Creates the directory of a new run, or updates configuration and log of a resumed run.
    pub(super) fn accept(&mut self, trainer: &Trainer, text: &str, event: Option<&Value>) -> Result<()> {
        match &mut self.run {
            Some(run) if self.resumed => run.go_on(text, trainer.progress().step, event),
            Some(run) => run.begin(text),
            None => Ok(()),
        }
    }

    /// Saves the state and the model. Each file is written completely or not at all.
    pub(super) fn save(&mut self, trainer: &Trainer, observer: &mut dyn Observer) -> Result<()> {
        let step = trainer.progress().step;
        if let Some(run) = &self.run {
            run.save_state(step, &trainer.state().or_failed()?)?;
        }
        self.save_model(&trainer.network().or_failed()?)?;
        self.best.save(trainer, self.files)?;
        observer.saved(step, &self.models);
        Ok(())
    }

    fn save_model(&self, network: &Network) -> Result<()> {
        if self.models.is_empty() {
            return Ok(());
        }
        let bytes = network.to_bytes().or_failed()?;
        self.models.iter().try_for_each(|path| self.files.save(path, &bytes))
    }

    pub(super) fn log(&mut self, line: &Value) -> Result<()> {
        self.run.as_mut().map_or(Ok(()), |run| run.log(line))
    }

    /// Saves the current averages of the weights.
    pub(super) fn averages(&self, trainer: &Trainer) -> Result<()> {
        match (&self.run, trainer.averages()) {
            (Some(run), Some(averages)) => run.save_averages(averages.step(), &averages.to_bytes().or_failed()?),
            _ => Ok(()),
        }
    }

    /// Asks the observer for a picture of samples of the current network.
    pub(super) fn picture(&self, trainer: &Trainer, observer: &mut dyn Observer) -> Result<()> {
        let Some(run) = &self.run else { return Ok(()) };
        let path = run.samples(trainer.progress().step)?;
        observer.picture(&mut trainer.network().or_failed()?, &path)
    }

    /// Records an evaluation of the held-out rows.
    pub(super) fn look(&mut self, trainer: &mut Trainer, look: Look, every: u64) -> Looked {
        self.best.look(trainer, look, every)
    }

    /// Returns the best model, if it was written.
    pub(super) fn best(&self, trainer: &Trainer) -> Option<BestModel> {
        self.best.model(trainer)
    }

    /// Saves the last good model after a divergence, and returns the error.
    pub(super) fn diverged(&self, error: langevin_train::Error, rate: f64) -> TrainError {
        // A tenth of an absurd learning rate is still too high, hence the limit.
        let lower = (LOWER * rate).min(USUAL);
        let (what, hint) = (without_hint(&error), error.hint().map(str::to_owned));
        let state = self.run.as_ref().is_some_and(|run| !run.states().is_empty());
        let network = error.into_network().map(Box::new);
        if let Some(Err(error)) = network.as_ref().map(|network| self.save_model(network)) {
            return error.into();
        }
        TrainError::Diverged { what, hint, network, state, lower }
    }
}

/// Builds the trainer of a new training.
fn new(rows: &Dataset, recipe: &Recipe, base: Option<&Base>) -> Result<Trainer, TrainError> {
    let trainer = match base.and_then(Base::network) {
        Some(network) => Trainer::from_network(rows, recipe, network),
        None => Trainer::new(rows, recipe),
    };
    match trainer {
        Err(error) if error.is_too_large() => Err(TrainError::TooLarge { what: without_hint(&error) }),
        Err(error) if is_misuse(&error) => Ok(Err(error).or_misused()?),
        other => Ok(other.or_failed()?),
    }
}

/// Returns true if the error is about an argument.
pub(super) fn is_misuse(error: &langevin_train::Error) -> bool {
    error.is_argument() || error.core().is_some_and(langevin::Error::is_argument)
}

/// Reads a state with its recipe and its step.
fn read(path: &Path) -> Result<(Vec<u8>, Recipe, u64)> {
    let state = std::fs::read(path)
        .map_err(|error| Error::failed("cannot read the state of the run").in_file(path).got(error.to_string()))?;
    let (own, step) = Trainer::saved_recipe(&state).or_failed()?;
    Ok((state, own, step))
}

/// Returns the changes of a resumed run as the log records them. Fields that are not set are taken
/// from the run's recipe.
fn change(
    configuration: &toml::Table,
    own: &Recipe,
    settings: &mut Settings,
    observer: &mut dyn Observer,
) -> Result<Option<Map<String, Value>>> {
    let recipe = &mut settings.recipe;
    recipe.formulation.range = own.formulation.range;
    recipe.averages |= own.averages;
    if settings.own_budget {
        recipe.budget = own.budget;
    }
    let fields = differences(own, recipe);
    let change = Change { configuration, own, wanted: recipe, fields: &fields };
    let record = observer.changed(&change)?;
    change.check()?;
    Ok(record)
}
