//! CFG++: a step keeps guided data, and the noise of the unconditional branch.
//!
//! $$D_g = D_u + w (D_c - D_u), \qquad
//!   x' = \alpha_t D_g + \rho\sigma_t \varepsilon_u + \sigma_t\sqrt{1-\rho^2} z, \qquad
//!   \varepsilon_u = (x - \alpha_s D_u)/\sigma_s .$$
//!
//! This is the step of the unconditional branch, plus $\alpha_t w (D_c - D_u)$. The same reading
//! works for every sampler. All values, past ones included, are those of $D_u$. The sum at the
//! newest evaluation is added to each state that is made: to stages as well as to the ends of
//! steps.
//!
//! If both branches are equal, the result is the plain sampler. If w = 0, it is the plain sampler
//! of the unconditional branch. The mean and the variance of every state are those of the plain
//! sampler.
//!
//! The sum does not shrink with the step. In the sense of classifier-free guidance, one step has
//! the weight $w \alpha_t/(\alpha_t - a\alpha_s)$, so more steps guide more.
//!
//! Source: arXiv 2406.08070, algorithm 2, which has the one-step sampler.

use super::Method;
use super::draft::{Draft, Plus};
use crate::error::{Error, Result};
use crate::plan::Var;

/// A sampler with CFG++. Its method must make its states by [`Draft::land`].
#[derive(Debug)]
pub(crate) struct PlusPlus<M> {
    /// w, in [0, 1] as published.
    pub(crate) weight: f64,
    pub(crate) method: M,
}

impl<M: Method> Method for PlusPlus<M> {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        if draft.guidance.is_some() || draft.correction().is_some() {
            return Err(Error::argument("a sampler that guides by itself takes no other guidance and no clamp")
                .at("CFG++")
                .hinting("use its option guidance, or guide another sampler"));
        }
        draft.plus = Some(Plus::new(self.weight));
        self.method.write(draft)
    }
}

#[cfg(test)]
mod tests;
