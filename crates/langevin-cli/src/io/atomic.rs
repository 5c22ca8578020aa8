//! Outputs that appear completely or not at all. They are written under a temporary name beside
//! their place and then renamed.
//!
//! The registry in `temporary` contains every temporary path from before its creation until after
//! its removal, so that a hard exit can remove it.

use super::stale;
use super::temporary::{live, remove};
use crate::error::{Failure, Result};
use crate::interrupt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Maximum number of temporary names that are tried. A name may belong to a dead process with the
/// same id.
const NAMES: usize = 10_000;
/// Maximum number of links that are followed before the chain is treated as circular.
const LINKS: usize = 40;
/// Number of bytes between two checks for a requested end.
const SLICE: usize = 1 << 20;

/// A temporary file or directory. It is removed when dropped, unless it was moved to its place.
pub struct Staged {
    /// Current path.
    path: PathBuf,
    /// Final path: the target with its links resolved.
    place: PathBuf,
    /// The target as the user named it.
    target: PathBuf,
    /// Locked during the lifetime of this value, so that other processes do not treat the file as
    /// stale.
    _held: Option<File>,
}

impl Staged {
    /// Creates a file or directory under an unused name beside `target`. The name is short, because
    /// the target's own name may have the maximum length.
    fn beside<T>(target: &Path, make: impl Fn(&Path) -> io::Result<T>) -> Result<(Self, T)> {
        let place = resolve(target)?;
        if place.file_name().is_none() {
            return Err(Failure::misused("not the name of a file").in_file(target));
        }
        stale::clear_once(&place);
        let mut paths = live();
        for number in 0..NAMES {
            let path = place.with_file_name(stale::name(std::process::id(), number));
            if paths.contains(&path) {
                continue;
            }
            match make(&path) {
                Ok(made) => {
                    paths.insert(path.clone());
                    let held = stale::hold(&path);
                    return Ok((Self { path, place, target: target.to_owned(), _held: held }, made));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Failure::writing(&place, &error)),
            }
        }
        Err(Failure::failed("cannot write the output").in_file(target).got("every temporary name beside it is taken"))
    }

    /// Creates a directory to fill before it is moved to its place.
    pub fn directory(target: &Path) -> Result<Self> {
        Self::beside(target, |path| fs::create_dir(path)).map(|(staged, ())| staged)
    }

    /// Returns the current path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the output to its place. If the directory exists, its files of the same names are
    /// replaced.
    pub fn commit(self) -> Result<()> {
        let wrong = |error: io::Error| Failure::writing(&self.target, &error);
        // The registry stays locked, so that a hard exit removes nothing in the middle of the move.
        let mut paths = live();
        if self.path.is_dir() && self.place.is_dir() {
            for entry in fs::read_dir(&self.path).map_err(wrong)? {
                let entry = entry.map_err(wrong)?;
                fs::rename(entry.path(), self.place.join(entry.file_name())).map_err(wrong)?;
            }
            return Ok(());
        }
        fs::rename(&self.path, &self.place).map_err(wrong)?;
        paths.remove(&self.path);
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // The path no longer exists after it was moved to its place.
        let mut paths = live();
        if paths.remove(&self.path) {
            remove(&self.path);
        }
    }
}

/// Returns the path that `target` leads to through links, whether or not it exists.
pub fn resolve(target: &Path) -> Result<PathBuf> {
    let mut place = target.to_owned();
    for _ in 0..LINKS {
        let Ok(to) = fs::read_link(&place) else {
            return Ok(place);
        };
        place = place.parent().map_or_else(|| to.clone(), |directory| directory.join(&to));
    }
    Err(Failure::failed("cannot write the output").in_file(target).got("a link that leads to itself"))
}

/// Refuses a place that is not writable, before any work is done. Leaves no file behind.
pub fn probe(target: &Path) -> Result<()> {
    create(target).map(drop)
}

/// Writes `target` through a buffer; fails if an end is requested meanwhile.
pub fn write(target: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    put(target, true, fill)
}

/// Writes `target` even if an end was requested, because the content would otherwise be lost.
pub fn save(target: &Path, bytes: &[u8]) -> Result<()> {
    put(target, false, |out| out.write_all(bytes))
}

fn put(target: &Path, stops: bool, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = Output::open(target, stops)?;
    let written = fill(&mut out);
    out.end(written)
}

/// An output that is written in pieces. It is complete when [`finish`](Self::finish) returns. If it
/// is dropped before, no file remains.
pub struct Output {
    staged: Staged,
    out: BufWriter<Sink>,
}

