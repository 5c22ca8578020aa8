//! A tiny network, trained without a command line.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use langevin_data::Dataset;
use langevin_tasks::rundir::{Arguments, Files, LOG, MODEL};
use langevin_tasks::train::{
    Base, Choice, Ending, Kept, Observer, Opened, Place, Settings, Step, Summary, TrainError, TrainingData, Warning,
    train,
};
use langevin_tasks::{Error, Kind, Result};
use langevin_train::{Budget, HeldOut, MlpConfig, Network, Recipe};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Files that are written as they are.
struct Plain;

impl Files for Plain {
    fn save(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        fs::write(path, bytes).map_err(|error| Error::writing(path, &error))
    }
}

const ARGUMENTS: Arguments = Arguments { run: "run", resume: "resume" };

/// Records what it is told, a word for each event.
#[derive(Default)]
struct Recorder {
    events: Vec<String>,
    warnings: Vec<Warning>,
    lines: Vec<Value>,
    /// The step after which the training is to end.
    last: Option<u64>,
    steps: u64,
}

impl Observer for Recorder {
    fn goes_on(&mut self) -> bool {
        self.last.is_none_or(|last| self.steps < last)
    }
    fn opened(&mut self, opened: &Opened<'_>) {
        self.events.push(format!("opened after {:?}", opened.after));
    }
    fn warned(&mut self, warning: &Warning) {
        self.warnings.push(warning.clone());
    }
    fn begun(&mut self) {
        self.events.push("begun".to_owned());
    }
    fn stepped(&mut self, step: &Step<'_>) {
        self.steps = step.progress.step;
        assert!(step.left().is_none_or(|left| left.as_secs() < 60));
        assert_eq!(step.left().is_some_and(|left| left.is_zero()), step.progress.fraction >= 1.0);
        self.events.push(format!("step {} of {}", step.progress.step, step.batch));
    }
    fn logged(&mut self, line: &Value) -> Result<()> {
        self.events.push("logged".to_owned());
        self.lines.push(line.clone());
        Ok(())
    }
    fn improved(&mut self, _: u64, score: f64) {
        assert!(score.is_finite());
        self.events.push("improved".to_owned());
    }
    fn saved(&mut self, step: u64, models: &[PathBuf]) {
        self.events.push(format!("saved {step} in {}", models.len()));
    }
    fn picture(&mut self, network: &mut Network, path: &Path) -> Result<()> {
        assert_eq!(network.shape(), [2]);
        self.events.push(format!("picture {}", path.file_name().unwrap().display()));
        Ok(())
    }
    fn ended(&mut self) {
        self.events.push("ended".to_owned());
    }
}

fn recipe(steps: u64) -> Recipe {
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(steps));
    (recipe.network, recipe.batch) = (MlpConfig::new(8, 1).into(), 4);
    recipe.held_out = Some(HeldOut { share: 0.25, seed: 0 });
    recipe
}

fn data(recipe: &Recipe) -> TrainingData {
    let values = (0..80).map(|i| (0.7 * i as f32).sin()).collect();
    TrainingData::split(Dataset::new("waves", values, &[2]).unwrap(), recipe.held_out)
}

fn trained(place: Place<'_>, settings: Settings, observer: &mut Recorder) -> Result<Summary, TrainError> {
    let data = data(&settings.recipe);
    let mut kept = Kept::new(place, &Plain, ARGUMENTS)?;
    train(&data, settings, None, &mut kept, observer)
}

fn run(path: &Path, resumed: bool) -> Place<'_> {
    Place { run: Some(path), resumed, ..Place::default() }
}

#[test]
fn an_observer_hears_everything_in_order() {
    let here = tempfile::tempdir().unwrap();
    let directory = here.path().join("r");
    let mut settings = Settings::new(recipe(4));
    (settings.log_every, settings.samples_every) = (2, Some(4));
    settings.configuration = "steps = 4\n".to_owned();
    let mut recorder = Recorder::default();
    let summary = trained(run(&directory, false), settings, &mut recorder).unwrap();
    let mut heard = recorder.events.clone();
    // Whether a later look is better is the network's affair.
    heard.retain(|event| event != "improved");
    let picture = "picture step-0000004.png";
    let steps = ["step 1 of 4", "logged", "step 2 of 4", "step 3 of 4", "logged", "step 4 of 4", picture];
    let expected = [&["opened after None", "begun"], &steps[..], &["ended", "saved 4 in 1"]].concat();
    assert_eq!(heard, expected);
    assert_eq!(recorder.events[recorder.events.iter().position(|event| event == "improved").unwrap() - 1], steps[2]);
    assert_eq!((summary.ending, summary.network.metadata().training.steps), (Ending::Finished, 4));
    assert_eq!(summary.models, [directory.join(MODEL)]);
    let look = summary.held_out.unwrap();
    assert_eq!((&recorder.lines[1]["held_out"], &recorder.lines[1]["bound"]), (&look.loss.into(), &look.bound.into()));
    let log: Vec<Value> = fs::read_to_string(directory.join(LOG))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(log, recorder.lines);
    assert_eq!(Network::load(&directory.join(MODEL)).unwrap().weights(), summary.network.weights());
}

