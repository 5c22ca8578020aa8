//! Provides densities known in closed form, at every noise level of every process.
//!
//! For data of density $p$ the state $x = \alpha x_0 + \sigma\varepsilon$ has the density
//!
//! $$p_t(x) = \int p(x_0) \mathcal N(x;\ \alpha x_0,\ \sigma^2 I) dx_0,$$
//!
//! and the best prediction of the datum is its posterior mean, which also follows from the score
//! (Tweedie):
//!
//! $$D(x) = E[x_0 \mid x] = \frac{x + \sigma^2 \nabla\log p_t(x)}{\alpha}.$$
//!
//! Most of these densities are finite mixtures of Gaussians. The toys are sums or integrals of
//! terms, each with its own D. With weights $\pi_k$, means $m_k$ and covariances $C_k$, the noised
//! mixture has means $\alpha m_k$ and covariances $W_k = \alpha^2 C_k + \sigma^2 I$, so $p_t$ and D
//! are sums:
//!
//! $$D(x) = \sum_k r_k(x) \bigl(m_k + \alpha C_k W_k^{-1}(x - \alpha m_k)\bigr), \qquad
//!   r_k \propto \pi_k \mathcal N(x;\ \alpha m_k,\ W_k).$$
//!
//! | symbol | here |
//! |---|---|
//! | $\alpha, \sigma$ | [`Level::alpha`], [`Level::sigma`]; the time has no effect |
//! | $\log p_t$ | [`Density::log_density`]; the data's own density is the level α = 1, σ = 0 |
//! | D | [`Density::denoise`] |
//! | $(\partial D/\partial x) v$ | [`Density::denoise_along`] |
//! | $\nabla\log p_t$ | [`Density::score`] |
//!
//! D is finite at both ends. At α = 0 the state contains no information and D is the mean of the
//! data. At σ = 0 it contains all information and $D = x/\alpha$. If the data have no density (a
//! singular covariance, or a [`DataSet`]), D is the limit σ → 0: the nearest point that has data.
//!
//! Each of these types is a [`Model`] on slices. A sampler runs on it as on a network, without any
//! training error.
//!
//! Source: Efron, "Tweedie's formula and selection bias", 2011, for D; Grathwohl et al., arXiv
//! 1810.01367, for the toys.

mod bessel;
mod dataset;
mod gaussian;
mod mixture;
mod toys;

pub use dataset::DataSet;
pub use gaussian::Gaussian;
pub(crate) use gaussian::{Share, Wanted, principal_axes};
pub use mixture::Mixture;
pub use toys::{
    Toy, checkerboard, circles, eight_gaussians, moons, pinwheel, rings, swissroll, two_gaussians, two_spirals,
};

use langevin::error::{Error, Result};
use langevin::model::{At, Model, Query, Vjp};
use langevin::noise::{SampleId, draws, fill_normals};
use langevin::process::Level;
use langevin::space::Element;
use std::any::Any;

/// Components whose log weight lies further below the largest one are left out of a sum: each is
/// less than 2·10⁻²² of it.
const NEGLIGIBLE: f64 = -50.0;

/// A density for which every quantity that a diffusion model learns is known exactly.
///
/// A batch is a slice of `rows × dim` numbers, row after row.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{Density, Gaussian};
/// use langevin::model::At;
/// use langevin::Process;
/// let data = Gaussian::isotropic(vec![1.0], 0.5)?;
/// let level = Process::rectified_flow().level(0.5)?;
/// let mut denoised = [0.0; 2];
/// data.denoise(&[0.5, 1.25], At::One(level), &mut denoised)?;
/// // (αc x + σ²m)/(α²c + σ²)
/// assert_eq!(denoised, [1.0, 1.5]);
/// # Ok::<(), langevin::Error>(())
/// ```
pub trait Density: Send + Sync {
    /// Returns the display name.
    fn name(&self) -> &str;

    /// Returns the number of elements of a row.
    fn dim(&self) -> usize;

    /// Draws one datum for each of `rows`, row after row. A datum depends only on its own
    /// [`SampleId`].
    ///
    /// The noise comes from the draws [`draws::EXACT_NORMALS`] and [`draws::EXACT_UNIFORMS`], which
    /// do not overlap with the draws of plans.
    fn sample(&self, rows: &[SampleId]) -> Vec<f64>;

    /// Returns $\log p_t(x)$ at `level` for one point, in nats; NaN unless `x` has
    /// [`dim`](Self::dim) elements.
    ///
    /// If there is no density, because σ = 0 and the data fill no volume, the result is +∞ on the
    /// data and −∞ elsewhere.
    fn log_density(&self, x: &[f64], level: &Level) -> f64;

