//! How much of the old noise a reverse step keeps: ρ, by whose rule.

use crate::error::Result;
use crate::math::pow;
use crate::moves::{check_eta, ddim_rho, effective_eta, reverse_rho};
use crate::process::Level;

/// The rule for ρ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// h/g constant: ρ = e^{−η²Δ}.
    Rate(f64),
    /// DDIM's η: ρ² = 1 − η²(1 − e^{−2Δ}). The "ancestral" η of k-diffusion is this one.
    Ddim(f64),
    /// The ancestral η of flows: s_down = s_t(1 + (s_t/s_s − 1)η), ρ = α_t σ_down/(α_down σ_t).
    Flow(f64),
    /// Extended reverse SDE: ρ = φ(σ_t/α_t)/φ(σ_s/α_s) e^Δ with φ(y) = y (e^{y^0.3} + 10).
    Extended,
}

/// φ of the extended reverse SDE. Source: arXiv 2309.06169, ER-SDE 5.
pub fn extended(sigma_ve: f64) -> f64 {
    sigma_ve * (crate::math::exp(pow(sigma_ve, 0.3)) + 10.0)
}

impl Keep {
    /// ρ of a step.
    pub fn rho(self, from: &Level, to: &Level) -> Result<f64> {
        Ok(match self {
            Self::Rate(eta) => reverse_rho(from, to, check_eta(eta)?),
            Self::Ddim(eta) => ddim_rho(from, to, eta)?,
            // To the last bit: a rounding of ρ would be a draw of noise of that size.
            Self::Flow(0.0) => 1.0,
            Self::Flow(eta) => {
                let s = |level: &Level| level.sigma / (level.alpha + level.sigma);
                let down = s(to) * (1.0 + (s(to) / s(from) - 1.0) * eta);
                // σ_t = 0 keeps whatever it likes.
                if to.sigma == 0.0 { 1.0 } else { to.alpha * down / ((1.0 - down) * to.sigma) }
            }
            Self::Extended if to.sigma == 0.0 || from.alpha == 0.0 => 0.0,
            Self::Extended => {
                let (s, t) = (from.sigma_ve(), to.sigma_ve());
                extended(t) / extended(s) * (s / t)
            }
        })
    }

    /// The effective h/g of a step, for people.
    pub fn eta(self, from: &Level, to: &Level, rho: f64) -> Option<f64> {
        match self {
            Self::Rate(eta) => Some(eta),
            // The two meanings agree here, and the logarithm of a tiny ρ would lose digits.
            Self::Ddim(eta) if eta == 0.0 || eta == 1.0 => Some(eta),
            _ => effective_eta(from, to, rho),
        }
    }
}
