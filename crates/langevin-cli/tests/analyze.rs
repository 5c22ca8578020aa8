//! `langevin analyze` and `langevin recommend`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{first_version, names, npy, run, works};
use langevin::{Grid, Plan, Process, Sampler};
use langevin_analysis::Analyze as _;
use langevin_analysis::Spectrum;
use langevin_analysis::analysis::AnalysisOptions;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn json(directory: &Path, line: &str) -> Value {
    serde_json::from_str(&works(directory, line).0).unwrap()
}

/// The library's own numbers for a sampler on VP's Karras grid.
fn exact(name: &str, steps: usize, data: &Spectrum) -> (f64, f64) {
    let process = Process::vp();
    let levels = Grid::karras(steps).levels(&process, 0.002, 80.0).unwrap();
    let plan = Sampler::parse(name, None).unwrap().compile(&process, None, &levels).unwrap();
    let total = plan.analyze(data, &AnalysisOptions::default()).unwrap().total;
    (total.w2, total.kl)
}

#[test]
fn the_numbers_are_the_librarys() {
    let directory = tempfile::tempdir().unwrap();
    let data = Spectrum::power_law(1.0, 16).unwrap();
    let document = json(
        directory.path(),
        "analyze --sampler ddim,heun:churn=4,tmin=.05 --steps 5,9 --spectrum power:1:d=16 --json",
    );
    assert_eq!((&document["process"], &document["dimension"]), (&"vp".into(), &16.into()));
    let results = document["results"].as_array().unwrap();
    let names: Vec<_> =
        results.iter().map(|r| (r["sampler"].as_str().unwrap(), r["steps"].as_u64().unwrap())).collect();
    let heun = "heun:churn=4,tmin=.05";
    assert_eq!(names, [("ddim", 5), ("ddim", 9), (heun, 5), (heun, 9)]);
    for result in results {
        let (w2, kl) = exact(result["sampler"].as_str().unwrap(), result["steps"].as_u64().unwrap() as usize, &data);
        assert_eq!((result["w2"].as_f64(), result["kl"].as_f64()), (Some(w2), Some(kl)));
        let causes: Vec<_> =
            result["sources"].as_array().unwrap().iter().map(|s| s["cause"].as_str().unwrap()).collect();
        assert_eq!(causes, ["start", "truncation", "discretisation", "score"]);
        let parts: f64 = result["sources"].as_array().unwrap().iter().map(|s| s["kl_part"].as_f64().unwrap()).sum();
        assert!((parts - kl).abs() < 1e-12 * kl.max(1.0), "{parts} against {kl}");
    }
}

#[test]
fn the_tables_are_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    insta::assert_snapshot!("analyze_usual", works(here, "analyze --spectrum power:1:d=8").0);
    insta::assert_snapshot!(
        "analyze_one",
        works(here, "analyze --sampler adams2 --steps 8 --spectrum power:1:d=8 --score-error 0.01").0
    );
    insta::assert_snapshot!(
        "analyze_budget",
        works(
            here,
            "analyze --sampler ddim,heun --grid karras,beta:0.6,0.6,list:80,10,1,0 --nfe --steps 12 --data moons"
        )
        .0
    );
    insta::assert_snapshot!("recommend_digits", works(here, "recommend --data digits --nfe 10").0);
}

#[test]
fn eigenvalues_come_from_files_and_rows() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let bytes: Vec<u8> = [2.0_f64, 0.5, 0.5].iter().flat_map(|v| v.to_le_bytes()).collect();
    let header = |shape: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
    fs::write(here.join("flat.npy"), npy(&header("(3,)"), &bytes)).unwrap();
    fs::write(here.join("column.npy"), npy(&header("(3, 1)"), &bytes)).unwrap();
    fs::write(here.join("c.csv"), "c\n0.5\n2\n0.5\n").unwrap();
    fs::write(here.join("c.json"), "[0.5, 0.5, 2]").unwrap();
    let w2 = |flags: &str| {
        json(here, &format!("analyze --sampler ddim --steps 7 {flags} --json"))["results"][0]["w2"].as_f64()
    };
    let expected = exact("ddim", 7, &Spectrum::from_eigenvalues(&[2.0, 0.5, 0.5]).unwrap()).0;
    for file in ["flat.npy", "column.npy", "c.csv", "c.json"] {
        assert_eq!(w2(&format!("--spectrum {file}")), Some(expected), "{file}");
    }
    // Rows at ±1 about 3 on each axis: the identity, and a mean.
    fs::write(here.join("rows.csv"), "x,y\n2,2\n4,4\n2,4\n4,2\n").unwrap();
    let spectrum = Spectrum::from_axes(&[(1.0, 3.0), (1.0, 3.0)]).unwrap();
    let rows = w2("--data rows.csv --raw").unwrap();
    assert!((rows - exact("ddim", 7, &spectrum).0).abs() < 1e-12);
    // As a training scales them, the mean is 0; the deviation is 1 already.
    let spectrum = Spectrum::from_axes(&[(1.0, 0.0), (1.0, 0.0)]).unwrap();
    let rows = w2("--data rows.csv").unwrap();
    assert!((rows - exact("ddim", 7, &spectrum).0).abs() < 1e-12);
}

