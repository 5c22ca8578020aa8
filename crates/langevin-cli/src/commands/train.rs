//! `langevin train`: trains a network on data.

mod begin;
mod changes;
pub mod failures;
mod flags;
mod follow;
pub mod notes;
mod ways;

use super::learn::{self, Material};
use crate::cli::train::Kind;
use crate::cli::{TrainArgs, config::Effective};
use crate::error::{Failure, Result};
use crate::io::{atomic, print, say};
use crate::progress::duration;
use crate::rundir::{FLAGS, Whole};
use crate::words::{plural, shown};
use crate::{check, interrupt, threads};
use failures::Failures;
use follow::Follower;
use langevin_tasks::data;
use langevin_tasks::train::{self as task, Ending, Kept, Place, Settings, Summary, TrainingData, Ways};
use langevin_train::{Budget, NetworkSpec, Recipe, TokenNoise};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

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
    // The check that --out itself replaces no input was made when the flags were parsed.
    if let (Some(from), Some(out)) = (&args.from, &args.output.out) {
        check::two_files("--out, whose best model goes beside it,", &task::beside(out), "--from", from)?;
    }
    let mut effective = args.effective.clone();
    // The state of a resumed run determines its recipe, so it is read before the data.
    let mut kept = Kept::new(place(args), &Whole, FLAGS)?;
    let base = begin::base(args, &kept)?;
    // The recipe is checked before the data are read, so that an error in a flag is reported early.
    let mut recipe = flags::recipe(args, 0)?;
    if let Some(base) = &base {
        begin::apply(base, &mut recipe, &mut effective)?;
    }
    let device = args.device.open()?;
    let Material { all, reading } = learn::read(args, base.as_ref().map(task::Base::recipe))?;
    recipe.reading = reading;
    let classes = if args.reading.conditional { all.classes().len() } else { 0 };
    match all.vocabulary() {
        Some(vocabulary) if base.is_none() => {
            flags::of_tokens(args, &effective, vocabulary, all.width(), classes, &mut recipe)?;
            if !effective.is_given("network") {
                effective.set("network", Some("sequence".to_owned()));
            }
            // A run that goes on reads its configuration, which must not name flags of numbers.
            flags::OF_NUMBERS.into_iter().for_each(|flag| effective.set(flag, None));
            if !effective.is_given("fourier") {
                effective.set("fourier", None);
            }
        }
        None if args.network.network == Kind::Sequence && base.is_none() => {
            return Err(Failure::misused("the network is for tokens, and the data are numbers")
                .at("--network")
                .expected("mlp or dit"));
        }
        None if args.objective.noise.is_some() => {
            return Err(Failure::misused("the data are numbers, and the noise is for tokens")
                .at("--noise")
                .expected("data of tokens, such as --data names")
                .hint("leave out --noise"));
        }
        _ => {}
    }
    for (flag, value) in flags::of_optimizer(&recipe) {
        if !effective.is_given(flag) {
            effective.set(flag, Some(value));
        }
    }
    if args.steps.is_none() && args.minutes.is_none() {
        let steps = task::usual_steps(all.rows());
        recipe.budget = Budget::Steps(steps);
        effective.set("steps", Some(steps.to_string()));
    }
    let usual = if all.shape().len() > 1 { task::PICTURES_DECAY } else { recipe.weight_decay };
    recipe.weight_decay = args.optimizer.weight_decay.unwrap_or(usual);
    if let Some(base) = &base {
        let shape = task::seen_shape(all.shape(), args.reading.crop);
        base.check(&all, &shape).map_err(|error| failures::of_data(error, name))?;
    } else if args.reading.conditional && recipe.tokens.is_none() {
        recipe.network = flags::network(args, all.classes().len())?;
    }
    if base.is_none() {
        flags::check_optimizer(&recipe)?;
    }
    let rows = TrainingData::split(all, recipe.held_out);
    let read = learn::say_what(name, &rows, &recipe)?;
    check_outputs(args)?;
    interrupt::check()?;

    let shape = task::seen_shape(rows.rows.shape(), args.reading.crop);
    let ways = Ways::of(&recipe, &shape, data::file(name).is_some_and(Path::is_dir));
    let twin = twin(args, &recipe)?;
    let mut settings = settings(args, recipe, &effective, &kept);
    settings.device = device;
    let mut follower = Follower::new(args, &effective, ways::any_of(&ways.step));
    let trained = task::train(&rows, settings, base.as_ref(), &mut kept, &mut follower);
    drop(follower);
    let failures = Failures { args, kept: &kept, ways: &ways };
    let summary = trained.map_err(|error| failures.of(error))?;
    finish(args, &rows, &summary, read, &failures)?;
    match twin {
        Some(twin) => beside(args, &rows, twin, &effective, &summary),
        None => Ok(()),
    }
}

