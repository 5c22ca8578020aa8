//! Align Your Steps: noise levels optimised for one model family. Source: Sabour et al., arXiv
//! 2404.14507, as published (ten steps, three decimals).

use crate::math::{exp, ln};

/// Half a unit in the last published decimal.
pub(super) const ROUNDING: f64 = 5e-4;

/// The model families with published levels.
///
/// ```
/// use langevin::grid::Ays;
/// use langevin::Grid;
/// assert_eq!(Grid::parse("ays:sdxl", Some(8))?, Grid::ays(8, Ays::StableDiffusionXl));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ays {
    /// Stable Diffusion 1.5.
    StableDiffusion,
    /// Stable Diffusion XL.
    StableDiffusionXl,
    /// Stable Video Diffusion.
    StableVideoDiffusion,
}

impl Ays {
    /// The names that follow `ays:`.
    pub(super) const NAMES: [&str; 3] = ["sd", "sdxl", "svd"];

    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "sd" => Some(Self::StableDiffusion),
            "sdxl" => Some(Self::StableDiffusionXl),
            "svd" => Some(Self::StableVideoDiffusion),
            _ => None,
        }
    }

    /// Returns the published σ/α: eleven levels, of which a run to clean data replaces the last
    /// by 0.
    fn published(self) -> [f64; 11] {
        match self {
            Self::StableDiffusion => [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029],
            Self::StableDiffusionXl => [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029],
            Self::StableVideoDiffusion => [700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002],
        }
    }

    /// Returns level i of 0 … `steps`. ln σ is linear in the position between the published levels.
    pub(super) fn sigma(self, i: usize, steps: usize) -> f64 {
        let published = self.published();
        let (left, rest) = (10 * i / steps, 10 * i % steps);
        if rest == 0 {
            return published[left];
        }
        let share = rest as f64 / steps as f64;
        exp(ln(published[left]) + share * (ln(published[left + 1]) - ln(published[left])))
    }
}
