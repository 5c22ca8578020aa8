//! `langevin recommend` as advice that can be followed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, run, works};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn json(directory: &Path, line: &str) -> Value {
    serde_json::from_str(&works(directory, line).0).unwrap()
}

/// 64 rows of four columns whose deviations are 1, 10, 10⁵ and 10⁻³ times those of one another,
/// about means far from 0.
fn table(directory: &Path, name: &str, units: [f64; 4]) {
    let mut text = "a,b,c,d\n".to_owned();
    for row in 0..64_u32 {
        let value = |column: usize| {
            // Four incommensurable waves stand for four columns that hardly depend on each other.
            let wave = (f64::from(row) * [0.73, 1.31, 2.09, 2.77][column] + column as f64).sin();
            units[column] * (3.0 + wave)
        };
        writeln!(text, "{},{},{},{}", value(0), value(1), value(2), value(3)).unwrap();
    }
    fs::write(directory.join(name), text).unwrap();
}

fn ranking(document: &Value) -> Vec<(String, String, f64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let results = document["results"].as_array().unwrap().iter();
    results.map(|one| (text(&one["sampler"]), text(&one["grid"]), one["w2"].as_f64().unwrap())).collect()
}

/// What a column is measured in is no reason for another sampler.
#[test]
fn units_do_not_change_the_ranking() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    table(here, "plain.csv", [1.0; 4]);
    table(here, "units.csv", [1.0, 10.0, 1e5, 1e-3]);
    for flags in ["recommend --nfe 10", "analyze --sampler ddim,heun,deis --steps 10"] {
        let [plain, units] =
            ["plain.csv", "units.csv"].map(|data| json(here, &format!("{flags} --data {data} --json")));
        for (one, other) in ranking(&plain).iter().zip(ranking(&units)) {
            // f32 rows of mean 3 and deviation 0.7 have 10⁻⁶ of their spread in rounding, and an
            // error far below 1 takes all of it.
            assert!((&one.0, &one.1) == (&other.0, &other.1) && (one.2 - other.2).abs() < 1e-5, "{one:?} {other:?}");
        }
        let units = units["data"].as_str().unwrap();
        assert!(units.contains("each column about its mean, over its standard deviation"), "{units}");
    }
    // In raw units the widest column is all there is, and no start reaches it: that is said.
    let (stdout, stderr) = works(here, "recommend --data units.csv --raw --nfe 10");
    assert!(
        stdout.contains("in their own units") && stdout.contains("This ranking says little about the steps"),
        "{stdout}"
    );
    assert!(stdout.contains("--sigma-max") && stderr.contains("without --raw"), "{stdout}{stderr}");
    let raw = json(here, "recommend --data units.csv --raw --nfe 10 --json");
    assert!(raw["why"].as_array().unwrap().iter().any(|why| why.as_str().unwrap().contains("says little")), "{raw}");
    let scaled = works(here, "recommend --data units.csv --nfe 10").0;
    assert!(!scaled.contains("says little"), "{scaled}");
    // A model has units of its own.
    works(here, "train --data units.csv --steps 2 --out m.safetensors");
    for line in
        ["recommend m.safetensors --data units.csv --raw --nfe 8", "analyze m.safetensors --data units.csv --raw"]
    {
        let (code, _, stderr) = run(here, line);
        assert!(code == 2 && stderr.contains("leave out --raw"), "{line}: {stderr}");
    }
    assert_eq!(run(here, "recommend --spectrum power:1:d=4 --raw --nfe 8").0, 2);
}

