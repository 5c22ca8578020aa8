//! Checks shared by all readers, with common error texts.

use crate::error::{Error, Result};

/// Limit 2⁵³, below which float64 represents all integers exactly.
pub(crate) const EXACT: f64 = 9_007_199_254_740_992.0;

/// Checks that there is at least one row.
pub(crate) fn enough(rows: usize) -> Result<()> {
    if rows == 0 {
        return Err(Error::data("there are no rows").expected("1 or more").got("0"));
    }
    Ok(())
}

/// Returns the error for a number that is not a finite float32, at a place counted from 1.
pub(crate) fn not_finite(value: f64, place: &str) -> Error {
    Error::data(if value.is_finite() { "a number is too large" } else { "a number is not finite" })
        .at(place)
        .expected("finite float32 numbers")
        .got(format!("{value:e}"))
        .hinting("all are counted from 1; drop or fill such rows first")
}

/// Returns the error for a missing value, at a place counted from 1.
///
/// `got` was found instead of `expected`. `column` is the column's name for a flag, if the column
/// could be left out.
pub(crate) fn missing(place: &str, expected: &str, got: &str, column: Option<&str>) -> Error {
    let fill = "leave out or fill the rows that lack one";
    let error = Error::data("a value is missing").at(place).expected(expected).got(got);
    match column {
        Some(column) => error.hinting(format!("{fill}, or leave the column out: --drop {column}")),
        None => error.hinting(fill),
    }
}
