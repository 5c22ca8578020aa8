//! Recognises what a file holds by its bytes, whatever its name says.

mod kind;

use crate::error::{Error, Result};
pub use kind::FileKind;
use kind::START;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use zip::ZipArchive;

/// Names of an archive's members that are looked at.
const MEMBERS: usize = 256;
/// Recognises what a file holds: a short look at its beginning, its end and, for a zip archive, the names
/// of its members.
///
/// Returns `None` if the file cannot be read or is of no known kind. Tables of text such as CSV have no
/// mark of their own; they are [`FileKind::Text`].
///
/// ```
/// use langevin_data::{FileKind, recognise};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.safetensors");
/// # std::fs::write(&path, "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n").unwrap();
/// assert_eq!(recognise(&path), Some(FileKind::LfsPointer));
/// assert_eq!(recognise("no/such/file"), None);
/// ```
#[must_use]
pub fn recognise(path: impl AsRef<Path>) -> Option<FileKind> {
    let path = path.as_ref();
    let about = std::fs::metadata(path).ok()?;
    if about.is_dir() {
        return Some(FileKind::Folder);
    }
    // A pipe can be read once only, and not by this function.
    if !about.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut start = Vec::with_capacity(START);
    file.by_ref().take(START as u64).read_to_end(&mut start).ok()?;
    let kind = FileKind::of(&start, about.len())?;
    match kind {
        FileKind::Zip => Some(archive(file).unwrap_or(FileKind::Zip)),
        FileKind::Parquet if !ends(&mut file, b"PAR1") => Some(FileKind::CutParquet),
        FileKind::Safetensors => Some(if ours(&mut file) { FileKind::Model } else { kind }),
        _ => Some(kind),
    }
}

/// The error for a file that does not hold what its name says; `None` if it may hold `wanted`.
///
/// Only files of another known kind are refused here: damage is for the reader of that kind to describe.
pub(crate) fn refuse(path: &Path, wanted: FileKind) -> Result<()> {
    fits(path, wanted).map_err(|error| error.in_file(path))
}

/// The same for a part of a table of this name, which was looked at already if it is the whole.
pub(crate) fn fits_beside(name: &Path, part: &Path, wanted: FileKind) -> Result<()> {
    if part == name { Ok(()) } else { fits(part, wanted) }
}

/// The same without the name of the file.
pub(crate) fn fits(path: &Path, wanted: FileKind) -> Result<()> {
    match recognise(path) {
        // The reader of tables unpacks and decodes these.
        Some(FileKind::Utf16 | FileKind::Gzip) if wanted == FileKind::Text => Ok(()),
        Some(FileKind::Empty) if wanted == FileKind::Text => Ok(()),
        Some(FileKind::Empty) => Err(Error::data("the file is empty").expected(wanted.to_string()).got("0 bytes")),
        Some(found) if found != wanted => Err(found.instead_of(wanted)),
        _ => Ok(()),
    }
}

impl FileKind {
    /// The error for this kind where another was expected.
    pub(crate) fn instead_of(self, wanted: Self) -> Error {
        let error =
            Error::data("the file is not what its name says").expected(wanted.to_string()).got(self.to_string());
        match self.hint() {
            Some(hint) => error.hinting(hint),
            None => match wanted.written() {
                Some(written) => error.hinting(format!("write it with {written}")),
                None => error,
            },
        }
    }
}

fn ends(file: &mut File, mark: &[u8; 4]) -> bool {
    let mut last = [0; 4];
    file.seek(SeekFrom::End(-4)).is_ok() && file.read_exact(&mut last).is_ok() && last == *mark
}

/// Whether the header of a safetensors file has this project's key in its metadata.
fn ours(file: &mut File) -> bool {
    let mut length = [0; 8];
    if file.seek(SeekFrom::Start(0)).is_err() || file.read_exact(&mut length).is_err() {
        return false;
    }
    // The metadata come first in files of the usual writers; a header that is longer than this is not ours.
    let length = u64::from_le_bytes(length).min(1 << 20);
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).is_ok() && header.windows(10).any(|bytes| bytes == b"\"langevin\"")
}

/// What kind of archive a zip file is, by the names in it.
fn archive(file: File) -> Option<FileKind> {
    let archive = crate::guard::caught(|| ZipArchive::new(BufReader::new(file)).ok())??;
    let mut arrays = false;
    for name in archive.file_names().take(MEMBERS) {
        let Ok(name) = name else { continue };
        if name.ends_with("/data.pkl") || name == "data.pkl" {
            return Some(FileKind::Torch);
        }
        if name.starts_with("xl/") {
            return Some(FileKind::Excel);
        }
        if name == "model.weights.h5" {
            return Some(FileKind::Keras);
        }
        arrays |= name.ends_with(".npy");
    }
    Some(if arrays { FileKind::Npz } else { FileKind::Zip })
}
