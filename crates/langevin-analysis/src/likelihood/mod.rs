//! Computes how likely data are under a model: a bound for the SDE model, a density for the ODE
//! model.
//!
//! Both are computed in the coordinates z = x/α, y = σ/α, in which all processes are equal. The
//! computation runs from the cleanest level $y_{min}$ to the noisiest level $y_{max}$ of a range.
//! The model starts from $\mathcal N(0, \sigma_T^2)$ as its samplers do, which is
//! $\mathcal N(0, y_{max}^2)$ in z.
//!
//! **Bound** ([`Bound`]), for the model that samples with h = g:
//!
//! $$-\log p(x_0) \le \underbrace{\frac{\lVert x_0\rVert^2}{2 y_{max}^2}}\_{\text{prior}} +
//!   \underbrace{\int E\lVert\varepsilon - \hat\varepsilon\rVert^2 d\lambda}\_{\text{path}} +
//!   \underbrace{\tfrac d2\ln(2\pi e) + d\ln y_{min}}\_{\text{last step}} .$$
//!
//! **Density** ([`Ode`]), for the model that samples with h = 0. The data move along
//! $dz/d\ln y = z - D$, whose divergence is $d - \mathrm{tr} \partial D/\partial z$:
//!
//! $$\log p(x_0) = \log\mathcal N(z_T;\ 0, y_{max}^2) +
//!   \int (d - \mathrm{tr} \partial D/\partial z) d\ln y .$$
//!
//! This is the density at $x_0$ of the data blurred by the cleanest level of the range,
//! $p_0 * \mathcal N(0, y_{min}^2)$.
//!
//! # Which number to quote
//!
//! With the exact denoiser both models equal the data distribution. With a trained network they are
//! two different distributions, and neither number bounds the other. Quote the bound for samples
//! drawn by a stochastic sampler (h = g), and the density for samples drawn by an ODE sampler (h =
//! 0).
//!
//! # Units
//!
//! All numbers are in nats, in the coordinates of the model. For data x = shift + scale·z the
//! density of x is smaller by $\sum\ln\mathrm{scale}$ ([`Likelihood::rescaled`]).
//!
//! Source: Song et al., arXiv 2101.09258; Kingma et al., arXiv 2107.00630 (bound); Chen et al.,
//! arXiv 1806.07366; Grathwohl et al., arXiv 1810.01367 (density).

mod bound;
mod chain;
mod ode;

pub use bound::{Bound, BoundRun};
pub use chain::{chain_bound, chain_excess, optimal_chain, path_integral};
pub use ode::{Divergence, EncodeRun, Encoded, Ode, OdeRun};

use crate::metrics::Estimate;
use langevin::error::{Error, Result};
use langevin::formulation::{Formulation, LambdaRange};
use langevin::math::ln;
use langevin::noise::SampleId;
use langevin::prediction::Prediction;
use langevin::process::Process;

/// The kind of number in a [`Likelihood`].
///
/// # Examples
/// ```
/// use langevin_analysis::likelihood::Kind;
/// assert_eq!([Kind::Bound, Kind::Density].map(Kind::name), ["bound", "density"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// An upper bound on −log p of the SDE model, in expectation over the noise.
    Bound,
    /// −log p of the ODE model, up to the tolerance and the noise of the divergence.
    Density,
}

impl Kind {
    /// Returns the name, `bound` or `density`.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::likelihood::Kind;
    /// assert_eq!(Kind::Density.name(), "density");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Density => "density",
        }
    }
}

/// −log p of several data, or a bound on it, in nats.
///
/// # Examples
/// ```
/// use langevin::{LambdaRange, SampleId};
/// use langevin_analysis::exact::{Density, Gaussian};
/// use langevin_analysis::likelihood::{Kind, Ode};
/// let data = Gaussian::isotropic(vec![0.0], 1.0)?;
/// let rows = [0, 1, 2].map(|index| SampleId { seed: 0, index });
/// let ode = Ode::new(LambdaRange::from_sigma_ve(0.01, 100.0)?);
/// let found = ode.run(&data, &data.sample(&rows), 1, &rows)?;
/// assert_eq!((found.kind, found.nats.len(), found.dim), (Kind::Density, 3, 1));
/// assert_eq!(found.bits_per_dim(), found.mean() / 2.0_f64.ln());
/// // Data in units ten times smaller: the numbers grow by 10, and −log p by ln 10.
/// let scaled = found.clone().rescaled(10.0_f64.ln());
/// assert!((scaled.mean() - found.mean() - 10.0_f64.ln()).abs() < 1e-12);
/// assert_eq!(found.clone().and(scaled).nats.len(), 6);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Likelihood {
    /// The kind of number: bound or density.
    pub kind: Kind,
    /// −log p of each datum, or a bound on it.
    pub nats: Vec<f64>,
    /// The standard error of each number, from the noise of its estimate; 0 for an exact
    /// computation.
    pub errors: Vec<f64>,
    /// The largest number of network evaluations that a datum took.
    pub evaluations: usize,
    /// The number of products with the Jacobian. Each costs about two more evaluations.
    pub products: usize,
    /// The number of elements of a datum.
    pub dim: usize,
}

