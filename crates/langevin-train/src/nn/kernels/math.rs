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

/// Computes ln x of a positive normal x to about two units in the last place.
///
/// `less` is x − 1, which the caller may know better than x. It is used where x is between √½ and
/// √2, so that a logarithm near 0 has the digits of `less`.
///
/// With x = 2ⁿ(1 + f) and 1 + f from √½ to √2, ln x = n ln 2 + f − f²/2 + f³P(f). P is a minimax
/// polynomial of degree 8 (Moshier, Cephes).
#[inline(always)]
pub(crate) fn ln(x: f32, less: f32) -> f32 {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // The exponent relative to √½, of which the result is the power of two.
    let bits = x.to_bits().wrapping_sub(SQRT_HALF);
    let n = (bits as i32) >> 23;
    let f = f32::from_bits((bits & 0x007f_ffff).wrapping_add(SQRT_HALF)) - 1.0;
    let f = if n == 0 { less } else { f };
    let n = n as f32;
    let mut p = 0.070_376_836;
    for c in [
        -0.115_146_1,
        0.116_769_99,
        -0.124_201_41,
        0.142_493_23,
        -0.166_680_58,
        0.200_007_15,
        -0.249_999_94,
        0.333_333_3,
    ] {
        p = p * f + c;
    }
    let square = f * f;
    let y = f * square * p + n * LN2_LOW - 0.5 * square;
    (f + y) + n * LN2_HIGH
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

    #[test]
    fn ln_is_the_logarithm() {
        for i in -120_000..=120_000 {
            let x = (i as f32 * 7e-4).exp();
            let want = f64::from(x).ln();
            let off = f64::from(ln(x, x - 1.0)) - want;
            assert!(off.abs() <= 2e-7 * want.abs(), "{x}: {} {want}", ln(x, x - 1.0));
        }
        // The digits of a small difference are kept.
        for less in [1e-12_f32, -3e-9, 2e-5, -0.01, 0.4, -0.29] {
            let want = f64::from(less).ln_1p();
            assert!((f64::from(ln(1.0 + less, less)) / want - 1.0).abs() < 2e-7, "{less}");
        }
        assert_eq!(ln(1.0, 0.0), 0.0);
    }
}
