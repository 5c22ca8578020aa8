//! Map between the rows of a file and the rows of a model.

use crate::axes::Axes;
use crate::dialect::Dialect;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Element of a row that has the same value in every row.
///
/// ```
/// use langevin_data::{Constant, Dataset};
/// let data = Dataset::new("valve", vec![1.0, 3.0, 2.0, 3.0], &[2])?.without_constants()?;
/// assert_eq!(data.frame().constants, [Constant { element: 1, value: 3.0 }]);
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// Index of the element in a row of the file, from 0.
    pub element: usize,
    /// Value of the element.
    pub value: f64,
}

/// Exact map between the rows of a file and the rows that a model learns.
///
/// ```text
/// row of the file      as read, in the units and the order of the file
///   − constants        elements with one value are not modelled, and are restored exactly
///   ln of some columns y = ln x, with −log p(x) = −log p(y) + Σ y over those columns
///   channels last      images with channels first are transposed
/// row of the model
/// ```
///
/// ```
/// use langevin_data::Dataset;
/// let data = Dataset::new("valve", vec![1.0, 3.0, 2.0, 3.0], &[2])?.without_constants()?;
/// assert_eq!((data.shape(), data.values()?), (&[1][..], vec![1.0, 2.0]));
/// assert_eq!(data.frame().restore(&[1.5]), [1.5, 3.0]);
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Frame {
    /// Shape of a row of the file: `[columns]` for a table.
    pub shape: Vec<usize>,
    /// True if the rows are lines of a table; samples are then written as lines of a table too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub table: bool,
    /// Dialect of the table's lines; `None` for the default dialect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// Names of the columns of a table, in their order; empty if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Constant elements, which are not part of the model, sorted by index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constants: Vec<Constant>,
    /// Elements whose natural logarithm is modelled, as indices into a row of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<usize>,
    /// Order of the axes in the file, if it differs from that of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axes: Option<Axes>,
}

