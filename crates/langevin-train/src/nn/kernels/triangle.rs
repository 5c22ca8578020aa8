//! Triangular attention of one graph and one head: pairs of nodes attend along the paths between
//! them.
//!
//! A row has a query q, a key k and two values v, u for each ordered pair of nodes. The pair (i, j)
//! attends to every node l, with the query of (i, l) and the key of (l, j):
//!
//! ```text
//! S_ijl  = q̃_il · k_lj,   q̃ = q ⊙ gain/√d,   P = softmax of S over l
//! out_ij = Σ_l P_ijl v_il ⊙ u_lj
//! ```
//!
//! The backward pass recomputes P from the stored m + ln Σ of each pair:
//!
//! ```text
//! dP_ijl = Σ do_ij ⊙ v_il ⊙ u_lj     dS = P ⊙ (dP − Σ_l P dP)
//! dv_il = Σ_j P_ijl do_ij ⊙ u_lj     du_lj = Σ_i P_ijl do_ij ⊙ v_il
//! dq̃_il = Σ_j dS_ijl k_lj           dk_lj = Σ_i dS_ijl q̃_il
//! ```
//!
//! The node j runs over the lanes of a register: keys, values u and results are held as lanes of
//! [`LANES`] nodes, the last of them padded with zeros. Sums over l, over i and over the elements
//! of a head run in order, and sums over j lane by lane and then over the lanes by halves.
//!
//! Source: Bergen et al., arXiv 2112.00578; normalised queries and keys: Dehghani et al., arXiv
//! 2302.05442.

use super::math::{exp, ln};
use pulp::Simd;

/// Number of nodes in a register, one of AVX2.
const LANES: usize = 8;
/// Largest number of registers for the nodes of a graph, and largest number of nodes.
const MOST_BLOCKS: usize = 4;
pub(crate) const MOST_NODES: usize = MOST_BLOCKS * LANES;

/// One number for each of some nodes.
type Lanes<const B: usize> = [[f32; LANES]; B];

/// Memory layout of the pairs of a graph.
///
/// A row holds the query, the key and both values of one pair, `width` elements each. Each of the
/// four consists of heads of `head` elements. Rows of results have `width` elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pairs {
    pub(crate) nodes: usize,
    pub(crate) width: usize,
    pub(crate) head: usize,
}

impl Pairs {
    /// Returns the index at which part 0 (query), 1 (key), 2 or 3 (values) of head `index` of the
    /// pair (a, b) starts.
    fn at(self, part: usize, index: usize, a: usize, b: usize) -> usize {
        ((a * self.nodes + b) * 4 + part) * self.width + index * self.head
    }

    fn part(self, rows: &[f32], part: usize, index: usize, a: usize, b: usize) -> &[f32] {
        &rows[self.at(part, index, a, b)..][..self.head]
    }

    fn part_mut(self, rows: &mut [f32], part: usize, index: usize, a: usize, b: usize) -> &mut [f32] {
        &mut rows[self.at(part, index, a, b)..][..self.head]
    }

    /// Returns the result of a pair.
    fn result(self, out: &[f32], index: usize, a: usize, b: usize) -> &[f32] {
        &out[(a * self.nodes + b) * self.width + index * self.head..][..self.head]
    }

    fn blocks(self) -> usize {
        self.nodes.div_ceil(LANES)
    }
}

/// Memory of one head.
#[derive(Debug, Default)]
pub(crate) struct Triangle {
    /// Keys and values u, [l][element] lanes of j.
    keys: Vec<[f32; LANES]>,
    values: Vec<[f32; LANES]>,
    /// Their gradients.
    dkeys: Vec<[f32; LANES]>,
    dvalues: Vec<[f32; LANES]>,
    /// P and dP for one i, [l] lanes of j.
    p: Vec<[f32; LANES]>,
    dp: Vec<[f32; LANES]>,
    /// Result for one i, [element] lanes of j.
    out: Vec<[f32; LANES]>,
    /// Query of one pair, scaled.
    q: Vec<f32>,
}

impl Triangle {
    pub(crate) fn new(pairs: Pairs) -> Self {
        let lanes = |count: usize| vec![[0.0; LANES]; count * pairs.blocks()];
        let wide = || lanes(pairs.nodes * pairs.head);
        Self {
            keys: wide(),
            values: wide(),
            dkeys: wide(),
            dvalues: wide(),
            p: lanes(pairs.nodes),
            dp: lanes(pairs.nodes),
            out: lanes(pairs.head),
            q: vec![0.0; pairs.head],
        }
    }
}

/// Views lanes as groups of those of one number.
#[inline(always)]
fn grouped<const B: usize>(lanes: &[[f32; LANES]]) -> &[Lanes<B>] {
    lanes.as_chunks::<B>().0
}

