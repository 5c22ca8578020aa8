//! Faults and limits: threads that cannot be made, memory that is not there, two processes in one
//! run, files of any size, names of any length.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{langevin, names, run, works};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A stack that no address space holds: no thread can be made.
const VAST_STACK: (&str, &str) = ("RUST_MIN_STACK", "70368744177664");

fn with(here: &Path, variable: (&str, &str), line: &str) -> (i32, String, String) {
    let output = langevin(here).env(variable.0, variable.1).args(line.split_whitespace()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

#[test]
fn without_threads_the_work_is_done_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let rows: String = (0..300).map(|i| format!("{i},{}\n", 40 - i)).collect();
    fs::write(here.join("rows.csv"), rows).unwrap();
    for line in [
        "sample --exact mixture -n 20000 --threads 4 --steps 2 --out a.npy",
        "sample --exact mixture -n 20000 --threads 4 --adaptive dpm12 --out a.npy",
        "verify --only 1",
        "likelihood --exact gaussian2d --data gaussian2d -n 300 --levels 2 --threads 3 --out a.npy",
        "train --data rows.csv --steps 2 --width 8 --threads 4 --out a.npy",
        "train --data rows.csv --steps 2 --width 8 --out a.npy",
        "diagnose --exact moons --data moons -n 200 --rows 8 --steps 2 --threads 4 --json",
    ] {
        let line = line.replace("gaussian2d", "moons");
        let _ = fs::remove_file(here.join("a.npy"));
        works(here, &line);
        let usual = fs::read(here.join("a.npy")).ok();
        let _ = fs::remove_file(here.join("a.npy"));
        let (code, _, stderr) = with(here, VAST_STACK, &line);
        assert!(code == 0 && !stderr.contains("panicked"), "{line}: {code} {stderr}");
        // A model says how long its training took.
        if !line.starts_with("train") {
            assert_eq!(fs::read(here.join("a.npy")).ok(), usual, "{line}");
        }
    }
}

#[test]
fn the_environment_is_bounded_as_flags_are() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let line = "sample --exact moons -n 5 --steps 2 --out a.npy";
    for many in ["20000", "1025", "18446744073709551615"] {
        let (code, _, stderr) = with(here, ("RAYON_NUM_THREADS", many), line);
        assert_eq!(
            (code, &*stderr),
            (2, &*format!("error: too many threads (RAYON_NUM_THREADS): expected at most 1024, got {many}\n"))
        );
    }
    for few in ["1", "3", "0", "many", ""] {
        assert_eq!(with(here, ("RAYON_NUM_THREADS", few), line).0, 0, "{few}");
    }
    // What needs none does not ask.
    assert_eq!(with(here, ("RAYON_NUM_THREADS", "20000"), "plan --process vp --steps 2").0, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_count() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let binary = assert_cmd::cargo::cargo_bin!("langevin");
    let limited = |kib: u32, line: &str| {
        let script = format!("ulimit -v {kib}; exec {} {line}", binary.display());
        let output = Command::new("sh").args(["-c", &script]).current_dir(here).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    // 24 MB of numbers in either file. The program and its threads take some 200 MB of addresses
    // that nobody touches.
    for name in ["a.npy", "a.csv"] {
        let (code, stderr) =
            limited(1 << 20, &format!("sample --exact mixture -n 3000000 --steps 1 --threads 1 --out {name}"));
        assert_eq!(code, Some(0), "{stderr}");
    }
    assert_eq!(fs::metadata(here.join("a.npy")).unwrap().len(), 128 + 8 * 3_000_000);
    // All at once they would not fit, and that is said before any is drawn.
    let (code, stderr) = limited(1 << 20, "sample --exact moons -n 100000000 --steps 1 --out a.png");
    assert!(code == Some(2) && stderr.starts_with("error: the samples do not fit in memory (-n): "), "{stderr}");
    let (code, stderr) = limited(1 << 20, "sample --exact moons -n 100000000 --batch 100000000 --steps 1 --out b.npy");
    assert!(
        code == Some(2) && stderr.starts_with("error: the samples of a batch do not fit in memory (--batch): "),
        "{stderr}"
    );
    assert_eq!(names(here), ["a.csv", "a.npy"]);
}

#[test]
fn samples_are_the_same_in_any_slices() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    works(here, "sample --exact moons -n 3000 --steps 2 --seed 3 --out whole.npy");
    works(here, "sample --exact moons -n 3000 --steps 2 --seed 3 --batch 7 --threads 3 --out small.npy");
    assert_eq!(fs::read(here.join("whole.npy")).unwrap(), fs::read(here.join("small.npy")).unwrap());
    // A number that is none, in a late slice, leaves nothing: here all of them are, in float32.
    let (code, _, stderr) = run(
        here,
        "sample --exact moons -n 3000 --steps 1 --as ve --sigma-max 1e6 --sampler ddim --dtype f32 --out x.npy",
    );
    assert!(code == 0, "{stderr}");
    assert_eq!(names(here), ["small.npy", "whole.npy", "x.npy"]);
}

#[test]
fn work_is_bounded_before_it_begins() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let large = "x".repeat(9 << 20);
    fs::write(here.join("large.toml"), format!("data = '{large}'")).unwrap();
    fs::write(here.join("large.json"), format!("[\"{large}\"]")).unwrap();
    // A sparse file takes no room on the disk, and all memory where it is read.
    for name in ["large.npy", "large.csv"] {
        fs::File::create(here.join(name)).unwrap().set_len(1 << 40).unwrap();
    }
    fs::create_dir_all(here.join("r/states")).unwrap();
    fs::copy(here.join("large.toml"), here.join("r/config.toml")).unwrap();
    for line in [
        "train --config large.toml --out m.safetensors",
        "train --resume r",
        "lint large.json",
        "compare large.json ddim",
        "analyze --spectrum large.json",
        "analyze --spectrum large.npy",
        "analyze --spectrum large.csv",
        "plan --from-diffusers large.json",
        "recommend --spectrum power:2:d=30 --nfe 100000",
        "recommend --spectrum power:2:d=30 --nfe 2048",
        "likelihood --exact moons --data moons -n 2 --levels 1000000000000",
        "likelihood --exact moons --data moons -n 2 --method ode --divergence hutchinson:1000000000000",
        "objective --points 1000000000000",
        "sample --exact moons -n 1000000000 --out a.png",
        "invert --exact moons --from many.csv --between 10000 --out a.npy",
        "train --data moons --steps 1 --width 1048576 --depth 1048576 --out m.safetensors",
        "train --data moons --steps 1 --batch 281474976710656 --out m.safetensors",
        "diagnose --exact moons --data moons -n 281474976710656",
    ] {
        if line.contains("many.csv") {
            fs::write(here.join("many.csv"), "1,2\n".repeat(300_000)).unwrap();
        }
        let start = Instant::now();
        let (code, _, stderr) = run(here, line);
        assert!(matches!(code, 1 | 2) && stderr.starts_with("error: "), "{line}: {code} {stderr}");
        assert!(!stderr.contains("panicked") && stderr.len() < 2000, "{line}: {stderr}");
        // No time is promised: it is minutes, or never, where the work begins.
        assert!(start.elapsed() < Duration::from_secs(60), "{line}");
    }
}

