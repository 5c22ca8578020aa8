//! What may change of a run and what may not: nothing is written before it is accepted.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{langevin, run, works};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What is to be of a flag that is given with --resume.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// It is taken, and is in the configuration from then on; the log says so.
    Taken,
    /// It is taken; nothing of the training changes.
    Silent,
    /// It is refused by name, and nothing is written.
    Refused,
    /// As the data have it: where it is refused nothing is written.
    Either,
}
use Outcome::{Either, Refused, Silent, Taken};

/// Every flag of `train`, with a value that the run below has not.
const FLAGS: [(&str, &str, Outcome); 63] = [
    ("data", "moons", Refused),
    ("out", "m.safetensors", Taken),
    ("run", "elsewhere", Refused),
    ("resume", "", Silent),
    ("from", "no.safetensors", Either),
    ("config", "no.toml", Refused),
    ("set", "width=9", Refused),
    ("json", "", Silent),
    ("steps", "25", Taken),
    ("minutes", "0.0001", Taken),
    ("seed", "7", Refused),
    ("threads", "2", Taken),
    ("device", "cpu", Silent),
    ("hold-out", "0.3", Refused),
    ("dequantize", "", Refused),
    ("no-normalize", "", Refused),
    ("conditional", "", Refused),
    ("label-column", "a", Either),
    ("labels", "y", Refused),
    ("columns", "a", Either),
    ("drop", "a", Either),
    ("header", "", Silent),
    ("no-header", "", Either),
    ("axes", "chw", Refused),
    ("log", "a", Either),
    ("label-dropout", "0.2", Either),
    ("size", "8", Either),
    ("crop", "8", Refused),
    ("flip", "", Either),
    ("skip-bad", "", Either),
    ("memory", "100", Taken),
    ("process", "vp", Refused),
    ("predict", "epsilon", Refused),
    ("noise", "masked", Refused),
    ("tokens", "chars", Either),
    ("categories", "a", Either),
    ("beside", "autoregressive", Refused),
    ("length", "8", Either),
    ("weight", "likelihood", Refused),
    ("times", "logit-normal", Refused),
    ("adaptive", "", Refused),
    ("coupling", "transport", Refused),
    ("network", "dit", Refused),
    ("width", "9", Refused),
    ("depth", "2", Refused),
    ("fourier", "8", Refused),
    ("waves", "1", Refused),
    ("activation", "gelu", Refused),
    ("plain", "", Refused),
    ("patch", "4", Either),
    ("heads", "2", Either),
    ("batch", "17", Refused),
    ("optimizer", "muon", Refused),
    ("lr", "1e-4", Taken),
    ("warmup", "3", Taken),
    ("decay", "linear", Taken),
    ("weight-decay", "0.5", Taken),
    // For transformers, whose runs may change it; this one is of a perceptron.
    ("dropout", "0.1", Refused),
    ("ema", "0.9", Refused),
    ("clip", "2", Taken),
    ("log-every", "4", Taken),
    ("save-every", "5", Taken),
    ("averages-every", "2", Refused),
];

/// A run of 20 steps, and what is in its directory.
fn begin(here: &Path, more: &str) {
    let rows: String = (0..60).map(|i| format!("{},{}\n", (f64::from(i) * 0.7).sin(), i % 5)).collect();
    fs::write(here.join("t.csv"), format!("a,b\n{rows}")).unwrap();
    works(here, &format!("train --data t.csv --steps 20 --width 8 --depth 1 --batch 16 --hold-out 0.2 --run r {more}"));
}

