//! Arrays of records: tables whose columns are the fields of a structured dtype.
//!
//! A field with one number is a column, and a fixed sub-array is a list of numbers. A nested record
//! gives one column `d.x` for each of its fields. Texts can serve as labels.

use super::classes::{Element, not_whole};
use super::descr::{Field, Kind, fields};
use super::header::Layout;
use crate::about::About;
use crate::checks::{EXACT, enough, missing, not_finite};
use crate::columns::Columns;
use crate::dataset::Dataset;
use crate::dataset::store::Store;
use crate::encoded::Encoded;
use crate::error::{Error, Result};
use crate::labels::{Gather, LABELS, Labels};
use crate::options::Options;
use crate::source::Spool;
use crate::words::{flag_value, start};
use std::io::Read;

/// Number of bytes of records that are read together, unless one is longer.
const BLOCK: usize = 1 << 20;

/// Fields of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Records {
    fields: Vec<Field>,
    /// Number of bytes of a record.
    size: usize,
}

impl Records {
    /// Returns the records of an array and their number; `None` if the elements are single values.
    pub(crate) fn of(layout: &Layout) -> Result<Option<(Self, usize)>> {
        if !layout.descr.starts_with('[') {
            return Ok(None);
        }
        let unread = |got: String| {
            Error::data("the fields of the array cannot be read")
                .expected("a structured dtype of named fields, without Python objects")
                .got(got)
                .hinting("save an array of plain numbers, or a table as .csv")
        };
        let Some((fields, size)) = fields(&layout.descr).filter(|(_, size)| *size > 0) else {
            return Err(unread(layout.dtype()));
        };
        let rows = match layout.shape[..] {
            [rows] | [rows, 1] => rows,
            _ => {
                return Err(Error::data("the array of records is no list of rows")
                    .expected("shape (rows,)")
                    .got(format!("shape {:?}", layout.shape))
                    .hinting("save array.reshape(-1)"));
            }
        };
        enough(rows)?;
        Ok(Some((Self { fields, size }, rows)))
    }

    /// Checks that a file has the number of bytes that its header states.
    pub(crate) fn holds(&self, rows: usize, found: u64) -> Result<()> {
        let wanted = (rows as u64).checked_mul(self.size as u64);
        if wanted == Some(found) {
            return Ok(());
        }
        let wanted = wanted.map_or("more bytes than can be counted".to_owned(), |wanted| format!("{wanted} bytes"));
        Err(Error::data("the .npy file does not hold what its header says")
            .expected(format!("{wanted} for {rows} records of {} bytes", self.size))
            .got(found.to_string()))
    }

    /// Describes the names and types of the fields for messages.
    pub(super) fn words(&self) -> String {
        let one = |field: &Field| {
            let kind = match &field.kind {
                Kind::Number(dtype) => dtype.name(),
                Kind::Text(_) => "text".to_owned(),
                Kind::Other(descr) => start(descr),
            };
            let shape = if field.shape.is_empty() { String::new() } else { format!(" {:?}", field.shape) };
            format!("{} {kind}{shape}", start(&field.name))
        };
        let mut words: Vec<String> = self.fields.iter().take(24).map(one).collect();
        if words.len() < self.fields.len() {
            words.push(format!("and {} more", self.fields.len() - words.len()));
        }
        words.join(", ")
    }
}

/// Table of records while it is read.
pub(crate) struct Table {
    pub(super) records: Records,
    chosen: Columns,
    spool: Spool,
    gather: Gather,
    /// True for each field with an integer that float64 cannot represent.
    rounded: Vec<bool>,
    pub(crate) rows: usize,
}

impl Table {
    /// Selects the fields according to the options.
    pub(crate) fn new(records: Records, options: &Options) -> Result<Self> {
        let fields = &records.fields;
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let mut chosen = Columns::chosen(names.len(), &names, options)?;
        let is_number = |column: &usize| matches!(fields[*column].kind, Kind::Number(_));
        if let Some(label) = chosen.label.filter(|label| !fields[*label].shape.is_empty()) {
            return Err(Error::argument("a label is a list")
                .at(format!("column '{}'", start(names[label])))
                .expected("a whole number or a text"));
        }
        match chosen.read.iter().find(|column| !is_number(column)) {
            Some(column) if !options.columns.is_empty() => {
                return Err(Error::data("a column is not of numbers")
                    .at(format!("column '{}'", start(names[*column])))
                    .expected("numbers, or sub-arrays of numbers")
                    .got(match &fields[*column].kind {
                        Kind::Text(_) => "texts".to_owned(),
                        Kind::Other(descr) => start(descr),
                        Kind::Number(dtype) => dtype.name(),
                    })
                    .hinting("--label-column names a column of labels"));
            }
            _ => {}
        }
        let (read, left): (Vec<usize>, Vec<usize>) = chosen.read.iter().copied().partition(is_number);
        chosen.left.extend(left.into_iter().map(|column| match fields[column].kind {
            Kind::Text(_) => (column, "of texts, which --label-column reads as classes"),
            _ => (column, "not of numbers"),
        }));
        chosen.left.sort_unstable();
        chosen.read = read;
        // Beside lists, an integer field with a usual label name holds the classes of the rows.
        let is_list = |column: &usize| !fields[*column].shape.is_empty();
        if chosen.label.is_none() && options.labels.is_none() && chosen.read.iter().any(is_list) {
            let is_label = |column: &usize| {
                let is_data = !options.columns.is_empty() && chosen.read.contains(column);
                !is_data && fields[*column].is_whole() && !chosen.is_dropped(*column)
            };
            let mut known = LABELS.iter().filter_map(|label| names.iter().position(|name| name == label));
            chosen.label = known.find(is_label);
            chosen.read.retain(|column| chosen.label != Some(*column));
            chosen.left.retain(|(column, _)| chosen.label != Some(*column));
        }
        if chosen.read.is_empty() {
            return Err(Error::data("no field is of numbers").expected("a field of numbers").got(records.words()));
        }
        let rounded = vec![false; chosen.read.len()];
        Ok(Self { chosen, spool: Spool::new(options.memory), gather: Gather::default(), rounded, rows: 0, records })
    }

