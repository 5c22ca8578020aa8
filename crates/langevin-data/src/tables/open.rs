//! Data sets of categories and numbers from files.

use super::grid::{Grid, GridColumn, Selection};
use super::schema::{COLUMNS, ColumnValues, TableColumn, TableSchema};
use super::scores::NormalScores;
use crate::about::About;
use crate::columns::column;
use crate::dataset::Dataset;
use crate::dataset::store::Store;
use crate::error::{Error, Result};
use crate::formats::lines::field::number;
use crate::guard::caught;
use crate::labels::Gather;
use crate::options::Options;
use crate::rows::Rows;
use crate::vocabulary::Vocabulary;
use crate::words::{name_of, start};
use std::collections::BTreeSet;
use std::path::Path;

/// Largest number of different integers that are read as categories.
const FEW: usize = 10;
/// Largest number of categories of a column that is no column of names.
const MANY: usize = 256;

/// Reading of the columns of a file as categories and numbers.
///
/// ```
/// let how = langevin_data::Tabulation::default().categories(["grade"]);
/// assert_eq!(how.categories, Some(vec!["grade".to_owned()]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tabulation {
    /// Columns that are read, dropped or hold labels, and whether there is a header line.
    pub options: Options,
    /// Columns of numbers that are categories, by name or by number from 1.
    ///
    /// `None` for those of at most ten different integers.
    pub categories: Option<Vec<String>>,
}

impl Tabulation {
    /// Sets the options of the file.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the columns of numbers that are categories.
    #[must_use]
    pub fn categories<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.categories = Some(names.into_iter().map(Into::into).collect());
        self
    }
}

/// Reads a table of categories and numbers from a .csv, .tsv or .parquet file.
///
/// Columns of texts are categories, and so are columns of at most ten different integers. All
/// other columns are numbers. Rows are laid out as [`TableSchema`] says. A column that counts the
/// rows is left out.
///
/// ```
/// use langevin_data::{Tabulation, open_table};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("flowers.csv");
/// std::fs::write(&path, "kind,width\nrose,1.5\ndaisy,2.25\nrose,\n")?;
/// let data = open_table(&path, &Tabulation::default())?;
/// let schema = data.vocabulary().and_then(|vocabulary| vocabulary.table()).unwrap();
/// assert_eq!(schema.summary(), "1 column of numbers, 1 column of categories (2 each)");
/// let cells = schema.cells(&data.row_wide(1)?);
/// assert_eq!(cells, [Some("daisy".to_owned()), Some("2.25".to_owned())]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file cannot be read, a column of texts has too many values, or no
/// column has two different values.
pub fn open_table(path: &Path, how: &Tabulation) -> Result<Dataset> {
    read(path, |of| fresh(of, how), &how.options).map_err(|error| error.in_file(path))
}

/// Reads a table with the columns of a schema, found by their names.
///
/// Further columns of the file are not read. A table without names must have the same number of
/// columns.
///
/// # Errors
/// Returns an error if the file cannot be read, a column is missing, or a category or a number is
/// none of the schema.
pub fn open_table_as(path: &Path, schema: &TableSchema, options: &Options) -> Result<Dataset> {
    read(path, |of| known(of, schema), options).map_err(|error| error.in_file(path))
}

/// Rows of the model in memory.
struct Cells {
    values: Vec<f64>,
    width: usize,
    /// True if some values are no letters.
    wide: bool,
}

impl Rows for Cells {
    fn count(&self) -> usize {
        self.values.len() / self.width
    }

    fn width(&self) -> usize {
        self.width
    }

    fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width)) {
            out.copy_from_slice(&self.values[row * self.width..][..self.width]);
        }
        Ok(())
    }

    fn is_wide(&self) -> bool {
        self.wide
    }
}

/// Reads a file with the schema that `schema` makes of its cells.
fn read(path: &Path, schema: impl FnOnce(&mut Selection) -> Result<TableSchema>, options: &Options) -> Result<Dataset> {
    options.check()?;
    let broken = || Error::data("the file cannot be used").because("its parts contradict each other");
    let mut selection = caught(|| Grid::chosen(path, options)).unwrap_or_else(|| Err(broken()))?;
    let schema = schema(&mut selection)?;
    let Selection { grid, labels, label, left } = selection;
    let (count, width) = (grid.columns[0].cells.len(), schema.columns().len());
    let (mut values, mut missing) = (Vec::with_capacity(count * width), 0_usize);
    let mut cells: Vec<Option<&str>> = Vec::with_capacity(width);
    for row in 0..count {
        cells.clear();
        cells.extend(grid.columns.iter().map(|column| column.cells[row].as_deref()));
        missing += cells.iter().filter(|cell| cell.is_none()).count();
        values.extend(schema.row(&cells).map_err(|error| error.at(format!("row {}", row + 1)))?);
    }
    let mut about = About::new(grid.format, "");
    if let Some(note) = grid.note {
        about = about.noting(note);
    }
    for (column, why) in left {
        about = about.omitting(column, why);
    }
    if missing > 0 {
        about = about.noting(format!("{missing} missing values are not learned; samples are complete"));
    }
    let wide = schema.numbers() > 0;
    let vocabulary = Vocabulary::columns(schema)?;
    let mut data = Dataset::of_store(name_of(path), width, Store::of(Cells { values, width, wide }), vocabulary)?;
    if let (Some(labels), Some(label)) = (labels, label) {
        let mut gather = Gather::default();
        for (row, cell) in labels.cells.iter().enumerate() {
            let Some(cell) = cell else {
                return Err(Error::data("a label is missing").at(format!("row {}, {label}", row + 1)));
            };
            gather.push(cell);
        }
        let labels = gather.finish();
        data = data.labeled(labels.of, labels.classes)?;
        about = about.labelled(label);
    }
    Ok(data.with_about(about, vec![]))
}

