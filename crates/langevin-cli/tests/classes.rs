//! Labels, classes and held-out rows of data that are compared with a model.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{npy, run, run_saying, works, works_saying};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Points of a plane, 40 about (0, 0) of class 0 and 20 about (8, 8) of class 1, in files with and
/// without labels.
fn files(here: &Path) {
    let class = |row: u32| u8::from(row % 3 == 2);
    let points = |row: u32| [0.1, 0.37].map(|step| f64::from(class(row)) * 8.0 + (f64::from(row) * step).sin());
    let array = |rows: u32| {
        let bytes: Vec<u8> = (0..rows).flat_map(points).flat_map(f64::to_le_bytes).collect();
        npy(&format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, 2), }}\n"), &bytes)
    };
    let labels: Vec<u8> = (0..60).map(class).collect();
    fs::write(here.join("rows.npy"), array(60)).unwrap();
    fs::write(here.join("few.npy"), array(30)).unwrap();
    let header = |rows: u32| format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows},), }}\n");
    fs::write(here.join("labels.npy"), npy(&header(60), &labels)).unwrap();
    fs::write(here.join("few-labels.npy"), npy(&header(30), &labels[..30])).unwrap();
    let mut table = "a,b,kind\n".to_owned();
    for row in 0..60 {
        let [a, b] = points(row);
        writeln!(table, "{a},{b},{}", ["left", "right"][usize::from(class(row))]).unwrap();
    }
    fs::write(here.join("table.csv"), table).unwrap();
}

const TRAIN: &str = "--conditional --steps 30 --width 8 --depth 1";

/// A model remembers where its labels were. Other rows have others, or none.
#[test]
fn the_labels_of_the_training_are_not_asked_of_other_rows() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    files(here);
    works(here, &format!("train --data rows.npy --labels labels.npy {TRAIN} --out m"));
    for line in ["likelihood m --data few.npy", "evaluate m --data few.npy", "diagnose m --data few.npy -n 20 --rows 9"]
    {
        let (_, stderr) = works_saying(here, line);
        assert!(stderr.contains("left out: the labels in labels.npy (they do not fit these rows)"), "{line}: {stderr}");
    }
    let (_, stderr) = works_saying(here, "likelihood m --data few.npy --labels few-labels.npy");
    assert!(stderr.contains("labels from few-labels.npy"), "{stderr}");
    // Rows of the training have the labels of the training, where they still are.
    let (_, stderr) = works_saying(here, "likelihood m --data rows.npy");
    assert!(stderr.contains("labels from labels.npy"), "{stderr}");
    fs::remove_file(here.join("labels.npy")).unwrap();
    works(here, "likelihood m --data rows.npy");
    // What was asked for is used or refused.
    let (code, _, stderr) = run(here, "likelihood m --data few.npy --labels none.npy");
    assert!(code == 2 && stderr.starts_with("error: no such file (few.npy, labels none.npy)"), "{stderr}");
    fs::write(here.join("labels.npy"), fs::read(here.join("few-labels.npy")).unwrap()).unwrap();
    let (code, _, stderr) = run(here, "likelihood m --data rows.npy --labels labels.npy");
    assert!(code == 1 && stderr.starts_with("error: the labels do not fit the rows"), "{stderr}");
}

/// Samples of a class are compared with rows of that class.
#[test]
fn samples_of_a_class_are_compared_with_rows_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    files(here);
    works(here, &format!("train --data table.csv --label-column kind {TRAIN} --out m"));
    let evaluate = "evaluate m --steps 5 --data table.csv --json";
    let figures = |stdout: &str| -> serde_json::Value { serde_json::from_str(stdout).unwrap() };
    let (stdout, stderr) = works(here, &format!("{evaluate} --class right"));
    assert!(stderr.contains("note: of 60 rows, 20 are of class right, and the others are left out\n"), "{stderr}");
    assert!(stderr.contains("20 samples of table by ") && stderr.contains(" against 20 rows of class right that "));
    assert_eq!((&figures(&stdout)["rows"], &figures(&stdout)["classes"]), (&20.into(), &serde_json::json!([1])));
    let (stdout, stderr) = works(here, &format!("{evaluate} --class 0"));
    assert!(figures(&stdout)["rows"] == 40 && stderr.contains("40 are of class left"), "{stderr}");
    // All classes are all rows.
    let (stdout, stderr) = works(here, &format!("{evaluate} --class left,right"));
    assert!(figures(&stdout)["rows"] == 60 && !stderr.contains("are of class"), "{stderr}");
    // The rows held out, and as many training rows of the class beside them.
    works(here, &format!("train --data table.csv --label-column kind --hold-out 0.5 {TRAIN} --out h"));
    let (stdout, stderr) = works(here, "evaluate h --steps 5 --data table.csv --class left --json");
    assert!(stderr.contains("rows of class left that were held out, in"), "{stderr}");
    let rows = figures(&stdout)["rows"].as_u64().unwrap();
    assert!((12..=28).contains(&rows), "{stdout}");
    // Real rows of one class are near each other: against rows of both the distance would be eight.
    let real = figures(&stdout)["floor"]["wasserstein"].as_f64().unwrap();
    assert!(real < 0.5, "{stdout}");
    // Without labels there is nothing to compare with.
    let (code, _, stderr) = run(here, "evaluate m --data few.npy --class left");
    assert!(code == 2 && stderr.contains("the rows have no labels (--class, --data)"), "{stderr}");
    assert!(
        stderr.ends_with("hint: --labels FILE.npy names the labels of these rows, or leave out --class\n"),
        "{stderr}"
    );
    fs::write(here.join("three.csv"), "a,b,kind\n1,2,right\n3,4,right\n1,1,left\n2,2,left\n").unwrap();
    let (code, _, stderr) = run(here, "evaluate m --data three.csv --class right");
    assert!(code == 1 && stderr.contains("expected 5 rows of class right, got 2 of 4"), "{stderr}");
}

/// What is said of --held-out helps in the command at hand.
#[test]
fn held_out_rows_that_are_not_there_are_explained() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    files(here);
    works(here, "train --data rows.npy --steps 3 --width 8 --depth 1 --out m");
    for command in ["likelihood", "diagnose"] {
        let (code, _, stderr) = run_saying(here, &format!("{command} m --data rows.npy --held-out"));
        let expected = "error: no rows were held out of this model's training (--held-out): expected a model of `langevin train --hold-out SHARE`, got one trained on all 60 rows\nhint: leave out --held-out, and give rows that the model has not seen as --data FILE\n";
        assert!(code == 2 && stderr == expected, "{stderr}");
    }
    let (code, _, stderr) = run(here, "likelihood --exact moons --data moons --held-out");
    assert!(
        code == 2 && stderr.ends_with("got 'moons', which was not trained here\nhint: leave out --held-out\n"),
        "{stderr}"
    );
    let (code, _, stderr) = run(here, "evaluate m --data rows.npy --held-out");
    assert!(
        code == 2 && stderr.starts_with("error: rows that were held out are chosen by themselves here"),
        "{stderr}"
    );
    assert!(!stderr.contains("Usage"), "{stderr}");
}