    /// Reads `rows` records, after which the data must end.
    pub(crate) fn take(&mut self, reader: &mut impl Read, rows: usize) -> Result<()> {
        let failed = |error| Error::io("cannot read the file", error);
        let Records { fields, size } = &self.records;
        let together = (BLOCK / size).max(1);
        let (mut bytes, mut values, mut seen) = (Vec::new(), Vec::new(), 0);
        while seen < rows {
            let count = together.min(rows - seen);
            bytes.clear();
            // Memory grows with the bytes that arrive, so a false header cannot cause a large
            // allocation.
            reader.by_ref().take(count as u64 * *size as u64).read_to_end(&mut bytes).map_err(failed)?;
            if bytes.len() < count * size {
                return Err(Error::data("the .npy file does not hold what its header says").got("fewer bytes"));
            }
            for record in bytes.chunks_exact(*size) {
                seen += 1;
                values.clear();
                for (column, rounded) in self.chosen.read.iter().zip(&mut self.rounded) {
                    let field = &fields[*column];
                    let Kind::Number(dtype) = field.kind else { continue };
                    let numbers = &record[field.offset..][..field.count() * dtype.size()];
                    for number in numbers.chunks_exact(dtype.size()) {
                        let value = dtype.value(number);
                        let place = || format!("row {seen}, column '{}'", start(&field.name));
                        if value.is_nan() {
                            let column = flag_value([start(&field.name)]);
                            return Err(missing(&place(), "a number", "NaN", Some(&column)));
                        }
                        if !(value as f32).is_finite() {
                            return Err(not_finite(value, &place()));
                        }
                        *rounded |= value.abs() >= EXACT && dtype.is_rounded(number);
                        values.push(value);
                    }
                }
                if let Some(label) = self.chosen.label {
                    self.gather.push(&class(&fields[label], record, seen)?);
                }
                self.spool.write_numbers(&values)?;
            }
        }
        // One more byte detects a longer file, and lets a reader with checksums reach its end.
        if reader.read(&mut [0]).map_err(failed)? > 0 {
            return Err(Error::data("the .npy file does not hold what its header says").got("more bytes"));
        }
        self.rows += rows;
        Ok(())
    }

    /// Builds the data set; `labels` are used if no field holds them.
    pub(crate) fn finish(self, name: String, format: String, labels: Option<(Labels, String)>) -> Result<Dataset> {
        let Self { records, chosen, spool, gather, rounded, rows } = self;
        let fields: Vec<&Field> = chosen.read.iter().map(|column| &records.fields[*column]).collect();
        let sizes: Vec<usize> = fields.iter().map(|field| field.count()).collect();
        let width = sizes.iter().sum();
        let store = Store::of(Encoded::numbers(spool.finish()?, rows, width));
        let called = |column: usize| format!("column '{}'", start(&records.fields[column].name));
        let mut types: Vec<String> = Vec::new();
        for field in &fields {
            if let Kind::Number(dtype) = field.kind
                && !types.contains(&dtype.name())
            {
                types.push(dtype.name());
            }
        }
        let mut about = About::new(format, types.join(" and "));
        for (column, why) in &chosen.left {
            about = about.omitting(called(*column), *why);
        }
        let labels = match (chosen.label, labels) {
            (Some(label), _) => {
                about = about.labelled(called(label));
                Some(gather.finish())
            }
            (None, Some((labels, by))) => {
                about = about.labelled(by);
                Some(labels)
            }
            (None, None) => None,
        };
        let shape = match &fields[..] {
            [only] if !only.shape.is_empty() => only.shape.clone(),
            _ => vec![width],
        };
        let data = Dataset::make(name, &shape, store, labels)?;
        let rounded = rounded.into_iter().zip(&sizes).flat_map(|(rounded, size)| vec![rounded; *size]).collect();
        let read: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
        let data = data.labelled_by(chosen.label.map(|label| &*records.fields[label].name));
        Ok(match fields.iter().all(|field| field.shape.is_empty()) {
            true => data.with_about(about, read).numbered(&chosen.read).rounded(rounded).tabular(),
            false => data.with_about(about, vec![]).of_columns(read).rounded(rounded),
        })
    }

    /// Returns true if a field holds the class of each row.
    pub(crate) fn is_labelled(&self) -> bool {
        self.chosen.label.is_some()
    }
}

/// Returns the class in a field of a record; `row` counts from 1.
fn class(field: &Field, record: &[u8], row: usize) -> Result<String> {
    let element = match field.kind {
        Kind::Number(dtype) => Element::Number(dtype),
        Kind::Text(element) => element,
        Kind::Other(_) => {
            return Err(Error::data("the labels are neither whole numbers nor texts")
                .at(format!("column '{}'", start(&field.name)))
                .expected("whole numbers or texts"));
        }
    };
    let bytes = &record[field.offset..][..element.size()];
    element.name(bytes).ok_or_else(|| match element {
        Element::Number(dtype) => not_whole(row - 1, dtype.value(bytes)),
        _ => not_whole(row - 1, f64::NAN),
    })
}
