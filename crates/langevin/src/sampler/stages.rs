//! Samplers with several evaluations per step, as tables of stages.
//!
//! A stage is at a share of the step in λ. Its state is made from the values of the earlier stages,
//! and so is the end of the step. Heun, the midpoint rule, DPM-Solver-2 and -3 and DPM-Solver++(2S)
//! differ only in these tables.

use super::Method;
use super::draft::{Draft, Node, Step};
use super::form::{Form, Poly, Variable, fraction, ratio};
use super::noise::Keep;
use crate::error::Result;
use crate::math::co;
use crate::moves::Row;
use crate::plan::{Letter, Var};
use crate::process::Level;

/// The place of a stage within a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// The end of the step.
    End,
    /// A share of the step in λ.
    Lambda(f64),
    /// The middle of the step in the process's time.
    MiddleTime,
}

/// The values that make a state, and the polynomial that weighs them.
///
/// ```
/// use langevin::sampler::form::Form;
/// use langevin::sampler::stages::{At, LAMBDA, FIRST, Stages, Table, Use};
/// use langevin::{Request, Sampler};
/// // Ralston's place for the stage, two thirds of the step, with D linear in λ.
/// const LAST: Use = Use { of: &[0, 1], poly: LAMBDA };
/// const RALSTON: Table =
///     Table { form: Form::Data, stages: &[(At::Lambda(2.0 / 3.0), FIRST)], last: LAST };
/// let sampler = Sampler::of("ralston", Stages::new(RALSTON));
/// assert!(Request::new().with_sampler(sampler).plan()?.lint()?.is_clean());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Use {
    /// The numbers of the values within the step.
    pub of: &'static [usize],
    /// The rule that distributes the sum of the step over the values.
    pub poly: Poly,
}

/// A table of stages.
///
/// ```
/// use langevin::sampler::stages::{self, Stages};
/// use langevin::{Request, Sampler};
/// let sampler = |table| Sampler::of("stages", Stages::new(table));
/// let nfe = |table| Ok(Request::new().with_sampler(sampler(table)).steps(10).plan()?.nfe());
/// // The last step, to clean data, is one evaluation with every table.
/// let heun: langevin::Result<usize> = nfe(stages::HEUN);
/// assert_eq!((heun?, nfe(stages::DPM_SOLVER_3)?), (19, 28));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Table {
    /// The value that is integrated.
    pub form: Form,
    /// The stages after the first.
    pub stages: &'static [(At, Use)],
    /// The rule for the end of the step.
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
/// Heun under the exponential: D is linear in λ between the ends.
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
/// The classical Runge–Kutta rule on ε, in which each stage is a DDIM step ("PRK"). Source: arXiv
/// 2202.09778, equation 13.
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

/// Noise added before a step, as in EDM. Source: arXiv 2206.00364, algorithm 2.
///
/// ```
/// use langevin::sampler::stages::{self, Churn, Stages};
/// use langevin::{Request, Sampler, plan::Letter};
/// let churn = Some(Churn { churn: 10.0, range: (0.05, 50.0) });
/// let method = Stages { churn, ..Stages::new(stages::HEUN) };
/// let plan = Request::new().with_sampler(Sampler::of("churned", method)).steps(10).plan()?;
/// // The noise is a forward move before a reverse one.
/// assert!(plan.moves().iter().any(|step| step.letter == Letter::F));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Churn {
    /// S_churn: γ = min(S_churn/N, √2 − 1).
    pub churn: f64,
    /// S_tmin and S_tmax, in σ/α.
    pub range: (f64, f64),
}

impl Churn {
    /// Returns the level to which the noise leads, σ̂ = (1 + γ)σ, or `None` if no noise is added.
    ///
    /// # Errors
    /// Returns an error if the process does not reach that level.
    pub fn raised(&self, draft: &Draft<'_>, level: &Level) -> Result<Option<Level>> {
        let sigma = level.sigma_ve();
        let gamma = (self.churn / draft.steps().len() as f64).min(std::f64::consts::SQRT_2 - 1.0);
        if gamma <= 0.0 || !(self.range.0..=self.range.1).contains(&sigma) || sigma.is_infinite() {
            return Ok(None);
        }
        draft.process().level_at_sigma_ve(sigma * (1.0 + gamma)).map(Some)
    }
}

