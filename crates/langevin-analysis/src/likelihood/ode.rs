//! Computes the density of the ODE model by carrying data up to the noise together with their
//! volume.
//!
//! The equations are $dz/d\ell = z - D$ and $d\log|\partial z/\partial z_0|/d\ell = d - \mathrm{tr}
//! \partial D/\partial z$ with $\ell = \ln y$. The Dormand–Prince pair of orders 5 and 4 solves
//! them. Every row has its own step size, so the density of a datum does not depend on the other
//! rows.
//!
//! The error of a step is measured relative to the size of the state, $\sqrt{1+y^2} + |z|$. The
//! error of the log volume is measured in nats per element.
//!
//! Source: Dormand & Prince, "A family of embedded Runge–Kutta formulae", 1980; Hutchinson's
//! estimator, tr J = E vᵀJv, as in arXiv 1810.01367, with random signs for v.

mod run;
mod tableau;

pub use run::{EncodeRun, OdeRun};

use super::{Likelihood, check_data, check_range};
use langevin::drive::drive;
use langevin::error::{Error, Result};
use langevin::formulation::{Formulation, LambdaRange};
use langevin::model::Vjp;
use langevin::noise::SampleId;
use langevin::space::{RowWise, SliceSpace};

/// The method that computes the trace of the Jacobian.
///
/// # Examples
/// ```
/// use langevin_analysis::likelihood::Divergence;
/// assert_eq!(Divergence::default(), Divergence::Exact);
/// assert_eq!(Divergence::usual(2), Divergence::Exact);
/// assert_eq!(Divergence::usual(784), Divergence::Hutchinson(8));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Divergence {
    /// The exact trace, with one Jacobian product per element.
    #[default]
    Exact,
    /// Hutchinson's estimate from this many products with random signs, fixed along the whole path.
    Hutchinson(usize),
}

impl Divergence {
    /// Parses `exact`, or `hutchinson:K` with K ≥ 1 probes; `hutchinson` alone is one probe.
    ///
    /// # Errors
    /// Returns an error if the name is unknown, or if K is not a whole number from 1 to 4096.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::likelihood::Divergence;
    /// assert_eq!(Divergence::parse("hutchinson:8")?, Divergence::Hutchinson(8));
    /// assert!(Divergence::parse("hutchinson:0").is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let probes = match text.split_once(':') {
            None if text == "exact" => return Ok(Self::Exact),
            None if text == "hutchinson" => return Ok(Self::Hutchinson(1)),
            Some(("hutchinson", probes)) => probes,
            _ => return Err(Error::unknown("divergence", text, &["exact", "hutchinson:8"])),
        };
        match probes.parse() {
            Ok(probes @ 1..=MAX_PROBES) => Ok(Self::Hutchinson(probes)),
            _ => Err(Error::argument("bad number of probes")
                .at("hutchinson")
                .expected(format!("a whole number from 1 to {MAX_PROBES}"))
                .got(format!("'{probes}'"))
                .hinting("hutchinson:8 is usual; exact needs none")),
        }
    }

    /// Returns the default for rows of `dim` elements: exact up to 16 elements, otherwise 8 probes.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::likelihood::Divergence;
    /// assert_eq!(Divergence::usual(16), Divergence::Exact);
    /// assert_eq!(Divergence::usual(17), Divergence::Hutchinson(8));
    /// ```
    #[must_use]
    pub fn usual(dim: usize) -> Self {
        if dim <= 16 { Self::Exact } else { Self::Hutchinson(8) }
    }

    /// Returns the number of products per evaluation, and the number of separate sums.
    fn sizes(self, dim: usize) -> (usize, usize) {
        match self {
            Self::Exact => (dim, 1),
            Self::Hutchinson(probes) => (probes, probes),
        }
    }
}

/// The largest number of probes; a larger number is taken for a mistake.
const MAX_PROBES: usize = 4096;

/// Settings for the density of the ODE model (h = 0). See the [module](super) for the formula.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{Density, Gaussian};
/// use langevin_analysis::likelihood::Ode;
/// use langevin::{LambdaRange, SampleId};
/// let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
/// let rows: Vec<SampleId> = (0..4).map(|index| SampleId { seed: 0, index }).collect();
/// let (x, ode) = (data.sample(&rows), Ode::new(LambdaRange::from_sigma_ve(0.001, 1000.0)?));
/// let found = ode.run(&data, &x, 2, &rows)?;
/// // The exact denoiser of N(0, 1) gives its density. Two small errors remain: the start from
/// // N(0, y²) instead of N(0, 1 + y²), and the blur at the cleanest level.
/// let exact = |x: &[f64]| 0.5 * (x[0] * x[0] + x[1] * x[1]) + (2.0 * std::f64::consts::PI).ln();
/// for (x, nats) in x.chunks(2).zip(&found.nats) {
///     assert!((nats - exact(x)).abs() < 1e-4);
/// }
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ode {
    /// The range of noise levels, from the cleanest to the noisiest.
    pub range: LambdaRange,
    /// The method that computes the divergence.
    pub divergence: Divergence,
    /// The largest error of a step: relative to the size of the state, and in nats per element for
    /// the volume.
    pub tolerance: f64,
    /// The largest number of attempted steps.
    pub attempts: usize,
}

