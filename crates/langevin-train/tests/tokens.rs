//! Training on tokens: the loss is the bound, resumption is exact, and files hold the letters.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::SampleId;
use langevin_data::{TokenKind, Vocabulary};
use langevin_discrete::exact::{Chain, Density as _};
use langevin_discrete::{Denoiser, Noise, Parameterization, Plan, ReadAs, Request, likelihood, sampler};
use langevin_train::{Budget, Dataset, MODEL_VERSION, MlpConfig, Network, NetworkSpec, Recipe, SequenceConfig};
use langevin_train::{TokenNoise, Trainer, train};
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
        *config = config.autoregressive();
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
    let p: Vec<f64> = network.autoregressive_nats(&all).unwrap().iter().map(|nats| (-nats).exp()).collect();
    let total: f64 = p.iter().sum();
    assert!((total - 1.0).abs() < 1e-4, "{total}");
    // Samples have these probabilities: neighbours are as frequent as the law says, within five
    // standard deviations of 6000 samples, for all 45 pairs of letters and places.
    let drawn = network.autoregressive_samples(&rows(4, 6000)).unwrap();
    for (place, a, b) in (0..45).map(|k| (k / 9, k as u32 % 3, k as u32 / 3 % 3)) {
        let is = |row: &&[u32]| row[place..place + 2] == [a, b];
        let law: f64 = all.chunks(6).zip(&p).filter(|(row, _)| is(row)).map(|(_, p)| p).sum();
        let share = drawn.chunks(6).filter(is).count() as f64 / 6000.0;
        assert!((share - law).abs() < 5.0 * (law / 6000.0).sqrt(), "{place} {a}{b}: {share} {law}");
    }
    // A sample does not depend on the others.
    assert_eq!(network.autoregressive_samples(&rows(4, 3)).unwrap(), drawn[..18]);
    let masked = train(&data, &small(&data, 1), &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(masked.autoregressive_samples(&rows(4, 3)).unwrap_err().to_string().contains("not autoregressive"));
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

/// Noise without a mask, as a recipe and an exact density have it.
fn unmasked(data: &Dataset) -> [(TokenNoise, Noise); 2] {
    let recipe = Recipe::of_tokens_with(data, TokenNoise::Prior, Budget::Steps(1)).unwrap();
    let network = Trainer::new(data, &recipe).unwrap().network().unwrap();
    let prior = network.metadata().data.tokens.as_ref().unwrap().space.noise().clone();
    [(TokenNoise::Uniform, Noise::Uniform), (TokenNoise::Prior, prior)]
}

fn small_with(data: &Dataset, noise: TokenNoise, steps: u64) -> Recipe {
    let mut recipe = Recipe::of_tokens_with(data, noise, Budget::Steps(steps)).unwrap();
    if let NetworkSpec::Sequence(config) = &mut recipe.network {
        (config.width, config.depth, config.heads) = (16, 2, 2);
    }
    (recipe.batch, recipe.ema) = (64, 0.98);
    recipe
}

#[test]
fn a_prior_is_the_frequencies_of_the_letters() {
    let chain = Chain::example(3, 6, Noise::Masked).unwrap();
    let data = chain_data(&chain, 0, 100);
    let [_, (_, noise)] = unmasked(&data);
    let tokens = data.read_tokens(&(0..100).collect::<Vec<_>>()).unwrap();
    let count = |letter: u32| tokens.iter().filter(|own| **own == letter).count() as f64;
    let want: Vec<f64> = (0..3).map(|letter| (count(letter) + 0.5) / 601.5).collect();
    assert_eq!(noise, Noise::Prior(want));
}

/// Frequencies of the sequences of a plan's samples.
fn law(plan: &Plan, model: &dyn Denoiser) -> Vec<f64> {
    let mut law = vec![0.0; 729];
    for tokens in plan.run(model, &rows(2, 4000)).unwrap().chunks(6) {
        law[tokens.iter().fold(0, |index, letter| 3 * index + *letter as usize)] += 1.0 / 4000.0;
    }
    law
}

fn total_variation(a: &[f64], b: &[f64]) -> f64 {
    0.5 * a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>()
}

#[test]
fn a_chain_is_learned_under_noise_without_a_mask() {
    let chain = Chain::example(3, 6, Noise::Masked).unwrap();
    let data = chain_data(&chain, 0, 20_000);
    let ids = rows(9, 2000);
    let held_out = chain.sample(&ids);
    let own: f64 = held_out.chunks(6).map(|tokens| -chain.log_probability(tokens)).sum::<f64>() / 2000.0;
    for (noise, of_chain) in unmasked(&data) {
        let network = train(&data, &small_with(&data, noise, 2500), &mut |_| ControlFlow::Continue(())).unwrap();
        let model = network.tokens().unwrap();
        let exact = Chain::example(3, 6, of_chain).unwrap();
        assert_eq!(model.space(), exact.space());
        let models: [&dyn Denoiser; 2] = [&model, &exact];
        let [found, least] = models.map(|model| likelihood::bound(model, &held_out, &ids, 8).unwrap());
        // The bound of the chain is −log p on average. Both bounds have the same noise, so their
        // difference, KL(p‖q), is known better than either.
        assert!((least.nats - own).abs() < 4.0 * least.standard_error, "{noise:?}: {least:?} {own}");
        let excess = found.nats - least.nats;
        assert!((-0.02..0.15).contains(&excess), "{noise:?}: {found:?} {least:?}");
        // The last hundred losses of 64 rows have an error of 5/√6400 nats a row, and the raw
        // weights that of their own noise.
        let last = 6.0 * network.metadata().training.final_loss;
        assert!((last - own).abs() < 0.3, "{noise:?}: {last} {own}");
        // Samples differ from those of the chain by at most √(KL/2), Pinsker's inequality, beyond
        // what 4000 samples and 16 steps cost both.
        let plan = sampler::ancestral(model.space(), &sampler::even(16)).unwrap();
        let truth = langevin_discrete::exact::probabilities(&exact).unwrap();
        let [drawn, floor] = models.map(|model| total_variation(&law(&plan, model), &truth));
        assert!(drawn < floor + (0.5 * excess.max(0.0)).sqrt() + 0.02, "{noise:?}: {drawn} {floor}");
        // The network read as its posterior has the same samples.
        let read = ReadAs::new(&model, Parameterization::Posterior);
        let few = rows(3, 200);
        assert_eq!(plan.run(&read, &few).unwrap(), plan.run(&model, &few).unwrap());
    }
}

#[test]
fn noise_without_a_mask_resumes_and_is_stored() {
    let data = Dataset::names().head(300);
    for noise in [TokenNoise::Uniform, TokenNoise::Prior] {
        let recipe = small_with(&data, noise, 12);
        let mut whole = Trainer::new(&data, &recipe).unwrap();
        let mut first = Trainer::new(&data, &recipe).unwrap();
        for _ in 0..5 {
            first.step().unwrap();
        }
        let mut second = Trainer::resume(&data, &first.state().unwrap()).unwrap();
        while !whole.is_done() {
            whole.step().unwrap();
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| {
            while !second.is_done() {
                second.step().unwrap();
            }
        });
        assert_eq!(second.state_without_time().unwrap(), whole.state_without_time().unwrap());
        // A network that predicts nothing has the loss of equal letters.
        let progress = whole.progress();
        assert!((progress.nothing - 27_f64.ln()).abs() < 0.5, "{}", progress.nothing);
        let network = whole.network().unwrap();
        let read = Network::from_bytes(&network.to_bytes().unwrap()).unwrap();
        assert_eq!(read.metadata(), network.metadata());
        let [a, b] = [&network, &read].map(|network| {
            let (model, ids) = (network.tokens().unwrap(), rows(0, 2));
            model.predict(&[3; 24], &langevin::Query::new(langevin_discrete::level(0.0), &ids)).unwrap()
        });
        assert_eq!(a, b);
        // Fine-tuning on other data keeps the noise of the model.
        let more = Dataset::names().head(100);
        let tuned = Trainer::from_network(&more, &Recipe::of(&network, Budget::Steps(1)), &network).unwrap();
        assert_eq!(tuned.network().unwrap().metadata().data.tokens, network.metadata().data.tokens);
        let other = chain_data(&Chain::example(3, 12, Noise::Masked).unwrap(), 0, 10);
        let error = Trainer::from_network(&other, tuned.recipe(), &network).err().unwrap().to_string();
        assert!(error.contains("letters"), "{error}");
    }
}

#[test]
fn recipes_of_noise_without_a_mask_are_checked() {
    let names = Dataset::names().head(100);
    let refused = |noise: TokenNoise, change: fn(&mut Recipe), words: &str| {
        let mut recipe = small_with(&names, noise, 3);
        change(&mut recipe);
        let error = Trainer::new(&names, &recipe).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(TokenNoise::Uniform, |recipe| recipe.tokens = Some(TokenNoise::Masked), "letters 28");
    refused(TokenNoise::Masked, |recipe| recipe.tokens = Some(TokenNoise::Uniform), "letters 27");
    refused(TokenNoise::Uniform, causal, "causal");
    refused(TokenNoise::Uniform, |recipe| recipe.prior = Some(vec![1.0 / 27.0; 27]), "prior");
    refused(TokenNoise::Prior, |recipe| recipe.prior = Some(vec![0.5; 2]), "27 positive");
}

#[test]
fn classes_condition_tokens_and_guidance_sharpens_them() {
    // Independent letters: the first with probability 0.9 in one class and 0.1 in the other.
    let vocabulary = Vocabulary::new(TokenKind::Chars, ["a", "b"].map(String::from).into(), None).unwrap();
    let labels: Vec<u32> = (0..2000).map(|row| row % 2).collect();
    let mut u = vec![0.0; 4];
    let letters = rows(5, 2000).into_iter().zip(&labels).flat_map(|(row, label)| {
        langevin::noise::fill_uniforms(row, 0, &mut u);
        u.iter().map(|u| u32::from(*u < 0.1) ^ *label).collect::<Vec<u32>>()
    });
    let data = Dataset::of_tokens("two coins", letters.collect(), 4, vocabulary).unwrap();
    let data = data.labeled(labels.clone(), vec!["heads".into(), "tails".into()]).unwrap();
    for noise in [TokenNoise::Masked, TokenNoise::Uniform] {
        let mut recipe = small_with(&data, noise, 500);
        if let NetworkSpec::Sequence(config) = &mut recipe.network {
            config.classes = 2;
        }
        recipe.label_dropout = 0.2;
        let mut network = train(&data, &recipe, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(network.classes(), ["heads", "tails"]);
        let share = |network: &Network, request: &str| {
            let model = network.tokens().unwrap();
            let plan = request.parse::<Request>().unwrap().plan(model.space()).unwrap();
            let tokens = plan.run(&model, &rows(1, 1000)).unwrap();
            tokens.iter().filter(|letter| **letter == 0).count() as f64 / 4000.0
        };
        // Without labels the letters are those of either class.
        let either = share(&network, "sampler=ancestral steps=8");
        assert!((either - 0.5).abs() < 0.06, "{noise:?}: {either}");
        network.set_labels(vec![0]).unwrap();
        let [plain, guided] =
            ["", " guidance=2"].map(|guidance| share(&network, &format!("sampler=ancestral steps=8{guidance}")));
        // The deviation of 4000 letters is 0.005.
        assert!((plain - 0.9).abs() < 0.03, "{noise:?}: {plain}");
        assert!(guided > plain + 0.02, "{noise:?}: {guided} {plain}");
        network.set_labels(vec![1]).unwrap();
        let other = share(&network, "sampler=ancestral steps=8");
        assert!((other - 0.1).abs() < 0.03, "{noise:?}: {other}");
        assert!(network.set_labels(vec![2]).is_err());
        // A row's class follows from its index.
        network.set_labels(vec![0, 1]).unwrap();
        let mixed = share(&network, "sampler=ancestral steps=8");
        assert!((mixed - 0.5).abs() < 0.03, "{noise:?}: {mixed}");
    }
}

#[test]
fn batches_fit_the_length_in_a_first_training_and_in_fine_tuning() {
    let data = chain_data(&Chain::example(3, 64, Noise::Masked).unwrap(), 0, 60);
    let recipe = Recipe::of_tokens(&data, Budget::Steps(1)).unwrap();
    let network = Trainer::new(&data, &recipe).unwrap().network().unwrap();
    assert_eq!([recipe.batch, Recipe::of(&network, Budget::Steps(1)).batch], [48, 48]);
}
