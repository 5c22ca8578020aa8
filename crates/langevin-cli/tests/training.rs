//! `train`: every process, over-training, divergence and slow steps.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, npy, run, works};
use std::fs;
use std::path::Path;

/// Every process trains with its defaults, for several predictions, and its model can be sampled.
#[test]
fn every_process_trains_with_its_defaults_and_samples() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    fs::write(here.join("t.csv"), (0..40).map(|i| format!("{},{}\n", i % 7, i % 5)).collect::<String>()).unwrap();
    for process in langevin::Process::NAMES {
        for predict in ["epsilon", "v", "x0"] {
            works(
                here,
                &format!(
                    "train --data t.csv --process {process} --predict {predict} --steps 2 --width 8 --depth 1 --out m.safetensors"
                ),
            );
            works(here, "sample m.safetensors -n 3 --steps 4 --out x.npy");
        }
    }
}

/// Twenty random rows, of which half are held out: a network of this size learns them by heart in
/// some hundred steps.
fn few(path: &Path) {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) as f64 / (1u64 << 53) as f64
    };
    let rows: String = (0..40).map(|_| format!("{},{},{},{}\n", next(), next(), next(), next())).collect();
    fs::write(path, format!("a,b,c,d\n{rows}")).unwrap();
}

#[test]
fn the_best_step_is_kept_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    few(&here.join("few.csv"));
    let flags = "--data few.csv --hold-out 0.5 --width 64 --depth 2 --batch 32 --lr 5e-3 --log-every 50";
    let (stdout, stderr) = works(here, &format!("train {flags} --steps 1200 --run r --json"));
    let lines: Vec<serde_json::Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (looks, summary) = lines.split_at(lines.len() - 1);
    let (step, bound) = looks
        .iter()
        .map(|line| (line["step"].as_u64().unwrap(), line["bound"].as_f64().unwrap()))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap();
    assert!(step < 1000, "{step}");
    assert_eq!(summary[0]["best"], serde_json::json!({ "step": step, "bound": bound, "model": "r/best.safetensors" }));
    assert_eq!(stderr.matches("note: the bound of the held-out rows was best at step").count(), 1, "{stderr}");
    assert!(
        stderr.contains(": r/best.safetensors holds that model; the bound is an upper bound on −log p of "),
        "{stderr}"
    );
    assert!(stderr.contains("`langevin likelihood --method ode` computes the density of the ODE model"), "{stderr}");
    let (info, _) = works(here, "info r/best.safetensors --json");
    assert!(info.contains(&format!("\"steps\":{step}")) || info.contains(&format!("\"steps\": {step}")), "{info}");
    // It is what a training that ends there has, but for the fall of the rate: at a constant one,
    // the same bits.
    let flags = format!("{flags} --decay constant");
    let (stdout, _) = works(here, &format!("train {flags} --steps 1200 --run c --json"));
    let last: serde_json::Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    let step = last["best"]["step"].as_u64().unwrap();
    works(here, &format!("train {flags} --steps {step} --out there.safetensors"));
    let weights = |name: &str| {
        let bytes = fs::read(here.join(name)).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    assert!(weights("c/best.safetensors") == weights("there.safetensors"));
    // A run that is stopped behind the best step still knows it when it goes on.
    works(here, &format!("train {flags} --steps {} --run s", step + 100));
    let (_, stderr) = works(here, "train --resume s --steps 1200");
    assert!(stderr.contains(&format!("best at step {step} ")), "{stderr}");
    assert!(weights("s/best.safetensors") == weights("there.safetensors"));
    // Without a run it lies beside the model; where the last step is the best there is none.
    works(here, &format!("train {flags} --steps 1200 --out m.safetensors"));
    assert!(weights("m.best.safetensors") == weights("there.safetensors"));
    works(here, "train --data digits --hold-out 0.2 --steps 60 --width 16 --batch 32 --dequantize --run good");
    assert!(!names(&here.join("good")).contains(&"best.safetensors".to_owned()));
}

#[test]
fn the_steps_are_sized_to_the_rows() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    for (rows, steps) in [(6, 200), (240, 700), (1900, 2000)] {
        fs::write(here.join("t.csv"), (0..rows).map(|i| format!("{},{}\n", i % 7, i % 5)).collect::<String>()).unwrap();
        let (_, stderr) = works(here, "train --data t.csv --width 2 --depth 1 --batch 2 --out m.safetensors");
        let text = if steps == 2000 { "2,000 steps".to_owned() } else { format!("{steps} steps") };
        assert!(stderr.contains(&text), "{rows}: {stderr}");
    }
}

