//! Finds the sources of the error in a model's samples.
//!
//! | cause | in nats | as a distance | computed on |
//! |---|---|---|---|
//! | start: $\mathcal N(0, \sigma_T^2)$ in place of $p_T$ | KL(data‖model) of steps of zero length | $W_2$ of the same | the fitted Gaussian, exactly |
//! | truncation: the steps end at $\sigma_{min}$ | KL(data‖$p_{min}$), or of the step from there to 0 | $W_2$ of the same | the fitted Gaussian; and the model's density at $\sigma_{min}$ against its density at the cleanest level |
//! | discretisation | KL of the plan from $p_T$, without its last step | the plan against one with twice the steps, from the same noise | the fitted Gaussian, scaled by the distance |
//! | score | the excess of −log p of the data over the best possible value | the error of the samples that the other causes leave unexplained | likelihoods and samples: indicative |
//!
//! # How each cause is measured
//!
//! **The fitted Gaussian** has the data's mean and covariance. Its numbers are exact for this
//! Gaussian (see [`analysis`](crate::analysis)). The error of the start depends on little else,
//! because at $\sigma_T$ the noise has made any data nearly Gaussian:
//! $KL(p_T\Vert\mathcal N) = KL(p_T\Vert G_T) + KL(G_T\Vert\mathcal N)$ with G of the same moments,
//! and the number is the second term. The truncation depends on details that the Gaussian lacks.
//! The Gaussian is the smoothest density with its moments, so its number for the truncation is a
//! lower bound.
//!
//! **Truncation, by the model.** Let $q_y$ be the density of the ODE model at the level y. The mean
//! $E[\log q_{clean}(x_0) - \log q_{min}(x_0)]$ over the data is
//! $KL(p\Vert q_{min}) - KL(p\Vert q_{clean})$. This is the cost of a stop at $\sigma_{min}$. A
//! last step to 0 sharpens by about as much as a stop blurs. The larger of the two numbers counts.
//! If the last level moves when the number of steps doubles, it is no truncation, and its step
//! counts as discretisation.
//!
//! **Discretisation, by the model.** KL is quadratic in a small displacement. The Gaussian's number
//! is therefore scaled by the squared ratio of two displacements between the plan and the finer
//! plan: the model's and the Gaussian's, both from the same noise. This needs plans whose only draw
//! is the start. The draws of a stochastic sampler belong to its steps, and twice as many steps
//! have no matching draws. For stochastic samplers the Gaussian's number stands alone.
//!
//! **Score.** With the exact score, the bound of the SDE model (h = g) and the density of the ODE
//! model (h = 0) have the same mean over the data, the entropy H. With any other score both are
//! larger: the bound by at most $\int E\lVert\Delta\varepsilon\rVert^2 d\lambda$, the density by a
//! KL divergence. The *gap* is the difference of the two numbers. Its size is at most the larger
//! excess, so a nonzero gap proves an error of the score; but two excesses may cancel in it.
//!
//! For few dimensions H is estimated from neighbours in the data
//! ([`neighbour_surprise`](crate::metrics::neighbour_surprise)). The excess of the plan's own kind
//! of model over H does not cancel. The larger of gap and excess counts, each reduced by three
//! times its standard error. The excess is also reduced by its change under another choice of
//! neighbour. A number within its noise counts as 0.
//!
//! The likelihoods run over the whole trained range, so they do not depend on the plan's start, end
//! and steps. The [`residuals`] are reported beside them.
//!
//! **Floor.** Samples of any model are as far from the data as other data are. The floor is the
//! sliced $W_2$ between two halves of the data, averaged over several random halves, with as many
//! rows each as samples are compared. The distance of the score is the error of the samples with
//! twice the steps, beyond the floor and twice its spread, minus the other causes.
//!
//! # Nats or distances
//!
//! Shares are in nats if all four numbers are finite, and in squared distances otherwise. The two
//! may disagree. Nats weigh an error by the spread of the data in its direction. A blur of 0.1
//! across a curve of thickness 0.05 is the whole error in nats, but nothing beside a displacement
//! of 0.3 along the curve.
//!
//! - Use nats when samples must be indistinguishable from data.
//! - Use distances when being close is enough.
//!
//! Only in nats is each cause found without the others. The distance of the score is the error of
//! the samples minus the rest, so it is the first to disappear below the floor. If the data have no
//! density (an eigenvalue of 0), nats are infinite and say nothing.

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

/// The largest number of dimensions for which a Gaussian with all its axes is fitted.
const MAX_FIT: usize = 512;
/// The number of directions of a sliced distance.
const PROJECTIONS: usize = 128;
/// The neighbour that estimates the entropy; the neighbour of twice the order estimates its bias.
const NEIGHBOUR: usize = 4;
/// The number of times that the data are split in halves.
const SPLITS: u64 = 8;
/// The numbers of rows and of levels of the residuals.
const RESIDUALS: [usize; 2] = [128, 8];

