//! Adaptive step sizes: a controller that compiles one step at a time and accepts or repeats it.
//!
//! The steps come from the same tables of stages as the named samplers. Every row has its own level
//! and its own step size, so sample i does not depend on the rest of the batch. The original
//! controller judges the batch as a whole, so its samples depend on the other rows.
//!
//! Two estimates of a step, of neighbouring orders and from the same evaluations, differ by
//!
//! $$e = \sqrt{\tfrac1d\sum_j\left(\frac{\mathrm{low}_j - \mathrm{high}_j}
//!   {\max(\mathrm{atol}, \mathrm{rtol}\max(|\mathrm{low}_j|, |\mathrm{previous}_j|))}\right)^2},$$
//!
//! in the coordinates x/α. Here "previous" is the low estimate of the last accepted step.
//!
//! Let q = 1/(10⁻⁸ + e), now and at the last two accepted steps. The step in λ is multiplied by
//! $1 + \arctan(q_0^{b_0} q_1^{b_1} q_2^{b_2} - 1)$, and accepted if that factor is at least
//! `safety`; $b = ((P+I+D), -(P+2D), D)/k$ for a pair whose higher order is k.
//!
//! Source: DPM-Solver-12 and -23, arXiv 2206.00927, appendix C; the controller is k-diffusion's.

mod run;

pub use run::AdaptiveRun;

use crate::drive::drive;
use crate::error::{Error, Result};
use crate::formulation::Formulation;
use crate::math::{atan, exp, pow};
use crate::model::Model;
use crate::moves::ddim_rho;
use crate::noise::SampleId;
use crate::process::{Level, ve};
use crate::sampler::form::Poly;
use crate::sampler::stages::{self, FIRST, LAMBDA, Table, Use};
use crate::space::{ErrorNorms, Tolerance};

/// Two estimates of one step.
///
/// ```
/// use langevin::adaptive::Pair;
/// assert_eq!(Pair::parse("dpm12")?, Pair::Dpm12);
/// assert_eq!(Pair::default(), Pair::Dpm23);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pair {
    /// DPM-Solver-1 and -2: two evaluations per step.
    Dpm12,
    /// DPM-Solver-2 and -3: three evaluations per step.
    #[default]
    Dpm23,
    /// Euler and Heun in σ/α: two evaluations per step.
    EulerHeun,
}

/// DPM-Solver-2 at a third of the step, whose evaluation DPM-Solver-3 also uses.
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

    /// Parses the name of a pair: `dpm12`, `dpm23` or `euler-heun`.
    ///
    /// ```
    /// use langevin::adaptive::Pair;
    /// assert_eq!(Pair::parse("euler-heun")?, Pair::EulerHeun);
    /// assert!(Pair::parse("dpm13").unwrap_err().to_string().contains("dpm12"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the name is unknown, with the nearest known one.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "dpm12" => Ok(Self::Dpm12),
            "dpm23" | "dpm-adaptive" => Ok(Self::Dpm23),
            "euler-heun" | "heun" => Ok(Self::EulerHeun),
            _ => Err(Error::unknown("pair", name, &["dpm12", "dpm23", "euler-heun"])),
        }
    }
}

/// Settings of an adaptive sampler. See the [module](self).
///
/// ```
/// use langevin::adaptive::{Adaptive, Pair};
/// use langevin::{SampleId, SliceSpace};
/// use langevin_analysis::exact;
/// let (data, space) = (exact::named("moons")?, SliceSpace::<f64>::new(2));
/// let rows: Vec<SampleId> = (0..100).map(|index| SampleId { seed: 1, index }).collect();
/// let adaptive = Adaptive::new(Pair::Dpm23);
/// let run = adaptive.run(&space, &data, [0.002, 80.0], &rows)?;
/// assert_eq!(run.state.len(), 200);
/// // A sample does not depend on the rest of the batch.
/// let alone = adaptive.run(&space, &data, [0.002, 80.0], &rows[7..8])?;
/// assert_eq!(alone.state, run.state[14..16]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Adaptive {
    /// The two estimates.
    pub pair: Pair,
    /// The tolerated error of a step.
    pub tolerance: Tolerance,
    /// The size of the first step, in λ.
    pub first: f64,
    /// The factor below which a step is repeated.
    pub safety: f64,
    /// P, I and D of the controller.
    pub gains: [f64; 3],
    /// DDIM's η of the accepted steps.
    pub eta: f64,
    /// True if a last step leads from the cleanest noisy level to σ = 0.
    pub clean_end: bool,
    /// The largest number of attempts.
    pub attempts: usize,
}

