//! Text tables: one row for each line, with an optional header line.
//!
//! | module | contents |
//! |---|---|
//! | `text` | the text of a file that may be compressed, or UTF-16 |
//! | `detect` | detection of separators and number formats |
//! | `reader`, `head` | the rows of one file, and the meaning of its first lines |
//! | `field` | the meaning of one field |
//! | `write` | writing of lines |

mod detect;
pub(crate) mod field;
mod head;
mod reader;
mod text;
mod write;

use super::format::{Format, Parts, Reader as Opens};
use crate::about::About;
use crate::checks::{EXACT, not_finite};
use crate::columns::Columns;
use crate::dataset::Dataset;
use crate::dataset::store::Store;
use crate::encoded::Encoded;
use crate::error::{Error, Result};
use crate::labels::Gather;
use crate::options::Options;
use crate::recognise::{FileKind, fits_beside};
use crate::source::Spool;
use crate::table::TableKind;
use crate::tables::{Grid, GridColumn};
use crate::words::{name_of, start};
use csv::StringRecord;
use detect::{Separator, dialect};
use field::{Thousands, is_rounded, number};
use reader::Reader;
use std::path::{Path, PathBuf};
pub(crate) use write::Lines;

/// Text tables, compressed or not.
pub(crate) const FORMAT: Format = Format {
    kind: Some(FileKind::Text),
    endings: &["csv", "tsv", "txt"],
    rare: &["tab", "dat"],
    packed: true,
    listed: &[".csv", ".tsv", ".txt", ".csv.gz"],
    help: &[".csv", ".tsv"],
    reader: Opens::Table {
        read: shards,
        parts: Parts {
            rank: 1,
            words: "tables of lines, such as .csv files",
            listed: &[".csv", ".csv.gz"],
            // `.txt` is absent, because a folder may hold texts beside its tables.
            folder: &["csv", "tsv", "tab"],
            typed: false,
        },
    },
    written: &[("csv", TableKind::Csv), ("tsv", TableKind::Tsv), ("tab", TableKind::Tsv)],
};

/// Opens files with the same columns as one table.
///
/// `name` is the name of the table and its place in errors. The first line is a header if none of
/// its fields is a number.
fn shards(name: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    rows(name, files, options).map_err(|error| error.in_file(name))
}

fn rows(path: &Path, files: &[PathBuf], options: &Options) -> Result<Dataset> {
    let many = files.len() > 1;
    // With several files, an error names the one it occurred in.
    let within = |file: &Path, error: Error| match many || file != path {
        true => error.at(file.file_name().unwrap_or_default().to_string_lossy()),
        false => error,
    };
    let checked = |file: &Path| fits_beside(path, file, FileKind::Text);
    let Some((file, others)) = files.split_first() else { return Err(reader::none()) };
    let mut first = checked(file).and_then(|()| Reader::open(file, options.header)).map_err(|e| within(file, e))?;
    let known: Vec<&str> = first.names.as_ref().map(|names| names.iter().collect()).unwrap_or_default();
    let mut plan = Columns::chosen(first.width, &known, options)?;
    // A separator at the end of each line creates a column without a name and without values.
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
    let store = Store::of(Encoded::numbers(taken.spool.finish()?, count, plan.read.len()));
    let labels = plan.label.map(|_| taken.gather.finish());
    let data = Dataset::make(name_of(path), &[plan.read.len()], store, labels)?;
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
    // Points do not separate thousands in a table whose columns are separated by commas.
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
    let dialect = dialect(first.separator, commas, is_csv(file));
    let names = first.names.as_ref();
    let names = names.map_or_else(Vec::new, |names| plan.read.iter().map(|column| names[*column].to_owned()).collect());
    let data = data.with_about(about, names).numbered(&plan.read).rounded(taken.rounded);
    Ok(data.tabular().written_as(dialect))
}

/// Reads all cells of a file as texts.
pub(crate) fn cells(path: &Path, options: &Options) -> Result<Grid> {
    crate::recognise::refuse(path, FileKind::Text)?;
    let mut reader = Reader::open(path, options.header)?;
    let mut columns: Vec<GridColumn> = (0..reader.width).map(|_| GridColumn::default()).collect();
    let (mut record, mut bytes) = (StringRecord::new(), 0_u64);
    while reader.next(&mut record)? {
        bytes += record.as_slice().len() as u64 + (size_of::<Option<String>>() * record.len()) as u64;
        if bytes > options.memory {
            return Err(Grid::too_large(options.memory));
        }
        for (column, field) in columns.iter_mut().zip(&record) {
            let field = field.trim();
            column.cells.push((!field::is_missing(field)).then(|| field.to_owned()));
        }
    }
    if columns.first().is_none_or(|column| column.cells.is_empty()) {
        return Err(Error::data("the file has no rows"));
    }
    let commas = reader.has_decimal_commas();
    let ways: Vec<String> = reader.stored.map(str::to_owned).into_iter().chain(reader.separator.list(commas)).collect();
    let ways = if ways.is_empty() { String::new() } else { format!(" ({})", ways.join(", ")) };
    let with = if reader.names.is_some() { "with" } else { "without" };
    let names = reader.names.as_ref().map(|names| names.iter().map(str::to_owned).collect()).unwrap_or_default();
    Ok(Grid {
        format: format!("CSV{ways} {with} a header line"),
        note: reader.note.clone(),
        names,
        columns,
        dialect: dialect(reader.separator, commas, is_csv(path)),
    })
}

/// Returns true if a name ends in .csv, compressed or not.
fn is_csv(path: &Path) -> bool {
    super::format::ending(path).is_some_and(|(ending, _)| ending == "csv")
}

/// Rows read from the files of a table so far.
struct Taken {
    spool: Spool,
    gather: Gather,
    count: usize,
    /// For each column, whether its numbers look like thousands.
    thousands: Vec<Thousands>,
    /// True for each column with an integer that float64 cannot represent.
    rounded: Vec<bool>,
}

impl Taken {
    fn new(plan: &Columns, options: &Options) -> Self {
        let width = plan.read.len();
        let (thousands, rounded) = (vec![Thousands::default(); width], vec![false; width]);
        Self { spool: Spool::new(options.memory), gather: Gather::default(), count: 0, thousands, rounded }
    }

    /// Reads the rows of a file.
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
                // NaN parses as a number, but its writer meant a missing value.
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
