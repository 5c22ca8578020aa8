//! A training that is cut off and goes on ends in the same bits; a damaged state is refused.
#![allow(clippy::unwrap_used)]

use langevin::Weight;
use langevin_train::{Budget, Coupling, Dataset, DitConfig, MlpConfig, Recipe, Trainer};

/// Recipes that have every kind of state: a learned density, learned weights, coupled noise, dequantised data, a transformer.
fn recipes() -> Vec<Recipe> {
    let plain = |change: &dyn Fn(&mut Recipe)| {
        let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(60));
        (recipe.network, recipe.batch) = (MlpConfig::new(16, 1).into(), 32);
        change(&mut recipe);
        recipe
    };
    vec![
        plain(&|recipe| recipe.adaptive = true),
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
    // A bit turned anywhere.
    for place in (8..state.len()).step_by(state.len() / 300) {
        let mut damaged = state.clone();
        damaged[place] ^= 4;
        assert!(Trainer::resume(&data, &damaged).is_err(), "{place}");
    }
    assert!(Trainer::resume(&data, &trainer.network().unwrap().to_bytes().unwrap()).err().unwrap().is_checkpoint());
}
