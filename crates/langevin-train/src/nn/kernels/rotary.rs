//! Rotary positions: queries and keys are turned by angles that grow with their position.
//!
//! Elements i and i + d/2 of a head of d elements are a plane, turned at position t by the angle
//! t 10000^(−2i/d). The product of a query and a key then depends on the difference of their
//! positions. An element without a partner is not turned.
//!
//! Source: Su et al., arXiv 2104.09864.

use langevin::math::{cos, exp, ln, sin};
use pulp::Simd;

/// Base of the wavelengths.
const BASE: f64 = 10_000.0;

/// Angles of all positions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rotary {
    /// Cosines and then sines of the planes of each position.
    table: Vec<f32>,
    head: usize,
}

impl Rotary {
    /// Returns the angles of `tokens` positions for heads of `head` elements.
    pub(crate) fn new(tokens: usize, head: usize) -> Self {
        let planes = head / 2;
        let angle = |position: usize, plane: usize| position as f64 * exp(-(plane as f64) / planes as f64 * ln(BASE));
        let table = (0..tokens).flat_map(|position| {
            let cosines = (0..planes).map(move |plane| cos(angle(position, plane)) as f32);
            cosines.chain((0..planes).map(move |plane| sin(angle(position, plane)) as f32))
        });
        Self { table: table.collect(), head }
    }

    /// Turns the first `turned` elements of each row of `width` elements by its position, whose
    /// sequences follow each other.
    pub(crate) fn turn(&self, rows: &mut [f32], width: usize, turned: usize) {
        rotated(rows, width, turned, self.head, &self.table, 1.0);
    }

    /// Turns them back.
    pub(crate) fn turn_back(&self, rows: &mut [f32], width: usize, turned: usize) {
        rotated(rows, width, turned, self.head, &self.table, -1.0);
    }
}

#[pulp::with_simd(rotated = pulp::Arch::new())]
#[inline(always)]
fn rotated_with<S: Simd>(
    _simd: S,
    rows: &mut [f32],
    width: usize,
    turned: usize,
    head: usize,
    table: &[f32],
    sign: f32,
) {
    let planes = head / 2;
    if planes == 0 {
        return;
    }
    let positions = table.chunks_exact(2 * planes).cycle();
    for (row, angles) in rows.chunks_exact_mut(width).zip(positions) {
        let (cosines, sines) = angles.split_at(planes);
        for x in row[..turned].chunks_exact_mut(head) {
            let (first, second) = x.split_at_mut(planes);
            for (((a, b), c), s) in first.iter_mut().zip(second).zip(cosines).zip(sines) {
                let s = sign * s;
                (*a, *b) = (*a * c - *b * s, *a * s + *b * c);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{dot, normals};
    use super::*;

    #[test]
    fn products_depend_on_the_difference_of_positions() {
        for head in [8, 9] {
            let (tokens, width) = (40, 3 * head);
            let rotary = Rotary::new(tokens, head);
            let (q, k) = (normals(head, 0), normals(head, 1));
            let row: Vec<f32> = [&q[..], &k, &k].concat();
            let mut rows = row.repeat(2 * tokens);
            rotary.turn(&mut rows, width, 2 * head);
            let of = |position: usize, part: usize| &rows[position * width + part * head..][..head];
            let product = |i: usize, j: usize| dot(of(i, 0), of(j, 1));
            // Angles are exact to a rounding of 2⁻²⁴, and the elements are of order 1.
            for (i, j) in [(5, 2), (39, 36), (43, 40), (75, 72)] {
                assert!((product(i, j) - product(3, 0)).abs() < 1e-4, "{i} {j}");
            }
            assert!((product(0, 0) - dot(&q, &k)).abs() < 1e-5);
            assert!((product(5, 2) - product(2, 5)).abs() > 1e-2, "the direction does not matter");
            // Values are not turned, and turning back restores the rest.
            assert_eq!(of(7, 2), &k[..]);
            rotary.turn_back(&mut rows, width, 2 * head);
            assert!(rows.iter().zip(row.repeat(2 * tokens)).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }
}
