#![allow(clippy::unwrap_used)]

use super::*;
use crate::{Process, ReadAs, SliceSpace};
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use std::f64::consts::{E, PI, TAU};

const COVARIANCE: [f64; 9] = [2.0, 0.6, -0.3, 0.6, 0.5, 0.1, -0.3, 0.1, 1.2];

fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{got} against {expected}, beyond {tolerance}");
}

fn ids(seed: u64, count: u64) -> Vec<SampleId> {
    (0..count).map(|index| SampleId { seed, index }).collect()
}

fn level(alpha: f64, sigma: f64) -> Level {
    Level { time: 0.0, alpha, sigma }
}

fn one(density: &dyn Density, x: &[f64], level: Level) -> Vec<f64> {
    let mut out = vec![f64::NAN; x.len()];
    density.denoise(x, At::One(level), &mut out).unwrap();
    out
}

fn correlated() -> Gaussian {
    Gaussian::new(vec![1.0, -2.0, 0.5], &COVARIANCE).unwrap()
}

/// Covariances of every kind: full, round, and full again.
fn mixed() -> Mixture {
    let full = |mean: [f64; 2], c: [f64; 4]| Gaussian::new(mean.to_vec(), &c).unwrap();
    let components = vec![
        full([-2.0, 0.0], [0.5, 0.3, 0.3, 0.4]),
        Gaussian::isotropic(vec![1.0, 1.5], 0.3).unwrap(),
        full([1.5, -1.0], [0.3, -0.1, -0.1, 0.9]),
    ];
    Mixture::new(vec![2.0, 5.0, 3.0], components).unwrap()
}

/// Round components of different sizes, in three dimensions.
fn bubbles() -> Mixture {
    let round = |mean: [f64; 3], variance| Gaussian::isotropic(mean.to_vec(), variance).unwrap();
    let components = vec![round([0.0, 1.0, -1.0], 0.1), round([0.5, 0.0, 0.0], 2.0), round([-1.0, 0.0, 2.0], 0.4)];
    Mixture::new(vec![0.5, 0.2, 0.3], components).unwrap()
}

fn data_set() -> DataSet {
    DataSet::new(vec![0.0, 0.0, 1.0, 2.0, -1.5, 0.3, 0.2, -2.0], 2).unwrap()
}

/// Every density of this module, with the smallest standard deviation in it.
fn all() -> Vec<(Box<dyn Density>, f64)> {
    vec![
        (Box::new(correlated()), 0.5),
        (Box::new(Gaussian::isotropic(vec![0.3, 4.0], 0.7).unwrap()), 0.8),
        (named("gaussian").unwrap(), 0.3),
        (named("mixture").unwrap(), 0.3),
        (Box::new(mixed()), 0.5),
        (Box::new(bubbles()), 0.3),
        (named("8gaussians").unwrap(), 0.35),
        (named("moons").unwrap(), 0.2),
        (Box::new(data_set()), 0.0),
    ]
}

fn processes() -> [Process; 5] {
    ["vp", "vp-linear", "vp-cosine", "ve", "rectified-flow"].map(|name| Process::parse(name).unwrap())
}

/// ∇ log p_t by central differences of fourth order.
fn gradient(density: &dyn Density, x: &[f64], level: &Level, step: f64) -> Vec<f64> {
    let at = |j: usize, by: f64| {
        let mut x = x.to_vec();
        x[j] += by;
        density.log_density(&x, level)
    };
    let slope = |j| 8.0 * (at(j, step) - at(j, -step)) - (at(j, 2.0 * step) - at(j, -2.0 * step));
    (0..x.len()).map(|j| slope(j) / (12.0 * step)).collect()
}

/// Points of p_t.
fn noised(density: &dyn Density, count: u64, level: &Level) -> Vec<f64> {
    let rows = ids(11, count);
    let mut z = vec![0.0; rows.len() * density.dim()];
    fill_normals(&rows, 0, density.dim(), &mut z);
    density.sample(&rows).iter().zip(z).map(|(x, z)| level.alpha * x + level.sigma * f64::from(z)).collect()
}

