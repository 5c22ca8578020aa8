//! Content checks: one check for every argument that names a file, made before the file is read.
//!
//! The check recognises a file by its bytes. A PyTorch checkpoint, a Git LFS pointer or a saved web
//! page is therefore reported as such, whatever the file is called. The reader of a format reports
//! damage to a file of the right kind.

use crate::error::{Error, Result};
use crate::observe::Observer;
use crate::rundir::{CONFIG, MODEL};
use crate::words::shown;
use langevin_data::FileKind;
use std::path::{Path, PathBuf};

/// Maximum number of files that a hint lists for a folder.
const NAMED: usize = 3;
/// Path of a scheduler's config in a pipeline that diffusers saved, and in a folder of its own.
const SCHEDULERS: [&str; 2] = ["scheduler/scheduler_config.json", "scheduler_config.json"];

/// The kind of content that an argument takes.
///
/// ```
/// use langevin_tasks::content::{Content, check};
/// let folder = tempfile::tempdir()?;
/// let error = check("‹model›", folder.path(), Content::Model, &()).unwrap_err();
/// assert!(error.to_string().starts_with("the path is a folder"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A plan in JSON.
    Plan,
    /// A plan in JSON; the argument also accepts a model.
    PlanOrModel,
    /// A scheduler config of diffusers.
    Scheduler,
    /// A configuration file of `train`, in TOML.
    Configuration,
    /// A list of numbers in JSON.
    Numbers,
    /// An array in .npy format.
    Array,
    /// A table of text.
    Table,
    /// A model that `train` saved.
    Model,
    /// An ONNX file.
    Onnx,
    /// The directory of a training run.
    Run,
}

impl Content {
    fn words(self) -> &'static str {
        match self {
            Self::Plan | Self::PlanOrModel => "a plan in JSON, as `langevin plan --json` prints it",
            Self::Scheduler => "a scheduler_config.json of diffusers",
            Self::Configuration => "a configuration in TOML",
            Self::Numbers => "a list of numbers in JSON",
            Self::Array => "a .npy array",
            Self::Table => "a table of text",
            Self::Model => "a model that train has saved",
            Self::Onnx => "an ONNX file",
            Self::Run => "the directory of a training run",
        }
    }

    /// Returns true if the file is passed on to its reader: it has the right kind, or the reader's
    /// error message is more informative.
    fn may_be(self, kind: FileKind) -> bool {
        use FileKind::{Empty, Json, Model, Npy, Text};
        match self {
            Self::Plan | Self::PlanOrModel | Self::Scheduler | Self::Numbers => matches!(kind, Json | Text),
            Self::Configuration => matches!(kind, Json | Text | Empty),
            Self::Array => kind == Npy,
            Self::Table => kind == Text,
            Self::Model => kind == Model,
            Self::Onnx | Self::Run => false,
        }
    }

    /// Returns the extensions of the files that a hint suggests if the path is a folder.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Plan | Self::PlanOrModel | Self::Scheduler => &["json"],
            Self::Configuration => &["toml"],
            Self::Numbers | Self::Array | Self::Table => &["npy", "csv", "json"],
            Self::Model => &["safetensors"],
            Self::Onnx => &["onnx"],
            Self::Run => &[],
        }
    }
}

/// Checks that a path exists and holds the content that the argument takes. `flag` is the argument
/// that names the path.
///
/// # Examples
///
/// ```
/// use langevin_tasks::content::{Content, check};
/// let error = check("‹plan›", "missing.json".as_ref(), Content::Plan, &()).unwrap_err();
/// assert_eq!(error.to_string(), "no such file (‹plan› missing.json)");
/// ```
///
/// # Errors
/// Returns an error if the path does not exist, if it is a folder in place of a file, or if the
/// file is clearly of another kind. The message states what the argument takes, what was found and,
/// if known, what to do.
pub fn check(flag: &str, path: &Path, wanted: Content, observer: &dyn Observer) -> Result<()> {
    let about = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::missing(flag, path),
        _ => Error::reading(path, &error),
    })?;
    if wanted == Content::Run {
        return if about.is_dir() { Ok(()) } else { Err(no_folder(flag, path)) };
    }
    let Some(kind) = langevin_data::recognise(path) else { return Ok(()) };
    if kind == FileKind::Folder {
        let failure = Error::misused("the path is a folder").at(place(flag, path)).expected(wanted.words());
        return Err(hinted(failure.got("a folder"), inside(path, wanted)));
    }
    if wanted.may_be(kind) {
        return Ok(());
    }
    let failure = match kind {
        FileKind::Empty => Error::failed("the file is empty").expected(wanted.words()).got("0 bytes"),
        _ if wanted == Content::Model => {
            Error::failed("the file is no model").expected(wanted.words()).got(kind.to_string())
        }
        _ => Error::failed("the file holds something else").expected(wanted.words()).got(kind.to_string()),
    };
    Err(hinted(failure.at(place(flag, path)), remedy(kind, wanted, observer)))
}

