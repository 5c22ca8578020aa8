//! Files that are not what their names say, for every argument of every command that takes a file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, npy, run, works};
use std::fs;
use std::path::Path;

/// Every argument that takes a file: the command, the argument as its help names it, the line with
/// `@` for the file, and the endings that the file may have.
const ARGUMENTS: &[(&str, &str, &str, &[&str])] = &[
    ("train", "--data", "train --data @ --steps 1 --out m", &["csv", "npy", "npz", "parquet", "png", "pt", "csv.gz"]),
    ("train", "--labels", "train --data rows.npy --labels @ --steps 1 --out m", &["npy"]),
    ("train", "--from", "train --data moons --from @ --steps 1 --out m", &["safetensors"]),
    ("train", "--config", "train --config @", &["toml"]),
    ("train", "--resume", "train --resume @", &["run"]),
    ("average", "RUN", "average @ --length 0.1 --out m", &["run"]),
    ("report", "RUN", "report @", &["run"]),
    ("sample", "MODEL", "sample @ -n 1 --out x.npy", &["safetensors", "pt"]),
    ("plan", "--onnx", "plan --process vp --predict epsilon --steps 2 --emit onnx --out o.onnx --onnx @", &["onnx"]),
    ("sample", "--onnx", "sample --onnx @ --process vp --predict epsilon -n 1 --out x.npy", &["onnx"]),
    ("sample", "--from", "sample --exact moons --from @ -n 1 --out x.npy", &["csv", "npy", "png"]),
    ("sample", "--mask", "sample --exact moons --from rows.npy --mask @ -n 1 --out x.npy", &["csv", "npy", "png"]),
    ("sample", "--labels", "sample --exact moons --from rows.npy --labels @ -n 1 --out x.npy", &["npy"]),
    ("plan", "PLAN.json", "plan @", &["json", "pt"]),
    ("plan", "--from-diffusers", "plan --from-diffusers @ --steps 3", &["json"]),
    ("compare", "A", "compare @ ddim", &["json"]),
    ("compare", "B", "compare ddim @", &["json"]),
    ("lint", "PLAN.json", "lint @", &["json", "pt"]),
    ("analyze", "PLAN.json|MODEL", "analyze @", &["json", "safetensors"]),
    ("analyze", "--onnx", "analyze --onnx @ --process vp --predict epsilon", &["onnx"]),
    ("analyze", "--spectrum", "analyze --spectrum @ --sampler ddim --steps 5", &["json", "npy", "csv"]),
    ("analyze", "--data", "analyze --data @ --sampler ddim --steps 5", &["csv", "npy", "safetensors"]),
    ("analyze", "--labels", "analyze --data rows.npy --labels @ --sampler ddim --steps 5", &["npy"]),
    ("recommend", "MODEL", "recommend @ --nfe 5", &["safetensors"]),
    ("recommend", "--model", "recommend --model @ --nfe 5", &["safetensors"]),
    ("recommend", "--onnx", "recommend --onnx @ --process vp --predict epsilon --nfe 5", &["onnx"]),
    ("recommend", "--spectrum", "recommend --spectrum @ --nfe 5", &["json", "npy", "csv"]),
    ("recommend", "--data", "recommend --data @ --nfe 5", &["csv", "npy", "safetensors"]),
    ("recommend", "--labels", "recommend --data rows.npy --labels @ --nfe 5", &["npy"]),
    ("evaluate", "MODEL", "evaluate @ --data moons", &["safetensors"]),
    ("evaluate", "--onnx", "evaluate --onnx @ --process vp --predict epsilon --data moons", &["onnx"]),
    ("evaluate", "--samples", "evaluate --samples @ --data rows.npy", &["csv", "npy", "png"]),
    ("evaluate", "--data", "evaluate --exact moons --data @ -n 9", &["csv", "npy", "npz", "parquet"]),
    ("evaluate", "--train", "evaluate --exact moons --data rows.npy --train @", &["csv", "npy"]),
    ("evaluate", "--labels", "evaluate --exact moons --data rows.npy --labels @", &["npy"]),
    ("invert", "MODEL", "invert @ --from rows.npy --out x.npy", &["safetensors"]),
    ("invert", "--onnx", "invert --onnx @ --process vp --predict epsilon --from rows.npy --out x.npy", &["onnx"]),
    ("invert", "--from", "invert --exact moons --from @ --out x.npy", &["csv", "npy", "png"]),
    ("invert", "--labels", "invert --exact moons --from rows.npy --labels @ --out x.npy", &["npy"]),
    ("tune", "MODEL", "tune @ --nfe 4", &["safetensors"]),
    ("tune", "--onnx", "tune --onnx @ --process vp --predict epsilon --nfe 4", &["onnx"]),
    ("tune", "--data", "tune --exact moons --data @ --nfe 4 --samples 4 --test 8", &["csv", "npy"]),
    ("tune", "--labels", "tune --exact moons --data rows.npy --labels @ --nfe 4 --samples 4 --test 8", &["npy"]),
    ("likelihood", "MODEL", "likelihood @ --data moons -n 2", &["safetensors"]),
    ("likelihood", "--onnx", "likelihood --onnx @ --process vp --predict epsilon --data moons -n 2", &["onnx"]),
    ("likelihood", "--data", "likelihood --exact moons --data @ -n 2", &["csv", "npy", "npz", "parquet"]),
    ("likelihood", "--labels", "likelihood --exact moons --data rows.npy --labels @ -n 2", &["npy"]),
    ("diagnose", "MODEL", "diagnose @ --data moons -n 9 --rows 9", &["safetensors"]),
    ("diagnose", "--onnx", "diagnose --onnx @ --process vp --predict epsilon --data moons -n 9", &["onnx"]),
    ("diagnose", "--data", "diagnose --exact moons --data @ -n 9 --rows 9", &["csv", "npy"]),
    ("diagnose", "--labels", "diagnose --exact moons --data rows.npy --labels @ -n 9 --rows 9", &["npy"]),
    ("sample", "--plan", "sample --exact moons --plan @ -n 1 --out x.npy", &["json", "pt"]),
    ("sample", "--from-diffusers", "sample --exact moons --from-diffusers @ --steps 3 -n 1 --out x.npy", &["json"]),
    ("evaluate", "--plan", "evaluate --exact moons --plan @ --data moons -n 9", &["json", "pt"]),
    (
        "evaluate",
        "--from-diffusers",
        "evaluate --exact moons --from-diffusers @ --steps 3 --data moons -n 9",
        &["json"],
    ),
    ("invert", "--plan", "invert --exact moons --plan @ --from rows.npy --out x.npy", &["json", "pt"]),
    (
        "invert",
        "--from-diffusers",
        "invert --exact moons --from-diffusers @ --steps 3 --from rows.npy --out x.npy",
        &["json"],
    ),
    ("diagnose", "--plan", "diagnose --exact moons --plan @ --data moons -n 9 --rows 9", &["json", "pt"]),
    (
        "diagnose",
        "--from-diffusers",
        "diagnose --exact moons --from-diffusers @ --steps 3 --data moons -n 9 --rows 9",
        &["json"],
    ),
    ("likelihood", "--plan", "likelihood --exact moons --plan @ --data moons -n 2", &["json", "pt"]),
    (
        "likelihood",
        "--from-diffusers",
        "likelihood --exact moons --from-diffusers @ --steps 3 --data moons -n 2",
        &["json"],
    ),
    ("info", "MODEL", "info @", &["safetensors", "json"]),
    ("info", "--onnx", "info --onnx @ --process vp --predict epsilon", &["onnx"]),
];

