//! Implements Gaussian noise around circles of radius R.
//!
//! With $v = \alpha^2 s^2 + \sigma^2$, $\kappa = \alpha R \lVert x\rVert / v$ and $A = I_1/I_0$,
//! one circle has
//!
//! $$p_t = \frac{1}{2\pi v} e^{-(\lVert x\rVert^2 + \alpha^2 R^2)/2v} I_0(\kappa), \qquad
//!   E[c \mid x] = R A(\kappa) \frac{x}{\lVert x\rVert}, \qquad
//!   D = E[c \mid x] + \frac{\alpha s^2}{v} (x - \alpha E[c \mid x]).$$
//!
//! The covariance of c given x is $R^2 A'(\kappa)$ along x and $R^2 A(\kappa)/\kappa$ across it,
//! because the angle to x is von Mises of concentration κ.
//!
//! Source: Mardia & Jupp, "Directional statistics", 2000, §3.5.4.

use super::Terms;
use super::sum::{Sum, Term};
use crate::exact::bessel::Bessel;
use langevin::math::{cos, ln, sin};
use langevin::process::Level;
use std::f64::consts::TAU;

/// Circles of equal weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Circles {
    pub(super) radii: &'static [f64],
    pub(super) std: f64,
}

pub(super) struct At<'a> {
    circles: &'a Circles,
    level: Level,
}

impl Circles {
    pub(super) fn at(&self, level: &Level) -> At<'_> {
        At { circles: self, level: *level }
    }

    pub(super) fn draw(&self, u: [f64; 4], z: [f64; 2]) -> [f64; 2] {
        let count = self.radii.len();
        let radius = self.radii[((count as f64 * u[1]) as usize).min(count - 1)];
        let angle = TAU * u[0];
        [radius * cos(angle) + self.std * z[0], radius * sin(angle) + self.std * z[1]]
    }
}

impl Terms for At<'_> {
    fn terms(&self, x: [f64; 2], sum: &mut Sum) {
        let Level { alpha, sigma, .. } = self.level;
        let Circles { radii, std } = *self.circles;
        // Everything below is a ratio to the width √v, so nothing underflows or overflows.
        let width = (alpha * std).hypot(sigma);
        let gain = alpha * std / width * (std / width);
        let keep = (sigma / width) * (sigma / width);
        let length = x[0].hypot(x[1]);
        let unit = if length > 0.0 { [x[0] / length, x[1] / length] } else { [1.0, 0.0] };
        sum.width = width;
        sum.terms.extend(radii.iter().map(|radius| {
            let per = alpha * radius / width;
            let Bessel { i0e, ratio, over, slope, .. } = Bessel::at(per * (length / width));
            let gap = length - alpha * radius;
            // The component of x − αE[c] along x.
            let away = length - alpha * radius * ratio;
            let place = radius * ratio + gain * away;
            // ∂E[c]/∂x = (α/v) Cov[c].
            let moved = per * (radius / width);
            let [along, across] = [slope, over].map(|variance| gain + keep * moved * variance);
            let [c, s] = unit;
            Term {
                log: ln(i0e) - ln(TAU * radii.len() as f64) - 2.0 * ln(width),
                gap: gap * gap,
                denoised: unit.map(|u| place * u),
                score: unit.map(|u| -away / width / width * u),
                jacobian: [along * c * c + across * s * s, (along - across) * c * s, along * s * s + across * c * c],
            }
        }));
    }
}
