//! The temporary paths of this process: every one from before it exists until it is gone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The temporary paths that exist, or are about to.
static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Locks the paths.
pub fn live() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what is at a temporary path. Nothing can be done where that fails.
pub fn remove(path: &Path) {
    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// Removes every temporary path. As long as what it returns is held, none is made or moved to its place.
pub fn remove_all() -> impl Sized {
    let mut paths = live();
    // The deepest first: a file before the directory that it is in.
    while let Some(path) = paths.pop_last() {
        remove(&path);
    }
    paths
}
