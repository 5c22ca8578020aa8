//! Rows made of the rows of a file: without what only counts them, without what never changes, with logarithms, with
//! channels last.

use crate::about::About;
use crate::axes::Axes;
use crate::counters::{Counter, Name};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::frame::{Constant, Frame};
use crate::options::Options;
use crate::store::Store;
use crate::table::{Columns, column, flag_value, start};
use std::sync::Arc;

/// Columns that a note names at most.
const MOST_NAMED: usize = 8;

impl Dataset {
    /// Changes what is said of the file.
    pub(crate) fn saying(mut self, change: impl FnOnce(About) -> About) -> Self {
        self.about = Arc::new(change((*self.about).clone()));
        self
    }

    /// The rows with this frame, which fits them.
    fn reframed(mut self, frame: Frame) -> Self {
        let columns = self.chosen.columns.clone();
        self.shape = frame.model_shape();
        self.width = self.shape.iter().product();
        let places = frame.places();
        let stored: Vec<usize> = match &columns {
            Some(columns) => places.iter().map(|place| columns[*place]).collect(),
            None => places.clone(),
        };
        let all = stored.len() == self.chosen.stored && stored.iter().enumerate().all(|(i, place)| i == *place);
        self.chosen.places = (!all).then(|| stored.into());
        let logged: Vec<bool> = places.iter().map(|place| frame.logs.contains(place)).collect();
        self.chosen.logs = logged.contains(&true).then(|| logged.into());
        self.frame = Arc::new(frame);
        self
    }

    /// What a reader's rows become: the columns that were asked for, without what only counts the rows; with a note on the
    /// columns whose whole numbers were rounded.
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
        // The reader has chosen already, and what it read has no columns of its own. Pictures have none either, where a
        // model asks for the columns that it was trained on.
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

    /// Turns pictures with channels first round, so that rows are \[height, width, channels\] from here on;
    /// [`Frame::restore`] turns them back. `axes` says how they lie; without it their sizes tell, and what is assumed is
    /// said in [`about`](Self::about).
    ///
    /// # Errors
    /// Returns an error if axes are given and the rows have not three.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("one", (0..12).map(|i| i as f32).collect(), &[3, 2, 2])?.channels_last(None)?;
    /// assert_eq!((data.shape(), &data.row(0)?[..3]), (&[2, 2, 3][..], &[0.0, 4.0, 8.0][..]));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn channels_last(self, axes: Option<Axes>) -> Result<Self> {
        let shape = self.frame.shape.clone();
        if shape.len() != 3 {
            return match axes {
                Some(_) => Err(Error::argument("the rows have no axis of channels")
                    .at("--axes")
                    .expected("rows of three sizes")
                    .got(format!("{shape:?}"))),
                None => Ok(self),
            };
        }
        if self.is_pictures() {
            return Ok(self);
        }
        let (axes, certain) = match (axes, Axes::of(&shape)) {
            (Some(axes), _) => (axes, true),
            (None, Some(told)) => told,
            (None, None) => return Ok(self),
        };
        let (data, order) = match axes {
            Axes::ChannelsLast => (self, "channels last"),
            Axes::ChannelsFirst => {
                let frame = Frame { axes: Some(axes), ..(*self.frame).clone() };
                (self.reframed(frame), "channels first")
            }
        };
        Ok(data.saying(|about| match certain {
            true => about.noting(order),
            false => {
                let other = if axes == Axes::ChannelsFirst { Axes::ChannelsLast } else { Axes::ChannelsFirst };
                about.noting(format!("{order} are assumed of shape {shape:?} (--axes {} says otherwise)", other.name()))
            }
        }))
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

    /// Returns what the element of a row is called, for a person: `'name'`, or `column 3`.
    #[must_use]
    pub fn column_name(&self, element: usize) -> String {
        self.frame.places().get(element).map_or_else(String::new, |place| self.frame.column(*place))
    }

