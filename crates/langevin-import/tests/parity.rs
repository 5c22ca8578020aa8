//! Plans imported from diffusers and k-diffusion against what these compute themselves: recorded
//! outputs, noise and tables of the originals, in `parity/`.
//!
//! Two questions are asked apart. Fed the original's own table and noise, does the plan land where
//! the original did? And are the tables that the import computes the original's?
//! `LANGEVIN_PARITY=DDIMScheduler` prints every case of one class.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::adaptive::Adaptive;
use langevin::adaptive::Pair;
use langevin::process::ProcessSpec;
use langevin::space::{Coef, Draw, Tolerance};
use langevin::{
    Clock, Formulation, Grid, Level, Map, Model, Plan, Process, Query, Result, SampleId, Schedule, SliceSpace, Space,
    space::ErrorNorms,
};
use langevin_analysis::exact::{Gaussian, Mixture};
use langevin_import::{Call, Diffusers, Tables, k};
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
}

impl ErrorNorms for Recorded<'_> {
    fn error_norms(
        &self,
        low: &Vec<f64>,
        high: &Vec<f64>,
        previous: &Vec<f64>,
        tolerance: Tolerance,
    ) -> Result<Vec<f64>> {
        self.slices.error_norms(low, high, previous, tolerance)
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
        let last = process.schedule().domain().1;
        match self.formulation.clock {
            // SCM's first time lies a hair beyond the last one.
            Clock::Scaled { factor } => process.level((time / factor).min(last)).unwrap(),
            Clock::Remaining { factor } => process.level(1.0 - time / factor).unwrap(),
            Clock::QuarterLogSigma => process.level_at_sigma_ve((4.0 * time).exp()).unwrap(),
            Clock::LogSigma { factor } => process.level_at_sigma_ve((time / factor).exp()).unwrap(),
            Clock::Angle => process.level_at_sigma_ve((time * std::f64::consts::FRAC_PI_2).tan()).unwrap(),
            _ => process.level(time.max(0.0).min(last)).unwrap(),
        }
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

/// The process of the recorded DDPMWuerstchen networks, by the formula of `parity/network.py`: a
/// document can only name it.
#[derive(Debug)]
struct Wuerstchen {
    name: String,
    scaler: f64,
    s: f64,
}

impl Wuerstchen {
    fn of(name: &str) -> Self {
        let number =
            |key: &str| name.split([':', ',']).find_map(|part| part.strip_prefix(key)).unwrap().parse().unwrap();
        Self { name: name.into(), scaler: number("scaler="), s: number("s=") }
    }

    fn bar(&self, t: f64) -> f64 {
        let u = if self.scaler > 1.0 { 1.0 - (1.0 - t).powf(self.scaler) } else { t.powf(self.scaler) };
        let quarter = |u: f64| ((u + self.s) / (1.0 + self.s) * std::f64::consts::FRAC_PI_2).cos();
        (quarter(u) / quarter(0.0)).powi(2).clamp(1e-4, 0.9999)
    }
}

impl Schedule for Wuerstchen {
    fn spec(&self) -> ProcessSpec {
        ProcessSpec::Custom { name: self.name.clone() }
    }
    fn domain(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
    fn alpha(&self, t: f64) -> f64 {
        self.bar(t).sqrt()
    }
    fn sigma(&self, t: f64) -> f64 {
        (1.0 - self.bar(t)).sqrt()
    }
    fn alpha_rate(&self, t: f64) -> f64 {
        let [before, after] = [(t - 1e-6).max(0.0), (t + 1e-6).min(1.0)];
        (self.alpha(after) - self.alpha(before)) / (after - before)
    }
    fn sigma_rate(&self, t: f64) -> f64 {
        -self.alpha(t) * self.alpha_rate(t) / self.sigma(t)
    }
    /// The network is asked at the very times of the plan, and `Network` needs the level at a time
    /// alone.
    fn time_of_sigma_ve(&self, ratio: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let t = 0.5 * (low + high);
            if self.sigma(t) / self.alpha(t) < ratio { low = t } else { high = t }
        }
        0.5 * (low + high)
    }
}

fn data() -> Mixture {
    let part = |mean: [f64; 2], deviation: f64| Gaussian::isotropic(mean.to_vec(), deviation * deviation).unwrap();
    Mixture::new(vec![0.3, 0.7], vec![part([-1.2, 0.4], 0.25), part([0.8, -0.6], 0.4)]).unwrap()
}

fn run(plan: &Plan, noise: &dyn Fn(Draw) -> Vec<f64>, inputs: Vec<Vec<f64>>) -> Result<Vec<f64>> {
    let rows: Vec<SampleId> = (0..4).map(|index| SampleId { seed: 0, index }).collect();
    let space = Recorded { noise, slices: SliceSpace::new(2) };
    let spec = plan.network().unwrap();
    let formulation = match &spec.process {
        ProcessSpec::Custom { name } => Formulation::new(Process::new(Wuerstchen::of(name))?, spec.prediction),
        _ => Formulation::from_spec(spec)?,
    };
    plan.run(&space, &Network { formulation, data: data() }, inputs, &rows)
}

/// One recorded case, its table filled in.
struct Case {
    id: String,
    class: String,
    record: Value,
    call: Call,
    tables: Tables,
}

/// The recorded tables, by their ids.
fn recorded_tables() -> BTreeMap<String, Value> {
    lines("tables.jsonl").into_iter().map(|line| (line["id"].as_str().unwrap().to_owned(), line)).collect()
}

/// The cases of a recording; its first line is a header.
fn records(name: &str) -> Vec<Value> {
    lines(name).into_iter().filter(|line| line.get("id").is_some()).collect()
}

fn cases() -> Vec<Case> {
    let tables = recorded_tables();
    let entry = |value: &Value| value.as_str().map_or(&Value::Null, |id| &tables[id]);
    let list = |value: &Value| values(entry(value));
    let case = |mut record: Value| {
        let text = |key: &str| record[key].as_str().unwrap().to_owned();
        let (id, class) = (text("id"), text("class"));
        let mut call = Call::default();
        let mut set = record["set"].as_object().cloned().unwrap_or_default();
        for (key, value) in record["call"].as_object().into_iter().flatten() {
            match key.as_str() {
                "timesteps" => call.timesteps = Some(numbers(value)),
                "sigmas" => call.sigmas = Some(numbers(value)),
                "mu" => call.mu = value.as_f64(),
                _ => drop(set.insert(key.clone(), value.clone())),
            }
        }
        // Pictures are inputs of the plan, not settings.
        for (key, name) in [("known", "image"), ("mask", "mask")] {
            if let Some(value) = set.remove(key) {
                record[name] = value;
            }
        }
        call.set = set.into_iter().collect();
        call.steps =
            (call.timesteps.is_none() && call.sigmas.is_none()).then(|| record["steps"].as_u64().unwrap() as usize);
        call.start_at = record.get("start_at").and_then(Value::as_u64).map(|at| at as usize);
        let mut own = Tables::default();
        own.alphas_cumprod = list(&entry(&record["betas_table"])["alphas_cumprod"]);
        own.timesteps = list(&record["timesteps"]);
        own.sigmas = list(&record["sigmas"]);
        record["config"] = entry(&record["config"])["value"].clone();
        Case { id, class, call, tables: own, record }
    };
    records("diffusers.jsonl").into_iter().map(case).collect()
}

/// The draws of a plan as the original used them.
///
/// The originals draw the start first, and, where they start in the middle, an image after it; the
/// state that these make is then an input of the plan. Where an original asked for noise by
/// intervals of σ, overlapping ones are one path here: from the noise u of the whole [a, c] and the
/// piece z₁ over [a, b], the rest is z₂ = (√(a−c) u − √(a−b) z₁)/√(b−c).
fn draws(record: &Value, plan: &Plan, pool: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let given = plan.inputs().iter().any(|input| input.name == "init");
    let before = if record.get("start_at").is_some_and(Value::is_u64) { 2 } else { 1 };
    let at = |index: usize| pool[index % pool.len()].clone();
    let mut all = if given { vec![] } else { vec![at(0)] };
    let Some(intervals) = record.get("intervals").and_then(Value::as_array) else {
        all.extend((0..plan.draws() as usize).map(|index| at(before + index)));
        return all;
    };
    let ends: Vec<Vec<f64>> = intervals.iter().map(numbers).collect();
    for (index, end) in ends.iter().enumerate() {
        let mut z = at(before + index);
        if let Some(first) = index.checked_sub(1).map(|index| &ends[index]).filter(|first| first[0] == end[0]) {
            let (whole, piece) = (end[0] - end[1], first[0] - first[1]);
            let rest = |(u, z): (&f64, &f64)| (whole.sqrt() * u - piece.sqrt() * z) / (whole - piece).sqrt();
            z = z.iter().zip(&all[all.len() - 1]).map(rest).collect();
        }
        all.push(z);
    }
    all
}

/// The inputs of a plan: the recorded state, or the noise that the original started from.
fn inputs(record: &Value, plan: &Plan, pool: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let input = |name: &str| match record.get(name) {
        Some(value) => numbers(value),
        None => pool[0].iter().map(|z| z * record["init_scale"].as_f64().unwrap()).collect(),
    };
    plan.inputs().iter().map(|input_slot| input(&input_slot.name)).collect()
}

/// What the recording says of the outcome: the output, or that there is none.
fn outcome(record: &Value) -> Option<Vec<f64>> {
    record.get("out").map(numbers).filter(|out| out.iter().all(|value| value.is_finite()))
}

/// The tolerance of a case: 1e-5, or ten times what one float32 ulp of the start does to the
/// original.
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

/// Where the original is not itself: the cases that its own float32 moves beyond their tolerance,
/// with what the same steps give in float64 (`double.py`). Fourteen: six runs of DPM-Solver's
/// inverse up to pure noise of the cosine table, where λ in float32 is off by up to 5e-7 and steps
/// of several λ multiply that by e^h; eight of the ancestral KDPM2, whose σ_down is a difference of
/// squares in float32. These must agree with the float64 results to the last digits.
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
            let draws = draws(&case.record, &plan, &pool);
            run(&plan, &|draw: Draw| draws[draw as usize].clone(), inputs(&case.record, &plan, &pool))
        };
        // In float64 nothing but the last digits is left to differ.
        let tolerance = if doubles.contains_key(&case.id) { 1e-9 } else { tolerance(&case.record) };
        let gap = match attempt() {
            Ok(got) => largest_difference(&got, &out),
            Err(error) => {
                failures.push(format!("{}: {error}", case.id));
                continue;
            }
        };
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

