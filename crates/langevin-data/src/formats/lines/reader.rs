//! Lines of one file of a table: the interpreted first lines, then the rows.

use super::detect::{Detected, Separator, diagnosis, with_point};
use super::field::{is_missing, number, whole};
use super::head::{Head, units};
use super::text::Text;
use crate::checks::missing;
use crate::error::{Error, Result};
use crate::source::read_at;
use crate::words::{flag_value, start};
use csv::StringRecord;
use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

/// Length limit of a line in bytes, including quoted line breaks.
const LONGEST: u64 = 64 << 20;
/// Number of lines that are read before the first one is interpreted.
const AHEAD: usize = 64;

/// Counts the bytes since the start of the current line.
///
/// The count bounds the memory for a file without line breaks.
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

/// Positions of lines in the file, computed only for error messages.
struct Lines {
    file: File,
    /// Number of bytes before the first line that is read; the next field counts the lines.
    skipped: u64,
    before: u64,
}

impl Lines {
    /// Returns the line number of a record, counted from 1.
    ///
    /// The CSV reader's own position lies before the blank lines that it skips.
    fn line(&self, position: Option<&csv::Position>) -> u64 {
        let Some(position) = position else { return 0 };
        let (mut line, mut byte) = (self.before + position.line(), [0]);
        let mut place = self.skipped + position.byte();
        while read_at(&self.file, &mut byte, place).is_ok() && matches!(byte[0], b'\r' | b'\n') {
            line += u64::from(byte[0] == b'\n');
            place += 1;
        }
        line
    }
}

/// Decimal marks seen in a table, which must be consistent.
#[derive(Default)]
struct Decimals {
    point: bool,
    comma: bool,
}

impl Decimals {
    /// Replaces decimal commas in a record by points.
    fn normal(&mut self, record: &mut StringRecord) -> bool {
        let mut changed = None;
        for (place, field) in record.iter().enumerate() {
            if let Some(with_point) = with_point(field) {
                self.comma = true;
                changed.get_or_insert_with(|| record.iter().map(str::to_owned).collect::<Vec<_>>())[place] = with_point;
            } else if field.contains('.') && number(field).is_some() {
                self.point = true;
            }
        }
        if let Some(fields) = changed {
            let position = record.position().cloned();
            *record = StringRecord::from(fields);
            record.set_position(position);
        }
        !(self.point && self.comma)
    }
}

/// Rows of one file.
pub(super) struct Reader {
    reader: csv::Reader<Guarded>,
    began: Rc<Cell<u64>>,
    lines: Lines,
    decimals: Decimals,
    /// Rows that were read ahead to interpret the first one.
    ahead: VecDeque<StringRecord>,
    pub(super) separator: Separator,
    /// Storage of the text, if it is not plain.
    pub(super) stored: Option<&'static str>,
    pub(super) names: Option<StringRecord>,
    /// Line of units below the names.
    pub(super) units: Option<String>,
    /// Assumption about the first line.
    pub(super) note: Option<String>,
    pub(super) width: usize,
}

impl Reader {
    /// Opens a single file, or the first of several.
    pub(super) fn open(path: &Path, header: Option<bool>) -> Result<Self> {
        let (mut own, named) = Self::begun(path)?;
        let head = match &named {
            Some(_) if header != Some(true) => Head { is_header: false, note: None },
            _ => Head::of(own.ahead.make_contiguous(), header),
        };
        own.names = match (named, head.is_header) {
            (_, true) => own.ahead.pop_front(),
            (Some(names), false) if header.is_none() => Some(StringRecord::from(names)),
            _ => None,
        };
        own.note = head.note;
        own.without_units();
        own.width = match (&own.names, own.ahead.front()) {
            (None, None) => return Err(none()),
            (Some(names), _) => names.len(),
            (None, Some(first)) => first.len(),
        };
        Ok(own)
    }

    /// Opens a file that continues `first`: with the same names, or without names if `first` has
    /// none.
    pub(super) fn follow(path: &Path, first: &Self, header: Option<bool>) -> Result<Self> {
        let (mut own, named) = Self::begun(path)?;
        let words = |fields: &StringRecord| format!("the columns {}", start_of(fields.iter()));
        let different = |expected: String, got: String| {
            Error::data("the files have different columns")
                .expected(expected)
                .got(got)
                .hinting("files that are read as one table have the same line of names, or all have none")
        };
        own.width = first.width;
        if let Some(names) = &first.names {
            let is_same = own.ahead.front().is_some_and(|line| line.iter().eq(names.iter()));
            if is_same {
                own.ahead.pop_front();
            } else if named.as_ref().is_none_or(|named| !named.iter().map(String::as_str).eq(names.iter())) {
                let got = match own.ahead.front() {
                    Some(line) if line.iter().any(|field| number(field).is_some()) => "no line of names".to_owned(),
                    Some(line) => words(line),
                    None => "no line".to_owned(),
                };
                return Err(different(words(names), got));
            }
            own.names = Some(names.clone());
            own.without_units();
        } else if let Some(line) = own.ahead.front() {
            if named.is_none() && line.len() != first.width {
                return Err(different(format!("{} columns", first.width), line.len().to_string()));
            }
            if header != Some(false) && Head::of(own.ahead.make_contiguous(), None).is_header {
                let line = own.ahead.front().map_or_else(String::new, words);
                return Err(different("no line of names".to_owned(), line));
            }
        }
        Ok(own)
    }

