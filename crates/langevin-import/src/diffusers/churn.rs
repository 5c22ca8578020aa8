//! Churn: noise that is added before an Euler step, and the original's variant that adds it after
//! the network evaluation.

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

/// Returns `s_tmin` and `s_tmax` in float32, to which torch rounds a number that is compared with a
/// float32 level. A level that equals s_tmin in float32 is inside the window.
pub(super) fn window(call: &Call) -> Result<(f64, f64)> {
    Ok((single(call.number("s_tmin", 0.0)?), single(call.number("s_tmax", f64::INFINITY)?)))
}

/// Euler's method with the churn of a call.
pub(super) struct Churning {
    churn: Churn,
    noise: f64,
    /// Number of levels minus one, by which the original divides S_churn.
    count: usize,
}

impl Churning {
    pub(super) fn read(call: &Call, tables: &Tables) -> Result<Self> {
        let churn = Churn { churn: call.number("s_churn", 0.0)?, range: window(call)? };
        Ok(Self { churn, noise: call.number("s_noise", 1.0)?, count: tables.sigmas.len().max(2) - 1 })
    }

    /// Returns the relative increase γ of a noise level in a run with this number of steps.
    pub(super) fn gamma(&self, steps: usize) -> f64 {
        (self.churn.churn / steps.max(1) as f64).clamp(0.0, std::f64::consts::SQRT_2 - 1.0)
    }

    pub(super) fn method(self, call: &Call, late: Late) -> Box<dyn Method> {
        let Self { churn, noise, count } = self;
        if churn.churn <= 0.0 {
            Box::new(OneStep::new(Keep::Ddim(0.0)))
        } else if call.fixes(&quirks::LATE_CHURN) {
            Box::new(Stages { churn: Some(churn), noise, ..Stages::new(stages::EULER) })
        } else {
            Box::new(LateChurn { churn: churn.churn / count as f64, range: churn.range, noise, late })
        }
    }
}

/// The effect on D of noise that is added after the network evaluation: with x̂ = x + n z at ŷ,
/// D̂ = u x + v D + w n z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Late {
    /// D̂ = x̂ − ŷ m.
    Epsilon,
    /// D̂ = x̂/(y²+1) − m y/√(y²+1): evaluated at y instead of ŷ.
    V,
    /// D̂ = m.
    Sample,
    /// D̂ = c_skip(ŷ) x̂ + c_out(ŷ) m, for data with this standard deviation.
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

/// Euler's method with churn noise that is added after the network evaluation. The network is
/// evaluated at (x, y), and the step starts at (x + n z, ŷ), ŷ = (1 + γ)y, n = s √(ŷ² − y²).
///
/// The consistent plan adds the noise first and evaluates the network afterwards.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LateChurn {
    /// S_churn divided by the number of levels minus one; γ is at most √2 − 1.
    pub(super) churn: f64,
    /// Range of levels with churn.
    pub(super) range: (f64, f64),
    /// Noise factor s.
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