/// Names of values in the help that are files to read, or directories.
const VALUES: [&str; 10] =
    ["FILE", "MODEL", "DATA", "RUN", "DIR", "PLAN.json", "PLAN.json|MODEL", "SPECTRUM", "ARRAY", "A"];
/// Flags that name a place to write to.
const OUTPUTS: [&str; 3] = ["--out", "--plot", "--run"];

fn foreign() -> Vec<u8> {
    let header = br#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat()
}

/// A zip archive of one empty member.
fn zip(member: &str) -> Vec<u8> {
    let length = (member.len() as u16).to_le_bytes();
    let sizes = [0; 12];
    let local = [b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0", &sizes[..], &length, &[0; 2], member.as_bytes()].concat();
    let entry = [b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0", &sizes[..], &length, &[0; 16], member.as_bytes()].concat();
    let (size, offset) = ((entry.len() as u32).to_le_bytes(), (local.len() as u32).to_le_bytes());
    [&local[..], &entry, b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &size, &offset, &[0; 2]].concat()
}

/// Contents of every kind, and how each is called where it is recognised.
fn contents() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let noise = (0..700_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
    let array = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }\n", &[0; 40]);
    vec![
        ("empty", vec![], None),
        ("text", b"once upon a time\nthere was a file\n".to_vec(), None),
        ("noise", noise, None),
        ("picture", [&b"\x89PNG\r\n\x1a\n"[..], &[7; 60]].concat(), Some("a PNG picture")),
        (
            "pointer",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n".to_vec(),
            Some("a Git LFS pointer"),
        ),
        ("page", b"<!DOCTYPE html>\n<html><body>404</body></html>\n".to_vec(), Some("an HTML page")),
        ("torch", zip("archive/data.pkl"), Some("a PyTorch checkpoint")),
        ("foreign", foreign(), Some("a safetensors file of another library")),
        ("array", array, None),
    ]
}

/// A `.npy` file of points of a plane.
fn rows() -> Vec<u8> {
    let values = (0..80).flat_map(|i| f64::from(i % 17).to_le_bytes()).collect::<Vec<u8>>();
    npy("{'descr': '<f8', 'fortran_order': False, 'shape': (40, 2), }\n", &values)
}

#[test]
fn every_argument_refuses_every_other_content_with_one_clear_error() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    fs::write(here.join("rows.npy"), rows()).unwrap();
    let mut files: Vec<(String, &str, Option<&str>)> = Vec::new();
    let endings: std::collections::BTreeSet<&str> = ARGUMENTS.iter().flat_map(|case| case.3).copied().collect();
    for ending in endings {
        for (name, bytes, called) in contents() {
            let file = format!("{name}.{ending}");
            fs::write(here.join(&file), bytes).unwrap();
            files.push((file, ending, called));
        }
        let folder = format!("folder.{ending}");
        fs::create_dir(here.join(&folder)).unwrap();
        files.push((folder, ending, None));
        files.push((format!("missing.{ending}"), ending, None));
    }
    let before = names(here);
    let mut failures = Vec::new();
    for (command, argument, line, endings) in ARGUMENTS {
        for (file, ending, called) in files.iter().filter(|(_, ending, _)| endings.contains(ending)) {
            let line = line.replace('@', file);
            let (code, _, stderr) = run(here, &line);
            let first = stderr.lines().find(|line| line.starts_with("error:")).unwrap_or_default();
            // Neither an unexpected end nor the words of a library, of the system or of Rust's
            // `Debug`. A few bytes of no kind may be a network of ONNX, which the runtime says.
            let runtime = *ending == "onnx" && file.starts_with("noise");
            let words = ["panicked", "os error", "struct ", "Some(", " { ", "EOF", "Usage:", "ONNX Runtime"];
            let foreign =
                words.iter().find(|words| stderr.contains(**words) && !(runtime && **words == "ONNX Runtime"));
            let wrong = match () {
                () if code != 1 && code != 2 => format!("exit {code}"),
                () if stderr.matches("error:").count() != 1 => "not one error".to_owned(),
                () if foreign.is_some() => format!("{foreign:?}"),
                // The file is named, and so is what it is.
                () if !runtime && !first.contains(file.as_str()) => "the file is not named".to_owned(),
                () if called.is_some_and(|called| *ending != "png" && !first.contains(called)) => {
                    format!("not called {called:?}")
                }
                () if names(here) != before => "something is written".to_owned(),
                () => continue,
            };
            failures.push(format!("{command} {argument}, {line}: {wrong}: {stderr}"));
        }
    }
    assert!(failures.is_empty(), "{} of them:\n{}", failures.len(), failures.join("\n"));
}

