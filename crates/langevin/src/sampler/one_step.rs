//! One row a step: $x' = a x + b D + c z$. What tells these samplers apart is ρ, the share of the noise that is kept.

use super::Method;
use super::draft::{Draft, Step};
use super::noise::Keep;
use crate::error::Result;
use crate::moves::{Row, decay};
use crate::plan::{Letter, Var};

/// The variance of fresh noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variance {
    /// What the marginal lacks, σ_t²(1 − ρ²).
    Marginal,
    /// DDPM's `fixed_large`: the forward step's, σ_s²(1 − e^{−2Δ}); none in a step to clean data.
    Forward,
    /// The same, in a step to clean data too unless it starts from time 0.
    ForwardToTheEnd,
}

/// The one-step family.
#[derive(Clone, Debug, PartialEq)]
pub struct OneStep {
    /// The rule for ρ.
    pub keep: Keep,
    /// ε from the D before it was clipped (DDIM as published): ρσ_t ε + α_t D + c z.
    pub raw_noise: bool,
    /// Whose variance the fresh noise has.
    pub variance: Variance,
    /// A factor on fresh noise.
    pub noise: f64,
}

impl OneStep {
    /// Returns the method with this rule for the noise, and no other option.
    #[must_use]
    pub fn new(keep: Keep) -> Self {
        Self { keep, raw_noise: false, variance: Variance::Marginal, noise: 1.0 }
    }

    fn row(&self, step: &Step) -> Result<(Row, Option<f64>)> {
        let Step { from, to } = step;
        let rho = self.keep.rho(from, to)?;
        let mut row = Row::new(from, to, rho);
        let forward = match self.variance {
            Variance::Marginal => false,
            Variance::Forward => to.sigma > 0.0,
            Variance::ForwardToTheEnd => to.sigma > 0.0 || from.time > 0.0,
        };
        if forward {
            row.c = from.sigma * crate::math::co(decay(from, to));
        }
        row.c *= self.noise;
        Ok((row, self.keep.eta(from, to, rho)))
    }

    /// One step of a run, as a move.
    pub fn step(&self, draft: &mut Draft<'_>, x: Var, step: &Step) -> Result<Var> {
        let (row, eta) = self.row(step)?;
        let mark = draft.mark();
        let x = if self.raw_noise && draft.correction().is_some() && step.from.sigma > 0.0 {
            let raw = draft.evaluate(x, &step.from)?;
            let clipped = draft.corrected(raw);
            // a·x − a α_s D_raw is ρσ_t ε.
            let terms = [(-row.a * step.from.alpha, raw), (step.to.alpha, clipped)];
            draft.advance((row.a, x), terms, row.c)
        } else {
            let denoised = draft.denoised(x, &step.from)?;
            draft.land(&step.to, (row.a, x), [(row.b, denoised)], row.c)
        };
        draft.note(Letter::R, eta, &step.from, &step.to, mark);
        Ok(x)
    }
}

impl Method for OneStep {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            x = self.step(draft, x, &step)?;
        }
        Ok(x)
    }
}
