//! CFG++: guidance interpolates what is kept of the data, and the noise is the unconditional branch's.
//!
//! $$D_g = D_u + w (D_c - D_u), \qquad x' = \alpha_t D_g + \rho\sigma_t \varepsilon_u + \sigma_t\sqrt{1-\rho^2} z, \qquad \varepsilon_u = (x - \alpha_s D_u)/\sigma_s .$$
//!
//! Source: arXiv 2406.08070, algorithm 2.

use super::draft::Draft;
use super::noise::Keep;
use super::{Method, PlanOf};
use crate::error::Error;
use crate::moves::Row;
use crate::plan::Letter;

/// DDIM(η) with CFG++.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlusPlus {
    pub(crate) keep: Keep,
    /// w, in [0, 1] as published.
    pub(crate) weight: f64,
}

impl Method for PlusPlus {
    fn compile(&self, mut draft: Draft<'_>) -> PlanOf {
        if draft.guidance.is_some() || draft.clip.is_some() {
            return Err(Error::argument("a sampler that guides by itself takes no other guidance and no clamp")
                .at("CFG++")
                .hinting("use its option guidance, or guide another sampler"));
        }
        let x = draft.begin();
        for (_, step) in draft.taken() {
            let mark = draft.builder.mark();
            let rho = self.keep.rho(&step.from, &step.to)?;
            let row = Row::new(&step.from, &step.to, rho);
            let [main, plain] = draft.builder.eval_pair(x, &step.from)?;
            let terms = [
                (step.to.alpha * self.weight, main),
                (step.to.alpha * (1.0 - self.weight) - row.a * step.from.alpha, plain),
            ];
            draft.advance(x, (row.a, x), terms, row.c);
            draft.builder.free(plain);
            draft.builder.free(main);
            draft.builder.note(Letter::R, self.keep.eta(&step.from, &step.to, rho), &step.from, &step.to, mark);
        }
        draft.finish(x)
    }
}
