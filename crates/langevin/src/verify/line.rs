//! A mixture on the line, under which every expectation is a quadrature.
//!
//! Each component is cut into panels a third of its own width or less, with eight Gauss–Legendre nodes each. What is integrated bends on the scale of the components and, at the border of
//! two of them, on that of the logistic function between them, where both are rare: the sums are good to about ten digits.

use super::worst;
use crate::error::Result;
use crate::exact::{Density as _, Gaussian, Mixture, gauss_legendre, two_gaussians};
use crate::formulation::Formulation;
use crate::math::{exp, ln};
use crate::model::{At, Model, Query, ReadAs};
use crate::moves::Rates;
use crate::noise::SampleId;
use crate::process::{Level, Process};
use crate::space::SliceSpace;

/// The noise levels of the measurements, in σ/α.
pub(super) const RATIOS: [f64; 5] = [0.15, 0.5, 1.0, 3.0, 8.0];
/// The processes of the paper.
pub(super) const PROCESSES: [&str; 3] = ["vp", "ve", "rectified-flow"];
/// Panels of a component, over ±9 of its standard deviations.
const PANELS: usize = 60;

pub(super) fn process(name: &str) -> Result<Process> {
    Process::parse(name)
}

pub(super) fn ve(y: f64) -> Level {
    Level { time: y, alpha: 1.0, sigma: y }
}

/// A mixture of Gaussians on the line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    mixture: Mixture,
}

/// One component of a posterior: its share, mean and variance.
pub(super) struct Part {
    pub(super) share: f64,
    pub(super) mean: f64,
    pub(super) variance: f64,
}

impl Line {
    /// The mixture of the documents: the data.
    pub(super) fn data() -> Self {
        Self { mixture: two_gaussians() }
    }

    /// Another one, in the part of a model that is wrong.
    pub(super) fn model() -> Result<Self> {
        Self::of(&[(0.5, -1.6, 0.25), (0.5, 1.2, 0.49)])
    }

    /// Of weights, means and variances.
    pub(super) fn of(parts: &[(f64, f64, f64)]) -> Result<Self> {
        let components = parts
            .iter()
            .map(|(_, mean, variance)| Gaussian::isotropic(vec![*mean], *variance))
            .collect::<Result<_>>()?;
        Ok(Self { mixture: Mixture::new(parts.iter().map(|part| part.0).collect(), components)? })
    }

    pub(super) fn density(&self) -> &Mixture {
        &self.mixture
    }

    /// (weight, mean, variance) of each component of p_t.
    fn parts(&self, level: &Level) -> Vec<(f64, f64, f64)> {
        let Level { alpha, sigma, .. } = *level;
        let components = self.mixture.weights().iter().zip(self.mixture.components());
        let part = |(weight, own): (&f64, &Gaussian)| {
            (*weight, alpha * own.mean()[0], alpha * alpha * own.eigenvalues()[0] + sigma * sigma)
        };
        components.map(part).collect()
    }

    /// p_t as data of its own.
    pub(super) fn at(&self, level: &Level) -> Result<Self> {
        Self::of(&self.parts(level))
    }

    /// Nodes and weights with Σ w f(x) = ∫ p_t f dx.
    pub(super) fn nodes(&self, level: &Level) -> Vec<(f64, f64)> {
        let (nodes, weights) = gauss_legendre(8);
        let mut out = Vec::new();
        for (share, mean, variance) in self.parts(level) {
            let half = 9.0 * variance.sqrt() / PANELS as f64;
            for panel in 0..PANELS {
                let middle = mean + half * (2.0 * panel as f64 + 1.0 - PANELS as f64);
                for (node, weight) in nodes.iter().zip(&weights) {
                    let x = middle + half * node;
                    let bell = exp(-0.5 * (x - mean).powi(2) / variance) / (std::f64::consts::TAU * variance).sqrt();
                    out.push((x, share * bell * half * weight));
                }
            }
        }
        out
    }

    /// ∫ p_t f dx.
    pub(super) fn mean_of(&self, level: &Level, mut f: impl FnMut(f64) -> f64) -> f64 {
        self.nodes(level).into_iter().map(|(x, weight)| weight * f(x)).sum()
    }

    /// E f(x₀, ε), by quadrature in both.
    pub(super) fn joint(&self, mut f: impl FnMut(f64, f64) -> f64) -> Result<f64> {
        let noise = Self::of(&[(1.0, 0.0, 1.0)])?.nodes(&ve(0.0));
        let data = self.nodes(&ve(0.0));
        Ok(data.iter().map(|(x, v)| v * noise.iter().map(|(z, w)| w * f(*x, *z)).sum::<f64>()).sum())
    }

    pub(super) fn log_density(&self, x: f64, level: &Level) -> f64 {
        self.mixture.log_density(&[x], level)
    }

    pub(super) fn score(&self, x: f64, level: &Level) -> f64 {
        let mut out = [f64::NAN];
        // A state of one element fits a density of one.
        match self.mixture.score(&[x], At::One(*level), &mut out) {
            Ok(()) => out[0],
            Err(_) => f64::NAN,
        }
    }

    pub(super) fn denoised(&self, x: f64, level: &Level) -> f64 {
        let mut out = [f64::NAN];
        match self.mixture.denoise(&[x], At::One(*level), &mut out) {
            Ok(()) => out[0],
            Err(_) => f64::NAN,
        }
    }

    /// ε = (x − αD)/σ.
    pub(super) fn noise(&self, x: f64, level: &Level) -> f64 {
        (x - level.alpha * self.denoised(x, level)) / level.sigma
    }

