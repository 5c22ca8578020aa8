//! `langevin diagnose`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{run, works};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Few rows of a Gaussian, few samples, and a fine plan but for what a test changes.
const FEW: &str = "--exact gaussian --data rows.csv --as ve -n 100 --rows 64";

/// 400 rows of the density's own samples.
fn rows(directory: &Path) {
    works(directory, "sample --exact gaussian --as ve --sampler dpmpp-2m --steps 40 -n 400 --seed 5 --out rows.csv");
}

fn json(directory: &Path, line: &str) -> Value {
    serde_json::from_str(&works(directory, line).0).unwrap()
}

#[test]
fn what_was_planted_is_on_top() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    rows(here);
    for (flags, cause, words) in [
        ("--sampler ddim --steps 5", "discretisation", "use 2× the steps (10 evaluations)"),
        ("--sampler dpmpp-2m --steps 40 --sigma-max 1", "start", "start from a larger σ_max than 1 (--sigma-max)"),
        (
            "--sampler dpmpp-2m --steps 40 --sigma-min 0.5",
            "truncation",
            "end at a smaller σ_min than 0.5 (--sigma-min)",
        ),
    ] {
        let document = json(here, &format!("diagnose {FEW} {flags} --json"));
        let top = &document["causes"][0];
        assert_eq!(top["cause"], cause, "{document}");
        assert!(top["say"].as_str().unwrap().starts_with(words), "{top}");
        assert!(top["share"].as_f64().unwrap() > 0.9);
        let shares: f64 = document["causes"].as_array().unwrap().iter().map(|c| c["share"].as_f64().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-12);
        assert_eq!((&document["shares_of"], &document["units"]), (&"nats".into(), &"the units of the data".into()));
        for field in ["likelihoods", "entropy", "unseen", "residuals", "coupled", "sliced_w2", "gaussian", "seconds"] {
            assert!(!document[field].is_null(), "{field}");
        }
    }
}

#[test]
fn the_table_goes_to_stdout_and_threads_do_not_change_it() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    rows(here);
    let table = |threads: usize| {
        let line = format!("diagnose {FEW} --sampler ddim --steps 6 --threads {threads}");
        let (text, _) = works(here, &line);
        // The time is the machine's.
        let (first, rest) = text.split_once('\n').unwrap();
        let (subject, _) = first.rsplit_once(", in ").unwrap();
        format!("{subject}\n{rest}")
    };
    let one = table(1);
    assert_eq!(one, table(3));
    insta::assert_snapshot!("diagnose", one);
}

/// A word and a list have no twice the steps; a stochastic sampler has no partners for its draws.
#[test]
fn what_has_no_finer_grid_is_told_without_one() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    rows(here);
    for flags in ["--moves (R(0))*8", "--grid list:80,10,1,0.1,0", "--sampler ddpm --steps 8"] {
        let document = json(here, &format!("diagnose {FEW} {flags} --json"));
        assert!(document["coupled"].is_null(), "{flags}");
        assert_eq!(document["sliced_w2"]["finer"].is_null(), !flags.starts_with("--sampler"), "{flags}");
        assert_eq!(document["causes"][0]["cause"], "discretisation", "{document}");
        assert_eq!(document["causes"][0]["nats_from"], "gaussian");
    }
    let (text, _) = works(here, &format!("diagnose {FEW} --sampler ddpm --steps 8"));
    assert!(text.contains("note: draws belong to steps"), "{text}");
}

/// A network that has learned nearly nothing is its own main error, in the same units whatever the
/// scale of the data.
#[test]
fn a_network_that_has_learned_little_is_blamed() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    rows(here);
    works(here, "train --data rows.csv --steps 20 --hold-out 0.3 --out m.safetensors");
    let document = json(
        here,
        "diagnose m.safetensors --data rows.csv --held-out --sampler dpmpp-2m --steps 30 -n 60 --rows 48 --json",
    );
    assert_eq!(document["causes"][0]["cause"], "score", "{document}");
    assert!(document["causes"][0]["say"].as_str().unwrap().starts_with("more steps will not help: "));
    assert_eq!(document["units"], "standard deviations of each column");
    assert_eq!(document["rows"], 120);
}

#[test]
fn bad_input_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    fs::write(here.join("empty.csv"), "").unwrap();
    fs::write(here.join("two.csv"), "1,2\n3,4\n").unwrap();
    fs::write(here.join("wide.csv"), "1,2,3\n4,5,6\n7,8,9\n10,11,12\n").unwrap();
    fs::write(here.join("nan.csv"), "1,2\n3,nan\n4,5\n6,7\n").unwrap();
    for (flags, code, words) in [
        ("", 2, "--data"),
        ("--data empty.csv", 1, "empty"),
        ("--data missing.csv", 2, "missing.csv"),
        ("--data wide.csv", 2, "the data do not fit the model"),
        ("--data nan.csv", 1, "a value is missing"),
        ("--data two.csv", 1, "too few rows to tell noise from error"),
        ("--data moons --steps 0", 2, "expected a whole number from 1"),
        ("--data moons -n 0", 2, "expected a whole number from 1"),
        ("--data moons -n 1", 1, "too few samples"),
        ("--data moons --rows 1", 1, "too few rows for a likelihood"),
        ("--data moons --sampler ddmi", 2, "did you mean 'ddim'?"),
        ("--data moons --sampler ddim-inversion", 1, "starts from data"),
        ("--data moons --sigma-min 90", 2, "empty range"),
        ("--data moons --held-out", 2, "no rows were held out of this model"),
        ("--data moons --as vpp", 2, "vpp"),
    ] {
        let (got, stdout, stderr) = run(here, &format!("diagnose --exact moons {flags}"));
        assert_eq!((got, stdout.as_str()), (code, ""), "{flags}: {stderr}");
        assert!(stderr.contains(words), "{flags}: {stderr}");
    }
}
