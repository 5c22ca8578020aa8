//! Two values of D by the exact exponential integral, with ancestral noise: the ODE to $(\alpha_t, \rho\sigma_t)$, then noise.
//!
//! $$x' = \frac{\rho\sigma_t}{\sigma_s} x + h\alpha_t[(\varphi_1 - b_2) D_0 + b_2 D_{-1}] + \sigma_t\sqrt{1-\rho^2} z, \qquad
//!   b_2 = \frac{\varphi_2}{c_2}, \quad \varphi_1 = \frac{1 - e^{-h}}{h}, \quad \varphi_2 = \frac{1 - \varphi_1}{h},$$
//!
//! h the step in λ down to $\rho\sigma_t$, and $c_2 < 0$ the place of the older value. As published it stands one step of the ODE back, the step before without the noise that
//! followed: $c_2 = -h_{-1}/h$. That looks odd, for the value was found at $-\Delta_{-1}$, but it is right. D is a martingale of the reverse SDE with h = g; from that, in small steps of h/g = η, the mean
//! of $D_0 - D_{-1}$ with the state given is $1+\eta^2$ times the change of D along the ODE over Δ, and the ODE's own step is $h = (1+\eta^2)\Delta$ long.
//! At η = 1 the table is that of exponential Adams of the SDE. The integral of the SDE has $c_2 = -\Delta_{-1}/\Delta$, which is the same where all steps have one h/Δ.
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
    /// What is kept of the noise.
    pub(crate) keep: Keep,
    /// A factor on fresh noise.
    pub(crate) noise: f64,
    /// c₂ = −Δ₋₁/Δ, in place of −h₋₁/h.
    pub(crate) exact: bool,
}

impl Method for Ancestral {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let mut past = Past::default();
        // How many times the noise of its end, in σ/α, the last step of the ODE started from.
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
            // After a step that kept no noise there is no step of the ODE to look back along.
            past.keep(usize::from(!alone));
        }
        Ok(x)
    }
}
