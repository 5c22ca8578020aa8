//! Implements a uniform density on the eight black squares of a 4 × 4 board: on each square a
//! product of two intervals, see [`super::slab`].

use super::Terms;
use super::slab::{Along, Rule, Slab};
use super::sum::{Sum, Term};
use langevin::math::ln;
use langevin::process::Level;

/// The side of a square; the board has four in a row.
const SIDE: f64 = 2.0;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checkerboard(Rule);

pub(super) struct At<'a>(Slab<'a>);

/// Returns the column and row of each black square, from 0 to 3.
fn squares() -> impl Iterator<Item = (usize, usize)> {
    (0..4).flat_map(|i| (0..4).map(move |j| (i, j))).filter(|(i, j)| (i + j) % 2 == 0)
}

/// Returns the lower edge of a column or a row.
fn low(i: usize) -> f64 {
    SIDE * (i as f64 - 2.0)
}

impl Checkerboard {
    pub(super) fn new() -> Self {
        Self(Rule::new())
    }

    pub(super) fn at(&self, level: &Level) -> At<'_> {
        At(Slab::new(&self.0, SIDE, 0.0, level))
    }

    pub(super) fn draw(&self, u: [f64; 4]) -> [f64; 2] {
        let (i, j) = squares().nth((8.0 * u[0]) as usize).unwrap_or((0, 0));
        [low(i) + SIDE * u[1], low(j) + SIDE * u[2]]
    }
}

impl Terms for At<'_> {
    fn terms(&self, x: [f64; 2], sum: &mut Sum) {
        let axis = |x: f64| -> [Along; 4] { [0, 1, 2, 3].map(|i| self.0.along(x, low(i))) };
        let (first, second) = (axis(x[0]), axis(x[1]));
        sum.width = self.0.std;
        sum.terms.extend(squares().map(|(i, j)| {
            let (a, b) = (first[i], second[j]);
            Term {
                log: a.log + b.log - ln(8.0),
                gap: a.gap + b.gap,
                denoised: [a.denoised, b.denoised],
                score: [a.score, b.score],
                jacobian: [a.slope, 0.0, b.slope],
            }
        }));
    }
}
