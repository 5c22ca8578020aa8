//! Integrals as sums: Gauss–Legendre rules, with fewer nodes at levels where noise smooths the
//! integrand.

use langevin::math::gauss_legendre;
use langevin::process::Level;

/// Sums for the same integral, each with the smallest blur at which it is exact up to rounding,
/// finest last.
///
/// The blur is the width that noise gives a point of the data, relative to the data's own width:
/// $\sqrt{1 + (\sigma/\alpha s)^2}$.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ladder<S> {
    std: f64,
    rungs: Vec<(f64, S)>,
    finest: S,
}

impl<S> Ladder<S> {
    /// Creates the sums with `make`, which builds a sum with a given number of nodes.
    ///
    /// `rungs` holds pairs (blur, nodes), coarsest first. Below them `finest` nodes are used.
    pub(super) fn new(std: f64, rungs: &[(f64, usize)], finest: usize, make: impl Fn(usize) -> S) -> Self {
        Self { std, rungs: rungs.iter().map(|(least, count)| (*least, make(*count))).collect(), finest: make(finest) }
    }

    /// Returns the coarsest sum that is exact at this level.
    pub(super) fn at(&self, level: &Level) -> &S {
        let noise = level.sigma / level.alpha / self.std;
        let blur = (noise * noise + 1.0).sqrt();
        self.rungs.iter().find(|(least, _)| blur >= *least).map_or(&self.finest, |(_, sum)| sum)
    }
}

/// Returns the nodes and weights of the Gauss–Legendre rule on [0, 1].
pub(super) fn on_unit(n: usize) -> Vec<(f64, f64)> {
    let (nodes, weights) = gauss_legendre(n);
    nodes.iter().zip(&weights).map(|(x, w)| (0.5 + 0.5 * x, 0.5 * w)).collect()
}
