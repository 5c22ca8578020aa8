//! The pictures of a folder, in an order that is always the same.

use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];
/// Folders within a class's folder, one in the other.
const DEEPEST: usize = 16;

/// A file with the name of a picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The sub-folder that it is in.
    pub(super) class: Option<String>,
}

/// All pictures, sorted by path; of a file the file. Names that begin with a dot are passed over, and so are files of other kinds.
pub(super) fn scan(folder: &Path) -> Result<Vec<Found>> {
    if folder.is_file() {
        return Ok(vec![Found { path: folder.into(), class: None }]);
    }
    let mut others = BTreeSet::new();
    let (mut flat, mut classed) = (Vec::new(), Vec::new());
    for path in entries(folder)? {
        // Links are followed here, so that classes may lie elsewhere; deeper, they could lead in circles.
        if path.is_dir() {
            let class = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let mut pictures = Vec::new();
            walk(&path, DEEPEST, &mut pictures, &mut others)?;
            classed.extend(pictures.into_iter().map(|path| Found { path, class: class.clone() }));
        } else {
            pick(path, &mut flat, &mut others);
        }
    }
    let mut found = match (flat.first(), classed.first()) {
        (Some(picture), Some(Found { path, .. })) => {
            return Err(Error::data("pictures beside folders of pictures")
                .in_file(folder)
                .expected("pictures only, or one sub-folder for each class")
                .got(format!("{} and {}", picture.display(), path.display())));
        }
        (Some(_), None) => flat.into_iter().map(|path| Found { path, class: None }).collect(),
        (None, Some(_)) => classed,
        (None, None) => {
            let others = others.into_iter().take(8).collect::<Vec<_>>().join(", ");
            return Err(Error::data("no picture in the folder")
                .in_file(folder)
                .expected("files that end in .png, .jpg or .jpeg, in it or in one sub-folder for each class")
                .got(if others.is_empty() { "none".to_owned() } else { format!("files that end in {others}") }));
        }
    };
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::io("cannot read the folder", error).in_file(folder);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

fn walk(folder: &Path, deeper: usize, found: &mut Vec<PathBuf>, others: &mut BTreeSet<String>) -> Result<()> {
    for path in entries(folder)? {
        if !path.is_dir() {
            pick(path, found, others);
        } else if deeper > 0 && !path.is_symlink() {
            walk(&path, deeper - 1, found, others)?;
        }
    }
    Ok(())
}

/// A pipe that is called .png is none that could be read twice: only files and links to files are taken.
fn pick(path: PathBuf, found: &mut Vec<PathBuf>, others: &mut BTreeSet<String>) {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if ENDINGS.contains(&ending.as_str()) {
        // A link to nothing is a picture that cannot be read, which is said.
        if path.is_file() || !path.exists() {
            found.push(path);
        }
    } else if others.len() < 64 {
        others.insert(format!("'.{ending}'"));
    }
}
