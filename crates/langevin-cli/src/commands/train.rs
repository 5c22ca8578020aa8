//! `langevin train`: a network from data.

mod best;
mod from;
mod resume;
mod slow;

use super::learn::{self, Material};
use super::preview::preview;
use crate::cli::{TrainArgs, config::Effective, train::Kind};
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, print, say};
use crate::progress::{Display, duration, thousands};
use crate::rundir::RunDir;
use crate::schedule::{SIGMAS, usual_range};
use crate::watch::{Look, Watched};
use crate::words::{either_case, plural, shown};
use crate::{check, data, interrupt, threads};
use best::Overtraining;
use from::Base;
use langevin::{Formulation, LambdaRange, Prediction, Process, TimeDensity, Weight};
use langevin_data::Dataset;
use langevin_train::{
    Budget, Coupling, DitConfig, HeldOut, MlpConfig, Network, NetworkSpec, Normalization, Progress, Recipe, Trainer,
};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The most training steps without --steps and --minutes, the fewest, and those of √rows: on small tables the held-out bound is best early (docs/training.md).
const STEPS: u64 = 2000;
const FEWEST: u64 = 200;
const STEPS_OF_ROOT: f64 = 48.0;
/// Gradients in a row that are clipped while the loss does not fall, and the share of it that is a fall.
const CLIPPED: u64 = 1000;
const FALL: f64 = 0.99;
/// What is tried after a divergence, as a share of the learning rate.
const LOWER: f64 = 0.1;
/// The weight decay of pictures: of 1,438 digits a perceptron copies 4 % after ten minutes with 0.1, none with 0.3 (docs/training.md).
const PICTURES_DECAY: f64 = 0.3;
/// The length that a head of attention has by default.
const HEAD: usize = 32;

/// Runs the command.
pub fn run(args: &TrainArgs) -> Result<()> {
    interrupt::listen()?;
    match args.threads {
        None => train(args),
        Some(threads) => threads::pool(threads)?.install(|| train(args)),
    }
}