impl Output {
    /// Opens the output. A requested end stops it.
    ///
    /// # Errors
    /// Returns an error if the place is not writable.
    pub fn create(target: &Path) -> Result<Self> {
        Self::open(target, true)
    }

    fn open(target: &Path, stops: bool) -> Result<Self> {
        let (staged, file) = create(target)?;
        Ok(Self { staged, out: BufWriter::with_capacity(1 << 16, Sink { file, stops }) })
    }

    /// Converts an error of the system, or a requested end, to a failure.
    ///
    /// # Errors
    /// Returns the error of `written`, if there is one.
    pub fn judge(&self, written: io::Result<()>) -> Result<()> {
        if self.out.get_ref().stops {
            interrupt::check()?;
        }
        written.map_err(|error| Failure::writing(&self.staged.target, &error))
    }

    /// Moves the output to its place.
    ///
    /// # Errors
    /// Returns an error if the last bytes cannot be written, or if an end was requested.
    pub fn finish(self) -> Result<()> {
        self.end(Ok(()))
    }

    fn end(mut self, written: io::Result<()>) -> Result<()> {
        let written = written.and_then(|()| self.out.flush()).and_then(|()| self.out.get_ref().file.sync_all());
        self.judge(written)?;
        self.staged.commit()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A file that accepts no more data once an end was requested.
struct Sink {
    file: File,
    stops: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stops && interrupt::requested() {
            // The error kind is not `Interrupted`, because the standard library retries that kind.
            return Err(io::Error::other("interrupted"));
        }
        self.file.write(&bytes[..bytes.len().min(SLICE)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn create(target: &Path) -> Result<(Staged, File)> {
    let refused = |got: &str| {
        let failure = Failure::failed("cannot write the output").in_file(target);
        Err(failure.expected("a file").got(got))
    };
    match fs::metadata(target) {
        Ok(there) if there.is_dir() => return refused("a directory"),
        Ok(there) if !there.is_file() => return refused("a device or a pipe, which cannot be replaced"),
        _ => {}
    }
    let known = fs::metadata(target).ok();
    Staged::beside(target, |path| {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        // The new file gets the permissions of the old one before any content is written.
        #[cfg(unix)]
        if let Some(known) = &known
            && let Err(error) = file.set_permissions(known.permissions())
        {
            remove(path);
            return Err(error);
        }
        #[cfg(not(unix))]
        let _ = &known;
        Ok(file)
    })
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
            staged.commit().unwrap();
            assert_eq!(fs::read_to_string(target.join("a")).unwrap(), text);
        }
        drop(Staged::directory(&target).unwrap());
        assert_eq!(names(directory.path()), ["demo"]);
    }

    #[test]
    fn a_name_as_long_as_can_be_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let name = "x".repeat(250);
        save(&directory.path().join(&name), b"1").unwrap();
        assert_eq!(names(directory.path()), [name]);
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_stays_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for wanted in [0o600, 0o640, 0o444, 0o755] {
            let target = directory.path().join(format!("{wanted:o}"));
            fs::write(&target, "old").unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(wanted)).unwrap();
            save(&target, b"new").unwrap();
            assert_eq!((mode(&target), fs::read(&target).unwrap()), (wanted, b"new".to_vec()));
        }
    }

    #[test]
    fn an_output_that_is_not_finished_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("x");
        let mut out = Output::create(&target).unwrap();
        out.write_all(b"half").unwrap();
        assert_eq!(names(directory.path()).len(), 1);
        drop(out);
        assert_eq!(names(directory.path()), [""; 0]);
        let mut out = Output::create(&target).unwrap();
        out.write_all(b"whole").unwrap();
        out.finish().unwrap();
        assert_eq!((names(directory.path()), fs::read(&target).unwrap()), (vec!["x".to_owned()], b"whole".to_vec()));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let [here, there] = ["here", "there"].map(|name| directory.path().join(name));
        fs::create_dir(&here).unwrap();
        fs::create_dir(&there).unwrap();
        symlink("../there/b", here.join("a")).unwrap();
        for text in ["one", "two"] {
            save(&here.join("a"), text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(there.join("b")).unwrap(), text);
        }
        assert!(here.join("a").is_symlink());
        symlink("loop", here.join("loop")).unwrap();
        save(&here.join("loop"), b"").unwrap_err();
        symlink("nowhere/c", there.join("c")).unwrap();
        assert!(save(&there.join("c"), b"").unwrap_err().text().contains("a directory that exists"));
        fs::remove_file(there.join("c")).unwrap();
        assert_eq!((names(&here), names(&there)), (vec!["a".into(), "loop".into()], vec!["b".into()]));
    }
}
