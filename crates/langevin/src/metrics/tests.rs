#![allow(clippy::unwrap_used)]

use super::*;
use crate::exact::{Density, eight_gaussians};
use crate::noise::SampleId;
use proptest::prelude::*;

fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{got} against {expected}, beyond {tolerance}");
}

fn sample(seed: u64, rows: u64) -> Vec<f64> {
    let rows: Vec<SampleId> = (0..rows).map(|index| SampleId { seed, index }).collect();
    eight_gaussians().sample(&rows)
}

fn shifted(a: &[f64], by: &[f64]) -> Vec<f64> {
    a.iter().zip(by.iter().cycle()).map(|(a, by)| a + by).collect()
}

/// W₂² on a line the slow way: both samples repeated to a common size, then coupled in order.
fn brute(a: &[f64], b: &[f64]) -> f64 {
    let repeat = |x: &[f64], times: usize| -> Vec<f64> {
        let mut x: Vec<f64> = x.iter().flat_map(|x| std::iter::repeat_n(*x, times)).collect();
        x.sort_by(f64::total_cmp);
        x
    };
    let (a, b) = (repeat(a, b.len()), repeat(b, a.len()));
    a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / a.len() as f64
}

#[test]
fn on_a_line_a_shift_is_its_own_distance() {
    let a = sample(1, 500);
    for by in [-3.0, 1e-3, 20.0] {
        close(sliced_wasserstein(&a, &shifted(&a, &[by]), 1, 3, 7).unwrap(), by.abs(), 1e-13);
    }
}

#[test]
fn a_shift_of_the_plane_costs_its_length_over_root_two() {
    // E cos² over directions is ½, with standard deviation 1/√8 for one of them; 4 standard errors of the mean, halved by the root.
    let a = sample(1, 200);
    let projections = 4000;
    let got = sliced_wasserstein(&a, &shifted(&a, &[3.0, -4.0]), 2, projections, 7).unwrap();
    let expected = 5.0 / 2.0_f64.sqrt();
    close(got / expected, 1.0, 4.0 * 0.5 * 2.0 / 8.0_f64.sqrt() / (projections as f64).sqrt());
}

#[test]
fn scaling_a_line_about_its_mean() {
    // W₂ between x and 3x, coupled in order, is 2·rms(x).
    let a = [-2.0, -1.0, 0.0, 1.0, 2.0];
    let b = a.map(|x| 3.0 * x);
    close(sliced_wasserstein(&a, &b, 1, 1, 0).unwrap(), 2.0 * 2.0_f64.sqrt(), 1e-15);
}

#[test]
fn energy_distance_of_point_masses_and_pairs() {
    // Unequal sizes: still √(2·‖d‖).
    close(energy_distance(&[1.0; 6], &[4.0, 5.0, 4.0, 5.0], 2).unwrap(), 10.0_f64.sqrt(), 1e-15);
    // {0, 1} against {0}: 2·½ − ½ − 0.
    close(energy_distance(&[0.0, 1.0], &[0.0], 1).unwrap(), 0.5_f64.sqrt(), 1e-15);
}

#[test]
fn energy_distance_is_twice_the_integrated_square_of_the_distribution_functions() {
    // On a line 𝓔² = 2 ∫ (F − G)² dx; for these samples (F − G)² is 0, ¼, 1/36, 4/9, 1/9 … between the sorted points.
    let (a, b) = ([0.0, 2.0], [1.0, 3.0, 4.0]);
    let (f, g): (Vec<f64>, Vec<f64>) = (0..4)
        .map(|cell| {
            let x = f64::from(cell) + 0.5;
            let part = |s: &[f64]| s.iter().filter(|s| **s < x).count() as f64 / s.len() as f64;
            (part(&a), part(&b))
        })
        .unzip();
    let integral: f64 = f.iter().zip(&g).map(|(f, g)| (f - g) * (f - g)).sum();
    close(energy_distance(&a, &b, 1).unwrap(), (2.0 * integral).sqrt(), 1e-15);
}

#[test]
fn equal_distributions_leave_the_floor_of_the_v_statistic() {
    // Documented: E 𝓔² = (1/n + 1/m) E‖X − X'‖. Over 30 pairs of samples; the spread of 𝓔² about its mean is less than the mean itself.
    let (n, m, pairs) = (60, 90, 30);
    let mut total = 0.0;
    for k in 0..pairs {
        total += energy_distance(&sample(2 * k, n), &sample(2 * k + 1, m), 2).unwrap().powi(2);
    }
    let large = sample(99, 1500);
    let spread = mean_distance(&large, &large, 2) * 1500.0 / 1499.0;
    let floor = (1.0 / n as f64 + 1.0 / m as f64) * spread;
    close(total / pairs as f64 / floor, 1.0, 4.0 / (pairs as f64).sqrt());
}

#[test]
fn nearest_neighbours_in_the_plane() {
    let references = [0.0, 0.0, 3.0, 4.0, 0.0, 1.0];
    assert_eq!(nearest_distances(&[3.0, 3.0, 0.0, 0.0], &references, 2, false).unwrap(), [1.0, 0.0]);
    assert_eq!(nearest_distances(&references, &references, 2, true).unwrap(), [1.0, 18.0_f64.sqrt(), 1.0]);
    // A copy is found; oneself is not.
    assert_eq!(nearest_distances(&[1.0, 1.0], &[1.0, 1.0], 1, true).unwrap(), [0.0, 0.0]);
}

#[test]
fn quantiles_of_a_ramp() {
    let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
    for ratio in [0.0, 0.05, 0.5, 0.995, 1.0] {
        close(quantile(&values, ratio).unwrap(), 100.0 * ratio, 1e-13);
    }
    assert_eq!(quantile(&[2.5], 0.3).unwrap(), 2.5);
}

