//! Adaptive steps: a controller that compiles one step at a time, from the same tables of stages as the named samplers, and judges it before it goes on.
//!
//! Every row has its own level and its own step size. So sample i is what it would be alone, whatever the batch: where the original judges the batch as a
//! whole, its samples depend on their company.
//!
//! Two estimates of a step, of neighbouring orders and from the same evaluations, differ by
//!
//! $$e = \sqrt{\tfrac1d\sum_j\left(\frac{\mathrm{low}_j - \mathrm{high}_j}{\max(\mathrm{atol}, \mathrm{rtol}\max(|\mathrm{low}_j|, |\mathrm{previous}_j|))}\right)^2},$$
//!
//! in the coordinates x/α; "previous" is the low estimate of the last accepted step. With q = 1/(10⁻⁸ + e), now and at the last two accepted steps, the step in λ is multiplied by
//! $1 + \arctan(q_0^{b_0} q_1^{b_1} q_2^{b_2} - 1)$ and accepted where that is at least `safety`;
//! $b = ((P+I+D), -(P+2D), D)/k$ for a pair whose higher order is k.
//!
//! Source: DPM-Solver-12 and -23, arXiv 2206.00927, appendix C; the controller is k-diffusion's.

use crate::error::{Error, Result};
use crate::math::{atan, exp, pow};
use crate::model::{At, Model, Query};
use crate::moves::ddim_rho;
use crate::noise::SampleId;
use crate::process::{Level, ve};
use crate::sampler::form::{Form, Poly, ratio};
use crate::sampler::stages::{self, At as Place, FIRST, LAMBDA, Table, Use};
use crate::space::{Coef, Draw, ErrorNorms, Tolerance};

/// Two estimates of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pair {
    /// DPM-Solver-1 and -2: two evaluations a step.
    Dpm12,
    /// DPM-Solver-2 and -3: three evaluations a step.
    #[default]
    Dpm23,
    /// Euler and Heun in σ/α: two evaluations a step.
    EulerHeun,
}

/// DPM-Solver-2 at a third of the step, whose evaluation DPM-Solver-3 has too.
const MIDPOINT_OF_TWO: Use = Use { of: &[0, 1], poly: Poly::Midpoint };

impl Pair {
    fn table(self) -> (Table, Use) {
        match self {
            Self::Dpm12 => (stages::DPM_SOLVER_2, FIRST),
            Self::Dpm23 => (stages::DPM_SOLVER_3, MIDPOINT_OF_TWO),
            Self::EulerHeun => (stages::HEUN, Use { of: &[0], poly: LAMBDA }),
        }
    }

    fn order(self) -> f64 {
        match self {
            Self::Dpm12 | Self::EulerHeun => 2.0,
            Self::Dpm23 => 3.0,
        }
    }

    /// The pair of this name: `dpm12`, `dpm23` or `euler-heun`.
    ///
    /// # Errors
    /// An unknown name, with the nearest known one.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "dpm12" => Ok(Self::Dpm12),
            "dpm23" | "dpm-adaptive" => Ok(Self::Dpm23),
            "euler-heun" | "heun" => Ok(Self::EulerHeun),
            _ => Err(Error::unknown("pair", name, &["dpm12", "dpm23", "euler-heun"])),
        }
    }
}

/// An adaptive sampler. See the [module](self).
///
/// ```
/// use langevin::{Adaptive, SampleId, SliceSpace, adaptive::Pair, exact};
/// let data = exact::named("moons")?;
/// let rows: Vec<SampleId> = (0..100).map(|index| SampleId { seed: 1, index }).collect();
/// let run = Adaptive::new(Pair::Dpm23).run(&SliceSpace::<f64>::new(2), &data, [0.002, 80.0], &rows)?;
/// assert_eq!(run.state.len(), 200);
/// // Alone, a sample is the same.
/// let alone = Adaptive::new(Pair::Dpm23).run(&SliceSpace::<f64>::new(2), &data, [0.002, 80.0], &rows[7..8])?;
/// assert_eq!(alone.state, run.state[14..16]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Adaptive {
    /// The two estimates.
    pub pair: Pair,
    /// The error of a step.
    pub tolerance: Tolerance,
    /// The first step, in λ.
    pub first: f64,
    /// The factor below which a step is taken again.
    pub safety: f64,
    /// P, I and D of the controller.
    pub gains: [f64; 3],
    /// DDIM's η of the accepted steps.
    pub eta: f64,
    /// Whether a last step leads from the cleanest noisy level to σ = 0.
    pub clean_end: bool,
    /// The most attempts.
    pub attempts: usize,
}

