//! The fused pass over memory: `out = own·out + Σₖ aₖ xₖ (+ Σⱼ cⱼ zⱼ)`, elementwise.
//!
//! Each product and each sum is rounded once, from left to right, and never fused. The result has
//! the bits of the plain loop, however the pass is blocked or vectorised.

use core::fmt::Debug;
use core::ops::{Add, Mul};

use pulp::{Arch, Simd, WithSimd};

use crate::noise::{SampleId, fill_normals, fill_normals_at};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// The element type of a state: `f32` or `f64`. The trait is sealed.
///
/// # Examples
///
/// ```
/// use langevin::space::Element;
///
/// fn halve<T: Element>(x: T) -> T {
///     T::from_f64(0.5) * x
/// }
/// assert_eq!(halve(3.0_f32), 1.5);
/// assert_eq!(halve(3.0_f64), 1.5);
/// ```
pub trait Element:
    Copy
    + Debug
    + Default
    + PartialEq
    + PartialOrd
    + Add<Output = Self>
    + Mul<Output = Self>
    + Send
    + Sync
    + sealed::Sealed
    + 'static
{
    /// Returns the element nearest to `value`.
    fn from_f64(value: f64) -> Self;

    /// Returns `value` as an element, which is exact.
    fn from_f32(value: f32) -> Self;

    /// Returns the element as `f64`, which is exact.
    fn to_f64(self) -> f64;
}

impl Element for f32 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Element for f64 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        f64::from(value)
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
}

/// A coefficient and the slice that it multiplies.
pub(crate) type Term<'a, T> = (T, &'a [T]);

/// The number of elements processed at a time. The memory they read and write stays in the
/// first-level cache.
const PIECE: usize = 1024;

/// The number of terms that one loop adds up.
const GROUP: usize = 4;

/// Computes `out[i] = ((own·out[i]) + a₀ x₀[i]) + a₁ x₁[i] + …` over the length of the shortest
/// slice.
///
/// Without `own`, the first term starts the sum and `out` is not read. Without `own` and terms the
/// result is zero.
pub(crate) fn combine<T: Element>(out: &mut [T], own: Option<T>, terms: &[Term<'_, T>]) {
    let n = length(out.len(), terms);
    combine_at(&mut out[..n], own, terms, 0);
}

/// Computes [`combine`] and adds `c·z(row, draw, element)` for every `(c, draw)` of `noise` after
/// the terms.
///
/// `out` is `rows.len() × width`, row after row; elements beyond that are left unchanged. The
/// normals are generated in pieces that stay in the first-level cache, and are widened for `f64`.
pub(crate) fn combine_noise<T: Element>(
    out: &mut [T],
    width: usize,
    own: Option<T>,
    terms: &[Term<'_, T>],
    noise: &[(T, u32)],
    rows: &[SampleId],
) {
    let n = length(out.len(), terms).min(rows.len().saturating_mul(width));
    if noise.is_empty() || n == 0 {
        return combine_at(&mut out[..n], own, terms, 0);
    }
    let mut normals = [0.0; PIECE];
    // A piece consists of as many whole rows as fit, or of a part of one row.
    let whole = PIECE / width * width;
    let mut start = 0;
    while start < n {
        let (row, element) = (start / width, start % width);
        let len = if whole > 0 { whole.min(n - start) } else { PIECE.min(width - element).min(n - start) };
        let out = &mut out[start..start + len];
        let mut own = own;
        if !terms.is_empty() {
            combine_at(out, own, terms, start);
            own = Some(T::from_f32(1.0));
        }
        for &(coefficient, draw) in noise {
            if whole > 0 {
                let rows = &rows[row..row + len.div_ceil(width)];
                fill_normals(rows, draw, width, &mut normals);
            } else {
                fill_normals_at(rows[row], draw, element as u64, &mut normals[..len]);
            }
            Arch::new().dispatch(AddNormals { out, own, coefficient, normals: &normals });
            // Multiplying by one is exact, so a further pass continues the sum.
            own = Some(T::from_f32(1.0));
        }
        start += len;
    }
}

/// Returns the length of the shortest slice.
fn length<T>(out: usize, terms: &[Term<'_, T>]) -> usize {
    terms.iter().fold(out, |n, (_, x)| n.min(x.len()))
}

/// Computes [`combine`] with `out[i]` paired with element `offset + i` of every term. The terms
/// must be long enough.
fn combine_at<T: Element>(out: &mut [T], own: Option<T>, terms: &[Term<'_, T>], offset: usize) {
    Arch::new().dispatch(Combine { out, own, terms, offset });
}

/// A sum of terms as one operation of the SIMD dispatch.
struct Combine<'a, T> {
    out: &'a mut [T],
    own: Option<T>,
    terms: &'a [Term<'a, T>],
    offset: usize,
}

impl<T: Element> WithSimd for Combine<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { out, own, terms, offset } = self;
        if terms.len() <= GROUP {
            group(out, own, terms, offset);
            return;
        }
        for (i, out) in out.chunks_mut(PIECE).enumerate() {
            let mut own = own;
            for terms in terms.chunks(GROUP) {
                group(out, own, terms, offset + i * PIECE);
                own = Some(T::from_f32(1.0));
            }
        }
    }
}

