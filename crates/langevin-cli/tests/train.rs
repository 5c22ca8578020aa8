//! `langevin train`, and a network through `info` and `sample`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, npy, read_f8, works};
use std::fs;
use std::path::Path;

/// Forty points on a line.
fn line(directory: &Path) {
    let rows: String = (0..40).map(|i| format!("{},{}\n", i, 40 - i)).collect();
    fs::write(directory.join("line.csv"), rows).unwrap();
}

#[test]
fn a_network_is_trained_described_and_sampled_in_any_formulation() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    line(here);
    let (stdout, stderr) = works(here, "train --data line.csv --steps 20 --out m.safetensors --json");
    assert!(stderr.starts_with("20 steps on line in "), "{stderr}");
    let summary: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&summary["steps"], &summary["data"]["rows"]), (&20.into(), &40.into()));

    let (stdout, _) = works(here, "info m.safetensors --json");
    let metadata: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(metadata["formulation"]["prediction"]["kind"], "velocity");
    assert_eq!(metadata["training"]["steps"], 20);
    let (stdout, _) = works(here, "info m.safetensors");
    assert!(stdout.contains("rectified-flow") && stdout.contains("σ/α from 80.0000 down to 0.0020"), "{stdout}");

    let draw = |flags: &str| {
        works(here, &format!("sample m.safetensors --out x.npy {flags}"));
        read_f8(&here.join("x.npy")).1
    };
    let own = draw("-n 150 --steps 6");
    for flags in ["--batch 7 --threads 1", "--batch 64 --threads 2", "--batch 150 --threads 3"] {
        assert_eq!(draw(&format!("-n 150 --steps 6 {flags}")), own, "{flags}");
    }
    assert_eq!(draw("-n 3 --steps 6"), own[..6]);
    // The network computes in f32: a change of formulation is exact up to its rounding of the input.
    for read_as in ["vp:score", "ve:epsilon", "vp-cosine:v", "ve", "vp"] {
        let worst = draw(&format!("-n 150 --steps 6 --as {read_as}"))
            .iter()
            .zip(&own)
            .fold(0.0_f64, |w, (a, b)| w.max((a - b).abs()));
        assert!(worst < 0.01, "{read_as}: {worst:e}");
    }
    let (_, stderr) = works(here, "sample m.safetensors -n 1 --sigma-max 200 --out x.csv");
    assert!(
        stderr.starts_with("note: noise levels clipped to the trained range, σ/α from 0.0020 to 80.0000\n"),
        "{stderr}"
    );
    assert_eq!(names(here), ["line.csv", "m.safetensors", "x.csv", "x.npy"]);
}

#[test]
fn pictures_keep_their_shape() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let pixels: Vec<u8> = (0..10 * 6).map(|i| (i * 37 % 251) as u8).collect();
    fs::write(here.join("p.npy"), npy("{'descr': '|u1', 'fortran_order': False, 'shape': (10, 2, 3), }\n", &pixels))
        .unwrap();
    works(here, "train --data p.npy --process ve --predict epsilon --weight likelihood --steps 3 --out m.safetensors");
    works(here, "sample m.safetensors -n 4 --steps 2 --out x.npy");
    assert_eq!(read_f8(&here.join("x.npy")).0, "4, 2, 3");
    works(here, "sample m.safetensors -n 4 --steps 2 --out x.png");
    assert!(fs::read(here.join("x.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn the_same_seed_gives_the_same_network() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    line(here);
    let draw = |seed: u64| {
        works(here, &format!("train --data line.csv --steps 5 --seed {seed} --out m.safetensors"));
        works(here, "sample m.safetensors -n 2 --steps 2 --out x.npy");
        read_f8(&here.join("x.npy")).1
    };
    let first = draw(1);
    assert_eq!(draw(1), first);
    assert_ne!(draw(2), first);
}
