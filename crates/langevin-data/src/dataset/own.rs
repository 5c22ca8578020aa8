//! Data sets from values in memory or from rows that the caller implements.

use super::Dataset;
use super::store::Store;
use crate::checks::not_finite;
use crate::error::{Error, Result};
use crate::labels::Labels;
use crate::rows::{Floats, Rows};

impl Dataset {
    /// Builds a data set from values in memory, row after row.
    ///
    /// `shape` is the shape of one sample, such as `[8, 8]` or `[2]`.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let points = Dataset::new("points", vec![0.0, 1.0, 2.0, 3.0], &[2])?;
    /// assert_eq!((points.rows(), points.row(1)?), (2, vec![2.0, 3.0]));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if there is no row, if the shape is empty, if the values do not fill whole
    /// rows, or if a value is not finite.
    pub fn new(name: impl Into<String>, values: Vec<f32>, shape: &[usize]) -> Result<Self> {
        let name = name.into();
        let check = || {
            let width = elements(shape)?;
            if values.is_empty() || !values.len().is_multiple_of(width) {
                return Err(Error::data("the values do not fill whole rows")
                    .expected(format!("a positive multiple of {width} (shape {shape:?})"))
                    .got(values.len().to_string()));
            }
            if let Some(position) = values.iter().position(|value| !value.is_finite()) {
                return Err(not_finite(f64::from(values[position]), &place(position, width)));
            }
            Self::make(name.clone(), shape, Store::of(Floats::new(values, width)), None)
        };
        check().map_err(|error| error.at(&name))
    }

    /// Builds a data set from rows that the caller implements.
    ///
    /// `shape` is the shape of one sample, such as `[8, 8]` or `[2]`. Every row is read once to
    /// check that all values are finite. Afterwards rows are read on demand.
    ///
    /// ```
    /// use langevin_data::{Dataset, Error, Rows};
    ///
    /// /// Points on a line, computed when they are read.
    /// struct Line;
    ///
    /// impl Rows for Line {
    ///     fn count(&self) -> usize {
    ///         1000
    ///     }
    ///     fn width(&self) -> usize {
    ///         2
    ///     }
    ///     fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<(), Error> {
    ///         for (row, out) in rows.iter().zip(out.chunks_exact_mut(2)) {
    ///             out.copy_from_slice(&[*row as f64, 0.5 * *row as f64]);
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let (train, held_out) = Dataset::from_rows("line", Line, &[2])?.split(0.1, 0);
    /// assert_eq!((train.rows(), held_out.rows()), (900, 100));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if there is no row, if the shape is empty or does not match
    /// [`Rows::width`], if a row cannot be read, or if a value is not a finite float32.
    pub fn from_rows(name: impl Into<String>, rows: impl Rows + 'static, shape: &[usize]) -> Result<Self> {
        let name = name.into();
        let check = || {
            let width = elements(shape)?;
            if rows.width() != width {
                return Err(Error::data("the rows do not fit their shape")
                    .expected(format!("{width} numbers a row (shape {shape:?})"))
                    .got(rows.width().to_string()));
            }
            let data = Self::make(name.clone(), shape, Store::of(rows), None)?;
            data.finite()?;
            Ok(data)
        };
        check().map_err(|error| error.at(&name))
    }

    /// Checks that all values are finite float32 numbers.
    fn finite(&self) -> Result<()> {
        let mut seen = 0;
        self.blocks(|values| {
            if let Some(position) = values.iter().position(|value| !(*value as f32).is_finite()) {
                return Err(not_finite(values[position], &place(seen + position, self.width)));
            }
            seen += values.len();
            Ok(true)
        })
    }

    /// Returns the same rows with labels.
    ///
    /// `labels` holds one index into `classes` for each row; `classes` holds the names.
    ///
    /// # Errors
    /// Returns an error if the number of labels differs from that of the rows, or if a label has no
    /// name.
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Dataset;
    /// let classes = vec!["low".to_owned(), "high".to_owned()];
    /// let data = Dataset::new("levels", vec![0.0, 9.0, 1.0], &[1])?;
    /// let data = data.labeled(vec![0, 1, 0], classes)?;
    /// assert_eq!((data.labels(), data.classes()[1].as_str()), (Some(&[0, 1, 0][..]), "high"));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    pub fn labeled(self, labels: Vec<u32>, classes: Vec<String>) -> Result<Self> {
        let labels = Labels { of: labels, classes };
        fits(&labels, self.rows).map_err(|error| error.at(&self.name))?;
        Ok(Self { labels: Some(labels.of.into()), classes: labels.classes.into(), ..self })
    }
}

/// Returns the number of elements of a sample.
fn elements(shape: &[usize]) -> Result<usize> {
    let width = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size)).unwrap_or(0);
    if shape.is_empty() || width == 0 {
        return Err(Error::data("a sample has no element")
            .expected("a shape of positive sizes")
            .got(format!("{shape:?}")));
    }
    Ok(width)
}

/// Formats the row and the column, counted from 1, of the value at `position` among all values.
fn place(position: usize, width: usize) -> String {
    format!("row {}, column {}", position / width + 1, position % width + 1)
}

/// Checks that there is one label for each row, each with a name.
fn fits(labels: &Labels, rows: usize) -> Result<()> {
    if labels.of.len() != rows {
        return Err(Error::data("the labels do not fit the rows")
            .expected(format!("{rows} labels"))
            .got(labels.of.len().to_string()));
    }
    match labels.of.iter().position(|label| *label as usize >= labels.classes.len()) {
        Some(row) => Err(Error::data("a label has no name")
            .at(format!("row {}", row + 1))
            .expected(format!("below {}", labels.classes.len()))
            .got(labels.of[row].to_string())),
        None => Ok(()),
    }
}