#[test]
fn names_and_arguments_of_any_length() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let plan = works(here, "plan --process vp --steps 2 --json").0;
    let long = "é".repeat(70_000);
    fs::write(here.join("long.json"), plan.replacen("dpmpp-2m", &long, 1)).unwrap();
    fs::write(here.join("kind.json"), plan.replacen("combine", &long, 1)).unwrap();
    fs::write(here.join("field.json"), format!("{{\"_class_name\":\"DDIMScheduler\",\"{long}\":1}}")).unwrap();
    fs::write(here.join("class.json"), format!("{{\"_class_name\":\"{long}\"}}")).unwrap();
    // As an input of a plan, it is a cell of a column.
    let start = works(here, "plan --process vp --sampler ddim --steps 2 --start-at 1 --json").0;
    fs::write(here.join("input.json"), start.replacen("\"init\"", &format!("\"{long}\""), 1)).unwrap();
    fs::write(here.join("key.toml"), format!("data = 'moons'\n{} = 1\n", "k".repeat(70_000))).unwrap();
    let word = "w".repeat(50_000);
    for line in [
        "lint long.json".to_owned(),
        "lint input.json".to_owned(),
        "lint kind.json".to_owned(),
        "compare long.json long.json".to_owned(),
        "compare long.json input.json".to_owned(),
        "analyze long.json".to_owned(),
        "analyze long.json long.json".to_owned(),
        "analyze input.json".to_owned(),
        "plan --from-diffusers field.json --steps 2".to_owned(),
        "plan --from-diffusers class.json --steps 2".to_owned(),
        "train --config key.toml --out m.safetensors".to_owned(),
        format!("plan --process {word}"),
        format!("plan --process vp --sampler {word}"),
        format!("plan --process vp --grid {word}"),
        format!("plan --process vp --steps {word}"),
        format!("plan --process vp --steps={word}"),
        format!("plan --process vp --moves {word}"),
        format!("plan --{word}"),
        word.clone(),
        format!("sample --exact {word} -n 2 --out a.npy"),
        format!("sample {word} -n 2 --out a.npy"),
        format!("sample --exact moons -n 2 --out {word}.npy"),
        format!("train --data {word} --out m.safetensors"),
        format!("train --data moons --out m.safetensors --set {word}"),
        format!("train --data moons --out m.safetensors --set {word}=1"),
        format!("recommend --spectrum {word} --nfe 3"),
        format!("explain {word}"),
        format!("verify --only {word}"),
    ] {
        let (code, _, stderr) = run(here, &line);
        let line = &line[..line.len().min(60)];
        assert!((0..=2).contains(&code) && !stderr.contains("panicked"), "{line}: {code} {stderr}");
        assert!(stderr.chars().count() < 2500, "{line}: {} characters: {}", stderr.len(), &stderr[..2000]);
    }
}

