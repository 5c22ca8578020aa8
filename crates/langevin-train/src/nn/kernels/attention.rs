//! Attention of one image and one head, computed in tiles.
//!
//! The matrix of all pairs of tokens is never held as a whole.
//!
//! ```text
//! S = q̃ kᵀ,  q̃ = q ⊙ gain/√d      P = softmax of the rows of S      out = P v
//! ```
//!
//! A tile is [`TILE`] queries by [`TILE`] keys. The forward pass updates the largest element m and
//! the sum of `e^(S − m)` of each row tile by tile. It stores only m + ln Σ. The backward pass
//! recomputes each tile of P from that value:
//!
//! ```text
//! dv += Pᵀ do      dP = do vᵀ      dS = P ⊙ (dP − Σ_j do ⊙ out)      dq̃ += dS k      dk += dSᵀ q̃
//! ```
//!
//! Causal attention masks the keys after each query: their elements of P and of dS are zero. Tiles
//! that are wholly masked are skipped.
//!
//! Queries and keys have unit root mean square. One gain replaces separate gains of queries and
//! keys, because only their product affects the result.
//!
//! Source: Dao et al., arXiv 2205.14135; Milakov & Gimelshein, arXiv 1805.02867; normalised queries
//! and keys: Dehghani et al., arXiv 2302.05442.

use super::math::{exp, ln};
use super::matrix::{add_product, product, rows, rows_mut, strided, strided_mut};
use super::sum::{LANES, sum};
use crate::nn::stop::Stop;
use faer::{MatMut, MatRef};
use pulp::Simd;

/// Number of queries and of keys in a tile.
pub(crate) const TILE: usize = 64;

/// Memory layout of the tokens of an image.
///
/// A row holds the queries, keys and values of one token, `width` elements each. Each of the three
/// consists of heads of `head` elements. Rows of results have `width` elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    pub(crate) tokens: usize,
    pub(crate) width: usize,
    pub(crate) head: usize,
    /// True if a query sees its own key and those before it alone.
    pub(crate) causal: bool,
}

impl Heads {
    fn stride(self) -> usize {
        3 * self.width
    }

    /// Returns the index at which part 0 (queries), 1 (keys) or 2 (values) of head `index` of token
    /// `token` starts.
    fn at(self, part: usize, index: usize, token: usize) -> usize {
        token * self.stride() + part * self.width + index * self.head
    }

    /// Returns the rows of a part for a tile of tokens.
    fn part<'a>(self, qkv: &'a [f32], part: usize, index: usize, (first, count): (usize, usize)) -> MatRef<'a, f32> {
        strided(&qkv[self.at(part, index, first)..], count, self.head, self.stride())
    }

    fn part_mut<'a>(
        self,
        qkv: &'a mut [f32],
        part: usize,
        index: usize,
        (first, count): (usize, usize),
    ) -> MatMut<'a, f32> {
        strided_mut(&mut qkv[self.at(part, index, first)..], count, self.head, self.stride())
    }

    /// Returns the tiles of keys that a tile of queries sees, and the number of keys that its first
    /// query sees in each; every later query sees one more, up to the length of the tile.
    fn seen(self, (first, count): (usize, usize)) -> impl Iterator<Item = ((usize, usize), usize)> {
        let end = if self.causal { first + count } else { self.tokens };
        tiles(end).map(move |keys| (keys, if self.causal && keys.0 == first { 1 } else { keys.1 }))
    }

    /// Returns the rows of a result for a tile of tokens.
    fn result<'a>(self, out: &'a [f32], index: usize, (first, count): (usize, usize)) -> MatRef<'a, f32> {
        strided(&out[first * self.width + index * self.head..], count, self.head, self.width)
    }
}

/// Memory for one tile.
#[derive(Debug, Default)]
pub(crate) struct Tile {
    q: Vec<f32>,
    dq: Vec<f32>,
    p: Vec<f32>,
    dp: Vec<f32>,
    out: Vec<f32>,
    /// For each row: the largest element, the sum, and the factor that rescales the result so far.
    row: Vec<[f32; 3]>,
    /// Stop request, checked before each tile of queries, because the pairs of a large image take
    /// seconds.
    pub(crate) stop: Stop,
}

impl Tile {
    pub(crate) fn new(head: usize) -> Self {
        let (narrow, square) = (vec![0.0; TILE * head], vec![0.0; TILE * TILE]);
        Self {
            q: narrow.clone(),
            dq: narrow.clone(),
            out: narrow,
            p: square.clone(),
            dp: square,
            row: vec![[0.0; 3]; TILE],
            stop: Stop::default(),
        }
    }
}

