//! Scalar functions that vectorise: no branches, no calls, and the same bits on every processor.

/// Computes eˣ to about two units in the last place.
///
/// x is first clamped to [−87, 88], where the result is a normal number.
///
/// With n the integer nearest to x/ln 2, eˣ = 2ⁿ e^r and r = x − n ln 2, computed in two parts
/// (Cody & Waite), |r| ≤ ln 2/2. e^r is a Taylor polynomial of degree 7; the remainder is below (ln
/// 2/2)⁸/8! ≈ 5·10⁻⁹.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to an integer, which then occupies the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.0 / 5040.0;
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = p * r + c;
    }
    p * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// Computes the logistic function 1/(1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_e_to_the_x() {
        for i in -86_900..=87_900 {
            let x = i as f32 * 1e-3;
            let want = f64::from(x).exp();
            // Three units of 2⁻²⁴: two from the polynomial and one from the last rounding.
            assert!((f64::from(exp(x)) / want - 1.0).abs() < 2e-7, "{x}: {} {want}", exp(x));
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 1.7e-38 && exp(1e9).is_finite() && exp(f32::NAN).is_nan());
    }
}
