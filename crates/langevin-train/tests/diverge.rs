//! A diverging run is stopped, and a recovering one is not.
#![allow(clippy::unwrap_used)]

use langevin::objective::{TimeDensity, Weight};
use langevin::{Formulation, Prediction, Process};
use langevin_train::{Budget, Dataset, Error, MlpConfig, Network, Recipe, Trainer, train};
use std::ops::ControlFlow;

/// Returns points on a circle with a small spread.
fn ring() -> Dataset {
    let values = (0..400).flat_map(|i| {
        let (angle, radius) = (f64::from(i) * 0.7, 1.0 + 0.05 * f64::from(i % 7));
        [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]
    });
    Dataset::new("ring", values.collect(), &[2]).unwrap()
}

fn recipe(steps: u64) -> Recipe {
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(steps));
    (recipe.network, recipe.batch) = (MlpConfig::new(32, 2).into(), 32);
    recipe
}

/// Returns a recipe with changed fields.
fn changed(recipe: &Recipe, change: impl FnOnce(&mut Recipe)) -> Recipe {
    let mut recipe = recipe.clone();
    change(&mut recipe);
    recipe
}

/// Runs a recipe to its end. Returns the last step, the loss there as a multiple of that of
/// predicting nothing, and the network or the error.
fn end(recipe: &Recipe) -> (u64, f64, Result<Network, Error>) {
    let (mut last, mut ratio) = (0, 1.0);
    let found = train(&ring(), recipe, &mut |progress| {
        (last, ratio) = (progress.step, progress.ratio);
        ControlFlow::Continue(())
    });
    (last, ratio, found)
}

/// At a rate ten thousand times too high every run explodes. If the weights return, as strong
/// weight decay at such a rate can cause, the final loss is below that of predicting nothing.
#[test]
fn an_explosion_of_every_weight_and_prediction_is_an_error() {
    let predictions = ["x0", "epsilon", "score", "v", "velocity", "edm"];
    let mut errors = 0;
    for (name, weight) in predictions.iter().flat_map(|name| Weight::NAMES.iter().map(move |weight| (name, weight))) {
        let process = if *name == "v" { Process::vp_cosine() } else { Process::rectified_flow() };
        let mut recipe = recipe(400);
        recipe.times = TimeDensity::usual(&process);
        recipe.formulation = Formulation::new(process, Prediction::parse(name).unwrap());
        recipe.weight = Weight::parse(weight).unwrap();
        (recipe.learning_rate, recipe.clip, recipe.warmup) = (30.0, f64::INFINITY, 0);
        let (_, ratio, found) = end(&recipe);
        match found {
            // Learned loss weights explode with the errors, and continue to change.
            Ok(_) => assert!(ratio < if *weight == "uncertainty" { 3.0 } else { 1.0 }, "{name} {weight}: {ratio}"),
            Err(error) => {
                errors += 1;
                assert!(
                    error.is_diverged() && error.hint().unwrap().contains("learning rate"),
                    "{name} {weight}: {error}"
                );
                // A network that exploded is not returned.
                let said = error.to_string().contains("that of predicting nothing");
                assert!(!said || error.into_network().is_none(), "{name} {weight}");
            }
        }
    }
    assert!(errors >= 36, "{errors} of 42");
}

#[test]
fn an_explosion_is_stopped_soon_and_at_the_end_at_the_latest() {
    // Exploding from the first step on.
    let mut early = recipe(2000);
    (early.learning_rate, early.clip, early.warmup) = (10.0, f64::INFINITY, 0);
    let (step, _, found) = end(&early);
    assert!(found.unwrap_err().is_diverged() && step < 1000, "{step}");
    // Too short for any verdict during the run.
    early.budget = Budget::Steps(30);
    let (step, _, found) = end(&early);
    let text = found.unwrap_err().to_string();
    assert!(step == 30 && text.contains("step 30, the last") && text.contains("predicting nothing"), "{text}");
    // Exploding after a good start.
    let mut trainer = Trainer::new(&ring(), &recipe(2000)).unwrap();
    for _ in 0..150 {
        trainer.step().unwrap();
    }
    assert!(trainer.progress().sound && trainer.progress().loss < trainer.progress().nothing);
    let wild = changed(trainer.recipe(), |recipe| (recipe.learning_rate, recipe.clip) = (100.0, f64::INFINITY));
    trainer.set_recipe(&wild).unwrap();
    let error = loop {
        match trainer.step() {
            Ok(()) => assert!(!trainer.is_done()),
            Err(error) => break error,
        }
    };
    assert!(error.is_diverged() && trainer.progress().step < 1000, "{error}");
}

/// A start at a rate that is much too high, which then falls: the loss rises to hundreds of times
/// that of predicting nothing, and recovers.
#[test]
fn a_bad_start_that_recovers_is_not_stopped() {
    let mut trainer = Trainer::new(&ring(), &recipe(1500)).unwrap();
    let rate = |trainer: &mut Trainer, rate: f64| {
        let other = changed(trainer.recipe(), |recipe| {
            (recipe.learning_rate, recipe.warmup, recipe.clip) = (rate, 0, f64::INFINITY);
        });
        trainer.set_recipe(&other).unwrap();
    };
    rate(&mut trainer, 0.3);
    for _ in 0..4 {
        trainer.step().unwrap();
    }
    let worst = trainer.progress();
    assert!(!worst.sound && worst.loss > 100.0 * worst.nothing, "{} {}", worst.loss, worst.nothing);
    rate(&mut trainer, 1e-2);
    while !trainer.is_done() {
        trainer.step().unwrap();
    }
    trainer.check_end().unwrap();
}

/// Optimiser settings may change. The error names the first other field that differs, and the run
/// is unchanged.
#[test]
fn only_the_optimisers_numbers_can_be_changed_of_a_run() {
    let mut trainer = Trainer::new(&ring(), &recipe(20)).unwrap();
    trainer.step().unwrap();
    let before = trainer.state_without_time().unwrap();
    let own = trainer.recipe().clone();
    for (field, other) in [
        ("batch", changed(&own, |recipe| recipe.batch = 33)),
        ("seed", changed(&own, |recipe| recipe.seed = 1)),
        ("ema", changed(&own, |recipe| (recipe.ema, recipe.learning_rate) = (0.9, 1e-5))),
        ("network", changed(&own, |recipe| recipe.network = MlpConfig::new(33, 2).into())),
        ("learning_rate", changed(&own, |recipe| recipe.learning_rate = -1.0)),
    ] {
        let error = trainer.set_recipe(&other).unwrap_err();
        assert!(error.is_argument() && error.to_string().contains(field), "{error}");
        assert!(trainer.state_without_time().unwrap() == before, "{field}");
    }
    let other = changed(&own, |recipe| (recipe.learning_rate, recipe.weight_decay, recipe.warmup) = (1e-5, 0.5, 3));
    trainer.set_recipe(&other).unwrap();
    trainer.step().unwrap();
    let (recipe, step) = Trainer::saved_recipe(&trainer.state().unwrap()).unwrap();
    assert_eq!((recipe.learning_rate, recipe.weight_decay, step), (1e-5, 0.5, 2));
    assert!((trainer.progress().rate - 1e-5 * 2.0 / 3.0).abs() < 1e-6);
}
