//! Writing of tables of categories and numbers.

use super::write::{failed, next};
use crate::tables::{ColumnValues, TableColumn, TableSchema};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::io::{self, Write};
use std::sync::Arc;

/// Type of a written column.
#[derive(Clone, Copy, PartialEq)]
enum Typed {
    Whole,
    Double,
    Text,
}

/// Writes rows of the model; the arguments are those of [`write_table`](crate::write_table).
///
/// Integers, of numbers or of categories, are 64-bit integers, other numbers are doubles, and other
/// categories texts.
pub(crate) fn write_mixed(
    out: impl Write + Send,
    schema: &TableSchema,
    rows: &[f64],
    labels: Option<(&str, &[&str])>,
) -> io::Result<()> {
    write(out, schema, rows, labels).map_err(failed)
}

fn typed(column: &TableColumn) -> Typed {
    match &column.values {
        ColumnValues::Numbers(scores) if scores.is_whole() => Typed::Whole,
        ColumnValues::Numbers(_) => Typed::Double,
        ColumnValues::Categories(all) if all.iter().all(|one| one.parse::<i64>().is_ok()) => Typed::Whole,
        ColumnValues::Categories(_) => Typed::Text,
    }
}

fn write(
    out: impl Write + Send,
    schema: &TableSchema,
    rows: &[f64],
    labels: Option<(&str, &[&str])>,
) -> Result<(), ParquetError> {
    let columns = schema.columns();
    let field = |name: &str, typed: Typed| {
        let of = match typed {
            Typed::Whole => Physical::INT64,
            Typed::Double => Physical::DOUBLE,
            Typed::Text => Physical::BYTE_ARRAY,
        };
        let logical = (typed == Typed::Text).then_some(LogicalType::String);
        let builder = Type::primitive_type_builder(name, of).with_repetition(Repetition::REQUIRED);
        builder.with_logical_type(logical).build().map(Arc::new)
    };
    let named = |(place, column): (usize, &TableColumn)| match column.name.as_str() {
        "" => field(&format!("column {}", place + 1), typed(column)),
        name => field(name, typed(column)),
    };
    let mut fields = columns.iter().enumerate().map(named).collect::<Result<Vec<_>, _>>()?;
    if let Some((name, _)) = labels {
        fields.push(field(name, Typed::Text)?);
    }
    let root = Type::group_type_builder("schema").with_fields(fields).build()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut file = SerializedFileWriter::new(out, Arc::new(root), Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    let lines: Vec<Vec<Option<String>>> = rows.chunks_exact(columns.len()).map(|row| schema.cells(row)).collect();
    let missing = || ParquetError::General("a value is missing".to_owned());
    for (place, column) in columns.iter().enumerate() {
        let cells = lines.iter().map(|line| line[place].as_deref().ok_or_else(missing));
        match typed(column) {
            Typed::Whole => {
                let numbers = cells.map(|cell| cell?.parse::<i64>().map_err(|_| missing()));
                next::<Int64Type, _>(&mut group, &numbers.collect::<Result<Vec<_>, _>>()?, None)?;
            }
            Typed::Double => {
                let numbers = cells.map(|cell| cell?.parse::<f64>().map_err(|_| missing()));
                next::<DoubleType, _>(&mut group, &numbers.collect::<Result<Vec<_>, _>>()?, None)?;
            }
            Typed::Text => {
                let texts = cells.map(|cell| Ok(ByteArray::from(cell?)));
                next::<ByteArrayType, _>(&mut group, &texts.collect::<Result<Vec<_>, ParquetError>>()?, None)?;
            }
        }
    }
    if let Some((_, of)) = labels {
        next::<ByteArrayType, _>(
            &mut group,
            &of.iter().map(|label| ByteArray::from(*label)).collect::<Vec<_>>(),
            None,
        )?;
    }
    group.close()?;
    file.close().map(|_| ())
}
