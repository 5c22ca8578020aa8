//! The files of a table as one, and the selection of its columns.

use super::cells::Cells;
use super::column::Column;
use super::shard::Shard;
use crate::about::About;
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::labels::Labels;
use crate::words::start;
use std::borrow::Cow;

/// Number of rows read from each column before they are interleaved.
pub(super) const TOGETHER: usize = 512;

/// Position of some rows.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) shard: usize,
    /// Number of rows of the shard before them.
    pub(super) first: usize,
}

/// Table, and the selection of its columns.
pub(super) struct Table {
    pub(super) shards: Vec<Shard>,
    pub(super) chosen: Columns,
    /// Names of the classes, by their numbers.
    pub(super) classes: Vec<String>,
    /// For each file, the number in `classes` of each of its own classes; empty if all files agree.
    pub(super) renumbered: Vec<Vec<usize>>,
    /// Columns of images besides the one that is read.
    pub(super) others: Vec<usize>,
    /// Limit on the bytes of values in the files.
    pub(super) most: u64,
}

impl Table {
    /// Returns the columns in the order of the first file.
    pub(super) fn columns(&self) -> &[Column] {
        self.shards.first().map_or(&[], |shard| &shard.columns)
    }

    /// Calls `see` repeatedly with the next rows of these columns; the cells are in the order of
    /// `wanted`.
    pub(super) fn each(
        &self,
        wanted: &[usize],
        together: usize,
        mut see: impl FnMut(&[Cells], Place) -> Result<()>,
    ) -> Result<()> {
        for (number, shard) in self.shards.iter().enumerate() {
            let columns: Vec<&Column> = wanted.iter().map(|column| &shard.columns[*column]).collect();
            let seen =
                shard.each_of(&columns, together, self.most, |cells, first| see(cells, Place { shard: number, first }));
            seen.map_err(|error| self.at(number, error))?;
        }
        Ok(())
    }

    /// Adds the name of the file to an error, if there are several.
    fn at(&self, shard: usize, error: Error) -> Error {
        match self.shards.get(shard).and_then(|shard| shard.name.clone()) {
            Some(name) => error.at(name),
            None => error,
        }
    }

    /// Returns the label of a row, as its class number if the metadata name the classes.
    pub(super) fn label<'a>(&self, cells: &'a Cells, place: Place, row: usize) -> Result<Cow<'a, str>> {
        let label = cells.label(row)?;
        let Some(numbers) = self.renumbered.get(place.shard) else { return Ok(label) };
        match label.parse::<usize>().ok().and_then(|label| numbers.get(label)) {
            Some(number) => Ok(number.to_string().into()),
            None => Err(Error::data("a label has no name")
                .at(format!("row {}, {}", place.first + row + 1, self.called(self.chosen.label.unwrap_or_default())))
                .expected(format!("a number below {}, of a class that the metadata name", numbers.len()))
                .got(label)),
        }
    }

    /// Replaces class numbers by the names in the metadata.
    pub(super) fn named(&self, mut labels: Labels) -> Labels {
        for class in &mut labels.classes {
            let name = class.parse::<usize>().ok().and_then(|number| self.classes.get(number));
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                class.clone_from(name);
            }
        }
        labels
    }

    /// Returns the name of a column for messages.
    pub(super) fn called(&self, column: usize) -> String {
        self.columns().get(column).map_or_else(String::new, |column| format!("column '{}'", start(&column.name)))
    }

    /// Describes how the table was interpreted.
    pub(super) fn about(&self, kind: &str, dtype: &str, left: bool) -> About {
        let files = match self.shards.len() {
            1 => String::new(),
            many => format!(" in {many} files"),
        };
        let mut about = About::new(format!("Parquet{kind}{files}"), dtype);
        if let Some(label) = self.chosen.label {
            about = about.labelled(self.called(label));
        }
        for (column, why) in self.chosen.left.iter().filter(|_| left) {
            about = about.omitting(self.called(*column), *why);
        }
        about
    }

    /// Checks that the values do not exceed the limit on their bytes.
    pub(super) fn bounded(&self, bytes: u64) -> Result<()> {
        if bytes > self.most {
            return Err(Error::data("the file expands too far")
                .expected(format!("at most {} bytes of values", self.most))
                .got("more"));
        }
        Ok(())
    }
}
