//! Multistep samplers: one evaluation per step, combined with the values of earlier steps.
//!
//! With nodes $u_k = (\lambda_k - \lambda_s)/\Delta$ (the newest at 0, older ones below) and
//! $\Delta' = (1+\eta^2)\Delta$, the exponential Adams method is
//!
//! $$x_t = a x_s + \sum_k b_k D_k + c z, \quad
//!   b_k = \alpha_t\int_0^1 \Delta' e^{-\Delta'(1-u)} \ell_k(u) du, \quad
//!   a = \rho\sigma_t/\sigma_s,\ \rho = e^{-\eta^2\Delta}.$$
//!
//! It is exact if D is a polynomial in λ, on every process and for every η. The weights satisfy
//! $\sum_k b_k = \alpha_t - a \alpha_s$. The other methods distribute the same sum differently, or
//! integrate another value: see [`Poly`] and [`Form`].
//!
//! Source: arXiv 2211.01095, 2309.05019 (data), 2206.00927, 2204.13902 (noise), 2202.09778 (even
//! steps).

use super::Method;
use super::draft::{Draft, Node};
use super::form::{Form, Poly, Variable};
use super::stages::{Table, follow};
use crate::error::Result;
use crate::moves::{Row, check_eta, reverse_rho};
use crate::plan::{Letter, Var};
use crate::process::Level;

/// The rule by which the order falls at the end of a run.
///
/// ```
/// use langevin::sampler::multistep::Ending;
/// let ending = Ending { lower: true, euler: false };
/// assert_eq!((ending.order(8, 10), ending.order(9, 10)), (2, 1));
/// // Runs of 15 steps or more keep their order.
/// assert_eq!(ending.order(18, 20), usize::MAX);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// True for orders 2 and 1 in the last two steps of a run of fewer than 15 steps.
    pub lower: bool,
    /// True for order 1 in the last step.
    pub euler: bool,
}

impl Ending {
    /// Returns the largest order of step `index` of `count`.
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
///
/// ```
/// use langevin::plan::compare;
/// use langevin::sampler::form::{Form, Poly, Variable};
/// use langevin::sampler::multistep::Multistep;
/// use langevin::{Request, Sampler};
/// let method = Multistep::new(Form::Data, Poly::Exact(Variable::Lambda), 2);
/// let plan = Request::new().with_sampler(Sampler::of("mine", method)).plan()?;
/// assert!(compare(&plan, &Request::new().sampler("adams2").plan()?)?.is_same(1e-12));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Multistep {
    /// The value that is kept of past steps.
    pub form: Form,
    /// The rule that distributes a step's sum over the past values.
    pub poly: Poly,
    /// The largest number of values used.
    pub order: usize,
    /// h/g.
    pub eta: f64,
    /// The orders at the end of the run.
    pub ending: Ending,
    /// A factor on the fresh noise.
    pub noise: f64,
    /// The number of first steps that use a table of stages in place of fewer values, and that
    /// table.
    pub warm: Option<(usize, Table)>,
}

impl Multistep {
    /// Returns the method with h/g = 0, and all other options at their defaults.
    ///
    /// ```
    /// use langevin::sampler::form::{Form, Poly};
    /// use langevin::sampler::multistep::{Ending, Multistep};
    /// let method = Multistep::new(Form::Noise, Poly::Even, 4);
    /// assert_eq!((method.eta, method.noise, method.ending), (0.0, 1.0, Ending::default()));
    /// ```
    #[must_use]
    pub fn new(form: Form, poly: Poly, order: usize) -> Self {
        Self { form, poly, order, eta: 0.0, ending: Ending::default(), noise: 1.0, warm: None }
    }

