//! Splits a diagnosis into tasks that evaluate the network, each a program, and a conclusion that
//! does not.

use super::{
    Coupled, Diagnose, Diagnosis, Excess, Gap, Generalisation, MAX_FIT, NEIGHBOUR, RESIDUALS, Residual, SharesOf,
    deterministic, end, residual, residuals,
};
use crate::analysis::Analyze as _;
use crate::analysis::{Analysis, AnalysisOptions, Spectrum};
use crate::exact::Gaussian;
use crate::likelihood::{Bound, Divergence, Kind, Likelihood, Ode, in_pieces};
use crate::metrics::neighbour_surprise;
use crate::rows::check_rows;
use langevin::ReadAs;
use langevin::error::Result;
use langevin::formulation::{Formulation, LambdaRange};
use langevin::model::{Model, Query, Vjp};
use langevin::noise::SampleId;
use langevin::plan::{Plan, Sampling};
use langevin::space::SliceSpace;

/// A measurement that evaluates the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Task {
    /// Samples of the plan.
    Samples,
    /// Samples of the finer plan, from the same noise.
    Finer,
    /// The bound on training rows.
    Trained,
    /// The bound on held-out rows.
    HeldOut,
    /// The bound on the data.
    Bound,
    /// The density of the data.
    Density,
    /// The density of the data over a range that ends where the plan ends.
    Blurred(LambdaRange),
    /// The residuals of the score.
    Residuals,
}

/// The result of a task.
pub(super) enum Found {
    Samples(Vec<f64>),
    Likelihood(Likelihood),
    Residuals(Vec<Residual>),
}

/// The results of all tasks.
#[derive(Default)]
pub(super) struct Measured {
    samples: Vec<f64>,
    finer: Option<Vec<f64>>,
    trained: Option<Likelihood>,
    held_out: Option<Likelihood>,
    bound: Option<Likelihood>,
    density: Option<Likelihood>,
    blurred: Option<Likelihood>,
    residuals: Vec<Residual>,
}

impl Measured {
    pub(super) fn put(&mut self, task: Task, found: Found) {
        match (task, found) {
            (Task::Finer, Found::Samples(samples)) => self.finer = Some(samples),
            (_, Found::Samples(samples)) => self.samples = samples,
            (_, Found::Residuals(residuals)) => self.residuals = residuals,
            (Task::Trained, Found::Likelihood(found)) => self.trained = Some(found),
            (Task::HeldOut, Found::Likelihood(found)) => self.held_out = Some(found),
            (Task::Density, Found::Likelihood(found)) => self.density = Some(found),
            (Task::Blurred(_), Found::Likelihood(found)) => self.blurred = Some(found),
            (_, Found::Likelihood(found)) => self.bound = Some(found),
        }
    }
}

/// A diagnosis before the network is evaluated: the shuffled data, and the exact results for the
/// fitted Gaussian.
pub(super) struct Study<'a> {
    pub(super) how: Diagnose<'a>,
    data: Vec<f64>,
    pub(super) dim: usize,
    spectrum: Spectrum,
    analysis: Analysis,
    finer: Option<Analysis>,
    gaussian: Option<Gaussian>,
    /// The training rows and the held-out rows that are used.
    split: Option<[&'a [f64]; 2]>,
}

impl<'a> Study<'a> {
    pub(super) fn new(how: &Diagnose<'a>, data: &[f64], dim: usize) -> Result<Self> {
        how.check(data, dim)?;
        let data = how.shuffled(data, dim, 0);
        let spectrum = Spectrum::from_data(&data, dim)?;
        let analysis = how.plan.analyze(&spectrum, &AnalysisOptions::default())?;
        let finer = how.finer.map(|finer| finer.analyze(&spectrum, &AnalysisOptions::default())).transpose()?;
        let gaussian = if dim <= MAX_FIT { Some(Gaussian::fit(&data, dim)?) } else { None };
        let mut study = Self { how: *how, data, dim, spectrum, analysis, finer, gaussian, split: None };
        study.split = study.halves()?;
        Ok(study)
    }

    /// Returns the training rows and the held-out rows.
    ///
    /// Returns `None` with fewer than two rows of either, because these have no standard error.
    fn halves(&self) -> Result<Option<[&'a [f64]; 2]>> {
        let Some((trained, held_out)) = self.how.split.filter(|_| self.how.likelihoods) else { return Ok(None) };
        let [trained, held_out] =
            [trained, held_out].map(|part| &part[..self.how.rows.min(part.len() / self.dim) * self.dim]);
        if trained.len().min(held_out.len()) < 2 * self.dim {
            return Ok(None);
        }
        check_rows(trained, self.dim)?;
        check_rows(held_out, self.dim)?;
        Ok(Some([trained, held_out]))
    }