/// Data encoded as noise: the result of [`Ode::encode`].
///
/// # Examples
/// ```
/// use langevin::{LambdaRange, SampleId};
/// use langevin_analysis::exact::Gaussian;
/// use langevin_analysis::likelihood::Ode;
/// let (data, rows) = (Gaussian::isotropic(vec![0.0], 1.0)?, [SampleId::default()]);
/// let ode = Ode::new(LambdaRange::from_sigma_ve(0.001, 100.0)?);
/// let found = ode.encode(&data, &[0.5], 1, &rows)?;
/// // On N(0, 1) the path scales by √(1 + y²).
/// assert!((found.state[0] - 50.0).abs() < 0.1);
/// assert!((found.log_volume[0] - 100.0_f64.ln()).abs() < 1e-3);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Encoded<S = Vec<f64>> {
    /// z at the noisiest level, row after row.
    pub state: S,
    /// $\log|\partial z_T/\partial x_0|$ of each row.
    pub log_volume: Vec<f64>,
    /// The standard error of each log volume, from the spread over the probes.
    pub errors: Vec<f64>,
    /// The largest number of evaluations that a row took.
    pub evaluations: usize,
    /// The number of products with the Jacobian in these evaluations.
    pub products: usize,
}

impl Ode {
    /// Creates settings with the exact divergence and a tolerance of 10⁻⁵.
    ///
    /// A smaller tolerance is useless for a network in single precision.
    #[must_use]
    pub fn new(range: LambdaRange) -> Self {
        Self { range, divergence: Divergence::Exact, tolerance: 1e-5, attempts: 10_000 }
    }

    /// Sets the method that computes the divergence.
    #[must_use]
    pub fn with_divergence(mut self, divergence: Divergence) -> Self {
        self.divergence = divergence;
        self
    }

