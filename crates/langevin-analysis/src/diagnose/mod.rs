//! Where the error of a model's samples comes from.
//!
//! | cause | in nats | in the data's units | of what |
//! |---|---|---|---|
//! | start: $\mathcal N(0, \sigma_T^2)$ in place of $p_T$ | KL(data‖model) of steps of no length | $W_2$ of the same | the fitted Gaussian, exact |
//! | truncation: the steps end at $\sigma_{min}$ | KL(data‖$p_{min}$), or of the step from there to 0 | $W_2$ of the same | the same; and the model's own density at $\sigma_{min}$ beside the cleanest one |
//! | discretisation | KL of the plan from $p_T$, but for its last step | the plan beside one of twice the steps, from the same noise | the same; the second scales the first |
//! | score | how much less likely the data are than they could be | what the samples are off by, but for the others | likelihoods and samples: indicative |
//!
//! **The fitted Gaussian** has the data's mean and covariance. Its numbers are exact ([`analysis`](crate::analysis)), for it; the start depends on little else, for at $\sigma_T$ the noise has made
//! any data nearly Gaussian: $KL(p_T\Vert\mathcal N) = KL(p_T\Vert G_T) + KL(G_T\Vert\mathcal N)$ with G of the same moments, of which this is the second. The truncation depends on detail that it lacks. It is the
//! smoothest density of its moments, so its figure is a floor there.
//!
//! **Truncation, by the model.** With $q_y$ the density of the ODE model at the level y, $E[\log q_{clean}(x_0) - \log q_{min}(x_0)]$ over the data is $KL(p\Vert q_{min}) - KL(p\Vert q_{clean})$. It is of a
//! stop at $\sigma_{min}$; a last step to 0 sharpens by about as much as a stop blurs. The larger of the two figures counts. A last level that moves when the steps are doubled is no truncation: its step counts as discretisation.
//!
//! **Discretisation, by the model.** KL is quadratic in a small displacement. So the Gaussian's figure is scaled by the square of the ratio of two displacements between the plan and the finer one, of the model and of the
//! Gaussian, both from the same noise. That needs plans whose only draw is the start: the draws of a stochastic sampler belong to its steps, and those of twice as many have no partners. There the Gaussian's figure stands alone.
//!
//! **Score.** With the exact score the bound of the SDE model (h = g) and the density of the ODE model (h = 0) are, in the mean over the data, the same number, the entropy H. With any other both are larger:
//! the first by at most $\int E\lVert\Delta\varepsilon\rVert^2 d\lambda$, the second by a KL divergence. So their difference, the *gap*, is in size at most the larger excess, and a gap is an error of the score; but two excesses may
//! cancel in it. For few dimensions H is estimated from the neighbours in the data ([`neighbour_surprise`](crate::metrics::neighbour_surprise)), and the excess of the plan's own kind of model beside it does not cancel. What counts is the larger of the two, each less three times its
//! standard error (and less what the choice of neighbour changes): a figure within its noise counts as 0. The likelihoods run over the whole trained range, so they know nothing of the plan's start, end and steps. The
//! [`residuals`] are told beside them.
//!
//! **Floor.** Samples of any model are as far from data as data are from other data: the sliced $W_2$ of two halves of the data, as many rows each as samples are compared, over some random halves. The distance of the score is what the
//! samples of twice the steps are off by beyond it and twice its spread, less the other causes.
//!
//! # Nats or distances
//!
//! The shares are of nats, where all four are finite numbers, and of squared distances otherwise. They may disagree. Nats weigh an error by the spread of the data in its direction: a blur of 0.1 across a curve of thickness 0.05 is
//! the whole error in nats, and nothing beside a displacement of 0.3 along it. Nats are right where samples must not be told from data; distances where they must be near. And nats are the one unit in which each cause is found without the
//! others: a distance of the score is what samples are off by, less the rest, and drowns in the floor first. Where data have no density (an eigenvalue 0) nats are infinite, and say nothing.

mod advice;
mod diagnosis;
mod residual;
mod run;
mod study;

pub use advice::Advice;
pub use diagnosis::{Attribution, Coupled, Diagnosis, Evidence, Excess, Floor, Gap, Generalisation, SharesOf};
pub use residual::{Residual, ResidualRun, residuals, start_residuals};
pub use run::DiagnoseRun;

use crate::analysis::{Analysis, Cause, Contribution};
use crate::metrics::sliced_wasserstein;
use crate::rows::check_rows;
use langevin::error::{Error, Result};
use langevin::formulation::{Formulation, LambdaRange};
use langevin::model::Vjp;
use langevin::noise::{SampleId, draws, fill_uniforms};
use langevin::plan::Plan;
use langevin::space::RowWise;
use study::{Measured, Study};

/// The widest data to which a Gaussian with all its axes is fitted.
const MAX_FIT: usize = 512;
/// Directions of a sliced distance.
const PROJECTIONS: usize = 128;
/// The neighbour that tells the entropy; its double tells how well.
const NEIGHBOUR: usize = 4;
/// How often the data are split in halves.
const SPLITS: u64 = 8;
/// Rows of the residuals, and levels.
const RESIDUALS: [usize; 2] = [128, 8];

