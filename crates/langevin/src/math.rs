//! The transcendental functions of this crate.
//!
//! They come from `libm` on every target: the standard library's differ between systems and WebAssembly, and coefficients are promised bit for bit.
//! `sqrt` is correctly rounded everywhere, so the standard one will do.

pub(crate) use libm::{asinh, atan, cos, exp, expm1, lgamma, log as ln, log1p as ln_1p, pow, sin, tan};

/// √(1−ρ²) for ρ in [0, 1], without the cancellation of 1−ρ².
pub(crate) fn co(rho: f64) -> f64 {
    ((1.0 - rho) * (1.0 + rho)).max(0.0).sqrt()
}
