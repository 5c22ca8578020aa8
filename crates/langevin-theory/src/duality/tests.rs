#![allow(clippy::unwrap_used)]

use super::chain::Density as ModelDensity;
use super::*;
use langevin::model::{At, Model, Query};
use langevin_analysis::exact::{Gaussian, two_gaussians};
use langevin_analysis::likelihood::{chain_excess, path_integral};
use langevin_analysis::metrics::Estimate;
use nalgebra::DMatrix;

fn gaussian(c: f64) -> Truth {
    Truth::new(Mixture::new(vec![1.0], vec![Gaussian::isotropic(vec![0.0], c).unwrap()]).unwrap()).unwrap()
}

fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a} against {b}");
}

#[test]
fn the_exact_linear_autoencoder_has_no_gaps() {
    for (c, v) in [(0.7, 0.35), (0.7, 0.01), (3.0, 2.9)] {
        let terms = LinearVae::exact(c, v).unwrap().terms(c).unwrap();
        for gap in [terms.excess(), terms.divergence, terms.posterior_gap, terms.prior_gap, terms.residual] {
            // Several sums of numbers of size 1, divided by v.
            close(gap, 0.0, 1e-15 / v);
        }
        close(terms.bound, 0.5 * (std::f64::consts::TAU * std::f64::consts::E * c).ln(), 1e-15 / v);
    }
    for v in [0.0, 0.7, -1.0, f64::NAN] {
        assert!(LinearVae::exact(0.7, v).unwrap_err().is_argument());
    }
}

/// Wrong in every weight: each closed form against its own quadrature, and the identity between
/// them.
#[test]
fn the_quadrature_of_an_autoencoder_is_its_closed_form() {
    let c = 0.7;
    let wrong = LinearVae { decoder_weight: 0.8, decoder_variance: 0.2, encoder_weight: 0.6, encoder_variance: 0.3 };
    for model in [LinearVae::exact(c, 0.35).unwrap(), wrong, LinearVae { encoder_variance: 2e-4, ..wrong }] {
        let exact = model.terms(c).unwrap();
        assert!(exact.residual < 1e-13, "{exact:?}");
        let found = autoencoder(&gaussian(c), &model).unwrap();
        // Every integrand is a bell times a polynomial, so the sums are exact up to rounding of
        // terms up to 10³ (the narrow encoder's).
        for (a, b) in [
            (found.entropy, exact.entropy),
            (found.bound, exact.bound),
            (found.divergence, exact.divergence),
            (found.posterior_gap, exact.posterior_gap),
            (found.prior_gap, exact.prior_gap),
        ] {
            close(a, b, 1e-11);
        }
        assert!(found.residual < 1e-11 && found.grid_error < 1e-11, "{found:?}");
        assert!(found.prior_gap <= found.excess() + 1e-12);
    }
}

/// A nonlinear decoder and encoder: no closed form, but the identity, the order of the terms, and
/// coordinates that change nothing.
struct Bent;

impl Autoencoder for Bent {
    fn encode(&self, x: &[f64]) -> Result<Vec<Normal>> {
        Ok(x.iter().map(|x| Normal { mean: (1.3 * x).tanh(), variance: 0.02 + 0.05 * (1.0 + x.sin()) }).collect())
    }
    fn decode(&self, z: &[f64]) -> Result<Vec<Normal>> {
        Ok(z.iter().map(|z| Normal { mean: 1.5 * (2.0 * z).sin(), variance: 0.05 + 0.1 / (1.0 + z * z) }).collect())
    }
}

#[test]
fn the_identity_holds_for_any_autoencoder() {
    let truth = Truth::new(two_gaussians()).unwrap();
    let found = autoencoder(&truth, &Bent).unwrap();
    assert!(found.divergence > 0.1 && found.posterior_gap > 0.1 && found.prior_gap > 0.1, "{found:?}");
    assert!(found.prior_gap < found.excess());
    assert!(found.residual < 1e-9 && found.grid_error < 1e-8, "{found:?}");
}

#[test]
fn coordinates_change_nothing() {
    let truth = gaussian(0.7);
    let seen = truth.seen_as(0.4, 0.5).unwrap();
    close(seen.entropy(), truth.entropy(), 1e-12);
    // N(−0.8, 2.8) in its own coordinates: the same chain with levels twice as large.
    let model = Gaussian::isotropic(vec![0.0], 0.7).unwrap();
    let own = Gaussian::isotropic(vec![-0.8], 2.8).unwrap();
    let lambdas = even_levels(8).unwrap();
    let shifted: Vec<f64> = lambdas.iter().map(|lambda| lambda - 2f64.ln()).collect();
    let (a, b) = (chain(&truth, &model, &lambdas).unwrap(), chain(&seen, &own, &shifted).unwrap());
    // The starts differ, because both have mean 0: this contributes 0.4²/(2·99.5²).
    close(a.bound, b.bound - 0.16 / 2.0 * (-9.2f64).exp(), 1e-9);
    close(a.divergence, b.divergence, 1e-4);
    let standard = seen.standardized().unwrap();
    close(standard.exact().components()[0].eigenvalues()[0], 1.0, 1e-12);
    close(standard.exact().mean()[0], 0.0, 1e-12);
    close(standard.entropy(), truth.entropy(), 1e-12);
    assert!(truth.seen_as(0.0, 0.0).is_err() && truth.seen_as(f64::NAN, 1.0).is_err());
}

