//! Interface to rows, independent of their storage.

use crate::error::Result;

/// Largest number of values converted to single precision at once, unless one row is longer.
const BLOCK: usize = 1 << 16;

/// Source of rows of finite numbers, all of one width, read on demand.
///
/// A source can be a database, a memory map or a simulation.
/// [`Dataset::from_rows`](crate::Dataset::from_rows) builds a data set from it. A row must have the
/// same values at every reading, on every thread.
///
/// # Examples
/// ```
/// use langevin_data::{Dataset, Error, Rows};
///
/// /// The squares of 0, 1, 2, …, each in a row of its own.
/// struct Squares(usize);
///
/// impl Rows for Squares {
///     fn count(&self) -> usize {
///         self.0
///     }
///     fn width(&self) -> usize {
///         1
///     }
///     fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<(), Error> {
///         for (row, out) in rows.iter().zip(out) {
///             *out = (row * row) as f64;
///         }
///         Ok(())
///     }
/// }
///
/// let squares = Dataset::from_rows("squares", Squares(100), &[1])?;
/// assert_eq!((squares.rows(), squares.row(7)?), (100, vec![49.0]));
/// # Ok::<(), Error>(())
/// ```
pub trait Rows: Send + Sync {
    /// Returns the number of rows.
    fn count(&self) -> usize;

    /// Returns the number of values in a row.
    fn width(&self) -> usize;

    /// Reads the rows at these indices into `out`, one after the other, with the precision of the
    /// source.
    ///
    /// The indices are below [`count`](Self::count), and `out` holds `rows.len()` ×
    /// [`width`](Self::width) values.
    ///
    /// # Errors
    /// Returns an error if a row cannot be read; [`Error`](crate::Error) has public constructors.
    fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()>;

    /// Reads the same rows in single precision.
    ///
    /// The default calls [`read_wide`](Self::read_wide) and rounds.
    ///
    /// # Errors
    /// Returns the errors of [`read_wide`](Self::read_wide).
    fn read(&self, rows: &[usize], out: &mut [f32]) -> Result<()> {
        let width = self.width().max(1);
        let block = (BLOCK / width).max(1);
        let mut wide = vec![0.0; rows.len().min(block) * width];
        for (rows, out) in rows.chunks(block).zip(out.chunks_mut(block * width)) {
            let wide = &mut wide[..rows.len() * width];
            self.read_wide(rows, wide)?;
            out.iter_mut().zip(wide).for_each(|(out, value)| *out = *value as f32);
        }
        Ok(())
    }

    /// Returns true if single precision may round the values; the default is true.
    fn is_wide(&self) -> bool {
        true
    }

    /// Returns true if all values are unsigned bytes, integers from 0 to 255; the default is false.
    ///
    /// Such values are gray or colour levels if a row has two axes or more.
    fn is_bytes(&self) -> bool {
        false
    }
}

/// Numbers in memory.
pub(crate) struct Floats {
    values: Vec<f32>,
    width: usize,
}

impl Floats {
    /// Creates rows of this width, one after the other.
    pub(crate) fn new(values: Vec<f32>, width: usize) -> Self {
        Self { values, width }
    }

    /// Returns the values of row `row`.
    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }
}

impl Rows for Floats {
    fn count(&self) -> usize {
        self.values.len() / self.width
    }

    fn width(&self) -> usize {
        self.width
    }

    fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width)) {
            out.iter_mut().zip(self.row(*row)).for_each(|(out, value)| *out = f64::from(*value));
        }
        Ok(())
    }

    fn read(&self, rows: &[usize], out: &mut [f32]) -> Result<()> {
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width)) {
            out.copy_from_slice(self.row(*row));
        }
        Ok(())
    }

    fn is_wide(&self) -> bool {
        false
    }
}
/// Rows of letters in memory.
pub(crate) struct Letters {
    values: Vec<u32>,
    width: usize,
}

impl Letters {
    /// Creates rows from letters, row after row.
    pub(crate) fn new(values: Vec<u32>, width: usize) -> Self {
        Self { values, width }
    }
}

impl Rows for Letters {
    fn count(&self) -> usize {
        self.values.len() / self.width
    }

    fn width(&self) -> usize {
        self.width
    }

    fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width)) {
            let letters = &self.values[row * self.width..][..self.width];
            out.iter_mut().zip(letters).for_each(|(out, letter)| *out = f64::from(*letter));
        }
        Ok(())
    }

    fn read(&self, rows: &[usize], out: &mut [f32]) -> Result<()> {
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width)) {
            let letters = &self.values[row * self.width..][..self.width];
            out.iter_mut().zip(letters).for_each(|(out, letter)| *out = *letter as f32);
        }
        Ok(())
    }

    fn is_wide(&self) -> bool {
        false
    }
}
