//! Rows of numbers as bytes, in memory or read row by row where they lie.

use crate::checks::{missing, not_finite};
use crate::dtype::Dtype;
use crate::error::Result;
use crate::rows::Rows;
use crate::source::{Source, Spool};

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
    /// Rows of numbers of this type, the first of which begins at `start`.
    pub(crate) fn new(source: Source, dtype: Dtype, start: u64, rows: usize, width: usize) -> Self {
        Self { source, dtype, start, rows, width }
    }

    /// Float64 rows of this crate's own, already checked.
    pub(crate) fn numbers(source: Source, rows: usize, width: usize) -> Self {
        Self { source, dtype: Dtype::F64, start: 0, rows, width }
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

    /// Refuses numbers that are no finite float32. The elements of a `flat` row are columns.
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

    /// Which elements of a row have a whole number that a float64 cannot hold; empty if none can.
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
    /// Column-major to row-major: in file order the rows are what changes fastest.
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
