//! Drawings of graphs as nodes and links.
//!
//! Nodes are placed so that the distance of two nodes in the drawing is close to the number of
//! edges on the shortest path between them. With d_ij this number, the stress
//!
//! ```text
//! Σ_{i<j} (|x_i − x_j| − d_ij)² / d_ij²
//! ```
//!
//! falls with every step that moves one node to the mean of the places that the other nodes ask
//! for. The start is a circle, so a graph has one drawing.
//!
//! Source: Gansner, Koren & North, Graph Drawing 2004.

use crate::page::escape;
use crate::palette::class;
use crate::svg::coord;

/// Number of times that every node is moved.
const SWEEPS: usize = 300;
/// Side of the drawing and its margin.
const SIDE: f64 = 100.0;
const MARGIN: f64 = 9.0;
/// Largest number of nodes that are placed by distances; more are placed on a circle.
const MOST: usize = 128;

/// A graph to draw: the labels of its nodes, and its edges with labels, from 1 on.
///
/// ```
/// use langevin_report::graphs::Drawing;
/// let path = Drawing::new(vec![1, 1, 1], vec![(0, 1, 1), (1, 2, 1)]);
/// let svg = path.svg();
/// assert_eq!(svg.matches("<circle").count(), 3);
/// assert!(svg.contains("3 nodes, 2 edges"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    nodes: Vec<u32>,
    edges: Vec<(usize, usize, u32)>,
}

impl Drawing {
    /// Creates a drawing. Loops and edges of nodes that do not exist are left out.
    #[must_use]
    pub fn new(nodes: Vec<u32>, edges: Vec<(usize, usize, u32)>) -> Self {
        let edges = edges.into_iter().filter(|(a, b, _)| a != b && *a.max(b) < nodes.len()).collect();
        Self { nodes, edges }
    }

    /// Returns a description: `12 nodes, 31 edges`.
    fn words(&self) -> String {
        let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
        format!("{}, {}", count(self.nodes.len(), "node"), count(self.edges.len(), "edge"))
    }

    /// Returns the drawing as an SVG element, which takes its colours from the page.
    #[must_use]
    pub fn svg(&self) -> String {
        let places = self.places();
        let mut labels: Vec<u32> = self.edges.iter().map(|(.., label)| *label).collect();
        labels.sort_unstable();
        labels.dedup();
        let mut shapes = String::new();
        for label in labels {
            let line = |(a, b, _): &(usize, usize, u32)| {
                let [(x, y), (u, v)] = [places[*a], places[*b]];
                format!("M{} {}L{} {}", coord(x), coord(y), coord(u), coord(v))
            };
            let lines: String = self.edges.iter().filter(|(.., own)| *own == label).map(line).collect();
            shapes.push_str(&format!("<path class=\"e{}\" d=\"{lines}\"/>", label.clamp(1, 4)));
        }
        let radius = if self.nodes.len() > 16 { 2.8 } else { 3.6 };
        for ((x, y), label) in places.iter().zip(&self.nodes) {
            // The first label has the second colour: the first is that of samples in charts.
            let colour = class(*label as usize);
            shapes.push_str(&format!(
                "<circle class=\"{colour}\" cx=\"{}\" cy=\"{}\" r=\"{radius}\"/>",
                coord(*x),
                coord(*y)
            ));
        }
        let words = escape(&self.words());
        format!("<svg viewBox=\"0 0 {SIDE} {SIDE}\" role=\"img\" aria-label=\"{words}\">{shapes}</svg>")
    }

    /// Returns the places of the nodes in the drawing.
    fn places(&self) -> Vec<(f64, f64)> {
        let n = self.nodes.len();
        let angle = |k: usize| std::f64::consts::TAU * k as f64 / n as f64;
        let mut x: Vec<[f64; 2]> = (0..n).map(|k| [angle(k).cos(), angle(k).sin()]).collect();
        if n <= MOST {
            settle(&mut x, &self.distances());
            turn(&mut x);
        }
        fit(&x)
    }

    /// Returns the number of edges on the shortest path between all pairs of nodes. Nodes that no
    /// path joins are a little farther apart than any others.
    fn distances(&self) -> Vec<f64> {
        let n = self.nodes.len();
        let mut d = vec![f64::INFINITY; n * n];
        (0..n).for_each(|node| d[node * n + node] = 0.0);
        for (a, b, _) in &self.edges {
            (d[a * n + b], d[b * n + a]) = (1.0, 1.0);
        }
        for by in 0..n {
            for a in 0..n {
                for b in 0..n {
                    d[a * n + b] = d[a * n + b].min(d[a * n + by] + d[by * n + b]);
                }
            }
        }
        let most = d.iter().copied().filter(|d| d.is_finite()).fold(1.0, f64::max);
        d.iter_mut().filter(|d| d.is_infinite()).for_each(|d| *d = most + 0.7);
        d
    }
}

