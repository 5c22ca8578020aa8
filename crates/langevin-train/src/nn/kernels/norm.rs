//! Normalisations of rows, and their backward passes.
//!
//! ```text
//! layer norm with modulation   x̂ = (x − mean x) r,   r = 1/√(var x + ε),
//!                              y = x̂ ⊙ (1 + scale) + shift
//! root mean square             x̂ = x r,              r = 1/√(mean x² + ε)
//! ```
//!
//! With a = dy ⊙ (1 + scale), the gradient of x is dx = r (a − mean a − x̂ mean(a x̂)). The term
//! mean a is absent for the root mean square.
//!
//! Sources: Ba et al., arXiv 1607.06450; Zhang & Sennrich, arXiv 1910.07467; the modulation is that
//! of Peebles & Xie, arXiv 2212.09748.

use super::sum::sum;
use pulp::Simd;

/// Constant ε of both normalisations.
pub(crate) const EPSILON: f32 = 1e-6;

/// Computes a layer norm with modulation: y ← x̂ ⊙ (1 + scale) + shift for every row.
///
/// x̂ is the row normalised to mean 0 and variance 1. `kept` receives the pair of values for each
/// row that [`modulate_back`] needs.
///
/// Rows have the length of `shift` and `scale`. A layer norm with learned gain and bias is the
/// special case gain = 1 + scale, bias = shift.
///
/// ```
/// use langevin_train::nn::kernels::modulate;
/// let (mut y, mut kept) = ([0.0; 2], [[0.0; 2]; 1]);
/// modulate(&[3.0, 5.0], &[0.0, 1.0], &[0.0, 1.0], &mut y, &mut kept);
/// assert!((y[0] + 1.0).abs() < 1e-5 && (y[1] - 3.0).abs() < 1e-5);
/// ```
pub fn modulate(x: &[f32], shift: &[f32], scale: &[f32], y: &mut [f32], kept: &mut [[f32; 2]]) {
    normed(x, shift, scale, y, kept);
}

#[pulp::with_simd(normed = pulp::Arch::new())]
#[inline(always)]
fn normed_with<S: Simd>(_simd: S, x: &[f32], shift: &[f32], scale: &[f32], y: &mut [f32], kept: &mut [[f32; 2]]) {
    let width = shift.len();
    let scale = &scale[..width];
    for ((x, y), kept) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(kept) {
        let mean = sum(width, |i| x[i]) / width as f32;
        let square = |x: f32| x * x;
        let r = 1.0 / (sum(width, |i| square(x[i] - mean)) / width as f32 + EPSILON).sqrt();
        *kept = [mean, r];
        for i in 0..width {
            y[i] = (x[i] - mean) * r * (1.0 + scale[i]) + shift[i];
        }
    }
}

/// Adds the backward pass of [`modulate`] to the buffers.
///
/// The gradient of `x` is added to `dx`, Σ dy to `dshift`, and Σ dy ⊙ x̂ to `dscale`.
///
/// ```
/// use langevin_train::nn::kernels::{modulate, modulate_back};
/// let (x, scale, mut y, mut kept) = ([3.0, 5.0], [0.0; 2], [0.0; 2], [[0.0; 2]; 1]);
/// modulate(&x, &[0.0; 2], &scale, &mut y, &mut kept);
/// let (mut dx, mut dshift, mut dscale) = ([0.0; 2], [0.0; 2], [0.0; 2]);
/// modulate_back(&x, &kept, &scale, &[1.0, 1.0], &mut dx, &mut dshift, &mut dscale);
/// // A constant gradient does not change a normalised row.
/// assert!(dx.iter().all(|g| g.abs() < 1e-5));
/// assert!(dshift == [1.0; 2] && (dscale[0] + 1.0).abs() < 1e-5);
/// ```
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
pub fn modulate_back(
    x: &[f32],
    kept: &[[f32; 2]],
    scale: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    dshift: &mut [f32],
    dscale: &mut [f32],
) {
    normed_back(x, kept, scale, dy, dx, dshift, dscale);
}

#[pulp::with_simd(normed_back = pulp::Arch::new())]
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
fn normed_back_with<S: Simd>(
    _simd: S,
    x: &[f32],
    kept: &[[f32; 2]],
    scale: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    dshift: &mut [f32],
    dscale: &mut [f32],
) {
    let width = scale.len();
    let (dshift, dscale) = (&mut dshift[..width], &mut dscale[..width]);
    let share = 1.0 / width as f32;
    let rows = x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width)).zip(kept);
    for (((x, dy), dx), [mean, r]) in rows {
        let hat = |i: usize| (x[i] - mean) * r;
        let along = sum(width, |i| dy[i] * (1.0 + scale[i])) * share;
        let across = sum(width, |i| dy[i] * (1.0 + scale[i]) * hat(i)) * share;
        for i in 0..width {
            dx[i] += r * (dy[i] * (1.0 + scale[i]) - along - hat(i) * across);
            dshift[i] += dy[i];
            dscale[i] += dy[i] * hat(i);
        }
    }
}

