//! Inversion: from data to the noise from which the ODE leads back to the data.

use super::Method;
use super::draft::Draft;
use super::multistep::Multistep;
use crate::error::Result;
use crate::moves::Row;
use crate::plan::{Letter, Var};

/// DDIM's ODE from data to noise: the forward move without noise (k = 0).
///
/// It starts from the input `init`, which is clean data scaled to the cleanest level. Source: arXiv
/// 2010.02502, §4.3.
///
/// ```
/// use langevin::sampler::inverse::Inversion;
/// use langevin::{Request, Sampler, plan::Letter};
/// let plan = Request::new().with_sampler(Sampler::of("invert", Inversion)).steps(5).plan()?;
/// assert_eq!(plan.inputs()[0].name, "init");
/// assert!(plan.moves().iter().all(|step| step.letter == Letter::F));
/// # Ok::<(), langevin::Error>(())
/// ```
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

/// A multistep ODE solver from data to noise.
///
/// ```
/// use langevin::sampler::form::{Form, Poly, Variable};
/// use langevin::sampler::inverse::MultistepInversion;
/// use langevin::sampler::multistep::Multistep;
/// use langevin::{Request, Sampler};
/// let method = Multistep::new(Form::Data, Poly::Exact(Variable::Lambda), 2);
/// let sampler = Sampler::of("invert", MultistepInversion(method));
/// assert!(sampler.rises());
/// assert!(Request::new().with_sampler(sampler).steps(5).plan()?.lint()?.is_clean());
/// # Ok::<(), langevin::Error>(())
/// ```
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
