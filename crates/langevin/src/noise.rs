//! Counter-based noise: `z = g(seed, index, draw, element)`, a function of these four numbers
//! alone.
//!
//! A normal has an address and no history. `seed` and `index` select the sample, `draw` one of the
//! sample's random vectors, and `element` an entry of that vector. The same address gives the same
//! bits on every CPU and on wasm, at every vector width, in every batch size and in every order of
//! evaluation.
//!
//! ```text
//! words   = philox4x32_10(counter = [element / 4, draw, index low, index high],
//!                         key     = [seed low, seed high])
//! r       = √(−2 ln u),  u = (f32(words[0]) + ½) · 2⁻³²      f32, u in (0, 1]
//! z0, z1  = r cos θ, r sin θ,  θ = 2π · words[1] · 2⁻³²
//! z2, z3  = the same from words[2], words[3]
//! ```
//!
//! Element `e` is `z(e % 4)` of block `e / 4`. The logarithm, sine and cosine are polynomials of
//! this crate, evaluated in `f32` in a fixed order, without fused multiply-add and without
//! rejection.
//!
//! Over all 2³² words the radius is within 1.3e-7 of the exact one relatively, and sine and cosine
//! are within 1.1e-7. The largest normal has `|z| = √(66 ln 2) ≈ 6.764`, which a true normal
//! exceeds once in 7·10¹⁰.
//!
//! The polynomials are part of the interface: **changing a coefficient changes every sample**, and
//! with it every golden file made from one.
//!
//! | item | purpose |
//! |---|---|
//! | [`SampleId`] | the address of one sample |
//! | [`fill_normals`], [`fill_normals_from`] | standard normals of a batch, and of part of a row |
//! | [`fill_uniforms`] | uniforms in (0, 1) |
//! | [`draws`] | the registry of draw numbers in use |
//! | [`philox4x32_10`] | the generator itself |

use pulp::{Arch, Simd, WithSimd};

pub mod draws;
mod normal;
mod philox;
#[cfg(test)]
mod tests;

use normal::pair;
pub use philox::philox4x32_10;
use philox::{LOW, TILE, Words, rounds};

/// The identity of one sample of a batch, and the address of its noise.
///
/// Every `(seed, index)` has its own stream, so a sample is the same alone and in any batch.
///
/// # Examples
///
/// ```
/// use langevin::noise::{SampleId, fill_normals};
///
/// let rows = [SampleId { seed: 7, index: 0 }, SampleId { seed: 7, index: 1 }];
/// let (mut both, mut second) = ([0.0; 6], [0.0; 3]);
/// fill_normals(&rows, 0, 3, &mut both);
/// fill_normals(&rows[1..], 0, 3, &mut second);
/// assert_eq!(both[3..], second);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct SampleId {
    /// The seed, chosen once per run.
    pub seed: u64,
    /// The number of the sample within the run.
    pub index: u64,
}

/// The number of elements in a block.
const BLOCK: usize = 4;

/// The number of elements in a tile.
const SPAN: usize = BLOCK * TILE;

/// The width from which rows are generated one by one, with part of the last tile discarded. Blocks
/// of narrower rows share tiles.
const WIDE: usize = 4 * SPAN;

/// Fills `out` with the normals of one draw: `out[i·width + e] = z(rows[i], draw, e)`.
///
/// `out` holds `rows.len() × width` elements, row after row. The function writes
/// `min(rows.len(), out.len() / width)` rows and leaves the rest of `out` unchanged; with `width` 0
/// it writes nothing. A row has at most 2³⁴ distinct elements.
///
/// # Examples
///
/// ```
/// use langevin::noise::{SampleId, fill_normals};
///
/// let rows: Vec<SampleId> = (0..1000).map(|index| SampleId { seed: 1, index }).collect();
/// let mut z = vec![0.0; 1000 * 2];
/// fill_normals(&rows, 0, 2, &mut z);
/// let variance = z.iter().map(|z| z * z).sum::<f32>() / 2000.0;
/// assert!((variance - 1.0).abs() < 0.1);
/// ```
pub fn fill_normals(rows: &[SampleId], draw: u32, width: usize, out: &mut [f32]) {
    let Some(count) = out.len().checked_div(width) else {
        return;
    };
    let count = count.min(rows.len());
    let (rows, out) = (&rows[..count], &mut out[..count * width]);
    if width >= WIDE {
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(width)) {
            fill_normals_at(*row, draw, 0, out);
        }
    } else if width <= 2 {
        Arch::new().dispatch(Points { rows, draw, width, out });
    } else {
        Arch::new().dispatch(Batch { rows, draw, width, out });
    }
}

