//! The data after a header.

use super::header::Header;
use crate::encoded::Encoded;
use crate::error::{Error, Result};
use crate::source::{Source, Spool};
use std::io::Read;

/// Returns true if the array fits into memory; an array to be transposed temporarily needs twice
/// its size.
pub(crate) fn held(header: &Header, memory: u64) -> bool {
    let times = if header.fortran { 2 } else { 1 };
    header.length().and_then(|length| length.checked_mul(times)).is_some_and(|length| length <= memory)
}

/// Reads all bytes of the data.
///
/// Memory grows with the bytes that arrive, so a false header cannot cause a large allocation.
pub(crate) fn bytes(reader: &mut impl Read, header: &Header) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = header.length().unwrap_or(u64::MAX);
    // One more byte detects a longer file, and lets a reader with checksums reach its end.
    let read = reader.take(length.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Error::io("cannot read the file", error))?;
    header.holds(bytes.len() as u64)?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// Returns the rows of an array whose data begin at `start`, in C order and checked.
pub(crate) fn encoded(source: Source, start: u64, header: &Header, memory: u64) -> Result<Encoded> {
    let (rows, sample) = header.rows()?;
    let width: usize = sample.iter().product();
    let mut array = Encoded::new(source, header.dtype, start, rows, width);
    // With one number in each row, both orders are the same.
    if header.fortran && width > 1 {
        array = array.turned(sample, memory)?;
    }
    array.check(sample.len() == 1)?;
    Ok(array)
}

/// Copies an array of an archive to a temporary file, if it exceeds the memory limit.
pub(crate) fn spooled(reader: &mut impl Read, header: &Header) -> Result<Source> {
    let mut spool = Spool::new(0);
    let mut buffer = vec![0; 1 << 16];
    let length = header.length().unwrap_or(u64::MAX);
    let mut reader = reader.take(length.saturating_add(1));
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => spool.write(&buffer[..read])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("cannot read the file", error)),
        }
    }
    header.holds(spool.length())?;
    spool.finish()
}
