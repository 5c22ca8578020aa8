//! Detection of evenly spaced values.

use super::Dataset;
use super::lattice::{HALF, Lattice, SINGLE, on};
use crate::axes::Axes;
use crate::error::Result;
use crate::frame::Frame;
use std::collections::HashSet;

/// Largest number of values of a lattice.
const MOST: usize = 1 << 16;
/// Largest number of values that are stored for all groups of elements together; it bounds the
/// memory for very wide tables.
const KEPT: usize = 1 << 24;
/// Common numbers of intervals into which images and converters divide [0, 1] and [−1, 1].
const KNOWN: [f64; 12] = [15.0, 16.0, 31.0, 63.0, 127.0, 255.0, 256.0, 1023.0, 4095.0, 16383.0, 32767.0, 65535.0];
/// Largest number of channels with a lattice each, for images whose channels were normalised
/// separately.
const CHANNELS: usize = 16;
/// Number of recent values that are cached to avoid lookups; enough for most images.
const RECENT: usize = 1 << 10;
/// A lattice that arbitrary values would fit with a probability above this is rejected.
const CHANCE: f64 = 1e-3;

/// Returns the number of which `value` is the logarithm.
///
/// The result is an integer if it is one within the rounding of both functions, which is at most
/// |value| + 2 parts in 2⁵².
fn unlogged(value: f64) -> f64 {
    let number = value.exp();
    let whole = number.round();
    if (number - whole).abs() <= 1e-13 * whole.abs() { whole } else { number }
}

/// Estimates the probability that arbitrary values lie on some lattice of this many intervals.
///
/// All values except two must lie within `error`, as a share of a step, of a node.
fn chance(intervals: f64, distinct: usize, error: f64) -> f64 {
    intervals * (2.0 * error).powf(distinct as f64 - 2.0)
}

/// Returns the largest number of which both are integer multiples, within an error of `error`.
fn common_measure(mut a: f64, mut b: f64, error: f64) -> f64 {
    while b > error {
        (a, b) = (b, (a - (a / b).round() * b).abs());
    }
    a
}

/// Returns true if a number has at most three decimals.
fn is_decimal(number: f64) -> bool {
    let thousandths = 1000.0 * number;
    (thousandths - thousandths.round()).abs() < 1e-3 * thousandths.abs()
}

/// Values that some elements have taken.
struct Seen {
    values: HashSet<u64>,
    /// Recently seen values, to avoid most lookups in the set.
    recent: Vec<u64>,
    count: usize,
    /// Largest number of stored values.
    most: usize,
    /// True if there are more values than that.
    many: bool,
    fraction: bool,
    low: f64,
    high: f64,
}

impl Seen {
    /// Creates an empty set for one of `groups` groups.
    fn new(groups: usize) -> Self {
        // No value is NaN, so NaN marks an empty slot.
        let recent = vec![f64::NAN.to_bits(); if groups <= CHANNELS { RECENT } else { 16 }];
        let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
        let most = (KEPT / groups.max(1)).clamp(256, MOST);
        Self { values: HashSet::new(), recent, count: 0, most, many: false, fraction: false, low, high }
    }

