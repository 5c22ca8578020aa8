//! `langevin train --run` and `--resume`: a run that can be killed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, run, works};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What a model computes with: everything behind the header, which has the time that was spent.
fn weights(model: &Path) -> Vec<u8> {
    let bytes = fs::read(model).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header..].to_vec()
}

/// Killed twenty times at random moments, of which some lie in a write.
#[cfg(unix)]
#[test]
fn a_run_that_is_killed_again_and_again_ends_in_the_same_bits() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let flags = "--data digits --steps 400 --width 48 --batch 64 --adaptive --hold-out 0.2 --log-every 20";
    works(here, &format!("train {flags} --run whole"));
    let mut kills = 0;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    loop {
        // Killed before it had a configuration, it begins anew.
        let flags = match here.join("cut/config.toml").exists() {
            false => format!("train {flags} --run cut --save-every 0.001"),
            true => "train --resume cut".to_owned(),
        };
        let mut child = Command::new(env!("CARGO_BIN_EXE_langevin"))
            .args(flags.split(' '))
            .current_dir(here)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        if kills == 20 {
            assert!(child.wait().unwrap().success());
            break;
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_millis(60 + random % 240));
        child.kill().unwrap();
        kills += 1;
        // It may have been done already: then the rest of the kills would hit nothing.
        if child.wait().unwrap().success() {
            break;
        }
    }
    assert!(weights(&here.join("whole/model.safetensors")) == weights(&here.join("cut/model.safetensors")));
    assert!(kills > 3, "{kills}");
    assert!(names(&here.join("cut/states")).contains(&"step-0000000400.safetensors".to_owned()));
    // The log has every line once.
    let steps: Vec<u64> = fs::read_to_string(here.join("cut/log.ndjson"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, (1..=20).map(|line| 20 * line).collect::<Vec<u64>>());
}

/// A network with classes answers what it is asked for; with guidance more so.
#[test]
fn classes_are_asked_for_and_guided_to() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    // Two classes that do not overlap, on either side of 0.
    let rows: String =
        (0..200).map(|i| format!("{},{}\n", f64::from(i % 20) + if i < 100 { 10.0 } else { -30.0 }, i / 100)).collect();
    fs::write(here.join("c.csv"), format!("x,side\n{rows}")).unwrap();
    works(here, "train --data c.csv --label-column side --conditional --steps 400 --width 32 --depth 1 --out m");
    let draw = |flags: &str| -> Vec<f64> {
        works(here, &format!("sample m --steps 10 -n 40 --out x.npy {flags}"));
        common::read_f8(&here.join("x.npy")).1
    };
    for (class, sign) in [("0", 1.0), ("1", -1.0)] {
        let right = draw(&format!("--class {class}")).iter().filter(|x| **x * sign > 0.0).count();
        assert!(right >= 38, "{class}: {right}");
    }
    let both = draw("--class 0,1");
    assert!(both.iter().enumerate().filter(|(i, x)| (**x > 0.0) == (i % 2 == 0)).count() >= 38);
    let either = draw("").iter().filter(|x| **x > 0.0).count();
    assert!((8..32).contains(&either), "{either}");
    // Guidance of weight 1 is none; of an interval outside the grid too.
    let plain = draw("--class 0");
    let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
    assert!(near(&draw("--class 0 --guidance 1"), &plain));
    assert_eq!(draw("--class 0 --guidance 3 --guidance-interval 1e5,2e5"), plain);
    assert!(!near(&draw("--class 0 --guidance 3"), &plain));
    let (code, _, stderr) = run(here, "sample m -n 1 --class 2 --out x.npy");
    assert!(code == 2 && stderr.contains("unknown class (--class): expected 0, 1, got '2'"), "{stderr}");
    let (code, _, stderr) = run(here, "sample --exact moons -n 1 --class 2 --out x.npy");
    assert!(code == 2 && stderr.contains("only a trained network has classes"), "{stderr}");
}

