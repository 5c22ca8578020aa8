//! Emitted programs return langevin's samples, bit for bit: C (cc), JavaScript (node), Rust (rustc)
//! and numpy, for plans that cover every instruction. A language whose tool is missing is skipped,
//! with a message; Swift is checked as text.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

use langevin::model::Branch;
use langevin::sampler::Start;
use langevin::{Formulation, Map, Model, Plan, Prediction, Process, Query, Request, Result, Sampling};
use langevin_emit::{Language, emit};
use std::fs;
use std::path::Path;
use std::process::Command;

const WIDTH: usize = 7;
const ROWS: usize = 3;
const SEED: u64 = 0x1_2345_6789;
const FIRST: u64 = 5;

/// out = ((0.3 x + 0.1 time) + 0.01 α) − 0.02 σ, and 0.2 x for the branch without condition: in the
/// order in which all languages compute it.
struct Toy(Option<Formulation>);

impl Model<Vec<f64>> for Toy {
    fn formulation(&self) -> Option<&Formulation> {
        self.0.as_ref()
    }
    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        let at = query.at.row(0);
        let gain = if query.branch == Branch::Unconditional { 0.2 } else { 0.3 };
        Ok(x.iter().map(|x| gain * x + 0.1 * at.time + 0.01 * at.alpha - 0.02 * at.sigma).collect())
    }
}

fn network(process: &str, prediction: Prediction) -> Formulation {
    Formulation::new(Process::parse(process).unwrap(), prediction)
}

/// Twelve plans: every instruction, with and without a network, noise, guidance, inputs, maps.
fn plans() -> Vec<(&'static str, Plan)> {
    let request = |sampler: &str| Request::new().sampler(sampler).range(0.01, 20.0).steps(6);
    let epsilon = network("table:linear", Prediction::Epsilon);
    let edm = network("ve", Prediction::Edm { sigma_data: 0.5 })
        .with_clock(langevin::Clock::QuarterLogSigma)
        .with_input(langevin::formulation::InputScaling::UnitVariance { sigma_data: 0.5 });
    let mut all = vec![
        ("ddim", request("ddim").plan()),
        ("ddpm", request("ddpm").network(network("vp", Prediction::Velocity)).plan()),
        ("multistep", request("dpmpp-2m").network(epsilon.clone()).plan()),
        ("scaled", request("heun").network(edm).plan()),
        ("churn", request("heun:churn=5").process(Process::ve()).plan()),
        ("stages", request("dpmpp-sde").network(epsilon.clone()).plan()),
        ("guided", request("unipc").network(epsilon.clone()).guidance(2.5).plan()),
        ("clamped", request("ddim:eta=1").network(epsilon).map(Map::clamp(-1.0, 1.0).unwrap()).plan()),
        ("thresholded", request("adams2").map(Map::threshold(0.9, 2.0).unwrap()).plan()),
        ("edited", request("dpmpp-2m").start(2, Start::Image).plan()),
        ("one step", request("ddim").steps(1).plan()),
    ]
    .into_iter()
    .map(|(name, plan)| (name, plan.unwrap()))
    .collect::<Vec<_>>();
    // The maps that no sampler of the catalogue has.
    let mut builder = langevin::plan::Builder::new("maps", &Process::ve(), None);
    let level = Process::ve().level(3.0).unwrap();
    let x = builder.start(&level);
    let denoised = builder.eval(x, &level).unwrap();
    let deviation = builder.map(Map::LearnedStd { small: 0.01, large: 3.0 }, [denoised]);
    let draw = builder.draw();
    let noise = builder.combine([], [(1.0, draw)]);
    let scaled = builder.map(Map::Mul, [deviation, noise]);
    let result = builder.combine([(0.5, denoised), (1.0, scaled)], []);
    all.push(("maps", builder.finish(result).unwrap()));
    assert_eq!(all.len(), 12);
    all
}

fn inputs(plan: &Plan) -> Vec<Vec<f64>> {
    let value = |row: usize, i: usize| 0.25 * (row as f64) - 0.125 * (i as f64);
    let input = |_| (0..ROWS).flat_map(|row| (0..WIDTH).map(move |i| value(row, i))).collect();
    plan.inputs().iter().map(input).collect()
}

