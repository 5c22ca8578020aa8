//! The result of a diagnosis: its numbers, their shares, and their text.

use super::advice::{Advice, percent};
use super::{Diagnose, Residual, end, part};
use crate::analysis::Analyze as _;
use crate::analysis::{Analysis, AnalysisOptions, Cause, Distance, Spectrum};
use langevin::error::Result;
use langevin::plan::Plan;
use langevin::text::{Column, columns, number};
use std::fmt;

/// The difference in nats per dimension between held-out and training rows below which training is
/// not too long.
const OVERTRAINED: f64 = 0.02;
/// The number of standard errors beyond which this difference is significant. Held-out rows are
/// sometimes few, and training for too long is the costlier mistake.
const SURE: f64 = 2.0;
/// Causes with a smaller share get no advice.
const SMALL: f64 = 0.05;

/// The basis of a number.
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
/// # let found = Diagnose::new(&plan, range).samples(100).rows(20).levels(16).run(&*data, &x, 2)?;
/// use langevin_analysis::diagnose::Evidence;
/// // The error of the start is exact for the fitted Gaussian; the error of the score is not.
/// let [start, .., score] = &found.findings[..] else { panic!("four causes") };
/// assert_eq!(start.nats_from, Evidence::Gaussian);
/// assert_eq!(score.nats_from, Evidence::Indicative);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Evidence {
    /// Exact, for the Gaussian with the data's mean and covariance.
    Gaussian,
    /// Measured on the model, its samples or its likelihoods, and therefore indicative.
    Indicative,
}

/// The unit in which shares are computed.
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
/// use langevin_analysis::diagnose::SharesOf;
/// let diagnose = Diagnose::new(&plan, range).samples(100).rows(20).levels(16);
/// assert_eq!(diagnose.run(&*data, &x, 2)?.shares_of, SharesOf::Nats);
/// // Without likelihoods the error of the score is not known in nats.
/// let without = diagnose.without_likelihoods().run(&*data, &x, 2)?;
/// assert_eq!(without.shares_of, SharesOf::Squares);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SharesOf {
    /// Nats.
    Nats,
    /// Squared distances, used if not all four causes are known and finite in nats.
    Squares,
}

/// The contribution of one cause to the error, in nats and as a distance.
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
/// # let found = Diagnose::new(&plan, range).samples(100).rows(20).levels(16).run(&*data, &x, 2)?;
/// let first = found.ranking()[0];
/// println!("{}: {:.0} %, {}", first.cause, 100.0 * first.share, first.say());
/// let total: f64 = found.findings.iter().map(|finding| finding.share).sum();
/// assert!((total - 1.0).abs() < 1e-12 && first.share >= 0.25);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Attribution {
    /// The cause.
    pub cause: Cause,
    /// The contribution in nats; `None` if it is unknown.
    pub nats: Option<f64>,
    /// The basis of `nats`.
    pub nats_from: Evidence,
    /// The contribution in the units of the data; `None` if it is unknown.
    pub distance: Option<f64>,
    /// The basis of `distance`.
    pub distance_from: Evidence,
    /// The share of this cause in the sum of all four, in the unit [`Diagnosis::shares_of`].
    pub share: f64,
    /// The recommended action.
    pub advice: Advice,
}

/// The mean over data of the difference of two values of −log p, in nats.
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
/// # let found = Diagnose::new(&plan, range).samples(100).rows(20).levels(16).run(&*data, &x, 2)?;
/// // With an exact score the gap between bound and density is noise.
/// let gap = found.gap.expect("likelihoods").gap;
/// assert!(gap.nats.abs() < gap.noise());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Excess {
    /// The mean.
    pub nats: f64,
    /// The standard error of the mean, over the data.
    pub error: f64,
    /// A further systematic uncertainty of the mean.
    pub bias: f64,
}

