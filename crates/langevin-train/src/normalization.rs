//! Affine map that scales data to the noise.

use crate::error::{Error, Result};
use langevin_data::{Dataset, Lattice, Statistics};
use serde::{Deserialize, Serialize};

/// Affine map between data and the network's units, model = (data − shift)/scale.
///
/// There is one pair of numbers for each element of a sample, or a single pair for all elements.
///
/// ```
/// use langevin_train::Normalization;
/// let map = Normalization { shift: vec![20.0], scale: vec![10.0] };
/// let mut values = [10.0, 30.0];
/// map.normalize(&mut values, 1);
/// assert_eq!(values, [-1.0, 1.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// Subtracted from the data.
    pub shift: Vec<f64>,
    /// Divisor, positive.
    pub scale: Vec<f64>,
}

impl Normalization {
    /// Fits the map to a data set.
    ///
    /// [`Dataset::statistics`] determines which of two maps applies:
    ///
    /// - Images, and arrays with one scale, are mapped to \[−1, 1\] by one pair for all elements.
    /// - Columns of a table, and parts of an array with scales of their own (the columns of a
    ///   series, channels), are each mapped to mean 0 and standard deviation 1.
    ///
    /// Constant elements keep scale 1.
    ///
    /// # Errors
    /// Returns an error if the data cannot be read.
    ///
    /// # Examples
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

    /// Returns the identity map, for data that already have the scale of the noise.
    ///
    /// ```
    /// let map = langevin_train::Normalization::identity();
    /// assert_eq!(map.describe(&[3]), "the values as they are");
    /// ```
    #[must_use]
    pub fn identity() -> Self {
        Self { shift: vec![0.0], scale: vec![1.0] }
    }

    /// Returns the shift and scale of element `element` of a sample.
    fn pair(&self, element: usize) -> (f64, f64) {
        if self.shift.len() == 1 { (self.shift[0], self.scale[0]) } else { (self.shift[element], self.scale[element]) }
    }

    /// Describes in a few words what the map does with rows of this shape.
    ///
    /// ```
    /// use langevin_train::Normalization;
    /// let map = Normalization { shift: vec![1.0, 2.0], scale: vec![1.0, 5.0] };
    /// assert_eq!(map.describe(&[2]), "each column to mean 0 and deviation 1");
    /// ```
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

    /// Returns the elements that lose distinct values in single precision.
    ///
    /// An element is returned if at least one in a hundred of its distinct values becomes equal to
    /// another one. The network works in single precision and cannot distinguish such values. Among
    /// ten thousand random numbers a few always coincide. `rows` holds whole rows of data.
    ///
    /// ```
    /// use langevin_train::Normalization;
    /// let seconds: Vec<f64> = (0..1000).map(|i| 1.7e9 + f64::from(i)).collect();
    /// assert_eq!(Normalization::identity().blurred(&seconds, 1), [0]);
    /// let centred = Normalization { shift: vec![1.7e9], scale: vec![300.0] };
    /// assert!(centred.blurred(&seconds, 1).is_empty());
    /// ```
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

    /// Converts data from double precision to the network's units in single precision.
    ///
    /// The shift is subtracted in double precision, so values that differ little beside a large
    /// mean stay distinct. Both slices hold whole rows of `width` elements.
    ///
    /// ```
    /// use langevin_train::Normalization;
    /// let map = Normalization { shift: vec![1.7e9], scale: vec![1.0] };
    /// let mut out = [0.0; 2];
    /// map.narrow(&[1.7e9, 1.7e9 + 1.0], &mut out, 1);
    /// assert_eq!(out, [0.0, 1.0]);
    /// ```
    pub fn narrow(&self, values: &[f64], out: &mut [f32], width: usize) {
        for (i, (out, value)) in out.iter_mut().zip(values).enumerate() {
            let (shift, scale) = self.pair(i % width.max(1));
            *out = ((value - shift) / scale) as f32;
        }
    }

    /// Returns the scale of element `element` of a sample.
    ///
    /// ```
    /// use langevin_train::Normalization;
    /// let map = Normalization { shift: vec![0.0], scale: vec![3.0] };
    /// // A single pair serves all elements.
    /// assert_eq!(map.scale_of(7), 3.0);
    /// ```
    #[must_use]
    pub fn scale_of(&self, element: usize) -> f64 {
        self.pair(element).1
    }

