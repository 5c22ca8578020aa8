//! The density of the ODE model: the datum is carried up to the noise, and the volume with it.
//!
//! $dz/d\ell = z - D$, $d\log|\partial z/\partial z_0|/d\ell = d - \mathrm{tr} \partial D/\partial z$, $\ell = \ln y$, by the pair of Dormand and Prince of orders 5 and 4. Every row has its own step: so
//! a datum's density does not depend on its company.
//!
//! The error of a step is measured in units of the state's own size, $\sqrt{1+y^2} + |z|$, and of the volume in nats for each element.
//!
//! Source: Dormand & Prince, "A family of embedded Runge–Kutta formulae", 1980; Hutchinson's estimator, tr J = E vᵀJv, as in arXiv 1810.01367, with signs for v.

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Divergence {
    /// One product for each element: exact.
    #[default]
    Exact,
    /// This many products with random signs, the same ones along the whole path.
    Hutchinson(usize),
}

impl Divergence {
    /// `exact`, or `hutchinson:K` with K ≥ 1 probes.
    ///
    /// ```
    /// use langevin_analysis::likelihood::Divergence;
    /// assert_eq!(Divergence::parse("hutchinson:8")?, Divergence::Hutchinson(8));
    /// assert!(Divergence::parse("hutchinson:0").is_err());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// An unknown name, or no probe at all.
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

    /// Returns the default for rows of `dim` elements: exact up to 16, otherwise 8 probes.
    #[must_use]
    pub fn usual(dim: usize) -> Self {
        if dim <= 16 { Self::Exact } else { Self::Hutchinson(8) }
    }

    /// The products of one evaluation, and the sums that are kept apart.
    fn sizes(self, dim: usize) -> (usize, usize) {
        match self {
            Self::Exact => (dim, 1),
            Self::Hutchinson(probes) => (probes, probes),
        }
    }
}

/// More probes than this are a mistake.
const MAX_PROBES: usize = 4096;

/// The density of the ODE model. See the [module](super).
///
/// ```
/// use langevin_analysis::exact::{Density, Gaussian};
/// use langevin_analysis::likelihood::Ode;
/// use langevin::{LambdaRange, SampleId};
/// let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
/// let rows: Vec<SampleId> = (0..4).map(|index| SampleId { seed: 0, index }).collect();
/// let found = Ode::new(LambdaRange::from_sigma_ve(0.001, 1000.0)?).run(&data, &data.sample(&rows), 2, &rows)?;
/// // The exact denoiser of N(0, 1): its density, but for the start from N(0, y²) in place of N(0, 1 + y²), and the blur at the end.
/// let exact = |x: &[f64]| 0.5 * (x[0] * x[0] + x[1] * x[1]) + (2.0 * std::f64::consts::PI).ln();
/// for (x, nats) in data.sample(&rows).chunks(2).zip(&found.nats) {
///     assert!((nats - exact(x)).abs() < 1e-4);
/// }
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ode {
    /// From the cleanest to the noisiest level.
    pub range: LambdaRange,
    /// The method that computes the divergence.
    pub divergence: Divergence,
    /// The error of a step, relative to the size of the state and, of the volume, in nats for each element.
    pub tolerance: f64,
    /// The most attempts at a step.
    pub attempts: usize,
}

/// Data carried up to the noise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Encoded<S = Vec<f64>> {
    /// z at the noisiest level, row after row.
    pub state: S,
    /// $\log|\partial z_T/\partial x_0|$ of each row.
    pub log_volume: Vec<f64>,
    /// The standard error of each, from the probes.
    pub errors: Vec<f64>,
    /// The evaluations that the slowest row took.
    pub evaluations: usize,
    /// The products with the Jacobian among them.
    pub products: usize,
}

impl Ode {
    /// Exact divergence, and a tolerance of 10⁻⁵: what a network in single precision is worth.
    #[must_use]
    pub fn new(range: LambdaRange) -> Self {
        Self { range, divergence: Divergence::Exact, tolerance: 1e-5, attempts: 10_000 }
    }

    /// With this divergence.
    #[must_use]
    pub fn with_divergence(mut self, divergence: Divergence) -> Self {
        self.divergence = divergence;
        self
    }

    /// With this tolerance.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// −log p of the data, rows of `dim` elements; `rows` are their addresses, from which the probes are drawn.
    ///
    /// # Errors
    /// No data, a shape that does not fit, numbers that are not finite, a tolerance that cannot be, steps that grow too small, or whatever the model meets.
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

    /// Carries data up to the noisiest level: what [`run`](Self::run) does before it looks at where they arrive.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`run`](Self::run).
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

    /// Starts a run of which the caller evaluates the network: see [`drive`](langevin::drive). Its questions ask for
    /// products with the Jacobian.
    ///
    /// `network` is the network's formulation; `None` if its output is the denoised prediction. `data` are rows
    /// of the space, and `rows` their addresses, from which the probes are drawn.
    ///
    /// ```
    /// use langevin::drive::Program;
    /// use langevin_analysis::exact::{Density, Gaussian};
    /// use langevin_analysis::likelihood::Ode;
    /// use langevin::{LambdaRange, SampleId, SliceSpace, Vjp};
    /// let (data, rows) = (Gaussian::isotropic(vec![0.0, 0.0], 1.0)?, [SampleId::default()]);
    /// let ode = Ode::new(LambdaRange::from_sigma_ve(0.001, 1000.0)?);
    /// let mut run = ode.start(SliceSpace::<f64>::new(2), None, data.sample(&rows), &rows)?;
    /// while let Some(question) = run.query()? {
    ///     let (out, products) = data.predict_vjps(question.x, &question.query, question.cotangents)?;
    ///     run.supply(langevin::drive::Answer { out, products })?;
    /// }
    /// assert_eq!(run.finish()?, ode.run(&data, &data.sample(&rows), 2, &rows)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the data are not finite or do not fit the rows, if the range is empty, or if the
    /// tolerance or the number of probes is out of bounds.
    pub fn start<Sp: RowWise>(
        &self,
        space: Sp,
        network: Option<&Formulation>,
        data: Sp::State,
        rows: &[SampleId],
    ) -> Result<OdeRun<Sp>> {
        Ok(OdeRun { encoding: self.start_encoding(space, network, data, rows)? })
    }

    /// Starts a run that ends with the data at the noisiest level: [`encode`](Self::encode), with the network
    /// evaluated by the caller.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`start`](Self::start).
    pub fn start_encoding<Sp: RowWise>(
        &self,
        space: Sp,
        network: Option<&Formulation>,
        data: Sp::State,
        rows: &[SampleId],
    ) -> Result<EncodeRun<Sp>> {
        EncodeRun::new(*self, space, network.cloned(), data, rows)
    }

    /// Checks everything but the data, and returns the ends in σ/α.
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