/// Adds at most [`GROUP`] terms, in one loop.
#[inline(always)]
fn group<T: Element>(out: &mut [T], own: Option<T>, terms: &[Term<'_, T>], offset: usize) {
    match (own, terms) {
        (None, []) => out.fill(T::default()),
        (None, [a]) => pass::<T, false, 1>(out, T::default(), [*a], offset),
        (None, [a, b]) => pass::<T, false, 2>(out, T::default(), [*a, *b], offset),
        (None, [a, b, c]) => pass::<T, false, 3>(out, T::default(), [*a, *b, *c], offset),
        (None, [a, b, c, d, ..]) => {
            pass::<T, false, 4>(out, T::default(), [*a, *b, *c, *d], offset);
        }
        (Some(own), []) => pass::<T, true, 0>(out, own, [], offset),
        (Some(own), [a]) => pass::<T, true, 1>(out, own, [*a], offset),
        (Some(own), [a, b]) => pass::<T, true, 2>(out, own, [*a, *b], offset),
        (Some(own), [a, b, c]) => pass::<T, true, 3>(out, own, [*a, *b, *c], offset),
        (Some(own), [a, b, c, d, ..]) => pass::<T, true, 4>(out, own, [*a, *b, *c, *d], offset),
    }
}

/// Adds `K` terms, after `own·out` if `OWN`. The constants let the compiler unroll the inner loop.
#[inline(always)]
fn pass<T: Element, const OWN: bool, const K: usize>(out: &mut [T], own: T, terms: [Term<'_, T>; K], offset: usize) {
    let n = out.len();
    let terms = terms.map(|(a, x)| (a, &x[offset..][..n]));
    for i in 0..n {
        let mut sum = if OWN { own * out[i] } else { T::default() };
        for (k, (a, x)) in terms.iter().enumerate() {
            let product = *a * x[i];
            sum = if OWN || k > 0 { sum + product } else { product };
        }
        out[i] = sum;
    }
}

/// The operation `out[i] = own·out[i] + c·z[i]`, or `c·z[i]` without `own`.
struct AddNormals<'a, T> {
    out: &'a mut [T],
    own: Option<T>,
    coefficient: T,
    normals: &'a [f32; PIECE],
}

impl<T: Element> WithSimd for AddNormals<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let pairs = self.out.iter_mut().zip(self.normals);
        if let Some(own) = self.own {
            for (out, &z) in pairs {
                *out = own * *out + self.coefficient * T::from_f32(z);
            }
        } else {
            for (out, &z) in pairs {
                *out = self.coefficient * T::from_f32(z);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes the formula one element at a time.
    fn naive<T: Element>(
        out: &mut [T],
        width: usize,
        own: Option<T>,
        terms: &[Term<'_, T>],
        noise: &[(T, u32)],
        rows: &[SampleId],
    ) {
        for (i, out) in out.iter_mut().enumerate() {
            let mut products: Vec<T> = own.iter().map(|&own| own * *out).collect();
            products.extend(terms.iter().map(|(a, x)| *a * x[i]));
            for &(c, draw) in noise {
                let mut z = [0.0];
                fill_normals_at(rows[i / width], draw, (i % width) as u64, &mut z);
                products.push(c * T::from_f32(z[0]));
            }
            *out = products.into_iter().reduce(Add::add).unwrap_or_default();
        }
    }

    fn values<T: Element>(n: usize, draw: u32) -> Vec<T> {
        let mut z = vec![0.0; n];
        let row = SampleId { seed: 1, index: 2 };
        fill_normals_at(row, draw, 0, &mut z);
        z.into_iter().map(T::from_f32).collect()
    }

    fn bits<T: Element>(x: &[T]) -> Vec<u64> {
        x.iter().map(|x| x.to_f64().to_bits()).collect()
    }

    fn agrees<T: Element>() {
        for n in [0, 1, 7, 64, 1000, 2048, 2049, 5000] {
            let x: Vec<Vec<T>> = (0..11).map(|k| values(n, k)).collect();
            for count in 0..11 {
                let terms: Vec<Term<'_, T>> =
                    (0..count).map(|k| (T::from_f64(0.3 + k as f64 / 7.0), &x[k][..])).collect();
                for own in [None, Some(T::from_f64(-0.7))] {
                    let mut expected = values(n, 99);
                    let mut out = expected.clone();
                    naive(&mut expected, 1, own, &terms, &[], &[]);
                    combine(&mut out, own, &terms);
                    assert_eq!(bits(&out), bits(&expected), "{n}, {count}, {own:?}");
                }
            }
        }
    }

    fn agrees_with_noise<T: Element>() {
        for (count, width) in [
            (0, 3),
            (1, 1),
            (5, 1),
            (3000, 1),
            (3000, 2),
            (701, 3),
            (300, 17),
            (5, 1000),
            (3, 2047),
            (3, 2048),
            (3, 2049),
            (2, 5000),
        ] {
            let n = count * width;
            let rows: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed: 4, index }).collect();
            let x: Vec<Vec<T>> = (0..6).map(|k| values(n, k)).collect();
            for (terms, draws) in [(0, 1), (1, 1), (2, 2), (6, 3), (1, 0), (0, 2)] {
                let terms: Vec<Term<'_, T>> =
                    (0..terms).map(|k| (T::from_f64(0.3 + k as f64 / 7.0), &x[k][..])).collect();
                let noise: Vec<(T, u32)> = (0..draws).map(|j| (T::from_f64(1.1 - f64::from(j) / 3.0), 7 + j)).collect();
                for own in [None, Some(T::from_f64(-0.7))] {
                    let mut expected = values(n, 99);
                    let mut out = expected.clone();
                    naive(&mut expected, width, own, &terms, &noise, &rows);
                    combine_noise(&mut out, width, own, &terms, &noise, &rows);
                    assert_eq!(bits(&out), bits(&expected), "{count} × {width}, {own:?}");
                }
            }
        }
    }

    #[test]
    fn a_pass_has_the_bits_of_the_plain_loop() {
        agrees::<f32>();
        agrees::<f64>();
    }

    #[test]
    fn a_pass_with_noise_has_them_too() {
        agrees_with_noise::<f32>();
        agrees_with_noise::<f64>();
    }

    #[test]
    fn an_overwritten_state_is_not_read() {
        let mut out = [f64::NAN; 5];
        combine(&mut out, None, &[(2.0, &[1.0; 5])]);
        assert_eq!(out, [2.0; 5]);
        combine(&mut out, None, &[]);
        assert_eq!(out, [0.0; 5]);
    }

    #[test]
    fn the_shortest_slice_decides() {
        let mut out = [1.0_f32; 6];
        combine(&mut out, Some(2.0), &[(1.0, &[1.0; 9]), (1.0, &[1.0; 3])]);
        assert_eq!(out, [4.0, 4.0, 4.0, 1.0, 1.0, 1.0]);
        let rows = [SampleId::default(); 2];
        let mut out = [9.0_f32; 6];
        combine_noise(&mut out, 2, None, &[], &[(1.0, 0)], &rows);
        assert!(out[..4].iter().all(|&z| z != 9.0));
        assert_eq!(out[4..], [9.0; 2]);
        combine_noise(&mut out, 0, None, &[], &[(1.0, 0)], &rows);
        combine_noise(&mut out, 2, None, &[], &[(1.0, 0)], &[]);
        assert_eq!(out[4..], [9.0; 2]);
        let mut out = [9.0_f32; 6];
        combine_noise(&mut out, 3, None, &[(0.0, &[0.0; 4])], &[(1.0, 0)], &rows);
        assert!(out[..4].iter().all(|&z| z != 9.0));
        assert_eq!(out[4..], [9.0; 2]);
    }
}