/// Adds the bias and normalises heads to root mean square 1, in place.
///
/// A row has parts of equal length (queries, keys, and one or two of values), each of heads of
/// `head` elements. Only the heads of the first two parts are normalised, `normed` elements. `kept`
/// receives r of each head of a row, queries first.
#[pulp::with_simd(heads = pulp::Arch::new())]
#[inline(always)]
pub(crate) fn heads_with<S: Simd>(
    _simd: S,
    qkv: &mut [f32],
    bias: &[f32],
    normed: usize,
    head: usize,
    kept: &mut [f32],
) {
    let width = bias.len();
    for (row, kept) in qkv.chunks_exact_mut(width).zip(kept.chunks_exact_mut(normed / head)) {
        row.iter_mut().zip(bias).for_each(|(x, b)| *x += b);
        for (x, kept) in row[..normed].chunks_exact_mut(head).zip(kept) {
            let r = 1.0 / (sum(head, |i| x[i] * x[i]) / head as f32 + EPSILON).sqrt();
            *kept = r;
            x.iter_mut().for_each(|x| *x *= r);
        }
    }
}

/// Computes the backward pass of [`heads`], in place in `g`.
///
/// The gradient of the bias is the sum of `g` over the rows. `qkv` is the output of [`heads`].
#[pulp::with_simd(heads_back = pulp::Arch::new())]
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
pub(crate) fn heads_back_with<S: Simd>(
    _simd: S,
    qkv: &[f32],
    width: usize,
    normed: usize,
    head: usize,
    kept: &[f32],
    g: &mut [f32],
) {
    for ((row, g), kept) in qkv.chunks_exact(width).zip(g.chunks_exact_mut(width)).zip(kept.chunks_exact(normed / head))
    {
        for ((hat, g), r) in row.chunks_exact(head).zip(g.chunks_exact_mut(head)).zip(kept) {
            let across = sum(head, |i| g[i] * hat[i]) / head as f32;
            for i in 0..head {
                g[i] = r * (g[i] - hat[i] * across);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{self, normals};
    use super::super::rows::add_rows;
    use super::*;

    #[test]
    fn modulated_rows_have_the_mean_and_spread_of_the_modulation() {
        let (rows, width) = (5, 40);
        let x: Vec<f32> = normals(rows * width, 0).iter().map(|x| 3.0 + 7.0 * x).collect();
        let (mut y, mut kept) = (vec![0.0; rows * width], vec![[0.0; 2]; rows]);
        modulate(&x, &vec![2.0; width], &vec![1.0; width], &mut y, &mut kept);
        for y in y.chunks(width) {
            let mean = y.iter().sum::<f32>() / 40.0;
            let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f32>() / 40.0;
            assert!((mean - 2.0).abs() < 1e-5 && (variance - 4.0).abs() < 1e-4, "{mean} {variance}");
        }
    }

    #[test]
    fn modulation_has_its_gradients() {
        let (rows, width) = (6, 37);
        let [x, g] = [0, 1].map(|i| normals(rows * width, i));
        let [shift, scale] = [2, 3].map(|i| normals(width, i));
        let value = |x: &[f32], shift: &[f32], scale: &[f32]| {
            let (mut y, mut kept) = (vec![0.0; rows * width], vec![[0.0; 2]; rows]);
            modulate(x, shift, scale, &mut y, &mut kept);
            (check::dot(&y, &g), kept)
        };
        let kept = value(&x, &shift, &scale).1;
        // The buffers start at one, to check that gradients are added.
        let (mut dx, mut dshift, mut dscale) = (vec![1.0; rows * width], vec![1.0; width], vec![1.0; width]);
        modulate_back(&x, &kept, &scale, &g, &mut dx, &mut dshift, &mut dscale);
        for sum in [&mut dx, &mut dshift, &mut dscale] {
            sum.iter_mut().for_each(|g| *g -= 1.0);
        }
        check::gradient("x", &x, &dx, 1e-3, |x| value(x, &shift, &scale).0);
        check::gradient("shift", &shift, &dshift, 1e-3, |shift| value(&x, shift, &scale).0);
        check::gradient("scale", &scale, &dscale, 1e-3, |scale| value(&x, &shift, scale).0);
    }

    #[test]
    fn heads_have_size_one_and_their_gradients() {
        let (rows, width, head) = (4, 3 * 24, 8);
        let (x, g, bias) = (normals(rows * width, 0), normals(rows * width, 1), normals(width, 2));
        let value = |x: &[f32], bias: &[f32]| {
            let (mut x, mut kept) = (x.to_vec(), vec![0.0; rows * 6]);
            heads(&mut x, bias, 2 * width / 3, head, &mut kept);
            (check::dot(&x, &g), x, kept)
        };
        let (_, hat, kept) = value(&x, &bias);
        for row in hat.chunks(width) {
            for (place, head) in row.chunks(head).enumerate() {
                let square = head.iter().map(|x| x * x).sum::<f32>() / 8.0;
                assert_eq!((square - 1.0).abs() < 1e-5, place < 6, "{square}");
            }
        }
        let (mut dx, mut dbias) = (g.clone(), vec![0.0; width]);
        heads_back(&hat, width, 2 * width / 3, head, &kept, &mut dx);
        add_rows(&mut dbias, &dx);
        check::gradient("x", &x, &dx, 2e-3, |x| value(x, &bias).0);
        check::gradient("bias", &bias, &dbias, 2e-3, |bias| value(&x, bias).0);
    }
}
