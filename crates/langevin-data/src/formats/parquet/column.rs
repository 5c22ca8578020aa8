//! One column of a table.

use super::cells::{Cells, Values, some};
use crate::error::{Error, Result};
use half::f16;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::ColumnReader;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

/// Interpretation of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One number in each row.
    Number,
    /// A list of numbers in each row, nested this deep.
    List(i16),
    /// Bytes of an image.
    Image,
    /// Bytes, possibly a text.
    Text,
    /// Any other type.
    Other,
}

/// Largest depth of nested lists; images with channels have three levels.
const DEEPEST: i16 = 6;

/// Column of the table, which may consist of several parts (leaves) in the file.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Part that is read.
    pub(super) leaf: usize,
    /// Description of the type for errors.
    pub(super) of: String,
    /// True if its numbers are integers.
    pub(super) whole: bool,
    unsigned: bool,
    /// Definition level of a present cell; a lower level means a missing cell.
    most: i16,
}

/// Returns the columns of a file.
pub(super) fn columns(schema: &SchemaDescriptor) -> Vec<Column> {
    let leaves: Vec<(usize, usize)> =
        (0..schema.num_columns()).map(|leaf| (schema.get_column_root_idx(leaf), leaf)).collect();
    leaves
        .chunk_by(|a, b| a.0 == b.0)
        .map(|parts| {
            // Of {bytes, path}, the bytes are read.
            let named = |leaf: usize| schema.column(leaf).path().parts().get(1).is_some_and(|part| part == "bytes");
            let leaf = parts.iter().map(|(_, leaf)| *leaf).find(|leaf| named(*leaf)).unwrap_or(parts[0].1);
            let about = schema.column(leaf);
            Column {
                name: schema.get_column_root(leaf).name().to_owned(),
                kind: kind(&about, parts.len()),
                leaf,
                of: words(&about, parts.len()),
                whole: matches!(about.physical_type(), Physical::INT32 | Physical::INT64 | Physical::BOOLEAN),
                unsigned: unsigned(&about),
                most: about.max_def_level(),
            }
        })
        .collect()
}

fn unsigned(about: &ColumnDescriptor) -> bool {
    use ConvertedType::{UINT_8, UINT_16, UINT_32, UINT_64};
    matches!(about.converted_type(), UINT_8 | UINT_16 | UINT_32 | UINT_64)
        || matches!(about.logical_type_ref(), Some(LogicalType::Integer(of)) if !of.is_signed)
}

fn kind(about: &ColumnDescriptor, parts: usize) -> Kind {
    use ConvertedType::{INT_8, INT_16, INT_32, INT_64, NONE};
    let plain = match about.logical_type_ref() {
        // A date or a decimal number is stored as an integer, but does not represent that integer.
        None => matches!(about.converted_type(), NONE | INT_8 | INT_16 | INT_32 | INT_64) || unsigned(about),
        Some(of) => matches!(of, LogicalType::Integer(_) | LogicalType::Float16),
    };
    let parted = about.path().parts().len() > 1;
    match about.physical_type() {
        Physical::BYTE_ARRAY if about.max_rep_level() == 0 => {
            let picture = match about.path().parts() {
                [_, part] => part == "bytes",
                [name] => matches!(name.as_str(), "image" | "img" | "image.bytes") && plain,
                _ => false,
            };
            match (picture, parted) {
                (true, _) => Kind::Image,
                (false, false) => Kind::Text,
                (false, true) => Kind::Other,
            }
        }
        Physical::BYTE_ARRAY | Physical::INT96 => Kind::Other,
        Physical::FIXED_LEN_BYTE_ARRAY if about.logical_type_ref() != Some(&LogicalType::Float16) => Kind::Other,
        _ if !plain || parts > 1 => Kind::Other,
        _ => match about.max_rep_level() {
            0 if !parted => Kind::Number,
            levels @ 1..=DEEPEST => Kind::List(levels),
            _ => Kind::Other,
        },
    }
}

