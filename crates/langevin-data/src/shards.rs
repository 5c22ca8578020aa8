//! Several files that are one table: a folder of shards, or a pattern of names.

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::options::Options;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files that a folder or a pattern is looked through for.
const MOST: usize = 1 << 20;

/// Names of the parts that a collection is published in; the first that is there is taken.
const SPLITS: [&str; 7] = ["train", "training", "test", "validation", "valid", "val", "dev"];

/// The kinds of file of which several can be one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Parquet,
    /// Lines of text, packed or not.
    Lines,
    Npy,
}

impl Kind {
    /// By the ending of a name; a folder may have texts besides its tables.
    fn of(path: &Path, in_folder: bool) -> Option<Self> {
        let name = named(path).to_ascii_lowercase();
        let stem = name.strip_suffix(".gz").unwrap_or(&name);
        match stem.rsplit_once('.')?.1 {
            "parquet" if stem == name => Some(Self::Parquet),
            "npy" if stem == name => Some(Self::Npy),
            "csv" | "tsv" | "tab" => Some(Self::Lines),
            "txt" | "dat" if !in_folder => Some(Self::Lines),
            _ => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Parquet => ".parquet files",
            Self::Lines => "tables of lines, such as .csv files",
            Self::Npy => ".npy files",
        }
    }
}

/// The tables of a folder, sorted by name: those of the first kind that is there. Names that begin with a dot are passed over.
fn tables(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let mut found: Vec<(Kind, PathBuf)> = entries
        .take(MOST)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| Some((Kind::of(&path, true)?, path)))
        .filter(|(_, path)| path.is_file() && !hidden(path))
        .collect();
    found.sort();
    let first = found.first().map(|(kind, _)| *kind);
    found.into_iter().filter(|(kind, _)| Some(*kind) == first).map(|(_, path)| path).collect()
}

/// Refuses a folder in which it is not clear which files are the data: tables of lines beside arrays. Tables of types are
/// the data wherever they are.
fn clear(folder: &Path, own: &[PathBuf]) -> Result<()> {
    let Some(first) = own.first().filter(|path| Kind::of(path, true) == Some(Kind::Lines)) else { return Ok(()) };
    let entries =
        std::fs::read_dir(folder).into_iter().flatten().take(MOST).filter_map(|entry| Some(entry.ok()?.path()));
    let mut arrays: Vec<PathBuf> = entries.filter(|path| Kind::of(path, true) == Some(Kind::Npy)).collect();
    arrays.sort();
    match arrays.first() {
        Some(array) => Err(Error::data("files of several kinds in the folder")
            .in_file(folder)
            .expected("tables of one kind")
            .got(format!("{} and {}", named(first), named(array)))
            .hinting(format!(
                "name the files that are the data: a file, or a pattern such as '{}'",
                folder.join("*.npy").display()
            ))),
        None => Ok(()),
    }
}

/// The tables of a folder, or those of the one folder in it that has some, as collections on the Hugging Face hub are laid out. `None` if there are none.
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
    // Folders may be the parts themselves: train/0.parquet, test/0.parquet.
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

/// The ending of a name with its dot: `.csv.gz`.
fn ending(path: &Path) -> String {
    let name = named(path);
    let packed = name.to_ascii_lowercase().ends_with(".gz");
    let stem = if packed { &name[..name.len() - 3] } else { &*name };
    stem.rfind('.').map_or_else(String::new, |dot| name[dot..].to_owned())
}

/// The part of a collection that a file belongs to: `train-00000-of-00002.parquet` to `train`.
fn split(path: &Path) -> Option<&'static str> {
    let name = named(path);
    let word = name.split(['-', '_', '.']).next().unwrap_or_default();
    SPLITS.into_iter().find(|split| word.eq_ignore_ascii_case(split))
}

/// What a folder of tables has.
pub(crate) struct Found {
    /// The files that are read.
    files: Vec<PathBuf>,
    /// The part that they are.
    chosen: String,
    /// The other parts, and the path that reads each.
    others: Vec<(String, PathBuf)>,
}

impl Found {
    /// The files of one part among these, of which there is at least one.
    fn among(all: Vec<PathBuf>) -> Self {
        let mut parts: BTreeMap<Option<&str>, Vec<PathBuf>> = BTreeMap::new();
        for path in all {
            parts.entry(split(&path)).or_default().push(path);
        }
        // Files that are of no part are of one table with each other, and of none with a part.
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

/// Whether a path is a pattern of names, such as `train-*.parquet`; one that is there is a file whatever it is called.
#[must_use]
pub fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?', '['])) && !path.exists()
}

/// The files of a pattern, sorted by name.
pub(crate) fn of_pattern(pattern: &Path) -> Result<Vec<PathBuf>> {
    let text = pattern.to_str().unwrap_or_default();
    // As a shell has it: a star is for no dot at the beginning of a name.
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
    let first = Kind::of(&found[0], false);
    match found.iter().find(|path| first.is_none() || Kind::of(path, false) != first) {
        Some(other) if found.len() > 1 => Err(Error::argument("several files are read as one only if they are tables")
            .in_file(pattern)
            .expected(match first {
                Some(kind) => format!("{}, as {} is one of", kind.words(), named(&found[0])),
                None => "names that end in .parquet, .csv, .csv.gz or .npy".to_owned(),
            })
            .got(other.display().to_string())),
        _ => Ok(found),
    }
}

/// Opens the shards of a folder as one table, and says which part of it that is.
pub(crate) fn open_folder(folder: &Path, found: &Found, options: &Options) -> Result<Dataset> {
    let mut data = open(folder, &found.files, options)?;
    for (what, path) in &found.others {
        let why = format!("{} is read; --data '{}' reads this one", found.chosen, path.display());
        data = data.saying(|about| about.omitting(what.clone(), why));
    }
    Ok(data)
}

/// Opens shards, which are of one kind, as one table.
pub(crate) fn open(name: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    match files.first().and_then(|file| Kind::of(file, false)) {
        Some(Kind::Lines) => crate::table::shards(name, files, options),
        Some(Kind::Npy) => crate::npy::shards(name, files, options),
        _ => parquets(name, files, options),
    }
}

#[cfg(feature = "parquet")]
fn parquets(name: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    crate::parquet::shards(name, files, options)
}

#[cfg(not(feature = "parquet"))]
fn parquets(name: &Path, _: &[PathBuf], _: &Options) -> Result<Dataset> {
    Err(Error::argument("this build does not read .parquet files").in_file(name).hinting("save a .npy file"))
}
