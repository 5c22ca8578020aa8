//! Operations with one vector shared by all rows: biases, gates, and the sums over rows that are
//! their gradients.

use pulp::Simd;

/// Repeats a row: every row of `out` ← `row`. The backward pass is [`add_rows`].
///
/// ```
/// let mut out = [0.0; 4];
/// langevin_train::nn::kernels::fill(&mut out, &[1.0, 2.0]);
/// assert_eq!(out, [1.0, 2.0, 1.0, 2.0]);
/// ```
pub fn fill(out: &mut [f32], row: &[f32]) {
    out.chunks_exact_mut(row.len()).for_each(|out| out.copy_from_slice(row));
}

/// Adds all rows of `values` to the row `sum`: the gradient of a bias.
///
/// ```
/// let mut sum = [1.0, 2.0];
/// langevin_train::nn::kernels::add_rows(&mut sum, &[1.0, 10.0, 2.0, 20.0]);
/// assert_eq!(sum, [4.0, 32.0]);
/// ```
pub fn add_rows(sum: &mut [f32], values: &[f32]) {
    summed(sum, values);
}

#[pulp::with_simd(summed = pulp::Arch::new())]
#[inline(always)]
fn summed_with<S: Simd>(_simd: S, sum: &mut [f32], values: &[f32]) {
    for row in values.chunks_exact(sum.len()) {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
}

/// Adds element by element: out ← out + values.
///
/// ```
/// let mut out = [1.0, 2.0];
/// langevin_train::nn::kernels::add(&mut out, &[10.0, 20.0]);
/// assert_eq!(out, [11.0, 22.0]);
/// ```
pub fn add(out: &mut [f32], values: &[f32]) {
    added(out, values);
}

#[pulp::with_simd(added = pulp::Arch::new())]
#[inline(always)]
fn added_with<S: Simd>(_simd: S, out: &mut [f32], values: &[f32]) {
    out.iter_mut().zip(values).for_each(|(out, value)| *out += value);
}

/// Looks up rows of a table: row i of `out` ← row `tokens[i]` of `table`.
///
/// The rows have `width` elements. The backward pass is [`embed_back`].
///
/// ```
/// let (table, mut out) = ([1.0, 2.0, 3.0, 4.0], [0.0; 6]);
/// langevin_train::nn::kernels::embed(&table, 2, &[1, 0, 1], &mut out);
/// assert_eq!(out, [3.0, 4.0, 1.0, 2.0, 3.0, 4.0]);
/// ```
pub fn embed(table: &[f32], width: usize, tokens: &[u32], out: &mut [f32]) {
    assert_eq!(out.len(), tokens.len() * width, "the rows do not fit the tokens");
    for (out, token) in out.chunks_exact_mut(width).zip(tokens) {
        out.copy_from_slice(&table[*token as usize * width..][..width]);
    }
}

/// Adds the backward pass of [`embed`]: row `tokens[i]` of `dtable` ← itself + row i of `g`.
///
/// ```
/// let mut dtable = [1.0; 4];
/// langevin_train::nn::kernels::embed_back(&[1.0, 2.0, 10.0, 20.0], 2, &[1, 1], &mut dtable);
/// assert_eq!(dtable, [1.0, 1.0, 12.0, 23.0]);
/// ```
pub fn embed_back(g: &[f32], width: usize, tokens: &[u32], dtable: &mut [f32]) {
    assert_eq!(g.len(), tokens.len() * width, "the rows do not fit the tokens");
    gathered(g, width, tokens, dtable);
}

#[pulp::with_simd(gathered = pulp::Arch::new())]
#[inline(always)]
fn gathered_with<S: Simd>(_simd: S, g: &[f32], width: usize, tokens: &[u32], dtable: &mut [f32]) {
    for (g, token) in g.chunks_exact(width).zip(tokens) {
        let sum = &mut dtable[*token as usize * width..][..width];
        sum.iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
    }
}

/// Adds rows of a table that neighbours look up: row t of `out` ← itself + row `tokens[t + shift]`
/// of `table`.
///
/// The tokens are sequences of `length`, one after the other; positions whose neighbour is outside
/// of their sequence do not change. The backward pass is [`embed_near_back`].
///
/// ```
/// let (table, mut out) = ([1.0, 2.0, 3.0, 4.0], [0.0; 6]);
/// langevin_train::nn::kernels::embed_near(&table, 2, 3, -1, &[1, 0, 1], &mut out);
/// assert_eq!(out, [0.0, 0.0, 3.0, 4.0, 1.0, 2.0]);
/// ```
pub fn embed_near(table: &[f32], width: usize, length: usize, shift: isize, tokens: &[u32], out: &mut [f32]) {
    assert_eq!(out.len(), tokens.len() * width, "the rows do not fit the tokens");
    near(table, width, length, shift, tokens, out);
}

#[pulp::with_simd(near = pulp::Arch::new())]
#[inline(always)]
fn near_with<S: Simd>(
    _simd: S,
    table: &[f32],
    width: usize,
    length: usize,
    shift: isize,
    tokens: &[u32],
    out: &mut [f32],
) {
    let [from, to] = neighbours(length, shift);
    for (out, tokens) in out.chunks_exact_mut(length * width).zip(tokens.chunks_exact(length)) {
        for (out, token) in out[to * width..].chunks_exact_mut(width).zip(&tokens[from..]) {
            let row = &table[*token as usize * width..][..width];
            out.iter_mut().zip(row).for_each(|(out, value)| *out += value);
        }
    }
}

/// Adds the backward pass of [`embed_near`]: row `tokens[t + shift]` of `dtable` ← itself + row t
/// of `g`.
///
/// ```
/// let mut dtable = [1.0; 4];
/// let g = [1.0, 2.0, 10.0, 20.0];
/// langevin_train::nn::kernels::embed_near_back(&g, 2, 2, -1, &[1, 1], &mut dtable);
/// assert_eq!(dtable, [1.0, 1.0, 11.0, 21.0]);
/// ```
pub fn embed_near_back(g: &[f32], width: usize, length: usize, shift: isize, tokens: &[u32], dtable: &mut [f32]) {
    assert_eq!(g.len(), tokens.len() * width, "the rows do not fit the tokens");
    let [from, to] = neighbours(length, shift);
    let kept = length - from.max(to);
    for (g, tokens) in g.chunks_exact(length * width).zip(tokens.chunks_exact(length)) {
        gathered(&g[to * width..][..kept * width], width, &tokens[from..][..kept], dtable);
    }
}

/// Returns the first position of a sequence that is a neighbour, and the first that has one.
fn neighbours(length: usize, shift: isize) -> [usize; 2] {
    let apart = shift.unsigned_abs().min(length);
    if shift < 0 { [0, apart] } else { [apart, 0] }
}

/// Adds a gated branch to the residual stream: out ← h + gate ⊙ (y + bias).
///
/// All rows share one gate and one bias.
///
/// ```
/// use langevin_train::nn::kernels::join;
/// let mut out = [0.0; 2];
/// join(&[1.0, 2.0], &[10.0, 20.0], &[0.0, 1.0], &[0.5, 0.0], &mut out);
/// assert_eq!(out, [6.0, 2.0]);
/// ```
pub fn join(h: &[f32], y: &[f32], bias: &[f32], gate: &[f32], out: &mut [f32]) {
    joined(h, y, bias, gate, out);
}

#[pulp::with_simd(joined = pulp::Arch::new())]
#[inline(always)]
fn joined_with<S: Simd>(_simd: S, h: &[f32], y: &[f32], bias: &[f32], gate: &[f32], out: &mut [f32]) {
    let width = gate.len();
    let (bias, gate) = (&bias[..width], &gate[..width]);
    for ((h, y), out) in h.chunks_exact(width).zip(y.chunks_exact(width)).zip(out.chunks_exact_mut(width)) {
        for j in 0..width {
            out[j] = h[j] + gate[j] * (y[j] + bias[j]);
        }
    }
}

/// Computes the backward pass of [`join`] from the gradient `g` of its result.
///
/// Writes dy ← g ⊙ gate, and adds Σ g ⊙ (y + bias) to `dgate` and Σ dy to `dbias`. The gradient of
/// `h` is `g` itself.
///
/// ```
/// let (mut dy, mut dgate, mut dbias) = ([0.0; 2], [0.0; 2], [0.0; 2]);
/// langevin_train::nn::kernels::join_back(
///     &[1.0, 2.0], &[10.0, 20.0], &[0.0, 1.0], &[0.5, 0.0], &mut dy, &mut dgate, &mut dbias,
/// );
/// assert_eq!((dy, dgate, dbias), ([0.5, 0.0], [10.0, 42.0], [0.5, 0.0]));
/// ```
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
pub fn join_back(
    g: &[f32],
    y: &[f32],
    bias: &[f32],
    gate: &[f32],
    dy: &mut [f32],
    dgate: &mut [f32],
    dbias: &mut [f32],
) {
    joined_back(g, y, bias, gate, dy, dgate, dbias);
}

#[pulp::with_simd(joined_back = pulp::Arch::new())]
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
fn joined_back_with<S: Simd>(
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
    fn looking_up_has_its_gradient() {
        let (width, tokens) = (19, [2, 0, 2, 4, 2]);
        let (table, g) = (normals(5 * width, 0), normals(tokens.len() * width, 1));
        let value = |table: &[f32]| {
            let mut out = vec![0.0; tokens.len() * width];
            embed(table, width, &tokens, &mut out);
            check::dot(&out, &g)
        };
        let mut dtable = vec![0.0; table.len()];
        embed_back(&g, width, &tokens, &mut dtable);
        check::gradient("table", &table, &dtable, 1e-3, value);
        assert!(dtable[width..2 * width].iter().all(|g| *g == 0.0));
    }

    #[test]
    fn neighbours_have_their_gradient() {
        let (width, length, tokens) = (19, 3, [2, 0, 2, 4, 2, 1]);
        for shift in [-4, -2, 1, 2, 3] {
            let (table, g) = (normals(5 * width, 0), normals(tokens.len() * width, 1));
            let value = |table: &[f32]| {
                let mut out = vec![0.0; tokens.len() * width];
                embed_near(table, width, length, shift, &tokens, &mut out);
                check::dot(&out, &g)
            };
            let mut dtable = vec![0.0; table.len()];
            embed_near_back(&g, width, length, shift, &tokens, &mut dtable);
            if shift.unsigned_abs() < length {
                check::gradient("table", &table, &dtable, 1e-3, value);
            } else {
                // Nothing is that far apart.
                assert!(dtable.iter().all(|g| *g == 0.0) && value(&table) == 0.0, "{shift}");
            }
        }
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
