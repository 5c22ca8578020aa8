//! The passes over memory that networks are made of, forwards and backwards, on slices of f32 in row-major order.
//!
//! Matrix products are those of `faer` ([`matrix`]); everything between two products is one pass here. A pass is a plain loop that the compiler vectorises
//! for the processor at hand (`pulp` chooses among AVX-512, AVX2 and the baseline at run time). Products and sums are never contracted and sums run in a fixed
//! number of lanes ([`LANES`]), so a pass has the same bits on every processor.
//!
//! Nothing here starts a thread: whoever trains or samples shares *rows* among threads, so a pass works on memory that the core has just touched.

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod math;
pub(crate) mod matrix;
pub(crate) mod norm;
pub(crate) mod rows;

/// Partial sums of a reduction: one AVX-512 register of f32.
pub(crate) const LANES: usize = 16;

/// Σ f(i) over `0..len` in [`LANES`] partial sums, added in order at the end.
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

/// Finite differences for the tests of the passes.
#[cfg(test)]
pub(crate) mod check {
    use langevin::SampleId;
    use langevin::noise::fill_normals_from;

    /// Standard normals.
    pub(crate) fn normals(len: usize, index: u64) -> Vec<f32> {
        let mut out = vec![0.0; len];
        fill_normals_from(SampleId { seed: 11, index }, 0, 0, &mut out);
        out
    }

    /// Holds the gradient of a scalar function of `x` against its central differences.
    ///
    /// The function is computed in single precision, ~10⁻⁷ of the size of its terms; with a step h of 10⁻² the quotient has an error of 10⁻⁵ of those terms from rounding
    /// and of h²/6 times the third derivative from curvature. `tolerance` is a share of the largest element of the gradient.
    pub(crate) fn gradient(what: &str, x: &[f32], own: &[f32], tolerance: f64, f: impl Fn(&[f32]) -> f64) {
        assert_eq!(x.len(), own.len(), "{what}");
        let size = own.iter().fold(0.0f64, |size, g| size.max(f64::from(g.abs())));
        assert!(size > 0.0, "{what}: no gradient");
        const STEP: f32 = 1e-2;
        // Each element where there are few, else some of them.
        for i in (0..x.len()).step_by(x.len().div_ceil(200)) {
            let moved = |by: f32| {
                let mut x = x.to_vec();
                x[i] += by;
                (f(&x), x[i])
            };
            let ((up, above), (down, below)) = (moved(STEP), moved(-STEP));
            let slope = (up - down) / f64::from(above - below);
            assert!((slope - f64::from(own[i])).abs() < tolerance * size, "{what}, element {i}: {} {slope}", own[i]);
        }
    }

    /// Σ aᵢ bᵢ in double precision.
    pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }
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
