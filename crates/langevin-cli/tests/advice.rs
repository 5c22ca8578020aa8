//! Small flags and words that can be followed: `--nfe`, `--as`, the default of `-n`, over-training,
//! heavy tails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{read_f8, run, works};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn json(directory: &Path, line: &str) -> Value {
    serde_json::from_str(&works(directory, line).0).unwrap()
}

#[test]
fn evaluations_stand_for_steps() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let plan = |flags: &str| works(here, &format!("plan --process vp {flags} --json")).0;
    // Heun's last step costs one: ten steps of 19 evaluations fit in 20.
    assert_eq!(plan("--sampler heun --nfe 20"), plan("--sampler heun --steps 10"));
    assert_eq!(plan("--sampler dpmpp-2m --nfe 7"), plan("--sampler dpmpp-2m --steps 7"));
    // Both branches of guidance are one evaluation, as the plan itself counts.
    assert_eq!(plan("--sampler ddim --guidance 2 --nfe 4"), plan("--sampler ddim --guidance 2 --steps 4"));
    let config = r#"{"_class_name": "HeunDiscreteScheduler", "beta_schedule": "scaled_linear"}"#;
    fs::write(here.join("c.json"), config).unwrap();
    let imported = |flags: &str| works(here, &format!("plan --from-diffusers c.json {flags} --json")).0;
    assert_eq!(imported("--nfe 20"), imported("--steps 10"));
    let sample = |flags: &str| {
        works(here, &format!("sample --exact moons --as ve --sampler heun {flags} -n 4 --out s.npy"));
        fs::read(here.join("s.npy")).unwrap()
    };
    assert_eq!(sample("--nfe 20"), sample("--steps 10"));
    let rest = "--exact moons --data moons --as ve --sampler heun -n 20 --rows 8 --json";
    let (one, other) =
        (json(here, &format!("diagnose {rest} --nfe 20")), json(here, &format!("diagnose {rest} --steps 10")));
    assert_eq!((&one["nfe"], &one["coupled"], &one["causes"]), (&19.into(), &other["coupled"], &other["causes"]));
    let analyze = |flags: &str| works(here, &format!("analyze --sampler heun,ddim --spectrum power:1:d=4 {flags}")).0;
    assert_eq!(analyze("--nfe 9,20"), analyze("--nfe --steps 9,20"));
    works(here, "plan --process vp --steps 3 --json");
    fs::write(here.join("p.json"), plan("--steps 3")).unwrap();
    // The flag alone, before a plan, is what it was.
    let line = "--sampler ddim --spectrum power:1:d=4 --steps 5";
    assert_eq!(
        works(here, &format!("analyze {line} --nfe p.json")).0,
        works(here, &format!("analyze {line} p.json --nfe")).0
    );
    for (line, words) in [
        ("plan --process vp --nfe 9 --steps 3", "cannot be used with"),
        ("plan --process vp --nfe 9 --moves 'R R'", "a word brings its own evaluations"),
        ("plan --process vp --nfe 9 --grid list:80,1,0", "the grid brings its own steps"),
        ("plan --nfe 9 --from-diffusers c.json --timesteps 900,100", "a list brings its own steps"),
        ("plan --process vp --nfe 0", "expected a whole number from 1"),
        ("sample --exact moons --adaptive dpm12 --nfe 9 --out s.npy", "cannot be used with"),
        ("analyze --nfe 9 --steps 3", "steps are counted in two ways"),
        ("recommend --data moons --steps 10", "hint: give --nfe N in its place"),
        ("recommend --data moons --steps=10 --nfe 5", "evaluations are counted here, not steps (--steps)"),
    ] {
        let (code, _, stderr) = run(here, line);
        assert!(code == 2 && stderr.contains(words), "{line}: {stderr}");
    }
}

