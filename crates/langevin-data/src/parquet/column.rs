//! One column of a table, and some of its cells.

use super::broken;
use crate::error::{Error, Result};
use half::f16;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use std::borrow::Cow;

/// What a column can be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One number a row.
    Number,
    /// A list of numbers a row.
    List,
    /// The bytes of a picture.
    Image,
    /// Bytes, a text perhaps.
    Text,
    /// Anything else.
    Other,
}

/// A column of the table, which may have parts in the file.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The part that is read.
    pub(super) leaf: usize,
    /// What it is of, for an error.
    pub(super) of: String,
    unsigned: bool,
    /// A cell with less than this is missing.
    most: i16,
}

/// The columns of a file.
pub(super) fn columns(schema: &SchemaDescriptor) -> Vec<Column> {
    let leaves: Vec<(usize, usize)> =
        (0..schema.num_columns()).map(|leaf| (schema.get_column_root_idx(leaf), leaf)).collect();
    leaves
        .chunk_by(|a, b| a.0 == b.0)
        .map(|parts| {
            // Of {bytes, path} the bytes.
            let named = |leaf: usize| schema.column(leaf).path().parts().get(1).is_some_and(|part| part == "bytes");
            let leaf = parts.iter().map(|(_, leaf)| *leaf).find(|leaf| named(*leaf)).unwrap_or(parts[0].1);
            let about = schema.column(leaf);
            Column {
                name: schema.get_column_root(leaf).name().to_owned(),
                kind: kind(&about, parts.len()),
                leaf,
                of: about.logical_type_ref().map_or_else(|| about.physical_type().to_string(), |of| format!("{of:?}")),
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
        // A date or a decimal number is stored as an integer, but is not that number.
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
            1 => Kind::List,
            _ => Kind::Other,
        },
    }
}

/// Some cells of a column, one after the other.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) rows: usize,
    values: Values,
    /// Where the list of each row begins, and the end of the last.
    begins: Option<Vec<usize>>,
}

#[derive(Debug)]
enum Values {
    Numbers(Vec<f64>),
    Whole(Vec<i128>),
    Bytes(Vec<ByteArray>),
}

impl Column {
    pub(super) fn is_numbers(&self) -> bool {
        matches!(self.kind, Kind::Number | Kind::List)
    }

    /// The next cells, at most `rows`, after `seen` others.
    pub(super) fn cells(&self, reader: &mut ColumnReader, rows: usize, seen: usize) -> Result<Cells> {
        let (most, unsigned) = (self.most, self.unsigned);
        let numbers = |cells: Vec<f64>| Values::Numbers(cells);
        match reader {
            ColumnReader::BoolColumnReader(reader) => {
                some(reader, (rows, seen), most, |cells| Values::Whole(cells.into_iter().map(i128::from).collect()))
            }
            ColumnReader::Int32ColumnReader(reader) => some(reader, (rows, seen), most, |cells| {
                let whole = |cell: i32| if unsigned { i128::from(cell as u32) } else { i128::from(cell) };
                Values::Whole(cells.into_iter().map(whole).collect())
            }),
            ColumnReader::Int64ColumnReader(reader) => some(reader, (rows, seen), most, |cells| {
                let whole = |cell: i64| if unsigned { i128::from(cell as u64) } else { i128::from(cell) };
                Values::Whole(cells.into_iter().map(whole).collect())
            }),
            ColumnReader::FloatColumnReader(reader) => {
                some(reader, (rows, seen), most, |cells| numbers(cells.into_iter().map(f64::from).collect()))
            }
            ColumnReader::DoubleColumnReader(reader) => some(reader, (rows, seen), most, numbers),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => some(reader, (rows, seen), most, |cells| {
                let half = |bytes: &[u8]| match bytes {
                    [low, high] => f16::from_le_bytes([*low, *high]).to_f64(),
                    _ => f64::NAN,
                };
                numbers(cells.iter().map(|cell| half(cell.data())).collect())
            }),
            ColumnReader::ByteArrayColumnReader(reader) => some(reader, (rows, seen), most, Values::Bytes),
            ColumnReader::Int96ColumnReader(_) => Err(Error::data("a column of time stamps cannot be read")),
        }
    }
}

/// The next cells of a type; one that is missing is an error.
fn some<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    (rows, seen): (usize, usize),
    most: i16,
    values: impl FnOnce(Vec<T::T>) -> Values,
) -> Result<Cells> {
    let (mut there, mut repeats, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    let (rows, _, _) = reader.read_records(rows, Some(&mut there), Some(&mut repeats), &mut cells).map_err(broken)?;
    let starts = |level: usize| repeats.get(level).is_none_or(|repeat| *repeat == 0);
    if let Some(level) = there.iter().position(|level| *level < most) {
        let row = (0..=level).filter(|level| starts(*level)).count();
        return Err(Error::data("a value is missing")
            .at(format!("row {}", seen + row))
            .hinting("drop or fill such rows first"));
    }
    let begins = (!repeats.is_empty()).then(|| {
        let begins = repeats.iter().enumerate().filter(|(_, repeat)| **repeat == 0).map(|(level, _)| level);
        begins.chain([repeats.len()]).collect::<Vec<_>>()
    });
    let cells = Cells { rows, values: values(cells), begins };
    cells.whole().then_some(cells).ok_or_else(|| Error::data("the column does not hold what it says"))
}

impl Cells {
    /// Whether there is what the levels say.
    fn whole(&self) -> bool {
        let count = match &self.values {
            Values::Numbers(cells) => cells.len(),
            Values::Whole(cells) => cells.len(),
            Values::Bytes(cells) => cells.len(),
        };
        match &self.begins {
            Some(begins) => begins.len() == self.rows + 1 && begins[0] == 0 && begins[self.rows] == count,
            None => count == self.rows,
        }
    }

    /// The numbers of a row.
    pub(super) fn numbers(&self, row: usize) -> Vec<f64> {
        let (from, to) = self.begins.as_ref().map_or((row, row + 1), |begins| (begins[row], begins[row + 1]));
        match &self.values {
            Values::Numbers(cells) => cells[from..to].to_vec(),
            Values::Whole(cells) => cells[from..to].iter().map(|cell| *cell as f64).collect(),
            Values::Bytes(_) => vec![],
        }
    }

    /// The bytes of a row.
    pub(super) fn bytes(&self, row: usize) -> &[u8] {
        match &self.values {
            Values::Bytes(cells) => cells[row].data(),
            _ => &[],
        }
    }

    /// The name of the label of a row.
    pub(super) fn label(&self, row: usize) -> Result<Cow<'_, str>> {
        match &self.values {
            _ if self.begins.is_some() => Err(Error::data("a label is a list").expected("a whole number or a text")),
            Values::Whole(cells) => Ok(cells[row].to_string().into()),
            Values::Bytes(cells) => Ok(String::from_utf8_lossy(cells[row].data())),
            Values::Numbers(_) => {
                Err(Error::data("the labels are not whole numbers").expected("an integer type or texts"))
            }
        }
    }
}
