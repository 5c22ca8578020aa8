//! Signals: an orderly end, the right exit code, and no file that was not asked for.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, works};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn start(directory: &Path, line: &str) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin!("langevin"))
        .args(line.split(' '))
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn send(child: &Child, signal: &str) {
    // A process that has ended meanwhile is no failure here.
    let _ = Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// Waits until a file is being written.
fn written(directory: &Path) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(120) {
        for name in names(directory) {
            let size = || std::fs::metadata(directory.join(&name)).map_or(0, |there| there.len());
            if name.ends_with(".tmp") && size() > 0 {
                return true;
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

#[test]
fn a_write_that_is_interrupted_leaves_nothing() {
    for signals in [&["-INT"][..], &["-TERM"], &["-HUP"], &["-TERM", "-TERM"]] {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        // One step of a density of one dimension: the writing takes the longest.
        let child = start(here, "sample --exact mixture --steps 1 -n 3000000 --out x.csv");
        assert!(written(here), "{signals:?}");
        signals.iter().for_each(|signal| send(&child, signal));
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{signals:?} {stderr}");
        assert!(signals.len() > 1 || stderr == "error: interrupted: nothing was written\n", "{stderr}");
        assert_eq!(names(here), [""; 0], "{signals:?}");
    }
}

#[test]
fn an_interrupted_training_saves_what_it_has() {
    use std::io::{BufRead as _, Read as _};
    for signal in ["-INT", "-TERM"] {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        let rows: String = (0..40).map(|i| format!("{},{}\n", i, 40 - i)).collect();
        std::fs::write(here.join("line.csv"), rows).unwrap();
        let mut child = start(here, "train --data line.csv --minutes 30 --out m.safetensors");
        // The first line of progress, after what was read, says that it listens.
        let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        while first.is_empty() || ["read ", "note: "].iter().any(|start| first.starts_with(start)) {
            first.clear();
            stderr.read_line(&mut first).unwrap();
        }
        assert!(first.contains("loss"), "{first}");
        send(&child, signal);
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
        assert!(rest.contains("interrupted after") && rest.contains("m.safetensors"), "{rest}");
        works(here, "info m.safetensors");
        assert_eq!(names(here), ["line.csv", "m.safetensors"]);
    }
}
