//! The directory of a training run, with files that appear completely or not at all.

use crate::error::Result;
use crate::io::{atomic, stale};
use langevin_tasks::rundir::{Arguments, Files};
pub use langevin_tasks::rundir::{MODEL, averages};
use std::path::Path;

/// The method by which this process writes the files of a run.
pub struct Whole;

impl Files for Whole {
    fn save(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        atomic::save(path, bytes)
    }

    fn clear(&self, directory: &Path) {
        stale::clear(directory);
    }
}

/// The flags that name a run.
pub const FLAGS: Arguments = Arguments { run: "--run", resume: "--resume" };
