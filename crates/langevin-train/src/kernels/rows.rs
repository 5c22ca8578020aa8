//! Rows that share a vector: biases, gates, and the sums over rows that are their gradients.

use pulp::Simd;

/// Every row of `out` ← `row`.
pub(crate) fn fill(out: &mut [f32], row: &[f32]) {
    out.chunks_exact_mut(row.len()).for_each(|out| out.copy_from_slice(row));
}

/// sum ← sum + Σ over the rows of `values`.
#[pulp::with_simd(add_rows = pulp::Arch::new())]
#[inline(always)]
pub(crate) fn add_rows_with<S: Simd>(_simd: S, sum: &mut [f32], values: &[f32]) {
    for row in values.chunks_exact(sum.len()) {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
}

/// out ← out + values.
#[pulp::with_simd(add = pulp::Arch::new())]
#[inline(always)]
pub(crate) fn add_with<S: Simd>(_simd: S, out: &mut [f32], values: &[f32]) {
    out.iter_mut().zip(values).for_each(|(out, value)| *out += value);
}

/// A branch joins the residual stream: out ← h + gate ⊙ (y + bias), with one gate for all rows.
#[pulp::with_simd(join = pulp::Arch::new())]
#[inline(always)]
pub(crate) fn join_with<S: Simd>(_simd: S, h: &[f32], y: &[f32], bias: &[f32], gate: &[f32], out: &mut [f32]) {
    let width = gate.len();
    let (bias, gate) = (&bias[..width], &gate[..width]);
    for ((h, y), out) in h.chunks_exact(width).zip(y.chunks_exact(width)).zip(out.chunks_exact_mut(width)) {
        for j in 0..width {
            out[j] = h[j] + gate[j] * (y[j] + bias[j]);
        }
    }
}

/// The way back of [`join`]: from the gradient `g` of its result, dy ← g ⊙ gate, and added to what is there dgate += Σ g ⊙ (y + bias), dbias += Σ dy. (h has g itself.)
#[pulp::with_simd(join_back = pulp::Arch::new())]
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
pub(crate) fn join_back_with<S: Simd>(
    _simd: S,
    g: &[f32],
    y: &[f32],
    bias: &[f32],
    gate: &[f32],
    dy: &mut [f32],
    dgate: &mut [f32],
    dbias: &mut [f32],
) {
    let width = gate.len();
    let (bias, gate, dgate, dbias) = (&bias[..width], &gate[..width], &mut dgate[..width], &mut dbias[..width]);
    for ((g, y), dy) in g.chunks_exact(width).zip(y.chunks_exact(width)).zip(dy.chunks_exact_mut(width)) {
        for j in 0..width {
            let through = g[j] * gate[j];
            dy[j] = through;
            dbias[j] += through;
            dgate[j] += g[j] * (y[j] + bias[j]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{self, normals};
    use super::*;

    #[test]
    fn sums_over_rows() {
        let mut sum = [1.0, 2.0];
        add_rows(&mut sum, &[1.0, 10.0, 2.0, 20.0]);
        assert_eq!(sum, [4.0, 32.0]);
        let mut out = [0.0; 4];
        fill(&mut out, &sum);
        add(&mut out, &[1.0; 4]);
        assert_eq!(out, [5.0, 33.0, 5.0, 33.0]);
    }

    #[test]
    fn joining_has_its_gradients() {
        let (rows, width) = (7, 19);
        let [h, y, g] = [0, 1, 2].map(|i| normals(rows * width, i));
        let [bias, gate] = [3, 4].map(|i| normals(width, i));
        let value = |h: &[f32], y: &[f32], bias: &[f32], gate: &[f32]| {
            let mut out = vec![0.0; rows * width];
            join(h, y, bias, gate, &mut out);
            check::dot(&out, &g)
        };
        let (mut dy, mut dgate, mut dbias) = (vec![0.0; rows * width], vec![0.0; width], vec![0.0; width]);
        join_back(&g, &y, &bias, &gate, &mut dy, &mut dgate, &mut dbias);
        check::gradient("h", &h, &g, 1e-3, |h| value(h, &y, &bias, &gate));
        check::gradient("y", &y, &dy, 1e-3, |y| value(&h, y, &bias, &gate));
        check::gradient("bias", &bias, &dbias, 1e-3, |bias| value(&h, &y, bias, &gate));
        check::gradient("gate", &gate, &dgate, 1e-3, |gate| value(&h, &y, &bias, gate));
    }
}
