//! Cells of a table as texts, whatever the format of its file.

use crate::columns::Columns;
use crate::dialect::Dialect;
use crate::error::{Error, Result};
use crate::formats::lines;
#[cfg(feature = "parquet")]
use crate::formats::parquet;
use crate::options::Options;
use crate::table::TableKind;
use std::path::Path;

/// Cells of a table, column by column.
pub(crate) struct Grid {
    /// Format of the file, for messages.
    pub(crate) format: String,
    /// Assumption about the first line.
    pub(crate) note: Option<String>,
    /// Name of each column; empty if there are none.
    pub(crate) names: Vec<String>,
    pub(crate) columns: Vec<GridColumn>,
    /// Dialect in which the lines are written.
    pub(crate) dialect: Option<Dialect>,
}

/// Column of cells.
#[derive(Default)]
pub(crate) struct GridColumn {
    /// Texts, `None` for missing values.
    pub(crate) cells: Vec<Option<String>>,
    /// True if the file says that the values are no numbers.
    pub(crate) is_text: bool,
}

impl Grid {
    /// Returns the error for a table whose cells take more memory than the limit.
    pub(crate) fn too_large(memory: u64) -> Error {
        Error::data("the table is too large to be read as categories")
            .expected(format!("at most {memory} bytes of cells"))
            .got("more")
    }
}

/// Columns that are read, and the column of labels.
pub(super) struct Selection {
    pub(super) grid: Grid,
    pub(super) labels: Option<GridColumn>,
    /// Name of the column of labels, for messages.
    pub(super) label: Option<String>,
    /// Columns that are left out, with the reason.
    pub(super) left: Vec<(String, &'static str)>,
}

impl Grid {
    /// Reads the cells of a file.
    fn read(path: &Path, options: &Options) -> Result<Self> {
        match TableKind::of(path) {
            Some(TableKind::Parquet) => {
                #[cfg(feature = "parquet")]
                return parquet::cells_as_text(path, options.memory);
                #[cfg(not(feature = "parquet"))]
                return Err(Error::argument("this build does not read Parquet files"));
            }
            Some(_) => lines::cells(path, options),
            None => Err(Error::argument("not a table").expected("a .csv, .tsv or .parquet file")),
        }
    }

    /// Reads the cells of the chosen columns of a file.
    pub(super) fn chosen(path: &Path, options: &Options) -> Result<Selection> {
        let mut grid = Self::read(path, options)?;
        let known: Vec<&str> = grid.names.iter().map(String::as_str).collect();
        let chosen = Columns::chosen(grid.columns.len(), &known, options)?;
        let called = |column: usize| match grid.names.get(column) {
            Some(name) if !name.is_empty() => format!("column '{}'", crate::words::start(name)),
            _ => format!("column {}", column + 1),
        };
        let left = chosen.left.iter().map(|(column, why)| (called(*column), *why)).collect();
        let label = chosen.label.map(called);
        let mut all: Vec<Option<GridColumn>> = std::mem::take(&mut grid.columns).into_iter().map(Some).collect();
        let labels = chosen.label.and_then(|column| all[column].take());
        grid.columns = chosen.read.iter().filter_map(|column| all[*column].take()).collect();
        if !grid.names.is_empty() {
            grid.names = chosen.read.iter().map(|column| grid.names[*column].clone()).collect();
        }
        Ok(Selection { grid, labels, label, left })
    }
}