#[test]
fn what_cannot_be_measured_is_named() {
    let good = [0.0; 4];
    for (bad, dim) in [(&[][..], 2), (&[0.0; 3], 2), (&good, 0)] {
        assert!(sliced_wasserstein(&good, bad, dim, 5, 0).unwrap_err().is_shape());
        assert!(energy_distance(bad, &good, dim).unwrap_err().is_shape());
        assert!(nearest_distances(&good, bad, dim, false).unwrap_err().is_shape());
    }
    let nan = [0.0, f64::NAN];
    assert!(sliced_wasserstein(&nan, &good, 2, 5, 0).unwrap_err().is_argument());
    assert_eq!(
        energy_distance(&good, &[0.0, 1.0, 2.0, f64::INFINITY], 2).unwrap_err().to_string(),
        "the second sample: not finite (row 1, element 1): got inf"
    );
    assert!(nearest_distances(&nan, &nan, 1, true).unwrap_err().is_argument());
    assert!(sliced_wasserstein(&good, &good, 2, 0, 0).unwrap_err().is_argument());
    assert!(nearest_distances(&good, &good[..2], 1, true).unwrap_err().is_shape());
    assert!(nearest_distances(&[1.0], &[1.0], 1, true).unwrap_err().is_argument());
    assert!(quantile(&[], 0.5).unwrap_err().is_shape());
    assert!(quantile(&good, f64::NAN).unwrap_err().is_argument());
}

proptest! {
    #[test]
    fn the_coupling_is_that_of_the_repeated_samples(
        a in prop::collection::vec(-5.0..5.0_f64, 1..9),
        b in prop::collection::vec(-5.0..5.0_f64, 1..9),
    ) {
        let got = sliced_wasserstein(&a, &b, 1, 1, 3).unwrap();
        prop_assert!((got - brute(&a, &b).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn both_are_metrics(
        a in prop::collection::vec(-5.0..5.0_f64, 1..6),
        b in prop::collection::vec(-5.0..5.0_f64, 1..6),
        c in prop::collection::vec(-5.0..5.0_f64, 1..6),
        plane: bool,
    ) {
        // In the plane every number is repeated, so that a row is (x, x).
        let dim = 1 + usize::from(plane);
        let rows = |x: &[f64]| -> Vec<f64> { x.iter().flat_map(|x| std::iter::repeat_n(*x, dim)).collect() };
        let (a, b, c) = (rows(&a), rows(&b), rows(&c));
        let sliced = |x: &[f64], y: &[f64]| sliced_wasserstein(x, y, dim, 8, 5).unwrap();
        let energy = |x: &[f64], y: &[f64]| energy_distance(x, y, dim).unwrap();
        prop_assert_eq!(sliced(&a, &a), 0.0);
        prop_assert_eq!(energy(&a, &a), 0.0);
        prop_assert!((sliced(&a, &b) - sliced(&b, &a)).abs() < 1e-12);
        // The root magnifies rounding near 0: squares are compared.
        prop_assert!((energy(&a, &b).powi(2) - energy(&b, &a).powi(2)).abs() < 1e-12);
        prop_assert!(sliced(&a, &c) <= sliced(&a, &b) + sliced(&b, &c) + 1e-12);
        prop_assert!(energy(&a, &c) <= energy(&a, &b) + energy(&b, &c) + 1e-6);
    }
}

/// The entropy of densities that have it in closed form, in one to three dimensions.
#[test]
fn surprise_is_entropy_in_the_mean() {
    use crate::exact::Gaussian;
    for (dim, k) in [(1, 1), (1, 4), (2, 4), (3, 4)] {
        let data = Gaussian::isotropic(vec![0.3; dim], 1.7).unwrap();
        let rows: Vec<SampleId> = (0..4000).map(|index| SampleId { seed: 2, index }).collect();
        let x = data.sample(&rows);
        let clean = crate::Level { time: 0.0, alpha: 1.0, sigma: 0.0 };
        let found = neighbour_surprise(&x, dim, 1000, k).unwrap();
        let off: Vec<f64> = x.chunks(dim).zip(&found).map(|(x, s)| s + data.log_density(x, &clean)).collect();
        let mean = off.iter().sum::<f64>() / 1000.0;
        // Each is off by the log of a Gamma(k) over its mean, of variance ψ'(k) ≤ π²/6, and neighbours share rows; the smear at 4,000 rows is (k/N)^(2/d) of a curvature
        // of about 1 over the bulk: 0.01 in three dimensions, more in the tails.
        assert!(
            mean.abs() < 4.0 * (1.645 / 1000.0_f64).sqrt() / (k as f64).sqrt() + 0.02,
            "d = {dim}, k = {k}: {mean}"
        );
        // In other units the density is less by the volume.
        let wide: Vec<f64> = x.iter().map(|x| 3.0 * x).collect();
        let wide = neighbour_surprise(&wide, dim, 10, k).unwrap();
        for (wide, found) in wide.iter().zip(&found) {
            assert!((wide - found - dim as f64 * 3.0_f64.ln()).abs() < 1e-9);
        }
    }
    assert_eq!(neighbour_surprise(&[1.0, 1.0, 2.0], 1, 1, 1).unwrap(), [f64::NEG_INFINITY]);
    assert!(neighbour_surprise(&[1.0, 2.0], 1, 3, 1).is_err());
    assert!(neighbour_surprise(&[1.0, 2.0], 1, 1, 2).is_err());
    assert!(neighbour_surprise(&[1.0, 2.0], 1, 1, 0).is_err());
    assert!(neighbour_surprise(&[1.0, f64::NAN], 1, 1, 1).is_err());
}
