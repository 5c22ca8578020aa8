//! Samplers by their names in k-diffusion and ComfyUI.

use crate::error::Result;
use crate::sampler::Sampler;

/// The sampler of this name.
///
/// # Errors
/// An unknown name.
pub fn sampler(name: &str, eta: Option<f64>) -> Result<Sampler> {
    Sampler::parse(name.trim_start_matches("sample_"), eta)
}