#[test]
fn infinite_numbers_are_null() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("c.json"), "[1, 0]").unwrap();
    // A plan that ends in noise has variance where the data have none.
    let document = json(directory.path(), "analyze --sampler ddim --grid list:80,1,0.1 --spectrum c.json --json");
    let result = &document["results"][0];
    assert!(result["kl"].is_null() && result["w2"].as_f64().unwrap() > 0.0, "{result}");
    assert_eq!(result["steps"], 2);
}

#[test]
fn plans_are_analysed_beside_samplers() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let write =
        |name: &str, flags: &str| fs::write(here.join(name), works(here, &format!("plan {flags} --json")).0).unwrap();
    write("plain.json", "--process vp --sampler adams2 --steps 9");
    write("clamped.json", "--process vp --sampler adams2 --steps 9 --clamp=-1,1");
    write("flow.json", "--process rectified-flow --predict velocity --sampler adams2 --steps 9");
    let (stdout, stderr) = works(here, "analyze clamped.json --spectrum power:1:d=8");
    assert!(stderr.contains("note: clamped.json clamps D"), "{stderr}");
    assert!(stdout.contains("discretisation"), "a single plan shows its sources: {stdout}");
    let document = json(
        here,
        "analyze plain.json clamped.json flow.json --sampler adams2 --steps 9 --spectrum power:1:d=8 --json",
    );
    assert!(document["process"].is_null());
    let results = document["results"].as_array().unwrap();
    assert_eq!((&results[2]["plan"], &results[2]["process"]), (&"flow.json".into(), &"rectified-flow".into()));
    for result in results {
        // One table on matched levels is one error.
        let (w2, first) = (result["w2"].as_f64().unwrap(), results[0]["w2"].as_f64().unwrap());
        assert!((w2 - first).abs() < 1e-9 * first, "{result}");
    }
}

#[test]
fn the_plot_is_one_page() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "analyze --spectrum power:1:d=8 --sampler ddim,heun --grid karras,uniform-lambda --plot p.html");
    let page = fs::read_to_string(here.join("p.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("prefers-color-scheme: dark"));
    assert!(!page.contains("<script") && !page.contains("src=\"http"));
    for name in ["ddim · karras", "heun · uniform-lambda"] {
        assert!(page.contains(name), "{name}");
    }
    assert_eq!(names(here), ["p.html"]);
}

#[test]
fn the_recommended_plan_is_the_best_of_those_shown() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let document = json(here, "recommend --data digits --nfe 12 --out recommended.json --json");
    let results = document["results"].as_array().unwrap();
    assert_eq!(results.len(), 10);
    let typical: Vec<f64> = results.iter().map(|result| result["typical"].as_f64().unwrap()).collect();
    assert!(typical.is_sorted(), "{typical:?}");
    let w2 = results[0]["w2"].as_f64().unwrap();
    assert!(document["usual"].as_array().unwrap().iter().all(|usual| usual["w2"].as_f64().unwrap() >= w2));
    // By its own step count alone each plan stands for itself.
    let alone = json(here, "recommend --data digits --nfe 12 --neighbours 0 --json");
    let w2: Vec<f64> =
        alone["results"].as_array().unwrap().iter().map(|result| result["w2"].as_f64().unwrap()).collect();
    assert!(w2.is_sorted(), "{w2:?}");
    assert!(results.iter().all(|result| result["nfe"].as_u64().unwrap() <= 12));
    let text = fs::read_to_string(here.join("recommended.json")).unwrap();
    let plan = Plan::from_json(&text).unwrap();
    assert!(plan.lint().unwrap().is_clean());
    assert_eq!(plan.nfe() as u64, results[0]["nfe"].as_u64().unwrap());
    // The command that it prints makes that plan.
    let command = document["commands"][0].as_str().unwrap();
    let (command, file) = command.split_once(" > ").unwrap();
    assert_eq!(file, "recommended.json");
    assert_eq!(works(here, command.strip_prefix("langevin ").unwrap()).0, text);
    // By KL another may win; it is the least there.
    let by_kl = json(here, "recommend --data digits --nfe 12 --by kl --neighbours 0 --out kl.json --json");
    let kl = |document: &Value| document["results"][0]["kl"].as_f64();
    assert!(kl(&by_kl) <= kl(&alone).or(Some(f64::INFINITY)));
    assert_eq!(names(here), ["kl.json", "recommended.json"]);
}

