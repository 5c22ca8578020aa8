//! Integrals as sums: Gauss–Legendre, and a ladder of sums, fewer nodes where noise has smoothed the integrand.

use langevin::math::gauss_legendre;
use langevin::process::Level;

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

/// The same over [0, 1].
pub(super) fn on_unit(n: usize) -> Vec<(f64, f64)> {
    let (nodes, weights) = gauss_legendre(n);
    nodes.iter().zip(&weights).map(|(x, w)| (0.5 + 0.5 * x, 0.5 * w)).collect()
}
