//! Numbers, counts and aligned columns for terminals.
//!
//! Every table that the workspace prints is laid out by [`columns`], and every error in such a
//! table is formatted by [`number`]. Two commands therefore show the same figure in the same way.

/// Returns a figure of a table in four significant digits, with `∞` for infinity and a true minus
/// sign.
///
/// # Examples
///
/// ```
/// use langevin::text::number;
/// let texts = [number(0.0), number(0.0125), number(f64::NEG_INFINITY)];
/// assert_eq!(texts, ["0", "1.250e−2", "−∞"]);
/// ```
#[must_use]
pub fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "∞".into(),
        f64::NEG_INFINITY => "−∞".into(),
        0.0 => "0".into(),
        _ => format!("{value:.3e}").replace('-', "−"),
    }
}

/// Returns a count with commas between groups of three digits.
///
/// # Examples
///
/// ```
/// assert_eq!(langevin::text::thousands(1_234_567), "1,234,567");
/// ```
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a count followed by its noun, in the plural unless the count is one.
///
/// # Examples
///
/// ```
/// use langevin::text::plural;
/// assert_eq!([plural(1, "row"), plural(2000, "row")], ["1 row", "2,000 rows"]);
/// ```
#[must_use]
pub fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// Returns the text, cut after `most` characters and marked with an ellipsis if it is longer.
///
/// # Examples
///
/// ```
/// use langevin::text::brief;
/// assert_eq!(brief("karras", 3), "kar…");
/// assert_eq!(brief("karras", 6), "karras");
/// ```
#[must_use]
pub fn brief(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The number of characters of a sampler's, grid's or plan's name that a table shows.
///
/// Names themselves have no upper limit: the name of a grid may be a list of levels.
///
/// # Examples
///
/// ```
/// use langevin::text::{NAME, brief};
/// assert_eq!(brief(&"x".repeat(80), NAME).chars().count(), NAME + 1);
/// ```
pub const NAME: usize = 60;

/// Alignment and minimum width of one column.
///
/// # Examples
///
/// ```
/// use langevin::text::{Column, columns};
/// let rows = [["ddim", "8"].map(String::from)];
/// let text = columns(&rows, &[Column::Left(6), Column::Right(3)]);
/// assert_eq!(text, "ddim      8\n");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Column {
    /// Left-aligned, at least this many characters wide.
    Left(usize),
    /// Right-aligned, at least this many characters wide.
    Right(usize),
}

/// Returns the rows as text, in columns that are two spaces apart. The text ends with a line break.
///
/// A column is as wide as its longest cell. Columns without an entry in `layout` use its last
/// entry. Spaces at the end of a line are removed.
///
/// # Examples
///
/// ```
/// use langevin::text::{Column, columns};
/// let rows = [["sampler", "NFE"], ["ddim", "8"], ["heun", "16"]].map(|row| row.map(String::from));
/// let text = columns(&rows, &[Column::Left(0), Column::Right(0)]);
/// assert_eq!(text, "sampler  NFE\nddim       8\nheun      16\n");
/// ```
#[must_use]
pub fn columns<R: AsRef<[String]>>(rows: &[R], layout: &[Column]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.as_ref().iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width.max(least(layout, column))),
            }
        }
    }
    rows.iter().map(|row| line(row.as_ref(), &widths, layout)).collect()
}

/// Returns the layout of a column.
fn column(layout: &[Column], column: usize) -> Column {
    layout.get(column).or(layout.last()).copied().unwrap_or(Column::Left(0))
}

/// Returns the minimum width of a column.
fn least(layout: &[Column], index: usize) -> usize {
    match column(layout, index) {
        Column::Left(least) | Column::Right(least) => least,
    }
}

/// Returns one row as a line of text.
fn line(cells: &[String], widths: &[usize], layout: &[Column]) -> String {
    let mut line = String::new();
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if index > 0 {
            line.push_str("  ");
        }
        // `format!` panics for a padding of more than 65,535 characters.
        let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
        let (before, after) = match column(layout, index) {
            Column::Left(_) => ("", &*pad),
            Column::Right(_) => (&*pad, ""),
        };
        [before, cell, after].into_iter().for_each(|piece| line.push_str(piece));
    }
    line.truncate(line.trim_end_matches(' ').len());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_without_spaces() {
        let rows = [vec!["a".into(), "long".into(), "1".into()], vec!["bcd".into(), "σ".into(), String::new()]];
        let layout = [Column::Left(0), Column::Left(0), Column::Right(3)];
        assert_eq!(columns(&rows, &layout), "a    long    1\nbcd  σ\n");
        assert_eq!(columns(&rows[..1], &[]), "a  long  1\n");
        assert_eq!(columns::<Vec<String>>(&[], &layout), "");
    }

    #[test]
    fn a_column_may_be_wider_than_the_formatter_allows() {
        let rows = [["x".repeat(70_000), "1".into()], ["y".into(), "2".into()]];
        assert_eq!(columns(&rows, &[Column::Right(0)]).lines().next_back().map(str::len), Some(70_003));
    }
}
