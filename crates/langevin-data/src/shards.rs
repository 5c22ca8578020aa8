//! Several files that form one table: a folder of shards, or a pattern of names.

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::formats::{self, Parts, Reader};
use crate::options::Options;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Largest number of files examined in a folder or for a pattern.
const MOST: usize = 1 << 20;

/// Names of the splits of published data sets; the first that exists is read.
const SPLITS: [&str; 7] = ["train", "training", "test", "validation", "valid", "val", "dev"];

/// Returns the shard format of a file by its name, if it can be a shard.
fn parts(path: &Path, in_folder: bool) -> Option<&'static Parts> {
    formats::of_part(path, in_folder).map(|(_, parts)| parts)
}

/// Returns the priority of a shard's format.
fn rank(path: &Path, in_folder: bool) -> Option<u8> {
    parts(path, in_folder).map(|parts| parts.rank)
}

/// Returns the shards of a folder, sorted by name: those of the format with the highest priority.
///
/// Names that begin with a dot are ignored.
fn tables(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let mut found: Vec<(u8, PathBuf)> = entries
        .take(MOST)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| Some((rank(&path, true)?, path)))
        .filter(|(_, path)| path.is_file() && !hidden(path))
        .collect();
    found.sort();
    let first = found.first().map(|(rank, _)| *rank);
    found.into_iter().filter(|(rank, _)| Some(*rank) == first).map(|(_, path)| path).collect()
}

/// Checks that the data of a folder are unambiguous: text tables beside arrays are rejected.
///
/// Tables of typed formats are always the data.
fn clear(folder: &Path, own: &[PathBuf]) -> Result<()> {
    let Some(first) = own.first() else { return Ok(()) };
    let Some(known) = parts(first, true).filter(|parts| !parts.typed) else { return Ok(()) };
    let entries =
        std::fs::read_dir(folder).into_iter().flatten().take(MOST).filter_map(|entry| Some(entry.ok()?.path()));
    let mut others: Vec<(u8, PathBuf)> = entries.filter_map(|path| Some((rank(&path, true)?, path))).collect();
    others.retain(|(rank, _)| *rank != known.rank);
    others.sort();
    match others.first() {
        Some((_, other)) => Err(Error::data("files of several kinds in the folder")
            .in_file(folder)
            .expected("tables of one kind")
            .got(format!("{} and {}", named(first), named(other)))
            .hinting(format!(
                "name the files that are the data: a file, or a pattern such as '{}'",
                folder.join(format!("*{}", ending(other).to_ascii_lowercase())).display()
            ))),
        None => Ok(()),
    }
}

/// Returns the shards of a folder, or of the only sub-folder that has some, as on the Hugging Face
/// hub.
///
/// Returns `None` if there are none.
pub(crate) fn of_folder(folder: &Path) -> Result<Option<Found>> {
    let own = tables(folder);
    if !own.is_empty() {
        clear(folder, &own)?;
        return Ok(Some(Found::among(own)));
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(None) };
    let mut below: Vec<(PathBuf, Vec<PathBuf>)> = entries
        .take(MOST)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && !path.is_symlink())
        .map(|path| (path.clone(), tables(&path)))
        .filter(|(_, tables)| !tables.is_empty())
        .collect();
    below.sort();
    // Folders may be the splits themselves: train/0.parquet, test/0.parquet.
    if let Some(part) = SPLITS.iter().find_map(|split| below.iter().position(|(path, _)| named(path) == *split)) {
        let (path, files) = below.remove(part);
        let others = below.into_iter().map(|(path, _)| (format!("the folder '{}'", named(&path)), path)).collect();
        return Ok(Some(Found { files, chosen: format!("the folder '{}'", named(&path)), others }));
    }
    match below.len() {
        0 => Ok(None),
        1 => Ok(Some(Found::among(below.remove(0).1))),
        _ => {
            let names: Vec<String> = below.iter().take(8).map(|(path, _)| named(path)).collect();
            Err(Error::data("several folders of tables")
                .in_file(folder)
                .expected("one of them")
                .got(names.join(", "))
                .hinting(format!("name one, such as {}", below[0].0.display())))
        }
    }
}