    /// What a flag calls a column of a table.
    fn called(&self, column: usize) -> String {
        match self.frame.names.get(column) {
            Some(name) if !name.is_empty() => flag_value([name]),
            _ => (self.number(column) + 1).to_string(),
        }
    }

    /// The place in the file, from 0, of a column of the table.
    fn number(&self, column: usize) -> usize {
        let stored = self.chosen.columns.as_ref().map_or(column, |columns| columns[column]);
        self.chosen.numbers.as_ref().map_or(stored, |numbers| numbers[stored])
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

    /// With the places that the columns have in the file, where the reader left some out.
    pub(crate) fn numbered(mut self, columns: &[usize]) -> Self {
        self.chosen.numbers = Some(columns.into());
        self
    }

    /// Returns the options that read the same columns of the same kind of file again: by their names, or by their
    /// numbers from 1 where names are missing or not unique.
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

    /// Takes out the elements that have one value in every row: they are no part of a model, and
    /// [`Frame::restore`] gives them back. Rows of more than one axis become flat where something is taken out. Rows
    /// that are all the same, and pictures, stay as they are.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    pub fn without_constants(self) -> Result<Self> {
        if self.is_pictures() || !self.frame.is_plain() || self.width < 2 {
            return Ok(self);
        }
        let mut first: Vec<f64> = vec![];
        let mut same = vec![true; self.width];
        self.blocks(|values| {
            for row in values.chunks_exact(self.width) {
                if first.is_empty() {
                    first = row.to_vec();
                }
                same.iter_mut().zip(row).zip(&first).for_each(|((same, value), first)| *same &= value == first);
            }
            Ok(same.contains(&true))
        })?;
        let constants: Vec<Constant> = same
            .iter()
            .zip(&first)
            .enumerate()
            .filter(|(_, (same, _))| **same)
            .map(|(element, (_, value))| Constant { element, value: *value })
            .collect();
        // A single row is all constant.
        if constants.is_empty() || constants.len() == self.width {
            return Ok(self);
        }
        let frame = Frame { constants, ..(*self.frame).clone() };
        Ok(self.reframed(frame))
    }

    /// Replaces columns by their natural logarithms, for values that are spread over powers of ten. A column is named, or
    /// numbered from 1 as in the file.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("incomes", vec![1.0, 10.0, 2.0, 1000.0], &[2])?.with_logarithms(&["2".into()])?;
    /// assert_eq!(data.values_wide()?[3], 1000.0_f64.ln());
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the rows are no table, a column is not there or constant, or a value is not positive.
    pub fn with_logarithms(self, columns: &[String]) -> Result<Self> {
        if columns.is_empty() {
            return Ok(self);
        }
        if self.frame.shape.len() != 1 {
            return Err(Error::argument("only the columns of a table have logarithms")
                .at("logarithms")
                .expected("rows of one size")
                .got(format!("{:?}", self.frame.shape)));
        }
        let names: Vec<&str> = self.frame.names.iter().map(String::as_str).collect();
        let mut logs = self.frame.logs.clone();
        for wanted in columns {
            let place = self.place_of(wanted, &names)?;
            if self.frame.constants.iter().any(|one| one.element == place) {
                return Err(Error::argument("the column has one value only").at(self.frame.column(place)));
            }
            logs.push(place);
        }
        logs.sort_unstable();
        logs.dedup();
        let frame = Frame { logs, ..(*self.frame).clone() };
        self.positive(&frame)?;
        Ok(self.reframed(frame))
    }