/// One step is the same for most samplers; and what has no variance makes KL infinite: both are
/// said in few words.
#[test]
fn what_is_alike_and_what_is_infinite_is_said_shortly() {
    let directory = tempfile::tempdir().unwrap();
    let (stdout, _) = works(directory.path(), "recommend --spectrum power:1:d=4 --nfe 1");
    assert!(stdout.contains(" more\n") && stdout.lines().all(|line| line.chars().count() < 200), "{stdout}");
    assert!(stdout.contains("dpmpp-2m on karras is this plan"), "{stdout}");
    let (stdout, stderr) = works(directory.path(), "recommend --data digits --nfe 10");
    assert!(stderr.contains("no variance along 3 of 64 dimensions"), "{stderr}");
    assert!(!stdout.contains("luck"), "{stdout}");
    // One eigenvalue has one error, which passes through 0: ipndm in five steps, far better than in
    // four and in six.
    let line = "recommend --spectrum power:0:d=4 --process rectified-flow --nfe 5 --neighbours 0 --json";
    let document = json(directory.path(), line);
    let w2 = |steps: usize| {
        let line = format!(
            "analyze --spectrum power:0:d=4 --process rectified-flow --sampler ipndm --grid flow-shift:3 --steps {steps} --json"
        );
        json(directory.path(), &line)["results"][0]["w2"].as_f64().unwrap()
    };
    assert!(w2(5) < 0.5 * w2(4).min(w2(6)));
    let why = document["why"][2].as_str().unwrap();
    assert!(
        why.starts_with(
            "Its W2 at 5 steps is small by chance: with a step less it has 8.341e−2, with a step more 3.061e−2."
        ),
        "{why}"
    );
}

#[test]
fn samplers_and_grids_can_be_named() {
    let directory = tempfile::tempdir().unwrap();
    let line =
        "recommend --spectrum power:1:d=8 --nfe 9 --sampler lcm,ddim:eta=.3,restart --grid karras,beta:0.6,0.6 --json";
    let document = json(directory.path(), line);
    let mut found: Vec<_> =
        document["results"].as_array().unwrap().iter().map(|r| r["sampler"].as_str().unwrap()).collect();
    found.sort_unstable();
    found.dedup();
    assert!(found.contains(&"lcm") && found.contains(&"ddim:eta=.3"), "{found:?}");
}

#[test]
fn a_model_brings_its_process_its_range_and_its_data() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "train --data moons --process vp --predict epsilon --steps 3 --out moons.safetensors");
    let document = json(here, "recommend --data moons.safetensors --nfe 8 --out recommended.json --json");
    assert_eq!((&document["process"], &document["dimension"]), (&"vp".into(), &2.into()));
    let plan = Plan::from_json(&fs::read_to_string(here.join("recommended.json")).unwrap()).unwrap();
    assert_eq!(plan.network().unwrap().prediction.name(), "epsilon");
    let commands: Vec<_> = document["commands"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    for command in &commands {
        let command = command.split(" > ").next().unwrap();
        let (stdout, _) = works(here, command.strip_prefix("langevin ").unwrap());
        // The file holds what the command prints.
        assert!(stdout.is_empty() || stdout == fs::read_to_string(here.join("recommended.json")).unwrap(), "{command}");
    }
    assert_eq!(commands.len(), 2);
    assert!(here.join("samples.npy").is_file());
    // The same network read as another process.
    let document = json(here, "recommend --model moons.safetensors --process ve --nfe 8 --json");
    assert_eq!(document["process"], "ve");
}

