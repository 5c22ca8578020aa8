//! The numbers that bring data to the scale of the noise.

use crate::error::{Error, Result};
use langevin_data::{Dataset, Statistics};
use serde::{Deserialize, Serialize};

/// The affine map between data and what the network works on, model = (data − shift)/scale.
///
/// One pair for each element of a sample, or a single pair for all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// What is subtracted.
    pub shift: Vec<f64>,
    /// What is divided by, positive.
    pub scale: Vec<f64>,
}

impl Normalization {
    /// The map for a data set. Pictures (shapes of two or more sizes) go to \[−1, 1\] by one pair for all pixels; the columns of a table go to mean 0 and
    /// standard deviation 1 each. What is constant keeps scale 1.
    ///
    /// # Errors
    /// Data that cannot be read.
    ///
    /// ```
    /// use langevin_train::{Dataset, Normalization};
    /// let digits = Normalization::fit(&Dataset::digits())?;
    /// assert_eq!((digits.shift, digits.scale), (vec![8.0], vec![8.0]));
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
    pub fn fit(data: &Dataset) -> Result<Self> {
        let spread = |value: f64| if value > 0.0 { value } else { 1.0 };
        match data.statistics()? {
            Statistics::Range { low, high } => {
                Ok(Self { shift: vec![0.5 * (low + high)], scale: vec![spread(0.5 * (high - low))] })
            }
            Statistics::Columns { mean, deviation } => {
                Ok(Self { shift: mean, scale: deviation.into_iter().map(spread).collect() })
            }
            other => Err(Error::data("statistics that no normalisation is known for").got(format!("{other:?}"))),
        }
    }

    /// The map that changes nothing: for data that are on the scale of the noise already.
    #[must_use]
    pub fn identity() -> Self {
        Self { shift: vec![0.0], scale: vec![1.0] }
    }

    /// Shift and scale of element `element` of a sample.
    fn pair(&self, element: usize) -> (f64, f64) {
        if self.shift.len() == 1 { (self.shift[0], self.scale[0]) } else { (self.shift[element], self.scale[element]) }
    }

    /// The scale of element `element` of a sample.
    pub(crate) fn scale_of(&self, element: usize) -> f64 {
        self.pair(element).1
    }

    /// Data to model, in place; `values` are whole rows of `width` elements.
    pub fn normalize(&self, values: &mut [f32], width: usize) {
        for (i, value) in values.iter_mut().enumerate() {
            let (shift, scale) = self.pair(i % width.max(1));
            *value = ((f64::from(*value) - shift) / scale) as f32;
        }
    }

    /// Data to model, in place, in double precision; `values` are whole rows of `width` elements. Returns Σ ln scale over the elements of a row: by so much −log p is larger in
    /// the units of the data.
    #[must_use]
    pub fn to_model(&self, values: &mut [f64], width: usize) -> f64 {
        for (i, value) in values.iter_mut().enumerate() {
            let (shift, scale) = self.pair(i % width.max(1));
            *value = (*value - shift) / scale;
        }
        (0..width).map(|j| self.pair(j).1.ln()).sum()
    }

    /// For data to which a number from [0, 1) is added: the map that [`fit`](Self::fit) would find for the sums.
    #[must_use]
    pub fn dequantized(mut self, pictures: bool) -> Self {
        for (shift, scale) in self.shift.iter_mut().zip(&mut self.scale) {
            *shift += 0.5;
            // A picture's range grows by one; a column's variance by that of the uniform, 1/12.
            *scale = if pictures { *scale + 0.5 } else { (*scale * *scale + 1.0 / 12.0).sqrt() };
        }
        self
    }

    /// Model to data, in place; `values` are whole rows of `width` elements.
    pub fn denormalize(&self, values: &mut [f64], width: usize) {
        for (i, value) in values.iter_mut().enumerate() {
            let (shift, scale) = self.pair(i % width.max(1));
            *value = *value * scale + shift;
        }
    }

    /// Whether it fits samples of `width` elements and can be inverted.
    pub(crate) fn fits(&self, width: usize) -> bool {
        (self.shift.len() == 1 || self.shift.len() == width)
            && self.scale.len() == self.shift.len()
            && self.shift.iter().all(|shift| shift.is_finite())
            && self.scale.iter().all(|scale| scale.is_finite() && *scale > 0.0)
    }
}
