//! The pictures of a folder, in an order that is always the same.

use super::decode::unread;
use crate::about::Skipped;
use crate::error::{Error, Result};
use crate::recognise::recognise;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// The endings of pictures that are not read. They are listed, so that they are not missed in silence.
const UNREAD: [&str; 13] =
    ["gif", "bmp", "tif", "tiff", "avif", "heic", "heif", "jxl", "jp2", "j2k", "psd", "dcm", "dng"];
/// What a folder without pictures is refused for.
const NONE: &str = "no picture in the folder";
/// Folders within a class's folder, one in the other.
const DEEPEST: usize = 16;

/// A file with the name of a picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The sub-folder that it is in.
    pub(super) class: Option<String>,
}

/// Files that are not taken.
#[derive(Default)]
struct Others {
    /// Their endings, a few of them.
    endings: BTreeSet<String>,
    /// Those that are pictures of a kind that is not read.
    pictures: Vec<PathBuf>,
}

/// All pictures, sorted by path; of a file the file. Names that begin with a dot are passed over, and so
/// are files of other kinds; pictures of kinds that are not read come second.
pub(super) fn scan(folder: &Path) -> Result<(Vec<Found>, Vec<Skipped>)> {
    if folder.is_file() {
        return Ok((vec![Found { path: folder.into(), class: None }], vec![]));
    }
    let mut others = Others::default();
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
            let endings = others.endings.into_iter().take(8).collect::<Vec<_>>().join(", ");
            let error = Error::data(NONE)
                .in_file(folder)
                .expected("files that end in .png, .jpg, .jpeg or .webp, in it or in one sub-folder for each class")
                .got(if endings.is_empty() { "none".to_owned() } else { format!("files that end in {endings}") });
            return Err(if others.pictures.is_empty() {
                error
            } else {
                error.hinting("convert the pictures to PNG, JPEG or WebP first")
            });
        }
    };
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let left = others.pictures.into_iter().map(|path| {
        let why = match recognise(&path).filter(|kind| kind.is_picture()) {
            Some(kind) => unread(kind),
            None => "a kind of picture that is not read; convert it to PNG, JPEG or WebP first".to_owned(),
        };
        Skipped { path, why }
    });
    Ok((found, left.collect()))
}

/// Whether the error says that there was no picture.
pub(super) fn is_none(error: &Error) -> bool {
    error.to_string().starts_with(NONE)
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

fn walk(folder: &Path, deeper: usize, found: &mut Vec<PathBuf>, others: &mut Others) -> Result<()> {
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
fn pick(path: PathBuf, found: &mut Vec<PathBuf>, others: &mut Others) {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if ENDINGS.contains(&ending.as_str()) {
        // A link to nothing is a picture that cannot be read, which is said.
        if path.is_file() || !path.exists() {
            found.push(path);
        }
        return;
    }
    if others.endings.len() < 64 {
        others.endings.insert(format!("'.{ending}'"));
    }
    if UNREAD.contains(&ending.as_str()) && path.is_file() {
        others.pictures.push(path);
    }
}