#[test]
fn a_run_keeps_its_configuration_its_log_and_samples() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (stdout, _) = works(
        here,
        "train --data digits --steps 30 --width 16 --batch 32 --hold-out 0.2 --log-every 10 --samples-every 15 --conditional --dequantize --run r --json",
    );
    let lines: Vec<serde_json::Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[..3].iter().all(|line| line["held_out"].is_f64() && line["loss"].is_f64()));
    let bounds: Vec<f64> = lines.iter().map(|line| line["bound"].as_f64().unwrap()).collect();
    assert!(bounds[2] < bounds[0] && bounds[3] == bounds[2], "{bounds:?}");
    assert_eq!(lines[3]["steps"], 30);
    assert_eq!(names(&here.join("r")), ["config.toml", "log.ndjson", "model.safetensors", "samples", "states"]);
    assert_eq!(names(&here.join("r/samples")), ["step-0000015.png", "step-0000030.png"]);
    assert!(fs::read_to_string(here.join("r/config.toml")).unwrap().contains("conditional = true"));

    // On for longer, from the newest state that is whole.
    let newest = here.join("r/states/step-0000000030.safetensors");
    let state = fs::read(&newest).unwrap();
    fs::write(here.join("r/states/step-0000000031.safetensors"), &state[..state.len() - 9]).unwrap();
    let (_, stderr) = works(here, "train --resume r --steps 40");
    assert!(stderr.contains("note: r/states/step-0000000031.safetensors is ignored: "), "{stderr}");
    assert!(stderr.contains("goes on after step 30\n") && stderr.contains("40 steps on digits"), "{stderr}");
    let (_, stderr) = works(here, "train --resume r --minutes 0.0001");
    assert!(stderr.contains("goes on after step 40"), "{stderr}");

    works(here, "report r --steps 4");
    let page = fs::read_to_string(here.join("r/report.html")).unwrap();
    assert!(
        page.contains("After step 15") && page.contains("two-sample accuracy") && page.contains("conditional = true")
    );

    let (code, _, stderr) = run(here, "average r --length 0.1 --out a");
    assert!(code == 1 && stderr.contains("the run kept no averages"), "{stderr}");
    works(here, "train --data digits --steps 60 --width 16 --batch 32 --averages-every 3 --run k");
    let (stdout, _) = works(here, "average k --length 0.12 --out a --json");
    let made: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(made["files"] == 20 && made["off"].as_f64().unwrap() < 0.05, "{made}");
    works(here, "sample a -n 2 --steps 2 --out x.npy");
    let (code, _, stderr) = run(here, "average k --length 0.3 --out a");
    assert!(code == 2 && stderr.contains("no average has this length"), "{stderr}");

    let (code, _, stderr) = run(here, "train --resume r --width 17");
    let refused = "error: this cannot be changed of a run (--width): expected 16, as in this run, got 17\nhint: leave it out to go on";
    assert!(code == 2 && stderr.contains(refused), "{stderr}");
    let (code, _, stderr) = run(here, "train --data digits --run r");
    assert!(code == 2 && stderr.contains("hint: go on with that run by --resume r"), "{stderr}");
    let (code, _, stderr) = run(here, "train --resume nothing");
    assert!(code == 2 && stderr.contains("nothing"), "{stderr}");
    let (code, _, stderr) = run(here, "train --resume r --data moons --set conditional=false");
    assert!(code == 1 && stderr.contains("not those that the training began with"), "{stderr}");
}

/// A disk of a few megabytes, taken away at the end; `None` where this user cannot make one.
#[cfg(target_os = "linux")]
struct Disk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Disk {
    fn of(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let made =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(path).output();
        made.is_ok_and(|made| made.status.success()).then(|| Self(path.into()))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// The first state fits, the second does not: the run ends with one error, keeps the first, and
/// goes on from it once there is room.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let Some(_disk) = Disk::of(&here.join("disk"), "4m") else {
        eprintln!("skipped: this user cannot make a small disk");
        return;
    };
    let flags = "--data digits --width 200 --batch 64 --steps 120";
    fs::write(here.join("disk/filler"), vec![0; 300_000]).unwrap();
    let (code, _, stderr) = run(here, &format!("train {flags} --save-every 0.0001 --run disk/r"));
    assert!(code == 1 && stderr.contains("error: cannot write") && stderr.contains("No space left"), "{stderr}");
    let kept = names(&here.join("disk/r/states"));
    assert_eq!(kept.len(), 1, "{kept:?}");
    fs::remove_file(here.join("disk/filler")).unwrap();
    // Room for two states elsewhere: the run can be moved.
    fs::create_dir(here.join("moved")).unwrap();
    for name in ["config.toml", "log.ndjson"] {
        let _ = fs::copy(here.join("disk/r").join(name), here.join("moved").join(name));
    }
    fs::create_dir(here.join("moved/states")).unwrap();
    fs::copy(here.join("disk/r/states").join(&kept[0]), here.join("moved/states").join(&kept[0])).unwrap();
    works(here, "train --resume moved");
    works(here, &format!("train {flags} --run whole"));
    assert!(weights(&here.join("whole/model.safetensors")) == weights(&here.join("moved/model.safetensors")));
}

/// A folder that cannot be written to is refused before the training.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_folder_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let Some(disk) = Disk::of(&here.join("disk"), "1m") else {
        eprintln!("skipped: this user cannot make a small disk");
        return;
    };
    let read_only = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk.0).status();
    assert!(read_only.unwrap().success());
    let start = std::time::Instant::now();
    for flags in ["--run disk/r", "--out disk/m"] {
        let (code, _, stderr) = run(here, &format!("train --data digits --steps 1000000 {flags}"));
        assert!(code == 1 && stderr.contains("Read-only file system"), "{stderr}");
    }
    // A million steps were not made.
    assert!(start.elapsed() < Duration::from_secs(60));
}

/// What the log says of the rows that were held out is what `likelihood` says of them, at as many
/// levels: the same draws, so the same number.
#[test]
fn the_bound_on_the_way_is_that_of_likelihood() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let train = "train --data digits --steps 30 --width 16 --batch 32 --hold-out 0.2 --json";
    let summary = |line: &str| -> serde_json::Value {
        serde_json::from_str(works(here, line).0.lines().last().unwrap()).unwrap()
    };
    let found = summary(&format!("{train} --dequantize --out m.safetensors"))["bound"].as_f64().unwrap();
    let expected = summary("likelihood m.safetensors --data digits --held-out -n 128 --levels 4 --json");
    let expected = expected["bits_per_dim"].as_f64().unwrap();
    // The sum over the rows may be taken in other pieces.
    assert!((found - expected).abs() < 1e-12 * expected, "{found} {expected}");
    // Whole numbers have no density.
    assert_eq!(summary(&format!("{train} --out whole.safetensors"))["bound"], serde_json::Value::Null);
}
