//! Samplers for distilled networks, which jump to the data and add noise again.

use super::Method;
use super::draft::Draft;
use crate::error::Result;
use crate::moves::Row;
use crate::plan::{Letter, Var};
use crate::process::Level;

/// The boundary condition of a consistency model, f = c_skip x + c_out D with c_skip = σ_d²/(y² + σ_d²), c_out = y/√(y² + σ_d²), y = scaling × time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boundary {
    /// σ_d, the standard deviation of the data.
    pub sigma_data: f64,
    /// The factor of the time.
    pub scaling: f64,
}

impl Boundary {
    fn at(&self, level: &Level) -> (f64, f64) {
        let (y, power) = (level.time * self.scaling, self.sigma_data * self.sigma_data);
        let norm = y * y + power;
        (power / norm, y / norm.sqrt())
    }
}

/// LCM: x' = α_t f + σ_t z. Source: arXiv 2310.04378. With a floor, the noise is up from there: arXiv 2303.01469.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consistency {
    /// `None`: f = D.
    pub boundary: Option<Boundary>,
    /// The noise level, in σ/α, that counts as clean.
    pub floor: f64,
}

impl Method for Consistency {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            let mark = draft.mark();
            let (skip, out) = self.boundary.map_or((0.0, 1.0), |boundary| boundary.at(&step.from));
            let denoised = draft.denoised(x, &step.from)?;
            let (level, floor) = (step.to.sigma_ve(), self.floor.min(step.to.sigma_ve()));
            let fresh = if self.floor == 0.0 {
                step.to.sigma
            } else {
                step.to.alpha * ((level - floor) * (level + floor)).sqrt()
            };
            x = draft.advance((step.to.alpha * skip, x), [(step.to.alpha * out, denoised)], fresh);
            draft.note(Letter::R, None, &step.from, &step.to, mark);
        }
        Ok(x)
    }
}

/// TCD: with no noise to an earlier time s = (1 − γ)t, then forward to t. Source: arXiv 2402.19159.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// γ: the share of the way back to the data that is jumped beyond the next time.
    pub gamma: f64,
}

impl Trajectory {
    /// (1 − γ) of the way from clean data to `to` in time; whole indices on a table.
    fn stop(&self, draft: &Draft<'_>, to: &Level) -> Result<Level> {
        let time = (1.0 - self.gamma) * to.time;
        let table = matches!(draft.process().spec(), crate::process::ProcessSpec::Tabulated { .. });
        draft.process().level(if table { time.floor() } else { time })
    }
}

impl Method for Trajectory {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (index, step) in draft.taken() {
            let mark = draft.mark();
            let last = index + 1 == draft.steps().len();
            let stop = if last || self.gamma == 0.0 { step.to } else { self.stop(draft, &step.to)? };
            let denoised = draft.denoised(x, &step.from)?;
            x = draft.one_step(x, denoised, Row::new(&step.from, &stop, 1.0));
            draft.note(Letter::R, Some(0.0), &step.from, &stop, mark);
            if stop != step.to {
                x = draft.forward(x, &stop, &step.to, 1.0);
            }
        }
        Ok(x)
    }
}
