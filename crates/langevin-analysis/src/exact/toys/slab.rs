//! Implements a uniform variable on one axis with Gaussian noise.
//!
//! The variable is c = m + s₀z with m uniform on [a, b], seen as x = αc + σε. With
//! $w = \alpha^2 s_0^2 + \sigma^2$, $s = \sqrt w$ and ζ(m) = (x − αm)/s,
//!
//! $$p_t(x) = \frac{\Phi(\zeta(a)) - \Phi(\zeta(b))}{\alpha (b-a)}, \qquad
//!   D = E[m \mid x] + \frac{\alpha s_0^2}{w} (x - \alpha E[m \mid x]).$$
//!
//! The distribution of m given x is a normal truncated to [a, b]. By symmetry let x lie on the side
//! of b. With q = ζ(b), the variable t = ζ − q has the density $e^{-qt - t^2/2}$ on [0, h], with
//! h = α(b − a)/s.
//!
//! The moments of t are computed by quadrature. The textbook differences of φ and Φ are 0/0 far
//! outside the interval and cancel for small h. A sum of positive terms has neither problem.
//!
//! | symbol | here |
//! |---|---|
//! | b − a, $s_0$ | `width`, `std` |
//! | q; h | `q`; `h` |
//!
//! Source: Johnson, Kotz & Balakrishnan, "Continuous univariate distributions" 1, 1994, §13.10, for
//! the moments in closed form.

use super::quadrature::on_unit;
use langevin::math::{exp, ln};
use langevin::process::Level;

/// The number of nodes of the quadrature, on at most 17 deviations. The nodes are 0.67 deviations
/// apart in the middle, and the error of the rule is e⁻⁴⁴.
const NODES: usize = 40;

/// Pairs (largest k, number of terms) of the power series of the moments in k², used for h ≤ 2 and
/// k ≤ 16. The omitted terms are below (k/2)²ⁿ/(2n − 1)!, which is 10⁻¹⁷ of the sum.
const TERMS: [(f64, usize); 3] = [(4.0, 14), (9.0, 19), (16.0, 25)];

/// Twice the exponent at which the integrand is cut off: e⁻³⁶ = 2·10⁻¹⁶ of its maximum.
const REACH: f64 = 72.0;

/// A finite stand-in for infinity, so that the difference of two is a number.
const FAR: f64 = 1e200;

/// ½ ln 2π.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;

/// The quadrature rule on [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule(Vec<(f64, f64)>);

impl Rule {
    pub(super) fn new() -> Self {
        Self(on_unit(NODES))
    }
}

/// Intervals of one width at one level.
#[derive(Clone, Debug)]
pub(super) struct Slab<'a> {
    rule: &'a Rule,
    alpha: f64,
    width: f64,
    /// s.
    pub(super) std: f64,
    h: f64,
    /// The logarithm of the divisor of the mass: α(b − a), or s if that is larger.
    volume: f64,
    /// αs₀²/w.
    gain: f64,
    /// σ²/w.
    rest: f64,
    /// The moments for h ≤ 2: $\mu_{2n}/(2n)!$ of $e^{-h^2\tau^2/2}$ on [−½, ½].
    moments: [f64; 25],
}

/// The results along one axis at one point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Along {
    pub(super) log: f64,
    /// The squared distance of x to α[a, b], which `log` leaves out.
    pub(super) gap: f64,
    pub(super) denoised: f64,
    pub(super) score: f64,
    /// ∂D/∂x.
    pub(super) slope: f64,
}

/// Returns y/s, with 0/0 = 0 and limited to finite values.
fn over(y: f64, s: f64) -> f64 {
    if y == 0.0 { 0.0 } else { (y / s).clamp(-FAR, FAR) }
}

impl<'a> Slab<'a> {
    pub(super) fn new(rule: &'a Rule, width: f64, std: f64, level: &Level) -> Self {
        let Level { alpha, sigma, .. } = *level;
        let s = (alpha * std).hypot(sigma);
        let h = over(alpha * width, s);
        let mut moments = [0.0; 25];
        if h <= 2.0 {
            for (u, weight) in &rule.0 {
                let tau = u - 0.5;
                let mut term = weight * exp(-0.5 * (h * tau) * (h * tau));
                for (n, moment) in moments.iter_mut().enumerate() {
                    *moment += term;
                    term *= tau * tau / ((2 * n + 1) as f64 * (2 * n + 2) as f64);
                }
            }
        }
        Self {
            rule,
            alpha,
            width,
            std: s,
            h,
            volume: if h < 1.0 { ln(s) } else { ln(alpha * width) },
            gain: if std == 0.0 { 0.0 } else { alpha * std / s * (std / s) },
            rest: if std == 0.0 { 1.0 } else { (sigma / s) * (sigma / s) },
            moments,
        }
    }

