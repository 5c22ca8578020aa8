//! `train --from MODEL`: on from a model, with other or more data.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, read_f8, run, works};
use std::fs;
use std::path::Path;

/// A table of `count` rows of two columns of different scales.
fn table(path: &Path, count: u32, columns: usize) {
    let mut text = (0..columns).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",") + "\n";
    for i in 0..count {
        let x = f64::from(i) * 0.37;
        let values = [100.0 * x.sin(), x.cos(), (3.0 * x).sin()].map(|value| value.to_string());
        text += &(values[..columns].join(",") + "\n");
    }
    fs::write(path, text).unwrap();
}

fn samples(here: &Path, model: &str) -> Vec<f64> {
    works(here, &format!("sample {model} -n 50 --steps 5 --out x.npy"));
    read_f8(&here.join("x.npy")).1
}

fn weights(model: &Path) -> Vec<u8> {
    let bytes = fs::read(model).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header..].to_vec()
}

#[test]
fn a_model_goes_on_with_more_data() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    table(&here.join("old.csv"), 200, 2);
    table(&here.join("new.csv"), 230, 2);
    works(
        here,
        "train --data old.csv --process vp --predict v --weight min-snr:5 --steps 300 --width 16 --depth 1 --averages-every 10 --run r",
    );
    // Its own rows and no rate to speak of: the samples are the model's, in the units of the old
    // data.
    works(here, "train --from r/model.safetensors --data new.csv --steps 2 --lr 1e-9 --out same.safetensors");
    let (old, same) = (samples(here, "r/model.safetensors"), samples(here, "same.safetensors"));
    // Two steps of 1e-9 move each of some 900 weights by 2e-9 at most; what is left is their
    // rounding to 6e-8.
    assert!(old.iter().zip(&same).all(|(a, b)| (a - b).abs() < 1e-3), "{:?} {:?}", &old[..4], &same[..4]);
    let (info, _) = works(here, "info same.safetensors --json");
    let (own, _) = works(here, "info r/model.safetensors --json");
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let (info, own) = (read(&info), read(&own));
    for field in ["process", "prediction"] {
        assert_eq!(info[field], own[field], "{info}");
    }
    // By default the rate is a tenth of that of a new network, and the configuration says so.
    works(here, "train --from r/model.safetensors --data new.csv --steps 40 --run f");
    let config = fs::read_to_string(here.join("f/config.toml")).unwrap();
    assert!(
        config.contains("lr = 0.0002")
            && config.contains("from = \"r/model.safetensors\"")
            && !config.contains("width"),
        "{config}"
    );
    // Of an average, and of an average's run.
    works(here, "average r --length 0.1 --out a.safetensors");
    works(here, "train --from a.safetensors --data old.csv --steps 3 --out b.safetensors");
    works(here, "train --from f/model.safetensors --data old.csv --steps 3 --averages-every 1 --run g");
}

/// A run that began with a model, stopped and resumed, ends in the bits of one that was not; the
/// model is not needed any more.
#[test]
fn a_run_that_began_with_a_model_can_be_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    table(&here.join("t.csv"), 100, 2);
    works(here, "train --data t.csv --process ve --predict edm --steps 30 --width 8 --depth 1 --out m.safetensors");
    let flags = "--data t.csv --batch 32 --decay constant --averages-every 10";
    works(here, &format!("train --from m.safetensors {flags} --steps 60 --run whole"));
    works(here, &format!("train --from m.safetensors {flags} --steps 25 --run cut"));
    fs::rename(here.join("m.safetensors"), here.join("away.safetensors")).unwrap();
    works(here, "train --resume cut --steps 60");
    assert!(weights(&here.join("whole/model.safetensors")) == weights(&here.join("cut/model.safetensors")));
    let (code, _, stderr) = run(here, "train --resume cut --process vp --steps 70");
    assert!(code == 2 && stderr.contains("--process"), "{stderr}");
}

#[test]
fn what_is_the_models_is_refused_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    table(&here.join("t.csv"), 60, 2);
    table(&here.join("three.csv"), 60, 3);
    works(here, "train --data t.csv --steps 5 --width 8 --depth 1 --out m.safetensors");
    let flags = "train --from m.safetensors --data t.csv --steps 2 --out f.safetensors";
    for equal in [
        "--width 8",
        "--depth 1",
        "--process rectified-flow --predict velocity",
        "--network mlp --fourier 16",
        "--activation silu",
        "--waves 0",
    ] {
        let (code, _, stderr) = run(here, &format!("{flags} {equal}"));
        // Zero is refused by its own flag.
        assert!(code == 0 || equal.contains("waves"), "{equal}: {stderr}");
    }
    for (other, words) in [
        ("--width 9", "(--width, --from): expected 8, as in the model, got 9"),
        ("--depth 2", "expected 1, as in the model, got 2"),
        ("--process vp", "expected rectified-flow, as in the model, got vp"),
        ("--predict x0", "expected velocity, as in the model, got x0"),
        ("--network dit", "expected mlp, as in the model, got dit"),
        ("--activation gelu", "--activation"),
        ("--plain", "expected off, as in the model, got on"),
        ("--dequantize", "expected off, as in the model, got on"),
        ("--no-normalize", "expected off, as in the model, got on"),
        ("--conditional", "expected no classes, as in the model, got on"),
        ("--data three.csv", "(--data, --from): expected c0, c1, got column 'c2' besides"),
        ("--out m.safetensors", "the output would replace what it is made from"),
    ] {
        let (code, _, stderr) = run(here, &format!("{flags} {other}"));
        assert!(code == 2 && stderr.contains(words) && stderr.matches("hint:").count() == 1, "{other}: {stderr}");
    }
    let (code, _, stderr) = run(here, "train --from . --data t.csv --out f.safetensors");
    assert!(
        code == 2 && stderr.contains("the path is a folder (--from .)") && stderr.contains("/m.safetensors"),
        "{stderr}"
    );
    // Classes by name.
    let rows = |names: &[&str]| -> String {
        "x,side\n".to_owned() + &(0..60).map(|i| format!("{},{}\n", i, names[i % names.len()])).collect::<String>()
    };
    fs::write(here.join("two.csv"), rows(&["left", "right"])).unwrap();
    fs::write(here.join("more.csv"), rows(&["left", "right", "up"])).unwrap();
    works(
        here,
        "train --data two.csv --label-column side --conditional --steps 5 --width 8 --depth 1 --out c.safetensors",
    );
    let flags = "train --from c.safetensors --label-column side --steps 2 --out f.safetensors";
    works(here, &format!("{flags} --data two.csv"));
    let (code, _, stderr) = run(here, &format!("{flags} --data more.csv"));
    assert!(
        code == 2 && stderr.contains("expected 2 classes: left, right, got 3 classes: left, right, up"),
        "{stderr}"
    );
    works(here, "sample f.safetensors -n 2 --class right --steps 2 --out x.npy");
    assert!(names(here).iter().all(|name| !name.contains(".tmp")));
}
