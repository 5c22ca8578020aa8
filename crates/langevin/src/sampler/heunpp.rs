//! Heun's rule with a third slope, which is evaluated one step further on.
//!
//! With y = σ/α and y₀ the noisiest level of the run,
//!
//! $$\hat x' = \hat x + (y_1 - y)[(1-w_1-w_2)\varepsilon +
//!   w_1\varepsilon_1 + w_2\varepsilon_2],\quad
//!   w_i = \frac{y_i}{3y_0},$$
//!
//! Here ε₁ is at the end of the step and ε₂ at the end of the next step, both reached by Euler. The
//! last step but one has no ε₂, and $w_1 = y_1/(2y_0)$. The last step is Euler.
//!
//! Source: ComfyUI ("heunpp2"), after arXiv 2206.00364.

use super::Method;
use super::draft::Draft;
use super::form::Form;
use crate::error::Result;
use crate::moves::Row;
use crate::plan::{Letter, Var};

/// Heun's rule with a third slope.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HeunPlus;

impl Method for HeunPlus {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let top = draft.steps()[0].from.sigma_ve();
        let steps = draft.steps();
        for (index, step) in draft.taken() {
            let (from, to) = (step.from, step.to);
            let mark = draft.mark();
            if to.sigma == 0.0 || from.alpha == 0.0 {
                let denoised = draft.denoised(x, &from)?;
                x = draft.one_step(x, denoised, Row::new(&from, &to, 1.0));
                draft.note(Letter::R, Some(0.0), &from, &to, mark);
                continue;
            }
            let (a, sum) = Form::Noise.whole(&from, &to);
            let mut values = vec![draft.value(Form::Noise, x, &from)?];
            let mut stage = draft.advance((a, x), [(sum, values[0].value)], 0.0);
            values.push(draft.value(Form::Noise, stage, &to)?);
            let further = steps.get(index + 1).map(|step| step.to).filter(|level| level.sigma > 0.0);
            if let Some(further) = further {
                let (a, sum) = Form::Noise.whole(&to, &further);
                stage = draft.advance((a, stage), [(sum, values[1].value)], 0.0);
                values.push(draft.value(Form::Noise, stage, &further)?);
            }
            let count = values.len() as f64;
            let mut weights: Vec<f64> = values.iter().map(|value| value.level.sigma_ve() / (count * top)).collect();
            weights[0] = 1.0 - weights[1..].iter().sum::<f64>();
            let terms: Vec<_> = weights.iter().zip(&values).map(|(w, value)| (sum * w, value.value)).collect();
            x = draft.advance((a, x), terms, 0.0);
            draft.note(Letter::R, Some(0.0), &from, &to, mark);
        }
        Ok(x)
    }
}