impl Excess {
    /// Computes the mean of a − b row by row, so that contributions common to both cancel.
    pub(super) fn between(a: &[f64], b: &[f64]) -> Self {
        let rows = a.len().min(b.len()) as f64;
        let nats = a.iter().zip(b).map(|(a, b)| a - b).sum::<f64>() / rows.max(1.0);
        let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b - nats).powi(2)).sum();
        Self { nats, error: (square / (rows - 1.0).max(1.0) / rows.max(1.0)).sqrt(), bias: 0.0 }
    }

    /// Returns three standard errors plus the bias. A smaller value is noise.
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
    /// # let diagnose = Diagnose::new(&plan, range).samples(100).rows(20).levels(16);
    /// # let found = diagnose.run(&*data, &x, 2)?;
    /// let excess = found.excess.expect("few dimensions");
    /// assert_eq!(excess.noise(), 3.0 * excess.error + excess.bias);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn noise(&self) -> f64 {
        3.0 * self.error + self.bias
    }

    /// Returns the part of a value that exceeds the noise, at least 0.
    fn beyond(&self, value: f64) -> f64 {
        (value - self.noise()).max(0.0)
    }
}

/// The likelihoods of the SDE model and of the ODE model of the same network.
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
/// # let found = Diagnose::new(&plan, range).samples(100).rows(20).levels(16).run(&*data, &x, 2)?;
/// let gap = found.gap.expect("likelihoods");
/// assert_eq!(gap.rows, 20);
/// assert!((gap.bound - gap.density - gap.gap.nats).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Gap {
    /// The number of rows.
    pub rows: usize,
    /// The mean bound on −log p of the SDE model (h = g), in nats, in the model's coordinates.
    pub bound: f64,
    /// The mean −log p of the ODE model (h = 0), in nats.
    pub density: f64,
    /// The bound minus the density: 0 for an exact score, of either sign otherwise.
    pub gap: Excess,
}

/// The bounds on −log p of training rows and of held-out rows.
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
/// // An exact model has no memory of its training rows.
/// let (held_out, trained) = (&x[..100], &x[100..200]);
/// let diagnose = Diagnose::new(&plan, range).split(trained, held_out);
/// let found = diagnose.samples(100).rows(50).levels(16).run(&*data, &x, 2)?;
/// let generalisation = found.generalisation.expect("both parts");
/// assert_eq!((generalisation.trained_rows, generalisation.held_out_rows), (50, 50));
/// assert!(!found.is_overtrained());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Generalisation {
    /// The number of training rows used.
    pub trained_rows: usize,
    /// The number of held-out rows used.
    pub held_out_rows: usize,
    /// The mean bound on −log p of the training rows, in nats, in the model's coordinates.
    pub trained: f64,
    /// The mean bound on −log p of the held-out rows.
    pub held_out: f64,
    /// The held-out bound minus the training bound: positive if the network has memorised training
    /// rows.
    pub gap: Excess,
}

/// The distance between the samples of a plan and of one with twice the steps, from the same noise.
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
/// let finer = Grid::karras(10).levels(&Process::ve(), 0.002, 80.0)?;
/// let finer = Sampler::ddim(0.0).compile(&Process::ve(), None, &finer)?;
/// let diagnose = Diagnose::new(&plan, range).finer(&finer).without_likelihoods();
/// let coupled = diagnose.samples(100).run(&*data, &x, 2)?.coupled.expect("a finer plan");
/// // The data are Gaussian, so the fitted Gaussian has nearly the same displacement.
/// assert!((coupled.rms / coupled.gaussian.expect("few dimensions") - 1.0).abs() < 0.2);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Coupled {
    /// $\sqrt{E\lVert x_N - x_{2N}\rVert^2}$ of the model, in the units of the data.
    pub rms: f64,
    /// The distance for the fitted Gaussian; `None` if the data are too wide to fit one.
    pub gaussian: Option<f64>,
}

