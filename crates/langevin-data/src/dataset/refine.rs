//! Conversion from rows of a file to rows of a model: constants removed, logarithms taken, channels
//! last.

use super::Dataset;
use super::store::Store;
use crate::axes::Axes;
use crate::columns::column;
use crate::error::{Error, Result};
use crate::frame::{Constant, Frame};

impl Dataset {
    /// Converts images with channels first to shape \[height, width, channels\].
    ///
    /// [`Frame::restore`] reverses the conversion. `axes` is the order in the file. Without it, the
    /// order is guessed from the sizes, and the guess is recorded in [`about`](Self::about).
    ///
    /// # Errors
    /// Returns an error if `axes` is given and the rows do not have three axes.
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("one", (0..12).map(|i| i as f32).collect(), &[3, 2, 2])?;
    /// let data = data.channels_last(None)?;
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

    /// Returns the name of an element of a row for messages: `'name'`, or `column 3`.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("table", vec![1.0, 2.0], &[2])?;
    /// assert_eq!(data.column_name(1), "column 2");
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn column_name(&self, element: usize) -> String {
        self.frame.places().get(element).map_or_else(String::new, |place| self.frame.column(*place))
    }

    /// Removes the elements that have the same value in every row.
    ///
    /// They are not part of a model, and [`Frame::restore`] adds them back. Rows of several axes
    /// become flat if an element is removed. Rows that are all equal, and images, are unchanged.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("valve", vec![1.0, 3.0, 2.0, 3.0], &[2])?.without_constants()?;
    /// assert_eq!((data.width(), data.frame().constants[0].value), (1, 3.0));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
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
        // A single row has only constant elements.
        if constants.is_empty() || constants.len() == self.width {
            return Ok(self);
        }
        let frame = Frame { constants, ..(*self.frame).clone() };
        Ok(self.reframed(frame))
    }

    /// Replaces columns by their natural logarithms, for values that span several powers of ten.
    ///
    /// A column is given by its name, or by its number in the file, counted from 1.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("incomes", vec![1.0, 10.0, 2.0, 1000.0], &[2])?;
    /// let data = data.with_logarithms(&["2".into()])?;
    /// assert_eq!(data.values_wide()?[3], 1000.0_f64.ln());
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the rows are not a table, if a column is missing or constant, or if a
    /// value is not positive.
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

    /// Returns the position in a row of the file of a column, given by its name or its number in
    /// the file.
    fn place_of(&self, wanted: &str, names: &[&str]) -> Result<usize> {
        let width = self.frame.width();
        let numbers: Vec<usize> = (0..width).map(|j| self.number(j) + 1).collect();
        let of_name = names.iter().position(|name| *name == wanted);
        let of_number = || wanted.parse().ok().and_then(|wanted: usize| numbers.iter().position(|n| *n == wanted));
        if let Some(place) = of_name.or_else(of_number) {
            return Ok(place);
        }
        // The error lists all columns that were read, with their numbers if some were left out.
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

    /// Checks that all values have a logarithm.
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

    /// Converts the rows to a model's frame: its constants, logarithms and order of axes.
    ///
    /// # Errors
    /// Returns an error that names the column if the rows have other columns or sizes, or if a
    /// constant of the model has another value.
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Dataset;
    /// let training = Dataset::new("valve", vec![1.0, 3.0, 2.0, 3.0], &[2])?.without_constants()?;
    /// let new = Dataset::new("valve", vec![7.0, 3.0], &[2])?.framed(training.frame())?;
    /// assert_eq!((new.shape(), new.values()?), (&[1][..], vec![7.0]));
    ///
    /// // The second column was 3 in all training rows.
    /// let other = Dataset::new("valve", vec![7.0, 4.0], &[2])?;
    /// assert!(other.framed(training.frame()).unwrap_err().is_data());
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn framed(self, frame: &Frame) -> Result<Self> {
        // Images from files already have channels last.
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
        // An earlier conversion of the axes is undone first.
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

    /// Checks that the rows have the constants of a model.
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

    /// Returns true if the values are gray or colour levels: images from files, or arrays of
    /// unsigned bytes whose rows have at least two axes.
    #[must_use]
    pub fn is_levels(&self) -> bool {
        self.is_pictures()
            || matches!(&*self.store, Store::Numbers(rows) if rows.is_bytes() && self.frame.shape.len() > 1)
    }
}
