//! Outputs that appear whole or not at all: written beside their place under a temporary name, then renamed.

use crate::error::{Failure, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A temporary file or directory, removed when dropped unless it was moved to its place.
pub struct Staged {
    path: PathBuf,
    moved: bool,
}

impl Staged {
    /// A name beside `target` that nothing else uses.
    fn beside(target: &Path) -> Result<Self> {
        let Some(name) = target.file_name() else {
            return Err(Failure::misused("not the name of a file").in_file(target));
        };
        let name = format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id());
        Ok(Self { path: target.with_file_name(name), moved: false })
    }

    /// A directory to fill before it takes its place.
    pub fn directory(target: &Path) -> Result<Self> {
        let staged = Self::beside(target)?;
        fs::create_dir(&staged.path).map_err(|error| Failure::writing(target, &error))?;
        Ok(staged)
    }

    /// Where it is now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to its place. Files of a directory replace those of the same name where the place is taken.
    pub fn commit(mut self, target: &Path) -> Result<()> {
        let wrong = |error: io::Error| Failure::writing(target, &error);
        if self.path.is_dir() && target.is_dir() {
            for entry in fs::read_dir(&self.path).map_err(wrong)? {
                let entry = entry.map_err(wrong)?;
                fs::rename(entry.path(), target.join(entry.file_name())).map_err(wrong)?;
            }
            return Ok(());
        }
        fs::rename(&self.path, target).map_err(wrong)?;
        self.moved = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.moved {
            // Nothing can be done about a temporary file that cannot be removed.
            let _ = if self.path.is_dir() { fs::remove_dir_all(&self.path) } else { fs::remove_file(&self.path) };
        }
    }
}

/// Refuses a place that cannot be written, before any work is done. Leaves nothing.
pub fn probe(target: &Path) -> Result<()> {
    create(target).map(drop)
}

/// Writes `target` through a buffer.
pub fn write(target: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let (staged, file) = create(target)?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    fill(&mut out)
        .and_then(|()| out.into_inner().map_err(io::IntoInnerError::into_error))
        .and_then(|file| file.sync_all())
        .map_err(|error| Failure::writing(target, &error))?;
    staged.commit(target)
}

fn create(target: &Path) -> Result<(Staged, File)> {
    if target.is_dir() {
        return Err(Failure::failed("cannot write the output").in_file(target).expected("a file").got("a directory"));
    }
    let staged = Staged::beside(target)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&staged.path)
        .map_err(|error| Failure::writing(target, &error))?;
    Ok((staged, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out.csv");
        write(&target, |out| out.write_all(b"old")).unwrap();
        write(&target, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        probe(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["out.csv"]);
    }

    #[test]
    fn a_directory_is_moved_or_merged() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("demo");
        for text in ["one", "two"] {
            let staged = Staged::directory(&target).unwrap();
            fs::write(staged.path().join("a"), text).unwrap();
            staged.commit(&target).unwrap();
            assert_eq!(fs::read_to_string(target.join("a")).unwrap(), text);
        }
        drop(Staged::directory(&target).unwrap());
        assert_eq!(names(directory.path()), ["demo"]);
    }
}
