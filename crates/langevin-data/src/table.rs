//! Comma-separated numbers: one row a line, an optional line of names first.

use crate::data::{Dataset, name_of, not_finite};
use crate::error::{Error, Result};
use crate::labels::Gather;
use crate::npy::Encoded;
use crate::options::Options;
use crate::source::{Spool, read_at};
use crate::store::Store;
use csv::StringRecord;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::rc::Rc;

/// Bytes of the longest line, quoted line breaks included.
const LONGEST: u64 = 64 << 20;
/// Spreadsheets put a byte-order mark in front.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Opens a `.csv` file. The first line is a header if none of its fields is a number.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Dataset> {
    let file = File::open(path).map_err(|error| Error::reading(path, error))?;
    rows(path, file, options).map_err(|error| error.in_file(path))
}

/// Counts what is read since the last line began, so that a file without line breaks takes no memory of its size.
struct Guarded {
    file: File,
    given: u64,
    began: Rc<Cell<u64>>,
}

impl Read for Guarded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given - self.began.get().min(self.given) > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line is longer than {LONGEST} bytes")));
        }
        let read = self.file.read(out)?;
        self.given += read as u64;
        Ok(read)
    }
}

/// Where lines stand in the file; asked when there is something to say about one.
struct Lines {
    file: File,
    /// Bytes before the first line.
    skipped: u64,
}

impl Lines {
    /// The line of a record, counted from 1. The reader's own position is before the blank lines that it skips.
    fn line(&self, position: Option<&csv::Position>) -> u64 {
        let Some(position) = position else { return 0 };
        let (mut line, mut byte) = (position.line(), [0]);
        let mut place = self.skipped + position.byte();
        while read_at(&self.file, &mut byte, place).is_ok() && matches!(byte[0], b'\r' | b'\n') {
            line += u64::from(byte[0] == b'\n');
            place += 1;
        }
        line
    }
}

/// What the reader calls a place; the file's name is put around it.
fn at(line: u64, column: usize, names: Option<&StringRecord>) -> String {
    match names.and_then(|names| names.get(column)) {
        Some(name) => format!("line {line}, column {} '{}'", column + 1, start(name)),
        None => format!("line {line}, column {}", column + 1),
    }
}