    /// Returns the coefficient of the fresh noise of a step.
    fn fresh(&self, from: &Level, to: &Level, rho: f64) -> f64 {
        self.noise
            * match self.form {
                Form::Data => to.sigma * crate::math::co(rho),
                // ∫ h² of dx/α is η²(σ_s²/α_s² − σ_t²/α_t²).
                _ => {
                    let (s, t) = (from.sigma_ve(), to.sigma_ve());
                    if self.eta == 0.0 { 0.0 } else { self.eta * to.alpha * ((s - t) * (s + t)).sqrt() }
                }
            }
    }

    /// Returns whether a step can use past values: not from pure noise, and not to σ = 0 under an
    /// exponential of λ.
    fn looks_back(&self, from: &Level, to: &Level) -> bool {
        let clock = matches!(self.poly, Poly::Exact(Variable::Clock) | Poly::Even);
        from.alpha > 0.0 && to.alpha > 0.0 && (to.sigma > 0.0 || (clock && self.form != Form::Data))
    }
}

/// The weights of a step, a and those of the values, from its start, its nodes and its end.
pub type Weigh<'a> = dyn Fn(&Level, &[Level], &Level) -> (f64, Vec<f64>) + 'a;

/// Values of past steps, newest first.
///
/// ```
/// use langevin::Process;
/// use langevin::plan::Builder;
/// use langevin::sampler::{Node, multistep::Past};
/// let ve = Process::ve();
/// let mut plan = Builder::new("past", &ve, None);
/// let mut past = Past::default();
/// for sigma in [4.0, 2.0, 1.0] {
///     past.push(Node { level: ve.level(sigma)?, value: plan.input("value") });
/// }
/// past.keep(2);
/// assert_eq!(past.len(), 2);
/// assert_eq!(past.levels(2), [ve.level(1.0)?, ve.level(2.0)?]);
/// assert_eq!(past.terms(&[0.75, 0.25])[0].0, 0.75);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Past(Vec<Node>);

impl Past {
    /// Adds the newest value. It replaces the value before it if both levels have the same λ.
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::plan::Builder;
    /// use langevin::sampler::{Node, multistep::Past};
    /// let level = Process::ve().level(1.0)?;
    /// let mut plan = Builder::new("past", &Process::ve(), None);
    /// let mut past = Past::default();
    /// past.push(Node { level, value: plan.input("first") });
    /// past.push(Node { level, value: plan.input("second") });
    /// assert_eq!(past.len(), 1); // one level, one node
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn push(&mut self, node: Node) {
        if self.0.first().is_some_and(|old| old.level.lambda() == node.level.lambda()) {
            self.0.remove(0);
        }
        self.0.insert(0, node);
    }

    /// Removes all values but the newest `count`.
    pub fn keep(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the levels of the newest `count` values.
    ///
    /// # Panics
    /// Panics if there are fewer than `count` values.
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
    /// Returns the weights of a step between two levels: a, and those of the values at `nodes`.
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::sampler::form::{Form, Poly, Variable};
    /// use langevin::sampler::multistep::Multistep;
    /// let ve = Process::ve();
    /// let (from, to) = (ve.level(2.0)?, ve.level(1.0)?);
    /// let method = Multistep::new(Form::Data, Poly::Exact(Variable::Lambda), 1);
    /// // DDIM: x' = ½ x + ½ D.
    /// assert_eq!(method.weigh(&from, &[from], &to), (0.5, vec![0.5]));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn weigh(&self, from: &Level, nodes: &[Level], to: &Level) -> (f64, Vec<f64>) {
        self.poly.weights(self.form, from, nodes, to, (self.eta, reverse_rho(from, to, self.eta)))
    }

    /// Writes all steps as moves with this letter, weighed by `weigh`, and returns the state at the
    /// end.
    ///
    /// Steps with σ_t = 0 or α_s = 0 have order 1. A level with α = 0 is never a past node.
    ///
    /// # Errors
    /// Returns an error if h/g is negative or not finite, or if the network's output does not
    /// determine D.
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
                // At pure noise only D is determined, so no value is kept.
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
