//! Activations with their slopes, and their backward pass.
//!
//! ```text
//! silu(a) = a s(a)                       silu' = s + silu (1 − s),     s the logistic function
//! gelu(a) = a s(2u)                      gelu' = s + gelu (1 − s) 2u',
//!                                        u = √(2/π)(a + 0.044715 a³): the tanh form
//! selu(a) = λ a, or λα(eᵃ − 1) below 0   selu' = λ, or λα eᵃ
//! ```
//!
//! Sources: Ramachandran et al., arXiv 1710.05941; Hendrycks & Gimpel, arXiv 1606.08415; Klambauer
//! et al., arXiv 1706.02515.

use super::math::{exp, logistic};
use pulp::Simd;
use serde::{Deserialize, Serialize};

/// Activation function, applied to every element between two linear layers.
///
/// ```
/// use langevin_train::nn::kernels::{Activation, activate};
/// let mut a = [1.0, -30.0];
/// activate(Activation::Gelu, &mut a, &mut [], &[]);
/// assert!((a[0] - 0.8412).abs() < 1e-4 && a[1].abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Activation {
    /// SiLU, a·logistic(a).
    #[default]
    Silu,
    /// Gaussian error linear unit (GELU) in its tanh form.
    Gelu,
    /// Scaled exponential linear unit (SELU).
    Selu,
}

impl Activation {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;
/// Constant 2√(2/π) of the tanh form of GELU.
const GELU: f32 = 1.595_769;
const GELU_CUBE: f32 = 0.044_715;

/// Returns the value and the slope of SiLU at `a`.
#[inline(always)]
fn silu(a: f32) -> (f32, f32) {
    let s = logistic(a);
    let value = a * s;
    (value, s + value * (1.0 - s))
}

#[inline(always)]
fn gelu(a: f32) -> (f32, f32) {
    let square = a * a;
    let s = logistic(GELU * a * (1.0 + GELU_CUBE * square));
    let value = a * s;
    (value, s + value * (1.0 - s) * GELU * (1.0 + 3.0 * GELU_CUBE * square))
}

#[inline(always)]
fn selu(a: f32) -> (f32, f32) {
    // The exponential is used only below 0; the clamp prevents an overflow above 0.
    let below = SELU_SCALE * SELU_ALPHA * exp(a.min(0.0));
    if a > 0.0 { (SELU_SCALE * a, SELU_SCALE) } else { (below - SELU_SCALE * SELU_ALPHA, below) }
}

/// Writes a ← f(a) + add and the slope f'(a); `add` may be empty.
#[pulp::with_simd(keep = pulp::Arch::new())]
#[inline(always)]
fn keep_with<S: Simd>(_simd: S, kind: Activation, a: &mut [f32], slope: &mut [f32], add: &[f32]) {
    #[inline(always)]
    fn go(f: impl Fn(f32) -> (f32, f32), a: &mut [f32], slope: &mut [f32], add: &[f32]) {
        if add.is_empty() {
            for (a, slope) in a.iter_mut().zip(slope) {
                (*a, *slope) = f(*a);
            }
        } else {
            for ((a, slope), add) in a.iter_mut().zip(slope).zip(add) {
                let (value, there) = f(*a);
                (*a, *slope) = (value + add, there);
            }
        }
    }
    match kind {
        Activation::Silu => go(silu, a, slope, add),
        Activation::Gelu => go(gelu, a, slope, add),
        Activation::Selu => go(selu, a, slope, add),
    }
}

/// Writes a ← f(a) + add; `add` may be empty.
#[pulp::with_simd(only = pulp::Arch::new())]
#[inline(always)]
fn only_with<S: Simd>(_simd: S, kind: Activation, a: &mut [f32], add: &[f32]) {
    #[inline(always)]
    fn go(f: impl Fn(f32) -> (f32, f32), a: &mut [f32], add: &[f32]) {
        if add.is_empty() {
            a.iter_mut().for_each(|a| *a = f(*a).0);
        } else {
            a.iter_mut().zip(add).for_each(|(a, add)| *a = f(*a).0 + add);
        }
    }
    match kind {
        Activation::Silu => go(silu, a, add),
        Activation::Gelu => go(gelu, a, add),
        Activation::Selu => go(selu, a, add),
    }
}

/// Applies an activation in place: a ← f(a) + add.
///
/// `add` is a residual to add, and may be empty. The slope f'(a) is stored for [`activate_back`]
/// unless `slope` is empty.
///
/// ```
/// use langevin_train::nn::kernels::{Activation, activate, activate_back};
/// let (mut a, mut slope) = ([0.0, 2.0], [0.0; 2]);
/// activate(Activation::Silu, &mut a, &mut slope, &[1.0, 1.0]);
/// // silu(0) = 0 with slope ½, silu(2) = 2/(1 + e⁻²); each with 1 added.
/// assert!(a[0] == 1.0 && (a[1] - 2.7616).abs() < 1e-4 && slope[0] == 0.5);
/// let mut da = [0.0; 2];
/// activate_back(&[10.0, 0.0], &slope, &mut da);
/// assert_eq!(da, [5.0, 0.0]);
/// ```
pub fn activate(kind: Activation, a: &mut [f32], slope: &mut [f32], add: &[f32]) {
    if slope.is_empty() {
        only(kind, a, add);
    } else {
        keep(kind, a, slope, add);
    }
}

#[pulp::with_simd(multiply = pulp::Arch::new())]
#[inline(always)]
fn multiply_with<S: Simd>(_simd: S, g: &[f32], slope: &[f32], out: &mut [f32]) {
    for ((out, g), slope) in out.iter_mut().zip(g).zip(slope) {
        *out = g * slope;
    }
}

/// Computes the backward pass of [`activate`]: out ← g ⊙ slope.
///
/// ```
/// let mut da = [0.0; 2];
/// langevin_train::nn::kernels::activate_back(&[10.0, 4.0], &[0.5, 2.0], &mut da);
/// assert_eq!(da, [5.0, 8.0]);
/// ```
pub fn activate_back(g: &[f32], slope: &[f32], out: &mut [f32]) {
    multiply(g, slope, out);
}

#[pulp::with_simd(back_in_place = pulp::Arch::new())]
#[inline(always)]
pub(crate) fn back_in_place_with<S: Simd>(_simd: S, g: &mut [f32], slope: &[f32]) {
    g.iter_mut().zip(slope).for_each(|(g, slope)| *g *= slope);
}

/// Activations as tensor operations.
#[cfg(feature = "gpu")]
pub(crate) mod tensor {
    use super::{Activation, GELU, GELU_CUBE, SELU_ALPHA, SELU_SCALE};
    use burn::tensor::{Tensor, activation};