    /// Sets the tolerance, in (0, 1].
    ///
    /// # Examples
    /// ```
    /// # use langevin::{LambdaRange, SampleId};
    /// # use langevin_analysis::exact::{Density, Gaussian};
    /// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
    /// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
    /// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
    /// let ode = Ode::new(range);
    /// let (rough, fine) = (ode.with_tolerance(1e-2), ode.with_tolerance(1e-8));
    /// let evaluations = |ode: Ode| ode.run(&data, &x, 2, &rows).map(|found| found.evaluations);
    /// assert!(evaluations(rough)? < evaluations(fine)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Computes −log p of each datum.
    ///
    /// `data` holds rows of `dim` elements. `rows` holds their addresses, which determine the
    /// probes.
    ///
    /// # Errors
    /// Returns an error if there are no data, if the shapes do not fit, if a number is not finite,
    /// if the tolerance is out of bounds, or if the steps become too small. Errors of the model are
    /// passed on.
    ///
    /// # Examples
    /// ```
    /// use langevin::{LambdaRange, SampleId};
    /// use langevin_analysis::exact::{self, Density};
    /// use langevin_analysis::likelihood::{Divergence, Ode};
    /// let data = exact::named("8gaussians")?;
    /// let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
    /// let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 80.0)?);
    /// let exact = Ode::new(range).run(&*data, &x, 2, &rows)?;
    /// let four = Ode::new(range).with_divergence(Divergence::Hutchinson(4));
    /// let probes = four.run(&*data, &x, 2, &rows)?;
    /// assert!(exact.errors.iter().all(|error| *error == 0.0));
    /// assert!(probes.errors.iter().any(|error| *error > 0.0));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn run(
        &self,
        model: &(impl Vjp<Vec<f64>> + ?Sized),
        data: &[f64],
        dim: usize,
        rows: &[SampleId],
    ) -> Result<Likelihood> {
        check_data(data, dim, rows.len())?;
        let run = self.start(SliceSpace::new(dim), model.formulation(), data.to_vec(), rows)?;
        drive(run, |question| question.ask_vjp(model))
    }

    /// Encodes data as noise by carrying them up to the noisiest level.
    ///
    /// [`run`](Self::run) does the same and then evaluates the density of the noise.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`run`](Self::run).
    ///
    /// # Examples
    /// ```
    /// # use langevin::{LambdaRange, SampleId};
    /// # use langevin_analysis::exact::{Density, Gaussian};
    /// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
    /// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
    /// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
    /// // On N(0, 1) each element is scaled by √((1 + 100²)/(1 + 0.01²)).
    /// let found = Ode::new(range).with_tolerance(1e-8).encode(&data, &x, 2, &rows)?;
    /// assert!((found.state[0] / x[0] - 100.0).abs() < 0.01);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn encode(
        &self,
        model: &(impl Vjp<Vec<f64>> + ?Sized),
        data: &[f64],
        dim: usize,
        rows: &[SampleId],
    ) -> Result<Encoded> {
        check_data(data, dim, rows.len())?;
        let run = self.start_encoding(SliceSpace::new(dim), model.formulation(), data.to_vec(), rows)?;
        drive(run, |question| question.ask_vjp(model))
    }

    /// Starts a likelihood run in which the caller evaluates the network; see
    /// [`drive`](langevin::drive).
    ///
    /// The questions of the run also ask for products with the Jacobian. `network` is the network's
    /// formulation, or `None` if its output is the denoised prediction. `data` holds rows of the
    /// space, and `rows` their addresses, which determine the probes.
    ///
    /// # Errors
    /// Returns an error if the data are not finite or do not fit the rows, if the range is empty,
    /// or if the tolerance or the number of probes is out of bounds.
    ///
    /// # Examples
    /// ```
    /// use langevin::drive::{Answer, Program};
    /// use langevin_analysis::exact::{Density, Gaussian};
    /// use langevin_analysis::likelihood::Ode;
    /// use langevin::{LambdaRange, SampleId, SliceSpace, Vjp};
    /// let (data, rows) = (Gaussian::isotropic(vec![0.0, 0.0], 1.0)?, [SampleId::default()]);
    /// let ode = Ode::new(LambdaRange::from_sigma_ve(0.001, 1000.0)?);
    /// let mut run = ode.start(SliceSpace::<f64>::new(2), None, data.sample(&rows), &rows)?;
    /// while let Some(asked) = run.query()? {
    ///     let (out, products) = data.predict_vjps(asked.x, &asked.query, asked.cotangents)?;
    ///     run.supply(Answer { out, products })?;
    /// }
    /// assert_eq!(run.finish()?, ode.run(&data, &data.sample(&rows), 2, &rows)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn start<Sp: RowWise>(
        &self,
        space: Sp,
        network: Option<&Formulation>,
        data: Sp::State,
        rows: &[SampleId],
    ) -> Result<OdeRun<Sp>> {
        Ok(OdeRun { encoding: self.start_encoding(space, network, data, rows)? })
    }

    /// Starts an encoding in which the caller evaluates the network.
    ///
    /// The run ends with the data at the noisiest level, as [`encode`](Self::encode) does.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`start`](Self::start).
    ///
    /// # Examples
    /// ```
    /// # use langevin::{LambdaRange, SampleId};
    /// # use langevin_analysis::exact::{Density, Gaussian};
    /// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
    /// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
    /// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
    /// use langevin::SliceSpace;
    /// use langevin::drive::drive;
    /// let ode = Ode::new(range);
    /// let run = ode.start_encoding(SliceSpace::<f64>::new(2), None, x.clone(), &rows)?;
    /// let found = drive(run, |question| question.ask_vjp(&data))?;
    /// assert_eq!(found.state, ode.encode(&data, &x, 2, &rows)?.state);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn start_encoding<Sp: RowWise>(
        &self,
        space: Sp,
        network: Option<&Formulation>,
        data: Sp::State,
        rows: &[SampleId],
    ) -> Result<EncodeRun<Sp>> {
        EncodeRun::new(*self, space, network.cloned(), data, rows)
    }

    /// Checks everything except the data, and returns the ends of the range in σ/α.
    fn check(&self) -> Result<(f64, f64)> {
        let ends = check_range(self.range)?;
        if !(self.tolerance > 0.0 && self.tolerance <= 1.0) {
            return Err(Error::argument("bad tolerance").expected("0 < tolerance ≤ 1").got(self.tolerance.to_string()));
        }
        if let Divergence::Hutchinson(probes) = self.divergence
            && !(1..=MAX_PROBES).contains(&probes)
        {
            return Err(Error::argument("bad number of probes")
                .expected(format!("1 to {MAX_PROBES}"))
                .got(probes.to_string())
                .hinting("Divergence::Exact needs none"));
        }
        Ok(ends)
    }
}