fn train(args: &TrainArgs) -> Result<()> {
    let name = args.data.as_deref().unwrap_or_default();
    if let (Some(path), Some(out)) = (data::file(name), &args.output.out) {
        check::another_file(out, "--data", path)?;
    }
    if let (Some(from), Some(out)) = (&args.from, &args.output.out) {
        check::another_file(out, "--from", from)?;
        check::two_files("--out, whose best model goes beside it,", &Overtraining::beside(out), "--from", from)?;
    }
    let mut effective = args.effective.clone();
    // A state decides what a run that goes on is made of, before anything is read.
    let mut kept = Kept::new(args)?;
    let base = match (&args.from, kept.saved()) {
        (None, _) => None,
        (Some(_), Some(own)) => Some(Base::of_run(own)),
        (Some(path), None) => Some(Base::open(path)?),
    };
    // Before the data are read: a mistake in a flag should not cost that time.
    let mut recipe = recipe(args, 0)?;
    if let Some(base) = &base {
        base.apply(&mut recipe, &mut effective, args.network.plain)?;
    }
    let device = args.device.open()?;
    let Material { all, reading } = learn::read(args, base.as_ref().map(Base::recipe))?;
    recipe.reading = reading;
    if args.steps.is_none() && args.minutes.is_none() {
        let steps = usual_steps(all.rows());
        recipe.budget = Budget::Steps(steps);
        effective.set("steps", Some(steps.to_string()));
    }
    let usual = if all.shape().len() > 1 { PICTURES_DECAY } else { recipe.weight_decay };
    recipe.weight_decay = args.optimizer.weight_decay.unwrap_or(usual);
    if let Some(base) = &base {
        base.check(&all, &cropped(all.shape(), args.reading.crop))?;
    } else if args.reading.conditional {
        recipe.network = network(args, all.classes().len())?;
    }
    let (rows, held) = match recipe.held_out {
        Some(held) => {
            let (rows, held) = all.split(held.share, held.seed);
            (rows, Some(held))
        }
        None => (all.clone(), None),
    };
    let read = learn::say_what(name, &all, [Some(&rows), held.as_ref()], &recipe)?;
    let keeps = args.keeping.samples_every.is_some() || args.keeping.averages_every.is_some();
    if keeps && args.output.run.is_none() && args.output.resume.is_none() {
        return Err(Failure::misused("samples and averages on the way are kept in the directory of a run")
            .at("--samples-every, --averages-every")
            .expected("--run DIR")
            .got("--out alone"));
    }
    if let Some(out) = &args.output.out {
        atomic::probe(out)?;
    }
    interrupt::check()?;

    let held = held.map(Watched::new);
    let shape = cropped(rows.shape(), args.reading.crop);
    let ways = slow::Ways::of(&recipe, &shape, data::file(name).is_some_and(std::path::Path::is_dir));
    slow::check_memory(&recipe, &rows, &ways)?;
    let (mut trainer, event) = kept.begin(&rows, &mut recipe, &effective, base.as_ref(), &ways)?;
    if !device.is_cpu() {
        say(&format!("on {device}"));
        trainer = trainer.on(&device).or_failed()?;
    }
    interrupt::check()?;
    // From here on something is written.
    kept.accept(&trainer, &effective, event)?;
    trainer.stop_when(interrupt::requested);
    let slow = slow::Slow::watch(&trainer, ways.step);
    let mut clipping = Clipping::default();
    let mut display = Display::training();
    let mut saved = Instant::now();
    let mut look = None;
    let result = loop {
        if trainer.is_done() {
            break trainer.check_end();
        }
        match trainer.step() {
            Ok(()) => {}
            // The step is dropped: what was learned up to the one before is saved.
            Err(error) if error.is_stopped() => break Ok(()),
            Err(error) => break Err(error),
        }
        let progress = trainer.progress();
        slow.look(&progress);
        clipping.look(&progress, recipe.clip);
        let logs = progress.step.is_multiple_of(args.keeping.log_every) || trainer.is_done();
        if logs {
            look = match held.as_ref().map(|held| held.look(&trainer)).transpose() {
                Ok(look) => look,
                Err(error) if error.is_stopped() => break Ok(()),
                Err(error) => break Err(error),
            };
            let line = line(&progress, look);
            kept.log(&line)?;
            if args.json {
                print(&format!("{line}\n"))?;
            }
        }
        display.show(progress.fraction, &words(&progress, recipe.batch, look));
        let (step, sound) = (progress.step, progress.sound);
        if let Some(look) = look.filter(|_| logs) {
            kept.best.look(&mut trainer, look, args.keeping.log_every);
        }
        // An explosion is no state to go on from.
        let due = saved.elapsed() >= Duration::from_secs_f64(args.keeping.save_every) && sound;
        if due || interrupt::requested() {
            saved = Instant::now();
            kept.save(&trainer)?;
        }
        if args.keeping.averages_every.is_some_and(|every| step.is_multiple_of(every)) {
            kept.averages(&trainer)?;
        }
        if args.keeping.samples_every.is_some_and(|every| step.is_multiple_of(every)) {
            kept.picture(&trainer)?;
        }
        if interrupt::requested() {
            break Ok(());
        }
    };
    drop(slow);
    display.finish();
    match result {
        Ok(()) => {}
        Err(error) if error.is_argument() || error.core().is_some_and(langevin::Error::is_argument) => {
            return Err(error).or_misused();
        }
        Err(error) if error.is_diverged() => return kept.diverged(error, recipe.learning_rate),
        // What has been learned lies here and is whole, whatever failed.
        Err(error) => {
            kept.save(&trainer)?;
            let hint = error.hint().map_or_else(String::new, |hint| format!("{hint}; "));
            return Err(Failure::failed(without_hint(&error)).hint(hint + &kept.left()));
        }
    }
    if trainer.progress().step == 0 {
        return Err(Failure::interrupted("interrupted within the first step: nothing was learned").hint(kept.again()));
    }
    kept.save(&trainer)?;
    let network = trainer.network().or_failed()?;
    let training = &network.metadata().training;
    let words = format!(
        "{} on {} in {}, loss {:.4}",
        plural(training.steps, "step"),
        rows.name(),
        duration(training.seconds),
        training.final_loss
    );
    if interrupt::requested() {
        return Err(Failure::interrupted(format!("interrupted after {words}")).hint(kept.left()));
    }
    say(&format!("{words}: {}", shown(&kept.models[0])));
    if let Some(words) = kept.best.last_words(&trainer) {
        say(&words);
    }
    if !args.json {
        return Ok(());
    }
    let summary = json!({
        "model": kept.models[0].display().to_string(),
        "data": { "name": rows.name(), "rows": rows.rows(), "shape": rows.shape(), "read": read },
        "process": network.formulation().process.name(),
        "prediction": network.formulation().prediction.name(),
        "weight": training.weight.name(),
        "parameters": network.parameters(),
        "steps": training.steps,
        "seconds": training.seconds,
        "loss": training.final_loss,
        "held_out": look.map(|look| look.loss),
        "bound": look.and_then(|look| look.bound),
        "best": kept.best.summary(&trainer),
        "seed": recipe.seed,
    });
    print(&format!("{summary}\n"))
}

