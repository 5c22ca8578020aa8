//! Dialect of a text table.

use serde::{Deserialize, Serialize};

/// Dialect of a text table that differs from the default, commas between columns and decimal
/// points.
///
/// Samples of a model are written in the dialect of its training data.
///
/// ```
/// use langevin_data::{Dialect, TableColumns, TableKind, TableWriter, open, Options};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("german.csv");
/// # std::fs::write(&path, "a;b\n1,5;2,5\n3,5;4,5\n").unwrap();
/// // german.csv: a;b / 1,5;2,5 / 3,5;4,5
/// let data = open(&path, &Options::default())?;
/// let dialect: Option<Dialect> = data.frame().dialect;
/// assert_eq!(dialect.map(|one| (one.separator, one.decimal_comma)), Some((';', true)));
///
/// let columns = TableColumns::new(["a", "b"]).dialect(dialect);
/// let mut writer = TableWriter::new(Vec::new(), TableKind::Csv, columns).unwrap();
/// writer.push(&[1.5, 2.5], None).unwrap();
/// assert_eq!(writer.finish().unwrap(), b"a;b\n1,5;2,5\n");
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Dialect {
    /// Separator between columns: a comma, a semicolon, a bar or a tab.
    pub separator: char,
    /// True if numbers have a decimal comma.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decimal_comma: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { separator: ',', decimal_comma: false }
    }
}

impl Dialect {
    /// Returns true if a table of several columns can be written in the dialect.
    pub(crate) fn is_sound(self) -> bool {
        matches!(self.separator, ',' | ';' | '|' | '\t') && !(self.separator == ',' && self.decimal_comma)
    }
}
