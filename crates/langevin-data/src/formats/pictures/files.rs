//! Images that are decoded at each reading.

use super::decode;
use super::sample::{Head, SampleFormat, bad};
use crate::dataset::store::{Pictures, Undecoded};
use crate::error::Result;
use crate::window::Window;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

/// Size limit of an image file: four bytes for each pixel of the largest image.
const MAX_FILE: u64 = 1 << 28;

/// Images by their paths.
#[derive(Debug)]
pub(super) struct Files {
    files: Undecoded,
    extents: Vec<(usize, usize)>,
    format: SampleFormat,
}

impl Files {
    /// Creates images of these extents; with `skip`, unreadable ones are left out.
    pub(super) fn new(paths: Vec<PathBuf>, extents: Vec<(usize, usize)>, format: SampleFormat, skip: bool) -> Self {
        Self { files: Undecoded::new(paths, skip), extents, format }
    }
}

impl Pictures for Files {
    fn count(&self) -> usize {
        self.files.count()
    }

    fn levels(&self) -> u32 {
        self.format.depth.levels()
    }

    fn extent(&self, row: usize) -> (usize, usize) {
        self.extents[row]
    }

    fn read(&self, row: usize, window: Window, _: &mut Vec<u8>, out: &mut [f32]) -> Result<()> {
        let (path, extent) = (self.files.path(row), self.extents[row]);
        let pixels = decoded(path, extent, self.format)
            .map_err(|why| bad(&why).in_file(path).hinting("opened with --skip-bad, another takes its place"))?;
        self.format.cut(&pixels, extent.1, window, out);
        Ok(())
    }

    fn undecoded(&self) -> Option<&Undecoded> {
        Some(&self.files)
    }
}

/// Reads the properties of an image file.
pub(crate) fn head(path: &Path) -> Result<Head, String> {
    decode::head(BufReader::new(opened(path)?))
}

/// Decodes the pixels of a file, which must have the size that it had when it was opened.
pub(crate) fn decoded(path: &Path, expected: (usize, usize), format: SampleFormat) -> Result<Vec<u8>, String> {
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
