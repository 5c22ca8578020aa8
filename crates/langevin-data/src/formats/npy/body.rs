//! The numbers behind a header.

use super::header::Header;
use crate::encoded::Encoded;
use crate::error::{Error, Result};
use crate::source::{Source, Spool};
use std::io::Read;

/// Whether the array is to be in memory; one that is turned round is there twice for a moment.
pub(crate) fn held(header: &Header, memory: u64) -> bool {
    let times = if header.fortran { 2 } else { 1 };
    header.length().and_then(|length| length.checked_mul(times)).is_some_and(|length| length <= memory)
}

/// Reads all the bytes of the data. Memory grows as they come, so that a header alone can take none.
pub(crate) fn bytes(reader: &mut impl Read, header: &Header) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = header.length().unwrap_or(u64::MAX);
    // One more tells a longer file, and lets a reader that checks sums come to its end.
    let read = reader.take(length.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Error::io("cannot read the file", error))?;
    header.holds(bytes.len() as u64)?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// The rows of an array whose data begin at `start`, in C order and checked.
pub(crate) fn encoded(source: Source, start: u64, header: &Header, memory: u64) -> Result<Encoded> {
    let (rows, sample) = header.rows()?;
    let width: usize = sample.iter().product();
    let mut array = Encoded::new(source, header.dtype, start, rows, width);
    // With one number a row both orders are the same.
    if header.fortran && width > 1 {
        array = array.turned(sample, memory)?;
    }
    array.check(sample.len() == 1)?;
    Ok(array)
}

/// Where an array in a container is read from, when it is not to be held: a temporary file.
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