/// Fills `out` with elements `first..first + out.len()` of one row:
/// `out[i] = z(row, draw, first + i)`.
///
/// `first` can be any element; multiples of 4 are fastest.
///
/// # Examples
///
/// ```
/// use langevin::noise::{SampleId, fill_normals, fill_normals_from};
///
/// let row = SampleId { seed: 3, index: 14 };
/// let (mut whole, mut part) = ([0.0; 100], [0.0; 10]);
/// fill_normals(&[row], 0, 100, &mut whole);
/// fill_normals_from(row, 0, 59, &mut part);
/// assert_eq!(whole[59..69], part);
/// ```
pub fn fill_normals_from(row: SampleId, draw: u32, first: u32, out: &mut [f32]) {
    fill_normals_at(row, draw, u64::from(first), out);
}

/// Fills `out` like [`fill_normals_from`], also from elements beyond 2³².
pub(crate) fn fill_normals_at(row: SampleId, draw: u32, first: u64, out: &mut [f32]) {
    Arch::new().dispatch(RowNormals { row, draw, first, out });
}

/// Fills `out` with uniforms in (0, 1): odd multiples of 2⁻⁵³, so never 0 and never 1.
///
/// `out[e] = (b + ½) · 2⁻⁵²`, where `b` is the top 52 bits of the 64-bit number whose low and high
/// words are words `2(e % 2)` and `2(e % 2) + 1` of block `e / 2`. Uniforms and normals use the
/// same blocks. Use different draws for them, because one draw used for both gives dependent
/// numbers.
///
/// # Examples
///
/// ```
/// use langevin::noise::{SampleId, fill_uniforms};
///
/// let mut u = [0.0; 1000];
/// fill_uniforms(SampleId { seed: 1, index: 0 }, 0, &mut u);
/// assert!(u.iter().all(|&u| 0.0 < u && u < 1.0));
/// let mean = u.iter().sum::<f64>() / 1000.0;
/// assert!((mean - 0.5).abs() < 0.05);
/// ```
pub fn fill_uniforms(row: SampleId, draw: u32, out: &mut [f64]) {
    Arch::new().dispatch(Uniforms { row, draw, out });
}

/// Computes the words of blocks `block..block + TILE` of one row.
// Indexing all four arrays in step is the form that the compiler vectorises.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn words_of_row(row: SampleId, draw: u32, block: u32, words: &mut Words) {
    let key = [row.seed & LOW, row.seed >> 32];
    let (index_low, index_high) = (row.index & LOW, row.index >> 32);
    for i in 0..TILE {
        let block = u64::from(block) + i as u64;
        let word = rounds([block, u64::from(draw), index_low, index_high], key);
        words[0][i] = word[0];
        words[1][i] = word[1];
        words[2][i] = word[2];
        words[3][i] = word[3];
    }
}

/// Computes the words of block `blocks[i]` of row `rows[i]`, for every `i`.
#[inline(always)]
fn words_of_blocks(rows: &[SampleId; TILE], blocks: &[u32; TILE], draw: u32, words: &mut Words) {
    for i in 0..TILE {
        let SampleId { seed, index } = rows[i];
        let counter = [u64::from(blocks[i]), u64::from(draw), index & LOW, index >> 32];
        let word = rounds(counter, [seed & LOW, seed >> 32]);
        words[0][i] = word[0];
        words[1][i] = word[1];
        words[2][i] = word[2];
        words[3][i] = word[3];
    }
}

/// Converts a tile of words to normals, block by block.
#[inline(always)]
fn normals(words: &Words, out: &mut [f32; SPAN]) {
    for i in 0..TILE {
        let (z0, z1) = pair(words[0][i], words[1][i]);
        let (z2, z3) = pair(words[2][i], words[3][i]);
        out[4 * i] = z0;
        out[4 * i + 1] = z1;
        out[4 * i + 2] = z2;
        out[4 * i + 3] = z3;
    }
}

/// A contiguous range of elements of one row.
struct RowNormals<'a> {
    row: SampleId,
    draw: u32,
    first: u64,
    out: &'a mut [f32],
}

impl WithSimd for RowNormals<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { row, draw, first, mut out } = self;
        let mut words = [[0; TILE]; 4];
        let mut block = (first / BLOCK as u64) as u32;
        let skip = (first % BLOCK as u64) as usize;
        // Only the two ends of the range can fail to fill a tile; they go through a copy.
        if skip > 0 {
            let mut piece = [0.0; SPAN];
            words_of_row(row, draw, block, &mut words);
            normals(&words, &mut piece);
            let (head, rest) = out.split_at_mut(out.len().min(SPAN - skip));
            head.copy_from_slice(&piece[skip..skip + head.len()]);
            out = rest;
            block = block.wrapping_add(TILE as u32);
        }
        let (tiles, tail) = out.as_chunks_mut::<SPAN>();
        for tile in tiles {
            words_of_row(row, draw, block, &mut words);
            normals(&words, tile);
            block = block.wrapping_add(TILE as u32);
        }
        if !tail.is_empty() {
            let mut piece = [0.0; SPAN];
            words_of_row(row, draw, block, &mut words);
            normals(&words, &mut piece);
            tail.copy_from_slice(&piece[..tail.len()]);
        }
    }
}

