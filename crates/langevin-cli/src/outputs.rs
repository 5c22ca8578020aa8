//! No output takes the place of an input, or of a file of a training run: one check for every command.
//!
//! The check reads the parsed arguments, so a new flag is covered without being named here: `--out` and `--plot` name
//! outputs, and every other value that is the path of something that exists is an input.

use crate::error::{Failure, Result};
use crate::io::atomic;
use crate::words::shown;
use clap::{ArgMatches, Command};
use langevin_tasks::rundir::{MODEL, NAMES, files, is_run};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The flags that name a place to write to.
const OUTPUTS: [&str; 2] = ["out", "plot"];
/// The endings of the files that are read as parts of a folder.
const PARTS: [&str; 10] = ["png", "jpg", "jpeg", "webp", "npy", "npz", "csv", "tsv", "gz", "parquet"];

/// A path, and what the user gave it with.
struct Named {
    flag: String,
    path: PathBuf,
}

/// Refuses the arguments of `command` if one of its outputs would replace an input or a file of a run.
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
    // The page of a run has a place of its own, which may be a link to somewhere else.
    if command.get_name() == "report" && outputs.is_empty() {
        outputs.extend(own_runs.iter().map(|run| Named { flag: "RUN".to_owned(), path: run.join("report.html") }));
    }
    for output in &outputs {
        inputs.iter().try_for_each(|input| two(output, input))?;
        of_run(output, &own_runs, command.get_name())?;
    }
    Ok(())
}

/// The paths that a value may stand for: as it is, without what chooses a part of a file (`FILE.npz:array`), and behind
/// the name of what the file is for (`NAME=FILE`).
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

/// Whether two names lead to one file, through links of both kinds and on file systems that do not tell cases apart.
fn same(one: &Path, other: &Path) -> bool {
    same_file::is_same_file(one, other).unwrap_or(false)
}

/// An output and an input.
fn two(output: &Named, input: &Named) -> Result<()> {
    let (out, from) = (&output.path, &input.path);
    let replaces = if from.is_dir() {
        let inside = place(out).zip(from.canonicalize().ok()).is_some_and(|(out, from)| out.starts_with(from));
        let is_part = ending(out).is_some_and(|ending| PARTS.contains(&&*ending));
        // A folder that is read, and a file of it that is read.
        !is_run(from) && (out.is_dir() && same(out, from) || inside && is_part && out.exists())
    } else if out.is_dir() {
        // Pictures go into a folder under names of their own.
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

/// An output among the files of a run, of this one or of any other.
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
    // A second name of such a file, which no path shows.
    match own.iter().find(|run| output.path.is_file() && files(run).iter().any(|file| same(file, &output.path))) {
        Some(run) if command != "train" || !same(&run.join(MODEL), &output.path) => refused(run),
        _ => Ok(()),
    }
}

/// Where an output would come to lie, whether or not something is there: no link and no `..` is left in it.
fn place(path: &Path) -> Option<PathBuf> {
    if let Ok(there) = path.canonicalize() {
        return Some(there);
    }
    let leads = atomic::resolve(path).ok()?;
    let folder = parent_or_here(leads.parent()?).canonicalize().ok()?;
    Some(folder.join(leads.file_name()?))
}

/// The folder of a bare name is this one.
fn parent_or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase)
}
