//! A check, made for every command, that no output overwrites an input or a file of a training run.
//!
//! The check uses the parsed arguments, so a new flag is covered without being listed here. `--out`
//! and `--plot` name outputs. Every other value that is the path of an existing file is an input.

use crate::error::{Failure, Result};
use crate::io::atomic;
use crate::words::shown;
use clap::{ArgMatches, Command};
use langevin_tasks::rundir::{MODEL, NAMES, files, is_run};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Flags that name an output.
const OUTPUTS: [&str; 2] = ["out", "plot"];
/// Extensions of files that are read as parts of a folder.
const PARTS: [&str; 10] = ["png", "jpg", "jpeg", "webp", "npy", "npz", "csv", "tsv", "gz", "parquet"];

/// A path with the flag that supplied it.
struct Named {
    flag: String,
    path: PathBuf,
}

/// Refuses the arguments of `command` if one of its outputs would overwrite an input or a file of a
/// run.
///
/// # Errors
/// Returns an error that names both flags, or the run.
pub fn check(command: &Command, matches: &ArgMatches) -> Result<()> {
    let (mut outputs, mut inputs, mut own_runs) = (Vec::new(), Vec::new(), Vec::new());
    for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
        let id = arg.get_id().as_str();
        let flag = match (arg.get_long(), arg.get_value_names()) {
            (Some(long), _) => format!("--{long}"),
            (None, Some([name, ..])) => name.to_string(),
            (None, _) => id.to_owned(),
        };
        for value in matches.try_get_raw(id).ok().flatten().into_iter().flatten() {
            let named = |path: &Path| Named { flag: flag.clone(), path: path.to_owned() };
            if OUTPUTS.contains(&id) {
                outputs.push(named(Path::new(value)));
            } else {
                inputs.extend(readings(value).into_iter().filter(|path| path.exists()).map(named));
            }
            if id == "run" || id == "resume" {
                own_runs.push(PathBuf::from(value));
            }
        }
    }
    // The page of a run has a default place, which may be a link to another one.
    if command.get_name() == "report" && outputs.is_empty() {
        outputs.extend(own_runs.iter().map(|run| Named { flag: "RUN".to_owned(), path: run.join("report.html") }));
    }
    for output in &outputs {
        inputs.iter().try_for_each(|input| two(output, input))?;
        of_run(output, &own_runs, command.get_name())?;
    }
    Ok(())
}

/// Returns the paths that a value may stand for: the value itself, the value without the name of an
/// array in a file (`FILE.npz:array`), and the file of a named input (`NAME=FILE`).
fn readings(value: &OsStr) -> Vec<&Path> {
    let part = |text: &'_ str| text.rsplit_once(':').map(|(file, _)| file.len());
    let mut found = vec![Path::new(value)];
    for text in value.to_str().into_iter().flat_map(|text| [Some(text), text.split_once('=').map(|(_, file)| file)]) {
        let Some(text) = text else { continue };
        found.push(Path::new(text));
        found.extend(part(text).map(|length| Path::new(&text[..length])));
    }
    found.retain(|path| !path.as_os_str().is_empty());
    found
}

/// Returns true if two names lead to the same file, through symbolic or hard links or on a file
/// system that ignores case.
fn same(one: &Path, other: &Path) -> bool {
    same_file::is_same_file(one, other).unwrap_or(false)
}

/// Refuses an output that would overwrite an input.
fn two(output: &Named, input: &Named) -> Result<()> {
    let (out, from) = (&output.path, &input.path);
    let replaces = if from.is_dir() {
        let inside = place(out).zip(from.canonicalize().ok()).is_some_and(|(out, from)| out.starts_with(from));
        let is_part = ending(out).is_some_and(|ending| PARTS.contains(&&*ending));
        // The folder that is read, or a file in it that is read.
        !is_run(from) && (out.is_dir() && same(out, from) || inside && is_part && out.exists())
    } else if out.is_dir() {
        // Pictures in a folder have names of their own.
        let name = from.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        let is_sample = name.starts_with("sample-") && name.ends_with(".png");
        is_sample && from.parent().is_some_and(|folder| same(out, parent_or_here(folder)))
    } else {
        same(out, from)
    };
    if !replaces {
        return Ok(());
    }
    Err(Failure::misused("the output would replace what it is made from")
        .at(format!("{}, {}", output.flag, input.flag))
        .expected("two files")
        .got(format!("'{}' for both", shown(out)))
        .hint(format!("give {} another name", output.flag)))
}

/// Refuses an output that would overwrite a file of a run, this one or any other.
fn of_run(output: &Named, own: &[PathBuf], command: &str) -> Result<()> {
    let refused = |run: &Path| {
        Err(Failure::misused("the output would replace a file of a training run")
            .at(output.flag.clone())
            .expected("a name that the run does not use")
            .got(format!("'{}' in the run '{}'", shown(&output.path), shown(run)))
            .hint("write it elsewhere"))
    };
    if command == "demo" {
        return if is_run(&output.path) { refused(&output.path) } else { Ok(()) };
    }
    let Some(at) = place(&output.path) else { return Ok(()) };
    let own: Vec<PathBuf> = own.iter().filter_map(|run| place(run)).collect();
    for run in at.ancestors().skip(1).take(2) {
        let mine = own.iter().any(|own| own == run);
        let first = at.strip_prefix(run).ok().and_then(|rest| rest.components().next());
        let name = first.map(|first| first.as_os_str().to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let its_model = mine && command == "train" && name == MODEL;
        if (mine || is_run(run)) && NAMES.contains(&&*name) && !its_model {
            return refused(run);
        }
    }
    // A hard link to such a file, which the path does not show.
    match own.iter().find(|run| output.path.is_file() && files(run).iter().any(|file| same(file, &output.path))) {
        Some(run) if command != "train" || !same(&run.join(MODEL), &output.path) => refused(run),
        _ => Ok(()),
    }
}

/// Returns the path of an output without links and without `..`, whether or not it exists.
fn place(path: &Path) -> Option<PathBuf> {
    if let Ok(there) = path.canonicalize() {
        return Some(there);
    }
    let leads = atomic::resolve(path).ok()?;
    let folder = parent_or_here(leads.parent()?).canonicalize().ok()?;
    Some(folder.join(leads.file_name()?))
}

/// Returns the folder itself; the folder of a bare file name is the current one.
fn parent_or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase)
}
