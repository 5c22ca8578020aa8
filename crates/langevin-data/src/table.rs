//! Tables as text: one row a line, an optional line of names first.
//!
//! | module | what is in it |
//! |---|---|
//! | `text` | the text of a file that may be packed, or UTF-16 |
//! | `dialect` | what separates the columns, and how numbers are written |
//! | `reader`, `head` | the rows of one file, and what its first lines say |
//! | `columns` | which columns are read |
//! | `write` | tables written row by row |

mod columns;
mod dialect;
mod head;
mod reader;
mod text;
mod write;

use crate::about::About;
use crate::data::{Dataset, name_of, not_finite};
use crate::error::{Error, Result};
use crate::labels::Gather;
use crate::npy::Encoded;
use crate::options::Options;
use crate::recognise::{FileKind, fits};
use crate::source::Spool;
use crate::store::Store;
pub use columns::flag_value;
pub(crate) use columns::{Columns, column};
use csv::StringRecord;
pub use dialect::Dialect;
use dialect::Separator;
use reader::Reader;
use std::path::{Path, PathBuf};
pub use write::{TableColumns, TableKind, TableWriter};

/// The largest whole number below which a float64 holds all of them.
pub(crate) const EXACT: f64 = 9_007_199_254_740_992.0;

/// Opens a `.csv` file. The first line is a header if none of its fields is a number.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Dataset> {
    shards(path, &[path.to_owned()], options)
}

/// Opens files of the same columns as one table, whose name and place in errors is `name`.
pub(crate) fn shards(name: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    rows(name, files, options).map_err(|error| error.in_file(name))
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

fn rows(path: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    let many = files.len() > 1;
    // Of several files an error names the one.
    let within = |file: &Path, error: Error| match many || file != path {
        true => error.at(file.file_name().unwrap_or_default().to_string_lossy()),
        false => error,
    };
    let checked = |file: &Path| if file == path { Ok(()) } else { fits(file, FileKind::Text) };
    let Some((file, others)) = files.split_first() else { return Err(reader::none()) };
    let mut first = checked(file).and_then(|()| Reader::open(file, options.header)).map_err(|e| within(file, e))?;
    let mut plan = Columns::of(first.width, first.names.as_ref(), options)?;
    // A separator at the end of each line begins a column without a name and without a value.
    let empty = first.width - 1;
    let unnamed = first.names.as_ref().is_none_or(|names| names.get(empty).is_none_or(str::is_empty));
    if unnamed
        && plan.read.len() > 1
        && plan.read.last() == Some(&empty)
        && options.columns.is_empty()
        && first.ends_empty()
    {
        plan.read.pop();
        plan.left.push((empty, "it is empty"));
    }
    let mut taken = Taken::new(&plan, options);
    taken.take(&mut first, &plan).map_err(|error| within(file, error))?;
    for file in others {
        let next = checked(file).and_then(|()| Reader::follow(file, &first, options.header));
        next.and_then(|mut next| taken.take(&mut next, &plan)).map_err(|error| within(file, error))?;
    }
    if taken.count == 0 {
        return Err(reader::none());
    }
    let count = taken.count;
    let store = Store::Encoded(Encoded::numbers(taken.spool.finish()?, count, plan.read.len()));
    let labels = plan.label.map(|_| taken.gather.finish());
    let data = Dataset::make(name_of(path), count, &[plan.read.len()], store, labels)?;
    let commas = first.has_decimal_commas();
    let ways: Vec<String> = first.stored.map(str::to_owned).into_iter().chain(first.separator.list(commas)).collect();
    let ways = if ways.is_empty() { String::new() } else { format!(" ({})", ways.join(", ")) };
    let several = if many { format!(" in {} files", files.len()) } else { String::new() };
    let with = if first.names.is_some() { "with" } else { "without" };
    let mut about = About::new(format!("CSV{ways}{several} {with} a header line"), "numbers as text");
    if let Some(units) = &first.units {
        about = about.omitting(format!("the second line, {units}"), "it is of units");
    }
    if let Some(note) = &first.note {
        about = about.noting(note);
    }
    // With commas between columns nobody separates thousands by points.
    let doubted: Vec<&usize> = match first.separator {
        Separator::Comma => vec![],
        _ => {
            let seen = plan.read.iter().zip(&taken.thousands);
            seen.filter(|(_, one)| one.is_likely()).map(|(column, _)| column).collect()
        }
    };
    let called = |column: usize| match first.names.as_ref().and_then(|names| names.get(column)) {
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
    let dialect = Dialect::of(first.separator, commas, TableKind::of(file));
    let names = first.names.as_ref();
    let names = names.map_or_else(Vec::new, |names| plan.read.iter().map(|column| names[*column].to_owned()).collect());
    let data = data.with_about(about, names).numbered(&plan.read).rounded(taken.rounded);
    Ok(data.tabular().written_as(dialect))
}

/// What was read of the files of a table so far.
struct Taken {
    spool: Spool,
    gather: Gather,
    count: usize,
    /// Whether the numbers of each column look like thousands.
    thousands: Vec<Thousands>,
    /// Whether each column has a whole number that a float64 cannot hold.
    rounded: Vec<bool>,
}

impl Taken {
    fn new(plan: &Columns, options: &Options) -> Self {
        let width = plan.read.len();
        let (thousands, rounded) = (vec![Thousands::default(); width], vec![false; width]);
        Self { spool: Spool::new(options.memory), gather: Gather::default(), count: 0, thousands, rounded }
    }

    /// Takes the rows of a file.
    fn take(&mut self, reader: &mut Reader, plan: &Columns) -> Result<()> {
        let (mut record, mut values, mut row) = (StringRecord::new(), Vec::new(), 0_usize);
        while reader.next(&mut record)? {
            row += 1;
            if let Some(label) = plan.label {
                self.gather.push(&record[label]);
            }
            values.clear();
            for (element, column) in plan.read.iter().enumerate() {
                let field = &record[*column];
                self.thousands[element].see(field);
                // NaN is a number to a program, and no value to whoever wrote it.
                let Some(value) = number(field).filter(|value| !value.is_nan()) else {
                    return Err(reader.no_number(&record, *column, plan.label.is_some()));
                };
                if !(value as f32).is_finite() {
                    return Err(not_finite(value, &format!("row {row}, {}", reader.place(&record, *column))));
                }
                self.rounded[element] |= value.abs() >= EXACT && is_rounded(field, value);
                values.push(value);
            }
            self.spool.write_numbers(&values)?;
            self.count += 1;
        }
        Ok(())
    }
}

/// Whether a field is a whole number that is not `value`, the float64 nearest to it.
fn is_rounded(field: &str, value: f64) -> bool {
    let digits = field.strip_prefix(['+', '-']).unwrap_or(field);
    digits.bytes().all(|byte| byte.is_ascii_digit()) && field.parse() != Ok(value as i128)
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

/// A whole number, written as one.
fn whole(field: &str) -> bool {
    field.parse::<i64>().is_ok()
}

/// What stands in the place of a value that is not there.
pub(crate) fn is_missing(field: &str) -> bool {
    const MARKS: [&str; 10] = ["", "na", "n/a", "#n/a", "nan", "null", "none", "-", "?", "."];
    MARKS.contains(&field.to_ascii_lowercase().as_str())
}
