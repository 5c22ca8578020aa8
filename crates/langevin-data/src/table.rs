//! What a written table is: its kind and its columns.

use crate::dialect::Dialect;

/// The kinds of table that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableKind {
    /// Lines of text, by default with commas between columns: `.csv`.
    Csv,
    /// Lines with tabs between columns: `.tsv`.
    Tsv,
    /// The same as [`Csv`](Self::Csv), packed: `.csv.gz`.
    CsvGz,
    /// The same as [`Tsv`](Self::Tsv), packed: `.tsv.gz`.
    TsvGz,
    /// Columns of types: `.parquet`.
    Parquet,
}

impl TableKind {
    /// Returns whether its columns have tabs between them.
    pub(crate) fn is_tabbed(self) -> bool {
        matches!(self, Self::Tsv | Self::TsvGz)
    }

    /// Returns whether its lines are packed.
    pub(crate) fn is_packed(self) -> bool {
        matches!(self, Self::CsvGz | Self::TsvGz)
    }

    /// Returns the same kind packed, where it can be.
    pub(crate) fn packed(self) -> Option<Self> {
        match self {
            Self::Csv | Self::CsvGz => Some(Self::CsvGz),
            Self::Tsv | Self::TsvGz => Some(Self::TsvGz),
            Self::Parquet => None,
        }
    }

    /// Returns the fewest bytes that a number and what separates it from the next can take.
    #[must_use]
    pub fn least_bytes(self) -> u64 {
        match self {
            Self::Csv | Self::Tsv => 2,
            Self::CsvGz | Self::TsvGz | Self::Parquet => 1,
        }
    }
}

/// The columns of a table that is written.
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
    /// The name and shape of the arrays that the rows are.
    pub(crate) array: Option<(String, Vec<usize>)>,
    pub(crate) single: bool,
    dialect: Dialect,
}

impl TableColumns {
    /// Builds columns of numbers with these names.
    #[must_use]
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { names: names.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Returns the number of numbers in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// Sets which columns are of whole numbers, which a format with types writes as such.
    #[must_use]
    pub fn whole(mut self, whole: Vec<bool>) -> Self {
        self.whole = whole;
        self
    }

    /// Adds a column of texts behind the others, with this name.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>) -> Self {
        self.label = Some(name.into());
        self
    }

    /// Sets the name and shape of the array that a row is: a format with types writes it as one column of
    /// lists.
    #[must_use]
    pub fn array(mut self, name: impl Into<String>, shape: &[usize]) -> Self {
        let fits = !shape.is_empty() && shape.iter().product::<usize>() == self.width();
        self.array = fits.then(|| (name.into(), shape.to_vec()));
        self
    }

    /// Sets whether numbers are written in single precision.
    #[must_use]
    pub fn single(mut self, single: bool) -> Self {
        self.single = single;
        self
    }

    /// Sets how the lines of a `.csv` file are written; `None` is the plain way.
    #[must_use]
    pub fn dialect(mut self, dialect: Option<Dialect>) -> Self {
        self.dialect = dialect.filter(|dialect| dialect.is_sound()).unwrap_or_default();
        self
    }

    /// How lines of this kind are written. A single column has nothing to be separated from, and only
    /// points are understood there.
    pub(crate) fn lines(&self, kind: TableKind) -> Dialect {
        match (self.width() + usize::from(self.label.is_some()), kind.is_tabbed()) {
            (..2, false) => Dialect::default(),
            (..2, true) => Dialect { separator: '\t', decimal_comma: false },
            (_, true) => Dialect { separator: '\t', ..self.dialect },
            (_, false) => self.dialect,
        }
    }
}