/// Sliced $W_2$ distances, in the units of the data.
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
/// # let diagnose = Diagnose::new(&plan, range).without_likelihoods();
/// let floor = diagnose.samples(100).run(&*data, &x, 2)?.floor;
/// assert_eq!(floor.rows, 100);
/// assert!(floor.samples > floor.data, "five steps of DDIM are worse than other data");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Floor {
    /// The number of rows on each side.
    pub rows: usize,
    /// The distance between two halves of the data, which no model can undercut.
    pub data: f64,
    /// The standard deviation of the squared distance over the random halves.
    pub spread: f64,
    /// The distance of the samples from the data.
    pub samples: f64,
    /// The distance of the samples with twice the steps from the data.
    pub finer: Option<f64>,
}

/// The sources of the error in a model's samples. See the [module](super).
///
/// Its [`Display`](std::fmt::Display) form is a table of the causes followed by the measurements
/// and the advice.
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
/// let found = Diagnose::new(&plan, range).samples(100).rows(20).levels(16).run(&*data, &x, 2)?;
/// assert_eq!((found.nfe, found.dimension, found.rows, found.samples), (5, 2, 200, 100));
/// assert_eq!((found.findings.len(), found.residuals.len()), (4, 8));
/// println!("{found}");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The plan's name.
    pub name: String,
    /// The number of network evaluations (NFE) of the plan.
    pub nfe: usize,
    /// The number of elements of a datum.
    pub dimension: usize,
    /// The number of data rows.
    pub rows: usize,
    /// The number of samples.
    pub samples: usize,
    /// The error of the plan on the fitted Gaussian with the exact score, in the model's
    /// coordinates.
    pub total: Distance,
    /// The contributions of start, truncation, discretisation and score, in this order.
    pub findings: Vec<Attribution>,
    /// The unit of the shares.
    pub shares_of: SharesOf,
    /// The comparison with twice the steps; `None` for plans that draw noise on their way.
    pub coupled: Option<Coupled>,
    /// The sampling noise of distances.
    pub floor: Floor,
    /// The likelihoods; `None` if they were left out.
    pub gap: Option<Gap>,
    /// The excess of −log p under the plan's kind of model over −log p under the data's own
    /// density.
    ///
    /// `None` in more than three dimensions, and for data without a density.
    pub excess: Option<Excess>,
    /// The size in nats below which an error of the score is not visible; `None` without
    /// likelihoods.
    pub unseen: Option<f64>,
    /// The increase of −log p from the model's cleanest level to the plan's cleanest level.
    ///
    /// `None` if the two levels are about equal.
    pub blur: Option<Excess>,
    /// The comparison of training rows with held-out rows; `None` if either is missing.
    pub generalisation: Option<Generalisation>,
    /// The Fokker–Planck residuals of the score; empty in more than three dimensions.
    pub residuals: Vec<Residual>,
}

impl Diagnosis {
    /// Returns the findings, largest share first.
    #[must_use]
    pub fn ranking(&self) -> Vec<&Attribution> {
        let mut ranked: Vec<&Attribution> = self.findings.iter().collect();
        ranked.sort_by(|a, b| b.share.total_cmp(&a.share));
        ranked
    }

    /// Returns `true` if the network is over-trained.
    ///
    /// Held-out rows must be less likely than training rows by more than two standard errors, and
    /// by more than 0.02 nats per dimension.
    #[must_use]
    pub fn is_overtrained(&self) -> bool {
        self.generalisation
            .is_some_and(|found| found.gap.nats > (SURE * found.gap.error).max(OVERTRAINED * self.dimension as f64))
    }

