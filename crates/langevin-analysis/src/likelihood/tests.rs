#![allow(clippy::unwrap_used)]

use super::*;
use crate::exact::{self, DataSet, Density, Gaussian};
use langevin::noise::SampleId;
use langevin::objective::TimeDensity;
use langevin::process::ve;

fn ids(count: u64) -> Vec<SampleId> {
    (0..count).map(|index| SampleId { seed: 5, index }).collect()
}

fn range(min: f64, max: f64) -> LambdaRange {
    LambdaRange::from_sigma_ve(min, max).unwrap()
}

/// The path from p_{y_min} to p_{y_max} with the exact denoiser: only the solver contributes an
/// error, with a tolerance of 1e-10 per step over a few hundred steps.
#[test]
fn the_density_of_the_ode_is_the_density() {
    let (low, high) = (0.01, 50.0);
    for name in exact::NAMES {
        let data = exact::named(name).unwrap();
        let (dim, rows) = (data.dim(), ids(6));
        let x = data.sample(&rows);
        let ode = Ode::new(range(low, high)).with_tolerance(1e-10);
        let found = ode.encode(&*data, &x, dim, &rows).unwrap();
        for (i, (x, z)) in x.chunks(dim).zip(found.state.chunks(dim)).enumerate() {
            let got = data.log_density(z, &ve(high)) + found.log_volume[i];
            let exact = data.log_density(x, &ve(low));
            assert!((got - exact).abs() < 1e-6, "{name}: {got} against {exact}");
        }
        assert_eq!(found.errors, [0.0; 6]);
        assert_eq!(found.products, dim * found.evaluations);
    }
}

/// N(0, c), starting from N(0, y²) in place of N(0, c + y²): the map is z_T = x √((c + y_T²)/(c +
/// y_0²)), all in closed form.
#[test]
fn a_gaussian_in_closed_form_the_wrong_start_included() {
    let (c, low, high): (f64, f64, f64) = (0.7, 0.1, 3.0);
    let data = Gaussian::isotropic(vec![0.0; 2], c).unwrap();
    let rows = ids(3);
    let x = data.sample(&rows);
    let found = Ode::new(range(low, high)).with_tolerance(1e-11).run(&data, &x, 2, &rows).unwrap();
    let grow = ((c + high * high) / (c + low * low)).sqrt();
    for (x, nats) in x.chunks(2).zip(&found.nats) {
        let z: Vec<f64> = x.iter().map(|x| grow * x).collect();
        let exact = -log_normal(z.iter().map(|z| z * z).sum(), 2, high * high) - 2.0 * grow.ln();
        assert!((nats - exact).abs() < 1e-9, "{nats} against {exact}");
    }
    assert_eq!(found.kind, Kind::Density);
}

#[test]
fn probes_estimate_the_trace_and_say_how_well() {
    let data = Gaussian::new(vec![0.0; 3], &[2.0, 0.9, 0.0, 0.9, 1.0, -0.5, 0.0, -0.5, 0.6]).unwrap();
    let rows = ids(200);
    let x = data.sample(&rows);
    let ode = Ode::new(range(0.05, 20.0)).with_tolerance(1e-7);
    let exact = ode.run(&data, &x, 3, &rows).unwrap();
    let found = ode.with_divergence(Divergence::Hutchinson(8)).run(&data, &x, 3, &rows).unwrap();
    // 200 squares of nearly normal numbers over their own estimates have the mean 1, within about a
    // tenth.
    let square = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>();
    let off: Vec<f64> = found.nats.iter().zip(&exact.nats).map(|(a, b)| a - b).collect();
    let ratio = square(&off) / square(&found.errors);
    assert!((0.6..1.6).contains(&ratio), "{ratio}");
    // Random signs leave the diagonal unchanged, so for a diagonal Jacobian one probe is exact.
    let round = Gaussian::isotropic(vec![0.0; 3], 1.3).unwrap();
    let both = [Divergence::Exact, Divergence::Hutchinson(1)]
        .map(|divergence| ode.with_divergence(divergence).run(&round, &x[..30], 3, &rows[..10]).unwrap());
    for (a, b) in both[0].nats.iter().zip(&both[1].nats) {
        assert!((a - b).abs() < 1e-9);
    }
}

