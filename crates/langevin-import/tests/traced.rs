//! Functions of k-diffusion, recorded on basis vectors, against the plans of their names here.
//!
//! `tests/traced/README.md` says how the recordings are made.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::plan::compare;
use langevin::{Formulation, Prediction, Process};
use langevin_import::{Recorded, Recording, Row, k};
use serde_json::Value;
use std::collections::BTreeMap;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn row(value: &Value) -> Row {
    Row { start: value[0].as_f64().unwrap(), outputs: numbers(&value[1]), draws: numbers(&value[2]) }
}

#[test]
fn functions_of_k_diffusion_are_the_plans_of_their_names() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/traced/k_diffusion.jsonl")).unwrap();
    let network = Formulation::new(Process::ve(), Prediction::X0);
    let mut seen = 0;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = line["name"].as_str().unwrap();
        let call = |call: &Value| Recorded { time: call[0].as_f64().unwrap(), input: row(&call[1]) };
        let recording = Recording {
            name: name.to_owned(),
            source: "k-diffusion 0.1.1".to_owned(),
            calls: line["calls"].as_array().unwrap().iter().map(call).collect(),
            result: row(&line["result"]),
            start: None,
            roundoff: line["roundoff"].as_f64().unwrap(),
        };
        let plan = recording.plan(&network).unwrap();
        assert!(plan.lint().unwrap().is_clean(), "{name}: {}", plan.lint().unwrap());
        let options: BTreeMap<String, Value> = serde_json::from_value(line["options"].clone()).unwrap();
        let own = k::plan(name, &options, &numbers(&line["sigmas"]), None).unwrap();
        let comparison = compare(&plan, &own).unwrap();
        assert!(comparison.agrees(), "{name}: {comparison}\n{plan}\n{own}");
        // In double precision only the composed noise of Brownian trees is inexact.
        let composed = plan.origin().unwrap().source.contains("reduced");
        let single = name == "dpm_fast";
        assert!(composed || single || comparison.relative < 1e-14, "{name}: {comparison}");
        seen += 1;
    }
    assert_eq!(seen, 14);
}
