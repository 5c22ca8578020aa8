//! Data with evenly spaced values: pixels, counts, rounded measurements.
//!
//! Such data have no density. Dequantisation gives them one: it adds a number drawn from \[0, step)
//! to each element. Afterwards −log₂ p(x) − log₂ step is comparable with the bits of a lattice
//! value.

use serde::{Deserialize, Serialize};

/// Relative tolerance of lattice values, the precision of float32.
pub(crate) const SINGLE: f64 = 1.0 / (1 << 22) as f64;
/// Relative tolerance for values that were stored in half precision.
pub(crate) const HALF: f64 = 1.0 / (1 << 11) as f64;

/// Spacing of the values of each element.
///
/// ```
/// use langevin_data::Dataset;
/// // 8-bit pixels divided by 255, as many libraries keep them.
/// let pixels: Vec<f32> = (0..512).map(|i| (i % 256) as f32 / 255.0).collect();
/// let data = Dataset::new("pictures", pixels, &[2, 2])?;
/// assert_eq!(data.lattice()?.map(|lattice| lattice.step(0)), Some(1.0 / 255.0));
/// # Ok::<(), langevin_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lattice {
    /// One lattice value: shared by all elements, or one for each.
    low: Vec<f64>,
    /// Spacing, as many numbers as `low`; 0 for an element without a spacing.
    steps: Vec<f64>,
    /// Rounding error of the values, relative to the largest of them.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    rounding: f64,
}

fn single() -> f64 {
    SINGLE
}

fn is_single(rounding: &f64) -> bool {
    *rounding == SINGLE
}

impl Lattice {
    /// Builds the lattice low + k·step of all elements.
    pub(crate) fn of_all(low: f64, step: f64) -> Self {
        Self { low: vec![low], steps: vec![step], rounding: SINGLE }
    }

    /// Builds a lattice from a value and a spacing of each element; `None` for an element without a
    /// spacing.
    ///
    /// `rounding` is the error of the values relative to the largest.
    pub(crate) fn of_each(found: &[Option<(f64, f64)>], rounding: f64) -> Self {
        let low = found.iter().map(|one| one.map_or(0.0, |(low, _)| low)).collect();
        Self { low, steps: found.iter().map(|one| one.map_or(0.0, |(_, step)| step)).collect(), rounding }
    }

    /// Returns the lattice of the integers, for all elements.
    ///
    /// ```
    /// use langevin_data::Lattice;
    /// let whole = Lattice::whole();
    /// assert_eq!((whole.step(3), whole.common()), (1.0, Some(1.0)));
    /// assert!(whole.is_complete() && whole.fits(5));
    /// assert_eq!(whole.nearest(0, 2.6), 3.0);
    /// assert!(whole.holds(&[1.0, 2.0], 2) && !whole.holds(&[1.5, 2.0], 2));
    /// ```
    #[must_use]
    pub fn whole() -> Self {
        Self::of_all(0.0, 1.0)
    }

    fn pick<'a>(&self, list: &'a [f64], element: usize) -> &'a f64 {
        if list.len() == 1 { &list[0] } else { &list[element] }
    }

    /// Returns the spacing of the values of an element; 0 if it has none.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("ages", vec![31.0, 45.0, 31.0, 60.0], &[1])?;
    /// assert_eq!(data.lattice()?.unwrap().step(0), 1.0);
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    #[must_use]
    pub fn step(&self, element: usize) -> f64 {
        *self.pick(&self.steps, element)
    }

    /// Returns the spacing shared by all elements, or `None` if they differ or some have none.
    ///
    /// ```
    /// use langevin_data::Lattice;
    /// assert_eq!(Lattice::whole().common(), Some(1.0));
    /// ```
    #[must_use]
    pub fn common(&self) -> Option<f64> {
        let first = *self.steps.first()?;
        (first > 0.0 && self.steps.iter().all(|step| *step == first)).then_some(first)
    }

    /// Returns true if every element has a spacing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| *step > 0.0)
    }

    /// Returns the lattice value nearest to `value`; an element without a spacing keeps its value.
    ///
    /// ```
    /// use langevin_data::Lattice;
    /// assert_eq!(Lattice::whole().nearest(0, -1.2), -1.0);
    /// assert_eq!(Lattice::whole().nearest(0, -0.2).to_string(), "0");
    /// ```
    #[must_use]
    pub fn nearest(&self, element: usize, value: f64) -> f64 {
        let (low, step) = (*self.pick(&self.low, element), self.step(element));
        if step == 0.0 {
            return value;
        }
        // If the step divides 1 evenly, the value is computed as 3/10 instead of 3 × 0.1, which
        // rounds differently.
        let intervals = (1.0 / step).round();
        let unit = step <= 1.0 && (intervals * step - 1.0).abs() < 1e-9;
        let start = (low * intervals).round();
        if unit && (start - low * intervals).abs() < 1e-6 {
            // A sum with 0 turns −0 into 0.
            return (value * intervals).round() / intervals + 0.0;
        }
        low + ((value - low) / step).round() * step
    }

    /// Returns true if all elements of these rows lie on the lattice.
    ///
    /// ```
    /// use langevin_data::Lattice;
    /// assert!(Lattice::whole().holds(&[1.0, 2.0], 1) && !Lattice::whole().holds(&[1.0, 2.5], 1));
    /// ```
    #[must_use]
    pub fn holds(&self, rows: &[f64], width: usize) -> bool {
        rows.iter().enumerate().all(|(i, value)| {
            let (low, step) = (*self.pick(&self.low, i % width.max(1)), self.step(i % width.max(1)));
            step == 0.0 || on(low, step, *value, self.rounding * value.abs().max(low.abs()))
        })
    }

    /// Returns true if the lattice fits rows of `width` elements.
    #[must_use]
    pub fn fits(&self, width: usize) -> bool {
        (self.low.len() == 1 || self.low.len() == width)
            && self.low.len() == self.steps.len()
            && self.low.iter().all(|low| low.is_finite())
            && self.steps.iter().all(|step| step.is_finite() && *step >= 0.0)
            && (0.0..=HALF).contains(&self.rounding)
    }
}

/// Returns true if a value lies on low + k·step, within an error of `rounding`.
pub(crate) fn on(low: f64, step: f64, value: f64, rounding: f64) -> bool {
    let k = (value - low) / step;
    let tolerance = (rounding / step).max(1e-9 * k.abs()).max(1e-9);
    tolerance < 0.125 && (k - k.round()).abs() <= tolerance
}
