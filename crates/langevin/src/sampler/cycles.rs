//! Samplers with other moves than reverse ones: restart, RePaint, predictor–corrector and annealed
//! Langevin.

use super::Method;
use super::draft::{Draft, Start, Step};
use super::noise::Keep;
use super::stages::{Table, follow};
use crate::error::{Error, Result};
use crate::math::exp;
use crate::moves::Row;
use crate::plan::{Letter, Var};
use crate::process::Level;
use crate::space::Map;

/// Writes a reverse step of a table of stages, or one DDIM step if the table cannot be used.
fn reverse(draft: &mut Draft<'_>, table: &Table, x: Var, step: &Step) -> Result<Var> {
    let mark = draft.mark();
    let x = if step.from.alpha == 0.0 || step.to.sigma == 0.0 {
        let denoised = draft.denoised(x, &step.from)?;
        draft.one_step(x, denoised, Row::new(&step.from, &step.to, 1.0))
    } else {
        follow(draft, table, x, step, 1.0, 1.0)?.0
    };
    draft.note(Letter::R, Some(0.0), &step.from, &step.to, mark);
    Ok(x)
}

/// Restart. Once the ODE has come down to `lower`, noise raises the state to `upper` and the ODE
/// comes down again, `repeats` times. Source: arXiv 2306.14878.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Restart {
    pub(crate) table: Table,
    /// The ends of the interval, in σ/α.
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) repeats: usize,
}

impl Method for Restart {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let steps: Vec<(usize, Step)> = draft.taken().collect();
        // The first step that ends at or below the interval, and the first step that starts inside
        // it.
        let end = steps.iter().position(|(_, step)| step.to.sigma_ve() <= self.lower && step.to.sigma > 0.0);
        let top = steps.iter().position(|(_, step)| step.from.sigma_ve() <= self.upper);
        let (Some(end), Some(top)) = (end, top) else {
            return Err(Error::argument("the grid has no room for the restart")
                .at("sampler 'restart'")
                .expected("noisy levels at both ends of the interval")
                .got(format!("lower={}, upper={}", self.lower, self.upper)));
        };
        if top > end {
            return Err(Error::argument("the restart would go nowhere")
                .at("sampler 'restart'")
                .expected("a level of the grid between lower and upper")
                .got(format!("lower={}, upper={}", self.lower, self.upper))
                .hinting("take more steps, or a wider interval"));
        }
        for (number, (_, step)) in steps.iter().enumerate() {
            x = reverse(draft, &self.table, x, step)?;
            if number != end {
                continue;
            }
            for _ in 0..self.repeats {
                x = draft.forward(x, &step.to, &steps[top].1.from, 1.0);
                for (_, again) in &steps[top..=end] {
                    x = reverse(draft, &self.table, x, again)?;
                }
            }
        }
        Ok(x)
    }
}

/// RePaint. Each block of `jump` steps is walked `samples` times, with noise in between. After each
/// step the known part of the image is inserted, noised to the level.
///
/// Inputs: `image` and `mask` (1 where the image is known). Source: arXiv 2201.09865, algorithm 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RePaint {
    pub(crate) keep: Keep,
    pub(crate) jump: usize,
    pub(crate) samples: usize,
}

impl RePaint {
    /// Writes x ← mask·(α image + σ z) + (1 − mask)·x.
    fn merge(draft: &mut Draft<'_>, x: Var, [image, mask]: [Var; 2], level: &Level) -> Var {
        let noise = draft.fresh(level.sigma);
        let known = draft.combine([(level.alpha, image), (-1.0, x)], noise);
        let kept = draft.map(Map::Mul, [known, mask]);
        draft.combine([(1.0, x), (1.0, kept)], [])
    }
}