/// What an adaptive run gives.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Adapted<S> {
    /// The samples, as x/α.
    pub state: S,
    /// Model evaluations of the batch.
    pub evaluations: usize,
    /// Accepted steps of each row.
    pub accepted: Vec<usize>,
    /// Steps of each row that were taken again.
    pub rejected: Vec<usize>,
}

/// Where one row is.
#[derive(Clone, Debug)]
struct Progress {
    at: Level,
    /// The step it will try, in λ.
    step: f64,
    /// 1/e of this step and of the last two accepted ones.
    quality: Option<[f64; 3]>,
    accepted: usize,
    rejected: usize,
}

/// One row's attempt.
#[derive(Clone, Copy)]
struct Attempt {
    from: Level,
    /// Where the ODE goes.
    down: Level,
    /// Where fresh noise leads then.
    to: Level,
    done: bool,
}

impl Adaptive {
    /// With the tolerances of k-diffusion: rtol 0.05, atol 0.0078, a first step of 0.05 and an integrating controller.
    #[must_use]
    pub fn new(pair: Pair) -> Self {
        Self {
            pair,
            tolerance: Tolerance { absolute: 0.0078, relative: 0.05 },
            first: 0.05,
            safety: 0.81,
            gains: [0.0, 1.0, 0.0],
            eta: 0.0,
            clean_end: true,
            attempts: 10_000,
        }
    }

    fn check(&self, [min, max]: [f64; 2]) -> Result<()> {
        let Tolerance { absolute, relative } = self.tolerance;
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if !(0.0 < min && min < max && max.is_finite()) {
            return Err(Error::argument("bad range of noise levels")
                .expected("0 < sigma_min < sigma_max < ∞")
                .got(format!("{min} and {max}")));
        }
        if positive(absolute) && relative >= 0.0 && relative.is_finite() && positive(self.first) && self.safety > 0.0 {
            return Ok(());
        }
        Err(Error::argument("bad step control")
            .expected("an absolute tolerance, a first step and a safety > 0, a relative tolerance ≥ 0")
            .got(format!("{absolute}, {}, {}, {relative}", self.first, self.safety)))
    }

    /// Draws the samples of `rows` from `model`, from σ/α = `range[1]` down to `range[0]` and to the clean end.
    ///
    /// # Errors
    /// A range or a tolerance that cannot be, steps that grow so small that `attempts` do not suffice, values that are not finite, or whatever the model meets.
    pub fn run<Sp: ErrorNorms>(
        &self,
        space: &Sp,
        model: &(impl Model<Sp::State> + ?Sized),
        range: [f64; 2],
        rows: &[SampleId],
    ) -> Result<Adapted<Sp::State>> {
        self.check(range)?;
        let mut run = Running { how: self, space, model, rows, evaluations: 0 };
        let start = Progress { at: ve(range[1]), step: self.first, quality: None, accepted: 0, rejected: 0 };
        let mut progress = vec![start; rows.len()];
        let noise = || space.combine(None, &[], &[(Coef::All(range[1]), 0)], rows);
        let (mut x, mut previous) = (noise()?, noise()?);
        for _ in 0..self.attempts {
            let attempts = progress.iter().map(|row| self.attempt(row, range[0])).collect::<Result<Vec<_>>>()?;
            if attempts.iter().all(|attempt| attempt.done) {
                if self.clean_end {
                    let levels: Vec<Level> = progress.iter().map(|row| row.at).collect();
                    x = run.denoised(&x, &levels)?;
                }
                return Ok(Adapted {
                    state: x,
                    evaluations: run.evaluations,
                    accepted: progress.iter().map(|row| row.accepted).collect(),
                    rejected: progress.iter().map(|row| row.rejected).collect(),
                });
            }
            (x, previous) = run.step(x, previous, &attempts, &mut progress)?;
        }
        Err(Error::argument("the steps became too small")
            .at("adaptive sampler")
            .expected(format!("the end within {} attempts", self.attempts))
            .got(format!("σ/α = {}", progress.iter().map(|row| row.at.sigma).fold(0.0, f64::max)))
            .hinting("loosen the tolerances"))
    }

