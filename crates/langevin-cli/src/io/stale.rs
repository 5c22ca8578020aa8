//! Temporary files of dead processes, and how they are distinguished from those of living ones.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const HEAD: &str = ".langevin-";
const TAIL: &str = ".tmp";

/// Returns the name of a temporary file of a process.
pub fn name(process: u32, number: usize) -> String {
    format!("{HEAD}{process}-{number}{TAIL}")
}

/// Returns the process id in such a name.
fn owner(name: &str) -> Option<u32> {
    let (process, number) = name.strip_prefix(HEAD)?.strip_suffix(TAIL)?.split_once('-')?;
    number.parse::<usize>().ok()?;
    process.parse().ok()
}

/// Marks a temporary file or directory as in use while the returned file is held. Process ids alone
/// are not sufficient, because a process in another container is not visible.
pub fn hold(path: &Path) -> Option<File> {
    // On other systems a lock would prevent the file from being written.
    if cfg!(unix) { File::open(path).ok().filter(|file| file.try_lock().is_ok()) } else { None }
}

/// Removes files of dead processes beside `place`. Each directory is examined once per process.
pub fn clear_once(place: &Path) {
    static SEEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let folder = match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if let Ok(known) = folder.canonicalize()
        && SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(known)
    {
        clear(folder);
    }
}

/// Removes files of dead processes in a directory. Failures are ignored.
pub fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let dead = entry.file_name().to_str().and_then(owner).is_some_and(|process| !is_alive(process));
        let path = entry.path();
        if dead && (!cfg!(unix) || hold(&path).is_some()) {
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

/// Returns true if a process is alive or may be.
#[cfg(unix)]
pub fn is_alive(process: u32) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return false };
    test_kill_process(pid) != Err(Errno::SRCH)
}

/// Returns true if a process is alive or may be.
#[cfg(not(unix))]
pub fn is_alive(_process: u32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        assert_eq!(owner(&name(42, 7)), Some(42));
        for other in [".langevin-42.tmp", ".langevin-x-1.tmp", ".langevin-1-x.tmp", "langevin-1-1.tmp", ".langevin-1-1"]
        {
            assert_eq!(owner(other), None, "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_files_of_the_dead_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let (dead, living) = (child.id(), std::process::id());
        let path = |process, number| directory.path().join(name(process, number));
        for made in [path(dead, 0), path(dead, 1), path(living, 0), directory.path().join("other.tmp")] {
            fs::write(made, "x").unwrap();
        }
        fs::create_dir(path(dead, 2)).unwrap();
        fs::write(path(dead, 2).join("inside"), "x").unwrap();
        // Locked, like a file of a process that is not visible here.
        let held = hold(&path(dead, 1)).unwrap();
        clear_once(&directory.path().join("out"));
        let left = |path: &Path| path.exists();
        assert!(!left(&path(dead, 0)) && !left(&path(dead, 2)));
        assert!(left(&path(dead, 1)) && left(&path(living, 0)) && left(&directory.path().join("other.tmp")));
        drop(held);
        clear(directory.path());
        assert!(!left(&path(dead, 1)) && left(&path(living, 0)));
    }
}
