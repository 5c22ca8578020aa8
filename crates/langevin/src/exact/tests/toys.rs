//! The toys: their entropies, their quadratures, what they are made of.

use super::*;
use nalgebra::DMatrix;
use std::f64::consts::{E, PI, TAU};

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
    let data = moons();
    let fine = data.finer(400);
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
        let (nodes, weights) = gauss_legendre(n);
        assert!(nodes.is_sorted());
        for power in (0..2 * n as i32).take(60) {
            let sum: f64 = nodes.iter().zip(&weights).map(|(x, w)| w * x.powi(power)).sum();
            close(sum, if power % 2 == 0 { 2.0 / f64::from(power + 1) } else { 0.0 }, 2e-14);
        }
    }
    // The textbook's two nodes.
    close(gauss_legendre(2).0[1], 1.0 / 3.0_f64.sqrt(), 1e-15);
}