#[test]
fn a_datum_does_not_depend_on_its_company() {
    let data = exact::named("moons").unwrap();
    let rows = ids(7);
    let x = data.sample(&rows);
    let ode = Ode::new(range(0.01, 30.0)).with_divergence(Divergence::Hutchinson(2));
    let bound = Bound::new(range(0.01, 30.0), 16);
    let together = (ode.run(&*data, &x, 2, &rows).unwrap(), bound.run(&*data, &x, 2, &rows).unwrap());
    for i in 0..7 {
        let (x, row) = (&x[2 * i..2 * i + 2], &rows[i..=i]);
        assert_eq!(ode.run(&*data, x, 2, row).unwrap().nats[0], together.0.nats[i]);
        assert_eq!(bound.run(&*data, x, 2, row).unwrap().nats[0], together.1.nats[i]);
    }
}

/// On Gaussian data everything is an integral: prior + ½ ln((1 + c·SNR_max)/(1 + c·SNR_min)) + last
/// step, in the mean over the data.
#[test]
fn the_bound_is_its_closed_form_from_any_levels() {
    let (c, low, high): (f64, f64, f64) = (0.7, 0.05, 30.0);
    let data = Gaussian::isotropic(vec![0.0], c).unwrap();
    let rows = ids(4000);
    let x = data.sample(&rows);
    let snr = |y: f64| 1.0 / (y * y);
    let path = 0.5 * ((1.0 + c * snr(low)).ln() - (1.0 + c * snr(high)).ln());
    let prior = x.iter().map(|x| x * x).sum::<f64>() / 4000.0 / (2.0 * high * high);
    let exact = prior + path + 0.5 * ((std::f64::consts::TAU).ln() + 1.0) + low.ln();
    for times in [
        TimeDensity::UniformLambda,
        TimeDensity::LogNormalSigma { mean: -1.0, std: 2.0 },
        TimeDensity::parse("logit-normal:0,2").unwrap(),
    ] {
        let found = Bound::new(range(low, high), 24).with_times(times.clone()).run(&data, &x, 1, &rows).unwrap();
        let (mean, se) = (found.mean(), found.standard_error());
        assert!((mean - exact).abs() < 4.0 * se && se < 0.03, "{}: {mean} ± {se} against {exact}", times.name());
        // The error of each datum covers it: the spread of the mean computed from these errors is
        // not above the total spread.
        let own = (found.errors.iter().map(|e| e * e).sum::<f64>() / 4000.0).sqrt() / 4000f64.sqrt();
        assert!(own > 0.3 * se && own < 1.5 * se, "{own} {se}");
    }
}

/// −log p ≤ bound in the mean, with the known difference: 1.18345 against an entropy of 1.18314
/// (theory; quadrature).
#[test]
fn the_bound_is_above_the_density() {
    let data = exact::named("mixture").unwrap();
    let mmse = |lambda: f64| exact_mmse(&*data, lambda);
    let path = path_integral(&mmse, -4.6, 4.6);
    assert!((path - 4.36440).abs() < 1e-5, "{path}");
    let second = 0.3 * (4.0 + 0.09) + 0.7 * (1.0 + 0.25);
    let prior = 0.5 * second * (-9.2f64).exp();
    let last = 0.5 * ((std::f64::consts::TAU).ln() + 1.0) - 4.6;
    assert!((prior - 0.00011).abs() < 5e-6 && (last + 3.18106).abs() < 1e-5);
    let rows = ids(3000);
    let x = data.sample(&rows);
    let bound = Bound::new(LambdaRange { min: -4.6, max: 4.6 }, 64).run(&*data, &x, 1, &rows).unwrap();
    let total = path + prior + last;
    assert!((bound.mean() - total).abs() < 4.0 * bound.standard_error());
    let ode = Ode::new(LambdaRange { min: -4.6, max: 4.6 }).run(&*data, &x[..200], 1, &rows[..200]).unwrap();
    // On the same data the difference of the two is positive, up to the noise of the bound.
    let of_same = Estimate::of(&bound.nats[..200]).mean - ode.mean();
    let noise = (bound.errors[..200].iter().map(|e| e * e).sum::<f64>()).sqrt() / 200.0;
    assert!(of_same > -3.0 * noise, "{of_same} ± {noise}");
}