/// Returns the schema of cells that were not seen before.
fn fresh(of: &mut Selection, how: &Tabulation) -> Result<TableSchema> {
    drop_counters(of, how);
    let Selection { grid, .. } = of;
    let names: Vec<&str> = grid.names.iter().map(String::as_str).collect();
    let width = grid.columns.len();
    if width > COLUMNS {
        return Err(Error::data("the table has too many columns")
            .expected(format!("at most {COLUMNS}"))
            .got(width.to_string()));
    }
    let asked: Option<Vec<usize>> = match &how.categories {
        None => None,
        Some(wanted) => Some(wanted.iter().map(|one| column("categories", one, width, &names)).collect::<Result<_>>()?),
    };
    let mut columns = Vec::with_capacity(width);
    for (place, cells) in grid.columns.iter().enumerate() {
        let name = names.get(place).copied().unwrap_or_default();
        let shown = if name.is_empty() { format!("column {}", place + 1) } else { format!("column '{}'", start(name)) };
        let values =
            values(cells, asked.as_ref().map(|asked| asked.contains(&place))).map_err(|error| error.at(shown))?;
        columns.push(TableColumn::new(name, values));
    }
    let alone = |column: &TableColumn| column.categories().is_some_and(|all| all.len() < 2);
    if columns.iter().all(alone) {
        return Err(Error::data("no column has two different values").expected("two or more different values"));
    }
    Ok(TableSchema::new(columns)?.written_as(grid.dialect))
}

/// Leaves out columns that count the rows, unless the columns were chosen.
fn drop_counters(of: &mut Selection, how: &Tabulation) {
    if !how.options.columns.is_empty() {
        return;
    }
    let counts = |column: &GridColumn| {
        let first = column.cells.first().and_then(|cell| cell.as_ref()?.parse::<u64>().ok());
        let from = first.filter(|first| *first <= 1 && column.cells.len() > FEW);
        from.is_some_and(|from| {
            (from..)
                .zip(&column.cells)
                .all(|(number, cell)| cell.as_ref().is_some_and(|cell| *cell == number.to_string()))
        })
    };
    let mut place = 0;
    while place < of.grid.columns.len() && of.grid.columns.len() > 1 {
        if !counts(&of.grid.columns[place]) {
            place += 1;
            continue;
        }
        of.grid.columns.remove(place);
        let name = if of.grid.names.is_empty() { String::new() } else { of.grid.names.remove(place) };
        let shown =
            if name.is_empty() { format!("column {}", place + 1) } else { format!("column '{}'", start(&name)) };
        of.left.push((shown, "counts the rows"));
    }
}

/// Decides what the values of a column are; `asked` tells whether it is one of categories.
fn values(column: &GridColumn, asked: Option<bool>) -> Result<ColumnValues> {
    let there = || column.cells.iter().flatten();
    let numbers: Option<Vec<f64>> = match column.is_text {
        true => None,
        false => there().map(|cell| number(cell).filter(|number| number.is_finite())).collect(),
    };
    let whole = there().all(|cell| cell.parse::<i64>().is_ok());
    let different: BTreeSet<&str> = there().map(String::as_str).collect();
    if different.is_empty() {
        return Err(Error::data("a column has no values").hinting("--drop leaves a column out"));
    }
    if let Some(numbers) = numbers.filter(|_| different.len() > 1) {
        let is_category = asked.unwrap_or(whole && different.len() <= FEW);
        if !is_category {
            let decimals = there().map(|cell| decimals(cell)).max().unwrap_or_default();
            if numbers.iter().any(|number| *number != numbers[0]) {
                return NormalScores::fit(&numbers, decimals).map(ColumnValues::Numbers);
            }
        }
    }
    if different.len() > MANY || (different.len() > 20 && 2 * different.len() > column.cells.len()) {
        return Err(Error::data("a column has too many categories")
            .expected(format!("at most {MANY}, or half the rows"))
            .got(format!("{} in {} rows", different.len(), column.cells.len()))
            .hinting("--drop leaves a column out, such as one of names"));
    }
    let mut categories: Vec<String> = different.into_iter().map(str::to_owned).collect();
    // Integers are in the order of their values.
    if whole {
        categories.sort_by_key(|category| category.parse::<i64>().unwrap_or_default());
    }
    Ok(ColumnValues::Categories(categories))
}

