//! Training: it learns, repeats, stops, and rejects invalid settings.
#![allow(clippy::unwrap_used)]

use langevin::objective::{TimeDensity, Weight};
use langevin::{Formulation, Level, Model, Objective, Prediction, Process, Query, ReadAs, SampleId, SliceSpace};
use langevin_train::{Budget, Coupling, Dataset, MlpConfig, Network, Normalization, Recipe, Trainer, train};
use std::ops::ControlFlow;
use std::time::Duration;

/// Returns `rows` draws of a normal with these means and standard deviations.
fn gaussian(rows: usize, mean: &[f64], std: &[f64]) -> Dataset {
    let ids: Vec<SampleId> = (0..rows as u64).map(|index| SampleId { seed: 5, index }).collect();
    let mut values = vec![0.0f32; rows * mean.len()];
    langevin::noise::fill_normals(&ids, 0, mean.len(), &mut values);
    for (i, value) in values.iter_mut().enumerate() {
        let j = i % mean.len();
        *value = (mean[j] + std[j] * f64::from(*value)) as f32;
    }
    Dataset::new("gaussian", values, &[mean.len()]).unwrap()
}

fn quick(formulation: Formulation, steps: u64) -> Recipe {
    let mut recipe = Recipe::new(formulation, Budget::Steps(steps));
    recipe.network = MlpConfig::new(32, 1).into();
    recipe.batch = 128;
    recipe.learning_rate = 3e-3;
    recipe.warmup = 20;
    recipe.ema = 0.98;
    recipe
}

