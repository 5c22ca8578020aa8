//! Churn: noise that is added before a step of Euler's, and the original's way of adding it after the
//! network was asked.

use super::call::Call;
use super::numbers::single;
use super::scheduler::Tables;
use crate::quirks;
use langevin::error::Result;
use langevin::moves::Row;
use langevin::plan::{Letter, Var};
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;
use langevin::sampler::stages::{self, Churn, Stages};
use langevin::sampler::{Draft, Method};

/// `s_tmin` and `s_tmax` in float32, to which torch rounds a number that it compares with a level of
/// float32: a level that is s_tmin in float32 is inside.
pub(super) fn window(call: &Call) -> Result<(f64, f64)> {
    Ok((single(call.number("s_tmin", 0.0)?), single(call.number("s_tmax", f64::INFINITY)?)))
}

/// Euler with the churn that a call asks for.
pub(super) struct Churning {
    churn: Churn,
    noise: f64,
    /// The number of levels less one, which the original divides S_churn by.
    count: usize,
}

impl Churning {
    pub(super) fn read(call: &Call, tables: &Tables) -> Result<Self> {
        let churn = Churn { churn: call.number("s_churn", 0.0)?, range: window(call)? };
        Ok(Self { churn, noise: call.number("s_noise", 1.0)?, count: tables.sigmas.len().max(2) - 1 })
    }

    /// By how much a level is raised in a run of so many steps.
    pub(super) fn gamma(&self, steps: usize) -> f64 {
        (self.churn.churn / steps.max(1) as f64).clamp(0.0, std::f64::consts::SQRT_2 - 1.0)
    }

    pub(super) fn method(self, call: &Call, late: Late) -> Box<dyn Method> {
        let Self { churn, noise, count } = self;
        if churn.churn <= 0.0 {
            Box::new(OneStep::new(Keep::Ddim(0.0)))
        } else if call.mends(&quirks::LATE_CHURN) {
            Box::new(Stages { churn: Some(churn), noise, ..Stages::new(stages::EULER) })
        } else {
            Box::new(LateChurn { churn: churn.churn / count as f64, range: churn.range, noise, late })
        }
    }
}

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

/// Euler with churn whose noise enters after the network was asked: it is asked at (x, y), and the step
/// starts at (x + n z, ŷ), ŷ = (1 + γ)y, n = s √(ŷ² − y²).
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
