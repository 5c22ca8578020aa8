//! Interpretation of a table's first lines: names, units, or rows.

use super::detect::diagnosis;
use super::field::{is_missing, number, whole};
use crate::words::start;
use csv::StringRecord;
use std::collections::VecDeque;

/// Number of lines below the first that are compared with it.
const LINES: usize = 10;

/// Returns the line of units below the names: no numbers, above a line that has numbers.
pub(super) fn units(ahead: &VecDeque<StringRecord>) -> Option<String> {
    let (first, second) = (ahead.front()?, ahead.get(1)?);
    let words = first.len() == second.len()
        && first.iter().all(|field| number(field).is_none() && diagnosis(field).is_none())
        && first.iter().any(|field| !is_missing(field));
    let numbers = second.iter().filter(|field| number(field).is_some()).count();
    (words && numbers > 0 && numbers * 2 >= second.len()).then(|| start(&first.iter().collect::<Vec<_>>().join(", ")))
}

/// Interpretation of the first line.
pub(super) struct Head {
    pub(super) is_header: bool,
    /// Assumption that the user may want to override.
    pub(super) note: Option<String>,
}

impl Head {
    /// Decides whether the first line is a header, unless `said` is given.
    ///
    /// A first line is a header in three cases:
    ///
    /// - none of its fields is a number,
    /// - some fields are words above columns of numbers, and the others are integers (years),
    /// - it counts the columns, 0, 1, 2, …, above numbers that are not all integers.
    pub(super) fn of(lines: &[StringRecord], said: Option<bool>) -> Self {
        let sure = |is_header| Self { is_header, note: None };
        let Some((first, rest)) = lines.split_first() else { return sure(false) };
        if let Some(said) = said {
            return sure(said);
        }
        if first.iter().all(|field| number(field).is_none()) {
            return sure(true);
        }
        if rest.is_empty() {
            return sure(false);
        }
        let counts = |fields: &mut dyn Iterator<Item = &str>| {
            fields.enumerate().all(|(place, field)| field.parse() == Ok(place))
        };
        if first.len() > 1 && first[0].is_empty() && counts(&mut first.iter().skip(1)) {
            return sure(true);
        }
        let shown = || start(&first.iter().collect::<Vec<_>>().join(", "));
        // Integers above columns without integers are suspicious: years, or a count from 1.
        let distinct = first.iter().collect::<std::collections::HashSet<_>>().len() == first.len();
        let never_whole = rest.len() >= LINES && rest.iter().all(|line| line.iter().all(|field| !whole(field)));
        if first.len() > 1 && first.iter().all(whole) && distinct && never_whole {
            return Self {
                is_header: true,
                note: Some(format!("the first line, {}, names the columns (--no-header says otherwise)", shown())),
            };
        }
        if first.len() == 1 && &first[0] == "0" && never_whole {
            return Self {
                is_header: false,
                note: Some("the first line, 0, is a row like the others (--header says otherwise)".to_owned()),
            };
        }
        if first.len() > 1 && counts(&mut first.iter()) {
            let whole = rest.iter().all(|line| line.iter().all(whole));
            return match whole {
                true => Self {
                    is_header: false,
                    note: Some(format!(
                        "the first line, {}, is a row like the others (--header says otherwise)",
                        shown()
                    )),
                },
                false => Self {
                    is_header: true,
                    note: Some(format!("the first line, {}, names the columns (--no-header says otherwise)", shown())),
                },
            };
        }
        let above_numbers = |place: usize| rest.iter().all(|line| line.get(place).is_some_and(|f| number(f).is_some()));
        let words: Vec<usize> = (0..first.len()).filter(|place| number(&first[*place]).is_none()).collect();
        let named = words.iter().any(|place| !is_missing(&first[*place]) && above_numbers(*place));
        let others = (0..first.len()).filter(|place| !words.contains(place)).all(|place| whole(&first[place]));
        match named && others {
            true => Self {
                is_header: true,
                note: Some(format!("the first line, {}, names the columns (--no-header says otherwise)", shown())),
            },
            false => sure(false),
        }
    }
}
