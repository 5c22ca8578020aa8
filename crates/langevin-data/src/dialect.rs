//! How the lines of a table are written.

use serde::{Deserialize, Serialize};

/// How the lines of a table are written where that is not the plain way, which is commas between columns
/// and points in numbers: samples of a model go out as its table came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Dialect {
    /// The character between columns: a comma, a semicolon, a bar or a tab.
    pub separator: char,
    /// Whether numbers have a decimal comma.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decimal_comma: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { separator: ',', decimal_comma: false }
    }
}

impl Dialect {
    /// Whether a table of several columns can be written so.
    pub(crate) fn is_sound(self) -> bool {
        matches!(self.separator, ',' | ';' | '|' | '\t') && !(self.separator == ',' && self.decimal_comma)
    }
}
