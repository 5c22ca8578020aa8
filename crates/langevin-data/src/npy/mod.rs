//! NumPy's `.npy` files: held in memory, or read row by row where they lie.

mod classes;
mod dtype;
mod header;
#[cfg(test)]
mod tests;

use crate::about::About;
use crate::data::{Dataset, name_of, not_finite};
use crate::error::{Error, Result};
use crate::labels::Labels;
use crate::options::Options;
use crate::source::{Source, Spool};
use crate::store::Store;
pub(crate) use classes::classes;
pub(crate) use dtype::Dtype;
pub(crate) use header::{Header, Layout};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Bytes that a buffer of rows has at most, unless one row is longer.
const BLOCK: usize = 4 << 20;

/// Rows of numbers of one type in C order.
#[derive(Debug)]
pub(crate) struct Encoded {
    source: Source,
    dtype: Dtype,
    /// Where the first row begins.
    start: u64,
    rows: usize,
    /// Numbers in a row.
    width: usize,
}

impl Encoded {
    /// Float64 rows of this crate's own, already checked.
    pub(crate) fn numbers(source: Source, rows: usize, width: usize) -> Self {
        Self { source, dtype: Dtype::F64, start: 0, rows, width }
    }

    /// Whether single precision may round its numbers.
    pub(crate) fn is_wide(&self) -> bool {
        self.dtype.is_wide()
    }

    /// Whether its numbers are 8 bits or fewer: levels of gray or colour.
    pub(crate) fn is_bytes(&self) -> bool {
        self.dtype.is_bytes()
    }

    /// Writes row `row` into `out`, exactly.
    pub(crate) fn read_wide(&self, row: usize, out: &mut [f64], scratch: &mut Vec<u8>) -> Result<()> {
        self.dtype.widen(self.span(row, 1, scratch)?, out);
        Ok(())
    }

    /// Writes row `row` into `out`.
    pub(crate) fn read(&self, row: usize, out: &mut [f32], scratch: &mut Vec<u8>) -> Result<()> {
        self.dtype.narrow(self.span(row, 1, scratch)?, out);
        Ok(())
    }

    /// The bytes of `rows` rows from `first` on.
    fn span<'a>(&'a self, first: usize, rows: usize, scratch: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        let line = self.width * self.dtype.size();
        self.source.bytes(self.start + first as u64 * line as u64, rows * line, scratch)
    }

    /// Rows that a buffer holds.
    fn block(&self) -> usize {
        (BLOCK / (self.width * self.dtype.size()).max(1)).max(1)
    }

    /// Refuses numbers that are no finite float32.
    pub(crate) fn check(&self) -> Result<()> {
        if !self.dtype.can_be_infinite() {
            return Ok(());
        }
        let (mut scratch, mut values) = (Vec::new(), Vec::new());
        for first in (0..self.rows).step_by(self.block()) {
            let bytes = self.span(first, self.block().min(self.rows - first), &mut scratch)?;
            values.resize(bytes.len() / self.dtype.size(), 0.0);
            self.dtype.narrow(bytes, &mut values);
            if let Some(position) = values.iter().position(|value| !value.is_finite()) {
                let (row, column) = (first + position / self.width + 1, position % self.width + 1);
                let value = self.dtype.value(&bytes[position * self.dtype.size()..][..self.dtype.size()]);
                return Err(not_finite(value, &format!("row {row}, column {column}")));
            }
        }
        Ok(())
    }
}

/// Opens a `.npy` file.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Dataset> {
    let mut file = File::open(path).map_err(|error| Error::reading(path, error))?;
    let length = file.metadata().map_err(|error| Error::reading(path, error))?.len();
    let open = || -> Result<Dataset> {
        let header = Header::read(&mut file)?;
        header.holds(length.saturating_sub(header.start))?;
        let (rows, sample) = header.rows()?;
        let memory = options.memory;
        let source = if held(&header, memory) {
            Source::Memory(bytes(&mut file, &header)?)
        } else {
            Source::File(file, path.to_owned())
        };
        let start = if matches!(source, Source::Memory(_)) { 0 } else { header.start };
        let store = Store::Encoded(encoded(source, start, &header, memory)?);
        let labels =
            options.labels.as_deref().map(|labels| labels_of(Path::new(labels), rows, options)).transpose()?.flatten();
        let mut about = About::new(".npy", header.dtype.name());
        if labels.is_some() {
            about = about.labelled(options.labels.as_deref().unwrap_or_default());
        }
        let data = Dataset::make(name_of(path), rows, sample, store, labels)?;
        Ok(data.with_about(about, vec![]))
    };
    open().map_err(|error| error.in_file(path))
}

/// The labels in a file of their own; none if it is not there and need not be.
fn labels_of(path: &Path, rows: usize, options: &Options) -> Result<Option<Labels>> {
    let named = |error: Error| error.at(format!("labels {}", path.display()));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if options.labels_optional {
                return Ok(None);
            }
            let hint = "the labels of a .npy file are another .npy file, of one number or text for each row";
            return Err(named(Error::argument("no such file").hinting(hint)));
        }
        Err(error) => return Err(named(Error::io("cannot read the file", error))),
    };
    classes(&mut BufReader::new(file), rows).map(Some).map_err(named)
}

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
    let mut array = Encoded { source, dtype: header.dtype, start, rows, width };
    // With one number a row both orders are the same.
    if header.fortran && width > 1 {
        array = turned(&array, sample, memory)?;
    }
    array.check()?;
    Ok(array)
}

/// Column-major to row-major: in file order the rows are what changes fastest.
fn turned(array: &Encoded, sample: &[usize], memory: u64) -> Result<Encoded> {
    let (size, width, rows) = (array.dtype.size(), array.width, array.rows);
    let mut spool = Spool::new(memory);
    let (mut scratch, mut block) = (Vec::new(), Vec::new());
    for first in (0..rows).step_by(array.block()) {
        let count = array.block().min(rows - first);
        block.resize(count * width * size, 0);
        let mut index = vec![0_usize; sample.len()];
        for element in 0..width {
            let column = index.iter().zip(sample).rev().fold(0, |offset, (index, extent)| offset * extent + index);
            let start = array.start + (column as u64 * rows as u64 + first as u64) * size as u64;
            let bytes = array.source.bytes(start, count * size, &mut scratch)?;
            for (row, number) in bytes.chunks_exact(size).enumerate() {
                block[(row * width + element) * size..][..size].copy_from_slice(number);
            }
            for (place, extent) in index.iter_mut().zip(sample).rev() {
                *place += 1;
                if *place < *extent {
                    break;
                }
                *place = 0;
            }
        }
        spool.write(&block)?;
    }
    Ok(Encoded { source: spool.finish()?, dtype: array.dtype, start: 0, rows, width })
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
