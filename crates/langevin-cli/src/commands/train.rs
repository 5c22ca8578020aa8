//! `langevin train`: a network from data.

mod best;
mod clipping;
mod from;
mod kept;
mod resume;
mod slow;

use super::learn::{self, Material};
use crate::cli::{TrainArgs, train::Kind};
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, print, say};
use crate::progress::{Display, duration, thousands};
use crate::words::{either_case, plural, shown};
use crate::{check, interrupt, threads};
use best::Overtraining;
use clipping::Clipping;
use from::Base;
use kept::Kept;
use langevin::grid::{SIGMAS, usual_range};
use langevin::objective::{TimeDensity, Weight};
use langevin::{Formulation, LambdaRange, Prediction, Process};
use langevin_tasks::watch::{Look, Watched};
use langevin_train::{Budget, Coupling, DitConfig, HeldOut, MlpConfig, NetworkSpec, Normalization, Progress, Recipe};
use serde_json::json;
use std::time::{Duration, Instant};

/// The most training steps without --steps and --minutes, the fewest, and those of √rows: on small tables the held-out bound is best early (docs/training.md).
const STEPS: u64 = 2000;
const FEWEST: u64 = 200;
const STEPS_OF_ROOT: f64 = 48.0;
/// The weight decay of pictures: of 1,438 digits a perceptron copies 4 % after ten minutes with 0.1, none with 0.3 (docs/training.md).
const PICTURES_DECAY: f64 = 0.3;
/// The length that a head of attention has by default.
const HEAD: usize = 32;

/// Runs the command.
pub fn run(args: &TrainArgs) -> Result<()> {
    interrupt::listen()?;
    match args.threads {
        None => train(args),
        Some(threads) => threads::within(threads, || train(args)),
    }
}

fn train(args: &TrainArgs) -> Result<()> {
    let name = args.data.as_deref().unwrap_or_default();
    // That --out itself replaces no input was checked when the flags were read.
    if let (Some(from), Some(out)) = (&args.from, &args.output.out) {
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

    let held = held.map(|rows| Watched::new(rows, rayon::current_num_threads()));
    let shape = cropped(rows.shape(), args.reading.crop);
    let ways = slow::Ways::of(&recipe, &shape, langevin_tasks::data::file(name).is_some_and(std::path::Path::is_dir));
    slow::check_memory(&recipe, &rows, &ways)?;
    let (mut trainer, event) = kept.begin(&rows, &mut recipe, &effective, base.as_ref(), &ways)?;
    if !device.is_cpu() {
        say(&format!("on {device}"));
        trainer = trainer.on(&device).or_failed()?;
    }
    interrupt::check()?;
    // From here on something is written.
    kept.accept(&trainer, &effective, event)?;
    learn::warn(&all, &rows, &trainer)?;
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
        return Err(kept.nothing_learned());
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
