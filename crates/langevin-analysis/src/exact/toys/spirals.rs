//! Implements two spirals.
//!
//! A point is ±(c(n) + jitter) plus noise N(0, 0.1²), with $c = (-\cos n, \sin n) n/3$, n = 3π√U,
//! and the jitter uniform on [0, 1/6]²:
//!
//! $$p_t = \tfrac12\sum_\pm\int_0^{3\pi} \frac{2n}{9\pi^2}
//!   F\bigl(\pm x_1 - \alpha c_1\bigr) F\bigl(\pm x_2 - \alpha c_2\bigr) dn,$$
//!
//! where F is a uniform density on [0, α/6] with noise of variance $\alpha^2 0.1^2 + \sigma^2$
//! ([`super::slab`]). The integral is a sum over Gauss–Legendre nodes.

use super::Terms;
use super::quadrature::{Ladder, on_unit};
use super::slab::{Rule, Slab};
use super::sum::{Sum, Term};
use crate::exact::NEGLIGIBLE;
use langevin::math::{cos, ln, sin};
use langevin::process::Level;
use std::f64::consts::PI;

const STD: f64 = 0.1;
const JITTER: f64 = 1.0 / 6.0;
const TURNS: f64 = 3.0 * PI;

/// The lower corner of the jitter's square, and the logarithm of the weight.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    low: [f64; 2],
    log: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spirals {
    rule: Rule,
    nodes: Ladder<Vec<Node>>,
}

pub(super) struct At<'a> {
    nodes: &'a [Node],
    slab: Slab<'a>,
}

fn centre(n: f64) -> [f64; 2] {
    [-cos(n) * n / 3.0, sin(n) * n / 3.0]
}

fn nodes(count: usize) -> Vec<Node> {
    let rule = on_unit(count);
    let arm = |first: bool| {
        rule.iter().map(move |(u, weight)| {
            let n = TURNS * u;
            // ½·(2n/9π²) dn = u du.
            let log = ln(u * weight);
            let c = centre(n);
            Node { low: if first { c } else { c.map(|c| -c - JITTER) }, log }
        })
    };
    arm(true).chain(arm(false)).collect()
}

impl Spirals {
    pub(super) fn new() -> Self {
        let rungs = [(16.0, 72), (8.0, 110), (4.0, 190), (2.0, 320)];
        Self { rule: Rule::new(), nodes: Ladder::new(STD, &rungs, 480, nodes) }
    }

    /// Creates the spirals with a fixed number of nodes at every level.
    #[cfg(test)]
    pub(super) fn of(count: usize) -> Self {
        Self { rule: Rule::new(), nodes: Ladder::new(STD, &[], count, nodes) }
    }

    pub(super) fn at(&self, level: &Level) -> At<'_> {
        At { nodes: self.nodes.at(level), slab: Slab::new(&self.rule, JITTER, STD, level) }
    }

    pub(super) fn draw(&self, u: [f64; 4], z: [f64; 2]) -> [f64; 2] {
        let c = centre(TURNS * u[0].sqrt());
        let place = [c[0] + JITTER * u[2], c[1] + JITTER * u[3]];
        let sign = if u[1] < 0.5 { 1.0 } else { -1.0 };
        [sign * place[0] + STD * z[0], sign * place[1] + STD * z[1]]
    }
}

impl Terms for At<'_> {
    fn terms(&self, x: [f64; 2], sum: &mut Sum) {
        let slab = &self.slab;
        let term = |node: &Node| {
            let [a, b] = [slab.along(x[0], node.low[0]), slab.along(x[1], node.low[1])];
            Term {
                log: node.log + a.log + b.log,
                gap: a.gap + b.gap,
                denoised: [a.denoised, b.denoised],
                score: [a.score, b.score],
                jacobian: [a.slope, 0.0, b.slope],
            }
        };
        sum.width = slab.std;
        // The nearest node is part of the sum, so terms that are negligible beside it are skipped.
        // The bound holds because no mass exceeds 1 or that of its volume.
        let gap = |node: &Node| slab.gap(x[0], node.low[0]) + slab.gap(x[1], node.low[1]);
        let nearest = self.nodes.iter().map(|node| (gap(node), node)).min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((least, nearest)) = nearest else { return };
        let known = term(nearest).log;
        let most = slab.most();
        let beyond = |node: &Node| node.log + 2.0 * most - 0.5 * (gap(node) - least) / slab.std / slab.std - known;
        sum.terms.extend(self.nodes.iter().filter(|node| beyond(node) >= NEGLIGIBLE).map(term));
    }
}
