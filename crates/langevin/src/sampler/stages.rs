//! Samplers of several evaluations a step, as tables of stages.
//!
//! A stage stands at a share of the step in λ; the state there is made from the values of the stages before it, as the end of the step is. Heun, the
//! midpoint rule, DPM-Solver-2 and -3 and DPM-Solver++(2S) differ in these tables and in nothing else.

use super::Method;
use super::draft::{Draft, Node, Step};
use super::form::{Form, Poly, Variable, fraction, ratio};
use super::noise::Keep;
use crate::error::Result;
use crate::math::co;
use crate::moves::Row;
use crate::plan::{Letter, Var};
use crate::process::Level;

/// Where a stage stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// At the end of the step.
    End,
    /// At this share of it in λ.
    Lambda(f64),
    /// Half-way in the process's time.
    MiddleTime,
}

/// How a state is made: from which values, by which polynomial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Use {
    /// Which values, by their number in the step.
    pub of: &'static [usize],
    /// How the sum of the step is spread over them.
    pub poly: Poly,
}

/// A table of stages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Table {
    /// Of what the values are.
    pub form: Form,
    /// The stages after the first.
    pub stages: &'static [(At, Use)],
    /// How the end of the step is made.
    pub last: Use,
}

const CLOCK: Poly = Poly::Exact(Variable::Clock);
/// The polynomial in λ, integrated exactly.
pub const LAMBDA: Poly = Poly::Exact(Variable::Lambda);
/// The first value alone.
pub const FIRST: Use = Use { of: &[0], poly: LAMBDA };

/// Heun in σ: the trapezoid of ε. Source: arXiv 2206.00364, algorithm 1.
pub const HEUN: Table =
    Table { form: Form::Noise, stages: &[(At::End, FIRST)], last: Use { of: &[0, 1], poly: CLOCK } };
/// Heun in flow time: the trapezoid of u.
pub const FLOW_HEUN: Table =
    Table { form: Form::Flow, stages: &[(At::End, FIRST)], last: Use { of: &[0, 1], poly: CLOCK } };
/// Heun under the exponential: D linear in λ between the ends.
pub const EXP_HEUN: Table =
    Table { form: Form::Data, stages: &[(At::End, FIRST)], last: Use { of: &[0, 1], poly: LAMBDA } };
/// The midpoint rule for ε in σ, at the geometric middle ("DPM2").
pub const DPM2: Table =
    Table { form: Form::Noise, stages: &[(At::Lambda(0.5), FIRST)], last: Use { of: &[1], poly: LAMBDA } };
/// DPM-Solver-2. Source: arXiv 2206.00927, algorithm 1.
pub const DPM_SOLVER_2: Table =
    Table { form: Form::Noise, stages: &[(At::Lambda(0.5), FIRST)], last: Use { of: &[0, 1], poly: Poly::Midpoint } };
/// DPM-Solver-3. Source: arXiv 2206.00927, algorithm 2.
pub const DPM_SOLVER_3: Table = Table {
    form: Form::Noise,
    stages: &[(At::Lambda(1.0 / 3.0), FIRST), (At::Lambda(2.0 / 3.0), Use { of: &[0, 1], poly: LAMBDA })],
    last: Use { of: &[0, 2], poly: LAMBDA },
};
/// DPM-Solver-2 with the slope integrated exactly ('heun').
pub const DPM_SOLVER_2_HEUN: Table = Table { last: Use { of: &[0, 1], poly: LAMBDA }, ..DPM_SOLVER_2 };
/// DPM-Solver-3 with the curvature of all three values ('heun').
pub const DPM_SOLVER_3_HEUN: Table = Table { last: Use { of: &[0, 1, 2], poly: LAMBDA }, ..DPM_SOLVER_3 };
/// DPM-Solver++(2S). Source: arXiv 2211.01095, algorithm 1.
pub const DPMPP_2S: Table =
    Table { form: Form::Data, stages: &[(At::Lambda(0.5), FIRST)], last: Use { of: &[0, 1], poly: Poly::Midpoint } };
