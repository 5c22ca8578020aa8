#![allow(clippy::unwrap_used)]

use super::assignment::assign;
use super::*;
use crate::exact::{Density, eight_gaussians};
use langevin::noise::SampleId;
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

/// W₂² on a line by brute force: both samples are repeated to a common size, then coupled in order.
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
    // E cos² over directions is ½, with standard deviation 1/√8 for one direction. The tolerance is
    // four standard errors of the mean, halved by the root.
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
    // On a line 𝓔² = 2 ∫ (F − G)² dx. For these samples (F − G)² is 0, ¼, 1/36, 4/9, 1/9 … between
    // the sorted points.
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
    // The documented floor: E 𝓔² = (1/n + 1/m) E‖X − X'‖, over 30 pairs of samples. The spread of
    // 𝓔² about its mean is smaller than the mean itself.
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
    // A copy is found, but not the row itself.
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

/// The least cost over all permutations, by Heap's algorithm.
fn least_of_all(cost: &[f64], n: usize) -> f64 {
    let total = |order: &[usize]| order.iter().enumerate().map(|(i, j)| cost[i * n + j]).sum::<f64>();
    let (mut order, mut counts) = ((0..n).collect::<Vec<_>>(), vec![0; n]);
    let (mut best, mut i) = (total(&order), 1);
    while i < n {
        if counts[i] < i {
            order.swap(if i % 2 == 0 { 0 } else { counts[i] }, i);
            best = best.min(total(&order));
            counts[i] += 1;
            i = 1;
        } else {
            counts[i] = 0;
            i += 1;
        }
    }
    best
}

/// Checks that the result is a permutation whose cost equals the dual's, so that no permutation
/// costs less.
fn is_proven(cost: &[f64], n: usize) {
    let found = assign(cost, n);
    let mut seen = vec![false; n];
    let (mut primal, mut dual) = (0.0, found.duals.iter().sum::<f64>());
    for (column, costs) in found.columns.iter().zip(cost.chunks_exact(n)) {
        assert!(!std::mem::replace(&mut seen[*column], true));
        primal += costs[*column];
        dual += costs.iter().zip(&found.duals).map(|(cost, v)| cost - v).fold(f64::INFINITY, f64::min);
    }
    // Each v is a sum of several costs, each of them rounded.
    let largest = cost.iter().fold(0.0_f64, |largest, cost| largest.max(cost.abs()));
    close(primal, dual, 1e-14 * n as f64 * largest);
}

#[test]
fn an_assignment_is_proven_by_its_dual() {
    for n in [1, 2, 30, 200] {
        let (a, b) = (sample(1, n as u64), sample(2, n as u64));
        let cost: Vec<f64> = a.chunks_exact(2).flat_map(|x| b.chunks_exact(2).map(move |y| square(x, y))).collect();
        is_proven(&cost, n);
        // Many ties, and nothing but ties.
        is_proven(&cost.iter().map(|cost| cost.round()).collect::<Vec<_>>(), n);
        is_proven(&vec![1.0; n * n], n);
        // Every row prefers the same column.
        is_proven(&(0..n * n).map(|k| (k / n) as f64 * (k % n) as f64).collect::<Vec<_>>(), n);
    }
}

#[test]
fn a_shift_of_the_plane_is_its_own_distance() {
    // Of all maps between equal shapes the shift is optimal: W₂² ≥ ‖difference of the means‖².
    let a = sample(3, 300);
    let mut b = shifted(&a, &[0.3, -0.4]);
    b.rotate_left(2 * 77);
    close(wasserstein(&a, &b, 2).unwrap(), 0.5, 1e-14);
    assert_eq!(wasserstein(&a, &a, 2).unwrap(), 0.0);
}

#[test]
fn a_linear_map_of_a_sample_is_its_own_coupling() {
    // A symmetric positive matrix is the gradient of a convex function, so it is the optimal
    // coupling (Brenier).
    let a = sample(4, 250);
    let b: Vec<f64> =
        a.as_chunks::<2>().0.iter().rev().flat_map(|[x, y]| [2.0 * x + 0.5 * y, 0.5 * x + 0.7 * y]).collect();
    let rows = a.as_chunks::<2>().0.iter();
    let moved: f64 = rows.map(|[x, y]| (x + 0.5 * y).powi(2) + (0.5 * x - 0.3 * y).powi(2)).sum();
    close(wasserstein(&a, &b, 2).unwrap(), (moved / 250.0).sqrt(), 1e-13);
}

#[test]
fn what_cannot_be_assigned_is_named() {
    let error = wasserstein(&[0.0; 4], &[0.0; 6], 2).unwrap_err();
    assert!(error.is_shape() && error.to_string().contains("2 rows in both, got 3 in the second"), "{error}");
    let error = wasserstein(&vec![0.0; 16385], &vec![0.0; 16385], 1).unwrap_err();
    assert!(error.is_argument() && error.to_string().contains("at most 16384 rows, got 16385"), "{error}");
    assert!(wasserstein(&[1e200], &[-1e200], 1).unwrap_err().is_argument());
    assert!(wasserstein(&[], &[], 1).unwrap_err().is_shape());
    assert!(wasserstein(&[f64::NAN], &[0.0], 1).unwrap_err().is_argument());
    // The costs are large, but no square overflows.
    close(wasserstein(&[1e150, 0.0], &[0.0, -1e150], 1).unwrap(), 1e150, 1e136);
}

