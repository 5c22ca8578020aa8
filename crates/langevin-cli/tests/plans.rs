//! `langevin explain`, `compare` and `lint`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{run, works};
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn explain_lists_and_explains() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (list, _) = works(here, "explain");
    assert_eq!(list.lines().count(), langevin::sampler::Entry::all().len());
    assert!(list.lines().all(|line| line.contains("  ")) && list.contains("\ndpmpp-2m "));
    insta::assert_snapshot!("explain_heun", works(here, "explain heun").0);
    insta::assert_snapshot!("explain_alias", works(here, "explain DPM-Solver++-2M --process rectified-flow").0);
    insta::assert_snapshot!("explain_cite", works(here, "explain dpmpp-2m-sde --cite").0);
    // Every name explains itself.
    for entry in langevin::sampler::Entry::all() {
        let (text, _) = works(here, &format!("explain {}", entry.name));
        assert!(text.starts_with(entry.name) && text.contains("\nformula") && text.contains("\nsource"), "{text}");
    }
}

#[test]
fn compare_says_what_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let same = |line: &str| works(here, &format!("compare {line}")).0;
    assert!(same("ddim euler@rectified-flow").starts_with("the same table"));
    assert!(same("dpmpp-2m:solver=heun adams2@ve --steps 7").starts_with("the same table"));
    let text = same("dpmpp-2m adams2");
    assert!(text.starts_with("different tables on the same evaluations") && text.contains(" against "), "{text}");
    assert!(same("ddim heun").contains("not comparable: 10 evaluations against 19"), "{}", same("ddim heun"));
    fs::write(here.join("plan.json"), works(here, "plan --process vp --sampler ddim --steps 10 --json").0).unwrap();
    assert!(same("plan.json ddim@ve").starts_with("the same table"));
    let json: serde_json::Value = serde_json::from_str(&same("dpmpp-2m adams2 --json")).unwrap();
    assert_eq!((&json["same"], &json["mismatch"]), (&false.into(), &serde_json::Value::Null));
    assert!(json["largest_difference"].as_f64().unwrap() > 1e-3 && json["where"]["weight_of"].is_string(), "{json}");
    let json: serde_json::Value = serde_json::from_str(&same("ddim heun --json")).unwrap();
    assert!(json["largest_difference"].is_null() && json["mismatch"].is_string(), "{json}");
}

#[test]
fn lint_passes_what_is_sound_and_names_what_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let plan = works(here, "plan --process vp --sampler ddim --steps 6 --json").0;
    fs::write(here.join("good.json"), &plan).unwrap();
    let (stdout, stderr) = works(here, "lint good.json");
    assert_eq!(stdout, "ddim: 6 moves, 6 evaluations\nevery move keeps its marginal\n");
    assert_eq!(stderr, "");
    // One coefficient of a move in the middle.
    let mut broken: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let weight = &mut broken["ops"][4]["terms"][0][0];
    *weight = (weight.as_f64().unwrap() * 1.01).into();
    fs::write(here.join("broken.json"), broken.to_string()).unwrap();
    let (code, stdout, stderr) = run(here, "lint broken.json");
    assert_eq!((code, stderr.as_str()), (1, ""));
    assert!(stdout.contains("mean / x0 is") && stdout.contains("variance is"), "{stdout}");
    let (code, stdout, _) = run(here, "lint broken.json --json");
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &json["clean"]), (1, &false.into()));
    assert_eq!(json["findings"][0]["rule"], "mean");
    fs::write(here.join("clamped.json"), works(here, "plan --process vp --steps 6 --clamp=-1,1 --json").0).unwrap();
    assert!(works(here, "lint clamped.json").0.contains("D is clamped"));
}

/// Documents that promise too much are refused at once, whatever they promise.
#[test]
fn hostile_documents_are_refused_quickly() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let plan = works(here, "plan --process vp --sampler ddim --steps 3 --json").0;
    let edit = |from: &str, to: &str| {
        assert!(plan.contains(from), "{from} in {plan}");
        plan.replacen(from, to, 1).into_bytes()
    };
    let mut op = String::from("{\"op\":\"combine\",\"into\":0,\"terms\":[],\"noise\":[[1.0,0]]}");
    op = vec![op; 130_000].join(",");
    let head = |slots: u64, draws: u64, ops: &str| {
        format!(
            "{{\"version\":1,\"name\":\"x\",\"process\":{{\"kind\":\"vp\"}},\"network\":null,\"nfe\":0,\"slots\":{slots},\"draws\":{draws},\
             \"result\":0,\"inputs\":[],\"ops\":[{ops}],\"moves\":[]}}"
        )
        .into_bytes()
    };
    let row = |terms: usize| {
        format!("{{\"op\":\"combine\",\"into\":0,\"terms\":[],\"noise\":[{}]}}", vec!["[1,0]"; terms].join(","))
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("slots", edit("\"slots\":2", "\"slots\":99999999999999")),
        ("no slots", edit("\"slots\":2", "\"slots\":-1")),
        ("nfe", edit("\"nfe\":3", "\"nfe\":1000000000")),
        ("nan", edit("\"draws\":1", "\"draws\":NaN")),
        ("overflow", edit("\"draws\":1", "\"draws\":1e999")),
        ("a slot out of range", edit("\"into\":0", "\"into\":4000000")),
        ("a result out of range", edit("\"result\":0", "\"result\":77")),
        ("deep", "[".repeat(100_000).into_bytes()),
        ("deep inside", edit("\"inputs\":[]", &format!("\"inputs\":{}", "[".repeat(100_000)))),
        ("a billion instructions promised", edit("\"ops\":[", "\"ops_count\":1000000000, \"ops\":[")),
        ("nothing but zeros", vec![0; 1 << 20]),
        ("not text", vec![0xff; 1 << 20]),
        ("weights", head(4096, 4_000_000_000, &row(1))),
        ("wide", head(4096, 65_536, &row(1_000_000))),
        ("many", head(1, 1, &op)),
        ("large", vec![b' '; 100_000_000]),
    ];
    for (name, bytes) in cases {
        fs::write(here.join("x.json"), bytes).unwrap();
        let start = Instant::now();
        let (code, stdout, stderr) = run(here, "lint x.json");
        // No claim about speed, but a limit: seconds would be a loop over what the document
        // promises.
        assert!(start.elapsed() < Duration::from_secs(20), "{name}: {:?}", start.elapsed());
        if name == "many" {
            // Long, and a plan.
            assert_eq!(code, 0, "{name}: {stderr}");
            continue;
        }
        assert_eq!((code, stdout.as_str()), (1, ""), "{name}: {stderr}");
        assert!(stderr.starts_with("error: ") && !stderr.contains("panicked"), "{name}: {stderr}");
        assert!(stderr.len() < 2000, "{name}: {} bytes of error", stderr.len());
    }
}