/// The place at which fresh noise enters a step.
///
/// ```
/// use langevin::sampler::noise::Keep;
/// use langevin::sampler::stages::{self, Fresh, Stages};
/// use langevin::{Request, Sampler};
/// let draws = |fresh| -> langevin::Result<u32> {
///     let method = Stages { keep: Keep::Rate(1.0), fresh, ..Stages::new(stages::DPMPP_2S) };
///     Ok(Request::new().with_sampler(Sampler::of("mine", method)).steps(5).plan()?.draws())
/// };
/// // Along the path the stage has a draw of its own, in all steps but the last.
/// assert_eq!((draws(Fresh::End)?, draws(Fresh::Path)?), (5, 9));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// At the end. The ODE runs to (α_t, ρσ_t), and fresh noise fills the variance (ancestral).
    End,
    /// Along the step: a stage's noise is the beginning of the step's noise. Source: SEEDS, arXiv
    /// 2305.14267.
    Path,
    /// Along a Brownian path in σ/α that both a stage and the step look up. Each has the full
    /// variance of its own noise (DPM++ SDE).
    Brownian,
}

/// A sampler with several evaluations per step.
///
/// ```
/// use langevin::sampler::noise::Keep;
/// use langevin::sampler::stages::{self, Fresh, Stages};
/// use langevin::{Request, Sampler};
/// let (keep, fresh) = (Keep::Rate(1.0), Fresh::Path);
/// let method = Stages { keep, fresh, ..Stages::new(stages::DPMPP_2S) };
/// let plan = Request::new().with_sampler(Sampler::of("seeds", method)).steps(5).plan()?;
/// assert!(plan.lint()?.is_clean());
/// assert_eq!(plan.nfe(), 9);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Stages {
    /// The table of stages.
    pub table: Table,
    /// The rule for the share of the noise that is kept.
    pub keep: Keep,
    /// The place at which fresh noise enters.
    pub fresh: Fresh,
    /// Noise before each step.
    pub churn: Option<Churn>,
    /// A factor on the fresh noise.
    pub noise: f64,
    /// The place in λ of a stage that has its own noise, if it differs from the table.
    pub share: Option<f64>,
}

impl Stages {
    /// Returns the method with no fresh noise, and all other options at their defaults.
    ///
    /// ```
    /// use langevin::sampler::stages::{self, Stages};
    /// use langevin::{Request, Sampler};
    /// let sampler = Sampler::of("mine", Stages::new(stages::HEUN));
    /// let plan = Request::new().with_sampler(sampler).steps(5).plan()?;
    /// assert_eq!((plan.draws(), plan.nfe()), (1, 9)); // the start is the only draw
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

/// Returns the weights of the state at `end`: a, and those of the values so far.
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

/// Returns the level at a share of a step in λ, or in time.
fn between(draft: &Draft<'_>, from: &Level, to: &Level, at: At) -> Result<Level> {
    match at {
        At::End => Ok(*to),
        At::Lambda(share) => draft.process().level_at_sigma_ve(from.sigma_ve() * fraction(ratio(from, to), share)),
        At::MiddleTime => draft.process().level(0.5 * (from.time + to.time)),
    }
}

/// Writes one step of a table, and returns the state at its end and the first value.
///
/// The ODE runs to (α_t, ρσ_t); fresh noise then fills the variance, times `noise`.
///
/// # Errors
/// Returns an error if the process does not reach the level of a stage, or if the network's output
/// does not determine D there.
pub fn follow(draft: &mut Draft<'_>, table: &Table, x: Var, step: &Step, rho: f64, noise: f64) -> Result<(Var, Node)> {
    let Step { from, to } = *step;
    // The ODE ends here, before fresh noise. The process has the same σ/α at another α.
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
    /// Writes one step whose stages have noise of their own.
    fn noisy(&self, draft: &mut Draft<'_>, x: Var, step: &Step, rho: f64) -> Result<Var> {
        let (table, Step { from, to }) = (&self.table, *step);
        let eta = |rho: f64, end: &Level| self.keep.eta(&from, end, rho).unwrap_or(0.0);
        let mut values = vec![draft.value(table.form, x, &from)?];
        // Each draw is one piece of the noise path.
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

    /// Returns the noise at `to` of a step from `from` that keeps `rho`: a fresh draw for the piece
    /// since `last`, with the earlier pieces scaled.
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
            // In y = noise/σ a piece keeps the ρ of the steps that follow it.
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