/// The samples of langevin, as bits.
fn expected(plan: &Plan) -> Vec<u64> {
    let model = Toy(plan.network().map(|spec| Formulation::from_spec(spec).unwrap()));
    let sampling = Sampling::new(ROWS, WIDTH).seed(SEED).first(FIRST);
    let samples: Vec<f64> = match plan.inputs().is_empty() {
        true => sampling.run(plan, &model).unwrap(),
        false => sampling.run_with(plan, &model, &inputs(plan).iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap(),
    };
    samples.into_iter().map(f64::to_bits).collect()
}

fn output(command: &mut Command) -> Option<String> {
    let out = command.output().ok()?;
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    Some(String::from_utf8(out.stdout).unwrap())
}

/// Writes, builds and runs the program of a plan; `None` if the tool is missing.
fn samples(language: Language, plan: &Plan, folder: &Path) -> Option<String> {
    let program = emit(plan, language).unwrap();
    let start = !plan.inputs().is_empty();
    let input = |scale: &str| format!("0.25 * {scale}(row) - 0.125 * {scale}(i)");
    match language {
        Language::C => {
            let arrays = if start {
                format!(
                    "double init[{WIDTH}]; const double *inputs[1] = {{init}}; for (int i = 0; i < {WIDTH}; i++) init[i] = {};",
                    input("(double)")
                )
            } else {
                String::new()
            };
            let given = if start { ", inputs" } else { "" };
            let main = format!(
                "\n#include <stdio.h>\nstatic void toy(void *self, const double *x, double time, double alpha, double sigma, int unconditional, double *out, size_t width) {{ (void)self; for (size_t i = 0; i < width; i++) out[i] = (unconditional ? 0.2 : 0.3) * x[i] + 0.1 * time + 0.01 * alpha - 0.02 * sigma; }}\nint main(void) {{ double work[LANGEVIN_WORK({WIDTH})], result[{WIDTH}];\nfor (int row = 0; row < {ROWS}; row++) {{ {arrays} langevin_sample(toy, NULL, {SEED}u, {FIRST}u + row{given}, {WIDTH}, work, result);\nfor (int i = 0; i < {WIDTH}; i++) {{ uint64_t bits; memcpy(&bits, result + i, 8); printf(\"%016llx\\n\", (unsigned long long)bits); }} }} return 0; }}\n"
            );
            let (source, binary) = (folder.join("sampler.c"), folder.join("sampler"));
            fs::write(&source, program + &main).unwrap();
            let mut cc = Command::new("cc");
            cc.args(["-std=c99", "-O2", "-Wall", "-Werror", "-Wno-unused-function", "-ffp-contract=off", "-o"]);
            output(cc.arg(&binary).arg(&source).arg("-lm"))?;
            output(&mut Command::new(binary))
        }
        Language::JavaScript => {
            let given = if start {
                format!(", [Float64Array.from({{ length: {WIDTH} }}, (_, i) => {})]", input(""))
            } else {
                String::new()
            };
            let main = format!(
                "\nconst toy = (x, time, {{ alpha, sigma, unconditional }}) => x.map((x) => (unconditional ? 0.2 : 0.3) * x + 0.1 * time + 0.01 * alpha - 0.02 * sigma);\nfor (let row = 0; row < {ROWS}; row++) for (const value of sample(toy, {SEED}, {FIRST} + row, {WIDTH}{given})) {{ const bits = new DataView(new ArrayBuffer(8)); bits.setFloat64(0, value); console.log(bits.getBigUint64(0).toString(16).padStart(16, '0')); }}\n"
            );
            let source = folder.join("sampler.mjs");
            fs::write(&source, program + &main).unwrap();
            output(Command::new("node").arg(source))
        }
        Language::Rust => {
            let given = if start {
                format!(", &[&(0..{WIDTH}).map(|i| 0.25 * row as f64 - 0.125 * i as f64).collect::<Vec<f64>>()]")
            } else {
                String::new()
            };
            let main = format!(
                "mod sampler;\nfn main() {{ let toy = |q: sampler::Query<'_>| q.x.iter().map(|x| (if q.unconditional {{ 0.2 }} else {{ 0.3 }}) * x + 0.1 * q.time + 0.01 * q.alpha - 0.02 * q.sigma).collect::<Vec<f64>>();\nfor row in 0..{ROWS}u64 {{ for value in sampler::sample(toy, {SEED}, {FIRST} + row, {WIDTH}{given}) {{ println!(\"{{:016x}}\", value.to_bits()); }} }} }}\n"
            );
            let (source, binary) = (folder.join("main.rs"), folder.join("main"));
            fs::write(folder.join("sampler.rs"), program).unwrap();
            fs::write(&source, main).unwrap();
            output(
                Command::new("rustc").args(["--edition", "2021", "-A", "warnings", "-o"]).arg(&binary).arg(&source),
            )?;
            output(&mut Command::new(binary))
        }
        Language::Numpy => {
            if !Command::new("python3").args(["-c", "import numpy"]).output().ok()?.status.success() {
                return None;
            }
            let given = if start {
                format!(", [0.25 * np.arange({ROWS})[:, None] - 0.125 * np.arange({WIDTH})[None, :]]")
            } else {
                String::new()
            };
            let main = format!(
                "\n\ntoy = lambda x, time, alpha, sigma, unconditional: (0.2 if unconditional else 0.3) * x + 0.1 * time + 0.01 * alpha - 0.02 * sigma\nfor bits in sample(toy, {SEED}, range({FIRST}, {FIRST} + {ROWS}), {WIDTH}{given}).view(np.uint64).ravel():\n    print(f\"{{int(bits):016x}}\")\n"
            );
            let source = folder.join("sampler.py");
            fs::write(&source, program + &main).unwrap();
            output(Command::new("python3").arg(source))
        }
        Language::Swift => None,
    }
}

#[test]
fn programs_return_the_same_bits() {
    let folder = std::env::temp_dir().join(format!("langevin-emit-{}", std::process::id()));
    for language in [Language::C, Language::JavaScript, Language::Rust, Language::Numpy] {
        for (name, plan) in plans() {
            let place = folder.join(language.name()).join(name.replace(' ', "-"));
            fs::create_dir_all(&place).unwrap();
            let Some(text) = samples(language, &plan, &place) else {
                eprintln!("{} is skipped: its tool is not installed", language.name());
                break;
            };
            let got: Vec<u64> = text.lines().map(|line| u64::from_str_radix(line, 16).unwrap()).collect();
            assert_eq!(got, expected(&plan), "{} of {name}", language.name());
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn programs_are_short_and_say_what_they_are() {
    for language in Language::ALL {
        for (name, plan) in plans() {
            let program = emit(&plan, language).unwrap();
            assert!(program.lines().count() <= 300, "{} of {name}: {}", language.name(), program.lines().count());
            assert!(program.contains(plan.name()) && program.contains("Lint: "), "{program}");
            let depth = |open: char, close: char| program.matches(open).count() == program.matches(close).count();
            assert!(depth('{', '}') && depth('(', ')') && depth('[', ']'), "{} of {name}", language.name());
        }
    }
    // Swift comes from the same statements: one call of the network and one row for each.
    let plan = &plans()[0].1;
    let swift = emit(plan, Language::Swift).unwrap();
    assert_eq!(swift.matches("= ask(").count(), plan.nfe());
    assert!(swift.contains("public func sample(model: (Query) -> [Double], seed: UInt64"));
}

#[test]
fn a_hook_is_refused_by_its_name() {
    let mut builder = langevin::plan::Builder::new("hooked", &Process::ve(), None);
    let x = builder.input("init");
    let y = builder.map(Map::Hook { name: "mine".into() }, [x]);
    let error = emit(&builder.finish(y).unwrap(), Language::C).unwrap_err();
    assert!(error.to_string().contains("hook:mine"), "{error}");
}