    /// Returns the squared distance of x to α[a, b].
    pub(super) fn gap(&self, x: f64, low: f64) -> f64 {
        let beyond = ((x - self.alpha * (low + 0.5 * self.width)).abs() - 0.5 * self.alpha * self.width).max(0.0);
        beyond * beyond
    }

    /// Returns an upper bound of [`Along::log`]: the mass is at most 1, and at most h/√2π.
    pub(super) fn most(&self) -> f64 {
        -self.volume
    }

    /// Computes the results for the interval [low, low + width].
    pub(super) fn along(&self, x: f64, low: f64) -> Along {
        let Self { alpha, width, h, std: s, .. } = *self;
        let middle = low + 0.5 * width;
        let off = x - alpha * middle;
        let side = if off < 0.0 { -1.0 } else { 1.0 };
        let beyond = off.abs() - 0.5 * alpha * width;
        let q = over(beyond, s);
        // Computes E ζ on that side, E m, ∂E m/∂x, and the logarithm of the mass over the volume.
        let (zeta, mean, moved, log);
        if h <= 2.0 && h * (q + 0.5 * h) <= 16.0 {
            // With m = middle ± τ·width, τ has the density e^(kτ − h²τ²/2) on [−½, ½], where k =
            // h·ζ(middle).
            let centre = q + 0.5 * h;
            let k = h * centre;
            // Its integral P(k²) is a series of positive terms. Eτ and Eτ² are the first and second
            // derivatives of P by k, divided by P.
            let y = k * k;
            let count = TERMS.iter().find(|(most, _)| k <= *most).map_or(25, |(_, count)| *count);
            let [mut zeroth, mut by_y, mut twice] = [0.0; 3];
            for moment in self.moments[..count].iter().rev() {
                twice = twice * y + by_y;
                by_y = by_y * y + zeroth;
                zeroth = zeroth * y + moment;
            }
            let (first, second) = (2.0 * k * by_y, 2.0 * by_y + 8.0 * y * twice);
            let tau = first / zeroth;
            let variance = second / zeroth - tau * tau;
            zeta = centre - h * tau;
            mean = middle + side * width * tau;
            moved = h * (width / s) * variance;
            // −½ζ² of the middle, minus the part that belongs to the gap.
            let outside = if q > 0.0 { -0.5 * h * (q + 0.25 * h) } else { -0.5 * centre * centre };
            log = outside + ln(zeroth) - HALF_LN_TAU + if h < 1.0 { 0.0 } else { ln(h) };
        } else if q < -8.5 {
            // Both ends are more than 8.5 deviations away: all but 10⁻¹⁷ of the mass is inside.
            (zeta, mean, moved, log) = (0.0, x / alpha, 1.0 / alpha, 0.0);
        } else {
            // The integral starts at the edge; its cutoff is counted from the maximum if that lies
            // inside.
            let reach = if q > 0.0 { REACH / (q + q.hypot(REACH.sqrt())) } else { REACH.sqrt() - q };
            let end = h.min(reach);
            let [mut zeroth, mut first] = [0.0; 2];
            let mut values = [0.0; NODES];
            for ((u, weight), value) in self.rule.0.iter().zip(&mut values) {
                let t = u * end;
                *value = weight * exp(-t * (q + 0.5 * t));
                zeroth += *value;
                first += *value * u;
            }
            let u = first / zeroth;
            let spread = self.rule.0.iter().zip(&values).map(|((node, _), value)| value * (node - u) * (node - u));
            let variance = spread.sum::<f64>() / zeroth;
            zeta = q + end * u;
            mean = middle + side * width * (0.5 - end / h * u);
            moved = end * end / alpha * variance;
            let inside = if q > 0.0 { 0.0 } else { -0.5 * q * q };
            log = inside + ln(zeroth) - HALF_LN_TAU + if h < 1.0 { ln(end / h) } else { ln(end) };
        }
        // x − αE m = ±s E ζ.
        let away = side * zeta;
        Along {
            log: log - self.volume,
            gap: if beyond > 0.0 { beyond * beyond } else { 0.0 },
            denoised: mean + self.gain * s * away,
            score: if away == 0.0 { 0.0 } else { -away / s },
            slope: self.gain + self.rest * moved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes ln of the mass over the volume (without the gap), D and its slope by a fine
    /// midpoint rule.
    ///
    /// The density of m is smooth on the interval; only its largest exponent is factored out.
    fn slowly(alpha: f64, sigma: f64, width: f64, std: f64, x: f64, low: f64) -> (f64, f64, f64) {
        let w = (alpha * std).powi(2) + sigma * sigma;
        let count = 400_000;
        let places = || (0..count).map(|i| low + width * (f64::from(i) + 0.5) / f64::from(count));
        let exponent = |m: f64| -0.5 * (x - alpha * m).powi(2) / w;
        let largest = places().map(exponent).fold(f64::NEG_INFINITY, f64::max);
        let (mut total, mut mean) = (0.0, 0.0);
        for m in places() {
            let p = (exponent(m) - largest).exp();
            (total, mean) = (total + p, mean + p * m);
        }
        mean /= total;
        let variance = places().map(|m| (exponent(m) - largest).exp() * (m - mean).powi(2)).sum::<f64>() / total;
        let gap = ((x - alpha * (low + 0.5 * width)).abs() - 0.5 * alpha * width).max(0.0);
        let gain = alpha * std * std / w;
        (
            (total / f64::from(count)).ln() + largest + 0.5 * gap * gap / w - 0.5 * (std::f64::consts::TAU * w).ln(),
            mean + gain * (x - alpha * mean),
            gain + (1.0 - alpha * gain) * alpha / w * variance,
        )
    }

    #[test]
    fn moments_are_those_of_a_slow_sum() {
        // Every branch and both sides of every switch: h about 1 and 2, k about 4, 9 and 16, q
        // about −8.5 and
        // 0. The error of the slow sum is (w/4·10⁵)²/24 of its largest curvature, (h q)² ≤ 10⁴,
        //    which is 10⁻⁹.
        let rule = Rule::new();
        for std in [0.0, 0.3] {
            for h in [1e-3, 0.3, 0.99, 1.01, 1.99, 2.01, 5.0, 16.9, 17.1] {
                let (alpha, width, low) = (0.8, 1.5, -0.2);
                // h = αwidth/s.
                let s: f64 = alpha * width / h;
                if s <= 1.001 * alpha * std {
                    continue;
                }
                let sigma = (s * s - (alpha * std) * (alpha * std)).sqrt();
                let slab = Slab::new(&rule, width, std, &Level { time: 0.0, alpha, sigma });
                for q in [
                    -0.5 * h,
                    -0.1 * h,
                    -1e-3,
                    0.0,
                    1e-3,
                    0.7,
                    3.0 / h - h / 2.0,
                    9.01 / h - h / 2.0,
                    16.0 / h - h / 2.0,
                    12.0,
                ] {
                    for side in [-1.0, 1.0] {
                        if q * h > 100.0 {
                            continue;
                        }
                        let x = alpha * (low + 0.5 * width) + side * (q * s + 0.5 * alpha * width);
                        let got = slab.along(x, low);
                        let (log, d, slope) = slowly(alpha, sigma, width, std, x, low);
                        let near = |got: f64, expected: f64| {
                            let gap = (got - expected).abs();
                            assert!(gap <= 1e-8 * (1.0 + expected.abs()), "h {h} q {q}: {got} {expected}");
                        };
                        near(got.log, log);
                        near(got.denoised, d);
                        near(got.slope, slope);
                        near(got.score * s, (alpha * got.denoised - x) / sigma * (s / sigma));
                        assert!(got.log <= slab.most() + 1e-14);
                    }
                }
            }
        }
    }

    #[test]
    fn branches_meet_to_rounding() {
        // Both sides of every switch give the same numbers, up to the difference of the points,
        // 10⁻¹³ in ζ.
        let rule = Rule::new();
        for (h, q) in [
            (1.0, 0.3),
            (2.0, 0.3),
            (2.0, -0.7),
            (0.7, 0.3),
            (0.5, 2.0 / 0.5 - 0.25),
            (1.5, 16.0 / 1.5 - 0.75),
            (30.0, -8.5),
            (0.1, 159.95),
        ] {
            let at = |h: f64, q: f64| {
                let slab = Slab::new(&rule, h, 0.0, &Level { time: 0.0, alpha: 1.0, sigma: 1.0 });
                let Along { log, denoised, score, slope, .. } = slab.along(h + q, 0.0);
                [log, denoised, score, slope]
            };
            let (below, above) = (at(h - 1e-13, q - 1e-13), at(h + 1e-13, q + 1e-13));
            for (below, above) in below.iter().zip(above) {
                assert!((below - above).abs() < 1e-11, "h {h} q {q}: {below} {above}");
            }
        }
    }
}
