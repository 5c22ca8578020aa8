//! Axes of charts: positions of values, and choice of ticks.

/// Steps between the ticks of a linear axis, up to a power of ten.
const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
/// Ticks within a decade of a logarithmic axis, finest first.
const LADDERS: [&[f64]; 4] = [&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
/// Limits on the magnitudes of a logarithmic axis.
const MAGNITUDES: [f64; 2] = [1e-250, 1e250];

/// Spacing of an axis.
///
/// ```
/// use langevin_report::axis::{Axis, Scale};
/// assert_eq!(Axis::logarithmic(1.0, 10.0).scale(), Scale::Logarithmic);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Equal differences have equal distances.
    Linear,
    /// Equal ratios have equal distances.
    Logarithmic,
}

/// One axis of a chart, from `low` to `high`.
///
/// ```
/// use langevin_report::Axis;
/// let axis = Axis::logarithmic(4.0, 110.0);
/// assert_eq!(axis.ticks(7), [5.0, 10.0, 20.0, 50.0, 100.0]);
/// assert_eq!(Axis::linear(0.0, 2000.0).ticks(6), [0.0, 500.0, 1000.0, 1500.0, 2000.0]);
/// assert_eq!(Axis::linear(0.0, 4.0).share(1.0), 0.25);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    scale: Scale,
}

impl Axis {
    /// Builds a linear axis.
    ///
    /// ```
    /// assert_eq!(langevin_report::Axis::linear(2.0, 4.0).share(3.0), 0.5);
    /// ```
    #[must_use]
    pub fn linear(low: f64, high: f64) -> Self {
        Self { low, high, scale: Scale::Linear }
    }

    /// Builds a logarithmic axis between two positive values. A value that is not positive is
    /// replaced by the smallest positive number.
    ///
    /// ```
    /// use langevin_report::Axis;
    /// assert_eq!(Axis::logarithmic(1.0, 1000.0).ticks(4), [1.0, 10.0, 100.0, 1000.0]);
    /// ```
    #[must_use]
    pub fn logarithmic(low: f64, high: f64) -> Self {
        let [low, high] = [low, high].map(|value| value.clamp(f64::MIN_POSITIVE, f64::MAX));
        Self { low, high, scale: Scale::Logarithmic }
    }

    /// Builds an axis around values, with a margin. The axis is logarithmic if all values are
    /// positive and span more than a factor of five; otherwise it is linear.
    ///
    /// ```
    /// use langevin_report::axis::{Axis, Scale};
    /// assert_eq!(Axis::around([1.0, 100.0].into_iter()).scale(), Scale::Logarithmic);
    /// assert_eq!(Axis::around([1.0, 2.0].into_iter()).scale(), Scale::Linear);
    /// ```
    #[must_use]
    pub fn around(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > 0.0 && high > 5.0 * low {
            return Self::logarithmic(low / 1.12, high * 1.06);
        }
        let span = if high > low { high - low } else { high.abs().max(1.0) };
        let below = low - 0.12 * span;
        Self::linear(if low >= 0.0 { below.max(0.0) } else { below }, high + 0.06 * span)
    }

    /// Builds a logarithmic axis around positive values. The margin at each end is `room` times
    /// their range.
    ///
    /// Magnitudes beyond 10^±250 are clamped. The margin is at least 10 %, and wide enough to
    /// contain round numbers if the values are nearly equal.
    ///
    /// ```
    /// use langevin_report::Axis;
    /// let axis = Axis::logarithmic_around([10.0, 1000.0].into_iter(), 0.05);
    /// assert!(axis.share(10.0) > 0.0 && axis.share(1000.0) < 1.0);
    /// ```
    #[must_use]
    pub fn logarithmic_around(values: impl Iterator<Item = f64>, room: f64) -> Self {
        let values = values.map(|value| value.clamp(MAGNITUDES[0], MAGNITUDES[1]));
        let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
        let least = if high / low < 1.5 { 2.2 } else { 1.1 };
        let room = (room * (high.ln() - low.ln())).exp().max(least);
        Self::logarithmic(low / room, high * room)
    }