/// The arguments above are all that the helps of the commands know of.
#[test]
fn the_helps_name_no_other_argument_that_takes_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let (help, _) = works(directory.path(), "--help");
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for command in commands.filter_map(|line| line.split_whitespace().next()).filter(|command| *command != "help") {
        let (help, _) = works(directory.path(), &format!("{command} --help"));
        for line in help.lines().map(str::trim_start).filter(|line| line.starts_with(['-', '<', '['])) {
            let Some((flag, rest)) = line.split_once(['<', '[']) else { continue };
            if flag.contains("--atol") {
                continue;
            }
            let value = rest.split(['>', ']']).next().unwrap();
            let long = flag.split_whitespace().find(|word| word.starts_with("--")).unwrap_or(value);
            if !VALUES.contains(&value) || OUTPUTS.contains(&long) {
                continue;
            }
            let known = ARGUMENTS.iter().any(|(of, argument, ..)| *of == command && *argument == long);
            assert!(known, "{command}: {line}");
        }
    }
}

/// Public repositories keep the config of a scheduler in a folder of the pipeline.
#[test]
fn a_pipeline_is_read_by_the_config_of_its_scheduler() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    fs::create_dir_all(here.join("sd/scheduler")).unwrap();
    let config = r#"{"_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "clip_sample": false}"#;
    fs::write(here.join("sd/scheduler/scheduler_config.json"), config).unwrap();
    fs::write(here.join("sd/model_index.json"), r#"{"_class_name": "StableDiffusionPipeline"}"#).unwrap();
    let table = |path: &str| works(here, &format!("plan --from-diffusers {path} --steps 3"));
    let (plain, _) = table("sd/scheduler/scheduler_config.json");
    for path in ["sd", "sd/scheduler", "sd/model_index.json"] {
        let (found, stderr) = table(path);
        assert!(found == plain && stderr.contains("scheduler_config.json"), "{path}: {stderr}");
    }
}

