//! The fit of a family of plans to a fine solution by Levenberg–Marquardt.

use super::memory::{Answers, Mode, Remembering};
use super::table::{self, Table};
use crate::recommend::Compiler;
use langevin::error::{Error, Result};
use langevin::formulation::Formulation;
use langevin::model::Model;
use langevin::plan::{Plan, Sampling};
use langevin::process::Process;
use langevin::sampler::Sampler;
use nalgebra::{DMatrix, DVector};

/// The step of a forward difference. The residual is smooth, and computed in double precision.
const STEP: f64 = 1e-5;
/// The first damping, relative to the diagonal of the normal equations, and its bounds.
const DAMPING: [f64; 3] = [1e-3, 1e-9, 1e6];
/// The number of damped steps that are tried in an iteration.
pub(super) const TRIES: usize = 8;
/// A fit ends when the error falls by less than this share in an iteration.
const ENOUGH: f64 = 3e-4;
/// A fit ends when the error on samples that it does not see has not fallen for so many iterations.
const PATIENCE: usize = 4;

/// Plans with parameters.
pub(super) trait Family {
    fn parameters(&self) -> Vec<f64>;
    fn moved(&self, parameters: &[f64]) -> Result<Self>
    where
        Self: Sized;
    fn compile(&self, name: &str) -> Result<Plan>;
}

/// The process of all plans of a fit, and the formulation of the network.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) process: &'a Process,
    pub(super) network: Option<&'a Formulation>,
}

/// A table of which some parameters are free.
pub(super) struct Free<'a> {
    pub(super) table: Table,
    pub(super) setting: Setting<'a>,
    /// True if the levels are free too.
    pub(super) levels: bool,
}

impl Free<'_> {
    fn fixed(&self) -> usize {
        if self.levels { 0 } else { self.table.levels().len() - 1 }
    }
}

impl Family for Free<'_> {
    fn parameters(&self) -> Vec<f64> {
        self.table.parameters().split_off(self.fixed())
    }

    fn moved(&self, parameters: &[f64]) -> Result<Self> {
        let mut all = self.table.parameters();
        all.truncate(self.fixed());
        all.extend_from_slice(parameters);
        Ok(Self { table: self.table.with_parameters(&all)?, ..*self })
    }

    fn compile(&self, name: &str) -> Result<Plan> {
        self.table.plan(name, self.setting.process, self.setting.network)
    }
}

/// A known sampler on a free grid.
pub(super) struct Timed<'a> {
    pub(super) compiler: &'a dyn Compiler,
    pub(super) sampler: Sampler,
    /// Falling noise levels σ/α, without the clean end.
    pub(super) levels: Vec<f64>,
    pub(super) least: f64,
}

/// Returns the name of the grid of these noise levels σ/α, with the clean end.
pub(super) fn listed(levels: &[f64]) -> String {
    let levels: Vec<String> = levels.iter().chain([&0.0]).map(f64::to_string).collect();
    format!("list:{}", levels.join(","))
}

impl Family for Timed<'_> {
    fn parameters(&self) -> Vec<f64> {
        table::steps(&self.levels)
    }

    fn moved(&self, parameters: &[f64]) -> Result<Self> {
        let levels = table::levels(self.levels[0], parameters, self.least)?;
        Ok(Self { compiler: self.compiler, sampler: self.sampler.clone(), levels, least: self.least })
    }

    fn compile(&self, _: &str) -> Result<Plan> {
        self.compiler.plan(&self.sampler, &listed(&self.levels), None)
    }
}

/// The samples that a family is fitted on, and the solution that it is to reach.
pub(super) struct Target<'a, M: ?Sized> {
    model: &'a Remembering<'a, M>,
    sampling: Sampling,
    width: usize,
    reference: Vec<f64>,
}

impl<'a, M: Model<Vec<f64>> + Sync + ?Sized> Target<'a, M> {
    /// Runs the fine plan on the samples of `sampling`.
    ///
    /// # Errors
    /// Returns an error if the model fails or if the solution is not finite.
    pub(super) fn new(model: &'a Remembering<'a, M>, sampling: Sampling, width: usize, fine: &Plan) -> Result<Self> {
        let reference = sampling.run::<f64>(fine, model)?;
        if reference.iter().any(|x| !x.is_finite()) {
            return Err(Error::argument("the fine solution is not finite")
                .at(fine.name().to_owned())
                .expected("finite samples")
                .got("a sample that is infinite or not a number"));
        }
        Ok(Self { model, sampling, width, reference })
    }

