//! What is kept of a training: nothing before it is accepted, and everything that the next step depends on afterwards.

use super::super::preview::preview;
use super::best::Overtraining;
use super::from::Base;
use super::{resume, slow, without_hint};
use crate::cli::{TrainArgs, config::Effective};
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, say};
use crate::rundir::{self, MODEL, RunDir};
use crate::words::shown;
use langevin_train::{Dataset, Network, Recipe, Trainer};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What is tried after a divergence, as a share of the learning rate.
const LOWER: f64 = 0.1;
/// The default learning rate.
const USUAL: f64 = 2e-3;

/// What is kept of a training, and where.
pub struct Kept<'a> {
    args: &'a TrainArgs,
    run: Option<RunDir>,
    /// Where the model goes, one place or two.
    pub models: Vec<PathBuf>,
    pub best: Overtraining,
}

impl<'a> Kept<'a> {
    /// Where it will be; nothing is written yet.
    pub fn new(args: &'a TrainArgs) -> Result<Self> {
        let run = match (&args.output.run, &args.output.resume) {
            (Some(path), _) => Some(rundir::new(path)?),
            (None, Some(path)) => Some(rundir::at(path)?),
            (None, None) => None,
        };
        let models: Vec<PathBuf> = args.output.out.iter().cloned().chain(run.as_ref().map(RunDir::model)).collect();
        let best = run.as_ref().map_or_else(|| Overtraining::beside(&models[0]), RunDir::best);
        Ok(Self { args, run, models, best: Overtraining::new(best) })
    }

    /// The recipe of the newest state that can be read, of a run that goes on.
    pub fn saved(&self) -> Option<Recipe> {
        let run = self.run.as_ref().filter(|_| self.args.output.resume.is_some())?;
        run.states().iter().find_map(|path| Some(Trainer::saved_recipe(&std::fs::read(path).ok()?).ok()?.0))
    }

    /// A new training, or one that goes on from the newest state that is whole, with what changed of it.
    pub fn begin(
        &self,
        rows: &Dataset,
        recipe: &mut Recipe,
        effective: &Effective,
        base: Option<&Base>,
        ways: &slow::Ways,
    ) -> Result<(Trainer, Option<Value>)> {
        let new = |recipe: &Recipe| {
            let trainer = match base.and_then(|base| base.network.as_ref()) {
                Some(network) => Trainer::from_network(rows, recipe, network),
                None => Trainer::new(rows, recipe),
            };
            match trainer {
                Err(error) if error.is_too_large() => {
                    Err(Failure::misused(without_hint(&error)).hint(format!("try {}", ways.network)))
                }
                Err(error) if error.is_argument() || error.core().is_some_and(langevin::Error::is_argument) => {
                    Err(error).or_misused()
                }
                other => other.or_failed(),
            }
        };
        let Some(run) = self.run.as_ref().filter(|_| self.args.output.resume.is_some()) else {
            return Ok((new(recipe)?, None));
        };
        // Where other data are asked for, that they are other says more than what else differs.
        let data = run.configuration().get("data").and_then(|name| name.as_str().map(str::to_owned));
        let moved = data.is_some() && data != self.args.data;
        let mut worst = None;
        for path in run.states() {
            let state = std::fs::read(&path).map_err(|error| {
                Failure::failed("cannot read the state of the run").in_file(&path).got(error.to_string())
            });
            let state = state.and_then(|state| {
                let (own, step) = Trainer::saved_recipe(&state).or_failed()?;
                Ok((state, own, step))
            });
            let (state, own, step) = match state {
                Ok(read) => read,
                Err(failure) => {
                    say(&format!("note: {} is passed over: {}", shown(&path), failure.text()));
                    worst.get_or_insert(failure);
                    continue;
                }
            };
            let changed = self.changed(run, &own, recipe, effective);
            if !moved && let Err(failure) = changed {
                return Err(failure);
            }
            match Trainer::resume(rows, &state) {
                Ok(mut trainer) => {
                    let changed = changed?;
                    trainer.set_recipe(recipe).or_misused()?;
                    say(&format!("goes on after step {step}"));
                    return Ok((
                        trainer,
                        changed.map(|changed| json!({ "event": "resumed", "step": step, "changed": changed })),
                    ));
                }
                // The one before it has the same data.
                Err(error) if error.is_data() => {
                    let run = self.args.output.resume.as_deref().unwrap_or_else(|| std::path::Path::new("RUN"));
                    let model = run.join(MODEL);
                    return Err(Failure::failed(error.to_string()).hint(format!(
                        "a run goes on with its own data; to train on these, begin another from its model: train --from {} --data {} --run ANOTHER",
                        model.display(),
                        self.args.data.as_deref().unwrap_or("DATA")
                    )));
                }
                Err(error) => {
                    let failure = Failure::failed(error.to_string());
                    say(&format!("note: {} is passed over: {}", shown(&path), failure.text()));
                    worst.get_or_insert(failure);
                }
            }
        }
        match worst {
            Some(failure) => Err(failure),
            // It was killed before there was one.
            None => Ok((new(recipe)?, None)),
        }
    }

