//! Likelihoods of trained networks, and the effect of training options on them.
#![allow(clippy::unwrap_used)]

use langevin::objective::Weight;
use langevin::{Formulation, Model, Prediction, Process, Query, ReadAs, SampleId, SliceSpace, Vjp};
use langevin_analysis::likelihood::{Bound, Divergence, Ode};
use langevin_train::{Budget, Dataset, MlpConfig, Network, Recipe, train};
use std::ops::ControlFlow;

fn ids(count: usize) -> Vec<SampleId> {
    (0..count as u64).map(|index| SampleId { seed: 7, index }).collect()
}

fn normal(rows: usize, width: usize) -> Dataset {
    let mut values = vec![0.0f32; rows * width];
    langevin::noise::fill_normals(&ids(rows), 3, width, &mut values);
    Dataset::new("normal", values, &[width]).unwrap()
}

fn quick(steps: u64) -> Recipe {
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(steps));
    recipe.network = MlpConfig::new(32, 2).into();
    recipe.batch = 128;
    recipe.learning_rate = 3e-3;
    recipe.ema = 0.98;
    recipe
}

fn go(data: &Dataset, recipe: &Recipe) -> Network {
    train(data, recipe, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Compares products of a network with its Jacobian with differences of its outputs, in every
/// formulation it is read as.
#[test]
fn products_are_those_of_the_network() {
    let network = go(&normal(200, 3), &quick(150));
    let rows = ids(5);
    let level = network.formulation().process.level_at_sigma_ve(0.7).unwrap();
    let x: Vec<f64> = (0..15).map(|i| (i as f64 * 0.7).sin()).collect();
    let v: Vec<f64> = (0..15).map(|i| (i as f64 * 1.3).cos()).collect();
    let w: Vec<f64> = (0..15).map(|i| (i as f64 * 0.4).sin()).collect();
    let query = Query::new(level, &rows);
    let (out, products) = network.predict_vjps(&x, &query, &[v.clone(), w.clone()]).unwrap();
    assert_eq!(products[0], network.predict_vjp(&x, &query, &v).unwrap().1);
    let plain = network.predict(&x, &query).unwrap();
    for (a, b) in out.iter().zip(&plain) {
        assert!((a - b).abs() < 1e-5);
    }
    // vᵀJ·w is compared with vᵀ(out(x + hw) − out(x − hw))/2h; the error is single precision over
    // the step.
    let step = 1e-2;
    let moved = |by: f64| {
        let x: Vec<f64> = x.iter().zip(&w).map(|(x, w)| x + by * step * w).collect();
        network.predict(&x, &query).unwrap()
    };
    let (up, down) = (moved(1.0), moved(-1.0));
    for row in 0..5 {
        let span = row * 3..row * 3 + 3;
        let slope: f64 = span.clone().map(|i| v[i] * (up[i] - down[i]) / (2.0 * step)).sum();
        let product: f64 = span.map(|i| products[0][i] * w[i]).sum();
        assert!((slope - product).abs() < 2e-3 * (1.0 + slope.abs()), "{slope} {product}");
    }
    // Read as another formulation: D on VP, differentiated through the conversion.
    let to = Formulation::new(Process::vp(), Prediction::X0);
    let other = to.process.match_level(&level).unwrap();
    let read = ReadAs::new(&network, to, SliceSpace::<f64>::new(3));
    let k = level.scale_to(&other);
    let z: Vec<f64> = x.iter().map(|x| k * x).collect();
    let (_, product) = read.predict_vjp(&z, &Query::new(other, &rows), &v).unwrap();
    // D = r − s u, with r = x/k·…: ∂D/∂z = (1 − s ∂u)/k.
    for i in 0..15 {
        let own = (v[i] - level.time * products[0][i]) / k;
        assert!((product[i] - own).abs() < 1e-5 * (1.0 + own.abs()), "{} {own}", product[i]);
    }
    assert!(network.predict_vjp(&x, &query, &v[1..].to_vec()).is_err());
}

/// A network that has learned N(0, 1) well gives its likelihoods: −log p is about the entropy,
/// 1.4189 nats for each element.
#[test]
fn a_network_of_a_normal_has_its_likelihood() {
    let network = go(&normal(4000, 2), &quick(800));
    let rows = ids(400);
    let mut test = vec![0.0f32; 800];
    langevin::noise::fill_normals(&rows, 9, 2, &mut test);
    let mut x: Vec<f64> = test.iter().map(|x| f64::from(*x)).collect();
    let log_volume = network.normalization().to_model(&mut x, 2);
    let range = network.formulation().range.unwrap();
    let exact = test.iter().map(|x| 0.5 * f64::from(*x).powi(2)).sum::<f64>() / 400.0 + std::f64::consts::TAU.ln();
    let ode = Ode::new(range).run(&network, &x, 2, &rows).unwrap().rescaled(log_volume);
    let probed =
        Ode::new(range).with_divergence(Divergence::Hutchinson(4)).run(&network, &x[..100], 2, &rows[..50]).unwrap();
    let bound = Bound::new(range, 64).run(&network, &x, 2, &rows).unwrap().rescaled(log_volume);
    // The error left after 800 steps is some hundredths of a nat.
    assert!((ode.mean() - exact).abs() < 0.1, "{} {exact}", ode.mean());
    assert!((bound.mean() - exact).abs() < 0.1 + 4.0 * bound.standard_error(), "{} {exact}", bound.mean());
    // The four probes of one row may agree by chance; those of fifty rows do not.
    let off = probed.nats.iter().zip(&ode.nats).map(|(a, b)| a + log_volume - b).sum::<f64>() / 50.0;
    let noise = probed.errors.iter().map(|e| e * e).sum::<f64>().sqrt() / 50.0;
    assert!(off.abs() < 4.0 * noise + 1e-3, "{off} ± {noise}");
}

/// The learned density changes the noise of the loss but not the learned function: the losses
/// agree, and the loss varies less from step to step.
#[test]
fn a_learned_density_leaves_the_loss_and_lowers_its_noise() {
    // Data of a few points, whose errors differ strongly between levels.
    let values: Vec<f32> =
        (0..600).map(|i| [-1.5f32, -0.2, 1.1][i % 3] + 0.05 * ((i * 7919) % 97) as f32 / 97.0).collect();
    let data = Dataset::new("points", values, &[1]).unwrap();
    let spread = |adaptive: bool| {
        let mut recipe = quick(900);
        recipe.weight = Weight::Likelihood;
        recipe.stratified = false;
        recipe.adaptive = adaptive;
        let (mut before, mut losses) = (0.0, Vec::new());
        let network = train(&data, &recipe, &mut |progress| {
            // One step's loss is recovered from the smoothed ones: smooth = 0.99 before + 0.01
            // loss, both over their weights.
            let weight = |n: u64| 1.0 - 0.99f64.powi(n as i32);
            let sum = progress.loss * weight(progress.step);
            losses.push((sum - 0.99 * before) / 0.01);
            before = sum;
            ControlFlow::Continue(())
        })
        .unwrap();
        let late = &losses[500..];
        let mean = late.iter().sum::<f64>() / late.len() as f64;
        let variance = late.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / late.len() as f64;
        (mean, variance, network)
    };
    let (plain, learned) = (spread(false), spread(true));
    let se = ((plain.1 + learned.1) / 400.0).sqrt();
    // The two networks differ slightly, because they were trained on different draws.
    assert!((plain.0 - learned.0).abs() < 4.0 * se + 0.03 * plain.0, "{} {} ± {se}", plain.0, learned.0);
    assert!(learned.1 < 0.8 * plain.1, "{} {}", learned.1, plain.1);
    let record = &learned.2.metadata().training;
    assert!(record.learned.as_ref().is_some_and(|learned| learned.masses().len() == 64));
    let again = Network::from_bytes(&learned.2.to_bytes().unwrap()).unwrap();
    assert_eq!(again.metadata().training.learned, record.learned);
    assert!(plain.2.metadata().training.learned.is_none());
}

#[test]
fn uncertainty_weights_train_and_dequantised_data_are_of_their_range() {
    let values: Vec<f32> = (0..256).map(|i| (i % 4) as f32).collect();
    let data = Dataset::new("levels", values, &[2, 2]).unwrap();
    let mut recipe = quick(60);
    recipe.weight = Weight::Uncertainty;
    recipe.dequantize = true;
    let network = go(&data, &recipe);
    // Values 0 to 3 plus noise from [0, 1) span [0, 4).
    assert_eq!((network.normalization().shift[0], network.normalization().scale[0]), (2.0, 2.0));
    assert!(network.metadata().data.dequantized && network.metadata().training.final_loss.is_finite());
}