/// Returns the path of the scheduler config of a pipeline, given its folder or its
/// `model_index.json`; `None` if there is no such file.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let config = folder.path().join("scheduler_config.json");
/// std::fs::write(&config, "{}")?;
/// assert_eq!(langevin_tasks::content::scheduler_of(folder.path()), Some(config));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn scheduler_of(path: &Path) -> Option<PathBuf> {
    let folder = match path.file_name() {
        Some(name) if name == "model_index.json" => path.parent()?,
        _ => path,
    };
    SCHEDULERS.into_iter().map(|name| folder.join(name)).find(|config| config.is_file())
}

/// Formats the argument with its path.
fn place(flag: &str, path: &Path) -> String {
    format!("{flag} {}", path.display())
}

fn hinted(failure: Error, hint: Option<String>) -> Error {
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Returns a hint for a file of the wrong kind, if the caller has the arguments that the hint
/// names.
fn remedy(kind: FileKind, wanted: Content, observer: &dyn Observer) -> Option<String> {
    use FileKind::{
        Bzip2, Empty, Gguf, Gzip, Hdf5, Html, Keras, LfsPointer, Model, Npy, Npz, Parquet, Safetensors, SevenZip, Tar,
        Text, Torch, Utf16, Xz, Zip, Zstandard,
    };
    let first = |ways: &[&str]| ways.iter().find(|way| observer.knows(way)).map(|way| (*way).to_owned());
    match (wanted, kind) {
        // Hints on fetching or converting the file help for every argument.
        (_, LfsPointer | Html | Empty | Utf16 | Gzip | Zstandard | Xz | Bzip2 | SevenZip | Tar | Zip) => {
            kind.hint().map(str::to_owned)
        }
        (Content::Model, Torch | Safetensors | Keras | Gguf | Hdf5) => {
            first(&["export the network of another program as ONNX, and give it as ‹onnx› FILE"])
        }
        (Content::Onnx, Model) => first(&["a model of `langevin train` is given as ‹model›, without ‹onnx›"]),
        (Content::Onnx, Torch | Safetensors | Keras) => {
            Some("export the network as ONNX where it was trained, as with torch.onnx.export".to_owned())
        }
        (Content::Model, Npy | Npz | Parquet | Text) => first(&[
            "samples in a file are given with ‹samples›, rows of data with ‹data›",
            "rows of data are given with ‹data›",
        ]),
        (Content::Numbers | Content::Array | Content::Table, Npy) => Some("rename it to end in .npy".to_owned()),
        (Content::Numbers | Content::Array | Content::Table, Parquet | Npz) => {
            first(&["rows of data are given with ‹data›"])
        }
        (Content::Array, _) => Some("write it with numpy.save(FILE, array)".to_owned()),
        _ => None,
    }
}

/// Returns the error for a file in place of a run directory.
fn no_folder(flag: &str, path: &Path) -> Error {
    let kind = langevin_data::recognise(path).map_or_else(|| "a file".to_owned(), |kind| kind.to_string());
    let failure = Error::misused("the path is a file").at(place(flag, path));
    let failure = failure.expected(Content::Run.words()).got(kind);
    let run = path.parent().filter(|parent| parent.join(CONFIG).is_file());
    hinted(failure, run.map(|run| format!("the run of this file is {}", shown(run))))
}

/// Returns a hint that lists the suitable files of a folder.
fn inside(folder: &Path, wanted: Content) -> Option<String> {
    let takes_models = matches!(wanted, Content::Model | Content::PlanOrModel);
    let is_there = |name: &&str| folder.join(name).is_file();
    if takes_models && is_there(&MODEL) {
        return Some(format!("the folder is a training run; its model is {}", shown(&folder.join(MODEL))));
    }
    if wanted == Content::Configuration && is_there(&CONFIG) {
        return Some(format!("the folder is a training run; its configuration is {}", shown(&folder.join(CONFIG))));
    }
    let config = SCHEDULERS.into_iter().find(is_there).map(|name| shown(&folder.join(name)));
    match (wanted, config) {
        (Content::Scheduler, Some(config)) => return Some(format!("the config of its scheduler is {config}")),
        (Content::Model | Content::Plan | Content::PlanOrModel, Some(config)) => {
            return Some(format!(
                "the folder is of diffusers; `langevin plan` reads the config of its scheduler, {config}"
            ));
        }
        _ => {}
    }
    let mut found = files(folder, wanted.endings());
    if wanted == Content::Model {
        found.retain(|path| langevin_data::recognise(path) == Some(FileKind::Model));
    }
    if takes_models {
        found.extend(folders(folder).into_iter().map(|run| run.join(MODEL)).filter(|model| model.is_file()));
    }
    if matches!(wanted, Content::Scheduler | Content::Onnx) {
        found.extend(folders(folder).iter().flat_map(|inner| files(inner, wanted.endings())));
    }
    let names: Vec<String> = found.iter().take(NAMED).map(|path| shown(path)).collect();
    let more = found.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| format!("the folder holds {}{more}", names.join(", ")))
}

/// Returns the files of a folder with one of these extensions, sorted by name.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let fits = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        path.is_file() && ending.is_some_and(|ending| endings.iter().any(|known| known.eq_ignore_ascii_case(ending)))
    };
    entries(folder).into_iter().filter(fits).collect()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
