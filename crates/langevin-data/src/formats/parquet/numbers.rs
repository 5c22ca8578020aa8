//! Columns of numbers, side by side.

use super::column::Kind;
use super::table::{TOGETHER, Table};
use crate::checks::{missing, not_finite};
use crate::dataset::Dataset;
use crate::dataset::store::Store;
use crate::encoded::Encoded;
use crate::error::{Error, Result};
use crate::labels::Gather;
use crate::options::Options;
use crate::source::Spool;
use crate::words::{flag_value, name_of, start};
use std::path::Path;

/// Reads the rows of numbers, the columns one after the other; a single column of nested lists
/// keeps its shape.
pub(super) fn rows(path: &Path, table: &Table, options: &Options) -> Result<Dataset> {
    let columns = table.columns();
    let chosen = &table.chosen;
    let wanted = &chosen.read;
    if let Some(column) = wanted.iter().map(|column| &columns[*column]).find(|column| !column.is_numbers()) {
        let error = Error::data("a column is not of numbers")
            .at(format!("column '{}'", column.name))
            .expected("numbers, or lists of numbers")
            .got(column.of.clone());
        return Err(if chosen.label.is_none() && column.kind == Kind::Text {
            error.hinting("--label-column names a column of labels, --drop leaves a column out")
        } else {
            error.hinting("--drop leaves a column out")
        });
    }
    let all: Vec<usize> = wanted.iter().copied().chain(chosen.label).collect();
    let (mut spool, mut gather, mut count) = (Spool::new(options.memory), Gather::default(), 0_usize);
    let mut shapes: Vec<Option<Vec<usize>>> = vec![None; wanted.len()];
    let mut rounded = vec![false; wanted.len()];
    let mut row = Vec::new();
    table.each(&all, TOGETHER, |cells, place| {
        for r in 0..cells[0].rows {
            row.clear();
            let known = shapes.iter_mut().zip(&mut rounded);
            for ((cells, column), (known, rounded)) in cells.iter().zip(wanted).zip(known) {
                let column = &columns[*column];
                *rounded |= cells.is_rounded(r);
                let at = || format!("row {}, column '{}'", place.first + r + 1, column.name);
                let shape = cells.shape(r).filter(|shape| !shape.contains(&0));
                let first = known.get_or_insert_with(|| shape.clone().unwrap_or_default());
                if shape.as_ref() != Some(&*first) {
                    return Err(uneven(first, shape.as_deref(), matches!(column.kind, Kind::List(2..)), &at()));
                }
                for value in cells.numbers(r) {
                    if value.is_nan() {
                        return Err(missing(&at(), "a number", "NaN", Some(&flag_value([start(&column.name)]))));
                    }
                    if !(value as f32).is_finite() {
                        return Err(not_finite(value, &at()));
                    }
                    row.push(value);
                }
            }
            if chosen.label.is_some() {
                gather.push(&table.label(&cells[wanted.len()], place, r)?);
            }
            spool.write_numbers(&row)?;
            count += 1;
        }
        table.bounded(spool.length())
    })?;
    let shapes: Vec<Vec<usize>> = shapes.into_iter().map(|shape| shape.unwrap_or_else(|| vec![1])).collect();
    let sizes: Vec<usize> = shapes.iter().map(|shape| shape.iter().product::<usize>()).collect();
    let width = sizes.iter().sum();
    let rounded = rounded.into_iter().zip(&sizes).flat_map(|(rounded, size)| vec![rounded; *size]).collect();
    let store = Store::of(Encoded::numbers(spool.finish()?, count, width));
    let shape = match &shapes[..] {
        [only] => only.clone(),
        _ => vec![width],
    };
    let labels = chosen.label.map(|_| table.named(gather.finish()));
    let data = Dataset::make(name_of(path), &shape, store, labels)?;
    // The numbers within lists have no names.
    let single = wanted.iter().all(|column| columns[*column].kind == Kind::Number);
    let read: Vec<String> = wanted.iter().map(|column| columns[*column].name.clone()).collect();
    let about = table.about("", "numbers", true);
    let data = data.labelled_by(chosen.label.map(|label| &*columns[label].name));
    Ok(match single {
        true => data.with_about(about, read).numbered(wanted).rounded(rounded).tabular(),
        false => data.with_about(about, vec![]).of_columns(read).rounded(rounded),
    })
}

/// Returns the error for lists that differ from those of the first row, or among each other.
fn uneven(first: &[usize], got: Option<&[usize]>, nested: bool, at: &str) -> Error {
    let words = |shape: &[usize]| match shape {
        [length] => length.to_string(),
        _ => format!("shape {shape:?}"),
    };
    let error = Error::data(if nested { "the lists are not of one shape" } else { "the lists are not of one length" });
    let error = error.at(at).expected(if first.is_empty() { "1".to_owned() } else { words(first) });
    match got {
        Some(got) => error.got(words(got)),
        None if nested => error.got("lists of several lengths, or empty ones"),
        None => error.got("0"),
    }
}
