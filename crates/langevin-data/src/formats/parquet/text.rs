//! All cells of a file as texts.

use super::failure::broken;
use crate::error::{Error, Result};
use crate::guard::caught;
use crate::recognise::{FileKind, refuse};
use crate::tables::{Grid, GridColumn};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use std::fs::File;
use std::path::Path;

/// Reads all cells of a file; `memory` is the largest number of bytes of the cells.
///
/// Columns of texts and of truth values are marked as texts. Other types than those and numbers
/// are an error.
pub(crate) fn cells_as_text(path: &Path, memory: u64) -> Result<Grid> {
    refuse(path, FileKind::Parquet)?;
    caught(|| read(path, memory))
        .unwrap_or_else(|| Err(Error::data("not a readable .parquet file").because("its parts contradict each other")))
}

fn read(path: &Path, memory: u64) -> Result<Grid> {
    let file = File::open(path).map_err(|error| Error::reading(path, error))?;
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<String> = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let mut columns: Vec<GridColumn> = names.iter().map(|_| GridColumn::default()).collect();
    let (mut bytes, mut row) = (0_u64, 0_u64);
    for record in reader.get_row_iter(None).map_err(broken)? {
        let record = record.map_err(broken)?;
        row += 1;
        for ((name, field), column) in record.get_column_iter().zip(&mut columns) {
            let (cell, is_text) = match field {
                Field::Null => (None, false),
                Field::Bool(value) => (Some(value.to_string()), true),
                Field::Byte(_)
                | Field::Short(_)
                | Field::Int(_)
                | Field::Long(_)
                | Field::UByte(_)
                | Field::UShort(_)
                | Field::UInt(_)
                | Field::ULong(_) => (Some(field.to_string()), false),
                // Display adds ".0" to integers, and NaN is a missing value.
                Field::Float(value) => (value.is_finite().then(|| value.to_string()), false),
                Field::Double(value) => (value.is_finite().then(|| value.to_string()), false),
                Field::Str(text) => (Some(text.trim().to_owned()), true),
                _ => {
                    return Err(Error::data("a column cannot be read as numbers or categories")
                        .at(format!("row {row}, column '{}'", crate::words::start(name)))
                        .expected("numbers, texts or truth values")
                        .got(crate::words::start(&field.to_string()))
                        .hinting("--drop leaves a column out"));
                }
            };
            bytes += cell.as_ref().map_or(0, String::len) as u64 + size_of::<Option<String>>() as u64;
            column.is_text |= is_text;
            column.cells.push(cell);
        }
        if bytes > memory {
            return Err(Grid::too_large(memory));
        }
    }
    if row == 0 {
        return Err(Error::data("the file has no rows"));
    }
    Ok(Grid { format: "Parquet".into(), note: None, names, columns, dialect: None })
}
