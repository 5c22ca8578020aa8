//! Tests the toys: their entropies, their quadratures and their components.

use super::*;
use langevin::math::gauss_legendre;
use nalgebra::DMatrix;
use std::f64::consts::{E, PI, TAU};

/// The toys with their stated entropy, the estimate from published samples (± 0.008), and the grid
/// that computes it: half-width and step.
const ENTROPIES: [(&str, f64, f64, f64, f64); 7] = [
    ("8gaussians", 2.8319, 2.825, 6.0, 0.1),
    ("moons", 2.3939, 2.392, 6.0, 0.1),
    ("circles", 3.2681, 3.262, 5.2, 0.1),
    ("rings", 2.6232, 2.623, 4.0, 0.03),
    ("swissroll", 2.6697, 2.667, 5.0, 0.08),
    ("2spirals", 2.6455, 2.645, 4.5, 0.05),
    ("pinwheel", 2.3178, 2.317, 6.0, 0.06),
];

#[test]
fn entropies_are_the_stated_ones() {
    let clean = level(1.0, 0.0);
    let mut wrong = Vec::new();
    for (name, floor, estimate, half, step) in ENTROPIES {
        let data = named(name).unwrap();
        // −∫ p ln p on a grid with a step of half a width or less.
        let (mut total, mut entropy) = (0.0, 0.0);
        let side = (half / step) as i32;
        for (i, j) in (-side..=side).flat_map(|i| (-side..=side).map(move |j| (i, j))) {
            let log = data.log_density(&[step * f64::from(i), step * f64::from(j)], &clean);
            if log > f64::NEG_INFINITY {
                total += step * step * log.exp();
                entropy -= step * step * log.exp() * log;
            }
        }
        let (sampled, error) = by_samples(&*data);
        println!("{name}: mass {total:.8}, by quadrature {entropy:.6}, by samples {sampled:.4} ± {error:.4}");
        if (total - 1.0).abs() > 1e-5
            || (entropy - floor).abs() > 6e-5
            || (entropy - estimate).abs() > 0.008
            || (sampled - entropy).abs() > 4.0 * error
        {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    // The density is uniform on an area of 32, so every sample gives ln 32.
    let (sampled, error) = by_samples(&checkerboard());
    // The tolerance covers 20,000 roundings of the sum.
    close(sampled, 32.0_f64.ln(), 1e-12);
    close(error, 0.0, 1e-12);
    // Closed form for one Gaussian: ½ ln det(2πe C) = E[−log p], and the mean squared distance is
    // the dimension.
    let data = correlated();
    let determinant = DMatrix::from_row_slice(3, 3, &COVARIANCE).determinant();
    let at_mean = -data.log_density(data.mean(), &clean);
    close(at_mean + 1.5, 0.5 * ((TAU * E).powi(3) * determinant).ln(), 1e-13);
}

/// Returns E[−log p] of the data, and its standard error.
fn by_samples(data: &dyn Density) -> (f64, f64) {
    let count = 20_000;
    let clean = level(1.0, 0.0);
    let logs: Vec<f64> = data.sample(&ids(5, count)).chunks_exact(2).map(|x| data.log_density(x, &clean)).collect();
    let mean = logs.iter().sum::<f64>() / count as f64;
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1) as f64;
    (-mean, (variance / count as f64).sqrt())
}

#[test]
fn moons_are_the_integral_over_the_angle() {
    // The midpoint rule with 4,000 angles: its error is (π/4000)²/24 times a second derivative
    // below 10³ of p's own size.
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

/// Given a position and the noise about it, log p is one integral: the midpoint rule with `count`
/// points, twice.
fn midpoint(count: u32, low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let step = (high - low) / f64::from(count);
    (0..count).map(|i| step * f(low + step * (f64::from(i) + 0.5))).sum()
}

fn normal(square: f64, variance: f64) -> f64 {
    (-0.5 * square / variance).exp() / (TAU * variance)
}

/// Levels in each regime of every toy.
const LEVELS: [(f64, f64); 6] = [(1.0, 0.0), (1.0, 0.02), (0.9, 0.1), (0.7, 0.7), (0.1, 1.0), (1.0, 5.0)];

#[test]
fn circles_are_the_integral_over_the_angle() {
    // Over a whole period the rule converges faster than any power: 4,000 angles for a
    // concentration below 2,000.
    for (name, radii, std) in [("circles", &[3.0, 1.5][..], 0.24), ("rings", &[3.0, 2.25, 1.5, 0.75], 0.08)] {
        let data = named(name).unwrap();
        for (alpha, sigma) in LEVELS {
            let level = level(alpha, sigma);
            let v = (alpha * std).powi(2) + sigma * sigma;
            let mut x = noised(&*data, 10, &level);
            x.extend([0.0, 0.0, 1e-9, 0.0]);
            for x in x.chunks_exact(2) {
                let one = |radius: &f64| {
                    let density = |angle: f64| {
                        let (sin, cos) = angle.sin_cos();
                        normal((x[0] - alpha * radius * cos).powi(2) + (x[1] - alpha * radius * sin).powi(2), v)
                    };
                    midpoint(4000, 0.0, TAU, density) / TAU / radii.len() as f64
                };
                let p: f64 = radii.iter().map(one).sum();
                close(data.log_density(x, &level), p.ln(), 1e-12);
            }
        }
    }
}

#[test]
fn swissroll_is_the_integral_along_it() {
    // An error of (1/10⁵)²/24 times a second derivative of at most (27/0.2)² times 30 of p's own
    // size.
    let data = swissroll();
    for (alpha, sigma) in LEVELS {
        let level = level(alpha, sigma);
        for x in noised(&data, 5, &level).chunks_exact(2) {
            let density = |u: f64| {
                let t = 1.5 * PI * (1.0 + 2.0 * u);
                let square = (x[0] - alpha * t * t.cos() / 5.0).powi(2) + (x[1] - alpha * t * t.sin() / 5.0).powi(2);
                normal(square, (0.2 * alpha).powi(2) + sigma * sigma)
            };
            close(data.log_density(x, &level), midpoint(100_000, 0.0, 1.0, density).ln(), 1e-5);
        }
    }
}

#[test]
fn spirals_are_the_integral_along_them() {
    // F by the error function, which is accurate where it does not cancel: that is where the mass
    // is.
    let data = two_spirals();
    let phi = |x: f64| 0.5 * libm::erfc(-x / 2.0_f64.sqrt());
    for (alpha, sigma) in LEVELS {
        let level = level(alpha, sigma);
        let std = (0.1 * alpha).hypot(sigma);
        for x in noised(&data, 5, &level).chunks_exact(2) {
            let f = |d: f64| 6.0 / alpha * (phi(d / std) - phi((d - alpha / 6.0) / std));
            let density = |n: f64| {
                let c = [-n.cos() * n / 3.0, n.sin() * n / 3.0];
                let arm = |s: f64| f(s * x[0] - alpha * c[0]) * f(s * x[1] - alpha * c[1]);
                0.5 * 2.0 * n / (9.0 * PI * PI) * (arm(1.0) + arm(-1.0))
            };
            close(data.log_density(x, &level), midpoint(20_000, 0.0, 3.0 * PI, density).ln(), 1e-5);
        }
    }
}

#[test]
fn the_pinwheel_is_the_integral_over_the_radius() {
    // The rule is spectral here too: a step of 10⁻⁴ gives 20 steps per width at the smallest noise.
    let data = pinwheel();
    for (alpha, sigma) in [(1.0, 0.01), (1.0, 0.1), (0.5, 0.1), (1.0, 0.249), (1.0, 0.251), (0.7, 0.7), (0.1, 1.0)] {
        let level = level(alpha, sigma);
        let w = (0.2 * alpha).powi(2) + sigma * sigma;
        let mut worst = 0.0_f64;
        for x in noised(&data, 20, &level).chunks_exact(2) {
            let density = |r: f64| -> f64 {
                let arm = |k: u32| {
                    let (sin, cos) = (TAU * f64::from(k) / 5.0 + 0.25 * r.exp()).sin_cos();
                    let (a, b) = (x[0] * cos - x[1] * sin - 2.0 * alpha * r, x[0] * sin + x[1] * cos);
                    (-0.5 * (a / sigma).powi(2) - 0.5 * b * b / w - 0.5 * ((r - 1.0) / 0.3).powi(2)).exp()
                };
                (0..5).map(arm).sum()
            };
            let volume = 5.0 * TAU.sqrt() * 0.3 * TAU * sigma * w.sqrt();
            let gap = data.log_density(x, &level) - (midpoint(60_000, -2.0, 4.0, density) / volume).ln();
            worst = worst.max(gap.abs());
        }
        println!("α {alpha}, σ {sigma}: {worst:.1e}");
        close(worst, 0.0, 1e-10);
    }
}

#[test]
fn the_pinwheel_has_no_seam_where_the_noise_ends() {
    // Just above σ = 10⁻⁵ the integral is used, just below it the roots. They differ by ½σ²∇²p/p,
    // about 10⁻⁸ of log p. The gradient differs as much again, by differences of 10⁻¹⁶ of x divided
    // by σ².
    let data = pinwheel();
    let x = data.sample(&ids(6, 200));
    let (above, below) = (level(1.0, 1.001e-5), level(1.0, 0.999e-5));
    let (mut up, mut down) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    data.score(&x, At::One(above), &mut up).unwrap();
    data.score(&x, At::One(below), &mut down).unwrap();
    for (i, x) in x.chunks_exact(2).enumerate() {
        close(data.log_density(x, &above), data.log_density(x, &below), 1e-7);
        for j in [2 * i, 2 * i + 1] {
            close(up[j], down[j], 1e-4 * (1.0 + down[j].abs()));
        }
        // The gradient of the data's own density is that of its logarithm.
        let gradient = gradient(&data, x, &level(1.0, 0.0), 1e-4);
        close(down[2 * i], gradient[0], 1e-6 * (1.0 + gradient[0].abs()));
        close(down[2 * i + 1], gradient[1], 1e-6 * (1.0 + gradient[1].abs()));
    }
}

#[test]
fn a_checkerboard_is_a_product_of_error_functions() {
    let data = checkerboard();
    let phi = |x: f64| 0.5 * libm::erfc(-x / 2.0_f64.sqrt());
    for (alpha, sigma) in LEVELS.into_iter().filter(|(_, sigma)| *sigma > 0.0) {
        let level = level(alpha, sigma);
        for x in noised(&data, 40, &level).chunks_exact(2) {
            let side = |x: f64, i: i32| {
                let low = alpha * 2.0 * f64::from(i);
                (phi((x - low) / sigma) - phi((x - low - 2.0 * alpha) / sigma)) / (2.0 * alpha)
            };
            let squares = (-2..2).flat_map(|i| (-2..2).map(move |j| (i, j))).filter(|(i, j)| (i + j) % 2 == 0);
            let p: f64 = squares.map(|(i, j)| side(x[0], i) * side(x[1], j) / 8.0).sum();
            // The differences of Φ lose σ/2α of their digits.
            close(data.log_density(x, &level), p.ln(), 1e-13 * (1.0 + sigma / alpha).powi(2));
        }
    }
}

#[test]
fn a_checkerboard_far_outside_and_without_noise() {
    let data = checkerboard();
    // Without noise: uniform inside, nothing outside, and D is the nearest point that has data.
    for (x, nearest) in
        [([0.5, 1.0], [0.5, 1.0]), ([7.0, 3.0], [4.0, 3.0]), ([-9.0, -8.0], [-4.0, -4.0]), ([1.9, -0.5], [2.0, -0.5])]
    {
        for sigma in [0.0, 1e-160, 1e-12] {
            for (got, nearest) in one(&data, &x, level(1.0, sigma)).iter().zip(nearest) {
                close(*got, nearest, 1e-12);
            }
        }
        let inside = x == nearest;
        let log = data.log_density(&x, &level(1.0, 0.0));
        if inside { close(log, -32.0_f64.ln(), 1e-14) } else { assert_eq!(log, f64::NEG_INFINITY) }
    }
    // On an edge half the mass is lost, and D is half a normal's mean away from it: J is 1 − 2/π
    // across, 1 along.
    for sigma in [1e-3, 1e-9, 1e-160] {
        let at = level(1.0, sigma);
        close(data.log_density(&[4.0, 3.0], &at), -64.0_f64.ln(), 1e-14);
        let (mut d, mut product) = ([0.0; 2], [0.0; 2]);
        data.denoise_along(&[4.0, 3.0], At::One(at), &[1.0, 1.0], &mut d, &mut product).unwrap();
        close(d[0], 4.0 - sigma * (2.0 / PI).sqrt(), 1e-15);
        close(product[0], 1.0 - 2.0 / PI, 1e-13);
        close(product[1], 1.0, 1e-13);
    }
    // Far outside, the datum is exponential with rate d/σ² behind the edge: E = 4 − σ²/d (1 −
    // 2σ²/d² + …), Φ(−q) = φ(q)/q (1 − 1/q² + 3/q⁴ − …).
    for (sigma, d) in [(1e-3, 1.0), (1e-6, 2.0), (0.01, 1e6), (1e-9, 1e3)] {
        let (q, x) = (d / sigma, [4.0 + d, 3.0]);
        let got = one(&data, &x, level(1.0, sigma))[0];
        let behind = sigma / q * (1.0 - 2.0 / (q * q));
        close(4.0 - got, behind, 1e-9 * behind + 1e-15);
        let log = -32.0_f64.ln() - 0.5 * q * q - (q * TAU.sqrt()).ln() - 1.0 / (q * q);
        close(data.log_density(&x, &level(1.0, sigma)), log, 2e-14 * log.abs());
    }
}

#[test]
fn bessel_functions_are_those_of_the_tables() {
    // x, e⁻ˣI₀, e⁻ˣI₁, A': to 40 digits by another program, rounded.
    const KNOWN: [(f64, f64, f64, f64); 13] = [
        (0.0, 1.0, 0.0, 0.5),
        (1e-8, 0.999_999_990_000_000_1, 4.999_999_95e-9, 0.5),
        (0.5, 0.645_035_270_449_150_1, 0.156_420_803_184_871_7, 0.456_194_712_736_557_1),
        (1.0, 0.465_759_607_593_640_4, 0.207_910_415_349_708_4, 0.354_346_032_450_356_3),
        (3.75, 0.214_457_051_230_048_7, 0.182_968_420_930_890_9, 0.044_588_044_595_821_81),
        (10.0, 0.127_833_337_163_428_6, 0.121_262_681_384_455_5, 0.005_298_387_602_951_359),
        (19.999, 0.089_782_586_060_965_36, 0.087_508_323_480_178_46, 0.001_284_005_894_236_505),
        (20.0, 0.089_780_311_884_826_02, 0.087_506_222_183_288_67, 0.001_283_875_655_335_069),
        (20.001, 0.089_778_037_881_554_98, 0.087_504_121_037_357_2, 0.001_283_745_436_260_866),
        (35.0, 0.067_678_378_350_413_63, 0.066_704_431_729_491_44, 0.000_414_260_153_774_445_5),
        (500.0, 0.017_845_706_500_153_17, 0.017_827_851_852_898_06, 2.002_006_025_130_811e-6),
        (2000.0, 0.008_921_178_276_439_67, 0.008_918_947_702_944_237, 1.250_312_734_619_458e-7),
        (1e6, 0.000_398_942_330_269_245_8, 0.000_398_942_130_798_030_8, 5.000_002_500_003_75e-13),
    ];
    for (x, i0e, i1e, slope) in KNOWN {
        let got = bessel::Bessel::at(x);
        close(got.i0e / i0e, 1.0, 1e-14);
        close(got.ratio * got.i0e, i1e, 1e-14 * i1e);
        // A difference of numbers of size 1, each with a few roundings, until its own series takes
        // over.
        close(got.slope, slope, if x < 1000.0 { 2e-15 } else { 1e-14 * slope });
        if x > 0.0 {
            close(got.over * x, got.ratio, 1e-15);
        }
    }
    assert_eq!(bessel::Bessel::at(0.0).over, 0.5);
    let far = bessel::Bessel::at(f64::INFINITY);
    assert!(far.i0e > 0.0 && far.ratio == 1.0 && far.slope >= 0.0);
}

#[test]
fn fewer_nodes_change_nothing() {
    // Each toy with its own width, which determines the ladder, and a number of nodes that is more
    // than enough.
    for (data, std, nodes) in
        [(moons(), 0.2, 400), (swissroll(), 0.2, 1200), (two_spirals(), 0.1, 1200), (pinwheel(), 0.2, 3)]
    {
        let fine = data.finer(nodes);
        // Just above every change of the number of nodes, where it is coarsest: √(1 + (σ/αs)²) = 1,
        // 2, 4, 8, 16.
        let (mut off, mut off_log) = (0.0_f64, 0.0_f64);
        for ratio in [0.0, 0.001, 0.05, 1.7, 1.7325, 3.875, 7.94, 15.97, 25.01, 50.01, 5e4].map(|blur| blur * std) {
            for scale in [1.0, 0.01] {
                let level = level(scale, scale * ratio);
                let mut x = noised(&data, 60, &level);
                // Well outside of all of them as well.
                x.extend([5.0, 1.0, -4.0, -3.0, 0.0, 6.0].map(|x| scale * x * (1.0 + ratio)));
                for (got, expected) in one(&data, &x, level).iter().zip(one(&fine, &x, level)) {
                    off = off.max((got - expected).abs());
                }
                for x in x.chunks_exact(2) {
                    let expected = fine.log_density(x, &level);
                    let gap = (data.log_density(x, &level) - expected).abs() / (1.0 + expected.abs());
                    off_log = off_log.max(gap);
                }
            }
            println!("{} at σ/α = {ratio}: D {off:.1e}, log p {off_log:.1e}", data.name());
        }
        assert!(off < 1e-12 && off_log < 3e-13, "{}: {off:e} {off_log:e}", data.name());
    }
}

#[test]
fn quadrature_is_exact_for_polynomials() {
    for n in [1, 2, 3, 7, 20, 200] {
        let (nodes, weights) = gauss_legendre(n);
        assert!(nodes.is_sorted());
        for power in (0..2 * n as i32).take(60) {
            let sum: f64 = nodes.iter().zip(&weights).map(|(x, w)| w * x.powi(power)).sum();
            close(sum, if power % 2 == 0 { 2.0 / f64::from(power + 1) } else { 0.0 }, 2e-14);
        }
    }
    // The two nodes of the textbook.
    close(gauss_legendre(2).0[1], 1.0 / 3.0_f64.sqrt(), 1e-15);
}