/// Describes the type of a column in plain words.
fn words(about: &ColumnDescriptor, parts: usize) -> String {
    use ConvertedType::{
        BSON, DECIMAL, ENUM, INTERVAL, JSON, TIME_MICROS, TIME_MILLIS, TIMESTAMP_MICROS, TIMESTAMP_MILLIS, UTF8,
    };
    if parts > 1 {
        return "several fields each".to_owned();
    }
    let converted = about.converted_type();
    let one = match about.logical_type_ref() {
        Some(LogicalType::String | LogicalType::Enum) => "texts",
        Some(LogicalType::Json | LogicalType::Bson) => "documents",
        Some(LogicalType::Date) => "dates",
        Some(LogicalType::Time(_)) => "times of day",
        Some(LogicalType::Timestamp(_)) => "dates and times",
        Some(LogicalType::Decimal(_)) => "decimal numbers",
        Some(LogicalType::Uuid) => "identifiers",
        _ if converted == ConvertedType::DATE => "dates",
        _ if matches!(converted, UTF8 | ENUM) => "texts",
        _ if matches!(converted, JSON | BSON) => "documents",
        _ if matches!(converted, TIME_MILLIS | TIME_MICROS) => "times of day",
        _ if matches!(converted, TIMESTAMP_MILLIS | TIMESTAMP_MICROS) => "dates and times",
        _ if converted == DECIMAL => "decimal numbers",
        _ if converted == INTERVAL => "intervals of time",
        _ => match about.physical_type() {
            Physical::BOOLEAN => "true or false",
            Physical::INT32 | Physical::INT64 => "whole numbers",
            Physical::INT96 => "dates and times",
            Physical::FLOAT | Physical::DOUBLE => "numbers",
            Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => "bytes",
        },
    };
    match about.max_rep_level() {
        0 if about.path().parts().len() > 1 => format!("a field of {one}"),
        0 => one.to_owned(),
        levels => format!("{}{one}", "lists of ".repeat(usize::from(levels.unsigned_abs().min(8)))),
    }
}

impl Column {
    pub(super) fn is_numbers(&self) -> bool {
        matches!(self.kind, Kind::Number | Kind::List(_))
    }

    /// Returns the nesting depth of its lists; 0 if each cell is one number.
    fn levels(&self) -> i16 {
        match self.kind {
            Kind::List(levels) => levels,
            _ => 0,
        }
    }

    /// Reads the next cells, at most `rows`; `seen` cells were read before.
    pub(super) fn cells(&self, reader: &mut ColumnReader, rows: usize, seen: usize) -> Result<Cells> {
        let (most, unsigned) = ((self.most, self.levels()), self.unsigned);
        let numbers = |cells: Vec<f64>| Values::Numbers(cells);
        match reader {
            ColumnReader::BoolColumnReader(reader) => some(reader, (rows, seen), most, &self.name, |cells| {
                Values::Whole(cells.into_iter().map(i128::from).collect())
            }),
            ColumnReader::Int32ColumnReader(reader) => some(reader, (rows, seen), most, &self.name, |cells| {
                let whole = |cell: i32| if unsigned { i128::from(cell as u32) } else { i128::from(cell) };
                Values::Whole(cells.into_iter().map(whole).collect())
            }),
            ColumnReader::Int64ColumnReader(reader) => some(reader, (rows, seen), most, &self.name, |cells| {
                let whole = |cell: i64| if unsigned { i128::from(cell as u64) } else { i128::from(cell) };
                Values::Whole(cells.into_iter().map(whole).collect())
            }),
            ColumnReader::FloatColumnReader(reader) => some(reader, (rows, seen), most, &self.name, |cells| {
                numbers(cells.into_iter().map(f64::from).collect())
            }),
            ColumnReader::DoubleColumnReader(reader) => some(reader, (rows, seen), most, &self.name, numbers),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                some(reader, (rows, seen), most, &self.name, |cells| {
                    let half = |bytes: &[u8]| match bytes {
                        [low, high] => f16::from_le_bytes([*low, *high]).to_f64(),
                        _ => f64::NAN,
                    };
                    numbers(cells.iter().map(|cell| half(cell.data())).collect())
                })
            }
            ColumnReader::ByteArrayColumnReader(reader) => some(reader, (rows, seen), most, &self.name, Values::Bytes),
            ColumnReader::Int96ColumnReader(_) => Err(Error::data("a column of time stamps cannot be read")),
        }
    }
}