/// Tweedie's formula, αD = x + σ²∇log p_t. The step is 10⁻⁴ of the narrowest width w, so differences of log p lose 10⁻¹² of it, and the
/// gradient, in units of 1/w, is good to 10⁻⁸; near a boundary between components the fourth-order term adds up to 10⁻⁷.
fn tweedie(density: &dyn Density, std: f64, level: &Level, points: &[f64]) {
    let width = (level.alpha * std).hypot(level.sigma);
    for x in points.chunks_exact(density.dim()) {
        let gradient = gradient(density, x, level, 1e-4 * width);
        let denoised = one(density, x, *level);
        let mut score = vec![0.0; x.len()];
        density.score(x, At::One(*level), &mut score).unwrap();
        for j in 0..x.len() {
            let (variance, slack) = (level.sigma * level.sigma, 3e-7 / width);
            close(score[j], gradient[j], slack * (1.0 + width * gradient[j].abs()));
            let expected = x[j] + variance * gradient[j];
            close(
                level.alpha * denoised[j],
                expected,
                variance * slack * (1.0 + width * gradient[j].abs()) + 1e-13 * x[j].abs(),
            );
        }
    }
}

#[test]
fn denoised_is_tweedies_everywhere() {
    for (density, std) in all() {
        for process in processes() {
            for ratio in [0.1, 0.5, 1.0, 5.0, 40.0] {
                let level = process.level_at_sigma_ve(ratio).unwrap();
                tweedie(&*density, std, &level, &noised(&*density, 5, &level));
            }
        }
    }
}

#[test]
fn densities_integrate_to_one() {
    // The trapezoidal rule converges like e^(−2π²(w/step)²) on Gaussians of width w; here w ≥ 2 steps, and the box ends 8 widths out.
    let line = named("mixture").unwrap();
    for (alpha, sigma) in [(1.0, 0.0), (0.6, 0.8), (0.1, 2.0)] {
        let level = level(alpha, sigma);
        let total: f64 = (-2000..=2000).map(|i| 0.01 * line.log_density(&[0.01 * f64::from(i)], &level).exp()).sum();
        close(total, 1.0, 1e-12);
    }
    for density in [Box::new(mixed()) as Box<dyn Density>, named("moons").unwrap(), named("8gaussians").unwrap()] {
        for (alpha, sigma) in [(1.0, 0.0), (0.8, 0.3)] {
            let (mut total, mut first) = (0.0, [0.0; 2]);
            let level = level(alpha, sigma);
            for (i, j) in (-80..=80).flat_map(|i| (-80..=80).map(move |j| (i, j))) {
                let x = [0.1 * f64::from(i), 0.1 * f64::from(j)];
                let mass = 0.01 * density.log_density(&x, &level).exp();
                total += mass;
                (first[0], first[1]) = (first[0] + mass * x[0], first[1] + mass * x[1]);
            }
            close(total, 1.0, 1e-9);
            // E x_t = α E x0, and E x0 is D where α = 0.
            let mean = one(&*density, &[0.0; 2], self::level(0.0, 1.0));
            close(first[0], alpha * mean[0], 1e-8);
            close(first[1], alpha * mean[1], 1e-8);
        }
    }
}

#[test]
fn a_gaussian_is_the_direct_solve() {
    let data = correlated();
    let c = DMatrix::from_row_slice(3, 3, &COVARIANCE);
    let m = DVector::from_column_slice(data.mean());
    for (alpha, sigma) in [(1.0, 0.0), (1.0, 0.3), (0.8, 0.6), (0.01, 1.0), (0.0, 1.0), (1.0, 80.0)] {
        let w = &c * (alpha * alpha) + DMatrix::identity(3, 3) * (sigma * sigma);
        for x in noised(&data, 4, &level(alpha, sigma)).chunks_exact(3) {
            let gap = DVector::from_column_slice(x) - &m * alpha;
            let solved = w.clone().lu().solve(&gap).unwrap();
            let expected = &m + &c * &solved * alpha;
            for (got, expected) in one(&data, x, level(alpha, sigma)).iter().zip(&expected) {
                close(*got, *expected, 1e-12);
            }
            let log = -0.5 * (gap.dot(&solved) + (TAU.powi(3) * w.determinant()).ln());
            close(data.log_density(x, &level(alpha, sigma)), log, 1e-12 * log.abs().max(1.0));
        }
    }
    let trace: f64 = data.eigenvalues().iter().sum();
    close(trace, 3.7, 1e-14);
    for (j, value) in data.eigenvalues().iter().enumerate() {
        let axis = DVector::from_column_slice(data.axis(j).unwrap());
        close((&c * &axis - &axis * *value).norm(), 0.0, 1e-14);
    }
}

