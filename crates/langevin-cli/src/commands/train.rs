//! `langevin train`: a network from data.

use super::preview::preview;
use crate::cli::{TrainArgs, train::Kind};
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, print, say};
use crate::progress::{Display, duration, thousands};
use crate::rundir::RunDir;
use crate::schedule::SIGMAS;
use crate::watch::{Look, Watched};
use crate::words::{either_case, plural, shown};
use crate::{check, data, interrupt, threads};
use langevin::{Formulation, LambdaRange, Prediction, Process, TimeDensity, Weight};
use langevin_data::{Dataset, Options};
use langevin_train::{
    Budget, Coupling, DitConfig, HeldOut, MlpConfig, Network, NetworkSpec, Normalization, Progress, Recipe, Trainer,
};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The training steps without --steps and --minutes.
const STEPS: u64 = 2000;
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
    if let (Some(path), Some(out)) = (data::file(name), &args.output.out) {
        check::another_file(out, "--data", path)?;
    }
    // Before the data are read: a mistake in a flag should not cost that time.
    let mut recipe = recipe(args, 0)?;
    let device = args.device.open()?;
    let all = data::open(name, args.seed, &options(args))?;
    for skipped in all.skipped().iter().take(1) {
        let count = plural(all.skipped().len() as u64, "picture");
        say(&format!("note: {count} left out, the first: {}: {}", shown(&skipped.path), skipped.why));
    }
    if all.rows() < 2 {
        return Err(Failure::failed("too few rows to learn from")
            .at(name)
            .expected("2 or more")
            .got(all.rows().to_string()));
    }
    let usual = if all.shape().len() > 1 { PICTURES_DECAY } else { recipe.weight_decay };
    recipe.weight_decay = args.optimizer.weight_decay.unwrap_or(usual);
    if args.reading.conditional {
        recipe.network = network(args, all.classes().len())?;
        if all.labels().is_none() {
            return Err(Failure::misused("the data have no classes")
                .at("--conditional")
                .expected("a folder of folders, a .npz with labels, or --label-column")
                .got(name));
        }
    }
    let (rows, held) = match recipe.held_out {
        Some(held) => {
            let (rows, held) = all.split(held.share, held.seed);
            (rows, Some(held))
        }
        None => (all, None),
    };
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

    let held = held.map(Watched::new).transpose()?;
    let mut kept = Kept::new(args)?;
    let mut trainer = kept.begin(&rows, &recipe)?;
    if !device.is_cpu() {
        say(&format!("on {device}"));
        trainer = trainer.on(&device).or_failed()?;
    }
    let mut display = Display::training();
    let mut saved = Instant::now();
    let mut look = None;
    let result = loop {
        if trainer.is_done() {
            break Ok(());
        }
        if let Err(error) = trainer.step() {
            break Err(error);
        }
        let progress = trainer.progress();
        let logs = progress.step.is_multiple_of(args.keeping.log_every) || trainer.is_done();
        if logs {
            look = match held.as_ref().map(|held| held.look(&trainer)).transpose() {
                Ok(look) => look,
                Err(error) => break Err(error),
            };
            let line = line(&progress, look);
            kept.log(&line)?;
            if args.json {
                print(&format!("{line}\n"))?;
            }
        }
        display.show(progress.fraction, &words(&progress, recipe.batch, look));
        let due = saved.elapsed() >= Duration::from_secs_f64(args.keeping.save_every);
        if due || interrupt::requested() {
            saved = Instant::now();
            kept.save(&trainer)?;
        }
        if args.keeping.averages_every.is_some_and(|every| progress.step.is_multiple_of(every)) {
            kept.averages(&trainer)?;
        }
        if args.keeping.samples_every.is_some_and(|every| progress.step.is_multiple_of(every)) {
            kept.picture(&trainer)?;
        }
        if interrupt::requested() {
            break Ok(());
        }
    };
    display.finish();
    match result {
        Ok(()) => {}
        Err(error) if error.is_argument() || error.core().is_some_and(langevin::Error::is_argument) => {
            return Err(error).or_misused();
        }
        Err(error) if error.is_diverged() => return kept.diverged(error),
        // What has been learned lies here and is whole, whatever failed.
        Err(error) => {
            kept.save(&trainer)?;
            let hint = error.hint().map_or_else(String::new, |hint| format!("{hint}; "));
            return Err(Failure::failed(error.to_string()).hint(hint + &kept.left()));
        }
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
    if !args.json {
        return Ok(());
    }
    let summary = json!({
        "model": kept.models[0].display().to_string(),
        "data": { "name": rows.name(), "rows": rows.rows(), "shape": rows.shape() },
        "process": network.formulation().process.name(),
        "prediction": network.formulation().prediction.name(),
        "weight": training.weight.name(),
        "parameters": network.parameters(),
        "steps": training.steps,
        "seconds": training.seconds,
        "loss": training.final_loss,
        "held_out": look.map(|look| look.loss),
        "bound": look.and_then(|look| look.bound),
        "seed": recipe.seed,
    });
    print(&format!("{summary}\n"))
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

/// What is kept of a training, and where.
struct Kept<'a> {
    args: &'a TrainArgs,
    run: Option<RunDir>,
    /// Where the model goes, one place or two.
    models: Vec<PathBuf>,
}

