//! The likelihood of a file against what can be computed from the file alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::works_saying as works;
use std::fmt::Write as _;
use std::fs;

/// Rows of two correlated columns.
fn rows() -> Vec<[f64; 2]> {
    let wave = |i: usize, step: f64| (i as f64 * step).sin() * 3.0 + (i as f64 * 1.7 * step).cos();
    (0..200).map(|i| [5.0 + wave(i, 0.618), 40.0 + 6.0 * wave(i, 0.618) + 2.0 * wave(i, 0.287)]).collect()
}

/// −log p of `row` under the Gaussian with the mean and covariance of `train`.
fn gaussian(train: &[[f64; 2]], row: [f64; 2]) -> f64 {
    let count = train.len() as f64;
    let mean = |j: usize| train.iter().map(|row| row[j]).sum::<f64>() / count;
    let (a, b) = (mean(0), mean(1));
    let moment = |f: &dyn Fn(f64, f64) -> f64| train.iter().map(|row| f(row[0] - a, row[1] - b)).sum::<f64>() / count;
    let (xx, xy, yy) = (moment(&|x, _| x * x), moment(&|x, y| x * y), moment(&|_, y| y * y));
    let determinant = xx * yy - xy * xy;
    let (x, y) = (row[0] - a, row[1] - b);
    let square = (yy * x * x - 2.0 * xy * x * y + xx * y * y) / determinant;
    0.5 * square + 0.5 * determinant.ln() + (2.0 * std::f64::consts::PI).ln()
}

#[test]
fn held_out_rows_are_named_and_compared_with_the_gaussian_of_the_training_rows() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let all = rows();
    let text = all.iter().fold("x,y\n".to_owned(), |mut text, [x, y]| {
        writeln!(text, "{x},{y}").unwrap();
        text
    });
    fs::write(here.join("t.csv"), text).unwrap();
    works(here, "train --data t.csv --hold-out 0.25 --steps 20 --width 8 --depth 1 --batch 16 --out m.safetensors");
    let line = "likelihood m.safetensors --data t.csv --held-out --method ode --out l.csv";
    let (stdout, _) = works(here, &format!("{line} --json"));
    let found: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let written = fs::read_to_string(here.join("l.csv")).unwrap();
    assert_eq!(written.lines().next(), Some("nats,standard_error,row,gaussian_nats"));
    let lines: Vec<Vec<f64>> =
        written.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    assert_eq!(lines.len(), 50);
    let held: Vec<usize> = lines.iter().map(|line| line[2] as usize).collect();
    let train: Vec<[f64; 2]> = all.iter().enumerate().filter(|(i, _)| !held.contains(i)).map(|(_, row)| *row).collect();
    assert_eq!(train.len(), 150, "each held-out row is another one");
    for (line, row) in lines.iter().zip(&held) {
        // Rows are stored in single precision (2^-24 of 40 in deviations of about 1), and the noise
        // of σ/α = 0.002 adds 4e-6 to a variance of 1 and, the columns correlated, more in the
        // thinnest direction.
        let expected = gaussian(&train, all[*row]);
        assert!((line[3] - expected).abs() < 1e-3 * expected.abs().max(1.0), "row {row}: {} {expected}", line[3]);
    }
    let mean = |f: &dyn Fn(&[f64]) -> f64| lines.iter().map(|line| f(line)).sum::<f64>() / 50.0;
    let close = |name: &str, value: f64| {
        let found = found[name].as_f64().unwrap();
        assert!((found - value).abs() < 1e-9, "{name}: {found} {value}");
    };
    close("gaussian_nats_mean", mean(&|line| line[3]));
    close("minus_gaussian_mean", mean(&|line| line[0] - line[3]));
    let (stdout, _) = works(here, line);
    assert!(stdout.contains("nats higher than the Gaussian, row by row: the model is worse"), "{stdout}");
    let (stdout, _) = works(here, "likelihood m.safetensors --data t.csv --held-out");
    assert!(stdout.contains("nothing follows"), "a bound above it decides nothing: {stdout}");
}

#[test]
fn a_density_in_closed_form_has_no_training_rows_to_compare_with() {
    let directory = tempfile::tempdir().unwrap();
    let (stdout, _) = works(directory.path(), "likelihood --exact moons --data moons -n 20 --levels 4 --out l.csv");
    assert!(!stdout.contains("Gaussian"), "{stdout}");
    let written = fs::read_to_string(directory.path().join("l.csv")).unwrap();
    assert_eq!(written.lines().next(), Some("nats,standard_error,row"));
}

#[test]
fn whole_numbers_that_were_learned_as_they_are_have_no_fair_gaussian() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let text = (0..120).fold("n,m\n".to_owned(), |text, i| text + &format!("{},{}\n", i * i % 7, i * 5 % 11));
    fs::write(here.join("t.csv"), text).unwrap();
    let train = "train --data t.csv --hold-out 0.25 --steps 20 --width 8 --depth 1 --batch 16 --out m.safetensors";
    let line = "likelihood m.safetensors --data t.csv --held-out --levels 4";
    works(here, train);
    assert!(!works(here, line).0.contains("Gaussian"));
    works(here, &format!("{train} --dequantize"));
    assert!(works(here, line).0.contains("Gaussian"));
}
