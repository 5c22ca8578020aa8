//! Claims, objectives and likelihoods from the command line.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, read_f8, run, works};
use serde_json::Value;

#[test]
fn claims_are_measured_and_told() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (text, _) = works(here, "verify --only 5-8,33,41");
    assert_eq!(text.matches("\n    holds  ").count(), 6, "{text}");
    assert!(text.contains(" 8  six maps of time and state") && text.contains("\n6 claims: all hold ("), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 124), "{text}");
    let (json, stderr) = works(here, "verify --only 1,4,20,37 --json");
    assert!(stderr.is_empty(), "{stderr}");
    let all: Vec<Value> = serde_json::from_str(&json).unwrap();
    let numbers: Vec<u64> = all.iter().map(|claim| claim["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 4, 20, 37]);
    for claim in &all {
        let mut keys: Vec<&str> = claim.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["bound", "claim", "figure", "number", "pass", "source"]);
        assert_eq!(claim["pass"], true);
        assert!(claim["figure"].as_f64().unwrap() <= claim["bound"].as_f64().unwrap());
    }
}

#[test]
fn claims_on_discrete_data_have_a_list_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (text, _) = works(here, "verify discrete");
    let count = langevin_theory::verify::discrete().len();
    assert_eq!(text.matches("\n     holds  ").count(), count, "{text}");
    assert!(text.starts_with(" D1  the rates") && text.contains(&format!("\n{count} claims: all hold (")), "{text}");
    let (text, _) = works(here, "verify D3");
    assert!(text.starts_with("D3  Q + R_η leaves p_t stationary") && text.contains("\n1 claim: all hold ("), "{text}");
    let (json, _) = works(here, "verify --only D1,D4 --json");
    let all: Vec<Value> = serde_json::from_str(&json).unwrap();
    let numbers: Vec<u64> = all.iter().map(|claim| claim["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [101, 104]);
}

/// The page has every claim in its words.
#[test]
fn the_page_of_the_claims_is_whole() {
    let page = include_str!("../../../docs/verify.md");
    let all = [langevin_theory::verify::claims(), langevin_theory::verify::discrete()].concat();
    for claim in all {
        let line = format!("| {} | {} | {} |", claim.label(), claim.claim, claim.source);
        assert!(page.contains(&line), "{line}");
    }
}

#[test]
fn an_objective_is_a_table_a_verdict_and_a_page() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (text, _) = works(here, "objective --points 9");
    insta::assert_snapshot!("objective_flow", text);
    let (text, _) = works(here, "objective --process ve --predict edm --times log-normal-sigma --points 3");
    assert!(text.contains("no bound"), "{text}");
    let (json, _) =
        works(here, "objective --process VP --predict epsilon --weight likelihood --points 5 --json --plot o.html");
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&document["is_bound"], &document["is_likelihood"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(document["points"].as_array().unwrap().len(), 5);
    for point in document["points"].as_array().unwrap() {
        assert!((point["product"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    }
    let page = std::fs::read_to_string(here.join("o.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("NaN") && !page.contains("http-equiv"));
    assert_eq!(names(here), ["o.html"]);
}

/// The Gaussian's entropy is ½ ln((2πe)² det C), det C = 0.14: 1.8548 nats.
#[test]
fn likelihoods_of_a_density_are_its_entropy() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let entropy = (std::f64::consts::TAU * std::f64::consts::E).ln() + 0.5 * 0.14f64.ln();
    for (method, kind) in [("bound", "bound"), ("ode", "density")] {
        let line =
            format!("likelihood --exact gaussian --data gaussian -n 600 --method {method} --json --out {method}.npy");
        let (json, _) = works(here, &line);
        let found: Value = serde_json::from_str(&json).unwrap();
        let number = |key: &str| found[key].as_f64().unwrap();
        assert_eq!((found["method"].as_str(), found["kind"].as_str()), (Some(method), Some(kind)));
        assert_eq!((number("count"), found["dequantized"].as_bool()), (600.0, Some(false)));
        let (mean, se) = (number("nats_mean"), number("nats_se"));
        assert!((mean - entropy).abs() < 4.0 * se && se < 0.05, "{method}: {mean} ± {se} against {entropy}");
        assert!((number("bits_per_dim") - mean / 2.0 / std::f64::consts::LN_2).abs() < 1e-12);
        assert!(number("nfe") >= 20.0);
        let (shape, values) = read_f8(&here.join(format!("{method}.npy")));
        assert_eq!(shape, "600, 2");
        assert!((values.iter().step_by(2).sum::<f64>() / 600.0 - mean).abs() < 1e-9);
    }
    // The threads change nothing.
    let one = works(here, "likelihood --exact moons --data moons -n 70 --threads 1 --out a.csv").0;
    let two = works(here, "likelihood --exact moons --data moons -n 70 --threads 2 --out b.csv").0;
    let untimed =
        |text: String| text.lines().filter(|line| !line.starts_with("time")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(untimed(one), untimed(two));
    assert_eq!(std::fs::read(here.join("a.csv")).unwrap(), std::fs::read(here.join("b.csv")).unwrap());
}

#[test]
fn a_model_knows_what_it_was_not_trained_on() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "train --data digits --steps 20 --adaptive --dequantize --hold-out 0.2 --out d.safetensors");
    let (text, _) = works(here, "info d.safetensors");
    assert!(text.contains("drawn from a learned density, data dequantised"), "{text}");
    let (json, stderr) = works(here, "likelihood d.safetensors --data digits --held-out -n 8 --levels 8 --json");
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((found["count"].as_u64(), found["dequantized"].as_bool()), (Some(8), Some(true)));
    assert!(stderr.contains("whole numbers") && !stderr.contains("hint"), "{stderr}");
    let (text, _) =
        works(here, "likelihood d.safetensors --data digits --held-out -n 4 --method ode --divergence hutchinson:1");
    assert!(text.contains("density of the ODE, 1 probe"), "{text}");
    works(here, "train --data digits --steps 5 --out plain.safetensors");
    let (_, stderr) = works(here, "likelihood plain.safetensors --data digits -n 2 --levels 4");
    assert!(stderr.contains("train with --dequantize"), "{stderr}");
    let (code, _, stderr) = run(here, "likelihood plain.safetensors --data digits --held-out");
    assert!(code == 2 && stderr.contains("--hold-out"), "{stderr}");
}

/// The noise of a training coupled to its data: the ODE is a model of them in every clock, the SDE
/// is none.
#[test]
fn coupled_noise_is_for_odes() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "train --data moons --steps 60 --coupling transport --out c.safetensors");
    let refused = run(here, "likelihood c.safetensors --data moons -n 4");
    assert!(refused.0 == 1 && refused.2.contains("--method ode holds"), "{}", refused.2);
    let nats = |flags: &str| -> f64 {
        let (json, _) = works(here, &format!("likelihood c.safetensors --data moons -n 6 --method ode --json {flags}"));
        serde_json::from_str::<Value>(&json).unwrap()["nats_mean"].as_f64().unwrap()
    };
    // Single precision, and steps of a tolerance of 1e-5.
    let (own, read) = (nats(""), nats("--as vp:score"));
    assert!((own - read).abs() < 1e-3, "{own} {read}");
    for (flags, noted) in [("--eta 0", false), ("--eta 1", true), ("--as ve --eta 0", false)] {
        let (_, stderr) = works(here, &format!("sample c.safetensors -n 4 --steps 4 {flags} --out s.npy"));
        assert_eq!(stderr.contains("not a score"), noted, "{flags}: {stderr}");
    }
}
