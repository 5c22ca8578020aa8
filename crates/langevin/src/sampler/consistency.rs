//! Samplers for distilled networks, which jump to the data and add noise again.

use super::Method;
use super::draft::Draft;
use crate::error::Result;
use crate::moves::Row;
use crate::plan::{Letter, Var};
use crate::process::Level;

/// The boundary condition of a consistency model: f = c_skip x + c_out D.
///
/// With y = scaling × time, c_skip = σ_d²/(y² + σ_d²) and c_out = y/√(y² + σ_d²).
///
/// ```
/// use langevin::sampler::consistency::{Boundary, Consistency};
/// use langevin::{Process, Request, Sampler};
/// let boundary = Some(Boundary { sigma_data: 0.5, scaling: 10.0 });
/// let method = Consistency { boundary, ..Consistency::default() };
/// let request = Request::new().with_sampler(Sampler::of("bounded", method)).steps(4);
/// // c_skip ≠ 0 violates the marginals.
/// assert!(!request.process(Process::vp()).plan()?.lint()?.is_clean());
/// # Ok::<(), langevin::Error>(())
/// ```
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

/// LCM: x' = α_t f + σ_t z. Source: arXiv 2310.04378.
///
/// With a floor, the noise is added from that level upwards. Source: arXiv 2303.01469.
///
/// ```
/// use langevin::sampler::consistency::Consistency;
/// use langevin::{Request, Sampler};
/// let request = Request::new().with_sampler(Sampler::of("jumps", Consistency::default()));
/// let plan = request.steps(4).plan()?;
/// assert!(plan.lint()?.is_clean());
/// assert_eq!(plan.draws(), 4); // the start, and every step but the last
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consistency {
    /// The boundary condition. `None` for f = D.
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

/// TCD: a step without noise to an earlier time s = (1 − γ)t, then forward to t. Source: arXiv
/// 2402.19159.
///
/// ```
/// use langevin::sampler::consistency::Trajectory;
/// use langevin::{Request, Sampler, plan::Letter};
/// let sampler = Sampler::of("tcd", Trajectory { gamma: 0.3 });
/// let plan = Request::new().with_sampler(sampler).steps(2).plan()?;
/// let letters: Vec<Letter> = plan.moves().iter().map(|step| step.letter).collect();
/// assert_eq!(letters, [Letter::R, Letter::F, Letter::R]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// γ: the distance of the jump beyond the next time, as a share of the way back to the data.
    pub gamma: f64,
}

impl Trajectory {
    /// Returns the level at (1 − γ) of the way from clean data to `to`, in time. On a table it is a
    /// whole index.
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
