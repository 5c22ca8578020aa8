//! The directory of a training run, written through outputs that appear whole or not at all.

use crate::error::Result;
use crate::io::{atomic, stale};
use langevin_tasks::rundir::{Arguments, Files};
pub use langevin_tasks::rundir::{MODEL, averages};
use std::path::Path;

/// The files of a run, as this process writes them.
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
