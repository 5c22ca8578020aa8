//! One process at a time trains in the directory of a run.
//!
//! The file `lock` holds the number of the process that has the run, and an advisory lock of the system that ends with it:
//! a process that was killed blocks nobody. The file goes with the process that ends. Commands that only read a run take no lock.

use crate::error::{Error, Result};
use crate::words::shown;
use same_file::Handle;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// The name of the file, in the directory of the run.
pub const NAME: &str = "lock";

/// The lock of a run, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Locked while it is open.
    file: Option<File>,
}

impl Lock {
    /// Takes the lock of the run in `directory`, which exists.
    ///
    /// # Errors
    /// Returns an error if another process has the run, or if the file cannot be made.
    pub fn take(directory: &Path) -> Result<Self> {
        let path = directory.join(NAME);
        let wrong = |error: std::io::Error| Error::writing(&path, &error);
        loop {
            // What another process wrote stands until the lock is this one's.
            let mut options = OpenOptions::new();
            let mut file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(wrong)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(in_use(directory, &mut file)),
                // A file system without locks: better a run without one than none.
                Err(TryLockError::Error(_)) => return Ok(Self { path, file: None }),
            }
            // The one that had it may have taken the file away between the two: then this lock is on a file that nobody sees.
            let here = file.try_clone().and_then(Handle::from_file).map_err(wrong)?;
            if Handle::from_path(&path).is_ok_and(|there| there == here) {
                // Who it is is a courtesy: on a full disk the lock holds without it.
                let _ = file
                    .set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| writeln!(file, "{}", std::process::id()));
                return Ok(Self { path, file: Some(file) });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Only the process that holds the lock takes the file away, and before it lets go.
        if self.file.is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What the second process is told.
fn in_use(directory: &Path, file: &mut File) -> Error {
    let mut text = String::new();
    let _ = file.take(32).read_to_string(&mut text);
    let who = text.trim().parse::<u32>().map_or("another process".to_owned(), |pid| format!("process {pid}"));
    Error::misused("the run is in use")
        .at(format!("'{}'", shown(directory)))
        .expected("a run that no other process trains in")
        .got(format!("{who} at work in it"))
        .hint("wait until it ends, or stop it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_until_the_first_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lock::take(directory.path()).unwrap();
        let refused = Lock::take(directory.path()).err().unwrap().text();
        assert!(refused.contains(&format!("got process {} at work in it", std::process::id())), "{refused}");
        drop(first);
        // What is left of a process that was killed.
        std::fs::write(directory.path().join(NAME), "4194999999\nof old").unwrap();
        let taken = Lock::take(directory.path()).unwrap();
        let text = std::fs::read_to_string(directory.path().join(NAME)).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
        drop(taken);
        assert!(std::fs::read_dir(directory.path()).unwrap().next().is_none());
    }
}