#[test]
fn one_component_is_a_gaussian() {
    for gaussian in [correlated(), Gaussian::isotropic(vec![1.0, 2.0, -3.0], 0.4).unwrap()] {
        let mixture = Mixture::new(vec![0.2], vec![gaussian.clone()]).unwrap();
        assert_eq!(mixture.sample(&ids(3, 5)), gaussian.sample(&ids(3, 5)));
        for level in [level(1.0, 0.0), level(0.7, 0.3), level(0.0, 1.0), level(1.0, 30.0)] {
            let x = noised(&gaussian, 4, &level);
            for (got, expected) in one(&mixture, &x, level).iter().zip(one(&gaussian, &x, level)) {
                close(*got, expected, 1e-14 * (1.0 + expected.abs()));
            }
            close(mixture.log_density(&x[..3], &level), gaussian.log_density(&x[..3], &level), 1e-13);
        }
    }
}

#[test]
fn round_covariances_are_the_same_in_both_forms() {
    // A multiple of the identity given as a matrix takes the other path through the code.
    let full = |c: &Gaussian| {
        let (dim, v) = (c.dim(), c.eigenvalues()[0]);
        let covariance: Vec<f64> = (0..dim * dim).map(|i| if i % (dim + 1) == 0 { v } else { 0.0 }).collect();
        Gaussian::new(c.mean().to_vec(), &covariance).unwrap()
    };
    for toy in [eight_gaussians(), bubbles()] {
        let same = Mixture::new(toy.weights().to_vec(), toy.components().iter().map(full).collect()).unwrap();
        for level in [level(1.0, 0.0), level(1.0, 1e-8), level(0.6, 0.8), level(0.0, 1.0), level(1.0, 1e4)] {
            let x = noised(&toy, 20, &level);
            for (a, b) in one(&toy, &x, level).iter().zip(one(&same, &x, level)) {
                close(*a, b, 1e-12);
            }
            let x = &x[..toy.dim()];
            close(toy.log_density(x, &level), same.log_density(x, &level), 1e-12);
        }
    }
}

#[test]
fn one_datum_is_always_the_answer() {
    let data = DataSet::new(vec![1.0, -2.0], 2).unwrap();
    let point = Gaussian::isotropic(vec![1.0, -2.0], 0.0).unwrap();
    for level in [level(1.0, 0.0), level(1.0, 1e-8), level(0.5, 0.5), level(0.0, 1.0), level(1.0, 1e4)] {
        for x in [[1.0, -2.0], [7.0, 7.0], [-1e6, 0.0]] {
            assert_eq!(one(&data, &x, level), [1.0, -2.0]);
            assert_eq!(one(&point, &x, level), [1.0, -2.0]);
            let (a, b) = (data.log_density(&x, &level), point.log_density(&x, &level));
            assert!(a == b || (a - b).abs() < 1e-14 * a.abs(), "{a} {b} {x:?} {level:?}");
        }
    }
    assert_eq!(data.log_density(&[1.0, -2.0], &level(1.0, 0.0)), f64::INFINITY);
    assert_eq!(data.log_density(&[1.0, -2.1], &level(1.0, 0.0)), f64::NEG_INFINITY);
}

#[test]
fn a_data_set_is_the_mixture_of_its_points() {
    let data = data_set();
    let points = data.values().chunks_exact(2).map(|row| Gaussian::isotropic(row.to_vec(), 0.0).unwrap()).collect();
    let mixture = Mixture::new(vec![1.0; data.rows()], points).unwrap();
    for level in [level(1.0, 0.0), level(1.0, 1e-3), level(0.5, 0.5), level(0.0, 1.0), level(1.0, 80.0)] {
        let x: Vec<f64> = noised(&data, 20, &level).iter().map(|x| x + 1e-4).collect();
        for (a, b) in one(&data, &x, level).iter().zip(one(&mixture, &x, level)) {
            close(*a, b, 1e-12);
        }
        let (a, b) = (data.log_density(&x[..2], &level), mixture.log_density(&x[..2], &level));
        assert!(a == b || (a - b).abs() < 1e-12 * a.abs().max(1.0), "{a} {b}");
    }
    // Two rows equally near.
    assert_eq!(one(&data, &[0.5, 1.0], level(1.0, 0.0)), [0.5, 1.0]);
}