/// Returns the number of decimals of a number as it is written.
fn decimals(cell: &str) -> usize {
    match (cell.split_once('.'), cell.contains(['e', 'E'])) {
        (_, true) => usize::MAX,
        (Some((_, after)), _) => after.len(),
        (None, _) => 0,
    }
}

/// Returns the schema of a model, with the columns of the file in its order.
fn known(of: &mut Selection, schema: &TableSchema) -> Result<TableSchema> {
    let Selection { grid, .. } = of;
    let named = schema.columns().iter().all(|column| !column.name.is_empty()) && !grid.names.is_empty();
    if !named {
        if grid.columns.len() == schema.columns().len() {
            return Ok(schema.clone());
        }
        return Err(Error::data("the table has another number of columns")
            .expected(schema.columns().len().to_string())
            .got(grid.columns.len().to_string()));
    }
    let mut all: Vec<Option<GridColumn>> = std::mem::take(&mut grid.columns).into_iter().map(Some).collect();
    for (place, wanted) in schema.columns().iter().enumerate() {
        let found = grid.names.iter().position(|name| *name == wanted.name).and_then(|place| all[place].take());
        let Some(column) = found else {
            let names: Vec<&str> = grid.names.iter().map(String::as_str).collect();
            return Err(Error::data("the table lacks a column of the model")
                .expected(schema.named(place))
                .got(format!("the columns {}", names.join(", "))));
        };
        grid.columns.push(column);
    }
    Ok(schema.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn schema(data: &Dataset) -> &TableSchema {
        data.vocabulary().unwrap().table().unwrap()
    }

    #[test]
    fn columns_are_found_by_their_values() {
        let rows: String = (0..40).map(|i| format!("{i},{},{}.5,{}\n", ["a", "b"][i % 2], i * 3, i % 4)).collect();
        let (_folder, path) = file(&format!("id,kind,size,grade\n{rows}"));
        let data = open_table(&path, &Tabulation::default()).unwrap();
        assert_eq!((data.rows(), data.width()), (40, 3));
        assert_eq!(schema(&data).summary(), "1 column of numbers, 2 columns of categories (2 to 4 each)");
        assert_eq!(data.row_wide(1).unwrap(), [3.5, 1.0, 1.0]);
        assert_eq!(data.about().omitted[0].why, "counts the rows");
        // A column as labels, and no integer a category.
        let labelled = || Tabulation::default().options(Options::default().label_column("kind"));
        let data = open_table(&path, &labelled()).unwrap();
        assert_eq!((schema(&data).numbers(), data.classes().len()), (1, 2));
        let error = open_table(&path, &labelled().categories(Vec::<String>::new())).unwrap_err().to_string();
        assert!(error.contains("no column of categories") && error.contains("2 columns of numbers"), "{error}");
        let error = open_table(&path, &labelled().categories(["grades"])).unwrap_err().to_string();
        assert!(error.contains("did you mean 'grade'"), "{error}");
    }

    #[test]
    fn missing_values_are_no_letters() {
        let (_folder, path) = file("kind,size\na,1.5\n,2.5\nb,NA\na,9\n");
        let data = open_table(&path, &Tabulation::default()).unwrap();
        assert_eq!(data.row_wide(1).unwrap(), [2.5, 2.0]);
        assert!(data.row_wide(2).unwrap()[0].is_nan());
        assert!(data.about().notes.iter().any(|note| note.contains("2 missing values")));
    }

    #[test]
    fn other_files_have_the_columns_of_the_model() {
        let (_folder, path) = file("kind,size\na,1.5\nb,2.5\n");
        let data = open_table(&path, &Tabulation::default()).unwrap();
        let (_other, path) = file("extra,size,kind\n7,9.25,b\n");
        let again = open_table_as(&path, schema(&data), &Options::default()).unwrap();
        assert_eq!((again.row_wide(0).unwrap(), again.vocabulary()), (vec![9.25, 1.0], data.vocabulary()));
        let refused = |text: &str, words: &[&str]| {
            let (_folder, path) = file(text);
            let error = open_table_as(&path, schema(&data), &Options::default()).unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
        refused("size\n1\n", &["lacks a column", "'kind'"]);
        refused("kind,size\nc,1\n", &["unknown category", "row 1, column 'kind'", "'c'", "a, b"]);
        refused("kind,size\na,x\n", &["row 1", "'size'", "'x'"]);
    }

    #[test]
    fn names_are_no_categories() {
        let rows: String = (0..60).map(|i| format!("name{i},{}\n", i % 2)).collect();
        let (_folder, path) = file(&format!("name,x\n{rows}"));
        let error = open_table(&path, &Tabulation::default()).unwrap_err().to_string();
        assert!(error.contains("'name'") && error.contains("60 in 60 rows"), "{error}");
        let (_folder, path) = file("x,y\n1,a\n1,a\n");
        let error = open_table(&path, &Tabulation::default()).unwrap_err().to_string();
        assert!(error.contains("two different values"), "{error}");
    }
}
