//! Toy densities of the plane, in the definitions that the literature's figures use.
//!
//! | name | definition | entropy, nats |
//! |---|---|---|
//! | [`eight_gaussians`] | $\tfrac18\sum_k \mathcal N\bigl(\tfrac{4}{1.414}(\cos\tfrac{k\pi}4, \sin\tfrac{k\pi}4),\ (\tfrac{0.5}{1.414})^2 I\bigr)$ | 2.8319 |
//! | [`moons`] | $2 (\cos\theta, \sin\theta) + (-1, -0.2)$ or $2 (1-\cos\theta, \tfrac12-\sin\theta) + (-1, -0.2)$, θ ~ U(0, π), plus $\mathcal N(0, 0.2^2 I)$ | 2.3939 |
//!
//! The entropy, by quadrature, is the least negative log-likelihood that any model of the data can reach.
//!
//! Source: Grathwohl et al., "FFJORD", arXiv 1810.01367, `lib/toy_data.py`; it divides by 1.414, not by √2.

use super::gaussian::Gaussian;
use super::mixture::Mixture;
use super::{Density, UNIFORMS, check_along, check_batch, normals};
use crate::error::Result;
use crate::math::{cos, sin};
use crate::model::At;
use crate::noise::{SampleId, fill_uniforms};
use crate::process::Level;
use std::f64::consts::{FRAC_PI_4, PI};

/// The standard deviation of the noise on the moons.
const MOONS_STD: f64 = 0.2;

/// Quadrature nodes on each moon, and the least blur they do for. At no blur 200 of them are at most 0.025 apart in θ, a quarter of the
/// width of what is integrated; a wider integrand needs fewer. Every sum is the integral to rounding: the tests measure it.
const MOONS_NODES: [(f64, usize); 5] = [(16.0, 25), (8.0, 40), (4.0, 64), (2.0, 100), (1.0, 200)];

/// Eight Gaussians on a circle.
///
/// ```
/// use langevin::exact::{Density, eight_gaussians};
/// let data = eight_gaussians();
/// assert_eq!((data.dim(), data.components().len()), (2, 8));
/// ```
#[must_use]
pub fn eight_gaussians() -> Mixture {
    let std = 0.5 / 1.414;
    let component = |k: u32| {
        let angle = f64::from(k) * FRAC_PI_4;
        Gaussian::round(vec![4.0 * cos(angle) / 1.414, 4.0 * sin(angle) / 1.414], std * std)
    };
    Mixture::assemble("8gaussians", vec![0.125; 8], (0..8).map(component).collect())
}

/// The mixture on the line that this crate's documents use: ³⁄₁₀ N(−2, 0.3²) + ⁷⁄₁₀ N(1, 0.5²).
///
/// ```
/// use langevin::exact::two_gaussians;
/// let mean = two_gaussians().mean()[0];
/// assert!((mean - (0.3 * -2.0 + 0.7 * 1.0)).abs() < 1e-15);
/// ```
#[must_use]
pub fn two_gaussians() -> Mixture {
    let component = |mean: f64, std: f64| Gaussian::round(vec![mean], std * std);
    Mixture::assemble("mixture", vec![0.3, 0.7], vec![component(-2.0, 0.3), component(1.0, 0.5)])
}

/// Two interleaved half-circles.
///
/// ```
/// use langevin::SampleId;
/// use langevin::exact::{Density, moons};
/// let rows: Vec<SampleId> = (0..1000).map(|index| SampleId { seed: 1, index }).collect();
/// let x = moons().sample(&rows);
/// assert!(x.iter().all(|x| x.abs() < 4.5));
/// ```
#[must_use]
pub fn moons() -> Moons {
    Moons(MOONS_NODES.map(|(_, count)| moons_of(count)))
}

/// The moons as a sum over `count` nodes on each.
pub(super) fn moons_of(count: usize) -> Mixture {
    let (nodes, node_weights) = gauss_legendre(count);
    let (mut weights, mut components) = (Vec::new(), Vec::new());
    for upper in [true, false] {
        for (node, weight) in nodes.iter().zip(&node_weights) {
            let theta = 0.5 * PI * (1.0 + node);
            weights.push(0.25 * weight);
            components.push(Gaussian::round(centre(upper, theta).to_vec(), MOONS_STD * MOONS_STD));
        }
    }
    Mixture::assemble("moons", weights, components)
}

/// Where the noise of a moon is centred.
fn centre(upper: bool, theta: f64) -> [f64; 2] {
    let (x, y) = if upper { (cos(theta), sin(theta)) } else { (1.0 - cos(theta), 0.5 - sin(theta)) };
    [2.0 * x - 1.0, 2.0 * y - 0.2]
}

