//! Bytes at an offset: in memory, or read on demand from a file.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Storage of bytes.
#[derive(Debug)]
pub(crate) enum Source {
    /// In memory.
    Memory(Vec<u8>),
    /// In a file; the path is used in errors.
    File(File, PathBuf),
}

impl Source {
    /// Returns `length` bytes from `start`; bytes of a file are read into `scratch`.
    pub(crate) fn bytes<'a>(&'a self, start: u64, length: usize, scratch: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                // Offsets were checked when the file was opened.
                let part = start.checked_add(length).and_then(|end| bytes.get(start..end));
                part.ok_or_else(|| Error::data("the data end before the row"))
            }
            Self::File(file, path) => {
                scratch.resize(length, 0);
                read_at(file, scratch, start).map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => {
                        Error::data("the file has become shorter since it was opened").in_file(path)
                    }
                    _ => Error::reading(path, error),
                })?;
                Ok(scratch)
            }
        }
    }
}

/// Fills `out` from byte `start` on. No position is shared, so threads may read one file at the
/// same time.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, out: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, start)
}

/// Fills `out` from byte `start` on. Each call gives its offset, so threads may read one file at
/// the same time.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut out: &mut [u8], mut start: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt as _;
    while !out.is_empty() {
        match file.seek_read(out, start) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                out = &mut out[read..];
                start += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Collects bytes in memory up to a limit, and beyond it in an unnamed temporary file.
///
/// The file disappears when it is closed.
#[derive(Debug)]
pub(crate) struct Spool {
    limit: u64,
    held: Vec<u8>,
    file: Option<BufWriter<File>>,
    length: u64,
}

impl Spool {
    /// Creates a spool that holds at most `limit` bytes in memory.
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, held: Vec::new(), file: None, length: 0 }
    }

    /// Returns the number of bytes written.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let length = self.length + bytes.len() as u64;
        if self.file.is_none() && length > self.limit {
            let mut file = BufWriter::with_capacity(1 << 20, tempfile::tempfile().map_err(Error::spooling)?);
            file.write_all(&std::mem::take(&mut self.held)).map_err(Error::spooling)?;
            self.file = Some(file);
        }
        self.length = length;
        match &mut self.file {
            Some(file) => file.write_all(bytes).map_err(Error::spooling),
            None => {
                self.held.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Appends float64 numbers, little-endian.
    pub(crate) fn write_numbers(&mut self, values: &[f64]) -> Result<()> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.write(&bytes)
    }

    /// Returns the written bytes for reading.
    pub(crate) fn finish(mut self) -> Result<Source> {
        match self.file {
            None => {
                self.held.shrink_to_fit();
                Ok(Source::Memory(self.held))
            }
            Some(file) => {
                let file = file.into_inner().map_err(|error| Error::spooling(error.into_error()))?;
                Ok(Source::File(file, PathBuf::from("temporary file")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_reads_back_the_same_from_memory_and_from_a_file() {
        let pieces: Vec<Vec<u8>> = (0..50u8).map(|i| vec![i; usize::from(i)]).collect();
        let all: Vec<u8> = pieces.concat();
        for limit in [0, 7, 600, all.len() as u64 - 1, all.len() as u64, u64::MAX] {
            let mut spool = Spool::new(limit);
            pieces.iter().for_each(|piece| spool.write(piece).unwrap());
            assert_eq!(spool.length(), all.len() as u64);
            let source = spool.finish().unwrap();
            assert_eq!(matches!(source, Source::Memory(_)), limit >= all.len() as u64, "{limit}");
            let mut scratch = Vec::new();
            for (start, length) in [(0, 1), (0, all.len()), (300, 77), (all.len() - 3, 3)] {
                assert_eq!(source.bytes(start as u64, length, &mut scratch).unwrap(), &all[start..start + length]);
            }
            assert!(source.bytes(all.len() as u64 - 3, 4, &mut scratch).unwrap_err().is_data());
            assert!(source.bytes(u64::MAX, 4, &mut scratch).is_err());
        }
    }
}