#[test]
fn a_run_that_was_stopped_ends_in_the_same_bits() {
    let here = tempfile::tempdir().unwrap();
    let whole = trained(Place::default(), Settings::new(recipe(6)), &mut Recorder::default()).unwrap();
    assert!(whole.models.is_empty() && fs::read_dir(here.path()).unwrap().next().is_none());
    let directory = here.path().join("r");
    let mut stops = Recorder { last: Some(3), ..Recorder::default() };
    let part = trained(run(&directory, false), Settings::new(recipe(6)), &mut stops).unwrap();
    assert_eq!((part.ending, part.network.metadata().training.steps), (Ending::Stopped, 3));
    let mut settings = Settings::new(recipe(1));
    settings.own_budget = true;
    let mut goes_on = Recorder::default();
    let rest = trained(run(&directory, true), settings, &mut goes_on).unwrap();
    assert_eq!(goes_on.events[0], "opened after Some(3)");
    assert_eq!((rest.ending, rest.network.weights()), (Ending::Finished, whole.network.weights()));
    // A change that may be is in the log, by fields.
    let mut settings = Settings::new(recipe(7));
    settings.recipe.learning_rate = 1e-4;
    trained(run(&directory, true), settings, &mut Recorder::default()).unwrap();
    let log = fs::read_to_string(directory.join(LOG)).unwrap();
    let event = r#"{"changed":{"budget.steps":[6,7],"learning_rate":[0.002,0.0001]},"event":"resumed","step":6}"#;
    assert!(log.contains(event), "{log}");
    // One that may not be is refused, and changes nothing.
    let mut settings = Settings::new(recipe(7));
    (settings.own_budget, settings.recipe.batch) = (true, 5);
    settings.recipe.learning_rate = 1e-4;
    let refused: Error = trained(run(&directory, true), settings, &mut Recorder::default()).unwrap_err().into();
    assert_eq!(refused.to_string(), "this cannot be changed of a run (batch): expected the value of the run");
    assert_eq!(fs::read_to_string(directory.join(LOG)).unwrap(), log);
}

#[test]
fn a_state_that_is_damaged_is_passed_over() {
    let here = tempfile::tempdir().unwrap();
    let directory = here.path().join("r");
    for (steps, resumed) in [(2, false), (3, true)] {
        trained(run(&directory, resumed), Settings::new(recipe(steps)), &mut Recorder::default()).unwrap();
    }
    fs::write(directory.join("states/step-0000000003.safetensors"), "no state").unwrap();
    let mut recorder = Recorder::default();
    trained(run(&directory, true), Settings::new(recipe(4)), &mut recorder).unwrap();
    assert!(
        matches!(&recorder.warnings[0], Warning::PassedOver { state, .. } if state.ends_with("step-0000000003.safetensors"))
    );
    assert_eq!(recorder.events[0], "opened after Some(2)");
}

#[test]
fn what_ends_a_training_is_a_value() {
    let ends = |change: fn(&mut Settings), observer: &mut Recorder| {
        let mut settings = Settings::new(recipe(300));
        change(&mut settings);
        trained(Place::default(), settings, observer).unwrap_err()
    };
    let recorder = &mut Recorder::default();
    let error = ends(|settings| settings.memory = Some(10), recorder);
    assert!(matches!(error, TrainError::Memory { free: 10, .. }) && recorder.events.is_empty(), "{error}");
    let exploding = |settings: &mut Settings| {
        (settings.recipe.learning_rate, settings.recipe.clip, settings.recipe.warmup) = (10.0, f64::INFINITY, 0);
    };
    let error = ends(exploding, recorder);
    assert!(matches!(error, TrainError::Diverged { lower: 2e-3, state: false, .. }), "{error}");
    let stopped = &mut Recorder { last: Some(0), ..Recorder::default() };
    let error = ends(|_| (), stopped);
    assert!(matches!(error, TrainError::Stopped) && Error::from(error).kind() == Kind::Interrupted);
    let error = ends(|settings| settings.stop = Some(|| true), &mut Recorder::default());
    assert!(matches!(error, TrainError::NothingLearned), "{error}");
}

#[test]
fn a_training_from_a_model_takes_what_is_the_models() {
    let first = trained(Place::default(), Settings::new(recipe(3)), &mut Recorder::default()).unwrap();
    let base = Base::of_model(first.network);
    let mut other = recipe(3);
    other.network = MlpConfig::new(9, 2).into();
    let chosen = |field: &str| (field == "network.width").then_some(Choice::AsInRecipe);
    let error = base.apply(&mut other, &chosen).unwrap_err();
    assert!(matches!(&error, TrainError::Conflict { field: "network.width", own } if *own == 8), "{error}");
    base.apply(&mut other, &|_| None).unwrap();
    assert_eq!((&other.network, other.learning_rate), (&base.recipe().network, langevin_train::FINE_TUNING_RATE));
    let rows = data(&other);
    assert!(matches!(base.check(&rows.all, &[3]), Err(TrainError::Shape { .. })));
    base.check(&rows.all, &[2]).unwrap();
    let mut kept = Kept::new(Place::default(), &Plain, ARGUMENTS).unwrap();
    let again = train(&rows, Settings::new(other), Some(&base), &mut kept, &mut Recorder::default()).unwrap();
    assert_ne!(again.network.weights(), base.network().unwrap().weights());
}
