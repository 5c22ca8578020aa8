//! DPM-Solver-fast: as many evaluations as the grid has steps, on levels of its own.
//!
//! λ is divided evenly from the first level to the last noisy one. n evaluations make ⌊n/3⌋ + 1
//! parts: steps of DPM-Solver-3, then one step of order n mod 3. If 3 divides n, the last two parts
//! are one step of order 2 and one of order 1.
//!
//! Only the ends of the grid and its number of steps matter. If the grid ends at σ = 0, the last
//! evaluation is one Euler step there, because λ is infinite at σ = 0.
//!
//! Source: arXiv 2206.00927, §3.4; k-diffusion, whose η is DDIM's and takes the noise from the part
//! of a step above the last level.

use super::Method;
use super::draft::{Draft, Step};
use super::noise::Keep;
use super::stages::{DPM_SOLVER_2, DPM_SOLVER_3, EULER, follow};
use crate::error::{Error, Result};
use crate::math::{exp, ln};
use crate::moves::{Row, effective_eta};
use crate::plan::{Letter, Var};
use crate::process::Level;

/// DPM-Solver-fast.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fast {
    /// DDIM's η.
    pub(crate) eta: f64,
    /// A factor on the fresh noise.
    pub(crate) noise: f64,
}

/// Returns the orders of the steps that take `count` evaluations.
fn orders(count: usize) -> Vec<usize> {
    let mut orders = vec![3; count / 3];
    match count % 3 {
        0 => {
            orders.pop();
            orders.extend([2, 1]);
        }
        rest => orders.push(rest),
    }
    orders
}

impl Method for Fast {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let steps = &draft.steps()[draft.first()..];
        let (first, end) = (steps[0].from, steps[steps.len() - 1].to);
        let clean = end.sigma == 0.0;
        let last = if clean { steps[steps.len() - 1].from } else { end };
        let count = steps.len() - usize::from(clean);
        if first.alpha == 0.0 {
            return Err(Error::singular("λ has no beginning at pure noise")
                .at("dpm-fast")
                .hinting("start from a finite noise level"));
        }
        let mut x = draft.begin();
        if count > 0 {
            let orders = orders(count);
            let (top, bottom) = (ln(first.sigma_ve()), ln(last.sigma_ve()));
            let mut from = first;
            for (part, order) in orders.iter().enumerate() {
                let share = (part + 1) as f64 / orders.len() as f64;
                let to = if part + 1 == orders.len() {
                    last
                } else {
                    draft.process().level_at_sigma_ve(exp(top + share * (bottom - top)))?
                };
                // The ODE does not go below the last level.
                let kept = Keep::Ddim(self.eta).rho(&from, &to)? * to.sigma_ve();
                let rho = (kept.max(last.sigma_ve()) / to.sigma_ve()).min(1.0);
                let table = [EULER, DPM_SOLVER_2, DPM_SOLVER_3][order - 1];
                let mark = draft.mark();
                x = follow(draft, &table, x, &Step { from, to }, rho, self.noise)?.0;
                draft.note(Letter::R, effective_eta(&from, &to, rho), &from, &to, mark);
                from = to;
            }
        }
        if clean {
            x = self.to_the_end(draft, x, &last, &end)?;
        }
        Ok(x)
    }
}

impl Fast {
    fn to_the_end(&self, draft: &mut Draft<'_>, x: Var, from: &Level, to: &Level) -> Result<Var> {
        let mark = draft.mark();
        let denoised = draft.denoised(x, from)?;
        let x = draft.one_step(x, denoised, Row::new(from, to, 1.0));
        draft.note(Letter::R, Some(0.0), from, to, mark);
        Ok(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orders_use_up_the_evaluations() {
        assert_eq!(orders(1), [1]);
        assert_eq!(orders(2), [2]);
        assert_eq!(orders(3), [2, 1]);
        assert_eq!(orders(7), [3, 3, 1]);
        assert_eq!(orders(9), [3, 3, 2, 1]);
        for count in 1..40 {
            assert_eq!(orders(count).iter().sum::<usize>(), count);
            assert_eq!(orders(count).len(), count / 3 + 1);
        }
    }
}