/// Returns the recipe of the autoregressive twin, if the flags ask for it.
fn twin(args: &TrainArgs, recipe: &Recipe) -> Result<Option<Recipe>> {
    let Some(name) = &args.objective.beside else { return Ok(None) };
    let bad = |what: &str, expected: &str| Err(Failure::misused(what).at("--beside").expected(expected));
    if name != AUTOREGRESSIVE {
        return bad("unknown network beside the model", AUTOREGRESSIVE)
            .map_err(|failure| failure.got(format!("'{name}'")));
    }
    let (NetworkSpec::Sequence(config), Some(_)) = (&recipe.network, recipe.tokens) else {
        return bad("the twin is for sequences of tokens", "text or integers, such as --data names");
    };
    let mut twin = recipe.clone();
    (twin.network, twin.tokens) = (config.autoregressive().into(), Some(TokenNoise::Masked));
    Ok(Some(twin))
}

/// Name of the network that `--beside` trains.
const AUTOREGRESSIVE: &str = "autoregressive";

/// Trains the twin and prints how the two compare.
fn beside(args: &TrainArgs, rows: &TrainingData, twin: Recipe, effective: &Effective, summary: &Summary) -> Result<()> {
    let path = summary.models[0].with_extension(format!("{AUTOREGRESSIVE}.safetensors"));
    let place = Place { model: Some(&path), run: None, resumed: false };
    let mut kept = Kept::new(place, &Whole, FLAGS)?;
    let ways = Ways::of(&twin, rows.rows.shape(), false);
    let settings = settings(args, twin, effective, &kept);
    let mut follower = Follower::new(args, effective, ways::any_of(&ways.step));
    let trained = task::train(rows, settings, None, &mut kept, &mut follower);
    drop(follower);
    let failures = Failures { args, kept: &kept, ways: &ways };
    let other = trained.map_err(|error| failures.of(error))?;
    let words = match (summary.held_out, other.held_out) {
        (Some(own), Some(other)) => {
            format!("held-out {:.4} nats a token, against a bound of {:.4}", other.loss, own.loss)
        }
        _ => format!("loss {:.4} nats a token", other.network.metadata().training.final_loss),
    };
    say(&format!("autoregressive twin: {words}: {}", shown(&other.models[0])));
    Ok(())
}

/// Returns the place where the flags store the training.
fn place(args: &TrainArgs) -> Place<'_> {
    Place {
        model: args.output.out.as_deref(),
        run: args.output.run.as_deref().or(args.output.resume.as_deref()),
        resumed: args.output.run.is_none(),
    }
}

/// Refuses a training that is stored nowhere, and a place that is not writable.
fn check_outputs(args: &TrainArgs) -> Result<()> {
    let keeps = args.keeping.samples_every.is_some() || args.keeping.averages_every.is_some();
    if keeps && args.output.run.is_none() && args.output.resume.is_none() {
        return Err(Failure::misused("samples and averages on the way are kept in the directory of a run")
            .at("--samples-every, --averages-every")
            .expected("--run DIR")
            .got("--out alone"));
    }
    args.output.out.as_deref().map_or(Ok(()), atomic::probe)
}

/// Returns the settings of the flags.
fn settings(args: &TrainArgs, recipe: Recipe, effective: &Effective, kept: &Kept<'_>) -> Settings {
    let mut settings = Settings::new(recipe);
    settings.own_budget = args.steps.is_none() && args.minutes.is_none();
    settings.configuration = effective.to_string();
    settings.other_data = begin::has_other_data(args, kept);
    settings.log_every = args.keeping.log_every;
    settings.save_every = Duration::from_secs_f64(args.keeping.save_every);
    (settings.averages_every, settings.samples_every) = (args.keeping.averages_every, args.keeping.samples_every);
    settings.threads = rayon::current_num_threads();
    settings.memory = Some(check::available());
    settings.stop = Some(interrupt::requested);
    settings
}

/// Reports how the training ended.
fn finish(
    args: &TrainArgs,
    rows: &TrainingData,
    summary: &Summary,
    read: Value,
    failures: &Failures<'_>,
) -> Result<()> {
    let rows = &rows.rows;
    let training = &summary.network.metadata().training;
    let words = format!(
        "{} on {} in {}, loss {:.4}",
        plural(training.steps, "step"),
        rows.name(),
        duration(training.seconds),
        training.final_loss
    );
    if summary.ending == Ending::Stopped {
        return Err(Failure::interrupted(format!("interrupted after {words}")).hint(failures.left()));
    }
    let model = &summary.models[0];
    say(&format!("{words}: {}", shown(model)));
    if let Some(best) = &summary.best {
        say(&notes::of_best(best));
    }
    if !args.json {
        return Ok(());
    }
    let formulation = summary.network.formulation();
    let object = json!({
        "model": model.display().to_string(),
        "data": { "name": rows.name(), "rows": rows.rows(), "shape": rows.shape(), "read": read },
        "process": formulation.process.name(),
        "prediction": formulation.prediction.name(),
        "noise": summary.network.metadata().data.tokens.as_ref().map(|tokens| tokens.space.noise().name()),
        "weight": training.weight.name(),
        "parameters": summary.network.parameters(),
        "steps": training.steps,
        "seconds": training.seconds,
        "loss": training.final_loss,
        "held_out": summary.held_out.map(|look| look.loss),
        "bound": summary.held_out.and_then(|look| look.bound),
        "best": notes::document_of_best(summary.best.as_ref()),
        "seed": args.seed,
    });
    print(&format!("{object}\n"))
}