impl Likelihood {
    /// Returns the mean over the data, in nats.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{LambdaRange, SampleId};
    /// # use langevin_analysis::exact::{Density, Gaussian};
    /// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
    /// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
    /// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
    /// let found = Ode::new(range).run(&data, &x, 2, &rows)?;
    /// assert!((found.mean() - found.nats.iter().sum::<f64>() / 8.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn mean(&self) -> f64 {
        Estimate::of(&self.nats).mean
    }

    /// Returns the standard error of the mean.
    ///
    /// It covers both the choice of data and the noise of each estimate, because both contribute to
    /// the spread of the numbers. For a single datum it is the standard error of that estimate.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{LambdaRange, SampleId};
    /// # use langevin_analysis::exact::{Density, Gaussian};
    /// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
    /// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
    /// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
    /// // An ODE density has no noise of its own: the error is that of a mean over eight data.
    /// let found = Ode::new(range).run(&data, &x, 2, &rows)?;
    /// assert!(found.errors.iter().all(|error| *error == 0.0) && found.standard_error() > 0.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        Estimate::of(&self.nats).standard_error.or_else(|| self.errors.first().copied()).unwrap_or(0.0)
    }

    /// Returns the mean in bits per element.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{LambdaRange, SampleId};
    /// # use langevin_analysis::exact::{Density, Gaussian};
    /// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
    /// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
    /// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
    /// let found = Ode::new(range).run(&data, &x, 2, &rows)?;
    /// assert_eq!(found.bits_per_dim(), found.mean() / (2.0 * 2.0_f64.ln()));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn bits_per_dim(&self) -> f64 {
        self.mean() / (self.dim as f64 * std::f64::consts::LN_2)
    }

    /// Appends the likelihood of further rows. Both must be of the same kind.
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
    /// let all = ode.run(&data, &x, 2, &rows)?;
    /// let first = ode.run(&data, &x[..8], 2, &rows[..4])?;
    /// assert_eq!(first.and(ode.run(&data, &x[8..], 2, &rows[4..])?).nats, all.nats);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.nats.extend(more.nats);
        self.errors.extend(more.errors);
        self.evaluations = self.evaluations.max(more.evaluations);
        self.products = self.products.max(more.products);
        self
    }

    /// Converts to other coordinates, data = shift + scale·z: adds `log_volume` = Σ ln scale to
    /// each number.
    ///
    /// # Examples
    /// ```
    /// # use langevin::{LambdaRange, SampleId};
    /// # use langevin_analysis::exact::{Density, Gaussian};
    /// # use langevin_analysis::likelihood::{Bound, Divergence, Ode};
    /// # let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
    /// # let rows: Vec<SampleId> = (0..8).map(|index| SampleId { seed: 0, index }).collect();
    /// # let (x, range) = (data.sample(&rows), LambdaRange::from_sigma_ve(0.01, 100.0)?);
    /// let found = Ode::new(range).run(&data, &x, 2, &rows)?;
    /// let shifted = found.clone().rescaled(3.0);
    /// assert!((shifted.mean() - found.mean() - 3.0).abs() < 1e-12);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn rescaled(mut self, log_volume: f64) -> Self {
        self.nats.iter_mut().for_each(|nats| *nats += log_volume);
        self
    }
}

impl Likelihood {
    /// Converts to coordinates whose volume differs between data: adds `log_volumes[i]` to number
    /// i.
    ///
    /// # Examples
    /// ```
    /// use langevin::{LambdaRange, SampleId};
    /// use langevin_analysis::exact::Gaussian;
    /// use langevin_analysis::likelihood::Ode;
    /// let (data, rows) = (Gaussian::isotropic(vec![0.0], 1.0)?, [SampleId::default()]);
    /// let ode = Ode::new(LambdaRange::from_sigma_ve(0.01, 100.0)?);
    /// let found = ode.run(&data, &[0.5], 1, &rows)?;
    /// assert_eq!(found.clone().rescaled_each(&[2.0]).nats[0], found.nats[0] + 2.0);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn rescaled_each(mut self, log_volumes: &[f64]) -> Self {
        self.nats.iter_mut().zip(log_volumes).for_each(|(nats, volume)| *nats += volume);
        self
    }
}