/// Any model file says what a recommendation asks for, wherever its data are.
#[test]
fn a_model_needs_no_data() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    fs::write(here.join("rows.csv"), "x,y\n2,2\n4,4\n2,4\n4,3\n").unwrap();
    works(here, "train --data rows.csv --process ve --predict epsilon --steps 3 --out own.safetensors");
    let from_data = json(here, "recommend own.safetensors --data rows.csv --nfe 8 --json");
    fs::rename(here.join("rows.csv"), here.join("elsewhere.csv")).unwrap();
    let ranking = |document: &Value| -> Vec<(String, f64)> {
        let results = document["results"].as_array().unwrap().iter();
        results.map(|r| (r["sampler"].as_str().unwrap().to_owned(), r["w2"].as_f64().unwrap())).collect()
    };
    for line in ["recommend own.safetensors", "recommend --model own.safetensors", "recommend --data own.safetensors"] {
        let document = json(here, &format!("{line} --nfe 8 --json"));
        assert_eq!(document["data"], from_data["data"], "{line}");
        for ((name, w2), (other, expected)) in ranking(&document).iter().zip(ranking(&from_data)) {
            assert!(*name == other && (w2 - expected).abs() <= 1e-9 * expected, "{line}: {name} {w2} {expected}");
        }
        for command in document["commands"].as_array().unwrap() {
            let command = command.as_str().unwrap().split(" > ").next().unwrap();
            works(here, command.strip_prefix("langevin ").unwrap());
        }
    }
    // The analysis takes the model's process, noise levels and data too.
    let first = json(here, "analyze own.safetensors --sampler ddim --steps 8 --json");
    assert_eq!((&first["process"], &first["data"]), (&"ve".into(), &from_data["data"]));
    assert_eq!(first, json(here, "analyze --data own.safetensors --sampler ddim --steps 8 --json"));
    works(here, "plan --process ve --predict epsilon --sampler ddim --steps 8 --json");
    fs::write(
        here.join("p.json"),
        works(here, "plan --process ve --predict epsilon --sampler ddim --steps 8 --json").0,
    )
    .unwrap();
    let plan = json(here, "analyze p.json own.safetensors --json");
    let (one, other) = (&plan["results"][0]["w2"], &first["results"][0]["w2"]);
    assert!((one.as_f64().unwrap() - other.as_f64().unwrap()).abs() <= 1e-12, "{one} {other}");

    assert!(works(here, "info own.safetensors").0.contains("moments      mean and covariance, 2 × 2\n"));
    let metadata = json(here, "info own.safetensors --json");
    assert_eq!(metadata["moments"], serde_json::json!({ "kind": "covariance", "rows": 4 }));

    let refused = |line: &str, words: &[&str]| {
        let (code, _, stderr) = run(here, line);
        assert!(code > 0 && words.iter().all(|word| stderr.contains(word)), "{line}: {stderr}");
    };
    refused("recommend own.safetensors --data digits --nfe 8", &["do not fit the model", "expected the columns x, y"]);
    refused("recommend own.safetensors --data own.safetensors --nfe 8", &["a model is no data"]);
    refused("analyze own.safetensors own.safetensors", &["one model"]);
    refused("recommend own.safetensors --nfe 8 --out own.safetensors", &["MODEL", "replace"]);

    // A file of version 1 has none, and says so.
    let old = first_version(&fs::read(here.join("own.safetensors")).unwrap());
    fs::write(here.join("old.safetensors"), old).unwrap();
    works(here, "sample old.safetensors -n 2 --steps 2 --out x.npy");
    assert!(works(here, "info old.safetensors").0.contains("moments      none"));
    let words = ["no mean and covariance", "hint: give MODEL --data FILE"];
    refused("recommend old.safetensors --nfe 8", &words);
    refused("analyze old.safetensors", &words);
    works(here, "recommend old.safetensors --data elsewhere.csv --nfe 8");
    works(here, "train --data moons --steps 3 --out moons.safetensors");
    let moons = first_version(&fs::read(here.join("moons.safetensors")).unwrap());
    fs::write(here.join("moons.safetensors"), moons).unwrap();
    works(here, "recommend moons.safetensors --nfe 8");
}

/// Wide data keep their eigenvalues alone.
#[test]
fn a_wide_model_keeps_eigenvalues() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let pixels: Vec<u8> = (0..6 * 600).map(|i| (i * i * 37 % 251) as u8).collect();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 20, 30), }\n";
    fs::write(here.join("p.npy"), npy(header, &pixels)).unwrap();
    works(here, "train --data p.npy --steps 2 --out m.safetensors");
    assert!(works(here, "info m.safetensors").0.contains("moments      eigenvalues of the covariance, 600 axes\n"));
    let w2 = |line: &str| json(here, line)["results"][0]["w2"].as_f64().unwrap();
    let (own, given) =
        (w2("recommend m.safetensors --nfe 5 --json"), w2("recommend m.safetensors --data p.npy --nfe 5 --json"));
    assert!((own - given).abs() <= 1e-9 * given, "{own} {given}");
}