#[test]
fn entropies_are_the_stated_ones() {
    // Estimates from samples elsewhere say 2.825 and 2.392, ± 0.008.
    for (name, floor, estimate) in [("8gaussians", 2.8319, 2.825), ("moons", 2.3939, 2.392)] {
        let data = named(name).unwrap();
        let clean = level(1.0, 0.0);
        // −∫ p ln p on a grid of half a width.
        let mut entropy = 0.0;
        for (i, j) in (-60..=60).flat_map(|i| (-60..=60).map(move |j| (i, j))) {
            let log = data.log_density(&[0.1 * f64::from(i), 0.1 * f64::from(j)], &clean);
            entropy -= 0.01 * log.exp() * log;
        }
        close(entropy, floor, 5e-5);
        close(entropy, estimate, 0.008);
        let count = 20_000;
        let logs: Vec<f64> = data.sample(&ids(5, count)).chunks_exact(2).map(|x| data.log_density(x, &clean)).collect();
        let mean = logs.iter().sum::<f64>() / count as f64;
        let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1) as f64;
        let error = (variance / count as f64).sqrt();
        println!("{name}: by quadrature {entropy:.5}, by samples {:.4} ± {error:.4}", -mean);
        close(-mean, entropy, 4.0 * error);
    }
    // Closed form for one Gaussian: ½ ln det(2πe C) = E[−log p], and E of the squared distance is the dimension.
    let data = correlated();
    let determinant = DMatrix::from_row_slice(3, 3, &COVARIANCE).determinant();
    let at_mean = -data.log_density(data.mean(), &level(1.0, 0.0));
    close(at_mean + 1.5, 0.5 * ((TAU * E).powi(3) * determinant).ln(), 1e-13);
}

#[test]
fn moons_are_the_integral_over_the_angle() {
    // The midpoint rule with 4,000 angles: its error is (π/4000)²/24 times a second derivative below 10³ of p's own size.
    let data = moons();
    for (x, y) in [(1.0, -0.2), (-1.0, 1.8), (0.3, 0.9), (2.9, 0.5), (-3.2, -0.4), (0.0, 0.0)] {
        let mut p = 0.0;
        for i in 0..4000 {
            let theta = PI * (f64::from(i) + 0.5) / 4000.0;
            let (sin, cos) = theta.sin_cos();
            for centre in [[2.0 * cos - 1.0, 2.0 * sin - 0.2], [2.0 * (1.0 - cos) - 1.0, 2.0 * (0.5 - sin) - 0.2]] {
                let square = (x - centre[0]).powi(2) + (y - centre[1]).powi(2);
                p += 0.5 / 4000.0 * (-square / 0.08).exp() / (TAU * 0.04);
            }
        }
        let got = data.log_density(&[x, y], &level(1.0, 0.0)).exp();
        close(got / p, 1.0, 1e-4);
    }
}

#[test]
fn fewer_nodes_on_the_moons_change_nothing() {
    let (data, fine) = (moons(), toys::moons_of(400));
    // Just above every change of the number of nodes, where it is coarsest: √(1 + (σ/0.2α)²) = 1, 2, 4, 8, 16.
    for ratio in [0.0, 0.34, 0.3465, 0.775, 1.5875, 3.194, 10.0, 1e4] {
        for scale in [1.0, 0.01] {
            let level = level(scale, scale * ratio);
            let mut x = noised(&data, 200, &level);
            // And well outside of both.
            x.extend([5.0, 1.0, -4.0, -3.0, 0.0, 6.0].map(|x| scale * x * (1.0 + ratio)));
            for (got, expected) in one(&data, &x, level).iter().zip(one(&fine, &x, level)) {
                close(*got, expected, 1e-12);
            }
            for x in x.chunks_exact(2) {
                close(
                    data.log_density(x, &level),
                    fine.log_density(x, &level),
                    2e-13 * (1.0 + fine.log_density(x, &level).abs()),
                );
            }
        }
    }
}