/// The number of rows in a piece. It is a multiple of the block size of networks, so that cutting
/// the data in pieces does not change the blocks.
const PIECE: usize = 64;

/// Computes the likelihood of many rows in pieces, shared among threads.
///
/// `run` computes the likelihood of one piece. The result of a row does not depend on the other
/// rows, so neither the pieces nor the number of threads change the result.
///
/// # Errors
/// Returns an error if there are no rows, and otherwise the first error of `run`.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{self, Density};
/// use langevin_analysis::likelihood::{Bound, in_pieces};
/// use langevin::{LambdaRange, SampleId};
/// let data = exact::named("moons")?;
/// let rows: Vec<SampleId> = (0..200).map(|index| SampleId { seed: 0, index }).collect();
/// let (x, bound) = (data.sample(&rows), Bound::new(LambdaRange { min: -4.0, max: 4.0 }, 8));
/// let found = in_pieces(2, &x, 2, &rows, |x, rows| bound.run(&*data, x, 2, rows))?;
/// assert_eq!(found, bound.run(&*data, &x, 2, &rows)?);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn in_pieces(
    threads: usize,
    x: &[f64],
    dim: usize,
    rows: &[SampleId],
    run: impl Fn(&[f64], &[SampleId]) -> Result<Likelihood> + Sync,
) -> Result<Likelihood> {
    check_data(x, dim, rows.len())?;
    let pieces: Vec<(&[f64], &[SampleId])> = x.chunks(PIECE * dim).zip(rows.chunks(PIECE)).collect();
    let share = pieces.len().div_ceil(threads.clamp(1, langevin::plan::MOST_THREADS));
    let run = &run;
    let work = |pieces: &[(&[f64], &[SampleId])]| pieces.iter().map(|(x, rows)| run(x, rows)).collect();
    let found: Vec<Result<Vec<Likelihood>>> = std::thread::scope(|scope| {
        let (mine, others) = pieces.split_at(share);
        // If the system cannot start a thread, the current thread does its share.
        let spawn = |pieces| (pieces, std::thread::Builder::new().spawn_scoped(scope, move || work(pieces)).ok());
        let others: Vec<_> = others.chunks(share).map(spawn).collect();
        let mut found = vec![work(mine)];
        found.extend(others.into_iter().map(|(pieces, other)| match other.map(|other| other.join()) {
            Some(Ok(found)) => found,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => work(pieces),
        }));
        found
    });
    let found = found.into_iter().collect::<Result<Vec<_>>>()?;
    let joined = found.into_iter().flatten().reduce(Likelihood::and);
    joined.ok_or_else(|| Error::shape("there are no data to find the likelihood of"))
}

/// Returns the formulation that likelihoods query: D of z = x/α on the VE process.
///
/// # Examples
/// ```
/// use langevin_analysis::likelihood::denoiser;
/// use langevin::{Formulation, Prediction, Process};
/// assert_eq!(denoiser(), Formulation::new(Process::ve(), Prediction::X0));
/// ```
#[must_use]
pub fn denoiser() -> Formulation {
    Formulation::new(Process::ve(), Prediction::X0)
}

/// Returns log N(z; 0, variance·1) for `dim` elements with ‖z‖² = `square`.
fn log_normal(square: f64, dim: usize, variance: f64) -> f64 {
    -0.5 * (square / variance + dim as f64 * ln(std::f64::consts::TAU * variance))
}

/// Checks that the data are at least one row, only whole rows, and only finite numbers.
fn check_data(x: &[f64], dim: usize, rows: usize) -> Result<()> {
    if dim == 0 || rows == 0 {
        return Err(Error::shape("there are no data to find the likelihood of")
            .expected("at least one row of at least one element")
            .got(format!("{rows} rows of {dim}")));
    }
    if Some(x.len()) != rows.checked_mul(dim) {
        return Err(Error::shape("the data do not fit")
            .expected(format!("{rows} rows of {dim} elements"))
            .got(format!("{} elements", x.len())));
    }
    match x.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::argument("a datum is not finite")
            .at(format!("row {}, element {}", at / dim, at % dim))
            .got(x[at].to_string())),
        None => Ok(()),
    }
}

/// Checks a range and returns its ends in σ/α.
fn check_range(range: LambdaRange) -> Result<(f64, f64)> {
    range.check()?;
    Ok(range.sigma_ve())
}

#[cfg(test)]
mod tests;