    /// Returns the spacing.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Returns the position of `value`: 0 at the low end and 1 at the high end.
    ///
    /// ```
    /// use langevin_report::Axis;
    /// assert_eq!(Axis::logarithmic(1.0, 100.0).share(10.0), 0.5);
    /// ```
    #[must_use]
    pub fn share(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln()),
        }
    }

    /// Returns at most `most` round values on the axis, in ascending order.
    ///
    /// ```
    /// use langevin_report::Axis;
    /// assert_eq!(Axis::linear(0.0, 10.0).ticks(3), [0.0, 5.0, 10.0]);
    /// ```
    #[must_use]
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let wanted = most.saturating_sub(1).max(1);
                multiples(self.low, self.high, step((self.high - self.low) / wanted as f64)).take(most).collect()
            }
            Scale::Logarithmic => self.decades(most),
        }
    }

    /// Returns ticks at 1, 2, 5, 10, …, and only powers of ten if there would be too many.
    fn decades(&self, most: usize) -> Vec<f64> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let ticks = |ladder: &[f64], every: i32| -> Vec<f64> {
            // The number is parsed from text, so that a tick equals the number that its label
            // shows.
            let power = |d: i32| format!("1e{d}").parse::<f64>().unwrap_or(1.0);
            let all = decades.clone().filter(|d| d % every == 0).flat_map(|d| ladder.iter().map(move |s| s * power(d)));
            all.filter(|v| (self.low..=self.high).contains(v)).collect()
        };
        let fine = LADDERS.into_iter().map(|ladder| ticks(ladder, 1)).find(|ticks| ticks.len() <= most);
        fine.unwrap_or_else(|| (2..40).map(|every| ticks(&[1.0], every)).find(|t| t.len() <= most).unwrap_or_default())
    }
}

/// Returns the smallest number of the form 1, 2 or 5 times a power of ten that is at least `rough`.
///
/// ```
/// assert_eq!(langevin_report::axis::step(0.3), 0.5);
/// ```
#[must_use]
pub fn step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    STEPS.into_iter().map(|s| s * power).find(|&s| s >= 0.999 * rough).unwrap_or(10.0 * power)
}

/// Returns the multiples of `step` between `low` and `high`, or only `low` if the step is not
/// positive and finite.
///
/// ```
/// assert!(langevin_report::axis::multiples(1.0, 6.0, 2.0).eq([2.0, 4.0, 6.0]));
/// ```
pub fn multiples(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let regular = step.is_finite() && step > 0.0;
    let first = if regular { (low / step - 1e-9).ceil() } else { 0.0 };
    let at = move |i: u32| if regular { (first + f64::from(i)) * step } else { low };
    let last = if regular { high + 1e-9 * step } else { f64::INFINITY };
    (0..if regular { 1000 } else { 1 }).map(at).take_while(move |&v| v <= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(Axis::linear(0.0, 2000.0).ticks(6), [0.0, 500.0, 1000.0, 1500.0, 2000.0]);
        assert_eq!(Axis::linear(0.0, 1.0).ticks(6).len(), 6);
        assert_eq!(Axis::linear(3.0, 3.0).ticks(6), [3.0]);
        assert_eq!(Axis::linear(-5.3, 5.3).ticks(7), [-4.0, -2.0, 0.0, 2.0, 4.0]);
    }

    #[test]
    fn logarithmic_ticks_are_few_and_round() {
        let ticks = |low, high| Axis::logarithmic(low, high).ticks(7);
        assert_eq!(ticks(4.0, 110.0), [5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(ticks(0.0005, 3.0), [0.001, 0.01, 0.1, 1.0]);
        assert!(ticks(1e-300, 1e300).len() <= 7);
    }

    #[test]
    fn one_value_stands_among_round_numbers() {
        let axis = Axis::logarithmic_around([20.26].into_iter(), 0.05);
        assert!(axis.ticks(8).len() >= 3, "{:?}", axis.ticks(8));
    }

    #[test]
    fn an_axis_without_values_has_no_panic() {
        for axis in [Axis::around(std::iter::empty()), Axis::linear(f64::NAN, 1.0), Axis::logarithmic(0.0, 1.0)] {
            assert!(axis.ticks(5).len() <= 5);
        }
    }
}