fn named(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the extension of a name with its dot: `.csv.gz`.
fn ending(path: &Path) -> String {
    let name = named(path);
    let packed = name.to_ascii_lowercase().ends_with(".gz");
    let stem = if packed { &name[..name.len() - 3] } else { &*name };
    stem.rfind('.').map_or_else(String::new, |dot| name[dot..].to_owned())
}

/// Returns the split that a file belongs to: `train` for `train-00000-of-00002.parquet`.
fn split(path: &Path) -> Option<&'static str> {
    let name = named(path);
    let word = name.split(['-', '_', '.']).next().unwrap_or_default();
    SPLITS.into_iter().find(|split| word.eq_ignore_ascii_case(split))
}

/// Shards found in a folder.
pub(crate) struct Found {
    /// Files that are read.
    files: Vec<PathBuf>,
    /// Name of the split that is read.
    chosen: String,
    /// Other splits, and the path that reads each.
    others: Vec<(String, PathBuf)>,
}

impl Found {
    /// Selects the files of one split among these; there is at least one.
    fn among(all: Vec<PathBuf>) -> Self {
        let mut parts: BTreeMap<Option<&str>, Vec<PathBuf>> = BTreeMap::new();
        for path in all {
            parts.entry(split(&path)).or_default().push(path);
        }
        // Files without a split name form one table with each other, and none with a split.
        let chosen = SPLITS.into_iter().map(Some).chain([None]).find(|split| parts.contains_key(split)).flatten();
        let files = parts.remove(&chosen).unwrap_or_default();
        let other = |(split, mut files): (Option<&str>, Vec<PathBuf>)| {
            let file = files.pop()?;
            Some(match split {
                Some(split) => {
                    let pattern = format!("{split}*{}", ending(&file));
                    (format!("the split '{split}'"), file.with_file_name(pattern))
                }
                None => ("files of no part".to_owned(), file),
            })
        };
        let others = parts.into_iter().filter_map(other).collect();
        Self { files, chosen: format!("the split '{}'", chosen.unwrap_or("other")), others }
    }
}

/// Returns true if a path is a pattern of names, such as `train-*.parquet`.
///
/// An existing path is always a file, whatever its name is.
///
/// ```
/// use langevin_data::is_pattern;
/// use std::path::Path;
/// assert!(is_pattern(Path::new("data/train-*.parquet")));
/// assert!(!is_pattern(Path::new("data/train.parquet")));
/// ```
#[must_use]
pub fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?', '['])) && !path.exists()
}

/// Returns the files that match a pattern, sorted by name.
pub(crate) fn of_pattern(pattern: &Path) -> Result<Vec<PathBuf>> {
    let text = pattern.to_str().unwrap_or_default();
    // As in a shell, a star does not match a leading dot.
    let how = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let paths = glob::glob_with(text, how)
        .map_err(|error| Error::argument("bad pattern of file names").in_file(pattern).because(error.msg))?;
    let mut found: Vec<PathBuf> =
        paths.take(MOST).filter_map(std::result::Result::ok).filter(|path| path.is_file()).collect();
    found.sort();
    if found.is_empty() {
        return Err(Error::argument("no file has such a name")
            .in_file(pattern)
            .expected("one file or more")
            .got("none"));
    }
    let first = parts(&found[0], false);
    let known = first.map(|parts| parts.rank);
    match found.iter().find(|path| known.is_none() || rank(path, false) != known) {
        Some(other) if found.len() > 1 => Err(Error::argument("several files are read as one only if they are tables")
            .in_file(pattern)
            .expected(match first {
                Some(parts) => format!("{}, as {} is one of", parts.words, named(&found[0])),
                None => {
                    let listed = formats::parts().into_iter().flat_map(|parts| parts.listed);
                    format!("names that end in {}", formats::joined(listed))
                }
            })
            .got(other.display().to_string())),
        _ => Ok(found),
    }
}

/// Opens the shards of a folder as one table, and records which split was read.
pub(crate) fn open_folder(folder: &Path, found: &Found, options: &Options) -> Result<Dataset> {
    let mut data = open(folder, &found.files, options)?;
    for (what, path) in &found.others {
        let why = format!("{} is read; --data '{}' reads this one", found.chosen, path.display());
        data = data.saying(|about| about.omitting(what.clone(), why));
    }
    Ok(data)
}

/// Opens shards of one format as one table.
pub(crate) fn open(name: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    let format = files.first().and_then(|file| formats::of_part(file, false)).map(|(format, _)| &format.reader);
    match format {
        Some(Reader::Table { read, .. }) => read(name, files, options),
        _ => Err(Error::data("there are no files of a table").in_file(name)),
    }
}