proptest! {
    #[test]
    fn no_permutation_is_cheaper(n in 1..8_usize, values in prop::collection::vec(-5.0..5.0_f64, 49), ties: bool) {
        let cost: Vec<f64> = values[..n * n].iter().map(|v| if ties { v.round() } else { *v }).collect();
        let found = assign(&cost, n).columns;
        let total: f64 = found.iter().enumerate().map(|(i, j)| cost[i * n + j]).sum();
        prop_assert!((total - least_of_all(&cost, n)).abs() < 1e-13);
        is_proven(&cost, n);
    }

    #[test]
    fn assigning_is_a_metric_above_the_sliced(
        n in 1..30_usize,
        values in prop::collection::vec(-5.0..5.0_f64, 180),
        turn in 0..30_usize,
    ) {
        let sample = |k: usize| &values[60 * k..][..2 * n];
        let (a, b, c) = (sample(0), sample(1), sample(2));
        let w = |x: &[f64], y: &[f64]| wasserstein(x, y, 2).unwrap();
        prop_assert_eq!(w(a, a), 0.0);
        prop_assert!((w(a, b) - w(b, a)).abs() < 1e-13);
        prop_assert!(w(a, c) <= w(a, b) + w(b, c) + 1e-13);
        prop_assert!(w(a, b) + 1e-13 >= sliced_wasserstein(a, b, 2, 20, 3).unwrap());
        let mut turned = b.to_vec();
        turned.rotate_left(2 * (turn % n));
        prop_assert!((w(a, &turned) - w(a, b)).abs() < 1e-13);
        // On a line the optimal coupling is the one in order.
        let line = wasserstein(a, b, 1).unwrap();
        prop_assert!((line - sliced_wasserstein(a, b, 1, 1, 0).unwrap()).abs() < 1e-13);
    }

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
        // In the plane each number is repeated, so that a row is (x, x).
        let dim = 1 + usize::from(plane);
        let rows = |x: &[f64]| -> Vec<f64> { x.iter().flat_map(|x| std::iter::repeat_n(*x, dim)).collect() };
        let (a, b, c) = (rows(&a), rows(&b), rows(&c));
        let sliced = |x: &[f64], y: &[f64]| sliced_wasserstein(x, y, dim, 8, 5).unwrap();
        let energy = |x: &[f64], y: &[f64]| energy_distance(x, y, dim).unwrap();
        prop_assert_eq!(sliced(&a, &a), 0.0);
        prop_assert_eq!(energy(&a, &a), 0.0);
        prop_assert!((sliced(&a, &b) - sliced(&b, &a)).abs() < 1e-12);
        // The root magnifies rounding near 0, so squares are compared.
        prop_assert!((energy(&a, &b).powi(2) - energy(&b, &a).powi(2)).abs() < 1e-12);
        prop_assert!(sliced(&a, &c) <= sliced(&a, &b) + sliced(&b, &c) + 1e-12);
        prop_assert!(energy(&a, &c) <= energy(&a, &b) + energy(&b, &c) + 1e-6);
    }
}

/// The entropy of densities for which it is known in closed form, in one to three dimensions.
#[test]
fn surprise_is_entropy_in_the_mean() {
    use crate::exact::Gaussian;
    for (dim, k) in [(1, 1), (1, 4), (2, 4), (3, 4)] {
        let data = Gaussian::isotropic(vec![0.3; dim], 1.7).unwrap();
        let rows: Vec<SampleId> = (0..4000).map(|index| SampleId { seed: 2, index }).collect();
        let x = data.sample(&rows);
        let clean = langevin::Level { time: 0.0, alpha: 1.0, sigma: 0.0 };
        let found = neighbour_surprise(&x, dim, 1000, k).unwrap();
        let off: Vec<f64> = x.chunks(dim).zip(&found).map(|(x, s)| s + data.log_density(x, &clean)).collect();
        let mean = off.iter().sum::<f64>() / 1000.0;
        // Each estimate is off by the logarithm of a Gamma(k) over its mean, of variance ψ'(k) ≤
        // π²/6, and neighbours share rows. The bias at 4,000 rows is (k/N)^(2/d) of a curvature of
        // about 1 over the bulk: 0.01 in three dimensions, and more in the tails.
        assert!(
            mean.abs() < 4.0 * (1.645 / 1000.0_f64).sqrt() / (k as f64).sqrt() + 0.02,
            "d = {dim}, k = {k}: {mean}"
        );
        // In other units the density is divided by the volume.
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
