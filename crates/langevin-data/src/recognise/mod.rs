//! Recognition of file formats by content instead of by name.

mod kind;

use crate::error::{Error, Result};
pub use kind::FileKind;
use kind::START;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use zip::ZipArchive;

/// Largest number of archive members that are examined.
const MEMBERS: usize = 256;
/// Recognises the format of a file by its bytes.
///
/// The function reads the beginning, the end and, for a zip archive, the names of the members.
/// Returns `None` if the file cannot be read or has no known format. Text tables such as CSV have
/// no signature; they are [`FileKind::Text`].
///
/// ```
/// use langevin_data::{FileKind, recognise};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.safetensors");
/// # let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n";
/// # std::fs::write(&path, pointer).unwrap();
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
    // A pipe can be read only once, so it is left to the reader.
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

/// Returns an error if a file is of another known kind than its name says.
///
/// Damaged files are not rejected here; the reader of that format describes the damage.
pub(crate) fn refuse(path: &Path, wanted: FileKind) -> Result<()> {
    fits(path, wanted).map_err(|error| error.in_file(path))
}

/// Checks one part of a table as [`fits`] does.
///
/// The part is skipped if it is the whole table, which was already checked.
pub(crate) fn fits_beside(name: &Path, part: &Path, wanted: FileKind) -> Result<()> {
    if part == name { Ok(()) } else { fits(part, wanted) }
}

/// Checks a file as [`refuse`] does, without adding the path to the error.
pub(crate) fn fits(path: &Path, wanted: FileKind) -> Result<()> {
    match recognise(path) {
        // The reader of text tables decompresses and decodes these.
        Some(FileKind::Utf16 | FileKind::Gzip) if wanted == FileKind::Text => Ok(()),
        Some(FileKind::Empty) if wanted == FileKind::Text => Ok(()),
        Some(FileKind::Empty) => Err(Error::data("the file is empty").expected(wanted.to_string()).got("0 bytes")),
        Some(found) if found != wanted => Err(found.instead_of(wanted)),
        _ => Ok(()),
    }
}

impl FileKind {
    /// Returns the error for a file of this kind where `wanted` was expected.
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

/// Returns true if the header of a safetensors file has this project's key in its metadata.
fn ours(file: &mut File) -> bool {
    let mut length = [0; 8];
    if file.seek(SeekFrom::Start(0)).is_err() || file.read_exact(&mut length).is_err() {
        return false;
    }
    // Common writers put the metadata first; a header longer than this is not ours.
    let length = u64::from_le_bytes(length).min(1 << 20);
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).is_ok() && header.windows(10).any(|bytes| bytes == b"\"langevin\"")
}

/// Returns the kind of a zip archive, by the names of its members.
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
