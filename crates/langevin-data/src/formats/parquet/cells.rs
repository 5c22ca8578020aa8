//! A range of cells of a column.

use super::failure::broken;
use crate::checks::{EXACT, missing};
use crate::error::{Error, Result};
use crate::words::{flag_value, start};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{ByteArray, DataType};
use std::borrow::Cow;

/// Consecutive cells of a column.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) rows: usize,
    values: Values,
    /// Start of each row's list, and the end of the last; `None` without lists.
    begins: Option<Vec<usize>>,
    /// For each number in nested lists, the level of the innermost list that it continues; empty
    /// otherwise.
    repeats: Vec<i16>,
    /// Nesting depth of the lists.
    levels: i16,
}

#[derive(Debug)]
pub(super) enum Values {
    Numbers(Vec<f64>),
    Whole(Vec<i128>),
    Bytes(Vec<ByteArray>),
}

/// Reads the next cells of a type; a missing cell is an error.
pub(super) fn some<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    (rows, seen): (usize, usize),
    (most, levels): (i16, i16),
    name: &str,
    values: impl FnOnce(Vec<T::T>) -> Values,
) -> Result<Cells> {
    let (mut there, mut repeats, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    let (rows, _, _) = reader.read_records(rows, Some(&mut there), Some(&mut repeats), &mut cells).map_err(broken)?;
    let starts = |level: usize| repeats.get(level).is_none_or(|repeat| *repeat == 0);
    if let Some(level) = there.iter().position(|level| *level < most) {
        let row = (0..=level).filter(|level| starts(*level)).count();
        return Err(missing(&format!("row {}", seen + row), "a value", "null", Some(&flag_value([start(name)]))));
    }
    let begins = (!repeats.is_empty()).then(|| {
        let begins = repeats.iter().enumerate().filter(|(_, repeat)| **repeat == 0).map(|(level, _)| level);
        begins.chain([repeats.len()]).collect::<Vec<_>>()
    });
    if levels < 2 {
        repeats.clear();
    }
    let cells = Cells { rows, values: values(cells), begins, repeats, levels };
    cells.whole().then_some(cells).ok_or_else(|| Error::data("the column does not hold what it says"))
}

impl Cells {
    /// Returns true if the number of values matches the levels.
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

    /// Returns the numbers of a row.
    pub(super) fn numbers(&self, row: usize) -> Vec<f64> {
        let (from, to) = self.begins.as_ref().map_or((row, row + 1), |begins| (begins[row], begins[row + 1]));
        match &self.values {
            Values::Numbers(cells) => cells[from..to].to_vec(),
            Values::Whole(cells) => cells[from..to].iter().map(|cell| *cell as f64).collect(),
            Values::Bytes(_) => vec![],
        }
    }

    /// Returns true if a row has an integer that float64 cannot represent.
    pub(super) fn is_rounded(&self, row: usize) -> bool {
        let (from, to) = self.begins.as_ref().map_or((row, row + 1), |begins| (begins[row], begins[row + 1]));
        match &self.values {
            Values::Whole(cells) => {
                cells[from..to].iter().any(|cell| cell.unsigned_abs() >= EXACT as u128 && *cell as f64 as i128 != *cell)
            }
            Values::Numbers(_) | Values::Bytes(_) => false,
        }
    }

    /// Returns the shape of the lists of a row: their length on each level.
    ///
    /// Returns `None` if lists of one level differ in length.
    pub(super) fn shape(&self, row: usize) -> Option<Vec<usize>> {
        let Some(begins) = &self.begins else { return Some(vec![1]) };
        let length = begins[row + 1] - begins[row];
        if self.levels < 2 {
            return Some(vec![length]);
        }
        // A number whose repetition level is k continues the lists of level k and those outside.
        // The first number that does not continue a list of some level gives the length of that
        // list.
        let repeats = &self.repeats[begins[row]..begins[row + 1]];
        let (mut shape, mut size) = (Vec::new(), 1);
        for level in (1..=self.levels).rev() {
            let end = repeats.iter().skip(1).position(|repeat| *repeat < level).map_or(length, |place| place + 1);
            if !end.is_multiple_of(size) {
                return None;
            }
            shape.insert(0, end / size);
            size = end;
        }
        let expected = |place: usize| continued(&shape, self.levels, place);
        let fits = size == length && (1..length).all(|place| repeats[place] == expected(place));
        fits.then_some(shape)
    }

    /// Returns the bytes of a row.
    pub(super) fn bytes(&self, row: usize) -> &[u8] {
        match &self.values {
            Values::Bytes(cells) => cells[row].data(),
            _ => &[],
        }
    }

    /// Returns the name of the label of a row.
    pub(super) fn label(&self, row: usize) -> Result<Cow<'_, str>> {
        match &self.values {
            _ if self.begins.is_some() => Err(Error::data("a label is a list").expected("a whole number or a text")),
            Values::Numbers(cells) if cells[row].fract() == 0.0 && cells[row].abs() < 1e15 => {
                Ok((cells[row] as i64).to_string().into())
            }
            Values::Whole(cells) => Ok(cells[row].to_string().into()),
            Values::Bytes(cells) => Ok(String::from_utf8_lossy(cells[row].data())),
            Values::Numbers(cells) => Err(Error::data("the labels are not whole numbers")
                .expected("whole numbers or texts")
                .got(cells[row].to_string())),
        }
    }
}

/// Returns the repetition level of an element of nested lists of this shape, `levels` deep.
///
/// It is the level of the innermost list that the element continues, and 0 at the start of a row.
pub(super) fn continued(shape: &[usize], levels: i16, place: usize) -> i16 {
    let (mut level, mut size) = (levels, 1);
    for extent in shape.iter().rev() {
        size *= extent;
        if !place.is_multiple_of(size) {
            break;
        }
        level -= 1;
    }
    level
}