/// Two interleaved half-circles; made by [`moons`].
///
/// Its density is an integral over the angle, summed over 200 Gauss–Legendre nodes on each arc; over fewer, to the same accuracy, where
/// noise has smoothed it. Its samples draw the angle itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Moons([Mixture; 5]);

impl Moons {
    /// The coarsest sum that is exact at this level.
    fn sum(&self, level: &Level) -> &Mixture {
        // The width that noise gives a point of the arc, on the scale of the data, in units of the data's own.
        let noise = level.sigma / level.alpha / MOONS_STD;
        let blur = (noise * noise + 1.0).sqrt();
        let [.., finest] = &self.0;
        let fits = |((least, _), _): &(&(f64, usize), &Mixture)| blur >= *least;
        MOONS_NODES.iter().zip(&self.0).find(fits).map_or(finest, |(_, sum)| sum)
    }

    /// Calls `f` with every run of rows that share a sum: where its numbers are, and their levels.
    fn by_rows(
        &self,
        len: usize,
        at: At<'_>,
        mut f: impl FnMut(&Mixture, std::ops::Range<usize>, At<'_>) -> Result<()>,
    ) -> Result<()> {
        let At::PerRow(levels) = at else {
            return f(self.sum(&at.row(0)), 0..len, at);
        };
        let mut first = 0;
        for run in levels.chunk_by(|a, b| std::ptr::eq(self.sum(a), self.sum(b))) {
            f(self.sum(&run[0]), 2 * first..2 * (first + run.len()), At::PerRow(run))?;
            first += run.len();
        }
        Ok(())
    }
}

impl Density for Moons {
    fn name(&self) -> &str {
        "moons"
    }

    fn dim(&self) -> usize {
        2
    }

    fn sample(&self, rows: &[SampleId]) -> Vec<f64> {
        let mut out = Vec::with_capacity(2 * rows.len());
        for (row, z) in rows.iter().zip(normals(rows, 2).as_chunks::<2>().0) {
            let mut u = [0.0; 2];
            fill_uniforms(*row, UNIFORMS, &mut u);
            let [x, y] = centre(u[1] < 0.5, PI * u[0]);
            out.extend([x + MOONS_STD * f64::from(z[0]), y + MOONS_STD * f64::from(z[1])]);
        }
        out
    }

    fn log_density(&self, x: &[f64], level: &Level) -> f64 {
        self.sum(level).log_density(x, level)
    }

    fn denoise(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        check_batch(x, 2, at, out)?;
        self.by_rows(x.len(), at, |sum, span, at| sum.denoise(&x[span.clone()], at, &mut out[span]))
    }

    fn denoise_along(
        &self,
        x: &[f64],
        at: At<'_>,
        tangent: &[f64],
        out: &mut [f64],
        product: &mut [f64],
    ) -> Result<()> {
        check_along(x, 2, at, tangent, out, product)?;
        self.by_rows(x.len(), at, |sum, span, at| {
            let (x, tangent) = (&x[span.clone()], &tangent[span.clone()]);
            sum.denoise_along(x, at, tangent, &mut out[span.clone()], &mut product[span])
        })
    }

    fn score(&self, x: &[f64], at: At<'_>, out: &mut [f64]) -> Result<()> {
        check_batch(x, 2, at, out)?;
        self.by_rows(x.len(), at, |sum, span, at| sum.score(&x[span.clone()], at, &mut out[span]))
    }
}

/// The nodes and weights with which Σ w f(x) is the integral of f over [−1, 1], exact for polynomials of degree below 2n.
///
/// The nodes are the zeros of the Legendre polynomial, by Newton's method from their asymptotic places.
pub(crate) fn gauss_legendre(n: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut nodes, mut weights) = (vec![0.0; n], vec![0.0; n]);
    for i in 0..n.div_ceil(2) {
        let mut x = cos(PI * (i as f64 + 0.75) / (n as f64 + 0.5));
        let mut slope = 1.0;
        // Five or six steps do; the bound is for the arithmetic that would not settle.
        for _ in 0..20 {
            let (mut p, mut before) = (1.0, 0.0);
            for k in 1..=n {
                let k = k as f64;
                (p, before) = (((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k, p);
            }
            slope = n as f64 * (x * p - before) / (x * x - 1.0);
            let step = p / slope;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        let weight = 2.0 / ((1.0 - x * x) * slope * slope);
        (nodes[i], nodes[n - 1 - i]) = (-x, x);
        (weights[i], weights[n - 1 - i]) = (weight, weight);
    }
    (nodes, weights)
}
