//! Integrals as sums: Gauss–Legendre, and a ladder of sums, fewer nodes where noise has smoothed the integrand.

use crate::math::cos;
use crate::process::Level;
use std::f64::consts::PI;

/// Sums that are the same integral, each with the least blur for which it is exact to rounding; the finest last.
///
/// The blur is the width that noise gives a point of the data, in units of the data's own: $\sqrt{1 + (\sigma/\alpha s)^2}$.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ladder<S> {
    std: f64,
    rungs: Vec<(f64, S)>,
    finest: S,
}

impl<S> Ladder<S> {
    /// `make` builds a sum of so many nodes; `rungs` are blurs and counts, the coarsest first; below them `finest` nodes do.
    pub(super) fn new(std: f64, rungs: &[(f64, usize)], finest: usize, make: impl Fn(usize) -> S) -> Self {
        Self { std, rungs: rungs.iter().map(|(least, count)| (*least, make(*count))).collect(), finest: make(finest) }
    }

    /// The coarsest sum that is exact at this level.
    pub(super) fn at(&self, level: &Level) -> &S {
        let noise = level.sigma / level.alpha / self.std;
        let blur = (noise * noise + 1.0).sqrt();
        self.rungs.iter().find(|(least, _)| blur >= *least).map_or(&self.finest, |(_, sum)| sum)
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

/// The same over [0, 1].
pub(super) fn on_unit(n: usize) -> Vec<(f64, f64)> {
    let (nodes, weights) = gauss_legendre(n);
    nodes.iter().zip(&weights).map(|(x, w)| (0.5 + 0.5 * x, 0.5 * w)).collect()
}