/// A folder in place of a file: what lies in it is offered.
#[test]
fn a_folder_is_called_one_and_what_lies_in_it_is_offered() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "train --data moons --steps 2 --width 8 --depth 1 --run runs/a");
    fs::create_dir_all(here.join("sd/scheduler")).unwrap();
    let config = r#"{"_class_name": "DDIMScheduler", "num_train_timesteps": 1000}"#;
    fs::write(here.join("sd/scheduler/scheduler_config.json"), config).unwrap();
    fs::create_dir(here.join("none")).unwrap();
    let model = Path::new("runs").join("a").join("model.safetensors").display().to_string();
    let scheduler = Path::new("sd").join("scheduler/scheduler_config.json").display().to_string();
    for (line, place, hint) in [
        ("info runs/a", "(MODEL runs/a)", Some(&model)),
        ("info runs", "(MODEL runs)", Some(&model)),
        ("sample runs/a --out x.npy", "(MODEL runs/a)", Some(&model)),
        ("train --data moons --from runs/a --out m", "(--from runs/a)", Some(&model)),
        ("analyze runs/a", "(PLAN.json runs/a)", Some(&model)),
        ("train --config runs/a", "(--config runs/a)", Some(&"runs/a/config.toml".to_owned())),
        ("info sd", "(MODEL sd)", Some(&scheduler)),
        ("plan --from-diffusers none --steps 3", "(--from-diffusers none)", None),
        ("info none", "(MODEL none)", None),
    ] {
        let (code, _, stderr) = run(here, line);
        assert!(
            code == 2 && stderr.starts_with(&format!("error: the path is a folder {place}: expected ")),
            "{stderr}"
        );
        match hint {
            Some(hint) => assert!(stderr.lines().last().unwrap().contains(hint.as_str()), "{line}: {stderr}"),
            None => assert!(!stderr.contains("hint:"), "{line}: {stderr}"),
        }
    }
    // A file in place of the directory of a run.
    for command in ["average runs/a/model.safetensors --length 0.1 --out m", "train --resume runs/a/model.safetensors"]
    {
        let (code, _, stderr) = run(here, command);
        assert!(
            code == 2 && stderr.contains("the path is a file") && stderr.contains("got a model trained"),
            "{stderr}"
        );
        assert!(stderr.ends_with("hint: the run of this file is runs/a\n"), "{stderr}");
    }
}

/// What is wrong in a configuration is said once, in its own words, and names the file.
#[test]
fn an_error_in_a_configuration_is_one_error_without_usage() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    for (text, expected) in [
        (
            "data = 'moons'\nout = 'm'\nstepps = 5\n",
            "there is no such setting (c.toml, stepps): expected the name of a flag of train, got 'stepps'\nhint: did you mean 'steps'?",
        ),
        (
            "data = 'moons'\nout = 'm'\nsteps = 0\n",
            "a setting has a wrong value (c.toml, steps): expected a whole number from 1 to 1000000000, got '0'",
        ),
        (
            "data = 'moons'\nout = 'm'\nnetwork = 'mpl'\n",
            "a setting has a wrong value (c.toml, network): expected mlp, dit, sequence, got 'mpl'\nhint: did you mean 'mlp'?",
        ),
        (
            "steps = 5\n",
            "a setting is missing (c.toml): expected --data DATA, --out MODEL or --run DIR or --resume DIR, in the file or as a flag",
        ),
        ("steps = \n", "the configuration is no TOML (c.toml): "),
    ] {
        fs::write(here.join("c.toml"), text).unwrap();
        let (code, _, stderr) = run(here, "train --config c.toml");
        assert!((code == 1 || code == 2) && stderr.starts_with(&format!("error: {expected}")), "{stderr}");
        assert!(
            !stderr.contains("Usage") && !stderr.contains("--help") && stderr.matches("error").count() == 1,
            "{stderr}"
        );
    }
    // A flag of the command line is not blamed on the file.
    fs::write(here.join("c.toml"), "data = 'moons'\nout = 'm'\nsteps = 5\n").unwrap();
    let (_, _, stderr) = run(here, "train --config c.toml --steps x");
    assert!(
        stderr.starts_with("error: a setting has a wrong value (--steps): ") && !stderr.contains("Usage"),
        "{stderr}"
    );
}
