//! Final selection of columns after reading: the requested ones, without those that count or name
//! the rows.

use super::Dataset;
use super::counters::{Counter, Name};
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::options::Options;
use crate::words::{flag_value, start};

/// Largest number of columns that a note names.
const MOST_NAMED: usize = 8;

impl Dataset {
    /// Selects the requested columns and removes those that only count the rows.
    ///
    /// A note lists the columns whose integers were rounded.
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

    /// Selects the requested columns and removes those that only count the rows.
    fn selected(self, options: &Options) -> Result<Self> {
        // The reader has already selected, and the rows it read have no columns of their own.
        // Images have none either, when a model asks for the columns that it was trained on.
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
        // Readers of tables have already selected.
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

    /// Removes the columns that count or identify the rows.
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
        // The numbers alone are not proof. A column without a telling name is kept, and a note lets
        // the user decide.
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

    /// Returns the name of a column for a flag.
    fn called(&self, column: usize) -> String {
        match self.frame.names.get(column) {
            Some(name) if !name.is_empty() => flag_value([name]),
            _ => (self.number(column) + 1).to_string(),
        }
    }

    /// Returns the rows with only these columns.
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

    /// Returns the options that read the same columns from another file of the same kind.
    ///
    /// Columns are given by their names, or by their numbers from 1 if names are missing or not
    /// unique.
    ///
    /// ```
    /// use langevin_data::{Options, open};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("flowers.csv");
    /// # std::fs::write(&path, "id,width,height\n1,5,6\n2,7,8\n3,9,1\n").unwrap();
    /// // flowers.csv: id,width,height; the column 'id' only counts the rows.
    /// let data = open(&path, &Options::default())?;
    /// assert_eq!(data.rereading(&Options::default()).columns, ["width", "height"]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn rereading(&self, options: &Options) -> Options {
        let mut options = options.clone();
        // A label column found by the reader is named, so that samples have that column too.
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