/// DPM-Solver++(3S).
pub const DPMPP_3S: Table = Table { form: Form::Data, ..DPM_SOLVER_3 };
/// The classical Runge–Kutta rule on ε, each stage a DDIM step ("PRK"). Source: arXiv 2202.09778, equation 13.
pub const RUNGE_KUTTA: Table = Table {
    form: Form::Noise,
    stages: &[
        (At::MiddleTime, FIRST),
        (At::MiddleTime, Use { of: &[1], poly: LAMBDA }),
        (At::End, Use { of: &[2], poly: LAMBDA }),
    ],
    last: Use { of: &[0, 1, 2, 3], poly: Poly::Shares(&[1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0]) },
};
/// DPM-Solver++(2S) with the slope integrated exactly ('heun').
pub const DPMPP_2S_HEUN: Table = Table { form: Form::Data, ..DPM_SOLVER_2_HEUN };
/// DPM-Solver++(3S) with the curvature of all three values ('heun').
pub const DPMPP_3S_HEUN: Table = Table { form: Form::Data, ..DPM_SOLVER_3_HEUN };
/// DPM-Solver-1, which is DDIM.
pub const EULER: Table = Table { form: Form::Noise, stages: &[], last: FIRST };

/// Noise added before a step, as EDM does. Source: arXiv 2206.00364, algorithm 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Churn {
    /// S_churn: γ = min(S_churn/N, √2 − 1).
    pub churn: f64,
    /// S_tmin and S_tmax, in σ/α.
    pub range: (f64, f64),
}

impl Churn {
    /// The level the noise leads to, σ̂ = (1 + γ)σ; `None` where there is none.
    pub fn raised(&self, draft: &Draft<'_>, level: &Level) -> Result<Option<Level>> {
        let sigma = level.sigma_ve();
        let gamma = (self.churn / draft.steps().len() as f64).min(std::f64::consts::SQRT_2 - 1.0);
        if gamma <= 0.0 || !(self.range.0..=self.range.1).contains(&sigma) || sigma.is_infinite() {
            return Ok(None);
        }
        draft.process().level_at_sigma_ve(sigma * (1.0 + gamma)).map(Some)
    }
}

/// Where fresh noise enters a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// At its end: the ODE is followed to (α_t, ρσ_t), and fresh noise fills the rest (ancestral).
    End,
    /// All along it: a stage's noise is the beginning of the step's. Source: SEEDS, arXiv 2305.14267.
    Path,
    /// As a Brownian path in σ/α that both a stage and the step look up, each with the whole of its own noise (DPM++ SDE).
    Brownian,
}

/// A sampler of several evaluations a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Stages {
    /// The table.
    pub table: Table,
    /// What is kept of the noise.
    pub keep: Keep,
    /// Where fresh noise enters.
    pub fresh: Fresh,
    /// Noise before each step.
    pub churn: Option<Churn>,
    /// A factor on fresh noise.
    pub noise: f64,
    /// Where a stage with noise of its own stands in λ, if not where the table says.
    pub share: Option<f64>,
}

impl Stages {
    /// Returns the method with no fresh noise, and no other option.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table, keep: Keep::Rate(0.0), fresh: Fresh::End, churn: None, noise: 1.0, share: None }
    }
}

impl Method for Stages {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, mut step) in draft.taken() {
            if let Some(churn) = &self.churn
                && let Some(raised) = churn.raised(draft, &step.from)?
            {
                x = draft.forward(x, &step.from, &raised, self.noise);
                step.from = raised;
            }
            let mark = draft.mark();
            let rho = self.keep.rho(&step.from, &step.to)?;
            match self.fresh {
                _ if !self.table.form.begins(&step.from) || step.to.sigma == 0.0 || rho == 0.0 => {
                    let mut row = Row::new(&step.from, &step.to, rho);
                    row.c *= self.noise;
                    let denoised = draft.denoised(x, &step.from)?;
                    x = draft.land(&step.to, (row.a, x), [(row.b, denoised)], row.c);
                }
                Fresh::End => {
                    x = follow(draft, &self.table, x, &step, rho, self.noise)?.0;
                }
                Fresh::Path | Fresh::Brownian => x = self.noisy(draft, x, &step, rho)?,
            }
            draft.note(Letter::R, self.keep.eta(&step.from, &step.to, rho), &step.from, &step.to, mark);
        }
        Ok(x)
    }
}

/// The state at `end` from the values so far: a, and what each value weighs.
fn make(
    table: &Table,
    from: &Level,
    values: &[Node],
    how: &Use,
    end: &Level,
    noise: (f64, f64),
) -> (f64, Vec<(f64, Var)>) {
    let levels: Vec<Level> = how.of.iter().map(|index| values[*index].level).collect();
    let (a, b) = how.poly.weights(table.form, from, &levels, end, noise);
    (a, b.iter().zip(how.of).map(|(b, index)| (*b, values[*index].value)).collect())
}

