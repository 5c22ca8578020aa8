//! One-line summary of a data set.

use super::Dataset;
use crate::about::About;
use langevin::text::plural;

impl Dataset {
    /// Summarises the data set in one line: rows, columns, types, and what was left out and why.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let line = Dataset::new("line", vec![1.0, 5.0, 3.0, 5.0], &[2])?;
    /// assert_eq!(line.summary(), "2 rows × 2 columns, in memory, float32");
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |number: usize, noun: &str| plural(number as u64, noun);
        let frame = &self.frame;
        let mut parts = vec![match &frame.shape[..] {
            [height, width] | [height, width, _] if self.is_pictures() => {
                format!("{} of {height} × {width}", count(self.rows, "picture"))
            }
            [_] if self.vocabulary().is_some_and(|vocabulary| vocabulary.table().is_some()) => {
                let columns = self.vocabulary().and_then(crate::Vocabulary::table).map(crate::TableSchema::summary);
                format!("{} of {}", count(self.rows, "row"), columns.unwrap_or_default())
            }
            [length] if self.vocabulary().is_some() => {
                let letters = self.vocabulary().map_or(0, crate::Vocabulary::len);
                format!(
                    "{} of {} over {}",
                    count(self.rows, "sequence"),
                    count(*length, "token"),
                    count(letters, "letter")
                )
            }
            [columns] => {
                let names = shortened(&frame.names);
                let names = if names.is_empty() { names } else { format!(" ({names})") };
                format!("{} × {}{names}", count(self.rows, "row"), count(*columns, "column"))
            }
            shape => format!("{} of shape {shape:?}", count(self.rows, "row")),
        }];
        let About { format, dtype, omitted, labels, notes } = &*self.about;
        let plain = if format.is_empty() { "in memory" } else { format };
        parts.push(plain.to_owned());
        if !dtype.is_empty() {
            parts.push(dtype.clone());
        } else if self.vocabulary().is_none() {
            parts.push("float32".to_owned());
        }
        let mut text = parts.join(", ");
        if !omitted.is_empty() {
            let left: Vec<String> = omitted.iter().map(|one| format!("{} ({})", one.what, one.why)).collect();
            text.push_str(&format!("; left out: {}", left.join(", ")));
        }
        if let Some(labels) = labels {
            text.push_str(&format!("; labels from {labels}"));
        }
        if !frame.constants.is_empty() {
            let all: Vec<String> = frame
                .constants
                .iter()
                .take(8)
                .map(|one| format!("{} = {}", frame.column(one.element), one.value))
                .collect();
            let more = frame.constants.len().saturating_sub(8);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            text.push_str(&format!(
                "; constant, so no part of the model and given back exactly: {}{more}",
                all.join(", ")
            ));
        }
        if !frame.logs.is_empty() {
            let all: Vec<String> = frame.logs.iter().map(|place| frame.column(*place)).collect();
            text.push_str(&format!("; as logarithms: {}", all.join(", ")));
        }
        notes.iter().for_each(|note| text.push_str(&format!("; {note}")));
        text
    }
}

/// Joins the first names and counts the others.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let more = names.len().saturating_sub(SHOWN);
    let mut text = names.iter().take(SHOWN).map(|name| crate::words::start(name)).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(", … {more} more"));
    }
    text
}
