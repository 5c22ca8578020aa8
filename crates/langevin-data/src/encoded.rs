//! Rows of numbers stored as bytes, in memory or read on demand from a file.

use crate::checks::{missing, not_finite};
use crate::dtype::Dtype;
use crate::error::Result;
use crate::rows::Rows;
use crate::source::{Source, Spool};

/// Largest number of bytes in a buffer of rows, unless one row is longer.
const BLOCK: usize = 4 << 20;

/// Rows of numbers of one type, in C order.
#[derive(Debug)]
pub(crate) struct Encoded {
    source: Source,
    dtype: Dtype,
    /// Offset of the first row.
    start: u64,
    rows: usize,
    /// Number of values in a row.
    width: usize,
}

impl Encoded {
    /// Creates rows of numbers of this type, the first of which starts at `start`.
    pub(crate) fn new(source: Source, dtype: Dtype, start: u64, rows: usize, width: usize) -> Self {
        Self { source, dtype, start, rows, width }
    }

    /// Creates rows of float64 numbers written by this crate, which are already checked.
    pub(crate) fn numbers(source: Source, rows: usize, width: usize) -> Self {
        Self { source, dtype: Dtype::F64, start: 0, rows, width }
    }

    /// Returns the bytes of `rows` rows from `first` on.
    fn span<'a>(&'a self, first: usize, rows: usize, scratch: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        let line = self.width * self.dtype.size();
        self.source.bytes(self.start + first as u64 * line as u64, rows * line, scratch)
    }

    /// Returns the number of rows in a buffer.
    fn block(&self) -> usize {
        (BLOCK / (self.width * self.dtype.size()).max(1)).max(1)
    }

    /// Checks that all numbers are finite float32; the elements of a `flat` row are called columns
    /// in errors.
    pub(crate) fn check(&self, flat: bool) -> Result<()> {
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
                let place = format!("row {row}, column {column}");
                return Err(match value.is_nan() {
                    true => missing(&place, "a number", "NaN", flat.then(|| column.to_string()).as_deref()),
                    false => not_finite(value, &place),
                });
            }
        }
        Ok(())
    }

    /// Returns true for each element of a row with an integer that float64 cannot represent.
    ///
    /// The result is empty if the type has no such integers.
    pub(crate) fn rounded(&self) -> Result<Vec<bool>> {
        if !self.dtype.can_be_rounded() {
            return Ok(vec![]);
        }
        let (mut scratch, mut rounded) = (Vec::new(), vec![false; self.width]);
        for first in (0..self.rows).step_by(self.block()) {
            let bytes = self.span(first, self.block().min(self.rows - first), &mut scratch)?;
            for (place, number) in bytes.chunks_exact(self.dtype.size()).enumerate() {
                if self.dtype.is_rounded(number) {
                    rounded[place % self.width] = true;
                }
            }
        }
        Ok(rounded)
    }

    /// Writes all rows to a spool.
    pub(crate) fn copy(&self, spool: &mut Spool) -> Result<()> {
        let mut scratch = Vec::new();
        for first in (0..self.rows).step_by(self.block()) {
            spool.write(self.span(first, self.block().min(self.rows - first), &mut scratch)?)?;
        }
        Ok(())
    }
    /// Converts column-major to row-major order; in the file the row index varies fastest.
    pub(crate) fn turned(&self, sample: &[usize], memory: u64) -> Result<Self> {
        let (size, width, rows) = (self.dtype.size(), self.width, self.rows);
        let mut spool = Spool::new(memory);
        let (mut scratch, mut block) = (Vec::new(), Vec::new());
        for first in (0..rows).step_by(self.block()) {
            let count = self.block().min(rows - first);
            block.resize(count * width * size, 0);
            let mut index = vec![0_usize; sample.len()];
            for element in 0..width {
                let column = index.iter().zip(sample).rev().fold(0, |offset, (index, extent)| offset * extent + index);
                let start = self.start + (column as u64 * rows as u64 + first as u64) * size as u64;
                let bytes = self.source.bytes(start, count * size, &mut scratch)?;
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
        Ok(Self { source: spool.finish()?, dtype: self.dtype, start: 0, rows, width })
    }
}

impl Rows for Encoded {
    fn count(&self) -> usize {
        self.rows
    }

    fn width(&self) -> usize {
        self.width
    }

    fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        let mut scratch = Vec::new();
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width)) {
            self.dtype.widen(self.span(*row, 1, &mut scratch)?, out);
        }
        Ok(())
    }

    fn read(&self, rows: &[usize], out: &mut [f32]) -> Result<()> {
        let mut scratch = Vec::new();
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width)) {
            self.dtype.narrow(self.span(*row, 1, &mut scratch)?, out);
        }
        Ok(())
    }

    fn is_wide(&self) -> bool {
        self.dtype.is_wide()
    }

    fn is_bytes(&self) -> bool {
        self.dtype.is_bytes()
    }
}
