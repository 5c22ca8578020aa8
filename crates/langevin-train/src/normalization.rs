//! The numbers that bring data to the scale of the noise.

use crate::error::{Error, Result};
use langevin_data::{Dataset, Lattice, Statistics};
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
    /// The map for a data set. Pictures, and arrays of one scale, go to \[−1, 1\] by one pair for all elements; the columns of a table, and what has scales of
    /// its own in an array (the columns of a series, channels), go to mean 0 and standard deviation 1 each. What is constant keeps scale 1. Which of these a data
    /// set is, [`Dataset::statistics`] tells.
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
            Statistics::Whole { mean, deviation, .. } => Ok(Self { shift: vec![mean], scale: vec![spread(deviation)] }),
            _ => Err(Error::data("statistics that no normalisation is known for").at(data.name())),
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

    /// Returns a few words on what the map does with rows of this shape: `each column to mean 0 and deviation 1`.
    #[must_use]
    pub fn describe(&self, shape: &[usize]) -> String {
        match (&self.shift[..], &self.scale[..]) {
            ([shift], [scale]) if *shift == 0.0 && *scale == 1.0 => "the values as they are".to_owned(),
            ([shift], [scale]) => format!("one scale for all elements, (x − {})/{}", rounded(*shift), rounded(*scale)),
            _ if shape.len() == 1 => "each column to mean 0 and deviation 1".to_owned(),
            _ => {
                let inner = |axis: usize| shape[axis + 1..].iter().product::<usize>();
                let shared = |axis: usize| {
                    let first = |element: usize| element / inner(axis) % shape[axis] * inner(axis);
                    (0..self.scale.len()).all(|i| self.pair(i) == self.pair(first(i)))
                };
                match (0..shape.len()).find(|axis| self.scale.len() == shape.iter().product::<usize>() && shared(*axis))
                {
                    Some(axis) => format!(
                        "each of the {} places of axis {} of {} to mean 0 and deviation 1",
                        shape[axis],
                        axis + 1,
                        shape.len()
                    ),
                    None => "each element to mean 0 and deviation 1".to_owned(),
                }
            }
        }
    }

    /// Returns the elements of which at least one in a hundred of the values that differ would be the same number in
    /// single precision, of these whole rows of data. A network sees single precision, and could not tell such values
    /// from each other. Of ten thousand numbers drawn at random a few always are the same.
    #[must_use]
    pub fn blurred(&self, rows: &[f64], width: usize) -> Vec<usize> {
        let distinct = |bits: &mut dyn Iterator<Item = u64>| {
            let mut bits: Vec<u64> = bits.collect();
            bits.sort_unstable();
            bits.dedup();
            bits.len()
        };
        (0..width)
            .filter(|element| {
                let (shift, scale) = self.pair(*element);
                let column = || rows.iter().skip(*element).step_by(width.max(1));
                let seen = distinct(&mut column().map(|x| u64::from((((x - shift) / scale) as f32).to_bits())));
                let all = distinct(&mut column().map(|x| x.to_bits()));
                100 * (all - seen.min(all)) >= all.max(1)
            })
            .collect()
    }

    /// Data to model from double to single precision, as a network sees them: values that differ by little beside a large
    /// mean stay different. Both are whole rows of `width` elements.
    pub fn narrow(&self, values: &[f64], out: &mut [f32], width: usize) {
        for (i, (out, value)) in out.iter_mut().zip(values).enumerate() {
            let (shift, scale) = self.pair(i % width.max(1));
            *out = ((value - shift) / scale) as f32;
        }
    }

    /// The scale of element `element` of a sample.
    #[must_use]
    pub fn scale_of(&self, element: usize) -> f64 {
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

    /// For data on this lattice, to whose elements a number from [0, step) is added: the map that [`fit`](Self::fit) would find for the sums.
    #[must_use]
    pub fn dequantized(mut self, lattice: &Lattice) -> Self {
        // One pair goes by the range, which grows by a step; several go by the variance, to which that of the uniform comes, step²/12.
        let range = self.shift.len() == 1;
        for (element, (shift, scale)) in self.shift.iter_mut().zip(&mut self.scale).enumerate() {
            let step = lattice.step(element);
            *shift += 0.5 * step;
            *scale = if range { *scale + 0.5 * step } else { (*scale * *scale + step * step / 12.0).sqrt() };
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

/// Six digits for a person.
fn rounded(value: f64) -> String {
    let short: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    short.to_string()
}
