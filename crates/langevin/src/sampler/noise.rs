//! The share ρ of the old noise that a reverse step keeps, by several rules.

use crate::error::Result;
use crate::math::pow;
use crate::moves::{check_eta, ddim_rho, effective_eta, reverse_rho};
use crate::process::Level;

/// The rule for ρ.
///
/// ```
/// use langevin::Process;
/// use langevin::sampler::noise::Keep;
/// let ve = Process::ve();
/// let (from, to) = (ve.level(2.0)?, ve.level(1.0)?);
/// // e^{−Δ} = ½. The two meanings of η agree at 1, and differ at ½.
/// assert_eq!(Keep::Rate(1.0).rho(&from, &to)?, 0.5);
/// assert!((Keep::Ddim(1.0).rho(&from, &to)? - 0.5).abs() < 1e-15);
/// assert!((Keep::Rate(0.5).rho(&from, &to)? - 0.5_f64.powf(0.25)).abs() < 1e-15);
/// assert!((Keep::Ddim(0.5).rho(&from, &to)? - (1.0 - 0.25 * 0.75_f64).sqrt()).abs() < 1e-15);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// Constant h/g: ρ = e^{−η²Δ}.
    Rate(f64),
    /// DDIM's η: ρ² = 1 − η²(1 − e^{−2Δ}). The "ancestral" η of k-diffusion is the same.
    Ddim(f64),
    /// The ancestral η of flows: s_down = s_t(1 + (s_t/s_s − 1)η), ρ = α_t σ_down/(α_down σ_t).
    Flow(f64),
    /// The extended reverse SDE: ρ = φ(σ_t/α_t)/φ(σ_s/α_s) e^Δ with φ(y) = y (e^{y^0.3} + 10).
    Extended,
}

/// Returns φ of the extended reverse SDE, y (e^{y^0.3} + 10), at y = `sigma_ve`. Source: arXiv
/// 2309.06169, ER-SDE 5.
///
/// ```
/// use langevin::sampler::noise::extended;
/// assert!((extended(1.0) - (std::f64::consts::E + 10.0)).abs() < 1e-12);
/// ```
pub fn extended(sigma_ve: f64) -> f64 {
    sigma_ve * (crate::math::exp(pow(sigma_ve, 0.3)) + 10.0)
}

impl Keep {
    /// Returns ρ of a step.
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::sampler::noise::Keep;
    /// let ve = Process::ve();
    /// let (from, to) = (ve.level(2.0)?, ve.level(1.0)?);
    /// assert_eq!(Keep::Rate(0.0).rho(&from, &to)?, 1.0); // the ODE keeps all noise
    /// assert!(Keep::Rate(-1.0).rho(&from, &to).is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if η is negative or not finite, or if DDIM's η is too large for the step.
    pub fn rho(self, from: &Level, to: &Level) -> Result<f64> {
        Ok(match self {
            Self::Rate(eta) => reverse_rho(from, to, check_eta(eta)?),
            Self::Ddim(eta) => ddim_rho(from, to, eta)?,
            // Exactly 1: any rounding of ρ would become a noise draw of that size.
            Self::Flow(0.0) => 1.0,
            Self::Flow(eta) => {
                let s = |level: &Level| level.sigma / (level.alpha + level.sigma);
                let down = s(to) * (1.0 + (s(to) / s(from) - 1.0) * eta);
                // At σ_t = 0 no noise is left, so ρ has no effect.
                if to.sigma == 0.0 { 1.0 } else { to.alpha * down / ((1.0 - down) * to.sigma) }
            }
            Self::Extended if to.sigma == 0.0 || from.alpha == 0.0 => 0.0,
            Self::Extended => {
                let (s, t) = (from.sigma_ve(), to.sigma_ve());
                extended(t) / extended(s) * (s / t)
            }
        })
    }

    /// Returns the effective h/g of a step, or `None` if no single number describes it.
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::sampler::noise::Keep;
    /// let ve = Process::ve();
    /// let (from, to) = (ve.level(2.0)?, ve.level(1.0)?);
    /// let keep = Keep::Ddim(0.5);
    /// let eta = keep.eta(&from, &to, keep.rho(&from, &to)?).expect("finite");
    /// // ρ = e^{−η²Δ} with the effective η.
    /// assert!(((-eta * eta * 2.0_f64.ln()).exp() - keep.rho(&from, &to)?).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn eta(self, from: &Level, to: &Level, rho: f64) -> Option<f64> {
        match self {
            Self::Rate(eta) => Some(eta),
            // Both meanings of η agree at 0 and 1, and the logarithm of a tiny ρ would lose digits.
            Self::Ddim(eta) if eta == 0.0 || eta == 1.0 => Some(eta),
            _ => effective_eta(from, to, rho),
        }
    }
}
