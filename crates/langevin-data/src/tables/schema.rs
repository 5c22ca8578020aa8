//! Columns of a table: their names, their categories, and the scores of their numbers.

use super::scores::NormalScores;
use crate::dialect::Dialect;
use crate::error::{Error, Result};
use crate::formats::lines::field::{is_missing, number};
use crate::words::start;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Largest number of columns of a table.
pub(super) const COLUMNS: usize = 1 << 12;

/// Values of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ColumnValues {
    /// Categories, of which letter k stands for text k.
    Categories(Vec<String>),
    /// Numbers, modelled by their normal scores.
    Numbers(NormalScores),
}

/// Column of a table.
///
/// ```
/// use langevin_data::{ColumnValues, TableColumn};
/// let values = ColumnValues::Categories(vec!["no".into(), "yes".into()]);
/// let column = TableColumn::new("smoker", values);
/// assert_eq!((column.name.as_str(), column.categories().unwrap().len()), ("smoker", 2));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TableColumn {
    /// Name of the column; empty if the table has no names.
    pub name: String,
    /// Values of the column.
    pub values: ColumnValues,
}

impl TableColumn {
    /// Creates a column.
    #[must_use]
    pub fn new(name: impl Into<String>, values: ColumnValues) -> Self {
        Self { name: name.into(), values }
    }

    /// Returns the categories; `None` for a column of numbers.
    #[must_use]
    pub fn categories(&self) -> Option<&[String]> {
        match &self.values {
            ColumnValues::Categories(categories) => Some(categories),
            ColumnValues::Numbers(_) => None,
        }
    }

    /// Returns the scores of a column of numbers; `None` for categories.
    #[must_use]
    pub fn scores(&self) -> Option<&NormalScores> {
        match &self.values {
            ColumnValues::Categories(_) => None,
            ColumnValues::Numbers(scores) => Some(scores),
        }
    }
}

/// Columns of a table of categories and numbers.
///
/// A row of the model has the numbers first, in the units of the file, and then the letters of the
/// categories, each in the order of the columns. A missing number is NaN, and a missing category
/// the letter after all others, [`vocab`](Self::vocab).
///
/// ```
/// use langevin_data::{ColumnValues, NormalScores, TableColumn, TableSchema};
/// let ages = ColumnValues::Numbers(NormalScores::fit(&[20.0, 31.0, 45.0], 0)?);
/// let answers = ColumnValues::Categories(vec!["no".into(), "yes".into()]);
/// let columns = vec![TableColumn::new("smoker", answers), TableColumn::new("age", ages)];
/// let schema = TableSchema::new(columns)?;
/// assert_eq!(schema.row(&[Some("yes"), Some("31")])?, [31.0, 1.0]);
/// assert_eq!(schema.cells(&[31.0, 1.0]), [Some("yes".to_owned()), Some("31".to_owned())]);
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSchema {
    columns: Vec<TableColumn>,
    /// Dialect of the table's lines; `None` for the default dialect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dialect: Option<Dialect>,
}

impl TableSchema {
    /// Creates a schema.
    ///
    /// # Errors
    /// Returns an error if there are no columns or too many, two categories of a column are equal,
    /// or the scores of a column do not hold together.
    pub fn new(columns: Vec<TableColumn>) -> Result<Self> {
        let schema = Self { columns, dialect: None };
        schema.check().map(|()| schema)
    }

    /// Sets the dialect of the lines in which rows are written.
    #[must_use]
    pub(super) fn written_as(mut self, dialect: Option<Dialect>) -> Self {
        self.dialect = dialect;
        self
    }

    /// Checks a schema that was read from a file.
    pub(crate) fn check(&self) -> Result<()> {
        let bad = |what: String| Err(Error::data("the columns of the table do not hold together").at(what));
        if !(1..=COLUMNS).contains(&self.columns.len()) {
            return bad(format!("{} columns", self.columns.len()));
        }
        for (place, column) in self.columns.iter().enumerate() {
            match &column.values {
                ColumnValues::Numbers(scores) => scores.check().map_err(|error| error.at(self.named(place)))?,
                ColumnValues::Categories(categories) => {
                    let mut seen = HashSet::new();
                    if categories.is_empty() || !categories.iter().all(|category| seen.insert(category)) {
                        return bad(format!("categories of {}", self.named(place)));
                    }
                }
            }
        }
        match self.dialect.is_some_and(|dialect| !dialect.is_sound()) {
            true => bad("dialect".into()),
            false => Ok(()),
        }
    }

