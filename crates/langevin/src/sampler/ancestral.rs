//! Two values of D by the exact exponential integral, with ancestral noise. The ODE runs to
//! $(\alpha_t, \rho\sigma_t)$; fresh noise then fills the variance.
//!
//! $$x' = \frac{\rho\sigma_t}{\sigma_s} x +
//!   h\alpha_t[(\varphi_1 - b_2) D_0 + b_2 D_{-1}] + \sigma_t\sqrt{1-\rho^2} z, \qquad
//!   b_2 = \frac{\varphi_2}{c_2}, \quad \varphi_1 = \frac{1 - e^{-h}}{h}, \quad
//!   \varphi_2 = \frac{1 - \varphi_1}{h},$$
//!
//! Here h is the step in λ down to $\rho\sigma_t$, and $c_2 < 0$ is the place of the older value.
//! As published, that place is one step of the ODE back, which is the previous step without the
//! noise that followed it: $c_2 = -h_{-1}/h$.
//!
//! The value was found at $-\Delta_{-1}$, so this place may look wrong. It is right. D is a
//! martingale of the reverse SDE with h = g. In small steps of h/g = η, the mean of $D_0 - D_{-1}$
//! given the state is therefore $1+\eta^2$ times the change of D along the ODE over Δ. The ODE's
//! own step is $h = (1+\eta^2)\Delta$ long.
//!
//! At η = 1 the table is that of exponential Adams for the SDE. The integral of the SDE has
//! $c_2 = -\Delta_{-1}/\Delta$. Both places agree if all steps have one h/Δ.
//!
//! Source: arXiv 2308.02157 (the integral); ComfyUI (the place).

use super::Method;
use super::draft::Draft;
use super::form::{Form, Poly, Variable};
use super::multistep::Past;
use super::noise::Keep;
use crate::error::Result;
use crate::math::{co, ln, pow};
use crate::plan::{Letter, Var};
use crate::process::Level;

/// A multistep sampler of order 2 with ancestral noise.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ancestral {
    /// The rule for the share of the noise that is kept.
    pub(crate) keep: Keep,
    /// A factor on the fresh noise.
    pub(crate) noise: f64,
    /// True for c₂ = −Δ₋₁/Δ in place of −h₋₁/h.
    pub(crate) exact: bool,
}

impl Method for Ancestral {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let mut past = Past::default();
        // The noise level at which the last step of the ODE started, over the one at which it
        // ended, in σ/α.
        let mut stretch = 1.0;
        for (_, step) in draft.taken() {
            let (from, to) = (step.from, step.to);
            let mark = draft.mark();
            let rho = self.keep.rho(&from, &to)?;
            let down = Level { sigma: rho * to.sigma, ..to };
            let node = draft.value(Form::Data, x, &from)?;
            past.push(node);
            let alone = from.alpha == 0.0 || down.sigma == 0.0;
            let mut nodes = past.levels(if alone { 1 } else { past.len().min(2) });
            if let Some(older) = nodes.get_mut(1) {
                let back = if self.exact {
                    let (h, delta) = (ln(from.sigma_ve() / down.sigma_ve()), ln(from.sigma_ve() / to.sigma_ve()));
                    pow(older.sigma_ve() / from.sigma_ve(), h / delta)
                } else {
                    stretch
                };
                *older = Level { sigma: back * from.sigma, ..from };
            }
            let (a, b) = Poly::Exact(Variable::Lambda).weights(Form::Data, &from, &nodes, &down, (0.0, 1.0));
            let terms = past.terms(&b);
            x = draft.land(&to, (a, x), terms, to.sigma * co(rho) * self.noise);
            draft.note(Letter::R, self.keep.eta(&from, &to, rho), &from, &to, mark);
            stretch = from.sigma_ve() / down.sigma_ve();
            // After a step that keeps no noise there is no earlier step of the ODE.
            past.keep(usize::from(!alone));
        }
        Ok(x)
    }
}
