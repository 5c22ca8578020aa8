//! Description of a table to write: its format and its columns.

use crate::dialect::Dialect;

/// Format of a written table.
///
/// ```
/// use langevin_data::TableKind;
/// use std::path::Path;
/// let kind = TableKind::of(Path::new("samples.tsv")).unwrap();
/// assert_eq!((kind, kind.least_bytes()), (TableKind::Tsv, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableKind {
    /// Text lines, by default with commas between columns: `.csv`.
    Csv,
    /// Text lines with tabs between columns: `.tsv`.
    Tsv,
    /// Compressed [`Csv`](Self::Csv): `.csv.gz`.
    CsvGz,
    /// Compressed [`Tsv`](Self::Tsv): `.tsv.gz`.
    TsvGz,
    /// Typed columns: `.parquet`.
    Parquet,
}

impl TableKind {
    /// Returns true if columns are separated by tabs.
    pub(crate) fn is_tabbed(self) -> bool {
        matches!(self, Self::Tsv | Self::TsvGz)
    }

    /// Returns true if the lines are compressed.
    pub(crate) fn is_packed(self) -> bool {
        matches!(self, Self::CsvGz | Self::TsvGz)
    }

    /// Returns the compressed version of the format, if there is one.
    pub(crate) fn packed(self) -> Option<Self> {
        match self {
            Self::Csv | Self::CsvGz => Some(Self::CsvGz),
            Self::Tsv | Self::TsvGz => Some(Self::TsvGz),
            Self::Parquet => None,
        }
    }

    /// Returns the smallest number of bytes that a value and its separator can take.
    #[must_use]
    pub fn least_bytes(self) -> u64 {
        match self {
            Self::Csv | Self::Tsv => 2,
            Self::CsvGz | Self::TsvGz | Self::Parquet => 1,
        }
    }
}

/// Columns of a table to write.
///
/// ```
/// use langevin_data::TableColumns;
/// let columns = TableColumns::new(["age", "income"]).whole(vec![true, false]).label("kind");
/// assert_eq!(columns.width(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TableColumns {
    pub(crate) names: Vec<String>,
    pub(crate) whole: Vec<bool>,
    pub(crate) label: Option<String>,
    /// Name and shape of the array that each row holds.
    pub(crate) array: Option<(String, Vec<usize>)>,
    pub(crate) single: bool,
    dialect: Dialect,
}

impl TableColumns {
    /// Creates columns of numbers with these names.
    #[must_use]
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { names: names.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Returns the number of values in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// Sets which columns hold integers; typed formats write them as such.
    ///
    /// ```
    /// use langevin_data::{TableColumns, TableKind, TableWriter};
    /// let columns = TableColumns::new(["age", "income"]).whole(vec![true, false]);
    /// let mut writer = TableWriter::new(Vec::new(), TableKind::Csv, columns)?;
    /// writer.push(&[41.0, 2.5], None)?;
    /// assert_eq!(writer.finish()?, b"age,income\n41,2.5\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn whole(mut self, whole: Vec<bool>) -> Self {
        self.whole = whole;
        self
    }

    /// Adds a column of texts with this name after the others.
    ///
    /// ```
    /// use langevin_data::{TableColumns, TableKind, TableWriter};
    /// let columns = TableColumns::new(["x"]).label("kind");
    /// let mut writer = TableWriter::new(Vec::new(), TableKind::Csv, columns)?;
    /// writer.push(&[1.5], Some("rose"))?;
    /// assert_eq!(writer.finish()?, b"x,kind\n1.5,rose\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn label(mut self, name: impl Into<String>) -> Self {
        self.label = Some(name.into());
        self
    }

    /// Sets the name and shape of the array that a row holds; typed formats write it as one column
    /// of lists.
    ///
    /// ```
    /// use langevin_data::TableColumns;
    /// let columns = TableColumns::new(["a", "b", "c", "d"]).array("image", &[2, 2]).single(true);
    /// assert_eq!(columns.width(), 4);
    /// ```
    #[must_use]
    pub fn array(mut self, name: impl Into<String>, shape: &[usize]) -> Self {
        let fits = !shape.is_empty() && shape.iter().product::<usize>() == self.width();
        self.array = fits.then(|| (name.into(), shape.to_vec()));
        self
    }

    /// Sets whether numbers are written in single precision.
    ///
    /// ```
    /// use langevin_data::{TableColumns, TableKind, TableWriter};
    /// let columns = TableColumns::new(["x"]).single(true);
    /// let mut writer = TableWriter::new(Vec::new(), TableKind::Csv, columns)?;
    /// writer.push(&[f64::from(0.1_f32)], None)?;
    /// assert_eq!(writer.finish()?, b"x\n0.1\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn single(mut self, single: bool) -> Self {
        self.single = single;
        self
    }

    /// Sets the dialect of text formats; `None` is the default dialect.
    ///
    /// See [`Dialect`] for an example.
    #[must_use]
    pub fn dialect(mut self, dialect: Option<Dialect>) -> Self {
        self.dialect = dialect.filter(|dialect| dialect.is_sound()).unwrap_or_default();
        self
    }

    /// Returns the dialect for this format.
    ///
    /// A single column has no separator, and readers expect decimal points there.
    pub(crate) fn lines(&self, kind: TableKind) -> Dialect {
        match (self.width() + usize::from(self.label.is_some()), kind.is_tabbed()) {
            (..2, false) => Dialect::default(),
            (..2, true) => Dialect { separator: '\t', decimal_comma: false },
            (_, true) => Dialect { separator: '\t', ..self.dialect },
            (_, false) => self.dialect,
        }
    }
}
