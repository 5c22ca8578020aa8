//! The conformance vectors of `examples/conformance/tokens`: the same plans, rows and tokens here
//! and in the numpy interpreter.
//!
//! `LANGEVIN_BLESS=1 cargo test -p langevin-discrete --test conformance` writes them anew.
#![allow(clippy::unwrap_used)]

use langevin::model::Branch;
use langevin::noise::fill_uniforms;
use langevin::{Query, Result, SampleId};
use langevin_discrete::exact::Table;
use langevin_discrete::{Denoiser, Letter, Noise, Plan, Request, StateSpace};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const ROWS: u64 = 40;
const SEED: u64 = 0x0123_4567_89AB_CDEF;

/// A law for each branch of a conditional network.
struct Branches {
    main: Table,
    unconditional: Table,
}

impl Denoiser for Branches {
    fn space(&self) -> &StateSpace {
        self.main.space()
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        if query.branch == Branch::Main { self.main.predict(x, query) } else { self.unconditional.predict(x, query) }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/conformance/tokens")
}

/// A law on all sequences with no symmetry, so that no two places have equal entropies.
fn law(space: &StateSpace, index: u64) -> Vec<f64> {
    let mut law = vec![0.0; space.vocab().pow(space.length() as u32)];
    fill_uniforms(SampleId { seed: 5, index }, 0, &mut law);
    law.iter_mut().for_each(|u| *u = *u * *u * *u + 0.01);
    let sum: f64 = law.iter().sum();
    law.iter().map(|p| p / sum).collect()
}

/// (name of the file, noise, request).
fn vectors() -> Vec<(&'static str, Noise, &'static str)> {
    let prior = || Noise::Prior(vec![0.5, 0.3, 0.2]);
    vec![
        ("ancestral", Noise::Masked, "sampler=ancestral steps=4 guidance=2"),
        ("ancestral-uniform", Noise::Uniform, "sampler=ancestral steps=4"),
        ("euler", Noise::Masked, "sampler=euler steps=3 eta=1.5"),
        ("euler-prior", prior(), "sampler=euler steps=4 eta=0.5 grid=cosine"),
        ("row-prior", prior(), "sampler=row steps=3 rho=0.6 temperature=0.7"),
        ("remask-loop", Noise::Masked, "sampler=remask schedule=loop steps=8 eta=0.1"),
        ("forward-backward", Noise::Uniform, "sampler=forward-backward steps=3 rho=0.5"),
        ("theta-trapezoidal", Noise::Masked, "sampler=theta-trapezoidal steps=2 theta=0.4"),
        ("gibbs", prior(), "sampler=gibbs steps=3 sweeps=2"),
        ("sizes", Noise::Masked, "sampler=sizes sizes=1+2+1 top-k=2"),
        ("blocks", Noise::Masked, "sampler=blocks block=2 steps=2 order=halton"),
        ("confidence", Noise::Masked, "sampler=confidence steps=3 gumbel=2 anneal=true"),
        ("margin", Noise::Masked, "sampler=margin steps=3 top-p=0.8"),
        ("entropy-bound", Noise::Masked, "sampler=entropy-bound steps=3 bound=1"),
        ("threshold", Noise::Masked, "sampler=threshold steps=4 above=0.5"),
    ]
}

fn rows() -> Vec<SampleId> {
    // Rows beyond 2³² use both words of the index.
    (0..ROWS).map(|k| SampleId { seed: SEED, index: k * 0x1_0000_0003 }).collect()
}

fn run(plan: &Plan) -> Vec<Vec<Letter>> {
    let [main, unconditional] = [0, 1].map(|k| Table::new(plan.space().clone(), law(plan.space(), k)).unwrap());
    let tokens = plan.run(&Branches { main, unconditional }, &rows()).unwrap();
    tokens.chunks(plan.space().length()).map(<[Letter]>::to_vec).collect()
}

fn bless(path: &Path, request: &str, plan: &Plan, expected: &[Vec<Letter>]) {
    let line = |value: Value| value.to_string();
    let text = format!(
        "{{\"about\": \"a plan, a law of each branch on all sequences, (seed, index) of the rows, and their tokens\",\n \
         \"request\": {},\n \"model\": {},\n \"rows\": {},\n \"expected\": {},\n \"plan\": {}}}\n",
        line(json!(request)),
        line(json!({"main": law(plan.space(), 0), "unconditional": law(plan.space(), 1)})),
        line(rows().iter().map(|id| json!([id.seed, id.index])).collect()),
        line(json!(expected)),
        plan.to_json().trim_end()
    );
    std::fs::write(path, text).unwrap();
}

#[test]
fn the_vectors_hold_in_rust() {
    for (name, noise, request) in vectors() {
        let space = StateSpace::new(noise, 3, 4).unwrap();
        let plan = request.parse::<Request>().unwrap().plan(&space).unwrap();
        let (path, expected) = (folder().join(format!("{name}.json")), run(&plan));
        if std::env::var_os("LANGEVIN_BLESS").is_some() {
            bless(&path, request, &plan, &expected);
        }
        let vector: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let recorded = Plan::from_json(&vector["plan"].to_string()).unwrap();
        let comparison = langevin_discrete::plan::compare(&recorded, &plan);
        assert!(comparison.is_same() && comparison.draws, "{name}: {comparison}");
        assert_eq!(vector["expected"], json!(expected), "{name}");
        assert_eq!(vector["expected"], json!(run(&recorded)), "{name}");
    }
}

/// Collects the names of all fields and of all words that a field can have.
fn names(schema: &Value, out: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                out.extend(properties.keys().filter(|key| *key != "op").cloned());
            }
            if let Some(Value::Array(words)) = fields.get("enum") {
                out.extend(words.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            fields.values().for_each(|value| names(value, out));
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, out)),
        _ => {}
    }
}

#[test]
fn the_document_and_the_schema_agree() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let text = std::fs::read_to_string(docs.join("tokens-plan.md")).unwrap();
    let schema = std::fs::read_to_string(docs.join("tokens-plan.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut wanted = Vec::new();
    names(&schema, &mut wanted);
    wanted.retain(|name| name != "linear");
    for name in &wanted {
        assert!(text.contains(name.as_str()), "docs/tokens-plan.md does not mention '{name}'");
    }
    // The schema has every field of the plans, and every plan has the fields that it requires.
    for (file, noise, request) in vectors() {
        let space = StateSpace::new(noise, 3, 4).unwrap();
        let plan = request.parse::<Request>().unwrap().plan(&space).unwrap();
        let document: Value = serde_json::from_str(&plan.to_json()).unwrap();
        for op in document["ops"].as_array().unwrap() {
            let kind = &schema["$defs"][op["op"].as_str().unwrap()];
            for key in op.as_object().unwrap().keys() {
                assert!(kind["properties"].get(key).is_some(), "{file}: {key}");
            }
            for key in kind["required"].as_array().unwrap() {
                assert!(op.get(key.as_str().unwrap()).is_some(), "{file}: {key}");
            }
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