/// The text of an error whose hint is said with another.
fn without_hint(error: &langevin_train::Error) -> String {
    let text = error.to_string();
    text.split_once("\nhint: ").map_or(text.as_str(), |(text, _)| text).to_owned()
}

/// What a person reads beside the bar.
fn words(progress: &Progress<'_>, batch: usize, look: Option<Look>) -> String {
    let mut held_out = look.map_or_else(String::new, |look| format!("  held-out {:.4}", look.loss));
    if let Some(bound) = look.and_then(|look| look.bound) {
        held_out.push_str(&format!(", bound {bound:.3} bits/dim"));
    }
    let speed = match progress.samples_per_second / batch as f64 {
        slow if slow < 10.0 => format!("{slow:.1}"),
        quick => thousands(quick as u64),
    };
    format!("step {}  loss {:.4}{held_out}  {speed} steps/s", progress.step, progress.loss)
}

/// A line of the log.
fn line(progress: &Progress<'_>, look: Option<Look>) -> serde_json::Value {
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

/// Steps in a row whose gradient was clipped, and what is said of many.
#[derive(Default)]
struct Clipping {
    steps: u64,
    /// The smoothed loss when they began.
    loss: f64,
    said: bool,
}

impl Clipping {
    fn look(&mut self, progress: &Progress<'_>, clip: f64) {
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

/// The steps for so many rows.
fn usual_steps(rows: usize) -> u64 {
    let steps = 100.0 * (STEPS_OF_ROOT * (rows as f64).sqrt() / 100.0).round();
    (steps as u64).clamp(FEWEST, STEPS)
}

/// The shape of the part of a picture that is trained on.
fn cropped(shape: &[usize], crop: Option<(usize, usize)>) -> Vec<usize> {
    let mut shape = shape.to_vec();
    if let Some((height, width)) = crop {
        let first = usize::from(shape.len() == 3 && shape[0] <= 4 && shape[2] > 4);
        if let Some([a, b]) = shape.get_mut(first..first + 2) {
            (*a, *b) = (height, width);
        }
    }
    shape
}

/// What is kept of a training, and where.
struct Kept<'a> {
    args: &'a TrainArgs,
    run: Option<RunDir>,
    /// Where the model goes, one place or two.
    models: Vec<PathBuf>,
    best: Overtraining,
}

impl<'a> Kept<'a> {
    /// Where it will be; nothing is written yet.
    fn new(args: &'a TrainArgs) -> Result<Self> {
        let run = match (&args.output.run, &args.output.resume) {
            (Some(path), _) => Some(RunDir::new(path)?),
            (None, Some(path)) => Some(RunDir::at(path)?),
            (None, None) => None,
        };
        let models: Vec<PathBuf> = args.output.out.iter().cloned().chain(run.as_ref().map(RunDir::model)).collect();
        let best = run.as_ref().map_or_else(|| Overtraining::beside(&models[0]), RunDir::best);
        Ok(Self { args, run, models, best: Overtraining::new(best) })
    }

    /// The recipe of the newest state that can be read, of a run that goes on.
    fn saved(&self) -> Option<Recipe> {
        let run = self.run.as_ref().filter(|_| self.args.output.resume.is_some())?;
        run.states().iter().find_map(|path| Some(Trainer::saved_recipe(&std::fs::read(path).ok()?).ok()?.0))
    }

    /// A new training, or one that goes on from the newest state that is whole, with what changed of it.
    fn begin(
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
                    let model = run.join("model.safetensors");
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
    fn accept(&mut self, trainer: &Trainer, effective: &Effective, event: Option<Value>) -> Result<()> {
        let (resumed, text) = (self.args.output.resume.is_some(), effective.to_string());
        match &mut self.run {
            Some(run) if resumed => run.go_on(&text, trainer.progress().step, event.as_ref()),
            Some(run) => run.begin(&text),
            None => Ok(()),
        }
    }

    /// Saves the state and the model, each whole or not at all, also where an end was asked for: that is when it matters.
    fn save(&mut self, trainer: &Trainer) -> Result<()> {
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

    fn log(&mut self, line: &serde_json::Value) -> Result<()> {
        self.run.as_mut().map_or(Ok(()), |run| run.log(line))
    }

    /// The averages as they are.
    fn averages(&self, trainer: &Trainer) -> Result<()> {
        match (&self.run, trainer.averages()) {
            (Some(run), Some(averages)) => run.save_averages(averages.step(), &averages.to_bytes().or_failed()?),
            _ => Ok(()),
        }
    }

    /// Samples of the network as it is.
    fn picture(&self, trainer: &Trainer) -> Result<()> {
        let Some(run) = &self.run else { return Ok(()) };
        let path = run.samples(trainer.progress().step)?;
        preview(&mut trainer.network().or_failed()?, self.args.seed, &path)
    }

    /// Where what was learned is.
    fn left(&self) -> String {
        match &self.args.output.run.as_ref().or(self.args.output.resume.as_ref()) {
            Some(run) => format!("go on with --resume {}", run.display()),
            None => format!("what has been learned is in {}", self.models[0].display()),
        }
    }

    /// What to do where nothing was learned.
    fn again(&self) -> String {
        match &self.args.output.run.as_ref().or(self.args.output.resume.as_ref()) {
            Some(run) => format!("begin again with --resume {}", run.display()),
            None => "nothing was written".to_owned(),
        }
    }

    /// Training that went wrong keeps what was good.
    fn diverged(&self, error: langevin_train::Error, rate: f64) -> Result<()> {
        let lower = format!("--lr {:.1e}", LOWER * rate);
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

fn network(args: &TrainArgs, classes: usize) -> Result<NetworkSpec> {
    let shape = &args.network;
    Ok(match shape.network {
        Kind::Mlp => {
            let mut config = MlpConfig::new(shape.width.unwrap_or(256), shape.depth.unwrap_or(3));
            (config.fourier, config.waves) = (shape.fourier, shape.waves.unwrap_or(0));
            (config.activation, config.plain, config.classes) = (shape.activation, shape.plain, classes);
            config.into()
        }
        Kind::Dit => {
            let width = shape.width.unwrap_or(192);
            let heads = shape.heads.unwrap_or((width / HEAD).max(1));
            let mut config = DitConfig::new(shape.patch, width, shape.depth.unwrap_or(6), heads);
            (config.fourier, config.classes) = (shape.fourier, classes);
            config.into()
        }
    })
}

fn recipe(args: &TrainArgs, classes: usize) -> Result<Recipe> {
    let (objective, optimizer, reading) = (&args.objective, &args.optimizer, &args.reading);
    let process = either_case(&objective.process, Process::parse).or_misused()?;
    let prediction = either_case(&objective.predict, Prediction::parse).or_misused()?;
    // As far as the process goes: that of Stable Diffusion ends at 14.6.
    let range = LambdaRange::from_sigma_ve(SIGMAS[0], usual_range(&process)[1]).or_failed()?;
    let budget = match args.minutes {
        Some(minutes) => Budget::Time(Duration::from_secs_f64(60.0 * minutes)),
        None => Budget::Steps(args.steps.unwrap_or(STEPS)),
    };
    let mut recipe = Recipe::new(Formulation::new(process, prediction).with_range(range), budget);
    recipe.weight = either_case(&objective.weight, Weight::parse).or_misused()?;
    if let Some(times) = &objective.times {
        recipe.times = either_case(times, TimeDensity::parse).or_misused()?;
    }
    recipe.adaptive = objective.adaptive;
    recipe.coupling = either_case(&objective.coupling, Coupling::parse).or_misused()?;
    recipe.dequantize = reading.dequantize;
    recipe.normalization = reading.no_normalize.then(Normalization::identity);
    recipe.held_out = reading.hold_out.map(|share| HeldOut { share, seed: args.seed });
    (recipe.crop, recipe.flip, recipe.label_dropout) = (reading.crop, reading.flip, reading.label_dropout);
    recipe.network = network(args, classes)?;
    (recipe.batch, recipe.learning_rate, recipe.warmup) = (optimizer.batch, optimizer.lr, optimizer.warmup);
    recipe.decay = optimizer.decay;
    (recipe.ema, recipe.clip) = (optimizer.ema, optimizer.clip);
    recipe.averages = args.keeping.averages_every.is_some();
    recipe.seed = args.seed;
    Ok(recipe)
}
