//! Training on tokens: the loss is the bound, resumption is exact, and files hold the letters.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::SampleId;
use langevin_data::{TokenKind, Vocabulary};
use langevin_discrete::exact::{Chain, Density as _};
use langevin_discrete::{Denoiser as _, Noise, likelihood};
use langevin_train::{Budget, Dataset, MODEL_VERSION, MlpConfig, Network, NetworkSpec, Recipe, SequenceConfig};
use langevin_train::{Trainer, train};
use std::ops::ControlFlow;

fn rows(seed: u64, count: u64) -> Vec<SampleId> {
    (0..count).map(|index| SampleId { seed, index }).collect()
}

/// Sequences of the example chain of 3 letters.
fn chain_data(chain: &Chain, seed: u64, count: u64) -> Dataset {
    let letters = ["a", "b", "c"].map(String::from).into();
    let vocabulary = Vocabulary::new(TokenKind::Chars, letters, None).unwrap();
    Dataset::of_tokens("chain", chain.sample(&rows(seed, count)), chain.space().length(), vocabulary).unwrap()
}

fn small(data: &Dataset, steps: u64) -> Recipe {
    let mut recipe = Recipe::of_tokens(data, Budget::Steps(steps)).unwrap();
    let vocab = data.vocabulary().unwrap().len();
    recipe.network = SequenceConfig::new(vocab, vocab + 1, 16, 2, 2).into();
    (recipe.batch, recipe.ema) = (64, 0.98);
    recipe
}

fn causal(recipe: &mut Recipe) {
    if let NetworkSpec::Sequence(config) = &mut recipe.network {
        config.causal = true;
    }
}

#[test]
fn a_chain_is_learned() {
    let chain = Chain::example(3, 6, Noise::Masked).unwrap();
    let data = chain_data(&chain, 0, 20_000);
    let network = train(&data, &small(&data, 2500), &mut |_| ControlFlow::Continue(())).unwrap();
    let model = network.tokens().unwrap();
    let ids = rows(9, 600);
    let held_out = chain.sample(&ids);
    let profile = likelihood::profile(&model, &held_out, &ids, 1).unwrap();
    let bound = profile.bound();
    let exact: f64 = likelihood::exact(&model, &held_out).unwrap().iter().sum::<f64>() / 600.0;
    let own: f64 = held_out.chunks(6).map(|tokens| -chain.log_probability(tokens)).sum::<f64>() / 600.0;
    // The bound exceeds the exact value, and both exceed that of the chain, up to the noise of the
    // places that the bound drew and of 600 sequences (0.4 nats / √600 each).
    assert!(bound.nats > exact - 0.05 && exact > own - 0.05, "{bound:?} {exact} {own}");
    assert!(bound.nats < own + 0.15, "{bound:?} {exact} {own}");
}

#[test]
fn the_causal_twin_is_exact_too() {
    let chain = Chain::example(3, 6, Noise::Masked).unwrap();
    let data = chain_data(&chain, 0, 20_000);
    let mut recipe = small(&data, 600);
    causal(&mut recipe);
    let network = train(&data, &recipe, &mut |_| ControlFlow::Continue(())).unwrap();
    let held_out = chain.sample(&rows(9, 600));
    let nats = network.autoregressive_nats(&held_out).unwrap();
    let exact: Vec<f64> = held_out.chunks(6).map(|tokens| -chain.log_probability(tokens)).collect();
    let excess: f64 = nats.iter().zip(&exact).map(|(a, b)| a - b).sum::<f64>() / 600.0;
    assert!((-0.02..0.06).contains(&excess), "{excess}");
    // Probabilities of all sequences add up to 1.
    let all: Vec<u32> = (0..729).flat_map(|k: u32| (0..6).map(move |place| k / 3_u32.pow(place) % 3)).collect();
    let total: f64 = network.autoregressive_nats(&all).unwrap().iter().map(|nats| (-nats).exp()).sum();
    assert!((total - 1.0).abs() < 1e-4, "{total}");
    assert!(network.tokens().unwrap_err().to_string().contains("autoregressive"));
}

#[test]
fn a_run_that_was_cut_off_ends_in_the_same_bits() {
    let data = Dataset::names().head(500);
    let recipe = small(&data, 20);
    let mut whole = Trainer::new(&data, &recipe).unwrap();
    while !whole.is_done() {
        whole.step().unwrap();
    }
    let mut first = Trainer::new(&data, &recipe).unwrap();
    for _ in 0..7 {
        first.step().unwrap();
    }
    let mut second = Trainer::resume(&data, &first.state().unwrap()).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        while !second.is_done() {
            second.step().unwrap();
        }
    });
    assert_eq!(second.state_without_time().unwrap(), whole.state_without_time().unwrap());
}

#[test]
fn a_file_holds_the_letters() {
    let data = Dataset::names().head(500);
    let network = train(&data, &small(&data, 3), &mut |_| ControlFlow::Continue(())).unwrap();
    let bytes = network.to_bytes().unwrap();
    let read = Network::from_bytes(&bytes).unwrap();
    assert_eq!(read.metadata(), network.metadata());
    assert_eq!((read.metadata().langevin_version, read.vocabulary()), (MODEL_VERSION, data.vocabulary()));
    let [a, b] = [&network, &read].map(|network| {
        let model = network.tokens().unwrap();
        let mask = model.space().mask().unwrap();
        let ids = rows(0, 3);
        let query = langevin::Query::new(langevin_discrete::level(0.0), &ids);
        model.predict(&[mask; 36], &query).unwrap()
    });
    assert_eq!(a, b);
    // Rows do not depend on their company.
    assert_eq!(a[..a.len() / 3], a[a.len() / 3..2 * a.len() / 3]);
    // A document that contradicts itself is refused.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 14)]).into_owned();
    assert!(text.contains("\\\"vocab\\\":27") || text.contains("vocab"), "{text}");
}

#[test]
fn recipes_that_do_not_fit_are_refused() {
    let names = Dataset::names().head(100);
    let refused = |data: &Dataset, recipe: &Recipe, words: &str| {
        let error = Trainer::new(data, recipe).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    };
    let recipe = small(&names, 3);
    refused(&Dataset::digits(), &recipe, "numbers");
    let with = |change: fn(&mut Recipe)| {
        let mut recipe = recipe.clone();
        change(&mut recipe);
        recipe
    };
    refused(&names, &with(|recipe| recipe.tokens = None), "tokens");
    refused(&names, &with(|recipe| recipe.network = MlpConfig::new(16, 2).into()), "network");
    refused(&names, &with(|recipe| recipe.network = SequenceConfig::new(5, 6, 16, 2, 2).into()), "vocab 27");
    refused(&names, &with(|recipe| recipe.adaptive = true), "adaptive");
    refused(&names, &with(|recipe| recipe.flip = true), "flip");
    assert!(Recipe::of_tokens(&Dataset::digits(), Budget::Steps(1)).is_err());
    // A network on tokens is no model of numbers, and the other way round.
    let network = train(&names, &recipe, &mut |_| ControlFlow::Continue(())).unwrap();
    let query = rows(0, 1);
    let query = langevin::Query::new(langevin_discrete::level(0.5), &query);
    let error = langevin::Model::predict(&network, &vec![0.0f64; 12], &query).unwrap_err();
    assert!(error.is_model());
}