#[test]
fn quadrature_is_exact_for_polynomials() {
    for n in [1, 2, 3, 7, 20, 200] {
        let (nodes, weights) = toys::gauss_legendre(n);
        assert!(nodes.is_sorted());
        for power in (0..2 * n as i32).take(60) {
            let sum: f64 = nodes.iter().zip(&weights).map(|(x, w)| w * x.powi(power)).sum();
            close(sum, if power % 2 == 0 { 2.0 / f64::from(power + 1) } else { 0.0 }, 2e-14);
        }
    }
    // The textbook's two nodes.
    close(toys::gauss_legendre(2).0[1], 1.0 / 3.0_f64.sqrt(), 1e-15);
}

#[test]
fn samples_have_the_mean_and_the_covariance() {
    let count = 20_000;
    for (density, _) in all() {
        let dim = density.dim();
        let x = density.sample(&ids(17, count));
        let mean = one(&*density, &vec![0.0; dim], level(0.0, 1.0));
        // D = m + αC(x − αm)/σ² + O(α³) for any density of mean m and covariance C: from pure noise backwards.
        let alpha = 1e-4;
        for i in 0..dim {
            let slope: Vec<f64> = (0..dim)
                .map(|j| {
                    let at = |by: f64| {
                        let mut x: Vec<f64> = mean.iter().map(|m| alpha * m).collect();
                        x[j] += by;
                        one(&*density, &x, level(alpha, 1.0))[i]
                    };
                    (at(0.5) - at(-0.5)) / alpha
                })
                .collect();
            let gap = |row: &[f64], i: usize| row[i] - mean[i];
            let average = |f: &dyn Fn(&[f64]) -> f64| {
                let values: Vec<f64> = x.chunks_exact(dim).map(f).collect();
                let mean = values.iter().sum::<f64>() / count as f64;
                let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count as f64;
                (mean, (variance / count as f64).sqrt())
            };
            let (first, error) = average(&|row| gap(row, i));
            close(first, 0.0, 4.5 * error);
            for (j, slope) in slope.iter().enumerate().take(i + 1) {
                let (second, error) = average(&|row| gap(row, i) * gap(row, j));
                close(second, *slope, 4.5 * error + 1e-6);
            }
        }
    }
    // And one of them against the numbers it was made of.
    close(one(&moons(), &[0.0; 2], level(0.0, 1.0))[0], 0.0, 1e-13);
    close(one(&moons(), &[0.0; 2], level(0.0, 1.0))[1], 0.3, 1e-13);
}

#[test]
fn a_sample_depends_on_its_own_address() {
    for (density, _) in all() {
        let rows = ids(4, 50);
        let dim = density.dim();
        let whole = density.sample(&rows);
        assert_eq!(density.sample(&rows[20..23]), whole[20 * dim..23 * dim], "{}", density.name());
        assert!(density.sample(&[]).is_empty());
    }
    // Not the noise of a plan's first draw.
    let unit = Gaussian::isotropic(vec![0.0], 1.0).unwrap();
    let mut z = [0.0; 3];
    fill_normals(&ids(4, 3), 0, 1, &mut z);
    assert!(unit.sample(&ids(4, 3)).iter().zip(z).all(|(x, z)| *x != f64::from(z)));
}

#[test]
fn both_corners_are_finite_and_right() {
    for (density, std) in all() {
        let dim = density.dim();
        let mean = one(&*density, &vec![0.0; dim], level(0.0, 1.0));
        // Nothing of the state is left in D at α = 0.
        for far in [-3.0, 1e6] {
            for (got, mean) in one(&*density, &vec![far; dim], level(0.0, 2.0)).iter().zip(&mean) {
                close(*got, *mean, 1e-14);
            }
        }
        for alpha in [1.0, 0.3] {
            // D = x/α: on the data for the set of points, anywhere for the others.
            let x: Vec<f64> = density.sample(&ids(8, 3)).iter().map(|x| alpha * x).collect();
            for (got, x) in one(&*density, &x, level(alpha, 0.0)).iter().zip(&x) {
                close(*got, x / alpha, 1e-14 * (1.0 + x.abs() / alpha));
            }
            if std > 0.0 {
                let far = vec![5.0; dim];
                close(one(&*density, &far, level(alpha, 0.0))[0], 5.0 / alpha, 1e-13);
            }
        }
    }
}

