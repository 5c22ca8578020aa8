//! `--device`: where a network is evaluated.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, run, works};
use std::path::Path;

const TRAIN: &str = "train --data digits --steps 30 --width 32 --depth 2 --batch 64 --hold-out 0.2 --threads 1";

/// Refused before anything is written, whatever the build.
fn refused(here: &Path, line: &str, code: i32, words: &[&str]) {
    let before = names(here);
    let (found, _, stderr) = run(here, line);
    assert_eq!(found, code, "{line}: {stderr}");
    for words in words {
        assert!(stderr.contains(words), "{line}: {stderr}");
    }
    assert_eq!(names(here), before, "{line}");
}

#[test]
fn cards_that_are_not_there_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let expected = ["no such device (device)", "cpu, gpu or gpu:N", "abacus"];
    refused(here, &format!("{TRAIN} --device abacus --run run"), 2, &expected);
    refused(here, "sample --exact moons --device gpu:x -n 8 --out x.npy", 2, &["cpu, gpu or gpu:N"]);
    // Card 200 is in no machine; a build without cards has none.
    refused(here, &format!("{TRAIN} --device gpu:200 --run run"), 1, &["graphics card", "hint: "]);
    works(here, &format!("{TRAIN} --device cpu --out m.safetensors"));
    refused(here, "sample m.safetensors --device gpu:200 -n 8 --out x.npy", 1, &["graphics card"]);
}

#[cfg(not(feature = "gpu"))]
#[test]
fn a_build_without_cards_says_how_to_get_them() {
    let directory = tempfile::tempdir().unwrap();
    refused(directory.path(), &format!("{TRAIN} --device gpu --out m.safetensors"), 1, &["--features gpu"]);
}

/// The same commands: a model of either device is read on the other, and says the same to the
/// rounding of single precision.
#[cfg(feature = "gpu")]
#[test]
fn a_card_trains_and_samples_as_the_processor_does() {
    if let Err(error) = langevin_train::Device::open("gpu") {
        eprintln!("skipped, no graphics card: {error}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (_, stderr) = works(here, &format!("{TRAIN} --device gpu --out gpu.safetensors"));
    assert!(stderr.contains("on "), "{stderr}");
    works(here, &format!("{TRAIN} --out cpu.safetensors"));
    for (model, device) in [("gpu", "gpu"), ("gpu", "cpu"), ("cpu", "gpu")] {
        works(
            here,
            &format!("sample {model}.safetensors --device {device} --steps 5 -n 16 --out {model}-{device}.npy"),
        );
    }
    let read = |name: &str| common::read_f8(&here.join(name)).1;
    // Pixels from 0 to 16. The weights differ by the rounding of thirty steps, a sample by that of
    // five more.
    let far = |a: &str, b: &str| {
        let (a, b) = (read(a), read(b));
        a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    assert!(far("gpu-gpu.npy", "gpu-cpu.npy") < 1e-3, "{}", far("gpu-gpu.npy", "gpu-cpu.npy"));
    assert!(far("gpu-gpu.npy", "cpu-gpu.npy") < 0.1, "{}", far("gpu-gpu.npy", "cpu-gpu.npy"));
    let (stdout, _) =
        works(here, "likelihood gpu.safetensors --data digits --held-out -n 4 --method ode --device gpu --json");
    assert!(stdout.contains("bits_per_dim"), "{stdout}");
    refused(here, "sample --exact moons --device gpu -n 8 --out x.npy", 2, &["a model of `langevin train`"]);
}
