//! The arithmetic of the originals: float32 operations of NumPy and torch.

use langevin::math::pow;

/// Rounds to float32, the precision of the originals' tables.
pub(super) fn single(value: f64) -> f64 {
    f64::from(value as f32)
}

/// Rounds to an integer, half to even, like NumPy.
pub(super) fn round(value: f64) -> f64 {
    value.round_ties_even()
}

/// Computes torch's `linspace` in float32: from both ends to the middle, each value rounded once.
pub(super) fn linspace_single(start: f64, end: f64, count: usize) -> Vec<f64> {
    let (start, end) = (single(start), single(end));
    if count == 1 {
        return vec![start];
    }
    let step = single(single(end - start) / (count - 1) as f64);
    let at = |i: usize| if i < count / 2 { start + step * i as f64 } else { end - step * (count - i - 1) as f64 };
    (0..count).map(|i| single(at(i))).collect()
}

/// Computes NumPy's `linspace`.
pub(super) fn linspace(start: f64, end: f64, count: usize) -> Vec<f64> {
    if count == 1 {
        return vec![start];
    }
    let step = (end - start) / (count - 1) as f64;
    (0..count).map(|i| if i + 1 == count { end } else { start + step * i as f64 }).collect()
}

/// Computes NumPy's `arange` from `start` down to 0, which has ⌈start/ratio⌉ points. NumPy uses the
/// difference of the first two values as the stride. For a value halfway between two integers, the
/// last bit of the stride decides the rounding.
pub(super) fn down(start: f64, ratio: f64, points: usize) -> impl DoubleEndedIterator<Item = f64> {
    let stride = (start - ratio) - start;
    (0..points).map(move |i| start + i as f64 * stride)
}

/// Returns N, N − N/n, …, rounded, minus one.
pub(super) fn trailing(count: usize, steps: usize) -> Vec<f64> {
    let ratio = count as f64 / steps as f64;
    let points = (count as f64 / ratio).ceil() as usize;
    down(count as f64, ratio, points).map(|time| round(time) - 1.0).collect()
}

/// Computes y^p for grids.
pub(super) fn power(base: f64, exponent: f64) -> f64 {
    pow(base, exponent)
}
