//! Writing of Parquet tables in groups of rows.

use super::cells::continued;
use crate::table::TableColumns;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};
use std::io::{self, Write};
use std::sync::Arc;

/// Target number of values in a group, unless it has fewer than `FEWEST` rows.
///
/// The metadata of each column of each group stay in memory until the end, so groups must not be
/// too small.
const TOGETHER: usize = 1 << 20;
const FEWEST: usize = 64;
/// Limit 2⁶³, from which numbers are not 64-bit integers.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

/// Table being written.
pub(crate) struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: TableColumns,
    /// For each number of an array, the level of the innermost list that it continues; empty for
    /// columns.
    repeats: Vec<i16>,
    /// Number of rows of a group; the next fields buffer the rows of the next group.
    together: usize,
    values: Vec<f64>,
    labels: Vec<ByteArray>,
}

impl<W: Write + Send> Writer<W> {
    pub(crate) fn new(out: W, columns: &TableColumns) -> io::Result<Self> {
        let schema = schema(columns).map_err(failed)?;
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_dictionary_enabled(false);
        if let Some(label) = &columns.label {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(label.clone()), true);
        }
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build())).map_err(failed)?;
        let width = columns.width().max(1);
        Ok(Self {
            file,
            repeats: columns.array.as_ref().map(|(_, shape)| repeats(shape)).unwrap_or_default(),
            together: (TOGETHER / width).max(FEWEST),
            columns: columns.clone(),
            values: Vec::new(),
            labels: Vec::new(),
        })
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &[f64], label: Option<&str>) -> io::Result<()> {
        let whole = self.columns.whole.iter().zip(row);
        if let Some((_, value)) = whole.clone().find(|(whole, value)| **whole && value.abs() >= BEYOND) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{value:e} is no whole number of 64 bits")));
        }
        self.values.extend_from_slice(row);
        self.labels.extend(label.map(ByteArray::from));
        if self.values.len() >= self.together * row.len() { self.write().map_err(failed) } else { Ok(()) }
    }

    /// Finishes the file.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.write().and_then(|()| self.file.into_inner()).map_err(failed)
    }

    /// Writes the buffered rows as a group.
    fn write(&mut self) -> Result<(), ParquetError> {
        if self.values.is_empty() {
            return Ok(());
        }
        let Self { file, columns, repeats, values, labels, .. } = self;
        let width = columns.width();
        let mut group = file.next_row_group()?;
        let levels = columns.array.as_ref().map(|(_, shape)| {
            let rows = values.len() / width.max(1);
            (vec![shape.len() as i16; values.len()], repeats.repeat(rows))
        });
        if levels.is_some() {
            numbers(&mut group, columns.single, values.iter().copied(), levels.as_ref())?;
        } else {
            for place in 0..width {
                let column = values.iter().skip(place).step_by(width).copied();
                if columns.whole.get(place) == Some(&true) {
                    next::<Int64Type, _>(
                        &mut group,
                        &column.map(|value| value.round() as i64).collect::<Vec<_>>(),
                        None,
                    )?;
                } else {
                    numbers(&mut group, columns.single, column, None)?;
                }
            }
        }
        if columns.label.is_some() {
            next::<ByteArrayType, _>(&mut group, labels, None)?;
        }
        group.close()?;
        values.clear();
        labels.clear();
        Ok(())
    }
}

/// Definition and repetition levels of numbers in lists.
type Levels = (Vec<i16>, Vec<i16>);

fn numbers<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    single: bool,
    values: impl Iterator<Item = f64>,
    levels: Option<&Levels>,
) -> Result<(), ParquetError> {
    match single {
        true => next::<FloatType, _>(group, &values.map(|value| value as f32).collect::<Vec<_>>(), levels),
        false => next::<DoubleType, _>(group, &values.collect::<Vec<_>>(), levels),
    }
}

/// Writes the next column of a group.
pub(super) fn next<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&Levels>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("more columns than the schema has".to_owned()));
    };
    let levels = levels.map(|(there, repeats)| (&there[..], &repeats[..])).unzip();
    column.typed::<T>().write_batch(values, levels.0, levels.1)?;
    column.close()
}

fn schema(columns: &TableColumns) -> Result<Type, ParquetError> {
    let number = if columns.single { Physical::FLOAT } else { Physical::DOUBLE };
    let plain = |name: &str, of: Physical| {
        Type::primitive_type_builder(name, of).with_repetition(Repetition::REQUIRED).build().map(Arc::new)
    };
    let mut fields = Vec::new();
    if let Some((name, shape)) = &columns.array {
        let mut inner = plain("element", number)?;
        for level in (0..shape.len()).rev() {
            let list = Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![inner]);
            inner = Arc::new(
                Type::group_type_builder(if level == 0 { name } else { "element" })
                    .with_repetition(Repetition::REQUIRED)
                    .with_logical_type(Some(LogicalType::List))
                    .with_fields(vec![Arc::new(list.build()?)])
                    .build()?,
            );
        }
        fields.push(inner);
    } else {
        for (place, name) in columns.names.iter().enumerate() {
            fields.push(plain(name, if columns.whole.get(place) == Some(&true) { Physical::INT64 } else { number })?);
        }
    }
    if let Some(label) = &columns.label {
        let text = Type::primitive_type_builder(label, Physical::BYTE_ARRAY).with_repetition(Repetition::REQUIRED);
        fields.push(Arc::new(text.with_logical_type(Some(LogicalType::String)).build()?));
    }
    Type::group_type_builder("schema").with_fields(fields).build()
}

/// Returns for each number of an array the level of the innermost list that it continues; 0 starts
/// a row.
fn repeats(shape: &[usize]) -> Vec<i16> {
    (0..shape.iter().product()).map(|place| continued(shape, shape.len() as i16, place)).collect()
}

/// Converts an error of the library to an I/O error, which it may contain.
pub(super) fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other.to_string()),
    }
}