#[inline(always)]
fn grouped_mut<const B: usize>(lanes: &mut [[f32; LANES]]) -> &mut [Lanes<B>] {
    lanes.as_chunks_mut::<B>().0
}

/// Computes sum ← sum + factor · values, lane by lane.
#[inline(always)]
fn accumulate<const B: usize>(sum: &mut Lanes<B>, factor: f32, values: &Lanes<B>) {
    for (sum, values) in sum.iter_mut().zip(values) {
        for lane in 0..LANES {
            sum[lane] += factor * values[lane];
        }
    }
}

/// Returns Σ_j a_j b_j: a sum for each lane, and then over the lanes by halves.
#[inline(always)]
fn across<const B: usize>(a: &Lanes<B>, b: &Lanes<B>) -> f32 {
    let mut sum = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sum[lane] += a[lane] * b[lane];
        }
    }
    let four: [f32; 4] = std::array::from_fn(|lane| sum[lane] + sum[lane + 4]);
    let two = [four[0] + four[2], four[1] + four[3]];
    two[0] + two[1]
}

/// Combines two lists lane by lane.
#[inline(always)]
fn both<const B: usize>(a: &Lanes<B>, b: &Lanes<B>, f: impl Fn(f32, f32) -> f32) -> Lanes<B> {
    let mut out = [[0.0; LANES]; B];
    for block in 0..B {
        for lane in 0..LANES {
            out[block][lane] = f(a[block][lane], b[block][lane]);
        }
    }
    out
}

/// Writes parts of the pairs (l, j) as lanes of j.
#[inline(always)]
fn pack<const B: usize>(pairs: Pairs, rows: &[f32], part: usize, index: usize, out: &mut [[f32; LANES]]) {
    for (l, out) in grouped_mut::<B>(out).chunks_exact_mut(pairs.head).enumerate() {
        for j in 0..pairs.nodes {
            for (out, value) in out.iter_mut().zip(pairs.part(rows, part, index, l, j)) {
                out[j / LANES][j % LANES] = *value;
            }
        }
    }
}

/// Writes lanes of j back as parts of the pairs (l, j).
#[inline(always)]
fn unpack<const B: usize>(pairs: Pairs, lanes: &[[f32; LANES]], part: usize, index: usize, rows: &mut [f32]) {
    for (l, lanes) in grouped::<B>(lanes).chunks_exact(pairs.head).enumerate() {
        for j in 0..pairs.nodes {
            for (lanes, value) in lanes.iter().zip(pairs.part_mut(rows, part, index, l, j)) {
                *value = lanes[j / LANES][j % LANES];
            }
        }
    }
}

/// Computes q̃ of the pair (i, l), and S for it and all j.
#[inline(always)]
fn scores<const B: usize>(
    pairs: Pairs,
    index: usize,
    (i, l): (usize, usize),
    rows: &[f32],
    gain: &[f32],
    keys: &[Lanes<B>],
    q: &mut [f32],
) -> Lanes<B> {
    let factor = (pairs.head as f32).sqrt().recip();
    let mut sum = [[0.0; LANES]; B];
    let given = pairs.part(rows, 0, index, i, l).iter().zip(gain).zip(q);
    for (((given, gain), q), keys) in given.zip(&keys[l * pairs.head..]) {
        *q = given * gain * factor;
        accumulate(&mut sum, *q, keys);
    }
    sum
}