/// mmse on the line, σ²/α ∫ p_t ∂D/∂x dx in z, by Gauss–Legendre on panels much narrower than any
/// component.
fn exact_mmse(data: &dyn Density, lambda: f64) -> f64 {
    let y = (-lambda).exp();
    let (nodes, weights) = langevin::math::gauss_legendre(8);
    let reach = 8.0 * (1.0 + y);
    let panels = ((2.0 * reach / (0.1 * (0.3f64.hypot(y)))) as usize).max(64);
    let width = 2.0 * reach / panels as f64;
    let mut total = 0.0;
    for panel in 0..panels {
        for (node, weight) in nodes.iter().zip(&weights) {
            let z = -reach + width * (panel as f64 + 0.5 + 0.5 * node);
            let (mut d, mut slope) = ([0.0], [0.0]);
            data.denoise_along(&[z], langevin::model::At::One(ve(y)), &[1.0], &mut d, &mut slope).unwrap();
            total += 0.5 * width * weight * data.log_density(&[z], &ve(y)).exp() * y * y * slope[0];
        }
    }
    total
}

/// The figures of the theory: N(0, 0.7) and the mixture, λ ± 4.6.
#[test]
fn chains_cost_what_they_cost() {
    let c = 0.7;
    let gaussian = |l: f64| c / (1.0 + c * (2.0 * l).exp());
    let even = |n: usize| -> Vec<f64> { (0..=n).map(|i| -4.6 + 9.2 * i as f64 / n as f64).collect() };
    for (n, excess) in [(4, 64.75), (8, 10.58), (16, 3.337), (32, 1.360), (64, 0.618)] {
        let found = chain_excess(&gaussian, &even(n)).unwrap();
        assert!((found / excess - 1.0).abs() < 1e-3, "{n}: {found}");
    }
    let data = exact::named("mixture").unwrap();
    let mixture = |l: f64| exact_mmse(&*data, l);
    for (n, excess) in [(4, 68.77), (8, 10.50), (16, 3.287), (32, 1.340)] {
        let found = chain_excess(&mixture, &even(n)).unwrap();
        assert!((found / excess - 1.0).abs() < 1e-3, "{n}: {found}");
    }
    // 92 cells in place of the theory's 920: the best chain on a coarser grid is only slightly
    // worse.
    let best = optimal_chain(&gaussian, -4.6, 4.6, 8, 92).unwrap();
    assert_eq!(best.len(), 9);
    assert!(chain_excess(&gaussian, &best).unwrap() < 0.5 * chain_excess(&gaussian, &even(8)).unwrap());
    // No chain with one cell moved is better.
    let least = chain_excess(&gaussian, &best).unwrap();
    for i in 1..8 {
        for by in [-0.1, 0.1] {
            let mut other = best.clone();
            other[i] += by;
            assert!(
                chain_excess(&gaussian, &other).is_err() || chain_excess(&gaussian, &other).unwrap() >= least - 1e-12
            );
        }
    }
    assert!(optimal_chain(&gaussian, -4.6, 4.6, 5, 4).is_err());
    assert!(chain_bound(&gaussian, &[1.0, 0.0]).is_err());
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0).unwrap();
    let rows = ids(1);
    let ode = Ode::new(range(0.01, 10.0));
    let bound = Bound::new(range(0.01, 10.0), 4);
    let wrong: [(&[f64], usize, &[SampleId]); 4] =
        [(&[], 2, &[]), (&[1.0], 2, &rows), (&[f64::NAN, 0.0], 2, &rows), (&[1.0], 0, &rows)];
    for (x, dim, rows) in wrong {
        assert!(ode.run(&data, x, dim, rows).is_err());
        assert!(bound.run(&data, x, dim, rows).is_err());
    }
    // The model rejects rows of another width.
    assert!(ode.run(&data, &[1.0, 2.0, 3.0], 3, &rows).unwrap_err().is_shape());
    let x = [0.5, 0.5];
    assert!(ode.with_tolerance(0.0).run(&data, &x, 2, &rows).is_err());
    assert!(ode.with_divergence(Divergence::Hutchinson(0)).run(&data, &x, 2, &rows).unwrap_err().hint().is_some());
    assert!(Bound::new(range(0.01, 10.0), 0).run(&data, &x, 2, &rows).is_err());
    assert!(Divergence::parse("hutchison:3").unwrap_err().hint().is_some());
    // The steps of a data set become small where its points separate.
    let points = DataSet::new(vec![-1.0, 0.0, 1.0, 0.0], 2).unwrap();
    let mut few = ode;
    few.attempts = 3;
    assert!(few.run(&points, &x, 2, &rows).unwrap_err().to_string().contains("too small"));
}

