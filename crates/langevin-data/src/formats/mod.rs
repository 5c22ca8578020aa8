//! The formats of files of rows, in one table. A new one is a file with an entry of its own (`FORMAT`) and a line here.

mod format;
pub(crate) mod lines;
pub(crate) mod npy;
pub(crate) mod npz;
#[cfg_attr(not(feature = "parquet"), path = "no_parquet.rs")]
pub(crate) mod parquet;
pub(crate) mod pictures;

use crate::table::TableKind;
pub(crate) use format::{Format, Parts, Reader};
use std::path::Path;

/// All formats, in the order in which messages list them.
pub(crate) static FORMATS: [Format; 5] = [npy::FORMAT, npz::FORMAT, lines::FORMAT, parquet::FORMAT, pictures::FORMAT];

/// The format of a file, by its name.
pub(crate) fn of(path: &Path) -> Option<&'static Format> {
    let (ending, packed) = format::ending(path)?;
    FORMATS.iter().find(|format| format.has(&ending, packed))
}

/// The kind of table that is written to a file of this ending, packed or not.
pub(crate) fn written(ending: &str) -> Option<TableKind> {
    FORMATS.iter().flat_map(|format| format.written).find(|(known, _)| *known == ending).map(|(_, kind)| *kind)
}

/// The endings that are proposed for others.
pub(crate) fn endings() -> Vec<&'static str> {
    FORMATS.iter().flat_map(|format| format.endings).copied().collect()
}

/// The names of files as errors list them: `.npy, …, .jpg or .webp`.
pub(crate) fn listed() -> String {
    joined(FORMATS.iter().flat_map(|format| format.listed))
}

/// The names of files as the help of programs lists them.
pub(crate) fn helped() -> String {
    joined(FORMATS.iter().flat_map(|format| format.help))
}

/// How several files are one table, of the formats that allow it, by rank.
pub(crate) fn parts() -> Vec<&'static Parts> {
    let mut parts: Vec<&Parts> = FORMATS.iter().filter_map(Format::parts).collect();
    parts.sort_by_key(|parts| parts.rank);
    parts
}

/// The format of a part of a table by its name; a folder may have other files beside its parts.
pub(crate) fn of_part(path: &Path, in_folder: bool) -> Option<(&'static Format, &'static Parts)> {
    let (ending, packed) = format::ending(path)?;
    let format = FORMATS.iter().find(|format| format.has(&ending, packed))?;
    let parts = format.parts()?;
    (!in_folder || parts.folder.contains(&&*ending)).then_some((format, parts))
}

/// A list for a sentence.
pub(crate) fn joined<'a>(names: impl Iterator<Item = &'a &'static str>) -> String {
    let names: Vec<&str> = names.copied().collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
