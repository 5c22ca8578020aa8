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

/// A run of the command line.
pub type RunDir = langevin_tasks::rundir::RunDir<Whole>;

/// The flags that name a run.
const FLAGS: Arguments = Arguments { run: "--run", resume: "--resume" };

/// A new run in this directory.
pub fn new(path: &Path) -> Result<RunDir> {
    RunDir::new(path, Whole, FLAGS)
}

/// The run in this directory.
pub fn at(path: &Path) -> Result<RunDir> {
    RunDir::at(path, Whole, FLAGS)
}