/// The control's own bound needs no draw: −log p ≤ prior + ∫ + last step in closed form. Its
/// estimate therefore has no noise at all.
#[test]
fn a_control_takes_the_noise_and_leaves_the_mean() {
    let gaussian = Gaussian::new(vec![0.5, -0.25], &[1.0, 0.6, 0.6, 0.5]).unwrap();
    let rows = ids(400);
    let x = gaussian.sample(&rows);
    let plain = Bound::new(range(0.01, 50.0), 32);
    let found = plain.clone().with_control(gaussian.clone()).run(&gaussian, &x, 2, &rows).unwrap();
    assert!(found.errors.iter().all(|error| *error == 0.0));
    // Compared with a quadrature over ln y of (u(x−m)² + c²)/(c+u)² along both axes, by the
    // trapezoidal rule with 4,000 points of a smooth integrand.
    let mut along = [0.0; 2];
    gaussian.coordinates(&x[..2], 1.0, &mut along);
    let integrand = |l: f64| -> f64 {
        let u = (2.0 * l).exp();
        along.iter().zip(gaussian.eigenvalues()).map(|(x, c)| (u * x * x + c * c) / (c + u).powi(2)).sum()
    };
    let (a, b) = (0.01_f64.ln(), 50.0_f64.ln());
    let h = (b - a) / 4000.0;
    let middle: f64 = (1..4000).map(|i| integrand(a + h * f64::from(i))).sum();
    let path = h * (middle + 0.5 * (integrand(a) + integrand(b)));
    let prior = 0.5 * (x[0] * x[0] + x[1] * x[1]) / 2500.0;
    let last = (std::f64::consts::TAU.ln() + 1.0) + 2.0 * 0.01_f64.ln();
    assert!((found.nats[0] - (prior + path + last)).abs() < 1e-5);
    // On other data the mean stays, within the noise of the plain estimate. The noise per datum
    // falls by a fifth at least.
    let moons = exact::named("moons").unwrap();
    let x = moons.sample(&rows);
    let control = Gaussian::fit(&x, 2).unwrap();
    let plain_found = plain.run(&*moons, &x, 2, &rows).unwrap();
    let found = plain.clone().with_control(control).run(&*moons, &x, 2, &rows).unwrap();
    let noise = plain_found.errors.iter().map(|e| e * e).sum::<f64>().sqrt() / 400.0;
    assert!((found.mean() - plain_found.mean()).abs() < 4.0 * noise);
    let square = |of: &Likelihood| of.errors.iter().map(|e| e * e).sum::<f64>();
    assert!(square(&found) < 0.64 * square(&plain_found), "{} of {}", square(&found), square(&plain_found));
    assert!(plain.with_control(Gaussian::isotropic(vec![0.0], 1.0).unwrap()).run(&*moons, &x, 2, &rows).is_err());
}
