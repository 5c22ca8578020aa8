use super::*;
use crate::nn::kernels::check;
use crate::train::Budget;
use langevin_analysis::exact::{Gaussian, Mixture};
use langevin_theory::duality::{LinearVae, Truth, autoencoder};

fn on(_: &VaeProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Returns draws of N(0, 0.7).
fn gaussian(rows: usize) -> Dataset {
    let ids: Vec<SampleId> = (0..rows as u64).map(|index| SampleId { seed: 9, index }).collect();
    let mut values = vec![0.0; rows];
    fill_normals(&ids, 0, 1, &mut values);
    values.iter_mut().for_each(|x| *x *= 0.7f32.sqrt());
    Dataset::new("gaussian", values, &[1]).unwrap()
}

fn truth(variance: f64) -> Truth {
    let component = Gaussian::isotropic(vec![0.0], variance).unwrap();
    Truth::new(Mixture::new(vec![1.0], vec![component]).unwrap()).unwrap()
}

/// Returns an autoencoder whose perceptrons are set by hand to linear maps.
fn linear(model: &LinearVae) -> Vae {
    let config = VaeConfig::new(1, 0);
    // out = (x·1)·(weight, 0) + (0, o), where 9 tanh(o/9) is the log-variance.
    let half = |weight: f64, variance: f64| {
        let most = f64::from(MOST);
        let out = most * (variance.ln() / most).atanh();
        vec![1.0, 0.0, weight as f32, 0.0, 0.0, out as f32]
    };
    Vae {
        config,
        normalization: Normalization::identity(),
        encoder: half(model.encoder_weight, model.encoder_variance),
        decoder: half(model.decoder_weight, model.decoder_variance),
        steps: 0,
        loss: 0.0,
    }
}

#[test]
fn a_network_with_the_exact_weights_has_no_gaps() {
    let exact = LinearVae::exact(0.7, 0.35).unwrap();
    let terms = autoencoder(&truth(0.7), &linear(&exact)).unwrap();
    // The weights are in single precision. The gaps are therefore squares of 10⁻⁷. The bound is off
    // by a little more, because it is not stationary in the log-variances alone.
    for gap in [terms.excess(), terms.divergence, terms.posterior_gap, terms.prior_gap] {
        assert!(gap.abs() < 1e-6, "{terms:?}");
    }
    let wrong = LinearVae { encoder_weight: 0.4, decoder_variance: 0.2, ..exact };
    let (found, closed) = (autoencoder(&truth(0.7), &linear(&wrong)).unwrap(), wrong.terms(0.7).unwrap());
    for (a, b) in [
        (found.bound, closed.bound),
        (found.divergence, closed.divergence),
        (found.posterior_gap, closed.posterior_gap),
        (found.prior_gap, closed.prior_gap),
    ] {
        assert!((a - b).abs() < 1e-5 && b > 0.01, "{a} against {b}");
    }
    assert!(found.residual < 1e-5);
}

/// Checks that the minimised loss, averaged over many draws, equals the bound computed by
/// quadrature.
#[test]
fn the_loss_is_the_bound() {
    let model = LinearVae { encoder_weight: 0.4, decoder_variance: 0.2, ..LinearVae::exact(0.7, 0.35).unwrap() };
    let vae = linear(&model);
    let rows = 20_000;
    let data = gaussian(rows);
    let ids: Vec<SampleId> = (0..rows as u64).map(|index| SampleId { seed: 1, index }).collect();
    let mut noise = vec![0.0; rows];
    fill_normals(&ids, 1, 1, &mut noise);
    let (half, weights) = (vae.config.half(), [vae.encoder, vae.decoder].concat());
    let losses: Vec<f64> = (data.values().unwrap().iter().zip(&noise))
        .map(|(x, e)| negative_elbo(&half, &weights, &[*x], &[*e], &mut [0.0; 12]).unwrap())
        .collect();
    let mean = losses.iter().sum::<f64>() / rows as f64;
    let error = (losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / rows as f64 / rows as f64).sqrt();
    let bound = model.terms(0.7).unwrap().bound;
    assert!((mean - bound).abs() < 4.0 * error && error < 0.03, "{mean} ± {error} against {bound}");
}

#[test]
fn the_loss_has_its_gradient() {
    let half = VaeConfig::new(6, 1).half();
    let weights = [half.init(1), half.init(2)].concat();
    let weights: Vec<f32> = weights.iter().map(|w| 0.05 + w.clamp(-0.8, 0.8)).collect();
    let ([x, noise], mut own) = ([1, 2].map(|i| check::normals(11, i)), vec![0.0; weights.len()]);
    negative_elbo(&half, &weights, &x, &noise, &mut own).unwrap();
    check::gradient("weights", &weights, &own, 5e-3, |weights| {
        negative_elbo(&half, weights, &x, &noise, &mut vec![0.0; weights.len()]).unwrap()
    });
}

#[test]
fn training_finds_a_gaussian_and_repeats_itself() {
    let data = gaussian(4096);
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(300));
    recipe.batch = 128;
    recipe.ema = 0.98;
    let config = VaeConfig::new(16, 1);
    let runs = [0, 0, 1].map(|seed| {
        recipe.seed = seed;
        train_vae(&data, &recipe, config, &mut on).unwrap()
    });
    let bounds = runs.each_ref().map(|vae| {
        let map = vae.normalization();
        autoencoder(&truth(0.7).seen_as(map.shift[0], map.scale[0]).unwrap(), vae).unwrap()
    });
    assert_eq!(bounds[0], bounds[1]);
    assert!(bounds[0] != bounds[2]);
    for terms in &bounds {
        // The model can represent the Gaussian without using the latent. The remainder comes from
        // training and from using 4,096 data: 10⁻³.
        assert!(terms.excess() > 0.0 && terms.excess() < 0.05, "{terms:?}");
        assert!(terms.residual < 1e-5 && terms.grid_error < 1e-5, "{terms:?}");
    }
}

