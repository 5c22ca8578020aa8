//! Implements Gaussian noise around a curve c(u), u ~ U(0, 1).
//!
//! The density is $p_t = \int_0^1 \mathcal N(x;\ \alpha c(u),\ (\alpha^2 s^2 + \sigma^2) I) du$,
//! summed over Gauss–Legendre nodes.

use super::Terms;
use super::quadrature::{Ladder, on_unit};
use super::sum::{Sum, Term};
use crate::exact::NEGLIGIBLE;
use langevin::math::{cos, ln, sin};
use langevin::process::Level;
use std::f64::consts::{PI, TAU};

/// The standard deviation of the noise on the curves.
const STD: f64 = 0.2;

/// A curve of one or more pieces of equal weight.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Two pieces, the upper one first.
    Moons,
    Roll,
}

impl Shape {
    fn pieces(self) -> usize {
        match self {
            Shape::Moons => 2,
            Shape::Roll => 1,
        }
    }

    /// Returns the point of a piece at u.
    fn place(self, piece: usize, u: f64) -> [f64; 2] {
        match self {
            Shape::Moons => {
                let theta = PI * u;
                let (x, y) = if piece == 0 { (cos(theta), sin(theta)) } else { (1.0 - cos(theta), 0.5 - sin(theta)) };
                [2.0 * x - 1.0, 2.0 * y - 0.2]
            }
            Shape::Roll => {
                let t = 1.5 * PI * (1.0 + 2.0 * u);
                [t * cos(t) / 5.0, t * sin(t) / 5.0]
            }
        }
    }

    fn nodes(self, count: usize) -> Vec<Node> {
        let rule = on_unit(count);
        let share = 1.0 / self.pieces() as f64;
        let piece = |piece| rule.iter().map(move |(u, w)| Node { centre: self.place(piece, *u), log: ln(share * w) });
        (0..self.pieces()).flat_map(piece).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    centre: [f64; 2],
    /// The logarithm of the weight.
    log: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    shape: Shape,
    nodes: Ladder<Vec<Node>>,
}

pub(super) struct At<'a> {
    nodes: &'a [Node],
    level: Level,
}

impl Curve {
    /// Creates the moons.
    ///
    /// Without noise, 200 nodes are at most 0.025 apart in θ, a quarter of the width of the
    /// integrand. A wider integrand needs fewer nodes.
    pub(super) fn moons() -> Self {
        Self::new(Shape::Moons, &[(16.0, 25), (8.0, 40), (4.0, 64), (2.0, 100)], 200)
    }

    /// Creates the roll. In the middle, 400 nodes are at most 0.07 apart, a third of the
    /// integrand's width.
    pub(super) fn swissroll() -> Self {
        Self::new(Shape::Roll, &[(16.0, 60), (8.0, 75), (4.0, 120), (2.0, 200)], 400)
    }

    fn new(shape: Shape, rungs: &[(f64, usize)], finest: usize) -> Self {
        Self { shape, nodes: Ladder::new(STD, rungs, finest, |count| shape.nodes(count)) }
    }

    /// Returns this curve with a fixed number of nodes per piece at every level.
    #[cfg(test)]
    pub(super) fn of(&self, count: usize) -> Self {
        Self::new(self.shape, &[], count)
    }

    pub(super) fn at(&self, level: &Level) -> At<'_> {
        At { nodes: self.nodes.at(level), level: *level }
    }

    pub(super) fn draw(&self, u: [f64; 4], z: [f64; 2]) -> [f64; 2] {
        let pieces = self.shape.pieces();
        let piece = ((pieces as f64 * u[1]) as usize).min(pieces - 1);
        let [x, y] = self.shape.place(piece, u[0]);
        [x + STD * z[0], y + STD * z[1]]
    }
}

impl Terms for At<'_> {
    fn terms(&self, x: [f64; 2], sum: &mut Sum) {
        let Level { alpha, sigma, .. } = self.level;
        let width = (alpha * STD).hypot(sigma);
        let gain = alpha * STD / width * (STD / width);
        let rest = (sigma / width) * (sigma / width);
        let away = |node: &Node| [x[0] - alpha * node.centre[0], x[1] - alpha * node.centre[1]];
        let gap = |node: &Node| {
            let [a, b] = away(node);
            a * a + b * b
        };
        sum.width = width;
        let volume = ln(TAU) + 2.0 * ln(width);
        // Nodes that are negligible beside the nearest node, by distance and weight, are skipped.
        let nearest = self.nodes.iter().map(|node| (gap(node), node.log)).min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((least, log)) = nearest else { return };
        let kept = |node: &&Node| node.log - 0.5 * (gap(node) - least) / width / width - log >= NEGLIGIBLE;
        sum.terms.extend(self.nodes.iter().filter(kept).map(|node| Term {
            log: node.log - volume,
            gap: gap(node),
            denoised: [gain * x[0] + rest * node.centre[0], gain * x[1] + rest * node.centre[1]],
            score: away(node).map(|away| -away / width / width),
            jacobian: [gain, 0.0, gain],
        }));
    }
}
