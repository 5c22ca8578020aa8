//! Tests the arguments that are rejected.

use super::*;

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
    // A singular covariance is allowed: a line in the plane, whose denoised predictions stay on it.
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
