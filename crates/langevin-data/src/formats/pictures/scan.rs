//! The images of a folder, in a reproducible order.

use super::decode::unread;
use crate::about::Skipped;
use crate::error::{Error, Result};
use crate::recognise::recognise;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// Extensions of unsupported image formats; such files are reported instead of being ignored
/// silently.
const UNREAD: [&str; 13] =
    ["gif", "bmp", "tif", "tiff", "avif", "heic", "heif", "jxl", "jp2", "j2k", "psd", "dcm", "dng"];
/// Message for a folder without images.
const NONE: &str = "no picture in the folder";
/// Largest depth of folders within a class's folder.
const DEEPEST: usize = 16;

/// File with the name of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Sub-folder that contains the file.
    pub(super) class: Option<String>,
}

/// Files that are not read.
#[derive(Default)]
struct Others {
    /// Some of their extensions.
    endings: BTreeSet<String>,
    /// Images of unsupported formats.
    pictures: Vec<PathBuf>,
}

/// Finds all images, sorted by path; for a single file, that file.
///
/// Names that begin with a dot and files of other kinds are ignored. Images of unsupported formats
/// are returned separately.
pub(super) fn scan(folder: &Path) -> Result<(Vec<Found>, Vec<Skipped>)> {
    if folder.is_file() {
        return Ok((vec![Found { path: folder.into(), class: None }], vec![]));
    }
    let mut others = Others::default();
    let (mut flat, mut classed) = (Vec::new(), Vec::new());
    for path in entries(folder)? {
        // Links are followed at this level, so that classes may be stored elsewhere. At deeper
        // levels they could form cycles.
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

/// Returns true if the error says that there was no image.
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

/// Sorts a file into images and others.
///
/// Only files and links to files are accepted: a pipe named .png could not be read twice.
fn pick(path: PathBuf, found: &mut Vec<PathBuf>, others: &mut Others) {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if ENDINGS.contains(&ending.as_str()) {
        // A broken link counts as an unreadable image, which is reported.
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
