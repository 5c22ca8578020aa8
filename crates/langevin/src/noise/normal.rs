//! Box–Muller in `f32`, with the same bits on every CPU:
//! `(z0, z1) = √(−2 ln u) · (cos 2πv, sin 2πv)`.
//!
//! Every operation here is one IEEE 754 operation, rounded once and written out in its order: no
//! fused multiply-add, no library call, no branch. Vectorising it cannot change a bit. The
//! coefficients are part of the interface: changing a digit here changes all noise.

/// The bits of `√½` as an `f32`. Mantissas are taken from `[√½, √2)`.
const SQRT_HALF: u32 = 0x3f35_04f3;

/// 2 ln 2.
const TWO_LN_2: f32 = 2.0 * core::f32::consts::LN_2;

/// The polynomial of `−2 ln(1 + f) / f` on `[√½ − 1, √2 − 1]`, highest power first. Its relative
/// error is below 3.1e-8.
const LOG: [f32; 9] = [
    -0.174_775_84,
    0.286_154_48,
    -0.298_327_12,
    0.331_406_27,
    -0.399_244_8,
    0.500_035_5,
    -0.666_678_9,
    0.999_999_8,
    -2.0,
];

/// The polynomial of `sin(2πt) / t` in powers of `t²` for `|t| ≤ ⅛`, highest first. Its relative
/// error is below 2.9e-8.
const SIN: [f32; 4] = [-76.774_956, 81.625_626, -41.341_866, 6.283_185_5];

/// The polynomial of `cos(2πt)` in powers of `t²` for `|t| ≤ ⅛`, highest first. Its error is below
/// 5e-10.
const COS: [f32; 5] = [58.560_097, -85.423_11, 64.939_14, -19.739_208, 1.0];

/// Evaluates a polynomial by Horner's rule, with a product and then a sum per coefficient.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: [f32; N], x: f32) -> f32 {
    let mut sum = 0.0;
    for (i, c) in coefficients.into_iter().enumerate() {
        sum = if i == 0 { c } else { sum * x + c };
    }
    sum
}

/// Returns `√(−2 ln u)` with `u = (f32(word) + ½) · 2⁻³²`.
///
/// `word + ½ = 2ᵉ (1 + f)`, and so `−2 ln u = (32 − e) · 2 ln 2 − 2 ln(1 + f)`. The sum is never
/// negative. `e = 32` occurs only at `u = 1` (the 128 largest words, which round to `2³²` and give
/// radius 0) and just below it, with `f ≤ 0`.
#[inline(always)]
pub(super) fn radius(word: u32) -> f32 {
    let x = word as f32 + 0.5;
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = (shifted as i32) >> 23;
    let f = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(SQRT_HALF)) - 1.0;
    let log = f * polynomial(LOG, f);
    ((32 - exponent) as f32 * TWO_LN_2 + log).sqrt()
}

/// Returns `(cos, sin)` of `word · 2⁻³²` turns.
///
/// The nearest quarter turn is split off exactly, in integers. The remainder, `|t| ≤ ⅛` turn, goes
/// through the polynomials; the quarter then swaps the two values and sets their signs.
#[inline(always)]
pub(super) fn cos_sin(word: u32) -> (f32, f32) {
    let shifted = word.wrapping_add(1 << 29);
    let quarter = shifted >> 30;
    let t = ((shifted & 0x3fff_ffff) as i32 - (1 << 29)) as f32 * (1.0 / 4_294_967_296.0);
    let square = t * t;
    let s = polynomial(SIN, square) * t;
    let c = polynomial(COS, square);
    let (a, b) = if quarter & 1 == 1 { (s, c) } else { (c, s) };
    (f32::from_bits(a.to_bits() ^ (((quarter + 1) & 2) << 30)), f32::from_bits(b.to_bits() ^ ((quarter & 2) << 30)))
}

/// Converts two words to two independent standard normals.
#[inline(always)]
pub(super) fn pair(radius_word: u32, angle_word: u32) -> (f32, f32) {
    let r = radius(radius_word);
    let (cos, sin) = cos_sin(angle_word);
    (r * cos, r * sin)
}