#[test]
fn the_chain_on_a_gaussian_is_the_analysis() {
    let c = 0.7;
    let truth = gaussian(c);
    let model = Gaussian::isotropic(vec![0.0], c).unwrap();
    let known =
        [(4, 64.75, 0.7456), (8, 10.58, 0.3060), (16, 3.337, 0.08116), (32, 1.360, 0.02056), (64, 0.618, 0.00516)];
    for (steps, excess, divergence) in known {
        let lambdas = even_levels(steps).unwrap();
        let exact = gaussian_chain(c, &lambdas).unwrap();
        // The reference digits are known to three or four places; start and end add up to 7·10⁻⁵.
        close(exact.excess() / excess, 1.0, 1e-3);
        // Those digits compare the chain's last state with data of variance 0.7001. Here the last
        // step adds 10⁻⁴ to the model instead. With ∂KL/∂c = ½(1/v − 1/c) and ∂KL/∂v = ½(1/v −
        // c/v²) at v = 0.61 this is 2.3·10⁻⁵ of the last figure, 0.5 %. The digits are known to 0.1
        // %.
        close(exact.divergence / divergence, 1.0, 6e-3);
        let found = chain(&truth, &model, &lambdas).unwrap();
        close(found.entropy, exact.entropy, 1e-11);
        close(found.bound, exact.bound, 1e-9);
        close(found.divergence, exact.divergence, 1e-9);
        close(found.prior_gap, exact.prior_gap, 1e-11);
        assert!(found.grid_error < 1e-9, "{found:?}");
        let density = ModelDensity::of_model(&truth, &model, &lambdas).unwrap();
        // The cut-off is e^{−200}; rounding is about 10⁻¹⁶ in each of up to 64 steps.
        close(density.mass(), 1.0, 1e-12);
    }
}

/// The bound and the gap of two steps on a Gaussian, from the joint covariance of all variables.
#[test]
fn the_chains_gap_is_that_of_the_joint_gaussians() {
    let c = 0.7;
    let lambdas = [-1.0, 0.3, 1.5];
    let y: Vec<f64> = lambdas.iter().map(|l: &f64| (-l).exp()).collect();
    // x, z₂, z₁, z₀ of the data: noise is added.
    let mut data = DMatrix::from_element(4, 4, c);
    for i in 1..4 {
        for j in 1..4 {
            data[(i, j)] += y[3 - i.max(j).min(3)].min(y[3 - i]).min(y[3 - j]).powi(2);
        }
    }
    // The model: z₀, then each state from the one before, then x.
    let mut map = DMatrix::<f64>::zeros(4, 4);
    let mut noise = DMatrix::<f64>::zeros(4, 4);
    noise[(3, 3)] = y[0] * y[0];
    for step in 0..2 {
        let (s2, t2) = (y[step] * y[step], y[step + 1] * y[step + 1]);
        let a = t2 / s2;
        map[(2 - step, 3 - step)] = a + (1.0 - a) * c / (c + s2);
        noise[(2 - step, 2 - step)] = t2 * (1.0 - a);
    }
    map[(0, 1)] = 1.0;
    noise[(0, 0)] = y[2] * y[2];
    let solve = (DMatrix::identity(4, 4) - map).try_inverse().unwrap();
    let model = &solve * noise * solve.transpose();
    let kl = |p: &DMatrix<f64>, q: &DMatrix<f64>| {
        let n = p.nrows() as f64;
        0.5 * ((q.clone().try_inverse().unwrap() * p).trace() - n + (q.determinant() / p.determinant()).ln())
    };
    let part = |m: &DMatrix<f64>, i: usize| m.view((i, i), (1, 1)).into_owned();
    let exact = gaussian_chain(c, &lambdas).unwrap();
    close(exact.excess(), kl(&data, &model), 1e-12);
    close(exact.divergence, kl(&part(&data, 0), &part(&model, 0)), 1e-12);
    close(exact.posterior_gap, kl(&data, &model) - kl(&part(&data, 0), &part(&model, 0)), 1e-12);
    close(exact.prior_gap, kl(&part(&data, 3), &part(&model, 3)), 1e-12);
}