/// Computes out ← q ⊙ gain · factor for rows that are `stride` apart.
#[pulp::with_simd(scaled = pulp::Arch::new())]
#[inline(always)]
fn scaled_with<S: Simd>(_simd: S, q: &[f32], stride: usize, gain: &[f32], factor: f32, out: &mut [f32]) {
    for (out, q) in out.chunks_exact_mut(gain.len()).zip(q.chunks(stride)) {
        for ((out, q), gain) in out.iter_mut().zip(q).zip(gain) {
            *out = q * gain * factor;
        }
    }
}

/// Replaces a tile of S by e^{S − m}, and updates m, the sums and the rescaling factors.
///
/// The first row sees `seen` keys and every later row one more; the elements of the others become
/// zero.
#[pulp::with_simd(soften = pulp::Arch::new())]
#[inline(always)]
fn soften_with<S: Simd>(_simd: S, s: &mut [f32], keys: usize, seen: usize, row: &mut [[f32; 3]]) {
    for (place, (s, row)) in s.chunks_exact_mut(keys).zip(row).enumerate() {
        let seen = keys.min(seen + place);
        let (s, masked) = s.split_at_mut(seen);
        masked.fill(0.0);
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let (whole, rest) = s.as_chunks::<{ LANES }>();
        for s in whole {
            lanes.iter_mut().zip(s).for_each(|(m, s)| *m = if *s > *m { *s } else { *m });
        }
        lanes.iter_mut().zip(rest).for_each(|(m, s)| *m = if *s > *m { *s } else { *m });
        let most = lanes.iter().fold(row[0], |m, s| if *s > m { *s } else { m });
        s.iter_mut().for_each(|s| *s = exp(*s - most));
        let total = sum(seen, |i| s[i]);
        let factor = exp(row[0] - most);
        *row = [most, row[1] * factor + total, factor];
    }
}

/// Computes kept ← m + ln Σ for each row.
#[pulp::with_simd(totals = pulp::Arch::new())]
#[inline(always)]
fn totals_with<S: Simd>(_simd: S, row: &[[f32; 3]], kept: &mut [f32]) {
    kept.iter_mut().zip(row).for_each(|(kept, [most, sum, _])| *kept = most + ln(*sum, *sum - 1.0));
}

/// Multiplies every row of `values` by `factor(row)`.
#[inline(always)]
fn times(values: &mut [f32], width: usize, row: &[[f32; 3]], factor: impl Fn(&[f32; 3]) -> f32) {
    for (values, row) in values.chunks_exact_mut(width).zip(row) {
        let factor = factor(row);
        values.iter_mut().for_each(|value| *value *= factor);
    }
}

/// Replaces a tile of S by P = e^{S − kept}, and dP by dS = P ⊙ (dP − along).
///
/// Both are zero for keys that a row does not see; see [`soften`] for `seen`.
#[pulp::with_simd(slope = pulp::Arch::new())]
#[inline(always)]
fn slope_with<S: Simd>(
    _simd: S,
    s: &mut [f32],
    dp: &mut [f32],
    keys: usize,
    seen: usize,
    kept: &[f32],
    row: &[[f32; 3]],
) {
    let rows = s.chunks_exact_mut(keys).zip(dp.chunks_exact_mut(keys)).zip(kept).zip(row);
    for (place, (((s, dp), kept), row)) in rows.enumerate() {
        // Copies, without which the loop below reads them again after each write and is not
        // vectorised.
        let (kept, along) = (*kept, row[0]);
        let seen = keys.min(seen + place);
        let ((s, masked), (dp, masked_too)) = (s.split_at_mut(seen), dp.split_at_mut(seen));
        masked.fill(0.0);
        masked_too.fill(0.0);
        for (s, dp) in s.iter_mut().zip(dp) {
            *s = exp(*s - kept);
            *dp = *s * (*dp - along);
        }
    }
}

/// Computes dq ← dq̃ ⊙ gain · factor and adds Σ dq̃ ⊙ q · factor to `dgain`.
#[pulp::with_simd(scaled_back = pulp::Arch::new())]
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
fn scaled_back_with<S: Simd>(
    _simd: S,
    g: &[f32],
    q: &[f32],
    stride: usize,
    gain: &[f32],
    factor: f32,
    dq: &mut [f32],
    dgain: &mut [f32],
) {
    for ((g, q), dq) in g.chunks_exact(gain.len()).zip(q.chunks(stride)).zip(dq.chunks_mut(stride)) {
        for ((((g, q), gain), dq), dgain) in g.iter().zip(q).zip(gain).zip(dq).zip(dgain.iter_mut()) {
            *dq = g * gain * factor;
            *dgain += g * q * factor;
        }
    }
}

