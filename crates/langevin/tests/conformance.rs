//! The conformance vectors of `examples/conformance`: the same plans, noise and results here and in
//! the numpy interpreter.
//!
//! `LANGEVIN_BLESS=1 cargo test -p langevin --test conformance` writes them anew.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::model::Branch;
use langevin::noise::fill_normals;
use langevin::sampler::Word;
use langevin::{Formulation, Grid, Model, Plan, Prediction, Process, Query, Result, SampleId, Sampler, SliceSpace};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const ROWS: usize = 3;
const WIDTH: usize = 2;
const SEED: u64 = 11;

/// out = gain·x + bias: simple enough to be the same bits in every language.
struct Affine {
    formulation: Option<Formulation>,
    main: (f64, f64),
    unconditional: (f64, f64),
}

impl Model<Vec<f64>> for Affine {
    fn formulation(&self) -> Option<&Formulation> {
        self.formulation.as_ref()
    }
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let (gain, bias) = if query.branch == Branch::Main { self.main } else { self.unconditional };
        Ok(x.iter().map(|x| gain * x + bias).collect())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/conformance")
}

fn compile(sampler: &Sampler, process: &Process, network: Option<&Formulation>, steps: usize) -> Value {
    let levels = Grid::karras(steps).levels(process, 0.002, 80.0).unwrap();
    serde_json::from_str(&sampler.compile(process, network, &levels).unwrap().to_json()).unwrap()
}

/// (file, plan, inputs, whether the result must agree to the last bit).
fn vectors() -> Vec<(&'static str, Value, Vec<Vec<f64>>, bool)> {
    let (vp, ve, flow) = (Process::vp(), Process::ve(), Process::rectified_flow());
    let velocity = Formulation::new(flow.clone(), Prediction::Velocity);
    let epsilon = Formulation::new(vp.clone(), Prediction::Epsilon);
    let word = Sampler::word(Word::parse("R L(0.3) R(0.7) F R R").unwrap());
    let level = json!({"time": 1.0, "alpha": 1.0, "sigma": 1.0});
    let mapped = json!({
        "version": 1, "name": "guided, with maps", "process": {"kind": "ve"}, "network": null,
        "nfe": 1, "slots": 4, "draws": 1, "result": 0, "inputs": [{"name": "init", "slot": 0}, {"name": "mask", "slot": 3}],
        "ops": [
            {"op": "eval", "from": 0, "time": 1.0, "alpha": 1.0, "sigma": 1.0,
             "out": [{"branch": "main", "into": 1}, {"branch": "unconditional", "into": 2}], "net": null},
            {"op": "combine", "into": 1, "terms": [[2.5, 1], [-1.5, 2]], "noise": []},
            {"op": "map", "kind": "threshold", "from": [1], "args": {"ratio": 0.9, "max": 3.0}, "into": 1},
            {"op": "map", "kind": "mul", "from": [1, 3], "args": {}, "into": 1},
            {"op": "map", "kind": "clamp", "from": [1], "args": {"min": -0.9, "max": 0.9}, "into": 2},
            {"op": "map", "kind": "learned_std", "from": [2], "args": {"small": 0.5, "large": 2.0}, "into": 2},
            {"op": "combine", "into": 0, "terms": [[0.25, 0], [0.75, 1], [0.1, 2]], "noise": [[0.5, 0], [0.5, 0]]}
        ],
        "moves": [{"letter": "L", "eta": null, "from": level, "to": level, "ops": [0, 6]}]
    });
    let inputs = vec![vec![0.3, -2.0, 1.5, 4.0, -0.1, 0.0], vec![1.0, 0.0, 1.0, 1.0, 0.5, 1.0]];
    vec![
        ("ddim.json", compile(&Sampler::ddim(0.0), &vp, None, 5), vec![], true),
        ("ddpm-velocity-on-ve.json", compile(&Sampler::ddim(1.0), &ve, Some(&velocity), 5), vec![], true),
        (
            "adams2-epsilon-on-flow.json",
            compile(&Sampler::adams(2, 0.5).unwrap(), &flow, Some(&epsilon), 6),
            vec![],
            true,
        ),
        ("word.json", compile(&word, &vp, None, 3), vec![], true),
        ("maps.json", mapped, inputs, false),
    ]
}

fn rows() -> Vec<SampleId> {
    (0..ROWS as u64).map(|index| SampleId { seed: SEED, index }).collect()
}

fn draws(plan: &Plan) -> Vec<Vec<f64>> {
    let normals = |draw| {
        let mut z = [0.0_f32; ROWS * WIDTH];
        fill_normals(&rows(), draw, WIDTH, &mut z);
        z.iter().map(|z| f64::from(*z)).collect()
    };
    (0..plan.draws()).map(normals).collect()
}

