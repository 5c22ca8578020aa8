//! Files of an earlier version of the program: its model, its run and its plan are read, and mean
//! what they meant.
//!
//! They were written by `train --data moons --width 8 --depth 1 --steps 40 --seed 3 --hold-out .1
//! --run run`, by `sample -n 4 --seed 5`
//! before and after `train --resume run --steps 60`, and by `plan --sampler unipc --process vp
//! --steps 4 --predict epsilon --json`.
#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod common;

use common::langevin;
use langevin::Plan;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/before")
}

/// A copy of the run, which a test may continue.
fn copied(to: &Path) -> PathBuf {
    let run = to.join("run");
    std::fs::create_dir_all(run.join("states")).unwrap();
    for file in ["config.toml", "log.ndjson", "model.safetensors", "states/step-0000000040.safetensors"] {
        std::fs::copy(folder().join("run").join(file), run.join(file)).unwrap();
    }
    run
}

fn numbers(path: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).flat_map(|line| line.split(',')).map(|number| number.parse().unwrap()).collect()
}

/// Four samples of the model of a run against those of before: single precision, whose products of
/// matrices may differ from processor to processor in the last bits (2⁻²⁴), through twenty
/// evaluations of two layers.
fn samples_are(run: &Path, expected: &str) {
    let out = run.join("samples.csv");
    langevin(run)
        .args(["sample", "model.safetensors", "-n", "4", "--seed", "5", "--out", "samples.csv"])
        .assert()
        .success();
    let (found, expected) = (numbers(&out), numbers(&folder().join(expected)));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-4, "{found} where there was {expected}");
    }
}

#[test]
fn a_model_of_before_gives_the_samples_of_before() {
    let directory = tempfile::tempdir().unwrap();
    samples_are(&copied(directory.path()), "samples.csv");
}

#[test]
fn a_run_of_before_goes_on_as_it_would_have() {
    let directory = tempfile::tempdir().unwrap();
    let run = copied(directory.path());
    langevin(directory.path()).args(["train", "--resume", "run", "--steps", "60"]).assert().success();
    samples_are(&run, "samples-after-60-steps.csv");
}

#[test]
fn a_plan_of_before_keeps_every_byte() {
    let text = std::fs::read_to_string(folder().join("plan.json")).unwrap();
    let plan = Plan::from_json(&text).unwrap();
    assert_eq!(plan.to_json().trim_end(), text.trim_end());
    assert!(plan.lint().unwrap().is_clean());
}