    pub(super) fn reference(&self) -> &[f64] {
        &self.reference
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn rows(&self) -> usize {
        self.reference.len() / self.width.max(1)
    }

    /// Returns the samples of a plan.
    pub(super) fn samples(&self, plan: &Plan) -> Result<Vec<f64>> {
        self.sampling.run::<f64>(plan, self.model)
    }

    /// Returns the samples of a plan on another model.
    pub(super) fn samples_of(&self, plan: &Plan, model: &(impl Model<Vec<f64>> + Sync)) -> Result<Vec<f64>> {
        self.sampling.run::<f64>(plan, model)
    }

    /// Returns the samples of a plan, and the answers of the model to each of its questions.
    pub(super) fn answers(&self, plan: &Plan) -> Result<(Vec<f64>, Answers)> {
        self.model.set(Mode::Keep);
        let samples = self.samples(plan)?;
        let answers = self.model.answers(self.rows(), self.width);
        self.model.set(Mode::Ask);
        Ok((samples, answers))
    }

    /// Returns the samples of a plan minus the reference.
    fn residual(&self, plan: &Plan) -> Result<DVector<f64>> {
        let samples = self.samples(plan)?;
        Ok(DVector::from_iterator(samples.len(), samples.iter().zip(&self.reference).map(|(a, b)| a - b)))
    }

    /// Returns the target of the first rows alone.
    pub(super) fn head(&self, rows: usize) -> Self {
        let rows = rows.min(self.rows());
        let reference = self.reference[..rows * self.width].to_vec();
        Self { model: self.model, sampling: self.sampling.count(rows), width: self.width, reference }
    }

    /// Returns the root mean square distance of a plan's samples from the reference.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    pub(super) fn error(&self, plan: &Plan) -> Result<f64> {
        let residual = self.residual(plan)?;
        Ok((residual.norm_squared() / residual.len() as f64).sqrt())
    }

    /// Returns the mean square distance of each sample from its reference.
    pub(super) fn errors(&self, samples: &[f64]) -> Vec<f64> {
        let pairs = samples.chunks(self.width).zip(self.reference.chunks(self.width));
        let square = |(a, b): (&[f64], &[f64])| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        pairs.map(|pair| square(pair) / self.width as f64).collect()
    }

    /// Fits a family, with at most `iterations` steps, and returns the member with the smallest
    /// error on the samples of `judge`, with that error. `goes_on` is asked after each step; the
    /// fit ends if it returns false.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    pub(super) fn fit<F: Family>(
        &self,
        start: F,
        iterations: usize,
        judge: &Target<'_, M>,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(F, f64)> {
        // Every plan is compiled from the start and its parameters, so that coefficients that do
        // not depend on a parameter are the same to the bit.
        let compile = |parameters: &[f64]| start.moved(parameters)?.compile("tuned");
        let mut here = start.parameters();
        let mut best = (here.clone(), judge.error(&compile(&here)?)?);
        let mut since = 0;
        self.model.set(Mode::Keep);
        let mut residual = self.residual(&compile(&here)?)?;
        let mut damping = DAMPING[0];
        for _ in 0..iterations {
            let before = residual.norm_squared();
            self.model.set(Mode::Recall);
            let jacobian = self.jacobian(&here, &residual, &compile)?;
            let (normal, gradient) = (jacobian.tr_mul(&jacobian), jacobian.tr_mul(&residual));
            let mut moved = false;
            for _ in 0..TRIES {
                let mut system = normal.clone();
                // A parameter at its bound moves nothing, and stays.
                let least = 1e-12 * normal.diagonal().max().max(f64::MIN_POSITIVE);
                for k in 0..system.nrows() {
                    system[(k, k)] += damping * normal[(k, k)].max(least);
                }
                let Some(step) = system.cholesky().map(|factor| factor.solve(&gradient)) else {
                    damping = (8.0 * damping).min(DAMPING[2]);
                    continue;
                };
                let next: Vec<f64> = here.iter().zip(step.iter()).map(|(p, s)| p - s).collect();
                // A step to levels outside the process was too long.
                let tried = compile(&next).ok().map(|plan| {
                    self.model.set(Mode::Keep);
                    self.residual(&plan).map(|there| (next, there))
                });
                match tried {
                    Some(Ok((next, there))) if there.norm_squared() < before => {
                        (here, residual, moved) = (next, there, true);
                        damping = (damping / 5.0).max(DAMPING[1]);
                        break;
                    }
                    Some(Err(error)) if !error.is_singular() => return Err(error),
                    _ => damping = (8.0 * damping).min(DAMPING[2]),
                }
            }
            let after = residual.norm_squared();
            if moved {
                self.model.set_aside(true);
                let judged = judge.error(&compile(&here)?)?;
                self.model.set_aside(false);
                since = if judged < best.1 { 0 } else { since + 1 };
                if judged < best.1 {
                    best = (here.clone(), judged);
                }
            }
            if !goes_on() || !moved || since == PATIENCE || before - after < ENOUGH * before {
                break;
            }
        }
        self.model.set(Mode::Ask);
        Ok((start.moved(&best.0)?, best.1))
    }

    fn jacobian(
        &self,
        here: &[f64],
        residual: &DVector<f64>,
        compile: &dyn Fn(&[f64]) -> Result<Plan>,
    ) -> Result<DMatrix<f64>> {
        let mut jacobian = DMatrix::zeros(residual.len(), here.len());
        for k in 0..here.len() {
            let mut moved = here.to_vec();
            moved[k] += STEP;
            jacobian.set_column(k, &((self.residual(&compile(&moved)?)? - residual) / STEP));
        }
        Ok(jacobian)
    }
}
