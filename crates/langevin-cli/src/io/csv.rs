//! Comma-separated numbers: one row a line, an optional line of names first.

use super::content::Content;
use super::{Array, json};
use crate::error::{Failure, Result};
use crate::words::{start, visible};
use std::path::Path;

/// Reads a table of numbers. The first line is a header if none of its fields is a number.
pub fn read(flag: &str, path: &Path) -> Result<Array> {
    let bytes = json::whole(flag, path, Content::Table, super::MOST_ARRAY)?;
    decode(&bytes).map_err(|failure| failure.in_file(path))
}

/// What the reader calls a place; the file's name is put around it.
fn at(line: u64, column: usize, names: Option<&csv::StringRecord>) -> String {
    match names.and_then(|names| names.get(column)) {
        Some(name) => format!("line {line}, column {} '{}'", column + 1, visible(&start(name))),
        None => format!("line {line}, column {}", column + 1),
    }
}

/// The line of a record, counted from 1. The reader's own position is before the blank lines that it skips.
fn line(bytes: &[u8], position: &csv::Position) -> u64 {
    let rest = usize::try_from(position.byte()).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

/// A record that cannot be read as text.
fn not_text(bytes: &[u8], error: &csv::Error) -> Failure {
    let place = match error.position() {
        Some(position) => format!("line {} is not UTF-8 text", line(bytes, position)),
        None => "the file is not UTF-8 text".to_owned(),
    };
    Failure::failed(place).hint("save the table as CSV in UTF-8, or the array as .npy")
}

fn decode(bytes: &[u8]) -> Result<Array> {
    // Spreadsheets put a byte-order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let mut names: Option<csv::StringRecord> = None;
    let (mut values, mut lines, mut width) = (Vec::new(), Vec::new(), None);
    for record in reader.records() {
        let record = record.map_err(|error| not_text(bytes, &error))?;
        let line = record.position().map_or(0, |position| line(bytes, position));
        let number = |field: &str| field.parse::<f64>().ok();
        if width.is_none() && names.is_none() && record.iter().all(|field| number(field).is_none()) {
            names = Some(record);
            continue;
        }
        let expected = *width.get_or_insert_with(|| names.as_ref().map_or(record.len(), csv::StringRecord::len));
        if record.len() != expected {
            return Err(Failure::failed(format!("line {line} has another number of columns"))
                .expected(expected.to_string())
                .got(record.len().to_string()));
        }
        for (column, field) in record.iter().enumerate() {
            let value = number(field).ok_or_else(|| {
                let failure = Failure::failed(format!("not a number at {}", at(line, column, names.as_ref())))
                    .expected("a number")
                    .got(if field.is_empty() { "nothing".to_owned() } else { format!("'{}'", start(field)) });
                if expected == 1 && field.contains([';', '\t', ' ']) {
                    return failure.hint("separate the columns with commas");
                }
                failure
            })?;
            values.push(value);
        }
        lines.push(line);
    }
    match width {
        Some(width) => Ok(Array { shape: vec![lines.len(), width], values, lines }),
        None if bytes.is_empty() => {
            Err(Failure::failed("the file is empty").expected("rows of numbers").got("0 bytes"))
        }
        None => {
            let failure = Failure::failed("the file has no rows of numbers");
            let separator = names.as_ref().is_some_and(|names| names.len() == 1 && names[0].contains([';', '\t', ' ']));
            Err(if separator { failure.hint("separate the columns with commas") } else { failure })
        }
    }
}

/// The names of columns that have none.
pub fn plain_names(width: usize) -> Vec<String> {
    (0..width).map(|column| format!("x{column}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_blank_lines_and_spaces_are_fine() {
        let array = decode(b"\xef\xbb\xbfx, y\r\n1, 2\n\n-3e-1,\"4\"\n").unwrap();
        assert_eq!((array.shape, array.values), (vec![2, 2], vec![1.0, 2.0, -0.3, 4.0]));
    }

    #[test]
    fn mistakes_name_their_line_and_column() {
        let text = |bytes: &[u8]| decode(bytes).unwrap_err().text();
        assert_eq!(text(b"1,2\n3\n"), "line 2 has another number of columns: expected 2, got 1");
        assert_eq!(
            text(b"x,y\n1,2\n\n3,four\n"),
            "not a number at line 4, column 2 'y': expected a number, got 'four'"
        );
        assert_eq!(text(b"1\r\n2\r\n\r\n3,\r\n"), "line 4 has another number of columns: expected 1, got 2");
        assert_eq!(text(b"1,\n"), "not a number at line 1, column 2: expected a number, got nothing");
        assert_eq!(text(b"1 2\n"), "the file has no rows of numbers\nhint: separate the columns with commas");
        assert_eq!(text(b""), "the file is empty: expected rows of numbers, got 0 bytes");
        assert!(text(b"1,2\n\n3,\xff\n").starts_with("line 3 is not UTF-8 text\nhint: "));
        assert!(text(b"x,\x1b[2J\n1,2\n3,\x1b[2J\n").starts_with("not a number at line 3, column 2 '\\u{1b}[2J': "));
    }
}
