//! The recipes of `docs/contributing.md`: applied to a copy of the sources, counted, built and run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Name of the command that has the recipes.
const NAME: &str = "langevin-contributing";
const PAGE: &str = include_str!("../../../docs/contributing.md");

/// A file that a patch makes or changes, with its hunks: the lines before, and those after.
struct Change {
    path: String,
    is_new: bool,
    hunks: Vec<(Vec<String>, Vec<String>)>,
}

/// Returns the sections of the page that promise a number of files: title, number, and the patches.
/// A section may have a patch beyond its promise; the first one is the promise.
fn recipes() -> Vec<(String, usize, Vec<Vec<Change>>)> {
    let mut all = Vec::new();
    for section in PAGE.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap();
        let Some((_, promised)) = title.rsplit_once(": ") else { continue };
        let number = promised.split(' ').next().unwrap().parse().unwrap();
        let patches = section.split("```diff\n").skip(1).map(|rest| changes(rest.split("```").next().unwrap()));
        all.push((title.to_owned(), number, patches.collect()));
    }
    all
}

fn changes(patch: &str) -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    for line in patch.lines() {
        if let Some(before) = line.strip_prefix("--- ") {
            all.push(Change { path: String::new(), is_new: before == "/dev/null", hunks: vec![] });
            continue;
        }
        let change = all.last_mut().unwrap();
        if let Some(path) = line.strip_prefix("+++ b/") {
            path.clone_into(&mut change.path);
        } else if line.starts_with("@@") {
            change.hunks.push((vec![], vec![]));
        } else {
            let (before, after) = change.hunks.last_mut().unwrap();
            let (mark, text) = line.split_at(line.len().min(1));
            if mark != "+" {
                before.push(text.to_owned());
            }
            if mark != "-" {
                after.push(text.to_owned());
            }
        }
    }
    all
}

fn apply(root: &Path, changes: &[Change]) {
    for Change { path, is_new, hunks } in changes {
        let file = root.join(path);
        assert_eq!(file.exists(), !is_new, "{path}");
        let text = if *is_new { String::new() } else { fs::read_to_string(&file).unwrap() };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (before, after) in hunks {
            let found: Vec<usize> =
                (0..=lines.len() - before.len()).filter(|at| lines[*at..].starts_with(before)).collect();
            let place = if before.is_empty() { vec![0] } else { found };
            assert_eq!(place.len(), 1, "{path} has these lines {} times:\n{}", place.len(), before.join("\n"));
            lines.splice(place[0]..place[0] + before.len(), after.iter().cloned());
        }
        fs::write(file, lines.join("\n") + "\n").unwrap();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Copies what the build needs.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if name == "target" || name.to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy of the sources with every recipe applied.
fn applied(directory: &Path) {
    copy(&root(), directory);
    for (_, _, patches) in recipes() {
        patches.iter().for_each(|patch| apply(directory, patch));
    }
}

#[test]
fn every_recipe_applies_and_touches_as_many_files_as_it_says() {
    let recipes = recipes();
    assert_eq!(recipes.len(), 5);
    for (title, promised, patches) in &recipes {
        let files: BTreeSet<&str> = patches[0].iter().map(|change| &*change.path).collect();
        assert_eq!(files.len(), *promised, "{title}: {files:?}");
        assert!(files.iter().all(|file| file.starts_with("crates/") && file.contains("/src/")), "{title}");
    }
    let directory = tempfile::tempdir().unwrap();
    applied(directory.path());
}

#[test]
#[ignore = "builds the command from the changed sources, which takes minutes"]
fn what_the_recipes_add_works() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    applied(here);
    // The command has another name, so that the build may share the directory, and with it the
    // dependencies, of this one.
    let manifest = here.join("crates/langevin-cli/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let renamed = text.replace("[[bin]]\nname = \"langevin\"", &format!("[[bin]]\nname = \"{NAME}\""));
    assert_ne!(renamed, text);
    fs::write(&manifest, renamed).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(here).env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "0");
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env_remove("RUSTFLAGS");
    let built = cargo.args(["build", "--offline", "--locked", "-p", "langevin-cli", "--bin", NAME]).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let langevin = |line: &str| {
        let command = target.join("debug").join(NAME);
        let done = Command::new(command).current_dir(here).args(line.split_whitespace()).output().unwrap();
        assert!(done.status.success(), "{line}\n{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    assert!(langevin("explain").contains("ddim-half"));
    // η = ½ is DDIM's own option.
    let half = langevin("plan --process vp --sampler ddim-half --steps 4 --csv");
    assert_eq!(half, langevin("plan --process vp --sampler ddim:eta=0.5 --steps 4 --csv"));
    fs::write(here.join("plan.json"), langevin("plan --process vp-sqrt --sampler averaged --steps 4 --json")).unwrap();
    assert!(langevin("lint plan.json").contains("keeps its marginal"));
    // The same levels on any process, and the end.
    assert_eq!(langevin("levels --process vp-sqrt --steps 3").lines().count(), 4);
    fs::write(here.join("rows.pts"), "1 2\n3 4.5\n-1 0\n2 2\n").unwrap();
    assert!(langevin("analyze --data rows.pts --sampler averaged --steps 5").contains("4 rows"));
}