/// What to diagnose, and how closely.
///
/// ```
/// use langevin_analysis::analysis::Cause;
/// use langevin_analysis::diagnose::Diagnose;
/// use langevin_analysis::exact::{self, Density};
/// use langevin::{Grid, LambdaRange, Process, SampleId, Sampler};
/// let data = exact::named("gaussian")?;
/// let rows: Vec<SampleId> = (0..1000).map(|index| SampleId { seed: 0, index }).collect();
/// let process = Process::ve();
/// let plan = |steps| Sampler::ddim(0.0).compile(&process, None, &Grid::karras(steps).levels(&process, 0.002, 80.0)?);
/// let (plan, finer) = (plan(5)?, plan(10)?);
/// let diagnose = Diagnose::new(&plan, LambdaRange::from_sigma_ve(0.002, 80.0)?).finer(&finer).samples(200).rows(50);
/// let found = diagnose.run(&*data, &data.sample(&rows), 2)?;
/// // The score is exact; five steps are too few.
/// assert_eq!(found.ranking()[0].cause, Cause::Discretisation);
/// println!("{found}");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Diagnose<'a> {
    plan: &'a Plan,
    finer: Option<&'a Plan>,
    rivals: &'a [Plan],
    range: LambdaRange,
    likelihoods: bool,
    split: Option<(&'a [f64], &'a [f64])>,
    samples: usize,
    rows: usize,
    levels: usize,
    unit: f64,
    seed: u64,
    threads: usize,
}

impl<'a> Diagnose<'a> {
    /// Of the samples that `plan` draws; `range` is where the model was trained, over which its likelihoods run.
    #[must_use]
    pub fn new(plan: &'a Plan, range: LambdaRange) -> Self {
        Self {
            plan,
            finer: None,
            rivals: &[],
            range,
            likelihoods: true,
            split: None,
            samples: 1000,
            rows: 256,
            levels: 256,
            unit: 1.0,
            seed: 0,
            threads: 1,
        }
    }

    /// With the same sampler of twice the steps.
    #[must_use]
    pub fn finer(mut self, finer: &'a Plan) -> Self {
        self.finer = Some(finer);
        self
    }

    /// With other plans of as many evaluations, among which advice may be sought.
    #[must_use]
    pub fn rivals(mut self, rivals: &'a [Plan]) -> Self {
        self.rivals = rivals;
        self
    }

    /// Without likelihoods: for a model that is no score, as where the noise of its training was coupled to the data.
    #[must_use]
    pub fn without_likelihoods(mut self) -> Self {
        self.likelihoods = false;
        self
    }

    /// Compares the likelihood of rows that the model was trained on with that of held-out rows, to tell an over-trained network from one that needs more training. Both in the coordinates of the model; at
    /// most [`rows`](Self::rows) of each are used, the first ones.
    #[must_use]
    pub fn split(mut self, trained: &'a [f64], held_out: &'a [f64]) -> Self {
        self.split = Some((trained, held_out));
        self
    }

