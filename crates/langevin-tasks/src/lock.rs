//! The lock of a run directory: only one process at a time trains in it.
//!
//! The file `lock` contains the id of the process that trains, and carries an advisory lock of the
//! operating system. The system releases that lock when the process ends, so a killed process does
//! not block the run. The process that holds the lock removes the file when it ends. Commands that
//! only read a run take no lock.

use crate::error::{Error, Result};
use crate::words::shown;
use same_file::Handle;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// Name of the lock file in the run directory.
pub const NAME: &str = "lock";

/// The lock of a run, held until it is dropped.
///
/// # Examples
///
/// ```
/// use langevin_tasks::lock::Lock;
/// let run = tempfile::tempdir()?;
/// let lock = Lock::take(run.path())?;
/// assert!(Lock::take(run.path()).is_err());
/// drop(lock);
/// assert!(Lock::take(run.path()).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Locked while it is open; `None` on file systems without locks.
    file: Option<File>,
}

impl Lock {
    /// Takes the lock of the run in `directory`, which must exist.
    ///
    /// # Errors
    /// Returns an error if another process holds the lock, or if the lock file cannot be created.
    pub fn take(directory: &Path) -> Result<Self> {
        let path = directory.join(NAME);
        let wrong = |error: std::io::Error| Error::writing(&path, &error);
        loop {
            // The file is not truncated before the lock is held, because its content may belong to
            // another process.
            let mut options = OpenOptions::new();
            let mut file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(wrong)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(in_use(directory, &mut file)),
                // On a file system without locks, training without a lock is better than no
                // training.
                Err(TryLockError::Error(_)) => return Ok(Self { path, file: None }),
            }
            // The previous holder may have removed the file between opening and locking it. The
            // lock would then be on a file that other processes cannot see, so the loop tries
            // again.
            let here = file.try_clone().and_then(Handle::from_file).map_err(wrong)?;
            if Handle::from_path(&path).is_ok_and(|there| there == here) {
                // The process id only improves the message for other processes. The lock holds
                // without it, for example on a full disk.
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
        // Only the process that holds the lock removes the file, and it does so before it releases
        // the lock.
        if self.file.is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Returns the error for a run that another process trains in.
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
        // The file of a killed process.
        std::fs::write(directory.path().join(NAME), "4194999999\nof old").unwrap();
        let taken = Lock::take(directory.path()).unwrap();
        let text = std::fs::read_to_string(directory.path().join(NAME)).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
        drop(taken);
        assert!(std::fs::read_dir(directory.path()).unwrap().next().is_none());
    }
}
