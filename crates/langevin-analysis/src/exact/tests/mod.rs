#![allow(clippy::unwrap_used)]

use super::*;
use langevin::{Process, ReadAs, SliceSpace};
use proptest::prelude::*;

mod closed;
mod jacobians;
mod refusals;
mod toys;

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

/// Covariances of every kind: full, isotropic, and full again.
fn mixed() -> Mixture {
    let full = |mean: [f64; 2], c: [f64; 4]| Gaussian::new(mean.to_vec(), &c).unwrap();
    let components = vec![
        full([-2.0, 0.0], [0.5, 0.3, 0.3, 0.4]),
        Gaussian::isotropic(vec![1.0, 1.5], 0.3).unwrap(),
        full([1.5, -1.0], [0.3, -0.1, -0.1, 0.9]),
    ];
    Mixture::new(vec![2.0, 5.0, 3.0], components).unwrap()
}

/// Isotropic components of different sizes, in three dimensions.
fn bubbles() -> Mixture {
    let round = |mean: [f64; 3], variance| Gaussian::isotropic(mean.to_vec(), variance).unwrap();
    let components = vec![round([0.0, 1.0, -1.0], 0.1), round([0.5, 0.0, 0.0], 2.0), round([-1.0, 0.0, 2.0], 0.4)];
    Mixture::new(vec![0.5, 0.2, 0.3], components).unwrap()
}

fn data_set() -> DataSet {
    DataSet::new(vec![0.0, 0.0, 1.0, 2.0, -1.5, 0.3, 0.2, -2.0], 2).unwrap()
}

/// Every density of this module, with its smallest standard deviation.
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
        (named("checkerboard").unwrap(), 0.0),
        (named("circles").unwrap(), 0.24),
        (named("rings").unwrap(), 0.08),
        (named("swissroll").unwrap(), 0.2),
        (named("2spirals").unwrap(), 0.1),
        (named("pinwheel").unwrap(), 0.1),
        (Box::new(data_set()), 0.0),
    ]
}

fn processes() -> [Process; 5] {
    ["vp", "vp-linear", "vp-cosine", "ve", "rectified-flow"].map(|name| Process::parse(name).unwrap())
}

/// Returns ∇ log p_t by central differences of fourth order.
fn gradient(density: &dyn Density, x: &[f64], level: &Level, step: f64) -> Vec<f64> {
    let at = |j: usize, by: f64| {
        let mut x = x.to_vec();
        x[j] += by;
        density.log_density(&x, level)
    };
    let slope = |j| 8.0 * (at(j, step) - at(j, -step)) - (at(j, 2.0 * step) - at(j, -2.0 * step));
    (0..x.len()).map(|j| slope(j) / (12.0 * step)).collect()
}

/// Returns points of p_t.
fn noised(density: &dyn Density, count: u64, level: &Level) -> Vec<f64> {
    let rows = ids(11, count);
    let mut z = vec![0.0; rows.len() * density.dim()];
    fill_normals(&rows, 0, density.dim(), &mut z);
    density.sample(&rows).iter().zip(z).map(|(x, z)| level.alpha * x + level.sigma * f64::from(z)).collect()
}

/// Tweedie's formula, αD = x + σ²∇log p_t.
///
/// The step is 10⁻⁴ of the narrowest width w. Differences of log p then lose 10⁻¹² of it, and the
/// gradient, in units of 1/w, is accurate to 10⁻⁸. Near a boundary between components the
/// fourth-order term adds up to 10⁻⁷.
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
    // The trapezoidal rule converges like e^(−2π²(w/step)²) on Gaussians of width w. Here w ≥ 2
    // steps, and the box ends 8 widths out.
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
            // E x_t = α E x0, and E x0 is D at α = 0.
            let mean = one(&*density, &[0.0; 2], self::level(0.0, 1.0));
            close(first[0], alpha * mean[0], 1e-8);
            close(first[1], alpha * mean[1], 1e-8);
        }
    }
}

#[test]
fn samples_have_the_mean_and_the_covariance() {
    let count = 20_000;
    for (density, _) in all() {
        let dim = density.dim();
        let x = density.sample(&ids(17, count));
        let mean = one(&*density, &vec![0.0; dim], level(0.0, 1.0));
        // D = m + αC(x − αm)/σ² + O(α³) for any density with mean m and covariance C: from pure
        // noise backwards.
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
    // One of them is also compared with the numbers it was made of.
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
    // The noise must differ from that of a plan's first draw.
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
        // At α = 0 the state has no influence on D.
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
            // A score of a set of points has size 1/σ, and may overflow at 10⁻¹⁶⁰.
            if sigma > 1e-100 {
                assert!(score.iter().all(|s| s.is_finite()), "{} {level:?}", density.name());
                assert!(density.log_density(&x[..dim], &level).is_finite());
            }
            if sigma == 1e-8 {
                // Only the noise is removed, and it is tiny.
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
        let one_level = [level.into()];
        let mut per_row = query;
        per_row.at = At::PerRow(&one_level);
        assert!(density.predict(&x, &per_row).unwrap_err().is_shape());
    }
    // A boxed density is accepted wherever a model is accepted.
    let data = named("moons").unwrap();
    let formulation = langevin::Formulation::new(Process::vp(), langevin::Prediction::Epsilon);
    let network = ReadAs::new(&data, formulation, SliceSpace::<f64>::new(2));
    let x = vec![0.5, -0.5];
    let noise = network.predict(&x, &Query::new(level, &ids(1, 1))).unwrap();
    let denoised = one(&*data, &x, level);
    close(level.alpha * denoised[1] + level.sigma * noise[1], -0.5, 1e-14);
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
        which in 0..15_usize,
        ratio in 0.01..50.0_f64,
        index: u64,
    ) {
        // At equal λ, x_B = k x_A: D is the same number in every process.
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
                // A component's log weight changes by 10⁻¹⁵ (x/σ)², which is below 10⁷ here.
                prop_assert!((a - b).abs() < 1e-8, "{a} {b}");
            }
        }
    }
}
