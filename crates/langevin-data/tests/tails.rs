//! Columns with heavy tails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use langevin_data::Dataset;

/// Returns the quantiles of n points, so that the moments match those of the density to order 1/n.
fn column(n: usize, quantile: impl Fn(f64) -> f64) -> Vec<f32> {
    (0..n).map(|i| quantile((i as f64 + 0.5) / n as f64) as f32).collect()
}

fn tails(columns: &[Vec<f32>]) -> Vec<(usize, f64, f64)> {
    let rows = columns[0].len();
    let values = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    let found = Dataset::new("table", values, &[columns.len()]).unwrap().heavy_tails().unwrap();
    found.iter().map(|tail| (tail.column, tail.farthest, tail.kurtosis)).collect()
}

#[test]
fn heavy_tails_are_those_beyond_an_exponential() {
    let n = 2000;
    let uniform = column(n, |u| u);
    let exponential = column(n, |u| -(1.0 - u).ln());
    // A Pareto column with infinite kurtosis.
    let pareto = column(n, |u| (1.0 - u).powf(-0.5));
    let constant = vec![3.0; n];
    let found = tails(&[uniform.clone(), exponential, pareto.clone(), constant]);
    assert_eq!(found.iter().map(|tail| tail.0).collect::<Vec<_>>(), [2], "{found:?}");
    // The expected figures follow the definition.
    let mean = pareto.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
    let power = |k: i32| pareto.iter().map(|x| (f64::from(*x) - mean).powi(k)).sum::<f64>() / n as f64;
    let kurtosis = power(4) / power(2).powi(2);
    let farthest = (f64::from(pareto[n - 1]) - mean) / power(2).sqrt();
    assert!((found[0].2 / kurtosis - 1.0).abs() < 1e-9 && (found[0].1 / farthest - 1.0).abs() < 1e-9, "{found:?}");
    // One outlier is enough: among n rows it is at most √(n − 1) deviations away.
    let mut outlier = uniform;
    outlier[7] = 1e3;
    let found = tails(&[outlier]);
    assert!((found[0].1 - ((n - 1) as f64).sqrt()).abs() < 0.1, "{found:?}");
    // Images have no columns.
    let pictures = Dataset::new("pictures", vec![0.0; 40], &[2, 2]).unwrap();
    assert_eq!(pictures.heavy_tails().unwrap(), []);
}