#[test]
fn threads_and_stops_change_no_bit() {
    let data = gaussian(512);
    let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(12));
    let config = VaeConfig::new(8, 1);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train_vae(&data, &recipe, config, &mut on).unwrap()).encode(&[0.3, -1.0]).unwrap()
    };
    assert_eq!(with(1), with(3));
    let stopped = train_vae(&data, &recipe, config, &mut |progress| match progress.step {
        5 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert_eq!(stopped.unwrap().steps(), 5);
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(2));
    let plane = Dataset::new("plane", vec![0.0; 4], &[2]).unwrap();
    assert!(train_vae(&plane, &recipe, VaeConfig::new(8, 1), &mut on).unwrap_err().is_data());
    let line = gaussian(8);
    assert!(train_vae(&line, &recipe, VaeConfig::new(0, 1), &mut on).unwrap_err().is_argument());
    let never = Recipe { budget: Budget::Steps(0), ..recipe.clone() };
    assert!(train_vae(&line, &never, VaeConfig::new(8, 1), &mut on).unwrap_err().is_argument());
    let wild = Recipe { learning_rate: 1e30, clip: f64::INFINITY, warmup: 0, budget: Budget::Steps(50), ..recipe };
    assert!(train_vae(&line, &wild, VaeConfig::new(8, 1), &mut on).unwrap_err().is_diverged());
}

#[test]
fn sizes_are_matched() {
    for wanted in [1, 500, 11_601, 60_000] {
        let config = VaeConfig::matching(wanted, 2);
        let off = |width: usize| VaeConfig::new(width, 2).parameters().abs_diff(wanted);
        assert!(config.width == 1 || off(config.width) <= off(config.width - 1).min(off(config.width + 1)));
        // 4w² + 12w + 4.
        assert_eq!(config.parameters(), 4 * config.width * config.width + 12 * config.width + 4);
    }
}