/// Where an original raises or ends in infinity, an import gives a plan that ends in numbers, or
/// refuses and says why.
#[test]
fn where_the_originals_fail_there_is_a_plan_or_a_refusal() {
    let pool = pool();
    let mut outcomes: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for case in cases().into_iter().filter(known).filter(|case| outcome(&case.record).is_none()) {
        let attempt = || -> Result<Vec<f64>> {
            let plan = Diffusers::parse(&case.record["config"].to_string())?.plan(&case.call)?;
            let noise = |draw: Draw| pool[draw as usize % pool.len()].clone();
            run(&plan, &noise, inputs(&case.record, &plan, &pool))
        };
        let said = match attempt() {
            Ok(out) => {
                assert!(out.iter().all(|value| value.is_finite()), "{}: {out:?}", case.id);
                "a plan".to_owned()
            }
            Err(error) => {
                let text = error.to_string();
                assert!(!text.contains("NaN") && !text.contains("bad plan"), "{}: {text}", case.id);
                text
            }
        };
        outcomes.entry((case.class.clone(), said)).or_default().push(case.id);
    }
    for ((_, said), ids) in outcomes {
        println!("{} and {} more: {said}", ids[0], ids.len() - 1);
    }
}

/// Of every recorded run that has a plan, the import knows whether the original fails on it.
#[test]
fn the_import_knows_where_the_originals_fail() {
    let mut wrong = vec![];
    for case in cases().into_iter().filter(known) {
        // The constructor of some raises.
        let Ok(import) = Diffusers::parse(&case.record["config"].to_string()) else { continue };
        if import.plan(&case.call).is_err() {
            continue;
        }
        // Whether the first time occurs twice may be the machine's choice.
        let times = import.tables(&case.call).unwrap().timesteps;
        let recorded = &case.tables.timesteps;
        if times != *recorded && first_time_is_a_tie(&case, "timesteps", &times, recorded) {
            continue;
        }
        // So is whether σ_up is above σ_to after a step down the whole cosine table.
        if case.id.starts_with("KDPM2Ancestral") && case.id.contains("cosine") {
            continue;
        }
        let (said, fails) = (import.fault(&case.call).unwrap(), outcome(&case.record).is_none());
        if said.is_some() != fails {
            wrong.push(format!(
                "{}: {said:?}, recorded: {} {}",
                case.id, case.record["error"], case.record["nonfinite"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}

/// Whether two numbers of a table are the same: to 1e-6.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}

/// KDPM2's ancestral twin asks its network half-way to σ_down = σ'²/σ, which is σ' itself; the
/// original has σ_down² = σ'² − up² in float32, so that ln of the middle is off by up to
/// 2⁻²³(σ/σ')², four such roundings together here.
fn middles_are_near(case: &Case, computed: &[f64]) -> bool {
    let sigma = |time: f64| {
        let bars = &case.tables.alphas_cumprod;
        let at = |k: usize| 0.5 * ((1.0 - bars[k]) / bars[k]).ln();
        let low = (time.floor() as usize).min(bars.len() - 2);
        at(low) + (time - low as f64) * (at(low + 1) - at(low))
    };
    computed.iter().zip(&case.tables.timesteps).enumerate().all(|(index, (a, b))| {
        let (from, to) = (case.tables.sigmas[index.saturating_sub(1)], case.tables.sigmas[index]);
        let room = if index % 2 == 0 { 0.0 } else { (-21.0_f64).exp2() * (from / to).powi(2) };
        near(*a, *b) || (sigma(*a) - sigma(*b)).abs() <= room
    })
}

/// The grids over a whole table begin at its last σ, whose time, found again in ln σ, is N − 1 or a
/// hair less; whole times cut the latter to N − 2. The last bit of √ and ln in float32
/// decides, of which torch's and NumPy's are off by up to three units (in a tenth of the entries):
/// the machine's choice, and none of the import's.
fn first_time_is_a_tie(case: &Case, name: &str, computed: &[f64], recorded: &[f64]) -> bool {
    let config = &case.record["config"];
    let whole = recorded.iter().all(|time| time.fract() == 0.0);
    let grid = ["use_beta_sigmas", "use_exponential_sigmas"].iter().any(|key| config[*key] == true);
    let last = config["num_train_timesteps"].as_f64().unwrap_or(0.0) - 1.0;
    let either = |time: f64| time == last || time == last - 1.0;
    name == "timesteps"
        // Of the usual thousand entries the recordings agree.
        && last != 999.0
        && (whole && grid && computed.len() == recorded.len())
        && (either(computed[0]) && either(recorded[0]))
        && computed[1..].iter().zip(&recorded[1..]).all(|(a, b)| near(*a, *b))
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
            if name == "timesteps" && case.class.starts_with("KDPM2Ancestral") && middles_are_near(&case, computed) {
                continue;
            }
            if first_time_is_a_tie(&case, name, computed, recorded) {
                continue;
            }
            let close = |(a, b): (&f64, &f64)| near(*a, *b);
            if computed.len() != recorded.len() || !computed.iter().zip(recorded).all(close) {
                let gap = computed.iter().zip(recorded).position(|pair| !close(pair));
                let pair = gap.map(|at| (computed[at], recorded[at]));
                failures.push(format!(
                    "{}: {name} at {gap:?}: {pair:?}, {} of {}",
                    case.id,
                    computed.len(),
                    recorded.len()
                ));
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

/// The levels of a case of k-diffusion by our grids.
fn k_levels(record: &Value) -> Vec<Level> {
    let steps = record["steps"].as_u64().unwrap() as usize;
    let grid = match record["grid"].as_str() {
        Some("karras") => Grid::karras(steps),
        Some("exponential") => Grid::uniform_lambda(steps),
        Some("polyexponential") => Grid::poly_exponential(steps, 1.5).unwrap(),
        Some("vp") => Grid::vp(steps),
        // The two ends, and as many evaluations as steps.
        _ => Grid::uniform_lambda(steps).without_clean_end(),
    };
    grid.levels(&Process::ve(), 0.03, 14.6).unwrap()
}

/// The draws of a plan where the original asked for one at every step, and used it where churn adds
/// noise.
fn churned(record: &Value, sigmas: &[f64], pool: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let set = |key: &str, default: f64| record["set"].get(key).and_then(Value::as_f64).unwrap_or(default);
    let window = set("s_tmin", 0.0)..=set("s_tmax", f64::INFINITY);
    let used = (0..sigmas.len() - 1).filter(|step| window.contains(&sigmas[*step]));
    std::iter::once(0).chain(used.map(|step| step + 1)).map(|index| pool[index % pool.len()].clone()).collect()
}

/// The samplers of k-diffusion, which are float64 throughout, land where they did: to the twelve
/// digits that are recorded, and what a few hundred roundings leave.
#[test]
fn samplers_of_k_diffusion_land_where_they_did() {
    let (pool, tables) = (pool(), recorded_tables());
    let (mut counts, mut failures) = (BTreeMap::<String, (usize, f64)>::new(), vec![]);
    for record in records("k_diffusion.jsonl") {
        let (id, name) = (record["id"].as_str().unwrap(), record["sampler"].as_str().unwrap());
        let set: BTreeMap<String, Value> = record["set"].as_object().unwrap().clone().into_iter().collect();
        if name == "sample_dpm_adaptive" {
            assert!(k::sampler(name, &set).unwrap_err().to_string().contains("no fixed table"));
            continue;
        }
        let levels = k_levels(&record);
        let sigmas: Vec<f64> = levels.iter().map(|level| level.sigma).collect();
        if let Some(id) = record["sigmas"].as_str() {
            let gap = largest_difference(&sigmas, &values(&tables[id]));
            assert!(gap < 1e-11, "the grid of {id}: {gap:.1e}");
        }
        let plan = k::sampler(name, &set).and_then(|sampler| sampler.compile(&Process::ve(), None, &levels)).unwrap();
        let draws = match name {
            "sample_euler" | "sample_heun" | "sample_dpm_2" => churned(&record, &sigmas, &pool),
            _ => draws(&record, &plan, &pool),
        };
        let space = Recorded { noise: &|draw| draws[draw as usize].clone(), slices: SliceSpace::new(2) };
        let rows: Vec<SampleId> = (0..4).map(|index| SampleId { seed: 0, index }).collect();
        let got = plan.run(&space, &data(), vec![], &rows).unwrap();
        // Where the original raises, at one step of the SDE samplers, there is a plan.
        let Some(out) = outcome(&record) else {
            assert!(got.iter().all(|value| value.is_finite()), "{id}");
            continue;
        };
        let gap = largest_difference(&got, &out);
        let entry = counts.entry(name.to_owned()).or_default();
        *entry = (entry.0 + 1, entry.1.max(gap));
        // The ancestral ones take σ_down² = σ'² − up², of which a step from σ to σ' leaves (σ'/σ)²;
        // the last step, to 0, has none of it.
        let steepest = sigmas.windows(2).filter(|pair| pair[1] > 0.0).map(|pair| pair[0] / pair[1]).fold(1.0, f64::max);
        let lost = if name.ends_with("ancestral") { 4.0 * f64::EPSILON * steepest * steepest } else { 0.0 };
        if gap.is_nan() || gap > 1e-9 + lost {
            failures.push(format!("{id}: {gap:.2e}"));
        }
    }
    for (name, (count, gap)) in &counts {
        println!("{name}: {count} cases, largest difference {gap:.1e}");
    }
    assert!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures[..failures.len().min(40)].join("\n"));
}

/// The recorded draws.
fn pool() -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(format!("{FOLDER}noise.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let list = all.get("draws").unwrap_or(&all).as_array().unwrap().clone();
    list.iter().map(numbers).collect()
}

/// k-diffusion's `sample_dpm_adaptive` judges the batch as a whole, so it was run on one row at a
/// time, in float64: outputs, accepted and rejected steps. (In its usual float32 times the outputs
/// move by up to 2e-3: an accepted step is a matter of digits.)
#[test]
fn adaptive_steps_are_those_of_k_diffusion() {
    let recorded = [
        (Pair::Dpm12, 0, [0.6792254456185827, -0.5677830468290967], (12, 3)),
        (Pair::Dpm23, 0, [0.7332914192265421, -0.5930081089749525], (8, 1)),
        (Pair::Dpm12, 1, [0.9527337109022035, -0.49516960037492974], (12, 2)),
        (Pair::Dpm23, 1, [0.9379331231993211, -0.497746713249506], (9, 2)),
        (Pair::Dpm12, 2, [-0.9757243516315813, 0.31418521477652545], (15, 4)),
        (Pair::Dpm23, 2, [-0.9637648273054309, 0.30713346886027487], (11, 4)),
        (Pair::Dpm12, 3, [1.2700498737897912, -0.1755381272842005], (14, 4)),
        (Pair::Dpm23, 3, [1.2031256055339825, -0.1554692102968362], (10, 3)),
    ];
    let pool = pool();
    let rows: Vec<SampleId> = (0..4).map(|index| SampleId { seed: 0, index }).collect();
    for (pair, row, out, (accepted, rejected)) in recorded {
        let space = Recorded { noise: &|draw| pool[draw as usize].clone(), slices: SliceSpace::new(2) };
        let mut adaptive = Adaptive::new(pair);
        adaptive.clean_end = false;
        let run = adaptive.run(&space, &data(), [0.002, 80.0], &rows).unwrap();
        let gap = largest_difference(&run.state[2 * row..2 * row + 2], &out);
        assert!(gap < 1e-9, "{pair:?}, row {row}: {gap:e}");
        assert_eq!((run.accepted[row], run.rejected[row]), (accepted, rejected), "{pair:?}, row {row}");
    }
}