    /// Returns the noise level with the largest residual.
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
    /// # let diagnose = Diagnose::new(&plan, range).samples(100).rows(20).levels(16);
    /// # let found = diagnose.run(&*data, &x, 2)?;
    /// // The score is exact, so the largest residual is an error of finite differences.
    /// assert!(found.worst().expect("two dimensions").rms < 1e-3);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn worst(&self) -> Option<&Residual> {
        self.residuals.iter().max_by(|a, b| a.rms.total_cmp(&b.rms))
    }

    /// Computes the shares of all causes in one unit, and the advice for each cause.
    pub(super) fn weigh(
        &mut self,
        asked: &Diagnose<'_>,
        analysis: &Analysis,
        finer: Option<&Analysis>,
        spectrum: &Spectrum,
    ) -> Result<()> {
        let unit = asked.unit;
        let start = part(analysis, Cause::Start).map(|part| part.alone);
        let (cut, steps) = ends(asked.plan, analysis, asked.finer.zip(finer));
        let mut findings = vec![
            Attribution::gaussian(Cause::Start, start, unit),
            Attribution::gaussian(Cause::Truncation, cut, unit),
            Attribution::gaussian(Cause::Discretisation, steps, unit),
            Attribution { nats_from: Evidence::Indicative, ..Attribution::gaussian(Cause::Score, None, unit) },
        ];
        let cut = cut.is_some_and(|cut| cut.w2 > 0.0);
        if let Some(blur) = self.blur.filter(|_| cut) {
            let larger = findings[1].nats.map(|known| known.max(blur.beyond(blur.nats)));
            findings[1].indicate(larger);
        }
        if let Some(coupled) = self.coupled {
            (findings[2].distance, findings[2].distance_from) = (Some(coupled.rms), Evidence::Indicative);
            if let Some(gaussian) = coupled.gaussian.filter(|gaussian| *gaussian > 0.0) {
                let scaled = findings[2].nats.map(|nats| nats * (coupled.rms / gaussian).powi(2));
                findings[2].indicate(scaled);
            }
        }
        let gap = self.gap.map(|gap| gap.gap.beyond(gap.gap.nats.abs()));
        findings[3].nats = match (gap, self.excess.map(|excess| excess.beyond(excess.nats))) {
            (Some(gap), Some(excess)) => Some(gap.max(excess)),
            (gap, _) => gap,
        };
        let noises = self.gap.map(|gap| gap.gap.noise()).into_iter().chain(self.excess.map(|excess| excess.noise()));
        self.unseen = noises.min_by(f64::total_cmp);
        let halved = asked.finer.zip(finer).and_then(|(plan, finer)| ends(plan, finer, None).1);
        findings[3].distance = Some(self.rest(&findings, halved.map(|steps| unit * steps.w2)));
        self.shares_of = match findings.iter().all(|finding| finding.nats.is_some_and(f64::is_finite)) {
            true => SharesOf::Nats,
            false => SharesOf::Squares,
        };
        let weight = |finding: &Attribution| match self.shares_of {
            SharesOf::Nats => finding.nats.unwrap_or(0.0),
            SharesOf::Squares => finding.distance.map_or(0.0, |distance| distance * distance),
        };
        let weights: Vec<f64> = findings.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        for (finding, weight) in findings.iter_mut().zip(weights) {
            finding.share = if total > 0.0 { weight / total } else { 0.0 };
        }
        for finding in &mut findings {
            finding.advice = self.advice(finding, asked, analysis, finer, spectrum)?;
        }
        self.findings = findings;
        Ok(())
    }

    /// Returns the error of the samples beyond the floor and twice its spread, minus the known
    /// causes.
    ///
    /// Squares add for independent causes. A sliced square is the share of one of d directions. The
    /// samples with twice the steps are used if they exist. The error of their steps is at most the
    /// distance to them, for every order ≥ 1.
    fn rest(&self, known: &[Attribution], finer: Option<f64>) -> f64 {
        let (samples, steps) = match (self.floor.finer, self.coupled, finer) {
            (Some(samples), Some(coupled), _) => (samples, Some(coupled.rms)),
            (Some(samples), None, Some(steps)) => (samples, Some(steps)),
            _ => (self.floor.samples, known[2].distance),
        };
        let seen = samples.powi(2) - self.floor.data.powi(2) - 2.0 * self.floor.spread;
        let others = known[..2].iter().filter_map(|finding| finding.distance).chain(steps);
        let others: f64 = others.map(|distance| distance * distance).sum();
        (self.dimension as f64 * seen - others).max(0.0).sqrt()
    }

    /// Returns the advice for one cause.
    fn advice(
        &self,
        finding: &Attribution,
        asked: &Diagnose<'_>,
        analysis: &Analysis,
        finer: Option<&Analysis>,
        spectrum: &Spectrum,
    ) -> Result<Advice> {
        if let Some(found) = self.generalisation.filter(|_| finding.cause == Cause::Score && self.is_overtrained()) {
            return Ok(Advice::StopEarlier { nats: found.gap.nats, error: found.gap.error });
        }
        let worst = self.worst().map(|worst| (worst.sigma, worst.rms));
        if let Some(unseen) = self.unseen.filter(|_| self.shares_of == SharesOf::Nats) {
            match finding.nats {
                Some(0.0) if finding.cause == Cause::Score => return Ok(Advice::Unseen { nats: unseen, worst }),
                Some(nats) if nats < unseen && finding.share >= SMALL && finding.cause != Cause::Score => {
                    return Ok(Advice::Below { nats: unseen });
                }
                _ => {}
            }
        }
        if finding.share < SMALL {
            return Ok(Advice::Nothing);
        }
        Ok(match finding.cause {
            Cause::Start => {
                let from = asked.plan.moves().first().map_or(f64::INFINITY, |first| first.from.sigma_ve());
                Advice::RaiseSigmaMax { from }
            }
            Cause::Truncation => Advice::LowerSigmaMin { from: end(asked.plan, analysis) },
            Cause::Discretisation => {
                let sampler = rival(asked.rivals, analysis, spectrum, self.shares_of)?;
                Advice::MoreSteps { nfe: finer.map(|finer| finer.nfe), sampler }
            }
            Cause::Score => Advice::Train { worst },
        })
    }
}