/// Every file of a directory with its bytes.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.display().to_string(), Vec::new());
            found.extend(files(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

fn restore(directory: &Path, before: &BTreeMap<String, Vec<u8>>) {
    for path in files(directory).keys().filter(|path| !before.contains_key(*path)) {
        let _ = fs::remove_file(path);
    }
    for (path, bytes) in before.iter().filter(|(path, _)| !Path::new(path).is_dir()) {
        fs::write(path, bytes).unwrap();
    }
}

fn log(here: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(here.join("r/log.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_table_has_every_flag() {
    let directory = tempfile::tempdir().unwrap();
    let (help, _) = works(directory.path(), "train --help");
    let flags = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    for flag in flags.filter_map(|rest| rest.split([' ', '=']).next()) {
        let known = FLAGS.iter().any(|(known, ..)| *known == flag) || ["help", "samples-every"].contains(&flag);
        assert!(known, "--{flag} is new: may it change of a run that goes on?");
    }
}

#[test]
fn every_flag_is_taken_or_refused_and_a_refusal_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    begin(here, "");
    let before = files(&here.join("r"));
    for (flag, value, outcome) in FLAGS.into_iter().filter(|(flag, ..)| *flag != "resume") {
        let given = if value.is_empty() { format!("--{flag}") } else { format!("--{flag}={value}") };
        let (code, _, stderr) = run(here, &format!("train --resume r {given}"));
        let now = files(&here.join("r"));
        match outcome {
            Taken | Silent => assert_eq!(code, 0, "{given}: {stderr}"),
            Refused => assert!(code == 2 || (code == 1 && flag == "data"), "{given}: {code} {stderr}"),
            Either => {}
        }
        if code != 0 {
            assert!(now == before, "{given} was refused, and something was written");
            assert!(!stderr.contains('{') && stderr.matches("hint:").count() <= 1, "{stderr}");
            works(here, "train --resume r");
        }
        if outcome == Refused && ["run", "config", "set", "crop"].iter().all(|known| *known != flag) {
            assert!(stderr.contains(&format!("--{flag}")), "{given}: {stderr}");
        }
        if outcome == Taken {
            let config: toml::Table = fs::read_to_string(here.join("r/config.toml")).unwrap().parse().unwrap();
            assert!(config.contains_key(flag), "{given}: {config:?}");
            let event = log(here).into_iter().find(|line| line["event"] == "resumed").unwrap();
            assert!(event["step"] == 20 && event["changed"][flag].is_array(), "{given}: {event}");
        }
        restore(&here.join("r"), &before);
    }
}

#[test]
fn a_refusal_by_a_file_or_a_setting_says_the_flag_and_both_values() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    begin(here, "");
    let before = files(&here.join("r"));
    let config = fs::read_to_string(here.join("r/config.toml")).unwrap();
    fs::write(here.join("other.toml"), config.replace("width = 8", "width = 9")).unwrap();
    for line in ["--set width=9", "--config other.toml", "--width 9"] {
        let (code, _, stderr) = run(here, &format!("train --resume r {line}"));
        let text = "error: this cannot be changed of a run (--width): expected 8, as in this run, got 9\nhint: leave it out to go on";
        assert!(code == 2 && stderr.starts_with(text), "{line}: {stderr}");
        assert!(files(&here.join("r")) == before, "{line}");
    }
    let (code, _, stderr) = run(here, "train --resume r --seed 3 --adaptive --lr 1");
    assert!(
        code == 2 && stderr.contains("(--adaptive, --hold-out") | stderr.contains("(--adaptive, --seed"),
        "{stderr}"
    );
    assert!(stderr.contains("off") && stderr.contains("on"), "{stderr}");
    assert!(files(&here.join("r")) == before);
    // A configuration that was changed by hand is found too.
    fs::write(here.join("r/config.toml"), config.replace("batch = 16", "batch = 32")).unwrap();
    let (code, _, stderr) = run(here, "train --resume r");
    assert!(code == 2 && stderr.contains("--batch"), "{stderr}");
}

#[test]
fn what_changes_holds_and_is_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    begin(here, "--log-every 5");
    works(here, "train --resume r --lr 1e-4 --steps 40 --decay constant");
    let lines = log(here);
    let event = lines.iter().find(|line| !line["event"].is_null()).unwrap();
    assert_eq!(
        event["changed"],
        serde_json::json!({ "lr": [0.002, 0.0001], "steps": [20, 40], "decay": ["cosine", "constant"] })
    );
    // The rate is what was asked for; 40 steps of the warm-up are 0.4 of it.
    let last = lines.last().unwrap();
    assert!((last["lr"].as_f64().unwrap() - 0.4e-4).abs() < 1e-12 && last["step"] == 40, "{last}");
    // The readers of a log read on: the report, and a run that goes on from before.
    works(here, "report r --quick");
    works(here, "train --resume r --steps 45");
    let lines = log(here);
    assert_eq!(lines.iter().filter(|line| !line["event"].is_null()).count(), 2);
    assert_eq!(lines.iter().filter(|line| line["step"] == 40 && line["event"].is_null()).count(), 1);
    // Averages that are kept may be kept more seldom; a run without them cannot begin with them.
    works(here, "train --data t.csv --steps 20 --width 8 --depth 1 --batch 16 --averages-every 5 --run k");
    works(here, "train --resume k --averages-every 10 --steps 40");
    assert_eq!(common::names(&here.join("k/averages")).len(), 6);
}

/// The same bits as a run that was not stopped, where nothing of the training changes.
#[test]
fn other_data_are_told_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    begin(here, "");
    let before = files(&here.join("r"));
    let old = fs::read_to_string(here.join("t.csv")).unwrap();
    for (text, words) in [
        (old.clone() + "0.5,0.5\n", "expected 48 rows, got 49 rows"),
        (
            old.lines().map(|line| format!("{line},{}\n", if line == "a,b" { "c" } else { "1" })).collect(),
            "expected samples of 2, got samples of 3",
        ),
        (old.replace("0,0\n", "9,0\n"), "expected the same 48 rows, got other values in them"),
    ] {
        fs::write(here.join("t.csv"), text).unwrap();
        let (code, _, stderr) = run(here, "train --resume r --steps 30");
        assert!(code == 1 && stderr.contains(words), "{stderr}");
        assert!(
            stderr.contains("train --from r/model.safetensors --data") && !stderr.contains("passed over"),
            "{stderr}"
        );
        assert!(files(&here.join("r")) == before);
    }
    fs::write(here.join("t.csv"), old).unwrap();
    works(here, "train --resume r --steps 30");
}

