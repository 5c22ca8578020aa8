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

/// Computes Σ a in double precision, in [`LANES`] partial sums, which are added in order at the
/// end.
#[inline(always)]
pub(crate) fn sum_wide(a: &[f32]) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let (whole, rest) = a.as_chunks::<LANES>();
    for a in whole {
        lanes.iter_mut().zip(a).for_each(|(lane, a)| *lane += f64::from(*a));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, a)| *lane += f64::from(*a));
    lanes.iter().sum()
}

/// Computes Σ ab in double precision, as [`sum_wide`] does.
#[inline(always)]
pub(crate) fn dot_wide(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let ((whole, rest), (others, last)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in whole.iter().zip(others) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(lane, (a, b))| *lane += f64::from(*a * *b));
    }
    lanes.iter_mut().zip(rest.iter().zip(last)).for_each(|(lane, (a, b))| *lane += f64::from(*a * *b));
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
            let a: Vec<f32> = (0..len).map(|i| i as f32).collect();
            assert_eq!(super::sum_wide(&a), (0..len).sum::<usize>() as f64);
            assert_eq!(super::dot_wide(&a, &a), (0..len).map(|i| i * i).sum::<usize>() as f64);
        }
    }
}
