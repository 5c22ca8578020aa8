//! Plans imported from diffusers against what diffusers itself computes: recorded outputs, noise and tables of the originals, in `parity/`.
//!
//! Two questions are asked apart. Fed the original's own table and noise, does the plan land where the original did? And are the tables that the import
//! computes the original's? `LANGEVIN_PARITY=DDIMScheduler` prints every case of one class.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::exact::{Gaussian, Mixture};
use langevin::import::{Call, Diffusers, Tables};
use langevin::{Clock, Coef, Draw, Formulation, Level, Map, Model, Plan, Query, Result, SampleId, SliceSpace, Space};
use serde_json::Value;
use std::collections::BTreeMap;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/");

fn lines(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{FOLDER}{name}")).unwrap();
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        Value::Null => vec![],
        Value::String(word) => vec![word.parse().unwrap_or(f64::NAN)],
        value => vec![value.as_f64().unwrap_or(f64::NAN)],
    }
}

/// The values of a table line; those of float32 are written by their shortest digits.
fn values(line: &Value) -> Vec<f64> {
    let single = line["dtype"] == "float32";
    numbers(&line["values"]).into_iter().map(|value| if single { f64::from(value as f32) } else { value }).collect()
}

/// A space whose draws are the recorded ones.
struct Recorded<'a> {
    noise: &'a dyn Fn(Draw) -> Vec<f64>,
    slices: SliceSpace<f64>,
}