#[test]
fn a_run_is_one_process_s() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let rows: String = (0..60).map(|i| format!("{i},{}\n", 40 - i)).collect();
    fs::write(here.join("rows.csv"), rows).unwrap();
    let binary = assert_cmd::cargo::cargo_bin!("langevin");
    let mut first = Command::new(binary)
        .args("train --data rows.csv --width 8 --minutes 5 --save-every 0.05 --run r".split(' '))
        .current_dir(here)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !here.join("r/model.safetensors").exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // A temporary file of the first, while it lives.
    let mine = here.join(format!("r/states/.langevin-{}-77.tmp", first.id()));
    fs::write(&mine, "half").unwrap();
    let second = run(here, "train --resume r --minutes 6");
    let third = run(here, "train --data rows.csv --steps 1 --run r");
    // Commands that read do.
    let reads = run(here, "report r --quick --out page.html");
    let kept = mine.exists();
    first.kill().unwrap();
    first.wait().unwrap();
    let said = format!("got process {} at work in it", first.id());
    assert!(second.0 == 2 && second.2.contains(&said), "{}", second.2);
    assert!(third.0 == 2 && third.2.contains("there is something in the directory"), "{}", third.2);
    assert!(reads.0 == 0 && kept, "{}", reads.2);
    // Killed, it blocks nobody, and what it left half-written goes.
    let steps = works(here, "info r/model.safetensors --json").0;
    assert!(steps.contains("steps"));
    let (code, _, stderr) = run(here, "train --resume r --minutes 0.00001");
    assert_eq!(code, 0, "{stderr}");
    assert!(!mine.exists());
    assert!(names(&here.join("r")).iter().all(|name| !name.ends_with(".tmp")));
}

#[cfg(unix)]
#[test]
fn stdout_that_is_full_is_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    for line in ["--help", "--version", "", "plan --help", "help plan", "explain"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let Ok(full) = full else { return };
        let binary = assert_cmd::cargo::cargo_bin!("langevin");
        let output = Command::new(binary)
            .args(line.split_whitespace())
            .current_dir(directory.path())
            .stdout(full)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(1) && stderr.starts_with("error: cannot write to stdout"),
            "'{line}': {stderr}"
        );
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_analysis_ends_with_130() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let binary = assert_cmd::cargo::cargo_bin!("langevin");
    let child = Command::new(binary)
        .args("analyze --spectrum power:2:d=3072 --steps 3000,3001,3002,3003,3004,3005,3006,3007,3008,3009".split(' '))
        .current_dir(here)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(400));
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
}

#[test]
fn tolerances_are_named_by_their_flags() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    for line in ["--rtol 1e-300 --atol 1e-300", "--rtol 1e-14 --atol 1e-14"] {
        let (code, _, stderr) = run(here, &format!("sample --exact moons -n 2 --adaptive dpm12 {line} --out a.npy"));
        assert!(code > 0 && stderr.contains("--rtol"), "{line}: {stderr}");
    }
}

#[test]
fn a_grid_without_numbers_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for grid in ["karras:1e-300", "karras:1e-5", "karras:1e-3"] {
        let (code, _, stderr) = run(directory.path(), &format!("plan --process vp --steps 4 --grid {grid}"));
        assert!(code == 2 && stderr.starts_with("error: the grid gives no noise level (node "), "{grid}: {stderr}");
    }
}