    /// Converts data to the network's units, in place; `values` holds whole rows of `width`
    /// elements.
    ///
    /// ```
    /// use langevin_train::Normalization;
    /// let map = Normalization { shift: vec![0.0, 5.0], scale: vec![1.0, 2.0] };
    /// let mut rows = [1.0, 7.0, 2.0, 3.0];
    /// map.normalize(&mut rows, 2);
    /// assert_eq!(rows, [1.0, 1.0, 2.0, -1.0]);
    /// ```
    pub fn normalize(&self, values: &mut [f32], width: usize) {
        for (i, value) in values.iter_mut().enumerate() {
            let (shift, scale) = self.pair(i % width.max(1));
            *value = ((f64::from(*value) - shift) / scale) as f32;
        }
    }

    /// Converts data to the network's units, in place and in double precision.
    ///
    /// `values` holds whole rows of `width` elements. Returns Σ ln scale over the elements of a
    /// row: −log p in the units of the data is larger by this amount.
    ///
    /// ```
    /// use langevin_train::Normalization;
    /// let map = Normalization { shift: vec![20.0], scale: vec![10.0] };
    /// let mut values = [30.0];
    /// let shift = map.to_model(&mut values, 1);
    /// assert!(values == [1.0] && (shift - 10.0_f64.ln()).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn to_model(&self, values: &mut [f64], width: usize) -> f64 {
        for (i, value) in values.iter_mut().enumerate() {
            let (shift, scale) = self.pair(i % width.max(1));
            *value = (*value - shift) / scale;
        }
        (0..width).map(|j| self.pair(j).1.ln()).sum()
    }

    /// Returns the map that [`fit`](Self::fit) would find after dequantisation.
    ///
    /// Dequantisation adds uniform noise from [0, step) of the lattice to each element.
    ///
    /// ```
    /// use langevin_data::Lattice;
    /// use langevin_train::Normalization;
    /// // Integers from 0 to 3 become numbers from [0, 4).
    /// let map = Normalization { shift: vec![1.5], scale: vec![1.5] };
    /// let map = map.dequantized(&Lattice::whole());
    /// assert_eq!((map.shift[0], map.scale[0]), (2.0, 2.0));
    /// ```
    #[must_use]
    pub fn dequantized(mut self, lattice: &Lattice) -> Self {
        // A single pair follows the range, which grows by one step. Several pairs follow the
        // variance, which grows by that of the uniform noise, step²/12.
        let range = self.shift.len() == 1;
        for (element, (shift, scale)) in self.shift.iter_mut().zip(&mut self.scale).enumerate() {
            let step = lattice.step(element);
            *shift += 0.5 * step;
            *scale = if range { *scale + 0.5 * step } else { (*scale * *scale + step * step / 12.0).sqrt() };
        }
        self
    }

    /// Converts values in the network's units to data, in place; `values` holds whole rows of
    /// `width` elements.
    ///
    /// ```
    /// use langevin_train::Normalization;
    /// let mut values = [-1.0, 1.0];
    /// Normalization { shift: vec![20.0], scale: vec![10.0] }.denormalize(&mut values, 1);
    /// assert_eq!(values, [10.0, 30.0]);
    /// ```
    pub fn denormalize(&self, values: &mut [f64], width: usize) {
        for (i, value) in values.iter_mut().enumerate() {
            let (shift, scale) = self.pair(i % width.max(1));
            *value = *value * scale + shift;
        }
    }

    /// Returns true if the map fits samples of `width` elements and is invertible.
    pub(crate) fn fits(&self, width: usize) -> bool {
        (self.shift.len() == 1 || self.shift.len() == width)
            && self.scale.len() == self.shift.len()
            && self.shift.iter().all(|shift| shift.is_finite())
            && self.scale.iter().all(|scale| scale.is_finite() && *scale > 0.0)
    }
}

/// Rounds to six digits for display.
fn rounded(value: f64) -> String {
    let short: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    short.to_string()
}