impl Space for Recorded<'_> {
    type State = Vec<f64>;
    fn combine(
        &self,
        own: Option<(Coef<'_>, Vec<f64>)>,
        terms: &[(Coef<'_>, &Vec<f64>)],
        noise: &[(Coef<'_>, Draw)],
        rows: &[SampleId],
    ) -> Result<Vec<f64>> {
        let draws: Vec<Vec<f64>> = noise.iter().map(|(_, draw)| (self.noise)(*draw)).collect();
        let mut all = terms.to_vec();
        all.extend(noise.iter().zip(&draws).map(|((coef, _), draw)| (*coef, draw)));
        self.slices.combine(own, &all, &[], rows)
    }
    fn map(&self, map: &Map, args: &[&Vec<f64>]) -> Result<Vec<f64>> {
        self.slices.map(map, args)
    }
    fn error_norms(&self, err: &Vec<f64>, scale: &Vec<f64>) -> Result<Vec<f64>> {
        self.slices.error_norms(err, scale)
    }
}

/// The network of the recording: it knows its input and its time, and nothing else.
struct Network {
    formulation: Formulation,
    data: Mixture,
}

impl Network {
    fn own(&self, time: f64) -> Level {
        let process = &self.formulation.process;
        let time = match self.formulation.clock {
            Clock::Scaled { factor } => time / factor,
            Clock::Remaining { factor } => 1.0 - time / factor,
            Clock::QuarterLogSigma => (4.0 * time).exp(),
            _ => time.max(0.0),
        };
        process.level(time).unwrap()
    }
}

impl Model<Vec<f64>> for Network {
    fn formulation(&self) -> Option<&Formulation> {
        Some(&self.formulation)
    }
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let own = self.own(query.at.row(0).time);
        let scale = self.formulation.seen(&own)?.alpha.max(1e-300) / own.alpha.max(1e-300);
        let x: Vec<f64> = x.iter().map(|x| x / scale).collect();
        let denoised = self.data.predict(&x, &Query::new(own, query.rows))?;
        let map = self.formulation.prediction.from_denoised(&self.formulation.process, &own)?;
        Ok(x.iter().zip(&denoised).map(|(x, d)| map.a * x + map.b * d).collect())
    }
}

fn data() -> Mixture {
    let part = |mean: [f64; 2], deviation: f64| Gaussian::isotropic(mean.to_vec(), deviation * deviation).unwrap();
    Mixture::new(vec![0.3, 0.7], vec![part([-1.2, 0.4], 0.25), part([0.8, -0.6], 0.4)]).unwrap()
}

fn run(plan: &Plan, noise: &dyn Fn(Draw) -> Vec<f64>, inputs: Vec<Vec<f64>>) -> Result<Vec<f64>> {
    let rows: Vec<SampleId> = (0..4).map(|index| SampleId { seed: 0, index }).collect();
    let space = Recorded { noise, slices: SliceSpace::new(2) };
    let network = Network { formulation: Formulation::from_spec(plan.network().unwrap())?, data: data() };
    plan.run(&space, &network, inputs, &rows)
}

/// One recorded case, its table filled in.
struct Case {
    id: String,
    class: String,
    record: Value,
    call: Call,
    tables: Tables,
}

fn cases() -> Vec<Case> {
    let tables: BTreeMap<String, Value> =
        lines("tables.jsonl").into_iter().map(|line| (line["id"].as_str().unwrap().to_owned(), line)).collect();
    let named = |id: &Value| id.as_str().map(|id| &tables[id]);
    let list = |id: &Value| named(id).map(values).unwrap_or_default();
    let case = |mut record: Value| {
        record["config"] = named(&record["config"]).map_or(Value::Null, |line| line["value"].clone());
        let text = |key: &str| record[key].as_str().unwrap().to_owned();
        let mut call = Call::default();
        let extra = &record["call"];
        call.timesteps = extra.get("timesteps").map(numbers);
        call.sigmas = extra.get("sigmas").map(numbers);
        call.mu = extra.get("mu").and_then(Value::as_f64);
        call.steps =
            (call.timesteps.is_none() && call.sigmas.is_none()).then(|| record["steps"].as_u64().unwrap() as usize);
        call.start_at = record.get("start_at").and_then(Value::as_u64).map(|at| at as usize);
        if let Some(set) = record["set"].as_object() {
            call.set = set.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        let mut own = Tables::default();
        own.alphas_cumprod =
            named(&record["betas_table"]).map(|line| list(&line["alphas_cumprod"])).unwrap_or_default();
        own.timesteps = list(&record["timesteps"]);
        own.sigmas = list(&record["sigmas"]);
        Case { id: text("id"), class: text("class"), call, tables: own, record }
    };
    lines("diffusers.jsonl").into_iter().filter(|line| line.get("header").is_none()).map(case).collect()
}

/// What the recording says of the outcome: the output, or that there is none.
fn outcome(record: &Value) -> Option<Vec<f64>> {
    record.get("out").map(numbers).filter(|out| out.iter().all(|value| value.is_finite()))
}

/// The tolerance of a case: 1e-5, or ten times what one float32 ulp of the start does to the original.
fn tolerance(record: &Value) -> f64 {
    (10.0 * record["ulp"].as_f64().unwrap_or(0.0)).max(1e-5)
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    // Not a number is the largest difference there is.
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |worst, d| if d.is_nan() || d > worst { d } else { worst })
}

/// Whether the import knows the class of a case yet.
fn known(case: &Case) -> bool {
    Diffusers::parse(&format!("{{\"_class_name\": \"{}\"}}", case.class)).is_ok()
}

/// Where the original is not itself: the cases that its own float32 moves beyond their tolerance, with what the same steps give in float64 (`double.py`). They are runs
/// of the inverse up to pure noise of the cosine table: λ in float32 is off by up to 5e-7, and steps of several λ multiply that by e^h. These cases must agree with the
/// float64 results to the last digits.
fn doubles() -> BTreeMap<String, Vec<f64>> {
    lines("double.jsonl").iter().map(|line| (line["id"].as_str().unwrap().to_owned(), numbers(&line["out"]))).collect()
}

/// Fed the original's own tables and noise, an imported plan lands where the original does.
#[test]
fn imported_plans_land_where_the_originals_do() {
    let (pool, doubles) = (pool(), doubles());
    let (mut worst, mut failures): (BTreeMap<String, (usize, f64)>, Vec<String>) = (BTreeMap::new(), vec![]);
    let wanted = std::env::var("LANGEVIN_PARITY").ok();
    for case in cases().into_iter().filter(known) {
        let Some(out) = outcome(&case.record) else { continue };
        let out = doubles.get(&case.id).cloned().unwrap_or(out);
        let config = case.record["config"].to_string();
        let attempt = || -> Result<Vec<f64>> {
            let plan = Diffusers::parse(&config)?.plan_with(&case.call, &case.tables)?;
            // What has no start of its own in the recording started from the first draw.
            let scale = case.record["init_scale"].as_f64().unwrap_or(1.0);
            let noise = || pool[0].iter().map(|z| scale * z).collect();
            let input = |name: &str| case.record.get(name).map_or_else(noise, numbers);
            let inputs = plan.inputs().iter().map(|slot| input(&slot.name)).collect();
            // A start in the middle was made of two draws.
            let first = if case.call.start_at.is_some() { 2 } else { 0 };
            let noise = |draw: Draw| pool[(draw as usize + first) % pool.len()].clone();
            run(&plan, &noise, inputs)
        };
        let gap = match attempt() {
            Ok(got) => largest_difference(&got, &out),
            Err(error) => {
                failures.push(format!("{}: {error}", case.id));
                continue;
            }
        };
        // In float64 nothing but the last digits is left to differ.
        let tolerance = if doubles.contains_key(&case.id) { 1e-9 } else { tolerance(&case.record) };
        if wanted.as_ref() == Some(&case.class) {
            println!("{}: {gap:.2e} (tolerance {tolerance:.1e})", case.id);
        }
        if gap.is_nan() || gap > tolerance {
            failures.push(format!("{}: {gap:.2e}, tolerance {tolerance:.1e}", case.id));
        }
        let entry = worst.entry(case.class.clone()).or_default();
        *entry = (entry.0 + 1, entry.1.max(gap / tolerance));
    }
    for (class, (count, share)) in &worst {
        let doubled = doubles.keys().filter(|id| id.split('/').next() == class.strip_suffix("Scheduler")).count();
        println!("{class}: {count} cases, {doubled} of them in float64, worst {share:.3} of its tolerance");
    }
    assert!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures[..failures.len().min(40)].join("\n"));
}

/// The tables that the import computes are the original's, to 1e-6.
#[test]
fn computed_tables_are_the_originals() {
    let mut failures = vec![];
    for case in cases().into_iter().filter(known) {
        if case.record.get("timesteps").is_none_or(Value::is_null) || outcome(&case.record).is_none() {
            continue;
        }
        let tables =
            match Diffusers::parse(&case.record["config"].to_string()).and_then(|import| import.tables(&case.call)) {
                Ok(tables) => tables,
                Err(error) => {
                    failures.push(format!("{}: {error}", case.id));
                    continue;
                }
            };
        let pairs = [
            ("alphas_cumprod", &tables.alphas_cumprod, &case.tables.alphas_cumprod),
            ("timesteps", &tables.timesteps, &case.tables.timesteps),
            ("sigmas", &tables.sigmas, &case.tables.sigmas),
        ];
        for (name, computed, recorded) in pairs {
            if recorded.is_empty() || name == "sigmas" && computed.is_empty() {
                continue;
            }
            let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * b.abs().max(1.0);
            if computed.len() != recorded.len() || !computed.iter().zip(recorded).all(close) {
                let gap = computed.iter().zip(recorded).position(|pair| !close(pair));
                failures.push(format!("{}: {name} at {gap:?}, {} of {}", case.id, computed.len(), recorded.len()));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} tables differ:\n{}",
        failures.len(),
        failures[..failures.len().min(40)].join("\n")
    );
}

/// The recorded draws.
fn pool() -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(format!("{FOLDER}noise.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let list = all.get("draws").unwrap_or(&all).as_array().unwrap().clone();
    list.iter().map(numbers).collect()
}
