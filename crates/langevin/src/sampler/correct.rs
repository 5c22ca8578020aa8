//! Predictor–corrector multistep samplers: UniPC and SA-Solver.
//!
//! A step is predicted from past values. The value found at its end then corrects the step, without
//! a further evaluation. The network sees the predicted state; the next step starts from the
//! corrected one. A corrector uses the noise that its predictor drew.
//!
//! That scheme is called PEC (predict, evaluate, correct). PECE also evaluates the corrected state,
//! and keeps that value in place of the predicted one. It takes two evaluations per step, but one
//! in the first step.
//!
//! Source: UniPC, arXiv 2302.04867; SA-Solver, arXiv 2309.05019.

use super::Method;
use super::draft::{Draft, Node, Step};
use super::form::{Form, Poly, Variable};
use super::multistep::Past;
use crate::error::Result;
use crate::math::co;
use crate::moves::reverse_rho;
use crate::plan::{Letter, Var};
use crate::process::Level;
use crate::space::Draw;

/// h/g over a run.
///
/// ```
/// use langevin::sampler::correct::{Corrected, Tau};
/// use langevin::sampler::form::{Form, Poly, Variable};
/// use langevin::{Request, Sampler};
/// let method = Corrected {
///     form: Form::Data,
///     pair: Poly::Exact(Variable::Lambda),
///     predictor: 2,
///     corrector: None,
///     lower: false,
///     uncorrected: vec![],
///     // Noise in the first two of four steps.
///     tau: Tau::Each(vec![1.0, 1.0, 0.0, 0.0]),
///     again: false,
/// };
/// let plan = Request::new().with_sampler(Sampler::of("mine", method)).steps(4).plan()?;
/// let etas: Vec<Option<f64>> = plan.moves().iter().map(|step| step.eta).collect();
/// assert_eq!(etas, [Some(1.0), Some(1.0), Some(0.0), Some(0.0)]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Tau {
    /// One value for all steps.
    Constant(f64),
    /// One value for each step. A step draws noise even if its value is 0.
    Each(Vec<f64>),
}

impl Tau {
    /// Returns h/g of step `index`.
    fn at(&self, index: usize) -> f64 {
        match self {
            Self::Constant(eta) => *eta,
            Self::Each(etas) => etas.get(index).copied().unwrap_or(0.0),
        }
    }
}

/// A predictor–corrector sampler.
///
/// ```
/// use langevin::plan::compare;
/// use langevin::sampler::correct::{Corrected, Tau};
/// use langevin::sampler::form::{Form, Poly, Variable};
/// use langevin::{Request, Sampler};
/// let method = Corrected {
///     form: Form::Data,
///     pair: Poly::Exact(Variable::Lambda),
///     predictor: 2,
///     corrector: Some(2),
///     lower: true,
///     uncorrected: vec![],
///     tau: Tau::Constant(1.0),
///     again: false,
/// };
/// let plan = Request::new().with_sampler(Sampler::of("mine", method)).plan()?;
/// assert!(compare(&plan, &Request::new().sampler("sa-solver").plan()?)?.is_same(1e-12));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Corrected {
    /// The value that is integrated.
    pub form: Form,
    /// The polynomial for two values. More than two are integrated exactly.
    pub pair: Poly,
    /// The order of the predictor.
    pub predictor: usize,
    /// The largest number of past values that the corrector uses besides the new one. `None` for no
    /// corrector.
    pub corrector: Option<usize>,
    /// True if the order falls towards the end of the run.
    pub lower: bool,
    /// The numbers of the steps that are not corrected.
    pub uncorrected: Vec<usize>,
    /// h/g.
    pub tau: Tau,
    /// True for PECE: the corrected state is also evaluated, and its value replaces that of the
    /// predicted state. False for PEC.
    pub again: bool,
}

/// The last prediction: its step, its past values and its noise.
struct Predicted {
    index: usize,
    step: Step,
    /// The number of past values that its corrector uses.
    old: usize,
    noise: Vec<(f64, Draw)>,
}