    /// The next attempt of a row: the ancestral step of its size in λ, but not beyond the end.
    fn attempt(&self, row: &Progress, end: f64) -> Result<Attempt> {
        let from = row.at;
        // The end within rounding is the end.
        let done = from.sigma <= end * (1.0 + 1e-9);
        let to = ve((from.sigma * exp(-row.step)).max(end));
        let rho = if self.eta == 0.0 { 1.0 } else { ddim_rho(&from, &to, self.eta)? };
        Ok(Attempt { from, down: ve((rho * to.sigma).max(end)), to, done })
    }

    /// Judges an attempt: whether it is accepted, with the row brought up to date.
    fn judge(&self, row: &mut Progress, attempt: &Attempt, error: f64) -> bool {
        let quality = 1.0 / (1e-8 + error);
        let [_, last, before] = row.quality.unwrap_or([quality; 3]);
        let [p, i, d] = self.gains;
        let order = if self.eta == 0.0 { self.pair.order() } else { 1.5 };
        let factor = pow(quality, (p + i + d) / order) * pow(last, -(p + 2.0 * d) / order) * pow(before, d / order);
        let factor = 1.0 + atan(factor - 1.0);
        let accepted = factor >= self.safety;
        if accepted {
            row.quality = Some([quality, quality, last]);
            row.at = attempt.to;
            row.accepted += 1;
        } else {
            row.quality = Some([quality, last, before]);
            row.rejected += 1;
        }
        row.step *= factor;
        accepted
    }
}

struct Running<'a, Sp, M: ?Sized> {
    how: &'a Adaptive,
    space: &'a Sp,
    model: &'a M,
    rows: &'a [SampleId],
    evaluations: usize,
}

