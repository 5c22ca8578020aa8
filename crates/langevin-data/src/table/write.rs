//! Tables written row by row, so that memory does not grow with their number.

use super::dialect::Dialect;
#[cfg(feature = "parquet")]
use crate::parquet::Writer as Parquet;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

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
    /// Returns the kind that a name ends in.
    ///
    /// ```
    /// use langevin_data::TableKind;
    /// use std::path::Path;
    /// assert_eq!(TableKind::of(Path::new("samples.csv.gz")), Some(TableKind::CsvGz));
    /// assert_eq!(TableKind::of(Path::new("samples.npy")), None);
    /// ```
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let (kinds, stem) = match name.strip_suffix(".gz") {
            Some(stem) => ([Self::CsvGz, Self::TsvGz], stem),
            None => ([Self::Csv, Self::Tsv], &*name),
        };
        match stem.rsplit_once('.')?.1 {
            "csv" => Some(kinds[0]),
            "tsv" | "tab" => Some(kinds[1]),
            "parquet" if stem == name => Some(Self::Parquet),
            _ => None,
        }
    }

    /// Returns whether its columns have tabs between them.
    pub(super) fn is_tabbed(self) -> bool {
        matches!(self, Self::Tsv | Self::TsvGz)
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

    /// Sets the name and shape of the array that a row is: a format with types writes it as one column of lists.
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

    /// How lines of this kind are written. A single column has nothing to be separated from, and only points are understood there.
    fn lines(&self, kind: TableKind) -> Dialect {
        match (self.width() + usize::from(self.label.is_some()), kind.is_tabbed()) {
            (..2, false) => Dialect::default(),
            (..2, true) => Dialect { separator: '\t', decimal_comma: false },
            (_, true) => Dialect { separator: '\t', ..self.dialect },
            (_, false) => self.dialect,
        }
    }
}

/// Writes a table, one row at a time.
///
/// ```
/// use langevin_data::{TableColumns, TableKind, TableWriter};
/// let columns = TableColumns::new(["x", "y"]);
/// let mut writer = TableWriter::new(Vec::new(), TableKind::Csv, columns)?;
/// writer.push(&[1.0, 0.5], None)?;
/// assert_eq!(writer.finish()?, b"x,y\n1,0.5\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TableWriter<W: Write + Send> {
    columns: TableColumns,
    dialect: Dialect,
    out: Out<W>,
    /// The line that is being made.
    line: Vec<u8>,
}

enum Out<W: Write + Send> {
    Lines(W),
    Packed(GzEncoder<W>),
    #[cfg(feature = "parquet")]
    Parquet(Box<Parquet<W>>),
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a table and writes what stands above its rows.
    ///
    /// # Errors
    /// Returns an error if the first bytes cannot be written, or this build does not write such tables.
    pub fn new(out: W, kind: TableKind, columns: TableColumns) -> io::Result<Self> {
        let dialect = columns.lines(kind);
        let out = match kind {
            TableKind::Csv | TableKind::Tsv => Out::Lines(out),
            TableKind::CsvGz | TableKind::TsvGz => Out::Packed(GzEncoder::new(out, Compression::default())),
            #[cfg(feature = "parquet")]
            TableKind::Parquet => Out::Parquet(Box::new(Parquet::new(out, &columns)?)),
            #[cfg(not(feature = "parquet"))]
            TableKind::Parquet => return Err(io::Error::other("this build does not write .parquet files")),
        };
        let mut writer = Self { columns, dialect, out, line: Vec::new() };
        let names = writer.columns.names.iter().chain(&writer.columns.label);
        let head = names.map(|name| quoted(name, dialect.separator)).collect::<Vec<_>>();
        writer.line = (head.join(dialect.separator.encode_utf8(&mut [0; 4])) + "\n").into_bytes();
        writer.flush_line()?;
        Ok(writer)
    }

    /// Writes a row: its numbers, and the text of the column of texts where there is one.
    ///
    /// # Errors
    /// Returns an error if it cannot be written, has another number of numbers than there are columns, or has a number that
    /// no whole number of 64 bits is.
    pub fn push(&mut self, row: &[f64], label: Option<&str>) -> io::Result<()> {
        if row.len() != self.columns.width() || label.is_some() != self.columns.label.is_some() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the row does not fit the columns"));
        }
        #[cfg(feature = "parquet")]
        if let Out::Parquet(parquet) = &mut self.out {
            return parquet.push(row, label);
        }
        let mut separator = [0; 4];
        let separator = self.dialect.separator.encode_utf8(&mut separator).as_bytes();
        self.line.clear();
        for (column, value) in row.iter().enumerate() {
            if column > 0 {
                self.line.extend_from_slice(separator);
            }
            let begin = self.line.len();
            match self.columns.single {
                true => write!(self.line, "{}", *value as f32)?,
                false => write!(self.line, "{value}")?,
            }
            if self.dialect.decimal_comma
                && let Some(point) = self.line[begin..].iter().position(|byte| *byte == b'.')
            {
                self.line[begin + point] = b',';
            }
        }
        if let Some(label) = label {
            self.line.extend_from_slice(separator);
            self.line.extend_from_slice(quoted(label, self.dialect.separator).as_bytes());
        }
        self.line.push(b'\n');
        self.flush_line()
    }

    fn flush_line(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Lines(out) => out.write_all(&self.line),
            Out::Packed(out) => out.write_all(&self.line),
            // The names are in the schema.
            #[cfg(feature = "parquet")]
            Out::Parquet(_) => Ok(()),
        }
    }

    /// Ends the table, and gives back what it was written to.
    ///
    /// # Errors
    /// Returns an error if the last bytes cannot be written.
    pub fn finish(self) -> io::Result<W> {
        match self.out {
            Out::Lines(out) => Ok(out),
            Out::Packed(out) => out.finish(),
            #[cfg(feature = "parquet")]
            Out::Parquet(out) => out.finish(),
        }
    }
}

/// A text as a field of a line.
fn quoted(text: &str, separator: char) -> Cow<'_, str> {
    match text.contains([separator, '"', '\n', '\r']) || text.trim() != text || text.is_empty() {
        true => format!("\"{}\"", text.replace('"', "\"\"")).into(),
        false => text.into(),
    }
}
