//! Training on tables of categories and numbers.
#![allow(clippy::unwrap_used)]

use langevin::SampleId;
use langevin::math::normal_quantile;
use langevin_data::{Tabulation, open_table};
use langevin_discrete::Request;
use langevin_train::{Budget, Dataset, Network, Recipe, TableNetwork, TokenNoise, train};
use std::ops::ControlFlow;

/// Writes a table with a law that is known, and opens it.
///
/// The kind is a, b or c with shares ½, ¼, ¼. Its size is normal with mean 0, 4 or 8 and standard
/// deviation 1, to two decimals. The flag is y with probability 0.9 if the kind is a, and 0.1
/// otherwise.
fn table(rows: usize, missing: bool) -> Dataset {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("law.csv");
    let mut text = String::from("kind,size,flag\n");
    // Low-discrepancy sequences in three dimensions, so that shares are exact to about 1/rows.
    let steps = [0.819_172_513_396_164_5, 0.671_043_606_703_789_3, 0.549_700_477_901_970_2];
    for row in 0..rows {
        let u = steps.map(|step| ((row as f64 + 1.0) * step).fract());
        let kind = if u[0] < 0.5 {
            0
        } else if u[0] < 0.75 {
            1
        } else {
            2
        };
        let size = f64::from(kind * 4) + normal_quantile(u[1].clamp(1e-6, 1.0 - 1e-6));
        let flag = if (u[2] < 0.9) == (kind == 0) { "y" } else { "n" };
        let shown = if missing && row % 7 == 3 { String::new() } else { format!("{size:.2}") };
        let name = if missing && row % 5 == 2 { "" } else { ["a", "b", "c"][kind as usize] };
        text.push_str(&format!("{name},{shown},{flag}\n"));
    }
    std::fs::write(&path, text).unwrap();
    open_table(&path, &Tabulation::default()).unwrap()
}

fn trained(data: &Dataset, steps: u64) -> Network {
    let mut recipe = Recipe::of_tokens(data, Budget::Steps(steps)).unwrap();
    (recipe.batch, recipe.learning_rate) = (64, 3e-3);
    train(data, &recipe, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn drawn(table: &TableNetwork<'_>, count: u64) -> Vec<f64> {
    let numbers = langevin::Request::new().steps(16).network(table.formulation().clone()).plan().unwrap();
    let letters = table.letters_for(&numbers, Request::new()).unwrap();
    let rows: Vec<SampleId> = (0..count).map(|index| SampleId { seed: 3, index }).collect();
    table.sample(&numbers, &letters, &rows).unwrap()
}

/// Checks shares and conditional means against the law.
fn check(rows: &[f64], tolerance: f64) {
    let count = rows.len() as f64 / 3.0;
    for (kind, [share, mean, yes]) in [[0.5, 0.0, 0.9], [0.25, 4.0, 0.1], [0.25, 8.0, 0.1]].into_iter().enumerate() {
        let own: Vec<&[f64]> = rows.chunks(3).filter(|row| row[1] == kind as f64).collect();
        let n = own.len() as f64;
        let got = [
            n / count,
            own.iter().map(|row| row[0]).sum::<f64>() / n,
            own.iter().filter(|row| row[2] == 1.0).count() as f64 / n,
        ];
        for ((got, want), scale) in got.into_iter().zip([share, mean, yes]).zip([1.0, 4.0, 1.0]) {
            assert!((got - want).abs() < tolerance * scale, "kind {kind}: {got} for {want}");
        }
    }
}

#[test]
fn both_sorts_of_columns_are_learned_together() {
    let data = table(2000, false);
    let network = trained(&data, 600);
    let table = network.table().unwrap();
    assert!(network.is_table() && network.tokens().is_err());
    // 1500 rows have a standard error of 0.013 in a share; the rest is room for 600 steps.
    let rows = drawn(&table, 1500);
    check(&rows, 0.12);
    // Sample i is the same for any count.
    assert_eq!(drawn(&table, 70), rows[..210]);
    // The model file holds the columns.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.safetensors");
    network.save(&path).unwrap();
    let read = Network::load(&path).unwrap();
    assert_eq!(drawn(&read.table().unwrap(), 70), rows[..210]);
    assert_eq!(read.table().unwrap().schema(), data.vocabulary().unwrap().table().unwrap());
}

#[test]
fn missing_values_are_not_learned() {
    let data = table(2000, true);
    let network = trained(&data, 600);
    let rows = drawn(&network.table().unwrap(), 1500);
    assert!(rows.chunks(3).all(|row| row[0].is_finite() && row[1] < 3.0));
    check(&rows, 0.12);
}

#[test]
fn bad_plans_and_noise_are_refused() {
    let data = table(200, false);
    let error = Recipe::of_tokens_with(&data, TokenNoise::Uniform, Budget::Steps(1))
        .and_then(|recipe| train(&data, &recipe, &mut |_| ControlFlow::Continue(())))
        .unwrap_err()
        .to_string();
    assert!(error.contains("different letters") && error.contains("masked"), "{error}");
    let network = trained(&data, 1);
    let table = network.table().unwrap();
    let plan = |sampler: &str| {
        langevin::Request::new().sampler(sampler).steps(4).network(table.formulation().clone()).plan().unwrap()
    };
    let error = table.letters_for(&plan("heun"), Request::new()).unwrap_err().to_string();
    assert!(error.contains("falling noise levels") && error.contains("heun"), "{error}");
    let twice = Request::new().sampler("theta-trapezoidal");
    let error = table.letters_for(&plan("ddim"), twice).unwrap_err().to_string();
    assert!(error.contains("4 evaluations"), "{error}");
}
