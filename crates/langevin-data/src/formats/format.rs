//! Structure of an entry in the table of formats.

use crate::dataset::Dataset;
use crate::error::Result;
use crate::options::Options;
use crate::recognise::FileKind;
use crate::table::TableKind;
use std::path::{Path, PathBuf};

/// Format of data files. Extensions are stored without a dot and shown to users with one.
pub(crate) struct Format {
    /// Kind of such a file by its bytes, if it can be recognised before it is read.
    ///
    /// A file of another known kind is rejected.
    pub(crate) kind: Option<FileKind>,
    /// Extensions of names; they are suggested for similar misspelled names.
    pub(crate) endings: &'static [&'static str],
    /// Further accepted extensions, which are never suggested.
    pub(crate) rare: &'static [&'static str],
    /// True if `.gz` may follow.
    pub(crate) packed: bool,
    /// Names as errors list them.
    pub(crate) listed: &'static [&'static str],
    /// Names as the help of programs lists them; empty to omit the format there.
    pub(crate) help: &'static [&'static str],
    /// Reader of such files.
    pub(crate) reader: Reader,
    /// Extensions of the tables that can be written.
    pub(crate) written: &'static [(&'static str, TableKind)],
}

/// Reader of the files of a format.
pub(crate) enum Reader {
    /// Reads one file, or several with the same columns as one table.
    ///
    /// The first argument is the name of the table and its place in errors.
    Table { read: fn(&Path, &[PathBuf], &Options) -> Result<Dataset>, parts: Parts },
    /// Reads one array of a file that may hold several; a name after the file (`FILE:NAME`) selects
    /// it.
    Archive(fn(&Path, Option<&str>, &Options) -> Result<Dataset>),
    /// Reads an image, or a folder of images.
    Pictures(fn(&Path, &Options) -> Result<Dataset>),
}

/// Several files of a format that form one table: a folder of shards, or a pattern of names.
pub(crate) struct Parts {
    /// Priority among the formats in a folder; the lowest rank is read.
    pub(crate) rank: u8,
    /// Description of the files in messages.
    pub(crate) words: &'static str,
    /// Names as errors list them.
    pub(crate) listed: &'static [&'static str],
    /// Extensions of files in a folder that are always data; other files need a pattern.
    pub(crate) folder: &'static [&'static str],
    /// True if the columns have types; such tables are the data regardless of the other files in a
    /// folder.
    pub(crate) typed: bool,
}

impl Format {
    /// Returns true if names with this extension belong to the format.
    pub(crate) fn has(&self, ending: &str, packed: bool) -> bool {
        (self.packed || !packed) && (self.endings.contains(&ending) || self.rare.contains(&ending))
    }

    /// Returns the description of shards, if several files can form one table.
    pub(crate) fn parts(&self) -> Option<&Parts> {
        match &self.reader {
            Reader::Table { parts, .. } => Some(parts),
            Reader::Archive(_) | Reader::Pictures(_) => None,
        }
    }

    /// Returns true if a name after the file selects one of its arrays.
    pub(crate) fn is_archive(&self) -> bool {
        matches!(self.reader, Reader::Archive(_))
    }
}

/// Returns the extension of a name in lower case, without its dot, and true if `.gz` follows it.
pub(crate) fn ending(path: &Path) -> Option<(String, bool)> {
    let of = |path: &Path| Some(path.extension()?.to_string_lossy().to_ascii_lowercase());
    match &*of(path)? {
        "gz" => Some((of(Path::new(path.file_stem()?))?, true)),
        ending => Some((ending.to_owned(), false)),
    }
}