impl Corrected {
    fn poly(&self, count: usize) -> Poly {
        if count == 2 { self.pair } else { Poly::Exact(Variable::Lambda) }
    }

    /// Returns a, and the weights of the values at `nodes`.
    fn weights(&self, step: &Step, nodes: &[Level], eta: f64) -> (f64, Vec<f64>) {
        let rho = reverse_rho(&step.from, &step.to, eta);
        self.poly(nodes.len()).weights(self.form, &step.from, nodes, &step.to, (eta, rho))
    }

    fn noise(&self, draft: &mut Draft<'_>, step: &Step, eta: f64) -> Vec<(f64, Draw)> {
        let c = match self.form {
            Form::Data => step.to.sigma * co(reverse_rho(&step.from, &step.to, eta)),
            _ => {
                let (s, t) = (step.from.sigma_ve(), step.to.sigma_ve());
                eta * step.to.alpha * ((s - t) * (s + t)).sqrt()
            }
        };
        match self.tau {
            Tau::Each(_) => vec![(c, draft.draw())],
            Tau::Constant(_) if eta == 0.0 => vec![],
            Tau::Constant(_) => draft.fresh(c).into_iter().collect(),
        }
    }

    /// Returns the corrected end of the last step: the step from its start `base`, repeated with
    /// the value found at its end.
    fn correct(&self, draft: &mut Draft<'_>, base: Var, last: &Predicted, past: &Past, new: &Node) -> Var {
        let eta = self.tau.at(last.index);
        // `past` has the new value first. The value at the step's own start is next.
        let mut nodes: Vec<Level> = past.levels(past.len())[1..].to_vec();
        nodes.truncate(last.old);
        let mut values: Vec<Var> = past.values().skip(1).take(nodes.len()).collect();
        nodes.push(new.level);
        values.push(new.value);
        let mark = draft.mark();
        let (a, b) = self.weights(&last.step, &nodes, eta);
        let corrected = draft.step((a, base), b.into_iter().zip(values), last.noise.clone());
        draft.note(Letter::R, Some(eta), &last.step.from, &last.step.to, mark);
        corrected
    }
}

impl Method for Corrected {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        // `ahead` is the predicted state, which the network sees. `base` is the start of the last
        // step.
        let mut ahead = draft.begin();
        let mut base = ahead;
        let count = draft.steps().len();
        let mut past = Past::default();
        let mut last: Option<Predicted> = None;
        for (index, step) in draft.taken() {
            let (from, to) = (step.from, step.to);
            let mut mark = draft.mark();
            let node = if from.alpha == 0.0 {
                draft.value(Form::Data, ahead, &from)?
            } else {
                draft.value(self.form, ahead, &from)?
            };
            past.push(node);
            match last.take() {
                Some(last)
                    if self.corrector.is_some()
                        && !self.uncorrected.contains(&last.index)
                        && last.step.from.alpha > 0.0
                        && past.len() > 1 =>
                {
                    base = self.correct(draft, base, &last, &past, &node);
                    mark = draft.mark();
                    if self.again {
                        // The level is the same, so this value replaces that of the predicted
                        // state.
                        let node = draft.value(self.form, base, &from)?;
                        past.push(node);
                    }
                }
                _ => base = ahead,
            }
            let eta = self.tau.at(index);
            let most = if self.lower { count - index } else { usize::MAX }.min(past.len());
            let order = if to.sigma == 0.0 || from.alpha == 0.0 { 1 } else { self.predictor.min(most) };
            let old = self.corrector.unwrap_or(0).min(most);
            let noise = self.noise(draft, &step, eta);
            let form = if from.alpha == 0.0 { Form::Data } else { self.form };
            let (a, b) = Self { form, ..self.clone() }.weights(&step, &past.levels(order), eta);
            ahead = draft.step((a, base), past.terms(&b), noise.clone());
            draft.note(Letter::R, Some(eta), &from, &to, mark);
            last = Some(Predicted { index, step, old, noise });
            if from.alpha == 0.0 {
                past.keep(0);
            }
            past.keep(self.predictor.max(self.corrector.unwrap_or(0)));
        }
        Ok(ahead)
    }
}