/// A new run that is refused late leaves nothing, also where directories above it were missing.
#[test]
fn a_new_run_that_is_refused_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    begin(here, "");
    for line in [
        "--width 20000",
        "--width 16384 --depth 3",
        "--network dit",
        "--data no.csv",
        "--conditional",
        "--label-column c",
        "--crop 8",
        "--weight nothing",
        "--from r/none.safetensors",
        "--from r/model.safetensors --width 9",
        "--from t.csv",
    ] {
        let (code, _, stderr) = run(here, &format!("train --data t.csv --steps 5 --run a/b/c {line}"));
        assert!(code == 1 || code == 2, "{line}: {stderr}");
        assert!(!here.join("a").exists(), "{line}: {stderr}");
        assert!(!stderr.contains('{'), "{stderr}");
    }
    // An empty directory that was there stays.
    fs::create_dir(here.join("a")).unwrap();
    assert_ne!(run(here, "train --data t.csv --width 20000 --run a").0, 0);
    assert_eq!(common::names(&here.join("a")), [""; 0]);
    works(here, "train --data t.csv --steps 2 --width 8 --run a/b/c");
    // Below a file nothing can be made.
    let output = langevin(here).args(["train", "--data", "t.csv", "--run", "t.csv/r"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

/// A file system of a fixed size, taken away at the end; `None` where this user cannot make one.
#[cfg(target_os = "linux")]
struct Disk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Disk {
    fn of(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let mut mount = std::process::Command::new("mount");
        let made = mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(path).output();
        made.is_ok_and(|made| made.status.success()).then(|| Self(path.into()))
    }

    /// Leaves no room.
    fn fill(&self) {
        let mut size = 1 << 20;
        for number in 0..200 {
            if fs::write(self.0.join(format!("filler{number}")), vec![0; size]).is_err() {
                size /= 2;
            }
            if size == 0 {
                break;
            }
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

/// Without room nothing begins and nothing changes.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let Some(disk) = Disk::of(&here.join("disk"), "2m") else {
        eprintln!("skipped: this user cannot make a small disk");
        return;
    };
    begin(here, "");
    let flags = "--data t.csv --steps 20 --width 8 --depth 1 --batch 16 --hold-out 0.2 --log-every 5";
    works(here, &format!("train {flags} --run disk/r"));
    disk.fill();
    let before = files(&here.join("disk/r"));
    let (code, _, stderr) = run(here, "train --resume disk/r --lr 1e-4 --steps 40");
    assert!(code == 1 && stderr.contains("No space left"), "{stderr}");
    assert!(files(&here.join("disk/r")) == before);
    let (code, _, stderr) = run(here, &format!("train {flags} --run disk/a/new"));
    assert!(code == 1 && stderr.contains("No space left"), "{stderr}");
    assert!(!here.join("disk/a").exists());
}