#[test]
fn an_explosion_ends_the_training_with_a_reason_and_no_model() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    for flags in [
        "--lr 10 --clip inf --steps 300",
        "--lr 10 --clip inf --steps 20 --warmup 0",
        "--lr 3 --steps 2000 --width 64 --depth 2",
    ] {
        let (code, _, stderr) = run(here, &format!("train --data moons {flags} --out m.safetensors"));
        assert!(code == 1 && stderr.contains("error: training diverged (step "), "{flags}: {stderr}");
        assert!(
            stderr.contains("predicting nothing")
                && stderr.contains("try --lr ")
                && stderr.matches("hint:").count() == 1,
            "{stderr}"
        );
        assert_eq!(names(here), [""; 0], "{flags}");
    }
    // A run goes on from before it.
    works(here, "train --data moons --steps 40 --width 16 --depth 1 --batch 32 --run r");
    let state = fs::read(here.join("r/states/step-0000000040.safetensors")).unwrap();
    let (code, _, stderr) = run(here, "train --resume r --lr 100 --clip inf --decay constant --steps 900");
    assert!(code == 1 && stderr.contains("--resume r --lr 2.0e-3"), "{stderr}");
    assert_eq!(fs::read(here.join("r/states/step-0000000040.safetensors")).unwrap(), state);
    works(here, "train --resume r --lr 1e-3 --clip 1 --decay cosine --steps 100");
    // Every gradient clipped and nothing learned.
    let (_, stderr) = works(
        here,
        "train --data moons --steps 1300 --width 8 --depth 1 --batch 8 --clip 1e-9 --lr 1e-9 --out m.safetensors",
    );
    assert_eq!(
        stderr.matches("note: all gradients of the last 1,000 steps were clipped to --clip").count(),
        1,
        "{stderr}"
    );
}

/// An array of black pictures.
fn pictures(path: &Path, side: usize) {
    let header =
        format!("{:<117}\n", format!("{{'descr': '|u1', 'fortran_order': False, 'shape': (4, {side}, {side}, 3), }}"));
    let pixels: Vec<u8> = (0..4 * side * side * 3).map(|i| (i % 251) as u8).collect();
    fs::write(path, npy(&header, &pixels)).unwrap();
}

#[test]
fn pictures_that_are_too_large_are_refused_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    pictures(&here.join("p.npy"), 512);
    let (code, _, stderr) = run(here, "train --data p.npy --steps 1 --out m.safetensors");
    assert!(code == 2 && stderr.starts_with("error: the network is too large: expected at most"), "{stderr}");
    assert!(stderr.contains("--crop 64") && stderr.contains("--network dit --patch 16"), "{stderr}");
    assert!(!stderr.contains('{') && !stderr.contains("Config") && stderr.matches("hint:").count() == 1, "{stderr}");
    let (code, _, stderr) = run(here, "train --data p.npy --network dit --steps 1 --out m.safetensors");
    assert!(code == 2 && stderr.contains("got 65536 of a picture of 512 × 512 × 3"), "{stderr}");
    assert!(stderr.contains("--patch 16") && stderr.matches("hint:").count() == 1, "{stderr}");
    // Followed to the letter, it works.
    works(
        here,
        "train --data p.npy --network dit --patch 16 --width 8 --depth 1 --batch 2 --steps 1 --out m.safetensors",
    );
    works(here, "train --data p.npy --crop 64 --width 8 --batch 2 --steps 1 --out m.safetensors");
}

/// A step of minutes says what it is, and is left when a signal comes; what was there stays.
#[cfg(unix)]
#[test]
fn a_long_step_says_so_and_hears_a_signal() {
    use std::io::BufRead as _;
    use std::process::{Command, Stdio};
    for signal in ["-INT", "-TERM"] {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        pictures(&here.join("p.npy"), 64);
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("langevin"))
            .args(
                "train --data p.npy --network dit --patch 2 --width 128 --depth 4 --batch 2048 --steps 500 --run r"
                    .split(' '),
            )
            .current_dir(here)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut note = String::new();
        // What was read comes first, and what is thought of it.
        while !note.contains("a step takes") && !note.contains("error") {
            note.clear();
            stderr.read_line(&mut note).unwrap();
        }
        assert!(note.starts_with("note: a step takes about ") && note.contains("500 steps take about"), "{note}");
        assert!(note.contains("--crop 32") && note.contains("--patch 4") && note.contains("--batch 512"), "{note}");
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut stderr, &mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
        assert!(rest.contains("interrupted within the first step"), "{rest}");
        assert_eq!(names(&here.join("r")), ["config.toml", "states"]);
    }
}
