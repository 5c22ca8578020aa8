//! The transcendental functions behind every coefficient, the same bits on every platform.
//!
//! They come from `libm` on every target: the standard library's differ between systems and WebAssembly, and coefficients are
//! promised bit for bit. `sqrt` is correctly rounded everywhere, so the standard one will do. A sampler or process of your own
//! keeps the promise by using these.

pub use libm::{asinh, atan, cos, exp, expm1, lgamma, log as ln, log1p as ln_1p, pow, sin, tan};

/// Returns √(1−ρ²) for ρ in \[0, 1\], without the cancellation of 1−ρ².
///
/// ```
/// assert_eq!(langevin::math::co(0.6), 0.8);
/// ```
#[must_use]
pub fn co(rho: f64) -> f64 {
    ((1.0 - rho) * (1.0 + rho)).max(0.0).sqrt()
}