/// Returns the start and the length of each tile of `tokens`.
fn tiles(tokens: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..tokens).step_by(TILE).map(move |start| (start, TILE.min(tokens - start)))
}

/// Computes out ← softmax(q̃ kᵀ) v for head `index` of an image, and stores m + ln Σ of each token.
pub(crate) fn attend(
    heads: Heads,
    index: usize,
    qkv: &[f32],
    gain: &[f32],
    out: &mut [f32],
    kept: &mut [f32],
    tile: &mut Tile,
) {
    let head = heads.head;
    let factor = (head as f32).sqrt().recip();
    for queries in tiles(heads.tokens) {
        // The caller sees the same stop request and discards the result.
        if tile.stop.wanted() {
            return;
        }
        let (first, count) = queries;
        let (tilde, result) = (&mut tile.q[..count * head], &mut tile.out[..count * head]);
        let row = &mut tile.row[..count];
        scaled(&qkv[heads.at(0, index, first)..], heads.stride(), gain, factor, tilde);
        row.fill([f32::NEG_INFINITY, 0.0, 0.0]);
        for (keys, seen) in heads.seen(queries) {
            let p = &mut tile.p[..count * keys.1];
            product(rows_mut(p, keys.1), rows(tilde, head), heads.part(qkv, 1, index, keys).transpose());
            soften(p, keys.1, seen, row);
            let values = heads.part(qkv, 2, index, keys);
            if keys.0 == 0 {
                product(rows_mut(result, head), rows(p, keys.1), values);
            } else {
                times(result, head, row, |row| row[2]);
                add_product(rows_mut(result, head), rows(p, keys.1), values);
            }
        }
        times(result, head, row, |row| 1.0 / row[1]);
        for (token, result) in (first..).zip(result.chunks_exact(head)) {
            out[token * heads.width + index * head..][..head].copy_from_slice(result);
        }
        totals(row, &mut kept[first..]);
    }
}

