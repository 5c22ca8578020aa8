//! How likely a datum is under a model: a bound for the SDE model, and the density of the ODE model.
//!
//! Both are computed in the coordinates z = x/α, y = σ/α, in which every process is the same one, from the cleanest level $y_{min}$ to the noisiest $y_{max}$ of a range.
//! The model starts, as its samplers do, from $\mathcal N(0, \sigma_T^2)$: $\mathcal N(0, y_{max}^2)$ in z.
//!
//! **Bound** ([`Bound`]), of the model that draws with h = g:
//!
//! $$-\log p(x_0) \le \underbrace{\frac{\lVert x_0\rVert^2}{2 y_{max}^2}}_{\text{prior}}
//!   + \underbrace{\int E\lVert\varepsilon - \hat\varepsilon\rVert^2 d\lambda}_{\text{path}}
//!   + \underbrace{\tfrac d2\ln(2\pi e) + d\ln y_{min}}_{\text{last step}} .$$
//!
//! **Density** ([`Ode`]), of the model that draws with h = 0: along $dz/d\ln y = z - D$, whose divergence is $d - \mathrm{tr} \partial D/\partial z$,
//!
//! $$\log p(x_0) = \log\mathcal N(z_T;\ 0, y_{max}^2) + \int (d - \mathrm{tr} \partial D/\partial z) d\ln y ,$$
//!
//! the density at $x_0$ of the data as the range's cleanest level blurs them, $p_0 * \mathcal N(0, y_{min}^2)$.
//!
//! With the exact denoiser both are models of the same data. A trained network makes them two different distributions, and neither number bounds the other.
//!
//! Everything is in nats, in the coordinates the model works in: for data x = shift + scale·z the density of x is less by $\sum\ln\mathrm{scale}$
//! ([`Likelihood::rescaled`]).
//!
//! Source: Song et al., arXiv 2101.09258; Kingma et al., arXiv 2107.00630 (bound); Chen et al., arXiv 1806.07366; Grathwohl et al., arXiv 1810.01367 (density).

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

/// What a [`Likelihood`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// −log p is at most this, in expectation over the noise.
    Bound,
    /// −log p is this, up to the tolerance and the noise of the divergence.
    Density,
}

impl Kind {
    /// `bound` or `density`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Density => "density",
        }
    }
}

/// −log p of some data, in nats.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Likelihood {
    /// Which of the two it is.
    pub kind: Kind,
    /// −log p of each datum, or a bound on it.
    pub nats: Vec<f64>,
    /// The standard error of each of them, from the noise it was estimated with; 0 where there was none.
    pub errors: Vec<f64>,
    /// The network evaluations that the slowest datum took.
    pub evaluations: usize,
    /// Products with the Jacobian among them, each about two more evaluations.
    pub products: usize,
    /// The number of elements of a datum.
    pub dim: usize,
}

impl Likelihood {
    /// The mean over the data.
    #[must_use]
    pub fn mean(&self) -> f64 {
        Estimate::of(&self.nats).mean
    }

    /// The standard error of the mean: of the data and of the noise together, for both are in the spread of the numbers. One datum has only its own.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        Estimate::of(&self.nats).standard_error.or_else(|| self.errors.first().copied()).unwrap_or(0.0)
    }

    /// The mean in bits for each element.
    #[must_use]
    pub fn bits_per_dim(&self) -> f64 {
        self.mean() / (self.dim as f64 * std::f64::consts::LN_2)
    }

    /// With that of more rows of the same kind.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.nats.extend(more.nats);
        self.errors.extend(more.errors);
        self.evaluations = self.evaluations.max(more.evaluations);
        self.products = self.products.max(more.products);
        self
    }

    /// In other coordinates, data = shift + scale·z: every number grows by `log_volume` = Σ ln scale.
    #[must_use]
    pub fn rescaled(mut self, log_volume: f64) -> Self {
        self.nats.iter_mut().for_each(|nats| *nats += log_volume);
        self
    }
}

impl Likelihood {
    /// In other coordinates whose volume differs from datum to datum: each number grows by its own of `log_volumes`.
    #[must_use]
    pub fn rescaled_each(mut self, log_volumes: &[f64]) -> Self {
        self.nats.iter_mut().zip(log_volumes).for_each(|(nats, volume)| *nats += volume);
        self
    }
}

/// Rows that go through a likelihood together: a multiple of the rows that networks take at once, so that the pieces do not show.
const PIECE: usize = 64;

/// The likelihood of many rows: `run` is asked about pieces of them, on so many threads. A datum does not depend on its company, so neither changes the result.
///
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
///
/// # Errors
/// No row, or the first error of `run`.
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
        // Where the system gives no thread, its share is done here.
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

/// Returns the formulation that likelihoods ask for: the output is D of z = x/α, on the VE process.
#[must_use]
pub fn denoiser() -> Formulation {
    Formulation::new(Process::ve(), Prediction::X0)
}

/// Returns log N(z; 0, variance·1) of `dim` elements with ‖z‖² = `square`.
fn log_normal(square: f64, dim: usize, variance: f64) -> f64 {
    -0.5 * (square / variance + dim as f64 * ln(std::f64::consts::TAU * variance))
}

/// Data that can be asked about: some rows, all whole, all finite.
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

/// The range that a likelihood runs over.
fn check_range(range: LambdaRange) -> Result<(f64, f64)> {
    range.check()?;
    Ok(range.sigma_ve())
}

#[cfg(test)]
mod tests;