#[test]
fn extreme_noise_is_finite() {
    for (density, _) in all() {
        for (alpha, sigma) in [(1.0, 1e-8), (1.0, 1e4), (1.0, 1e-160), (1e-8, 1.0), (1.0, 1e-3), (1e-160, 1.0)] {
            let level = level(alpha, sigma);
            let dim = density.dim();
            let mut x = noised(&*density, 20, &level);
            x.extend(vec![1e6; dim]);
            x.extend(vec![0.0; dim]);
            let denoised = one(&*density, &x, level);
            assert!(denoised.iter().all(|d| d.is_finite()), "{} {level:?}", density.name());
            let mut score = vec![0.0; x.len()];
            density.score(&x, At::One(level), &mut score).unwrap();
            // A score of a set of points is of size 1/σ, and may be out of range at 10⁻¹⁶⁰.
            if sigma > 1e-100 {
                assert!(score.iter().all(|s| s.is_finite()), "{} {level:?}", density.name());
                assert!(density.log_density(&x[..dim], &level).is_finite());
            }
            if sigma == 1e-8 {
                // The noise is the only thing taken away, and it is tiny.
                for (d, x) in denoised.iter().zip(&x[..20 * dim]) {
                    close(*d, *x, 1e-6);
                }
            }
        }
    }
}

#[test]
fn every_row_has_its_own_level() {
    for (density, _) in all() {
        let dim = density.dim();
        let levels = [level(1.0, 0.0), level(1.0, 0.0), level(0.6, 0.8), level(0.0, 1.0), level(1.0, 40.0)];
        let x = noised(&*density, 5, &level(0.8, 0.6));
        let (mut whole, mut score) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        density.denoise(&x, At::PerRow(&levels), &mut whole).unwrap();
        density.score(&x, At::PerRow(&levels), &mut score).unwrap();
        for (row, level) in levels.iter().enumerate() {
            let span = row * dim..(row + 1) * dim;
            assert_eq!(whole[span.clone()], one(&*density, &x[span.clone()], *level), "{}", density.name());
            for j in span {
                let expected = -(x[j] - level.alpha * whole[j]) / (level.sigma * level.sigma);
                if level.sigma > 0.0 {
                    close(score[j], expected, 1e-13 * (1.0 + x[j].abs()));
                }
            }
        }
    }
}

#[test]
fn a_density_is_a_model() {
    let level = Process::vp().level(1.0).unwrap();
    for (density, _) in all() {
        let rows = ids(1, 4);
        let x = noised(&*density, 4, &level);
        let query = Query::new(level, &rows);
        let narrow: Vec<f32> = x.iter().map(|x| *x as f32).collect();
        let wide: Vec<f64> = density.predict(&x, &query).unwrap();
        assert_eq!(wide, one(&*density, &x, level));
        assert!(Model::<Vec<f64>>::formulation(&density).is_none());
        let from_narrow: Vec<f64> = narrow.iter().map(|x| f64::from(*x)).collect();
        let expected: Vec<f32> = one(&*density, &from_narrow, level).iter().map(|d| *d as f32).collect();
        assert_eq!((*density).predict(&narrow, &query).unwrap(), expected);
        assert!(density.predict(&x[1..].to_vec(), &query).unwrap_err().is_shape());
        let one_level = [level];
        let per_row = Query { at: At::PerRow(&one_level), ..query };
        assert!(density.predict(&x, &per_row).unwrap_err().is_shape());
    }
    // A boxed density goes wherever a model goes.
    let data = named("moons").unwrap();
    let formulation = crate::Formulation::new(Process::vp(), crate::Prediction::Epsilon);
    let network = ReadAs::new(&data, formulation, SliceSpace::<f64>::new(2));
    let x = vec![0.5, -0.5];
    let noise = network.predict(&x, &Query::new(level, &ids(1, 1))).unwrap();
    let denoised = one(&*data, &x, level);
    close(level.alpha * denoised[1] + level.sigma * noise[1], -0.5, 1e-14);
}