impl Method for RePaint {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        if draft.start() == Start::Image {
            return Err(Error::argument("repaint has its image already").hinting("start from noise or from a state"));
        }
        let inputs = [draft.input("image"), draft.input("mask")];
        let mut x = draft.begin();
        let steps: Vec<Step> = draft.taken().map(|(_, step)| step).collect();
        for block in steps.chunks(self.jump.max(1)) {
            for round in 0..self.samples.max(1) {
                // The last block ends at clean data, from which only noise leads back. It is walked
                // as often as the others.
                if round > 0 {
                    let (low, high) = (block[block.len() - 1].to, block[0].from);
                    x = draft.forward(x, &low, &high, 1.0);
                }
                for step in block {
                    let mark = draft.mark();
                    let rho = self.keep.rho(&step.from, &step.to)?;
                    let denoised = draft.denoised(x, &step.from)?;
                    x = draft.one_step(x, denoised, Row::new(&step.from, &step.to, rho));
                    x = Self::merge(draft, x, inputs, &step.to);
                    draft.note(Letter::R, self.keep.eta(&step.from, &step.to, rho), &step.from, &step.to, mark);
                }
            }
        }
        Ok(x)
    }
}

/// The rule for a Langevin step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stepping {
    /// ρ = e^{−k}, which keeps the marginal if D is constant.
    Exact,
    /// Euler–Maruyama ("unadjusted"): a = 1 − k, b = αk, c = σ√(2k). It leaves the marginal by
    /// O(k²).
    Euler,
}

/// Writes one Langevin move of k = Λδ/σ² at a level.
fn langevin(draft: &mut Draft<'_>, x: Var, level: &Level, k: f64, stepping: Stepping) -> Result<Var> {
    let mark = draft.mark();
    let denoised = draft.denoised(x, level)?;
    let x = match stepping {
        Stepping::Exact => draft.one_step(x, denoised, Row::new(level, level, exp(-k))),
        Stepping::Euler => draft.advance((1.0 - k, x), [(level.alpha * k, denoised)], level.sigma * (2.0 * k).sqrt()),
    };
    draft.note(Letter::L, None, level, level, mark);
    Ok(x)
}

/// A reverse step, followed by Langevin moves at the level it reaches. Source: arXiv 2011.13456,
/// algorithm 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PredictorCorrector {
    pub(crate) keep: Keep,
    pub(crate) corrections: usize,
    pub(crate) k: f64,
    pub(crate) stepping: Stepping,
}

impl Method for PredictorCorrector {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            let mark = draft.mark();
            let rho = self.keep.rho(&step.from, &step.to)?;
            let denoised = draft.denoised(x, &step.from)?;
            x = draft.one_step(x, denoised, Row::new(&step.from, &step.to, rho));
            draft.note(Letter::R, self.keep.eta(&step.from, &step.to, rho), &step.from, &step.to, mark);
            let corrections = if step.to.sigma > 0.0 { self.corrections } else { 0 };
            for _ in 0..corrections {
                x = langevin(draft, x, &step.to, self.k, self.stepping)?;
            }
        }
        Ok(x)
    }
}

/// Annealed Langevin. After the moves at one level, the state is taken as a state of the next
/// level; only its coordinates change. Source: arXiv 1907.05600.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Annealed {
    pub(crate) corrections: usize,
    pub(crate) k: f64,
    pub(crate) stepping: Stepping,
}

impl Method for Annealed {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            for _ in 0..self.corrections {
                x = langevin(draft, x, &step.from, self.k, self.stepping)?;
            }
            if step.to.sigma == 0.0 {
                // The end is the denoised state.
                let mark = draft.mark();
                let denoised = draft.denoised(x, &step.from)?;
                x = draft.one_step(x, denoised, Row::new(&step.from, &step.to, 1.0));
                draft.note(Letter::R, Some(0.0), &step.from, &step.to, mark);
            } else if step.from.alpha > 0.0 && step.to.alpha != step.from.alpha {
                // In VE coordinates nothing is done: x/α stays.
                x = draft.advance((step.to.alpha / step.from.alpha, x), [], 0.0);
            }
        }
        Ok(x)
    }
}
