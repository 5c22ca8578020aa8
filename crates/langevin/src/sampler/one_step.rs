//! One row per step: $x' = a x + b D + c z$. These samplers differ in ρ, the share of the noise
//! that is kept.

use super::Method;
use super::draft::{Draft, Step};
use super::noise::Keep;
use crate::error::Result;
use crate::moves::{Row, decay};
use crate::plan::{Letter, Var};

/// The variance of the fresh noise.
///
/// ```
/// use langevin::sampler::noise::Keep;
/// use langevin::sampler::one_step::{OneStep, Variance};
/// use langevin::{Request, Sampler};
/// let is_clean = |variance| -> langevin::Result<bool> {
///     let method = OneStep { variance, ..OneStep::new(Keep::Ddim(1.0)) };
///     Ok(Request::new().with_sampler(Sampler::of("mine", method)).plan()?.lint()?.is_clean())
/// };
/// assert!(is_clean(Variance::Marginal)? && !is_clean(Variance::Forward)?);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variance {
    /// The part that the marginal lacks, σ_t²(1 − ρ²).
    Marginal,
    /// DDPM's `fixed_large`: the variance of the forward step, σ_s²(1 − e^{−2Δ}). A step to clean
    /// data adds no noise.
    Forward,
    /// The variance of the forward step, also in a step to clean data, unless that step starts from
    /// time 0.
    ForwardToTheEnd,
}

/// The one-step family.
///
/// ```
/// use langevin::sampler::noise::Keep;
/// use langevin::sampler::one_step::OneStep;
/// use langevin::{Request, Sampler};
/// let method = OneStep { noise: 0.9, ..OneStep::new(Keep::Ddim(1.0)) };
/// let plan = Request::new().with_sampler(Sampler::of("less noise", method)).plan()?;
/// // Less noise than the marginal has violates the variance rule.
/// assert!(!plan.lint()?.is_clean());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OneStep {
    /// The rule for ρ.
    pub keep: Keep,
    /// True if ε is computed from D before it is clipped, as in DDIM as published: ρσ_t ε + α_t D +
    /// c z.
    pub raw_noise: bool,
    /// The variance of the fresh noise.
    pub variance: Variance,
    /// A factor on the fresh noise.
    pub noise: f64,
}

impl OneStep {
    /// Returns the method with this rule for the noise, and all other options at their defaults.
    ///
    /// ```
    /// use langevin::plan::compare;
    /// use langevin::sampler::{noise::Keep, one_step::OneStep};
    /// use langevin::{Request, Sampler};
    /// let sampler = Sampler::of("mine", OneStep::new(Keep::Ddim(1.0)));
    /// let plan = Request::new().with_sampler(sampler).plan()?;
    /// assert!(compare(&plan, &Request::new().sampler("ddpm").plan()?)?.is_same(1e-12));
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Writes one step, as a move, and returns the state at its end.
    ///
    /// # Errors
    /// Returns an error if ρ does not exist for the step, or if the network's output does not
    /// determine D.
    pub fn step(&self, draft: &mut Draft<'_>, x: Var, step: &Step) -> Result<Var> {
        let (row, eta) = self.row(step)?;
        let mark = draft.mark();
        let x = if self.raw_noise && draft.correction().is_some() && step.from.sigma > 0.0 {
            let raw = draft.evaluate(x, &step.from)?;
            let clipped = draft.corrected(raw);
            // a·x − a α_s D_raw equals ρσ_t ε.
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