#[test]
fn names_are_known() {
    for name in NAMES {
        assert_eq!(named(name).unwrap().name(), name);
    }
    let error = named("8gausians").err().unwrap();
    assert_eq!(error.hint(), Some("did you mean '8gaussians'?"));
    assert!(error.is_unknown_name() && error.to_string().contains("gaussian, mixture, moons, 8gaussians"));
}

#[test]
fn what_is_no_density_is_refused() {
    let round = |mean: &[f64], variance| Gaussian::isotropic(mean.to_vec(), variance);
    assert!(round(&[], 1.0).unwrap_err().is_shape());
    assert!(round(&[f64::NAN], 1.0).unwrap_err().is_argument());
    for variance in [-1e-9, f64::NAN, f64::INFINITY] {
        assert!(round(&[0.0], variance).unwrap_err().is_argument());
    }
    let full = |c: &[f64]| Gaussian::new(vec![0.0, 0.0], c);
    assert!(full(&[1.0, 0.0, 1.0]).unwrap_err().is_shape());
    assert!(full(&[1.0, 0.5, 0.4, 1.0]).unwrap_err().to_string().contains("symmetric"));
    assert!(full(&[1.0, 2.0, 2.0, 1.0]).unwrap_err().to_string().contains("semi-definite"));
    assert!(full(&[1.0, f64::INFINITY, f64::INFINITY, 1.0]).unwrap_err().is_argument());
    // Singular is allowed: a line in the plane, whose denoised predictions stay on it.
    let line = full(&[1.0, 2.0, 2.0, 4.0]).unwrap();
    for sigma in [0.0, 0.5] {
        let d = one(&line, &[3.0, -1.0], level(1.0, sigma));
        close(d[1], 2.0 * d[0], 1e-7);
    }
    let unit = || round(&[0.0], 1.0).unwrap();
    for (weights, components) in [
        (vec![], vec![]),
        (vec![1.0], vec![unit(), unit()]),
        (vec![1.0, 1.0], vec![unit(), round(&[0.0, 0.0], 1.0).unwrap()]),
    ] {
        assert!(Mixture::new(weights, components).unwrap_err().is_shape());
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-320] {
        assert!(Mixture::new(vec![bad, 1e10], vec![unit(), unit()]).unwrap_err().is_argument());
    }
    assert!(DataSet::new(vec![], 2).unwrap_err().is_shape());
    assert!(DataSet::new(vec![0.0; 3], 2).unwrap_err().is_shape());
    assert!(DataSet::new(vec![0.0; 3], 0).unwrap_err().is_shape());
    assert!(DataSet::new(vec![0.0, f64::NAN], 1).unwrap_err().to_string().contains("row 1, element 0"));
    assert!(unit().log_density(&[0.0, 1.0], &level(1.0, 1.0)).is_nan());
    let mut out = [0.0; 3];
    assert!(unit().denoise(&[0.0; 2], At::One(level(1.0, 1.0)), &mut out).unwrap_err().is_shape());
    assert!(data_set().denoise(&[0.0; 3], At::One(level(1.0, 1.0)), &mut out).unwrap_err().is_shape());
}

