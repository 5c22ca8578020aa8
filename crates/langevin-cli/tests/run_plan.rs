//! What one command writes, another runs: plans from files and from schedulers' configs, on models
//! of every kind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{read_f8, run, works, works_saying};
use std::fs;
use std::path::Path;

const DDIM: &str = r#"{"_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "beta_schedule": "linear",
    "beta_start": 0.0001, "beta_end": 0.02, "clip_sample": false}"#;
/// The scheduler of Stable Diffusion, whose noisiest level is rounded to float32.
const STABLE: &str = include_str!("../../../examples/scheduler_config.json");

/// Models of several formulations, configs, and rows.
fn material(here: &Path) {
    let rows: String = (0..60).map(|i| format!("{},{}\n", i % 9, 40 - i * i % 7)).collect();
    fs::write(here.join("rows.csv"), format!("a,b\n{rows}")).unwrap();
    fs::write(here.join("ddim.json"), DDIM).unwrap();
    fs::write(here.join("stable.json"), STABLE).unwrap();
    let small = "--steps 20 --width 8 --depth 1 --batch 8";
    for (name, process, prediction) in [
        ("linear", "table:linear", "epsilon"),
        ("scaled", "table:scaled-linear", "epsilon"),
        ("flow", "rectified-flow", "velocity"),
        ("ve", "ve", "edm"),
    ] {
        works(
            here,
            &format!(
                "train --data rows.csv --process {process} --predict {prediction} {small} --out {name}.safetensors"
            ),
        );
    }
}

/// A directory with the material.
fn place() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    material(directory.path());
    directory
}

/// Samples by these flags.
fn samples(here: &Path, flags: &str) -> (Vec<f64>, String) {
    let said = works(here, &format!("sample {flags} -n 5 --seed 3 --out s.npy")).1;
    (read_f8(&here.join("s.npy")).1, said)
}