    /// Returns the columns, in the order of the file.
    #[must_use]
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// Returns the dialect of the table's lines; `None` for the default dialect.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// Returns the number of columns of numbers.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.columns.iter().filter(|column| column.scores().is_some()).count()
    }

    /// Returns the number of categories of each column of categories.
    ///
    /// ```
    /// use langevin_data::{ColumnValues, TableColumn, TableSchema};
    /// let two = ColumnValues::Categories(vec!["x".into(), "y".into()]);
    /// let three = ColumnValues::Categories(vec!["p".into(), "q".into(), "r".into()]);
    /// let columns = vec![TableColumn::new("a", two), TableColumn::new("b", three)];
    /// assert_eq!(TableSchema::new(columns)?.letters(), [2, 3]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn letters(&self) -> Vec<usize> {
        self.columns.iter().filter_map(|column| Some(column.categories()?.len())).collect()
    }

    /// Returns the number of letters: the largest number of categories of a column.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.letters().into_iter().max().unwrap_or_default()
    }

    /// Returns the name of a column for messages, or its number, counted from 1.
    #[must_use]
    pub fn named(&self, column: usize) -> String {
        match self.columns.get(column).map(|column| column.name.as_str()) {
            None | Some("") => format!("column {}", column + 1),
            Some(name) => format!("column '{}'", start(name)),
        }
    }

    /// Returns the place in a row of the model of each column of the file.
    fn places(&self) -> impl Iterator<Item = usize> + '_ {
        let (mut number, mut letter) = (0, self.numbers());
        self.columns.iter().map(move |column| {
            let next = if column.scores().is_some() { &mut number } else { &mut letter };
            *next += 1;
            *next - 1
        })
    }

    /// Returns the row of the model of the cells of a row of the file; missing cells are `None`.
    ///
    /// # Errors
    /// Returns an error that names the column if the number of cells is wrong, a cell is no number,
    /// or a category is unknown.
    pub fn row(&self, cells: &[Option<&str>]) -> Result<Vec<f64>> {
        if cells.len() != self.columns.len() {
            return Err(Error::data("a row has another number of columns")
                .expected(self.columns.len().to_string())
                .got(cells.len().to_string()));
        }
        let mut row = vec![0.0; cells.len()];
        for (index, ((column, cell), place)) in self.columns.iter().zip(cells).zip(self.places()).enumerate() {
            row[place] = match (&column.values, cell.filter(|cell| !is_missing(cell))) {
                (ColumnValues::Numbers(_), None) => f64::NAN,
                (ColumnValues::Categories(_), None) => self.vocab() as f64,
                (ColumnValues::Numbers(_), Some(cell)) => {
                    number(cell).filter(|number| number.is_finite()).ok_or_else(|| {
                        Error::data("not a number")
                            .at(self.named(index))
                            .expected("a number")
                            .got(format!("'{}'", start(cell)))
                    })?
                }
                (ColumnValues::Categories(known), Some(cell)) => known
                    .iter()
                    .position(|category| category == cell)
                    .ok_or_else(|| unseen(known, cell, &self.named(index)))?
                    as f64,
            };
        }
        Ok(row)
    }

    /// Returns the cells of a row of the file from a row of the model; `None` for missing cells.
    #[must_use]
    pub fn cells(&self, row: &[f64]) -> Vec<Option<String>> {
        let of = |column: &TableColumn, value: f64| match &column.values {
            ColumnValues::Numbers(scores) => value.is_finite().then(|| scores.text(value)),
            ColumnValues::Categories(known) => known.get(value as usize).cloned(),
        };
        self.columns.iter().zip(self.places()).map(|(column, place)| of(column, row[place])).collect()
    }

    /// Returns the text of the letters of categories, for display: `yes, rose`.
    pub(crate) fn text(&self, letters: &[u32]) -> String {
        let columns = self.columns.iter().filter_map(TableColumn::categories);
        let text =
            |(known, letter): (&[String], &u32)| known.get(*letter as usize).map_or("_", String::as_str).to_owned();
        columns.zip(letters).map(text).collect::<Vec<_>>().join(", ")
    }

    /// Returns the letters of a text of categories, see [`text`](Self::text).
    pub(crate) fn parse(&self, text: &str) -> Result<Vec<u32>> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let known: Vec<(usize, &[String])> =
            self.columns.iter().enumerate().filter_map(|(place, column)| Some((place, column.categories()?))).collect();
        if parts.len() != known.len() {
            return Err(Error::data("a row has another number of columns")
                .expected(format!("{} categories, separated by commas", known.len()))
                .got(parts.len().to_string()));
        }
        let letter = |((place, known), part): (&(usize, &[String]), &&str)| {
            let found = known.iter().position(|category| category == part);
            found.map(|letter| letter as u32).ok_or_else(|| unseen(known, part, &self.named(*place)))
        };
        known.iter().zip(&parts).map(letter).collect()
    }

    /// Checks that letters are categories of their columns, or missing.
    pub(crate) fn check_letters(&self, letters: &[u32]) -> Result<()> {
        let (known, vocab) = (self.letters(), self.vocab());
        let bad = letters.iter().enumerate().find(|(place, letter)| {
            let letter = **letter as usize;
            letter >= known[place % known.len()] && letter != vocab
        });
        match bad {
            None => Ok(()),
            Some((place, letter)) => Err(Error::data("a token is not a category of its column")
                .at(format!("row {}, column {} of categories", place / known.len() + 1, place % known.len() + 1))
                .expected(format!("a letter below {}", known[place % known.len()]))
                .got(letter.to_string())),
        }
    }

    /// Says what the columns are: `4 numbers, 3 categories (2 to 5 values)`.
    #[must_use]
    pub fn summary(&self) -> String {
        let (numbers, letters) = (self.numbers(), self.letters());
        let some = |count: usize, what: &str| match count {
            0 => String::new(),
            1 => format!("1 column of {what}"),
            many => format!("{many} columns of {what}"),
        };
        let low = letters.iter().min().copied().unwrap_or_default();
        let values = match (low, self.vocab()) {
            (_, 0) => String::new(),
            (low, high) if low == high => format!(" ({high} each)"),
            (low, high) => format!(" ({low} to {high} each)"),
        };
        let parts = [some(numbers, "numbers"), format!("{}{values}", some(letters.len(), "categories"))];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

/// Returns the error for a category that the schema does not have.
fn unseen(known: &[String], cell: &str, column: &str) -> Error {
    const SHOWN: usize = 12;
    let listed: Vec<&str> = known.iter().map(String::as_str).collect();
    let expected = match listed.len() {
        0..=SHOWN => format!("one of {}", listed.join(", ")),
        count => format!("one of {count} categories, such as {}", listed[..SHOWN].join(", ")),
    };
    let error = Error::data("an unknown category").at(column).expected(expected).got(format!("'{}'", start(cell)));
    match langevin::error::nearest(cell, &listed) {
        Some(near) => error.hinting(format!("did you mean '{near}'?")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> TableSchema {
        let of = |all: &[&str]| ColumnValues::Categories(all.iter().map(|one| (*one).into()).collect());
        let lengths = NormalScores::fit(&[1.25, 2.5, 3.75], 2).unwrap();
        TableSchema::new(vec![
            TableColumn::new("kind", of(&["daisy", "rose", "tulip"])),
            TableColumn::new("length", ColumnValues::Numbers(lengths)),
            TableColumn::new("", of(&["n", "y"])),
        ])
        .unwrap()
    }

    #[test]
    fn rows_come_back() {
        let schema = schema();
        let row = schema.row(&[Some("rose"), Some("2.50"), Some("n")]).unwrap();
        assert_eq!(row, [2.5, 1.0, 0.0]);
        assert_eq!(schema.cells(&row), [Some("rose".into()), Some("2.50".into()), Some("n".into())]);
        let missing = schema.row(&[None, Some("NA"), Some("y")]).unwrap();
        assert!(missing[0].is_nan() && missing[1..] == [3.0, 1.0]);
        assert_eq!(schema.cells(&missing), [None, None, Some("y".into())]);
        assert_eq!(schema.summary(), "1 column of numbers, 2 columns of categories (2 to 3 each)");
        assert_eq!((schema.text(&[1, 0]), schema.parse("rose, n").unwrap()), ("rose, n".into(), vec![1, 0]));
    }

    #[test]
    fn bad_rows_are_refused() {
        let schema = schema();
        let refused = |cells: &[Option<&str>], words: &[&str]| {
            let error = schema.row(cells).unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
        refused(&[Some("rose")], &["expected 3", "got 1"]);
        refused(&[Some("roze"), None, None], &["'kind'", "'roze'", "did you mean 'rose'"]);
        refused(&[None, Some("long"), None], &["'length'", "a number", "'long'"]);
        refused(&[None, None, Some("x")], &["column 3", "n, y"]);
        assert!(schema.check_letters(&[2, 1, 3, 3]).is_ok());
        assert!(schema.check_letters(&[2, 2]).unwrap_err().to_string().contains("column 2"));
    }
}
