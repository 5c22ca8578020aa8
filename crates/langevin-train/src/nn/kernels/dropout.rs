//! Dropout: elements that are set to zero at random.

use pulp::Simd;

/// Sets each element to zero with probability `rate`, and divides the others by 1 − `rate`, so that
/// the expectation stays.
///
/// Which elements are set to zero is a function of `key`. The same call is therefore the backward
/// pass.
///
/// Source: Srivastava et al., JMLR 15 (2014).
///
/// ```
/// use langevin_train::nn::kernels::drop_out;
/// let mut values = vec![1.0; 1000];
/// drop_out(0.2, 7, &mut values);
/// let zeros = values.iter().filter(|value| **value == 0.0).count();
/// // Five standard deviations of the number of zeros are 63.
/// assert!((137..263).contains(&zeros) && values.contains(&1.25));
/// ```
pub fn drop_out(rate: f32, key: u64, values: &mut [f32]) {
    if rate > 0.0 {
        dropped(rate, key, values);
    }
}

#[pulp::with_simd(dropped = pulp::Arch::new())]
#[inline(always)]
fn dropped_with<S: Simd>(_simd: S, rate: f32, key: u64, values: &mut [f32]) {
    let (low, high) = (key as u32, (key >> 32) as u32);
    // Of the random bits 31 are compared, as signed integers, which every processor compares.
    let most = (f64::from(rate) * f64::from(1_u32 << 31)) as i32;
    let scale = 1.0 / (1.0 - rate);
    for (place, value) in (0_u32..).zip(values) {
        let bits = mixed(mixed(place ^ low) ^ high);
        *value *= if ((bits >> 1) as i32) < most { 0.0 } else { scale };
    }
}

/// Returns the bits of `x`, mixed such that each bit of the result depends on all of them (the
/// last steps of `MurmurHash3`, a bijection).
#[inline(always)]
fn mixed(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

/// Dropout of a training step: the share of the elements, and a key for each row.
///
/// A row with the same key loses the same elements in every pass. Rows without a key lose none,
/// which is how a network is evaluated.
///
/// ```
/// use langevin_train::nn::Dropout;
/// let dropout = Dropout::new(0.5, &[3, 3]);
/// let mut values = [1.0; 32];
/// dropout.apply(0, &mut values);
/// assert!(values[..16] == values[16..] && values.contains(&0.0) && values.contains(&2.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dropout<'a> {
    rate: f32,
    keys: &'a [u64],
}

impl<'a> Dropout<'a> {
    /// Returns the dropout of `keys.len()` rows.
    ///
    /// `rate` is at least 0 and below 1.
    #[must_use]
    pub fn new(rate: f32, keys: &'a [u64]) -> Self {
        Self { rate, keys }
    }

    /// Drops elements of the rows in `values`, at places of their own for each `layer`.
    ///
    /// # Panics
    /// Panics if there are keys, and `values` is not a whole number of elements for each of them.
    pub fn apply(self, layer: u32, values: &mut [f32]) {
        if self.keys.is_empty() || self.rate == 0.0 {
            return;
        }
        assert!(values.len().is_multiple_of(self.keys.len()), "the rows do not fit their keys");
        let row = values.len() / self.keys.len();
        let layer = u64::from(layer.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (key, values) in self.keys.iter().zip(values.chunks_exact_mut(row.max(1))) {
            drop_out(self.rate, *key ^ layer, values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elements that are zero after a dropout of a half.
    fn zeros(key: u64, len: usize) -> Vec<bool> {
        let mut values = vec![1.0; len];
        drop_out(0.5, key, &mut values);
        values.iter().map(|value| *value == 0.0).collect()
    }

    /// Neighbouring keys, elements and layers are independent: each pair agrees in half of the
    /// elements.
    #[test]
    fn places_are_independent() {
        const LEN: usize = 1 << 16;
        // Five standard deviations of a mean of LEN halves.
        let most = 5.0 * 0.5 / (LEN as f64).sqrt();
        let agree = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64;
        let own = zeros(0, LEN);
        assert!((own.iter().filter(|zero| **zero).count() as f64 / LEN as f64 - 0.5).abs() < most);
        for key in [1, 2, 1 << 31, 1 << 32, u64::MAX] {
            assert!((agree(&own, &zeros(key, LEN)) - 0.5).abs() < most, "{key}");
        }
        for shift in [1, 2, 128] {
            assert!((agree(&own[..LEN - shift], &own[shift..]) - 0.5).abs() < most, "{shift}");
        }
        let [mut first, mut second] = [[1.0; 4096], [1.0; 4096]];
        let dropout = Dropout::new(0.5, &[9, 10]);
        dropout.apply(0, &mut first);
        dropout.apply(1, &mut second);
        let same = first.iter().zip(&second).filter(|(a, b)| a == b).count() as f64 / 4096.0;
        assert!((same - 0.5).abs() < 5.0 * 0.5 / 64.0);
    }

    #[test]
    fn the_expectation_stays() {
        for rate in [0.1_f32, 0.5, 0.9] {
            let mut values = vec![1.0; 1 << 16];
            drop_out(rate, 3, &mut values);
            let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / f64::from(1 << 16);
            // The deviation of one element is √(rate/(1 − rate)).
            assert!((mean - 1.0).abs() < 5.0 * f64::from(rate / (1.0 - rate)).sqrt() / 256.0, "{rate}: {mean}");
        }
        let mut values = [1.0; 8];
        drop_out(0.0, 3, &mut values);
        Dropout::default().apply(0, &mut values);
        assert_eq!(values, [1.0; 8]);
    }
}
