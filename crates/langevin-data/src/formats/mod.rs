//! The table of data formats.
//!
//! A new format is a module in this directory and a line in [`FORMATS`]. Its reader ends in
//! [`Dataset::make`](crate::Dataset), and its entry is a constant `FORMAT`. `open`, folders of
//! shards, errors and the help of programs read the table. The signature of a new kind of file goes
//! into `recognise/kind.rs`.

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

/// Returns the format of a file by its name.
pub(crate) fn of(path: &Path) -> Option<&'static Format> {
    let (ending, packed) = format::ending(path)?;
    FORMATS.iter().find(|format| format.has(&ending, packed))
}

/// Returns the format in which a table with this extension is written, compressed or not.
pub(crate) fn written(ending: &str) -> Option<TableKind> {
    FORMATS.iter().flat_map(|format| format.written).find(|(known, _)| *known == ending).map(|(_, kind)| *kind)
}

/// Returns the extensions that are suggested for misspelled ones.
pub(crate) fn endings() -> Vec<&'static str> {
    FORMATS.iter().flat_map(|format| format.endings).copied().collect()
}

/// Returns the names of files as errors list them: `.npy, …, .jpg or .webp`.
pub(crate) fn listed() -> String {
    joined(FORMATS.iter().flat_map(|format| format.listed))
}

/// Returns the names of files as the help of programs lists them.
pub(crate) fn helped() -> String {
    joined(FORMATS.iter().flat_map(|format| format.help))
}

/// Returns the shard descriptions of all formats that have one, by rank.
pub(crate) fn parts() -> Vec<&'static Parts> {
    let mut parts: Vec<&Parts> = FORMATS.iter().filter_map(Format::parts).collect();
    parts.sort_by_key(|parts| parts.rank);
    parts
}

/// Returns the format of a shard by its name; in a folder, only extensions that are always data
/// count.
pub(crate) fn of_part(path: &Path, in_folder: bool) -> Option<(&'static Format, &'static Parts)> {
    let (ending, packed) = format::ending(path)?;
    let format = FORMATS.iter().find(|format| format.has(&ending, packed))?;
    let parts = format.parts()?;
    (!in_folder || parts.folder.contains(&&*ending)).then_some((format, parts))
}

/// Joins names as in a sentence.
pub(crate) fn joined<'a>(names: impl Iterator<Item = &'a &'static str>) -> String {
    let names: Vec<&str> = names.copied().collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_has_one_format() {
        let mut seen = HashSet::new();
        for format in &FORMATS {
            assert!(format.endings.iter().chain(format.rare).all(|ending| seen.insert(*ending)));
            let known = |name: &&str| std::ptr::eq(of(Path::new(&format!("x{name}"))).unwrap(), format);
            assert!(format.listed.iter().chain(format.help).all(&known));
            let parts = format.parts().into_iter();
            assert!(parts.clone().flat_map(|parts| parts.listed).all(known));
            assert!(parts.flat_map(|parts| parts.folder).all(|ending| format.has(ending, false)));
            assert!(format.written.iter().all(|(ending, _)| format.has(ending, false)));
        }
        let ranks: HashSet<u8> = parts().iter().map(|parts| parts.rank).collect();
        assert_eq!(ranks.len(), parts().len());
    }

    #[test]
    fn messages_list_the_table() {
        assert_eq!(listed(), ".npy, .npz, .csv, .tsv, .txt, .csv.gz, .parquet, .png, .jpg or .webp");
        assert_eq!(
            crate::readable_kinds(),
            "a .npy, .npz, .csv, .tsv or .parquet file (FILE.npz:NAME for one of several arrays), or a folder of \
             pictures, or of .parquet, .csv or .npy files that are one table"
        );
        assert_eq!(endings(), ["npy", "npz", "csv", "tsv", "txt", "parquet", "png", "jpg", "jpeg", "webp"]);
    }

    #[test]
    fn endings_are_read_in_any_case_and_packed() {
        let is = |name: &str, ending: &str| of(Path::new(name)).is_some_and(|format| format.endings.contains(&ending));
        assert!(is("A.NPY", "npy") && is("a.b.CSV.gz", "csv") && is("a.dat", "csv") && is("a.jpeg", "png"));
        for none in ["a", ".csv", "a.gz", "a.npy.gz", "a.parquet.gz", "a.csv.gz.gz", "npy"] {
            assert!(of(Path::new(none)).is_none(), "{none}");
        }
    }
}