    /// What changes of a run; refuses what cannot. Makes the recipe that of the run in what no flag says.
    fn changed(
        &self,
        run: &RunDir,
        own: &Recipe,
        recipe: &mut Recipe,
        effective: &Effective,
    ) -> Result<Option<serde_json::Map<String, Value>>> {
        recipe.formulation.range = own.formulation.range;
        recipe.averages |= own.averages;
        if self.args.steps.is_none() && self.args.minutes.is_none() {
            recipe.budget = own.budget;
        }
        let kept = run.configuration();
        resume::Change { kept: &kept, now: effective }.check(own, recipe)
    }

    /// What was asked for is accepted: the directory of the run is made, or its configuration and log brought up to date.
    pub fn accept(&mut self, trainer: &Trainer, effective: &Effective, event: Option<Value>) -> Result<()> {
        let (resumed, text) = (self.args.output.resume.is_some(), effective.to_string());
        match &mut self.run {
            Some(run) if resumed => run.go_on(&text, trainer.progress().step, event.as_ref()),
            Some(run) => run.begin(&text),
            None => Ok(()),
        }
    }

    /// Saves the state and the model, each whole or not at all, also where an end was asked for: that is when it matters.
    pub fn save(&mut self, trainer: &Trainer) -> Result<()> {
        if let Some(run) = &self.run {
            run.save_state(trainer.progress().step, &trainer.state().or_failed()?)?;
        }
        self.save_model(&trainer.network().or_failed()?)?;
        self.best.save(trainer)
    }

    fn save_model(&self, network: &Network) -> Result<()> {
        let bytes = network.to_bytes().or_failed()?;
        self.models.iter().try_for_each(|path| atomic::save(path, &bytes))
    }

    pub fn log(&mut self, line: &serde_json::Value) -> Result<()> {
        self.run.as_mut().map_or(Ok(()), |run| run.log(line))
    }

    /// The averages as they are.
    pub fn averages(&self, trainer: &Trainer) -> Result<()> {
        match (&self.run, trainer.averages()) {
            (Some(run), Some(averages)) => run.save_averages(averages.step(), &averages.to_bytes().or_failed()?),
            _ => Ok(()),
        }
    }

    /// Samples of the network as it is.
    pub fn picture(&self, trainer: &Trainer) -> Result<()> {
        let Some(run) = &self.run else { return Ok(()) };
        let path = run.samples(trainer.progress().step)?;
        preview(&mut trainer.network().or_failed()?, self.args.seed, &path)
    }

    /// Where what was learned is.
    pub fn left(&self) -> String {
        match &self.args.output.run.as_ref().or(self.args.output.resume.as_ref()) {
            Some(run) => format!("go on with --resume {}", run.display()),
            None => format!("what has been learned is in {}", self.models[0].display()),
        }
    }

    /// An end before the first step was done.
    pub fn nothing_learned(&self) -> Failure {
        match &self.args.output.run.as_ref().or(self.args.output.resume.as_ref()) {
            Some(run) => Failure::interrupted("interrupted within the first step: nothing was learned")
                .hint(format!("begin again with --resume {}", run.display())),
            None => {
                Failure::interrupted("interrupted within the first step: nothing was learned, and nothing is written")
            }
        }
    }

    /// Training that went wrong keeps what was good.
    pub fn diverged(&self, error: langevin_train::Error, rate: f64) -> Result<()> {
        // A rate that is absurd is not mended by a tenth of it.
        let lower = format!("--lr {:.1e}", (LOWER * rate).min(USUAL));
        let hint = error.hint().map_or_else(String::new, |hint| format!("{hint}; "));
        let failure = Failure::failed(without_hint(&error));
        let run = self.args.output.run.as_ref().or(self.args.output.resume.as_ref());
        let states = self.run.as_ref().is_some_and(|run| !run.states().is_empty());
        Err(failure.hint(match (error.into_network(), run) {
            (Some(network), _) => {
                self.save_model(&network)?;
                format!("{hint}try {lower}; the last good model is in {}", self.models[0].display())
            }
            (None, Some(run)) if states => {
                format!("{hint}go on from the last good state: --resume {} {lower}", run.display())
            }
            (None, _) => format!("{hint}nothing good was learned, and no model is written: try {lower}"),
        }))
    }
}