impl Frame {
    /// Returns the frame of rows that are modelled unchanged.
    ///
    /// ```
    /// use langevin_data::Frame;
    /// let frame = Frame::plain(&[3]);
    /// assert!(frame.is_plain());
    /// assert_eq!((frame.width(), frame.model_shape()), (3, vec![3]));
    /// ```
    #[must_use]
    pub fn plain(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), ..Self::default() }
    }

    /// Returns the number of elements of a row of the file.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the shape of a row of the model.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("one", (0..12).map(|i| i as f32).collect(), &[3, 2, 2])?;
    /// let frame = data.channels_last(None)?.frame().clone();
    /// assert_eq!((&frame.shape[..], frame.model_shape()), (&[3, 2, 2][..], vec![2, 2, 3]));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn model_shape(&self) -> Vec<usize> {
        match (self.axes, &self.shape[..]) {
            _ if !self.constants.is_empty() => vec![self.width() - self.constants.len()],
            (Some(Axes::ChannelsFirst), [channels, height, width]) => vec![*height, *width, *channels],
            (_, shape) => shape.to_vec(),
        }
    }

    /// Returns true if rows of the file and of the model are equal.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.constants.is_empty() && self.logs.is_empty() && self.axes != Some(Axes::ChannelsFirst)
    }

    /// Returns the index in a row of the file of each element of a row of the model.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("valve", vec![3.0, 1.0, 3.0, 2.0], &[2])?.without_constants()?;
    /// assert_eq!(data.frame().places(), [1]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn places(&self) -> Vec<usize> {
        let width = self.width();
        match (self.axes, &self.shape[..]) {
            (Some(Axes::ChannelsFirst), [channels, height, across]) if self.constants.is_empty() => {
                let pixels = height * across;
                (0..pixels).flat_map(|pixel| (0..*channels).map(move |channel| channel * pixels + pixel)).collect()
            }
            _ => (0..width).filter(|place| !self.constants.iter().any(|one| one.element == *place)).collect(),
        }
    }

    /// Returns the name of a column for messages: `'name'`, or `column 3` (counted from 1) if it
    /// has no name.
    ///
    /// ```
    /// use langevin_data::Frame;
    /// let mut frame = Frame::plain(&[2]);
    /// assert_eq!(frame.column(1), "column 2");
    /// frame.names = vec!["age".into(), "income".into()];
    /// assert_eq!(frame.column(1), "'income'");
    /// ```
    #[must_use]
    pub fn column(&self, element: usize) -> String {
        match self.names.get(element) {
            Some(name) => format!("'{name}'"),
            None if self.shape.len() == 1 => format!("column {}", element + 1),
            None => format!("element {:?}", self.index(element)),
        }
    }

    /// Returns the index of an element along each axis.
    fn index(&self, element: usize) -> Vec<usize> {
        let mut rest = element;
        let mut index: Vec<usize> = self
            .shape
            .iter()
            .rev()
            .map(|size| {
                let place = rest % size;
                rest /= size;
                place
            })
            .collect();
        index.reverse();
        index
    }

    /// Returns the column names of the model, one for each element of its rows; empty if there are
    /// none.
    ///
    /// ```
    /// use langevin_data::{Constant, Frame};
    /// let mut frame = Frame::plain(&[2]);
    /// frame.names = vec!["age".into(), "country".into()];
    /// frame.constants = vec![Constant { element: 1, value: 49.0 }];
    /// assert_eq!(frame.model_names(), ["age"]);
    /// ```
    #[must_use]
    pub fn model_names(&self) -> Vec<&str> {
        match self.names.is_empty() {
            true => vec![],
            false => self.places().into_iter().map(|place| self.names[place].as_str()).collect(),
        }
    }

    /// Returns true for each element of a row of the model that is a logarithm.
    pub(crate) fn logged_elements(&self) -> Vec<bool> {
        self.places().into_iter().map(|place| self.logs.contains(&place)).collect()
    }

    /// Converts whole rows of the model to rows of the file.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("table", vec![1.0, 7.0, 10.0, 7.0], &[2])?.without_constants()?;
    /// let frame = data.with_logarithms(&["1".into()])?.frame().clone();
    /// assert_eq!(frame.restore(&[0.0]), [1.0, 7.0]);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn restore(&self, rows: &[f64]) -> Vec<f64> {
        let places = self.places();
        if self.is_plain() || places.is_empty() {
            return rows.to_vec();
        }
        let mut out = vec![0.0; rows.len() / places.len() * self.width()];
        for (out, row) in out.chunks_exact_mut(self.width()).zip(rows.chunks_exact(places.len())) {
            self.constants.iter().for_each(|one| out[one.element] = one.value);
            places.iter().zip(row).for_each(|(place, value)| out[*place] = *value);
            self.logs.iter().for_each(|place| out[*place] = out[*place].exp());
        }
        out
    }

    /// Returns true if an element of a row of the model is a logarithm.
    #[must_use]
    pub fn is_logged(&self, element: usize) -> bool {
        !self.logs.is_empty() && self.logged_elements().get(element).is_some_and(|logged| *logged)
    }

    /// Returns rows of the model with their logarithms undone, in the units of the file.
    ///
    /// ```
    /// use langevin_data::Frame;
    /// let mut frame = Frame::plain(&[2]);
    /// frame.logs = vec![1];
    /// assert!(frame.is_logged(1) && !frame.is_logged(0));
    /// assert_eq!(frame.unlogged(&[5.0, 0.0]), [5.0, 1.0]);
    /// ```
    #[must_use]
    pub fn unlogged(&self, rows: &[f64]) -> Vec<f64> {
        let logged = self.logged_elements();
        let undo = |(i, value): (usize, &f64)| if logged[i % logged.len()] { value.exp() } else { *value };
        if self.logs.is_empty() { rows.to_vec() } else { rows.iter().enumerate().map(undo).collect() }
    }

    /// Returns Σ y over the logarithms in one row of the model.
    ///
    /// −log p of the row of the file is larger by this amount.
    ///
    /// ```
    /// use langevin_data::Frame;
    /// let mut frame = Frame::plain(&[2]);
    /// frame.logs = vec![1];
    /// assert_eq!(frame.log_volume(&[5.0, 0.25]), 0.25);
    /// ```
    #[must_use]
    pub fn log_volume(&self, row: &[f64]) -> f64 {
        if self.logs.is_empty() {
            return 0.0;
        }
        self.logged_elements().iter().zip(row).filter(|(logged, _)| **logged).map(|(_, y)| y).sum()
    }

    /// Adds numbers in the units of the file to a row of the model: a logarithm ln x becomes ln(x +
    /// u).
    ///
    /// ```
    /// use langevin_data::Frame;
    /// let mut frame = Frame::plain(&[2]);
    /// frame.logs = vec![1];
    /// let mut row = [5.0, 0.0];
    /// frame.add(&mut row, &[0.5, 0.5]);
    /// assert_eq!(row, [5.5, 1.5_f64.ln()]);
    /// ```
    pub fn add(&self, row: &mut [f64], numbers: &[f64]) {
        if self.logs.is_empty() {
            row.iter_mut().zip(numbers).for_each(|(y, u)| *y += u);
            return;
        }
        for ((y, u), logged) in row.iter_mut().zip(numbers).zip(self.logged_elements()) {
            *y = if logged { (y.exp() + u).ln() } else { *y + u };
        }
    }

    /// Checks that the frame is consistent.
    ///
    /// # Errors
    /// Returns an error if an index lies outside the rows, if indices are not increasing, if a
    /// constant is not finite, or if no element is left.
    ///
    /// # Examples
    /// ```
    /// use langevin_data::Frame;
    /// let mut frame = Frame::plain(&[2]);
    /// assert!(frame.check().is_ok());
    /// frame.logs = vec![2];
    /// assert!(frame.check().unwrap_err().is_data());
    /// ```
    pub fn check(&self) -> Result<()> {
        let bad = |what: &str| Err(Error::data("the description of the rows does not hold together").at(what));
        let width = self.shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        let Some(width) = width.filter(|width| *width > 0 && !self.shape.is_empty()) else { return bad("shape") };
        let rising = |places: &[usize]| places.windows(2).all(|two| two[0] < two[1]);
        let constants: Vec<usize> = self.constants.iter().map(|one| one.element).collect();
        if !rising(&constants) || constants.last().is_some_and(|last| *last >= width) || constants.len() >= width {
            return bad("constants");
        }
        if self.constants.iter().any(|one| !one.value.is_finite()) {
            return bad("constants");
        }
        if !rising(&self.logs) || self.logs.iter().any(|place| *place >= width || constants.contains(place)) {
            return bad("logs");
        }
        if !self.names.is_empty() && self.names.len() != width {
            return bad("names");
        }
        if self.dialect.is_some_and(|dialect| !dialect.is_sound()) {
            return bad("dialect");
        }
        if self.axes == Some(Axes::ChannelsFirst) && (self.shape.len() != 3 || !constants.is_empty()) {
            return bad("axes");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back() {
        let frame = Frame {
            names: ["a", "b", "c"].map(String::from).to_vec(),
            constants: vec![Constant { element: 1, value: 3.0 }],
            logs: vec![2],
            ..Frame::plain(&[3])
        };
        frame.check().unwrap();
        assert_eq!((frame.model_shape(), frame.places(), frame.model_names()), (vec![2], vec![0, 2], vec!["a", "c"]));
        assert_eq!(frame.restore(&[5.0, 0.0, 6.0, 2.0_f64.ln()]), [5.0, 3.0, 1.0, 6.0, 3.0, 2.0_f64.ln().exp()]);
        assert_eq!(frame.log_volume(&[5.0, 0.25]), 0.25);
        let mut row = [5.0, 7.0_f64.ln()];
        frame.add(&mut row, &[0.5, 0.5]);
        assert_eq!((row[0], (row[1] - 7.5_f64.ln()).abs() < 1e-15), (5.5, true));
        assert_eq!(frame.column(1), "'b'");
    }

    #[test]
    fn channels_come_last_in_a_model() {
        let frame = Frame { axes: Some(Axes::ChannelsFirst), ..Frame::plain(&[3, 2, 2]) };
        assert_eq!(frame.model_shape(), [2, 2, 3]);
        let file: Vec<f64> = (0..12).map(f64::from).collect();
        let model: Vec<f64> = frame.places().iter().map(|place| file[*place]).collect();
        assert_eq!(model[..4], [0.0, 4.0, 8.0, 1.0]);
        assert_eq!(frame.restore(&model), file);
        assert_eq!(frame.column(5), "element [1, 0, 1]");
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        let one = |element| Constant { element, value: 0.0 };
        for frame in [
            Frame::default(),
            Frame::plain(&[usize::MAX, 2]),
            Frame { constants: vec![one(0), one(1)], ..Frame::plain(&[2]) },
            Frame { constants: vec![one(2)], ..Frame::plain(&[2]) },
            Frame { constants: vec![one(1), one(0)], ..Frame::plain(&[3]) },
            Frame { constants: vec![one(1)], logs: vec![1], ..Frame::plain(&[3]) },
            Frame { logs: vec![3], ..Frame::plain(&[3]) },
            Frame { names: vec!["a".into()], ..Frame::plain(&[3]) },
            Frame { axes: Some(Axes::ChannelsFirst), ..Frame::plain(&[3]) },
            Frame { dialect: Some(Dialect { separator: ',', decimal_comma: true }), ..Frame::plain(&[3]) },
            Frame { dialect: Some(Dialect { separator: '7', decimal_comma: false }), ..Frame::plain(&[3]) },
        ] {
            assert!(frame.check().unwrap_err().is_data(), "{frame:?}");
        }
    }

    #[test]
    fn documents_without_a_dialect_are_as_before() {
        let plain = Frame { table: true, ..Frame::plain(&[2]) };
        let text = serde_json::to_string(&plain).unwrap();
        assert_eq!(text, r#"{"shape":[2],"table":true}"#);
        assert_eq!(serde_json::from_str::<Frame>(&text).unwrap(), plain);
        let other = Frame { dialect: Some(Dialect { separator: ';', decimal_comma: true }), ..plain };
        let text = serde_json::to_string(&other).unwrap();
        assert_eq!(text, r#"{"shape":[2],"table":true,"dialect":{"separator":";","decimal_comma":true}}"#);
        assert_eq!(serde_json::from_str::<Frame>(&text).unwrap(), other);
    }
}
