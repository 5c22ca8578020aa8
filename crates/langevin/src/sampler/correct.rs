//! Predictor–corrector multistep samplers: UniPC and SA-Solver.
//!
//! A step is predicted from past values; the value found at its end then corrects it, with no evaluation more. What the network saw was the predicted
//! state; what the next step starts from is the corrected one. A corrector uses the noise that its predictor drew.
//!
//! That is PEC. PECE evaluates the corrected state as well, and keeps that value in place of the other: two evaluations a step, but one in the first.
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
#[derive(Clone, Debug, PartialEq)]
pub enum Tau {
    /// The same everywhere.
    Constant(f64),
    /// That of every step. A step takes a draw also where it is 0.
    Each(Vec<f64>),
}

impl Tau {
    /// h/g of step `index`.
    fn at(&self, index: usize) -> f64 {
        match self {
            Self::Constant(eta) => *eta,
            Self::Each(etas) => etas.get(index).copied().unwrap_or(0.0),
        }
    }
}

/// A predictor–corrector sampler.
#[derive(Clone, Debug, PartialEq)]
pub struct Corrected {
    /// Of what the values are.
    pub form: Form,
    /// How two values are weighed; more of them exactly.
    pub pair: Poly,
    /// The order of the predictor.
    pub predictor: usize,
    /// The most values of the past that the corrector uses beside the new one; `None`: no corrector.
    pub corrector: Option<usize>,
    /// The order falls towards the end of the run.
    pub lower: bool,
    /// Steps whose result is not corrected.
    pub uncorrected: Vec<usize>,
    /// h/g.
    pub tau: Tau,
    /// The corrected state is evaluated too, and its value takes the place of the predicted one's (PECE; else PEC).
    pub again: bool,
}

/// The last prediction: what it started from, and how.
struct Predicted {
    index: usize,
    step: Step,
    /// The values of the past that its corrector uses.
    old: usize,
    noise: Vec<(f64, Draw)>,
}

impl Corrected {
    fn poly(&self, count: usize) -> Poly {
        if count == 2 { self.pair } else { Poly::Exact(Variable::Lambda) }
    }

    /// a, and the weights of the values at `nodes`.
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

    /// The end of the step before from its start `base`, taken again with the value found there.
    fn correct(&self, draft: &mut Draft<'_>, base: Var, last: &Predicted, past: &Past, new: &Node) -> Var {
        let eta = self.tau.at(last.index);
        // `past` has the new value first; the step's own start is the one after it.
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
        // `ahead` is the predicted state, which the network sees; `base` is what the step before started from.
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
                        // Of the same level: it takes the place of the predicted state's value.
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