/// Computes the backward pass of [`attend`] from `g`, the gradient of the result.
///
/// `dqkv` is overwritten for this head; `dgain` is added to.
#[allow(clippy::too_many_arguments, reason = "a pass has what it reads and what it writes")]
pub(crate) fn back(
    heads: Heads,
    index: usize,
    qkv: &[f32],
    gain: &[f32],
    out: &[f32],
    kept: &[f32],
    g: &[f32],
    dqkv: &mut [f32],
    dgain: &mut [f32],
    tile: &mut Tile,
) {
    let (head, stride) = (heads.head, heads.stride());
    let factor = (head as f32).sqrt().recip();
    for queries in tiles(heads.tokens) {
        // The caller sees the same stop request and discards the result.
        if tile.stop.wanted() {
            return;
        }
        let (first, count) = queries;
        let (tilde, dq) = (&mut tile.q[..count * head], &mut tile.dq[..count * head]);
        let row = &mut tile.row[..count];
        scaled(&qkv[heads.at(0, index, first)..], stride, gain, factor, tilde);
        for (token, row) in (first..).zip(row.iter_mut()) {
            let place = token * heads.width + index * head;
            let (g, out) = (&g[place..][..head], &out[place..][..head]);
            row[0] = sum(head, |i| g[i] * out[i]);
        }
        let g = heads.result(g, index, queries);
        for (keys, seen) in heads.seen(queries) {
            let (p, dp) = (&mut tile.p[..count * keys.1], &mut tile.dp[..count * keys.1]);
            let k = heads.part(qkv, 1, index, keys);
            product(rows_mut(p, keys.1), rows(tilde, head), k.transpose());
            product(rows_mut(dp, keys.1), g, heads.part(qkv, 2, index, keys).transpose());
            slope(p, dp, keys.1, seen, &kept[first..], row);
            let (p, dp) = (rows(p, keys.1), rows(dp, keys.1));
            // The first tile of queries that sees these keys, or of keys, overwrites; later tiles
            // add.
            let add = |add: bool| if add { add_product } else { product };
            let later = first > if heads.causal { keys.0 } else { 0 };
            add(later)(heads.part_mut(dqkv, 2, index, keys), p.transpose(), g);
            add(later)(heads.part_mut(dqkv, 1, index, keys), dp.transpose(), rows(tilde, head));
            add(keys.0 > 0)(rows_mut(dq, head), dp, k);
        }
        let place = heads.at(0, index, first);
        scaled_back(dq, &qkv[place..], stride, gain, factor, &mut dqkv[place..], dgain);
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{self, normals};
    use super::*;

    /// The formula in double precision, pair by pair.
    fn plain(heads: Heads, qkv: &[f32], gain: &[f32]) -> Vec<f64> {
        let Heads { tokens, width, head, causal } = heads;
        let mut out = vec![0.0; tokens * width];
        let get = |part: usize, index: usize, token: usize, i: usize| f64::from(qkv[heads.at(part, index, token) + i]);
        for index in 0..width / head {
            for query in 0..tokens {
                let s = |key: usize| -> f64 {
                    (0..head).map(|i| get(0, index, query, i) * f64::from(gain[i]) * get(1, index, key, i)).sum::<f64>()
                        / (head as f64).sqrt()
                };
                let seen = if causal { query + 1 } else { tokens };
                let p: Vec<f64> = (0..seen).map(|key| s(key).exp()).collect();
                let total: f64 = p.iter().sum();
                for i in 0..head {
                    let sum: f64 = (0..seen).map(|key| p[key] * get(2, index, key, i)).sum();
                    out[query * width + index * head + i] = sum / total;
                }
            }
        }
        out
    }

    fn fused(heads: Heads, qkv: &[f32], gain: &[f32]) -> (Vec<f32>, Vec<Vec<f32>>) {
        let mut tile = Tile::new(heads.head);
        let mut out = vec![0.0; heads.tokens * heads.width];
        let kept = (0..heads.width / heads.head)
            .map(|index| {
                let mut kept = vec![0.0; heads.tokens];
                attend(heads, index, qkv, gain, &mut out, &mut kept, &mut tile);
                kept
            })
            .collect();
        (out, kept)
    }

    /// Covers one whole tile, less than one, and several with a partial tile at the end.
    #[test]
    fn attention_is_its_formula_and_has_its_gradients() {
        for (tokens, causal) in [(5, false), (64, false), (150, false), (5, true), (64, true), (150, true)] {
            let heads = Heads { tokens, width: 24, head: 8, causal };
            let qkv = normals(tokens * 72, 0);
            let (gain, g) = (normals(8, 1), normals(tokens * 24, 2));
            let (out, kept) = fused(heads, &qkv, &gain);
            for (own, want) in out.iter().zip(plain(heads, &qkv, &gain)) {
                // A sum of a hundred terms of size one, in which the rounding of the exponents
                // dominates.
                assert!((f64::from(*own) - want).abs() < 2e-6, "{tokens} {causal}: {own} {want}");
            }
            let mut tile = Tile::new(8);
            let (mut dqkv, mut dgain) = (vec![f32::NAN; tokens * 72], vec![0.0; 8]);
            for (index, kept) in kept.iter().enumerate() {
                back(heads, index, &qkv, &gain, &out, kept, &g, &mut dqkv, &mut dgain, &mut tile);
            }
            let value = |qkv: &[f32], gain: &[f32]| -> f64 {
                plain(heads, qkv, gain).iter().zip(&g).map(|(out, g)| out * f64::from(*g)).sum()
            };
            check::gradient("qkv", &qkv, &dqkv, 1e-3, |qkv| value(qkv, &gain));
            check::gradient("gain", &gain, &dgain, 1e-3, |gain| value(&qkv, gain));
        }
    }

    #[test]
    fn large_scores_do_not_overflow() {
        for causal in [false, true] {
            let heads = Heads { tokens: 70, width: 4, head: 4, causal };
            let qkv: Vec<f32> = normals(70 * 12, 0).iter().map(|x| 30.0 * x).collect();
            let (out, kept) = fused(heads, &qkv, &[50.0; 4]);
            assert!(out.iter().chain(&kept[0]).all(|x| x.is_finite()));
        }
    }

    /// Checks every bit: a masked key has no influence, not even one below rounding.
    #[test]
    fn a_causal_query_sees_no_later_token() {
        let heads = Heads { tokens: 150, width: 8, head: 8, causal: true };
        let qkv = normals(150 * 24, 0);
        let (gain, before) = (normals(8, 1), |out: &[f32], token: usize| out[..token * 8].to_vec());
        let (out, _) = fused(heads, &qkv, &gain);
        for token in [1, 63, 64, 100, 149] {
            let mut other = qkv.clone();
            other[token * 24..].iter_mut().for_each(|x| *x = 1e3 - 2.0 * *x);
            let (moved, _) = fused(heads, &other, &gain);
            assert_eq!(before(&out, token), before(&moved, token), "{token}");
            assert_ne!(out[token * 8..(token + 1) * 8], moved[token * 8..(token + 1) * 8], "{token}");
        }
    }
}
