//! Samples that are written as they are drawn, so that memory does not grow with their number.

use super::atomic::Output;
use super::npy;
use super::npy::Width;
use crate::error::{Failure, Result};
use crate::interrupt;
use langevin_data::{TableColumns, TableKind, TableWriter};
use std::io;
use std::path::{Path, PathBuf};

/// A file of samples whose number is known in advance.
pub struct Rows {
    target: PathBuf,
    out: Out,
    width: usize,
    /// Label texts that the rows of a table take in turn; the number of rows so far.
    labels: Vec<String>,
    written: usize,
}

enum Out {
    Npy(Output, Width),
    Table(Box<TableWriter<Output>>),
}

impl Rows {
    /// Opens a `.npy` file of this shape; the first extent is the number of samples.
    ///
    /// # Errors
    /// Returns an error if the place is not writable.
    pub fn npy(path: &Path, shape: &[usize], dtype: Width) -> Result<Self> {
        let mut out = Output::create(path)?;
        judge(path, io::Write::write_all(&mut out, &npy::header(shape, dtype)))?;
        let width = shape[1..].iter().product();
        Ok(Self { target: path.to_owned(), out: Out::Npy(out, dtype), width, labels: vec![], written: 0 })
    }

    /// Opens a table with these columns. A label column contains the texts in turn.
    ///
    /// # Errors
    /// Returns an error if the place is not writable.
    pub fn table(path: &Path, kind: TableKind, columns: TableColumns, labels: Vec<String>) -> Result<Self> {
        let width = columns.width();
        let out = Output::create(path)?;
        let table = judge(path, TableWriter::new(out, kind, columns))?;
        Ok(Self { target: path.to_owned(), out: Out::Table(Box::new(table)), width, labels, written: 0 })
    }

    /// Writes the next samples.
    ///
    /// # Errors
    /// Returns an error if they cannot be written, or if an end was requested.
    pub fn push(&mut self, samples: &[f64]) -> Result<()> {
        let written = match &mut self.out {
            Out::Npy(out, dtype) => npy::numbers(out, samples, *dtype),
            Out::Table(table) => samples.chunks_exact(self.width).try_for_each(|row| {
                let turn = self.written.checked_rem(self.labels.len());
                self.written += 1;
                table.push(row, turn.map(|turn| &*self.labels[turn]))
            }),
        };
        judge(&self.target, written)
    }

    /// Moves the file to its place.
    ///
    /// # Errors
    /// Returns an error if the last bytes cannot be written.
    pub fn finish(self) -> Result<()> {
        match self.out {
            Out::Npy(out, _) => out.finish(),
            Out::Table(table) => judge(&self.target, table.finish())?.finish(),
        }
    }
}

/// Converts an error of the system, or a requested end, to a failure.
fn judge<T>(target: &Path, written: io::Result<T>) -> Result<T> {
    interrupt::check()?;
    written.map_err(|error| Failure::writing(target, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn pieces_make_the_file_that_one_write_makes() {
        let directory = tempfile::tempdir().unwrap();
        let [whole, pieces] = ["whole", "pieces"].map(|name| directory.path().join(name));
        let values: Vec<f64> = (0..12).map(|i| f64::from(i) / 7.0).collect();
        for dtype in [Width::F32, Width::F64] {
            npy::write(&whole, &[6, 1, 2], &values, dtype).unwrap();
            let mut rows = Rows::npy(&pieces, &[6, 1, 2], dtype).unwrap();
            values.chunks(4).for_each(|piece| rows.push(piece).unwrap());
            rows.finish().unwrap();
            assert_eq!(fs::read(&whole).unwrap(), fs::read(&pieces).unwrap());
            for kind in [TableKind::Csv, TableKind::TsvGz, TableKind::Parquet] {
                let columns = TableColumns::new(["a", "b", "c"]).label("k").single(dtype == Width::F32);
                let labels = || vec!["u".to_owned(), "v".to_owned()];
                let write = |path: &Path, size: usize| {
                    let mut rows = Rows::table(path, kind, columns.clone(), labels()).unwrap();
                    values.chunks(size).for_each(|piece| rows.push(piece).unwrap());
                    rows.finish().unwrap();
                    fs::read(path).unwrap()
                };
                assert_eq!(write(&whole, 12), write(&pieces, 3), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_table_that_is_not_finished_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["x.csv", "x.csv.gz", "x.parquet"] {
            let path = directory.path().join(name);
            let kind = TableKind::of(&path).unwrap();
            let mut rows = Rows::table(&path, kind, TableColumns::new(["a"]), vec![]).unwrap();
            rows.push(&[1.0; 100]).unwrap();
            drop(rows);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