fn table(flat: &[f64]) -> Value {
    flat.chunks(WIDTH).map(<[f64]>::to_vec).collect::<Vec<_>>().into()
}

fn flat(table: &Value) -> Vec<f64> {
    table.as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap()).map(|x| x.as_f64().unwrap()).collect()
}

fn run(plan: &Plan, inputs: Vec<Vec<f64>>) -> Vec<f64> {
    // The formulation is read from the plan itself: the document says all that is needed.
    let formulation = plan.network().map(|spec| Formulation::from_spec(spec).unwrap());
    let model = Affine { formulation, main: (0.7, 0.1), unconditional: (0.4, -0.2) };
    plan.run(&SliceSpace::new(WIDTH), &model, inputs, &rows()).unwrap()
}

/// The document with slots named by the values in them, in the order in which those are written:
/// which slot holds a value is the compiler's own affair.
fn by_value(document: &Value) -> Value {
    let mut plan = document.clone();
    plan["slots"] = Value::Null;
    let (mut named, mut count) = (std::collections::HashMap::new(), 0_u64);
    let mut write = |named: &mut std::collections::HashMap<u64, u64>, slot: &mut Value| {
        named.insert(slot.as_u64().unwrap(), count);
        (*slot, count) = (count.into(), count + 1);
    };
    let read =
        |named: &std::collections::HashMap<u64, u64>, slot: &mut Value| *slot = named[&slot.as_u64().unwrap()].into();
    for input in plan["inputs"].as_array_mut().unwrap() {
        write(&mut named, &mut input["slot"]);
    }
    for op in plan["ops"].as_array_mut().unwrap() {
        match op["op"].as_str().unwrap() {
            "combine" => op["terms"].as_array_mut().unwrap().iter_mut().for_each(|term| read(&named, &mut term[1])),
            "eval" => read(&named, &mut op["from"]),
            _ => op["from"].as_array_mut().unwrap().iter_mut().for_each(|slot| read(&named, slot)),
        }
        match op["op"].as_str().unwrap() {
            "eval" => op["out"].as_array_mut().unwrap().iter_mut().for_each(|out| write(&mut named, &mut out["into"])),
            _ => write(&mut named, &mut op["into"]),
        }
    }
    read(&named, &mut plan["result"]);
    plan
}

fn bless(path: &Path, plan: &Plan, document: &Value, inputs: &[Vec<f64>], expected: &[f64], exact: bool) {
    let vector = json!({
        "about": "a plan, the model out = gain·x + bias of each branch, the noise of each draw, and the result",
        "exact": exact,
        "model": {"main": [0.7, 0.1], "unconditional": [0.4, -0.2]},
        "samples": rows().iter().map(|id| [id.seed, id.index]).collect::<Vec<_>>(),
        "draws": draws(plan).iter().map(|z| table(z)).collect::<Vec<_>>(),
        "inputs": inputs.iter().map(|x| table(x)).collect::<Vec<_>>(),
        "expected": table(expected),
        "plan": document,
    });
    std::fs::write(path, serde_json::to_string_pretty(&vector).unwrap() + "\n").unwrap();
}

#[test]
fn the_vectors_hold_in_rust() {
    for (file, document, inputs, exact) in vectors() {
        let path = folder().join(file);
        let plan = Plan::from_json(&document.to_string()).unwrap();
        let expected = run(&plan, inputs.clone());
        if std::env::var_os("LANGEVIN_BLESS").is_some() {
            bless(&path, &plan, &document, &inputs, &expected, exact);
        }
        let vector: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let same = by_value(&vector["plan"]) == by_value(&document);
        assert!(same, "{file}: the sampler compiles to another table than the recorded one");
        assert_eq!(flat(&vector["expected"]), expected, "{file}");
        for (recorded, drawn) in vector["draws"].as_array().unwrap().iter().zip(draws(&plan)) {
            assert_eq!(flat(recorded), drawn, "{file}: the noise changed");
        }
    }
}

#[test]
fn the_vectors_hold_in_numpy() {
    let python = std::env::var("LANGEVIN_PYTHON").unwrap_or_else(|_| "python3".into());
    let has_numpy = Command::new(&python).args(["-c", "import numpy"]).output().is_ok_and(|out| out.status.success());
    if !has_numpy {
        println!("skipped: {python} with numpy is not here");
        return;
    }
    let out = Command::new(&python).arg(folder().join("check.py")).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{text}");
    assert_eq!(text.matches("ok  ").count(), vectors().len(), "{text}");
}
