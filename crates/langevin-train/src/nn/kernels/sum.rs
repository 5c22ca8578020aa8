//! Sums in a fixed order.

use pulp::Simd;

/// Number of partial sums of a reduction: one AVX-512 register of f32.
pub(crate) const LANES: usize = 16;

/// Computes Σ f(i) over `0..len` in [`LANES`] partial sums, which are added in order at the end.
#[inline(always)]
pub(crate) fn sum(len: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let whole = len - len % LANES;
    let mut i = 0;
    while i < whole {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += f(i + lane);
        }
        i += LANES;
    }
    for (lane, sum) in lanes.iter_mut().enumerate().take(len - whole) {
        *sum += f(whole + lane);
    }
    lanes.iter().sum()
}

/// Computes ‖a‖².
#[pulp::with_simd(square = pulp::Arch::new())]
#[inline(always)]
pub(crate) fn square_with<S: Simd>(_simd: S, a: &[f32]) -> f32 {
    sum(a.len(), |i| a[i] * a[i])
}

/// Computes ‖a − b‖².
#[pulp::with_simd(square_apart = pulp::Arch::new())]
#[inline(always)]
pub(crate) fn square_apart_with<S: Simd>(_simd: S, a: &[f32], b: &[f32]) -> f32 {
    let b = &b[..a.len()];
    sum(a.len(), |i| (a[i] - b[i]) * (a[i] - b[i]))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_sum_has_every_term() {
        for len in [0, 1, 15, 16, 17, 40] {
            assert_eq!(super::sum(len, |i| i as f32), (0..len).sum::<usize>() as f32);
        }
    }
}
