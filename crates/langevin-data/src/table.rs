//! Tables as text: one row a line, an optional line of names first.
//!
//! | module | what is in it |
//! |---|---|
//! | `text` | the text of a file that may be packed, or UTF-16 |
//! | `dialect` | what separates the columns, and how numbers are written |

mod dialect;
mod text;

use crate::about::About;
use crate::data::{Dataset, name_of, not_finite};
use crate::error::{Error, Result};
use crate::labels::Gather;
use crate::npy::Encoded;
use crate::options::Options;
use crate::source::{Spool, read_at};
use crate::store::Store;
use csv::StringRecord;
use dialect::{Dialect, Separator, diagnosis, with_point};
use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;
use text::Text;

/// Bytes of the longest line, quoted line breaks included.
const LONGEST: u64 = 64 << 20;
/// Lines below the first that tell a header of numbers from a row.
const LINES: usize = 10;
/// Lines that are looked at before the first one is understood.
const AHEAD: usize = 64;
/// Opens a `.csv` file. The first line is a header if none of its fields is a number.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Dataset> {
    Text::open(path).and_then(|text| rows(path, text, options)).map_err(|error| error.in_file(path))
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
    /// Bytes before the first line that is read, and lines.
    skipped: u64,
    before: u64,
}

impl Lines {
    /// The line of a record, counted from 1. The reader's own position is before the blank lines that it skips.
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

/// What the reader calls a place; the file's name is put around it.
fn at(line: u64, column: usize, names: Option<&StringRecord>) -> String {
    match names.and_then(|names| names.get(column)) {
        Some(name) => format!("line {line}, column {} '{}'", column + 1, start(name)),
        None => format!("line {line}, column {}", column + 1),
    }
}

/// The start of a text of any length.
pub(crate) fn start(text: &str) -> String {
    let mut start: String = text.chars().take(40).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

fn number(field: &str) -> Option<f64> {
    field.parse().ok()
}

/// How the decimals of a table are marked; it has to be one way.
#[derive(Default)]
struct Decimals {
    point: bool,
    comma: bool,
}

impl Decimals {
    /// Writes the numbers of a record that have decimal commas with points.
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

/// The error for a field that is no number.
fn no_number(field: &str, place: &str, name: &str, label: bool) -> Error {
    if is_missing(field) {
        let got = if field.is_empty() { "an empty cell".to_owned() } else { format!("'{}'", start(field)) };
        return Error::data("a value is missing")
            .at(place)
            .expected("a number")
            .got(got)
            .hinting(format!("leave out or fill the rows that lack one, or leave the column out: --drop {name}"));
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

fn rows(path: &Path, mut text: Text, options: &Options) -> Result<Dataset> {
    let failed = |error| Error::io("cannot read the file", error);
    let dialect = Dialect::of(&mut text.file);
    if dialect.separator == Separator::Blanks {
        text = text.tabbed()?;
    }
    let again = if dialect.separator == Separator::Blanks { Dialect::of(&mut text.file).bytes } else { dialect.bytes };
    text.skipped += again;
    text.rewind()?;
    let stored = text.stored;
    let lines = Lines { file: text.file.try_clone().map_err(failed)?, skipped: text.skipped, before: dialect.before };
    let file = text.file;
    let began = Rc::new(Cell::new(0));
    let guarded = Guarded { file, given: 0, began: Rc::clone(&began) };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(dialect.separator.byte())
        .comment(dialect.comments.then_some(b'#'))
        .from_reader(guarded);
    let mut decimals = Decimals::default();
    let mut next = |record: &mut StringRecord| -> Result<bool> {
        let more = reader.read_record(record).map_err(|error| unreadable(&lines, error))?;
        began.set(reader.position().byte());
        if dialect.separator != Separator::Comma && more && !decimals.normal(record) {
            return Err(Error::data("decimal points and decimal commas in one table")
                .at(format!("line {}", lines.line(record.position())))
                .expected("one way to write numbers")
                .got(format!("'{}'", start(&record.iter().collect::<Vec<_>>().join(", "))))
                .hinting("write all numbers the same way, and without separators between thousands"));
        }
        Ok(more)
    };

    // The first lines tell what the first one is.
    let mut ahead: VecDeque<StringRecord> = VecDeque::new();
    let mut bytes = 0;
    while ahead.len() < AHEAD && bytes < LONGEST {
        let mut record = StringRecord::new();
        if !next(&mut record)? {
            break;
        }
        bytes += record.as_slice().len() as u64;
        ahead.push_back(record);
    }
    let head = match &dialect.names {
        Some(_) if options.header != Some(true) => Head { is_header: false, note: None },
        _ => Head::of(ahead.make_contiguous(), options.header),
    };
    let names = match (&dialect.names, head.is_header) {
        (_, true) => ahead.pop_front(),
        (Some(names), false) if options.header.is_none() => Some(StringRecord::from(names.clone())),
        _ => None,
    };
    let units = if names.is_some() { units(&ahead) } else { None };
    if units.is_some() {
        ahead.pop_front();
    }
    let none = || Error::data("the file has no rows of numbers");
    let width = match (&names, ahead.front()) {
        (_, None) => return Err(none()),
        (Some(names), _) => names.len(),
        (None, Some(first)) => first.len(),
    };
    let mut plan = Columns::of(width, names.as_ref(), options)?;
    // A separator at the end of each line begins a column without a name and without a value.
    let empty = width - 1;
    let unnamed = names.as_ref().is_none_or(|names| names.get(empty).is_none_or(str::is_empty));
    if unnamed
        && plan.read.len() > 1
        && plan.read.last() == Some(&empty)
        && options.columns.is_empty()
        && ahead.iter().all(|record| record.len() == width && record[empty].is_empty())
    {
        plan.read.pop();
        plan.left.push((empty, "it is empty"));
    }
    let (mut spool, mut gather, mut count) = (Spool::new(options.memory), Gather::default(), 0_usize);
    let (mut record, mut values) = (StringRecord::new(), Vec::new());
    let mut thousands = vec![Thousands::default(); plan.read.len()];
    loop {
        match ahead.pop_front() {
            Some(first) => record = first,
            None if !next(&mut record)? => break,
            None => {}
        }
        let line = || lines.line(record.position());
        if record.len() != width {
            let error = Error::data("a line has another number of columns")
                .at(format!("line {}", line()))
                .expected(width.to_string())
                .got(record.len().to_string());
            let commas = dialect.separator == Separator::Comma && record.len() == 2 * width;
            return Err(match commas && record.iter().all(whole) {
                true => error.hinting("write decimals with points, or separate the columns by semicolons"),
                false => error,
            });
        }
        if let Some(label) = plan.label {
            gather.push(&record[label]);
        }
        values.clear();
        for (column, thousands) in plan.read.iter().zip(&mut thousands) {
            let field = &record[*column];
            thousands.see(field);
            let place = || at(line(), *column, names.as_ref());
            let Some(value) = number(field) else {
                let name = match names.as_ref().and_then(|names| names.get(*column)) {
                    Some(name) if !name.is_empty() => start(name),
                    _ => (column + 1).to_string(),
                };
                return Err(no_number(field, &place(), &name, plan.label.is_some()));
            };
            if !(value as f32).is_finite() {
                return Err(not_finite(value, &format!("row {}, {}", count + 1, place())));
            }
            values.push(value);
        }
        spool.write_numbers(&values)?;
        count += 1;
    }
    let store = Store::Encoded(Encoded::numbers(spool.finish()?, count, plan.read.len()));
    let labels = plan.label.map(|_| gather.finish());
    let data = Dataset::make(name_of(path), count, &[plan.read.len()], store, labels)?;
    let commas = decimals.comma && dialect.separator != Separator::Comma;
    let ways: Vec<String> = stored.map(str::to_owned).into_iter().chain(dialect.words(commas)).collect();
    let ways = if ways.is_empty() { String::new() } else { format!(" ({})", ways.join(", ")) };
    let with = if names.is_some() { "with" } else { "without" };
    let mut about = About::new(format!("CSV{ways} {with} a header line"), "numbers as text");
    if let Some(units) = units {
        about = about.omitting(format!("the second line, {units}"), "it is of units");
    }
    if let Some(note) = head.note {
        about = about.noting(note);
    }
    // With commas between columns nobody separates thousands by points.
    let doubted: Vec<&usize> = match dialect.separator {
        Separator::Comma => vec![],
        _ => plan.read.iter().zip(&thousands).filter(|(_, one)| one.is_likely()).map(|(column, _)| column).collect(),
    };
    let called = |column: usize| match names.as_ref().and_then(|names| names.get(column)) {
        Some(name) => format!("column '{}'", start(name)),
        None => format!("column {}", column + 1),
    };
    for column in doubted {
        about = about.noting(format!(
            "{}: all decimals have three digits, so they may be thousands; they are read as decimals: write 1841 where 1.841 or 1,841 means that",
            called(*column)
        ));
    }
    if let Some(label) = plan.label {
        about = about.labelled(called(label));
    }
    for (column, why) in &plan.left {
        about = about.omitting(called(*column), *why);
    }
    let names = names.map_or_else(Vec::new, |names| plan.read.iter().map(|column| names[*column].to_owned()).collect());
    Ok(data.with_about(about, names).numbered(&plan.read).tabular())
}

/// Whether the separators of a column's numbers stand before groups of three digits alone.
#[derive(Clone, Default)]
struct Thousands {
    seen: bool,
    /// A number that no one writes with separators between thousands.
    other: bool,
}

impl Thousands {
    fn see(&mut self, field: &str) {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = field.trim_start_matches(['+', '-']);
        match plain.split_once('.') {
            Some((before, after)) => {
                let group = digits(before)
                    && before.len() <= 3
                    && !before.starts_with('0')
                    && digits(after)
                    && after.len() == 3;
                self.seen |= group;
                self.other |= !group;
            }
            None => self.other |= plain.len() > 3,
        }
    }

    fn is_likely(&self) -> bool {
        self.seen && !self.other
    }
}

/// The units that a line below the names gives: no number, above lines of numbers in the same places.
fn units(ahead: &VecDeque<StringRecord>) -> Option<String> {
    let (first, second) = (ahead.front()?, ahead.get(1)?);
    let words = first.len() == second.len()
        && first.iter().all(|field| number(field).is_none() && diagnosis(field).is_none())
        && first.iter().any(|field| !is_missing(field));
    let numbers = second.iter().filter(|field| number(field).is_some()).count();
    (words && numbers > 0 && numbers * 2 >= second.len()).then(|| start(&first.iter().collect::<Vec<_>>().join(", ")))
}

/// What the first line is.
struct Head {
    is_header: bool,
    /// What was assumed, where a person might see it otherwise.
    note: Option<String>,
}

impl Head {
    /// Tells by the first lines, unless `said`.
    ///
    /// A first line names the columns if none of its fields is a number; if some of them are words above columns of
    /// numbers and the others whole numbers (years); or if it counts them, 0, 1, 2, …, above numbers that are not all whole.
    fn of(lines: &[StringRecord], said: Option<bool>) -> Self {
        let sure = |is_header| Self { is_header, note: None };
        let Some((first, rest)) = lines.split_first() else { return sure(false) };
        if let Some(said) = said {
            return sure(said);
        }
        if first.iter().all(|field| number(field).is_none()) {
            return sure(true);
        }
        if rest.is_empty() {
            return sure(false);
        }
        let counts = |fields: &mut dyn Iterator<Item = &str>| {
            fields.enumerate().all(|(place, field)| field.parse() == Ok(place))
        };
        if first.len() > 1 && first[0].is_empty() && counts(&mut first.iter().skip(1)) {
            return sure(true);
        }
        let shown = || start(&first.iter().collect::<Vec<_>>().join(", "));
        // Numbers that are no numbers of the rows below: years, or a count from 1.
        let distinct = first.iter().collect::<std::collections::HashSet<_>>().len() == first.len();
        let never_whole = rest.len() >= LINES && rest.iter().all(|line| line.iter().all(|field| !whole(field)));
        if first.len() > 1 && first.iter().all(whole) && distinct && never_whole {
            return Self {
                is_header: true,
                note: Some(format!("the first line, {}, names the columns (--no-header says otherwise)", shown())),
            };
        }
        if first.len() == 1 && &first[0] == "0" && never_whole {
            return Self {
                is_header: false,
                note: Some("the first line, 0, is a row like the others (--header says otherwise)".to_owned()),
            };
        }
        if first.len() > 1 && counts(&mut first.iter()) {
            let whole = rest.iter().all(|line| line.iter().all(whole));
            return match whole {
                true => Self {
                    is_header: false,
                    note: Some(format!(
                        "the first line, {}, is a row like the others (--header says otherwise)",
                        shown()
                    )),
                },
                false => Self {
                    is_header: true,
                    note: Some(format!("the first line, {}, names the columns (--no-header says otherwise)", shown())),
                },
            };
        }
        let above_numbers = |place: usize| rest.iter().all(|line| line.get(place).is_some_and(|f| number(f).is_some()));
        let words: Vec<usize> = (0..first.len()).filter(|place| number(&first[*place]).is_none()).collect();
        let named = words.iter().any(|place| !is_missing(&first[*place]) && above_numbers(*place));
        let others = (0..first.len()).filter(|place| !words.contains(place)).all(|place| whole(&first[place]));
        match named && others {
            true => Self {
                is_header: true,
                note: Some(format!("the first line, {}, names the columns (--no-header says otherwise)", shown())),
            },
            false => sure(false),
        }
    }
}

/// A whole number, written as one.
fn whole(field: &str) -> bool {
    field.parse::<i64>().is_ok()
}

/// What stands in the place of a value that is not there.
pub(crate) fn is_missing(field: &str) -> bool {
    const MARKS: [&str; 10] = ["", "na", "n/a", "#n/a", "nan", "null", "none", "-", "?", "."];
    MARKS.contains(&field.to_ascii_lowercase().as_str())
}

/// Which columns are read.
pub(crate) struct Columns {
    /// Those of the rows, in their order.
    pub(crate) read: Vec<usize>,
    pub(crate) label: Option<usize>,
    /// The others, and why.
    pub(crate) left: Vec<(usize, &'static str)>,
}

impl Columns {
    /// As the options say, of a table of `width` columns.
    fn of(width: usize, names: Option<&StringRecord>, options: &Options) -> Result<Self> {
        let names: Vec<&str> = names.map(|names| names.iter().collect()).unwrap_or_default();
        Self::chosen(width, &names, options)
    }

    /// As the options say, of columns with these names, if they have some.
    pub(crate) fn chosen(width: usize, names: &[&str], options: &Options) -> Result<Self> {
        let all = |flag: &str, wanted: &[String]| -> Result<Vec<usize>> {
            wanted.iter().map(|one| column(flag, one, width, names)).collect()
        };
        let label = match &options.label_column {
            None => None,
            Some(wanted) => match column("label column", wanted, width, names) {
                Err(_) if options.labels_optional => None,
                other => Some(other?),
            },
        };
        let dropped = all("columns to drop", &options.drop)?;
        let asked = all("columns", &options.columns)?;
        let twice = |place: usize, what: &str, other: &str| {
            let name = names.get(place).map_or_else(|| (place + 1).to_string(), |name| (*name).to_owned());
            Err(Error::argument(format!("a column is {what} and {other}")).at(format!("column '{}'", start(&name))))
        };
        for (number, place) in asked.iter().enumerate() {
            if dropped.contains(place) {
                return twice(*place, "asked for", "dropped");
            }
            if label == Some(*place) {
                return twice(*place, "asked for", "that of the labels");
            }
            if asked[..number].contains(place) {
                return twice(*place, "asked for", "asked for again");
            }
        }
        if let Some(place) = dropped.iter().find(|place| label == Some(**place)) {
            return twice(*place, "dropped", "that of the labels");
        }
        let read: Vec<usize> = match asked.is_empty() {
            true => (0..width).filter(|place| label != Some(*place) && !dropped.contains(place)).collect(),
            false => asked,
        };
        if read.is_empty() {
            let error = match label {
                Some(_) if dropped.is_empty() => Error::data("the only column is that of the labels"),
                _ => Error::argument("every column is dropped"),
            };
            return Err(error.expected("a column of numbers besides"));
        }
        let left = (0..width).filter(|place| label != Some(*place) && !read.contains(place));
        let left =
            left.map(|place| (place, if dropped.contains(&place) { "dropped" } else { "not asked for" })).collect();
        Ok(Self { read, label, left })
    }
}

/// A column by its name or by its number from 1.
pub(crate) fn column(what: &str, wanted: &str, width: usize, names: &[&str]) -> Result<usize> {
    let by_number = || wanted.parse().ok().filter(|number| (1..=width).contains(number)).map(|number| number - 1);
    names.iter().position(|name| *name == wanted).or_else(by_number).ok_or_else(|| {
        let known =
            if names.is_empty() || names.len() > 24 { String::new() } else { format!("{}, or ", names.join(", ")) };
        let error = Error::argument("no such column")
            .at(what)
            .expected(format!("{known}a number from 1 to {width}"))
            .got(format!("'{}'", start(wanted)));
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