#[inline(always)]
fn attend_in<const B: usize>(
    pairs: Pairs,
    index: usize,
    rows: &[f32],
    gain: &[f32],
    out: &mut [f32],
    kept: &mut [f32],
    memory: &mut Triangle,
) {
    let (n, head) = (pairs.nodes, pairs.head);
    pack::<B>(pairs, rows, 1, index, &mut memory.keys);
    pack::<B>(pairs, rows, 3, index, &mut memory.values);
    let (keys, values) = (grouped::<B>(&memory.keys), grouped::<B>(&memory.values));
    let (p, result) = (grouped_mut::<B>(&mut memory.p), grouped_mut::<B>(&mut memory.out));
    for i in 0..n {
        let mut most = [[f32::NEG_INFINITY; LANES]; B];
        for (l, p) in p.iter_mut().enumerate() {
            *p = scores(pairs, index, (i, l), rows, gain, keys, &mut memory.q);
            most = both(&most, p, |m, s| if s > m { s } else { m });
        }
        let mut total = [[0.0; LANES]; B];
        for p in p.iter_mut() {
            *p = both(p, &most, |s, m| exp(s - m));
            total = both(&total, p, |total, p| total + p);
        }
        // All v of node i are one stretch of memory.
        let v = &rows[pairs.at(2, index, i, 0)..];
        for (element, result) in result.iter_mut().enumerate() {
            let mut sum = [[0.0; LANES]; B];
            let paths = p.iter().zip(values[element..].iter().step_by(head));
            for ((p, u), v) in paths.zip(v[element..].iter().step_by(4 * pairs.width)) {
                accumulate(&mut sum, *v, &both(p, u, |p, u| p * u));
            }
            *result = sum;
        }
        let totals = both(&most, &total, |most, total| most + ln(total, total - 1.0));
        for j in 0..n {
            let (block, lane) = (j / LANES, j % LANES);
            let pair = i * n + j;
            let target = &mut out[pair * pairs.width + index * head..][..head];
            for (target, result) in target.iter_mut().zip(result.iter()) {
                *target = result[block][lane] / total[block][lane];
            }
            kept[pair] = totals[block][lane];
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
fn back_in<const B: usize>(
    pairs: Pairs,
    index: usize,
    rows: &[f32],
    gain: &[f32],
    kept: &[f32],
    g: &[f32],
    drows: &mut [f32],
    dgain: &mut [f32],
    memory: &mut Triangle,
) {
    let (n, head) = (pairs.nodes, pairs.head);
    let factor = (head as f32).sqrt().recip();
    pack::<B>(pairs, rows, 1, index, &mut memory.keys);
    pack::<B>(pairs, rows, 3, index, &mut memory.values);
    let (keys, values) = (grouped::<B>(&memory.keys), grouped::<B>(&memory.values));
    let (dkeys, dvalues) = (grouped_mut::<B>(&mut memory.dkeys), grouped_mut::<B>(&mut memory.dvalues));
    dkeys.fill([[0.0; LANES]; B]);
    dvalues.fill([[0.0; LANES]; B]);
    let (p, dp) = (grouped_mut::<B>(&mut memory.p), grouped_mut::<B>(&mut memory.dp));
    let dout = grouped_mut::<B>(&mut memory.out);
    dout.fill([[0.0; LANES]; B]);
    for i in 0..n {
        // The lanes beyond the last node have no gradient.
        let mut sizes = [[0.0; LANES]; B];
        for j in 0..n {
            let (block, lane) = (j / LANES, j % LANES);
            sizes[block][lane] = kept[i * n + j];
            for (dout, g) in dout.iter_mut().zip(pairs.result(g, index, i, j)) {
                dout[block][lane] = *g;
            }
        }
        let mut along = [[0.0; LANES]; B];
        for (l, (p, dp)) in p.iter_mut().zip(dp.iter_mut()).enumerate() {
            let s = scores(pairs, index, (i, l), rows, gain, keys, &mut memory.q);
            *p = both(&s, &sizes, |s, size| exp(s - size));
            *dp = [[0.0; LANES]; B];
            let v = pairs.part(rows, 2, index, i, l);
            let dv = pairs.part_mut(drows, 2, index, i, l);
            let others = values[l * head..].iter().zip(&mut dvalues[l * head..]);
            for (((v, dv), (u, du)), dout) in v.iter().zip(dv).zip(others).zip(dout.iter()) {
                let through = both(dout, u, |dout, u| dout * u);
                accumulate(dp, *v, &through);
                *dv = across(p, &through);
                accumulate(du, *v, &both(p, dout, |p, dout| p * dout));
            }
            along = both(&along, &both(p, dp, |p, dp| p * dp), |along, part| along + part);
        }
        for (l, (p, dp)) in p.iter().zip(dp.iter()).enumerate() {
            let ds = both(p, &both(dp, &along, |dp, along| dp - along), |p, apart| p * apart);
            let q = pairs.part(rows, 0, index, i, l).iter().zip(gain);
            let dq = pairs.part_mut(drows, 0, index, i, l).iter_mut().zip(dgain.iter_mut());
            let others = keys[l * head..].iter().zip(&mut dkeys[l * head..]);
            for (((q, gain), (dq, dgain)), (k, dk)) in q.zip(dq).zip(others) {
                let d = across(&ds, k);
                *dq = d * gain * factor;
                *dgain += d * q * factor;
                accumulate(dk, q * gain * factor, &ds);
            }
        }
    }
    unpack::<B>(pairs, &memory.dkeys, 1, index, drows);
    unpack::<B>(pairs, &memory.dvalues, 3, index, drows);
}

/// Computes the result of head `index` for all pairs of a graph, and stores m + ln Σ of each.
#[pulp::with_simd(attend = pulp::Arch::new())]
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
pub(crate) fn attend_with<S: Simd>(
    _simd: S,
    pairs: Pairs,
    index: usize,
    rows: &[f32],
    gain: &[f32],
    out: &mut [f32],
    kept: &mut [f32],
    memory: &mut Triangle,
) {
    match pairs.blocks() {
        1 => attend_in::<1>(pairs, index, rows, gain, out, kept, memory),
        2 => attend_in::<2>(pairs, index, rows, gain, out, kept, memory),
        3 => attend_in::<3>(pairs, index, rows, gain, out, kept, memory),
        _ => attend_in::<MOST_BLOCKS>(pairs, index, rows, gain, out, kept, memory),
    }
}

/// Computes the backward pass of [`attend`] from `g`, the gradient of the result.
///
/// The gradients of this head's queries, keys and values are written to `drows`; that of the gain
/// is added to `dgain`.
#[pulp::with_simd(back = pulp::Arch::new())]
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
pub(crate) fn back_with<S: Simd>(
    _simd: S,
    pairs: Pairs,
    index: usize,
    rows: &[f32],
    gain: &[f32],
    kept: &[f32],
    g: &[f32],
    drows: &mut [f32],
    dgain: &mut [f32],
    memory: &mut Triangle,
) {
    match pairs.blocks() {
        1 => back_in::<1>(pairs, index, rows, gain, kept, g, drows, dgain, memory),
        2 => back_in::<2>(pairs, index, rows, gain, kept, g, drows, dgain, memory),
        3 => back_in::<3>(pairs, index, rows, gain, kept, g, drows, dgain, memory),
        _ => back_in::<MOST_BLOCKS>(pairs, index, rows, gain, kept, g, drows, dgain, memory),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{self, normals};
    use super::*;

    /// The formula, pair by pair in double precision.
    fn plain(pairs: Pairs, index: usize, rows: &[f32], gain: &[f32]) -> Vec<f64> {
        let Pairs { nodes: n, head, .. } = pairs;
        let wide = |part: usize, a: usize, b: usize| -> Vec<f64> {
            pairs.part(rows, part, index, a, b).iter().map(|x| f64::from(*x)).collect()
        };
        let mut out = Vec::new();
        for (i, j) in (0..n * n).map(|pair| (pair / n, pair % n)) {
            let score = |l: usize| {
                let terms = wide(0, i, l).into_iter().zip(wide(1, l, j)).zip(gain);
                terms.map(|((q, k), gain)| q * k * f64::from(*gain)).sum::<f64>() / (head as f64).sqrt()
            };
            let weights: Vec<f64> = (0..n).map(|l| score(l).exp()).collect();
            let total: f64 = weights.iter().sum();
            let part = |e: usize| {
                let terms = weights.iter().enumerate().map(|(l, weight)| weight * wide(2, i, l)[e] * wide(3, l, j)[e]);
                terms.sum::<f64>() / total
            };
            out.extend((0..head).map(part));
        }
        out
    }

    #[test]
    fn attention_is_its_formula_and_has_its_gradients() {
        for (nodes, head, heads) in [(1, 3, 1), (3, 5, 2), (8, 4, 1), (9, 2, 2), (17, 2, 1), (32, 1, 1)] {
            let pairs = Pairs { nodes, width: head * heads, head };
            let (rows, gain) = (normals(nodes * nodes * 4 * pairs.width, 0), normals(head, 1));
            let g = normals(nodes * nodes * pairs.width, 2);
            let mut memory = Triangle::new(pairs);
            let mut drows = vec![f32::NAN; rows.len()];
            let mut dgain = vec![1.0; head];
            for index in 0..heads {
                let (mut out, mut kept) = (vec![0.0; g.len()], vec![0.0; nodes * nodes]);
                attend(pairs, index, &rows, &gain, &mut out, &mut kept, &mut memory);
                let want = plain(pairs, index, &rows, &gain);
                let own = out.chunks(pairs.width).flat_map(|out| &out[index * head..][..head]);
                // Products and weights of size 1 to 10, a few roundings of 6e-8 each.
                assert!(own.zip(&want).all(|(own, want)| (f64::from(*own) - want).abs() < 2e-5), "{nodes} {head}");
                back(pairs, index, &rows, &gain, &kept, &g, &mut drows, &mut dgain, &mut memory);
            }
            dgain.iter_mut().for_each(|g| *g -= 1.0);
            let value = |rows: &[f32], gain: &[f32]| {
                let parts = (0..heads).map(|index| {
                    let g = g.chunks(pairs.width).flat_map(|g| &g[index * head..][..head]);
                    plain(pairs, index, rows, gain).iter().zip(g).map(|(out, g)| out * f64::from(*g)).sum::<f64>()
                });
                parts.sum()
            };
            check::gradient("rows", &rows, &drows, 2e-3, |rows| value(rows, &gain));
            if nodes > 1 {
                // A single node has weight 1, whatever its score is.
                check::gradient("gain", &gain, &dgain, 2e-3, |gain| value(&rows, gain));
            }
        }
    }
}