    /// The place in a row of the file of a column that is called by its name, or by its number in the file.
    fn place_of(&self, wanted: &str, names: &[&str]) -> Result<usize> {
        let width = self.frame.width();
        let numbers: Vec<usize> = (0..width).map(|j| self.number(j) + 1).collect();
        let of_name = names.iter().position(|name| *name == wanted);
        let of_number = || wanted.parse().ok().and_then(|wanted: usize| numbers.iter().position(|n| *n == wanted));
        if let Some(place) = of_name.or_else(of_number) {
            return Ok(place);
        }
        // All columns that were read, with their numbers where some were left out.
        let (all, most) = (numbers.iter().copied().eq(1..=width), numbers.iter().copied().max().unwrap_or(0));
        match wanted.parse::<usize>() {
            Ok(number) if !all && (1..=most).contains(&number) => Err(Error::argument("the column was left out")
                .at("logarithms")
                .expected("a column that is read")
                .got(format!("column {number} of the file"))
                .hinting("numbers count the columns of the file from 1, as those of --columns do")),
            _ => column("logarithms", wanted, most, names),
        }
    }

    /// Refuses values that have no logarithm.
    fn positive(&self, frame: &Frame) -> Result<()> {
        let new: Vec<usize> = frame.logs.iter().filter(|place| !self.frame.logs.contains(place)).copied().collect();
        let places = self.frame.places();
        let mut seen = 0;
        self.blocks(|values| {
            for row in values.chunks_exact(self.width) {
                seen += 1;
                for (place, value) in places.iter().zip(row) {
                    if new.contains(place) && *value <= 0.0 {
                        return Err(Error::data("a value has no logarithm")
                            .at(format!("{}, row {seen}, {}", self.name, frame.column(*place)))
                            .expected("numbers above 0")
                            .got(value.to_string())
                            .hinting("leave this column out of --log, or shift it first"));
                    }
                }
            }
            Ok(true)
        })
    }

    /// Returns these rows as a model of this frame knows rows: without its constants, with its logarithms, with its
    /// order of axes.
    ///
    /// # Errors
    /// Returns an error that names the column if the rows have other columns or sizes, or do not have the constants of
    /// the model.
    pub fn framed(self, frame: &Frame) -> Result<Self> {
        // Pictures from files have channels last already.
        if self.shape == frame.model_shape() && frame.constants.is_empty() && frame.logs.is_empty() {
            return Ok(self);
        }
        let place = self.name.clone();
        if self.frame.shape != frame.shape {
            let named = |frame: &Frame| match frame.names.is_empty() {
                true => format!("rows of shape {:?}", frame.shape),
                false => format!("the columns {}", frame.names.join(", ")),
            };
            return Err(Error::data("the data do not fit the model")
                .at(place)
                .expected(named(frame))
                .got(named(&self.frame)));
        }
        // What was turned round for its own sake is turned back.
        let data = match self.frame.is_plain() {
            true => self,
            false => {
                let Frame { names, table, dialect, .. } = (*self.frame).clone();
                let plain = Frame { names, table, dialect, ..Frame::plain(&self.frame.shape) };
                self.reframed(plain)
            }
        };
        data.holds(frame)?;
        data.positive(frame)?;
        Ok(data.reframed(frame.clone()))
    }

    /// Refuses rows that have not the constants of a model.
    fn holds(&self, frame: &Frame) -> Result<()> {
        if frame.constants.is_empty() {
            return Ok(());
        }
        let mut seen = 0;
        self.blocks(|values| {
            for row in values.chunks_exact(self.width) {
                seen += 1;
                for one in &frame.constants {
                    let value = row[one.element];
                    if (value - one.value).abs() > 1e-6 * one.value.abs() {
                        return Err(Error::data("a column had one value in the training, and has another here")
                            .at(format!("{}, row {seen}, {}", self.name, frame.column(one.element)))
                            .expected(one.value.to_string())
                            .got(value.to_string())
                            .hinting("under this model such a row is impossible; train on data in which it occurs"));
                    }
                }
            }
            Ok(true)
        })
    }

    /// Returns whether the values are levels of gray or colour: of picture files, or arrays of unsigned bytes with at
    /// least two sizes a row.
    #[must_use]
    pub fn is_levels(&self) -> bool {
        self.is_pictures()
            || matches!(&*self.store, Store::Encoded(array) if array.is_bytes() && self.frame.shape.len() > 1)
    }
}
