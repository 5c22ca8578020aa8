//! `langevin train`: a network from data.

use crate::cli::TrainArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, print, say};
use crate::progress::{Display, duration, thousands};
use crate::schedule::SIGMAS;
use crate::words::{either_case, plural, shown};
use crate::{check, data, interrupt};
use langevin::{Formulation, LambdaRange, Prediction, Process, TimeDensity, Weight};
use langevin_train::{Budget, Coupling, HeldOut, Network, Recipe};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

/// The training steps without --steps and --minutes.
const STEPS: u64 = 2000;
/// How often the model is saved on the way.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// Runs the command.
pub fn run(args: &TrainArgs) -> Result<()> {
    let recipe = recipe(args)?;
    interrupt::listen()?;
    if let Some(path) = data::file(&args.data) {
        check::another_file(&args.out, "--data", path)?;
    }
    let mut data = data::load(&args.data, args.seed)?;
    if let Some(held) = recipe.held_out {
        data = data.split(held.share, held.seed).0;
    }
    atomic::probe(&args.out)?;
    interrupt::check()?;

    let mut display = Display::training();
    let mut saved = Instant::now();
    // A checkpoint that cannot be written ends the training: the last save would fail as well.
    let mut broken = None;
    let result = langevin_train::train(&data, &recipe, &mut |progress| {
        let speed = progress.samples_per_second;
        display.show(
            progress.fraction,
            &format!("step {}  loss {:.4}  {} samples/s", progress.step, progress.loss, thousands(speed as u64)),
        );
        if saved.elapsed() >= SAVE_EVERY {
            saved = Instant::now();
            if let Err(failure) = progress.snapshot().or_failed().and_then(|network| save(&network, &args.out)) {
                broken = Some(failure);
            }
        }
        if interrupt::requested() || broken.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    display.finish();
    if let Some(failure) = broken {
        return Err(failure);
    }
    let network = match result {
        Ok(network) => network,
        Err(error) if error.is_argument() || error.core().is_some_and(langevin::Error::is_argument) => {
            return Err(error).or_misused();
        }
        Err(error) => return diverged(error, &args.out),
    };
    save(&network, &args.out)?;
    let training = &network.metadata().training;
    let words = format!(
        "{} on {} in {}, loss {:.4}",
        plural(training.steps, "step"),
        data.name(),
        duration(training.seconds),
        training.final_loss
    );
    if interrupt::requested() {
        return Err(Failure::interrupted(format!("interrupted after {words}"))
            .hint(format!("what has been learned is in {}", args.out.display())));
    }
    say(&format!("{words}: {}", shown(&args.out)));
    if !args.json {
        return Ok(());
    }
    let summary = serde_json::json!({
        "model": args.out.display().to_string(),
        "data": { "name": data.name(), "rows": data.rows(), "shape": data.shape() },
        "process": network.formulation().process.name(),
        "prediction": network.formulation().prediction.name(),
        "weight": training.weight.name(),
        "parameters": network.parameters(),
        "steps": training.steps,
        "seconds": training.seconds,
        "loss": training.final_loss,
        "seed": args.seed,
    });
    print(&format!("{summary}\n"))
}

fn recipe(args: &TrainArgs) -> Result<Recipe> {
    let process = either_case(&args.process, Process::parse).or_misused()?;
    let prediction = either_case(&args.predict, Prediction::parse).or_misused()?;
    let range = LambdaRange::from_sigma_ve(SIGMAS[0], SIGMAS[1]).or_failed()?;
    let budget = match args.minutes {
        Some(minutes) => Budget::Time(Duration::from_secs_f64(60.0 * minutes)),
        None => Budget::Steps(args.steps.unwrap_or(STEPS)),
    };
    let mut recipe = Recipe::new(Formulation::new(process, prediction).with_range(range), budget);
    recipe.weight = either_case(&args.weight, Weight::parse).or_misused()?;
    if let Some(times) = &args.times {
        recipe.times = either_case(times, TimeDensity::parse).or_misused()?;
    }
    recipe.adaptive = args.adaptive;
    recipe.dequantize = args.dequantize;
    recipe.coupling = either_case(&args.coupling, Coupling::parse).or_misused()?;
    recipe.held_out = args.hold_out.map(|share| HeldOut { share, seed: args.seed });
    recipe.seed = args.seed;
    Ok(recipe)
}

/// Saves a model whole or not at all, also where an end was asked for: that is when it matters.
fn save(network: &Network, path: &Path) -> Result<()> {
    atomic::save(path, &network.to_bytes().or_failed()?)
}

/// Training that met a loss that is not finite keeps what was good.
fn diverged(error: langevin_train::Error, path: &Path) -> Result<()> {
    let text = error.to_string();
    let failure = Failure::failed(text);
    match error.into_network() {
        Some(network) => {
            save(&network, path)?;
            Err(failure.hint(format!("the last good model is in {}", path.display())))
        }
        None => Err(failure),
    }
}