/// Returns the cost of the plan's end, and the cost of its steps before the end.
fn ends(plan: &Plan, analysis: &Analysis, finer: Option<(&Plan, &Analysis)>) -> (Option<Distance>, Option<Distance>) {
    let alone = |cause| part(analysis, cause).map(|part| part.alone);
    let level = end(plan, analysis);
    let stays = finer.is_none_or(|(plan, finer)| (end(plan, finer) - level).abs() <= 1e-9 * level);
    match analysis.last {
        Some(last) if stays => (Some(last.alone), Some(last.rest)),
        _ => (alone(Cause::Truncation), alone(Cause::Discretisation)),
    }
}

/// Returns the plan with the smallest discretisation error, in the unit of the shares, if it is
/// less than half the plan's own error.
fn rival(rivals: &[Plan], analysis: &Analysis, spectrum: &Spectrum, shares_of: SharesOf) -> Result<Option<String>> {
    let error = |analysis: &Analysis| {
        let alone = part(analysis, Cause::Discretisation)?.alone;
        Some(if shares_of == SharesOf::Nats { alone.kl } else { alone.w2 })
    };
    let Some(own) = error(analysis) else { return Ok(None) };
    let mut best: Option<(f64, &Plan)> = None;
    for plan in rivals.iter().filter(|plan| plan.is_linear() && plan.nfe() <= analysis.nfe) {
        if let Some(error) = error(&plan.analyze(spectrum, &AnalysisOptions::default())?)
            && error < best.map_or(0.5 * own, |(least, _)| least)
        {
            best = Some((error, plan));
        }
    }
    Ok(best.map(|(_, plan)| plan.name().to_owned()))
}

impl Attribution {
    fn gaussian(cause: Cause, found: Option<Distance>, unit: f64) -> Self {
        Self {
            cause,
            nats: found.map(|found| found.kl),
            nats_from: Evidence::Gaussian,
            distance: found.map(|found| unit * found.w2),
            distance_from: if cause == Cause::Score { Evidence::Indicative } else { Evidence::Gaussian },
            share: 0.0,
            advice: Advice::Nothing,
        }
    }