#[test]
fn more_layers_are_a_tighter_bound() {
    let truth = Truth::new(two_gaussians()).unwrap();
    let found = layers(&truth, &[4, 8, 16, 32]).unwrap();
    for (layers, (even, best)) in found.iter().zip([(68.77, 14.5), (10.50, 4.23), (3.287, 1.66), (1.340, 0.744)]) {
        // Three digits; start, end and infinitely many steps are 3·10⁻⁴ above the entropy.
        close(layers.even.excess() / even, 1.0, 2e-3);
        close(layers.best.excess() / best, 1.0, 5e-3);
        for terms in [&layers.even, &layers.best] {
            assert!(terms.divergence > 0.0 && terms.posterior_gap > 0.0 && terms.grid_error < 1e-6, "{terms:?}");
            assert!(terms.prior_gap < 1e-6);
        }
    }
    let endless = endless(&truth, truth.exact(), -LAMBDA, LAMBDA).unwrap();
    close(endless, 1.18345, 6e-6);
    let chain = chain_excess(&|l| truth.line.mmse(l), &even_levels(16).unwrap()).unwrap();
    close(found[2].even.bound, endless + chain, 1e-12);
}

/// A denoiser that is wrong by a constant adds ½ ΔSNR times its square to each step.
struct Off(f64);

impl Model<Vec<f64>> for Off {
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let At::One(level) = query.at else { unreachable!() };
        Ok(x.iter().map(|z| 0.7 * z / (0.7 + level.sigma * level.sigma) + self.0).collect())
    }
}

#[test]
fn a_wrong_denoiser_costs_its_square() {
    let truth = gaussian(0.7);
    let lambdas = even_levels(16).unwrap();
    let (exact, wrong) = (gaussian_chain(0.7, &lambdas).unwrap(), chain(&truth, &Off(0.05), &lambdas).unwrap());
    close(wrong.bound - exact.bound, 0.5 * 0.0025 * (9.2f64.exp() - (-9.2f64).exp()), 1e-8);
    // The mean is off by 0.05, and by its remainder on the way; the variance is unchanged.
    assert!(wrong.divergence > exact.divergence && wrong.divergence < wrong.excess());
    let spread = path_integral(&|_| 0.0025, -LAMBDA, LAMBDA);
    close(
        super::endless(&truth, &Off(0.05), -LAMBDA, LAMBDA).unwrap()
            - super::endless(&truth, &Off(0.0), -LAMBDA, LAMBDA).unwrap(),
        spread,
        1e-8,
    );
}

/// A model that fails.
struct Fails;

impl Model<Vec<f64>> for Fails {
    fn predict(&self, _: &Vec<f64>, _: &Query<'_>) -> Result<Vec<f64>> {
        Err(Error::shape("no"))
    }
}

impl Autoencoder for Fails {
    fn encode(&self, x: &[f64]) -> Result<Vec<Normal>> {
        Ok(vec![Normal { mean: 0.0, variance: 1e-8 }; x.len()])
    }
    fn decode(&self, _: &[f64]) -> Result<Vec<Normal>> {
        Ok(vec![])
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let truth = gaussian(0.7);
    assert!(chain(&truth, &Fails, &[-1.0, 1.0]).unwrap_err().is_shape());
    assert!(endless(&truth, &Fails, -1.0, 1.0).unwrap_err().is_shape());
    assert!(chain(&truth, &Off(0.0), &[1.0, -1.0]).unwrap_err().is_argument());
    assert!(chain(&truth, &Off(0.0), &[1.0]).unwrap_err().is_argument());
    assert!(chain(&truth, &Off(f64::NAN), &[-1.0, 1.0]).is_err());
    assert!(even_levels(0).is_err() && even_levels(MAX_STEPS + 1).is_err());
    assert!(layers(&truth, &[0]).is_err());
    assert!(autoencoder(&truth, &Fails).unwrap_err().to_string().contains("narrower"));
    let plane = Mixture::new(vec![1.0], vec![Gaussian::isotropic(vec![0.0; 2], 1.0).unwrap()]).unwrap();
    assert!(Truth::new(plane).unwrap_err().is_shape());
    let point = Mixture::new(vec![1.0], vec![Gaussian::isotropic(vec![0.0], 0.0).unwrap()]).unwrap();
    assert!(Truth::new(point).is_err());
}

#[test]
fn means_are_compared_by_their_errors() {
    let (low, high) = (Estimate::of(&[1.0, 1.1, 0.9]), Estimate::of(&[1.2, 1.3, 1.4]));
    assert!(low.is_below(&high) && !high.is_below(&low));
    assert!(!Estimate::of(&[1.0]).is_below(&high));
}