    fn push(&mut self, value: f64) {
        self.count += 1;
        (self.low, self.high) = (self.low.min(value), self.high.max(value));
        self.fraction |= value.fract() != 0.0;
        if self.many {
            return;
        }
        let bits = value.to_bits();
        // Fibonacci hashing: the leading bits of the product.
        let place = (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize % self.recent.len();
        if self.recent[place] == bits {
            return;
        }
        self.recent[place] = bits;
        self.values.insert(bits);
        self.many = self.values.len() > self.most;
    }

    fn is_decided(&self) -> bool {
        self.many && self.fraction
    }

    /// Merges the values of both.
    fn and(mut self, other: &Self) -> Self {
        self.count += other.count;
        (self.low, self.high) = (self.low.min(other.low), self.high.max(other.high));
        self.fraction |= other.fraction;
        self.many |= other.many;
        if !self.many {
            self.values.extend(&other.values);
            self.many = self.values.len() > self.most;
        }
        self
    }

    /// Returns a lattice value and the spacing. `rounding` is the error of the values relative to
    /// the largest.
    fn lattice(&self, rounding: f64) -> Option<(f64, f64)> {
        if self.count == 0 || self.low == self.high {
            return None;
        }
        // Integers need no search, because their spacing is 1.
        if !self.fraction {
            return Some((self.low, 1.0));
        }
        if self.many {
            return None;
        }
        let mut values: Vec<f64> = self.values.iter().map(|bits| f64::from_bits(*bits)).collect();
        values.sort_by(f64::total_cmp);
        let error = rounding * self.low.abs().max(self.high.abs());
        let all = |low: f64, step: f64| values.iter().all(|value| on(low, step, *value, error));
        let likely = |step: f64| chance((self.high - self.low) / step, values.len(), error / step) < CHANCE;
        let known = KNOWN.into_iter().find_map(|intervals| {
            let low = if self.low >= 0.0 { 0.0 } else { -1.0 };
            let step = (1.0 - low) / intervals;
            (self.low >= low && self.high <= 1.0 && all(low, step)).then_some((low, step))
        });
        // Values hardly repeat, so they may simply be written with few digits. The
        // lattice is accepted only if its spacing is one that decimal numbers do not have.
        if self.count < 2 * values.len() {
            return known.filter(|(low, step)| (1.0 - low) / step > 254.0 && values.len() >= 16 && likely(*step));
        }
        let own = || {
            let gaps = values.windows(2).map(|two| two[1] - two[0]).filter(|gap| *gap > error);
            let step = gaps.reduce(|step, gap| common_measure(step.max(gap), step.min(gap), 8.0 * error))?;
            let intervals = ((self.high - self.low) / step).round();
            let step = (self.high - self.low) / intervals;
            let plain = values.len() == 2 || likely(step);
            (intervals <= MOST as f64 && plain && all(self.low, step)).then_some((self.low, step))
        };
        match known {
            // Fifths are also multiples of 1/15 and 1/255, so a decimal step takes precedence.
            Some(known) => Some(own().filter(|(_, step)| is_decimal(*step)).unwrap_or(known)),
            None => own(),
        }
    }
}

/// Returns the number of channels, and the channel of an element of a row of the file.
///
/// The number is one if the shape has no channel axis.
fn channels(frame: &Frame) -> (usize, impl Fn(usize) -> usize) {
    let shape = &frame.shape;
    let (count, inner) = match (frame.axes, &shape[..]) {
        (Some(Axes::ChannelsFirst), [channels, rest @ ..]) => (*channels, rest.iter().product()),
        (_, [_, _, channels]) => (*channels, 1),
        _ => (1, 1),
    };
    let count = if count > CHANNELS { 1 } else { count };
    (count, move |place: usize| place / inner % count)
}

impl Dataset {
    /// Finds the spacing of evenly spaced values.
    ///
    /// Tables have a spacing for each column. Arrays have one for all elements, or one for each
    /// channel if the channels differ. The spacing of integers is 1. Other spacings, of up to
    /// 65,536 values, are found only if values repeat. Logarithms are examined in the units of the
    /// file. Returns `None` if no element is evenly spaced.
    ///
    /// ```
    /// use langevin_data::Dataset;
    /// let data = Dataset::new("counts", vec![0.0, 3.0, 1.0, 4.0], &[1])?;
    /// assert_eq!(data.lattice()?.map(|lattice| lattice.step(0)), Some(1.0));
    /// # Ok::<(), langevin_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    pub fn lattice(&self) -> Result<Option<Lattice>> {
        if self.is_pictures() {
            return Ok(Some(Lattice::of_all(0.0, 1.0)));
        }
        let frame = self.frame();
        let (logs, width) = (frame.logged_elements(), self.width());
        let is_table = frame.shape.len() <= 1;
        let (count, channel) = channels(frame);
        // Group of elements that share a lattice, for each element.
        let groups: Vec<usize> = match is_table {
            true => (0..width).collect(),
            false => frame.places().into_iter().map(channel).collect(),
        };
        let count = if is_table { width } else { count };
        let mut seen: Vec<Seen> = (0..count).map(|_| Seen::new(count)).collect();
        self.blocks(|rows| {
            for row in rows.chunks_exact(width) {
                for ((element, value), group) in row.iter().enumerate().zip(&groups) {
                    let value = if logs.get(element).is_some_and(|logged| *logged) { unlogged(*value) } else { *value };
                    seen[*group].push(value);
                }
            }
            // A part of continuous data is enough to decide.
            Ok(!seen.iter().all(Seen::is_decided))
        })?;
        let rounding = if self.about().dtype.contains("float16") { HALF } else { SINGLE };
        let found: Vec<Option<(f64, f64)>> = seen.iter().map(|seen| seen.lattice(rounding)).collect();
        if is_table {
            return Ok(found.iter().any(Option::is_some).then(|| Lattice::of_each(&found, rounding)));
        }
        let together = seen.into_iter().reduce(|all, one| all.and(&one)).and_then(|all| all.lattice(rounding));
        Ok(match together {
            Some(_) => Some(Lattice::of_each(&[together], rounding)),
            None if found.iter().all(Option::is_some) => {
                let each: Vec<_> = groups.iter().map(|group| found[*group]).collect();
                Some(Lattice::of_each(&each, rounding))
            }
            None => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(found: f64, step: f64) -> bool {
        (found / step - 1.0).abs() < 1e-6
    }

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
            assert!(same(lattice.step(3), step), "{intervals} {low}: {lattice:?}");
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
        // Two rows are not enough for a lattice, and neither is a constant.
        assert_eq!(found(&[0.3, 0.7], &[1]), None);
        assert_eq!(found(&[0.5; 8], &[2]), None);
        // Many zeros do not make the other values evenly spaced.
        let zeros: Vec<f32> = values.iter().enumerate().map(|(i, v)| if i % 3 == 0 { *v } else { 0.0 }).collect();
        assert_eq!(found(&zeros, &[2, 2]), None);
    }

    #[test]
    fn sixteen_bits_need_not_repeat() {
        let values: Vec<f32> = (0..400).map(|i| (f64::from((i * 7919) % 65536) / 65535.0) as f32).collect();
        assert!(same(found(&values, &[2, 2]).unwrap().step(0), 1.0 / 65535.0));
        // Three decimals do not make values evenly spaced.
        let decimals: Vec<f32> = (0..400).map(|i| ((i * 7919) % 1000) as f32 / 1000.0).collect();
        assert_eq!(found(&decimals, &[2, 2]), None);
    }

    #[test]
    fn bytes_in_half_precision_are_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("half.npy");
        let header = "{'descr': '<f2', 'fortran_order': False, 'shape': (512, 2, 2), }";
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        bytes.extend(format!("{header:<117}\n").bytes());
        for i in 0..2048_u32 {
            bytes.extend(half::f16::from_f64(f64::from((i * 7919) % 256) / 127.5 - 1.0).to_le_bytes());
        }
        std::fs::write(&file, bytes).unwrap();
        let data = crate::open(&file, &crate::Options::default()).unwrap();
        let lattice = data.lattice().unwrap().unwrap();
        assert!(same(lattice.step(0), 2.0 / 255.0), "{lattice:?}");
        assert!(lattice.holds(&data.values_wide().unwrap(), 4));
        let kept: Lattice = serde_json::from_str(&serde_json::to_string(&lattice).unwrap()).unwrap();
        assert_eq!(kept, lattice);
    }