impl<Sp: ErrorNorms, M: Model<Sp::State> + ?Sized> Running<'_, Sp, M> {
    /// D at `x`, each row at its own level.
    fn denoised(&mut self, x: &Sp::State, levels: &[Level]) -> Result<Sp::State> {
        self.evaluations += 1;
        let Some(network) = self.model.formulation() else {
            let query = Query { at: At::PerRow(levels), ..Query::new(levels[0], self.rows) };
            return self.model.predict(x, &query);
        };
        let readings = levels.iter().map(|level| network.denoised(level)).collect::<Result<Vec<_>>>()?;
        let seen = levels.iter().map(|level| network.seen(level)).collect::<Result<Vec<_>>>()?;
        let column = |of: fn(&crate::formulation::Reading) -> f64| readings.iter().map(of).collect::<Vec<f64>>();
        let (scale, a, b) = (column(|r| r.scale), column(|r| r.a), column(|r| r.b));
        let scaled = self.space.combine(None, &[(Coef::PerRow(&scale), x)], &[], self.rows)?;
        let query = Query { at: At::PerRow(&seen), ..Query::new(seen[0], self.rows) };
        let out = self.model.predict(&scaled, &query)?;
        self.space.combine(Some((Coef::PerRow(&b), out)), &[(Coef::PerRow(&a), x)], &[], self.rows)
    }

    /// The values of the form at `x`.
    fn value(&mut self, form: Form, x: &Sp::State, levels: &[Level]) -> Result<Sp::State> {
        let denoised = self.denoised(x, levels)?;
        let parts = form.parts();
        let noise: Vec<f64> = levels.iter().map(|level| parts.noise / level.sigma).collect();
        let datum: Vec<f64> =
            levels.iter().zip(&noise).map(|(level, noise)| parts.datum - noise * level.alpha).collect();
        let x = [(Coef::PerRow(&noise), x)];
        self.space.combine(Some((Coef::PerRow(&datum), denoised)), &x, &[], self.rows)
    }

    /// The states at `ends`, each row's from the values at its own nodes; rows that are done stay.
    fn make(
        &self,
        (form, how): (Form, &Use),
        x: &Sp::State,
        attempts: &[Attempt],
        (nodes, values): (&[Vec<Level>], &[Sp::State]),
        ends: &[Level],
    ) -> Result<Sp::State> {
        let mut columns = vec![Vec::with_capacity(attempts.len()); how.of.len() + 1];
        for (row, attempt) in attempts.iter().enumerate() {
            let own: Vec<Level> = how.of.iter().map(|index| nodes[*index][row]).collect();
            let (a, b) = if attempt.done {
                (1.0, vec![0.0; own.len()])
            } else {
                how.poly.weights(form, &attempt.from, &own, &ends[row], (0.0, 1.0))
            };
            columns[0].push(a);
            b.into_iter().enumerate().for_each(|(k, b)| columns[k + 1].push(b));
        }
        let states = std::iter::once(x).chain(how.of.iter().map(|index| &values[*index]));
        let terms: Vec<(Coef<'_>, &Sp::State)> =
            columns.iter().map(|column| Coef::PerRow(column)).zip(states).collect();
        self.space.combine(None, &terms, &[], self.rows)
    }

    /// Tries one step of every row that is not done, and keeps what is accepted.
    fn step(
        &mut self,
        x: Sp::State,
        previous: Sp::State,
        attempts: &[Attempt],
        progress: &mut [Progress],
    ) -> Result<(Sp::State, Sp::State)> {
        let (table, low) = self.how.pair.table();
        let from: Vec<Level> = attempts.iter().map(|attempt| attempt.from).collect();
        let down: Vec<Level> = attempts.iter().map(|attempt| attempt.down).collect();
        let mut nodes = vec![from.clone()];
        let mut values = vec![self.value(table.form, &x, &from)?];
        for (place, how) in table.stages {
            let level = |attempt: &Attempt| match place {
                _ if attempt.done => attempt.from,
                Place::Lambda(share) => ve(attempt.from.sigma * pow(ratio(&attempt.from, &attempt.down), *share)),
                Place::End | Place::MiddleTime => attempt.down,
            };
            let levels: Vec<Level> = attempts.iter().map(level).collect();
            let stage = self.make((table.form, how), &x, attempts, (&nodes, &values), &levels)?;
            values.push(self.value(table.form, &stage, &levels)?);
            self.space.recycle(stage);
            nodes.push(levels);
        }
        let low = self.make((table.form, &low), &x, attempts, (&nodes, &values), &down)?;
        let high = self.make((table.form, &table.last), &x, attempts, (&nodes, &values), &down)?;
        let errors = self.space.error_norms(&low, &high, &previous, self.how.tolerance)?;
        let (mut taken, mut kept) = (Vec::new(), Vec::new());
        // Noise by its number: a row's own count of accepted steps, so that it does not depend on the others'.
        let mut noise: Vec<(Draw, Vec<f64>)> = Vec::new();
        for (row, (attempt, error)) in attempts.iter().zip(&errors).enumerate() {
            if !attempt.done && !error.is_finite() {
                return Err(Error::singular("the model's values are not finite")
                    .at(format!("row {row}, σ/α = {}", attempt.from.sigma)));
            }
            let accepted = !attempt.done && self.how.judge(&mut progress[row], attempt, *error);
            taken.push(f64::from(u8::from(accepted)));
            kept.push(f64::from(u8::from(!accepted)));
            let power = attempt.to.sigma.powi(2) - attempt.down.sigma.powi(2);
            if accepted && power > 0.0 {
                let draw = progress[row].accepted as Draw;
                let column = match noise.iter().position(|(known, _)| *known == draw) {
                    Some(known) => known,
                    None => {
                        noise.push((draw, vec![0.0; attempts.len()]));
                        noise.len() - 1
                    }
                };
                noise[column].1[row] = power.sqrt();
            }
        }
        let noise: Vec<(Coef<'_>, Draw)> = noise.iter().map(|(draw, column)| (Coef::PerRow(column), *draw)).collect();
        let mix = |old, new, noise: &[(Coef<'_>, Draw)]| {
            self.space.combine(Some((Coef::PerRow(&kept), old)), &[(Coef::PerRow(&taken), new)], noise, self.rows)
        };
        Ok((mix(x, &high, &noise)?, mix(previous, &low, &[])?))
    }
}

#[cfg(test)]
mod tests;
