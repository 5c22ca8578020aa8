//! `langevin train`, and a network through `info` and `sample`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, npy, read_f8, run, works};
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
    let (stdout, stderr) = common::works_saying(here, "train --data line.csv --steps 20 --out m.safetensors --json");
    let read =
        "read line.csv: 40 rows × 2 columns, CSV without a header line, numbers as text; column 1 counts the rows";
    assert!(stderr.starts_with(read) && stderr.contains("\n20 steps on line in "), "{stderr}");
    let summary: serde_json::Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
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
    // The network computes in f32: a change of formulation is exact up to its rounding of the
    // input.
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

#[test]
fn samples_that_are_not_finite_are_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    line(here);
    works(here, "train --data line.csv --steps 1 --out m.safetensors");
    // Weights that are finite, and products of them that are not.
    let mut bytes = fs::read(here.join("m.safetensors")).unwrap();
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[start..].chunks_exact_mut(4).for_each(|weight| weight.copy_from_slice(&1e38_f32.to_le_bytes()));
    // A file of the version before checksums.
    let bytes = common::third_version(&bytes);
    fs::write(here.join("m.safetensors"), bytes).unwrap();
    for name in ["x.npy", "x.csv", "x.png"] {
        let (code, stdout, stderr) = run(here, &format!("sample m.safetensors -n 3 --out {name}"));
        assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
        let words = "error: the samples are not finite (sample 0, element 0): expected finite numbers, got ";
        assert!(stderr.starts_with(words) && stderr.contains("\nhint: lower --sigma-max"), "{stderr}");
    }
    assert_eq!(names(here), ["line.csv", "m.safetensors"]);
}

#[test]
fn a_name_from_a_model_does_not_act_on_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let rows: String = (0..40).map(|i| format!("{i},{}\n", 40 - i)).collect();
    fs::write(here.join("\u{1b}[31mred\u{7}.csv"), rows).unwrap();
    works(here, "train --data \u{1b}[31mred\u{7}.csv --steps 1 --out m");
    for command in ["info m", "sample m -n 1 --steps 1 --out x.npy"] {
        let (stdout, stderr) = works(here, command);
        let text = stdout + &stderr;
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
        assert!(text.contains("\\u{1b}[31mred\\u{7}"), "{text}");
    }
}

#[test]
fn a_picture_holds_so_many_samples() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    fs::write(here.join("p.npy"), npy("{'descr': '|u1', 'fortran_order': False, 'shape': (10, 2, 3), }\n", &[7; 60]))
        .unwrap();
    works(here, "train --data p.npy --steps 1 --out m");
    let (code, _, stderr) = run(here, "sample m -n 900000 --out x.png");
    assert_eq!(code, 2, "{stderr}");
    let (words, rest) = stderr.split_once("-n at most ").unwrap();
    assert_eq!(words, "error: too many samples for one picture (x.png): expected ");
    let most = rest.split(' ').next().unwrap();
    let (code, _, _) = run(here, &format!("sample m -n {} --out x.png", most.parse::<u32>().unwrap() + 1));
    assert_eq!(code, 2);
}

/// Data that are left as they are keep their range, which pictures are drawn and read by.
#[test]
fn data_are_left_as_they_are_where_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "train --data digits --steps 3 --width 8 --no-normalize --out raw.safetensors");
    let (json, _) = works(here, "info raw.safetensors --json");
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["normalization"], serde_json::json!({ "shift": [0.0], "scale": [1.0] }));
    assert_eq!(found["data"]["range"], serde_json::json!([0.0, 16.0]));
    works(here, "sample raw.safetensors -n 4 --out raw.png");
}
