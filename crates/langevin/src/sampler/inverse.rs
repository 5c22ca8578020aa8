//! Inversion: from data to the noise that the ODE leads back to the data.

use super::Method;
use super::draft::Draft;
use super::multistep::Multistep;
use crate::error::Result;
use crate::moves::Row;
use crate::plan::{Letter, Var};

/// DDIM's ODE walked upwards: the forward move with no noise (k = 0). It starts from the input `init`, clean data scaled to the cleanest level.
///
/// Source: arXiv 2010.02502, §4.3.
#[derive(Clone, Debug, PartialEq)]
pub struct Inversion;

impl Method for Inversion {
    fn rises(&self) -> bool {
        true
    }

    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            let mark = draft.mark();
            let denoised = draft.denoised(x, &step.from)?;
            x = draft.one_step(x, denoised, Row::new(&step.from, &step.to, 1.0));
            draft.note(Letter::F, None, &step.from, &step.to, mark);
        }
        Ok(x)
    }
}

/// A multistep ODE solver walked upwards.
#[derive(Clone, Debug, PartialEq)]
pub struct MultistepInversion(pub Multistep);

impl Method for MultistepInversion {
    fn rises(&self) -> bool {
        true
    }

    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        self.0.walk(draft, Letter::F, &|from, nodes, to| self.0.weigh(from, nodes, to))
    }
}
