//! Numbers that only take evenly spaced values: pixels, counts, rounded measurements.
//!
//! Such data have no density until something is added to them: a number drawn from \[0, step) for each element
//! (dequantisation), after which −log₂ p(x) − log₂ step bits are comparable with the bits of a value of the lattice.

use crate::data::Dataset;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Most values that a lattice may have.
const MOST: usize = 1 << 16;
/// Intervals into which pictures and converters divide [0, 1] and [−1, 1].
const KNOWN: [f64; 12] = [15.0, 16.0, 31.0, 63.0, 127.0, 255.0, 256.0, 1023.0, 4095.0, 16383.0, 32767.0, 65535.0];
/// Values are looked for on a lattice as exactly as single precision holds them.
const ROUNDING: f64 = 1.0 / (1 << 22) as f64;

/// The spacing of the values of each element.
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
    /// A value that elements can have: one for all elements, or one for each.
    low: Vec<f64>,
    /// The spacing, as many numbers; 0 for an element that takes any value.
    steps: Vec<f64>,
}

impl Lattice {
    /// Builds the lattice low + k·step of all elements.
    pub(crate) fn of_all(low: f64, step: f64) -> Self {
        Self { low: vec![low], steps: vec![step] }
    }

    /// Builds the lattice of the whole numbers, for all elements.
    #[must_use]
    pub fn whole() -> Self {
        Self::of_all(0.0, 1.0)
    }

    fn pick<'a>(&self, list: &'a [f64], element: usize) -> &'a f64 {
        if list.len() == 1 { &list[0] } else { &list[element] }
    }

    /// Returns the spacing of the values of an element; 0 if it takes any value.
    #[must_use]
    pub fn step(&self, element: usize) -> f64 {
        *self.pick(&self.steps, element)
    }

    /// Returns the spacing that all elements share, or `None` if they differ or some have none.
    #[must_use]
    pub fn common(&self) -> Option<f64> {
        let first = *self.steps.first()?;
        (first > 0.0 && self.steps.iter().all(|step| *step == first)).then_some(first)
    }

    /// Returns whether every element has a spacing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| *step > 0.0)
    }

    /// Returns the value of the lattice nearest to `value`; an element without a spacing keeps its value.
    #[must_use]
    pub fn nearest(&self, element: usize, value: f64) -> f64 {
        let (low, step) = (*self.pick(&self.low, element), self.step(element));
        if step == 0.0 {
            return value;
        }
        // 0.3 is 3/10, and not 3 × 0.1, where a step is one of so many to the unit.
        let intervals = (1.0 / step).round();
        let unit = step <= 1.0 && (intervals * step - 1.0).abs() < 1e-9;
        let start = (low * intervals).round();
        if unit && (start - low * intervals).abs() < 1e-6 {
            return (value * intervals).round() / intervals;
        }
        low + ((value - low) / step).round() * step
    }

    /// Returns whether all elements of these rows lie on it.
    #[must_use]
    pub fn holds(&self, rows: &[f64], width: usize) -> bool {
        rows.iter().enumerate().all(|(i, value)| {
            let (low, step) = (*self.pick(&self.low, i % width.max(1)), self.step(i % width.max(1)));
            step == 0.0 || on(low, step, *value, value.abs().max(low.abs()))
        })
    }

    /// Returns whether it fits rows of `width` elements.
    #[must_use]
    pub fn fits(&self, width: usize) -> bool {
        (self.low.len() == 1 || self.low.len() == width)
            && self.low.len() == self.steps.len()
            && self.low.iter().all(|low| low.is_finite())
            && self.steps.iter().all(|step| step.is_finite() && *step >= 0.0)
    }
}

/// Whether a value lies on low + k·step, to the rounding of numbers as large as `most`.
fn on(low: f64, step: f64, value: f64, most: f64) -> bool {
    let k = (value - low) / step;
    let tolerance = (ROUNDING * most / step).max(1e-9 * k.abs()).max(1e-9);
    tolerance < 0.125 && (k - k.round()).abs() <= tolerance
}

/// The number of which `value` is the logarithm: a whole one, if it is one to the rounding of both functions, which is
/// |value| + 2 parts in 2⁵² at most.
fn unlogged(value: f64) -> f64 {
    let number = value.exp();
    let whole = number.round();
    if (number - whole).abs() <= 1e-13 * whole.abs() { whole } else { number }
}

/// The values that one element, or all, have taken.
#[derive(Default)]
struct Seen {
    values: HashSet<u64>,
    count: usize,
    last: u64,
    /// More values than a lattice has.
    many: bool,
    fraction: bool,
    low: f64,
    high: f64,
}

impl Seen {
    fn push(&mut self, value: f64) {
        if self.count == 0 {
            (self.low, self.high) = (value, value);
        }
        self.count += 1;
        (self.low, self.high) = (self.low.min(value), self.high.max(value));
        self.fraction |= value.fract() != 0.0;
        let bits = value.to_bits();
        if self.many || (self.count > 1 && bits == self.last) {
            return;
        }
        self.last = bits;
        self.values.insert(bits);
        // Whole numbers need no list: their spacing is 1.
        self.many = self.values.len() > MOST;
    }