    pub(crate) fn activate<const D: usize>(kind: Activation, x: Tensor<D>) -> Tensor<D> {
        match kind {
            Activation::Silu => activation::silu(x),
            // Each half is clamped before the exponential; otherwise the gradient above 0 would be
            // 0 · ∞.
            Activation::Selu => {
                let below = x.clone().clamp_max(0.0).exp().sub_scalar(1.0).mul_scalar(SELU_SCALE * SELU_ALPHA);
                x.clamp_min(0.0).mul_scalar(SELU_SCALE) + below
            }
            Activation::Gelu => {
                let bend = x.clone().powi_scalar(2).mul_scalar(GELU_CUBE).add_scalar(1.0);
                x.clone() * activation::sigmoid((x * bend).mul_scalar(GELU))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    const ALL: [Activation; 3] = [Activation::Silu, Activation::Gelu, Activation::Selu];

    #[test]
    fn values_are_those_of_the_formulas() {
        let (mut a, add): (Vec<f32>, Vec<f32>) = (-80..=80).map(|i| (i as f32 * 0.25, i as f32)).unzip();
        let before = a.clone();
        for kind in ALL {
            a.copy_from_slice(&before);
            activate(kind, &mut a, &mut [], &add);
            for ((x, value), add) in before.iter().zip(&a).zip(&add) {
                let x = f64::from(*x);
                let want = match kind {
                    Activation::Silu => x / (1.0 + (-x).exp()),
                    Activation::Gelu => {
                        0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
                    }
                    Activation::Selu if x > 0.0 => 1.0507009873554805 * x,
                    Activation::Selu => 1.0507009873554805 * 1.6732632423543772 * (x.exp() - 1.0),
                };
                // Tolerance of a few roundings of numbers of that size.
                assert!(
                    (f64::from(value - add) - want).abs() < 4e-7 * (1.0 + x.abs() + f64::from(add.abs())),
                    "{kind:?} {x}"
                );
            }
        }
    }

    #[test]
    fn slopes_are_derivatives() {
        let (x, g, add) = (check::normals(300, 0), check::normals(300, 1), check::normals(300, 2));
        // Points near the kink of SELU are moved, because a difference quotient is wrong across the
        // kink.
        let x: Vec<f32> = x.into_iter().map(|x| if x.abs() < 0.02 { 0.5 } else { x }).collect();
        for kind in ALL {
            let (mut a, mut slope, mut own) = (x.clone(), vec![0.0; 300], vec![0.0; 300]);
            activate(kind, &mut a, &mut slope, &add);
            activate_back(&g, &slope, &mut own);
            let mut plain = x.clone();
            activate(kind, &mut plain, &mut [], &add);
            assert_eq!(plain, a);
            check::gradient(&format!("{kind:?}"), &x, &own, 1e-3, |x| {
                let mut a = x.to_vec();
                activate(kind, &mut a, &mut [], &add);
                check::dot(&a, &g)
            });
        }
    }
}
