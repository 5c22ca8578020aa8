//! Selection of the columns of a table, by name or number.

use crate::error::{Error, Result};
use crate::options::Options;
use crate::words::start;

/// Reason for columns that a flag leaves out.
const DROPPED: &str = "dropped";

/// Columns that are read.
pub(crate) struct Columns {
    /// Columns of the rows, in their order.
    pub(crate) read: Vec<usize>,
    pub(crate) label: Option<usize>,
    /// Columns that are left out, with the reason.
    pub(crate) left: Vec<(usize, &'static str)>,
}

impl Columns {
    /// Returns true if an option leaves the column out.
    pub(crate) fn is_dropped(&self, column: usize) -> bool {
        self.left.iter().any(|(left, why)| *left == column && *why == DROPPED)
    }

    /// Selects columns according to the options; `names` is empty if the table has no column names.
    pub(crate) fn chosen(width: usize, names: &[&str], options: &Options) -> Result<Self> {
        let all = |flag: &str, wanted: &[String]| -> Result<Vec<usize>> {
            wanted.iter().map(|one| column(flag, one, width, names)).collect()
        };
        let label = match &options.label_column {
            None => None,
            Some(wanted) => match column("label column", wanted, width, names) {
                Err(_) if options.labels_optional => None,
                other => Some(other?),
            },
        };
        let dropped = all("columns to drop", &options.drop)?;
        let asked = all("columns", &options.columns)?;
        let twice = |place: usize, what: &str, other: &str| {
            let name = names.get(place).map_or_else(|| (place + 1).to_string(), |name| (*name).to_owned());
            Err(Error::argument(format!("a column is {what} and {other}")).at(format!("column '{}'", start(&name))))
        };
        for (number, place) in asked.iter().enumerate() {
            if dropped.contains(place) {
                return twice(*place, "asked for", "dropped");
            }
            if label == Some(*place) {
                return twice(*place, "asked for", "that of the labels");
            }
            if asked[..number].contains(place) {
                return twice(*place, "asked for", "asked for again");
            }
        }
        if let Some(place) = dropped.iter().find(|place| label == Some(**place)) {
            return twice(*place, "dropped", "that of the labels");
        }
        let read: Vec<usize> = match asked.is_empty() {
            true => (0..width).filter(|place| label != Some(*place) && !dropped.contains(place)).collect(),
            false => asked,
        };
        if read.is_empty() {
            let error = match label {
                Some(_) if dropped.is_empty() => Error::data("the only column is that of the labels"),
                _ => Error::argument("every column is dropped"),
            };
            return Err(error.expected("a column of numbers besides"));
        }
        let left = (0..width).filter(|place| label != Some(*place) && !read.contains(place));
        let left =
            left.map(|place| (place, if dropped.contains(&place) { DROPPED } else { "not asked for" })).collect();
        Ok(Self { read, label, left })
    }
}

/// Finds a column by its name or by its number, counted from 1.
pub(crate) fn column(what: &str, wanted: &str, width: usize, names: &[&str]) -> Result<usize> {
    let by_number = || wanted.parse().ok().filter(|number| (1..=width).contains(number)).map(|number| number - 1);
    names.iter().position(|name| *name == wanted).or_else(by_number).ok_or_else(|| {
        let known =
            if names.is_empty() || names.len() > 24 { String::new() } else { format!("{}, or ", names.join(", ")) };
        let error = Error::argument("no such column")
            .at(what)
            .expected(format!("{known}a number from 1 to {width}"))
            .got(format!("'{}'", start(wanted)));
        match langevin::error::nearest(wanted, names) {
            Some(near) => error.hinting(format!("did you mean '{near}'?")),
            None => error,
        }
    })
}
