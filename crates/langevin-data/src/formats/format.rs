//! What an entry of the table of formats says.

use crate::dataset::Dataset;
use crate::error::Result;
use crate::options::Options;
use crate::recognise::FileKind;
use crate::table::TableKind;
use std::path::{Path, PathBuf};

/// A format of files of rows. Endings have no dot here; in what people read they have one.
pub(crate) struct Format {
    /// What such a file is by its bytes, where that can be said before it is read; a file of another known
    /// kind is refused.
    pub(crate) kind: Option<FileKind>,
    /// The endings of names, which are proposed where a name ends in something like them.
    pub(crate) endings: &'static [&'static str],
    /// Endings that are read too, and never proposed.
    pub(crate) rare: &'static [&'static str],
    /// Whether `.gz` may follow.
    pub(crate) packed: bool,
    /// How errors list the names.
    pub(crate) listed: &'static [&'static str],
    /// How the help of programs lists them; empty if it does not.
    pub(crate) help: &'static [&'static str],
    /// What reads such files.
    pub(crate) reader: Reader,
    /// The endings of the tables that are written.
    pub(crate) written: &'static [(&'static str, TableKind)],
}

/// What reads files of a format.
pub(crate) enum Reader {
    /// Reads one file, or several of the same columns as one table, whose name and place in errors comes
    /// first.
    Table { read: fn(&Path, &[PathBuf], &Options) -> Result<Dataset>, parts: Parts },
    /// Reads an array of a file that may hold several; a name after the file (`FILE:NAME`) chooses one.
    Archive(fn(&Path, Option<&str>, &Options) -> Result<Dataset>),
    /// Reads a picture, or a folder of them.
    Pictures(fn(&Path, &Options) -> Result<Dataset>),
}

/// Several files of a format that are one table: a folder of shards, or a pattern of names.
pub(crate) struct Parts {
    /// Of several formats in a folder the one of the lowest rank is the data.
    pub(crate) rank: u8,
    /// What the files are called.
    pub(crate) words: &'static str,
    /// How errors list their names.
    pub(crate) listed: &'static [&'static str],
    /// The endings of the files that are data wherever they are; others are named by a pattern.
    pub(crate) folder: &'static [&'static str],
    /// Whether the columns have types: such tables are the data, whatever else lies beside them.
    pub(crate) typed: bool,
}

impl Format {
    /// Whether names that end like this are of this format.
    pub(crate) fn has(&self, ending: &str, packed: bool) -> bool {
        (self.packed || !packed) && (self.endings.contains(&ending) || self.rare.contains(&ending))
    }

    /// How several files are one table, where they can be.
    pub(crate) fn parts(&self) -> Option<&Parts> {
        match &self.reader {
            Reader::Table { parts, .. } => Some(parts),
            Reader::Archive(_) | Reader::Pictures(_) => None,
        }
    }

    /// Whether a name after the file chooses one of its arrays.
    pub(crate) fn is_archive(&self) -> bool {
        matches!(self.reader, Reader::Archive(_))
    }
}

/// The ending of a name in small letters, without its dot, and whether `.gz` follows it.
pub(crate) fn ending(path: &Path) -> Option<(String, bool)> {
    let of = |path: &Path| Some(path.extension()?.to_string_lossy().to_ascii_lowercase());
    match &*of(path)? {
        "gz" => Some((of(Path::new(path.file_stem()?))?, true)),
        ending => Some((ending.to_owned(), false)),
    }
}
