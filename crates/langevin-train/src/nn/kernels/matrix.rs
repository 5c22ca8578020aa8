//! Matrix products on slices by `faer`, on the calling thread.
//!
//! Each element of a product is summed along the inner dimension in an order that depends on that
//! dimension alone. A row's result therefore does not depend on its position or on the number of
//! rows, as long as there are at least two. A test checks this property.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Views a slice as rows of `columns` elements.
pub(crate) fn rows(values: &[f32], columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(values, values.len() / columns.max(1), columns)
}

/// Views a slice as writable rows of `columns` elements.
pub(crate) fn rows_mut(values: &mut [f32], columns: usize) -> MatMut<'_, f32> {
    let count = values.len() / columns.max(1);
    MatMut::from_row_major_slice_mut(values, count, columns)
}

/// Views `count` rows of `columns` elements that are `stride` apart, the first at the start of the
/// slice.
pub(crate) fn strided(values: &[f32], count: usize, columns: usize, stride: usize) -> MatRef<'_, f32> {
    let end = count.saturating_sub(1) * stride + columns;
    MatRef::from_row_major_slice_with_stride(&values[..end], count, columns, stride)
}

/// Writable version of [`strided`].
pub(crate) fn strided_mut(values: &mut [f32], count: usize, columns: usize, stride: usize) -> MatMut<'_, f32> {
    let end = count.saturating_sub(1) * stride + columns;
    // The view is built from columns because the row constructor of faer 0.24 swaps the two
    // strides.
    MatMut::from_column_major_slice_with_stride_mut(&mut values[..end], columns, count, stride).transpose_mut()
}

/// Computes out ← a b.
pub(crate) fn product(out: MatMut<'_, f32>, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
    matmul(out, Accum::Replace, a, b, 1.0, Par::Seq);
}

/// Computes out ← out + a b.
pub(crate) fn add_product(out: MatMut<'_, f32>, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
    matmul(out, Accum::Add, a, b, 1.0, Par::Seq);
}

/// Computes a linear layer: out ← x W.
///
/// `x` has shape rows × inputs and `out` rows × outputs. `w` has shape inputs × outputs, as given
/// by its [`Parameter::shape`](crate::nn::Parameter).
///
/// ```
/// use langevin_train::nn::kernels::{linear, linear_back_w, linear_back_x};
/// let (x, w) = ([1.0, 2.0, 3.0, 4.0], [0.5, -1.0]);
/// let mut out = [0.0; 2];
/// linear(&x, &w, [2, 1], &mut out);
/// assert_eq!(out, [-1.5, -2.5]);
///
/// // From the gradient g of the outputs: dx = g Wᵀ, and dW += xᵀ g.
/// let (g, mut dx, mut dw) = ([1.0, 10.0], [0.0; 4], [0.0; 2]);
/// linear_back_x(&g, &w, [2, 1], &mut dx);
/// linear_back_w(&x, &g, [2, 1], &mut dw);
/// assert_eq!((dx, dw), ([0.5, -1.0, 5.0, -10.0], [31.0, 42.0]));
/// ```
pub fn linear(x: &[f32], w: &[f32], [inputs, outputs]: [usize; 2], out: &mut [f32]) {
    product(rows_mut(out, outputs), rows(x, inputs), rows(w, outputs));
}

/// Adds a linear layer to `out`: out ← out + x W. Shapes are those of [`linear`].
///
/// ```
/// let mut out = [10.0];
/// langevin_train::nn::kernels::add_linear(&[1.0, 2.0], &[0.5, -1.0], [2, 1], &mut out);
/// assert_eq!(out, [8.5]);
/// ```
pub fn add_linear(x: &[f32], w: &[f32], [inputs, outputs]: [usize; 2], out: &mut [f32]) {
    add_product(rows_mut(out, outputs), rows(x, inputs), rows(w, outputs));
}

/// Computes the gradient of the inputs of a [`linear`] layer from that of its outputs: dx ← g Wᵀ.
///
/// ```
/// let mut dx = [0.0; 2];
/// langevin_train::nn::kernels::linear_back_x(&[2.0], &[0.5, -1.0], [2, 1], &mut dx);
/// assert_eq!(dx, [1.0, -2.0]);
/// ```
pub fn linear_back_x(g: &[f32], w: &[f32], [inputs, outputs]: [usize; 2], dx: &mut [f32]) {
    product(rows_mut(dx, inputs), rows(g, outputs), rows(w, outputs).transpose());
}

/// Adds the gradient of the inputs of a [`linear`] layer to `dx`: dx ← dx + g Wᵀ.
///
/// ```
/// let mut dx = [1.0, 1.0];
/// langevin_train::nn::kernels::add_linear_back_x(&[2.0], &[0.5, -1.0], [2, 1], &mut dx);
/// assert_eq!(dx, [2.0, -1.0]);
/// ```
pub fn add_linear_back_x(g: &[f32], w: &[f32], [inputs, outputs]: [usize; 2], dx: &mut [f32]) {
    add_product(rows_mut(dx, inputs), rows(g, outputs), rows(w, outputs).transpose());
}

/// Adds the gradient of the weights of a [`linear`] layer: dW ← dW + xᵀ g.
///
/// ```
/// let mut dw = [0.0; 2];
/// langevin_train::nn::kernels::linear_back_w(&[1.0, 2.0], &[3.0], [2, 1], &mut dw);
/// assert_eq!(dw, [3.0, 6.0]);
/// ```
pub fn linear_back_w(x: &[f32], g: &[f32], [inputs, outputs]: [usize; 2], dw: &mut [f32]) {
    add_product(rows_mut(dw, outputs), rows(x, inputs).transpose(), rows(g, outputs));
}

#[cfg(test)]
mod tests {
    use super::super::check::normals;
    use super::*;

    /// Checks the property that batching relies on: a row does not depend on the other rows.
    #[test]
    fn a_row_does_not_depend_on_its_company() {
        for (inner, columns) in
            [(1, 1), (64, 1), (500, 2), (3, 5), (64, 27), (17, 256), (256, 256), (768, 192), (1000, 33)]
        {
            let (a, b) = (normals(130 * inner, 0), normals(inner * columns, 1));
            let product = |first: usize, count: usize| {
                let mut out = vec![0.0; count * columns];
                product(
                    rows_mut(&mut out, columns),
                    rows(&a[first * inner..][..count * inner], inner),
                    rows(&b, columns),
                );
                out
            };
            let all = product(0, 130);
            for (first, count) in [(0, 2), (1, 3), (7, 16), (3, 31), (40, 64), (1, 128)] {
                assert!(
                    product(first, count) == all[first * columns..][..count * columns],
                    "{inner} {columns} {count}"
                );
            }
        }
    }

    #[test]
    fn products_are_products() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut out = [1.0; 4];
        add_product(rows_mut(&mut out, 2), rows(&a, 3), rows(&a, 2));
        assert_eq!(out, [23.0, 29.0, 50.0, 65.0]);
        product(rows_mut(&mut out, 2), strided(&a, 2, 2, 3), strided(&a[1..], 2, 2, 3));
        let want = [1.0 * 2.0 + 2.0 * 5.0, 1.0 * 3.0 + 2.0 * 6.0, 4.0 * 2.0 + 5.0 * 5.0, 4.0 * 3.0 + 5.0 * 6.0];
        assert_eq!(out, want);
        let mut apart = [7.0; 6];
        product(strided_mut(&mut apart[1..], 2, 2, 3), strided(&a, 2, 2, 3), strided(&a[1..], 2, 2, 3));
        assert_eq!(apart, [7.0, want[0], want[1], 7.0, want[2], want[3]]);
    }
}
