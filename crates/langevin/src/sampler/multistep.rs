//! Multistep samplers: one evaluation a step, and the values of the steps before.
//!
//! With nodes $u_k = (\lambda_k - \lambda_s)/\Delta$ (the newest at 0, older ones below) and $\Delta' = (1+\eta^2)\Delta$ the exponential Adams method is
//!
//! $$x_t = a x_s + \sum_k b_k D_k + c z, \quad b_k = \alpha_t\int_0^1 \Delta' e^{-\Delta'(1-u)} \ell_k(u) du, \quad a = \rho\sigma_t/\sigma_s,\ \rho = e^{-\eta^2\Delta}.$$
//!
//! Exact for D polynomial in λ, on every process and every η; $\sum_k b_k = \alpha_t - a \alpha_s$. The others spread the same sum otherwise, or over another
//! value: see [`Poly`] and [`Form`]. Source: arXiv 2211.01095, 2309.05019 (data), 2206.00927, 2204.13902 (noise), 2202.09778 (even steps).

use super::Method;
use super::draft::{Draft, Node};
use super::form::{Form, Poly, Variable};
use super::stages::{Table, follow};
use crate::error::Result;
use crate::moves::{Row, check_eta, reverse_rho};
use crate::plan::{Letter, Var};
use crate::process::Level;

/// Where a multistep sampler takes fewer values than it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Orders 2, 1 in the last two steps of a run of fewer than 15.
    pub lower: bool,
    /// Order 1 in the last step.
    pub euler: bool,
}

impl Ending {
    /// The largest order of step `index` of `count`.
    pub fn order(self, index: usize, count: usize) -> usize {
        let left = count - index;
        match left {
            1 if self.euler => 1,
            _ if self.lower && count < 15 => left,
            _ => usize::MAX,
        }
    }
}

/// A multistep sampler.
#[derive(Clone, Debug, PartialEq)]
pub struct Multistep {
    /// What is kept of the past.
    pub form: Form,
    /// How a step's sum is spread over it.
    pub poly: Poly,
    /// The most values used.
    pub order: usize,
    /// h/g.
    pub eta: f64,
    /// Fewer values at the end.
    pub ending: Ending,
    /// A factor on fresh noise.
    pub noise: f64,
    /// The first steps by a table of stages, in place of fewer values: how many, and the table.
    pub warm: Option<(usize, Table)>,
}

impl Multistep {
    /// Returns the method with h/g = 0, and no other option.
    #[must_use]
    pub fn new(form: Form, poly: Poly, order: usize) -> Self {
        Self { form, poly, order, eta: 0.0, ending: Ending::default(), noise: 1.0, warm: None }
    }

    /// The fresh noise of a step.
    fn fresh(&self, from: &Level, to: &Level, rho: f64) -> f64 {
        self.noise
            * match self.form {
                Form::Data => to.sigma * crate::math::co(rho),
                // ∫ h² of dx/α: η²(σ_s²/α_s² − σ_t²/α_t²).
                _ => {
                    let (s, t) = (from.sigma_ve(), to.sigma_ve());
                    if self.eta == 0.0 { 0.0 } else { self.eta * to.alpha * ((s - t) * (s + t)).sqrt() }
                }
            }
    }

    /// Whether a step can look back: not from pure noise, and not to σ = 0 under an exponential of λ.
    fn looks_back(&self, from: &Level, to: &Level) -> bool {
        let clock = matches!(self.poly, Poly::Exact(Variable::Clock) | Poly::Even);
        from.alpha > 0.0 && to.alpha > 0.0 && (to.sigma > 0.0 || (clock && self.form != Form::Data))
    }
}

/// How a step is weighed: a and the weights, from its start, the nodes and its end.
pub type Weigh<'a> = dyn Fn(&Level, &[Level], &Level) -> (f64, Vec<f64>) + 'a;

/// Values of the past, newest first.
#[derive(Clone, Debug, Default)]
pub struct Past(Vec<Node>);

impl Past {
    /// Adds the newest. Levels so near that their λ are the same number are one node, not two.
    pub fn push(&mut self, node: Node) {
        if self.0.first().is_some_and(|old| old.level.lambda() == node.level.lambda()) {
            self.0.remove(0);
        }
        self.0.insert(0, node);
    }

    /// Forgets all but the newest `count`.
    pub fn keep(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// Returns the number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the levels of the newest `count` nodes.
    #[must_use]
    pub fn levels(&self, count: usize) -> Vec<Level> {
        self.0[..count].iter().map(|node| node.level).collect()
    }

    /// Returns the values, newest first.
    pub fn values(&self) -> impl Iterator<Item = Var> + '_ {
        self.0.iter().map(|node| node.value)
    }

    /// Returns the terms of a row in which the newest values have these weights.
    #[must_use]
    pub fn terms(&self, weights: &[f64]) -> Vec<(f64, Var)> {
        weights.iter().copied().zip(self.values()).collect()
    }
}

impl Method for Multistep {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        self.walk(draft, Letter::R, &|from, nodes, to| self.weigh(from, nodes, to))
    }
}

impl Multistep {
    /// a, and the weights of the values at `nodes`, of a step between two levels.
    pub fn weigh(&self, from: &Level, nodes: &[Level], to: &Level) -> (f64, Vec<f64>) {
        self.poly.weights(self.form, from, nodes, to, (self.eta, reverse_rho(from, to, self.eta)))
    }

    /// Order 1 where σ_t = 0 or α_s = 0; a level with α = 0 is never a past node.
    pub fn walk(&self, draft: &mut Draft<'_>, letter: Letter, weigh: &Weigh<'_>) -> Result<Var> {
        check_eta(self.eta)?;
        let mut x = draft.begin();
        let count = draft.steps().len();
        let mut past = Past::default();
        for (index, step) in draft.taken() {
            let (from, to) = (step.from, step.to);
            let mark = draft.mark();
            let rho = reverse_rho(&from, &to, self.eta);
            let fresh = self.fresh(&from, &to, rho);
            if from.alpha == 0.0 {
                // Only D is known there to be of use.
                past.keep(0);
                let denoised = draft.denoised(x, &from)?;
                let row = Row::new(&from, &to, rho);
                x = draft.land(&to, (row.a, x), [(row.b, denoised)], row.c);
            } else if let Some((_, table)) = self.warm.filter(|(count, _)| index < *count && to.sigma > 0.0) {
                let (end, node) = follow(draft, &table, x, &step, 1.0, 1.0)?;
                x = end;
                past.push(node);
                past.keep(self.order - 1);
            } else {
                let node = draft.value(self.form, x, &from)?;
                past.push(node);
                let most = if self.looks_back(&from, &to) { self.order } else { 1 };
                let used = past.len().min(most).min(self.ending.order(index, count));
                let (a, b) = weigh(&from, &past.levels(used), &to);
                let terms = past.terms(&b);
                x = draft.land(&to, (a, x), terms, fresh);
                past.keep(self.order - 1);
            }
            let eta = (letter == Letter::R).then_some(self.eta);
            draft.note(letter, eta, &from, &to, mark);
        }
        Ok(x)
    }
}
