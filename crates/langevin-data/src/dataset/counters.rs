//! Detection of columns that count or identify the rows and are not data.

use std::collections::HashSet;

/// Smallest number of rows for which a counting or identifying column is reported.
const TELLING: usize = 20;
/// Largest number of distinct values that are tracked in an identifier column.
const REMEMBERED: usize = 1 << 20;

/// Meaning of a column's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// The table has no column names.
    None,
    /// Ordinary name.
    Plain,
    /// Name that programs give to row numbers.
    Index,
    /// Name that people give to identifiers.
    Identifier,
}

impl Name {
    pub(crate) fn of(name: &str) -> Self {
        let lower = name.trim().to_ascii_lowercase();
        let numbered = |start: &str, end: &str| {
            lower.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).is_some_and(|n| n.parse::<u32>().is_ok())
        };
        let index = ["", "index", "level_0", "rownames", "row.names", "x.1", "_c0"];
        let identifier =
            ["id", "idx", "row", "rowid", "row_id", "rownum", "row_number", "rownumber", "no", "no.", "nr", "uid"];
        if index.contains(&lower.as_str()) || numbered("unnamed: ", "") || numbered("__index_level_", "__") {
            Self::Index
        } else if identifier.contains(&lower.as_str())
            || lower.ends_with("_id")
            || lower.ends_with(" id")
            || name.trim().ends_with("Id")
            || name.trim().ends_with("ID")
        {
            Self::Identifier
        } else {
            Self::Plain
        }
    }
}

/// Tracks whether the numbers of a column count the rows.
pub(crate) struct Counter {
    name: Name,
    first: f64,
    last: f64,
    /// True if the number increases by one in every row.
    counts: bool,
    rising: bool,
    whole: bool,
    distinct: Option<HashSet<u64>>,
}

impl Counter {
    pub(crate) fn new(name: Name) -> Self {
        let distinct = matches!(name, Name::Index | Name::Identifier).then(HashSet::new);
        Self { name, first: 0.0, last: 0.0, counts: true, rising: true, whole: true, distinct }
    }

    pub(crate) fn push(&mut self, row: usize, value: f64) {
        self.whole &= value.fract() == 0.0;
        if row == 0 {
            self.first = value;
        } else {
            self.counts &= value == self.last + 1.0;
            self.rising &= value > self.last;
        }
        self.last = value;
        if !self.whole {
            self.distinct = None;
        } else if let Some(distinct) = &mut self.distinct
            && distinct.len() < REMEMBERED
            && !distinct.insert(value.to_bits())
        {
            self.distinct = None;
        }
    }

    /// Returns true if more rows could change the verdict.
    pub(crate) fn is_open(&self) -> bool {
        self.whole && (self.rising || self.distinct.is_some())
    }

    /// Returns the reason why the column is not data.
    pub(crate) fn verdict(&self, rows: usize) -> Option<&'static str> {
        if !self.whole || rows < 2 {
            return None;
        }
        match self.name {
            Name::Index if self.counts || self.distinct.is_some() => Some("numbers the rows"),
            Name::Identifier if self.counts => Some("counts the rows"),
            Name::Identifier if self.distinct.is_some() && rows >= TELLING => {
                Some("a different number names every row")
            }
            _ => None,
        }
    }

    /// Returns a suspicion that the column is bookkeeping, when there is no proof.
    pub(crate) fn doubt(&self, rows: usize) -> Option<&'static str> {
        if !self.whole || rows < TELLING {
            return None;
        }
        match (self.counts && (self.first == 0.0 || self.first == 1.0), self.rising) {
            (true, _) => Some("counts the rows"),
            (false, true) => Some("is another whole number in every row, always higher"),
            _ => None,
        }
    }
}