    /// With this many samples. 1,000 by default.
    #[must_use]
    pub fn samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// With likelihoods of at most this many rows. 256 by default.
    #[must_use]
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }

    /// With this many noise levels for each datum of the bound, which cost an evaluation each. 256 by default.
    #[must_use]
    pub fn levels(mut self, levels: usize) -> Self {
        self.levels = levels;
        self
    }

    /// With distances times this: where data = shift + unit·x.
    #[must_use]
    pub fn unit(mut self, unit: f64) -> Self {
        self.unit = unit;
        self
    }

    /// With this seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// On this many threads, which do not change the result.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Finds where the error comes from; `data` are rows of `dim` elements, in the coordinates of the model, that the model was not trained on if there are such.
    ///
    /// # Errors
    /// Fewer than 4 rows, rows that are not whole or not finite; a plan with maps or inputs; no samples; or whatever the model meets.
    pub fn run<M: Vjp<Vec<f64>> + Sync + ?Sized>(&self, model: &M, data: &[f64], dim: usize) -> Result<Diagnosis> {
        let study = Study::new(self, data, dim)?;
        let mut measured = Measured::default();
        for task in study.tasks() {
            measured.put(task, study.measure(task, model)?);
        }
        study.conclude(measured, model.formulation())
    }

    /// Starts a diagnosis whose caller evaluates the network: see [`drive`](langevin::drive). It runs on one thread,
    /// and its samples and likelihoods are computed in `space`.
    ///
    /// `network` is the network's formulation; `None` if its output is the denoised prediction. `data` are rows of
    /// the space's width.
    ///
    /// ```
    /// use langevin_analysis::diagnose::Diagnose;
    /// use langevin::drive::drive;
    /// use langevin_analysis::exact::{self, Density};
    /// use langevin::{Grid, LambdaRange, Process, SampleId, Sampler, SliceSpace};
    /// let data = exact::named("gaussian")?;
    /// let rows: Vec<SampleId> = (0..100).map(|index| SampleId { seed: 0, index }).collect();
    /// let (process, x) = (Process::ve(), data.sample(&rows));
    /// let plan = Sampler::ddim(0.0).compile(&process, None, &Grid::karras(5).levels(&process, 0.002, 80.0)?)?;
    /// let diagnose = Diagnose::new(&plan, LambdaRange::from_sigma_ve(0.002, 80.0)?).samples(50).rows(20).levels(16);
    /// let space = SliceSpace::<f64>::new(2);
    /// let found = drive(diagnose.start(&space, None, &x)?, |question| question.ask_vjp(&data))?;
    /// assert_eq!(found.to_string(), diagnose.run(&*data, &x, 2)?.to_string());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if there are fewer than 4 rows, if rows are not whole or not finite, if a plan has maps or
    /// inputs or reads another network, or if no samples are asked for.
    pub fn start<Sp: RowWise>(
        &self,
        space: &'a Sp,
        network: Option<&Formulation>,
        data: &[f64],
    ) -> Result<DiagnoseRun<'a, Sp>> {
        DiagnoseRun::new(Study::new(self, data, space.width())?, space, network.cloned())
    }

    fn check(&self, data: &[f64], dim: usize) -> Result<()> {
        check_rows(data, dim)?;
        let need = |what: &str, expected: &str, got: usize| {
            Err(Error::argument(what).at("diagnose").expected(expected.to_owned()).got(got.to_string()))
        };
        if data.len() / dim < 4 {
            return need("too few rows to tell noise from error", "4 or more, for two halves of two", data.len() / dim);
        }
        if self.samples < 2 {
            return need("too few samples", "2 or more", self.samples);
        }
        if self.rows < 2 {
            return need("too few rows for a likelihood", "2 or more, for a standard error", self.rows);
        }
        if !(self.unit > 0.0 && self.unit.is_finite()) {
            return Err(Error::argument("bad unit").expected("a finite number > 0").got(self.unit.to_string()));
        }
        for plan in std::iter::once(self.plan).chain(self.finer) {
            if !plan.inputs().is_empty() {
                return Err(Error::argument("a sampler that starts from data draws no samples of its own")
                    .at(format!("plan {}", plan.name()))
                    .expected("a plan that starts from noise")
                    .got(format!("{} inputs", plan.inputs().len())));
            }
        }
        Ok(())
    }

    /// The rows in a random order: files are sorted at times.
    fn shuffled(&self, data: &[f64], dim: usize, order: u32) -> Vec<f64> {
        let key = |index: usize| {
            let mut u = [0.0];
            fill_uniforms(SampleId { seed: self.seed, index: index as u64 }, draws::DIAGNOSE_ORDER.nth(order), &mut u);
            (u[0], index)
        };
        let mut keys: Vec<(f64, usize)> = (0..data.len() / dim).map(key).collect();
        keys.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        keys.into_iter().flat_map(|(_, row)| data[row * dim..(row + 1) * dim].iter().copied()).collect()
    }

    /// The samples against halves of the data, and halves against each other.
    fn floor(&self, data: &[f64], dim: usize, half: usize, samples: &[f64], finer: Option<&[f64]>) -> Result<Floor> {
        let projections = if dim == 1 { 1 } else { PROJECTIONS };
        let square = |a: &[f64], b: &[f64]| -> Result<f64> {
            Ok((self.unit * sliced_wasserstein(a, b, dim, projections, self.seed)?).powi(2))
        };
        let (mut data_square, mut sample_square, mut finer_square) = (Vec::new(), Vec::new(), Vec::new());
        for split in 0..SPLITS {
            let rows = self.shuffled(data, dim, 1 + split as u32);
            let (first, second) = (&rows[..half * dim], &rows[half * dim..2 * half * dim]);
            data_square.push(square(first, second)?);
            sample_square.push(square(&samples[..half * dim], first)?);
            if let Some(finer) = finer {
                finer_square.push(square(&finer[..half * dim], first)?);
            }
        }
        let mean = |squares: &[f64]| squares.iter().sum::<f64>() / SPLITS as f64;
        let spread = data_square.iter().map(|square| (square - mean(&data_square)).powi(2)).sum::<f64>();
        Ok(Floor {
            rows: half,
            data: mean(&data_square).sqrt(),
            spread: (spread / (SPLITS - 1) as f64).sqrt(),
            samples: mean(&sample_square).sqrt(),
            finer: finer.map(|_| mean(&finer_square).sqrt()),
        })
    }
}

/// Whether no move draws noise.
fn deterministic(plan: &Plan) -> bool {
    plan.draws() == 1
}

/// The cleanest level that the plan reads before σ = 0, in σ/α.
fn end(plan: &Plan, analysis: &Analysis) -> f64 {
    match (&analysis.last, plan.moves().last()) {
        (Some(last), _) => last.from,
        (None, Some(last)) => last.to.sigma_ve(),
        (None, None) => 0.0,
    }
}

/// The part of a cause, where the analysis could tell them apart.
fn part(analysis: &Analysis, cause: Cause) -> Option<&Contribution> {
    analysis.contributions.iter().find(|part| part.cause == cause)
}

#[cfg(test)]
mod tests;
