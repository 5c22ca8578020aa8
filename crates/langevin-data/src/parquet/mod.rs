//! Parquet tables: columns of numbers, of lists of numbers of one length, or a column of pictures as Hugging Face's data sets have it.

mod column;
mod images;

use crate::about::About;
use crate::data::{Dataset, name_of, not_finite};
use crate::error::{Error, Result};
use crate::guard::caught;
use crate::labels::Gather;
use crate::npy::Encoded;
use crate::options::Options;
use crate::source::Spool;
use crate::store::Store;
use crate::table::Columns;
use column::{Cells, Column, Kind};
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use std::fs::File;
use std::path::Path;

/// Rows that are read of each column before they are put in order.
const TOGETHER: usize = 512;
/// Bytes of values that a byte of the file may stand for, and those that any file may: a constant column of a small table takes next to nothing.
const EXPANSION: u64 = 1024;
const SMALL: u64 = 1 << 30;

/// Opens a `.parquet` file.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Dataset> {
    // The library has asserts about what a file says. They are no reason to end a program; what they interrupt is dropped whole.
    caught(|| rows(path, options))
        .unwrap_or_else(|| Err(Error::data("not a readable .parquet file").because("its parts contradict each other")))
        .map_err(|error| error.in_file(path))
}

/// What the library says of a file.
fn broken(error: ParquetError) -> Error {
    let failure = Error::data("not a readable .parquet file");
    let text = error.to_string();
    match text.split_once("Disabled feature at compile time: ") {
        Some((_, codec)) => failure
            .because(format!("it is compressed by {codec}, which this build does not read"))
            .hinting("write it with compression='snappy'"),
        None => failure.because(text),
    }
}

/// The columns of a table and where their labels are.
struct Table {
    reader: SerializedFileReader<File>,
    columns: Vec<Column>,
    label: Option<usize>,
    /// Bytes of values that the file may stand for.
    most: u64,
}

fn rows(path: &Path, options: &Options) -> Result<Dataset> {
    let file = File::open(path).map_err(|error| Error::reading(path, error))?;
    let length = file.metadata().map_err(|error| Error::reading(path, error))?.len();
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    // The library would assert this.
    let groups = reader.metadata().row_groups().iter();
    for column in groups.flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        if start < 0 || column.compressed_size() < 0 {
            return Err(Error::data("not a readable .parquet file").because("a column lies outside the file"));
        }
    }
    let columns = column::columns(reader.metadata().file_metadata().schema_descr());
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    if names.is_empty() {
        return Err(Error::data("the table has no columns"));
    }
    let chosen = Columns::chosen(columns.len(), &names, options)?;
    let mut label = chosen.label;
    let image = columns.iter().position(|column| column.kind == Kind::Image);
    if image.is_some() && label.is_none() {
        label = columns.iter().position(|column| column.name == "label" && column.kind == Kind::Number);
    }
    let most = length.saturating_mul(EXPANSION).max(SMALL);
    let table = Table { reader, columns, label, most };
    match image {
        Some(image) => images::rows(path, &table, image, options),
        None => numbers(path, &table, &chosen, options),
    }
}

impl Table {
    /// Calls `see` with the next rows of these columns until there are none; the cells are in the order of the columns that were asked for.
    fn each(&self, wanted: &[usize], together: usize, mut see: impl FnMut(&[Cells]) -> Result<()>) -> Result<()> {
        let mut seen = 0;
        for group in 0..self.reader.num_row_groups() {
            let group = self.reader.get_row_group(group).map_err(broken)?;
            let leaf = |column: &usize| group.get_column_reader(self.columns[*column].leaf).map_err(broken);
            let mut readers = wanted.iter().map(leaf).collect::<Result<Vec<_>>>()?;
            loop {
                let mut cells = Vec::with_capacity(wanted.len());
                for (reader, column) in readers.iter_mut().zip(wanted) {
                    let column = &self.columns[*column];
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
                see(&cells)?;
                seen += rows;
            }
        }
        Ok(())
    }

    fn bounded(&self, bytes: u64) -> Result<()> {
        if bytes > self.most {
            return Err(Error::data("the file expands too far")
                .expected(format!("at most {} bytes of values", self.most))
                .got("more"));
        }
        Ok(())
    }
}

/// Rows of numbers, the columns one after the other.
fn numbers(path: &Path, table: &Table, chosen: &Columns, options: &Options) -> Result<Dataset> {
    let wanted = chosen.read.clone();
    if let Some(column) = wanted.iter().map(|column| &table.columns[*column]).find(|column| !column.is_numbers()) {
        let error = Error::data("a column is not of numbers")
            .at(format!("column '{}'", column.name))
            .expected("numbers, or lists of numbers")
            .got(column.of.clone());
        return Err(if table.label.is_none() {
            error.hinting("--label-column names a column of labels, --drop leaves a column out")
        } else {
            error.hinting("--drop leaves a column out")
        });
    }
    let all: Vec<usize> = wanted.iter().copied().chain(table.label).collect();
    let (mut spool, mut gather, mut count) = (Spool::new(options.memory), Gather::default(), 0_usize);
    let mut lengths: Vec<Option<usize>> = vec![None; wanted.len()];
    let mut row = Vec::new();
    table.each(&all, TOGETHER, |cells| {
        for r in 0..cells[0].rows {
            row.clear();
            for ((cells, column), length) in cells.iter().zip(&wanted).zip(&mut lengths) {
                let column = &table.columns[*column];
                let place = || format!("row {}, column '{}'", count + 1, column.name);
                let values = cells.numbers(r);
                if values.len() != *length.get_or_insert(values.len()) || values.is_empty() {
                    return Err(Error::data("the lists are not of one length")
                        .at(place())
                        .expected(length.map_or(1, |length| length.max(1)).to_string())
                        .got(values.len().to_string()));
                }
                for value in values {
                    if !(value as f32).is_finite() {
                        return Err(not_finite(value, &place()));
                    }
                    row.push(value);
                }
            }
            if table.label.is_some() {
                gather.push(&cells[wanted.len()].label(r)?);
            }
            spool.write_numbers(&row)?;
            count += 1;
        }
        table.bounded(spool.length())
    })?;
    let width = lengths.iter().map(|length| length.unwrap_or(1)).sum();
    let store = Store::Encoded(Encoded::numbers(spool.finish()?, count, width));
    let data = Dataset::make(name_of(path), count, &[width], store, table.label.map(|_| gather.finish()))?;
    let column = |column: usize| format!("column '{}'", table.columns[column].name);
    let mut about = About::new("Parquet", "numbers");
    if let Some(label) = table.label {
        about = about.labelled(column(label));
    }
    for (left, why) in &chosen.left {
        about = about.omitting(column(*left), *why);
    }
    let single = lengths.iter().all(|length| length.is_none_or(|length| length == 1));
    let names = if single { wanted.iter().map(|column| table.columns[*column].name.clone()).collect() } else { vec![] };
    let data = data.with_about(about, names);
    Ok(if single { data.numbered(&wanted).tabular() } else { data })
}