proptest! {
    #[test]
    fn any_mixture_obeys_tweedie(
        parts in prop::collection::vec((0.1..1.0_f64, -2.0..2.0_f64, -2.0..2.0_f64, 0.1..1.0_f64, 0.1..1.0_f64, -0.9..0.9_f64), 1..4),
        angle in 0.1..1.5_f64,
        x in -3.0..3.0_f64,
        y in -3.0..3.0_f64,
    ) {
        let component = |&(_, mx, my, a, b, r): &(f64, f64, f64, f64, f64, f64)| {
            let off = r * (a * b).sqrt();
            Gaussian::new(vec![mx, my], &[a, off, off, b]).unwrap()
        };
        let data = Mixture::new(parts.iter().map(|p| p.0).collect(), parts.iter().map(component).collect()).unwrap();
        tweedie(&data, 0.1, &level(angle.cos(), angle.sin()), &[x, y]);
    }

    #[test]
    fn a_denoised_datum_lies_among_the_data(
        values in prop::collection::vec(-5.0..5.0_f64, 1..12),
        x in -20.0..20.0_f64,
        alpha in 0.0..1.0_f64,
        log_sigma in -20.0..5.0_f64,
    ) {
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        let data = DataSet::new(values, 1).unwrap();
        let d = one(&data, &[x], level(alpha, log_sigma.exp()))[0];
        prop_assert!(low - 1e-14 <= d && d <= high + 1e-14, "{low} {d} {high}");
    }

    #[test]
    fn the_same_place_on_another_process_has_the_same_denoised(
        which in 0..9_usize,
        ratio in 0.01..50.0_f64,
        index: u64,
    ) {
        // x_B = k x_A at equal λ: D is one number, whatever the clock.
        let (density, _) = &all()[which];
        let x0 = density.sample(&[SampleId { seed: 2, index }]);
        let noise = density.sample(&[SampleId { seed: 3, index }]);
        let denoised = processes().map(|process| {
            let level = process.level_at_sigma_ve(ratio).unwrap();
            let x: Vec<f64> = x0.iter().zip(&noise).map(|(x, z)| level.alpha * x + level.sigma * z).collect();
            one(&**density, &x, level)
        });
        for other in &denoised[1..] {
            for (a, b) in denoised[0].iter().zip(other) {
                // A component's log-weight moves by 10⁻¹⁵ (x/σ)², which is below 10⁷ here.
                prop_assert!((a - b).abs() < 1e-8, "{a} {b}");
            }
        }
    }
}

/// The Jacobian by central differences of D, of fourth order; D is of the size of the data, and its rounding over the step is 10⁻¹², as in `tweedie`.
#[test]
fn products_are_those_of_the_jacobian() {
    for (density, std) in all() {
        for ratio in [0.1, 0.5, 1.0, 5.0, 40.0] {
            let level = Process::rectified_flow().level_at_sigma_ve(ratio).unwrap();
            let dim = density.dim();
            let x = noised(&*density, 8, &level);
            let tangent: Vec<f64> = (0..x.len()).map(|i| ((i * i) as f64).sin()).collect();
            let (mut out, mut product) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            density.denoise_along(&x, At::One(level), &tangent, &mut out, &mut product).unwrap();
            let width = (level.alpha * std).hypot(level.sigma);
            let step = 1e-3 * width;
            let moved = |by: f64| {
                let x: Vec<f64> = x.iter().zip(&tangent).map(|(x, v)| x + by * step * v).collect();
                one(&*density, &x, level)
            };
            let near = moved(1.0).iter().zip(moved(-1.0)).map(|(a, b)| a - b).collect::<Vec<_>>();
            let far = moved(2.0).iter().zip(moved(-2.0)).map(|(a, b)| a - b).collect::<Vec<_>>();
            let plain = one(&*density, &x, level);
            for i in 0..x.len() {
                close(out[i], plain[i], 1e-12 * (1.0 + plain[i].abs()));
                let slope = (8.0 * near[i] - far[i]) / (12.0 * step);
                // The posterior covariance may be as large as α/σ² times the square of the data's extent.
                let size = 1.0 + 25.0 * level.alpha / (level.sigma * level.sigma);
                close(product[i], slope, 1e-8 * size);
            }
            assert!(density.denoise_along(&x, At::One(level), &tangent[dim..], &mut out, &mut product).is_err());
        }
    }
}

#[test]
fn a_model_read_as_another_is_differentiated_through() {
    let data = named("8gaussians").unwrap();
    let flow = crate::Formulation::new(Process::rectified_flow(), crate::Prediction::Velocity);
    let model = ReadAs::new(&*data, flow.clone(), SliceSpace::<f64>::new(2));
    let level = flow.process.level(0.4).unwrap();
    let (x, v, rows) = (vec![0.7, -1.1], vec![0.3, 0.9], ids(0, 1));
    let query = Query::new(level, &rows);
    let (out, product) = model.predict_vjp(&x, &query, &v).unwrap();
    // D is found in another order there.
    let plain = model.predict(&x, &query).unwrap();
    close(out[0], plain[0], 1e-13);
    close(out[1], plain[1], 1e-13);
    // u = (x − D)/s.
    let (mut d, mut along) = (vec![0.0; 2], vec![0.0; 2]);
    data.denoise_along(&x, At::One(level), &v, &mut d, &mut along).unwrap();
    for j in 0..2 {
        close(product[j], (v[j] - along[j]) / 0.4, 1e-14);
    }
}
