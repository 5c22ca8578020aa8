//! An interrupted and resumed run ends with the same bits; a damaged state is rejected.
#![allow(clippy::unwrap_used)]

use langevin::objective::Weight;
use langevin_train::{Budget, Coupling, Dataset, DitConfig, MlpConfig, Recipe, Trainer};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Returns recipes that cover every kind of state: a learned density, learned weights, coupled
/// noise, dequantised data, a transformer.
fn recipes() -> Vec<Recipe> {
    let plain = |change: &dyn Fn(&mut Recipe)| {
        let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(60));
        (recipe.network, recipe.batch) = (MlpConfig::new(16, 1).into(), 32);
        change(&mut recipe);
        recipe
    };
    vec![
        plain(&|recipe| (recipe.adaptive, recipe.averages) = (true, true)),
        plain(&|recipe| (recipe.weight, recipe.clip) = (Weight::Uncertainty, f64::INFINITY)),
        plain(&|recipe| (recipe.coupling, recipe.dequantize) = (Coupling::Transport, true)),
        plain(&|recipe| (recipe.network, recipe.batch) = (DitConfig::new(4, 8, 1, 2).into(), 5)),
    ]
}

fn finish(mut trainer: Trainer) -> Vec<u8> {
    while !trainer.is_done() {
        trainer.step().unwrap();
    }
    trainer.state_without_time().unwrap()
}

#[test]
fn a_resumed_run_ends_in_the_same_bits() {
    let data = Dataset::digits();
    for recipe in recipes() {
        let whole = finish(Trainer::new(&data, &recipe).unwrap());
        for stop in [1, 35, 41] {
            let mut trainer = Trainer::new(&data, &recipe).unwrap();
            for _ in 0..stop {
                trainer.step().unwrap();
            }
            let state = trainer.state().unwrap();
            let resumed = Trainer::resume(&data, &state).unwrap();
            assert_eq!(resumed.progress().step, stop);
            assert!(!resumed.progress().elapsed.is_zero());
            assert!(finish(resumed) == whole, "{recipe:?} after {stop}");
        }
    }
}

/// Compares an average computed afterwards with one that was followed from the start.
///
/// The model's own exponential average does not have the length of a power function, so the weights
/// themselves are compared.
#[test]
fn other_averages_are_made_afterwards() {
    let data = Dataset::digits();
    let mut recipe = recipes().remove(0);
    recipe.budget = Budget::Steps(640);
    let mut trainer = Trainer::new(&data, &recipe).unwrap();
    let mut kept = Vec::new();
    let length = 0.15;
    let mut followed: Vec<f64> = Vec::new();
    while !trainer.is_done() {
        trainer.step().unwrap();
        let step = trainer.progress().step;
        let profile = langevin_train::average::Profile::of_length(step as f64, length).unwrap();
        let weights = trainer.weights();
        followed.resize(weights.len(), 0.0);
        for (average, weight) in followed.iter_mut().zip(weights) {
            *average += (1.0 - profile.keep()) * (f64::from(*weight) - *average);
        }
        if step.is_multiple_of(20) {
            kept.push(langevin_train::Averages::from_bytes(&trainer.averages().unwrap().to_bytes().unwrap()).unwrap());
        }
    }
    let (network, off) = trainer.network().unwrap().with_average(&kept, length).unwrap();
    assert!(off < 0.01 && network.metadata().training.average == Some(length), "{off}");
    let weights = network.weights();
    let far =
        |a: &dyn Fn(usize) -> f64| (0..weights.len()).map(|i| (f64::from(weights[i]) - a(i)).powi(2)).sum::<f64>();
    let spread = far(&|i| f64::from(trainer.weights()[i]));
    // Measured against the distance between this average and the current weights.
    assert!(far(&|i| followed[i]) < 1e-4 * spread, "{} {spread}", far(&|i| followed[i]));
}

