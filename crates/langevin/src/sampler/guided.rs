//! CFG++: the data that a step keeps is guided, and the noise is the unconditional branch's.
//!
//! $$D_g = D_u + w (D_c - D_u), \qquad x' = \alpha_t D_g + \rho\sigma_t \varepsilon_u + \sigma_t\sqrt{1-\rho^2} z, \qquad \varepsilon_u = (x - \alpha_s D_u)/\sigma_s .$$
//!
//! That is the step of the unconditional branch, with $\alpha_t w (D_c - D_u)$ added to the state that it makes. So it is read for every sampler: the values, past ones
//! too, are those of $D_u$, and each state that is made, a stage as well as the end of a step, has this sum of the newest evaluation added.
//! Equal branches give the plain sampler, w = 0 the plain sampler of the unconditional branch; the mean and the variance of every state are the plain ones.
//!
//! The sum does not shrink with the step: one step has the weight $w \alpha_t/(\alpha_t - a\alpha_s)$ in the sense of classifier-free guidance, and so more steps guide more.
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