/// The result of an adaptive run.
///
/// ```
/// use langevin::adaptive::{Adaptive, Pair};
/// use langevin::{SampleId, SliceSpace};
/// use langevin_analysis::exact;
/// let (data, space) = (exact::named("moons")?, SliceSpace::<f64>::new(2));
/// let mut adaptive = Adaptive::new(Pair::Dpm23);
/// let run = adaptive.run(&space, &data, [0.002, 80.0], &[SampleId::default()])?;
/// // A smaller tolerance takes more evaluations.
/// adaptive.tolerance.relative = 0.005;
/// adaptive.tolerance.absolute = 0.0008;
/// let fine = adaptive.run(&space, &data, [0.002, 80.0], &[SampleId::default()])?;
/// assert!(fine.evaluations > run.evaluations && fine.accepted[0] > run.accepted[0]);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Adapted<S> {
    /// The samples, as x/α.
    pub state: S,
    /// The number of model evaluations of the batch.
    pub evaluations: usize,
    /// The number of accepted steps of each row.
    pub accepted: Vec<usize>,
    /// The number of repeated steps of each row.
    pub rejected: Vec<usize>,
}

/// The position of one row.
#[derive(Clone, Debug)]
struct Progress {
    at: Level,
    /// The size of the next attempt, in λ.
    step: f64,
    /// 1/e of this step and of the last two accepted steps.
    quality: Option<[f64; 3]>,
    accepted: usize,
    rejected: usize,
}

/// One row's attempt.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    from: Level,
    /// The level at which the ODE ends.
    down: Level,
    /// The level to which fresh noise then leads.
    to: Level,
    done: bool,
}

impl Adaptive {
    /// Returns the settings of k-diffusion: rtol 0.05, atol 0.0078, a first step of 0.05 and an
    /// integrating controller.
    ///
    /// ```
    /// use langevin::adaptive::{Adaptive, Pair};
    /// let adaptive = Adaptive::new(Pair::Dpm23);
    /// assert_eq!((adaptive.tolerance.relative, adaptive.tolerance.absolute), (0.05, 0.0078));
    /// ```
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

    /// Draws the samples of `rows` from `model`, from σ/α = `range[1]` down to `range[0]` and to
    /// the clean end.
    ///
    /// ```
    /// use langevin::adaptive::{Adaptive, Pair};
    /// use langevin::{SampleId, SliceSpace};
    /// use langevin_analysis::exact::Gaussian;
    /// let data = Gaussian::isotropic(vec![3.0], 0.25)?;
    /// let rows: Vec<SampleId> = (0..500).map(|index| SampleId { seed: 2, index }).collect();
    /// let space = SliceSpace::<f64>::new(1);
    /// let run = Adaptive::new(Pair::Dpm23).run(&space, &data, [0.002, 80.0], &rows)?;
    /// let mean = run.state.iter().sum::<f64>() / 500.0;
    /// assert!((mean - 3.0).abs() < 0.1, "{mean}");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if:
    ///
    /// - the range or a tolerance is not positive and finite;
    /// - the steps become so small that `attempts` do not suffice;
    /// - the model returns values that are not finite, or fails.
    pub fn run<Sp: ErrorNorms>(
        &self,
        space: &Sp,
        model: &(impl Model<Sp::State> + ?Sized),
        range: [f64; 2],
        rows: &[SampleId],
    ) -> Result<Adapted<Sp::State>> {
        drive(self.start(space, model.formulation(), range, rows)?, |question| question.ask(model))
    }

    /// Starts a run whose caller evaluates the network: see [`drive`](crate::drive). `network` is
    /// the network's formulation; `None` if its output is the denoised prediction.
    ///
    /// ```
    /// use langevin::adaptive::{Adaptive, Pair};
    /// use langevin::drive::Program;
    /// use langevin::{Model, SampleId, SliceSpace};
    /// use langevin_analysis::exact;
    /// let (data, space) = (exact::named("moons")?, SliceSpace::<f64>::new(2));
    /// let adaptive = Adaptive::new(Pair::Dpm12);
    /// let mut run = adaptive.start(&space, None, [0.002, 80.0], &[SampleId::default()])?;
    /// while let Some(question) = run.query()? {
    ///     let out = data.predict(question.x, &question.query)?;
    ///     run.supply(out.into())?;
    /// }
    /// let adapted = run.finish()?;
    /// let attempts = adapted.accepted[0] + adapted.rejected[0];
    /// assert_eq!(adapted.evaluations, 1 + 2 * attempts);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the range or a tolerance is not positive and finite, or if the space
    /// fails.
    pub fn start<Sp: ErrorNorms>(
        &self,
        space: Sp,
        network: Option<&Formulation>,
        range: [f64; 2],
        rows: &[SampleId],
    ) -> Result<AdaptiveRun<Sp>> {
        AdaptiveRun::new(*self, space, network.cloned(), range, rows.to_vec())
    }

    /// Returns the next attempt of a row: the ancestral step of its size in λ, but not beyond the
    /// end.
    fn attempt(&self, row: &Progress, end: f64) -> Result<Attempt> {
        let from = row.at;
        // A level within rounding of the end counts as the end.
        let done = from.sigma <= end * (1.0 + 1e-9);
        let to = ve((from.sigma * exp(-row.step)).max(end));
        let rho = if self.eta == 0.0 { 1.0 } else { ddim_rho(&from, &to, self.eta)? };
        Ok(Attempt { from, down: ve((rho * to.sigma).max(end)), to, done })
    }

    /// Updates the row after an attempt, and returns whether the attempt is accepted.
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