fn go(data: &Dataset, recipe: &Recipe) -> Network {
    train(data, recipe, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Returns D at `level` of the network's own process for normalised states.
fn denoised(network: &Network, level: Level, x: &[f64]) -> Vec<f64> {
    let width = network.width();
    let ids: Vec<SampleId> = (0..(x.len() / width) as u64).map(|index| SampleId { seed: 0, index }).collect();
    let to = Formulation::new(network.formulation().process.clone(), Prediction::X0);
    ReadAs::new(network, to, SliceSpace::<f64>::new(width)).predict(&x.to_vec(), &Query::new(level, &ids)).unwrap()
}

/// Returns two columns with correlation 0.8, and different means and scales.
fn correlated(rows: usize) -> Dataset {
    let plain = gaussian(rows, &[0.0, 0.0], &[1.0, 1.0]);
    let pair = |z: &[f32]| [1.0 + 2.0 * z[0], -3.0 + 0.5 * (0.8 * z[0] + 0.6 * z[1])];
    Dataset::new("correlated", plain.values().unwrap().chunks(2).flat_map(pair).collect(), &[2]).unwrap()
}

/// Returns the mean over a square of (D − exact)².
///
/// D of N(0, C) is Σ αc/(α²c+σ²) ⟨e, x⟩ e over the eigenpairs of C: 1.8, (1, 1)/√2 and 0.2, (1,
/// −1)/√2.
fn error_of_d(network: &Network, sigma_ve: f64) -> f64 {
    let level = network.formulation().process.level_at_sigma_ve(sigma_ve).unwrap();
    let (alpha, sigma) = (level.alpha, level.sigma);
    let gain = |c: f64| alpha * c / (alpha * alpha * c + sigma * sigma);
    let noised = |c: f64| (alpha * alpha * c + sigma * sigma).sqrt();
    let mut x = Vec::new();
    let mut exact = Vec::new();
    for i in 0..64 {
        // An eight by eight grid within two standard deviations.
        let (p, q) = (f64::from(i % 8) / 2.0 - 1.75, f64::from(i / 8) / 2.0 - 1.75);
        let (p, q) = (p * noised(1.8) / 2f64.sqrt(), q * noised(0.2) / 2f64.sqrt());
        x.extend([p + q, p - q]);
        let (p, q) = (p * gain(1.8), q * gain(0.2));
        exact.extend([p + q, p - q]);
    }
    let got = denoised(network, level, &x);
    exact.iter().zip(got).map(|(exact, d)| (d - exact).powi(2)).sum::<f64>() / x.len() as f64
}

/// Returns the loss of the exact denoiser on the same data.
///
/// It is the mean of w(λ) · E(ε − ε̂)² over the drawn levels. E(ε − ε̂)² is c·SNR/(1 + c·SNR) for
/// the eigenvalue c.
fn best_loss(network: &Network, weight: Weight, times: TimeDensity) -> f64 {
    let objective = Objective::new(network.formulation(), weight, times).unwrap();
    let at = |u: f64| {
        let level = objective.level(u).unwrap();
        let snr = level.sigma_ve().powi(-2);
        let error: f64 = [1.8, 0.2].iter().map(|c| c * snr / (1.0 + c * snr)).sum();
        objective.weight(&level).unwrap() * error / 2.0
    };
    (0..10_000).map(|i| at((f64::from(i) + 0.5) / 10_000.0)).sum::<f64>() / 10_000.0
}

#[test]
fn learns_the_affine_denoiser_of_a_gaussian_in_every_formulation() {
    let data = correlated(4000);
    let cases = [
        (Process::rectified_flow(), Prediction::Velocity, Weight::Plain, TimeDensity::UniformTime),
        (Process::vp_cosine(), Prediction::V, Weight::Likelihood, TimeDensity::UniformLambda),
        (Process::vp(), Prediction::Score, Weight::MinSnr { gamma: 5.0 }, TimeDensity::UniformLambda),
        (
            Process::ve(),
            Prediction::Edm { sigma_data: 1.0 },
            Weight::Plain,
            TimeDensity::LogNormalSigma { mean: -0.4, std: 1.2 },
        ),
        (Process::rectified_flow(), Prediction::X0, Weight::Plain, TimeDensity::LogitNormal { mean: 0.0, std: 1.0 }),
    ];
    for (process, prediction, weight, times) in cases {
        let what = format!("{} {}", process.name(), prediction.name());
        let mut recipe = quick(Formulation::new(process, prediction), 1000);
        (recipe.weight, recipe.times) = (weight, times.clone());
        let network = go(&data, &recipe);
        let (last, best) = (network.metadata().training.final_loss, best_loss(&network, weight, times));
        // The average over 25,600 squared errors is known to 1 %; the remainder is what a thousand
        // steps have not learned yet.
        assert!((last / best - 1.0).abs() < 0.06, "{what}: loss {last}, best {best}");
        // Without training, D is wrong by O(1) at some of these levels. A few hundred steps reduce
        // the error to a few per cent of the data's variance, 1.
        for sigma in [0.3, 1.0, 3.0] {
            let error = error_of_d(&network, sigma);
            assert!(error < 0.02, "{what}: σ {sigma}: {error}");
        }
    }
}

#[test]
fn one_dimension_one_row_and_constant_columns_train() {
    let line = Dataset::new("line", vec![-1.0, 1.0, 1.0], &[1]).unwrap();
    go(&line, &quick(Recipe::default_formulation(), 3));
    let point = Dataset::new("point", vec![4.0, 5.0], &[2]).unwrap();
    let network = go(&point, &quick(Recipe::default_formulation(), 3));
    let mut sample = vec![0.0, 0.0];
    network.denormalize(&mut sample);
    assert_eq!(sample, [4.0, 5.0]);
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_threads_and_another_seed_does_not() {
    let data = gaussian(100, &[0.0, 0.0], &[1.0, 1.0]);
    let mut recipe = quick(Recipe::default_formulation(), 12);
    // Several lanes, the last one partial.
    recipe.batch = 300;
    recipe.adaptive = true;
    recipe.dequantize = true;
    let weights = |recipe: &Recipe, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let network = pool.install(|| go(&data, recipe));
        // The description contains the elapsed seconds; the weights follow it.
        let bytes = network.to_bytes().unwrap();
        bytes[bytes.len() - 4 * network.parameters()..].to_vec()
    };
    let one = weights(&recipe, 1);
    assert_eq!(one, weights(&recipe, 1));
    assert_eq!(one, weights(&recipe, 2));
    assert_eq!(one, weights(&recipe, 3));
    // Batches are coupled in advance, one for each thread.
    recipe.coupling = Coupling::Transport;
    let coupled = weights(&recipe, 1);
    assert_ne!(coupled, one);
    assert_eq!(coupled, weights(&recipe, 3));
    recipe.coupling = Coupling::Independent;
    recipe.seed = 1;
    assert_ne!(one, weights(&recipe, 1));
}

/// With a supplied normalisation the data are not rescaled: another map gives another network, and
/// the supplied map is that of the model.
#[test]
fn a_normalization_that_is_given_is_the_models() {
    let data = gaussian(100, &[3.0, -1.0], &[0.5, 2.0]);
    let mut recipe = quick(Recipe::default_formulation(), 5);
    let fitted = go(&data, &recipe);
    recipe.normalization = Some(Normalization::identity());
    let given = go(&data, &recipe);
    assert_eq!(given.normalization(), &Normalization::identity());
    assert_ne!(given.weights(), fitted.weights());
    recipe.normalization = Some(fitted.normalization().clone());
    assert_eq!(go(&data, &recipe).weights(), fitted.weights());
    for (shift, scale) in [(vec![0.0; 3], vec![1.0; 3]), (vec![0.0], vec![0.0]), (vec![f64::NAN], vec![1.0])] {
        recipe.normalization = Some(Normalization { shift, scale });
        let error = Trainer::new(&data, &recipe).err().unwrap();
        assert!(error.is_argument() && error.to_string().contains("normalization"), "{error}");
    }
}

#[test]
fn watching_can_stop_and_take_snapshots() {
    let data = gaussian(100, &[0.0], &[1.0]);
    let mut seen = 0;
    let mut snapshot = None;
    let network = train(&data, &quick(Recipe::default_formulation(), 100), &mut |progress| {
        seen += 1;
        assert_eq!(progress.step, seen);
        assert!((progress.fraction - seen as f64 / 100.0).abs() < 1e-12 && progress.loss.is_finite());
        if progress.step == 5 {
            snapshot = Some(progress.snapshot().unwrap());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((seen, network.metadata().training.steps), (5, 5));
    let level = network.formulation().process.level(0.5).unwrap();
    assert_eq!(denoised(&network, level, &[0.3]), denoised(&snapshot.unwrap(), level, &[0.3]));
}

#[test]
fn a_time_budget_ends() {
    let data = gaussian(100, &[0.0], &[1.0]);
    let mut recipe = quick(Recipe::default_formulation(), 1);
    recipe.budget = Budget::Time(Duration::from_millis(300));
    let mut last = 0.0;
    train(&data, &recipe, &mut |progress| {
        last = progress.fraction;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(last, 1.0);
}

#[test]
fn the_loss_curve_stays_short() {
    let data = gaussian(10, &[0.0], &[1.0]);
    let mut recipe = quick(Recipe::default_formulation(), 1000);
    recipe.network = MlpConfig::new(4, 1).into();
    recipe.batch = 4;
    let network = go(&data, &recipe);
    let curve = &network.metadata().training.losses;
    assert!((200..=400).contains(&curve.len()) && curve.is_sorted_by_key(|(step, _)| *step), "{}", curve.len());
}

#[test]
fn a_network_that_has_learned_nothing_is_not_kept() {
    let data = gaussian(100, &[0.0, 0.0], &[1.0, 1.0]);
    let mut recipe = quick(Recipe::default_formulation(), 400);
    recipe.learning_rate = 1e30;
    recipe.warmup = 0;
    let error = train(&data, &recipe, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.is_diverged() && error.hint().is_some(), "{error}");
    let text = error.to_string();
    assert!(text.contains("step") && text.contains("finite"), "{text}");
    assert!(error.into_network().is_none());
}

#[test]
fn bad_recipes_are_refused_by_field() {
    let data = gaussian(10, &[0.0], &[1.0]);
    let refused = |change: &dyn Fn(&mut Recipe), field: &str| {
        let mut recipe = quick(Recipe::default_formulation(), 10);
        change(&mut recipe);
        let error = train(&data, &recipe, &mut |_| ControlFlow::Continue(())).unwrap_err();
        assert!(error.is_argument() && error.to_string().contains(field), "{error}");
    };
    refused(&|r| r.batch = 0, "batch");
    refused(&|r| r.learning_rate = f64::NAN, "learning_rate");
    refused(&|r| r.weight_decay = -1.0, "weight_decay");
    refused(&|r| r.ema = 1.0, "ema");
    refused(&|r| r.clip = 0.0, "clip");
    refused(&|r| r.budget = Budget::Steps(0), "budget");
    refused(&|r| r.budget = Budget::Time(Duration::ZERO), "budget");
    refused(&|r| (r.batch, r.coupling) = (4096, Coupling::Transport), "batch");
    refused(&|r| r.network = MlpConfig::new(0, 1).into(), "width");
    refused(&|r| r.network = MlpConfig::new(16384, 2).into(), "too large");
    let mut recipe = quick(Recipe::default_formulation(), 10);
    recipe.times = TimeDensity::LogitNormal { mean: 0.0, std: -1.0 };
    let error = train(&data, &recipe, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.core().is_some_and(langevin::Error::is_argument), "{error}");
}

/// With optimal-transport coupling, the noise of a batch lies near its data. The learned velocity
/// is then smaller and the paths are straighter. With few steps, the samples are closer to the data
/// than those of independent noise.
#[test]
fn coupled_noise_makes_straighter_paths() {
    let values: Vec<f32> =
        (0..400).flat_map(|i| [if i % 2 == 0 { -2.0 } else { 2.0 }, 0.01 * (i % 10) as f32]).collect();
    let data = Dataset::new("two", values, &[2]).unwrap();
    let loss = |coupling| {
        let mut recipe = quick(Recipe::default_formulation(), 300);
        recipe.coupling = coupling;
        let network = go(&data, &recipe);
        assert_eq!(network.metadata().training.coupling, coupling);
        assert_eq!(Network::from_bytes(&network.to_bytes().unwrap()).unwrap().metadata(), network.metadata());
        network.metadata().training.final_loss
    };
    // The remaining loss is the spread of ε − x₀ at a point, which is smaller with coupling.
    let (apart, paired) = (loss(Coupling::Independent), loss(Coupling::Transport));
    assert!(paired < 0.6 * apart, "{paired} {apart}");
}

/// Numbers that differ beyond the digits of single precision are scaled before they are rounded.
/// Columns that still lose values are reported.
#[test]
fn times_and_identifiers_keep_their_digits() {
    // Times a tenth of a second apart, counted from 1970: single precision has a spacing of 128
    // seconds there.
    let times: Vec<f64> = (0..100).map(|i| 1_795_900_000.0 + 0.1 * f64::from(i)).collect();
    let map = Normalization { shift: vec![1_795_900_005.0], scale: vec![3.0] };
    let mut narrow = vec![0.0; 100];
    map.narrow(&times, &mut narrow, 1);
    assert!(narrow.windows(2).all(|two| two[1] > two[0]));
    assert!(map.blurred(&times, 1).is_empty());
    // A hundred identifiers of sixteen digits whose last three differ, beside one far away.
    let mut ids: Vec<f64> = (0..100).map(|i| 4_000_000_000_000_000.0 + f64::from(i)).collect();
    ids[0] = 0.0;
    assert_eq!(Normalization { shift: vec![0.0], scale: vec![1e15] }.blurred(&ids, 1), [0]);
}