impl<'a> Kept<'a> {
    fn new(args: &'a TrainArgs) -> Result<Self> {
        let run = match (&args.output.run, &args.output.resume) {
            (Some(path), _) => Some(RunDir::create(path, &args.effective)?),
            (None, Some(path)) => Some(RunDir::open(path, &args.effective)?),
            (None, None) => None,
        };
        let models = args.output.out.iter().cloned().chain(run.as_ref().map(RunDir::model)).collect();
        Ok(Self { args, run, models })
    }

    /// A new training, or one that goes on from the newest state that is whole.
    fn begin(&mut self, rows: &Dataset, recipe: &Recipe) -> Result<Trainer> {
        let new = || match Trainer::new(rows, recipe) {
            Err(error) if error.is_argument() || error.core().is_some_and(langevin::Error::is_argument) => {
                Err(error).or_misused()
            }
            other => other.or_failed(),
        };
        let Some(run) = self.run.as_mut().filter(|_| self.args.output.resume.is_some()) else { return new() };
        let mut worst = None;
        for path in run.states() {
            let state = std::fs::read(&path).map_err(|error| {
                Failure::failed("cannot read the state of the run").in_file(&path).got(error.to_string())
            });
            let resumed = state.and_then(|state| Trainer::resume(rows, &state).or_failed());
            match resumed {
                Ok(mut trainer) => {
                    if !same(trainer.recipe(), recipe) {
                        return Err(Failure::misused("only how long it goes on can be changed of a run")
                            .at("--resume")
                            .hint("begin another run with --config and these flags"));
                    }
                    trainer.set_budget(recipe.budget);
                    run.cut_log(trainer.progress().step)?;
                    say(&format!("goes on after step {}", trainer.progress().step));
                    return Ok(trainer);
                }
                Err(failure) => {
                    say(&format!("note: {} is passed over: {}", shown(&path), failure.text()));
                    worst.get_or_insert(failure);
                }
            }
        }
        match worst {
            Some(failure) => Err(failure),
            // It was killed before there was one.
            None => {
                run.cut_log(0)?;
                new()
            }
        }
    }

    /// Saves the state and the model, each whole or not at all, also where an end was asked for: that is when it matters.
    fn save(&self, trainer: &Trainer) -> Result<()> {
        if let Some(run) = &self.run {
            run.save_state(trainer.progress().step, &trainer.state().or_failed()?)?;
        }
        self.save_model(&trainer.network().or_failed()?)
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

    /// Training that met a loss that is not finite keeps what was good.
    fn diverged(&self, error: langevin_train::Error) -> Result<()> {
        let hint = error.hint().map(str::to_owned);
        let failure = Failure::failed(error.to_string());
        let failure = |said: String| match hint {
            Some(hint) => failure.hint(format!("{hint}; {said}")),
            None => failure.hint(said),
        };
        match error.into_network() {
            Some(network) => {
                self.save_model(&network)?;
                Err(failure(format!("the last good model is in {}", self.models[0].display())))
            }
            None => Err(failure("nothing good was learned".into())),
        }
    }
}

/// Whether two recipes are the same but for how long they go on.
fn same(one: &Recipe, other: &Recipe) -> bool {
    let written = |recipe: &Recipe| {
        let mut value = serde_json::to_value(recipe).unwrap_or_default();
        value["budget"] = serde_json::Value::Null;
        value
    };
    written(one) == written(other)
}

fn options(args: &TrainArgs) -> Options {
    let reading = &args.reading;
    let mut options = Options::default().memory((reading.memory as u64) << 20).skip_bad(reading.skip_bad);
    if let Some((height, width)) = reading.size {
        options = options.size(height, width);
    }
    if let Some(column) = &reading.label_column {
        options = options.label_column(column);
    }
    options
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
    let range = LambdaRange::from_sigma_ve(SIGMAS[0], SIGMAS[1]).or_failed()?;
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