/// Settings of a diagnosis.
///
/// # Examples
/// ```
/// use langevin_analysis::analysis::Cause;
/// use langevin_analysis::diagnose::Diagnose;
/// use langevin_analysis::exact::{self, Density};
/// use langevin::{Grid, LambdaRange, Process, SampleId, Sampler};
/// let data = exact::named("gaussian")?;
/// let rows: Vec<SampleId> = (0..1000).map(|index| SampleId { seed: 0, index }).collect();
/// let process = Process::ve();
/// let plan = |steps| {
///     let levels = Grid::karras(steps).levels(&process, 0.002, 80.0)?;
///     Sampler::ddim(0.0).compile(&process, None, &levels)
/// };
/// let (plan, finer) = (plan(5)?, plan(10)?);
/// let diagnose = Diagnose::new(&plan, LambdaRange::from_sigma_ve(0.002, 80.0)?).finer(&finer);
/// let found = diagnose.samples(200).rows(50).run(&*data, &data.sample(&rows), 2)?;
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
    /// Creates a diagnosis of the samples that `plan` draws.
    ///
    /// `range` is the range of noise levels on which the model was trained; the likelihoods run
    /// over it.
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

    /// Sets the plan of the same sampler with twice the steps.
    ///
    /// Without it the discretisation is measured on the fitted Gaussian alone.
    #[must_use]
    pub fn finer(mut self, finer: &'a Plan) -> Self {
        self.finer = Some(finer);
        self
    }

    /// Sets other plans with the same NFE, which the advice may recommend.
    ///
    /// # Examples
    /// ```
    /// # use langevin_analysis::diagnose::Diagnose;
    /// # use langevin_analysis::exact::{self, Density};
    /// # use langevin::{Grid, LambdaRange, Process, SampleId, Sampler};
    /// # let data = exact::named("gaussian")?;
    /// # let rows: Vec<SampleId> = (0..200).map(|index| SampleId { seed: 0, index }).collect();
    /// # let levels = Grid::karras(5).levels(&Process::ve(), 0.002, 80.0)?;
    /// # let plan = Sampler::ddim(0.0).compile(&Process::ve(), None, &levels)?;
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.002, 80.0)?);
    /// let levels = Grid::karras(20).levels(&Process::ve(), 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).compile(&Process::ve(), None, &levels)?;
    /// let rivals = [Sampler::adams(2, 0.0)?.compile(&Process::ve(), None, &levels)?];
    /// let diagnose = Diagnose::new(&plan, range).rivals(&rivals).without_likelihoods();
    /// let found = diagnose.samples(100).run(&*data, &x, 2)?;
    /// assert!(found.to_string().contains(rivals[0].name()), "the advice names the better plan");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn rivals(mut self, rivals: &'a [Plan]) -> Self {
        self.rivals = rivals;
        self
    }

    /// Leaves out the likelihoods.
    ///
    /// Use this for a model that is not a score, such as one trained with noise coupled to the
    /// data.
    #[must_use]
    pub fn without_likelihoods(mut self) -> Self {
        self.likelihoods = false;
        self
    }

    /// Sets rows of the training data and held-out rows, whose likelihoods are compared.
    ///
    /// The comparison separates an over-trained network from one that needs more training. Both
    /// slices are in the coordinates of the model. Only the first rows of each are used, at most
    /// [`rows`](Self::rows).
    #[must_use]
    pub fn split(mut self, trained: &'a [f64], held_out: &'a [f64]) -> Self {
        self.split = Some((trained, held_out));
        self
    }

    /// Sets the number of samples. The default is 1,000.
    #[must_use]
    pub fn samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Sets the largest number of rows for likelihoods. The default is 256.
    #[must_use]
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }

    /// Sets the number of noise levels per datum of the bound, one evaluation each. The default
    /// is 256.
    #[must_use]
    pub fn levels(mut self, levels: usize) -> Self {
        self.levels = levels;
        self
    }

    /// Sets the factor of all distances, for data = shift + unit·x. The default is 1.
    ///
    /// # Examples
    /// ```
    /// # use langevin_analysis::diagnose::Diagnose;
    /// # use langevin_analysis::exact::{self, Density};
    /// # use langevin::{Grid, LambdaRange, Process, SampleId, Sampler};
    /// # let data = exact::named("gaussian")?;
    /// # let rows: Vec<SampleId> = (0..200).map(|index| SampleId { seed: 0, index }).collect();
    /// # let levels = Grid::karras(5).levels(&Process::ve(), 0.002, 80.0)?;
    /// # let plan = Sampler::ddim(0.0).compile(&Process::ve(), None, &levels)?;
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.002, 80.0)?);
    /// let total = |unit| {
    ///     let diagnose = Diagnose::new(&plan, range).unit(unit).without_likelihoods();
    ///     Ok::<_, langevin::Error>(diagnose.samples(50).run(&*data, &x, 2)?.floor.data)
    /// };
    /// assert!((total(10.0)? / total(1.0)? - 10.0).abs() < 1e-9);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn unit(mut self, unit: f64) -> Self {
        self.unit = unit;
        self
    }

    /// Sets the seed. The default is 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the number of threads. The result does not depend on it. The default is 1.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Runs the diagnosis.
    ///
    /// `data` holds rows of `dim` elements in the coordinates of the model. Use rows that the model
    /// was not trained on if such rows exist.
    ///
    /// # Errors
    /// Returns an error in these cases:
    ///
    /// - There are fewer than 4 rows, or rows are not whole or not finite.
    /// - A plan has maps or inputs.
    /// - There are fewer than 2 samples, or fewer than 2 rows for likelihoods.
    /// - The model fails.
    ///
    /// # Examples
    /// ```
    /// # use langevin_analysis::diagnose::Diagnose;
    /// # use langevin_analysis::exact::{self, Density};
    /// # use langevin::{Grid, LambdaRange, Process, SampleId, Sampler};
    /// # let data = exact::named("gaussian")?;
    /// # let rows: Vec<SampleId> = (0..200).map(|index| SampleId { seed: 0, index }).collect();
    /// # let levels = Grid::karras(5).levels(&Process::ve(), 0.002, 80.0)?;
    /// # let plan = Sampler::ddim(0.0).compile(&Process::ve(), None, &levels)?;
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.002, 80.0)?);
    /// let diagnose = Diagnose::new(&plan, range).samples(100).rows(20).levels(16);
    /// assert_eq!(diagnose.run(&*data, &x, 2)?.findings.len(), 4);
    /// assert!(diagnose.run(&*data, &x[..4], 2).is_err(), "two rows are too few");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn run<M: Vjp<Vec<f64>> + Sync + ?Sized>(&self, model: &M, data: &[f64], dim: usize) -> Result<Diagnosis> {
        let study = Study::new(self, data, dim)?;
        let mut measured = Measured::default();
        for task in study.tasks() {
            measured.put(task, study.measure(task, model)?);
        }
        study.conclude(measured, model.formulation())
    }

    /// Starts a diagnosis in which the caller evaluates the network; see
    /// [`drive`](langevin::drive).
    ///
    /// The diagnosis runs on one thread, and computes its samples and likelihoods in `space`.
    /// `network` is the network's formulation, or `None` if its output is the denoised prediction.
    /// `data` holds rows of the space's width.
    ///
    /// # Errors
    /// Returns an error if there are fewer than 4 rows, or if rows are not whole or not finite. It
    /// also returns an error if a plan has maps or inputs or reads another network, or if no
    /// samples are drawn.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::diagnose::Diagnose;
    /// use langevin::drive::drive;
    /// use langevin_analysis::exact::{self, Density};
    /// use langevin::{Grid, LambdaRange, Process, SampleId, Sampler, SliceSpace};
    /// let data = exact::named("gaussian")?;
    /// let rows: Vec<SampleId> = (0..100).map(|index| SampleId { seed: 0, index }).collect();
    /// let (process, x) = (Process::ve(), data.sample(&rows));
    /// let levels = Grid::karras(5).levels(&process, 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?;
    /// let range = LambdaRange::from_sigma_ve(0.002, 80.0)?;
    /// let diagnose = Diagnose::new(&plan, range).samples(50).rows(20).levels(16);
    /// let space = SliceSpace::<f64>::new(2);
    /// let found = drive(diagnose.start(&space, None, &x)?, |question| question.ask_vjp(&data))?;
    /// assert_eq!(found.to_string(), diagnose.run(&*data, &x, 2)?.to_string());
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Returns the rows in a random order, because files are sometimes sorted.
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

    /// Measures samples against halves of the data, and the halves against each other.
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

/// Returns `true` if the start is the plan's only draw.
fn deterministic(plan: &Plan) -> bool {
    plan.draws() == 1
}

/// Returns the cleanest level that the plan reads before σ = 0, as σ/α.
fn end(plan: &Plan, analysis: &Analysis) -> f64 {
    match (&analysis.last, plan.moves().last()) {
        (Some(last), _) => last.from,
        (None, Some(last)) => last.to.sigma_ve(),
        (None, None) => 0.0,
    }
}

/// Returns the contribution of a cause, if the analysis has a breakdown by source.
fn part(analysis: &Analysis, cause: Cause) -> Option<&Contribution> {
    analysis.contributions.iter().find(|part| part.cause == cause)
}

#[cfg(test)]
mod tests;