    /// Writes $D = E[x_0 \mid x]$ for every row of `x` to `out`.
    ///
    /// # Errors
    /// Returns an error if `x` is not whole rows, or if `out` or the levels do not fit it.
    fn denoise(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()>;

    /// Writes D for every row of `x` to `out`, and its directional derivative
    /// $(\partial D/\partial x) v$ along `tangent` to `product`.
    ///
    /// The Jacobian is the scaled posterior covariance of the datum,
    /// $\partial D/\partial x = (\alpha/\sigma^2) \mathrm{Cov}[x_0 \mid x]$. It is symmetric, so
    /// products from the left and from the right are equal.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`denoise`](Self::denoise), for each of the four
    /// slices.
    fn denoise_along(&self, x: &[f64], at: At<'_>, tangent: &[f64], out: &mut [f64], product: &mut [f64])
    -> Result<()>;

    /// Writes $\nabla\log p_t(x) = -(x - \alpha D)/\sigma^2$ for every row of `x` to `out`.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`denoise`](Self::denoise).
    fn score(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        self.denoise(x, at, out)?;
        let dim = self.dim();
        for (row, (out, x)) in out.chunks_exact_mut(dim).zip(x.chunks_exact(dim)).enumerate() {
            let Level { alpha, sigma, .. } = at.row(row);
            for (out, x) in out.iter_mut().zip(x) {
                // Dividing by σ twice avoids σ², which may underflow while the score does not
                // overflow.
                *out = (alpha * *out - x) / sigma / sigma;
            }
        }
        Ok(())
    }
}

impl<P: Density + ?Sized> Density for Box<P> {
    fn name(&self) -> &str {
        (**self).name()
    }
    fn dim(&self) -> usize {
        (**self).dim()
    }
    fn sample(&self, rows: &[SampleId]) -> Vec<f64> {
        (**self).sample(rows)
    }
    fn log_density(&self, x: &[f64], level: &Level) -> f64 {
        (**self).log_density(x, level)
    }
    fn denoise(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        (**self).denoise(x, at, out)
    }
    fn denoise_along(
        &self,
        x: &[f64],
        at: At<'_>,
        tangent: &[f64],
        out: &mut [f64],
        product: &mut [f64],
    ) -> Result<()> {
        (**self).denoise_along(x, at, tangent, out, product)
    }
    fn score(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        (**self).score(x, at, out)
    }
}

/// The names that [`named`] accepts, in display order.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{self, Density};
/// for name in exact::NAMES {
///     assert_eq!(exact::named(name)?.name(), name);
/// }
/// # Ok::<(), langevin::Error>(())
/// ```
pub const NAMES: [&str; 10] = [
    "gaussian",
    "mixture",
    "moons",
    "8gaussians",
    "checkerboard",
    "circles",
    "rings",
    "swissroll",
    "2spirals",
    "pinwheel",
];

/// Returns the density with this name.
///
/// | name | density |
/// |---|---|
/// | `gaussian` | 2-D, mean (0.5, −0.25), covariance (1, 0.6; 0.6, 0.5) |
/// | `mixture` | 1-D, weights 0.3 and 0.7, means −2 and 1, standard deviations 0.3 and 0.5 |
/// | `moons` | [`moons`] |
/// | `8gaussians` | [`eight_gaussians`] |
/// | `checkerboard` | [`checkerboard`] |
/// | `circles` | [`circles`] |
/// | `rings` | [`rings`] |
/// | `swissroll` | [`swissroll`] |
/// | `2spirals` | [`two_spirals`] |
/// | `pinwheel` | [`pinwheel`] |
///
/// # Errors
/// Returns an error if the name is unknown, with the nearest known name as a hint.
///
/// # Examples
/// ```
/// use langevin_analysis::exact::{self, Density};
/// assert_eq!(exact::named("moons")?.dim(), 2);
/// let error = exact::named("mons").map(|_| ()).unwrap_err();
/// assert_eq!(error.hint(), Some("did you mean 'moons'?"));
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn named(name: &str) -> Result<Box<dyn Density>> {
    Ok(match name {
        "gaussian" => Box::new(Gaussian::new(vec![0.5, -0.25], &[1.0, 0.6, 0.6, 0.5])?),
        "mixture" => Box::new(toys::two_gaussians()),
        "moons" => Box::new(moons()),
        "8gaussians" => Box::new(eight_gaussians()),
        "checkerboard" => Box::new(checkerboard()),
        "circles" => Box::new(circles()),
        "rings" => Box::new(rings()),
        "swissroll" => Box::new(swissroll()),
        "2spirals" => Box::new(two_spirals()),
        "pinwheel" => Box::new(pinwheel()),
        _ => return Err(Error::unknown("density", name, &NAMES)),
    })
}

/// Checks that a batch is whole rows, and that the output and the levels fit it.
fn check_batch(x: &[f64], dim: usize, at: At<'_>, out: &[f64]) -> Result<()> {
    if !x.len().is_multiple_of(dim) {
        return Err(Error::shape("the batch is not whole rows")
            .expected(format!("a multiple of {dim} elements"))
            .got(x.len().to_string()));
    }
    if out.len() != x.len() {
        return Err(Error::shape("the output does not fit the batch")
            .expected(format!("{} elements", x.len()))
            .got(out.len().to_string()));
    }
    match at {
        At::PerRow(levels) if levels.len() != x.len() / dim => Err(Error::shape("the levels do not fit the batch")
            .expected(format!("one for each of {} rows", x.len() / dim))
            .got(levels.len().to_string())),
        _ => Ok(()),
    }
}

/// Runs [`check_batch`], and checks that a tangent and its product fit the batch.
fn check_along(x: &[f64], dim: usize, at: At<'_>, tangent: &[f64], out: &[f64], product: &[f64]) -> Result<()> {
    check_batch(x, dim, at, out)?;
    match [tangent.len(), product.len()].into_iter().find(|len| *len != x.len()) {
        None => Ok(()),
        Some(len) => Err(Error::shape("the tangent or its product does not fit the batch")
            .expected(format!("{} elements", x.len()))
            .got(len.to_string())),
    }
}

/// Returns `dim` normals for each of `rows`.
fn normals(rows: &[SampleId], dim: usize) -> Vec<f32> {
    let mut z = vec![0.0; rows.len() * dim];
    fill_normals(rows, draws::EXACT_NORMALS.first(), dim, &mut z);
    z
}

/// Checks that a state has as many rows as the query.
fn check_state<P: Density + ?Sized>(density: &P, len: usize, rows: usize) -> Result<()> {
    let wanted = rows * density.dim();
    if len == wanted {
        return Ok(());
    }
    Err(Error::shape("the state does not fit the density")
        .at(format!("density {}", density.name()))
        .expected(format!("{wanted} elements ({rows} rows × {})", density.dim()))
        .got(len.to_string()))
}

/// Calls `f` on f64 input and output for any element type, and returns the output.
// `Any` distinguishes a Vec<f64> from a Vec<f32>, but does not work on slices.
#[allow(clippy::ptr_arg)]
fn widened<T: Element>(x: &Vec<T>, f: impl FnOnce(&[f64], &mut [f64]) -> Result<()>) -> Result<Vec<T>> {
    let mut out = vec![T::default(); x.len()];
    let (own, wide): (&dyn Any, &mut dyn Any) = (x, &mut out);
    if let (Some(x), Some(out)) = (own.downcast_ref::<Vec<f64>>(), wide.downcast_mut::<Vec<f64>>()) {
        f(x, out)?;
    } else {
        let x: Vec<f64> = x.iter().map(|x| x.to_f64()).collect();
        let mut wide = vec![0.0; x.len()];
        f(&x, &mut wide)?;
        out = narrowed(&wide);
    }
    Ok(out)
}

fn narrowed<T: Element>(x: &[f64]) -> Vec<T> {
    x.iter().map(|x| T::from_f64(*x)).collect()
}

/// Implements [`Model::predict`] for every density: D, on any process.
fn predict<T: Element, P: Density + ?Sized>(density: &P, x: &Vec<T>, query: &Query<'_>) -> Result<Vec<T>> {
    check_state(density, x.len(), query.rows.len())?;
    query.at.as_states(|at| widened(x, |x, out| density.denoise(x, at, out)))
}

/// Implements [`Vjp::predict_vjps`] for every density: D, and the products of cotangents with its
/// Jacobian.
fn predict_vjps<T: Element, P: Density + ?Sized>(
    density: &P,
    x: &Vec<T>,
    query: &Query<'_>,
    cotangents: &[Vec<T>],
) -> Result<(Vec<T>, Vec<Vec<T>>)> {
    let mut out = if cotangents.is_empty() { predict(density, x, query)? } else { vec![] };
    check_state(density, x.len(), query.rows.len())?;
    let mut product = vec![0.0; x.len()];
    let mut products = Vec::with_capacity(cotangents.len());
    for cotangent in cotangents {
        let v: Vec<f64> = cotangent.iter().map(|v| v.to_f64()).collect();
        out = query.at.as_states(|at| widened(x, |x, out| density.denoise_along(x, at, &v, out, &mut product)))?;
        products.push(narrowed(&product));
    }
    Ok((out, products))
}

// One implementation for every `Density` would overlap with the one for references to models.
macro_rules! model {
    ($($density:ty),*) => {$(
        impl<T: Element> Model<Vec<T>> for $density {
            fn predict(&self, x: &Vec<T>, query: &Query<'_>) -> Result<Vec<T>> {
                predict(self, x, query)
            }
        }

        impl<T: Element> Vjp<Vec<T>> for $density {
            fn predict_vjps(
                &self,
                x: &Vec<T>,
                query: &Query<'_>,
                cotangents: &[Vec<T>],
            ) -> Result<(Vec<T>, Vec<Vec<T>>)> {
                predict_vjps(self, x, query, cotangents)
            }
        }
    )*};
}
model!(Gaussian, Mixture, DataSet, Toy, dyn Density + '_, Box<dyn Density + '_>);

#[cfg(test)]
mod tests;
