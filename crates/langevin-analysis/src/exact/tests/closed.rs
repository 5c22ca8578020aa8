//! Compares the closed forms with each other.

use super::*;
use nalgebra::{DMatrix, DVector};
use std::f64::consts::TAU;

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
    // Two rows are equally near.
    assert_eq!(one(&data, &[0.5, 1.0], level(1.0, 0.0)), [0.5, 1.0]);
}
