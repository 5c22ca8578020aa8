//! Storage of the rows of a data set: rows of numbers, or images of which any part can be read.

use crate::about::Skipped;
use crate::error::{Error, Result};
use crate::rows::Rows;
use crate::window::Window;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Storage of rows.
pub(crate) enum Store {
    Numbers(Box<dyn Rows>),
    Pictures(Box<dyn Pictures>),
}

impl Store {
    /// Stores rows of numbers.
    pub(crate) fn of(rows: impl Rows + 'static) -> Self {
        Self::Numbers(Box::new(rows))
    }

    /// Stores images.
    pub(crate) fn pictures(pictures: impl Pictures + 'static) -> Self {
        Self::Pictures(Box::new(pictures))
    }

    /// Returns the number of rows.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Numbers(rows) => rows.count(),
            Self::Pictures(pictures) => pictures.count(),
        }
    }
}

/// Images of individual sizes, whose samples are integers from 0 to `levels` − 1.
pub(crate) trait Pictures: Send + Sync {
    /// Returns the number of images.
    fn count(&self) -> usize;

    /// Returns the number of values that a sample can have.
    fn levels(&self) -> u32;

    /// Returns the height and width of the whole image `row`.
    fn extent(&self, row: usize) -> (usize, usize);

    /// Writes a window of image `row` into `out`; `scratch` is reused from image to image.
    fn read(&self, row: usize, window: Window, scratch: &mut Vec<u8>, out: &mut [f32]) -> Result<()>;

    /// Returns the image files that are decoded at each reading, if there are any.
    ///
    /// Decoding is slow, and any of the files may turn out to be unreadable.
    fn undecoded(&self) -> Option<&Undecoded> {
        None
    }
}

/// Images that stay in their files, and those found unreadable while reading.
#[derive(Debug)]
pub(crate) struct Undecoded {
    paths: Vec<PathBuf>,
    skip: bool,
    /// Indices of unreadable images, with the reason.
    bad: Mutex<BTreeMap<usize, String>>,
}

impl Undecoded {
    /// Creates the list of image files; with `skip`, unreadable ones are left out.
    pub(crate) fn new(paths: Vec<PathBuf>, skip: bool) -> Self {
        Self { paths, skip, bad: Mutex::default() }
    }

    /// Returns the number of images.
    pub(crate) fn count(&self) -> usize {
        self.paths.len()
    }

    /// Returns the file of an image.
    pub(crate) fn path(&self, row: usize) -> &Path {
        &self.paths[row]
    }

    /// Returns true if unreadable images are left out.
    pub(crate) fn skips(&self) -> bool {
        self.skip
    }

    /// A poisoned lock is safe to use: entries are added one at a time, so the list is always
    /// complete.
    fn list(&self) -> MutexGuard<'_, BTreeMap<usize, String>> {
        self.bad.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if an image is unreadable and left out.
    pub(crate) fn is_bad(&self, row: usize) -> bool {
        self.skip && self.list().contains_key(&row)
    }

    /// Records that an image is unreadable.
    pub(crate) fn mark(&self, row: usize, why: &Error) {
        self.list().insert(row, why.cause().unwrap_or_default().to_owned());
    }

    /// Returns the unreadable images found so far.
    pub(crate) fn met(&self) -> Vec<Skipped> {
        self.list().iter().map(|(row, why)| Skipped { path: self.paths[*row].clone(), why: why.clone() }).collect()
    }
}