/// A failed step leaves the run unchanged, here because the file of the data is temporarily
/// truncated. Batches that were coupled in advance are drawn again.
#[test]
fn a_failed_step_changes_no_bit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows.npy");
    let header = format!("{:<117}\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (100, 2), }");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend((0..200).flat_map(|i| ((i as f32) * 0.7).sin().to_le_bytes()));
    std::fs::write(&path, &bytes).unwrap();
    // The data are not held in memory, so every step reads its rows.
    let options = langevin_data::Options::default().memory(0);
    let data = langevin_data::open(path.to_str().unwrap(), &options).unwrap();
    for coupling in [Coupling::Independent, Coupling::Transport] {
        let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(12));
        (recipe.network, recipe.batch, recipe.coupling) = (MlpConfig::new(16, 1).into(), 32, coupling);
        let whole = finish(Trainer::new(&data, &recipe).unwrap());
        let mut trainer = Trainer::new(&data, &recipe).unwrap();
        for _ in 0..5 {
            trainer.step().unwrap();
        }
        std::fs::write(&path, &bytes[..200]).unwrap();
        let failed = (0..4).filter(|_| trainer.step().is_err()).count();
        assert!(failed > 0);
        std::fs::write(&path, &bytes).unwrap();
        assert!(finish(trainer) == whole, "{coupling:?}");
    }
}

/// Number of stop checks that return false before the first one returns true.
static LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

fn stop() -> bool {
    LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
}

/// A step stopped at any point leaves the run unchanged.
#[test]
fn a_stopped_step_changes_no_bit() {
    let data = Dataset::digits();
    for recipe in recipes() {
        let whole = finish(Trainer::new(&data, &recipe).unwrap());
        let mut trainer = Trainer::new(&data, &recipe).unwrap();
        trainer.stop_when(stop);
        let mut stopped = 0;
        for left in [0, 1, 2, 3, 5, 8, 13, 21] {
            let before = trainer.progress().step;
            LEFT.store(left, Ordering::SeqCst);
            match trainer.step() {
                Ok(()) => assert_eq!(trainer.progress().step, before + 1),
                Err(error) => {
                    assert!(error.is_stopped() && !error.is_diverged(), "{error}");
                    assert_eq!(trainer.progress().step, before);
                    stopped += 1;
                }
            }
            LEFT.store(usize::MAX, Ordering::SeqCst);
            trainer.step().unwrap();
        }
        assert!(stopped >= 3, "{stopped}");
        assert!(finish(trainer) == whole, "{recipe:?}");
    }
}

/// The best network is part of a state, and is restored as it was saved.
#[test]
fn the_best_network_is_kept_over_a_resumption() {
    let data = Dataset::digits();
    let recipe = recipes().remove(0);
    let mut trainer = Trainer::new(&data, &recipe).unwrap();
    let mut weights = Vec::new();
    for score in [3.0, 2.0, f64::NAN, 2.5, 2.0] {
        trainer.step().unwrap();
        let better = trainer.keep_if_best(score);
        assert_eq!(better, score == 3.0 || weights.len() == 1);
        if better {
            weights.push(trainer.network().unwrap().weights().to_vec());
        }
    }
    let resumed = Trainer::resume(&data, &trainer.state().unwrap()).unwrap();
    assert_eq!(resumed.best(), Some((2, 2.0)));
    let network = resumed.best_network().unwrap().unwrap();
    assert!(network.weights() == weights[1] && network.metadata().training.steps == 2);
    assert!(network.metadata().training.losses.iter().all(|(step, _)| *step <= 2));
    assert!(resumed.state_without_time().unwrap() == trainer.state_without_time().unwrap());
}

#[test]
fn threads_change_no_bit_of_a_state() {
    let data = Dataset::digits();
    for recipe in recipes() {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| finish(Trainer::new(&data, &recipe).unwrap()))
        };
        assert!(with(1) == with(3), "{recipe:?}");
    }
}

#[test]
fn damaged_states_and_other_data_are_refused() {
    let data = Dataset::digits();
    let mut trainer = Trainer::new(&data, &recipes()[0]).unwrap();
    trainer.step().unwrap();
    let state = trainer.state().unwrap();
    let (other, _) = data.split(0.5, 0);
    assert!(Trainer::resume(&other, &state).err().unwrap().is_data());
    for len in (0..state.len()).step_by(state.len() / 50) {
        assert!(Trainer::resume(&data, &state[..len]).err().unwrap().is_checkpoint());
    }
    // Flips a bit at many positions.
    for place in (8..state.len()).step_by(state.len() / 300) {
        let mut damaged = state.clone();
        damaged[place] ^= 4;
        assert!(Trainer::resume(&data, &damaged).is_err(), "{place}");
    }
    assert!(Trainer::resume(&data, &trainer.network().unwrap().to_bytes().unwrap()).err().unwrap().is_checkpoint());
}
