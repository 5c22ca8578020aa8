//! Inversion: from data to the noise that the ODE leads back to the data.

use super::draft::Draft;
use super::multistep::Multistep;
use super::{Method, PlanOf};
use crate::moves::Row;
use crate::plan::Letter;

/// DDIM's ODE walked upwards: the forward move with no noise (k = 0). It starts from the input `init`, clean data scaled to the cleanest level.
///
/// Source: arXiv 2010.02502, §4.3.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inversion;

impl Method for Inversion {
    fn rises(&self) -> bool {
        true
    }

    fn compile(&self, mut draft: Draft<'_>) -> PlanOf {
        let x = draft.begin();
        for (_, step) in draft.taken() {
            let mark = draft.builder.mark();
            let denoised = draft.denoised(x, &step.from)?;
            draft.one_step(x, denoised, Row::new(&step.from, &step.to, 1.0));
            draft.builder.free(denoised);
            draft.builder.note(Letter::F, None, &step.from, &step.to, mark);
        }
        draft.finish(x)
    }
}

/// A multistep ODE solver walked upwards.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MultistepInversion(pub(crate) Multistep);

impl Method for MultistepInversion {
    fn rises(&self) -> bool {
        true
    }

    fn compile(&self, draft: Draft<'_>) -> PlanOf {
        self.0.walk(draft, Letter::F, &|from, nodes, to| self.0.weigh(from, nodes, to))
    }
}