    /// Returns the tasks in their order.
    pub(super) fn tasks(&self) -> Vec<Task> {
        let mut tasks = vec![Task::Samples];
        tasks.extend(self.how.finer.map(|_| Task::Finer));
        if !self.how.likelihoods {
            return tasks;
        }
        if self.split.is_some() {
            tasks.extend([Task::Trained, Task::HeldOut]);
        }
        tasks.extend([Task::Bound, Task::Density]);
        let (clean, noisy) = self.how.range.sigma_ve();
        let end = end(self.how.plan, &self.analysis);
        // Below twice the cleanest level the blur is too small to measure.
        if end > 2.0 * clean && end < noisy {
            tasks.extend(LambdaRange::from_sigma_ve(end, noisy).ok().map(Task::Blurred));
        }
        if self.dim <= residual::MAX_DIM {
            tasks.push(Task::Residuals);
        }
        tasks
    }

    /// Returns the rows of a task.
    pub(super) fn rows(&self, task: Task) -> &[f64] {
        let count = self.how.rows.min(self.data.len() / self.dim);
        match (task, self.split) {
            (Task::Trained, Some([trained, _])) => trained,
            (Task::HeldOut, Some([_, held_out])) => held_out,
            (Task::Residuals, _) => &self.data[..count.min(RESIDUALS[0]) * self.dim],
            _ => &self.data[..count * self.dim],
        }
    }

    pub(super) fn ids(&self, count: usize) -> Vec<SampleId> {
        (0..count as u64).map(|index| SampleId { seed: self.how.seed, index }).collect()
    }

    pub(super) fn bound(&self) -> Bound {
        let mut bound = Bound::new(self.how.range, self.how.levels);
        bound.control = self.gaussian.clone();
        bound
    }

    /// Returns the ODE of a task, over the model's range unless the task has its own range.
    pub(super) fn ode(&self, task: Task) -> Ode {
        let range = if let Task::Blurred(range) = task { range } else { self.how.range };
        Ode::new(range).with_divergence(Divergence::usual(self.dim))
    }