/// The start of a text of any length.
fn start(text: &str) -> String {
    let mut start: String = text.chars().take(40).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

const COMMAS: &str = "separate the columns with commas";

fn number(field: &str) -> Option<f64> {
    field.parse().ok()
}

/// One column whose fields hold another separator.
fn separated_otherwise(columns: usize, field: &str) -> bool {
    columns == 1 && field.contains([';', '\t', ' '])
}

fn rows(path: &Path, mut file: File, options: &Options) -> Result<Dataset> {
    let failed = |error| Error::io("cannot read the file", error);
    let mut mark = Vec::new();
    file.by_ref().take(MARK.len() as u64).read_to_end(&mut mark).map_err(failed)?;
    if mark.is_empty() {
        return Err(Error::data("the file is empty").expected("rows of numbers").got("0 bytes"));
    }
    let skipped = if mark == MARK { MARK.len() as u64 } else { 0 };
    file.seek(SeekFrom::Start(skipped)).map_err(failed)?;
    let lines = Lines { file: File::open(path).map_err(failed)?, skipped };
    let began = Rc::new(Cell::new(0));
    let guarded = Guarded { file, given: 0, began: Rc::clone(&began) };
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(guarded);

    let mut names: Option<StringRecord> = None;
    // The number of columns and which of them has the labels, once the first row told them.
    let mut columns: Option<(usize, Option<usize>)> = None;
    let (mut spool, mut gather, mut count) = (Spool::new(options.memory), Gather::default(), 0_usize);
    let (mut record, mut values) = (StringRecord::new(), Vec::new());
    while reader.read_record(&mut record).map_err(|error| unreadable(&lines, error))? {
        began.set(reader.position().byte());
        if columns.is_none() && names.is_none() && record.iter().all(|field| number(field).is_none()) {
            names = Some(std::mem::take(&mut record));
            continue;
        }
        let (expected, label) = match columns {
            Some(columns) => columns,
            None => {
                let width = names.as_ref().map_or(record.len(), StringRecord::len);
                *columns.insert((width, label(width, names.as_ref(), options)?))
            }
        };
        let line = || lines.line(record.position());
        if record.len() != expected {
            return Err(Error::data("a line has another number of columns")
                .at(format!("line {}", line()))
                .expected(expected.to_string())
                .got(record.len().to_string()));
        }
        values.clear();
        for (column, field) in record.iter().enumerate() {
            if label == Some(column) {
                gather.push(field);
                continue;
            }
            let place = || at(line(), column, names.as_ref());
            let Some(value) = number(field) else {
                let got = if field.is_empty() { "nothing".to_owned() } else { format!("'{}'", start(field)) };
                let error = Error::data("not a number").at(place()).expected("a number").got(got);
                return Err(match separated_otherwise(expected, field) {
                    true => error.hinting(COMMAS),
                    false if label.is_none() => error.hinting("--label-column names a column of labels"),
                    false => error,
                });
            };
            let narrow = value as f32;
            if !narrow.is_finite() {
                return Err(not_finite(value, &format!("row {}, {}", count + 1, place())));
            }
            values.push(narrow);
        }
        spool.write_floats(&values)?;
        count += 1;
    }
    let Some((width, label)) = columns else {
        let error = Error::data("the file has no rows of numbers");
        let other = names.as_ref().is_some_and(|names| separated_otherwise(names.len(), &names[0]));
        return Err(if other { error.hinting(COMMAS) } else { error });
    };
    let width = width - usize::from(label.is_some());
    let store = Store::Encoded(Encoded::floats(spool.finish()?, count, width));
    Dataset::make(name_of(path), count, &[width], store, label.map(|_| gather.finish()))
}

/// The column of the labels among `width`.
fn label(width: usize, names: Option<&StringRecord>, options: &Options) -> Result<Option<usize>> {
    let Some(wanted) = &options.label_column else { return Ok(None) };
    let names: Vec<&str> = names.map(|names| names.iter().collect()).unwrap_or_default();
    let column = column(wanted, width, &names)?;
    if width == 1 {
        return Err(Error::data("the only column is that of the labels").expected("a column of numbers besides"));
    }
    Ok(Some(column))
}

/// A column by its name or by its number from 1.
pub(crate) fn column(wanted: &str, width: usize, names: &[&str]) -> Result<usize> {
    let by_number = || wanted.parse().ok().filter(|number| (1..=width).contains(number)).map(|number| number - 1);
    names.iter().position(|name| *name == wanted).or_else(by_number).ok_or_else(|| {
        let known =
            if names.is_empty() || names.len() > 24 { String::new() } else { format!("{}, or ", names.join(", ")) };
        let error = Error::argument("no such column")
            .at("label column")
            .expected(format!("{known}a number from 1 to {width}"))
            .got(format!("'{wanted}'"));
        match langevin::nearest(wanted, names) {
            Some(near) => error.hinting(format!("did you mean '{near}'?")),
            None => error,
        }
    })
}

/// A record that cannot be read, or not as text.
fn unreadable(lines: &Lines, error: csv::Error) -> Error {
    let position = error.position().cloned();
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            Error::data("not a table of lines").because(error.to_string())
        }
        csv::ErrorKind::Io(error) => Error::io("cannot read the file", error),
        _ => Error::data("the text is not UTF-8")
            .at(position.map_or_else(|| "a line".to_owned(), |at| format!("line {}", lines.line(Some(&at)))))
            .hinting("save the table as CSV in UTF-8, or the array as .npy"),
    }
}
