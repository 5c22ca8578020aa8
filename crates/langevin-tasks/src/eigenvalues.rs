//! Eigenvalues from a file: a JSON list, or a single column of numbers in a table or an array.

use crate::content::{self, Content};
use crate::data;
use crate::documents;
use crate::error::{Error, Result};
use crate::observe::Observer;
use crate::words::visible;
use langevin::text::brief;
use std::path::Path;

/// Maximum size of a table. Files of eigenvalues hold some thousands of numbers, so the table is
/// read as a whole.
const MOST_BYTES: u64 = 64 << 20;
/// Maximum number of characters of a value that a message quotes.
const START: usize = 40;

/// File extensions that [`read`] accepts.
pub const ENDINGS: [&str; 3] = ["npy", "csv", "json"];

/// Reads the eigenvalues in a file; its extension decides the format. Messages name the file by
/// `argument`.
///
/// # Examples
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("eigenvalues.json");
/// std::fs::write(&path, "[4.0, 1.0, 0.25]")?;
/// assert_eq!(langevin_tasks::eigenvalues::read("‹spectrum›", &path, &())?, [4.0, 1.0, 0.25]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file is of another kind or is not a single column of numbers.
pub fn read(argument: &str, path: &Path, observer: &dyn Observer) -> Result<Vec<f64>> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let values = match ending.as_deref() {
        Some("npy") => {
            content::check(argument, path, Content::Array, observer)?;
            let array = langevin_data::Array::open(path).map_err(|error| data::failure(&error, observer))?;
            column(&array.shape, array.values)
        }
        Some("json") => list(&documents::text(argument, path, Content::Numbers, observer)?),
        _ => {
            let bytes = documents::whole(argument, path, Content::Table, MOST_BYTES, observer)?;
            table(&bytes).and_then(|(shape, values)| column(&shape, values))
        }
    };
    values.map_err(|error| error.in_file(path))
}

/// Parses a JSON list of numbers.
fn list(text: &str) -> Result<Vec<f64>> {
    let wrong = |got: String| Error::failed("not a list of numbers").expected("[c1, c2, …]").got(got);
    let value = |element: &serde_json::Value| element.as_f64().ok_or_else(|| wrong(start(&element.to_string())));
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Array(elements)) => elements.iter().map(value).collect(),
        Ok(other) => Err(wrong(start(&other.to_string()))),
        Err(error) => Err(wrong(format!("no JSON at line {}, column {}", error.line(), error.column()))),
    }
}

fn column(shape: &[usize], values: Vec<f64>) -> Result<Vec<f64>> {
    match shape {
        [_] | [_, 1] => Ok(values),
        _ => Err(Error::failed("eigenvalues are one column")
            .expected("shape (n,) or (n, 1)")
            .got(format!("shape {shape:?}"))
            .hint("rows of data are for ‹data›")),
    }
}

fn start(text: &str) -> String {
    brief(text, START)
}

/// Formats a place in the file. The caller adds the name of the file.
fn at(line: u64, column: usize, names: Option<&csv::StringRecord>) -> String {
    match names.and_then(|names| names.get(column)) {
        Some(name) => format!("line {line}, column {} '{}'", column + 1, visible(&start(name))),
        None => format!("line {line}, column {}", column + 1),
    }
}

/// Returns the line number of a record, counted from 1. The position that the reader reports lies
/// before the blank lines that it skips.
fn line(bytes: &[u8], position: &csv::Position) -> u64 {
    let rest = usize::try_from(position.byte()).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

/// Returns the error for a record that is not UTF-8 text.
fn not_text(bytes: &[u8], error: &csv::Error) -> Error {
    let place = match error.position() {
        Some(position) => format!("line {} is not UTF-8 text", line(bytes, position)),
        None => "the file is not UTF-8 text".to_owned(),
    };
    Error::failed(place).hint("save the table as CSV in UTF-8, or the array as .npy")
}

/// Parses a table of numbers and returns its shape and its values, row after row. The first line is
/// a header if none of its fields is a number.
fn table(bytes: &[u8]) -> Result<([usize; 2], Vec<f64>)> {
    // Spreadsheets write a byte-order mark at the start of the file.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let mut names: Option<csv::StringRecord> = None;
    let (mut values, mut rows, mut width) = (Vec::new(), 0, None);
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
            return Err(Error::failed(format!("line {line} has another number of columns"))
                .expected(expected.to_string())
                .got(record.len().to_string()));
        }
        for (column, field) in record.iter().enumerate() {
            let value = number(field).ok_or_else(|| {
                let failure = Error::failed(format!("not a number at {}", at(line, column, names.as_ref())))
                    .expected("a number")
                    .got(if field.is_empty() { "nothing".to_owned() } else { format!("'{}'", start(field)) });
                if expected == 1 && field.contains([';', '\t', ' ']) {
                    return failure.hint("separate the columns with commas");
                }
                failure
            })?;
            values.push(value);
        }
        rows += 1;
    }
    match width {
        Some(width) => Ok(([rows, width], values)),
        None if bytes.is_empty() => Err(Error::failed("the file is empty").expected("rows of numbers").got("0 bytes")),
        None => {
            let failure = Error::failed("the file has no rows of numbers");
            let separator = names.as_ref().is_some_and(|names| names.len() == 1 && names[0].contains([';', '\t', ' ']));
            Err(if separator { failure.hint("separate the columns with commas") } else { failure })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_blank_lines_and_spaces_are_fine() {
        let (shape, values) = table(b"\xef\xbb\xbfx, y\r\n1, 2\n\n-3e-1,\"4\"\n").unwrap();
        assert_eq!((shape, values), ([2, 2], vec![1.0, 2.0, -0.3, 4.0]));
    }

    #[test]
    fn mistakes_name_their_line_and_column() {
        let text = |bytes: &[u8]| table(bytes).unwrap_err().text();
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
