//! One file of a table, and its cells.

use super::cells::Cells;
use super::column::{self, Column};
use super::failure::broken;
use super::zstd;
use crate::error::{Error, Result};
use crate::formats::pictures::looks_like_picture;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// One file of a table.
pub(super) struct Shard {
    /// Name of the file for errors, if there are several.
    pub(super) name: Option<String>,
    file: Arc<File>,
    pub(super) reader: SerializedFileReader<File>,
    /// Columns in the order of the table.
    pub(super) columns: Vec<Column>,
}

impl Shard {
    /// Opens a file and returns it with its size in bytes; `name` is given if there are several
    /// files.
    pub(super) fn open(path: &Path, name: Option<String>) -> Result<(Self, u64)> {
        let file = File::open(path).map_err(|error| Error::reading(path, error))?;
        let length = file.metadata().map_err(|error| Error::reading(path, error))?.len();
        let own = file.try_clone().map_err(|error| Error::reading(path, error))?;
        let reader = SerializedFileReader::new(file).map_err(broken)?;
        // Checked here because the library would panic.
        let groups = reader.metadata().row_groups().iter();
        for column in groups.flat_map(|group| group.columns()) {
            let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            if start < 0 || column.compressed_size() < 0 {
                return Err(Error::data("not a readable .parquet file").because("a column lies outside the file"));
            }
        }
        let columns = column::columns(reader.metadata().file_metadata().schema_descr());
        Ok((Self { name, file: Arc::new(own), reader, columns }, length))
    }

    /// Reorders its columns to those of `first`, matched by name.
    pub(super) fn fit(&mut self, first: &[Column]) -> Result<()> {
        let names =
            |columns: &[Column]| columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ");
        let different = |got: String| Error::data("the files have different columns").expected(names(first)).got(got);
        let got = names(&self.columns);
        if self.columns.len() != first.len() {
            return Err(different(got));
        }
        let mut own: Vec<Option<Column>> = std::mem::take(&mut self.columns).into_iter().map(Some).collect();
        for wanted in first {
            let found = own.iter_mut().find(|own| own.as_ref().is_some_and(|own| own.name == wanted.name));
            let column = found.and_then(Option::take).ok_or_else(|| different(got.clone()))?;
            if column.kind != wanted.kind {
                return Err(Error::data("the files have different columns")
                    .at(format!("column '{}'", wanted.name))
                    .expected(wanted.of.clone())
                    .got(column.of));
            }
            self.columns.push(column);
        }
        Ok(())
    }

    /// Returns true if the first cell of a column of bytes is an image.
    ///
    /// Errors are ignored here and reported when the column is read.
    pub(super) fn holds_pictures(&self, column: &Column, most: u64) -> bool {
        let mut first = false;
        let _ = self.each_of(&[column], 1, most, |cells, _| {
            first = looks_like_picture(cells[0].bytes(0));
            // One row is enough, so the iteration is ended by an error.
            Err(Error::data("enough"))
        });
        first
    }

    /// Calls `see` repeatedly with the next cells of these columns and the number of rows before
    /// them.
    pub(super) fn each_of(
        &self,
        columns: &[&Column],
        together: usize,
        most: u64,
        mut see: impl FnMut(&[Cells], usize) -> Result<()>,
    ) -> Result<()> {
        let mut seen = 0;
        for group in 0..self.reader.num_row_groups() {
            let about = self.reader.metadata().row_group(group);
            let group = self.reader.get_row_group(group).map_err(broken)?;
            let leaf = |column: &&Column| {
                let reader = if zstd::is_used(about.column(column.leaf)) {
                    zstd::column(&self.file, &self.reader, about, column.leaf, most)
                } else {
                    group.get_column_reader(column.leaf)
                };
                reader.map_err(|error| broken(error).at(format!("column '{}'", column.name)))
            };
            let mut readers = columns.iter().map(leaf).collect::<Result<Vec<_>>>()?;
            loop {
                let mut cells = Vec::with_capacity(columns.len());
                for (reader, column) in readers.iter_mut().zip(columns) {
                    let next = column.cells(reader, together, seen);
                    cells.push(next.map_err(|error| error.at(format!("column '{}'", column.name)))?);
                }
                let rows = cells.first().map_or(0, |cells| cells.rows);
                if cells.iter().any(|cells| cells.rows != rows) {
                    return Err(Error::data("the columns are not of one length"));
                }
                if rows == 0 {
                    break;
                }
                see(&cells, seen)?;
                seen += rows;
            }
        }
        Ok(())
    }
}