/// What a config holds is not asked of the user, and what no scheduler knows is named.
#[test]
fn configs_are_read_as_people_have_them() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let flux = r#"{"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": true, "base_shift": 0.5,
        "max_shift": 1.15, "base_image_seq_len": 256, "max_image_seq_len": 6400, "use_uniform_sigmas": false, "shfit": 3}"#;
    fs::write(here.join("flux.json"), flux).unwrap();
    let (code, _, stderr) = run(here, "plan --from-diffusers flux.json --steps 8");
    assert!(code == 2 && stderr.contains("hint: give --mu M, or --image-seq-len N"), "{stderr}");
    let (table, stderr) = works(here, "plan --from-diffusers flux.json --image-seq-len 4096 --steps 8");
    assert!(stderr.contains("mu = 0.90625 of 4096 tokens, on a pipeline's levels"), "{stderr}");
    assert!(
        stderr.contains(
            "ignored, as diffusers does (--strict rejects them): shfit (did you mean 'shift'?), use_uniform_sigmas\n"
        ),
        "{stderr}"
    );
    let given = "plan --from-diffusers flux.json --mu 0.90625 --sigmas 1,0.875,0.75,0.625,0.5,0.375,0.25,0.125";
    assert_eq!(works(here, given).0, table);
    let (_, stderr) = works(here, "plan --from-diffusers flux.json --mu 0.90625 --steps 8");
    assert!(stderr.contains("these are the scheduler's own levels"), "{stderr}");
    let (code, _, stderr) = run(here, "plan --from-diffusers flux.json --image-seq-len 4096 --steps 8 --strict");
    assert!(code == 2 && stderr.contains("no scheduler has these fields: shfit, use_uniform_sigmas"), "{stderr}");
    let learned = r#"{"_class_name": "DDPMScheduler", "variance_type": "learned_range", "beta_strat": 0.1}"#;
    fs::write(here.join("learned.json"), learned).unwrap();
    let (_, stderr) = works(here, "plan --from-diffusers learned.json --sampler unipc --steps 4");
    assert!(stderr.contains("beta_strat (did you mean 'beta_start'?)"), "{stderr}");
    let once = r#"{"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1}"#;
    fs::write(here.join("once.json"), once).unwrap();
    let (code, _, stderr) = run(here, "plan --from-diffusers once.json --steps 8");
    assert!(code == 2 && stderr.contains("one training time") && stderr.contains("sigmas"), "{stderr}");
}

#[test]
fn schedules_and_labels_of_other_programs_are_known() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let sd = "--process table:scaled-linear --steps 6";
    for name in ["simple", "sgm_uniform", "SGM-Uniform", "ddim_uniform", "normal", "kl_optimal", "linear_quadratic"] {
        let (table, stderr) = works(here, &format!("plan --from-k dpmpp_2m {sd} --grid {name}"));
        assert!(table.contains("dpmpp-2m") && stderr.contains("note: the schedule"), "{name}: {stderr}");
    }
    let output = common::langevin(here).args(["plan", "--from-k", "DPM++ 2M Karras", "--steps", "6"]).output().unwrap();
    let labelled = String::from_utf8(output.stdout).unwrap();
    assert_eq!(labelled, works(here, "plan --from-k dpmpp_2m --grid karras --steps 6").0);
    let (code, _, stderr) = run(here, "plan --from-k dpmpp_2m --grid simple --steps 6");
    assert!(code == 2 && stderr.contains("needs a table") && stderr.contains("table:scaled-linear"), "{stderr}");
    // Theirs goes by the times of a table, ours by the noise levels: two grids of one name.
    let (table, stderr) = works(here, &format!("plan --from-k dpmpp_2m {sd} --grid beta"));
    assert!(stderr.contains("the schedule beta of ComfyUI"), "{stderr}");
    assert_ne!(table, works(here, &format!("plan --sampler dpmpp-2m {sd} --grid beta")).0);
    let (_, stderr) = works(here, "plan --from-k dpmpp_2m --grid beta --steps 6");
    assert!(stderr.contains("ComfyUI's beta goes by the times of a table"), "{stderr}");
    let (code, _, stderr) = run(here, "plan --from-k heun --process table:scaled-linear --grid simple --nfe 9");
    assert!(code == 2 && stderr.contains("(--nfe): expected --steps"), "{stderr}");
    let (code, _, stderr) = run(here, "plan --from-k dpmpp_2m --grid simpel --steps 6");
    assert!(code == 2 && stderr.contains("unknown grid"), "{stderr}");
}
