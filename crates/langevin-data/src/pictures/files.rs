//! Pictures that are decoded at each reading.

use super::decode;
use super::{Format, Head, bad};
use crate::data::Skipped;
use crate::error::{Error, Result};
use crate::store::Window;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of the largest file of a picture: four for each pixel of the largest.
const MAX_FILE: u64 = 1 << 28;

/// Pictures by their paths.
#[derive(Debug)]
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    extents: Vec<(usize, usize)>,
    format: Format,
    skip: bool,
    /// Those that turned out bad, and why.
    bad: Mutex<BTreeMap<usize, String>>,
}

impl Files {
    pub(crate) fn new(paths: Vec<PathBuf>, extents: Vec<(usize, usize)>, format: Format, skip: bool) -> Self {
        Self { paths, extents, format, skip, bad: Mutex::default() }
    }

    /// Whether bad pictures are left out.
    pub(crate) fn skips(&self) -> bool {
        self.skip
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn extent(&self, row: usize) -> (usize, usize) {
        self.extents[row]
    }

    /// The list is whole after any panic of another thread: one entry is added at a time.
    fn list(&self) -> MutexGuard<'_, BTreeMap<usize, String>> {
        self.bad.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_bad(&self, row: usize) -> bool {
        self.skip && self.list().contains_key(&row)
    }

    /// Remembers that this picture is bad.
    pub(crate) fn mark(&self, row: usize, why: &Error) {
        self.list().insert(row, why.cause().unwrap_or_default().to_owned());
    }

    /// Those that turned out bad so far.
    pub(crate) fn met(&self) -> Vec<Skipped> {
        self.list().iter().map(|(row, why)| Skipped { path: self.paths[*row].clone(), why: why.clone() }).collect()
    }

    /// Decodes picture `row` and writes that window of it into `out`.
    pub(crate) fn read(&self, row: usize, window: Window, out: &mut [f32]) -> Result<()> {
        let extent = self.extents[row];
        let pixels = decoded(&self.paths[row], extent, self.format).map_err(|why| {
            bad(&why).in_file(&self.paths[row]).hinting("opened with --skip-bad, another takes its place")
        })?;
        self.format.cut(&pixels, extent.1, window, out);
        Ok(())
    }
}

/// What the first bytes of a file say.
pub(crate) fn head(path: &Path) -> Result<Head, String> {
    decode::head(BufReader::new(opened(path)?))
}

/// The pixels of a file that had this size when it was opened.
pub(crate) fn decoded(path: &Path, expected: (usize, usize), format: Format) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    opened(path)?.take(MAX_FILE).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let (head, pixels) = decode::decode(&bytes, format)?;
    let whole = pixels.len() == head.height * head.width * format.pixel();
    if !whole || (head.height, head.width) != expected {
        return Err("its size is not what it was when it was opened".to_owned());
    }
    Ok(pixels)
}

fn opened(path: &Path) -> Result<File, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if length > MAX_FILE {
        return Err(format!("a file of {length} bytes is larger than a picture may be ({MAX_FILE})"));
    }
    Ok(file)
}