/// The level at a share of a step in λ, or in time.
fn between(draft: &Draft<'_>, from: &Level, to: &Level, at: At) -> Result<Level> {
    match at {
        At::End => Ok(*to),
        At::Lambda(share) => draft.process().level_at_sigma_ve(from.sigma_ve() * fraction(ratio(from, to), share)),
        At::MiddleTime => draft.process().level(0.5 * (from.time + to.time)),
    }
}

/// One step of a table: the ODE to (α_t, ρσ_t), then noise. Returns the state at its end, and the first value.
pub fn follow(draft: &mut Draft<'_>, table: &Table, x: Var, step: &Step, rho: f64, noise: f64) -> Result<(Var, Node)> {
    let Step { from, to } = *step;
    // Where the ODE comes down to, before fresh noise: the same place on the process has another α.
    let down = Level { sigma: rho * to.sigma, ..to };
    let end = if rho == 1.0 { to } else { draft.process().match_level(&down)? };
    let mut values = vec![draft.value(table.form, x, &from)?];
    for (at, how) in table.stages {
        let level = between(draft, &from, &end, *at)?;
        let (a, terms) = make(table, &from, &values, how, &level, (0.0, 1.0));
        let stage = draft.land(&level, (a, x), terms, 0.0);
        values.push(draft.value(table.form, stage, &level)?);
    }
    let (a, terms) = make(table, &from, &values, &table.last, &down, (0.0, 1.0));
    Ok((draft.land(&to, (a, x), terms, to.sigma * co(rho) * noise), values[0]))
}

impl Stages {
    /// One step whose stages carry noise.
    fn noisy(&self, draft: &mut Draft<'_>, x: Var, step: &Step, rho: f64) -> Result<Var> {
        let (table, Step { from, to }) = (&self.table, *step);
        let eta = |rho: f64, end: &Level| self.keep.eta(&from, end, rho).unwrap_or(0.0);
        let mut values = vec![draft.value(table.form, x, &from)?];
        // The draws so far, with the place of the last: each is one piece of the path.
        let mut pieces: Vec<(f64, u32)> = Vec::new();
        let mut last = from;
        for (at, how) in table.stages {
            let level = between(draft, &from, &to, self.share.map_or(*at, At::Lambda))?;
            let own = self.keep.rho(&from, &level)?;
            let noise = self.piece(draft, &mut pieces, (&from, &last, &level), own)?;
            let (a, terms) = make(table, &from, &values, how, &level, (eta(own, &level), own));
            let stage = draft.step((a, x), terms, noise);
            values.push(draft.value(table.form, stage, &level)?);
            last = level;
        }
        let noise = self.piece(draft, &mut pieces, (&from, &last, &to), rho)?;
        let (a, terms) = make(table, &from, &values, &table.last, &to, (eta(rho, &to), rho));
        Ok(draft.step((a, x), terms, noise))
    }

    /// The noise at `to` of a step from `from` that keeps `rho`: a fresh draw for the piece since `last`, and the earlier pieces carried along.
    fn piece(
        &self,
        draft: &mut Draft<'_>,
        pieces: &mut Vec<(f64, u32)>,
        (from, last, to): (&Level, &Level, &Level),
        rho: f64,
    ) -> Result<Vec<(f64, u32)>> {
        let whole = to.sigma * co(rho) * self.noise;
        if whole == 0.0 {
            return Ok(vec![]);
        }
        let (kept, fresh) = if pieces.is_empty() {
            (0.0, 1.0)
        } else if self.fresh == Fresh::Path {
            // In y = noise/σ a piece keeps the ρ of what comes after it.
            let after = rho / self.keep.rho(from, last)?;
            (after, co(after) / co(rho))
        } else {
            // Increments of a Brownian path in σ/α, each over the square root of its length.
            let share = (from.sigma_ve() - last.sigma_ve()) / (from.sigma_ve() - to.sigma_ve());
            (share.sqrt(), (1.0 - share).sqrt())
        };
        let scale = if self.fresh == Fresh::Path { kept * co(self.keep.rho(from, last)?) / co(rho) } else { kept };
        pieces.iter_mut().for_each(|piece| piece.0 *= scale);
        pieces.push((fresh, draft.draw()));
        Ok(pieces.iter().map(|(share, draw)| (share * whole, *draw)).collect())
    }
}