/// Nothing is written unless a file is named, and what is printed works as it stands.
#[test]
fn no_file_is_written_unasked() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    table(here, "t.csv", [1.0, 10.0, 1e5, 1e-3]);
    works(here, "train --data t.csv --steps 2 --out m.safetensors");
    let before = names(here);
    let document = json(here, "recommend m.safetensors --nfe 8 --json");
    assert_eq!((names(here), &document["plan"]), (before.clone(), &Value::Null));
    assert!(!works(here, "recommend m.safetensors --nfe 8").1.contains("is in"));
    assert_eq!(names(here), before);
    let commands = document["commands"].as_array().unwrap();
    assert_eq!(commands.len(), 2);
    for command in commands {
        let (words, file) = command.as_str().unwrap().split_once(" > ").unwrap_or((command.as_str().unwrap(), ""));
        for flag in ["--sampler", "--grid", "--steps"] {
            assert!(words.contains(flag), "{words}");
        }
        let (stdout, _) = works(here, words.strip_prefix("langevin ").unwrap());
        if !file.is_empty() {
            fs::write(here.join(file), stdout).unwrap();
        }
    }
    works(here, "analyze recommended.json --spectrum power:1:d=4");
    assert!(here.join("samples.npy").is_file());
    works(here, "recommend m.safetensors --nfe 8 --out mine.json");
    assert_eq!(fs::read(here.join("mine.json")).unwrap(), fs::read(here.join("recommended.json")).unwrap());
}

/// The first plans are tried on the model, and the nearest is the one of the commands.
#[test]
fn plans_are_tried_on_a_model() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "train --data moons --process vp --steps 150 --width 32 --out m.safetensors");
    let document = json(here, "recommend m.safetensors --nfe 8 --measure 3 --out p.json --json");
    let trials = document["measured"]["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 3);
    let rms: Vec<f64> = trials.iter().map(|trial| trial["rms"].as_f64().unwrap()).collect();
    let best = trials.iter().min_by(|a, b| a["rms"].as_f64().unwrap().total_cmp(&b["rms"].as_f64().unwrap())).unwrap();
    assert_eq!(document["chosen"], best["rank"]);
    let command = document["commands"][1].as_str().unwrap();
    assert!(command.contains(&format!("--sampler {}", best["sampler"].as_str().unwrap())), "{command}");
    // What was predicted is that of the ranking, for each element.
    for trial in trials {
        let one = &document["results"][trial["rank"].as_u64().unwrap() as usize - 1];
        let predicted = one["w2"].as_f64().unwrap() / 2.0_f64.sqrt();
        assert!((trial["predicted"].as_f64().unwrap() - predicted).abs() <= 1e-12 * predicted);
    }
    assert!(document["measured"]["reference"]["rms_of_half"].as_f64().unwrap() < rms[0]);
    let (stdout, _) = works(here, "recommend m.safetensors --nfe 8 --measure --threads 2");
    assert!(stdout.contains("Measured on the model: root mean square distance") && stdout.contains("The nearest is"));
    // Five by default; without it nothing is drawn.
    assert_eq!(stdout.split("predicted  measured\n").nth(1).unwrap().lines().take_while(|l| !l.is_empty()).count(), 5);
    assert!(json(here, "recommend m.safetensors --nfe 8 --json")["measured"].is_null());
    // With --tune a plan is fitted too, and it is the one in the file.
    let document = json(here, "recommend m.safetensors --nfe 4 --tune --out t.json --json");
    let tuned = &document["tuned"];
    assert!(tuned["improves"].as_bool().unwrap() && tuned["ratio"].as_f64().unwrap() < 1.0, "{tuned}");
    let plan = std::fs::read_to_string(here.join("t.json")).unwrap();
    assert!(plan.contains("\"tuning\"") && plan.contains("tuned-all-4"));
    works(here, "sample m.safetensors --plan t.json -n 4 --out s.npy");
    for (flags, words) in [
        ("--data moons --measure", "there is no model to try plans on"),
        ("--data moons --tune", "there is no model to try plans on (--tune)"),
        ("m.safetensors --measure 0", "expected a whole number from 1"),
        ("m.safetensors --seed 3", "--measure"),
        ("m.safetensors --sampler ddpm --measure", "nothing can be measured"),
        ("m.safetensors --neighbours 2", "a share from 0 to 1"),
    ] {
        let (code, _, stderr) = run(here, &format!("recommend {flags} --nfe 8"));
        assert!(code != 0 && stderr.contains(words), "{flags}: {stderr}");
    }
}