    /// The outputs of a network of this formulation, exact.
    pub(super) fn outputs(&self, formulation: &Formulation, x: Vec<f64>, level: &Level) -> Result<Vec<f64>> {
        let rows = vec![SampleId::default(); x.len()];
        let model = ReadAs::new(&self.mixture, formulation.clone(), SliceSpace::<f64>::new(1));
        model.predict(&x, &Query::new(*level, &rows))
    }

    /// One of them.
    pub(super) fn output(&self, formulation: &Formulation, x: f64, level: &Level) -> Result<f64> {
        Ok(self.outputs(formulation, vec![x], level)?[0])
    }

    /// E‖out_p − out_q‖² over p_t, for networks of this formulation.
    pub(super) fn output_gap(&self, other: &Self, formulation: &Formulation, level: &Level) -> Result<f64> {
        let (x, weights): (Vec<f64>, Vec<f64>) = self.nodes(level).into_iter().unzip();
        let (own, theirs) = (self.outputs(formulation, x.clone(), level)?, other.outputs(formulation, x, level)?);
        Ok(weights.iter().zip(own.iter().zip(&theirs)).map(|(w, (p, q))| w * (p - q).powi(2)).sum())
    }

    /// The posterior of the datum.
    pub(super) fn posterior(&self, x: f64, level: &Level) -> Vec<Part> {
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

    /// E(x₀ − D)² and E(x₀ − D)⁴, over the data and the noise.
    pub(super) fn errors(&self, level: &Level) -> (f64, f64) {
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

    /// E‖x₀ − D‖² at λ.
    pub(super) fn mmse(&self, lambda: f64) -> f64 {
        self.errors(&ve(exp(-lambda))).0
    }

    /// KL(p_t‖q_t).
    pub(super) fn divergence(&self, other: &Self, level: &Level) -> f64 {
        self.mean_of(level, |x| self.log_density(x, level) - other.log_density(x, level))
    }

    /// P(x_t ≤ x).
    pub(super) fn cumulative(&self, x: f64, level: &Level) -> f64 {
        let below = |(weight, mean, variance): &(f64, f64, f64)| {
            0.5 * weight * libm::erfc((mean - x) / (2.0 * variance).sqrt())
        };
        self.parts(level).iter().map(below).sum()
    }

    /// Quantiles of p_t at even places, by bisection.
    pub(super) fn quantiles(&self, level: &Level, count: usize) -> Vec<f64> {
        let reach = 12.0 * self.parts(level).iter().map(|part| part.1.abs() + part.2.sqrt()).fold(0.0, f64::max);
        let quantile = |i: usize| {
            let wanted = (i as f64 + 0.5) / count as f64;
            let (mut low, mut high) = (-reach, reach);
            for _ in 0..80 {
                let middle = 0.5 * (low + high);
                if self.cumulative(middle, level) < wanted { low = middle } else { high = middle }
            }
            0.5 * (low + high)
        };
        (0..count).map(quantile).collect()
    }

    /// How well some rates move p_t: the largest over x of |`toward`·∂p/∂t + ∂((a x + b s)p) − ½ power ∂²p|, relative to the largest of its terms. `toward` is 1 for a half that raises the
    /// time, −1 for one that lowers it, and 0 for a move that leaves it.
    pub(super) fn residual(&self, process: &Process, level: &Level, rates: Rates, toward: f64) -> Result<f64> {
        let width = (0.3 * level.alpha).hypot(level.sigma);
        let step = 2e-3 * width;
        // In ln(σ/α), which no clock distorts.
        let near = |by: f64| process.level_at_sigma_ve(level.sigma_ve() * exp(by));
        let levels = [near(-2e-3)?, near(-1e-3)?, near(1e-3)?, near(2e-3)?];
        let clock = slope_of(levels.map(|level| level.time), 1e-3);
        let p = |x: f64, level: &Level| exp(self.log_density(x, level));
        let (mut largest, mut scale) = (0.0_f64, 0.0_f64);
        for x in self.quantiles(level, 41) {
            let along = |i: f64| {
                let x = x + i * step;
                (rates.x * x + rates.score * self.score(x, level)) * p(x, level)
            };
            let time = toward * slope_of(levels.map(|level| p(x, &level)), 1e-3) / clock;
            let drift = slope_of([along(-2.0), along(-1.0), along(1.0), along(2.0)], step);
            let at = |i: f64| p(x + i * step, level);
            let bend = (16.0 * (at(1.0) + at(-1.0)) - (at(2.0) + at(-2.0)) - 30.0 * at(0.0)) / (12.0 * step * step);
            let noise = 0.5 * rates.power * bend;
            largest = worst([largest, (time + drift - noise).abs()]);
            scale = scale.max(time.abs()).max(drift.abs()).max(noise.abs());
        }
        Ok(largest / scale)
    }
}

/// A derivative from the values at −2, −1, 1 and 2 steps, to fourth order.
pub(super) fn slope_of([far_below, below, above, far_above]: [f64; 4], step: f64) -> f64 {
    (8.0 * (above - below) - (far_above - far_below)) / (12.0 * step)
}

/// ∫ f over \[from, to\] by panels of Gauss–Legendre.
pub(super) fn integral(from: f64, to: f64, panels: usize, mut f: impl FnMut(f64) -> Result<f64>) -> Result<f64> {
    let (nodes, weights) = gauss_legendre(8);
    let half = 0.5 * (to - from) / panels as f64;
    let mut total = 0.0;
    for panel in 0..panels {
        let middle = from + half * (2.0 * panel as f64 + 1.0);
        for (node, weight) in nodes.iter().zip(&weights) {
            total += half * weight * f(middle + half * node)?;
        }
    }
    Ok(total)
}

/// KL between Gaussians of mean 0: of variance p from q.
pub(super) fn gaussian_divergence(p: f64, q: f64) -> f64 {
    0.5 * (p / q - 1.0 - ln(p / q))
}
