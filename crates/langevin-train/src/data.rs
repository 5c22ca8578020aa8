//! Finite data sets, and the numbers that bring them to the scale of the noise.

use crate::error::{Error, Result};
use langevin::SampleId;
use langevin::noise::fill_uniforms;
use serde::{Deserialize, Serialize};

/// 1797 × 64 pixels, then 1797 labels; see data/README.md.
static DIGITS: &[u8] = include_bytes!("../data/digits.bin");
const DIGIT_ROWS: usize = 1797;
const DIGIT_PIXELS: usize = 64;

/// Rows of finite numbers, all of one shape.
///
/// ```
/// use langevin_train::Dataset;
/// let line = Dataset::new("line", vec![0.0, 1.0, 2.0, 3.0], &[2])?;
/// assert_eq!((line.rows(), line.row(1)), (2, &[2.0, 3.0][..]));
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    name: String,
    values: Vec<f32>,
    shape: Vec<usize>,
    width: usize,
}

impl Dataset {
    /// Samples of shape `shape` (such as `[8, 8]` or `[2]`), row after row in `values`.
    ///
    /// # Errors
    /// No row, an empty shape, a number of values that is no multiple of a sample's, or a value that is not finite.
    pub fn new(name: impl Into<String>, values: Vec<f32>, shape: &[usize]) -> Result<Self> {
        let name = name.into();
        let width = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size)).unwrap_or(0);
        if shape.is_empty() || width == 0 {
            return Err(Error::data("a sample has no element")
                .at(name)
                .expected("a shape of positive sizes")
                .got(format!("{shape:?}")));
        }
        if values.is_empty() || !values.len().is_multiple_of(width) {
            return Err(Error::data("the values do not fill whole rows")
                .at(name)
                .expected(format!("a positive multiple of {width} (shape {shape:?})"))
                .got(values.len().to_string()));
        }
        if let Some(position) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::data("a value is not finite")
                .at(format!("{name}, row {}, element {}", position / width, position % width))
                .expected("finite numbers")
                .got(values[position].to_string())
                .hinting("drop or fill such rows first"));
        }
        Ok(Self { name, values, shape: shape.to_vec(), width })
    }

    /// 1797 handwritten digits of 8×8 pixels, values 0 to 16.
    ///
    /// Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, DOI 10.24432/C50P49, CC BY 4.0.
    ///
    /// ```
    /// let digits = langevin_train::Dataset::digits();
    /// assert_eq!((digits.rows(), digits.shape()), (1797, &[8, 8][..]));
    /// ```
    #[must_use]
    pub fn digits() -> Self {
        let values = DIGITS[..DIGIT_ROWS * DIGIT_PIXELS].iter().map(|pixel| f32::from(*pixel)).collect();
        Self { name: "digits".into(), values, shape: vec![8, 8], width: DIGIT_PIXELS }
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// The number of rows, never 0.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a data set is never empty")]
    pub fn len(&self) -> usize {
        self.rows()
    }

    /// The number of elements of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The shape of one sample.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All values, row after row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Row `row`.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Two parts, shuffled: to train on, and a fraction `held_out` of the rows, rounded, to test on. The same seed gives the same parts everywhere.
    ///
    /// Both parts keep at least one row; a data set of one row is returned twice.
    #[must_use]
    pub fn split(&self, held_out: f64, seed: u64) -> (Dataset, Dataset) {
        let rows = self.rows();
        let held = ((rows as f64 * held_out).round() as usize).clamp(1, rows.saturating_sub(1).max(1));
        let order = shuffled(rows, SampleId { seed, index: 0 });
        let take = |rows: &[usize]| {
            let values = rows.iter().flat_map(|row| self.row(*row)).copied().collect();
            Dataset { values, ..self.empty_like() }
        };
        let train = if rows == 1 { &order[..] } else { &order[held..] };
        (take(train), take(&order[..held]))
    }

    fn empty_like(&self) -> Self {
        Self { name: self.name.clone(), values: Vec::new(), shape: self.shape.clone(), width: self.width }
    }
}

/// The labels of [`Dataset::digits`], 0 to 9, in its order.
#[must_use]
pub fn digit_labels() -> &'static [u8] {
    &DIGITS[DIGIT_ROWS * DIGIT_PIXELS..]
}

/// Draws of this crate are counted from here, away from those of sampling plans, which count from 0.
pub(crate) const FIRST_DRAW: u32 = 0x8000_0000;

/// A permutation of `0..rows`, a function of `id` alone.
pub(crate) fn shuffled(rows: usize, id: SampleId) -> Vec<usize> {
    let mut keys = vec![0.0; rows];
    fill_uniforms(id, FIRST_DRAW, &mut keys);
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]).then(a.cmp(b)));
    order
}

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
    /// ```
    /// use langevin_train::{Dataset, Normalization};
    /// let digits = Normalization::fit(&Dataset::digits());
    /// assert_eq!((digits.shift, digits.scale), (vec![8.0], vec![8.0]));
    /// ```
    #[must_use]
    pub fn fit(data: &Dataset) -> Self {
        let spread = |value: f64| if value > 0.0 { value } else { 1.0 };
        if data.shape.len() > 1 {
            let low = data.values.iter().copied().fold(f32::INFINITY, f32::min);
            let high = data.values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let (low, high) = (f64::from(low), f64::from(high));
            return Self { shift: vec![0.5 * (low + high)], scale: vec![spread(0.5 * (high - low))] };
        }
        let rows = data.rows() as f64;
        let column = |j: usize| data.values.iter().skip(j).step_by(data.width).map(|value| f64::from(*value));
        let shift: Vec<f64> = (0..data.width).map(|j| column(j).sum::<f64>() / rows).collect();
        let deviation = |j: usize| (column(j).map(|value| (value - shift[j]).powi(2)).sum::<f64>() / rows).sqrt();
        // A constant column may leave a rounding error of its mean behind; that is not a spread.
        let scale = (0..data.width)
            .map(deviation)
            .zip(&shift)
            .map(|(deviation, shift)| spread(if deviation > 1e-12 * shift.abs() { deviation } else { 0.0 }))
            .collect();
        Self { shift, scale }
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