    /// Returns the plan whose samples a task draws.
    pub(super) fn plan(&self, task: Task) -> Option<&'a Plan> {
        match task {
            Task::Samples => Some(self.how.plan),
            Task::Finer => self.how.finer,
            _ => None,
        }
    }

    /// Performs a task on slices, shared among threads.
    pub(super) fn measure<M: Vjp<Vec<f64>> + Sync + ?Sized>(&self, task: Task, model: &M) -> Result<Found> {
        if let Some(plan) = self.plan(task) {
            return Ok(Found::Samples(self.sampling().run(plan, model)?));
        }
        let (x, dim) = (self.rows(task), self.dim);
        let ids = self.ids(x.len() / dim);
        let (threads, range) = (self.how.threads, self.how.range);
        Ok(match task {
            Task::Residuals => Found::Residuals(residuals(model, range, RESIDUALS[1], x, dim, &ids)?),
            Task::Density | Task::Blurred(_) => {
                let ode = self.ode(task);
                Found::Likelihood(in_pieces(threads, x, dim, &ids, |x, ids| ode.run(model, x, dim, ids))?)
            }
            _ => {
                let bound = self.bound();
                Found::Likelihood(in_pieces(threads, x, dim, &ids, |x, ids| bound.run(model, x, dim, ids))?)
            }
        })
    }

    fn sampling(&self) -> Sampling {
        Sampling::new(self.how.samples, self.dim).seed(self.how.seed).threads(self.how.threads)
    }

    /// Computes the diagnosis; `network` is the formulation of the measured network.
    pub(super) fn conclude(self, measured: Measured, network: Option<&Formulation>) -> Result<Diagnosis> {
        let half = self.how.samples.min(self.data.len() / self.dim / 2);
        let finer = measured.finer.as_deref();
        let mut diagnosis = Diagnosis {
            name: self.how.plan.name().to_owned(),
            nfe: self.how.plan.nfe(),
            dimension: self.dim,
            rows: self.data.len() / self.dim,
            samples: self.how.samples,
            total: self.analysis.total,
            coupled: self.coupled(&measured.samples, finer, network)?,
            floor: self.how.floor(&self.data, self.dim, half, &measured.samples, finer)?,
            gap: None,
            excess: None,
            unseen: None,
            blur: None,
            generalisation: generalisation(measured.trained.as_ref(), measured.held_out.as_ref()),
            residuals: measured.residuals,
            shares_of: SharesOf::Nats,
            findings: Vec::new(),
        };
        if let (Some(bound), Some(density)) = (&measured.bound, &measured.density) {
            diagnosis.blur = measured.blurred.map(|blurred| Excess::between(&blurred.nats, &density.nats));
            diagnosis.excess = self.excess(bound, density);
            diagnosis.gap = Some(Gap {
                rows: bound.nats.len(),
                bound: bound.mean(),
                density: density.mean(),
                gap: Excess::between(&bound.nats, &density.nats),
            });
        }
        diagnosis.weigh(&self.how, &self.analysis, self.finer.as_ref(), &self.spectrum)?;
        Ok(diagnosis)
    }

    /// Compares the samples with those of the finer plan, for the model and for the fitted
    /// Gaussian.
    fn coupled(
        &self,
        samples: &[f64],
        finer: Option<&[f64]>,
        network: Option<&Formulation>,
    ) -> Result<Option<Coupled>> {
        let rms = |a: &[f64], b: &[f64]| {
            let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
            self.how.unit * (square / self.how.samples as f64).sqrt()
        };
        let (plan, sampling) = (self.how.plan, self.sampling());
        match (self.how.finer, finer) {
            // The start is draw 0 of both plans.
            (Some(finer_plan), Some(finer)) if plan.draws() == 1 && finer_plan.draws() == 1 => {
                let pair = |model: &Gaussian| -> Result<f64> {
                    let stand_in = StandIn { gaussian: model, to: network };
                    let [a, b]: [Result<Vec<f64>>; 2] = [plan, finer_plan].map(|plan| sampling.run(plan, &stand_in));
                    Ok(rms(&a?, &b?))
                };
                let gaussian = self.gaussian.as_ref().map(pair).transpose()?;
                Ok(Some(Coupled { rms: rms(samples, finer), gaussian }))
            }
            _ => Ok(None),
        }
    }

    /// Compares the likelihood of the plan's kind of model with the entropy estimated from
    /// neighbours.
    ///
    /// Returns `None` for many dimensions.
    fn excess(&self, bound: &Likelihood, density: &Likelihood) -> Option<Excess> {
        if self.dim > residual::MAX_DIM {
            return None;
        }
        let surprise = |k: usize| neighbour_surprise(&self.data, self.dim, bound.nats.len(), k).ok();
        let (near, far) = (surprise(NEIGHBOUR)?, surprise(2 * NEIGHBOUR)?);
        if !near.iter().chain(&far).all(|nats| nats.is_finite()) {
            return None;
        }
        // The excess of the density belongs to the ODE model. The excess of the bound is an upper
        // bound on that of the SDE model.
        let kind = if deterministic(self.how.plan) { Kind::Density } else { Kind::Bound };
        let own = if kind == Kind::Density { density } else { bound };
        let (mut excess, other) = (Excess::between(&own.nats, &near), Excess::between(&own.nats, &far));
        excess.bias = (excess.nats - other.nats).abs();
        Some(excess)
    }
}

/// Compares the bound on training rows with the bound on held-out rows.
fn generalisation(trained: Option<&Likelihood>, held_out: Option<&Likelihood>) -> Option<Generalisation> {
    let (trained, held_out) = (trained?, held_out?);
    let (a, b) = (trained.standard_error(), held_out.standard_error());
    let gap = Excess { nats: held_out.mean() - trained.mean(), error: (a * a + b * b).sqrt(), bias: 0.0 };
    Some(Generalisation {
        trained_rows: trained.nats.len(),
        held_out_rows: held_out.nats.len(),
        trained: trained.mean(),
        held_out: held_out.mean(),
        gap,
    })
}

/// The fitted Gaussian in the formulation of the network, because a compiled plan accepts no other
/// formulation.
struct StandIn<'a> {
    gaussian: &'a Gaussian,
    to: Option<&'a Formulation>,
}

impl Model<Vec<f64>> for StandIn<'_> {
    fn formulation(&self) -> Option<&Formulation> {
        self.to
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> Result<Vec<f64>> {
        match self.to {
            None => self.gaussian.predict(x, query),
            Some(to) => {
                let space = SliceSpace::new(self.gaussian.mean().len());
                ReadAs::new(self.gaussian, to.clone(), space).predict(x, query)
            }
        }
    }
}