fn nearest(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_plan_and_the_config_that_it_came_from_give_the_same_bits() {
    let directory = place();
    let here = directory.path();
    for (config, model) in [("ddim", "linear"), ("stable", "scaled"), ("stable", "flow"), ("ddim", "ve")] {
        let said = works(here, &format!("plan --from-diffusers {config}.json --steps 8 --out p.json")).1;
        assert!(said.contains("run it: langevin sample MODEL --plan p.json -n 64 --out samples.npy\n"), "{said}");
        let (by_plan, _) = samples(here, &format!("{model}.safetensors --plan p.json"));
        let (by_config, _) = samples(here, &format!("{model}.safetensors --from-diffusers {config}.json --steps 8"));
        assert_eq!(by_plan, by_config, "{config} on {model}");
        assert!(by_plan.iter().all(|value| value.is_finite()));
    }
    // Printed or written, a plan is the same document.
    let printed = works(here, "plan --from-diffusers ddim.json --steps 8 --json").0;
    works(here, "plan --from-diffusers ddim.json --steps 8 --out p.json");
    assert_eq!(fs::read_to_string(here.join("p.json")).unwrap(), printed);
    // Another sampler on the config's levels.
    works(here, "plan --from-diffusers ddim.json --steps 8 --sampler dpmpp-2m --out p.json");
    let by_plan = samples(here, "linear.safetensors --plan p.json").0;
    let by_config = samples(here, "linear.safetensors --from-diffusers ddim.json --steps 8 --sampler dpmpp-2m").0;
    assert_eq!(by_plan, by_config);
    assert_ne!(by_plan, samples(here, "linear.safetensors --from-diffusers ddim.json --steps 8").0);
}

#[test]
fn a_recommended_plan_runs_in_every_command() {
    let directory = place();
    let here = directory.path();
    for model in ["linear", "flow"] {
        let (_, said) = works(here, &format!("recommend {model}.safetensors --nfe 6 --out best.json"));
        let command = said.lines().find_map(|line| line.strip_prefix("run it: langevin ")).unwrap();
        assert_eq!(command, format!("sample {model}.safetensors --plan best.json -n 64 --out samples.npy"));
        works(here, command);
        // The command that is printed beside it gives the same samples.
        let (stdout, _) = works(here, &format!("recommend {model}.safetensors --nfe 6 --out best.json"));
        let flags = stdout.lines().find_map(|line| line.trim().strip_prefix("langevin sample ")).unwrap();
        let flags = flags.split(" -n ").next().unwrap();
        let off = nearest(&samples(here, flags).0, &samples(here, &format!("{model}.safetensors --plan best.json")).0);
        assert!(off < 1e-9, "{model}: {off}");
        let said = works(here, &format!("evaluate {model}.safetensors --plan best.json --data rows.csv")).1;
        assert!(!said.contains("converted") && !said.contains("outside"), "{said}");
        works(here, &format!("diagnose {model}.safetensors --plan best.json --data rows.csv -n 40 --rows 8"));
        let said = works(here, &format!("likelihood {model}.safetensors --plan best.json --data rows.csv -n 4")).1;
        assert!(said.contains("only the noise range of the plan"), "{said}");
    }
}

#[test]
fn a_plan_for_another_model_is_converted_exactly_and_that_is_said() {
    let directory = place();
    let here = directory.path();
    // One sampler on one process's levels: for D, for the network's own formulation and for another
    // one.
    works(here, "plan --process vp --sampler adams2 --steps 6 --out d.json");
    works(here, "plan --process vp --predict score --sampler adams2 --steps 6 --out score.json");
    let (reference, said) = samples(here, "flow.safetensors --as vp --sampler adams2 --steps 6");
    assert!(!said.contains("converted"));
    for (file, from) in [("d", "from a model that gives D to"), ("score", "process vp, prediction score to process")] {
        let (found, said) = samples(here, &format!("flow.safetensors --plan {file}.json"));
        assert!(said.contains("note: the plan is converted, exactly:") && said.contains(from), "{said}");
        // The range of the model is a rounding narrower than the plan's.
        assert!(nearest(&found, &reference) < 2e-3, "{file}: {}", nearest(&found, &reference));
    }
    let two = ["d", "score"].map(|file| samples(here, &format!("flow.safetensors --plan {file}.json")).0);
    // The network computes in float32.
    assert!(nearest(&two[0], &two[1]) < 1e-3);
    // An exact density is a model of every formulation.
    let plans = ["d", "score"].map(|file| samples(here, &format!("--exact moons --plan {file}.json")));
    assert!(nearest(&plans[0].0, &plans[1].0) < 1e-9);
    assert!(!plans[1].1.contains("converted"));
    // A level that the network's process does not reach.
    works(here, "plan --from-diffusers ddim.json --steps 8 --out p.json");
    let (code, _, said) = run(here, "sample scaled.safetensors --plan p.json -n 4 --out s.npy");
    assert_eq!(code, 2);
    assert!(said.contains("cannot be converted") && said.contains("(--plan p.json)"), "{said}");
    assert!(said.contains("the plan is for process table:linear") && said.lines().count() == 2, "{said}");
    // Beyond the training is said, once.
    works(here, "plan --from-diffusers ddim.json --steps 50 --out p.json");
    let said = samples(here, "linear.safetensors --plan p.json").1;
    assert!(said.contains("evaluations lie outside the noise levels of the training"), "{said}");
}

#[test]
fn the_plan_of_a_config_inverts() {
    let directory = place();
    let here = directory.path();
    let by_plan = "invert flow.safetensors --plan p.json --from rows.csv --out i.npy --json";
    works(here, "plan --process rectified-flow --predict velocity --sampler ddim --steps 20 --out p.json");
    let error = |line: &str| -> f64 {
        let document: serde_json::Value = serde_json::from_str(&works(here, line).0).unwrap();
        document["relative_error"].as_f64().unwrap()
    };
    let own = error("invert flow.safetensors --sampler ddim --from rows.csv --out i.npy --json");
    let given = error(by_plan);
    assert!((own - given).abs() < 0.05 * own.max(0.01), "{own} and {given}");
    assert!(
        error("invert scaled.safetensors --from-diffusers stable.json --steps 20 --from rows.csv --out i.npy --json")
            < 1.0
    );
}

#[test]
fn what_a_plan_decides_is_refused_by_name() {
    let directory = place();
    let here = directory.path();
    works(here, "plan --process vp --steps 4 --out p.json");
    let sample = "sample flow.safetensors --plan p.json --out s.npy";
    for flag in [
        "--sampler ddim",
        "--moves R",
        "--eta 1",
        "--steps 20",
        "--nfe 9",
        "--grid karras",
        "--sigma-min 0.1",
        "--sigma-max 9",
        "--guidance 2",
        "--guidance-sweep 1,2",
        "--guidance-interval 1,2",
        "--adaptive dpm12",
        "--strength 0.5",
        "--start-at 1",
        "--as vp",
        "--from-diffusers ddim.json",
        "--consistent",
        "--mu 1",
        "--sigmas 3,1",
        "--timesteps 9,1",
        "--set a=1",
    ] {
        let (code, _, said) = run(here, &format!("{sample} {flag}"));
        let name = flag.split(' ').next().unwrap();
        assert_eq!(code, 2, "{flag}: {said}");
        assert!(said.contains(&format!("({name}, --plan)")) && said.contains("leave out"), "{flag}: {said}");
    }
    for (line, words) in [
        (
            "sample flow.safetensors --from-diffusers ddim.json --steps 4 --grid karras --out s.npy",
            "(--grid, --from-diffusers)",
        ),
        (
            "sample flow.safetensors --from-diffusers ddim.json --steps 4 --from rows.csv --strength 0.3 --out s.npy",
            "give --start-at K",
        ),
        ("sample flow.safetensors --set a=1 --out s.npy", "--set has no effect here"),
        ("evaluate flow.safetensors --plan p.json --steps 4 --data rows.csv", "(--steps, --plan)"),
        ("diagnose flow.safetensors --plan p.json --sampler ddim --data rows.csv", "(--sampler, --plan)"),
        ("invert flow.safetensors --plan p.json --grid karras --from rows.csv --out i.npy", "(--grid, --plan)"),
        ("likelihood flow.safetensors --plan p.json --sigma-min 1 --data rows.csv", "(--sigma-min, --plan)"),
        ("evaluate --samples rows.csv --plan p.json --data rows.csv", "--plan is for samples that are drawn"),
    ] {
        let (code, _, said) = run(here, line);
        assert!(code == 2 && said.contains(words), "{line}: {said}");
    }
    assert!(!here.join("s.npy").exists());
}

#[test]
fn files_that_are_no_plan_are_told_what_they_are() {
    let directory = place();
    let here = directory.path();
    fs::write(here.join("other.json"), "{\"a\": 1}").unwrap();
    works(here, "plan --process vp --steps 4 --out p.json");
    let newer = fs::read_to_string(here.join("p.json")).unwrap().replacen("\"version\":1", "\"version\":2", 1);
    fs::write(here.join("newer.json"), newer).unwrap();
    for (file, code, words) in [
        ("ddim.json", 1, "give it as --from-diffusers FILE"),
        ("other.json", 1, "`langevin recommend --out`"),
        ("flow.safetensors", 1, "the file holds something else (--plan flow.safetensors)"),
        ("newer.json", 1, "another version (version): expected 1, got 2"),
        ("missing.json", 2, "no such file (--plan missing.json)"),
    ] {
        let (got, _, said) = run(here, &format!("sample flow.safetensors --plan {file} --out s.npy"));
        assert!(got == code && said.contains(words), "{file}: {got} {said}");
    }
    let (_, _, said) = run(here, "lint ddim.json");
    assert!(said.contains("`langevin plan --from-diffusers FILE --out PLAN.json`"), "{said}");
}

#[test]
fn plans_with_inputs_start_from_rows_or_are_refused_with_the_way() {
    let directory = place();
    let here = directory.path();
    let said = works(here, "plan --process vp --steps 6 --start-at 3 --image --out image.json").1;
    assert!(said.contains("run it: langevin sample MODEL --plan image.json --from FILE -n 64"), "{said}");
    let said = works(here, "plan --process vp --steps 6 --start-at 3 --out init.json").1;
    assert!(said.contains("run it in Python"), "{said}");
    works(here, "plan --process vp --steps 6 --sampler repaint --out mask.json");
    works(here, "plan --process vp --steps 6 --out whole.json");
    works(here, "sample flow.safetensors --plan image.json --from rows.csv -n 4 --out s.npy");
    works(
        here,
        "sample flow.safetensors --from-diffusers ddim.json --steps 6 --from rows.csv --start-at 3 -n 4 --out s.npy",
    );
    let sample = "sample flow.safetensors -n 4 --out s.npy";
    for (line, words) in [
        (format!("{sample} --plan image.json"), "expected --from FILE, got none"),
        (format!("{sample} --plan init.json"), "got the input 'init'"),
        (format!("{sample} --plan mask.json --from rows.csv"), "expected --mask FILE, got none"),
        (format!("{sample} --plan whole.json --from rows.csv"), "the plan has no use for what --from gives"),
        (format!("{sample} --from-diffusers ddim.json --steps 6 --from rows.csv"), "give --start-at K"),
        (
            "evaluate flow.safetensors --plan image.json --data rows.csv".to_owned(),
            "`langevin sample MODEL --plan PLAN.json --from FILE`",
        ),
        ("diagnose flow.safetensors --plan init.json --data rows.csv".to_owned(), "`langevin sample --from FILE`"),
        ("likelihood flow.safetensors --plan image.json --data rows.csv".to_owned(), "the input 'image'"),
        ("invert flow.safetensors --plan image.json --from rows.csv --out i.npy".to_owned(), "the input 'image'"),
    ] {
        let (code, _, said) = run(here, &line);
        assert!(code == 2 && said.contains(words), "{line}: {code} {said}");
    }
}

#[test]
fn guidance_and_maps_of_a_plan_need_a_model_that_has_them() {
    let directory = place();
    let here = directory.path();
    let small = "--steps 20 --width 8 --depth 1 --batch 8";
    works(here, &format!("train --data digits --conditional {small} --out classes.safetensors"));
    let said = works(here, "plan --process rectified-flow --predict velocity --steps 4 --guidance 3 --out g.json").1;
    assert!(said.contains("--plan g.json --class CLASS -n 64"), "{said}");
    for (model, words) in [
        ("flow.safetensors", "has no unconditional branch (--plan g.json)"),
        ("--exact moons", "has no unconditional branch"),
        ("classes.safetensors", "give --class CLASS"),
    ] {
        let (code, _, said) = run(here, &format!("sample {model} --plan g.json -n 4 --out s.npy"));
        assert!(code == 2 && said.contains(words), "{model}: {said}");
    }
    let by_plan = samples(here, "classes.safetensors --class 3 --plan g.json").0;
    let flags = "classes.safetensors --class 3 --steps 4 --guidance 3 --sampler dpmpp-2m";
    assert!(nearest(&by_plan, &samples(here, flags).0) < 0.05, "but for the range of the training");
    let (code, _, said) = run(here, "diagnose classes.safetensors --plan g.json --data digits");
    assert!(code == 2 && said.contains("make the plan without guidance"), "{said}");
    works(here, "sample classes.safetensors --class 3 -n 4 --steps 3 --out digits.npy");
    let (code, _, said) = run(here, "invert classes.safetensors --class 3 --plan g.json --from digits.npy --out i.npy");
    assert!(code == 2 && said.contains("the weight of the guidance"), "{said}");
    // An operation of the program that wrote the plan.
    let plan = works(here, "plan --process vp --steps 3 --clamp -1,1 --json").0;
    let hooked = plan
        .replace("\"kind\":\"clamp\"", "\"kind\":\"hook:mine\"")
        .replace(r#""args":{"max":1.0,"min":-1.0}"#, "\"args\":{}");
    fs::write(here.join("hook.json"), hooked).unwrap();
    let (code, _, said) = run(here, "sample flow.safetensors --plan hook.json -n 4 --out s.npy");
    assert!(code == 2 && said.contains("hook:mine in ops["), "{said}");
    // Maps of the elements fit any shape; only linear plans are diagnosed.
    works(here, "plan --process vp --steps 3 --threshold 0.9,2 --out t.json");
    works(here, "sample flow.safetensors --plan t.json -n 4 --out s.npy");
    let (code, _, said) = run(here, "diagnose flow.safetensors --plan t.json --data rows.csv");
    assert!(code == 2 && said.contains("only a linear plan can be diagnosed"), "{said}");
    let (_, said) = works_saying(here, "sample flow.safetensors --plan t.json -n 4 --out s.npy");
    assert!(said.contains("converted"));
}
