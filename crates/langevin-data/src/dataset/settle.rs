//! What a reader's rows become: the columns that were asked for, without those that only count or name the
//! rows.

use super::Dataset;
use super::counters::{Counter, Name};
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::options::Options;
use crate::words::{flag_value, start};

/// Columns that a note names at most.
const MOST_NAMED: usize = 8;

impl Dataset {
    /// What a reader's rows become: the columns that were asked for, without what only counts the rows;
    /// with a note on the columns whose whole numbers were rounded.
    pub(crate) fn settled(self, options: &Options) -> Result<Self> {
        let data = self.selected(options)?;
        let Some(rounded) = data.chosen.rounded.clone() else { return Ok(data) };
        let stored = |j: usize| data.chosen.columns.as_ref().map_or(j, |columns| columns[j]);
        let found: Vec<usize> = (0..data.frame.width()).filter(|j| rounded.get(stored(*j)) == Some(&true)).collect();
        if found.is_empty() {
            return Ok(data);
        }
        let named = |j: usize| match data.frame.names.get(j) {
            Some(name) if !name.is_empty() => format!("column '{}'", start(name)),
            _ if data.frame.shape.len() == 1 && data.chosen.listed.is_none() => {
                format!("column {}", data.number(j) + 1)
            }
            _ => data.frame.column(j),
        };
        let mut names: Vec<String> = found.iter().take(MOST_NAMED).map(|j| named(*j)).collect();
        if found.len() > MOST_NAMED {
            names.push(format!("{} more", found.len() - MOST_NAMED));
        }
        let note = format!("{}: integers beyond 2^53 are rounded to double precision", names.join(", "));
        Ok(data.saying(|about| about.noting(note)))
    }

    /// The columns that were asked for, without what only counts the rows.
    fn selected(self, options: &Options) -> Result<Self> {
        // The reader has chosen already, and what it read has no columns of its own. Pictures have none
        // either, where a model asks for the columns that it was trained on.
        if self.chosen.listed.is_some() || options.labels_optional && self.is_pictures() {
            return Ok(self);
        }
        let [_] = self.frame.shape[..] else {
            let Some(flag) = [("columns", &options.columns), ("columns to drop", &options.drop)]
                .into_iter()
                .find(|(_, list)| !list.is_empty())
            else {
                return Ok(self);
            };
            return Err(Error::argument("the rows have no columns to choose from")
                .at(flag.0)
                .expected("a table")
                .got(format!("rows of shape {:?}", self.frame.shape)));
        };
        // Readers of tables have chosen already.
        if !(self.frame.table || options.columns.is_empty() && options.drop.is_empty()) {
            let chosen = Columns::chosen(self.frame.width(), &[], &Options { label_column: None, ..options.clone() })?;
            let mut data = self;
            for (column, why) in &chosen.left {
                data = data.saying(|about| about.omitting(format!("column {}", column + 1), *why));
            }
            let all = chosen.read.iter().copied().eq(0..data.frame.width());
            return if all { Ok(data) } else { data.keep(chosen.read) };
        }
        if options.columns.is_empty() { self.without_counters() } else { Ok(self) }
    }

    /// Leaves out the columns that count or name the rows.
    fn without_counters(self) -> Result<Self> {
        let width = self.frame.shape[0];
        if width < 2 || self.rows < 2 {
            return Ok(self);
        }
        let names = &self.frame.names;
        let mut columns: Vec<Counter> =
            (0..width).map(|j| Counter::new(names.get(j).map_or(Name::None, |name| Name::of(name)))).collect();
        let mut rows = 0;
        self.blocks(|values| {
            for row in values.chunks_exact(width) {
                columns.iter_mut().zip(row).for_each(|(column, value)| column.push(rows, *value));
                rows += 1;
            }
            Ok(columns.iter().any(Counter::is_open))
        })?;
        let found: Vec<Option<&str>> = columns.iter().map(|column| column.verdict(rows)).collect();
        let kept: Vec<usize> = (0..width).filter(|j| found[*j].is_none()).collect();
        // Numbers alone are no proof: what has no telling name stays, and a person decides.
        let doubted: Vec<(usize, &str)> =
            (0..width).filter(|j| found[*j].is_none()).filter_map(|j| Some((j, columns[j].doubt(rows)?))).collect();
        let mut data = self;
        for (j, what) in doubted {
            let note = format!(
                "{} {what}: if that is all it does, leave it out with --drop {}",
                data.frame.column(j),
                data.called(j)
            );
            data = data.saying(|about| about.noting(note));
        }
        if kept.len() == width || kept.is_empty() {
            return Ok(data);
        }
        for (j, why) in found.iter().enumerate() {
            let Some(why) = why else { continue };
            let column = match data.frame.names.get(j).map(String::as_str) {
                Some("") => format!("column {} without a name", j + 1),
                Some(name) => format!("column '{name}'"),
                None => format!("column {}", j + 1),
            };
            data = data.saying(|about| about.omitting(column, *why));
        }
        data.keep(kept)
    }

    /// What a flag calls a column of a table.
    fn called(&self, column: usize) -> String {
        match self.frame.names.get(column) {
            Some(name) if !name.is_empty() => flag_value([name]),
            _ => (self.number(column) + 1).to_string(),
        }
    }

    /// The rows with these columns alone.
    fn keep(mut self, kept: Vec<usize>) -> Result<Self> {
        let names = if self.frame.names.is_empty() {
            vec![]
        } else {
            kept.iter().map(|j| self.frame.names[*j].clone()).collect()
        };
        let Frame { table, dialect, .. } = *self.frame;
        let frame = Frame { names, table, dialect, ..Frame::plain(&[kept.len()]) };
        let stored = |j: &usize| self.chosen.columns.as_ref().map_or(*j, |columns| columns[*j]);
        self.chosen.columns = Some(kept.iter().map(stored).collect());
        Ok(self.reframed(frame))
    }

    /// Returns the options that read the same columns of the same kind of file again: by their names, or by
    /// their numbers from 1 where names are missing or not unique.
    #[must_use]
    pub fn rereading(&self, options: &Options) -> Options {
        let mut options = options.clone();
        // A label that the reader found is named, so that samples have its column too.
        if let (None, Some(label)) = (&options.label_column, &self.chosen.label) {
            options.label_column = Some((**label).to_owned());
        }
        if let Some(listed) = &self.chosen.listed {
            options.columns = listed.to_vec();
            options.drop.clear();
            return options;
        }
        if self.frame.shape.len() != 1 || self.about.format.is_empty() {
            return options;
        }
        let names = &self.frame.names;
        let mut unique: Vec<&String> = names.iter().collect();
        unique.sort();
        unique.dedup();
        let usable = !names.is_empty() && unique.len() == names.len() && names.iter().all(|name| !name.is_empty());
        options.columns = match usable {
            true => names.clone(),
            false => (0..self.frame.width()).map(|j| (self.number(j) + 1).to_string()).collect(),
        };
        options.drop.clear();
        options
    }
}
