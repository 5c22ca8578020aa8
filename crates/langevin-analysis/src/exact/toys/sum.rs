//! A density of the plane as a sum of terms, $p_t = \sum_k e^{\ell_k}$, each known in closed form:
//!
//! $$D = \sum_k r_k D_k, \qquad \nabla\log p_t = \bar s = \sum_k r_k s_k, \qquad
//!   \frac{\partial D}{\partial x} v =
//!   \sum_k r_k \bigl[J_k v + (D_k - D)(s_k\cdot v - \bar s\cdot v)\bigr], \qquad
//!   r = \operatorname{softmax}(\ell).$$
//!
//! $D_k$ is the denoised prediction of the term alone, $J_k$ its Jacobian and $s_k = \nabla\ell_k$.

use crate::exact::NEGLIGIBLE;
use langevin::math::{exp, ln};

/// One term at one point: $\ell = \text{log} - \tfrac12 \text{gap}/w^2$, with the width w of the
/// [`Sum`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) log: f64,
    /// A squared distance, stored separately: divided by w² it may overflow while differences do
    /// not.
    pub(super) gap: f64,
    pub(super) denoised: [f64; 2],
    pub(super) score: [f64; 2],
    /// The entries xx, xy and yy.
    pub(super) jacobian: [f64; 3],
}

/// The values of a density at one point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) log: f64,
    pub(super) denoised: [f64; 2],
    pub(super) score: [f64; 2],
    pub(super) product: [f64; 2],
}

/// The terms at one point. The buffer is reused from point to point.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) terms: Vec<Term>,
    /// The width w, the unit of the gaps.
    pub(super) width: f64,
}

/// Returns y/w², with 0/0 = 0.
fn over(y: f64, w: f64) -> f64 {
    if y == 0.0 { 0.0 } else { y / w / w }
}

impl Sum {
    /// Returns all values, with the product of the Jacobian and `v`; `None` if no term is left.
    pub(super) fn answer(&mut self, v: [f64; 2]) -> Option<Answer> {
        let least = self.terms.iter().map(|term| term.gap).fold(f64::INFINITY, f64::min);
        let mut largest = f64::NEG_INFINITY;
        for term in &mut self.terms {
            term.log -= 0.5 * over(term.gap - least, self.width);
            largest = largest.max(term.log);
        }
        if largest == f64::NEG_INFINITY {
            return None;
        }
        let (mut total, mut denoised, mut score) = (0.0, [0.0; 2], [0.0; 2]);
        for term in &mut self.terms {
            let below = term.log - largest;
            let r = if below < NEGLIGIBLE { 0.0 } else { exp(below) };
            // From here on `log` holds the term's weight.
            term.log = r;
            if r > 0.0 {
                total += r;
                add(&mut denoised, r, term.denoised);
                add(&mut score, r, term.score);
            }
        }
        (denoised, score) = (denoised.map(|d| d / total), score.map(|s| s / total));
        let mut product = [0.0; 2];
        for term in self.terms.iter().filter(|term| term.log > 0.0) {
            let r = term.log / total;
            let [xx, xy, yy] = term.jacobian;
            let away = r * (dot(term.score, v) - dot(score, v));
            add(&mut product, r, [xx * v[0] + xy * v[1], xy * v[0] + yy * v[1]]);
            // Where two terms meet at σ = 0, a score may be infinite. D jumps there and has no
            // slope.
            if away.is_finite() {
                add(&mut product, away, [term.denoised[0] - denoised[0], term.denoised[1] - denoised[1]]);
            }
        }
        Some(Answer { log: largest + ln(total) - 0.5 * over(least, self.width), denoised, score, product })
    }
}

pub(super) fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

fn add(out: &mut [f64; 2], weight: f64, x: [f64; 2]) {
    out[0] += weight * x[0];
    out[1] += weight * x[1];
}