#[test]
fn a_prediction_alone_is_no_formulation() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    for name in ["epsilon", "v", "score"] {
        let (code, _, stderr) = run(here, &format!("sample --exact moons --as {name} -n 2 --out s.npy"));
        assert_eq!(code, 2);
        assert!(
            stderr.contains("as in vp:epsilon") && stderr.contains(&format!("hint: give --as vp:{name}")),
            "{stderr}"
        );
        works(here, &format!("sample --exact moons --as vp:{name} --steps 2 -n 2 --out s.npy"));
    }
    // A process by another wrong name is what it was.
    assert!(run(here, "sample --exact moons --as vpp -n 2 --out s.npy").2.contains("did you mean"));
}

#[test]
fn samples_have_a_default_number() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "sample --exact moons --as ve --steps 2 --out s.npy");
    assert_eq!(read_f8(&here.join("s.npy")).0, "1000, 2");
    works(here, "train --data digits --steps 1 --width 8 --out m.safetensors");
    works(here, "sample m.safetensors --steps 1 --out s.npy");
    assert_eq!(read_f8(&here.join("s.npy")).0, "64, 8, 8");
}

/// 48 rows of eight columns, which a network memorises in a few hundred steps.
#[test]
fn an_overtrained_network_is_told_to_stop_earlier() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let mut text = "a,b,c,d,e,f,g,h\n".to_owned();
    for r in 0..80_u32 {
        let value = |k: u32| f64::from((r * r + 3 * r + 1) * (k * k + 7) * 29 % 997) / 997.0;
        let row: Vec<String> = (1..=8).map(|k| format!("{:.4}", value(k))).collect();
        writeln!(text, "{}", row.join(",")).unwrap();
    }
    fs::write(here.join("few.csv"), text).unwrap();
    works(here, "train --data few.csv --steps 1000 --batch 40 --lr 3e-3 --width 96 --hold-out 0.4 --out m.safetensors");
    let line = "diagnose m.safetensors --data few.csv --steps 10 -n 40 --rows 40";
    let document = json(here, &format!("{line} --json"));
    let found = &document["generalisation"];
    assert_eq!((&found["trained_rows"], &found["held_out_rows"]), (&40.into(), &32.into()), "{document}");
    assert!(found["gap"]["nats"].as_f64().unwrap() > 3.0 * found["gap"]["error"].as_f64().unwrap(), "{found}");
    assert_eq!(document["overtrained"], true);
    let score = document["causes"].as_array().unwrap().iter().find(|one| one["cause"] == "score").unwrap();
    assert_eq!(score["advice"]["do"], "stop-earlier");
    let (stdout, _) = works(here, line);
    assert!(stdout.contains("the network is over-trained") && stdout.contains("train for fewer steps"), "{stdout}");
    assert!(!stdout.contains("train it further") && stdout.contains("lower is better"), "{stdout}");
    // One that has just begun is not.
    works(here, "train --data few.csv --steps 10 --width 96 --hold-out 0.4 --out m.safetensors");
    let document = json(here, &format!("{line} --json"));
    assert_eq!((&document["overtrained"], document["generalisation"].is_null()), (&false.into(), false), "{document}");
    // Without a held-out part it cannot be seen, which is said.
    works(here, "train --data few.csv --steps 2 --width 8 --out m.safetensors");
    assert!(works(here, line).1.contains("overfitting cannot be detected"));
    let (stdout, _) = works(here, "likelihood m.safetensors --data few.csv -n 20");
    assert!(stdout.contains("lower is better; the mean over 20 rows, in the units of the data"), "{stdout}");
}

#[test]
fn heavy_tails_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let row = |row: u32| format!("{},{}\n", row % 7, if row == 90 { 1e6 } else { f64::from(row % 5) });
    let text: String = std::iter::once("a,b\n".to_owned()).chain((0..300).map(row)).collect();
    fs::write(here.join("t.csv"), text).unwrap();
    for line in ["recommend --data t.csv --nfe 5", "analyze --data t.csv --sampler ddim --steps 5"] {
        let (_, stderr) = works(here, line);
        assert!(stderr.contains("note: heavy tails in 'b' (up to 17 standard deviations"), "{line}: {stderr}");
    }
    assert!(!works(here, "recommend --data moons --nfe 5").1.contains("heavy tails"));
}
