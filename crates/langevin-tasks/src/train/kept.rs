//! What is kept of a training: nothing before it is accepted, and everything that the next step depends on
//! afterwards.

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

/// What is tried after a divergence, as a share of the learning rate.
const LOWER: f64 = 0.1;
/// The default learning rate.
const USUAL: f64 = 2e-3;

/// Where a training is kept. Both places may be given, or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// The file of the model.
    pub model: Option<&'a Path>,
    /// The directory of the run.
    pub run: Option<&'a Path>,
    /// Whether the run is one to go on with.
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

/// A run from which a training goes on.
struct Found {
    trainer: Trainer,
    step: u64,
    changed: Option<Map<String, Value>>,
}

impl<'f> Kept<'f> {
    /// Opens the place. Nothing is written before the training is accepted; a run that is resumed is locked.
    ///
    /// # Errors
    /// Returns an error if the directory of a new run is not empty or cannot be written, or if another
    /// process trains in that of a run that is resumed.
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

    /// Returns the configuration of the run that is resumed; an empty one for a new training.
    #[must_use]
    pub fn configuration(&self) -> toml::Table {
        self.resumed().map(RunDir::configuration).unwrap_or_default()
    }

    /// Returns the recipe of the newest state that can be read, of a run that is resumed.
    #[must_use]
    pub fn saved_recipe(&self) -> Option<Recipe> {
        let states = self.resumed()?.states();
        states.iter().find_map(|path| Some(Trainer::saved_recipe(&std::fs::read(path).ok()?).ok()?.0))
    }

    /// The run that is resumed.
    fn resumed(&self) -> Option<&RunDir<&'f dyn Files>> {
        self.run.as_ref().filter(|_| self.resumed)
    }

    /// A new training, or one that goes on from the newest state that is whole: then with the step, and
    /// what the log says of the changes.
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
            // It is new, or was killed before there was a state.
            None => Ok((new(rows, &settings.recipe, base)?, None, None)),
        }
    }

    /// The newest state of a run that is whole; `None` where there is no state.
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
            // Where the data are others, that they are says more than what else differs.
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
                // The one before it has the same data.
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

    /// Takes the training as accepted: makes the directory of the run, or brings its configuration and log
    /// up to date.
    pub(super) fn accept(&mut self, trainer: &Trainer, text: &str, event: Option<&Value>) -> Result<()> {
        match &mut self.run {
            Some(run) if self.resumed => run.go_on(text, trainer.progress().step, event),
            Some(run) => run.begin(text),
            None => Ok(()),
        }
    }

    /// Saves the state and the model, each whole or not at all.
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

    /// The averages as they are.
    pub(super) fn averages(&self, trainer: &Trainer) -> Result<()> {
        match (&self.run, trainer.averages()) {
            (Some(run), Some(averages)) => run.save_averages(averages.step(), &averages.to_bytes().or_failed()?),
            _ => Ok(()),
        }
    }

    /// Samples of the network as it is.
    pub(super) fn picture(&self, trainer: &Trainer, observer: &mut dyn Observer) -> Result<()> {
        let Some(run) = &self.run else { return Ok(()) };
        let path = run.samples(trainer.progress().step)?;
        observer.picture(&mut trainer.network().or_failed()?, &path)
    }

    /// Takes in a look at the held-out rows.
    pub(super) fn look(&mut self, trainer: &mut Trainer, look: Look, every: u64) -> Looked {
        self.best.look(trainer, look, every)
    }

    /// The best model, where it was written.
    pub(super) fn best(&self, trainer: &Trainer) -> Option<BestModel> {
        self.best.model(trainer)
    }

    /// A training that went wrong keeps what was good.
    pub(super) fn diverged(&self, error: langevin_train::Error, rate: f64) -> TrainError {
        // A rate that is absurd is not mended by a tenth of it.
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

/// A new training.
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

/// Whether an error is of an argument, of this crate or of the kernel.
pub(super) fn is_misuse(error: &langevin_train::Error) -> bool {
    error.is_argument() || error.core().is_some_and(langevin::Error::is_argument)
}

/// A state with its recipe and step.
fn read(path: &Path) -> Result<(Vec<u8>, Recipe, u64)> {
    let state = std::fs::read(path)
        .map_err(|error| Error::failed("cannot read the state of the run").in_file(path).got(error.to_string()))?;
    let (own, step) = Trainer::saved_recipe(&state).or_failed()?;
    Ok((state, own, step))
}

/// What changes of a run, as the log says it. The recipe becomes that of the run in what is not asked for.
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
