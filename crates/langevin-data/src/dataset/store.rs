//! Where the rows of a data set are kept: rows of numbers, or pictures of which any part can be read.

use crate::about::Skipped;
use crate::error::{Error, Result};
use crate::rows::Rows;
use crate::window::Window;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where rows are kept.
pub(crate) enum Store {
    Numbers(Box<dyn Rows>),
    Pictures(Box<dyn Pictures>),
}

impl Store {
    /// Keeps rows of numbers.
    pub(crate) fn of(rows: impl Rows + 'static) -> Self {
        Self::Numbers(Box::new(rows))
    }

    /// Keeps pictures.
    pub(crate) fn pictures(pictures: impl Pictures + 'static) -> Self {
        Self::Pictures(Box::new(pictures))
    }

    /// The number of rows.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Numbers(rows) => rows.count(),
            Self::Pictures(pictures) => pictures.count(),
        }
    }
}

/// Pictures, each of its own size, whose samples are whole numbers from 0 to `levels` − 1.
pub(crate) trait Pictures: Send + Sync {
    /// The number of pictures.
    fn count(&self) -> usize;

    /// How many values a sample can have.
    fn levels(&self) -> u32;

    /// Height and width of the whole picture `row`.
    fn extent(&self, row: usize) -> (usize, usize);

    /// Writes that window of picture `row` into `out`. `scratch` is kept from picture to picture.
    fn read(&self, row: usize, window: Window, scratch: &mut Vec<u8>, out: &mut [f32]) -> Result<()>;

    /// Those that are decoded at each reading, where they are: it takes long, and any of them may turn out
    /// bad.
    fn undecoded(&self) -> Option<&Undecoded> {
        None
    }
}

/// Pictures that stay in their files, and those of them that turned out bad when they were read.
#[derive(Debug)]
pub(crate) struct Undecoded {
    paths: Vec<PathBuf>,
    skip: bool,
    /// Those that turned out bad, and why.
    bad: Mutex<BTreeMap<usize, String>>,
}

impl Undecoded {
    /// Pictures by their paths; `skip` leaves bad ones out.
    pub(crate) fn new(paths: Vec<PathBuf>, skip: bool) -> Self {
        Self { paths, skip, bad: Mutex::default() }
    }

    /// The number of pictures.
    pub(crate) fn count(&self) -> usize {
        self.paths.len()
    }

    /// The file of a picture.
    pub(crate) fn path(&self, row: usize) -> &Path {
        &self.paths[row]
    }

    /// Whether bad pictures are left out.
    pub(crate) fn skips(&self) -> bool {
        self.skip
    }

    /// The list is whole after any panic of another thread: one entry is added at a time.
    fn list(&self) -> MutexGuard<'_, BTreeMap<usize, String>> {
        self.bad.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a picture turned out bad and is left out.
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
}