    /// Uses the channel means and deviations of ImageNet, with which many pipelines normalise.
    #[test]
    fn channels_have_their_own() {
        let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        let values: Vec<f32> = (0..3 * 2048)
            .map(|i| ((((i * 7919) % 256) as f64 / 255.0 - mean[i % 3]) / deviation[i % 3]) as f32)
            .collect();
        let lattice = found(&values, &[2, 2, 3]).unwrap();
        (0..12).for_each(|i| assert!(same(lattice.step(i), 1.0 / 255.0 / deviation[i % 3]), "{lattice:?}"));
        // The same values with channels first.
        let turned: Vec<f32> = values
            .chunks_exact(12)
            .flat_map(|row| (0..12).map(|i| row[(i % 4) * 3 + i / 4]).collect::<Vec<_>>())
            .collect();
        let turned = Dataset::new("turned", turned, &[3, 2, 2]).unwrap().channels_last(None).unwrap();
        assert_eq!(turned.lattice().unwrap(), Some(lattice));
    }

    #[test]
    fn gaps_of_several_sizes_have_a_common_measure() {
        let column = |of: &[f32]| (0..60).map(|i| of[i * 7 % of.len()]).collect::<Vec<_>>();
        for (doses, step) in [
            (&[0.0, 0.1, 0.5, 1.0, 5.0][..], 0.1),
            (&[0.0, 0.3, 1.0, 1.5], 0.1),
            (&[0.0, 0.2, 0.4, 0.6, 0.8, 1.0], 0.2),
            (&[0.25, 1.0, 2.5], 0.75),
        ] {
            let lattice = found(&column(doses), &[1]);
            assert!(lattice.as_ref().is_some_and(|lattice| same(lattice.step(0), step)), "{doses:?}: {lattice:?}");
        }
        // Three arbitrary numbers are not a lattice.
        assert_eq!(found(&column(&[0.123_456, 0.718_281_8, 3.241_592_7]), &[1]), None);
    }
}
