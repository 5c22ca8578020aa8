//! Rows of a table in a file.

use super::schema::TableSchema;
use crate::dialect::Dialect;
use crate::table::TableKind;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};

/// Writes rows of the model as a table with the names, the order and the texts of the file.
///
/// `rows` holds rows × columns values, laid out as [`TableSchema`] says; missing values are empty
/// cells. `labels` is the name of a column of labels and the label of each row.
///
/// ```
/// use langevin_data::{ColumnValues, NormalScores, TableColumn, TableKind, TableSchema};
/// use langevin_data::write_table;
/// let widths = ColumnValues::Numbers(NormalScores::fit(&[1.5, 2.25], 2)?);
/// let kinds = ColumnValues::Categories(vec!["daisy".into(), "rose".into()]);
/// let columns = vec![TableColumn::new("kind", kinds), TableColumn::new("width", widths)];
/// let schema = TableSchema::new(columns)?;
/// let mut out = Vec::new();
/// write_table(&mut out, TableKind::Csv, &schema, &[1.75, 1.0, 2.0, 0.0], None)?;
/// assert_eq!(out, b"kind,width\nrose,1.75\ndaisy,2.00\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the rows cannot be written.
pub fn write_table(
    out: impl Write + Send,
    kind: TableKind,
    schema: &TableSchema,
    rows: &[f64],
    labels: Option<(&str, &[&str])>,
) -> io::Result<()> {
    let tabbed = kind.is_tabbed();
    let dialect = match (tabbed, schema.dialect()) {
        (true, dialect) => Dialect { separator: '\t', ..dialect.unwrap_or_default() },
        (false, dialect) => dialect.unwrap_or_default(),
    };
    match kind {
        TableKind::Csv | TableKind::Tsv => lines(out, dialect, schema, rows, labels).map(|_| ()),
        TableKind::CsvGz | TableKind::TsvGz => {
            let packed = GzEncoder::new(out, Compression::default());
            lines(packed, dialect, schema, rows, labels)?.finish().map(|_| ())
        }
        #[cfg(feature = "parquet")]
        TableKind::Parquet => crate::formats::parquet::write_mixed(out, schema, rows, labels),
        #[cfg(not(feature = "parquet"))]
        TableKind::Parquet => Err(io::Error::other("this build does not write Parquet files")),
    }
}

/// Writes lines, and returns the writer.
fn lines<W: Write>(
    out: W,
    dialect: Dialect,
    schema: &TableSchema,
    rows: &[f64],
    labels: Option<(&str, &[&str])>,
) -> io::Result<W> {
    let separator = u8::try_from(dialect.separator).unwrap_or(b',');
    let mut writer = csv::WriterBuilder::new().delimiter(separator).from_writer(out);
    let columns = schema.columns();
    if columns.iter().any(|column| !column.name.is_empty()) {
        let names = columns.iter().map(|column| column.name.as_str());
        writer.write_record(names.chain(labels.iter().map(|(name, _)| *name))).map_err(io::Error::other)?;
    }
    for (index, row) in rows.chunks_exact(columns.len()).enumerate() {
        let mut cells: Vec<String> = schema.cells(row).into_iter().map(Option::unwrap_or_default).collect();
        if dialect.decimal_comma {
            for (cell, column) in cells.iter_mut().zip(columns) {
                if column.scores().is_some() {
                    *cell = cell.replace('.', ",");
                }
            }
        }
        cells.extend(labels.iter().filter_map(|(_, of)| Some((*of.get(index)?).to_owned())));
        writer.write_record(&cells).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}
