//! Elementary functions and quadrature for coefficients, with the same bits on every platform.
//!
//! The transcendental functions come from `libm` on every target. Those of the standard library
//! differ between operating systems and WebAssembly, while coefficients are promised bit for bit.
//! `sqrt` is correctly rounded everywhere, so the standard one is used.
//!
//! Use these functions in a sampler or process of your own, so that it keeps the promise too.
//!
//! | item | computes |
//! |---|---|
//! | [`exp`], [`ln`], [`pow`], [`sin`], … | elementary functions, re-exported from `libm` |
//! | [`co`] | √(1−ρ²) without cancellation |
//! | [`gauss_legendre`], [`integral`] | quadrature |
//! | [`quantile_sorted`] | quantiles of sorted values |
//!
//! # Examples
//!
//! ```
//! use langevin::math::{exp, ln, pow};
//! assert_eq!(exp(0.0), 1.0);
//! assert_eq!(pow(2.0, 10.0), 1024.0);
//! assert!((ln(exp(0.3)) - 0.3).abs() < 1e-15);
//! ```

pub use libm::{asinh, atan, cos, exp, expm1, lgamma, log as ln, log1p as ln_1p, pow, sin, tan};

/// Returns √(1−ρ²) for ρ in \[0, 1\], without the cancellation of 1−ρ².
///
/// # Examples
///
/// ```
/// assert_eq!(langevin::math::co(0.6), 0.8);
/// ```
#[must_use]
pub fn co(rho: f64) -> f64 {
    ((1.0 - rho) * (1.0 + rho)).max(0.0).sqrt()
}

/// Returns the `n` nodes and weights of Gauss–Legendre quadrature on \[−1, 1\].
///
/// Σ w f(x) is the integral of f over \[−1, 1\], exact for polynomials of degree below 2n. The
/// nodes are the zeros of the Legendre polynomial, found by Newton's method from their asymptotic
/// positions, and are returned in ascending order.
///
/// # Examples
///
/// ```
/// let (nodes, weights) = langevin::math::gauss_legendre(3);
/// let fourth: f64 = nodes.iter().zip(&weights).map(|(x, w)| w * x.powi(4)).sum();
/// assert!((fourth - 0.4).abs() < 1e-14);
/// ```
#[must_use]
pub fn gauss_legendre(n: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut nodes, mut weights) = (vec![0.0; n], vec![0.0; n]);
    for i in 0..n.div_ceil(2) {
        let mut x = cos(std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5));
        let mut slope = 1.0;
        // Five or six steps are enough; the bound only stops arithmetic that does not converge.
        for _ in 0..20 {
            let (mut p, mut before) = (1.0, 0.0);
            for k in 1..=n {
                let k = k as f64;
                (p, before) = (((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k, p);
            }
            slope = n as f64 * (x * p - before) / (x * x - 1.0);
            let step = p / slope;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        let weight = 2.0 / ((1.0 - x * x) * slope * slope);
        (nodes[i], nodes[n - 1 - i]) = (-x, x);
        (weights[i], weights[n - 1 - i]) = (weight, weight);
    }
    (nodes, weights)
}

/// Returns the `ratio` quantile of values in ascending order, with linear interpolation between
/// neighbours.
///
/// `ratio` lies in \[0, 1\]. The quantile of an empty slice is 0.
///
/// # Examples
///
/// ```
/// use langevin::math::quantile_sorted;
/// assert_eq!(quantile_sorted(&[1.0, 3.0], 0.25), 1.5);
/// assert_eq!(quantile_sorted(&[], 0.5), 0.0);
/// ```
#[must_use]
pub fn quantile_sorted(sorted: &[f64], ratio: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = ratio * last as f64;
    let low = (place.floor() as usize).min(last);
    let high = (low + 1).min(last);
    sorted[low] + (place - low as f64) * (sorted[high] - sorted[low])
}

/// Returns ∫ f over \[`from`, `to`\], with eight Gauss–Legendre nodes on each of `panels` equal
/// panels.
///
/// # Examples
///
/// ```
/// let area = langevin::math::integral(0.0, std::f64::consts::PI, 4, f64::sin);
/// assert!((area - 2.0).abs() < 1e-14);
/// ```
pub fn integral(from: f64, to: f64, panels: usize, mut f: impl FnMut(f64) -> f64) -> f64 {
    let (nodes, weights) = gauss_legendre(8);
    let half = 0.5 * (to - from) / panels as f64;
    let mut total = 0.0;
    for panel in 0..panels {
        let middle = from + half * (2.0 * panel as f64 + 1.0);
        for (node, weight) in nodes.iter().zip(&weights) {
            total += half * weight * f(middle + half * node);
        }
    }
    total
}
