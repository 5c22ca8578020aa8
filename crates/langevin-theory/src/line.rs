//! Mixtures on the line, for which every expectation is a quadrature.
//!
//! Each component is cut into panels of at most a third of its own width, with eight Gauss–Legendre
//! nodes each. The integrands vary on the scale of the components. At the border of two components
//! they vary on the scale of the logistic function between them, where both components are rare.
//! The sums are accurate to about ten digits.

use langevin::error::{Error, Result};
use langevin::math::{exp, ln};
use langevin::math::{gauss_legendre, integral};
use langevin::model::At;
use langevin::process::{Level, ve};
use langevin_analysis::analysis::excess;
use langevin_analysis::exact::{Density as _, Gaussian, Mixture};

/// The number of panels of a component, over ±9 of its standard deviations.
const PANELS: usize = 60;

/// A mixture of Gaussians on the line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) mixture: Mixture,
}

/// One component of a posterior: its share, mean and variance.
pub(crate) struct Part {
    pub(crate) share: f64,
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl Line {
    /// Creates a line from a mixture of dimension 1.
    pub(crate) fn new(mixture: Mixture) -> Result<Self> {
        match mixture.dim() {
            1 => Ok(Self { mixture }),
            other => Err(Error::shape("the density is not on the line").expected("1 dimension").got(other.to_string())),
        }
    }

    /// Creates a line from triples (weight, mean, variance).
    pub(crate) fn of(parts: &[(f64, f64, f64)]) -> Result<Self> {
        let components = parts
            .iter()
            .map(|(_, mean, variance)| Gaussian::isotropic(vec![*mean], *variance))
            .collect::<Result<_>>()?;
        Ok(Self { mixture: Mixture::new(parts.iter().map(|part| part.0).collect(), components)? })
    }

    pub(crate) fn density(&self) -> &Mixture {
        &self.mixture
    }

    /// Returns (weight, mean, variance) of each component of p_t.
    pub(crate) fn parts(&self, level: &Level) -> Vec<(f64, f64, f64)> {
        let Level { alpha, sigma, .. } = *level;
        let components = self.mixture.weights().iter().zip(self.mixture.components());
        let part = |(weight, own): (&f64, &Gaussian)| {
            (*weight, alpha * own.mean()[0], alpha * alpha * own.eigenvalues()[0] + sigma * sigma)
        };
        components.map(part).collect()
    }

    /// Returns p_t as a density of its own.
    pub(crate) fn at(&self, level: &Level) -> Result<Self> {
        Self::of(&self.parts(level))
    }

    /// Returns nodes and weights with Σ w f(x) = ∫ p_t f dx.
    pub(crate) fn nodes(&self, level: &Level) -> Vec<(f64, f64)> {
        self.nodes_in(level, PANELS)
    }

    /// Returns nodes and weights with this number of panels for each component.
    pub(crate) fn nodes_in(&self, level: &Level, panels: usize) -> Vec<(f64, f64)> {
        let (nodes, weights) = gauss_legendre(8);
        let mut out = Vec::new();
        for (share, mean, variance) in self.parts(level) {
            let half = 9.0 * variance.sqrt() / panels as f64;
            for panel in 0..panels {
                let middle = mean + half * (2.0 * panel as f64 + 1.0 - panels as f64);
                for (node, weight) in nodes.iter().zip(&weights) {
                    let x = middle + half * node;
                    let bell = exp(-0.5 * (x - mean).powi(2) / variance) / (std::f64::consts::TAU * variance).sqrt();
                    out.push((x, share * bell * half * weight));
                }
            }
        }
        out
    }

    /// Returns ∫ p_t f dx.
    pub(crate) fn mean_of(&self, level: &Level, mut f: impl FnMut(f64) -> f64) -> f64 {
        self.nodes(level).into_iter().map(|(x, weight)| weight * f(x)).sum()
    }

    /// Returns E f(x₀, ε), by quadrature in both.
    pub(crate) fn joint(&self, mut f: impl FnMut(f64, f64) -> f64) -> Result<f64> {
        let noise = Self::of(&[(1.0, 0.0, 1.0)])?.nodes(&ve(0.0));
        let data = self.nodes(&ve(0.0));
        Ok(data.iter().map(|(x, v)| v * noise.iter().map(|(z, w)| w * f(*x, *z)).sum::<f64>()).sum())
    }

    pub(crate) fn log_density(&self, x: f64, level: &Level) -> f64 {
        self.mixture.log_density(&[x], level)
    }

    pub(crate) fn score(&self, x: f64, level: &Level) -> f64 {
        let mut out = [f64::NAN];
        // A state of one element fits a density of one dimension, so this cannot fail.
        match self.mixture.score(&[x], At::One(*level), &mut out) {
            Ok(()) => out[0],
            Err(_) => f64::NAN,
        }
    }

    pub(crate) fn denoised(&self, x: f64, level: &Level) -> f64 {
        let mut out = [f64::NAN];
        match self.mixture.denoise(&[x], At::One(*level), &mut out) {
            Ok(()) => out[0],
            Err(_) => f64::NAN,
        }
    }

    /// Returns ε = (x − αD)/σ.
    pub(crate) fn noise(&self, x: f64, level: &Level) -> f64 {
        (x - level.alpha * self.denoised(x, level)) / level.sigma
    }

    /// Returns the posterior of the datum, by component.
    pub(crate) fn posterior(&self, x: f64, level: &Level) -> Vec<Part> {
        let Level { alpha, sigma, .. } = *level;
        let parts = self.parts(level);
        let log = |(weight, mean, variance): &(f64, f64, f64)| {
            ln(*weight) - 0.5 * ((x - mean).powi(2) / variance + ln(*variance))
        };
        let largest = parts.iter().map(log).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = parts.iter().map(|part| exp(log(part) - largest)).sum();
        let own = self.parts(&ve(0.0));
        let one = |(part, (_, mean, variance)): (&(f64, f64, f64), &(f64, f64, f64))| Part {
            share: exp(log(part) - largest) / total,
            mean: (alpha * variance * x + sigma * sigma * mean) / part.2,
            variance: variance * sigma * sigma / part.2,
        };
        parts.iter().zip(&own).map(one).collect()
    }

    /// Returns E(x₀ − D)² and E(x₀ − D)⁴, over the data and the noise.
    pub(crate) fn errors(&self, level: &Level) -> (f64, f64) {
        let (mut second, mut fourth) = (0.0, 0.0);
        for (x, weight) in self.nodes(level) {
            let d = self.denoised(x, level);
            for Part { share, mean, variance } in self.posterior(x, level) {
                let off = (mean - d).powi(2);
                second += weight * share * (off + variance);
                fourth += weight * share * (off * off + 6.0 * off * variance + 3.0 * variance * variance);
            }
        }
        (second, fourth)
    }

    /// Returns E‖x₀ − D‖² at λ.
    pub(crate) fn mmse(&self, lambda: f64) -> f64 {
        self.errors(&ve(exp(-lambda))).0
    }

    /// Returns KL(p_t‖q_t).
    pub(crate) fn divergence(&self, other: &Self, level: &Level) -> f64 {
        self.mean_of(level, |x| self.log_density(x, level) - other.log_density(x, level))
    }

    /// Returns P(x_t ≤ x).
    pub(crate) fn cumulative(&self, x: f64, level: &Level) -> f64 {
        let below = |(weight, mean, variance): &(f64, f64, f64)| {
            0.5 * weight * libm::erfc((mean - x) / (2.0 * variance).sqrt())
        };
        self.parts(level).iter().map(below).sum()
    }

    /// Returns the x with P(x_t ≤ x) = `place`, by bisection.
    pub(crate) fn quantile(&self, place: f64, level: &Level) -> f64 {
        let reach = 12.0 * self.parts(level).iter().map(|part| part.1.abs() + part.2.sqrt()).fold(0.0, f64::max);
        let (mut low, mut high) = (-reach, reach);
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if self.cumulative(middle, level) < place { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// Returns `count` quantiles of p_t at evenly spaced probabilities.
    pub(crate) fn quantiles(&self, level: &Level, count: usize) -> Vec<f64> {
        (0..count).map(|i| self.quantile((i as f64 + 0.5) / count as f64, level)).collect()
    }
}

/// Computes [`integral`] of a function that may fail, and returns its first error.
pub(crate) fn try_integral(from: f64, to: f64, panels: usize, mut f: impl FnMut(f64) -> Result<f64>) -> Result<f64> {
    let mut met = None;
    let total = integral(from, to, panels, |x| {
        if met.is_some() {
            return f64::NAN;
        }
        f(x).unwrap_or_else(|error| {
            met = Some(error);
            f64::NAN
        })
    });
    met.map_or(Ok(total), Err)
}

/// Returns the KL divergence of N(0, p) from N(0, q).
pub(crate) fn gaussian_divergence(p: f64, q: f64) -> f64 {
    0.5 * excess(p, q)
}

/// A table of a smooth positive function of λ, interpolated linearly in its logarithm.
pub(crate) struct Tabled {
    from: f64,
    to: f64,
    logs: Vec<f64>,
}

impl Tabled {
    pub(crate) fn new(from: f64, to: f64, cells: usize, f: &dyn Fn(f64) -> f64) -> Self {
        let logs = (0..=cells).map(|i| ln(f(from + (to - from) * i as f64 / cells as f64))).collect();
        Self { from, to, logs }
    }

    pub(crate) fn at(&self, lambda: f64) -> f64 {
        let cells = self.logs.len() - 1;
        let place = ((lambda - self.from) / (self.to - self.from) * cells as f64).clamp(0.0, cells as f64);
        let low = (place as usize).min(cells - 1);
        exp(self.logs[low] + (place - low as f64) * (self.logs[low + 1] - self.logs[low]))
    }
}

/// Returns the levels of n equal steps in λ between two ends, noisiest first.
pub(crate) fn even(from: f64, to: f64, steps: usize) -> Vec<f64> {
    (0..=steps).map(|i| from + (to - from) * i as f64 / steps as f64).collect()
}
