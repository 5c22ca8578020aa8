//! Plans imported from diffusers against what diffusers itself computes: recorded outputs, noise and tables of the originals, in `parity/`.
//!
//! Two questions are asked apart. Fed the original's own table and noise, does the plan land where the original did? And are the tables that the import
//! computes the original's? `LANGEVIN_PARITY=DDIMScheduler` prints every case of one class.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::exact::Mixture;
use langevin::import::{Call, Diffusers, Tables};
use langevin::{
    At, Clock, Coef, Draw, Formulation, Level, Map, Model, Plan, Query, Result, SampleId, SliceSpace, Space,
};
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
        value => vec![value.as_f64().unwrap_or(f64::NAN)],
    }
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
        let denoised = self.data.predict(&x, &Query { at: At::One(own), ..*query })?;
        let map = self.formulation.prediction.from_denoised(&self.formulation.process, &own)?;
        Ok(x.iter().zip(&denoised).map(|(x, d)| map.a * x + map.b * d).collect())
    }
}

fn data() -> Mixture {
    Mixture::new(vec![0.3, 0.7], vec![vec![-1.2, 0.4], vec![0.8, -0.6]], vec![0.25 * 0.25, 0.16]).unwrap()
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
    let list = |value: &Value| match value {
        Value::String(id) => numbers(&tables[id]["values"]),
        value => numbers(value),
    };
    let case = |record: Value| {
        let text = |key: &str| record[key].as_str().unwrap().to_owned();
        let mut call = Call::default();
        let extra = &record["call"];
        call.timesteps = extra.get("timesteps").map(numbers);
        call.sigmas = extra.get("sigmas").map(numbers);
        call.mu = extra.get("mu").and_then(Value::as_f64);
        call.steps = (call.timesteps.is_none() && call.sigmas.is_none()).then(|| record["steps"].as_u64().unwrap() as usize);
        call.start_at = record.get("start_at").and_then(Value::as_u64).map(|at| at as usize);
        if let Some(set) = record["set"].as_object() {
            call.set = set.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        let mut own = Tables::default();
        own.alphas_cumprod = list(&record["betas_table"]);
        own.timesteps = list(&record["timesteps"]);
        own.sigmas = list(&record["sigmas"]);
        Case { id: text("id"), class: text("class"), call, tables: own, record }
    };
    lines("diffusers.jsonl").into_iter().map(case).collect()
}