/// Rows of one or two elements, each of which needs one block and half of its words.
struct Points<'a> {
    rows: &'a [SampleId],
    draw: u32,
    width: usize,
    out: &'a mut [f32],
}

impl WithSimd for Points<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { rows, draw, width, out } = self;
        let mut words = [[0; TILE]; 4];
        let mut piece = [0.0; 2 * TILE];
        let pieces = out.chunks_mut(width * TILE);
        for (rows, out) in rows.chunks(TILE).zip(pieces) {
            if let Ok(rows) = rows.try_into() {
                words_of_blocks(rows, &[0; TILE], draw, &mut words);
            } else {
                let mut padded = [SampleId::default(); TILE];
                padded[..rows.len()].copy_from_slice(rows);
                words_of_blocks(&padded, &[0; TILE], draw, &mut words);
            }
            for i in 0..TILE {
                (piece[2 * i], piece[2 * i + 1]) = pair(words[0][i], words[1][i]);
            }
            if width == 2 {
                out.copy_from_slice(&piece[..out.len()]);
            } else {
                for (out, z) in out.iter_mut().zip(piece.iter().step_by(2)) {
                    *out = *z;
                }
            }
        }
    }
}

/// Narrow rows, whose blocks share tiles.
struct Batch<'a> {
    rows: &'a [SampleId],
    draw: u32,
    width: usize,
    out: &'a mut [f32],
}

impl WithSimd for Batch<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { rows, draw, width, mut out } = self;
        let mut words = [[0; TILE]; 4];
        let mut piece = [0.0; SPAN];
        let mut tile_rows = [SampleId::default(); TILE];
        let mut tile_blocks = [0; TILE];
        let blocks = width.div_ceil(BLOCK);
        let last = width - (blocks - 1) * BLOCK;
        // The next block to generate. Blocks are stored in the same order, one tile later.
        let (mut row, mut block) = (0, 0);
        let mut stored = 0;
        while row < rows.len() {
            let mut lanes = 0;
            while lanes < TILE && row < rows.len() {
                let run = (blocks - block).min(TILE - lanes);
                for lane in 0..run {
                    tile_rows[lanes + lane] = rows[row];
                    tile_blocks[lanes + lane] = (block + lane) as u32;
                }
                lanes += run;
                block += run;
                if block == blocks {
                    (row, block) = (row + 1, 0);
                }
            }
            words_of_blocks(&tile_rows, &tile_blocks, draw, &mut words);
            normals(&words, &mut piece);
            if last == BLOCK {
                let (now, rest) = out.split_at_mut(out.len().min(BLOCK * lanes));
                now.copy_from_slice(&piece[..now.len()]);
                out = rest;
                continue;
            }
            for z in piece.as_chunks::<BLOCK>().0.iter().take(lanes) {
                stored += 1;
                let ends = stored == blocks;
                let (now, rest) = out.split_at_mut(if ends { last } else { BLOCK });
                if ends {
                    for (out, z) in now.iter_mut().zip(z) {
                        *out = *z;
                    }
                    stored = 0;
                } else {
                    now.copy_from_slice(z);
                }
                out = rest;
            }
        }
    }
}

/// The uniforms of one row.
struct Uniforms<'a> {
    row: SampleId,
    draw: u32,
    out: &'a mut [f64],
}

impl WithSimd for Uniforms<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { row, draw, out } = self;
        let mut words = [[0; TILE]; 4];
        let mut piece = [0.0; 2 * TILE];
        for (tile, out) in out.chunks_mut(2 * TILE).enumerate() {
            words_of_row(row, draw, (tile * TILE) as u32, &mut words);
            for i in 0..TILE {
                piece[2 * i] = uniform(words[0][i], words[1][i]);
                piece[2 * i + 1] = uniform(words[2][i], words[3][i]);
            }
            out.copy_from_slice(&piece[..out.len()]);
        }
    }
}

/// Converts two words to a uniform in (0, 1).
///
/// It uses 52 bits and adds a half. With 53 bits the addition would round, and the largest value
/// would round to 1.
#[inline(always)]
fn uniform(low: u32, high: u32) -> f64 {
    let bits = (u64::from(high) << 20) | u64::from(low >> 12);
    (bits as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
}
