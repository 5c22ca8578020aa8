//! Writing of tables row by row, in every supported format.

use crate::formats;
use crate::formats::lines::Lines;
#[cfg(feature = "parquet")]
use crate::formats::parquet::Writer as Parquet;
use crate::table::{TableColumns, TableKind};
use std::io::{self, Write};
use std::path::Path;

impl TableKind {
    /// Returns the format that the extension of a name selects.
    ///
    /// ```
    /// use langevin_data::TableKind;
    /// use std::path::Path;
    /// assert_eq!(TableKind::of(Path::new("samples.csv.gz")), Some(TableKind::CsvGz));
    /// assert_eq!(TableKind::of(Path::new("samples.npy")), None);
    /// ```
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let stem = name.strip_suffix(".gz").unwrap_or(&name);
        let kind = formats::written(stem.rsplit_once('.')?.1)?;
        if stem == name { Some(kind) } else { kind.packed() }
    }
}

/// Writer of a table, one row at a time.
///
/// ```
/// use langevin_data::{TableColumns, TableKind, TableWriter};
/// let columns = TableColumns::new(["x", "y"]);
/// let mut writer = TableWriter::new(Vec::new(), TableKind::Csv, columns)?;
/// writer.push(&[1.0, 0.5], None)?;
/// assert_eq!(writer.finish()?, b"x,y\n1,0.5\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TableWriter<W: Write + Send> {
    columns: TableColumns,
    out: Out<W>,
}

enum Out<W: Write + Send> {
    Lines(Lines<W>),
    #[cfg(feature = "parquet")]
    Parquet(Box<Parquet<W>>),
}

impl<W: Write + Send> TableWriter<W> {
    /// Starts a table and writes its header.
    ///
    /// # Errors
    /// Returns an error if the first bytes cannot be written, or if this build does not support the
    /// format.
    pub fn new(out: W, kind: TableKind, columns: TableColumns) -> io::Result<Self> {
        let out = match kind {
            TableKind::Csv | TableKind::Tsv | TableKind::CsvGz | TableKind::TsvGz => {
                Out::Lines(Lines::new(out, kind, &columns)?)
            }
            #[cfg(feature = "parquet")]
            TableKind::Parquet => Out::Parquet(Box::new(Parquet::new(out, &columns)?)),
            #[cfg(not(feature = "parquet"))]
            TableKind::Parquet => return Err(io::Error::other("this build does not write .parquet files")),
        };
        Ok(Self { columns, out })
    }

    /// Writes a row: its numbers, and the text of the label column if there is one.
    ///
    /// # Errors
    /// Returns an error if the row cannot be written or does not fit the columns. Also returns an
    /// error if a value of an integer column is not a 64-bit integer.
    ///
    /// # Examples
    /// ```
    /// use langevin_data::{TableColumns, TableKind, TableWriter};
    /// let columns = TableColumns::new(["x", "y"]);
    /// let mut writer = TableWriter::new(Vec::new(), TableKind::Csv, columns)?;
    /// assert!(writer.push(&[1.0], None).is_err(), "one number for two columns");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn push(&mut self, row: &[f64], label: Option<&str>) -> io::Result<()> {
        if row.len() != self.columns.width() || label.is_some() != self.columns.label.is_some() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the row does not fit the columns"));
        }
        match &mut self.out {
            Out::Lines(lines) => lines.push(row, label),
            #[cfg(feature = "parquet")]
            Out::Parquet(parquet) => parquet.push(row, label),
        }
    }

    /// Finishes the table and returns the underlying writer.
    ///
    /// # Errors
    /// Returns an error if the last bytes cannot be written.
    pub fn finish(self) -> io::Result<W> {
        match self.out {
            Out::Lines(lines) => lines.finish(),
            #[cfg(feature = "parquet")]
            Out::Parquet(parquet) => parquet.finish(),
        }
    }
}
