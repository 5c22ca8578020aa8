//! Tables, for terminals and for pages.

use crate::numbers::{cell, thousands};
use crate::page::escape;
use langevin::text::{Column, NAME, brief, columns, number};

/// A value of a table.
///
/// ```
/// use langevin_report::Cell;
/// assert_eq!(Cell::from(None::<f64>), Cell::Missing);
/// assert_eq!(Cell::from(8_usize), Cell::Count(8));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// An unknown or missing value, shown as a dash.
    Missing,
    /// A text. Long texts are shortened in a terminal.
    Text(String),
    /// A count.
    Count(u64),
    /// A number, with four digits in a terminal and three in a page.
    Number(f64),
    /// HTML, with a text that replaces it in a terminal.
    Html {
        /// The cell in a page.
        html: String,
        /// The cell in a terminal.
        text: String,
    },
}

impl Cell {
    /// Returns the cell as HTML.
    fn html(&self) -> String {
        match self {
            Self::Missing => "–".into(),
            Self::Text(text) => escape(text),
            Self::Count(value) => thousands(*value),
            Self::Number(value) => cell(*value),
            Self::Html { html, .. } => html.clone(),
        }
    }

    /// Returns the cell as text.
    fn text(&self) -> String {
        match self {
            Self::Missing => "–".into(),
            Self::Text(text) | Self::Html { text, .. } => brief(text, NAME),
            Self::Count(value) => thousands(*value),
            Self::Number(value) => number(*value),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Self::Count(value as u64)
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Count(value)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

/// A row with its CSS class in a page.
#[derive(Clone, Debug)]
struct Line {
    class: Option<String>,
    cells: Vec<Cell>,
}

/// A table with headings. The first cell of a row is its name.
///
/// ```
/// use langevin_report::{Cell, Table};
/// let table = Table::new(["sampler", "NFE", "W2"]);
/// let table = table.row(["ddim".into(), 8_usize.into(), 0.125.into()]);
/// assert_eq!(table.text(), "sampler  NFE        W2\nddim       8  1.250e−1\n");
/// let html = table.html("figures", "Errors");
/// assert!(html.contains("<th scope=\"row\">ddim</th><td>8</td><td>0.125</td>"));
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    heads: Vec<String>,
    /// Headings in a page, if they differ from those in a terminal.
    titles: Option<Vec<String>>,
    layout: Vec<Column>,
    lines: Vec<Line>,
    /// CSS classes of the columns after the first. If set, the cells of a row are stacked on narrow
    /// screens.
    stacked: Option<Vec<&'static str>>,
}

impl Table {
    /// Builds a table without rows. In a terminal the first column is left-aligned and the others
    /// are right-aligned.
    ///
    /// ```
    /// assert_eq!(langevin_report::Table::new(["name", "value"]).text(), "name  value\n");
    /// ```
    #[must_use]
    pub fn new<H: Into<String>>(heads: impl IntoIterator<Item = H>) -> Self {
        Self {
            heads: heads.into_iter().map(Into::into).collect(),
            titles: None,
            layout: vec![Column::Left(0), Column::Right(0)],
            lines: Vec::new(),
            stacked: None,
        }
    }

    /// Sets the headings for pages if they differ from those for terminals.
    ///
    /// ```
    /// use langevin_report::Table;
    /// let table = Table::new(["W2"]).titles(["W₂"]);
    /// assert!(table.html("", "").contains("W₂") && !table.text().contains("W₂"));
    /// ```
    #[must_use]
    pub fn titles<H: Into<String>>(mut self, titles: impl IntoIterator<Item = H>) -> Self {
        self.titles = Some(titles.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the alignment and minimum width of each column in a terminal. The last entry applies to
    /// all further columns.
    ///
    /// ```
    /// use langevin::text::Column;
    /// use langevin_report::Table;
    /// let table = Table::new(["a", "b"]).layout(&[Column::Left(0), Column::Left(0)]);
    /// assert_eq!(table.row(["x".into(), "y".into()]).text(), "a  b\nx  y\n");
    /// ```
    #[must_use]
    pub fn layout(mut self, layout: &[Column]) -> Self {
        self.layout = layout.to_vec();
        self
    }

    /// Adds a row.
    ///
    /// ```
    /// use langevin_report::{Cell, Table};
    /// let table = Table::new(["name", "value"]).row(["a".into(), Cell::Missing]);
    /// assert_eq!(table.text(), "name  value\na         –\n");
    /// ```
    #[must_use]
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.push(cells);
        self
    }

    /// Adds a row in place.
    ///
    /// ```
    /// use langevin_report::Table;
    /// let mut table = Table::new(["sampler", "NFE"]);
    /// table.push(["ddim".into(), 8_usize.into()]);
    /// assert_eq!(table.text(), "sampler  NFE\nddim       8\n");
    /// ```
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.lines.push(Line { class: None, cells: cells.into_iter().collect() });
    }

    /// Adds a row with a CSS class.
    pub(crate) fn push_class(&mut self, class: String, cells: impl IntoIterator<Item = Cell>) {
        self.lines.push(Line { class: Some(class), cells: cells.into_iter().collect() });
    }

    /// Stacks the cells of a row on narrow screens, with the given CSS classes for the columns
    /// after the first.
    pub(crate) fn stacked(mut self, classes: &[&'static str]) -> Self {
        self.stacked = Some(classes.to_vec());
        self
    }

    /// Returns the table as aligned text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut rows = vec![self.heads.clone()];
        rows.extend(self.lines.iter().map(|line| line.cells.iter().map(Cell::text).collect()));
        columns(&rows, &self.layout)
    }

    /// Returns the table as HTML. `class` is its CSS class; `caption` is for screen readers.
    ///
    /// ```
    /// use langevin_report::Table;
    /// let table = Table::new(["name", "value"]).row(["a < b".into(), 1_usize.into()]);
    /// let html = table.html("figures", "Values");
    /// assert!(html.contains("<caption>Values</caption>") && html.contains("a &lt; b"));
    /// ```
    #[must_use]
    pub fn html(&self, class: &str, caption: &str) -> String {
        // The style sheet changes the display of these cells, which removes their implicit roles;
        // they are therefore stated explicitly.
        let role = |role: &str| if self.stacked.is_some() { format!(" role=\"{role}\"") } else { String::new() };
        let (group, row, column) = (role("rowgroup"), role("row"), role("columnheader"));
        let heads: String =
            self.page_heads().iter().map(|head| format!("<th{column} scope=\"col\">{}</th>", escape(head))).collect();
        let rows: String = self.lines.iter().map(|line| self.line(line, &role)).collect();
        format!(
            "<table class=\"{class}\"{}><caption>{}</caption><thead{group}><tr{row}>{heads}</tr></thead><tbody{group}>{rows}</tbody></table>",
            role("table"),
            escape(caption)
        )
    }

    fn page_heads(&self) -> &[String] {
        self.titles.as_ref().unwrap_or(&self.heads)
    }

    fn line(&self, line: &Line, role: &impl Fn(&str) -> String) -> String {
        let class = line.class.as_ref().map_or_else(String::new, |class| format!(" class=\"{class}\""));
        let [first, rest @ ..] = &line.cells[..] else { return String::new() };
        let name = match self.stacked {
            Some(_) => format!("<div class=\"who\">{}</div>", first.html()),
            None => first.html(),
        };
        let cells: String = rest.iter().enumerate().map(|(i, cell)| self.cell(i, cell, role)).collect();
        format!("<tr{}{class}><th{} scope=\"row\">{name}</th>{cells}</tr>", role("row"), role("rowheader"))
    }

    /// Returns the cell of column `index` after the first.
    fn cell(&self, index: usize, cell: &Cell, role: &impl Fn(&str) -> String) -> String {
        let about = self.stacked.as_ref().map_or_else(String::new, |classes| {
            let head = self.page_heads().get(index + 1).map_or_else(String::new, |head| escape(head));
            format!(" class=\"{}\" data-head=\"{head}\"", classes.get(index).copied().unwrap_or_default())
        });
        format!("<td{}{about}>{}</td>", role("cell"), cell.html())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_for_both_places() {
        let table = Table::new(["sampler", "grid", "steps", "W₂"])
            .layout(&[Column::Left(0), Column::Left(0), Column::Right(0)])
            .row(["<b>".into(), Cell::Missing, 1000_usize.into(), 1.234e-7.into()])
            .row(["x".repeat(61).into(), Some("karras").into(), None::<usize>.into(), f64::INFINITY.into()]);
        let text = table.text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].ends_with("–       1,000  1.234e−7") && lines[1].starts_with("<b> "), "{text}");
        assert!(lines[2].starts_with(&format!("{}…  karras", "x".repeat(60))) && lines[2].ends_with("–         ∞"));
        let html = table.html("figures", "Errors");
        assert!(html.contains("<th scope=\"row\">&lt;b&gt;</th><td>–</td><td>1,000</td><td>1.23·10<sup>−7</sup></td>"));
    }

    #[test]
    fn stacked_cells_say_their_roles_and_headings() {
        let mut table = Table::new(["Row", "h/g"]).stacked(&["s"]);
        table.push_class("r0".into(), ["a".into(), "1".into()]);
        let html = table.html("results", "Rows");
        assert!(html.contains(
            "<tr role=\"row\" class=\"r0\"><th role=\"rowheader\" scope=\"row\"><div class=\"who\">a</div></th>"
        ));
        assert!(html.contains("<td role=\"cell\" class=\"s\" data-head=\"h/g\">1</td>"), "{html}");
    }
}
