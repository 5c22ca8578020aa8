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
//! | [`normal_cdf`], [`normal_quantile`] | the standard normal distribution and its inverse |
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

/// Returns Φ(z), the distribution function of the standard normal.
///
/// The relative error is a few units in the last place in both tails.
///
/// ```
/// use langevin::math::normal_cdf;
/// assert_eq!(normal_cdf(0.0), 0.5);
/// assert!((normal_cdf(-10.0) / 7.619_853_024_160_527e-24 - 1.0).abs() < 1e-12);
/// ```
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    normal_tail(-z)
}

/// Returns the z with Φ(z) = `p`, the quantile of the standard normal, for `p` in (0, 1).
///
/// The result lies in \[−38, 38\], where Φ(z) or 1 − Φ(z) is still positive.
///
/// ```
/// use langevin::math::normal_quantile;
/// assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-13);
/// assert!((normal_quantile(1e-20) + 9.262_340_089_798_408).abs() < 1e-12);
/// ```
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    const FAR: f64 = 38.0;
    truncated_normal_quantile(p, -FAR, FAR)
}

/// Returns the density of the standard normal distribution.
pub(crate) fn normal_density(z: f64) -> f64 {
    exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt()
}

/// Returns the upper tail, 1 − Φ(z), without cancellation.
fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Returns Φ(b) − Φ(a) for a ≤ b, computed from the tails that are small.
pub(crate) fn normal_mass(a: f64, b: f64) -> f64 {
    if a > 0.0 {
        normal_tail(a) - normal_tail(b)
    } else if b < 0.0 {
        normal_tail(-b) - normal_tail(-a)
    } else {
        1.0 - normal_tail(-a) - normal_tail(b)
    }
}

/// Returns the z in \[a, b\] below which a fraction `u` of the mass of the truncated normal lies.
///
/// It uses Newton's method on Φ, kept inside a shrinking bracket.
pub(crate) fn truncated_normal_quantile(u: f64, a: f64, b: f64) -> f64 {
    let total = normal_mass(a, b);
    let (mut low, mut high) = (a, b);
    // From the mode outwards Newton converges without overshooting, because Φ is convex below the
    // mode and concave above it.
    let mut z = 0.0f64.clamp(a, b);
    for _ in 0..80 {
        let excess = normal_mass(a, z) - u * total;
        if excess > 0.0 {
            high = z;
        } else {
            low = z;
        }
        let newton = z - excess / normal_density(z);
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - z).abs() <= 1e-14 * (1.0 + z.abs()) {
            return next;
        }
        z = next;
    }
    z
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
