//! Modified Bessel functions of the first kind for x ≥ 0: $e^{-x} I_0(x)$, and the ratio $I_1/I_0$.
//!
//! $$I_\nu(x) = \Bigl(\frac x2\Bigr)^\nu \sum_k \frac{(x^2/4)^k}{k!\thinspace (k+\nu)!}, \qquad
//!   e^{-x} I_\nu(x) \sim \frac{1}{\sqrt{2\pi x}}
//!   \sum_k \frac{\prod_{j \le k} \bigl((2j-1)^2 - 4\nu^2\bigr)}{k!\thinspace (8x)^k}.$$
//!
//! All terms of the first series are positive, so it is accurate to a few roundings. It is used up
//! to x = 20. The second series diverges and is summed up to its smallest term, which is about
//! $e^{-2x}$: 4·10⁻¹⁸ at x = 20.
//!
//! Source: Abramowitz & Stegun, 9.6.10 and 9.7.1.

use langevin::math::exp;
use std::f64::consts::TAU;

/// The argument above which the second series is used.
const LARGE: f64 = 20.0;

/// $I_0$, and the moments of the angle whose density is $\propto e^{x\cos\theta}$.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bessel {
    /// $e^{-x} I_0(x)$.
    pub(super) i0e: f64,
    /// $A = I_1/I_0$, the mean of the cosine.
    pub(super) ratio: f64,
    /// $A/x$, which is ½ at 0.
    pub(super) over: f64,
    /// $A' = 1 - A/x - A^2$, the variance of the cosine.
    pub(super) slope: f64,
}

impl Bessel {
    /// Evaluates the functions at x ≥ 0; x is limited to 10¹⁵⁰.
    pub(super) fn at(x: f64) -> Self {
        let x = x.clamp(0.0, 1e150);
        let (i0e, half);
        if x <= LARGE {
            let y = 0.25 * x * x;
            let (mut term, mut zeroth, mut first) = (1.0, 1.0, 1.0);
            let mut k = 1.0;
            // The ratio of successive terms falls below 1 at k = x/2, so the sum ends when a term
            // is small beside it.
            while k < 100.0 {
                term *= y / (k * k);
                zeroth += term;
                first += term / (k + 1.0);
                if term < 1e-18 * first {
                    break;
                }
                k += 1.0;
            }
            let scale = exp(-x);
            i0e = scale * zeroth;
            half = 0.5 * first / zeroth;
        } else {
            let root = (TAU * x).sqrt();
            let (zeroth, first) = (asymptotic(x, 0.0), asymptotic(x, 1.0));
            i0e = zeroth / root;
            half = first / zeroth / x;
        }
        let ratio = half * x;
        // 1 − A² − A/x is 1/2x², a difference of terms of size 1. From x = 1000 its own series is
        // used, up to x⁻⁸ beside ½x⁻².
        let slope = if x < 1000.0 {
            1.0 - half - ratio * ratio
        } else {
            let u = 1.0 / x;
            u * u * (0.5 + u * (0.25 + u * (0.375 + u * (25.0 / 32.0 + u * 65.0 / 32.0))))
        };
        Self { i0e, ratio, over: half, slope }
    }
}

/// Sums the second series for order `nu`.
fn asymptotic(x: f64, nu: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0_f64);
    let mut k = 1.0;
    while k < 60.0 {
        let odd = 2.0 * k - 1.0;
        let next = term * (odd * odd - 4.0 * nu * nu) / (8.0 * x * k);
        if next.abs() >= term.abs() {
            break;
        }
        term = next;
        sum += term;
        if term.abs() < 1e-18 {
            break;
        }
        k += 1.0;
    }
    sum
}
