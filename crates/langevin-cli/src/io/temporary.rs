//! Registry of this process's temporary paths. It contains every path from before its creation
//! until after its removal.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Temporary paths that exist or are about to be created.
static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Locks the registry.
pub fn live() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes a temporary file or directory. Failures are ignored.
pub fn remove(path: &Path) {
    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// Removes every temporary path. While the result is held, no temporary path can be created or
/// moved.
pub fn remove_all() -> impl Sized {
    let mut paths = live();
    // The last path is the deepest, so files are removed before their directory.
    while let Some(path) = paths.pop_last() {
        remove(&path);
    }
    paths
}
