//! Locating the shared library of ONNX Runtime.
//!
//! The library is searched for in this order:
//!
//! 1. the file or folder that the environment variable `ORT_DYLIB_PATH` names;
//! 2. the package `onnxruntime` (`pip install onnxruntime`) of the active virtual or conda
//!    environment;
//! 3. the same package of the Python on the path;
//! 4. the system's library folders.

use crate::error::{Error, Result};
use ort::environment::Environment;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Name of the environment variable that points to the library's file or its folder.
///
/// ```
/// assert_eq!(langevin_onnx::library::VARIABLE, "ORT_DYLIB_PATH");
/// ```
pub const VARIABLE: &str = "ORT_DYLIB_PATH";

/// Returns the environment of ONNX Runtime, which is loaded once. After a failure, the next call
/// searches again.
pub(crate) fn environment() -> Result<Environment> {
    static LOADED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    let path = find()?;
    // If `ort` searched for the library itself, a failure would be a panic. An explicit path makes
    // it an error.
    let builder = ort::init_from(&path).map_err(|error| {
        Error::new("ONNX Runtime cannot be loaded")
            .at(path.display().to_string())
            .expected(format!("a shared library of ONNX Runtime 1.{} or later", ort::MINOR_VERSION))
            .got(error.to_string())
            .hinting(hint())
    })?;
    let environment = builder.with_name("langevin").build().map_err(|error| {
        Error::new("ONNX Runtime cannot be started").at(path.display().to_string()).got(error.to_string())
    })?;
    *loaded = Some(environment.clone());
    Ok(environment)
}

fn hint() -> String {
    format!("`pip install onnxruntime`, or name the library's file in {VARIABLE}")
}

/// Returns the path of the library.
fn find() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        let found =
            if named.is_dir() { in_folder(&named) } else { Some(named.clone()).filter(|named| named.is_file()) };
        if let Some(found) = found {
            return Ok(found);
        }
        return Err(Error::new("there is no ONNX Runtime where it was said to be")
            .at(VARIABLE)
            .expected("the file of the library, or its folder")
            .got(format!("'{}'", named.display()))
            .hinting(hint()));
    }
    let environments = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(std::env::var_os);
    let of_environments =
        environments.flat_map(|root| packages(Path::new(&root))).filter_map(|packages| in_package(&packages));
    let found = of_environments.chain(of_python()).chain(of_system()).next();
    found.ok_or_else(|| {
        Error::new("ONNX Runtime was not found")
            .expected("the package onnxruntime of a Python, or the system's library")
            .got("neither")
            .hinting(hint())
    })
}

/// Returns the `site-packages` folders of a Python environment.
fn packages(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.join("Lib").join("site-packages")];
    let pythons = std::fs::read_dir(root.join("lib")).into_iter().flatten().flatten();
    found.extend(pythons.map(|entry| entry.path().join("site-packages")).filter(|path| path.is_dir()));
    found
}

/// Returns the library of the package `onnxruntime` in a `site-packages` folder.
fn in_package(packages: &Path) -> Option<PathBuf> {
    in_folder(&packages.join("onnxruntime").join("capi"))
}

/// Returns the library in a folder, for any version suffix.
fn in_folder(folder: &Path) -> Option<PathBuf> {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let start = format!("{prefix}onnxruntime");
    let is_it = |name: &str| {
        let Some(rest) = name.strip_prefix(&start) else { return false };
        // Matches libonnxruntime.so.1.20.1 on Linux and libonnxruntime.1.20.1.dylib on macOS, but
        // not the provider libraries beside them.
        rest == suffix || rest.starts_with(&format!("{suffix}.")) || rest.starts_with('.') && rest.ends_with(suffix)
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_it))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found.pop()
}

/// Returns the library of the Python on the path. Python only reports where the package is; the
/// package is not imported, which would be slow.
fn of_python() -> Option<PathBuf> {
    const ASK: &str = "import importlib.util as u; s = u.find_spec('onnxruntime'); print(s.submodule_search_locations[0] if s else '')";
    let names = if cfg!(windows) { ["python", "py"] } else { ["python3", "python"] };
    names.into_iter().find_map(|python| {
        let output = Command::new(python).args(["-c", ASK]).output().ok()?;
        let folder = String::from_utf8(output.stdout).ok()?;
        let folder = folder.trim();
        if folder.is_empty() { None } else { in_folder(&Path::new(folder).join("capi")) }
    })
}

fn of_system() -> Option<PathBuf> {
    let folders =
        ["/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/opt/homebrew/lib"];
    folders.iter().find_map(|folder| in_folder(Path::new(folder)))
}
