//! `langevin plan`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{run, works};
use langevin::Plan;

#[test]
fn the_json_is_a_plan() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (json, stderr) = works(here, "plan --process vp --json");
    let plan = Plan::from_json(&json).unwrap();
    assert_eq!((plan.nfe(), plan.name(), plan.network()), (20, "dpmpp-2m", None));
    let run = "run it: langevin sample MODEL --plan PLAN.json -n 64 --out samples.npy\n";
    assert_eq!(stderr, format!("{run}lint: every move keeps its marginal\n"));
    let (json, _) =
        works(here, "plan --process ve --predict epsilon --sampler adams2 --steps 7 --grid uniform-lambda --json");
    let plan = Plan::from_json(&json).unwrap();
    assert_eq!((plan.nfe(), plan.network().unwrap().prediction.name()), (7, "epsilon"));
}

#[test]
fn a_word_brings_its_own_steps() {
    let directory = tempfile::tempdir().unwrap();
    let nfe = |line: &str| Plan::from_json(&works(directory.path(), line).0).unwrap().nfe();
    assert_eq!(nfe("plan --process vp --moves '(R L)*10' --json"), 19);
    assert_eq!(nfe("plan --process vp --moves 'R*5 F R*3' --json"), 8);
    // A forward move to a λ: the grid is found that the word walks to its end.
    assert_eq!(nfe("plan --process ve --moves 'R*10 F(0) R*5' --json"), 15);
    assert_eq!(nfe("plan --process ve --moves 'R*3' --grid list:80,10,1,0 --json"), 3);
    let eta = |line: &str| Plan::from_json(&works(directory.path(), line).0).unwrap().moves()[0].eta;
    assert_eq!(eta("plan --process vp --moves 'R*3' --eta 0.5 --json"), Some(0.5));
    assert_eq!(eta("plan --process vp --moves 'R(1) R*2' --eta 0.5 --json"), Some(1.0));
}

#[test]
fn a_plan_that_ends_in_noise_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let stderr = |line: &str| works(directory.path(), line).1;
    let note = "note: the grid ends at σ/α = 1, not at 0: the output is still noisy\n";
    assert!(stderr("plan --process vp --grid list:80,10,1").starts_with(note));
    assert!(stderr("sample --exact moons --grid list:80,10,1 -n 1 --out x.npy").starts_with(note));
    assert!(!stderr("plan --process vp --grid list:80,10,1,0").contains("note"));
    assert!(!stderr("plan --process vp --moves 'R*3 L'").contains("note"));
}

#[test]
fn names_are_known_in_any_case() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (json, _) = works(here, "plan --process VP --predict Score --sampler DDIM --grid Karras --json");
    assert_eq!(json, works(here, "plan --process vp --predict score --sampler ddim --grid karras --json").0);
    let (_, stderr) = works(here, "sample --exact Moons --as VE:Epsilon -n 1 --steps 1 --out x.npy");
    assert!(stderr.starts_with("1 sample of moons as ve:epsilon, 1 evaluation each, in "), "{stderr}");
}

#[test]
fn one_level_is_enough_for_one_step() {
    let directory = tempfile::tempdir().unwrap();
    for line in ["--steps 1", "--moves 'R L'"] {
        works(directory.path(), &format!("plan --process vp --sigma-min 80 {line}"));
    }
}

#[test]
fn the_tables_are_for_people_and_spreadsheets() {
    let directory = tempfile::tempdir().unwrap();
    let (table, _) = works(directory.path(), "plan --process rectified-flow --predict velocity --steps 4");
    insta::assert_snapshot!("plan_table", table);
    let (csv, _) =
        works(directory.path(), "plan --process rectified-flow --steps 2 --sampler exponential --eta 1 --csv");
    insta::assert_snapshot!("plan_csv", csv);
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    use std::process::Stdio;
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("langevin"))
        .args(["plan", "--process", "vp", "--steps", "5000", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn no_arguments_print_the_help() {
    let directory = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = run(directory.path(), "");
    assert_eq!((code, stderr.as_str()), (0, ""));
    insta::assert_snapshot!("help", stdout);
    let commands = ["demo", "train", "sample", "plan", "explain", "compare", "lint", "analyze", "recommend", "info"];
    for command in commands {
        insta::assert_snapshot!(format!("help_{command}"), works(directory.path(), &format!("{command} --help")).0);
    }
    assert!(works(directory.path(), "--version").0.starts_with("langevin "));
}

#[test]
fn a_plan_is_unrolled_around_a_network_without_a_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let digits = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/onnx/digits.onnx");
    let network = format!("--process table:linear --predict epsilon --onnx {digits}");
    let (stdout, stderr) = works(
        here,
        &format!("plan {network} --trained-range 0.02,40 --sampler ddim --steps 3 --emit onnx --out u.onnx"),
    );
    assert!(stdout.is_empty() && stderr.contains("note: noise levels clipped to the trained range"), "{stderr}");
    assert!(stderr.contains("3 evaluations and ") && stderr.contains("inputs: noise (float32 [rows, 1, 8, 8])"));
    assert!(stderr.ends_with("output: samples (float32 [rows, 1, 8, 8])\n"), "{stderr}");
    let size = |name: &str| std::fs::metadata(here.join(name)).unwrap().len();
    assert!(size("u.onnx") > std::fs::metadata(digits).unwrap().len());
    // A saved plan runs on its own network, or is converted for another.
    works(here, "plan --process rectified-flow --predict velocity --steps 3 --sigma-min 0.02 --out plan.json");
    works(here, &format!("plan plan.json --emit onnx --onnx {digits} --out own.onnx"));
    let (_, stderr) = works(here, &format!("plan plan.json {network} --emit onnx --out converted.onnx"));
    assert!(stderr.starts_with("note: ") && stderr.contains("velocity"), "{stderr}");
    assert_ne!(std::fs::read(here.join("own.onnx")).unwrap(), std::fs::read(here.join("converted.onnx")).unwrap());
}