    /// Opens a file and reads its first lines; also returns the column names in a comment above
    /// them.
    fn begun(path: &Path) -> Result<(Self, Option<Vec<String>>)> {
        let failed = |error| Error::io("cannot read the file", error);
        let mut text = Text::open(path)?;
        let detected = Detected::of(&mut text.file);
        let separator = detected.separator;
        if separator == Separator::Blanks {
            text = text.tabbed()?;
        }
        let again = if separator == Separator::Blanks { Detected::of(&mut text.file).bytes } else { detected.bytes };
        text.skipped += again;
        text.rewind()?;
        let lines =
            Lines { file: text.file.try_clone().map_err(failed)?, skipped: text.skipped, before: detected.before };
        let began = Rc::new(Cell::new(0));
        let guarded = Guarded { file: text.file, given: 0, began: Rc::clone(&began) };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .delimiter(separator.byte())
            .comment(detected.comments.then_some(b'#'))
            .from_reader(guarded);
        let mut own = Self {
            reader,
            began,
            lines,
            decimals: Decimals::default(),
            ahead: VecDeque::new(),
            separator,
            stored: text.stored,
            names: None,
            units: None,
            note: None,
            width: 0,
        };
        let mut bytes = 0;
        while own.ahead.len() < AHEAD && bytes < LONGEST {
            let mut record = StringRecord::new();
            if !own.read(&mut record)? {
                break;
            }
            bytes += record.as_slice().len() as u64;
            own.ahead.push_back(record);
        }
        Ok((own, detected.names))
    }

    /// Removes the line of units that may follow the names.
    fn without_units(&mut self) {
        self.units = if self.names.is_some() { units(&self.ahead) } else { None };
        if self.units.is_some() {
            self.ahead.pop_front();
        }
    }

    fn read(&mut self, record: &mut StringRecord) -> Result<bool> {
        let more = self.reader.read_record(record).map_err(|error| unreadable(&self.lines, error))?;
        self.began.set(self.reader.position().byte());
        if self.separator != Separator::Comma && more && !self.decimals.normal(record) {
            return Err(Error::data("decimal points and decimal commas in one table")
                .at(format!("line {}", self.line(record)))
                .expected("one way to write numbers")
                .got(format!("'{}'", start(&record.iter().collect::<Vec<_>>().join(", "))))
                .hinting("write all numbers the same way, and without separators between thousands"));
        }
        Ok(more)
    }

    /// Reads the next row; returns false at the end.
    pub(super) fn next(&mut self, record: &mut StringRecord) -> Result<bool> {
        match self.ahead.pop_front() {
            Some(first) => *record = first,
            None if !self.read(record)? => return Ok(false),
            None => {}
        }
        if record.len() == self.width {
            return Ok(true);
        }
        let error = Error::data("a line has another number of columns")
            .at(format!("line {}", self.line(record)))
            .expected(self.width.to_string())
            .got(record.len().to_string());
        let commas = self.separator == Separator::Comma && record.len() == 2 * self.width;
        Err(match commas && record.iter().all(whole) {
            true => error.hinting("write decimals with points, or separate the columns by semicolons"),
            false => error,
        })
    }

    /// Returns true if all examined rows end with an empty field.
    pub(super) fn ends_empty(&self) -> bool {
        self.ahead.iter().all(|record| record.len() == self.width && record[self.width - 1].is_empty())
    }

    /// Returns true if the numbers read so far have decimal commas.
    pub(super) fn has_decimal_commas(&self) -> bool {
        self.decimals.comma && self.separator != Separator::Comma
    }

    /// Returns the line number of a row, counted from 1.
    fn line(&self, record: &StringRecord) -> u64 {
        self.lines.line(record.position())
    }

    /// Describes a place in the file; the caller adds the file's name.
    pub(super) fn place(&self, record: &StringRecord, column: usize) -> String {
        let line = self.line(record);
        match self.names.as_ref().and_then(|names| names.get(column)) {
            Some(name) => format!("line {line}, column {} '{}'", column + 1, start(name)),
            None => format!("line {line}, column {}", column + 1),
        }
    }

    /// Returns the error for a field of a row that is not a number.
    pub(super) fn no_number(&self, record: &StringRecord, column: usize, label: bool) -> Error {
        let (field, place) = (&record[column], self.place(record, column));
        if is_missing(field) || number(field).is_some_and(f64::is_nan) {
            let got = if field.is_empty() { "an empty cell".to_owned() } else { format!("'{}'", start(field)) };
            let name = match self.names.as_ref().and_then(|names| names.get(column)) {
                Some(name) if !name.is_empty() => flag_value([start(name)]),
                _ => (column + 1).to_string(),
            };
            return missing(&place, "a number", &got, Some(&name));
        }
        let got = format!("'{}'", start(field));
        if let Some((what, hint)) = diagnosis(field) {
            return Error::data(what).at(place).expected("a number").got(got).hinting(hint);
        }
        let error = Error::data("not a number").at(place).expected("a number").got(got);
        match label {
            false => error.hinting("--label-column names a column of labels, --drop leaves a column out"),
            true => error.hinting("--drop leaves a column out"),
        }
    }
}

/// Returns the error for a file without rows.
pub(super) fn none() -> Error {
    Error::data("the file has no rows of numbers")
}

/// Joins the first of these fields.
fn start_of<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 24;
    let mut words: Vec<String> = fields.take(SHOWN + 1).map(start).collect();
    if words.len() > SHOWN {
        words[SHOWN] = "…".to_owned();
    }
    words.join(", ")
}

/// Returns the error for a record that cannot be read, or is not text.
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