    /// Returns the advice in words.
    #[must_use]
    pub fn say(&self) -> String {
        self.advice.text(self.share)
    }

    /// Replaces the exact number by an indicative one if the two differ.
    fn indicate(&mut self, nats: Option<f64>) {
        if nats != self.nats {
            (self.nats, self.nats_from) = (nats, Evidence::Indicative);
        }
    }
}

/// Formats a number of a table, or a dash if it is unknown.
fn known(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), number)
}

/// Formats a number with a sign and four decimals.
fn signed(value: f64) -> String {
    format!("{value:+.4}").replace('-', "−")
}

/// The columns of the table of causes.
const COLUMNS: [Column; 6] =
    [Column::Left(15), Column::Right(5), Column::Right(10), Column::Left(15), Column::Right(10), Column::Left(0)];

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = |evidence: Evidence| if evidence == Evidence::Gaussian { "exact, Gaussian" } else { "indicative" };
        let mut lines = vec![["cause", "share", "nats", "from", "distance", "from"].map(String::from)];
        for finding in self.ranking() {
            let Attribution { cause, nats, nats_from, distance, distance_from, share, .. } = finding;
            let (share, nats, distance) = (percent(*share), known(*nats), known(*distance));
            let (a, b) = (from(*nats_from).to_owned(), from(*distance_from).to_owned());
            lines.push([cause.to_string(), share, nats, a, distance, b]);
        }
        f.write_str(&columns(&lines, &COLUMNS))?;
        let of = if self.shares_of == SharesOf::Nats {
            "nats"
        } else {
            "squared distances: nats are not all known and finite"
        };
        writeln!(f, "shares of {of}\n")?;
        if let Some(Gap { rows, bound, density, gap }) = self.gap {
            writeln!(
                f,
                "likelihoods     bound {bound:.4}, ODE density {density:.4}, gap {} ± {:.4} nats a row (0: an exact score), over {rows} rows",
                signed(gap.nats),
                gap.error
            )?;
        }
        if let Some(Generalisation { trained_rows, held_out_rows, trained, held_out, gap }) = self.generalisation {
            writeln!(
                f,
                "over-training   bound {held_out:.4} over {held_out_rows} held-out rows, {trained:.4} over {trained_rows} trained rows: {} ± {:.4} nats (0: none)",
                signed(gap.nats),
                gap.error
            )?;
        }
        if let Some(Excess { nats, error, bias }) = self.excess {
            let bias = format!("{:.4}", 2.0 * error + bias);
            writeln!(
                f,
                "entropy         the data are {} ± {bias} nats less likely than by their neighbours (0: as likely)",
                signed(nats)
            )?;
        }
        if let Some(Excess { nats, error, .. }) = self.blur {
            writeln!(f, "blur            at σ_min the data are {} ± {error:.4} nats less likely", signed(nats))?;
        }
        if let Some(Residual { sigma, rms }) = self.worst() {
            writeln!(
                f,
                "Fokker–Planck   residual at most {rms:.1e}, at σ/α = {sigma:.3}; 0 is the score of one density"
            )?;
        }
        if let Some(Coupled { rms, gaussian }) = self.coupled {
            let gaussian = gaussian.map_or_else(String::new, |g| format!("; on the Gaussian {}", number(g)));
            writeln!(f, "2× the steps    from the same noise: {} away{gaussian}", number(rms))?;
        }
        let Floor { rows, data, samples, .. } = self.floor;
        let [data, samples] = [data, samples].map(number);
        writeln!(
            f,
            "sliced W2       samples {samples}, other data {data} (what other rows of the data give), over {rows} rows of each\n"
        )?;
        for finding in self.ranking() {
            writeln!(f, "{:<16}{}", finding.cause, finding.say())?;
        }
        if self.coupled.is_none() && self.floor.finer.is_some() {
            writeln!(
                f,
                "note: draws belong to steps, so those of twice as many have no partners: the discretisation is the Gaussian's alone"
            )?;
        }
        Ok(())
    }
}
