//! Philox4x32-10: `words = P(counter, key)`, a keyed bijection of 128 bits.

/// The number of blocks generated side by side.
///
/// They fill two 512-bit registers of `u32`, and are few enough that a call for a handful of
/// elements wastes little.
pub(super) const TILE: usize = 32;

/// The four words of [`TILE`] blocks, word by word.
pub(super) type Words = [[u32; TILE]; 4];

/// The mask of the low 32 bits.
pub(super) const LOW: u64 = 0xffff_ffff;

const MULTIPLIER_0: u64 = 0xD251_1F53;
const MULTIPLIER_1: u64 = 0xCD9E_8D57;
const WEYL_0: u64 = 0x9E37_79B9;
const WEYL_1: u64 = 0xBB67_AE85;

/// Returns the four words of Philox4x32-10 for a 128-bit counter and a 64-bit key.
///
/// All random numbers of this crate come from this function, which has no state.
///
/// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
///
/// # Examples
///
/// ```
/// use langevin::noise::philox4x32_10;
///
/// let words = philox4x32_10([0; 4], [0; 2]);
/// assert_eq!(words, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
/// ```
#[must_use]
pub fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    rounds(counter.map(u64::from), key.map(u64::from))
}

/// Computes the rounds, with each word in the low half of a `u64`.
///
/// The high halves hold leftovers. They are masked only before a multiplication, where they would
/// matter. `(c & LOW) * M` is one widening multiply in every vector instruction set, which a `u32`
/// formulation is not.
#[inline(always)]
pub(super) fn rounds(counter: [u64; 4], key: [u64; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        let p0 = (c0 & LOW) * MULTIPLIER_0;
        let p1 = (c2 & LOW) * MULTIPLIER_1;
        (c0, c1, c2, c3) = ((p1 >> 32) ^ c1 ^ k0, p1, (p0 >> 32) ^ c3 ^ k1, p0);
        k0 = k0.wrapping_add(WEYL_0);
        k1 = k1.wrapping_add(WEYL_1);
    }
    [c0 as u32, c1 as u32, c2 as u32, c3 as u32]
}
