//! Quantiles of the beta distribution: the x with $I_x(a, b) = p$,
//! $I_x(a,b) = \frac{1}{B(a,b)} \int_0^x t^{a-1} (1-t)^{b-1} dt$.
//!
//! $I_x$ is a continued fraction (NIST DLMF 8.17.22) times $x^a (1-x)^b / (a B(a,b))$. Its inverse
//! is Newton's method on $\ln I_x$ in $\ln x$, kept inside a shrinking bracket. All functions come
//! from `libm`, so that the grid has the same bits on every target.

use crate::math::{exp, expm1, lgamma, ln};

/// The exponents for which the quantile keeps twelve digits.
pub(super) const EXPONENTS: std::ops::RangeInclusive<f64> = 0.05..=100.0;

/// Returns the x below which the distribution Beta(a, b) has the mass `part`/`whole`.
///
/// ```
/// use langevin::grid::beta_quantile;
/// // The median of Beta(2, 1), whose distribution function is x².
/// assert!((beta_quantile(1, 2, 2.0, 1.0) - 0.5_f64.sqrt()).abs() < 1e-12);
/// ```
pub fn quantile(part: usize, whole: usize, a: f64, b: f64) -> f64 {
    // The smaller tail is searched, from its own end.
    let rest = whole - part;
    if part <= rest { lower(part as f64 / whole as f64, a, b) } else { 1.0 - lower(rest as f64 / whole as f64, b, a) }
}

/// Returns the quantile of p ≤ ½.
fn lower(p: f64, a: f64, b: f64) -> f64 {
    if p == 0.0 {
        return 0.0;
    }
    let log_beta = lgamma(a) + lgamma(b) - lgamma(a + b);
    let target = ln(p);
    // z = ln x. Near 0 the mass is xᵃ/(aB), which gives the starting value.
    let (mut low, mut high) = (-800.0, 0.0);
    let mut z = ((target + ln(a) + log_beta) / a).clamp(low, -1e-3);
    for _ in 0..200 {
        let (x, y) = (exp(z), -expm1(z));
        // d ln I/d ln x = xᵃ (1−x)^{b−1}/(B I).
        let front = exp(a * z + b * ln(y) - log_beta);
        let mass = mass(x, y, front, a, b);
        let excess = ln(mass) - target;
        if excess > 0.0 {
            high = z;
        } else {
            low = z;
        }
        let newton = z - excess * mass * y / front;
        // Tested before the bracket is used: next to the root the ends of the bracket are
        // as noisy as the step.
        if (newton - z).abs() <= 1e-14 * (1.0 + z.abs()) {
            return exp(newton);
        }
        z = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
    }
    exp(z)
}

/// Returns I_x(a, b) for y = 1 − x and `front` = xᵃ yᵇ/B(a, b), from the side on which the fraction
/// converges fast.
fn mass(x: f64, y: f64, front: f64, a: f64, b: f64) -> f64 {
    if x < (a + 1.0) / (a + b + 2.0) { front * fraction(x, a, b) / a } else { 1.0 - front * fraction(y, b, a) / b }
}

/// Returns 1/(1 + d₁/(1 + d₂/(1 + …))), by Lentz's method.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    // A zero is moved off zero; the next division cancels the change.
    let nudge = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / nudge(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = value;
        for term in [even, odd] {
            d = 1.0 / nudge(1.0 + term * d);
            c = nudge(1.0 + term / c);
            value *= d * c;
        }
        if (value - before).abs() <= 1e-16 * value.abs() {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy 1.17.1, `scipy.stats.beta.ppf`, at p = 10⁻⁵, .1, .25, .5, .75, .9, .999.
    #[test]
    #[rustfmt::skip]
    fn quantiles_are_those_of_scipy() {
        const PARTS: [usize; 7] = [1, 10_000, 25_000, 50_000, 75_000, 90_000, 99_900];
        let recorded = [
            (0.6, 0.6, [8.6142432958466e-09, 0.039584405588781, 0.17568037865269, 0.5, 0.8243196213473, 0.96041559441122, 0.99998144126148]),
            (0.5, 2.0, [4.4444444445761e-11, 0.0044576818876214, 0.028309543718691, 0.12061475842818, 0.31122417903849, 0.53187743347358, 0.94880805528417]),
            (3.0, 1.5, [0.01663129408298, 0.37816036438826, 0.52848103150476, 0.6930527442288, 0.828871757261, 0.91356556569532, 0.99625039752073]),
            (40.0, 0.3, [0.80052746828095, 0.97793250381566, 0.99138939113848, 0.99815732974013, 0.99982600163896, 0.99999183567486, 0.99999999999824]),
            (90.0, 70.0, [0.3952683886351, 0.51212450955415, 0.53616873619668, 0.56276106026894, 0.58911471169223, 0.61253790412239, 0.67989058424108]),
            (0.05, 0.05, [9.7118236027202e-95, 9.71182360272e-15, 8.8328450523457e-07, 0.5, 0.99999911671549, 0.99999999999999, 1.0]),
            (1.0, 1.0, [1e-5, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999]),
        ];
        for (a, b, expected) in recorded {
            for (part, expected) in PARTS.into_iter().zip(expected) {
                let got = quantile(part, 100_000, a, b);
                assert!((got - expected).abs() <= 1e-12 * expected, "{a} {b} {part}: {got} {expected}");
            }
            assert_eq!((quantile(0, 9, a, b), quantile(9, 9, a, b)), (0.0, 1.0));
        }
    }

    #[test]
    fn the_arcsine_law_is_a_closed_form() {
        // Beta(½, ½): x = sin²(πp/2).
        for part in 0..=64 {
            let expected = crate::math::sin(std::f64::consts::FRAC_PI_2 * part as f64 / 64.0).powi(2);
            assert!((quantile(part, 64, 0.5, 0.5) - expected).abs() <= 1e-14, "{part}");
        }
    }

    #[test]
    fn quantiles_rise_at_the_corners_of_the_exponents() {
        for a in [*EXPONENTS.start(), 1.0, *EXPONENTS.end()] {
            for b in [*EXPONENTS.start(), 1.0, *EXPONENTS.end()] {
                let values: Vec<f64> = (0..=100).map(|part| quantile(part, 100, a, b)).collect();
                assert!(values.windows(2).all(|pair| pair[0] <= pair[1]), "{a} {b} {values:?}");
            }
        }
    }
}
