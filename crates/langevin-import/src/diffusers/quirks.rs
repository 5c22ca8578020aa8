//! Steps that published code takes and no method has: each says what is odd about it. The consistent plan takes the method's own step instead.

use langevin::error::Result;
use langevin::moves::Row;
use langevin::plan::{Letter, Var};
use langevin::process::Level;
use langevin::sampler::Draft;
use langevin::sampler::Method;
use langevin::sampler::form::{Form, Poly, Variable};
use langevin::sampler::multistep::Past;

/// What becomes of D when noise enters after the network was asked: with x̂ = x + n z at ŷ,
/// D̂ = u x + v D + w n z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Late {
    /// D̂ = x̂ − ŷ m.
    Epsilon,
    /// D̂ = x̂/(y²+1) − m y/√(y²+1): at y, not at ŷ.
    V,
    /// D̂ = m.
    Sample,
    /// D̂ = c_skip(ŷ) x̂ + c_out(ŷ) m, for data of this standard deviation.
    Edm(f64),
}

impl Late {
    fn parts(self, y: f64, raised: f64) -> [f64; 3] {
        match self {
            Self::Epsilon => [1.0 - raised / y, raised / y, 1.0],
            Self::V => [0.0, 1.0, 1.0 / (y * y + 1.0)],
            Self::Sample => [0.0, 1.0, 0.0],
            Self::Edm(data) => {
                let skip = |y: f64| data * data / (y * y + data * data);
                let out = |y: f64| y * data / (y * y + data * data).sqrt();
                let ratio = out(raised) / out(y);
                [skip(raised) - ratio * skip(y), ratio, skip(raised)]
            }
        }
    }
}

/// Euler with churn whose noise enters after the network was asked: it is asked at (x, y), and the step starts at (x + n z, ŷ), ŷ = (1 + γ)y,
/// n = s √(ŷ² − y²).
///
/// The consistent plan raises the noise first and asks the network there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LateChurn {
    /// S_churn over the number of levels less one; γ is at most √2 − 1.
    pub(super) churn: f64,
    /// Where there is churn.
    pub(super) range: (f64, f64),
    /// s, a factor on the noise.
    pub(super) noise: f64,
    pub(super) late: Late,
}

impl Method for LateChurn {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            let (from, to) = (step.from, step.to);
            let y = from.sigma;
            let inside = (self.range.0..=self.range.1).contains(&y);
            let gamma = if inside { self.churn.min(std::f64::consts::SQRT_2 - 1.0) } else { 0.0 };
            let mark = draft.mark();
            let denoised = draft.denoised(x, &from)?;
            if gamma > 0.0 {
                let raised = y * (1.0 + gamma);
                let share = (to.sigma - raised) / raised;
                let [u, v, w] = self.late.parts(y, raised);
                // x' = x̂ + share (x̂ − D̂).
                let noise = self.noise * ((raised - y) * (raised + y)).sqrt() * (1.0 + share - share * w);
                x = draft.advance((1.0 + share - share * u, x), [(-share * v, denoised)], noise);
            } else {
                x = draft.one_step(x, denoised, Row::new(&from, &to, 1.0));
            }
            draft.note(Letter::R, (gamma == 0.0).then_some(0.0), &from, &to, mark);
        }
        Ok(x)
    }
}

/// LMS that was started in the middle: its weights are those of a run from the beginning, and the values that such a run would have are left out, so that
/// the first weights do not sum to the step.
///
/// The consistent plan has the orders 1, 2, … of a start.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lms {
    pub(super) order: usize,
}

impl Method for Lms {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let starts: Vec<Level> = draft.steps().iter().map(|step| step.from).collect();
        let mut past = Past::default();
        for (index, step) in draft.taken() {
            let mark = draft.mark();
            past.push(draft.value(Form::Noise, x, &step.from)?);
            let used = self.order.min(index + 1);
            let nodes: Vec<Level> = (0..used).map(|back| starts[index - back]).collect();
            let poly = Poly::Exact(Variable::Clock);
            let (a, b) = poly.weights(Form::Noise, &step.from, &nodes, &step.to, (0.0, 1.0));
            let terms = past.terms(&b);
            x = draft.advance((a, x), terms, 0.0);
            past.keep(self.order.saturating_sub(1));
            draft.note(Letter::R, Some(0.0), &step.from, &step.to, mark);
        }
        Ok(x)
    }
}