    /// A value and the spacing of all.
    fn lattice(&self) -> Option<(f64, f64)> {
        if self.count == 0 || self.low == self.high {
            return None;
        }
        if !self.fraction {
            return Some((self.low, 1.0));
        }
        // As many values as rows: nothing says that they are not simply written with few digits.
        if self.many || self.count < 2 * self.values.len() {
            return None;
        }
        let mut values: Vec<f64> = self.values.iter().map(|bits| f64::from_bits(*bits)).collect();
        values.sort_by(f64::total_cmp);
        let most = self.low.abs().max(self.high.abs());
        let all = |low: f64, step: f64| values.iter().all(|value| on(low, step, *value, most));
        for intervals in KNOWN {
            if self.low >= 0.0 && self.high <= 1.0 && all(0.0, 1.0 / intervals) {
                return Some((0.0, 1.0 / intervals));
            }
            if self.low < 0.0 && self.low >= -1.0 && self.high <= 1.0 && all(-1.0, 2.0 / intervals) {
                return Some((-1.0, 2.0 / intervals));
            }
        }
        let gap =
            values.windows(2).map(|two| two[1] - two[0]).filter(|gap| *gap > ROUNDING * most).min_by(f64::total_cmp)?;
        let intervals = ((self.high - self.low) / gap).round();
        if intervals > MOST as f64 {
            return None;
        }
        let step = (self.high - self.low) / intervals;
        all(self.low, step).then_some((self.low, step))
    }
}

impl Dataset {
    /// Finds the spacing of values that are evenly spaced: of all elements together for pictures and arrays, of each
    /// column for tables. Whole numbers have spacing 1; others are found if they repeat, up to 65,536 values. Returns
    /// `None` if nothing is evenly spaced. Logarithms are looked at in the units of the file.
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    pub fn lattice(&self) -> Result<Option<Lattice>> {
        if self.is_pictures() {
            return Ok(Some(Lattice::of_all(0.0, 1.0)));
        }
        let together = self.frame().shape.len() > 1;
        let width = self.width();
        let logs = self.frame().logged_elements();
        let mut seen: Vec<Seen> = (0..if together { 1 } else { width }).map(|_| Seen::default()).collect();
        self.blocks(|rows| {
            for row in rows.chunks_exact(width) {
                for (element, value) in row.iter().enumerate() {
                    let value = if logs.get(element).is_some_and(|logged| *logged) { unlogged(*value) } else { *value };
                    seen[if together { 0 } else { element }].push(value);
                }
            }
            // Continuous data are told by a part of them.
            Ok(!(seen.iter().all(|seen| seen.many && seen.fraction)))
        })?;
        let found: Vec<Option<(f64, f64)>> = seen.iter().map(Seen::lattice).collect();
        Ok(found.iter().any(Option::is_some).then(|| Lattice {
            low: found.iter().map(|one| one.map_or(0.0, |(low, _)| low)).collect(),
            steps: found.iter().map(|one| one.map_or(0.0, |(_, step)| step)).collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[f32], shape: &[usize]) -> Option<Lattice> {
        Dataset::new("values", values.to_vec(), shape).unwrap().lattice().unwrap()
    }

    #[test]
    fn known_lattices_are_found() {
        for (intervals, low, high) in [
            (255.0, 0.0, 1.0),
            (255.0, -1.0, 1.0),
            (15.0, 0.0, 1.0),
            (65535.0, 0.0, 1.0),
            (127.0, -1.0, 1.0),
            (40.0, 3.0, 5.0),
        ] {
            let step = (high - low) / intervals;
            let count = intervals as usize + 1;
            let values: Vec<f32> = (0..4 * count).map(|i| (low + step * ((i * 7919) % count) as f64) as f32).collect();
            let lattice = found(&values, &[2, 2]).unwrap();
            assert!((lattice.step(3) / step - 1.0).abs() < 1e-6, "{intervals} {low}: {lattice:?}");
            assert!(lattice.common().is_some() && lattice.is_complete() && lattice.fits(4));
            let wide: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
            assert!(lattice.holds(&wide, 4));
            assert!(!lattice.holds(&[low, low + 0.4 * step, low, low], 4));
        }
    }

    #[test]
    fn two_values_of_eight_bits_are_eight_bits() {
        let values: Vec<f32> = (0..400).map(|i| if i % 3 == 0 { 1.0 / 255.0 } else { 0.0 }).collect();
        assert_eq!(found(&values, &[2, 2]).unwrap().step(0), 1.0 / 255.0);
    }

    #[test]
    fn columns_have_their_own() {
        let values: Vec<f32> = (0..200)
            .flat_map(|i| {
                let i = (i * 37 % 200) as f32;
                [i * 0.618_034 % 1.0, (i % 9.0) * 0.25, i]
            })
            .collect();
        let lattice = found(&values, &[3]).unwrap();
        assert_eq!([0, 1, 2].map(|j| lattice.step(j)), [0.0, 0.25, 1.0]);
        assert_eq!((lattice.common(), lattice.is_complete()), (None, false));
        assert_eq!((lattice.nearest(1, 0.6), lattice.nearest(0, 0.6), lattice.nearest(2, 3.6)), (0.5, 0.6, 4.0));
    }

    #[test]
    fn numbers_of_any_value_have_none() {
        let values: Vec<f32> = (0..4000).map(|i| ((i as f32) * 0.618_034).fract()).collect();
        assert_eq!(found(&values, &[2, 2]), None);
        assert_eq!(found(&values, &[2]), None);
        // Two rows are no lattice, whatever they hold; nor is a constant.
        assert_eq!(found(&[0.3, 0.7], &[1]), None);
        assert_eq!(found(&[0.5; 8], &[2]), None);
        // Many zeros do not make the rest even.
        let zeros: Vec<f32> = values.iter().enumerate().map(|(i, v)| if i % 3 == 0 { *v } else { 0.0 }).collect();
        assert_eq!(found(&zeros, &[2, 2]), None);
    }
}