/// Moves every node to the mean of the places that the other nodes ask for, some times.
fn settle(x: &mut [[f64; 2]], d: &[f64]) {
    let n = x.len();
    for _ in 0..SWEEPS {
        for i in 0..n {
            let (mut sum, mut weights) = ([0.0; 2], 0.0);
            for j in (0..n).filter(|j| *j != i) {
                let apart = [x[i][0] - x[j][0], x[i][1] - x[j][1]];
                let length = apart[0].hypot(apart[1]).max(1e-9);
                let (wanted, weight) = (d[i * n + j], 1.0 / (d[i * n + j] * d[i * n + j]));
                for axis in 0..2 {
                    sum[axis] += weight * (x[j][axis] + wanted * apart[axis] / length);
                }
                weights += weight;
            }
            if weights > 0.0 {
                x[i] = sum.map(|sum| sum / weights);
            }
        }
    }
}

/// Turns the places so that their longest axis is horizontal.
fn turn(x: &mut [[f64; 2]]) {
    let count = x.len().max(1) as f64;
    let mean = [0, 1].map(|axis| x.iter().map(|x| x[axis]).sum::<f64>() / count);
    let moment = |a: usize, b: usize| x.iter().map(|x| (x[a] - mean[a]) * (x[b] - mean[b])).sum::<f64>();
    let angle = 0.5 * (2.0 * moment(0, 1)).atan2(moment(0, 0) - moment(1, 1));
    let (sin, cos) = angle.sin_cos();
    for x in x {
        let [u, v] = [x[0] - mean[0], x[1] - mean[1]];
        *x = [cos * u + sin * v, cos * v - sin * u];
    }
}

/// Scales the places to the drawing, both axes alike.
fn fit(x: &[[f64; 2]]) -> Vec<(f64, f64)> {
    let ends = |axis: usize| {
        x.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x[axis]), high.max(x[axis])])
    };
    let [[left, right], [top, bottom]] = [ends(0), ends(1)];
    let extent = (right - left).max(bottom - top);
    let scale = if extent > 1e-9 { (SIDE - 2.0 * MARGIN) / extent } else { 0.0 };
    let at = |value: f64, low: f64, high: f64| SIDE / 2.0 + scale * (value - 0.5 * (low + high));
    x.iter().map(|x| (at(x[0], left, right), at(x[1], top, bottom))).collect()
}

/// Returns drawings in rows, each with the numbers of its nodes and edges below.
///
/// ```
/// use langevin_report::graphs::{Drawing, grid};
/// let edge = Drawing::new(vec![1, 1], vec![(0, 1, 1)]);
/// assert!(grid(&[edge]).contains("<figcaption>2 nodes, 1 edge</figcaption>"));
/// ```
#[must_use]
pub fn grid(drawings: &[Drawing]) -> String {
    let one = |drawing: &Drawing| {
        format!("<figure>{}<figcaption>{}</figcaption></figure>", drawing.svg(), escape(&drawing.words()))
    };
    format!("<div class=\"graphs\">{}</div>", drawings.iter().map(one).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(places: &[(f64, f64)], a: usize, b: usize) -> f64 {
        (places[a].0 - places[b].0).hypot(places[a].1 - places[b].1)
    }

    #[test]
    fn distances_are_drawn() {
        // A path is a horizontal line whose edges have one length. It straightens slowly: what is
        // left of the circle is an arc, less high than a tenth of its length of 82.
        let path = Drawing::new(vec![1; 6], (0..5).map(|k| (k, k + 1, 1)).collect()).places();
        let step = length(&path, 0, 1);
        assert!((1..5).all(|k| (length(&path, k, k + 1) / step - 1.0).abs() < 0.02), "{path:?}");
        assert!(path.iter().all(|(_, y)| (y - 50.0).abs() < 4.1), "{path:?}");
        // The four sides of a square have one length.
        let square = Drawing::new(vec![1; 4], vec![(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 0, 1)]).places();
        let side = length(&square, 0, 1);
        assert!([(1, 2), (2, 3), (3, 0)].iter().all(|(a, b)| (length(&square, *a, *b) / side - 1.0).abs() < 1e-6));
        // Two cliques with one bridge are drawn apart.
        let clique = |first: usize| (0..5).flat_map(move |a| (a + 1..5).map(move |b| (first + a, first + b, 1)));
        let edges = clique(0).chain(clique(5)).chain([(0, 5, 1)]).collect();
        let two = Drawing::new(vec![1; 10], edges).places();
        let within = length(&two, 1, 2).max(length(&two, 6, 7));
        assert!(length(&two, 1, 6) > 1.5 * within, "{two:?}");
    }

    #[test]
    fn every_graph_has_a_finite_drawing() {
        for (nodes, edges) in [
            (vec![], vec![]),
            (vec![1], vec![]),
            (vec![1, 2], vec![]),
            (vec![1; 32], vec![(0, 1, 2), (3, 3, 1), (5, 99, 1)]),
            (vec![7; 200], vec![(0, 199, 9)]),
        ] {
            let drawing = Drawing::new(nodes.clone(), edges);
            let places = drawing.places();
            assert_eq!(places.len(), nodes.len());
            assert!(places.iter().all(|(x, y)| (0.0..=SIDE).contains(x) && (0.0..=SIDE).contains(y)), "{places:?}");
            assert!(!drawing.svg().contains("NaN"));
        }
        let labelled = Drawing::new(vec![1, 2], vec![(0, 1, 2)]).svg();
        assert!(
            labelled.contains("class=\"e2\"") && labelled.contains("class=\"r1\"") && labelled.contains("class=\"r2\"")
        );
    }
}
